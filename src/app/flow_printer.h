/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints Flow Records as they come, in the formats of query/answer.h: what `weir meter` prints and
 * what `weir query` answers looks the same.
 *
 *     weir_flow_printer_open("-", WEIR_FORMAT_TABLE, columns, NULL, &printer, &diag);
 *     struct weir_batch_sink sink = weir_flow_printer_sink(printer);
 *     ...
 *     result = weir_flow_printer_close(printer, "", &diag);
 *
 * A table has the columns that fit a screen, other formats all of them. Ownership: who opens closes
 * or aborts. Threads: one.
 */
#ifndef WEIR_APP_FLOW_PRINTER_H
#define WEIR_APP_FLOW_PRINTER_H

#include "base/error.h"
#include "query/answer.h"
#include "record/batch.h"

struct weir_flow_printer;

/* What some record may have; extra fields of one name are one column. */
struct weir_flow_printer_fields {
    weir_column_set columns;
    weir_column_set named; /* that somebody asked for: a table shows them, too */
    const struct weir_extra_fields *const *extras; /* borrowed while it is open */
    unsigned extra_count;
};

/*
 * zone: in which times are shown, NULL for UTC; borrowed. 0, WEIR_E_LIMIT with diag for more fields
 * than an answer has columns, WEIR_E_NOMEM, or WEIR_E_IO with diag.
 */
WEIR_CHECKED int weir_flow_printer_open(const char *path, enum weir_format format,
                                        const struct weir_flow_printer_fields *fields,
                                        const struct weir_zone *zone,
                                        struct weir_flow_printer **ret_printer,
                                        struct weir_diag *diag);

/* It must outlive the sink. A flush hands all that was printed to the system. */
struct weir_batch_sink weir_flow_printer_sink(struct weir_flow_printer *printer);

/*
 * Prints what comes after the last record, and last of all `closing`, lines for who reads a table;
 * "" for none, and for other formats. Frees the printer in any case.
 */
WEIR_CHECKED int weir_flow_printer_close(struct weir_flow_printer *printer, const char *closing,
                                         struct weir_diag *diag);

/* Gives up; an incomplete file is removed. NULL does nothing. */
void weir_flow_printer_abort(struct weir_flow_printer *printer);

#endif
