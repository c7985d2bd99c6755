/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of caches, flows that go on after a record, and timeouts by protocol: each reason alone. */
#include "meter/cache.h"

#include "support/cmocka.h"

#include "collect_rows.h"
#include "connection.h"
#include "meter/private.h"

#define SECOND WEIR_NS_PER_SECOND

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { IDLE = 1, ACTIVE = 2, END = 3, FORCED = 4, RESOURCES = 5 };

struct bench {
    struct weir_cache_config config;
    struct weir_cache *cache;
    struct collected rows;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->config = weir_cache_config_default();
    bench->config.entries = 4096;
    bench->config.active_ns = 60 * SECOND;
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    weir_cache_free(bench->cache);
    free(bench->rows.records);
    free(bench);
    return 0;
}

static void start(struct bench *bench)
{
    struct weir_batch_sink sink = {.batch = collect_batch, .context = &bench->rows};
    struct weir_diag diag;
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, &diag), 0);
}

static void start_biflows(struct bench *bench)
{
    bench->config.definition = weir_flow_definition_5_tuple();
    bench->config.biflow = WEIR_BIFLOW_FIRST;
    start(bench);
}

static struct weir_packet of_protocol(int64_t time_ns, uint8_t protocol, uint16_t port)
{
    struct weir_packet packet = segment_of_connection(time_ns, true, protocol == 6 ? ACK : 0);
    packet.key.protocol = protocol;
    packet.key.src_port = port;
    return packet;
}

static void add(struct bench *bench, struct weir_packet packet)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_add(bench->cache, &packet, 1, &diag), 0);
}

static void advance(struct bench *bench, int64_t now_ns)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_advance(bench->cache, now_ns, &diag), 0);
}

static void finish(struct bench *bench)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
}

static void expect(const struct bench *bench, size_t row, unsigned reason, uint64_t packets,
                   int64_t first_ns, int64_t last_ns)
{
    assert_true(row < bench->rows.count);
    const struct slow_record *record = &bench->rows.records[row];
    assert_int_equal(record->reason, reason);
    assert_int_equal(record->packets, packets);
    assert_int_equal(record->octets, packets * 100);
    assert_int_equal(record->first_ns, first_ns);
    assert_int_equal(record->last_ns, last_ns);
}

static void an_active_timeout_keeps_the_entry(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, segment_of_connection(0, true, SYN));
    for (int64_t s = 10; s <= 120; s += 10)
        add(bench, segment_of_connection(s * SECOND, true, ACK));
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    expect(bench, 0, ACTIVE, 7, 0, 60 * SECOND);
    expect(bench, 1, FORCED, 6, 70 * SECOND, 120 * SECOND);
    assert_int_equal(bench->rows.records[0].tcp_flags, SYN | ACK);
    assert_int_equal(bench->rows.records[1].tcp_flags, ACK);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_created, 2);
    assert_int_equal(counters.flows_continued, 1);
    assert_int_equal(counters.flows_expired_active, 1);
    assert_int_equal(counters.flows_active_peak, 1);
}

/* What began a biflow stays its source when it is reported. */
static void a_biflow_keeps_its_direction(void **state)
{
    struct bench *bench = *state;
    start_biflows(bench);
    add(bench, segment_of_connection(0, true, ACK));
    for (int64_t s = 10; s <= 60; s += 10)
        add(bench, segment_of_connection(s * SECOND, false, ACK));
    add(bench, segment_of_connection(65 * SECOND, false, ACK));
    add(bench, segment_of_connection(66 * SECOND, false, ACK));
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(bench->rows.records[i].key.src_port, 40000);
    assert_int_equal(bench->rows.records[0].packets, 1);
    assert_int_equal(bench->rows.records[0].rev_packets, 6);
    assert_int_equal(bench->rows.records[0].reason, ACTIVE);
    assert_int_equal(bench->rows.records[1].packets, 0);
    assert_int_equal(bench->rows.records[1].rev_packets, 2);
    assert_int_equal(bench->rows.records[1].first_ns, 65 * SECOND);
}

