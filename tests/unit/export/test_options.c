/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options data of the Exporting Process against a reader of the test's own: which records come
 * under which Options Template, when, with which values, and what they do to sequence numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "export/exporter.h"
#include "support/cmocka.h"
#include "wire/message.h"

#define START_NS (INT64_C(1700000000) * WEIR_NS_PER_SECOND)
#define OWN      WEIR_PEN_BUILTIN

enum { RECORDS_MAX = 4096, TEMPLATES_MAX = 64, FIELDS_MAX = 40 };

/* One Data Record, with its fields as numbers, and the first text in it. */
struct got {
    const struct weir_template *source;
    size_t message;
    int64_t time_ns;
    uint64_t values[FIELDS_MAX];
    char text[80];
};

/* The collector; as a transport it reads what is sent at once. */
struct reader {
    struct weir_transport transport;
    bool fails;
    size_t messages, octets, sequence;
    struct weir_template *templates[TEMPLATES_MAX];
    size_t template_count, announcements;
    struct got *records;
    size_t count;
};

static const struct weir_template *find(const struct reader *reader, uint16_t id)
{
    for (size_t i = 0; i < reader->template_count; i++)
        if (reader->templates[i]->id == id)
            return reader->templates[i];
    return NULL;
}

static void learn(struct reader *reader, struct weir_set *set)
{
    static _Alignas(struct weir_template) uint8_t buffer[WEIR_TEMPLATE_OCTETS_MAX];
    struct weir_template *source = (struct weir_template *)buffer;
    while (weir_set_next_template(set, source, sizeof(buffer), NULL) == 0) {
        const struct weir_template *known = find(reader, source->id);
        reader->announcements++;
        if (known) {
            assert_true(weir_template_equal(known, source));
            continue;
        }
        assert_true(reader->template_count < TEMPLATES_MAX);
        reader->templates[reader->template_count++] = weir_template_copy(source);
    }
}

static size_t read_records(struct reader *reader, struct weir_message *message,
                           struct weir_set *set)
{
    const struct weir_template *source =
        message->builtin ? message->builtin : find(reader, set->id);
    struct weir_record record;
    size_t count = 0;
    if (!source)
        fail_msg("data under Template %u, which did not come before", set->id);
    for (; weir_set_next_record(set, source, &record, NULL) == 0; count++) {
        assert_true(reader->count < RECORDS_MAX);
        struct got *got = &reader->records[reader->count++];
        *got = (struct got){source, reader->messages, message->export_time_ns, {0}, ""};
        struct weir_value value;
        for (unsigned i = 0; weir_record_next(&record, &value, NULL) == 0; i++) {
            const struct weir_element *element = weir_field_element(value.field);
            if (value.length <= 8)
                got->values[i] = weir_load_be(value.octets, (unsigned)value.length);
            if (element && element->type == WEIR_TYPE_STRING && value.length < sizeof(got->text))
                memcpy(got->text, value.octets, value.length);
        }
    }
    return count;
}

static void read_message(struct reader *reader, const uint8_t *octets, size_t length)
{
    struct weir_message message;
    struct weir_set set;
    size_t records = 0;
    assert_int_equal(weir_message_open(octets, length, &message, NULL), 0);
    assert_int_equal(message.sequence, reader->sequence);
    assert_true(length <= reader->transport.message_max);
    while (weir_message_next(&message, &set, NULL) == 0)
        if (set.kind == WEIR_SET_DATA)
            records += read_records(reader, &message, &set);
        else
            learn(reader, &set);
    reader->sequence += message.sequence_unit == WEIR_SEQUENCE_MESSAGES ? 1 : records;
    reader->messages++;
    reader->octets += length;
}

static int take(void *context, const struct weir_message_octets *messages, size_t count,
                size_t *ret_sent, struct weir_diag *diag)
{
    struct reader *reader = context;
    *ret_sent = 0;
    if (reader->fails)
        return weir_diag_set(diag, WEIR_E_IO, "the wire is cut");
    for (size_t i = 0; i < count; i++)
        read_message(reader, messages[i].octets, messages[i].length);
    *ret_sent = count;
    return 0;
}

