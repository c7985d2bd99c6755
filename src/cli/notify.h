/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells a service manager how far a service is, as sd_notify(3) does: systemd waits for it where a
 * unit has Type=notify.
 *
 *     weir_notify("READY=1");
 *
 * Where nobody wants to know, which the environment variable NOTIFY_SOCKET says, it does nothing; a
 * message that cannot be sent is not an error of ours. Threads: any, while nobody changes the
 * environment.
 */
#ifndef WEIR_CLI_NOTIFY_H
#define WEIR_CLI_NOTIFY_H

void weir_notify(const char *state);

#endif
