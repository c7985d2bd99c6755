/* SPDX-License-Identifier: Apache-2.0 */
#include "base/aes_round.h"
#include "base/hash.h"

#include "support/cmocka.h"

#include <string.h>

/* FIPS 197 appendix B, round 1: the state after the first key, the round's key, the result. */
static const uint8_t round_in[16] = {0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b,
                                     0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08};
static const uint8_t round_key[16] = {0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1,
                                      0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76, 0x05};
static const uint8_t round_out[16] = {0xa4, 0x9c, 0x7f, 0xf2, 0x68, 0x9f, 0x35, 0x2b,
                                      0x6b, 0x5b, 0xea, 0x43, 0x02, 0x6a, 0x50, 0x49};

static void portable_round_is_the_standards(void **state)
{
    (void)state;
    weir_aes_block out = weir_aes_round_portable(weir_aes_load(round_in), weir_aes_load(round_key));
    assert_memory_equal(&out, round_out, 16);
}

#ifdef WEIR_AES_TARGET
WEIR_AES_TARGET static void fast_round(const weir_aes_block *block, const weir_aes_block *key,
                                       weir_aes_block *ret_block)
{
    *ret_block = weir_aes_round(*block, *key);
}
#endif

static void instruction_equals_portable_round(void **state)
{
    (void)state;
#ifdef WEIR_AES_TARGET
    if (!weir_aes_available())
        skip();
    weir_aes_block block = weir_aes_load(round_in);
    weir_aes_block key = weir_aes_load(round_key);
    for (int i = 0; i < 10000; i++) {
        weir_aes_block fast;
        fast_round(&block, &key, &fast);
        weir_aes_block portable = weir_aes_round_portable(block, key);
        assert_memory_equal(&fast, &portable, 16);
        key ^= block;
        block = fast;
    }
#else
    skip();
#endif
}

static void hash_depends_on_key_octets_and_length(void **state)
{
    (void)state;
    struct weir_hash_key key;
    struct weir_hash_key other;
    weir_hash_key_seed(&key, 1);
    weir_hash_key_seed(&other, 2);
    uint8_t octets[64] = {0};
    for (size_t length = 0; length < sizeof(octets); length++) {
        uint64_t hash = weir_hash(&key, octets, length);
        assert_true(hash == weir_hash(&key, octets, length));
        assert_true(hash != weir_hash(&other, octets, length));
        assert_true(hash != weir_hash(&key, octets, length + 1));
        for (size_t at = 0; at < length; at++) {
            octets[at] ^= 1;
            assert_true(hash != weir_hash(&key, octets, length));
            octets[at] ^= 1;
        }
    }
}

/* Counting inputs must fill the buckets of any power of two evenly, by the low and high bits. */
static void buckets_fill_evenly(void **state)
{
    (void)state;
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 7);
    for (unsigned shift = 0; shift <= 56; shift += 8) {
        unsigned buckets[256] = {0};
        for (uint32_t i = 0; i < 256 * 100; i++)
            buckets[weir_hash(&key, &i, sizeof(i)) >> shift & 255]++;
        for (unsigned i = 0; i < 256; i++)
            assert_in_range(buckets[i], 50, 160);
    }
}

static void random_keys_differ(void **state)
{
    (void)state;
    struct weir_hash_key a;
    struct weir_hash_key b;
    assert_int_equal(weir_hash_key_random(&a), 0);
    assert_int_equal(weir_hash_key_random(&b), 0);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_round_is_the_standards),
        cmocka_unit_test(instruction_equals_portable_round),
        cmocka_unit_test(hash_depends_on_key_octets_and_length),
        cmocka_unit_test(buckets_fill_evenly),
        cmocka_unit_test(random_keys_differ),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
