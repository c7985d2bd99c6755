/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/writer.h"
#include "ie/element.h"
#include "record/plan.h"

#define EXPORT_NS INT64_C(1700000000000000000)
#define SECOND    WEIR_NS_PER_SECOND

/* One template, its plan, records being built, and the batch they are decoded into. */
struct bench {
    struct weir_plan *plan;
    struct weir_batch *batch;
    struct weir_writer records;
    struct weir_plan_context context;
    uint8_t octets[8192];
};

static void setup(struct bench *b, const struct weir_field *fields, uint16_t count)
{
    struct weir_template *template = weir_template_new(256, fields, count);
    assert_non_null(template);
    assert_int_equal(weir_plan_compile(template, &b->plan), 0);
    free(template);
    b->batch = weir_batch_new(512);
    assert_non_null(b->batch);
    b->records = weir_writer_make(b->octets, sizeof(b->octets));
    b->context = (struct weir_plan_context){
        .segment = {.domain = 7, .protocol_version = 10},
        .export_time_ns = EXPORT_NS,
        .uptime_zero_ns = EXPORT_NS - 100 * SECOND,
    };
}

#define SETUP(b, ...)                                      \
    const struct weir_field fields_of_b[] = {__VA_ARGS__}; \
    setup(b, fields_of_b, sizeof(fields_of_b) / sizeof(fields_of_b[0]))

static void teardown(struct bench *b)
{
    weir_plan_free(b->plan);
    weir_batch_free(b->batch);
}

/* Decodes all that was written, which must be whole records. */
static void decode(struct bench *b)
{
    size_t consumed = 0;
    uint32_t records = 0;
    struct weir_diag diag = {0};
    assert_false(weir_writer_failed(&b->records));
    assert_int_equal(weir_plan_decode(b->plan, b->octets, b->records.length, &b->context, b->batch,
                                      &consumed, &records, &diag),
                     0);
    assert_int_equal(consumed, b->records.length);
    assert_int_equal(records, b->batch->row_count);
}

static void assert_text(const struct bench *b, enum weir_column column, uint32_t row,
                        const char *expected)
{
    struct weir_text text = weir_batch_texts(b->batch, column)[row];
    char found[512];
    assert_true(text.length < sizeof(found));
    memcpy(found, b->batch->text + text.offset, text.length);
    found[text.length] = 0;
    assert_string_equal(found, expected);
}

static bool has(const struct bench *b, enum weir_column column)
{
    return b->batch->all >> column & 1;
}

static int64_t start_of(const struct bench *b, uint32_t row)
{
    return weir_batch_time(b->batch, WEIR_COLUMN_START)[row];
}

static void a_flow_lands_in_its_columns(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 8, 4}, {0, 12, 4}, {0, 7, 2}, {0, 11, 2}, {0, 4, 1}, {0, 2, 4}, {0, 1, 8},
          {0, 16, 2}, {0, 56, 6}, {0, 6, 1}, {0, 31, 3}, {WEIR_PEN_REVERSE, 1, 4});
    weir_write_u32(&b.records, 0xc0000201);
    weir_write_u32(&b.records, 0xc6336401);
    weir_write_u16(&b.records, 51234);
    weir_write_u16(&b.records, 443);
    weir_write_u8(&b.records, 6);
    weir_write_u32(&b.records, 12);
    weir_write_u64(&b.records, UINT64_C(0x123456789abc));
    weir_write_u16(&b.records, 64500);
    weir_write_octets(&b.records, "\x00\x00\x5e\x00\x53\x01", 6);
    weir_write_u8(&b.records, 0x1b);
    weir_write_octets(&b.records, "\x0a\xbc\xde", 3);
    weir_write_u32(&b.records, 99);
    decode(&b);
    assert_int_equal(b.batch->row_count, 1);
    assert_int_equal(weir_batch_high(b.batch, WEIR_COLUMN_SRC_ADDR)[0], 0);
    assert_true(weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR)[0] ==
                weir_address_from_v4(0xc0000201).low);
    assert_true(weir_batch_low(b.batch, WEIR_COLUMN_DST_ADDR)[0] ==
                weir_address_from_v4(0xc6336401).low);
    assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_SRC_PORT)[0], 51234);
    assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_DST_PORT)[0], 443);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[0], 6);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_PACKETS)[0], 12);
    assert_true(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0] == UINT64_C(0x123456789abc));
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_SRC_AS)[0], 64500);
    assert_true(weir_batch_u64(b.batch, WEIR_COLUMN_SRC_MAC)[0] == UINT64_C(0x5e005301));
    assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_TCP_FLAGS)[0], 0x1b);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_FLOW_LABEL)[0], 0xabcde);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_BYTES)[0], 99);
    assert_false(has(&b, WEIR_COLUMN_OTHER));
    assert_false(has(&b, WEIR_COLUMN_SAMPLING));
    assert_int_equal(b.batch->segments[0].domain, 7);
    /* Those of the template, and ICMP's, which the port is read for. */
    assert_true(weir_plan_columns(b.plan) == b.batch->all);
    teardown(&b);
}

