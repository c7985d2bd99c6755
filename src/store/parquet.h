/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one Parquet file of flow records, with the leaves of store/schema.h.
 *
 * Batches are gathered into row groups (store/rows.h) and encoded when those are full. Nothing is
 * read back, and the file is whole only after weir_parquet_finish: its footer is its end.
 *
 *     weir_parquet_encoder_new(&(struct weir_parquet_options){0}, &encoder);
 *     weir_parquet_new(encoder, &file);
 *     weir_parquet_begin(file, fd);
 *     weir_parquet_append(file, batch, 0, batch->row_count, &diag);   // as often as there is one
 *     weir_parquet_finish(file, &summary, &diag);                     // may begin another
 *     weir_parquet_free(file);
 *
 * Ownership: `fd` is the caller's, open for writing, at offset 0. An encoder is shared by all the
 * files of a thread and outlives them. Memory: the encoder some 8 MB for row groups of 131,072
 * rows, each file what store/rows.h says, and 12 KB of footer a row group. Threads: an encoder and
 * its files belong to one thread; a file can go to another with weir_parquet_use.
 */
#ifndef WEIR_STORE_PARQUET_H
#define WEIR_STORE_PARQUET_H

#include <stdint.h>

#include "base/error.h"
#include "record/batch.h"
#include "store/compress.h"

#define WEIR_PARQUET_ROW_GROUP_ROWS 131072u /* default, and most */
#define WEIR_PARQUET_ROW_GROUPS_MAX 4096u   /* of a file; row groups are numbered in 16 bits */

struct weir_parquet_options {
    enum weir_codec codec;
    uint32_t row_group_rows; /* 0: the default */
};

/* What a finished file holds. */
struct weir_parquet_summary {
    uint64_t rows;
    uint64_t octets;
    uint32_t row_groups;
    /* The range of flow times, as weir_store_name has it; of an empty file start > end. */
    int64_t start_ms;
    int64_t end_ms;
};

struct weir_parquet_encoder;
struct weir_parquet;

/* 0, WEIR_E_NOMEM, WEIR_E_USAGE for more rows a row group than the most. */
WEIR_CHECKED int weir_parquet_encoder_new(const struct weir_parquet_options *options,
                                          struct weir_parquet_encoder **ret_encoder);
void weir_parquet_encoder_free(struct weir_parquet_encoder *encoder);

/* 0 or WEIR_E_NOMEM. Memory is kept from file to file. */
WEIR_CHECKED int weir_parquet_new(struct weir_parquet_encoder *encoder,
                                  struct weir_parquet **ret_file);
void weir_parquet_free(struct weir_parquet *file);

/* Begins a file, forgetting one that was not finished. */
void weir_parquet_begin(struct weir_parquet *file, int fd);

/*
 * Adds rows [first_row, first_row + row_count) of the batch. 0, WEIR_E_IO, WEIR_E_NOMEM, or
 * WEIR_E_LIMIT at WEIR_PARQUET_ROW_GROUPS_MAX; after an error the file cannot be finished.
 */
WEIR_CHECKED int weir_parquet_append(struct weir_parquet *file, const struct weir_batch *batch,
                                     uint32_t first_row, uint32_t row_count,
                                     struct weir_diag *diag);

/* Ends the row group, so that no rows wait in memory. Errors as append. */
WEIR_CHECKED int weir_parquet_flush(struct weir_parquet *file, struct weir_diag *diag);

/* Has the file encoded by another encoder from here on, of another thread. */
void weir_parquet_use(struct weir_parquet *file, struct weir_parquet_encoder *encoder);

/* Rows added so far. */
uint64_t weir_parquet_rows(const struct weir_parquet *file);

/* Octets written to fd so far. */
uint64_t weir_parquet_written(const struct weir_parquet *file);

/*
 * Writes what is left and the footer. The caller then syncs and closes fd. 0, WEIR_E_IO or
 * WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_parquet_finish(struct weir_parquet *file,
                                     struct weir_parquet_summary *ret_summary,
                                     struct weir_diag *diag);

#endif
