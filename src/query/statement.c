/* SPDX-License-Identifier: Apache-2.0 */
#include "query/statement.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "query/error.h"
#include "store/schema.h"

unsigned weir_answer_width(const struct weir_answer_column *column)
{
    return column->kind == WEIR_ANSWER_ADDRESS || column->kind == WEIR_ANSWER_TIME ? 2 : 1;
}

static bool says(const char *condition)
{
    return *condition != '\0';
}

static const char *where(struct weir_sql *sql, const char *condition)
{
    return says(condition) ? weir_sql_format(sql, " WHERE %s", condition) : "";
}

/* Text put together piece by piece, with something between the pieces. */
struct list {
    struct weir_sql *sql;
    const char *between;
    const char *text;
};

static void add(struct list *list, const char *piece)
{
    assert(list->text);
    list->text = *list->text
                     ? weir_sql_format(list->sql, "%s%s%s", list->text, list->between, piece)
                     : piece;
}

/* The start or the end of a flow's time, or what stands for it. */
static const char *flow_time(struct weir_sql *sql, enum weir_column first, enum weir_column second)
{
    return weir_sql_format(sql, "coalesce(%s, %s, %s)", weir_sql_leaf(sql, first, ""),
                           weir_sql_leaf(sql, second, ""),
                           weir_sql_leaf(sql, WEIR_COLUMN_RECEIVED, ""));
}

/* Whether every flow of a file is in the plan's time, by the file's name. */
static bool is_inside(const struct weir_query_plan *plan, const struct weir_catalog_file *file)
{
    return (plan->from_ms == INT64_MIN || file->start_ms >= plan->from_ms) &&
           (plan->to_ms == INT64_MAX || file->end_ms < plan->to_ms);
}

static const char *time_condition(struct weir_statement *statement)
{
    struct weir_sql *sql = &statement->sql;
    const struct weir_query_plan *plan = statement->plan;
    struct list list = {sql, " AND ", ""};
    if (plan->from_ms != INT64_MIN)
        add(&list,
            weir_sql_format(sql, "%s >= %s", flow_time(sql, WEIR_COLUMN_END, WEIR_COLUMN_START),
                            sql->dialect->time_literal(sql, plan->from_ms)));
    if (plan->to_ms != INT64_MAX)
        add(&list,
            weir_sql_format(sql, "%s < %s", flow_time(sql, WEIR_COLUMN_START, WEIR_COLUMN_END),
                            sql->dialect->time_literal(sql, plan->to_ms)));
    return list.text;
}

/* The files whose flows are all in time, or those that have to be looked at flow by flow. */
static const char *some_files(struct weir_statement *statement, bool inside)
{
    const struct weir_catalog *files = statement->files;
    struct weir_sql *sql = &statement->sql;
    const char **paths = weir_arena_alloc(sql->arena, (files->count + 1) * sizeof(*paths));
    size_t count = 0;
    if (!paths) {
        sql->failed = true;
        return "";
    }
    for (size_t i = 0; i < files->count; i++)
        if (is_inside(statement->plan, &files->files[i]) == inside)
            paths[count++] = files->files[i].path;
    return count > 0 ? sql->dialect->files(sql, paths, count, statement->lacks_leaves) : "";
}

/* The leaves of the schema, whichever of them the files have. */
static const char *completed(struct weir_sql *sql, const char *inside, const char *partly,
                             const char *condition)
{
    const struct weir_dialect *dialect = sql->dialect;
    struct list list = {sql, weir_sql_format(sql, " %s ", dialect->union_by_name), ""};
    add(&list, weir_sql_format(sql, "SELECT * FROM %s", dialect->no_files(sql, &weir_flow_schema)));
    if (says(inside))
        add(&list, weir_sql_format(sql, "SELECT * FROM %s", inside));
    if (says(partly))
        add(&list, weir_sql_format(sql, "SELECT * FROM %s%s", partly, condition));
    return weir_sql_format(sql, "(%s)", list.text);
}

