/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duckdb.h"
#include "store/duckdb_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct weir_duckdb {
    const struct weir_duckdb_api *api;
    duckdb_database database;
    duckdb_connection connection;
    bool (*stop)(void *context);
    void *stop_context;
};

struct weir_duckdb_result {
    const struct weir_duckdb_api *api;
    struct weir_duckdb *db;
    duckdb_result result;
    duckdb_data_chunk chunk; /* NULL: none fetched, or at the end */
    unsigned column_count;
    struct result_column {
        duckdb_type type; /* as stored: of a decimal, the integer that holds it */
        enum weir_duckdb_kind kind;
        uint8_t scale;       /* of a decimal */
        int32_t ns_per_unit; /* of a time */
        const uint8_t *data; /* of the chunk */
        const uint64_t *validity;
    } columns[];
};

/* How DuckDB's types are read. What is not here is cast to text in SQL. */
static const struct {
    duckdb_type type;
    enum weir_duckdb_kind kind;
    int32_t ns_per_unit;
} readable[] = {
    {DUCKDB_TYPE_SQLNULL, WEIR_DUCKDB_NULL, 0},
    {DUCKDB_TYPE_BOOLEAN, WEIR_DUCKDB_BOOL, 0},
    {DUCKDB_TYPE_TINYINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_SMALLINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_INTEGER, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_BIGINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_HUGEINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_UTINYINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_USMALLINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_UINTEGER, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_UBIGINT, WEIR_DUCKDB_INTEGER, 0},
    {DUCKDB_TYPE_DECIMAL, WEIR_DUCKDB_DECIMAL, 0},
    {DUCKDB_TYPE_FLOAT, WEIR_DUCKDB_REAL, 0},
    {DUCKDB_TYPE_DOUBLE, WEIR_DUCKDB_REAL, 0},
    {DUCKDB_TYPE_VARCHAR, WEIR_DUCKDB_TEXT, 0},
    {DUCKDB_TYPE_TIMESTAMP_S, WEIR_DUCKDB_TIME, 1000000000},
    {DUCKDB_TYPE_TIMESTAMP_MS, WEIR_DUCKDB_TIME, 1000000},
    {DUCKDB_TYPE_TIMESTAMP, WEIR_DUCKDB_TIME, 1000},
    {DUCKDB_TYPE_TIMESTAMP_TZ, WEIR_DUCKDB_TIME, 1000},
    {DUCKDB_TYPE_TIMESTAMP_NS, WEIR_DUCKDB_TIME, 1},
};
#define READABLE_COUNT (sizeof(readable) / sizeof(readable[0]))

static size_t readable_index(duckdb_type type)
{
    size_t i = 0;
    while (i < READABLE_COUNT && readable[i].type != type)
        i++;
    return i;
}

/* DuckDB's first line; the rest points into the SQL with a caret that has no place here. */
static int fail(struct weir_diag *diag, enum weir_error error, const char *text)
{
    size_t length = text ? strcspn(text, "\n") : 0;
    return weir_diag_set(diag, error, "%.*s", (int)(length < 280 ? length : 280),
                         length ? text : "DuckDB gives no reason");
}

static enum weir_error error_of(duckdb_error_type type)
{
    switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        return WEIR_E_LIMIT;
    case DUCKDB_ERROR_INTERRUPT:
        return WEIR_E_AGAIN;
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONVERSION:
        return WEIR_E_MALFORMED;
    case DUCKDB_ERROR_PARSER:
    case DUCKDB_ERROR_SYNTAX:
    case DUCKDB_ERROR_BINDER:
    case DUCKDB_ERROR_CATALOG:
        return WEIR_E_USAGE;
    default:
        return WEIR_E_IO;
    }
}

static int fail_result(const struct weir_duckdb_api *api, duckdb_result *result,
                       struct weir_diag *diag)
{
    return fail(diag, error_of(api->result_error_type(result)), api->result_error(result));
}

/* `text` between marks, the marks inside it doubled. The caller frees; NULL without memory. */
static char *quote(const char *text, char mark)
{
    size_t length = 0;
    for (const char *at = text; *at; at++)
        length += *at == mark ? 2 : 1;
    char *quoted = malloc(length + 3), *to = quoted;
    if (!quoted)
        return NULL;
    *to++ = mark;
    for (const char *at = text; *at; at++) {
        if (*at == mark)
            *to++ = mark;
        *to++ = *at;
    }
    *to++ = mark;
    *to = '\0';
    return quoted;
}

