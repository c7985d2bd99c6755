/* SPDX-License-Identifier: Apache-2.0 */
#include "query/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/output.h"
#include "query/printer.h"
#include "query/run_private.h"
#include "query/scan.h"
#include "query/scan_unknown.h"
#include "query/sieve.h"

/* Reads the footers. A file that has none is left out, and remembered. */
static int read_statistics(struct weir_run *run)
{
    struct weir_catalog *catalog = &run->catalog;
    size_t kept = 0;
    run->statistics = weir_statistics_none();
    for (size_t i = 0; i < catalog->count; i++) {
        struct weir_diag diag = {0};
        int result = weir_statistics_add(&run->statistics, catalog->files[i].path, &diag);
        if (result == 0) {
            catalog->files[kept++] = catalog->files[i];
            continue;
        }
        if (result == WEIR_E_NOMEM)
            return weir_diag_set(run->diag, WEIR_E_NOMEM, "no memory");
        if (!run->damage.error)
            run->damage = diag;
        catalog->octets -= catalog->files[i].octets;
        free(catalog->files[i].path);
    }
    catalog->count = kept;
    return 0;
}

static const struct weir_leaf_statistics *leaf(const struct weir_run *run, enum weir_column column)
{
    return &run->statistics.leaves[weir_leaf_of_column(column)];
}

/* Whether a counter times its sampling interval may pass 63 bits. */
static bool may_be_wide(const struct weir_run *run)
{
    static const enum weir_column counters[] = {WEIR_COLUMN_BYTES, WEIR_COLUMN_PACKETS,
                                                WEIR_COLUMN_REV_BYTES, WEIR_COLUMN_REV_PACKETS};
    uint64_t interval = run->statement.sql.scaled ? leaf(run, WEIR_COLUMN_SAMPLING)->max : 1;
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        const struct weir_leaf_statistics *counter = leaf(run, counters[i]);
        uint64_t product;
        if (!counter->is_known ||
            (counter->any && (__builtin_mul_overflow(counter->max, interval, &product) ||
                              product > (uint64_t)INT64_MAX)))
            return true;
    }
    return false;
}

static void describe(struct weir_run *run)
{
    const struct weir_leaf_statistics *sampling = leaf(run, WEIR_COLUMN_SAMPLING);
    const struct weir_leaf_statistics *size = leaf(run, WEIR_COLUMN_SAMPLING_SIZE);
    bool is_sampled = sampling->any && (!sampling->is_known || sampling->max > 1);
    run->statement.lacks_leaves = run->statistics.lacks_leaves;
    run->statement.sql.scaled = run->plan->scaled && is_sampled;
    run->statement.sql.sized = size->any && (!size->is_known || size->max > 1);
    run->statement.sql.flows_sampled = leaf(run, WEIR_COLUMN_FLOW_PROBABILITY)->any;
    run->statement.sql.has_other = leaf(run, WEIR_COLUMN_OTHER)->any;
    run->statement.sql.wide = may_be_wide(run);
    run->stats.scaled = run->statement.sql.scaled;
    run->stats.files = run->catalog.count;
    run->stats.files_pruned = run->catalog.pruned_count;
    run->stats.octets = run->catalog.octets;
    run->stats.flows = run->statistics.rows;
    /* Of 0, which is unknown too, footers tell only where none is, or all are. */
    bool all_zero = sampling->is_known && sampling->max == 0;
    run->stats.sampling_unknown = all_zero ? run->statistics.rows : sampling->none_count;
    run->stats.sampling_known = sampling->none_known && (!sampling->any || all_zero ||
                                                         (sampling->is_known && sampling->min > 0));
}

/* One flow of a wrong clock is enough for this, so it says what time there is to cut. */
static int too_many_bins(const struct weir_run *run, int64_t first_ms, int64_t past_ms)
{
    char first[WEIR_TIME_TEXT_MAX], past[WEIR_TIME_TEXT_MAX];
    weir_time_format_in(run->plan->zone, first_ms / 1000, 0, 0, first);
    weir_time_format_in(run->plan->zone, past_ms / 1000, 0, 0, past);
    return weir_diag_set(run->diag, WEIR_E_USAGE,
                         "--bin: more than %d bins from %s to %s: take wider ones, or less time "
                         "with --from and --to",
                         WEIR_QUERY_BINS_MAX, first, past);
}

