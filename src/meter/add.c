/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of packets into the flow cache. It is written once and compiled for each kind of flow
 * definition: `struct path` is a constant wherever these functions are inlined, so that the usual
 * definitions have none of the questions that only others need.
 */
#include <string.h>

#include "meter/private.h"

#define HOT  static inline __attribute__((always_inline))
#define COLD __attribute__((noinline)) static

/*
 * Packets go through in batches of this many: keys and hashes are made and groups fetched two
 * batches ahead, flows one batch ahead.
 */
#define BATCH 32u

/* Octets past which one packet more could be one too many for hot.octets. */
#define OCTETS_LIMIT (WEIR_FLOW_OCTETS_MASK - UINT32_MAX)

struct path {
    bool is_biflow;
    bool has_more; /* keys of struct weir_flow_more_key */
};

struct batch {
    uint32_t layout; /* of the cache, that the sets in places are of */
    struct weir_flow_place places[BATCH];
    uint8_t ways[BATCH];                   /* where in their sets the flows probably are */
    struct weir_flow_more_key more[BATCH]; /* where the path has them */
};

/* First stage: masked keys, hashes, and the groups are asked for. */
HOT void place(const struct weir_cache *cache, const struct path path,
               const struct weir_packet *packets, struct batch *batch, size_t count)
{
    const struct weir_flow_more_key *mask = &cache->rows.layout.definition.more_mask;
    for (size_t i = 0; path.has_more && i < count; i++)
        batch->more[i] = weir_flow_more_of(&packets[i], mask);
    cache->hash(&cache->hasher, packets, path.has_more ? batch->more : NULL, batch->places, count);
    for (size_t i = 0; i < count; i++) {
        /* Packets that only tell the time may have any bucket. */
        struct weir_flow_place *at = &batch->places[i];
        uint32_t bucket = at->bucket - cache->first_bucket;
        at->bucket = bucket < cache->bucket_count ? bucket : 0;
        at->set = weir_cache_set(cache, at->bucket, at->bits);
        __builtin_prefetch(&cache->groups[at->set], 1);
    }
    batch->layout = cache->layout;
}

/*
 * Second stage: the flows that the packets will probably meet, or make room by, are asked for. Not
 * inlined it would be dropped: gcc holds a function that only prefetches for one without effect.
 */
HOT void fetch(const struct weir_cache *cache, const struct path path,
               const struct weir_packet *packets, struct batch *batch, size_t count)
{
    bool has_room = cache->active_count < cache->entries;
    for (size_t i = 0; i < count; i++) {
        const struct weir_flow_place *at = &batch->places[i];
        const struct weir_group *group = &cache->groups[at->set];
        uint32_t ways = weir_group_match(group->tags, at->tag);
        size_t first = (size_t)at->set * WEIR_GROUP_WAYS;
        if (!ways) {
            uint32_t empty = weir_group_match(group->tags, 0);
            unsigned way = empty && (has_room || empty == WEIR_GROUP_FULL)
                               ? weir_cache_pick(empty, at->spread)
                               : weir_cache_oldest(cache, group, at->spread);
            ways = UINT32_C(1) << way;
            __builtin_prefetch(weir_cache_cold(cache, (uint32_t)first + way), 1);
        } else if (path.is_biflow) {
            __builtin_prefetch(
                weir_cache_cold(cache, (uint32_t)first + (unsigned)__builtin_ctz(ways)), 1);
        }
        unsigned way = (unsigned)__builtin_ctz(ways);
        batch->ways[i] = (uint8_t)way;
        __builtin_prefetch(&cache->hot[first + way], 1);
        if (path.has_more)
            __builtin_prefetch(&cache->more[first + way], 1);
        if (!path.is_biflow && packets[i].tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST)) {
            ways = weir_group_match(group->tags, at->reverse_tag);
            if (ways)
                __builtin_prefetch(&cache->hot[first + (unsigned)__builtin_ctz(ways)], 1);
        }
    }
}

