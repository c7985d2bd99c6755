/* SPDX-License-Identifier: Apache-2.0 */
#include "store/values.h"

#include <assert.h>

#include "base/dispatch.h"
#include "store/bitpack.h"

#define DELTA_BLOCK     128u
#define DELTA_MINIS     (DELTA_BLOCK / WEIR_BITPACK_MINI)
#define ESTIMATE_BLOCKS 16u

#define DEFINE_RANGE(suffix, type)                                                          \
    WEIR_CLONES static struct weir_range range_##suffix(const type *values, uint32_t count) \
    {                                                                                       \
        type min = values[0], max = values[0];                                              \
        for (uint32_t i = 1; i < count; i++) {                                              \
            min = values[i] < min ? values[i] : min;                                        \
            max = values[i] > max ? values[i] : max;                                        \
        }                                                                                   \
        return (struct weir_range){(uint64_t)min, (uint64_t)max};                           \
    }

DEFINE_RANGE(u8, uint8_t)
DEFINE_RANGE(u16, uint16_t)
DEFINE_RANGE(u32, uint32_t)

/*
 * Of 64 bits there are four vectors of the compiler's at a time, since a single minimum would have
 * to wait for the one before it: written as a loop over integers it becomes one.
 */
#define LANES   4u
#define VECTORS 4u
typedef int64_t lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

#define CHOOSE(mask, a, b) (((a) & (mask)) | ((b) & ~(mask)))

/* With the sign bit as `flip` values are in the order of unsigned ones. */
WEIR_CLONES static struct weir_range range_64(const uint64_t *values, uint32_t count, uint64_t flip)
{
    int64_t min = (int64_t)(values[0] ^ flip), max = min;
    lanes flips = {(int64_t)flip, (int64_t)flip, (int64_t)flip, (int64_t)flip};
    lanes first = {min, min, min, min};
    lanes least[] = {first, first, first, first}, greatest[] = {first, first, first, first};
    uint32_t i = 0;
    for (; i + VECTORS * LANES <= count; i += VECTORS * LANES) {
        const lanes *at = (const lanes *)(const void *)(values + i);
#pragma GCC unroll 4
        for (unsigned k = 0; k < VECTORS; k++) {
            lanes value = at[k] ^ flips;
            lanes is_less = value < least[k];
            lanes is_greater = value > greatest[k];
            least[k] = CHOOSE(is_less, value, least[k]);
            greatest[k] = CHOOSE(is_greater, value, greatest[k]);
        }
    }
    for (unsigned k = 0; k < VECTORS * LANES; k++) {
        min = least[k / LANES][k % LANES] < min ? least[k / LANES][k % LANES] : min;
        max = greatest[k / LANES][k % LANES] > max ? greatest[k / LANES][k % LANES] : max;
    }
    for (; i < count; i++) {
        int64_t value = (int64_t)(values[i] ^ flip);
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    return (struct weir_range){(uint64_t)min ^ flip, (uint64_t)max ^ flip};
}

#define DEFINE_WIDEN(suffix, type)                                                             \
    WEIR_CLONES static void widen_##suffix(const type *values, uint32_t count, uint64_t *wide) \
    {                                                                                          \
        for (uint32_t i = 0; i < count; i++)                                                   \
            wide[i] = values[i];                                                               \
    }

DEFINE_WIDEN(u8, uint8_t)
DEFINE_WIDEN(u16, uint16_t)
DEFINE_WIDEN(u32, uint32_t)

struct weir_range weir_values_range(const struct weir_values *values)
{
    switch (values->width) {
    case 1:
        return range_u8(values->data, values->count);
    case 2:
        return range_u16(values->data, values->count);
    case 4:
        return range_u32(values->data, values->count);
    default:
        return range_64(values->data, values->count, values->is_signed ? 0 : UINT64_C(1) << 63);
    }
}

void weir_values_load(const struct weir_values *values, uint32_t first, uint32_t count,
                      uint64_t *ret_values)
{
    switch (values->width) {
    case 1:
        widen_u8((const uint8_t *)values->data + first, count, ret_values);
        break;
    case 2:
        widen_u16((const uint16_t *)values->data + first, count, ret_values);
        break;
    case 4:
        widen_u32((const uint32_t *)values->data + first, count, ret_values);
        break;
    default:
        memcpy(ret_values, (const uint64_t *)values->data + first, count * sizeof(*ret_values));
    }
}

WEIR_CLONES static uint32_t changes(const uint16_t *ids, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 1; i < count; i++)
        sum += ids[i] != ids[i - 1];
    return sum;
}

uint32_t weir_values_changes(const uint16_t *ids, uint32_t count)
{
    return changes(ids, count);
}

void weir_values_plain(const struct weir_values *values, struct weir_octets *octets)
{
    size_t size = (size_t)values->count * weir_values_plain_width(values);
    uint8_t *room = weir_octets_reserve(octets, size);
    if (!room)
        return;
    switch (values->width) {
    case 1: {
        const uint8_t *data = values->data;
        for (uint32_t i = 0; i < values->count; i++)
            weir_store_le32(room + i * 4ul, data[i]);
        break;
    }
    case 2: {
        const uint16_t *data = values->data;
        for (uint32_t i = 0; i < values->count; i++)
            weir_store_le32(room + i * 4ul, data[i]);
        break;
    }
    case 4: {
        const uint32_t *data = values->data;
        for (uint32_t i = 0; i < values->count; i++)
            weir_store_le32(room + i * 4ul, data[i]);
        break;
    }
    default: {
        const uint64_t *data = values->data;
        for (uint32_t i = 0; i < values->count; i++)
            weir_store_le64(room + i * 8ul, data[i]);
    }
    }
}

