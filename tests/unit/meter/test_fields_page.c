/* SPDX-License-Identifier: Apache-2.0 */
/* usage: test_fields_page doc/fields.md: has the page a row for each field, with its element? */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ie/element.h"
#include "meter/property.h"

static char page[1 << 16];

/* The page has a section for each group that it is about. */
static bool is_on_page(const struct weir_flow_property *property)
{
    char section[64];
    snprintf(section, sizeof(section), "\n## %s\n", weir_flow_group_names[property->group]);
    return property->group != WEIR_FLOW_GROUP_NONE && !property->is_reverse &&
           strstr(page, section);
}

static void every_field_has_its_row(void **state)
{
    (void)state;
    unsigned rows = 0;
    for (size_t i = 0; i < weir_flow_property_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[i];
        const struct weir_field *field = &property->element;
        char row[256];
        if (!is_on_page(property))
            continue;
        const struct weir_element *element = weir_element_find(field->pen, field->id);
        assert_non_null(element);
        if (field->length == WEIR_LENGTH_VARIABLE) /* a list, whose values have the element */
            snprintf(row, sizeof(row), "\n| `%s` | ", property->name);
        else
            snprintf(row, sizeof(row), "\n| `%s` | %s %s%u | ", property->name, element->name,
                     field->pen ? "own/" : "", field->id);
        if (!strstr(page, row))
            fail_msg("doc/fields.md has no row '%s'", row + 1);
        rows++;
    }
    assert_true(rows > 50);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return 1;
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_field_has_its_row)};
    return cmocka_run_group_tests_name("the page of fields", tests, NULL, NULL);
}
