/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot loop of metering. The path of Ethernet, IPv4 or IPv6 without extension headers, TCP or
 * UDP is inlined into the batch; everything else leaves it through functions that are not. Headers
 * are loaded straight from the frame, each after one check that covers all of it.
 */
#include "packet/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "packet/fragment.h"

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define HOT                 __attribute__((always_inline)) static inline
#define COLD                __attribute__((noinline)) static

#define FRAGMENT_ENTRIES_DEFAULT 4096
#define FRAGMENT_TIMEOUT_DEFAULT (30 * WEIR_NS_PER_SECOND)
#define UNPARSED_LINKS_MAX       16
#define VLAN_TAGS_MAX            8
#define EXTENSION_HEADERS_MAX    16
#define ETHERNET_HEADER_OCTETS   14
#define ETHERNET_SHORTEST_OCTETS 60
#define IPV4_HEADER_OCTETS       20
#define IPV6_HEADER_OCTETS       40
#define IPV4_MORE_FRAGMENTS      0x2000
#define IPV4_FRAGMENT_OFFSET     0x1fff
#define TCP_FLAGS                0x01ff

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd, ETHERTYPE_LENGTH_MAX = 1500 };

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NO_NEXT = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
};

struct weir_parser {
    struct weir_parse_counters counters;
    struct weir_fragments *fragments;
    struct {
        uint16_t link_type;
        struct weir_rest_count count;
    } unparsed[UNPARSED_LINKS_MAX];
    size_t unparsed_count;
};

/* Where parsing stands in a frame. */
struct cursor {
    const uint8_t *at;
    uint32_t left; /* captured octets at `at` */
    uint16_t ethertype;
    uint16_t vlan;
};

/* The cause for a header that is not all there: the capture's doing, or the frame's. */
static enum weir_rest too_short(const struct weir_frame *frame, enum weir_rest malformed)
{
    return frame->captured < frame->wire_octets ? WEIR_REST_TRUNCATED : malformed;
}

/* Moves past a link header of `octets` octets; the caller sets the EtherType. */
HOT enum weir_rest take_link(const struct weir_frame *frame, uint32_t octets, struct cursor *cursor)
{
    if (UNLIKELY(frame->captured < octets))
        return too_short(frame, WEIR_REST_MALFORMED_LINK);
    cursor->at = frame->octets + octets;
    cursor->left = frame->captured - octets;
    return WEIR_REST_NONE;
}

HOT enum weir_rest link_ethernet(const struct weir_frame *frame, struct cursor *cursor)
{
    enum weir_rest rest = take_link(frame, ETHERNET_HEADER_OCTETS, cursor);
    if (LIKELY(rest == WEIR_REST_NONE))
        cursor->ethertype = weir_load_be16(frame->octets + 12);
    return rest;
}

/* Linux cooked, version 1: the ARPHRD type says whether the protocol is an EtherType. */
static bool is_ethertype(uint16_t arphrd)
{
    enum { ARPHRD_FRAD = 770, ARPHRD_IPGRE = 778, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };
    return arphrd != ARPHRD_FRAD && arphrd != ARPHRD_IPGRE && arphrd != ARPHRD_RADIOTAP &&
           arphrd != ARPHRD_NETLINK;
}

