/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How flows leave the cache: why and when they are reported and end, the sweep that finds those
 * that nobody hits, and whom to end when there is no room.
 */
#include <stddef.h>

#include "meter/private.h"
#include "meter/row.h"

#define HOT static inline __attribute__((always_inline))

/* The whole table is swept once in this many ticks. */
#define SWEEP_TICKS  16u
#define SWEEP_SETS   64u /* that are fetched ahead at most */
#define SUSPECT_SETS 8u

/*
 * Ticks are compared modulo 256. A flow is found when it looks tick_limit + 1 (129) ticks old, at
 * most SWEEP_TICKS later; with no more than this many ticks passing in one step it never looks
 * 256 old. Longer steps are swept by exact time.
 */
#define STEP_TICKS_MAX 64u

static uint64_t sum_or_none(uint64_t time, uint64_t limit)
{
    return limit > WEIR_LIMIT_NONE - time ? WEIR_LIMIT_NONE : time + limit;
}

/* The last moment before the flow is due, and what for. */
HOT uint64_t due_after(const struct weir_cache *cache, const unsigned path, uint32_t slot,
                       unsigned *ret_reason)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    const struct weir_flow_limits *limits = weir_limits_of(&cache->limits, hot->key.protocol);
    bool ended = hot->sum.state & WEIR_FLOW_ENDED;
    bool rests = weir_cache_rests(cache, path, slot);
    uint64_t silence = ended ? limits->linger : rests ? limits->rest : limits->idle;
    uint64_t silent = sum_or_none(hot->last_seen, silence);
    uint64_t deadline = rests ? WEIR_LIMIT_NONE : weir_cache_cold(cache, slot)->deadline;
    *ret_reason = deadline < silent ? WEIR_FLOW_END_ACTIVE
                  : ended           ? WEIR_FLOW_END_DETECTED
                                    : WEIR_FLOW_END_IDLE;
    return deadline < silent ? deadline : silent;
}

/* What the flow is due for by now, or 0: its record, where the reason is WEIR_FLOW_END_ACTIVE, or
 * else its end. */
HOT unsigned end_reason(const struct weir_cache *cache, const unsigned path, uint32_t slot)
{
    unsigned reason;
    return cache->clock.now > due_after(cache, path, slot, &reason) ? reason : 0;
}

/* The key of a biflow from its source's side. */
static struct weir_flow_key key_of_biflow(const struct weir_flow_hot *hot)
{
    struct weir_flow_key key = hot->key;
    bool is_v6 = key.observation_point & WEIR_FLOW_KEY_V6;
    if (hot->sum.state & WEIR_FLOW_SWAPPED) {
        key.src_addr = hot->key.dst_addr;
        key.dst_addr = hot->key.src_addr;
        key.src_port = hot->key.dst_port;
        key.dst_port = hot->key.src_port;
    }
    if (key.protocol == weir_icmp_protocol(is_v6) && key.src_port) {
        key.dst_port = weir_biflow_icmp_answer(key.src_port, is_v6);
        key.src_port = 0;
    }
    return key;
}

/* What only the record of a biflow has. One with the reverse direction only has its times. */
static void view_biflow(const struct weir_cache *cache, uint32_t slot,
                        struct weir_flow_whole_key *key, struct weir_flow_view *flow)
{
    const struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
    key->key = key_of_biflow(flow->hot);
    flow->key = &key->key;
    if (flow->more) {
        key->more = *flow->more;
        weir_flow_more_exchange(&key->more, flow->hot->sum.state & WEIR_FLOW_SWAPPED);
        flow->more = &key->more;
    }
    flow->by_perimeter =
        cache->biflow == WEIR_BIFLOW_PERIMETER &&
        weir_perimeter_tells(&cache->perimeter, key->key.src_addr, key->key.dst_addr);
    if (reverse->sum.packets > 0)
        flow->reverse = reverse;
    if (flow->hot->sum.packets == 0) {
        flow->first_ns = reverse->times.first_ns;
        flow->last_ns = reverse->times.last_ns;
    }
}

