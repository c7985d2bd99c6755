/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that ask a store share: one question on its way, from the catalog and the footers
 * to the engine. A run is begun or prepared, and finished in any case. Private to query/run*.c.
 */
#ifndef WEIR_QUERY_RUN_PRIVATE_H
#define WEIR_QUERY_RUN_PRIVATE_H

#include "query/run.h"
#include "query/statement.h"
#include "store/statistics.h"

/* Memory for SQL: the paths of a million files, twice. */
#define WEIR_RUN_SQL_MAX (1u << 30)

struct weir_run {
    const struct weir_query_store *store;
    const struct weir_query_plan *plan;
    char *folder; /* of the store, absolute: DuckDB is not to be confined to "." and the like */
    struct weir_arena arena;
    struct weir_catalog catalog;
    struct weir_statistics statistics;
    struct weir_statement statement;
    struct weir_duckdb *db;
    struct weir_query_stats stats;
    int64_t begun_ns;
    struct weir_diag damage; /* of the first file that cannot be read; error 0: none */
    struct weir_diag *diag;
};

/* plan NULL: of a question that is not about flows. */
void weir_run_begin(struct weir_run *run, const struct weir_query_store *store,
                    const struct weir_query_plan *plan, struct weir_diag *diag);

/* Begins, finds the files and reads their footers. */
WEIR_CHECKED int weir_run_prepare(struct weir_run *run, const struct weir_query_store *store,
                                  const struct weir_query_plan *plan, struct weir_diag *diag);

/* `second_folder`: one more that SQL of ours may touch, or NULL. */
WEIR_CHECKED int weir_run_open_engine(struct weir_run *run, const char *second_folder);

/* `result`, or what was found damaged where that is 0. */
WEIR_CHECKED int weir_run_finish(struct weir_run *run, int result);

/* WEIR_E_NOMEM, and the run's diag says so. */
WEIR_CHECKED int weir_run_no_memory(struct weir_run *run);

/* One SQL value; a time has the other part of it, and an address its low word, in `second`. */
struct weir_cell weir_run_cell(enum weir_answer_kind kind, struct weir_duckdb_value value,
                               struct weir_duckdb_value second);

#endif