struct delta_block {
    uint64_t deltas[DELTA_BLOCK]; /* less the smallest; 0 past the block's end */
    uint64_t bits[DELTA_MINIS];   /* all bits set in the deltas of each miniblock */
    uint64_t min;                 /* smallest delta, two's complement */
};

static inline __attribute__((always_inline)) uint64_t smallest(const uint64_t deltas[DELTA_BLOCK])
{
    const lanes *at = (const lanes *)(const void *)deltas;
    lanes least[] = {at[0], at[1], at[2], at[3]};
    for (at += VECTORS; at < (const lanes *)(const void *)(deltas + DELTA_BLOCK); at += VECTORS) {
#pragma GCC unroll 4
        for (unsigned i = 0; i < VECTORS; i++) {
            lanes is_less = at[i] < least[i];
            least[i] = CHOOSE(is_less, at[i], least[i]);
        }
    }
    int64_t min = (int64_t)deltas[0];
    for (unsigned i = 0; i < VECTORS * LANES; i++) {
        int64_t delta = least[i / LANES][i % LANES];
        min = delta < min ? delta : min;
    }
    return (uint64_t)min;
}

/*
 * From values, of which the first is the one before the block, to deltas, `count` of which are in
 * the block. Narrow ones wrap at 32 bits.
 */
WEIR_CLONES static void delta_block(const uint64_t values[DELTA_BLOCK + 1], uint32_t count,
                                    bool narrow, struct delta_block *block)
{
    uint64_t *deltas = block->deltas;
    for (uint32_t i = 0; i < DELTA_BLOCK; i++)
        deltas[i] = values[i + 1] - values[i];
    if (narrow)
        for (uint32_t i = 0; i < DELTA_BLOCK; i++)
            deltas[i] = (uint64_t)(int64_t)(int32_t)(uint32_t)deltas[i];
    for (uint32_t i = count; i < DELTA_BLOCK; i++)
        deltas[i] = deltas[0];
    uint64_t min = smallest(deltas);
    block->min = min;
    for (uint32_t i = count; i < DELTA_BLOCK; i++)
        deltas[i] = min;
    for (uint32_t mini = 0; mini < DELTA_MINIS; mini++, deltas += WEIR_BITPACK_MINI) {
        uint64_t bits = 0;
        for (uint32_t i = 0; i < WEIR_BITPACK_MINI; i++) {
            deltas[i] -= min;
            bits |= deltas[i];
        }
        block->bits[mini] = bits;
    }
}

/* Fills a block with the `count` values that follow the one at `before`. */
static void load_block(const struct weir_values *values, uint32_t before, uint32_t count,
                       struct delta_block *block)
{
    if (values->width == 8 && count == DELTA_BLOCK) {
        delta_block((const uint64_t *)values->data + before, count, false, block);
        return;
    }
    uint64_t wide[DELTA_BLOCK + 1];
    weir_values_load(values, before, count + 1, wide);
    for (uint32_t i = count + 1; i <= DELTA_BLOCK; i++)
        wide[i] = 0;
    delta_block(wide, count, values->width != 8, block);
}

static int64_t first_value(const struct weir_values *values)
{
    uint64_t value;
    weir_values_load(values, 0, 1, &value);
    return values->width == 8 ? (int64_t)value : (int32_t)(uint32_t)value;
}

void weir_values_delta(const struct weir_values *values, struct weir_octets *octets)
{
    weir_octets_varint(octets, DELTA_BLOCK);
    weir_octets_varint(octets, DELTA_MINIS);
    weir_octets_varint(octets, values->count);
    weir_octets_zigzag(octets, values->count ? first_value(values) : 0);

    struct delta_block block;
    for (uint32_t before = 0; before + 1 < values->count; before += DELTA_BLOCK) {
        uint32_t left = values->count - before - 1;
        uint32_t count = left < DELTA_BLOCK ? left : DELTA_BLOCK;
        load_block(values, before, count, &block);

        weir_octets_zigzag(octets, (int64_t)block.min);
        uint8_t *room =
            weir_octets_room(octets, DELTA_MINIS + DELTA_BLOCK * 8 + WEIR_BITPACK_SLACK);
        if (!room)
            return;
        uint8_t *packed = room + DELTA_MINIS;
        for (uint32_t mini = 0; mini < DELTA_MINIS; mini++) {
            unsigned width = weir_bits(block.bits[mini]);
            room[mini] = (uint8_t)width;
            weir_bitpack_mini(block.deltas + mini * WEIR_BITPACK_MINI, width, packed);
            packed += weir_bitpack_octets(WEIR_BITPACK_MINI, width);
        }
        octets->length = (size_t)(packed - octets->data);
    }
}

uint64_t weir_values_delta_estimate(const struct weir_values *values)
{
    if (values->count < 2)
        return 8;
    uint32_t block_count = (values->count - 1 + DELTA_BLOCK - 1) / DELTA_BLOCK;
    uint32_t taken = block_count < ESTIMATE_BLOCKS ? block_count : ESTIMATE_BLOCKS;
    uint64_t octets = 0;
    assert(taken > 0);
    struct delta_block block;
    for (uint32_t i = 0; i < taken; i++) {
        uint32_t before = (uint32_t)((uint64_t)block_count * i / taken) * DELTA_BLOCK;
        uint32_t left = values->count - before - 1;
        load_block(values, before, left < DELTA_BLOCK ? left : DELTA_BLOCK, &block);
        octets += DELTA_MINIS + 3;
        for (uint32_t mini = 0; mini < DELTA_MINIS; mini++)
            octets += weir_bitpack_octets(WEIR_BITPACK_MINI, weir_bits(block.bits[mini]));
    }
    return octets * block_count / taken;
}
