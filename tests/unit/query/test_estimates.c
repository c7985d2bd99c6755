/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of what was sampled: rates that no interval is, and how far off a sum may be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "query/row_filter.h"
#include "support/cmocka.h"

static struct flow flow_at_rate(uint64_t packets, uint64_t bytes, uint32_t size, uint32_t interval)
{
    struct flow flow = flow_blank();
    flow_set(&flow, WEIR_COLUMN_PACKETS, packets);
    flow_set(&flow, WEIR_COLUMN_BYTES, bytes);
    if (interval)
        flow_set(&flow, WEIR_COLUMN_SAMPLING, interval);
    if (size)
        flow_set(&flow, WEIR_COLUMN_SAMPLING_SIZE, size);
    return flow;
}

static void expect_csv(const struct flows *flows, const struct weir_question *question,
                       const char *expected)
{
    char *csv = ask(flows->folder, question, WEIR_FORMAT_CSV);
    assert_string_equal(csv, expected);
    free(csv);
}

/* Two packets of three: each stands for one and a half, and three of them for four and a half. */
static void fractions_are_added_before_they_are_rounded(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    const struct flow rows[] = {
        flow_at_rate(1, 101, 2, 3),
        flow_at_rate(1, 101, 2, 3),
        flow_at_rate(1, 101, 2, 3),
    };
    struct flows *flows = flows_of(rows, 3);
    struct weir_question question = question_of_all();
    char *text;
    struct weir_diag diag;

    question.sum = "packets,bytes,flows";
    expect_csv(flows, &question, "packets,bytes,flows\n5,455,3\n");
    question.agg = "avg(bytes),min(bytes),max(packets),distinct(bytes)";
    question.sum = NULL;
    expect_csv(flows, &question,
               "avg(bytes),min(bytes),max(packets),distinct(bytes)\n151.5,152,2,1\n");
    question.agg = NULL;
    question.sum = "packets";
    question.by = "protocol_version";
    question.top = 1;
    expect_csv(flows, &question, "protocol_version,packets\n10,5\n");
    question.by = NULL;
    question.top = 0;
    question.bin_ns = INT64_C(60000000000);
    expect_csv(flows, &question, "time,packets\n2023-11-14T22:13:00.000Z,5\n");
    question.bin_ns = 0;
    question.where = "bytes > 151";
    expect_csv(flows, &question, "packets\n5\n");
    question.where = NULL;
    question.unscaled = true;
    expect_csv(flows, &question, "packets\n3\n");
    question.unscaled = false;
    question.sum = NULL;
    question.select = "packets,bytes,sampling,sampling_size";
    question.where = "flow_label = none";
    expect_csv(flows, &question,
               "packets,bytes,sampling,sampling_size\n2,152,3,2\n2,152,3,2\n2,152,3,2\n");
    /* Who writes SQL adds up by himself. */
    assert_int_equal(try_ask_sql(flows->folder,
                                 "select sum(packets) as p, sum(bytes) as b from flows",
                                 WEIR_FORMAT_CSV, &text, &diag),
                     0);
    assert_string_equal(text, "p,b\n4.5,454.5\n");
    free(text);
    flows_free(flows);
}

/* Sizes that say nothing: none, 0, without an interval, or greater than it. */
static void sizes_of_nothing(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flow zero = flow_at_rate(1, 7, 0, 10);
    flow_set(&zero, WEIR_COLUMN_SAMPLING_SIZE, 0);
    const struct flow rows[] = {
        zero,                       /* 10 */
        flow_at_rate(1, 7, 0, 10),  /* 10 */
        flow_at_rate(1, 7, 5, 0),   /* 1 */
        flow_at_rate(1, 7, 30, 10), /* 1 */
        flow_at_rate(1, 7, 4, 10),  /* 2.5 */
        flow_at_rate(2, 7, 4, 10),  /* 5 */
    };
    struct flows *flows = flows_of(rows, 6);
    struct weir_question question = question_of_all();
    question.sum = "packets";
    expect_csv(flows, &question, "packets\n30\n");
    flows_free(flows);
}

