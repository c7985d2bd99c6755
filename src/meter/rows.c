/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/rows.h"

#include <stdlib.h>
#include <string.h>

#include "meter/property.h"

#define BILLION 1e9 /* flow_probability's unit */

/* flowSelectorAlgorithm of flows that are metered whole, or not at all (RFC 7014 section 9.1.1). */
#define UNIFORM_PROBABILITY 4

static const weir_column_set usual =
    WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END) | WEIR_COLUMN_BIT(TOS) |
    WEIR_COLUMN_BIT(TCP_FLAGS) | WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES) |
    WEIR_COLUMN_BIT(IN_IF) | WEIR_COLUMN_BIT(TTL_MIN) | WEIR_COLUMN_BIT(TTL_MAX) |
    WEIR_COLUMN_BIT(VLAN) | WEIR_COLUMN_BIT(END_REASON);

static const weir_column_set reverse_columns =
    WEIR_COLUMN_BIT(REV_PACKETS) | WEIR_COLUMN_BIT(REV_BYTES);

static const weir_column_set icmp_columns = WEIR_COLUMN_BIT(ICMP_TYPE) | WEIR_COLUMN_BIT(ICMP_CODE);

/* Which address keys of a family are prefixes: of segment.prefixes. */
static uint8_t prefixes_of(const struct weir_flow_definition *definition, bool is_v6)
{
    uint8_t whole = is_v6 ? 128 : 32;
    uint8_t prefixes = 0;
    if (definition->keys & WEIR_COLUMN_BIT(SRC_ADDR) && definition->src_bits[is_v6] < whole)
        prefixes |= WEIR_SEGMENT_SRC_PREFIX;
    if (definition->keys & WEIR_COLUMN_BIT(DST_ADDR) && definition->dst_bits[is_v6] < whole)
        prefixes |= WEIR_SEGMENT_DST_PREFIX;
    return prefixes;
}

static weir_column_set columns_of(const struct weir_meter_layout *layout, unsigned shape)
{
    const struct weir_flow_definition *definition = &layout->definition;
    weir_column_set columns = definition->has_fields ? definition->fields : usual | reverse_columns;
    /* As a key in_if tells by which interface packets went out, too. */
    weir_column_set shown = columns | definition->keys;
    if (layout->tells_direction && (!definition->has_fields || shown & WEIR_COLUMN_BIT(IN_IF)))
        columns |= WEIR_COLUMN_BIT(OUT_IF) | WEIR_COLUMN_BIT(DIRECTION);
    if (!weir_sampling_is_all(&layout->sampling))
        columns |= WEIR_COLUMN_BIT(SAMPLING) | WEIR_COLUMN_BIT(SAMPLER);
    if (layout->sampling.size > 1)
        columns |= WEIR_COLUMN_BIT(SAMPLING_SIZE);
    if (layout->sampling.flow_probability < 1)
        columns |= WEIR_COLUMN_BIT(FLOW_SELECTOR) | WEIR_COLUMN_BIT(FLOW_PROBABILITY);
    if (!definition->has_fields && shape & WEIR_SHAPE_V6)
        columns |= WEIR_COLUMN_BIT(FLOW_LABEL);
    if (!definition->has_fields && shape & WEIR_SHAPE_ICMP)
        columns |= icmp_columns;
    if (!(shape & WEIR_SHAPE_REVERSE))
        columns &= ~reverse_columns;
    if (!(shape & WEIR_SHAPE_V6))
        columns &= ~WEIR_COLUMN_BIT(FLOW_LABEL);
    uint8_t prefixes = prefixes_of(definition, shape & WEIR_SHAPE_V6);
    if (prefixes & WEIR_SEGMENT_SRC_PREFIX)
        columns |= WEIR_COLUMN_BIT(SRC_MASK);
    if (prefixes & WEIR_SEGMENT_DST_PREFIX)
        columns |= WEIR_COLUMN_BIT(DST_MASK);
    return columns | definition->keys;
}

/* Of them, the Flow Keys: that of an interface also tells which way packets went there. */
static weir_column_set keys_of(const struct weir_meter_layout *layout, weir_column_set columns)
{
    const weir_column_set point =
        WEIR_COLUMN_BIT(IN_IF) | WEIR_COLUMN_BIT(OUT_IF) | WEIR_COLUMN_BIT(DIRECTION);
    weir_column_set keys = layout->definition.keys;
    if (keys & WEIR_COLUMN_BIT(IN_IF))
        keys |= point;
    return keys & columns;
}

/* Whether flows of this shape may come. */
static bool is_possible(const struct weir_meter_layout *layout, unsigned shape)
{
    return (!(shape & WEIR_SHAPE_ICMP) || weir_flow_definition_has_icmp(&layout->definition)) &&
           (!(shape & WEIR_SHAPE_REVERSE) || layout->biflow != WEIR_BIFLOW_NONE);
}

