/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/template_pool.h"

#include <stdlib.h>
#include <string.h>

#include "collect/common.h"

/* What a plan takes beside the Template, as an estimate for the budget. */
#define PLAN_OCTETS          4608u
#define PLAN_OCTETS_OF_FIELD 240u

#define BUCKETS_FIRST 64u

void weir_template_pool_init(struct weir_template_pool *pool, size_t octets,
                             const struct weir_hash_key *hash_key)
{
    *pool = (struct weir_template_pool){.hash_key = *hash_key, .budget = {.limit = octets}};
}

void weir_template_pool_done(struct weir_template_pool *pool)
{
    free(pool->buckets);
    *pool = (struct weir_template_pool){0};
}

static uint64_t hash_of(const struct weir_template_pool *pool, const struct weir_template *source)
{
    const uint64_t words[2] = {
        weir_hash(&pool->hash_key, source->fields, source->field_count * sizeof(source->fields[0])),
        (uint64_t)source->scope_count << 32 | source->is_options,
    };
    return weir_hash(&pool->hash_key, words, sizeof(words));
}

const struct weir_plan *weir_shared_template_plan(struct weir_shared_template *shared)
{
    if (!shared->plan && weir_plan_compile(shared->source, &shared->plan) < 0)
        return NULL;
    return shared->plan;
}

void weir_shared_template_hold(struct weir_shared_template *shared)
{
    shared->references++;
}

bool weir_shared_template_is(const struct weir_shared_template *shared,
                             const struct weir_template *source)
{
    const struct weir_template *own = shared->source;
    return own->field_count == source->field_count && own->scope_count == source->scope_count &&
           own->is_options == source->is_options &&
           memcmp(own->fields, source->fields, own->field_count * sizeof(own->fields[0])) == 0;
}

/* Keeps chains short. Without memory they get longer, which is no failure. */
static int grow(struct weir_template_pool *pool)
{
    if (pool->count < pool->bucket_count)
        return 0;
    uint32_t count = pool->bucket_count ? pool->bucket_count * 2 : BUCKETS_FIRST;
    struct weir_shared_template **buckets = calloc(count, sizeof(struct weir_shared_template *));
    if (!buckets)
        return pool->buckets ? 0 : WEIR_E_NOMEM;
    for (uint32_t i = 0; i < pool->bucket_count; i++) {
        struct weir_shared_template *next;
        for (struct weir_shared_template *shared = pool->buckets[i]; shared; shared = next) {
            struct weir_shared_template **bucket = &buckets[shared->hash & (count - 1)];
            next = shared->next_in_bucket;
            shared->next_in_bucket = *bucket;
            *bucket = shared;
        }
    }
    free(pool->buckets);
    pool->buckets = buckets;
    pool->bucket_count = count;
    return 0;
}

static void free_shared(struct weir_template_pool *pool, struct weir_shared_template *shared)
{
    weir_budget_give_back(&pool->budget, shared->octets);
    weir_plan_free(shared->plan);
    free(shared->source);
    free(shared);
}

/* Makes one that is charged to the budget and in no bucket. */
static int make_shared(struct weir_template_pool *pool, const struct weir_template *source,
                       struct weir_shared_template **ret_shared)
{
    size_t octets = sizeof(**ret_shared) + weir_template_octets(source) + PLAN_OCTETS +
                    (size_t)source->field_count * PLAN_OCTETS_OF_FIELD;
    if (!weir_budget_take(&pool->budget, octets))
        return WEIR_E_LIMIT;
    struct weir_shared_template *shared = calloc(1, sizeof(*shared));
    if (!shared) {
        weir_budget_give_back(&pool->budget, octets);
        return WEIR_E_NOMEM;
    }
    shared->octets = octets;
    shared->has_common = weir_common_is_used(source);
    shared->source = weir_template_copy(source);
    if (!shared->source) {
        free_shared(pool, shared);
        return WEIR_E_NOMEM;
    }
    shared->source->id = 0;
    *ret_shared = shared;
    return 0;
}

int weir_template_pool_take(struct weir_template_pool *pool, const struct weir_template *source,
                            struct weir_shared_template **ret_shared)
{
    int result = grow(pool);
    if (result < 0)
        return result;
    uint64_t hash = hash_of(pool, source);
    struct weir_shared_template **bucket = &pool->buckets[hash & (pool->bucket_count - 1)];
    struct weir_shared_template *shared = *bucket;
    while (shared && (shared->hash != hash || !weir_shared_template_is(shared, source)))
        shared = shared->next_in_bucket;
    if (!shared) {
        result = make_shared(pool, source, &shared);
        if (result < 0)
            return result;
        shared->hash = hash;
        shared->next_in_bucket = *bucket;
        *bucket = shared;
        pool->count++;
    }
    shared->references++;
    *ret_shared = shared;
    return 0;
}

void weir_template_pool_give_back(struct weir_template_pool *pool,
                                  struct weir_shared_template *shared)
{
    if (--shared->references > 0)
        return;
    struct weir_shared_template **link = &pool->buckets[shared->hash & (pool->bucket_count - 1)];
    while (*link != shared)
        link = &(*link)->next_in_bucket;
    *link = shared->next_in_bucket;
    pool->count--;
    free_shared(pool, shared);
}
