/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --stats: the counters of several modules as one JSON object by name.
 *
 *     const struct weir_stats_part parts[] = {
 *         {weir_cache_counter_table, weir_cache_counter_count, &cache_counters}, ...
 *     };
 *     weir_stats_print(parts, 2, &text);        // {"flows_created":3,...}
 *
 * Threads: pure.
 */
#ifndef WEIR_APP_STATS_H
#define WEIR_APP_STATS_H

#include <stddef.h>

#include "base/counter.h"
#include "base/text.h"

/* A counter struct and the rows that describe it. */
struct weir_stats_part {
    const struct weir_counter *rows;
    size_t count;
    const void *counters;
};

/* Adds one object, a member on a line, and a final newline. */
void weir_stats_print(const struct weir_stats_part *parts, size_t count,
                      struct weir_text_buffer *out);

#endif
