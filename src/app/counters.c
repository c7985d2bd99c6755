/* SPDX-License-Identifier: Apache-2.0 */
#include "app/counters.h"

#include "app/explain.h"
#include "app/guard.h"
#include "app/meter.h"
#include "app/replay.h"
#include "app/state_file.h"
#include "collect/admission.h"
#include "collect/counters.h"
#include "export/exporter.h"
#include "meter/cache.h"
#include "net/udp.h"
#include "packet/datagram_source.h"
#include "packet/parse.h"
#include "packet/source.h"
#include "store/journal.h"
#include "store/writer.h"

#define METER   "In `weir meter`."
#define COLLECT "In `weir collect`."

const struct weir_counter_group weir_counter_groups[] = {
    {"Metering", METER, weir_meter_counter_table, &weir_meter_counter_count},
    {"Packets read", METER, weir_source_counter_table, &weir_source_counter_count},
    {"Packets parsed", METER, weir_parse_counter_table, &weir_parse_counter_count},
    {"The flow cache", METER, weir_cache_counter_table, &weir_cache_counter_count},
    {"Export", METER, weir_exporter_counter_table, &weir_exporter_counter_count},
    {"Datagrams sent", "In `weir meter` and `weir replay`.", weir_udp_sender_counter_table,
     &weir_udp_sender_counter_count},
    {"Destinations", "In `weir meter` and `weir collect`.", weir_guard_counter_table,
     &weir_guard_counter_count},
    {"Collecting",
     COLLECT " In total, and for each exporter in the list `exporters`. What `structures_skipped` "
             "counts stands by enterprise and format in the list `sflow_skipped`.",
     weir_collect_counter_table, &weir_collect_counter_count},
    {"What there is of exporters now", COLLECT, weir_collect_level_table,
     &weir_collect_level_count},
    {"Datagrams taken in", COLLECT, weir_admission_counter_table, &weir_admission_counter_count},
    {"Captures of datagrams", COLLECT, weir_datagram_counter_table, &weir_datagram_counter_count},
    {"What is kept of exporters", COLLECT, weir_state_file_counter_table,
     &weir_state_file_counter_count},
    {"The store", COLLECT, weir_store_counter_table, &weir_store_counter_count},
    {"Replaying", "In `weir replay`.", weir_replay_counter_table, &weir_replay_counter_count},
    {"Explained", "In `weir inspect --summary`.", weir_explain_counter_table,
     &weir_explain_counter_count},
    {"The journal", COLLECT " Where listeners and a store are given.", weir_journal_counter_table,
     &weir_journal_counter_count},
    {NULL, NULL, NULL, NULL},
};

void weir_counters_reference(struct weir_text_buffer *out)
{
    weir_text_add(out,
                  "# Counters\n\n"
                  "What `--stats FILE` writes, one JSON object with these names. Counters count "
                  "from zero at the start and only grow. Gauges may fall: what there is at the "
                  "moment, the most there was, and losses, which are taken back when what was "
                  "missing comes late.\n");
    for (const struct weir_counter_group *group = weir_counter_groups; group->title; group++) {
        weir_text_printf(out,
                         "\n## %s\n\n%s\n\n| Name | Kind | Unit | Meaning |\n|---|---|---|---|\n",
                         group->title, group->where);
        for (size_t i = 0; i < *group->count; i++)
            weir_text_printf(out, "| `%s` | %s | %s | %s |\n", group->rows[i].name,
                             group->rows[i].is_gauge ? "gauge" : "counter",
                             weir_unit_text(group->rows[i].unit), group->rows[i].help);
    }
}
