/* SPDX-License-Identifier: Apache-2.0 */
#include "record/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TEXT_OCTETS 4096u

struct weir_batch *weir_batch_new(uint32_t row_capacity)
{
    assert(row_capacity >= 1 && row_capacity <= 65536);
    struct weir_batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    batch->row_capacity = row_capacity;
    batch->segments = malloc(row_capacity * sizeof(*batch->segments));
    batch->text = malloc(FIRST_TEXT_OCTETS);
    batch->text_capacity = FIRST_TEXT_OCTETS;
    bool complete = batch->segments && batch->text;
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        unsigned width = weir_column_width(weir_column_info((enum weir_column)i)->type);
        batch->columns[i] = malloc((size_t)row_capacity * width);
        complete = complete && batch->columns[i];
    }
    if (!complete) {
        weir_batch_free(batch);
        return NULL;
    }
    return batch;
}

void weir_batch_free(struct weir_batch *batch)
{
    if (!batch)
        return;
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++)
        free(batch->columns[i]);
    free(batch->segments);
    free(batch->text);
    free(batch->extra_octets);
    free(batch->extra_absent);
    free(batch);
}

bool weir_extra_equal(const struct weir_extra_fields *a, const struct weir_extra_fields *b)
{
    if (a == b || !a || !b)
        return a == b;
    bool equal = a->count == b->count && a->key_count == b->key_count;
    for (unsigned i = 0; equal && i < a->count; i++) {
        const struct weir_field *x = &a->fields[i].field, *y = &b->fields[i].field;
        /* The same rooms make the same offsets. */
        equal = x->pen == y->pen && x->id == y->id && x->length == y->length &&
                a->fields[i].room == b->fields[i].room;
    }
    return equal;
}

int weir_batch_set_extra(struct weir_batch *batch, const struct weir_extra_fields *extra)
{
    batch->extra_octets = malloc((size_t)batch->row_capacity * extra->row_octets + 1);
    batch->extra_absent = calloc(batch->row_capacity, sizeof(*batch->extra_absent));
    if (!batch->extra_octets || !batch->extra_absent)
        return WEIR_E_NOMEM;
    batch->extra = extra;
    return 0;
}

void weir_batch_clear(struct weir_batch *batch)
{
    batch->row_count = 0;
    batch->segment_count = 0;
    batch->text_length = 0;
    batch->any = 0;
    batch->all = 0;
}

static bool same_origin(const struct weir_segment *a, const struct weir_segment *b)
{
    return a->columns == b->columns && a->keys == b->keys && a->received_ns == b->received_ns &&
           weir_address_equal(a->exporter, b->exporter) && a->domain == b->domain &&
           a->source == b->source && a->template_id == b->template_id &&
           a->protocol_version == b->protocol_version && a->prefixes == b->prefixes &&
           a->has_exporter == b->has_exporter && a->names_sequence == b->names_sequence;
}

uint32_t weir_batch_begin(struct weir_batch *batch, const struct weir_segment *segment,
                          uint32_t row_count)
{
    assert(row_count >= 1 && row_count <= weir_batch_room(batch));
    uint32_t first_row = batch->row_count;
    batch->row_count += row_count;

    if (batch->segment_count > 0) {
        struct weir_segment *current = &batch->segments[batch->segment_count - 1];
        if (same_origin(current, segment)) {
            current->row_count += row_count;
            return first_row;
        }
    }
    batch->all = batch->segment_count ? batch->all & segment->columns : segment->columns;
    batch->any |= segment->columns;
    struct weir_segment *last = &batch->segments[batch->segment_count++];
    *last = *segment;
    last->first_row = first_row;
    last->row_count = row_count;
    return first_row;
}

void weir_batch_recount_columns(struct weir_batch *batch)
{
    batch->any = 0;
    batch->all = batch->segment_count ? ~(weir_column_set)0 : 0;
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        batch->any |= batch->segments[i].columns;
        batch->all &= batch->segments[i].columns;
    }
}

void weir_batch_take_back(struct weir_batch *batch, uint32_t row_count)
{
    assert(row_count <= batch->row_count);
    uint32_t segments = batch->segment_count;
    batch->row_count -= row_count;
    while (row_count > 0) {
        struct weir_segment *last = &batch->segments[batch->segment_count - 1];
        uint32_t taken = row_count < last->row_count ? row_count : last->row_count;
        last->row_count -= taken;
        row_count -= taken;
        if (last->row_count == 0)
            batch->segment_count--;
    }
    if (batch->segment_count == segments)
        return;
    weir_batch_recount_columns(batch);
}

int weir_batch_add_text(struct weir_batch *batch, const char *text, size_t length,
                        struct weir_text *ret_text)
{
    if (length > WEIR_BATCH_TEXT_MAX - batch->text_length)
        return WEIR_E_FULL;
    uint32_t needed = batch->text_length + (uint32_t)length;
    if (needed > batch->text_capacity) {
        uint32_t capacity = batch->text_capacity;
        while (capacity < needed)
            capacity *= 2;
        char *grown = realloc(batch->text, capacity);
        if (!grown)
            return WEIR_E_NOMEM;
        batch->text = grown;
        batch->text_capacity = capacity;
    }
    if (length)
        memcpy(batch->text + batch->text_length, text, length);
    *ret_text = (struct weir_text){batch->text_length, (uint32_t)length};
    batch->text_length = needed;
    return 0;
}
