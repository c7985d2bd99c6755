/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's memory follows its flows, in small steps, and no record shows it. */
#include "meter/cache.h"

#include <stdio.h>
#include <unistd.h>

#include "support/cmocka.h"

#include "collect_rows.h"
#include "meter/private.h"

#define SECOND WEIR_NS_PER_SECOND
#define MEBI   (UINT64_C(1) << 20)

/* What one packet may wait for: the sets of one bucket. */
#define STEP_SETS 64u

struct bench {
    struct weir_cache_config config;
    struct weir_cache *cache;
    struct collected rows;
    uint64_t most_steps; /* sets divided for one packet */
};

static int count_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    *(uint64_t *)context += batch->row_count;
    return 0;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->config = weir_cache_config_default();
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

static void start(struct bench *bench, struct weir_batch_sink sink)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, &diag), 0);
}

static void start_collecting(struct bench *bench)
{
    start(bench, (struct weir_batch_sink){.batch = collect_batch, .context = &bench->rows});
}

static struct weir_packet flow_packet(int64_t time_ns, uint32_t flow)
{
    return (struct weir_packet){
        .key = {.src_addr = weir_address_from_v4(flow),
                .dst_addr = weir_address_from_v4(0xc6336401),
                .src_port = 40000,
                .dst_port = 53,
                .protocol = 17},
        .time_ns = time_ns,
        .octets = 100,
        .ttl = 64,
    };
}

static void add(struct bench *bench, struct weir_packet packet)
{
    struct weir_diag diag;
    uint64_t before = bench->cache->counters.sets_split;
    assert_int_equal(weir_cache_add(bench->cache, &packet, 1, &diag), 0);
    uint64_t steps = bench->cache->counters.sets_split - before;
    if (steps > bench->most_steps)
        bench->most_steps = steps;
}

static uint64_t octets_of(const struct bench *bench)
{
    return weir_cache_counters(bench->cache).cache_octets;
}

static uint64_t resident_octets(void)
{
    char line[128], *end;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    /* The second number; the first is the address space. */
    (void)strtoull(line, &end, 10);
    uint64_t resident = strtoull(end, NULL, 10);
    assert_true(resident > 0);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Ten million entries cost nothing to speak of where there are few flows. */
static void few_flows_take_little(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 10000000;
    uint64_t before = resident_octets();
    start_collecting(bench);
    for (uint32_t i = 0; i < 1000; i++)
        add(bench, flow_packet(0, i));
    assert_true(octets_of(bench) < 24 * MEBI);
    assert_true(resident_octets() - before < 40 * MEBI);
    assert_int_equal(weir_cache_counters(bench->cache).cache_entries, 10000000 / 64 * 64);
}

/*
 * A flood makes the cache grow step by step, and what it took is given back when it is over; the
 * most of it that is ever taken is the cache's size.
 */
static void memory_follows_a_flood(void **state)
{
    struct bench *bench = *state;
    uint64_t exported = 0;
    enum { FLOWS = 1000000 };
    bench->config.entries = FLOWS;
    start(bench, (struct weir_batch_sink){.batch = count_batch, .context = &exported});
    uint64_t empty = octets_of(bench);
    uint64_t resident = resident_octets();
    uint64_t before = empty;
    for (uint32_t i = 0; i < FLOWS; i++) {
        add(bench, flow_packet((int64_t)i * 1000, i));
        /* What the fullest bucket has, all have room for: that counts where there are few. */
        if (i < 100000 && i % 500 == 499)
            assert_true(octets_of(bench) < 4 * empty + (uint64_t)(i + 1) * 900);
        if (i % 50000 == 49999) {
            assert_true(octets_of(bench) >= before);
            before = octets_of(bench);
            /* 98 octets a slot, 7 to 9 slots a flow until the table has its full size. */
            assert_true(before < empty + (uint64_t)(i + 1) * 900);
        }
    }
    assert_true(before > 128 * MEBI);
    assert_true(before < (uint64_t)FLOWS * 128 + 64 * MEBI);
    assert_true(bench->most_steps > 0);
    assert_true(bench->most_steps <= STEP_SETS);
    uint64_t full = resident_octets();
    /* Its flows end; the flow that goes on makes time pass. */
    uint64_t merged_most = 0;
    for (int64_t ns = SECOND; ns < 60 * SECOND; ns += SECOND / 10) {
        uint64_t merged = bench->cache->counters.sets_merged;
        add(bench, flow_packet(ns, 0));
        merged = bench->cache->counters.sets_merged - merged;
        if (merged > merged_most)
            merged_most = merged;
    }
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_active, 1);
    assert_int_equal(counters.sets_merged, counters.sets_split);
    /* No visit makes a bucket smaller by more than some sets, and visits take turns. */
    assert_true(merged_most <= bench->cache->bucket_count);
    assert_int_equal(counters.cache_octets, empty);
    assert_true(counters.cache_octets_peak >= before);
    assert_true(resident_octets() < full - 100 * MEBI);
    assert_true(resident_octets() < resident + 16 * MEBI);
}

