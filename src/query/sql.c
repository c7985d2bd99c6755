/* SPDX-License-Identifier: Apache-2.0 */
#include "query/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *weir_sql_format(struct weir_sql *sql, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : weir_arena_alloc(sql->arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    sql->failed = sql->failed || !text;
    return text ? text : "";
}

static const char *quote(struct weir_sql *sql, const char *text, char mark)
{
    char *quoted = weir_arena_alloc(sql->arena, 2 * strlen(text) + 3), *to = quoted;
    if (!quoted) {
        sql->failed = true;
        return "";
    }
    *to++ = mark;
    for (; *text; text++) {
        if (*text == mark)
            *to++ = mark;
        *to++ = *text;
    }
    *to++ = mark;
    return quoted;
}

const char *weir_sql_text(struct weir_sql *sql, const char *text)
{
    return quote(sql, text, '\'');
}

const char *weir_sql_name(struct weir_sql *sql, const char *name)
{
    return quote(sql, name, '"');
}

const char *weir_sql_join(struct weir_sql *sql, const char *const *texts, size_t count,
                          const char *between)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += strlen(texts[i]) + strlen(between);
    char *text = weir_arena_alloc(sql->arena, length + 1), *to = text;
    if (!text) {
        sql->failed = true;
        return "";
    }
    for (size_t i = 0; i < count; i++)
        to = stpcpy(stpcpy(to, i > 0 ? between : ""), texts[i]);
    return text;
}

const char *weir_sql_leaf(struct weir_sql *sql, enum weir_column column, const char *suffix)
{
    return weir_sql_format(sql, "\"%s%s\"", weir_column_info(column)->name, suffix);
}

const char *weir_sql_column(struct weir_sql *sql, enum weir_column column)
{
    const char *leaf = weir_sql_leaf(sql, column, "");
    if (column != WEIR_COLUMN_ICMP_TYPE && column != WEIR_COLUMN_ICMP_CODE)
        return leaf;
    /* Where they are made of the destination port, flows of other protocols have 0 (plan.h). */
    return weir_sql_format(sql, "CASE WHEN %s IN (1, 58) THEN %s END",
                           weir_sql_leaf(sql, WEIR_COLUMN_PROTOCOL, ""), leaf);
}

/* The sampling interval that counters are multiplied by. */
static const char *interval(struct weir_sql *sql)
{
    return weir_sql_format(sql, "greatest(coalesce(%s, 1), 1)",
                           weir_sql_leaf(sql, WEIR_COLUMN_SAMPLING, ""));
}

#define UNITS "1000000"
#define HALF  "500000"

bool weir_sql_has_units(const struct weir_sql *sql, const struct weir_query_field *field)
{
    return sql->scaled && sql->sized && weir_query_field_is_counter(field);
}

/* A counter of a flow that stands for interval / size packets each, in units; size <= interval. */
static const char *units(struct weir_sql *sql, enum weir_column column)
{
    const char *by =
        weir_sql_format(sql, "greatest(least(coalesce(%s, 1), %s), 1)",
                        weir_sql_leaf(sql, WEIR_COLUMN_SAMPLING_SIZE, ""), interval(sql));
    const char *product =
        weir_sql_format(sql, "(%s * %s * " UNITS " + %s // 2)",
                        sql->dialect->wide(sql, weir_sql_leaf(sql, column, "")), interval(sql), by);
    return sql->dialect->quotient(sql, product, by);
}

const char *weir_sql_rate(struct weir_sql *sql)
{
    const char *population = interval(sql);
    const char *size = "1";
    if (sql->sized)
        size = weir_sql_format(sql, "greatest(least(coalesce(%s, 1), %s), 1)",
                               weir_sql_leaf(sql, WEIR_COLUMN_SAMPLING_SIZE, ""), population);
    return weir_sql_format(sql, "(%s / %s)", sql->dialect->real(sql, size),
                           sql->dialect->real(sql, population));
}

const char *weir_sql_units(struct weir_sql *sql, const struct weir_query_field *field)
{
    return units(sql, field->column);
}

const char *weir_sql_units_rounded(struct weir_sql *sql, const char *text)
{
    return sql->dialect->quotient(sql, weir_sql_format(sql, "(%s + " HALF ")", text), UNITS);
}

const char *weir_sql_units_real(struct weir_sql *sql, const char *text)
{
    return weir_sql_format(sql, "(%s / " UNITS ")", sql->dialect->real(sql, text));
}

