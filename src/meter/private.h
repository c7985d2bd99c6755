/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the flow cache share. A slot is set * WEIR_GROUP_WAYS + way, and set is
 * row * bucket_count + bucket (sets.c says how sets become more and fewer). A flow lies in
 * three arrays by how often it is touched: two octets of the group for every look-up, one cache
 * line (struct weir_flow_hot) for every packet, half a line when the flow begins and ends. Biflows
 * have their reverse direction in the other half of that line; keys that few definitions have are
 * a fourth array, a line each, where there are any.
 */
#ifndef WEIR_METER_PRIVATE_H
#define WEIR_METER_PRIVATE_H

#include "meter/cache.h"
#include "meter/clock.h"
#include "meter/flow_hash.h"
#include "meter/group.h"
#include "meter/rows.h"

/* TCP flags, RFC 9293 section 3.1. */
#define WEIR_TCP_FIN 0x01u
#define WEIR_TCP_SYN 0x02u
#define WEIR_TCP_RST 0x04u

/* A part of the buckets that has room for so many flows of its own; it is never in two caches. */
struct weir_region {
    uint32_t active_count;
    uint32_t row_count;     /* rows in which its buckets have sets; perhaps some more */
    uint32_t sweep_set;     /* of its sets, row by row, where the sweep goes on */
    uint32_t shrink_bucket; /* where sets are united next */
};

/* Flows that are divided among some sets by further bits of their hashes. */
struct weir_bucket {
    uint32_t active_count;
    uint32_t split_at; /* flows with which one more needs a further set; UINT32_MAX: it has all */
    uint8_t set_count;
    uint8_t mask; /* 1, 3, 7 ...: at least set_count - 1 */
    uint8_t region;
};

/* An array over all rows. */
struct weir_span {
    uint8_t *first;
    size_t row_octets;
    void *reserved;
    size_t reserved_octets;
};
#define WEIR_CACHE_SPANS 5u

struct weir_cache {
    /* Constant once made. */
    weir_flow_hash *hash;
    struct weir_flow_hasher hasher;
    enum weir_cache_kind kind;
    bool has_connections;
    enum weir_biflow biflow;
    uint32_t first_bucket; /* buckets before those of its share */
    uint32_t bucket_count;
    uint64_t bucket_inverse;
    uint32_t row_count; /* sets that a bucket can have: a power of two */
    uint32_t entries;
    uint32_t region_count;
    uint32_t region_buckets;
    uint32_t region_entries;
    bool is_told_time; /* one of several shares */
    bool is_first_share;
    struct weir_limits limits;
    uint8_t tick_limit;   /* ticks of silence after which a flow may have ended */
    uint8_t linger_shift; /* how many ticks older flows of ended connections look */
    uint32_t packets_limit;
    struct weir_group *groups;
    struct weir_flow_hot *hot;
    uint8_t *cold;                   /* struct weir_flow_cold each 1 << cold_shift octets */
    struct weir_flow_more_key *more; /* NULL: the definition has no such keys */
    uint8_t *states; /* of the features in `rows`, one slot behind another; NULL: there are none */
    unsigned cold_shift;
    struct weir_span spans[WEIR_CACHE_SPANS];
    unsigned span_count;

    struct weir_meter_clock clock;
    struct weir_bucket *buckets;
    struct weir_region *regions;
    uint32_t rows_in_use;
    uint32_t rows_in_use_peak;
    uint32_t layout; /* changes when the set of some flow does */
    uint32_t active_count;
    struct weir_cache_counters counters;
    struct weir_meter_rows rows;
    struct weir_perimeter perimeter;
};

/* The states of a slot's features; of caches that have some only. */
static inline uint8_t *weir_cache_states(const struct weir_cache *cache, uint32_t slot)
{
    return cache->states + (size_t)slot * cache->rows.features.slot_octets;
}

/*
 * What flows of a cache have. Functions for every flow are compiled for the usual kinds of it, in
 * which `path` is a constant, so that these have none of the questions that only others need.
 * It is a number: a struct of bools is passed by way of the stack, and waits for all stores before.
 */
#define WEIR_PATH_PLAIN    0u
#define WEIR_PATH_BIFLOW   1u
#define WEIR_PATH_MORE     2u /* keys of struct weir_flow_more_key */
#define WEIR_PATH_FEATURES 4u

static inline unsigned weir_cache_path(const struct weir_cache *cache)
{
    return (cache->biflow != WEIR_BIFLOW_NONE ? WEIR_PATH_BIFLOW : 0) |
           (cache->more ? WEIR_PATH_MORE : 0) | (cache->states ? WEIR_PATH_FEATURES : 0);
}

/* What a flow begins with. */
static inline struct weir_flow_cold *weir_cache_cold(const struct weir_cache *cache, uint32_t slot)
{
    return (struct weir_flow_cold *)(cache->cold + ((size_t)slot << cache->cold_shift));
}

/* The other direction; of caches of biflows only. */
static inline struct weir_flow_reverse *weir_cache_reverse(const struct weir_cache *cache,
                                                           uint32_t slot)
{
    return (struct weir_flow_reverse *)(weir_cache_cold(cache, slot) + 1);
}

/* True where a flow that has packets surely goes on, by the hot part alone. */
static inline bool weir_cache_goes_on(const struct weir_cache *cache,
                                      const struct weir_flow_hot *hot)
{
    const struct weir_flow_limits *limits = weir_limits_of(&cache->limits, hot->key.protocol);
    uint64_t silence = hot->sum.state & WEIR_FLOW_ENDED ? limits->linger : limits->idle;
    int16_t left = (int16_t)(uint16_t)((hot->sum.octets >> WEIR_FLOW_OCTETS_BITS) -
                                       (cache->clock.now >> cache->limits.deadline_shift));
    return cache->clock.now - hot->last_seen <= silence && left > 0;
}

