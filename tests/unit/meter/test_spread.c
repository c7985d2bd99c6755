/* SPDX-License-Identifier: Apache-2.0 */
/* Caches that have a share of the flows each make the records of one that has all. */
#include "meter/spread.h"

#include "support/cmocka.h"

#include "collect_rows.h"

#define PACKETS 120000u
#define DETAILS 60000u

static uint64_t random_state = 7;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % limit;
}

/* Mostly in order, often late; it jumps by ticks and by timeouts, and once is set back for good. */
static void make_packets(struct weir_packet *packets, struct weir_packet_detail *details,
                         uint64_t hosts)
{
    int64_t now = INT64_C(1700000000) * WEIR_NS_PER_SECOND;
    for (unsigned i = 0; i < PACKETS; i++) {
        now += (int64_t)random_below(300000);
        if (random_below(5000) == 0)
            now += (int64_t)random_below(20 * (uint64_t)WEIR_NS_PER_SECOND);
        if (i == PACKETS / 2)
            now -= 3600 * WEIR_NS_PER_SECOND;
        static const uint16_t flags[] = {0x10, 0x10, 0x10, 0x02, 0x12, 0x11, 0x04};
        packets[i] = (struct weir_packet){
            .key =
                {
                    .src_addr = {0, WEIR_ADDRESS_V4_PREFIX | random_below(hosts)},
                    .dst_addr = {0, WEIR_ADDRESS_V4_PREFIX | random_below(hosts)},
                    .src_port = (uint16_t)random_below(2),
                    .dst_port = (uint16_t)random_below(2),
                    .protocol = 6,
                },
            .time_ns = now - (int64_t)(random_below(4) ? 0 : random_below(400000000)),
            .octets = 40 + (uint32_t)random_below(1000),
            .tcp_flags = flags[random_below(sizeof(flags) / sizeof(flags[0]))],
            .ttl = (uint8_t)random_below(256),
            .detail = (uint16_t)(i % DETAILS),
        };
    }
    for (unsigned i = 0; i < DETAILS; i++) {
        details[i] = (struct weir_packet_detail){
            .src_mac = random_below(2),
            .dst_mac = random_below(2),
            .has = random_below(8) ? WEIR_DETAIL_ETHERNET : 0,
            .inner_vlan = (uint16_t)random_below(2),
            .label_count = (uint8_t)random_below(3),
        };
    }
}

#define BATCH_MAX 4000u

/* Caches that have a share each, and room for a batch of packets for them. */
struct shares {
    struct weir_spread spread;
    struct weir_spread_share each[WEIR_SPREAD_MAX];
    struct weir_spread_batch batch;
    struct weir_packet packets[BATCH_MAX];
    struct weir_flow_place places[BATCH_MAX], scratch[BATCH_MAX];
    uint8_t owners[BATCH_MAX];
};

static struct shares *shares_new(const struct weir_cache_config *config, unsigned count,
                                 const struct weir_batch_sink *sink)
{
    struct shares *shares = calloc(1, sizeof(*shares));
    struct weir_cache_config own = *config;
    struct weir_diag diag;
    for (unsigned i = 0; i < count; i++) {
        struct weir_cache *cache;
        own.share = (struct weir_share){i, count};
        assert_int_equal(weir_cache_new(&own, sink, &cache, &diag), 0);
        weir_spread_share_init(&shares->each[i], cache, own.share);
    }
    weir_spread_init(&shares->spread, shares->each[0].cache, count);
    shares->batch.packets = shares->packets;
    shares->batch.places = shares->places;
    shares->batch.shares = shares->owners;
    return shares;
}

static void shares_take(struct shares *shares, const struct weir_packet *packets, size_t count,
                        const struct weir_packet_detail *details)
{
    weir_spread_sort(&shares->spread, packets, count, details, shares->scratch, &shares->batch);
    for (unsigned i = 0; i < shares->spread.count; i++)
        assert_int_equal(weir_spread_take(&shares->each[i], &shares->batch, details, NULL), 0);
}

