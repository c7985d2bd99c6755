/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/cache.h"

#include <stdlib.h>
#include <string.h>

#include "meter/feature_engines.h"
#include "meter/private.h"

/*
 * Slots for the flows asked for, so that no set is full long before the table is: a quarter more,
 * and up to twice as many while that takes no more than SPARE_SLOTS (47 MiB). Of larger slots there
 * are fewer: no more than come to ENTRY_OCTETS an entry and ROOM_OCTETS, but the quarter.
 */
#define SPARE_SLOTS  500000u
#define ENTRY_OCTETS 128u
#define ROOM_OCTETS  48000000u

/* But for features: who asks for fields of these has their states besides. */
static size_t slot_octets(const struct weir_cache_config *config)
{
    return sizeof(struct weir_group) / WEIR_GROUP_WAYS + sizeof(struct weir_flow_hot) +
           sizeof(struct weir_flow_cold) +
           (config->biflow != WEIR_BIFLOW_NONE ? sizeof(struct weir_flow_reverse) : 0) +
           (config->definition.has_more ? sizeof(struct weir_flow_more_key) : 0);
}

static uint64_t slots_of(const struct weir_cache_config *config)
{
    uint64_t entries = config->entries, least = entries + entries / 4;
    uint64_t spare = entries - entries / 4;
    uint64_t slots = least + (spare < SPARE_SLOTS ? spare : SPARE_SLOTS);
    uint64_t within = (entries * ENTRY_OCTETS + ROOM_OCTETS) / slot_octets(config);
    if (slots > within)
        slots = within;
    return slots > least ? slots : least;
}

/* The shortest timeout, or what the limits have in place of a long one, in ticks. */
#define TIMEOUT_TICKS 128u

/* Of struct weir_flow_cold; of biflows the reverse direction doubles it. */
#define COLD_SHIFT 5u
_Static_assert(sizeof(struct weir_flow_cold) == 1u << COLD_SHIFT &&
                   sizeof(struct weir_flow_reverse) == 1u << COLD_SHIFT,
               "both are as long, so that the slot can be shifted");

