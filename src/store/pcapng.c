/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pcapng.h"

#include "base/clock.h"
#include "base/reader.h"
#include "base/writer.h"

#define SECTION_HEADER      0x0a0d0d0au
#define INTERFACE           1u
#define ENHANCED_PACKET     6u
#define NAME_RESOLUTION     4u
#define BYTE_ORDER_MAGIC    0x1a2b3c4du
#define OPTION_TSRESOL      9u
#define NANOSECONDS         9u
#define LINKTYPE_RAW        101u
#define OPTION_LOCAL        0x8000u /* of whoever wrote it: the others skip it */
#define BLOCK_OCTETS        12u
#define PACKET_BEFORE       28u /* octets of the block before the frame */
#define IPV4_OCTETS         20u
#define IPV6_OCTETS         40u
#define UDP_OCTETS          8u
#define IPV6_SOURCE         8u /* where the addresses stand */
#define UDP_CHECKSUM_OFFSET 6u
#define PROTOCOL_UDP        17u
#define HOP_LIMIT           64u
#define LENGTH_MAX          65535u

void weir_pcapng_section(uint8_t *octets)
{
    struct weir_writer w = weir_writer_make(octets, WEIR_PCAPNG_SECTION_OCTETS);
    weir_write_le32(&w, SECTION_HEADER);
    weir_write_le32(&w, 28);
    weir_write_le32(&w, BYTE_ORDER_MAGIC);
    weir_write_le16(&w, 1);
    weir_write_le16(&w, 0);
    weir_write_le64(&w, UINT64_MAX); /* length not known */
    weir_write_le32(&w, 28);
    weir_write_le32(&w, INTERFACE);
    weir_write_le32(&w, 32);
    weir_write_le16(&w, LINKTYPE_RAW);
    weir_write_le16(&w, 0);
    weir_write_le32(&w, 0); /* no limit of length */
    weir_write_le16(&w, OPTION_TSRESOL);
    weir_write_le16(&w, 1);
    weir_write_le32(&w, NANOSECONDS);
    weir_write_le32(&w, 0); /* end of options */
    weir_write_le32(&w, 32);
}

static size_t rounded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static size_t headers_of(const struct weir_datagram *datagram)
{
    return (weir_address_is_v4(datagram->source) ? IPV4_OCTETS : IPV6_OCTETS) + UDP_OCTETS;
}

size_t weir_pcapng_packet_octets(const struct weir_datagram *datagram)
{
    size_t headers = headers_of(datagram);
    size_t counted = weir_address_is_v4(datagram->source) ? headers : UDP_OCTETS;
    if (datagram->length > LENGTH_MAX - counted)
        return 0;
    return PACKET_BEFORE + rounded(headers + datagram->length) + 4;
}

