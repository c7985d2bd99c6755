/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was counted since the last report, session by session: the loss ledger over time. Reports
 * add up: their sum is what weir_collector_count says, whatever was evicted or joined meanwhile.
 *
 *     weir_collector_report_to(collector, &(struct weir_report_sink){write_row, table});
 *     ...                                              // messages
 *     result = weir_collector_report(collector, &diag);        // one call a session that had any
 *
 * A session that is forgotten is reported then. What no message has come for yet, since a state was
 * restored, is reported after the first one. Threads: as the collector's.
 */
#ifndef WEIR_COLLECT_REPORT_H
#define WEIR_COLLECT_REPORT_H

#include <stdint.h>

#include "base/error.h"

struct weir_collector;
struct weir_session;

/* Of struct weir_collect_counters. Those of losses go down when what was lost comes late. */
#define WEIR_REPORT_COUNTERS(X) \
    X(messages)                 \
    X(octets)                   \
    X(records)                  \
    X(options_records)          \
    X(counter_records)          \
    X(records_lost)             \
    X(messages_lost)            \
    X(records_unknown)          \
    X(records_duplicate)        \
    X(messages_duplicate)       \
    X(messages_late)            \
    X(sequence_restarts)        \
    X(messages_malformed)       \
    X(sets_unknown_template)    \
    X(sets_overflowed)          \
    X(records_buffered)         \
    X(records_sampling_unknown)

struct weir_report_counters {
#define X(name) int64_t name;
    WEIR_REPORT_COUNTERS(X)
#undef X
};

struct weir_collect_report {
    const struct weir_session *session; /* NULL: of messages that found none */
    /* Arrival of the first message since the last report, and of the last, of whatever session.
     * Both are of the last that ever came where none has since then, and something waited. */
    int64_t since_ns, until_ns;
    struct weir_report_counters counted;
};

/* 0, or an error that weir_collector_report returns. */
struct weir_report_sink {
    int (*report)(void *context, const struct weir_collect_report *report, struct weir_diag *diag);
    void *context;
};

/* The one place that reports go to. */
void weir_collector_report_to(struct weir_collector *collector,
                              const struct weir_report_sink *sink);

/* Reports and begins anew. The first error of the sink since the last report, with diag. */
WEIR_CHECKED int weir_collector_report(struct weir_collector *collector, struct weir_diag *diag);

struct weir_collect_counters;

/* What `counters` has more than `*before`, which becomes it. Private to collect/. */
struct weir_report_counters weir_report_take(struct weir_report_counters *before,
                                             const struct weir_collect_counters *counters);

/* Adds what was reported of a session to what was of its heir. Private to collect/. */
void weir_report_join(struct weir_report_counters *heir, const struct weir_report_counters *other);

#endif
