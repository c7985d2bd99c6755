/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet's hybrid of run-length and bit-packed runs: definition levels and dictionary indices.
 *
 *     struct weir_rle rle;
 *     weir_rle_begin(&rle, &page, 1);
 *     weir_rle_put(&rle, 1, 4000);                 // 4,000 times the value 1
 *     weir_rle_end(&rle);
 *
 * Values that come in runs are put as runs; a whole array without runs is packed at once by
 * weir_rle_packed. Memory that cannot be had shows in the octets' `failed`. Threads: one owner.
 */
#ifndef WEIR_STORE_RLE_H
#define WEIR_STORE_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "store/octets.h"

#define WEIR_RLE_PENDING_MAX \
    504u /* values of the longest bit-packed run with a header of 1 octet */

struct weir_rle {
    struct weir_octets *octets;
    unsigned width;
    unsigned pending_count;
    uint16_t pending[WEIR_RLE_PENDING_MAX + 8]; /* values waiting for a bit-packed run */
};

/* Values of `width` 1 to 16 bits. */
void weir_rle_begin(struct weir_rle *rle, struct weir_octets *octets, unsigned width);
void weir_rle_put(struct weir_rle *rle, uint16_t value, uint32_t count);
void weir_rle_end(struct weir_rle *rle);

/*
 * All of `values` as one bit-packed run. They are packed in groups of 8: the array must have room
 * for up to 7 more, which are set to zero.
 */
void weir_rle_packed(struct weir_octets *octets, uint16_t *values, uint32_t count, unsigned width);

#endif
