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

#define SELECTION_SEQUENCE_ID 301u

/* observationTimeSeconds to observationTimeNanoseconds. */
#define OBSERVATION_TIME_FIRST 322u
#define OBSERVATION_TIME_LAST  325u

/* Times that say nothing without the message, and the elements for the same said absolutely. */
static const struct {
    uint16_t relative, absolute;
} relative_times[] = {{22, 152}, {21, 153}, {158, 154}, {159, 155}};

/* Those that fill one column. */
struct contest {
    uint16_t winner, alternate; /* fields, or WEIR_PLAN_NONE */
    bool has_v4, has_v6;
};

struct compiler {
    const struct weir_template *source;
    struct weir_plan *plan;
    struct contest contests[WEIR_COLUMN_COUNT];
    const struct weir_operation *operations[WEIR_PLAN_FIELDS_MAX]; /* NULL: no column */
    unsigned ranks[WEIR_PLAN_FIELDS_MAX];                          /* UINT_MAX: fills no column */
    uint8_t columns[WEIR_PLAN_FIELDS_MAX];
    uint32_t flat_offsets[WEIR_PLAN_FIELDS_MAX];
};

static bool same_element(const struct weir_field *a, const struct weir_field *b)
{
    return a->pen == b->pen && a->id == b->id;
}

/* The key under which JSON has the field; the second of an element is "NAME#2". */
static bool name_field(struct compiler *c, uint16_t index)
{
    const struct weir_field *field = &c->source->fields[index];
    struct weir_plan_field *made = &c->plan->fields[index];
    made->repeat = 1;
    for (uint16_t i = 0; i < index; i++)
        made->repeat += same_element(&c->source->fields[i], field);
    char name[64], suffix[16] = "";
    if (made->repeat > 1)
        snprintf(suffix, sizeof(suffix), "#%u", made->repeat);
    if (field->pen == WEIR_PEN_NETFLOW9_SCOPE)
        snprintf(name, sizeof(name), "scope/%u", field->id);
    else
        snprintf(name, sizeof(name), "%u/%u", field->pen, field->id);
    made->key = weir_arena_format(&c->plan->arena,
                                  "\"%s%s\":", made->element ? made->element->name : name, suffix);
    made->key_length = made->key ? (uint16_t)strlen(made->key) : 0;
    return made->key != NULL;
}

static void note_absolute(struct compiler *c, uint16_t index)
{
    const struct weir_field *field = &c->source->fields[index];
    struct weir_plan_field *made = &c->plan->fields[index];
    for (size_t i = 0; i < sizeof(relative_times) / sizeof(relative_times[0]); i++) {
        if (field->pen != 0 || field->id != relative_times[i].relative)
            continue;
        struct weir_field absolute = {0, relative_times[i].absolute, 8};
        for (uint16_t k = 0; k < c->source->field_count; k++)
            if (same_element(&c->source->fields[k], &absolute))
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
            .winner = WEIR_PLAN_NONE,
            .pen = field->pen,
            .id = field->id,
            .is_padding = field->pen == 0 && field->id == PADDING_OCTETS,
        };
        if (!name_field(c, i))
            return false;
        note_absolute(c, i);
        if (field->length == WEIR_LENGTH_VARIABLE)
            plan->variable[plan->variable_count++] = i;
        else
            offset += field->length;
    }
    plan->fixed_octets = offset;
    plan->record_length = offset + plan->variable_count;
    return true;
}

static bool is_sequence(const struct weir_field *field)
{
    return field->pen == 0 && field->id == SELECTION_SEQUENCE_ID;
}

/* The field of lowest rank, the first of equals, that fills the column; `but` is left out. */
static uint16_t best_field(const struct compiler *c, unsigned column, uint16_t but)
{
    uint16_t best = WEIR_PLAN_NONE;
    for (uint16_t i = 0; i < c->plan->field_count; i++) {
        bool enters = c->ranks[i] != UINT_MAX && c->columns[i] == column && i != but;
        /* The second best is not to hide that its value was too wide. */
        bool fits = but == WEIR_PLAN_NONE || !c->operations[i] || !c->operations[i]->saturates;
        /* Nor to be a number of another kind. */
        fits = fits && (but == WEIR_PLAN_NONE || !is_sequence(&c->source->fields[i]));
        if (enters && fits && (best == WEIR_PLAN_NONE || c->ranks[i] < c->ranks[best]))
            best = i;
    }
    return best;
}

/* Which field each column is of. Counters have no alternate: a zero of theirs is a value. */
static void hold_contests(struct compiler *c)
{
    for (uint16_t i = 0; i < c->plan->field_count; i++) {
        const struct weir_field *field = &c->source->fields[i];
        enum weir_column column;
        c->ranks[i] = UINT_MAX;
        if (weir_column_for_element(field->pen, field->id, &column) < 0)
            continue;
        c->columns[i] = (uint8_t)column;
        c->operations[i] = weir_operation_for(field, column, false);
        enum weir_column_type type = weir_column_info(column)->type;
        if (c->operations[i] || (type == WEIR_COLUMN_TEXT && field->length > 0))
            c->ranks[i] = weir_column_rank(field->pen, field->id);
        if (type == WEIR_COLUMN_ADDRESS) {
            c->contests[column].has_v4 |= field->length == 4;
            c->contests[column].has_v6 |= field->length == 16;
        }
    }
    for (unsigned i = WEIR_COLUMN_FIRST_OF_ROW; i < WEIR_COLUMN_COUNT; i++) {
        struct contest *contest = &c->contests[i];
        bool may_alternate = weir_column_info((enum weir_column)i)->type != WEIR_COLUMN_U64;
        contest->winner = best_field(c, i, WEIR_PLAN_NONE);
        contest->alternate = WEIR_PLAN_NONE;
        if (may_alternate && contest->winner != WEIR_PLAN_NONE)
            contest->alternate = best_field(c, i, contest->winner);
    }
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
        enum weir_column column;
        bool has_column =
            weir_column_for_element(c->source->fields[i].pen, field->id, &column) == 0;
        const struct contest *contest = has_column ? &c->contests[column] : NULL;
        field->keep = WEIR_KEEP_ALWAYS;
        if (field->is_padding || field->length == 0) {
            field->keep = WEIR_KEEP_NOT;
        } else if (contest && contest->winner == i) {
            bool wide = c->operations[i] && c->operations[i]->saturates;
            field->keep = wide ? WEIR_KEEP_WIDE : WEIR_KEEP_NOT;
            field->column_octets = octets_of_column(column);
        } else if (contest && contest->alternate == i) {
            field->keep = WEIR_KEEP_AS_LOSER;
            field->winner = contest->winner;
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
        if (field->keep == WEIR_KEEP_AS_LOSER)
            decides[field->winner] = true;
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
        step.winner_offset = c->flat_offsets[contest->winner];
        step.winner_width = c->source->fields[contest->winner].length;
        plan->steps[plan->step_count++] = step;
    }
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
        if (contest->has_v4 && contest->has_v6)
            step.operation = weir_operation_for(field, (enum weir_column)step.column, true);
        step.offset = plan->fields[i].offset;
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
