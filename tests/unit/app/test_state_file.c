/* SPDX-License-Identifier: Apache-2.0 */
/* A state that cannot be written for a while. */
#include "app/state_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cmocka.h"

static void test_a_failure_is_said_once_and_counted(void **state)
{
    char folder[] = "/tmp/weir-state-XXXXXX", path[64];
    const struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    struct weir_state_file file;
    struct weir_diag text;
    int64_t now_ns = WEIR_NS_PER_SECOND;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/missing/state", folder);
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_state_file_init(&file, path, (struct weir_share){0}), 0);
    assert_false(weir_state_file_tick(&file, collector, now_ns, &text));
    assert_false(weir_state_file_tick(&file, collector, now_ns + 1, &text));

    /* There is no folder for it. */
    now_ns += WEIR_STATE_FILE_EVERY_NS;
    assert_true(weir_state_file_tick(&file, collector, now_ns, &text));
    assert_non_null(strstr(text.text, path));
    now_ns += WEIR_STATE_FILE_EVERY_NS;
    assert_false(weir_state_file_tick(&file, collector, now_ns, &text));
    assert_int_equal(file.counters.state_writes_failed, 2);

    *strrchr(path, '/') = 0;
    assert_int_equal(mkdir(path, 0777), 0);
    now_ns += WEIR_STATE_FILE_EVERY_NS;
    assert_true(weir_state_file_tick(&file, collector, now_ns, &text));
    assert_non_null(strstr(text.text, "again"));
    now_ns += WEIR_STATE_FILE_EVERY_NS;
    assert_false(weir_state_file_tick(&file, collector, now_ns, &text));
    assert_int_equal(file.counters.state_writes_failed, 2);

    assert_int_equal(unlink(file.path), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
    weir_state_file_done(&file);
    weir_collector_free(collector);
}

/* The state of a collector that had so many messages of this exporter, in a file of this time. */
static void leave_file(const char *path, const char *exporter, unsigned domain, int64_t saved_ns,
                       time_t written)
{
    const struct weir_collector_config config = weir_collector_defaults();
    const struct timespec times[] = {{.tv_sec = written}, {.tv_sec = written}};
    struct weir_state_file file;
    struct weir_collector *collector;
    struct weir_diag diag;
    uint8_t octets[16] = {0, 10, 0, 16, [15] = (uint8_t)domain};
    struct weir_datagram datagram = {.octets = octets, .length = sizeof(octets)};
    assert_int_equal(weir_address_parse(exporter, &datagram.source), 0);
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    assert_int_equal(weir_state_file_init(&file, path, (struct weir_share){0}), 0);
    assert_int_equal(weir_state_file_write(&file, collector, saved_ns, &diag), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    weir_state_file_done(&file);
    weir_collector_free(collector);
}

/* A backup that was put back has a later time than what was saved after it. */
static void test_the_state_that_was_saved_last_is_the_newest(void **state)
{
    char folder[] = "/tmp/weir-state-XXXXXX", path[64], second[72];
    const struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    struct weir_state_file file;
    struct weir_diag diag;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/state", folder);
    snprintf(second, sizeof(second), "%s.1", path);
    leave_file(path, "192.0.2.1", 1, 2000, 1000000);
    leave_file(second, "192.0.2.2", 2, 1000, 2000000);
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_state_file_init(&file, path, (struct weir_share){0}), 0);
    assert_int_equal(weir_state_file_read(&file, collector, &diag), 0);
    assert_int_equal(file.read_ns, 2000);
    assert_int_equal(weir_collector_sessions(collector)->count, 2);
    weir_state_file_done(&file);
    weir_collector_free(collector);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(second), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failure_is_said_once_and_counted),
        cmocka_unit_test(test_the_state_that_was_saved_last_is_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
