/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/common.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "collect/options.h"

#define COMMON_PROPERTIES_ID 137u
#define IDS_MAX              4u

/* What a plan takes beside its Templates, as an estimate for the budget. */
#define PLAN_OCTETS_OF_FIELD 256u

/* Of several ids, all of them in their order name a set. */
struct ids {
    uint64_t ids[IDS_MAX];
    unsigned count;
};

struct weir_common_set {
    struct ids ids;
    const struct weir_template *shape;
    int64_t came_ns;
    size_t length;
    uint8_t octets[]; /* as fields of the shape */
};

/* Sets that a record refers to, each once. */
struct found {
    const struct weir_common_set *sets[WEIR_COMMON_SETS_OF_RECORD_MAX];
    unsigned count;
    bool is_complete;
    bool lacks; /* one that is not known, or too old */
};

static bool is_id(const struct weir_field *field)
{
    return field->pen == 0 && field->id == COMMON_PROPERTIES_ID;
}

bool weir_common_is_used(const struct weir_template *source)
{
    return !source->is_options && weir_options_has(source, 0, COMMON_PROPERTIES_ID, false);
}

static int compare(const struct ids *a, const struct ids *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (unsigned i = 0; i < a->count; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    return 0;
}

/* Index of the first set that is not before these ids. */
static uint32_t place_of(const struct weir_common *common, const struct ids *ids)
{
    uint32_t low = 0, high = common->set_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(&common->sets[middle]->ids, ids) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct weir_common *common, uint32_t place, const struct ids *ids)
{
    return place < common->set_count && compare(&common->sets[place]->ids, ids) == 0;
}

static size_t octets_of(size_t length)
{
    return sizeof(struct weir_common_set) + length;
}

static void remove_set(struct weir_common *common, uint32_t place, struct weir_budget *budget)
{
    weir_budget_give_back(budget, octets_of(common->sets[place]->length));
    free(common->sets[place]);
    common->set_count--;
    memmove(&common->sets[place], &common->sets[place + 1],
            (common->set_count - place) * sizeof(struct weir_common_set *));
}

/* The Template of these fields, one for all sets that have them; NULL at the limit. */
static const struct weir_template *shape_of(struct weir_common *common,
                                            const struct weir_field *fields, uint16_t count,
                                            struct weir_budget *budget)
{
    for (uint32_t i = 0; i < common->shape_count; i++)
        if (common->shapes[i]->field_count == count &&
            memcmp(common->shapes[i]->fields, fields, count * sizeof(fields[0])) == 0)
            return common->shapes[i];
    if (common->shape_count == WEIR_COMMON_SHAPES_MAX)
        return NULL;
    struct weir_template *made = weir_template_new(0, fields, count);
    if (made && !weir_budget_take(budget, weir_template_octets(made))) {
        free(made);
        return NULL;
    }
    if (made)
        common->shapes[common->shape_count++] = made;
    return made;
}

static int make_room(struct weir_common *common)
{
    if (common->set_count < common->set_capacity)
        return 0;
    uint32_t capacity = common->set_capacity ? common->set_capacity * 2 : 16;
    struct weir_common_set **grown =
        realloc(common->sets, capacity * sizeof(struct weir_common_set *));
    if (!grown)
        return WEIR_E_NOMEM;
    common->sets = grown;
    common->set_capacity = capacity;
    return 0;
}

/* Puts a set of these octets in, in place of one of its ids. */
static int put(struct weir_common *common, const struct weir_common_set *like,
               const uint8_t *octets, struct weir_budget *budget)
{
    uint32_t place = place_of(common, &like->ids);
    if (is_at(common, place, &like->ids)) {
        struct weir_common_set *known = common->sets[place];
        if (known->shape == like->shape && known->length == like->length &&
            memcmp(known->octets, octets, like->length) == 0) {
            known->came_ns = like->came_ns;
            common->has_changed = true;
            return 0;
        }
        remove_set(common, place, budget);
    }
    common->has_changed = true;
    if (common->set_count == WEIR_COMMON_SETS_MAX ||
        !weir_budget_take(budget, octets_of(like->length)))
        return WEIR_E_LIMIT;
    struct weir_common_set *made = malloc(octets_of(like->length));
    if (!made || make_room(common) < 0) {
        free(made);
        weir_budget_give_back(budget, octets_of(like->length));
        return WEIR_E_NOMEM;
    }
    *made = *like;
    memcpy(made->octets, octets, like->length);
    memmove(&common->sets[place + 1], &common->sets[place],
            (common->set_count - place) * sizeof(struct weir_common_set *));
    common->sets[place] = made;
    common->set_count++;
    return 0;
}

static bool add_id(struct ids *ids, const struct weir_value *value)
{
    if (ids->count == IDS_MAX || value->length < 1 || value->length > 8)
        return false;
    ids->ids[ids->count++] = weir_load_be(value->octets, (unsigned)value->length);
    return true;
}

/*
 * Takes a record of common properties apart: the ids of its scope, and all other fields with their
 * octets one after the other.
 */
static bool take_apart(const struct weir_options_record *record, struct ids *ret_ids,
                       struct weir_field *fields, uint16_t *ret_count, uint8_t *octets,
                       size_t *ret_length)
{
    struct weir_record walk = {
        .template = record->source,
        .octets = weir_reader_make(record->octets, record->length),
    };
    struct weir_value value;
    const uint8_t *at = record->octets;
    for (uint16_t i = 0; weir_record_next(&walk, &value, NULL) == 0; i++) {
        const uint8_t *end = value.octets + value.length;
        if (i < record->source->scope_count && is_id(value.field)) {
            if (!add_id(ret_ids, &value))
                return false;
        } else {
            memcpy(octets + *ret_length, at, (size_t)(end - at));
            *ret_length += (size_t)(end - at);
            fields[(*ret_count)++] = *value.field;
        }
        at = end;
    }
    return true;
}

static bool suits(const struct weir_template *source)
{
    return weir_options_has(source, 0, COMMON_PROPERTIES_ID, true);
}

/* Few sessions have any: what they need is made when the first comes. */
struct weir_common *weir_common_open(struct weir_session *session, struct weir_budget *budget)
{
    if (session->common || !weir_budget_take(budget, sizeof(*session->common)))
        return session->common;
    session->common = calloc(1, sizeof(*session->common));
    if (!session->common)
        weir_budget_give_back(budget, sizeof(*session->common));
    return session->common;
}

static void learn(struct weir_session *session, const struct weir_options_record *record)
{
    struct weir_common *common = weir_common_open(session, record->budget);
    struct weir_common_set like = {.came_ns = record->origin->segment.received_ns};
    struct weir_field fields[WEIR_TEMPLATE_FIELDS_MAX];
    uint8_t octets[UINT16_MAX];
    uint16_t count = 0;
    if (!common || record->length > sizeof(octets) ||
        !take_apart(record, &like.ids, fields, &count, octets, &like.length)) {
        WEIR_TALLY(&session->tally, properties_refused, 1);
        return;
    }
    if (count == 0) {
        /* Section 5: a withdrawal; over UDP there are none. */
        uint32_t place = place_of(common, &like.ids);
        if (session->key.transport != WEIR_COLLECT_UDP && is_at(common, place, &like.ids))
            remove_set(common, place, record->budget);
        return;
    }
    like.shape = shape_of(common, fields, count, record->budget);
    int result = like.shape ? put(common, &like, octets, record->budget) : WEIR_E_LIMIT;
    WEIR_TALLY(&session->tally, properties_learnt, result == 0);
    WEIR_TALLY(&session->tally, properties_refused, result < 0);
}

const struct weir_options_learner weir_common_learner = {suits, learn, .is_recalled = true};

/* Whether a time is past another, and by more than a span; they may lie as far apart as can be. */
static bool is_past(int64_t now_ns, int64_t since_ns, int64_t span_ns)
{
    return now_ns > since_ns && (uint64_t)now_ns - (uint64_t)since_ns > (uint64_t)span_ns;
}

static void add_found(struct found *found, const struct weir_common *common, const struct ids *ids,
                      const struct weir_common_join *join)
{
    uint32_t place = place_of(common, ids);
    const struct weir_common_set *set = is_at(common, place, ids) ? common->sets[place] : NULL;
    bool is_old =
        set && join->has_lifetimes && is_past(join->now_ns, set->came_ns, WEIR_COMMON_LIFETIME_NS);
    for (unsigned i = 0; i < found->count; i++)
        if (found->sets[i] == set)
            return;
    found->lacks |= !set || is_old;
    if (!set || is_old || found->count == WEIR_COMMON_SETS_OF_RECORD_MAX)
        found->is_complete = false;
    else
        found->sets[found->count++] = set;
}

/* Adds the sets that a record refers to: one of all its ids, or else one of each. */
static void find_sets(struct found *found, const struct weir_common *common,
                      const struct weir_template *source, const uint8_t *octets, size_t length,
                      const struct weir_common_join *join)
{
    struct weir_record walk = {.template = source, .octets = weir_reader_make(octets, length)};
    struct weir_value value;
    struct ids all = {0};
    while (weir_record_next(&walk, &value, NULL) == 0)
        if (is_id(value.field) && !add_id(&all, &value))
            found->is_complete = false;
    if (all.count > 1 && is_at(common, place_of(common, &all), &all)) {
        add_found(found, common, &all, join);
        return;
    }
    for (unsigned i = 0; i < all.count; i++) {
        struct ids one = {.ids = {all.ids[i]}, .count = 1};
        add_found(found, common, &one, join);
    }
}

static void free_plan(struct weir_common_plan *plan, struct weir_budget *budget)
{
    weir_budget_give_back(budget, plan->octets);
    weir_plan_free(plan->plan);
    free(plan->joined);
    free(plan->base);
    *plan = (struct weir_common_plan){0};
}

static bool is_plan_of(const struct weir_common_plan *plan, const struct weir_template *source,
                       const struct found *found)
{
    if (!plan->base || plan->shape_count != found->count ||
        !weir_template_equal(plan->base, source))
        return false;
    for (unsigned i = 0; i < found->count; i++)
        if (plan->shapes[i] != found->sets[i]->shape)
            return false;
    return true;
}

static int make_plan(struct weir_common_plan *plan, const struct weir_template *source,
                     const struct found *found, struct weir_budget *budget)
{
    struct weir_field fields[WEIR_TEMPLATE_FIELDS_MAX];
    size_t count = source->field_count;
    memcpy(fields, source->fields, count * sizeof(fields[0]));
    for (unsigned i = 0; i < found->count; i++) {
        const struct weir_template *shape = found->sets[i]->shape;
        if (shape->field_count > WEIR_TEMPLATE_FIELDS_MAX - count)
            return WEIR_E_LIMIT;
        memcpy(fields + count, shape->fields, shape->field_count * sizeof(fields[0]));
        count += shape->field_count;
        plan->shapes[plan->shape_count++] = shape;
    }
    size_t octets = count * PLAN_OCTETS_OF_FIELD;
    if (!weir_budget_take(budget, octets))
        return WEIR_E_LIMIT;
    plan->octets = octets;
    plan->base = weir_template_copy(source);
    plan->joined = weir_template_new(source->id, fields, (uint16_t)count);
    if (!plan->base || !plan->joined)
        return WEIR_E_NOMEM;
    return weir_plan_compile(plan->joined, &plan->plan);
}

/* The place for another plan; NULL: it would take that of one that is not a second old. */
static struct weir_common_plan *next_place(struct weir_common *common, int64_t now_ns)
{
    if (common->plan_count < WEIR_COMMON_PLANS_MAX)
        return &common->plans[common->plan_count++];
    struct weir_common_plan *plan = &common->plans[common->next_plan];
    if (now_ns >= plan->made_ns && !is_past(now_ns, plan->made_ns, WEIR_NS_PER_SECOND - 1))
        return NULL;
    common->next_plan = (common->next_plan + 1) % WEIR_COMMON_PLANS_MAX;
    return plan;
}

static int plan_of(struct weir_common *common, const struct weir_template *source,
                   const struct found *found, const struct weir_common_join *join,
                   const struct weir_common_plan **ret_plan)
{
    for (uint32_t i = 0; i < common->plan_count; i++)
        if (is_plan_of(&common->plans[i], source, found)) {
            *ret_plan = &common->plans[i];
            return 0;
        }
    struct weir_common_plan *plan = next_place(common, join->now_ns);
    if (!plan)
        return WEIR_E_LIMIT;
    free_plan(plan, join->budget);
    int result = make_plan(plan, source, found, join->budget);
    plan->made_ns = join->now_ns;
    if (result < 0) {
        free_plan(plan, join->budget);
        return result;
    }
    *ret_plan = plan;
    return 0;
}

/* Those of the record and those that these refer to; returns the octets of the joined record. */
static size_t find_all(struct found *found, const struct weir_common *common,
                       const struct weir_common_join *join)
{
    *found = (struct found){.is_complete = true};
    find_sets(found, common, join->source, join->octets, join->length, join);
    size_t length = join->length;
    for (unsigned i = 0; i < found->count; i++) {
        const struct weir_common_set *set = found->sets[i];
        find_sets(found, common, set->shape, set->octets, set->length, join);
        length += set->length;
    }
    return length;
}

bool weir_common_is_known(const struct weir_common *common, const struct weir_common_join *join)
{
    struct found found;
    find_all(&found, common, join);
    return !found.lacks;
}

bool weir_common_join(struct weir_common *common, struct weir_common_join *join)
{
    struct found found;
    join->lacks = !common;
    if (!common)
        return false;
    size_t length = find_all(&found, common, join);
    join->lacks = found.lacks;
    const struct weir_common_plan *plan;
    if (found.count == 0 || length > WEIR_COMMON_OCTETS_MAX ||
        plan_of(common, join->source, &found, join, &plan) < 0)
        return false;
    uint8_t *to = join->buffer;
    memcpy(to, join->octets, join->length);
    to += join->length;
    for (unsigned i = 0; i < found.count; i++) {
        memcpy(to, found.sets[i]->octets, found.sets[i]->length);
        to += found.sets[i]->length;
    }
    join->source = plan->joined;
    join->plan = plan->plan;
    join->octets = join->buffer;
    join->length = length;
    return found.is_complete;
}

void weir_common_inherit(struct weir_session *heir, struct weir_session *session)
{
    struct weir_waiting_set *set;
    if (!heir->common) {
        heir->common = session->common;
        session->common = NULL;
    }
    while (session->common && (set = weir_waiting_take_any(&session->common->waiting)))
        weir_waiting_put_back(&heir->common->waiting, set);
    if (heir->common)
        heir->common->has_changed = true;
}

uint32_t weir_common_free(struct weir_common *common, struct weir_template_pool *pool,
                          struct weir_budget *waiting_budget)
{
    struct weir_waiting_set *set;
    struct weir_budget *budget = &pool->budget;
    if (!common)
        return 0;
    uint32_t dropped = common->waiting.count;
    while ((set = weir_waiting_take_any(&common->waiting))) {
        weir_template_pool_give_back(pool, set->shared);
        weir_waiting_free(set, waiting_budget);
    }
    while (common->set_count > 0)
        remove_set(common, common->set_count - 1, budget);
    for (uint32_t i = 0; i < common->plan_count; i++)
        free_plan(&common->plans[i], budget);
    for (uint32_t i = 0; i < common->shape_count; i++) {
        weir_budget_give_back(budget, weir_template_octets(common->shapes[i]));
        free(common->shapes[i]);
    }
    free(common->sets);
    weir_budget_give_back(budget, sizeof(*common));
    free(common);
    return dropped;
}
