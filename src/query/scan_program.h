/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan comes to for weir's own scan: the leaves whose words are a group's key, the leaves
 * that are added up, and where each column of the answer stands in a group's row (scan_groups.h).
 *
 *     struct weir_scan_program program;
 *     if (weir_scan_program_compile(&question, &program)) ...
 *
 * A row is: the words of the key; one word with a bit for each key that is none; the count of
 * flows; the sums; how many values those sums have whose leaf is none in some rows. Threads: pure
 * functions on the caller's struct.
 */
#ifndef WEIR_QUERY_SCAN_PROGRAM_H
#define WEIR_QUERY_SCAN_PROGRAM_H

#include "query/scan.h"

struct weir_scan_key {
    enum weir_leaf leaf;
    unsigned column; /* of the plan; its bit of the last word says that it is none */
    bool in_bucket;  /* takes part in the sieve's hash */
};

struct weir_scan_program {
    struct weir_scan_key keys[WEIR_SCAN_WORDS_MAX];
    unsigned key_count;
    enum weir_leaf sums[WEIR_SCAN_SUMS_MAX];
    unsigned sum_count;
    enum weir_leaf counts[WEIR_SCAN_SUMS_MAX]; /* sums' leaves that are none in some rows */
    unsigned count_count;
    unsigned place[WEIR_QUERY_COLUMNS_MAX];       /* of each column in a group's row */
    unsigned count_place[WEIR_QUERY_COLUMNS_MAX]; /* of how many values a sum has; 0: enough */
    bool is_masked;                               /* a key is a network */
};

/* False: the question is not of the kind that the scan answers. */
bool weir_scan_program_compile(const struct weir_scan_question *question,
                               struct weir_scan_program *ret_program);

/* The place of the sum of this number. */
static inline unsigned weir_scan_program_sum_place(const struct weir_scan_program *program,
                                                   unsigned sum)
{
    return program->key_count + 2 + sum;
}

/* The same sums of all flows together. */
void weir_scan_program_drop_keys(struct weir_scan_program *program,
                                 const struct weir_query_plan *plan);

#endif
