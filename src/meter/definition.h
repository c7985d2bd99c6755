/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow definitions: which bits of a packet's properties are Flow Keys (RFC 7011 section 2).
 *
 *     struct weir_flow_definition definition;
 *     if (weir_flow_definition_parse("keys=src_addr,dst_addr,protocol", &definition, &diag) < 0)
 *         ...
 *
 * Open value; no ownership, any thread.
 */
#ifndef WEIR_METER_DEFINITION_H
#define WEIR_METER_DEFINITION_H

#include <stdbool.h>

#include "base/error.h"
#include "record/column.h"
#include "record/packet.h"

/* Packets belong to one flow when their keys agree in the bits that are one here. */
struct weir_flow_definition {
    struct weir_flow_key mask;
};

/* Addresses, ports and protocol; NetFlow's seven add ToS and input interface. */
struct weir_flow_definition weir_flow_definition_5_tuple(void);
struct weir_flow_definition weir_flow_definition_7_tuple(void);

/*
 * Reads `keys=NAME,NAME...` with the column names src_addr, dst_addr, src_port, dst_port, protocol,
 * tos, in_if. 0, or WEIR_E_USAGE with diag.
 */
WEIR_CHECKED int weir_flow_definition_parse(const char *text,
                                            struct weir_flow_definition *ret_definition,
                                            struct weir_diag *diag);

/*
 * True where every bit of addresses, ports and protocol is a key: a flow is then one direction of
 * one connection, and TCP flags can tell its end.
 */
bool weir_flow_definition_has_connections(const struct weir_flow_definition *definition);

/* Columns that hold a property which is no key, so that no one value belongs to the flow. */
weir_column_set weir_flow_definition_absent(const struct weir_flow_definition *definition);

#endif
