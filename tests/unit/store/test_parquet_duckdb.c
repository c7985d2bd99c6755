/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is read back by DuckDB value by value. */
#include "store/parquet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batches.h"
#include "store/duckdb.h"
#include "support/cmocka.h"

struct fixture {
    struct weir_duckdb *db;
    char path[64];
    int fd;
};

static int begin(void **state)
{
    static struct fixture fixture;
    struct weir_diag diag = {0};
    if (weir_duckdb_open(&(struct weir_duckdb_options){.threads = 1}, &fixture.db, &diag) < 0) {
        printf("# skipped: %s\n", diag.text);
        return 0;
    }
    strcpy(fixture.path, "/tmp/weir-parquet-XXXXXX");
    fixture.fd = mkstemp(fixture.path);
    *state = &fixture;
    return fixture.fd < 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    if (fixture) {
        close(fixture->fd);
        unlink(fixture->path);
        weir_duckdb_close(fixture->db);
    }
    return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
    if (!*state)
        skip();
    struct fixture *fixture = *state;
    assert_int_equal(ftruncate(fixture->fd, 0), 0);
    assert_int_equal(lseek(fixture->fd, 0, SEEK_SET), 0);
    return fixture;
}

static struct weir_parquet_summary write_all(struct fixture *fixture, const struct batches *all,
                                             const struct weir_parquet_options *options)
{
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *file;
    struct weir_parquet_summary summary;
    struct weir_diag diag = {0};
    assert_int_equal(weir_parquet_encoder_new(options, &encoder), 0);
    assert_int_equal(weir_parquet_new(encoder, &file), 0);
    weir_parquet_begin(file, fixture->fd);
    for (size_t i = 0; i < all->count; i++)
        assert_int_equal(
            weir_parquet_append(file, all->batch[i], 0, all->batch[i]->row_count, &diag), 0);
    assert_int_equal(weir_parquet_finish(file, &summary, &diag), 0);
    weir_parquet_free(file);
    weir_parquet_encoder_free(encoder);
    assert_int_equal(summary.rows, all->row_count);
    assert_int_equal(lseek(fixture->fd, 0, SEEK_END), (off_t)summary.octets);
    return summary;
}

static struct weir_duckdb_result *select_rows(struct fixture *fixture, const char *what)
{
    char sql[256];
    struct weir_duckdb_result *result = NULL;
    struct weir_diag diag = {0};
    snprintf(sql, sizeof(sql), "SELECT %s FROM read_parquet('%s')", what, fixture->path);
    if (weir_duckdb_select(fixture->db, sql, &result, &diag) < 0)
        fail_msg("%s: %s", sql, diag.text);
    return result;
}

static struct leaf_value leaf_of(struct weir_duckdb_value value, enum weir_leaf leaf)
{
    struct leaf_value found = {.is_none = value.kind == WEIR_DUCKDB_NULL,
                               .integer = (uint64_t)value.integer,
                               .text = value.text,
                               .length = value.length};
    if (weir_leaf_info(leaf)->type == WEIR_LEAF_TIME_MS)
        found.integer = (uint64_t)(int64_t)(value.integer / 1000000);
    return found;
}

static void check_all(struct fixture *fixture, const struct batches *all)
{
    struct weir_diag diag = {0};
    struct weir_duckdb_result *result = select_rows(fixture, "*");
    assert_int_equal(weir_duckdb_column_count(result), WEIR_LEAF_COUNT);
    for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++)
        assert_string_equal(weir_duckdb_column_name(result, leaf),
                            weir_leaf_info((enum weir_leaf)leaf)->name);
    uint64_t row = 0;
    int count;
    while ((count = weir_duckdb_next(result, &diag)) > 0) {
        for (unsigned i = 0; i < (unsigned)count; i++, row++)
            for (unsigned leaf = 0; leaf < WEIR_LEAF_COUNT; leaf++)
                batches_check(all, row, (enum weir_leaf)leaf,
                              leaf_of(weir_duckdb_get(result, leaf, i), (enum weir_leaf)leaf));
    }
    if (count < 0)
        fail_msg("%s", diag.text);
    assert_int_equal(row, all->row_count);
    weir_duckdb_result_free(result);
}

static void test_random_batches(void **state)
{
    static const uint32_t row_groups[] = {100, 1000, 0};
    fixture_or_skip(state);
    for (uint64_t seed = 1; seed <= 9; seed++) {
        struct fixture *fixture = fixture_or_skip(state);
        struct weir_parquet_options options = {.codec = (enum weir_codec)(seed % 3),
                                               .row_group_rows = row_groups[seed / 3 % 3]};
        struct batches *all = batches_new(seed, 4, 2000);
        write_all(fixture, all, &options);
        check_all(fixture, all);
        batches_free(all);
    }
}

