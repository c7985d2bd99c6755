/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow cache against the slow meter (tests/unit/meter/slow_meter.h) on arbitrary packets: the
 * same records, whatever comes and however it is handed over. The first octets choose definition,
 * direction and timeouts; then come packets of PACKET_OCTETS each, few hosts and ports, so that
 * they meet, with any time.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../tests/unit/meter/collect_rows.h"
#include "base/bytes.h"
#include "meter/cache.h"

#define HEAD_OCTETS   4u
#define PACKET_OCTETS 8u
#define PACKETS_MAX   400u

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const int64_t timeouts[] = {WEIR_NS_PER_MS,          1234567, WEIR_NS_PER_SECOND,
                                   15 * WEIR_NS_PER_SECOND, 0,       WEIR_CACHE_TIMEOUT_MAX};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct weir_cache_config config_of(const uint8_t *head)
{
    static const char *const definitions[] = {
        "keys=src_addr,dst_addr,src_port,dst_port,protocol",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,vlan/11,ttl/1",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,layer,carried_type,carried_id",
        "keys=src_addr/31/127,dst_addr/31/127,protocol",
        "keys=src_addr,dst_addr,src_port,dst_port,protocol,tos,in_if",
        "keys=dst_addr,protocol",
    };
    struct weir_cache_config config = weir_cache_config_default();
    struct weir_diag diag;
    config.entries = 4096;
    config.biflow = (enum weir_biflow)(head[1] % 4); /* not by networks */
    size_t most = config.biflow ? COUNT(definitions) - 2 : COUNT(definitions);
    require(weir_flow_definition_parse(definitions[head[0] % most], &config.definition, &diag) ==
            0);
    config.idle_ns = timeouts[head[2] % COUNT(timeouts)];
    config.active_ns = timeouts[head[2] / COUNT(timeouts) % COUNT(timeouts)];
    config.linger_ns = head[3] % 4 ? config.idle_ns / (head[3] % 4) : 0;
    return config;
}

/* How far the time goes on: little, about a timeout, or back. */
static int64_t step_of(uint8_t octet, const struct weir_cache_config *config)
{
    switch (octet >> 5) {
    case 0:
    case 1:
        return (octet & 31) * 100000;
    case 2:
        return config->idle_ns + (octet & 3) - 1;
    case 3:
        return config->active_ns / (1 + (octet & 3)) + (octet >> 2 & 3) - 1;
    case 4:
        return config->linger_ns + (octet & 3) - 1;
    case 5:
        return -(int64_t)(octet & 31) * 1000000;
    case 6:
        return INT64_C(1) << (octet & 31);
    default:
        return octet & 31;
    }
}

static struct weir_packet packet_of(const uint8_t *at, int64_t *now,
                                    const struct weir_cache_config *config)
{
    static const uint16_t flags[] = {0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x14, 0x1ff};
    static const uint8_t protocols[] = {6, 6, 6, 17, 1, 58, 6, 50};
    bool is_v6 = at[1] & 0x80;
    uint64_t prefix = is_v6 ? 0 : WEIR_ADDRESS_V4_PREFIX;
    int64_t step = step_of(at[0], config);
    struct weir_packet packet = {
        .key = {.src_addr = {0, prefix | (1 + (at[1] & 3))},
                .dst_addr = {0, prefix | (1 + (at[1] >> 2 & 3))},
                .src_port = (uint16_t)(1000 + (at[2] & 1)),
                .dst_port = (uint16_t)(1000 + (at[2] >> 1 & 1)),
                .protocol = protocols[at[2] >> 2 & 7],
                .tos = at[2] >> 5,
                .observation_point = at[1] >> 4 & 1},
        .octets = 20u + weir_load_be16(at + 3),
        .flow_label = at[5],
        .vlan = at[5] & 3,
        .ttl = at[5],
        .flags = is_v6 ? WEIR_PACKET_V6 : 0,
        .encapsulation = {.id = at[6] & 1,
                          .kind = at[6] >> 1 & 1,
                          .depth = at[6] >> 2 & 1,
                          .carried_id = at[6] >> 3 & 1,
                          .carried_kind = at[6] >> 4 & 1},
    };
    if (packet.key.protocol == 6)
        packet.tcp_flags = flags[at[7] & 7];
    if (packet.key.protocol == 1 || packet.key.protocol == 58) {
        static const uint8_t types[] = {0, 8, 3, 128, 129, 13, 14, 8};
        packet.key.src_port = 0;
        packet.key.dst_port = (uint16_t)(types[at[7] & 7] << 8 | (at[7] >> 3 & 1));
    }
    /* A step back is of this packet only, or for good. */
    packet.time_ns = *now + step;
    if (step > 0 || at[7] & 0x80)
        *now += step;
    return packet;
}