static inline bool same_key(const struct weir_flow_key *a, const struct weir_flow_key *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, &a->src_port, sizeof(x));
    memcpy(&y, &b->src_port, sizeof(y));
    return ((a->src_addr.high ^ b->src_addr.high) | (a->src_addr.low ^ b->src_addr.low) |
            (a->dst_addr.high ^ b->dst_addr.high) | (a->dst_addr.low ^ b->dst_addr.low) |
            (x ^ y)) == 0;
}

static inline bool same_kind(const struct weir_flow_key *a, const struct weir_flow_key *b)
{
    return a->protocol == b->protocol &&
           ((a->observation_point ^ b->observation_point) & WEIR_FLOW_KEY_V6) == 0;
}

static bool same_direction(const struct weir_flow_key *a, const struct weir_flow_key *b)
{
    return weir_address_equal(a->src_addr, b->src_addr) &&
           weir_address_equal(a->dst_addr, b->dst_addr) && a->src_port == b->src_port &&
           a->dst_port == b->dst_port && same_kind(a, b);
}

static bool other_direction(const struct weir_flow_key *a, const struct weir_flow_key *b)
{
    return weir_address_equal(a->src_addr, b->dst_addr) &&
           weir_address_equal(a->dst_addr, b->src_addr) && a->src_port == b->dst_port &&
           a->dst_port == b->src_port && same_kind(a, b);
}

/* Of the less usual keys these are the same in both directions of a connection. */
static bool same_link(const struct weir_flow_more_key *a, const struct weir_flow_more_key *b)
{
    return a->vlan == b->vlan && a->layer == b->layer;
}

/*
 * The flows of one direction of the packet's connection: with ToS or interface among the keys
 * there may be several. Flows that have ended already, but were not found yet, are not among them.
 */
static uint32_t flows_of(const struct weir_cache *cache, const struct weir_flow_place *at,
                         const struct weir_flow_more_key *more, uint8_t tag,
                         bool (*same)(const struct weir_flow_key *a, const struct weir_flow_key *b))
{
    uint32_t found = 0;
    for (uint32_t ways = weir_group_match(cache->groups[at->set].tags, tag); ways;
         ways &= ways - 1) {
        uint32_t slot = at->set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        const struct weir_flow_hot *hot = &cache->hot[slot];
        if (same(&hot->key, &at->key) && (!more || same_link(&cache->more[slot], more)) &&
            (weir_cache_goes_on(cache, hot) || !weir_cache_end_reason(cache, slot)))
            found |= ways & -ways;
    }
    return found;
}

static void end_connection(struct weir_cache *cache, uint32_t set, unsigned way)
{
    struct weir_flow_hot *hot = &cache->hot[(size_t)set * WEIR_GROUP_WAYS + way];
    if (!(hot->state & WEIR_FLOW_ENDED)) {
        hot->state |= WEIR_FLOW_ENDED;
        cache->groups[set].ticks[way] -= cache->linger_shift;
    }
}

/* The same of a biflow, which has both directions. */
static void maybe_end_biflow(struct weir_cache *cache, uint32_t set, unsigned way,
                             unsigned tcp_flags)
{
    uint32_t slot = set * WEIR_GROUP_WAYS + way;
    const struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    if (tcp_flags & WEIR_TCP_RST || (reverse->packets > 0 && reverse->tcp_flags & WEIR_TCP_FIN &&
                                     cache->hot[slot].state & WEIR_TCP_FIN))
        end_connection(cache, set, way);
}

