/* SPDX-License-Identifier: Apache-2.0 */
#include "app/stats.h"

#include "support/cmocka.h"

struct some {
    uint64_t first;
    uint64_t second;
};

static const struct weir_counter rows[] = {
    WEIR_COUNTER(struct some, second, NONE, "the second"),
    WEIR_COUNTER(struct some, first, NONE, "the first"),
};

static void counters_are_members_in_table_order(void **state)
{
    (void)state;
    struct some a = {1, UINT64_MAX};
    struct some b = {0, 7};
    const struct weir_stats_part parts[] = {{rows, 2, &a}, {rows, 1, &b}};
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    weir_stats_print(parts, 2, &text);
    assert_string_equal(weir_text_string(&text), "{\n  \"second\": 18446744073709551615,\n"
                                                 "  \"first\": 1,\n  \"second\": 7\n}\n");
    weir_text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_members_in_table_order),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
