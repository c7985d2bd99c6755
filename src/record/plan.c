/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling a Template. What runs a plan is in decode.c, encode.c and other.c. */
#include "record/plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/compiled.h"

#define ARENA_OCTETS_MAX (1u << 20)
#define PADDING_OCTETS   210u

#define SELECTION_SEQUENCE_ID   301u
#define SOURCE_IPV6_PREFIX      29u /* its length */
#define DESTINATION_IPV6_PREFIX 30u
#define SAMPLING_INTERVAL       34u
#define SAMPLER_RANDOM_INTERVAL 50u
#define SAMPLING_SIZE           309u
#define SAMPLING_POPULATION     310u
#define SAMPLING_PROBABILITY    311u
#define FLOW_SELECTOR_ALGORITHM 390u

#define NO_COLUMN UINT8_MAX

/* observationTimeSeconds to observationTimeNanoseconds. */
#define OBSERVATION_TIME_FIRST 322u
#define OBSERVATION_TIME_LAST  325u

/* Times that say nothing without the message, and the elements for the same said absolutely. */
static const struct {
    uint16_t relative, absolute;
} relative_times[] = {{22, 152}, {21, 153}, {158, 154}, {159, 155}};

/*
 * Those that fill one column. What decides a row is whether the winner's octets are all zero, or of
 * addresses that come in pairs, of both families each, whether all those of the pair are.
 */
struct contest {
    uint16_t winner, alternate;                 /* fields, or WEIR_PLAN_NONE */
    uint16_t fitting[2];                        /* the best that may be an alternate */
    uint16_t of_family[2];                      /* the best of IPv4, and of IPv6 */
    uint16_t partner_winner, partner_alternate; /* of the other column of a pair */
};

enum { FAMILY_V4, FAMILY_V6, FAMILIES };

/* Columns that are to be of one family in every row, and what hangs on them. */
static const struct {
    enum weir_column columns[4];
    unsigned address_count, count;
} pairs[] = {
    {{WEIR_COLUMN_SRC_ADDR, WEIR_COLUMN_DST_ADDR, WEIR_COLUMN_SRC_MASK, WEIR_COLUMN_DST_MASK},
     2,
     4},
    {{WEIR_COLUMN_NAT_SRC_ADDR, WEIR_COLUMN_NAT_DST_ADDR}, 2, 2},
};

struct compiler {
    const struct weir_template *source;
    struct weir_plan *plan;
    struct contest contests[WEIR_COLUMN_COUNT];
    const struct weir_operation *operations[WEIR_PLAN_FIELDS_MAX]; /* NULL: no column */
    unsigned ranks[WEIR_PLAN_FIELDS_MAX];                          /* UINT_MAX: fills no column */
    uint8_t columns[WEIR_PLAN_FIELDS_MAX];
    uint32_t flat_offsets[WEIR_PLAN_FIELDS_MAX];
    uint16_t by_element[WEIR_PLAN_FIELDS_MAX]; /* fields, in the order of their elements */
};