/* The flow's record. */
HOT void add_row(struct weir_cache *cache, const unsigned path, uint32_t slot, unsigned reason)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    const struct weir_flow_cold *cold = weir_cache_cold(cache, slot);
    uint8_t tos_mask = cache->rows.layout.definition.mask[0].tos;
    struct weir_flow_view flow = {
        .key = &hot->key,
        .hot = hot,
        .cold = cold,
        .more = path & WEIR_PATH_MORE ? &cache->more[slot] : NULL,
        .more_mask = &cache->rows.layout.definition.more_mask,
        .features = &cache->rows.features,
        .sampling = &cache->rows.layout.sampling,
        .states = path & WEIR_PATH_FEATURES ? weir_cache_states(cache, slot) : NULL,
        .first_ns = cold->times.first_ns,
        .last_ns = hot->sum.state & WEIR_FLOW_LATE ? cold->times.last_ns
                                                   : weir_cache_time_ns(hot->last_seen),
        .tos = tos_mask ? cold->tos & tos_mask : cold->tos,
        .reason = (uint8_t)reason,
    };
    int64_t now_ns = weir_cache_time_ns(cache->clock.now);
    if (path & WEIR_PATH_BIFLOW) {
        struct weir_flow_whole_key key;
        struct weir_flow_view biflow = flow;
        view_biflow(cache, slot, &key, &biflow);
        weir_row_add(&cache->rows, &biflow, now_ns);
    } else {
        weir_row_add(&cache->rows, &flow, now_ns);
    }
}

HOT void make_record(struct weir_cache *cache, const unsigned path, uint32_t slot, unsigned reason)
{
#define COUNTER(member) offsetof(struct weir_cache_counters, member)
    static const size_t counters[] = {
        [WEIR_FLOW_END_IDLE] = COUNTER(flows_expired_idle),
        [WEIR_FLOW_END_ACTIVE] = COUNTER(flows_expired_active),
        [WEIR_FLOW_END_DETECTED] = COUNTER(flows_expired_end),
        [WEIR_FLOW_END_FORCED] = COUNTER(flows_expired_forced),
        [WEIR_FLOW_END_RESOURCES] = COUNTER(flows_expired_resources),
    };
#undef COUNTER
    ++*(uint64_t *)((uint8_t *)&cache->counters + counters[reason]);
    add_row(cache, path, slot, reason);
}

void weir_cache_report(struct weir_cache *cache, uint32_t slot, unsigned reason)
{
    const unsigned path = weir_cache_path(cache);
    if (weir_cache_rests(cache, path, slot))
        return;
    make_record(cache, path, slot, reason);
    struct weir_flow_hot *hot = &cache->hot[slot];
    unsigned state = hot->sum.state & WEIR_FLOW_STAYS;
    if (hot->sum.state & WEIR_TCP_FIN)
        state |= WEIR_FLOW_FIN;
    if (path & WEIR_PATH_BIFLOW) {
        struct weir_flow_reverse *reverse = weir_cache_reverse(cache, slot);
        if (reverse->sum.packets > 0 && reverse->sum.state & WEIR_TCP_FIN)
            state |= WEIR_FLOW_FIN_BACK;
        reverse->sum.packets = 0;
    }
    hot->sum.state = (uint16_t)state;
    hot->sum.packets = 0;
    hot->sum.octets = 0;
}

/* Makes the flow's record, unless it rests. What is gone need not rest: a line that is only read
 * need not be written to memory. */
HOT void end_flow(struct weir_cache *cache, const unsigned path, uint32_t slot, unsigned reason)
{
    const struct weir_feature_set *features = &cache->rows.features;
    bool has_engines = path & WEIR_PATH_FEATURES && features->engines;
    uint8_t *states = has_engines ? weir_cache_states(cache, slot) : NULL;
    if (has_engines)
        weir_feature_set_finish(features, states, weir_cache_region_of(cache, slot));
    if (!weir_cache_rests(cache, path, slot))
        make_record(cache, path, slot, reason);
    if (has_engines)
        weir_feature_set_release(features, states, weir_cache_region_of(cache, slot));
}

/* Empties slots of a set whose flows have ended. */
static void empty(struct weir_cache *cache, uint32_t set, uint32_t ways)
{
    struct weir_bucket *bucket = &cache->buckets[weir_cache_bucket_of(cache, set)];
    uint32_t count = 0;
    for (; ways; ways &= ways - 1) {
        cache->groups[set].tags[__builtin_ctz(ways)] = 0;
        count++;
    }
    cache->active_count -= count;
    bucket->active_count -= count;
    cache->regions[bucket->region].active_count -= count;
}

