/* SPDX-License-Identifier: Apache-2.0 */
#include "query/answer.h"

#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_text(void *context, const void *data, size_t length, struct weir_diag *diag)
{
    (void)diag;
    assert_int_equal(fwrite(data, 1, length, context), length);
    return 0;
}

struct row {
    enum weir_row_role role;
    struct weir_cell cells[6];
};

/* Rows as a format prints them; the caller frees. */
static char *print(enum weir_format format, const struct weir_answer_column *columns,
                   size_t column_count, const struct row *rows, size_t row_count)
{
    char *text = NULL;
    size_t length;
    struct weir_diag diag = {0};
    struct weir_printer *printer;
    FILE *out = open_memstream(&text, &length);
    const struct weir_text_sink sink = {.write = add_text, .context = out};
    const struct weir_query_stats stats = {.rows = row_count, .flows = 7, .sampling_known = true};
    assert_non_null(out);
    assert_int_equal(weir_printer_new(format, columns, column_count, 40, &sink, &printer, &diag),
                     0);
    for (size_t i = 0; i < row_count; i++)
        assert_int_equal(weir_printer_row(printer, rows[i].role, rows[i].cells, &diag), 0);
    assert_int_equal(weir_printer_finish(printer, &stats, &diag), 0);
    weir_printer_free(printer);
    fclose(out);
    return text;
}

static struct weir_cell text_cell(const char *text)
{
    return (struct weir_cell){.text = text, .length = strlen(text)};
}

static struct weir_cell number_cell(weir_int128 number)
{
    return (struct weir_cell){.integer = number};
}

static const struct weir_cell none = {.is_none = true};

