/* SPDX-License-Identifier: Apache-2.0 */
#include "record/template.h"

#include "support/cmocka.h"

#include <limits.h>
#include <stdlib.h>

#include "record/column.h"

static const struct weir_field fields[] = {{0, 8, 4}, {0, 82, WEIR_LENGTH_VARIABLE}, {9, 1, 3}};

static void lengths_are_summed(void **state)
{
    (void)state;
    struct weir_template *flow = weir_template_new(256, fields, 3);
    struct weir_template *fixed = weir_template_new(256, fields, 1);
    struct weir_template *options = weir_template_new_options(257, fields, 3, 2);
    assert_true(flow && fixed && options);
    assert_int_equal(flow->record_length, 8);
    assert_true(flow->is_variable);
    assert_false(flow->is_options);
    assert_int_equal(fixed->record_length, 4);
    assert_false(fixed->is_variable);
    assert_true(options->is_options);
    assert_int_equal(options->scope_count, 2);
    free(flow);
    free(fixed);
    free(options);
}

static void equal_where_all_is_the_same(void **state)
{
    (void)state;
    struct weir_template *one = weir_template_new_options(257, fields, 3, 1);
    assert_non_null(one);
    /* Each change alone makes a difference. */
    for (int change = 0; change < 7; change++) {
        struct weir_template *other = weir_template_copy(one);
        assert_non_null(other);
        assert_true(weir_template_equal(one, other));
        switch (change) {
        case 0:
            other->id++;
            break;
        case 1:
            other->field_count--;
            break;
        case 2:
            other->scope_count++;
            break;
        case 3:
            other->is_options = false;
            break;
        case 4:
            other->fields[2].pen++;
            break;
        case 5:
            other->fields[2].id++;
            break;
        default:
            other->fields[2].length++;
            break;
        }
        assert_false(weir_template_equal(one, other));
        free(other);
    }
    free(one);
}

static void elements_of_a_column_are_ranked(void **state)
{
    (void)state;
    enum weir_column column;
    assert_int_equal(weir_column_for_element(0, 152, &column), 0);
    assert_int_equal(column, WEIR_COLUMN_START);
    assert_int_equal(weir_column_rank(0, 156), 0);
    assert_true(weir_column_rank(0, 152) > weir_column_rank(0, 156));
    assert_true(weir_column_rank(0, 22) > weir_column_rank(0, 152));
    assert_true(weir_column_rank(0, 150) > weir_column_rank(0, 22));
    assert_int_equal(weir_column_rank(0, 82), UINT_MAX);
    assert_int_equal(weir_column_rank(WEIR_PEN_NETFLOW9_SCOPE, 1), UINT_MAX);
    assert_int_equal(weir_column_for_element(0, 0, &column), WEIR_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_summed),
        cmocka_unit_test(equal_where_all_is_the_same),
        cmocka_unit_test(elements_of_a_column_are_ranked),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
