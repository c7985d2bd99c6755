/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one Parquet file of a table beside the flows (store/tables.h): rows one by one, since
 * there are few, gathered by leaf and encoded as those of flows are.
 *
 *     weir_table_file_new(WEIR_TABLE_LEDGER, &file);
 *     weir_table_file_begin(file, fd);
 *     weir_table_file_append(file, &row, &diag);           // as often as there is one
 *     weir_table_file_finish(file, &summary, &diag);       // may begin another
 *     weir_table_file_free(file);
 *
 * Ownership: `fd` is the caller's, open for writing, at offset 0. Memory: some 3 MB. Threads: one
 * owner. Limits: WEIR_PARQUET_ROW_GROUPS_MAX row groups of WEIR_TABLE_FILE_ROWS.
 */
#ifndef WEIR_STORE_TABLE_FILE_H
#define WEIR_STORE_TABLE_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "store/parquet.h"
#include "store/tables.h"

#define WEIR_TABLE_FILE_ROWS 8192u /* a row group */

struct weir_table_file;

/* 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_table_file_new(enum weir_table table, struct weir_table_file **ret_file);
void weir_table_file_free(struct weir_table_file *file);

/* Begins a file, forgetting one that was not finished. */
void weir_table_file_begin(struct weir_table_file *file, int fd);

/*
 * 0, WEIR_E_IO, WEIR_E_NOMEM, or WEIR_E_LIMIT; after an error the file cannot be finished. The row
 * has its time, the first column.
 */
WEIR_CHECKED int weir_table_file_append(struct weir_table_file *file,
                                        const struct weir_table_row *row, struct weir_diag *diag);

/* As weir_parquet_finish; times of the summary are those of the rows' first column. */
WEIR_CHECKED int weir_table_file_finish(struct weir_table_file *file,
                                        struct weir_parquet_summary *ret_summary,
                                        struct weir_diag *diag);

#endif
