/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_bench.h"

static void a_flow_lands_in_its_columns(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 8, 4}, {0, 12, 4}, {0, 7, 2}, {0, 11, 2}, {0, 4, 1}, {0, 2, 4}, {0, 1, 8},
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
    bench_decode(&b);
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
    assert_false(bench_has(&b, WEIR_COLUMN_OTHER));
    assert_false(bench_has(&b, WEIR_COLUMN_SAMPLING));
    assert_int_equal(b.batch->segments[0].domain, 7);
    /* Those of the template, and ICMP's, which the port is read for. */
    assert_true(weir_plan_columns(b.plan) == b.batch->all);
    bench_close(&b);
}

static void both_families_in_one_template(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 8, 4}, {0, 27, 16});
    weir_write_u32(&b.records, 0x0a000001);
    weir_write_zeros(&b.records, 16);
    weir_write_u32(&b.records, 0);
    weir_write_u64(&b.records, UINT64_C(0x20010db800000000));
    weir_write_u64(&b.records, 5);
    weir_write_u32(&b.records, 0x0a000002);
    weir_write_u64(&b.records, UINT64_C(0x20010db800000000));
    weir_write_u64(&b.records, 6);
    weir_write_zeros(&b.records, 20);
    bench_decode(&b);
    const uint64_t *high = weir_batch_high(b.batch, WEIR_COLUMN_SRC_ADDR);
    const uint64_t *low = weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR);
    assert_true(high[0] == 0 && low[0] == UINT64_C(0xffff0a000001));
    assert_true(high[1] == UINT64_C(0x20010db800000000) && low[1] == 5);
    assert_true(high[2] == 0 && low[2] == UINT64_C(0xffff0a000002));
    assert_true(high[3] == 0 && low[3] == UINT64_C(0xffff00000000));
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0, "");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 1, "");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 2, "{\"sourceIPv6Address\":\"2001:db8::6\"}");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 3, "");
    bench_close(&b);
}

static void put_pairs(struct bench *b, uint32_t v4_source, uint32_t v4_destination,
                      uint64_t v6_source, uint64_t v6_destination)
{
    const uint64_t high = UINT64_C(0x20010db800000000);
    weir_write_u64(&b->records, v6_source ? high : 0);
    weir_write_u64(&b->records, v6_source);
    weir_write_u64(&b->records, v6_destination ? high : 0);
    weir_write_u64(&b->records, v6_destination);
    weir_write_u32(&b->records, v4_source);
    weir_write_u32(&b->records, v4_destination);
    weir_write_u8(&b->records, 24);
    weir_write_u8(&b->records, 64);
}

/* Both addresses of a row are of one family: of that which the Template has first, if it has any.
 */
static void pairs_are_of_one_family(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 27, 16}, {0, 28, 16}, {0, 8, 4}, {0, 12, 4}, {0, 9, 1}, {0, 29, 1});
    put_pairs(&b, 0x0a000001, 0x0a000002, 5, 6);
    put_pairs(&b, 0x0a000001, 0x0a000002, 0, 0);
    put_pairs(&b, 0x0a000001, 0x0a000002, 5, 0);
    put_pairs(&b, 0, 0x0a000002, 0, 0);
    put_pairs(&b, 0, 0, 0, 6);
    bench_decode(&b);
    const uint64_t *source = weir_batch_high(b.batch, WEIR_COLUMN_SRC_ADDR);
    const uint64_t *source_low = weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR);
    const uint64_t *destination = weir_batch_high(b.batch, WEIR_COLUMN_DST_ADDR);
    const uint64_t *destination_low = weir_batch_low(b.batch, WEIR_COLUMN_DST_ADDR);
    const uint64_t high = UINT64_C(0x20010db800000000), v4 = UINT64_C(0xffff00000000);
    assert_true(source[0] == high && source_low[0] == 5);
    assert_true(destination[0] == high && destination_low[0] == 6);
    assert_true(source[1] == 0 && source_low[1] == (v4 | 0x0a000001));
    assert_true(destination[1] == 0 && destination_low[1] == (v4 | 0x0a000002));
    assert_true(source[2] == high && destination[2] == 0 && destination_low[2] == 0);
    assert_true(source_low[3] == v4 && destination_low[3] == (v4 | 0x0a000002));
    assert_true(source[4] == 0 && source_low[4] == 0 && destination[4] == high);
    /* And the prefix length is the first family's. */
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_SRC_MASK)[0], 64);
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0,
                      "{\"sourceIPv4Address\":\"10.0.0.1\",\"destinationIPv4Address\":\"10.0.0.2\","
                      "\"sourceIPv4PrefixLength\":24}");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 1, "{\"sourceIPv4PrefixLength\":24}");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 2,
                      "{\"sourceIPv4Address\":\"10.0.0.1\",\"destinationIPv4Address\":\"10.0.0.2\","
                      "\"sourceIPv4PrefixLength\":24}");
    bench_close(&b);
}

