/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/cache.h"

#include "support/cmocka.h"

#include <malloc.h>

#include "collect_rows.h"
#include "connection.h"
#include "meter/private.h"

#define SECOND WEIR_NS_PER_SECOND

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { IDLE = 1, ACTIVE = 2, END = 3, FORCED = 4, RESOURCES = 5 };

/* A cache and what came out of it. */
struct bench {
    struct weir_cache_config config;
    struct weir_cache *cache;
    struct collected rows;
};

static void start(struct bench *bench)
{
    struct weir_batch_sink sink = {.batch = collect_batch, .context = &bench->rows};
    struct weir_diag diag;
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, &diag), 0);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->config = weir_cache_config_default();
    bench->config.entries = 1024;
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

static struct weir_packet udp(int64_t time_ns, uint16_t port)
{
    struct weir_packet packet = segment_of_connection(time_ns, true, 0);
    packet.key.protocol = 17;
    packet.key.src_port = port;
    return packet;
}

static void add(struct bench *bench, struct weir_packet packet)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_add(bench->cache, &packet, 1, &diag), 0);
}

static void finish(struct bench *bench)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
}

/* The only record with this source port. */
static const struct slow_record *from_port(const struct bench *bench, uint16_t port)
{
    const struct slow_record *found = NULL;
    for (size_t i = 0; i < bench->rows.count; i++)
        if (bench->rows.records[i].key.src_port == port) {
            assert_null(found);
            found = &bench->rows.records[i];
        }
    assert_non_null(found);
    return found;
}

static void a_connection_is_two_flows(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, segment_of_connection(0, true, SYN));
    add(bench, segment_of_connection(1000, false, SYN | ACK));
    add(bench, segment_of_connection(2000, true, ACK));
    add(bench, segment_of_connection(3000, true, FIN | ACK));
    add(bench, segment_of_connection(4000, false, FIN | ACK));
    add(bench, segment_of_connection(5000, true,
                                     ACK)); /* the last word belongs to the flow, and opens none */
    add(bench, udp(60 * SECOND, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    const struct slow_record *forth = from_port(bench, 40000);
    assert_int_equal(forth->packets, 4);
    assert_int_equal(forth->octets, 400);
    assert_int_equal(forth->reason, END);
    assert_int_equal(forth->tcp_flags, SYN | FIN | ACK);
    assert_int_equal(forth->first_ns, 0);
    assert_int_equal(forth->last_ns, 5000);
    const struct slow_record *back = from_port(bench, 443);
    assert_int_equal(back->packets, 2);
    assert_int_equal(back->reason, END);
    assert_int_equal(from_port(bench, 1)->reason, FORCED);
}

static void one_fin_ends_no_connection(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, segment_of_connection(0, true, FIN | ACK));
    add(bench, segment_of_connection(SECOND, false, ACK));
    add(bench,
        segment_of_connection(12 * SECOND, true, ACK)); /* the other half stays open for long */
    add(bench, udp(60 * SECOND, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    assert_int_equal(from_port(bench, 40000)->packets, 2);
    assert_int_equal(from_port(bench, 40000)->reason, IDLE);
    assert_int_equal(from_port(bench, 443)->reason, IDLE);
}

static void reset_ends_both_directions(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, segment_of_connection(0, true, SYN));
    add(bench, segment_of_connection(1, false, RST | ACK));
    add(bench, segment_of_connection(3 * SECOND, true,
                                     SYN)); /* later than the linger time: another flow */
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    assert_int_equal(bench->rows.records[0].reason, END);
    assert_int_equal(bench->rows.records[1].reason, END);
    assert_int_equal(bench->rows.records[2].reason, FORCED);
}

static void a_new_connection_does_not_wait(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (int64_t i = 0; i < 3; i++) {
        int64_t at = i * 1000;
        add(bench, segment_of_connection(at, true, SYN));
        add(bench, segment_of_connection(at + 1, false, SYN | ACK));
        add(bench, segment_of_connection(at + 2, true, FIN | ACK));
        add(bench, segment_of_connection(at + 3, false, FIN | ACK));
        add(bench, segment_of_connection(at + 4, true, ACK));
    }
    finish(bench);
    assert_int_equal(bench->rows.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(bench->rows.records[i].reason, END);
        assert_int_equal(bench->rows.records[i].packets,
                         bench->rows.records[i].key.src_port == 443 ? 2 : 3);
    }
}

static void every_tos_of_a_connection_ends(void **state)
{
    struct bench *bench = *state;
    start(bench);
    struct weir_packet plain = segment_of_connection(0, true, SYN);
    struct weir_packet marked = segment_of_connection(1, true, FIN | ACK);
    marked.key.tos = 2;
    add(bench, plain);
    add(bench, marked);
    struct weir_packet back = segment_of_connection(2, false, FIN | ACK);
    back.key.tos = 184;
    add(bench, back);
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bench->rows.records[i].reason, END);
}

