/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bins of a series: time cut where the clock of a time zone shows a multiple of the bins'
 * width, so that days begin at midnight there, and the day on which the clock is put forward has 23
 * hours. Hours stay hours: one that comes twice, since the clock was put back, is two bins.
 *
 *     weir_bins_make(zone, 86400000, first_ms, past_ms, &arena, &bins, &diag);
 *     int64_t number = weir_bins_number(&bins, ms);
 *     int64_t begin_ms = weir_bins_start(&bins, number);
 *
 * Bins are numbered; where one is as wide as the next they are a run, so there is one run in UTC
 * and a few more for each time that the clock was changed. Pure but for the zone's functions.
 * Ownership: the runs are the arena's. Limits: 2,048 changes of the clock.
 */
#ifndef WEIR_QUERY_BINS_H
#define WEIR_QUERY_BINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/calendar.h"
#include "base/error.h"

/* Bins of the same width, up to where the next run begins. */
struct weir_bin_run {
    int64_t begin_ms;
    int64_t width_ms;
    int64_t first; /* the number of its first bin */
};

struct weir_bins {
    struct weir_bin_run *runs; /* at least one */
    size_t count;
};

/*
 * Bins of at least [first_ms, past_ms), both of 1970 or later. zone NULL: UTC. 0; WEIR_E_LIMIT,
 * WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_bins_make(const struct weir_zone *zone, int64_t width_ms, int64_t first_ms,
                                int64_t past_ms, struct weir_arena *arena,
                                struct weir_bins *ret_bins, struct weir_diag *diag);

/* Of the bin that a time is in, which the bins were made for. */
int64_t weir_bins_number(const struct weir_bins *bins, int64_t ms);

/* When a bin begins, which is when the one before it ends. */
int64_t weir_bins_start(const struct weir_bins *bins, int64_t number);

#endif