/* The time that the bins of a series cover: what was asked, or all that files' names say. */
static int find_bins(struct weir_run *run)
{
    const struct weir_query_plan *plan = run->plan;
    int64_t first = plan->from_ms, past = plan->to_ms;
    int64_t start = INT64_MAX, end = INT64_MIN;
    if (plan->shape != WEIR_QUERY_SERIES)
        return 0;
    if (run->catalog.count == 0)
        return weir_bins_make(NULL, plan->bin_ms, 0, 0, &run->arena, &run->statement.bins,
                              run->diag);
    for (size_t i = 0; i < run->catalog.count; i++) {
        start = run->catalog.files[i].start_ms < start ? run->catalog.files[i].start_ms : start;
        end = run->catalog.files[i].end_ms > end ? run->catalog.files[i].end_ms : end;
    }
    first = first == INT64_MIN ? start : first;
    past = past == INT64_MAX && end != INT64_MAX ? end + 1 : past;
    if (first == INT64_MIN || past == INT64_MAX)
        return weir_diag_set(run->diag, WEIR_E_USAGE,
                             "--bin: not all files of the store say what time they hold: "
                             "give --from and --to");
    /* Below 1970 bins would be cut the other way. */
    first = first < 0 ? 0 : first;
    past = past < first ? first : past;
    if ((past - first) / plan->bin_ms >= WEIR_QUERY_BINS_MAX)
        return too_many_bins(run, first, past);
    run->statement.first_ms = first;
    run->statement.past_ms = past;
    return weir_bins_make(plan->zone, plan->bin_ms, first, past, &run->arena, &run->statement.bins,
                          run->diag);
}

void weir_run_begin(struct weir_run *run, const struct weir_query_store *store,
                    const struct weir_query_plan *plan, struct weir_diag *diag)
{
    *run = (struct weir_run){.store = store, .plan = plan, .diag = diag};
    run->begun_ns = weir_clock_now(&store->clock);
    weir_arena_init(&run->arena, WEIR_RUN_SQL_MAX);
    run->statement = (struct weir_statement){
        .sql = {.dialect = &weir_dialect_duckdb, .arena = &run->arena},
        .plan = plan,
        .files = &run->catalog,
    };
    run->folder = realpath(store->folder, NULL);
}

int weir_run_prepare(struct weir_run *run, const struct weir_query_store *store,
                     const struct weir_query_plan *plan, struct weir_diag *diag)
{
    weir_run_begin(run, store, plan, diag);
    int result = weir_catalog_read(run->folder ? run->folder : store->folder, plan->from_ms,
                                   plan->to_ms, &run->catalog, diag);
    if (result == 0)
        result = read_statistics(run);
    if (result < 0)
        return result;
    describe(run);
    return find_bins(run);
}

int weir_run_open_engine(struct weir_run *run, const char *second_folder)
{
    const char *const folders[] = {run->folder, second_folder, NULL};
    const struct weir_duckdb_options options = {
        .memory_octets = run->store->memory_octets,
        .threads = run->store->threads,
        .temp_dir = run->store->temp_dir,
        .folders = folders,
        .stop = run->store->stop,
        .stop_context = run->store->stop_context,
    };
    return weir_duckdb_open(&options, &run->db, run->diag);
}

int weir_run_finish(struct weir_run *run, int result)
{
    if (result == 0 && run->damage.error) {
        if (run->diag)
            *run->diag = run->damage;
        result = run->damage.error;
    }
    weir_duckdb_close(run->db);
    weir_catalog_done(&run->catalog);
    weir_arena_done(&run->arena);
    free(run->folder);
    return result;
}

int weir_run_no_memory(struct weir_run *run)
{
    return weir_diag_set(run->diag, WEIR_E_NOMEM, "no memory for the query");
}

