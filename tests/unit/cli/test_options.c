/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define NOW_S INT64_C(1784714400) /* 2026-07-22T10:00:00Z */

enum { READ, FILTER, SAMPLE, IDLE, ENTRIES, MTU, FORMAT, FROM, BIFLOW, NEXT, BARE, OPTION_COUNT };

static const char *const formats[] = {"table", "csv", "json", NULL};

static const struct weir_option options[OPTION_COUNT] = {
    [READ] = {.name = "read", .letter = 'r', .kind = WEIR_OPTION_FILE, .repeatable = true},
    [FILTER] = {.name = "filter", .kind = WEIR_OPTION_TEXT, .repeatable = true},
    [SAMPLE] = {.name = "sample", .kind = WEIR_OPTION_TEXT, .repeatable = true},
    [IDLE] = {.name = "idle-timeout",
              .kind = WEIR_OPTION_DURATION,
              .fallback = "15s",
              .min = 1000000,
              .max = 3600000000000},
    [ENTRIES] = {.name = "entries", .kind = WEIR_OPTION_COUNT, .min = 1},
    [MTU] = {.name = "mtu", .kind = WEIR_OPTION_SIZE, .min = 128, .max = 65535},
    [FORMAT] = {.name = "format",
                .kind = WEIR_OPTION_CHOICE,
                .choices = formats,
                .fallback = "table"},
    [FROM] = {.name = "from", .kind = WEIR_OPTION_TIME},
    [BIFLOW] = {.name = "biflow", .letter = 'b'},
    [NEXT] = {.name = "next", .repeatable = true, .separates = true},
    [BARE] = {.letter = 'x', .kind = WEIR_OPTION_TEXT},
};

/* Splits at '|', parses, and hands the result over. */
static int parse(const char *line, struct weir_arguments *arguments, struct weir_diag *diag)
{
    static char copy[512];
    char *argv[32];
    int argc = 0;
    int64_t now_ns = NOW_S * WEIR_NS_PER_SECOND;
    struct weir_clock clock = weir_clock_manual(&now_ns);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *at = copy; *line && at; at = strchr(at, '|')) {
        if (argc > 0)
            *at++ = 0;
        argv[argc++] = at;
    }
    memset(diag, 0, sizeof(*diag));
    return weir_arguments_parse(arguments, options, OPTION_COUNT, argc, argv, &clock, diag);
}

static void good(const char *line, struct weir_arguments *arguments)
{
    struct weir_diag diag;
    if (parse(line, arguments, &diag) != 0)
        fail_msg("%s: %s", line, diag.text);
}

static void nothing_given(void **state)
{
    (void)state;
    struct weir_arguments a;
    good("", &a);
    assert_int_equal(a.given_count, 0);
    assert_int_equal(a.operand_count, 0);
    assert_false(weir_arguments_has(&a, READ));
    assert_false(weir_arguments_flag(&a, BIFLOW));
    assert_null(weir_arguments_text(&a, READ));
    assert_true(weir_arguments_ns(&a, IDLE) == 15 * WEIR_NS_PER_SECOND);
    assert_int_equal(weir_arguments_choice(&a, FORMAT), 0);
    assert_false(a.help || a.quiet || a.progress);
    weir_arguments_done(&a);
    weir_arguments_done(NULL);
}

static void every_form_of_a_value(void **state)
{
    (void)state;
    static const char *const forms[] = {"--read=a.pcap", "--read|a.pcap", "-r|a.pcap", "-ra.pcap",
                                        "-r=a.pcap",     "-br|a.pcap",    "-bra.pcap"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct weir_arguments a;
        good(forms[i], &a);
        assert_string_equal(weir_arguments_text(&a, READ), "a.pcap");
        assert_int_equal(weir_arguments_count_given(&a, READ), 1);
        weir_arguments_done(&a);
    }
}

