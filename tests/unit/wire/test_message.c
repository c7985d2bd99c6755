/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"
#include "support/export_reader.h"

#include "base/bytes.h"
#include "base/random.h"
#include "builder.h"

static void read_built(struct test_export_reader *reader, const struct builder *b)
{
    *reader = (struct test_export_reader){0};
    (void)test_export_read(reader, 0, b->octets, weir_writer_offset(&b->writer));
}

static void expect_malformed(const struct builder *b, const char *text)
{
    struct test_export_reader reader;
    read_built(&reader, b);
    assert_int_equal(reader.counts.malformed, 1);
    assert_string_equal(reader.diag.text, text);
    assert_true(reader.diag.has_offset);
    test_export_reader_done(&reader);
}

/* Two templates (one with an enterprise's element and a variable one), options, data, padding. */
static void build_whole_ipfix(struct builder *b)
{
    build_ipfix(b, 7);
    size_t set = build_set(b, 2);
    build_u16s(b, 6, 256, 2, 8, 4, 12, 4);
    build_u16s(b, 10, 257, 3, 1, 8, 0x8000 | 33, 65535, 0, 35632, 82, 65535);
    build_set_end(b, set);
    set = build_set(b, 3);
    build_u16s(b, 10, 258, 3, 1, 149, 4, 41, 8, 40, 8, 0);
    build_set_end(b, set);
    set = build_set(b, 256);
    for (unsigned i = 0; i < 6; i++)
        weir_write_u32(&b->writer, 0x0a000001 + i);
    build_set_end(b, set);
    set = build_set(b, 257);
    weir_write_u64(&b->writer, 1500);
    weir_write_u8(&b->writer, 3);
    weir_write_octets(&b->writer, "eth", 3);
    weir_write_u8(&b->writer, 255); /* the long form, for a length that would fit the short one */
    weir_write_u16(&b->writer, 2);
    weir_write_octets(&b->writer, "ab", 2);
    weir_write_zeros(&b->writer, 3);
    build_set_end(b, set);
    set = build_set(b, 258);
    weir_write_u32(&b->writer, 7);
    weir_write_u64(&b->writer, 10);
    weir_write_u64(&b->writer, 20);
    build_set_end(b, set);
    build_ipfix_end(b);
}

static void ipfix_is_read_whole(void **state)
{
    (void)state;
    struct builder b;
    build_whole_ipfix(&b);
    struct weir_message message;
    struct weir_diag diag;
    size_t length = weir_writer_offset(&b.writer);
    assert_int_equal(weir_message_open(b.octets, length + 9, &message, &diag), 0);
    assert_int_equal(message.protocol, WEIR_PROTOCOL_IPFIX);
    assert_int_equal(message.sequence_unit, WEIR_SEQUENCE_RECORDS);
    assert_int_equal(message.sequence, 41);
    assert_int_equal(message.domain, 7);
    assert_int_equal(message.length, length); /* the next message of a file begins there */
    assert_true(message.export_time_ns == INT64_C(1700000000000000000));

    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.templates, 2);
    assert_int_equal(reader.counts.option_templates, 1);
    assert_int_equal(reader.counts.data_records, 4);
    assert_int_equal(reader.counts.option_records, 1);
    test_export_reader_done(&reader);
}

