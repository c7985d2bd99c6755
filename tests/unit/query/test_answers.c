/* SPDX-License-Identifier: Apache-2.0 */
/* Answers against what the rows themselves come to. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "store/catalog.h"

static void groups_add_up(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_sampled);
    struct weir_question question = question_of_all();
    question.by = "protocol,src_addr";
    for (unsigned unscaled = 0; unscaled < 2; unscaled++) {
        question.unscaled = unscaled;
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
        char *fields[FIELDS_MAX];
        uint64_t bytes = 0, packets = 0, count = 0, last = UINT64_MAX;
        assert_int_equal(next_line(&at, fields), 5);
        assert_string_equal(fields[2], "bytes");
        assert_string_equal(fields[4], "flows");
        while (next_line(&at, fields) == 5) {
            uint64_t group = *fields[2] ? number_of(fields[2]) : 0;
            assert_true(group <= last);
            last = group;
            bytes += group;
            packets += *fields[3] ? number_of(fields[3]) : 0;
            count += number_of(fields[4]);
        }
        free(csv);
        for (size_t i = 0; i < flows->count; i++) {
            const struct flow *flow = &flows->rows[i];
            bytes -= unscaled
                         ? (flow->none[WEIR_COLUMN_BYTES] ? 0 : flow->number[WEIR_COLUMN_BYTES])
                         : scaled_counter(flow, WEIR_COLUMN_BYTES);
            packets -=
                unscaled ? (flow->none[WEIR_COLUMN_PACKETS] ? 0 : flow->number[WEIR_COLUMN_PACKETS])
                         : scaled_counter(flow, WEIR_COLUMN_PACKETS);
            count--;
        }
        assert_int_equal(bytes, 0);
        assert_int_equal(packets, 0);
        assert_int_equal(count, 0);
    }
}

/* The number that follows `name` in a JSON text, from `from` on. */
static uint64_t json_number(const char *json, const char *from, const char *name)
{
    const char *start = strstr(json, from);
    assert_non_null(start);
    const char *at = strstr(start, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void top_and_other_are_the_total(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_sampled);
    struct weir_question question = question_of_all();
    question.by = "dst_port";
    question.sum = "bytes,flows";
    for (question.top = 1; question.top <= 12; question.top++) {
        char *json = ask(flows->folder, &question, WEIR_FORMAT_JSON);
        uint64_t bytes = 0, count = 0, rows = 0;
        const char *stats = strstr(json, "\"stats\":");
        for (const char *at = json; (at = strstr(at, "\"dst_port\":")) != NULL; at++) {
            assert_true(at < stats);
            rows++;
            bytes += json_number(at, "", "\"bytes\":");
            count += json_number(at, "", "\"flows\":");
        }
        /* 9 ports, and none. */
        assert_int_equal(rows, question.top < 10 ? question.top : 10);
        assert_int_equal(strstr(json, "\"other\":") != NULL, question.top < 10);
        if (question.top < 10) {
            bytes += json_number(json, "\"other\":", "\"bytes\":");
            count += json_number(json, "\"other\":", "\"flows\":");
        }
        assert_int_equal(bytes, json_number(json, "\"total\":", "\"bytes\":"));
        assert_int_equal(count, flows->count);
        assert_int_equal(json_number(json, "\"total\":", "\"flows\":"), flows->count);
        free(json);
    }
}

static void functions_say_what_they_should(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.agg = "sum(tos),min(tos),max(tos),avg(tos),count(tos),distinct(tos),p50(tos),"
                   "distinct(src_addr),count(src_addr),flows,p0(tos),p100(tos),distinct(start)";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
    char *names[FIELDS_MAX], *values[FIELDS_MAX];
    assert_int_equal(next_line(&at, names), 13);
    assert_int_equal(next_line(&at, values), 13);
    unsigned counts[256] = {0}, present = 0, distinct = 0, addresses = 0, with_address = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < flows->count; i++) {
        const struct flow *flow = &flows->rows[i];
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = !flows->rows[j].none[WEIR_COLUMN_SRC_ADDR] &&
                   weir_address_equal(flows->rows[j].address[WEIR_COLUMN_SRC_ADDR],
                                      flow->address[WEIR_COLUMN_SRC_ADDR]);
        addresses += !flow->none[WEIR_COLUMN_SRC_ADDR] && !seen;
        with_address += !flow->none[WEIR_COLUMN_SRC_ADDR];
        if (flow->none[WEIR_COLUMN_TOS])
            continue;
        distinct += counts[flow->number[WEIR_COLUMN_TOS]]++ == 0;
        present++;
        sum += flow->number[WEIR_COLUMN_TOS];
    }
    unsigned low = 0, high = 255, middle = 0;
    while (!counts[low])
        low++;
    while (!counts[high])
        high--;
    for (unsigned below = counts[0]; below < (present + 1) / 2; below += counts[middle])
        middle++;
    assert_string_equal(names[6], "p50(tos)");
    assert_int_equal(number_of(values[0]), sum);
    assert_int_equal(number_of(values[1]), low);
    assert_int_equal(number_of(values[2]), high);
    assert_true(strtod(values[3], NULL) == (double)sum / present);
    assert_int_equal(number_of(values[4]), present);
    assert_int_equal(number_of(values[5]), distinct);
    assert_int_equal(number_of(values[6]), middle);
    assert_int_equal(number_of(values[7]), addresses);
    assert_int_equal(number_of(values[8]), with_address);
    assert_int_equal(number_of(values[9]), flows->count);
    assert_int_equal(number_of(values[10]), low);
    assert_int_equal(number_of(values[11]), high);
    free(csv);
}

