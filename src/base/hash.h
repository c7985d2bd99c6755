/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed hash: who does not know the key cannot aim collisions at a table that uses it.
 *
 * It is made of AES rounds, which processors do in one instruction; where they do not, the same
 * rounds run in portable C and give the same values, so tables look alike on every machine. It is
 * meant for tables in memory and is no message authentication.
 *
 *     struct weir_hash_key key;
 *     int result = weir_hash_key_random(&key);      // live: nobody can know it
 *     weir_hash_key_seed(&key, 0);                  // files: the same run twice does the same
 *     bucket = weir_hash(&key, name, length) & mask;
 *
 * Threads: a key is constant once made; any thread may use it.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_HASH_ROUNDS 5

struct weir_hash_key {
    _Alignas(16) uint64_t round[WEIR_HASH_ROUNDS][2];
};

/* A key from the system's randomness. 0, or WEIR_E_IO where it has none. */
WEIR_CHECKED int weir_hash_key_random(struct weir_hash_key *ret_key);

/* The key of this seed, always the same. */
void weir_hash_key_seed(struct weir_hash_key *ret_key, uint64_t seed);

/* Hash of any octets; all 64 bits are good. */
uint64_t weir_hash(const struct weir_hash_key *key, const void *octets, size_t length);

#endif
