/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"
#include "support/export_reader.h"

#include <string.h>

#include "wire/encoder.h"

static struct weir_template *flow_template(void)
{
    static const struct weir_field fields[] = {{0, 8, 4}, {0, 12, 4}, {0, 7, 2}};
    struct weir_template *made = weir_template_new(256, fields, 3);
    assert_non_null(made);
    return made;
}

static struct weir_template *options_template(uint32_t scope_pen, uint16_t scope_id)
{
    const struct weir_field fields[] = {{scope_pen, scope_id, 4}, {0, 41, 8}};
    struct weir_template *made = weir_template_new_options(257, fields, 2, 1);
    assert_non_null(made);
    return made;
}

static const struct weir_encoder_header header = {
    .sequence = 1000,
    .domain = 515,
    .export_time_ns = INT64_C(1700000000987654321),
    .uptime_zero_ns = INT64_C(1699999000123000000),
    .sampling = 1 << 14 | 64,
};

static uint8_t buffer[1500];

static struct test_export_counts read_back(size_t length, struct weir_message *ret_message)
{
    struct test_export_reader reader = {0};
    assert_int_equal(weir_message_open(buffer, length, ret_message, &reader.diag), 0);
    assert_int_equal(test_export_read(&reader, 0, buffer, length), length);
    test_export_reader_done(&reader);
    assert_int_equal(reader.counts.malformed, 0);
    assert_int_equal(ret_message->sequence, header.sequence);
    assert_int_equal(ret_message->domain, header.domain);
    return reader.counts;
}

static void template_protocols_round_trip(void **state)
{
    (void)state;
    static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};
    for (unsigned i = 0; i < 2; i++) {
        bool v9 = protocols[i] == WEIR_PROTOCOL_NETFLOW9;
        struct weir_template *f = flow_template();
        struct weir_template *o =
            v9 ? options_template(WEIR_PEN_NETFLOW9_SCOPE, 1) : options_template(0, 149);
        struct weir_encoder e;
        uint32_t got;
        weir_encoder_begin(&e, protocols[i], buffer, sizeof(buffer), &header);
        assert_int_equal(weir_encoder_template(&e, f), 0);
        assert_int_equal(weir_encoder_template(&e, o), 0);
        uint8_t *room = weir_encoder_records(&e, f, 3, &got);
        assert_non_null(room);
        assert_int_equal(got, 3);
        memset(room, 1, 30);
        room = weir_encoder_records(&e, f, 2, &got); /* the same set goes on */
        assert_int_equal(got, 2);
        memset(room, 2, 20);
        room = weir_encoder_records(&e, o, 1, &got);
        assert_int_equal(got, 1);
        memset(room, 3, 12);
        size_t length = weir_encoder_end(&e);
        assert_int_equal(length % 4, 0);

        struct weir_message message;
        struct test_export_counts counts = read_back(length, &message);
        assert_int_equal(counts.templates, 1);
        assert_int_equal(counts.option_templates, 1);
        assert_int_equal(counts.data_records, 5);
        assert_int_equal(counts.option_records, 1);
        assert_int_equal(message.count, v9 ? 8 : 0);
        assert_int_equal(message.length, length);

        /* Both sides have the same notion of time. */
        struct weir_plan_context context = weir_message_context(&message);
        assert_true(context.export_time_ns == e.context.export_time_ns);
        if (v9)
            assert_true(context.uptime_zero_ns == header.uptime_zero_ns);
        free(f);
        free(o);
    }
}

