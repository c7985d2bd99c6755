/* SPDX-License-Identifier: Apache-2.0 */
/* Flow Records as the Metering Process makes them, for what takes batches. */
#ifndef WEIR_TESTS_APP_FLOWS_H
#define WEIR_TESTS_APP_FLOWS_H

#include "support/cmocka.h"

#include <stdlib.h>

#include "meter/cache.h"

/* Meters packets and hands the flows to the sink. */
static inline void flows_of(const struct weir_packet *packets, size_t count,
                            const struct weir_batch_sink *sink)
{
    struct weir_cache_config config = weir_cache_config_default();
    uint32_t if_index[] = {3};
    config.if_index = if_index;
    config.if_count = 1;
    config.domain = 77;
    struct weir_cache *cache;
    struct weir_diag diag;
    assert_int_equal(weir_cache_new(&config, sink, &cache, &diag), 0);
    assert_int_equal(weir_cache_add(cache, packets, count, &diag), 0);
    assert_int_equal(weir_cache_finish(cache, &diag), 0);
    weir_cache_free(cache);
}

/* 2026-07-22T10:00:00Z */
#define FLOWS_TIME_NS (INT64_C(1784714400) * WEIR_NS_PER_SECOND)

static inline struct weir_packet flows_tcp(void)
{
    return (struct weir_packet){
        .key = {.src_addr = weir_address_from_v4(0xc0000201),
                .dst_addr = weir_address_from_v4(0xc6336402),
                .src_port = 40000,
                .dst_port = 443,
                .protocol = 6,
                .tos = 184},
        .time_ns = FLOWS_TIME_NS + 123456789,
        .octets = 1500,
        .tcp_flags = 0x12,
        .ttl = 64,
        .vlan = 5,
    };
}

static inline struct weir_packet flows_udp_v6(void)
{
    return (struct weir_packet){
        .key = {.src_addr = {0x20010db800000000, 1},
                .dst_addr = {0x20010db800000000, 2},
                .src_port = 53,
                .dst_port = 1024,
                .protocol = 17},
        .time_ns = FLOWS_TIME_NS,
        .octets = 80,
        .flow_label = 0x12345,
        .ttl = 255,
        .flags = WEIR_PACKET_V6,
    };
}

static inline struct weir_packet flows_ping(void)
{
    return (struct weir_packet){
        .key = {.src_addr = weir_address_from_v4(0xc0000201),
                .dst_addr = weir_address_from_v4(0xc6336402),
                .dst_port = 8 * 256,
                .protocol = 1},
        .time_ns = FLOWS_TIME_NS - WEIR_NS_PER_SECOND,
        .octets = 84,
        .ttl = 64,
    };
}

#endif
