/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/spread.h"

#include <string.h>

#include "meter/private.h"

#define BATCH 32u

/* A number of buckets below 2^22, and at most 64 times as many as a region has. */
#define INVERSE_BITS 56u

void weir_spread_init(struct weir_spread *spread, const struct weir_cache *cache, unsigned count)
{
    const struct weir_flow_definition *definition = &cache->rows.layout.definition;
    uint32_t regions = cache->hasher.bucket_count / cache->region_buckets;
    *spread = (struct weir_spread){
        .hash = cache->hash,
        .hasher = cache->hasher,
        .more_mask = definition->more_mask,
        .has_more = definition->has_more,
        .count = count,
        .region_inverse = (UINT64_C(1) << INVERSE_BITS) / cache->region_buckets + 1,
    };
    for (unsigned share = 0; share < count; share++)
        for (uint32_t region = weir_cache_first_region(regions, share, count);
             region < weir_cache_first_region(regions, share + 1, count); region++)
            spread->share_of_region[region] = (uint8_t)share;
}

/* Who is told the time does not judge by itself that it was set back; who tells it does. */
void weir_spread_share_init(struct weir_spread_share *share, struct weir_cache *cache,
                            struct weir_share of)
{
    *share = (struct weir_spread_share){
        .cache = cache, .index = of.index, .count = of.count, .clock = cache->clock};
    share->clock.idle = cache->limits.longest_idle;
}

/* ---- Sorting ---- */

/* Keys that are not NetFlow's of some packets. */
static void find_more(const struct weir_flow_more_key *mask, const struct weir_packet *packets,
                      size_t count, const struct weir_packet_detail *details,
                      struct weir_flow_more_key *more)
{
    if (!weir_flow_more_needs_detail(mask))
        details = NULL;
    for (size_t i = 0; i < count; i++)
        more[i] =
            weir_flow_more_of(&packets[i], details ? &details[packets[i].detail] : NULL, mask);
}

/* Hashes packets, says whose they are, and how many are each one's. */
static void find_places(const struct weir_spread *spread, const struct weir_packet *packets,
                        size_t count, const struct weir_packet_detail *details,
                        struct weir_flow_place *places, uint8_t *shares, uint32_t *counts)
{
    struct weir_flow_more_key more[BATCH];
    for (size_t done = 0; done < count; done += BATCH) {
        size_t size = count - done < BATCH ? count - done : BATCH;
        if (spread->has_more)
            find_more(&spread->more_mask, packets + done, size, details, more);
        spread->hash(&spread->hasher, packets + done, spread->has_more ? more : NULL, places + done,
                     size);
        for (size_t i = done; i < done + size; i++) {
            uint64_t region = places[i].bucket * spread->region_inverse >> INVERSE_BITS;
            shares[i] = spread->share_of_region[region];
            counts[shares[i]]++;
        }
    }
}

void weir_spread_sort(const struct weir_spread *spread, const struct weir_packet *packets,
                      size_t count, const struct weir_packet_detail *details,
                      struct weir_flow_place *scratch, struct weir_spread_batch *batch)
{
    uint32_t next[WEIR_SPREAD_MAX + 1] = {0};
    find_places(spread, packets, count, details, scratch, batch->shares, next);
    for (uint32_t share = 0, at = 0; share <= spread->count; share++) {
        uint32_t own = next[share];
        batch->begin[share] = next[share] = at;
        at += own;
    }
    batch->count = (uint32_t)count;
    batch->first_ns = batch->last_ns = count ? packets[0].time_ns : 0;
    batch->is_ordered = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = next[batch->shares[i]]++;
        batch->packets[at] = packets[i];
        batch->places[at] = scratch[i];
        batch->is_ordered &= packets[i].time_ns >= batch->last_ns;
        batch->last_ns = packets[i].time_ns;
    }
}

/* ---- Taking ---- */

static int add(struct weir_spread_share *share, const struct weir_spread_batch *batch,
               const struct weir_packet_detail *details, uint32_t begin, uint32_t end,
               struct weir_diag *diag)
{
    return weir_cache_add_placed(share->cache, batch->packets + begin, details,
                                 batch->places + begin, end - begin, diag);
}

static int tell(struct weir_spread_share *share, bool was_back, struct weir_diag *diag)
{
    share->told = share->clock.now;
    return weir_cache_tell(share->cache, share->clock.now, was_back, diag);
}

/* Whether the share's cache has to be told before a packet, which may be its own. */
static bool has_to_know(const struct weir_spread_share *share, enum weir_meter_clock_change change,
                        bool is_own)
{
    return change != WEIR_METER_CLOCK_GOES_ON &&
           (change != WEIR_METER_CLOCK_IS_LATE || (is_own && share->told != share->clock.now));
}

