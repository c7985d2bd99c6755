/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/tally.h"

#include <stdlib.h>

#define PLACES     (sizeof(struct weir_collect_counters) / sizeof(uint64_t))
#define PLACE_BITS 8u
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)
#define GROWTH     4u

_Static_assert(PLACES + GROWTH <= PLACE_MASK, "a place is an octet, and so is their number");

/* The word of this counter, made if need be; NULL: no memory. */
static uint64_t *find_word(struct weir_tally *tally, size_t place)
{
    for (unsigned i = 0; i < tally->count; i++)
        if ((tally->words[i] & PLACE_MASK) == place)
            return &tally->words[i];
    if (tally->count == tally->capacity) {
        size_t capacity = tally->capacity + GROWTH;
        uint64_t *words = realloc(tally->words, capacity * sizeof(words[0]));
        if (!words)
            return NULL;
        tally->words = words;
        tally->capacity = (uint8_t)capacity;
    }
    tally->words[tally->count] = place;
    return &tally->words[tally->count++];
}

void weir_tally_add(struct weir_tally *tally, size_t place, uint64_t more)
{
    if (more == 0)
        return;
    uint64_t *word = find_word(tally, place);
    if (word)
        *word += more << PLACE_BITS;
    else
        ((uint64_t *)tally->rest)[place] += more;
}

void weir_tally_malformed(struct weir_tally *tally, enum weir_malformed cause)
{
    if (cause == WEIR_MALFORMED_NONE)
        return;
    struct weir_collect_counters counters = {0};
    weir_collect_count_malformed(&counters, cause);
    weir_tally_add_all(tally, &counters);
}

void weir_tally_add_all(struct weir_tally *tally, const struct weir_collect_counters *counters)
{
    for (size_t i = 0; i < weir_collect_counter_count; i++) {
        const struct weir_counter *row = &weir_collect_counter_table[i];
        weir_tally_add(tally, row->offset / sizeof(uint64_t), weir_counter_get(row, counters));
    }
}

void weir_tally_add_to(const struct weir_tally *tally, struct weir_collect_counters *counters)
{
    uint64_t *values = (uint64_t *)counters;
    for (unsigned i = 0; i < tally->count; i++)
        values[tally->words[i] & PLACE_MASK] += tally->words[i] >> PLACE_BITS;
}

void weir_tally_done(struct weir_tally *tally)
{
    free(tally->words);
    *tally = weir_tally_make(tally->rest);
}