static int compare_elements(const struct weir_field *a, const struct weir_field *b)
{
    if (a->pen != b->pen)
        return a->pen < b->pen ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* By element, and those of the same one as they come in the Template. */
static int compare_fields(const void *a, const void *b, void *context)
{
    const struct weir_field *fields = context;
    uint16_t first, second;
    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    int order = compare_elements(&fields[first], &fields[second]);
    return order != 0 ? order : (first > second) - (first < second);
}

/*
 * Counts fields of the same element. They are sorted, and not hashed: a Template is from outside,
 * and its fields could be chosen to collide.
 */
static void count_repeats(struct compiler *c)
{
    const struct weir_field *fields = c->source->fields;
    uint16_t count = c->source->field_count;
    for (uint16_t i = 0; i < count; i++)
        c->by_element[i] = i;
    qsort_r(c->by_element, count, sizeof(c->by_element[0]), compare_fields, (void *)fields);
    for (uint16_t i = 0; i < count; i++) {
        uint16_t at = c->by_element[i], before = i > 0 ? c->by_element[i - 1] : at;
        bool again = i > 0 && compare_elements(&fields[before], &fields[at]) == 0;
        c->plan->fields[at].repeat = (uint16_t)(again ? c->plan->fields[before].repeat + 1 : 1);
    }
}

/* Whether the Template has such a field. */
static bool has_element(const struct compiler *c, const struct weir_field *field)
{
    size_t low = 0, high = c->source->field_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_elements(&c->source->fields[c->by_element[middle]], field);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The key under which JSON has the field; the second of an element is "NAME#2". */
static bool name_field(struct compiler *c, uint16_t index)
{
    const struct weir_field *field = &c->source->fields[index];
    struct weir_plan_field *made = &c->plan->fields[index];
    struct weir_arena *arena = &c->plan->arena;
    char number[32], suffix[16] = "";
    const char *name = made->element ? made->element->name : number;
    if (made->repeat > 1)
        snprintf(suffix, sizeof(suffix), "#%u", made->repeat);
    if (!made->element && field->pen == WEIR_PEN_NETFLOW9_SCOPE)
        snprintf(number, sizeof(number), "scope/%u", field->id);
    else if (!made->element)
        snprintf(number, sizeof(number), "%u/%u", field->pen, field->id);
    char *key = weir_arena_alloc(arena, strlen(name) + strlen(suffix) + sizeof("\"\":"));
    if (!key)
        return false;
    const char *end = stpcpy(stpcpy(stpcpy(stpcpy(key, "\""), name), suffix), "\":");
    made->key = key;
    made->key_length = (uint16_t)(end - key);
    return true;
}

static void note_absolute(struct compiler *c, uint16_t index)
{
    const struct weir_field *field = &c->source->fields[index];
    struct weir_plan_field *made = &c->plan->fields[index];
    for (size_t i = 0; i < sizeof(relative_times) / sizeof(relative_times[0]); i++) {
        if (field->pen != 0 || field->id != relative_times[i].relative)
            continue;
        struct weir_field absolute = {0, relative_times[i].absolute, 8};
        if (has_element(c, &absolute))
            return;
        made->to_time = weir_operation_for(field, WEIR_COLUMN_START, false);
        made->absolute = weir_element_find(0, absolute.id);
    }
}

static bool lay_out(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    uint32_t offset = 0;
    for (uint16_t i = 0; i < plan->field_count; i++) {
        const struct weir_field *field = &c->source->fields[i];
        plan->fields[i] = (struct weir_plan_field){
            .element = weir_field_element(field),
            .offset = offset,
            .variable_before = plan->variable_count,
            .length = field->length,
            .winners = {WEIR_PLAN_NONE, WEIR_PLAN_NONE},
            .pen = field->pen,
            .id = field->id,
            .is_padding = field->pen == 0 && field->id == PADDING_OCTETS,
        };
        if (field->length == WEIR_LENGTH_VARIABLE)
            plan->variable[plan->variable_count++] = i;
        else
            offset += field->length;
    }
    plan->fixed_octets = offset;
    plan->record_length = offset + plan->variable_count;
    count_repeats(c);
    for (uint16_t i = 0; i < plan->field_count; i++) {
        note_absolute(c, i);
        if (!name_field(c, i))
            return false;
    }
    return true;
}

/*
 * A rate is two elements, samplingSize of samplingPopulation: by itself neither says anything, and
 * beside them no interval counts. A samplingProbability is the flow's beside a
 * flowSelectorAlgorithm (RFC 7014 section 9.1.1), else of packets.
 */
static bool takes_part(const struct compiler *c, const struct weir_field *field)
{
    const struct weir_field size = {.id = SAMPLING_SIZE}, population = {.id = SAMPLING_POPULATION};
    if (field->pen != 0)
        return true;
    switch (field->id) {
    case SAMPLING_SIZE:
    case SAMPLING_POPULATION:
        return has_element(c, &size) && has_element(c, &population);
    case SAMPLING_INTERVAL:
    case SAMPLER_RANDOM_INTERVAL:
        return !has_element(c, &size) || !has_element(c, &population);
    default:
        return true;
    }
}

/*
 * The column that a field fills, and how well. A samplingProbability fills one only beside a
 * flowSelectorAlgorithm, and is the flow's (RFC 7014 section 9.1.1): else it is of packets.
 */
static bool find_column(const struct compiler *c, const struct weir_field *field,
                        enum weir_column *ret_column, unsigned *ret_rank)
{
    const struct weir_field algorithm = {.id = FLOW_SELECTOR_ALGORITHM};
    if (field->pen == 0 && field->id == SAMPLING_PROBABILITY) {
        *ret_column = WEIR_COLUMN_FLOW_PROBABILITY;
        *ret_rank = 0;
        return has_element(c, &algorithm) && (field->length == 4 || field->length == 8);
    }
    return weir_column_find(field->pen, field->id, ret_column, ret_rank) == 0 &&
           takes_part(c, field);
}

static bool is_sequence(const struct weir_field *field)
{
    return field->pen == 0 && field->id == SELECTION_SEQUENCE_ID;
}

static unsigned family_of(const struct weir_field *field, enum weir_column column)
{
    bool is_mask = column == WEIR_COLUMN_SRC_MASK || column == WEIR_COLUMN_DST_MASK;
    bool is_v6 = is_mask ? field->id == SOURCE_IPV6_PREFIX || field->id == DESTINATION_IPV6_PREFIX
                         : field->length == 16;
    return is_v6 ? FAMILY_V6 : FAMILY_V4;
}

static bool is_better(const struct compiler *c, uint16_t field, uint16_t than)
{
    return than == WEIR_PLAN_NONE || c->ranks[field] < c->ranks[than];
}

/* Has a field, each in its turn, take part: of equals the first is the best. */
static void enter(struct compiler *c, uint16_t index)
{
    const struct weir_field *field = &c->source->fields[index];
    enum weir_column column = (enum weir_column)c->columns[index];
    struct contest *contest = &c->contests[column];
    unsigned family = family_of(field, column);
    if (is_better(c, index, contest->winner))
        contest->winner = index;
    if (is_better(c, index, contest->of_family[family]))
        contest->of_family[family] = index;
    /* The second best is not to hide that its value was too wide, nor to be of another kind. */
    if ((c->operations[index] && c->operations[index]->saturates) || is_sequence(field))
        return;
    if (is_better(c, index, contest->fitting[0])) {
        contest->fitting[1] = contest->fitting[0];
        contest->fitting[0] = index;
    } else if (is_better(c, index, contest->fitting[1])) {
        contest->fitting[1] = index;
    }
}

static bool has_families(const struct contest *contest)
{
    return contest->of_family[FAMILY_V4] != WEIR_PLAN_NONE &&
           contest->of_family[FAMILY_V6] != WEIR_PLAN_NONE;
}

/*
 * Where a Template has a pair of addresses in both families, rows have both addresses of one: that
 * which comes first in the Template, unless both its addresses are zero.
 */
static void settle_pair(struct compiler *c, const enum weir_column *columns, unsigned address_count,
                        unsigned count)
{
    uint16_t first = WEIR_PLAN_NONE;
    for (unsigned i = 0; i < address_count; i++) {
        const struct contest *contest = &c->contests[columns[i]];
        if (!has_families(contest))
            return;
        for (unsigned family = 0; family < FAMILIES; family++)
            if (contest->of_family[family] < first)
                first = contest->of_family[family];
    }
    unsigned family = family_of(&c->source->fields[first], columns[0]);
    for (unsigned i = 0; i < count; i++) {
        struct contest *contest = &c->contests[columns[i]];
        if (!has_families(contest))
            continue;
        contest->winner = contest->of_family[family];
        contest->alternate = contest->of_family[!family];
    }
    for (unsigned i = 0; i < address_count; i++) {
        const struct contest *partner = &c->contests[columns[!i]];
        c->contests[columns[i]].partner_winner = partner->winner;
        c->contests[columns[i]].partner_alternate = partner->alternate;
    }
}

/* Which field each column is of. Counters have no alternate: a zero of theirs is a value. */
static void hold_contests(struct compiler *c)
{
    static const struct contest nobody = {
        .winner = WEIR_PLAN_NONE,
        .alternate = WEIR_PLAN_NONE,
        .fitting = {WEIR_PLAN_NONE, WEIR_PLAN_NONE},
        .of_family = {WEIR_PLAN_NONE, WEIR_PLAN_NONE},
        .partner_winner = WEIR_PLAN_NONE,
        .partner_alternate = WEIR_PLAN_NONE,
    };
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++)
        c->contests[i] = nobody;
    for (uint16_t i = 0; i < c->plan->field_count; i++) {
        const struct weir_field *field = &c->source->fields[i];
        enum weir_column column;
        unsigned rank;
        c->columns[i] = NO_COLUMN;
        c->ranks[i] = UINT_MAX;
        if (!find_column(c, field, &column, &rank))
            continue;
        c->columns[i] = (uint8_t)column;
        c->operations[i] = weir_operation_for(field, column, false);
        bool is_text = weir_column_info(column)->type == WEIR_COLUMN_TEXT && field->length > 0;
        if (!c->operations[i] && !is_text)
            continue;
        c->ranks[i] = rank;
        enter(c, i);
    }
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        struct contest *contest = &c->contests[i];
        if (weir_column_info((enum weir_column)i)->type != WEIR_COLUMN_U64)
            contest->alternate = contest->fitting[contest->fitting[0] == contest->winner];
    }
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        settle_pair(c, pairs[i].columns, pairs[i].address_count, pairs[i].count);
}