/*
 * Slots of biflows, and of keys beside the usual, are larger. There are fewer of them then, so that
 * memory stays the same, and yet hardly a flow ends before the cache has as many as it may.
 */
static void larger_slots_are_fewer(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *definition;
        enum weir_biflow biflow;
        uint64_t most; /* octets */
    } cases[] = {
        {"keys=src_addr,dst_addr,src_port,dst_port,protocol", WEIR_BIFLOW_FIRST,
         128 * UINT64_C(1000000) + 50000000},
        {"keys=src_addr,dst_addr,src_port,dst_port,protocol,vlan", WEIR_BIFLOW_NONE,
         216 * UINT64_C(1000000)},
    };
    enum { FLOWS = 1000000 };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t exported = 0;
        struct weir_diag diag;
        weir_cache_free(bench->cache);
        bench->cache = NULL;
        bench->config.entries = FLOWS;
        bench->config.biflow = cases[i].biflow;
        assert_int_equal(
            weir_flow_definition_parse(cases[i].definition, &bench->config.definition, &diag), 0);
        start(bench, (struct weir_batch_sink){.batch = count_batch, .context = &exported});
        uint32_t entries = (uint32_t)weir_cache_counters(bench->cache).cache_entries;
        for (uint32_t flow = 0; flow < entries; flow++)
            add(bench, flow_packet((int64_t)flow * 1000, flow));
        assert_true(octets_of(bench) <= cases[i].most);
        assert_true(weir_cache_counters(bench->cache).flows_expired_resources < entries / 50);
    }
}

/*
 * The bounded part of the same: a flood of flows that come once does not keep other flows from
 * ending in time, what it pushes out is counted, and every packet is in some record.
 */
static void a_flood_stops_neither_expiry_nor_export(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 4096;
    bench->config.idle_ns = SECOND;
    start_collecting(bench);
    const uint32_t calm = UINT32_C(0xf0000000);
    enum { FLOOD = 400000, EACH = 2000 };
    uint64_t most_octets = 0;
    size_t seen = 0;
    size_t calm_ended = 0;
    int64_t now = 0;
    for (uint32_t i = 0; i < FLOOD; i++) {
        now = (int64_t)i * 25000; /* 10 s in all, so that 4,000 are live by time alone in 0.1 s */
        add(bench, flow_packet(now, i));
        if (i % EACH == 0)
            add(bench, flow_packet(now, calm + i / EACH));
        if (octets_of(bench) > most_octets)
            most_octets = octets_of(bench);
        assert_in_range(weir_cache_counters(bench->cache).flows_active, 1, 4096);
        /* Batches of 1,024 rows leave while the flood goes on. */
        assert_true(bench->cache->counters.flows_created <= bench->rows.count + 4096 + 1024 + 1);
        for (; seen < bench->rows.count; seen++)
            calm_ended +=
                bench->rows.records[seen].key.src_addr.low >= weir_address_from_v4(calm).low;
    }
    assert_true(calm_ended > FLOOD / EACH / 2);
    assert_true(most_octets < 4096 * 256);
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_true(counters.flows_expired_resources > FLOOD / 2);
    assert_int_equal(counters.flows_created, bench->rows.count);
    uint64_t packets = 0;
    for (size_t i = 0; i < bench->rows.count; i++)
        packets += bench->rows.records[i].packets;
    assert_int_equal(packets, FLOOD + FLOOD / EACH);
}

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct slow_record));
}

