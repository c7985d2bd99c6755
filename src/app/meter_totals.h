/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a Metering Process has counted, in one value, and the sum of several that share the
 * packets. Private to app/: reports are made of it (app/meter_reports.h).
 *
 *     weir_meter_totals_of(meter, 0, &totals);
 *     weir_meter_totals_add(&others, &totals);
 *
 * Open value without ownership. Threads: that of the meter.
 */
#ifndef WEIR_APP_METER_TOTALS_H
#define WEIR_APP_METER_TOTALS_H

#include "app/meter.h"

struct weir_meter_totals {
    struct weir_meter_counters own; /* packets_selected: by this process */
    struct weir_source_counters source;
    struct weir_parse_counters parse;
    struct weir_cache_counters cache;
    struct weir_selection_description selection;
    struct weir_estimates estimates;
};

/* Of one of the meter's processes; where several threads meter, not while they do. */
void weir_meter_totals_of(struct weir_meter *meter, unsigned process,
                          struct weir_meter_totals *ret_totals);

void weir_meter_totals_add(const struct weir_meter_totals *from, struct weir_meter_totals *into);

/* Adds what selectors have seen and selected. */
void weir_selection_add(const struct weir_selection_description *from,
                        struct weir_selection_description *into);

#endif