static void values_by_kind(void **state)
{
    (void)state;
    struct weir_arguments a;
    good("--idle-timeout|1m30s|--entries|64k|--mtu=1.5k|--format|json|--from|-15m|-x|-", &a);
    assert_true(weir_arguments_ns(&a, IDLE) == 90 * WEIR_NS_PER_SECOND);
    assert_int_equal(weir_arguments_number(&a, ENTRIES), 64000);
    assert_int_equal(weir_arguments_number(&a, MTU), 1500);
    assert_int_equal(weir_arguments_choice(&a, FORMAT), 2);
    assert_true(weir_arguments_ns(&a, FROM) == (NOW_S - 900) * WEIR_NS_PER_SECOND);
    assert_string_equal(weir_arguments_text(&a, BARE), "-");
    weir_arguments_done(&a);
}

static void order_is_kept(void **state)
{
    (void)state;
    struct weir_arguments a;
    good("--filter|tcp|--sample=count:1/10|operand|--filter|port 80|-r|-|--sample|random:1/4", &a);
    static const struct {
        size_t option;
        const char *text;
    } rows[] = {{FILTER, "tcp"},
                {SAMPLE, "count:1/10"},
                {FILTER, "port 80"},
                {READ, "-"},
                {SAMPLE, "random:1/4"}};
    assert_int_equal(a.given_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(a.given[i].option, &options[rows[i].option]);
        assert_string_equal(a.given[i].text, rows[i].text);
    }
    assert_string_equal(weir_arguments_text(&a, FILTER), "port 80");
    assert_int_equal(weir_arguments_count_given(&a, FILTER), 2);
    assert_int_equal(a.operand_count, 1);
    weir_arguments_done(&a);
}

/* What is given once may be given once in each part, and has its fallback in the others. */
static void parts_are_separated(void **state)
{
    (void)state;
    struct weir_arguments a, part;
    struct weir_diag diag;
    good("-r|a|--idle-timeout|1s|--next|--format|csv|-r|b|--next|--idle-timeout|3s", &a);
    assert_true(weir_arguments_ns(&a, IDLE) == 3 * WEIR_NS_PER_SECOND);
    static const struct {
        int64_t idle_s;
        unsigned format, reads;
        const char *read;
    } rows[] = {{1, 0, 1, "a"}, {15, 1, 1, "b"}, {3, 0, 0, NULL}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(weir_arguments_part(&a, NEXT, i, &part), 0);
        assert_true(weir_arguments_ns(&part, IDLE) == rows[i].idle_s * WEIR_NS_PER_SECOND);
        assert_int_equal(weir_arguments_choice(&part, FORMAT), rows[i].format);
        assert_int_equal(weir_arguments_count_given(&part, READ), rows[i].reads);
        if (rows[i].read)
            assert_string_equal(weir_arguments_text(&part, READ), rows[i].read);
        weir_arguments_part_done(&part);
    }
    assert_int_equal(weir_arguments_part(&a, NEXT, 3, &part), WEIR_E_NOT_FOUND);
    weir_arguments_done(&a);
    assert_int_equal(parse("--next|--idle-timeout|1s|--idle-timeout|2s", &a, &diag), WEIR_E_USAGE);
    weir_arguments_done(&a);
}

