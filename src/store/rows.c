/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "store/utf8.h"

#define FIRST_VALUES   4096u
#define FIRST_SEGMENTS 256u

void weir_rows_init(struct weir_rows *rows, uint32_t row_max)
{
    *rows = (struct weir_rows){.row_max = row_max};
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++)
        if (weir_column_info((enum weir_column)i)->type == WEIR_COLUMN_TEXT)
            rows->text_columns |= (weir_column_set)1 << i;
}

void weir_rows_done(struct weir_rows *rows)
{
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++) {
        free(rows->columns[i].values);
        free(rows->columns[i].low);
        weir_octets_done(&rows->columns[i].text);
    }
    free(rows->segments);
    *rows = (struct weir_rows){0};
}

void weir_rows_clear(struct weir_rows *rows)
{
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++) {
        rows->columns[i].count = 0;
        weir_octets_clear(&rows->columns[i].text);
    }
    rows->row_count = 0;
    rows->segment_count = 0;
    rows->text_length = 0;
}

unsigned weir_rows_width(enum weir_column column)
{
    enum weir_column_type type = weir_column_info(column)->type;
    if (type == WEIR_COLUMN_ADDRESS)
        return 8;
    return type == WEIR_COLUMN_TEXT ? 4 : weir_column_width(type);
}

/* Room for `count` values more. */
static int reserve_values(const struct weir_rows *rows, struct weir_rows_column *column,
                          unsigned width, bool has_low, uint32_t count)
{
    uint32_t wanted = column->count + count;
    if (wanted <= column->capacity)
        return 0;
    uint32_t capacity = column->capacity ? column->capacity : FIRST_VALUES;
    while (capacity < wanted)
        capacity *= 2;
    /* Past half of the most that can come, all of it. */
    if (capacity > rows->row_max / 2)
        capacity = rows->row_max;
    void *values = realloc(column->values, (size_t)capacity * width);
    if (!values)
        return WEIR_E_NOMEM;
    column->values = values;
    if (has_low) {
        uint64_t *low = realloc(column->low, capacity * sizeof(*low));
        if (!low)
            return WEIR_E_NOMEM;
        column->low = low;
    }
    column->capacity = capacity;
    return 0;
}

static int append_texts(struct weir_rows *rows, struct weir_rows_column *column,
                        const struct weir_batch *batch, const struct weir_text *texts,
                        uint32_t count)
{
    uint32_t *lengths = (uint32_t *)column->values + column->count;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *room = weir_octets_reserve(&column->text, texts[i].length);
        if (!room)
            return WEIR_E_NOMEM;
        memcpy(room, batch->text + texts[i].offset, texts[i].length);
        weir_utf8_repair(room, texts[i].length);
        lengths[i] = texts[i].length;
        rows->text_length += texts[i].length;
    }
    column->count += count;
    return 0;
}

static bool all_are(const uint8_t *value, const uint8_t *values, uint32_t count, unsigned width)
{
    return memcmp(values, value, width) == 0 &&
           memcmp(values, values + width, (size_t)(count - 1) * width) == 0;
}

/* Gives a constant column all its values: twice as many at a time. */
static void fill(struct weir_rows_column *column, unsigned width)
{
    uint8_t *values = column->values;
    size_t size = (size_t)column->count * width;
    for (size_t done = width, piece; done < size; done += piece) {
        piece = done < size - done ? done : size - done;
        memcpy(values + done, values, piece);
    }
    column->is_constant = false;
}

/* Appends one or more to `values`, not to count. */
static void put_values(struct weir_rows_column *column, const uint8_t *values, uint32_t count,
                       unsigned width)
{
    if (column->count == 0) {
        memcpy(column->values, values, width);
        column->is_constant = true;
    }
    if (column->is_constant) {
        if (all_are(column->values, values, count, width))
            return;
        fill(column, width);
    }
    memcpy((uint8_t *)column->values + (size_t)column->count * width, values,
           (size_t)count * width);
}

/* Appends the values of rows that all have the column. */
static int append_values(struct weir_rows *rows, enum weir_column column_id,
                         const struct weir_batch *batch, uint32_t first_row, uint32_t count)
{
    if (count == 0)
        return 0;
    struct weir_rows_column *column = &rows->columns[column_id];
    enum weir_column_type type = weir_column_info(column_id)->type;
    unsigned width = weir_rows_width(column_id);
    int error = reserve_values(rows, column, width, type == WEIR_COLUMN_ADDRESS, count);
    if (error < 0)
        return error;
    if (type == WEIR_COLUMN_TEXT)
        return append_texts(rows, column, batch, weir_batch_texts(batch, column_id) + first_row,
                            count);
    put_values(column, (const uint8_t *)batch->columns[column_id] + (size_t)first_row * width,
               count, width);
    if (type == WEIR_COLUMN_ADDRESS)
        memcpy(column->low + column->count, weir_batch_low(batch, column_id) + first_row,
               count * sizeof(*column->low));
    column->count += count;
    return 0;
}