static struct reader *reader_new(size_t message_max)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    reader->records = calloc(RECORDS_MAX, sizeof(*reader->records));
    reader->transport =
        (struct weir_transport){.send = take, .context = reader, .message_max = message_max};
    return reader;
}

static void reader_free(struct reader *reader)
{
    for (size_t i = 0; i < reader->template_count; i++)
        free(reader->templates[i]);
    free(reader->records);
    free(reader);
}

/* Where a record has the nth field of this element; -1: nowhere. */
static int at(const struct got *got, uint32_t pen, uint16_t id, unsigned nth)
{
    for (unsigned i = 0; i < got->source->field_count; i++)
        if (got->source->fields[i].pen == pen && got->source->fields[i].id == id && nth-- == 0)
            return (int)i;
    return -1;
}

static uint64_t value(const struct got *got, uint32_t pen, uint16_t id)
{
    int index = at(got, pen, id, 0);
    assert_true(index >= 0);
    return got->values[index];
}

/* Record `nth` of those that have this element; NULL: there are no so many. */
static const struct got *with(const struct reader *reader, uint32_t pen, uint16_t id, size_t nth)
{
    for (size_t i = 0; i < reader->count; i++)
        if (at(&reader->records[i], pen, id, 0) >= 0 && nth-- == 0)
            return &reader->records[i];
    return NULL;
}

static size_t count_with(const struct reader *reader, uint32_t pen, uint16_t id)
{
    size_t count = 0;
    while (with(reader, pen, id, count))
        count++;
    return count;
}

/* What the tests report: a line of a table each for a few things. */
struct thing {
    uint64_t number, small;
    double real;
    int64_t time_ns;
    const char *name;
};

static const struct weir_report_field thing_fields[] = {
    WEIR_REPORT_NUMBER(0, 10, 4, struct thing, number),
    WEIR_REPORT_DOMAIN,
    WEIR_REPORT_NUMBER(0, 136, 1, struct thing, small),
    WEIR_REPORT_NUMBER(OWN, 308, 8, struct thing, number),
    WEIR_REPORT_TIME(323, struct thing, time_ns),
    WEIR_REPORT_REAL(0, 311, struct thing, real),
    WEIR_REPORT_TEXT(0, 82, struct thing, name),
};

struct things {
    struct thing table[8];
    uint32_t count;
    unsigned refreshed;
    bool refuses;
    bool saw_end;
};

static const void *thing_values(void *context, uint32_t index)
{
    struct things *things = context;
    return index < things->count ? &things->table[index] : NULL;
}

static bool refresh(void *context, bool is_end)
{
    struct things *things = context;
    things->refreshed++;
    things->saw_end |= is_end;
    return is_end || !things->refuses;
}

static struct things two_things(void)
{
    return (struct things){
        .table = {{7, 3, 0.25, START_NS + 5 * WEIR_NS_PER_MS, "eth0"},
                  {9, 300, 0.5, 0,
                   "a name that is longer than what NetFlow v9 has room for, and "
                   "even than a text"}},
        .count = 2,
    };
}

static struct weir_exporter *exporter_of(enum weir_protocol protocol, struct reader *reader,
                                         struct things *things, bool is_statistics)
{
    const struct weir_exporter_config config = {
        .protocol = protocol,
        .domain = 77,
        .template_refresh_ns = 600 * WEIR_NS_PER_SECOND,
        .has_options = true,
        .stats_interval_ns = 60 * WEIR_NS_PER_SECOND,
        .process_id = 4,
    };
    const struct weir_report reports[] = {
        {.fields = thing_fields,
         .field_count = sizeof(thing_fields) / sizeof(thing_fields[0]),
         .scope_count = 2,
         .netflow9_scope = WEIR_SCOPE_INTERFACE,
         .is_statistics = is_statistics,
         .values = thing_values,
         .context = things},
    };
    const struct weir_report_source source = {.reports = reports,
                                              .count = 1,
                                              .refresh = refresh,
                                              .context = things,
                                              .metering_process_id = 9};
    struct weir_exporter *exporter;
    struct weir_diag diag = {0};
    if (weir_exporter_new(&config, &reader->transport, &exporter, &diag) < 0 ||
        weir_exporter_add_reports(exporter, &source, &diag) < 0)
        fail_msg("%s", diag.text);
    return exporter;
}