static enum weir_rest link_sll(const struct weir_frame *frame, struct cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 16, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    cursor->ethertype = weir_load_be16(frame->octets + 14);
    return is_ethertype(weir_load_be16(frame->octets + 2)) ? rest : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest link_sll2(const struct weir_frame *frame, struct cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 20, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    cursor->ethertype = weir_load_be16(frame->octets);
    return is_ethertype(weir_load_be16(frame->octets + 8)) ? rest : WEIR_REST_OTHER_PROTOCOL;
}

static enum weir_rest link_raw(const struct weir_frame *frame, struct cursor *cursor)
{
    if (frame->captured < 1)
        return too_short(frame, WEIR_REST_MALFORMED_IP_HEADER);
    cursor->ethertype = frame->octets[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    return take_link(frame, 0, cursor);
}

static enum weir_rest link_ipv4(const struct weir_frame *frame, struct cursor *cursor)
{
    cursor->ethertype = ETHERTYPE_IPV4;
    return take_link(frame, 0, cursor);
}

static enum weir_rest link_ipv6(const struct weir_frame *frame, struct cursor *cursor)
{
    cursor->ethertype = ETHERTYPE_IPV6;
    return take_link(frame, 0, cursor);
}

/*
 * NULL and LOOP: an address family of 32 bits in the byte order of the host that captured, or in
 * network order. AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24 (NetBSD, OpenBSD), 28
 * (FreeBSD) or 30 (Darwin). All are below 65536, so the order shows.
 */
static enum weir_rest link_null(const struct weir_frame *frame, struct cursor *cursor)
{
    enum weir_rest rest = take_link(frame, 4, cursor);
    if (rest != WEIR_REST_NONE)
        return rest;
    uint32_t family = weir_load_be32(frame->octets);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:
        cursor->ethertype = ETHERTYPE_IPV4;
        return rest;
    case 10:
    case 24:
    case 28:
    case 30:
        cursor->ethertype = ETHERTYPE_IPV6;
        return rest;
    default:
        return WEIR_REST_OTHER_PROTOCOL;
    }
}

/* Link types besides Ethernet, which the batch loop calls without this table. */
static const struct {
    uint16_t link_type;
    enum weir_rest (*parse)(const struct weir_frame *frame, struct cursor *cursor);
} links[] = {
    {WEIR_LINK_NULL, link_null},   {WEIR_LINK_LOOP, link_null},       {WEIR_LINK_RAW, link_raw},
    {WEIR_LINK_DLT_RAW, link_raw}, {WEIR_LINK_OPENBSD_RAW, link_raw}, {WEIR_LINK_IPV4, link_ipv4},
    {WEIR_LINK_IPV6, link_ipv6},   {WEIR_LINK_SLL, link_sll},         {WEIR_LINK_SLL2, link_sll2},
};

COLD enum weir_rest link_other(const struct weir_frame *frame, struct cursor *cursor)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i].link_type == frame->link_type)
            return links[i].parse(frame, cursor);
    return WEIR_REST_LINK_TYPE;
}

bool weir_parser_knows_link(uint16_t link_type)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i].link_type == link_type)
            return true;
    return link_type == WEIR_LINK_ETHERNET;
}

static const struct {
    uint16_t ethertype;
    enum weir_rest rest;
} not_ip[] = {
    {0x0806, WEIR_REST_ARP},   {0x8035, WEIR_REST_ARP},    {0x88cc, WEIR_REST_LLDP},
    {0x8847, WEIR_REST_MPLS},  {0x8848, WEIR_REST_MPLS},   {0x8863, WEIR_REST_PPPOE},
    {0x8864, WEIR_REST_PPPOE}, {0x88e5, WEIR_REST_MACSEC}, {0x888e, WEIR_REST_EAPOL},
};

static bool is_vlan_tag(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* Goes through VLAN tags and LLC/SNAP (RFC 1042) to an IP EtherType, or finds why there is none. */
COLD enum weir_rest find_ip(const struct weir_frame *frame, struct cursor *cursor)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    for (unsigned tags = 0; cursor->ethertype != ETHERTYPE_IPV4;) {
        if (cursor->ethertype == ETHERTYPE_IPV6)
            return WEIR_REST_NONE;
        uint32_t octets;
        if (is_vlan_tag(cursor->ethertype)) {
            octets = 4;
            if (cursor->left < octets)
                return too_short(frame, WEIR_REST_MALFORMED_LINK);
            if (++tags > VLAN_TAGS_MAX)
                return WEIR_REST_MALFORMED_VLAN;
            if (tags == 1)
                cursor->vlan = weir_load_be16(cursor->at) & 0xfff;
        } else if (cursor->ethertype <= ETHERTYPE_LENGTH_MAX) {
            octets = 8;
            if (cursor->left < octets || memcmp(cursor->at, snap, sizeof(snap)) != 0)
                return WEIR_REST_LLC;
        } else {
            for (size_t i = 0; i < sizeof(not_ip) / sizeof(not_ip[0]); i++)
                if (not_ip[i].ethertype == cursor->ethertype)
                    return not_ip[i].rest;
            return WEIR_REST_OTHER_PROTOCOL;
        }
        cursor->ethertype = weir_load_be16(cursor->at + octets - 2);
        cursor->at += octets;
        cursor->left -= octets;
    }
    return WEIR_REST_NONE;
}

