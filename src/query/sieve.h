/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sieve: the greatest N of very many groups, without making all of them.
 *
 * Groups fall into buckets by a hash of their keys. What a bucket's flows add up to bounds each of
 * its groups from above, and adding up some thousand buckets is several times cheaper than
 * millions of groups. Only the groups of the greatest buckets are then made; if the last of the N
 * rows asked for is greater than every bucket left out, no group was missed and the answer is
 * exact. If not, the sieve did not hold, and all groups have to be made.
 *
 *     if (weir_sieve_applies(plan, flows)) {
 *         result = weir_sieve_make(&statement, db, flows, &sieve, diag);
 *         ... select weir_statement_rows(&statement) ...
 *         if (!weir_sieve_holds(&sieve, plan, answer, rows, wanted)) ...
 *     }
 *
 * Threads: one owner.
 */
#ifndef WEIR_QUERY_SIEVE_H
#define WEIR_QUERY_SIEVE_H

#include <stdbool.h>
#include <stdint.h>

#include "query/statement.h"
#include "store/duckdb.h"

struct weir_sieve {
    bool leaves_out;   /* there are buckets that are left out */
    weir_int128 bound; /* what the greatest of them adds up to */
};

/*
 * Whether a sieve may pay: the greatest groups by a counter or by flows, of many flows. Sums of
 * what may be negative bound nothing.
 */
bool weir_sieve_applies(const struct weir_query_plan *plan, uint64_t flows);

/*
 * Adds the buckets up and has statement->sieve let only flows of the greatest through. 0, or the
 * errors of weir_duckdb_select.
 */
WEIR_CHECKED int weir_sieve_make(struct weir_statement *statement, struct weir_duckdb *db,
                                 uint64_t flows, struct weir_sieve *ret_sieve,
                                 struct weir_diag *diag);

/* Whether the first `wanted` of an answer's `rows` rows are the greatest of all groups. */
bool weir_sieve_holds(const struct weir_sieve *sieve, const struct weir_query_plan *plan,
                      const struct weir_duckdb_result *result, uint64_t rows, uint64_t wanted);

#endif
