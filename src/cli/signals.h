/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM as a flag that loops ask for; a second one ends the process at once. SIGHUP,
 * which asks to reload, is ignored: of what the command line says nothing can be. So is SIGPIPE:
 * writing to who has gone is an error of the write.
 *
 *     while (!weir_stop_requested()) {
 *         struct pollfd fds[] = {{.fd = weir_signals_fd(), .events = POLLIN}, ...};
 *         poll(fds, count, timeout_ms);                 // the signal wakes it
 *     }
 *
 * Interrupted system calls are not restarted. Threads: the flag may be asked from any.
 */
#ifndef WEIR_CLI_SIGNALS_H
#define WEIR_CLI_SIGNALS_H

#include <stdbool.h>

#include "base/error.h"

/* To be called once, at the start. 0, or WEIR_E_IO. */
WEIR_CHECKED int weir_signals_install(struct weir_diag *diag);

/* Whether SIGINT or SIGTERM has come. */
bool weir_stop_requested(void);

/* The same for library code, which is given a function and a context. */
bool weir_stop_requested_by(void *context);

/* Readable from the first SIGINT or SIGTERM on. */
int weir_signals_fd(void);

#endif