static int configure(const struct weir_duckdb_api *api, duckdb_config config,
                     const struct weir_duckdb_options *options, struct weir_diag *diag)
{
    uint64_t octets = options->memory_octets ? options->memory_octets : WEIR_DUCKDB_MEMORY_DEFAULT;
    char memory[32], threads[16];
    snprintf(memory, sizeof(memory), "%" PRIu64 "B", octets);
    snprintf(threads, sizeof(threads), "%u", options->threads);
    const struct {
        const char *name, *value;
    } settings[] = {
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"memory_limit", memory},
        {"temp_directory", options->temp_dir ? options->temp_dir : ""},
        {options->threads ? "threads" : NULL, threads},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (settings[i].name &&
            api->set_config(config, settings[i].name, settings[i].value) != DuckDBSuccess)
            return weir_diag_set(diag, WEIR_E_USAGE, "DuckDB does not take %s=%s", settings[i].name,
                                 settings[i].value);
    return 0;
}

/* SQL that leaves only `folders` readable, and nothing of it to be taken back. */
static int confine(struct weir_duckdb *db, const char *const *folders, struct weir_diag *diag)
{
    int result = 0;
    char *sql = NULL;
    size_t length;
    FILE *out = open_memstream(&sql, &length);
    if (!out)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    fputs("SET allowed_directories=[", out);
    for (size_t i = 0; folders[i] && result == 0; i++) {
        char *quoted = quote(folders[i], '\'');
        if (!quoted)
            result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
        else
            fprintf(out, "%s%s", i ? ", " : "", quoted);
        free(quoted);
    }
    fputs("]; SET enable_external_access=false; SET lock_configuration=true", out);
    if (fclose(out) != 0)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    if (result == 0)
        result = weir_duckdb_run(db, sql, diag);
    free(sql);
    return result;
}

static int open_database(struct weir_duckdb *db, const struct weir_duckdb_options *options,
                         struct weir_diag *diag)
{
    duckdb_config config;
    if (db->api->create_config(&config) != DuckDBSuccess)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    char *error = NULL;
    int result = configure(db->api, config, options, diag);
    if (result == 0 && db->api->open_ext(NULL, &db->database, config, &error) != DuckDBSuccess)
        result = fail(diag, WEIR_E_IO, error);
    if (error)
        db->api->free(error);
    db->api->destroy_config(&config);
    if (result < 0)
        return result;
    if (db->api->connect(db->database, &db->connection) != DuckDBSuccess)
        return weir_diag_set(diag, WEIR_E_NOMEM, "DuckDB gives no connection");
    result = weir_duckdb_add_functions(db->connection, diag);
    if (result == 0)
        result = weir_duckdb_run(db, "SET TimeZone='UTC'; SET errors_as_json=false", diag);
    if (result == 0 && options->folders)
        result = confine(db, options->folders, diag);
    return result;
}

int weir_duckdb_open(const struct weir_duckdb_options *options, struct weir_duckdb **ret_db,
                     struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = weir_duckdb_api(diag);
    if (!api)
        return WEIR_E_UNSUPPORTED;
    struct weir_duckdb *db = calloc(1, sizeof(*db));
    if (!db)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    db->api = api;
    db->stop = options->stop;
    db->stop_context = options->stop_context;
    int result = open_database(db, options, diag);
    if (result < 0)
        weir_duckdb_close(db);
    else
        *ret_db = db;
    return result;
}

void weir_duckdb_close(struct weir_duckdb *db)
{
    if (!db)
        return;
    if (db->connection)
        db->api->disconnect(&db->connection);
    if (db->database)
        db->api->close(&db->database);
    free(db);
}

int weir_duckdb_run(struct weir_duckdb *db, const char *sql, struct weir_diag *diag)
{
    duckdb_result result;
    int status = 0;
    if (db->api->query(db->connection, sql, &result) != DuckDBSuccess)
        status = fail_result(db->api, &result, diag);
    db->api->destroy_result(&result);
    return status;
}

/* Prepares `sql` where it is exactly one statement that only reads. */
static int prepare_user_sql(struct weir_duckdb *db, const char *sql,
                            duckdb_prepared_statement *ret_statement, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = db->api;
    duckdb_extracted_statements statements = NULL;
    duckdb_prepared_statement statement = NULL;
    idx_t count = api->extract_statements(db->connection, sql, &statements);
    int result = 0;
    if (count == 0) {
        const char *error = api->extract_statements_error(statements);
        result = fail(diag, WEIR_E_USAGE, error && *error ? error : "no statement");
    } else if (count > 1) {
        result = weir_diag_set(diag, WEIR_E_USAGE, "%" PRIu64 " statements, where one may be",
                               (uint64_t)count);
    } else if (api->prepare_extracted_statement(db->connection, statements, 0, &statement) !=
               DuckDBSuccess) {
        result = fail(diag, WEIR_E_USAGE, api->prepare_error(statement));
    } else {
        duckdb_statement_type type = api->prepared_statement_type(statement);
        if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN)
            result = weir_diag_set(diag, WEIR_E_USAGE,
                                   "the statement does more than read; a SELECT was expected");
    }
    api->destroy_extracted(&statements);
    if (result < 0)
        api->destroy_prepare(&statement);
    else
        *ret_statement = statement;
    return result;
}

