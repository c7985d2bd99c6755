/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#define TEXT_MAX 300

uint64_t random_u64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
    return random_u64(state) % limit;
}

/* How the values of a column of one batch come: each brings out other encodings. */
enum pattern { CONSTANT, FEW, SMALL, NARROW, WIDE, EXTREME, RISING, IN_RUNS, ZIPF, PATTERN_COUNT };

static uint64_t next_value(uint64_t *state, enum pattern pattern, uint64_t base, uint64_t last)
{
    static const uint64_t extremes[] = {
        0, 1, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, (uint64_t)INT64_MIN, UINT32_MAX, 0x80000000u};
    switch (pattern) {
    case CONSTANT:
        return base;
    case FEW:
        return base + below(state, 5) * 1000003;
    case SMALL:
        return base % 100 + below(state, 200);
    case NARROW:
        return base + below(state, 60000);
    case WIDE:
        return random_u64(state);
    case EXTREME:
        return extremes[below(state, sizeof(extremes) / sizeof(extremes[0]))];
    case RISING:
        return last + below(state, 1000000);
    case IN_RUNS:
        return below(state, 20) ? last : random_u64(state);
    default:
        return base + (random_u64(state) & random_u64(state) & random_u64(state) & 0xffffff);
    }
}

static size_t make_text(uint64_t *state, enum pattern pattern, char text[TEXT_MAX])
{
    static const char *const pieces[] = {
        "a",    "http",     "\xc3\xa9",     "\xe2\x82\xac", "\xf0\x9f\x90\x99",
        "\xff", "\xe2\x82", "\xed\xa0\x80", "\"",           "\\",
        " ",    "zz"};
    if (pattern == CONSTANT || pattern == SMALL)
        return (size_t)snprintf(text, TEXT_MAX, "app-%u", (unsigned)below(state, 1 + pattern * 9u));
    if (pattern == EXTREME && below(state, 2))
        return 0;
    size_t length = 0;
    for (uint64_t left = below(state, pattern == WIDE ? 60 : 8) + 1; left > 0; left--) {
        const char *piece = pieces[below(state, sizeof(pieces) / sizeof(pieces[0]))];
        while (*piece)
            text[length++] = *piece++;
    }
    return length;
}

static void fill_column(struct batches *all, struct weir_batch *batch, enum weir_column column,
                        const struct weir_segment *segment, uint32_t first)
{
    enum weir_column_type type = weir_column_info(column)->type;
    enum pattern pattern = (enum pattern)below(&all->random, PATTERN_COUNT);
    uint64_t base = random_u64(&all->random) >> below(&all->random, 64), value = base;
    for (uint32_t row = first; row < first + segment->row_count; row++) {
        value = next_value(&all->random, pattern, base, value);
        switch (type) {
        case WEIR_COLUMN_U8:
            weir_batch_u8(batch, column)[row] = (uint8_t)value;
            break;
        case WEIR_COLUMN_U16:
            weir_batch_u16(batch, column)[row] = (uint16_t)value;
            break;
        case WEIR_COLUMN_U32:
            weir_batch_u32(batch, column)[row] = (uint32_t)value;
            break;
        case WEIR_COLUMN_TIME:
            weir_batch_time(batch, column)[row] = (int64_t)value;
            break;
        case WEIR_COLUMN_ADDRESS:
            weir_batch_high(batch, column)[row] = pattern == SMALL ? 0 : value ^ base;
            weir_batch_low(batch, column)[row] = value;
            break;
        case WEIR_COLUMN_TEXT: {
            char text[TEXT_MAX];
            size_t length = make_text(&all->random, pattern, text);
            assert_int_equal(
                weir_batch_add_text(batch, text, length, &weir_batch_texts(batch, column)[row]), 0);
            break;
        }
        default:
            weir_batch_u64(batch, column)[row] = value;
        }
    }
}

static weir_column_set random_columns(uint64_t *state)
{
    weir_column_set every =
        (((weir_column_set)1 << WEIR_COLUMN_COUNT) - 1) & ~(WEIR_COLUMN_BIT(START) - 1);
    switch (below(state, 4)) {
    case 0:
        return every;
    case 1:
        return every & random_u64(state);
    case 2:
        return every & random_u64(state) & random_u64(state) & random_u64(state);
    default:
        return below(state, 10) ? every & ~WEIR_COLUMN_BIT(OTHER) : 0;
    }
}

static struct weir_batch *make_batch(struct batches *all, uint32_t rows_max)
{
    struct weir_batch *batch = weir_batch_new(rows_max);
    assert_non_null(batch);
    struct weir_segment segment = {0};
    uint32_t length_max = (uint32_t)below(&all->random, 3) ? rows_max : 3;
    while (weir_batch_room(batch) > 0 && below(&all->random, 200)) {
        if (below(&all->random, 3) == 0)
            segment.columns = random_columns(&all->random);
        if (below(&all->random, 4) == 0)
            segment.exporter =
                (struct weir_address){below(&all->random, 2) << 61, random_u64(&all->random)};
        segment.has_exporter = below(&all->random, 10) != 0;
        segment.domain = (uint32_t)below(&all->random, 2) * (uint32_t)random_u64(&all->random);
        segment.template_id = (uint16_t)below(&all->random, 70000);
        segment.protocol_version = below(&all->random, 2) ? 10 : 105;
        all->received_ns += (int64_t)below(&all->random, 3000000);
        segment.received_ns = all->received_ns;
        segment.row_count = (uint32_t)below(&all->random, length_max) + 1;
        if (segment.row_count > weir_batch_room(batch))
            segment.row_count = weir_batch_room(batch);
        uint32_t first = weir_batch_begin(batch, &segment, segment.row_count);
        for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++)
            if (segment.columns >> column & 1)
                fill_column(all, batch, (enum weir_column)column, &segment, first);
    }
    return batch;
}

