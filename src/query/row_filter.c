/* SPDX-License-Identifier: Apache-2.0 */
#include "query/row_filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "query/error.h"
#include "store/duckdb.h"

#define ARENA_OCTETS_MAX (1u << 20)

struct weir_row_filter {
    struct weir_arena arena;
    struct weir_condition *condition;
};

/* A row of a batch. */
struct row {
    const struct weir_batch *batch;
    const struct weir_segment *segment;
    uint32_t at;
};

/* What a row says of a field; `integer` is of all types but these others. */
struct value {
    bool is_none;
    weir_int128 integer;
    double real;
    struct weir_address address;
    const char *text;
    size_t length;
};

static const struct value none = {.is_none = true};

/* ---- values ---- */

static bool has(const struct row *row, enum weir_column column)
{
    return row->segment->columns >> column & 1;
}

static struct value of_integer(weir_int128 integer)
{
    return (struct value){.integer = integer};
}

/* What is said once for the whole message. */
static struct value segment_value(const struct row *row, enum weir_column column)
{
    const struct weir_segment *segment = row->segment;
    switch (column) {
    case WEIR_COLUMN_RECEIVED:
        return of_integer(segment->received_ns);
    case WEIR_COLUMN_EXPORTER:
        return segment->has_exporter ? (struct value){.address = segment->exporter} : none;
    case WEIR_COLUMN_DOMAIN:
        return of_integer(segment->domain);
    case WEIR_COLUMN_PROTOCOL_VERSION:
        return of_integer(segment->protocol_version);
    case WEIR_COLUMN_TEMPLATE:
        return of_integer(segment->template_id);
    default:
        return none;
    }
}

static struct value stored(const struct row *row, enum weir_column column)
{
    const struct weir_batch *batch = row->batch;
    struct value value = {0};
    if (column < WEIR_COLUMN_FIRST_OF_ROW)
        return segment_value(row, column);
    if (!has(row, column))
        return none;
    switch (weir_column_info(column)->type) {
    case WEIR_COLUMN_U8:
        return of_integer(weir_batch_u8(batch, column)[row->at]);
    case WEIR_COLUMN_U16:
        return of_integer(weir_batch_u16(batch, column)[row->at]);
    case WEIR_COLUMN_U32:
        return of_integer(weir_batch_u32(batch, column)[row->at]);
    case WEIR_COLUMN_U64:
    case WEIR_COLUMN_MAC:
        return of_integer(weir_batch_u64(batch, column)[row->at]);
    case WEIR_COLUMN_TIME:
        return of_integer(weir_batch_time(batch, column)[row->at]);
    case WEIR_COLUMN_ADDRESS:
        value.address = (struct weir_address){weir_batch_high(batch, column)[row->at],
                                              weir_batch_low(batch, column)[row->at]};
        return value;
    case WEIR_COLUMN_TEXT:
        value.text = batch->text + weir_batch_texts(batch, column)[row->at].offset;
        value.length = weir_batch_texts(batch, column)[row->at].length;
        return value;
    case WEIR_COLUMN_TYPE_COUNT:
        break;
    }
    return none;
}

/* How many packets a packet of the row stands for, as two numbers; neither is 0. */
struct rate {
    uint64_t population, size;
};

static struct rate rate_of(const struct row *row)
{
    struct value population = stored(row, WEIR_COLUMN_SAMPLING);
    struct value size = stored(row, WEIR_COLUMN_SAMPLING_SIZE);
    struct rate rate = {1, 1};
    if (!population.is_none && population.integer > 1)
        rate.population = (uint64_t)population.integer;
    if (!size.is_none && size.integer > 1)
        rate.size =
            (uint64_t)size.integer < rate.population ? (uint64_t)size.integer : rate.population;
    return rate;
}

static struct value counter(const struct row *row, enum weir_column column)
{
    struct value value = stored(row, column);
    struct rate rate = rate_of(row);
    value.integer = (value.integer * rate.population + rate.size / 2) / rate.size;
    value.real = (double)value.integer;
    return value;
}

