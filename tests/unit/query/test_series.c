/* SPDX-License-Identifier: Apache-2.0 */
/* Series against what the rows themselves come to, and flows by their time. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

/* A flow's time as the store prunes by it, milliseconds. */
static int64_t begin_ms(const struct flow *flow)
{
    enum weir_column column = !flow->none[WEIR_COLUMN_START] ? WEIR_COLUMN_START
                              : !flow->none[WEIR_COLUMN_END] ? WEIR_COLUMN_END
                                                             : WEIR_COLUMN_RECEIVED;
    return (int64_t)flow->number[column] / 1000000;
}

static int64_t end_ms(const struct flow *flow)
{
    enum weir_column column = !flow->none[WEIR_COLUMN_END]     ? WEIR_COLUMN_END
                              : !flow->none[WEIR_COLUMN_START] ? WEIR_COLUMN_START
                                                               : WEIR_COLUMN_RECEIVED;
    int64_t end = (int64_t)flow->number[column] / 1000000, begin = begin_ms(flow);
    return end > begin ? end : begin;
}

static int64_t parse_time(const char *text)
{
    int64_t ns;
    assert_int_equal(weir_moment_parse(text, 0, NULL, &ns), 0);
    return ns / 1000000;
}

static void bins_add_up_exactly(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_sampled);
    static const int64_t widths_ms[] = {1000, 7000, 60000, 3600000};
    struct weir_question question = question_of_all();
    question.sum = "bytes,packets,flows";
    for (size_t i = 0; i < sizeof(widths_ms) / sizeof(widths_ms[0]); i++) {
        question.bin_ns = widths_ms[i] * 1000000;
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
        char *fields[FIELDS_MAX];
        uint64_t bytes = 0, packets = 0, count = 0;
        int64_t last = INT64_MIN;
        assert_int_equal(next_line(&at, fields), 4);
        assert_string_equal(fields[0], "time");
        while (next_line(&at, fields) == 4) {
            int64_t bin = parse_time(fields[0]);
            assert_true(bin > last && bin % widths_ms[i] == 0);
            last = bin;
            bytes += *fields[1] ? number_of(fields[1]) : 0;
            packets += *fields[2] ? number_of(fields[2]) : 0;
            count += number_of(fields[3]);
        }
        free(csv);
        for (size_t row = 0; row < flows->count; row++) {
            bytes -= scaled_counter(&flows->rows[row], WEIR_COLUMN_BYTES);
            packets -= scaled_counter(&flows->rows[row], WEIR_COLUMN_PACKETS);
        }
        assert_int_equal(bytes, 0);
        assert_int_equal(packets, 0);
        assert_int_equal(count, flows->count);
    }
}

/* Octets of a flow before time `at`, as the plan defines them. */
static uint64_t gone_by(const struct flow *flow, int64_t at)
{
    int64_t begin = begin_ms(flow), end = end_ms(flow);
    uint64_t bytes = scaled_counter(flow, WEIR_COLUMN_BYTES);
    if (at >= end)
        return bytes;
    if (at <= begin)
        return 0;
    uint64_t part = (uint64_t)((double)bytes * (double)(at - begin) / (double)(end - begin));
    return part < bytes ? part : bytes;
}

static void bins_have_their_shares(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    const int64_t width = 30000, from = FLOWS_BASE_NS / 1000000 + 100500, to = from + 200000;
    struct weir_question question = question_of_all();
    question.bin_ns = width * 1000000;
    question.sum = "bytes";
    question.from_ns = from * 1000000;
    question.to_ns = to * 1000000;
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
    char *fields[FIELDS_MAX];
    assert_int_equal(next_line(&at, fields), 2);
    size_t bins = 0;
    while (next_line(&at, fields) == 2) {
        int64_t bin = parse_time(fields[0]);
        int64_t low = bin > from ? bin : from, high = bin + width < to ? bin + width : to;
        uint64_t expected = 0;
        for (size_t i = 0; i < flows->count; i++) {
            const struct flow *flow = &flows->rows[i];
            bool at_once = begin_ms(flow) == end_ms(flow);
            if (at_once && begin_ms(flow) >= low && begin_ms(flow) < high)
                expected += scaled_counter(flow, WEIR_COLUMN_BYTES);
            else if (!at_once && begin_ms(flow) < to && end_ms(flow) >= from)
                expected += gone_by(flow, high) - gone_by(flow, low);
        }
        assert_true(low < high);
        assert_int_equal(number_of(fields[1]), expected);
        bins++;
    }
    assert_true(bins >= 6 && bins <= 8);
    free(csv);
}