/* What stands after FROM. */
static const char *source(struct weir_statement *statement)
{
    struct weir_sql *sql = &statement->sql;
    const char *inside = some_files(statement, true);
    const char *partly = some_files(statement, false);
    if (!says(inside) && !says(partly))
        return sql->dialect->no_files(sql, &weir_flow_schema);
    const char *condition = says(partly) ? where(sql, time_condition(statement)) : "";
    if (statement->lacks_leaves)
        return completed(sql, inside, partly, condition);
    if (!says(partly))
        return inside;
    if (!says(inside))
        return weir_sql_format(sql, "(SELECT * FROM %s%s)", partly, condition);
    return weir_sql_format(sql, "(SELECT * FROM %s UNION ALL SELECT * FROM %s%s)", inside, partly,
                           condition);
}

static const char *condition(struct weir_statement *statement)
{
    return statement->plan->condition
               ? weir_sql_condition(&statement->sql, statement->plan->condition)
               : "";
}

/* A field as the answer holds it: one SQL expression or two. */
struct parts {
    const char *texts[2];
    unsigned count;
};

static struct parts parts_of(struct weir_sql *sql, const struct weir_query_field *field)
{
    if (field->type == WEIR_VALUE_ADDRESS) {
        struct weir_sql_address address = weir_sql_address(sql, field);
        return (struct parts){{address.high, address.low}, 2};
    }
    if (field->type == WEIR_VALUE_TIME && field->source == WEIR_QUERY_FIELD_COLUMN)
        return (struct parts){
            {weir_sql_leaf(sql, field->column, ""), weir_sql_leaf(sql, field->column, "_ns")}, 2};
    return (struct parts){{weir_sql_shown(sql, field), NULL}, 1};
}

static void add_parts(struct list *list, const struct parts *parts, const char *after)
{
    for (unsigned i = 0; i < parts->count; i++)
        add(list, weir_sql_format(list->sql, "%s%s", parts->texts[i], after));
}

/* Whether what is aggregated comes in units: what rounding leaves out of a flow would add up. */
static bool is_in_units(const struct weir_sql *sql, const struct weir_aggregate *aggregate)
{
    return (aggregate->function == WEIR_FUNCTION_SUM || aggregate->function == WEIR_FUNCTION_AVG) &&
           weir_sql_has_units(sql, &aggregate->field);
}

static bool is_flows(const struct weir_query_field *field)
{
    return field->source == WEIR_QUERY_FIELD_COMPUTED &&
           field->computed == WEIR_COMPUTED_FLOWS_ESTIMATED;
}

static const char *aggregate(struct weir_sql *sql, const struct weir_aggregate *aggregate,
                             const char *value)
{
    bool in_units = is_in_units(sql, aggregate);
    switch (aggregate->function) {
    case WEIR_FUNCTION_SUM:
        value = weir_sql_format(sql, "sum(%s)", value);
        if (is_flows(&aggregate->field))
            return weir_sql_format(sql, "round(%s, 3)", value);
        return in_units ? weir_sql_units_rounded(sql, value) : value;
    case WEIR_FUNCTION_AVG:
        value = weir_sql_format(sql, "avg(%s)", value);
        return in_units ? weir_sql_units_real(sql, value) : value;
    case WEIR_FUNCTION_ERROR:
        /* What differs with the order in which flows come is past the third digit. */
        return weir_sql_format(sql, "round(sqrt(sum(%s)), 3)", value);
    case WEIR_FUNCTION_MIN:
        return weir_sql_format(sql, "min(%s)", value);
    case WEIR_FUNCTION_MAX:
        return weir_sql_format(sql, "max(%s)", value);
    case WEIR_FUNCTION_COUNT:
        return "count(*)";
    case WEIR_FUNCTION_PRESENT:
        return weir_sql_format(sql, "count(%s)", value);
    case WEIR_FUNCTION_DISTINCT:
        return weir_sql_format(sql, "count(DISTINCT %s)", value);
    case WEIR_FUNCTION_QUANTILE:
        return sql->dialect->quantile(sql, value, aggregate->quantile);
    }
    return "";
}

