/* SPDX-License-Identifier: Apache-2.0 */
#include "export/shape.h"

#include <stdlib.h>
#include <string.h>

/*
 * Where one column goes: element number, of the column's enterprise, and octets by family; 0: that
 * family has none.
 */
struct carriage {
    uint8_t column;
    struct {
        uint16_t id;
        uint16_t length;
    } v4, v6;
};

/* The usual order of routers' templates: addresses, ports, counters, times, the rest. */
static const struct carriage carriages[] = {
    {WEIR_COLUMN_SRC_ADDR, {8, 4}, {27, 16}},
    {WEIR_COLUMN_DST_ADDR, {12, 4}, {28, 16}},
    {WEIR_COLUMN_NEXT_HOP, {15, 4}, {62, 16}},
    {WEIR_COLUMN_BGP_NEXT_HOP, {18, 4}, {63, 16}},
    {WEIR_COLUMN_IN_IF, {10, 4}, {10, 4}},
    {WEIR_COLUMN_OUT_IF, {14, 4}, {14, 4}},
    {WEIR_COLUMN_PACKETS, {2, 8}, {2, 8}},
    {WEIR_COLUMN_BYTES, {1, 8}, {1, 8}},
    {WEIR_COLUMN_REV_PACKETS, {2, 8}, {2, 8}},
    {WEIR_COLUMN_REV_BYTES, {1, 8}, {1, 8}},
    {WEIR_COLUMN_START, {152, 8}, {152, 8}},
    {WEIR_COLUMN_END, {153, 8}, {153, 8}},
    {WEIR_COLUMN_SRC_PORT, {7, 2}, {7, 2}},
    {WEIR_COLUMN_DST_PORT, {11, 2}, {11, 2}},
    {WEIR_COLUMN_TCP_FLAGS, {6, 2}, {6, 2}},
    {WEIR_COLUMN_PROTOCOL, {4, 1}, {4, 1}},
    {WEIR_COLUMN_TOS, {5, 1}, {5, 1}},
    {WEIR_COLUMN_TTL_MIN, {52, 1}, {52, 1}},
    {WEIR_COLUMN_TTL_MAX, {53, 1}, {53, 1}},
    {WEIR_COLUMN_SRC_AS, {16, 4}, {16, 4}},
    {WEIR_COLUMN_DST_AS, {17, 4}, {17, 4}},
    {WEIR_COLUMN_SRC_MASK, {9, 1}, {29, 1}},
    {WEIR_COLUMN_DST_MASK, {13, 1}, {30, 1}},
    {WEIR_COLUMN_DIRECTION, {61, 1}, {61, 1}},
    {WEIR_COLUMN_VLAN, {58, 2}, {58, 2}},
    {WEIR_COLUMN_POST_VLAN, {59, 2}, {59, 2}},
    {WEIR_COLUMN_SRC_MAC, {56, 6}, {56, 6}},
    {WEIR_COLUMN_DST_MAC, {80, 6}, {80, 6}},
    {WEIR_COLUMN_SAMPLER, {301, 4}, {301, 4}},
    {WEIR_COLUMN_SAMPLING, {34, 4}, {34, 4}},
    {WEIR_COLUMN_SAMPLING_SIZE, {309, 4}, {309, 4}},
    {WEIR_COLUMN_FLOW_SELECTOR, {390, 2}, {390, 2}},
    {WEIR_COLUMN_FLOW_PROBABILITY, {311, 8}, {311, 8}},
    {WEIR_COLUMN_NAT_SRC_ADDR, {225, 4}, {281, 16}},
    {WEIR_COLUMN_NAT_DST_ADDR, {226, 4}, {282, 16}},
    {WEIR_COLUMN_NAT_SRC_PORT, {227, 2}, {227, 2}},
    {WEIR_COLUMN_NAT_DST_PORT, {228, 2}, {228, 2}},
    {WEIR_COLUMN_NAT_EVENT, {230, 1}, {230, 1}},
    {WEIR_COLUMN_FIREWALL_EVENT, {233, 1}, {233, 1}},
    {WEIR_COLUMN_FLOW_LABEL, {0, 0}, {31, 4}},
    {WEIR_COLUMN_END_REASON, {136, 1}, {136, 1}},
};

/* paddingOctets, RFC 7011 section 3.3.1 */
enum { PADDING_OCTETS = 210 };

/* Octets of a Template Record's header and Field Specifiers, RFC 7011 sections 3.4.1 and 3.2. */
enum { TEMPLATE_HEADER = 4, SPECIFIER = 4, OWN_SPECIFIER = 8 };

#define CARRIAGE_COUNT (sizeof(carriages) / sizeof(carriages[0]))

