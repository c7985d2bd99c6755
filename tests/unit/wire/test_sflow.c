/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"
#include "support/export_reader.h"
#include "support/sflow_builder.h"

/* A flow sample and a counter sample in both forms, an unknown sample, two records in the first. */
static void build_whole(struct sflow_builder *b)
{
    sflow_datagram(b, 7, 41);
    for (unsigned expanded = 0; expanded < 2; expanded++) {
        size_t sample = sflow_flow(b, expanded);
        sflow_header(b, 1, 64, 4, sflow_tcp_frame, sizeof(sflow_tcp_frame));
        size_t record = sflow_record(b, WEIR_SFLOW_FORMAT(4413, 5));
        weir_write_octets(&b->writer, "odd", 3);
        sflow_end(b, record);
        sflow_end(b, sample);
        sample = sflow_counters(b, expanded);
        sflow_if_counters(b);
        sflow_end(b, sample);
    }
    size_t sample = sflow_structure(b, WEIR_SFLOW_FORMAT(0, 5));
    sflow_u32s(b, 1, 1u);
    sflow_end(b, sample);
    sflow_count(b, b->samples_at);
}

static void open_built(const struct sflow_builder *b, struct weir_message *message)
{
    struct weir_diag diag;
    assert_int_equal(weir_message_open(b->octets, weir_writer_offset(&b->writer), message, &diag),
                     0);
}

static void datagrams_say_who_sampled(void **state)
{
    (void)state;
    struct sflow_builder b;
    struct weir_message message;
    build_whole(&b);
    open_built(&b, &message);
    assert_int_equal(message.protocol, WEIR_PROTOCOL_SFLOW5);
    assert_int_equal(message.sequence_unit, WEIR_SEQUENCE_MESSAGES);
    assert_int_equal(message.domain, 7);
    assert_int_equal(message.sequence, 41);
    assert_int_equal(message.uptime_ms, 90000);
    assert_int_equal(message.length, weir_writer_offset(&b.writer));
    assert_true(message.has_agent);
    assert_true(weir_address_equal(message.agent, weir_address_from_v4(SFLOW_AGENT)));
    assert_null(message.builtin);
    assert_string_equal(weir_protocol_text(message.protocol), "sflow");
}

static void agents_are_of_either_family_or_not_known(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        unsigned words;
        uint8_t last;
        bool has_agent;
    } cases[] = {
        {0, 0, 0, false}, {1, 1, 0, false}, {1, 1, 9, true}, {2, 4, 0, false}, {2, 4, 9, true}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sflow_builder b;
        struct weir_message message;
        struct weir_diag diag;
        b.writer = weir_writer_make(b.octets, sizeof(b.octets));
        sflow_u32s(&b, 2, 5u, cases[i].type);
        for (unsigned word = 0; word < cases[i].words; word++)
            sflow_u32s(&b, 1, word + 1 == cases[i].words ? cases[i].last : 0u);
        sflow_u32s(&b, 4, 7u, 41u, 90000u, 0u);
        open_built(&b, &message);
        assert_int_equal(message.has_agent, cases[i].has_agent);
        assert_int_equal(message.domain, 7);
        if (cases[i].has_agent)
            assert_int_equal(message.agent.low & 0xff, 9);
        struct weir_set set;
        assert_int_equal(weir_message_next(&message, &set, &diag), WEIR_E_END);
    }
    const uint8_t odd[40] = {0, 0, 0, 5, 0, 0, 0, 3};
    struct weir_message message;
    struct weir_diag diag;
    assert_int_equal(weir_message_open(odd, sizeof(odd), &message, &diag), WEIR_E_MALFORMED);
    assert_string_equal(diag.text, "octet 4: an agent's address of type 3: neither IPv4 nor IPv6");
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    struct weir_message message;
    struct weir_diag diag;
    uint8_t octets[40] = {0, 0, 0, 4};
    assert_int_equal(weir_message_open(octets, sizeof(octets), &message, &diag),
                     WEIR_E_UNSUPPORTED);
    assert_string_equal(diag.text, "octet 0: sFlow version 4 is none that is known");
    octets[1] = 105; /* its number here is none on the wire */
    assert_int_equal(weir_message_open(octets, sizeof(octets), &message, &diag),
                     WEIR_E_UNSUPPORTED);
    octets[1] = 0;
    octets[3] = 5;
    assert_int_equal(weir_message_open(octets, 23, &message, &diag), WEIR_E_TRUNCATED);
    octets[7] = 2; /* an address that does not fit any more */
    assert_int_equal(weir_message_open(octets, 30, &message, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(diag.text, "octet 30: the sFlow header ends here");
}

static void samples_are_the_same_in_both_forms(void **state)
{
    (void)state;
    struct sflow_builder b;
    struct weir_message message;
    struct weir_set set;
    struct weir_diag diag;
    struct weir_sflow_record record;
    build_whole(&b);
    open_built(&b, &message);
    for (unsigned expanded = 0; expanded < 2; expanded++) {
        struct weir_sflow_sample sample;
        assert_int_equal(weir_message_next(&message, &set, &diag), 0);
        assert_int_equal(set.kind, WEIR_SET_SAMPLE);
        assert_int_equal(set.format, expanded ? 3 : 1);
        assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), 0);
        assert_int_equal(sample.kind, WEIR_SFLOW_FLOW);
        assert_int_equal(sample.sequence, 99);
        assert_int_equal(sample.source_type, 0);
        assert_int_equal(sample.source_index, 17);
        assert_int_equal(sample.sampling_rate, 512);
        assert_int_equal(sample.sample_pool, 5120);
        assert_int_equal(sample.drops, 3);
        assert_int_equal(sample.input.form, WEIR_SFLOW_SINGLE);
        assert_int_equal(sample.input.value, 17);
        assert_int_equal(sample.output.value, 18);
        assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), 0);
        assert_int_equal(record.format, 1);
        assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), 0);
        assert_int_equal(WEIR_SFLOW_ENTERPRISE(record.format), 4413);
        assert_int_equal(WEIR_SFLOW_NUMBER(record.format), 5);
        assert_int_equal(record.body.remaining, 3); /* and padding */
        assert_memory_equal(record.body.octets, "odd", 3);
        assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), WEIR_E_END);

        assert_int_equal(weir_message_next(&message, &set, &diag), 0);
        assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), 0);
        assert_int_equal(sample.kind, WEIR_SFLOW_COUNTERS);
        assert_int_equal(sample.sequence, 98);
        assert_int_equal(sample.source_index, 17);
        assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), 0);
        assert_int_equal(record.body.remaining, 88);
        assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), WEIR_E_END);
    }
    struct weir_sflow_sample sample;
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), WEIR_E_UNSUPPORTED);
    assert_int_equal(weir_message_next(&message, &set, &diag), WEIR_E_END);
}

