/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information Elements: the registry (IANA's and enterprises') as constant tables, made at build
 * time from the XML and CSV files in data/. RFC 7012 (model), RFC 7011 section 6 (encoding),
 * RFC 5610 (type information), RFC 5103 (reverse elements, PEN 29305).
 *
 *     const struct weir_element *e = weir_element_find(0, 8);     // sourceIPv4Address
 *     e = weir_element_by_name("octetDeltaCount");
 *     if (e && e->type == WEIR_TYPE_UNSIGNED64) ...
 *
 * Look-ups are O(1) and never allocate. All is constant; any thread may call.
 */
#ifndef WEIR_IE_ELEMENT_H
#define WEIR_IE_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Abstract data types with their numbers of IANA's informationElementDataType (RFC 5610). */
enum weir_type {
    WEIR_TYPE_OCTET_ARRAY = 0,
    WEIR_TYPE_UNSIGNED8 = 1,
    WEIR_TYPE_UNSIGNED16 = 2,
    WEIR_TYPE_UNSIGNED32 = 3,
    WEIR_TYPE_UNSIGNED64 = 4,
    WEIR_TYPE_SIGNED8 = 5,
    WEIR_TYPE_SIGNED16 = 6,
    WEIR_TYPE_SIGNED32 = 7,
    WEIR_TYPE_SIGNED64 = 8,
    WEIR_TYPE_FLOAT32 = 9,
    WEIR_TYPE_FLOAT64 = 10,
    WEIR_TYPE_BOOLEAN = 11,
    WEIR_TYPE_MAC_ADDRESS = 12,
    WEIR_TYPE_STRING = 13,
    WEIR_TYPE_DATE_TIME_SECONDS = 14,
    WEIR_TYPE_DATE_TIME_MILLISECONDS = 15,
    WEIR_TYPE_DATE_TIME_MICROSECONDS = 16,
    WEIR_TYPE_DATE_TIME_NANOSECONDS = 17,
    WEIR_TYPE_IPV4_ADDRESS = 18,
    WEIR_TYPE_IPV6_ADDRESS = 19,
    WEIR_TYPE_BASIC_LIST = 20,
    WEIR_TYPE_SUB_TEMPLATE_LIST = 21,
    WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST = 22,
    WEIR_TYPE_UNSIGNED256 = 23,
    WEIR_TYPE_COUNT,
};

/* IANA's informationElementSemantics. */
enum weir_semantics {
    WEIR_SEMANTICS_DEFAULT = 0,
    WEIR_SEMANTICS_QUANTITY = 1,
    WEIR_SEMANTICS_TOTAL_COUNTER = 2,
    WEIR_SEMANTICS_DELTA_COUNTER = 3,
    WEIR_SEMANTICS_IDENTIFIER = 4,
    WEIR_SEMANTICS_FLAGS = 5,
    WEIR_SEMANTICS_LIST = 6,
    WEIR_SEMANTICS_SNMP_COUNTER = 7,
    WEIR_SEMANTICS_SNMP_GAUGE = 8,
    WEIR_SEMANTICS_COUNT,
};

#define WEIR_PEN_REVERSE 29305u /* RFC 5103: the IANA element of the same number, reversed */

/*
 * What NetFlow v1 to v8, sFlow and flow definitions have and IANA has no element for
 * (data/enterprise/builtin.csv). The PEN is nobody's; `weir meter` sends it with what flow
 * definitions name and what it reports of itself, and describes these elements (RFC 5610).
 */
#define WEIR_PEN_BUILTIN (UINT32_MAX - 1)

/* In the number of an element of these: the same of a biflow's reverse direction. */
#define WEIR_ELEMENT_REVERSE 0x4000u

struct weir_element {
    const char *name;  /* "octetDeltaCount"; reverse ones "reverseOctetDeltaCount" */
    const char *units; /* "octets"; "" where the registry has none */
    uint64_t range_min;
    uint64_t range_max; /* what values mean something, where has_range */
    uint32_t pen;       /* 0: IANA */
    uint16_t id;
    uint8_t type;       /* enum weir_type */
    uint8_t semantics;  /* enum weir_semantics */
    bool has_range;     /* false: the whole range of the type */
    bool is_deprecated; /* or obsolete: still decoded, no longer to be exported */
};

/* The element of this enterprise and number, or NULL where the registry does not know it. */
const struct weir_element *weir_element_find(uint32_t pen, uint16_t id);

/* The element of this name, exact case; IANA's wins over an enterprise's. NULL: none. */
const struct weir_element *weir_element_by_name(const char *name);

/* All elements, ordered by PEN and number. */
const struct weir_element *weir_elements(size_t *ret_count);

/* The element whose name differs least from a mistyped one, for error messages; NULL: none near. */
const struct weir_element *weir_element_nearest(const char *name);

/* "unsigned32", "dateTimeMilliseconds"; never NULL. */
const char *weir_type_text(enum weir_type type);

/* "deltaCounter", "identifier"; "default" where the registry says nothing. */
const char *weir_semantics_text(enum weir_semantics semantics);

/* Who gave out the numbers of this PEN: "IANA", "Cisco"; "" where that is not known here. */
const char *weir_enterprise_text(uint32_t pen);

/* Octets of the type at full size, 65535 for types of variable length. */
uint16_t weir_type_length(enum weir_type type);

#endif