static uint8_t octets_of_column(enum weir_column column)
{
    return (uint8_t)weir_column_width(weir_column_info(column)->type);
}

/* What of each field goes into `other`. */
static void judge_fields(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    for (uint16_t i = 0; i < plan->field_count; i++) {
        struct weir_plan_field *field = &plan->fields[i];
        uint8_t column = c->columns[i];
        const struct contest *contest = column != NO_COLUMN ? &c->contests[column] : NULL;
        field->keep = WEIR_KEEP_ALWAYS;
        if (field->is_padding || field->length == 0) {
            field->keep = WEIR_KEEP_NOT;
        } else if (contest && contest->winner == i) {
            bool wide = c->operations[i] && c->operations[i]->saturates;
            field->keep = wide ? WEIR_KEEP_WIDE : WEIR_KEEP_NOT;
            field->column_octets = octets_of_column((enum weir_column)column);
        } else if (contest && contest->alternate == i) {
            field->keep = WEIR_KEEP_AS_LOSER;
            field->winners[0] = contest->winner;
            field->winners[1] = contest->partner_winner;
        }
        if (field->keep != WEIR_KEEP_NOT)
            plan->kept[plan->kept_count++] = i;
    }
}

/* Adds a field to spans that are in the order of the record, joining neighbours. */
static void add_span(struct weir_plan_span *spans, uint16_t *count,
                     const struct weir_plan_field *field)
{
    if (*count > 0) {
        struct weir_plan_span *last = &spans[*count - 1];
        if (last->variable_before == field->variable_before &&
            last->offset + last->length == field->offset) {
            last->length += field->length;
            return;
        }
    }
    spans[(*count)++] = (struct weir_plan_span){
        .offset = field->offset,
        .variable_before = field->variable_before,
        .length = field->length,
    };
}