/* The Internet checksum (RFC 1071) over octets, the last perhaps alone, from `sum` on. */
static uint32_t add_up(uint32_t sum, const uint8_t *octets, size_t length)
{
    for (; length >= 2; octets += 2, length -= 2)
        sum += weir_load_be16(octets);
    return length ? sum + (uint32_t)(octets[0] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The checksum is of values: to read what was just written into cold memory would wait for it. */
static void write_ipv4(struct weir_writer *w, const struct weir_datagram *datagram)
{
    const uint16_t begin = 0x4500, flags = 0x4000; /* no options; do not fragment */
    const uint16_t transport = HOP_LIMIT << 8 | PROTOCOL_UDP;
    uint16_t length = (uint16_t)(IPV4_OCTETS + UDP_OCTETS + datagram->length);
    uint32_t source = (uint32_t)datagram->source.low;
    uint32_t sum = (uint32_t)begin + length + flags + transport;
    weir_write_u16(w, begin);
    weir_write_u16(w, length);
    weir_write_u16(w, 0);
    weir_write_u16(w, flags);
    weir_write_u16(w, transport);
    weir_write_u16(w, folded(sum + (source >> 16) + (source & UINT16_MAX)));
    weir_write_u32(w, source);
    weir_write_u32(w, 0);
}

static void write_ipv6(struct weir_writer *w, const struct weir_datagram *datagram)
{
    weir_write_u32(w, UINT32_C(6) << 28);
    weir_write_u16(w, (uint16_t)(UDP_OCTETS + datagram->length));
    weir_write_u16(w, PROTOCOL_UDP << 8 | HOP_LIMIT);
    weir_write_u64(w, datagram->source.high);
    weir_write_u64(w, datagram->source.low);
    weir_write_zeros(w, 16);
}

/* Of UDP over IPv6, which has to have one (RFC 8200 section 8.1); 0 is sent as all ones. */
static uint16_t udp_checksum(const uint8_t *ipv6, size_t udp_length)
{
    uint32_t sum = add_up((uint32_t)udp_length + PROTOCOL_UDP, ipv6 + IPV6_SOURCE, 32);
    uint16_t checksum = folded(add_up(sum, ipv6 + IPV6_OCTETS, udp_length));
    return checksum ? checksum : UINT16_MAX;
}

void weir_pcapng_packet(uint8_t *octets, const struct weir_datagram *datagram)
{
    size_t frame = headers_of(datagram) + datagram->length;
    size_t total = weir_pcapng_packet_octets(datagram);
    uint64_t ticks = datagram->received_ns > 0 ? (uint64_t)datagram->received_ns : 0;
    bool is_v4 = weir_address_is_v4(datagram->source);
    struct weir_writer w = weir_writer_make(octets, total);
    weir_write_le32(&w, ENHANCED_PACKET);
    weir_write_le32(&w, (uint32_t)total);
    weir_write_le32(&w, 0);
    weir_write_le32(&w, (uint32_t)(ticks >> 32));
    weir_write_le32(&w, (uint32_t)ticks);
    weir_write_le32(&w, (uint32_t)frame);
    weir_write_le32(&w, (uint32_t)frame);
    if (is_v4)
        write_ipv4(&w, datagram);
    else
        write_ipv6(&w, datagram);
    size_t udp = weir_writer_offset(&w);
    weir_write_u16(&w, datagram->source_port);
    weir_write_u16(&w, datagram->destination_port);
    weir_write_u16(&w, (uint16_t)(UDP_OCTETS + datagram->length));
    weir_write_u16(&w, 0); /* none, as RFC 768 allows over IPv4 */
    weir_write_octets(&w, datagram->octets, datagram->length);
    weir_write_zeros(&w, rounded(frame) - frame);
    weir_write_le32(&w, (uint32_t)total);
    if (!is_v4)
        weir_store_be16(octets + udp + UDP_CHECKSUM_OFFSET,
                        udp_checksum(octets + PACKET_BEFORE, UDP_OCTETS + datagram->length));
}

void weir_pcapng_filler(uint8_t *octets, size_t length)
{
    struct weir_writer w = weir_writer_make(octets, length);
    size_t spare = length - WEIR_PCAPNG_FILLER_MIN;
    weir_write_le32(&w, NAME_RESOLUTION);
    weir_write_le32(&w, (uint32_t)length);
    weir_write_le32(&w, 0); /* no names */
    if (spare >= 8) {
        weir_write_le16(&w, OPTION_LOCAL);
        weir_write_le16(&w, (uint16_t)(spare - 8));
        weir_write_zeros(&w, spare - 8);
    }
    if (spare >= 4)
        weir_write_le32(&w, 0); /* end of options */
    weir_write_le32(&w, (uint32_t)length);
}

/* The addresses of a frame; what is left of it is UDP. */
static struct weir_address read_source(struct weir_reader *frame)
{
    const uint8_t *first = weir_read_octets(frame, 1);
    if (first && first[0] >> 4 == 4) {
        weir_read_skip(frame, 11);
        struct weir_address source = weir_address_from_v4(weir_read_u32(frame));
        weir_read_skip(frame, 4);
        return source;
    }
    weir_read_skip(frame, IPV6_SOURCE - 1);
    struct weir_address source = {0};
    source.high = weir_read_u64(frame);
    source.low = weir_read_u64(frame);
    weir_read_skip(frame, 16);
    return source;
}

static int read_packet(struct weir_reader *body, struct weir_datagram *ret_datagram)
{
    weir_read_skip(body, 4); /* the one interface */
    uint64_t high = weir_read_le32(body), low = weir_read_le32(body);
    uint32_t captured = weir_read_le32(body);
    weir_read_skip(body, 4);
    struct weir_reader frame = weir_read_block(body, captured);
    struct weir_datagram datagram = {.source = read_source(&frame)};
    datagram.source_port = weir_read_u16(&frame);
    datagram.destination_port = weir_read_u16(&frame);
    size_t length = weir_read_u16(&frame);
    weir_read_skip(&frame, 2);
    if (weir_reader_failed(&frame) || length != UDP_OCTETS + weir_reader_remaining(&frame))
        return WEIR_E_MALFORMED;
    datagram.length = length - UDP_OCTETS;
    datagram.octets = weir_read_octets(&frame, datagram.length);
    datagram.received_ns = (int64_t)((high << 32 | low) & INT64_MAX);
    *ret_datagram = datagram;
    return 0;
}

int weir_pcapng_read(const uint8_t *octets, size_t left, struct weir_pcapng_block *ret_block)
{
    struct weir_reader reader = weir_reader_make(octets, left);
    uint32_t type = weir_read_le32(&reader), length = weir_read_le32(&reader);
    if (weir_reader_failed(&reader))
        return WEIR_E_TRUNCATED;
    bool is_known = type == ENHANCED_PACKET || type == NAME_RESOLUTION || type == SECTION_HEADER ||
                    type == INTERFACE;
    if (!is_known || length < BLOCK_OCTETS || length % 4 != 0)
        return WEIR_E_MALFORMED;
    if (length > left)
        return WEIR_E_TRUNCATED;
    struct weir_reader body = weir_read_block(&reader, length - BLOCK_OCTETS);
    if (weir_read_le32(&reader) != length)
        return WEIR_E_MALFORMED;
    struct weir_pcapng_block block = {.length = length};
    if (type == ENHANCED_PACKET) {
        block.has_datagram = true;
        int result = read_packet(&body, &block.datagram);
        if (result < 0)
            return result;
    }
    *ret_block = block;
    return 0;
}
