/* SPDX-License-Identifier: Apache-2.0 */
#include "query/sieve.h"

#include <inttypes.h>

/* Below it all groups are made as quickly. */
#define FLOWS_MIN 1000000u
/* More rows than these do not come in one chunk of the answer. */
#define TOP_MAX 1000u

#define BUCKETS_KEPT_MIN  256u
#define BUCKET_BITS_MIN   12u
#define BUCKET_BITS_MAX   18u
#define FLOWS_BITS_BUCKET 8u /* a bucket for each 2^8 flows */

bool weir_sieve_applies(const struct weir_query_plan *plan, uint64_t flows)
{
    if (plan->shape != WEIR_QUERY_GROUPS || plan->top == 0 || plan->top > TOP_MAX ||
        plan->ascending || flows < FLOWS_MIN || !plan->columns[0].is_key)
        return false;
    const struct weir_answer_column *column = &plan->columns[plan->order_column];
    if (column->is_key)
        return false;
    return column->aggregate.function == WEIR_FUNCTION_COUNT ||
           (column->aggregate.function == WEIR_FUNCTION_SUM &&
            weir_query_field_is_counter(&column->aggregate.field));
}

static unsigned bucket_bits(uint64_t flows)
{
    unsigned bits = 63 - (unsigned)__builtin_clzll(flows) - FLOWS_BITS_BUCKET;
    return bits < BUCKET_BITS_MIN   ? BUCKET_BITS_MIN
           : bits > BUCKET_BITS_MAX ? BUCKET_BITS_MAX
                                    : bits;
}

int weir_sieve_make(struct weir_statement *statement, struct weir_duckdb *db, uint64_t flows,
                    struct weir_sieve *ret_sieve, struct weir_diag *diag)
{
    struct weir_sql *sql = &statement->sql;
    unsigned bits = bucket_bits(flows);
    uint64_t kept = 4 * statement->plan->top;
    kept = kept < BUCKETS_KEPT_MIN ? BUCKETS_KEPT_MIN : kept;
    const char *text = weir_statement_buckets(statement, bits, kept + 1);
    if (sql->failed)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the query");

    struct weir_sieve sieve = {0};
    struct weir_duckdb_result *result = NULL;
    const char **buckets = weir_arena_alloc(sql->arena, kept * sizeof(*buckets));
    uint64_t count = 0;
    int rows = weir_duckdb_select(db, text, &result, diag);
    while (buckets && rows >= 0 && (rows = weir_duckdb_next(result, diag)) > 0)
        for (unsigned row = 0; row < (unsigned)rows; row++) {
            struct weir_duckdb_value sum = weir_duckdb_get(result, 1, row);
            if (count < kept) {
                buckets[count++] = weir_sql_format(
                    sql, "%" PRIu64, (uint64_t)weir_duckdb_get(result, 0, row).integer);
            } else {
                sieve.leaves_out = true;
                sieve.bound = sum.kind == WEIR_DUCKDB_NULL ? 0 : sum.integer;
            }
        }
    weir_duckdb_result_free(result);
    if (rows < 0)
        return rows;
    if (sieve.leaves_out)
        statement->sieve =
            weir_sql_format(sql, "%s IN (%s)", weir_statement_bucket(statement, bits),
                            weir_sql_join(sql, buckets, count, ", "));
    if (!buckets || sql->failed)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the query");
    *ret_sieve = sieve;
    return 0;
}

bool weir_sieve_holds(const struct weir_sieve *sieve, const struct weir_query_plan *plan,
                      const struct weir_duckdb_result *result, uint64_t rows, uint64_t wanted)
{
    if (!sieve->leaves_out)
        return true;
    if (rows < wanted)
        return false;
    unsigned at = 0;
    for (size_t i = 0; i < plan->order_column; i++)
        at += weir_answer_width(&plan->columns[i]);
    struct weir_duckdb_value least = weir_duckdb_get(result, at, (unsigned)(wanted - 1));
    return least.kind != WEIR_DUCKDB_NULL && least.integer > sieve->bound;
}
