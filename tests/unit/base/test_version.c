/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include "support/cmocka.h"

#include <stdlib.h>

static void version_is_three_numbers(void **state)
{
    (void)state;
    const char *at = weir_version();
    for (int i = 0; i < 3; i++) {
        char *end;
        (void)strtoul(at, &end, 10);
        assert_true(end > at);
        assert_int_equal(*end, i < 2 ? '.' : '\0');
        at = end + 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_three_numbers),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