static void ipfix_template_is_what_was_sent(void **state)
{
    (void)state;
    struct builder b;
    build_whole_ipfix(&b);
    struct weir_message message;
    struct weir_set set;
    struct weir_diag diag;
    _Alignas(struct weir_template) uint8_t room[256];
    struct weir_template *t = (struct weir_template *)(void *)room;
    assert_int_equal(weir_message_open(b.octets, weir_writer_offset(&b.writer), &message, &diag),
                     0);
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(set.kind, WEIR_SET_TEMPLATE);
    assert_int_equal(weir_set_next_template(&set, t, sizeof(room), &diag), 0);
    assert_int_equal(t->id, 256);
    assert_int_equal(t->record_length, 8);
    assert_false(t->is_variable);
    assert_false(t->is_options);
    assert_int_equal(weir_set_next_template(&set, t, sizeof(room), &diag), 0);
    assert_int_equal(t->id, 257);
    assert_int_equal(t->field_count, 3);
    assert_int_equal(t->record_length, 10); /* 8 and a length octet for each variable field */
    assert_true(t->is_variable);
    assert_int_equal(t->fields[1].id, 33);
    assert_int_equal(t->fields[1].pen, 35632);
    assert_int_equal(t->fields[2].pen, 0);
    assert_int_equal(weir_set_next_template(&set, t, sizeof(room), &diag), WEIR_E_END);

    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(set.kind, WEIR_SET_OPTIONS_TEMPLATE);
    assert_int_equal(weir_set_next_template(&set, t, sizeof(room), &diag), 0);
    assert_true(t->is_options);
    assert_int_equal(t->scope_count, 1);
    assert_int_equal(t->record_length, 20);
}

static void ipfix_variable_fields_have_their_length(void **state)
{
    (void)state;
    struct builder b;
    build_whole_ipfix(&b);
    static const struct weir_field fields[] = {{0, 1, 8}, {35632, 33, 65535}, {0, 82, 65535}};
    struct weir_template *t = weir_template_new(257, fields, 3);
    assert_non_null(t);
    struct weir_message message;
    struct weir_set set = {0};
    struct weir_diag diag;
    struct weir_record record;
    struct weir_value value;
    assert_int_equal(weir_message_open(b.octets, weir_writer_offset(&b.writer), &message, &diag),
                     0);
    while (set.id != 257)
        assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_set_next_record(&set, t, &record, &diag), 0);
    assert_int_equal(weir_record_next(&record, &value, &diag), 0);
    assert_int_equal(value.length, 8);
    assert_int_equal(weir_record_next(&record, &value, &diag), 0);
    assert_int_equal(value.length, 3);
    assert_memory_equal(value.octets, "eth", 3);
    assert_ptr_equal(value.field, &t->fields[1]);
    assert_int_equal(weir_record_next(&record, &value, &diag), 0);
    assert_int_equal(value.length, 2);
    assert_memory_equal(value.octets, "ab", 2);
    assert_int_equal(weir_record_next(&record, &value, &diag), WEIR_E_END);
    assert_int_equal(weir_set_next_record(&set, t, &record, &diag), WEIR_E_END);
    free(t);
}

static void ipfix_withdrawals(void **state)
{
    (void)state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 0, 2, 0);
    build_set_end(&b, set);
    set = build_set(&b, 3);
    build_u16s(&b, 4, 258, 0, 3, 0);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.withdrawals, 4);
    test_export_reader_done(&reader);
}

static void reserved_sets_are_passed_over(void **state)
{
    (void)state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 0);
    build_u16s(&b, 2, 1, 1);
    build_set_end(&b, set);
    set = build_set(&b, 255);
    build_set_end(&b, set);
    set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 1, 8, 4);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.reserved_sets, 2);
    assert_int_equal(reader.counts.templates, 1);
    test_export_reader_done(&reader);
}

static void ipfix_says_what_is_wrong(void **state)
{
    (void)state;
    struct builder b;
    build_ipfix(&b, 7);
    build_u16s(&b, 2, 256, 3);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 18: set length 3 is shorter than its header");

    build_ipfix(&b, 7);
    build_u16s(&b, 3, 256, 100, 0);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 18: set length 100 passes the end of the message, 6 octets remain");

    build_ipfix(&b, 7);
    build_u16s(&b, 1, 256);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 16: 2 octets are too few for a set header");

    build_ipfix(&b, 7);
    weir_writer_patch_u16(&b.writer, 2, 15);
    expect_malformed(&b, "octet 2: message length 15 is shorter than its header");

    build_ipfix(&b, 7);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 6, 256, 3, 8, 4, 12, 4);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 20: template 256 has 3 fields, the set ends after 2");

    build_ipfix(&b, 7);
    set = build_set(&b, 2);
    build_u16s(&b, 4, 255, 1, 8, 4);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 20: template id 255 is below 256");

    build_ipfix(&b, 7);
    set = build_set(&b, 2);
    build_u16s(&b, 2, 256, 2000);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 20: template 256 has 2000 fields");

    build_ipfix(&b, 7);
    set = build_set(&b, 3);
    build_u16s(&b, 5, 256, 1, 0, 8, 4);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 24: options template 256 has no scope field");

    build_ipfix(&b, 7);
    set = build_set(&b, 3);
    build_u16s(&b, 5, 256, 1, 2, 8, 4);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 24: options template 256 has 2 scope fields among 1 fields");

    build_ipfix(&b, 7);
    set = build_set(&b, 3);
    build_u16s(&b, 2, 256, 1);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 20: the set ends inside a template's header");
}