const struct weir_counter weir_cache_counter_table[] = {
    WEIR_COUNTER(struct weir_cache_counters, packets_metered, PACKETS,
                 "packets that were added to a flow"),
    WEIR_COUNTER(struct weir_cache_counters, octets_metered, OCTETS,
                 "IP octets of the packets that were added to a flow"),
    WEIR_COUNTER(struct weir_cache_counters, packets_late, PACKETS,
                 "packets with an earlier time than one before them"),
    WEIR_COUNTER(struct weir_cache_counters, packets_no_room, PACKETS,
                 "packets of new flows that a permanent cache had no room for"),
    WEIR_COUNTER(struct weir_cache_counters, octets_no_room, OCTETS, "IP octets of them"),
    WEIR_COUNTER(struct weir_cache_counters, flows_created, FLOWS,
                 "flows begun, and begun again after a record with their entry kept"),
    WEIR_COUNTER(struct weir_cache_counters, flows_continued, FLOWS,
                 "of these, flows begun again in the entry that was kept"),
    WEIR_COUNTER(struct weir_cache_counters, flows_exported, FLOWS,
                 "flows whose record was handed on"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_idle, FLOWS,
                 "flows ended by the idle timeout"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_active, FLOWS,
                 "flows reported by the active timeout or at their interval, whose entry was kept"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_end, FLOWS,
                 "flows ended with their TCP connection"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_forced, FLOWS,
                 "flows ended with the input, or when the packets' clock was set back"),
    WEIR_COUNTER(struct weir_cache_counters, flows_expired_resources, FLOWS,
                 "flows ended early to make room for others"),
    WEIR_GAUGE(struct weir_cache_counters, flows_active, FLOWS,
               "flows in the cache, also those without a packet since their last record"),
    WEIR_GAUGE(struct weir_cache_counters, flows_active_peak, FLOWS,
               "most flows that were in the cache at once; of several workers the sum"),
    WEIR_GAUGE(struct weir_cache_counters, cache_entries, ENTRIES,
               "flows that the cache has room for"),
    WEIR_GAUGE(struct weir_cache_counters, cache_octets, OCTETS,
               "memory that the cache has in use: it grows and shrinks with the flows"),
    WEIR_GAUGE(struct weir_cache_counters, cache_octets_peak, OCTETS,
               "most memory that the cache had in use; of several workers the sum"),
    WEIR_COUNTER(struct weir_cache_counters, sets_split, NONE,
                 "sets of the cache that were divided in two since flows became more"),
    WEIR_COUNTER(struct weir_cache_counters, sets_merged, NONE,
                 "sets of the cache that were united with another since flows became fewer"),
    WEIR_COUNTER(struct weir_cache_counters, clock_steps_back, NONE,
                 "times that the packets' clock was set back, which ended all flows"),
    WEIR_COUNTER(struct weir_cache_counters, flows_named, FLOWS,
                 "flows in whose payload a name was found: of TLS, QUIC, DNS or HTTP"),
    WEIR_COUNTER(struct weir_cache_counters, names_without_room, NONE,
                 "names that were not found or not kept since too many were at the same time"),
    WEIR_COUNTER(struct weir_cache_counters, applications_found, FLOWS,
                 "flows whose application nDPI told"),
    WEIR_COUNTER(struct weir_cache_counters, applications_unknown, FLOWS,
                 "flows with payload whose application nDPI could not tell"),
    WEIR_COUNTER(struct weir_cache_counters, applications_without_room, FLOWS,
                 "flows that nDPI was not asked about, or no further, since it had too much of "
                 "others at the same time"),
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
        .sampling = weir_sampling_design_of(NULL, 0),
    };
    weir_hash_key_seed(&config.hash_key, 0);
    return config;
}

static bool is_timeout(int64_t ns)
{
    return ns == 0 || (ns >= WEIR_CACHE_TIMEOUT_MIN && ns <= WEIR_CACHE_TIMEOUT_MAX);
}

/* What differs by protocol or kind, and how often flows are reported. */
static int check_limits(const struct weir_cache_config *config, struct weir_diag *diag)
{
    if (config->kind == WEIR_CACHE_PERMANENT && config->interval_ns == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "a permanent cache needs an interval");
    if (config->kind == WEIR_CACHE_IMMEDIATE && config->interval_ns != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "an immediate cache has no interval");
    if (config->portions > WEIR_CACHE_PORTIONS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "flows are reported in at most %u portions",
                             WEIR_CACHE_PORTIONS_MAX);
    if (config->portions > 1 && config->interval_ns == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "portions of the flows need an interval");
    if (config->timeout_count > WEIR_PROTOCOL_TIMEOUTS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u protocols have timeouts of their own",
                             WEIR_PROTOCOL_TIMEOUTS_MAX);
    for (unsigned i = 0; i < config->timeout_count; i++)
        if (!is_timeout(config->timeouts[i].idle_ns) || !is_timeout(config->timeouts[i].active_ns))
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "the timeouts of protocol %u must be 0 or 1 ms to 7 days",
                                 config->timeouts[i].protocol);
    if (config->timeout_count > 0 && config->definition.mask[0].protocol != UINT8_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "timeouts of a protocol need flows that have it as a key");
    return 0;
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
        {"interval", config->interval_ns, WEIR_CACHE_TIMEOUT_MIN},
    };
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
        if (durations[i].value != 0 && (durations[i].value < durations[i].least ||
                                        durations[i].value > WEIR_CACHE_TIMEOUT_MAX))
            return weir_diag_set(diag, WEIR_E_USAGE, "the %s must be 0 or %s7 days",
                                 durations[i].name, durations[i].least ? "1 ms to " : "up to ");
    int result = check_limits(config, diag);
    if (result == 0 && config->kind != WEIR_CACHE_PERMANENT)
        result = weir_flow_definition_check_ending(&config->definition, diag);
    if (result < 0)
        return result;
    if (config->biflow != WEIR_BIFLOW_NONE)
        return weir_flow_definition_check_biflow(&config->definition, diag);
    return weir_flow_definition_check_uniflow(&config->definition, diag);
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

