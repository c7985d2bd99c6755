/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of one size, given out and taken back in any order, each from the account of a region of
 * the flow cache: what flows of one region use up is not missing in another, so that what a region
 * gets depends on its own packets alone.
 *
 *     struct weir_pool pool;
 *     weir_pool_init(&pool, sizeof(struct work), 1024);      // at most 1024 for each region
 *     struct work *work = weir_pool_take(&pool, region);     // NULL: no more for this region
 *     weir_pool_give(&pool, region, work);
 *     weir_pool_done(&pool);
 *
 * Memory is had by pieces of many items as they are needed, and kept until the end. Threads: one
 * owner. Limits: items for each region, WEIR_POOL_REGIONS regions.
 */
#ifndef WEIR_DISSECT_POOL_H
#define WEIR_DISSECT_POOL_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_POOL_REGIONS 64u

struct weir_pool {
    size_t item_octets;
    uint32_t limit; /* items of each region */
    uint32_t used[WEIR_POOL_REGIONS];
    void *free;   /* the first of a list */
    void *pieces; /* likewise */
    uint64_t octets;
};

void weir_pool_init(struct weir_pool *pool, size_t item_octets, uint32_t limit);

/* Frees all memory, also of what was not given back. */
void weir_pool_done(struct weir_pool *pool);

/* An item with any octets in it, aligned for any type; NULL at the limit or without memory. */
void *weir_pool_take(struct weir_pool *pool, unsigned region);

/* Takes an item of this region back; NULL does nothing. */
void weir_pool_give(struct weir_pool *pool, unsigned region, void *item);

#endif
