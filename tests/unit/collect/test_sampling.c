/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling intervals: what options say in each dialect, whose rows they are, and when they come. */
#include <math.h>

#include "collect/state.h"
#include "support/peer.h"

#define MINUTE (60 * WEIR_NS_PER_SECOND)

enum { SCOPE_SYSTEM = 1, SCOPE_INTERFACE = 2, SCOPE_TEMPLATE = 5 };

/* A field of an Options Template and the value that a record of it has. */
struct said {
    struct weir_field field;
    uint64_t value;
};

#define V9_SCOPE(id)                   \
    {                                  \
        WEIR_PEN_NETFLOW9_SCOPE, id, 4 \
    }

static struct weir_template *flows_of(uint16_t id, const struct weir_field *fields, uint16_t count)
{
    struct weir_template *flows = weir_template_new(id, fields, count);
    assert_non_null(flows);
    return flows;
}

/* Adds an Options Template of these fields, the first of which is the scope, and one record. */
static void peer_options(struct peer *peer, uint16_t id, const struct said *said, uint16_t count)
{
    struct weir_field fields[16];
    assert_true(count <= 16);
    for (uint16_t i = 0; i < count; i++)
        fields[i] = said[i].field;
    struct weir_template *source = weir_template_new_options(id, fields, count, 1);
    assert_non_null(source);
    peer_template(peer, source);
    uint32_t got = 0;
    uint8_t *octets = weir_encoder_records(&peer->encoder, source, 1, &got);
    assert_int_equal(got, 1);
    for (uint16_t i = 0; i < count; octets += fields[i].length, i++)
        weir_store_be(octets, fields[i].length, said[i].value);
    peer->units++;
    free(source);
}

static struct weir_collector_config config_of_tests(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    return config;
}

/* The rate that flows without anything of their own get after one options record; size 0: 1. */
struct rate {
    uint32_t size, interval;
};

static struct rate rate_after(enum weir_protocol protocol, const struct said *said, uint16_t count)
{
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(protocol, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_options(&peer, 300, said, count);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 1, 2);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(desk.taken->rows, 2);
    struct rate rate = {.size = desk.taken->row[1].sampling_size};
    if (desk.taken->row[1].has_sampling)
        rate.interval = desk.taken->row[1].sampling;
    assert_int_equal(counters.records_sampling_unknown, rate.interval ? 0 : 2);
    assert_true(rate.interval == 0 || counters.samplers_learned == 1);
    desk_close(&desk);
    return rate;
}

static uint32_t interval_after(enum weir_protocol protocol, const struct said *said, uint16_t count)
{
    struct rate rate = rate_after(protocol, said, count);
    assert_int_equal(rate.size, 0);
    return rate.interval;
}

static void expect_rate(const struct said *said, uint16_t count, uint32_t size, uint32_t interval)
{
    struct rate rate = rate_after(WEIR_PROTOCOL_IPFIX, said, count);
    assert_int_equal(rate.size, size);
    assert_int_equal(rate.interval, interval);
}

#define EXPECT_RATE(size, interval, ...)            \
    expect_rate((const struct said[]){__VA_ARGS__}, \
                sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said), size, interval)

#define INTERVAL_AFTER(protocol, ...)                            \
    interval_after(protocol, (const struct said[]){__VA_ARGS__}, \
                   sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said))

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void dialects(void **state)
{
    (void)state;
    const enum weir_protocol v9 = WEIR_PROTOCOL_NETFLOW9, ipfix = WEIR_PROTOCOL_IPFIX;
    /* RFC 3954: an interval and an algorithm. */
    assert_int_equal(
        INTERVAL_AFTER(v9, {V9_SCOPE(SCOPE_SYSTEM), 9}, {{0, 34, 4}, 100}, {{0, 35, 1}, 2}), 100);
    /* IOS XE: a sampler by number, mode and random interval, and its interval once more. */
    assert_int_equal(INTERVAL_AFTER(v9, {V9_SCOPE(SCOPE_SYSTEM), 9}, {{0, 48, 2}, 1},
                                    {{0, 50, 4}, 2000}, {{0, 49, 1}, 2}),
                     2000);
    /* One sampled, and so many after it not (RFC 5477 section 8.2.2 and 8.2.3). */
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 8}, 1}, {{0, 304, 2}, 1}, {{0, 305, 4}, 1},
                                    {{0, 306, 4}, 999}),
                     1000);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 143, 4}, 1}, {{0, 305, 4}, 5}, {{0, 306, 4}, 0}),
                     1);
    /* IOS XR: n out of N, beside a run that says nothing. */
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 305, 4}, 1}, {{0, 304, 1}, 3},
                                    {{0, 309, 4}, 1}, {{0, 310, 4}, 256}),
                     256);
    /* A run without a space means one of so many. */
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 149, 4}, 7}, {{0, 305, 4}, 512}), 512);
    /* By time: 1 ms of 20; by chance, in double and single precision. */
    assert_int_equal(
        INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 307, 4}, 1000}, {{0, 308, 4}, 19000}), 20);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(0.001)}), 1000);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 311, 4}, 0x3e000000}), 8);
    /* What a selector has selected of what it saw. */
    assert_int_equal(
        INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 318, 8}, 4000}, {{0, 319, 8}, 40}), 100);
}

