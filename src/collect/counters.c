/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/counters.h"

const struct weir_counter weir_collect_counter_table[] = {
#define X(name, unit, help) WEIR_COUNTER(struct weir_collect_counters, name, unit, help),
#define G(name, unit, help) WEIR_GAUGE(struct weir_collect_counters, name, unit, help),
    WEIR_COLLECT_COUNTERS(X, G)
#undef G
#undef X
};
const size_t weir_collect_counter_count =
    sizeof(weir_collect_counter_table) / sizeof(weir_collect_counter_table[0]);

#define LEVEL(member, unit, help) WEIR_GAUGE(struct weir_collect_levels, member, unit, help)
const struct weir_counter weir_collect_level_table[] = {
    LEVEL(sessions, NONE, "exporters and Observation Domains that are known now"),
    LEVEL(sessions_most, NONE, "as many as there may be: --max-exporters"),
    LEVEL(templates_octets, OCTETS, "octets of memory that their Templates and plans take"),
    LEVEL(waiting_octets, OCTETS, "octets of Data Sets that wait for their Template"),
};
const size_t weir_collect_level_count =
    sizeof(weir_collect_level_table) / sizeof(weir_collect_level_table[0]);

void weir_collect_count_malformed(struct weir_collect_counters *counters, enum weir_malformed cause)
{
    uint64_t *const causes[] = {
        [WEIR_MALFORMED_VERSION] = &counters->malformed_version,
        [WEIR_MALFORMED_HEADER] = &counters->malformed_header,
        [WEIR_MALFORMED_LENGTH] = &counters->malformed_length,
        [WEIR_MALFORMED_SET] = &counters->malformed_set,
        [WEIR_MALFORMED_TEMPLATE] = &counters->malformed_template,
        [WEIR_MALFORMED_RECORD] = &counters->malformed_record,
        [WEIR_MALFORMED_LIST] = &counters->malformed_list,
    };
    if (cause == WEIR_MALFORMED_NONE)
        return;
    counters->messages_malformed++;
    ++*causes[cause];
}
