/* SPDX-License-Identifier: Apache-2.0 */
#include "query/error.h"

#define SUM_OF_SQUARES     "octetDeltaSumOfSquares"
#define SUM_OF_SQUARES_PEN 0u
#define SUM_OF_SQUARES_ID  198u
#define BILLION            "1e9"

static enum weir_column packets_of(enum weir_column counter)
{
    bool is_reverse = counter == WEIR_COLUMN_REV_PACKETS || counter == WEIR_COLUMN_REV_BYTES;
    return is_reverse ? WEIR_COLUMN_REV_PACKETS : WEIR_COLUMN_PACKETS;
}

/* S / c^2: of `packets`, or where octets have it by the sum of their squares. */
static const char *share(struct weir_sql *sql, enum weir_column counter, const char *value)
{
    const char *packets =
        weir_sql_format(sql, "greatest(coalesce(%s, 1), 1)",
                        sql->dialect->real(sql, weir_sql_leaf(sql, packets_of(counter), "")));
    const struct weir_element *element = weir_element_find(SUM_OF_SQUARES_PEN, SUM_OF_SQUARES_ID);
    if (counter != WEIR_COLUMN_BYTES || !sql->has_other || !element)
        return weir_sql_format(sql, "(1 / %s)", packets);
    /* Most records do not have it, and JSON is read for those that do only. */
    return weir_sql_format(
        sql,
        "CASE WHEN %s LIKE '%%" SUM_OF_SQUARES "%%' THEN coalesce(%s / nullif(%s * %s, 0), "
        "1 / %s) ELSE 1 / %s END",
        weir_sql_leaf(sql, WEIR_COLUMN_OTHER, ""),
        sql->dialect->real(sql, sql->dialect->parse(sql, sql->dialect->element_text(sql, element),
                                                    WEIR_VALUE_UINT)),
        value, value, packets, packets);
}

/* That of the flow's selection. */
static const char *probability_of(struct weir_sql *sql)
{
    return weir_sql_format(
        sql, "(coalesce(nullif(%s, 0), " BILLION ") / " BILLION ")",
        sql->dialect->real(sql, weir_sql_leaf(sql, WEIR_COLUMN_FLOW_PROBABILITY, "")));
}

const char *weir_sql_flows(struct weir_sql *sql)
{
    return sql->scaled && sql->flows_sampled ? weir_sql_format(sql, "(1 / %s)", probability_of(sql))
                                             : "1e0";
}

static const char *variance_of_flows(struct weir_sql *sql)
{
    const char *probability = probability_of(sql);
    return sql->flows_sampled ? weir_sql_format(sql, "((1 - %s) / (%s * %s))", probability,
                                                probability, probability)
                              : "0e0";
}

static const char *variance_of_counter(struct weir_sql *sql, enum weir_column counter)
{
    const char *value = sql->dialect->real(sql, weir_sql_leaf(sql, counter, ""));
    const char *rate = weir_sql_rate(sql);
    const char *total = weir_sql_format(sql, "(%s / %s)", value, rate);
    const char *part = share(sql, counter, value);
    if (!sql->flows_sampled)
        return weir_sql_format(sql, "(%s * %s * (1 - %s) * %s)", total, total, rate, part);
    const char *probability = probability_of(sql);
    return weir_sql_format(sql, "(%s * %s * (1 - %s + greatest(%s - %s, 0) * %s))", total, total,
                           probability, probability, rate, part);
}

const char *weir_sql_variance(struct weir_sql *sql, enum weir_computed error)
{
    if (!sql->scaled)
        return "0e0";
    switch (error) {
    case WEIR_COMPUTED_PACKETS_ERROR:
        return variance_of_counter(sql, WEIR_COLUMN_PACKETS);
    case WEIR_COMPUTED_BYTES_ERROR:
        return variance_of_counter(sql, WEIR_COLUMN_BYTES);
    case WEIR_COMPUTED_REV_PACKETS_ERROR:
        return variance_of_counter(sql, WEIR_COLUMN_REV_PACKETS);
    case WEIR_COMPUTED_REV_BYTES_ERROR:
        return variance_of_counter(sql, WEIR_COLUMN_REV_BYTES);
    case WEIR_COMPUTED_FLOWS_ERROR:
        return variance_of_flows(sql);
    default:
        return "";
    }
}