/* Divides the buckets into regions and takes its share of them. */
static void divide(struct weir_cache *cache, const struct weir_cache_config *config)
{
    uint32_t regions = weir_cache_regions(config->entries);
    uint64_t sets = (slots_of(config) + WEIR_GROUP_WAYS - 1) / WEIR_GROUP_WAYS;
    if (config->kind == WEIR_CACHE_IMMEDIATE)
        sets = 1; /* a flow is gone before the next one comes */
    weir_cache_divide((sets + regions - 1) / regions, &cache->row_count, &cache->region_buckets);
    uint32_t count = config->share.count > 1 ? config->share.count : 1;
    uint32_t first = weir_cache_first_region(regions, config->share.index, count);
    cache->region_entries = config->entries / regions;
    cache->region_count = weir_cache_first_region(regions, config->share.index + 1, count) - first;
    cache->first_bucket = first * cache->region_buckets;
    cache->bucket_count = cache->region_count * cache->region_buckets;
    cache->entries = cache->region_count * cache->region_entries;
    cache->hasher.bucket_count = regions * cache->region_buckets;
    cache->is_told_time = count > 1;
    cache->is_first_share = config->share.index == 0;
}

static struct weir_meter_layout layout_of(const struct weir_cache_config *config)
{
    return (struct weir_meter_layout){
        .definition = config->definition,
        .biflow = config->biflow,
        .domain = config->domain,
        .tells_direction = config->tells_direction,
        .sampling = config->sampling,
    };
}

static int make_tables(struct weir_cache *cache, const struct weir_cache_config *config,
                       const struct weir_batch_sink *sink)
{
    const struct weir_meter_layout layout = layout_of(config);
    int result = weir_meter_rows_init(&cache->rows, sink, &layout, WEIR_CACHE_BATCH_ROWS);
    if (result == 0)
        result = weir_cache_make_sets(cache, config->definition.has_more);
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

static void set_times(struct weir_cache *cache, const struct weir_cache_config *config)
{
    weir_limits_init(&cache->limits, config);
    cache->clock = (struct weir_meter_clock){
        .tick_ns = cache->limits.shortest / TIMEOUT_TICKS,
        .idle = cache->limits.longest_idle,
    };
    /* Who is told the time does not judge by itself that it was set back. */
    if (cache->is_told_time)
        cache->clock.idle = UINT64_MAX;
    uint64_t shortest = cache->limits.shortest;
    uint64_t linger = cache->limits.rows[0].linger;
    if (linger > shortest)
        linger = shortest;
    cache->tick_limit = (uint8_t)(shortest / cache->clock.tick_ns);
    cache->linger_shift = (uint8_t)(cache->tick_limit - linger / cache->clock.tick_ns);
}

/*
 * The two directions of a connection are found in one set: of the keys that may differ between
 * them none takes part in the hash. VLANs are of the link, and do, as does the layer of a tunnel.
 * A biflow has one key, and only normal caches have connections.
 */
struct weir_flow_hasher weir_cache_hasher(const struct weir_cache_config *config)
{
    const struct weir_flow_definition *definition = &config->definition;
    bool hashes_all = config->biflow != WEIR_BIFLOW_NONE || config->kind != WEIR_CACHE_NORMAL ||
                      !weir_flow_definition_has_connections(definition);
    struct weir_flow_hasher hasher = {
        .hash_key = config->hash_key,
        .mask = {definition->mask[0], definition->mask[1]},
        .tail_mask = hashes_all ? ~UINT64_C(0) : 0,
    };
    if (hashes_all)
        memset(&hasher.hashed_more, 0xff, sizeof(hasher.hashed_more));
    else
        hasher.hashed_more = (struct weir_flow_more_key){
            .vlan = UINT16_MAX, .inner_vlan = UINT16_MAX, .layer = UINT8_MAX};
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
    cache->kind = config->kind;
    cache->has_connections = config->kind == WEIR_CACHE_NORMAL &&
                             weir_flow_definition_has_connections(&config->definition);
    cache->biflow = config->biflow;
    cache->perimeter = config->perimeter;
    bool is_biflow = config->biflow != WEIR_BIFLOW_NONE;
    cache->cold_shift = is_biflow ? COLD_SHIFT + 1 : COLD_SHIFT;
    cache->hash = weir_flow_hash_choose(is_biflow);
    cache->hasher = weir_cache_hasher(config);
    divide(cache, config);
    cache->packets_limit = UINT32_MAX;
    set_times(cache, config);
    if (make_tables(cache, config, sink) < 0)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a flow cache of %u entries",
                               config->entries);
    else if (cache->rows.features.needs_engines)
        result = weir_feature_engines_new(&cache->rows.features, cache->entries,
                                          cache->region_count, &cache->rows.features.engines, diag);
    if (result < 0)
        weir_cache_free(cache);
    else
        *ret_cache = cache;
    return result;
}

