/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link headers: from the start of a frame to its IP header. One table of link types, one of
 * EtherTypes that are not IP. Private to packet/.
 */
#ifndef WEIR_PACKET_LINK_H
#define WEIR_PACKET_LINK_H

#include <stdint.h>

#include "packet/parse.h"

#define WEIR_ETHERNET_HEADER_OCTETS   14
#define WEIR_ETHERNET_SHORTEST_OCTETS 60 /* without its frame check sequence */

enum { WEIR_ETHERTYPE_IPV4 = 0x0800, WEIR_ETHERTYPE_IPV6 = 0x86dd };

/* Where parsing stands in a frame. */
struct weir_link_cursor {
    const uint8_t *at;
    uint32_t left;      /* captured octets at `at` */
    uint16_t ethertype; /* of what is there */
    uint16_t vlan;      /* outermost VLAN ID, 0: none */
};

/* Finds the IP header and its version, or the cause why there is none. */
enum weir_rest weir_link_find_ip(const struct weir_frame *frame,
                                 struct weir_link_cursor *ret_cursor);

/* The cause for a header that is not all there: the capture's doing, or the frame's. */
static inline enum weir_rest weir_link_too_short(const struct weir_frame *frame,
                                                 enum weir_rest malformed)
{
    return frame->captured < frame->wire_octets ? WEIR_REST_TRUNCATED : malformed;
}

#endif