struct weir_cell weir_run_cell(enum weir_answer_kind kind, struct weir_duckdb_value value,
                               struct weir_duckdb_value second)
{
    struct weir_cell cell = {.is_none = value.kind == WEIR_DUCKDB_NULL};
    if (cell.is_none)
        return cell;
    switch (kind) {
    case WEIR_ANSWER_ADDRESS:
        cell.address.high = (uint64_t)value.integer;
        cell.address.low = (uint64_t)second.integer;
        break;
    case WEIR_ANSWER_TIME:
        cell.integer = value.integer + (second.kind == WEIR_DUCKDB_NULL ? 0 : second.integer);
        break;
    case WEIR_ANSWER_BIN:
        cell.integer = value.integer * WEIR_NS_PER_MS;
        break;
    case WEIR_ANSWER_REAL:
        cell.real = value.kind == WEIR_DUCKDB_REAL ? value.real : (double)value.integer;
        break;
    case WEIR_ANSWER_TEXT:
        cell.text = value.text;
        cell.length = value.length;
        break;
    case WEIR_ANSWER_INTEGER:
    case WEIR_ANSWER_DECIMAL:
    case WEIR_ANSWER_BOOL:
    case WEIR_ANSWER_MAC:
    case WEIR_ANSWER_FLAGS:
        cell.integer = value.integer;
        cell.scale = value.scale;
        break;
    }
    return cell;
}

static struct weir_cell read_cell(const struct weir_duckdb_result *result, unsigned at,
                                  unsigned row, const struct weir_answer_column *column)
{
    struct weir_duckdb_value second = {.kind = WEIR_DUCKDB_NULL};
    if (weir_answer_width(column) == 2)
        second = weir_duckdb_get(result, at + 1, row);
    return weir_run_cell(column->kind, weir_duckdb_get(result, at, row), second);
}

static void read_cells(const struct weir_run *run, const struct weir_duckdb_result *result,
                       unsigned first, unsigned row, struct weir_cell *cells)
{
    const struct weir_query_plan *plan = run->plan;
    for (size_t i = 0; i < plan->column_count; i++) {
        cells[i] = read_cell(result, first, row, &plan->columns[i]);
        first += weir_answer_width(&plan->columns[i]);
    }
}

/* What the printed rows of an answer come to, column by column. */
struct sums {
    weir_int128 integers[WEIR_QUERY_COLUMNS_MAX];
    double reals[WEIR_QUERY_COLUMNS_MAX];
    double squares[WEIR_QUERY_COLUMNS_MAX];
    bool more; /* there are rows that were not printed */
};

static void add_to_sums(struct sums *sums, const struct weir_query_plan *plan,
                        const struct weir_cell *cells)
{
    for (size_t i = 0; i < plan->column_count; i++)
        if (plan->columns[i].adds_up && !cells[i].is_none) {
            sums->integers[i] += cells[i].integer;
            sums->reals[i] += cells[i].real;
        } else if (plan->columns[i].squares_add_up && !cells[i].is_none) {
            sums->squares[i] += cells[i].real * cells[i].real;
        }
}

/* What is left of a total of which the squares add up. */
static double rest_of_squares(double total, double squares)
{
    double rest = total * total > squares ? sqrt(total * total - squares) : 0;
    return round(rest * 1000) / 1000; /* as errors are */
}

/* One row of SQL to the printer. */
static int print_row(struct weir_run *run, struct weir_printer *printer,
                     const struct weir_duckdb_result *result, unsigned row, struct sums *sums)
{
    const struct weir_query_plan *plan = run->plan;
    struct weir_cell cells[WEIR_QUERY_COLUMNS_MAX];
    bool ranked = weir_statement_is_ranked(&run->statement);
    enum weir_row_role role = WEIR_ROW;
    if (ranked && weir_duckdb_get(result, 0, row).kind == WEIR_DUCKDB_NULL)
        role = WEIR_ROW_OTHER;
    if (!ranked && plan->top > 0 && run->stats.rows == plan->top) {
        sums->more = true;
        return 0;
    }
    read_cells(run, result, ranked, row, cells);
    add_to_sums(sums, plan, cells);
    run->stats.rows += role == WEIR_ROW;
    return weir_printer_row(printer, role, cells, run->diag);
}

/* Starts the statement of rows; returns how many its first chunk has, or an error. */
static int select_rows(struct weir_run *run, struct weir_duckdb_result **ret_result)
{
    const char *sql = weir_statement_rows(&run->statement);
    if (run->statement.sql.failed)
        return weir_run_no_memory(run);
    int rows = weir_duckdb_select(run->db, sql, ret_result, run->diag);
    return rows == 0 ? weir_duckdb_next(*ret_result, run->diag) : rows;
}