static void timeouts_are_exact(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, udp(7, 1));
    add(bench, udp(7 + 15 * SECOND, 1)); /* silent for the timeout, not longer */
    add(bench, udp(7 + 30 * SECOND + 1, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    assert_int_equal(bench->rows.records[0].packets, 2);
    assert_int_equal(bench->rows.records[0].reason, IDLE);
    assert_int_equal(bench->rows.records[1].packets, 1);
}

static void active_timeout_cuts_long_flows(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (int64_t i = 0; i <= 600; i++)
        add(bench, udp(i * 10 * SECOND, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench->rows.records[i].reason, ACTIVE);
        assert_int_equal(bench->rows.records[i].packets, 181);
        assert_int_equal(bench->rows.records[i].first_ns, (int64_t)i * 1810 * SECOND);
        assert_int_equal(bench->rows.records[i].last_ns, ((int64_t)i * 1810 + 1800) * SECOND);
    }
    assert_int_equal(bench->rows.records[3].packets, 601 - 3 * 181);
}

static void fields_are_as_documented(void **state)
{
    struct bench *bench = *state;
    bench->config.definition = weir_flow_definition_5_tuple();
    uint32_t if_index[] = {10, 20};
    bench->config.if_index = if_index;
    bench->config.if_count = 2;
    start(bench);
    struct weir_packet packet = udp(1000, 9);
    packet.flags = WEIR_PACKET_V6;
    packet.key.tos = 184;
    packet.key.observation_point = 1;
    packet.ttl = 60;
    packet.vlan = 4095;
    packet.flow_label = 0xfffff;
    add(bench, packet);
    packet.time_ns = 500; /* came late */
    packet.key.tos = 0;
    packet.key.observation_point = 0;
    packet.ttl = 55;
    packet.vlan = 1;
    packet.flow_label = 1;
    add(bench, packet);
    packet.ttl = 255;
    packet.time_ns = 900;
    packet.octets = 1;
    add(bench, packet);
    finish(bench);
    assert_int_equal(bench->rows.count, 1);
    const struct slow_record *record = bench->rows.records;
    assert_int_equal(record->first_ns, 500);
    assert_int_equal(record->last_ns, 1000);
    assert_int_equal(record->packets, 3);
    assert_int_equal(record->octets, 201);
    assert_int_equal(record->key.tos, 184);
    assert_int_equal(record->key.observation_point, 20);
    assert_int_equal(record->ttl_min, 55);
    assert_int_equal(record->ttl_max, 255);
    assert_int_equal(record->vlan, 4095);
    assert_int_equal(record->flow_label, 0xfffff);
    assert_true(record->is_v6);
    assert_int_equal(weir_cache_counters(bench->cache).packets_late, 2);
}

static void icmp_has_type_and_code(void **state)
{
    struct bench *bench = *state;
    start(bench);
    struct weir_packet echo = udp(0, 0);
    echo.key.protocol = 1;
    echo.key.dst_port = 3 * 256 + 13;
    add(bench, echo);
    echo.key.protocol = 58;
    echo.key.dst_port = 128 * 256;
    echo.flags = WEIR_PACKET_V6;
    add(bench, echo);
    add(bench, udp(0, 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 3);
    assert_int_equal(bench->rows.batches, 3); /* a shape each */
    for (size_t i = 0; i < 3; i++) {
        const struct slow_record *record = &bench->rows.records[i];
        bool is_v4 = record->key.protocol == 1;
        bool is_v6 = record->key.protocol == 58;
        assert_int_equal(record->icmp_type, is_v4 ? 3 : is_v6 ? 128 : 0);
        assert_int_equal(record->icmp_code, is_v4 ? 13 : 0);
    }
}

static void a_late_packet_lives_on_cache_time(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, udp(1000 * SECOND, 1));
    for (int i = 0; i < 10; i++)
        add(bench, udp(i * SECOND, 2)); /* an interface with a slow clock: still one flow */
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    assert_int_equal(from_port(bench, 2)->packets, 10);
    assert_int_equal(from_port(bench, 2)->first_ns, 0);
    assert_int_equal(from_port(bench, 2)->last_ns, 9 * SECOND);
}

static void a_clock_set_back_starts_anew(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, udp(100000 * SECOND, 1)); /* nonsense, then 2,000 packets of sense */
    for (int i = 0; i < 2000; i++)
        add(bench, udp(i * SECOND / 2, 2));
    add(bench, udp(1100 * SECOND, 3));
    finish(bench);
    assert_int_equal(weir_cache_counters(bench->cache).clock_steps_back, 1);
    assert_int_equal(from_port(bench, 1)->reason, FORCED);
    assert_int_equal(from_port(bench, 3)->reason, FORCED);
    size_t idle = 0;
    uint64_t packets = 0;
    for (size_t i = 0; i < bench->rows.count; i++)
        if (bench->rows.records[i].key.src_port == 2) {
            packets += bench->rows.records[i].packets;
            idle += bench->rows.records[i].reason == IDLE;
        }
    assert_int_equal(packets, 2000);
    assert_int_equal(idle, 1);
}

