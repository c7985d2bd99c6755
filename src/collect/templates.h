/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Templates and Options Templates of one session, by id (256 to 65,535; both kinds share the
 * ids, RFC 7011 section 3.4.3), each with its decode plan.
 *
 *     struct weir_template_table table = {0};
 *     weir_template_table_put(&table, source, limit, &budget, &change);
 *     const struct weir_template_entry *entry = weir_template_table_find(&table, 256);
 *     weir_template_table_done(&table, &budget);
 *
 * Ownership: the table owns copies of what is put. Threads: one. Limits: the number of Templates
 * a session, and the budget that all share; what does not fit is refused, what was there stays.
 */
#ifndef WEIR_COLLECT_TEMPLATES_H
#define WEIR_COLLECT_TEMPLATES_H

#include <stdint.h>

#include "base/error.h"
#include "collect/budget.h"
#include "record/plan.h"
#include "record/template.h"

struct weir_template_entry {
    struct weir_template *source;
    struct weir_plan *plan;
    size_t octets; /* charged to the budget */
};

struct weir_template_table {
    struct weir_template_entry *entries; /* by id */
    uint32_t count;
    uint32_t capacity;
};

enum weir_template_change {
    WEIR_TEMPLATE_NEW,
    WEIR_TEMPLATE_REPEATED, /* the same again */
    WEIR_TEMPLATE_REDEFINED,
};

/* The entry of this id, valid until the next put or remove; or NULL. */
const struct weir_template_entry *weir_template_table_find(const struct weir_template_table *table,
                                                           uint16_t id);

/*
 * Takes a Template in, in place of one of its id. 0; WEIR_E_LIMIT: `limit` Templates are there, or
 * the budget is used up; WEIR_E_NOMEM. On failure the table is as it was.
 */
WEIR_CHECKED int weir_template_table_put(struct weir_template_table *table,
                                         const struct weir_template *source, uint32_t limit,
                                         struct weir_budget *budget,
                                         enum weir_template_change *ret_change);

/* Removes one, or all of a kind (RFC 7011 section 8.1); returns how many there were. */
uint32_t weir_template_table_remove(struct weir_template_table *table, uint16_t id,
                                    struct weir_budget *budget);
uint32_t weir_template_table_remove_kind(struct weir_template_table *table, bool is_options,
                                         struct weir_budget *budget);

void weir_template_table_done(struct weir_template_table *table, struct weir_budget *budget);

#endif
