/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of packets into the flow cache. It is written once and compiled for each kind of flow
 * definition: `path` is a constant wherever these functions are inlined, so that the usual
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

/* So many are fetched, then so many metered. */
#define TURN 4u

/* Octets of a flow's features that are fetched ahead. */
#define STATES_FETCHED 512u

/* Octets past which one packet more could be one too many for hot.sum.octets. */
#define OCTETS_LIMIT (WEIR_FLOW_OCTETS_MASK - UINT32_MAX)

struct batch {
    uint32_t layout; /* of the cache, that the sets in places are of */
    struct weir_flow_place places[BATCH];
    uint8_t ways[BATCH];                   /* where in their sets the flows probably are */
    struct weir_flow_more_key more[BATCH]; /* where the path has them */
};

/* First stage: masked keys and hashes, unless they are `places`, and the groups are asked for. */
HOT void place(const struct weir_cache *cache, const unsigned path,
               const struct weir_packet *packets, const struct weir_packet_detail *details,
               const struct weir_flow_place *places, struct batch *batch, size_t count)
{
    const struct weir_flow_more_key *mask = &cache->rows.layout.definition.more_mask;
    if (path & WEIR_PATH_MORE && !weir_flow_more_needs_detail(mask))
        details = NULL;
    for (size_t i = 0; path & WEIR_PATH_MORE && i < count; i++)
        batch->more[i] =
            weir_flow_more_of(&packets[i], details ? &details[packets[i].detail] : NULL, mask);
    if (places)
        memcpy(batch->places, places, count * sizeof(*places));
    else
        cache->hash(&cache->hasher, packets, path & WEIR_PATH_MORE ? batch->more : NULL,
                    batch->places, count);
    for (size_t i = 0; i < count; i++) {
        if (path & WEIR_PATH_MORE && path & WEIR_PATH_BIFLOW)
            weir_flow_more_exchange(&batch->more[i], batch->places[i].swapped);
        struct weir_flow_place *at = &batch->places[i];
        at->bucket -= cache->first_bucket;
        at->set = weir_cache_set(cache, at->bucket, at->bits);
        __builtin_prefetch(&cache->groups[at->set], 1);
    }
    batch->layout = cache->layout;
}

/* The first lines of a slot's states; what follows these the processor finds by itself. */
HOT void fetch_states(const struct weir_cache *cache, uint32_t slot)
{
    const uint8_t *states = weir_cache_states(cache, slot);
    for (uint32_t at = 0; at < cache->rows.features.slot_octets && at < STATES_FETCHED; at += 64)
        __builtin_prefetch(states + at, 1);
}

/*
 * Second stage: the flows that the packets will probably meet, or make room by, are asked for. Not
 * inlined it would be dropped: gcc holds a function that only prefetches for one without effect.
 */
