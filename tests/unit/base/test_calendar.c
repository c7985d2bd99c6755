/* SPDX-License-Identifier: Apache-2.0 */
#include "base/calendar.h"

#include "support/cmocka.h"

#include <string.h>
#include <time.h>

static void agrees_with_the_c_library(void **state)
{
    (void)state;
    /* A prime step of some 11 days over the years -4400 to 8300. */
    for (int64_t seconds = -INT64_C(200000000000); seconds < INT64_C(200000000000);
         seconds += 950021) {
        time_t time = (time_t)seconds;
        struct tm tm;
        struct weir_civil civil;
        assert_non_null(gmtime_r(&time, &tm));
        weir_civil_from_seconds(seconds, &civil);
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(civil.hour, tm.tm_hour);
        assert_int_equal(civil.minute, tm.tm_min);
        assert_int_equal(civil.second, tm.tm_sec);
        assert_int_equal(weir_civil_to_seconds(&civil), seconds);
    }
}

static void format(int64_t seconds, uint32_t nanoseconds, unsigned digits, const char *expected)
{
    char text[WEIR_TIME_TEXT_MAX];
    assert_int_equal(weir_time_format(seconds, nanoseconds, digits, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void formats(void **state)
{
    (void)state;
    format(0, 0, 0, "1970-01-01T00:00:00Z");
    format(951782400, 123456789, 3, "2000-02-29T00:00:00.123Z");
    format(951782400, 123456789, 6, "2000-02-29T00:00:00.123456Z");
    format(951782400, 1, 9, "2000-02-29T00:00:00.000000001Z");
    format(-1, 999999999, 9, "1969-12-31T23:59:59.999999999Z");
    format(253402300799, 0, 0, "9999-12-31T23:59:59Z");
    format(253402300800, 0, 0, "+10000-01-01T00:00:00Z");
    format(-62167219201, 0, 0, "-0001-12-31T23:59:59Z");
    format(INT64_MAX, 0, 9, "+292277026596-12-04T15:30:07.000000000Z");
    format(INT64_MIN, 0, 9, "-292277022657-01-27T08:29:52.000000000Z");
}

static void parse(const char *text, int64_t seconds, uint32_t nanoseconds)
{
    struct weir_time_parts parts;
    assert_int_equal(weir_time_parse(text, &parts), 0);
    assert_int_equal(weir_civil_to_seconds(&parts.civil) - parts.offset_s, seconds);
    assert_int_equal(parts.nanoseconds, nanoseconds);
}

static void parses(void **state)
{
    (void)state;
    parse("1970-01-01", 0, 0);
    parse("2000-02-29 00:00", 951782400, 0);
    parse("2000-02-29T00:00:07", 951782407, 0);
    parse("2000-02-29t01:00:00.5+01:00", 951782400, 500000000);
    parse("2000-02-28T18:30:00-05:30", 951782400, 0);
    parse("2000-02-29T00:00:00.1234567899z", 951782400, 123456789);
    parse("2016-12-31T23:59:60Z", 1483228800, 0); /* a leap second is the next minute's first */
    parse("+10000-01-01T00:00:00Z", 253402300800, 0);
    parse("-0001-12-31T23:59:59Z", -62167219201, 0);

    struct weir_time_parts parts;
    assert_int_equal(weir_time_parse("2000-02-29", &parts), 0);
    assert_false(parts.has_time || parts.has_offset);
    assert_int_equal(weir_time_parse("2000-02-29 10:00", &parts), 0);
    assert_true(parts.has_time && !parts.has_offset);
    assert_int_equal(weir_time_parse("2000-02-29T10:00Z", &parts), 0);
    assert_true(parts.has_time && parts.has_offset);
}

static void refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2000",
        "2000-1-1",
        "2001-02-29",
        "1900-02-29",
        "2000-13-01",
        "2000-00-01",
        "2000-04-31",
        "2000-01-01x",
        "2000-01-01T",
        "2000-01-01T24:00",
        "2000-01-01T10:60",
        "2000-01-01T10:00:61",
        "2000-01-01T10:00:00.",
        "2000-01-01T10:00:00.5x",
        "2000-01-01T10:00:00+1:00",
        "2000-01-01T10:00:00+24:00",
        "2000-01-01  10:00",
        "+123-01-01",
        "+123456789012-01-01",
        "10000-01-01",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct weir_time_parts parts = {.nanoseconds = 42};
        if (weir_time_parse(bad[i], &parts) != WEIR_E_USAGE)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(parts.nanoseconds, 42);
    }
}

static void ntp_timestamps(void **state)
{
    (void)state;
    /* RFC 5905 figure 4: 1970-01-01 is 2208988800 */
    assert_int_equal(weir_ntp_seconds(2208988800u), 0);
    assert_int_equal(weir_ntp_seconds(0xffffffffu), INT64_C(2085978495)); /* 2036-02-07 */
    assert_int_equal(weir_ntp_seconds(0), INT64_C(2085978496));
    assert_int_equal(weir_ntp_seconds(0x80000000u), -INT64_C(61505152)); /* 1968-01-20 */

    uint64_t second = UINT64_C(2208988800) << 32;
    assert_int_equal(weir_ntp_to_ns(second | 0x80000000u), 500000000);
    assert_int_equal(weir_ntp_to_ns(second | 1), 0);
    assert_int_equal(weir_ntp_to_ns(second | 3), 1);                    /* 0.70 ns, rounded */
    assert_int_equal(weir_ntp_to_ns(second | 0xffffffffu), 1000000000); /* carries */
    assert_int_equal(weir_ntp_us_to_ns(second | 0x7ff), 0);             /* bits that do not count */
    assert_int_equal(weir_ntp_us_to_ns(second | 0xffffffffu), 1000000000);
    /* A sender that cuts 1 us to the type's 21 bits means 1 us. */
    assert_int_equal(weir_ntp_us_to_ns(second | (4294 & ~0x7ffu)), 1000);
}

/* What it would be rounded up to has no timestamp. */
static void the_last_ntp_timestamps_are_not_rounded_up(void **state)
{
    (void)state;
    const uint64_t last = UINT64_C(0x7fffffffffffffff);
    assert_int_equal(weir_ntp_to_ns(last), INT64_C(4233462143999999999));
    assert_int_equal(weir_ntp_us_to_ns(last), INT64_C(4233462143999999000));
    assert_int_equal(weir_ntp_to_ns(weir_ntp_from_ns(weir_ntp_to_ns(last))), weir_ntp_to_ns(last));
    assert_int_equal(weir_ntp_us_to_ns(weir_ntp_us_from_ns(weir_ntp_us_to_ns(last))),
                     weir_ntp_us_to_ns(last));
    /* From 2036 on there is a next second again. */
    assert_int_equal(weir_ntp_to_ns(UINT64_C(0xffffffffffffffff)),
                     INT64_C(2085978496) * WEIR_NS_PER_SECOND);
}

static void ntp_gives_back_what_it_was_given(void **state)
{
    (void)state;
    for (int64_t us = -2000000; us < 2000000; us += 7) {
        assert_int_equal(weir_ntp_us_to_ns(weir_ntp_us_from_ns(us * 1000)), us * 1000);
        assert_int_equal(weir_ntp_us_from_ns(us * 1000) & 0x7ff, 0);
    }
    for (int64_t ns = -1500000000; ns < 1500000000; ns += 1009)
        assert_int_equal(weir_ntp_to_ns(weir_ntp_from_ns(ns)), ns);
    assert_int_equal(weir_ntp_to_ns(weir_ntp_from_ns(4000000000999999999)), 4000000000999999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(formats),
        cmocka_unit_test(parses),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(ntp_timestamps),
        cmocka_unit_test(the_last_ntp_timestamps_are_not_rounded_up),
        cmocka_unit_test(ntp_gives_back_what_it_was_given),
    };
    return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