static const char *counter(struct weir_sql *sql, enum weir_column column)
{
    const char *leaf = weir_sql_leaf(sql, column, "");
    if (sql->scaled && sql->sized)
        return sql->exact ? weir_sql_units_real(sql, units(sql, column))
                          : weir_sql_units_rounded(sql, units(sql, column));
    const char *value = sql->wide ? sql->dialect->wide(sql, leaf) : sql->dialect->narrow(sql, leaf);
    return sql->scaled ? weir_sql_format(sql, "(%s * %s)", value, interval(sql)) : value;
}

/* Whole milliseconds from start to end, what is below them cut off. */
static const char *duration_ms(struct weir_sql *sql)
{
    const struct weir_dialect *dialect = sql->dialect;
    return weir_sql_format(
        sql, "(%s - %s - CASE WHEN coalesce(%s, 0) < coalesce(%s, 0) THEN 1 ELSE 0 END)",
        dialect->time_ms(sql, weir_sql_leaf(sql, WEIR_COLUMN_END, "")),
        dialect->time_ms(sql, weir_sql_leaf(sql, WEIR_COLUMN_START, "")),
        weir_sql_leaf(sql, WEIR_COLUMN_END, "_ns"), weir_sql_leaf(sql, WEIR_COLUMN_START, "_ns"));
}

static const char *real_counter(struct weir_sql *sql, enum weir_column column)
{
    return sql->scaled && sql->sized ? weir_sql_units_real(sql, units(sql, column))
                                     : sql->dialect->real(sql, counter(sql, column));
}

static const char *rate(struct weir_sql *sql, enum weir_column column, const char *factor)
{
    return weir_sql_format(sql, "(%s * %s / nullif(%s, 0))", real_counter(sql, column), factor,
                           duration_ms(sql));
}

static const char *computed(struct weir_sql *sql, enum weir_computed computed)
{
    const struct weir_dialect *dialect = sql->dialect;
    const char *high = weir_sql_leaf(sql, WEIR_COLUMN_SRC_ADDR, "_high");
    const char *low = weir_sql_leaf(sql, WEIR_COLUMN_SRC_ADDR, "_low");
    switch (computed) {
    case WEIR_COMPUTED_DURATION_MS:
        return duration_ms(sql);
    case WEIR_COMPUTED_DSCP:
        return dialect->shift_right(sql, weir_sql_leaf(sql, WEIR_COLUMN_TOS, ""), 2);
    case WEIR_COMPUTED_IP_VERSION:
        return weir_sql_format(sql,
                               "CASE WHEN %s = 0 AND %s = 65535 THEN 4 WHEN %s >= 0 THEN 6 END",
                               high, dialect->shift_right(sql, low, 32), high);
    case WEIR_COMPUTED_PPS:
        return rate(sql, WEIR_COLUMN_PACKETS, "1000");
    case WEIR_COMPUTED_BPS:
        return rate(sql, WEIR_COLUMN_BYTES, "8000");
    case WEIR_COMPUTED_BPP:
        return weir_sql_format(sql, "(%s / nullif(%s, 0))", real_counter(sql, WEIR_COLUMN_BYTES),
                               real_counter(sql, WEIR_COLUMN_PACKETS));
    case WEIR_COMPUTED_FLOWS_ESTIMATED:
        return weir_sql_flows(sql);
    case WEIR_COMPUTED_FLOWS_ERROR:
    case WEIR_COMPUTED_PACKETS_ERROR:
    case WEIR_COMPUTED_BYTES_ERROR:
    case WEIR_COMPUTED_REV_PACKETS_ERROR:
    case WEIR_COMPUTED_REV_BYTES_ERROR:
        return weir_sql_format(sql, "sqrt(%s)", weir_sql_variance(sql, computed));
    case WEIR_COMPUTED_COUNT:
        break;
    }
    return "";
}

const char *weir_sql_value(struct weir_sql *sql, const struct weir_query_field *field)
{
    switch (field->source) {
    case WEIR_QUERY_FIELD_COLUMN:
        if (weir_query_field_is_counter(field))
            return counter(sql, field->column);
        return weir_sql_column(sql, field->column);
    case WEIR_QUERY_FIELD_COMPUTED:
        return computed(sql, field->computed);
    case WEIR_QUERY_FIELD_ELEMENT:
        return sql->dialect->parse(sql, sql->dialect->element_text(sql, field->element),
                                   field->type);
    }
    return "";
}