HOT void fetch(const struct weir_cache *cache, const unsigned path,
               const struct weir_packet *packets, struct batch *batch, size_t begin, size_t end)
{
    bool has_room = cache->active_count < cache->entries;
    for (size_t i = begin; i < end; i++) {
        const struct weir_flow_place *at = &batch->places[i];
        const struct weir_group *group = &cache->groups[at->set];
        uint32_t ways = weir_group_match(group->tags, at->tag);
        size_t first = (size_t)at->set * WEIR_GROUP_WAYS;
        if (!ways) {
            uint32_t empty = weir_group_match(group->tags, 0);
            unsigned way = empty && (has_room || empty == WEIR_GROUP_FULL)
                               ? (unsigned)__builtin_ctz(empty)
                               : weir_cache_oldest(cache, group, at->spread);
            ways = UINT32_C(1) << way;
            __builtin_prefetch(weir_cache_cold(cache, (uint32_t)first + way), 1);
        } else if (path & WEIR_PATH_BIFLOW) {
            __builtin_prefetch(
                weir_cache_cold(cache, (uint32_t)first + (unsigned)__builtin_ctz(ways)), 1);
        }
        unsigned way = (unsigned)__builtin_ctz(ways);
        batch->ways[i] = (uint8_t)way;
        __builtin_prefetch(&cache->hot[first + way], 1);
        if (path & WEIR_PATH_MORE)
            __builtin_prefetch(&cache->more[first + way], 1);
        if (path & WEIR_PATH_FEATURES)
            fetch_states(cache, (uint32_t)first + way);
        if (!(path & WEIR_PATH_BIFLOW) && packets[i].tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST)) {
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
    return a->vlan == b->vlan && a->inner_vlan == b->inner_vlan && a->layer == b->layer;
}

/*
 * The flows of one direction of the packet's connection: with ToS or interface among the keys
 * there may be several. What is due of them is done first, so that those that have ended are not
 * among them.
 */
static uint32_t flows_of(struct weir_cache *cache, const struct weir_flow_place *at,
                         const struct weir_flow_more_key *more, uint8_t tag,
                         bool (*same)(const struct weir_flow_key *a, const struct weir_flow_key *b))
{
    uint32_t found = 0;
    for (uint32_t ways = weir_group_match(cache->groups[at->set].tags, tag); ways;
         ways &= ways - 1) {
        uint32_t slot = at->set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        const struct weir_flow_hot *hot = &cache->hot[slot];
        if (same(&hot->key, &at->key) && (!more || same_link(&cache->more[slot], more)) &&
            (weir_cache_goes_on(cache, hot) || weir_cache_examine(cache, slot)))
            found |= ways & -ways;
    }
    return found;
}

static void end_connection(struct weir_cache *cache, uint32_t set, unsigned way)
{
    struct weir_flow_hot *hot = &cache->hot[(size_t)set * WEIR_GROUP_WAYS + way];
    if (!(hot->sum.state & WEIR_FLOW_ENDED)) {
        hot->sum.state |= WEIR_FLOW_ENDED;
        cache->groups[set].ticks[way] -= cache->linger_shift;
    }
}

/* The same of a biflow, which has both directions. */
static void maybe_end_biflow(struct weir_cache *cache, uint32_t set, unsigned way,
                             unsigned tcp_flags)
{
    uint32_t slot = set * WEIR_GROUP_WAYS + way;
    const struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    unsigned state = cache->hot[slot].sum.state;
    bool back = state & WEIR_FLOW_FIN_BACK ||
                (reverse->sum.packets > 0 && reverse->sum.state & WEIR_TCP_FIN);
    if (tcp_flags & WEIR_TCP_RST || (back && state & (WEIR_TCP_FIN | WEIR_FLOW_FIN)))
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
        ended = cache->hot[first + (unsigned)__builtin_ctz(ways)].sum.state &
                (WEIR_TCP_FIN | WEIR_FLOW_FIN);
    if (!ended)
        return;
    uint32_t both = reverse | flows_of(cache, at, more, at->tag, same_direction);
    for (uint32_t ways = both; ways; ways &= ways - 1)
        end_connection(cache, at->set, (unsigned)__builtin_ctz(ways));
}

/* Whether a packet at this place is one of the reverse direction of the flow. */
HOT bool is_reversed(const struct weir_flow_hot *hot, const struct weir_flow_place *at)
{
    return ((hot->sum.state & WEIR_FLOW_SWAPPED) != 0) != at->swapped;
}

/* Of two places one; which is chance, so that a branch would be foreseen half of the time. */
HOT void *either(void *a, void *b, bool second)
{
    uintptr_t differ = ((uintptr_t)a ^ (uintptr_t)b) & (0u - (uintptr_t)second);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): they are in different arrays. */
    return (void *)((uintptr_t)a ^ differ);
}

/* What the packets of a packet's direction have come to. */
HOT struct weir_flow_sum *sum_of(const struct weir_cache *cache, const unsigned path,
                                 const struct weir_flow_place *at, uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    if (!(path & WEIR_PATH_BIFLOW))
        return &hot->sum;
    return either(&hot->sum, &weir_cache_reverse(cache, slot)->sum, is_reversed(hot, at));
}