struct batches *batches_new(uint64_t seed, size_t count, uint32_t rows_max)
{
    struct batches *all = calloc(1, sizeof(*all));
    assert_non_null(all);
    all->random = seed;
    all->received_ns = INT64_C(1770102000) * 1000000000 + 123456789;
    all->batch = calloc(count, sizeof(struct weir_batch *));
    assert_non_null(all->batch);
    for (; all->count < count; all->count++) {
        all->batch[all->count] = make_batch(all, rows_max);
        all->row_count += all->batch[all->count]->row_count;
    }
    return all;
}

void batches_free(struct batches *all)
{
    for (size_t i = 0; i < all->count; i++)
        weir_batch_free(all->batch[i]);
    free(all->batch);
    free(all);
}

static struct leaf_value split_time(int64_t time, enum weir_leaf_part part)
{
    int64_t past = (time % 1000000 + 1000000) % 1000000;
    /* Towards zero and exact: time - past itself may be out of range. */
    int64_t ms = time / 1000000 - (time % 1000000 < 0);
    return (struct leaf_value){.integer = (uint64_t)(part == WEIR_LEAF_MS ? ms : past)};
}

static struct leaf_value segment_value(const struct weir_segment *segment,
                                       const struct weir_leaf_info *leaf)
{
    struct leaf_value value = {0};
    switch ((unsigned)leaf->column) {
    case WEIR_COLUMN_RECEIVED:
        return split_time(segment->received_ns, leaf->part);
    case WEIR_COLUMN_EXPORTER:
        value.is_none = !segment->has_exporter;
        value.integer =
            leaf->part == WEIR_LEAF_HIGH ? segment->exporter.high : segment->exporter.low;
        break;
    case WEIR_COLUMN_DOMAIN:
        value.integer = segment->domain;
        break;
    case WEIR_COLUMN_PROTOCOL_VERSION:
        value.integer = segment->protocol_version;
        break;
    default:
        value.integer = segment->template_id;
    }
    return value;
}

static struct leaf_value row_value(const struct weir_batch *batch, uint32_t row,
                                   const struct weir_leaf_info *leaf)
{
    enum weir_column column = leaf->column;
    struct leaf_value value = {0};
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_U8:
        value.integer = weir_batch_u8(batch, column)[row];
        break;
    case WEIR_COLUMN_U16:
        value.integer = weir_batch_u16(batch, column)[row];
        break;
    case WEIR_COLUMN_U32:
        value.integer = weir_batch_u32(batch, column)[row];
        break;
    case WEIR_COLUMN_TIME:
        return split_time(weir_batch_time(batch, column)[row], leaf->part);
    case WEIR_COLUMN_ADDRESS:
        value.integer = leaf->part == WEIR_LEAF_HIGH ? weir_batch_high(batch, column)[row]
                                                     : weir_batch_low(batch, column)[row];
        break;
    case WEIR_COLUMN_TEXT:
        value.text = batch->text + weir_batch_texts(batch, column)[row].offset;
        value.length = weir_batch_texts(batch, column)[row].length;
        break;
    default:
        value.integer = weir_batch_u64(batch, column)[row];
    }
    return value;
}

struct leaf_value batches_value(const struct batches *all, uint64_t row, enum weir_leaf leaf)
{
    const struct weir_leaf_info *info = weir_leaf_info(leaf);
    size_t i = 0;
    while (row >= all->batch[i]->row_count)
        row -= all->batch[i++]->row_count;
    const struct weir_batch *batch = all->batch[i];
    const struct weir_segment *segment = batch->segments;
    while (row >= segment->first_row + segment->row_count)
        segment++;
    if (info->column < WEIR_COLUMN_FIRST_OF_ROW)
        return segment_value(segment, info);
    if (!(segment->columns >> info->column & 1))
        return (struct leaf_value){.is_none = true};
    return row_value(batch, (uint32_t)row, info);
}

/* Invalid octets of what was given may be '?' in what was stored; nothing else may differ. */
static bool same_text(struct leaf_value expected, struct leaf_value found)
{
    if (expected.length != found.length)
        return false;
    for (size_t i = 0; i < found.length; i++)
        if (found.text[i] != expected.text[i] &&
            !(found.text[i] == '?' && (uint8_t)expected.text[i] >= 0x80))
            return false;
    return true;
}

void batches_check(const struct batches *all, uint64_t row, enum weir_leaf leaf,
                   struct leaf_value found)
{
    struct leaf_value expected = batches_value(all, row, leaf);
    bool same = expected.is_none == found.is_none;
    if (same && !expected.is_none)
        same = weir_leaf_info(leaf)->type == WEIR_LEAF_STRING ? same_text(expected, found)
                                                              : expected.integer == found.integer;
    if (!same)
        fail_msg("row %llu, %s: found %s%llx '%.*s', expected %s%llx '%.*s'",
                 (unsigned long long)row, weir_leaf_info(leaf)->name, found.is_none ? "none " : "",
                 (unsigned long long)found.integer, (int)found.length, found.text ? found.text : "",
                 expected.is_none ? "none " : "", (unsigned long long)expected.integer,
                 (int)expected.length, expected.text ? expected.text : "");
}
