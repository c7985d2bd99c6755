/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow samples: the sampled header as packet/ parses it, or else the fields of it that the agent
 * gives, and what the agent knows of the packet besides.
 */
#include <string.h>

#include "base/clock.h"
#include "collect/sflow_record.h"
#include "ie/element.h"

enum {
    BLOCK_TIME,
    BLOCK_SAMPLE,
    BLOCK_DIRECTION,
    BLOCK_DISCARD,
    BLOCK_MULTIPLE,
    BLOCK_ETHERNET,
    BLOCK_VLAN,
    BLOCK_POST_VLAN,
    BLOCK_PRIORITIES,
    BLOCK_IPV4,
    BLOCK_IPV6,
    BLOCK_FLOW_LABEL,
    BLOCK_IP,
    BLOCK_TTL,
    BLOCK_FRAME,
    BLOCK_NEXT_HOP4,
    BLOCK_NEXT_HOP6,
    BLOCK_MASKS4,
    BLOCK_MASKS6,
    BLOCK_BGP_NEXT_HOP4,
    BLOCK_BGP_NEXT_HOP6,
    BLOCK_GATEWAY,
    BLOCK_USER,
    BLOCK_MPLS,
    BLOCK_NAT_SRC4,
    BLOCK_NAT_SRC6,
    BLOCK_NAT_DST4,
    BLOCK_NAT_DST6,
    BLOCK_NAT_PORTS,
    BLOCK_VNI,
    BLOCK_COUNT,
};
_Static_assert(BLOCK_COUNT <= WEIR_SFLOW_BLOCKS_MAX, "a bit for each block");

#define VARIABLE WEIR_LENGTH_VARIABLE
#define OURS     WEIR_PEN_BUILTIN

