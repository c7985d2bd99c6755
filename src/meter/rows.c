/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/rows.h"

#include <stdlib.h>

#include "meter/flow_hash.h"

#define PROTOCOL_ICMP   1u
#define PROTOCOL_ICMPV6 58u

/* Bits of a shape's index. */
#define SHAPE_V6   1u
#define SHAPE_ICMP 2u

static const weir_column_set every_shape =
    WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END) | WEIR_COLUMN_BIT(SRC_ADDR) |
    WEIR_COLUMN_BIT(DST_ADDR) | WEIR_COLUMN_BIT(SRC_PORT) | WEIR_COLUMN_BIT(DST_PORT) |
    WEIR_COLUMN_BIT(PROTOCOL) | WEIR_COLUMN_BIT(TOS) | WEIR_COLUMN_BIT(TCP_FLAGS) |
    WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(IN_IF) |
    WEIR_COLUMN_BIT(TTL_MIN) | WEIR_COLUMN_BIT(TTL_MAX) | WEIR_COLUMN_BIT(VLAN) |
    WEIR_COLUMN_BIT(END_REASON);

weir_column_set weir_meter_rows_columns(const struct weir_flow_definition *definition,
                                        bool tells_direction, unsigned shape)
{
    weir_column_set columns = every_shape;
    if (tells_direction)
        columns |= WEIR_COLUMN_BIT(OUT_IF) | WEIR_COLUMN_BIT(DIRECTION);
    if (shape & SHAPE_V6)
        columns |= WEIR_COLUMN_BIT(FLOW_LABEL);
    if (shape & SHAPE_ICMP)
        columns |= WEIR_COLUMN_BIT(ICMP_TYPE) | WEIR_COLUMN_BIT(ICMP_CODE);
    return columns & ~weir_flow_definition_absent(definition);
}

/* All rows are begun at once; those that were not filled are taken back when the batch goes. */
static void begin(struct weir_meter_rows *rows, unsigned shape)
{
    struct weir_batch *batch = rows->shapes[shape].batch;
    struct weir_segment segment = {
        .columns = rows->shapes[shape].columns,
        .domain = rows->domain,
    };
    weir_batch_clear(batch);
    (void)weir_batch_begin(batch, &segment, batch->row_capacity);
    rows->shapes[shape].count = 0;
}

int weir_meter_rows_init(struct weir_meter_rows *rows, const struct weir_batch_sink *sink,
                         const struct weir_flow_definition *definition, bool tells_direction,
                         uint32_t domain, uint32_t row_capacity)
{
    rows->sink = *sink;
    rows->has_icmp = !(weir_flow_definition_absent(definition) & WEIR_COLUMN_BIT(ICMP_TYPE));
    rows->tells_direction = tells_direction;
    rows->domain = domain;
    for (unsigned i = 0; i < WEIR_ROW_SHAPES; i++) {
        rows->shapes[i].columns = weir_meter_rows_columns(definition, tells_direction, i);
        rows->shapes[i].batch = weir_batch_new(row_capacity);
        if (!rows->shapes[i].batch)
            return WEIR_E_NOMEM;
        begin(rows, i);
    }
    return 0;
}

void weir_meter_rows_done(struct weir_meter_rows *rows)
{
    for (unsigned i = 0; i < WEIR_ROW_SHAPES; i++)
        weir_batch_free(rows->shapes[i].batch);
    free(rows->if_index);
}

static void hand_on(struct weir_meter_rows *rows, unsigned shape, int64_t now_ns)
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
            hand_on(rows, i, now_ns);
}

static unsigned shape_of(const struct weir_meter_rows *rows, const struct weir_flow_key *key)
{
    bool is_v6 = key->observation_point & WEIR_FLOW_KEY_V6;
    bool is_icmp = rows->has_icmp && key->protocol == (is_v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
    return (is_v6 ? SHAPE_V6 : 0) | (is_icmp ? SHAPE_ICMP : 0);
}

static void fill_interfaces(const struct weir_meter_rows *rows, const struct weir_batch *batch,
                            uint32_t row, uint16_t point)
{
    uint16_t interface = point & WEIR_POINT_INTERFACE;
    bool is_egress = point & WEIR_POINT_EGRESS;
    uint32_t index = interface < rows->if_count ? rows->if_index[interface] : 0;
    weir_batch_u32(batch, WEIR_COLUMN_IN_IF)[row] = is_egress ? 0 : index;
    if (!rows->tells_direction)
        return;
    weir_batch_u32(batch, WEIR_COLUMN_OUT_IF)[row] = is_egress ? index : 0;
    weir_batch_u8(batch, WEIR_COLUMN_DIRECTION)[row] = is_egress;
}

/* The arrays of all shapes exist, so that columns a shape lacks may be filled in vain. */
void weir_meter_rows_add(struct weir_meter_rows *rows, const struct weir_flow_hot *hot,
                         const struct weir_flow_cold *cold, int64_t last_ns, unsigned reason,
                         int64_t now_ns)
{
    const struct weir_flow_key *key = &hot->key;
    unsigned shape = shape_of(rows, key);
    const struct weir_batch *batch = rows->shapes[shape].batch;
    uint32_t row = rows->shapes[shape].count++;

    weir_batch_time(batch, WEIR_COLUMN_START)[row] = cold->first_ns;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = last_ns;
    weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[row] = key->src_addr.high;
    weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row] = key->src_addr.low;
    weir_batch_high(batch, WEIR_COLUMN_DST_ADDR)[row] = key->dst_addr.high;
    weir_batch_low(batch, WEIR_COLUMN_DST_ADDR)[row] = key->dst_addr.low;
    weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[row] = key->src_port;
    weir_batch_u16(batch, WEIR_COLUMN_DST_PORT)[row] = key->dst_port;
    weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[row] = key->protocol;
    weir_batch_u8(batch, WEIR_COLUMN_TOS)[row] = cold->tos;
    weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[row] = hot->state & WEIR_FLOW_TCP_FLAGS;
    weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = hot->packets;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = hot->octets & WEIR_FLOW_OCTETS_MASK;
    fill_interfaces(rows, batch, row, cold->observation_point);
    weir_batch_u8(batch, WEIR_COLUMN_TTL_MIN)[row] = hot->ttl_min;
    weir_batch_u8(batch, WEIR_COLUMN_TTL_MAX)[row] = hot->ttl_max;
    weir_batch_u16(batch, WEIR_COLUMN_VLAN)[row] = (uint16_t)cold->vlan;
    weir_batch_u8(batch, WEIR_COLUMN_END_REASON)[row] = (uint8_t)reason;
    if (shape & SHAPE_V6)
        weir_batch_u32(batch, WEIR_COLUMN_FLOW_LABEL)[row] = cold->flow_label;
    if (shape & SHAPE_ICMP) {
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[row] = (uint8_t)(key->dst_port >> 8);
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[row] = (uint8_t)key->dst_port;
    }
    if (rows->shapes[shape].count == batch->row_capacity)
        hand_on(rows, shape, now_ns);
}