static bool all_readable(const struct weir_duckdb_api *api, duckdb_prepared_statement statement)
{
    idx_t count = api->prepared_statement_column_count(statement);
    for (idx_t i = 0; i < count; i++)
        if (readable_index(api->prepared_statement_column_type(statement, i)) == READABLE_COUNT)
            return false;
    return true;
}

/* Replaces *statement by one that casts to text the columns whose types are not read. */
static int cast_unreadable(struct weir_duckdb *db, const char *sql,
                           duckdb_prepared_statement *statement, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = db->api;
    char *wrapped = NULL;
    size_t length;
    FILE *out = open_memstream(&wrapped, &length);
    if (!out)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    idx_t count = api->prepared_statement_column_count(*statement);
    for (idx_t i = 0; i < count; i++) {
        const char *name = api->prepared_statement_column_name(*statement, i);
        char *quoted = quote(name ? name : "", '"');
        bool as_it_is =
            readable_index(api->prepared_statement_column_type(*statement, i)) < READABLE_COUNT;
        fprintf(out, as_it_is ? "%sc%" PRIu64 " AS %s" : "%sCAST(c%" PRIu64 " AS VARCHAR) AS %s",
                i ? ", " : "SELECT ", (uint64_t)i, quoted ? quoted : "\"\"");
        free(quoted);
        api->free((void *)name);
    }
    size_t text_length = strlen(sql);
    while (text_length > 0 && strchr("; \t\r\n", sql[text_length - 1]))
        text_length--;
    /* The newline ends a comment that may be the last thing in it. */
    fprintf(out, " FROM (%.*s\n) AS t(", (int)text_length, sql);
    for (idx_t i = 0; i < count; i++)
        fprintf(out, i ? ", c%" PRIu64 : "c%" PRIu64, (uint64_t)i);
    fputc(')', out);
    if (fclose(out) != 0) {
        free(wrapped);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    }
    api->destroy_prepare(statement);
    int result = 0;
    if (api->prepare(db->connection, wrapped, statement) != DuckDBSuccess)
        result = fail(diag, WEIR_E_USAGE, api->prepare_error(*statement));
    free(wrapped);
    return result;
}

static void describe_column(struct weir_duckdb_result *result, unsigned i)
{
    const struct weir_duckdb_api *api = result->api;
    struct result_column *column = &result->columns[i];
    column->type = api->column_type(&result->result, i);
    size_t index = readable_index(column->type);
    column->kind = index < READABLE_COUNT ? readable[index].kind : WEIR_DUCKDB_NULL;
    column->ns_per_unit = index < READABLE_COUNT ? readable[index].ns_per_unit : 0;
    if (column->type == DUCKDB_TYPE_DECIMAL) {
        duckdb_logical_type logical = api->column_logical_type(&result->result, i);
        column->scale = api->decimal_scale(logical);
        column->type = api->decimal_internal_type(logical);
        api->destroy_logical_type(&logical);
    }
}

static bool is_stopped(const struct weir_duckdb *db)
{
    return db->stop && db->stop(db->stop_context);
}

static int interrupted(struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_AGAIN, "interrupted");
}

/* Works until there is a first row. */
static int work(struct weir_duckdb *db, duckdb_pending_result pending, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = db->api;
    const struct timespec a_moment = {.tv_nsec = 1000000};
    for (;;) {
        duckdb_pending_state state = api->pending_execute_task(pending);
        if (state == DUCKDB_PENDING_ERROR)
            return fail(diag, WEIR_E_IO, api->pending_error(pending));
        if (api->pending_execution_is_finished(state))
            return 0;
        if (is_stopped(db))
            return interrupted(diag);
        /* All there is to do is being done by other threads. */
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
            nanosleep(&a_moment, NULL);
    }
}

