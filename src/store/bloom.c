/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bloom.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCK_OCTETS 32u
#define BLOCK_WORDS  8u
#define BITS_A_VALUE 8u
#define BLOCKS_MAX   (1u << 16)

/* BloomFilterHeader's fields, and the only choices its unions have. */
enum { HEADER_OCTETS = 1, HEADER_ALGORITHM = 2, HEADER_HASH = 3, HEADER_COMPRESSION = 4 };
enum { CHOICE_SPLIT_BLOCK = 1, CHOICE_XXHASH = 1, CHOICE_UNCOMPRESSED = 1 };

/* The specification's salts: each picks a bit of one word of the block. */
static const uint32_t salts[BLOCK_WORDS] = {
    0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
    0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u,
};

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

void weir_bloom_add(struct weir_octets *octets, uint64_t value)
{
    if (octets->failed)
        return;
    uint8_t plain[8];
    weir_store_le64(plain, value);
    uint64_t hash = XXH64(plain, sizeof(plain), 0);
    uint64_t blocks = octets->length / BLOCK_OCTETS;
    uint8_t *block = octets->data + ((hash >> 32) * blocks >> 32) * BLOCK_OCTETS;
    for (unsigned i = 0; i < BLOCK_WORDS; i++) {
        uint32_t bit = (uint32_t)hash * salts[i] >> 27;
        weir_store_le32(block + i * 4, weir_load_le32(block + i * 4) | UINT32_C(1) << bit);
    }
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
