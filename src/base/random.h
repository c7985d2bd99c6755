/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seeded, repeatable stream of numbers (SplitMix64) for synthetic traffic and tests. Integers
 * only, so every machine draws the same. Not for secrets: base/hash.h has those.
 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stdint.h>

struct weir_random {
    uint64_t state; /* the seed, at first */
};

static inline uint64_t weir_random_next(struct weir_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform in 0 .. bound - 1; bound at least 1. */
static inline uint32_t weir_random_below(struct weir_random *random, uint32_t bound)
{
    return (uint32_t)((weir_random_next(random) >> 32) * bound >> 32);
}

/*
 * A rank in 0 .. 2^bits - 1, rank r with a weight of about 1 / (r + 1): Zipf's law, drawn as a
 * uniform octave and a uniform place in it. bits: 1 to 32.
 */
static inline uint32_t weir_random_zipf(struct weir_random *random, unsigned bits)
{
    uint32_t octave = weir_random_below(random, bits);
    uint64_t first = UINT64_C(1) << octave;
    return (uint32_t)(first + weir_random_below(random, (uint32_t)first) - 1);
}

#endif
