/* SPDX-License-Identifier: Apache-2.0 */
/* What is exported besides Flow Records: reports, types of elements and Flow Keys. */
#include <stdlib.h>
#include <string.h>

#include "export/private.h"

/* The Exporting Process's own reports, RFC 7011 sections 4.1 and 4.3. */
struct exported {
    uint64_t process, metering_process;
    uint64_t messages, records, octets;
    uint64_t unsent_records, unsent_packets, unsent_octets;
    int64_t first_ns, last_ns;
};

#define NUMBER(id, octets, member) WEIR_REPORT_NUMBER(0, id, octets, struct exported, member)

static const struct weir_report_field exported_fields[] = {
    WEIR_REPORT_DOMAIN,      NUMBER(143, 4, metering_process), /* meteringProcessId */
    NUMBER(41, 8, messages),                                   /* exportedMessageTotalCount */
    NUMBER(42, 8, records),                                    /* exportedFlowRecordTotalCount */
    NUMBER(40, 8, octets),                                     /* exportedOctetTotalCount */
};

static const struct weir_report_field unsent_fields[] = {
    NUMBER(144, 4, process),        /* exportingProcessId */
    NUMBER(166, 8, unsent_records), /* notSentFlowTotalCount */
    NUMBER(167, 8, unsent_packets), /* notSentPacketTotalCount */
    NUMBER(168, 8, unsent_octets),  /* notSentOctetTotalCount */
    /* observationTimeMilliseconds of the first and of the last */
    WEIR_REPORT_TIME(323, struct exported, first_ns),
    WEIR_REPORT_TIME(323, struct exported, last_ns),
};
#undef NUMBER
#define UNSENT_FIELDS (sizeof(unsent_fields) / sizeof(unsent_fields[0]))

/* What never came here since a policy left it out was not sent, either (element 166). */
static void add_left_out(struct exported *own, const struct weir_report_left_out *left_out)
{
    if (left_out->records == 0)
        return;
    if (own->unsent_records == 0 || left_out->first_ns < own->first_ns)
        own->first_ns = left_out->first_ns;
    if (own->unsent_records == 0 || left_out->last_ns > own->last_ns)
        own->last_ns = left_out->last_ns;
    own->unsent_records += left_out->records;
    own->unsent_packets += left_out->packets;
    own->unsent_octets += left_out->octets;
}

static bool refresh_own(void *context, bool is_end)
{
    struct weir_exporter *exporter = context;
    const struct weir_exporter_counters *counters = &exporter->counters;
    (void)is_end;
    *exporter->options.own = (struct exported){
        .process = exporter->config.process_id,
        .metering_process = exporter->options.metering_process_id,
        .messages = counters->messages_sent,
        .records = counters->records_sent,
        .octets = counters->octets_sent,
        .unsent_records = counters->records_not_carried + counters->records_shapeless +
                          counters->records_failed + counters->records_too_long,
        .unsent_packets = counters->packets_not_sent,
        .unsent_octets = counters->octets_not_sent,
        .first_ns = exporter->unsent_first_ns,
        .last_ns = exporter->unsent_last_ns,
    };
    for (uint32_t i = 0; i < exporter->options.source_count; i++)
        if (exporter->options.sources[i].left_out)
            add_left_out(exporter->options.own, exporter->options.sources[i].left_out);
    return true;
}

static const void *own_values(void *context, uint32_t index)
{
    return index == 0 ? context : NULL;
}

/* Times of nothing are not told: one Options Template has them, and one has not. */
static const void *unsent_values(void *context, uint32_t index)
{
    const struct exported *own = context;
    return index == 0 && own->unsent_records > 0 ? own : NULL;
}

static const void *none_unsent_values(void *context, uint32_t index)
{
    const struct exported *own = context;
    return index == 0 && own->unsent_records == 0 ? own : NULL;
}