/* Older files lack the column, and other files have it. */
static void older_files_lack_sizes(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    const struct flow rows[] = {
        flow_at_rate(2, 7, 2, 3),
        flow_at_rate(2, 7, 2, 3),
        flow_at_rate(2, 7, 2, 3),
    };
    struct flows *flows = flows_of(rows, 3);
    struct weir_question question = question_of_all();
    question.sum = "packets";
    flows_drop_leaf(flows, "sampling_size", 1);
    expect_csv(flows, &question, "packets\n15\n");
    flows_free(flows);
}

/* Many flows of many rates, by group, against whole numbers of 42nds. */
static void sums_are_the_nearest_numbers(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    enum { COUNT = 5000, GROUPS = 5, PARTS = 42 };
    static const uint32_t sizes[] = {1, 2, 3, 7, 6};
    struct flow *rows = calloc(COUNT, sizeof(*rows));
    uint64_t seed = 5, sums[GROUPS] = {0};
    assert_non_null(rows);
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t size = sizes[flows_random(&seed) % 5];
        uint64_t bytes = flows_random(&seed) % 100000;
        uint32_t interval = size + (uint32_t)(flows_random(&seed) % 100);
        rows[i] = flow_at_rate(1, bytes, size, interval);
        flow_set(&rows[i], WEIR_COLUMN_IN_IF, i % GROUPS);
        sums[i % GROUPS] += bytes * interval * PARTS / size;
    }
    struct flows *flows = flows_of(rows, COUNT);
    struct weir_question question = question_of_all();
    question.by = "in_if";
    question.sum = "bytes";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv, *fields[FIELDS_MAX];
    assert_int_equal(next_line(&at, fields), 2);
    for (unsigned i = 0; i < GROUPS; i++) {
        assert_int_equal(next_line(&at, fields), 2);
        uint64_t exact = sums[number_of(fields[0])];
        assert_int_equal(number_of(fields[1]), (exact + PARTS / 2) / PARTS);
    }
    free(csv);
    free(rows);
    flows_free(flows);
}

/* Asks for one row of numbers. */
static void expect_numbers(const struct flows *flows, const struct weir_question *question,
                           const double *expected, unsigned count)
{
    char *csv = ask(flows->folder, question, WEIR_FORMAT_CSV), *at = csv, *fields[FIELDS_MAX];
    assert_int_equal(next_line(&at, fields), count);
    assert_int_equal(next_line(&at, fields), count);
    for (unsigned i = 0; i < count; i++) {
        double got = strtod(fields[i], NULL);
        if (fabs(got - expected[i]) > 0.0006 + 1e-9 * fabs(expected[i]))
            fail_msg("%u: %s is not %.6f", i, fields[i], expected[i]);
    }
    free(csv);
}

/* The formula of query/error.h, each of its parts by itself. */
static void errors_of_single_flows(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    const struct {
        uint64_t packets, bytes;
        uint32_t size, interval, probability;
        const char *other;
        double packets_error, bytes_error;
    } cases[] = {
        /* Ten packets of 100 times as many: sqrt(10 * 0.99) / 0.01; and of equal lengths. */
        {10, 15000, 0, 100, 0, "", sqrt(9.9) * 100, 1500 * sqrt(9.9) * 100},
        {10, 15000, 2, 3, 0, "", sqrt(10.0 / 3) * 1.5, 1500 * sqrt(10.0 / 3) * 1.5},
        /* Their squares are known. */
        {10, 15000, 0, 100, 0, "{\"octetDeltaSumOfSquares\":30000000}", sqrt(9.9) * 100,
         sqrt(30000000 * 0.99) * 100},
        /* A flow of a hundred, with all its packets. */
        {10, 15000, 0, 100, 10000000, "", 1000 * sqrt(0.99), 1500000 * sqrt(0.99)},
        /* One flow of ten, of which one packet of ten. */
        {10, 15000, 0, 100, 100000000, "", 1000 * sqrt(0.9 + 0.1 * 0.9 / 10),
         1500000 * sqrt(0.9 + 0.1 * 0.9 / 10)},
        /* Nobody counted the packets, so they may all be one. */
        {0, 15000, 0, 100, 0, "", 0, 1500000 * sqrt(0.99)},
        {10, 15000, 0, 1, 0, "", 0, 0},
        {10, 15000, 0, 0, 0, "", 0, 0},
    };
    struct weir_question question = question_of_all();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flow rows[2] = {
            flow_at_rate(cases[i].packets, cases[i].bytes, cases[i].size, cases[i].interval),
            flow_at_rate(0, 0, 2, 3), /* so that rates are asked for */
        };
        rows[0].none[WEIR_COLUMN_PACKETS] = cases[i].packets == 0;
        if (cases[i].probability)
            flow_set(&rows[0], WEIR_COLUMN_FLOW_PROBABILITY, cases[i].probability);
        rows[0].none[WEIR_COLUMN_OTHER] = !*cases[i].other;
        snprintf(rows[0].other, sizeof(rows[0].other), "%s", cases[i].other);
        struct flows *flows = flows_of(rows, 2);
        const double expected[] = {cases[i].packets_error, cases[i].bytes_error};
        const double nothing[] = {0, 0};
        question.sum = "packets_error,bytes_error";
        question.unscaled = false;
        expect_numbers(flows, &question, expected, 2);
        question.unscaled = true;
        expect_numbers(flows, &question, nothing, 2);
        flows_free(flows);
    }
}