/* A packet with FIN or RST has been added to its flow: has its connection ended with it? */
static void maybe_end_connection(struct weir_cache *cache, const struct weir_flow_place *at,
                                 const struct weir_flow_more_key *more, unsigned tcp_flags)
{
    size_t first = (size_t)at->set * WEIR_GROUP_WAYS;
    uint32_t reverse = flows_of(cache, at, more, at->reverse_tag, other_direction);
    bool ended = tcp_flags & WEIR_TCP_RST;
    for (uint32_t ways = reverse; ways && !ended; ways &= ways - 1)
        ended = cache->hot[first + (unsigned)__builtin_ctz(ways)].state & WEIR_TCP_FIN;
    if (!ended)
        return;
    uint32_t both = reverse | flows_of(cache, at, more, at->tag, same_direction);
    for (uint32_t ways = both; ways; ways &= ways - 1)
        end_connection(cache, at->set, (unsigned)__builtin_ctz(ways));
}

/* Whether a packet at this place is one of the reverse direction of the flow. */
HOT bool is_reversed(const struct weir_flow_hot *hot, const struct weir_flow_place *at)
{
    return ((hot->state & WEIR_FLOW_SWAPPED) != 0) != at->swapped;
}

static void begin_reverse(const struct weir_packet *packet, struct weir_flow_reverse *reverse)
{
    *reverse = (struct weir_flow_reverse){
        .first_ns = packet->time_ns,
        .last_ns = packet->time_ns,
        .octets = packet->octets,
        .packets = 1,
        .tcp_flags = packet->tcp_flags,
        .ttl_min = packet->ttl,
        .ttl_max = packet->ttl,
    };
}

/* Who talks to itself has only one direction. */
static bool has_two_ends(const struct weir_flow_key *key)
{
    return !weir_address_equal(key->src_addr, key->dst_addr) || key->src_port != key->dst_port;
}

/* The biflow part of a flow's beginning, after the packet was entered as a forward one. */
static void begin_biflow(struct weir_cache *cache, const struct weir_packet *packet,
                         const struct weir_flow_place *at, uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    bool reversed = has_two_ends(&at->key) &&
                    weir_biflow_begins_reversed(cache->biflow, &cache->perimeter, packet);
    if (at->swapped != reversed)
        hot->state |= WEIR_FLOW_SWAPPED;
    if (!reversed) {
        reverse->packets = 0;
        return;
    }
    begin_reverse(packet, reverse);
    hot->octets &= ~WEIR_FLOW_OCTETS_MASK;
    hot->packets = 0;
    hot->state = (hot->state & WEIR_FLOW_SWAPPED) | WEIR_FLOW_LATE;
    hot->ttl_min = hot->ttl_max = 0;
}

COLD void begin_flow(struct weir_cache *cache, const struct path path,
                     const struct weir_packet *packet, const struct weir_flow_place *at,
                     const struct weir_flow_more_key *more, unsigned way)
{
    uint32_t slot = at->set * WEIR_GROUP_WAYS + way;
    bool late = weir_cache_time(packet->time_ns) != cache->clock.now;
    cache->hot[slot] = (struct weir_flow_hot){
        .key = at->key,
        .last_seen = cache->clock.now,
        .octets = packet->octets | cache->clock.now >> cache->start_shift << WEIR_FLOW_OCTETS_BITS,
        .packets = 1,
        .state = (packet->tcp_flags & WEIR_FLOW_TCP_FLAGS) | (late ? WEIR_FLOW_LATE : 0),
        .ttl_min = packet->ttl,
        .ttl_max = packet->ttl,
    };
    *weir_cache_cold(cache, slot) = (struct weir_flow_cold){
        .first_ns = packet->time_ns,
        .last_ns = packet->time_ns,
        .start_seen = cache->clock.now,
        .flow_label = packet->flow_label & 0xfffff,
        .vlan = packet->vlan & 0xfffu,
        .observation_point = packet->key.observation_point,
        .tos = packet->key.tos,
        .bits = at->bits,
    };
    if (path.has_more)
        cache->more[slot] = *more;
    if (path.is_biflow)
        begin_biflow(cache, packet, at, slot);
    cache->groups[at->set].tags[way] = at->tag;
    cache->groups[at->set].ticks[way] = (uint8_t)cache->clock.tick;
    cache->counters.flows_created++;
    cache->buckets[at->bucket].active_count++;
    cache->regions[cache->buckets[at->bucket].region].active_count++;
    if (++cache->active_count > cache->counters.flows_active_peak)
        cache->counters.flows_active_peak = cache->active_count;
}