static void netflow5_round_trip(void **state)
{
    (void)state;
    const struct weir_template *t = weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5);
    struct weir_encoder e;
    uint32_t got;
    weir_encoder_begin(&e, WEIR_PROTOCOL_NETFLOW5, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    assert_non_null(weir_encoder_records(&e, t, 20, &got));
    assert_int_equal(got, 20);
    assert_non_null(weir_encoder_records(&e, t, 20, &got));
    assert_int_equal(got, 10); /* 30 is the format's limit */
    assert_null(weir_encoder_records(&e, t, 20, &got));
    assert_int_equal(got, 0);
    size_t length = weir_encoder_end(&e);
    assert_int_equal(length, 24 + 30 * 48);

    struct weir_message message;
    struct test_export_counts counts = read_back(length, &message);
    assert_int_equal(counts.data_records, 30);
    assert_int_equal(message.count, 30);
    assert_int_equal(message.sampling, 64);
    assert_int_equal(message.sampling_mode, 1);
    struct weir_plan_context context = weir_message_context(&message);
    assert_true(context.export_time_ns == e.context.export_time_ns);
    assert_true(context.uptime_zero_ns == header.uptime_zero_ns);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct weir_template *t = flow_template();
    struct weir_encoder e;
    struct weir_message message;
    uint32_t got;
    /* Every capacity: whatever is accepted can be read back, and nothing is written past it. */
    for (size_t capacity = 0; capacity < 120; capacity++) {
        memset(buffer, 0xee, sizeof(buffer));
        weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, capacity, &header);
        unsigned templates = 0, records = 0;
        if (weir_encoder_template(&e, t) == 0)
            templates++;
        if (weir_encoder_records(&e, t, 1000, &got))
            records += got;
        if (weir_encoder_template(&e, t) == 0)
            templates++;
        if (weir_encoder_records(&e, t, 1, &got))
            records += got;
        size_t length = weir_encoder_end(&e);
        assert_int_equal(buffer[capacity], 0xee);
        assert_true(length <= capacity);
        assert_true(length > 0 || capacity < 16);
        if (length == 0)
            continue;
        struct test_export_counts counts = read_back(length, &message);
        assert_int_equal(counts.templates, templates);
        if (templates > 0)
            assert_int_equal(counts.data_records, records);
    }
    free(t);
}

static void padding_is_never_a_record(void **state)
{
    (void)state;
    struct weir_template *t = weir_template_new(256, &(struct weir_field){0, 4, 1}, 1);
    assert_non_null(t);
    struct weir_encoder e;
    struct weir_message message;
    uint32_t got;
    weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, t), 0);
    uint8_t *room = weir_encoder_records(&e, t, 1, &got);
    assert_non_null(room);
    room[0] = 6;
    assert_int_equal(read_back(weir_encoder_end(&e), &message).data_records, 1);
    free(t);
}

static void what_a_protocol_cannot_say_is_refused(void **state)
{
    (void)state;
    struct weir_template *t = flow_template();
    struct weir_encoder e;
    weir_encoder_begin(&e, WEIR_PROTOCOL_NETFLOW9, buffer, sizeof(buffer), &header);
    t->fields[1].pen = 35632;
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    t->fields[1] = (struct weir_field){0, 12, WEIR_LENGTH_VARIABLE};
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    t->field_count = 0;
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    t->is_withdrawal = true;
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    assert_int_equal(weir_encoder_end(&e), 20);
    free(t);

    t = options_template(WEIR_PEN_NETFLOW9_SCOPE, 1);
    weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    assert_int_equal(weir_encoder_end(&e), 16);
    free(t);
}

/* Flow definitions have fields that only weir has an element for. */
static void ipfix_says_elements_of_nobody(void **state)
{
    (void)state;
    struct weir_template *t = flow_template();
    t->fields[1] = (struct weir_field){WEIR_PEN_BUILTIN, 200, 1};
    struct weir_encoder e;
    weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, t), 0);
    weir_encoder_begin(&e, WEIR_PROTOCOL_NETFLOW9, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, t), WEIR_E_UNSUPPORTED);
    free(t);
}

static void ipfix_withdrawal_round_trip(void **state)
{
    (void)state;
    const struct weir_template one = {.id = 256, .is_withdrawal = true};
    const struct weir_template all = {.id = 3, .is_options = true, .is_withdrawal = true};
    struct weir_encoder e;
    struct weir_message message;
    weir_encoder_begin(&e, WEIR_PROTOCOL_IPFIX, buffer, sizeof(buffer), &header);
    assert_int_equal(weir_encoder_template(&e, &one), 0);
    assert_int_equal(weir_encoder_template(&e, &all), 0);
    size_t length = weir_encoder_end(&e);
    assert_int_equal(length, 16 + 8 + 8);
    assert_int_equal(read_back(length, &message).withdrawals, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template_protocols_round_trip),
        cmocka_unit_test(netflow5_round_trip),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(padding_is_never_a_record),
        cmocka_unit_test(what_a_protocol_cannot_say_is_refused),
        cmocka_unit_test(ipfix_says_elements_of_nobody),
        cmocka_unit_test(ipfix_withdrawal_round_trip),
    };
    return cmocka_run_group_tests_name("encoder", tests, NULL, NULL);
}