/* RFC 5477: two ranges of a hash function's, 512 of 65,536. */
static void hash_ranges(void **state)
{
    (void)state;
    assert_int_equal(INTERVAL_AFTER(WEIR_PROTOCOL_IPFIX, {{0, 302, 8}, 9}, {{0, 304, 2}, 6},
                                    {{0, 329, 8}, 0}, {{0, 330, 8}, 0xffff}, {{0, 331, 8}, 0},
                                    {{0, 332, 8}, 0xff}, {{0, 331, 8}, 0x1000},
                                    {{0, 332, 8}, 0x10ff}),
                     128);
    assert_int_equal(INTERVAL_AFTER(WEIR_PROTOCOL_IPFIX, {{0, 302, 8}, 9}, {{0, 304, 2}, 6},
                                    {{0, 329, 8}, 0}, {{0, 330, 8}, UINT64_MAX}, {{0, 331, 8}, 0},
                                    {{0, 332, 8}, UINT64_MAX >> 4}),
                     16);
}

/* Rates that no interval is: both numbers, in lowest terms. */
static void rates(void **state)
{
    (void)state;
    EXPECT_RATE(3, 8, {{0, 302, 4}, 1}, {{0, 305, 4}, 3}, {{0, 306, 4}, 5});
    EXPECT_RATE(2, 3, {{0, 302, 4}, 1}, {{0, 309, 4}, 20}, {{0, 310, 4}, 30});
    EXPECT_RATE(3, 10, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(0.3)});
    EXPECT_RATE(3, 10, {{0, 302, 4}, 1}, {{0, 311, 4}, 0x3e99999a}); /* 0.3 as a float */
    EXPECT_RATE(0, 3, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(1.0 / 3)});
    EXPECT_RATE(2, 7, {{0, 302, 4}, 1}, {{0, 318, 8}, 7000}, {{0, 319, 8}, 2000});
}

/*
 * Records that have a rate of their own; of its halves neither is one, and beside the two an
 * interval counts for nothing.
 */
