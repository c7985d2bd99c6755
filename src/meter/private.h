/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the flow cache share. A slot is set * WEIR_GROUP_WAYS + way; its flow lies in
 * three arrays by how often it is touched: two octets of the group for every look-up, one cache
 * line (struct weir_flow_hot) for every packet, half a line when the flow begins and ends. Biflows
 * have their reverse direction in the other half of that line; keys that few definitions have are
 * a fourth array, where there are any.
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

/* A part of the sets that has room for so many flows of its own; it is never in two caches. */
struct weir_region {
    uint32_t active_count;
    uint32_t sweep_set; /* of its sets, where the sweep goes on */
};

struct weir_cache {
    /* Constant once made. */
    weir_flow_hash *hash;
    struct weir_flow_hasher hasher;
    bool has_connections;
    enum weir_biflow biflow;
    uint32_t first_set; /* sets before those of its share */
    uint32_t set_count;
    uint32_t entries;
    uint32_t region_count;
    uint32_t region_sets;
    uint32_t region_entries;
    bool is_told_time; /* one of several shares */
    bool is_first_share;
    uint64_t idle;
    uint64_t active;
    uint64_t linger;
    uint8_t tick_limit;   /* ticks of silence after which a flow may have ended */
    uint8_t linger_shift; /* how many ticks older flows of ended connections look */
    unsigned start_shift; /* cache time >> start_shift: the coarse time in hot.octets */
    uint16_t start_limit; /* coarse time after which a flow may have ended */
    uint32_t packets_limit;
    struct weir_group *groups;
    struct weir_flow_hot *hot;
    uint8_t *cold;                   /* struct weir_flow_cold each 1 << cold_shift octets */
    struct weir_flow_more_key *more; /* NULL: the definition has no such keys */
    unsigned cold_shift;

    struct weir_meter_clock clock;
    struct weir_region *regions;
    uint32_t active_count;
    struct weir_cache_counters counters;
    struct weir_meter_rows rows;
    struct weir_perimeter perimeter;
};

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

/* True where the flow surely goes on, by the hot part alone. */
static inline bool weir_cache_goes_on(const struct weir_cache *cache,
                                      const struct weir_flow_hot *hot)
{
    uint64_t silence = hot->state & WEIR_FLOW_ENDED ? cache->linger : cache->idle;
    uint16_t age = (uint16_t)((cache->clock.now >> cache->start_shift) -
                              (hot->octets >> WEIR_FLOW_OCTETS_BITS));
    return cache->clock.now - hot->last_seen <= silence && age < cache->start_limit;
}

/* Why the flow in this slot has ended by now, or 0 while it goes on. */
unsigned weir_cache_end_reason(const struct weir_cache *cache, uint32_t slot);

/* Makes the flow's record and empties its slot. */
void weir_cache_expire(struct weir_cache *cache, uint32_t slot, unsigned reason);

static inline struct weir_region *weir_cache_region(const struct weir_cache *cache, uint32_t set)
{
    return &cache->regions[set / cache->region_sets];
}

/* Takes a time that is not simply a little later than the one before. */
void weir_cache_change_time(struct weir_cache *cache, uint64_t time);

/* Takes a packet that is none, but tells the time. */
void weir_cache_take_clock(struct weir_cache *cache, const struct weir_packet *packet);

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

/* One of some ways: the first at or after way `spread`, bits of a hash, so that they take turns. */
static inline unsigned weir_cache_pick(uint32_t ways, unsigned spread)
{
    uint32_t after = ways & (WEIR_GROUP_FULL << spread % WEIR_GROUP_WAYS);
    return (unsigned)__builtin_ctz(after ? after : ways);
}

/* The way of a set to be emptied for a new flow: the oldest, and among equals one by `spread`. */
static inline unsigned weir_cache_oldest(const struct weir_cache *cache,
                                         const struct weir_group *group, unsigned spread)
{
    return weir_cache_pick(weir_group_oldest(group, (uint8_t)cache->clock.tick), spread);
}

/* An empty way of this set, made empty where need be. `spread` chooses among equals. */
unsigned weir_cache_make_room(struct weir_cache *cache, uint32_t set, unsigned spread);

#endif