static int add_own_reports(struct weir_exporter *exporter, struct weir_diag *diag)
{
    struct exported *own = calloc(1, sizeof(*own));
    exporter->options.own = own;
    if (!own)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for reports");
    const struct weir_report reports[] = {
        {.fields = exported_fields,
         .field_count = sizeof(exported_fields) / sizeof(exported_fields[0]),
         .scope_count = 2,
         .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true,
         .values = own_values,
         .context = own},
        {.fields = unsent_fields,
         .field_count = UNSENT_FIELDS - 2,
         .scope_count = 1,
         .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true,
         .values = none_unsent_values,
         .context = own},
        {.fields = unsent_fields,
         .field_count = UNSENT_FIELDS,
         .scope_count = 1,
         .netflow9_scope = WEIR_SCOPE_SYSTEM,
         .is_statistics = true,
         .values = unsent_values,
         .context = own},
    };
    const struct weir_report_source source = {
        .reports = reports,
        .count = sizeof(reports) / sizeof(reports[0]),
        .refresh = refresh_own,
        .context = exporter,
    };
    return weir_exporter_add_reports(exporter, &source, diag);
}

/* RFC 5610 section 3.9: what an element is that no registry has. */
struct type {
    uint64_t pen, id, type, semantics, units;
    const char *name;
};

static const struct weir_report_field type_fields[] = {
    WEIR_REPORT_NUMBER(0, 346, 4, struct type, pen),       /* privateEnterpriseNumber */
    WEIR_REPORT_NUMBER(0, 303, 2, struct type, id),        /* informationElementId */
    WEIR_REPORT_NUMBER(0, 339, 1, struct type, type),      /* informationElementDataType */
    WEIR_REPORT_NUMBER(0, 344, 1, struct type, semantics), /* informationElementSemantics */
    WEIR_REPORT_NUMBER(0, 345, 2, struct type, units),     /* informationElementUnits */
    WEIR_REPORT_TEXT(0, 341, struct type, name),           /* informationElementName */
};

/* RFC 7011 section 4.4. */
struct keys {
    uint64_t template_id, indicator;
};

static const struct weir_report_field key_fields[] = {
    WEIR_REPORT_NUMBER(0, 145, 2, struct keys, template_id), /* templateId */
    WEIR_REPORT_NUMBER(0, 173, 8, struct keys, indicator),   /* flowKeyIndicator */
};

/* Makes the Template of an entry, which stays without one where the protocol has none. */
static int make_entry(const struct weir_exporter *exporter, const struct weir_report *report,
                      uint32_t number, struct weir_report_entry *entry, struct weir_diag *diag)
{
    *entry = (struct weir_report_entry){.report = *report};
    if (!weir_report_is_carried(report, exporter->config.protocol))
        return 0;
    entry->announcement.source = weir_report_template(
        report, exporter->config.protocol, (uint16_t)(WEIR_EXPORTER_FIRST_OPTIONS + number));
    return entry->announcement.source
               ? 0
               : weir_diag_set(diag, WEIR_E_NOMEM, "no memory for an Options Template");
}

int weir_exporter_options_init(struct weir_exporter *exporter, struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    static const struct weir_report types = {
        .fields = type_fields, .field_count = 6, .scope_count = 2};
    static const struct weir_report keys = {
        .fields = key_fields, .field_count = 2, .scope_count = 1};
    if (!exporter->config.has_options)
        return 0;
    int result = make_entry(exporter, &types, 0, &options->types, diag);
    if (result == 0)
        result = make_entry(exporter, &keys, 1, &options->keys, diag);
    return result < 0 ? result : add_own_reports(exporter, diag);
}

void weir_exporter_options_done(struct weir_exporter_options *options)
{
    for (uint32_t i = 0; i < options->report_count; i++)
        free(options->reports[i].announcement.source);
    free(options->types.announcement.source);
    free(options->keys.announcement.source);
    free(options->own);
}

