/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What collections count, handed from the threads that count to one that wants to know, without a
 * lock: nobody who counts ever waits.
 *
 *     weir_snapshots_new(workers, exporters, clock, &snapshots);
 *
 *     weir_snapshots_ask(snapshots);                                  // the one who wants to know
 *     weir_snapshots_await(snapshots, 500);
 *     snapshot = weir_snapshots_latest(snapshots, i);                 // NULL: never had any
 *
 *     if ((snapshot = weir_snapshots_asked(snapshots, i))) {          // worker i, now and then
 *         snapshot->counted = ...;
 *         weir_snapshots_take_sessions(snapshots, i, sessions);
 *         weir_snapshots_leave(snapshots, i);
 *     }
 *
 * Each worker has a snapshot to fill, which is the worker's from the asking to the leaving and the
 * asker's otherwise; what the asker has seen last stays with the asker meanwhile. So a worker that
 * is busy with a disk is told of by its last one.
 *
 * Of exporters each snapshot has those with the most messages, up to a limit: whoever forges
 * addresses does not push out who really sends. Ownership: has all memory, from the beginning on.
 * Threads: one asker, and one for each worker.
 */
#ifndef WEIR_APP_SNAPSHOT_H
#define WEIR_APP_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "app/state_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "collect/admission.h"
#include "collect/counters.h"
#include "collect/report.h"
#include "collect/session.h"
#include "packet/datagram_source.h"
#include "store/journal.h"
#include "store/writer.h"

/* An exporter and Observation Domain. */
struct weir_snapshot_session {
    struct weir_session_key key;
    uint32_t number; /* among the sources of its key */
    bool has_skew;
    int64_t skew_ns;
    struct weir_report_counters counted; /* since the start */
};

/* Of one worker; what it does not have is zero. */
struct weir_snapshot {
    int64_t taken_ns; /* by the clock of weir_snapshots_new */
    struct weir_collect_counters counted;
    struct weir_collect_levels levels;
    struct weir_datagram_counters captured;
    struct weir_admission_counters admitted;
    struct weir_state_file_counters states;
    struct weir_store_counters stored;
    struct weir_journal_counters journaled;
    uint64_t sessions_left_out;
    uint32_t session_count;
    struct weir_snapshot_session sessions[];
};

struct weir_snapshots;

/*
 * Of so many workers, with at least one session each and so many at most. The clock runs evenly. 0,
 * WEIR_E_NOMEM; WEIR_E_IO: an eventfd.
 */
WEIR_CHECKED int weir_snapshots_new(unsigned workers, uint32_t session_max, struct weir_clock clock,
                                    struct weir_snapshots **ret_snapshots);
void weir_snapshots_free(struct weir_snapshots *snapshots);

/* ---- The asker ---- */

/* Asks all workers that have left what they were asked for before. */
void weir_snapshots_ask(struct weir_snapshots *snapshots);

/* Waits until all have left theirs, or timeout_ms have passed, and takes what is there. */
void weir_snapshots_await(struct weir_snapshots *snapshots, int timeout_ms);

unsigned weir_snapshots_workers(const struct weir_snapshots *snapshots);
const struct weir_snapshot *weir_snapshots_latest(const struct weir_snapshots *snapshots,
                                                  unsigned worker);

/* ---- A worker ---- */

/* Readable from the asking to the leaving. */
int weir_snapshots_fd(const struct weir_snapshots *snapshots, unsigned worker);

/* The snapshot that is to be filled; NULL: nobody has asked. Costs next to nothing then. */
struct weir_snapshot *weir_snapshots_asked(struct weir_snapshots *snapshots, unsigned worker);

/* Fills in the sessions of the snapshot that is to be filled. */
void weir_snapshots_take_sessions(struct weir_snapshots *snapshots, unsigned worker,
                                  const struct weir_sessions *sessions);

/* It is whole. */
void weir_snapshots_leave(struct weir_snapshots *snapshots, unsigned worker);

#endif
