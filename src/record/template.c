/* SPDX-License-Identifier: Apache-2.0 */
#include "record/template.h"

#include <stdlib.h>
#include <string.h>

size_t weir_template_octets(const struct weir_template *source)
{
    return sizeof(*source) + source->field_count * sizeof(source->fields[0]);
}

struct weir_template *weir_template_new(uint16_t id, const struct weir_field *fields,
                                        uint16_t field_count)
{
    struct weir_template *made = calloc(1, sizeof(*made) + field_count * sizeof(*fields));
    if (!made)
        return NULL;
    made->id = id;
    made->field_count = field_count;
    for (unsigned i = 0; i < field_count; i++) {
        bool variable = fields[i].length == WEIR_LENGTH_VARIABLE;
        made->fields[i] = fields[i];
        made->is_variable = made->is_variable || variable;
        made->record_length += variable ? 1u : fields[i].length;
    }
    return made;
}

struct weir_template *weir_template_new_options(uint16_t id, const struct weir_field *fields,
                                                uint16_t field_count, uint16_t scope_count)
{
    struct weir_template *made = weir_template_new(id, fields, field_count);
    if (made) {
        made->is_options = true;
        made->scope_count = scope_count;
    }
    return made;
}

struct weir_template *weir_template_copy(const struct weir_template *source)
{
    size_t octets = weir_template_octets(source);
    struct weir_template *copy = malloc(octets);
    if (copy)
        memcpy(copy, source, octets);
    return copy;
}

bool weir_template_equal(const struct weir_template *a, const struct weir_template *b)
{
    if (a->id != b->id || a->field_count != b->field_count || a->scope_count != b->scope_count ||
        a->is_options != b->is_options)
        return false;
    for (unsigned i = 0; i < a->field_count; i++)
        if (a->fields[i].pen != b->fields[i].pen || a->fields[i].id != b->fields[i].id ||
            a->fields[i].length != b->fields[i].length)
            return false;
    return true;
}

const struct weir_element *weir_field_element(const struct weir_field *field)
{
    /* RFC 3954 section 6.1, by number. */
    static const struct weir_element scopes[] = {
        {.name = "scopeSystem", .units = "", .type = WEIR_TYPE_UNSIGNED64, .id = 1},
        {.name = "scopeInterface", .units = "", .type = WEIR_TYPE_UNSIGNED64, .id = 2},
        {.name = "scopeLineCard", .units = "", .type = WEIR_TYPE_UNSIGNED64, .id = 3},
        {.name = "scopeCache", .units = "", .type = WEIR_TYPE_UNSIGNED64, .id = 4},
        {.name = "scopeTemplate", .units = "", .type = WEIR_TYPE_UNSIGNED64, .id = 5},
    };
    if (field->pen != WEIR_PEN_NETFLOW9_SCOPE)
        return weir_element_find(field->pen, field->id);
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (scopes[i].id == field->id)
            return &scopes[i];
    return NULL;
}
