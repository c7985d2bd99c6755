/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metering done the obvious way, to compare the flow cache with: a list of flows, searched from end
 * to end for each packet, in which every flow ends, or is reported and goes on, at the very moment
 * of its timeout. It shares no code with the cache, knows no lack of room, and is slow.
 */
#ifndef WEIR_TESTS_METER_SLOW_METER_H
#define WEIR_TESTS_METER_SLOW_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/detail.h"
#include "record/packet.h"

/* A Flow Record, zeroed before it is filled so that records compare by memcmp. */
struct slow_record {
    struct weir_flow_key key; /* observation_point: ifIndex */
    int64_t first_ns;
    int64_t last_ns;
    uint64_t packets;
    uint64_t octets;
    uint32_t flow_label;
    uint16_t tcp_flags;
    uint16_t vlan;
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint8_t reason;
    uint8_t is_v6;
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint8_t key_ttl; /* where it is a key */
    uint8_t tunnel_type;
    uint32_t tunnel_id;
    uint32_t carried_id;
    uint8_t carried_type;
    uint8_t layer;
    uint16_t inner_vlan; /* these where they are keys */
    uint32_t label;
    uint64_t src_mac;
    uint64_t dst_mac;
    uint16_t frame_length;
    uint8_t fragment;
    uint8_t zero[5];
    uint64_t rev_packets; /* 0: nothing of the reverse direction was seen */
    uint64_t rev_octets;
    int64_t rev_first_ms;
    int64_t rev_last_ms;
    uint16_t rev_flags;
    uint8_t rev_ttl_min;
    uint8_t rev_ttl_max;
};

enum slow_direction { SLOW_UNIFLOWS, SLOW_FIRST, SLOW_SYN, SLOW_PORT, SLOW_OUTSIDE };

/* What a flow is known by, without direction. */
struct slow_key {
    struct weir_flow_key key;
    uint32_t tunnel_id;
    uint16_t vlan;
    uint8_t ttl;
    uint8_t tunnel_type;
    uint8_t is_v6;
    uint8_t layer;
    uint8_t carried_type;
    uint8_t fragment;
    uint32_t carried_id;
    uint64_t src_mac;
    uint64_t dst_mac;
    uint32_t label; /* the second of the stack */
    uint16_t inner_vlan;
    uint16_t frame_length;
    uint8_t has_ethernet;
    uint8_t has_label;
    uint8_t has_inner_vlan;
    uint8_t zero[5];
};
_Static_assert(sizeof(struct slow_key) == 88, "keys compare by memcmp: no padding");

struct slow_flow {
    struct slow_record record;
    struct slow_key key; /* masked, as its source sends */
    __int128 start_seen; /* of the record */
    __int128 last_seen;
    unsigned portion;
    bool closed;
    bool rests;  /* nothing came since the last record */
    bool fin[2]; /* seen, by direction */
};

enum slow_kind { SLOW_NORMAL, SLOW_IMMEDIATE, SLOW_PERMANENT };

struct slow_timeouts {
    uint8_t protocol;
    int64_t idle_ns;
    int64_t active_ns;
};

struct slow_meter {
    struct weir_flow_key mask[2]; /* IPv4, IPv6 */
    struct slow_key more_mask;    /* of what is not in these */
    const struct weir_packet_detail *details;
    bool connections;
    enum slow_direction direction;
    uint64_t inside; /* low words of addresses inside have this bit */
    int64_t idle_ns;
    int64_t active_ns;
    int64_t linger_ns;
    enum slow_kind kind;
    struct slow_timeouts own[4]; /* of some protocols */
    unsigned own_count;
    int64_t interval_ns; /* 0: none */
    unsigned portions;
    unsigned (*portion)(const void *context, const struct weir_packet *packet);
    const void *portion_context;

    bool started;
    __int128 now;
    unsigned late;
    struct slow_flow *flows;
    size_t flow_count;
    struct slow_record *records;
    size_t record_count;
};

void slow_meter_add(struct slow_meter *meter, const struct weir_packet *packet);
void slow_meter_advance(struct slow_meter *meter, int64_t now_ns);
void slow_meter_finish(struct slow_meter *meter);
void slow_meter_done(struct slow_meter *meter);

#endif
