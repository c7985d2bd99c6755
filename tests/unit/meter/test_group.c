/* SPDX-License-Identifier: Apache-2.0 */
/* The vector operations on a set, and the two hashes, against plain loops. */
#include "meter/flow_hash.h"
#include "meter/group.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
            older |= (uint32_t)(group.tags[i] && age >= limit) << i;
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
        .observation_point = (uint16_t)(next_random() & 0x7fff),
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

static struct weir_flow_hasher hasher_of(uint64_t seed, uint64_t tail_mask, uint32_t bucket_count)
{
    struct weir_flow_hasher hasher = {.tail_mask = tail_mask, .bucket_count = bucket_count};
    memset(&hasher.mask, 0xff, sizeof(hasher.mask));
    weir_hash_key_seed(&hasher.hash_key, seed);
    return hasher;
}

/* The place of one key. */
static struct weir_flow_place place_of(const struct weir_flow_hasher *hasher,
                                       struct weir_flow_key key)
{
    struct weir_packet packet = {.key = key};
    struct weir_flow_place place;
    weir_flow_hash_portable(hasher, &packet, NULL, &place, 1);
    return place;
}

static struct weir_flow_more_key random_more(void)
{
    const struct weir_flow_key keys[2] = {random_key(), random_key()};
    struct weir_flow_more_key more;
    memcpy(&more, keys, sizeof(more));
    return more;
}

static void all_processors_hash_alike(void **state)
{
    (void)state;
    for (int round = 0; round < 4000; round++) {
        bool is_biflow = round % 3 == 0;
        weir_flow_hash *chosen = weir_flow_hash_choose(is_biflow);
        weir_flow_hash *portable =
            is_biflow ? weir_flow_hash_portable_biflow : weir_flow_hash_portable;
        struct weir_flow_hasher hasher = hasher_of(3, round % 2 ? 0 : ~UINT64_C(0), 1000);
        hasher.mask[0] = random_key();
        hasher.mask[1] = random_key();
        struct weir_packet packets[3];
        struct weir_flow_more_key more[3];
        struct weir_flow_place a[3];
        struct weir_flow_place b[3];
        memset(a, 0, sizeof(a));
        memset(b, 0, sizeof(b));
        for (int i = 0; i < 3; i++) {
            packets[i] =
                (struct weir_packet){.key = random_key(), .flags = i % 2 ? WEIR_PACKET_V6 : 0};
            more[i] = random_more();
        }
        chosen(&hasher, packets, round % 5 ? NULL : more, a, 3);
        portable(&hasher, packets, round % 5 ? NULL : more, b, 3);
        assert_memory_equal(a, b, sizeof(a));
    }
}

static void keys_are_masked_and_have_their_family(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(3, 0, 1000);
    hasher.mask[WEIR_FAMILY_V6] = (struct weir_flow_key){.dst_addr = {0, 0xff}, .protocol = 0x0f};
    struct weir_packet packet = {.key = random_key(), .flags = WEIR_PACKET_V6};
    struct weir_flow_place place;
    weir_flow_hash_choose(false)(&hasher, &packet, NULL, &place, 1);
    struct weir_flow_key expected = {
        .dst_addr = {0, packet.key.dst_addr.low & 0xff},
        .protocol = packet.key.protocol & 0x0f,
        .observation_point = WEIR_FLOW_KEY_V6,
    };
    assert_memory_equal(&place.key, &expected, sizeof(expected));
}

static void both_directions_share_a_bucket(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(4, 0, 12345);
    unsigned differ = 0;
    for (int round = 0; round < 2000; round++) {
        struct weir_flow_key key = random_key();
        struct weir_flow_place forth = place_of(&hasher, key);
        key.tos ^= 1;
        key.observation_point ^= 1;
        struct weir_flow_place back = place_of(&hasher, reversed(key));
        assert_int_equal(forth.bucket, back.bucket);
        assert_int_equal(forth.bits, back.bits);
        assert_in_range(forth.bucket, 0, 12344);
        assert_int_equal(forth.tag, back.reverse_tag);
        assert_int_equal(forth.reverse_tag, back.tag);
        assert_int_not_equal(forth.tag, 0);
        differ += forth.tag != back.tag;
    }
    assert_true(differ > 1990);
}

static void a_biflow_has_one_key(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(4, ~UINT64_C(0), 12345);
    unsigned swapped = 0;
    for (int round = 0; round < 2000; round++) {
        struct weir_packet packet = {.key = random_key()};
        struct weir_packet other = {.key = reversed(packet.key)};
        packet.key.protocol = other.key.protocol = 6;
        struct weir_flow_place forth, back;
        weir_flow_hash_portable_biflow(&hasher, &packet, NULL, &forth, 1);
        weir_flow_hash_portable_biflow(&hasher, &other, NULL, &back, 1);
        assert_int_equal(forth.bucket, back.bucket);
        assert_int_equal(forth.tag, back.tag);
        assert_memory_equal(&forth.key, &back.key, sizeof(forth.key));
        assert_int_not_equal(forth.swapped, back.swapped);
        const struct weir_packet *first = forth.swapped ? &other : &packet;
        assert_memory_equal(&forth.key, &first->key, offsetof(struct weir_flow_key, protocol));
        swapped += forth.swapped;
    }
    assert_in_range(swapped, 800, 1200);
}

