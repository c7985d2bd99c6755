/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Initial packets of a QUIC client, versions 1 and 2 and the drafts from 29 on (RFC 9000, 9001,
 * 9369). They are encrypted with keys that follow from an identifier in the first of them, so
 * whoever sees that can read the ClientHello in their CRYPTO frames.
 *
 *     struct weir_quic quic = {0};
 *     weir_assembly_init(&assembly);
 *     if (weir_quic_read(&quic, datagram, length, &assembly) == 0)
 *         weir_client_hello_parse(assembly.octets, weir_assembly_length(&assembly), ...);
 *
 * A hello may take several datagrams: the same two values are then given again. Keys are those of
 * the first; a packet that they do not open is tried with its own, since a server may have asked
 * for another identifier (Retry, RFC 9000 section 17.2.5).
 *
 * Open value without ownership. Threads: one owner. Limits: packets of WEIR_QUIC_PACKET_MAX octets.
 */
#ifndef WEIR_DISSECT_QUIC_H
#define WEIR_DISSECT_QUIC_H

#include <stdbool.h>

#include "dissect/assembly.h"

#define WEIR_QUIC_PACKET_MAX 4096u

struct weir_quic {
    uint32_t version; /* 0 before the first packet */
    uint8_t key[16];
    uint8_t iv[12];
    uint8_t header_key[16];
};

/* Whether a datagram begins as an Initial packet of a version that is known here. */
bool weir_quic_begins(const uint8_t *octets, size_t length);

/*
 * Adds the CRYPTO frames of a client's Initial packets in a datagram. 0; WEIR_E_NOT_FOUND where it
 * has none that could be opened: not a client's, cut, or damaged; WEIR_E_MALFORMED where what was
 * opened breaks a rule; WEIR_E_LIMIT of the assembly.
 */
WEIR_CHECKED int weir_quic_read(struct weir_quic *quic, const uint8_t *octets, size_t length,
                                struct weir_assembly *assembly);

#endif
