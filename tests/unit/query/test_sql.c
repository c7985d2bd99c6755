/* SPDX-License-Identifier: Apache-2.0 */
/* SQL that people write, and answers that become Parquet. */
#include "support/cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answers.h"
#include "store/statistics.h"

static void sql_reads_the_view(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    char *csv, *at, *fields[FIELDS_MAX];
    struct weir_diag diag = {0};
    assert_int_equal(try_ask_sql(flows->folder,
                                 "select src_addr, count(*) as n, min(start) from flows "
                                 "where src_addr = '10.0.0.1' and app = 'it''s' group by 1",
                                 WEIR_FORMAT_CSV, &csv, &diag),
                     0);
    at = csv;
    uint64_t expected = 0;
    for (size_t i = 0; i < flows->count; i++)
        expected += !flows->rows[i].none[WEIR_COLUMN_SRC_ADDR] &&
                    flows->rows[i].address[WEIR_COLUMN_SRC_ADDR].low == 0xffff0a000001 &&
                    strcmp(flows->rows[i].app, "it's") == 0;
    assert_int_equal(next_line(&at, fields), 3);
    assert_string_equal(fields[1], "n");
    assert_int_equal(next_line(&at, fields), 3);
    assert_string_equal(fields[0], "10.0.0.1");
    assert_int_equal(number_of(fields[1]), expected);
    free(csv);
    assert_int_equal(try_ask_sql(flows->folder, "describe flows", WEIR_FORMAT_CSV, &csv, &diag), 0);
    assert_non_null(strstr(csv, "nat_dst_port"));
    assert_non_null(strstr(csv, "duration_ms"));
    free(csv);
}

static void types_of_sql_are_what_its_values_are(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    char *json;
    struct weir_diag diag = {0};
    assert_int_equal(try_ask_sql(flows->folder,
                                 "select 1::integer as i, 1.50::decimal(9, 2) as d, "
                                 "2::decimal(9, 0) as w, 0.5::double as r, 'x' as t",
                                 WEIR_FORMAT_JSON, &json, &diag),
                     0);
    assert_non_null(strstr(json, "{\"name\":\"i\",\"type\":\"integer\""));
    assert_non_null(strstr(json, "{\"name\":\"d\",\"type\":\"number\""));
    assert_non_null(strstr(json, "{\"name\":\"w\",\"type\":\"number\""));
    assert_non_null(strstr(json, "{\"name\":\"r\",\"type\":\"number\""));
    assert_non_null(strstr(json, "{\"i\":1,\"d\":1.50,\"w\":2,\"r\":0.5,\"t\":\"x\"}"));
    free(json);
}

static void sql_only_reads_and_only_here(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    static const char *const refused[] = {
        "drop view flows",
        "create table t as select * from flows",
        "select 1; drop view flows",
        "copy flows to '/tmp/weir-must-not-exist.csv'",
        "attach '/tmp/weir-must-not-exist.db'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '1TB'",
        "pragma database_list; select 1",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/etc/*')",
        "select getenv('HOME')",
        "select nonsense from flows",
        "selekt",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char *csv = NULL;
        struct weir_diag diag = {0};
        if (try_ask_sql(flows->folder, refused[i], WEIR_FORMAT_CSV, &csv, &diag) >= 0)
            fail_msg("%s gave\n%s", refused[i], csv);
    }
    assert_int_not_equal(access("/tmp/weir-must-not-exist.csv", F_OK), 0);
    assert_int_not_equal(access("/tmp/weir-must-not-exist.db", F_OK), 0);
}

static uint64_t number_of_files(const char *folder)
{
    uint64_t count = 0;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    for (const struct dirent *entry; (entry = readdir(opened));)
        count += entry->d_name[0] != '.';
    closedir(opened);
    return count;
}

/* The store is ".", and so is where the file goes; what cannot be made leaves nothing behind. */
static void parquet_is_whole_or_not_there(void **state)
{
    (void)state;
    struct flows *flows = flows_or_skip(stored_plain);
    struct weir_question question = question_of_all();
    question.sum = "flows";
    struct weir_arena arena;
    struct weir_query_plan *plan;
    struct weir_diag diag = {0};
    struct weir_statistics statistics = weir_statistics_none();
    struct weir_query_store store = {
        .folder = ".", .threads = 1, .memory_octets = 100000000, .clock = weir_clock_system()};
    int before = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(before >= 0);
    assert_int_equal(chdir(flows->folder), 0);
    weir_arena_init(&arena, 1 << 20);
    uint64_t files = number_of_files(".");
    assert_int_equal(weir_query_plan(&question, &arena, &plan, &diag), 0);
    assert_int_equal(weir_query_to_parquet(&store, plan, "answer.parquet", &diag), 0);
    assert_int_equal(weir_statistics_add(&statistics, "answer.parquet", &diag), 0);
    assert_int_equal(statistics.rows, 1);
    assert_int_equal(number_of_files("."), files + 1);
    assert_int_equal(unlink("answer.parquet"), 0);

    question.sum = NULL;
    question.by = "src_addr";
    assert_int_equal(weir_query_plan(&question, &arena, &plan, &diag), 0);
    struct rlimit limit, least;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    least = (struct rlimit){.rlim_cur = 16, .rlim_max = limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &least), 0);
    assert_true(weir_query_to_parquet(&store, plan, "answer.parquet", &diag) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(number_of_files("."), files);
    assert_int_equal(fchdir(before), 0);
    close(before);
    weir_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_reads_the_view),
        cmocka_unit_test(types_of_sql_are_what_its_values_are),
        cmocka_unit_test(sql_only_reads_and_only_here),
        cmocka_unit_test(parquet_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, make_stores, remove_stores);
}
