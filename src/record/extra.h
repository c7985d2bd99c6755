/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of Flow Records that have no column: what a flow definition asks the Metering Process for
 * beside the usual. A batch carries them as the octets that an export record has in their place,
 * so that an exporter copies them and what prints reads them by their elements; those of variable
 * length with their length before them (RFC 7011 section 7). A row may lack some: they are none,
 * and exported by a Template without them.
 *
 *     struct weir_extra_fields extra = {0};
 *     weir_extra_add(&extra, "ttl", (struct weir_field){0, 192, 1});
 *     weir_batch_set_extra(batch, &extra);
 *
 * Open value without ownership; the names are borrowed, and constant texts as a rule. Limits: so
 * many fields, and so many octets in a row.
 */
#ifndef WEIR_RECORD_EXTRA_H
#define WEIR_RECORD_EXTRA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/template.h"

#define WEIR_EXTRA_FIELDS_MAX 192u
#define WEIR_EXTRA_OCTETS_MAX 4096u

struct weir_extra_field {
    struct weir_field field; /* its octets are in network order */
    uint16_t offset;         /* in a row's octets */
    uint16_t room;           /* octets there; of variable length the most, that length included */
    const char *name;        /* as flow definitions and tables call it */
};

struct weir_extra_fields {
    uint16_t count;
    uint16_t row_octets;
    uint16_t key_count; /* so many, from the first on, are Flow Keys, which no row lacks */
    struct weir_extra_field fields[WEIR_EXTRA_FIELDS_MAX];
};

/*
 * Adds a field behind the others, with room for so many octets. 0, or WEIR_E_LIMIT and nothing is
 * added.
 */
WEIR_CHECKED static inline int weir_extra_add_room(struct weir_extra_fields *extra,
                                                   const char *name, struct weir_field field,
                                                   uint16_t room)
{
    if (extra->count == WEIR_EXTRA_FIELDS_MAX || room > WEIR_EXTRA_OCTETS_MAX - extra->row_octets)
        return WEIR_E_LIMIT;
    extra->fields[extra->count++] = (struct weir_extra_field){field, extra->row_octets, room, name};
    extra->row_octets = (uint16_t)(extra->row_octets + room);
    return 0;
}

/* The same for one of fixed length. */
WEIR_CHECKED static inline int weir_extra_add(struct weir_extra_fields *extra, const char *name,
                                              struct weir_field field)
{
    return weir_extra_add_room(extra, name, field, field.length);
}

/* Of the fields of one row those that it lacks; all bits zero: none. */
struct weir_extra_absent {
    uint64_t words[WEIR_EXTRA_FIELDS_MAX / 64];
};

static inline bool weir_extra_lacks(const struct weir_extra_absent *absent, size_t field)
{
    return absent->words[field / 64] >> field % 64 & 1;
}

static inline void weir_extra_leave_out(struct weir_extra_absent *absent, size_t field)
{
    absent->words[field / 64] |= UINT64_C(1) << field % 64;
}

/* Octets of a variable-length field from its length on, that included. */
static inline size_t weir_extra_variable_octets(const uint8_t *octets)
{
    return octets[0] < 255 ? 1u + octets[0] : 3u + (size_t)(octets[1] << 8 | octets[2]);
}

/* Puts the length of so many octets before them; returns where they go. */
static inline uint8_t *weir_extra_begin_variable(uint8_t *octets, size_t length)
{
    if (length < 255) {
        octets[0] = (uint8_t)length;
        return octets + 1;
    }
    octets[0] = 255;
    octets[1] = (uint8_t)(length >> 8);
    octets[2] = (uint8_t)length;
    return octets + 3;
}

/* Whether rows with the one and the other have the same fields; NULL: none. */
bool weir_extra_equal(const struct weir_extra_fields *a, const struct weir_extra_fields *b);

#endif
