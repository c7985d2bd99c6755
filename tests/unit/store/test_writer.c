/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"
#include "store_files.h"
#include "support/cmocka.h"

#define SECOND WEIR_NS_PER_SECOND
#define HOUR   (3600 * SECOND)

static int64_t clock_ns = TEST_HOUR_NS;
static bool is_behind; /* the run is of writers that finish in a thread */

struct fixture {
    char path[STORE_PATH_MAX];
    struct weir_batch *batch;
};

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    store_make(fixture->path);
    fixture->batch = weir_batch_new(4096);
    assert_non_null(fixture->batch);
    *state = fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;
    store_remove(fixture->path);
    weir_batch_free(fixture->batch);
    free(fixture);
    return 0;
}

static struct weir_store_writer *open_writer(const struct fixture *fixture,
                                             struct weir_store_writer_options options)
{
    struct weir_store_writer *writer = NULL;
    struct weir_diag diag = {0};
    options.path = fixture->path;
    options.clock = weir_clock_manual(&clock_ns);
    options.behind = is_behind;
    if (weir_store_writer_open(&options, &writer, &diag) < 0)
        fail_msg("%s", diag.text);
    return writer;
}

/* Appends rows [first, first + count) as one batch of segments of up to 40 rows. */
static void append(struct fixture *fixture, struct weir_store_writer *writer, uint64_t first,
                   uint32_t count, int64_t received_ns, int64_t step_ns)
{
    struct weir_diag diag = {0};
    weir_batch_clear(fixture->batch);
    while (count > 0) {
        uint32_t rows = count < 40 ? count : 40;
        store_add_rows(fixture->batch, first, rows, received_ns);
        first += rows;
        count -= rows;
        received_ns += step_ns;
    }
    if (weir_store_writer_append(writer, fixture->batch, &diag) < 0)
        fail_msg("%s", diag.text);
}

static void wait_for_files(struct weir_store_writer *writer)
{
    struct weir_diag diag = {0};
    if (weir_store_writer_wait(writer, &diag) < 0)
        fail_msg("%s", diag.text);
}

static struct weir_store_counters close_writer(struct weir_store_writer *writer)
{
    struct weir_store_counters counters;
    struct weir_diag diag = {0};
    if (weir_store_writer_close(writer, &counters, &diag) < 0)
        fail_msg("%s", diag.text);
    return counters;
}

static void check_each_once(const struct fixture *fixture, uint64_t rows, size_t files)
{
    struct store_contents contents = store_read(fixture->path, rows);
    assert_int_equal(contents.row_count, rows);
    assert_int_equal(contents.file_count, files);
    for (uint64_t i = 0; i < rows; i++)
        assert_int_equal(contents.seen[i], 1);
    store_contents_done(&contents);
}

static void test_records_go_to_the_hour_of_their_arrival(void **state)
{
    struct fixture *fixture = *state;
    struct weir_store_writer *writer = open_writer(fixture, (struct weir_store_writer_options){0});
    /* 50 segments, 3 seconds apart, over the end of an hour: 2, 1 and 1 minutes are touched. */
    append(fixture, writer, 0, 2000, TEST_HOUR_NS - 90 * SECOND, 3 * SECOND);
    wait_for_files(writer);
    assert_int_equal(weir_store_writer_counters(writer)->files_written, 1);
    struct weir_store_counters last = close_writer(writer);
    assert_int_equal(last.records_stored, 2000);
    assert_int_equal(last.records_not_stored, 0);
    assert_int_equal(last.files_written, 3);
    assert_int_equal(last.files_finished_early, 0);
    check_each_once(fixture, 2000, 3);
    struct store_contents contents = store_read(fixture->path, 2000);
    assert_int_equal(contents.octets, last.octets_stored);
    store_contents_done(&contents);
    assert_int_equal(store_count_writers(fixture->path), 0);
}

