/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/counters.h"

const struct weir_counter weir_collect_counter_table[] = {
#define X(name, unit, help) WEIR_COUNTER(struct weir_collect_counters, name, unit, help),
    WEIR_COLLECT_COUNTERS(X)
#undef X
};
const size_t weir_collect_counter_count =
    sizeof(weir_collect_counter_table) / sizeof(weir_collect_counter_table[0]);

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