/* The same through a sieve where that may pay; of all groups where it did not hold. */
static int select_greatest(struct weir_run *run, struct weir_duckdb_result **ret_result)
{
    struct weir_sieve sieve;
    run->statement.sieve = NULL;
    if (!weir_sieve_applies(run->plan, run->statistics.rows))
        return select_rows(run, ret_result);
    int rows = weir_sieve_make(&run->statement, run->db, run->statistics.rows, &sieve, run->diag);
    if (rows == 0)
        rows = select_rows(run, ret_result);
    if (rows < 0 || weir_sieve_holds(&sieve, run->plan, *ret_result, (uint64_t)rows,
                                     run->plan->top + run->statement.one_more))
        return rows;
    weir_duckdb_result_free(*ret_result);
    *ret_result = NULL;
    run->statement.sieve = NULL;
    return select_rows(run, ret_result);
}

static int print_rows(struct weir_run *run, struct weir_printer *printer, struct sums *sums)
{
    struct weir_duckdb_result *result = NULL;
    int rows = select_greatest(run, &result);
    while (rows > 0) {
        for (int row = 0; row < rows; row++) {
            int printed = print_row(run, printer, result, (unsigned)row, sums);
            if (printed < 0) {
                weir_duckdb_result_free(result);
                return printed;
            }
        }
        rows = weir_duckdb_next(result, run->diag);
    }
    weir_duckdb_result_free(result);
    return rows;
}

/* Counters that pass 63 bits are met only by trying: then all over again with 128. */
static int print_rows_narrow_or_wide(struct weir_run *run, struct weir_printer *printer,
                                     struct sums *sums)
{
    int result = print_rows(run, printer, sums);
    if (result != WEIR_E_MALFORMED || run->statement.sql.wide || run->stats.rows > 0)
        return result;
    run->statement.sql.wide = true;
    return print_rows(run, printer, sums);
}

/* What was not printed, and all of it. `total` of the columns that are no keys. */
static int print_last_rows(struct weir_run *run, struct weir_printer *printer, struct sums *sums,
                           struct weir_cell *total)
{
    const struct weir_query_plan *plan = run->plan;
    struct weir_cell other[WEIR_QUERY_COLUMNS_MAX];
    int result = 0;
    for (size_t i = 0; i < plan->column_count; i++) {
        other[i] = total[i];
        other[i].integer -= sums->integers[i];
        other[i].real -= sums->reals[i];
        if (plan->columns[i].squares_add_up)
            other[i].real = rest_of_squares(total[i].real, sums->squares[i]);
        other[i].is_none =
            !(plan->columns[i].adds_up || plan->columns[i].squares_add_up) || total[i].is_none;
        if (plan->columns[i].squares_add_up && !total[i].is_none)
            sums->squares[i] = total[i].real * total[i].real;
        total[i].is_none = plan->columns[i].is_key || total[i].is_none;
    }
    if (sums->more)
        result = weir_printer_row(printer, WEIR_ROW_OTHER, other, run->diag);
    return result < 0 ? result : weir_printer_row(printer, WEIR_ROW_TOTAL, total, run->diag);
}

static int print_total(struct weir_run *run, struct weir_printer *printer, struct sums *sums)
{
    const struct weir_query_plan *plan = run->plan;
    struct weir_cell total[WEIR_QUERY_COLUMNS_MAX] = {0};
    struct weir_duckdb_result *result = NULL;
    const char *sql = weir_statement_total(&run->statement);
    if (run->statement.sql.failed)
        return weir_run_no_memory(run);
    int rows = weir_duckdb_select(run->db, sql, &result, run->diag);
    if (rows == 0)
        rows = weir_duckdb_next(result, run->diag);
    for (size_t i = 0, at = 0; rows > 0 && i < plan->column_count; i++)
        if (!plan->columns[i].is_key)
            total[i] = read_cell(result, (unsigned)at++, 0, &plan->columns[i]);
    if (rows > 0)
        rows = print_last_rows(run, printer, sums, total);
    weir_duckdb_result_free(result);
    return rows;
}

/* Whether the rows "other" and "total" are shown. */
static bool shows_totals(const struct weir_query_plan *plan, enum weir_format format)
{
    return plan->shape == WEIR_QUERY_GROUPS && plan->top > 0 && plan->columns[0].is_key &&
           weir_format_shows_others(format);
}