static void every_form_of_time(void **state)
{
    (void)state;
    const int64_t when = EXPORT_NS - 3 * SECOND + 123456789;
    const uint64_t ntp = (uint64_t)(when / SECOND + 2208988800) << 32;
    const struct {
        uint16_t id, length;
        uint64_t sent;
        int64_t expected;
    } forms[] = {
        {22, 4, 97123, EXPORT_NS - 3 * SECOND + 123000000},
        {22, 4, 100500, EXPORT_NS + 500000000},
        {150, 4, (uint64_t)(when / SECOND), when - when % SECOND},
        {152, 8, (uint64_t)(when / 1000000), when - when % 1000000},
        /* 0.123456 s as a fraction of 2^32, its low 11 bits of no meaning */
        {154, 8, ntp | 0x1f9acffa, when - when % 1000},
        {154, 8, (ntp | 0x1f9acffa) & ~UINT64_C(0x7ff), when - when % 1000},
        {156, 8, ntp | 0x1f9add38, when},
        {158, 4, 2876544, EXPORT_NS - INT64_C(2876544000)},
        {152, 8, UINT64_MAX, INT64_MAX / 1000000 * 1000000},
        {156, 8, 0, 0},
        {154, 8, 0, 0},
        {156, 8, UINT64_C(1) << 32, (INT64_C(4294967297) - 2208988800) * SECOND}, /* era 1: 2036 */
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct bench b;
        SETUP(&b, {0, forms[i].id, forms[i].length});
        if (forms[i].length == 4)
            weir_write_u32(&b.records, (uint32_t)forms[i].sent);
        else
            weir_write_u64(&b.records, forms[i].sent);
        decode(&b);
        if (start_of(&b, 0) != forms[i].expected)
            fail_msg("form %zu: %lld, expected %lld", i, (long long)start_of(&b, 0),
                     (long long)forms[i].expected);
        teardown(&b);
    }
}

static void sysuptime_wraps(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 22, 4});
    /* 2.5 s after the wrap; the flow began 1 s before it. */
    b.context.uptime_zero_ns = EXPORT_NS - (INT64_C(4294967296) + 2500) * 1000000;
    weir_write_u32(&b.records, UINT32_MAX - 999);
    weir_write_u32(&b.records, 2000);
    decode(&b);
    assert_true(start_of(&b, 0) == EXPORT_NS - INT64_C(3500) * 1000000);
    assert_true(start_of(&b, 1) == EXPORT_NS - INT64_C(500) * 1000000);
    teardown(&b);

    /* 40 days up: a flow as old as that is not taken for one of the future. */
    struct bench c;
    const struct weir_field field = {0, 22, 4};
    setup(&c, &field, 1);
    c.context.uptime_zero_ns = EXPORT_NS - INT64_C(40) * 86400 * SECOND;
    weir_write_u32(&c.records, 0);
    decode(&c);
    assert_true(start_of(&c, 0) == c.context.uptime_zero_ns);
    teardown(&c);
}

