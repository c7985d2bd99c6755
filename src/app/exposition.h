/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' text exposition format, version 0.0.4: what /metrics answers.
 *
 * A metric is a row of a table of counters (base/counter.h). Its name is made of the row's by one
 * rule: PREFIX_NAME, and _total behind a counter's. Units are Prometheus' base units and stand
 * last: of "octets" become bytes, of nanoseconds seconds. The word "counter", which Prometheus
 * keeps for itself, becomes "interface", whose counters they are. So `octets` is
 * weir_collect_bytes_total, `journal_cut_octets` weir_collect_journal_cut_bytes_total,
 * `records_lost`, a gauge, weir_collect_records_lost.
 *
 *     struct weir_exposition exposition = weir_exposition_begin(&text);
 *     weir_exposition_add_all(&exposition, "weir_collect", rows, count, &counters);
 *     weir_exposition_open(&exposition, "weir_collect_exporter", &row);       // HELP and TYPE
 *     weir_exposition_add(&exposition, labels, 2, value);                     // its samples
 *
 * All samples of a metric stand together: one is open at a time, and opened once. Ownership:
 * borrows the text; its failures are the caller's to ask for. Threads: one. Limits: a name has at
 * most WEIR_EXPOSITION_NAME_MAX octets, which tests check for every row there is.
 */
#ifndef WEIR_APP_EXPOSITION_H
#define WEIR_APP_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/text.h"

#define WEIR_EXPOSITION_NAME_MAX     128u /* its terminator included */
#define WEIR_EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct weir_exposition {
    struct weir_text_buffer *out;
    enum weir_unit unit;
    char name[WEIR_EXPOSITION_NAME_MAX]; /* of the metric that is open */
};

/* A label; the name is one of ours, the value any text: what is not UTF-8 of it becomes U+FFFD. */
struct weir_label {
    const char *name;
    const char *value;
};

struct weir_exposition weir_exposition_begin(struct weir_text_buffer *out);

/* The name of a row's metric. */
void weir_exposition_name(const char *prefix, const struct weir_counter *row,
                          char ret_name[WEIR_EXPOSITION_NAME_MAX]);

/* Opens a metric. */
void weir_exposition_open(struct weir_exposition *exposition, const char *prefix,
                          const struct weir_counter *row);

/* A sample of it, in the unit of its row. */
void weir_exposition_add(struct weir_exposition *exposition, const struct weir_label *labels,
                         size_t label_count, uint64_t value);

/* The same of a value that may be below zero. */
void weir_exposition_add_signed(struct weir_exposition *exposition, const struct weir_label *labels,
                                size_t label_count, int64_t value);

/* Each row as a metric with one sample without labels. */
void weir_exposition_add_all(struct weir_exposition *exposition, const char *prefix,
                             const struct weir_counter *rows, size_t count, const void *counters);

#endif
