/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bitpack.h"

#include "base/bytes.h"
#include "store/widths.h"

/* One function a width: with the width constant, the shifts are too, and no loop is left. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void pack_u16(const uint16_t *values, size_t count, unsigned width, uint8_t *octets)
{
    for (size_t i = 0; i < count; i += WEIR_BITPACK_GROUP) {
        uint64_t first = 0, second = 0;
        for (unsigned k = 0; k < 4; k++) {
            first |= (uint64_t)values[i + k] << k * width;
            second |= (uint64_t)values[i + 4 + k] << k * width;
        }
        if (width == 16) {
            weir_store_le64(octets, first);
            weir_store_le64(octets + 8, second);
        } else {
            weir_store_le64(octets, first | second << 4 * width);
            if (width > 8)
                weir_store_le64(octets + 8, second >> (64 - 4 * width));
        }
        octets += width;
    }
}

ALWAYS_INLINE void pack_mini(const uint64_t *values, unsigned width, uint8_t *octets)
{
    uint64_t word = 0;
    unsigned used = 0;
#pragma GCC unroll 32
    for (unsigned i = 0; i < WEIR_BITPACK_MINI; i++) {
        word |= values[i] << used;
        used += width;
        if (used >= 64) {
            weir_store_le64(octets, word);
            octets += 8;
            used -= 64;
            word = used ? values[i] >> (width - used) : 0;
        }
    }
    if (used)
        weir_store_le64(octets, word);
}

#define X(width)                                                                        \
    static void pack_u16_##width(const uint16_t *values, size_t count, uint8_t *octets) \
    {                                                                                   \
        pack_u16(values, count, width, octets);                                         \
    }
WIDTHS_16(X)
#undef X

#define X(width)                                                           \
    static void pack_mini_##width(const uint64_t *values, uint8_t *octets) \
    {                                                                      \
        pack_mini(values, width, octets);                                  \
    }
WIDTHS_64(X)
#undef X

static void (*const packers_u16[])(const uint16_t *values, size_t count, uint8_t *octets) = {
#define X(width) [width] = pack_u16_##width,
    WIDTHS_16(X)
#undef X
};

static void (*const packers_mini[])(const uint64_t *values, uint8_t *octets) = {
#define X(width) [width] = pack_mini_##width,
    WIDTHS_64(X)
#undef X
};

void weir_bitpack_u16(const uint16_t *values, size_t count, unsigned width, uint8_t *octets)
{
    packers_u16[width](values, count, octets);
}

void weir_bitpack_mini(const uint64_t values[WEIR_BITPACK_MINI], unsigned width, uint8_t *octets)
{
    if (width > 0)
        packers_mini[width](values, octets);
}
