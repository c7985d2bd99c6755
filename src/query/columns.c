/* SPDX-License-Identifier: Apache-2.0 */
#include "query/columns.h"

#include <stdio.h>
#include <string.h>

#include "query/field.h"

static const char *const type_names[] = {
    [WEIR_COLUMN_U8] = "unsigned8",   [WEIR_COLUMN_U16] = "unsigned16",
    [WEIR_COLUMN_U32] = "unsigned32", [WEIR_COLUMN_U64] = "unsigned64",
    [WEIR_COLUMN_TIME] = "time",      [WEIR_COLUMN_ADDRESS] = "address",
    [WEIR_COLUMN_MAC] = "macAddress", [WEIR_COLUMN_TEXT] = "text",
};

static const struct weir_answer_column columns[] = {
    {.name = "name", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "type", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "unit", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "element", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "help", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static int print_stored(struct weir_printer *printer, enum weir_column column,
                        struct weir_diag *diag)
{
    const struct weir_column_info *info = weir_column_info(column);
    const struct weir_element *element =
        info->element ? weir_element_find(info->pen, info->element) : NULL;
    char text[128] = "";
    if (element && info->pen)
        snprintf(text, sizeof(text), "%u/%u %s", info->pen, info->element, element->name);
    else if (element)
        snprintf(text, sizeof(text), "%u %s", info->element, element->name);
    /* Times are stored to the nanosecond, and shown as text. */
    const char *unit = info->type == WEIR_COLUMN_TIME ? "" : info->unit;
    return weir_printer_texts(
        printer, (const char *const[]){info->name, type_names[info->type], unit, text, info->help},
        diag);
}

static int print_flows(struct weir_printer *printer, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < WEIR_COLUMN_COUNT; i++)
        result = print_stored(printer, (enum weir_column)i, diag);
    for (unsigned i = 0; result == 0 && i < WEIR_COMPUTED_COUNT; i++) {
        const struct weir_computed_info *info = weir_computed_info((enum weir_computed)i);
        result = weir_printer_texts(
            printer, (const char *const[]){info->name, "computed", info->unit, "", info->help},
            diag);
    }
    return result;
}

static int print_table(struct weir_printer *printer, enum weir_table table, struct weir_diag *diag)
{
    static const char *const types[] = {
        [WEIR_TABLE_U8] = "unsigned8",    [WEIR_TABLE_U16] = "unsigned16",
        [WEIR_TABLE_U32] = "unsigned32",  [WEIR_TABLE_U64] = "unsigned64",
        [WEIR_TABLE_I64] = "signed64",    [WEIR_TABLE_TIME] = "time",
        [WEIR_TABLE_ADDRESS] = "address",
    };
    const struct weir_table_info *info = weir_table_info(table);
    int result = 0;
    for (unsigned i = 0; result == 0 && i < info->column_count; i++) {
        const struct weir_table_column *column = &info->columns[i];
        result = weir_printer_texts(printer,
                                    (const char *const[]){column->name, types[column->type],
                                                          column->unit, "", column->help},
                                    diag);
    }
    return result;
}

/* `table` WEIR_TABLE_COUNT: the columns of flows. */
static int print_columns(enum weir_table table, size_t count,
                         const struct weir_query_output *output, struct weir_diag *diag)
{
    struct weir_printer *printer;
    struct weir_query_stats stats = {.rows = count};
    int result = weir_printer_new(output->format, columns, COLUMN_COUNT, output->screen_width,
                                  &output->sink, &printer, diag);
    if (result < 0)
        return result;
    result =
        table == WEIR_TABLE_COUNT ? print_flows(printer, diag) : print_table(printer, table, diag);
    if (result == 0)
        result = weir_printer_finish(printer, &stats, diag);
    weir_printer_free(printer);
    return result;
}

int weir_query_columns(const struct weir_query_output *output, struct weir_diag *diag)
{
    return print_columns(WEIR_TABLE_COUNT, WEIR_COLUMN_COUNT + WEIR_COMPUTED_COUNT, output, diag);
}

int weir_query_table_columns(enum weir_table table, const struct weir_query_output *output,
                             struct weir_diag *diag)
{
    return print_columns(table, weir_table_info(table)->column_count, output, diag);
}
