/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include "support/cmocka.h"

#include <string.h>

static const char *nearest(const char *typed, const char *const *names)
{
    struct weir_nearest search = weir_nearest_begin(typed);
    for (size_t i = 0; names[i]; i++) {
        const char *before = search.best;
        bool better = weir_nearest_offer(&search, names[i]);
        assert_int_equal(better, search.best != before);
    }
    return search.best;
}

static const char *const commands[] = {"meter", "collect", "query", "gen", "elements", NULL};

static void one_slip(void **state)
{
    (void)state;
    assert_string_equal(nearest("metre", commands), "meter");    /* swapped */
    assert_string_equal(nearest("meterr", commands), "meter");   /* inserted */
    assert_string_equal(nearest("colect", commands), "collect"); /* dropped */
    assert_string_equal(nearest("quary", commands), "query");    /* changed */
    assert_string_equal(nearest("QUERY", commands), "query");    /* case only */
    assert_string_equal(nearest("gn", commands), "gen");
}

static void too_far(void **state)
{
    (void)state;
    assert_null(nearest("banana", commands));
    assert_null(nearest("", commands));
    assert_null(nearest("x", commands));
    assert_null(nearest("mxtxx", commands)); /* three of five letters */
}

static void the_nearest_of_several_and_the_first_of_equals(void **state)
{
    (void)state;
    static const char *const names[] = {"srcport", "dstport", "src_port", "SRC_PORT", NULL};
    assert_string_equal(nearest("src_prt", names), "src_port");
    assert_string_equal(nearest("Src_Port", names), "src_port");
}

static void long_names_are_never_near(void **state)
{
    (void)state;
    char name[WEIR_NEAREST_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[WEIR_NEAREST_MAX + 1] = 0;
    const char *const names[] = {name, NULL};
    assert_null(nearest(name, names));
    name[WEIR_NEAREST_MAX] = 0;
    assert_ptr_equal(nearest(name, names), name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip),
        cmocka_unit_test(too_far),
        cmocka_unit_test(the_nearest_of_several_and_the_first_of_equals),
        cmocka_unit_test(long_names_are_never_near),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
