/* SPDX-License-Identifier: Apache-2.0 */
#include "app/stats.h"

void weir_stats_print(const struct weir_stats_part *parts, size_t count,
                      struct weir_text_buffer *out)
{
    const char *before = "{\n  \"";
    for (size_t part = 0; part < count; part++)
        for (size_t row = 0; row < parts[part].count; row++) {
            const struct weir_counter *counter = &parts[part].rows[row];
            weir_text_add(out, before);
            weir_text_add(out, counter->name);
            weir_text_add(out, "\": ");
            weir_text_add_u64(out, weir_counter_get(counter, parts[part].counters));
            before = ",\n  \"";
        }
    weir_text_add(out, "\n}\n");
}