/* How a transport protocol's header is read. */
enum transport_kind {
    TRANSPORT_NONE,      /* no ports */
    TRANSPORT_EXTENSION, /* in IPv6 a header before the transport's; no ports in IPv4 */
    TRANSPORT_PORTS,
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_ICMP,
};

static const struct transport {
    uint8_t kind;
    uint8_t header_octets; /* the least that a header has */
} transports[256] = {
    [PROTOCOL_HOP_BY_HOP] = {TRANSPORT_EXTENSION, 8},
    [PROTOCOL_ROUTING] = {TRANSPORT_EXTENSION, 8},
    [PROTOCOL_FRAGMENT] = {TRANSPORT_EXTENSION, 8},
    [PROTOCOL_AH] = {TRANSPORT_EXTENSION, 8},
    [PROTOCOL_DESTINATION] = {TRANSPORT_EXTENSION, 8},
    [PROTOCOL_ICMP] = {TRANSPORT_ICMP, 4},
    [PROTOCOL_ICMPV6] = {TRANSPORT_ICMP, 4},
    [PROTOCOL_TCP] = {TRANSPORT_TCP, 20},
    [PROTOCOL_UDP] = {TRANSPORT_UDP, 8},
    [PROTOCOL_UDP_LITE] = {TRANSPORT_PORTS, 8},
    [PROTOCOL_SCTP] = {TRANSPORT_PORTS, 12},
    [PROTOCOL_DCCP] = {TRANSPORT_PORTS, 12},
};

/* The IP payload from the transport header on. */
struct payload {
    const uint8_t *at;
    uint32_t captured; /* octets at `at` */
    uint32_t whole;    /* by the IP length; less than captured never */
    bool first_fragment;
};

/* A header of which not all is there: what there is counts. */
COLD void short_transport(const struct payload *payload, struct transport row,
                          struct weir_packet *packet)
{
    packet->key.src_port = packet->key.dst_port = 0;
    if (payload->whole < row.header_octets && !payload->first_fragment) {
        packet->flags |= WEIR_PACKET_MALFORMED_L4;
        return;
    }
    if (payload->captured < payload->whole)
        packet->flags |= WEIR_PACKET_TRUNCATED;
    if (row.kind == TRANSPORT_ICMP) {
        if (payload->captured >= 2)
            packet->key.dst_port = weir_load_be16(payload->at);
        return;
    }
    if (payload->captured >= 4) {
        packet->key.src_port = weir_load_be16(payload->at);
        packet->key.dst_port = weir_load_be16(payload->at + 2);
    }
    if (row.kind == TRANSPORT_TCP && payload->captured >= 14)
        packet->tcp_flags = weir_load_be16(payload->at + 12) & TCP_FLAGS;
}

