/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of what was sampled: rates that no interval is, and how far off a sum may be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_are_added_before_they_are_rounded),
        cmocka_unit_test(sizes_of_nothing),
        cmocka_unit_test(older_files_lack_sizes),
        cmocka_unit_test(sums_are_the_nearest_numbers),
    };
    return cmocka_run_group_tests_name("query/estimates", tests, make_stores, remove_stores);
}
