/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow Keys as the flow cache compares them: the usual ones, which every packet has in the layout
 * of record/packet.h, and the less usual, which are made of packets only where a flow definition
 * asks for them. Values; any thread.
 */
#ifndef WEIR_METER_KEY_H
#define WEIR_METER_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record/packet.h"

/* Properties that few definitions have among their keys. No padding: they are hashed as octets. */
struct weir_flow_more_key {
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
    uint8_t zero[6];
};
_Static_assert(sizeof(struct weir_flow_more_key) == 32, "two blocks of the hash, half a line");

/* All of them, of a packet or as a mask. */
struct weir_flow_whole_key {
    struct weir_flow_key key;
    struct weir_flow_more_key more;
};
_Static_assert(sizeof(struct weir_flow_whole_key) == 72, "one behind the other");

#define WEIR_PROTOCOL_ICMP   1u
#define WEIR_PROTOCOL_ICMPV6 58u

static inline uint8_t weir_icmp_protocol(bool is_v6)
{
    return is_v6 ? WEIR_PROTOCOL_ICMPV6 : WEIR_PROTOCOL_ICMP;
}

/* What a packet has of them, with the bits that are one in the mask. */
static inline struct weir_flow_more_key weir_flow_more_of(const struct weir_packet *packet,
                                                          const struct weir_flow_more_key *mask)
{
    bool is_icmp =
        packet->key.protocol == weir_icmp_protocol((packet->flags & WEIR_PACKET_V6) != 0);
    uint16_t icmp = is_icmp ? packet->key.dst_port : 0;
    return (struct weir_flow_more_key){
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
    };
}

#endif
