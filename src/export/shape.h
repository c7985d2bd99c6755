/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the columns that records have to the Template that carries them.
 *
 * One table gives each column its Information Element and width for either address family and for
 * either way of telling time; a shape is a set of columns, the fields without a column, a family
 * and the protocol. NetFlow v1 and v5 have one shape, their fixed format, which carries IPv4 only;
 * NetFlow v9 has no elements of enterprises, so fields of those are left out.
 */
#ifndef WEIR_EXPORT_SHAPE_H
#define WEIR_EXPORT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/batch.h"
#include "record/template.h"
#include "wire/message.h"

struct weir_shape {
    weir_column_set columns;
    weir_column_set keys; /* of them, those that are Flow Keys */
    bool is_v6;
    bool names_sequence; /* column sampler has selection sequences, which IPFIX carries */
    uint8_t prefixes;    /* WEIR_SEGMENT_*_PREFIX */
    enum weir_protocol protocol;
    const struct weir_extra_fields *extra; /* that records have besides; NULL: none */
    struct weir_extra_absent absent;       /* of these the ones that they lack */
};

/*
 * The Template for a shape, its fields of variable length last, with field_count 0 where none of
 * its columns can be carried, made with malloc and the caller's to free; NULL without memory. Its
 * id is template_id, or the protocol's version for a fixed format.
 */
struct weir_template *weir_shape_template(const struct weir_shape *shape, uint16_t template_id);

/* Octets of that Template in a message, or more. */
size_t weir_shape_template_octets(const struct weir_shape *shape);

/*
 * What a plan encodes of that Template: its columns, and one field of padding in the place of the
 * extra fields of fixed length. So shapes whose records are as long have the same plan, however
 * many of them there are.
 */
struct weir_template *weir_shape_column_template(const struct weir_shape *shape);

/* Whether that Template is the same, but for the padding. */
bool weir_shape_same_columns(const struct weir_shape *a, const struct weir_shape *b);

/*
 * Copies the extra fields of `count` rows that are of fixed length into their records at `octets`,
 * which that plan encoded and which lie so many octets apart.
 */
void weir_shape_encode_extra(const struct weir_shape *shape, uint32_t record_octets,
                             const struct weir_batch *batch, uint32_t first_row, uint32_t count,
                             uint8_t *octets);

/* Octets of the others of a row, and these into the record behind what is of fixed length. */
size_t weir_shape_variable_octets(const struct weir_shape *shape, const struct weir_batch *batch,
                                  uint32_t row);
void weir_shape_encode_variable(const struct weir_shape *shape, const struct weir_batch *batch,
                                uint32_t row, uint8_t *octets);

/*
 * Bit n: field n of the shape's Template is a Flow Key, as flowKeyIndicator has it (RFC 7011
 * section 4.4). 0 for fixed formats, and where nobody said what the keys are.
 */
uint64_t weir_shape_keys(const struct weir_shape *shape);

/* Of extra fields those that the protocol has not: as good as absent. */
struct weir_extra_absent weir_shape_not_carried(enum weir_protocol protocol,
                                                const struct weir_extra_fields *extra);

/* Whether the protocol can carry flows of this family at all. */
bool weir_shape_is_carried(const struct weir_shape *shape);

#endif
