/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the fields of each protocol's message header stand, and which clause of its specification
 * holds for what: tables for app/explain.c. A protocol is a row. Private to app/.
 */
#ifndef WEIR_APP_EXPLAIN_PROTOCOL_H
#define WEIR_APP_EXPLAIN_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a number in a header means to people. */
enum weir_header_meaning {
    WEIR_HEADER_NUMBER,   /* nothing further */
    WEIR_HEADER_TIME,     /* seconds since 1970 */
    WEIR_HEADER_UPTIME,   /* milliseconds since the exporter's start */
    WEIR_HEADER_SEQUENCE, /* in the unit of the protocol */
    WEIR_HEADER_SAMPLING, /* v5: mode in the top 2 bits, interval in the others */
};

struct weir_header_field {
    const char *name;
    uint16_t offset;
    uint8_t width;   /* 1 to 8 octets */
    uint8_t meaning; /* enum weir_header_meaning */
};

struct weir_protocol_rules {
    const char *title;
    uint16_t version; /* in the first two octets; sFlow, whose version has four: 0 */
    bool is_sflow;    /* its header has no fixed places: explain_sflow.c */
    const struct weir_header_field *fields;
    size_t field_count;
    /* The clauses that are broken where ... is malformed. */
    const char *header;
    const char *set;
    const char *template;
    const char *options_template;
    const char *record;
};

/* The protocol of this version, or NULL. Constant. */
const struct weir_protocol_rules *weir_protocol_rules_find(unsigned version);

#endif