/* Where steps find each field: in the record, or in the flat row made of it. */
static void flatten_fields(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    plan->flat_length = plan->variable_count ? 0 : plan->record_length;
    for (uint16_t i = 0; i < plan->field_count; i++) {
        const struct weir_plan_field *field = &plan->fields[i];
        c->flat_offsets[i] = field->offset;
        if (!plan->variable_count || !c->operations[i])
            continue;
        const struct contest *contest = &c->contests[c->columns[i]];
        if (contest->winner != i && contest->alternate != i)
            continue;
        c->flat_offsets[i] = plan->flat_length;
        plan->flat_length += field->length;
        add_span(plan->spans, &plan->span_count, field);
    }
}

/* Kept fields, those that their keeping depends on, and the application. */
static void find_text_spans(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    bool decides[WEIR_PLAN_FIELDS_MAX] = {false};
    const struct contest *app = &c->contests[WEIR_COLUMN_APP];
    if (plan->variable_count)
        return;
    for (uint16_t i = 0; i < plan->kept_count; i++) {
        const struct weir_plan_field *field = &plan->fields[plan->kept[i]];
        decides[plan->kept[i]] = true;
        for (unsigned k = 0; k < 2 && field->winners[k] != WEIR_PLAN_NONE; k++)
            decides[field->winners[k]] = true;
    }
    if (app->winner != WEIR_PLAN_NONE)
        decides[app->winner] = true;
    if (app->alternate != WEIR_PLAN_NONE)
        decides[app->alternate] = true;
    for (uint16_t i = 0; i < plan->field_count; i++)
        if (decides[i])
            add_span(plan->text_spans, &plan->text_span_count, &plan->fields[i]);
}

