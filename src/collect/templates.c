/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/templates.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_FIRST 4u

/* Index of the first entry whose id is not below this one. */
static uint32_t place_of(const struct weir_template_table *table, uint16_t id)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct weir_template_table *table, uint32_t place, uint16_t id)
{
    return place < table->count && table->entries[place].id == id;
}

const struct weir_template_entry *weir_template_table_find(const struct weir_template_table *table,
                                                           uint16_t id)
{
    uint32_t place = place_of(table, id);
    return is_at(table, place, id) ? &table->entries[place] : NULL;
}

static int make_room(struct weir_template_table *table, struct weir_template_pool *pool)
{
    if (table->count < table->capacity)
        return 0;
    uint32_t capacity = table->capacity ? table->capacity * 2 : ENTRIES_FIRST;
    size_t octets = (capacity - table->capacity) * sizeof(table->entries[0]);
    if (!weir_budget_take(&pool->budget, octets))
        return WEIR_E_LIMIT;
    struct weir_template_entry *grown =
        realloc(table->entries, capacity * sizeof(table->entries[0]));
    if (!grown) {
        weir_budget_give_back(&pool->budget, octets);
        return WEIR_E_NOMEM;
    }
    table->entries = grown;
    table->capacity = capacity;
    return 0;
}

/* Puts an entry, whose reference it takes over where it succeeds, at its place. */
static int put_entry(struct weir_template_table *table, struct weir_template_pool *pool,
                     const struct weir_template_entry *entry, uint32_t limit)
{
    uint32_t place = place_of(table, entry->id);
    if (is_at(table, place, entry->id)) {
        weir_template_pool_give_back(pool, table->entries[place].shared);
        table->entries[place] = *entry;
        return 0;
    }
    int result = table->count >= limit ? WEIR_E_LIMIT : make_room(table, pool);
    if (result < 0)
        return result;
    memmove(&table->entries[place + 1], &table->entries[place],
            (table->count - place) * sizeof(table->entries[0]));
    table->entries[place] = *entry;
    table->count++;
    return 0;
}

int weir_template_table_share(struct weir_template_table *table, struct weir_template_pool *pool,
                              uint16_t id, const struct weir_template_origin *origin,
                              uint32_t limit, struct weir_shared_template *shared)
{
    if (!shared)
        return WEIR_E_LIMIT;
    const struct weir_template_entry entry = {
        .shared = shared,
        .refreshed_ns = origin->received_ns,
        .id = id,
        .port = origin->port,
    };
    weir_shared_template_hold(shared);
    int result = put_entry(table, pool, &entry, limit);
    if (result < 0)
        weir_template_pool_give_back(pool, shared);
    return result;
}

int weir_template_table_put(struct weir_template_table *table, struct weir_template_pool *pool,
                            const struct weir_template *source,
                            const struct weir_template_origin *origin, uint32_t limit,
                            enum weir_template_change *ret_change)
{
    uint32_t place = place_of(table, source->id);
    struct weir_template_entry *known =
        is_at(table, place, source->id) ? &table->entries[place] : NULL;
    if (known && weir_shared_template_is(known->shared, source)) {
        known->refreshed_ns = origin->received_ns;
        known->port = origin->port;
        *ret_change = WEIR_TEMPLATE_REPEATED;
        return 0;
    }
    /* A stranger at the limit is not to cost a plan. */
    if (!known && table->count >= limit)
        return WEIR_E_LIMIT;
    struct weir_shared_template *shared;
    int result = weir_template_pool_take(pool, source, &shared);
    if (result < 0)
        return result;
    result = weir_template_table_share(table, pool, source->id, origin, limit, shared);
    weir_template_pool_give_back(pool, shared);
    if (result == 0)
        *ret_change = known ? WEIR_TEMPLATE_REDEFINED : WEIR_TEMPLATE_NEW;
    return result;
}

uint32_t weir_template_table_remove(struct weir_template_table *table,
                                    struct weir_template_pool *pool, uint16_t id)
{
    uint32_t place = place_of(table, id);
    if (!is_at(table, place, id))
        return 0;
    weir_template_pool_give_back(pool, table->entries[place].shared);
    table->count--;
    memmove(&table->entries[place], &table->entries[place + 1],
            (table->count - place) * sizeof(table->entries[0]));
    return 1;
}

/* Which entries go. */
struct condition {
    enum { OF_KIND, OLDER, OF_PORT } what;
    bool is_options;
    uint16_t port;
    int64_t before_ns;
};

static bool applies(const struct condition *condition, const struct weir_template_entry *entry)
{
    switch (condition->what) {
    case OF_KIND:
        return entry->shared->source->is_options == condition->is_options;
    case OLDER:
        return entry->refreshed_ns < condition->before_ns;
    case OF_PORT:
        return entry->port == condition->port;
    }
    return false;
}

static uint32_t remove_where(struct weir_template_table *table, struct weir_template_pool *pool,
                             const struct condition *condition)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct weir_template_entry *entry = &table->entries[i];
        if (applies(condition, entry))
            weir_template_pool_give_back(pool, entry->shared);
        else
            table->entries[kept++] = *entry;
    }
    uint32_t removed = table->count - kept;
    table->count = kept;
    return removed;
}

uint32_t weir_template_table_remove_kind(struct weir_template_table *table,
                                         struct weir_template_pool *pool, bool is_options)
{
    return remove_where(table, pool,
                        &(struct condition){.what = OF_KIND, .is_options = is_options});
}

uint32_t weir_template_table_expire(struct weir_template_table *table,
                                    struct weir_template_pool *pool, int64_t before_ns)
{
    return remove_where(table, pool, &(struct condition){.what = OLDER, .before_ns = before_ns});
}

void weir_template_table_move(struct weir_template_table *table, struct weir_template_table *into,
                              struct weir_template_pool *pool, uint16_t port)
{
    const struct condition condition = {.what = OF_PORT, .port = port};
    for (uint32_t i = 0; i < table->count; i++) {
        const struct weir_template_entry *entry = &table->entries[i];
        const struct weir_template_origin origin = {entry->refreshed_ns, port};
        if (applies(&condition, entry) &&
            weir_template_table_share(into, pool, entry->id, &origin, table->count, entry->shared) <
                0)
            break;
    }
    remove_where(table, pool, &condition);
}

void weir_template_table_done(struct weir_template_table *table, struct weir_template_pool *pool)
{
    for (uint32_t i = 0; i < table->count; i++)
        weir_template_pool_give_back(pool, table->entries[i].shared);
    weir_budget_give_back(&pool->budget, table->capacity * sizeof(table->entries[0]));
    free(table->entries);
    *table = (struct weir_template_table){0};
}
