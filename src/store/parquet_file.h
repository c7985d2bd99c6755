/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Parquet file on its way to a descriptor: chunks as they were encoded, one after the other, and
 * the footer that describes them at the end. What the rows are, and how they become chunks, is for
 * store/parquet.h (flows) and store/table_file.h (the tables beside them).
 *
 *     weir_parquet_file_begin(&file, &weir_flow_schema, fd);
 *     weir_footer_begin_row_group(&file.footer, row_count, file.offset);
 *     weir_chunk_encode(encoder, &source, &file.out, &chunk);
 *     weir_parquet_file_put(&file, leaf, chunk, &diag);           // of each leaf, in order
 *     weir_footer_end_row_group(&file.footer);
 *     weir_parquet_file_finish(&file, &diag);
 *     weir_parquet_file_done(&file);
 *
 * Ownership: borrows the descriptor. Memory: some 256 KB, and the footer. Threads: one owner.
 */
#ifndef WEIR_STORE_PARQUET_FILE_H
#define WEIR_STORE_PARQUET_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "store/footer.h"

struct weir_parquet_file {
    struct weir_footer footer;
    struct weir_octets out; /* not written yet */
    uint64_t offset;        /* in the file, of the end of `out` */
    int fd;
};

/* Begins a file, forgetting one that was not finished. `fd` stands at offset 0. */
void weir_parquet_file_begin(struct weir_parquet_file *file, const struct weir_schema *schema,
                             int fd);
void weir_parquet_file_done(struct weir_parquet_file *file);

/* Takes a chunk whose pages were appended to `out`. 0, WEIR_E_IO, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_parquet_file_put(struct weir_parquet_file *file, unsigned leaf,
                                       const struct weir_chunk *chunk, struct weir_diag *diag);

/* Writes the footer and what is left. As above. */
WEIR_CHECKED int weir_parquet_file_finish(struct weir_parquet_file *file, struct weir_diag *diag);

#endif