static struct weir_plan_step step_of(const struct compiler *c, uint16_t field)
{
    enum weir_column_type type = weir_column_info((enum weir_column)c->columns[field])->type;
    bool is_address = type == WEIR_COLUMN_ADDRESS;
    return (struct weir_plan_step){
        .operation = c->operations[field],
        .offset = c->flat_offsets[field],
        .width = c->source->fields[field].length,
        .column = c->columns[field],
        .value_octets = is_address ? 8 : (uint8_t)weir_column_width(type),
        .is_address = is_address,
    };
}

/* Where a flat row has a field; of none, nothing. */
static struct weir_plan_span flat_span(const struct compiler *c, uint16_t field)
{
    if (field == WEIR_PLAN_NONE)
        return (struct weir_plan_span){0};
    return (struct weir_plan_span){.offset = c->flat_offsets[field],
                                   .length = c->source->fields[field].length};
}

/*
 * Winners, each followed by its alternate. A type and code in one field stands before a code of
 * its own, which overwrites: columns come in their order.
 */
static void make_decode_steps(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    for (unsigned column = WEIR_COLUMN_FIRST_OF_ROW; column < WEIR_COLUMN_COUNT; column++) {
        const struct contest *contest = &c->contests[column];
        if (contest->winner == WEIR_PLAN_NONE)
            continue;
        plan->columns |= (weir_column_set)1 << column;
        if (!c->operations[contest->winner])
            continue;
        plan->steps[plan->step_count++] = step_of(c, contest->winner);
        if (column == WEIR_COLUMN_ICMP_TYPE && c->operations[contest->winner]->has_second)
            plan->columns |= WEIR_COLUMN_BIT(ICMP_CODE);
        if (contest->alternate == WEIR_PLAN_NONE)
            continue;
        struct weir_plan_step step = step_of(c, contest->alternate);
        step.is_alternate = true;
        step.winners[0] = flat_span(c, contest->winner);
        step.winners[1] = flat_span(c, contest->partner_winner);
        step.rivals[0] = flat_span(c, contest->alternate);
        step.rivals[1] = flat_span(c, contest->partner_alternate);
        plan->steps[plan->step_count++] = step;
    }
}

