/* SPDX-License-Identifier: Apache-2.0 */
#include "app/exposition.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "app/counters.h"
#include "app/process.h"

struct counted {
    uint64_t octets, journal_cut_octets, records_lost, counter_records, late_most_ns;
};

static const struct weir_counter rows[] = {
    WEIR_COUNTER(struct counted, octets, OCTETS, "octets of these messages"),
    WEIR_COUNTER(struct counted, journal_cut_octets, OCTETS, "a \\ and\na \"line\""),
    WEIR_GAUGE(struct counted, records_lost, RECORDS, "by sequence numbers"),
    WEIR_COUNTER(struct counted, counter_records, RECORDS, "of interfaces"),
    WEIR_GAUGE(struct counted, late_most_ns, NANOSECONDS, "how late"),
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void names_follow_one_rule(void **state)
{
    static const char *const names[ROWS] = {
        "weir_x_bytes_total",       "weir_x_journal_cut_bytes_total",
        "weir_x_records_lost",      "weir_x_interface_records_total",
        "weir_x_late_most_seconds",
    };
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        char name[WEIR_EXPOSITION_NAME_MAX];
        weir_exposition_name("weir_x", &rows[i], name);
        assert_string_equal(name, names[i]);
    }
}

static void every_row_has_help_type_and_value(void **state)
{
    const struct counted counted = {UINT64_MAX, 2, 3, 0, 1500000007};
    struct weir_text_buffer text;
    (void)state;
    weir_text_init(&text, 1 << 20);
    struct weir_exposition exposition = weir_exposition_begin(&text);
    weir_exposition_add_all(&exposition, "weir_x", rows, ROWS, &counted);
    assert_string_equal(weir_text_string(&text),
                        "# HELP weir_x_bytes_total octets of these messages\n"
                        "# TYPE weir_x_bytes_total counter\n"
                        "weir_x_bytes_total 18446744073709551615\n"
                        "# HELP weir_x_journal_cut_bytes_total a \\\\ and\\na \"line\"\n"
                        "# TYPE weir_x_journal_cut_bytes_total counter\n"
                        "weir_x_journal_cut_bytes_total 2\n"
                        "# HELP weir_x_records_lost by sequence numbers\n"
                        "# TYPE weir_x_records_lost gauge\n"
                        "weir_x_records_lost 3\n"
                        "# HELP weir_x_interface_records_total of interfaces\n"
                        "# TYPE weir_x_interface_records_total counter\n"
                        "weir_x_interface_records_total 0\n"
                        "# HELP weir_x_late_most_seconds how late\n"
                        "# TYPE weir_x_late_most_seconds gauge\n"
                        "weir_x_late_most_seconds 1.500000007\n");
    weir_text_done(&text);
}

static void label_values_are_escaped(void **state)
{
    const struct weir_label labels[] = {
        {"a", "back\\slash \"quoted\"\nline"}, {"b", "\xc3\xbc \xff|\xe2\x82"}, {"c", ""}};
    struct weir_text_buffer text;
    (void)state;
    weir_text_init(&text, 1 << 20);
    struct weir_exposition exposition = weir_exposition_begin(&text);
    weir_exposition_open(&exposition, "weir_x", &rows[2]);
    size_t head = text.length;
    weir_exposition_add(&exposition, labels, 3, 7);
    assert_string_equal(weir_text_string(&text) + head,
                        "weir_x_records_lost{a=\"back\\\\slash \\\"quoted\\\"\\nline\","
                        "b=\"\xc3\xbc \xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\",c=\"\"} 7\n");
    weir_text_done(&text);
}

static void times_below_zero_are_seconds(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0.000000000"},
        {-1, "-0.000000001"},
        {-2500000000, "-2.500000000"},
        {INT64_MIN, "-9223372036.854775808"},
    };
    const struct weir_label label = {"exporter", "192.0.2.9"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_text_buffer text;
        char expected[128];
        weir_text_init(&text, 1 << 20);
        struct weir_exposition exposition = weir_exposition_begin(&text);
        weir_exposition_open(&exposition, "weir_x", &rows[4]);
        size_t head = text.length;
        weir_exposition_add_signed(&exposition, &label, 1, cases[i].ns);
        snprintf(expected, sizeof(expected),
                 "weir_x_late_most_seconds{exporter=\"192.0.2.9\"} %s\n", cases[i].text);
        assert_string_equal(weir_text_string(&text) + head, expected);
        weir_text_done(&text);
    }
}

/* Every row there is fits, and says nothing that Prometheus' own linter objects to. */
static void every_row_has_a_name_of_its_own(void **state)
{
    static const char *const objectionable[] = {"octets",      "_counter_",   "_gauge_",
                                                "_summary_",   "_histogram_", "milliseconds",
                                                "nanoseconds", "_ns_"};
    (void)state;
    for (const struct weir_counter_group *group = weir_counter_groups; group->title; group++)
        for (size_t i = 0; i < *group->count; i++) {
            char name[WEIR_EXPOSITION_NAME_MAX];
            weir_exposition_name("weir_collect_exporter", &group->rows[i], name);
            for (size_t j = 0; j < sizeof(objectionable) / sizeof(objectionable[0]); j++)
                if (strstr(name, objectionable[j]))
                    fail_msg("%s", name);
            assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
            size_t length = strlen(name);
            bool is_total = length > 6 && strcmp(name + length - 6, "_total") == 0;
            assert_int_equal(is_total, !group->rows[i].is_gauge);
        }
}

/* Who watches it for changes sees that the process began anew. */
static void a_process_has_started_once(void **state)
{
    (void)state;
    struct weir_process_counters first = weir_process_count();
    assert_true(first.start_time > 0 && first.resident_memory > 0 && first.open_fds > 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(weir_process_count().start_time, first.start_time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_one_rule),
        cmocka_unit_test(every_row_has_help_type_and_value),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(times_below_zero_are_seconds),
        cmocka_unit_test(every_row_has_a_name_of_its_own),
        cmocka_unit_test(a_process_has_started_once),
    };
    return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
