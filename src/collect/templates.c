/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/templates.h"

#include <stdlib.h>
#include <string.h>

/* What a plan takes beside the Template, as an estimate for the budget. */
#define PLAN_OCTETS          4096u
#define PLAN_OCTETS_OF_FIELD 160u

/* Index of the first entry whose id is not below this one. */
static uint32_t place_of(const struct weir_template_table *table, uint16_t id)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->entries[middle].source->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct weir_template_table *table, uint32_t place, uint16_t id)
{
    return place < table->count && table->entries[place].source->id == id;
}

const struct weir_template_entry *weir_template_table_find(const struct weir_template_table *table,
                                                           uint16_t id)
{
    uint32_t place = place_of(table, id);
    return is_at(table, place, id) ? &table->entries[place] : NULL;
}

static void free_entry(struct weir_template_entry *entry, struct weir_budget *budget)
{
    weir_budget_give_back(budget, entry->octets);
    weir_plan_free(entry->plan);
    free(entry->source);
}

static int make_entry(const struct weir_template *source, struct weir_budget *budget,
                      struct weir_template_entry *ret_entry)
{
    struct weir_template_entry entry = {0};
    entry.octets = sizeof(entry) + weir_template_octets(source) + PLAN_OCTETS +
                   (size_t)source->field_count * PLAN_OCTETS_OF_FIELD;
    if (!weir_budget_take(budget, entry.octets))
        return WEIR_E_LIMIT;
    entry.source = weir_template_copy(source);
    int result = entry.source ? weir_plan_compile(source, &entry.plan) : WEIR_E_NOMEM;
    if (result < 0) {
        free_entry(&entry, budget);
        return result;
    }
    *ret_entry = entry;
    return 0;
}

static int make_room(struct weir_template_table *table)
{
    if (table->count < table->capacity)
        return 0;
    uint32_t capacity = table->capacity ? table->capacity * 2 : 8;
    struct weir_template_entry *grown =
        realloc(table->entries, capacity * sizeof(table->entries[0]));
    if (!grown)
        return WEIR_E_NOMEM;
    table->entries = grown;
    table->capacity = capacity;
    return 0;
}

int weir_template_table_put(struct weir_template_table *table, const struct weir_template *source,
                            uint32_t limit, struct weir_budget *budget,
                            enum weir_template_change *ret_change)
{
    uint32_t place = place_of(table, source->id);
    bool is_known = is_at(table, place, source->id);
    if (is_known && weir_template_equal(table->entries[place].source, source)) {
        *ret_change = WEIR_TEMPLATE_REPEATED;
        return 0;
    }
    if (!is_known && table->count >= limit)
        return WEIR_E_LIMIT;
    int result = is_known ? 0 : make_room(table);
    if (result < 0)
        return result;
    struct weir_template_entry entry;
    result = make_entry(source, budget, &entry);
    if (result < 0)
        return result;

    if (is_known) {
        free_entry(&table->entries[place], budget);
    } else {
        memmove(&table->entries[place + 1], &table->entries[place],
                (table->count - place) * sizeof(table->entries[0]));
        table->count++;
    }
    table->entries[place] = entry;
    *ret_change = is_known ? WEIR_TEMPLATE_REDEFINED : WEIR_TEMPLATE_NEW;
    return 0;
}

uint32_t weir_template_table_remove(struct weir_template_table *table, uint16_t id,
                                    struct weir_budget *budget)
{
    uint32_t place = place_of(table, id);
    if (!is_at(table, place, id))
        return 0;
    free_entry(&table->entries[place], budget);
    table->count--;
    memmove(&table->entries[place], &table->entries[place + 1],
            (table->count - place) * sizeof(table->entries[0]));
    return 1;
}

uint32_t weir_template_table_remove_kind(struct weir_template_table *table, bool is_options,
                                         struct weir_budget *budget)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->entries[i].source->is_options == is_options)
            free_entry(&table->entries[i], budget);
        else
            table->entries[kept++] = table->entries[i];
    }
    uint32_t removed = table->count - kept;
    table->count = kept;
    return removed;
}

void weir_template_table_done(struct weir_template_table *table, struct weir_budget *budget)
{
    for (uint32_t i = 0; i < table->count; i++)
        free_entry(&table->entries[i], budget);
    free(table->entries);
    *table = (struct weir_template_table){0};
}
