/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow definitions: which bits of a packet's properties are Flow Keys (RFC 7011 section 2), and
 * which fields the records of the flows have.
 *
 *     keys=src_addr/26,dst_addr/26,dscp fields=packets,bytes,start,end
 *
 *     struct weir_flow_definition definition;
 *     if (weir_flow_definition_parse(text, &definition, &diag) < 0)
 *         ...
 *
 * A key is the name of a property (meter/property.h). NAME/BITS takes its highest bits: of an
 * address in either family, NAME/BITS/BITS6 in each, and more than 32 leave IPv4 whole. NAME&MASK
 * takes the bits of a number, as in src_port&0xff00. Packets of different address families are
 * never of one flow. Records have the keys and the fields named; without fields= the usual ones.
 *
 * A definition compiles into masks over the cache's key layout (meter/key.h), a set of columns and
 * a list of extra fields (record/extra.h); which of the cache's paths it takes follows from the
 * masks. Open value; no ownership, any thread.
 */
#ifndef WEIR_METER_DEFINITION_H
#define WEIR_METER_DEFINITION_H

#include <stdbool.h>

#include "base/error.h"
#include "meter/key.h"
#include "record/column.h"
#include "record/extra.h"

#define WEIR_FLOW_DEFINITION_TEXT_MAX 4096u

enum { WEIR_FAMILY_V4, WEIR_FAMILY_V6, WEIR_FAMILY_COUNT };

/* Packets belong to one flow when their keys agree in the bits that are one here. */
struct weir_flow_definition {
    struct weir_flow_key mask[WEIR_FAMILY_COUNT];
    struct weir_flow_more_key more_mask;
    bool has_more;                       /* more_mask has bits */
    bool has_fields;                     /* they were named; else the usual ones */
    weir_column_set keys;                /* the columns of keys */
    weir_column_set fields;              /* and of named fields */
    uint8_t src_bits[WEIR_FAMILY_COUNT]; /* prefix lengths of the address keys */
    uint8_t dst_bits[WEIR_FAMILY_COUNT];
    uint8_t extra_count;
    uint8_t key_extra_count;               /* so many of them, from the first on, are keys */
    uint8_t extras[WEIR_EXTRA_FIELDS_MAX]; /* rows of weir_flow_properties */
    struct weir_extra_absent grouped;      /* those of them that only a group named */
    uint8_t splt_packets;                  /* that splt tells of */
};

/* Addresses, ports and protocol; NetFlow's seven add ToS and input interface. */
struct weir_flow_definition weir_flow_definition_5_tuple(void);
struct weir_flow_definition weir_flow_definition_7_tuple(void);

/* 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_flow_definition_parse(const char *text,
                                            struct weir_flow_definition *ret_definition,
                                            struct weir_diag *diag);

/*
 * Adds to the keys those of `names` ("layer,tunnel_type") that it has not got. 0, or WEIR_E_USAGE
 * with diag: records have no room for so many.
 */
WEIR_CHECKED int weir_flow_definition_add_keys(struct weir_flow_definition *definition,
                                               const char *names, struct weir_diag *diag);

/* The same of fields; those that a definition has which names none of its own stay. */
WEIR_CHECKED int weir_flow_definition_add_fields(struct weir_flow_definition *definition,
                                                 const char *names, struct weir_diag *diag);

/* True where every bit of both addresses is a key: packets of a flow have the same two ends. */
bool weir_flow_definition_has_ends(const struct weir_flow_definition *definition);

/*
 * True where every bit of addresses, ports and protocol is a key: a flow is then one direction of
 * one connection, and TCP flags can tell its end. Not where a length is one, too: a connection is
 * then as many flows as it has lengths, more than one set of the cache has room for.
 */
bool weir_flow_definition_has_connections(const struct weir_flow_definition *definition);

/*
 * Whether flows may have two directions (RFC 5103): there is a key that tells them apart, and what
 * is masked of sources is masked of destinations. 0, or WEIR_E_USAGE with diag.
 */
WEIR_CHECKED int weir_flow_definition_check_biflow(const struct weir_flow_definition *definition,
                                                   struct weir_diag *diag);

/* Whether it has no fields of biflows only. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_flow_definition_check_uniflow(const struct weir_flow_definition *definition,
                                                    struct weir_diag *diag);

/* Whether it has no fields of flows that never end only. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_flow_definition_check_ending(const struct weir_flow_definition *definition,
                                                   struct weir_diag *diag);

/* True where the type and code of ICMP flows are known from the keys protocol and dst_port. */
bool weir_flow_definition_has_icmp(const struct weir_flow_definition *definition);

#endif
