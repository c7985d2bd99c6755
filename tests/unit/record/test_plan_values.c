/* SPDX-License-Identifier: Apache-2.0 */
/* Columns whose values are made of what fields say: times, directions, events, sampling. */
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_bench.h"

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
        {154, 8, UINT64_C(0x7fffffffffffffff), INT64_C(4233462143999999000)}, /* the last of 2104 */
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct bench b;
        BENCH(&b, {0, forms[i].id, forms[i].length});
        if (forms[i].length == 4)
            weir_write_u32(&b.records, (uint32_t)forms[i].sent);
        else
            weir_write_u64(&b.records, forms[i].sent);
        bench_decode(&b);
        if (bench_start_of(&b, 0) != forms[i].expected)
            fail_msg("form %zu: %lld, expected %lld", i, (long long)bench_start_of(&b, 0),
                     (long long)forms[i].expected);
        bench_close(&b);
    }
}

static void sysuptime_wraps(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 22, 4});
    /* 2.5 s after the wrap; the flow began 1 s before it. */
    b.context.uptime_zero_ns = EXPORT_NS - (INT64_C(4294967296) + 2500) * 1000000;
    weir_write_u32(&b.records, UINT32_MAX - 999);
    weir_write_u32(&b.records, 2000);
    bench_decode(&b);
    assert_true(bench_start_of(&b, 0) == EXPORT_NS - INT64_C(3500) * 1000000);
    assert_true(bench_start_of(&b, 1) == EXPORT_NS - INT64_C(500) * 1000000);
    bench_close(&b);

    /* 40 days up: a flow as old as that is not taken for one of the future. */
    struct bench c;
    const struct weir_field field = {0, 22, 4};
    bench_open(&c, &field, 1);
    c.context.uptime_zero_ns = EXPORT_NS - INT64_C(40) * 86400 * SECOND;
    weir_write_u32(&c.records, 0);
    bench_decode(&c);
    assert_true(bench_start_of(&c, 0) == c.context.uptime_zero_ns);
    bench_close(&c);
}

static void icmp_from_the_port_and_from_its_elements(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 4, 1}, {0, 11, 2});
    static const uint8_t protocols[] = {1, 58, 6};
    for (int i = 0; i < 3; i++) {
        weir_write_u8(&b.records, protocols[i]);
        weir_write_u16(&b.records, 0x0803);
    }
    bench_decode(&b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_ICMP_TYPE)[i], i < 2 ? 8 : 0);
        assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_ICMP_CODE)[i], i < 2 ? 3 : 0);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_DST_PORT)[i], 0x0803);
    }
    bench_close(&b);

    struct bench c;
    const struct weir_field elements[] = {{0, 4, 1}, {0, 11, 2}, {0, 32, 2}, {0, 139, 2}};
    bench_open(&c, elements, 4);
    weir_write_u8(&c.records, 58);
    weir_write_u16(&c.records, 0x0101);
    weir_write_u16(&c.records, 0);
    weir_write_u16(&c.records, 0x8700);
    bench_decode(&c);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_ICMP_TYPE)[0], 0x87);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_ICMP_CODE)[0], 0);
    bench_close(&c);

    /* A code of its own beside a type and code. */
    struct bench d;
    const struct weir_field mixed[] = {{0, 177, 1}, {0, 32, 2}};
    bench_open(&d, mixed, 2);
    weir_write_u8(&d.records, 9);
    weir_write_u16(&d.records, 0x0301);
    bench_decode(&d);
    assert_int_equal(weir_batch_u8(d.batch, WEIR_COLUMN_ICMP_TYPE)[0], 3);
    assert_int_equal(weir_batch_u8(d.batch, WEIR_COLUMN_ICMP_CODE)[0], 9);
    bench_close(&d);
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
        BENCH(&b, {0, (uint16_t)event, 1}, {0, 231, 2}, {0, 232, 2}, {0, 148, 4});
        for (unsigned i = 0; i < count; i++) {
            weir_write_u8(&b.records, rows[i].event);
            weir_write_u16(&b.records, rows[i].bytes);
            weir_write_u16(&b.records, rows[i].rev_bytes);
            weir_write_u32(&b.records, i);
        }
        bench_decode(&b);
        assert_int_equal(b.batch->row_count, count);
        assert_int_equal(b.batch->segment_count, 3);
        for (unsigned s = 0; s < 3; s++) {
            const struct weir_segment *segment = &b.batch->segments[s];
            for (unsigned i = segment->first_row; i < segment->first_row + segment->row_count; i++)
                assert_true((segment->columns & counters) == (rows[i].is_counted ? counters : 0));
            assert_true(segment->columns & WEIR_COLUMN_BIT(OTHER));
        }
        bench_assert_text(&b, WEIR_COLUMN_OTHER, 6, "{\"flowId\":6}");
        assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_BYTES)[3], 763);
        bench_close(&b);
    }
    /* Without counters there is nothing to tell apart. */
    struct bench b;
    BENCH(&b, {0, 230, 1}, {0, 148, 4});
    weir_write_octets(&b.records, "\x01\x00\x00\x00\x01\x00\x00\x00\x00\x02", 10);
    bench_decode(&b);
    assert_int_equal(b.batch->segment_count, 1);
    bench_close(&b);
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
        BENCH(&b, {0, forms[i].id, forms[i].length}, {0, 230, 1});
        if (forms[i].length == 4)
            weir_write_u32(&b.records, (uint32_t)forms[i].sent);
        else
            weir_write_u64(&b.records, forms[i].sent);
        weir_write_u8(&b.records, 4);
        bench_decode(&b);
        assert_true(bench_has(&b, WEIR_COLUMN_START) && bench_has(&b, WEIR_COLUMN_END));
        assert_int_equal(bench_start_of(&b, 0), when);
        assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], when);
        bench_close(&b);
    }
    struct bench b;
    BENCH(&b, {0, 323, 8}, {0, 150, 4});
    weir_write_u64(&b.records, (uint64_t)(when / WEIR_NS_PER_MS));
    weir_write_u32(&b.records, 1600000000);
    bench_decode(&b);
    assert_int_equal(bench_start_of(&b, 0), INT64_C(1600000000) * SECOND);
    assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], when);
    bench_close(&b);
}

