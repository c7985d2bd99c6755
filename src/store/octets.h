/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer of octets that grows: what Parquet's pages and metadata are put together in.
 *
 * It carries its error as base/writer.h does: after memory could not be had every later call does
 * nothing, and the caller asks `failed` once. Integers are little-endian, as Parquet has them.
 *
 *     struct weir_octets page = {0};
 *     weir_octets_le32(&page, 7);
 *     if (page.failed) ...
 *     weir_octets_done(&page);
 *
 * Ownership: the buffer owns its memory and keeps it over weir_octets_clear. Threads: one owner.
 */
#ifndef WEIR_STORE_OCTETS_H
#define WEIR_STORE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct weir_octets {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed; /* memory could not be had; stays set until weir_octets_clear */
};

static inline void weir_octets_done(struct weir_octets *octets)
{
    free(octets->data);
    *octets = (struct weir_octets){0};
}

/* Forgets what is in it, and the error. */
static inline void weir_octets_clear(struct weir_octets *octets)
{
    octets->length = 0;
    octets->failed = false;
}

/*
 * Room for `count` octets after those in use, whose length is not changed, or NULL. Encoders that
 * store whole words ask for the few octets more that the last word may pass its end by.
 */
static inline uint8_t *weir_octets_room(struct weir_octets *octets, size_t count)
{
    if (octets->failed)
        return NULL;
    if (count > octets->capacity - octets->length || !octets->data) {
        size_t capacity = octets->capacity ? octets->capacity : 256;
        while (capacity - octets->length < count)
            capacity *= 2;
        uint8_t *data = realloc(octets->data, capacity);
        if (!data) {
            octets->failed = true;
            return NULL;
        }
        octets->data = data;
        octets->capacity = capacity;
    }
    return octets->data + octets->length;
}

/* `count` octets for the caller to fill, or NULL. */
static inline uint8_t *weir_octets_reserve(struct weir_octets *octets, size_t count)
{
    uint8_t *room = weir_octets_room(octets, count);
    if (room)
        octets->length += count;
    return room;
}

static inline void weir_octets_append(struct weir_octets *octets, const void *data, size_t count)
{
    uint8_t *room = weir_octets_reserve(octets, count);
    if (room && count)
        memcpy(room, data, count);
}

static inline void weir_octets_u8(struct weir_octets *octets, uint8_t value)
{
    weir_octets_append(octets, &value, 1);
}

static inline void weir_octets_le32(struct weir_octets *octets, uint32_t value)
{
    uint8_t *room = weir_octets_reserve(octets, 4);
    if (room)
        weir_store_le32(room, value);
}

/* Unsigned LEB128, at most 10 octets. */
static inline void weir_octets_varint(struct weir_octets *octets, uint64_t value)
{
    uint8_t *room = weir_octets_room(octets, 10);
    if (!room)
        return;
    while (value >= 0x80) {
        *room++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *room++ = (uint8_t)value;
    octets->length = (size_t)(room - octets->data);
}

static inline void weir_octets_zigzag(struct weir_octets *octets, int64_t value)
{
    weir_octets_varint(octets, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

#endif