static void both_families_in_one_template(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 8, 4}, {0, 27, 16});
    weir_write_u32(&b.records, 0x0a000001);
    weir_write_zeros(&b.records, 16);
    weir_write_u32(&b.records, 0);
    weir_write_u64(&b.records, UINT64_C(0x20010db800000000));
    weir_write_u64(&b.records, 5);
    weir_write_u32(&b.records, 0x0a000002);
    weir_write_u64(&b.records, UINT64_C(0x20010db800000000));
    weir_write_u64(&b.records, 6);
    weir_write_zeros(&b.records, 20);
    decode(&b);
    const uint64_t *high = weir_batch_high(b.batch, WEIR_COLUMN_SRC_ADDR);
    const uint64_t *low = weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR);
    assert_true(high[0] == 0 && low[0] == UINT64_C(0xffff0a000001));
    assert_true(high[1] == UINT64_C(0x20010db800000000) && low[1] == 5);
    assert_true(high[2] == 0 && low[2] == UINT64_C(0xffff0a000002));
    assert_true(high[3] == 0 && low[3] == UINT64_C(0xffff00000000));
    assert_text(&b, WEIR_COLUMN_OTHER, 0, "");
    assert_text(&b, WEIR_COLUMN_OTHER, 1, "");
    assert_text(&b, WEIR_COLUMN_OTHER, 2, "{\"sourceIPv6Address\":\"2001:db8::6\"}");
    assert_text(&b, WEIR_COLUMN_OTHER, 3, "");
    teardown(&b);
}

static void the_better_of_two_fields_has_the_column(void **state)
{
    (void)state;
    struct bench b;
    /* A total before its delta, the same counter twice, seconds before milliseconds. */
    SETUP(&b, {0, 85, 4}, {0, 1, 4}, {0, 1, 4}, {0, 150, 4}, {0, 152, 8});
    weir_write_u32(&b.records, 900);
    weir_write_u32(&b.records, 100);
    weir_write_u32(&b.records, 200);
    weir_write_u32(&b.records, 1600000000);
    weir_write_u64(&b.records, UINT64_C(1600000000123));
    weir_write_u32(&b.records, 900);
    weir_write_u32(&b.records, 0); /* a counter of zero is a value */
    weir_write_u32(&b.records, 0);
    weir_write_u32(&b.records, 1600000000);
    weir_write_u64(&b.records, 0);
    decode(&b);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0], 100);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[1], 0);
    assert_true(start_of(&b, 0) == INT64_C(1600000000123000000));
    assert_true(start_of(&b, 1) == INT64_C(1600000000000000000));
    assert_text(&b, WEIR_COLUMN_OTHER, 0,
                "{\"octetTotalCount\":900,\"octetDeltaCount#2\":200,"
                "\"flowStartSeconds\":\"2020-09-13T12:26:40Z\"}");
    assert_text(&b, WEIR_COLUMN_OTHER, 1, "{\"octetTotalCount\":900,\"octetDeltaCount#2\":0}");
    teardown(&b);
}

static void what_has_no_column_is_kept(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 4, 1}, {0, 60, 1}, {35632, 29999, 3}, {0, 210, 2}, {0, 82, 6}, {0, 65000, 1},
          {0, 34, 0}, {WEIR_PEN_NETFLOW9_SCOPE, 2, 2}, {WEIR_PEN_NETFLOW9_SCOPE, 77, 2}, {0, 1, 9});
    for (int i = 0; i < 2; i++) {
        weir_write_u8(&b.records, 17);
        weir_write_u8(&b.records, 4);
        weir_write_octets(&b.records, "\xab\xcd\xef", 3);
        weir_write_u16(&b.records, 0xffff);
        weir_write_octets(&b.records, "eth0\0\0", 6);
        weir_write_u8(&b.records, 200);
        weir_write_u16(&b.records, 513);
        weir_write_u16(&b.records, 1);
        weir_write_octets(&b.records, "\0\0\0\0\0\0\0\0\1", 9);
    }
    decode(&b);
    for (uint32_t i = 0; i < 2; i++)
        assert_text(&b, WEIR_COLUMN_OTHER, i,
                    "{\"ipVersion\":4,\"35632/29999\":\"0xabcdef\",\"interfaceName\":\"eth0\","
                    "\"0/65000\":\"0xc8\",\"scopeInterface\":513,\"scope/77\":\"0x0001\","
                    "\"octetDeltaCount\":\"0x000000000000000001\"}");
    /* Equal neighbours share their text. */
    assert_int_equal(weir_batch_texts(b.batch, WEIR_COLUMN_OTHER)[0].offset,
                     weir_batch_texts(b.batch, WEIR_COLUMN_OTHER)[1].offset);
    assert_false(has(&b, WEIR_COLUMN_BYTES));
    assert_false(has(&b, WEIR_COLUMN_SAMPLING));
    teardown(&b);
}

