/* SPDX-License-Identifier: Apache-2.0 */
#include "query/printer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rows that are looked at before the first is printed: they set the widths. */
#define TABLE_ROWS 2000u

struct state {
    struct weir_text_buffer texts; /* cells that wait, one after the other */
    size_t *ends;                  /* of each cell, in texts */
    size_t cell_count;
    size_t *widths;
    bool begun; /* the header is printed, and nothing waits any more */
};

static void pad(struct weir_text_buffer *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        weir_text_add_char(out, ' ');
}

static void print_text(const struct weir_printer *printer, size_t column, const char *text,
                       size_t length, struct weir_text_buffer *out)
{
    const struct state *state = printer->state;
    size_t width = weir_text_width(text, length);
    size_t room = state->widths[column] > width ? state->widths[column] - width : 0;
    bool right = weir_column_is_number(&printer->columns[column]) &&
                 !weir_column_is_named(&printer->columns[column]);
    bool last = column + 1 == printer->column_count;
    if (column > 0)
        weir_text_add(out, "  ");
    if (right)
        pad(out, room);
    weir_text_add_octets(out, text, length);
    if (!right && !last)
        pad(out, room);
    if (!last)
        return;
    /* What is empty at the end of a line leaves no spaces there. */
    size_t end = out->length;
    while (end > 0 && out->data[end - 1] == ' ')
        end--;
    if (weir_text_error(out) == 0)
        weir_text_truncate(out, end);
    weir_text_add_char(out, '\n');
}

static void print_waiting(struct weir_printer *printer)
{
    struct state *state = printer->state;
    if (state->begun)
        return;
    state->begun = true;
    size_t at = 0;
    assert(printer->column_count > 0 || state->cell_count == 0);
    for (size_t i = 0; i < printer->column_count; i++)
        print_text(printer, i, printer->columns[i].name, strlen(printer->columns[i].name),
                   &printer->out);
    for (size_t i = 0; i < state->cell_count; i++) {
        print_text(printer, i % printer->column_count, state->texts.data + at, state->ends[i] - at,
                   &printer->out);
        at = state->ends[i];
    }
    weir_text_done(&state->texts);
    weir_text_init(&state->texts, 1u << 20);
}

static void begin(struct weir_printer *printer)
{
    struct state *state = calloc(1, sizeof(*state));
    printer->state = state;
    if (state) {
        state->ends = calloc(TABLE_ROWS * printer->column_count + 1, sizeof(*state->ends));
        state->widths = calloc(printer->column_count + 1, sizeof(*state->widths));
        weir_text_init(&state->texts, 64u << 20);
    }
    if (!state || !state->ends || !state->widths) {
        printer->out.error = WEIR_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < printer->column_count; i++)
        state->widths[i] =
            weir_text_width(printer->columns[i].name, strlen(printer->columns[i].name));
}

/* A cell; in the rows of others and totals the first key without a value says what they are. */
static void print_cell(const struct weir_printer *printer, size_t column,
                       const struct weir_cell *cell, const char **label,
                       struct weir_text_buffer *out)
{
    if (!printer->columns[column].is_key || !cell->is_none || !label) {
        weir_cell_print_for_people(&printer->columns[column], cell, out);
    } else if (*label) {
        weir_text_add(out, *label);
        *label = NULL;
    }
}

static void row(struct weir_printer *printer, enum weir_row_role role,
                const struct weir_cell *cells)
{
    static const char *const labels[] = {
        [WEIR_ROW_OTHER] = "other",
        [WEIR_ROW_TOTAL] = "total",
    };
    struct state *state = printer->state;
    const char *label = role == WEIR_ROW ? NULL : labels[role];
    if (weir_text_error(&printer->out))
        return;
    for (size_t i = 0; i < printer->column_count; i++) {
        struct weir_text_buffer *texts = &state->texts;
        size_t start = texts->length;
        print_cell(printer, i, &cells[i], role == WEIR_ROW ? NULL : &label, texts);
        size_t length = texts->length - start;
        size_t width = length ? weir_text_width(texts->data + start, length) : 0;
        if (width > state->widths[i])
            state->widths[i] = width;
        if (state->begun) {
            print_text(printer, i, texts->data + start, length, &printer->out);
            weir_text_truncate(texts, start);
            continue;
        }
        state->ends[state->cell_count++] = texts->length;
    }
    if (!state->begun && state->cell_count == TABLE_ROWS * printer->column_count)
        print_waiting(printer);
}

static void flush(struct weir_printer *printer)
{
    if (!weir_text_error(&printer->out))
        print_waiting(printer);
}

static void finish(struct weir_printer *printer, const struct weir_query_stats *stats)
{
    (void)stats;
    flush(printer);
}

static void free_state(struct weir_printer *printer)
{
    struct state *state = printer->state;
    if (!state)
        return;
    weir_text_done(&state->texts);
    free(state->ends);
    free(state->widths);
    free(state);
}

const struct weir_printer_type weir_printer_table = {
    .name = "table",
    .shows_others = true,
    .begin = begin,
    .row = row,
    .flush = flush,
    .finish = finish,
    .free_state = free_state,
};
