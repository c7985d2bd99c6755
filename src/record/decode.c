/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan from octets to columns. */
#include <assert.h>
#include <string.h>

#include "record/compiled.h"

/*
 * Rows that are done at a time: few enough for their octets to stay in the first cache while each
 * column passes over them.
 */
#define RUN_ROWS       256u
#define SCRATCH_OCTETS 16384u

struct run {
    const uint8_t *octets; /* flat rows */
    size_t stride;
    uint32_t count;
    size_t consumed;           /* octets of the records */
    uint32_t starts[RUN_ROWS]; /* of each record */
    uint8_t scratch[SCRATCH_OCTETS];
};

static void take_fixed(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                       uint32_t room, struct run *run)
{
    assert(plan->record_length > 0);
    size_t count = length / plan->record_length;
    if (count > room)
        count = room;
    run->octets = octets;
    run->stride = plan->record_length;
    run->count = (uint32_t)count;
    run->consumed = count * plan->record_length;
    if (plan->columns & (WEIR_COLUMN_BIT(OTHER) | WEIR_COLUMN_BIT(APP)))
        for (uint32_t i = 0; i < run->count; i++)
            run->starts[i] = i * plan->record_length;
}

/* Copies what steps need of each record into rows of one length. */
static int take_variable(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                         uint32_t room, const struct weir_plan_context *context, struct run *run,
                         struct weir_diag *diag)
{
    uint32_t fitting = plan->flat_length ? SCRATCH_OCTETS / plan->flat_length : RUN_ROWS;
    room = room < fitting ? room : fitting;
    uint8_t *to = run->scratch;
    struct weir_row row;
    run->octets = run->scratch;
    run->stride = plan->flat_length;
    while (run->count < room && length - run->consumed >= plan->record_length) {
        const uint8_t *record = octets + run->consumed;
        if (!weir_plan_locate(plan, record, length - run->consumed, &row))
            return weir_diag_set_at(diag, WEIR_E_MALFORMED, context->offset + run->consumed,
                                    "a record of template %u passes the end of its set",
                                    plan->template_id);
        for (uint16_t i = 0; i < plan->span_count; i++) {
            const struct weir_plan_span *span = &plan->spans[i];
            memcpy(to, record + span->offset + row.shifts[span->variable_before], span->length);
            to += span->length;
        }
        run->starts[run->count++] = (uint32_t)run->consumed;
        run->consumed += row.length;
    }
    return 0;
}

/* Where a step's values begin, and the low words of an address or the codes of ICMP. */
static uint8_t *values_at(const struct weir_plan_step *step, const struct weir_batch *batch,
                          uint32_t row)
{
    return (uint8_t *)batch->columns[step->column] + (size_t)row * step->value_octets;
}

static uint8_t *second_at(const struct weir_plan_step *step, const struct weir_batch *batch,
                          uint32_t row)
{
    if (step->is_address)
        return (uint8_t *)(weir_batch_low(batch, (enum weir_column)step->column) + row);
    return weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE) + row;
}

static bool are_zero(const struct weir_plan_span spans[2], const uint8_t *record)
{
    return weir_all_zero(record + spans[0].offset, spans[0].length) &&
           weir_all_zero(record + spans[1].offset, spans[1].length);
}

/* Gives rows without a value of the winner's the alternate's. */
static void decode_alternate(const struct weir_plan_step *step, const struct run *run,
                             const struct weir_operation_times *times, uint8_t *values,
                             uint8_t *second)
{
    _Alignas(8) uint8_t own[RUN_ROWS * 8], own_second[RUN_ROWS * 8];
    size_t width = step->value_octets;
    size_t second_width = step->is_address ? 8 : 1;
    step->operation->decode(run->octets + step->offset, run->stride, run->count, times, own,
                            own_second);
    const uint8_t *record = run->octets;
    for (uint32_t i = 0; i < run->count; i++, record += run->stride) {
        if (!are_zero(step->winners, record) || are_zero(step->rivals, record))
            continue;
        memcpy(values + i * width, own + i * width, width);
        if (step->operation->has_second)
            memcpy(second + i * second_width, own_second + i * second_width, second_width);
    }
}

/*
 * Routers put an ICMP packet's type and code where the destination port of others is. The port
 * itself stays as it was sent.
 */
static void derive_icmp(const struct weir_batch *batch, uint32_t row, uint32_t count)
{
    const uint8_t *protocols = weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL) + row;
    const uint16_t *ports = weir_batch_u16(batch, WEIR_COLUMN_DST_PORT) + row;
    uint8_t *types = weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE) + row;
    uint8_t *codes = weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE) + row;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t mask = (protocols[i] == 1 || protocols[i] == 58) ? UINT16_MAX : 0;
        uint16_t port = ports[i] & mask;
        types[i] = (uint8_t)(port >> 8);
        codes[i] = (uint8_t)port;
    }
}

/* The interval of the message for records that have none of their own. */
static void fill_sampling(const struct weir_plan *plan, const struct weir_batch *batch,
                          uint32_t row, uint32_t count, uint32_t interval)
{
    uint32_t *values = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING) + row;
    if (interval == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        values[i] = plan->has_sampling && values[i] ? values[i] : interval;
}