/* The one number that a query gives. */
static uint64_t one_number(struct fixture *fixture, const char *sql)
{
    struct weir_duckdb_result *result = NULL;
    struct weir_diag diag = {0};
    if (weir_duckdb_select(fixture->db, sql, &result, &diag) < 0)
        fail_msg("%s: %s", sql, diag.text);
    assert_int_equal(weir_duckdb_next(result, &diag), 1);
    uint64_t number = (uint64_t)weir_duckdb_get(result, 0, 0).integer;
    weir_duckdb_result_free(result);
    return number;
}

/* Rows for which the leaf is there and, compared with `value`, equal or greater. */
static void count_rows(const struct batches *all, enum weir_leaf leaf, uint64_t value,
                       uint64_t *ret_equal, uint64_t *ret_greater)
{
    bool is_signed = weir_leaf_info(leaf)->type == WEIR_LEAF_TIME_MS;
    *ret_equal = *ret_greater = 0;
    for (uint64_t row = 0; row < all->row_count; row++) {
        struct leaf_value found = batches_value(all, row, leaf);
        if (found.is_none)
            continue;
        *ret_equal += found.integer == value;
        *ret_greater += is_signed ? (int64_t)found.integer > (int64_t)value : found.integer > value;
    }
}

/*
 * Small row groups and filters on each leaf: where statistics were in a wrong order, or a Bloom
 * filter wrong, rows would be missing.
 */
static void test_pruning_loses_nothing(void **state)
{
    struct fixture *fixture = fixture_or_skip(state);
    struct weir_parquet_options options = {.row_group_rows = 64};
    struct batches *all = batches_new(77, 3, 700);
    write_all(fixture, all, &options);
    uint64_t random = 5;
    for (unsigned i = 0; i < 3 * WEIR_LEAF_COUNT; i++) {
        enum weir_leaf leaf = (enum weir_leaf)(i % WEIR_LEAF_COUNT);
        const struct weir_leaf_info *info = weir_leaf_info(leaf);
        struct leaf_value value = batches_value(all, random_u64(&random) % all->row_count, leaf);
        if (info->type == WEIR_LEAF_STRING || value.is_none)
            continue;
        char column[64], sql[256], constant[64];
        bool is_time = info->type == WEIR_LEAF_TIME_MS;
        snprintf(column, sizeof(column), is_time ? "epoch_ms(\"%s\")" : "\"%s\"", info->name);
        snprintf(constant, sizeof(constant), is_time ? "%lld" : "%llu",
                 (unsigned long long)value.integer);
        uint64_t equal, greater;
        count_rows(all, leaf, value.integer, &equal, &greater);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM read_parquet('%s') WHERE %s = %s",
                 fixture->path, column, constant);
        assert_int_equal(one_number(fixture, sql), equal);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM read_parquet('%s') WHERE %s > %s",
                 fixture->path, column, constant);
        assert_int_equal(one_number(fixture, sql), greater);
        if (is_time) {
            /* The same on the time itself, which is what statistics are kept of. */
            snprintf(
                sql, sizeof(sql),
                "SELECT count(*) FROM read_parquet('%s') WHERE \"%s\" > make_timestamptz(%s000)",
                fixture->path, info->name, constant);
            assert_int_equal(one_number(fixture, sql), greater);
        }
    }
    batches_free(all);
}

static void test_bloom_filters_are_used(void **state)
{
    struct fixture *fixture = fixture_or_skip(state);
    struct weir_parquet_options options = {.row_group_rows = 512};
    struct batches *all = batches_new(78, 8, 3000);
    write_all(fixture, all, &options);
    uint64_t random = 6, groups = 0, excluded = 0;
    for (unsigned i = 0; i < 40; i++) {
        char sql[256];
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM parquet_bloom_probe('%s', 'src_addr_low', %llu::UBIGINT) "
                 "WHERE bloom_filter_excludes",
                 fixture->path, (unsigned long long)random_u64(&random));
        excluded += one_number(fixture, sql);
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM parquet_metadata('%s') WHERE path_in_schema = "
                 "'src_addr_low' AND bloom_filter_offset IS NOT NULL",
                 fixture->path);
        groups += one_number(fixture, sql);
    }
    assert_true(groups > 40);
    assert_true(excluded * 100 > groups * 90);
    batches_free(all);
}

static void test_an_empty_file_is_a_table(void **state)
{
    struct fixture *fixture = fixture_or_skip(state);
    struct batches none = {0};
    write_all(fixture, &none, &(struct weir_parquet_options){0});
    check_all(fixture, &none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_batches),
        cmocka_unit_test(test_pruning_loses_nothing),
        cmocka_unit_test(test_bloom_filters_are_used),
        cmocka_unit_test(test_an_empty_file_is_a_table),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