static void a_value_wider_than_its_column(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 4, 4}, {0, 10, 8});
    weir_write_u32(&b.records, 17);
    weir_write_u64(&b.records, 3);
    weir_write_u32(&b.records, 256);
    weir_write_u64(&b.records, UINT64_C(1) << 40);
    decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[0], 17);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[1], 255);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_IN_IF)[0], 3);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_IN_IF)[1], UINT32_MAX);
    assert_text(&b, WEIR_COLUMN_OTHER, 0, "");
    assert_text(&b, WEIR_COLUMN_OTHER, 1,
                "{\"protocolIdentifier\":256,\"ingressInterface\":1099511627776}");
    teardown(&b);
}

static void icmp_from_the_port_and_from_its_elements(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 4, 1}, {0, 11, 2});
    static const uint8_t protocols[] = {1, 58, 6};
    for (int i = 0; i < 3; i++) {
        weir_write_u8(&b.records, protocols[i]);
        weir_write_u16(&b.records, 0x0803);
    }
    decode(&b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_ICMP_TYPE)[i], i < 2 ? 8 : 0);
        assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_ICMP_CODE)[i], i < 2 ? 3 : 0);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_DST_PORT)[i], 0x0803);
    }
    teardown(&b);

    struct bench c;
    const struct weir_field elements[] = {{0, 4, 1}, {0, 11, 2}, {0, 32, 2}, {0, 139, 2}};
    setup(&c, elements, 4);
    weir_write_u8(&c.records, 58);
    weir_write_u16(&c.records, 0x0101);
    weir_write_u16(&c.records, 0);
    weir_write_u16(&c.records, 0x8700);
    decode(&c);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_ICMP_TYPE)[0], 0x87);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_ICMP_CODE)[0], 0);
    teardown(&c);

    /* A code of its own beside a type and code. */
    struct bench d;
    const struct weir_field mixed[] = {{0, 177, 1}, {0, 32, 2}};
    setup(&d, mixed, 2);
    weir_write_u8(&d.records, 9);
    weir_write_u16(&d.records, 0x0301);
    decode(&d);
    assert_int_equal(weir_batch_u8(d.batch, WEIR_COLUMN_ICMP_TYPE)[0], 3);
    assert_int_equal(weir_batch_u8(d.batch, WEIR_COLUMN_ICMP_CODE)[0], 9);
    teardown(&d);
}

static void zero_counters_of_events_are_none(void **state)
{
    (void)state;
    static const struct {
        uint8_t event;
        uint16_t bytes, rev_bytes;
        bool is_counted;
    } rows[] = {
        {1, 0, 0, false}, {3, 0, 0, false}, {5, 81, 0, true}, {2, 0, 763, true},
        {2, 81, 9, true}, {0, 0, 0, true},  {1, 0, 0, false},
    };
    const unsigned count = sizeof(rows) / sizeof(rows[0]);
    const weir_column_set counters = WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(REV_BYTES);
    for (unsigned event = 230; event <= 233; event += 3) {
        struct bench b;
        SETUP(&b, {0, (uint16_t)event, 1}, {0, 231, 2}, {0, 232, 2}, {0, 148, 4});
        for (unsigned i = 0; i < count; i++) {
            weir_write_u8(&b.records, rows[i].event);
            weir_write_u16(&b.records, rows[i].bytes);
            weir_write_u16(&b.records, rows[i].rev_bytes);
            weir_write_u32(&b.records, i);
        }
        decode(&b);
        assert_int_equal(b.batch->row_count, count);
        assert_int_equal(b.batch->segment_count, 3);
        for (unsigned s = 0; s < 3; s++) {
            const struct weir_segment *segment = &b.batch->segments[s];
            for (unsigned i = segment->first_row; i < segment->first_row + segment->row_count; i++)
                assert_true((segment->columns & counters) == (rows[i].is_counted ? counters : 0));
            assert_true(segment->columns & WEIR_COLUMN_BIT(OTHER));
        }
        assert_text(&b, WEIR_COLUMN_OTHER, 6, "{\"flowId\":6}");
        assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_BYTES)[3], 763);
        teardown(&b);
    }
    /* Without counters there is nothing to tell apart. */
    struct bench b;
    SETUP(&b, {0, 230, 1}, {0, 148, 4});
    weir_write_octets(&b.records, "\x01\x00\x00\x00\x01\x00\x00\x00\x00\x02", 10);
    decode(&b);
    assert_int_equal(b.batch->segment_count, 1);
    teardown(&b);
}

