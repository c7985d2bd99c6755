/* SPDX-License-Identifier: Apache-2.0 */
/* A packet of one TCP connection, from its client or back: key and time, the rest is the test's. */
#ifndef WEIR_TESTS_METER_CONNECTION_H
#define WEIR_TESTS_METER_CONNECTION_H

#include "record/packet.h"

static inline struct weir_packet packet_of_connection(int64_t time_ns, bool forth)
{
    struct weir_address client = weir_address_from_v4(0xc0000201);
    struct weir_address server = weir_address_from_v4(0xc6336401);
    return (struct weir_packet){
        .key = {.src_addr = forth ? client : server,
                .dst_addr = forth ? server : client,
                .src_port = forth ? 40000 : 443,
                .dst_port = forth ? 443 : 40000,
                .protocol = 6},
        .time_ns = time_ns,
    };
}

/* A segment of 100 octets. */
static inline struct weir_packet segment_of_connection(int64_t time_ns, bool forth, unsigned flags)
{
    struct weir_packet packet = packet_of_connection(time_ns, forth);
    packet.octets = 100;
    packet.tcp_flags = (uint16_t)flags;
    packet.ttl = 64;
    return packet;
}

#endif
