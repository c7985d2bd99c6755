/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of the flow cache as its metadata: for each of its 32 ways one octet of the flow's hash
 * (the tag, 0: empty) and one of the time when it was last seen (the tick). It fills one cache
 * line, and all ways are compared at once: the compiler makes SSE2 or NEON of the vectors, or
 * plain C where there is neither.
 */
#ifndef WEIR_METER_GROUP_H
#define WEIR_METER_GROUP_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define WEIR_GROUP_WAYS 32u
#define WEIR_GROUP_FULL UINT32_MAX

struct weir_group {
    _Alignas(64) uint8_t tags[WEIR_GROUP_WAYS];
    uint8_t ticks[WEIR_GROUP_WAYS];
};
_Static_assert(sizeof(struct weir_group) == 64, "one cache line");

typedef uint8_t weir_group_octets __attribute__((vector_size(16)));

static inline weir_group_octets weir_group_load(const uint8_t *octets)
{
    weir_group_octets vector;
    memcpy(&vector, octets, sizeof(vector));
    return vector;
}

static inline weir_group_octets weir_group_fill(uint8_t value)
{
    return (weir_group_octets){0} + value;
}

/* Bit i is the highest of octet i; all octets are 0 or 255. */
static inline uint32_t weir_group_bits(weir_group_octets truth)
{
#if defined(__SSE2__)
    return (uint32_t)_mm_movemask_epi8((__m128i)truth);
#elif defined(__aarch64__) && defined(__ARM_NEON)
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bits = vandq_u8((uint8x16_t)truth, vld1q_u8(weights));
    return (uint32_t)vaddv_u8(vget_low_u8(bits)) | (uint32_t)vaddv_u8(vget_high_u8(bits)) << 8;
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < 16; i++)
        bits |= (uint32_t)(truth[i] & 1) << i;
    return bits;
#endif
}

/* The ways whose octet has this value. */
static inline uint32_t weir_group_match(const uint8_t octets[WEIR_GROUP_WAYS], uint8_t value)
{
    weir_group_octets wanted = weir_group_fill(value);
    uint32_t low = weir_group_bits((weir_group_octets)(weir_group_load(octets) == wanted));
    uint32_t high = weir_group_bits((weir_group_octets)(weir_group_load(octets + 16) == wanted));
    return low | high << 16;
}

static inline uint32_t weir_group_occupied(const struct weir_group *group)
{
    return ~weir_group_match(group->tags, 0);
}

/* The ways that are not empty and were seen `ticks` or more before tick `now`, modulo 256. */
static inline uint32_t weir_group_older(const struct weir_group *group, uint8_t now, uint8_t ticks)
{
    weir_group_octets base = weir_group_fill(now);
    weir_group_octets least = weir_group_fill(ticks);
    weir_group_octets empty = weir_group_fill(0);
    weir_group_octets low = (weir_group_octets)(base - weir_group_load(group->ticks) >= least);
    weir_group_octets high =
        (weir_group_octets)(base - weir_group_load(group->ticks + 16) >= least);
    low &= ~(weir_group_octets)(weir_group_load(group->tags) == empty);
    high &= ~(weir_group_octets)(weir_group_load(group->tags + 16) == empty);
    return weir_group_bits(low) | weir_group_bits(high) << 16;
}

static inline weir_group_octets weir_group_greater(weir_group_octets a, weir_group_octets b)
{
#if defined(__SSE2__)
    return (weir_group_octets)_mm_max_epu8((__m128i)a, (__m128i)b);
#else
    weir_group_octets a_is = (weir_group_octets)(a >= b);
    return (a & a_is) | (b & ~a_is);
#endif
}

/* The greatest of the octets. Folded by shifts: SSE2 cannot shuffle single octets. */
static inline uint8_t weir_group_greatest(weir_group_octets octets)
{
    typedef uint64_t words __attribute__((vector_size(16)));
    octets = weir_group_greater(
        octets, (weir_group_octets)__builtin_shufflevector((words)octets, (words)octets, 1, 0));
    for (unsigned bits = 32; bits >= 8; bits /= 2)
        octets = weir_group_greater(octets, (weir_group_octets)((words)octets >> bits));
    return octets[0];
}

/* The ways, at least one of which is not empty, that were not seen for the longest time. */
static inline uint32_t weir_group_oldest(const struct weir_group *group, uint8_t now)
{
    weir_group_octets base = weir_group_fill(now);
    weir_group_octets empty = weir_group_fill(0);
    weir_group_octets low_empty = (weir_group_octets)(weir_group_load(group->tags) == empty);
    weir_group_octets high_empty = (weir_group_octets)(weir_group_load(group->tags + 16) == empty);
    weir_group_octets low = (base - weir_group_load(group->ticks)) & ~low_empty;
    weir_group_octets high = (base - weir_group_load(group->ticks + 16)) & ~high_empty;
    weir_group_octets most = weir_group_fill(weir_group_greatest(weir_group_greater(low, high)));
    return weir_group_bits((weir_group_octets)(low == most) & ~low_empty) |
           weir_group_bits((weir_group_octets)(high == most) & ~high_empty) << 16;
}

#endif
