/* SPDX-License-Identifier: Apache-2.0 */
/* The tables beside flows: what is written is what DuckDB reads, in its place, once. */
#include "store/tables.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/catalog.h"
#include "store/duckdb.h"
#include "store/table_file.h"
#include "store/writer.h"
#include "store_files.h"
#include "support/cmocka.h"

#define SECOND WEIR_NS_PER_SECOND

static int64_t clock_ns = TEST_HOUR_NS;
static struct weir_duckdb *db;

static int make(void **state)
{
    char *path = malloc(STORE_PATH_MAX);
    assert_non_null(path);
    store_make(path);
    *state = path;
    return 0;
}

static int drop(void **state)
{
    store_remove(*state);
    free(*state);
    return 0;
}

static struct weir_store_writer *open_writer(const char *path, int64_t rotate_ns)
{
    struct weir_store_writer *writer = NULL;
    struct weir_diag diag = {0};
    const struct weir_store_writer_options options = {
        .path = path, .clock = weir_clock_manual(&clock_ns), .rotate_ns = rotate_ns};
    if (weir_store_writer_open(&options, &writer, &diag) < 0)
        fail_msg("%s", diag.text);
    return writer;
}

/* A row whose values follow from its number: some none, some negative, some as large as can be. */
static struct weir_table_row row_of(uint64_t number, int64_t time_ns)
{
    struct weir_table_row row = weir_table_row(WEIR_TABLE_LEDGER);
    weir_table_set_signed(&row, WEIR_LEDGER_TIME, time_ns / WEIR_NS_PER_MS);
    weir_table_set(&row, WEIR_LEDGER_MESSAGES, number);
    weir_table_set_signed(&row, WEIR_LEDGER_RECORDS_LOST, number % 2 ? -(int64_t)number : 5);
    if (number % 3 == 0)
        weir_table_set_address(&row, WEIR_LEDGER_EXPORTER_HIGH, weir_address_from_v4(0xc0000200u));
    if (number % 5 == 0)
        weir_table_set(&row, WEIR_LEDGER_DOMAIN, UINT32_MAX - number);
    if (number % 7 == 0)
        weir_table_set(&row, WEIR_LEDGER_OCTETS, UINT64_MAX - number);
    weir_table_set(&row, WEIR_LEDGER_PROTOCOL_VERSION, 10);
    return row;
}

static void add_rows(struct weir_store_writer *writer, uint64_t first, uint64_t count,
                     int64_t time_ns)
{
    struct weir_diag diag = {0};
    for (uint64_t i = first; i < first + count; i++) {
        const struct weir_table_row row = row_of(i, time_ns);
        if (weir_store_writer_add(writer, &row, &diag) < 0)
            fail_msg("%s", diag.text);
    }
}

static struct weir_store_counters close_writer(struct weir_store_writer *writer)
{
    struct weir_store_counters counters;
    struct weir_diag diag = {0};
    if (weir_store_writer_close(writer, &counters, &diag) < 0)
        fail_msg("%s", diag.text);
    return counters;
}

static size_t count_files(const char *path, const char *pattern)
{
    glob_t found = {0};
    char text[STORE_PATH_MAX + 100];
    snprintf(text, sizeof(text), "%s/%s", path, pattern);
    glob(text, 0, NULL, &found);
    size_t count = found.gl_pathc;
    globfree(&found);
    return count;
}

/* One number of the ledger's files; -1 without DuckDB. */
static int64_t ask(const char *path, const char *what)
{
    struct weir_duckdb_result *result = NULL;
    struct weir_diag diag = {0};
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "SELECT CAST(%s AS BIGINT) FROM read_parquet('%s/tables/*/*/*.parquet')", what, path);
    if (weir_duckdb_select(db, sql, &result, &diag) < 0)
        fail_msg("%s: %s", sql, diag.text);
    assert_int_equal(weir_duckdb_next(result, &diag), 1);
    int64_t value = (int64_t)weir_duckdb_get(result, 0, 0).integer;
    weir_duckdb_result_free(result);
    return value;
}

