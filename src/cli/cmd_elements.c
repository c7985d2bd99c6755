/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/print.h"
#include "ie/element.h"

enum { ENTERPRISE, TYPE, FORMAT, OPTION_COUNT };
enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

static const char *const formats[] = {"table", "csv", "json", NULL};

static const struct weir_option options[OPTION_COUNT] = {
    [ENTERPRISE] = {.name = "enterprise",
                    .kind = WEIR_OPTION_COUNT,
                    .value = "PEN",
                    .max = UINT32_MAX,
                    .group = "Which elements",
                    .help = "only those of this Private Enterprise Number; 0 is IANA, 29305 the "
                            "reverse ones of RFC 5103"},
    [TYPE] = {.name = "type",
              .kind = WEIR_OPTION_TEXT,
              .help = "only those of this abstract data type: unsigned64, ipv4Address"},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "table",
                .group = "Output",
                .help = "how to print them"},
};

/* Prints one element; `index` counts those before it. */
typedef void print_element(const struct weir_element *e, size_t index,
                           struct weir_text_buffer *out);

static void range_text(const struct weir_element *e, char text[48])
{
    if (e->has_range)
        snprintf(text, 48, "%" PRIu64 "-%" PRIu64, e->range_min, e->range_max);
    else
        text[0] = 0;
}

static void print_table(const struct weir_element *e, size_t index, struct weir_text_buffer *out)
{
    char range[48], line[256];
    const char *semantics = weir_semantics_text((enum weir_semantics)e->semantics);
    range_text(e, range);
    if (index == 0)
        weir_text_printf(out, "%10s %5s  %-44s %-20s %-12s %-13s %-12s %s\n", "PEN", "ID", "NAME",
                         "TYPE", "SEMANTICS", "UNITS", "RANGE", "STATUS");
    int length = snprintf(line, sizeof(line), "%10" PRIu32 " %5u  %-44s %-20s %-12s %-13s %-12s %s",
                          e->pen, e->id, e->name, weir_type_text((enum weir_type)e->type),
                          e->semantics == WEIR_SEMANTICS_DEFAULT ? "" : semantics, e->units, range,
                          e->is_deprecated ? "deprecated" : "");
    while (length > 0 && line[length - 1] == ' ')
        length--;
    weir_text_add_octets(out, line, (size_t)length);
    weir_text_add_char(out, '\n');
}

static void print_csv(const struct weir_element *e, size_t index, struct weir_text_buffer *out)
{
    char range[48];
    range_text(e, range);
    if (index == 0)
        weir_text_add(out, "pen,id,name,type,semantics,units,range,deprecated\n");
    weir_text_printf(out, "%" PRIu32 ",%u,%s,%s,%s,%s,%s,%s\n", e->pen, e->id, e->name,
                     weir_type_text((enum weir_type)e->type),
                     weir_semantics_text((enum weir_semantics)e->semantics), e->units, range,
                     e->is_deprecated ? "true" : "false");
}

static void print_json(const struct weir_element *e, size_t index, struct weir_text_buffer *out)
{
    weir_text_printf(out, "%s\n  {\"pen\":%" PRIu32 ",\"id\":%u,\"name\":", index ? "," : "[",
                     e->pen, e->id);
    weir_text_add_json(out, e->name, strlen(e->name));
    weir_text_printf(out, ",\"type\":\"%s\",\"semantics\":\"%s\",\"units\":",
                     weir_type_text((enum weir_type)e->type),
                     weir_semantics_text((enum weir_semantics)e->semantics));
    weir_text_add_json(out, e->units, strlen(e->units));
    if (e->has_range)
        weir_text_printf(out, ",\"range\":[%" PRIu64 ",%" PRIu64 "]", e->range_min, e->range_max);
    weir_text_printf(out, ",\"deprecated\":%s}", e->is_deprecated ? "true" : "false");
}

static print_element *const printers[] = {
    [FORMAT_TABLE] = print_table,
    [FORMAT_CSV] = print_csv,
    [FORMAT_JSON] = print_json,
};

/* "8" and "6871/14" are numbers; false for anything else. */
static bool is_number(const char *text, uint32_t *ret_pen, uint16_t *ret_id)
{
    unsigned long long pen = 0, id;
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    id = strtoull(text, &end, 10);
    if (*end == '/' && end[1] >= '0' && end[1] <= '9') {
        pen = id;
        id = strtoull(end + 1, &end, 10);
    }
    if (*end || pen > UINT32_MAX || id > UINT16_MAX)
        return false;
    *ret_pen = (uint32_t)pen;
    *ret_id = (uint16_t)id;
    return true;
}