static void run_slow(const struct weir_cache_config *config, const struct weir_packet *packets,
                     size_t count, struct slow_meter *slow)
{
    const struct weir_flow_more_key *more = &config->definition.more_mask;
    *slow = (struct slow_meter){
        .mask = {config->definition.mask[0], config->definition.mask[1]},
        .more_mask = {.vlan = more->vlan,
                      .ttl = more->ttl,
                      .tunnel_type = more->tunnel_type,
                      .tunnel_id = more->tunnel_id,
                      .layer = more->layer,
                      .carried_type = more->carried_type,
                      .carried_id = more->carried_id},
        .connections = config->definition.mask[0].src_port && config->definition.mask[0].dst_port,
        .direction = (enum slow_direction)config->biflow,
        .idle_ns = config->idle_ns,
        .active_ns = config->active_ns,
        .linger_ns = config->linger_ns,
    };
    for (size_t i = 0; i < count; i++)
        slow_meter_add(slow, &packets[i]);
    slow_meter_finish(slow);
}

/* Meters them and ends all flows: the cache is then as new. */
static void run_cache(struct weir_cache *cache, const struct weir_packet *packets, size_t count,
                      size_t at_once)
{
    struct weir_diag diag;
    for (size_t i = 0; i < count; i += at_once) {
        size_t size = count - i < at_once ? count - i : at_once;
        require(weir_cache_add(cache, packets + i, size, &diag) == 0);
    }
    require(weir_cache_finish(cache, &diag) == 0);
}

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct slow_record));
}

static void sort(struct slow_record *records, size_t count)
{
    if (count > 1)
        qsort(records, count, sizeof(*records), compare_records);
}

static void require_same(const struct slow_record *a, const struct slow_record *b, size_t count)
{
    require(count == 0 || memcmp(a, b, count * sizeof(*a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t if_index[2] = {0, 1};
    static struct weir_packet packets[PACKETS_MAX];
    if (size < HEAD_OCTETS + PACKET_OCTETS)
        return 0;
    struct weir_cache_config config = config_of(data);
    config.if_index = if_index;
    config.if_count = 2;
    size_t count = (size - HEAD_OCTETS) / PACKET_OCTETS;
    if (count > PACKETS_MAX)
        count = PACKETS_MAX;
    int64_t now = INT64_C(1700000000) * WEIR_NS_PER_SECOND;
    for (size_t i = 0; i < count; i++)
        packets[i] = packet_of(data + HEAD_OCTETS + i * PACKET_OCTETS, &now, &config);
    struct slow_meter slow;
    struct collected once = {0};
    const struct weir_batch_sink sink = {.batch = collect_batch, .context = &once};
    struct weir_cache *cache;
    struct weir_diag diag;
    require(weir_cache_new(&config, &sink, &cache, &diag) == 0);
    run_slow(&config, packets, count, &slow);
    run_cache(cache, packets, count, count);
    require(once.count == slow.record_count);
    run_cache(cache, packets, count, 1 + data[3] / 4);
    struct weir_cache_counters counters = weir_cache_counters(cache);
    require(counters.packets_metered == 2 * count && counters.flows_exported == once.count);
    require(counters.flows_expired_resources == 0);
    require(once.count == 2 * slow.record_count);
    require_same(once.records, once.records + slow.record_count, slow.record_count);
    once.count = slow.record_count;
    sort(once.records, once.count);
    sort(slow.records, slow.record_count);
    require_same(once.records, slow.records, once.count);
    free(once.records);
    weir_cache_free(cache);
    slow_meter_done(&slow);
    return 0;
}