/* What a packet adds to its direction, but for the time. */
HOT void count(const struct weir_packet *packet, struct weir_flow_sum *sum)
{
    sum->octets += packet->octets;
    sum->packets++;
    sum->state |= packet->tcp_flags & WEIR_FLOW_TCP_FLAGS;
    if (packet->ttl < sum->ttl_min)
        sum->ttl_min = packet->ttl;
    if (packet->ttl > sum->ttl_max)
        sum->ttl_max = packet->ttl;
}

/* The first packet of a biflow's direction. */
COLD void begin_direction(const struct weir_packet *packet, struct weir_flow_times *times,
                          struct weir_flow_sum *sum)
{
    *times = (struct weir_flow_times){packet->time_ns, packet->time_ns};
    sum->ttl_min = sum->ttl_max = packet->ttl;
}

/* Adds a packet to a biflow: both directions have the same, at different places. */
HOT void add_to_biflow(const struct weir_cache *cache, const struct weir_packet *packet,
                       const struct weir_flow_place *at, uint32_t slot)
{
    struct weir_flow_sum *sum = sum_of(cache, WEIR_PATH_BIFLOW, at, slot);
    struct weir_flow_times *times =
        either(&weir_cache_cold(cache, slot)->times, &weir_cache_reverse(cache, slot)->times,
               is_reversed(&cache->hot[slot], at));
    if (sum->packets == 0)
        begin_direction(packet, times, sum);
    times->first_ns = packet->time_ns < times->first_ns ? packet->time_ns : times->first_ns;
    times->last_ns = packet->time_ns > times->last_ns ? packet->time_ns : times->last_ns;
    count(packet, sum);
}

/* Who talks to itself has only one direction. */
static bool has_two_ends(const struct weir_flow_key *key, const struct weir_flow_more_key *more)
{
    return !weir_address_equal(key->src_addr, key->dst_addr) || key->src_port != key->dst_port ||
           (more && more->src_mac != more->dst_mac);
}

/* Whether a flow's first packet is one of its reverse direction. */
static bool begins_reversed(const struct weir_cache *cache, const struct weir_packet *packet,
                            const struct weir_flow_place *at, const struct weir_flow_more_key *more)
{
    return has_two_ends(&at->key, more) &&
           weir_biflow_begins_reversed(cache->biflow, &cache->perimeter, packet);
}

/* A packet's hash as portions of the flows are chosen by. */
static uint16_t portion_hash(const struct weir_flow_place *at)
{
    return (uint16_t)(at->bits << 8 | at->spread);
}

/*
 * By itself it has registers enough. With less the compiler keeps a half word on the stack and
 * reads a word there, which waits until all stores before have left for memory.
 */
COLD void begin_cold(const struct weir_packet *packet, uint8_t bits, uint64_t deadline,
                     struct weir_flow_cold *cold)
{
    *cold = (struct weir_flow_cold){
        .times = {packet->time_ns, packet->time_ns},
        .deadline = deadline,
        .flow_label = packet->flow_label & 0xfffff,
        .vlan = packet->vlan & 0xfffu,
        .observation_point = packet->key.observation_point,
        .tos = packet->key.tos,
        .bits = bits,
    };
}

