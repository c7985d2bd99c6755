/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Flow Keys to places in the cache: a keyed hash (base/hash.h) of the endpoints that is the
 * same for both directions of a connection, so both are found in one set; only the tags differ.
 * Of biflows the key is the same too: the endpoint with the smaller hash is the first.
 */
#ifndef WEIR_METER_FLOW_HASH_H
#define WEIR_METER_FLOW_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "meter/definition.h"
#include "meter/key.h"
#include "meter/rows.h"

/* A packet on its way through the stages of the cache. */
struct weir_flow_place {
    struct weir_flow_key key; /* masked, the family in the highest bit of observation_point */
    uint32_t bucket;
    uint32_t set;        /* the cache's to find */
    uint8_t tag;         /* 1 to 255 */
    uint8_t reverse_tag; /* of flows in the other direction */
    uint8_t spread;      /* further bits of the hash */
    uint8_t bits;        /* and some more, that choose among the bucket's sets */
    bool swapped;        /* of biflows: the packet's source is the second endpoint of the key */
};

/* How keys become places; constant once the cache is made. */
struct weir_flow_hasher {
    struct weir_hash_key hash_key;
    struct weir_flow_key mask[WEIR_FAMILY_COUNT];
    struct weir_flow_more_key hashed_more; /* ones where such keys take part in the hash */
    uint64_t tail_mask; /* of ToS and observation point: ones where they take part in the hash */
    uint32_t bucket_count;
};

/*
 * Fills `count` places from packets and their further keys; more NULL: there are none. Of biflows
 * these are as the packet has them, and to be exchanged where its place is swapped.
 */
typedef void weir_flow_hash(const struct weir_flow_hasher *hasher,
                            const struct weir_packet *packets,
                            const struct weir_flow_more_key *more, struct weir_flow_place *places,
                            size_t count);

/* The fastest that this processor has; all give the same places. */
weir_flow_hash *weir_flow_hash_choose(bool is_biflow);

weir_flow_hash weir_flow_hash_portable, weir_flow_hash_portable_biflow;

#endif
