/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a store: the files that matter, the plan by weir's own scan or as SQL, the rows to a
 * printer.
 *
 *     const struct weir_query_store store = {.folder = "flows", .clock = weir_clock_system()};
 *     const struct weir_query_output output = {.format = WEIR_FORMAT_CSV, .sink = sink};
 *     weir_query_run(&store, plan, &output, &diag);
 *
 * Of the files' footers only is read what decides between ways to answer. Threads: one caller;
 * DuckDB runs threads of its own. Memory: the engine's limit, and a row or two.
 */
#ifndef WEIR_QUERY_RUN_H
#define WEIR_QUERY_RUN_H

#include "base/clock.h"
#include "query/answer.h"
#include "query/plan.h"
#include "store/duckdb.h"
#include "store/tables.h"

struct weir_query_store {
    const char *folder;
    uint64_t memory_octets; /* as struct weir_duckdb_options has them */
    unsigned threads;
    const char *temp_dir;
    bool sql_only; /* not by weir's own scan (scan.h) */
    struct weir_clock clock;
    /* Whether to end early, which is WEIR_E_AGAIN. NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};

/* How answers are shown. */
struct weir_query_output {
    enum weir_format format;
    unsigned screen_width;
    const struct weir_zone *zone; /* of times in answers to SQL and of tables; NULL: UTC */
    struct weir_text_sink sink;
};

/*
 * 0; WEIR_E_USAGE: no store, or too many bins; WEIR_E_LIMIT: memory, or too many changes of a
 * clock; WEIR_E_MALFORMED: a file is damaged, and the answer is that of all the others;
 * WEIR_E_AGAIN; WEIR_E_IO ...
 */
WEIR_CHECKED int weir_query_run(const struct weir_query_store *store,
                                const struct weir_query_plan *plan,
                                const struct weir_query_output *output, struct weir_diag *diag);

/* The same into a Parquet file. Values as people read them: addresses are text. */
WEIR_CHECKED int weir_query_to_parquet(const struct weir_query_store *store,
                                       const struct weir_query_plan *plan, const char *path,
                                       struct weir_diag *diag);

/*
 * SQL of a person's over the view `flows`, whose columns are those of `weir query --columns`:
 * addresses as text, times as UTC timestamps, counters scaled unless the plan says not; and over
 * a view for each table beside the flows (query/table.h).
 * WEIR_E_USAGE: the SQL is wrong, or does more than read.
 */
WEIR_CHECKED int weir_query_sql(const struct weir_query_store *store, const char *sql,
                                bool unscaled, const struct weir_query_output *output,
                                struct weir_diag *diag);

/* The rows of such a table, by time. */
struct weir_table_question {
    enum weir_table table;
    int64_t from_ms; /* INT64_MIN: from the beginning */
    int64_t to_ms;   /* not in it; INT64_MAX: to the end */
    uint64_t top;    /* the first so many; 0: all */
};
WEIR_CHECKED int weir_query_table(const struct weir_query_store *store,
                                  const struct weir_table_question *question,
                                  const struct weir_query_output *output, struct weir_diag *diag);

/* Prints what weir_query_run would do: SQL, files, work. */
WEIR_CHECKED int weir_query_explain(const struct weir_query_store *store,
                                    const struct weir_query_plan *plan,
                                    const struct weir_text_sink *sink, struct weir_diag *diag);

#endif
