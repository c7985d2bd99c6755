/* SPDX-License-Identifier: Apache-2.0 */
#include "app/selection_reports.h"

#include <assert.h>

#include "base/clock.h"

#define OWN WEIR_PEN_BUILTIN

/* Own elements. */
#define ESTIMATED_PACKETS 310u
#define ESTIMATED_OCTETS  311u
#define FLOW_THRESHOLD    312u

#define SELECTION_MAX (sizeof(((struct weir_selection_values *)NULL)->selectors) / sizeof(uint64_t))
_Static_assert(SELECTION_MAX + 2 <= WEIR_REPORT_FIELDS_MAX &&
                   WEIR_FLOW_SELECTORS_MAX + 2 <= WEIR_REPORT_FIELDS_MAX,
               "a sequence fits into a report");
_Static_assert(WEIR_SELECTOR_KIND_COUNT + 5 <= WEIR_SELECTION_REPORTS_MAX &&
                   WEIR_FLOW_SELECTOR_KIND_COUNT + 3 <= WEIR_SELECTION_REPORTS_MAX,
               "there is a place for each report");

#define BOOLEAN_FALSE 2u /* RFC 7011 section 6.1.5 */

/* What a sampler of NetFlow v9 does, RFC 3954 section 8: samplingAlgorithm. */
enum { DETERMINISTIC = 1, RANDOM = 2 };

#define NUMBER(id, octets, member) \
    WEIR_REPORT_NUMBER(0, id, octets, struct weir_selector_values, member)
#define REAL(id, member)     WEIR_REPORT_REAL(0, id, struct weir_selector_values, member)
#define SELECTOR_ID          NUMBER(302, 8, id)
#define SELECTOR_ALGORITHM   NUMBER(304, 2, algorithm)
#define SELECTOR_NAME        WEIR_REPORT_TEXT(0, 335, struct weir_selector_values, name)
#define FLOW_ALGORITHM       NUMBER(390, 2, algorithm)
#define SAMPLE_OF_POPULATION NUMBER(309, 4, sample), NUMBER(310, 4, population)
#define HASH_RANGES                                          \
    NUMBER(329, 8, hash_min),     /* hashOutputRangeMin */   \
        NUMBER(330, 8, hash_max), /* hashOutputRangeMax */   \
        NUMBER(331, 8, hash_min), /* hashSelectedRangeMin */ \
        NUMBER(332, 8, hash_last) /* hashSelectedRangeMax */

/* RFC 5476 sections 6.5.2.1 to 6.5.2.6. What expressions match has no elements: they are named. */
static const struct weir_report_field match_fields[] = {SELECTOR_ID, SELECTOR_ALGORITHM,
                                                        SELECTOR_NAME};
static const struct weir_report_field count_fields[] = {
    SELECTOR_ID, SELECTOR_ALGORITHM, NUMBER(305, 4, sample), /* samplingPacketInterval */
    NUMBER(306, 4, space),                                   /* samplingPacketSpace */
    SELECTOR_NAME};
static const struct weir_report_field time_fields[] = {
    SELECTOR_ID, SELECTOR_ALGORITHM, NUMBER(307, 8, sample_us), /* samplingTimeInterval */
    NUMBER(308, 8, space_us),                                   /* samplingTimeSpace */
    SELECTOR_NAME};
static const struct weir_report_field random_fields[] = {SELECTOR_ID, SELECTOR_ALGORITHM,
                                                         SAMPLE_OF_POPULATION, SELECTOR_NAME};
static const struct weir_report_field probability_fields[] = {
    SELECTOR_ID, SELECTOR_ALGORITHM, REAL(311, probability), SELECTOR_NAME};
static const struct weir_report_field hash_fields[] = {
    SELECTOR_ID,
    SELECTOR_ALGORITHM,
    NUMBER(327, 8, hash_offset), /* hashIPPayloadOffset */
    NUMBER(328, 8, hash_octets), /* hashIPPayloadSize */
    HASH_RANGES,
    NUMBER(333, 1, digest),           /* hashDigestOutput */
    NUMBER(334, 8, hash_initialiser), /* hashInitialiserValue */
    SELECTOR_NAME};
/* Of whole flows by their keys: IANA has no algorithm for it. */
static const struct weir_report_field flow_fields[] = {SELECTOR_ID, SAMPLE_OF_POPULATION,
                                                       SELECTOR_NAME};

