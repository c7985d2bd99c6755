/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weir's own scan against DuckDB: the same questions, the same answers to the octet.
 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/text.h"
#include "flows.h"
#include "query/scan.h"
#include "store/catalog.h"

#define ROWS      1500
#define QUESTIONS 120

static struct flows *plain, *sampled;

#define PICK(array, state) (array)[flows_random(state) % (sizeof(array) / sizeof((array)[0]))]

static const char *const keys[] = {
    "src_addr", "dst_addr", "src_addr/24", "dst_addr/16/48", "protocol",     "dst_port",
    "src_port", "tos",      "tcp_flags",   "in_if",          "src_as",       "src_mac",
    "exporter", "domain",   "end_reason",  "rev_bytes",      "bgp_next_hop",
};
static const char *const sums[] = {"bytes", "packets", "flows", "dst_as", "rev_packets", "out_if"};
static const char *const tests[] = {
    "src net 10.0.0.0/8",
    "dst net 2001:db8::/32",
    "net ::/1",
    "not src net 0.0.0.0/0",
    "src_addr != 10.0.0.1",
    "dst_addr not in [10.0.0.1, 2001:db8::1]",
    "inet",
    "inet6",
    "proto tcp",
    "not proto udp",
    "port 53",
    "dst port in [22, 80, 443]",
    "src port not in [22, 80]",
    "dst port > 1000",
    "dst_port >= 443",
    "dst_port < 0",
    "src_port <= 80",
    "bytes > 1000",
    "packets != 1500",
    "bytes >= 18446744073709551615",
    "flags S",
    "not flags AF",
    "in_if = none",
    "out_if != none",
    "src_mac = 00:00:5e:00:53:01",
    "rev_bytes > 0",
    "rev_bytes = none",
    "any",
};

/* Appends a random filter of at most so many levels. */
static void filter(uint64_t *state, struct weir_text_buffer *text, unsigned depth)
{
    unsigned form = depth > 0 ? (unsigned)(flows_random(state) % 5) : 4;
    if (form > 2) {
        weir_text_add(text, PICK(tests, state));
        return;
    }
    weir_text_add(text, form == 2 ? "not (" : "(");
    filter(state, text, depth - 1);
    if (form < 2) {
        weir_text_add(text, form == 0 ? ") and (" : ") or (");
        filter(state, text, depth - 1);
    }
    weir_text_add(text, ")");
}

/* Different names out of `from`, with commas. */
static const char *some_of(uint64_t *state, const char *const *from, size_t count, size_t most,
                           char *text)
{
    uint64_t taken = 0;
    size_t wanted = 1 + flows_random(state) % most;
    char *end = text;
    text[0] = '\0';
    for (size_t i = 0; i < wanted; i++) {
        size_t at = flows_random(state) % count;
        if (taken >> at & 1)
            continue;
        taken |= UINT64_C(1) << at;
        if (*text)
            end = stpcpy(end, ",");
        end = stpcpy(end, from[at]);
    }
    return text;
}

/* The text without what depends on the clock. */
static void cut_elapsed(char *text)
{
    char *at = strstr(text, "\"elapsed");
    if (at)
        *at = '\0';
}

static int text_of(const char *folder, const struct weir_query_plan *plan, bool sql_only,
                   enum weir_format format, char **ret_text)
{
    struct weir_diag diag = {0};
    int result = run_plan(folder, plan, sql_only, format, ret_text, &diag);
    if (result < 0)
        print_message("# %s\n", diag.text);
    else
        cut_elapsed(*ret_text);
    return result;
}

