/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column chunk of integers, read back from its pages: what chunk.h writes, the other way round.
 *
 *     struct weir_pages *pages;
 *     weir_pages_new(&pages);
 *     struct weir_leaf_values values;
 *     if (weir_pages_read(pages, fd, &group->chunks[leaf], leaf, group->rows, &values, &diag) == 0)
 *         first = weir_leaf_value(&values, 0);
 *
 * It reads what weir writes: at most one dictionary page of 65,536 entries and one data page a
 * chunk; RLE_DICTIONARY, DELTA_BINARY_PACKED in blocks of 128, PLAIN; LZ4_RAW, zstd, none.
 * Anything else that Parquet may be is WEIR_E_UNSUPPORTED. No octet is believed.
 *
 * Ownership: values live in the pages until the next read or weir_pages_free. Memory: some 3 MB.
 * Threads: one owner.
 */
#ifndef WEIR_STORE_PAGES_H
#define WEIR_STORE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/footer_reader.h"

#define WEIR_PAGES_ROWS_MAX    131072u
#define WEIR_PAGES_ENTRIES_MAX 65536u /* of a dictionary */

/* One value a row, of UINT leaves zero-extended, of times two's complement; 0 where it is none. */
struct weir_leaf_values {
    uint32_t row_count;
    uint32_t entry_count;    /* 0: no dictionary, and rows have their values in `values` */
    const uint64_t *entries; /* the dictionary */
    const uint16_t *ids;     /* with a dictionary: each row's entry */
    const uint64_t *values;
    const uint8_t *has; /* 1 or 0 for each row: whether it has a value; NULL: all have */
};

static inline uint64_t weir_leaf_value(const struct weir_leaf_values *values, uint32_t row)
{
    return values->entry_count ? values->entries[values->ids[row]] : values->values[row];
}

struct weir_pages;

/* 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_pages_new(struct weir_pages **ret_pages);
void weir_pages_free(struct weir_pages *pages);

/*
 * The chunk of a row group of `rows` rows. 0; WEIR_E_UNSUPPORTED; WEIR_E_MALFORMED; WEIR_E_IO;
 * WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_pages_read(struct weir_pages *pages, int fd,
                                 const struct weir_footer_chunk *chunk, enum weir_leaf leaf,
                                 uint64_t rows, struct weir_leaf_values *ret_values,
                                 struct weir_diag *diag);

/* The same of `length` octets in memory, which need no slack. */
WEIR_CHECKED int weir_pages_decode(struct weir_pages *pages, const uint8_t *octets, size_t length,
                                   const struct weir_footer_chunk *chunk, enum weir_leaf leaf,
                                   uint64_t rows, struct weir_leaf_values *ret_values,
                                   struct weir_diag *diag);

#endif
