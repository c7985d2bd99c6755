/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a writer's files when no more rows come to them: the last row group, the footer,
 * the disk, their place in the store; and of a journal's segment when all its files are there.
 * Private to store/writer.c.
 *
 * These are jobs, done in the order in which they are given: at once, or in a thread of the
 * finisher's, so that a slow disk does not stand in the way of what comes. That thread has an
 * encoder of its own; where it is still busy with another file, the last rows are encoded before
 * the file is given away, so that of what waits no rows are in memory.
 *
 *     weir_finisher_open(&finisher, &folder, &parquet_options, true);
 *     weir_finisher_give_file(&finisher, file);               // of flows or of a table
 *     weir_finisher_give_end(&finisher, segment, &following); // after its files
 *     while ((done = weir_finisher_take(&finisher)))          // what is done of it
 *         ...
 *
 * Ownership: files and segments are the finisher's from when they are given until they are taken
 * back. Threads: one owner, and its own. Limits: WEIR_FINISHER_WAITING_MAX jobs that wait, past
 * which it is the owner that does (counted).
 */
#ifndef WEIR_STORE_FINISHER_H
#define WEIR_STORE_FINISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/background.h"
#include "store/folder.h"
#include "store/parquet.h"
#include "store/table_file.h"
#include "store/writer.h"

#define WEIR_FINISHER_WAITING_MAX 16u

/* What is given and taken back. */
struct weir_finishing {
    struct weir_job job;
    struct weir_finisher *finisher;
    struct weir_finishing *next; /* given after it */
    struct weir_store_counters counted;
    int error;
    struct weir_diag diag;
    struct weir_store_file *file; /* what it is the end of: a file, or a segment */
    struct weir_store_segment *segment;
};

/* A segment of a journal. What it counts is of the jobs. */
struct weir_store_segment {
    const struct weir_journal_folder *journal;
    uint64_t id;
    unsigned files; /* staged, those of tables included */
    uint64_t table_files;
    uint64_t table_rows;
    uint64_t rows; /* in them */
    uint64_t octets;
    int error; /* it is put off */
    struct weir_diag reason;
    struct weir_store_next_segment following;
    struct weir_finishing failure, end;
    struct weir_store_segment *next; /* that ended after it; the writer's */
};

/* A file of the store from its beginning to its place. */
struct weir_store_file {
    int64_t start_ns;                   /* the partition is of this time */
    const char *table;                  /* NULL: of flows */
    struct weir_store_segment *segment; /* NULL: of none */
    struct weir_parquet *parquet;       /* of flows */
    struct weir_table_file *rows;       /* of a table */
    uint64_t row_count;                 /* of a table */
    int fd;
    uint64_t number;
    bool has_encoder; /* the thread's */
    struct weir_finishing end;
};

struct weir_finisher {
    const struct weir_folder *folder;
    bool is_behind;                       /* there is a thread */
    struct weir_parquet_encoder *encoder; /* the thread's */
    bool is_lent;                         /* it, to a file */
    uint64_t waits;
    struct weir_finishing *first; /* given and not taken back, the oldest first */
    struct weir_finishing *last;
    struct weir_background background;
};

/* 0; WEIR_E_NOMEM, WEIR_E_IO. */
WEIR_CHECKED int weir_finisher_open(struct weir_finisher *finisher,
                                    const struct weir_folder *folder,
                                    const struct weir_parquet_options *options, bool is_behind);

/* All was taken back. */
void weir_finisher_close(struct weir_finisher *finisher);

/* Finishes a file. */
void weir_finisher_give_file(struct weir_finisher *finisher, struct weir_store_file *file);

/* Puts a segment off, for its reason; where something before had put it off this changes nothing.
 */
void weir_finisher_give_failure(struct weir_finisher *finisher, struct weir_store_segment *segment,
                                const struct weir_diag *reason);

/* Commits a segment, or puts it off; its error says which. */
void weir_finisher_give_end(struct weir_finisher *finisher, struct weir_store_segment *segment,
                            const struct weir_store_next_segment *following);

/* The oldest, when it is done; NULL otherwise. What its `file` points to is the caller's again. */
struct weir_finishing *weir_finisher_take(struct weir_finisher *finisher);

/* Waits until the oldest is done; false where there is none. */
bool weir_finisher_wait(struct weir_finisher *finisher);

/* Lets go of a file that will not be finished; returns how many flows it had. */
uint64_t weir_store_file_drop(const struct weir_folder *folder, struct weir_store_file *file);

#endif