static void the_better_of_two_fields_has_the_column(void **state)
{
    (void)state;
    struct bench b;
    /* A total before its delta, the same counter twice, seconds before milliseconds. */
    BENCH(&b, {0, 85, 4}, {0, 1, 4}, {0, 1, 4}, {0, 150, 4}, {0, 152, 8});
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
    bench_decode(&b);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[0], 100);
    assert_int_equal(weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[1], 0);
    assert_true(bench_start_of(&b, 0) == INT64_C(1600000000123000000));
    assert_true(bench_start_of(&b, 1) == INT64_C(1600000000000000000));
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0,
                      "{\"octetTotalCount\":900,\"octetDeltaCount#2\":200,"
                      "\"flowStartSeconds\":\"2020-09-13T12:26:40Z\"}");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 1,
                      "{\"octetTotalCount\":900,\"octetDeltaCount#2\":0}");
    bench_close(&b);
}

static void what_has_no_column_is_kept(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 4, 1}, {0, 60, 1}, {35632, 29999, 3}, {0, 210, 2}, {0, 82, 6}, {0, 65000, 1},
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
    bench_decode(&b);
    for (uint32_t i = 0; i < 2; i++)
        bench_assert_text(
            &b, WEIR_COLUMN_OTHER, i,
            "{\"ipVersion\":4,\"35632/29999\":\"0xabcdef\",\"interfaceName\":\"eth0\","
            "\"0/65000\":\"0xc8\",\"scopeInterface\":513,\"scope/77\":\"0x0001\","
            "\"octetDeltaCount\":\"0x000000000000000001\"}");
    /* Equal neighbours share their text. */
    assert_int_equal(weir_batch_texts(b.batch, WEIR_COLUMN_OTHER)[0].offset,
                     weir_batch_texts(b.batch, WEIR_COLUMN_OTHER)[1].offset);
    assert_false(bench_has(&b, WEIR_COLUMN_BYTES));
    assert_false(bench_has(&b, WEIR_COLUMN_SAMPLING));
    bench_close(&b);
}

static void a_value_wider_than_its_column(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 4, 4}, {0, 10, 8});
    weir_write_u32(&b.records, 17);
    weir_write_u64(&b.records, 3);
    weir_write_u32(&b.records, 256);
    weir_write_u64(&b.records, UINT64_C(1) << 40);
    bench_decode(&b);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[0], 17);
    assert_int_equal(weir_batch_u8(b.batch, WEIR_COLUMN_PROTOCOL)[1], 255);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_IN_IF)[0], 3);
    assert_int_equal(weir_batch_u32(b.batch, WEIR_COLUMN_IN_IF)[1], UINT32_MAX);
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0, "");
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 1,
                      "{\"protocolIdentifier\":256,\"ingressInterface\":1099511627776}");
    bench_close(&b);
}

static void variable_fields(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 8, 4}, {0, 82, 65535}, {0, 7, 2}, {0, 96, 65535}, {0, 11, 2}, {0, 4, 1});
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
    bench_decode(&b);
    assert_int_equal(b.batch->row_count, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_true(weir_batch_low(b.batch, WEIR_COLUMN_SRC_ADDR)[i] ==
                    weir_address_from_v4(0x0a000000 + i).low);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_SRC_PORT)[i], i);
        assert_int_equal(weir_batch_u16(b.batch, WEIR_COLUMN_DST_PORT)[i], 53);
        bench_assert_text(&b, WEIR_COLUMN_APP, i, "dns");
        static const char *const others[] = {"{\"interfaceName\":\"eth1\"}", "",
                                             "{\"interfaceName\":\"\"}"};
        bench_assert_text(&b, WEIR_COLUMN_OTHER, i, others[i % 3]);
    }
    bench_close(&b);
}

static void what_passes_the_end_is_malformed(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 4, 1}, {0, 82, 65535});
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
    bench_close(&b);

    struct bench c;
    const struct weir_field nothing = {0, 4, 0};
    bench_open(&c, &nothing, 1);
    assert_int_equal(
        weir_plan_decode(c.plan, c.octets, 4, &c.context, c.batch, &consumed, &records, &diag),
        WEIR_E_MALFORMED);
    assert_int_equal(records, 0);
    bench_close(&c);
}