static void records_say_what_is_wrong(void **state)
{
    (void)state;
    struct builder b;
    build_ipfix(&b, 7);
    size_t set = build_set(&b, 2);
    build_u16s(&b, 4, 256, 1, 82, 65535);
    build_u16s(&b, 4, 257, 1, 8, 0);
    build_set_end(&b, set);
    set = build_set(&b, 256);
    weir_write_u8(&b.writer, 2);
    build_u16s(&b, 1, 0x6162);
    weir_write_u8(&b.writer, 9);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.data_records, 1);
    assert_int_equal(reader.counts.malformed, 1);
    assert_string_equal(reader.diag.text,
                        "octet 43: a record of template 256 passes the end of its set");
    test_export_reader_done(&reader);

    weir_writer_rewind(&b.writer, 36);
    set = build_set(&b, 257);
    weir_write_u32(&b.writer, 1);
    build_set_end(&b, set);
    build_ipfix_end(&b);
    expect_malformed(&b, "octet 40: records of template 257 have no octets");
}

static void whole_of_a_cut_message_is_read(void **state)
{
    (void)state;
    struct builder b;
    build_whole_ipfix(&b);
    /* The header, the two template sets (to octet 76) and two of three records of the next set. */
    struct test_export_reader reader = {0};
    (void)test_export_read(&reader, 0, b.octets, 76 + 4 + 17);
    assert_int_equal(reader.counts.templates, 2);
    assert_int_equal(reader.counts.option_templates, 1);
    assert_int_equal(reader.counts.malformed, 1);
    assert_int_equal(reader.diag.error, WEIR_E_TRUNCATED);
    assert_int_equal(reader.counts.data_records, 2);
    test_export_reader_done(&reader);
}

static void build_whole_netflow9(struct builder *b)
{
    build_netflow9(b, 99, 3); /* the count is of no use */
    size_t set = build_set(b, 0);
    build_u16s(b, 8, 300, 3, 8, 4, 7, 2, 40010, 1);
    build_set_end(b, set);
    set = build_set(b, 1);
    build_u16s(b, 9, 301, 4, 8, 1, 4, 34, 4, 36, 2);
    build_u16s(b, 1, 0);
    build_set_end(b, set);
    set = build_set(b, 1); /* no scope, as some exporters send it */
    build_u16s(b, 6, 302, 0, 4, 34, 4, 0);
    build_set_end(b, set);
    set = build_set(b, 300);
    weir_write_zeros(&b->writer, 14 + 2);
    build_set_end(b, set);
    set = build_set(b, 301);
    weir_write_zeros(&b->writer, 10 + 2);
    build_set_end(b, set);
    set = build_set(b, 302);
    weir_write_zeros(&b->writer, 4);
    build_set_end(b, set);
}

