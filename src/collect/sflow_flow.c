/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow samples: the sampled header as packet/ parses it, or else the fields of it that the agent
 * gives, and what the agent knows of the packet besides.
 */
#include <string.h>

#include "base/clock.h"
#include "collect/sflow_blocks.h"
#include "ie/element.h"

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
                [BLOCK_OUT_VNI] = {1, {{OURS, 81, 4}}},
                /* httpRequestMethod, httpRequestTarget, httpRequestHost */
                [BLOCK_URL] = {3, {{0, 459, VARIABLE}, {0, 461, VARIABLE}, {0, 460, VARIABLE}}},
                [BLOCK_MPLS_TUNNEL] = {3, {{OURS, 70, VARIABLE}, {OURS, 71, 4}, {OURS, 72, 4}}},
                /* pseudoWireId between its name and its class of service */
                [BLOCK_MPLS_VC] = {3, {{OURS, 73, VARIABLE}, {0, 249, 4}, {OURS, 74, 4}}},
                [BLOCK_MPLS_FTN] = {2, {{OURS, 75, VARIABLE}, {OURS, 76, 4}}},
                /* mplsTopLabelPrefixLength */
                [BLOCK_MPLS_FEC] = {1, {{0, 91, 1}}},
                [BLOCK_VLAN_TAGS] = {1, {{OURS, 77, VARIABLE}}},
                /* wlanSSID, wtpMacAddress, wlanChannelId, wlanSpeed */
                [BLOCK_WLAN] = {4, {{0, 147, VARIABLE}, {0, 367, 6}, {0, 146, 1}, {OURS, 78, 8}}},
                [BLOCK_IN_OFFSET] = {1, {{OURS, 79, 4}}},
                [BLOCK_OUT_OFFSET] = {1, {{OURS, 80, 4}}},
                [BLOCK_IN_MACS] = {2, {{OURS, 82, 6}, {OURS, 83, 6}}},
                [BLOCK_IN_IPV4] = {2, {{OURS, 84, 4}, {OURS, 85, 4}}},
                [BLOCK_IN_IPV6] = {2, {{OURS, 86, 16}, {OURS, 87, 16}}},
                [BLOCK_IN_IP] = {4, {{OURS, 88, 1}, {OURS, 89, 1}, {OURS, 90, 2}, {OURS, 91, 2}}},
                [BLOCK_OUT_MACS] = {2, {{OURS, 92, 6}, {OURS, 93, 6}}},
                [BLOCK_OUT_IPV4] = {2, {{OURS, 94, 4}, {OURS, 95, 4}}},
                [BLOCK_OUT_IPV6] = {2, {{OURS, 96, 16}, {OURS, 97, 16}}},
                [BLOCK_OUT_IP] = {4,
                                  {{OURS, 98, 1}, {OURS, 99, 1}, {OURS, 100, 2}, {OURS, 101, 2}}},
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

static void forget(struct weir_sflow_builder *record, unsigned block)
{
    record->present &= ~(UINT64_C(1) << block);
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
        weir_sflow_write_u16(record, BLOCK_VLAN, packet->vlan);
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
static void take_header(struct weir_sflow_builder *record, struct weir_reader *body,
                        const struct weir_sflow_taker *taker)
{
    (void)taker;
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
    weir_sflow_write_u16(record, BLOCK_FRAME, frame_length);
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
static void take_ethernet(struct weir_sflow_builder *record, struct weir_reader *body,
                          const struct weir_sflow_taker *taker)
{
    (void)taker;
    uint32_t length = weir_read_u32(body);
    const uint8_t *source = weir_read_octets(body, 8); /* 6, padded */
    const uint8_t *destination = weir_read_octets(body, 8);
    uint32_t type = weir_read_u32(body);
    if (weir_reader_failed(body) || weir_sflow_has(record, BLOCK_ETHERNET))
        return;
    write_ethernet(record, source, destination, (uint16_t)type);
    if (!weir_sflow_has(record, BLOCK_FRAME))
        weir_sflow_write_u16(record, BLOCK_FRAME, length);
}

/* `more`: whether it is IPv6. */
static void take_ip(struct weir_sflow_builder *record, struct weir_reader *body,
                    const struct weir_sflow_taker *taker)
{
    bool is_v6 = taker->more;
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

static const struct weir_sflow_taker takers[] = {
    {WEIR_SFLOW_FORMAT(0, 1), take_header, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 2), take_ethernet, 0, 0},
    {WEIR_SFLOW_FORMAT(0, 3), take_ip, 0, false},
    {WEIR_SFLOW_FORMAT(0, 4), take_ip, 0, true},
};

/* Takes the record in where one of the takers is of its format. */
static int take(struct weir_sflow_builder *record, const struct weir_sflow_record *taken,
                const struct weir_sflow_taker *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].format != taken->format)
            continue;
        struct weir_reader body = taken->body;
        list[i].take(record, &body, &list[i]);
        return weir_reader_failed(&body) ? WEIR_E_MALFORMED : 0;
    }
    return WEIR_E_UNSUPPORTED;
}

int weir_sflow_take_flow(struct weir_sflow_builder *record, const struct weir_sflow_record *taken)
{
    int result = take(record, taken, takers, sizeof(takers) / sizeof(takers[0]));
    return result == WEIR_E_UNSUPPORTED
               ? take(record, taken, weir_sflow_extended, weir_sflow_extended_count)
               : result;
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
