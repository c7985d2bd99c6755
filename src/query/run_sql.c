/* SPDX-License-Identifier: Apache-2.0 */
/* SQL that people write, over views of the flows and the tables, and the rows of a table. */
#include <string.h>

#include "query/printer.h"
#include "query/run_private.h"
#include "query/table.h"

/* The columns of a person's SQL, as the printers know columns. */
static int describe_sql(const struct weir_duckdb_result *result, const struct weir_zone *zone,
                        struct weir_arena *arena, struct weir_answer_column **ret_columns,
                        size_t *ret_count)
{
    static const enum weir_answer_kind kinds[] = {
        [WEIR_DUCKDB_NULL] = WEIR_ANSWER_TEXT,       [WEIR_DUCKDB_BOOL] = WEIR_ANSWER_BOOL,
        [WEIR_DUCKDB_INTEGER] = WEIR_ANSWER_INTEGER, [WEIR_DUCKDB_DECIMAL] = WEIR_ANSWER_DECIMAL,
        [WEIR_DUCKDB_REAL] = WEIR_ANSWER_REAL,       [WEIR_DUCKDB_TEXT] = WEIR_ANSWER_TEXT,
        [WEIR_DUCKDB_TIME] = WEIR_ANSWER_TIME,
    };
    unsigned count = weir_duckdb_column_count(result);
    struct weir_answer_column *columns = weir_arena_alloc(arena, (count + 1) * sizeof(*columns));
    if (!columns)
        return WEIR_E_NOMEM;
    for (unsigned i = 0; i < count; i++) {
        const char *name = weir_duckdb_column_name(result, i);
        columns[i].name = weir_arena_copy(arena, name, strlen(name) + 1);
        columns[i].unit = "";
        columns[i].zone = zone;
        columns[i].kind = kinds[weir_duckdb_column_kind(result, i)];
        columns[i].is_key = !weir_column_is_number(&columns[i]);
        columns[i].field.keep_v6 = WEIR_QUERY_FIELD_UNMASKED;
        if (!columns[i].name)
            return WEIR_E_NOMEM;
    }
    *ret_columns = columns;
    *ret_count = count;
    return 0;
}

static int print_sql(struct weir_run *run, struct weir_duckdb_result *result,
                     const struct weir_query_output *output)
{
    const struct weir_duckdb_value nothing = {.kind = WEIR_DUCKDB_NULL};
    struct weir_answer_column *columns;
    size_t count;
    struct weir_printer *printer = NULL;
    if (describe_sql(result, output->zone, &run->arena, &columns, &count) < 0)
        return weir_run_no_memory(run);
    struct weir_cell *cells = weir_arena_alloc(&run->arena, (count + 1) * sizeof(*cells));
    if (!cells)
        return weir_run_no_memory(run);
    int status = weir_printer_new(output->format, columns, count, output->screen_width,
                                  &output->sink, &printer, run->diag);
    if (status < 0)
        return status;
    while ((status = weir_duckdb_next(result, run->diag)) > 0) {
        int rows = status;
        for (int row = 0; row < rows && status > 0; row++) {
            for (unsigned i = 0; i < count; i++)
                cells[i] = weir_run_cell(columns[i].kind, weir_duckdb_get(result, i, (unsigned)row),
                                         nothing);
            run->stats.rows++;
            int printed = weir_printer_row(printer, WEIR_ROW, cells, run->diag);
            status = printed < 0 ? printed : status;
        }
        if (status < 0)
            break;
    }
    if (status == 0) {
        run->stats.elapsed_ns = weir_clock_now(&run->store->clock) - run->begun_ns;
        status = weir_printer_finish(printer, &run->stats, run->diag);
    }
    weir_printer_free(printer);
    return status;
}