static const struct weir_answer_column text_columns[] = {
    {.name = "a,b", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
    {.name = "c\"d", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
};

static void csv_quotes_what_has_to_be(void **state)
{
    (void)state;
    const struct row rows[] = {
        {WEIR_ROW, {text_cell("plain"), text_cell("with space")}},
        {WEIR_ROW, {text_cell("a,b"), text_cell("say \"x\"")}},
        {WEIR_ROW, {text_cell("two\nlines"), text_cell("cr\r")}},
        {WEIR_ROW, {text_cell(""), none}},
        {WEIR_ROW_OTHER, {none, none}},
        {WEIR_ROW_TOTAL, {none, none}},
    };
    char *text = print(WEIR_FORMAT_CSV, text_columns, 2, rows, sizeof(rows) / sizeof(rows[0]));
    assert_string_equal(text, "\"a,b\",\"c\"\"d\"\n"
                              "plain,with space\n"
                              "\"a,b\",\"say \"\"x\"\"\"\n"
                              "\"two\nlines\",\"cr\r\"\n"
                              "\"\",\n");
    free(text);
}

static void json_is_json(void **state)
{
    (void)state;
    const struct row rows[] = {
        {WEIR_ROW, {text_cell("q\"\\\n\x01"), none}},
        {WEIR_ROW, {text_cell("\xff"), text_cell("")}},
    };
    char *text = print(WEIR_FORMAT_JSON, text_columns, 2, rows, 2);
    assert_string_equal(
        text, "{\"columns\":[\n"
              "{\"name\":\"a,b\",\"type\":\"text\",\"unit\":\"\"},\n"
              "{\"name\":\"c\\\"d\",\"type\":\"text\",\"unit\":\"\"}],\n"
              "\"rows\":[\n"
              "{\"a,b\":\"q\\\"\\\\\\n\\u0001\",\"c\\\"d\":null},\n"
              "{\"a,b\":\"\xef\xbf\xbd\",\"c\\\"d\":\"\"}],\n"
              "\"stats\":{\"rows\":2,\"files\":0,\"files_pruned\":0,\"octets\":0,\"scaled\":false,"
              "\"flows_in_files\":7,\"sampling_unknown_in_files\":0,\"elapsed_ms\":0}}\n");
    free(text);
    text = print(WEIR_FORMAT_NDJSON, text_columns, 2, rows, 2);
    assert_string_equal(text, "{\"a,b\":\"q\\\"\\\\\\n\\u0001\",\"c\\\"d\":null}\n"
                              "{\"a,b\":\"\xef\xbf\xbd\",\"c\\\"d\":\"\"}\n");
    free(text);
    text = print(WEIR_FORMAT_JSON, text_columns, 2, rows, 0);
    assert_non_null(strstr(text, "\"rows\":[],\n\"stats\":{\"rows\":0,"));
    free(text);
}

static void every_kind_has_its_text(void **state)
{
    (void)state;
    const weir_int128 huge = (((weir_int128)1 << 126) - 1) * 2 + 1;
    const struct {
        enum weir_answer_kind kind;
        struct weir_cell cell;
        const char *json;
    } cases[] = {
        {WEIR_ANSWER_INTEGER, {.integer = 0}, "0"},
        {WEIR_ANSWER_INTEGER, {.integer = -17}, "-17"},
        {WEIR_ANSWER_INTEGER, {.integer = huge}, "170141183460469231731687303715884105727"},
        {WEIR_ANSWER_INTEGER, {.integer = -huge - 1}, "-170141183460469231731687303715884105728"},
        {WEIR_ANSWER_DECIMAL, {.integer = 5, .scale = 2}, "0.05"},
        {WEIR_ANSWER_DECIMAL, {.integer = -1234, .scale = 2}, "-12.34"},
        {WEIR_ANSWER_REAL, {.real = 0.1}, "0.1"},
        {WEIR_ANSWER_REAL, {.real = 1.0 / 3}, "0.3333333333333333"},
        {WEIR_ANSWER_REAL, {.real = 1e300}, "1e+300"},
        {WEIR_ANSWER_REAL, {.real = NAN}, "null"},
        {WEIR_ANSWER_REAL, {.real = -INFINITY}, "null"},
        {WEIR_ANSWER_BOOL, {.integer = 1}, "true"},
        {WEIR_ANSWER_BOOL, {.integer = 0}, "false"},
        {WEIR_ANSWER_ADDRESS, {.address = {0, 0xffffc0000201}}, "\"192.0.2.1\""},
        {WEIR_ANSWER_ADDRESS, {.address = {0x20010db800000000, 1}}, "\"2001:db8::1\""},
        {WEIR_ANSWER_MAC, {.integer = 0x00005e005301}, "\"00:00:5e:00:53:01\""},
        {WEIR_ANSWER_FLAGS, {.integer = 18}, "18"},
        {WEIR_ANSWER_TIME, {.integer = 1500000000}, "\"1970-01-01T00:00:01.500Z\""},
        {WEIR_ANSWER_TIME, {.integer = 1}, "\"1970-01-01T00:00:00.000000001Z\""},
        {WEIR_ANSWER_TIME, {.integer = -1000000}, "\"1969-12-31T23:59:59.999Z\""},
        {WEIR_ANSWER_BIN, {.integer = 60000000000}, "\"1970-01-01T00:01:00.000Z\""},
        {WEIR_ANSWER_INTEGER, {.is_none = true}, "null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct weir_answer_column column = {.name = "x",
                                                  .unit = "",
                                                  .kind = cases[i].kind,
                                                  .field.keep_v6 = WEIR_QUERY_FIELD_UNMASKED};
        const struct row row = {WEIR_ROW, {cases[i].cell}};
        char expected[128];
        char *text = print(WEIR_FORMAT_NDJSON, &column, 1, &row, 1);
        snprintf(expected, sizeof(expected), "{\"x\":%s}\n", cases[i].json);
        assert_string_equal(text, expected);
        free(text);
    }
}

static void tables_are_aligned(void **state)
{
    (void)state;
    struct weir_answer_column columns[] = {
        {.name = "src_addr/24",
         .unit = "",
         .kind = WEIR_ANSWER_ADDRESS,
         .is_key = true,
         .field = weir_query_field_of_column(WEIR_COLUMN_SRC_ADDR)},
        {.name = "protocol",
         .unit = "",
         .kind = WEIR_ANSWER_INTEGER,
         .names = WEIR_NAMES_PROTOCOL,
         .is_key = true,
         .field = weir_query_field_of_column(WEIR_COLUMN_PROTOCOL)},
        {.name = "app", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
        {.name = "bytes", .unit = "octets", .kind = WEIR_ANSWER_INTEGER},
        {.name = "tcp_flags", .unit = "", .kind = WEIR_ANSWER_FLAGS, .is_key = true},
    };
    columns[0].field.keep_v4 = 24;
    columns[0].field.keep_v6 = 64;
    const struct row rows[] = {
        {WEIR_ROW,
         {{.address = {0, 0xffffc0000200}},
          number_cell(6),
          text_cell("gr\xc3\xbc\xc3\x9f"),
          number_cell(999),
          number_cell(18)}},
        {WEIR_ROW,
         {{.address = {0x20010db800000000, 0}},
          number_cell(200),
          text_cell("a\tb"),
          number_cell(4712345678),
          none}},
        {WEIR_ROW_OTHER, {none, none, none, number_cell(12345), none}},
        {WEIR_ROW_TOTAL, {none, none, none, number_cell(9999), none}},
    };
    char *text = print(WEIR_FORMAT_TABLE, columns, 5, rows, 4);
    assert_string_equal(text, "src_addr/24    protocol  app      bytes  tcp_flags\n"
                              "192.0.2.0/24   tcp       gr\xc3\xbc\xc3\x9f       999  ...A..S.\n"
                              "2001:db8::/64  200       a\\x09b  4.71 G  -\n"
                              "other                            12.3 k\n"
                              "total                              9999\n");
    free(text);
}

static void magnitudes_round_without_surprise(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},         {9999, "9999"},    {10000, "10.0 k"},   {99949, "99.9 k"},
        {99950, "100 k"}, {999499, "999 k"}, {999500, "1.00 M"},  {1234567, "1.23 M"},
        {1e18, "1.00 E"}, {1e27, "1000 Y"},  {-12345, "-12.3 k"}, {0.5, "0.50"},
        {12.34, "12.3"},  {0.01, "0.01"},    {0.00123, "0.0012"}, {-1e-7, "-1e-07"},
    };
    const struct weir_answer_column column = {.name = "x", .unit = "", .kind = WEIR_ANSWER_REAL};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct row row = {WEIR_ROW, {{.real = cases[i].value}}};
        char *text = print(WEIR_FORMAT_TABLE, &column, 1, &row, 1);
        char *at = strchr(text, '\n') + 1;
        at += strspn(at, " ");
        at[strcspn(at, "\n")] = '\0';
        assert_string_equal(at, cases[i].text);
        free(text);
    }
}

