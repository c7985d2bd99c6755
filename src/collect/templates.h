/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Templates and Options Templates of one session, by id (256 to 65,535; both kinds share the
 * ids, RFC 7011 section 3.4.3), shared with other sessions in a pool.
 *
 *     struct weir_template_table table = {0};
 *     weir_template_table_put(&table, &pool, source, &origin, limit, &change);
 *     const struct weir_template_entry *entry = weir_template_table_find(&table, 256);
 *     weir_template_table_done(&table, &pool);
 *
 * Entries lie in the order of their ids and are few: a look-up is two or three comparisons in one
 * cache line, and never more than twelve.
 *
 * Ownership: the table owns its entries and a reference to each shared Template. Threads: one.
 * Limits: the number of Templates a session, and the budget that all share; what does not fit is
 * refused, what was there stays.
 */
#ifndef WEIR_COLLECT_TEMPLATES_H
#define WEIR_COLLECT_TEMPLATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "collect/template_pool.h"

/* Who sent a Template, and when. */
struct weir_template_origin {
    int64_t received_ns;
    uint16_t port;
};

struct weir_template_entry {
    struct weir_shared_template *shared;
    int64_t refreshed_ns; /* when it came last */
    uint16_t id;
    uint16_t port; /* from where */
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
                                         struct weir_template_pool *pool,
                                         const struct weir_template *source,
                                         const struct weir_template_origin *origin, uint32_t limit,
                                         enum weir_template_change *ret_change);

/* As put, with a Template of the pool; NULL is WEIR_E_LIMIT. */
WEIR_CHECKED int weir_template_table_share(struct weir_template_table *table,
                                           struct weir_template_pool *pool, uint16_t id,
                                           const struct weir_template_origin *origin,
                                           uint32_t limit, struct weir_shared_template *shared);

/*
 * Removes one; all of a kind (RFC 7011 section 8.1); or all that last came before a time (section
 * 8.4). Returns how many there were.
 */
uint32_t weir_template_table_remove(struct weir_template_table *table,
                                    struct weir_template_pool *pool, uint16_t id);
uint32_t weir_template_table_remove_kind(struct weir_template_table *table,
                                         struct weir_template_pool *pool, bool is_options);
uint32_t weir_template_table_expire(struct weir_template_table *table,
                                    struct weir_template_pool *pool, int64_t before_ns);

/*
 * Moves those that last came from a port into an empty table; those that there is no memory for go.
 */
void weir_template_table_move(struct weir_template_table *table, struct weir_template_table *into,
                              struct weir_template_pool *pool, uint16_t port);

/* Removes all. */
void weir_template_table_done(struct weir_template_table *table, struct weir_template_pool *pool);

#endif
