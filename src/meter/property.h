/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties of packets and flows that a flow definition can name: as Flow Keys, as fields of
 * the records, or both. One table; each row says where a key's bits are, which column has the
 * value or, where no column does, which Information Element and how it is written.
 *
 * Names are the columns' (record/column.h) where there is one. Constant; any thread.
 */
#ifndef WEIR_METER_PROPERTY_H
#define WEIR_METER_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/feature.h"
#include "meter/key.h"
#include "meter/rows.h"
#include "record/column.h"
#include "record/template.h"

struct weir_flow_property {
    const char *name;
    const char *help;          /* one line, in the column's place */
    uint8_t column;            /* enum weir_column, or WEIR_COLUMN_COUNT: none */
    struct weir_field element; /* where it has no column */

    /* As a key: key_bits bits of key_octets octets of struct weir_flow_whole_key. */
    uint8_t key_offset;
    uint8_t key_octets; /* 16: an address; 0: it is no key */
    uint8_t key_bits;
    uint8_t key_shift; /* bits below them, which are none of it */
    uint8_t key_has;   /* enum weir_key_has: flows without this bit lack it; 0: all have it */

    bool is_field;   /* flows have it whether or not it is a key */
    bool is_biflows; /* only biflows have it */
    bool is_reverse; /* of the reverse direction: flows without one lack it */
    bool is_whole;   /* a number of something: as a key it has no mask */

    /* Of a feature: a member of its state, which is known where one of these bits is set. */
    uint8_t feature; /* enum weir_feature_id */
    uint8_t state_octets;
    uint16_t state_offset;
    uint32_t known;
    uint8_t group;         /* enum weir_flow_group, which names it with others */
    uint8_t name_kind;     /* enum weir_name_kind, of names out of payloads */
    bool is_quic;          /* of these only what QUIC carried */
    bool needs_connection; /* of a TCP connection, or it says nothing */
    uint16_t room;         /* of variable length: octets at most, its length included */
    uint16_t room_each;    /* and more for each that the feature's parameter says */

    /* The octets of the field; false: the flow has none. */
    bool (*write)(const struct weir_flow_view *flow, const struct weir_flow_property *property,
                  uint8_t *octets);
};

/* Names for many fields at once. */
enum weir_flow_group {
    WEIR_FLOW_GROUP_NONE,
    WEIR_FLOW_GROUP_TOTALS,
    WEIR_FLOW_GROUP_LENGTHS,
    WEIR_FLOW_GROUP_ESTIMATES,
    WEIR_FLOW_GROUP_IAT,
    WEIR_FLOW_GROUP_PAYLOAD,
    WEIR_FLOW_GROUP_FRAGMENTS,
    WEIR_FLOW_GROUP_LINK,
    WEIR_FLOW_GROUP_TCP,
    WEIR_FLOW_GROUP_RESPONSES,
    WEIR_FLOW_GROUP_SPLT,
    WEIR_FLOW_GROUP_TLS,
    WEIR_FLOW_GROUP_DNS,
    WEIR_FLOW_GROUP_HTTP,
    WEIR_FLOW_GROUP_COUNT,
};
extern const char *const weir_flow_group_names[WEIR_FLOW_GROUP_COUNT];

extern const struct weir_flow_property weir_flow_properties[];
extern const size_t weir_flow_property_count;

/* The property of this name of `length` octets, or NULL. */
const struct weir_flow_property *weir_flow_property_find(const char *name, size_t length);

#endif