static void charts_have_a_bar_a_bin(void **state)
{
    (void)state;
    const struct weir_answer_column columns[] = {
        {.name = "time", .unit = "", .kind = WEIR_ANSWER_BIN, .is_key = true, .bin_ms = 60000},
        {.name = "bytes", .unit = "octets", .kind = WEIR_ANSWER_INTEGER},
    };
    const struct row rows[] = {
        {WEIR_ROW, {number_cell(0), number_cell(1000)}},
        {WEIR_ROW, {number_cell((weir_int128)120 * 1000000000), number_cell(500)}},
    };
    char *text = print(WEIR_FORMAT_CHART, columns, 2, rows, 2);
    assert_string_equal(text, "bytes\n"
                              "1970-01-01 00:00:00Z  ██████████  1000\n"
                              "1970-01-01 00:01:00Z              0\n"
                              "1970-01-01 00:02:00Z  █████       500\n");
    free(text);
}

static void charts_have_a_line_a_group(void **state)
{
    (void)state;
    const struct weir_answer_column columns[] = {
        {.name = "time", .unit = "", .kind = WEIR_ANSWER_BIN, .is_key = true, .bin_ms = 60000},
        {.name = "app", .unit = "", .kind = WEIR_ANSWER_TEXT, .is_key = true},
        {.name = "bytes", .unit = "octets", .kind = WEIR_ANSWER_INTEGER},
    };
    const struct row rows[] = {
        {WEIR_ROW, {number_cell(0), text_cell("dns"), number_cell(1000)}},
        {WEIR_ROW_OTHER, {number_cell(0), none, number_cell(10)}},
        {WEIR_ROW, {number_cell((weir_int128)60 * 1000000000), text_cell("dns"), number_cell(500)}},
    };
    char *text = print(WEIR_FORMAT_CHART, columns, 3, rows, 3);
    assert_string_equal(text, "bytes\n"
                              "dns    █▄  1500\n"
                              "other  ▁   10\n"
                              "       1970-01-01 00:00:00Z to 1970-01-01 00:02:00Z\n");
    free(text);
}

static int refuse(void *context, const void *data, size_t length, struct weir_diag *diag)
{
    (void)data;
    (void)length;
    ++*(int *)context;
    return weir_diag_set(diag, WEIR_E_IO, "no room");
}

static void who_cannot_write_is_told(void **state)
{
    (void)state;
    for (int format = 0; format < WEIR_FORMAT_COUNT; format++) {
        int calls = 0;
        struct weir_diag diag = {0};
        struct weir_printer *printer;
        const struct weir_text_sink sink = {.write = refuse, .context = &calls};
        const struct weir_query_stats stats = {0};
        const struct weir_cell cells[] = {text_cell("x"), text_cell("y")};
        assert_int_equal(
            weir_printer_new((enum weir_format)format, text_columns, 2, 80, &sink, &printer, &diag),
            0);
        int result = 0;
        for (int i = 0; i < 100000 && result == 0; i++)
            result = weir_printer_row(printer, WEIR_ROW, cells, &diag);
        if (result == 0)
            result = weir_printer_finish(printer, &stats, &diag);
        assert_int_equal(result, WEIR_E_IO);
        assert_int_equal(calls, 1);
        weir_printer_free(printer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_quotes_what_has_to_be),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(every_kind_has_its_text),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(magnitudes_round_without_surprise),
        cmocka_unit_test(charts_have_a_bar_a_bin),
        cmocka_unit_test(charts_have_a_line_a_group),
        cmocka_unit_test(who_cannot_write_is_told),
    };
    return cmocka_run_group_tests_name("printer", tests, NULL, NULL);
}
