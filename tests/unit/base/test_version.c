/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include "support/cmocka.h"

#include <stdio.h>

static void version_is_three_numbers(void **state)
{
    (void)state;
    unsigned major, minor, patch;
    int end = 0;
    int count = sscanf(weir_version(), "%u.%u.%u%n", &major, &minor, &patch, &end);
    assert_int_equal(count, 3);
    assert_int_equal(weir_version()[end], '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_three_numbers),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