static void rates_of_records(void **state)
{
    (void)state;
    static const struct weir_field both[] = {{0, 309, 4}, {0, 34, 4}, {0, 310, 4}, {0, 1, 4}};
    static const struct weir_field halves[] = {{0, 309, 4}, {0, 34, 4}, {0, 1, 4}};
    static const struct weir_field population[] = {{0, 310, 4}, {0, 1, 4}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_template *rates_of = flows_of(257, both, 4);
    struct weir_template *half = flows_of(258, halves, 3);
    struct weir_template *other_half = flows_of(259, population, 2);
    peer_begin(&peer);
    peer_template(&peer, rates_of);
    peer_template(&peer, half);
    peer_template(&peer, other_half);
    peer_rows(&peer, rates_of, (const uint64_t[]){2, 500, 3, 100}, 1);
    peer_rows(&peer, half, (const uint64_t[]){2, 500, 100}, 1);
    peer_rows(&peer, other_half, (const uint64_t[]){3, 100}, 1);
    desk_receive(&desk, &peer);
    desk_count(&desk);
    assert_int_equal(desk.taken->rows, 3);
    assert_int_equal(desk.taken->row[0].sampling, 3);
    assert_int_equal(desk.taken->row[0].sampling_size, 2);
    assert_int_equal(desk.taken->row[1].sampling, 500);
    assert_int_equal(desk.taken->row[1].sampling_size, 0);
    assert_false(desk.taken->row[2].has_sampling);
    free(rates_of);
    free(half);
    free(other_half);
    desk_close(&desk);
}

/* Rows of different samplers side by side: those of whole intervals have the size 1. */
static void sizes_beside_intervals(void **state)
{
    (void)state;
    static const struct weir_field by_selector[] = {{0, 302, 4}, {0, 1, 4}};
    static const struct said third[] = {{{0, 302, 8}, 7}, {{0, 309, 4}, 2}, {{0, 310, 4}, 3}};
    static const struct said tenth[] = {{{0, 302, 8}, 9}, {{0, 309, 4}, 1}, {{0, 310, 4}, 10}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_template *selectors = flows_of(258, by_selector, 2);
    peer_begin(&peer);
    peer_template(&peer, selectors);
    peer_options(&peer, 300, third, 3);
    peer_options(&peer, 301, tenth, 3);
    peer_rows(&peer, selectors, (const uint64_t[]){9, 100, 7, 100, 9, 100}, 3);
    desk_receive(&desk, &peer);
    desk_count(&desk);
    assert_int_equal(desk.taken->rows, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(desk.taken->row[i].sampling, i == 1 ? 3 : 10);
        assert_int_equal(desk.taken->row[i].sampling_size, i == 1 ? 2 : 1);
    }
    free(selectors);
    desk_close(&desk);
}

/* RFC 7014: selectors of flows, which rows name as they do those of packets. */
static void selectors_of_flows(void **state)
{
    (void)state;
    static const struct weir_field by_selector[] = {{0, 302, 4}, {0, 1, 4}};
    static const struct {
        struct said said[4];
        uint16_t count;
        uint32_t size, interval, probability;
    } cases[] = {
        {{{{0, 302, 8}, 7}, {{0, 390, 2}, 1}, {{0, 396, 8}, 2}, {{0, 397, 8}, 6}},
         4,
         0,
         4,
         250000000},
        {{{{0, 302, 8}, 7}, {{0, 390, 2}, 2}, {{0, 398, 8}, 3000}, {{0, 399, 8}, 7000}},
         4,
         3,
         10,
         300000000},
        {{{{0, 302, 8}, 7}, {{0, 390, 2}, 3}, {{0, 309, 4}, 2}, {{0, 310, 4}, 3}},
         4,
         2,
         3,
         666666666},
        {{{{0, 302, 8}, 7}, {{0, 390, 2}, 4}, {{0, 311, 8}, 0x3fd0000000000000}},
         3,
         0,
         4,
         250000000},
        {{{{0, 302, 8}, 7}, {{0, 390, 2}, 5}}, 2, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_collector_config config = config_of_tests();
        struct desk desk = desk_open(&config, DESK_BATCHES);
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
        struct weir_template *selectors = flows_of(258, by_selector, 2);
        peer_begin(&peer);
        peer_template(&peer, selectors);
        peer_template(&peer, desk.flows);
        peer_options(&peer, 300, cases[i].said, cases[i].count);
        peer_rows(&peer, selectors, (const uint64_t[]){7, 100}, 1);
        peer_flows(&peer, desk.flows, 1, 1);
        desk_receive(&desk, &peer);
        desk_count(&desk);
        assert_int_equal(desk.taken->rows, 2);
        assert_int_equal(desk.taken->row[0].sampling, cases[i].interval);
        assert_int_equal(desk.taken->row[0].sampling_size, cases[i].size);
        assert_int_equal(desk.taken->row[0].flow_probability, cases[i].probability);
        /* It is no sampler that all packets went through. */
        assert_false(desk.taken->row[1].has_sampling && desk.taken->row[1].sampling);
        free(selectors);
        desk_close(&desk);
    }
}

static void what_says_nothing(void **state)
{
    (void)state;
    const enum weir_protocol v9 = WEIR_PROTOCOL_NETFLOW9, ipfix = WEIR_PROTOCOL_IPFIX;
    assert_int_equal(INTERVAL_AFTER(v9, {V9_SCOPE(SCOPE_SYSTEM), 9}, {{0, 34, 4}, 0}), 0);
    assert_int_equal(INTERVAL_AFTER(v9, {V9_SCOPE(SCOPE_SYSTEM), 9}, {{0, 35, 1}, 2}), 0);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 309, 4}, 9}, {{0, 310, 4}, 8}),
                     0);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 305, 4}, 0}, {{0, 306, 4}, 9}),
                     0);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(1.5)}), 0);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(-0.0)}), 0);
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 302, 4}, 1}, {{0, 311, 8}, bits_of(NAN)}), 0);
    /* A Selection Sequence is no sampler, whatever its number. */
    assert_int_equal(INTERVAL_AFTER(ipfix, {{0, 301, 8}, 1}, {{0, 318, 8}, 4000}, {{0, 319, 8}, 4}),
                     0);
    /* Of another Template and another interface than the flows'. */
    assert_int_equal(INTERVAL_AFTER(v9, {V9_SCOPE(SCOPE_TEMPLATE), 999}, {{0, 34, 4}, 9}) +
                         INTERVAL_AFTER(ipfix, {{0, 145, 2}, 257}, {{0, 34, 4}, 9}),
                     0);
}

