/* SPDX-License-Identifier: Apache-2.0 */
#include "query/bins.h"

#define CHANGES_MAX     2048u
#define RUNS_PER_CHANGE 4u /* the bins before it, two that it cuts, and what follows the last */
#define MS_PER_DAY      INT64_C(86400000)

/* In 2400: no clock's changes are known later. */
#define LAST_KNOWN_CHANGE INT64_C(13569465600000)

/* The clock of the zone shows `offset_ms` more than UTC, from `at_ms` on. */
struct change {
    int64_t at_ms;
    int64_t offset_ms;
};

struct maker {
    const struct weir_zone *zone;
    int64_t width_ms;
    struct change *changes; /* the first is where the search began */
    size_t change_count;
    size_t at; /* the change that is in force */
    struct weir_bins *bins;
    int64_t next; /* number of the next bin */
};

static int64_t offset_at(const struct weir_zone *zone, int64_t ms)
{
    return zone->offset_s(zone->context, weir_floor_divide(ms, 1000)) * 1000;
}

/* The offset differs between `before` and `after`, and is changed once in between: when? */
static int64_t find_change(const struct weir_zone *zone, int64_t before, int64_t after)
{
    int64_t old = offset_at(zone, before);
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (offset_at(zone, middle) == old)
            before = middle;
        else
            after = middle;
    }
    return after;
}

static int find_changes(struct maker *maker, int64_t from_ms, int64_t past_ms,
                        struct weir_diag *diag)
{
    int64_t end = past_ms < LAST_KNOWN_CHANGE ? past_ms : LAST_KNOWN_CHANGE;
    int64_t offset = offset_at(maker->zone, from_ms);
    maker->changes[maker->change_count++] = (struct change){from_ms, offset};
    for (int64_t day = from_ms; day < end; day += MS_PER_DAY) {
        int64_t next = offset_at(maker->zone, day + MS_PER_DAY);
        if (next == offset)
            continue;
        if (maker->change_count == CHANGES_MAX)
            return weir_diag_set(diag, WEIR_E_LIMIT,
                                 "--bin: the clock of the time zone is changed more than %u times "
                                 "in so long a time: take less with --from and --to",
                                 CHANGES_MAX);
        maker->changes[maker->change_count++] =
            (struct change){find_change(maker->zone, day, day + MS_PER_DAY), next};
        offset = next;
    }
    return 0;
}

/* When the clock is changed next, or never. */
static int64_t next_change(const struct maker *maker)
{
    return maker->at + 1 < maker->change_count ? maker->changes[maker->at + 1].at_ms : INT64_MAX;
}

/* Which multiple of the width the clock shows. */
static int64_t multiple(const struct maker *maker, int64_t ms)
{
    return weir_floor_divide(ms + maker->changes[maker->at].offset_ms, maker->width_ms);
}

/* When it shows that, as long as it is not changed. */
static int64_t when(const struct maker *maker, int64_t number)
{
    return number * maker->width_ms - maker->changes[maker->at].offset_ms;
}

static void add_run(struct maker *maker, int64_t begin_ms, int64_t width_ms, int64_t count)
{
    maker->bins->runs[maker->bins->count++] =
        (struct weir_bin_run){begin_ms, width_ms, maker->next};
    maker->next += count;
}

/* The end of the bin that begins at `begin_ms` and in which the clock is changed. */
static int64_t end_of_changed(struct maker *maker, int64_t begin_ms)
{
    int64_t number = multiple(maker, begin_ms);
    int64_t end;
    do {
        int64_t change = next_change(maker);
        maker->at++;
        if (multiple(maker, change) != number)
            return change;
        end = when(maker, number + 1);
    } while (end > next_change(maker));
    return end;
}

/* Cuts from `begin_ms` to the next change, or to the end; returns where the next run begins. */
static int64_t cut(struct maker *maker, int64_t begin_ms, int64_t past_ms)
{
    while (next_change(maker) <= begin_ms)
        maker->at++;
    int64_t change = next_change(maker), end = when(maker, multiple(maker, begin_ms) + 1);
    if (end > change)
        end = end_of_changed(maker, begin_ms);
    else if (end - begin_ms == maker->width_ms) {
        int64_t limit = change < past_ms ? change : past_ms;
        int64_t count = limit > end ? (limit - begin_ms) / maker->width_ms : 1;
        add_run(maker, begin_ms, maker->width_ms, count);
        return begin_ms + count * maker->width_ms;
    }
    add_run(maker, begin_ms, end - begin_ms, 1);
    return end;
}

/* So that a flow that began long before has a number, too, which is less. */
static void reach_back(struct weir_bin_run *run)
{
    int64_t count = run->begin_ms > 0 ? run->begin_ms / run->width_ms + 1 : 0;
    run->begin_ms -= count * run->width_ms;
    run->first -= count;
}

int weir_bins_make(const struct weir_zone *zone, int64_t width_ms, int64_t first_ms,
                   int64_t past_ms, struct weir_arena *arena, struct weir_bins *ret_bins,
                   struct weir_diag *diag)
{
    struct maker maker = {.zone = zone, .width_ms = width_ms, .bins = ret_bins};
    *ret_bins = (struct weir_bins){0};
    maker.changes = weir_arena_alloc(arena, CHANGES_MAX * sizeof(*maker.changes));
    ret_bins->runs =
        weir_arena_alloc(arena, CHANGES_MAX * RUNS_PER_CHANGE * sizeof(*ret_bins->runs));
    if (!maker.changes || !ret_bins->runs)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the query");
    if (!zone) {
        add_run(&maker, 0, width_ms, 1);
        return 0;
    }
    /* A change before `first_ms` may cut the bin that this is in. */
    int64_t from_ms = first_ms - width_ms - 2 * MS_PER_DAY;
    int result = find_changes(&maker, from_ms, past_ms, diag);
    if (result < 0)
        return result;
    for (int64_t at = when(&maker, multiple(&maker, from_ms)); at < past_ms;)
        at = cut(&maker, at, past_ms);
    reach_back(&ret_bins->runs[0]);
    return 0;
}

/* The last run that does not begin after a time, or with a bin after this number. */
static const struct weir_bin_run *run_of(const struct weir_bins *bins, int64_t value, bool is_time)
{
    size_t i = bins->count - 1;
    while (i > 0 && (is_time ? bins->runs[i].begin_ms : bins->runs[i].first) > value)
        i--;
    return &bins->runs[i];
}

int64_t weir_bins_number(const struct weir_bins *bins, int64_t ms)
{
    const struct weir_bin_run *run = run_of(bins, ms, true);
    return run->first + weir_floor_divide(ms - run->begin_ms, run->width_ms);
}

int64_t weir_bins_start(const struct weir_bins *bins, int64_t number)
{
    const struct weir_bin_run *run = run_of(bins, number, false);
    return run->begin_ms + (number - run->first) * run->width_ms;
}
