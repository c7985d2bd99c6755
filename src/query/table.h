/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables beside the flows (store/tables.h) as SQL views: times as UTC timestamps, addresses as
 * text, every column there whether a file has it or not, and no row where there is no file.
 *
 *     const char *select = weir_table_view(&sql, WEIR_TABLE_LEDGER, &catalog);   // its files
 *
 * Threads: pure functions on the caller's structs.
 */
#ifndef WEIR_QUERY_TABLE_H
#define WEIR_QUERY_TABLE_H

#include "query/sql.h"
#include "store/catalog.h"
#include "store/tables.h"

/* A SELECT of the table's columns; "" where sql->failed. */
const char *weir_table_view(struct weir_sql *sql, enum weir_table table,
                            const struct weir_catalog *files);

/* Rows of the view of this name whose time is in [from_ms, to_ms), by time; `top` 0: all. */
const char *weir_table_rows(struct weir_sql *sql, enum weir_table table, int64_t from_ms,
                            int64_t to_ms, uint64_t top);

#endif
