/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams out of IP fragments, with bounds on number, octets and time. Private to packet/.
 *
 * Pieces are noted in units of eight octets, which is what fragment offsets count. A piece that
 * covers what is there already has to be the same again, or the datagram is dropped (RFC 5722).
 */
#ifndef WEIR_PACKET_REASSEMBLE_H
#define WEIR_PACKET_REASSEMBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/datagram_source.h"
#include "packet/fragment.h"

struct weir_piece {
    struct weir_fragment_key key;
    const uint8_t *octets;
    uint32_t length;  /* a multiple of 8 unless it is the last */
    uint32_t offset;  /* of the datagram's payload; a multiple of 8 */
    uint32_t skipped; /* octets of extension headers that stand before the transport header */
    int64_t time_ns;
    bool more;
};

struct weir_reassembly;

WEIR_CHECKED int weir_reassembly_new(struct weir_reassembly **ret_reassembly);
void weir_reassembly_free(struct weir_reassembly *reassembly);

/*
 * Adds a piece. Where it completes a datagram, true, with its transport octets in
 * *ret_octets and *ret_length, valid until the next call.
 */
bool weir_reassembly_add(struct weir_reassembly *reassembly, const struct weir_piece *piece,
                         struct weir_datagram_counters *counters, const uint8_t **ret_octets,
                         uint32_t *ret_length);

/* Counts what is still waiting as incomplete: the capture has ended. */
void weir_reassembly_end(struct weir_reassembly *reassembly,
                         struct weir_datagram_counters *counters);

#endif