/* A flow without a packet since its record: its entry waits for one. */
static inline bool weir_cache_rests(const struct weir_cache *cache, const unsigned path,
                                    uint32_t slot)
{
    return cache->hot[slot].sum.packets == 0 &&
           (!(path & WEIR_PATH_BIFLOW) || weir_cache_reverse(cache, slot)->sum.packets == 0);
}

/* Makes the flow's record, unless it rests, and has it rest. */
void weir_cache_report(struct weir_cache *cache, uint32_t slot, unsigned reason);

/* Makes the flow's record, unless it rests, and empties its slot. */
void weir_cache_expire(struct weir_cache *cache, uint32_t slot, unsigned reason);

/* Does what the flow in this slot is due for. Whether it is still there. */
bool weir_cache_examine(struct weir_cache *cache, uint32_t slot);

/* The set in which flows of a bucket with these bits are now. */
static inline uint32_t weir_cache_set(const struct weir_cache *cache, uint32_t bucket, uint8_t bits)
{
    const struct weir_bucket *at = &cache->buckets[bucket];
    uint32_t row = bits & at->mask;
    if (row >= at->set_count)
        row &= at->mask >> 1;
    return row * cache->bucket_count + bucket;
}

/* set % bucket_count, without dividing: exact as there are at most 2^22 buckets and 64 rows. */
static inline uint32_t weir_cache_bucket_of(const struct weir_cache *cache, uint32_t set)
{
    return set - (uint32_t)(set * cache->bucket_inverse >> 56) * cache->bucket_count;
}

/* The region of a slot. */
static inline unsigned weir_cache_region_of(const struct weir_cache *cache, uint32_t slot)
{
    return cache->buckets[weir_cache_bucket_of(cache, slot / WEIR_GROUP_WAYS)].region;
}

/* The first region of share `index` of `count`, and so the number of regions before it. */
uint32_t weir_cache_first_region(uint32_t regions, uint32_t index, uint32_t count);

/* Rows, at most 64, and buckets of a region that is to have about so many sets. */
void weir_cache_divide(uint64_t sets, uint32_t *ret_rows, uint32_t *ret_buckets);

/* Sets, buckets and regions. 0 or WEIR_E_NOMEM; weir_cache_free_sets is due in either case. */
WEIR_CHECKED int weir_cache_make_sets(struct weir_cache *cache, bool has_more);
void weir_cache_free_sets(struct weir_cache *cache);

/* Memory in use for flows with so many rows. */
uint64_t weir_cache_octets(const struct weir_cache *cache, uint32_t rows);

/* For a new flow that finds many others in its bucket, or its set full; at->set may change. */
void weir_cache_grow(struct weir_cache *cache, struct weir_flow_place *at);

/* Unites sets of the next `count` buckets of a region where there are few flows. */
void weir_cache_shrink(struct weir_cache *cache, uint32_t region, uint32_t count);

/* Gives back the rows that no region has sets in any more. */
void weir_cache_trim(struct weir_cache *cache);

/* The same of all, when there are no flows. */
void weir_cache_shrink_all(struct weir_cache *cache);

/* Takes a time that is not simply a little later than the one before. */
void weir_cache_change_time(struct weir_cache *cache, uint64_t time);

/*
 * For one of several shares: says what time it is, by the packets of all, or that it was set back
 * to that. Results of weir_cache_add.
 */
WEIR_CHECKED int weir_cache_tell(struct weir_cache *cache, uint64_t time, bool was_back,
                                 struct weir_diag *diag);

/* As weir_cache_add_details; `places` are those by the hasher, or NULL: they are to be found. */
WEIR_CHECKED int weir_cache_add_placed(struct weir_cache *cache, const struct weir_packet *packets,
                                       const struct weir_packet_detail *details,
                                       const struct weir_flow_place *places, size_t count,
                                       struct weir_diag *diag);

/* Takes the time of a packet, and looks for flows that have ended. */
static inline void weir_cache_take_time(struct weir_cache *cache, uint64_t time)
{
    if (time >= cache->clock.now && time < cache->clock.next_tick) {
        cache->clock.now = time;
        cache->clock.late_in_row = 0;
    } else {
        weir_cache_change_time(cache, time);
    }
}

/*
 * One of some ways by 8 bits of a hash, so that they take turns: the first at or after a place
 * among those to the last of them. They mostly lie side by side from way 0 on.
 */
static inline unsigned weir_cache_pick(uint32_t ways, uint8_t spread)
{
    unsigned span = WEIR_GROUP_WAYS - (unsigned)__builtin_clz(ways);
    return (unsigned)__builtin_ctz(ways & WEIR_GROUP_FULL << (spread * span >> 8));
}

/* The way of a set to be emptied for a new flow: the oldest, and among equals one by `spread`. */
static inline unsigned weir_cache_oldest(const struct weir_cache *cache,
                                         const struct weir_group *group, uint8_t spread)
{
    return weir_cache_pick(weir_group_oldest(group, (uint8_t)cache->clock.tick), spread);
}

/* An empty way of this set, made empty where need be. `spread` chooses among equals. */
unsigned weir_cache_make_room(struct weir_cache *cache, uint32_t set, uint8_t spread);

#endif
