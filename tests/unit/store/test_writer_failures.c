/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose writer is killed, whose disk is full, or whose memory ends. */
#include "store/writer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batches.h"
#include "store/parquet.h"
#include "store_files.h"
#include "support/cmocka.h"

#define SECOND WEIR_NS_PER_SECOND

/* The linker puts these before the library's calls (--wrap): the one at zero fails. */

static _Atomic int64_t allocations_left = INT64_MAX;

/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return allocations_left-- == 0 ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocations_left-- == 0 ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return allocations_left-- == 0 ? NULL : __real_realloc(memory, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static int64_t clock_ns = TEST_HOUR_NS;
static bool is_behind; /* the run is of writers that finish in a thread */

static int make(void **state)
{
    static char path[STORE_PATH_MAX];
    store_make(path);
    *state = path;
    return 0;
}

static int drop(void **state)
{
    store_remove(*state);
    return 0;
}

static int open_writer(const char *path, struct weir_store_writer **ret_writer,
                       struct weir_diag *diag)
{
    struct weir_store_writer_options options = {.path = path,
                                                .clock = weir_clock_manual(&clock_ns),
                                                .row_group_rows = 1000,
                                                .rotate_ns = SECOND,
                                                .behind = is_behind};
    return weir_store_writer_open(&options, ret_writer, diag);
}

/* A second's rows, numbered from `first`, of which 500 come; each call arrives a second later. */
#define ROWS_A_SECOND 2500u
static int append_second(struct weir_store_writer *writer, struct weir_batch *batch, uint64_t first,
                         struct weir_diag *diag)
{
    int64_t received_ns = TEST_HOUR_NS + (int64_t)(first / ROWS_A_SECOND) * SECOND;
    weir_batch_clear(batch);
    for (uint32_t done = 0; done < ROWS_A_SECOND; done += 250)
        store_add_rows(batch, first + done, 250, received_ns);
    return weir_store_writer_append(writer, batch, diag);
}

/* Child of the kill test: writes for ever, and says on `fd` how many rows are on disk. */
static void write_until_killed(const char *path, int fd)
{
    struct weir_store_writer *writer;
    struct weir_batch *batch = weir_batch_new(ROWS_A_SECOND);
    struct weir_diag diag;
    if (open_writer(path, &writer, &diag) < 0)
        _exit(1);
    for (uint64_t first = 0;; first += ROWS_A_SECOND) {
        if (append_second(writer, batch, first, &diag) < 0)
            _exit(1);
        uint64_t stored = weir_store_writer_counters(writer)->records_stored;
        if (write(fd, &stored, sizeof(stored)) != sizeof(stored))
            _exit(1);
    }
}

static void test_a_killed_writer_leaves_whole_files(void **state)
{
    uint64_t random = 2026, removed = 0;
    for (unsigned round = 0; round < 12; round++) {
        char path[STORE_PATH_MAX];
        snprintf(path, sizeof(path), "%s/%u", (const char *)*state, round);
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_killed(path, ends[1]);
        close(ends[1]);
        /* After some seconds' rows, and some time into the next. */
        uint64_t stored = 0, said;
        for (uint64_t left = random_u64(&random) % 8 + 1; left > 0; left--)
            assert_int_equal(read(ends[0], &stored, sizeof(stored)), sizeof(stored));
        usleep((useconds_t)(random_u64(&random) % 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(ends[0], &said, sizeof(said)) == sizeof(said))
            stored = said;
        close(ends[0]);

        /* Each file is whole, and every row that was said to be on disk is there once. */
        uint64_t number_max = stored + 100 * ROWS_A_SECOND;
        struct store_contents contents = store_read(path, number_max);
        assert_true(contents.row_count >= stored);
        for (uint64_t i = 0; i < number_max; i++)
            assert_int_equal(contents.seen[i], i < contents.row_count);
        store_contents_done(&contents);

        struct weir_store_writer *writer;
        struct weir_store_counters counters;
        struct weir_diag diag;
        assert_int_equal(store_count_writers(path), 1);
        assert_int_equal(open_writer(path, &writer, &diag), 0);
        assert_int_equal(store_count_writers(path), 1);
        assert_int_equal(weir_store_writer_close(writer, &counters, &diag), 0);
        removed += counters.temporaries_removed;
    }
    assert_true(removed > 0);
}

/* Writes until the disk refuses; checks what was said of it, and what is there. */
static void write_until_full(const char *path, const char *reason)
{
    struct weir_store_writer *writer;
    struct weir_store_counters counters;
    struct weir_diag diag = {0};
    struct weir_batch *batch = weir_batch_new(ROWS_A_SECOND);
    uint64_t first = 0;
    int error = 0;
    assert_int_equal(open_writer(path, &writer, &diag), 0);
    for (; error == 0 && first < 1000 * ROWS_A_SECOND; first += ROWS_A_SECOND)
        error = append_second(writer, batch, first, &diag);
    assert_int_equal(error, WEIR_E_IO);
    assert_non_null(strstr(diag.text, path));
    assert_non_null(strstr(diag.text, reason));
    assert_null(strchr(diag.text, '\n'));
    (void)!weir_store_writer_close(writer, &counters, &diag);
    assert_int_equal(counters.records_stored + counters.records_not_stored, first);
    assert_true(counters.records_not_stored > 0);

    struct store_contents contents = store_read(path, first);
    assert_int_equal(contents.row_count, counters.records_stored);
    assert_int_equal(contents.file_count, counters.files_written);
    store_contents_done(&contents);
    assert_int_equal(store_count_writers(path), 0);
    weir_batch_free(batch);
}

static void test_a_full_disk_is_told(void **state)
{
    const char *path = *state;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", path, "tmpfs", 0, "size=2m") < 0) {
        printf("# skipped: no file system may be mounted: %s\n", strerror(errno));
        skip();
    }
    char store[STORE_PATH_MAX];
    snprintf(store, sizeof(store), "%s/store", path);
    write_until_full(store, "No space left on device");

    /* With room again, the store takes records again. */
    store_remove(store);
    struct weir_store_writer *writer;
    struct weir_diag diag;
    struct weir_batch *batch = weir_batch_new(ROWS_A_SECOND);
    assert_int_equal(open_writer(store, &writer, &diag), 0);
    assert_int_equal(append_second(writer, batch, 0, &diag), 0);
    assert_int_equal(weir_store_writer_close(writer, NULL, &diag), 0);
    struct store_contents contents = store_read(store, ROWS_A_SECOND);
    assert_int_equal(contents.row_count, ROWS_A_SECOND);
    store_contents_done(&contents);
    weir_batch_free(batch);
    assert_int_equal(umount(path), 0);
}

static void test_a_file_that_may_not_grow_is_told(void **state)
{
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 8000; /* a file has more in its footer */
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    write_until_full(*state, "File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
}

/* Opens, writes and closes; 0 or the first error. */
static int write_some(const char *path, const struct batches *all,
                      struct weir_store_counters *ret_counters, struct weir_diag *diag)
{
    struct weir_store_writer *writer;
    int error = open_writer(path, &writer, diag);
    if (error < 0)
        return error;
    for (size_t i = 0; error == 0 && i < all->count; i++)
        error = weir_store_writer_append(writer, all->batch[i], diag);
    int close_error = weir_store_writer_close(writer, ret_counters, diag);
    return error < 0 ? error : close_error;
}

static void test_memory_may_end_anywhere(void **state)
{
    struct batches *all = batches_new(3, 3, 600);
    unsigned failures = 0;
    for (int64_t n = 0;; n++) {
        struct weir_store_counters counters = {0};
        struct weir_diag diag = {0};
        char path[STORE_PATH_MAX];
        snprintf(path, sizeof(path), "%s/%lld", (const char *)*state, (long long)n);
        allocations_left = n;
        int error = write_some(path, all, &counters, &diag);
        bool reached = allocations_left < 0;
        allocations_left = INT64_MAX;
        if (!reached) {
            assert_int_equal(error, 0);
            assert_int_equal(counters.records_stored, all->row_count);
            break;
        }
        /* What only would save space or time may be done without. */
        if (error < 0) {
            failures++;
            assert_int_equal(error, WEIR_E_NOMEM);
            assert_int_equal(diag.error, WEIR_E_NOMEM);
            assert_non_null(strstr(diag.text, "no memory"));
        }
        assert_true(counters.records_stored + counters.records_not_stored <= all->row_count);
        if (error == 0)
            assert_int_equal(counters.records_stored, all->row_count);
    }
    assert_true(failures > 50);
    batches_free(all);
}

int main(int argc, char **argv)
{
    is_behind = argc > 1 && strcmp(argv[1], "behind") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_killed_writer_leaves_whole_files, make, drop),
        cmocka_unit_test_setup_teardown(test_a_file_that_may_not_grow_is_told, make, drop),
        cmocka_unit_test_setup_teardown(test_memory_may_end_anywhere, make, drop),
        /* Last: it leaves the process in a mount namespace of its own. */
        cmocka_unit_test_setup_teardown(test_a_full_disk_is_told, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