/* Flows that were selected stand for others, packets that were do not. */
static void flows_are_estimated(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flow rows[4] = {
        flow_at_rate(10, 15000, 0, 100),
        flow_at_rate(10, 15000, 0, 100),
        flow_at_rate(10, 15000, 0, 100),
        flow_at_rate(10, 15000, 0, 1),
    };
    flow_set(&rows[0], WEIR_COLUMN_FLOW_PROBABILITY, 10000000);
    flow_set(&rows[1], WEIR_COLUMN_FLOW_PROBABILITY, 500000000);
    struct flows *flows = flows_of(rows, 4);
    struct weir_question question = question_of_all();
    const double expected[] = {4, 104, sqrt(9900 + 2)};
    const double unscaled[] = {4, 4, 0};
    question.sum = "flows,flows_estimated,flows_error";
    expect_numbers(flows, &question, expected, 3);
    question.unscaled = true;
    expect_numbers(flows, &question, unscaled, 3);
    question.unscaled = false;
    question.bin_ns = INT64_C(60000000000);
    expect_csv(flows, &question,
               "time,flows,flows_estimated,flows_error\n2023-11-14T22:13:00.000Z,4,104,99.509\n");
    flows_free(flows);
}

/* Per flow, as a filter, and of rows that are in no store yet. */
static void errors_are_fields(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flow rows[3] = {
        flow_at_rate(10, 15000, 0, 100),
        flow_at_rate(4, 400, 0, 10),
        flow_at_rate(4, 400, 0, 1),
    };
    flow_set(&rows[1], WEIR_COLUMN_FLOW_PROBABILITY, 500000000);
    struct flows *flows = flows_of(rows, 3);
    struct weir_question question = question_of_all();
    question.select = "packets";
    question.where = "packets_error > 30.9";
    question.order = "packets_error";
    expect_csv(flows, &question, "packets\n1000\n40\n");
    question.where = "packets_error > 31";
    expect_csv(flows, &question, "packets\n1000\n");

    struct weir_batch *batch = flows_batch(rows, 3);
    static const struct {
        const char *text;
        bool pass[3];
    } filters[] = {
        {"packets_error > 30.9", {true, true, false}},
        {"packets_error > 31", {true, false, false}},
        {"bytes_error > 471963 and bytes_error < 471965", {true, false, false}},
        {"flows_estimated = 2 and flows_error > 1.4", {false, true, false}},
        {"rev_bytes_error = none", {true, true, true}},
    };
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct weir_row_filter *filter;
        struct weir_diag diag;
        const struct weir_filter_context context = {0};
        bool pass[3] = {false};
        uint32_t row = 0;
        assert_int_equal(weir_row_filter_new(filters[i].text, &context, &filter, &diag), 0);
        for (uint32_t s = 0; s < batch->segment_count; row += batch->segments[s++].row_count)
            weir_row_filter_run(filter, batch, &batch->segments[s], pass + row);
        assert_memory_equal(pass, filters[i].pass, sizeof(pass));
        weir_row_filter_free(filter);
    }
    weir_batch_free(batch);
    flows_free(flows);
}