void weir_cache_expire(struct weir_cache *cache, uint32_t slot, unsigned reason)
{
    end_flow(cache, weir_cache_path(cache), slot, reason);
    empty(cache, slot / WEIR_GROUP_WAYS, UINT32_C(1) << slot % WEIR_GROUP_WAYS);
}

/*
 * Does what the flow is due for, but to empty its slot. Whether it has ended; with `early`, a
 * reason, it has in any case, if only for that. Who only lingers has ended already.
 */
HOT bool has_ended(struct weir_cache *cache, const unsigned path, uint32_t slot, unsigned early)
{
    unsigned reason = end_reason(cache, path, slot);
    if (reason == WEIR_FLOW_END_ACTIVE) {
        weir_cache_report(cache, slot, reason);
        reason = end_reason(cache, path, slot);
    }
    if (!reason && early)
        reason = cache->hot[slot].sum.state & WEIR_FLOW_ENDED ? WEIR_FLOW_END_DETECTED : early;
    if (reason)
        end_flow(cache, path, slot, reason);
    return reason != 0;
}

bool weir_cache_examine(struct weir_cache *cache, uint32_t slot)
{
    if (!has_ended(cache, weir_cache_path(cache), slot, 0))
        return true;
    empty(cache, slot / WEIR_GROUP_WAYS, UINT32_C(1) << slot % WEIR_GROUP_WAYS);
    return false;
}

/*
 * Ticks tell of silence up to the shortest timeout only, modulo 256. Who may be silent for longer
 * looks up to a quarter younger than that, so that it is looked at again in time; where room is
 * needed it goes early.
 */
static void stay(struct weir_cache *cache, const unsigned path, uint32_t slot)
{
    unsigned reason;
    const struct weir_flow_hot *hot = &cache->hot[slot];
    uint64_t left =
        (due_after(cache, path, slot, &reason) - cache->clock.now) / cache->clock.tick_ns;
    uint64_t age = (cache->clock.now - hot->last_seen) / cache->clock.tick_ns +
                   (hot->sum.state & WEIR_FLOW_ENDED ? cache->linger_shift : 0u);
    unsigned least = cache->tick_limit - cache->tick_limit / 4u;
    unsigned shown =
        left < cache->tick_limit - least ? (unsigned)(cache->tick_limit - left) : least;
    if (age > shown)
        cache->groups[slot / WEIR_GROUP_WAYS].ticks[slot % WEIR_GROUP_WAYS] =
            (uint8_t)(cache->clock.tick - shown);
}

HOT uint32_t expire_ways(struct weir_cache *cache, const unsigned path, uint32_t set, uint32_t ways,
                         unsigned early)
{
    uint32_t ended = 0;
    for (; ways; ways &= ways - 1) {
        uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        if (has_ended(cache, path, slot, early))
            ended |= ways & -ways;
        else
            stay(cache, path, slot);
    }
    if (ended)
        empty(cache, set, ended);
    return ended;
}

/* Does what those of the given ways of a set are due for, and with `early` ends them all; returns
 * those that have ended. */
static uint32_t expire(struct weir_cache *cache, uint32_t set, uint32_t ways, unsigned early)
{
    const unsigned path = weir_cache_path(cache);
    return path == WEIR_PATH_PLAIN ? expire_ways(cache, WEIR_PATH_PLAIN, set, ways, early)
                                   : expire_ways(cache, path, set, ways, early);
}

/* Flows of which nothing came for long; all, where they are reported however short that is. */
HOT uint32_t maybe_ended(const struct weir_cache *cache, uint32_t set)
{
    if (cache->limits.interval)
        return weir_group_occupied(&cache->groups[set]);
    return weir_group_older(&cache->groups[set], (uint8_t)cache->clock.tick, cache->tick_limit);
}

/* Always inlined: gcc drops calls of functions that only prefetch. */
HOT void prefetch_ways(const struct weir_cache *cache, uint32_t set, uint32_t ways)
{
    for (; ways; ways &= ways - 1) {
        uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        __builtin_prefetch(&cache->hot[slot]);
        __builtin_prefetch(weir_cache_cold(cache, slot));
    }
}

/* Sets of a region one after another, row by row. */
struct walk {
    uint32_t first; /* bucket of the region */
    uint32_t row;
    uint32_t bucket; /* of the region's */
};

static struct walk walk_from_sweep(const struct weir_cache *cache, uint32_t region)
{
    return (struct walk){
        .first = region * cache->region_buckets,
        .row = cache->regions[region].sweep_set / cache->region_buckets,
        .bucket = cache->regions[region].sweep_set % cache->region_buckets,
    };
}

