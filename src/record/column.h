/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column schema of Flow Records: what the Metering Process fills, what decode plans fill,
 * what the store writes and what queries name.
 *
 * WEIR_COLUMNS is the one list. Each row names a column, how a batch holds it, its unit, the
 * Information Element (IANA's registry, RFC 7012) it means, and a line of help; `weir query
 * --columns`, the Parquet schema and the reference are made from it. Further elements that carry
 * the same meaning under another number are in column.c (weir_column_for_element). Elements with
 * no column are kept in `other`.
 *
 *     enum weir_column column;
 *     if (weir_column_for_element(0, 7, &column) == 0)
 *         puts(weir_column_info(column)->help);
 *
 * All is constant; any thread may call.
 */
#ifndef WEIR_RECORD_COLUMN_H
#define WEIR_RECORD_COLUMN_H

#include <stdint.h>

#include "base/error.h"

/* How a batch holds a column's values: one dense array of the C type named. */
enum weir_column_type {
    WEIR_COLUMN_U8,
    WEIR_COLUMN_U16,
    WEIR_COLUMN_U32,
    WEIR_COLUMN_U64,
    WEIR_COLUMN_TIME,    /* int64_t, nanoseconds since 1970 */
    WEIR_COLUMN_ADDRESS, /* struct weir_address in two arrays of uint64_t: high words, low words */
    WEIR_COLUMN_MAC,     /* uint64_t, the low 48 bits, first octet highest */
    WEIR_COLUMN_TEXT,    /* struct weir_text: UTF-8 in the batch's text buffer */
    WEIR_COLUMN_TYPE_COUNT,
};

/*
 * X(NAME, name, TYPE, unit, element id, help). All elements are IANA's, but rev_*, which are the
 * same elements under RFC 5103's PEN 29305; 0: none. The columns of the first group are those of
 * the message and not of the record: a batch keeps them once a segment (batch.h), not once a row.
 */
#define WEIR_SEGMENT_COLUMNS(X)                                                               \
    X(RECEIVED, received, TIME, "ns", 0, "when the record's message arrived, or was metered") \
    X(EXPORTER, exporter, ADDRESS, "", 130, "address of the Exporting Process")               \
    X(DOMAIN, domain, U32, "", 149, "Observation Domain, source id or engine")                \
    X(PROTOCOL_VERSION, protocol_version, U8, "", 0,                                          \
      "1 5 7 8 9: NetFlow; 10: IPFIX; 105: sFlow 5; 0: metered here")                         \
    X(TEMPLATE, template, U16, "", 145, "Template ID the record came under")

#define WEIR_ROW_COLUMNS(X)                                                                       \
    X(START, start, TIME, "ns", 156, "time of the flow's first packet")                           \
    X(END, end, TIME, "ns", 157, "time of the flow's last packet")                                \
    X(SRC_ADDR, src_addr, ADDRESS, "", 8, "source address")                                       \
    X(DST_ADDR, dst_addr, ADDRESS, "", 12, "destination address")                                 \
    X(SRC_PORT, src_port, U16, "", 7, "source port")                                              \
    X(DST_PORT, dst_port, U16, "", 11, "destination port")                                        \
    X(PROTOCOL, protocol, U8, "", 4, "IP protocol number")                                        \
    X(TOS, tos, U8, "", 5, "IPv4 type of service or IPv6 traffic class")                          \
    X(TCP_FLAGS, tcp_flags, U16, "", 6, "union of the TCP flags seen, RFC 7125")                  \
    X(ICMP_TYPE, icmp_type, U8, "", 176, "ICMP or ICMPv6 type; 0 for other protocols")            \
    X(ICMP_CODE, icmp_code, U8, "", 177, "ICMP or ICMPv6 code; 0 for other protocols")            \
    X(PACKETS, packets, U64, "packets", 2, "packets of the flow, as observed; none: not counted") \
    X(BYTES, bytes, U64, "octets", 1, "octets of its IP packets, as observed; none: not counted") \
    X(REV_PACKETS, rev_packets, U64, "packets", 2, "packets of the reverse direction, RFC 5103")  \
    X(REV_BYTES, rev_bytes, U64, "octets", 1, "octets of the reverse direction, RFC 5103")        \
    X(SAMPLING, sampling, U32, "", 34, "one packet in this many was metered; none or 0: unknown") \
    X(SAMPLING_SIZE, sampling_size, U32, "", 309,                                                 \
      "so many packets, and not one, in what sampling says; none or 0: one")                      \
    X(FLOW_SELECTOR, flow_selector, U16, "", 390,                                                 \
      "how the flow was selected among others, RFC 7014's number; none: it was not")              \
    X(FLOW_PROBABILITY, flow_probability, U32, "10^-9", 0,                                        \
      "with what probability that was: a part of what sampling says; none or 0: 1")               \
    X(SAMPLER, sampler, U32, "", 302,                                                             \
      "sampler, selector or sequence of these that chose the flow's packets, by its number")      \
    X(IN_IF, in_if, U32, "", 10, "SNMP index of the interface the flow came in by")               \
    X(OUT_IF, out_if, U32, "", 14, "SNMP index of the interface the flow went out by")            \
    X(DIRECTION, direction, U8, "", 61, "0 ingress, 1 egress, at the Observation Point")          \
    X(TTL_MIN, ttl_min, U8, "hops", 52, "smallest TTL or hop limit seen")                         \
    X(TTL_MAX, ttl_max, U8, "hops", 53, "largest TTL or hop limit seen")                          \
    X(VLAN, vlan, U16, "", 58, "802.1Q VLAN")                                                     \
    X(POST_VLAN, post_vlan, U16, "", 59, "802.1Q VLAN on egress")                                 \
    X(SRC_MAC, src_mac, MAC, "", 56, "source MAC address")                                        \
    X(DST_MAC, dst_mac, MAC, "", 80, "destination MAC address")                                   \
    X(NEXT_HOP, next_hop, ADDRESS, "", 15, "next hop router")                                     \
    X(BGP_NEXT_HOP, bgp_next_hop, ADDRESS, "", 18, "next hop in BGP")                             \
    X(SRC_AS, src_as, U32, "", 16, "autonomous system of the source")                             \
    X(DST_AS, dst_as, U32, "", 17, "autonomous system of the destination")                        \
    X(SRC_MASK, src_mask, U8, "bits", 9, "prefix length of the route to the source")              \
    X(DST_MASK, dst_mask, U8, "bits", 13, "prefix length of the route to the destination")        \
    X(END_REASON, end_reason, U8, "", 136,                                                        \
      "1 idle, 2 active, 3 end of flow, 4 forced, 5 resources")                                   \
    X(NAT_SRC_ADDR, nat_src_addr, ADDRESS, "", 225, "source address after translation")           \
    X(NAT_DST_ADDR, nat_dst_addr, ADDRESS, "", 226, "destination address after translation")      \
    X(NAT_SRC_PORT, nat_src_port, U16, "", 227, "source port after translation")                  \
    X(NAT_DST_PORT, nat_dst_port, U16, "", 228, "destination port after translation")             \
    X(NAT_EVENT, nat_event, U8, "", 230, "NAT event, RFC 8158; its zero counters are none")       \
    X(FIREWALL_EVENT, firewall_event, U8, "", 233,                                                \
      "1 created, 2 deleted, 3 denied, 4 alert, 5 update; its zero counters are none")            \
    X(FLOW_LABEL, flow_label, U32, "", 31, "IPv6 flow label")                                     \
    X(APP, app, TEXT, "", 96, "application name, or id where no name is known")                   \
    X(OTHER, other, TEXT, "", 0, "elements without a column: one JSON object by IANA name")

#define WEIR_COLUMNS(X) WEIR_SEGMENT_COLUMNS(X) WEIR_ROW_COLUMNS(X)

enum weir_column {
#define X(NAME, name, TYPE, unit, element, help) WEIR_COLUMN_##NAME,
    WEIR_COLUMNS(X)
#undef X
        WEIR_COLUMN_COUNT
};

/* The first column that a row has a value of its own for. */
#define WEIR_COLUMN_FIRST_OF_ROW WEIR_COLUMN_START

/* A set of columns: bit 1 << column. */
typedef uint64_t weir_column_set;
_Static_assert(WEIR_COLUMN_COUNT <= 64, "weir_column_set has a bit for each column");
#define WEIR_COLUMN_BIT(NAME) ((weir_column_set)1 << WEIR_COLUMN_##NAME)

struct weir_column_info {
    const char *name; /* as filters and Parquet say it */
    const char *unit; /* "" where it has none */
    const char *help;
    enum weir_column_type type;
    uint32_t pen;     /* of the Information Element */
    uint16_t element; /* its number; 0: none */
};

/* What one text value is: `length` octets from `offset` of the batch's text buffer. */
struct weir_text {
    uint32_t offset;
    uint32_t length;
};

const struct weir_column_info *weir_column_info(enum weir_column column);

/* Octets of one value of this type in a batch: 16 for an address, 8 for struct weir_text. */
unsigned weir_column_width(enum weir_column_type type);

/*
 * The column that an Information Element fills: its own, or one of the same meaning
 * (sourceIPv6Address fills src_addr as sourceIPv4Address does, flowStartSeconds fills start).
 * 0, or WEIR_E_NOT_FOUND: the element goes to `other`. How its octets are read is plan.h's.
 */
WEIR_CHECKED int weir_column_for_element(uint32_t pen, uint16_t element,
                                         enum weir_column *ret_column);

/*
 * Of several elements of one record that fill the same column, the one of the lowest rank does; 0
 * is the column's own element. UINT_MAX: the element fills none.
 */
unsigned weir_column_rank(uint32_t pen, uint16_t element);

/* Both at once. */
WEIR_CHECKED int weir_column_find(uint32_t pen, uint16_t element, enum weir_column *ret_column,
                                  unsigned *ret_rank);

#endif