static inline bool is_full(const struct weir_cache *cache, const struct weir_flow_hot *hot)
{
    return hot->packets >= cache->packets_limit ||
           (hot->octets & WEIR_FLOW_OCTETS_MASK) > OCTETS_LIMIT;
}

/* The same of a biflow's reverse direction. */
static bool is_reverse_full(const struct weir_cache *cache, const struct weir_flow_reverse *reverse)
{
    return reverse->packets > 0 &&
           (reverse->packets >= cache->packets_limit || reverse->octets > OCTETS_LIMIT);
}

/* The TCP flags of the packet's direction so far. */
static unsigned flags_so_far(const struct weir_cache *cache, const struct path path,
                             const struct weir_flow_place *at, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    if (!path.is_biflow || !is_reversed(hot, at))
        return hot->state & WEIR_FLOW_TCP_FLAGS;
    const struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    return reverse->packets > 0 ? reverse->tcp_flags : 0;
}

/* Why this packet cannot be added to the flow that has its key, or 0. */
COLD unsigned end_before(const struct weir_cache *cache, const struct path path,
                         const struct weir_packet *packet, const struct weir_flow_place *at,
                         uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    unsigned reason = weir_cache_end_reason(cache, slot);
    if (reason)
        return reason;
    if (is_full(cache, hot) ||
        (path.is_biflow && is_reverse_full(cache, weir_cache_reverse(cache, slot))))
        return WEIR_FLOW_END_RESOURCES;
    bool opens = (packet->tcp_flags & (WEIR_TCP_SYN | WEIR_TCP_FIN)) == WEIR_TCP_SYN;
    if (cache->has_connections && opens &&
        (hot->state & WEIR_FLOW_ENDED || flags_so_far(cache, path, at, slot) & WEIR_TCP_FIN))
        return WEIR_FLOW_END_DETECTED;
    return 0;
}

/* A packet that is older than others before it, or follows such ones in its flow. */
static void add_late(const struct weir_packet *packet, struct weir_flow_hot *hot,
                     struct weir_flow_cold *cold)
{
    if (!(hot->state & WEIR_FLOW_LATE)) {
        hot->state |= WEIR_FLOW_LATE;
        cold->last_ns = weir_cache_time_ns(hot->last_seen);
    }
    if (packet->time_ns > cold->last_ns)
        cold->last_ns = packet->time_ns;
    if (packet->time_ns < cold->first_ns)
        cold->first_ns = packet->time_ns;
}

/* What a forward packet adds to its flow, but for the time. */
HOT void count_forward(const struct weir_packet *packet, struct weir_flow_hot *hot)
{
    hot->octets += packet->octets;
    hot->packets++;
    hot->state |= packet->tcp_flags & WEIR_FLOW_TCP_FLAGS;
    if (packet->ttl < hot->ttl_min)
        hot->ttl_min = packet->ttl;
    if (packet->ttl > hot->ttl_max)
        hot->ttl_max = packet->ttl;
}

/* A biflow's first forward packet, after those of the other direction. */
COLD void begin_forward(const struct weir_packet *packet, struct weir_flow_hot *hot,
                        struct weir_flow_cold *cold)
{
    cold->first_ns = cold->last_ns = packet->time_ns;
    hot->ttl_min = hot->ttl_max = packet->ttl;
}