/* Until nothing came for an idle timeout: whoever then begins is its source. */
static void a_resting_entry_goes_in_silence(void **state)
{
    struct bench *bench = *state;
    start_biflows(bench);
    for (int64_t s = 0; s <= 50; s += 10)
        add(bench, segment_of_connection(s * SECOND, true, ACK));
    add(bench, segment_of_connection(59 * SECOND, true, ACK));
    advance(bench, 60 * SECOND + 1);
    advance(bench, 70 * SECOND);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 1);
    advance(bench, 200 * SECOND);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 0);
    assert_int_equal(bench->rows.count, 1);
    expect(bench, 0, ACTIVE, 7, 0, 59 * SECOND);
    add(bench, segment_of_connection(200 * SECOND, false, ACK));
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    assert_int_equal(bench->rows.records[1].key.src_port, 443);
    assert_int_equal(weir_cache_counters(bench->cache).flows_continued, 0);
}

/* What other slots hold says nothing, also where flows have further keys. */
static void resting_entries_have_no_record(void **state)
{
    struct bench *bench = *state;
    struct weir_diag diag;
    assert_int_equal(weir_flow_definition_parse("keys=src_addr,dst_addr,src_port,dst_port,vlan",
                                                &bench->config.definition, &diag),
                     0);
    bench->config.idle_ns = 100 * SECOND;
    start(bench);
    for (uint16_t port = 0; port < 500; port++) {
        struct weir_packet packet = of_protocol(0, 17, port);
        packet.vlan = 5;
        add(bench, packet);
    }
    advance(bench, 60 * SECOND + 1);
    advance(bench, 99 * SECOND);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 500);
    finish(bench);
    assert_int_equal(bench->rows.count, 500);
    for (size_t i = 0; i < 500; i++)
        expect(bench, i, ACTIVE, 1, 0, 0);
}

/* Without an idle timeout an entry rests as long as an active timeout. */
static void nothing_rests_for_ever(void **state)
{
    struct bench *bench = *state;
    bench->config.idle_ns = 0;
    start(bench);
    add(bench, of_protocol(0, 17, 1));
    advance(bench, 90 * SECOND);
    expect(bench, 0, ACTIVE, 1, 0, 0);
    advance(bench, 600 * SECOND);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 0);
    assert_int_equal(bench->rows.count, 1);
}

/* Without timeouts, or with long ones, what ends by itself leaves in minutes all the same. */
static void nothing_waits_for_long_timeouts(void **state)
{
    static const int64_t timeouts[] = {0, WEIR_CACHE_TIMEOUT_MAX};
    for (unsigned i = 0; i < 2; i++) {
        struct bench *bench = *state;
        bench->config.idle_ns = bench->config.active_ns = timeouts[i];
        bench->rows.count = 0;
        start(bench);
        add(bench, segment_of_connection(0, true, FIN | ACK));
        add(bench, segment_of_connection(1, false, FIN | ACK));
        for (int64_t s = 10; s <= 600; s += 10)
            advance(bench, s * SECOND);
        assert_int_equal(bench->rows.count, 2);
        assert_int_equal(bench->rows.records[0].reason, END);
        weir_cache_free(bench->cache);
        bench->cache = NULL;
    }
}

static void a_long_interval_ends_in_minutes(void **state)
{
    const int64_t day = 86400 * SECOND;
    struct bench *bench = *state;
    bench->config.kind = WEIR_CACHE_PERMANENT;
    bench->config.interval_ns = day;
    start(bench);
    add(bench, of_protocol(day - 1, 17, 1));
    advance(bench, day - 1);
    assert_int_equal(bench->rows.count, 0);
    for (int64_t s = 0; s <= 600; s += 10)
        advance(bench, day + s * SECOND);
    expect(bench, 0, ACTIVE, 1, day - 1, day - 1);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 1);
}

