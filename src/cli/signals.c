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
static atomic_bool reload;
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
    if (number == SIGHUP)
        atomic_store(&reload, true);
    else if (atomic_fetch_add(&stop_signals, 1) > 0)
        _exit(1);
    wake();
    errno = saved;
}

int weir_signals_install(struct weir_diag *diag)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP};
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return weir_diag_set(diag, WEIR_E_IO, "eventfd: %s", strerror(errno));
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        /* nohup's SIGHUP stays ignored. A script's jobs have SIGINT ignored, but not on purpose. */
        struct sigaction before;
        sigaction(handled[i], NULL, &before);
        if (handled[i] != SIGHUP || before.sa_handler != SIG_IGN)
            sigaction(handled[i], &action, NULL);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
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

bool weir_reload_requested(void)
{
    if (!atomic_load_explicit(&reload, memory_order_relaxed) || !atomic_exchange(&reload, false))
        return false;
    uint64_t count;
    /* A stop keeps it readable. */
    if (!weir_stop_requested()) {
        ssize_t got = read(wake_fd, &count, sizeof(count));
        (void)got;
    }
    return true;
}

int weir_signals_fd(void)
{
    return wake_fd;
}