/* What an aggregate is of, as one SQL expression. Times in milliseconds, or whole as a pair. */
static const char *aggregate_input(struct weir_sql *sql, const struct weir_aggregate *aggregate)
{
    const struct weir_query_field *field = &aggregate->field;
    if (aggregate->function == WEIR_FUNCTION_COUNT)
        return "1";
    if (aggregate->function == WEIR_FUNCTION_ERROR)
        return weir_sql_variance(sql, field->computed);
    if (is_in_units(sql, aggregate))
        return weir_sql_units(sql, field);
    struct parts parts = parts_of(sql, field);
    if (parts.count == 1)
        return weir_sql_value(sql, field);
    if (aggregate->function == WEIR_FUNCTION_PRESENT)
        return parts.texts[0];
    if (aggregate->function == WEIR_FUNCTION_DISTINCT)
        return sql->dialect->pair(sql, parts.texts[0], parts.texts[1]);
    return sql->dialect->time_ms(sql, parts.texts[0]);
}

/* "1, 2, 3": the SQL columns of the keys, from `first` on. */
static const char *key_positions(struct weir_statement *statement, unsigned first)
{
    const struct weir_query_plan *plan = statement->plan;
    struct list list = {&statement->sql, ", ", ""};
    for (size_t i = 0; i < plan->column_count && plan->columns[i].is_key; i++)
        for (unsigned part = 0; part < weir_answer_width(&plan->columns[i]); part++)
            add(&list, weir_sql_format(&statement->sql, "%u", first++));
    return list.text;
}

/* The number of a column's first SQL column, counted from 1. */
static unsigned position(const struct weir_query_plan *plan, size_t column)
{
    unsigned at = 1;
    for (size_t i = 0; i < column; i++)
        at += weir_answer_width(&plan->columns[i]);
    return at;
}

/* Ties go by the keys, so that the same question has the same answer. */
static const char *order_by_column(struct weir_statement *statement, unsigned before)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""};
    const char *direction = plan->ascending ? "ASC" : "DESC";
    unsigned first = position(plan, plan->order_column) + before;
    for (unsigned part = 0; part < weir_answer_width(&plan->columns[plan->order_column]); part++)
        add(&list, weir_sql_format(sql, "%u %s NULLS LAST", first + part, direction));
    const char *keys = key_positions(statement, 1 + before);
    if (says(keys))
        add(&list, keys);
    return weir_sql_format(sql, " ORDER BY %s", list.text);
}

static const char *limit(struct weir_statement *statement, bool one_more)
{
    uint64_t top = statement->plan->top;
    return top > 0 ? weir_sql_format(&statement->sql, " LIMIT %" PRIu64, top + one_more) : "";
}

static const char *record_rows(struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""}, order = {sql, ", ", ""};
    for (size_t i = 0; i < plan->column_count; i++) {
        struct parts parts = parts_of(sql, &plan->columns[i].field);
        add_parts(&list, &parts, "");
    }
    if (plan->ordered) {
        struct parts parts = parts_of(sql, &plan->order_field);
        add_parts(&order, &parts, plan->ascending ? " ASC NULLS LAST" : " DESC NULLS LAST");
        order.text = weir_sql_format(sql, " ORDER BY %s", order.text);
    }
    return weir_sql_format(sql, "SELECT %s FROM %s%s%s%s", list.text, source(statement),
                           where(sql, condition(statement)), order.text, limit(statement, false));
}

/* The keys and aggregates of groups, or the aggregates alone. */
static const char *group_list(struct weir_statement *statement, bool keys)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""};
    for (size_t i = 0; i < plan->column_count; i++) {
        const struct weir_answer_column *column = &plan->columns[i];
        struct parts parts = parts_of(sql, &column->field);
        if (!column->is_key)
            add(&list,
                aggregate(sql, &column->aggregate, aggregate_input(sql, &column->aggregate)));
        else if (keys)
            add_parts(&list, &parts, "");
    }
    return list.text;
}