static void addresses_group_by_network(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.by = "src_addr/24/48";
    question.sum = "flows";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
    char *fields[FIELDS_MAX];
    assert_int_equal(next_line(&at, fields), 2);
    assert_string_equal(fields[0], "src_addr/24/48");
    unsigned groups = 0;
    while (next_line(&at, fields) == 2) {
        struct weir_network network = {0};
        uint64_t expected = 0;
        groups++;
        if (*fields[0]) {
            assert_int_equal(weir_network_parse(fields[0], &network), 0);
            assert_int_equal(network.prefix_length, weir_address_is_v4(network.address) ? 120 : 48);
        }
        for (size_t i = 0; i < flows->count; i++)
            expected +=
                *fields[0] ? !flows->rows[i].none[WEIR_COLUMN_SRC_ADDR] &&
                                 weir_address_is_v4(flows->rows[i].address[WEIR_COLUMN_SRC_ADDR]) ==
                                     weir_address_is_v4(network.address) &&
                                 weir_network_contains(network,
                                                       flows->rows[i].address[WEIR_COLUMN_SRC_ADDR])
                           : flows->rows[i].none[WEIR_COLUMN_SRC_ADDR];
        assert_int_equal(number_of(fields[1]), expected);
    }
    /* 10.0.0, 10.0.1, 10.255.255, 11.0.0, 192.0.2, 255.255.255, 2001:db8:0, 2001:db9:0,
     * ffff:ffff:0, ::/48 (three rows), 0.0.0.0/24, and none */
    assert_int_equal(groups, 12);
    free(csv);
}

static void records_come_as_they_are(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.select = "flow_label,start,app,other,src_mac,tcp_flags,src_addr,ingressVRFID";
    char *json = ask(flows->folder, &question, WEIR_FORMAT_NDJSON);
    char *line = json;
    for (size_t i = 0; i < flows->count; i++) {
        char expected[64];
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        snprintf(expected, sizeof(expected), "{\"flow_label\":%zu,\"start\":", i);
        assert_memory_equal(line, expected, strlen(expected));
        const struct flow *flow = &flows->rows[i];
        const char *app = strstr(line, "\"app\":") + 6;
        if (flow->none[WEIR_COLUMN_APP])
            assert_memory_equal(app, "null,", 5);
        else if (strchr(flow->app, '\n'))
            assert_memory_equal(app, "\"a\\\"b,c\\n\",", 11);
        snprintf(expected, sizeof(expected),
                 flow->has_vrf ? "\"ingressVRFID\":%u}" : "\"ingressVRFID\":null}", flow->vrf);
        assert_non_null(strstr(line, expected));
        line = end + 1;
    }
    assert_string_equal(line, "");
    free(json);
}

static void records_sort_by_anything(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    static const char *const orders[] = {"bytes",     "bytes:desc",  "src_addr:asc",
                                         "start:asc", "duration_ms", "end"};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct weir_question question = question_of_all();
        question.order = orders[i];
        question.select = "bytes,start";
        question.top = 50;
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV), *at = csv;
        char *fields[FIELDS_MAX];
        unsigned rows = 0;
        uint64_t last = UINT64_MAX;
        char start[64] = "";
        (void)next_line(&at, fields);
        for (; next_line(&at, fields) == 2; rows++) {
            if (i < 2) {
                assert_true(number_of(fields[0]) <= last);
                last = number_of(fields[0]);
            } else if (i == 3) {
                assert_true(strncmp(fields[1], start, 19) >= 0);
                snprintf(start, sizeof(start), "%s", fields[1]);
            }
        }
        assert_int_equal(rows, 50);
        free(csv);
    }
}