/* RFC 7014 section 9.1.1. */
static const struct weir_report_field flow_match_fields[] = {SELECTOR_ID, FLOW_ALGORITHM,
                                                             SELECTOR_NAME};
static const struct weir_report_field flow_count_fields[] = {
    SELECTOR_ID, FLOW_ALGORITHM, NUMBER(396, 8, sample), /* samplingFlowInterval */
    NUMBER(397, 8, space),                               /* samplingFlowSpacing */
    SELECTOR_NAME};
static const struct weir_report_field flow_time_fields[] = {
    SELECTOR_ID, FLOW_ALGORITHM, NUMBER(398, 8, sample_us), /* flowSamplingTimeInterval */
    NUMBER(399, 8, space_us),                               /* flowSamplingTimeSpacing */
    SELECTOR_NAME};
static const struct weir_report_field flow_random_fields[] = {SELECTOR_ID, FLOW_ALGORITHM,
                                                              SAMPLE_OF_POPULATION, SELECTOR_NAME};
static const struct weir_report_field flow_probability_fields[] = {
    SELECTOR_ID, FLOW_ALGORITHM, REAL(311, probability), SELECTOR_NAME};
static const struct weir_report_field flow_hash_fields[] = {
    SELECTOR_ID, FLOW_ALGORITHM,
    /* hashFlowDomain: addresses of either family, ports and protocol */
    NUMBER(400, 2, source_address), NUMBER(400, 2, destination_address),
    NUMBER(400, 2, source_port), NUMBER(400, 2, destination_port), NUMBER(400, 2, protocol),
    HASH_RANGES, SELECTOR_NAME};
static const struct weir_report_field flow_threshold_fields[] = {
    SELECTOR_ID, FLOW_ALGORITHM,
    WEIR_REPORT_NUMBER(OWN, FLOW_THRESHOLD, 8, struct weir_selector_values, threshold),
    SELECTOR_NAME};
static const struct weir_report_field flow_statistics_fields[] = {
    SELECTOR_ID, NUMBER(394, 8, seen), /* selectorIDTotalFlowsObserved */
    NUMBER(395, 8, selected)};         /* selectorIDTotalFlowsSelected */
#undef NUMBER
#undef REAL

#define FORM(fields)                                   \
    {                                                  \
        (fields), sizeof(fields) / sizeof((fields)[0]) \
    }
struct form {
    const struct weir_report_field *fields;
    size_t count;
};

static const struct form forms[WEIR_SELECTOR_KIND_COUNT] = {
    [WEIR_SELECTOR_FILTER] = FORM(match_fields),
    [WEIR_SELECTOR_MATCH] = FORM(match_fields),
    [WEIR_SELECTOR_COUNT] = FORM(count_fields),
    [WEIR_SELECTOR_TIME] = FORM(time_fields),
    [WEIR_SELECTOR_RANDOM] = FORM(random_fields),
    [WEIR_SELECTOR_PROBABILITY] = FORM(probability_fields),
    [WEIR_SELECTOR_HASH] = FORM(hash_fields),
    [WEIR_SELECTOR_FLOW] = FORM(flow_fields),
};

static const struct form flow_forms[WEIR_FLOW_SELECTOR_KIND_COUNT] = {
    [WEIR_FLOW_SELECTOR_COUNT] = FORM(flow_count_fields),
    [WEIR_FLOW_SELECTOR_TIME] = FORM(flow_time_fields),
    [WEIR_FLOW_SELECTOR_RANDOM] = FORM(flow_random_fields),
    [WEIR_FLOW_SELECTOR_PROBABILITY] = FORM(flow_probability_fields),
    [WEIR_FLOW_SELECTOR_MATCH] = FORM(flow_match_fields),
    [WEIR_FLOW_SELECTOR_HASH] = FORM(flow_hash_fields),
    [WEIR_FLOW_SELECTOR_THRESHOLD] = FORM(flow_threshold_fields),
};

#define FLOW_DELTA(id, member) WEIR_REPORT_DELTA(0, id, 8, struct weir_flow_sequence_values, member)

#define WHOLE(id, octets, member) \
    WEIR_REPORT_NUMBER(0, id, octets, struct weir_selection_values, member)

/* NetFlow v9 has no Selectors: all of them are one sampler. */
static const struct weir_report_field sampler_fields[] = {
    WEIR_REPORT_DOMAIN, WHOLE(34, 4, interval), /* samplingInterval */
    WHOLE(35, 1, algorithm)};                   /* samplingAlgorithm */