/* What a flow's record begins with: its first packet, or the first after a record. */
HOT void begin_record(struct weir_cache *cache, const unsigned path,
                      const struct weir_packet *packet, const struct weir_flow_place *at,
                      uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    uint64_t now = cache->clock.now;
    uint64_t deadline =
        weir_limits_deadline(&cache->limits, now, hot->key.protocol, portion_hash(at));
    bool late = path & WEIR_PATH_BIFLOW || weir_cache_time(packet->time_ns) != now;
    hot->last_seen = now;
    hot->sum = (struct weir_flow_sum){
        .octets = weir_limits_coarse(&cache->limits, now, deadline) << WEIR_FLOW_OCTETS_BITS,
        .state = (uint16_t)(hot->sum.state | (late ? WEIR_FLOW_LATE : 0)),
        .ttl_min = path & WEIR_PATH_BIFLOW ? 0 : packet->ttl,
        .ttl_max = path & WEIR_PATH_BIFLOW ? 0 : packet->ttl,
    };
    begin_cold(packet, at->bits, deadline, weir_cache_cold(cache, slot));
    if (path & WEIR_PATH_BIFLOW) {
        *weir_cache_reverse(cache, slot) = (struct weir_flow_reverse){0};
        add_to_biflow(cache, packet, at, slot);
    } else {
        count(packet, &hot->sum);
    }
    cache->counters.flows_created++;
}

COLD void begin_flow(struct weir_cache *cache, const unsigned path,
                     const struct weir_packet *packet, const struct weir_flow_place *at,
                     const struct weir_flow_more_key *more, unsigned way)
{
    uint32_t slot = at->set * WEIR_GROUP_WAYS + way;
    struct weir_flow_hot *hot = &cache->hot[slot];
    hot->key = at->key;
    hot->sum.state = 0;
    if (path & WEIR_PATH_BIFLOW && at->swapped != begins_reversed(cache, packet, at, more))
        hot->sum.state = WEIR_FLOW_SWAPPED;
    begin_record(cache, path, packet, at, slot);
    if (path & WEIR_PATH_MORE)
        cache->more[slot] = *more;
    if (path & WEIR_PATH_FEATURES)
        memset(weir_cache_states(cache, slot), 0, cache->rows.features.slot_octets);
    cache->groups[at->set].tags[way] = at->tag;
    cache->groups[at->set].ticks[way] = (uint8_t)cache->clock.tick;
    cache->buckets[at->bucket].active_count++;
    cache->regions[cache->buckets[at->bucket].region].active_count++;
    if (++cache->active_count > cache->counters.flows_active_peak)
        cache->counters.flows_active_peak = cache->active_count;
}

/* The first packet since the flow's last record. */
COLD void begin_again(struct weir_cache *cache, const unsigned path,
                      const struct weir_packet *packet, const struct weir_flow_place *at,
                      unsigned way, uint32_t slot)
{
    begin_record(cache, path, packet, at, slot);
    if (path & WEIR_PATH_FEATURES)
        weir_feature_set_restart(&cache->rows.features, weir_cache_states(cache, slot));
    cache->counters.flows_continued++;
    cache->groups[at->set].ticks[way] =
        (uint8_t)(cache->clock.tick -
                  (cache->hot[slot].sum.state & WEIR_FLOW_ENDED ? cache->linger_shift : 0));
}

/* Whether a direction has room for no further packet. */
static inline bool is_full(const struct weir_cache *cache, const struct weir_flow_sum *sum)
{
    return sum->packets >= cache->packets_limit ||
           (sum->octets & WEIR_FLOW_OCTETS_MASK) > OCTETS_LIMIT;
}

/* Whether the packet's direction has sent a FIN. */
static bool has_sent_fin(const struct weir_cache *cache, const unsigned path,
                         const struct weir_flow_place *at, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    if (!(path & WEIR_PATH_BIFLOW) || !is_reversed(hot, at))
        return hot->sum.state & (WEIR_TCP_FIN | WEIR_FLOW_FIN);
    const struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    return hot->sum.state & WEIR_FLOW_FIN_BACK ||
           (reverse->sum.packets > 0 && reverse->sum.state & WEIR_TCP_FIN);
}

