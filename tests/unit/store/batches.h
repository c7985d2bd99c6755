/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random column batches with every column, type and pattern of missing values, and what each leaf
 * of a stored file must hold for them.
 *
 *     struct batches *all = batches_new(seed, 40, 500);
 *     struct leaf_value expected = batches_value(all, row, leaf);
 *
 * The same seed gives the same batches.
 */
#ifndef WEIR_TESTS_STORE_BATCHES_H
#define WEIR_TESTS_STORE_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/batch.h"
#include "store/schema.h"

struct leaf_value {
    bool is_none;
    uint64_t integer; /* two's complement of a TIME_MS */
    const char *text;
    size_t length;
};

struct batches {
    struct weir_batch **batch;
    size_t count;
    uint64_t row_count;
    uint64_t random;
    int64_t received_ns; /* of the first batch; later ones come after it */
};

/* `count` batches of up to `rows_max` rows. */
struct batches *batches_new(uint64_t seed, size_t count, uint32_t rows_max);
void batches_free(struct batches *all);

/* What leaf `leaf` of row `row`, counted over all batches, must be. */
struct leaf_value batches_value(const struct batches *all, uint64_t row, enum weir_leaf leaf);

/* Fails the running test unless `found` is what is expected there. */
void batches_check(const struct batches *all, uint64_t row, enum weir_leaf leaf,
                   struct leaf_value found);

uint64_t random_u64(uint64_t *state);

#endif
