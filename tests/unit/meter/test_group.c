/* SPDX-License-Identifier: Apache-2.0 */
/* The vector operations on a set, and the two hashes, against plain loops. */
#include "meter/flow_hash.h"
#include "meter/group.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <stdlib.h>

static uint64_t random_state = 1;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static struct weir_group random_group(void)
{
    struct weir_group group;
    unsigned tag_kinds = 1 + (unsigned)(next_random() % 256);
    unsigned tick_kinds = 1 + (unsigned)(next_random() % 256);
    for (unsigned i = 0; i < WEIR_GROUP_WAYS; i++) {
        group.tags[i] = (uint8_t)(next_random() % tag_kinds);
        group.ticks[i] = (uint8_t)(next_random() % tick_kinds + next_random() % 2 * 200);
    }
    return group;
}

static void operations_equal_plain_loops(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct weir_group group = random_group();
        uint8_t tag = group.tags[next_random() % WEIR_GROUP_WAYS];
        uint8_t now = (uint8_t)next_random();
        uint8_t limit = (uint8_t)next_random();
        uint32_t match = 0;
        uint32_t older = 0;
        uint32_t oldest = 0;
        uint8_t most = 0;
        bool any = false;
        for (unsigned i = 0; i < WEIR_GROUP_WAYS; i++) {
            uint8_t age = (uint8_t)(now - group.ticks[i]);
            match |= (uint32_t)(group.tags[i] == tag) << i;
            older |= (uint32_t)(age >= limit) << i;
            if (group.tags[i] && (!any || age > most)) {
                most = age;
                any = true;
            }
        }
        for (unsigned i = 0; i < WEIR_GROUP_WAYS; i++)
            if (group.tags[i] && (uint8_t)(now - group.ticks[i]) == most)
                oldest |= UINT32_C(1) << i;
        assert_int_equal(weir_group_match(group.tags, tag), match);
        assert_int_equal(weir_group_older(&group, now, limit), older);
        if (any)
            assert_int_equal(weir_group_oldest(&group, now), oldest);
    }
}

static struct weir_flow_key random_key(void)
{
    return (struct weir_flow_key){
        .src_addr = {next_random(), next_random()},
        .dst_addr = {next_random(), next_random()},
        .src_port = (uint16_t)next_random(),
        .dst_port = (uint16_t)next_random(),
        .protocol = (uint8_t)next_random(),
        .tos = (uint8_t)next_random(),
        .observation_point = (uint16_t)next_random(),
    };
}

static struct weir_flow_key reversed(struct weir_flow_key key)
{
    struct weir_flow_key other = key;
    other.src_addr = key.dst_addr;
    other.dst_addr = key.src_addr;
    other.src_port = key.dst_port;
    other.dst_port = key.src_port;
    return other;
}

static void all_processors_hash_alike(void **state)
{
    (void)state;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 3);
    weir_flow_hash *chosen = weir_flow_hash_choose();
    for (int round = 0; round < 2000; round++) {
        struct weir_flow_place a[3];
        struct weir_flow_place b[3];
        for (int i = 0; i < 3; i++)
            a[i].key = b[i].key = random_key();
        uint64_t tail_mask = round % 2 ? 0 : ~UINT64_C(0);
        chosen(&key, tail_mask, 1000, a, 3);
        weir_flow_hash_portable(&key, tail_mask, 1000, b, 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(a[i].set, b[i].set);
            assert_int_equal(a[i].tag, b[i].tag);
            assert_int_equal(a[i].reverse_tag, b[i].reverse_tag);
            assert_int_equal(a[i].spread, b[i].spread);
        }
    }
}

static void both_directions_share_a_set(void **state)
{
    (void)state;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 4);
    unsigned differ = 0;
    for (int round = 0; round < 2000; round++) {
        struct weir_flow_place places[2] = {{.key = random_key()}};
        places[1].key = reversed(places[0].key);
        places[1].key.tos ^= 1;
        weir_flow_hash_portable(&key, 0, 12345, places, 2);
        assert_int_equal(places[0].set, places[1].set);
        assert_in_range(places[0].set, 0, 12344);
        assert_int_equal(places[0].tag, places[1].reverse_tag);
        assert_int_equal(places[0].reverse_tag, places[1].tag);
        assert_int_not_equal(places[0].tag, 0);
        differ += places[0].tag != places[1].tag;
    }
    assert_true(differ > 1990);
}

/* Each bit of the key that takes part must be able to move the flow elsewhere. */
static void every_bit_counts(void **state)
{
    (void)state;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 5);
    for (unsigned bit = 0; bit < 320; bit++) {
        unsigned moved = 0;
        for (int round = 0; round < 20; round++) {
            struct weir_flow_place places[2] = {{.key = random_key()}};
            places[1].key = places[0].key;
            ((uint8_t *)&places[1].key)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            weir_flow_hash_portable(&key, ~UINT64_C(0), 1u << 20, places, 2);
            moved += places[0].set != places[1].set;
        }
        assert_true(moved >= 19);
    }
}

/* Counting addresses and ports, as scans have them, must fill sets as evenly as chance does. */
static void sets_fill_evenly(void **state)
{
    (void)state;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 6);
    unsigned *counts = calloc(1000, sizeof(*counts));
    for (uint32_t i = 0; i < 100000; i++) {
        struct weir_flow_place place = {.key = {.protocol = 6, .dst_port = 80}};
        place.key.src_addr = weir_address_from_v4(0x0a000000 + i / 100);
        place.key.dst_addr = weir_address_from_v4(0xc0000201);
        place.key.src_port = (uint16_t)(i % 100);
        weir_flow_hash_portable(&key, 0, 1000, &place, 1);
        counts[place.set]++;
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_in_range(counts[i], 50, 160);
    free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_equal_plain_loops),
        cmocka_unit_test(all_processors_hash_alike),
        cmocka_unit_test(both_directions_share_a_set),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(sets_fill_evenly),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