static void times_at_the_ends_of_the_scale(void **state)
{
    struct bench *bench = *state;
    start(bench);
    const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_MIN, 0, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        add(bench, udp(times[i], 1));
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    assert_int_equal(bench->rows.records[0].packets, 1);
    assert_int_equal(bench->rows.records[0].reason, IDLE);
    assert_int_equal(bench->rows.records[1].packets, 5);
    assert_int_equal(bench->rows.records[1].first_ns, INT64_MIN);
    assert_int_equal(bench->rows.records[1].last_ns, INT64_MAX);
}

/* A small cache and 50 times as many flows: nothing is lost, and no more are held than asked. */
static void lack_of_room_loses_nothing(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 64;
    start(bench);
    uint64_t packets = 0;
    for (unsigned round = 0; round < 7; round++)
        for (unsigned port = 0; port < 3200; port++, packets++) {
            add(bench, udp((int64_t)packets * 1000000, (uint16_t)port));
            assert_in_range(weir_cache_counters(bench->cache).flows_active, 1, 64);
        }
    finish(bench);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_active_peak, 64);
    assert_int_equal(counters.packets_metered, packets);
    assert_int_equal(counters.octets_metered, packets * 100);
    assert_int_equal(counters.flows_created, bench->rows.count);
    assert_int_equal(counters.flows_exported, bench->rows.count);
    assert_int_equal(counters.flows_expired_resources + counters.flows_expired_forced,
                     bench->rows.count);
    assert_true(counters.flows_expired_resources > 20000);
    uint64_t sum = 0;
    for (size_t i = 0; i < bench->rows.count; i++)
        sum += bench->rows.records[i].packets;
    assert_int_equal(sum, packets);
}

static void one_entry_does(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 1;
    start(bench);
    for (uint16_t i = 0; i < 100; i++)
        add(bench, udp(i, i / 2));
    finish(bench);
    assert_int_equal(bench->rows.count, 50);
    assert_int_equal(weir_cache_counters(bench->cache).flows_active_peak, 1);
}

static uint32_t set_of(const struct bench *bench, struct weir_packet packet)
{
    struct weir_flow_place place;
    weir_flow_hash_portable(&bench->cache->hasher, &packet, NULL, &place, 1);
    return (place.bits & (bench->cache->row_count - 1)) * bench->cache->bucket_count + place.bucket;
}

