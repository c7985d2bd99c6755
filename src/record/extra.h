/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of Flow Records that have no column: what a flow definition asks the Metering Process for
 * beside the usual. A batch carries them as the octets that an export record has in their place,
 * so that an exporter copies them and what prints reads them by their elements.
 *
 *     struct weir_extra_fields extra = {0};
 *     weir_extra_add(&extra, "ttl", (struct weir_field){0, 192, 1});
 *     weir_batch_set_extra(batch, &extra);
 *
 * Open value without ownership; the names are borrowed, and constant texts as a rule. Limits: so
 * many fields, and so many octets, that a record fits into a message for any path.
 */
#ifndef WEIR_RECORD_EXTRA_H
#define WEIR_RECORD_EXTRA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/template.h"

#define WEIR_EXTRA_FIELDS_MAX 32u
#define WEIR_EXTRA_OCTETS_MAX 256u

struct weir_extra_field {
    struct weir_field field; /* of fixed length; its octets are in network order */
    uint16_t offset;         /* in a row's octets */
    const char *name;        /* as flow definitions and tables call it */
};

struct weir_extra_fields {
    uint16_t count;
    uint16_t row_octets;
    uint16_t key_count; /* so many of them, from the first on, are Flow Keys */
    struct weir_extra_field fields[WEIR_EXTRA_FIELDS_MAX];
};

/* Adds a field behind the others. 0, or WEIR_E_LIMIT and nothing is added. */
WEIR_CHECKED static inline int weir_extra_add(struct weir_extra_fields *extra, const char *name,
                                              struct weir_field field)
{
    if (extra->count == WEIR_EXTRA_FIELDS_MAX ||
        field.length > WEIR_EXTRA_OCTETS_MAX - extra->row_octets)
        return WEIR_E_LIMIT;
    extra->fields[extra->count++] = (struct weir_extra_field){field, extra->row_octets, name};
    extra->row_octets = (uint16_t)(extra->row_octets + field.length);
    return 0;
}

/* Whether rows with the one and the other have the same fields; NULL: none. */
bool weir_extra_equal(const struct weir_extra_fields *a, const struct weir_extra_fields *b);

#endif
