/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the sets of the cache become more and fewer. A flow's hash says its bucket, which has 1 to 64
 * sets by the number of its flows (linear hashing): one set is divided in two when a new flow finds
 * SPLIT_FLOWS a set, and two become one again in passing sweeps when there are few. So nothing is
 * ever rehashed as a whole, and what a packet may have to wait for is bounded by one bucket.
 *
 * Set n of every bucket is in row n. All rows lie in memory that is reserved at the start and is
 * the system's until a row is first used; rows that no bucket has any more go back to it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "meter/private.h"

#define ROWS_MAX 64u

/*
 * New flows divide a set where there are so many a set, and sets are united below the latter. In
 * such a set one look-up in thirty meets another flow with the same tag first; with fewer flows a
 * set the sweep has more sets to pass, and they take more memory.
 */
#define SPLIT_FLOWS 8u
#define MERGE_FLOWS 3u

/* How often a bucket may become smaller when the sweep comes by. */
#define VISIT_MERGES 8u

#define HUGE_PAGE ((size_t)2 << 20)

/* Of what weir_cache_bucket_of multiplies with. */
#define INVERSE_BITS 56u

/* ---- Memory ---- */

/* Huge pages where it is large and the system has them: look-ups go all over it. */
static void *reserve(struct weir_cache *cache, size_t row_octets)
{
    struct weir_span *span = &cache->spans[cache->span_count];
    size_t octets = row_octets * cache->row_count;
    size_t spare = octets < HUGE_PAGE ? 0 : HUGE_PAGE;
    span->reserved_octets = octets + spare;
    span->reserved = mmap(NULL, span->reserved_octets, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (span->reserved == MAP_FAILED)
        return NULL;
    cache->span_count++;
    span->row_octets = row_octets;
    span->first = span->reserved;
    if (spare) {
        span->first += (HUGE_PAGE - (uintptr_t)span->first % HUGE_PAGE) % HUGE_PAGE;
        (void)madvise(span->first, octets, MADV_HUGEPAGE);
    }
    return span->first;
}

/* Gives rows from this one on back, which no set is in. */
static void give_back(struct weir_cache *cache, uint32_t first_row)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (unsigned i = 0; i < cache->span_count && first_row < cache->rows_in_use; i++) {
        const struct weir_span *span = &cache->spans[i];
        size_t from = (span->row_octets * first_row + page - 1) / page * page;
        size_t to = (span->row_octets * cache->rows_in_use + page - 1) / page * page;
        if (from < to)
            (void)madvise(span->first + from, to - from, MADV_DONTNEED);
    }
    cache->rows_in_use = first_row;
}

uint64_t weir_cache_octets(const struct weir_cache *cache, uint32_t rows)
{
    uint64_t octets = sizeof(*cache) + cache->bucket_count * sizeof(*cache->buckets) +
                      cache->region_count * sizeof(*cache->regions);
    for (unsigned i = 0; i < cache->span_count; i++)
        octets += cache->spans[i].row_octets * rows;
    return octets;
}

/* ---- Making them ---- */

static uint32_t split_at(const struct weir_cache *cache, const struct weir_bucket *bucket)
{
    return bucket->set_count < cache->row_count ? bucket->set_count * SPLIT_FLOWS : UINT32_MAX;
}

void weir_cache_divide(uint64_t sets, uint32_t *ret_rows, uint32_t *ret_buckets)
{
    uint32_t rows = 1;
    while (rows < ROWS_MAX && rows * 2 <= sets)
        rows *= 2;
    *ret_rows = rows;
    *ret_buckets = (uint32_t)((sets + rows / 2) / rows);
}