/* The same without rounding. */
static double real_counter(const struct row *row, enum weir_column column)
{
    struct rate rate = rate_of(row);
    return (double)stored(row, column).integer * (double)rate.population / (double)rate.size;
}

static struct value duration_ms(const struct row *row)
{
    if (!has(row, WEIR_COLUMN_START) || !has(row, WEIR_COLUMN_END))
        return none;
    weir_int128 ns = (weir_int128)weir_batch_time(row->batch, WEIR_COLUMN_END)[row->at] -
                     weir_batch_time(row->batch, WEIR_COLUMN_START)[row->at];
    return of_integer(ns / WEIR_NS_PER_MS - (ns % WEIR_NS_PER_MS < 0));
}

static struct value quotient(double dividend, double divisor)
{
    return divisor != 0 ? (struct value){.real = dividend / divisor} : none;
}

/* A counter times a factor in the flow's duration. */
static struct value rate_in_time(const struct row *row, enum weir_column column, double factor)
{
    struct value duration = duration_ms(row);
    if (duration.is_none || !has(row, column))
        return none;
    return quotient(real_counter(row, column) * factor, (double)duration.integer);
}

/* That of the flow's selection. */
static double probability_of(const struct row *row)
{
    struct value billionths = stored(row, WEIR_COLUMN_FLOW_PROBABILITY);
    return billionths.is_none || billionths.integer == 0 ? 1 : (double)billionths.integer / 1e9;
}

static struct value error_of(const struct row *row, enum weir_column column,
                             enum weir_column packets)
{
    struct rate rate = rate_of(row);
    struct value counter = stored(row, column);
    const struct weir_error_input input = {
        .counter = (double)counter.integer,
        .packets = (double)stored(row, packets).integer,
        .rate = (double)rate.size / (double)rate.population,
        .probability = probability_of(row),
    };
    counter.real = sqrt(weir_error_variance(&input));
    return counter;
}

static struct value computed(const struct row *row, enum weir_computed computed)
{
    struct value value;
    switch (computed) {
    case WEIR_COMPUTED_DURATION_MS:
        return duration_ms(row);
    case WEIR_COMPUTED_DSCP:
        value = stored(row, WEIR_COLUMN_TOS);
        value.integer >>= 2;
        return value;
    case WEIR_COMPUTED_IP_VERSION:
        value = stored(row, WEIR_COLUMN_SRC_ADDR);
        value.integer = weir_address_is_v4(value.address) ? 4 : 6;
        return value;
    case WEIR_COMPUTED_PPS:
        return rate_in_time(row, WEIR_COLUMN_PACKETS, 1000);
    case WEIR_COMPUTED_BPS:
        return rate_in_time(row, WEIR_COLUMN_BYTES, 8000);
    case WEIR_COMPUTED_BPP:
        if (!has(row, WEIR_COLUMN_BYTES) || !has(row, WEIR_COLUMN_PACKETS))
            return none;
        return quotient(real_counter(row, WEIR_COLUMN_BYTES),
                        real_counter(row, WEIR_COLUMN_PACKETS));
    case WEIR_COMPUTED_FLOWS_ESTIMATED:
        return (struct value){.real = 1 / probability_of(row)};
    case WEIR_COMPUTED_FLOWS_ERROR:
        return (struct value){.real = sqrt(weir_error_of_flows(probability_of(row)))};
    case WEIR_COMPUTED_PACKETS_ERROR:
        return error_of(row, WEIR_COLUMN_PACKETS, WEIR_COLUMN_PACKETS);
    case WEIR_COMPUTED_BYTES_ERROR:
        return error_of(row, WEIR_COLUMN_BYTES, WEIR_COLUMN_PACKETS);
    case WEIR_COMPUTED_REV_PACKETS_ERROR:
        return error_of(row, WEIR_COLUMN_REV_PACKETS, WEIR_COLUMN_REV_PACKETS);
    case WEIR_COMPUTED_REV_BYTES_ERROR:
        return error_of(row, WEIR_COLUMN_REV_BYTES, WEIR_COLUMN_REV_PACKETS);
    case WEIR_COMPUTED_COUNT:
        break;
    }
    return none;
}