/* Addresses that are prefixes have elements of their own, which their lengths refer to. */
static struct weir_field prefix_field(struct weir_field field, uint8_t prefixes)
{
    static const struct {
        uint8_t prefix;
        uint16_t address, element;
    } rows[] = {
        {WEIR_SEGMENT_SRC_PREFIX, 8, 44},
        {WEIR_SEGMENT_DST_PREFIX, 12, 45},
        {WEIR_SEGMENT_SRC_PREFIX, 27, 170},
        {WEIR_SEGMENT_DST_PREFIX, 28, 169},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (prefixes & rows[i].prefix && field.id == rows[i].address)
            field.id = rows[i].element;
    return field;
}

/* An interval is that of one packet; of more it is the samplingPopulation of a samplingSize. */
static struct weir_field rate_field(struct weir_field field, weir_column_set columns)
{
    if (field.id == 34 && columns & WEIR_COLUMN_BIT(SAMPLING_SIZE))
        field.id = 310;
    return field;
}

/* NetFlow v9 tells time by sysUpTime (RFC 3954 section 8); its collectors expect no other. */
static struct weir_field netflow9_field(struct weir_field field)
{
    if (field.id == 152)
        return (struct weir_field){.id = 22, .length = 4};
    if (field.id == 153)
        return (struct weir_field){.id = 21, .length = 4};
    /* TCP flags have one octet in RFC 3954's table of field types. */
    if (field.id == 6)
        field.length = 1;
    return field;
}

bool weir_shape_is_carried(const struct weir_shape *shape)
{
    return !(weir_message_builtin_template(shape->protocol) && shape->is_v6);
}

static struct weir_template *copy_template(const struct weir_template *source)
{
    size_t octets = sizeof(*source) + source->field_count * sizeof(source->fields[0]);
    struct weir_template *copy = malloc(octets);
    if (copy)
        memcpy(copy, source, octets);
    return copy;
}

static bool is_carried(const struct weir_shape *shape, const struct weir_field *field)
{
    return shape->protocol == WEIR_PROTOCOL_IPFIX ||
           (field->pen == 0 && field->length != WEIR_LENGTH_VARIABLE);
}

struct weir_extra_absent weir_shape_not_carried(enum weir_protocol protocol,
                                                const struct weir_extra_fields *extra)
{
    const struct weir_shape shape = {.protocol = protocol};
    bool is_fixed = weir_message_builtin_template(protocol) != NULL;
    struct weir_extra_absent absent = {0};
    for (size_t i = 0; i < extra->count; i++)
        if (is_fixed || !is_carried(&shape, &extra->fields[i].field))
            weir_extra_leave_out(&absent, i);
    return absent;
}

/* Whether records have the extra field, as one of variable length or not. */
static bool has_extra(const struct weir_shape *shape, size_t i, bool is_variable)
{
    const struct weir_field *field = &shape->extra->fields[i].field;
    return (field->length == WEIR_LENGTH_VARIABLE) == is_variable && is_carried(shape, field) &&
           !weir_extra_lacks(&shape->absent, i);
}

static void add_field(struct weir_template *made, struct weir_field field)
{
    bool is_variable = field.length == WEIR_LENGTH_VARIABLE;
    made->fields[made->field_count++] = field;
    made->is_variable |= is_variable;
    made->record_length += is_variable ? 1 : field.length;
}

static void add_extras(struct weir_template *made, const struct weir_shape *shape, bool is_variable)
{
    for (size_t i = 0; shape->extra && i < shape->extra->count; i++)
        if (has_extra(shape, i, is_variable))
            add_field(made, shape->extra->fields[i].field);
}

/* Numbers of samplers mean something to who is told what samplers there are. */
static bool has_column(const struct weir_shape *shape, uint8_t column)
{
    if (column == WEIR_COLUMN_SAMPLER &&
        !(shape->names_sequence && shape->protocol == WEIR_PROTOCOL_IPFIX))
        return false;
    return shape->columns >> column & 1;
}

/* The field that carries a column; false: the shape's records have none. */
static bool find_field(const struct weir_shape *shape, const struct carriage *carriage,
                       struct weir_field *ret_field)
{
    struct weir_field field = {
        .pen = weir_column_info((enum weir_column)carriage->column)->pen,
        .id = shape->is_v6 ? carriage->v6.id : carriage->v4.id,
        .length = shape->is_v6 ? carriage->v6.length : carriage->v4.length,
    };
    if (field.id == 0 || !has_column(shape, carriage->column) || !is_carried(shape, &field))
        return false;
    field = rate_field(prefix_field(field, shape->prefixes), shape->columns);
    *ret_field = shape->protocol == WEIR_PROTOCOL_NETFLOW9 ? netflow9_field(field) : field;
    return true;
}

/* An empty Template with room for so many fields. */
static struct weir_template *new_template(uint16_t id, size_t fields)
{
    struct weir_template *made = calloc(1, sizeof(*made) + fields * sizeof(made->fields[0]));
    if (made)
        made->id = id;
    return made;
}

static void add_columns(struct weir_template *made, const struct weir_shape *shape)
{
    struct weir_field field;
    for (size_t i = 0; i < CARRIAGE_COUNT; i++)
        if (find_field(shape, &carriages[i], &field))
            add_field(made, field);
}

struct weir_template *weir_shape_template(const struct weir_shape *shape, uint16_t template_id)
{
    const struct weir_template *fixed = weir_message_builtin_template(shape->protocol);
    if (fixed)
        return copy_template(fixed);