/* The FINs of a connection count though a record came between them. */
static void a_fin_is_remembered(void **state)
{
    for (unsigned biflow = 0; biflow < 2; biflow++) {
        struct bench *bench = *state;
        bench->rows.count = 0;
        if (biflow)
            start_biflows(bench);
        else
            start(bench);
        add(bench, segment_of_connection(0, true, SYN));
        add(bench, segment_of_connection(1, false, SYN | ACK));
        add(bench, segment_of_connection(9 * SECOND, true, FIN | ACK));
        for (int64_t s = 10; s <= 70; s += 10) {
            add(bench, segment_of_connection(s * SECOND, false, ACK));
            add(bench, segment_of_connection(s * SECOND, true, ACK));
        }
        add(bench, segment_of_connection(71 * SECOND, false, FIN | ACK));
        add(bench, segment_of_connection(71 * SECOND, true, ACK));
        advance(bench, 90 * SECOND);
        struct weir_cache_counters counters = weir_cache_counters(bench->cache);
        assert_int_equal(counters.flows_active, 0);
        assert_int_equal(counters.flows_expired_active, biflow ? 1 : 2);
        assert_int_equal(counters.flows_expired_end, biflow ? 1 : 2);
        assert_int_equal(bench->rows.count, biflow ? 2 : 4);
        for (size_t i = 0; i < bench->rows.count; i++) {
            const struct slow_record *record = &bench->rows.records[i];
            bool has_fin =
                record->key.src_port == 40000 ? record->reason == ACTIVE : record->reason == END;
            assert_int_equal((record->tcp_flags & FIN) != 0, has_fin);
        }
        weir_cache_free(bench->cache);
        bench->cache = NULL;
    }
}

static void a_full_counter_keeps_the_entry(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->cache->packets_limit = 10;
    for (int i = 0; i < 25; i++)
        add(bench, of_protocol(i, 17, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    expect(bench, 0, RESOURCES, 10, 0, 9);
    expect(bench, 1, RESOURCES, 10, 10, 19);
    expect(bench, 2, FORCED, 5, 20, 24);
    assert_int_equal(weir_cache_counters(bench->cache).flows_continued, 2);
}

static void protocols_have_their_timeouts(void **state)
{
    struct bench *bench = *state;
    static const struct weir_protocol_timeouts own[] = {
        {.protocol = 6, .idle_ns = 300 * SECOND, .active_ns = 0},
        {.protocol = 17, .idle_ns = 5 * SECOND, .active_ns = 20 * SECOND},
        {.protocol = 1, .idle_ns = 0, .active_ns = 100 * SECOND},
    };
    memcpy(bench->config.timeouts, own, sizeof(own));
    bench->config.timeout_count = 3;
    start(bench);
    static const uint8_t protocols[] = {6, 17, 1, 47};
    for (uint16_t i = 0; i < 4; i++)
        add(bench, of_protocol(0, protocols[i], 0));
    static const struct {
        int64_t at_ns;
        uint8_t protocol; /* that has left by then */
        unsigned reason;
    } steps[] = {
        {6 * SECOND, 17, IDLE},
        {17 * SECOND, 47, IDLE},
        {130 * SECOND, 1, ACTIVE},
        {340 * SECOND, 6, IDLE},
    };
    for (size_t i = 0; i < 4; i++) {
        advance(bench, steps[i].at_ns);
        assert_int_equal(bench->rows.count, i + 1);
        assert_int_equal(bench->rows.records[i].key.protocol, steps[i].protocol);
        assert_int_equal(bench->rows.records[i].reason, steps[i].reason);
    }
    finish(bench);
    /* Exact, whenever they are looked at. */
    bench->rows.count = 0;
    for (int64_t s = 0; s <= 24; s += 4)
        add(bench, of_protocol(s * SECOND, 17, 1));
    add(bench, of_protocol(24 * SECOND, 6, 2));
    add(bench, of_protocol(324 * SECOND, 6, 2));
    add(bench, of_protocol(624 * SECOND + 1, 6, 2));
    finish(bench);
    assert_int_equal(bench->rows.count, 4);
    expect(bench, 0, ACTIVE, 6, 0, 20 * SECOND);
    expect(bench, 1, IDLE, 1, 24 * SECOND, 24 * SECOND);
    expect(bench, 2, IDLE, 2, 24 * SECOND, 324 * SECOND);
    expect(bench, 3, FORCED, 1, 624 * SECOND + 1, 624 * SECOND + 1);
}

static void an_immediate_cache_reports_packets(void **state)
{
    struct bench *bench = *state;
    bench->config.kind = WEIR_CACHE_IMMEDIATE;
    start_biflows(bench);
    struct weir_diag diag;
    for (int i = 0; i < 3000; i++)
        add(bench, segment_of_connection(i, i % 3 != 0, i % 7 ? ACK : RST));
    assert_int_equal(weir_cache_counters(bench->cache).flows_active, 0);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active_peak, 1);
    assert_true(weir_cache_counters(bench->cache).cache_octets < 100000);
    assert_int_equal(weir_cache_advance(bench->cache, 3000, &diag), 0);
    assert_int_equal(bench->rows.count, 3000);
    for (size_t i = 0; i < 3000; i++) {
        expect(bench, i, IDLE, 1, (int64_t)i, (int64_t)i);
        assert_int_equal(bench->rows.records[i].key.src_port, i % 3 != 0 ? 40000 : 443);
    }
    finish(bench);
    assert_int_equal(bench->rows.count, 3000);
    assert_int_equal(weir_cache_counters(bench->cache).flows_expired_idle, 3000);
}

static void a_permanent_cache_reports_deltas(void **state)
{
    struct bench *bench = *state;
    bench->config.kind = WEIR_CACHE_PERMANENT;
    bench->config.interval_ns = 60 * SECOND;
    start(bench);
    for (int64_t s = 30; s <= 150; s += 10)
        add(bench, segment_of_connection(s * SECOND, true, s == 30 ? SYN : RST));
    advance(bench, 1000 * SECOND); /* nothing came for long: there is nothing to report */
    add(bench, segment_of_connection(1000 * SECOND, true, SYN));
    finish(bench);
    assert_int_equal(bench->rows.count, 4);
    expect(bench, 0, ACTIVE, 3, 30 * SECOND, 50 * SECOND);
    expect(bench, 1, ACTIVE, 6, 60 * SECOND, 110 * SECOND);
    expect(bench, 2, ACTIVE, 4, 120 * SECOND, 150 * SECOND);
    expect(bench, 3, FORCED, 1, 1000 * SECOND, 1000 * SECOND);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_continued, 3);
    assert_int_equal(counters.flows_active_peak, 1);
}

