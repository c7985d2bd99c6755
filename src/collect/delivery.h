/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From octets of Data Records to sinks: flows into rows for the batch sinks, every record to the
 * record sinks, options to who learns of them, common properties to the records that share them.
 * Private to collect/; the collector finds the records, their Template and their session.
 *
 *     struct weir_run run = {.source = source, .plan = plan, .context = &context, ...};
 *     result = weir_deliver(&delivery, session, &sessions, &run, &diag);
 *     ...                                            // run.records were decoded
 *
 * Ownership: owns its outlet and buffer, borrows its sinks. Threads: one. Limits: WEIR_OUTLET_SINKS
 * record sinks; the record limit, past which flows are left.
 */
#ifndef WEIR_COLLECT_DELIVERY_H
#define WEIR_COLLECT_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "collect/outlet.h"
#include "collect/record_sink.h"
#include "collect/session.h"
#include "record/plan.h"

struct weir_delivery {
    struct weir_outlet outlet;
    uint8_t *join_buffer;  /* a record with its common properties */
    uint64_t record_limit; /* Flow Records; 0: none */
    uint64_t flow_records;
    int64_t wait_ns;   /* records wait so long for common properties; 0: not at all */
    int64_t look_ns;   /* the wait of some is over then */
    bool has_released; /* some went since the last report, perhaps without a message */
    unsigned record_sink_count;
    unsigned takers[WEIR_RECORD_KINDS]; /* record sinks that take a kind */
    struct weir_record_sink record_sinks[WEIR_OUTLET_SINKS];
};

/* Octets of Data Records and what reads them. */
struct weir_run {
    const struct weir_template *source;
    const struct weir_plan *plan;
    const struct weir_plan_context *context;
    const uint8_t *octets;
    size_t length;
    /* Theirs where they refer to common properties, and may wait for them; else NULL. */
    struct weir_shared_template *shared;
    uint32_t records; /* out: decoded */
    bool is_malformed;
    bool has_malformed_list;
};

/* 0, WEIR_E_NOMEM; to be done with in any case. */
WEIR_CHECKED int weir_delivery_init(struct weir_delivery *delivery,
                                    const struct weir_outlet_config *outlet, uint64_t record_limit,
                                    int64_t wait_ns);
void weir_delivery_done(struct weir_delivery *delivery);

/* 0, WEIR_E_LIMIT. */
WEIR_CHECKED int weir_delivery_add_sink(struct weir_delivery *delivery,
                                        const struct weir_record_sink *sink);

/* Flushes all sinks after rows were handed over with the result `first`. The first error. */
WEIR_CHECKED int weir_delivery_flush_sinks(struct weir_delivery *delivery, int64_t now_ns,
                                           int first, struct weir_diag *diag);

/* Flow Records that may still come. */
uint64_t weir_delivery_room(const struct weir_delivery *delivery);

/*
 * Decodes, delivers and counts a run of records; what is learned is charged to the sessions. 0;
 * WEIR_E_END at the record limit; WEIR_E_NOMEM or a sink's error with diag.
 */
WEIR_CHECKED int weir_deliver(struct weir_delivery *delivery, struct weir_session *session,
                              struct weir_sessions *sessions, struct weir_run *run,
                              struct weir_diag *diag);

/* After a message: delivers what waited for common properties that have come. As weir_deliver. */
WEIR_CHECKED int weir_delivery_retry(struct weir_delivery *delivery, struct weir_session *session,
                                     struct weir_sessions *sessions, struct weir_diag *diag);

/*
 * Delivers what has waited long enough, with the properties that are known; INT64_MAX: all. As
 * above.
 */
WEIR_CHECKED int weir_delivery_release(struct weir_delivery *delivery,
                                       struct weir_sessions *sessions, int64_t now_ns,
                                       struct weir_diag *diag);

/* Delivers all that waits with a session that is about to be forgotten. As above. */
WEIR_CHECKED int weir_delivery_release_session(struct weir_delivery *delivery,
                                               struct weir_session *session,
                                               struct weir_sessions *sessions, int64_t now_ns,
                                               struct weir_diag *diag);

#endif
