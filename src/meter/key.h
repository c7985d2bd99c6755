/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow Keys as the flow cache compares them: the usual ones, which every packet has in the layout
 * of record/packet.h, and the less usual, which are made of packets only where a flow definition
 * asks for them; some of these out of its detail. Values; any thread.
 */
#ifndef WEIR_METER_KEY_H
#define WEIR_METER_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record/detail.h"
#include "record/packet.h"

#define WEIR_KEY_LABELS 3u /* of a stack of MPLS labels, from the top */

/* What a packet has out of its detail, of that which is a key: its value may be 0. */
enum weir_key_has {
    WEIR_KEY_ETHERNET = 1,
    WEIR_KEY_INNER_VLAN = 2,
    WEIR_KEY_LABEL_1 = 4, /* those of the further labels follow */
    WEIR_KEY_LABEL_2 = 8,
    WEIR_KEY_LABEL_3 = 16,
};

/*
 * Properties that few definitions have among their keys. No padding: they are hashed as octets. MAC
 * addresses are of the two ends, as IP addresses are: biflows exchange them by direction.
 */
struct weir_flow_more_key {
    uint64_t src_mac;
    uint64_t dst_mac;
    uint32_t tunnel_id;
    uint32_t flow_label;
    uint32_t length;
    uint16_t vlan;
    uint16_t tcp_flags;
    uint8_t tunnel_type; /* enum weir_encapsulation_kind */
    uint8_t ttl;
    uint8_t icmp_type; /* these are 0 for other protocols */
    uint8_t icmp_code;
    uint32_t carried_id;
    uint8_t carried_type; /* enum weir_encapsulation_kind */
    uint8_t layer;
    uint16_t inner_vlan;
    uint32_t labels[WEIR_KEY_LABELS]; /* with traffic class and bottom of stack */
    uint16_t frame_length;
    uint16_t out_point; /* the observation point of packets that went out there, else 0 */
    uint8_t fragment;
    uint8_t has; /* enum weir_key_has */
    uint8_t zero[2];
};
_Static_assert(sizeof(struct weir_flow_more_key) == 64, "four blocks of the hash, a cache line");

/* All of them, of a packet or as a mask. */
struct weir_flow_whole_key {
    struct weir_flow_key key;
    struct weir_flow_more_key more;
};
_Static_assert(sizeof(struct weir_flow_whole_key) == 104, "one behind the other");

#define WEIR_PROTOCOL_ICMP   1u
#define WEIR_PROTOCOL_ICMPV6 58u

static inline uint8_t weir_icmp_protocol(bool is_v6)
{
    return is_v6 ? WEIR_PROTOCOL_ICMPV6 : WEIR_PROTOCOL_ICMP;
}

/* Whether some of the keys are out of packets' details. */
static inline bool weir_flow_more_needs_detail(const struct weir_flow_more_key *mask)
{
    return mask->has != 0;
}

/* Adds what is out of the detail. */
static inline void weir_flow_more_add_detail(const struct weir_packet_detail *detail,
                                             const struct weir_flow_more_key *mask,
                                             struct weir_flow_more_key *more)
{
    unsigned has = detail->has & WEIR_DETAIL_ETHERNET ? WEIR_KEY_ETHERNET : 0;
    has |= detail->inner_vlan ? WEIR_KEY_INNER_VLAN : 0;
    for (unsigned i = 0; i < WEIR_KEY_LABELS && i < detail->label_count; i++) {
        const uint8_t *label = detail->labels[i];
        more->labels[i] =
            ((uint32_t)label[0] << 16 | (uint32_t)label[1] << 8 | label[2]) & mask->labels[i];
        has |= (unsigned)WEIR_KEY_LABEL_1 << i;
    }
    more->src_mac = detail->src_mac & mask->src_mac;
    more->dst_mac = detail->dst_mac & mask->dst_mac;
    more->inner_vlan = detail->inner_vlan & mask->inner_vlan;
    more->has = (uint8_t)has & mask->has;
}

/* The same of packets that go in the other direction, or not: what is of the ends changes places.
 */
static inline void weir_flow_more_exchange(struct weir_flow_more_key *more, bool exchanged)
{
    uint64_t differ = (more->src_mac ^ more->dst_mac) & (0u - (uint64_t)exchanged);
    more->src_mac ^= differ;
    more->dst_mac ^= differ;
}

/*
 * What a packet has of them, with the bits that are one in the mask. `detail` NULL: none of them is
 * out of it, or nobody told.
 */
static inline struct weir_flow_more_key weir_flow_more_of(const struct weir_packet *packet,
                                                          const struct weir_packet_detail *detail,
                                                          const struct weir_flow_more_key *mask)
{
    bool is_icmp =
        packet->key.protocol == weir_icmp_protocol((packet->flags & WEIR_PACKET_V6) != 0);
    uint16_t icmp = is_icmp ? packet->key.dst_port : 0;
    uint16_t frame_length =
        packet->wire_octets < UINT16_MAX ? (uint16_t)packet->wire_octets : UINT16_MAX;
    uint16_t point = packet->key.observation_point;
    struct weir_flow_more_key more = {
        .tunnel_id = packet->encapsulation.id & mask->tunnel_id,
        .flow_label = packet->flow_label & mask->flow_label,
        .length = packet->octets & mask->length,
        .vlan = packet->vlan & mask->vlan,
        .tcp_flags = packet->tcp_flags & mask->tcp_flags,
        .tunnel_type = packet->encapsulation.kind & mask->tunnel_type,
        .ttl = packet->ttl & mask->ttl,
        .icmp_type = (uint8_t)(icmp >> 8) & mask->icmp_type,
        .icmp_code = (uint8_t)icmp & mask->icmp_code,
        .carried_id = packet->encapsulation.carried_id & mask->carried_id,
        .carried_type = packet->encapsulation.carried_kind & mask->carried_type,
        .layer = packet->encapsulation.depth & mask->layer,
        .frame_length = frame_length & mask->frame_length,
        .out_point = point & WEIR_POINT_EGRESS ? point & mask->out_point : 0,
        .fragment = (packet->flags & WEIR_PACKET_FRAGMENT ? 1 : 0) & mask->fragment,
    };
    if (detail)
        weir_flow_more_add_detail(detail, mask, &more);
    return more;
}

#endif
