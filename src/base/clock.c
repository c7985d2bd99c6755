/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t time_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * WEIR_NS_PER_SECOND + now.tv_nsec;
}

static int64_t system_now(void *context)
{
    (void)context;
    return time_of(CLOCK_REALTIME);
}

static int64_t monotonic_now(void *context)
{
    (void)context;
    return time_of(CLOCK_MONOTONIC);
}

static int64_t manual_now(void *context)
{
    return *(const int64_t *)context;
}

struct weir_clock weir_clock_system(void)
{
    return (struct weir_clock){.now_ns = system_now};
}

struct weir_clock weir_clock_monotonic(void)
{
    return (struct weir_clock){.now_ns = monotonic_now};
}

struct weir_clock weir_clock_manual(int64_t *time_ns)
{
    return (struct weir_clock){.now_ns = manual_now, .context = time_ns};
}
