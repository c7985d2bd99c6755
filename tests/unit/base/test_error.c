/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counter.h"
#include "base/error.h"

#include <string.h>

#include "support/cmocka.h"

static void every_result_has_its_own_text(void **state)
{
    (void)state;
    for (int a = 0; a >= WEIR_E_AGAIN; a--)
        for (int b = 0; b >= WEIR_E_AGAIN; b--)
            assert_int_equal(strcmp(weir_error_text(a), weir_error_text(b)) == 0, a == b);
    assert_string_equal(weir_error_text(1), "unknown error");
    assert_string_equal(weir_error_text(-1000), "unknown error");
}

static void details_name_the_octet_and_the_file(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    assert_int_equal(weir_diag_set_at(&diag, WEIR_E_MALFORMED, 48, "set length %d is too short", 3),
                     WEIR_E_MALFORMED);
    assert_string_equal(diag.text, "octet 48: set length 3 is too short");
    assert_true(diag.has_offset);
    weir_diag_prefix(&diag, "%s", "a.ipfix");
    assert_string_equal(diag.text, "a.ipfix: octet 48: set length 3 is too short");
    assert_int_equal(weir_diag_set(&diag, WEIR_E_IO, "gone"), WEIR_E_IO);
    assert_false(diag.has_offset);
    assert_int_equal(weir_diag_set(NULL, WEIR_E_IO, "nobody asks"), WEIR_E_IO);
}

static void long_details_are_cut(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    char longer[2 * sizeof(diag.text)];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    weir_diag_set(&diag, WEIR_E_USAGE, "%s", longer);
    assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
    weir_diag_prefix(&diag, "%s", longer);
    assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
    weir_diag_set_at(&diag, WEIR_E_USAGE, UINT64_MAX, "%s", longer);
    assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
}

struct two {
    uint64_t first, second;
};

static const struct weir_counter two_table[] = {
    WEIR_COUNTER(struct two, first, PACKETS, "the first"),
    WEIR_COUNTER(struct two, second, OCTETS, "the second"),
};

static void counters_add_by_their_table(void **state)
{
    (void)state;
    struct two a = {1, 2}, b = {10, 20};
    weir_counter_add_all(two_table, 2, &a, &b);
    assert_int_equal(weir_counter_get(&two_table[0], &b), 11);
    assert_int_equal(weir_counter_get(&two_table[1], &b), 22);
    assert_string_equal(two_table[1].name, "second");
    assert_string_equal(weir_unit_text(two_table[1].unit), "octets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_its_own_text),
        cmocka_unit_test(details_name_the_octet_and_the_file),
        cmocka_unit_test(long_details_are_cut),
        cmocka_unit_test(counters_add_by_their_table),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
