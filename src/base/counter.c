/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counter.h"

#include <string.h>

static const char *const unit_texts[] = {
    [WEIR_UNIT_NONE] = "",           [WEIR_UNIT_PACKETS] = "packets",
    [WEIR_UNIT_OCTETS] = "octets",   [WEIR_UNIT_FLOWS] = "flows",
    [WEIR_UNIT_RECORDS] = "records", [WEIR_UNIT_MESSAGES] = "messages",
    [WEIR_UNIT_SETS] = "sets",       [WEIR_UNIT_TEMPLATES] = "templates",
    [WEIR_UNIT_ENTRIES] = "entries", [WEIR_UNIT_DATAGRAMS] = "datagrams",
    [WEIR_UNIT_FILES] = "files",     [WEIR_UNIT_NANOSECONDS] = "nanoseconds",
};

const char *weir_unit_text(enum weir_unit unit)
{
    return unit_texts[unit];
}

uint64_t weir_counter_get(const struct weir_counter *row, const void *counters)
{
    uint64_t value;
    memcpy(&value, (const char *)counters + row->offset, sizeof(value));
    return value;
}

void weir_counter_add_all(const struct weir_counter *rows, size_t count, const void *from,
                          void *into)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = weir_counter_get(&rows[i], from) + weir_counter_get(&rows[i], into);
        memcpy((char *)into + rows[i].offset, &sum, sizeof(sum));
    }
}
