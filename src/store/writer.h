/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a store: batches go into Parquet files by the hour of their arrival, and a file appears
 * under the store's glob (store/schema.h) only when it is whole and on disk.
 *
 *     struct weir_store_writer_options options = {.path = dir, .clock = weir_clock_system()};
 *     weir_store_writer_open(&options, &writer, &diag);
 *     struct weir_batch_sink sink = weir_store_writer_sink(writer);
 *     sink.batch(sink.context, batch, &diag);               // and so on
 *     weir_store_writer_close(writer, &counters, &diag);    // finishes all files: ask its result
 *
 * Files are closed and named every `rotate_ns` of the time of arrival: at full multiples of it and
 * of the hour, when records past the next multiple come, when `flush` is told of a time past their
 * end, and at the close. A writer that is killed leaves temporaries only, which the next one to
 * open the store removes; several processes may write to one store.
 *
 * Rows of the tables beside flows (store/tables.h) go the same way, into a file of each table for
 * each such time.
 *
 * Where records come out of a journal, files are made by its segments instead:
 *
 *     weir_store_writer_begin_segment(writer, &folder, id);
 *     sink.batch(...)
 *     weir_store_writer_end_segment(writer, &next, &diag);
 *
 * All files of a segment get their places together, at its end, and it is gone then. Where one of
 * them cannot be written the segment is put off: nothing of it is stored, it stays in the journal,
 * and its end says why.
 *
 * Ownership: the writer owns its files. Memory: at most files_max row groups (store/rows.h) and
 * one encoder; typically 30 MB. Threads: one owner. Limits: files_max files open at once; past
 * that the one that waited longest is finished early, and counted.
 */
#ifndef WEIR_STORE_WRITER_H
#define WEIR_STORE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "record/batch.h"
#include "store/compress.h"
#include "store/journal_folder.h"
#include "store/tables.h"

#define WEIR_STORE_ROTATE_DEFAULT_NS (60 * WEIR_NS_PER_SECOND)
#define WEIR_STORE_FILES_DEFAULT     4u
#define WEIR_STORE_FILES_MAX         64u
#define WEIR_STORE_FILE_ROWS_DEFAULT (UINT64_C(16) << 20)

struct weir_store_writer_options {
    const char *path;        /* of the store; made where it is missing */
    struct weir_clock clock; /* what names of files and temporaries are made unique with */
    int64_t rotate_ns;       /* 0: the default; at most an hour counts */
    enum weir_codec codec;
    uint32_t files_max;      /* 0: the default */
    uint32_t row_group_rows; /* 0: the default of store/parquet.h */
    uint64_t file_rows_max;  /* 0: the default; a file is finished when it has as many */
};

struct weir_store_counters {
    uint64_t records_stored;
    uint64_t records_not_stored;
    uint64_t files_written;
    uint64_t octets_stored;
    uint64_t files_finished_early;
    uint64_t temporaries_removed;
    uint64_t records_deferred;
    uint64_t table_rows_stored;
    uint64_t table_rows_not_stored;
    uint64_t table_files_written;
};

extern const struct weir_counter weir_store_counter_table[];
extern const size_t weir_store_counter_count;

struct weir_store_writer;

/*
 * Opens or makes the store. WEIR_E_USAGE where the folder holds other things, cannot be made or
 * opened, or an option is out of range; WEIR_E_UNSUPPORTED for a store of another schema;
 * WEIR_E_IO where nothing can be written there; WEIR_E_NOMEM. The diag names the folder.
 */
WEIR_CHECKED int weir_store_writer_open(const struct weir_store_writer_options *options,
                                        struct weir_store_writer **ret_writer,
                                        struct weir_diag *diag);

/*
 * Adds all records of the batch. On an error (WEIR_E_IO, WEIR_E_NOMEM; the diag names the file)
 * the file concerned is given up; its records and what was left of the batch are counted as not
 * stored. Others are not touched, and the writer may go on.
 */
WEIR_CHECKED int weir_store_writer_append(struct weir_store_writer *writer,
                                          const struct weir_batch *batch, struct weir_diag *diag);

/*
 * Adds a row of a table; its time is its first column. Errors as append, and of that table's rows
 * alone; those of a segment put it off.
 */
WEIR_CHECKED int weir_store_writer_add(struct weir_store_writer *writer,
                                       const struct weir_table_row *row, struct weir_diag *diag);

/* Finishes the files whose time of arrival ended at `now_ns` or before. Errors as append. */
WEIR_CHECKED int weir_store_writer_flush(struct weir_store_writer *writer, int64_t now_ns,
                                         struct weir_diag *diag);

/* What follows the end of a segment: the state that the next one begins with. */
struct weir_store_next_segment {
    uint64_t id;
    const uint8_t *state;
    size_t state_length;
};

/*
 * What is appended from here on is of this segment of this journal, which is borrowed until its
 * end. No files are open: the segment before has ended, or nothing was appended.
 */
void weir_store_writer_begin_segment(struct weir_store_writer *writer,
                                     const struct weir_journal_folder *folder, uint64_t id);

/*
 * Completes the segment's files, saves the state that the next one begins with, and commits it
 * (store/journal_folder.h). 0; or the error, with diag, for which the segment is put off. In either
 * case it has ended.
 */
WEIR_CHECKED int weir_store_writer_end_segment(struct weir_store_writer *writer,
                                               const struct weir_store_next_segment *next,
                                               struct weir_diag *diag);

/*
 * Finishes all files and frees the writer, whatever happens; the first error is returned. A segment
 * that was begun is put off. Where
 * ret_counters is not NULL it takes the final counters. NULL is no writer and no error.
 */
WEIR_CHECKED int weir_store_writer_close(struct weir_store_writer *writer,
                                         struct weir_store_counters *ret_counters,
                                         struct weir_diag *diag);

const struct weir_store_counters *weir_store_writer_counters(
    const struct weir_store_writer *writer);

/* The writer as a place that takes batches: append and flush. */
struct weir_batch_sink weir_store_writer_sink(struct weir_store_writer *writer);

#endif
