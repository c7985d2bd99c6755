/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "support/cmocka.h"

static void test_every_column_has_its_leaves(void **state)
{
    (void)state;
    unsigned leaf = 0;
    for (unsigned c = 0; c < WEIR_COLUMN_COUNT; c++) {
        const struct weir_column_info *column = weir_column_info((enum weir_column)c);
        assert_int_equal(weir_leaf_of_column((enum weir_column)c), leaf);
        const struct weir_leaf_info *first = weir_leaf_info((enum weir_leaf)leaf);
        const struct weir_leaf_info *second = weir_leaf_info((enum weir_leaf)(leaf + 1));
        char expected[64];
        assert_int_equal(first->column, c);
        switch (column->type) {
        case WEIR_COLUMN_TIME:
            assert_string_equal(first->name, column->name);
            assert_int_equal(first->type, WEIR_LEAF_TIME_MS);
            assert_int_equal(first->part, WEIR_LEAF_MS);
            snprintf(expected, sizeof(expected), "%s_ns", column->name);
            assert_string_equal(second->name, expected);
            assert_int_equal(second->type, WEIR_LEAF_UINT_32);
            assert_int_equal(second->part, WEIR_LEAF_NS);
            leaf += 2;
            break;
        case WEIR_COLUMN_ADDRESS:
            snprintf(expected, sizeof(expected), "%s_high", column->name);
            assert_string_equal(first->name, expected);
            assert_int_equal(first->type, WEIR_LEAF_UINT_64);
            snprintf(expected, sizeof(expected), "%s_low", column->name);
            assert_string_equal(second->name, expected);
            assert_int_equal(second->part, WEIR_LEAF_LOW);
            leaf += 2;
            break;
        default:
            assert_string_equal(first->name, column->name);
            assert_int_equal(first->part, WEIR_LEAF_WHOLE);
            leaf++;
        }
    }
    assert_int_equal(leaf, WEIR_LEAF_COUNT);
}

static void test_names_come_back(void **state)
{
    (void)state;
    struct weir_store_name name = {
        .start_ms = 1700000000123, .end_ms = 1700000060456, .id = "18f3a2b4c5d-4711-0-3"};
    struct weir_store_name back;
    char text[WEIR_STORE_NAME_MAX];
    weir_store_name_format(&name, text);
    assert_string_equal(text, "flows-1700000000123-1700000060456-18f3a2b4c5d-4711-0-3.parquet");
    assert_int_equal(weir_store_name_parse(NULL, text, &back), 0);
    assert_int_equal(back.start_ms, name.start_ms);
    assert_int_equal(back.end_ms, name.end_ms);
    assert_string_equal(back.id, name.id);

    /* Far times still give a name, with a range that holds them. */
    name.start_ms = INT64_MIN / 1000000;
    name.end_ms = INT64_MAX / 1000000;
    weir_store_name_format(&name, text);
    assert_int_equal(weir_store_name_parse(NULL, text, &back), 0);
    assert_int_equal(back.start_ms, 0);
    assert_int_equal(back.end_ms, name.end_ms);

    memset(name.id, 'a', WEIR_STORE_ID_MAX);
    name.id[WEIR_STORE_ID_MAX] = 0;
    weir_store_name_format(&name, text);
    assert_int_equal(weir_store_name_parse(NULL, text, &back), 0);
    assert_string_equal(back.id, name.id);
}

static void test_foreign_names_are_told_apart(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "",
        "flows-",
        "data_0.parquet",
        "flows-1700000000123-1700000060456-.parquet",
        "flows-1700000000123-1700000060456-a.parquet.tmp",
        "flows-1700000000123-1700000060456-a_b.parquet",
        "flows-170000000012-1700000060456-a.parquet",
        "flows-1700000000123-17000000604567-a.parquet",
        "flows--700000000123-1700000060456-a.parquet",
        "xlows-1700000000123-1700000060456-a.parquet",
    };
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        struct weir_store_name back;
        assert_int_equal(weir_store_name_parse(NULL, foreign[i], &back), WEIR_E_NOT_FOUND);
    }
}

static void test_partitions_are_utc_hours(void **state)
{
    (void)state;
    char text[WEIR_STORE_PARTITION_MAX];
    weir_store_partition_format(NULL, 0, text);
    assert_string_equal(text, "date=1970-01-01/hour=00");
    weir_store_partition_format(NULL, -1, text);
    assert_string_equal(text, "date=1969-12-31/hour=23");
    weir_store_partition_format(NULL, 1770102000 * WEIR_NS_PER_SECOND, text);
    assert_string_equal(text, "date=2026-02-03/hour=07");
    weir_store_partition_format(NULL, 1770102000 * WEIR_NS_PER_SECOND - 1, text);
    assert_string_equal(text, "date=2026-02-03/hour=06");
    weir_store_partition_format(NULL, INT64_MAX, text);
    assert_string_equal(text, "date=2262-04-11/hour=23");
    weir_store_partition_format(NULL, INT64_MIN, text);
    assert_string_equal(text, "date=1677-09-21/hour=00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_column_has_its_leaves),
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_foreign_names_are_told_apart),
        cmocka_unit_test(test_partitions_are_utc_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