/* New flows that find no room are lost, and those that are there are metered on. */
static void a_full_permanent_cache_counts_what_it_loses(void **state)
{
    struct bench *bench = *state;
    bench->config.kind = WEIR_CACHE_PERMANENT;
    bench->config.interval_ns = 10 * SECOND;
    bench->config.entries = 64;
    start(bench);
    for (unsigned round = 0; round < 10; round++)
        for (uint16_t port = 0; port < 1000; port++)
            add(bench, of_protocol((int64_t)round * SECOND, 17, port));
    finish(bench);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(bench->rows.count, 64);
    uint64_t packets = 0;
    for (size_t i = 0; i < bench->rows.count; i++) {
        packets += bench->rows.records[i].packets;
        assert_int_equal(bench->rows.records[i].packets, 10);
        assert_true(bench->rows.records[i].key.src_port < 100);
    }
    assert_int_equal(counters.packets_no_room, 10000 - packets);
    assert_int_equal(counters.octets_no_room, (10000 - packets) * 100);
    assert_int_equal(counters.packets_metered, packets);
    assert_int_equal(counters.octets_metered, packets * 100);
    assert_int_equal(counters.flows_expired_resources, 0);
}

/* Each flow has its turn once in a period, the portions one after another and about as large. */
static void portions_take_turns(void **state)
{
    struct bench *bench = *state;
    enum { FLOWS = 2000, PORTIONS = 6, PERIOD = 60 };
    bench->config.interval_ns = 10 * SECOND;
    bench->config.portions = PORTIONS;
    bench->config.active_ns = 0;
    start(bench);
    size_t seen = 0;
    unsigned turns[FLOWS] = {0};
    size_t in_tick[2 * PERIOD] = {0};
    for (int64_t s = 0; s < 2 * PERIOD; s++) {
        for (unsigned port = 0; port < FLOWS; port++)
            add(bench, of_protocol(s * SECOND, 17, (uint16_t)port));
        advance(bench, s * SECOND);
        for (; seen < bench->rows.count; seen++) {
            const struct slow_record *record = &bench->rows.records[seen];
            assert_int_equal(record->reason, ACTIVE);
            /* Its turn was when Unix time was a multiple of ten seconds. */
            assert_int_equal((record->last_ns / SECOND + 1) % 10, 0);
            assert_int_equal(record->last_ns, (s - 1) * SECOND);
            unsigned turn = (unsigned)(s % PERIOD);
            assert_true(turns[record->key.src_port] == 0 ||
                        turns[record->key.src_port] == turn + 1);
            turns[record->key.src_port] = turn + 1;
            in_tick[s]++;
        }
    }
    for (size_t s = 10; s < 2 * PERIOD; s += 10)
        assert_in_range(in_tick[s], FLOWS / PORTIONS * 3 / 4, FLOWS / PORTIONS * 5 / 4);
    finish(bench);
    for (; seen < bench->rows.count; seen++)
        assert_int_equal(bench->rows.records[seen].reason, FORCED);
}

