/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places that records go to, each of which may fail without the others.
 *
 * A guard stands before the sink of one place. When that fails, whoever asked for it is told, once,
 * and from then on the guard takes what comes and drops it, counted. The work ends when the last
 * place of the group has failed: its guard hands the error on. Of several groups that share
 * `groups` it is the last place of all.
 *
 *     struct weir_guard_group group = {.failed = say, .context = run};
 *     weir_guard_batches(&guards[0], &group, 0, weir_destination_sink(destination));
 *     sink = weir_guard_batch_sink(&guards[0]);        // for the meter or the collector
 *
 * Several threads may use one place: batches are handed to it one at a time, and records through
 * sinks of each thread's own, whose guards join that of the place:
 *
 *     weir_guard_join(&guard, &guards[0], weir_json_sink_records(sink_of_this_thread));
 *
 * Ownership: borrows the sinks; guards and their group outlive what they are given to. Threads: the
 * sinks of guards are for any; of a records' sink one at a time. The rest before they are used.
 */
#ifndef WEIR_APP_GUARD_H
#define WEIR_APP_GUARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/error.h"
#include "collect/record_sink.h"
#include "record/batch.h"

struct weir_guard_counters {
    uint64_t records_undelivered;
};
extern const struct weir_counter weir_guard_counter_table[];
extern const size_t weir_guard_counter_count;

struct weir_guard_group {
    /*
     * Told of each place that fails: its sink gets no more calls, and may be closed now unless
     * other threads are in one. Of any thread, one at a time.
     */
    void (*failed)(void *context, unsigned place, int result, const struct weir_diag *diag);
    void *context;
    unsigned alive;      /* places that have not failed */
    atomic_uint *groups; /* of several: those with such a place; NULL: there is this one only */
    struct weir_guard_counters counters; /* added to atomically */
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER; of all but what is set before use */
};

struct weir_guard {
    struct weir_guard_group *group;
    struct weir_batch_sink batches; /* of one of the two the functions are set */
    struct weir_record_sink records;
    unsigned place;
    struct weir_guard *first; /* of this place: itself, unless it has joined another */
    atomic_bool has_failed;   /* of the first */
};

/* Puts a place, by its number for `failed`, behind a guard. */
void weir_guard_batches(struct weir_guard *guard, struct weir_guard_group *group, unsigned place,
                        struct weir_batch_sink sink);
void weir_guard_records(struct weir_guard *guard, struct weir_guard_group *group, unsigned place,
                        struct weir_record_sink sink);

/* Puts another sink of the same place behind a guard: it fails with the others. */
void weir_guard_join(struct weir_guard *guard, struct weir_guard *first,
                     struct weir_record_sink sink);

/* What was counted; any thread may ask, at any time. */
struct weir_guard_counters weir_guard_count(const struct weir_guard_group *group);

/* What is to be given the records in place of the sink. */
struct weir_batch_sink weir_guard_batch_sink(struct weir_guard *guard);
struct weir_record_sink weir_guard_record_sink(struct weir_guard *guard);

#endif
