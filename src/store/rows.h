/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a row group while it fills: batches' columns, one after the other, without the
 * values that are none.
 *
 * What batches keep once a segment is kept once a segment here, too. A column's array exists only
 * when a row has had a value of it, and grows with the rows. It is filled when a second value
 * comes: columns that are the same in all rows, such as high words of IPv4, are read and not
 * copied.
 *
 *     struct weir_rows rows;
 *     weir_rows_init(&rows, 131072);
 *     taken = weir_rows_append(&rows, batch, first_row, row_count, &first_segment)
 *     ...
 *     weir_rows_clear(&rows);                       // keeps the memory for the next row group
 *
 * Memory: a row costs at most 212 octets of columns and 48 of segments, typically 80 to 110; text
 * at most WEIR_ROWS_TEXT_MAX octets, or one row's. 131,072 rows: 34 MB and 16 MB of text at most,
 * 13 MB typically. Threads: one owner.
 */
#ifndef WEIR_STORE_ROWS_H
#define WEIR_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/batch.h"
#include "store/octets.h"

#define WEIR_ROWS_TEXT_MAX (16u << 20)

/* Values of one column: of an ADDRESS in two arrays, of a TEXT lengths and octets. */
struct weir_rows_column {
    uint32_t count;    /* values, none not counted */
    uint32_t capacity; /* values that there is room for */
    bool is_constant;  /* all in `values` are as the first, and only that one is there */
    void *values;      /* high words of an ADDRESS; uint32_t lengths of a TEXT */
    uint64_t *low;     /* low words of an ADDRESS */
    struct weir_octets text;
};

struct weir_rows {
    uint32_t row_count;
    uint32_t row_max;
    weir_column_set text_columns;
    size_t text_length; /* of all of them */
    uint32_t segment_count;
    uint32_t segment_capacity;
    struct weir_segment *segments; /* first_row counts in these rows */
    struct weir_rows_column columns[WEIR_COLUMN_COUNT];
};

/* Octets of a value in `values`. */
unsigned weir_rows_width(enum weir_column column);

void weir_rows_init(struct weir_rows *rows, uint32_t row_max);
void weir_rows_done(struct weir_rows *rows);
void weir_rows_clear(struct weir_rows *rows);

/*
 * Appends up to `row_count` rows of `batch` from `first_row` on, which is a row of segment
 * *segment_index, as many as there is room for: at least one where the rows were empty. Text that
 * is not UTF-8 has its wrong octets replaced by '?'.
 * The number of rows taken, 0 where there is no room, or WEIR_E_NOMEM: the rows are then not what
 * they were, and are only to be cleared. On success *segment_index is that of the row after them.
 */
WEIR_CHECKED int weir_rows_append(struct weir_rows *rows, const struct weir_batch *batch,
                                  uint32_t first_row, uint32_t row_count, uint32_t *segment_index);

#endif
