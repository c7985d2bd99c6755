/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields: what a question can name. A field is a column of the store (record/column.h), something
 * computed from columns, or an Information Element that is kept in `other`.
 *
 *     struct weir_query_field field;
 *     if (weir_query_field_by_name("src_addr/24", &field) == 0)
 *         weir_query_field_name(&field, text);
 *
 * Also the phrases of nfdump's and tcpdump's languages ("src port", "net", "tcp"), which stand for
 * one or two fields. All is constant; any thread may call.
 */
#ifndef WEIR_QUERY_FIELD_H
#define WEIR_QUERY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ie/element.h"
#include "query/names.h"
#include "record/column.h"

/* What is computed: C(NAME, name, TYPE, maximum, unit, help). Maximum 0: the type's own. */
#define WEIR_COMPUTED(C)                                                                         \
    C(DURATION_MS, duration_ms, DURATION, 0, "ms", "end - start, whole milliseconds")            \
    C(DSCP, dscp, UINT, 63, "", "differentiated services code point: tos / 4")                   \
    C(IP_VERSION, ip_version, UINT, 255, "", "4 or 6, by the source address")                    \
    C(PPS, pps, REAL, 0, "packets/s", "packets a second of the flow's duration")                 \
    C(BPS, bps, REAL, 0, "bits/s", "bits a second of the flow's duration")                       \
    C(BPP, bpp, REAL, 0, "octets", "octets a packet")                                            \
    C(FLOWS_ESTIMATED, flows_estimated, REAL, 0, "flows", "flows that it was selected of")       \
    C(FLOWS_ERROR, flows_error, REAL, 0, "flows", "standard error of flows_estimated")           \
    C(PACKETS_ERROR, packets_error, REAL, 0, "packets", "standard error of packets, estimated")  \
    C(BYTES_ERROR, bytes_error, REAL, 0, "octets", "standard error of bytes, estimated")         \
    C(REV_PACKETS_ERROR, rev_packets_error, REAL, 0, "packets", "standard error of rev_packets") \
    C(REV_BYTES_ERROR, rev_bytes_error, REAL, 0, "octets", "standard error of rev_bytes")

enum weir_computed {
#define C(NAME, name, TYPE, maximum, unit, help) WEIR_COMPUTED_##NAME,
    WEIR_COMPUTED(C)
#undef C
        WEIR_COMPUTED_COUNT
};

/* How a field's values are written in a question, and compared. */
enum weir_value_type {
    WEIR_VALUE_UINT,
    WEIR_VALUE_INT,
    WEIR_VALUE_REAL,
    WEIR_VALUE_BOOL,
    WEIR_VALUE_TEXT,
    WEIR_VALUE_ADDRESS,
    WEIR_VALUE_MAC,
    WEIR_VALUE_TIME,
    WEIR_VALUE_DURATION, /* compared as milliseconds */
    WEIR_VALUE_FLAGS,
};

enum weir_query_field_source {
    WEIR_QUERY_FIELD_COLUMN,
    WEIR_QUERY_FIELD_COMPUTED,
    WEIR_QUERY_FIELD_ELEMENT,
};

#define WEIR_QUERY_FIELD_UNMASKED 255

struct weir_query_field {
    enum weir_query_field_source source;
    union {
        enum weir_column column;
        enum weir_computed computed;
        const struct weir_element *element;
    };
    enum weir_value_type type;
    enum weir_names names; /* words that stand for values */
    uint64_t maximum;      /* of UINT and FLAGS */
    uint8_t keep_v4;       /* leading bits of an IPv4 address that count, or UNMASKED */
    uint8_t keep_v6;
};

struct weir_query_field weir_query_field_of_column(enum weir_column column);
struct weir_query_field weir_query_field_of_computed(enum weir_computed computed);

/*
 * A column, a computed one, or an Information Element that has no column; element names of
 * columns are the column. An address may have "/BITS", which keeps that many leading bits of IPv4
 * addresses, and 64 of IPv6 ones, or "/BITS/BITS6"; more than 32 BITS mean IPv6 and leave IPv4
 * whole. 0; WEIR_E_NOT_FOUND; WEIR_E_USAGE for bits out of place.
 */
WEIR_CHECKED int weir_query_field_by_name(const char *name, struct weir_query_field *ret_field);

/* The name it is known by, "src_addr/24"; returns its length. */
#define WEIR_QUERY_FIELD_NAME_MAX 128
size_t weir_query_field_name(const struct weir_query_field *field,
                             char text[WEIR_QUERY_FIELD_NAME_MAX]);

const char *weir_query_field_unit(const struct weir_query_field *field);

/* True of a column that is what its leaves hold: of flows that are not ICMP's, ICMP's are none. */
bool weir_query_field_is_stored(const struct weir_query_field *field);

/* True of counters that sampling scales: packets, bytes and their reverse. */
bool weir_query_field_is_counter(const struct weir_query_field *field);

/*
 * Errors of estimates (query/error.h): whether the field is one, and which is that of a counter or
 * of flows_estimated; false: none.
 */
bool weir_query_field_is_error(const struct weir_query_field *field);
bool weir_query_field_error_of(const struct weir_query_field *field,
                               struct weir_query_field *ret_error);

struct weir_computed_info {
    const char *name;
    const char *unit;
    const char *help;
};
const struct weir_computed_info *weir_computed_info(enum weir_computed computed);

/* What a phrase stands for. */
enum weir_phrase_form {
    WEIR_PHRASE_FIELD,    /* fields[0], and a value comes */
    WEIR_PHRASE_EITHER,   /* fields[0] or fields[1], and a value comes */
    WEIR_PHRASE_PROTOCOL, /* `value` is the protocol, no value comes */
    WEIR_PHRASE_FAMILY,   /* `value` is the IP version, no value comes */
    WEIR_PHRASE_ANY,      /* every flow */
};

struct weir_phrase {
    const char *text; /* lower case, words with one space between them */
    enum weir_phrase_form form;
    struct weir_query_field fields[2];
    uint8_t value;
};

/* The phrase of this text in any case, or NULL through false. */
bool weir_phrase_find(const char *text, struct weir_phrase *ret_phrase);

/* Words of the longest phrase. */
#define WEIR_PHRASE_WORDS_MAX 3

/* The phrase, column or element that a mistyped one is nearest to, or NULL. */
const char *weir_query_field_nearest(const char *text);

#endif
