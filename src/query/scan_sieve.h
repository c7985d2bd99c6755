/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sieve of weir's own scan (scan.h): what buckets of groups add up to, and which of them may
 * hold one of the greatest groups.
 *
 *     weir_scan_sieve_new(&sieve);
 *     ... at each row group, of which `keys` are the leaves in the hash:
 *     weir_scan_sieve_open_rows(sieve, keys, key_count);
 *     weir_scan_sieve_hash(sieve, first, count, hashes);
 *     weir_scan_sieve_add(sieve, hashes, weights, count);
 *     ... after the last one:
 *     weir_scan_sieve_keep(sieve, 40);
 *     ... in another pass:
 *     count = weir_scan_sieve_choose(sieve, hashes, first, rows, count);
 *
 * The hash has a secret, so that nobody can aim flows at one bucket. Ownership: borrows the leaves
 * until the next row group. Memory: 3 MB. Threads: one owner.
 */
#ifndef WEIR_QUERY_SCAN_SIEVE_H
#define WEIR_QUERY_SCAN_SIEVE_H

#include "base/error.h"
#include "store/pages.h"

struct weir_scan_sieve;

/* 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_scan_sieve_new(struct weir_scan_sieve **ret_sieve);
void weir_scan_sieve_free(struct weir_scan_sieve *sieve);

/* At most WEIR_SCAN_WORDS_MAX leaves, in the same order each time. 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_scan_sieve_open_rows(struct weir_scan_sieve *sieve,
                                           const struct weir_leaf_values *const *keys,
                                           unsigned key_count);

/* A hash of the keys of `count` rows from `first`. */
void weir_scan_sieve_hash(const struct weir_scan_sieve *sieve, uint32_t first, uint32_t count,
                          uint32_t *ret_hashes);

/* Adds what rows weigh to their buckets. */
void weir_scan_sieve_add(struct weir_scan_sieve *sieve, const uint32_t *hashes,
                         const uint64_t *weights, uint32_t count);

/* Keeps about so many, the greatest: those alike at the border all or none. 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_scan_sieve_keep(struct weir_scan_sieve *sieve, uint64_t count);

/* No group of a bucket that is not kept adds up to more. */
uint64_t weir_scan_sieve_bound(const struct weir_scan_sieve *sieve);

/* Leaves those of `rows` whose buckets are kept; hashes[0] is row `first`'s. Returns how many. */
unsigned weir_scan_sieve_choose(const struct weir_scan_sieve *sieve, const uint32_t *hashes,
                                uint32_t first, uint32_t *rows, unsigned count);

#endif
