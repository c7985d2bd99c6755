/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sflow.h"

#include <stdlib.h>
#include <string.h>

#include "collect/sflow_record.h"

/* Some datagrams' worth of records; one of the greatest always fits. */
#define RUN_OCTETS ((size_t)256 << 10)
_Static_assert(RUN_OCTETS > WEIR_SFLOW_RECORD_OCTETS_MAX, "a run holds at least one record");

/* Few samples in a row are fragments of one datagram. */
#define FRAGMENT_ENTRIES 64u

/* A Template that samples had, and its plan. */
struct shape {
    const struct weir_sflow_blocks *kind;
    uint64_t present;
    struct weir_template *source;
    struct weir_plan *plan;
};

struct weir_sflow {
    struct weir_message *message;
    struct weir_sflow_builder record;
    bool is_pending; /* the record belongs to the next run */
    struct shape shapes[WEIR_SFLOW_SHAPES_MAX];
    uint32_t shape_count;
    uint32_t next_replaced;
    const struct shape *shape; /* of the run */
    struct weir_writer run;
    uint8_t octets[RUN_OCTETS];
    struct weir_sflow_skipped skipped[WEIR_SFLOW_SKIPPED_MAX];
    size_t skipped_count;
};

int weir_sflow_new(struct weir_sflow **ret_sflow)
{
    struct weir_parser_options options = {.fragment_entries = FRAGMENT_ENTRIES};
    struct weir_sflow *sflow = calloc(1, sizeof(*sflow));
    if (!sflow)
        return WEIR_E_NOMEM;
    int result = weir_parser_new(&options, &sflow->record.parser);
    if (result < 0) {
        free(sflow);
        return result;
    }
    *ret_sflow = sflow;
    return 0;
}

static void free_shape(struct shape *shape)
{
    weir_plan_free(shape->plan);
    free(shape->source);
}

void weir_sflow_free(struct weir_sflow *sflow)
{
    if (!sflow)
        return;
    for (uint32_t i = 0; i < sflow->shape_count; i++)
        free_shape(&sflow->shapes[i]);
    weir_parser_free(sflow->record.parser);
    free(sflow);
}

static int make_shape(const struct weir_sflow_builder *record, struct shape *ret_shape)
{
    struct weir_field fields[WEIR_SFLOW_BLOCKS_MAX * WEIR_SFLOW_BLOCK_FIELDS_MAX];
    uint16_t count = 0;
    for (unsigned i = 0; i < record->kind->count; i++) {
        const struct weir_sflow_block_fields *block = &record->kind->blocks[i];
        if (!weir_sflow_has(record, i))
            continue;
        memcpy(&fields[count], block->fields, block->count * sizeof(fields[0]));
        count = (uint16_t)(count + block->count);
    }
    struct shape shape = {.kind = record->kind, .present = record->present};
    shape.source = weir_template_new(record->kind->template_id, fields, count);
    if (!shape.source)
        return WEIR_E_NOMEM;
    shape.source->is_counters = record->kind->is_counters;
    int result = weir_plan_compile(shape.source, &shape.plan);
    if (result < 0) {
        free(shape.source);
        return result;
    }
    *ret_shape = shape;
    return 0;
}

static bool is_of_shape(const struct weir_sflow_builder *record, const struct shape *shape)
{
    return shape && shape->present == record->present && shape->kind == record->kind;
}

/* The shape of the record, made where it is new. */
static int find_shape(struct weir_sflow *sflow, const struct shape **ret_shape)
{
    for (uint32_t i = 0; i < sflow->shape_count; i++)
        if (is_of_shape(&sflow->record, &sflow->shapes[i])) {
            *ret_shape = &sflow->shapes[i];
            return 0;
        }
    struct shape made;
    int result = make_shape(&sflow->record, &made);
    if (result < 0)
        return result;
    uint32_t place = sflow->shape_count;
    if (place == WEIR_SFLOW_SHAPES_MAX) {
        place = sflow->next_replaced;
        sflow->next_replaced = (place + 1) % WEIR_SFLOW_SHAPES_MAX;
        free_shape(&sflow->shapes[place]);
    } else {
        sflow->shape_count++;
    }
    sflow->shapes[place] = made;
    *ret_shape = &sflow->shapes[place];
    return 0;
}

static size_t record_octets(const struct weir_sflow_builder *record)
{
    size_t octets = 0;
    for (unsigned i = 0; i < record->kind->count; i++)
        octets += weir_sflow_has(record, i) ? record->parts[i].length : 0;
    return octets;
}

static void append(struct weir_sflow *sflow)
{
    const struct weir_sflow_builder *record = &sflow->record;
    for (unsigned i = 0; i < record->kind->count; i++)
        if (weir_sflow_has(record, i))
            weir_write_octets(&sflow->run, record->parts[i].octets, record->parts[i].length);
    sflow->is_pending = false;
}