/* A value to compare: a counter that is not scaled is its leaf, which statistics prune by. */
static const char *comparable(struct weir_sql *sql, const struct weir_query_field *field)
{
    return weir_query_field_is_counter(field) && !sql->scaled
               ? weir_sql_leaf(sql, field->column, "")
               : weir_sql_value(sql, field);
}

const char *weir_sql_shown(struct weir_sql *sql, const struct weir_query_field *field)
{
    if (field->source == WEIR_QUERY_FIELD_ELEMENT && field->type == WEIR_VALUE_TIME)
        return sql->dialect->element_text(sql, field->element);
    return comparable(sql, field);
}

/* The first `bits` of 64 set. */
static uint64_t leading_ones(unsigned bits)
{
    return bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

struct weir_sql_address weir_sql_address(struct weir_sql *sql, const struct weir_query_field *field)
{
    struct weir_sql_address address = {
        .high = weir_sql_leaf(sql, field->column, "_high"),
        .low = weir_sql_leaf(sql, field->column, "_low"),
    };
    if (field->keep_v6 == WEIR_QUERY_FIELD_UNMASKED)
        return address;
    unsigned keep_v4 = field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED ? 32 : field->keep_v4;
    uint64_t low_v4 = leading_ones(32 + keep_v4);
    uint64_t low_v6 = leading_ones(field->keep_v6 > 64 ? field->keep_v6 - 64u : 0);
    address.low = weir_sql_format(
        sql, "CASE WHEN %s = 0 AND %s = 65535 THEN %s & %" PRIu64 " ELSE %s & %" PRIu64 " END",
        address.high, sql->dialect->shift_right(sql, address.low, 32), address.low, low_v4,
        address.low, low_v6);
    address.high =
        weir_sql_format(sql, "(%s & %" PRIu64 ")", address.high, leading_ones(field->keep_v6));
    return address;
}

/* Whether an address is in a network: ranges of its words, so that statistics prune. */
static const char *in_network(struct weir_sql *sql, struct weir_sql_address address,
                              struct weir_network network)
{
    struct weir_address first = network.address, last = weir_network_last(network);
    if (first.high != last.high)
        return weir_sql_format(sql, "(%s >= %" PRIu64 " AND %s <= %" PRIu64 ")", address.high,
                               first.high, address.high, last.high);
    if (first.low == last.low)
        return weir_sql_format(sql, "(%s = %" PRIu64 " AND %s = %" PRIu64 ")", address.high,
                               first.high, address.low, first.low);
    return weir_sql_format(sql, "(%s = %" PRIu64 " AND %s >= %" PRIu64 " AND %s <= %" PRIu64 ")",
                           address.high, first.high, address.low, first.low, address.low, last.low);
}

static bool is_v4_host(const struct weir_literal *value)
{
    return value->network.prefix_length == 128 && weir_address_is_v4(value->network.address);
}

/* Pieces of a list that may be long. */
struct pieces {
    const char **texts;
    size_t count;
};

static struct pieces pieces_for(struct weir_sql *sql, size_t most)
{
    struct pieces pieces = {.texts = weir_arena_alloc(sql->arena, (most + 1) * sizeof(char *))};
    sql->failed = sql->failed || !pieces.texts;
    return pieces;
}

static void add_piece(struct pieces *pieces, const char *text)
{
    if (pieces->texts)
        pieces->texts[pieces->count++] = text;
}

static const char *join(struct weir_sql *sql, const struct pieces *pieces, const char *between)
{
    return weir_sql_join(sql, pieces->texts, pieces->count, between);
}

static const char *in_networks(struct weir_sql *sql, const struct weir_condition *test)
{
    struct weir_sql_address address = weir_sql_address(sql, &test->field);
    struct pieces ways = pieces_for(sql, test->value_count + 1);
    struct pieces hosts = pieces_for(sql, test->value_count);
    for (size_t i = 0; i < test->value_count; i++) {
        const struct weir_literal *value = &test->values[i];
        if (is_v4_host(value))
            add_piece(&hosts, weir_sql_format(sql, "%" PRIu64, value->network.address.low));
        else
            add_piece(&ways, in_network(sql, address, value->network));
    }
    if (hosts.count == 1)
        add_piece(&ways, weir_sql_format(sql, "(%s = 0 AND %s = %s)", address.high, address.low,
                                         hosts.texts[0]));
    else if (hosts.count > 1)
        add_piece(&ways, weir_sql_format(sql, "(%s = 0 AND %s IN (%s))", address.high, address.low,
                                         join(sql, &hosts, ", ")));
    return weir_sql_format(sql, "(%s)", join(sql, &ways, " OR "));
}

static const char *literal(struct weir_sql *sql, const struct weir_query_field *field,
                           const struct weir_literal *value)
{
    switch (field->type) {
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_MAC:
    case WEIR_VALUE_FLAGS:
        return weir_sql_format(sql, "%" PRIu64, value->u64);
    case WEIR_VALUE_INT:
        return weir_sql_format(sql, "(%" PRId64 ")", value->i64);
    case WEIR_VALUE_REAL:
        return weir_sql_format(sql, "%.17e", value->real);
    case WEIR_VALUE_BOOL:
        return value->boolean ? "true" : "false";
    case WEIR_VALUE_TEXT:
        return weir_sql_text(sql, value->text);
    case WEIR_VALUE_DURATION:
        return value->i64 % WEIR_NS_PER_MS == 0
                   ? weir_sql_format(sql, "%" PRId64, value->i64 / WEIR_NS_PER_MS)
                   : weir_sql_format(sql, "%" PRId64 ".%06" PRId64, value->i64 / WEIR_NS_PER_MS,
                                     value->i64 % WEIR_NS_PER_MS);
    case WEIR_VALUE_TIME:
    case WEIR_VALUE_ADDRESS:
        break;
    }
    return "";
}

static const char *const operator_texts[] = {
    [WEIR_OP_EQ] = "=", [WEIR_OP_NE] = "<>", [WEIR_OP_LT] = "<",      [WEIR_OP_LE] = "<=",
    [WEIR_OP_GT] = ">", [WEIR_OP_GE] = ">=", [WEIR_OP_LIKE] = "LIKE",
};

/* A time in nanoseconds against two leaves: milliseconds, and what is past them. */
static const char *compare_time(struct weir_sql *sql, const struct weir_condition *test, int64_t ns)
{
    int64_t ms = ns / WEIR_NS_PER_MS - (ns % WEIR_NS_PER_MS < 0);
    int64_t rest = ns - ms * WEIR_NS_PER_MS;
    if (test->field.source == WEIR_QUERY_FIELD_ELEMENT)
        return weir_sql_format(sql, "(%s %s %" PRId64 ")", weir_sql_value(sql, &test->field),
                               operator_texts[test->op], ns);
    const char *time = weir_sql_leaf(sql, test->field.column, "");
    const char *past =
        weir_sql_format(sql, "coalesce(%s, 0)", weir_sql_leaf(sql, test->field.column, "_ns"));
    const char *literal = sql->dialect->time_literal(sql, ms);
    bool less = test->op == WEIR_OP_LT || test->op == WEIR_OP_LE;
    switch (test->op) {
    case WEIR_OP_EQ:
        return weir_sql_format(sql, "(%s = %s AND %s = %" PRId64 ")", time, literal, past, rest);
    case WEIR_OP_NE:
        return weir_sql_format(sql, "(%s IS NOT NULL AND (%s <> %s OR %s <> %" PRId64 "))", time,
                               time, literal, past, rest);
    default:
        /* At a whole millisecond these two need no second leaf, and prune as they are. */
        if (rest == 0 && (test->op == WEIR_OP_LT || test->op == WEIR_OP_GE))
            return weir_sql_format(sql, "(%s %s %s)", time, operator_texts[test->op], literal);
        return weir_sql_format(sql, "(%s %s %s AND (%s %s %s OR %s %s %" PRId64 "))", time,
                               less ? "<=" : ">=", literal, time, less ? "<" : ">", literal, past,
                               operator_texts[test->op], rest);
    }
}

static const char *one_of(struct weir_sql *sql, const struct weir_condition *test)
{
    if (test->field.type == WEIR_VALUE_ADDRESS)
        return in_networks(sql, test);
    struct pieces pieces = pieces_for(sql, test->value_count);
    struct weir_condition single = *test;
    single.op = WEIR_OP_EQ;
    for (size_t i = 0; i < test->value_count; i++)
        add_piece(&pieces, test->field.type == WEIR_VALUE_TIME
                               ? compare_time(sql, &single, test->values[i].i64)
                               : literal(sql, &test->field, &test->values[i]));
    if (test->field.type == WEIR_VALUE_TIME)
        return weir_sql_format(sql, "(%s)", join(sql, &pieces, " OR "));
    return weir_sql_format(sql, "(%s IN (%s))", comparable(sql, &test->field),
                           join(sql, &pieces, ", "));
}

/* A time's second leaf is compared as if it were never null, so the first is asked for apart. */
static const char *none_of(struct weir_sql *sql, const struct weir_condition *test)
{
    const char *among = one_of(sql, test);
    return test->field.type == WEIR_VALUE_TIME
               ? weir_sql_format(sql, "(%s IS NOT NULL AND NOT %s)",
                                 weir_sql_value(sql, &test->field), among)
               : weir_sql_format(sql, "(NOT %s)", among);
}

/* The family by the source address, as a range that statistics prune by. */
static const char *test_family(struct weir_sql *sql, uint64_t version)
{
    const struct weir_query_field source = weir_query_field_of_column(WEIR_COLUMN_SRC_ADDR);
    const struct weir_network v4 = {.address = {0, WEIR_ADDRESS_V4_PREFIX}, .prefix_length = 96};
    const char *is_v4 = in_network(sql, weir_sql_address(sql, &source), v4);
    return version == 4 ? is_v4 : weir_sql_format(sql, "(NOT %s)", is_v4);
}

static const char *presence(struct weir_sql *sql, const struct weir_condition *test)
{
    const char *value = test->field.type == WEIR_VALUE_ADDRESS
                            ? weir_sql_leaf(sql, test->field.column, "_high")
                            : weir_sql_value(sql, &test->field);
    return weir_sql_format(sql, "(%s IS %s)", value,
                           test->op == WEIR_OP_IS_NONE ? "NULL" : "NOT NULL");
}

static const char *test_condition(struct weir_sql *sql, const struct weir_condition *test)
{
    const struct weir_query_field *field = &test->field;
    const struct weir_literal *value = test->values;
    switch (test->op) {
    case WEIR_OP_IS_NONE:
    case WEIR_OP_HAS_VALUE:
        return presence(sql, test);
    case WEIR_OP_IN:
        return one_of(sql, test);
    case WEIR_OP_NOT_IN:
        return none_of(sql, test);
    case WEIR_OP_ALL_SET:
        return weir_sql_format(sql, "(%s & %" PRIu64 " = %" PRIu64 ")", weir_sql_value(sql, field),
                               value->u64, value->u64);
    case WEIR_OP_ANY_SET:
        return weir_sql_format(sql, "(%s & %" PRIu64 " <> 0)", weir_sql_value(sql, field),
                               value->u64);
    default:
        break;
    }
    if (field->type == WEIR_VALUE_ADDRESS)
        return test->op == WEIR_OP_EQ ? in_networks(sql, test)
                                      : weir_sql_format(sql, "(NOT %s)", in_networks(sql, test));
    if (field->type == WEIR_VALUE_TIME)
        return compare_time(sql, test, value->i64);
    if (field->source == WEIR_QUERY_FIELD_COMPUTED && field->computed == WEIR_COMPUTED_IP_VERSION &&
        test->op == WEIR_OP_EQ && (value->u64 == 4 || value->u64 == 6))
        return test_family(sql, value->u64);
    return weir_sql_format(sql, "(%s %s %s)", comparable(sql, field), operator_texts[test->op],
                           literal(sql, field, value));
}

static const char *joined_children(struct weir_sql *sql, const struct weir_condition *condition)
{
    size_t count = 0;
    for (const struct weir_condition *child = condition->children; child; child = child->next)
        count++;
    struct pieces pieces = pieces_for(sql, count);
    for (const struct weir_condition *child = condition->children; child; child = child->next) {
        const char *text = weir_sql_condition(sql, child);
        /* What is always true ends a disjunction, and adds nothing to a conjunction. */
        if (*text)
            add_piece(&pieces, text);
        else if (condition->kind == WEIR_CONDITION_ANY)
            return "";
    }
    if (pieces.count == 0)
        return "";
    return weir_sql_format(
        sql, "(%s)", join(sql, &pieces, condition->kind == WEIR_CONDITION_ALL ? " AND " : " OR "));
}

const char *weir_sql_condition(struct weir_sql *sql, const struct weir_condition *condition)
{
    const char *text;
    switch (condition->kind) {
    case WEIR_CONDITION_ALL:
    case WEIR_CONDITION_ANY:
        return joined_children(sql, condition);
    case WEIR_CONDITION_NOT:
        text = weir_sql_condition(sql, condition->children);
        return *text ? weir_sql_format(sql, "(%s IS NOT TRUE)", text) : "(1 = 0)";
    case WEIR_CONDITION_TEST:
        return test_condition(sql, condition);
    }
    return "";
}