/* An event or a packet has one time; what has a beginning keeps it. */
static void times_of_observations(void **state)
{
    (void)state;
    const int64_t when = EXPORT_NS - SECOND;
    const uint64_t ntp = (uint64_t)(when / SECOND + 2208988800) << 32;
    const struct {
        uint16_t id, length;
        uint64_t sent;
    } forms[] = {
        {322, 4, (uint64_t)(when / SECOND)},
        {323, 8, (uint64_t)(when / WEIR_NS_PER_MS)},
        {324, 8, ntp},
        {325, 8, ntp},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct bench b;
        SETUP(&b, {0, forms[i].id, forms[i].length}, {0, 230, 1});
        if (forms[i].length == 4)
            weir_write_u32(&b.records, (uint32_t)forms[i].sent);
        else
            weir_write_u64(&b.records, forms[i].sent);
        weir_write_u8(&b.records, 4);
        decode(&b);
        assert_true(has(&b, WEIR_COLUMN_START) && has(&b, WEIR_COLUMN_END));
        assert_int_equal(start_of(&b, 0), when);
        assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], when);
        teardown(&b);
    }
    struct bench b;
    SETUP(&b, {0, 323, 8}, {0, 150, 4});
    weir_write_u64(&b.records, (uint64_t)(when / WEIR_NS_PER_MS));
    weir_write_u32(&b.records, 1600000000);
    decode(&b);
    assert_int_equal(start_of(&b, 0), INT64_C(1600000000) * SECOND);
    assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], when);
    teardown(&b);
}

/* The flow's own end is the better one, and the other is kept. */
static void an_observation_does_not_end_a_flow(void **state)
{
    (void)state;
    const int64_t when = EXPORT_NS - SECOND;
    struct bench b;
    SETUP(&b, {0, 323, 8}, {0, 151, 4});
    weir_write_u64(&b.records, (uint64_t)(when / WEIR_NS_PER_MS));
    weir_write_u32(&b.records, 1600000000);
    decode(&b);
    assert_false(has(&b, WEIR_COLUMN_START));
    assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], INT64_C(1600000000) * SECOND);
    assert_text(&b, WEIR_COLUMN_OTHER, 0,
                "{\"observationTimeMilliseconds\":\"2023-11-14T22:13:19.000Z\"}");
    teardown(&b);
}

/* RFC 8158: what has no column is there by its name. */
static void port_blocks_are_kept(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 230, 1}, {0, 8, 4}, {0, 225, 4}, {0, 361, 2}, {0, 362, 2}, {0, 363, 2},
          {0, 364, 2});
    weir_write_u8(&b.records, 16);
    weir_write_u32(&b.records, 0x0a000001);
    weir_write_u32(&b.records, 0xc0000201);
    weir_write_u16(&b.records, 1024);
    weir_write_u16(&b.records, 1535);
    weir_write_u16(&b.records, 1);
    weir_write_u16(&b.records, 512);
    decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_NAT_EVENT)[0], 16);
    assert_true(weir_batch_low(b.batch, WEIR_COLUMN_NAT_SRC_ADDR)[0] ==
                weir_address_from_v4(0xc0000201).low);
    assert_text(&b, WEIR_COLUMN_OTHER, 0,
                "{\"portRangeStart\":1024,\"portRangeEnd\":1535,\"portRangeStepSize\":1,"
                "\"portRangeNumPorts\":512}");
    teardown(&b);
}

/* RFC 5103: counters of the other direction have columns, all else of it its name. */
static void both_directions(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 85, 8}, {WEIR_PEN_REVERSE, 85, 8}, {0, 86, 4}, {WEIR_PEN_REVERSE, 86, 4},
          {0, 239, 1}, {WEIR_PEN_REVERSE, 6, 1}, {WEIR_PEN_REVERSE, 239, 1},
          {WEIR_PEN_REVERSE, 152, 8}, {6871, 0x4000 | 15, 1});
    weir_write_u64(&b.records, 10);
    weir_write_u64(&b.records, 20);
    weir_write_u32(&b.records, 3);
    weir_write_u32(&b.records, 4);
    weir_write_octets(&b.records, "\x01\x12\x01", 3);
    weir_write_u64(&b.records, UINT64_C(1700000000000));
    weir_write_u8(&b.records, 0x18);
    decode(&b);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0], 10);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_BYTES)[0], 20);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_PACKETS)[0], 3);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_PACKETS)[0], 4);
    assert_text(&b, WEIR_COLUMN_OTHER, 0,
                "{\"biflowDirection\":1,\"reverseTcpControlBits\":18,\"29305/239\":\"0x01\","
                "\"reverseFlowStartMilliseconds\":\"2023-11-14T22:13:20.000Z\","
                "\"reverseUnionTCPFlags\":24}");
    teardown(&b);
}

