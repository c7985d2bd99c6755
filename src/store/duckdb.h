/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DuckDB, embedded: the engine that answers questions over the store's Parquet files.
 *
 * The library is loaded when the first database is opened and by nobody else, so a process that
 * asks nothing never maps it. Extensions are neither installed nor loaded by themselves, memory
 * is bounded, and what does not fit spills into a folder that is removed at the end. Results are
 * read by vectors; types that have no place in enum weir_duckdb_kind arrive as text.
 *
 *     struct weir_duckdb *db;
 *     struct weir_duckdb_result *result;
 *     if (weir_duckdb_open(&(struct weir_duckdb_options){.threads = 2}, &db, &diag) == 0 &&
 *         weir_duckdb_select(db, "SELECT 42", &result, &diag) == 0)
 *         while ((rows = weir_duckdb_next(result, &diag)) > 0)
 *             value = weir_duckdb_get(result, 0, row);
 *
 * SQL functions it adds: weir_address(high, low), weir_mac(mac), weir_flags(tcp_flags): text.
 *
 * Ownership: a result belongs to its database and is freed before it. Threads: one caller at a
 * time; DuckDB runs threads of its own.
 */
#ifndef WEIR_STORE_DUCKDB_H
#define WEIR_STORE_DUCKDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_DUCKDB_MEMORY_DEFAULT (UINT64_C(1000) * 1000 * 1000)

__extension__ typedef __int128 weir_int128;

struct weir_duckdb;
struct weir_duckdb_result;

struct weir_duckdb_options {
    uint64_t memory_octets;      /* 0: WEIR_DUCKDB_MEMORY_DEFAULT */
    unsigned threads;            /* 0: one for each processor */
    const char *temp_dir;        /* where to spill, made when needed; NULL: never spill */
    const char *const *folders;  /* the only ones that SQL may read; NULL at the end. NULL: all */
    bool (*stop)(void *context); /* whether to end a statement; NULL: never */
    void *stop_context;
};

enum weir_duckdb_kind {
    WEIR_DUCKDB_NULL,
    WEIR_DUCKDB_BOOL, /* integer is 0 or 1 */
    WEIR_DUCKDB_INTEGER,
    WEIR_DUCKDB_DECIMAL, /* integer / 10^scale */
    WEIR_DUCKDB_REAL,
    WEIR_DUCKDB_TEXT,
    WEIR_DUCKDB_TIME, /* integer: nanoseconds since 1970, UTC */
};

struct weir_duckdb_value {
    enum weir_duckdb_kind kind;
    uint8_t scale;
    weir_int128 integer;
    double real;
    const char *text; /* `length` octets without terminator, until the next weir_duckdb_next */
    size_t length;
};

/* 0; WEIR_E_UNSUPPORTED with what to do where the library is missing; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_duckdb_open(const struct weir_duckdb_options *options,
                                  struct weir_duckdb **ret_db, struct weir_diag *diag);
void weir_duckdb_close(struct weir_duckdb *db);

/* Runs statements that give no rows; their text is ours, not a user's. */
WEIR_CHECKED int weir_duckdb_run(struct weir_duckdb *db, const char *sql, struct weir_diag *diag);

/*
 * Starts one statement that only reads; anything else, and more than one, is WEIR_E_USAGE, as is
 * SQL that does not parse or names what is not there. WEIR_E_LIMIT: memory ran out.
 * WEIR_E_MALFORMED: a value does not fit its type. WEIR_E_AGAIN: `stop` said so.
 */
WEIR_CHECKED int weir_duckdb_select(struct weir_duckdb *db, const char *sql,
                                    struct weir_duckdb_result **ret_result, struct weir_diag *diag);
void weir_duckdb_result_free(struct weir_duckdb_result *result);

unsigned weir_duckdb_column_count(const struct weir_duckdb_result *result);
const char *weir_duckdb_column_name(const struct weir_duckdb_result *result, unsigned column);

/* The kind of all values of the column that are not null. */
enum weir_duckdb_kind weir_duckdb_column_kind(const struct weir_duckdb_result *result,
                                              unsigned column);

/* Rows of the next chunk, which replaces the last one; 0 at the end; an error. */
WEIR_CHECKED int weir_duckdb_next(struct weir_duckdb_result *result, struct weir_diag *diag);

struct weir_duckdb_value weir_duckdb_get(const struct weir_duckdb_result *result, unsigned column,
                                         unsigned row);

#endif
