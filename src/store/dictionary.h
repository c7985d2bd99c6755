/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries of a column chunk: its distinct values, and for each value the index of its entry.
 *
 * Values that spread over less than 65,536 are counted in a table with a place for each, and the
 * dictionary is in order; others, and text, go through a hash table, in order of first appearance.
 * The hash table gives up early where nearly every value is new (over 3,277 distinct in the first
 * 4,096, unless all may be), where more than `limit` are, and where look-ups collide so much that
 * the values must have been chosen to: so its cost is bounded, and the caller encodes otherwise.
 *
 *     if (weir_dictionary_direct(dictionary, &values, range) ||
 *         weir_dictionary_hash(dictionary, &values, limit)) ... dictionary->ids[i] ...
 *
 * Ownership: arrays are the dictionary's and overwritten by the next call. Threads: one owner.
 * Limits: WEIR_DICTIONARY_MAX entries, as many values as it was made for.
 */
#ifndef WEIR_STORE_DICTIONARY_H
#define WEIR_STORE_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/octets.h"
#include "store/values.h"

#define WEIR_DICTIONARY_MAX 65536u

struct weir_dictionary {
    uint32_t count;   /* distinct values */
    uint64_t *values; /* distinct values, widened; of text, the index of the first that has it */
    uint16_t *ids;    /* of each value; room for 8 more than the values */
    bool is_sorted;
    uint16_t *slots; /* hash table: index + 1, or 0 */
    uint16_t *table; /* by value less the smallest: index */
    uint8_t *seen;   /* by value less the smallest: 1 where there is such a value */
};

/* Text values: `lengths[i]` octets each, one after the other. */
struct weir_texts {
    const uint8_t *octets;
    const uint32_t *lengths;
    uint32_t count;
};

/* For up to `value_count_max` values; 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_dictionary_init(struct weir_dictionary *dictionary, uint32_t value_count_max);
void weir_dictionary_done(struct weir_dictionary *dictionary);

/*
 * Finds the distinct values; `ids` only where weir_dictionary_index follows, so that a caller who
 * sees too many of them saves the work. False, with nothing done, where the range is too wide.
 */
bool weir_dictionary_direct(struct weir_dictionary *dictionary, const struct weir_values *values,
                            struct weir_range range);
void weir_dictionary_index(struct weir_dictionary *dictionary, const struct weir_values *values,
                           struct weir_range range);

/*
 * Finds distinct values, up to `limit` and below WEIR_DICTIONARY_MAX, and ids; false: given up. For
 * values of width 4 and 8: narrower ones always have their range.
 */
bool weir_dictionary_hash(struct weir_dictionary *dictionary, const struct weir_values *values,
                          uint32_t limit);

/*
 * The same of text. `offsets` has room for an offset a value and is filled with where each begins.
 */
bool weir_dictionary_texts(struct weir_dictionary *dictionary, const struct weir_texts *texts,
                           uint32_t limit, uint32_t *offsets);

#endif
