/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters as documented tables.
 *
 * A module keeps its counters in an open struct of uint64_t and describes each in one row of a
 * table. The rows are what --stats, /metrics and the counter reference are made from, so no
 * counter exists without a name, a kind, a unit and a line of help.
 *
 * A counter only grows while the process lives. What may fall is a gauge: what there is at the
 * moment, the most there was, and losses, which are taken back when what was lost comes late.
 *
 *     struct weir_meter_counters { uint64_t flows_created, flows_exported; };
 *     const struct weir_counter weir_meter_counter_table[] = {
 *         WEIR_COUNTER(struct weir_meter_counters, flows_created, FLOWS, "entries made in the
 * cache"),
 *         ...
 *     };
 *
 * Threads: a counter struct is written by one thread; readers of a running one take a copy made
 * by its owner.
 */
#ifndef WEIR_BASE_COUNTER_H
#define WEIR_BASE_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_unit {
    WEIR_UNIT_NONE,
    WEIR_UNIT_PACKETS,
    WEIR_UNIT_OCTETS,
    WEIR_UNIT_FLOWS,
    WEIR_UNIT_RECORDS,
    WEIR_UNIT_MESSAGES,
    WEIR_UNIT_SETS,
    WEIR_UNIT_TEMPLATES,
    WEIR_UNIT_ENTRIES,
    WEIR_UNIT_DATAGRAMS,
    WEIR_UNIT_FILES,
    WEIR_UNIT_NANOSECONDS,
};

struct weir_counter {
    const char *name; /* as --stats prints it: flows_expired_idle */
    const char *help; /* one line, no final full stop */
    size_t offset;    /* of the uint64_t in the counter struct */
    enum weir_unit unit;
    bool is_gauge;
};

#define WEIR_COUNTER(type, member, unit_suffix, help_text) \
    WEIR_COUNTER_ROW(type, member, unit_suffix, help_text, false)
#define WEIR_GAUGE(type, member, unit_suffix, help_text) \
    WEIR_COUNTER_ROW(type, member, unit_suffix, help_text, true)

#define WEIR_COUNTER_ROW(type, member, unit_suffix, help_text, gauge)           \
    {                                                                           \
        .name = #member, .help = (help_text), .offset = offsetof(type, member), \
        .unit = WEIR_UNIT_##unit_suffix, .is_gauge = (gauge)                    \
    }

/* "packets", "octets"; "" for WEIR_UNIT_NONE. */
const char *weir_unit_text(enum weir_unit unit);

/* Value of one row in a counter struct. */
uint64_t weir_counter_get(const struct weir_counter *row, const void *counters);

/* Adds each of `count` rows of `from` to the same of `into`: workers into a total. */
void weir_counter_add_all(const struct weir_counter *rows, size_t count, const void *from,
                          void *into);

#endif