weir_column_set weir_cache_columns(const struct weir_cache_config *config)
{
    const struct weir_meter_layout layout = layout_of(config);
    return weir_meter_layout_columns(&layout);
}

bool weir_cache_needs_details(const struct weir_cache_config *config)
{
    struct weir_feature_set features;
    weir_feature_set_init(&features, &config->definition, config->biflow != WEIR_BIFLOW_NONE);
    return features.needs_detail || weir_flow_more_needs_detail(&config->definition.more_mask);
}

uint32_t weir_cache_network_octets(const struct weir_cache_config *config)
{
    struct weir_feature_set features;
    weir_feature_set_init(&features, &config->definition, config->biflow != WEIR_BIFLOW_NONE);
    return features.network_octets;
}

void weir_cache_extras(const struct weir_cache_config *config, struct weir_extra_fields *ret_extra)
{
    const struct weir_meter_layout layout = layout_of(config);
    weir_meter_layout_extras(&layout, config->biflow != WEIR_BIFLOW_NONE, ret_extra);
}

/* What flows that are still there have in the engines. */
static void release_flows(struct weir_cache *cache)
{
    const struct weir_feature_set *features = &cache->rows.features;
    if (!features->engines)
        return;
    for (uint32_t set = 0; set < cache->rows_in_use * cache->bucket_count; set++)
        for (uint32_t ways = weir_group_occupied(&cache->groups[set]); ways; ways &= ways - 1) {
            uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
            weir_feature_set_release(features, weir_cache_states(cache, slot),
                                     weir_cache_region_of(cache, slot));
        }
}

void weir_cache_free(struct weir_cache *cache)
{
    if (!cache)
        return;
    release_flows(cache);
    weir_feature_engines_free(cache->rows.features.engines);
    weir_cache_free_sets(cache);
    weir_meter_rows_done(&cache->rows);
    free(cache);
}

struct weir_cache_counters weir_cache_counters(const struct weir_cache *cache)
{
    struct weir_cache_counters counters = cache->counters;
    counters.flows_exported = cache->rows.handed_on;
    counters.flows_active = cache->active_count;
    counters.cache_entries = cache->entries;
    weir_feature_engines_count(cache->rows.features.engines, &counters);
    uint64_t beside = weir_feature_engines_octets(cache->rows.features.engines);
    counters.cache_octets = weir_cache_octets(cache, cache->rows_in_use) + beside;
    counters.cache_octets_peak = weir_cache_octets(cache, cache->rows_in_use_peak) + beside;
    return counters;
}
