/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for many items of one size, which come and go.
 *
 *     struct weir_slots slots;
 *     weir_slots_init(&slots, sizeof(struct item));
 *     struct item *item = weir_slots_take(&slots);      // zeroed; NULL: no memory
 *     weir_slots_give_back(&slots, item);
 *     weir_slots_done(&slots);
 *
 * Items begin on a line of the processor's cache and lie side by side in blocks, which double in
 * size up to that of some large pages: nothing is spent between them, what is beside them does not
 * keep them apart, and going from one to another costs fewer look-ups of pages. What is given back
 * is for the next item; blocks stay until the end. Threads: one. Limits: whoever takes has one.
 */
#ifndef WEIR_BASE_SLOTS_H
#define WEIR_BASE_SLOTS_H

#include <stddef.h>

struct weir_slots_block;

struct weir_slots {
    size_t item_octets;              /* a multiple of a line */
    struct weir_slots_block *blocks; /* newest first */
    void *free;                      /* the first of a list through items */
};

void weir_slots_init(struct weir_slots *slots, size_t item_octets);
void weir_slots_done(struct weir_slots *slots);

void *weir_slots_take(struct weir_slots *slots);

/* NULL does nothing. */
void weir_slots_give_back(struct weir_slots *slots, void *item);

#endif
