/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the columns that records have to the Template that carries them.
 *
 * One table gives each column its Information Element and width for either address family and for
 * either way of telling time; a shape is a set of columns, a family and the protocol. NetFlow v1
 * and v5 have one shape, their fixed format, which carries IPv4 only.
 */
#ifndef WEIR_EXPORT_SHAPE_H
#define WEIR_EXPORT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/column.h"
#include "record/template.h"
#include "wire/message.h"

#define WEIR_SHAPE_FIELDS_MAX 64u

struct weir_shape {
    weir_column_set columns;
    bool is_v6;
    enum weir_protocol protocol;
};

/*
 * The Template for a shape, with field_count 0 where none of its columns can be carried, made with
 * malloc and the caller's to free; NULL without memory. Its id is template_id, or the protocol's
 * version for a fixed format.
 */
struct weir_template *weir_shape_template(const struct weir_shape *shape, uint16_t template_id);

/* Whether the protocol can carry flows of this family at all. */
bool weir_shape_is_carried(const struct weir_shape *shape);

#endif
