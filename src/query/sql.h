/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields and conditions as SQL expressions over the leaves of store/schema.h, in a dialect.
 *
 * Expressions are texts in an arena. Whatever a person typed gets into them only as a number that
 * was parsed, as a quoted text, or as a name of our own tables.
 *
 *     struct weir_sql sql = {.dialect = &weir_dialect_duckdb, .arena = &arena};
 *     const char *where = weir_sql_condition(&sql, condition);
 *     if (sql.failed) ... no memory
 *
 * Threads: pure functions on the caller's struct.
 */
#ifndef WEIR_QUERY_SQL_H
#define WEIR_QUERY_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "query/filter.h"

struct weir_dialect;
struct weir_schema;

struct weir_sql {
    const struct weir_dialect *dialect;
    struct weir_arena *arena;
    bool scaled;        /* counters are times their sampling interval */
    bool sized;         /* and by sampling_size: products are no whole numbers (weir_sql_units) */
    bool exact;         /* nor is what is shown of one flow, then */
    bool flows_sampled; /* some flows have a flow_probability */
    bool has_other;     /* some have elements without a column */
    bool wide;          /* counters are of 128 bits: slower, and none is too large */
    bool failed;        /* memory ran out; stays set, and expressions are "" */
};

/* What differs from one database to another. Expressions in, expressions out. */
struct weir_dialect {
    const char *name;
    /* A counter that is not wide: the type whose sums are quickest; too large ones are an error. */
    const char *(*narrow)(struct weir_sql *sql, const char *expression);
    const char *(*wide)(struct weir_sql *sql, const char *expression);
    const char *(*real)(struct weir_sql *sql, const char *expression);
    const char *(*time_ms)(struct weir_sql *sql, const char *time); /* as milliseconds */
    const char *(*time_literal)(struct weir_sql *sql, int64_t ms);
    /* An Information Element of `other` as text; null where it is not there. */
    const char *(*element_text)(struct weir_sql *sql, const struct weir_element *element);
    /* Text as a value of the type, times in nanoseconds; null where it is not one. */
    const char *(*parse)(struct weir_sql *sql, const char *text, enum weir_value_type type);
    const char *(*quantile)(struct weir_sql *sql, const char *expression, double quantile);
    /* One of 2^bits, by a hash of expressions with commas between them. */
    const char *(*bucket)(struct weir_sql *sql, const char *expressions, unsigned bits);
    const char *(*shift_right)(struct weir_sql *sql, const char *expression, unsigned bits);
    const char *(*pair)(struct weir_sql *sql, const char *first, const char *second); /* as one */
    /* Whole numbers: divided, which is cut; and each of [first, past). */
    const char *(*divide)(struct weir_sql *sql, const char *expression, int64_t by);
    const char *(*quotient)(struct weir_sql *sql, const char *expression, const char *by);
    const char *(*each)(struct weir_sql *sql, const char *first, const char *past);
    /* Values as people and other programs read them. */
    const char *(*address_text)(struct weir_sql *sql, const char *high, const char *low);
    const char *(*mac_text)(struct weir_sql *sql, const char *mac);
    const char *(*timestamp)(struct weir_sql *sql, const char *time, const char *ns);
    const char *(*timestamp_of_ms)(struct weir_sql *sql, const char *ms);
    /*
     * What stands after FROM: these Parquet files, of the same leaves unless they are `mixed`; or
     * the leaves of a schema without a row.
     */
    const char *(*files)(struct weir_sql *sql, const char *const *paths, size_t count, bool mixed);
    const char *(*no_files)(struct weir_sql *sql, const struct weir_schema *schema);
    const char *union_by_name; /* between SELECTs whose columns differ: what one lacks is null */
};

extern const struct weir_dialect weir_dialect_duckdb;

/* printf into the arena; "" where memory lacks. */
const char *weir_sql_format(struct weir_sql *sql, const char *format, ...) WEIR_PRINTF(2, 3);

/* 'text' with its quotes doubled. */
const char *weir_sql_text(struct weir_sql *sql, const char *text);

/* A name in double quotes, those in it doubled. */
const char *weir_sql_name(struct weir_sql *sql, const char *name);

/* The leaf of this column, quoted: "end". Of an address or a time one of two. */
const char *weir_sql_leaf(struct weir_sql *sql, enum weir_column column, const char *suffix);

/* A column of one leaf as it is to be understood: ICMP's type and code only of ICMP flows. */
const char *weir_sql_column(struct weir_sql *sql, enum weir_column column);

/* A field that is one value in SQL: not an address, and of a time the milliseconds leaf. */
const char *weir_sql_value(struct weir_sql *sql, const struct weir_query_field *field);

/* The same for an answer: a time of an element as its text, a counter as narrow as it may be. */
const char *weir_sql_shown(struct weir_sql *sql, const struct weir_query_field *field);

/*
 * Counters of sized flows come in units, whole millionths, which are added up without error and do
 * not depend on an order: as `rounded` they are the nearest whole number, as `real` what they are.
 */
bool weir_sql_has_units(const struct weir_sql *sql, const struct weir_query_field *field);
const char *weir_sql_units(struct weir_sql *sql, const struct weir_query_field *field);
const char *weir_sql_units_rounded(struct weir_sql *sql, const char *text);
const char *weir_sql_units_real(struct weir_sql *sql, const char *text);

/* Packets metered of packets there were: a real number above 0, and at most 1. */
const char *weir_sql_rate(struct weir_sql *sql);

/* `count` texts with `between` them. */
const char *weir_sql_join(struct weir_sql *sql, const char *const *texts, size_t count,
                          const char *between);

/* The two words of an address, masked where the field says so. */
struct weir_sql_address {
    const char *high;
    const char *low;
};
struct weir_sql_address weir_sql_address(struct weir_sql *sql,
                                         const struct weir_query_field *field);

/* True, false or null, where null is to count as false; "" for a condition that is always true. */
const char *weir_sql_condition(struct weir_sql *sql, const struct weir_condition *condition);

#endif