/* Waves of flows, connections and networks among them. */
static void run_waves(struct bench *bench, uint32_t entries, bool full, struct collected *rows)
{
    bench->config.entries = entries;
    bench->rows = (struct collected){0};
    start_collecting(bench);
    for (uint32_t i = 0; full && i < bench->cache->bucket_count; i++) {
        struct weir_bucket *bucket = &bench->cache->buckets[i];
        bucket->set_count = (uint8_t)bench->cache->row_count;
        bucket->mask = (uint8_t)(bench->cache->row_count - 1);
        bucket->split_at = UINT32_MAX;
        bench->cache->regions[bucket->region].row_count = bench->cache->row_count;
        bench->cache->rows_in_use = bench->cache->row_count;
    }
    uint64_t random = 1;
    int64_t now = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t wave = i / 20000;
        uint32_t flows = wave % 2 ? 50 : 3000 + wave * 300;
        uint32_t flow = (uint32_t)((random >> 33) % flows);
        now += (int64_t)(random >> 60) * (wave % 2 ? 2000000 : 100000);
        struct weir_packet packet = flow_packet(now, flow + wave * 100);
        packet.key.tos = (uint8_t)(random >> 50 & 1);
        if (flow % 3 == 0) {
            packet.key.protocol = 6;
            packet.tcp_flags = random >> 40 & 15 ? 0x10 : 0x14;
        }
        if (flow % 3 == 0 && random >> 55 & 1) {
            packet.key.dst_addr = packet.key.src_addr;
            packet.key.src_addr = weir_address_from_v4(0xc6336401);
            packet.key.src_port = 53;
            packet.key.dst_port = 40000;
        }
        add(bench, packet);
    }
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_expired_resources, 0);
    assert_true(counters.sets_split > 20 || full);
    assert_true(counters.sets_merged > 20);
    weir_cache_free(bench->cache);
    bench->cache = NULL;
    *rows = bench->rows;
    bench->rows = (struct collected){0};
    qsort(rows->records, rows->count, sizeof(*rows->records), compare_records);
}

/* A table that has its full size from the start, a growing one, a much larger one: all the same. */
static void growth_shows_in_no_record(void **state)
{
    struct bench *bench = *state;
    static const char *const definitions[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol",
        "keys=src_addr,dst_addr,protocol,ttl",
    };
    for (unsigned i = 0; i < 6; i++) {
        struct weir_diag diag;
        assert_int_equal(
            weir_flow_definition_parse(definitions[i % 3], &bench->config.definition, &diag), 0);
        bench->config.biflow = i == 4 ? WEIR_BIFLOW_FIRST : WEIR_BIFLOW_NONE;
        struct collected rows[3];
        run_waves(bench, 16384, true, &rows[0]);
        run_waves(bench, 16384, false, &rows[1]);
        run_waves(bench, 1u << 20, false, &rows[2]);
        for (unsigned k = 1; k < 3; k++) {
            assert_int_equal(rows[k].count, rows[0].count);
            assert_memory_equal(rows[k].records, rows[0].records,
                                rows[0].count * sizeof(rows[0].records[0]));
        }
        for (unsigned k = 0; k < 3; k++)
            free(rows[k].records);
    }
}

/* Flows that no bit of their hashes tells apart: dividing would be in vain, and is not tried. */
static void flows_of_one_hash_divide_little(void **state)
{
    struct bench *bench = *state;
    bench->config.entries = 65536;
    start_collecting(bench);
    for (unsigned tos = 0; tos < 256; tos++) {
        struct weir_packet packet = flow_packet((int64_t)tos, 1);
        packet.key.tos = (uint8_t)tos;
        add(bench, packet);
        assert_true(bench->most_steps <= 1);
    }
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.flows_active, 32);
    assert_int_equal(counters.flows_expired_resources, 256 - 32);
    assert_true(counters.sets_split <= 32 / 5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(few_flows_take_little),     CASE(memory_follows_a_flood),
        CASE(larger_slots_are_fewer),    CASE(a_flood_stops_neither_expiry_nor_export),
        CASE(growth_shows_in_no_record), CASE(flows_of_one_hash_divide_little),
    };
    return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
