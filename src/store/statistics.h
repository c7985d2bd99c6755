/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the footers of a store's files say of the values in them: how many are none, smallest and
 * largest. A query is planned by it: counters that nobody sampled are not multiplied, words that
 * are the same in all rows are not compared.
 *
 *     struct weir_statistics statistics = weir_statistics_none();
 *     if (weir_statistics_add(&statistics, "flows-....parquet", &diag) == 0)
 *         printf("%ju rows\n", (uintmax_t)statistics.rows);
 *
 * Only the footer is read, some 60 octets a column chunk. Threads: the caller's own struct.
 * Limits: footers up to WEIR_FOOTER_OCTETS_MAX octets.
 */
#ifndef WEIR_STORE_STATISTICS_H
#define WEIR_STORE_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/schema.h"

struct weir_leaf_statistics {
    uint64_t none_count; /* rows without a value */
    uint64_t min;        /* of leaves of integers; times as two's complement */
    uint64_t max;
    bool is_known;   /* min and max hold for all values that there are */
    bool none_known; /* none_count holds */
    bool any;        /* there is a value */
};

struct weir_statistics {
    uint64_t rows;
    uint64_t row_groups;
    bool lacks_leaves; /* a file was written before a leaf was in the schema */
    struct weir_leaf_statistics leaves[WEIR_LEAF_COUNT];
};

/* Of no rows. */
struct weir_statistics weir_statistics_none(void);

/*
 * Adds a file's. 0; WEIR_E_IO; WEIR_E_MALFORMED with the octet: not Parquet, or its footer is
 * damaged; *statistics is then unchanged. Diag names the file.
 */
WEIR_CHECKED int weir_statistics_add(struct weir_statistics *statistics, const char *path,
                                     struct weir_diag *diag);

#endif
