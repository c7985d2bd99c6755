/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of the flow cache: ended flows become rows of column batches, one batch for each
 * shape, which go to the sink when they are full.
 */
#ifndef WEIR_METER_ROWS_H
#define WEIR_METER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "meter/definition.h"
#include "record/batch.h"
#include "record/packet.h"

/* Bits of weir_flow_hot.state above the TCP flags. */
#define WEIR_FLOW_TCP_FLAGS 0x01ffu
#define WEIR_FLOW_ENDED     0x8000u /* its connection has ended; it lingers */
#define WEIR_FLOW_LATE      0x4000u /* cold.last_ns is its last time, not hot.last_seen */

#define WEIR_FLOW_OCTETS_BITS 48u
#define WEIR_FLOW_OCTETS_MASK ((UINT64_C(1) << WEIR_FLOW_OCTETS_BITS) - 1)

/* What every packet of a flow reads and writes. */
struct weir_flow_hot {
    struct weir_flow_key key;
    uint64_t last_seen; /* cache time at its last packet */
    uint64_t octets;    /* in the low 48 bits; above them coarse cache time at its first packet */
    uint32_t packets;
    uint16_t state;
    uint8_t ttl_min;
    uint8_t ttl_max;
};
_Static_assert(sizeof(struct weir_flow_hot) == 64, "one cache line");

/* What is needed when it begins and when it ends. */
struct weir_flow_cold {
    int64_t first_ns;
    int64_t last_ns;     /* with WEIR_FLOW_LATE only */
    uint64_t start_seen; /* cache time at its first packet */
    uint32_t flow_label : 20;
    uint32_t vlan : 12;
    uint16_t observation_point;
    uint8_t tos;
};
_Static_assert(sizeof(struct weir_flow_cold) == 32, "half a cache line");

#define WEIR_ROW_SHAPES 4u

struct weir_meter_rows {
    struct weir_batch_sink sink;
    struct weir_diag *diag; /* of the call in progress */
    int result;             /* the sink's first error */
    uint64_t handed_on;     /* rows that the sink took */
    bool has_icmp;          /* protocol and dst_port are keys: ICMP flows have one type and code */
    bool tells_direction;
    uint32_t domain;
    uint32_t if_count;
    uint32_t *if_index;
    struct {
        struct weir_batch *batch;
        weir_column_set columns;
        uint32_t count; /* rows filled */
    } shapes[WEIR_ROW_SHAPES];
};

/* The columns of the records of one shape. */
weir_column_set weir_meter_rows_columns(const struct weir_flow_definition *definition,
                                        bool tells_direction, unsigned shape);

/* Fills zeroed rows. 0 or WEIR_E_NOMEM; weir_meter_rows_done is due in either case. */
WEIR_CHECKED int weir_meter_rows_init(struct weir_meter_rows *rows,
                                      const struct weir_batch_sink *sink,
                                      const struct weir_flow_definition *definition,
                                      bool tells_direction, uint32_t domain, uint32_t row_capacity);
void weir_meter_rows_done(struct weir_meter_rows *rows);

/* Adds the record of a flow; a batch that is full goes to the sink, as metered at now_ns. */
void weir_meter_rows_add(struct weir_meter_rows *rows, const struct weir_flow_hot *hot,
                         const struct weir_flow_cold *cold, int64_t last_ns, unsigned reason,
                         int64_t now_ns);

/* Hands on all batches that are not empty. */
void weir_meter_rows_flush(struct weir_meter_rows *rows, int64_t now_ns);

#endif
