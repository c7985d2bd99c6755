/* SPDX-License-Identifier: Apache-2.0 */
#include "app/flow_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/output.h"
#include "ie/element.h"
#include "meter/match.h"
#include "meter/property.h"

static const struct weir_answer_column columns[] = {
    {.name = "name", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "use", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "group", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "element", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "unit", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "help", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static bool is_matched(const char *name)
{
    const char *at, *help;
    for (size_t i = 0; (at = weir_match_name(i, &help)) != NULL; i++)
        if (strcmp(at, name) == 0)
            return true;
    return false;
}

static void print_use(const struct weir_flow_property *property, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s%s", property->key_octets ? "key" : "",
             property->key_octets && property->is_field ? ", " : "",
             property->is_biflows ? "biflow " : "", property->is_field ? "field" : "",
             is_matched(property->name) ? ", match" : "");
}

static int print_property(struct weir_printer *printer, const struct weir_flow_property *property,
                          struct weir_diag *diag)
{
    bool has_column = property->column < WEIR_COLUMN_COUNT;
    const struct weir_column_info *info =
        has_column ? weir_column_info((enum weir_column)property->column) : NULL;
    uint32_t pen = has_column ? info->pen : property->element.pen;
    uint16_t id = has_column ? info->element : property->element.id;
    const struct weir_element *found = id ? weir_element_find(pen, id) : NULL;
    char use[64], element[128] = "", help[256];
    if (found && pen)
        snprintf(element, sizeof(element), "%u/%u %s", pen, id, found->name);
    else if (found)
        snprintf(element, sizeof(element), "%u %s", id, found->name);
    print_use(property, use, sizeof(use));
    /* A field and its reverse share a line of help; names without a field of their own do not. */
    bool is_shared = property->is_reverse && !has_column && property->group;
    snprintf(help, sizeof(help), "%s%s", is_shared ? "reverse: " : "",
             has_column ? info->help : property->help);
    /* Times are shown as text. */
    bool is_time = has_column && info->type == WEIR_COLUMN_TIME;
    const char *unit = is_time ? "" : has_column ? info->unit : found ? found->units : "";
    return weir_printer_texts(printer,
                              (const char *const[]){property->name, use,
                                                    weir_flow_group_names[property->group], element,
                                                    unit, help},
                              diag);
}

static int print_rows(struct weir_printer *printer, struct weir_diag *diag)
{
    int result = 0;
    const char *name, *help;
    for (size_t i = 0; result == 0 && i < weir_flow_property_count; i++)
        result = print_property(printer, &weir_flow_properties[i], diag);
    for (size_t i = 0; result == 0 && (name = weir_match_name(i, &help)) != NULL; i++)
        if (!weir_flow_property_find(name, strlen(name)))
            result = weir_printer_texts(
                printer, (const char *const[]){name, "match", "", "", "", help}, diag);
    return result < 0 ? result : weir_printer_finish(printer, NULL, diag);
}

static int write_text(void *context, const void *octets, size_t length, struct weir_diag *diag)
{
    return weir_output_write(context, octets, length, diag);
}

int weir_flow_fields_print(enum weir_format format, const char *path, struct weir_diag *diag)
{
    struct weir_output *output;
    struct weir_printer *printer;
    int result = weir_output_open(path, &output, diag);
    if (result < 0)
        return result;
    const struct weir_text_sink sink = {.write = write_text, .context = output};
    result = weir_printer_new(format, columns, COLUMN_COUNT, 0, &sink, &printer, diag);
    if (result == 0) {
        result = print_rows(printer, diag);
        weir_printer_free(printer);
    }
    if (result == 0)
        return weir_output_close(output, diag);
    weir_output_abort(output);
    return result;
}
