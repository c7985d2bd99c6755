/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int stop_signals;
static int wake_fd = -1;

static void wake(void)
{
    const uint64_t one = 1;
    ssize_t written = write(wake_fd, &one, sizeof(one));
    (void)written; /* full: it is readable, which is all that is wanted */
}

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    if (atomic_fetch_add(&stop_signals, 1) > 0)
        _exit(1);
    wake();
    errno = saved;
}

int weir_signals_install(struct weir_diag *diag)
{
    static const int handled[] = {SIGINT, SIGTERM};
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return weir_diag_set(diag, WEIR_E_IO, "eventfd: %s", strerror(errno));
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    /* Also where they are ignored: a script's jobs have SIGINT so, but not on purpose. */
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        sigaction(handled[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    return 0;
}

bool weir_stop_requested(void)
{
    return atomic_load_explicit(&stop_signals, memory_order_relaxed) > 0;
}

bool weir_stop_requested_by(void *context)
{
    (void)context;
    return weir_stop_requested();
}

int weir_signals_fd(void)
{
    return wake_fd;
}
