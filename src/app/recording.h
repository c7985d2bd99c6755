/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners → journal → collector: a thread that receives and journals, so that a datagram is safe
 * whatever the rest is busy with, and the caller's, which decodes and stores.
 *
 *     weir_recording_open(&config, writer, &recording, &diag);           // recovers what was left
 *     weir_recording_restore(recording, &recording, 1, collector, &diag);
 *     weir_recording_start(recording, collector, listeners, count, &diag);
 *     while (...) {
 *         poll(... weir_recording_fd(recording) ..., weir_recording_rest(recording));
 *         result = weir_recording_take(recording, collector, most, &messages, &diag);
 *     }
 *     result = weir_recording_finish(recording, collector, leave, &diag);
 *     weir_recording_close(recording);
 *
 * Who keeps no journal opens one that recovers only, so that what a run with a journal left is
 * stored all the same, and restores from that.
 *
 * A segment whose files cannot be written is put off, which is said once, and decoded again after
 * one that could, or where none comes after a rotation; where the writer finishes files behind, so
 * that is. Ownership: borrows the writer until that is closed, which is before it is; the collector
 * and the listeners outlive it. Threads: one caller.
 */
#ifndef WEIR_APP_RECORDING_H
#define WEIR_APP_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "app/tables.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/share.h"
#include "collect/admission.h"
#include "collect/collector.h"
#include "net/udp.h"
#include "store/journal.h"
#include "store/writer.h"

struct weir_recording;

struct weir_recording_config {
    const char *store;       /* the folder that `writer` writes to */
    struct weir_share share; /* of the exporters, that the collector has; zeroed: all */
    bool recovers_only;      /* keeps no journal, and cannot be started */
    int64_t known_ns;        /* when what it knows already was saved; 0: it knows nothing */
    struct weir_clock clock;
    int64_t rotate_ns;
    int64_t sync_ns; /* as of struct weir_journal_options */
    uint64_t sync_octets;
    struct weir_admission *admission;       /* of what is received; borrowed; NULL: all */
    struct weir_collector_config collector; /* for what is decoded again */
    struct weir_tables *tables;             /* reported to as segments end; borrowed; NULL: none */
    /* Says a line to people, as it happens. */
    void (*say)(void *context, const char *text);
    void *say_context;
};

/*
 * Takes a journal of the store, and stores what it and those of dead processes hold. What cannot be
 * stored now is said, and stays. 0; WEIR_E_IO, WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_recording_open(const struct weir_recording_config *config,
                                     struct weir_store_writer *writer,
                                     struct weir_recording **ret_recording, struct weir_diag *diag);

/*
 * Has the collector know what the process knew that had the journal before. Where that one's was
 * another share of the exporters, it knows what is of its own in all journals: those of `all`
 * (itself among them), which have not begun to receive, and of dead processes. Where journals know
 * nothing, or nothing newer than what it knows already, it stays as it is. As above.
 */
WEIR_CHECKED int weir_recording_restore(const struct weir_recording *recording,
                                        struct weir_recording *const *all, unsigned count,
                                        struct weir_collector *collector, struct weir_diag *diag);

/* Begins to receive. What the collector and the writer had before is stored first. As above. */
WEIR_CHECKED int weir_recording_start(struct weir_recording *recording,
                                      struct weir_collector *collector,
                                      struct weir_udp_listener *const *listeners, unsigned count,
                                      struct weir_diag *diag);

/*
 * How many milliseconds the caller may wait for weir_recording_fd() to be readable before it takes
 * again; -1: until it is. Where datagrams come all the time it is woken for many at once.
 */
int weir_recording_rest(struct weir_recording *recording);
int weir_recording_fd(const struct weir_recording *recording);

/*
 * Takes up to `most` datagrams to the collector, and ends segments; *ret_messages is added to. 0,
 * also where there are fewer; what weir_collector_receive returns; or WEIR_E_IO of a listener.
 */
WEIR_CHECKED int weir_recording_take(struct weir_recording *recording,
                                     struct weir_collector *collector, unsigned most,
                                     uint64_t *ret_messages, struct weir_diag *diag);

/*
 * Receives no more, and takes all that came; `leave` leaves it, as past a limit of records. All
 * that was taken is stored then. As weir_recording_take.
 */
WEIR_CHECKED int weir_recording_finish(struct weir_recording *recording,
                                       struct weir_collector *collector, bool leave,
                                       struct weir_diag *diag);

/*
 * Waits for segments that are being finished or decoded again; their outcomes are known then. To be
 * called before the writer is closed.
 */
void weir_recording_settle(struct weir_recording *recording);

/* 0; WEIR_E_IO: segments stay in the journal, since their files could not be written. */
WEIR_CHECKED int weir_recording_check(const struct weir_recording *recording,
                                      struct weir_diag *diag);

/* What was not finished stays in the journal. NULL does nothing. The writer is there, or settled.
 */
void weir_recording_close(struct weir_recording *recording);

/* Datagrams that are not in the journal: dropped by the kernel, or not admitted. */
struct weir_tables_missed weir_recording_missed(const struct weir_recording *recording);

/* What of the datagrams that came was not admitted, since the start. */
struct weir_admission_counters weir_recording_admitted(const struct weir_recording *recording);

struct weir_journal_counters weir_recording_count(const struct weir_recording *recording);

/* What recovery stored, beside what the writer did. */
const struct weir_store_counters *weir_recording_stored(const struct weir_recording *recording);

#endif