static void netflow9_is_read_whole(void **state)
{
    (void)state;
    struct builder b;
    build_whole_netflow9(&b);
    struct weir_message message;
    struct weir_diag diag;
    assert_int_equal(weir_message_open(b.octets, weir_writer_offset(&b.writer), &message, &diag),
                     0);
    assert_int_equal(message.sequence_unit, WEIR_SEQUENCE_MESSAGES);
    assert_int_equal(message.uptime_ms, 5000);
    assert_int_equal(message.domain, 3);
    assert_int_equal(message.count, 99);
    struct weir_plan_context context = weir_message_context(&message);
    assert_true(context.export_time_ns == INT64_C(1700000000000000000));
    assert_true(context.uptime_zero_ns == INT64_C(1699999995000000000));
    assert_int_equal(context.segment.protocol_version, 9);
    assert_int_equal(context.segment.domain, 3);

    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.templates, 1);
    assert_int_equal(reader.counts.option_templates, 2);
    assert_int_equal(reader.counts.data_records, 2);
    assert_int_equal(reader.counts.option_records, 2);
    for (struct test_export_template *t = reader.templates; t; t = t->next) {
        assert_int_equal(t->value->is_options, t->value->id != 300);
        assert_int_equal(t->value->scope_count, t->value->id == 301);
        assert_int_equal(t->value->fields[0].pen,
                         t->value->id == 301 ? WEIR_PEN_NETFLOW9_SCOPE : 0);
        if (t->value->id == 300)
            assert_int_equal(t->value->fields[2].id, 40010); /* no enterprise bit in v9 */
    }
    test_export_reader_done(&reader);
}

static void netflow9_says_what_is_wrong(void **state)
{
    (void)state;
    struct builder b;
    build_netflow9(&b, 1, 3);
    size_t set = build_set(&b, 1);
    build_u16s(&b, 5, 301, 4, 6, 1, 4);
    build_set_end(&b, set);
    expect_malformed(&b, "octet 26: scope length 4 or option length 6 of options template 301 is "
                         "no multiple of 4");

    build_netflow9(&b, 1, 3);
    set = build_set(&b, 0);
    build_u16s(&b, 4, 12, 1, 8, 4);
    build_set_end(&b, set);
    expect_malformed(&b, "octet 24: template id 12 is below 256");
}

static void netflow9_template_without_fields(void **state)
{
    (void)state;
    struct builder b;
    build_netflow9(&b, 1, 3);
    size_t set = build_set(&b, 0);
    build_u16s(&b, 2, 301, 0);
    build_set_end(&b, set);
    set = build_set(&b, 1);
    build_u16s(&b, 3, 302, 0, 0);
    build_set_end(&b, set);
    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.withdrawals, 0);
    assert_int_equal(reader.counts.templates, 1);
    assert_int_equal(reader.counts.option_templates, 1);
    test_export_reader_done(&reader);

    set = build_set(&b, 301);
    weir_write_u32(&b.writer, 0);
    build_set_end(&b, set);
    expect_malformed(&b, "octet 42: records of template 301 have no octets");
}

/* Field types from 32768 on, which are vendors' own. */
static void netflow9_fields_of_vendors_have_their_elements(void **state)
{
    (void)state;
    static const struct {
        uint16_t sent, id;
        uint32_t pen;
    } rows[] = {
        {40001, 225, 0},   {40006, 40006, 0}, {40005, 233, 0},     {33000, 232, 9},
        {33002, 234, 9},   {42040, 9272, 9},  {57590, 118, 35632}, {56701, 96, 0},
        {65535, 65535, 0}, {32768, 32768, 0}, {32767, 32767, 0},
    };
    const uint16_t count = sizeof(rows) / sizeof(rows[0]);
    struct builder b;
    build_netflow9(&b, 1, 3);
    size_t set = build_set(&b, 0);
    build_u16s(&b, 2, 256, count);
    for (unsigned i = 0; i < count; i++)
        build_u16s(&b, 2, rows[i].sent, 4);
    build_set_end(&b, set);
    struct weir_message message;
    struct weir_set templates;
    struct weir_diag diag;
    _Alignas(struct weir_template) uint8_t room[WEIR_TEMPLATE_OCTETS_MAX];
    struct weir_template *source = (struct weir_template *)(void *)room;
    assert_int_equal(weir_message_open(b.octets, weir_writer_offset(&b.writer), &message, &diag),
                     0);
    assert_int_equal(weir_message_next(&message, &templates, &diag), 0);
    assert_int_equal(weir_set_next_template(&templates, source, sizeof(room), &diag), 0);
    assert_int_equal(source->field_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(source->fields[i].id, rows[i].id);
        assert_int_equal(source->fields[i].pen, rows[i].pen);
    }
}