/* ICMP's type and code are of ICMP flows only: of others they were made of the port (plan.h). */
static bool is_of_another_protocol(const struct row *row, enum weir_column column)
{
    if (column != WEIR_COLUMN_ICMP_TYPE && column != WEIR_COLUMN_ICMP_CODE)
        return false;
    struct value protocol = stored(row, WEIR_COLUMN_PROTOCOL);
    return protocol.is_none || (protocol.integer != 1 && protocol.integer != 58);
}

/* The first `keep` bits of an address. */
static struct weir_address mask(struct weir_address address, unsigned keep)
{
    uint64_t high = keep >= 64 ? UINT64_MAX : keep == 0 ? 0 : ~(UINT64_MAX >> keep);
    unsigned of_low = keep > 64 ? keep - 64 : 0;
    uint64_t low = of_low >= 64 ? UINT64_MAX : of_low == 0 ? 0 : ~(UINT64_MAX >> of_low);
    return (struct weir_address){address.high & high, address.low & low};
}

static struct value value_of(const struct row *row, const struct weir_query_field *field)
{
    if (field->source == WEIR_QUERY_FIELD_COMPUTED)
        return computed(row, field->computed);
    if (weir_query_field_is_counter(field))
        return counter(row, field->column);
    if (is_of_another_protocol(row, field->column))
        return none;
    struct value value = stored(row, field->column);
    if (field->type == WEIR_VALUE_ADDRESS && !value.is_none &&
        field->keep_v6 != WEIR_QUERY_FIELD_UNMASKED) {
        bool is_v4 = weir_address_is_v4(value.address);
        unsigned keep_v4 = field->keep_v4 == WEIR_QUERY_FIELD_UNMASKED ? 32 : field->keep_v4;
        value.address = mask(value.address, is_v4 ? 96 + keep_v4 : field->keep_v6);
    }
    return value;
}

/* ---- tests ---- */

/* Octets of the letter that begins here. */
static size_t letter(const char *text, size_t length)
{
    size_t octets = 1;
    while (octets < length && ((unsigned char)text[octets] & 0xc0) == 0x80)
        octets++;
    return octets;
}

/* SQL's LIKE; the last % is gone back to, and no other has to be. */
static bool is_like(const char *text, size_t length, const char *pattern)
{
    const char *after = NULL; /* the last %, and what of the text it leaves */
    size_t at = 0, resume = 0;
    while (at < length) {
        size_t step = letter(text + at, length - at);
        if (*pattern == '%') {
            after = ++pattern;
            resume = at;
        } else if (*pattern == '_') {
            pattern++;
            at += step;
        } else if (*pattern && *pattern == text[at]) {
            pattern++;
            at++;
        } else if (after) {
            resume += letter(text + resume, length - resume);
            at = resume;
            pattern = after;
        } else {
            return false;
        }
    }
    while (*pattern == '%')
        pattern++;
    return *pattern == '\0';
}

static int order_of_texts(const struct value *value, const char *text)
{
    size_t length = strlen(text), shorter = value->length < length ? value->length : length;
    int order = memcmp(value->text, text, shorter);
    return order ? order : (value->length > length) - (value->length < length);
}

/* -1, 0 or 1 as the value is before, equal to or past the literal. */
static int order_of(const struct value *value, const struct weir_query_field *field,
                    const struct weir_literal *literal)
{
    weir_int128 other = 0, own = value->integer;
    switch (field->type) {
    case WEIR_VALUE_REAL:
        return (value->real > literal->real) - (value->real < literal->real);
    case WEIR_VALUE_TEXT:
        return order_of_texts(value, literal->text);
    case WEIR_VALUE_ADDRESS:
        return !weir_network_contains(literal->network, value->address);
    case WEIR_VALUE_DURATION:
        own *= WEIR_NS_PER_MS;
        other = literal->i64;
        break;
    case WEIR_VALUE_TIME:
    case WEIR_VALUE_INT:
        other = literal->i64;
        break;
    case WEIR_VALUE_BOOL:
        other = literal->boolean;
        break;
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_MAC:
    case WEIR_VALUE_FLAGS:
        other = literal->u64;
        break;
    }
    return (own > other) - (own < other);
}