/* Sets ports and TCP flags. One check covers the loads from the header. */
HOT void parse_transport(const struct payload *payload, struct weir_packet *packet)
{
    const struct transport row = transports[packet->key.protocol];
    packet->tcp_flags = 0;
    if (UNLIKELY(row.kind <= TRANSPORT_EXTENSION)) {
        packet->key.src_port = packet->key.dst_port = 0;
        return;
    }
    if (UNLIKELY(payload->captured < row.header_octets)) {
        short_transport(payload, row, packet);
        return;
    }
    const uint8_t *at = payload->at;
    packet->key.src_port = weir_load_be16(at);
    packet->key.dst_port = weir_load_be16(at + 2);
    bool malformed = false;
    if (row.kind == TRANSPORT_TCP) {
        uint16_t word = weir_load_be16(at + 12);
        uint32_t header = (uint32_t)(word >> 12) * 4;
        malformed = header < 20 || (header > payload->whole && !payload->first_fragment);
        packet->tcp_flags = word & TCP_FLAGS;
    } else if (row.kind == TRANSPORT_UDP) {
        uint16_t length = weir_load_be16(at + 4);
        malformed = length < 8 && length > 0; /* 0: a jumbogram, or offload */
    } else if (row.kind == TRANSPORT_ICMP) {
        packet->key.dst_port = packet->key.src_port; /* type and code come first */
        packet->key.src_port = 0;
    }
    if (UNLIKELY(malformed)) {
        packet->key.src_port = packet->key.dst_port = 0;
        packet->tcp_flags = 0;
        packet->flags |= WEIR_PACKET_MALFORMED_L4;
    }
}

/* What the two IP versions say of a fragment. */
struct fragment {
    uint32_t id;
    uint32_t at; /* of what it carries, from the IP header on; 0: where the transport header is */
    uint16_t offset; /* octets */
    bool more;
    uint8_t key_protocol; /* 0 where the version does not identify by it */
};

COLD void parse_fragment(struct weir_parser *parser, const struct weir_frame *frame,
                         const struct fragment *fragment, struct payload *payload,
                         struct weir_packet *packet)
{
    const struct weir_fragment_key key = {
        .src_addr = packet->key.src_addr,
        .dst_addr = packet->key.dst_addr,
        .id = fragment->id,
        .vlan = packet->vlan,
        .protocol = fragment->key_protocol,
    };
    packet->flags |= WEIR_PACKET_FRAGMENT;
    if (fragment->offset == 0) {
        payload->first_fragment = true;
        parse_transport(payload, packet);
        const struct weir_fragment_value value = {
            .src_port = packet->key.src_port,
            .dst_port = packet->key.dst_port,
            .protocol = packet->key.protocol,
        };
        if (weir_fragments_add(parser->fragments, &key, &value, frame->time_ns))
            parser->counters.fragments_evicted++;
        return;
    }
    packet->flags |= WEIR_PACKET_LATER_FRAGMENT;
    packet->tcp_flags = 0;
    const struct weir_fragment_value *first =
        weir_fragments_find(parser->fragments, &key, frame->time_ns);
    packet->key.src_port = first ? first->src_port : 0;
    packet->key.dst_port = first ? first->dst_port : 0;
    if (first)
        packet->key.protocol = first->protocol;
    else
        parser->counters.packets_fragment_unmatched++;
}

/*
 * The length of a packet whose IP length is 0: what the frame has from the IP header on. 0 where
 * that cannot be meant: the frame is so short that it may be padded, or shorter than `least`.
 */
