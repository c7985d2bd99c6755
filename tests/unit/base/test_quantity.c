/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quantity.h"

#include "support/cmocka.h"

#include <string.h>

#define NOW INT64_C(1700000000123456789)

static void sizes(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        {"0", 0},
        {"65536", 65536},
        {"1k", 1000},
        {"1K", 1000},
        {"10M", 10000000},
        {"2g", 2000000000},
        {"1.5M", 1500000},
        {"0.001k", 1},
        {"4Ki", 4096},
        {"1.5Ki", 1536},
        {"0.5Gi", UINT64_C(1) << 29},
        {"0.125Ki", 128},
        {"3T", UINT64_C(3000000000000)},
        {"1Pi", UINT64_C(1) << 50},
        {"0x1F", 31},
        {"0xffffffffffffffff", UINT64_MAX},
        {"18446744073709551615", UINT64_MAX},
        {"2.0", 2},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t size = 0;
        int result = weir_size_parse(good[i].text, &size);
        if (result != 0 || size != good[i].size)
            fail_msg("%s: %d, %ju", good[i].text, result, (uintmax_t)size);
    }
    static const char *const bad[] = {
        "",
        "k",
        "-1",
        "1.50",
        "0.0001k",
        "1kk",
        "1 k",
        "1..2k",
        "1.",
        ".",
        "0x",
        "0xg",
        "1e3",
        "1Kib",
        "1.1Ki",
        "18446744073709551616",
        "20000000000000000k",
        "0x10000000000000000",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t size = 7;
        if (weir_size_parse(bad[i], &size) != WEIR_E_USAGE || size != 7)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void durations(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
        const char *back;
    } good[] = {
        {"10s", 10 * WEIR_NS_PER_SECOND, "10s"},
        {"1h30m", 5400 * WEIR_NS_PER_SECOND, "1h30m"},
        {"90s", 90 * WEIR_NS_PER_SECOND, "1m30s"},
        {"0.5s", WEIR_NS_PER_SECOND / 2, "500ms"},
        {"1.5ms", 1500000, "1ms500us"},
        {"0s", 0, "0s"},
        {"7ns", 7, "7ns"},
        {"2w", 14 * 86400 * WEIR_NS_PER_SECOND, "14d"},
        {"106751d23h47m16s854ms775us807ns", INT64_MAX, "106751d23h47m16s854ms775us807ns"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ns = -1;
        char text[WEIR_DURATION_TEXT_MAX];
        assert_int_equal(weir_duration_parse(good[i].text, &ns), 0);
        assert_true(ns == good[i].ns);
        assert_int_equal(weir_duration_format(ns, text), strlen(good[i].back));
        assert_string_equal(text, good[i].back);
    }
    char text[WEIR_DURATION_TEXT_MAX];
    weir_duration_format(INT64_MIN, text);
    assert_string_equal(text, "-106751d23h47m16s854ms775us808ns");
    static const char *const bad[] = {
        "", "10", "s", "-1s", "1x", "1h30", "0.5ns", "1s ", "106752d", "9223372036854775808ns",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ns = 7;
        if (weir_duration_parse(bad[i], &ns) != WEIR_E_USAGE || ns != 7)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static int64_t an_hour_east(void *context, const struct weir_civil *civil)
{
    ++*(int *)context;
    return weir_civil_to_seconds(civil) - 3600;
}

static void moments(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"now", NOW},
        {"-15m", NOW - 900 * WEIR_NS_PER_SECOND},
        {"now-15m", NOW - 900 * WEIR_NS_PER_SECOND},
        {"+1h", NOW + 3600 * WEIR_NS_PER_SECOND},
        {"now+1ns", NOW + 1},
        {"0", 0},
        {"1700000000.000000001", INT64_C(1700000000000000001)},
        {"2023-11-14", INT64_C(1699920000000000000)},
        {"2023-11-14 22:13", INT64_C(1699999980000000000)},
        {"2023-11-14 22:13:20", INT64_C(1700000000000000000)},
        {"2023-11-14T22:13:20.5Z", INT64_C(1700000000500000000)},
        {"2023-11-14T23:13:20+01:00", INT64_C(1700000000000000000)},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ns = -1;
        int result = weir_moment_parse(good[i].text, NOW, NULL, &ns);
        if (result != 0 || ns != good[i].ns)
            fail_msg("%s: %d, %jd", good[i].text, result, (intmax_t)ns);
    }
    static const char *const bad[] = {
        "",  "then",        "now15m",     "-15", "2023-13-01", "2023-11-14 25:00", "1.0000000001",
        "-", "99999999999", "9999-12-31",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ns = 7;
        if (weir_moment_parse(bad[i], NOW, NULL, &ns) != WEIR_E_USAGE || ns != 7)
            fail_msg("'%s' was taken: %jd", bad[i], (intmax_t)ns);
    }
}

static void a_zone_counts_only_without_an_offset(void **state)
{
    (void)state;
    int calls = 0;
    int64_t ns = 0;
    const struct weir_zone zone = {.to_seconds = an_hour_east, .context = &calls};
    assert_int_equal(weir_moment_parse("1970-01-01 01:00:01", NOW, &zone, &ns), 0);
    assert_true(ns == WEIR_NS_PER_SECOND);
    assert_int_equal(calls, 1);
    assert_int_equal(weir_moment_parse("1970-01-01T00:00:01Z", NOW, &zone, &ns), 0);
    assert_true(ns == WEIR_NS_PER_SECOND);
    assert_int_equal(weir_moment_parse("17", NOW, &zone, &ns), 0);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(moments),
        cmocka_unit_test(a_zone_counts_only_without_an_offset),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
