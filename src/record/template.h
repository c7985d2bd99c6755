/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Template: which Information Elements a Data Record holds, in which order and width
 * (RFC 7011 section 3.4, RFC 3954 section 5.2). The fixed formats NetFlow v1 to v8 are Templates
 * too, so that everything after the header has one decoder.
 *
 * Open value with its fields behind it; made by wire/ decoders, owned by who made it.
 */
#ifndef WEIR_RECORD_TEMPLATE_H
#define WEIR_RECORD_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_LENGTH_VARIABLE 65535u /* RFC 7011 section 7 */

struct weir_field {
    uint32_t pen;    /* 0: IANA */
    uint16_t id;     /* Information Element number, enterprise bit taken off */
    uint16_t length; /* octets, or WEIR_LENGTH_VARIABLE */
};

struct weir_template {
    uint16_t id;            /* 256 and up; fixed formats: the protocol's version */
    uint16_t field_count;   /* scope fields included; 0: a withdrawal (RFC 7011 section 8.1) */
    uint16_t scope_count;   /* > 0: an Options Template; its first fields are the scope */
    bool is_options;        /* true also for a NetFlow v9 options template without scope */
    bool is_variable;       /* some field has variable length */
    uint32_t record_length; /* octets of a record; of the smallest one where is_variable */
    struct weir_field fields[];
};

#endif