static void rows_are_what_was_written(void **state)
{
    enum { ROWS = 2 * WEIR_TABLE_FILE_ROWS + 100 };
    const char *path = *state;
    struct weir_store_writer *writer = open_writer(path, 60 * SECOND);
    add_rows(writer, 0, ROWS, TEST_HOUR_NS);
    struct weir_store_counters counters = close_writer(writer);
    assert_int_equal(counters.table_rows_stored, ROWS);
    assert_int_equal(counters.table_files_written, 1);
    assert_int_equal(counters.files_written + counters.records_stored, 0);
    assert_int_equal(count_files(path, "tables/ledger/date=2026-02-03/ledger-1770102000000-"
                                       "1770102000000-*.parquet"),
                     1);
    if (!db)
        skip();
    int64_t lost = 0, octets = 0, addresses = 0, domains = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        lost += i % 2 ? -i : 5;
        octets += i % 7 == 0;
        addresses += i % 3 == 0;
        domains += i % 5 == 0;
    }
    assert_int_equal(ask(path, "count(*)"), ROWS);
    assert_int_equal(ask(path, "sum(messages)"), (int64_t)ROWS * (ROWS - 1) / 2);
    assert_int_equal(ask(path, "sum(records_lost)"), lost);
    assert_int_equal(ask(path, "min(records_lost)"), ROWS % 2 ? -(ROWS - 2) : -(ROWS - 1));
    assert_int_equal(ask(path, "count(octets)"), octets);
    assert_int_equal(ask(path, "count(*) FILTER (octets = 18446744073709551615 - messages)"),
                     octets);
    assert_int_equal(ask(path, "count(*) FILTER (exporter_high = 0 AND exporter_low = "
                               "281473902969344)"),
                     addresses);
    assert_int_equal(ask(path, "count(*) FILTER (\"domain\" = 4294967295 - messages)"), domains);
    assert_int_equal(ask(path, "count(*) FILTER (protocol_version = 10 AND skew_ms IS NULL)"),
                     ROWS);
    assert_int_equal(ask(path, "epoch_ms(min(time))"), TEST_HOUR_NS / WEIR_NS_PER_MS);
}