static void dscp_serves_as_tos(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 195, 1});
    weir_write_u8(&b.records, 46);
    decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_TOS)[0], 0xb8);
    teardown(&b);

    struct bench c;
    const struct weir_field both[] = {{0, 195, 1}, {0, 5, 1}};
    setup(&c, both, 2);
    weir_write_u8(&c.records, 46);
    weir_write_u8(&c.records, 0xb9);
    decode(&c);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_TOS)[0], 0xb9);
    assert_text(&c, WEIR_COLUMN_OTHER, 0, "{\"ipDiffServCodePoint\":46}");
    teardown(&c);
}

static void sampling_of_record_or_message(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 4, 1});
    b.context.sampling = 100;
    weir_write_u8(&b.records, 6);
    decode(&b);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_SAMPLING)[0], 100);
    teardown(&b);

    struct bench c;
    const struct weir_field field = {0, 34, 4};
    setup(&c, &field, 1);
    c.context.sampling = 100;
    weir_write_u32(&c.records, 8);
    weir_write_u32(&c.records, 0);
    decode(&c);
    assert_int_equal(weir_batch_u32(c.batch, WEIR_COLUMN_SAMPLING)[0], 8);
    assert_int_equal(weir_batch_u32(c.batch, WEIR_COLUMN_SAMPLING)[1], 100);
    teardown(&c);
}

static void applications(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 95, 4}, {0, 96, 8}, {0, 4, 1});
    weir_write_u32(&b.records, 0x0d000050);
    weir_write_octets(&b.records, "http\0\0\0\0", 8);
    weir_write_u8(&b.records, 6);
    weir_write_u32(&b.records, 0x0d000051);
    weir_write_zeros(&b.records, 8);
    weir_write_u8(&b.records, 6);
    weir_write_zeros(&b.records, 12);
    weir_write_u8(&b.records, 6);
    decode(&b);
    assert_text(&b, WEIR_COLUMN_APP, 0, "http");
    assert_text(&b, WEIR_COLUMN_APP, 1, "13:81");
    assert_text(&b, WEIR_COLUMN_APP, 2, "");
    assert_text(&b, WEIR_COLUMN_OTHER, 0, "{\"applicationId\":\"0x0d000050\"}");
    assert_text(&b, WEIR_COLUMN_OTHER, 1, "");
    teardown(&b);
}

static void variable_fields(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 8, 4}, {0, 82, 65535}, {0, 7, 2}, {0, 96, 65535}, {0, 11, 2}, {0, 4, 1});
    for (unsigned i = 0; i < 300; i++) {
        weir_write_u32(&b.records, 0x0a000000 + i);
        if (i % 3 == 0) { /* the long form */
            weir_write_u8(&b.records, 255);
            weir_write_u16(&b.records, 4);
            weir_write_octets(&b.records, "eth1", 4);
        } else {
            weir_write_u8(&b.records, (uint8_t)(i % 3 - 1));
            weir_write_zeros(&b.records, i % 3 - 1);
        }
        weir_write_u16(&b.records, (uint16_t)i);
        weir_write_u8(&b.records, 3);
        weir_write_octets(&b.records, "dns", 3);
        weir_write_u16(&b.records, 53);
        weir_write_u8(&b.records, 17);
    }
    decode(&b);
    assert_int_equal(b.batch->row_count, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_true(weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR)[i] ==
                    weir_address_from_v4(0x0a000000 + i).low);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_SRC_PORT)[i], i);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_DST_PORT)[i], 53);
        assert_text(&b, WEIR_COLUMN_APP, i, "dns");
        static const char *const others[] = {"{\"interfaceName\":\"eth1\"}", "",
                                             "{\"interfaceName\":\"\"}"};
        assert_text(&b, WEIR_COLUMN_OTHER, i, others[i % 3]);
    }
    teardown(&b);
}

