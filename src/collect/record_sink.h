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

#include <stdint.h>

#include "base/error.h"
#include "record/plan.h"
#include "wire/message.h"

struct weir_record_sink {
    /*
     * `origin` is what the record's message said; its segment names exporter, domain, protocol,
     * arrival and Template. Records of Options Templates come too (record->template->is_options).
     */
    int (*record)(void *context, const struct weir_plan_context *origin,
                  const struct weir_record *record, struct weir_diag *diag);
    /* At rotation and at the end. */
    int (*flush)(void *context, int64_t now_ns, struct weir_diag *diag);
    void *context;
};

#endif
