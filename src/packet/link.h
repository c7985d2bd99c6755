/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before an IP header: link headers and what is put between them and IP. One table of
 * layers, each with the function that reads its header and says which layer comes next; one loop
 * goes from layer to layer, so that no input makes it deep. Private to packet/.
 *
 * VLAN tags (IEEE 802.1Q), LLC and SNAP (IEEE 802.2, RFC 1042), MPLS (RFC 3032) with Ethernet
 * pseudowires (RFC 4448), PPPoE (RFC 2516), PPP (RFC 1661, 1662), Cisco HDLC, IEEE 802.11 with
 * radiotap and its forerunners, Linux cooked capture and NFLOG, switch tags (DSA), Cisco metadata,
 * Arista times.
 */
#ifndef WEIR_PACKET_LINK_H
#define WEIR_PACKET_LINK_H

#include <stdint.h>

#include "packet/parse.h"

#define WEIR_ETHERNET_HEADER_OCTETS   14
#define WEIR_ETHERNET_SHORTEST_OCTETS 60 /* without its frame check sequence */

enum { WEIR_ETHERTYPE_IPV4 = 0x0800, WEIR_ETHERTYPE_IPV6 = 0x86dd };

/* Layers that come behind an IP header, and the functions of packet/tunnel.c that read them. */
#define WEIR_TUNNEL_LAYER_LIST(X) \
    X(GRE, gre)                   \
    X(ERSPAN_2, erspan_2)         \
    X(ERSPAN_3, erspan_3)         \
    X(ETHERIP, etherip)           \
    X(L2TP_IP, l2tp_ip)           \
    X(L2TP_UDP, l2tp_udp)         \
    X(VXLAN, vxlan)               \
    X(GENEVE, geneve)             \
    X(GTP_U, gtp_u)               \
    X(TEREDO, teredo)             \
    X(GRE_UDP, gre_udp)           \
    X(MPLS_UDP, mpls_udp)         \
    X(VXLAN_GPE, vxlan_gpe)       \
    X(NSH, nsh)

/* Layers of IEEE 802.11 and what captures put before it, and the functions of packet/wlan.c. */
#define WEIR_WLAN_LAYER_LIST(X) \
    X(WLAN, frame)              \
    X(RADIOTAP, radiotap)       \
    X(PRISM, prism)             \
    X(AVS, avs)

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
    WEIR_LAYER_NFLOG,
    WEIR_LAYER_DSA,  /* Ethernet with the tag of a switch behind its addresses: Broadcom's */
    WEIR_LAYER_EDSA, /* Marvell's */
    WEIR_LAYER_CISCO_METADATA,
    WEIR_LAYER_ARISTA_TIME,
#define WEIR_TUNNEL_LAYER_ENUM(name, function) WEIR_LAYER_##name,
    WEIR_TUNNEL_LAYER_LIST(WEIR_TUNNEL_LAYER_ENUM) WEIR_WLAN_LAYER_LIST(WEIR_TUNNEL_LAYER_ENUM)
#undef WEIR_TUNNEL_LAYER_ENUM
        WEIR_LAYER_COUNT,
};

/* Where parsing stands in a frame. */
struct weir_link_cursor {
    const uint8_t *at;
    uint32_t left;           /* captured octets at `at` */
    uint32_t whole;          /* octets there on the wire, as the frame or the packet outside says */
    bool cut;                /* the frame had more than was captured */
    enum weir_layer layer;   /* of what is there */
    uint16_t vlan;           /* outermost VLAN ID of the innermost tunnel that has one, 0: none */
    uint16_t inner_vlan;     /* VLAN ID of the second tag there, 0: none */
    uint8_t vlan_tags;       /* that were gone through since */
    uint8_t label_count;     /* of the last stack of MPLS labels */
    const uint8_t *labels;   /* its top */
    const uint8_t *ethernet; /* the last Ethernet header; NULL: none */
    bool has_no_length;      /* an IP length was 0 and the frame's was taken */
    bool is_padded;          /* behind a header of 802.11 there is what aligns the next */
    bool is_no_tunnel;       /* it was none after all, but the payload of a transport */
    struct weir_encapsulation encapsulation;
};

/* Finds the IP header and its version, or the cause why there is none. */
enum weir_rest weir_link_find_ip(const struct weir_frame *frame,
                                 struct weir_link_cursor *ret_cursor);

/* The same from where the cursor stands, by its layer. */
enum weir_rest weir_link_walk(struct weir_link_cursor *cursor);

/*
 * For functions that read a layer. The header of `octets` octets at the cursor, which moves past
 * it; NULL, and nothing moved, where it is not there.
 */
const uint8_t *weir_link_take(struct weir_link_cursor *cursor, uint32_t octets);

/* The layer that comes next; its EtherType where it is one. WEIR_REST_NONE or the cause. */
enum weir_rest weir_link_go_on(struct weir_link_cursor *cursor, enum weir_layer layer);
enum weir_rest weir_link_go_on_by_type(struct weir_link_cursor *cursor, uint16_t type);

/* Whether an Ethernet header may begin past `skipped` octets: its type is one that is known. */
bool weir_link_may_be_ethernet(const struct weir_link_cursor *cursor, uint32_t skipped);

#define WEIR_TUNNEL_LAYER_FUNCTION(name, function) \
    enum weir_rest weir_tunnel_##function(struct weir_link_cursor *cursor);
WEIR_TUNNEL_LAYER_LIST(WEIR_TUNNEL_LAYER_FUNCTION)
#undef WEIR_TUNNEL_LAYER_FUNCTION
#define WEIR_WLAN_LAYER_FUNCTION(name, function) \
    enum weir_rest weir_wlan_##function(struct weir_link_cursor *cursor);
WEIR_WLAN_LAYER_LIST(WEIR_WLAN_LAYER_FUNCTION)
#undef WEIR_WLAN_LAYER_FUNCTION

/* What the packet is in, and which of these it is. */
static inline void weir_link_identify(struct weir_link_cursor *cursor,
                                      enum weir_encapsulation_kind kind, uint32_t id)
{
    cursor->encapsulation.kind = (uint8_t)kind;
    cursor->encapsulation.id = id;
}

/* The cause for a header that is not all there: the capture's doing, or the frame's. */
static inline enum weir_rest weir_link_too_short(const struct weir_link_cursor *cursor,
                                                 enum weir_rest malformed)
{
    return cursor->cut ? WEIR_REST_TRUNCATED : malformed;
}

#endif