/* Batches of one packet, of some, and of many. */
static size_t size_of_next(size_t done)
{
    static const size_t sizes[] = {1, 37, BATCH_MAX, 500};
    size_t size = sizes[done * UINT64_C(0x9e3779b97f4a7c15) >> 62];
    return size < PACKETS - done ? size : PACKETS - done;
}

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct slow_record));
}

/* Sorted, and what the caches counted together. */
static struct weir_cache_counters run(struct weir_cache_config config, unsigned count,
                                      const struct weir_packet *packets,
                                      const struct weir_packet_detail *details,
                                      struct collected *rows)
{
    const struct weir_batch_sink sink = {.batch = collect_batch, .context = rows};
    struct shares *shares = shares_new(&config, count, &sink);
    struct weir_diag diag;
    if (count == 1)
        assert_int_equal(
            weir_cache_add_details(shares->each[0].cache, packets, details, PACKETS, &diag), 0);
    for (size_t done = 0; done < PACKETS && count > 1;) {
        size_t size = size_of_next(done);
        shares_take(shares, packets + done, size, details);
        done += size;
    }
    struct weir_cache_counters total = {0};
    for (unsigned i = 0; i < count; i++) {
        struct weir_spread_share *share = &shares->each[i];
        assert_int_equal(count > 1 ? weir_spread_finish(share, &diag)
                                   : weir_cache_finish(share->cache, &diag),
                         0);
        struct weir_cache_counters own = weir_cache_counters(share->cache);
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &own, &total);
        weir_cache_free(share->cache);
    }
    free(shares);
    qsort(rows->records, rows->count, sizeof(rows->records[0]), compare_records);
    /* The caches were not at their fullest at one moment, and each has some memory of its own. */
    total.flows_active_peak = 0;
    total.cache_octets = 0;
    total.cache_octets_peak = 0;
    return total;
}

/* So many shares make the same records as a single cache, and count the same. */
static void expect_shares(const struct weir_cache_config *config, unsigned count,
                          const struct weir_packet *packets,
                          const struct weir_packet_detail *details, const struct collected *single,
                          const struct weir_cache_counters *expected)
{
    struct collected rows = {0};
    struct weir_cache_counters counters = run(*config, count, packets, details, &rows);
    assert_memory_equal(&counters, expected, sizeof(counters));
    assert_int_equal(rows.count, single->count);
    assert_memory_equal(rows.records, single->records, rows.count * sizeof(rows.records[0]));
    free(rows.records);
}

static void expect_the_same(const struct weir_cache_config *config, uint64_t hosts,
                            struct weir_cache_counters *ret_counters)
{
    struct weir_packet *packets = calloc(PACKETS, sizeof(*packets));
    struct weir_packet_detail *details = calloc(DETAILS, sizeof(*details));
    make_packets(packets, details, hosts);
    struct collected single = {0};
    *ret_counters = run(*config, 1, packets, details, &single);
    static const unsigned counts[] = {2, 3, 4};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        expect_shares(config, counts[i], packets, details, &single, ret_counters);
    free(single.records);
    free(details);
    free(packets);
}

static struct weir_cache_config config_of(const char *definition)
{
    struct weir_cache_config config = weir_cache_config_default();
    struct weir_diag diag;
    config.entries = 16384;
    config.idle_ns = WEIR_NS_PER_SECOND;
    config.active_ns = 10 * WEIR_NS_PER_SECOND;
    config.linger_ns = 200 * WEIR_NS_PER_MS;
    assert_int_equal(weir_flow_definition_parse(definition, &config.definition, &diag), 0);
    return config;
}