/* Samplers, Templates, interfaces and the whole, each before the next. */
static void whose_rows(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 48, 1}, {0, 10, 2}, {0, 14, 2}, {0, 2, 4}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *both = flows_of(256, fields, 4), *other = flows_of(257, fields, 4);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_options(&peer, 300, (const struct said[]){{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 34, 4}, 1000}},
                 2);
    peer_options(
        &peer, 301,
        (const struct said[]){{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 48, 1}, 1}, {{0, 50, 4}, 10}}, 3);
    peer_options(&peer, 302,
                 (const struct said[]){{V9_SCOPE(SCOPE_TEMPLATE), 257}, {{0, 34, 4}, 20}}, 2);
    peer_options(&peer, 303,
                 (const struct said[]){{V9_SCOPE(SCOPE_INTERFACE), 5}, {{0, 34, 4}, 30}}, 2);
    peer_options(
        &peer, 304,
        (const struct said[]){{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 14, 2}, 6}, {{0, 34, 4}, 40}}, 3);
    peer_template(&peer, both);
    peer_template(&peer, other);
    const uint64_t rows[] = {
        1, 5, 6, 1, /* its sampler's */
        2, 5, 6, 1, /* sampler not known: that of the interface in */
        2, 9, 6, 1, /* out */
        2, 6, 5, 1, /* 6 is of those that go out only, 5 of both */
        2, 9, 9, 1, /* nothing but the whole */
        2, 9, 9, 1, 1, 9, 9, 1,
    };
    peer_rows(&peer, both, rows, 7);
    peer_rows(&peer, other, rows, 3);
    desk_receive(&desk, &peer);
    assert_int_equal(desk_count(&desk).records_sampling_unknown, 0);
    const uint32_t expected[] = {10, 30, 40, 30, 1000, 1000, 10, 10, 20, 20};
    assert_int_equal(desk.taken->rows, 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(desk.taken->row[i].sampling, expected[i]);
    free(both);
    free(other);
    desk_close(&desk);
}

/* What a record says itself is before options; zero says nothing. */
static void own_interval(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 34, 4}, {0, 2, 4}};
    static const struct weir_field random[] = {{0, 50, 4}, {0, 2, 4}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *flows = flows_of(256, fields, 2), *others = flows_of(257, random, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, flows);
    peer_template(&peer, others);
    peer_rows(&peer, flows, (const uint64_t[]){0, 1, 64, 1}, 2);
    desk_receive(&desk, &peer);
    assert_int_equal(desk_count(&desk).records_sampling_unknown, 1);
    peer_begin(&peer);
    peer_options(&peer, 300, (const struct said[]){{{0, 149, 4}, 0}, {{0, 34, 4}, 1000}}, 2);
    peer_rows(&peer, flows, (const uint64_t[]){0, 1, 64, 1}, 2);
    peer_rows(&peer, others, (const uint64_t[]){16, 1}, 1);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records_sampling_unknown, 1);
    assert_int_equal(counters.records_sampling_corrected, 0);
    const uint32_t expected[] = {0, 64, 1000, 64, 16};
    assert_int_equal(desk.taken->rows, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(desk.taken->row[i].sampling, expected[i]);
    free(flows);
    free(others);
    desk_close(&desk);
}

/* Options in another domain than flows: 0, or any where all that say something agree. */
static void other_domains(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    const struct said whole[] = {{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 34, 4}, 100}};
    const struct said less[] = {{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 34, 4}, 50}};
    struct peer card = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    struct peer second = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 2);
    struct peer third = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 3);
    struct peer zero = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 0);
    struct peer stranger = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.2", 3);
    struct peer *const flows[] = {&third, &stranger, &third, &third, &second};
    const uint32_t expected[] = {100, 0, 0, 7, 50};
    for (unsigned step = 0; step < 5; step++) {
        struct peer *options = step == 0 ? &card : step == 2 ? &second : step == 3 ? &zero : NULL;
        if (options) {
            peer_begin(options);
            if (step == 3)
                peer_options(options, 300,
                             (const struct said[]){{V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 34, 4}, 7}},
                             2);
            else
                peer_options(options, 300, step == 0 ? whole : less, 2);
            desk_receive(&desk, options);
        }
        peer_begin(flows[step]);
        peer_template(flows[step], desk.flows);
        peer_flows(flows[step], desk.flows, 1, 1);
        desk_receive(&desk, flows[step]);
        (void)desk_count(&desk);
        assert_int_equal(desk.taken->rows, step + 1);
        const struct taken_row *row = &desk.taken->row[step];
        assert_int_equal(row->has_sampling ? row->sampling : 0, expected[step]);
    }
    desk_close(&desk);
}

/* Without a sampler in the rows: that of all samplers, if they have one. */
static void only_sampler(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    const uint32_t intervals[] = {100, 100, 200};
    const uint32_t expected[] = {100, 100, 0};
    for (uint32_t i = 0; i < 3; i++) {
        const struct said sampler[] = {
            {V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 48, 1}, i}, {{0, 50, 4}, intervals[i]}};
        peer_begin(&peer);
        peer_options(&peer, 300, sampler, 3);
        peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, 1, 1);
        desk_receive(&desk, &peer);
        (void)desk_count(&desk);
        const struct taken_row *row = &desk.taken->row[i];
        assert_int_equal(row->has_sampling ? row->sampling : 0, expected[i]);
    }
    desk_close(&desk);
}

/*
 * A sampler that there was before is not that of records without an interval, where others have had
 * theirs: its exporter meters every packet now.
 */
