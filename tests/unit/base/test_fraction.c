/* SPDX-License-Identifier: Apache-2.0 */
/* Fractions: in lowest terms, nearest where they do not fit, simplest of what a float stands for.
 */
#include <math.h>

#include "base/fraction.h"
#include "base/random.h"
#include "support/cmocka.h"

static void expect(struct weir_fraction got, uint32_t numerator, uint32_t denominator)
{
    assert_int_equal(got.numerator, numerator);
    assert_int_equal(got.denominator, denominator);
}

static void whole_numbers(void **state)
{
    (void)state;
    expect(weir_fraction_of(20, 30), 2, 3);
    expect(weir_fraction_of(1, 1), 1, 1);
    expect(weir_fraction_of(7, 1), 7, 1);
    expect(weir_fraction_of(UINT32_MAX, UINT32_MAX - 1), UINT32_MAX, UINT32_MAX - 1);
    expect(weir_fraction_of(UINT64_MAX, UINT64_MAX), 1, 1);
    expect(weir_fraction_of(0, 5), 0, 0);
    expect(weir_fraction_of(5, 0), 0, 0);
    /* Nearest: 2^40 + 1 of 3 * 2^40 is a third; of what is too small nothing is near. */
    expect(weir_fraction_of((UINT64_C(1) << 40) + 1, UINT64_C(3) << 40), 1, 3);
    expect(weir_fraction_of(1, UINT64_C(1) << 40), 0, 0);
    expect(weir_fraction_of(1, UINT64_C(5000000000)), 1, UINT32_MAX);
}

static void reals(void **state)
{
    (void)state;
    expect(weir_fraction_of_real(0.3, WEIR_FRACTION_OF_FLOAT64), 3, 10);
    expect(weir_fraction_of_real((double)0.3f, WEIR_FRACTION_OF_FLOAT32), 3, 10);
    expect(weir_fraction_of_real(1.0 / 3, WEIR_FRACTION_OF_FLOAT64), 1, 3);
    expect(weir_fraction_of_real((double)(1.0f / 3), WEIR_FRACTION_OF_FLOAT32), 1, 3);
    expect(weir_fraction_of_real(0.001, WEIR_FRACTION_OF_FLOAT64), 1, 1000);
    expect(weir_fraction_of_real(1, WEIR_FRACTION_OF_FLOAT64), 1, 1);
    expect(weir_fraction_of_real(2.5, WEIR_FRACTION_OF_FLOAT64), 5, 2);
    expect(weir_fraction_of_real(0, WEIR_FRACTION_OF_FLOAT64), 0, 0);
    expect(weir_fraction_of_real(-1, WEIR_FRACTION_OF_FLOAT64), 0, 0);
    expect(weir_fraction_of_real((double)NAN, WEIR_FRACTION_OF_FLOAT64), 0, 0);
    expect(weir_fraction_of_real((double)INFINITY, WEIR_FRACTION_OF_FLOAT64), 0, 0);
    expect(weir_fraction_of_real(0x1p-40, WEIR_FRACTION_OF_FLOAT64), 0, 0);
}

/* Whatever is given comes out as near as 32 bits allow. */
static void nearness(void **state)
{
    (void)state;
    struct weir_random random = {1};
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t a = weir_random_next(&random) >> (weir_random_next(&random) % 63);
        uint64_t b = weir_random_next(&random) >> (weir_random_next(&random) % 63);
        double ratio = (double)a / (double)b;
        if (a == 0 || b == 0 || ratio < 0x1p-20 || ratio > 0x1p20)
            continue;
        struct weir_fraction got = weir_fraction_of(a, b);
        double of_got = (double)got.numerator / (double)got.denominator;
        assert_true(fabs(of_got / ratio - 1) < 0x1p-31);
        got = weir_fraction_of_real(ratio, WEIR_FRACTION_OF_FLOAT64);
        of_got = (double)got.numerator / (double)got.denominator;
        assert_true(fabs(of_got / ratio - 1) < 0x1p-31);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(reals),
        cmocka_unit_test(nearness),
    };
    return cmocka_run_group_tests_name("base/fraction", tests, NULL, NULL);
}
