/* SPDX-License-Identifier: Apache-2.0 */
#include "app/tables.h"

#include "base/clock.h"
#include "base/reader.h"
#include "collect/report.h"
#include "ie/element.h"
#include "store/tables.h"

/* One of so many, rounded. */
static uint32_t interval_of(struct weir_fraction rate)
{
    uint64_t sum = (uint64_t)rate.denominator + rate.numerator / 2;
    return rate.numerator ? (uint32_t)(sum / rate.numerator) : 0;
}

/* The interval that holds for all that a session sends; 0: there is none, or nobody said. */
static uint32_t sampling_of(const struct weir_session *session)
{
    const struct weir_exporter *exporter = session->exporter;
    if (exporter->override.denominator > 0)
        return interval_of(exporter->override);
    if (session->sampling_said)
        return session->sampling_said;
    for (uint32_t i = 0; i < exporter->sampling.count; i++) {
        const struct weir_sampler *sampler = &exporter->sampling.samplers[i];
        if (sampler->key.kind == WEIR_SAMPLER_WHOLE && sampler->key.domain == session->key.domain)
            return interval_of(sampler->rate);
    }
    return interval_of(exporter->sampling.only_rate);
}

static void set_session(struct weir_table_row *row, const struct weir_session *session)
{
    if (session->key.exporter.high != 0 || session->key.exporter.low != 0)
        weir_table_set_address(row, WEIR_LEDGER_EXPORTER_HIGH, session->key.exporter);
    weir_table_set(row, WEIR_LEDGER_DOMAIN, session->key.domain);
    weir_table_set(row, WEIR_LEDGER_PROTOCOL_VERSION, session->key.protocol);
    uint32_t sampling = sampling_of(session);
    if (sampling)
        weir_table_set(row, WEIR_LEDGER_SAMPLING, sampling);
    if (session->skew.has_started)
        weir_table_set_signed(row, WEIR_LEDGER_SKEW_MS, session->skew.mean_ns / WEIR_NS_PER_MS);
}

static int write_report(void *context, const struct weir_collect_report *report,
                        struct weir_diag *diag)
{
    const struct weir_tables *tables = context;
    struct weir_table_row row = weir_table_row(WEIR_TABLE_LEDGER);
    weir_table_set_signed(&row, WEIR_LEDGER_TIME, weir_ns_to_ms(report->until_ns));
    weir_table_set_signed(&row, WEIR_LEDGER_SINCE, weir_ns_to_ms(report->since_ns));
    if (report->session)
        set_session(&row, report->session);
#define X(NAME, name, TYPE, unit, help) \
    weir_table_set_signed(&row, WEIR_LEDGER_##NAME, report->counted.name);
    WEIR_LEDGER_COUNTERS(X)
#undef X
    return weir_store_writer_add(tables->writer, &row, diag);
}

/* Which element of sFlow's if_counters goes where; counters may be all ones: not kept by it. */
static const struct {
    uint16_t element;
    uint16_t leaf;
    bool is_counter;
} interface_elements[] = {
    {20, WEIR_INTERFACE_IF_INDEX, false},     {21, WEIR_INTERFACE_IF_TYPE, false},
    {22, WEIR_INTERFACE_SPEED, false},        {23, WEIR_INTERFACE_DIRECTION, false},
    {24, WEIR_INTERFACE_STATUS, false},       {25, WEIR_INTERFACE_IN_OCTETS, true},
    {26, WEIR_INTERFACE_IN_UCAST, true},      {27, WEIR_INTERFACE_IN_MULTICAST, true},
    {28, WEIR_INTERFACE_IN_BROADCAST, true},  {29, WEIR_INTERFACE_IN_DISCARDS, true},
    {30, WEIR_INTERFACE_IN_ERRORS, true},     {31, WEIR_INTERFACE_IN_UNKNOWN_PROTOS, true},
    {32, WEIR_INTERFACE_OUT_OCTETS, true},    {33, WEIR_INTERFACE_OUT_UCAST, true},
    {34, WEIR_INTERFACE_OUT_MULTICAST, true}, {35, WEIR_INTERFACE_OUT_BROADCAST, true},
    {36, WEIR_INTERFACE_OUT_DISCARDS, true},  {37, WEIR_INTERFACE_OUT_ERRORS, true},
    {38, WEIR_INTERFACE_PROMISCUOUS, false},
};

static void set_interface(struct weir_table_row *row, const struct weir_field *field,
                          struct weir_reader *value)
{
    uint16_t first = interface_elements[0].element;
    size_t index = (size_t)field->id - first;
    if (field->pen != WEIR_PEN_BUILTIN || field->id < first ||
        index >= sizeof(interface_elements) / sizeof(interface_elements[0]) || field->length == 0 ||
        field->length > sizeof(uint64_t))
        return;
    uint64_t number = weir_read_uint(value, field->length);
    uint64_t all_ones = UINT64_MAX >> (64u - 8u * field->length);
    if (!interface_elements[index].is_counter || number != all_ones)
        weir_table_set(row, interface_elements[index].leaf, number);
}

static int write_interface(void *context, const struct weir_collected_record *record,
                           struct weir_diag *diag)
{
    const struct weir_tables *tables = context;
    const struct weir_segment *segment = &record->origin->segment;
    struct weir_reader reader = weir_reader_make(record->octets, record->length);
    struct weir_table_row row = weir_table_row(WEIR_TABLE_INTERFACES);
    for (unsigned i = 0; i < record->source->field_count; i++) {
        const struct weir_field *field = &record->source->fields[i];
        struct weir_reader value = weir_read_block(&reader, field->length);
        set_interface(&row, field, &value);
    }
    if (!(row.present >> WEIR_INTERFACE_IF_INDEX & 1))
        return 0; /* counters of something else */
    weir_table_set_signed(&row, WEIR_INTERFACE_TIME, weir_ns_to_ms(segment->received_ns));
    if (segment->has_exporter)
        weir_table_set_address(&row, WEIR_INTERFACE_EXPORTER_HIGH, segment->exporter);
    weir_table_set(&row, WEIR_INTERFACE_SUB_AGENT, segment->domain);
    return weir_store_writer_add(tables->writer, &row, diag);
}

static int flush_nothing(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)context;
    (void)now_ns;
    (void)diag;
    return 0;
}