/* Packet by packet, of all shares. */
static int take_each(struct weir_spread_share *share, const struct weir_spread_batch *batch,
                     const struct weir_packet_detail *details, struct weir_diag *diag)
{
    uint32_t next[WEIR_SPREAD_MAX + 1];
    uint32_t added = batch->begin[share->index];
    int result = 0;
    memcpy(next, batch->begin, sizeof(next));
    for (uint32_t i = 0; i < batch->count && result == 0; i++) {
        const unsigned whose = batch->shares[i];
        const bool is_own = whose == share->index;
        const uint64_t time = weir_cache_time(batch->packets[next[whose]].time_ns);
        enum weir_meter_clock_change change = weir_meter_clock_take(&share->clock, time);
        if (has_to_know(share, change, is_own)) {
            const bool was_back = change == WEIR_METER_CLOCK_WAS_BACK;
            result = add(share, batch, details, added, next[share->index], diag);
            added = next[share->index];
            /* What has ended by the latest time ended before the clock was set back. */
            if (was_back) {
                if (result == 0)
                    result = tell(share, false, diag);
                weir_meter_clock_start(&share->clock, time);
            }
            if (result == 0)
                result = tell(share, was_back, diag);
        }
        if (is_own)
            share->told = share->clock.now;
        next[whose]++;
    }
    return result < 0 ? result : add(share, batch, details, added, next[share->index], diag);
}

/* Of packets in the order of time the first that is not before one; `end`: none is. */
static uint32_t find(const struct weir_packet *packets, uint32_t begin, uint32_t end, uint64_t time)
{
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (weir_cache_time(packets[middle].time_ns) < time)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Of all packets of a batch in order the time of the first that is not before a time, which the
 * last is not. */
static uint64_t find_time(const struct weir_spread_batch *batch, unsigned count, uint64_t time)
{
    uint64_t found = weir_cache_time(batch->last_ns);
    for (unsigned share = 0; share < count; share++) {
        const uint32_t end = batch->begin[share + 1];
        uint32_t at = find(batch->packets, batch->begin[share], end, time);
        if (at < end && weir_cache_time(batch->packets[at].time_ns) < found)
            found = weir_cache_time(batch->packets[at].time_ns);
    }
    return found;
}

/* Whether time starts or ticks up to the time of a packet. */
static bool has_tick(const struct weir_meter_clock *clock, uint64_t time)
{
    return !clock->started || (time >= clock->next_tick && time > clock->now);
}

/* When: the last tick that there is has none after it. */
static uint64_t next_tick(const struct weir_meter_clock *clock)
{
    return !clock->started || clock->next_tick > clock->now ? clock->next_tick : clock->now + 1;
}

/* From tick to tick: each comes with the first packet of all that is not before it. */
static int take_ordered(struct weir_spread_share *share, const struct weir_spread_batch *batch,
                        const struct weir_packet_detail *details, struct weir_diag *diag)
{
    const uint32_t end = batch->begin[share->index + 1];
    const uint64_t last = weir_cache_time(batch->last_ns);
    uint32_t added = batch->begin[share->index];
    int result = 0;
    while (result == 0 && has_tick(&share->clock, last)) {
        const uint64_t tick = next_tick(&share->clock);
        uint32_t before = find(batch->packets, added, end, tick);
        result = add(share, batch, details, added, before, diag);
        added = before;
        (void)weir_meter_clock_take(&share->clock, find_time(batch, share->count, tick));
        if (result == 0)
            result = tell(share, false, diag);
    }
    if (result < 0)
        return result;
    share->clock.now = last;
    share->clock.late_in_row = 0;
    if (added < end)
        share->told = weir_cache_time(batch->packets[end - 1].time_ns);
    return add(share, batch, details, added, end, diag);
}

int weir_spread_take(struct weir_spread_share *share, const struct weir_spread_batch *batch,
                     const struct weir_packet_detail *details, struct weir_diag *diag)
{
    if (batch->count == 0)
        return 0;
    bool goes_on = !share->clock.started || weir_cache_time(batch->first_ns) >= share->clock.now;
    return batch->is_ordered && goes_on ? take_ordered(share, batch, details, diag)
                                        : take_each(share, batch, details, diag);
}

int64_t weir_spread_now(const struct weir_spread_share *share)
{
    return share->clock.started ? weir_cache_time_ns(share->clock.now) : 0;
}

int weir_spread_finish(struct weir_spread_share *share, struct weir_diag *diag)
{
    int result = share->clock.started ? tell(share, false, diag) : 0;
    weir_meter_clock_stop(&share->clock);
    share->told = 0;
    return result < 0 ? result : weir_cache_finish(share->cache, diag);
}