/* Where people read estimates, and where columns have names, their errors stand beside them. */
static void errors_are_shown(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flow rows[3] = {
        flow_at_rate(400, 4, 0, 100),
        flow_at_rate(100, 1, 0, 100),
        flow_at_rate(100, 1, 0, 100),
    };
    for (uint32_t i = 0; i < 3; i++)
        flow_set(&rows[i], WEIR_COLUMN_IN_IF, i);
    struct flows *flows = flows_of(rows, 3);
    struct weir_question question = question_of_all();
    question.by = "in_if";
    question.sum = "packets,flows";
    question.top = 1;
    char *table = ask(flows->folder, &question, WEIR_FORMAT_TABLE);
    /* sqrt(400 * 0.99) * 100, sqrt(200 * 0.99) * 100, sqrt(600 * 0.99) * 100. */
    assert_string_equal(table, "in_if  packets  packets_error  flows\n"
                               "    0   40.0 k       ± 1.99 k      1\n"
                               "other   20.0 k       ± 1.41 k      2\n"
                               "total   60.0 k       ± 2.44 k      3\n");
    free(table);
    char *json = ask(flows->folder, &question, WEIR_FORMAT_JSON);
    if (!strstr(json, "{\"in_if\":0,\"packets\":40000,\"packets_error\":1989.975,\"flows\":1}") ||
        !strstr(json, ",\"errors\":{\"packets_error\":2437.212}") ||
        !strstr(json, "\"total\":{\"packets\":60000,\"packets_error\":2437.212,\"flows\":3}"))
        fail_msg("%s", json);
    free(json);
    expect_csv(flows, &question, "in_if,packets,flows\n0,40000,1\n");
    question.sum = "packets,packets_error";
    expect_csv(flows, &question, "in_if,packets,packets_error\n0,40000,1989.975\n");
    question.sum = "packets";
    question.top = 0;
    json = ask(flows->folder, &question, WEIR_FORMAT_JSON);
    if (!strstr(json, ",\"errors\":{\"packets_error\":2437.21"))
        fail_msg("%s", json);
    free(json);
    question.top = 1;
    /* What is not scaled is no estimate. */
    question.sum = "packets,flows";
    question.unscaled = true;
    table = ask(flows->folder, &question, WEIR_FORMAT_TABLE);
    assert_null(strstr(table, "error"));
    free(table);
    flows_free(flows);
}

/* Variances of bins add up to the flow's, as its packets do. */
static void errors_of_bins(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flow rows[1] = {flow_at_rate(900, 900, 0, 100)};
    flow_set(&rows[0], WEIR_COLUMN_END, (uint64_t)(FLOWS_BASE_NS + 90 * INT64_C(1000000000)));
    struct flows *flows = flows_of(rows, 1);
    struct weir_question question = question_of_all();
    question.sum = "packets,packets_error";
    question.bin_ns = INT64_C(60000000000);
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv, *fields[FIELDS_MAX];
    double variance = 0;
    unsigned bins = 0;
    assert_int_equal(next_line(&at, fields), 3);
    for (; next_line(&at, fields) == 3; bins++) {
        double packets = strtod(fields[1], NULL), error = strtod(fields[2], NULL);
        assert_true(fabs(error / sqrt(packets * 99) - 1) < 0.001);
        variance += error * error;
    }
    assert_int_equal(bins, 2);
    assert_true(fabs(variance / (900 * 0.99 * 10000) - 1) < 0.001);
    free(csv);
    flows_free(flows);
}

/* ---- Sampled packets, many times over ---- */

enum { RUNS = 400, FLOWS_A_RUN = 40, PACKETS_A_FLOW = 60, INTERVAL = 5 };

struct packets {
    uint32_t lengths[FLOWS_A_RUN][PACKETS_A_FLOW];
    uint64_t octets; /* of all */
};

static struct packets make_packets(bool of_one_length)
{
    struct packets packets = {0};
    uint64_t seed = 77;
    for (unsigned f = 0; f < FLOWS_A_RUN; f++)
        for (unsigned i = 0; i < PACKETS_A_FLOW; i++) {
            uint32_t length = flows_random(&seed) % 2 ? 40 : 1500;
            packets.lengths[f][i] = of_one_length ? 100 + f : length;
            packets.octets += packets.lengths[f][i];
        }
    return packets;
}

