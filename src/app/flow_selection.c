/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_selection.h"

#include <stdlib.h>
#include <string.h>

#include "app/flow_selector.h"

#define BILLION 1000000000u

/* What records say of their selection. */
#define SELECTION_COLUMNS                                                                          \
    (WEIR_COLUMN_BIT(SAMPLING) | WEIR_COLUMN_BIT(SAMPLING_SIZE) | WEIR_COLUMN_BIT(FLOW_SELECTOR) | \
     WEIR_COLUMN_BIT(FLOW_PROBABILITY))

/* Selected rows of batches that have the same extra fields. */
struct outlet {
    struct weir_batch *batch;
    struct weir_extra_fields extra;
    bool has_extra;
};

struct weir_flow_selection {
    struct weir_flow_decider deciders[WEIR_FLOW_SELECTORS_MAX];
    unsigned count;
    bool samples; /* one of them goes by chance */
    uint16_t algorithm;
    int64_t left_out_first_ns, left_out_last_ns;
    struct weir_batch_sink sinks[WEIR_FLOW_SELECTION_SINKS_MAX];
    unsigned sink_count;
    struct outlet outlets[WEIR_FLOW_SELECTION_KINDS];
    unsigned outlet_count;
    /* One a row of a batch, which may have `row_capacity` of them. */
    uint32_t row_capacity;
    struct weir_flow_row *rows;
    uint32_t *kept;
    bool *scratch;
};

/* ---- making it ---- */

int weir_flow_selection_new(const struct weir_flow_selection_config *config,
                            struct weir_flow_selection **ret_selection, struct weir_diag *diag)
{
    if (config->count > WEIR_FLOW_SELECTORS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "more than %u selectors of flows",
                             WEIR_FLOW_SELECTORS_MAX);
    struct weir_flow_selection *selection = calloc(1, sizeof(*selection));
    if (!selection)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to select flows");
    int result = 0;
    for (unsigned i = 0; i < config->count && result == 0; i++) {
        struct weir_flow_decider *decider = &selection->deciders[i];
        result = weir_flow_decider_init(decider, config->specs[i], config, i, diag);
        selection->count++;
        if (!weir_flow_decider_samples(decider))
            continue;
        selection->samples = true;
        selection->algorithm =
            weir_flow_selector_algorithm((enum weir_flow_selector_kind)decider->selector.kind);
    }
    if (result < 0) {
        weir_flow_selection_free(selection);
        return result;
    }
    *ret_selection = selection;
    return 0;
}

void weir_flow_selection_free(struct weir_flow_selection *selection)
{
    if (!selection)
        return;
    for (unsigned i = 0; i < selection->count; i++)
        weir_flow_decider_done(&selection->deciders[i]);
    for (unsigned i = 0; i < selection->outlet_count; i++)
        weir_batch_free(selection->outlets[i].batch);
    free(selection->rows);
    free(selection->kept);
    free(selection->scratch);
    free(selection);
}

int weir_flow_selection_add_sink(struct weir_flow_selection *selection,
                                 const struct weir_batch_sink *sink, struct weir_diag *diag)
{
    if (selection->sink_count == WEIR_FLOW_SELECTION_SINKS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "flows go to at most %u places",
                             WEIR_FLOW_SELECTION_SINKS_MAX);
    selection->sinks[selection->sink_count++] = *sink;
    return 0;
}

int weir_flow_selection_check(const struct weir_flow_selection *selection, weir_column_set columns,
                              const char *what, struct weir_diag *diag)
{
    char name[WEIR_QUERY_FIELD_NAME_MAX];
    enum weir_column column;
    /* Batches have it for all rows; `received`, too, but that by chance of who is in which. */
    columns |= WEIR_COLUMN_BIT(DOMAIN);
    for (unsigned i = 0; i < selection->count; i++) {
        const struct weir_flow_decider *decider = &selection->deciders[i];
        if (decider->filter && weir_row_filter_lacks(decider->filter, columns, name, &column))
            return weir_diag_set(diag, WEIR_E_USAGE, "'%.80s': '%s' is not known: %s have no %s",
                                 decider->selector.text, name, what,
                                 weir_column_info(column)->name);
    }
    return 0;
}

