/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/rows.h"

#include <string.h>

static bool has_column(const struct weir_segment *segment, enum weir_column column)
{
    return segment->columns >> column & 1;
}

static uint32_t *intervals_of(const struct weir_batch *batch, const struct weir_segment *segment)
{
    return weir_batch_u32(batch, WEIR_COLUMN_SAMPLING) + segment->first_row;
}

/* Gives all rows of a segment that lacks the column 0, which is none. */
static void add_column(const struct weir_batch *batch, struct weir_segment *segment)
{
    if (has_column(segment, WEIR_COLUMN_SAMPLING))
        return;
    segment->columns |= WEIR_COLUMN_BIT(SAMPLING);
    memset(intervals_of(batch, segment), 0, segment->row_count * sizeof(uint32_t));
}

static uint32_t count_zeros(const uint32_t *values, uint32_t count)
{
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < count; i++)
        zeros += values[i] == 0;
    return zeros;
}

/*
 * Fills what `count` rows from the segment's row `first` on lack; returns how many still do. Where
 * no row of the segment has an interval the column is none.
 */
static uint32_t fill(const struct weir_batch *batch, struct weir_segment *segment, uint32_t first,
                     uint32_t count, const struct weir_sampling *sampling)
{
    bool had_column = has_column(segment, WEIR_COLUMN_SAMPLING);
    if (sampling->count == 0)
        return had_column ? count_zeros(intervals_of(batch, segment) + first, count) : count;
    add_column(batch, segment);
    uint32_t unknown = weir_sampling_fill(sampling, batch, segment, first, count);
    if (!had_column && unknown == count &&
        count_zeros(intervals_of(batch, segment), first) == first)
        segment->columns &= ~WEIR_COLUMN_BIT(SAMPLING);
    return unknown;
}

static void override_all(const struct weir_batch *batch, struct weir_segment *segment,
                         uint32_t first, struct weir_fraction rate)
{
    add_column(batch, segment);
    for (uint32_t row = first; row < segment->row_count; row++)
        weir_sampling_set(batch, segment, row, rate);
}

static void check_times(const struct weir_batch *batch, const struct weir_segment *segment,
                        uint32_t row, uint32_t rows, int64_t export_ns,
                        struct weir_rows_count *count)
{
    bool has_start = has_column(segment, WEIR_COLUMN_START);
    bool has_end = has_column(segment, WEIR_COLUMN_END);
    const int64_t *starts = weir_batch_time(batch, WEIR_COLUMN_START) + row;
    const int64_t *ends = weir_batch_time(batch, WEIR_COLUMN_END) + row;
    const int64_t *last = has_end ? ends : starts;
    const uint64_t limit = (uint64_t)(export_ns + WEIR_ROWS_AFTER_NS);
    uint64_t after = 0, reversed = 0;
    /* The sign of a difference: comparisons of 64 bits are not for every vector unit. */
    for (uint32_t i = 0; (has_start || has_end) && i < rows; i++)
        after += (limit - (uint64_t)last[i]) >> 63;
    for (uint32_t i = 0; has_start && has_end && i < rows; i++)
        reversed += ((uint64_t)ends[i] - (uint64_t)starts[i]) >> 63;
    count->times_after_export += (uint32_t)after;
    count->times_reversed += (uint32_t)reversed;
}

/* A time of zero is none. */
static void shift_times(const struct weir_batch *batch, const struct weir_segment *segment,
                        uint32_t row, uint32_t rows, int64_t shift_ns)
{
    static const enum weir_column columns[] = {WEIR_COLUMN_START, WEIR_COLUMN_END};
    for (unsigned c = 0; c < 2; c++) {
        int64_t *times = weir_batch_time(batch, columns[c]) + row;
        if (!has_column(segment, columns[c]))
            continue;
        for (uint32_t i = 0; i < rows; i++)
            if (times[i] != 0 && __builtin_add_overflow(times[i], shift_ns, &times[i]))
                times[i] = shift_ns < 0 ? INT64_MIN : INT64_MAX;
    }
}

/* The segment's rows from `first` on. */
static void finish(const struct weir_batch *batch, struct weir_segment *segment, uint32_t first,
                   struct weir_exporter *exporter, const struct weir_rows_times *times,
                   struct weir_rows_count *count)
{
    uint32_t row = segment->first_row + first, rows = segment->row_count - first;
    if (has_column(segment, WEIR_COLUMN_SAMPLING) && intervals_of(batch, segment)[first] > 0)
        exporter->sampling.in_records = true;
    if (exporter->override.denominator > 0) {
        override_all(batch, segment, first, exporter->override);
        count->sampling_overridden += rows;
    } else {
        count->sampling_unknown += fill(batch, segment, first, rows, &exporter->sampling);
    }
    check_times(batch, segment, row, rows, times->export_ns, count);
    if (times->shift_ns)
        shift_times(batch, segment, row, rows, times->shift_ns);
}

struct weir_rows_count weir_rows_finish(struct weir_batch *batch, uint32_t rows,
                                        struct weir_exporter *exporter,
                                        const struct weir_rows_times *times)
{
    struct weir_rows_count count = {0};
    for (uint32_t i = batch->segment_count; rows > 0; i--) {
        struct weir_segment *segment = &batch->segments[i - 1];
        uint32_t taken = rows < segment->row_count ? rows : segment->row_count;
        finish(batch, segment, segment->row_count - taken, exporter, times, &count);
        rows -= taken;
    }
    return count;
}

uint32_t weir_rows_correct(struct weir_batch *batch, const struct weir_exporter *exporter)
{
    uint32_t corrected = 0;
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        struct weir_segment *segment = &batch->segments[i];
        if (!weir_address_equal(segment->exporter, exporter->key.address) ||
            segment->protocol_version != exporter->key.protocol)
            continue;
        uint32_t before = has_column(segment, WEIR_COLUMN_SAMPLING)
                              ? count_zeros(intervals_of(batch, segment), segment->row_count)
                              : segment->row_count;
        if (before > 0)
            corrected += before - fill(batch, segment, 0, segment->row_count, &exporter->sampling);
    }
    return corrected;
}

void weir_rows_complete(struct weir_batch *batch, struct weir_fraction fallback)
{
    for (uint32_t i = 0; fallback.denominator > 0 && i < batch->segment_count; i++) {
        struct weir_segment *segment = &batch->segments[i];
        add_column(batch, segment);
        const uint32_t *intervals = intervals_of(batch, segment);
        for (uint32_t row = 0; row < segment->row_count; row++)
            if (intervals[row] == 0)
                weir_sampling_set(batch, segment, row, fallback);
    }
    weir_batch_recount_columns(batch);
}