/* The victim is the oldest of the new flow's set, or was seen less than a tick after it. */
static void the_oldest_goes_first(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 256;
    bench->config.idle_ns = 1280 * SECOND; /* a tick is 10 s */
    start(bench);
    enum { FLOWS = 2000 };
    bool gone[FLOWS] = {false};
    for (unsigned i = 0; i < FLOWS; i++) {
        size_t before = bench->rows.count;
        struct weir_packet packet = udp((int64_t)i * SECOND / 4, (uint16_t)i);
        add(bench, packet);
        struct weir_diag diag;
        assert_int_equal(weir_cache_advance(bench->cache, packet.time_ns, &diag), 0);
        if (bench->rows.count == before)
            continue;
        assert_int_equal(bench->rows.count, before + 1);
        const struct slow_record *victim = &bench->rows.records[before];
        assert_int_equal(victim->reason, RESOURCES);
        uint32_t set = set_of(bench, packet);
        int64_t oldest = INT64_MAX;
        for (unsigned k = 0; k < i; k++) {
            struct weir_packet other = udp((int64_t)k * SECOND / 4, (uint16_t)k);
            if (!gone[k] && set_of(bench, other) == set && other.time_ns < oldest)
                oldest = other.time_ns;
        }
        assert_true(victim->last_ns - oldest < 10 * SECOND);
        gone[victim->key.src_port] = true;
    }
    assert_true(bench->rows.count > FLOWS / 2);
}

/*
 * What has ended goes as ended, never as lack of room, also where no sweep has come by: flows come
 * at such a rate that the cache is full just when the first of them end.
 */
static void room_is_made_of_ended_flows(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 256;
    bench->config.idle_ns = 1280 * SECOND; /* a tick is 10 s, and a flow comes every 5 */
    start(bench);
    enum { FLOWS = 3000 };
    bool gone[FLOWS] = {false};
    unsigned idle = 0;
    unsigned resources = 0;
    struct weir_diag diag;
    for (unsigned i = 0; i < FLOWS; i++) {
        size_t before = bench->rows.count;
        struct weir_packet packet = udp((int64_t)i * 5 * SECOND + i % 7, (uint16_t)i);
        add(bench, packet);
        assert_int_equal(weir_cache_advance(bench->cache, packet.time_ns, &diag), 0);
        bool lacked = false;
        bool had = false; /* what had ended in its set */
        for (size_t k = before; k < bench->rows.count; k++) {
            const struct slow_record *left = &bench->rows.records[k];
            struct weir_packet other = udp(left->first_ns, left->key.src_port);
            gone[left->key.src_port] = true;
            lacked |= left->reason == RESOURCES;
            had |= left->reason == IDLE && set_of(bench, other) == set_of(bench, packet);
            idle += left->reason == IDLE;
        }
        assert_false(lacked && had);
        resources += lacked;
        for (unsigned k = 0; lacked && k < i; k++) {
            struct weir_packet other = udp((int64_t)k * 5 * SECOND + k % 7, (uint16_t)k);
            if (!gone[k] && set_of(bench, other) == set_of(bench, packet))
                assert_true(packet.time_ns - other.time_ns <= bench->config.idle_ns);
        }
    }
    assert_true(idle > 1000);
    assert_true(resources > 100);
}

/* Who only waits for a last packet has ended already, and is not lost for want of room. */
static void room_is_made_of_ended_connections(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 1;
    start(bench);
    struct weir_packet reset = udp(0, 1);
    reset.key.protocol = 6;
    reset.tcp_flags = RST;
    add(bench, reset);
    add(bench, udp(SECOND, 2));
    finish(bench);
    assert_int_equal(from_port(bench, 1)->reason, END);
    assert_int_equal(weir_cache_counters(bench->cache).flows_expired_resources, 0);
}

static void room_is_made_of_overdue_flows(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 1;
    start(bench);
    for (int64_t i = 0; i <= 180; i++)
        add(bench, udp(i * 10 * SECOND, 1));
    add(bench, udp(1800 * SECOND + 1, 2));
    finish(bench);
    assert_int_equal(from_port(bench, 1)->reason, ACTIVE);
}

/* In a flood all flows are of one tick: the newest must not be what always goes. */
static void a_flood_does_not_evict_its_newest(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 256;
    start(bench);
    unsigned evictions = 0;
    unsigned newest = 0;
    struct weir_diag diag;
    for (unsigned i = 0; i < 5000; i++) {
        size_t before = bench->rows.count;
        add(bench, udp((int64_t)i, (uint16_t)i));
        assert_int_equal(weir_cache_advance(bench->cache, (int64_t)i, &diag), 0);
        for (size_t k = before; k < bench->rows.count; k++) {
            evictions++;
            newest += bench->rows.records[k].key.src_port + 20u > i;
        }
    }
    assert_true(evictions > 4000);
    assert_true(newest < evictions / 4);
}

