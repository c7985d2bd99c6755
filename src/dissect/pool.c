/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/pool.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_OCTETS ((size_t)64 << 10)
#define ALIGNMENT    16u

/* What an item begins with while it is free, and a piece always. */
struct link {
    struct link *next;
};

static size_t align(size_t octets)
{
    return (octets + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void weir_pool_init(struct weir_pool *pool, size_t item_octets, uint32_t limit)
{
    memset(pool, 0, sizeof(*pool));
    pool->item_octets =
        align(item_octets > sizeof(struct link) ? item_octets : sizeof(struct link));
    pool->limit = limit;
}

void weir_pool_done(struct weir_pool *pool)
{
    for (struct link *piece = pool->pieces, *next; piece; piece = next) {
        next = piece->next;
        free(piece);
    }
    pool->pieces = pool->free = NULL;
}

/* Gets memory for some items more. */
static void grow(struct weir_pool *pool)
{
    size_t header = align(sizeof(struct link));
    size_t items = PIECE_OCTETS / pool->item_octets;
    items = items > 0 ? items : 1;
    size_t octets = header + items * pool->item_octets;
    struct link *piece = aligned_alloc(ALIGNMENT, octets);
    if (!piece)
        return;
    piece->next = pool->pieces;
    pool->pieces = piece;
    pool->octets += octets;
    for (size_t i = items; i-- > 0;) {
        struct link *item = (struct link *)((uint8_t *)piece + header + i * pool->item_octets);
        item->next = pool->free;
        pool->free = item;
    }
}

void *weir_pool_take(struct weir_pool *pool, unsigned region)
{
    if (pool->used[region] >= pool->limit)
        return NULL;
    if (!pool->free)
        grow(pool);
    struct link *item = pool->free;
    if (!item)
        return NULL;
    pool->free = item->next;
    pool->used[region]++;
    return item;
}

void weir_pool_give(struct weir_pool *pool, unsigned region, void *item)
{
    struct link *link = item;
    if (!link)
        return;
    link->next = pool->free;
    pool->free = link;
    pool->used[region]--;
}