static bool matches(const struct weir_element *e, const char *operand)
{
    uint32_t pen;
    uint16_t id;
    if (is_number(operand, &pen, &id))
        return e->pen == pen && e->id == id;
    return fnmatch(operand, e->name, FNM_CASEFOLD) == 0;
}

static int none_matches(const char *operand, struct weir_diag *diag)
{
    uint32_t pen;
    uint16_t id;
    const struct weir_element *nearest =
        is_number(operand, &pen, &id) ? NULL : weir_element_nearest(operand);
    if (nearest)
        return weir_diag_set(diag, WEIR_E_NOT_FOUND,
                             "elements: '%s': no such Information Element; did you mean '%s'?",
                             operand, nearest->name);
    return weir_diag_set(diag, WEIR_E_NOT_FOUND, "elements: '%s': no such Information Element",
                         operand);
}

/* Whether the options let an element through. */
static bool wanted(const struct weir_arguments *arguments, const struct weir_element *e)
{
    const char *type = weir_arguments_text(arguments, TYPE);
    return (!weir_arguments_has(arguments, ENTERPRISE) ||
            weir_arguments_number(arguments, ENTERPRISE) == e->pen) &&
           (!type || strcmp(type, weir_type_text((enum weir_type)e->type)) == 0);
}

static int check_type(const char *type, struct weir_diag *diag)
{
    for (int i = 0; type && i < WEIR_TYPE_COUNT; i++)
        if (strcmp(type, weir_type_text((enum weir_type)i)) == 0)
            return 0;
    return type ? weir_diag_set(diag, WEIR_E_USAGE, "--type: '%s' is no abstract data type", type)
                : 0;
}

/* Adds the elements to `text`. Every operand has to match something; none is all. */
static int add_elements(const struct weir_arguments *arguments, struct weir_text_buffer *text,
                        struct weir_diag *diag)
{
    unsigned format = weir_arguments_choice(arguments, FORMAT);
    size_t count, printed = 0;
    const struct weir_element *all = weir_elements(&count);
    for (size_t o = 0; o < arguments->operand_count; o++) {
        size_t i = 0;
        while (i < count && !matches(&all[i], arguments->operands[o]))
            i++;
        if (i == count)
            return none_matches(arguments->operands[o], diag);
    }
    for (size_t i = 0; i < count; i++) {
        bool named = arguments->operand_count == 0;
        for (size_t o = 0; o < arguments->operand_count && !named; o++)
            named = matches(&all[i], arguments->operands[o]);
        if (named && wanted(arguments, &all[i]))
            printers[format](&all[i], printed++, text);
    }
    if (format == FORMAT_JSON)
        weir_text_add(text, printed ? "\n]\n" : "[]\n");
    return 0;
}

static int run(struct weir_call *call, struct weir_diag *diag)
{
    const struct weir_arguments *arguments = &call->arguments;
    int result = check_type(weir_arguments_text(arguments, TYPE), diag);
    if (result < 0)
        return result;
    struct weir_text_buffer text;
    weir_text_init(&text, 4u << 20);
    result = add_elements(arguments, &text, diag);
    if (result == 0)
        result = weir_print(&text, "-", diag);
    weir_text_done(&text);
    return result;
}

static const struct weir_example examples[] = {
    {"weir elements sourceIPv4Address 6871/14", "one by its name, one by its number"},
    {"weir elements 'flowStart*' --enterprise 0", "IANA's whose names begin so"},
    {"weir elements --type unsigned256 --format json", "all of one type, for a program"},
    {NULL, NULL},
};

const struct weir_command weir_command_elements = {
    .name = "elements",
    .summary = "lists Information Elements: number, type, semantics, units, range",
    .usage = "[NAME|ID|PEN/ID|PATTERN]... [OPTION]...",
    .about = "Lists the Information Elements that weir knows: those of IANA's registry, their "
             "reverse ones of RFC 5103, and those of enterprises. A number alone is IANA's. A "
             "pattern has * and ? and matches names in any case.",
    .options = options,
    .option_count = OPTION_COUNT,
    .operands_max = 1000,
    .examples = examples,
    .run = run,
};