static void counters_that_are_full_end_a_flow(void **state)
{
    struct bench *bench = *state;
    start(bench);
    struct weir_packet jumbo = udp(0, 1);
    jumbo.octets = UINT32_MAX;
    enum { JUMBOS = 70000 };
    for (unsigned i = 0; i < JUMBOS; i++)
        add(bench, jumbo);
    finish(bench);
    assert_int_equal(bench->rows.count, 2);
    assert_int_equal(bench->rows.records[0].reason, RESOURCES);
    assert_int_equal(bench->rows.records[0].octets + bench->rows.records[1].octets,
                     (uint64_t)JUMBOS * UINT32_MAX);
    assert_true(bench->rows.records[0].octets < UINT64_C(1) << 48);

    bench->cache->packets_limit = 10;
    for (unsigned i = 0; i < 25; i++)
        add(bench, udp(0, 2));
    finish(bench);
    assert_int_equal(bench->rows.count, 5);
    assert_int_equal(bench->rows.records[2].packets, 10);
    assert_int_equal(bench->rows.records[3].packets, 10);
    assert_int_equal(bench->rows.records[4].packets, 5);
}

/*
 * However the clock steps, a flow has left an eighth of the timeout after its end at the latest
 * (and two ticks, which the sweep's slices are rounded up to).
 */
static void ended_flows_leave_in_time(void **state)
{
    struct bench *bench = *state;
    bench->config.idle_ns = 1280 * SECOND; /* a tick is 10 s */
    bench->config.linger_ns = 100 * SECOND;
    start(bench);
    enum { FLOWS = 1500 };
    static const int64_t steps[] = {1,    5,    10,   35,   640,  641, 650,
                                    1000, 1270, 1275, 2000, 2600, 9999};
    bool gone[FLOWS] = {false};
    int64_t times[FLOWS];
    int64_t now = 0;
    struct weir_diag diag;
    uint64_t random = 1;
    size_t seen = 0;
    for (unsigned i = 0; i < FLOWS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (random >> 60 < 12)
            now += steps[(random >> 40) % (random >> 62 ? 4 : 13)] * SECOND;
        /* Every other flow is a connection that was reset at once. */
        struct weir_packet packet = udp(now, (uint16_t)i);
        if (i % 2) {
            packet.key.protocol = 6;
            packet.tcp_flags = RST;
        }
        times[i] = now;
        add(bench, packet);
        if (i % 4 == 1)
            add(bench, packet);
        assert_int_equal(weir_cache_advance(bench->cache, now, &diag), 0);
        for (; seen < bench->rows.count; seen++)
            gone[bench->rows.records[seen].key.src_port] = true;
        for (unsigned k = 0; k <= i; k++) {
            int64_t end = times[k] + (k % 2 ? bench->config.linger_ns : bench->config.idle_ns);
            if (now > end + 180 * SECOND)
                assert_true(gone[k]);
            if (now <= end)
                assert_false(gone[k]);
        }
    }
}

/* Late packets count for a clock set back only when nothing on time comes between them. */
static void packets_on_time_keep_the_clock(void **state)
{
    struct bench *bench = *state;
    start(bench);
    for (int64_t round = 0; round < 5; round++) {
        add(bench, udp((1000 + round) * SECOND, 1));
        for (unsigned i = 0; i < WEIR_CACHE_STEP_PACKETS - 1; i++)
            add(bench, udp(0, 2));
    }
    assert_int_equal(weir_cache_counters(bench->cache).clock_steps_back, 0);
    add(bench, udp(0, 2));
    assert_int_equal(weir_cache_counters(bench->cache).clock_steps_back, 1);
}

/* What is taken is taken at the start: a packet never waits for memory. */
static void metering_allocates_nothing(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 64;
    start(bench);
    bench->rows.fail_with = WEIR_E_IO; /* the test's sink keeps no rows then */
    struct weir_diag diag;
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < 100000; i++) {
        struct weir_packet packet = udp((int64_t)i * SECOND / 100, (uint16_t)(i * 7));
        (void)!weir_cache_add(bench->cache, &packet, 1, &diag);
    }
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_int_equal(after.hblkhd, before.hblkhd);
}

