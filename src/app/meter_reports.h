/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Metering Process reports of itself in options data (RFC 7011 section 4): what it saw,
 * ignored and metered, the state of the flow cache, why flows ended, how packets and flows were
 * selected, and its Observation Points.
 * doc/options-data.md has the Options Templates.
 *
 *     weir_meter_reports_new(meter, 0, &cache_config, &reports, &diag);
 *     weir_destination_add_reports(destination, weir_meter_reports_source(reports), &diag);
 *     ...                                             // metering, exporting, closing
 *     weir_meter_reports_free(reports);
 *
 * Of workers that share a file counters are whole at the end only, and so are statistics: they are
 * then the same for any number of workers. Of those that share interfaces they are a moment old.
 *
 * Ownership: borrows the meter. Threads: those that the meter calls its sinks from.
 */
#ifndef WEIR_APP_METER_REPORTS_H
#define WEIR_APP_METER_REPORTS_H

#include "app/flow_selection.h"
#include "app/meter.h"
#include "export/report.h"

struct weir_meter_reports;

/*
 * Of a process of the meter, with its cache's configuration and the selection of its flows, which
 * is borrowed and may be NULL. 0, or WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_meter_reports_new(struct weir_meter *meter, unsigned process,
                                        const struct weir_cache_config *cache,
                                        const struct weir_flow_selection *flows,
                                        struct weir_meter_reports **ret_reports,
                                        struct weir_diag *diag);
void weir_meter_reports_free(struct weir_meter_reports *reports);

/* For any number of exporters that are used by one thread at a time; it outlives them. */
const struct weir_report_source *weir_meter_reports_source(
    const struct weir_meter_reports *reports);

#endif