/* What a packet of the other direction adds. */
HOT void add_reverse(const struct weir_packet *packet, struct weir_flow_hot *hot,
                     struct weir_flow_cold *cold, struct weir_flow_reverse *reverse)
{
    /* The flow's last time is no longer that of its forward direction. */
    if (!(hot->state & WEIR_FLOW_LATE)) {
        hot->state |= WEIR_FLOW_LATE;
        cold->last_ns = weir_cache_time_ns(hot->last_seen);
    }
    if (reverse->packets == 0) {
        begin_reverse(packet, reverse);
        return;
    }
    if (packet->time_ns > reverse->last_ns)
        reverse->last_ns = packet->time_ns;
    if (packet->time_ns < reverse->first_ns)
        reverse->first_ns = packet->time_ns;
    reverse->octets += packet->octets;
    reverse->packets++;
    reverse->tcp_flags |= packet->tcp_flags;
    if (packet->ttl < reverse->ttl_min)
        reverse->ttl_min = packet->ttl;
    if (packet->ttl > reverse->ttl_max)
        reverse->ttl_max = packet->ttl;
}

/* Adds a packet to the flow it belongs to. */
HOT void add_to_flow(struct weir_cache *cache, const struct path path,
                     const struct weir_packet *packet, const struct weir_flow_place *at,
                     unsigned way, uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    if (path.is_biflow && is_reversed(hot, at)) {
        add_reverse(packet, hot, weir_cache_cold(cache, slot), weir_cache_reverse(cache, slot));
    } else {
        if (path.is_biflow && hot->packets == 0)
            begin_forward(packet, hot, weir_cache_cold(cache, slot));
        if (weir_cache_time(packet->time_ns) == cache->clock.now)
            hot->state &= (uint16_t)~WEIR_FLOW_LATE;
        else
            add_late(packet, hot, weir_cache_cold(cache, slot));
        count_forward(packet, hot);
    }
    hot->last_seen = cache->clock.now;
    cache->groups[at->set].ticks[way] =
        (uint8_t)(cache->clock.tick - (hot->state & WEIR_FLOW_ENDED ? cache->linger_shift : 0));
}

/* The slot's flow, which has the packet's key: the packet goes to it, or it ends and a new begins.
 */
HOT void meet_flow(struct weir_cache *cache, const struct path path,
                   const struct weir_packet *packet, const struct weir_flow_place *at,
                   const struct weir_flow_more_key *more, unsigned way, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    bool plain = weir_cache_goes_on(cache, hot) && !is_full(cache, hot) &&
                 !(packet->tcp_flags & WEIR_TCP_SYN);
    if (path.is_biflow && plain && is_reversed(hot, at))
        plain = !is_reverse_full(cache, weir_cache_reverse(cache, slot));
    unsigned reason = plain ? 0 : end_before(cache, path, packet, at, slot);
    if (reason) {
        weir_cache_expire(cache, slot, reason);
        begin_flow(cache, path, packet, at, more, way);
    } else {
        add_to_flow(cache, path, packet, at, way, slot);
    }
}

HOT bool is_flow_of(const struct weir_cache *cache, const struct path path,
                    const struct weir_flow_place *at, const struct weir_flow_more_key *more,
                    uint32_t slot)
{
    return same_key(&cache->hot[slot].key, &at->key) &&
           (!path.has_more || memcmp(&cache->more[slot], more, sizeof(*more)) == 0);
}

/* The way of the packet's flow, or WEIR_GROUP_WAYS where there is none. */
COLD unsigned find_flow(const struct weir_cache *cache, const struct path path,
                        const struct weir_flow_place *at, const struct weir_flow_more_key *more)
{
    for (uint32_t ways = weir_group_match(cache->groups[at->set].tags, at->tag); ways;
         ways &= ways - 1) {
        unsigned way = (unsigned)__builtin_ctz(ways);
        if (is_flow_of(cache, path, at, more, at->set * WEIR_GROUP_WAYS + way))
            return way;
    }
    return WEIR_GROUP_WAYS;
}

