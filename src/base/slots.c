/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_OCTETS        64u
#define FIRST_BLOCK_OCTETS ((size_t)16 << 10)
#define BLOCK_OCTETS_MAX   ((size_t)8 << 20)
#define PAGE_OCTETS        ((size_t)2 << 20) /* of a large page of most machines */

struct weir_slots_block {
    struct weir_slots_block *older;
    size_t octets;
    size_t used; /* of these, from the first line on, which is this */
};

static size_t in_lines(size_t octets)
{
    return (octets + LINE_OCTETS - 1) / LINE_OCTETS * LINE_OCTETS;
}

void weir_slots_init(struct weir_slots *slots, size_t item_octets)
{
    *slots = (struct weir_slots){.item_octets = in_lines(item_octets)};
}

void weir_slots_done(struct weir_slots *slots)
{
    while (slots->blocks) {
        struct weir_slots_block *older = slots->blocks->older;
        free(slots->blocks);
        slots->blocks = older;
    }
    slots->free = NULL;
}

/* Twice as large as the one before, up to a limit, and for one item at least. */
static size_t block_octets(const struct weir_slots *slots)
{
    size_t octets = slots->blocks ? slots->blocks->octets * 2 : FIRST_BLOCK_OCTETS;
    size_t least = LINE_OCTETS + slots->item_octets;
    octets = octets < BLOCK_OCTETS_MAX ? octets : BLOCK_OCTETS_MAX;
    return octets < least ? least : octets;
}

static struct weir_slots_block *add_block(struct weir_slots *slots)
{
    size_t octets = block_octets(slots);
    bool is_large = octets >= PAGE_OCTETS && octets % PAGE_OCTETS == 0;
    struct weir_slots_block *block = aligned_alloc(is_large ? PAGE_OCTETS : LINE_OCTETS, octets);
    if (!block)
        return NULL;
    if (is_large)
        (void)madvise(block, octets, MADV_HUGEPAGE);
    *block = (struct weir_slots_block){
        .older = slots->blocks,
        .octets = octets,
        .used = LINE_OCTETS,
    };
    slots->blocks = block;
    return block;
}

void *weir_slots_take(struct weir_slots *slots)
{
    struct weir_slots_block *block = slots->blocks;
    void *item = slots->free;
    if (item) {
        memcpy(&slots->free, item, sizeof(slots->free));
        return memset(item, 0, slots->item_octets);
    }
    if (!block || block->octets - block->used < slots->item_octets)
        block = add_block(slots);
    if (!block)
        return NULL;
    item = (char *)block + block->used;
    block->used += slots->item_octets;
    return memset(item, 0, slots->item_octets);
}

void weir_slots_give_back(struct weir_slots *slots, void *item)
{
    if (!item)
        return;
    memcpy(item, &slots->free, sizeof(slots->free));
    slots->free = item;
}