/* Does what the flow that has the packet's key is due for. Whether it is there for the packet. */
COLD bool end_before(struct weir_cache *cache, const unsigned path,
                     const struct weir_packet *packet, const struct weir_flow_place *at,
                     uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    if (!weir_cache_examine(cache, slot))
        return false;
    if (is_full(cache, &hot->sum) ||
        (path & WEIR_PATH_BIFLOW && is_full(cache, &weir_cache_reverse(cache, slot)->sum)))
        weir_cache_report(cache, slot, WEIR_FLOW_END_RESOURCES);
    bool opens = (packet->tcp_flags & (WEIR_TCP_SYN | WEIR_TCP_FIN)) == WEIR_TCP_SYN;
    if (!cache->has_connections || !opens ||
        !(hot->sum.state & WEIR_FLOW_ENDED || has_sent_fin(cache, path, at, slot)))
        return true;
    weir_cache_expire(cache, slot, WEIR_FLOW_END_DETECTED);
    return false;
}

/* A packet that is older than others before it, or follows such ones in its flow. */
static void add_late(const struct weir_packet *packet, struct weir_flow_hot *hot,
                     struct weir_flow_cold *cold)
{
    if (!(hot->sum.state & WEIR_FLOW_LATE)) {
        hot->sum.state |= WEIR_FLOW_LATE;
        cold->times.last_ns = weir_cache_time_ns(hot->last_seen);
    }
    if (packet->time_ns > cold->times.last_ns)
        cold->times.last_ns = packet->time_ns;
    if (packet->time_ns < cold->times.first_ns)
        cold->times.first_ns = packet->time_ns;
}

/* Adds a packet to the flow it belongs to. */
HOT void add_to_flow(struct weir_cache *cache, const unsigned path,
                     const struct weir_packet *packet, const struct weir_flow_place *at,
                     unsigned way, uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    if (path & WEIR_PATH_BIFLOW) {
        add_to_biflow(cache, packet, at, slot);
    } else {
        if (weir_cache_time(packet->time_ns) == cache->clock.now)
            hot->sum.state &= (uint16_t)~WEIR_FLOW_LATE;
        else
            add_late(packet, hot, weir_cache_cold(cache, slot));
        count(packet, &hot->sum);
    }
    hot->last_seen = cache->clock.now;
    cache->groups[at->set].ticks[way] =
        (uint8_t)(cache->clock.tick - (hot->sum.state & WEIR_FLOW_ENDED ? cache->linger_shift : 0));
}

/* Whether the flow surely goes on and has room for a packet. */
HOT bool is_plain(const struct weir_cache *cache, const unsigned path, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    if (!weir_cache_goes_on(cache, hot) || is_full(cache, &hot->sum))
        return false;
    if (!(path & WEIR_PATH_BIFLOW))
        return hot->sum.packets > 0;
    const struct weir_flow_sum *reverse = &weir_cache_reverse(cache, slot)->sum;
    return (hot->sum.packets | reverse->packets) > 0 && !is_full(cache, reverse);
}

/* The slot's flow, which has the packet's key: the packet goes to it, after a record of what was
 * before or without, or it ends and a new begins. */
HOT void meet_flow(struct weir_cache *cache, const unsigned path, const struct weir_packet *packet,
                   const struct weir_flow_place *at, const struct weir_flow_more_key *more,
                   unsigned way, uint32_t slot)
{
    bool plain = !(packet->tcp_flags & WEIR_TCP_SYN) && is_plain(cache, path, slot);
    if (!plain && !end_before(cache, path, packet, at, slot))
        begin_flow(cache, path, packet, at, more, way);
    else if (!plain && weir_cache_rests(cache, path, slot))
        begin_again(cache, path, packet, at, way, slot);
    else
        add_to_flow(cache, path, packet, at, way, slot);
}

HOT bool is_flow_of(const struct weir_cache *cache, const struct weir_flow_place *at,
                    const struct weir_flow_more_key *more, uint32_t slot)
{
    return same_key(&cache->hot[slot].key, &at->key) &&
           (!more || memcmp(&cache->more[slot], more, sizeof(*more)) == 0);
}

#define NO_WAY WEIR_GROUP_WAYS

