/* SPDX-License-Identifier: Apache-2.0 */
#include "query/table.h"

#include <inttypes.h>

/* The leaves of the files, or those of the schema without a row. */
static const char *source(struct weir_sql *sql, const struct weir_schema *schema,
                          const struct weir_catalog *files)
{
    const struct weir_dialect *dialect = sql->dialect;
    const char *nothing = dialect->no_files(sql, schema);
    const char **paths = weir_arena_alloc(sql->arena, (files->count + 1) * sizeof(*paths));
    if (!paths) {
        sql->failed = true;
        return "";
    }
    if (files->count == 0)
        return nothing;
    for (size_t i = 0; i < files->count; i++)
        paths[i] = files->files[i].path;
    return weir_sql_format(sql, "(SELECT * FROM %s %s SELECT * FROM %s)", nothing,
                           dialect->union_by_name, dialect->files(sql, paths, files->count, true));
}

/* A column as people read it. `leaf`: its first. */
static const char *shown(struct weir_sql *sql, const struct weir_table_column *column,
                         const struct weir_leaf_info *leaf)
{
    const char *first = weir_sql_name(sql, leaf[0].name);
    const char *name = weir_sql_name(sql, column->name);
    const char *value = first;
    if (column->type == WEIR_TABLE_ADDRESS)
        value = sql->dialect->address_text(sql, first, weir_sql_name(sql, leaf[1].name));
    else if (column->type == WEIR_TABLE_TIME)
        value = sql->dialect->timestamp_of_ms(sql, sql->dialect->time_ms(sql, first));
    return weir_sql_format(sql, "%s AS %s", value, name);
}

const char *weir_table_view(struct weir_sql *sql, enum weir_table table,
                            const struct weir_catalog *files)
{
    const struct weir_table_info *info = weir_table_info(table);
    const char *columns[WEIR_TABLE_LEAVES_MAX];
    const struct weir_leaf_info *leaf = info->schema.leaves;
    for (unsigned i = 0; i < info->column_count; i++) {
        columns[i] = shown(sql, &info->columns[i], leaf);
        leaf += info->columns[i].type == WEIR_TABLE_ADDRESS ? 2 : 1;
    }
    return weir_sql_format(sql, "SELECT %s FROM %s AS t",
                           weir_sql_join(sql, columns, info->column_count, ", "),
                           source(sql, &info->schema, files));
}

const char *weir_table_rows(struct weir_sql *sql, enum weir_table table, int64_t from_ms,
                            int64_t to_ms, uint64_t top)
{
    const struct weir_table_info *info = weir_table_info(table);
    const struct weir_dialect *dialect = sql->dialect;
    const char *time = weir_sql_name(sql, info->columns[0].name);
    const char *from = "", *to = "", *limit = "";
    if (from_ms != INT64_MIN)
        from = weir_sql_format(sql, " AND %s >= %" PRId64, dialect->time_ms(sql, time), from_ms);
    if (to_ms != INT64_MAX)
        to = weir_sql_format(sql, " AND %s < %" PRId64, dialect->time_ms(sql, time), to_ms);
    if (top > 0)
        limit = weir_sql_format(sql, " LIMIT %" PRIu64, top);
    return weir_sql_format(sql, "SELECT * FROM %s WHERE true%s%s ORDER BY ALL%s",
                           weir_sql_name(sql, info->schema.name), from, to, limit);
}
