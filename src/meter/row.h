/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a flow that ends becomes a row. All of it is inlined where flows end: where a definition of
 * flows is a usual one, the compiler knows what their rows cannot have. Private to meter/.
 */
#ifndef WEIR_METER_ROW_H
#define WEIR_METER_ROW_H

#include "meter/rows.h"

#define WEIR_ROW_INLINE static inline __attribute__((always_inline))

WEIR_ROW_INLINE unsigned weir_row_shape(const struct weir_meter_rows *rows,
                                        const struct weir_flow_key *key, bool has_reverse)
{
    bool is_v6 = key->observation_point & WEIR_FLOW_KEY_V6;
    bool is_icmp = rows->has_icmp && key->protocol == weir_icmp_protocol(is_v6);
    return (is_v6 ? WEIR_SHAPE_V6 : 0) | (is_icmp ? WEIR_SHAPE_ICMP : 0) |
           (has_reverse ? WEIR_SHAPE_REVERSE : 0);
}

WEIR_ROW_INLINE void weir_row_fill_key(const struct weir_batch *batch, uint32_t row,
                                       const struct weir_flow_key *key)
{
    weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[row] = key->src_addr.high;
    weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row] = key->src_addr.low;
    weir_batch_high(batch, WEIR_COLUMN_DST_ADDR)[row] = key->dst_addr.high;
    weir_batch_low(batch, WEIR_COLUMN_DST_ADDR)[row] = key->dst_addr.low;
    weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[row] = key->src_port;
    weir_batch_u16(batch, WEIR_COLUMN_DST_PORT)[row] = key->dst_port;
    weir_batch_u8(batch, WEIR_COLUMN_PROTOCOL)[row] = key->protocol;
}

WEIR_ROW_INLINE void weir_row_fill_interfaces(const struct weir_meter_rows *rows,
                                              const struct weir_batch *batch, uint32_t row,
                                              uint16_t point)
{
    bool is_egress = point & WEIR_POINT_EGRESS;
    uint32_t index = weir_meter_rows_if_index(rows, point);
    weir_batch_u32(batch, WEIR_COLUMN_IN_IF)[row] = is_egress ? 0 : index;
    if (!rows->layout.tells_direction)
        return;
    weir_batch_u32(batch, WEIR_COLUMN_OUT_IF)[row] = is_egress ? index : 0;
    weir_batch_u8(batch, WEIR_COLUMN_DIRECTION)[row] = is_egress;
}

/* What only rows of some shapes have. */
WEIR_ROW_INLINE void weir_row_fill_shape(const struct weir_batch *batch, uint32_t row,
                                         unsigned shape, const struct weir_flow_view *flow)
{
    if (shape & WEIR_SHAPE_V6)
        weir_batch_u32(batch, WEIR_COLUMN_FLOW_LABEL)[row] = flow->cold->flow_label;
    if (shape & WEIR_SHAPE_ICMP) {
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_TYPE)[row] = (uint8_t)(flow->key->dst_port >> 8);
        weir_batch_u8(batch, WEIR_COLUMN_ICMP_CODE)[row] = (uint8_t)flow->key->dst_port;
    }
    if (flow->reverse) {
        weir_batch_u64(batch, WEIR_COLUMN_REV_PACKETS)[row] = flow->reverse->sum.packets;
        weir_batch_u64(batch, WEIR_COLUMN_REV_BYTES)[row] = flow->reverse->sum.octets;
    }
}

/*
 * Adds the record of a flow; a batch that is full goes to the sink, as metered at now_ns. The
 * arrays of all shapes exist, so that columns a shape lacks may be filled in vain.
 */
WEIR_ROW_INLINE void weir_row_add(struct weir_meter_rows *rows, const struct weir_flow_view *flow,
                                  int64_t now_ns)
{
    const struct weir_flow_sum *sum = &flow->hot->sum;
    unsigned shape = weir_row_shape(rows, flow->key, flow->reverse != NULL);
    const struct weir_batch *batch = rows->shapes[shape].batch;
    uint32_t row = rows->shapes[shape].count++;

    weir_batch_time(batch, WEIR_COLUMN_START)[row] = flow->first_ns;
    weir_batch_time(batch, WEIR_COLUMN_END)[row] = flow->last_ns;
    weir_row_fill_key(batch, row, flow->key);
    weir_batch_u8(batch, WEIR_COLUMN_TOS)[row] = flow->tos;
    weir_batch_u16(batch, WEIR_COLUMN_TCP_FLAGS)[row] = sum->state & WEIR_FLOW_TCP_FLAGS;
    weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = sum->packets;
    weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = sum->octets & WEIR_FLOW_OCTETS_MASK;
    weir_row_fill_interfaces(rows, batch, row, flow->cold->observation_point);
    weir_batch_u8(batch, WEIR_COLUMN_TTL_MIN)[row] = sum->ttl_min;
    weir_batch_u8(batch, WEIR_COLUMN_TTL_MAX)[row] = sum->ttl_max;
    weir_batch_u16(batch, WEIR_COLUMN_VLAN)[row] = (uint16_t)flow->cold->vlan;
    weir_batch_u8(batch, WEIR_COLUMN_END_REASON)[row] = flow->reason;
    weir_row_fill_shape(batch, row, shape, flow);
    if (rows->is_unusual) {
        /* A copy, so that the flow need not be in memory for all. */
        const struct weir_flow_view whole = *flow;
        weir_meter_rows_add_unusual(rows, &whole, shape, row);
    }
    if (row + 1 == batch->row_capacity)
        weir_meter_rows_hand_on(rows, shape, now_ns);
}

#endif