static void test_flush_finishes_what_has_ended(void **state)
{
    struct fixture *fixture = *state;
    struct weir_diag diag = {0};
    struct weir_store_writer_options options = {.rotate_ns = 10 * SECOND};
    struct weir_store_writer *writer = open_writer(fixture, options);
    struct weir_batch_sink sink = weir_store_writer_sink(writer);
    append(fixture, writer, 0, 100, TEST_HOUR_NS + 5 * SECOND, 0);
    append(fixture, writer, 100, 100, TEST_HOUR_NS + 10 * SECOND, 0);
    check_each_once(fixture, 0, 0);
    assert_int_equal(sink.flush(sink.context, TEST_HOUR_NS + 9 * SECOND, &diag), 0);
    check_each_once(fixture, 0, 0);
    assert_int_equal(sink.flush(sink.context, TEST_HOUR_NS + 10 * SECOND, &diag), 0);
    wait_for_files(writer);
    check_each_once(fixture, 100, 1);
    /* Late ones get a file of their own. */
    append(fixture, writer, 200, 50, TEST_HOUR_NS + 9 * SECOND, 0);
    assert_int_equal(sink.flush(sink.context, TEST_HOUR_NS + 20 * SECOND, &diag), 0);
    wait_for_files(writer);
    check_each_once(fixture, 250, 3);
    close_writer(writer);
    check_each_once(fixture, 250, 3);
}

static void test_a_file_has_a_greatest_number_of_rows(void **state)
{
    struct fixture *fixture = *state;
    struct weir_store_writer_options options = {.file_rows_max = 1000, .row_group_rows = 300};
    struct weir_store_writer *writer = open_writer(fixture, options);
    for (uint64_t first = 0; first < 5000; first += 500)
        append(fixture, writer, first, 500, TEST_HOUR_NS, 0);
    assert_int_equal(close_writer(writer).files_written, 5);
    check_each_once(fixture, 5000, 5);
}

static void test_strange_arrivals_do_not_open_files_without_end(void **state)
{
    struct fixture *fixture = *state;
    struct weir_store_writer_options options = {.files_max = 2};
    struct weir_store_writer *writer = open_writer(fixture, options);
    static const int64_t received[] = {INT64_MAX,        INT64_MIN,       0, -1, TEST_HOUR_NS,
                                       INT64_MIN + HOUR, INT64_MAX - HOUR};
    uint64_t first = 0;
    struct weir_diag diag = {0};
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++, first++) {
            weir_batch_clear(fixture->batch);
            struct weir_segment segment = {.received_ns = received[i],
                                           .columns = WEIR_COLUMN_BIT(BYTES)};
            weir_batch_begin(fixture->batch, &segment, 1);
            weir_batch_u64(fixture->batch, WEIR_COLUMN_BYTES)[0] = first;
            assert_int_equal(weir_store_writer_append(writer, fixture->batch, &diag), 0);
        }
    struct weir_store_counters counters = close_writer(writer);
    assert_int_equal(counters.records_stored, first);
    assert_true(counters.files_finished_early > 0);
    check_each_once(fixture, first, counters.files_written);
}

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
    char path[STORE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool exists(const struct fixture *fixture, const char *name)
{
    char path[STORE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
    return access(path, F_OK) == 0;
}

static void expect_refusal(const char *path, int error, const char *text)
{
    struct weir_store_writer_options options = {.path = path,
                                                .clock = weir_clock_manual(&clock_ns)};
    struct weir_store_writer *writer = NULL;
    struct weir_diag diag = {0};
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), error);
    assert_null(writer);
    assert_non_null(strstr(diag.text, path));
    if (!strstr(diag.text, text))
        fail_msg("'%s' does not say '%s'", diag.text, text);
}

static void test_a_folder_of_other_things_is_refused(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "thesis.tex", "text");
    expect_refusal(fixture->path, WEIR_E_USAGE, "'thesis.tex'");
    assert_false(exists(fixture, WEIR_STORE_TEMPORARY_NAME));

    char path[STORE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/thesis.tex", fixture->path);
    expect_refusal(path, WEIR_E_USAGE, "Not a directory");
    snprintf(path, sizeof(path), "%s/thesis.tex/store", fixture->path);
    expect_refusal(path, WEIR_E_USAGE, "cannot be made");
}

