/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A destination of export messages: its URL taken apart, its transport opened, an Exporting
 * Process of its own on it, together one place that takes batches.
 *
 *     struct weir_destination *destination;
 *     result = weir_destination_open(&url, default_domain, &destination, &diag);
 *     struct weir_batch_sink sink = weir_destination_sink(destination);
 *     ...
 *     result = weir_destination_close(destination, &diag);
 *
 * Options of the URL: domain, options, stats-interval (all); template-refresh, rate (all but json);
 * mtu (udp); port (pcap). Where there are reports, options data goes beside the records, with
 * statistics each minute unless stats-interval says otherwise; to JSON lines only if it does.
 * Ownership: who opens closes or aborts. Threads: one.
 */
#ifndef WEIR_APP_DESTINATION_H
#define WEIR_APP_DESTINATION_H

#include <stdint.h>

#include "base/error.h"
#include "export/exporter.h"
#include "net/udp.h"
#include "net/url.h"
#include "record/batch.h"

struct weir_destination;

/*
 * default_domain: the Observation Domain where the URL names none. 0; WEIR_E_USAGE with diag, which
 * names the URL; WEIR_E_IO, WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_destination_open(const struct weir_url *url, uint32_t default_domain,
                                       struct weir_destination **ret_destination,
                                       struct weir_diag *diag);

/*
 * The same for a destination that gets these reports (export/report.h), too; its number among the
 * Exporting Processes is told with them. The source is borrowed.
 */
WEIR_CHECKED int weir_destination_open_reporting(const struct weir_url *url,
                                                 uint32_t default_domain, uint32_t process_id,
                                                 const struct weir_report_source *source,
                                                 struct weir_destination **ret_destination,
                                                 struct weir_diag *diag);

/* It must outlive the sink. */
struct weir_batch_sink weir_destination_sink(struct weir_destination *destination);

/* What its Exporting Process has counted. */
const struct weir_exporter_counters *weir_destination_counters(
    const struct weir_destination *destination);

/* What its transport has counted. */
struct weir_udp_sender_counters weir_destination_sender_counters(
    const struct weir_destination *destination);

/* Sends what waits, after the last reports. Errors as of the sink. */
WEIR_CHECKED int weir_destination_end(struct weir_destination *destination, struct weir_diag *diag);

/* Sends what waits and completes a file. Frees the destination in any case. */
WEIR_CHECKED int weir_destination_close(struct weir_destination *destination,
                                        struct weir_diag *diag);

/* Gives up; an incomplete file is removed. NULL does nothing. */
void weir_destination_abort(struct weir_destination *destination);

#endif