/* Fields of one operation that are neighbours are written two at a time. */
static void join_to_last(const struct weir_plan *plan, const struct weir_plan_step *step)
{
    uint16_t count = plan->encode_step_count;
    struct weir_plan_step *last = count > 0 ? &plan->encode_steps[count - 1] : NULL;
    bool is_second = count > 1 && plan->encode_steps[count - 2].has_next;
    if (last && !is_second && step->operation && step->operation->encode_two)
        last->has_next =
            last->operation == step->operation && last->offset + last->width == step->offset;
}

/* Every field that has a column is written from it; text of fixed length too. */
static void make_encode_steps(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    uint32_t written = 0;
    for (uint16_t i = 0; i < plan->field_count; i++) {
        const struct weir_field *field = &c->source->fields[i];
        bool is_app_name = plan->app_name == i;
        if (!c->operations[i] && !is_app_name)
            continue;
        struct weir_plan_step step = step_of(c, i);
        const struct contest *contest = &c->contests[step.column];
        if (has_families(contest))
            step.operation = weir_operation_for(field, (enum weir_column)step.column, true);
        step.offset = plan->fields[i].offset;
        join_to_last(plan, &step);
        plan->encode_steps[plan->encode_step_count++] = step;
        plan->encoded |= (weir_column_set)1 << step.column;
        written += field->length;
    }
    plan->fills_no_octets = written != plan->fixed_octets;
}

/* Whether the end is the time of an observation, which has no other beginning. */
static bool is_observed(const struct compiler *c)
{
    uint16_t winner = c->contests[WEIR_COLUMN_END].winner;
    return winner != WEIR_PLAN_NONE && c->operations[winner] &&
           c->source->fields[winner].id >= OBSERVATION_TIME_FIRST &&
           c->source->fields[winner].id <= OBSERVATION_TIME_LAST;
}

static void compile(struct compiler *c)
{
    struct weir_plan *plan = c->plan;
    hold_contests(c);
    judge_fields(c);
    flatten_fields(c);
    find_text_spans(c);
    make_decode_steps(c);

    const struct contest *app = &c->contests[WEIR_COLUMN_APP];
    plan->app_name = plan->app_id = WEIR_PLAN_NONE;
    const uint16_t fields[2] = {app->winner, app->alternate};
    for (unsigned i = 0; i < 2; i++)
        if (fields[i] != WEIR_PLAN_NONE) {
            bool is_name = weir_column_rank(0, plan->fields[fields[i]].id) == 0;
            uint16_t *place = is_name ? &plan->app_name : &plan->app_id;
            if (*place == WEIR_PLAN_NONE)
                *place = fields[i];
        }
    make_encode_steps(c);

    const weir_column_set icmp = WEIR_COLUMN_BIT(ICMP_TYPE) | WEIR_COLUMN_BIT(ICMP_CODE);
    const weir_column_set events = WEIR_COLUMN_BIT(NAT_EVENT) | WEIR_COLUMN_BIT(FIREWALL_EVENT);
    const weir_column_set needed = WEIR_COLUMN_BIT(PROTOCOL) | WEIR_COLUMN_BIT(DST_PORT);
    plan->derives_icmp = (plan->columns & icmp) == 0 && (plan->columns & needed) == needed;
    plan->derives_start = (plan->columns & WEIR_COLUMN_BIT(START)) == 0 && is_observed(c);
    plan->has_events = (plan->columns & events) != 0 && (plan->columns & WEIR_COUNTERS) != 0;
    uint16_t sampler = c->contests[WEIR_COLUMN_SAMPLER].winner;
    plan->names_sequence = sampler != WEIR_PLAN_NONE && is_sequence(&c->source->fields[sampler]);
    plan->has_sampling = (plan->columns & WEIR_COLUMN_BIT(SAMPLING)) != 0;
    if (plan->derives_icmp)
        plan->columns |= icmp;
    if (plan->derives_start)
        plan->columns |= WEIR_COLUMN_BIT(START);
    if (plan->kept_count)
        plan->columns |= WEIR_COLUMN_BIT(OTHER);
}

