/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How flows leave the cache: why and when they end, the sweep that finds those that nobody hits,
 * and whom to end when there is no room.
 */
#include "meter/private.h"

/* The whole table is swept once in this many ticks. */
#define SWEEP_TICKS 16u

/*
 * Ticks are compared modulo 256. A flow is found when it looks tick_limit + 1 (129) ticks old, at
 * most SWEEP_TICKS later; with no more than this many ticks passing in one step it never looks
 * 256 old. Longer steps are swept by exact time.
 */
#define STEP_TICKS_MAX 64u

unsigned weir_cache_end_reason(const struct weir_cache *cache, uint32_t slot)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    bool ended = hot->state & WEIR_FLOW_ENDED;
    uint64_t silence_limit = ended ? cache->linger : cache->idle;
    uint64_t silence = cache->now - hot->last_seen;
    uint64_t age = cache->now - cache->cold[slot].start_seen;
    uint64_t silent_since = silence > silence_limit ? silence - silence_limit : 0;
    uint64_t overdue_since = age > cache->active ? age - cache->active : 0;
    if (overdue_since > silent_since)
        return WEIR_FLOW_END_ACTIVE;
    if (silent_since == 0)
        return 0;
    return ended ? WEIR_FLOW_END_DETECTED : WEIR_FLOW_END_IDLE;
}

void weir_cache_expire(struct weir_cache *cache, uint32_t slot, unsigned reason)
{
    const struct weir_flow_hot *hot = &cache->hot[slot];
    const struct weir_flow_cold *cold = &cache->cold[slot];
    int64_t last_ns =
        hot->state & WEIR_FLOW_LATE ? cold->last_ns : weir_cache_time_ns(hot->last_seen);
    uint64_t *const counters[] = {
        [WEIR_FLOW_END_IDLE] = &cache->counters.flows_expired_idle,
        [WEIR_FLOW_END_ACTIVE] = &cache->counters.flows_expired_active,
        [WEIR_FLOW_END_DETECTED] = &cache->counters.flows_expired_end,
        [WEIR_FLOW_END_FORCED] = &cache->counters.flows_expired_forced,
        [WEIR_FLOW_END_RESOURCES] = &cache->counters.flows_expired_resources,
    };
    ++*counters[reason];
    cache->groups[slot / WEIR_GROUP_WAYS].tags[slot % WEIR_GROUP_WAYS] = 0;
    cache->active_count--;
    weir_meter_rows_add(&cache->rows, hot, cold, last_ns, reason, weir_cache_time_ns(cache->now));
}

static uint32_t occupied(const struct weir_group *group)
{
    return ~weir_group_match(group->tags, 0);
}

/* Ends those of the given ways of a set that have ended; returns them. */
static uint32_t expire_ended(struct weir_cache *cache, uint32_t set, uint32_t ways)
{
    uint32_t ended = 0;
    for (; ways; ways &= ways - 1) {
        unsigned way = (unsigned)__builtin_ctz(ways);
        uint32_t slot = set * WEIR_GROUP_WAYS + way;
        unsigned reason = weir_cache_end_reason(cache, slot);
        if (reason) {
            weir_cache_expire(cache, slot, reason);
            ended |= UINT32_C(1) << way;
        }
    }
    return ended;
}

static uint32_t maybe_ended(const struct weir_cache *cache, uint32_t set)
{
    const struct weir_group *group = &cache->groups[set];
    return weir_group_older(group, (uint8_t)cache->tick, cache->tick_limit) & occupied(group);
}

/* Always inlined: gcc drops calls of functions that only prefetch. */
static inline __attribute__((always_inline)) void prefetch_ways(const struct weir_cache *cache,
                                                                uint32_t set, uint32_t ways)
{
    for (; ways; ways &= ways - 1) {
        uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        __builtin_prefetch(&cache->hot[slot]);
        __builtin_prefetch(&cache->cold[slot]);
    }
}

/* Looks through `count` sets from sweep_set on; entries are fetched some sets ahead. */
static void sweep(struct weir_cache *cache, uint32_t count)
{
    enum { AHEAD = 8 };
    uint32_t ahead[AHEAD] = {0};
    for (uint32_t i = 0; i < count + AHEAD; i++) {
        uint32_t ways = ahead[i % AHEAD];
        if (i >= AHEAD && ways) {
            uint32_t set = cache->sweep_set + i - AHEAD;
            (void)expire_ended(cache, set % cache->set_count, ways);
        }
        ahead[i % AHEAD] = 0;
        if (i < count) {
            uint32_t set = (cache->sweep_set + i) % cache->set_count;
            ways = maybe_ended(cache, set);
            ahead[i % AHEAD] = ways;
            prefetch_ways(cache, set, ways);
        }
    }
    cache->sweep_set = (cache->sweep_set + count) % cache->set_count;
}

