/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --stats prints: counters by the names of their tables, as one JSON object on one line, so
 * that a program finds it as the last line where records are printed before it.
 *
 *     const struct weir_stats_part parts[] = {
 *         {weir_cache_counter_table, weir_cache_counter_count, &cache_counters}, ...
 *     };
 *     weir_stats_print(parts, 2, &text);                    // {"flows_created":3,...}
 *
 * or, with more inside:
 *
 *     struct weir_stats stats = weir_stats_begin(&text);
 *     weir_stats_add(&stats, &parts[0]);
 *     weir_stats_open_list(&stats, "exporters");
 *     weir_stats_open_object(&stats, NULL);
 *     weir_stats_add_text(&stats, "address", "192.0.2.9");
 *     weir_stats_end(&stats);
 *
 * Ownership: borrows the text; its failures are the caller's to ask for. Threads: one. Limits:
 * eight levels.
 */
#ifndef WEIR_APP_STATS_H
#define WEIR_APP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/text.h"

#define WEIR_STATS_DEPTH_MAX 8

/* A counter struct and the rows that describe it. */
struct weir_stats_part {
    const struct weir_counter *rows;
    size_t count;
    const void *counters;
};

struct weir_stats {
    struct weir_text_buffer *out;
    unsigned depth;
    bool follows; /* something stands before, on this level */
    char closing[WEIR_STATS_DEPTH_MAX];
};

/* Opens the object. */
struct weir_stats weir_stats_begin(struct weir_text_buffer *out);

/* Every row of the part. */
void weir_stats_add(struct weir_stats *stats, const struct weir_stats_part *part);

/* One member; in a list, name is NULL. */
void weir_stats_add_u64(struct weir_stats *stats, const char *name, uint64_t value);
void weir_stats_add_i64(struct weir_stats *stats, const char *name, int64_t value);
/* With as many digits as tell it from others; none is infinite. */
void weir_stats_add_real(struct weir_stats *stats, const char *name, double value);
void weir_stats_add_text(struct weir_stats *stats, const char *name, const char *value);
void weir_stats_add_null(struct weir_stats *stats, const char *name);

/* What is added from here on is inside, until the close that belongs to it. */
void weir_stats_open_object(struct weir_stats *stats, const char *name);
void weir_stats_open_list(struct weir_stats *stats, const char *name);
void weir_stats_close(struct weir_stats *stats);

/* Closes what is open, the whole object last, and ends the line. */
void weir_stats_end(struct weir_stats *stats);

/* The whole of it for parts and nothing else. */
void weir_stats_print(const struct weir_stats_part *parts, size_t count,
                      struct weir_text_buffer *out);

#endif
