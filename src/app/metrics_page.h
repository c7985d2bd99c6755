/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page /metrics of `weir collect`: what all workers together have counted, what the process
 * uses, and the loss ledger of each exporter.
 *
 *     weir_snapshots_ask(snapshots);
 *     weir_snapshots_await(snapshots, 500);
 *     weir_metrics_page_print(&page, &text);
 *
 * Totals are weir_collect_NAME, and what a ledger has by exporter weir_collect_exporter_NAME with
 * the labels exporter, domain, protocol, source (several exporters behind one address are told
 * apart, collect/source.h) and worker. Exporters past the limit have no metrics of their own; those
 * with the most messages do. Names are made by app/exposition.h of the tables of counters.
 *
 * Ownership: borrows what it shows. Threads: the asker's of the snapshots.
 */
#ifndef WEIR_APP_METRICS_PAGE_H
#define WEIR_APP_METRICS_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/guard.h"
#include "app/snapshot.h"
#include "base/counter.h"
#include "base/text.h"
#include "net/http.h"

#define WEIR_METRICS_PREFIX          "weir_collect"
#define WEIR_METRICS_EXPORTER_PREFIX "weir_collect_exporter"
#define WEIR_METRICS_PROCESS_PREFIX  "process"

/* What is at /metrics only. */
struct weir_metrics_counters {
    uint64_t exporters_exposed;
    uint64_t exporters_left_out;
    uint64_t worker_snapshot_age_ns;
    uint64_t exporter_clock_skew_ns;
    uint64_t build_info;
};
extern const struct weir_counter weir_metrics_counter_table[];
extern const size_t weir_metrics_counter_count;

struct weir_metrics_page {
    const struct weir_snapshots *snapshots;
    uint32_t exporter_max;                     /* at least 1 */
    const struct weir_snapshot_session **room; /* exporter_max a worker */
    const struct weir_guard_group *guarded;
    bool has_store;
    int64_t now_ns; /* by the clock of the snapshots */
    struct weir_http_counters http;
};

void weir_metrics_page_print(const struct weir_metrics_page *page, struct weir_text_buffer *out);

#endif