/* Exports `rows` flows, of 3 packets and 100 octets each, this much after the start. */
static int export_flows(struct weir_exporter *exporter, uint32_t rows, int64_t seconds, bool is_v6)
{
    struct weir_batch *batch = weir_batch_new(rows);
    struct weir_extra_fields extra = {0};
    assert_int_equal(weir_extra_add(&extra, "tunnel_type", (struct weir_field){OWN, 200, 1}), 0);
    assert_int_equal(weir_extra_add(&extra, "ttl", (struct weir_field){0, 192, 1}), 0);
    extra.key_count = 1;
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    const struct weir_segment segment = {
        .columns = WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES) |
                   WEIR_COLUMN_BIT(PROTOCOL),
        .keys = WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(PROTOCOL),
        .received_ns = START_NS + seconds * WEIR_NS_PER_SECOND,
    };
    (void)weir_batch_begin(batch, &segment, rows);
    for (uint32_t i = 0; i < rows; i++) {
        struct weir_address address = weir_address_from_v4(0xc0000201u + i);
        weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[i] = is_v6 ? i + 1 : address.high;
        weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[i] = address.low;
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i] = 3;
        weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i] = 100;
        weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[i] = 6;
        memset(weir_batch_extra(batch, i), 8, extra.row_octets);
    }
    struct weir_diag diag = {0};
    int result = weir_exporter_batch(exporter, batch, &diag);
    weir_batch_free(batch);
    return result;
}

static void end(struct weir_exporter *exporter)
{
    struct weir_diag diag = {0};
    if (weir_exporter_end(exporter, &diag) < 0)
        fail_msg("%s", diag.text);
}

