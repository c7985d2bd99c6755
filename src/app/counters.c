/* SPDX-License-Identifier: Apache-2.0 */
#include "app/counters.h"

#include "app/explain.h"
#include "app/exposition.h"
#include "app/guard.h"
#include "app/meter.h"
#include "app/metrics_page.h"
#include "app/process.h"
#include "app/replay.h"
#include "app/state_file.h"
#include "collect/admission.h"
#include "collect/counters.h"
#include "export/exporter.h"
#include "meter/cache.h"
#include "net/http.h"
#include "net/udp.h"
#include "packet/datagram_source.h"
#include "packet/parse.h"
#include "packet/source.h"
#include "store/journal.h"
#include "store/writer.h"

#define METER   "In `weir meter`."
#define COLLECT "In `weir collect`."
#define METRICS "Of `weir collect --metrics`, and not in `--stats`."

#define ROWS(name)            weir_##name##_table, &weir_##name##_count
#define ROWS_OF_COLLECT(name) WEIR_METRICS_PREFIX, ROWS(name)

const struct weir_counter_group weir_counter_groups[] = {
    {"Metering", METER, NULL, ROWS(meter_counter)},
    {"Packets read", METER, NULL, ROWS(source_counter)},
    {"Packets parsed", METER, NULL, ROWS(parse_counter)},
    {"The flow cache", METER, NULL, ROWS(cache_counter)},
    {"Export", METER, NULL, ROWS(exporter_counter)},
    {"Datagrams sent", "In `weir meter` and `weir replay`.", NULL, ROWS(udp_sender_counter)},
    {"Destinations", "In `weir meter` and `weir collect`.", ROWS_OF_COLLECT(guard_counter)},
    {"Collecting",
     COLLECT " In total, and for each exporter in the list `exporters`. What `structures_skipped` "
             "counts stands by enterprise and format in the list `sflow_skipped`. What the store's "
             "table `ledger` has is also a metric by exporter: `" WEIR_METRICS_EXPORTER_PREFIX
             "_messages_total` and so on.",
     ROWS_OF_COLLECT(collect_counter)},
    {"What there is of exporters now", COLLECT, ROWS_OF_COLLECT(collect_level)},
    {"Datagrams taken in", COLLECT, ROWS_OF_COLLECT(admission_counter)},
    {"Captures of datagrams", COLLECT, ROWS_OF_COLLECT(datagram_counter)},
    {"What is kept of exporters", COLLECT, ROWS_OF_COLLECT(state_file_counter)},
    {"The store", COLLECT, ROWS_OF_COLLECT(store_counter)},
    {"Replaying", "In `weir replay`.", NULL, ROWS(replay_counter)},
    {"Explained", "In `weir inspect --summary`.", NULL, ROWS(explain_counter)},
    {"The journal", COLLECT " Where listeners and a store are given.",
     ROWS_OF_COLLECT(journal_counter)},
    {"Metrics", METRICS, ROWS_OF_COLLECT(metrics_counter)},
    {"Requests for metrics", METRICS, ROWS_OF_COLLECT(http_counter)},
    {"The process", METRICS, WEIR_METRICS_PROCESS_PREFIX, ROWS(process_counter)},
    {NULL, NULL, NULL, NULL, NULL},
};

static void add_group(const struct weir_counter_group *group, struct weir_text_buffer *out)
{
    bool has_metrics = group->prefix != NULL;
    weir_text_printf(
        out, "\n## %s\n\n%s\n\n| Name | Kind | %sUnit | Meaning |\n|---|---|%s---|---|\n",
        group->title, group->where, has_metrics ? "Metric | " : "", has_metrics ? "---|" : "");
    for (size_t i = 0; i < *group->count; i++) {
        const struct weir_counter *row = &group->rows[i];
        char metric[WEIR_EXPOSITION_NAME_MAX];
        weir_text_printf(out, "| `%s` | %s | ", row->name, row->is_gauge ? "gauge" : "counter");
        if (has_metrics) {
            weir_exposition_name(group->prefix, row, metric);
            weir_text_printf(out, "`%s` | ", metric);
        }
        weir_text_printf(out, "%s | %s |\n", weir_unit_text(row->unit), row->help);
    }
}

void weir_counters_reference(struct weir_text_buffer *out)
{
    weir_text_add(out,
                  "# Counters\n\n"
                  "What `--stats FILE` writes, one JSON object with these names, and the metrics "
                  "of `weir collect --metrics`. Counters count from zero at the start and only "
                  "grow. Gauges may fall: what there is at the moment, the most there was, and "
                  "losses, which are taken back when what was missing comes late.\n");
    for (const struct weir_counter_group *group = weir_counter_groups; group->title; group++)
        add_group(group, out);
}
