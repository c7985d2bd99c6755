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

/* Those of a kind are in one of two arrays. */
static uint32_t count_for(const struct weir_sampling *sampling, enum weir_sampler_kind kind)
{
    return kind == WEIR_SAMPLER_SEQUENCE ? sampling->selection_count : sampling->count;
}

static const struct weir_sampler *sampler_at(const struct weir_sampling *sampling,
                                             enum weir_sampler_kind kind, uint32_t place)
{
    return kind == WEIR_SAMPLER_SEQUENCE ? &sampling->selections[place].whole
                                         : &sampling->samplers[place];
}

/* Index of the first that is not before this key. */
static uint32_t place_of(const struct weir_sampling *sampling, const struct weir_sampler_key *key)
{
    uint32_t low = 0, high = count_for(sampling, key->kind);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(&sampler_at(sampling, key->kind, middle)->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* That of exactly this key; NULL: there is none. */
static const struct weir_sampler *find_exact(const struct weir_sampling *sampling,
                                             const struct weir_sampler_key *key)
{
    uint32_t place = place_of(sampling, key);
    if (place == count_for(sampling, key->kind))
        return NULL;
    const struct weir_sampler *sampler = sampler_at(sampling, key->kind, place);
    return compare(&sampler->key, key) == 0 ? sampler : NULL;
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

/* No rate at all. */
static const struct weir_fraction none;

static bool is_none(struct weir_fraction rate)
{
    return rate.denominator == 0;
}

static void find_only_rate(struct weir_sampling *sampling)
{
    struct weir_fraction only = none;
    for (uint32_t i = 0; i < sampling->count; i++) {
        const struct weir_sampler *sampler = &sampling->samplers[i];
        if (sampler->key.kind != WEIR_SAMPLER_ID)
            continue;
        if (!is_none(only) && !weir_fraction_equal(only, sampler->rate)) {
            only = none;
            break;
        }
        only = sampler->rate;
    }
    sampling->only_rate = only;
}

enum weir_sampling_change weir_sampling_put(struct weir_sampling *sampling,
                                            struct weir_budget *budget, struct weir_sampler_key key,
                                            uint64_t selected, uint64_t population)
{
    struct weir_sampler sampler = {key, selected, population,
                                   weir_fraction_of(selected, population)};
    if (population < selected || is_none(sampler.rate))
        return WEIR_SAMPLING_INVALID;
    uint32_t place = place_of(sampling, &key);
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
    find_only_rate(sampling);
    sampling->change++;
    return WEIR_SAMPLING_CHANGED;
}

/* All selections, with room for one more, or NULL. */
static struct weir_selection *make_room_for_selection(struct weir_sampling *sampling,
                                                      struct weir_budget *budget)
{
    if (sampling->selection_count < sampling->selection_capacity)
        return sampling->selections;
    uint32_t capacity = sampling->selection_capacity ? sampling->selection_capacity * 2 : 4;
    size_t more = (capacity - sampling->selection_capacity) * sizeof(*sampling->selections);
    if (capacity > WEIR_SELECTIONS_MAX || !weir_budget_take(budget, more))
        return NULL;
    struct weir_selection *grown =
        realloc(sampling->selections, capacity * sizeof(*sampling->selections));
    if (!grown) {
        weir_budget_give_back(budget, more);
        return NULL;
    }
    sampling->selections = grown;
    sampling->selection_capacity = capacity;
    return grown;
}

enum weir_sampling_change weir_sampling_put_selection(struct weir_sampling *sampling,
                                                      struct weir_budget *budget,
                                                      struct weir_sampler_key key,
                                                      const uint64_t *selectors, uint32_t count)
{
    struct weir_selection made = {.whole = {.key = key}, .count = count};
    if (count == 0 || count > WEIR_SELECTORS_MAX)
        return WEIR_SAMPLING_INVALID;
    memcpy(made.selectors, selectors, count * sizeof(selectors[0]));
    uint32_t place = place_of(sampling, &key);
    struct weir_selection *known = find_exact(sampling, &key) ? &sampling->selections[place] : NULL;
    if (known && known->count == count &&
        memcmp(known->selectors, made.selectors, sizeof(made.selectors)) == 0)
        return WEIR_SAMPLING_SAME;
    if (!known) {
        struct weir_selection *all = make_room_for_selection(sampling, budget);
        if (!all)
            return WEIR_SAMPLING_REFUSED;
        known = &all[place];
        if (place < sampling->selection_count)
            memmove(known + 1, known, (sampling->selection_count - place) * sizeof(made));
        sampling->selection_count++;
        sampling->of_kind[WEIR_SAMPLER_SEQUENCE]++;
    }
    sampling->change++;
    made.change = sampling->change - 1;
    *known = made;
    return WEIR_SAMPLING_CHANGED;
}

void weir_sampling_done(struct weir_sampling *sampling, struct weir_budget *budget)
{
    weir_budget_give_back(budget, sampling->capacity * sizeof(*sampling->samplers));
    weir_budget_give_back(budget, sampling->selection_capacity * sizeof(*sampling->selections));
    free(sampling->samplers);
    free(sampling->selections);
    *sampling = (struct weir_sampling){0};
}

/* A selector of a sequence, as a sampler or else as a filter; NULL: it is not known. */
static const struct weir_sampler *find_selector(const struct weir_sampling *sampling,
                                                const struct weir_sampler_key *sequence,
                                                uint64_t id)
{
    struct weir_sampler_key key = *sequence;
    key.kind = WEIR_SAMPLER_ID;
    key.id = id;
    const struct weir_sampler *sampler = find_exact(sampling, &key);
    key.kind = WEIR_SAMPLER_FILTER;
    return sampler ? sampler : find_exact(sampling, &key);
}

/* So many of so many, of all its selectors: none where not all are known, or past 64 bits. */
static void resolve(const struct weir_sampling *sampling, struct weir_selection *selection)
{
    uint64_t selected = 1, population = 1;
    struct weir_sampler *whole = &selection->whole;
    if (selection->change == sampling->change)
        return;
    selection->change = sampling->change;
    whole->rate = none;
    for (uint32_t i = 0; i < selection->count; i++) {
        const struct weir_sampler *sampler =
            find_selector(sampling, &whole->key, selection->selectors[i]);
        if (!sampler)
            return;
        uint64_t own_selected = sampler->selected, own_population = sampler->population;
        weir_fraction_reduce(&own_selected, &own_population);
        weir_fraction_reduce(&own_selected, &population);
        weir_fraction_reduce(&selected, &own_population);
        if (__builtin_mul_overflow(selected, own_selected, &selected) ||
            __builtin_mul_overflow(population, own_population, &population))
            return;
    }
    whole->selected = selected;
    whole->population = population;
    whole->rate = weir_fraction_of(selected, population);
}

/* The rate of this kind and id for a segment, or else as the header says. */
static struct weir_fraction find(const struct weir_sampling *sampling, enum weir_sampler_kind kind,
                                 uint64_t id, const struct weir_segment *segment)
{
    if (sampling->of_kind[kind] == 0)
        return none;
    struct weir_sampler_key key = {.kind = kind, .id = id};
    struct weir_fraction agreed = none, in_zero = none;
    bool differ = false;
    for (uint32_t i = place_of(sampling, &key); i < count_for(sampling, kind); i++) {
        const struct weir_sampler *sampler = sampler_at(sampling, kind, i);
        if (sampler->key.kind != kind || sampler->key.id != id)
            break;
        if (kind == WEIR_SAMPLER_SEQUENCE)
            resolve(sampling, &sampling->selections[i]);
        if (is_none(sampler->rate))
            continue;
        if (sampler->key.domain == segment->domain && sampler->key.source == segment->source)
            return sampler->rate;
        if (sampler->key.domain == 0 && sampler->key.source == 0 && segment->domain != 0)
            in_zero = sampler->rate;
        differ = differ || (!is_none(agreed) && !weir_fraction_equal(agreed, sampler->rate));
        agreed = sampler->rate;
    }
    if (!is_none(in_zero))
        return in_zero;
    return differ ? none : agreed;
}

/* What is the same for all rows of a segment. */
struct search {
    const struct weir_sampling *sampling;
    const struct weir_segment *segment;
    struct weir_fraction of_template;
    struct weir_fraction rest;              /* for rows that nothing before is of */
    bool are_sequences;                     /* ids */
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
    uint32_t of_names =
        segment->names_sequence
            ? of_kind[WEIR_SAMPLER_SEQUENCE]
            : of_kind[WEIR_SAMPLER_ID] + of_kind[WEIR_SAMPLER_FILTER] + of_kind[WEIR_SAMPLER_FLOWS];
    struct search search = {
        .sampling = sampling,
        .segment = segment,
        .of_template = find(sampling, WEIR_SAMPLER_TEMPLATE, segment->template_id, segment),
        .rest = find(sampling, WEIR_SAMPLER_WHOLE, 0, segment),
        .are_sequences = segment->names_sequence,
        .ids = values(batch, segment, WEIR_COLUMN_SAMPLER, of_names),
        .in_ifs =
            values(batch, segment, WEIR_COLUMN_IN_IF, of_kind[WEIR_SAMPLER_IN_IF] + of_either),
        .out_ifs =
            values(batch, segment, WEIR_COLUMN_OUT_IF, of_kind[WEIR_SAMPLER_OUT_IF] + of_either),
    };
    if (is_none(search.rest) && !(segment->columns & WEIR_COLUMN_BIT(SAMPLER)))
        search.rest = sampling->only_rate;
    if (sampling->in_records)
        search.rest = none;
    return search;
}

/* The first, or else the second. */
static struct weir_fraction or_else(struct weir_fraction rate, struct weir_fraction other)
{
    return is_none(rate) ? other : rate;
}

static struct weir_fraction find_interface(const struct search *search, enum weir_sampler_kind kind,
                                           uint32_t interface)
{
    return or_else(find(search->sampling, kind, interface, search->segment),
                   find(search->sampling, WEIR_SAMPLER_INTERFACE, interface, search->segment));
}

/* What is found for a row. */
struct found {
    struct weir_fraction rate;
    bool of_flows; /* flows were selected by it, and not packets */
};

static struct found find_named(const struct search *search, uint32_t id)
{
    struct found found = {.rate = none};
    if (search->are_sequences) {
        found.rate = find(search->sampling, WEIR_SAMPLER_SEQUENCE, id, search->segment);
        return found;
    }
    found.rate = or_else(find(search->sampling, WEIR_SAMPLER_ID, id, search->segment),
                         find(search->sampling, WEIR_SAMPLER_FILTER, id, search->segment));
    if (is_none(found.rate)) {
        found.rate = find(search->sampling, WEIR_SAMPLER_FLOWS, id, search->segment);
        found.of_flows = !is_none(found.rate);
    }
    return found;
}

static struct found find_for_row(const struct search *search, uint32_t row)
{
    struct found found = {.rate = none};
    if (search->ids)
        found = find_named(search, search->ids[row]);
    if (is_none(found.rate))
        found.rate = search->of_template;
    if (is_none(found.rate) && search->in_ifs)
        found.rate = find_interface(search, WEIR_SAMPLER_IN_IF, search->in_ifs[row]);
    if (is_none(found.rate) && search->out_ifs)
        found.rate = find_interface(search, WEIR_SAMPLER_OUT_IF, search->out_ifs[row]);
    found.rate = or_else(found.rate, search->rest);
    return found;
}

static bool same_in(const uint32_t *column, uint32_t row, uint32_t other)
{
    return !column || column[row] == column[other];
}

/* The segment has sizes once one of its rows has another than 1; before they are all 1. */
static void set_size(const struct weir_batch *batch, struct weir_segment *segment, uint32_t row,
                     uint32_t size)
{
    uint32_t *sizes = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE) + segment->first_row;
    if (!(segment->columns & WEIR_COLUMN_BIT(SAMPLING_SIZE))) {
        if (size <= 1)
            return;
        segment->columns |= WEIR_COLUMN_BIT(SAMPLING_SIZE);
        for (uint32_t i = 0; i < segment->row_count; i++)
            sizes[i] = 1;
    }
    sizes[row] = size;
}

void weir_sampling_set(const struct weir_batch *batch, struct weir_segment *segment, uint32_t row,
                       struct weir_fraction rate)
{
    uint32_t *intervals = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING) + segment->first_row;
    intervals[row] = rate.denominator;
    set_size(batch, segment, row, is_none(rate) ? 1 : rate.numerator);
}

/* A segment has probabilities once one of its rows has one; before they are none. */
static void set_probability(const struct weir_batch *batch, struct weir_segment *segment,
                            uint32_t row, struct weir_fraction rate)
{
    uint32_t *values = weir_batch_u32(batch, WEIR_COLUMN_FLOW_PROBABILITY) + segment->first_row;
    if (!(segment->columns & WEIR_COLUMN_BIT(FLOW_PROBABILITY))) {
        segment->columns |= WEIR_COLUMN_BIT(FLOW_PROBABILITY);
        memset(values, 0, segment->row_count * sizeof(*values));
    }
    /* 0 would say that all flows were selected. */
    uint64_t billionths = UINT64_C(1000000000) * rate.numerator / rate.denominator;
    values[row] = billionths > 0 ? (uint32_t)billionths : 1;
}

uint32_t weir_sampling_fill(const struct weir_sampling *sampling, const struct weir_batch *batch,
                            struct weir_segment *segment, uint32_t first, uint32_t count)
{
    struct search search = search_of(sampling, batch, segment);
    const uint32_t *intervals = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING) + segment->first_row;
    uint32_t unknown = 0;
    struct found found = {.rate = none};
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
        weir_sampling_set(batch, segment, row, found.rate);
        if (found.of_flows)
            set_probability(batch, segment, row, found.rate);
        unknown += is_none(found.rate);
    }
    return unknown;
}