COLD uint32_t length_of_frame(struct weir_parser *parser, const struct weir_frame *frame,
                              const struct cursor *cursor, uint32_t least)
{
    uint32_t link_octets = (uint32_t)(cursor->at - frame->octets);
    bool padded =
        link_octets >= ETHERNET_HEADER_OCTETS && frame->wire_octets <= ETHERNET_SHORTEST_OCTETS;
    if (padded || frame->wire_octets < link_octets + least)
        return 0;
    parser->counters.packets_length_of_frame++;
    return frame->wire_octets - link_octets;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

HOT void set_layers(const struct weir_frame *frame, const struct cursor *cursor, uint32_t total,
                    uint32_t transport, const struct fragment *fragment, struct weir_layers *layers)
{
    if (!layers)
        return;
    uint32_t network = (uint32_t)(cursor->at - frame->octets);
    *layers = (struct weir_layers){
        .network = network,
        .transport = network + transport,
        .fragment = network + (fragment->at ? fragment->at : transport),
        .end = network + smaller(cursor->left, total),
        .whole_end = network + total,
        .fragment_id = fragment->id,
        .fragment_offset = fragment->offset,
        .more_fragments = fragment->more,
    };
}

HOT enum weir_rest parse_ipv4(struct weir_parser *parser, const struct weir_frame *frame,
                              const struct cursor *cursor, struct weir_packet *packet,
                              struct weir_layers *layers)
{
    const uint8_t *ip = cursor->at;
    if (UNLIKELY(cursor->left < IPV4_HEADER_OCTETS))
        return too_short(frame, WEIR_REST_MALFORMED_IP_HEADER);
    if (UNLIKELY(ip[0] >> 4 != 4))
        return WEIR_REST_MALFORMED_IP_VERSION;
    uint32_t header = (ip[0] & 15u) * 4;
    if (UNLIKELY(header < IPV4_HEADER_OCTETS))
        return WEIR_REST_MALFORMED_IP_HEADER;
    uint32_t total = weir_load_be16(ip + 2);
    if (UNLIKELY(total < header)) {
        if (total > 0 || (total = length_of_frame(parser, frame, cursor, header)) == 0)
            return WEIR_REST_MALFORMED_IP_LENGTH;
    }
    packet->flags = 0;
    uint32_t present = smaller(cursor->left, total);
    if (UNLIKELY(present < header)) {
        if (frame->captured >= frame->wire_octets)
            return WEIR_REST_MALFORMED_IP_HEADER;
        packet->flags = WEIR_PACKET_TRUNCATED;
        present = header;
    }
    packet->key.src_addr = weir_address_from_v4(weir_load_be32(ip + 12));
    packet->key.dst_addr = weir_address_from_v4(weir_load_be32(ip + 16));
    packet->key.protocol = ip[9];
    packet->key.tos = ip[1];
    packet->octets = total;
    packet->flow_label = 0;
    packet->ttl = ip[8];
    struct payload payload = {ip + header, present - header, total - header, false};
    uint16_t word = weir_load_be16(ip + 6);
    struct fragment fragment = {
        .id = weir_load_be16(ip + 4),
        .offset = (uint16_t)((word & IPV4_FRAGMENT_OFFSET) * 8),
        .more = word & IPV4_MORE_FRAGMENTS,
        .key_protocol = ip[9],
    };
    set_layers(frame, cursor, total, header, &fragment, layers);
    if (LIKELY((word & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) == 0))
        parse_transport(&payload, packet);
    else
        parse_fragment(parser, frame, &fragment, &payload, packet);
    return WEIR_REST_NONE;
}

/* An IPv6 packet after its fixed header. */
struct ipv6 {
    uint32_t total;     /* octets from the fixed header on */
    uint32_t transport; /* offset of what the last header announces */
    uint8_t next;       /* protocol of that */
    uint8_t flags;      /* enum weir_packet_flag */
    bool is_fragment;
    struct fragment fragment;
};

/*
 * The jumbo payload option (RFC 2675) of a hop-by-hop header that begins at `at`, or 0. The header
 * lies in `left` captured octets as far as these go.
 */
static uint32_t jumbo_length(const uint8_t *at, uint32_t left)
{
    enum { OPTION_PAD1 = 0, OPTION_JUMBO = 0xc2 };
    if (left < 8)
        return 0;
    uint32_t end = smaller(left, (at[1] + 1u) * 8);
    for (uint32_t i = 2; i + 2 <= end;) {
        if (at[i] == OPTION_PAD1) {
            i++;
            continue;
        }
        if (at[i] == OPTION_JUMBO && at[i + 1] == 4 && i + 6 <= end)
            return weir_load_be32(at + i + 2);
        i += 2u + at[i + 1];
    }
    return 0;
}

/* The length of a packet whose payload length is 0, or 0 where it can have none. */
static uint32_t ipv6_length(struct weir_parser *parser, const struct weir_frame *frame,
                            const struct cursor *cursor)
{
    const uint8_t *ip = cursor->at;
    uint32_t wire_left =
        frame->wire_octets - smaller(frame->wire_octets, (uint32_t)(cursor->at - frame->octets));
    if (ip[6] == PROTOCOL_NO_NEXT)
        return IPV6_HEADER_OCTETS;
    uint32_t jumbo = ip[6] == PROTOCOL_HOP_BY_HOP
                         ? jumbo_length(ip + IPV6_HEADER_OCTETS, cursor->left - IPV6_HEADER_OCTETS)
                         : 0;
    /* A jumbogram of 4 GiB in a short frame is a lie, and one below 65,536 is not allowed. */
    if (jumbo > 0)
        return jumbo > UINT16_MAX && wire_left >= IPV6_HEADER_OCTETS &&
                       jumbo <= wire_left - IPV6_HEADER_OCTETS
                   ? jumbo + IPV6_HEADER_OCTETS
                   : 0;
    uint32_t length = length_of_frame(parser, frame, cursor, IPV6_HEADER_OCTETS);
    return length > 0 ? length : IPV6_HEADER_OCTETS;
}

/* Walks the extension headers. What breaks a rule ends the walk, and the packet keeps its octets.
 */
COLD void walk_extensions(const struct cursor *cursor, struct ipv6 *ipv6)
{
    const uint8_t *ip = cursor->at;
    uint32_t captured = smaller(cursor->left, ipv6->total);
    for (unsigned headers = 0; transports[ipv6->next].kind == TRANSPORT_EXTENSION; headers++) {
        if (headers == EXTENSION_HEADERS_MAX || ipv6->total - ipv6->transport < 8) {
            ipv6->flags |= WEIR_PACKET_MALFORMED_L4;
            return;
        }
        if (captured < ipv6->transport + 8) {
            ipv6->flags |= WEIR_PACKET_TRUNCATED;
            return;
        }
        const uint8_t *at = ip + ipv6->transport;
        uint32_t octets = (at[1] + 1u) * 8;
        if (ipv6->next == PROTOCOL_AH)
            octets = (at[1] + 2u) * 4;
        if (ipv6->next == PROTOCOL_FRAGMENT)
            octets = 8;
        if (octets > ipv6->total - ipv6->transport) {
            ipv6->flags |= WEIR_PACKET_MALFORMED_L4;
            return;
        }
        bool is_fragment = ipv6->next == PROTOCOL_FRAGMENT;
        ipv6->next = at[0];
        ipv6->transport += octets;
        if (!is_fragment)
            continue;
        uint16_t word = weir_load_be16(at + 2);
        ipv6->fragment.id = weir_load_be32(at + 4);
        ipv6->fragment.at = ipv6->transport;
        ipv6->fragment.offset = word & 0xfff8;
        ipv6->fragment.more = word & 1;
        /* Neither offset nor more to come: an atomic fragment, whole (RFC 8200 4.5). */
        ipv6->is_fragment = ipv6->fragment.offset > 0 || ipv6->fragment.more;
        if (ipv6->fragment.offset > 0)
            return;
    }
}

HOT enum weir_rest parse_ipv6(struct weir_parser *parser, const struct weir_frame *frame,
                              const struct cursor *cursor, struct weir_packet *packet,
                              struct weir_layers *layers)
{
    const uint8_t *ip = cursor->at;
    if (UNLIKELY(cursor->left < IPV6_HEADER_OCTETS))
        return too_short(frame, WEIR_REST_MALFORMED_IP_HEADER);
    uint32_t word = weir_load_be32(ip);
    if (UNLIKELY(word >> 28 != 6))
        return WEIR_REST_MALFORMED_IP_VERSION;
    struct ipv6 ipv6 = {
        .total = weir_load_be16(ip + 4) + (uint32_t)IPV6_HEADER_OCTETS,
        .transport = IPV6_HEADER_OCTETS,
        .next = ip[6],
        .flags = WEIR_PACKET_V6,
    };
    if (UNLIKELY(ipv6.total == IPV6_HEADER_OCTETS) &&
        (ipv6.total = ipv6_length(parser, frame, cursor)) == 0)
        return WEIR_REST_MALFORMED_IP_LENGTH;
    if (UNLIKELY(transports[ipv6.next].kind == TRANSPORT_EXTENSION))
        walk_extensions(cursor, &ipv6);
    packet->key.src_addr = weir_address_from_octets(ip + 8);
    packet->key.dst_addr = weir_address_from_octets(ip + 24);
    packet->key.protocol = ipv6.next;
    packet->key.tos = (uint8_t)(word >> 20);
    packet->octets = ipv6.total;
    packet->flow_label = word & 0xfffff;
    packet->ttl = ip[7];
    packet->flags = ipv6.flags;
    set_layers(frame, cursor, ipv6.total, ipv6.transport, &ipv6.fragment, layers);
    uint32_t captured = smaller(cursor->left, ipv6.total);
    struct payload payload = {ip + smaller(ipv6.transport, captured),
                              captured - smaller(ipv6.transport, captured),
                              ipv6.total - ipv6.transport, false};
    if (UNLIKELY(ipv6.flags & (WEIR_PACKET_MALFORMED_L4 | WEIR_PACKET_TRUNCATED))) {
        packet->key.src_port = packet->key.dst_port = packet->tcp_flags = 0;
        if (ipv6.is_fragment)
            packet->flags |= WEIR_PACKET_FRAGMENT;
    } else if (LIKELY(!ipv6.is_fragment)) {
        parse_transport(&payload, packet);
    } else {
        parse_fragment(parser, frame, &ipv6.fragment, &payload, packet);
    }
    return WEIR_REST_NONE;
}

/* All of parsing but counting. */
HOT enum weir_rest parse(struct weir_parser *parser, const struct weir_frame *frame,
                         struct weir_packet *packet, struct weir_layers *layers)
{
    struct cursor cursor;
    cursor.vlan = 0;
    enum weir_rest rest = LIKELY(frame->link_type == WEIR_LINK_ETHERNET)
                              ? link_ethernet(frame, &cursor)
                              : link_other(frame, &cursor);
    if (UNLIKELY(rest != WEIR_REST_NONE))
        return rest;
    if (UNLIKELY(cursor.ethertype != ETHERTYPE_IPV4 && cursor.ethertype != ETHERTYPE_IPV6)) {
        rest = find_ip(frame, &cursor);
        if (rest != WEIR_REST_NONE)
            return rest;
    }
    packet->vlan = cursor.vlan;
    packet->key.observation_point = frame->interface;
    packet->time_ns = frame->time_ns;
    packet->wire_octets = frame->wire_octets;
    return cursor.ethertype == ETHERTYPE_IPV4 ? parse_ipv4(parser, frame, &cursor, packet, layers)
                                              : parse_ipv6(parser, frame, &cursor, packet, layers);
}

static void count_unparsed_link(struct weir_parser *parser, const struct weir_frame *frame)
{
    size_t i = 0;
    while (i < parser->unparsed_count && parser->unparsed[i].link_type != frame->link_type)
        i++;
    if (i == UNPARSED_LINKS_MAX)
        return;
    if (i == parser->unparsed_count)
        parser->unparsed_count++;
    parser->unparsed[i].link_type = frame->link_type;
    parser->unparsed[i].count.packets++;
    parser->unparsed[i].count.octets += frame->wire_octets;
}

COLD void count_rest(struct weir_parser *parser, const struct weir_frame *frame,
                     enum weir_rest rest)
{
    struct weir_parse_counters *counters = &parser->counters;
    counters->rest[rest].packets++;
    counters->rest[rest].octets += frame->wire_octets;
    if (rest >= WEIR_REST_FIRST_MALFORMED) {
        counters->packets_malformed++;
        counters->octets_malformed += frame->wire_octets;
    }
    if (rest == WEIR_REST_LINK_TYPE)
        count_unparsed_link(parser, frame);
}

COLD void count_flags(struct weir_parse_counters *counters, unsigned flags)
{
    counters->packets_cut += (flags & WEIR_PACKET_TRUNCATED) != 0;
    counters->packets_malformed_transport += (flags & WEIR_PACKET_MALFORMED_L4) != 0;
    counters->packets_fragment += (flags & WEIR_PACKET_FRAGMENT) != 0;
}

/* What a batch adds to the counters. */
struct sums {
    uint64_t wire, parsed, link_layer, beyond;
};

HOT bool count_packet(struct weir_parser *parser, const struct weir_frame *frame,
                      const struct weir_packet *packet, enum weir_rest rest, struct sums *sums)
{
    sums->wire += frame->wire_octets;
    if (UNLIKELY(rest != WEIR_REST_NONE)) {
        count_rest(parser, frame, rest);
        return false;
    }
    uint32_t within = smaller(packet->octets, frame->wire_octets);
    sums->parsed += packet->octets;
    sums->link_layer += frame->wire_octets - within;
    sums->beyond += packet->octets - within;
    if (UNLIKELY(packet->flags & ~(unsigned)WEIR_PACKET_V6))
        count_flags(&parser->counters, packet->flags);
    return true;
}

static void add_sums(struct weir_parser *parser, const struct sums *sums, size_t frames,
                     size_t packets)
{
    struct weir_parse_counters *counters = &parser->counters;
    counters->packets_observed += frames;
    counters->octets_observed += sums->wire;
    counters->packets_parsed += packets;
    counters->octets_parsed += sums->parsed;
    counters->octets_link_layer += sums->link_layer;
    counters->octets_beyond_frame += sums->beyond;
}

size_t weir_parse_batch(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                        struct weir_packet *packets, uint16_t *ret_frame)
{
    struct sums sums = {0};
    size_t packet_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct weir_packet *packet = &packets[packet_count];
        enum weir_rest rest = parse(parser, &frames[i], packet, NULL);
        if (ret_frame)
            ret_frame[packet_count] = (uint16_t)i;
        packet_count += count_packet(parser, &frames[i], packet, rest, &sums);
    }
    add_sums(parser, &sums, count, packet_count);
    return packet_count;
}