static void decode_columns(const struct weir_plan *plan, const struct run *run,
                           const struct weir_operation_times *times, uint32_t sampling,
                           const struct weir_batch *batch, uint32_t row)
{
    for (uint16_t i = 0; i < plan->step_count; i++) {
        const struct weir_plan_step *step = &plan->steps[i];
        uint8_t *values = values_at(step, batch, row);
        uint8_t *second = second_at(step, batch, row);
        if (step->is_alternate)
            decode_alternate(step, run, times, values, second);
        else
            step->operation->decode(run->octets + step->offset, run->stride, run->count, times,
                                    values, second);
    }
    if (plan->derives_icmp)
        derive_icmp(batch, row, run->count);
    if (plan->derives_start)
        memcpy(weir_batch_time(batch, WEIR_COLUMN_START) + row,
               weir_batch_time(batch, WEIR_COLUMN_END) + row, run->count * sizeof(int64_t));
    fill_sampling(plan, batch, row, run->count, sampling);
}

/* Whether a row says that something happened, and counts nothing. */
static bool is_bare_event(const struct weir_batch *batch, weir_column_set columns, uint32_t row)
{
    static const enum weir_column events[] = {WEIR_COLUMN_NAT_EVENT, WEIR_COLUMN_FIREWALL_EVENT};
    static const enum weir_column counters[] = {WEIR_COLUMN_PACKETS, WEIR_COLUMN_BYTES,
                                                WEIR_COLUMN_REV_PACKETS, WEIR_COLUMN_REV_BYTES};
    uint64_t event = 0, counted = 0;
    for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (columns >> events[i] & 1)
            event |= weir_batch_u8(batch, events[i])[row];
    for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        if (columns >> counters[i] & 1)
            counted |= weir_batch_u64(batch, counters[i])[row];
    return event != 0 && counted == 0;
}

/* Adds rows whose columns are filled; events that count nothing have no counters. */
static void add_rows(const struct weir_plan *plan, struct weir_batch *batch,
                     const struct weir_segment *segment, uint32_t count)
{
    uint32_t first = batch->row_count;
    if (!plan->has_events && count > 0)
        (void)weir_batch_begin(batch, segment, count);
    if (!plan->has_events)
        return;
    for (uint32_t done = 0, end; done < count; done = end) {
        struct weir_segment part = *segment;
        bool is_bare = is_bare_event(batch, plan->columns, first + done);
        for (end = done + 1; end < count; end++)
            if (is_bare_event(batch, plan->columns, first + end) != is_bare)
                break;
        part.columns &= is_bare ? ~WEIR_COUNTERS : ~(weir_column_set)0;
        (void)weir_batch_begin(batch, &part, end - done);
    }
}

int weir_plan_decode(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                     const struct weir_plan_context *context, struct weir_batch *batch,
                     size_t *ret_consumed, uint32_t *ret_records, struct weir_diag *diag)
{
    const weir_column_set texts = WEIR_COLUMN_BIT(OTHER) | WEIR_COLUMN_BIT(APP);
    struct weir_operation_times times = weir_plan_times(context);
    struct weir_plan_context rest = *context;
    struct weir_segment segment = context->segment;
    segment.names_sequence = plan->names_sequence;
    segment.columns = plan->columns | (context->sampling ? WEIR_COLUMN_BIT(SAMPLING) : 0);
    size_t consumed = 0;
    uint32_t records = 0;
    int result = 0;
    if (plan->record_length == 0 && length > 0)
        result = weir_diag_set_at(diag, WEIR_E_MALFORMED, context->offset,
                                  "records of template %u have no octets", plan->template_id);
    while (result == 0 && length - consumed >= plan->record_length && length > consumed &&
           weir_batch_room(batch) > 0) {
        struct run run;
        run.count = 0;
        run.consumed = 0;
        uint32_t room = weir_batch_room(batch) < RUN_ROWS ? weir_batch_room(batch) : RUN_ROWS;
        rest.offset = context->offset + consumed;
        if (plan->variable_count)
            result =
                take_variable(plan, octets + consumed, length - consumed, room, &rest, &run, diag);
        else
            take_fixed(plan, octets + consumed, length - consumed, room, &run);
        if (run.count == 0)
            break;
        uint32_t row = batch->row_count;
        decode_columns(plan, &run, &times, context->sampling, batch, row);
        uint32_t done = run.count;
        if (plan->columns & texts) {
            int text = weir_plan_decode_text(plan, octets + consumed, length - consumed, run.starts,
                                             run.count, context, batch, row, &done);
            if (done < run.count) {
                add_rows(plan, batch, &segment, done);
                records += done;
                consumed += run.starts[done];
                /* The batch is full of text: as good as full of rows, unless it was empty. */
                result = text == WEIR_E_FULL && batch->row_count > 0 ? 0 : text;
                *ret_consumed = consumed;
                *ret_records = records;
                return result;
            }
        }
        add_rows(plan, batch, &segment, run.count);
        records += run.count;
        consumed += run.consumed;
    }
    if (result == 0 && length - consumed < plan->record_length)
        consumed = length; /* padding */
    *ret_consumed = consumed;
    *ret_records = records;
    return result;
}
