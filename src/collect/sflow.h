/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sFlow for the Collecting Process: the samples of a datagram become runs of Data Records under
 * built-in Templates, so that everything after this is what it is for the other protocols.
 *
 * A flow sample becomes one Flow Record: one packet, the octets that its IP header says, from the
 * time when the datagram arrived (samples have none) to the same. What a sample says is made of
 * blocks of Information Elements (the sampled header, router, gateway ...), and those that it has
 * make its Template: what it does not say is none, not zero. A counter sample becomes one record
 * of counters in the same way.
 *
 *     weir_sflow_begin(sflow, &message, received_ns);
 *     while ((result = weir_sflow_next(sflow, &run)) == 0)
 *         ... run.plan over run.octets ...
 *
 * In the steady state nothing is allocated. Ownership: a run is borrowed until the next call.
 * Threads: one. Limits: WEIR_SFLOW_SHAPES_MAX Templates are kept with their plans, past which one
 * makes place; WEIR_SFLOW_SKIPPED_MAX formats that are not known are counted by themselves.
 */
#ifndef WEIR_COLLECT_SFLOW_H
#define WEIR_COLLECT_SFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/plan.h"
#include "record/template.h"
#include "wire/message.h"

#define WEIR_SFLOW_SHAPES_MAX  64u
#define WEIR_SFLOW_SKIPPED_MAX 64u

/* Ids of the built-in Templates. */
enum { WEIR_SFLOW_FLOW_TEMPLATE = 105, WEIR_SFLOW_COUNTERS_TEMPLATE = 106 };

struct weir_sflow;

/* Records of one Template, in the order of their samples. */
struct weir_sflow_run {
    const struct weir_template *source; /* is_counters tells which kind */
    const struct weir_plan *plan;
    const uint8_t *octets;
    size_t length;     /* 0: no record, but something to count */
    uint32_t skipped;  /* structures of no known format that were passed over */
    uint32_t unparsed; /* sampled headers in which no IP packet was found */
    bool is_malformed; /* a sample or a record in one was cut; what was whole is used */
};

/* What was passed over: a sample, or a record in a flow or a counter sample. */
enum weir_sflow_place {
    WEIR_SFLOW_IN_DATAGRAM,
    WEIR_SFLOW_IN_FLOW,
    WEIR_SFLOW_IN_COUNTERS,
};

struct weir_sflow_skipped {
    enum weir_sflow_place place;
    uint32_t format; /* wire/sflow.h */
    uint64_t count;
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_sflow_new(struct weir_sflow **ret_sflow);
void weir_sflow_free(struct weir_sflow *sflow);

/*
 * Begins with the samples of a message, which it borrows until they have been read. received_ns 0:
 * not known, and records have no times.
 */
void weir_sflow_begin(struct weir_sflow *sflow, struct weir_message *message, int64_t received_ns);

/* The next run; WEIR_E_END, also where the datagram is cut (message->missing); WEIR_E_NOMEM. */
WEIR_CHECKED int weir_sflow_next(struct weir_sflow *sflow, struct weir_sflow_run *ret_run);

/* The formats that were passed over, in the order in which they came; WEIR_E_NOT_FOUND past the
 * last. */
WEIR_CHECKED int weir_sflow_skipped(const struct weir_sflow *sflow, size_t index,
                                    struct weir_sflow_skipped *ret_skipped);

#endif
