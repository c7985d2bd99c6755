/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds-checked writer: the reader's mirror, over a buffer of the caller's.
 *
 * After the first write that does not fit every later one does nothing, so an encoder writes top
 * to bottom and asks weir_writer_failed() once. Integers are in network byte order.
 *
 *     uint8_t buffer[1400];
 *     struct weir_writer w = weir_writer_make(buffer, sizeof(buffer));
 *     size_t length_at = weir_writer_offset(&w);
 *     weir_write_u16(&w, 0);                        // patched when the length is known
 *     ...
 *     weir_writer_patch_u16(&w, length_at, (uint16_t)weir_writer_offset(&w));
 *
 * Ownership: a writer borrows its buffer. Threads: a writer belongs to one thread.
 */
#ifndef WEIR_BASE_WRITER_H
#define WEIR_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct weir_writer {
    uint8_t *start;
    size_t length;   /* octets written */
    size_t capacity; /* octets of the buffer */
    bool failed;     /* a write did not fit; stays set */
};

static inline struct weir_writer weir_writer_make(uint8_t *buffer, size_t capacity)
{
    return (struct weir_writer){.start = buffer, .capacity = capacity};
}

static inline bool weir_writer_failed(const struct weir_writer *writer)
{
    return writer->failed;
}

static inline size_t weir_writer_offset(const struct weir_writer *writer)
{
    return writer->length;
}

static inline size_t weir_writer_room(const struct weir_writer *writer)
{
    return writer->failed ? 0 : writer->capacity - writer->length;
}

/* `length` octets for the caller to fill, or NULL with the writer failed where they do not fit. */
static inline uint8_t *weir_write_reserve(struct weir_writer *writer, size_t length)
{
    if (writer->failed || length > writer->capacity - writer->length) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *octets = writer->start + writer->length;
    writer->length += length;
    return octets;
}

static inline void weir_write_octets(struct weir_writer *writer, const void *octets, size_t length)
{
    uint8_t *room = weir_write_reserve(writer, length);
    if (room && length)
        memcpy(room, octets, length);
}

static inline void weir_write_zeros(struct weir_writer *writer, size_t length)
{
    uint8_t *room = weir_write_reserve(writer, length);
    if (room && length)
        memset(room, 0, length);
}

#define WEIR_DEFINE_WRITE(name, type, store)                                     \
    static inline void weir_write_##name(struct weir_writer *writer, type value) \
    {                                                                            \
        uint8_t *room = weir_write_reserve(writer, sizeof(value));               \
        if (room)                                                                \
            store(room, value);                                                  \
    }

static inline void weir_store_u8(uint8_t *octets, uint8_t value)
{
    octets[0] = value;
}

WEIR_DEFINE_WRITE(u8, uint8_t, weir_store_u8)
WEIR_DEFINE_WRITE(u16, uint16_t, weir_store_be16)
WEIR_DEFINE_WRITE(u32, uint32_t, weir_store_be32)
WEIR_DEFINE_WRITE(u64, uint64_t, weir_store_be64)
WEIR_DEFINE_WRITE(le16, uint16_t, weir_store_le16)
WEIR_DEFINE_WRITE(le32, uint32_t, weir_store_le32)
WEIR_DEFINE_WRITE(le64, uint64_t, weir_store_le64)

/* Overwrites two octets at `offset`, which must have been written; otherwise fails the writer. */
static inline void weir_writer_patch_u16(struct weir_writer *writer, size_t offset, uint16_t value)
{
    if (writer->failed || writer->length < 2 || offset > writer->length - 2)
        writer->failed = true;
    else
        weir_store_be16(writer->start + offset, value);
}

/* Drops all that was written from `offset` on, and the error of a write that did not fit. */
static inline void weir_writer_rewind(struct weir_writer *writer, size_t offset)
{
    if (offset <= writer->length) {
        writer->length = offset;
        writer->failed = false;
    }
}

#endif
