/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the Exporting Process share: exporter.c has messages and records, options.c
 * has options data, unsent.c what was not sent. Private to export/.
 */
#ifndef WEIR_EXPORT_PRIVATE_H
#define WEIR_EXPORT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "export/exporter.h"
#include "export/report.h"
#include "export/shape.h"
#include "record/plan.h"
#include "wire/encoder.h"

#define WEIR_EXPORTER_EXTRAS 64u /* sets of extra fields that shapes may have */
#define WEIR_EXPORTER_QUEUE  44u /* messages handed to the transport at once */

/* A power of two, of which no more than half are taken. */
#define WEIR_EXPORTER_SHAPE_SLOTS 8192u
_Static_assert(2 * WEIR_EXPORTER_SHAPES_MAX <= WEIR_EXPORTER_SHAPE_SLOTS, "look-ups are short");

/* Numbers of Templates: of records from here on, and of options. */
#define WEIR_EXPORTER_FIRST_TEMPLATE 256u
#define WEIR_EXPORTER_FIRST_OPTIONS  (WEIR_EXPORTER_FIRST_TEMPLATE + WEIR_EXPORTER_SHAPES_MAX)

/* Elements under WEIR_PEN_BUILTIN have numbers below half of this, and each its reverse. */
#define WEIR_EXPORTER_OWN_ELEMENTS 2048u

/* Extra fields that shapes have: the batch that brought them goes. */
struct weir_exporter_extra {
    struct weir_extra_fields fields;
    struct weir_extra_absent not_carried; /* by the protocol */
};

/* A Template, and when it was announced last. */
struct weir_announcement {
    struct weir_template *source;
    int64_t at_ns;
    bool is_done;
};

struct weir_shape_entry {
    struct weir_shape shape;
    struct weir_announcement announcement;
    struct weir_plan *plan;
    uint32_t fixed_octets; /* of its records, but for the fields of variable length */
    bool has_own_plan;     /* else it is that of an entry before */
};

struct weir_report_entry {
    struct weir_report report;
    struct weir_announcement announcement; /* without a Template: this protocol has it not */
    uint32_t source;                       /* of options.sources */
    uint64_t previous[WEIR_REPORT_DELTAS_MAX];
};

/* What is exported besides Flow Records. */
struct weir_exporter_options {
    struct weir_report_entry reports[WEIR_EXPORTER_REPORTS_MAX];
    uint32_t report_count;
    struct weir_report_source sources[WEIR_EXPORTER_SOURCES_MAX];
    uint32_t source_count;
    struct weir_report_entry types, keys;                 /* RFC 5610; RFC 7011 section 4.4 */
    uint64_t types_told[WEIR_EXPORTER_OWN_ELEMENTS / 64]; /* since types_ns */
    struct exported *own;                                 /* what options.c reports itself */
    uint32_t metering_process_id;
    bool is_described, is_begun, has_types;
    int64_t described_ns, reported_ns, types_ns;
};

struct weir_exporter {
    struct weir_exporter_config config;
    const struct weir_transport *transport;
    struct weir_exporter_counters counters;

    struct weir_shape_entry shapes[WEIR_EXPORTER_SHAPES_MAX];
    uint32_t shape_count;
    uint16_t shape_slots[WEIR_EXPORTER_SHAPE_SLOTS]; /* by hash: 1 + a place in shapes, or 0 */
    struct weir_hash_key shape_hash;
    struct weir_exporter_extra *extras[WEIR_EXPORTER_EXTRAS];
    uint32_t extra_count;
    struct weir_exporter_options options;
    int64_t now_ns; /* header time of what is exported */
    int64_t unsent_first_ns, unsent_last_ns;

    uint8_t *buffers; /* WEIR_EXPORTER_QUEUE of transport->message_max octets */
    struct weir_message_octets queue[WEIR_EXPORTER_QUEUE];
    uint32_t queued_records[WEIR_EXPORTER_QUEUE];
    uint32_t queued_options[WEIR_EXPORTER_QUEUE];
    uint32_t queue_length;

    struct weir_encoder encoder; /* the message being filled, in buffer queue_length */
    bool message_open;
    int64_t message_time_ns;  /* its header's export time */
    uint32_t message_options; /* of its records, those of Options Templates */
    uint16_t sampling;        /* its header's, of NetFlow v5 */
    uint32_t sequence;
    bool has_uptime;
    int64_t uptime_zero_ns;

    uint64_t paced_records;
    int64_t pace_start_ns;
};

/* exporter.c: opens a message where none is open; puts the open one into the queue; sends all. */
void weir_exporter_open_message(struct weir_exporter *exporter, int64_t time_ns);
int weir_exporter_close_message(struct weir_exporter *exporter, struct weir_diag *diag);
int weir_exporter_send_queue(struct weir_exporter *exporter, struct weir_diag *diag);

/* Whether a Template or what describes something is due, at first or again. */
bool weir_exporter_is_due(const struct weir_exporter *exporter, bool is_done, int64_t at_ns,
                          int64_t time_ns);

/* Where its announcement is due, puts a Template into the open message, or the next if it is full.
 */
int weir_exporter_announce(struct weir_exporter *exporter, struct weir_announcement *announcement,
                           struct weir_diag *diag);

/* options.c */
int weir_exporter_options_init(struct weir_exporter *exporter, struct weir_diag *diag);
void weir_exporter_options_done(struct weir_exporter_options *options);

/* What goes before records exported at time_ns, and the reports that are due then. */
int weir_exporter_options_before(struct weir_exporter *exporter, int64_t time_ns,
                                 struct weir_diag *diag);

/* Announces a shape's Template with the types of its own elements, and its Flow Keys. */
int weir_exporter_options_of_shape(struct weir_exporter *exporter, struct weir_shape_entry *entry,
                                   struct weir_diag *diag);

/* unsent.c: counts rows of a batch, or the records of a message, as not sent. */
void weir_exporter_unsent_rows(struct weir_exporter *exporter, const struct weir_batch *batch,
                               const struct weir_segment *segment, uint32_t first_row,
                               uint32_t row_count);
void weir_exporter_unsent_message(struct weir_exporter *exporter,
                                  const struct weir_message_octets *octets);

#endif