static void statistics_come_by_time_and_at_the_end(void **state)
{
    (void)state;
    struct things things = two_things();
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    static const int64_t seconds[] = {0, 59, 60, 100, 120};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
        assert_int_equal(export_flows(exporter, 10, seconds[i], false), 0);
    end(exporter);
    assert_int_equal(count_with(reader, OWN, 308), 3 * 2);
    assert_int_equal(things.refreshed, 3);
    assert_true(things.saw_end);

    const struct got *first = with(reader, OWN, 308, 0), *second = with(reader, OWN, 308, 1);
    assert_true(first->source->is_options);
    assert_int_equal(first->source->scope_count, 2);
    assert_int_equal(first->time_ns, START_NS + 60 * WEIR_NS_PER_SECOND);
    assert_int_equal(value(first, 0, 149), 77);
    assert_int_equal(value(first, 0, 10), 7);
    assert_int_equal(value(first, 0, 136), 3);
    assert_int_equal(value(first, 0, 323), START_NS / WEIR_NS_PER_MS + 5);
    assert_int_equal(value(first, 0, 311), UINT64_C(0x3fd0000000000000));
    assert_string_equal(first->text, "eth0");
    /* What does not fit is the greatest that does, and a text that is too long is cut. */
    assert_int_equal(value(second, 0, 136), 255);
    assert_int_equal(strlen(second->text), WEIR_REPORT_TEXT_MAX);

    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    size_t options = 0;
    for (size_t i = 0; i < reader->count; i++)
        options += reader->records[i].source->is_options;
    assert_int_equal(counters->options_sent, options);
    assert_int_equal(counters->records_sent, 50);
    assert_int_equal(counters->records_sent + options, reader->count);
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* A source of one record that counts, and of Flow Records that were left out. */
struct growing {
    uint64_t id, count, other;
    struct weir_report_left_out left_out;
};

static const struct weir_report_field growing_fields[] = {
    WEIR_REPORT_NUMBER(0, 301, 8, struct growing, id),
    WEIR_REPORT_DELTA(0, 393, 8, struct growing, count),
    WEIR_REPORT_DELTA(0, 391, 4, struct growing, other),
};

static const void *growing_values(void *context, uint32_t index)
{
    return index == 0 ? context : NULL;
}

/* Between two reports 10 and 1,000 are counted, and two records left out. */
static bool grow(void *context, bool is_end)
{
    struct growing *growing = context;
    (void)is_end;
    growing->count += 10;
    growing->other += 1000;
    growing->left_out.records += 2;
    growing->left_out.packets += 6;
    growing->left_out.octets += 200;
    return true;
}

/*
 * Deltas count from the record before, for each exporter by itself. What was left out before the
 * exporter was not sent (element 166), with the times when, and is known when that is said.
 */
static void deltas_and_what_was_left_out(void **state)
{
    (void)state;
    struct things things = {0};
    struct growing growing = {.id = 65537,
                              .left_out = {.first_ns = START_NS + 7 * WEIR_NS_PER_SECOND,
                                           .last_ns = START_NS + 9 * WEIR_NS_PER_SECOND}};
    const struct weir_report report = {.fields = growing_fields,
                                       .field_count = 3,
                                       .scope_count = 1,
                                       .is_statistics = true,
                                       .values = growing_values,
                                       .context = &growing};
    const struct weir_report_source source = {
        .reports = &report,
        .count = 1,
        .refresh = grow,
        .context = &growing,
        .left_out = &growing.left_out,
    };
    struct reader *readers[2];
    struct weir_exporter *exporters[2];
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < 2; i++) {
        readers[i] = reader_new(1400);
        exporters[i] = exporter_of(WEIR_PROTOCOL_IPFIX, readers[i], &things, true);
        assert_int_equal(weir_exporter_add_reports(exporters[i], &source, &diag), 0);
    }
    /* The first reports once a minute and at the end, the other at the end. */
    assert_int_equal(export_flows(exporters[0], 1, 0, false), 0);
    assert_int_equal(export_flows(exporters[0], 1, 60, false), 0);
    assert_int_equal(export_flows(exporters[1], 1, 0, false), 0);
    end(exporters[1]);
    end(exporters[0]);
    static const struct {
        unsigned reader, nth;
        uint64_t count;
    } wanted[] = {{0, 0, 10}, {1, 0, 20}, {0, 1, 20}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct got *got = with(readers[wanted[i].reader], 0, 393, wanted[i].nth);
        assert_non_null(got);
        assert_int_equal(value(got, 0, 301), 65537);
        assert_int_equal(value(got, 0, 393), wanted[i].count);
        assert_int_equal(value(got, 0, 391), 100 * wanted[i].count);
    }
    const struct got *got = with(readers[0], 0, 166, 1);
    assert_int_equal(value(got, 0, 166), 6);
    assert_int_equal(value(got, 0, 167), 18);
    assert_int_equal(value(got, 0, 168), 600);
    assert_int_equal(got->values[at(got, 0, 323, 0)], START_NS / WEIR_NS_PER_MS + 7000);
    assert_int_equal(got->values[at(got, 0, 323, 1)], START_NS / WEIR_NS_PER_MS + 9000);
    for (unsigned i = 0; i < 2; i++) {
        weir_exporter_free(exporters[i]);
        reader_free(readers[i]);
    }
}