static void shares_make_the_records_of_one_cache(void **state)
{
    (void)state;
    static const char *const definitions[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=src_addr,dst_port",
        "keys=protocol",
        "keys=src_addr/31,dst_port,ttl/3",
        "keys=src_mac,dst_mac,inner_vlan,dst_port,mpls_label_1",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,src_mac,inner_vlan,mpls_label_2/20",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,src_mac,dst_mac",
    };
    const size_t count = sizeof(definitions) / sizeof(definitions[0]);
    for (size_t i = 0; i < count; i++) {
        struct weir_cache_config config = config_of(definitions[i]);
        if (i + 2 >= count)
            config.biflow = WEIR_BIFLOW_SYN;
        struct weir_cache_counters counters;
        expect_the_same(&config, 60, &counters);
        assert_int_equal(counters.packets_metered, PACKETS);
        assert_int_equal(counters.clock_steps_back, 1);
        assert_true(counters.packets_late > 1000);
        assert_int_equal(counters.flows_expired_resources, 0);
    }
}

/* Nor when flows are reported, and what a permanent cache has no room for. */
static void kinds_and_limits_are_shared(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct weir_cache_config config =
            config_of("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
        static const enum weir_cache_kind kinds[] = {WEIR_CACHE_NORMAL, WEIR_CACHE_NORMAL,
                                                     WEIR_CACHE_PERMANENT, WEIR_CACHE_IMMEDIATE};
        config.kind = kinds[i];
        config.interval_ns = i == 0 || i == 3 ? 0 : WEIR_NS_PER_SECOND;
        config.portions = i == 1 ? 5 : 1;
        config.timeout_count = i == 0;
        config.timeouts[0] = (struct weir_protocol_timeouts){
            .protocol = 6, .idle_ns = 3 * WEIR_NS_PER_SECOND, .active_ns = WEIR_NS_PER_SECOND};
        struct weir_cache_counters counters;
        expect_the_same(&config, i == 2 ? 100 : 60, &counters);
        assert_true(i == 3 || counters.flows_continued > 1000);
        assert_int_equal(counters.packets_metered + counters.packets_no_room, PACKETS);
        assert_true((i == 2) == (counters.packets_no_room > 1000));
    }
}

