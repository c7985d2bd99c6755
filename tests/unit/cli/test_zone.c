/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/zone.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/calendar.h"

/* Seconds since 1970 of a local time of the zone, or -1 where there is no such zone. */
static int64_t seconds_in(const char *name, const char *local)
{
    struct weir_zone zone;
    struct weir_time_parts parts;
    int64_t offset_s;
    if (weir_zone_open(name, &offset_s, &zone, NULL) < 0)
        return -1;
    assert_int_equal(weir_time_parse(local, &parts), 0);
    return zone.to_seconds(zone.context, &parts.civil);
}

static void utc_and_offsets(void **state)
{
    (void)state;
    assert_int_equal(seconds_in("UTC", "2026-07-22 10:00"), 1784714400);
    assert_int_equal(seconds_in("utc", "2026-07-22 10:00"), 1784714400);
    assert_int_equal(seconds_in("Z", "2026-07-22 10:00"), 1784714400);
    assert_int_equal(seconds_in("+02:00", "2026-07-22 12:00"), 1784714400);
    assert_int_equal(seconds_in("-05:30", "2026-07-22 04:30"), 1784714400);
}

static void what_is_no_zone(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",       "+2",           "+02:60",      "+24:00",    "02:00",          "+02:00x",
        "++2:00", "Nowhere/Town", "/etc/passwd", "../passwd", "Europe/../../x", "+0 :00"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct weir_diag diag = {0};
        struct weir_zone zone;
        int64_t offset_s;
        if (weir_zone_open(names[i], &offset_s, &zone, &diag) != WEIR_E_USAGE)
            fail_msg("'%s' was taken", names[i]);
        assert_int_equal(diag.error, WEIR_E_USAGE);
    }
}

/* A named zone sets that of the process, so it gets one of its own. */
static void summer_and_winter(void **state)
{
    (void)state;
    if (access("/usr/share/zoneinfo/Europe/Zurich", R_OK) != 0) {
        print_message("# skipped: this machine has no time zones (tzdata)\n");
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool right = seconds_in("Europe/Zurich", "2026-07-22 12:00") == 1784714400 &&
                     seconds_in("Europe/Zurich", "2026-01-01 01:00") == 1767225600 &&
                     seconds_in("Europe/Zurich", "2026-03-29 01:59:59") == 1774745999 &&
                     seconds_in("Europe/Zurich", "2026-03-29 03:00") == 1774746000;
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utc_and_offsets),
        cmocka_unit_test(what_is_no_zone),
        cmocka_unit_test(summer_and_winter),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
