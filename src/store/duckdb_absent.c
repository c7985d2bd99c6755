/* SPDX-License-Identifier: Apache-2.0 */
/* What store/duckdb.h is in a build without DuckDB: nothing can be opened. */
#include "store/duckdb.h"

#include <stdlib.h>

int weir_duckdb_open(const struct weir_duckdb_options *options, struct weir_duckdb **ret_db,
                     struct weir_diag *diag)
{
    (void)options;
    (void)ret_db;
    return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                         "this weir was built without DuckDB, which answers queries: run "
                         "tools/bootstrap and build again, or build with -Dduckdb=FOLDER");
}

/* No database and no result can exist, so the rest is never called with one. */

void weir_duckdb_close(struct weir_duckdb *db)
{
    (void)db;
}

int weir_duckdb_run(struct weir_duckdb *db, const char *sql, struct weir_diag *diag)
{
    (void)db;
    (void)sql;
    return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "built without DuckDB");
}

int weir_duckdb_select(struct weir_duckdb *db, const char *sql,
                       struct weir_duckdb_result **ret_result, struct weir_diag *diag)
{
    (void)ret_result;
    return weir_duckdb_run(db, sql, diag);
}

void weir_duckdb_result_free(struct weir_duckdb_result *result)
{
    (void)result;
}

unsigned weir_duckdb_column_count(const struct weir_duckdb_result *result)
{
    (void)result;
    return 0;
}

const char *weir_duckdb_column_name(const struct weir_duckdb_result *result, unsigned column)
{
    (void)result;
    (void)column;
    return "";
}

enum weir_duckdb_kind weir_duckdb_column_kind(const struct weir_duckdb_result *result,
                                              unsigned column)
{
    (void)result;
    (void)column;
    return WEIR_DUCKDB_NULL;
}

int weir_duckdb_next(struct weir_duckdb_result *result, struct weir_diag *diag)
{
    (void)result;
    (void)diag;
    return 0;
}

struct weir_duckdb_value weir_duckdb_get(const struct weir_duckdb_result *result, unsigned column,
                                         unsigned row)
{
    (void)result;
    (void)column;
    (void)row;
    return (struct weir_duckdb_value){.kind = WEIR_DUCKDB_NULL};
}