static const char *group_rows(struct weir_statement *statement)
{
    struct weir_sql *sql = &statement->sql;
    const char *keys = key_positions(statement, 1);
    const char *flows = condition(statement);
    if (statement->sieve)
        flows = says(flows) ? weir_sql_format(sql, "(%s) AND %s", flows, statement->sieve)
                            : statement->sieve;
    return weir_sql_format(sql, "SELECT %s FROM %s%s%s%s%s%s", group_list(statement, true),
                           source(statement), where(sql, flows), says(keys) ? " GROUP BY " : "",
                           keys, says(keys) ? order_by_column(statement, 0) : "",
                           says(keys) ? limit(statement, statement->one_more) : "");
}

const char *weir_statement_bucket(struct weir_statement *statement, unsigned bits)
{
    const struct weir_query_plan *plan = statement->plan;
    struct list list = {&statement->sql, ", ", ""};
    for (size_t i = 0; i < plan->column_count && plan->columns[i].is_key; i++) {
        struct parts parts = parts_of(&statement->sql, &plan->columns[i].field);
        /* The low word of an address tells enough: a bucket may hold any number of groups. */
        if (plan->columns[i].kind == WEIR_ANSWER_ADDRESS)
            add(&list, parts.texts[1]);
        else
            add_parts(&list, &parts, "");
    }
    return statement->sql.dialect->bucket(&statement->sql, list.text, bits);
}

const char *weir_statement_buckets(struct weir_statement *statement, unsigned bits, uint64_t count)
{
    struct weir_sql *sql = &statement->sql;
    const struct weir_aggregate *sum =
        &statement->plan->columns[statement->plan->order_column].aggregate;
    return weir_sql_format(
        sql, "SELECT %s, %s FROM %s%s GROUP BY 1 ORDER BY 2 DESC NULLS LAST LIMIT %" PRIu64,
        weir_statement_bucket(statement, bits), aggregate(sql, sum, aggregate_input(sql, sum)),
        source(statement), where(sql, condition(statement)), count);
}

const char *weir_statement_total(struct weir_statement *statement)
{
    struct weir_sql *sql = &statement->sql;
    return weir_sql_format(sql, "SELECT %s FROM %s%s", group_list(statement, false),
                           source(statement), where(sql, condition(statement)));
}

/*
 * A series. Of every flow its keys k0.., the values v0.. that are aggregated, and its time [s, e]
 * in milliseconds. Most flows lie in one bin and go there as they are; of the others each bin gets
 * its part of the counters: what had gone by at its end less what had gone by at its start.
 */
static bool is_spread(const struct weir_answer_column *column)
{
    return column->aggregate.function == WEIR_FUNCTION_SUM &&
           weir_query_field_is_counter(&column->aggregate.field);
}

/* What a flow counts once, where it begins: flows that it stands for. */
static bool counts_at_begin(const struct weir_answer_column *column)
{
    const struct weir_query_field *field = &column->aggregate.field;
    return !column->is_key && field->source == WEIR_QUERY_FIELD_COMPUTED &&
           (field->computed == WEIR_COMPUTED_FLOWS_ESTIMATED ||
            field->computed == WEIR_COMPUTED_FLOWS_ERROR);
}

static const char *series_flows(struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""};
    const char *start =
        sql->dialect->time_ms(sql, flow_time(sql, WEIR_COLUMN_START, WEIR_COLUMN_END));
    const char *end =
        sql->dialect->time_ms(sql, flow_time(sql, WEIR_COLUMN_END, WEIR_COLUMN_START));
    add(&list, weir_sql_format(sql, "%s AS s, greatest(%s, %s) AS e", start, start, end));
    unsigned key = 0;
    for (size_t i = 1; i < plan->column_count; i++) {
        const struct weir_answer_column *column = &plan->columns[i];
        struct parts parts = parts_of(sql, &column->field);
        if (!column->is_key)
            add(&list,
                weir_sql_format(sql, "%s AS v%zu", aggregate_input(sql, &column->aggregate), i));
        else
            for (unsigned part = 0; part < parts.count; part++)
                add(&list, weir_sql_format(sql, "%s AS k%u", parts.texts[part], key++));
    }
    return weir_sql_format(sql, "(SELECT %s FROM %s%s) AS f", list.text, source(statement),
                           where(sql, condition(statement)));
}

