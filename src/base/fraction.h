/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fractions of two 32-bit numbers: what a sampling rate is made of (RFC 5477 section 8.2.6 has it
 * as samplingSize of samplingPopulation).
 *
 *     struct weir_fraction rate = weir_fraction_of(20, 30);              // 2/3
 *     rate = weir_fraction_of_real(0.3, WEIR_FRACTION_OF_FLOAT32);       // 3/10
 *
 * What does not fit becomes the nearest that does. Pure functions; any thread.
 */
#ifndef WEIR_BASE_FRACTION_H
#define WEIR_BASE_FRACTION_H

#include <stdbool.h>
#include <stdint.h>

/* In lowest terms. */
struct weir_fraction {
    uint32_t numerator;
    uint32_t denominator; /* 0: no number at all */
};

/* Half of the last bit of a float, relative to it: what a decimal number may be off by in it. */
#define WEIR_FRACTION_OF_FLOAT32 0x1p-24
#define WEIR_FRACTION_OF_FLOAT64 0x1p-52

/*
 * The nearest fraction; one that is too small, or whose numerator or denominator is 0, is no
 * number.
 */
struct weir_fraction weir_fraction_of(uint64_t numerator, uint64_t denominator);

/*
 * The simplest fraction within `tolerance` of a positive number, relative to it, else the nearest;
 * what is not positive and finite, too large or too small is no number.
 */
struct weir_fraction weir_fraction_of_real(double real, double tolerance);

static inline bool weir_fraction_equal(struct weir_fraction a, struct weir_fraction b)
{
    return a.numerator == b.numerator && a.denominator == b.denominator;
}

/* Takes out what is common to both, neither of which is 0. */
void weir_fraction_reduce(uint64_t *a, uint64_t *b);

#endif
