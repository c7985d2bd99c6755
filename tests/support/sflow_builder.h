/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds sFlow datagrams by hand, so that tests can also write what no agent would.
 *
 *     struct sflow_builder b;
 *     sflow_datagram(&b, 7, 41);                       // sub-agent and sequence number
 *     size_t sample = sflow_flow(&b, false);
 *     size_t record = sflow_record(&b, 1001);
 *     sflow_u32s(&b, 4, 100, 0, 200, 0);
 *     sflow_end(&b, record);
 *     sflow_sample_end(&b, sample);
 */
#ifndef WEIR_TESTS_SUPPORT_SFLOW_BUILDER_H
#define WEIR_TESTS_SUPPORT_SFLOW_BUILDER_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/writer.h"

#define SFLOW_AGENT 0xc0000209u /* 192.0.2.9 */

struct sflow_builder {
    struct weir_writer writer;
    size_t samples_at; /* where the count of samples stands */
    size_t records_at; /* and that of records, in the open sample */
    uint8_t octets[8192];
};

static inline void sflow_u32s(struct sflow_builder *b, unsigned count, ...)
{
    va_list values;
    va_start(values, count);
    for (unsigned i = 0; i < count; i++)
        weir_write_u32(&b->writer, va_arg(values, unsigned));
    va_end(values);
}

static inline void sflow_count(struct sflow_builder *b, size_t at)
{
    b->octets[at + 3]++;
}

static inline void sflow_datagram(struct sflow_builder *b, unsigned sub_agent, unsigned sequence)
{
    b->writer = weir_writer_make(b->octets, sizeof(b->octets));
    sflow_u32s(b, 7, 5u, 1u, SFLOW_AGENT, sub_agent, sequence, 90000u, 0u);
    b->samples_at = weir_writer_offset(&b->writer) - 4;
}

/* A format and a length that sflow_end sets; returns where its body begins. */
static inline size_t sflow_structure(struct sflow_builder *b, unsigned format)
{
    sflow_u32s(b, 2, format, 0u);
    return weir_writer_offset(&b->writer);
}

static inline void sflow_end(struct sflow_builder *b, size_t start)
{
    size_t length = weir_writer_offset(&b->writer) - start;
    assert(!weir_writer_failed(&b->writer));
    weir_store_be32(b->octets + start - 4, (uint32_t)length);
    weir_write_zeros(&b->writer, (0u - length) % 4);
}

/* Source 17, one packet in 512 of 5120, 3 lost, in by 17, out by 18. */
static inline size_t sflow_flow(struct sflow_builder *b, bool is_expanded)
{
    size_t start = sflow_structure(b, is_expanded ? 3 : 1);
    if (is_expanded)
        sflow_u32s(b, 10, 99u, 0u, 17u, 512u, 5120u, 3u, 0u, 17u, 0u, 18u);
    else
        sflow_u32s(b, 7, 99u, 17u, 512u, 5120u, 3u, 17u, 18u);
    b->records_at = weir_writer_offset(&b->writer);
    sflow_u32s(b, 1, 0u);
    sflow_count(b, b->samples_at);
    return start;
}

/* The interfaces of the compact flow sample that was begun last. */
static inline void sflow_interfaces(struct sflow_builder *b, unsigned input, unsigned output)
{
    weir_store_be32(b->octets + b->records_at - 8, input);
    weir_store_be32(b->octets + b->records_at - 4, output);
}

static inline size_t sflow_counters(struct sflow_builder *b, bool is_expanded)
{
    size_t start = sflow_structure(b, is_expanded ? 4 : 2);
    if (is_expanded)
        sflow_u32s(b, 3, 98u, 0u, 17u);
    else
        sflow_u32s(b, 2, 98u, 17u);
    b->records_at = weir_writer_offset(&b->writer);
    sflow_u32s(b, 1, 0u);
    sflow_count(b, b->samples_at);
    return start;
}

static inline size_t sflow_record(struct sflow_builder *b, unsigned format)
{
    sflow_count(b, b->records_at);
    return sflow_structure(b, format);
}

/* A raw header: of a frame of `frame_length`, of which `stripped` were taken off. */
static inline void sflow_header(struct sflow_builder *b, unsigned protocol, unsigned frame_length,
                                unsigned stripped, const uint8_t *octets, size_t length)
{
    size_t record = sflow_record(b, 1);
    sflow_u32s(b, 4, protocol, frame_length, stripped, (unsigned)length);
    weir_write_octets(&b->writer, octets, length);
    weir_write_zeros(&b->writer, (0u - length) % 4);
    sflow_end(b, record);
}

/* Ethernet, VLAN 42, IPv4 198.51.100.7 to 203.0.113.8, 40 octets of TCP 443 to 50000, SYN ACK. */
static const uint8_t sflow_tcp_frame[] = {
    0x02, 0,    0,    0,    0,    0x02, 0x02, 0, 0,    0,    0,    0x01, 0x81, 0x00, 0,
    42,   0x08, 0x00, 0x45, 0x28, 0,    40,   0, 1,    0,    0,    61,   6,    0,    0,
    198,  51,   100,  7,    203,  0,    113,  8, 0x01, 0xbb, 0xc3, 0x50, 0,    0,    0,
    1,    0,    0,    0,    2,    0x50, 0x12, 0, 0,    0,    0,    0,    0,
};

/* IPv6 2001:db8::1 to 2001:db8::2, UDP 53 to 4000, 100 octets of payload, of which 8 are here. */
static const uint8_t sflow_udp6_packet[] = {
    0x60, 0x00, 0x12, 0x34, 0, 100, 17, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0,   0, 0,
    0,    0,    0,    0,    0, 0,   0,  1,  0x20, 0x01, 0x0d, 0xb8, 0, 0,   0, 0,
    0,    0,    0,    0,    0, 0,   0,  2,  0,    53,   0x0f, 0xa0, 0, 100, 0, 0,
};

static inline void sflow_if_counters(struct sflow_builder *b)
{
    size_t record = sflow_record(b, 1);
    sflow_u32s(b, 22, 17u, 6u, 0u, 1000000000u, 1u, 3u, 1u, 2u, 11u, 12u, 13u, 14u, 15u, 16u, 0u,
               99u, 21u, 22u, 23u, 24u, 25u, 2u);
    sflow_end(b, record);
}

#endif