weir_column_set weir_meter_layout_columns(const struct weir_meter_layout *layout)
{
    weir_column_set columns = 0;
    for (unsigned shape = 0; shape < WEIR_ROW_SHAPES; shape++)
        if (is_possible(layout, shape))
            columns |= columns_of(layout, shape);
    return columns;
}

/* What biflows have where no fields are named. */
static bool is_usual_of_biflows(const struct weir_flow_property *property)
{
    return property->is_biflows && property->column == WEIR_COLUMN_COUNT &&
           property->feature == WEIR_FEATURE_NONE && property->group == WEIR_FLOW_GROUP_NONE;
}

static void add_extra(const struct weir_flow_property *property, bool has_reverse,
                      unsigned parameter, struct weir_extra_fields *extra)
{
    if (property->is_reverse && !has_reverse)
        return;
    bool is_variable = property->element.length == WEIR_LENGTH_VARIABLE;
    unsigned room =
        is_variable ? property->room + property->room_each * parameter : property->element.length;
    (void)!weir_extra_add_room(extra, property->name, property->element, (uint16_t)room);
}

void weir_meter_layout_extras(const struct weir_meter_layout *layout, bool has_reverse,
                              struct weir_extra_fields *ret_extra)
{
    const struct weir_flow_definition *definition = &layout->definition;
    *ret_extra = (struct weir_extra_fields){0};
    for (unsigned i = 0; i < definition->extra_count; i++)
        if (layout->biflow != WEIR_BIFLOW_NONE ||
            !weir_flow_properties[definition->extras[i]].is_biflows)
            add_extra(&weir_flow_properties[definition->extras[i]], has_reverse,
                      definition->splt_packets, ret_extra);
    ret_extra->key_count = definition->key_extra_count;
    if (layout->biflow == WEIR_BIFLOW_NONE || definition->has_fields)
        return;
    for (size_t i = 0; i < weir_flow_property_count; i++)
        if (is_usual_of_biflows(&weir_flow_properties[i]))
            add_extra(&weir_flow_properties[i], has_reverse, 0, ret_extra);
}

/* All rows are begun at once; those that were not filled are taken back when the batch goes. */
static void begin(struct weir_meter_rows *rows, unsigned shape)
{
    struct weir_batch *batch = rows->shapes[shape].batch;
    struct weir_segment segment = {
        .columns = rows->shapes[shape].columns,
        .keys = keys_of(&rows->layout, rows->shapes[shape].columns),
        .domain = rows->layout.domain,
        .names_sequence = rows->shapes[shape].columns & WEIR_COLUMN_BIT(SAMPLER),
        .prefixes = prefixes_of(&rows->layout.definition, shape & WEIR_SHAPE_V6),
    };
    weir_batch_clear(batch);
    (void)weir_batch_begin(batch, &segment, batch->row_capacity);
    rows->shapes[shape].count = 0;
}

/* Rows with many fields come in smaller batches. */
#define EXTRA_OCTETS_MAX ((uint32_t)256 << 10)

static int make_shape(struct weir_meter_rows *rows, unsigned shape, uint32_t row_capacity)
{
    const struct weir_extra_fields *extra = &rows->extras[(shape & WEIR_SHAPE_REVERSE) != 0];
    if (extra->row_octets > 0 && row_capacity > EXTRA_OCTETS_MAX / extra->row_octets)
        row_capacity = EXTRA_OCTETS_MAX / extra->row_octets;
    struct weir_batch *batch = weir_batch_new(row_capacity);
    rows->shapes[shape].columns = columns_of(&rows->layout, shape);
    rows->shapes[shape].batch = batch;
    if (!batch || (extra->count > 0 && weir_batch_set_extra(batch, extra) < 0))
        return WEIR_E_NOMEM;
    begin(rows, shape);
    return 0;
}

int weir_meter_rows_init(struct weir_meter_rows *rows, const struct weir_batch_sink *sink,
                         const struct weir_meter_layout *layout, uint32_t row_capacity)
{
    const struct weir_flow_definition *definition = &layout->definition;
    rows->sink = *sink;
    rows->layout = *layout;
    weir_feature_set_init(&rows->features, definition, layout->biflow != WEIR_BIFLOW_NONE);
    rows->has_icmp = weir_flow_definition_has_icmp(definition);
    rows->has_more_columns =
        definition->has_more || prefixes_of(definition, false) || prefixes_of(definition, true);
    for (unsigned i = 0; i < 2; i++) {
        struct weir_extra_fields *extra = &rows->extras[i];
        weir_meter_layout_extras(layout, i, extra);
        for (unsigned k = 0; k < extra->count; k++)
            rows->properties[i][k] =
                weir_flow_property_find(extra->fields[k].name, strlen(extra->fields[k].name));
    }
    rows->is_unusual = rows->has_more_columns || !weir_sampling_is_all(&layout->sampling) ||
                       rows->extras[0].count > 0 || rows->extras[1].count > 0;
    for (unsigned i = 0; i < WEIR_ROW_SHAPES; i++)
        if (is_possible(layout, i) && make_shape(rows, i, row_capacity) < 0)
            return WEIR_E_NOMEM;
    return 0;
}