static void sampler_of_before(void **state)
{
    (void)state;
    static const struct weir_field with_interval[] = {{0, 34, 4}, {0, 2, 4}};
    static const struct said sampler[] = {{{0, 302, 8}, 1}, {{0, 305, 4}, 1}, {{0, 306, 4}, 9}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, with_interval, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    static const uint32_t expected[] = {10, 0, 10, 0};
    peer_begin(&peer);
    peer_options(&peer, 300, sampler, 3);
    peer_template(&peer, desk.flows);
    peer_template(&peer, sampled);
    peer_flows(&peer, desk.flows, 1, 1);
    desk_receive(&desk, &peer);
    peer_begin(&peer);
    peer_rows(&peer, sampled, (const uint64_t[]){0, 100}, 1);
    desk_receive(&desk, &peer);
    (void)desk_count(&desk);
    assert_int_equal(desk.taken->rows, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(desk.taken->row[i].sampling, 10);
    peer_begin(&peer);
    peer_rows(&peer, sampled, (const uint64_t[]){10, 100}, 1);
    peer_flows(&peer, desk.flows, 1, 1);
    desk_receive(&desk, &peer);
    peer_begin(&peer);
    peer_rows(&peer, sampled, (const uint64_t[]){10, 100}, 1);
    peer_flows(&peer, desk.flows, 1, 1);
    desk_receive(&desk, &peer);
    (void)desk_count(&desk);
    assert_int_equal(desk.taken->rows, 6);
    for (unsigned i = 0; i < 4; i++) {
        const struct taken_row *row = &desk.taken->row[2 + i];
        assert_int_equal(row->has_sampling ? row->sampling : 0, expected[i]);
    }

    /* The next collector knows it, too. */
    struct desk next = desk_open(&config, DESK_BATCHES);
    struct weir_text_buffer octets;
    struct weir_diag diag = {0};
    weir_text_init(&octets, 1 << 20);
    assert_int_equal(weir_collector_save(desk.collector, 1, &octets), 0);
    assert_int_equal(weir_collector_restore(next.collector, octets.data, octets.length, &diag), 0);
    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 1, 1);
    desk_receive(&next, &peer);
    (void)desk_count(&next);
    assert_int_equal(next.taken->rows, 1);
    assert_false(next.taken->row[0].has_sampling && next.taken->row[0].sampling);
    weir_text_done(&octets);
    free(sampled);
    desk_close(&desk);
    desk_close(&next);
}

static const struct weir_field sampled_fields[] = {{0, 48, 1}, {0, 2, 4}};
static const struct said sampler_one[] = {
    {V9_SCOPE(SCOPE_SYSTEM), 1}, {{0, 48, 1}, 1}, {{0, 50, 4}, 4000}};

/* Rows that name a sampler wait for it; others are corrected while they are here. */
static void late_options(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, sampled_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    struct peer quiet = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.2", 1);
    struct weir_diag diag = {0};
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_template(&peer, sampled);
    peer_flows(&peer, desk.flows, 1, 2);
    peer_rows(&peer, sampled, (const uint64_t[]){1, 10, 1, 11, 2, 12}, 3);
    desk_receive(&desk, &peer);
    peer_begin(&quiet);
    peer_template(&quiet, desk.flows);
    peer_flows(&quiet, desk.flows, 1, 1);
    desk_receive(&desk, &quiet);
    assert_int_equal(desk.taken->rows, 0);

    peer_begin(&peer);
    peer_options(&peer, 300, sampler_one, 3);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = weir_collector_count(desk.collector);
    assert_int_equal(counters.records_sampling_unknown, 6);
    assert_int_equal(counters.records_sampling_corrected, 4);
    /* One row names a sampler that did not come: all that is held waits on, a tick long. */
    assert_int_equal(weir_collector_tick(desk.collector, PEER_SECOND * WEIR_NS_PER_SECOND, &diag),
                     0);
    assert_int_equal(desk.taken->rows, 3);
    assert_int_equal(desk.taken->row[0].sampling, 4000);
    assert_int_equal(desk.taken->row[1].sampling, 4000);
    assert_false(desk.taken->row[2].has_sampling);
    assert_int_equal(
        weir_collector_tick(desk.collector, PEER_SECOND * WEIR_NS_PER_SECOND + MINUTE + 5, &diag),
        0);
    assert_int_equal(desk.taken->rows, 6);
    const uint32_t expected[] = {4000, 4000, 0};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(desk.taken->row[3 + i].packets, 10 + i);
        assert_int_equal(desk.taken->row[3 + i].sampling, expected[i]);
    }
    /* The same again is nothing new. */
    peer_begin(&peer);
    peer_options(&peer, 300, sampler_one, 3);
    desk_receive(&desk, &peer);
    assert_int_equal(weir_collector_count(desk.collector).samplers_learned, 1);
    free(sampled);
    desk_close(&desk);
}

/* All that is held goes as soon as nothing of it waits. */
static void held_and_released(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, sampled_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    peer_begin(&peer);
    peer_template(&peer, sampled);
    peer_rows(&peer, sampled, (const uint64_t[]){1, 10}, 1);
    desk_receive(&desk, &peer);
    assert_int_equal(desk.taken->rows, 0);
    peer_begin(&peer);
    peer_options(&peer, 300, sampler_one, 3);
    desk_receive(&desk, &peer);
    assert_int_equal(desk.taken->rows, 1);
    assert_int_equal(desk.taken->row[0].sampling, 4000);
    free(sampled);
    desk_close(&desk);
}

