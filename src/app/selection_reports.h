/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of how packets and Flow Records were selected: the Selection Sequence Report
 * Interpretation, Selector Reports, Selection Sequence Statistics and Accuracy Reports of PSAMP
 * (RFC 5476 section 6.5), and the like of Flow Selectors (RFC 7014 section 9). NetFlow v9 is told
 * one interval for all, in samplingInterval and samplingAlgorithm.
 *
 *     weir_selection_reports_init(&reports, &selection, &estimates);
 *     ... reports.table, reports.count                 // struct weir_report, as of export/report.h
 *
 * The descriptions are read each time that a report is made: who owns them keeps them as of now.
 * Selectors do not come and go, only their counts change. Numbers of Flow Selectors begin after
 * WEIR_FLOW_SELECTOR_BASE, since collectors know packets' Selectors by the same element.
 *
 * Ownership: borrows the descriptions, and must not be moved. Threads: those of the exporter.
 */
#ifndef WEIR_APP_SELECTION_REPORTS_H
#define WEIR_APP_SELECTION_REPORTS_H

#include "export/report.h"
#include "meter/estimate.h"
#include "record/flow_selection.h"
#include "record/selection.h"

#define WEIR_FLOW_SELECTOR_BASE 65536u

/* A report of each kind of Selector, and those of the whole. */
#define WEIR_SELECTION_REPORTS_MAX 16u

/* What a record is made of. */
struct weir_selector_values {
    uint64_t id, algorithm, sample, population, space, sample_us, space_us, threshold;
    uint64_t hash_offset, hash_octets, hash_min, hash_max, hash_last, hash_initialiser, digest;
    uint64_t source_address, source_port, destination_address, destination_port, protocol;
    uint64_t seen, selected;
    double probability;
    const char *name;
};

struct weir_selection_values {
    uint64_t id, observed, interval, algorithm;
    uint64_t selectors[sizeof(((struct weir_selection_description *)NULL)->selectors) /
                       sizeof(struct weir_selector)];
    uint64_t selected[sizeof(((struct weir_selection_description *)NULL)->selectors) /
                      sizeof(struct weir_selector)];
    struct weir_sum estimate;
};

struct weir_flow_sequence_values {
    uint64_t id;
    uint64_t selectors[WEIR_FLOW_SELECTORS_MAX];
    struct weir_flow_tally selected; /* by all of them */
};

struct weir_accuracy_values {
    uint64_t element, pen;
    double absolute, relative, lower, upper, level;
};

struct weir_selection_reports {
    const struct weir_selection_description *selection;
    const struct weir_estimates *estimates;
    const struct weir_flow_selection_description *flows;
    uint64_t flow_sequence;
    struct weir_flow_sequence_values flow_whole;
    struct weir_selector_values selector;
    struct weir_selection_values whole;
    struct weir_accuracy_values accuracy;
    struct weir_report_field sequence_fields[WEIR_REPORT_FIELDS_MAX];
    struct weir_report_field statistics_fields[WEIR_REPORT_FIELDS_MAX];
    struct weir_selection_kind { /* the context of a report of one kind of Selector */
        struct weir_selection_reports *reports;
        unsigned kind;
    } kinds[WEIR_SELECTION_REPORTS_MAX];
    struct weir_report table[WEIR_SELECTION_REPORTS_MAX];
    unsigned count;
};

/* Of packets. Without Selectors there is nothing to report, and count is 0. */
void weir_selection_reports_init(struct weir_selection_reports *reports,
                                 const struct weir_selection_description *selection,
                                 const struct weir_estimates *estimates);

/* Of Flow Records; the sequence has this number after WEIR_FLOW_SELECTOR_BASE. */
void weir_flow_selection_reports_init(struct weir_selection_reports *reports,
                                      const struct weir_flow_selection_description *selection,
                                      uint32_t sequence);

#endif