/* 0 is no interval either. */
static void stats_say_how_many_flows_tell_no_sampling(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.sum = "bytes";
    static const struct {
        uint32_t sampling;
        const char *said;
    } cases[] = {
        {0, "\"flows_in_files\":5,\"sampling_unknown_in_files\":5,"},
        {1, "\"flows_in_files\":5,\"sampling_unknown_in_files\":0,"},
        {100, "\"flows_in_files\":5,\"sampling_unknown_in_files\":0,"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flows *flows = flows_of_counters(1000, cases[i].sampling, 5);
        char *json = ask(flows->folder, &question, WEIR_FORMAT_JSON);
        if (!strstr(json, cases[i].said))
            fail_msg("%s: %s", cases[i].said, json);
        free(json);
        flows_free(flows);
    }
}

/* Where some have one, some have none and some have 0, no footer tells. */
static void flows_that_tell_no_sampling_are_counted(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    struct flows *flows = flows_new(17, 3000, true);
    unsigned nones = 0, zeros = 0;
    char said[64];
    for (size_t i = 0; i < flows->count; i++) {
        bool is_none = flows->rows[i].none[WEIR_COLUMN_SAMPLING];
        nones += is_none;
        zeros += !is_none && flows->rows[i].number[WEIR_COLUMN_SAMPLING] == 0;
    }
    assert_true(nones > 0 && zeros > 0 && nones + zeros < flows->count);
    question.sum = "bytes";
    char *json = ask(flows->folder, &question, WEIR_FORMAT_JSON);
    snprintf(said, sizeof(said), "\"sampling_unknown_in_files\":%u,", nones + zeros);
    if (!strstr(json, said))
        fail_msg("%s: %s", said, json);
    free(json);
    flows_free(flows);
}

static void filters_cannot_leave_their_place(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    static const char *const filters[] = {
        "app = \"' or 1=1 --\"",
        "app = \"'); drop view flows; --\"",
        "app like \"%' union select 1 --\"",
        "app = '\\' or true or \\''",
        "app in [\"x')) or ((1=1\", '/*']",
    };
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct weir_question question = question_of_all();
        question.where = filters[i];
        question.sum = "flows";
        char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
        assert_string_equal(csv, "flows\n0\n");
        free(csv);
    }
}

static void wrong_questions_are_told(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question base = question_of_all();
    struct {
        struct weir_question question;
        const char *error;
    } cases[] = {
        {base, "--by: 'src_adr': no such column; did you mean 'src_addr'?"},
        {base, "--by: 'src_port/8': only addresses have prefixes, as in src_addr/24, "
               "src_addr/48 and src_addr/24/48"},
        {base, "--by: a column's name is missing"},
        {base, "--by: 'src_addr' is there twice"},
        {base, "--sum: 'src_addr' needs a column of numbers"},
        {base, "--agg: 'medium(bytes)' is none of sum(X) avg(X) min(X) max(X) count(X) "
               "distinct(X) p95(X) flows"},
        {base, "--agg: 'p101(bytes)' is none of sum(X) avg(X) min(X) max(X) count(X) "
               "distinct(X) p95(X) flows"},
        {base, "--order: 'byts' is no column of the answer; did you mean 'bytes'?"},
        {base, "--order: 'bytes:up': after the ':' comes asc or desc"},
        {base, "--to is not later than --from"},
        {base, "filter: column 6: 'x' is no value of src_port: a whole number from 0 to 65535 or "
               "a name was expected"},
    };
    size_t i = 0;
    cases[i++].question.by = "src_adr";
    cases[i++].question.by = "src_port/8";
    cases[i++].question.by = "src_addr,";
    cases[i++].question.by = "src_addr,srcip";
    cases[i++].question.sum = "src_addr";
    cases[i++].question.agg = "medium(bytes)";
    cases[i++].question.agg = "p101(bytes)";
    cases[i].question.by = "protocol";
    cases[i++].question.order = "byts";
    cases[i].question.by = "protocol";
    cases[i++].question.order = "bytes:up";
    cases[i].question.from_ns = 5;
    cases[i++].question.to_ns = 5;
    cases[i++].question.where = "port x";
    assert_int_equal(i, sizeof(cases) / sizeof(cases[0]));
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text;
        struct weir_diag diag = {0};
        assert_int_equal(try_ask(flows->folder, &cases[i].question, WEIR_FORMAT_CSV, &text, &diag),
                         WEIR_E_USAGE);
        assert_string_equal(diag.text, cases[i].error);
    }
}

