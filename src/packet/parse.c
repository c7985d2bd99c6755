/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot loop of metering. Most packets are Ethernet with IPv4 without options or IPv6 without
 * extension headers, and have room for any transport header: parse_plain() asks for all of that at
 * once and then reads fields without further questions, parse_any() takes the rest. Both fill
 * packets through the same functions and tables. Headers are loaded straight from the frame, after
 * the one check that covers them.
 */
#include "packet/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "packet/fragment.h"
#include "packet/link.h"
#include "packet/parse_private.h"
#include "packet/tunnel.h"

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define HOT                 __attribute__((always_inline)) static inline
#define COLD                __attribute__((noinline)) static

#define FRAGMENT_ENTRIES_DEFAULT 4096
#define FRAGMENT_TIMEOUT_DEFAULT (30 * WEIR_NS_PER_SECOND)
#define EXTENSION_HEADERS_MAX    16
#define IPV4_HEADER_OCTETS       20
#define IPV6_HEADER_OCTETS       40
#define IPV4_MORE_FRAGMENTS      0x2000
#define IPV4_FRAGMENT_OFFSET     0x1fff
#define IPV4_FRAGMENT            (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)
#define TCP_FLAGS                0x01ff
#define TRANSPORT_OCTETS         20 /* of the longest header that is read */

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_GRE = 47,
    PROTOCOL_ETHERIP = 97,
    PROTOCOL_L2TP = 115,
    PROTOCOL_MPLS = 137,
    PROTOCOL_ETHERNET = 143,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NO_NEXT = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
};

/*
 * How a transport protocol's header is read. Its first four octets, as one number, shifted and
 * masked are the two ports. The row of a protocol without ports is zero.
 */
static const struct transport {
    uint32_t ports_mask;
    uint16_t flags_mask;
    uint8_t ports_shift;
    uint8_t header_octets; /* the least that a header has */
    bool is_tcp, is_udp;
    bool is_extension; /* in IPv6 a header before the transport's; without ports in IPv4 */
    bool may_be_tunnel;
} transports[256] = {
#define PORTS(octets) .ports_mask = UINT32_MAX, .header_octets = octets
#define EXTENSION     .is_extension = true
#define TUNNEL        .may_be_tunnel = true
    [PROTOCOL_TCP] = {PORTS(20), .flags_mask = TCP_FLAGS, .is_tcp = true},
    [PROTOCOL_UDP] = {PORTS(8), .is_udp = true, .may_be_tunnel = true},
    [PROTOCOL_UDP_LITE] = {PORTS(8)},
    [PROTOCOL_SCTP] = {PORTS(12)},
    [PROTOCOL_DCCP] = {PORTS(12)},
    [PROTOCOL_ESP] = {PORTS(8)}, /* the SPI in their place: it tells one association from another */
    /* Type and code, which come first, stand for the destination port. */
    [PROTOCOL_ICMP] = {.ports_mask = UINT16_MAX, .ports_shift = 16, .header_octets = 4},
    [PROTOCOL_ICMPV6] = {.ports_mask = UINT16_MAX, .ports_shift = 16, .header_octets = 4},
    [PROTOCOL_HOP_BY_HOP] = {EXTENSION},
    [PROTOCOL_ROUTING] = {EXTENSION},
    [PROTOCOL_FRAGMENT] = {EXTENSION},
    [PROTOCOL_AH] = {EXTENSION, .may_be_tunnel = true},
    [PROTOCOL_DESTINATION] = {EXTENSION},
    [PROTOCOL_IPV4] = {TUNNEL},
    [PROTOCOL_IPV6] = {TUNNEL},
    [PROTOCOL_GRE] = {TUNNEL},
    [PROTOCOL_ETHERIP] = {TUNNEL},
    [PROTOCOL_L2TP] = {TUNNEL},
    [PROTOCOL_MPLS] = {TUNNEL},
    [PROTOCOL_ETHERNET] = {TUNNEL},
#undef PORTS
#undef EXTENSION
#undef TUNNEL
};

