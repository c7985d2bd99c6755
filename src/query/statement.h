/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL that answers a plan.
 *
 * The answer's SQL columns are those of the plan in their order, an address and a time as two
 * (weir_answer_width); a series with --top has one more in front, the group's rank, null for all
 * the other groups together.
 *
 *     struct weir_statement statement = {.sql = sql, .plan = plan, .files = catalog};
 *     const char *text = weir_statement_rows(&statement);
 *
 * Threads: pure functions on the caller's struct.
 */
#ifndef WEIR_QUERY_STATEMENT_H
#define WEIR_QUERY_STATEMENT_H

#include "query/bins.h"
#include "query/plan.h"
#include "query/sql.h"
#include "store/catalog.h"

/* Bins that a series may have, whatever the times in it. */
#define WEIR_QUERY_BINS_MAX 100000

struct weir_statement {
    struct weir_sql sql;
    const struct weir_query_plan *plan;
    const struct weir_catalog *files;
    bool lacks_leaves; /* some of them were written before the schema had all leaves */
    /* Of a series: the time that its bins cover, [first_ms, past_ms). */
    int64_t first_ms;
    int64_t past_ms;
    struct weir_bins bins;
    bool one_more;     /* than the plan's limit, to see whether there are others */
    const char *sieve; /* groups: one more condition on flows (sieve.h); NULL: none */
};

/* Whether the first SQL column of rows is the rank of the row's group. */
bool weir_statement_is_ranked(const struct weir_statement *statement);

/* SQL columns of a column of the answer: 1 or 2. */
unsigned weir_answer_width(const struct weir_answer_column *column);

/* The rows of the answer. */
const char *weir_statement_rows(struct weir_statement *statement);

/* The same aggregates over all flows of a plan of groups: one row, no keys. */
const char *weir_statement_total(struct weir_statement *statement);

/* The bucket that a flow's group falls into, one of 2^bits: a hash of its keys. */
const char *weir_statement_bucket(struct weir_statement *statement, unsigned bits);

/* The `count` greatest buckets by the column that groups are ordered by: bucket, sum. */
const char *weir_statement_buckets(struct weir_statement *statement, unsigned bits, uint64_t count);

/* The rows with values as people and other programs read them: one SQL column each, by name. */
const char *weir_statement_shown(struct weir_statement *statement);

#endif
