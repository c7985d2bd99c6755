/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"

#include <stdbool.h>

#include "query/bins.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* A clock that is two hours ahead of UTC between two times, and one hour before and after. */
#define FORWARD_MS (INT64_C(1774746000) * 1000) /* 2026-03-29T01:00:00Z: 02:00 becomes 03:00 */
#define BACK_MS    (INT64_C(1792890000) * 1000) /* 2026-10-25T01:00:00Z: 03:00 becomes 02:00 */

static int64_t summer_offset(void *context, int64_t seconds)
{
    (void)context;
    return seconds * 1000 >= FORWARD_MS && seconds * 1000 < BACK_MS ? 7200 : 3600;
}

static const struct weir_zone summer = {.offset_s = summer_offset};

struct fixture {
    struct weir_arena arena;
    struct weir_bins bins;
};

static void open_bins(struct fixture *fixture, const struct weir_zone *zone, int64_t width_ms,
                      int64_t first_ms, int64_t past_ms)
{
    struct weir_diag diag = {0};
    weir_arena_init(&fixture->arena, 1 << 20);
    assert_int_equal(
        weir_bins_make(zone, width_ms, first_ms, past_ms, &fixture->arena, &fixture->bins, &diag),
        0);
}

/* From `at_ms` on bins of these widths follow one another, and each is that of all its times. */
static void check_widths(const struct weir_bins *bins, int64_t at_ms, const int64_t *widths,
                         size_t count)
{
    int64_t number = weir_bins_number(bins, at_ms);
    for (size_t i = 0; i < count; i++, number++) {
        int64_t end_ms = at_ms + widths[i];
        assert_int_equal(weir_bins_start(bins, number), at_ms);
        assert_int_equal(weir_bins_start(bins, number + 1), end_ms);
        for (int64_t ms = at_ms; ms < end_ms; ms += MINUTE_MS)
            assert_int_equal(weir_bins_number(bins, ms), number);
        assert_int_equal(weir_bins_number(bins, end_ms - 1), number);
        at_ms = end_ms;
    }
}

static void in_utc_all_are_of_one_width(void **state)
{
    (void)state;
    struct fixture fixture;
    open_bins(&fixture, NULL, DAY_MS, FORWARD_MS, BACK_MS);
    const int64_t widths[] = {DAY_MS, DAY_MS, DAY_MS};
    check_widths(&fixture.bins, FORWARD_MS - HOUR_MS, widths, 3);
    assert_int_equal(weir_bins_number(&fixture.bins, 0), 0);
    weir_arena_done(&fixture.arena);
}

static void days_begin_at_midnight_however_long_they_are(void **state)
{
    (void)state;
    struct fixture fixture;
    open_bins(&fixture, &summer, DAY_MS, FORWARD_MS - 5 * HOUR_MS, BACK_MS + DAY_MS);
    const int64_t spring[] = {DAY_MS, 23 * HOUR_MS, DAY_MS};
    const int64_t autumn[] = {DAY_MS, 25 * HOUR_MS, DAY_MS};
    check_widths(&fixture.bins, FORWARD_MS - 2 * HOUR_MS - DAY_MS, spring, 3);
    check_widths(&fixture.bins, BACK_MS - 3 * HOUR_MS - DAY_MS, autumn, 3);
    weir_arena_done(&fixture.arena);
}

/* 02:00 comes twice in autumn, and not at all in spring. */
static void hours_are_hours(void **state)
{
    (void)state;
    struct fixture fixture;
    open_bins(&fixture, &summer, HOUR_MS, FORWARD_MS - DAY_MS, BACK_MS + DAY_MS);
    const int64_t widths[] = {HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS};
    check_widths(&fixture.bins, FORWARD_MS - 2 * HOUR_MS, widths, 4);
    check_widths(&fixture.bins, BACK_MS - 2 * HOUR_MS, widths, 4);
    weir_arena_done(&fixture.arena);
}

/* Quarters of a day and bins of 40 minutes, which the change of the clock cuts. */
static void others_go_by_the_clock(void **state)
{
    (void)state;
    struct fixture fixture;
    open_bins(&fixture, &summer, 6 * HOUR_MS, FORWARD_MS, BACK_MS + DAY_MS);
    const int64_t spring[] = {5 * HOUR_MS, 6 * HOUR_MS};
    const int64_t autumn[] = {7 * HOUR_MS, 6 * HOUR_MS};
    check_widths(&fixture.bins, FORWARD_MS - 2 * HOUR_MS, spring, 2);
    check_widths(&fixture.bins, BACK_MS - 3 * HOUR_MS, autumn, 2);
    weir_arena_done(&fixture.arena);

    open_bins(&fixture, &summer, 40 * MINUTE_MS, FORWARD_MS, BACK_MS + DAY_MS);
    const int64_t forward[] = {40 * MINUTE_MS, 40 * MINUTE_MS, 40 * MINUTE_MS, 20 * MINUTE_MS,
                               40 * MINUTE_MS};
    const int64_t back[] = {40 * MINUTE_MS, 20 * MINUTE_MS, 40 * MINUTE_MS, 40 * MINUTE_MS};
    check_widths(&fixture.bins, FORWARD_MS - 2 * HOUR_MS, forward, 5);
    check_widths(&fixture.bins, BACK_MS - HOUR_MS, back, 4);
    weir_arena_done(&fixture.arena);
}

/* What began before all bins has a number before theirs. */
static void times_long_before_have_numbers(void **state)
{
    (void)state;
    struct fixture fixture;
    open_bins(&fixture, &summer, DAY_MS, FORWARD_MS, BACK_MS);
    int64_t first = weir_bins_number(&fixture.bins, FORWARD_MS);
    assert_int_equal(weir_bins_number(&fixture.bins, FORWARD_MS - 100 * DAY_MS), first - 100);
    assert_true(fixture.bins.runs[0].begin_ms <= 0);
    weir_arena_done(&fixture.arena);
}

/* Puts itself forward and back each day. */
static int64_t restless_offset(void *context, int64_t seconds)
{
    (void)context;
    return seconds / 86400 % 2 * 3600;
}

static void changes_of_the_clock_have_a_limit(void **state)
{
    (void)state;
    const struct weir_zone restless = {.offset_s = restless_offset};
    struct weir_arena arena;
    struct weir_bins bins;
    struct weir_diag diag = {0};
    weir_arena_init(&arena, 1 << 20);
    assert_int_equal(weir_bins_make(&restless, DAY_MS, FORWARD_MS, FORWARD_MS + 2000 * DAY_MS,
                                    &arena, &bins, &diag),
                     0);
    assert_int_equal(weir_bins_make(&restless, DAY_MS, FORWARD_MS, FORWARD_MS + 3000 * DAY_MS,
                                    &arena, &bins, &diag),
                     WEIR_E_LIMIT);
    weir_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_utc_all_are_of_one_width),
        cmocka_unit_test(days_begin_at_midnight_however_long_they_are),
        cmocka_unit_test(hours_are_hours),
        cmocka_unit_test(others_go_by_the_clock),
        cmocka_unit_test(times_long_before_have_numbers),
        cmocka_unit_test(changes_of_the_clock_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
