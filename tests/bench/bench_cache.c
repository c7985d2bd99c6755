/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow cache alone, over packets made before the clock starts.
 *
 *     bench_cache [MIX [ENTRIES [MILLIONS [FLOWS]]]]     MIX: realistic, hard
 *                                                         FLOWS: 5, 7, 10, biflow
 *
 * realistic: connections in both directions whose sizes follow Zipf's law, 37,500 packets a second,
 * TCP 71 %, UDP 26 %, ICMP 3 %, IPv6 20 %. hard: every packet a new flow, a million a second.
 * FLOWS: of 5, 7 (if not said) or 10 keys, or biflows. Prints nanoseconds a packet: of the cache,
 * of reading the packets alone, and the difference.
 *
 *     bench_cache live FLOWS [MILLIONS]
 *
 * So many flows at once, of which each packet hits any: prints the flows, nanoseconds a packet
 * without those of making the packets, and octets of memory a flow. 1 where packets are missing
 * from the records.
 */
#include "meter/cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALL 256u

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static double uniform(void)
{
    return (double)((next_random() >> 11) + 1) / 9007199254740993.0;
}

static struct weir_packet make_flow(bool tcp_only)
{
    struct weir_packet packet = {.ttl = 64, .octets = 650};
    double kind = uniform();
    packet.key.protocol = kind < 0.71 || tcp_only ? 6 : kind < 0.97 ? 17 : 1;
    if (uniform() < 0.2) {
        packet.flags = WEIR_PACKET_V6;
        packet.key.src_addr = (struct weir_address){0x20010db800000000, next_random()};
        packet.key.dst_addr = (struct weir_address){0x20010db800000001, next_random()};
        if (packet.key.protocol == 1)
            packet.key.protocol = 58;
    } else {
        packet.key.src_addr = weir_address_from_v4((uint32_t)next_random());
        packet.key.dst_addr = weir_address_from_v4((uint32_t)next_random());
    }
    packet.key.dst_port = packet.key.protocol == 6 ? 443 : 2048;
    packet.key.src_port = packet.key.protocol == 1 ? 0 : (uint16_t)next_random();
    return packet;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct weir_packet *)a)->time_ns;
    int64_t y = ((const struct weir_packet *)b)->time_ns;
    return (x > y) - (x < y);
}

/* One connection: packets of both directions, the first with SYN, the last two with FIN. */
static size_t make_connection(struct weir_packet *packets, size_t room, double span_s)
{
    double wanted = 4 / pow(uniform(), 0.9);
    size_t count = wanted < 200000 ? (size_t)wanted : 200000;
    count = count < room ? count : room;
    struct weir_packet way = make_flow(false);
    double at = uniform() * span_s;
    double gap = 0.05 + uniform() * (count > 100 ? 0.05 : 1.0);
    size_t made = 0;
    while (made < count && at < span_s) {
        packets[made] = way;
        packets[made].time_ns = (int64_t)(at * 1e9);
        if (way.key.protocol == 6)
            packets[made].tcp_flags = made < 2 ? 0x02 : made + 2 >= count ? 0x11 : 0x10;
        if (uniform() < 0.5 || made < 2) {
            struct weir_address swap = way.key.src_addr;
            way.key.src_addr = way.key.dst_addr;
            way.key.dst_addr = swap;
            uint16_t port = way.key.src_port;
            way.key.src_port = way.key.dst_port;
            way.key.dst_port = port;
        }
        made++;
        at -= log(uniform()) * gap;
    }
    return made;
}

static void make_realistic(struct weir_packet *packets, size_t count)
{
    double span_s = (double)count / 37500;
    for (size_t made = 0; made < count;)
        made += make_connection(packets + made, count - made, span_s);
    qsort(packets, count, sizeof(*packets), by_time);
}

static void make_hard(struct weir_packet *packets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        packets[i] = make_flow(true);
        packets[i].tcp_flags = 2;
        packets[i].time_ns = (int64_t)i * 1000;
    }
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int count_rows(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    *(uint64_t *)context += batch->row_count;
    return 0;
}

/* What is metered; NULL: the default. */
static const char *flows;

static void define(struct weir_cache_config *config)
{
    struct weir_diag diag;
    if (!flows || strcmp(flows, "7") == 0)
        return;
    const char *keys = "keys=src_addr,dst_addr,src_port,dst_port,protocol";
    if (strcmp(flows, "10") == 0)
        keys = "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if,vlan,tunnel_type,"
               "tunnel_id";
    if (strcmp(flows, "biflow") == 0)
        config->biflow = WEIR_BIFLOW_SYN;
    if (weir_flow_definition_parse(keys, &config->definition, &diag) < 0)
        exit(1);
}

