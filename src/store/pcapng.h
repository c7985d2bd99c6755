/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export datagrams as blocks of pcapng (draft-ietf-opsawg-pcapng), and back: what a journal's
 * segment is made of, and what every tool that reads captures reads.
 *
 * A segment is one section, little-endian, with one interface of raw IP and nanoseconds. Each
 * datagram is an Enhanced Packet Block with IP and UDP headers made up around it: source, ports and
 * arrival are the datagram's, the destination is the unspecified address. Name Resolution
 * Blocks without a name fill up what has to have a round length.
 *
 *     length = weir_pcapng_packet_octets(&datagram);
 *     weir_pcapng_packet(room, &datagram);
 *     ...
 *     while (weir_pcapng_read(octets, left, &block) == 0)
 *         octets += block.length, left -= block.length;
 *
 * The reader takes what this writes, and is no reader of pcapng at large: that is
 * packet/source.h. Pure functions; any thread may call. Limits: a datagram of IPv4 has at most
 * 65,507 octets, one of IPv6 65,527, which no socket passes.
 */
#ifndef WEIR_STORE_PCAPNG_H
#define WEIR_STORE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/datagram.h"

#define WEIR_PCAPNG_SECTION_OCTETS 60u /* both blocks that begin a segment */
#define WEIR_PCAPNG_FILLER_MIN     16u
#define WEIR_PCAPNG_PACKET_MAX     (65536u + 96u)

/* Section Header and Interface Description: WEIR_PCAPNG_SECTION_OCTETS. */
void weir_pcapng_section(uint8_t *octets);

/* Octets of a datagram's block: a multiple of 4, at most WEIR_PCAPNG_PACKET_MAX; 0: it is too long
 * to be one. */
size_t weir_pcapng_packet_octets(const struct weir_datagram *datagram);
void weir_pcapng_packet(uint8_t *octets, const struct weir_datagram *datagram);

/* A block of `length` octets that says nothing: a multiple of 4, from WEIR_PCAPNG_FILLER_MIN on to
 * 65,536. */
void weir_pcapng_filler(uint8_t *octets, size_t length);

struct weir_pcapng_block {
    size_t length;
    bool has_datagram;
    struct weir_datagram datagram; /* its octets are in the block */
};

/*
 * The block that `octets` begin with. 0; WEIR_E_TRUNCATED: it does not end within `left`;
 * WEIR_E_MALFORMED: it is none of a segment.
 */
WEIR_CHECKED int weir_pcapng_read(const uint8_t *octets, size_t left,
                                  struct weir_pcapng_block *ret_block);

#endif
