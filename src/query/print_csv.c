/* SPDX-License-Identifier: Apache-2.0 */
#include "query/printer.h"

#include <string.h>

static void add_text(struct weir_text_buffer *out, const char *text, size_t length)
{
    bool quoted = length == 0;
    for (size_t i = 0; i < length && !quoted; i++)
        quoted = strchr(",\"\r\n", text[i]) != NULL;
    if (!quoted) {
        weir_text_add_octets(out, text, length);
        return;
    }
    weir_text_add_char(out, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            weir_text_add_char(out, '"');
        weir_text_add_char(out, text[i]);
    }
    weir_text_add_char(out, '"');
}

static void begin(struct weir_printer *printer)
{
    for (size_t i = 0; i < printer->column_count; i++) {
        if (i > 0)
            weir_text_add_char(&printer->out, ',');
        add_text(&printer->out, printer->columns[i].name, strlen(printer->columns[i].name));
    }
    weir_text_add_char(&printer->out, '\n');
}

static void row(struct weir_printer *printer, enum weir_row_role role,
                const struct weir_cell *cells)
{
    if (role != WEIR_ROW)
        return;
    for (size_t i = 0; i < printer->column_count; i++) {
        if (i > 0)
            weir_text_add_char(&printer->out, ',');
        if (printer->columns[i].kind == WEIR_ANSWER_TEXT && !cells[i].is_none)
            add_text(&printer->out, cells[i].text, cells[i].length);
        else
            weir_cell_print(&printer->columns[i], &cells[i], &printer->out);
    }
    weir_text_add_char(&printer->out, '\n');
}

static void finish(struct weir_printer *printer, const struct weir_query_stats *stats)
{
    (void)printer;
    (void)stats;
}

const struct weir_printer_type weir_printer_csv = {
    .name = "csv",
    .begin = begin,
    .row = row,
    .finish = finish,
};