static bool is_among(const struct value *value, const struct weir_condition *test)
{
    for (size_t i = 0; i < test->value_count; i++)
        if (order_of(value, &test->field, &test->values[i]) == 0)
            return true;
    return false;
}

static bool passes_test(const struct row *row, const struct weir_condition *test)
{
    struct value value = value_of(row, &test->field);
    uint64_t bits = (uint64_t)value.integer;
    if (value.is_none || test->op == WEIR_OP_IS_NONE || test->op == WEIR_OP_HAS_VALUE)
        return test->op == (value.is_none ? WEIR_OP_IS_NONE : WEIR_OP_HAS_VALUE);
    switch (test->op) {
    case WEIR_OP_EQ:
        return order_of(&value, &test->field, test->values) == 0;
    case WEIR_OP_NE:
        return order_of(&value, &test->field, test->values) != 0;
    case WEIR_OP_LT:
        return order_of(&value, &test->field, test->values) < 0;
    case WEIR_OP_LE:
        return order_of(&value, &test->field, test->values) <= 0;
    case WEIR_OP_GT:
        return order_of(&value, &test->field, test->values) > 0;
    case WEIR_OP_GE:
        return order_of(&value, &test->field, test->values) >= 0;
    case WEIR_OP_IN:
        return is_among(&value, test);
    case WEIR_OP_NOT_IN:
        return !is_among(&value, test);
    case WEIR_OP_LIKE:
        return is_like(value.text, value.length, test->values->text);
    case WEIR_OP_ALL_SET:
        return (bits & test->values->u64) == test->values->u64;
    case WEIR_OP_ANY_SET:
        return (bits & test->values->u64) != 0;
    case WEIR_OP_IS_NONE:
    case WEIR_OP_HAS_VALUE:
        break;
    }
    return false;
}

/* As deep as filters may be written (WEIR_FILTER_DEPTH_MAX). */
static bool passes(const struct row *row, const struct weir_condition *condition)
{
    bool is_any = condition->kind == WEIR_CONDITION_ANY;
    switch (condition->kind) {
    case WEIR_CONDITION_TEST:
        return passes_test(row, condition);
    case WEIR_CONDITION_NOT:
        return !passes(row, condition->children);
    case WEIR_CONDITION_ALL:
    case WEIR_CONDITION_ANY:
        for (const struct weir_condition *child = condition->children; child; child = child->next)
            if (passes(row, child) == is_any)
                return is_any;
        return !is_any;
    }
    return false;
}

/* ---- the filter ---- */

static int check(const struct weir_condition *condition, struct weir_diag *diag)
{
    int result = 0;
    for (const struct weir_condition *child = condition->children; child && result == 0;
         child = child->next)
        result = check(child, diag);
    if (condition->kind == WEIR_CONDITION_TEST &&
        condition->field.source == WEIR_QUERY_FIELD_ELEMENT)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s' has no column, and is known to queries only",
                             condition->field.element->name);
    return result;
}

int weir_row_filter_new(const char *text, const struct weir_filter_context *context,
                        struct weir_row_filter **ret_filter, struct weir_diag *diag)
{
    struct weir_row_filter *filter = calloc(1, sizeof(*filter));
    if (!filter)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a filter");
    weir_arena_init(&filter->arena, ARENA_OCTETS_MAX);
    int result = weir_filter_parse(text, context, &filter->arena, &filter->condition, diag);
    if (result == 0)
        result = check(filter->condition, diag);
    if (result < 0) {
        weir_row_filter_free(filter);
        return result;
    }
    *ret_filter = filter;
    return 0;
}

