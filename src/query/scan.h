/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weir's own scan: sums of flows in groups, straight from the files, without an engine.
 *
 * Most questions are "who sent most": one filter, some keys, sums of counters. For these a column
 * is decoded and added up at one or two nanoseconds a value, where an engine's general machinery
 * takes several times as long, and 30 ms to start. All other questions are DuckDB's, and it is
 * also the reference: both give the same rows in the same order (tests/unit/query/test_scan.c).
 *
 * The greatest N of more than WEIR_SCAN_GROUPS_FEW groups are found through a sieve: groups fall
 * into buckets by a hash of their keys, and what a bucket's flows add up to bounds each of its
 * groups from above. Only groups of the greatest buckets are then made; if the last of the N is
 * greater than every bucket left out, none was missed. If not, all groups are made.
 *
 *     struct weir_scan_answer answer;
 *     int result = weir_scan_run(&question, &answer, &diag);
 *     if (result == WEIR_E_UNSUPPORTED) ... SQL ...
 *     weir_scan_answer_done(&answer);
 *
 * Limits: WEIR_SCAN_GROUPS_MAX groups, WEIR_SCAN_WORDS_MAX words of keys. Threads: one caller.
 */
#ifndef WEIR_QUERY_SCAN_H
#define WEIR_QUERY_SCAN_H

#include "query/answer.h"
#include "query/plan.h"
#include "store/catalog.h"
#include "store/statistics.h"

#define WEIR_SCAN_GROUPS_FEW (UINT64_C(1) << 16)
#define WEIR_SCAN_GROUPS_MAX (UINT64_C(1) << 20)
#define WEIR_SCAN_WORDS_MAX  8u
#define WEIR_SCAN_SUMS_MAX   8u

struct weir_scan_question {
    const struct weir_query_plan *plan;
    const struct weir_catalog *files;
    const struct weir_statistics *statistics; /* of these files */
    bool scaled;                              /* counters are to be multiplied by sampling */
    bool totals;                              /* the sums of all groups are asked for */
    bool (*stop)(void *context);
    void *stop_context;
};

struct weir_scan_answer {
    uint64_t row_count;
    struct weir_cell *cells; /* one a column, row after row */
    struct weir_cell total[WEIR_QUERY_COLUMNS_MAX];
    bool more; /* there are groups beyond the plan's limit */
};

/* Whether the question is of the kind that the scan answers, before a row is looked at. */
bool weir_scan_applies(const struct weir_scan_question *question);

/*
 * 0; WEIR_E_UNSUPPORTED: not this question, not these files, or too many groups; WEIR_E_AGAIN;
 * WEIR_E_MALFORMED, WEIR_E_IO: a file is damaged; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_scan_run(const struct weir_scan_question *question,
                               struct weir_scan_answer *ret_answer, struct weir_diag *diag);
void weir_scan_answer_done(struct weir_scan_answer *answer);

#endif