bool weir_statement_is_ranked(const struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    return plan->shape == WEIR_QUERY_SERIES && plan->top > 0 && plan->columns[1].is_key;
}

/* SQL columns of the keys, the bin left out. */
static unsigned key_count(const struct weir_query_plan *plan)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan->column_count; i++)
        if (plan->columns[i].is_key && plan->columns[i].kind != WEIR_ANSWER_BIN)
            count += weir_answer_width(&plan->columns[i]);
    return count;
}

static void add_keys(struct list *list, const char *format_prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        add(list, weir_sql_format(list->sql, "%sk%u", format_prefix, i));
}

/* What of v had gone by at time `at`, within [s, e]: all of it at e, whatever rounding does. */
static const char *gone_by(struct weir_sql *sql, const char *v, const char *at)
{
    const char *share =
        weir_sql_format(sql, "floor(%s * %s / %s)", sql->dialect->real(sql, v),
                        sql->dialect->real(sql, weir_sql_format(sql, "%s - s", at)), "(e - s)");
    const char *whole =
        sql->wide || sql->sized ? sql->dialect->wide(sql, share) : sql->dialect->narrow(sql, share);
    return weir_sql_format(sql, "CASE WHEN %s >= e THEN %s ELSE least(%s, %s) END", at, v, v,
                           whole);
}

/* CASE WHEN value >= 20 THEN b WHEN value >= 10 THEN a ELSE ... END over the runs of bins. */
static const char *by_run(struct weir_statement *statement, const char *value, bool is_time)
{
    const struct weir_bins *bins = &statement->bins;
    struct weir_sql *sql = &statement->sql;
    const char *text = "";
    for (size_t i = bins->count; i-- > 0;) {
        const struct weir_bin_run *run = &bins->runs[i];
        const char *of_run =
            is_time ? weir_sql_format(
                          sql, "%" PRId64 " + %s", run->first,
                          sql->dialect->divide(
                              sql, weir_sql_format(sql, "(%s - %" PRId64 ")", value, run->begin_ms),
                              run->width_ms))
                    : weir_sql_format(sql, "%" PRId64 " + (%s - %" PRId64 ") * %" PRId64,
                                      run->begin_ms, value, run->first, run->width_ms);
        text = i > 0 ? weir_sql_format(sql, "%s WHEN %s >= %" PRId64 " THEN %s", text, value,
                                       is_time ? run->begin_ms : run->first, of_run)
               : bins->count > 1 ? weir_sql_format(sql, "(CASE%s ELSE %s END)", text, of_run)
                                 : weir_sql_format(sql, "(%s)", of_run);
    }
    return text;
}

/* The number of the bin that a time is in, and when a bin begins. */
static const char *bin_number(struct weir_statement *statement, const char *ms)
{
    return by_run(statement, ms, true);
}

static const char *bin_start(struct weir_statement *statement, const char *number)
{
    return by_run(statement, number, false);
}

/* Of a variance a bin has the part that it has of the time: packets fall where they will. */
static const char *share_of(struct weir_statement *statement, const char *v)
{
    struct weir_sql *sql = &statement->sql;
    const char *past = weir_sql_format(sql, "least(e, %" PRId64 ", %s)", statement->past_ms,
                                       bin_start(statement, "(b + 1)"));
    const char *first = weir_sql_format(sql, "greatest(s, %" PRId64 ", %s)", statement->first_ms,
                                        bin_start(statement, "b"));
    return weir_sql_format(sql, "%s * least(greatest((%s - %s) / greatest(e - s, 1), 0), 1) AS %s",
                           v, past, first, v);
}

