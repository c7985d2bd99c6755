/* SPDX-License-Identifier: Apache-2.0 */
#include "query/printer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Types as JSON's readers know them; times and addresses are strings of one form. */
static const char *const type_names[] = {
    [WEIR_ANSWER_INTEGER] = "integer", [WEIR_ANSWER_DECIMAL] = "number",
    [WEIR_ANSWER_REAL] = "number",     [WEIR_ANSWER_BOOL] = "boolean",
    [WEIR_ANSWER_TEXT] = "text",       [WEIR_ANSWER_ADDRESS] = "address",
    [WEIR_ANSWER_MAC] = "mac",         [WEIR_ANSWER_FLAGS] = "integer",
    [WEIR_ANSWER_TIME] = "time",       [WEIR_ANSWER_BIN] = "time",
};

/* Others and the total, which wait for the stats. */
struct state {
    struct weir_text_buffer waiting;
    uint64_t rows;
};

static void add_name(struct weir_text_buffer *out, const char *name)
{
    weir_text_add_json(out, name, strlen(name));
    weir_text_add_char(out, ':');
}

static void add_object(const struct weir_printer *printer, const struct weir_cell *cells, bool keys,
                       struct weir_text_buffer *out)
{
    const char *between = "{";
    for (size_t i = 0; i < printer->column_count; i++) {
        if (printer->columns[i].is_key && !keys)
            continue;
        weir_text_add(out, between);
        add_name(out, printer->columns[i].name);
        weir_cell_print_json(&printer->columns[i], &cells[i], out);
        between = ",";
    }
    weir_text_add(out, *between == '{' ? "{}" : "}");
}

static void begin(struct weir_printer *printer)
{
    struct weir_text_buffer *out = &printer->out;
    struct state *state = calloc(1, sizeof(*state));
    printer->state = state;
    if (!state) {
        out->error = WEIR_E_NOMEM;
        return;
    }
    weir_text_init(&state->waiting, 1u << 20);
    weir_text_add(out, "{\"columns\":[");
    for (size_t i = 0; i < printer->column_count; i++) {
        const struct weir_answer_column *column = &printer->columns[i];
        weir_text_add(out, i > 0 ? ",\n{" : "\n{");
        add_name(out, "name");
        weir_text_add_json(out, column->name, strlen(column->name));
        weir_text_printf(out, ",\"type\":\"%s\",\"unit\":\"%s\"}", type_names[column->kind],
                         column->unit);
    }
    weir_text_add(out, "],\n\"rows\":[");
}

static void row(struct weir_printer *printer, enum weir_row_role role,
                const struct weir_cell *cells)
{
    struct state *state = printer->state;
    if (!state)
        return;
    if (role == WEIR_ROW) {
        weir_text_add(&printer->out, state->rows++ > 0 ? ",\n" : "\n");
        add_object(printer, cells, true, &printer->out);
        return;
    }
    weir_text_add(&state->waiting, role == WEIR_ROW_OTHER ? ",\n\"other\":" : ",\n\"total\":");
    add_object(printer, cells, false, &state->waiting);
}

static void add_stats(const struct weir_query_stats *stats, struct weir_text_buffer *out)
{
    weir_text_printf(out,
                     ",\"files\":%" PRIu64 ",\"files_pruned\":%" PRIu64 ",\"octets\":%" PRIu64
                     ",\"scaled\":%s,\"flows_in_files\":%" PRIu64,
                     stats->files, stats->files_pruned, stats->octets,
                     stats->scaled ? "true" : "false", stats->flows);
    if (stats->sampling_known)
        weir_text_printf(out, ",\"sampling_unknown_in_files\":%" PRIu64, stats->sampling_unknown);
    weir_text_printf(out, ",\"elapsed_ms\":%" PRId64, stats->elapsed_ns / 1000000);
    for (unsigned i = 0; i < stats->error_count; i++)
        weir_text_printf(out, "%s\"%s\":%.3f", i == 0 ? ",\"errors\":{" : ",",
                         stats->errors[i].name, stats->errors[i].value);
    weir_text_add(out, stats->error_count > 0 ? "}" : "");
}

static void finish(struct weir_printer *printer, const struct weir_query_stats *stats)
{
    struct weir_text_buffer *out = &printer->out;
    struct state *state = printer->state;
    if (!state)
        return;
    weir_text_printf(out, "],\n\"stats\":{\"rows\":%" PRIu64, state->rows);
    if (stats)
        add_stats(stats, out);
    weir_text_add_octets(out, state->waiting.data, state->waiting.length);
    weir_text_add(out, "}}\n");
}

static void free_state(struct weir_printer *printer)
{
    struct state *state = printer->state;
    if (state)
        weir_text_done(&state->waiting);
    free(state);
}

const struct weir_printer_type weir_printer_json = {
    .name = "json",
    .shows_others = true,
    .begin = begin,
    .row = row,
    .finish = finish,
    .free_state = free_state,
};

static void begin_lines(struct weir_printer *printer)
{
    (void)printer;
}

static void line(struct weir_printer *printer, enum weir_row_role role,
                 const struct weir_cell *cells)
{
    if (role != WEIR_ROW)
        return;
    add_object(printer, cells, true, &printer->out);
    weir_text_add_char(&printer->out, '\n');
}

static void finish_lines(struct weir_printer *printer, const struct weir_query_stats *stats)
{
    (void)printer;
    (void)stats;
}

const struct weir_printer_type weir_printer_ndjson = {
    .name = "ndjson",
    .begin = begin_lines,
    .row = line,
    .finish = finish_lines,
};