/* The way of the packet's flow, or NO_WAY. */
COLD unsigned find_flow(const struct weir_cache *cache, const struct weir_flow_place *at,
                        const struct weir_flow_more_key *more)
{
    for (uint32_t ways = weir_group_match(cache->groups[at->set].tags, at->tag); ways;
         ways &= ways - 1) {
        unsigned way = (unsigned)__builtin_ctz(ways);
        if (is_flow_of(cache, at, more, at->set * WEIR_GROUP_WAYS + way))
            return way;
    }
    return NO_WAY;
}

/* A way for a new flow, which may have another set for it; NO_WAY: there is none. The lowest that
 * is empty: flows stay close together, and where one has ended its lines are still near. */
HOT unsigned find_room(struct weir_cache *cache, struct weir_flow_place *at)
{
    const struct weir_bucket *bucket = &cache->buckets[at->bucket];
    uint32_t empty = weir_group_match(cache->groups[at->set].tags, 0);
    if (bucket->active_count >= bucket->split_at || (!empty && bucket->split_at != UINT32_MAX)) {
        weir_cache_grow(cache, at);
        empty = weir_group_match(cache->groups[at->set].tags, 0);
    }
    bool has_room = cache->regions[bucket->region].active_count < cache->region_entries;
    if (cache->kind == WEIR_CACHE_PERMANENT && !(empty && has_room))
        return NO_WAY;
    return empty && has_room ? (unsigned)__builtin_ctz(empty)
                             : weir_cache_make_room(cache, at->set, at->spread);
}

/* The features of the flow that has the packet by now. */
HOT void take_features(const struct weir_cache *cache, const unsigned path,
                       const struct weir_packet *packet, const struct weir_packet_detail *detail,
                       const struct weir_flow_place *at, unsigned way)
{
    uint32_t slot = at->set * WEIR_GROUP_WAYS + way;
    bool is_reverse = path & WEIR_PATH_BIFLOW && is_reversed(&cache->hot[slot], at);
    weir_feature_set_update(&cache->rows.features, weir_cache_states(cache, slot), packet, detail,
                            is_reverse, cache->buckets[at->bucket].region);
}

/*
 * Third stage: one packet, in its order; `layout` is what its place was found by. Its flow is
 * probably in the way where it was when it was fetched.
 */
HOT void meter(struct weir_cache *cache, const unsigned path, const struct weir_packet *packet,
               const struct weir_packet_detail *detail, struct weir_flow_place *at, uint32_t layout,
               const struct weir_flow_more_key *more, unsigned way)
{
    weir_cache_take_time(cache, weir_cache_time(packet->time_ns));
    if (__builtin_expect(cache->layout != layout, 0))
        at->set = weir_cache_set(cache, at->bucket, at->bits);
    uint32_t first = at->set * WEIR_GROUP_WAYS;
    if (cache->groups[at->set].tags[way] != at->tag || !is_flow_of(cache, at, more, first + way))
        way = find_flow(cache, at, more);
    if (way != NO_WAY) {
        meet_flow(cache, path, packet, at, more, way, first + way);
        if (path & WEIR_PATH_FEATURES)
            take_features(cache, path, packet, detail, at, way);
    } else {
        way = find_room(cache, at);
        if (way == NO_WAY) {
            cache->counters.packets_no_room++;
            cache->counters.octets_no_room += packet->octets;
            return;
        }
        begin_flow(cache, path, packet, at, more, way);
        if (path & WEIR_PATH_FEATURES)
            take_features(cache, path, packet, detail, at, way);
        if (cache->kind == WEIR_CACHE_IMMEDIATE)
            weir_cache_expire(cache, at->set * WEIR_GROUP_WAYS + way, WEIR_FLOW_END_IDLE);
    }
    if (packet->tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST) && cache->has_connections) {
        if (path & WEIR_PATH_BIFLOW)
            maybe_end_biflow(cache, at->set, way, packet->tcp_flags);
        else
            maybe_end_connection(cache, at, path & WEIR_PATH_MORE ? more : NULL, packet->tcp_flags);
    }
}

