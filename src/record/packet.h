/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed packet: what packet/ makes of the octets of a frame and the Metering Process works on.
 *
 * The Flow Key stands first in host order, 40 octets without padding, in the layout in which the
 * flow cache hashes and compares it. Addresses are weir_address words, so both families share one
 * path. Values: no ownership, any thread.
 */
#ifndef WEIR_RECORD_PACKET_H
#define WEIR_RECORD_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

/*
 * An Observation Point: an interface, by its place in the source's list and not its ifIndex, with
 * the highest bit but one set where packets are known to go out there. The highest is the cache's.
 */
#define WEIR_POINT_EGRESS    0x4000u
#define WEIR_POINT_INTERFACE 0x3fffu

static inline uint16_t weir_observation_point(unsigned interface, bool is_egress)
{
    return (uint16_t)((interface & WEIR_POINT_INTERFACE) | (is_egress ? WEIR_POINT_EGRESS : 0));
}

struct weir_flow_key {
    struct weir_address src_addr;
    struct weir_address dst_addr;
    uint16_t src_port; /* 0 where the protocol has no ports; ESP: the SPI, its high half here */
    uint16_t dst_port; /* ICMP and ICMPv6: type * 256 + code, as NetFlow exports it */
    uint8_t protocol;  /* the upper-layer protocol, past IPv6 extension headers */
    uint8_t tos;
    uint16_t observation_point; /* as weir_observation_point() makes it */
};
_Static_assert(sizeof(struct weir_flow_key) == 40, "the cache hashes 40 octets without padding");

enum weir_packet_flag {
    WEIR_PACKET_FRAGMENT = 1, /* part of a fragmented datagram */
    WEIR_PACKET_LATER_FRAGMENT =
        2,                        /* not its first: ports are those of the first where seen, or 0 */
    WEIR_PACKET_TRUNCATED = 4,    /* the capture ends inside a header: what it has counts */
    WEIR_PACKET_MALFORMED_L4 = 8, /* transport header breaks a rule: ports and flags are 0 */
    WEIR_PACKET_V6 = 16,
};

enum weir_encapsulation_kind {
    WEIR_ENCAPSULATION_NONE,
    WEIR_ENCAPSULATION_MPLS,     /* id: the last label */
    WEIR_ENCAPSULATION_PPPOE,    /* id: the session */
    WEIR_ENCAPSULATION_IP,       /* IP in IP: no id */
    WEIR_ENCAPSULATION_GRE,      /* id: the key; of PPTP the call */
    WEIR_ENCAPSULATION_ERSPAN,   /* id: the session; type I has none */
    WEIR_ENCAPSULATION_ETHERNET, /* EtherIP or SRv6: no id */
    WEIR_ENCAPSULATION_L2TP,     /* id: the session; L2TPv2: tunnel * 65536 + session */
    WEIR_ENCAPSULATION_VXLAN,    /* id: the VNI */
    WEIR_ENCAPSULATION_GENEVE,   /* id: the VNI */
    WEIR_ENCAPSULATION_GTP_U,    /* id: the TEID */
    WEIR_ENCAPSULATION_TEREDO,   /* no id */
};

/* The innermost that the packet was taken out of, and the one that it is itself. */
struct weir_encapsulation {
    uint32_t id;
    uint32_t carried_id;  /* of what the packet carries, where that was gone into */
    uint8_t carried_kind; /* enum weir_encapsulation_kind, as `kind` */
    uint8_t kind;
    uint8_t depth; /* IP headers outside the packet's */
};

struct weir_packet {
    struct weir_flow_key key;
    int64_t time_ns;      /* capture time */
    uint32_t octets;      /* IP total length (IPv6: payload length + 40); jumbograms in full */
    uint32_t wire_octets; /* length of the frame on the wire, as the capture says */
    uint32_t flow_label;  /* IPv6 */
    uint16_t tcp_flags;   /* low nine bits, RFC 7125; 0 for other protocols */
    uint16_t vlan;        /* outermost 802.1Q VLAN ID, of those in a tunnel first; 0: none */
    uint8_t ttl;          /* TTL or hop limit */
    uint8_t flags;        /* enum weir_packet_flag */
    uint16_t detail;      /* its place among the details (record/detail.h), where there are any */
    struct weir_encapsulation encapsulation;
};
_Static_assert(sizeof(struct weir_packet) == 80, "no padding");

#endif
