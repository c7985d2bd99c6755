/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "meter/private.h"

/*
 * Packets go through in batches of this many: keys and hashes are made and groups fetched two
 * batches ahead, flows one batch ahead.
 */
#define BATCH 32u

/*
 * Slots for the flows asked for, so that no set is full long before the table is: a quarter more,
 * and up to twice as many while that takes no more than SPARE_SLOTS (47 MiB).
 */
#define SPARE_SLOTS 500000u

static uint64_t slots_of(uint32_t entries)
{
    uint64_t spare = entries - entries / 4;
    return (uint64_t)entries + entries / 4 + (spare < SPARE_SLOTS ? spare : SPARE_SLOTS);
}

/* The smaller timeout in ticks, and the active timeout in units of coarse cache time. */
#define TIMEOUT_TICKS    128u
#define ACTIVE_UNIT_BITS 14u

/* Octets past which one packet more could be one too many for hot.octets. */
#define OCTETS_LIMIT (WEIR_FLOW_OCTETS_MASK - UINT32_MAX)

#define HUGE_PAGE ((size_t)2 << 20)

const struct weir_counter weir_cache_counter_table[] = {
    WEIR_COUNTER(struct weir_cache_counters, packets_metered, PACKETS,
                 "packets that were added to a flow"),
    WEIR_COUNTER(struct weir_cache_counters, octets_metered, OCTETS,
                 "IP octets of the packets that were added to a flow"),
    WEIR_COUNTER(struct weir_cache_counters, packets_late, PACKETS,
                 "packets with an earlier time than one before them"),
    WEIR_COUNTER(struct weir_cache_counters, flows_created, FLOWS, "flows begun"),
    WEIR_COUNTER(struct weir_cache_counters, flows_exported, FLOWS,
                 "flows whose record was handed on"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_idle, FLOWS,
                 "flows ended by the idle timeout"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_active, FLOWS,
                 "flows ended by the active timeout"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_end, FLOWS,
                 "flows ended with their TCP connection"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_forced, FLOWS,
                 "flows ended with the input"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_resources, FLOWS,
                 "flows ended early to make room for others"),
    WEIR_GAUGE(struct weir_cache_counters, flows_active, FLOWS, "flows in the cache"),
    WEIR_GAUGE(struct weir_cache_counters, flows_active_peak, FLOWS,
               "most flows that were in the cache at once; of several workers the sum"),
    WEIR_GAUGE(struct weir_cache_counters, cache_entries, ENTRIES,
               "flows that the cache has room for"),
    WEIR_COUNTER(struct weir_cache_counters, clock_steps_back, NONE,
                 "times that the packets' clock was set back, which ended all flows"),
};
const size_t weir_cache_counter_count =
    sizeof(weir_cache_counter_table) / sizeof(weir_cache_counter_table[0]);

struct weir_cache_config weir_cache_config_default(void)
{
    struct weir_cache_config config = {
        .definition = weir_flow_definition_7_tuple(),
        .entries = 65536,
        .idle_ns = 15 * WEIR_NS_PER_SECOND,
        .active_ns = 1800 * WEIR_NS_PER_SECOND,
        .linger_ns = 2 * WEIR_NS_PER_SECOND,
    };
    weir_hash_key_seed(&config.hash_key, 0);
    return config;
}

static int check(const struct weir_cache_config *config, struct weir_diag *diag)
{
    if (config->entries < WEIR_CACHE_ENTRIES_MIN || config->entries > WEIR_CACHE_ENTRIES_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "a cache has %u to %u entries, not %u",
                             WEIR_CACHE_ENTRIES_MIN, WEIR_CACHE_ENTRIES_MAX, config->entries);
    uint32_t shares = config->share.count > 1 ? config->share.count : 1;
    if (shares > weir_cache_regions(config->entries) || config->share.index >= shares)
        return weir_diag_set(diag, WEIR_E_USAGE, "a cache of %u entries has %u shares at most",
                             config->entries, weir_cache_regions(config->entries));
    const struct {
        const char *name;
        int64_t value;
        int64_t least;
    } durations[] = {
        {"idle timeout", config->idle_ns, WEIR_CACHE_TIMEOUT_MIN},
        {"active timeout", config->active_ns, WEIR_CACHE_TIMEOUT_MIN},
        {"linger time", config->linger_ns, 0},
    };
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
        if (durations[i].value < durations[i].least || durations[i].value > WEIR_CACHE_TIMEOUT_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "the %s must be %s to 7 days",
                                 durations[i].name, durations[i].least ? "1 ms" : "0");
    return 0;
}

