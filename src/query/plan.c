/* SPDX-License-Identifier: Apache-2.0 */
#include "query/plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"

struct planner {
    const struct weir_question *question;
    struct weir_query_plan *plan;
    struct weir_arena *arena;
    struct weir_diag *diag;
};

static const char *const function_names[] = {
    [WEIR_FUNCTION_SUM] = "sum",           [WEIR_FUNCTION_AVG] = "avg",
    [WEIR_FUNCTION_MIN] = "min",           [WEIR_FUNCTION_MAX] = "max",
    [WEIR_FUNCTION_COUNT] = "flows",       [WEIR_FUNCTION_PRESENT] = "count",
    [WEIR_FUNCTION_DISTINCT] = "distinct", [WEIR_FUNCTION_QUANTILE] = "p",
    [WEIR_FUNCTION_ERROR] = "error",
};

/* Columns that fit a screen. */
static const char people_columns[] =
    "start,duration_ms,protocol,src_addr,src_port,dst_addr,dst_port,tcp_flags,packets,bytes";

static int no_memory(struct planner *planner)
{
    return weir_diag_set(planner->diag, WEIR_E_NOMEM, "no memory for the query");
}

/* The next piece of a list with commas, without spaces around it; false at the end. Commas in
 * brackets are its own. */
static bool next_piece(const char **list, struct weir_arena *arena, const char **ret_piece)
{
    const char *at = *list;
    if (!at)
        return false;
    while (isspace((unsigned char)*at))
        at++;
    const char *start = at;
    for (int depth = 0; *at && (*at != ',' || depth > 0); at++)
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
    const char *end = at;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *list = *at ? at + 1 : NULL;
    char *piece = weir_arena_alloc(arena, (size_t)(end - start) + 1);
    if (piece)
        memcpy(piece, start, (size_t)(end - start));
    *ret_piece = piece;
    return true;
}

