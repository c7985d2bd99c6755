/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing the fields of records as JSON, for json.c (lines and `other`) and list.c (RFC 6313,
 * whose lists hold records in turn). Private to record/.
 */
#ifndef WEIR_RECORD_PRINT_H
#define WEIR_RECORD_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "record/compiled.h"

/* One record on its way into `out`. */
struct weir_print {
    struct weir_text_buffer *out;
    const struct weir_plan_context *context; /* NULL: none */
    size_t start;                            /* of the record's text */
    unsigned depth;                          /* lists that are open */
    struct weir_list_counts counts;          /* of its lists */
};

/* The element of this number, from the registry or as the session described it; or NULL. */
const struct weir_element *weir_print_find(const struct weir_print *print, uint32_t pen,
                                           uint16_t id);

/* All fields of a located record as members, without braces. */
void weir_print_members(struct weir_print *print, const struct weir_plan *plan,
                        const struct weir_row *row);

/* One value; octets that its type does not allow as hexadecimal digits. NULL: an octet array. */
void weir_print_value(struct weir_print *print, const struct weir_element *element,
                      struct weir_octets value);

/*
 * A value of a list type as structure. False: it is none, or more than may be, and nothing was
 * added but to the counts; the caller then prints its octets.
 */
bool weir_print_list(struct weir_print *print, enum weir_type type, struct weir_octets value);

#endif
