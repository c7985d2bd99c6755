/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/recall.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536u

void weir_recall_init(struct weir_recall_table *table, const struct weir_hash_key *hash_key)
{
    *table = (struct weir_recall_table){
        .hash_key = *hash_key,
        .budget = {.limit = WEIR_RECALL_OCTETS},
    };
}

void weir_recall_close(struct weir_recall_table *table)
{
    free(table->buckets);
    *table = (struct weir_recall_table){0};
}

static size_t octets_of(const struct weir_recalled *record)
{
    return sizeof(*record) + record->length;
}

static void unlink_from_list(struct weir_recall *list, struct weir_recalled *record)
{
    if (record->older)
        record->older->newer = record->newer;
    else
        list->oldest = record->newer;
    if (record->newer)
        record->newer->older = record->older;
    else
        list->newest = record->older;
    list->count--;
}

static void link_newest(struct weir_recall *list, struct weir_recalled *record)
{
    record->newer = NULL;
    record->older = list->newest;
    if (list->newest)
        list->newest->newer = record;
    else
        list->oldest = record;
    list->newest = record;
    list->count++;
}

static void forget_oldest(struct weir_recall_table *table, struct weir_recall *list,
                          struct weir_template_pool *pool)
{
    struct weir_recalled *record = list->oldest;
    struct weir_recalled **link = &table->buckets[record->hash % BUCKETS];
    while (*link != record)
        link = &(*link)->next_in_bucket;
    *link = record->next_in_bucket;
    unlink_from_list(list, record);
    weir_budget_give_back(&table->budget, octets_of(record));
    weir_template_pool_give_back(pool, record->shared);
    free(record);
}

/* A record of a Template that the list does not have yet; takes over the Template's reference. */
static struct weir_recalled *add(struct weir_recall_table *table, struct weir_recall *list,
                                 struct weir_shared_template *shared, const uint8_t *octets,
                                 size_t length)
{
    size_t needed = sizeof(struct weir_recalled) + length;
    if (!weir_budget_take(&table->budget, needed))
        return NULL;
    struct weir_recalled *record = malloc(needed);
    if (!record) {
        weir_budget_give_back(&table->budget, needed);
        return NULL;
    }
    *record = (struct weir_recalled){.list = list, .shared = shared, .length = (uint32_t)length};
    if (length > 0)
        memcpy(record->octets, octets, length);
    return record;
}

static struct weir_recalled *find(const struct weir_recall_table *table,
                                  const struct weir_recall *list, uint64_t hash,
                                  const struct weir_template *source, const uint8_t *octets,
                                  size_t length)
{
    for (struct weir_recalled *record = table->buckets[hash % BUCKETS]; record;
         record = record->next_in_bucket)
        if (record->hash == hash && record->list == list && record->length == length &&
            weir_shared_template_is(record->shared, source) &&
            memcmp(record->octets, octets, length) == 0)
            return record;
    return NULL;
}

bool weir_recall_put(struct weir_recall_table *table, struct weir_recall *list,
                     struct weir_template_pool *pool, const struct weir_template *source,
                     const struct weir_plan_context *context, const uint8_t *octets, size_t length)
{
    if (!table->buckets)
        table->buckets = calloc(BUCKETS, sizeof(struct weir_recalled *));
    if (!table->buckets)
        return false;
    /* Many exporters send the same record. */
    const uint64_t words[2] = {weir_hash(&table->hash_key, octets, length), (uintptr_t)list};
    uint64_t hash = weir_hash(&table->hash_key, words, sizeof(words));
    struct weir_recalled *record = find(table, list, hash, source, octets, length);
    if (record) {
        unlink_from_list(list, record);
    } else {
        struct weir_shared_template *shared;
        if (weir_template_pool_take(pool, source, &shared) < 0)
            return false;
        record = add(table, list, shared, octets, length);
        if (!record) {
            weir_template_pool_give_back(pool, shared);
            return false;
        }
        struct weir_recalled **bucket = &table->buckets[hash % BUCKETS];
        record->hash = hash;
        record->next_in_bucket = *bucket;
        *bucket = record;
    }
    record->id = context->segment.template_id;
    record->received_ns = context->segment.received_ns;
    record->export_time_ns = context->export_time_ns;
    record->uptime_zero_ns = context->uptime_zero_ns;
    link_newest(list, record);
    if (list->count > WEIR_RECALL_MAX)
        forget_oldest(table, list, pool);
    return true;
}

void weir_recall_done(struct weir_recall_table *table, struct weir_recall *list,
                      struct weir_template_pool *pool)
{
    while (list->oldest)
        forget_oldest(table, list, pool);
}