static void zeros_after_the_last_set_are_padding(void **state)
{
    (void)state;
    struct builder b;
    build_whole_netflow9(&b);
    weir_write_zeros(&b.writer, 7);
    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.reserved_sets, 0);
    assert_int_equal(reader.counts.data_records, 2);
    test_export_reader_done(&reader);
}

static void netflow5_is_read_whole(void **state)
{
    (void)state;
    struct builder b;
    build_netflow5(&b, 3, 3);
    struct weir_message message;
    struct weir_diag diag;
    size_t length = weir_writer_offset(&b.writer);
    assert_int_equal(weir_message_open(b.octets, length, &message, &diag), 0);
    assert_int_equal(message.length, length);
    assert_int_equal(message.domain, 3 << 8 | 9);
    assert_int_equal(message.sampling, 100);
    assert_int_equal(message.sampling_mode, 1);
    assert_int_equal(message.sequence_unit, WEIR_SEQUENCE_RECORDS);
    assert_true(message.export_time_ns == INT64_C(1700000000250000000));
    assert_int_equal(weir_message_context(&message).sampling, 100);
    assert_non_null(message.builtin);
    assert_ptr_equal(message.builtin, weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5));
    assert_null(weir_message_builtin_template(WEIR_PROTOCOL_IPFIX));
    unsigned sum = 0;
    for (unsigned i = 0; i < message.builtin->field_count; i++)
        sum += message.builtin->fields[i].length;
    assert_int_equal(sum, 48);

    struct test_export_reader reader;
    read_built(&reader, &b);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(reader.counts.data_records, 3);
    test_export_reader_done(&reader);
}

