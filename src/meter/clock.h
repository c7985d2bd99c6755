/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time it is for a flow cache: the latest time of a packet, in ticks at which flows that ended
 * are looked for. Whoever sees all packets can tell by it what it would be for one cache, so that
 * several caches which have some of them each have the same time (meter/spread.h).
 *
 *     switch (weir_meter_clock_take(&clock, weir_cache_time(packet->time_ns))) ...
 *
 * Open value; no ownership, any thread.
 */
#ifndef WEIR_METER_CLOCK_H
#define WEIR_METER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Packets in a row, all older by more than the idle timeout, that mean a clock set back. */
#define WEIR_CACHE_STEP_PACKETS 1024u

/* Cache time: packet time as an unsigned number of the same order, so differences never overflow.
 */
static inline uint64_t weir_cache_time(int64_t time_ns)
{
    return (uint64_t)time_ns ^ UINT64_C(1) << 63;
}

static inline int64_t weir_cache_time_ns(uint64_t time)
{
    return (int64_t)(time ^ UINT64_C(1) << 63);
}

struct weir_meter_clock {
    uint64_t now;
    uint64_t next_tick; /* when the tick changes; 0: before the first packet */
    uint64_t tick;      /* now / tick_ns */
    uint64_t tick_ns;
    uint64_t idle; /* the idle timeout */
    uint32_t late_in_row;
    bool started;
};

enum weir_meter_clock_change {
    WEIR_METER_CLOCK_GOES_ON,
    WEIR_METER_CLOCK_STARTS, /* with its first packet */
    WEIR_METER_CLOCK_TICKS,
    WEIR_METER_CLOCK_IS_LATE,  /* the packet is */
    WEIR_METER_CLOCK_WAS_BACK, /* it was set back: all that went on has to end */
};

static inline void weir_meter_clock_set_tick(struct weir_meter_clock *clock)
{
    clock->tick = clock->now / clock->tick_ns;
    clock->next_tick = (clock->tick + 1) * clock->tick_ns;
}

static inline void weir_meter_clock_start(struct weir_meter_clock *clock, uint64_t time)
{
    clock->started = true;
    clock->now = time;
    clock->late_in_row = 0;
    weir_meter_clock_set_tick(clock);
}

/* As before the first packet. */
static inline void weir_meter_clock_stop(struct weir_meter_clock *clock)
{
    clock->started = false;
    clock->next_tick = 0;
}

/* Takes the time of a packet, in cache time. */
static inline enum weir_meter_clock_change weir_meter_clock_take(struct weir_meter_clock *clock,
                                                                 uint64_t time)
{
    if (!clock->started) {
        weir_meter_clock_start(clock, time);
        return WEIR_METER_CLOCK_STARTS;
    }
    if (time >= clock->now) {
        clock->now = time;
        clock->late_in_row = 0;
        if (time < clock->next_tick)
            return WEIR_METER_CLOCK_GOES_ON;
        weir_meter_clock_set_tick(clock);
        return WEIR_METER_CLOCK_TICKS;
    }
    if (clock->now - time <= clock->idle)
        clock->late_in_row = 0;
    else if (++clock->late_in_row == WEIR_CACHE_STEP_PACKETS)
        return WEIR_METER_CLOCK_WAS_BACK;
    return WEIR_METER_CLOCK_IS_LATE;
}

#endif