const struct weir_sflow_blocks weir_sflow_flow_blocks =
    {
        .template_id = WEIR_SFLOW_FLOW_TEMPLATE,
        .count = BLOCK_COUNT,
        .blocks =
            {
                /* flowStartNanoseconds, flowEndNanoseconds */
                [BLOCK_TIME] = {2, {{0, 156, 8}, {0, 157, 8}}},
                /* observationPointId, samplingInterval, selectorIdTotalPktsObserved,
                 * ignoredPacketTotalCount, packetDeltaCount, ingressInterface, egressInterface */
                [BLOCK_SAMPLE] = {7,
                                  {{0, 138, 8},
                                   {0, 34, 4},
                                   {0, 318, 4},
                                   {0, 164, 4},
                                   {0, 2, 1},
                                   {0, 10, 4},
                                   {0, 14, 4}}},
                [BLOCK_DIRECTION] = {1, {{0, 61, 1}}},
                [BLOCK_DISCARD] = {2, {{0, 89, 1}, {OURS, 10, 4}}},
                [BLOCK_MULTIPLE] = {1, {{OURS, 11, 4}}},
                /* sourceMacAddress, destinationMacAddress, ethernetType */
                [BLOCK_ETHERNET] = {3, {{0, 56, 6}, {0, 80, 6}, {0, 256, 2}}},
                [BLOCK_VLAN] = {1, {{0, 58, 2}}},
                [BLOCK_POST_VLAN] = {1, {{0, 59, 2}}},
                /* dot1qPriority, postDot1qPriority */
                [BLOCK_PRIORITIES] = {2, {{0, 244, 1}, {OURS, 12, 1}}},
                [BLOCK_IPV4] = {2, {{0, 8, 4}, {0, 12, 4}}},
                [BLOCK_IPV6] = {2, {{0, 27, 16}, {0, 28, 16}}},
                [BLOCK_FLOW_LABEL] = {1, {{0, 31, 4}}},
                /* octetDeltaCount, protocolIdentifier, ipClassOfService, tcpControlBits, ports */
                [BLOCK_IP] = {6,
                              {{0, 1, 4}, {0, 4, 1}, {0, 5, 1}, {0, 6, 2}, {0, 7, 2}, {0, 11, 2}}},
                [BLOCK_TTL] = {2, {{0, 52, 1}, {0, 53, 1}}},
                /* dataLinkFrameSize */
                [BLOCK_FRAME] = {1, {{0, 312, 2}}},
                [BLOCK_NEXT_HOP4] = {1, {{0, 15, 4}}},
                [BLOCK_NEXT_HOP6] = {1, {{0, 62, 16}}},
                [BLOCK_MASKS4] = {2, {{0, 9, 1}, {0, 13, 1}}},
                [BLOCK_MASKS6] = {2, {{0, 29, 1}, {0, 30, 1}}},
                [BLOCK_BGP_NEXT_HOP4] = {1, {{0, 18, 4}}},
                [BLOCK_BGP_NEXT_HOP6] = {1, {{0, 63, 16}}},
                /* bgpSourceAsNumber, bgpDestinationAsNumber, bgpPrevAdjacentAsNumber,
                 * bgpNextAdjacentAsNumber, bgpRouterAsNumber, bgpLocalPreference,
                 * bgpDestinationAsPathList, bgpDestinationCommunityList */
                [BLOCK_GATEWAY] = {8,
                                   {{0, 16, 4},
                                    {0, 17, 4},
                                    {0, 129, 4},
                                    {0, 128, 4},
                                    {OURS, 13, 4},
                                    {OURS, 14, 4},
                                    {0, 512, VARIABLE},
                                    {0, 485, VARIABLE}}},
                /* userName, destinationUserName */
                [BLOCK_USER] = {2, {{0, 371, VARIABLE}, {OURS, 15, VARIABLE}}},
                /* mplsTopLabelStackSection, mplsLabelStackSection2 and 3 */
                [BLOCK_MPLS] = {3, {{0, 70, 3}, {0, 71, 3}, {0, 72, 3}}},
                [BLOCK_NAT_SRC4] = {1, {{0, 225, 4}}},
                [BLOCK_NAT_SRC6] = {1, {{0, 281, 16}}},
                [BLOCK_NAT_DST4] = {1, {{0, 226, 4}}},
                [BLOCK_NAT_DST6] = {1, {{0, 282, 16}}},
                [BLOCK_NAT_PORTS] = {2, {{0, 227, 2}, {0, 228, 2}}},
                /* layer2SegmentId */
                [BLOCK_VNI] = {1, {{0, 351, 8}}},
            },
};

/* sFlow's header_protocol, of those that packet/ parses. */
static const struct {
    uint32_t protocol;
    uint16_t link_type;
} header_protocols[] = {
    {1, WEIR_LINK_ETHERNET}, {7, WEIR_LINK_PPP},   {11, WEIR_LINK_IPV4},
    {12, WEIR_LINK_IPV6},    {13, WEIR_LINK_MPLS}, {14, WEIR_LINK_PPP_HDLC},
};

/* IANA's forwardingStatus: 128 is dropped for a reason that it has no number for. */
enum { FORWARDING_DROPPED = 128 };
static const struct {
    uint16_t reason; /* of sFlow */
    uint8_t status;
} discards[] = {
    {4, 133},   /* fragmentation and DF set */
    {257, 137}, /* bad TTL */
    {258, 129}, /* ACL deny */
    {260, 139}, /* WRED */
    {261, 138}, /* policer */
};

#define ETHERNET_HEADER_OCTETS 14u
#define VLAN_TAG_OCTETS        4u
#define VLAN_MAX               4095u
#define PRIORITY_MAX           7u
#define LABELS                 3u

/* RFC 6313 section 4.5.1. */
enum { SEMANTIC_ALL_OF = 3, SEMANTIC_ORDERED = 4 };
#define LIST_HEADER_OCTETS 5u
#define LONG_LENGTH        255u

static void write_address(struct weir_sflow_builder *record, unsigned v4_block, unsigned v6_block,
                          struct weir_address address)
{
    bool is_v4 = weir_address_is_v4(address);
    struct weir_writer *out = weir_sflow_block(record, is_v4 ? v4_block : v6_block);
    if (is_v4) {
        weir_write_u32(out, (uint32_t)address.low);
    } else {
        weir_write_u64(out, address.high);
        weir_write_u64(out, address.low);
    }
    weir_sflow_block_end(record);
}