/* Which flow makes room does not depend on who else has a share. */
static void also_where_there_is_no_room(void **state)
{
    (void)state;
    struct weir_cache_config config =
        config_of("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
    config.idle_ns = 60 * WEIR_NS_PER_SECOND;
    config.active_ns = 600 * WEIR_NS_PER_SECOND;
    struct weir_cache_counters counters;
    expect_the_same(&config, 1000, &counters);
    assert_true(counters.flows_expired_resources > 10000);
    assert_true(counters.flows_expired_idle > 0);
}

/* In the order of time, as captures mostly are, and up to its end: only a share's own is looked at.
 */
static void also_where_no_packet_is_late(void **state)
{
    (void)state;
    struct weir_cache_config config =
        config_of("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
    struct weir_packet *packets = calloc(PACKETS, sizeof(*packets));
    struct weir_packet_detail *details = calloc(DETAILS, sizeof(*details));
    struct collected single = {0};
    make_packets(packets, details, 60);
    for (unsigned i = 0; i < PACKETS; i++)
        packets[i].time_ns = i > PACKETS - 300
                                 ? INT64_MAX
                                 : (int64_t)i * 150000 + (int64_t)(i / 9000) * WEIR_NS_PER_SECOND;
    struct weir_cache_counters expected = run(config, 1, packets, details, &single);
    assert_int_equal(expected.packets_late, 0);
    expect_shares(&config, 3, packets, details, &single, &expected);
    free(single.records);
    free(details);
    free(packets);
}

/*
 * Flows of one packet each, a flow by which time goes on until some of these have ended within a
 * tick, and then the clock is set back: all know by which time they end.
 */
static void what_has_ended_before_the_clock_is_set_back_is_the_same(void **state)
{
    (void)state;
    enum { FLOWS = 200 };
    struct weir_cache_config config =
        config_of("keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if");
    const int64_t start = INT64_C(1700000000) * WEIR_NS_PER_SECOND;
    struct weir_packet *packets = calloc(PACKETS, sizeof(*packets));
    struct collected single = {0};
    config.idle_ns = config.linger_ns = 15 * WEIR_NS_PER_SECOND;
    config.active_ns = 600 * WEIR_NS_PER_SECOND;
    for (unsigned i = 0; i < PACKETS; i++) {
        packets[i].key.src_addr =
            (struct weir_address){0, WEIR_ADDRESS_V4_PREFIX | (i < FLOWS ? i + 1 : 0)};
        packets[i].time_ns = i < FLOWS       ? start + i * WEIR_NS_PER_MS
                             : i < 2 * FLOWS ? start + config.idle_ns + (i - FLOWS) * WEIR_NS_PER_MS
                                             : start - 100 * WEIR_NS_PER_SECOND;
    }
    struct weir_cache_counters expected = run(config, 1, packets, NULL, &single);
    assert_int_equal(expected.clock_steps_back, 1);
    assert_int_equal(expected.flows_expired_idle, FLOWS - 1);
    expect_shares(&config, 4, packets, NULL, &single, &expected);
    free(single.records);
    free(packets);
}

/*
 * A single cache sweeps all its regions from the first packet on. Who heard of the time only at
 * the first tick would sweep other sets than it does, ever after.
 */
static void all_know_the_time_from_the_first_packet_on(void **state)
{
    (void)state;
    struct weir_cache_config config = config_of("keys=src_addr");
    struct collected rows = {0};
    const struct weir_batch_sink sink = {.batch = collect_batch, .context = &rows};
    struct weir_packet packet = {.time_ns = INT64_C(1700000000) * WEIR_NS_PER_SECOND};
    struct shares *shares = shares_new(&config, 4, &sink);
    /* Also of a second file. */
    for (unsigned file = 0; file < 2; file++) {
        uint64_t metered = 0;
        shares_take(shares, &packet, 1, NULL);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(weir_cache_now(shares->each[i].cache), packet.time_ns);
            assert_int_equal(weir_spread_now(&shares->each[i]), packet.time_ns);
            metered += weir_cache_counters(shares->each[i].cache).packets_metered;
            assert_int_equal(weir_spread_finish(&shares->each[i], NULL), 0);
            assert_int_equal(weir_spread_now(&shares->each[i]), 0);
        }
        assert_int_equal(metered, file + 1);
    }
    for (unsigned i = 0; i < 4; i++)
        weir_cache_free(shares->each[i].cache);
    free(shares);
    free(rows.records);
}

static void small_caches_are_not_divided(void **state)
{
    (void)state;
    struct weir_cache_config config = weir_cache_config_default();
    const struct weir_batch_sink sink = {.batch = collect_batch};
    struct weir_cache *cache;
    struct weir_diag diag = {0};
    config.share = (struct weir_share){0, 17};
    assert_int_equal(weir_cache_new(&config, &sink, &cache, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "a cache of 65536 entries has 16 shares at most");
    config.entries = 8191;
    config.share.count = 2;
    assert_int_equal(weir_cache_new(&config, &sink, &cache, &diag), WEIR_E_USAGE);
    assert_int_equal(weir_cache_regions(1), 1);
    assert_int_equal(weir_cache_regions(8192), 2);
    assert_int_equal(weir_cache_regions(WEIR_CACHE_ENTRIES_MAX), WEIR_SPREAD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_make_the_records_of_one_cache),
        cmocka_unit_test(kinds_and_limits_are_shared),
        cmocka_unit_test(also_where_there_is_no_room),
        cmocka_unit_test(also_where_no_packet_is_late),
        cmocka_unit_test(what_has_ended_before_the_clock_is_set_back_is_the_same),
        cmocka_unit_test(all_know_the_time_from_the_first_packet_on),
        cmocka_unit_test(small_caches_are_not_divided),
    };
    return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
