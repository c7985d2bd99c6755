/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression of pages: none, LZ4 (Parquet's LZ4_RAW) or zstd at level 1, and the probe that says
 * whether a page gains from it.
 *
 *     if (weir_compress_estimate(compressor, page, length) < length * 9 / 10)
 *         weir_compress(compressor, page, length, &octets);
 *
 * Ownership: a compressor owns its working memory. Threads: one owner.
 */
#ifndef WEIR_STORE_COMPRESS_H
#define WEIR_STORE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/octets.h"

enum weir_codec {
    WEIR_CODEC_LZ4, /* the default: for files that are read soon */
    WEIR_CODEC_ZSTD,
    WEIR_CODEC_NONE,
};

struct weir_compressor;

/* 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_compressor_new(enum weir_codec codec,
                                     struct weir_compressor **ret_compressor);
void weir_compressor_free(struct weir_compressor *compressor);

/* Parquet's number of the codec. */
int32_t weir_codec_number(enum weir_codec codec);

/*
 * What `length` octets would about come to, from compressing 16 KB of them: what decides whether
 * to compress at all.
 */
size_t weir_compress_estimate(struct weir_compressor *compressor, const uint8_t *octets,
                              size_t length);

/* Appends the octets, compressed. Memory that cannot be had shows in ret_octets->failed. */
void weir_compress(struct weir_compressor *compressor, const uint8_t *octets, size_t length,
                   struct weir_octets *ret_octets);

#endif
