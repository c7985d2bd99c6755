/* SPDX-License-Identifier: Apache-2.0 */
#include "app/counters.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "app/exposition.h"

/* What --stats and /metrics need of every row. */
static void every_row_is_fit_to_print(void **state)
{
    (void)state;
    for (const struct weir_counter_group *group = weir_counter_groups; group->title; group++) {
        assert_true(*group->count > 0);
        for (size_t i = 0; i < *group->count; i++) {
            const struct weir_counter *row = &group->rows[i];
            if (!row->name[0] ||
                strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(row->name))
                fail_msg("%s: a name for --stats is snake_case", row->name);
            size_t length = strlen(row->help);
            if (length == 0 || row->help[length - 1] == '.' || strpbrk(row->help, "\n|"))
                fail_msg("%s: its help is one line without a full stop or a bar", row->name);
            assert_int_equal(row->offset % sizeof(uint64_t), 0);
        }
    }
}

/* One object of --stats cannot have a name twice. */
static void names_of_one_object_differ(void **state)
{
    (void)state;
    for (const struct weir_counter_group *a = weir_counter_groups; a->title; a++)
        for (const struct weir_counter_group *b = a; b->title; b++)
            for (size_t i = 0; i < *a->count; i++)
                for (size_t j = a == b ? i + 1 : 0; j < *b->count; j++)
                    /* as far as the command's name */
                    if (strncmp(a->where, b->where, sizeof("In `weir meter`") - 1) == 0 &&
                        strcmp(a->rows[i].name, b->rows[j].name) == 0)
                        fail_msg("%s is in '%s' and in '%s'", a->rows[i].name, a->title, b->title);
}

/* Nor can a page of metrics. */
static void metrics_differ(void **state)
{
    (void)state;
    for (const struct weir_counter_group *a = weir_counter_groups; a->title; a++)
        for (const struct weir_counter_group *b = a; b->title; b++)
            for (size_t i = 0; a->prefix && b->prefix && i < *a->count; i++)
                for (size_t j = a == b ? i + 1 : 0; j < *b->count; j++) {
                    char left[WEIR_EXPOSITION_NAME_MAX], right[WEIR_EXPOSITION_NAME_MAX];
                    weir_exposition_name(a->prefix, &a->rows[i], left);
                    weir_exposition_name(b->prefix, &b->rows[j], right);
                    assert_string_not_equal(left, right);
                }
}

static void the_reference_has_every_row(void **state)
{
    (void)state;
    struct weir_text_buffer text;
    weir_text_init(&text, 1 << 20);
    weir_counters_reference(&text);
    const char *reference = weir_text_string(&text);
    for (const struct weir_counter_group *group = weir_counter_groups; group->title; group++) {
        assert_non_null(strstr(reference, group->title));
        for (size_t i = 0; i < *group->count; i++) {
            char row[512];
            char metric[WEIR_EXPOSITION_NAME_MAX] = "";
            if (group->prefix)
                weir_exposition_name(group->prefix, &group->rows[i], metric);
            snprintf(row, sizeof(row), "| `%s` | %s | %s%s%s%s | %s |\n", group->rows[i].name,
                     group->rows[i].is_gauge ? "gauge" : "counter", group->prefix ? "`" : "",
                     metric, group->prefix ? "` | " : "", weir_unit_text(group->rows[i].unit),
                     group->rows[i].help);
            assert_non_null(strstr(reference, row));
        }
    }
    weir_text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_fit_to_print),
        cmocka_unit_test(names_of_one_object_differ),
        cmocka_unit_test(metrics_differ),
        cmocka_unit_test(the_reference_has_every_row),
    };
    return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
