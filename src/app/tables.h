/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Collecting Process writes into its store beside flows (store/tables.h): the ledger of
 * what came and what was lost, a row a session and interval, and the interface counters of sFlow.
 *
 *     weir_tables_init(&tables, collector, writer, rotate_ns);
 *     result = weir_tables_pass(&tables, received_ns, &missed, &diag);    // before each message
 *     result = weir_tables_report(&tables, now_ns, &missed, &diag);       // at an interval's end
 *
 * Intervals are those of the store's files: by the time of arrival, so that files give the same
 * rows again, or the segments of a journal. Who decodes a segment again reports it again, and the
 * rows go with its other files. Ownership: borrows collector and writer. Threads: the collector's.
 */
#ifndef WEIR_APP_TABLES_H
#define WEIR_APP_TABLES_H

#include <stdint.h>

#include "base/error.h"
#include "collect/collector.h"
#include "store/writer.h"

/* Datagrams that no collector has seen, since the start. */
struct weir_tables_missed {
    uint64_t dropped;
    uint64_t not_allowed;
    uint64_t limited;
};

struct weir_tables {
    struct weir_collector *collector;
    struct weir_store_writer *writer;
    int64_t rotate_ns;
    int64_t end_ns; /* of the interval; INT64_MIN: none has begun */
    struct weir_tables_missed reported;
};

/*
 * Has the collector report to the writer. rotate_ns 0: intervals end by weir_tables_report alone.
 * 0, or WEIR_E_LIMIT: the collector has no place for a sink of records.
 */
WEIR_CHECKED int weir_tables_init(struct weir_tables *tables, struct weir_collector *collector,
                                  struct weir_store_writer *writer, int64_t rotate_ns);

/*
 * Time has come to now_ns: ends the interval where it lies past it. Errors as
 * weir_tables_report.
 */
WEIR_CHECKED int weir_tables_pass(struct weir_tables *tables, int64_t now_ns,
                                  const struct weir_tables_missed *missed, struct weir_diag *diag);

/* Ends the interval. 0, or the error of weir_store_writer_add. */
WEIR_CHECKED int weir_tables_report(struct weir_tables *tables, int64_t now_ns,
                                    const struct weir_tables_missed *missed,
                                    struct weir_diag *diag);

#endif