static void operands(void **state)
{
    (void)state;
    struct weir_arguments a;
    good("one|-|-b|two|--|--read|-r|--", &a);
    static const char *const expected[] = {"one", "-", "two", "--read", "-r", "--"};
    assert_int_equal(a.operand_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(a.operands[i], expected[i]);
    assert_true(weir_arguments_flag(&a, BIFLOW));
    weir_arguments_done(&a);
}

static void common_options(void **state)
{
    (void)state;
    struct weir_arguments a;
    good("-bq|--progress|--from|2026-07-22 10:00|--tz|+02:00", &a);
    assert_true(a.quiet && a.progress && !a.help);
    assert_int_equal(a.given_count, 2);
    assert_true(weir_arguments_ns(&a, FROM) == (NOW_S - 7200) * WEIR_NS_PER_SECOND);
    weir_arguments_done(&a);

    good("--from|2026-07-22 10:00", &a);
    assert_true(weir_arguments_ns(&a, FROM) == NOW_S * WEIR_NS_PER_SECOND);
    weir_arguments_done(&a);

    /* --help ends it: what follows need not be right */
    good("--biflow|--help|--no-such", &a);
    assert_true(a.help);
    weir_arguments_done(&a);
}

static void mistakes_name_the_option(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *message;
    } rows[] = {
        {"--raed|x", "--raed: no such option; did you mean --read?"},
        {"--frobnicate", "--frobnicate: no such option; see --help"},
        {"-z", "-z: no such option; see --help"},
        {"-bz", "-z: no such option; see --help"},
        {"-format|csv", "-format: no such option; did you mean --format?"},
        {"-format=csv", "-format: no such option; did you mean --format?"},
        {"-formas", "-f: no such option; see --help"},
        {"--read", "--read: its value FILE is missing"},
        {"-r", "--read: its value FILE is missing"},
        {"-x", "-x: its value TEXT is missing"},
        {"--read|--biflow",
         "--read: its value FILE is missing before '--biflow'; if that is the value, write "
         "--read=--biflow"},
        {"--read=", "--read: its value FILE is empty"},
        {"--biflow=yes", "--biflow: takes no value, but 'yes' was given"},
        {"--idle-timeout|15x",
         "--idle-timeout: '15x' is not a duration such as 250ms, 15s, 1h30m or 7d"},
        {"--idle-timeout|15", "--idle-timeout: '15' is not a duration such as 250ms, 15s, 1h30m "
                              "or 7d"},
        {"--idle-timeout|10us", "--idle-timeout: 10us is not in 1ms to 1h"},
        {"--idle-timeout|2h", "--idle-timeout: 2h is not in 1ms to 1h"},
        {"--entries|0", "--entries: 0 is below 1, the least it may be"},
        {"--entries|many", "--entries: 'many' is not a whole number such as 65536 or 10k"},
        {"--mtu|64Ki", "--mtu: 64Ki is not in 128 to 65535"},
        {"--mtu|big", "--mtu: 'big' is not a size such as 1500, 64Ki or 1.5G"},
        {"--format|tabel", "--format: 'tabel' is none of table, csv, json; did you mean 'table'?"},
        {"--format|xml", "--format: 'xml' is none of table, csv, json"},
        {"--from|yesterday",
         "--from: 'yesterday' is not a time such as 2026-07-22, '2026-07-22 10:00', "
         "2026-07-22T10:00:00Z, 1784714400, now or -15m"},
        {"--mtu|1500|--mtu|9000", "--mtu: given twice: 1500 and 9000"},
        {"--tz|Atlantis/Capital",
         "--tz: 'Atlantis/Capital' is no time zone that this machine knows; write UTC, local, "
         "+02:00 or a name such as Europe/Zurich"},
        {"--tz|../../etc/passwd",
         "--tz: '../../etc/passwd' is no time zone that this machine knows; write UTC, local, "
         "+02:00 or a name such as Europe/Zurich"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_arguments a;
        struct weir_diag diag;
        assert_int_equal(parse(rows[i].line, &a, &diag), WEIR_E_USAGE);
        assert_string_equal(diag.text, rows[i].message);
        weir_arguments_done(&a);
    }
}

static void names_of_values(void **state)
{
    (void)state;
    const struct weir_option named = {.name = "to", .kind = WEIR_OPTION_URL, .value = "PLACE"};
    char room[WEIR_OPTION_NAME_MAX];
    assert_string_equal(weir_option_value_name(&named), "PLACE");
    assert_string_equal(weir_option_value_name(&options[IDLE]), "DURATION");
    assert_string_equal(weir_option_text(&options[BARE], room), "-x");
    assert_string_equal(weir_option_text(&options[READ], room), "--read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given),       cmocka_unit_test(every_form_of_a_value),
        cmocka_unit_test(values_by_kind),      cmocka_unit_test(order_is_kept),
        cmocka_unit_test(parts_are_separated), cmocka_unit_test(operands),
        cmocka_unit_test(common_options),      cmocka_unit_test(mistakes_name_the_option),
        cmocka_unit_test(names_of_values),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