/* RFC 7011 section 4.1: up to the message that says so, and not with it. */
static void counts_of_what_was_sent_are_exact(void **state)
{
    (void)state;
    static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};
    for (size_t p = 0; p < 2; p++) {
        struct things things = two_things();
        struct reader *reader = reader_new(600);
        struct weir_exporter *exporter = exporter_of(protocols[p], reader, &things, true);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(export_flows(exporter, 40, i * 40, i % 2), 0);
        end(exporter);
        size_t flows = 0, reports = 0;
        for (size_t i = 0; i < reader->count; i++) {
            const struct got *got = &reader->records[i];
            flows += !got->source->is_options;
            if (at(got, 0, 41, 0) < 0)
                continue;
            reports++;
            assert_int_equal(value(got, 0, 41), got->message);
            assert_int_equal(value(got, 0, 42), flows);
            assert_int_equal(got->values[0], 77);
            assert_int_equal(value(got, 0, 143), 9);
        }
        assert_int_equal(reports, 2);
        assert_int_equal(value(with(reader, 0, 42, 1), 0, 42), 160);
        assert_int_equal(weir_exporter_counters(exporter)->octets_sent, reader->octets);
        weir_exporter_free(exporter);
        reader_free(reader);
    }
}

static void flow_keys_follow_their_template(void **state)
{
    (void)state;
    struct things things = {0};
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    assert_int_equal(export_flows(exporter, 1, 0, false), 0);
    assert_int_equal(export_flows(exporter, 1, 1, true), 0);
    assert_int_equal(export_flows(exporter, 1, 2, false), 0);
    end(exporter);
    assert_int_equal(count_with(reader, 0, 173), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct got *keys = with(reader, 0, 173, i);
        const struct weir_template *flows = find(reader, (uint16_t)value(keys, 0, 145));
        uint64_t wanted = 0;
        for (unsigned k = 0; k < flows->field_count; k++) {
            uint16_t id = flows->fields[k].id;
            bool is_key = id == 8 || id == 27 || id == 4 || id == 200;
            wanted |= (uint64_t)is_key << k;
        }
        assert_int_equal(__builtin_popcountll(wanted), 3);
        assert_int_equal(value(keys, 0, 173), wanted);
    }
    weir_exporter_free(exporter);
    reader_free(reader);
}

static void own_elements_are_described_before_they_are_used(void **state)
{
    (void)state;
    struct things things = two_things();
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    assert_int_equal(export_flows(exporter, 1, 0, false), 0);
    assert_int_equal(export_flows(exporter, 1, 1, true), 0);
    end(exporter);
    assert_int_equal(count_with(reader, 0, 341), 2);
    const struct got *tunnel = with(reader, 0, 341, 0), *expired = with(reader, 0, 341, 1);
    assert_ptr_equal(tunnel, &reader->records[0]);
    assert_int_equal(value(tunnel, 0, 346), OWN);
    assert_int_equal(value(tunnel, 0, 303), 200);
    assert_int_equal(value(tunnel, 0, 339), WEIR_TYPE_UNSIGNED8);
    assert_int_equal(value(tunnel, 0, 344), WEIR_SEMANTICS_IDENTIFIER);
    assert_string_equal(tunnel->text, "tunnelType");
    assert_int_equal(value(expired, 0, 303), 308);
    assert_int_equal(value(expired, 0, 345), 4); /* flows */
    assert_string_equal(expired->text, "expiredFlowTotalCount");
    assert_true(expired < with(reader, OWN, 308, 0));
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* What describes is sent before the first record, and repeated as Templates are. */
static void descriptions_come_first_and_again(void **state)
{
    (void)state;
    struct things things = two_things();
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, false);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(export_flows(exporter, 1, i * 300, false), 0);
    end(exporter);
    assert_int_equal(count_with(reader, OWN, 308), 2 * 2);
    assert_true(with(reader, OWN, 308, 0) < with(reader, OWN, 200, 0));
    /* Types and Flow Keys were repeated, too. */
    assert_int_equal(count_with(reader, 0, 341), 2 * 2);
    assert_int_equal(count_with(reader, 0, 173), 2);
    weir_exporter_free(exporter);

    reader->transport.reliable = true;
    reader->sequence = reader->count = 0;
    exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, false);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(export_flows(exporter, 1, i * 300, false), 0);
    end(exporter);
    assert_int_equal(count_with(reader, OWN, 308), 2);
    weir_exporter_free(exporter);
    reader_free(reader);
}