static void forget(struct weir_sflow_builder *record, unsigned block)
{
    record->present &= ~(UINT32_C(1) << block);
}

static void write_addresses(struct weir_sflow_builder *record, bool is_v6,
                            struct weir_address source, struct weir_address destination)
{
    struct weir_writer *out = weir_sflow_block(record, is_v6 ? BLOCK_IPV6 : BLOCK_IPV4);
    forget(record, is_v6 ? BLOCK_IPV4 : BLOCK_IPV6);
    if (is_v6) {
        weir_write_u64(out, source.high);
        weir_write_u64(out, source.low);
        weir_write_u64(out, destination.high);
        weir_write_u64(out, destination.low);
    } else {
        weir_write_u32(out, (uint32_t)source.low);
        weir_write_u32(out, (uint32_t)destination.low);
    }
    weir_sflow_block_end(record);
}

static void write_ip(struct weir_sflow_builder *record, const struct weir_packet *packet)
{
    struct weir_writer *out = weir_sflow_block(record, BLOCK_IP);
    weir_write_u32(out, packet->octets);
    weir_write_u8(out, packet->key.protocol);
    weir_write_u8(out, packet->key.tos);
    weir_write_u16(out, packet->tcp_flags);
    weir_write_u16(out, packet->key.src_port);
    weir_write_u16(out, packet->key.dst_port);
    weir_sflow_block_end(record);
    bool is_v6 = packet->flags & WEIR_PACKET_V6;
    write_addresses(record, is_v6, packet->key.src_addr, packet->key.dst_addr);
}

static void write_u16_block(struct weir_sflow_builder *record, unsigned block, uint32_t value)
{
    weir_write_u16(weir_sflow_block(record, block),
                   (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX));
    weir_sflow_block_end(record);
}

static void write_packet(struct weir_sflow_builder *record, const struct weir_packet *packet)
{
    write_ip(record, packet);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_TTL);
    weir_write_u8(out, packet->ttl);
    weir_write_u8(out, packet->ttl);
    weir_sflow_block_end(record);
    if (packet->flags & WEIR_PACKET_V6) {
        weir_write_u32(weir_sflow_block(record, BLOCK_FLOW_LABEL), packet->flow_label);
        weir_sflow_block_end(record);
    }
    /* What the agent says of the VLAN counts more: the tag may have been stripped. */
    if (packet->vlan && !weir_sflow_has(record, BLOCK_VLAN))
        write_u16_block(record, BLOCK_VLAN, packet->vlan);
}

static void write_ethernet(struct weir_sflow_builder *record, const uint8_t *source,
                           const uint8_t *destination, uint16_t type)
{
    struct weir_writer *out = weir_sflow_block(record, BLOCK_ETHERNET);
    weir_write_octets(out, source, 6);
    weir_write_octets(out, destination, 6);
    weir_write_u16(out, type);
    weir_sflow_block_end(record);
}

/* The type of what a frame carries, behind its VLAN tags; of a frame cut in them, the tag's. */
static uint16_t type_of_frame(const struct weir_reader *header)
{
    struct weir_reader reader = *header;
    weir_read_skip(&reader, ETHERNET_HEADER_OCTETS - 2);
    uint16_t type = weir_read_u16(&reader);
    while ((type == 0x8100 || type == 0x88a8 || type == 0x9100) &&
           weir_reader_remaining(&reader) >= VLAN_TAG_OCTETS) {
        weir_read_skip(&reader, VLAN_TAG_OCTETS - 2);
        type = weir_read_u16(&reader);
    }
    return type;
}