static void netflow5_count_and_length_differ(void **state)
{
    (void)state;
    struct builder b;
    struct test_export_reader reader;
    build_netflow5(&b, 163, 3);
    read_built(&reader, &b);
    assert_int_equal(reader.counts.data_records, 3);
    assert_int_equal(reader.counts.malformed, 1);
    assert_string_equal(reader.diag.text,
                        "octet 2: count 163 needs 7824 octets of records, 144 are there");

    /* Octets beyond the count are not the message's. */
    build_netflow5(&b, 2, 3);
    reader = (struct test_export_reader){0};
    assert_int_equal(test_export_read(&reader, 0, b.octets, weir_writer_offset(&b.writer)),
                     24 + 2 * 48);
    assert_int_equal(reader.counts.data_records, 2);
    assert_int_equal(reader.counts.malformed, 0);

    build_netflow5(&b, 0, 0);
    read_built(&reader, &b);
    assert_int_equal(reader.counts.data_records, 0);
    assert_int_equal(reader.counts.malformed, 0);
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    struct weir_message message;
    struct weir_diag diag;
    const uint8_t foreign[20] = {0, 77};
    assert_int_equal(weir_message_open(foreign, sizeof(foreign), &message, &diag),
                     WEIR_E_UNSUPPORTED);
    assert_string_equal(diag.text, "octet 0: version 77 is none that is known");
    const uint8_t ipfix[20] = {0, 10, 0, 20};
    assert_int_equal(weir_message_open(ipfix, 15, &message, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(diag.text, "octet 15: the IPFIX header of 16 octets ends here");
    assert_int_equal(weir_message_open(ipfix, 1, &message, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(weir_protocol_text(WEIR_PROTOCOL_NETFLOW9), "netflow9");
}

/* Reads a copy that ends exactly where it should, so that a sanitizer sees a read past it. */
static struct test_export_counts read_exactly(const uint8_t *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    struct test_export_reader reader = {0};
    (void)test_export_read(&reader, 0, copy, length);
    test_export_reader_done(&reader);
    free(copy);
    return reader.counts;
}

static unsigned items(struct test_export_counts counts)
{
    return counts.templates + counts.option_templates + counts.data_records + counts.option_records;
}

static void cut_and_flip(const struct builder *b)
{
    size_t length = weir_writer_offset(&b->writer);
    unsigned before = 0, whole = items(read_exactly(b->octets, length));
    for (size_t cut = 0; cut < length; cut++) {
        unsigned found = items(read_exactly(b->octets, cut));
        assert_true(found >= before); /* never less for more octets */
        before = found;
    }
    assert_true(whole >= before && whole > 0);
    uint8_t copy[sizeof(b->octets)];
    memcpy(copy, b->octets, length);
    for (size_t i = 0; i < length; i++)
        for (unsigned value = 1; value < 256; value++) {
            copy[i] = b->octets[i] ^ (uint8_t)value;
            (void)read_exactly(copy, length);
            copy[i] = b->octets[i];
        }
}

static void every_cut_and_every_flip_ends_orderly(void **state)
{
    (void)state;
    struct builder b;
    build_whole_ipfix(&b);
    cut_and_flip(&b);
    build_whole_netflow9(&b);
    cut_and_flip(&b);
    build_netflow5(&b, 2, 2);
    cut_and_flip(&b);
}

/* Headers of any octets: what can be opened has the session that a look at it says. */
static void peek_says_what_opening_does(void **state)
{
    (void)state;
    static const uint8_t versions[] = {0, 1, 5, 7, 8, 9, 10, 11};
    struct weir_random random = {1};
    unsigned opened[sizeof(versions)] = {0};
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t octets[64];
        unsigned version = i % sizeof(versions);
        size_t length = weir_random_below(&random, sizeof(octets) + 1);
        for (size_t at = 0; at < sizeof(octets); at++)
            octets[at] = (uint8_t)weir_random_below(&random, at < 4 ? 12 : 256);
        octets[0] = 0;
        octets[1] = versions[version];
        octets[22] = (uint8_t)(1 + weir_random_below(&random, 14)); /* the scheme of v8 */
        if (versions[version] == 0) {
            weir_store_be16(octets + 2, 5);
            weir_store_be32(octets + 4, 1 + weir_random_below(&random, 2));
        }
        struct weir_message whole, peeked;
        bool is_peeked = weir_message_peek(octets, length, &peeked);
        if (weir_message_open(octets, length, &whole, NULL) < 0)
            continue;
        opened[version]++;
        assert_true(is_peeked);
        assert_int_equal(peeked.protocol, whole.protocol);
        assert_int_equal(peeked.domain, whole.domain);
        assert_int_equal(peeked.has_agent, whole.has_agent);
        if (whole.has_agent)
            assert_true(weir_address_equal(peeked.agent, whole.agent));
    }
    for (unsigned i = 0; i < sizeof(versions); i++)
        assert_int_equal(opened[i] > 0, versions[i] < 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipfix_is_read_whole),
        cmocka_unit_test(ipfix_template_is_what_was_sent),
        cmocka_unit_test(ipfix_variable_fields_have_their_length),
        cmocka_unit_test(ipfix_withdrawals),
        cmocka_unit_test(reserved_sets_are_passed_over),
        cmocka_unit_test(ipfix_says_what_is_wrong),
        cmocka_unit_test(records_say_what_is_wrong),
        cmocka_unit_test(whole_of_a_cut_message_is_read),
        cmocka_unit_test(netflow9_is_read_whole),
        cmocka_unit_test(netflow9_says_what_is_wrong),
        cmocka_unit_test(netflow9_template_without_fields),
        cmocka_unit_test(netflow9_fields_of_vendors_have_their_elements),
        cmocka_unit_test(zeros_after_the_last_set_are_padding),
        cmocka_unit_test(netflow5_is_read_whole),
        cmocka_unit_test(netflow5_count_and_length_differ),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(peek_says_what_opening_does),
        cmocka_unit_test(every_cut_and_every_flip_ends_orderly),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