/* Every column and computed one, for the view. */
static int plan_view(struct weir_arena *arena, bool unscaled, struct weir_query_plan **ret_plan,
                     struct weir_diag *diag)
{
    const char *names = "";
    for (unsigned i = 0; names && i < WEIR_COLUMN_COUNT; i++)
        names = weir_arena_format(arena, "%s%s%s", names, i > 0 ? "," : "",
                                  weir_column_info((enum weir_column)i)->name);
    for (unsigned i = 0; names && i < WEIR_COMPUTED_COUNT; i++)
        names = weir_arena_format(arena, "%s,%s", names,
                                  weir_computed_info((enum weir_computed)i)->name);
    if (!names)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the query");
    const struct weir_question question = {
        .select = names,
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .unscaled = unscaled,
    };
    return weir_query_plan(&question, arena, ret_plan, diag);
}

/* Makes the view of a table. */
static int make_view(struct weir_run *run, enum weir_table table, int64_t from_ms, int64_t to_ms)
{
    struct weir_sql *sql = &run->statement.sql;
    struct weir_catalog catalog;
    const char *name = weir_table_info(table)->schema.name;
    int result = weir_catalog_read_table(run->folder ? run->folder : run->store->folder, name,
                                         from_ms, to_ms, &catalog, run->diag);
    if (result < 0)
        return result;
    const char *text = weir_sql_format(sql, "CREATE VIEW %s AS %s", weir_sql_name(sql, name),
                                       weir_table_view(sql, table, &catalog));
    run->stats.files += catalog.count;
    run->stats.files_pruned += catalog.pruned_count;
    run->stats.octets += catalog.octets;
    weir_catalog_done(&catalog);
    return sql->failed ? weir_run_no_memory(run) : weir_duckdb_run(run->db, text, run->diag);
}

/* The views of the tables that the SQL may name: to look for the files of all would take time. */
static int make_views(struct weir_run *run, const char *sql)
{
    int result = 0;
    for (unsigned i = 0; i < WEIR_TABLE_COUNT && result == 0; i++)
        if (strcasestr(sql, weir_table_info((enum weir_table)i)->schema.name))
            result = make_view(run, (enum weir_table)i, INT64_MIN, INT64_MAX);
    return result;
}

int weir_query_table(const struct weir_query_store *store,
                     const struct weir_table_question *question,
                     const struct weir_query_output *output, struct weir_diag *diag)
{
    struct weir_duckdb_result *rows = NULL;
    struct weir_run run;
    weir_run_begin(&run, store, NULL, diag);
    struct weir_sql *sql = &run.statement.sql;
    int result = weir_run_open_engine(&run, NULL);
    if (result == 0)
        result = make_view(&run, question->table, question->from_ms, question->to_ms);
    if (result == 0) {
        const char *text = weir_table_rows(sql, question->table, question->from_ms, question->to_ms,
                                           question->top);
        result =
            sql->failed ? weir_run_no_memory(&run) : weir_duckdb_select(run.db, text, &rows, diag);
    }
    if (result == 0)
        result = print_sql(&run, rows, output);
    weir_duckdb_result_free(rows);
    return weir_run_finish(&run, result);
}

int weir_query_sql(const struct weir_query_store *store, const char *sql, bool unscaled,
                   const struct weir_query_output *output, struct weir_diag *diag)
{
    struct weir_arena arena;
    struct weir_query_plan *plan;
    struct weir_duckdb_result *rows = NULL;
    struct weir_run run;
    weir_arena_init(&arena, 1u << 20);
    int result = plan_view(&arena, unscaled, &plan, diag);
    if (result < 0) {
        weir_arena_done(&arena);
        return result;
    }
    result = weir_run_prepare(&run, store, plan, diag);
    if (result == 0)
        result = weir_run_open_engine(&run, NULL);
    if (result == 0) {
        const char *view = weir_sql_format(&run.statement.sql, "CREATE VIEW flows AS %s",
                                           weir_statement_shown(&run.statement));
        result = run.statement.sql.failed ? weir_run_no_memory(&run)
                                          : weir_duckdb_run(run.db, view, diag);
    }
    if (result == 0)
        result = make_views(&run, sql);
    if (result == 0)
        result = weir_duckdb_select(run.db, sql, &rows, diag);
    if (result == WEIR_E_USAGE)
        weir_diag_prefix(diag, "--sql");
    if (result == 0)
        result = print_sql(&run, rows, output);
    weir_duckdb_result_free(rows);
    result = weir_run_finish(&run, result);
    weir_arena_done(&arena);
    return result;
}
