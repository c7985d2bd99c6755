/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Exporting Process (RFC 5470 section 5.4): column batches in, export messages out.
 *
 * The columns a batch has and the family of its addresses make the Template: the exporter keeps a
 * table of the shapes it has met, announces each before its first record and again by time where
 * the transport may lose messages (RFC 7011 section 8.4), and packs records up to the transport's
 * message size. Reports (export/report.h) and what else is options data go between them. Sequence
 * numbers count as each protocol says. Time is that of the batches, so a file exported twice gives
 * the same messages.
 *
 *     struct weir_exporter *exporter;
 *     weir_exporter_new(&config, &transport, &exporter, &diag);
 *     weir_exporter_batch(exporter, batch, &diag);          // any number of times
 *     weir_exporter_flush(exporter, &diag);
 *     weir_exporter_free(exporter);
 *
 * Ownership: borrows the transport, which outlives it. Threads: one at a time. Limits: as many
 * shapes as below, and none is forgotten, so that no Template's id is used again (RFC 7011 section
 * 8.4); with the Options Templates they are fewer than the 4,096 that weir collects of a session.
 * Rows of further ones lose their optional fields, or are dropped, and are counted.
 */
#ifndef WEIR_EXPORT_EXPORTER_H
#define WEIR_EXPORT_EXPORTER_H

#include <stdint.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "export/report.h"
#include "export/transport.h"
#include "record/batch.h"
#include "wire/message.h"

struct weir_exporter;

#define WEIR_EXPORTER_SHAPES_MAX  3072u
#define WEIR_EXPORTER_REPORTS_MAX 256u
#define WEIR_EXPORTER_SOURCES_MAX 16u
#define WEIR_EXPORTER_REFRESH_NS  (600 * WEIR_NS_PER_SECOND)
#define WEIR_EXPORTER_STATS_NS    (60 * WEIR_NS_PER_SECOND)

struct weir_exporter_config {
    enum weir_protocol protocol;
    uint32_t domain;             /* Observation Domain ID; v9: source id; v5: engine; v1: none */
    int64_t template_refresh_ns; /* resend Templates after this long; 0: send them once */
    bool has_options;            /* exports options data besides Flow Records */
    int64_t stats_interval_ns;   /* statistics come so often, and at the end; 0: never */
    uint32_t process_id;         /* exportingProcessId in statistics */
    uint64_t records_per_second; /* pace; 0: as fast as records come */
    struct weir_clock clock;     /* for pacing only */
    void (*sleep_ns)(void *context, int64_t duration_ns); /* for pacing only */
    void *sleep_context;
};

struct weir_exporter_counters {
    uint64_t records_sent;
    uint64_t messages_sent;
    uint64_t octets_sent;
    uint64_t templates_sent;
    uint64_t options_sent;
    uint64_t options_failed;
    uint64_t records_not_carried;
    uint64_t records_shapeless;
    uint64_t records_failed;
    uint64_t messages_failed;
    uint64_t packets_not_sent;
    uint64_t octets_not_sent;
    uint64_t records_too_long;
    uint64_t records_without_fields;
    uint64_t fields_not_carried;
    uint64_t values_clamped;
};

extern const struct weir_counter weir_exporter_counter_table[];
extern const size_t weir_exporter_counter_count;

/*
 * 0, WEIR_E_NOMEM, or WEIR_E_USAGE with diag: a transport whose messages are too small for one
 * Template, a domain that v5's 16 bits cannot hold.
 */
WEIR_CHECKED int weir_exporter_new(const struct weir_exporter_config *config,
                                   const struct weir_transport *transport,
                                   struct weir_exporter **ret_exporter, struct weir_diag *diag);
void weir_exporter_free(struct weir_exporter *exporter);

/*
 * Adds reports, before the first batch; nothing without has_options. 0, WEIR_E_LIMIT or
 * WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_exporter_add_reports(struct weir_exporter *exporter,
                                           const struct weir_report_source *source,
                                           struct weir_diag *diag);

/*
 * Encodes all rows; messages that fill are sent. The export time is the received_ns of the batch's
 * segments. 0, or the transport's error: what was in the failed messages is counted as failed, and
 * the exporter can go on.
 */
WEIR_CHECKED int weir_exporter_batch(struct weir_exporter *exporter, const struct weir_batch *batch,
                                     struct weir_diag *diag);

/* Sends what waits, a message that is not full included. */
WEIR_CHECKED int weir_exporter_flush(struct weir_exporter *exporter, struct weir_diag *diag);

/* The same after the last reports, at the time of what was exported last. */
WEIR_CHECKED int weir_exporter_end(struct weir_exporter *exporter, struct weir_diag *diag);

const struct weir_exporter_counters *weir_exporter_counters(const struct weir_exporter *exporter);

/* The exporter as a place that takes batches; it must outlive the sink. */
struct weir_batch_sink weir_exporter_sink(struct weir_exporter *exporter);

#endif
