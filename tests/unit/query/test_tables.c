/* SPDX-License-Identifier: Apache-2.0 */
/* Tables beside the flows, as views of SQL and by themselves. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "flows.h"
#include "query/columns.h"
#include "store/writer.h"

#define BASE_MS (FLOWS_BASE_NS / WEIR_NS_PER_MS)

static struct flows *flows;

static char *sql(const char *text)
{
    struct weir_diag diag = {0};
    char *answer;
    if (try_ask_sql(flows->folder, text, WEIR_FORMAT_CSV, &answer, &diag) < 0)
        fail_msg("%s: %s", text, diag.text);
    return answer;
}

static int add_text(void *context, const void *octets, size_t length, struct weir_diag *diag)
{
    (void)diag;
    return fwrite(octets, 1, length, context) == length ? 0 : WEIR_E_IO;
}

static char *rows(const struct weir_table_question *question, int expected)
{
    const struct weir_query_store store = {.folder = flows->folder, .clock = weir_clock_system()};
    struct weir_diag diag = {0};
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    const struct weir_query_output output = {.format = WEIR_FORMAT_CSV,
                                             .sink = {.write = add_text, .context = out}};
    int result = weir_query_table(&store, question, &output, &diag);
    fclose(out);
    if (result != expected)
        fail_msg("%d: %s", result, diag.text);
    return text;
}

static const struct weir_table_question everything = {
    .table = WEIR_TABLE_LEDGER, .from_ms = INT64_MIN, .to_ms = INT64_MAX};

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void add_minutes(unsigned first, unsigned count)
{
    struct weir_store_writer *writer;
    struct weir_diag diag = {0};
    const struct weir_store_writer_options options = {.path = flows->folder,
                                                      .clock = weir_clock_system()};
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), 0);
    for (unsigned i = first; i < first + count; i++) {
        struct weir_table_row row = weir_table_row(WEIR_TABLE_LEDGER);
        weir_table_set_signed(&row, WEIR_LEDGER_TIME, BASE_MS + 60000 * (int64_t)i);
        weir_table_set_address(&row, WEIR_LEDGER_EXPORTER_HIGH, weir_address_from_v4(0xc0000201u));
        weir_table_set(&row, WEIR_LEDGER_DOMAIN, 7);
        weir_table_set(&row, WEIR_LEDGER_RECORDS, 100);
        weir_table_set_signed(&row, WEIR_LEDGER_RECORDS_LOST, i % 2 ? -3 : 4);
        assert_int_equal(weir_store_writer_add(writer, &row, &diag), 0);
    }
    assert_int_equal(weir_store_writer_close(writer, NULL, &diag), 0);
}

/* Before anything is written: no row, and every column. */
static void tables_without_files_are_empty(void **state)
{
    (void)state;
    if (!flows)
        skip();
    char *header = rows(&everything, 0);
    assert_int_equal(strncmp(header, "time,since,exporter,domain,protocol_version,", 44), 0);
    assert_int_equal(count_lines(header), 1);
    char *text = sql("select * from ledger");
    assert_string_equal(text, header);
    free(text);
    free(header);
    text = sql("select count(*) from Interfaces where in_octets > 0");
    assert_non_null(strstr(text, "\n0\n"));
    free(text);
}

static void rows_are_chosen_by_time(void **state)
{
    (void)state;
    if (!flows)
        skip();
    add_minutes(0, 10);
    char *text = sql("select exporter, \"domain\", sum(records), sum(records_lost), min(time), "
                     "count(octets) from ledger group by all");
    char *fields[FIELDS_MAX], *at = text;
    assert_int_equal(next_line(&at, fields), 6);
    assert_int_equal(next_line(&at, fields), 6);
    assert_string_equal(fields[0], "192.0.2.1");
    assert_string_equal(fields[1], "7");
    assert_string_equal(fields[2], "1000");
    assert_string_equal(fields[3], "5");
    assert_string_equal(fields[4], "2023-11-14T22:13:20.000Z");
    assert_string_equal(fields[5], "0");
    free(text);
    struct weir_table_question question = everything;
    text = rows(&question, 0);
    assert_int_equal(count_lines(text), 11);
    free(text);
    question.from_ms = BASE_MS + 60000;
    question.to_ms = BASE_MS + 5 * 60000;
    text = rows(&question, 0);
    assert_int_equal(count_lines(text), 5);
    assert_non_null(strstr(text, "\n2023-11-14T22:14:20.000Z,"));
    assert_null(strstr(text, "\n2023-11-14T22:18:20.000Z,"));
    free(text);
    question.top = 2;
    text = rows(&question, 0);
    assert_int_equal(count_lines(text), 3);
    free(text);
    /* Beside flows, which know nothing of it. */
    text = sql("select (select count(*) from flows), (select count(*) from ledger)");
    assert_non_null(strstr(text, "\n50,10\n"));
    free(text);
}

static void a_folder_that_is_no_store_is_told(void **state)
{
    (void)state;
    if (!flows)
        skip();
    char folder[sizeof(flows->folder)];
    memcpy(folder, flows->folder, sizeof(folder));
    snprintf(flows->folder, sizeof(folder), "/");
    free(rows(&everything, WEIR_E_USAGE));
    memcpy(flows->folder, folder, sizeof(folder));
}

static void columns_are_listed(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < WEIR_TABLE_COUNT; i++) {
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        const struct weir_query_output output = {.format = WEIR_FORMAT_CSV,
                                                 .sink = {.write = add_text, .context = out}};
        assert_int_equal(weir_query_table_columns((enum weir_table)i, &output, &diag), 0);
        fclose(out);
        assert_int_equal(count_lines(text), weir_table_info((enum weir_table)i)->column_count + 1);
        assert_non_null(strstr(text, "\nexporter,address,"));
        free(text);
    }
}

static int make_flows(void **state)
{
    (void)state;
    if (can_ask())
        flows = flows_new(5, 50, false);
    return 0;
}

static int free_flows(void **state)
{
    (void)state;
    flows_free(flows);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_without_files_are_empty),
        cmocka_unit_test(rows_are_chosen_by_time),
        cmocka_unit_test(a_folder_that_is_no_store_is_told),
        cmocka_unit_test(columns_are_listed),
    };
    return cmocka_run_group_tests_name("tables", tests, make_flows, free_flows);
}
