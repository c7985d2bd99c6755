/* SPDX-License-Identifier: Apache-2.0 */
#include "query/answer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "query/printer.h"
#include "record/text.h"

/* A row may be large (texts), what waits between rows is not. */
#define OUT_LIMIT (256u << 20)
#define OUT_FLUSH (64u << 10)

static const struct weir_printer_type *const types[WEIR_FORMAT_COUNT] = {
    [WEIR_FORMAT_TABLE] = &weir_printer_table, [WEIR_FORMAT_CSV] = &weir_printer_csv,
    [WEIR_FORMAT_JSON] = &weir_printer_json,   [WEIR_FORMAT_NDJSON] = &weir_printer_ndjson,
    [WEIR_FORMAT_CHART] = &weir_printer_chart,
};

bool weir_format_shows_others(enum weir_format format)
{
    return types[format]->shows_others;
}

int weir_printer_new(enum weir_format format, const struct weir_answer_column *columns,
                     size_t column_count, unsigned screen_width, const struct weir_text_sink *sink,
                     struct weir_printer **ret_printer, struct weir_diag *diag)
{
    struct weir_printer *printer = calloc(1, sizeof(*printer));
    if (!printer)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    printer->type = types[format];
    printer->columns = columns;
    printer->column_count = column_count;
    printer->screen_width = screen_width ? screen_width : 80;
    printer->sink = *sink;
    weir_text_init(&printer->out, OUT_LIMIT);
    *ret_printer = printer;
    return 0;
}

void weir_printer_free(struct weir_printer *printer)
{
    if (!printer)
        return;
    if (printer->type->free_state)
        printer->type->free_state(printer);
    weir_text_done(&printer->out);
    free(printer);
}

static int hand_on(struct weir_printer *printer, size_t unless_shorter, struct weir_diag *diag)
{
    int result = weir_text_error(&printer->out);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "an answer's row is too large");
    if (printer->out.length == 0 || printer->out.length < unless_shorter)
        return 0;
    result =
        printer->sink.write(printer->sink.context, printer->out.data, printer->out.length, diag);
    weir_text_clear(&printer->out);
    return result;
}

int weir_printer_row(struct weir_printer *printer, enum weir_row_role role,
                     const struct weir_cell *cells, struct weir_diag *diag)
{
    if (printer->rows == 0)
        printer->type->begin(printer);
    printer->type->row(printer, role, cells);
    printer->rows++;
    return hand_on(printer, OUT_FLUSH, diag);
}

int weir_printer_texts(struct weir_printer *printer, const char *const *texts,
                       struct weir_diag *diag)
{
    struct weir_cell cells[WEIR_PRINTER_TEXTS_MAX] = {0};
    assert(printer->column_count <= WEIR_PRINTER_TEXTS_MAX);
    for (size_t i = 0; i < printer->column_count; i++) {
        cells[i].is_none = !texts[i] || !*texts[i];
        cells[i].text = texts[i];
        cells[i].length = texts[i] ? strlen(texts[i]) : 0;
    }
    return weir_printer_row(printer, WEIR_ROW, cells, diag);
}

int weir_printer_flush(struct weir_printer *printer, struct weir_diag *diag)
{
    if (printer->rows > 0 && printer->type->flush)
        printer->type->flush(printer);
    return hand_on(printer, 0, diag);
}

int weir_printer_finish(struct weir_printer *printer, const struct weir_query_stats *stats,
                        struct weir_diag *diag)
{
    if (printer->rows == 0)
        printer->type->begin(printer);
    printer->type->finish(printer, stats);
    return hand_on(printer, 0, diag);
}

bool weir_column_is_number(const struct weir_answer_column *column)
{
    return column->kind == WEIR_ANSWER_INTEGER || column->kind == WEIR_ANSWER_DECIMAL ||
           column->kind == WEIR_ANSWER_REAL;
}

bool weir_column_is_named(const struct weir_answer_column *column)
{
    return column->kind == WEIR_ANSWER_INTEGER && column->is_key &&
           (column->names == WEIR_NAMES_PROTOCOL || column->names == WEIR_NAMES_END_REASON);
}

size_t weir_text_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static void print_integer(weir_int128 value, uint8_t scale, struct weir_text_buffer *out)
{
    /* Nearly all are; dividing 128 bits takes its time. */
    if (scale == 0 && value >= 0 && value <= UINT64_MAX) {
        weir_text_add_u64(out, (uint64_t)value);
        return;
    }
    char text[64];
    size_t at = sizeof(text);
    bool negative = value < 0;
    unsigned digits = 0;
    do {
        int digit = (int)(value % 10);
        text[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
        if (++digits == scale)
            text[--at] = '.';
    } while (value != 0 || digits <= scale);
    /* The loop has written a digit in front of the point, or there is no point. */
    if (negative)
        text[--at] = '-';
    weir_text_add_octets(out, text + at, sizeof(text) - at);
}

/* As few digits as give the same number back. */
static void print_real(double value, struct weir_text_buffer *out)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    weir_text_add(out, text);
}