/* Raw Packet Header. */
static void take_header(struct weir_sflow_builder *record, struct weir_reader *body)
{
    uint32_t protocol = weir_read_u32(body);
    uint32_t frame_length = weir_read_u32(body);
    uint32_t stripped = weir_read_u32(body);
    struct weir_reader header = weir_sflow_read_opaque(body);
    if (weir_reader_failed(body))
        return;
    uint32_t captured = (uint32_t)weir_reader_remaining(&header);
    uint32_t whole = frame_length > stripped ? frame_length - stripped : 0;
    struct weir_frame frame = {
        .octets = header.octets,
        .captured = captured,
        .wire_octets = whole > captured ? whole : captured,
        .time_ns = record->received_ns,
    };
    write_u16_block(record, BLOCK_FRAME, frame_length);
    if (protocol == 1 && captured >= ETHERNET_HEADER_OCTETS)
        write_ethernet(record, frame.octets + 6, frame.octets, type_of_frame(&header));
    size_t i = 0, count = sizeof(header_protocols) / sizeof(header_protocols[0]);
    while (i < count && header_protocols[i].protocol != protocol)
        i++;
    struct weir_packet packet;
    struct weir_layers layers;
    if (i < count)
        frame.link_type = header_protocols[i].link_type;
    if (i < count && weir_parse_frame(record->parser, &frame, &packet, &layers) == WEIR_REST_NONE)
        write_packet(record, &packet);
    else
        record->unparsed++;
}

/* The fields of a packet whose header was not kept; a header says the same, and more. */
static void take_ethernet(struct weir_sflow_builder *record, struct weir_reader *body)
{
    uint32_t length = weir_read_u32(body);
    const uint8_t *source = weir_read_octets(body, 8); /* 6, padded */
    const uint8_t *destination = weir_read_octets(body, 8);
    uint32_t type = weir_read_u32(body);
    if (weir_reader_failed(body) || weir_sflow_has(record, BLOCK_ETHERNET))
        return;
    write_ethernet(record, source, destination, (uint16_t)type);
    if (!weir_sflow_has(record, BLOCK_FRAME))
        write_u16_block(record, BLOCK_FRAME, length);
}

static void take_ip(struct weir_sflow_builder *record, struct weir_reader *body, bool is_v6)
{
    struct weir_packet packet = {.octets = weir_read_u32(body)};
    packet.key.protocol = (uint8_t)weir_read_u32(body);
    packet.flags = is_v6 ? WEIR_PACKET_V6 : 0;
    if (is_v6) {
        const uint8_t *addresses = weir_read_octets(body, 32);
        if (!addresses)
            return;
        packet.key.src_addr = weir_address_from_octets(addresses);
        packet.key.dst_addr = weir_address_from_octets(addresses + 16);
    } else {
        packet.key.src_addr = weir_address_from_v4(weir_read_u32(body));
        packet.key.dst_addr = weir_address_from_v4(weir_read_u32(body));
    }
    packet.key.src_port = (uint16_t)weir_read_u32(body);
    packet.key.dst_port = (uint16_t)weir_read_u32(body);
    packet.tcp_flags = (uint16_t)weir_read_u32(body);
    packet.key.tos = (uint8_t)weir_read_u32(body);
    if (!weir_reader_failed(body) && !weir_sflow_has(record, BLOCK_IP))
        write_ip(record, &packet);
}

static void take_ipv4(struct weir_sflow_builder *record, struct weir_reader *body)
{
    take_ip(record, body, false);
}

static void take_ipv6(struct weir_sflow_builder *record, struct weir_reader *body)
{
    take_ip(record, body, true);
}

/* Where a VLAN or a priority is not known, agents give 0 or a number that none has. */
static void take_switch(struct weir_sflow_builder *record, struct weir_reader *body)
{
    uint32_t vlan = weir_read_u32(body), priority = weir_read_u32(body);
    uint32_t post_vlan = weir_read_u32(body), post_priority = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (vlan > 0 && vlan <= VLAN_MAX)
        write_u16_block(record, BLOCK_VLAN, vlan);
    if (post_vlan > 0 && post_vlan <= VLAN_MAX)
        write_u16_block(record, BLOCK_POST_VLAN, post_vlan);
    if (priority > PRIORITY_MAX || post_priority > PRIORITY_MAX)
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_PRIORITIES);
    weir_write_u8(out, (uint8_t)priority);
    weir_write_u8(out, (uint8_t)post_priority);
    weir_sflow_block_end(record);
}

