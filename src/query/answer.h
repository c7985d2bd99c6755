/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers, row by row, and the formats that they are printed in.
 *
 *     struct weir_printer *printer;
 *     weir_printer_new(WEIR_FORMAT_CSV, columns, count, 80, &out, &printer, diag);
 *     weir_printer_row(printer, WEIR_ROW, cells, diag);
 *     weir_printer_finish(printer, &stats, diag);
 *     weir_printer_free(printer);
 *
 * table    for people: aligned, counters with k M G, names of protocols, times to the millisecond;
 *          the rows "other" and "total"; the first 2,000 rows set the widths, or those that have
 *          come by a flush, and a wider value widens its column
 * csv      RFC 4180 with a header of the columns' names; none is empty, an empty text is ""
 * json     one object: columns (name, type, unit), rows (one object each), stats; others and the
 *          total are in stats
 * ndjson   one object a row
 * chart    for people: a bar a row, or a line of small bars a group where there are bins
 *
 * Threads: one owner. A printer borrows the columns.
 */
#ifndef WEIR_QUERY_ANSWER_H
#define WEIR_QUERY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/text.h"
#include "query/plan.h"
#include "store/duckdb.h"

enum weir_format {
    WEIR_FORMAT_TABLE,
    WEIR_FORMAT_CSV,
    WEIR_FORMAT_JSON,
    WEIR_FORMAT_NDJSON,
    WEIR_FORMAT_CHART,
    WEIR_FORMAT_COUNT,
};

/* One value. */
struct weir_cell {
    bool is_none;
    uint8_t scale; /* DECIMAL: that many digits are behind the point */
    weir_int128
        integer; /* INTEGER, DECIMAL, BOOL, MAC, FLAGS; TIME and BIN: nanoseconds since 1970 */
    double real;
    struct weir_address address;
    const char *text; /* `length` octets */
    size_t length;
};

enum weir_row_role {
    WEIR_ROW,
    WEIR_ROW_OTHER, /* all that --top left out; its keys are none */
    WEIR_ROW_TOTAL,
};

/* Errors that stats say, one a counter at most. */
#define WEIR_QUERY_ERRORS_MAX 4u

struct weir_query_stats {
    uint64_t rows;             /* printed, without other and total */
    uint64_t files;            /* read */
    uint64_t files_pruned;     /* left out by the times in their names */
    uint64_t octets;           /* size of the files read */
    uint64_t flows;            /* in the files read, of which an answer may have fewer */
    uint64_t sampling_unknown; /* of these, flows without a sampling interval, or with 0 */
    bool sampling_known;       /* that number holds: the files were weir's own */
    bool scaled;               /* counters were multiplied by their sampling interval */
    int64_t elapsed_ns;
    /* Of all rows and others together, by the name of the column; JSON says them. */
    struct weir_query_error {
        const char *name;
        double value;
    } errors[WEIR_QUERY_ERRORS_MAX];
    unsigned error_count;
};

/* Where text goes. 0, or an error, which ends the printing. */
struct weir_text_sink {
    int (*write)(void *context, const void *data, size_t length, struct weir_diag *diag);
    void *context;
};

struct weir_printer;

/* True where the format has room for other and total. */
bool weir_format_shows_others(enum weir_format format);

/* `screen_width`: letters a line may have, for charts; 0: 80. 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_printer_new(enum weir_format format, const struct weir_answer_column *columns,
                                  size_t column_count, unsigned screen_width,
                                  const struct weir_text_sink *sink,
                                  struct weir_printer **ret_printer, struct weir_diag *diag);
void weir_printer_free(struct weir_printer *printer);

/* `cells`: one a column. */
WEIR_CHECKED int weir_printer_row(struct weir_printer *printer, enum weir_row_role role,
                                  const struct weir_cell *cells, struct weir_diag *diag);

#define WEIR_PRINTER_TEXTS_MAX 8u

/* A row of texts, at most WEIR_PRINTER_TEXTS_MAX, one a column; NULL and "": none. */
WEIR_CHECKED int weir_printer_texts(struct weir_printer *printer, const char *const *texts,
                                    struct weir_diag *diag);

/* Hands on what there is by now, for who reads along. */
WEIR_CHECKED int weir_printer_flush(struct weir_printer *printer, struct weir_diag *diag);

/* Stats NULL: of rows that are no answer, of which the number is all that can be said. */
WEIR_CHECKED int weir_printer_finish(struct weir_printer *printer,
                                     const struct weir_query_stats *stats, struct weir_diag *diag);

#endif