/* The next sets on the way, one behind another in memory: their first, and how many, to `most`. */
static uint32_t walk_on(const struct weir_cache *cache, uint32_t region, struct walk *walk,
                        uint32_t most, uint32_t *ret_count)
{
    uint32_t set = walk->row * cache->bucket_count + walk->first + walk->bucket;
    uint32_t left = cache->region_buckets - walk->bucket;
    *ret_count = most < left ? most : left;
    walk->bucket += *ret_count;
    if (walk->bucket == cache->region_buckets) {
        walk->bucket = 0;
        walk->row = walk->row + 1 == cache->regions[region].row_count ? 0 : walk->row + 1;
    }
    return set;
}

/*
 * Flows that may be due. They are fetched while the ones before them are looked at, so that none is
 * waited for, nor the memory asked for more than it can at once.
 */
struct suspects {
    uint32_t sets[SUSPECT_SETS]; /* a ring */
    uint32_t ways[SUSPECT_SETS];
    unsigned first;
    unsigned count;
};

static void examine_first(struct weir_cache *cache, struct suspects *suspects)
{
    unsigned at = suspects->first++ % SUSPECT_SETS;
    suspects->count--;
    (void)expire(cache, suspects->sets[at], suspects->ways[at], 0);
}

/* The groups of the sets that a walk goes on with, of `most` at most. */
HOT void prefetch_groups(const struct weir_cache *cache, uint32_t region, struct walk walk,
                         uint32_t most)
{
    uint32_t run;
    uint32_t set = walk_on(cache, region, &walk, most < SWEEP_SETS ? most : SWEEP_SETS, &run);
    for (uint32_t i = 0; i < run; i++)
        __builtin_prefetch(&cache->groups[set + i]);
}

/* Looks through `count` sets of a region. */
static void sweep(struct weir_cache *cache, uint32_t region, uint32_t count,
                  struct suspects *suspects)
{
    struct walk walk = walk_from_sweep(cache, region);
    uint32_t run;
    for (; count > 0; count -= run) {
        uint32_t set = walk_on(cache, region, &walk, count, &run);
        prefetch_groups(cache, region, walk, count - run);
        for (uint32_t end = set + run; set < end; set++) {
            uint32_t ways = maybe_ended(cache, set);
            if (!ways)
                continue;
            if (suspects->count == SUSPECT_SETS)
                examine_first(cache, suspects);
            prefetch_ways(cache, set, ways);
            unsigned at = (suspects->first + suspects->count++) % SUSPECT_SETS;
            suspects->sets[at] = set;
            suspects->ways[at] = ways;
        }
    }
    cache->regions[region].sweep_set = walk.row * cache->region_buckets + walk.bucket;
}

/* Ends every flow that has ended, by exact time; and with `early`, a reason, all others too. */
static void sweep_exact(struct weir_cache *cache, unsigned early)
{
    for (uint32_t set = 0; set < cache->rows_in_use * cache->bucket_count; set++) {
        uint32_t ways = weir_group_occupied(&cache->groups[set]);
        prefetch_ways(cache, set, ways);
        (void)expire(cache, set, ways, early);
    }
}

/* So much of a whole that it is gone through once in SWEEP_TICKS. */
static uint32_t part_of(uint32_t whole, uint64_t steps)
{
    uint64_t part = steps * ((whole + SWEEP_TICKS - 1) / SWEEP_TICKS);
    return part < whole ? (uint32_t)part : whole;
}

static uint32_t sweep_part(const struct weir_cache *cache, uint32_t region, uint64_t steps)
{
    return part_of(cache->regions[region].row_count * cache->region_buckets, steps);
}

/* Looks for flows that ended since tick `before`. */
static void sweep_since(struct weir_cache *cache, uint64_t before)
{
    uint64_t steps = cache->clock.tick - before;
    if (steps > STEP_TICKS_MAX) {
        sweep_exact(cache, 0);
        for (uint32_t region = 0; region < cache->region_count; region++)
            weir_cache_shrink(cache, region, cache->region_buckets);
        weir_cache_trim(cache);
        return;
    }
    if (steps == 0)
        return;
    struct suspects suspects = {.count = 0};
    for (uint32_t region = 0; region < cache->region_count; region++) {
        if (region + 1 < cache->region_count)
            prefetch_groups(cache, region + 1, walk_from_sweep(cache, region + 1),
                            sweep_part(cache, region + 1, steps));
        sweep(cache, region, sweep_part(cache, region, steps), &suspects);
    }
    while (suspects.count > 0)
        examine_first(cache, &suspects);
    for (uint32_t region = 0; region < cache->region_count; region++)
        weir_cache_shrink(cache, region, part_of(cache->region_buckets, steps));
    weir_cache_trim(cache);
}

