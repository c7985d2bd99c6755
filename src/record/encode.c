/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan from columns to octets. */
#include <assert.h>
#include <string.h>

#include "record/compiled.h"

/* Text in a field of fixed length, padded with NUL. */
static uint64_t encode_text(const struct weir_plan_step *step, const struct weir_batch *batch,
                            uint32_t row, uint32_t count, size_t stride, uint8_t *octets)
{
    const struct weir_text *texts = weir_batch_texts(batch, (enum weir_column)step->column) + row;
    uint64_t cut = 0;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        size_t length = texts[i].length < step->width ? texts[i].length : step->width;
        cut += length < texts[i].length;
        memcpy(octets, batch->text + texts[i].offset, length);
        memset(octets + length, 0, step->width - length);
    }
    return cut;
}

/* One interval for all rows. */
static uint64_t encode_sampling(const struct weir_plan_step *step, uint32_t interval,
                                uint32_t count, size_t stride,
                                const struct weir_operation_times *times, uint8_t *octets)
{
    uint64_t clamped = 0;
    for (uint32_t i = 0; i < count; i++, octets += stride)
        clamped += step->operation->encode(octets, stride, 1, times, &interval, NULL);
    return clamped;
}

/* A column's values from a row on. */
static const void *values_of(const struct weir_batch *batch, const struct weir_plan_step *step,
                             uint32_t row)
{
    return (const uint8_t *)batch->columns[step->column] + (size_t)row * step->value_octets;
}

/* What `second` of an operation's encode means. */
static const void *second_of(const struct weir_batch *batch, const struct weir_plan_step *step,
                             weir_column_set columns, uint32_t row)
{
    if (step->is_address)
        return weir_batch_low(batch, (enum weir_column)step->column) + row;
    if (columns & WEIR_COLUMN_BIT(ICMP_CODE))
        return weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE) + row;
    return NULL;
}

/* Rows that all have the same columns. */
static uint64_t encode_run(const struct weir_plan *plan, const struct weir_batch *batch,
                           weir_column_set columns, uint32_t row, uint32_t count,
                           const struct weir_plan_context *context,
                           const struct weir_operation_times *times, uint8_t *octets)
{
    uint64_t clamped = 0;
    size_t stride = plan->record_length;
    if (plan->fills_no_octets || (plan->encoded & ~columns) != 0)
        memset(octets, 0, stride * count);
    for (uint16_t i = 0; i < plan->encode_step_count; i++) {
        const struct weir_plan_step *step = &plan->encode_steps[i];
        enum weir_column column = (enum weir_column)step->column;
        uint8_t *to = octets + step->offset;
        if (!(columns >> column & 1)) {
            if (column == WEIR_COLUMN_SAMPLING && context->sampling)
                clamped += encode_sampling(step, context->sampling, count, stride, times, to);
        } else if (!step->operation) {
            clamped += encode_text(step, batch, row, count, stride, to);
        } else if (step->has_next && columns >> step[1].column & 1) {
            clamped +=
                step->operation->encode_two(to, stride, count, times, values_of(batch, step, row),
                                            values_of(batch, step + 1, row));
            i++;
        } else {
            clamped +=
                step->operation->encode(to, stride, count, times, values_of(batch, step, row),
                                        second_of(batch, step, columns, row));
        }
    }
    return clamped;
}

/* The segment that a row is of. */
static uint32_t find_segment(const struct weir_batch *batch, uint32_t row)
{
    uint32_t low = 0, high = batch->segment_count - 1;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (batch->segments[middle].first_row <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

void weir_plan_encode(const struct weir_plan *plan, const struct weir_batch *batch,
                      uint32_t first_row, uint32_t row_count,
                      const struct weir_plan_context *context, uint8_t *octets,
                      uint64_t *ret_clamped)
{
    assert(plan->variable_count == 0);
    assert(first_row + row_count <= batch->row_count);
    struct weir_operation_times times = weir_plan_times(context);
    uint64_t clamped = 0;
    uint32_t row = first_row, end = first_row + row_count;
    uint32_t segment = row_count ? find_segment(batch, first_row) : 0;
    while (row < end) {
        weir_column_set columns = batch->segments[segment].columns;
        uint32_t run_end = row;
        /* Neighbours of other messages but the same columns go together. */
        while (run_end < end && batch->segments[segment].columns == columns) {
            run_end = batch->segments[segment].first_row + batch->segments[segment].row_count;
            segment++;
        }
        if (run_end > end)
            run_end = end;
        clamped += encode_run(plan, batch, columns, row, run_end - row, context, &times,
                              octets + (size_t)(row - first_row) * plan->record_length);
        row = run_end;
    }
    if (ret_clamped)
        *ret_clamped += clamped;
}