enum weir_rest weir_parse_frame(struct weir_parser *parser, const struct weir_frame *frame,
                                struct weir_packet *ret_packet, struct weir_layers *ret_layers)
{
    struct sums sums = {0};
    struct weir_packet packet;
    struct weir_layers layers;
    enum weir_rest rest = parse(parser, frame, &packet, &layers);
    bool is_packet = count_packet(parser, frame, &packet, rest, &sums);
    add_sums(parser, &sums, 1, is_packet);
    if (is_packet) {
        *ret_packet = packet;
        *ret_layers = layers;
    }
    return rest;
}

int weir_parser_new(const struct weir_parser_options *options, struct weir_parser **ret_parser)
{
    static const struct weir_parser_options defaults;
    if (!options)
        options = &defaults;
    struct weir_parser *parser = calloc(1, sizeof(*parser));
    if (!parser)
        return WEIR_E_NOMEM;
    struct weir_hash_key seeded;
    weir_hash_key_seed(&seeded, 0);
    int result = weir_fragments_new(
        options->fragment_entries ? options->fragment_entries : FRAGMENT_ENTRIES_DEFAULT,
        options->fragment_timeout_ns ? options->fragment_timeout_ns : FRAGMENT_TIMEOUT_DEFAULT,
        options->hash_key ? options->hash_key : &seeded, &parser->fragments);
    if (result < 0) {
        free(parser);
        return result;
    }
    *ret_parser = parser;
    return 0;
}

void weir_parser_free(struct weir_parser *parser)
{
    if (!parser)
        return;
    weir_fragments_free(parser->fragments);
    free(parser);
}

const struct weir_parse_counters *weir_parser_counters(const struct weir_parser *parser)
{
    return &parser->counters;
}

int weir_parser_unparsed_link(const struct weir_parser *parser, size_t index,
                              uint16_t *ret_link_type, struct weir_rest_count *ret_count)
{
    if (index >= parser->unparsed_count)
        return WEIR_E_NOT_FOUND;
    *ret_link_type = parser->unparsed[index].link_type;
    *ret_count = parser->unparsed[index].count;
    return 0;
}
