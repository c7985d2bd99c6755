/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds-checked reader: the only way in for octets from a file or a peer.
 *
 * A reader carries its error. After the first read that does not fit, every later read returns
 * zero and moves nothing, so a decoder reads like its specification, top to bottom, and asks
 * weir_reader_failed() once. No pointer past the end is ever formed. Integers are in network
 * byte order; the _le forms are for pcap and Parquet.
 *
 *     struct weir_reader r = weir_reader_make(octets, length);
 *     uint16_t id = weir_read_u16(&r), set_length = weir_read_u16(&r);
 *     struct weir_reader body = weir_read_block(&r, set_length - 4u);
 *     if (weir_reader_failed(&r))
 *         return weir_diag_set_at(diag, WEIR_E_TRUNCATED, weir_reader_offset(&r), "...");
 *
 * Ownership: a reader borrows its octets. Threads: a reader belongs to one thread.
 */
#ifndef WEIR_BASE_READER_H
#define WEIR_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct weir_reader {
    const uint8_t *octets; /* where reading goes on */
    size_t remaining;      /* octets that may still be read */
    size_t offset;         /* of `octets` from the start of the outermost input */
    bool failed;           /* a read did not fit; stays set */
};

static inline struct weir_reader weir_reader_make(const uint8_t *octets, size_t length)
{
    return (struct weir_reader){.octets = octets, .remaining = length};
}

static inline bool weir_reader_failed(const struct weir_reader *reader)
{
    return reader->failed;
}

static inline size_t weir_reader_remaining(const struct weir_reader *reader)
{
    return reader->failed ? 0 : reader->remaining;
}

/* Octet of the outermost input that is read next, or at which the first read failed. */
static inline size_t weir_reader_offset(const struct weir_reader *reader)
{
    return reader->offset;
}

/*
 * `length` octets in place, or NULL with the reader failed where fewer remain. Length 0 gives a
 * pointer that must not be read.
 */
static inline const uint8_t *weir_read_octets(struct weir_reader *reader, size_t length)
{
    if (reader->failed || length > reader->remaining) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *octets = reader->octets;
    reader->octets += length;
    reader->remaining -= length;
    reader->offset += length;
    return octets;
}

static inline void weir_read_skip(struct weir_reader *reader, size_t length)
{
    (void)weir_read_octets(reader, length);
}

/* A reader over the next `length` octets, which cannot pass their end; failed where they lack. */
static inline struct weir_reader weir_read_block(struct weir_reader *reader, size_t length)
{
    struct weir_reader block = {.offset = reader->offset, .failed = true};
    const uint8_t *octets = weir_read_octets(reader, length);
    if (octets) {
        block.octets = octets;
        block.remaining = length;
        block.failed = false;
    }
    return block;
}

#define WEIR_DEFINE_READ(name, type, width, load)                   \
    static inline type weir_read_##name(struct weir_reader *reader) \
    {                                                               \
        const uint8_t *octets = weir_read_octets(reader, width);    \
        return octets ? load(octets) : 0;                           \
    }

static inline uint8_t weir_load_u8(const uint8_t *octets)
{
    return octets[0];
}

WEIR_DEFINE_READ(u8, uint8_t, 1, weir_load_u8)
WEIR_DEFINE_READ(u16, uint16_t, 2, weir_load_be16)
WEIR_DEFINE_READ(u32, uint32_t, 4, weir_load_be32)
WEIR_DEFINE_READ(u64, uint64_t, 8, weir_load_be64)
WEIR_DEFINE_READ(le16, uint16_t, 2, weir_load_le16)
WEIR_DEFINE_READ(le32, uint32_t, 4, weir_load_le32)
WEIR_DEFINE_READ(le64, uint64_t, 8, weir_load_le64)

/* Big-endian unsigned integer of 1 to 8 octets; any other width fails the reader. */
static inline uint64_t weir_read_uint(struct weir_reader *reader, unsigned width)
{
    if (width < 1 || width > 8) {
        reader->failed = true;
        return 0;
    }
    const uint8_t *octets = weir_read_octets(reader, width);
    return octets ? weir_load_be(octets, width) : 0;
}

#endif