/* The flows of one sample of them, each packet taken by chance; how many flows. */
static unsigned sample(const struct packets *packets, uint64_t *seed, bool says_squares,
                       uint32_t run, struct flow *rows)
{
    unsigned count = 0;
    for (unsigned f = 0; f < FLOWS_A_RUN; f++) {
        uint64_t taken = 0, octets = 0, squares = 0;
        for (unsigned i = 0; i < PACKETS_A_FLOW; i++)
            if (flows_random(seed) % INTERVAL == 0) {
                uint64_t length = packets->lengths[f][i];
                taken++;
                octets += length;
                squares += length * length;
            }
        if (taken == 0)
            continue;
        struct flow *row = &rows[count++];
        *row = flow_at_rate(taken, octets, 0, INTERVAL);
        flow_set(row, WEIR_COLUMN_IN_IF, run);
        row->none[WEIR_COLUMN_OTHER] = !says_squares;
        snprintf(row->other, sizeof(row->other), "{\"octetDeltaSumOfSquares\":%ju}",
                 (uintmax_t)squares);
    }
    return count;
}

/* How many of the runs, in a thousand, have the truth within 1.96 of what they say their error is.
 */
static void cover(bool of_one_length, bool says_squares, unsigned ret_covered[2])
{
    struct packets packets = make_packets(of_one_length);
    const double truths[2] = {FLOWS_A_RUN * PACKETS_A_FLOW, (double)packets.octets};
    struct flow *rows = calloc((size_t)RUNS * FLOWS_A_RUN, sizeof(*rows));
    uint64_t seed = 4711;
    size_t count = 0;
    assert_non_null(rows);
    for (uint32_t run = 0; run < RUNS; run++)
        count += sample(&packets, &seed, says_squares, run, rows + count);
    struct flows *flows = flows_of(rows, count);
    struct weir_question question = question_of_all();
    question.by = "in_if";
    question.agg = "packets,bytes,packets_error,bytes_error";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv, *fields[FIELDS_MAX];
    unsigned within[2] = {0}, runs = 0;
    assert_int_equal(next_line(&at, fields), 5);
    for (; next_line(&at, fields) == 5; runs++)
        for (unsigned i = 0; i < 2; i++)
            within[i] +=
                fabs(strtod(fields[1 + i], NULL) - truths[i]) <= 1.96 * strtod(fields[3 + i], NULL);
    assert_int_equal(runs, RUNS);
    for (unsigned i = 0; i < 2; i++)
        ret_covered[i] = within[i] * 1000 / RUNS;
    free(csv);
    free(rows);
    flows_free(flows);
}

/*
 * 400 runs: 950 in a thousand, give or take 3 standard deviations of 11. Where only the sum of
 * lengths is known, half of which are 40 and half 1,500, errors are 1.37 times too small
 * (query/error.h), and the truth is within them 85 times in 100.
 */
static void intervals_cover_the_truth(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    static const struct {
        bool of_one_length, says_squares;
        unsigned least_of_bytes, most_of_bytes;
    } cases[] = {{true, false, 917, 983}, {false, true, 917, 983}, {false, false, 800, 900}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned covered[2];
        cover(cases[i].of_one_length, cases[i].says_squares, covered);
        print_message("# %.1f %% of packets, %.1f %% of octets\n", covered[0] / 10.0,
                      covered[1] / 10.0);
        assert_in_range(covered[0], 917, 983);
        assert_in_range(covered[1], cases[i].least_of_bytes, cases[i].most_of_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_are_added_before_they_are_rounded),
        cmocka_unit_test(sizes_of_nothing),
        cmocka_unit_test(older_files_lack_sizes),
        cmocka_unit_test(sums_are_the_nearest_numbers),
        cmocka_unit_test(errors_of_single_flows),
        cmocka_unit_test(flows_are_estimated),
        cmocka_unit_test(errors_are_fields),
        cmocka_unit_test(errors_are_shown),
        cmocka_unit_test(errors_of_bins),
        cmocka_unit_test(intervals_cover_the_truth),
    };
    return cmocka_run_group_tests_name("query/estimates", tests, make_stores, remove_stores);
}
