/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When flows are due: the timeouts of a flow cache, which may differ by protocol, and the moments
 * at which it reports flows that go on (meter/cache.h says what they mean). All in cache time
 * (meter/clock.h). Constant once made; any thread.
 */
#ifndef WEIR_METER_LIMITS_H
#define WEIR_METER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct weir_cache_config;

#define WEIR_PROTOCOL_TIMEOUTS_MAX 32u
#define WEIR_CACHE_PORTIONS_MAX    1024u
#define WEIR_LIMIT_NONE            UINT64_MAX

/* A protocol's timeouts in place of those of all: 0 is none. */
struct weir_protocol_timeouts {
    int64_t idle_ns;
    int64_t active_ns;
    uint8_t protocol;
};

/* What flows of one protocol may have. */
struct weir_flow_limits {
    uint64_t idle;   /* silence of a flow that has packets to report */
    uint64_t linger; /* and of one whose connection has ended */
    uint64_t rest;   /* and of one that has none since its last record */
    uint64_t active; /* time from a record's first packet */
};

struct weir_limits {
    struct weir_flow_limits rows[1 + WEIR_PROTOCOL_TIMEOUTS_MAX];
    uint8_t row_of[256]; /* by protocol */
    bool has_rows;       /* more than one */
    uint64_t interval;   /* from the report of one portion of the flows to the next; 0: none */
    uint32_t portions;
    uint64_t shortest; /* of all that is finite, and half an hour at most */
    uint64_t longest_idle;
    unsigned deadline_shift; /* no finite deadline is 2^14 units of 2^this away */
};

void weir_limits_init(struct weir_limits *limits, const struct weir_cache_config *config);

static inline const struct weir_flow_limits *weir_limits_of(const struct weir_limits *limits,
                                                            uint8_t protocol)
{
    return &limits->rows[limits->has_rows ? limits->row_of[protocol] : 0];
}

/* The portion of flows with these bits of their hashes. */
static inline uint32_t weir_limits_portion(const struct weir_limits *limits, uint16_t hash)
{
    return (uint32_t)hash * limits->portions >> 16;
}

/* The last moment of the report that a packet at `now` is in. */
uint64_t weir_limits_report(const struct weir_limits *limits, uint64_t now, uint16_t hash);

/* The last moment at which a record that begins at `now` may go on; WEIR_LIMIT_NONE: any. */
static inline uint64_t weir_limits_deadline(const struct weir_limits *limits, uint64_t now,
                                            uint8_t protocol, uint16_t hash)
{
    uint64_t active = weir_limits_of(limits, protocol)->active;
    uint64_t deadline = active > WEIR_LIMIT_NONE - now ? WEIR_LIMIT_NONE : now + active;
    if (!limits->interval)
        return deadline;
    uint64_t report = weir_limits_report(limits, now, hash);
    return report < deadline ? report : deadline;
}

/* The same in units of coarse time, of which a flow keeps the low 16 bits: one that is past. */
static inline uint64_t weir_limits_coarse(const struct weir_limits *limits, uint64_t now,
                                          uint64_t deadline)
{
    uint64_t units = now >> limits->deadline_shift;
    if (deadline == WEIR_LIMIT_NONE)
        return units + (1u << 14);
    return deadline >> limits->deadline_shift;
}

#endif
