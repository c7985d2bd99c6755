/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fraction.h"

/* Steps of a continued fraction of two 64-bit numbers, or of what is left of a double, at most. */
#define STEPS 96

void weir_fraction_reduce(uint64_t *a, uint64_t *b)
{
    uint64_t common = *a, rest = *b;
    while (rest > 0) {
        uint64_t next = common % rest;
        common = rest;
        rest = next;
    }
    *a /= common;
    *b /= common;
}

/* The last two convergents of a continued fraction; their numbers fit 32 bits. */
struct convergents {
    uint64_t numerator, denominator;
    uint64_t before_numerator, before_denominator;
};

/* Goes on by a term. False: the next does not fit, and the nearest that does has been taken. */
static bool take_term(struct convergents *c, uint64_t term)
{
    uint64_t fitting = UINT32_MAX;
    if (c->numerator > 0)
        fitting = (UINT32_MAX - c->before_numerator) / c->numerator;
    if (c->denominator > 0 && (UINT32_MAX - c->before_denominator) / c->denominator < fitting)
        fitting = (UINT32_MAX - c->before_denominator) / c->denominator;
    bool fits = term <= fitting;
    /* A semiconvergent is nearer than the convergent before it from half of the term on. */
    if (!fits && fitting < term / 2 + term % 2)
        return false;
    uint64_t taken = fits ? term : fitting;
    struct convergents next = {
        .numerator = taken * c->numerator + c->before_numerator,
        .denominator = taken * c->denominator + c->before_denominator,
        .before_numerator = c->numerator,
        .before_denominator = c->denominator,
    };
    *c = next;
    return fits;
}

static struct weir_fraction fraction_of(const struct convergents *c)
{
    struct weir_fraction none = {0};
    return c->numerator > 0 && c->denominator > 0
               ? (struct weir_fraction){(uint32_t)c->numerator, (uint32_t)c->denominator}
               : none;
}

struct weir_fraction weir_fraction_of(uint64_t numerator, uint64_t denominator)
{
    struct convergents c = {.numerator = 1, .before_denominator = 1};
    if (numerator == 0 || denominator == 0)
        return (struct weir_fraction){0};
    while (denominator > 0 && take_term(&c, numerator / denominator)) {
        uint64_t rest = numerator % denominator;
        numerator = denominator;
        denominator = rest;
    }
    return fraction_of(&c);
}

static bool is_near(const struct convergents *c, double real, double tolerance)
{
    double difference = (double)c->numerator - real * (double)c->denominator;
    double most = tolerance * real * (double)c->denominator;
    return difference <= most && difference >= -most;
}

struct weir_fraction weir_fraction_of_real(double real, double tolerance)
{
    struct convergents c = {.numerator = 1, .before_denominator = 1};
    if (!(real > 0 && real < 0x1p32))
        return (struct weir_fraction){0};
    double left = real;
    for (unsigned step = 0; step < STEPS && left < 0x1p63; step++) {
        uint64_t term = (uint64_t)left;
        if (!take_term(&c, term) || is_near(&c, real, tolerance) || left - (double)term <= 0)
            break;
        left = 1 / (left - (double)term);
    }
    return fraction_of(&c);
}