static void files_are_of_their_time(void **state)
{
    const char *path = *state;
    struct weir_diag diag = {0};
    struct weir_store_writer *writer = open_writer(path, 60 * SECOND);
    add_rows(writer, 0, 3, TEST_HOUR_NS + 10 * SECOND);
    assert_int_equal(weir_store_writer_flush(writer, TEST_HOUR_NS + 59 * SECOND, &diag), 0);
    assert_int_equal(count_files(path, "tables/ledger/*/*"), 0);
    /* A row past the end ends the file, and so does time. */
    add_rows(writer, 3, 1, TEST_HOUR_NS + 60 * SECOND);
    assert_int_equal(count_files(path, "tables/ledger/*/*"), 1);
    add_rows(writer, 4, 1, TEST_HOUR_NS + 30 * SECOND);
    assert_int_equal(weir_store_writer_flush(writer, TEST_HOUR_NS + 120 * SECOND, &diag), 0);
    assert_int_equal(count_files(path, "tables/ledger/*/*"), 2);
    add_rows(writer, 5, 1, TEST_HOUR_NS + 86400 * SECOND);
    close_writer(writer);
    assert_int_equal(count_files(path, "tables/ledger/date=2026-02-04/*"), 1);
    assert_int_equal(count_files(path, "tables/interfaces"), 0);

    struct weir_catalog catalog;
    int64_t second_ms = TEST_HOUR_NS / WEIR_NS_PER_MS;
    assert_int_equal(
        weir_catalog_read_table(path, "ledger", second_ms, second_ms + 20000, &catalog, &diag), 0);
    assert_int_equal(catalog.count, 1);
    assert_int_equal(catalog.pruned_count, 2);
    weir_catalog_done(&catalog);
    /* The flows know nothing of them; a table without a row has no files. */
    assert_int_equal(weir_catalog_read(path, INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    assert_int_equal(catalog.count, 0);
    weir_catalog_done(&catalog);
    assert_int_equal(
        weir_catalog_read_table(path, "interfaces", INT64_MIN, INT64_MAX, &catalog, &diag), 0);
    assert_int_equal(catalog.count, 0);
    weir_catalog_done(&catalog);
    assert_int_equal(weir_catalog_read_table("/", "ledger", 0, 0, &catalog, &diag), WEIR_E_USAGE);
}

/* Begins a segment of a journal and gives it rows of flows and of the table. */
static void write_segment(struct weir_store_writer *writer,
                          const struct weir_journal_folder *folder, uint64_t id)
{
    struct weir_diag diag = {0};
    struct weir_batch *batch = weir_batch_new(64);
    assert_non_null(batch);
    assert_int_equal(weir_store_writer_begin_segment(writer, folder, id, &diag), 0);
    store_add_rows(batch, id * 10, 10, TEST_HOUR_NS);
    assert_int_equal(weir_store_writer_append(writer, batch, &diag), 0);
    add_rows(writer, id, 1, TEST_HOUR_NS);
    weir_batch_free(batch);
}

static void end_segment(struct weir_store_writer *writer, uint64_t next_id)
{
    const struct weir_store_next_segment next = {.id = next_id};
    struct weir_store_outcome outcome;
    weir_store_writer_end_segment(writer, &next);
    assert_int_equal(weir_store_writer_outcome(writer, &outcome), 0);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(weir_store_writer_outcome(writer, &outcome), WEIR_E_AGAIN);
}

static void rows_of_a_segment_come_with_its_files_and_once(void **state)
{
    const char *path = *state;
    struct weir_diag diag = {0};
    struct weir_journal_folder folder;
    struct weir_store_writer *writer = open_writer(path, 60 * SECOND);
    assert_int_equal(weir_journal_folder_take(path, 0, true, &folder, &diag), 0);
    write_segment(writer, &folder, 1);
    end_segment(writer, 3);
    assert_int_equal(count_files(path, "tables/ledger/date=2026-02-03/ledger-*-1-0-*.parquet"), 1);
    assert_int_equal(count_files(path, "date=*/hour=*/*.parquet"), 1);
    /* A writer that dies in a segment leaves nothing of it; the next attempt is the one. */
    write_segment(writer, &folder, 2);
    struct weir_store_counters counters = close_writer(writer);
    assert_int_equal(counters.table_rows_stored, 1);
    assert_int_equal(counters.table_rows_not_stored, 0);
    assert_int_equal(count_files(path, "tables/ledger/*/*.parquet"), 1);
    writer = open_writer(path, 60 * SECOND);
    write_segment(writer, &folder, 2);
    end_segment(writer, 3);
    counters = close_writer(writer);
    assert_int_equal(counters.table_rows_stored, 1);
    assert_int_equal(counters.table_files_written, 1);
    assert_int_equal(counters.files_written, 1);
    assert_int_equal(count_files(path, "tables/ledger/*/*.parquet"), 2);
    assert_int_equal(count_files(path, "date=*/hour=*/*.parquet"), 2);
    weir_journal_folder_close(&folder);
    if (db)
        assert_int_equal(ask(path, "sum(messages)"), 3);
}

/* The folder of tables is a file: rows cannot get there. */
static void rows_that_cannot_be_stored_are_counted(void **state)
{
    const char *path = *state;
    char blocked[STORE_PATH_MAX + 16];
    struct weir_diag diag = {0};
    struct weir_store_writer *writer = open_writer(path, 60 * SECOND);
    snprintf(blocked, sizeof(blocked), "%s/tables", path);
    FILE *file = fopen(blocked, "w");
    assert_non_null(file);
    fclose(file);
    add_rows(writer, 0, 3, TEST_HOUR_NS);
    struct weir_store_counters counters;
    assert_int_equal(weir_store_writer_close(writer, &counters, &diag), WEIR_E_IO);
    assert_non_null(strstr(diag.text, "tables/ledger"));
    assert_int_equal(counters.table_rows_stored, 0);
    assert_int_equal(counters.table_rows_not_stored, 3);
    assert_int_equal(store_count_writers(path), 0);
}

static void tables_are_found_by_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WEIR_TABLE_COUNT; i++) {
        const struct weir_table_info *info = weir_table_info((enum weir_table)i);
        enum weir_table found;
        assert_int_equal(weir_table_find(info->schema.name, &found), 0);
        assert_int_equal(found, i);
        assert_int_equal(info->columns[0].type, WEIR_TABLE_TIME);
        unsigned leaves = 0;
        for (unsigned column = 0; column < info->column_count; column++)
            for (; leaves < info->schema.leaf_count && info->schema.leaves[leaves].column == column;
                 leaves++)
                assert_memory_equal(info->schema.leaves[leaves].name, info->columns[column].name,
                                    strlen(info->columns[column].name));
        assert_int_equal(leaves, info->schema.leaf_count);
    }
    enum weir_table none;
    assert_int_equal(weir_table_find("flows", &none), WEIR_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_what_was_written, make, drop),
        cmocka_unit_test_setup_teardown(files_are_of_their_time, make, drop),
        cmocka_unit_test_setup_teardown(rows_of_a_segment_come_with_its_files_and_once, make, drop),
        cmocka_unit_test_setup_teardown(rows_that_cannot_be_stored_are_counted, make, drop),
        cmocka_unit_test(tables_are_found_by_name),
    };
    struct weir_diag diag = {0};
    if (weir_duckdb_open(&(struct weir_duckdb_options){.threads = 1}, &db, &diag) < 0)
        printf("# without DuckDB: %s\n", diag.text);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    weir_duckdb_close(db);
    return failed;
}
