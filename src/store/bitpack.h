/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing integers into exactly as many bits as they need, least significant first: what Parquet's
 * RLE hybrid and DELTA_BINARY_PACKED encodings are made of.
 *
 *     uint8_t *room = weir_octets_room(&page, weir_bitpack_octets(count, width) +
 * WEIR_BITPACK_SLACK); weir_bitpack_u16(ids, count, width, room);
 *
 * Both store whole words: up to WEIR_BITPACK_SLACK octets after the last are overwritten. Values
 * must fit the width. Pure; any thread may call.
 */
#ifndef WEIR_STORE_BITPACK_H
#define WEIR_STORE_BITPACK_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_BITPACK_SLACK 16u
#define WEIR_BITPACK_GROUP 8u  /* values that weir_bitpack_u16 takes at a time */
#define WEIR_BITPACK_MINI  32u /* values that weir_bitpack_mini takes */

/* Bits that `value` needs: 0 for 0, 64 for UINT64_MAX. */
static inline unsigned weir_bits(uint64_t value)
{
    return value ? 64u - (unsigned)__builtin_clzll(value) : 0;
}

/* Octets of `count` values, a multiple of 8, at `width` bits. */
static inline size_t weir_bitpack_octets(size_t count, unsigned width)
{
    return count / 8 * width;
}

/* `count` values, a multiple of WEIR_BITPACK_GROUP, of `width` 1 to 16 bits. */
void weir_bitpack_u16(const uint16_t *values, size_t count, unsigned width, uint8_t *octets);

/* WEIR_BITPACK_MINI values of `width` 0 to 64 bits: 4 * width octets. */
void weir_bitpack_mini(const uint64_t values[WEIR_BITPACK_MINI], unsigned width, uint8_t *octets);

#endif
