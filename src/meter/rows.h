/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of the flow cache: ended flows become rows of column batches, one batch for each
 * shape, which go to the sink when they are full. Biflows have the counters of their reverse
 * direction in columns and fields of RFC 5103's elements; those of which no reverse packet was seen
 * are rows without these, as Uniflows are (RFC 5103 section 4).
 */
#ifndef WEIR_METER_ROWS_H
#define WEIR_METER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "meter/biflow.h"
#include "meter/definition.h"
#include "meter/estimate.h"
#include "meter/feature.h"
#include "record/batch.h"
#include "record/packet.h"

/* Bits of weir_flow_hot.sum.state above the TCP flags. */
#define WEIR_FLOW_TCP_FLAGS 0x01ffu
#define WEIR_FLOW_ENDED     0x8000u /* its connection has ended; it lingers */
#define WEIR_FLOW_LATE      0x4000u /* cold.times has its last time, not hot.last_seen */
#define WEIR_FLOW_SWAPPED   0x2000u /* a biflow whose source is the second of the key's endpoints */
#define WEIR_FLOW_FIN       0x1000u /* a FIN was seen, and is in an earlier record */
#define WEIR_FLOW_FIN_BACK  0x0800u /* the same of a biflow's other direction */

/* What stays where a flow goes on after a record. */
#define WEIR_FLOW_STAYS (WEIR_FLOW_ENDED | WEIR_FLOW_SWAPPED | WEIR_FLOW_FIN | WEIR_FLOW_FIN_BACK)

#define WEIR_FLOW_KEY_V6 0x8000u /* the family, in the highest bit of key.observation_point */

#define WEIR_FLOW_OCTETS_BITS 48u
#define WEIR_FLOW_OCTETS_MASK ((UINT64_C(1) << WEIR_FLOW_OCTETS_BITS) - 1)

/* What the packets of one direction come to, and when they came. */
struct weir_flow_sum {
    uint64_t octets;  /* in the low 48 bits */
    uint32_t packets; /* 0: none was seen, and the rest says nothing */
    uint16_t state;   /* their TCP flags; of the forward direction bits of the flow above them */
    uint8_t ttl_min;
    uint8_t ttl_max;
};

struct weir_flow_times {
    int64_t first_ns;
    int64_t last_ns;
};

/*
 * What every packet of a flow reads and writes. The sum is, of a biflow, its forward direction's;
 * above its octets is the coarse deadline (meter/limits.h). With no packets of either direction the
 * flow rests after a record.
 */
struct weir_flow_hot {
    struct weir_flow_key key;
    uint64_t last_seen; /* cache time at its last packet */
    struct weir_flow_sum sum;
};
_Static_assert(sizeof(struct weir_flow_hot) == 64, "one cache line");

/* What is needed when it begins and when it ends. */
struct weir_flow_cold {
    struct weir_flow_times times; /* the last with WEIR_FLOW_LATE only, which biflows always have */
    uint64_t deadline;            /* the last cache time at which its record may go on */
    uint32_t flow_label : 20;
    uint32_t vlan : 12;
    uint16_t observation_point;
    uint8_t tos;
    uint8_t bits; /* of the hash: they choose among the sets of its bucket */
};
_Static_assert(sizeof(struct weir_flow_cold) == 32, "half a cache line");

/* The other direction of a biflow; it lies behind the cold part, in the same cache line. */
struct weir_flow_reverse {
    struct weir_flow_times times;
    struct weir_flow_sum sum;
};
_Static_assert(sizeof(struct weir_flow_reverse) == 32, "half a cache line");

/* A flow that ends, as its record is made of it. */
struct weir_flow_view {
    const struct weir_flow_key *key; /* from the source's side */
    const struct weir_flow_hot *hot;
    const struct weir_flow_cold *cold;
    const struct weir_flow_reverse *reverse;    /* NULL: no packet of that direction was seen */
    const struct weir_flow_more_key *more;      /* NULL: the definition has no such keys */
    const struct weir_flow_more_key *more_mask; /* what of these are keys */
    const struct weir_feature_set *features;
    const uint8_t *states; /* of its features */
    const struct weir_sampling_design *sampling;
    int64_t first_ns;
    int64_t last_ns;
    uint8_t tos;       /* of the first packet; where it is a key, its bits */
    uint8_t reason;    /* enum weir_flow_end */
    bool by_perimeter; /* networks told a biflow's source, by what its keys have of addresses */
};

/* Bits of a shape's index. */
#define WEIR_SHAPE_V6      1u
#define WEIR_SHAPE_ICMP    2u
#define WEIR_SHAPE_REVERSE 4u
#define WEIR_ROW_SHAPES    8u

/* What the records of a cache are like. */
struct weir_meter_layout {
    struct weir_flow_definition definition;
    enum weir_biflow biflow;
    uint32_t domain;
    bool tells_direction; /* whether packets came in or went out, and by what */
    struct weir_sampling_design sampling;
};

struct weir_flow_property;

struct weir_meter_rows {
    struct weir_meter_layout layout;
    struct weir_batch_sink sink;
    struct weir_diag *diag; /* of the call in progress */
    int result;             /* the sink's first error */
    uint64_t handed_on;     /* rows that the sink took */
    bool has_icmp;          /* ICMP flows have one type and code, known from dst_port */
    bool has_more_columns;  /* keys of weir_flow_more_key, or prefix lengths */
    bool is_unusual;        /* rows have something that weir_meter_rows_add_unusual adds */
    uint32_t if_count;
    uint32_t *if_index;
    struct weir_feature_set features;
    struct weir_extra_fields extras[2]; /* of flows without and with a reverse direction */
    const struct weir_flow_property *properties[2][WEIR_EXTRA_FIELDS_MAX]; /* that write them */
    struct {
        struct weir_batch *batch; /* NULL: no such flows */
        weir_column_set columns;
        uint32_t count; /* rows filled */
    } shapes[WEIR_ROW_SHAPES];
};

/* The columns that some record may have. */
weir_column_set weir_meter_layout_columns(const struct weir_meter_layout *layout);

/* The fields without a column of flows with or without a reverse direction. */
void weir_meter_layout_extras(const struct weir_meter_layout *layout, bool has_reverse,
                              struct weir_extra_fields *ret_extra);

/* Fills zeroed rows. 0 or WEIR_E_NOMEM; weir_meter_rows_done is due in either case. */
WEIR_CHECKED int weir_meter_rows_init(struct weir_meter_rows *rows,
                                      const struct weir_batch_sink *sink,
                                      const struct weir_meter_layout *layout,
                                      uint32_t row_capacity);
void weir_meter_rows_done(struct weir_meter_rows *rows);

/* The ifIndex of an observation point. */
static inline uint32_t weir_meter_rows_if_index(const struct weir_meter_rows *rows, uint16_t point)
{
    uint16_t interface = point & WEIR_POINT_INTERFACE;
    return interface < rows->if_count ? rows->if_index[interface] : 0;
}

/* Hands on the rows of a shape, as metered at now_ns. */
void weir_meter_rows_hand_on(struct weir_meter_rows *rows, unsigned shape, int64_t now_ns);

/* The rest of a flow's row, which few definitions have: meter/row.h has what is usual. */
void weir_meter_rows_add_unusual(const struct weir_meter_rows *rows,
                                 const struct weir_flow_view *flow, unsigned shape, uint32_t row);

/* Hands on all batches that are not empty. */
void weir_meter_rows_flush(struct weir_meter_rows *rows, int64_t now_ns);

#endif