int weir_tables_init(struct weir_tables *tables, struct weir_collector *collector,
                     struct weir_store_writer *writer, int64_t rotate_ns)
{
    const struct weir_report_sink reports = {write_report, tables};
    const struct weir_record_sink interfaces = {
        .record = write_interface,
        .flush = flush_nothing,
        .context = tables,
        .kinds = 1u << WEIR_RECORD_COUNTERS,
    };
    *tables = (struct weir_tables){
        .collector = collector,
        .writer = writer,
        .rotate_ns = rotate_ns,
        .end_ns = INT64_MIN,
    };
    weir_collector_report_to(collector, &reports);
    return weir_collector_add_record_sink(collector, &interfaces);
}

/* What was missed since the last report: a row of no exporter, where there is something. */
static int report_missed(struct weir_tables *tables, int64_t now_ns,
                         const struct weir_tables_missed *missed, struct weir_diag *diag)
{
    const struct weir_tables_missed *before = &tables->reported;
    struct weir_table_row row = weir_table_row(WEIR_TABLE_LEDGER);
    uint64_t dropped = missed->dropped - before->dropped;
    uint64_t not_allowed = missed->not_allowed - before->not_allowed;
    uint64_t limited = missed->limited - before->limited;
    tables->reported = *missed;
    if (dropped + not_allowed + limited == 0)
        return 0;
    weir_table_set_signed(&row, WEIR_LEDGER_TIME, weir_ns_to_ms(now_ns));
    weir_table_set(&row, WEIR_LEDGER_DATAGRAMS_DROPPED, dropped);
    weir_table_set(&row, WEIR_LEDGER_DATAGRAMS_NOT_ALLOWED, not_allowed);
    weir_table_set(&row, WEIR_LEDGER_DATAGRAMS_LIMITED, limited);
    return weir_store_writer_add(tables->writer, &row, diag);
}

int weir_tables_report(struct weir_tables *tables, int64_t now_ns,
                       const struct weir_tables_missed *missed, struct weir_diag *diag)
{
    struct weir_diag own = {0};
    int first = weir_collector_report(tables->collector, diag);
    int result = report_missed(tables, now_ns, missed, &own);
    if (first == 0 && result < 0)
        *diag = own;
    return first < 0 ? first : result;
}

int weir_tables_pass(struct weir_tables *tables, int64_t now_ns,
                     const struct weir_tables_missed *missed, struct weir_diag *diag)
{
    if (now_ns < tables->end_ns || tables->rotate_ns == 0)
        return 0;
    bool is_first = tables->end_ns == INT64_MIN;
    int64_t past_ns = now_ns % tables->rotate_ns;
    int64_t left_ns = past_ns < 0 ? -past_ns : tables->rotate_ns - past_ns;
    if (__builtin_add_overflow(now_ns, left_ns, &tables->end_ns))
        tables->end_ns = INT64_MAX;
    return is_first ? 0 : weir_tables_report(tables, now_ns, missed, diag);
}
