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

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/plan.h"
#include "record/template.h"

/* One Data Record, a Flow Record or (source->is_options) one of an Options Template. */
struct weir_collected_record {
    const struct weir_plan_context
        *origin;                        /* its segment: exporter, domain, arrival, Template id */
    const struct weir_template *source; /* shared by many: its id is 0, the origin has it */
    const struct weir_plan *plan;
    const uint8_t *octets;
    size_t length;
};

struct weir_record_sink {
    int (*record)(void *context, const struct weir_collected_record *record,
                  struct weir_diag *diag);
    /* At rotation and at the end. */
    int (*flush)(void *context, int64_t now_ns, struct weir_diag *diag);
    void *context;
};

#endif