static const struct weir_report_field totals_fields[] = {
    WHOLE(301, 8, id),
    WEIR_REPORT_REAL(OWN, ESTIMATED_PACKETS, struct weir_selection_values, estimate.packets),
    WEIR_REPORT_REAL(OWN, ESTIMATED_OCTETS, struct weir_selection_values, estimate.octets),
};

/* RFC 5476 section 6.5.4; the interval has the truth in it with this probability. */
#define CONFIDENCE_LEVEL 0.95
#define NORMAL_QUANTILE  1.959963984540054

#define ACCURACY(id, member) WEIR_REPORT_REAL(0, id, struct weir_accuracy_values, member)
static const struct weir_report_field accuracy_fields[] = {
    WEIR_REPORT_NUMBER(0, 303, 2, struct weir_accuracy_values, element),
    WEIR_REPORT_NUMBER(0, 346, 4, struct weir_accuracy_values, pen),
    ACCURACY(320, absolute), /* absoluteError */
    ACCURACY(321, relative), /* relativeError */
    ACCURACY(337, lower),    /* lowerCILimit */
    ACCURACY(336, upper),    /* upperCILimit */
    ACCURACY(338, level),    /* confidenceLevel */
};

static struct weir_report *add_report(struct weir_selection_reports *reports, struct form form,
                                      uint8_t scope_count,
                                      const void *(*values)(void *context, uint32_t index),
                                      void *context)
{
    assert(reports->count < WEIR_SELECTION_REPORTS_MAX);
    struct weir_report *report = &reports->table[reports->count++];
    *report = (struct weir_report){
        .fields = form.fields,
        .field_count = (uint8_t)form.count,
        .scope_count = scope_count,
        .values = values,
        .context = context,
    };
    return report;
}

/* The context of a report of one kind of Selector. */
static void *add_kind(struct weir_selection_reports *reports, unsigned kind)
{
    struct weir_selection_kind *added = &reports->kinds[reports->count];
    *added = (struct weir_selection_kind){reports, kind};
    return added;
}

static const void *selector_values(void *context, uint32_t index)
{
    const struct weir_selection_kind *kind = context;
    const struct weir_selection_description *selection = kind->reports->selection;
    const struct weir_selector *selector = NULL;
    for (unsigned i = 0; i < selection->count && !selector; i++)
        if (selection->selectors[i].kind == kind->kind && index-- == 0)
            selector = &selection->selectors[i];
    if (!selector)
        return NULL;
    uint64_t space = selector->population - selector->sample;
    kind->reports->selector = (struct weir_selector_values){
        .id = selector->id,
        .algorithm = weir_selector_algorithm((enum weir_selector_kind)selector->kind),
        .sample = selector->sample,
        .population = selector->population,
        .space = space,
        .sample_us = selector->sample / 1000,
        .space_us = space / 1000,
        .probability = selector->probability,
        .hash_offset = selector->hash.payload_offset,
        .hash_octets = selector->hash.payload_octets,
        .hash_max = UINT32_MAX,
        .hash_last = selector->hash.selected_last,
        .hash_initialiser = selector->hash.initialiser,
        .digest = BOOLEAN_FALSE,
        .name = selector->text,
    };
    return &kind->reports->selector;
}

static uint64_t interval_of(double probability)
{
    double interval = probability > 0 ? 1 / probability + 0.5 : 0;
    return interval < (double)UINT32_MAX ? (uint64_t)interval : UINT32_MAX;
}

static const void *whole_values(void *context, uint32_t index)
{
    struct weir_selection_reports *reports = context;
    const struct weir_selection_description *selection = reports->selection;
    struct weir_selection_values *whole = &reports->whole;
    double probability = 1;
    if (index > 0)
        return NULL;
    *whole = (struct weir_selection_values){.id = selection->sequence_id,
                                            .observed = selection->selectors[0].seen,
                                            .algorithm = DETERMINISTIC};
    for (unsigned i = 0; i < selection->count; i++) {
        const struct weir_selector *selector = &selection->selectors[i];
        whole->selectors[i] = selector->id;
        whole->selected[i] = selector->selected;
        probability *= selector->probability;
        if (selector->probability < 1 && selector->kind != WEIR_SELECTOR_COUNT &&
            selector->kind != WEIR_SELECTOR_TIME)
            whole->algorithm = RANDOM;
    }
    whole->interval = interval_of(probability);
    if (reports->estimates)
        whole->estimate = reports->estimates->estimate;
    return whole;
}