void weir_row_filter_free(struct weir_row_filter *filter)
{
    if (!filter)
        return;
    weir_arena_done(&filter->arena);
    free(filter);
}

/* ---- what rows must have ---- */

/* The columns without which a field is none. */
static weir_column_set columns_of(const struct weir_query_field *field)
{
    static const weir_column_set of_computed[WEIR_COMPUTED_COUNT] = {
        [WEIR_COMPUTED_DURATION_MS] = WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END),
        [WEIR_COMPUTED_DSCP] = WEIR_COLUMN_BIT(TOS),
        [WEIR_COMPUTED_IP_VERSION] = WEIR_COLUMN_BIT(SRC_ADDR),
        [WEIR_COMPUTED_PPS] =
            WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END),
        [WEIR_COMPUTED_BPS] =
            WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END),
        [WEIR_COMPUTED_BPP] = WEIR_COLUMN_BIT(BYTES) | WEIR_COLUMN_BIT(PACKETS),
        [WEIR_COMPUTED_PACKETS_ERROR] = WEIR_COLUMN_BIT(PACKETS),
        [WEIR_COMPUTED_BYTES_ERROR] = WEIR_COLUMN_BIT(BYTES),
        [WEIR_COMPUTED_REV_PACKETS_ERROR] = WEIR_COLUMN_BIT(REV_PACKETS),
        [WEIR_COMPUTED_REV_BYTES_ERROR] = WEIR_COLUMN_BIT(REV_BYTES),
    };
    if (field->source == WEIR_QUERY_FIELD_COMPUTED)
        return of_computed[field->computed];
    weir_column_set own = (weir_column_set)1 << field->column;
    bool is_of_icmp =
        field->column == WEIR_COLUMN_ICMP_TYPE || field->column == WEIR_COLUMN_ICMP_CODE;
    return is_of_icmp ? own | WEIR_COLUMN_BIT(PROTOCOL) : own;
}

static bool asks_for_none(const struct weir_condition *test)
{
    return test->op == WEIR_OP_IS_NONE || test->op == WEIR_OP_HAS_VALUE;
}

/* The columns of all fields that are tested for being none. */
static weir_column_set columns_asked_for(const struct weir_condition *condition)
{
    weir_column_set columns = 0;
    for (const struct weir_condition *child = condition->children; child; child = child->next)
        columns |= columns_asked_for(child);
    if (condition->kind == WEIR_CONDITION_TEST && asks_for_none(condition))
        columns |= columns_of(&condition->field);
    return columns;
}

/* The first test of a field that needs other columns; NULL: none does. */
static const struct weir_condition *find_lacking(const struct weir_condition *condition,
                                                 weir_column_set columns)
{
    const struct weir_condition *found = NULL;
    for (const struct weir_condition *child = condition->children; child && !found;
         child = child->next)
        found = find_lacking(child, columns);
    bool is_lacking = condition->kind == WEIR_CONDITION_TEST && !asks_for_none(condition) &&
                      columns_of(&condition->field) & ~columns;
    return is_lacking ? condition : found;
}

bool weir_row_filter_lacks(const struct weir_row_filter *filter, weir_column_set columns,
                           char ret_name[WEIR_QUERY_FIELD_NAME_MAX], enum weir_column *ret_column)
{
    columns |= columns_asked_for(filter->condition);
    const struct weir_condition *test = find_lacking(filter->condition, columns);
    if (!test)
        return false;
    weir_query_field_name(&test->field, ret_name);
    *ret_column = (enum weir_column)__builtin_ctzll(columns_of(&test->field) & ~columns);
    return true;
}

void weir_row_filter_run(const struct weir_row_filter *filter, const struct weir_batch *batch,
                         const struct weir_segment *segment, bool *pass)
{
    for (uint32_t i = 0; i < segment->row_count; i++) {
        const struct row row = {batch, segment, segment->first_row + i};
        pass[i] = passes(&row, filter->condition);
    }
}
