/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates with their decode plans, each kept once however many sessions have it.
 *
 * Thousands of routers of a kind send the same few Templates. Shared, they cost a pointer a
 * session, and the plans that decode them all stay in the processor's cache. What is shared is all
 * but the Template ID, which each session has its own for: a shared Template's id is 0.
 *
 *     struct weir_shared_template *shared;
 *     result = weir_template_pool_take(&pool, source, &shared);
 *     plan = weir_shared_template_plan(shared);
 *     weir_plan_decode(plan, ...);
 *     weir_template_pool_give_back(&pool, shared);
 *
 * A plan is made when the first record comes that needs it: who only sends Templates, however many
 * and large, costs no more than their octets.
 *
 * Look-up is O(1) and keyed. Ownership: the pool owns what it hands out; the last one to give it
 * back frees it. Threads: one. Limits: octets, of which tables of Templates take from too.
 */
#ifndef WEIR_COLLECT_TEMPLATE_POOL_H
#define WEIR_COLLECT_TEMPLATE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "collect/budget.h"
#include "record/plan.h"
#include "record/template.h"

struct weir_shared_template {
    struct weir_template *source; /* its id is 0 */
    struct weir_plan *plan;       /* made when it is asked for first */
    struct weir_shared_template *next_in_bucket;
    uint64_t hash;
    size_t octets; /* charged to the budget */
    uint32_t references;
    uint32_t number; /* scratch of who saves them */
    bool has_common; /* records refer to common properties, RFC 5473 */
};

struct weir_template_pool {
    struct weir_hash_key hash_key;
    struct weir_budget budget;
    struct weir_shared_template **buckets; /* a power of two of them; none at first */
    uint32_t bucket_count;
    uint32_t count;
};

/* Never fails; `octets` is the limit. */
void weir_template_pool_init(struct weir_template_pool *pool, size_t octets,
                             const struct weir_hash_key *hash_key);

/* Frees the pool, whose Templates have all been given back. */
void weir_template_pool_done(struct weir_template_pool *pool);

/*
 * The Template of this kind, scope and fields, made if need be, to be given back. 0; WEIR_E_LIMIT:
 * the budget is used up; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_template_pool_take(struct weir_template_pool *pool,
                                         const struct weir_template *source,
                                         struct weir_shared_template **ret_shared);

/* Its plan, charged already; NULL without memory. */
const struct weir_plan *weir_shared_template_plan(struct weir_shared_template *shared);

/* Another reference to one that is held already. */
void weir_shared_template_hold(struct weir_shared_template *shared);

/* Whether taking this Template would give this one. */
bool weir_shared_template_is(const struct weir_shared_template *shared,
                             const struct weir_template *source);

void weir_template_pool_give_back(struct weir_template_pool *pool,
                                  struct weir_shared_template *shared);

#endif