int weir_cache_make_sets(struct weir_cache *cache, bool has_more)
{
    size_t row_sets = cache->bucket_count;
    size_t row_slots = row_sets * WEIR_GROUP_WAYS;
    cache->bucket_inverse = (UINT64_C(1) << INVERSE_BITS) / cache->bucket_count + 1;
    cache->rows_in_use = cache->rows_in_use_peak = 1;
    cache->groups = reserve(cache, row_sets * sizeof(*cache->groups));
    cache->hot = reserve(cache, row_slots * sizeof(*cache->hot));
    cache->cold = reserve(cache, row_slots << cache->cold_shift);
    cache->more = has_more ? reserve(cache, row_slots * sizeof(*cache->more)) : NULL;
    size_t state_octets = cache->rows.features.slot_octets;
    cache->states = state_octets ? reserve(cache, row_slots * state_octets) : NULL;
    cache->buckets = calloc(cache->bucket_count, sizeof(*cache->buckets));
    cache->regions = calloc(cache->region_count, sizeof(*cache->regions));
    if (!cache->groups || !cache->hot || !cache->cold || !cache->buckets || !cache->regions ||
        (has_more && !cache->more) || (state_octets && !cache->states))
        return WEIR_E_NOMEM;
    for (uint32_t i = 0; i < cache->region_count; i++)
        cache->regions[i].row_count = 1;
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        struct weir_bucket *bucket = &cache->buckets[i];
        bucket->set_count = 1;
        bucket->split_at = split_at(cache, bucket);
        bucket->region = (uint8_t)(i / cache->region_buckets);
    }
    return 0;
}

void weir_cache_free_sets(struct weir_cache *cache)
{
    for (unsigned i = 0; i < cache->span_count; i++)
        munmap(cache->spans[i].reserved, cache->spans[i].reserved_octets);
    free(cache->buckets);
    free(cache->regions);
}

/* ---- More and fewer ---- */

/* The lowest power of two that is not less. */
static uint32_t power_of_two(uint32_t number)
{
    uint32_t power = 1;
    while (power < number)
        power *= 2;
    return power;
}

/* The row that row n was divided from, or is united with. */
static uint32_t origin_of(uint32_t row)
{
    return row - power_of_two(row + 1) / 2;
}

static void set_size(struct weir_cache *cache, struct weir_bucket *bucket, uint32_t set_count)
{
    bucket->set_count = (uint8_t)set_count;
    bucket->mask = (uint8_t)(power_of_two(set_count) - 1);
    bucket->split_at = split_at(cache, bucket);
    cache->layout++;
}

/* Moves a flow to a way that is empty. */
static void move(struct weir_cache *cache, uint32_t from, unsigned way, uint32_t to,
                 unsigned to_way)
{
    uint32_t old = from * WEIR_GROUP_WAYS + way;
    uint32_t slot = to * WEIR_GROUP_WAYS + to_way;
    cache->groups[to].tags[to_way] = cache->groups[from].tags[way];
    cache->groups[to].ticks[to_way] = cache->groups[from].ticks[way];
    cache->groups[from].tags[way] = 0;
    cache->hot[slot] = cache->hot[old];
    memcpy(weir_cache_cold(cache, slot), weir_cache_cold(cache, old),
           (size_t)1 << cache->cold_shift);
    if (cache->more)
        cache->more[slot] = cache->more[old];
    if (cache->states)
        memcpy(weir_cache_states(cache, slot), weir_cache_states(cache, old),
               cache->rows.features.slot_octets);
}

/* The ways of flows with this bit in their hashes. All lines are asked for before any is needed. */
static uint32_t flows_with(const struct weir_cache *cache, uint32_t set, uint32_t bit)
{
    const uint32_t occupied = weir_group_occupied(&cache->groups[set]);
    uint32_t found = 0;
    for (uint32_t ways = occupied; ways; ways &= ways - 1) {
        uint32_t slot = set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways);
        __builtin_prefetch(weir_cache_cold(cache, slot));
        __builtin_prefetch(&cache->hot[slot]);
    }
    for (uint32_t ways = occupied; ways; ways &= ways - 1)
        if (weir_cache_cold(cache, set * WEIR_GROUP_WAYS + (unsigned)__builtin_ctz(ways))->bits &
            bit)
            found |= ways & -ways;
    return found;
}

/* Divides the next of a bucket's sets in two. */
static void split(struct weir_cache *cache, uint32_t index)
{
    struct weir_bucket *bucket = &cache->buckets[index];
    uint32_t row = bucket->set_count;
    uint32_t from = origin_of(row) * cache->bucket_count + index;
    uint32_t to = row * cache->bucket_count + index;
    uint32_t bit = power_of_two(row + 1) / 2;
    uint32_t ways = flows_with(cache, from, bit);
    for (; ways; ways &= ways - 1)
        move(cache, from, (unsigned)__builtin_ctz(ways), to, (unsigned)__builtin_ctz(ways));
    set_size(cache, bucket, row + 1);
    struct weir_region *region = &cache->regions[bucket->region];
    if (region->row_count < row + 1)
        region->row_count = row + 1;
    if (cache->rows_in_use < row + 1)
        cache->rows_in_use = row + 1;
    if (cache->rows_in_use_peak < row + 1)
        cache->rows_in_use_peak = row + 1;
    cache->counters.sets_split++;
}