static void netflow9_has_scopes_of_its_own(void **state)
{
    (void)state;
    struct things things = two_things();
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_NETFLOW9, reader, &things, true);
    assert_int_equal(export_flows(exporter, 5, 0, false), 0);
    end(exporter);
    const struct got *got = with(reader, 0, 82, 0);
    assert_int_equal(got->source->scope_count, 1);
    assert_int_equal(got->source->fields[0].pen, WEIR_PEN_NETFLOW9_SCOPE);
    assert_int_equal(got->source->fields[0].id, WEIR_SCOPE_INTERFACE);
    assert_int_equal(got->values[0], 7);
    assert_int_equal(value(got, 0, 149), 77);
    assert_string_equal(got->text, "eth0");
    int name = at(got, 0, 82, 0);
    assert_int_equal(got->source->fields[name].length, WEIR_REPORT_TEXT_OCTETS);
    /* Neither elements of nobody's, nor what describes them, nor Flow Keys. */
    assert_null(with(reader, OWN, 308, 0));
    assert_null(with(reader, 0, 341, 0));
    assert_null(with(reader, 0, 173, 0));
    weir_exporter_free(exporter);
    reader_free(reader);
}

static void fixed_formats_have_no_options(void **state)
{
    (void)state;
    struct things things = two_things();
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_NETFLOW5, reader, &things, true);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(export_flows(exporter, 5, i * 60, false), 0);
    end(exporter);
    assert_int_equal(reader->count, 15);
    assert_int_equal(weir_exporter_counters(exporter)->options_sent, 0);
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* Many reports in the smallest messages; the reader sees to Templates, sequence and lengths. */
static void many_reports_fit_into_small_messages(void **state)
{
    (void)state;
    enum { SOURCES = 15, EACH = 16 };
    struct things things = two_things();
    struct reader *reader = reader_new(512);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    struct weir_report reports[EACH];
    for (unsigned i = 0; i < EACH; i++)
        reports[i] = (struct weir_report){
            .fields = thing_fields,
            .field_count = sizeof(thing_fields) / sizeof(thing_fields[0]),
            .scope_count = 2,
            .is_statistics = i % 2,
            .values = thing_values,
            .context = &things,
        };
    struct weir_report_source source = {.reports = reports, .count = 3};
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < 14; i++)
        assert_int_equal(weir_exporter_add_reports(exporter, &source, &diag), 0);
    assert_int_equal(weir_exporter_add_reports(exporter, &source, &diag), WEIR_E_LIMIT);
    assert_int_equal(export_flows(exporter, 100, 0, false), 0);
    end(exporter);
    /* Two of three describe. */
    assert_int_equal(count_with(reader, OWN, 308), 2 * (1 + 14 * 3));
    weir_exporter_free(exporter);

    /* So many reports of one source are one too many. */
    exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    source.count = WEIR_EXPORTER_REPORTS_MAX;
    assert_int_equal(weir_exporter_add_reports(exporter, &source, &diag), WEIR_E_LIMIT);
    weir_exporter_free(exporter);
    reader_free(reader);
}