weir_column_set weir_flow_selection_columns(const struct weir_flow_selection *selection)
{
    return selection->samples ? SELECTION_COLUMNS : 0;
}

void weir_flow_selection_describe(const struct weir_flow_selection *selection,
                                  struct weir_flow_selection_description *ret_description)
{
    *ret_description = (struct weir_flow_selection_description){
        .left_out_first_ns = selection->left_out_first_ns,
        .left_out_last_ns = selection->left_out_last_ns,
        .count = selection->count,
    };
    for (unsigned i = 0; i < selection->count; i++)
        ret_description->selectors[i] = selection->deciders[i].selector;
}

/* ---- batches ---- */

static int make_room(struct weir_flow_selection *selection, uint32_t rows)
{
    if (rows <= selection->row_capacity)
        return 0;
    free(selection->rows);
    free(selection->kept);
    free(selection->scratch);
    selection->rows = calloc(rows, sizeof(*selection->rows));
    selection->kept = calloc(rows, sizeof(*selection->kept));
    selection->scratch = calloc(rows, sizeof(*selection->scratch));
    bool is_whole = selection->rows && selection->kept && selection->scratch;
    selection->row_capacity = is_whole ? rows : 0;
    return is_whole ? 0 : WEIR_E_NOMEM;
}

static bool is_outlet_for(const struct outlet *outlet, const struct weir_batch *batch)
{
    const struct weir_extra_fields *own = outlet->has_extra ? &outlet->extra : NULL;
    return outlet->batch->row_capacity >= batch->row_capacity &&
           weir_extra_equal(own, batch->extra);
}

static int make_outlet(struct outlet *outlet, const struct weir_batch *batch)
{
    outlet->batch = weir_batch_new(batch->row_capacity);
    outlet->has_extra = batch->extra != NULL;
    if (!outlet->batch || !batch->extra)
        return outlet->batch ? 0 : WEIR_E_NOMEM;
    outlet->extra = *batch->extra;
    int result = weir_batch_set_extra(outlet->batch, &outlet->extra);
    if (result < 0)
        weir_batch_free(outlet->batch);
    return result;
}

/* The one for rows of such a batch, with the texts of this one in it: rows' places stay right. */
static int open_outlet(struct weir_flow_selection *selection, const struct weir_batch *batch,
                       struct outlet **ret_outlet)
{
    struct outlet *outlet = selection->outlets;
    struct outlet *past = outlet + selection->outlet_count;
    struct weir_text whole;
    while (outlet < past && !is_outlet_for(outlet, batch))
        outlet++;
    if (outlet == past) {
        if (selection->outlet_count == WEIR_FLOW_SELECTION_KINDS)
            return WEIR_E_LIMIT;
        int result = make_outlet(outlet, batch);
        if (result < 0)
            return result;
        selection->outlet_count++;
    }
    *ret_outlet = outlet;
    return weir_batch_add_text(outlet->batch, batch->text, batch->text_length, &whole);
}

static void copy_values(void *to, const void *from, unsigned width, const uint32_t *rows,
                        uint32_t count)
{
    uint8_t *out = to;
    for (uint32_t i = 0; i < count; i++, out += width)
        memcpy(out, (const uint8_t *)from + (size_t)rows[i] * width, width);
}

/* Copies rows of one segment, whose columns `to` has from `row` on. */
static void copy_rows(struct weir_batch *to, uint32_t row, const struct weir_batch *from,
                      weir_column_set columns, const uint32_t *rows, uint32_t count)
{
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        enum weir_column column = (enum weir_column)i;
        enum weir_column_type type = weir_column_info(column)->type;
        unsigned width = type == WEIR_COLUMN_ADDRESS ? 8 : weir_column_width(type);
        if (!(columns >> i & 1))
            continue;
        copy_values((uint8_t *)to->columns[i] + (size_t)row * width, from->columns[i], width, rows,
                    count);
        if (type == WEIR_COLUMN_ADDRESS)
            copy_values(weir_batch_low(to, column) + row, weir_batch_low(from, column), width, rows,
                        count);
    }
    for (uint32_t i = 0; from->extra && i < count; i++) {
        memcpy(weir_batch_extra(to, row + i), weir_batch_extra(from, rows[i]),
               from->extra->row_octets);
        to->extra_absent[row + i] = from->extra_absent[rows[i]];
    }
}