static void count_skipped(struct weir_sflow *sflow, enum weir_sflow_place place, uint32_t format,
                          struct weir_sflow_run *run)
{
    size_t i = 0;
    run->skipped++;
    while (i < sflow->skipped_count &&
           (sflow->skipped[i].place != place || sflow->skipped[i].format != format))
        i++;
    if (i == WEIR_SFLOW_SKIPPED_MAX)
        return;
    if (i == sflow->skipped_count)
        sflow->skipped[sflow->skipped_count++] = (struct weir_sflow_skipped){place, format, 0};
    sflow->skipped[i].count++;
}

/* Makes a record of the sample, which is then pending, unless it is no sample of ours. */
static void take_sample(struct weir_sflow *sflow, const struct weir_set *set,
                        struct weir_sflow_run *run)
{
    struct weir_sflow_builder *record = &sflow->record;
    struct weir_sflow_sample sample;
    int result = weir_sflow_sample_open(set, &sample, NULL);
    if (result == WEIR_E_UNSUPPORTED)
        count_skipped(sflow, WEIR_SFLOW_IN_DATAGRAM, set->format, run);
    run->is_malformed = run->is_malformed || result == WEIR_E_MALFORMED;
    if (result < 0)
        return;
    bool is_flow = sample.kind == WEIR_SFLOW_FLOW;
    record->kind = is_flow ? &weir_sflow_flow_blocks : &weir_sflow_counter_blocks;
    record->present = 0;
    record->out = weir_writer_make(record->scratch, sizeof(record->scratch));
    struct weir_sflow_record taken;
    while ((result = weir_sflow_record_next(&sample, &taken, NULL)) == 0) {
        result = is_flow ? weir_sflow_take_flow(record, &taken)
                         : weir_sflow_take_counters(record, &taken);
        if (result == WEIR_E_UNSUPPORTED)
            count_skipped(sflow, is_flow ? WEIR_SFLOW_IN_FLOW : WEIR_SFLOW_IN_COUNTERS,
                          taken.format, run);
        run->is_malformed = run->is_malformed || result == WEIR_E_MALFORMED;
    }
    run->is_malformed = run->is_malformed || result == WEIR_E_MALFORMED;
    if (is_flow)
        weir_sflow_finish_flow(record, &sample);
    else
        weir_sflow_finish_counters(record, &sample);
    sflow->is_pending = true;
}

/* Moves the pending record into the run: false where it begins another one. */
static bool join(struct weir_sflow *sflow)
{
    if (!is_of_shape(&sflow->record, sflow->shape) ||
        record_octets(&sflow->record) > weir_writer_room(&sflow->run))
        return false;
    append(sflow);
    return true;
}

static bool has_something(const struct weir_sflow_run *run)
{
    return run->length > 0 || run->skipped > 0 || run->unparsed > 0 || run->is_malformed;
}

void weir_sflow_begin(struct weir_sflow *sflow, struct weir_message *message, int64_t received_ns)
{
    sflow->message = message;
    sflow->record.received_ns = received_ns;
    sflow->is_pending = false;
}

/* Fills the run with records of one shape. 0, WEIR_E_END, WEIR_E_NOMEM. */
static int fill_run(struct weir_sflow *sflow, struct weir_sflow_run *run)
{
    sflow->run = weir_writer_make(sflow->octets, sizeof(sflow->octets));
    sflow->shape = NULL;
    while (true) {
        if (sflow->is_pending && !sflow->shape) {
            int result = find_shape(sflow, &sflow->shape);
            if (result < 0)
                return result;
        }
        if (sflow->is_pending && !join(sflow))
            return 0;
        struct weir_set set;
        if (weir_message_next(sflow->message, &set, NULL) < 0)
            return WEIR_E_END;
        take_sample(sflow, &set, run);
    }
}

int weir_sflow_next(struct weir_sflow *sflow, struct weir_sflow_run *ret_run)
{
    struct weir_sflow_run run = {0};
    sflow->record.unparsed = 0;
    int result = fill_run(sflow, &run);
    if (result < 0 && result != WEIR_E_END)
        return result;
    run.unparsed = sflow->record.unparsed;
    run.octets = sflow->octets;
    run.length = weir_writer_offset(&sflow->run);
    if (sflow->shape) {
        run.source = sflow->shape->source;
        run.plan = sflow->shape->plan;
    }
    if (!has_something(&run))
        return WEIR_E_END;
    *ret_run = run;
    return 0;
}

int weir_sflow_skipped(const struct weir_sflow *sflow, size_t index,
                       struct weir_sflow_skipped *ret_skipped)
{
    if (!sflow || index >= sflow->skipped_count)
        return WEIR_E_NOT_FOUND;
    *ret_skipped = sflow->skipped[index];
    return 0;
}
