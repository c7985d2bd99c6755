/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, passed in. Library code never asks the operating system for the time; it is given a
 * struct weir_clock, so tests advance time by assignment and reading a file twice gives the same
 * records. All times are int64_t nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

#define WEIR_NS_PER_SECOND INT64_C(1000000000)
#define WEIR_NS_PER_MS     INT64_C(1000000)
#define WEIR_NS_PER_US     INT64_C(1000)

/* Quotient towards minus infinity: of times before 1970, too, what is past is positive. */
static inline int64_t weir_floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static inline int64_t weir_ns_to_ms(int64_t ns)
{
    return weir_floor_divide(ns, WEIR_NS_PER_MS);
}

struct weir_clock {
    int64_t (*now_ns)(void *context); /* wall clock */
    void *context;
};

static inline int64_t weir_clock_now(const struct weir_clock *clock)
{
    return clock->now_ns(clock->context);
}

/* The system's real-time clock. */
struct weir_clock weir_clock_system(void);

/* One that runs evenly and is set by nobody, from some time on: for waiting. */
struct weir_clock weir_clock_monotonic(void);

/* A clock that shows *time_ns, for tests and for time taken from a file. */
struct weir_clock weir_clock_manual(int64_t *time_ns);

#endif
