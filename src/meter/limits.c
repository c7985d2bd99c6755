/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/limits.h"

#include "meter/cache.h"

#define COARSE_BITS 14u

/*
 * The sweep's pace where all timeouts are longer: what ends by something else, a connection or a
 * portion's turn, is still found within a few minutes.
 */
#define SHORTEST_MAX ((uint64_t)1800 * WEIR_NS_PER_SECOND)

/* A timeout of 0 is none (RFC 6728 section 4.3.2). */
static uint64_t limit_of(int64_t ns)
{
    return ns == 0 ? WEIR_LIMIT_NONE : (uint64_t)ns;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* `period`: between two reports of one flow. */
static struct weir_flow_limits row_of(const struct weir_cache_config *config, int64_t idle_ns,
                                      int64_t active_ns, uint64_t period)
{
    if (config->kind == WEIR_CACHE_PERMANENT)
        return (struct weir_flow_limits){WEIR_LIMIT_NONE, WEIR_LIMIT_NONE, WEIR_LIMIT_NONE,
                                         WEIR_LIMIT_NONE};
    struct weir_flow_limits row = {.idle = limit_of(idle_ns), .active = limit_of(active_ns)};
    row.linger = lesser((uint64_t)config->linger_ns, row.idle);
    row.rest = row.idle == WEIR_LIMIT_NONE ? lesser(row.active, period) : row.idle;
    return row;
}

/* The finite one of two, or the greater of two. */
static uint64_t greatest_finite(uint64_t a, uint64_t b)
{
    return b != WEIR_LIMIT_NONE && b > a ? b : a;
}

void weir_limits_init(struct weir_limits *limits, const struct weir_cache_config *config)
{
    *limits = (struct weir_limits){
        .interval = (uint64_t)config->interval_ns,
        .portions = config->portions > 1 ? config->portions : 1,
        .has_rows = config->timeout_count > 0 && config->kind == WEIR_CACHE_NORMAL,
    };
    uint64_t period = limits->interval ? limits->interval * limits->portions : WEIR_LIMIT_NONE;
    uint64_t longest = limits->interval ? period : 0;
    unsigned count = limits->has_rows ? 1 + config->timeout_count : 1;
    limits->rows[0] = row_of(config, config->idle_ns, config->active_ns, period);
    for (unsigned i = 1; i < count; i++) {
        const struct weir_protocol_timeouts *own = &config->timeouts[i - 1];
        limits->rows[i] = row_of(config, own->idle_ns, own->active_ns, period);
        limits->row_of[own->protocol] = (uint8_t)i;
    }
    limits->shortest = lesser(SHORTEST_MAX, limits->interval ? limits->interval : WEIR_LIMIT_NONE);
    for (unsigned i = 0; i < count; i++) {
        const struct weir_flow_limits *row = &limits->rows[i];
        limits->shortest = lesser(limits->shortest, lesser(row->idle, row->active));
        limits->longest_idle = row->idle > limits->longest_idle ? row->idle : limits->longest_idle;
        longest = greatest_finite(longest, row->active);
    }
    if (longest == 0)
        longest = (uint64_t)WEIR_CACHE_TIMEOUT_MAX;
    while (longest >> limits->deadline_shift >> COARSE_BITS)
        limits->deadline_shift++;
}

uint64_t weir_limits_report(const struct weir_limits *limits, uint64_t now, uint16_t hash)
{
    /* The epoch in cache time, and the portion's turn after it. */
    uint64_t origin = weir_cache_time(0) + weir_limits_portion(limits, hash) * limits->interval;
    uint64_t period = limits->interval * limits->portions;
    if (now < origin)
        return origin - (origin - now - 1) / period * period - 1;
    uint64_t begun = now - (now - origin) % period;
    return begun > WEIR_LIMIT_NONE - period ? WEIR_LIMIT_NONE : begun + period - 1;
}
