/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several flow caches, each with a share of the flows, that together make the records which a
 * single cache would, whatever their number.
 *
 *     weir_spread_init(&spread, caches[0], count);      // all alike, but for the share
 *     weir_spread_share_init(&shares[i], caches[i], (struct weir_share){i, n});
 *     weir_spread_sort(&spread, packets, n, details, scratch, &batch);   // any thread
 *     result = weir_spread_take(&shares[i], &batch, details, &diag);     // for each i
 *     result = weir_spread_finish(&shares[i], &diag);
 *
 * Who has read packets hashes them once and puts them in order by share; each share takes its own
 * out of each batch, batches in the order in which they were read. What time it is follows from the
 * packets of all: each share goes by the clock that a single cache would have, and tells its own
 * cache where that needs to know: where time starts, at ticks, at which all caches look for flows
 * that ended, where a packet is late by a time that its cache has not heard of, and where the clock
 * was set back. Where a batch is in the order of time, only a share's own packets are looked at.
 *
 * Open values; no ownership, but room in batches is the caller's. Threads: a spread is constant,
 * batches are once sorted, and a share belongs to one thread. Limits: WEIR_SPREAD_MAX shares, and
 * weir_cache_regions().
 */
#ifndef WEIR_METER_SPREAD_H
#define WEIR_METER_SPREAD_H

#include "meter/cache.h"
#include "meter/flow_hash.h"

#define WEIR_SPREAD_MAX 64u

struct weir_spread {
    weir_flow_hash *hash;
    struct weir_flow_hasher hasher;
    struct weir_flow_more_key more_mask;
    bool has_more;
    unsigned count;
    uint64_t region_inverse; /* of the buckets in a region */
    uint8_t share_of_region[WEIR_SPREAD_MAX];
};

/* Packets by whose they are, with room for as many as are sorted. */
struct weir_spread_batch {
    struct weir_packet *packets;
    struct weir_flow_place *places;
    uint8_t *shares; /* whose each is, in the order in which they came */
    uint32_t count;
    uint32_t begin[WEIR_SPREAD_MAX + 1]; /* of each share's packets, and the end */
    bool is_ordered;                     /* none is older than the one before it */
    int64_t first_ns, last_ns;           /* times of the first and the last that came */
};

struct weir_spread_share {
    struct weir_cache *cache;
    unsigned index, count;
    struct weir_meter_clock clock; /* by the packets of all */
    uint64_t told;                 /* the time that the cache knows; 0: none */
};

/* For caches like this. count: 2 to weir_cache_regions() of their entries. */
void weir_spread_init(struct weir_spread *spread, const struct weir_cache *cache, unsigned count);
void weir_spread_share_init(struct weir_spread_share *share, struct weir_cache *cache,
                            struct weir_share of);

/* Details as for weir_cache_add_details, or NULL; scratch has room for `count`. */
void weir_spread_sort(const struct weir_spread *spread, const struct weir_packet *packets,
                      size_t count, const struct weir_packet_detail *details,
                      struct weir_flow_place *scratch, struct weir_spread_batch *batch);

/* Meters what is the share's. Results of weir_cache_add. */
WEIR_CHECKED int weir_spread_take(struct weir_spread_share *share,
                                  const struct weir_spread_batch *batch,
                                  const struct weir_packet_detail *details, struct weir_diag *diag);

/* The latest time of all packets, as weir_cache_now. */
int64_t weir_spread_now(const struct weir_spread_share *share);

/* Ends the flows of the share, and begins anew. Results of weir_cache_finish. */
WEIR_CHECKED int weir_spread_finish(struct weir_spread_share *share, struct weir_diag *diag);

#endif