COLD void set_malformed_transport(struct weir_packet *packet)
{
    packet->key.src_port = packet->key.dst_port = 0;
    packet->tcp_flags = 0;
    packet->flags |= WEIR_PACKET_MALFORMED_L4;
}

/*
 * Sets ports and TCP flags from the TRANSPORT_OCTETS octets at `at`, without a branch on the
 * protocol: it would be mispredicted for every third packet. `whole` is the length that the header
 * and what follows it have, at least what the protocol's header needs.
 */
HOT void set_transport(const uint8_t *at, uint32_t whole, struct weir_packet *packet)
{
    const struct transport *row = &transports[packet->key.protocol];
    uint32_t ports = weir_load_be32(at) >> row->ports_shift & row->ports_mask;
    uint32_t word = weir_load_be16(at + 12);
    packet->key.src_port = (uint16_t)(ports >> 16);
    packet->key.dst_port = (uint16_t)ports;
    packet->tcp_flags = (uint16_t)(word & row->flags_mask);
    /* TCP: from 20 to all octets. UDP: 8 or more, or 0 in jumbograms and offload. */
    bool tcp_malformed = row->is_tcp & ((word >> 12) * 4 - 20 > whole - 20);
    bool udp_malformed = row->is_udp & ((uint16_t)(weir_load_be16(at + 4) - 1) < 7);
    if (UNLIKELY(tcp_malformed | udp_malformed))
        set_malformed_transport(packet);
}

void weir_parse_transport(const struct weir_payload *payload, struct weir_packet *packet)
{
    const struct transport *row = &transports[packet->key.protocol];
    uint8_t header[TRANSPORT_OCTETS] = {0};
    uint32_t captured = payload->captured < sizeof(header) ? payload->captured : sizeof(header);
    if (captured > 0)
        memcpy(header, payload->at, captured);
    /* Of a first fragment no more is known than that it is long enough (RFC 8200 4.5). */
    if (payload->captured >= row->header_octets) {
        set_transport(header, payload->first_fragment ? UINT32_MAX : payload->whole, packet);
        return;
    }
    packet->key.src_port = packet->key.dst_port = packet->tcp_flags = 0;
    if (payload->whole < row->header_octets && !payload->first_fragment) {
        set_malformed_transport(packet);
        return;
    }
    if (payload->captured < payload->whole)
        packet->flags |= WEIR_PACKET_TRUNCATED;
    uint32_t ports = weir_load_be32(header) >> row->ports_shift & row->ports_mask;
    if (captured >= 4 || (captured >= 2 && row->ports_shift > 0)) {
        packet->key.src_port = (uint16_t)(ports >> 16);
        packet->key.dst_port = (uint16_t)ports;
    }
    if (captured >= 14)
        packet->tcp_flags = weir_load_be16(header + 12) & row->flags_mask;
}

/* What the two IP versions say of a fragment. */
struct fragment {
    uint32_t id;
    uint32_t at; /* of what it carries, from the IP header on; 0: where the transport header is */
    uint16_t offset; /* octets */
    bool more;
    uint8_t key_protocol; /* 0 where the version does not identify by it */
};

/*
 * Which tunnel the addresses live in. Labels of MPLS may be chosen by ports (RFC 6790), which later
 * fragments have not, and differ between fragments.
 */
static uint32_t tunnel_of(const struct weir_packet *packet)
{
    const struct weir_encapsulation *encapsulation = &packet->encapsulation;
    return encapsulation->kind == WEIR_ENCAPSULATION_MPLS ? 0 : encapsulation->id;
}