static bool applies(const char *folder, const struct weir_query_plan *plan, bool scaled)
{
    struct weir_catalog catalog;
    struct weir_statistics statistics = weir_statistics_none();
    struct weir_diag diag = {0};
    assert_int_equal(weir_catalog_read(folder, INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    for (size_t i = 0; i < catalog.count; i++)
        assert_int_equal(weir_statistics_add(&statistics, catalog.files[i].path, &diag), 0);
    const struct weir_scan_question question = {
        .plan = plan, .files = &catalog, .statistics = &statistics, .scaled = scaled};
    bool result = weir_scan_applies(&question);
    weir_catalog_done(&catalog);
    return result;
}

/* Asks both ways; returns whether the scan took it. */
static bool compare(const struct flows *flows, const struct weir_question *question)
{
    static const enum weir_format formats[] = {WEIR_FORMAT_CSV, WEIR_FORMAT_JSON};
    struct weir_arena arena;
    struct weir_query_plan *plan;
    struct weir_diag diag = {0};
    weir_arena_init(&arena, 16 << 20);
    if (weir_query_plan(question, &arena, &plan, &diag) < 0)
        fail_msg("%s", diag.text);
    bool scans = applies(flows->folder, plan, flows == sampled && !question->unscaled);
    for (size_t i = 0; i < 2; i++) {
        char *ours = NULL, *theirs = NULL;
        assert_int_equal(text_of(flows->folder, plan, false, formats[i], &ours), 0);
        assert_int_equal(text_of(flows->folder, plan, true, formats[i], &theirs), 0);
        if (strcmp(ours, theirs) != 0)
            fail_msg("--where '%s' --by %s --sum %s --top %ju --order %s: the scan says\n%s\n"
                     "and DuckDB\n%s",
                     question->where ? question->where : "", question->by ? question->by : "",
                     question->sum, (uintmax_t)question->top,
                     question->order ? question->order : "", ours, theirs);
        free(ours);
        free(theirs);
    }
    weir_arena_done(&arena);
    return scans;
}

static void random_questions_have_one_answer(void **state)
{
    (void)state;
    if (!plain)
        skip();
    uint64_t random = 7;
    unsigned scanned = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        char by[256], sum[256], order[64];
        struct weir_text_buffer where;
        struct weir_question question = question_of_all();
        weir_text_init(&where, 1 << 16);
        if (flows_random(&random) % 8)
            question.by = some_of(&random, keys, sizeof(keys) / sizeof(keys[0]), 3, by);
        question.sum = some_of(&random, sums, sizeof(sums) / sizeof(sums[0]), 3, sum);
        if (flows_random(&random) % 4) {
            filter(&random, &where, 3);
            question.where = weir_text_string(&where);
        }
        if (flows_random(&random) % 3)
            question.top = 1 + flows_random(&random) % 30;
        if (question.by && flows_random(&random) % 3 == 0) {
            snprintf(order, sizeof(order), "%.*s:%s", (int)strcspn(by, ","), by,
                     flows_random(&random) % 2 ? "asc" : "desc");
            question.order = order;
        }
        if (flows_random(&random) % 3 == 0)
            question.from_ns = FLOWS_BASE_NS + (int64_t)(flows_random(&random) % 500000000000);
        if (flows_random(&random) % 3 == 0)
            question.to_ns = FLOWS_BASE_NS + INT64_C(500000000000) +
                             (int64_t)(flows_random(&random) % 200000000000);
        bool is_sampled = flows_random(&random) % 4 == 0;
        question.unscaled = flows_random(&random) % 2;
        scanned += compare(is_sampled ? sampled : plain, &question);
        weir_text_done(&where);
    }
    /* Else this tests DuckDB against itself. */
    assert_true(scanned > QUESTIONS / 2);
}

static void what_is_not_for_the_scan_is_left_to_sql(void **state)
{
    (void)state;
    if (!plain)
        skip();
    static const struct {
        const char *where, *by, *sum, *agg;
    } questions[] = {
        {"host 10.0.0.1", NULL, "flows", NULL},
        {"duration > 1s", NULL, "flows", NULL},
        {"app = dns", NULL, "flows", NULL},
        {"icmp_type = 8", NULL, "flows", NULL},
        {NULL, "icmp_type", "flows", NULL},
        {NULL, "app", "flows", NULL},
        {NULL, "start", "flows", NULL},
        {NULL, "protocol", NULL, "max(bytes)"},
        {NULL, "protocol", NULL, "distinct(tos)"},
        {NULL, "dscp", "flows", NULL},
        {"start > 2023-11-14T22:13:20Z", NULL, "flows", NULL},
    };
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct weir_question question = question_of_all();
        question.where = questions[i].where;
        question.by = questions[i].by;
        question.sum = questions[i].sum;
        question.agg = questions[i].agg;
        if (compare(plain, &question))
            fail_msg("question %zu was scanned", i);
    }
}

/* A counter is scaled where flows are grouped by it, too. */
static void counters_as_keys_are_scaled(void **state)
{
    (void)state;
    if (!plain)
        skip();
    struct weir_question question = question_of_all();
    question.by = "bytes,rev_packets";
    question.sum = "flows";
    assert_false(compare(sampled, &question));
    question.unscaled = true;
    assert_true(compare(sampled, &question));
}