/* A way for a new flow, which may have another set for it. */
HOT unsigned find_room(struct weir_cache *cache, struct weir_flow_place *at)
{
    const struct weir_bucket *bucket = &cache->buckets[at->bucket];
    uint32_t empty = weir_group_match(cache->groups[at->set].tags, 0);
    if (bucket->active_count >= bucket->split_at || (!empty && bucket->split_at != UINT32_MAX)) {
        weir_cache_grow(cache, at);
        empty = weir_group_match(cache->groups[at->set].tags, 0);
    }
    bool has_room = cache->regions[bucket->region].active_count < cache->region_entries;
    return empty && has_room ? weir_cache_pick(empty, at->spread)
                             : weir_cache_make_room(cache, at->set, at->spread);
}

/*
 * Third stage: one packet, in its order; `layout` is what its place was found by. Its flow is
 * probably in the way where it was when it was fetched.
 */
HOT void meter(struct weir_cache *cache, const struct path path, const struct weir_packet *packet,
               struct weir_flow_place *at, uint32_t layout, const struct weir_flow_more_key *more,
               unsigned way)
{
    weir_cache_take_time(cache, weir_cache_time(packet->time_ns));
    if (__builtin_expect(cache->layout != layout, 0))
        at->set = weir_cache_set(cache, at->bucket, at->bits);
    uint32_t first = at->set * WEIR_GROUP_WAYS;
    if (cache->groups[at->set].tags[way] != at->tag ||
        !is_flow_of(cache, path, at, more, first + way))
        way = find_flow(cache, path, at, more);
    if (way < WEIR_GROUP_WAYS) {
        meet_flow(cache, path, packet, at, more, way, first + way);
    } else {
        way = find_room(cache, at);
        begin_flow(cache, path, packet, at, more, way);
    }
    if (packet->tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST) && cache->has_connections) {
        if (path.is_biflow)
            maybe_end_biflow(cache, at->set, way, packet->tcp_flags);
        else
            maybe_end_connection(cache, at, path.has_more ? more : NULL, packet->tcp_flags);
    }
}

HOT int add(struct weir_cache *cache, const struct path path, const struct weir_packet *packets,
            size_t count, struct weir_diag *diag)
{
    struct batch batches[3];
    size_t batch_count = (count + BATCH - 1) / BATCH;
    uint64_t octets = 0;
    size_t clocks = 0;
    cache->rows.diag = diag;
    /* In step i batch i is placed, the one before it fetched, the one before that metered. */
    for (size_t i = 0; i < batch_count + 2; i++) {
        for (size_t stage = 0; stage < 3 && stage <= i; stage++) {
            size_t index = i - stage;
            if (index >= batch_count)
                continue;
            const struct weir_packet *first = packets + index * BATCH;
            size_t size = index + 1 < batch_count ? BATCH : count - index * BATCH;
            struct batch *batch = &batches[index % 3];
            if (stage == 0)
                place(cache, path, first, batch, size);
            else if (stage == 1)
                fetch(cache, path, first, batch, size);
            else
                for (size_t k = 0; k < size; k++) {
                    if (__builtin_expect(first[k].flags & WEIR_PACKET_CLOCK, 0)) {
                        weir_cache_take_clock(cache, &first[k]);
                        clocks++;
                        continue;
                    }
                    meter(cache, path, &first[k], &batch->places[k], batch->layout,
                          path.has_more ? &batch->more[k] : NULL, batch->ways[k]);
                    octets += first[k].octets;
                }
        }
    }
    cache->counters.packets_metered += count - clocks;
    cache->counters.octets_metered += octets;
    return cache->rows.result;
}

int weir_cache_add(struct weir_cache *cache, const struct weir_packet *packets, size_t count,
                   struct weir_diag *diag)
{
    bool is_biflow = cache->biflow != WEIR_BIFLOW_NONE;
    if (!cache->more)
        return is_biflow ? add(cache, (struct path){.is_biflow = true}, packets, count, diag)
                         : add(cache, (struct path){0}, packets, count, diag);
    return add(cache, (struct path){.is_biflow = is_biflow, .has_more = true}, packets, count,
               diag);
}
