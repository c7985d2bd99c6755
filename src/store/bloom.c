/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bloom.h"

#include "base/dispatch.h"

#define BLOCK_OCTETS 32u
#define BITS_A_VALUE 8u
#define BLOCKS_MAX   (1u << 16)

/*
 * With 8 bits a value 64 % of the bits are set, and 0.64^8 = 2.8 % of other values seem to be
 * there. Of two blocks with 40 % set each, one has 1 - 0.6^2 = 64 %.
 */
#define HALVE_PERCENT 40u

/* BloomFilterHeader's fields, and the only choices its unions have. */
enum { HEADER_OCTETS = 1, HEADER_ALGORITHM = 2, HEADER_HASH = 3, HEADER_COMPRESSION = 4 };
enum { CHOICE_SPLIT_BLOCK = 1, CHOICE_XXHASH = 1, CHOICE_UNCOMPRESSED = 1 };

/*
 * A block as one vector of the compiler's: written as a loop over eight words it is not made one.
 * Alignment is only that of the octets it lies in.
 */
typedef uint32_t words __attribute__((vector_size(BLOCK_OCTETS), aligned(4), may_alias));

/* The specification's salts: each picks a bit of one word of the block. */
static const words salts = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                            0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
static const words ones = {1, 1, 1, 1, 1, 1, 1, 1};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the filter's words are little-endian");

void weir_bloom_begin(struct weir_octets *octets, uint32_t distinct)
{
    uint32_t blocks = 1;
    while (blocks < BLOCKS_MAX && (uint64_t)blocks * BLOCK_OCTETS * 8 / BITS_A_VALUE < distinct)
        blocks *= 2;
    weir_octets_clear(octets);
    uint8_t *room = weir_octets_reserve(octets, (size_t)blocks * BLOCK_OCTETS);
    if (room)
        memset(room, 0, (size_t)blocks * BLOCK_OCTETS);
}

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* xxHash64 of 8 octets with seed 0: what its general form comes to for that length. */
static inline uint64_t hash_u64(uint64_t value)
{
    const uint64_t p1 = UINT64_C(0x9e3779b185ebca87), p2 = UINT64_C(0xc2b2ae3d27d4eb4f),
                   p3 = UINT64_C(0x165667b19e3779f9), p4 = UINT64_C(0x85ebca77c2b2ae63),
                   p5 = UINT64_C(0x27d4eb2f165667c5);
    uint64_t hash = (p5 + sizeof(value)) ^ rotate(value * p2, 31) * p1;
    hash = rotate(hash, 27) * p1 + p4;
    hash = (hash ^ hash >> 33) * p2;
    hash = (hash ^ hash >> 29) * p3;
    return hash ^ hash >> 32;
}

WEIR_CLONES static void add_all(uint8_t *blocks, uint64_t block_count, const uint64_t *values,
                                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hash_u64(values[i]);
        words *block = (words *)(void *)blocks + ((hash >> 32) * block_count >> 32);
        *block |= ones << ((uint32_t)hash * salts >> 27);
    }
}

void weir_bloom_add(struct weir_octets *octets, const uint64_t *values, uint32_t count)
{
    if (!octets->failed)
        add_all(octets->data, octets->length / BLOCK_OCTETS, values, count);
}

WEIR_CLONES static uint64_t bits_set(const uint8_t *octets, size_t length)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i += 8)
        sum += (uint64_t)__builtin_popcountll(weir_load_le64(octets + i));
    return sum;
}

/* Block i of half as many holds what blocks 2i and 2i + 1 held: a block's number is a fraction. */
static void halve(struct weir_octets *octets)
{
    octets->length /= 2;
    for (size_t i = 0; i < octets->length / BLOCK_OCTETS; i++) {
        const uint8_t *pair = octets->data + 2 * i * BLOCK_OCTETS;
        for (size_t k = 0; k < BLOCK_OCTETS; k++)
            octets->data[i * BLOCK_OCTETS + k] = pair[k] | pair[k + BLOCK_OCTETS];
    }
}

void weir_bloom_end(struct weir_octets *octets)
{
    while (!octets->failed && octets->length > BLOCK_OCTETS &&
           bits_set(octets->data, octets->length) * 100 < octets->length * 8 * HALVE_PERCENT)
        halve(octets);
}

static void choose(struct weir_thrift *thrift, unsigned field, unsigned choice)
{
    weir_thrift_struct(thrift, field);
    weir_thrift_empty(thrift, choice);
    weir_thrift_end(thrift);
}

void weir_bloom_header(struct weir_octets *header, size_t size)
{
    struct weir_thrift thrift = weir_thrift_make(header);
    weir_thrift_i32(&thrift, HEADER_OCTETS, (int32_t)size);
    choose(&thrift, HEADER_ALGORITHM, CHOICE_SPLIT_BLOCK);
    choose(&thrift, HEADER_HASH, CHOICE_XXHASH);
    choose(&thrift, HEADER_COMPRESSION, CHOICE_UNCOMPRESSED);
    weir_thrift_end(&thrift);
}