/* Who had a turn and is silent is found within an eighth of the interval, idle or not. */
static void silent_flows_have_their_turn_in_time(void **state)
{
    struct bench *bench = *state;
    bench->config.kind = WEIR_CACHE_PERMANENT;
    bench->config.interval_ns = 80 * SECOND;
    start(bench);
    add(bench, of_protocol(79 * SECOND, 17, 1));
    for (int64_t s = 79; s < 80; s++)
        advance(bench, s * SECOND);
    assert_int_equal(bench->rows.count, 0);
    for (int64_t s = 80; s <= 92; s++)
        advance(bench, s * SECOND);
    assert_int_equal(bench->rows.count, 1);
    expect(bench, 0, ACTIVE, 1, 79 * SECOND, 79 * SECOND);
}

static void settings_that_do_not_go_together_are_refused(void **state)
{
    struct bench *bench = *state;
    struct weir_batch_sink sink = {.batch = collect_batch, .context = &bench->rows};
    struct weir_cache_config wrong[7];
    for (int i = 0; i < 7; i++)
        wrong[i] = weir_cache_config_default();
    wrong[0].kind = WEIR_CACHE_PERMANENT;
    wrong[1].kind = WEIR_CACHE_IMMEDIATE;
    wrong[1].interval_ns = SECOND;
    wrong[2].portions = 2;
    wrong[3].interval_ns = SECOND;
    wrong[3].portions = WEIR_CACHE_PORTIONS_MAX + 1;
    wrong[4].timeout_count = WEIR_PROTOCOL_TIMEOUTS_MAX + 1;
    wrong[5].timeout_count = 1;
    wrong[5].timeouts[0].idle_ns = 1;
    wrong[6].timeout_count = 1;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_definition_parse("keys=src_addr", &wrong[6].definition, &diag), 0);
    for (int i = 0; i < 7; i++) {
        diag.text[0] = '\0';
        assert_int_equal(weir_cache_new(&wrong[i], &sink, &bench->cache, &diag), WEIR_E_USAGE);
        assert_true(diag.text[0]);
        assert_null(bench->cache);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_active_timeout_keeps_the_entry),
        CASE(a_biflow_keeps_its_direction),
        CASE(a_resting_entry_goes_in_silence),
        CASE(resting_entries_have_no_record),
        CASE(nothing_rests_for_ever),
        CASE(nothing_waits_for_long_timeouts),
        CASE(a_long_interval_ends_in_minutes),
        CASE(a_fin_is_remembered),
        CASE(a_full_counter_keeps_the_entry),
        CASE(protocols_have_their_timeouts),
        CASE(an_immediate_cache_reports_packets),
        CASE(a_permanent_cache_reports_deltas),
        CASE(a_full_permanent_cache_counts_what_it_loses),
        CASE(portions_take_turns),
        CASE(silent_flows_have_their_turn_in_time),
        CASE(settings_that_do_not_go_together_are_refused),
    };
    return cmocka_run_group_tests_name("kinds of caches", tests, NULL, NULL);
}
