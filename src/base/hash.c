/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

#include "base/aes_round.h"

int weir_hash_key_random(struct weir_hash_key *ret_key)
{
    /* Requests of up to 256 octets are given whole once the pool is ready, getrandom(2). */
    _Static_assert(sizeof(ret_key->round) <= 256, "one request");
    struct weir_hash_key key;
    if (getrandom(key.round, sizeof(key.round), 0) != (ssize_t)sizeof(key.round))
        return WEIR_E_IO;
    *ret_key = key;
    return 0;
}

void weir_hash_key_seed(struct weir_hash_key *ret_key, uint64_t seed)
{
    for (unsigned i = 0; i < WEIR_HASH_ROUNDS * 2; i++) {
        /* splitmix64: each step adds the golden ratio and mixes. */
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        ret_key->round[i / 2][i % 2] = mixed ^ mixed >> 31;
    }
}

/* Fewer octets than a block has, and zeros after them. */
static inline weir_aes_block load_rest(const uint8_t *octets, size_t length)
{
    uint64_t words[2] = {0};
    size_t whole = length / sizeof(words[0]) * sizeof(words[0]);
    if (whole > 0)
        memcpy(&words[0], octets, sizeof(words[0]));
    if (length > whole)
        memcpy(&words[whole / sizeof(words[0])], octets + whole, length - whole);
    return (weir_aes_block){words[0], words[1]};
}

/*
 * Blocks are absorbed with two rounds each, so that a difference has reached every octet before
 * the next block can meet it; the length goes in last, so that zeros at the end count.
 */
#define WEIR_DEFINE_HASH(name, aes)                                                             \
    static uint64_t name(const struct weir_hash_key *key, const uint8_t *octets, size_t length) \
    {                                                                                           \
        weir_aes_block k[WEIR_HASH_ROUNDS];                                                     \
        memcpy(k, key->round, sizeof(k));                                                       \
        weir_aes_block state = k[0];                                                            \
        size_t left = length;                                                                   \
        for (; left >= sizeof(state); octets += sizeof(state), left -= sizeof(state))           \
            state = aes(aes(state ^ weir_aes_load(octets), k[1]), k[2]);                        \
        if (left > 0)                                                                           \
            state = aes(aes(state ^ load_rest(octets, left), k[1]), k[2]);                      \
        state ^= (weir_aes_block){length, 0};                                                   \
        state = aes(aes(aes(state, k[3]), k[4]), k[0]);                                         \
        return state[0];                                                                        \
    }

WEIR_DEFINE_HASH(hash_portable, weir_aes_round_portable)
#ifdef WEIR_AES_TARGET
WEIR_AES_TARGET
WEIR_DEFINE_HASH(hash_fast, weir_aes_round)
#endif

uint64_t weir_hash(const struct weir_hash_key *key, const void *octets, size_t length)
{
#ifdef WEIR_AES_TARGET
    if (weir_aes_available())
        return hash_fast(key, octets, length);
#endif
    return hash_portable(key, octets, length);
}
