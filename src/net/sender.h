/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens whatever a destination URL names as a transport of the Exporting Process: UDP, an IPFIX
 * file, a capture file of datagrams. One row of a table each (sender.c).
 *
 *     struct weir_sender sender;
 *     if (weir_sender_open(&url, &sender, &diag) == 0) {
 *         weir_exporter_new(&config, &sender.transport, &exporter, &diag);
 *         ...
 *         result = weir_sender_close(&sender, &diag);
 *     }
 *
 * Ownership: what was opened is closed or aborted, once. Threads: one.
 */
#ifndef WEIR_NET_SENDER_H
#define WEIR_NET_SENDER_H

#include "base/error.h"
#include "export/transport.h"
#include "net/udp.h"
#include "net/url.h"

struct weir_sender_kind;

struct weir_sender {
    struct weir_transport transport;
    const struct weir_sender_kind *kind;
    void *state;
};

/*
 * 0; WEIR_E_USAGE for a URL that names no transport (json:), an option `mtu` or `port` out of
 * range; or the transport's own errors. Other options of the URL are not looked at.
 */
WEIR_CHECKED int weir_sender_open(const struct weir_url *url, struct weir_sender *ret_sender,
                                  struct weir_diag *diag);

/* Completes what was written: a file gets its name. The sender is closed in any case. */
WEIR_CHECKED int weir_sender_close(struct weir_sender *sender, struct weir_diag *diag);

/* Gives up: an incomplete file is removed. A sender that is all zero, or closed, does nothing. */
void weir_sender_abort(struct weir_sender *sender);

/* What happened to datagrams on their way; all 0 for files. */
struct weir_udp_sender_counters weir_sender_counters(const struct weir_sender *sender);

#endif