    size_t extras = shape->extra ? shape->extra->count : 0;
    struct weir_template *made = new_template(template_id, CARRIAGE_COUNT + extras);
    if (!made)
        return NULL;
    add_columns(made, shape);
    add_extras(made, shape, false);
    add_extras(made, shape, true);
    return made;
}

struct weir_template *weir_shape_column_template(const struct weir_shape *shape)
{
    const struct weir_template *fixed = weir_message_builtin_template(shape->protocol);
    if (fixed)
        return copy_template(fixed);

    struct weir_template *made = new_template(0, CARRIAGE_COUNT + 1);
    if (!made)
        return NULL;
    add_columns(made, shape);
    struct weir_field padding = {.id = PADDING_OCTETS};
    for (size_t i = 0; shape->extra && i < shape->extra->count; i++)
        if (has_extra(shape, i, false))
            padding.length = (uint16_t)(padding.length + shape->extra->fields[i].field.length);
    if (padding.length > 0)
        add_field(made, padding);
    return made;
}

bool weir_shape_same_columns(const struct weir_shape *a, const struct weir_shape *b)
{
    return a->columns == b->columns && a->is_v6 == b->is_v6 &&
           a->names_sequence == b->names_sequence && a->prefixes == b->prefixes &&
           a->protocol == b->protocol;
}

size_t weir_shape_template_octets(const struct weir_shape *shape)
{
    size_t octets = TEMPLATE_HEADER;
    struct weir_field field;
    for (size_t i = 0; i < CARRIAGE_COUNT; i++)
        if (find_field(shape, &carriages[i], &field))
            octets += field.pen ? OWN_SPECIFIER : SPECIFIER;
    for (size_t i = 0; shape->extra && i < shape->extra->count; i++)
        if (has_extra(shape, i, false) || has_extra(shape, i, true))
            octets += shape->extra->fields[i].field.pen ? OWN_SPECIFIER : SPECIFIER;
    return octets;
}

/* The next bit of an indicator that has 64 of them. */
static uint64_t key_bit(bool is_key, unsigned *at)
{
    unsigned bit = (*at)++;
    return is_key && bit < 64 ? UINT64_C(1) << bit : 0;
}

uint64_t weir_shape_keys(const struct weir_shape *shape)
{
    uint64_t indicator = 0;
    unsigned at = 0;
    struct weir_field field;
    if (weir_message_builtin_template(shape->protocol))
        return 0;
    for (size_t i = 0; i < CARRIAGE_COUNT; i++)
        if (find_field(shape, &carriages[i], &field))
            indicator |= key_bit(shape->keys >> carriages[i].column & 1, &at);
    for (size_t i = 0; shape->extra && i < shape->extra->count; i++)
        if (has_extra(shape, i, false))
            indicator |= key_bit(i < shape->extra->key_count, &at);
    return indicator;
}

void weir_shape_encode_extra(const struct weir_shape *shape, uint32_t record_octets,
                             const struct weir_batch *batch, uint32_t first_row, uint32_t count,
                             uint8_t *octets)
{
    const struct weir_extra_fields *extra = shape->extra;
    if (!extra || weir_message_builtin_template(shape->protocol))
        return;
    uint32_t at = record_octets;
    for (size_t i = extra->count; i-- > 0;) {
        const struct weir_extra_field *from = &extra->fields[i];
        if (!has_extra(shape, i, false))
            continue;
        at -= from->field.length;
        for (uint32_t row = 0; row < count; row++)
            memcpy(octets + (size_t)row * record_octets + at,
                   weir_batch_extra(batch, first_row + row) + from->offset, from->field.length);
    }
}

size_t weir_shape_variable_octets(const struct weir_shape *shape, const struct weir_batch *batch,
                                  uint32_t row)
{
    size_t octets = 0;
    for (size_t i = 0; i < shape->extra->count; i++)
        if (has_extra(shape, i, true))
            octets += weir_extra_variable_octets(weir_batch_extra(batch, row) +
                                                 shape->extra->fields[i].offset);
    return octets;
}

void weir_shape_encode_variable(const struct weir_shape *shape, const struct weir_batch *batch,
                                uint32_t row, uint8_t *octets)
{
    for (size_t i = 0; i < shape->extra->count; i++) {
        if (!has_extra(shape, i, true))
            continue;
        const uint8_t *from = weir_batch_extra(batch, row) + shape->extra->fields[i].offset;
        size_t length = weir_extra_variable_octets(from);
        memcpy(octets, from, length);
        octets += length;
    }
}
