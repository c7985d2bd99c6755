/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sampling.h"

#include <stdlib.h>
#include <string.h>

static int compare(const struct weir_sampler_key *a, const struct weir_sampler_key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    if (a->domain != b->domain)
        return a->domain < b->domain ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

/* Index of the first sampler that is not before this key. */
static uint32_t place_of(const struct weir_sampling *sampling, const struct weir_sampler_key *key)
{
    uint32_t low = 0, high = sampling->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(&sampling->samplers[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct weir_sampling *sampling, struct weir_budget *budget)
{
    if (sampling->count < sampling->capacity)
        return true;
    uint32_t capacity = sampling->capacity ? sampling->capacity * 2 : 4;
    if (capacity > WEIR_SAMPLERS_MAX)
        return false;
    size_t more = (capacity - sampling->capacity) * sizeof(*sampling->samplers);
    if (!weir_budget_take(budget, more))
        return false;
    struct weir_sampler *grown =
        realloc(sampling->samplers, capacity * sizeof(*sampling->samplers));
    if (!grown) {
        weir_budget_give_back(budget, more);
        return false;
    }
    sampling->samplers = grown;
    sampling->capacity = capacity;
    return true;
}

static uint32_t interval_of(uint64_t selected, uint64_t population)
{
    uint64_t quotient = population / selected, rest = population % selected;
    quotient += rest >= selected - rest;
    return quotient < UINT32_MAX ? (uint32_t)quotient : UINT32_MAX;
}

static void find_only_interval(struct weir_sampling *sampling)
{
    uint32_t only = 0;
    for (uint32_t i = 0; i < sampling->count; i++) {
        const struct weir_sampler *sampler = &sampling->samplers[i];
        if (sampler->key.kind != WEIR_SAMPLER_ID)
            continue;
        if (only && only != sampler->interval) {
            only = 0;
            break;
        }
        only = sampler->interval;
    }
    sampling->only_interval = only;
}

enum weir_sampling_change weir_sampling_put(struct weir_sampling *sampling,
                                            struct weir_budget *budget, struct weir_sampler_key key,
                                            uint64_t selected, uint64_t population)
{
    if (selected == 0 || population < selected)
        return WEIR_SAMPLING_INVALID;
    uint32_t place = place_of(sampling, &key);
    struct weir_sampler sampler = {key, selected, population, interval_of(selected, population)};
    if (place < sampling->count && compare(&sampling->samplers[place].key, &key) == 0) {
        struct weir_sampler *old = &sampling->samplers[place];
        bool is_same = old->selected == selected && old->population == population;
        *old = sampler;
        if (is_same)
            return WEIR_SAMPLING_SAME;
    } else {
        if (!make_room(sampling, budget))
            return WEIR_SAMPLING_REFUSED;
        memmove(&sampling->samplers[place + 1], &sampling->samplers[place],
                (sampling->count - place) * sizeof(sampler));
        sampling->samplers[place] = sampler;
        sampling->count++;
        sampling->of_kind[key.kind]++;
    }
    find_only_interval(sampling);
    return WEIR_SAMPLING_CHANGED;
}

void weir_sampling_done(struct weir_sampling *sampling, struct weir_budget *budget)
{
    weir_budget_give_back(budget, sampling->capacity * sizeof(*sampling->samplers));
    free(sampling->samplers);
    *sampling = (struct weir_sampling){0};
}

/* The interval of this kind and id for a segment, or else as the header says; 0: none. */
static uint32_t find(const struct weir_sampling *sampling, enum weir_sampler_kind kind, uint64_t id,
                     const struct weir_segment *segment)
{
    if (sampling->of_kind[kind] == 0)
        return 0;
    struct weir_sampler_key key = {.kind = kind, .id = id};
    uint32_t agreed = 0, in_zero = 0;
    bool differ = false;
    for (uint32_t i = place_of(sampling, &key); i < sampling->count; i++) {
        const struct weir_sampler *sampler = &sampling->samplers[i];
        if (sampler->key.kind != kind || sampler->key.id != id)
            break;
        if (sampler->key.domain == segment->domain && sampler->key.source == segment->source)
            return sampler->interval;
        if (sampler->key.domain == 0 && sampler->key.source == 0 && segment->domain != 0)
            in_zero = sampler->interval;
        differ = differ || (agreed && agreed != sampler->interval);
        agreed = sampler->interval;
    }
    if (in_zero)
        return in_zero;
    return differ ? 0 : agreed;
}

/* What is the same for all rows of a segment. */
struct search {
    const struct weir_sampling *sampling;
    const struct weir_segment *segment;
    uint32_t of_template;
    uint32_t rest;                          /* for rows that nothing before is of */
    const uint32_t *ids, *in_ifs, *out_ifs; /* NULL: the rows have none, or none would be found */
};

static const uint32_t *values(const struct weir_batch *batch, const struct weir_segment *segment,
                              enum weir_column column, uint32_t count_of_kinds)
{
    bool has_column = segment->columns >> column & 1;
    if (!has_column || count_of_kinds == 0)
        return NULL;
    return weir_batch_u32(batch, column) + segment->first_row;
}

static struct search search_of(const struct weir_sampling *sampling, const struct weir_batch *batch,
                               const struct weir_segment *segment)
{
    const uint32_t *of_kind = sampling->of_kind;
    uint32_t of_either = of_kind[WEIR_SAMPLER_INTERFACE];
    struct search search = {
        .sampling = sampling,
        .segment = segment,
        .of_template = find(sampling, WEIR_SAMPLER_TEMPLATE, segment->template_id, segment),
        .rest = find(sampling, WEIR_SAMPLER_WHOLE, 0, segment),
        .ids = values(batch, segment, WEIR_COLUMN_SAMPLER, of_kind[WEIR_SAMPLER_ID]),
        .in_ifs =
            values(batch, segment, WEIR_COLUMN_IN_IF, of_kind[WEIR_SAMPLER_IN_IF] + of_either),
        .out_ifs =
            values(batch, segment, WEIR_COLUMN_OUT_IF, of_kind[WEIR_SAMPLER_OUT_IF] + of_either),
    };
    if (search.rest == 0 && !(segment->columns & WEIR_COLUMN_BIT(SAMPLER)))
        search.rest = sampling->only_interval;
    return search;
}

static uint32_t find_interface(const struct search *search, enum weir_sampler_kind kind,
                               uint32_t interface)
{
    uint32_t interval = find(search->sampling, kind, interface, search->segment);
    return interval ? interval
                    : find(search->sampling, WEIR_SAMPLER_INTERFACE, interface, search->segment);
}

static uint32_t find_for_row(const struct search *search, uint32_t row)
{
    uint32_t interval = 0;
    if (search->ids)
        interval = find(search->sampling, WEIR_SAMPLER_ID, search->ids[row], search->segment);
    if (interval == 0)
        interval = search->of_template;
    if (interval == 0 && search->in_ifs)
        interval = find_interface(search, WEIR_SAMPLER_IN_IF, search->in_ifs[row]);
    if (interval == 0 && search->out_ifs)
        interval = find_interface(search, WEIR_SAMPLER_OUT_IF, search->out_ifs[row]);
    return interval ? interval : search->rest;
}

static bool same_in(const uint32_t *column, uint32_t row, uint32_t other)
{
    return !column || column[row] == column[other];
}

uint32_t weir_sampling_fill(const struct weir_sampling *sampling, const struct weir_batch *batch,
                            const struct weir_segment *segment, uint32_t first, uint32_t count)
{
    struct search search = search_of(sampling, batch, segment);
    uint32_t *intervals = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING) + segment->first_row;
    uint32_t unknown = 0, found = 0;
    bool has_last = false;
    uint32_t last = 0; /* row that `found` is of: most rows name what the row before did */
    for (uint32_t row = first; row < first + count; row++) {
        if (intervals[row])
            continue;
        if (!has_last || !same_in(search.ids, row, last) || !same_in(search.in_ifs, row, last) ||
            !same_in(search.out_ifs, row, last))
            found = find_for_row(&search, row);
        has_last = true;
        last = row;
        intervals[row] = found;
        unknown += found == 0;
    }
    return unknown;
}
