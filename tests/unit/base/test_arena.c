/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "support/cmocka.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct weir_arena arena;
    weir_arena_init(&arena, 1 << 20);
    unsigned char *last = NULL;
    for (size_t octets = 1; octets < 700; octets++) {
        unsigned char *memory = weir_arena_alloc(&arena, octets);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < octets; i++) {
            assert_int_equal(memory[i], 0);
            memory[i] = 0xaa;
        }
        assert_true(memory != last);
        last = memory;
    }
    weir_arena_done(&arena);
}

static void the_limit_holds_and_the_arena_goes_on(void **state)
{
    (void)state;
    struct weir_arena arena;
    weir_arena_init(&arena, 1000);
    assert_non_null(weir_arena_alloc(&arena, 900));
    assert_null(weir_arena_alloc(&arena, 200));
    assert_null(weir_arena_alloc(&arena, SIZE_MAX));
    assert_non_null(weir_arena_alloc(&arena, 50));
    weir_arena_done(&arena);
}

static void text_is_copied_and_formatted(void **state)
{
    (void)state;
    struct weir_arena arena;
    weir_arena_init(&arena, 1 << 16);
    assert_string_equal(weir_arena_copy(&arena, "weir", 5), "weir");
    assert_string_equal(weir_arena_format(&arena, "%s/%d", "date", 7), "date/7");
    weir_arena_done(&arena);
    weir_arena_init(&arena, 16);
    assert_null(weir_arena_format(&arena, "%100d", 7));
    weir_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_limit_holds_and_the_arena_goes_on),
        cmocka_unit_test(text_is_copied_and_formatted),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