/* The wait ends: by the time of messages, by rows, and for good, at the end. */
static void wait_is_bounded(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    config.hold_rows = 4;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, sampled_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    const uint64_t rows[] = {1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 6};
    peer_begin(&peer);
    peer_template(&peer, sampled);
    peer_rows(&peer, sampled, rows, 6);
    desk_receive(&desk, &peer);
    assert_int_equal(desk.taken->rows, 4);
    peer.second += 59;
    peer_begin(&peer);
    peer_rows(&peer, sampled, rows, 1);
    desk_receive(&desk, &peer);
    assert_int_equal(desk.taken->rows, 4);
    /* A minute after the first, nothing of this session waits any more. */
    peer.second += 1;
    peer_begin(&peer);
    peer_rows(&peer, sampled, rows, 2);
    desk_receive(&desk, &peer);
    assert_int_equal(desk.taken->rows, 7);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(desk.taken->rows, 9);
    assert_int_equal(counters.records_sampling_unknown, 9);
    assert_int_equal(counters.records_sampling_corrected, 0);
    for (uint32_t i = 0; i < 9; i++)
        assert_false(desk.taken->row[i].has_sampling);
    free(sampled);
    desk_close(&desk);

    config.hold_ns = 0;
    desk = desk_open(&config, DESK_BATCHES);
    sampled = flows_of(257, sampled_fields, 2);
    peer_begin(&peer);
    peer_template(&peer, sampled);
    peer_rows(&peer, sampled, rows, 1);
    desk_receive(&desk, &peer);
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_tick(desk.collector, 0, &diag), 0);
    assert_int_equal(desk.taken->rows, 1);
    free(sampled);
    desk_close(&desk);
}

static struct weir_network network_of(const char *text)
{
    struct weir_network network;
    assert_int_equal(weir_network_parse(text, &network), 0);
    return network;
}

/* The longest prefix holds, over what the record says; the fallback where nothing is known. */
static void configured(void **state)
{
    (void)state;
    const struct weir_exporter_setting settings[] = {
        {.network = network_of("192.0.2.1"), .sampling = {1, 9}},
        {.network = network_of("192.0.2.0/24"), .sampling = {3, 8}},
        {.network = network_of("::/0"), .has_skew = true},
    };
    struct weir_collector_config config = config_of_tests();
    config.settings = settings;
    config.setting_count = 3;
    config.sampling_fallback = (struct weir_fraction){2, 3};
    struct desk desk = desk_open(&config, DESK_BATCHES);
    const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"};
    const uint32_t expected[] = {9, 8, 100, 3};
    for (uint32_t i = 0; i < 4; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW5, addresses[i], 0);
        peer.sampling = i == 3 ? 0 : 0x4064; /* mode 1, one in 100 */
        peer_begin(&peer);
        peer_flows(&peer, weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5), 1, 2);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(desk.taken->rows, 8);
    static const uint32_t sizes[] = {0, 3, 0, 2};
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(desk.taken->row[i].sampling, expected[i / 2]);
        assert_int_equal(desk.taken->row[i].sampling_size, sizes[i / 2]);
    }
    assert_int_equal(counters.records_sampling_overridden, 4);
    assert_int_equal(counters.records_sampling_unknown, 2);
    desk_close(&desk);
}

/* Two exporters behind one address and of one domain each have their own. */
static void behind_one_address(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 302, 4}, {0, 2, 4}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, fields, 2);
    struct peer peers[2] = {peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1),
                            peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1)};
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 2; i++) {
            const struct said sampler[] = {{{0, 302, 4}, 1}, {{0, 34, 4}, i ? 500 : 100}};
            peers[i].port = (uint16_t)(5000 + i);
            if (round == 0)
                peers[i].sequence = 1000000 * (i + 1);
            peer_begin(&peers[i]);
            peer_template(&peers[i], sampled);
            if (round == 0)
                peer_options(&peers[i], 300, sampler, 2);
            peer_rows(&peers[i], sampled, (const uint64_t[]){1, i}, 1);
            desk_receive(&desk, &peers[i]);
        }
    (void)desk_count(&desk);
    assert_int_equal(weir_collector_sessions(desk.collector)->count, 2);
    assert_int_equal(desk.taken->rows, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(desk.taken->row[i].sampling, desk.taken->row[i].packets ? 500 : 100);
    free(sampled);
    desk_close(&desk);
}