static void test_a_store_is_known_by_its_marker(void **state)
{
    struct fixture *fixture = *state;
    close_writer(open_writer(fixture, (struct weir_store_writer_options){0}));
    assert_true(exists(fixture, WEIR_STORE_MARKER_NAME));
    write_file(fixture, "notes.txt", "beside a marker all may be");
    close_writer(open_writer(fixture, (struct weir_store_writer_options){0}));

    write_file(fixture, WEIR_STORE_MARKER_NAME, "weir store, schema 999\n");
    expect_refusal(fixture->path, WEIR_E_UNSUPPORTED, "schema 999");
    write_file(fixture, WEIR_STORE_MARKER_NAME, "");
    expect_refusal(fixture->path, WEIR_E_USAGE, "is not weir's");
}

static void test_folders_are_made(void **state)
{
    struct fixture *fixture = *state;
    char path[STORE_PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/var/lib//weir/", fixture->path);
    struct weir_store_writer_options options = {.path = path,
                                                .clock = weir_clock_manual(&clock_ns)};
    struct weir_store_writer *writer = NULL;
    struct weir_diag diag = {0};
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), 0);
    close_writer(writer);
    assert_true(exists(fixture, "var/lib/weir/" WEIR_STORE_MARKER_NAME));
}

static void test_options_are_checked(void **state)
{
    struct fixture *fixture = *state;
    struct weir_store_writer *writer = NULL;
    struct weir_diag diag = {0};
    struct weir_store_writer_options wrong[] = {
        {.rotate_ns = -1}, {.files_max = WEIR_STORE_FILES_MAX + 1}, {.row_group_rows = 131073}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        wrong[i].path = fixture->path;
        wrong[i].clock = weir_clock_manual(&clock_ns);
        assert_int_equal(weir_store_writer_open(&wrong[i], &writer, &diag), WEIR_E_USAGE);
    }
    assert_null(writer);
}

static void test_only_the_dead_ones_temporaries_are_removed(void **state)
{
    struct fixture *fixture = *state;
    struct weir_store_writer *alive = open_writer(fixture, (struct weir_store_writer_options){0});
    append(fixture, alive, 0, 100, TEST_HOUR_NS, 0);
    char path[STORE_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/.tmp/dead", fixture->path);
    assert_int_equal(mkdir(path, 0777), 0);
    write_file(fixture, ".tmp/dead/lock", "");
    write_file(fixture, ".tmp/dead/0.parquet", "PAR1");
    write_file(fixture, ".tmp/dead/1.parquet", "PAR1");
    snprintf(path, sizeof(path), "%s/.tmp/died-early", fixture->path);
    assert_int_equal(mkdir(path, 0777), 0);

    /* At the same moment and in the same process: the folder's name must still be its own. */
    struct weir_store_writer *second = open_writer(fixture, (struct weir_store_writer_options){0});
    assert_int_equal(store_count_writers(fixture->path), 2);
    append(fixture, second, 100, 100, TEST_HOUR_NS, 0);
    assert_int_equal(close_writer(second).temporaries_removed, 2);
    assert_int_equal(close_writer(alive).temporaries_removed, 0);
    check_each_once(fixture, 200, 2);
    assert_int_equal(store_count_writers(fixture->path), 0);
}

static void test_counters_are_described(void **state)
{
    (void)state;
    struct weir_store_counters counters = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    assert_int_equal(weir_store_counter_count * sizeof(uint64_t), sizeof(counters));
    for (size_t i = 0; i < weir_store_counter_count; i++)
        assert_int_equal(weir_counter_get(&weir_store_counter_table[i], &counters), i + 1);
}

int main(int argc, char **argv)
{
    is_behind = argc > 1 && strcmp(argv[1], "behind") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_go_to_the_hour_of_their_arrival, make, drop),
        cmocka_unit_test_setup_teardown(test_flush_finishes_what_has_ended, make, drop),
        cmocka_unit_test_setup_teardown(test_a_file_has_a_greatest_number_of_rows, make, drop),
        cmocka_unit_test_setup_teardown(test_strange_arrivals_do_not_open_files_without_end, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_a_folder_of_other_things_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(test_a_store_is_known_by_its_marker, make, drop),
        cmocka_unit_test_setup_teardown(test_folders_are_made, make, drop),
        cmocka_unit_test_setup_teardown(test_options_are_checked, make, drop),
        cmocka_unit_test_setup_teardown(test_only_the_dead_ones_temporaries_are_removed, make,
                                        drop),
        cmocka_unit_test(test_counters_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
