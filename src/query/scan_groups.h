/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of flows: a hash table from keys to sums.
 *
 *     weir_scan_groups_init(&groups, key_words, sum_count, limit);
 *     uint64_t *row = weir_scan_groups_find(&groups, key);     // added where it is new
 *     row[groups.key_words]++;                                 // how many flows
 *     row[groups.key_words + 1] += bytes;                      // the first sum
 *
 * The hash is keyed: who sends flows cannot aim them at one place of the table. Ownership: the
 * table owns its rows, and moves them when it grows. Threads: one owner.
 */
#ifndef WEIR_QUERY_SCAN_GROUPS_H
#define WEIR_QUERY_SCAN_GROUPS_H

#include <stdint.h>

#include "base/error.h"

struct weir_scan_groups {
    uint64_t *rows;  /* of `stride` words: key, count of flows, sums */
    uint64_t *slots; /* upper half of the hash, and the row's number plus one; 0: free */
    unsigned key_words;
    unsigned stride;
    unsigned slot_bits;
    uint64_t count;
    uint64_t capacity;
    uint64_t limit;
    uint64_t seed;
    int error; /* WEIR_E_LIMIT, WEIR_E_NOMEM: why find gave NULL */
};

/* 0 or WEIR_E_NOMEM. `limit`: below 2^31. */
WEIR_CHECKED int weir_scan_groups_init(struct weir_scan_groups *groups, unsigned key_words,
                                       unsigned sum_count, uint64_t limit);
void weir_scan_groups_done(struct weir_scan_groups *groups);

/* The row of this key, or NULL with groups->error set. */
uint64_t *weir_scan_groups_find(struct weir_scan_groups *groups, const uint64_t *key);

static inline uint64_t *weir_scan_groups_row(const struct weir_scan_groups *groups, uint64_t index)
{
    return groups->rows + index * groups->stride;
}

/* An odd number that nobody outside knows. */
uint64_t weir_scan_secret(void);

#endif