/* What was said before a restart holds after it. */
static void after_a_restart(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES), next = desk_open(&config, DESK_BATCHES);
    struct weir_template *sampled = flows_of(257, sampled_fields, 2);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    struct peer other = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 2);
    struct weir_text_buffer octets;
    struct weir_diag diag = {0};
    peer_begin(&peer);
    peer_template(&peer, sampled);
    peer_options(&peer, 300, sampler_one, 3);
    desk_receive(&desk, &peer);
    peer_begin(&other);
    peer_template(&other, sampled);
    desk_receive(&desk, &other);
    weir_text_init(&octets, 1 << 20);
    assert_int_equal(weir_collector_save(desk.collector, 1, &octets), 0);
    assert_int_equal(weir_collector_restore(next.collector, octets.data, octets.length, &diag), 0);
    peer_begin(&other);
    peer_rows(&other, sampled, (const uint64_t[]){1, 10}, 1);
    desk_receive(&next, &other);
    assert_int_equal(desk_count(&next).records_sampling_unknown, 0);
    assert_int_equal(next.taken->row[0].sampling, 4000);
    weir_text_done(&octets);
    free(sampled);
    desk_close(&desk);
    desk_close(&next);
}

/* An exporter has room for so many; what is there is corrected, what is new is refused. */
/* The interval of a row that names selection sequence 7. */
static uint32_t interval_of_sequence(struct desk *desk, struct peer *peer,
                                     const struct weir_template *reports)
{
    uint32_t row = desk->taken->rows;
    peer_begin(peer);
    peer_rows(peer, reports, (const uint64_t[]){7, 100}, 1);
    desk_receive(desk, peer);
    desk_count(desk);
    assert_int_equal(desk->taken->rows, row + 1);
    return desk->taken->row[row].has_sampling ? desk->taken->row[row].sampling : 0;
}

/* RFC 5476 section 6.5: a Selection Sequence of a filter and two samplers, in any order. */
static void selection_sequences(void **state)
{
    (void)state;
    static const struct weir_field report_fields[] = {{0, 301, 4}, {0, 1, 4}};
    static const struct said sequence[] = {
        {{0, 301, 8}, 7}, {{0, 10, 4}, 5}, {{0, 302, 4}, 5}, {{0, 302, 4}, 10}, {{0, 302, 2}, 11}};
    static const struct said filter[] = {
        {{0, 302, 8}, 5}, {{0, 304, 2}, 5}, {{0, 8, 4}, 0xc0000201}};
    static const struct said random[] = {
        {{0, 302, 8}, 10}, {{0, 304, 2}, 3}, {{0, 309, 4}, 2}, {{0, 310, 4}, 20}};
    static const struct said systematic[] = {
        {{0, 302, 8}, 11}, {{0, 304, 2}, 1}, {{0, 305, 4}, 1}, {{0, 306, 4}, 3}};
    static const struct said finer[] = {
        {{0, 302, 8}, 11}, {{0, 304, 2}, 1}, {{0, 305, 4}, 1}, {{0, 306, 4}, 99}};
    struct weir_collector_config config = config_of_tests();
    config.hold_ns = 0;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_template *reports = flows_of(257, report_fields, 2);
    peer_begin(&peer);
    peer_template(&peer, reports);
    peer_options(&peer, 300, sequence, 5);
    peer_options(&peer, 301, random, 4);
    desk_receive(&desk, &peer);
    assert_int_equal(interval_of_sequence(&desk, &peer, reports), 0);
    peer_begin(&peer);
    peer_options(&peer, 302, systematic, 4);
    desk_receive(&desk, &peer);
    assert_int_equal(interval_of_sequence(&desk, &peer, reports), 0);
    peer_begin(&peer);
    peer_options(&peer, 303, filter, 3);
    desk_receive(&desk, &peer);
    assert_int_equal(interval_of_sequence(&desk, &peer, reports), 40);
    peer_begin(&peer);
    peer_options(&peer, 302, finer, 4);
    desk_receive(&desk, &peer);
    assert_int_equal(interval_of_sequence(&desk, &peer, reports), 1000);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records_sampling_unknown, 2);
    assert_int_equal(counters.samplers_learned, 5);

    /* And after a restart. */
    struct desk next = desk_open(&config, DESK_BATCHES);
    struct weir_text_buffer octets;
    struct weir_diag diag = {0};
    weir_text_init(&octets, 1 << 20);
    assert_int_equal(weir_collector_save(desk.collector, 1, &octets), 0);
    assert_int_equal(weir_collector_restore(next.collector, octets.data, octets.length, &diag), 0);
    assert_int_equal(interval_of_sequence(&next, &peer, reports), 1000);
    weir_text_done(&octets);
    desk_close(&next);
    free(reports);
    desk_close(&desk);
}