static int find_field(struct planner *planner, const char *option, const char *name,
                      struct weir_query_field *ret_field)
{
    struct weir_phrase phrase;
    if (weir_phrase_find(name, &phrase) && phrase.form == WEIR_PHRASE_FIELD) {
        *ret_field = phrase.fields[0];
        return 0;
    }
    int result = weir_query_field_by_name(name, ret_field);
    if (result == 0)
        return 0;
    if (result == WEIR_E_USAGE)
        return weir_diag_set(planner->diag, result,
                             "%s: '%.60s': only addresses have prefixes, as in src_addr/24, "
                             "src_addr/48 and src_addr/24/48",
                             option, name);
    if (!*name)
        return weir_diag_set(planner->diag, WEIR_E_USAGE, "%s: a column's name is missing", option);
    const char *near = weir_query_field_nearest(name);
    return weir_diag_set(planner->diag, WEIR_E_USAGE, "%s: '%.60s': no such column%s%s%s", option,
                         name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum weir_answer_kind kind_of(const struct weir_query_field *field)
{
    switch (field->type) {
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_INT:
    case WEIR_VALUE_DURATION:
        return WEIR_ANSWER_INTEGER;
    case WEIR_VALUE_REAL:
        return WEIR_ANSWER_REAL;
    case WEIR_VALUE_BOOL:
        return WEIR_ANSWER_BOOL;
    case WEIR_VALUE_ADDRESS:
        return WEIR_ANSWER_ADDRESS;
    case WEIR_VALUE_MAC:
        return WEIR_ANSWER_MAC;
    case WEIR_VALUE_FLAGS:
        return WEIR_ANSWER_FLAGS;
    case WEIR_VALUE_TIME:
        /* Elements keep their text, which is a time's already. */
        return field->source == WEIR_QUERY_FIELD_ELEMENT ? WEIR_ANSWER_TEXT : WEIR_ANSWER_TIME;
    case WEIR_VALUE_TEXT:
        break;
    }
    return WEIR_ANSWER_TEXT;
}

struct weir_answer_column weir_answer_column_of(const struct weir_query_field *field,
                                                const char *name)
{
    return (struct weir_answer_column){
        .name = name,
        .unit = weir_query_field_unit(field),
        .kind = kind_of(field),
        .names = field->names,
        .is_key = true,
        .field = *field,
    };
}

static int add_column(struct planner *planner, const char *option,
                      const struct weir_answer_column *column)
{
    struct weir_query_plan *plan = planner->plan;
    for (size_t i = 0; i < plan->column_count; i++)
        if (strcmp(plan->columns[i].name, column->name) == 0)
            return weir_diag_set(planner->diag, WEIR_E_USAGE, "%s: '%s' is there twice", option,
                                 column->name);
    if (plan->column_count == WEIR_QUERY_COLUMNS_MAX)
        return weir_diag_set(planner->diag, WEIR_E_USAGE, "%s: more than %u columns", option,
                             WEIR_QUERY_COLUMNS_MAX);
    plan->columns[plan->column_count] = *column;
    plan->columns[plan->column_count++].zone = plan->zone;
    return 0;
}

static int add_fields(struct planner *planner, const char *option, const char *list)
{
    const char *name;
    while (next_piece(&list, planner->arena, &name)) {
        char text[WEIR_QUERY_FIELD_NAME_MAX];
        struct weir_query_field field;
        int result = name ? find_field(planner, option, name, &field) : no_memory(planner);
        if (result < 0)
            return result;
        size_t length = weir_query_field_name(&field, text);
        const char *kept = weir_arena_copy(planner->arena, text, length + 1);
        if (!kept)
            return no_memory(planner);
        const struct weir_answer_column column = weir_answer_column_of(&field, kept);
        result = add_column(planner, option, &column);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool is_number(const struct weir_query_field *field)
{
    return field->type == WEIR_VALUE_UINT || field->type == WEIR_VALUE_INT ||
           field->type == WEIR_VALUE_REAL || field->type == WEIR_VALUE_DURATION;
}

/* What the function makes of its field; a diag where it makes nothing. */
static int type_aggregate(struct planner *planner, const char *option,
                          struct weir_answer_column *column)
{
    const struct weir_aggregate *aggregate = &column->aggregate;
    const struct weir_query_field *field = &aggregate->field;
    bool number = aggregate->function == WEIR_FUNCTION_COUNT || is_number(field);
    bool fits = true;
    column->kind = WEIR_ANSWER_INTEGER;
    column->unit = "";
    switch (aggregate->function) {
    case WEIR_FUNCTION_COUNT:
        column->unit = "flows";
        column->adds_up = true;
        return 0;
    case WEIR_FUNCTION_PRESENT:
        column->adds_up = true;
        return 0;
    case WEIR_FUNCTION_DISTINCT:
        return 0;
    case WEIR_FUNCTION_SUM:
        fits = number;
        column->adds_up = true;
        column->kind = kind_of(field);
        break;
    case WEIR_FUNCTION_ERROR:
        column->squares_add_up = true;
        column->kind = WEIR_ANSWER_REAL;
        break;
    case WEIR_FUNCTION_AVG:
        fits = number;
        column->kind = WEIR_ANSWER_REAL;
        break;
    case WEIR_FUNCTION_QUANTILE:
        fits = number;
        column->kind = kind_of(field);
        break;
    case WEIR_FUNCTION_MIN:
    case WEIR_FUNCTION_MAX:
        fits = number || field->type == WEIR_VALUE_TIME || field->type == WEIR_VALUE_TEXT;
        column->kind = field->type == WEIR_VALUE_TIME && field->source == WEIR_QUERY_FIELD_COLUMN
                           ? WEIR_ANSWER_BIN
                           : kind_of(field);
        break;
    }
    column->unit = weir_query_field_unit(field);
    return fits ? 0
                : weir_diag_set(planner->diag, WEIR_E_USAGE, "%s: '%s' needs a column of numbers",
                                option, column->name);
}

/* "flows" or a column's name. */
static int add_sum(struct planner *planner, const char *option, const char *name)
{
    struct weir_answer_column column = {.name = "flows"};
    column.aggregate.function = WEIR_FUNCTION_COUNT;
    if (strcasecmp(name, "flows") != 0 && strcasecmp(name, "count") != 0) {
        char text[WEIR_QUERY_FIELD_NAME_MAX];
        int result = find_field(planner, option, name, &column.aggregate.field);
        if (result < 0)
            return result;
        size_t length = weir_query_field_name(&column.aggregate.field, text);
        bool is_error = weir_query_field_is_error(&column.aggregate.field);
        column.aggregate.function = is_error ? WEIR_FUNCTION_ERROR : WEIR_FUNCTION_SUM;
        column.name = weir_arena_copy(planner->arena, text, length + 1);
        if (!column.name)
            return no_memory(planner);
    }
    int result = type_aggregate(planner, option, &column);
    return result < 0 ? result : add_column(planner, option, &column);
}

/* "p95", "p99.9". */
static bool parse_quantile(const char *name, double *ret_quantile)
{
    char *end;
    if ((name[0] != 'p' && name[0] != 'P') || !isdigit((unsigned char)name[1]))
        return false;
    double percent = strtod(name + 1, &end);
    if (*end || !(percent >= 0 && percent <= 100))
        return false;
    *ret_quantile = percent / 100;
    return true;
}

static bool parse_function(const char *name, struct weir_aggregate *aggregate)
{
    static const enum weir_function with_brackets[] = {
        WEIR_FUNCTION_SUM, WEIR_FUNCTION_AVG,     WEIR_FUNCTION_MIN,
        WEIR_FUNCTION_MAX, WEIR_FUNCTION_PRESENT, WEIR_FUNCTION_DISTINCT,
    };
    for (size_t i = 0; i < sizeof(with_brackets) / sizeof(with_brackets[0]); i++)
        if (strcasecmp(name, function_names[with_brackets[i]]) == 0) {
            aggregate->function = with_brackets[i];
            return true;
        }
    aggregate->function = WEIR_FUNCTION_QUANTILE;
    return parse_quantile(name, &aggregate->quantile);
}

static int add_expression(struct planner *planner, const char *expression)
{
    const char *option = "--agg", *open = strchr(expression, '(');
    size_t length = strlen(expression);
    if (!open)
        return add_sum(planner, option, expression);
    char *function = weir_arena_copy(planner->arena, expression, length + 1);
    if (!function)
        return no_memory(planner);
    char *argument = function + (open - expression);
    *argument++ = '\0';
    struct weir_answer_column column = {0};
    if (expression[length - 1] != ')' || !parse_function(function, &column.aggregate))
        return weir_diag_set(planner->diag, WEIR_E_USAGE,
                             "--agg: '%.60s' is none of sum(X) avg(X) min(X) max(X) count(X) "
                             "distinct(X) p95(X) flows",
                             expression);
    argument[strlen(argument) - 1] = '\0';
    int result = find_field(planner, option, argument, &column.aggregate.field);
    if (result < 0)
        return result;
    char name[WEIR_QUERY_FIELD_NAME_MAX];
    weir_query_field_name(&column.aggregate.field, name);
    column.name = weir_arena_format(planner->arena, "%s(%s)", function, name);
    if (!column.name)
        return no_memory(planner);
    result = type_aggregate(planner, option, &column);
    return result < 0 ? result : add_column(planner, option, &column);
}

static int add_aggregates(struct planner *planner)
{
    const struct weir_question *question = planner->question;
    const char *sums = question->sum, *expressions = question->agg, *piece;
    if (!sums && !expressions)
        sums = "bytes,packets,flows";
    int result = 0;
    while (result == 0 && next_piece(&sums, planner->arena, &piece))
        result = piece ? add_sum(planner, "--sum", piece) : no_memory(planner);
    while (result == 0 && next_piece(&expressions, planner->arena, &piece))
        result = piece ? add_expression(planner, piece) : no_memory(planner);
    return result;
}

static int add_record_fields(struct planner *planner)
{
    const struct weir_question *question = planner->question;
    if (question->select || question->people)
        return add_fields(planner, "--select",
                          question->select ? question->select : people_columns);
    for (unsigned i = 0; i < WEIR_COLUMN_COUNT; i++) {
        int result = add_fields(planner, "--select", weir_column_info((enum weir_column)i)->name);
        if (result < 0)
            return result;
    }
    return 0;
}

static size_t first_aggregate(const struct weir_query_plan *plan)
{
    size_t i = 0;
    while (i < plan->column_count && plan->columns[i].is_key)
        i++;
    return i;
}

static int set_order_by_name(struct planner *planner, const char *name)
{
    struct weir_query_plan *plan = planner->plan;
    if (plan->shape == WEIR_QUERY_RECORDS)
        return find_field(planner, "--order", name, &plan->order_field);
    struct weir_nearest search = weir_nearest_begin(name);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (strcasecmp(plan->columns[i].name, name) == 0) {
            plan->order_column = i;
            return 0;
        }
        weir_nearest_offer(&search, plan->columns[i].name);
    }
    return weir_diag_set(planner->diag, WEIR_E_USAGE,
                         "--order: '%.60s' is no column of the answer%s%s%s", name,
                         search.best ? "; did you mean '" : "", search.best ? search.best : "",
                         search.best ? "'?" : "");
}

static int set_order(struct planner *planner)
{
    struct weir_query_plan *plan = planner->plan;
    const char *order = planner->question->order;
    plan->order_column = SIZE_MAX;
    plan->ordered = order || plan->shape != WEIR_QUERY_RECORDS || plan->top > 0;
    if (!order) {
        /* Of a series without keys --top takes the greatest bins, else it takes groups. */
        bool by_time =
            plan->shape == WEIR_QUERY_SERIES && (plan->top == 0 || plan->columns[1].is_key);
        plan->ascending = by_time;
        if (plan->shape == WEIR_QUERY_RECORDS)
            plan->order_field = weir_query_field_of_column(WEIR_COLUMN_BYTES);
        else
            plan->order_column = by_time ? 0 : first_aggregate(plan);
        return 0;
    }
    const char *colon = strrchr(order, ':');
    char *name = weir_arena_copy(planner->arena, order, strlen(order) + 1);
    if (!name)
        return no_memory(planner);
    if (colon) {
        plan->ascending = strcasecmp(colon + 1, "asc") == 0;
        if (!plan->ascending && strcasecmp(colon + 1, "desc") != 0)
            return weir_diag_set(planner->diag, WEIR_E_USAGE,
                                 "--order: '%.60s': after the ':' comes asc or desc", order);
        name[colon - order] = '\0';
    }
    return set_order_by_name(planner, name);
}

static int add_columns(struct planner *planner)
{
    const struct weir_question *question = planner->question;
    struct weir_query_plan *plan = planner->plan;
    int result = 0;
    if (plan->shape == WEIR_QUERY_RECORDS)
        return add_record_fields(planner);
    if (question->select)
        return weir_diag_set(planner->diag, WEIR_E_USAGE,
                             "--select is for flow records; groups have --by and --sum or --agg");
    if (plan->shape == WEIR_QUERY_SERIES)
        result = add_column(planner, "--bin",
                            &(struct weir_answer_column){.name = "time",
                                                         .unit = "",
                                                         .kind = WEIR_ANSWER_BIN,
                                                         .bin_ms = plan->bin_ms,
                                                         .is_key = true});
    if (result == 0 && question->by)
        result = add_fields(planner, "--by", question->by);
    return result < 0 ? result : add_aggregates(planner);
}

static bool has_column(const struct weir_query_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->column_count; i++)
        if (strcmp(plan->columns[i].name, name) == 0)
            return true;
    return false;
}

/* The error of what a column adds up; false: it is no such column, or the plan has it. */
static bool error_beside(const struct weir_query_plan *plan,
                         const struct weir_answer_column *column,
                         struct weir_answer_column *ret_error)
{
    struct weir_query_field field;
    if (column->is_key || column->aggregate.function != WEIR_FUNCTION_SUM ||
        !weir_query_field_error_of(&column->aggregate.field, &field) ||
        has_column(plan, weir_computed_info(field.computed)->name))
        return false;
    *ret_error = (struct weir_answer_column){
        .name = weir_computed_info(field.computed)->name,
        .unit = weir_query_field_unit(&field),
        .kind = WEIR_ANSWER_REAL,
        .squares_add_up = true,
        .zone = plan->zone,
        .aggregate = {.function = WEIR_FUNCTION_ERROR, .field = field},
    };
    return true;
}

int weir_query_plan_errors(const struct weir_query_plan *plan, struct weir_arena *arena,
                           const struct weir_query_plan **ret_plan)
{
    struct weir_query_plan *made = weir_arena_copy(arena, plan, sizeof(*plan));
    struct weir_answer_column *columns =
        weir_arena_alloc(arena, 2 * WEIR_QUERY_COLUMNS_MAX * sizeof(*columns));
    if (!made || !columns)
        return WEIR_E_NOMEM;
    size_t count = 0;
    for (size_t i = 0; i < plan->column_count; i++) {
        if (i == plan->order_column)
            made->order_column = count;
        columns[count++] = plan->columns[i];
        count += error_beside(plan, &plan->columns[i], &columns[count]);
    }
    made->columns = columns;
    made->column_count = count;
    *ret_plan = count <= WEIR_QUERY_COLUMNS_MAX ? made : plan;
    return 0;
}

int64_t weir_query_bound_ms(int64_t ns)
{
    return ns == INT64_MIN || ns == INT64_MAX ? ns : weir_ns_to_ms(ns);
}

static int set_range(struct planner *planner)
{
    const struct weir_question *question = planner->question;
    struct weir_query_plan *plan = planner->plan;
    plan->from_ms = weir_query_bound_ms(question->from_ns);
    plan->to_ms = weir_query_bound_ms(question->to_ns);
    if (question->from_ns >= question->to_ns)
        return weir_diag_set(planner->diag, WEIR_E_USAGE, "--to is not later than --from");
    if (question->bin_ns < 0 || question->bin_ns % WEIR_NS_PER_MS != 0)
        return weir_diag_set(planner->diag, WEIR_E_USAGE,
                             "--bin: a bin is a whole number of milliseconds wide");
    plan->bin_ms = question->bin_ns / WEIR_NS_PER_MS;
    return 0;
}

int weir_query_plan(const struct weir_question *question, struct weir_arena *arena,
                    struct weir_query_plan **ret_plan, struct weir_diag *diag)
{
    struct planner planner = {.question = question, .arena = arena, .diag = diag};
    struct weir_query_plan *plan = weir_arena_alloc(arena, sizeof(*plan));
    planner.plan = plan;
    if (!plan)
        return no_memory(&planner);
    plan->columns = weir_arena_alloc(arena, WEIR_QUERY_COLUMNS_MAX * sizeof(*plan->columns));
    if (!plan->columns)
        return no_memory(&planner);
    plan->shape = question->bin_ns                                 ? WEIR_QUERY_SERIES
                  : question->by || question->sum || question->agg ? WEIR_QUERY_GROUPS
                                                                   : WEIR_QUERY_RECORDS;
    plan->top = question->top;
    plan->zone = question->context.zone;
    plan->scaled = !question->unscaled;
    int result = set_range(&planner);
    if (result == 0)
        result = add_columns(&planner);
    if (result == 0)
        result = set_order(&planner);
    if (result == 0 && question->where) {
        result =
            weir_filter_parse(question->where, &question->context, arena, &plan->condition, diag);
        if (result < 0)
            weir_diag_prefix(diag, "filter");
    }
    if (result == 0)
        *ret_plan = plan;
    return result;
}
