/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "packet/parse_private.h"

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
};

#define TCP_HEADER_OCTETS 20u
#define TCP_SYN           0x02u
#define WINDOW_SCALE_MAX  14u /* RFC 7323 section 2.3 */
#define IPV4_DONT         0x4000u

/* Octets of transport headers, of those with options the least; 0: none that is known. */
static const uint8_t header_octets[256] = {
    [PROTOCOL_TCP] = TCP_HEADER_OCTETS,
    [PROTOCOL_DCCP] = 12,
    [PROTOCOL_ICMP] = 8,
    [PROTOCOL_UDP] = 8,
    [PROTOCOL_ICMPV6] = 8,
    [PROTOCOL_SCTP] = 12,
    [PROTOCOL_UDP_LITE] = 8,
};

/* The options of a SYN that say how the connection will be used. */
static void take_options(struct weir_reader *options, struct weir_packet_detail *detail)
{
    enum { END = 0, NOTHING = 1, MSS = 2, WINDOW_SCALE = 3 };
    while (weir_reader_remaining(options) > 0) {
        uint8_t kind = weir_read_u8(options);
        if (kind == END)
            return;
        if (kind == NOTHING)
            continue;
        uint8_t length = weir_read_u8(options);
        if (length < 2)
            return;
        struct weir_reader body = weir_read_block(options, length - 2u);
        if (weir_reader_failed(&body))
            return;
        if (kind == MSS && length == 4) {
            detail->tcp_mss = weir_read_u16(&body);
            detail->has |= WEIR_DETAIL_MSS;
        } else if (kind == WINDOW_SCALE && length == 3) {
            uint8_t scale = weir_read_u8(&body);
            detail->tcp_window_scale = scale < WINDOW_SCALE_MAX ? scale : WINDOW_SCALE_MAX;
            detail->has |= WEIR_DETAIL_WINDOW_SCALE;
        }
    }
}

/* TCP's numbers; its header's length, or more than can be where that was not captured. */
static uint32_t take_tcp(struct weir_reader *transport, const struct weir_packet *packet,
                         struct weir_packet_detail *detail)
{
    weir_read_skip(transport, 4);
    uint32_t sequence = weir_read_u32(transport), acknowledgment = weir_read_u32(transport);
    uint8_t offset = weir_read_u8(transport);
    weir_read_skip(transport, 1);
    uint16_t window = weir_read_u16(transport);
    weir_read_skip(transport, 4);
    uint32_t octets = (offset >> 4) * 4u;
    if (weir_reader_failed(transport) || octets < TCP_HEADER_OCTETS)
        return UINT32_MAX;
    detail->has |= WEIR_DETAIL_TCP;
    detail->tcp_sequence = sequence;
    detail->tcp_acknowledgment = acknowledgment;
    detail->tcp_window = window;
    size_t left = weir_reader_remaining(transport);
    size_t options = octets - TCP_HEADER_OCTETS < left ? octets - TCP_HEADER_OCTETS : left;
    struct weir_reader block = weir_read_block(transport, options);
    if (packet->tcp_flags & TCP_SYN)
        take_options(&block, detail);
    return octets;
}

/* DCCP's data offset, RFC 4340 section 5.1; more than can be where it is inside the header. */
static uint32_t dccp_header(struct weir_reader *transport)
{
    weir_read_skip(transport, 4);
    uint32_t octets = weir_read_u8(transport) * 4u;
    return octets < header_octets[PROTOCOL_DCCP] ? UINT32_MAX : octets;
}

static void take_transport(const struct weir_frame *frame, const struct weir_packet *packet,
                           const struct weir_layers *layers, struct weir_packet_detail *detail)
{
    bool is_later = packet->flags & WEIR_PACKET_LATER_FRAGMENT;
    uint32_t at = is_later ? layers->fragment : layers->transport;
    uint32_t begin = at < layers->end ? at : layers->end;
    uint32_t whole = layers->whole_end > at ? layers->whole_end - at : 0;
    uint32_t header = is_later ? 0 : header_octets[packet->key.protocol];
    struct weir_reader transport = weir_reader_make(frame->octets + begin, layers->end - begin);
    /* Of a header that breaks a rule nothing is known; IPv6's may be cut before the last of them.
     */
    if (packet->flags & WEIR_PACKET_MALFORMED_L4 ||
        (packet->flags & WEIR_PACKET_TRUNCATED && header == 0))
        return;
    if (is_later)
        header = 0;
    else if (packet->key.protocol == PROTOCOL_TCP)
        header = take_tcp(&transport, packet, detail);
    else if (packet->key.protocol == PROTOCOL_DCCP)
        header = dccp_header(&transport);
    if (weir_reader_failed(&transport) || header > whole)
        return;
    uint32_t captured = layers->end - begin;
    detail->has |= WEIR_DETAIL_PAYLOAD;
    detail->payload_octets = whole - header;
    if (captured > header) {
        detail->payload = frame->octets + begin + header;
        detail->payload_captured = captured - header;
        detail->network = frame->octets + layers->network;
        detail->network_captured = layers->end - layers->network;
    }
}

static void take_link(const struct weir_frame *frame, const struct weir_layers *layers,
                      struct weir_packet_detail *detail)
{
    if (layers->ethernet != WEIR_LAYER_NOWHERE) {
        detail->dst_mac = weir_load_be(frame->octets + layers->ethernet, 6);
        detail->src_mac = weir_load_be(frame->octets + layers->ethernet + 6, 6);
        detail->has |= WEIR_DETAIL_ETHERNET;
    }
    detail->inner_vlan = layers->inner_vlan;
    detail->label_count = layers->label_count;
    for (unsigned i = 0; i < layers->label_count && i < WEIR_DETAIL_LABELS; i++)
        memcpy(detail->labels[i], frame->octets + layers->labels + 4 * i, 3);
}

void weir_parse_detail(const struct weir_frame *frame, const struct weir_packet *packet,
                       const struct weir_layers *layers, struct weir_packet_detail *ret_detail)
{
    *ret_detail = (struct weir_packet_detail){
        .fragment_id = layers->fragment_id,
        .fragment_offset = layers->fragment_offset,
        .fragment_flags = layers->more_fragments ? WEIR_FRAGMENT_MORE : 0,
    };
    if (!(packet->flags & WEIR_PACKET_V6) &&
        weir_load_be16(frame->octets + layers->network + 6) & IPV4_DONT)
        ret_detail->fragment_flags |= WEIR_FRAGMENT_DONT;
    take_link(frame, layers, ret_detail);
    take_transport(frame, packet, layers, ret_detail);
}