static void what_passes_the_end_is_malformed(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 4, 1}, {0, 82, 65535});
    weir_write_octets(&b.records,
                      "\x06\x02"
                      "ab",
                      4);
    weir_write_octets(&b.records,
                      "\x11\x05"
                      "abc",
                      5);
    size_t consumed;
    uint32_t records;
    struct weir_diag diag;
    b.context.offset = 40;
    assert_int_equal(weir_plan_decode(b.plan, b.octets, b.records.length, &b.context, b.batch,
                                      &consumed, &records, &diag),
                     WEIR_E_MALFORMED);
    assert_string_equal(diag.text, "octet 44: a record of template 256 passes the end of its set");
    assert_int_equal(records, 1);
    assert_int_equal(consumed, 4);
    assert_int_equal(b.batch->row_count, 1);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[0], 6);
    teardown(&b);

    struct bench c;
    const struct weir_field nothing = {0, 4, 0};
    setup(&c, &nothing, 1);
    assert_int_equal(
        weir_plan_decode(c.plan, c.octets, 4, &c.context, c.batch, &consumed, &records, &diag),
        WEIR_E_MALFORMED);
    assert_int_equal(records, 0);
    teardown(&c);
}

static void a_full_batch_goes_on_later(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 7, 2}, {0, 60, 1});
    weir_batch_free(b.batch);
    b.batch = weir_batch_new(7);
    assert_non_null(b.batch);
    for (uint16_t i = 0; i < 20; i++) {
        weir_write_u16(&b.records, i);
        weir_write_u8(&b.records, (uint8_t)i);
    }
    weir_write_zeros(&b.records, 2); /* padding */
    size_t at = 0;
    unsigned next = 0;
    while (at < b.records.length) {
        size_t consumed;
        uint32_t records;
        struct weir_diag diag;
        assert_int_equal(weir_plan_decode(b.plan, b.octets + at, b.records.length - at, &b.context,
                                          b.batch, &consumed, &records, &diag),
                         0);
        assert_int_equal(records, b.batch->row_count);
        assert_true(consumed > 0);
        for (uint32_t i = 0; i < records; i++, next++) {
            char expected[32];
            snprintf(expected, sizeof(expected), "{\"ipVersion\":%u}", next);
            assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_SRC_PORT)[i], next);
            assert_text(&b, WEIR_COLUMN_OTHER, i, expected);
        }
        weir_batch_clear(b.batch);
        at += consumed;
    }
    assert_int_equal(next, 20);
    teardown(&b);
}

/* Text has a limit of its own; rows whose text does not fit wait for the next batch. */
static void a_batch_full_of_text_goes_on_later(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 7, 2}, {0, 60, 1});
    for (uint16_t i = 0; i < 20; i++) {
        weir_write_u16(&b.records, i);
        weir_write_u8(&b.records, (uint8_t)i);
    }
    struct weir_text filler;
    char *text = calloc(1, WEIR_BATCH_TEXT_MAX);
    assert_non_null(text);
    assert_int_equal(weir_batch_add_text(b.batch, text, WEIR_BATCH_TEXT_MAX - 40, &filler), 0);
    free(text);
    size_t consumed;
    uint32_t records;
    struct weir_diag diag;
    assert_int_equal(
        weir_plan_decode(b.plan, b.octets, 60, &b.context, b.batch, &consumed, &records, &diag), 0);
    assert_int_equal(records, 2); /* {"ipVersion":0} has 15 octets */
    assert_int_equal(consumed, 6);
    assert_int_equal(b.batch->row_count, 2);
    weir_batch_clear(b.batch);
    assert_int_equal(
        weir_plan_decode(b.plan, b.octets + 6, 54, &b.context, b.batch, &consumed, &records, &diag),
        0);
    assert_int_equal(records, 18);
    assert_text(&b, WEIR_COLUMN_OTHER, 0, "{\"ipVersion\":2}");
    teardown(&b);
}

/* One row with these columns, to be filled. */
static void one_row(struct bench *b, weir_column_set columns)
{
    struct weir_segment segment = {.columns = columns};
    assert_int_equal(weir_batch_begin(b->batch, &segment, 1), 0);
}

