/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parsed packet has beside struct weir_packet: link layer, fragment, TCP's numbers, and
 * where its payload is. The parser tells it only where somebody asks: a flow definition with
 * fields or keys that need it. A packet's `detail` is its index in the array of these, so that
 * packets may be moved while details stay.
 *
 *     size_t count = weir_parse_details(parser, frames, n, packets, details, NULL);
 *     weir_cache_add_details(cache, packets, details, count, &diag);
 *
 * What a packet lacks is 0 and its bit of `has` is, too. Ownership: the payload is borrowed from
 * the frame, and there as long as that. Values but for it; any thread.
 */
#ifndef WEIR_RECORD_DETAIL_H
#define WEIR_RECORD_DETAIL_H

#include <stdint.h>

#define WEIR_DETAIL_LABELS 6u /* of a stack of MPLS labels, from the top */

enum weir_detail_has {
    WEIR_DETAIL_TCP = 1,          /* the whole fixed header of TCP */
    WEIR_DETAIL_MSS = 2,          /* a SYN with these options, RFC 9293 and 7323 */
    WEIR_DETAIL_WINDOW_SCALE = 4, /* as it stands there: more than 14 counts as 14 */
    WEIR_DETAIL_ETHERNET = 8,     /* MAC addresses */
    WEIR_DETAIL_PAYLOAD = 16,     /* it is known where the payload begins, if there is any */
};

/* fragmentFlags, Information Element 197. */
enum { WEIR_FRAGMENT_DONT = 0x40, WEIR_FRAGMENT_MORE = 0x20 };

struct weir_packet_detail {
    const uint8_t *payload;    /* behind the transport header; NULL: nothing of it was captured */
    uint32_t payload_captured; /* octets there */
    uint32_t payload_octets;   /* octets by the IP length */
    const uint8_t *network; /* the IP header, behind which the payload is; NULL: as the payload */
    uint32_t network_captured; /* octets there, up to the payload's end */
    uint64_t src_mac;          /* of the last Ethernet header before IP, first octet highest */
    uint64_t dst_mac;
    uint32_t tcp_sequence;
    uint32_t tcp_acknowledgment;
    uint16_t tcp_window; /* as it stands in the header */
    uint16_t tcp_mss;
    uint32_t fragment_id;     /* of IPv4 any packet's */
    uint16_t fragment_offset; /* octets */
    uint16_t inner_vlan;      /* 802.1Q VLAN ID of the second tag; 0: none */
    uint8_t fragment_flags;   /* WEIR_FRAGMENT_* */
    uint8_t tcp_window_scale;
    uint8_t has;         /* enum weir_detail_has */
    uint8_t label_count; /* of the MPLS stack before IP, also where it is deeper */
    uint8_t labels[WEIR_DETAIL_LABELS][3]; /* label, traffic class and bottom of stack; 0: none */
};
_Static_assert(sizeof(struct weir_packet_detail) <= 128, "two cache lines");

#endif
