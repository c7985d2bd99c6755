/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duckdb.h"

#include "support/cmocka.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_db(void **state)
{
    struct weir_duckdb *db = NULL;
    struct weir_diag diag = {0};
    if (weir_duckdb_open(&(struct weir_duckdb_options){.threads = 1}, &db, &diag) < 0)
        printf("# skipped: %s\n", diag.text);
    *state = db;
    return 0;
}

static int close_db(void **state)
{
    weir_duckdb_close(*state);
    return 0;
}

static struct weir_duckdb *db_or_skip(void **state)
{
    if (!*state)
        skip();
    return *state;
}

static struct weir_duckdb_result *select_rows(struct weir_duckdb *db, const char *sql)
{
    struct weir_duckdb_result *result = NULL;
    struct weir_diag diag = {0};
    if (weir_duckdb_select(db, sql, &result, &diag) < 0)
        fail_msg("%s: %s", sql, diag.text);
    return result;
}

/* The value of a query of one row and column, as text made by us. */
static void one_value(struct weir_duckdb *db, const char *sql, struct weir_duckdb_value *ret_value,
                      char text[64])
{
    struct weir_duckdb_result *result = select_rows(db, sql);
    struct weir_diag diag = {0};
    assert_int_equal(weir_duckdb_next(result, &diag), 1);
    *ret_value = weir_duckdb_get(result, 0, 0);
    snprintf(text, 64, "%.*s", (int)ret_value->length, ret_value->text ? ret_value->text : "");
    ret_value->text = NULL;
    assert_int_equal(weir_duckdb_next(result, &diag), 0);
    weir_duckdb_result_free(result);
}