/* Whose prefixes the lengths are of shows when all of the sample is known. */
static void take_router(struct weir_sflow_builder *record, struct weir_reader *body)
{
    struct weir_address next_hop;
    bool has_next_hop = weir_sflow_read_address(body, &next_hop);
    uint32_t source = weir_read_u32(body), destination = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (has_next_hop)
        write_address(record, BLOCK_NEXT_HOP4, BLOCK_NEXT_HOP6, next_hop);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_MASKS4);
    weir_write_u8(out, (uint8_t)source);
    weir_write_u8(out, (uint8_t)destination);
    weir_sflow_block_end(record);
}

/* The numbers of an AS path: how many, its first and its last. Reads past them. */
struct path {
    uint32_t count, first, last;
};

static struct path read_path(struct weir_reader *body, struct weir_writer *out)
{
    struct path path = {0};
    uint32_t segments = weir_read_u32(body);
    for (uint32_t i = 0; i < segments && !weir_reader_failed(body); i++) {
        weir_read_skip(body, 4); /* a set or a sequence */
        uint32_t count = weir_read_u32(body);
        for (uint32_t k = 0; k < count && !weir_reader_failed(body); k++) {
            path.last = weir_read_u32(body);
            path.first = path.count == 0 ? path.last : path.first;
            path.count++;
            if (out)
                weir_write_u32(out, path.last);
        }
    }
    return path;
}

/* A basicList (RFC 6313 section 4.5.1) of `count` values of 4 octets, which are to follow. */
static void begin_list(struct weir_writer *out, uint8_t semantic, uint16_t element, uint32_t count)
{
    size_t length = LIST_HEADER_OCTETS + (size_t)count * 4;
    if (length < LONG_LENGTH) {
        weir_write_u8(out, (uint8_t)length);
    } else {
        weir_write_u8(out, LONG_LENGTH);
        weir_write_u16(out, (uint16_t)length);
    }
    weir_write_u8(out, semantic);
    weir_write_u16(out, element);
    weir_write_u16(out, 4);
}

static void take_gateway(struct weir_sflow_builder *record, struct weir_reader *body)
{
    struct weir_address next_hop;
    bool has_next_hop = weir_sflow_read_address(body, &next_hop);
    uint32_t router_as = weir_read_u32(body);
    uint32_t source_as = weir_read_u32(body), source_peer_as = weir_read_u32(body);
    struct weir_reader path_again = *body;
    struct path path = read_path(body, NULL);
    uint32_t communities = weir_read_u32(body);
    if (communities > weir_reader_remaining(body) / 4)
        communities = UINT32_MAX / 4; /* more than there is: the next read fails */
    const uint8_t *community = weir_read_octets(body, (size_t)communities * 4);
    uint32_t preference = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    if (has_next_hop)
        write_address(record, BLOCK_BGP_NEXT_HOP4, BLOCK_BGP_NEXT_HOP6, next_hop);
    struct weir_writer *out = weir_sflow_block(record, BLOCK_GATEWAY);
    weir_write_u32(out, source_as);
    weir_write_u32(out, path.last);
    weir_write_u32(out, source_peer_as);
    weir_write_u32(out, path.first);
    weir_write_u32(out, router_as);
    weir_write_u32(out, preference);
    begin_list(out, SEMANTIC_ORDERED, 17, path.count); /* bgpDestinationAsNumber */
    (void)read_path(&path_again, out);
    begin_list(out, SEMANTIC_ALL_OF, 483, communities); /* bgpCommunity */
    weir_write_octets(out, community, (size_t)communities * 4);
    weir_sflow_block_end(record);
}

