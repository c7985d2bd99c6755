/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information Elements that an exporter described itself, RFC 5610: for those that the registry
 * does not know, records of a session are printed by this name and type.
 *
 *     struct weir_types types = {0};
 *     weir_types_put(&types, &described, name, length, &budget);     // by the learner
 *     const struct weir_element *element = weir_types_find(&types, 64512, 7);
 *     weir_types_done(&types, &budget);
 *
 * Nothing that the registry knows can be described anew, by number or by name, and nothing twice
 * in different ways: such an element is ignored from then on (RFC 5610 section 3.9). A name that
 * the registry or another element of the session has, that JSON lines use beside the elements, or
 * that has other characters than letters, digits, - and _ is left out: the element keeps its type
 * and "PEN/number". Limits: WEIR_TYPES_MAX a session, the budget of all. Threads: one.
 */
#ifndef WEIR_COLLECT_TYPES_H
#define WEIR_COLLECT_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "collect/budget.h"
#include "ie/element.h"

#define WEIR_TYPES_MAX     1024u
#define WEIR_TYPE_NAME_MAX 64u /* octets */

struct weir_type_entry;

struct weir_types {
    struct weir_type_entry **entries; /* by PEN and number */
    uint32_t count;
    uint32_t capacity;
};

/*
 * Takes a description in; pen, id, type and semantics of `described` count. 0: taken, repeated, or
 * of an element that the registry knows; WEIR_E_MALFORMED: contradicts an earlier one, or is none
 * that may be; WEIR_E_LIMIT; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_types_put(struct weir_types *types, const struct weir_element *described,
                                const uint8_t *name, size_t name_length,
                                struct weir_budget *budget);

/* The element as it was described; its name is "" where none was to be had. NULL: not known. */
const struct weir_element *weir_types_find(const struct weir_types *types, uint32_t pen,
                                           uint16_t id);

void weir_types_done(struct weir_types *types, struct weir_budget *budget);

/* For the table in options.c. */
struct weir_options_learner;
extern const struct weir_options_learner weir_types_learner;

#endif
