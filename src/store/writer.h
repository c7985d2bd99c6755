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
 *     weir_store_writer_begin_segment(writer, &folder, id, &diag);
 *     sink.batch(...)
 *     weir_store_writer_end_segment(writer, &next);
 *     while (weir_store_writer_outcome(writer, &outcome) == 0) ...
 *
 * All files of a segment get their places together, at its end, and it is gone then. Where one of
 * them cannot be written the segment is put off: nothing of it is stored, it stays in the journal,
 * and its outcome says why.
 *
 * `behind` has files and segments finished by a thread of the writer's (store/finisher.h), in the
 * order in which they ended, so that who collects never waits for a disk to be synced. What becomes
 * of them is heard of later: the error of a file by the next call that can return one, that of a
 * segment by its outcome.
 *
 * Ownership: the writer owns its files. Memory: at most files_max row groups (store/rows.h) and
 * one encoder, typically 30 MB; behind, one of each more. Threads: one owner. Limits: files_max
 * files open at once; past that the one that waited longest is finished early, and counted; what
 * waits to be finished as in store/finisher.h.
 */
#ifndef WEIR_STORE_WRITER_H
#define WEIR_STORE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/background.h"
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
    bool behind;             /* in a thread of its own; otherwise at once */
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
    uint64_t finish_waits;
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
    uint8_t *state; /* of malloc; the writer frees it */
    size_t state_length;
    /* Waited for before the segment goes: that its journal has done with it. NULL: it has. */
    void (*settle)(void *context, uint64_t position);
    void *settle_context;
    uint64_t settle_position;
};

/*
 * What is appended from here on is of this segment of this journal, which is borrowed until its
 * outcome is there. The segment before has ended, or nothing was appended; files of no segment end.
 * 0, or WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_store_writer_begin_segment(struct weir_store_writer *writer,
                                                 const struct weir_journal_folder *folder,
                                                 uint64_t id, struct weir_diag *diag);

/*
 * Completes the segment's files, saves the state that the next one begins with, and commits it
 * (store/journal_folder.h).
 */
void weir_store_writer_end_segment(struct weir_store_writer *writer,
                                   const struct weir_store_next_segment *next);

struct weir_store_outcome {
    uint64_t id;
    int error; /* 0, or that for which it was put off */
    struct weir_diag reason;
};

/* What became of the oldest segment that ended. 0; WEIR_E_AGAIN: nothing that is not told yet. */
WEIR_CHECKED int weir_store_writer_outcome(struct weir_store_writer *writer,
                                           struct weir_store_outcome *ret_outcome);

/* Waits until all that ended is finished. The error of a file of no segment, as append. */
WEIR_CHECKED int weir_store_writer_wait(struct weir_store_writer *writer, struct weir_diag *diag);

/* The thread that it finishes in, for what is to come after that; NULL: it is none. */
struct weir_background *weir_store_writer_background(struct weir_store_writer *writer);

/*
 * Finishes all files and frees the writer, whatever happens; the first error is returned. A segment
 * that was begun is put off. Where ret_counters is not NULL it takes the final counters. NULL is no
 * writer and no error.
 */
WEIR_CHECKED int weir_store_writer_close(struct weir_store_writer *writer,
                                         struct weir_store_counters *ret_counters,
                                         struct weir_diag *diag);

const struct weir_store_counters *weir_store_writer_counters(
    const struct weir_store_writer *writer);

/* The writer as a place that takes batches: append and flush. */
struct weir_batch_sink weir_store_writer_sink(struct weir_store_writer *writer);

#endif