/* Unites the last of a bucket's sets with the one it was divided from; false: they do not fit. */
static bool merge(struct weir_cache *cache, uint32_t index)
{
    struct weir_bucket *bucket = &cache->buckets[index];
    uint32_t row = bucket->set_count - 1u;
    uint32_t from = row * cache->bucket_count + index;
    uint32_t to = origin_of(row) * cache->bucket_count + index;
    uint32_t empty = ~weir_group_occupied(&cache->groups[to]);
    uint32_t ways = weir_group_occupied(&cache->groups[from]);
    if (__builtin_popcount(ways) > __builtin_popcount(empty))
        return false;
    for (; ways; ways &= ways - 1) {
        move(cache, from, (unsigned)__builtin_ctz(ways), to, (unsigned)__builtin_ctz(empty));
        empty &= empty - 1;
    }
    set_size(cache, bucket, row);
    cache->counters.sets_merged++;
    return true;
}

/* Whether further bits of their hashes tell the flows of a set apart, or from those of the new. */
static bool can_be_told_apart(const struct weir_cache *cache, const struct weir_flow_place *at)
{
    uint8_t bits = 0;
    for (unsigned way = 0; way < WEIR_GROUP_WAYS; way++)
        bits |= weir_cache_cold(cache, at->set * WEIR_GROUP_WAYS + way)->bits ^ at->bits;
    return bits & (cache->row_count - 1);
}

void weir_cache_grow(struct weir_cache *cache, struct weir_flow_place *at)
{
    const struct weir_bucket *bucket = &cache->buckets[at->bucket];
    if (bucket->active_count >= bucket->split_at)
        split(cache, at->bucket);
    at->set = weir_cache_set(cache, at->bucket, at->bits);
    while (weir_group_occupied(&cache->groups[at->set]) == WEIR_GROUP_FULL &&
           bucket->set_count < cache->row_count && can_be_told_apart(cache, at)) {
        split(cache, at->bucket);
        at->set = weir_cache_set(cache, at->bucket, at->bits);
    }
}

/* After a round of visits: how many rows the region has now. */
static void recount_rows(struct weir_cache *cache, uint32_t region)
{
    const struct weir_bucket *buckets = &cache->buckets[region * cache->region_buckets];
    uint32_t rows = 1;
    for (uint32_t i = 0; i < cache->region_buckets; i++)
        if (buckets[i].set_count > rows)
            rows = buckets[i].set_count;
    cache->regions[region].row_count = rows;
    if (cache->regions[region].sweep_set >= rows * cache->region_buckets)
        cache->regions[region].sweep_set = 0;
}

void weir_cache_shrink(struct weir_cache *cache, uint32_t region, uint32_t count)
{
    uint32_t *next = &cache->regions[region].shrink_bucket;
    for (; count > 0; count--) {
        uint32_t index = region * cache->region_buckets + *next;
        const struct weir_bucket *bucket = &cache->buckets[index];
        for (unsigned i = 0; i < VISIT_MERGES && bucket->set_count > 1 &&
                             bucket->active_count < bucket->set_count * MERGE_FLOWS;
             i++)
            if (!merge(cache, index))
                break;
        if (++*next == cache->region_buckets) {
            *next = 0;
            recount_rows(cache, region);
        }
    }
}

void weir_cache_trim(struct weir_cache *cache)
{
    uint32_t rows = 1;
    for (uint32_t i = 0; i < cache->region_count; i++)
        if (cache->regions[i].row_count > rows)
            rows = cache->regions[i].row_count;
    if (rows < cache->rows_in_use)
        give_back(cache, rows);
}

void weir_cache_shrink_all(struct weir_cache *cache)
{
    for (uint32_t i = 0; i < cache->bucket_count; i++) {
        cache->counters.sets_merged += cache->buckets[i].set_count - 1u;
        set_size(cache, &cache->buckets[i], 1);
    }
    for (uint32_t i = 0; i < cache->region_count; i++)
        cache->regions[i] = (struct weir_region){.row_count = 1};
    give_back(cache, 1);
}