static void each_type_is_read_exactly(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    weir_int128 huge = ((weir_int128)INT64_MAX << 64) + (weir_int128)UINT64_MAX;
    const struct {
        const char *sql;
        enum weir_duckdb_kind kind;
        weir_int128 integer;
    } cases[] = {
        {"SELECT true", WEIR_DUCKDB_BOOL, 1},
        {"SELECT (-128)::TINYINT", WEIR_DUCKDB_INTEGER, -128},
        {"SELECT 255::UTINYINT", WEIR_DUCKDB_INTEGER, 255},
        {"SELECT (-32768)::SMALLINT", WEIR_DUCKDB_INTEGER, -32768},
        {"SELECT 65535::USMALLINT", WEIR_DUCKDB_INTEGER, 65535},
        {"SELECT (-2147483648)::INTEGER", WEIR_DUCKDB_INTEGER, INT32_MIN},
        {"SELECT 4294967295::UINTEGER", WEIR_DUCKDB_INTEGER, UINT32_MAX},
        {"SELECT (-9223372036854775808)::BIGINT", WEIR_DUCKDB_INTEGER, INT64_MIN},
        {"SELECT 18446744073709551615::UBIGINT", WEIR_DUCKDB_INTEGER, UINT64_MAX},
        {"SELECT 170141183460469231731687303715884105727::HUGEINT", WEIR_DUCKDB_INTEGER, huge},
        {"SELECT (-170141183460469231731687303715884105727)::HUGEINT", WEIR_DUCKDB_INTEGER, -huge},
        {"SELECT (-18446744073709551617)::HUGEINT", WEIR_DUCKDB_INTEGER,
         -(weir_int128)UINT64_MAX - 2},
        {"SELECT (-1.25)::DECIMAL(4,2)", WEIR_DUCKDB_DECIMAL, -125},
        {"SELECT 123456789.25::DECIMAL(18,2)", WEIR_DUCKDB_DECIMAL, 12345678925},
        {"SELECT 1.25::DECIMAL(38,2)", WEIR_DUCKDB_DECIMAL, 125},
        {"SELECT TIMESTAMP '1970-01-01 00:00:01.000002'", WEIR_DUCKDB_TIME, 1000002000},
        {"SELECT TIMESTAMPTZ '1970-01-01 00:00:01+01'", WEIR_DUCKDB_TIME, -3599000000000},
        {"SELECT '1969-12-31 23:59:59'::TIMESTAMP_S", WEIR_DUCKDB_TIME, -1000000000},
        {"SELECT '1970-01-01 00:00:00.007'::TIMESTAMP_MS", WEIR_DUCKDB_TIME, 7000000},
        {"SELECT '1970-01-01 00:00:00.000000007'::TIMESTAMP_NS", WEIR_DUCKDB_TIME, 7},
        {"SELECT NULL::BIGINT", WEIR_DUCKDB_NULL, 0},
        {"SELECT NULL", WEIR_DUCKDB_NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_duckdb_value value;
        char text[64];
        one_value(db, cases[i].sql, &value, text);
        if (value.kind != cases[i].kind || value.integer != cases[i].integer)
            fail_msg("%s: kind %d, integer %lld", cases[i].sql, (int)value.kind,
                     (long long)value.integer);
        if (value.kind == WEIR_DUCKDB_DECIMAL)
            assert_int_equal(value.scale, 2);
    }
}

static void reals_and_texts_are_read(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    struct weir_duckdb_value value;
    char text[64];
    one_value(db, "SELECT 0.5::FLOAT", &value, text);
    assert_true(value.kind == WEIR_DUCKDB_REAL && value.real == 0.5);
    one_value(db, "SELECT 1e300::DOUBLE", &value, text);
    assert_true(value.kind == WEIR_DUCKDB_REAL && value.real == 1e300);
    const struct {
        const char *sql, *text;
    } cases[] = {
        {"SELECT ''", ""},
        {"SELECT 'twelve octet'", "twelve octet"},
        {"SELECT 'thirteen octe' -- a comment at the end", "thirteen octe"},
        {"SELECT [1, 2] AS \"a \"\"b\" -- a type cast to text", "[1, 2]"},
        {"SELECT DATE '2024-02-29';", "2024-02-29"},
        {"SELECT {'a': 1}", "{'a': 1}"},
        {"SELECT 340282366920938463463374607431768211455::UHUGEINT",
         "340282366920938463463374607431768211455"},
        {"SELECT weir_address(0, 281473902969345)", "192.0.2.1"},
        {"SELECT weir_address(2306139568115548160, 1)", "2001:db8::1"},
        {"SELECT weir_mac(20015998348033)", "12:34:56:78:ab:01"},
        {"SELECT weir_flags(18)", "...A..S."},
        {"SELECT coalesce(weir_address(NULL, 1), 'none')", "none"},
        {"SELECT weir_address(h, l) FROM (VALUES (0::UBIGINT, NULL), (NULL, 7::UBIGINT), "
         "(0::UBIGINT, 281473902969345)) AS t(h, l) WHERE weir_address(h, l) IS NOT NULL",
         "192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one_value(db, cases[i].sql, &value, text);
        assert_int_equal(value.kind, WEIR_DUCKDB_TEXT);
        assert_string_equal(text, cases[i].text);
    }
}

static void names_survive_a_cast(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    struct weir_duckdb_result *result =
        select_rows(db, "SELECT 1 AS \"x\"\"y\", [1] AS list, 2 AS \"x\"\"y\"");
    assert_int_equal(weir_duckdb_column_count(result), 3);
    assert_string_equal(weir_duckdb_column_name(result, 0), "x\"y");
    assert_string_equal(weir_duckdb_column_name(result, 1), "list");
    assert_int_equal(weir_duckdb_column_kind(result, 1), WEIR_DUCKDB_TEXT);
    assert_int_equal(weir_duckdb_column_kind(result, 2), WEIR_DUCKDB_INTEGER);
    weir_duckdb_result_free(result);
}

static void many_chunks_keep_order_and_nulls(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    struct weir_duckdb_result *result =
        select_rows(db, "SELECT CASE WHEN i % 3 = 0 THEN NULL ELSE i END FROM range(10000) t(i)");
    struct weir_diag diag = {0};
    long long expected = 0;
    for (int rows; (rows = weir_duckdb_next(result, &diag)) != 0;) {
        assert_true(rows > 0);
        for (int row = 0; row < rows; row++, expected++) {
            struct weir_duckdb_value value = weir_duckdb_get(result, 0, (unsigned)row);
            assert_int_equal(value.kind,
                             expected % 3 == 0 ? WEIR_DUCKDB_NULL : WEIR_DUCKDB_INTEGER);
            if (value.kind != WEIR_DUCKDB_NULL)
                assert_true(value.integer == expected);
        }
    }
    assert_int_equal(expected, 10000);
    weir_duckdb_result_free(result);
}

static void only_one_reading_statement_is_taken(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    const struct {
        const char *sql, *text;
    } cases[] = {
        {"CREATE TABLE t (a INT)", "more than read"},
        {"COPY (SELECT 1) TO '/tmp/weir-must-not-exist'", "more than read"},
        {"SET memory_limit = '1TB'", "more than read"},
        {"ATTACH '/tmp/weir-must-not-exist.db'", "more than read"},
        {"SELECT 1; SELECT 2", "2 statements"},
        {"SELECT 1; DROP TABLE t", "2 statements"},
        {"", "no statement"},
        {"SELEC 1", "SELEC"},
        {"SELECT nothing", "nothing"},
        {"SELECT * FROM nowhere", "nowhere"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_duckdb_result *result = NULL;
        struct weir_diag diag = {0};
        assert_int_equal(weir_duckdb_select(db, cases[i].sql, &result, &diag), WEIR_E_USAGE);
        if (!strstr(diag.text, cases[i].text) || strchr(diag.text, '\n'))
            fail_msg("%s: %s", cases[i].sql, diag.text);
    }
}

static void errors_while_running_are_told(void **state)
{
    struct weir_duckdb *db = db_or_skip(state);
    struct weir_duckdb_result *result = NULL;
    struct weir_diag diag = {0};
    int status = weir_duckdb_select(db, "SELECT (i - 6000)::UTINYINT FROM range(5999, 20000) t(i)",
                                    &result, &diag);
    while (status == 0) {
        int rows = weir_duckdb_next(result, &diag);
        assert_int_not_equal(rows, 0);
        status = rows < 0 ? rows : 0;
    }
    weir_duckdb_result_free(result);
    assert_int_equal(status, WEIR_E_MALFORMED);
    assert_non_null(strstr(diag.text, "out of range"));
}

static void sql_sees_only_its_folders(void **state)
{
    (void)db_or_skip(state);
    char folder[] = "/tmp/weir-duckdb-XXXXXX", inside[64], outside[64], sql[256];
    assert_non_null(mkdtemp(folder));
    snprintf(inside, sizeof(inside), "%s/it's", folder);
    assert_int_equal(mkdir(inside, 0700), 0);
    snprintf(outside, sizeof(outside), "%s/out.csv", folder);
    snprintf(inside + strlen(inside), sizeof(inside) - strlen(inside), "/in.csv");
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(i ? outside : inside, "w");
        assert_non_null(file);
        fputs("a\n1\n", file);
        assert_int_equal(fclose(file), 0);
    }
    char allowed[64];
    snprintf(allowed, sizeof(allowed), "%s/it's", folder);
    struct weir_duckdb *db = NULL;
    struct weir_diag diag = {0};
    const struct weir_duckdb_options options = {
        .threads = 1,
        .folders = (const char *const[]){allowed, NULL},
    };
    assert_int_equal(weir_duckdb_open(&options, &db, &diag), 0);

    struct weir_duckdb_result *result = NULL;
    snprintf(sql, sizeof(sql), "SELECT a FROM read_csv('%s/it''s/in.csv')", folder);
    assert_int_equal(weir_duckdb_select(db, sql, &result, &diag), 0);
    assert_int_equal(weir_duckdb_next(result, &diag), 1);
    weir_duckdb_result_free(result);
    snprintf(sql, sizeof(sql), "SELECT a FROM read_csv('%s/it''s/../out.csv')", folder);
    assert_true(weir_duckdb_select(db, sql, &result, &diag) < 0);
    assert_true(weir_duckdb_run(db, "SET enable_external_access=true", &diag) < 0);
    weir_duckdb_close(db);

    unlink(outside);
    unlink(inside);
    rmdir(allowed);
    rmdir(folder);
}

static void memory_is_bounded(void **state)
{
    (void)db_or_skip(state);
    struct weir_duckdb *db = NULL;
    struct weir_diag diag = {0};
    const struct weir_duckdb_options options = {.threads = 1, .memory_octets = 8000000};
    assert_int_equal(weir_duckdb_open(&options, &db, &diag), 0);
    struct weir_duckdb_result *result = NULL;
    int status = weir_duckdb_select(
        db, "SELECT count(*) FROM (SELECT DISTINCT hash(i) FROM range(5000000) t(i))", &result,
        &diag);
    if (status == 0)
        status = weir_duckdb_next(result, &diag);
    assert_int_equal(status, WEIR_E_LIMIT);
    weir_duckdb_result_free(result);
    weir_duckdb_close(db);
}

static bool third_time(void *context)
{
    return ++*(int *)context >= 3;
}

static void a_statement_ends_when_told(void **state)
{
    (void)db_or_skip(state);
    for (unsigned threads = 1; threads <= 2; threads++) {
        int asked = 0;
        struct weir_duckdb *db = NULL;
        struct weir_diag diag = {0};
        const struct weir_duckdb_options options = {
            .threads = threads, .stop = third_time, .stop_context = &asked};
        assert_int_equal(weir_duckdb_open(&options, &db, &diag), 0);
        struct weir_duckdb_result *result = NULL;
        /* It would take hours. */
        assert_int_equal(
            weir_duckdb_select(db,
                               "SELECT count(*) FROM range(100000000) a, range(100000000) b "
                               "WHERE a.range % 7 = b.range % 11",
                               &result, &diag),
            WEIR_E_AGAIN);
        assert_int_equal(asked, 3);
        weir_duckdb_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_read_exactly),
        cmocka_unit_test(reals_and_texts_are_read),
        cmocka_unit_test(names_survive_a_cast),
        cmocka_unit_test(many_chunks_keep_order_and_nulls),
        cmocka_unit_test(only_one_reading_statement_is_taken),
        cmocka_unit_test(errors_while_running_are_told),
        cmocka_unit_test(sql_sees_only_its_folders),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_statement_ends_when_told),
    };
    return cmocka_run_group_tests_name("duckdb", tests, open_db, close_db);
}