/* The errors of all that was asked, whether its total was or not. */
static void note_errors(struct weir_run *run, const struct sums *sums)
{
    const struct weir_query_plan *plan = run->plan;
    struct weir_query_stats *stats = &run->stats;
    for (size_t i = 0; i < plan->column_count; i++)
        if (plan->columns[i].squares_add_up && stats->error_count < WEIR_QUERY_ERRORS_MAX)
            stats->errors[stats->error_count++] =
                (struct weir_query_error){plan->columns[i].name, sqrt(sums->squares[i])};
}

static int print_by_sql(struct weir_run *run, struct weir_printer *printer, bool totals)
{
    struct sums sums = {0};
    run->statement.one_more = totals;
    int result = weir_run_open_engine(run, NULL);
    if (result == 0)
        result = print_rows_narrow_or_wide(run, printer, &sums);
    if (result == 0 && totals)
        result = print_total(run, printer, &sums);
    note_errors(run, &sums);
    return result;
}

static struct weir_scan_question scan_question(const struct weir_run *run, bool totals)
{
    return (struct weir_scan_question){
        .plan = run->plan,
        .files = &run->catalog,
        .statistics = &run->statistics,
        .scaled = run->statement.sql.scaled,
        .totals = totals,
        .stop = run->store->stop,
        .stop_context = run->store->stop_context,
    };
}

static int print_scanned(struct weir_run *run, struct weir_printer *printer, bool totals,
                         struct weir_scan_answer *answer)
{
    const struct weir_query_plan *plan = run->plan;
    struct sums sums = {.more = answer->more};
    int result = 0;
    for (uint64_t row = 0; row < answer->row_count && result == 0; row++) {
        const struct weir_cell *cells = answer->cells + row * plan->column_count;
        add_to_sums(&sums, plan, cells);
        run->stats.rows++;
        result = weir_printer_row(printer, WEIR_ROW, cells, run->diag);
    }
    return result == 0 && totals ? print_last_rows(run, printer, &sums, answer->total) : result;
}

/*
 * By the scan where it can, else by SQL. What the scan finds damaged is left to SQL as well, which
 * says what is wrong in its own words, or reads past it.
 */
static int print_rows_and_total(struct weir_run *run, struct weir_printer *printer, bool totals)
{
    const struct weir_scan_question question = scan_question(run, totals);
    struct weir_scan_answer answer;
    int result =
        run->store->sql_only ? WEIR_E_UNSUPPORTED : weir_scan_run(&question, &answer, run->diag);
    if (result == WEIR_E_AGAIN || result == WEIR_E_NOMEM)
        return result;
    if (result < 0)
        return print_by_sql(run, printer, totals);
    result = print_scanned(run, printer, totals, &answer);
    weir_scan_answer_done(&answer);
    return result;
}

/* Where footers do not tell how many flows have no sampling interval, some of theirs are 0. */
static int count_unknown(struct weir_run *run, enum weir_format format)
{
    const struct weir_scan_question question = scan_question(run, false);
    if (run->stats.sampling_known || format != WEIR_FORMAT_JSON)
        return 0;
    struct weir_diag ignored;
    int result = weir_scan_count_unknown(&question, &run->stats.sampling_unknown, &ignored);
    run->stats.sampling_known = result == 0;
    if (result != WEIR_E_AGAIN && result != WEIR_E_NOMEM)
        return 0;
    *run->diag = ignored;
    return result;
}

/* Estimates are shown with their errors, where somebody reads them or where they have names. */
static int add_errors(struct weir_run *run, enum weir_format format)
{
    bool shows = format == WEIR_FORMAT_TABLE || format == WEIR_FORMAT_JSON;
    if (!shows || !run->stats.scaled || run->plan->shape == WEIR_QUERY_RECORDS)
        return 0;
    if (weir_query_plan_errors(run->plan, &run->arena, &run->plan) < 0)
        return weir_run_no_memory(run);
    run->statement.plan = run->plan;
    return 0;
}