static void a_failing_sink_is_reported(void **state)
{
    struct bench *bench = *state;
    start(bench);
    add(bench, udp(0, 1));
    bench->rows.fail_with = WEIR_E_IO;
    struct weir_diag diag = {0};
    assert_int_equal(weir_cache_finish(bench->cache, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "told to fail");
    assert_int_equal(weir_cache_counters(bench->cache).flows_exported, 0);
}

static void settings_out_of_range_are_refused(void **state)
{
    struct bench *bench = *state;
    struct weir_batch_sink sink = {.batch = collect_batch, .context = &bench->rows};
    struct weir_cache_config wrong[5];
    for (int i = 0; i < 5; i++)
        wrong[i] = weir_cache_config_default();
    wrong[0].entries = 0;
    wrong[1].entries = WEIR_CACHE_ENTRIES_MAX + 1;
    wrong[2].idle_ns = WEIR_CACHE_TIMEOUT_MIN - 1;
    wrong[3].active_ns = WEIR_CACHE_TIMEOUT_MAX + 1;
    wrong[4].linger_ns = -1;
    for (int i = 0; i < 5; i++) {
        struct weir_diag diag = {0};
        assert_int_equal(weir_cache_new(&wrong[i], &sink, &bench->cache, &diag), WEIR_E_USAGE);
        assert_true(diag.text[0]);
        assert_null(bench->cache);
    }
}

/* A connection has more lengths than a set has room for flows. */
static void lengths_of_a_connection_do_not_crowd(void **state)
{
    struct bench *bench = *state;
    struct weir_diag diag;
    assert_int_equal(
        weir_flow_definition_parse("keys=src_addr,dst_addr,src_port,dst_port,protocol,length",
                                   &bench->config.definition, &diag),
        0);
    bench->config.entries = 65536;
    start(bench);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned length = 28; length < 1500; length++) {
            struct weir_packet packet = udp(0, 1);
            packet.octets = length;
            add(bench, packet);
        }
    }
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_expired_resources, 0);
    assert_int_equal(counters.flows_active, 1500 - 28);
}

/* Flows whose key is the interface are told apart also where packets went out by it. */
static void an_interface_that_is_a_key_is_shown_either_way(void **state)
{
    struct bench *bench = *state;
    const weir_column_set out = WEIR_COLUMN_BIT(OUT_IF) | WEIR_COLUMN_BIT(DIRECTION);
    static const struct {
        const char *definition;
        bool shows;
    } rows[] = {
        {"keys=in_if,protocol fields=packets", true},
        {"keys=protocol fields=packets,in_if", true},
        {"keys=protocol", true},
        {"keys=protocol fields=packets", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_diag diag;
        assert_int_equal(
            weir_flow_definition_parse(rows[i].definition, &bench->config.definition, &diag), 0);
        bench->config.tells_direction = true;
        assert_int_equal(weir_cache_columns(&bench->config) & out, rows[i].shows ? out : 0);
        bench->config.tells_direction = false;
        assert_int_equal(weir_cache_columns(&bench->config) & out, 0);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_connection_is_two_flows),
        CASE(one_fin_ends_no_connection),
        CASE(reset_ends_both_directions),
        CASE(a_new_connection_does_not_wait),
        CASE(every_tos_of_a_connection_ends),
        CASE(timeouts_are_exact),
        CASE(active_timeout_cuts_long_flows),
        CASE(fields_are_as_documented),
        CASE(icmp_has_type_and_code),
        CASE(a_late_packet_lives_on_cache_time),
        CASE(a_clock_set_back_starts_anew),
        CASE(times_at_the_ends_of_the_scale),
        CASE(lack_of_room_loses_nothing),
        CASE(one_entry_does),
        CASE(the_oldest_goes_first),
        CASE(room_is_made_of_ended_flows),
        CASE(counters_that_are_full_end_a_flow),
        CASE(ended_flows_leave_in_time),
        CASE(packets_on_time_keep_the_clock),
        CASE(room_is_made_of_ended_connections),
        CASE(room_is_made_of_overdue_flows),
        CASE(a_flood_does_not_evict_its_newest),
        CASE(metering_allocates_nothing),
        CASE(a_failing_sink_is_reported),
        CASE(settings_out_of_range_are_refused),
        CASE(lengths_of_a_connection_do_not_crowd),
        CASE(an_interface_that_is_a_key_is_shown_either_way),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