static void print_time(const struct weir_zone *zone, weir_int128 ns, bool to_the_ms,
                       struct weir_text_buffer *out)
{
    char text[WEIR_TIME_TEXT_MAX];
    weir_int128 seconds = ns / 1000000000;
    int rest = (int)(ns - seconds * 1000000000);
    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    unsigned digits = to_the_ms || rest % 1000000 == 0 ? 3 : 9;
    size_t length = weir_time_format_in(zone, (int64_t)seconds, (uint32_t)rest, digits, text);
    weir_text_add_octets(out, text, length);
}

static void print_address(const struct weir_query_field *field, struct weir_address address,
                          struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_text_add_octets(out, text, weir_address_format(address, text));
    if (field->keep_v6 == WEIR_QUERY_FIELD_UNMASKED)
        return;
    if (!weir_address_is_v4(address))
        weir_text_printf(out, "/%u", field->keep_v6);
    else
        weir_text_printf(out, "/%u",
                         field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED ? 32 : field->keep_v4);
}

void weir_cell_print(const struct weir_answer_column *column, const struct weir_cell *cell,
                     struct weir_text_buffer *out)
{
    char text[WEIR_MAC_TEXT_MAX];
    if (cell->is_none)
        return;
    switch (column->kind) {
    case WEIR_ANSWER_INTEGER:
    case WEIR_ANSWER_DECIMAL:
    case WEIR_ANSWER_FLAGS:
        print_integer(cell->integer, cell->scale, out);
        break;
    case WEIR_ANSWER_REAL:
        print_real(cell->real, out);
        break;
    case WEIR_ANSWER_BOOL:
        weir_text_add(out, cell->integer ? "true" : "false");
        break;
    case WEIR_ANSWER_TEXT:
        weir_text_add_octets(out, cell->text, cell->length);
        break;
    case WEIR_ANSWER_ADDRESS:
        print_address(&column->field, cell->address, out);
        break;
    case WEIR_ANSWER_MAC:
        weir_text_add_octets(out, text, weir_mac_format((uint64_t)cell->integer, text));
        break;
    case WEIR_ANSWER_TIME:
    case WEIR_ANSWER_BIN:
        print_time(column->zone, cell->integer, false, out);
        break;
    }
}

void weir_print_magnitude(double value, struct weir_text_buffer *out)
{
    static const char units[] = " kMGTPEZY";
    double size = fabs(value);
    unsigned unit = 0;
    if (size < 9999.5 && value == floor(value)) {
        weir_text_printf(out, "%.0f", value);
        return;
    }
    if (size < 0.01) {
        weir_text_printf(out, "%.2g", value);
        return;
    }
    for (; size >= 999.5 && unit + 1 < sizeof(units) - 1; unit++)
        size /= 1000;
    int digits = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
    weir_text_printf(out, "%s%.*f", value < 0 ? "-" : "", digits, size);
    if (unit > 0)
        weir_text_printf(out, " %c", units[unit]);
}

/* Counters and what is made of them: a power of 1000 says more than their last digits. */
static bool is_amount(const struct weir_answer_column *column)
{
    return !column->is_key
               ? column->aggregate.field.type != WEIR_VALUE_TEXT
               : weir_query_field_is_counter(&column->field) || column->kind == WEIR_ANSWER_REAL;
}

static void print_real_for_people(const struct weir_answer_column *column, double value,
                                  struct weir_text_buffer *out)
{
    if (column->squares_add_up)
        weir_text_add(out, "± ");
    weir_print_magnitude(value, out);
}

void weir_cell_print_for_people(const struct weir_answer_column *column,
                                const struct weir_cell *cell, struct weir_text_buffer *out)
{
    char text[WEIR_FLAGS_TEXT_MAX];
    const char *name = NULL;
    if (cell->is_none) {
        weir_text_add_char(out, '-');
        return;
    }
    if (weir_column_is_named(column))
        name = weir_number_to_name(column->names, (uint16_t)cell->integer);
    if (name)
        weir_text_add(out, name);
    else if (column->kind == WEIR_ANSWER_FLAGS)
        weir_text_add_octets(out, text, weir_tcp_flags_format((uint16_t)cell->integer, text));
    else if (column->kind == WEIR_ANSWER_INTEGER && is_amount(column))
        weir_print_magnitude((double)cell->integer, out);
    else if (column->kind == WEIR_ANSWER_REAL)
        print_real_for_people(column, cell->real, out);
    else if (column->kind == WEIR_ANSWER_TIME)
        print_time(column->zone, cell->integer, true, out);
    else if (column->kind == WEIR_ANSWER_TEXT)
        weir_text_add_printable(out, cell->text, cell->length);
    else
        weir_cell_print(column, cell, out);
}

void weir_cell_print_json(const struct weir_answer_column *column, const struct weir_cell *cell,
                          struct weir_text_buffer *out)
{
    bool bare = weir_column_is_number(column) || column->kind == WEIR_ANSWER_BOOL ||
                column->kind == WEIR_ANSWER_FLAGS;
    if (cell->is_none || (column->kind == WEIR_ANSWER_REAL && !isfinite(cell->real))) {
        weir_text_add(out, "null");
    } else if (column->kind == WEIR_ANSWER_TEXT) {
        weir_text_add_json(out, cell->text, cell->length);
    } else {
        if (!bare)
            weir_text_add_char(out, '"');
        weir_cell_print(column, cell, out);
        if (!bare)
            weir_text_add_char(out, '"');
    }
}
