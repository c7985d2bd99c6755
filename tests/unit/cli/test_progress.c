/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is written to stderr, which is no terminal here, while `body` runs. */
static void stderr_of(void (*body)(void), char text[512])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    body();
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t length = read(ends[0], text, 511);
    close(ends[0]);
    assert_true(length >= 0);
    text[length] = 0;
}

static void show(bool force, bool quiet)
{
    struct weir_progress progress;
    weir_progress_init(&progress, force, quiet);
    weir_progress_show(&progress, "%d of %d", 1, 2);
    weir_progress_clear(&progress);
}

static void forced(void)
{
    show(true, false);
}

static void not_asked_for(void)
{
    show(false, false);
}

static void forced_and_quiet(void)
{
    show(true, true);
}

static void only_where_it_is_wanted(void **state)
{
    (void)state;
    char text[512];
    stderr_of(forced, text);
    assert_string_equal(text, "1 of 2\n");
    stderr_of(not_asked_for, text);
    assert_string_equal(text, "");
    stderr_of(forced_and_quiet, text);
    assert_string_equal(text, "");
}

static void is_due_after_a_while(void **state)
{
    (void)state;
    struct weir_progress progress;
    weir_progress_init(&progress, true, false);
    assert_false(weir_progress_due(&progress)); /* work that is done at once shows nothing */
    progress.next_ns = 0;
    assert_true(weir_progress_due(&progress));
    progress.wanted = false;
    assert_false(weir_progress_due(&progress));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_where_it_is_wanted),
        cmocka_unit_test(is_due_after_a_while),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
