/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"

#include "support/cmocka.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    char file[128];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    strcpy(folder->path, "/tmp/weir-output-XXXXXX");
    if (!mkdtemp(folder->path))
        return -1;
    snprintf(folder->file, sizeof(folder->file), "%s/out", folder->path);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    rmdir(folder->path);
    free(folder);
    return 0;
}

static unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void has_its_name_only_when_whole(void **state)
{
    struct folder *folder = *state;
    struct weir_output *output;
    struct weir_diag diag;
    struct stat status;
    assert_int_equal(weir_output_open(folder->file, &output, &diag), 0);
    assert_int_equal(weir_output_write(output, "flows", 5, &diag), 0);
    assert_int_equal(weir_output_flush(output, &diag), 0);
    assert_int_not_equal(stat(folder->file, &status), 0);
    assert_int_equal(weir_output_close(output, &diag), 0);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_size, 5);
    assert_int_equal(count_files(folder->path), 1);
}

static void abort_leaves_nothing(void **state)
{
    struct folder *folder = *state;
    struct weir_output *output;
    struct weir_diag diag;
    assert_int_equal(weir_output_open(folder->file, &output, &diag), 0);
    assert_int_equal(weir_output_write(output, "flows", 5, &diag), 0);
    weir_output_abort(output);
    assert_int_equal(count_files(folder->path), 0);
    weir_output_abort(NULL);
}

static void writes_more_than_its_buffer(void **state)
{
    struct folder *folder = *state;
    struct weir_output *output;
    struct weir_diag diag;
    enum { LARGE = 3 << 20 };
    char *octets = malloc(LARGE);
    assert_non_null(octets);
    for (size_t i = 0; i < LARGE; i++)
        octets[i] = (char)(i * 7 + i / 251);
    assert_int_equal(weir_output_open(folder->file, &output, &diag), 0);
    assert_int_equal(weir_output_write(output, octets, 1000, &diag), 0);
    assert_int_equal(weir_output_write(output, octets + 1000, LARGE - 2000, &diag), 0);
    assert_int_equal(weir_output_write(output, octets + LARGE - 1000, 1000, &diag), 0);
    assert_int_equal(weir_output_close(output, &diag), 0);
    char *found = malloc(LARGE);
    FILE *file = fopen(folder->file, "rb");
    assert_true(found && file);
    assert_int_equal(fread(found, 1, LARGE, file), LARGE);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    assert_memory_equal(found, octets, LARGE);
    free(found);
    free(octets);
}

static void a_link_stays_a_link(void **state)
{
    struct folder *folder = *state;
    struct weir_output *output;
    struct weir_diag diag;
    struct stat status;
    char target[160], text[16] = "";
    snprintf(target, sizeof(target), "%s/target", folder->path);
    assert_int_equal(symlink(target, folder->file), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(weir_output_open(folder->file, &output, &diag), 0);
        assert_int_equal(weir_output_write(output, "counters", i ? 5 : 8, &diag), 0);
        assert_int_equal(weir_output_close(output, &diag), 0);
    }
    assert_int_equal(lstat(folder->file, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    FILE *file = fopen(target, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text), file), 5);
    fclose(file);
    assert_string_equal(text, "count");
    unlink(target);
}

static void no_folder_is_an_error(void **state)
{
    (void)state;
    struct weir_output *output;
    struct weir_diag diag;
    assert_int_equal(weir_output_open("/nowhere/out", &output, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "/nowhere/out: opening: No such file or directory");
}

/* Before anything is written, and without a trace. */
static void is_checked_beforehand(void **state)
{
    struct folder *folder = *state;
    struct weir_diag diag;
    assert_int_equal(weir_output_check(folder->file, &diag), 0);
    assert_int_equal(weir_output_check("-", &diag), 0);
    assert_int_equal(weir_output_check("/dev/null", &diag), 0);
    assert_int_equal(count_files(folder->path), 0);
    assert_int_equal(symlink("leads-nowhere", folder->file), 0);
    assert_int_equal(weir_output_check(folder->file, &diag), 0);
    assert_int_equal(weir_output_check("/nowhere/out", &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "/nowhere/out: No such file or directory");
    assert_int_equal(weir_output_check(folder->path, &diag), WEIR_E_IO);
    assert_non_null(strstr(diag.text, ": Is a directory"));
    unlink(folder->file);
    assert_int_equal(chmod(folder->path, 0500), 0);
    if (geteuid() != 0) /* root may write anywhere */
        assert_int_equal(weir_output_check(folder->file, &diag), WEIR_E_IO);
    assert_int_equal(chmod(folder->path, 0700), 0);
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    struct weir_output *output;
    struct weir_diag diag;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(weir_output_open("/dev/full", &output, &diag), 0);
    assert_int_equal(weir_output_write(output, "flows", 5, &diag), 0);
    assert_int_equal(weir_output_close(output, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "/dev/full: writing: No space left on device");
}

static void a_failed_write_leaves_no_file(void **state)
{
    struct folder *folder = *state;
    struct weir_output *output;
    struct weir_diag diag;
    enum { LIMIT = 1000 };
    static const char octets[2 * LIMIT];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {LIMIT, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(weir_output_open(folder->file, &output, &diag), 0);
    assert_int_equal(weir_output_write(output, octets, sizeof(octets), &diag), 0);
    assert_int_equal(weir_output_flush(output, &diag), WEIR_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    /* There is room again, and nothing waits: what is missing is missing all the same. */
    assert_int_equal(weir_output_close(output, &diag), WEIR_E_IO);
    assert_non_null(strstr(diag.text, "an earlier write failed"));
    assert_int_equal(count_files(folder->path), 0);
}

static void nobody_reads(void **state)
{
    (void)state;
    struct weir_output *output;
    struct weir_diag diag;
    int ends[2];
    char path[64];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(weir_output_open(path, &output, &diag), 0);
    close(ends[1]);
    close(ends[0]);
    assert_int_equal(weir_output_write(output, "flows", 5, &diag), 0);
    assert_int_equal(weir_output_flush(output, &diag), WEIR_E_IO);
    assert_non_null(strstr(diag.text, "Broken pipe"));
    weir_output_abort(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_its_name_only_when_whole, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(abort_leaves_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(writes_more_than_its_buffer, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_link_stays_a_link, make_folder, remove_folder),
        cmocka_unit_test(no_folder_is_an_error),
        cmocka_unit_test_setup_teardown(is_checked_beforehand, make_folder, remove_folder),
        cmocka_unit_test(no_room_is_an_error),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_no_file, make_folder, remove_folder),
        cmocka_unit_test(nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