int weir_exporter_add_reports(struct weir_exporter *exporter,
                              const struct weir_report_source *source, struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    if (!exporter->config.has_options)
        return 0;
    if (options->source_count == WEIR_EXPORTER_SOURCES_MAX ||
        source->count > WEIR_EXPORTER_REPORTS_MAX - options->report_count)
        return weir_diag_set(diag, WEIR_E_LIMIT, "at most %u reports of %u sources are exported",
                             WEIR_EXPORTER_REPORTS_MAX, WEIR_EXPORTER_SOURCES_MAX);
    for (size_t i = 0; i < source->count; i++) {
        uint32_t at = options->report_count;
        int result = make_entry(exporter, &source->reports[i], at + 2, &options->reports[at], diag);
        if (result < 0)
            return result;
        options->reports[at].source = options->source_count;
        options->report_count++;
    }
    options->sources[options->source_count++] = *source;
    if (source->metering_process_id)
        options->metering_process_id = source->metering_process_id;
    return 0;
}

/* Puts a record into the open message, or into the next, behind its Template where that is due. */
static int put_record(struct weir_exporter *exporter, struct weir_report_entry *entry,
                      const void *values, struct weir_diag *diag)
{
    uint8_t octets[WEIR_REPORT_OCTETS_MAX];
    struct weir_announcement *announcement = &entry->announcement;
    size_t length = weir_report_encode(&entry->report, exporter->config.protocol,
                                       exporter->config.domain, values, entry->previous, octets);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        weir_exporter_open_message(exporter, exporter->now_ns);
        int result = weir_exporter_announce(exporter, announcement, diag);
        if (result < 0)
            return result;
        uint8_t *room =
            weir_encoder_record(&exporter->encoder, announcement->source, (uint32_t)length);
        if (room) {
            memcpy(room, octets, length);
            exporter->message_options++;
            return 0;
        }
        result = weir_exporter_close_message(exporter, diag);
        if (result < 0)
            return result;
    }
    return weir_diag_set(diag, WEIR_E_LIMIT, "an options record does not fit into a message");
}

/* informationElementUnits' numbers of the units that own elements have. */
static uint64_t units_of(const char *text)
{
    static const char *const units[] = {
        "",         "bits",         "octets",       "packets",     "flows",
        "seconds",  "milliseconds", "microseconds", "nanoseconds", "4-octet words",
        "messages", "hops",         "entries",      "frames"};
    for (size_t i = 1; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(units[i], text) == 0)
            return i;
    return 0;
}

/* Reverse elements have bit 14 set, and are the odd ones here. */
static unsigned index_of(uint16_t id)
{
    return (id & 0x3fffu) * 2u + (id >> 14 & 1u);
}

static int put_type(struct weir_exporter *exporter, const struct weir_field *field,
                    struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    const struct weir_element *element = weir_element_find(field->pen, field->id);
    unsigned index = element ? index_of(field->id) : WEIR_EXPORTER_OWN_ELEMENTS;
    if (index >= WEIR_EXPORTER_OWN_ELEMENTS)
        return 0;
    uint64_t bit = UINT64_C(1) << index % 64;
    uint64_t *told = &options->types_told[index / 64];
    if (*told & bit)
        return 0;
    *told |= bit;
    const struct type type = {.pen = field->pen,
                              .id = field->id,
                              .type = element->type,
                              .semantics = element->semantics,
                              .units = units_of(element->units),
                              .name = element->name};
    return put_record(exporter, &options->types, &type, diag);
}

/* Describes the elements of a Template that only weir has, once in each refresh of Templates. */
static int put_types(struct weir_exporter *exporter, const struct weir_template *source,
                     struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    int result = 0;
    if (!options->types.announcement.source)
        return 0;
    if (weir_exporter_is_due(exporter, options->has_types, options->types_ns, exporter->now_ns)) {
        memset(options->types_told, 0, sizeof(options->types_told));
        options->has_types = true;
        options->types_ns = exporter->now_ns;
    }
    for (unsigned i = 0; i < source->field_count && result == 0; i++)
        if (source->fields[i].pen == WEIR_PEN_BUILTIN)
            result = put_type(exporter, &source->fields[i], diag);
    return result;
}