static int execute(struct weir_duckdb *db, duckdb_prepared_statement statement,
                   struct weir_duckdb_result **ret_result, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = db->api;
    duckdb_pending_result pending = NULL;
    duckdb_result raw = {0};
    int status = 0;
    if (api->pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
        status = fail(diag, WEIR_E_IO, api->pending_error(pending));
    else if (db->stop)
        status = work(db, pending, diag);
    if (status == 0 && api->execute_pending(pending, &raw) != DuckDBSuccess)
        status = fail_result(api, &raw, diag);
    api->destroy_pending(&pending);
    idx_t count = status == 0 ? api->column_count(&raw) : 0;
    struct weir_duckdb_result *result =
        status == 0 ? calloc(1, sizeof(*result) + count * sizeof(result->columns[0])) : NULL;
    if (!result) {
        api->destroy_result(&raw);
        return status < 0 ? status : weir_diag_set(diag, WEIR_E_NOMEM, "no memory");
    }
    result->api = api;
    result->db = db;
    result->result = raw;
    result->column_count = (unsigned)count;
    for (unsigned i = 0; i < result->column_count; i++)
        describe_column(result, i);
    *ret_result = result;
    return 0;
}

int weir_duckdb_select(struct weir_duckdb *db, const char *sql,
                       struct weir_duckdb_result **ret_result, struct weir_diag *diag)
{
    duckdb_prepared_statement statement = NULL;
    int status = prepare_user_sql(db, sql, &statement, diag);
    if (status == 0 && !all_readable(db->api, statement))
        status = cast_unreadable(db, sql, &statement, diag);
    if (status == 0)
        status = execute(db, statement, ret_result, diag);
    db->api->destroy_prepare(&statement);
    return status;
}

void weir_duckdb_result_free(struct weir_duckdb_result *result)
{
    if (!result)
        return;
    result->api->destroy_data_chunk(&result->chunk);
    result->api->destroy_result(&result->result);
    free(result);
}

unsigned weir_duckdb_column_count(const struct weir_duckdb_result *result)
{
    return result->column_count;
}

const char *weir_duckdb_column_name(const struct weir_duckdb_result *result, unsigned column)
{
    duckdb_result raw = result->result;
    const char *name = result->api->column_name(&raw, column);
    return name ? name : "";
}

enum weir_duckdb_kind weir_duckdb_column_kind(const struct weir_duckdb_result *result,
                                              unsigned column)
{
    return result->columns[column].kind;
}

int weir_duckdb_next(struct weir_duckdb_result *result, struct weir_diag *diag)
{
    const struct weir_duckdb_api *api = result->api;
    api->destroy_data_chunk(&result->chunk);
    if (is_stopped(result->db))
        return interrupted(diag);
    result->chunk = api->fetch_chunk(result->result);
    if (!result->chunk) {
        const char *error = api->result_error(&result->result);
        return error && *error ? fail_result(api, &result->result, diag) : 0;
    }
    for (unsigned i = 0; i < result->column_count; i++) {
        duckdb_vector vector = api->data_chunk_get_vector(result->chunk, i);
        result->columns[i].data = api->vector_get_data(vector);
        result->columns[i].validity = api->vector_get_validity(vector);
    }
    return (int)api->data_chunk_get_size(result->chunk);
}

static weir_int128 load_integer(duckdb_type type, const uint8_t *data, unsigned row)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)data)[row];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_TYPE_INTEGER:
        return ((const int32_t *)data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    case DUCKDB_TYPE_UBIGINT:
        return ((const uint64_t *)data)[row];
    case DUCKDB_TYPE_HUGEINT: {
        const duckdb_hugeint *huge = (const duckdb_hugeint *)data + row;
        return ((weir_int128)huge->upper) * ((weir_int128)1 << 64) + huge->lower;
    }
    default: /* BIGINT, and the timestamps, which are int64_t */
        return ((const int64_t *)data)[row];
    }
}

struct weir_duckdb_value weir_duckdb_get(const struct weir_duckdb_result *result, unsigned column,
                                         unsigned row)
{
    const struct result_column *from = &result->columns[column];
    struct weir_duckdb_value value = {.kind = from->kind, .scale = from->scale};
    if (from->validity && (from->validity[row / 64] >> (row % 64) & 1) == 0)
        value.kind = WEIR_DUCKDB_NULL;
    switch (value.kind) {
    case WEIR_DUCKDB_NULL:
        break;
    case WEIR_DUCKDB_BOOL:
    case WEIR_DUCKDB_INTEGER:
    case WEIR_DUCKDB_DECIMAL:
        value.integer = load_integer(from->type, from->data, row);
        break;
    case WEIR_DUCKDB_TIME:
        value.integer = load_integer(from->type, from->data, row) * from->ns_per_unit;
        break;
    case WEIR_DUCKDB_REAL:
        value.real = from->type == DUCKDB_TYPE_FLOAT ? (double)((const float *)from->data)[row]
                                                     : ((const double *)from->data)[row];
        break;
    case WEIR_DUCKDB_TEXT: {
        const duckdb_string_t *text = (const duckdb_string_t *)from->data + row;
        value.length = text->value.inlined.length;
        value.text = value.length <= sizeof(text->value.inlined.inlined)
                         ? text->value.inlined.inlined
                         : text->value.pointer.ptr;
        break;
    }
    }
    return value;
}