/* Memory in huge pages where it is large and the system has them: look-ups go all over it. */
static void *table_new(uint64_t count, size_t width)
{
    size_t octets = (size_t)count * width;
    if (octets < HUGE_PAGE)
        return aligned_alloc(64, (octets + 63) / 64 * 64);
    void *table = aligned_alloc(HUGE_PAGE, (octets + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    if (table)
        (void)madvise(table, octets, MADV_HUGEPAGE);
    return table;
}

/*
 * Sets are in regions that have nothing to do with one another, so that a share of them is a cache
 * in which flows meet the same others as in the whole one. They are a power of two, since the
 * highest bits of the hash then say which one, and large enough to fill evenly.
 */
#define REGIONS_MAX        64u
#define REGION_ENTRIES_MIN 4096u

uint32_t weir_cache_regions(uint32_t entries)
{
    uint32_t regions = 1;
    while (regions < REGIONS_MAX && entries / (2 * regions) >= REGION_ENTRIES_MIN)
        regions *= 2;
    return regions;
}

uint32_t weir_cache_first_region(uint32_t regions, uint32_t index, uint32_t count)
{
    return (uint32_t)((uint64_t)regions * index / count);
}

/* Divides the sets into regions and takes its share of them. */
static void divide(struct weir_cache *cache, const struct weir_cache_config *config)
{
    uint32_t regions = weir_cache_regions(config->entries);
    uint64_t sets = (slots_of(config->entries) + WEIR_GROUP_WAYS - 1) / WEIR_GROUP_WAYS;
    uint32_t count = config->share.count > 1 ? config->share.count : 1;
    uint32_t first = weir_cache_first_region(regions, config->share.index, count);
    cache->region_sets = (uint32_t)((sets + regions - 1) / regions);
    cache->region_entries = config->entries / regions;
    cache->region_count = weir_cache_first_region(regions, config->share.index + 1, count) - first;
    cache->first_set = first * cache->region_sets;
    cache->set_count = cache->region_count * cache->region_sets;
    cache->entries = cache->region_count * cache->region_entries;
    cache->hasher.set_count = regions * cache->region_sets;
    cache->is_told_time = count > 1;
    cache->is_first_share = config->share.index == 0;
}

static int make_tables(struct weir_cache *cache, const struct weir_cache_config *config,
                       const struct weir_batch_sink *sink)
{
    uint64_t slots = (uint64_t)cache->set_count * WEIR_GROUP_WAYS;
    cache->groups = table_new(cache->set_count, sizeof(*cache->groups));
    cache->hot = table_new(slots, sizeof(*cache->hot));
    cache->cold = table_new(slots, sizeof(*cache->cold));
    cache->regions = calloc(cache->region_count, sizeof(*cache->regions));
    if (!cache->groups || !cache->hot || !cache->cold || !cache->regions)
        return WEIR_E_NOMEM;
    memset(cache->groups, 0, cache->set_count * sizeof(*cache->groups));
    int result =
        weir_meter_rows_init(&cache->rows, sink, &config->definition, config->tells_direction,
                             config->domain, WEIR_CACHE_BATCH_ROWS);
    if (result < 0 || config->if_count == 0)
        return result;
    size_t octets = config->if_count * sizeof(*config->if_index);
    cache->rows.if_index = malloc(octets);
    if (!cache->rows.if_index)
        return WEIR_E_NOMEM;
    memcpy(cache->rows.if_index, config->if_index, octets);
    cache->rows.if_count = config->if_count;
    return 0;
}

static uint64_t shorter_timeout(const struct weir_cache_config *config)
{
    return (uint64_t)(config->idle_ns < config->active_ns ? config->idle_ns : config->active_ns);
}

struct weir_meter_clock weir_cache_clock(const struct weir_cache_config *config)
{
    return (struct weir_meter_clock){
        .tick_ns = shorter_timeout(config) / TIMEOUT_TICKS,
        .idle = (uint64_t)config->idle_ns,
    };
}

static void set_times(struct weir_cache *cache, const struct weir_cache_config *config)
{
    cache->idle = (uint64_t)config->idle_ns;
    cache->active = (uint64_t)config->active_ns;
    cache->linger = (uint64_t)config->linger_ns;
    if (cache->linger > cache->idle)
        cache->linger = cache->idle;
    uint64_t shorter = shorter_timeout(config);
    uint64_t linger = cache->linger < shorter ? cache->linger : shorter;
    cache->clock = weir_cache_clock(config);
    /* Who is told the time does not judge by itself that it was set back. */
    if (cache->is_told_time)
        cache->clock.idle = UINT64_MAX;
    cache->tick_limit = (uint8_t)(shorter / cache->clock.tick_ns);
    cache->linger_shift = (uint8_t)(cache->tick_limit - linger / cache->clock.tick_ns);
    while (cache->active >> cache->start_shift >> ACTIVE_UNIT_BITS)
        cache->start_shift++;
    cache->start_limit = (uint16_t)(cache->active >> cache->start_shift);
}

struct weir_flow_hasher weir_cache_hasher(const struct weir_cache_config *config)
{
    bool has_connections = weir_flow_definition_has_connections(&config->definition);
    struct weir_flow_hasher hasher = {
        .hash_key = config->hash_key,
        .mask = config->definition.mask,
        .tail_mask = has_connections ? 0 : ~UINT64_C(0),
    };
    hasher.mask.observation_point &= (uint16_t)~WEIR_FLOW_KEY_V6;
    return hasher;
}

int weir_cache_new(const struct weir_cache_config *config, const struct weir_batch_sink *sink,
                   struct weir_cache **ret_cache, struct weir_diag *diag)
{
    int result = check(config, diag);
    if (result < 0)
        return result;
    struct weir_cache *cache = aligned_alloc(64, (sizeof(*cache) + 63) / 64 * 64);
    if (!cache)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the flow cache");
    memset(cache, 0, sizeof(*cache));
    cache->has_connections = weir_flow_definition_has_connections(&config->definition);
    cache->hash = weir_flow_hash_choose();
    cache->hasher = weir_cache_hasher(config);
    divide(cache, config);
    cache->packets_limit = UINT32_MAX;
    set_times(cache, config);
    if (make_tables(cache, config, sink) < 0) {
        weir_cache_free(cache);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a flow cache of %u entries",
                             config->entries);
    }
    *ret_cache = cache;
    return 0;
}

weir_column_set weir_cache_columns(const struct weir_cache_config *config)
{
    weir_column_set columns = 0;
    for (unsigned shape = 0; shape < WEIR_ROW_SHAPES; shape++)
        columns |= weir_meter_rows_columns(&config->definition, config->tells_direction, shape);
    return columns;
}

void weir_cache_free(struct weir_cache *cache)
{
    if (!cache)
        return;
    free(cache->groups);
    free(cache->hot);
    free(cache->cold);
    free(cache->regions);
    weir_meter_rows_done(&cache->rows);
    free(cache);
}

/* First stage: masked keys, hashes, and the groups are asked for. */
static void place(const struct weir_cache *cache, const struct weir_packet *packets,
                  struct weir_flow_place *places, size_t count)
{
    cache->hash(&cache->hasher, packets, places, count);
    for (size_t i = 0; i < count; i++) {
        /* Packets that only tell the time may have any set. */
        uint32_t set = places[i].set - cache->first_set;
        places[i].set = set < cache->set_count ? set : 0;
        __builtin_prefetch(&cache->groups[places[i].set], 1);
    }
}

/*
 * Second stage: the flows that the packets will probably meet, or make room by, are asked for. Not
 * inlined it would be dropped: gcc holds a function that only prefetches for one without effect.
 */
static inline __attribute__((always_inline)) void fetch(const struct weir_cache *cache,
                                                        const struct weir_packet *packets,
                                                        const struct weir_flow_place *places,
                                                        size_t count)
{
    bool has_room = cache->active_count < cache->entries;
    for (size_t i = 0; i < count; i++) {
        const struct weir_flow_place *at = &places[i];
        const struct weir_group *group = &cache->groups[at->set];
        uint32_t ways = weir_group_match(group->tags, at->tag);
        size_t first = (size_t)at->set * WEIR_GROUP_WAYS;
        if (!ways) {
            uint32_t empty = weir_group_match(group->tags, 0);
            unsigned way = empty && (has_room || empty == WEIR_GROUP_FULL)
                               ? weir_cache_pick(empty, at->spread)
                               : weir_cache_oldest(cache, group, at->spread);
            ways = UINT32_C(1) << way;
            __builtin_prefetch(&cache->cold[first + way], 1);
        }
        __builtin_prefetch(&cache->hot[first + (unsigned)__builtin_ctz(ways)], 1);
        if (packets[i].tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST)) {
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

/*
 * The flows of one direction of the packet's connection: with ToS or interface among the keys
 * there may be several. Flows that have ended already, but were not found yet, are not among them.
 */
static uint32_t flows_of(const struct weir_cache *cache, const struct weir_flow_place *at,
                         uint8_t tag,
                         bool (*same)(const struct weir_flow_key *a, const struct weir_flow_key *b))
{
    uint32_t found = 0;
    for (uint32_t ways = weir_group_match(cache->groups[at->set].tags, tag); ways;
         ways &= ways - 1) {
        uint32_t slot = at->set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        const struct weir_flow_hot *hot = &cache->hot[slot];
        if (same(&hot->key, &at->key) &&
            (weir_cache_goes_on(cache, hot) || !weir_cache_end_reason(cache, slot)))
            found |= ways & -ways;
    }
    return found;
}

/* A packet with FIN or RST has been added to its flow: has its connection ended with it? */
static void maybe_end_connection(struct weir_cache *cache, const struct weir_flow_place *at,
                                 unsigned tcp_flags)
{
    size_t first = (size_t)at->set * WEIR_GROUP_WAYS;
    uint32_t reverse = flows_of(cache, at, at->reverse_tag, other_direction);
    bool ended = tcp_flags & WEIR_TCP_RST;
    for (uint32_t ways = reverse; ways && !ended; ways &= ways - 1)
        ended = cache->hot[first + (unsigned)__builtin_ctz(ways)].state & WEIR_TCP_FIN;
    if (!ended)
        return;
    uint32_t both = reverse | flows_of(cache, at, at->tag, same_direction);
    for (uint32_t ways = both; ways; ways &= ways - 1) {
        unsigned way = (unsigned)__builtin_ctz(ways);
        struct weir_flow_hot *hot = &cache->hot[first + way];
        if (!(hot->state & WEIR_FLOW_ENDED)) {
            hot->state |= WEIR_FLOW_ENDED;
            cache->groups[at->set].ticks[way] -= cache->linger_shift;
        }
    }
}

static void begin_flow(struct weir_cache *cache, const struct weir_packet *packet,
                       const struct weir_flow_place *at, unsigned way)
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
    cache->cold[slot] = (struct weir_flow_cold){
        .first_ns = packet->time_ns,
        .last_ns = packet->time_ns,
        .start_seen = cache->clock.now,
        .flow_label = packet->flow_label & 0xfffff,
        .vlan = packet->vlan & 0xfffu,
        .observation_point = packet->key.observation_point,
        .tos = packet->key.tos,
    };
    cache->groups[at->set].tags[way] = at->tag;
    cache->groups[at->set].ticks[way] = (uint8_t)cache->clock.tick;
    cache->counters.flows_created++;
    weir_cache_region(cache, at->set)->active_count++;
    if (++cache->active_count > cache->counters.flows_active_peak)
        cache->counters.flows_active_peak = cache->active_count;
}

static inline bool is_full(const struct weir_cache *cache, const struct weir_flow_hot *hot)
{
    return hot->packets >= cache->packets_limit ||
           (hot->octets & WEIR_FLOW_OCTETS_MASK) > OCTETS_LIMIT;
}

/* Why this packet cannot be added to the flow that has its key, or 0. */
static unsigned end_before(const struct weir_cache *cache, const struct weir_packet *packet,
                           uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    unsigned reason = weir_cache_end_reason(cache, slot);
    if (reason)
        return reason;
    if (is_full(cache, hot))
        return WEIR_FLOW_END_RESOURCES;
    bool opens = (packet->tcp_flags & (WEIR_TCP_SYN | WEIR_TCP_FIN)) == WEIR_TCP_SYN;
    if (cache->has_connections && opens && hot->state & (WEIR_FLOW_ENDED | WEIR_TCP_FIN))
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

/* Adds a packet to the flow it belongs to. */
static inline void add_to_flow(struct weir_cache *cache, const struct weir_packet *packet,
                               struct weir_group *group, unsigned way, uint32_t slot)
{
    struct weir_flow_hot *hot = &cache->hot[slot];
    if (weir_cache_time(packet->time_ns) == cache->clock.now)
        hot->state &= (uint16_t)~WEIR_FLOW_LATE;
    else
        add_late(packet, hot, &cache->cold[slot]);
    hot->last_seen = cache->clock.now;
    hot->octets += packet->octets;
    hot->packets++;
    hot->state |= packet->tcp_flags & WEIR_FLOW_TCP_FLAGS;
    if (packet->ttl < hot->ttl_min)
        hot->ttl_min = packet->ttl;
    if (packet->ttl > hot->ttl_max)
        hot->ttl_max = packet->ttl;
    group->ticks[way] =
        (uint8_t)(cache->clock.tick - (hot->state & WEIR_FLOW_ENDED ? cache->linger_shift : 0));
}

/* The slot's flow, which has the packet's key: the packet goes to it, or it ends and a new begins.
 */
static inline void meet_flow(struct weir_cache *cache, const struct weir_packet *packet,
                             const struct weir_flow_place *at, unsigned way, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    bool plain = weir_cache_goes_on(cache, hot) && !is_full(cache, hot) &&
                 !(packet->tcp_flags & WEIR_TCP_SYN);
    unsigned reason = plain ? 0 : end_before(cache, packet, slot);
    if (reason) {
        weir_cache_expire(cache, slot, reason);
        begin_flow(cache, packet, at, way);
    } else {
        add_to_flow(cache, packet, &cache->groups[at->set], way, slot);
    }
}

/* Third stage: one packet, in its order. */
static inline void meter(struct weir_cache *cache, const struct weir_packet *packet,
                         const struct weir_flow_place *at)
{
    weir_cache_take_time(cache, weir_cache_time(packet->time_ns));
    const struct weir_group *group = &cache->groups[at->set];
    uint32_t ways = weir_group_match(group->tags, at->tag);
    for (; ways; ways &= ways - 1) {
        unsigned way = (unsigned)__builtin_ctz(ways);
        uint32_t slot = at->set * WEIR_GROUP_WAYS + way;
        if (same_key(&cache->hot[slot].key, &at->key)) {
            meet_flow(cache, packet, at, way, slot);
            break;
        }
    }
    if (!ways) {
        uint32_t empty = weir_group_match(group->tags, 0);
        bool has_room = weir_cache_region(cache, at->set)->active_count < cache->region_entries;
        unsigned way = empty && has_room ? weir_cache_pick(empty, at->spread)
                                         : weir_cache_make_room(cache, at->set, at->spread);
        begin_flow(cache, packet, at, way);
    }
    if (packet->tcp_flags & (WEIR_TCP_FIN | WEIR_TCP_RST) && cache->has_connections)
        maybe_end_connection(cache, at, packet->tcp_flags);
}

int weir_cache_add(struct weir_cache *cache, const struct weir_packet *packets, size_t count,
                   struct weir_diag *diag)
{
    struct weir_flow_place places[3][BATCH];
    size_t batches = (count + BATCH - 1) / BATCH;
    uint64_t octets = 0;
    size_t clocks = 0;
    cache->rows.diag = diag;
    /* In step i batch i is placed, the one before it fetched, the one before that metered. */
    for (size_t i = 0; i < batches + 2; i++) {
        for (size_t stage = 0; stage < 3 && stage <= i; stage++) {
            size_t batch = i - stage;
            if (batch >= batches)
                continue;
            const struct weir_packet *first = packets + batch * BATCH;
            size_t size = batch + 1 < batches ? BATCH : count - batch * BATCH;
            struct weir_flow_place *at = places[batch % 3];
            if (stage == 0)
                place(cache, first, at, size);
            else if (stage == 1)
                fetch(cache, first, at, size);
            else
                for (size_t k = 0; k < size; k++) {
                    if (__builtin_expect(first[k].flags & WEIR_PACKET_CLOCK, 0)) {
                        weir_cache_take_clock(cache, &first[k]);
                        clocks++;
                        continue;
                    }
                    meter(cache, &first[k], &at[k]);
                    octets += first[k].octets;
                }
        }
    }
    cache->counters.packets_metered += count - clocks;
    cache->counters.octets_metered += octets;
    return cache->rows.result;
}

struct weir_cache_counters weir_cache_counters(const struct weir_cache *cache)
{
    struct weir_cache_counters counters = cache->counters;
    counters.flows_exported = cache->rows.handed_on;
    counters.flows_active = cache->active_count;
    counters.cache_entries = cache->entries;
    return counters;
}