/* The low words of IPv4's network, under another high word: 1::ffff:a00:1 is not 10.0.0.1. */
static void addresses_that_share_a_low_word_are_told_apart(void **state)
{
    (void)state;
    if (!plain)
        skip();
    static const char *const addresses[] = {"10.0.0.1", "1::ffff:a00:1", "10.0.0.2",
                                            "1::ffff:a00:2", "2::ffff:b00:1"};
    struct flows *flows = flows_of_sources(addresses, 5, 4000);
    static const char *const wheres[] = {"src net 10.0.0.0/8", "inet", "inet6",
                                         "not src net 10.0.0.0/8", "src net 1::/16"};
    static const unsigned expected[] = {1600, 1600, 2400, 2400, 1600};
    for (size_t i = 0; i < 5; i++) {
        struct weir_question question = question_of_all();
        question.where = wheres[i];
        question.by = "src_addr";
        question.sum = "flows,bytes";
        question.top = 10;
        assert_true(compare(flows, &question));
        question.by = NULL;
        question.sum = "flows";
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
        assert_int_equal(strtoul(csv + strlen("flows\n"), NULL, 10), expected[i]);
        free(csv);
    }
    flows_free(flows);
}

/* Stores are older than leaves of the schema: what a file lacks is none in it. */
static void files_that_lack_a_leaf_have_none_of_it(void **state)
{
    (void)state;
    if (!plain)
        skip();
    static const struct {
        size_t files;
        const char *lacks, *has; /* how many rows, of three files that all have flow_label */
    } cases[] = {{1, "flow_label = none", "501"},
                 {2, "flow_label = none", "1002"},
                 {3, "flow_label = none", "1500"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flows *flows = flows_new(31, ROWS, false);
        flows_drop_leaf(flows, "flow_label", cases[i].files);
        flows_drop_leaf(flows, "src_as", cases[i].files);
        struct weir_question question = question_of_all();
        question.sum = "flows,bytes";
        question.where = cases[i].lacks;
        assert_true(compare(flows, &question));
        question.sum = "flows";
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
        assert_string_equal(strtok(csv + strlen("flows\n"), "\n"), cases[i].has);
        free(csv);
        question.where = "src_as > 65000 or dst port 443";
        question.by = "src_as";
        question.top = 5;
        /* Files that are whole in time, that are partly, and both. */
        for (unsigned minutes = 0; minutes < 8; minutes++) {
            assert_true(compare(flows, &question));
            question.from_ns = FLOWS_BASE_NS + (int64_t)minutes * 60 * WEIR_NS_PER_SECOND;
            question.to_ns = question.from_ns + 200 * WEIR_NS_PER_SECOND;
        }
        flows_free(flows);
    }
}

static char *ask_sql(const char *folder, const char *sql)
{
    struct weir_diag diag = {0};
    char *text;
    if (try_ask_sql(folder, sql, WEIR_FORMAT_CSV, &text, &diag) < 0)
        fail_msg("%s: %s", sql, diag.text);
    return text;
}

/* Records, and SQL of people: every column is there, in its place. */
static void sql_finds_the_columns_that_files_lack(void **state)
{
    (void)state;
    if (!plain)
        skip();
    for (size_t files = 1; files <= 3; files++) {
        struct flows *flows = flows_new(31, ROWS, false);
        flows_drop_leaf(flows, "sampler", files);
        flows_drop_leaf(flows, "src_as", files);
        char *whole = ask_sql(plain->folder, "select * exclude (sampler, src_as) from flows "
                                             "order by flow_label");
        char *lacking = ask_sql(flows->folder, "select * exclude (sampler, src_as) from flows "
                                               "order by flow_label");
        assert_string_equal(whole, lacking);
        free(whole);
        free(lacking);
        lacking = ask_sql(flows->folder, "select count(*), count(sampler) from flows");
        assert_non_null(strstr(lacking, "\n1500,0\n"));
        free(lacking);
        flows_free(flows);
    }
}

static int make_flows(void **state)
{
    (void)state;
    if (!can_ask())
        return 0;
    plain = flows_new(31, ROWS, false);
    sampled = flows_new(32, ROWS, true);
    return 0;
}

static int free_flows(void **state)
{
    (void)state;
    flows_free(plain);
    flows_free(sampled);
    return 0;
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(random_questions_have_one_answer),
        cmocka_unit_test(what_is_not_for_the_scan_is_left_to_sql),
        cmocka_unit_test(counters_as_keys_are_scaled),
        cmocka_unit_test(addresses_that_share_a_low_word_are_told_apart),
        cmocka_unit_test(files_that_lack_a_leaf_have_none_of_it),
        cmocka_unit_test(sql_finds_the_columns_that_files_lack),
    };
    return cmocka_run_group_tests_name("scan", all, make_flows, free_flows);
}
