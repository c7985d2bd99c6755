/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to rows between their decoding and their sinks: sampling intervals that options and
 * the configuration say (collect/sampling.h), and a look at their times.
 *
 *     weir_plan_decode(plan, octets, length, &context, batch, &consumed, &rows, &diag);
 *     struct weir_rows_count count = weir_rows_finish(batch, rows, exporter, &times);
 *     ...
 *     corrected = weir_rows_correct(batch, exporter);   // its options came
 *     weir_rows_complete(batch, fallback);              // before it is handed over
 *
 * Threads: one.
 */
#ifndef WEIR_COLLECT_ROWS_H
#define WEIR_COLLECT_ROWS_H

#include <stdint.h>

#include "collect/exporter.h"
#include "record/batch.h"

/* Flows end before their header's time, which may be whole seconds, rounded down. */
#define WEIR_ROWS_AFTER_NS INT64_C(1000000000)

struct weir_rows_times {
    int64_t export_ns; /* as the header says */
    int64_t shift_ns;  /* to be added to start and end */
};

/* Rows of which something is to be said. */
struct weir_rows_count {
    uint32_t sampling_unknown;
    uint32_t sampling_overridden;
    uint32_t times_after_export; /* by more than WEIR_ROWS_AFTER_NS */
    uint32_t times_reversed;     /* end before start */
};

/* Finishes the last `rows` rows. */
struct weir_rows_count weir_rows_finish(struct weir_batch *batch, uint32_t rows,
                                        struct weir_exporter *exporter,
                                        const struct weir_rows_times *times);

/* Gives rows of an exporter that have no interval theirs; returns how many got one. */
uint32_t weir_rows_correct(struct weir_batch *batch, const struct weir_exporter *exporter);

/* Makes the batch whole for its sinks; rows without an interval get `fallback`, if any. */
void weir_rows_complete(struct weir_batch *batch, struct weir_fraction fallback);

#endif
