/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet's split-block Bloom filter: says of a value whether a column chunk may hold it.
 *
 *     weir_bloom_begin(&octets, distinct);
 *     weir_bloom_add(&octets, values, count);
 *     weir_bloom_end(&octets);
 *
 * At least 8 bits a distinct value, rounded up to a power of two: at most about 3 % of the chunks
 * that do not hold a value are read for it in vain. Values are hashed with xxHash64, seed 0,
 * as 8 octets, little-endian. Threads: one owner.
 */
#ifndef WEIR_STORE_BLOOM_H
#define WEIR_STORE_BLOOM_H

#include <stdint.h>

#include "store/octets.h"
#include "store/thrift.h"

/* Clears the octets and makes them an empty filter for up to `distinct` different values. */
void weir_bloom_begin(struct weir_octets *octets, uint32_t distinct);
void weir_bloom_add(struct weir_octets *octets, const uint64_t *values, uint32_t count);

/* Makes the filter as small as the values that came allow: some may have come often. */
void weir_bloom_end(struct weir_octets *octets);

/* The BloomFilterHeader that stands before a filter of `size` octets. */
void weir_bloom_header(struct weir_octets *header, size_t size);

#endif
