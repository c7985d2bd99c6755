/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/calendar.h"
#include "query/sql.h"
#include "store/schema.h"

static const char *narrow(struct weir_sql *sql, const char *expression)
{
    return weir_sql_format(sql, "CAST(%s AS BIGINT)", expression);
}

static const char *wide(struct weir_sql *sql, const char *expression)
{
    return weir_sql_format(sql, "CAST(%s AS HUGEINT)", expression);
}

static const char *real(struct weir_sql *sql, const char *expression)
{
    return weir_sql_format(sql, "CAST(%s AS DOUBLE)", expression);
}

static const char *time_ms(struct weir_sql *sql, const char *time)
{
    return weir_sql_format(sql, "epoch_ms(%s)", time);
}

static const char *time_literal(struct weir_sql *sql, int64_t ms)
{
    char text[WEIR_TIME_TEXT_MAX];
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    weir_time_format(seconds, (uint32_t)(ms - seconds * 1000) * 1000000u, 3, text);
    return weir_sql_format(sql, "TIMESTAMPTZ '%s'", text);
}

static const char *element_text(struct weir_sql *sql, const struct weir_element *element)
{
    /* A record without elements of its own has the empty text there, which is no JSON; a list of
     * nothing is. A CASE would not do: constant folding over dictionaries looks past it. */
    const char *path = weir_sql_format(sql, "$[0].\"%s\"", element->name);
    return weir_sql_format(sql, "json_extract_string('[' || \"other\" || ']', %s)",
                           weir_sql_text(sql, path));
}

static const char *parse(struct weir_sql *sql, const char *text, enum weir_value_type type)
{
    switch (type) {
    case WEIR_VALUE_UINT:
    case WEIR_VALUE_FLAGS:
        return weir_sql_format(sql, "TRY_CAST(%s AS UBIGINT)", text);
    case WEIR_VALUE_INT:
        return weir_sql_format(sql, "TRY_CAST(%s AS BIGINT)", text);
    case WEIR_VALUE_REAL:
        return weir_sql_format(sql, "TRY_CAST(%s AS DOUBLE)", text);
    case WEIR_VALUE_BOOL:
        return weir_sql_format(sql, "TRY_CAST(%s AS BOOLEAN)", text);
    case WEIR_VALUE_TIME:
        return weir_sql_format(sql, "epoch_ns(TRY_CAST(%s AS TIMESTAMP_NS))", text);
    case WEIR_VALUE_TEXT:
    case WEIR_VALUE_ADDRESS:
    case WEIR_VALUE_MAC:
    case WEIR_VALUE_DURATION:
        break;
    }
    return text;
}

static const char *quantile(struct weir_sql *sql, const char *expression, double quantile)
{
    return weir_sql_format(sql, "quantile_disc(%s, %.17g)", expression, quantile);
}

static const char *shift_right(struct weir_sql *sql, const char *expression, unsigned bits)
{
    return weir_sql_format(sql, "(%s >> %u)", expression, bits);
}

static const char *bucket(struct weir_sql *sql, const char *expressions, unsigned bits)
{
    return weir_sql_format(sql, "CAST(hash(%s) >> %u AS UINTEGER)", expressions, 64 - bits);
}

static const char *pair(struct weir_sql *sql, const char *first, const char *second)
{
    /* A row of nulls is a value to count(DISTINCT), and a flow without an address is none. */
    return weir_sql_format(sql, "CASE WHEN %s IS NOT NULL THEN row(%s, %s) END", first, first,
                           second);
}

static const char *divide(struct weir_sql *sql, const char *expression, int64_t by)
{
    return weir_sql_format(sql, "(%s // %" PRId64 ")", expression, by);
}

static const char *quotient(struct weir_sql *sql, const char *expression, const char *by)
{
    return weir_sql_format(sql, "(%s // %s)", expression, by);
}

static const char *each(struct weir_sql *sql, const char *first, const char *past)
{
    return weir_sql_format(sql, "unnest(range(%s, %s))", first, past);
}

static const char *address_text(struct weir_sql *sql, const char *high, const char *low)
{
    return weir_sql_format(sql, "weir_address(%s, %s)", high, low);
}

static const char *mac_text(struct weir_sql *sql, const char *mac)
{
    return weir_sql_format(sql, "weir_mac(%s)", mac);
}

static const char *timestamp(struct weir_sql *sql, const char *time, const char *ns)
{
    return weir_sql_format(
        sql, "(CAST(%s AS TIMESTAMP) + to_microseconds(CAST(coalesce(%s, 0) // 1000 AS BIGINT)))",
        time, ns);
}

static const char *timestamp_of_ms(struct weir_sql *sql, const char *ms)
{
    return weir_sql_format(sql, "epoch_ms(%s)", ms);
}

static const char *files(struct weir_sql *sql, const char *const *paths, size_t count, bool mixed)
{
    const char **quoted = weir_arena_alloc(sql->arena, count * sizeof(*quoted));
    if (!quoted) {
        sql->failed = true;
        return "";
    }
    for (size_t i = 0; i < count; i++)
        quoted[i] = weir_sql_text(sql, paths[i]);
    /* By name is not for free: the footers of all files are read before the first row. */
    return weir_sql_format(sql, "read_parquet([%s], hive_partitioning = false%s)",
                           weir_sql_join(sql, quoted, count, ", "),
                           mixed ? ", union_by_name = true" : "");
}

static const char *no_files(struct weir_sql *sql, const struct weir_schema *schema)
{
    static const char *const types[WEIR_LEAF_TYPE_COUNT] = {
        [WEIR_LEAF_UINT_8] = "UTINYINT",  [WEIR_LEAF_UINT_16] = "USMALLINT",
        [WEIR_LEAF_UINT_32] = "UINTEGER", [WEIR_LEAF_UINT_64] = "UBIGINT",
        [WEIR_LEAF_INT_64] = "BIGINT",    [WEIR_LEAF_TIME_MS] = "TIMESTAMPTZ",
        [WEIR_LEAF_STRING] = "VARCHAR",
    };
    const char **leaves = weir_arena_alloc(sql->arena, schema->leaf_count * sizeof(*leaves));
    if (!leaves) {
        sql->failed = true;
        return "";
    }
    for (unsigned i = 0; i < schema->leaf_count; i++) {
        const struct weir_leaf_info *leaf = &schema->leaves[i];
        leaves[i] =
            weir_sql_format(sql, "CAST(NULL AS %s) AS \"%s\"", types[leaf->type], leaf->name);
    }
    return weir_sql_format(sql, "(SELECT %s WHERE 1 = 0)",
                           weir_sql_join(sql, leaves, schema->leaf_count, ", "));
}

const struct weir_dialect weir_dialect_duckdb = {
    .name = "DuckDB",
    .narrow = narrow,
    .wide = wide,
    .real = real,
    .time_ms = time_ms,
    .time_literal = time_literal,
    .element_text = element_text,
    .parse = parse,
    .quantile = quantile,
    .bucket = bucket,
    .shift_right = shift_right,
    .pair = pair,
    .divide = divide,
    .quotient = quotient,
    .each = each,
    .address_text = address_text,
    .mac_text = mac_text,
    .timestamp = timestamp,
    .timestamp_of_ms = timestamp_of_ms,
    .files = files,
    .no_files = no_files,
    .union_by_name = "UNION ALL BY NAME",
};
