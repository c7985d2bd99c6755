/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of one column chunk as integers of some width, and the loops over them that the
 * encoders share. Columns stay in the width that batches have them in (record/column.h) until
 * they are encoded; Parquet has only INT32 and INT64.
 *
 *     struct weir_values values = {.data = ports, .count = 4000, .width = 2};
 *     struct weir_range range = weir_values_range(&values);
 *
 * Wider forms of a value are uint64_t: zero-extended, or the two's complement where is_signed.
 * Borrows the array. Pure; any thread may call.
 */
#ifndef WEIR_STORE_VALUES_H
#define WEIR_STORE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "store/octets.h"

struct weir_values {
    const void *data;
    uint32_t count;
    uint8_t width;  /* octets of a value in the array: 1, 2, 4 or 8 */
    bool is_signed; /* order of values; width 8 only */
};

struct weir_range {
    uint64_t min;
    uint64_t max; /* in the order of the values: max - min is how far they spread */
};

/* Octets of a value in Parquet: INT32 or INT64. */
static inline unsigned weir_values_plain_width(const struct weir_values *values)
{
    return values->width == 8 ? 8 : 4;
}

/* Of one value or more. */
struct weir_range weir_values_range(const struct weir_values *values);

/* `count` values from `first`, widened. */
void weir_values_load(const struct weir_values *values, uint32_t first, uint32_t count,
                      uint64_t *ret_values);

/* How many values differ from the one before them, of 16-bit dictionary indices. */
uint32_t weir_values_changes(const uint16_t *ids, uint32_t count);

/* The values as Parquet's PLAIN has them. */
void weir_values_plain(const struct weir_values *values, struct weir_octets *octets);

/*
 * The values as DELTA_BINARY_PACKED, blocks of 128 in miniblocks of 32. Worst case: about 2 % more
 * than PLAIN.
 */
void weir_values_delta(const struct weir_values *values, struct weir_octets *octets);

/*
 * About how many octets weir_values_delta gives, from blocks here and there: what decides whether
 * to build a dictionary.
 */
uint64_t weir_values_delta_estimate(const struct weir_values *values);

#endif