/* Flows that lie in one bin with all their time, or the parts of those that do not. */
static const char *series_parts(struct weir_statement *statement, const char *flows, bool whole)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    int64_t first = statement->first_ms, past = statement->past_ms;
    const char *bin = bin_number(statement, "s");
    struct list list = {sql, ", ", ""};
    add_keys(&list, "", key_count(plan));
    add(&list, whole ? weir_sql_format(sql, "%s AS b, 1 AS began", bin)
                     : weir_sql_format(sql, "b, CASE WHEN b = %s THEN 1 ELSE 0 END AS began", bin));
    for (size_t i = 1; i < plan->column_count; i++) {
        const struct weir_answer_column *column = &plan->columns[i];
        const char *v = weir_sql_format(sql, "v%zu", i);
        if (column->is_key)
            continue;
        if (whole || counts_at_begin(column) || !(is_spread(column) || column->squares_add_up))
            add(&list, v);
        else if (column->squares_add_up)
            add(&list, share_of(statement, v));
        else
            add(&list,
                weir_sql_format(sql, "%s - %s AS %s",
                                gone_by(sql, v,
                                        weir_sql_format(sql, "least(e, %" PRId64 ", %s)", past,
                                                        bin_start(statement, "(b + 1)"))),
                                gone_by(sql, v,
                                        weir_sql_format(sql, "greatest(s, %" PRId64 ", %s)", first,
                                                        bin_start(statement, "b"))),
                                v));
    }
    const char *in_one = weir_sql_format(sql, "(%s = %s AND s >= %" PRId64 " AND e < %" PRId64 ")",
                                         bin, bin_number(statement, "e"), first, past);
    if (whole)
        return weir_sql_format(sql, "SELECT %s FROM %s WHERE %s", list.text, flows, in_one);
    const char *bins = sql->dialect->each(
        sql, bin_number(statement, weir_sql_format(sql, "greatest(s, %" PRId64 ")", first)),
        weir_sql_format(
            sql, "%s + 1",
            bin_number(statement, weir_sql_format(sql, "least(e, %" PRId64 ")", past - 1))));
    return weir_sql_format(
        sql,
        "SELECT %s FROM (SELECT *, %s AS b FROM %s WHERE NOT %s AND e >= %" PRId64
        " AND s < %" PRId64 ") AS g",
        list.text, bins, flows, in_one, first, past);
}

/* The groups that a series with --top tells apart, and their rank. */
static const char *top_groups(struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""}, positions = {sql, ", ", ""}, names = {sql, ", ", ""};
    unsigned key = 0;
    const char *value = "";
    for (size_t i = plan->column_count; i-- > 0;)
        if (!plan->columns[i].is_key)
            value = aggregate(sql, &plan->columns[i].aggregate,
                              aggregate_input(sql, &plan->columns[i].aggregate));
    for (size_t i = 1; i < plan->column_count; i++) {
        struct parts parts = parts_of(sql, &plan->columns[i].field);
        for (unsigned part = 0; plan->columns[i].is_key && part < parts.count; part++) {
            add(&list, weir_sql_format(sql, "%s AS k%u", parts.texts[part], key++));
            add(&positions, weir_sql_format(sql, "%u", key));
        }
    }
    add_keys(&names, "", key);
    return weir_sql_format(sql,
                           "(SELECT %s, row_number() OVER (ORDER BY a DESC NULLS LAST, %s) AS r "
                           "FROM (SELECT %s, %s AS a FROM %s%s GROUP BY %s "
                           "ORDER BY a DESC NULLS LAST, %s%s) AS h) AS t",
                           names.text, names.text, list.text, value, source(statement),
                           where(sql, condition(statement)), positions.text, positions.text,
                           limit(statement, false));
}

static const char *series_value(struct weir_sql *sql, const struct weir_answer_column *column,
                                size_t number)
{
    return weir_sql_format(sql, counts_at_begin(column) ? "u.v%zu * u.began" : "u.v%zu", number);
}