/* The flow's own end is the better one, and the other is kept. */
static void an_observation_does_not_end_a_flow(void **state)
{
    (void)state;
    const int64_t when = EXPORT_NS - SECOND;
    struct bench b;
    BENCH(&b, {0, 323, 8}, {0, 151, 4});
    weir_write_u64(&b.records, (uint64_t)(when / WEIR_NS_PER_MS));
    weir_write_u32(&b.records, 1600000000);
    bench_decode(&b);
    assert_false(bench_has(&b, WEIR_COLUMN_START));
    assert_int_equal(weir_batch_time(b.batch, WEIR_COLUMN_END)[0], INT64_C(1600000000) * SECOND);
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0,
                      "{\"observationTimeMilliseconds\":\"2023-11-14T22:13:19.000Z\"}");
    bench_close(&b);
}

/* RFC 8158: what has no column is there by its name. */
static void port_blocks_are_kept(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 230, 1}, {0, 8, 4}, {0, 225, 4}, {0, 361, 2}, {0, 362, 2}, {0, 363, 2},
          {0, 364, 2});
    weir_write_u8(&b.records, 16);
    weir_write_u32(&b.records, 0x0a000001);
    weir_write_u32(&b.records, 0xc0000201);
    weir_write_u16(&b.records, 1024);
    weir_write_u16(&b.records, 1535);
    weir_write_u16(&b.records, 1);
    weir_write_u16(&b.records, 512);
    bench_decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_NAT_EVENT)[0], 16);
    assert_true(weir_batch_low(b.batch, WEIR_COLUMN_NAT_SRC_ADDR)[0] ==
                weir_address_from_v4(0xc0000201).low);
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0,
                      "{\"portRangeStart\":1024,\"portRangeEnd\":1535,\"portRangeStepSize\":1,"
                      "\"portRangeNumPorts\":512}");
    bench_close(&b);
}

/* RFC 5103: counters of the other direction have columns, all else of it its name. */
static void both_directions(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 85, 8}, {WEIR_PEN_REVERSE, 85, 8}, {0, 86, 4}, {WEIR_PEN_REVERSE, 86, 4},
          {0, 239, 1}, {WEIR_PEN_REVERSE, 6, 1}, {WEIR_PEN_REVERSE, 239, 1},
          {WEIR_PEN_REVERSE, 152, 8}, {6871, 0x4000 | 15, 1});
    weir_write_u64(&b.records, 10);
    weir_write_u64(&b.records, 20);
    weir_write_u32(&b.records, 3);
    weir_write_u32(&b.records, 4);
    weir_write_octets(&b.records, "\x01\x12\x01", 3);
    weir_write_u64(&b.records, UINT64_C(1700000000000));
    weir_write_u8(&b.records, 0x18);
    bench_decode(&b);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0], 10);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_BYTES)[0], 20);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_PACKETS)[0], 3);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_REV_PACKETS)[0], 4);
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0,
                      "{\"biflowDirection\":1,\"reverseTcpControlBits\":18,\"29305/239\":\"0x01\","
                      "\"reverseFlowStartMilliseconds\":\"2023-11-14T22:13:20.000Z\","
                      "\"reverseUnionTCPFlags\":24}");
    bench_close(&b);
}