/* Ends every flow that has ended, by exact time; and with `force` all others too. */
static void sweep_exact(struct weir_cache *cache, bool force)
{
    for (uint32_t set = 0; set < cache->set_count; set++) {
        uint32_t ways = occupied(&cache->groups[set]);
        prefetch_ways(cache, set, ways);
        uint32_t rest = ways & ~expire_ended(cache, set, ways);
        for (; force && rest; rest &= rest - 1) {
            uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(rest);
            bool ended = cache->hot[slot].state & WEIR_FLOW_ENDED;
            weir_cache_expire(cache, slot, ended ? WEIR_FLOW_END_DETECTED : WEIR_FLOW_END_FORCED);
        }
    }
}

static void set_tick(struct weir_cache *cache)
{
    cache->tick = cache->now / cache->tick_ns;
    cache->next_tick = (cache->tick + 1) * cache->tick_ns;
}

static void start_time(struct weir_cache *cache, uint64_t time)
{
    cache->started = true;
    cache->now = time;
    cache->late_in_row = 0;
    set_tick(cache);
}

static void change_tick(struct weir_cache *cache)
{
    uint64_t before = cache->tick;
    set_tick(cache);
    uint64_t steps = cache->tick - before;
    if (steps > STEP_TICKS_MAX) {
        sweep_exact(cache, false);
    } else if (steps > 0) {
        uint32_t slice = (cache->set_count + SWEEP_TICKS - 1) / SWEEP_TICKS;
        uint64_t sets = steps * slice;
        sweep(cache, sets < cache->set_count ? (uint32_t)sets : cache->set_count);
    }
}

void weir_cache_change_time(struct weir_cache *cache, uint64_t time)
{
    if (!cache->started) {
        start_time(cache, time);
    } else if (time >= cache->now) {
        cache->now = time;
        cache->late_in_row = 0;
        change_tick(cache);
    } else {
        cache->counters.packets_late++;
        if (cache->now - time <= cache->idle) {
            cache->late_in_row = 0;
        } else if (++cache->late_in_row == WEIR_CACHE_STEP_PACKETS) {
            cache->counters.clock_steps_back++;
            sweep_exact(cache, true);
            start_time(cache, time);
        }
    }
}

/* Empties a way of a set that is not empty, of all flows that have ended or of the oldest. */
static unsigned empty_a_way(struct weir_cache *cache, uint32_t set, unsigned spread)
{
    uint32_t ended = expire_ended(cache, set, maybe_ended(cache, set));
    if (ended)
        return (unsigned)__builtin_ctz(ended);
    unsigned way = weir_cache_oldest(cache, &cache->groups[set], spread);
    uint32_t slot = set * WEIR_GROUP_WAYS + way;
    unsigned reason = weir_cache_end_reason(cache, slot);
    weir_cache_expire(cache, slot, reason ? reason : WEIR_FLOW_END_RESOURCES);
    return way;
}

unsigned weir_cache_make_room(struct weir_cache *cache, uint32_t set, unsigned spread)
{
    if (occupied(&cache->groups[set]))
        return empty_a_way(cache, set, spread);
    /* The cache is full, but this set is empty: the next one that is not has to give. */
    uint32_t from = set;
    do {
        from = from + 1 == cache->set_count ? 0 : from + 1;
    } while (!occupied(&cache->groups[from]));
    (void)empty_a_way(cache, from, spread);
    return 0;
}

int weir_cache_advance(struct weir_cache *cache, int64_t now_ns, struct weir_diag *diag)
{
    uint64_t time = weir_cache_time(now_ns);
    cache->rows.diag = diag;
    if (cache->started && time > cache->now) {
        cache->now = time;
        if (time >= cache->next_tick)
            change_tick(cache);
    }
    weir_meter_rows_flush(&cache->rows, now_ns);
    return cache->rows.result;
}

int weir_cache_finish(struct weir_cache *cache, struct weir_diag *diag)
{
    cache->rows.diag = diag;
    sweep_exact(cache, true);
    weir_meter_rows_flush(&cache->rows, weir_cache_now(cache));
    cache->started = false;
    cache->next_tick = 0;
    return cache->rows.result;
}

int64_t weir_cache_now(const struct weir_cache *cache)
{
    return cache->started ? weir_cache_time_ns(cache->now) : 0;
}
