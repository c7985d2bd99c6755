/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter.h"
#include "query/syntax.h"

#include <string.h>
#include <strings.h>

struct checker {
    const struct weir_filter_context *context;
    struct weir_arena *arena;
    struct weir_diag *diag;
};

#define OP(name) (1u << WEIR_OP_##name)
#define EQUAL    (OP(EQ) | OP(NE) | OP(IN) | OP(NOT_IN))
#define ORDERED  (EQUAL | OP(LT) | OP(LE) | OP(GT) | OP(GE))

/* Operators that each type of value has, and what to say of the others. */
static const struct {
    unsigned operators;
    const char *what;
} types[] = {
    [WEIR_VALUE_UINT] = {ORDERED, "numbers have = != < <= > >= and in"},
    [WEIR_VALUE_INT] = {ORDERED, "numbers have = != < <= > >= and in"},
    [WEIR_VALUE_REAL] = {ORDERED, "numbers have = != < <= > >= and in"},
    [WEIR_VALUE_BOOL] = {EQUAL, "true and false have = != and in"},
    [WEIR_VALUE_TEXT] = {EQUAL | OP(LIKE), "texts have = != in and like"},
    [WEIR_VALUE_ADDRESS] = {EQUAL, "addresses have = != and in, with networks too"},
    [WEIR_VALUE_MAC] = {EQUAL, "MAC addresses have = != and in"},
    [WEIR_VALUE_TIME] = {ORDERED, "times have = != < <= > >= and in"},
    [WEIR_VALUE_DURATION] = {ORDERED, "durations have = != < <= > >= and in"},
    [WEIR_VALUE_FLAGS] = {EQUAL, "flags have = != and in, or stand without an operator"},
};

static int no_memory(struct checker *checker)
{
    return weir_diag_set(checker->diag, WEIR_E_NOMEM, "no memory for the filter");
}

static struct weir_condition *new_condition(struct checker *checker, enum weir_condition_kind kind)
{
    struct weir_condition *condition = weir_arena_alloc(checker->arena, sizeof(*condition));
    if (condition)
        condition->kind = kind;
    return condition;
}

static bool asks_for_none(const struct weir_syntax *test)
{
    return (test->op == WEIR_OP_EQ || test->op == WEIR_OP_NE) &&
           test->values[0].kind == WEIR_TOKEN_WORD && strcasecmp(test->values[0].text, "none") == 0;
}

/* The test of one field. */
static int check_field(struct checker *checker, const struct weir_syntax *test,
                       const struct weir_query_field *field, struct weir_condition **ret_condition)
{
    struct weir_condition *condition = new_condition(checker, WEIR_CONDITION_TEST);
    if (!condition)
        return no_memory(checker);
    condition->field = *field;
    condition->op = test->op;
    *ret_condition = condition;
    if (field->keep_v6 != WEIR_QUERY_FIELD_UNMASKED)
        return weir_filter_fail(checker->diag, test->column,
                                "in a filter the network goes to the value: src_addr = 10.0.0.0/8");
    if (asks_for_none(test)) {
        condition->op = test->op == WEIR_OP_EQ ? WEIR_OP_IS_NONE : WEIR_OP_HAS_VALUE;
        return 0;
    }
    if (!(types[field->type].operators & 1u << test->op))
        return weir_filter_fail(checker->diag, test->column, "%s", types[field->type].what);
    if (field->type == WEIR_VALUE_FLAGS && test->plain)
        condition->op = WEIR_OP_ALL_SET;
    condition->values =
        weir_arena_alloc(checker->arena, test->value_count * sizeof(*condition->values));
    if (!condition->values)
        return no_memory(checker);
    condition->value_count = test->value_count;
    for (size_t i = 0; i < test->value_count; i++) {
        int result = weir_literal_check(&test->values[i], field, checker->context, checker->arena,
                                        &condition->values[i], checker->diag);
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_test(struct checker *checker, const struct weir_syntax *test,
                      struct weir_condition **ret_condition)
{
    if (test->field_count == 1)
        return check_field(checker, test, &test->fields[0], ret_condition);
    bool all = test->both || test->op == WEIR_OP_NE || test->op == WEIR_OP_NOT_IN;
    struct weir_condition *sides =
        new_condition(checker, all ? WEIR_CONDITION_ALL : WEIR_CONDITION_ANY);
    if (!sides)
        return no_memory(checker);
    *ret_condition = sides;
    int result = check_field(checker, test, &test->fields[0], &sides->children);
    return result < 0 ? result
                      : check_field(checker, test, &test->fields[1], &sides->children->next);
}

static int check(struct checker *checker, const struct weir_syntax *syntax,
                 struct weir_condition **ret_condition)
{
    static const enum weir_condition_kind kinds[] = {
        [WEIR_SYNTAX_AND] = WEIR_CONDITION_ALL,
        [WEIR_SYNTAX_OR] = WEIR_CONDITION_ANY,
        [WEIR_SYNTAX_NOT] = WEIR_CONDITION_NOT,
        [WEIR_SYNTAX_TRUE] = WEIR_CONDITION_ALL,
    };
    if (syntax->kind == WEIR_SYNTAX_TEST)
        return check_test(checker, syntax, ret_condition);
    struct weir_condition *condition = new_condition(checker, kinds[syntax->kind]);
    if (!condition)
        return no_memory(checker);
    struct weir_condition **link = &condition->children;
    for (const struct weir_syntax *child = syntax->children; child; child = child->next) {
        int result = check(checker, child, link);
        if (result < 0)
            return result;
        /* nfdump's `not flags AFRPU` means none of them, not that one is missing. */
        if (syntax->kind == WEIR_SYNTAX_NOT && (*link)->op == WEIR_OP_ALL_SET)
            (*link)->op = WEIR_OP_ANY_SET;
        link = &(*link)->next;
    }
    *ret_condition = condition;
    return 0;
}

int weir_filter_parse(const char *text, const struct weir_filter_context *context,
                      struct weir_arena *arena, struct weir_condition **ret_condition,
                      struct weir_diag *diag)
{
    struct checker checker = {context, arena, diag};
    struct weir_syntax *syntax;
    int result = weir_syntax_parse(text, arena, &syntax, diag);
    return result < 0 ? result : check(&checker, syntax, ret_condition);
}
