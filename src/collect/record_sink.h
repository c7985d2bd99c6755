/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place that takes records as they were sent, with every Information Element of their Template:
 * a JSON printer. What takes columns takes batches instead (record/batch.h).
 *
 * Both results are 0, or an error that ends the work (diag filled). What is handed over is
 * borrowed for the time of the call.
 */
#ifndef WEIR_COLLECT_RECORD_SINK_H
#define WEIR_COLLECT_RECORD_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/plan.h"
#include "record/template.h"

enum weir_record_kind {
    WEIR_RECORD_FLOW,
    WEIR_RECORD_OPTIONS,  /* of an Options Template */
    WEIR_RECORD_COUNTERS, /* counters of an interface, of sFlow: its Template is built in */
    WEIR_RECORD_KINDS,
};

/* One Data Record of any kind. */
struct weir_collected_record {
    enum weir_record_kind kind;
    const struct weir_plan_context
        *origin;                        /* its segment: exporter, domain, arrival, Template id */
    const struct weir_template *source; /* shared by many: its id is 0, the origin has it */
    const struct weir_plan *plan;
    const uint8_t *octets;
    size_t length;
};

/* The kind of a Template's records. */
static inline enum weir_record_kind weir_record_kind_of(const struct weir_template *source)
{
    if (source->is_counters)
        return WEIR_RECORD_COUNTERS;
    return source->is_options ? WEIR_RECORD_OPTIONS : WEIR_RECORD_FLOW;
}

struct weir_record_sink {
    int (*record)(void *context, const struct weir_collected_record *record,
                  struct weir_diag *diag);
    /* At rotation and at the end. */
    int (*flush)(void *context, int64_t now_ns, struct weir_diag *diag);
    void *context;
    unsigned kinds; /* that it takes, bit 1 << kind; 0: all */
};

static inline bool weir_record_sink_takes(const struct weir_record_sink *sink,
                                          enum weir_record_kind kind)
{
    return sink->kinds == 0 || sink->kinds >> kind & 1;
}

#endif