static void set_back(struct weir_cache *cache, uint64_t time)
{
    cache->counters.clock_steps_back++;
    sweep_exact(cache, WEIR_FLOW_END_FORCED);
    weir_meter_clock_start(&cache->clock, time);
}

void weir_cache_change_time(struct weir_cache *cache, uint64_t time)
{
    uint64_t tick = cache->clock.tick;
    switch (weir_meter_clock_take(&cache->clock, time)) {
    case WEIR_METER_CLOCK_GOES_ON:
    case WEIR_METER_CLOCK_STARTS:
        break;
    case WEIR_METER_CLOCK_TICKS:
        sweep_since(cache, tick);
        break;
    case WEIR_METER_CLOCK_WAS_BACK:
        cache->counters.packets_late++;
        set_back(cache, time);
        break;
    case WEIR_METER_CLOCK_IS_LATE:
        cache->counters.packets_late++;
        break;
    }
}

/* What all shares are told, one of them counts. */
int weir_cache_tell(struct weir_cache *cache, uint64_t time, bool was_back, struct weir_diag *diag)
{
    cache->rows.diag = diag;
    if (!was_back) {
        weir_cache_change_time(cache, time);
        return cache->rows.result;
    }
    set_back(cache, time);
    if (cache->is_first_share)
        cache->counters.packets_late++;
    else
        cache->counters.clock_steps_back--;
    return cache->rows.result;
}

/* Empties a way of a set that is not empty, of all flows that have ended or of the oldest. */
static unsigned empty_a_way(struct weir_cache *cache, uint32_t set, uint8_t spread)
{
    uint32_t ended = expire(cache, set, maybe_ended(cache, set), 0);
    if (ended)
        return (unsigned)__builtin_ctz(ended);
    unsigned way = weir_cache_oldest(cache, &cache->groups[set], spread);
    (void)expire(cache, set, UINT32_C(1) << way, WEIR_FLOW_END_RESOURCES);
    return way;
}

unsigned weir_cache_make_room(struct weir_cache *cache, uint32_t set, uint8_t spread)
{
    if (weir_group_occupied(&cache->groups[set]))
        return empty_a_way(cache, set, spread);
    /* The region is full, but this set is empty: the next one that is not has to give. */
    uint32_t bucket = weir_cache_bucket_of(cache, set);
    const uint32_t first = cache->buckets[bucket].region * cache->region_buckets;
    uint32_t row = set / cache->bucket_count;
    do {
        if (++bucket == first + cache->region_buckets) {
            bucket = first;
            row = (row + 1) % cache->row_count;
        }
    } while (!weir_group_occupied(&cache->groups[row * cache->bucket_count + bucket]));
    (void)empty_a_way(cache, row * cache->bucket_count + bucket, spread);
    return 0;
}

int weir_cache_advance(struct weir_cache *cache, int64_t now_ns, struct weir_diag *diag)
{
    uint64_t time = weir_cache_time(now_ns);
    cache->rows.diag = diag;
    if (cache->clock.started && time > cache->clock.now)
        weir_cache_change_time(cache, time);
    weir_meter_rows_flush(&cache->rows, now_ns);
    return cache->rows.result;
}

int weir_cache_hand_on(struct weir_cache *cache, struct weir_diag *diag)
{
    cache->rows.diag = diag;
    weir_meter_rows_flush(&cache->rows, weir_cache_now(cache));
    return cache->rows.result;
}

int weir_cache_finish(struct weir_cache *cache, struct weir_diag *diag)
{
    cache->rows.diag = diag;
    sweep_exact(cache, WEIR_FLOW_END_FORCED);
    weir_cache_shrink_all(cache);
    weir_meter_rows_flush(&cache->rows, weir_cache_now(cache));
    weir_meter_clock_stop(&cache->clock);
    return cache->rows.result;
}

int64_t weir_cache_now(const struct weir_cache *cache)
{
    return cache->clock.started ? weir_cache_time_ns(cache->clock.now) : 0;
}