/* Packets of batch `index`, of `count` in all. */
static inline size_t batch_size(size_t count, size_t index)
{
    size_t first = index * BATCH;
    return first >= count ? 0 : count - first < BATCH ? count - first : BATCH;
}

static inline size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* `details` NULL: nobody told; `places` NULL: they are to be found. */
HOT int add(struct weir_cache *cache, const unsigned path, const struct weir_packet *packets,
            const struct weir_packet_detail *details, const struct weir_flow_place *places,
            size_t count, struct weir_diag *diag)
{
    static const struct weir_packet_detail nothing;
    struct batch batches[3];
    uint64_t octets = 0;
    uint64_t packets_no_room = cache->counters.packets_no_room;
    uint64_t octets_no_room = cache->counters.octets_no_room;
    cache->rows.diag = diag;
    /*
     * A batch is placed while the one before it is fetched and the one before that metered, these
     * two by turns: more requests at once than memory takes would be waited for.
     */
    size_t placed = 0, fetched = 0, metered = 0;
    for (size_t i = 0; metered < count; i++) {
        struct batch *batch = &batches[i % 3];
        size_t size = batch_size(count, i), fetch_size = placed - fetched,
               meter_size = fetched - metered;
        place(cache, path, packets + placed, details, places ? places + placed : NULL, batch, size);
        for (size_t k = 0; k < BATCH; k += TURN) {
            fetch(cache, path, packets + fetched, &batches[(i + 2) % 3], lesser(k, fetch_size),
                  lesser(k + TURN, fetch_size));
            batch = &batches[(i + 1) % 3];
            const size_t turn_end = lesser(k + TURN, meter_size);
            for (size_t m = k; m < turn_end; m++) {
                const struct weir_packet *packet = &packets[metered + m];
                meter(cache, path, packet, details ? &details[packet->detail] : &nothing,
                      &batch->places[m], batch->layout,
                      path & WEIR_PATH_MORE ? &batch->more[m] : NULL, batch->ways[m]);
                octets += packet->octets;
            }
        }
        metered = fetched;
        fetched = placed;
        placed += size;
    }
    packets_no_room = cache->counters.packets_no_room - packets_no_room;
    octets_no_room = cache->counters.octets_no_room - octets_no_room;
    cache->counters.packets_metered += count - packets_no_room;
    cache->counters.octets_metered += octets - octets_no_room;
    return cache->rows.result;
}

int weir_cache_add_placed(struct weir_cache *cache, const struct weir_packet *packets,
                          const struct weir_packet_detail *details,
                          const struct weir_flow_place *places, size_t count,
                          struct weir_diag *diag)
{
    const unsigned path = weir_cache_path(cache);
    if (path & WEIR_PATH_FEATURES)
        return add(cache, path | WEIR_PATH_FEATURES, packets, details, places, count, diag);
    if (path & WEIR_PATH_MORE)
        return add(cache, (path & WEIR_PATH_BIFLOW) | WEIR_PATH_MORE, packets, details, places,
                   count, diag);
    return path & WEIR_PATH_BIFLOW
               ? add(cache, WEIR_PATH_BIFLOW, packets, NULL, places, count, diag)
               : add(cache, WEIR_PATH_PLAIN, packets, NULL, places, count, diag);
}

int weir_cache_add_details(struct weir_cache *cache, const struct weir_packet *packets,
                           const struct weir_packet_detail *details, size_t count,
                           struct weir_diag *diag)
{
    return weir_cache_add_placed(cache, packets, details, NULL, count, diag);
}

int weir_cache_add(struct weir_cache *cache, const struct weir_packet *packets, size_t count,
                   struct weir_diag *diag)
{
    return weir_cache_add_placed(cache, packets, NULL, NULL, count, diag);
}
