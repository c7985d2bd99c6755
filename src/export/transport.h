/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Exporting Process needs of a transport (RFC 7011 section 10), as a table of operations
 * that net/ fills: UDP, a file, and later TCP, SCTP, TLS, DTLS.
 *
 * Ownership: the transport is opened and closed by who made it, never by the exporter. Threads: an
 * exporter calls it from its own thread only.
 */
#ifndef WEIR_EXPORT_TRANSPORT_H
#define WEIR_EXPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One whole message, as it goes on the wire. */
struct weir_message_octets {
    const uint8_t *octets;
    size_t length;
};

struct weir_transport {
    /*
     * Sends `count` messages, each whole and in order. Blocks while the system's buffer is full.
     * 0; on failure an error with diag, and *ret_sent messages had been sent. 0 with *ret_sent less
     * than count: the transport dropped the message after those, and can send the next.
     */
    int (*send)(void *context, const struct weir_message_octets *messages, size_t count,
                size_t *ret_sent, struct weir_diag *diag);
    void *context;
    size_t message_max; /* most octets a message may have: the path's MTU less headers */
    bool reliable;      /* templates are sent once (RFC 7011 8.1), not refreshed (8.4) */
};

#endif