/* A sequence's number is not a selector's, and what is sent of both is found by its kind. */
static void sequences_are_no_selectors(void **state)
{
    (void)state;
    static const struct weir_field by_sequence[] = {{0, 301, 4}, {0, 1, 4}};
    static const struct weir_field by_selector[] = {{0, 302, 4}, {0, 1, 4}};
    static const struct said sequence[] = {{{0, 301, 8}, 7}, {{0, 302, 4}, 9}};
    static const struct said selector_7[] = {{{0, 302, 8}, 7}, {{0, 305, 4}, 1}, {{0, 306, 4}, 9}};
    static const struct said selector_9[] = {{{0, 302, 8}, 9}, {{0, 305, 4}, 1}, {{0, 306, 4}, 4}};
    static const struct said filter_3[] = {{{0, 302, 8}, 3}, {{0, 304, 2}, 5}};
    struct weir_collector_config config = config_of_tests();
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_template *sequences = flows_of(257, by_sequence, 2);
    struct weir_template *selectors = flows_of(258, by_selector, 2);
    peer_begin(&peer);
    peer_template(&peer, sequences);
    peer_template(&peer, selectors);
    peer_options(&peer, 300, selector_7, 3);
    peer_options(&peer, 301, selector_9, 3);
    peer_options(&peer, 302, sequence, 2);
    peer_options(&peer, 303, filter_3, 2);
    peer_rows(&peer, sequences, (const uint64_t[]){7, 100}, 1);
    peer_rows(&peer, selectors, (const uint64_t[]){7, 100, 9, 100, 3, 100}, 3);
    desk_receive(&desk, &peer);
    desk_count(&desk);
    assert_int_equal(desk.taken->rows, 4);
    assert_int_equal(desk.taken->row[0].sampling, 5);
    assert_int_equal(desk.taken->row[1].sampling, 10);
    assert_int_equal(desk.taken->row[2].sampling, 5);
    assert_int_equal(desk.taken->row[3].sampling, 1);
    free(sequences);
    free(selectors);
    desk_close(&desk);
}

static void limits(void **state)
{
    (void)state;
    struct weir_sampling sampling = {0};
    struct weir_budget budget = {.limit = 1 << 20};
    struct weir_sampler_key key = {.kind = WEIR_SAMPLER_ID, .domain = 1};
    for (uint32_t i = 0; i < WEIR_SAMPLERS_MAX; i++) {
        key.id = (i * 7919) % WEIR_SAMPLERS_MAX;
        assert_int_equal(weir_sampling_put(&sampling, &budget, key, 1, i + 1),
                         WEIR_SAMPLING_CHANGED);
    }
    key.id = WEIR_SAMPLERS_MAX;
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, 1, 5), WEIR_SAMPLING_REFUSED);
    key.id = 3;
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, 1, 12345), WEIR_SAMPLING_CHANGED);
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, 1, 12345), WEIR_SAMPLING_SAME);
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, 0, 12345), WEIR_SAMPLING_INVALID);
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, UINT64_MAX, UINT64_MAX),
                     WEIR_SAMPLING_CHANGED);
    assert_int_equal(sampling.count, WEIR_SAMPLERS_MAX);
    for (uint32_t i = 0; i < WEIR_SAMPLERS_MAX; i++)
        assert_int_equal(sampling.samplers[i].key.id, i);
    assert_int_equal(sampling.samplers[3].rate.denominator, 1);
    assert_true(budget.used > 0);
    weir_sampling_done(&sampling, &budget);
    assert_int_equal(budget.used, 0);

    budget.limit = sizeof(struct weir_sampler);
    assert_int_equal(weir_sampling_put(&sampling, &budget, key, 1, 5), WEIR_SAMPLING_REFUSED);
    weir_sampling_done(&sampling, &budget);
}

/* Sessions that go take their exporter with them, the last of them. */
static void exporters_go(void **state)
{
    (void)state;
    struct weir_collector_config config = config_of_tests();
    config.session_max = 2;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    for (uint32_t domain = 0; domain < 6; domain++) {
        struct peer peer =
            peer_of(WEIR_PROTOCOL_NETFLOW9, domain < 4 ? "192.0.2.1" : "192.0.2.2", domain);
        peer_begin(&peer);
        peer_options(&peer, 300, sampler_one, 3);
        desk_receive(&desk, &peer);
    }
    const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
    assert_int_equal(sessions->newest->exporter->sessions, 2);
    assert_int_equal(sessions->newest->exporter->sampling.count, 2);
    assert_ptr_equal(sessions->newest->exporter, sessions->oldest->exporter);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialects),
        cmocka_unit_test(hash_ranges),
        cmocka_unit_test(rates),
        cmocka_unit_test(rates_of_records),
        cmocka_unit_test(sizes_beside_intervals),
        cmocka_unit_test(selectors_of_flows),
        cmocka_unit_test(what_says_nothing),
        cmocka_unit_test(whose_rows),
        cmocka_unit_test(own_interval),
        cmocka_unit_test(other_domains),
        cmocka_unit_test(only_sampler),
        cmocka_unit_test(sampler_of_before),
        cmocka_unit_test(late_options),
        cmocka_unit_test(held_and_released),
        cmocka_unit_test(wait_is_bounded),
        cmocka_unit_test(configured),
        cmocka_unit_test(behind_one_address),
        cmocka_unit_test(after_a_restart),
        cmocka_unit_test(selection_sequences),
        cmocka_unit_test(sequences_are_no_selectors),
        cmocka_unit_test(limits),
        cmocka_unit_test(exporters_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