static void write_text(struct weir_writer *out, const struct weir_reader *text)
{
    size_t length = text->remaining;
    if (length < LONG_LENGTH) {
        weir_write_u8(out, (uint8_t)length);
    } else {
        weir_write_u8(out, LONG_LENGTH);
        weir_write_u16(out, (uint16_t)length);
    }
    weir_write_octets(out, text->octets, length);
}

static void take_user(struct weir_sflow_builder *record, struct weir_reader *body)
{
    weir_read_skip(body, 4); /* character sets: UTF-8 is what agents are to use */
    struct weir_reader source = weir_sflow_read_opaque(body);
    weir_read_skip(body, 4);
    struct weir_reader destination = weir_sflow_read_opaque(body);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_USER);
    write_text(out, &source);
    write_text(out, &destination);
    weir_sflow_block_end(record);
}

/* The upper labels of the packet as it came; a label's first 24 bits are what IPFIX has of it. */
static void take_mpls(struct weir_sflow_builder *record, struct weir_reader *body)
{
    struct weir_address next_hop;
    (void)weir_sflow_read_address(body, &next_hop);
    uint32_t labels[LABELS] = {0}, count = weir_read_u32(body);
    for (uint32_t i = 0; i < count && !weir_reader_failed(body); i++) {
        uint32_t label = weir_read_u32(body);
        if (i < LABELS)
            labels[i] = label;
    }
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_MPLS);
    for (unsigned i = 0; i < LABELS; i++) {
        weir_write_u8(out, (uint8_t)(labels[i] >> 24));
        weir_write_u16(out, (uint16_t)(labels[i] >> 8));
    }
    weir_sflow_block_end(record);
}

static void take_nat(struct weir_sflow_builder *record, struct weir_reader *body)
{
    struct weir_address source, destination;
    bool has_source = weir_sflow_read_address(body, &source);
    bool has_destination = weir_sflow_read_address(body, &destination);
    if (weir_reader_failed(body))
        return;
    if (has_source)
        write_address(record, BLOCK_NAT_SRC4, BLOCK_NAT_SRC6, source);
    if (has_destination)
        write_address(record, BLOCK_NAT_DST4, BLOCK_NAT_DST6, destination);
}

static void take_nat_ports(struct weir_sflow_builder *record, struct weir_reader *body)
{
    uint32_t source = weir_read_u32(body), destination = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_NAT_PORTS);
    weir_write_u16(out, (uint16_t)source);
    weir_write_u16(out, (uint16_t)destination);
    weir_sflow_block_end(record);
}

static void take_vni(struct weir_sflow_builder *record, struct weir_reader *body)
{
    uint32_t vni = weir_read_u32(body);
    if (weir_reader_failed(body))
        return;
    weir_write_u64(weir_sflow_block(record, BLOCK_VNI), vni);
    weir_sflow_block_end(record);
}

static const struct {
    uint32_t format;
    void (*take)(struct weir_sflow_builder *record, struct weir_reader *body);
} structures[] = {
    {WEIR_SFLOW_FORMAT(0, 1), take_header},       {WEIR_SFLOW_FORMAT(0, 2), take_ethernet},
    {WEIR_SFLOW_FORMAT(0, 3), take_ipv4},         {WEIR_SFLOW_FORMAT(0, 4), take_ipv6},
    {WEIR_SFLOW_FORMAT(0, 1001), take_switch},    {WEIR_SFLOW_FORMAT(0, 1002), take_router},
    {WEIR_SFLOW_FORMAT(0, 1003), take_gateway},   {WEIR_SFLOW_FORMAT(0, 1004), take_user},
    {WEIR_SFLOW_FORMAT(0, 1006), take_mpls},      {WEIR_SFLOW_FORMAT(0, 1007), take_nat},
    {WEIR_SFLOW_FORMAT(0, 1020), take_nat_ports}, {WEIR_SFLOW_FORMAT(0, 1030), take_vni},
};

