/* SPDX-License-Identifier: Apache-2.0 */
/* Beginnings of streams, put together in any order. */
#include "dissect/assembly.h"

#include "names.h"

static uint64_t random_state = 1;

static unsigned next_random(unsigned limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

static uint8_t octet_at(size_t offset)
{
    return (uint8_t)(offset * 7 + offset / 251);
}

static int add(struct weir_assembly *assembly, size_t offset, size_t length)
{
    uint8_t octets[512];
    for (size_t i = 0; i < length; i++)
        octets[i] = octet_at(offset + i);
    uint8_t *copy = copy_of(octets, length);
    int result = weir_assembly_add(assembly, offset, copy, length);
    free(copy);
    return result;
}

static void pieces_in_any_order_make_the_same(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        struct weir_assembly assembly;
        bool there[2000] = {false};
        weir_assembly_init(&assembly);
        for (unsigned piece = 0; piece < 60; piece++) {
            size_t offset = next_random(1500), length = 1 + next_random(200);
            if (add(&assembly, offset, length) == 0)
                memset(there + offset, true, length);
            size_t whole = 0;
            while (there[whole])
                whole++;
            assert_int_equal(weir_assembly_length(&assembly), whole);
            for (size_t i = 0; i < whole; i++)
                assert_int_equal(assembly.octets[i], octet_at(i));
            for (unsigned i = 0; i < assembly.run_count; i++) {
                assert_true(assembly.runs[i].from < assembly.runs[i].to);
                assert_true(i == 0 || assembly.runs[i - 1].to < assembly.runs[i].from);
            }
        }
    }
}

static void holes_have_a_limit(void **state)
{
    (void)state;
    struct weir_assembly assembly, copy;
    weir_assembly_init(&assembly);
    for (unsigned i = 0; i < WEIR_ASSEMBLY_RUNS; i++)
        assert_int_equal(add(&assembly, 2 * i + 1, 1), 0);
    assert_int_equal(add(&assembly, 500, 1), WEIR_E_LIMIT);
    assert_int_equal(weir_assembly_length(&assembly), 0);
    /* What fills a hole is taken all the same. */
    assert_int_equal(add(&assembly, 0, 1), 0);
    assert_int_equal(weir_assembly_length(&assembly), 2);
    weir_assembly_copy(&copy, &assembly);
    assert_int_equal(add(&copy, 2, 2 * WEIR_ASSEMBLY_RUNS), 0);
    assert_int_equal(weir_assembly_length(&copy), 2 * WEIR_ASSEMBLY_RUNS + 2);
    assert_int_equal(copy.octets[1], octet_at(1));
}

static void what_is_past_the_buffer_is_left_out(void **state)
{
    (void)state;
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    for (size_t at = 0; at < WEIR_ASSEMBLY_OCTETS + 600; at += 300)
        assert_int_equal(add(&assembly, at, 300), 0);
    assert_int_equal(weir_assembly_length(&assembly), WEIR_ASSEMBLY_OCTETS);
    assert_int_equal(weir_assembly_add(&assembly, UINT64_MAX, (const uint8_t *)"a", 1), 0);
    assert_int_equal(weir_assembly_add(&assembly, 0, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_in_any_order_make_the_same),
        cmocka_unit_test(holes_have_a_limit),
        cmocka_unit_test(what_is_past_the_buffer_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
