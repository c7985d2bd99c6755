/* SPDX-License-Identifier: Apache-2.0 */
/* A state that cannot be written for a while. */
#include "app/state_file.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_failure_is_said_once_and_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
