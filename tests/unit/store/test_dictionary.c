/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "support/cmocka.h"

#define COUNT 20000u

static uint64_t wide[COUNT];
static uint32_t narrow[COUNT];

static int make(void **state)
{
    static struct weir_dictionary dictionary;
    *state = &dictionary;
    return weir_dictionary_init(&dictionary, COUNT);
}

static int drop(void **state)
{
    weir_dictionary_done(*state);
    return 0;
}

static const struct weir_values wide_values = {.data = wide, .count = COUNT, .width = 8};
static const struct weir_values narrow_values = {.data = narrow, .count = COUNT, .width = 4};

/* Every index leads to its value, and no value is twice in the dictionary. */
static void check_wide(const struct weir_dictionary *dictionary, uint32_t distinct)
{
    assert_int_equal(dictionary->count, distinct);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(dictionary->ids[i] < distinct);
        assert_true(dictionary->values[dictionary->ids[i]] == wide[i]);
    }
}

static void test_hash_finds_each_value_once(void **state)
{
    struct weir_dictionary *dictionary = *state;
    static const uint32_t pools[] = {1, 2, 63, 1000, 3000, 9000};
    uint64_t random = 1;
    for (size_t p = 0; p < sizeof(pools) / sizeof(pools[0]); p++) {
        for (uint32_t i = 0; i < COUNT; i++)
            wide[i] = (i < pools[p] ? i : random_u64(&random) % pools[p]) * UINT64_C(0x100000001);
        /* Room for as many as there are values: no trial. */
        assert_true(weir_dictionary_hash(dictionary, &wide_values, COUNT));
        assert_false(dictionary->is_sorted);
        check_wide(dictionary, pools[p]);
    }
}

static void test_hash_of_narrow_values(void **state)
{
    struct weir_dictionary *dictionary = *state;
    uint64_t random = 2;
    for (uint32_t i = 0; i < COUNT; i++)
        narrow[i] = (uint32_t)(random_u64(&random) % 500) * 8000000u;
    assert_true(weir_dictionary_hash(dictionary, &narrow_values, COUNT / 2));
    assert_int_equal(dictionary->count, 500);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_true(dictionary->values[dictionary->ids[i]] == narrow[i]);
}

static void test_hash_gives_up(void **state)
{
    struct weir_dictionary *dictionary = *state;
    /* Nearly all different. */
    for (uint32_t i = 0; i < COUNT; i++)
        wide[i] = i * UINT64_C(0x123456789);
    assert_false(weir_dictionary_hash(dictionary, &wide_values, COUNT - 1));
    assert_true(dictionary->count <= 4096);

    /* Above the limit, and exactly at it. */
    for (uint32_t i = 0; i < COUNT; i++)
        wide[i] = i % 700 * UINT64_C(0x123456789);
    assert_false(weir_dictionary_hash(dictionary, &wide_values, 699));
    assert_true(weir_dictionary_hash(dictionary, &wide_values, 700));
    check_wide(dictionary, 700);
}

/* Values made so that all of them come to one slot of the table, however large it is. */
static void test_collisions_on_purpose_are_given_up(void **state)
{
    struct weir_dictionary *dictionary = *state;
    const uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t inverse = multiplier;
    for (unsigned i = 0; i < 6; i++) /* Newton: each step doubles the bits that are right */
        inverse *= 2 - multiplier * inverse;
    assert_true(multiplier * inverse == 1);
    for (uint32_t i = 0; i < COUNT; i++)
        wide[i] = inverse * (i % 3000);
    assert_false(weir_dictionary_hash(dictionary, &wide_values, COUNT));
}

static void test_direct_is_in_order(void **state)
{
    struct weir_dictionary *dictionary = *state;
    uint64_t random = 3, base = UINT64_MAX - 70000;
    for (uint32_t i = 0; i < COUNT; i++)
        wide[i] = base + random_u64(&random) % 300 * 200;
    struct weir_range range = weir_values_range(&wide_values);
    assert_true(weir_dictionary_direct(dictionary, &wide_values, range));
    weir_dictionary_index(dictionary, &wide_values, range);
    assert_true(dictionary->is_sorted);
    check_wide(dictionary, 300);
    for (uint32_t i = 1; i < dictionary->count; i++)
        assert_true(dictionary->values[i - 1] < dictionary->values[i]);

    /* 65,536 values with a place each are the most. */
    wide[0] = base;
    wide[1] = base + 65535;
    range = weir_values_range(&wide_values);
    assert_true(weir_dictionary_direct(dictionary, &wide_values, range));
    wide[1]++;
    range = weir_values_range(&wide_values);
    assert_false(weir_dictionary_direct(dictionary, &wide_values, range));
}

static void test_direct_crosses_zero(void **state)
{
    struct weir_dictionary *dictionary = *state;
    struct weir_values times = wide_values;
    times.is_signed = true;
    for (uint32_t i = 0; i < COUNT; i++)
        wide[i] = (uint64_t)((int64_t)(i % 1000) - 500);
    struct weir_range range = weir_values_range(&times);
    assert_true(range.min == (uint64_t)-500 && range.max == 499);
    assert_true(weir_dictionary_direct(dictionary, &times, range));
    weir_dictionary_index(dictionary, &times, range);
    check_wide(dictionary, 1000);
}

static void test_texts(void **state)
{
    struct weir_dictionary *dictionary = *state;
    static uint8_t octets[COUNT * 4];
    static uint32_t lengths[COUNT], offsets[COUNT];
    struct weir_texts texts = {octets, lengths, COUNT};
    uint64_t random = 4;
    uint32_t length = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t number = (uint32_t)(random_u64(&random) % 800);
        /* Some begin as others do: "1", "12", "123". */
        lengths[i] = number < 10 ? 1 : number < 100 ? 2 : 3;
        for (uint32_t k = lengths[i]; k > 0; k--, number /= 10)
            octets[length + k - 1] = (uint8_t)('0' + number % 10);
        length += lengths[i];
    }
    assert_true(weir_dictionary_texts(dictionary, &texts, COUNT - 1, offsets));
    assert_int_equal(dictionary->count, 800);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t first = (uint32_t)dictionary->values[dictionary->ids[i]];
        assert_true(first <= i);
        assert_int_equal(lengths[first], lengths[i]);
        assert_memory_equal(octets + offsets[first], octets + offsets[i], lengths[i]);
    }
    assert_false(weir_dictionary_texts(dictionary, &texts, 799, offsets));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_finds_each_value_once),
        cmocka_unit_test(test_hash_of_narrow_values),
        cmocka_unit_test(test_hash_gives_up),
        cmocka_unit_test(test_collisions_on_purpose_are_given_up),
        cmocka_unit_test(test_direct_is_in_order),
        cmocka_unit_test(test_direct_crosses_zero),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
