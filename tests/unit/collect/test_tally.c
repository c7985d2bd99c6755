/* SPDX-License-Identifier: Apache-2.0 */
/* A tally has what was added to it, counter by counter. */
#include "support/cmocka.h"

#include <string.h>

#include "collect/tally.h"

static void test_all_counters_come_back(void **state)
{
    (void)state;
    struct weir_collect_counters rest = {0}, expected = {0}, counters = {0};
    struct weir_tally tally = weir_tally_make(&rest);
    /* Thrice, and the last ones first: places are found again in whatever order. */
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = weir_collect_counter_count; i-- > 0;) {
            size_t offset = weir_collect_counter_table[i].offset;
            uint64_t more = UINT64_C(1) << (i % 50);
            weir_tally_add(&tally, offset / sizeof(uint64_t), more);
            uint64_t sum = weir_counter_get(&weir_collect_counter_table[i], &expected) + more;
            memcpy((char *)&expected + offset, &sum, sizeof(sum));
        }
    weir_tally_add_to(&tally, &counters);
    assert_memory_equal(&counters, &expected, sizeof(counters));
    weir_tally_add_all(&tally, &expected);
    weir_tally_add_to(&tally, &counters);
    assert_int_equal(counters.messages, 3 * expected.messages);
    assert_int_equal(counters.sessions_evicted, 3 * expected.sessions_evicted);
    weir_tally_done(&tally);
    assert_int_equal(rest.messages, 0);
}

static void test_nothing_takes_no_memory(void **state)
{
    (void)state;
    struct weir_collect_counters rest = {0};
    struct weir_tally tally = weir_tally_make(&rest);
    WEIR_TALLY(&tally, templates_refused, 0);
    weir_tally_malformed(&tally, WEIR_MALFORMED_NONE);
    assert_null(tally.words);
    weir_tally_malformed(&tally, WEIR_MALFORMED_SET);
    struct weir_collect_counters counters = {0};
    weir_tally_add_to(&tally, &counters);
    assert_int_equal(counters.messages_malformed, 1);
    assert_int_equal(counters.malformed_set, 1);
    assert_int_equal(counters.malformed_record, 0);
    weir_tally_done(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_counters_come_back),
        cmocka_unit_test(test_nothing_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