static void a_ping_and_its_answer_are_a_biflow(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(4, ~UINT64_C(0), 12345);
    static const struct {
        unsigned flags;
        uint8_t protocol;
        uint8_t question, answer;
    } cases[] = {
        {0, 1, 8, 0}, {0, 1, 13, 14}, {WEIR_PACKET_V6, 58, 128, 129}, {0, 1, 3, 3}, {0, 1, 5, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_packet packet = {.key = random_key(), .flags = (uint8_t)cases[i].flags};
        packet.key.protocol = cases[i].protocol;
        packet.key.src_port = 0;
        packet.key.dst_port = (uint16_t)(cases[i].question << 8);
        struct weir_packet answer = packet;
        answer.key.src_addr = packet.key.dst_addr;
        answer.key.dst_addr = packet.key.src_addr;
        answer.key.dst_port = (uint16_t)(cases[i].answer << 8);
        struct weir_flow_place forth, back;
        weir_flow_hash_portable_biflow(&hasher, &packet, NULL, &forth, 1);
        weir_flow_hash_portable_biflow(&hasher, &answer, NULL, &back, 1);
        bool pairs = i < 3;
        assert_int_equal(memcmp(&forth.key, &back.key, sizeof(forth.key)) == 0, pairs);
        if (pairs)
            assert_int_not_equal(forth.swapped, back.swapped);
    }
}

/* Of further keys, those that the hasher takes. */
static void more_keys_count(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(5, 0, 1u << 20);
    hasher.hashed_more = (struct weir_flow_more_key){.vlan = 0xfff, .ttl = 0xff};
    for (unsigned bit = 0; bit < 8 * sizeof(struct weir_flow_more_key); bit++) {
        struct weir_flow_more_key bits = {0}, more = random_more();
        ((uint8_t *)&bits)[bit / 8] = (uint8_t)(1u << bit % 8);
        bool counts = bits.vlan & 0xfff || bits.ttl;
        unsigned moved = 0;
        for (int round = 0; round < 20; round++) {
            struct weir_packet packet = {.key = random_key()};
            struct weir_flow_place a, b;
            weir_flow_hash_portable(&hasher, &packet, &more, &a, 1);
            ((uint8_t *)&more)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            weir_flow_hash_portable(&hasher, &packet, &more, &b, 1);
            moved += a.bucket != b.bucket;
        }
        assert_true(counts ? moved >= 19 : moved == 0);
    }
}

/* MAC addresses go with their ends: the other direction is found with both exchanged only. */
static void mac_addresses_are_of_the_ends(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(5, ~UINT64_C(0), 1u << 20);
    memset(&hasher.hashed_more, 0xff, sizeof(hasher.hashed_more));
    for (int round = 0; round < 200; round++) {
        struct weir_packet forth = {.key = random_key()}, back;
        struct weir_flow_more_key more = random_more(), other = more;
        const struct weir_flow_more_key as_sent = more;
        if (round % 2)
            forth.key.dst_addr = forth.key.src_addr;
        if (round % 2)
            forth.key.dst_port = forth.key.src_port;
        forth.key.protocol = 6;
        back = (struct weir_packet){.key = reversed(forth.key)};
        weir_flow_more_exchange(&other, true);
        struct weir_flow_place a, b;
        weir_flow_hash_portable_biflow(&hasher, &forth, &more, &a, 1);
        weir_flow_hash_portable_biflow(&hasher, &back, &other, &b, 1);
        assert_int_equal(a.bucket, b.bucket);
        assert_int_equal(a.tag, b.tag);
        assert_int_not_equal(a.swapped, b.swapped);
        weir_flow_more_exchange(&more, a.swapped);
        weir_flow_more_exchange(&other, b.swapped);
        assert_memory_equal(&more, &other, sizeof(more));
        struct weir_flow_place same_macs;
        weir_flow_hash_portable_biflow(&hasher, &back, &as_sent, &same_macs, 1);
        assert_int_equal(same_macs.bucket == b.bucket, round % 2);
    }
}

/* Each bit of the key that takes part must be able to move the flow elsewhere. */
static void every_bit_counts(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(5, ~UINT64_C(0), 1u << 20);
    for (unsigned bit = 0; bit < 319; bit++) {
        unsigned moved = 0;
        for (int round = 0; round < 20; round++) {
            struct weir_flow_key key = random_key();
            struct weir_flow_key other = key;
            ((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            moved += place_of(&hasher, key).bucket != place_of(&hasher, other).bucket;
        }
        assert_true(moved >= 19);
    }
}

/* Counting addresses and ports, as scans have them, must fill sets as evenly as chance does. */
static void sets_fill_evenly(void **state)
{
    (void)state;
    struct weir_flow_hasher hasher = hasher_of(6, 0, 1000);
    unsigned *counts = calloc(1000, sizeof(*counts));
    for (uint32_t i = 0; i < 100000; i++) {
        struct weir_flow_key key = {.protocol = 6, .dst_port = 80};
        key.src_addr = weir_address_from_v4(0x0a000000 + i / 100);
        key.dst_addr = weir_address_from_v4(0xc0000201);
        key.src_port = (uint16_t)(i % 100);
        counts[place_of(&hasher, key).bucket]++;
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
        cmocka_unit_test(keys_are_masked_and_have_their_family),
        cmocka_unit_test(both_directions_share_a_bucket),
        cmocka_unit_test(a_biflow_has_one_key),
        cmocka_unit_test(a_ping_and_its_answer_are_a_biflow),
        cmocka_unit_test(more_keys_count),
        cmocka_unit_test(mac_addresses_are_of_the_ends),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(sets_fill_evenly),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
