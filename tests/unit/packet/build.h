/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames and captures composed header by header. Length fields are patched when what they count
 * has been written.
 *
 *     struct frame_builder f = frame_begin();
 *     frame_ethernet(&f, 0x0800);
 *     frame_ipv4(&f, 17);
 *     frame_udp(&f, 53, 1024, 40);
 *     struct weir_frame frame = frame_end(&f, WEIR_LINK_ETHERNET);
 */
#ifndef WEIR_TESTS_PACKET_BUILD_H
#define WEIR_TESTS_PACKET_BUILD_H

#include "base/writer.h"
#include "packet/source.h"
#include "support/cmocka.h"

#define FRAME_TIME_NS INT64_C(1700000000123456789)

struct frame_builder {
    uint8_t octets[4096];
    struct weir_writer out;
    size_t ip;        /* offset of the IP header */
    size_t udp;       /* offset of the UDP header, 0: none */
    unsigned version; /* of IP, 0: none */
};

static inline void frame_begin(struct frame_builder *f)
{
    memset(f, 0, sizeof(*f));
    f->out = weir_writer_make(f->octets, sizeof(f->octets));
}

static inline void frame_ethernet(struct frame_builder *f, uint16_t ethertype)
{
    weir_write_octets(&f->out, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
    weir_write_u16(&f->out, ethertype);
}

static inline void frame_vlan(struct frame_builder *f, uint16_t tag, uint16_t ethertype)
{
    weir_write_u16(&f->out, tag);
    weir_write_u16(&f->out, ethertype);
}

/* 192.0.2.1 to 198.51.100.2, ToS 0xb8, TTL 63, with `options` octets of options. */
static inline void frame_ipv4_options(struct frame_builder *f, uint8_t protocol, uint16_t id,
                                      uint16_t fragment, unsigned options)
{
    f->ip = f->out.length;
    f->version = 4;
    weir_write_u8(&f->out, (uint8_t)(0x40 | (5 + options / 4)));
    weir_write_u8(&f->out, 0xb8);
    weir_write_u16(&f->out, 0);
    weir_write_u16(&f->out, id);
    weir_write_u16(&f->out, fragment);
    weir_write_u8(&f->out, 63);
    weir_write_u8(&f->out, protocol);
    weir_write_u16(&f->out, 0);
    weir_write_u32(&f->out, 0xc0000201);
    weir_write_u32(&f->out, 0xc6336402);
    for (unsigned i = 0; i < options; i++)
        weir_write_u8(&f->out, 1);
}

static inline void frame_ipv4(struct frame_builder *f, uint8_t protocol)
{
    frame_ipv4_options(f, protocol, 7, 0, 0);
}

/* 2001:db8::1 to 2001:db8::2, traffic class 0xb8, flow label 0x12345, hop limit 63. */
static inline void frame_ipv6(struct frame_builder *f, uint8_t next)
{
    f->ip = f->out.length;
    f->version = 6;
    weir_write_u32(&f->out, 0x6b812345);
    weir_write_u16(&f->out, 0);
    weir_write_u8(&f->out, next);
    weir_write_u8(&f->out, 63);
    for (uint64_t last = 1; last <= 2; last++) {
        weir_write_u64(&f->out, UINT64_C(0x20010db800000000));
        weir_write_u64(&f->out, last);
    }
}

/* An extension header of `octets` (a multiple of 8) octets, filled with PadN. */
static inline void frame_extension(struct frame_builder *f, uint8_t next, unsigned octets)
{
    weir_write_u8(&f->out, next);
    weir_write_u8(&f->out, (uint8_t)(octets / 8 - 1));
    weir_write_u8(&f->out, 1);
    weir_write_u8(&f->out, (uint8_t)(octets - 4));
    weir_write_zeros(&f->out, octets - 4);
}

static inline void frame_ipv6_fragment(struct frame_builder *f, uint8_t next, uint16_t offset_more,
                                       uint32_t id)
{
    weir_write_u8(&f->out, next);
    weir_write_u8(&f->out, 0);
    weir_write_u16(&f->out, offset_more);
    weir_write_u32(&f->out, id);
}

static inline void frame_tcp(struct frame_builder *f, uint16_t src_port, uint16_t dst_port,
                             uint16_t flags, size_t payload)
{
    weir_write_u16(&f->out, src_port);
    weir_write_u16(&f->out, dst_port);
    weir_write_u64(&f->out, 1);
    weir_write_u16(&f->out, (uint16_t)(0x5000 | flags));
    weir_write_u16(&f->out, 1000);
    weir_write_u32(&f->out, 0);
    weir_write_zeros(&f->out, payload);
}

static inline void frame_udp(struct frame_builder *f, uint16_t src_port, uint16_t dst_port,
                             size_t payload)
{
    f->udp = f->out.length;
    weir_write_u16(&f->out, src_port);
    weir_write_u16(&f->out, dst_port);
    weir_write_u16(&f->out, (uint16_t)(8 + payload));
    weir_write_u16(&f->out, 0);
    weir_write_zeros(&f->out, payload);
}

/* Sets the IP length to what has been written; without, it stays 0. */
static inline void frame_length(struct frame_builder *f)
{
    size_t length = f->out.length - f->ip;
    if (f->version == 4)
        weir_writer_patch_u16(&f->out, f->ip + 2, (uint16_t)length);
    else
        weir_writer_patch_u16(&f->out, f->ip + 4, (uint16_t)(length - 40));
}

static inline struct weir_frame frame_end(const struct frame_builder *f, uint16_t link_type)
{
    assert_false(weir_writer_failed(&f->out));
    return (struct weir_frame){
        .octets = f->octets,
        .captured = (uint32_t)f->out.length,
        .wire_octets = (uint32_t)f->out.length,
        .time_ns = FRAME_TIME_NS,
        .link_type = link_type,
    };
}

/* Fields of a capture file in either byte order. */
static inline void file_u16(struct weir_writer *out, bool big, uint16_t value)
{
    (big ? weir_write_u16 : weir_write_le16)(out, value);
}

static inline void file_u32(struct weir_writer *out, bool big, uint32_t value)
{
    (big ? weir_write_u32 : weir_write_le32)(out, value);
}

static inline void pcap_header(struct weir_writer *out, bool big, uint32_t magic, uint32_t link)
{
    file_u32(out, big, magic);
    file_u16(out, big, 2);
    file_u16(out, big, 4);
    file_u32(out, big, 0);
    file_u32(out, big, 0);
    file_u32(out, big, 65535);
    file_u32(out, big, link);
}

static inline void pcap_record(struct weir_writer *out, bool big, uint32_t seconds,
                               uint32_t fraction, uint32_t captured, uint32_t wire)
{
    file_u32(out, big, seconds);
    file_u32(out, big, fraction);
    file_u32(out, big, captured);
    file_u32(out, big, wire);
    for (uint32_t i = 0; i < captured; i++)
        weir_write_u8(out, (uint8_t)i);
}

/* Begins a pcapng block and returns where, for pcapng_end. */
static inline size_t pcapng_begin(struct weir_writer *out, bool big, uint32_t type)
{
    size_t at = out->length;
    file_u32(out, big, type);
    file_u32(out, big, 0);
    return at;
}

static inline void pcapng_end(struct weir_writer *out, bool big, size_t at)
{
    weir_write_zeros(out, (4 - (out->length - at) % 4) % 4);
    uint32_t total = (uint32_t)(out->length - at + 4);
    file_u32(out, big, total);
    if (!weir_writer_failed(out))
        (big ? weir_store_be32 : weir_store_le32)(out->start + at + 4, total);
}

static inline void pcapng_section(struct weir_writer *out, bool big)
{
    size_t at = pcapng_begin(out, big, 0x0a0d0d0a);
    file_u32(out, big, 0x1a2b3c4d);
    file_u16(out, big, 1);
    file_u16(out, big, 0);
    file_u32(out, big, UINT32_MAX);
    file_u32(out, big, UINT32_MAX);
    pcapng_end(out, big, at);
}

/* Options are given as octets that are already in the file's byte order. */
static inline void pcapng_interface(struct weir_writer *out, bool big, uint16_t link,
                                    uint32_t snaplen, const void *options, size_t options_length)
{
    size_t at = pcapng_begin(out, big, 1);
    file_u16(out, big, link);
    file_u16(out, big, 0);
    file_u32(out, big, snaplen);
    weir_write_octets(out, options, options_length);
    pcapng_end(out, big, at);
}

static inline void pcapng_packet(struct weir_writer *out, bool big, uint32_t interface,
                                 uint64_t ticks, uint32_t captured, uint32_t wire)
{
    size_t at = pcapng_begin(out, big, 6);
    file_u32(out, big, interface);
    file_u32(out, big, (uint32_t)(ticks >> 32));
    file_u32(out, big, (uint32_t)ticks);
    file_u32(out, big, captured);
    file_u32(out, big, wire);
    for (uint32_t i = 0; i < captured; i++)
        weir_write_u8(out, (uint8_t)i);
    pcapng_end(out, big, at);
}

#endif
