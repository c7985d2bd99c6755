/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small Parquet reader written from the format's specification and not from the writer: it
 * checks every length, offset, count and statistic on the way and fails the running test where
 * one is wrong. Flat schemas of optional leaves, one data page a chunk.
 *
 *     struct parquet *file = parquet_open("/tmp/x.parquet");
 *     parquet_read(file, group, leaf, values);          // values[rows of the group]
 *     parquet_close(file);
 */
#ifndef WEIR_TESTS_STORE_PARQUET_READER_H
#define WEIR_TESTS_STORE_PARQUET_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batches.h"

#define PARQUET_LEAVES_MAX 128

struct parquet_chunk {
    uint8_t *text; /* of the values read last */
    int64_t type, codec, value_count, plain_octets, packed_octets;
    int64_t data_page, dictionary_page, bloom_offset, bloom_octets, null_count;
    bool has_min, has_max, min_exact, max_exact;
    const uint8_t *min, *max;
    size_t min_length, max_length;
    int64_t encodings[8];
    size_t encoding_count;
    char name[64];
    int64_t encoding; /* of the data page, once read */
    unsigned index_width;
};

struct parquet_group {
    int64_t rows, plain_octets, packed_octets, offset, ordinal;
    struct parquet_chunk chunks[PARQUET_LEAVES_MAX];
};

struct parquet_leaf {
    char name[64];
    int64_t type, repetition, converted;
    int64_t logical;      /* field of the union */
    int64_t bits, is_utc; /* of INTEGER; of TIMESTAMP in milliseconds */
    bool is_signed;
};

struct parquet {
    uint8_t *octets;
    size_t length;
    size_t footer_offset;
    int64_t version, rows;
    char creator[64], schema_version[16];
    size_t leaf_count, group_count, order_count;
    struct parquet_leaf leaves[PARQUET_LEAVES_MAX];
    struct parquet_group *groups;
};

struct parquet *parquet_open(const char *path);
void parquet_close(struct parquet *file);

/* Reads a chunk; texts live until it is read again or the file is closed. */
void parquet_read(struct parquet *file, size_t group, size_t leaf, struct leaf_value *ret_values);

/* Whether the chunk's Bloom filter says that it may hold the value; it must have one. */
bool parquet_bloom_has(const struct parquet *file, const struct parquet_chunk *chunk,
                       uint64_t value);

#endif
