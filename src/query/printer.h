/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a format of answers is made of. Private to query/.
 */
#ifndef WEIR_QUERY_PRINTER_H
#define WEIR_QUERY_PRINTER_H

#include "query/answer.h"

struct weir_printer_type {
    const char *name;
    bool shows_others;
    /* Before the first row. */
    void (*begin)(struct weir_printer *printer);
    void (*row)(struct weir_printer *printer, enum weir_row_role role,
                const struct weir_cell *cells);
    /* After some rows, so that all of them are in printer->out; NULL: they are. */
    void (*flush)(struct weir_printer *printer);
    void (*finish)(struct weir_printer *printer, const struct weir_query_stats *stats);
    void (*free_state)(struct weir_printer *printer);
};

struct weir_printer {
    const struct weir_printer_type *type;
    const struct weir_answer_column *columns;
    size_t column_count;
    unsigned screen_width;
    struct weir_text_sink sink;
    struct weir_text_buffer out; /* handed to the sink between rows */
    uint64_t rows;
    void *state; /* the format's own */
};

extern const struct weir_printer_type weir_printer_table, weir_printer_csv, weir_printer_json,
    weir_printer_ndjson, weir_printer_chart;

/* The value as programs read it: numbers, RFC 3339, addresses as RFC 5952. Nothing for none. */
void weir_cell_print(const struct weir_answer_column *column, const struct weir_cell *cell,
                     struct weir_text_buffer *out);

/* The value as people read it: names of protocols, TCP flags by letters, 4.71 G. "-" for none. */
void weir_cell_print_for_people(const struct weir_answer_column *column,
                                const struct weir_cell *cell, struct weir_text_buffer *out);

/* As a JSON value. */
void weir_cell_print_json(const struct weir_answer_column *column, const struct weir_cell *cell,
                          struct weir_text_buffer *out);

/* Letters of UTF-8 text, as wide as a terminal shows most of them. */
size_t weir_text_width(const char *text, size_t length);

/* 4 figures below 10,000, else 3 and a power of 1000: "9431", "94.3 k". */
void weir_print_magnitude(double value, struct weir_text_buffer *out);

/* True of numbers that people read by their names: protocols, reasons for a flow's end. */
bool weir_column_is_named(const struct weir_answer_column *column);

/* True of numbers, which stand on the right but for those. */
bool weir_column_is_number(const struct weir_answer_column *column);

#endif