static void series_of_the_top_have_others(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.bin_ns = INT64_C(60000000000);
    question.by = "protocol";
    question.sum = "flows";
    question.top = 2;
    char *table = ask(flows->folder, &question, WEIR_FORMAT_TABLE);
    char *chart = ask(flows->folder, &question, WEIR_FORMAT_CHART);
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
    char *fields[FIELDS_MAX];
    assert_non_null(strstr(table, "other"));
    assert_non_null(strstr(chart, "other"));
    char seen[8][16];
    unsigned kinds = 0;
    (void)next_line(&at, fields);
    while (next_line(&at, fields) == 3) {
        unsigned i = 0;
        while (i < kinds && strcmp(seen[i], fields[1]) != 0)
            i++;
        if (i == kinds)
            snprintf(seen[kinds++], sizeof(seen[0]), "%s", fields[1]);
        assert_true(kinds <= 2);
    }
    assert_int_equal(kinds, 2);
    free(table);
    free(chart);
    free(csv);
}

static void times_choose_flows_that_overlap(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    static const int64_t ranges[][2] = {
        {0, 1},        {-5000, 0},       {100, 200},        {250000, 250001},
        {300, 900000}, {599000, 800000}, {2000000, 3000000}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        int64_t from = FLOWS_BASE_NS / 1000000 + ranges[i][0];
        int64_t to = FLOWS_BASE_NS / 1000000 + ranges[i][1];
        struct weir_question question = question_of_all();
        question.sum = "flows";
        question.from_ns = from * 1000000;
        question.to_ns = to * 1000000;
        uint64_t expected = 0;
        for (size_t row = 0; row < flows->count; row++) {
            const struct flow *flow = &flows->rows[row];
            enum weir_column end = !flow->none[WEIR_COLUMN_END]     ? WEIR_COLUMN_END
                                   : !flow->none[WEIR_COLUMN_START] ? WEIR_COLUMN_START
                                                                    : WEIR_COLUMN_RECEIVED;
            expected += begin_ms(flow) < to && (int64_t)flow->number[end] / 1000000 >= from;
        }
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
        char *fields[FIELDS_MAX];
        (void)next_line(&at, fields);
        assert_int_equal(next_line(&at, fields), 1);
        assert_int_equal(number_of(fields[0]), expected);
        free(csv);
    }
}

static void too_many_bins_are_told(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    char *text;
    struct weir_diag diag = {0};
    question.bin_ns = 1000000;
    question.from_ns = FLOWS_BASE_NS;
    question.to_ns = FLOWS_BASE_NS + INT64_C(100001000000);
    assert_int_equal(try_ask(flows->folder, &question, WEIR_FORMAT_CSV, &text, &diag),
                     WEIR_E_USAGE);
    assert_string_equal(diag.text, "--bin: more than 100000 bins from 2023-11-14T22:13:20Z to "
                                   "2023-11-14T22:15:00Z: take wider ones, or less time with "
                                   "--from and --to");
    question.to_ns = INT64_MAX;
    question.from_ns = 0;
    assert_int_equal(try_ask(flows->folder, &question, WEIR_FORMAT_CSV, &text, &diag),
                     WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "bins from 1970-01-01T00:00:00Z to 2023-"));
    question.from_ns = FLOWS_BASE_NS;
    question.to_ns = FLOWS_BASE_NS + INT64_C(2000000000);
    assert_int_equal(try_ask(flows->folder, &question, WEIR_FORMAT_CSV, &text, &diag), 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_add_up_exactly),
        cmocka_unit_test(bins_have_their_shares),
        cmocka_unit_test(series_of_the_top_have_others),
        cmocka_unit_test(times_choose_flows_that_overlap),
        cmocka_unit_test(too_many_bins_are_told),
    };
    return cmocka_run_group_tests(tests, make_stores, remove_stores);
}
