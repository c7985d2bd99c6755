/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where decoded rows stay until they are handed to the batch sinks: the open batch, and beside it a
 * batch of rows that are held back because they name a sampler of which their exporter has not said
 * anything yet. Options that come meanwhile correct the rows of either.
 *
 *     batch = weir_outlet_batch(&outlet, session, plan, &context);
 *     ...                                                    // decode into it
 *     weir_outlet_finish(&outlet, batch, rows, session, &context);
 *     weir_outlet_correct(&outlet, session);                 // options of its exporter came
 *     result = weir_outlet_hand_over(&outlet, batch, &diag); // it is full
 *     result = weir_outlet_release(&outlet, now_ns, &diag);  // what was held long enough
 *
 * What was held goes once nothing of it waits any more, its oldest row has waited for hold_ns, or
 * hold_rows are there. Ownership: owns its batches, borrows its sinks. Threads: one. Limits:
 * WEIR_OUTLET_SINKS; the rows of the configuration. Memory for what is held is taken when rows are,
 * and where there is none nothing is held.
 */
#ifndef WEIR_COLLECT_OUTLET_H
#define WEIR_COLLECT_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "collect/rows.h"
#include "collect/session.h"
#include "record/batch.h"

#define WEIR_OUTLET_SINKS 8u

struct weir_outlet_config {
    uint32_t batch_rows;
    uint32_t hold_rows;
    int64_t hold_ns;                        /* 0: nothing is held back */
    struct weir_fraction sampling_fallback; /* rate of rows whose own nobody said, or none */
};

/* Indexes of weir_exporter.unknown_in. */
enum { WEIR_OUTLET_OPEN, WEIR_OUTLET_HELD, WEIR_OUTLET_BATCHES };

struct weir_outlet {
    struct weir_outlet_config config;
    struct weir_batch *batches[WEIR_OUTLET_BATCHES];
    uint64_t numbers[WEIR_OUTLET_BATCHES]; /* of the batches, from 1 on */
    uint32_t held_unknown;                 /* rows held that have no interval yet */
    int64_t held_from_ns;                  /* when the first of them came */
    unsigned sink_count;
    struct weir_batch_sink sinks[WEIR_OUTLET_SINKS];
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_outlet_init(struct weir_outlet *outlet,
                                  const struct weir_outlet_config *config);
void weir_outlet_done(struct weir_outlet *outlet);

/* 0, WEIR_E_LIMIT. */
WEIR_CHECKED int weir_outlet_add_sink(struct weir_outlet *outlet,
                                      const struct weir_batch_sink *sink);

/*
 * The batch to decode records of this plan into, which may be full. They are held back where they
 * name a sampler and nothing that their exporter said can be of it; a session's for a time once.
 */
struct weir_batch *weir_outlet_batch(struct weir_outlet *outlet, struct weir_session *session,
                                     const struct weir_plan *plan,
                                     const struct weir_plan_context *context);

/* Finishes rows that were just decoded into it (collect/rows.h), and counts what there is to say.
 */
void weir_outlet_finish(struct weir_outlet *outlet, struct weir_batch *batch, uint32_t rows,
                        struct weir_session *session, const struct weir_plan_context *context);

/* Gives rows of the session's exporter intervals that came late. */
void weir_outlet_correct(struct weir_outlet *outlet, struct weir_session *session);

/* These return 0, or the first error of a sink; all sinks are called. */

/* Hands one batch over; does nothing where it has no rows. */
WEIR_CHECKED int weir_outlet_hand_over(struct weir_outlet *outlet, struct weir_batch *batch,
                                       struct weir_diag *diag);

/* Hands over what is held where its time is over or nothing of it waits. */
WEIR_CHECKED int weir_outlet_release(struct weir_outlet *outlet, int64_t now_ns,
                                     struct weir_diag *diag);

/* Hands both over. */
WEIR_CHECKED int weir_outlet_empty(struct weir_outlet *outlet, struct weir_diag *diag);

WEIR_CHECKED int weir_outlet_flush_sinks(const struct weir_outlet *outlet, int64_t now_ns,
                                         struct weir_diag *diag);

#endif
