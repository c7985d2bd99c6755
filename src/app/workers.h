/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collections side by side, each in a thread of its own: the kernel divides what listeners receive
 * by the exporter's address (net/steering.h), so each worker has exporters of its own, with their
 * Templates and sequence numbers, and shares nothing with the others but places for records that
 * are safe to share.
 *
 *     weir_workers_new(&config, &workers, &diag);
 *     weir_workers_open_store(workers, &store, &diag);     // a writer each
 *     weir_workers_open_state(workers, path, &diag);
 *     weir_workers_open(workers, &url, &diag);             // a socket each
 *     weir_workers_open_journal(workers, &recording, true, &diag);
 *     result = weir_workers_listen(workers, &diag);
 *     result = weir_workers_flush(workers, &diag);
 *     result = weir_workers_close_store(workers, &stored, &diag);
 *     weir_workers_free(workers);
 *
 * A single worker has no thread: it works in that of the caller. Files are read by the first.
 *
 * Ownership: has all that it opens; borrows sinks and what the configuration points to. Threads:
 * all functions are of one caller, and while it is in weir_workers_listen `stop` and `say` and the
 * sinks are called by several. Limits: WEIR_WORKERS_MAX.
 */
#ifndef WEIR_APP_WORKERS_H
#define WEIR_APP_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/collection.h"
#include "app/collection_stats.h"
#include "app/recording.h"
#include "app/snapshot.h"
#include "collect/admission.h"
#include "store/writer.h"

#define WEIR_WORKERS_MAX 64u

struct weir_workers;

struct weir_workers_config {
    unsigned count; /* 1 to WEIR_WORKERS_MAX */
    struct weir_collector_config collector;
    struct weir_admission_config admission; /* networks are borrowed until it is made */
    struct weir_clock clock;
    int64_t idle_ns; /* as of struct weir_collection_config, of all workers together */
    int wake_fd;
    /* Asked by the calling thread, now and then. */
    bool (*stop)(void *context, struct weir_workers *workers);
    void *stop_context;
    struct weir_snapshots *snapshots; /* of as many workers; borrowed; NULL: nobody asks */
    /* Says a line to people, as it happens; NULL where weir_workers_open_state is not called. */
    void (*say)(void *context, const char *text);
    void *say_context;
};

/* 0; WEIR_E_NOMEM, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_workers_new(const struct weir_workers_config *config,
                                  struct weir_workers **ret_workers, struct weir_diag *diag);

/* What is still open is given up. NULL does nothing. */
void weir_workers_free(struct weir_workers *workers);

unsigned weir_workers_number(const struct weir_workers *workers);

/* To add sinks to; not while they listen. */
struct weir_collector *weir_workers_collector(struct weir_workers *workers, unsigned index);

/* Opens a writer for each and adds it to its sinks. As weir_store_writer_open. */
WEIR_CHECKED int weir_workers_open_store(struct weir_workers *workers,
                                         const struct weir_store_writer_options *options,
                                         struct weir_diag *diag);

/*
 * Has the workers know what others knew whose states are there (app/state_file.h), and keeps theirs
 * there from now on. 0, WEIR_E_NOMEM; or another error, with diag: they start without.
 */
WEIR_CHECKED int weir_workers_open_state(struct weir_workers *workers, const char *path,
                                         struct weir_diag *diag);

/* Keeps it for the last time. As weir_state_file_write. */
WEIR_CHECKED int weir_workers_write_state(struct weir_workers *workers, struct weir_diag *diag);

/* As weir_collection_open; several workers divide it. */
WEIR_CHECKED int weir_workers_open(struct weir_workers *workers, const struct weir_url *url,
                                   struct weir_diag *diag);

/*
 * Opens a journal for each, and stores what is left in it; the store is open. Then, or where
 * `receives` is false with weir_workers_listen, listeners are received through it, unless
 * config->recovers_only. `config` lacks share, admission and collector. As weir_recording_open and
 * weir_recording_start.
 */
WEIR_CHECKED int weir_workers_open_journal(struct weir_workers *workers,
                                           const struct weir_recording_config *config,
                                           bool receives, struct weir_diag *diag);

/* The first reads a file. As weir_collection_read. */
WEIR_CHECKED int weir_workers_read(struct weir_workers *workers, const char *path,
                                   struct weir_diag *diag);

/* Until they are stopped or one of them ends. As weir_collection_listen; the first error. */
WEIR_CHECKED int weir_workers_listen(struct weir_workers *workers, struct weir_diag *diag);

/* As weir_collection_flush, for all; the first error. */
WEIR_CHECKED int weir_workers_flush(struct weir_workers *workers, struct weir_diag *diag);

/* As weir_store_writer_close, for all; counters are added to, the first error returned. */
WEIR_CHECKED int weir_workers_close_store(struct weir_workers *workers,
                                          struct weir_store_counters *counters,
                                          struct weir_diag *diag);

bool weir_workers_have_failed(const struct weir_workers *workers);

/* Of the files of weir_workers_open_state. */
struct weir_state_file_counters weir_workers_count_states(const struct weir_workers *workers);

/* What they have counted; while several listen, what it was a moment ago. */
struct weir_collect_counters weir_workers_count(struct weir_workers *workers);

/* As weir_recording_check, for all; 0 without journals. */
WEIR_CHECKED int weir_workers_check_journals(const struct weir_workers *workers,
                                             struct weir_diag *diag);

/* Of their journals and of what was recovered from them; added to. Not while they listen. */
void weir_workers_count_journals(const struct weir_workers *workers,
                                 struct weir_journal_counters *journal,
                                 struct weir_store_counters *stored);

/* For weir_collection_print_stats, valid as long as the workers. */
struct weir_collection_list weir_workers_collections(const struct weir_workers *workers);

#endif
