/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers in network and little-endian byte order at any alignment.
 *
 * These do not check bounds: they are for the two places that have checked already, the reader
 * and writer of base/reader.h and base/writer.h, and measured loops in which one length check
 * covers a whole run of fields.
 */
#ifndef WEIR_BASE_BYTES_H
#define WEIR_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#define WEIR_DEFINE_LOAD(bits, order, swap)                                            \
    static inline uint##bits##_t weir_load_##order##bits(const uint8_t *octets)        \
    {                                                                                  \
        uint##bits##_t value;                                                          \
        memcpy(&value, octets, sizeof(value));                                         \
        return swap(value);                                                            \
    }                                                                                  \
    static inline void weir_store_##order##bits(uint8_t *octets, uint##bits##_t value) \
    {                                                                                  \
        value = swap(value);                                                           \
        memcpy(octets, &value, sizeof(value));                                         \
    }

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WEIR_BE16(value) __builtin_bswap16(value)
#define WEIR_BE32(value) __builtin_bswap32(value)
#define WEIR_BE64(value) __builtin_bswap64(value)
#define WEIR_LE16(value) (value)
#define WEIR_LE32(value) (value)
#define WEIR_LE64(value) (value)
#else
#define WEIR_BE16(value) (value)
#define WEIR_BE32(value) (value)
#define WEIR_BE64(value) (value)
#define WEIR_LE16(value) __builtin_bswap16(value)
#define WEIR_LE32(value) __builtin_bswap32(value)
#define WEIR_LE64(value) __builtin_bswap64(value)
#endif

WEIR_DEFINE_LOAD(16, be, WEIR_BE16)
WEIR_DEFINE_LOAD(32, be, WEIR_BE32)
WEIR_DEFINE_LOAD(64, be, WEIR_BE64)
WEIR_DEFINE_LOAD(16, le, WEIR_LE16)
WEIR_DEFINE_LOAD(32, le, WEIR_LE32)
WEIR_DEFINE_LOAD(64, le, WEIR_LE64)

/* Big-endian unsigned integer of 1 to 8 octets (reduced-size encoding, RFC 7011 section 6.2). */
static inline uint64_t weir_load_be(const uint8_t *octets, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | octets[i];
    return value;
}

/* The low `width` octets (1 to 8) of value, big-endian. */
static inline void weir_store_be(uint8_t *octets, unsigned width, uint64_t value)
{
    for (unsigned i = width; i > 0; i--, value >>= 8)
        octets[i - 1] = (uint8_t)value;
}

#endif