static void what_cannot_be_told_now_is_told_at_the_end(void **state)
{
    (void)state;
    struct things things = two_things();
    things.refuses = true;
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(export_flows(exporter, 1, i * 60, false), 0);
    end(exporter);
    assert_int_equal(count_with(reader, OWN, 308), 2);
    assert_int_equal(count_with(reader, 0, 41), 3);
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* RFC 7011 section 4.3. */
static void what_was_not_sent_is_reported(void **state)
{
    (void)state;
    struct things things = {0};
    struct reader *reader = reader_new(512);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    struct weir_diag diag = {0};
    assert_int_equal(export_flows(exporter, 10, 0, false), 0);
    assert_int_equal(weir_exporter_flush(exporter, &diag), 0);
    size_t sequence = reader->sequence;
    for (unsigned i = 1; i <= 2; i++) {
        reader->fails = true;
        assert_int_equal(export_flows(exporter, 100, 5 * i, i == 2), 0);
        assert_int_equal(weir_exporter_flush(exporter, &diag), WEIR_E_IO);
        reader->fails = false;
    }
    /* What was lost has numbers, too: of the IPv6 Template came its Flow Keys. */
    reader->sequence = sequence + 200 + 1;
    assert_int_equal(export_flows(exporter, 10, 20, false), 0);
    end(exporter);
    const struct got *got = with(reader, 0, 166, 0);
    assert_int_equal(value(got, 0, 144), 4);
    assert_int_equal(value(got, 0, 166), 200);
    assert_int_equal(value(got, 0, 167), 600);
    assert_int_equal(value(got, 0, 168), 20000);
    int first = at(got, 0, 323, 0), last = at(got, 0, 323, 1);
    assert_int_equal(got->values[first], START_NS / WEIR_NS_PER_MS + 5000);
    assert_int_equal(got->values[last], START_NS / WEIR_NS_PER_MS + 10000);
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* Nor is a record that no message has room for. */
static void a_record_too_long_is_reported(void **state)
{
    (void)state;
    struct things things = {0};
    struct reader *reader = reader_new(512);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    struct weir_batch *batch = weir_batch_new(1);
    struct weir_extra_fields extra = {0};
    struct weir_diag diag = {0};
    assert_int_equal(weir_extra_add(&extra, "name", (struct weir_field){0, 460, 600}), 0);
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    const struct weir_segment segment = {
        .columns = WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES), .received_ns = START_NS};
    (void)weir_batch_begin(batch, &segment, 1);
    weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[0] = 3;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[0] = 100;
    memset(weir_batch_extra(batch, 0), 'a', extra.row_octets);
    assert_int_equal(weir_exporter_batch(exporter, batch, &diag), 0);
    end(exporter);
    const struct got *got = with(reader, 0, 166, 0);
    assert_int_equal(value(got, 0, 166), 1);
    assert_int_equal(value(got, 0, 167), 3);
    assert_int_equal(value(got, 0, 168), 100);
    weir_batch_free(batch);
    weir_exporter_free(exporter);
    reader_free(reader);
}

/* Rows that a protocol cannot carry are not sent, either; nothing lost has no times. */
static void rows_that_are_not_carried_are_counted(void **state)
{
    (void)state;
    struct things things = {0};
    struct reader *reader = reader_new(1400);
    struct weir_exporter *exporter = exporter_of(WEIR_PROTOCOL_NETFLOW5, reader, &things, true);
    assert_int_equal(export_flows(exporter, 4, 0, true), 0);
    const struct weir_exporter_counters *counters = weir_exporter_counters(exporter);
    assert_int_equal(counters->packets_not_sent, 12);
    assert_int_equal(counters->octets_not_sent, 400);
    weir_exporter_free(exporter);

    exporter = exporter_of(WEIR_PROTOCOL_IPFIX, reader, &things, true);
    assert_int_equal(export_flows(exporter, 4, 0, true), 0);
    end(exporter);
    const struct got *got = with(reader, 0, 166, 0);
    assert_int_equal(value(got, 0, 166), 0);
    assert_int_equal(at(got, 0, 323, 0), -1);
    weir_exporter_free(exporter);
    reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_come_by_time_and_at_the_end),
        cmocka_unit_test(deltas_and_what_was_left_out),
        cmocka_unit_test(counts_of_what_was_sent_are_exact),
        cmocka_unit_test(flow_keys_follow_their_template),
        cmocka_unit_test(own_elements_are_described_before_they_are_used),
        cmocka_unit_test(descriptions_come_first_and_again),
        cmocka_unit_test(netflow9_has_scopes_of_its_own),
        cmocka_unit_test(fixed_formats_have_no_options),
        cmocka_unit_test(many_reports_fit_into_small_messages),
        cmocka_unit_test(what_cannot_be_told_now_is_told_at_the_end),
        cmocka_unit_test(what_was_not_sent_is_reported),
        cmocka_unit_test(a_record_too_long_is_reported),
        cmocka_unit_test(rows_that_are_not_carried_are_counted),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