/* All records of a report. */
static int put_report(struct weir_exporter *exporter, struct weir_report_entry *entry,
                      struct weir_diag *diag)
{
    const struct weir_report *report = &entry->report;
    const void *values;
    int result = 0;
    if (!entry->announcement.source)
        return 0;
    for (uint32_t i = 0; result == 0 && (values = report->values(report->context, i)); i++) {
        if (i == 0)
            result = put_types(exporter, entry->announcement.source, diag);
        if (result == 0)
            result = put_record(exporter, entry, values, diag);
    }
    return result;
}

/* What does not change: sent as Templates are. */
static int describe(struct weir_exporter *exporter, struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    int result = 0;
    options->is_described = true;
    options->described_ns = exporter->now_ns;
    for (uint32_t i = 0; i < options->report_count && result == 0; i++)
        if (!options->reports[i].report.is_statistics)
            result = put_report(exporter, &options->reports[i], diag);
    return result;
}

/* All statistics. What was sent before is sent first, so that counts of it are whole. */
static int report(struct weir_exporter *exporter, bool is_end, struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    bool is_fresh[WEIR_EXPORTER_SOURCES_MAX];
    options->reported_ns = exporter->now_ns;
    int result = weir_exporter_close_message(exporter, diag);
    if (result == 0)
        result = weir_exporter_send_queue(exporter, diag);
    /* The first is the exporter's own, which looks at the others'. */
    for (uint32_t i = options->source_count; i-- > 0;) {
        const struct weir_report_source *source = &options->sources[i];
        is_fresh[i] = !source->refresh || source->refresh(source->context, is_end);
    }
    for (uint32_t i = 0; i < options->report_count && result == 0; i++)
        if (options->reports[i].report.is_statistics && is_fresh[options->reports[i].source])
            result = put_report(exporter, &options->reports[i], diag);
    return result;
}

int weir_exporter_options_before(struct weir_exporter *exporter, int64_t time_ns,
                                 struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    int64_t interval = exporter->config.stats_interval_ns;
    int result = 0;
    exporter->now_ns = time_ns;
    if (!exporter->config.has_options)
        return 0;
    if (exporter->message_open && exporter->message_time_ns < time_ns)
        result = weir_exporter_close_message(exporter, diag);
    if (result == 0 &&
        weir_exporter_is_due(exporter, options->is_described, options->described_ns, time_ns))
        result = describe(exporter, diag);
    if (!options->is_begun)
        options->reported_ns = time_ns;
    options->is_begun = true;
    /* Either way, as Templates are: the clock may have been set back. */
    int64_t apart = time_ns - options->reported_ns;
    if (result == 0 && interval > 0 && (apart >= interval || -apart >= interval))
        result = report(exporter, false, diag);
    return result;
}

int weir_exporter_options_of_shape(struct weir_exporter *exporter, struct weir_shape_entry *entry,
                                   struct weir_diag *diag)
{
    struct weir_exporter_options *options = &exporter->options;
    const struct weir_template *source = entry->announcement.source;
    int result = put_types(exporter, source, diag);
    if (result == 0)
        result = weir_exporter_announce(exporter, &entry->announcement, diag);
    const struct keys keys = {source->id, weir_shape_keys(&entry->shape)};
    if (result == 0 && keys.indicator != 0 && options->keys.announcement.source)
        result = put_record(exporter, &options->keys, &keys, diag);
    return result;
}

int weir_exporter_end(struct weir_exporter *exporter, struct weir_diag *diag)
{
    int result = 0;
    if (exporter->options.is_begun && exporter->config.stats_interval_ns > 0)
        result = report(exporter, true, diag);
    int flushed = weir_exporter_flush(exporter, diag);
    return result < 0 ? result : flushed;
}