/* Rows first to end of a batch, which begin in segment `segment`. */
struct slice {
    const struct weir_batch *batch;
    uint32_t first;
    uint32_t end;
    uint32_t segment;
};

static uint32_t segment_end(const struct slice *slice, uint32_t segment)
{
    const struct weir_segment *at = &slice->batch->segments[segment];
    uint32_t end = at->first_row + at->row_count;
    return end < slice->end ? end : slice->end;
}

static int append_column(struct weir_rows *rows, enum weir_column column, const struct slice *slice)
{
    weir_column_set bit = (weir_column_set)1 << column;
    if (slice->batch->all & bit)
        return append_values(rows, column, slice->batch, slice->first, slice->end - slice->first);

    uint32_t run_first = slice->first; /* of rows that have it */
    uint32_t row = slice->first;
    for (uint32_t i = slice->segment; row < slice->end; i++) {
        uint32_t end = segment_end(slice, i);
        if (!(slice->batch->segments[i].columns & bit)) {
            int error = append_values(rows, column, slice->batch, run_first, row - run_first);
            if (error < 0)
                return error;
            run_first = end;
        }
        row = end;
    }
    return append_values(rows, column, slice->batch, run_first, row - run_first);
}

static bool same_but_rows(const struct weir_segment *a, const struct weir_segment *b)
{
    return a->columns == b->columns && a->received_ns == b->received_ns &&
           weir_address_equal(a->exporter, b->exporter) && a->domain == b->domain &&
           a->template_id == b->template_id && a->protocol_version == b->protocol_version &&
           a->has_exporter == b->has_exporter;
}

static struct weir_segment *add_segment(struct weir_rows *rows)
{
    if (rows->segment_count == rows->segment_capacity) {
        uint32_t capacity = rows->segment_capacity ? rows->segment_capacity * 2 : FIRST_SEGMENTS;
        struct weir_segment *grown = realloc(rows->segments, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        rows->segments = grown;
        rows->segment_capacity = capacity;
    }
    return &rows->segments[rows->segment_count++];
}

static int append_segments(struct weir_rows *rows, struct slice *slice)
{
    uint32_t row = slice->first;
    while (row < slice->end) {
        const struct weir_segment *from = &slice->batch->segments[slice->segment];
        uint32_t end = segment_end(slice, slice->segment);
        struct weir_segment *last =
            rows->segment_count ? &rows->segments[rows->segment_count - 1] : NULL;
        if (!last || !same_but_rows(last, from)) {
            last = add_segment(rows);
            if (!last)
                return WEIR_E_NOMEM;
            *last = *from;
            last->first_row = rows->row_count;
            last->row_count = 0;
        }
        last->row_count += end - row;
        rows->row_count += end - row;
        row = end;
        if (row == from->first_row + from->row_count)
            slice->segment++;
    }
    return 0;
}

/* Octets of text of one row. */
static size_t row_text(const struct weir_batch *batch, weir_column_set columns, uint32_t row)
{
    size_t text = 0;
    for (; columns; columns &= columns - 1) {
        enum weir_column column = (enum weir_column)(unsigned)__builtin_ctzll(columns);
        text += weir_batch_texts(batch, column)[row].length;
    }
    return text;
}

/* How many rows of the slice may come until there is too much text. */
static uint32_t rows_by_text(const struct weir_rows *rows, const struct slice *slice)
{
    size_t text = rows->text_length;
    uint32_t row = slice->first;
    for (uint32_t i = slice->segment; row < slice->end; i++) {
        weir_column_set columns = slice->batch->segments[i].columns & rows->text_columns;
        uint32_t end = segment_end(slice, i);
        for (; columns && row < end; row++) {
            text += row_text(slice->batch, columns, row);
            if (text > WEIR_ROWS_TEXT_MAX)
                return row - slice->first;
        }
        row = end;
    }
    return row - slice->first;
}

int weir_rows_append(struct weir_rows *rows, const struct weir_batch *batch, uint32_t first_row,
                     uint32_t row_count, uint32_t *segment_index)
{
    uint32_t room = rows->row_max - rows->row_count;
    uint32_t count = row_count < room ? row_count : room;
    struct slice slice = {batch, first_row, first_row + count, *segment_index};
    if (batch->any & rows->text_columns) {
        uint32_t by_text = rows_by_text(rows, &slice);
        /* One row's text always fits an empty row group: it is no more than a batch's. */
        count = by_text == 0 && rows->row_count == 0 && count > 0 ? 1 : by_text;
        slice.end = first_row + count;
    }
    if (count == 0)
        return 0;
    for (weir_column_set left = batch->any; left; left &= left - 1) {
        int error = append_column(rows, (enum weir_column)(unsigned)__builtin_ctzll(left), &slice);
        if (error < 0)
            return error;
    }
    int error = append_segments(rows, &slice);
    if (error < 0)
        return error;
    *segment_index = slice.segment;
    return (int)count;
}