int weir_sflow_take_flow(struct weir_sflow_builder *record, const struct weir_sflow_record *taken)
{
    for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
        if (structures[i].format != taken->format)
            continue;
        struct weir_reader body = taken->body;
        structures[i].take(record, &body);
        return weir_reader_failed(&body) ? WEIR_E_MALFORMED : 0;
    }
    return WEIR_E_UNSUPPORTED;
}

/* RFC 7011 section 6.1.10: seconds since 1900, and a fraction of 32 bits, rounded so that it gives
 * the same nanosecond back. */
static uint64_t ntp_of(int64_t time_ns)
{
    uint64_t seconds = (uint64_t)(time_ns / WEIR_NS_PER_SECOND) + UINT64_C(2208988800);
    uint64_t rest = (uint64_t)(time_ns % WEIR_NS_PER_SECOND);
    return seconds << 32 |
           ((rest << 32) + (uint64_t)WEIR_NS_PER_SECOND - 1) / (uint64_t)WEIR_NS_PER_SECOND;
}

static uint32_t index_of(struct weir_sflow_interface interface)
{
    bool is_index = interface.form == WEIR_SFLOW_SINGLE && interface.value != WEIR_SFLOW_INTERNAL;
    return is_index ? interface.value : 0;
}

/* What became of the packet where it did not just go out by one interface. */
static void write_output(struct weir_sflow_builder *record, struct weir_sflow_interface output)
{
    if (output.form == WEIR_SFLOW_MULTIPLE) {
        weir_write_u32(weir_sflow_block(record, BLOCK_MULTIPLE), output.value);
        weir_sflow_block_end(record);
    }
    if (output.form != WEIR_SFLOW_DISCARDED)
        return;
    uint8_t status = FORWARDING_DROPPED;
    for (size_t i = 0; i < sizeof(discards) / sizeof(discards[0]); i++)
        if (discards[i].reason == output.value)
            status = discards[i].status;
    struct weir_writer *out = weir_sflow_block(record, BLOCK_DISCARD);
    weir_write_u8(out, status);
    weir_write_u32(out, output.value);
    weir_sflow_block_end(record);
}

/* Which way the packet went past who sampled it, where only one is possible. */
static void write_direction(struct weir_sflow_builder *record,
                            const struct weir_sflow_sample *sample)
{
    uint32_t source = sample->source_index;
    bool is_in = index_of(sample->input) == source, is_out = index_of(sample->output) == source;
    if (sample->source_type != 0 || source == 0 || is_in == is_out)
        return;
    weir_write_u8(weir_sflow_block(record, BLOCK_DIRECTION), is_out);
    weir_sflow_block_end(record);
}

void weir_sflow_finish_flow(struct weir_sflow_builder *record,
                            const struct weir_sflow_sample *sample)
{
    struct weir_writer *out;
    if (record->received_ns > 0) {
        out = weir_sflow_block(record, BLOCK_TIME);
        weir_write_u64(out, ntp_of(record->received_ns));
        weir_write_u64(out, ntp_of(record->received_ns));
        weir_sflow_block_end(record);
    }
    out = weir_sflow_block(record, BLOCK_SAMPLE);
    weir_write_u32(out, sample->source_type);
    weir_write_u32(out, sample->source_index);
    weir_write_u32(out, sample->sampling_rate);
    weir_write_u32(out, sample->sample_pool);
    weir_write_u32(out, sample->drops);
    weir_write_u8(out, 1);
    weir_write_u32(out, index_of(sample->input));
    weir_write_u32(out, index_of(sample->output));
    weir_sflow_block_end(record);
    write_direction(record, sample);
    write_output(record, sample->output);
    /* Whose octets are known does not need those of the frame. */
    if (weir_sflow_has(record, BLOCK_IP))
        forget(record, BLOCK_FRAME);
    if (weir_sflow_has(record, BLOCK_MASKS4) && weir_sflow_has(record, BLOCK_IPV6)) {
        weir_sflow_block_of(record, BLOCK_MASKS6, record->parts[BLOCK_MASKS4].octets,
                            record->parts[BLOCK_MASKS4].length);
        forget(record, BLOCK_MASKS4);
    }
}
