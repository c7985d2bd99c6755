/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include "support/cmocka.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static bool readable(void)
{
    struct pollfd fd = {.fd = weir_signals_fd(), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

/* Each case is a process of its own: the flags stay set. */
static int status_of(int (*body)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int first_signal_stops(void)
{
    if (weir_signals_install(NULL) < 0 || weir_stop_requested() || readable())
        return 10;
    raise(SIGTERM);
    if (!weir_stop_requested() || !weir_stop_requested_by(NULL) || !readable())
        return 11;
    return readable() ? 0 : 12; /* and stays readable */
}

static int second_signal_ends(void)
{
    if (weir_signals_install(NULL) < 0)
        return 10;
    raise(SIGINT);
    raise(SIGTERM);
    return 11;
}

/* Nor does it wake who waits, for whom there would be nothing to do. */
static int hangup_is_ignored(void)
{
    signal(SIGHUP, SIG_DFL);
    if (weir_signals_install(NULL) < 0)
        return 10;
    raise(SIGHUP);
    return weir_stop_requested() || readable() ? 11 : 0;
}

static int interrupt_that_was_ignored_stops(void)
{
    signal(SIGINT, SIG_IGN);
    if (weir_signals_install(NULL) < 0)
        return 10;
    raise(SIGINT);
    return weir_stop_requested() ? 0 : 11;
}

static int a_signal_ends_a_wait(void)
{
    struct pollfd fd = {.fd = -1};
    if (weir_signals_install(NULL) < 0)
        return 10;
    fd = (struct pollfd){.fd = weir_signals_fd(), .events = POLLIN};
    if (fork() == 0) {
        kill(getppid(), SIGINT);
        _exit(0);
    }
    /* The signal comes before the wait, and then it is readable, or during it. */
    int ready = poll(&fd, 1, 60000);
    return (ready == 1 || (ready < 0 && errno == EINTR)) && weir_stop_requested() ? 0 : 11;
}

static int a_closed_pipe_is_an_error(void)
{
    int ends[2];
    if (weir_signals_install(NULL) < 0 || pipe(ends) < 0)
        return 10;
    close(ends[0]);
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 0 : 11;
}

static void signals(void **state)
{
    (void)state;
    assert_int_equal(status_of(first_signal_stops), 0);
    assert_int_equal(status_of(second_signal_ends), 1);
    assert_int_equal(status_of(hangup_is_ignored), 0);
    assert_int_equal(status_of(interrupt_that_was_ignored_stops), 0);
    assert_int_equal(status_of(a_signal_ends_a_wait), 0);
    assert_int_equal(status_of(a_closed_pipe_is_an_error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