static void dscp_serves_as_tos(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 195, 1});
    weir_write_u8(&b.records, 46);
    bench_decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_TOS)[0], 0xb8);
    bench_close(&b);

    struct bench c;
    const struct weir_field both[] = {{0, 195, 1}, {0, 5, 1}};
    bench_open(&c, both, 2);
    weir_write_u8(&c.records, 46);
    weir_write_u8(&c.records, 0xb9);
    bench_decode(&c);
    assert_int_equal(weir_batch_u8(c.batch, WEIR_COLUMN_TOS)[0], 0xb9);
    bench_assert_text(&c, WEIR_COLUMN_OTHER, 0, "{\"ipDiffServCodePoint\":46}");
    bench_close(&c);
}

static void sampling_of_record_or_message(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 4, 1});
    b.context.sampling = 100;
    weir_write_u8(&b.records, 6);
    bench_decode(&b);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_SAMPLING)[0], 100);
    bench_close(&b);

    struct bench c;
    const struct weir_field field = {0, 34, 4};
    bench_open(&c, &field, 1);
    c.context.sampling = 100;
    weir_write_u32(&c.records, 8);
    weir_write_u32(&c.records, 0);
    bench_decode(&c);
    assert_int_equal(weir_batch_u32(c.batch, WEIR_COLUMN_SAMPLING)[0], 8);
    assert_int_equal(weir_batch_u32(c.batch, WEIR_COLUMN_SAMPLING)[1], 100);
    bench_close(&c);
}

/* A probability is of the flow where something says how flows were selected. */
static void probabilities_of_flows(void **state)
{
    (void)state;
    const double values[] = {0.25, 1, 1e-12, 0, -1, 2, (double)NAN};
    const uint32_t expected[] = {250000000, 1000000000, 1, 0, 0, 0, 0};
    const uint32_t count = sizeof(values) / sizeof(values[0]);
    struct bench b;
    BENCH(&b, {0, 390, 2}, {0, 311, 8});
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        weir_write_u16(&b.records, 9);
        weir_write_u64(&b.records, bits);
    }
    bench_decode(&b);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_FLOW_SELECTOR)[i], 9);
        assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_FLOW_PROBABILITY)[i], expected[i]);
    }
    assert_false(bench_has(&b, WEIR_COLUMN_OTHER));
    bench_close(&b);

    struct bench c;
    const struct weir_field single[] = {{0, 390, 2}, {0, 311, 4}};
    bench_open(&c, single, 2);
    weir_write_u16(&c.records, 4);
    weir_write_u32(&c.records, 0x3dcccccd); /* 0.1 as a float */
    bench_decode(&c);
    assert_int_equal(weir_batch_u32(c.batch, WEIR_COLUMN_FLOW_PROBABILITY)[0], 100000001);
    bench_close(&c);

    struct bench d;
    const struct weir_field alone[] = {{0, 311, 8}, {0, 4, 1}};
    bench_open(&d, alone, 2);
    weir_write_u64(&d.records, 0);
    weir_write_u8(&d.records, 6);
    bench_decode(&d);
    assert_false(bench_has(&d, WEIR_COLUMN_FLOW_PROBABILITY));
    bench_close(&d);
}

static void applications(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 95, 4}, {0, 96, 8}, {0, 4, 1});
    weir_write_u32(&b.records, 0x0d000050);
    weir_write_octets(&b.records, "http\0\0\0\0", 8);
    weir_write_u8(&b.records, 6);
    weir_write_u32(&b.records, 0x0d000051);
    weir_write_zeros(&b.records, 8);
    weir_write_u8(&b.records, 6);
    weir_write_zeros(&b.records, 12);
    weir_write_u8(&b.records, 6);
    bench_decode(&b);
    bench_assert_text(&b, WEIR_COLUMN_APP, 0, "http");
    bench_assert_text(&b, WEIR_COLUMN_APP, 1, "13:81");
    bench_assert_text(&b, WEIR_COLUMN_APP, 2, "");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0, "{\"applicationId\":\"0x0d000050\"}");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 1, "");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_time),
        cmocka_unit_test(sysuptime_wraps),
        cmocka_unit_test(icmp_from_the_port_and_from_its_elements),
        cmocka_unit_test(zero_counters_of_events_are_none),
        cmocka_unit_test(times_of_observations),
        cmocka_unit_test(an_observation_does_not_end_a_flow),
        cmocka_unit_test(port_blocks_are_kept),
        cmocka_unit_test(both_directions),
        cmocka_unit_test(dscp_serves_as_tos),
        cmocka_unit_test(sampling_of_record_or_message),
        cmocka_unit_test(probabilities_of_flows),
        cmocka_unit_test(applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
