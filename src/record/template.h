/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Template: which Information Elements a Data Record holds, in which order and width
 * (RFC 7011 section 3.4, RFC 3954 section 5.2). The fixed formats NetFlow v1 to v8 are Templates
 * too, so that everything after the header has one decoder.
 *
 * Open value with its fields behind it; made by wire/ decoders, owned by who made it.
 *
 *     static const struct weir_field fields[] = {{0, 8, 4}, {0, 12, 4}};
 *     struct weir_template *t = weir_template_new(256, fields, 2);
 *     ...
 *     free(t);
 */
#ifndef WEIR_RECORD_TEMPLATE_H
#define WEIR_RECORD_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ie/element.h"

#define WEIR_LENGTH_VARIABLE 65535u /* RFC 7011 section 7 */

/*
 * NetFlow v9 numbers its scope fields apart from its other fields (RFC 3954 section 6.1): 1 System,
 * 2 Interface, 3 Line Card, 4 Cache, 5 Template. They stand under this PEN, which IANA reserves
 * and assigns to nobody, and are named scopeSystem, scopeInterface, scopeLineCard, scopeCache,
 * scopeTemplate.
 */
#define WEIR_PEN_NETFLOW9_SCOPE UINT32_MAX

struct weir_field {
    uint32_t pen;    /* 0: IANA */
    uint16_t id;     /* Information Element number, enterprise bit taken off; v9: all 16 bits */
    uint16_t length; /* octets, or WEIR_LENGTH_VARIABLE */
};

struct weir_template {
    uint16_t id;            /* 256 and up; those of fixed formats are below (wire/message.h) */
    uint16_t field_count;   /* scope fields included */
    uint16_t scope_count;   /* > 0: an Options Template; its first fields are the scope */
    bool is_options;        /* true also for a NetFlow v9 options template without scope */
    bool is_counters;       /* built-in: counters of an interface, neither flows nor options */
    bool is_variable;       /* some field has variable length */
    bool is_withdrawal;     /* RFC 7011 section 8.1: no fields; id 2 or 3: all of that kind */
    uint32_t record_length; /* octets of a record; of the smallest one where is_variable */
    struct weir_field fields[];
};

/* A Template of these fields on the heap, to be freed by the caller; NULL without memory. */
struct weir_template *weir_template_new(uint16_t id, const struct weir_field *fields,
                                        uint16_t field_count);

/* The same for an Options Template, whose first scope_count fields are the scope. */
struct weir_template *weir_template_new_options(uint16_t id, const struct weir_field *fields,
                                                uint16_t field_count, uint16_t scope_count);

/* A copy on the heap; NULL without memory. */
struct weir_template *weir_template_copy(const struct weir_template *source);

/* Whether both say the same: id, kind, scope and fields in order. */
bool weir_template_equal(const struct weir_template *a, const struct weir_template *b);

/* What the field means, NetFlow v9's scopes included; NULL: an element that is not known. */
const struct weir_element *weir_field_element(const struct weir_field *field);

/* Octets of the value with its fields. */
size_t weir_template_octets(const struct weir_template *source);

#endif
