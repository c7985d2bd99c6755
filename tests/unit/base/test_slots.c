/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slots.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "support/cmocka.h"

#define ITEMS 40000u

static bool is_zero(const unsigned char *item, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        if (item[i])
            return false;
    return true;
}

static void check_items(size_t octets)
{
    static unsigned char *items[ITEMS];
    struct weir_slots slots;
    weir_slots_init(&slots, octets);
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = weir_slots_take(&slots);
        assert_non_null(items[i]);
        assert_int_equal((uintptr_t)items[i] % 64, 0);
        assert_true(is_zero(items[i], octets));
        memset(items[i], 0xaa, octets);
        memcpy(items[i], &i, sizeof(i));
    }
    /* What is given back comes again, zeroed, and nothing beside it has changed. */
    for (uint32_t i = 0; i < ITEMS; i += 3)
        weir_slots_give_back(&slots, items[i]);
    for (uint32_t i = 0; i < ITEMS; i += 3) {
        unsigned char *item = weir_slots_take(&slots);
        assert_true(is_zero(item, octets));
        memset(item, 0xbb, octets);
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t number;
        memcpy(&number, items[i], sizeof(number));
        assert_int_equal(items[i][octets - 1], i % 3 ? 0xaa : 0xbb);
        assert_true(i % 3 == 0 || number == i);
    }
    weir_slots_give_back(&slots, NULL);
    weir_slots_done(&slots);
}

static void items_are_apart_aligned_and_zeroed(void **state)
{
    (void)state;
    check_items(8);
    check_items(64);
    check_items(100);
    check_items(900);
}

static void an_item_may_be_larger_than_a_block(void **state)
{
    (void)state;
    struct weir_slots slots;
    size_t octets = (size_t)5 << 20;
    weir_slots_init(&slots, octets);
    unsigned char *one = weir_slots_take(&slots), *other = weir_slots_take(&slots);
    assert_true(one && other);
    one[octets - 1] = 1;
    other[octets - 1] = 2;
    assert_int_equal(one[octets - 1], 1);
    weir_slots_done(&slots);
}

static void none_taken_is_none_to_free(void **state)
{
    (void)state;
    struct weir_slots slots;
    weir_slots_init(&slots, 1);
    weir_slots_done(&slots);
    assert_null(slots.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_apart_aligned_and_zeroed),
        cmocka_unit_test(an_item_may_be_larger_than_a_block),
        cmocka_unit_test(none_taken_is_none_to_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