static const void *accuracy_values(void *context, uint32_t index)
{
    struct weir_selection_reports *reports = context;
    const struct weir_estimates *estimates = reports->estimates;
    const struct {
        uint64_t element;
        double estimate, error;
    } rows[] = {{ESTIMATED_PACKETS, estimates->estimate.packets, estimates->error.packets},
                {ESTIMATED_OCTETS, estimates->estimate.octets, estimates->error.octets}};
    if (index >= sizeof(rows) / sizeof(rows[0]))
        return NULL;
    double half = NORMAL_QUANTILE * rows[index].error;
    double estimate = rows[index].estimate;
    reports->accuracy = (struct weir_accuracy_values){
        .element = rows[index].element,
        .pen = OWN,
        .absolute = half,
        .relative = estimate > 0 ? half / estimate : 0,
        .lower = estimate > half ? estimate - half : 0,
        .upper = estimate + half,
        .level = CONFIDENCE_LEVEL,
    };
    return &reports->accuracy;
}

/* A sequence has as many fields as Selectors: their numbers, and what each selected. */
static void make_sequence(struct weir_selection_reports *reports)
{
    unsigned count = reports->selection->count;
    reports->sequence_fields[0] = reports->statistics_fields[0] =
        (struct weir_report_field)WHOLE(301, 8, id);
    /* The Observation Point is all there are of the Observation Domain. */
    reports->sequence_fields[1] = (struct weir_report_field)WEIR_REPORT_DOMAIN;
    reports->statistics_fields[1] = (struct weir_report_field)WHOLE(318, 8, observed);
    for (unsigned i = 0; i < count; i++) {
        struct weir_report_field id = WHOLE(302, 8, selectors);
        struct weir_report_field selected = WHOLE(319, 8, selected);
        id.offset = (uint16_t)(id.offset + i * sizeof(uint64_t));
        selected.offset = (uint16_t)(selected.offset + i * sizeof(uint64_t));
        reports->sequence_fields[2 + i] = id;
        reports->statistics_fields[2 + i] = selected;
    }
    const struct form sequence = {reports->sequence_fields, count + 2};
    const struct form statistics = {reports->statistics_fields, count + 2};
    (void)add_report(reports, sequence, 1, whole_values, reports);
    add_report(reports, statistics, 1, whole_values, reports)->is_statistics = true;
}

static bool has_kind(const struct weir_selection_description *selection, unsigned kind)
{
    for (unsigned i = 0; i < selection->count; i++)
        if (selection->selectors[i].kind == kind)
            return true;
    return false;
}

/* What filters leave is what they leave, and nothing is estimated of it. */
static bool has_sampler(const struct weir_selection_description *selection)
{
    for (unsigned i = 0; i < selection->count; i++)
        if (selection->selectors[i].kind != WEIR_SELECTOR_FILTER &&
            selection->selectors[i].kind != WEIR_SELECTOR_MATCH)
            return true;
    return false;
}

void weir_selection_reports_init(struct weir_selection_reports *reports,
                                 const struct weir_selection_description *selection,
                                 const struct weir_estimates *estimates)
{
    *reports = (struct weir_selection_reports){.selection = selection, .estimates = estimates};
    if (selection->count == 0)
        return;
    /* Selectors before the sequence that they are of: who reads it knows them. */
    for (unsigned kind = 0; kind < WEIR_SELECTOR_KIND_COUNT; kind++)
        if (has_kind(selection, kind))
            (void)add_report(reports, forms[kind], 1, selector_values, add_kind(reports, kind));
    make_sequence(reports);
    if (!has_sampler(selection))
        return;
    const struct form sampler = FORM(sampler_fields), totals = FORM(totals_fields),
                      accuracy = FORM(accuracy_fields);
    struct weir_report *report = add_report(reports, sampler, 1, whole_values, reports);
    report->netflow9_scope = WEIR_SCOPE_SYSTEM;
    report->is_netflow9_only = true;
    if (!estimates)
        return;
    add_report(reports, totals, 1, whole_values, reports)->is_statistics = true;
    add_report(reports, accuracy, 2, accuracy_values, reports)->is_statistics = true;
}

static uint64_t last_selected(const struct weir_flow_selector *selector)
{
    if (selector->population == 0 || selector->sample == 0)
        return 0;
    return (uint64_t)((double)selector->sample / (double)selector->population * 0x1p32) - 1;
}