static void what_does_not_fit_is_clamped_and_counted(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 1, 4}, {0, 16, 2}, {0, 10, 2}, {0, 8, 4}, {0, 6, 1}, {0, 150, 4}, {0, 60, 1},
          {0, 9, 1}, {0, 34, 4}, {0, 158, 4});
    one_row(&b, WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(SRC_AS) | WEIR_COLUMN_BIT(IN_IF) |
                    WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(TCP_FLAGS) |
                    WEIR_COLUMN_BIT(START));
    weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0] = UINT64_C(1) << 32;
    weir_batch_u32(b.batch, WEIR_COLUMN_SRC_AS)[0] = 4200000000;
    weir_batch_u32(b.batch, WEIR_COLUMN_IN_IF)[0] = 70000;
    weir_batch_high(b.batch, WEIR_COLUMN_SRC_ADDR)[0] = UINT64_C(0x20010db800000000);
    weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR)[0] = 1;
    weir_batch_u16(b.batch, WEIR_COLUMN_TCP_FLAGS)[0] = 0x112;
    weir_batch_time(b.batch, WEIR_COLUMN_START)[0] = -1;
    b.context.sampling = 512;
    memset(b.octets, 0xee, sizeof(b.octets));
    uint64_t clamped = 1;
    weir_plan_encode(b.plan, b.batch, 0, 1, &b.context, b.octets, &clamped);
    static const uint8_t expected[] = {
        0xff, 0xff, 0xff, 0xff, /* octets */
        0x5b, 0xa0,             /* AS_TRANS */
        0xff, 0xff,             /* interface */
        0,    0,    0,    0,    /* an IPv6 address */
        0x12,                   /* flags */
        0,    0,    0,    0,    /* before 1970 */
        0,                      /* no column */
        0,                      /* a column that the row lacks */
        0,    0,    2,    0,    /* the message's sampling */
        0xff, 0xff, 0xff, 0xff, /* longer ago than a delta can say */
        0xee,
    };
    assert_memory_equal(b.octets, expected, sizeof(expected));
    assert_int_equal(clamped, 1 + 6);
    teardown(&b);
}

static void rows_of_several_segments_are_encoded(void **state)
{
    (void)state;
    struct bench b;
    SETUP(&b, {0, 7, 2}, {0, 4, 1});
    for (uint32_t i = 0; i < 9; i++) {
        struct weir_segment segment = {
            .columns = WEIR_COLUMN_BIT(PROTOCOL) | (i % 3 ? WEIR_COLUMN_BIT(SRC_PORT) : 0),
            .domain = i,
        };
        uint32_t row = weir_batch_begin(b.batch, &segment, 2);
        for (uint32_t k = row; k < row + 2; k++) {
            weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[k] = (uint8_t)k;
            weir_batch_u16(b.batch, WEIR_COLUMN_SRC_PORT)[k] = (uint16_t)(1000 + k);
        }
    }
    for (uint32_t first = 0; first < 18; first++)
        for (uint32_t count = 0; first + count <= 18; count++) {
            memset(b.octets, 0xee, 18 * 3 + 1);
            weir_plan_encode(b.plan, b.batch, first, count, &b.context, b.octets, NULL);
            for (uint32_t i = 0; i < count; i++) {
                uint32_t row = first + i;
                assert_int_equal(weir_load_be16(b.octets + i * 3), row / 2 % 3 ? 1000 + row : 0);
                assert_int_equal(b.octets[i * 3 + 2], row);
            }
            assert_int_equal(b.octets[count * 3], 0xee);
        }
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_lands_in_its_columns),
        cmocka_unit_test(every_form_of_time),
        cmocka_unit_test(sysuptime_wraps),
        cmocka_unit_test(both_families_in_one_template),
        cmocka_unit_test(the_better_of_two_fields_has_the_column),
        cmocka_unit_test(what_has_no_column_is_kept),
        cmocka_unit_test(a_value_wider_than_its_column),
        cmocka_unit_test(icmp_from_the_port_and_from_its_elements),
        cmocka_unit_test(zero_counters_of_events_are_none),
        cmocka_unit_test(times_of_observations),
        cmocka_unit_test(an_observation_does_not_end_a_flow),
        cmocka_unit_test(port_blocks_are_kept),
        cmocka_unit_test(both_directions),
        cmocka_unit_test(dscp_serves_as_tos),
        cmocka_unit_test(sampling_of_record_or_message),
        cmocka_unit_test(applications),
        cmocka_unit_test(variable_fields),
        cmocka_unit_test(what_passes_the_end_is_malformed),
        cmocka_unit_test(a_full_batch_goes_on_later),
        cmocka_unit_test(a_batch_full_of_text_goes_on_later),
        cmocka_unit_test(what_does_not_fit_is_clamped_and_counted),
        cmocka_unit_test(rows_of_several_segments_are_encoded),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