static void a_full_batch_goes_on_later(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 7, 2}, {0, 60, 1});
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
            bench_assert_text(&b, WEIR_COLUMN_OTHER, i, expected);
        }
        weir_batch_clear(b.batch);
        at += consumed;
    }
    assert_int_equal(next, 20);
    bench_close(&b);
}

/* Text has a limit of its own; rows whose text does not fit wait for the next batch. */
static void a_batch_full_of_text_goes_on_later(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 7, 2}, {0, 60, 1});
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
    bench_assert_text(&b, WEIR_COLUMN_OTHER, 0, "{\"ipVersion\":2}");
    bench_close(&b);
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
    BENCH(&b, {0, 1, 4}, {0, 16, 2}, {0, 10, 2}, {0, 8, 4}, {0, 6, 1}, {0, 150, 4}, {0, 60, 1},
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
    bench_close(&b);
}

static void rows_of_several_segments_are_encoded(void **state)
{
    (void)state;
    struct bench b;
    BENCH(&b, {0, 7, 2}, {0, 4, 1});
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
    bench_close(&b);
}

/* Whichever of them rows have: two are written at once where both are there. */
static void neighbours_of_one_kind_are_encoded(void **state)
{
    (void)state;
    static const struct {
        enum weir_column column;
        uint16_t value;
    } ports[] = {{WEIR_COLUMN_SRC_PORT, 1111},
                 {WEIR_COLUMN_DST_PORT, 2222},
                 {WEIR_COLUMN_VLAN, 3333},
                 {WEIR_COLUMN_POST_VLAN, 4444}};
    struct bench b;
    BENCH(&b, {0, 7, 2}, {0, 11, 2}, {0, 58, 2}, {0, 59, 2}, {0, 2, 2}, {0, 1, 2}, {0, 60, 1});
    for (unsigned some = 0; some < 16; some++) {
        weir_batch_clear(b.batch);
        struct weir_segment segment = {.columns =
                                           WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES)};
        for (unsigned i = 0; i < 4; i++)
            segment.columns |= (weir_column_set)(some >> i & 1) << ports[i].column;
        assert_int_equal(weir_batch_begin(b.batch, &segment, 3), 0);
        for (uint16_t row = 0; row < 3; row++) {
            for (unsigned i = 0; i < 4; i++)
                weir_batch_u16(b.batch, ports[i].column)[row] = ports[i].value + row;
            weir_batch_u64(b.batch, WEIR_COLUMN_PACKETS)[row] = row == 1 ? 65536 : row;
            weir_batch_u64(b.batch, WEIR_COLUMN_BYTES)[row] = row >= 1 ? 65536 : 1000;
        }
        uint64_t clamped = 0;
        memset(b.octets, 0xee, sizeof(b.octets));
        weir_plan_encode(b.plan, b.batch, 0, 3, &b.context, b.octets, &clamped);
        assert_int_equal(clamped, 3);
        for (unsigned row = 0; row < 3; row++) {
            const uint8_t *record = b.octets + (size_t)row * 13;
            for (unsigned i = 0; i < 4; i++)
                assert_int_equal(weir_load_be16(record + (size_t)i * 2),
                                 some >> i & 1 ? ports[i].value + row : 0);
            assert_int_equal(weir_load_be16(record + 8), row == 1 ? 65535 : row);
            assert_int_equal(weir_load_be16(record + 10), row >= 1 ? 65535 : 1000);
            assert_int_equal(record[12], 0);
        }
        assert_int_equal(b.octets[39], 0xee);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_lands_in_its_columns),
        cmocka_unit_test(both_families_in_one_template),
        cmocka_unit_test(pairs_are_of_one_family),
        cmocka_unit_test(the_better_of_two_fields_has_the_column),
        cmocka_unit_test(what_has_no_column_is_kept),
        cmocka_unit_test(a_value_wider_than_its_column),
        cmocka_unit_test(variable_fields),
        cmocka_unit_test(what_passes_the_end_is_malformed),
        cmocka_unit_test(a_full_batch_goes_on_later),
        cmocka_unit_test(a_batch_full_of_text_goes_on_later),
        cmocka_unit_test(what_does_not_fit_is_clamped_and_counted),
        cmocka_unit_test(rows_of_several_segments_are_encoded),
        cmocka_unit_test(neighbours_of_one_kind_are_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
