/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bitunpack.h"

#include <string.h>

#include "base/bytes.h"
#include "store/widths.h"

/* One function a width, as in bitpack.c: shifts and offsets are constants. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE uint64_t ones(unsigned width)
{
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

ALWAYS_INLINE void unpack_u16(const uint8_t *octets, size_t count, unsigned width, uint16_t *values)
{
    for (size_t i = 0; i < count; i += WEIR_BITPACK_GROUP) {
#pragma GCC unroll 8
        for (unsigned k = 0; k < WEIR_BITPACK_GROUP; k++)
            values[i + k] =
                (uint16_t)(weir_load_le32(octets + k * width / 8) >> k * width % 8 & ones(width));
        octets += width;
    }
}

/* Unpacking and adding in one go: only the sum waits for the value before. */
ALWAYS_INLINE uint64_t unpack_sums(const uint8_t *octets, unsigned width, uint64_t value,
                                   uint64_t least, uint64_t mask, uint64_t *values)
{
#pragma GCC unroll 32
    for (unsigned i = 0; i < WEIR_BITPACK_MINI; i++) {
        unsigned shift = i * width % 8;
        uint64_t delta = weir_load_le64(octets + i * width / 8) >> shift;
        if (shift + width > 64)
            delta |= (uint64_t)octets[i * width / 8 + 8] << (64 - shift);
        value += least + (delta & ones(width));
        values[i] = value & mask;
    }
    return value;
}

#define X(width)                                                                          \
    static void unpack_u16_##width(const uint8_t *octets, size_t count, uint16_t *values) \
    {                                                                                     \
        unpack_u16(octets, count, width, values);                                         \
    }
WIDTHS_16(X)
#undef X

#define X(width)                                                                               \
    static uint64_t unpack_sums_##width(const uint8_t *octets, uint64_t value, uint64_t least, \
                                        uint64_t mask, uint64_t *values)                       \
    {                                                                                          \
        return unpack_sums(octets, width, value, least, mask, values);                         \
    }
WIDTHS_64(X)
#undef X

static void (*const unpackers_u16[])(const uint8_t *octets, size_t count, uint16_t *values) = {
#define X(width) [width] = unpack_u16_##width,
    WIDTHS_16(X)
#undef X
};

static uint64_t (*const unpackers_sums[])(const uint8_t *octets, uint64_t value, uint64_t least,
                                          uint64_t mask, uint64_t *values) = {
#define X(width) [width] = unpack_sums_##width,
    WIDTHS_64(X)
#undef X
};

void weir_bitunpack_u16(const uint8_t *octets, size_t count, unsigned width, uint16_t *ret_values)
{
    if (width == 0)
        memset(ret_values, 0, count * sizeof(*ret_values));
    else
        unpackers_u16[width](octets, count, ret_values);
}

uint64_t weir_bitunpack_sums(const uint8_t *octets, unsigned width, uint64_t value, uint64_t least,
                             uint64_t mask, uint64_t ret_values[WEIR_BITPACK_MINI])
{
    if (width > 0)
        return unpackers_sums[width](octets, value, least, mask, ret_values);
    for (unsigned i = 0; i < WEIR_BITPACK_MINI; i++)
        ret_values[i] = (value += least) & mask;
    return value;
}