static bool make_room(struct weir_plan *plan, uint16_t fields)
{
    struct weir_arena *arena = &plan->arena;
    size_t count = fields ? fields : 1;
    plan->fields = weir_arena_alloc(arena, count * sizeof(*plan->fields));
    plan->variable = weir_arena_alloc(arena, count * sizeof(*plan->variable));
    plan->kept = weir_arena_alloc(arena, count * sizeof(*plan->kept));
    plan->spans = weir_arena_alloc(arena, count * sizeof(*plan->spans));
    plan->text_spans = weir_arena_alloc(arena, count * sizeof(*plan->text_spans));
    plan->steps = weir_arena_alloc(arena, count * sizeof(*plan->steps));
    plan->encode_steps = weir_arena_alloc(arena, count * sizeof(*plan->encode_steps));
    return plan->fields && plan->variable && plan->kept && plan->spans && plan->text_spans &&
           plan->steps && plan->encode_steps;
}

int weir_plan_compile(const struct weir_template *source, struct weir_plan **ret_plan)
{
    if (source->field_count > WEIR_PLAN_FIELDS_MAX)
        return WEIR_E_LIMIT;
    struct weir_plan *plan = calloc(1, sizeof(*plan));
    struct compiler *compiler = calloc(1, sizeof(*compiler));
    if (!plan || !compiler) {
        free(plan);
        free(compiler);
        return WEIR_E_NOMEM;
    }
    weir_arena_init(&plan->arena, ARENA_OCTETS_MAX);
    plan->template_id = source->id;
    plan->field_count = source->field_count;
    compiler->source = source;
    compiler->plan = plan;
    bool complete = make_room(plan, source->field_count) && lay_out(compiler);
    if (complete)
        compile(compiler);
    free(compiler);
    if (!complete) {
        weir_plan_free(plan);
        return WEIR_E_NOMEM;
    }
    *ret_plan = plan;
    return 0;
}

void weir_plan_free(struct weir_plan *plan)
{
    if (!plan)
        return;
    weir_arena_done(&plan->arena);
    free(plan);
}

bool weir_plan_names_sequence(const struct weir_plan *plan)
{
    return plan->names_sequence;
}

weir_column_set weir_plan_columns(const struct weir_plan *plan)
{
    return plan->columns;
}

struct weir_operation_times weir_plan_times(const struct weir_plan_context *context)
{
    int64_t uptime_ns = context->export_time_ns - context->uptime_zero_ns;
    return (struct weir_operation_times){
        .export_ns = context->export_time_ns,
        .uptime_zero_ns = context->uptime_zero_ns,
        .uptime_ms = (uint32_t)(uptime_ns / WEIR_NS_PER_MS),
    };
}

bool weir_plan_locate(const struct weir_plan *plan, const uint8_t *octets, size_t length,
                      struct weir_row *ret_row)
{
    uint32_t shift = 0;
    ret_row->octets = octets;
    ret_row->shifts[0] = 0;
    for (uint16_t i = 0; i < plan->variable_count; i++) {
        /* Never past `length`: one octet is there before it is read, two before the long form. */
        size_t at = plan->fields[plan->variable[i]].offset + (size_t)shift;
        if (at >= length)
            return false;
        uint32_t prefix = 1, octets_of_value = octets[at];
        if (octets_of_value == 255) {
            if (length - at < 3)
                return false;
            prefix = 3;
            octets_of_value = weir_load_be16(octets + at + 1);
        }
        shift += prefix + octets_of_value;
        ret_row->shifts[i + 1] = shift;
    }
    ret_row->length = plan->fixed_octets + shift;
    return ret_row->length <= length;
}
