/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool can_ask(void)
{
    struct weir_duckdb *db = NULL;
    struct weir_diag diag = {0};
    if (weir_duckdb_open(&(struct weir_duckdb_options){.threads = 1}, &db, &diag) < 0) {
        print_message("# skipped: %s\n", diag.text);
        return false;
    }
    weir_duckdb_close(db);
    return true;
}

struct weir_question question_of_all(void)
{
    return (struct weir_question){
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .context = {.now_ns = INT64_C(1700000600000000000)},
    };
}

static int add_text(void *context, const void *data, size_t length, struct weir_diag *diag)
{
    (void)diag;
    assert_int_equal(fwrite(data, 1, length, context), length);
    return 0;
}

static struct weir_query_store store_at(const char *folder)
{
    return (struct weir_query_store){.folder = folder, .threads = 1, .clock = weir_clock_system()};
}

int run_plan(const char *folder, const struct weir_query_plan *plan, bool sql_only,
             enum weir_format format, char **ret_text, struct weir_diag *diag)
{
    struct weir_query_store store = store_at(folder);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    const struct weir_query_output output = {.format = format,
                                             .sink = {.write = add_text, .context = out}};
    store.sql_only = sql_only;
    int result = weir_query_run(&store, plan, &output, diag);
    fclose(out);
    if (result < 0) {
        free(text);
        text = NULL;
    }
    *ret_text = text;
    return result;
}

int try_ask(const char *folder, const struct weir_question *question, enum weir_format format,
            char **ret_text, struct weir_diag *diag)
{
    struct weir_arena arena;
    struct weir_query_plan *plan;
    *ret_text = NULL;
    weir_arena_init(&arena, 64 << 20);
    int result = weir_query_plan(question, &arena, &plan, diag);
    if (result == 0)
        result = run_plan(folder, plan, false, format, ret_text, diag);
    weir_arena_done(&arena);
    return result;
}

char *ask(const char *folder, const struct weir_question *question, enum weir_format format)
{
    char *text;
    struct weir_diag diag = {0};
    if (try_ask(folder, question, format, &text, &diag) < 0)
        fail_msg("%s: %s", question->where ? question->where : "", diag.text);
    return text;
}

int try_ask_sql(const char *folder, const char *sql, enum weir_format format, char **ret_text,
                struct weir_diag *diag)
{
    const struct weir_query_store store = store_at(folder);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    const struct weir_query_output output = {.format = format,
                                             .sink = {.write = add_text, .context = out}};
    int result = weir_query_sql(&store, sql, false, &output, diag);
    fclose(out);
    if (result < 0) {
        free(text);
        text = NULL;
    }
    *ret_text = text;
    return result;
}

unsigned next_line(char **csv, char *fields[FIELDS_MAX])
{
    unsigned count = 0;
    char *at = *csv;
    if (!*at)
        return 0;
    for (bool more = true; more;) {
        char *to = at;
        bool quoted = false;
        fields[count++] = to;
        for (; *at && (quoted || (*at != ',' && *at != '\n')); at++) {
            if (*at == '"' && quoted && at[1] == '"')
                *to++ = *++at;
            else if (*at == '"')
                quoted = !quoted;
            else
                *to++ = *at;
        }
        more = *at == ',';
        at += *at != '\0';
        *to = '\0';
    }
    *csv = at;
    return count;
}

struct flows *stored_plain, *stored_sampled;

struct flows *flows_or_skip(struct flows *flows)
{
    if (!flows)
        skip();
    return flows;
}

uint64_t scaled_counter(const struct flow *flow, enum weir_column column)
{
    uint64_t interval = flow->none[WEIR_COLUMN_SAMPLING] ? 1 : flow->number[WEIR_COLUMN_SAMPLING];
    return flow->none[column] ? 0 : flow->number[column] * (interval > 1 ? interval : 1);
}

uint64_t number_of(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || !*text)
        fail_msg("'%s' is no number", text);
    return value;
}

int make_stores(void **state)
{
    (void)state;
    if (can_ask()) {
        stored_plain = flows_new(1, STORED_ROWS, false);
        stored_sampled = flows_new(2, STORED_ROWS, true);
    }
    return 0;
}

int remove_stores(void **state)
{
    (void)state;
    flows_free(stored_plain);
    flows_free(stored_sampled);
    return 0;
}
