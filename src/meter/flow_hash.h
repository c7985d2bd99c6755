/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Flow Keys to places in the cache: a keyed hash (base/hash.h) of the endpoints that is the
 * same for both directions of a connection, so both are found in one set; only the tags differ.
 */
#ifndef WEIR_METER_FLOW_HASH_H
#define WEIR_METER_FLOW_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "record/packet.h"

/* A packet on its way through the stages of the cache. */
struct weir_flow_place {
    struct weir_flow_key key; /* masked, the family in the highest bit of observation_point */
    uint32_t set;
    uint8_t tag;         /* 1 to 255 */
    uint8_t reverse_tag; /* of flows in the other direction */
    uint8_t spread;      /* further bits of the hash */
};

#define WEIR_FLOW_KEY_V6 0x8000u

/* How keys become places; constant once the cache is made. */
struct weir_flow_hasher {
    struct weir_hash_key hash_key;
    struct weir_flow_key mask;
    uint64_t tail_mask; /* of ToS and observation point: ones where they take part in the hash */
    uint32_t set_count;
};

/* Fills `count` places from packets. */
typedef void weir_flow_hash(const struct weir_flow_hasher *hasher,
                            const struct weir_packet *packets, struct weir_flow_place *places,
                            size_t count);

/* The fastest that this processor has; all give the same places. */
weir_flow_hash *weir_flow_hash_choose(void);

weir_flow_hash weir_flow_hash_portable;

#endif
