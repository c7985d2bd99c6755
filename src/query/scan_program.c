/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_program.h"

#include "query/statement.h"

_Static_assert(WEIR_QUERY_COLUMNS_MAX <= 64, "one word says which keys are none");

static bool is_integer_leaf(enum weir_leaf leaf)
{
    enum weir_leaf_type type = weir_leaf_info(leaf)->type;
    return type != WEIR_LEAF_STRING && type != WEIR_LEAF_TIME_MS;
}

/* Whether the field's values are a leaf's, as they stand in the file. */
static bool is_plain(const struct weir_scan_question *question,
                     const struct weir_query_field *field)
{
    return weir_query_field_is_stored(field) &&
           is_integer_leaf(weir_leaf_of_column(field->column)) &&
           !(question->scaled && weir_query_field_is_counter(field));
}

static bool add_key(struct weir_scan_program *program, const struct weir_scan_question *question,
                    const struct weir_answer_column *column, unsigned index)
{
    unsigned words = weir_answer_width(column);
    if (!is_plain(question, &column->field) || program->key_count + words >= WEIR_SCAN_WORDS_MAX)
        return false;
    program->place[index] = program->key_count;
    for (unsigned word = 0; word < words; word++)
        program->keys[program->key_count++] = (struct weir_scan_key){
            .leaf = (enum weir_leaf)(weir_leaf_of_column(column->field.column) + word),
            .column = index,
            /* The low word of an address tells enough: a bucket may hold any number of groups. */
            .in_bucket = word + 1 == words,
        };
    program->is_masked = program->is_masked || (column->kind == WEIR_ANSWER_ADDRESS &&
                                                column->field.keep_v6 != WEIR_QUERY_FIELD_UNMASKED);
    return true;
}

/* Sums have 64 bits here: if that may not do, the question is SQL's. */
static bool add_sum(struct weir_scan_program *program, const struct weir_scan_question *question,
                    const struct weir_aggregate *aggregate, unsigned index)
{
    if (aggregate->function == WEIR_FUNCTION_COUNT)
        return true;
    if (aggregate->function != WEIR_FUNCTION_SUM || !is_plain(question, &aggregate->field) ||
        aggregate->field.type == WEIR_VALUE_ADDRESS || program->sum_count == WEIR_SCAN_SUMS_MAX)
        return false;
    enum weir_leaf leaf = weir_leaf_of_column(aggregate->field.column);
    const struct weir_leaf_statistics *statistics = &question->statistics->leaves[leaf];
    uint64_t most;
    if (!statistics->is_known || __builtin_mul_overflow(statistics->any ? statistics->max : 0,
                                                        question->statistics->rows, &most))
        return false;
    program->place[index] = program->sum_count;
    program->sums[program->sum_count++] = leaf;
    if (!statistics->none_known || statistics->none_count > 0) {
        program->count_place[index] = ++program->count_count;
        program->counts[program->count_count - 1] = leaf;
    }
    return true;
}

static bool uses_counters(const struct weir_condition *condition)
{
    if (!condition)
        return false;
    if (condition->kind == WEIR_CONDITION_TEST)
        return weir_query_field_is_counter(&condition->field);
    for (const struct weir_condition *child = condition->children; child; child = child->next)
        if (uses_counters(child))
            return true;
    return false;
}

bool weir_scan_program_compile(const struct weir_scan_question *question,
                               struct weir_scan_program *ret_program)
{
    const struct weir_query_plan *plan = question->plan;
    struct weir_scan_program *program = ret_program;
    *program = (struct weir_scan_program){0};
    if (plan->shape != WEIR_QUERY_GROUPS || plan->order_column >= plan->column_count ||
        (question->scaled && uses_counters(plan->condition)))
        return false;
    for (unsigned i = 0; i < plan->column_count; i++) {
        const struct weir_answer_column *column = &plan->columns[i];
        if (!(column->is_key ? add_key(program, question, column, i)
                             : add_sum(program, question, &column->aggregate, i)))
            return false;
    }
    /* Behind the keys stand which of them are none, the count of flows, sums, their counts. */
    for (unsigned i = 0; i < plan->column_count; i++) {
        bool is_sum = plan->columns[i].aggregate.function == WEIR_FUNCTION_SUM;
        if (!plan->columns[i].is_key)
            program->place[i] += program->key_count + 1 + is_sum;
        if (program->count_place[i] > 0)
            program->count_place[i] += program->key_count + 1 + program->sum_count;
    }
    return true;
}

void weir_scan_program_drop_keys(struct weir_scan_program *program,
                                 const struct weir_query_plan *plan)
{
    unsigned keys = program->key_count;
    program->key_count = 0;
    program->is_masked = false;
    for (unsigned i = 0; i < plan->column_count; i++) {
        program->place[i] -= plan->columns[i].is_key ? program->place[i] : keys;
        program->count_place[i] -= program->count_place[i] ? keys : 0;
    }
}
