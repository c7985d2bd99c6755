/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before an IP header: link headers and what is put between them and IP. One table of
 * layers, each with the function that reads its header and says which layer comes next; one loop
 * goes from layer to layer, so that no input makes it deep. Private to packet/.
 *
 * VLAN tags (IEEE 802.1Q), LLC and SNAP (IEEE 802.2, RFC 1042), MPLS (RFC 3032) with Ethernet
 * pseudowires (RFC 4448), PPPoE (RFC 2516), PPP (RFC 1661, 1662), Cisco HDLC, Linux cooked capture.
 */
#ifndef WEIR_PACKET_LINK_H
#define WEIR_PACKET_LINK_H

#include <stdint.h>

#include "packet/parse.h"

#define WEIR_ETHERNET_HEADER_OCTETS   14
#define WEIR_ETHERNET_SHORTEST_OCTETS 60 /* without its frame check sequence */

enum { WEIR_ETHERTYPE_IPV4 = 0x0800, WEIR_ETHERTYPE_IPV6 = 0x86dd };

enum weir_layer {
    WEIR_LAYER_IPV4, /* this and the next are where the loop ends */
    WEIR_LAYER_IPV6,
    WEIR_LAYER_RAW_IP, /* of either version */
    WEIR_LAYER_ETHERNET,
    WEIR_LAYER_VLAN,
    WEIR_LAYER_LLC,
    WEIR_LAYER_MPLS,
    WEIR_LAYER_PPPOE,
    WEIR_LAYER_PPP,
    WEIR_LAYER_SERIAL, /* PPP or Cisco HDLC, told apart by the address octet */
    WEIR_LAYER_HDLC,
    WEIR_LAYER_FAMILY, /* NULL and LOOP: an address family */
    WEIR_LAYER_SLL,
    WEIR_LAYER_SLL2,
    WEIR_LAYER_COUNT,
};

/* Where parsing stands in a frame. */
struct weir_link_cursor {
    const uint8_t *at;
    uint32_t left;         /* captured octets at `at` */
    bool cut;              /* the frame had more than was captured */
    enum weir_layer layer; /* of what is there */
    uint16_t vlan;         /* outermost VLAN ID, 0: none */
    uint8_t vlan_tags;     /* that were gone through */
};

/* Finds the IP header and its version, or the cause why there is none. */
enum weir_rest weir_link_find_ip(const struct weir_frame *frame,
                                 struct weir_link_cursor *ret_cursor);

/* The cause for a header that is not all there: the capture's doing, or the frame's. */
static inline enum weir_rest weir_link_too_short(const struct weir_link_cursor *cursor,
                                                 enum weir_rest malformed)
{
    return cursor->cut ? WEIR_REST_TRUNCATED : malformed;
}

#endif
