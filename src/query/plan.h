/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question and its plan: what `weir query` was asked, checked and taken apart.
 *
 *     struct weir_question question = {.by = "src_addr", .sum = "bytes", .top = 10};
 *     struct weir_query_plan *plan;
 *     if (weir_query_plan(&question, &arena, &plan, diag) < 0) ...
 *     weir_query_run(&store, plan, &output, diag);                    // query/run.h
 *
 * Meaning. A flow belongs to [from, to) when some of its time is in it: it ended at `from` or
 * later and began before `to`; where it says only one of the two that stands for both, and where
 * neither, its arrival does. Counters are scaled by sampling. With a bin width, octets and packets
 * are spread evenly over the time from start to end and each bin gets its share, as whole numbers
 * that add up to the flow's; of a flow that reaches out of [from, to) the part inside counts.
 * `flows` counts a flow in the bin in which it begins, other functions in every bin it touches.
 *
 * Ownership: a plan is in the arena and borrows the question's texts. Threads: pure functions.
 */
#ifndef WEIR_QUERY_PLAN_H
#define WEIR_QUERY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "query/field.h"
#include "query/filter.h"

#define WEIR_QUERY_COLUMNS_MAX 64u

/* As on the command line; texts are NULL and numbers 0 where nothing was asked. */
struct weir_question {
    const char *where;
    const char *by;     /* COL,... */
    const char *sum;    /* bytes,packets,flows or other columns */
    const char *agg;    /* EXPR,... */
    const char *select; /* COL,... of records */
    const char *order;  /* COL[:asc|:desc] */
    int64_t from_ns;    /* INT64_MIN: from the beginning */
    int64_t to_ns;      /* INT64_MAX: to the end; else it is past the range */
    int64_t bin_ns;     /* 0: none */
    uint64_t top;       /* 0: all rows */
    bool unscaled;
    bool people; /* records: the columns that fit a screen, where none are selected */
    struct weir_filter_context context;
};

enum weir_function {
    WEIR_FUNCTION_SUM,
    WEIR_FUNCTION_AVG,
    WEIR_FUNCTION_MIN,
    WEIR_FUNCTION_MAX,
    WEIR_FUNCTION_COUNT,    /* of flows */
    WEIR_FUNCTION_PRESENT,  /* of flows with a value: count(x) */
    WEIR_FUNCTION_DISTINCT, /* different values */
    WEIR_FUNCTION_QUANTILE,
    WEIR_FUNCTION_ERROR, /* of the sum: its standard error (query/error.h) */
};

struct weir_aggregate {
    enum weir_function function;
    double quantile; /* 0 to 1 */
    struct weir_query_field field;
};

/* How a value of the answer is held and shown. */
enum weir_answer_kind {
    WEIR_ANSWER_INTEGER,
    WEIR_ANSWER_DECIMAL, /* an integer with a point before its last digits */
    WEIR_ANSWER_REAL,
    WEIR_ANSWER_BOOL,
    WEIR_ANSWER_TEXT,
    WEIR_ANSWER_ADDRESS, /* of two SQL columns; a network where its field is masked */
    WEIR_ANSWER_MAC,
    WEIR_ANSWER_FLAGS,
    WEIR_ANSWER_TIME, /* of two SQL columns: milliseconds, and nanoseconds past them */
    WEIR_ANSWER_BIN,  /* milliseconds since 1970 */
};

/* A column of the answer. */
struct weir_answer_column {
    const char *name;
    const char *unit;
    enum weir_answer_kind kind;
    enum weir_names names; /* for tables for people */
    bool is_key;
    int64_t bin_ms;               /* of a BIN */
    const struct weir_zone *zone; /* of a TIME or BIN: in which it is shown; NULL: UTC */
    bool adds_up;                 /* a total less the rows' sum is what the other rows have */
    bool squares_add_up;          /* the same of its square */
    struct weir_query_field field;
    struct weir_aggregate aggregate; /* where it is no key */
};

/* A column that shows a field as it is. Borrows the name. */
struct weir_answer_column weir_answer_column_of(const struct weir_query_field *field,
                                                const char *name);

struct weir_query_plan {
    enum weir_query_shape {
        WEIR_QUERY_RECORDS, /* flow records as they are */
        WEIR_QUERY_GROUPS,  /* one row a group; without keys one row */
        WEIR_QUERY_SERIES,  /* one row a bin and group */
    } shape;
    struct weir_answer_column *columns; /* of a series the bin first; then keys; then aggregates */
    size_t column_count;
    struct weir_condition *condition; /* NULL: every flow */
    int64_t from_ms, to_ms;           /* the question's, cut down; INT64_MIN, INT64_MAX: no bound */
    int64_t bin_ms;
    const struct weir_zone *zone;        /* the question's: of bins, and of times that are shown */
    size_t order_column;                 /* SIZE_MAX: none of them, or as it comes */
    struct weir_query_field order_field; /* of records */
    bool ordered;
    bool ascending;
    uint64_t top; /* 0: all */
    bool scaled;
};

/*
 * The same with the error of each sum of counters beside it, where the question did not name it:
 * what is shown of estimates. 0 or WEIR_E_NOMEM; as it is where there is no room for them.
 */
WEIR_CHECKED int weir_query_plan_errors(const struct weir_query_plan *plan,
                                        struct weir_arena *arena,
                                        const struct weir_query_plan **ret_plan);

/* A bound of a question's time in whole milliseconds, cut down; what is no bound stays so. */
int64_t weir_query_bound_ms(int64_t ns);

/* 0; WEIR_E_USAGE with the option's name in diag; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_query_plan(const struct weir_question *question, struct weir_arena *arena,
                                 struct weir_query_plan **ret_plan, struct weir_diag *diag);

#endif