COLD void parse_fragment(struct weir_parser *parser, const struct weir_frame *frame,
                         const struct fragment *fragment, struct weir_payload *payload,
                         struct weir_packet *packet)
{
    const struct weir_fragment_key key = {
        .src_addr = packet->key.src_addr,
        .dst_addr = packet->key.dst_addr,
        .id = fragment->id,
        .vlan = packet->vlan,
        .protocol = fragment->key_protocol,
        .tunnel_id = tunnel_of(packet),
    };
    packet->flags |= WEIR_PACKET_FRAGMENT;
    if (fragment->offset == 0) {
        payload->first_fragment = true;
        weir_parse_transport(payload, packet);
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
COLD uint32_t length_of_frame(const struct weir_frame *frame, struct weir_link_cursor *cursor,
                              uint32_t least)
{
    uint32_t before = (uint32_t)(cursor->at - frame->octets);
    bool padded = before >= WEIR_ETHERNET_HEADER_OCTETS &&
                  frame->wire_octets <= WEIR_ETHERNET_SHORTEST_OCTETS;
    if (padded || cursor->whole < least)
        return 0;
    cursor->has_no_length = true;
    return cursor->whole;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void set_layers(const struct weir_frame *frame, const struct weir_link_cursor *cursor,
                       uint32_t total, uint32_t transport, const struct fragment *fragment,
                       struct weir_layers *layers)
{
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
        .ethernet =
            cursor->ethernet ? (uint32_t)(cursor->ethernet - frame->octets) : WEIR_LAYER_NOWHERE,
        .labels = cursor->labels ? (uint32_t)(cursor->labels - frame->octets) : 0,
        .label_count = cursor->label_count,
        .inner_vlan = cursor->inner_vlan,
    };
}

/* The fields of the fixed header. */
HOT void set_ipv4(const uint8_t *ip, uint32_t total, struct weir_packet *packet)
{
    packet->key.src_addr = weir_address_from_v4(weir_load_be32(ip + 12));
    packet->key.dst_addr = weir_address_from_v4(weir_load_be32(ip + 16));
    packet->key.protocol = ip[9];
    packet->key.tos = ip[1];
    packet->octets = total;
    packet->flow_label = 0;
    packet->ttl = ip[8];
}

static enum weir_rest parse_ipv4(struct weir_parser *parser, const struct weir_frame *frame,
                                 struct weir_link_cursor *cursor, struct weir_packet *packet,
                                 struct weir_layers *layers)
{
    const uint8_t *ip = cursor->at;
    if (ip[0] >> 4 != 4)
        return WEIR_REST_MALFORMED_IP_VERSION;
    uint32_t header = (ip[0] & 15u) * 4;
    if (header < IPV4_HEADER_OCTETS)
        return WEIR_REST_MALFORMED_IP_HEADER;
    uint32_t total = weir_load_be16(ip + 2);
    if (total < header) {
        if (total > 0 || (total = length_of_frame(frame, cursor, header)) == 0)
            return WEIR_REST_MALFORMED_IP_LENGTH;
    }
    packet->flags = 0;
    uint32_t present = smaller(cursor->left, total);
    if (present < header) {
        if (!cursor->cut)
            return WEIR_REST_MALFORMED_IP_HEADER;
        packet->flags = WEIR_PACKET_TRUNCATED;
        present = header;
    }
    set_ipv4(ip, total, packet);
    struct weir_payload payload = {ip + header, present - header, total - header, false};
    uint16_t word = weir_load_be16(ip + 6);
    struct fragment fragment = {
        .id = weir_load_be16(ip + 4),
        .offset = (uint16_t)((word & IPV4_FRAGMENT_OFFSET) * 8),
        .more = word & IPV4_MORE_FRAGMENTS,
        .key_protocol = ip[9],
    };
    set_layers(frame, cursor, total, header, &fragment, layers);
    if ((word & IPV4_FRAGMENT) == 0)
        weir_parse_transport(&payload, packet);
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
static uint32_t ipv6_length(const struct weir_frame *frame, struct weir_link_cursor *cursor)
{
    const uint8_t *ip = cursor->at;
    uint32_t wire_left = cursor->whole;
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
    uint32_t length = length_of_frame(frame, cursor, IPV6_HEADER_OCTETS);
    return length > 0 ? length : IPV6_HEADER_OCTETS;
}

/* Walks the extension headers. What breaks a rule ends the walk, and the packet keeps its octets.
 */
COLD void walk_extensions(const struct weir_link_cursor *cursor, struct ipv6 *ipv6)
{
    const uint8_t *ip = cursor->at;
    uint32_t captured = smaller(cursor->left, ipv6->total);
    for (unsigned headers = 0; transports[ipv6->next].is_extension; headers++) {
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

/* The fields of the fixed header, whose first 32 bits are `word`. */
HOT void set_ipv6(const uint8_t *ip, uint32_t word, uint32_t total, struct weir_packet *packet)
{
    packet->key.src_addr = weir_address_from_octets(ip + 8);
    packet->key.dst_addr = weir_address_from_octets(ip + 24);
    packet->key.tos = (uint8_t)(word >> 20);
    packet->octets = total;
    packet->flow_label = word & 0xfffff;
    packet->ttl = ip[7];
}

static enum weir_rest parse_ipv6(struct weir_parser *parser, const struct weir_frame *frame,
                                 struct weir_link_cursor *cursor, struct weir_packet *packet,
                                 struct weir_layers *layers)
{
    const uint8_t *ip = cursor->at;
    uint32_t word = weir_load_be32(ip);
    if (word >> 28 != 6)
        return WEIR_REST_MALFORMED_IP_VERSION;
    struct ipv6 ipv6 = {
        .total = weir_load_be16(ip + 4) + (uint32_t)IPV6_HEADER_OCTETS,
        .transport = IPV6_HEADER_OCTETS,
        .next = ip[6],
        .flags = WEIR_PACKET_V6,
    };
    if (ipv6.total == IPV6_HEADER_OCTETS && (ipv6.total = ipv6_length(frame, cursor)) == 0)
        return WEIR_REST_MALFORMED_IP_LENGTH;
    walk_extensions(cursor, &ipv6);
    set_ipv6(ip, word, ipv6.total, packet);
    packet->key.protocol = ipv6.next;
    packet->flags = ipv6.flags;
    set_layers(frame, cursor, ipv6.total, ipv6.transport, &ipv6.fragment, layers);
    uint32_t captured = smaller(cursor->left, ipv6.total);
    uint32_t transport = smaller(ipv6.transport, captured);
    struct weir_payload payload = {ip + transport, captured - transport,
                                   ipv6.total - ipv6.transport, false};
    if (ipv6.flags & (WEIR_PACKET_MALFORMED_L4 | WEIR_PACKET_TRUNCATED)) {
        packet->key.src_port = packet->key.dst_port = packet->tcp_flags = 0;
        if (ipv6.is_fragment)
            packet->flags |= WEIR_PACKET_FRAGMENT;
    } else if (ipv6.is_fragment) {
        parse_fragment(parser, frame, &ipv6.fragment, &payload, packet);
    } else {
        weir_parse_transport(&payload, packet);
    }
    return WEIR_REST_NONE;
}

/* What the frame itself says. */
HOT void set_frame(const struct weir_frame *frame, uint16_t vlan, struct weir_packet *packet)
{
    packet->vlan = vlan;
    packet->encapsulation = (struct weir_encapsulation){0};
    packet->key.observation_point = weir_observation_point(frame->interface, frame->is_egress);
    packet->time_ns = frame->time_ns;
    packet->wire_octets = frame->wire_octets;
}

enum weir_rest weir_parse_ip(struct weir_parser *parser, const struct weir_frame *frame,
                             struct weir_link_cursor *cursor, struct weir_packet *packet,
                             struct weir_layers *layers)
{
    bool is_v4 = cursor->layer == WEIR_LAYER_IPV4;
    if (cursor->left < (is_v4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS))
        return weir_link_too_short(cursor, WEIR_REST_MALFORMED_IP_HEADER);
    set_frame(frame, cursor->vlan, packet);
    packet->encapsulation = cursor->encapsulation;
    return is_v4 ? parse_ipv4(parser, frame, cursor, packet, layers)
                 : parse_ipv6(parser, frame, cursor, packet, layers);
}

/* All of parsing but counting, for any frame; ret_layers may be NULL. */
COLD enum weir_rest parse_any(struct weir_parser *parser, const struct weir_frame *frame,
                              struct weir_packet *packets, unsigned *ret_count,
                              struct weir_layers *ret_layers)
{
    struct weir_link_cursor cursor;
    struct weir_layers layers[WEIR_TUNNEL_DEPTH_MAX + 1];
    enum weir_rest rest = weir_link_find_ip(frame, &cursor);
    if (rest == WEIR_REST_NONE)
        rest = weir_parse_ip(parser, frame, &cursor, packets, layers);
    if (rest != WEIR_REST_NONE)
        return rest;
    if (parser->tunnel_depth > 0)
        *ret_count = weir_parse_tunnels(parser, frame, &cursor, packets, layers);
    parser->counters.packets_length_of_frame += cursor.has_no_length;
    if (ret_layers)
        memcpy(ret_layers, layers, *ret_count * sizeof(*layers));
    return WEIR_REST_NONE;
}

/*
 * True, and the packet filled, for a frame that has nothing particular: Ethernet without tags,
 * IPv4 without options that is no fragment, or IPv6 without extension headers; captured up to the
 * end of any transport header, and by its IP length long enough for its own.
 */
HOT bool parse_plain(const struct weir_frame *frame, struct weir_packet *packet)
{
    const uint32_t octets = WEIR_ETHERNET_HEADER_OCTETS + IPV4_HEADER_OCTETS + TRANSPORT_OCTETS;
    if (UNLIKELY(frame->captured < octets || frame->link_type != WEIR_LINK_ETHERNET))
        return false;
    const uint8_t *ip = frame->octets + WEIR_ETHERNET_HEADER_OCTETS;
    uint16_t ethertype = weir_load_be16(frame->octets + 12);
    uint32_t word = weir_load_be32(ip);
    if (ethertype == WEIR_ETHERTYPE_IPV4) {
        uint32_t total = word & 0xffff;
        if (UNLIKELY(word >> 24 != 0x45 ||
                     total < IPV4_HEADER_OCTETS + (uint32_t)transports[ip[9]].header_octets ||
                     (weir_load_be16(ip + 6) & IPV4_FRAGMENT) != 0))
            return false;
        set_frame(frame, 0, packet);
        set_ipv4(ip, total, packet);
        packet->flags = 0;
        set_transport(ip + IPV4_HEADER_OCTETS, total - IPV4_HEADER_OCTETS, packet);
        return true;
    }
    uint32_t payload = weir_load_be16(ip + 4);
    const struct transport *row = &transports[ip[6]];
    if (UNLIKELY(ethertype != WEIR_ETHERTYPE_IPV6 || word >> 28 != 6 || row->is_extension ||
                 frame->captured < octets + IPV6_HEADER_OCTETS - IPV4_HEADER_OCTETS ||
                 payload < row->header_octets || payload == 0))
        return false;
    set_frame(frame, 0, packet);
    set_ipv6(ip, word, payload + IPV6_HEADER_OCTETS, packet);
    packet->key.protocol = ip[6];
    packet->flags = WEIR_PACKET_V6;
    set_transport(ip + IPV6_HEADER_OCTETS, payload, packet);
    return true;
}

static void count_unparsed_link(struct weir_parser *parser, const struct weir_frame *frame)
{
    size_t i = 0;
    while (i < parser->unparsed_count && parser->unparsed[i].link_type != frame->link_type)
        i++;
    if (i == WEIR_UNPARSED_LINKS_MAX)
        return;
    if (i == parser->unparsed_count)
        parser->unparsed_count++;
    parser->unparsed[i].link_type = frame->link_type;
    parser->unparsed[i].count.packets++;
    parser->unparsed[i].count.octets += frame->wire_octets;
}

static void count_rest(struct weir_parser *parser, const struct weir_frame *frame,
                       enum weir_rest rest)
{
    struct weir_parse_counters *counters = &parser->counters;
    counters->rest[rest].packets++;
    counters->rest[rest].octets += frame->wire_octets;
    if (rest >= WEIR_REST_FIRST_MALFORMED) {
        counters->packets_malformed++;
        counters->octets_malformed += frame->wire_octets;
    }
    if (rest >= WEIR_REST_FIRST_IGNORED) {
        if (counters->ignored_first_ns == 0 || frame->time_ns < counters->ignored_first_ns)
            counters->ignored_first_ns = frame->time_ns;
        if (frame->time_ns > counters->ignored_last_ns)
            counters->ignored_last_ns = frame->time_ns;
    }
    if (rest == WEIR_REST_LINK_TYPE)
        count_unparsed_link(parser, frame);
}

/* What is not counted by the batch: all that is out of the ordinary about a packet. */
COLD void count_packet(struct weir_parse_counters *counters, const struct weir_packet *packet)
{
    unsigned flags = packet->flags;
    counters->packets_cut += (flags & WEIR_PACKET_TRUNCATED) != 0;
    counters->packets_malformed_transport += (flags & WEIR_PACKET_MALFORMED_L4) != 0;
    counters->packets_fragment += (flags & WEIR_PACKET_FRAGMENT) != 0;
}

/* The same of the packet that the frame is, whose octets are those of the frame. */
COLD void count_outermost(struct weir_parse_counters *counters, const struct weir_packet *packet)
{
    count_packet(counters, packet);
    if (packet->octets > packet->wire_octets)
        counters->octets_beyond_frame += packet->octets - packet->wire_octets;
}

/* Packets beside the outermost, of the same frame. */
COLD void count_inner(struct weir_parse_counters *counters, const struct weir_packet *packets,
                      unsigned count)
{
    counters->packets_inner += count;
    for (unsigned i = 0; i < count; i++) {
        counters->octets_inner += packets[i].octets;
        count_packet(counters, &packets[i]);
    }
}

/* Whether weir_parse_tunnels() may do something with a plain packet; IPv6 in UDP may be Teredo. */
HOT bool may_be_tunnel(const struct weir_frame *frame, const struct weir_packet *packet)
{
    enum { UDP_OCTETS = 8 };
    const uint32_t payload = WEIR_ETHERNET_HEADER_OCTETS + IPV4_HEADER_OCTETS + UDP_OCTETS;
    return transports[packet->key.protocol].may_be_tunnel &&
           (packet->key.protocol != PROTOCOL_UDP || frame->octets[payload] >> 4 == 6 ||
            weir_tunnel_layer(packet) != WEIR_LAYER_COUNT);
}

/* Where the parts of a packet are that parse_plain() read. */
HOT void set_plain_layers(const struct weir_frame *frame, const struct weir_packet *packet,
                          struct weir_layers *layers)
{
    bool is_v6 = packet->flags & WEIR_PACKET_V6;
    uint32_t network = WEIR_ETHERNET_HEADER_OCTETS;
    uint32_t transport = network + (is_v6 ? IPV6_HEADER_OCTETS : IPV4_HEADER_OCTETS);
    *layers = (struct weir_layers){
        .network = network,
        .transport = transport,
        .fragment = transport,
        .end = network + smaller(frame->captured - network, packet->octets),
        .whole_end = network + packet->octets,
        .fragment_id = is_v6 ? 0 : weir_load_be16(frame->octets + network + 4),
    };
}

/*
 * Parses one frame into *ret_count packets, and the parts of each into as many layers, NULL where
 * nobody asks.
 */
HOT enum weir_rest parse(struct weir_parser *parser, const struct weir_frame *frame,
                         struct weir_packet *packets, unsigned *ret_count,
                         struct weir_layers *layers)
{
    unsigned count = 1;
    if (UNLIKELY(!parse_plain(frame, packets)) ||
        UNLIKELY(parser->tunnel_depth > 0 && may_be_tunnel(frame, packets))) {
        enum weir_rest rest = parse_any(parser, frame, packets, &count, layers);
        if (rest != WEIR_REST_NONE) {
            count_rest(parser, frame, rest);
            return rest;
        }
        if (UNLIKELY(count > 1))
            count_inner(&parser->counters, packets + 1, count - 1);
    } else if (layers) {
        set_plain_layers(frame, packets, layers);
    }
    *ret_count = count;
    if (UNLIKELY((packets->flags & ~(unsigned)WEIR_PACKET_V6) != 0 ||
                 packets->octets > packets->wire_octets))
        count_outermost(&parser->counters, packets);
    return WEIR_REST_NONE;
}

/* Octets of some frames. */
struct sums {
    uint64_t wire;    /* of all */
    uint64_t packets; /* of the packets that they are, on the wire */
    uint64_t ip;      /* of the same, by their IP length */
};

static void add_sums(struct weir_parser *parser, const struct sums *sums, size_t frames,
                     size_t packets, uint64_t beyond_before)
{
    struct weir_parse_counters *counters = &parser->counters;
    counters->packets_observed += frames;
    counters->octets_observed += sums->wire;
    counters->packets_parsed += packets;
    counters->octets_parsed += sums->ip;
    counters->octets_link_layer +=
        sums->packets + (counters->octets_beyond_frame - beyond_before) - sums->ip;
}

/* `details` NULL where nobody asks. */
HOT size_t parse_all(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                     struct weir_packet *packets, struct weir_packet_detail *details,
                     uint16_t *ret_frame)
{
    const uint64_t beyond_before = parser->counters.octets_beyond_frame;
    struct sums sums = {0};
    size_t packet_count = 0, parsed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_packet *packet = &packets[packet_count];
        struct weir_layers layers[WEIR_TUNNEL_DEPTH_MAX + 1];
        unsigned made;
        sums.wire += frames[i].wire_octets;
        if (UNLIKELY(parse(parser, &frames[i], &packets[packet_count], &made,
                           details ? layers : NULL) != WEIR_REST_NONE))
            continue;
        for (unsigned k = 0; ret_frame && k < made; k++)
            ret_frame[packet_count + k] = (uint16_t)i;
        for (unsigned k = 0; details && k < made; k++) {
            size_t place = packet_count + k;
            weir_parse_detail(&frames[i], &packets[place], &layers[k], &details[place]);
            packets[place].detail = (uint16_t)place;
        }
        sums.packets += packet->wire_octets;
        sums.ip += packet->octets;
        packet_count += made;
        parsed++;
    }
    add_sums(parser, &sums, count, parsed, beyond_before);
    return packet_count;
}

size_t weir_parse_batch(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                        struct weir_packet *packets, uint16_t *ret_frame)
{
    return parse_all(parser, frames, count, packets, NULL, ret_frame);
}

size_t weir_parse_details(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                          struct weir_packet *packets, struct weir_packet_detail *details,
                          uint16_t *ret_frame)
{
    return parse_all(parser, frames, count, packets, details, ret_frame);
}

unsigned weir_parser_packets_per_frame(const struct weir_parser *parser)
{
    return parser->all_layers ? parser->tunnel_depth + 1 : 1;
}

enum weir_rest weir_parse_frame(struct weir_parser *parser, const struct weir_frame *frame,
                                struct weir_packet *ret_packet, struct weir_layers *ret_layers)
{
    const uint64_t beyond_before = parser->counters.octets_beyond_frame;
    struct sums sums = {.wire = frame->wire_octets};
    struct weir_packet packets[WEIR_TUNNEL_DEPTH_MAX + 1];
    struct weir_layers layers[WEIR_TUNNEL_DEPTH_MAX + 1];
    unsigned count;
    enum weir_rest rest = parse(parser, frame, packets, &count, layers);
    bool is_packet = rest == WEIR_REST_NONE;
    if (is_packet) {
        sums.packets = packets[0].wire_octets;
        sums.ip = packets[0].octets;
        *ret_packet = packets[count - 1];
        *ret_layers = layers[count - 1];
    }
    add_sums(parser, &sums, 1, is_packet, beyond_before);
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
    parser->tunnel_depth = options->tunnel_depth;
    parser->all_layers = options->all_layers;
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