static void an_empty_store_answers(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flows *none = flows_new(3, 0, false);
    struct weir_question question = question_of_all();
    char *csv = ask(none->folder, &question, WEIR_FORMAT_CSV);
    assert_memory_equal(csv, "received,exporter,", 18);
    assert_ptr_equal(strchr(csv, '\n'), csv + strlen(csv) - 1);
    free(csv);
    question.sum = "flows,bytes";
    csv = ask(none->folder, &question, WEIR_FORMAT_CSV);
    assert_string_equal(csv, "flows,bytes\n0,\n");
    free(csv);
    question.bin_ns = INT64_C(60000000000);
    csv = ask(none->folder, &question, WEIR_FORMAT_CSV);
    assert_string_equal(csv, "time,flows,bytes\n");
    free(csv);
    flows_free(none);
}

/* Cuts the first file of a store in half. */
static void damage(const char *folder)
{
    struct weir_catalog catalog;
    struct weir_diag diag = {0};
    assert_int_equal(weir_catalog_read(folder, INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    assert_int_equal(truncate(catalog.files[0].path, (off_t)catalog.files[0].octets / 2), 0);
    weir_catalog_done(&catalog);
}

static int keep_text(void *context, const void *data, size_t length, struct weir_diag *diag)
{
    (void)diag;
    strncat(context, data, length);
    return 0;
}

static void a_damaged_file_is_told_and_left_out(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    struct flows *flows = flows_new(4, 30, false);
    struct weir_question question = question_of_all();
    question.sum = "flows";
    damage(flows->folder);
    struct weir_arena arena;
    struct weir_query_plan *plan;
    struct weir_diag diag = {0};
    char text[256] = "";
    const struct weir_query_store store = {
        .folder = flows->folder, .threads = 1, .clock = weir_clock_system()};
    const struct weir_query_output output = {.format = WEIR_FORMAT_CSV,
                                             .sink = {.write = keep_text, .context = text}};
    weir_arena_init(&arena, 1 << 20);
    assert_int_equal(weir_query_plan(&question, &arena, &plan, &diag), 0);
    assert_int_equal(weir_query_run(&store, plan, &output, &diag), WEIR_E_MALFORMED);
    assert_non_null(strstr(diag.text, ".parquet: "));
    assert_string_equal(text, "flows\n19\n");
    weir_arena_done(&arena);
    flows_free(flows);
}

static void counters_past_64_bits_are_whole(void **state)
{
    (void)state;
    (void)flows_or_skip(stored_plain);
    /* Flows of nearly 2^64 octets, of each of which one packet in 2^32 - 1 was seen. */
    struct flows *flows = flows_of_counters(UINT64_MAX, UINT32_MAX, 11);
    struct weir_question question = question_of_all();
    question.sum = "bytes";
    char *csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
    /* (2^64 - 1) * (2^32 - 1) * 11 */
    assert_string_equal(csv, "bytes\n871509787453993528670933745675\n");
    free(csv);
    question.select = "bytes";
    question.sum = NULL;
    question.top = 1;
    csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
    assert_string_equal(csv, "bytes\n79228162495817593515539431425\n");
    free(csv);
    question.select = NULL;
    question.top = 0;
    question.sum = "bytes";
    question.where = "bytes > 18446744073709551615";
    question.bin_ns = INT64_C(1000000000);
    csv = ask(flows->folder, &question, WEIR_FORMAT_CSV);
    assert_non_null(strstr(csv, ",871509787453993528670933745675\n"));
    free(csv);
    flows_free(flows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_add_up),
        cmocka_unit_test(top_and_other_are_the_total),
        cmocka_unit_test(functions_say_what_they_should),
        cmocka_unit_test(addresses_group_by_network),
        cmocka_unit_test(records_come_as_they_are),
        cmocka_unit_test(records_sort_by_anything),
        cmocka_unit_test(stats_say_how_many_flows_tell_no_sampling),
        cmocka_unit_test(flows_that_tell_no_sampling_are_counted),
        cmocka_unit_test(filters_cannot_leave_their_place),
        cmocka_unit_test(wrong_questions_are_told),
        cmocka_unit_test(an_empty_store_answers),
        cmocka_unit_test(a_damaged_file_is_told_and_left_out),
        cmocka_unit_test(counters_past_64_bits_are_whole),
    };
    return cmocka_run_group_tests(tests, make_stores, remove_stores);
}