void weir_meter_rows_done(struct weir_meter_rows *rows)
{
    for (unsigned i = 0; i < WEIR_ROW_SHAPES; i++)
        weir_batch_free(rows->shapes[i].batch);
    free(rows->if_index);
}

void weir_meter_rows_hand_on(struct weir_meter_rows *rows, unsigned shape, int64_t now_ns)
{
    struct weir_batch *batch = rows->shapes[shape].batch;
    uint32_t count = rows->shapes[shape].count;
    weir_batch_take_back(batch, batch->row_count - count);
    batch->segments[0].received_ns = now_ns;
    if (rows->result == 0) {
        rows->result = rows->sink.batch(rows->sink.context, batch, rows->diag);
        if (rows->result == 0)
            rows->handed_on += count;
    }
    begin(rows, shape);
}

void weir_meter_rows_flush(struct weir_meter_rows *rows, int64_t now_ns)
{
    for (unsigned i = 0; i < WEIR_ROW_SHAPES; i++)
        if (rows->shapes[i].count > 0)
            weir_meter_rows_hand_on(rows, i, now_ns);
}

/* What only definitions with unusual keys have. */
static void add_more(const struct weir_meter_rows *rows, const struct weir_flow_view *flow,
                     unsigned shape, const struct weir_batch *batch, uint32_t row)
{
    const struct weir_flow_definition *definition = &rows->layout.definition;
    const struct weir_flow_more_key *more = flow->more;
    bool is_v6 = shape & WEIR_SHAPE_V6;
    weir_batch_u8(batch, WEIR_COLUMN_SRC_MASK)[row] = definition->src_bits[is_v6];
    weir_batch_u8(batch, WEIR_COLUMN_DST_MASK)[row] = definition->dst_bits[is_v6];
    if (definition->more_mask.vlan)
        weir_batch_u16(batch, WEIR_COLUMN_VLAN)[row] = more->vlan;
    if (definition->more_mask.tcp_flags)
        weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[row] = more->tcp_flags;
    if (definition->more_mask.flow_label)
        weir_batch_u32(batch, WEIR_COLUMN_FLOW_LABEL)[row] = more->flow_label;
    if (definition->more_mask.icmp_type)
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[row] = more->icmp_type;
    if (definition->more_mask.icmp_code)
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[row] = more->icmp_code;
    if (definition->more_mask.out_point)
        weir_batch_u32(batch, WEIR_COLUMN_OUT_IF)[row] =
            more->out_point ? weir_meter_rows_if_index(rows, more->out_point) : 0;
}

static void add_extras(const struct weir_meter_rows *rows, const struct weir_flow_view *flow,
                       const struct weir_batch *batch, uint32_t row)
{
    const struct weir_flow_property *const *properties = rows->properties[flow->reverse != NULL];
    uint8_t *octets = weir_batch_extra(batch, row);
    struct weir_extra_absent absent = {0};
    for (unsigned i = 0; i < batch->extra->count; i++)
        if (!properties[i]->write(flow, properties[i], octets + batch->extra->fields[i].offset))
            weir_extra_leave_out(&absent, i);
    batch->extra_absent[row] = absent;
}

static void add_sampling(const struct weir_sampling_design *sampling,
                         const struct weir_batch *batch, uint32_t row)
{
    weir_batch_u32(batch, WEIR_COLUMN_SAMPLER)[row] = sampling->sequence_id;
    weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[row] = sampling->interval;
    weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE)[row] = sampling->size;
    weir_batch_u16(batch, WEIR_COLUMN_FLOW_SELECTOR)[row] = UNIFORM_PROBABILITY;
    weir_batch_u32(batch, WEIR_COLUMN_FLOW_PROBABILITY)[row] =
        (uint32_t)(sampling->flow_probability * BILLION + 0.5);
}

void weir_meter_rows_add_unusual(const struct weir_meter_rows *rows,
                                 const struct weir_flow_view *flow, unsigned shape, uint32_t row)
{
    const struct weir_batch *batch = rows->shapes[shape].batch;
    if (!weir_sampling_is_all(&rows->layout.sampling))
        add_sampling(&rows->layout.sampling, batch, row);
    if (rows->has_more_columns)
        add_more(rows, flow, shape, batch, row);
    if (batch->extra)
        add_extras(rows, flow, batch, row);
}
