/* SPDX-License-Identifier: Apache-2.0 */
/* usage: test_fields_page doc/fields.md: has the page a row for each field, with its element? */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ie/element.h"
#include "meter/match.h"
#include "meter/property.h"

enum { BASIC_LIST = 291 };

static char page[1 << 16];

/* The page is of groups, and of names of none; the directions' rows are one. */
static bool is_on_page(const struct weir_flow_property *property)
{
    bool is_name =
        property->feature == WEIR_FEATURE_NAMES || property->feature == WEIR_FEATURE_APPLICATION;
    return (property->group != WEIR_FLOW_GROUP_NONE || is_name) && !property->is_reverse;
}

static void every_group_has_its_section(void **state)
{
    (void)state;
    for (unsigned i = WEIR_FLOW_GROUP_NONE + 1; i < WEIR_FLOW_GROUP_COUNT; i++) {
        char section[64];
        snprintf(section, sizeof(section), "\n## %s\n", weir_flow_group_names[i]);
        if (!strstr(page, section))
            fail_msg("doc/fields.md has no section '%s'", weir_flow_group_names[i]);
    }
}

static void every_field_has_its_row(void **state)
{
    (void)state;
    unsigned rows = 0;
    for (size_t i = 0; i < weir_flow_property_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[i];
        const struct weir_field *field = &property->element;
        char row[512];
        if (!is_on_page(property))
            continue;
        const struct weir_element *element = weir_element_find(field->pen, field->id);
        assert_non_null(element);
        if (field->length == WEIR_LENGTH_VARIABLE && field->id == BASIC_LIST)
            snprintf(row, sizeof(row), "\n| `%s` | ", property->name); /* its values' element */
        else
            snprintf(row, sizeof(row), "\n| `%s` | %s %s%u | ", property->name, element->name,
                     field->pen ? "own/" : "", field->id);
        if (!strstr(page, row))
            fail_msg("doc/fields.md has no row '%s'", row + 1);
        snprintf(row, sizeof(row), " | %s |\n", property->help);
        if (!strstr(page, row))
            fail_msg("doc/fields.md has no row that ends in '%s'", row);
        rows++;
    }
    assert_true(rows > 50);
}

/* One line of help for each name, there or where its column is described. */
static void every_name_has_help(void **state)
{
    (void)state;
    const char *name, *help;
    for (size_t i = 0; i < weir_flow_property_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[i];
        bool has_column = property->column < WEIR_COLUMN_COUNT;
        if (!has_column == !property->help || (property->help && !*property->help))
            fail_msg("'%s' has no help, or two", property->name);
    }
    for (size_t i = 0; (name = weir_match_name(i, &help)) != NULL; i++)
        if (!weir_flow_property_find(name, strlen(name)) == !help)
            fail_msg("'%s' of --match has no help, or two", name);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return 1;
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_group_has_its_section),
                                       cmocka_unit_test(every_field_has_its_row),
                                       cmocka_unit_test(every_name_has_help)};
    return cmocka_run_group_tests_name("the page of fields", tests, NULL, NULL);
}
