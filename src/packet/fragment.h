/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ports a datagram in fragments has: a fixed table of first fragments, so that later ones
 * join their flow (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * Sets of four entries, placed by a keyed hash, so that nobody can aim at one; the oldest of a
 * full set goes. Entries are void after the timeout of packet time. Private to packet/.
 */
#ifndef WEIR_PACKET_FRAGMENT_H
#define WEIR_PACKET_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/hash.h"

/* RFC 791 identifies by addresses, protocol and ID; RFC 8200 by addresses and ID. */
struct weir_fragment_key {
    struct weir_address src_addr, dst_addr;
    uint32_t id;
    uint16_t vlan;    /* the same addresses may live in two VLANs */
    uint8_t protocol; /* 0 for IPv6 */
    uint8_t zero[5];
    uint32_t tunnel_id; /* as they may in two tunnels */
};

/* What a first fragment tells the later ones. */
struct weir_fragment_value {
    uint16_t src_port, dst_port;
    uint8_t protocol;
};

struct weir_fragments;

/* 0 or WEIR_E_NOMEM. `entries` is rounded up to a power of two, at least 4. */
WEIR_CHECKED int weir_fragments_new(uint32_t entries, int64_t timeout_ns,
                                    const struct weir_hash_key *key,
                                    struct weir_fragments **ret_fragments);
void weir_fragments_free(struct weir_fragments *fragments);

/* Notes a first fragment. True where a live entry of another datagram had to go for it. */
bool weir_fragments_add(struct weir_fragments *fragments, const struct weir_fragment_key *key,
                        const struct weir_fragment_value *value, int64_t time_ns);

/* What the first fragment said, or NULL where it was not seen or too long ago. */
const struct weir_fragment_value *weir_fragments_find(const struct weir_fragments *fragments,
                                                      const struct weir_fragment_key *key,
                                                      int64_t time_ns);

#endif