static const void *flow_values_of(struct weir_selection_reports *reports,
                                  const struct weir_flow_selector *selector)
{
    uint64_t space = selector->population - selector->sample;
    reports->selector = (struct weir_selector_values){
        .id = WEIR_FLOW_SELECTOR_BASE + selector->id,
        .algorithm = weir_flow_selector_algorithm((enum weir_flow_selector_kind)selector->kind),
        .sample = selector->sample,
        .population = selector->population,
        .space = space,
        .sample_us = selector->sample / 1000,
        .space_us = space / 1000,
        .probability = selector->probability,
        .hash_max = UINT32_MAX,
        .hash_last = last_selected(selector),
        .source_address = 8,
        .destination_address = 12,
        .source_port = 7,
        .destination_port = 11,
        .protocol = 4,
        .threshold = selector->threshold,
        .seen = selector->seen.flows,
        .selected = selector->selected.flows,
        .name = selector->text,
    };
    return &reports->selector;
}

static const void *flow_selector_values(void *context, uint32_t index)
{
    const struct weir_selection_kind *kind = context;
    const struct weir_flow_selection_description *flows = kind->reports->flows;
    for (unsigned i = 0; i < flows->count; i++)
        if (flows->selectors[i].kind == kind->kind && index-- == 0)
            return flow_values_of(kind->reports, &flows->selectors[i]);
    return NULL;
}

static const void *flow_statistics(void *context, uint32_t index)
{
    struct weir_selection_reports *reports = context;
    return index < reports->flows->count
               ? flow_values_of(reports, &reports->flows->selectors[index])
               : NULL;
}

static const void *flow_sequence_values(void *context, uint32_t index)
{
    struct weir_selection_reports *reports = context;
    const struct weir_flow_selection_description *flows = reports->flows;
    struct weir_flow_sequence_values *whole = &reports->flow_whole;
    if (index > 0)
        return NULL;
    *whole = (struct weir_flow_sequence_values){
        .id = WEIR_FLOW_SELECTOR_BASE + reports->flow_sequence,
        .selected = flows->selectors[flows->count - 1].selected,
    };
    for (unsigned i = 0; i < flows->count; i++)
        whole->selectors[i] = WEIR_FLOW_SELECTOR_BASE + flows->selectors[i].id;
    return whole;
}

/* The Selectors of a sequence, and what all of them together selected. */
static void make_flow_sequence(struct weir_selection_reports *reports)
{
    static const struct weir_report_field selected[] = {
        WEIR_REPORT_NUMBER(0, 301, 8, struct weir_flow_sequence_values, id),
        FLOW_DELTA(393, selected.flows),   /* flowSelectedFlowDeltaCount */
        FLOW_DELTA(392, selected.packets), /* flowSelectedPacketDeltaCount */
        FLOW_DELTA(391, selected.octets)}; /* flowSelectedOctetDeltaCount */
    unsigned count = reports->flows->count;
    reports->sequence_fields[0] = selected[0];
    reports->sequence_fields[1] = (struct weir_report_field)WEIR_REPORT_DOMAIN;
    for (unsigned i = 0; i < count; i++) {
        struct weir_report_field id =
            WEIR_REPORT_NUMBER(0, 302, 8, struct weir_flow_sequence_values, selectors);
        id.offset = (uint16_t)(id.offset + i * sizeof(uint64_t));
        reports->sequence_fields[2 + i] = id;
    }
    const struct form sequence = {reports->sequence_fields, count + 2};
    const struct form statistics = FORM(selected);
    (void)add_report(reports, sequence, 1, flow_sequence_values, reports);
    add_report(reports, statistics, 1, flow_sequence_values, reports)->is_statistics = true;
}

void weir_flow_selection_reports_init(struct weir_selection_reports *reports,
                                      const struct weir_flow_selection_description *selection,
                                      uint32_t sequence)
{
    const struct form statistics = FORM(flow_statistics_fields);
    *reports = (struct weir_selection_reports){.flows = selection, .flow_sequence = sequence};
    if (selection->count == 0)
        return;
    for (unsigned kind = 0; kind < WEIR_FLOW_SELECTOR_KIND_COUNT; kind++)
        (void)add_report(reports, flow_forms[kind], 1, flow_selector_values,
                         add_kind(reports, kind));
    add_report(reports, statistics, 1, flow_statistics, reports)->is_statistics = true;
    make_flow_sequence(reports);
}