/* The upper bits of compact sources and interfaces are their type and form. */
static void compact_numbers_are_taken_apart(void **state)
{
    (void)state;
    struct sflow_builder b;
    struct weir_message message;
    struct weir_set set;
    struct weir_diag diag;
    struct weir_sflow_sample sample;
    sflow_datagram(&b, 7, 41);
    size_t start = sflow_flow(&b, false);
    weir_store_be32(b.octets + start + 4, 2u << 24 | 0xabcdef);
    sflow_interfaces(&b, 0x3fffffff, 1u << 30 | 258);
    sflow_end(&b, start);
    open_built(&b, &message);
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), 0);
    assert_int_equal(sample.source_type, 2);
    assert_int_equal(sample.source_index, 0xabcdef);
    assert_int_equal(sample.input.form, WEIR_SFLOW_SINGLE);
    assert_int_equal(sample.input.value, WEIR_SFLOW_INTERNAL);
    assert_int_equal(sample.output.form, WEIR_SFLOW_DISCARDED);
    assert_int_equal(sample.output.value, 258);
    weir_store_be32(b.octets + b.records_at - 4, 2u << 30 | 6);
    open_built(&b, &message);
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), 0);
    assert_int_equal(sample.output.form, WEIR_SFLOW_MULTIPLE);
    assert_int_equal(sample.output.value, 6);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    struct sflow_builder b;
    struct weir_message message;
    struct weir_set set;
    struct weir_diag diag;
    struct weir_sflow_sample sample;
    struct weir_sflow_record record;
    sflow_datagram(&b, 7, 41);
    size_t start = sflow_flow(&b, false);
    size_t body = sflow_record(&b, 1001);
    sflow_u32s(&b, 4, 1u, 0u, 1u, 0u);
    sflow_end(&b, body);
    sflow_end(&b, start);
    weir_store_be32(b.octets + body - 4, 17);
    open_built(&b, &message);
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), 0);
    assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), WEIR_E_MALFORMED);
    assert_string_equal(diag.text, "octet 68: a record passes the end of its sample");
    assert_int_equal(weir_sflow_record_next(&sample, &record, &diag), WEIR_E_END);

    sflow_datagram(&b, 7, 41);
    start = sflow_structure(&b, 1);
    sflow_u32s(&b, 2, 99u, 17u);
    sflow_end(&b, start);
    sflow_count(&b, b.samples_at);
    sflow_count(&b, b.samples_at); /* and another, which is not there */
    open_built(&b, &message);
    assert_int_equal(message.missing, 8);
    assert_int_equal(weir_message_next(&message, &set, &diag), 0);
    assert_int_equal(weir_sflow_sample_open(&set, &sample, &diag), WEIR_E_MALFORMED);
    assert_string_equal(diag.text, "octet 44: a sample ends inside its header");
    assert_int_equal(weir_message_next(&message, &set, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(diag.text,
                        "octet 44: the datagram ends here, 8 octets or more before its samples do");
    assert_int_equal(weir_message_next(&message, &set, &diag), WEIR_E_END);
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

static void every_cut_and_every_flip_ends_orderly(void **state)
{
    (void)state;
    struct sflow_builder b;
    build_whole(&b);
    size_t length = weir_writer_offset(&b.writer);
    unsigned before = 0;
    for (size_t cut = 0; cut < length; cut++) {
        struct test_export_counts counts = read_exactly(b.octets, cut);
        unsigned samples = counts.flow_samples + counts.counter_samples + counts.other_samples;
        assert_true(samples >= before); /* never less for more octets */
        assert_true(counts.malformed > 0);
        before = samples;
    }
    struct test_export_counts whole = read_exactly(b.octets, length);
    assert_int_equal(whole.flow_samples, 2);
    assert_int_equal(whole.counter_samples, 2);
    assert_int_equal(whole.other_samples, 1);
    assert_int_equal(whole.malformed, 0);
    for (size_t i = 0; i < length; i++)
        for (unsigned value = 1; value < 256; value++) {
            b.octets[i] ^= (uint8_t)value;
            (void)read_exactly(b.octets, length);
            b.octets[i] ^= (uint8_t)value;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_say_who_sampled),
        cmocka_unit_test(agents_are_of_either_family_or_not_known),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(samples_are_the_same_in_both_forms),
        cmocka_unit_test(compact_numbers_are_taken_apart),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(every_cut_and_every_flip_ends_orderly),
    };
    return cmocka_run_group_tests_name("sflow", tests, NULL, NULL);
}