static double run(const struct weir_packet *packets, size_t count, uint32_t entries, bool print)
{
    uint64_t rows = 0;
    struct weir_batch_sink sink = {.batch = count_rows, .context = &rows};
    struct weir_cache_config config = weir_cache_config_default();
    config.entries = entries;
    define(&config);
    struct weir_cache *cache;
    struct weir_diag diag;
    if (weir_cache_new(&config, &sink, &cache, &diag) < 0)
        exit(1);
    double begin = cpu_ns();
    for (size_t i = 0; i < count; i += CALL)
        if (weir_cache_add(cache, packets + i, count - i < CALL ? count - i : CALL, &diag) < 0)
            exit(1);
    if (weir_cache_finish(cache, &diag) < 0)
        exit(1);
    double end = cpu_ns();
    struct weir_cache_counters counters = weir_cache_counters(cache);
    for (size_t i = 0; print && i < weir_cache_counter_count; i++)
        printf("  %-24s %" PRIu64 "\n", weir_cache_counter_table[i].name,
               weir_counter_get(&weir_cache_counter_table[i], &counters));
    weir_cache_free(cache);
    return (end - begin) / (double)count;
}

static double run_reading(const struct weir_packet *packets, size_t count)
{
    double begin = cpu_ns();
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += packets[i].key.src_addr.low + packets[i].octets;
    double end = cpu_ns();
    printf("(%" PRIu64 ")\n", sum & 1);
    return (end - begin) / (double)count;
}

/* ---- So many flows at once ---- */

struct total {
    uint64_t rows, packets;
};

static int add_up(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    (void)diag;
    struct total *total = context;
    for (uint32_t i = 0; i < batch->row_count; i++)
        total->packets += weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i];
    total->rows += batch->row_count;
    return 0;
}

/* Packets of flows whose number is `first` and up, or any below `live`; a million a second. */
static void make_live(struct weir_packet *packets, uint64_t first, uint64_t live, int64_t *time_ns)
{
    for (uint64_t i = 0; i < CALL; i++) {
        uint64_t flow = first + i < live ? first + i : (next_random() >> 32) * live >> 32;
        uint64_t mixed = (flow + 1) * UINT64_C(0x9e3779b97f4a7c15);
        packets[i] = (struct weir_packet){
            .key = {weir_address_from_v4((uint32_t)flow), weir_address_from_v4((uint32_t)mixed),
                    (uint16_t)(mixed >> 32), 443, 17, 0, 0},
            .time_ns = *time_ns += 1000,
            .octets = 650,
            .ttl = 64,
        };
    }
}

static double make_all(uint64_t live, uint64_t count)
{
    struct weir_packet packets[CALL];
    int64_t time_ns = 0;
    double begin = cpu_ns();
    for (uint64_t i = 0; i < count; i += CALL)
        make_live(packets, live + i, live, &time_ns);
    return cpu_ns() - begin;
}

static void add_live(struct weir_cache *cache, uint64_t first, uint64_t live, uint64_t count,
                     int64_t *time_ns)
{
    struct weir_packet packets[CALL];
    struct weir_diag diag;
    for (uint64_t i = 0; i < count; i += CALL) {
        make_live(packets, first + i, live, time_ns);
        if (weir_cache_add(cache, packets, CALL, &diag) < 0)
            exit(1);
    }
}

static int run_live(uint64_t live, uint64_t count)
{
    struct total total = {0};
    struct weir_batch_sink sink = {.batch = add_up, .context = &total};
    struct weir_cache_config config = weir_cache_config_default();
    config.entries = (uint32_t)(live + live / 4 > 65536 ? live + live / 4 : 65536);
    config.idle_ns = 120 * INT64_C(1000000000);
    struct weir_cache *cache;
    struct weir_diag diag;
    if (weir_cache_new(&config, &sink, &cache, &diag) < 0)
        return 1;
    int64_t time_ns = 0;
    live = (live + CALL - 1) / CALL * CALL;
    count = (count + CALL - 1) / CALL * CALL;
    add_live(cache, 0, live, live, &time_ns);
    double begin = cpu_ns();
    add_live(cache, live, live, count, &time_ns);
    double ns = cpu_ns() - begin - make_all(live, count);
    struct weir_cache_counters counters = weir_cache_counters(cache);
    if (weir_cache_finish(cache, &diag) < 0)
        return 1;
    weir_cache_free(cache);
    printf("%" PRIu64 " %.1f %.0f\n", counters.flows_active, ns / (double)count,
           (double)counters.cache_octets / (double)counters.flows_active);
    return total.packets == live + count ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "live") == 0)
        return run_live(strtoull(argv[2], NULL, 10),
                        (argc > 3 ? strtoull(argv[3], NULL, 10) : 10) * 1000000);
    bool hard = argc > 1 && strcmp(argv[1], "hard") == 0;
    uint32_t entries = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 65536;
    size_t count = (argc > 3 ? strtoul(argv[3], NULL, 10) : hard ? 5 : 15) * 1000000;
    flows = argc > 4 ? argv[4] : NULL;
    struct weir_packet *packets = malloc(count * sizeof(*packets));
    if (!packets)
        return 1;
    if (hard)
        make_hard(packets, count);
    else
        make_realistic(packets, count);
    double reading = run_reading(packets, count);
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        double ns = run(packets, count, entries, round == 0);
        best = ns < best ? ns : best;
    }
    printf("%s, %u entries: %.1f ns a packet (reading them: %.1f)\n", hard ? "hard" : "realistic",
           entries, best, reading);
    free(packets);
}