static const char *series_rows(struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    const char *flows = series_flows(statement);
    unsigned keys = key_count(plan);
    bool ranked = weir_statement_is_ranked(statement);
    struct list list = {sql, ", ", ""}, equal = {sql, " AND ", ""};
    if (ranked)
        add(&list, "t.r");
    add(&list, bin_start(statement, "u.b"));
    add_keys(&list, ranked ? "t." : "u.", keys);
    for (size_t i = 1; i < plan->column_count; i++)
        if (!plan->columns[i].is_key)
            add(&list, plan->columns[i].aggregate.function == WEIR_FUNCTION_COUNT
                           ? "sum(u.began)"
                           : aggregate(sql, &plan->columns[i].aggregate,
                                       series_value(sql, &plan->columns[i], i)));
    const char *parts =
        weir_sql_format(sql, "(%s UNION ALL %s) AS u", series_parts(statement, flows, true),
                        series_parts(statement, flows, false));
    for (unsigned i = 0; ranked && i < keys; i++)
        add(&equal, weir_sql_format(sql, "u.k%u IS NOT DISTINCT FROM t.k%u", i, i));
    return weir_sql_format(
        sql, "SELECT %s FROM %s%s%s%s%s GROUP BY %s%s%s", list.text, parts,
        ranked ? " LEFT JOIN " : "", ranked ? top_groups(statement) : "", ranked ? " ON " : "",
        equal.text,
        weir_sql_format(sql, ranked ? "1, %s" : "%s", key_positions(statement, ranked ? 2 : 1)),
        order_by_column(statement, ranked), ranked ? "" : limit(statement, statement->one_more));
}

const char *weir_statement_rows(struct weir_statement *statement)
{
    switch (statement->plan->shape) {
    case WEIR_QUERY_RECORDS:
        return record_rows(statement);
    case WEIR_QUERY_GROUPS:
        return group_rows(statement);
    case WEIR_QUERY_SERIES:
        return series_rows(statement);
    }
    return "";
}

/* "/24" or "/64", by the family. */
static const char *prefix_text(struct weir_sql *sql, const struct weir_query_field *field,
                               const char *const texts[2])
{
    return weir_sql_format(sql, "CASE WHEN %s = 0 AND %s = 65535 THEN '/%u' ELSE '/%u' END",
                           texts[0], sql->dialect->shift_right(sql, texts[1], 32),
                           field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED ? 32 : field->keep_v4,
                           field->keep_v6);
}

/* A value of SQL columns `texts` as people read it. */
static const char *shown(struct weir_sql *sql, const struct weir_answer_column *column,
                         const char *const texts[2])
{
    const struct weir_dialect *dialect = sql->dialect;
    const char *text;
    switch (column->kind) {
    case WEIR_ANSWER_ADDRESS:
        text = dialect->address_text(sql, texts[0], texts[1]);
        return column->field.keep_v6 == WEIR_QUERY_FIELD_UNMASKED
                   ? text
                   : weir_sql_format(sql, "%s || %s", text,
                                     prefix_text(sql, &column->field, texts));
    case WEIR_ANSWER_TIME:
        return dialect->timestamp(sql, texts[0], texts[1]);
    case WEIR_ANSWER_BIN:
        return dialect->timestamp_of_ms(sql, texts[0]);
    case WEIR_ANSWER_MAC:
        return dialect->mac_text(sql, texts[0]);
    case WEIR_ANSWER_INTEGER:
        /* Sums have 128 bits, which Parquet has no integer for. */
        return column->is_key ? texts[0] : dialect->narrow(sql, texts[0]);
    default:
        return texts[0];
    }
}

const char *weir_statement_shown(struct weir_statement *statement)
{
    const struct weir_query_plan *plan = statement->plan;
    struct weir_sql *sql = &statement->sql;
    struct list list = {sql, ", ", ""}, names = {sql, ", ", ""};
    bool ranked = weir_statement_is_ranked(statement);
    unsigned at = 0;
    /* Whoever reads this may add it up. */
    sql->exact = plan->shape == WEIR_QUERY_RECORDS;
    if (ranked)
        add(&names, "r");
    for (size_t i = 0; i < plan->column_count; i++) {
        const struct weir_answer_column *column = &plan->columns[i];
        const char *texts[2];
        for (unsigned part = 0; part < weir_answer_width(column); part++) {
            texts[part] = weir_sql_format(sql, "c%u", at++);
            add(&names, texts[part]);
        }
        add(&list, weir_sql_format(sql, "%s AS %s", shown(sql, column, texts),
                                   weir_sql_name(sql, column->name)));
    }
    return weir_sql_format(sql, "SELECT %s FROM (%s) AS a(%s)%s", list.text,
                           weir_statement_rows(statement), names.text,
                           ranked ? " WHERE r IS NOT NULL" : "");
}