static void write_selection(const struct weir_flow_selection *selection, struct weir_batch *to,
                            uint32_t row, const struct weir_segment *segment, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_flow_row *state =
            &selection->rows[selection->kept[i] - segment->first_row];
        weir_batch_u32(to, WEIR_COLUMN_SAMPLING)[row + i] = state->rate.denominator;
        weir_batch_u32(to, WEIR_COLUMN_SAMPLING_SIZE)[row + i] = state->rate.numerator;
        weir_batch_u16(to, WEIR_COLUMN_FLOW_SELECTOR)[row + i] = selection->algorithm;
        weir_batch_u32(to, WEIR_COLUMN_FLOW_PROBABILITY)[row + i] = (uint32_t)state->probability;
    }
}

/* What rows say of sampling before; where they say nothing it is all of it. */
static void begin_rows(struct weir_flow_selection *selection, const struct weir_batch *batch,
                       const struct weir_segment *segment)
{
    static const enum weir_column columns[] = {WEIR_COLUMN_SAMPLING, WEIR_COLUMN_SAMPLING_SIZE,
                                               WEIR_COLUMN_FLOW_PROBABILITY};
    static const uint32_t missing[] = {1, 1, BILLION};
    for (uint32_t i = 0; i < segment->row_count; i++) {
        uint32_t said[3];
        for (unsigned c = 0; c < 3; c++) {
            bool is_there = segment->columns >> columns[c] & 1;
            said[c] = is_there ? weir_batch_u32(batch, columns[c])[segment->first_row + i] : 0;
            said[c] = said[c] ? said[c] : missing[c];
        }
        uint32_t size = said[1] < said[0] ? said[1] : said[0];
        selection->rows[i] =
            (struct weir_flow_row){.kept = true, .probability = said[2], .rate = {size, said[0]}};
    }
}

static uint32_t select_rows(struct weir_flow_selection *selection, const struct weir_batch *batch,
                            const struct weir_segment *segment)
{
    uint32_t count = 0;
    begin_rows(selection, batch, segment);
    for (unsigned i = 0; i < selection->count; i++)
        weir_flow_decider_run(&selection->deciders[i], batch, segment, selection->rows,
                              selection->scratch);
    for (uint32_t i = 0; i < segment->row_count; i++)
        if (selection->rows[i].kept)
            selection->kept[count++] = segment->first_row + i;
    return count;
}

static void note_left_out(struct weir_flow_selection *selection, int64_t time_ns)
{
    if (selection->left_out_first_ns == 0)
        selection->left_out_first_ns = time_ns;
    selection->left_out_last_ns = time_ns;
}

static int hand_over(struct weir_flow_selection *selection, struct weir_batch *batch,
                     struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < selection->sink_count && batch->row_count > 0 && result == 0; i++)
        result = selection->sinks[i].batch(selection->sinks[i].context, batch, diag);
    weir_batch_clear(batch);
    return result;
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct weir_flow_selection *selection = context;
    struct outlet *outlet;
    int result = make_room(selection, batch->row_capacity);
    if (result == 0)
        result = open_outlet(selection, batch, &outlet);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "no room to select flows");
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        const struct weir_segment *segment = &batch->segments[i];
        uint32_t count = select_rows(selection, batch, segment);
        if (count < segment->row_count)
            note_left_out(selection, segment->received_ns);
        if (count == 0)
            continue;
        struct weir_segment made = *segment;
        made.columns |= weir_flow_selection_columns(selection);
        uint32_t row = weir_batch_begin(outlet->batch, &made, count);
        copy_rows(outlet->batch, row, batch, segment->columns, selection->kept, count);
        if (selection->samples)
            write_selection(selection, outlet->batch, row, segment, count);
    }
    return hand_over(selection, outlet->batch, diag);
}

static int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_flow_selection *selection = context;
    int first = 0;
    for (unsigned i = 0; i < selection->sink_count; i++) {
        const struct weir_batch_sink *sink = &selection->sinks[i];
        int result = sink->flush(sink->context, now_ns, first ? NULL : diag);
        first = first ? first : result;
    }
    return first;
}

struct weir_batch_sink weir_flow_selection_sink(struct weir_flow_selection *selection)
{
    return (struct weir_batch_sink){take_batch, take_flush, selection};
}