static int print_answer(struct weir_run *run, const struct weir_query_output *output)
{
    struct weir_printer *printer = NULL;
    int result = add_errors(run, output->format);
    if (result < 0)
        return result;
    const struct weir_query_plan *plan = run->plan;
    result = weir_printer_new(output->format, plan->columns, plan->column_count,
                              output->screen_width, &output->sink, &printer, run->diag);
    if (result == 0)
        result = print_rows_and_total(run, printer, shows_totals(plan, output->format));
    if (result == 0)
        result = count_unknown(run, output->format);
    if (result == 0) {
        run->stats.elapsed_ns = weir_clock_now(&run->store->clock) - run->begun_ns;
        result = weir_printer_finish(printer, &run->stats, run->diag);
    }
    weir_printer_free(printer);
    return result;
}

int weir_query_run(const struct weir_query_store *store, const struct weir_query_plan *plan,
                   const struct weir_query_output *output, struct weir_diag *diag)
{
    struct weir_run run;
    int result = weir_run_prepare(&run, store, plan, diag);
    if (result == 0)
        result = print_answer(&run, output);
    return weir_run_finish(&run, result);
}

/* Has DuckDB write the answer into the file at this absolute path. */
static int copy_to(struct weir_run *run, const char *path)
{
    struct weir_sql *sql = &run->statement.sql;
    int result;
    do {
        const char *text = weir_sql_format(
            sql, "COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
            weir_statement_shown(&run->statement), weir_sql_text(sql, path));
        result = sql->failed ? weir_run_no_memory(run) : weir_duckdb_run(run->db, text, run->diag);
        /* Counters that pass 63 bits: all over again with 128. */
    } while (result == WEIR_E_MALFORMED && !sql->wide && (sql->wide = true));
    return result;
}

int weir_query_to_parquet(const struct weir_query_store *store, const struct weir_query_plan *plan,
                          const char *path, struct weir_diag *diag)
{
    struct weir_run run;
    struct weir_output *output = NULL;
    char *written = NULL, *folder = NULL;
    int result = weir_run_prepare(&run, store, plan, diag);
    if (result == 0)
        result = weir_output_open(path, &output, diag);
    if (result == 0) {
        written = realpath(weir_output_path(output), NULL);
        folder = written ? strndup(written, (size_t)(strrchr(written, '/') - written) + 1) : NULL;
        result = folder ? weir_run_open_engine(&run, folder) : weir_run_no_memory(&run);
    }
    if (result == 0)
        result = copy_to(&run, written);
    if (result == 0)
        result = weir_output_close(output, diag);
    else
        weir_output_abort(output);
    free(folder);
    free(written);
    return weir_run_finish(&run, result);
}

int weir_query_explain(const struct weir_query_store *store, const struct weir_query_plan *plan,
                       const struct weir_text_sink *sink, struct weir_diag *diag)
{
    struct weir_run run;
    struct weir_text_buffer out;
    weir_text_init(&out, WEIR_RUN_SQL_MAX);
    int result = weir_run_prepare(&run, store, plan, diag);
    if (result == 0) {
        const struct weir_sql *sql = &run.statement.sql;
        const char *text = weir_statement_rows(&run.statement);
        weir_text_printf(&out,
                         "files read     %" PRIu64 ", %" PRIu64 " octets, %" PRIu64 " flows\n",
                         run.stats.files, run.stats.octets, run.stats.flows);
        weir_text_printf(&out, "files left out %" PRIu64 ", by the times in their names\n",
                         run.stats.files_pruned);
        weir_text_printf(&out, "sampling       %s; flows that do not say theirs count once\n",
                         sql->scaled ? "counters are multiplied by it" : "nothing to multiply by");
        weir_text_printf(&out, "counters       of %s\n", sql->wide ? "128 bits" : "64 bits");
        const struct weir_scan_question question = scan_question(&run, false);
        if (!store->sql_only && weir_scan_applies(&question))
            weir_text_printf(&out, "answered by    a scan of the files; the SQL is for what it "
                                   "cannot read\n");
        else if (weir_sieve_applies(plan, run.stats.flows))
            weir_text_printf(&out,
                             "passes         2: sums of buckets of groups, then the groups of "
                             "the greatest (of all, should that miss one)\n");
        weir_text_printf(&out, "database       %s\n\n%s\n", sql->dialect->name, text);
        result = sql->failed || weir_text_error(&out)
                     ? weir_run_no_memory(&run)
                     : sink->write(sink->context, out.data, out.length, diag);
    }
    weir_text_done(&out);
    return weir_run_finish(&run, result);
}
