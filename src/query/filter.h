/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: text to a checked tree.
 *
 *     struct weir_filter_context context = {.now_ns = now};
 *     struct weir_condition *condition;
 *     if (weir_filter_parse("proto tcp and dst port 443", &context, &arena, &condition, diag) < 0)
 *         ... diag: "column 15: 'dst prot': no such column; did you mean 'dst port'?"
 *
 * The language reads as nfdump's and tcpdump's:
 *
 *     filter    = and { "or" and }
 *     and       = not { "and" not }
 *     not       = { "not" } test
 *     test      = "(" filter ")" | what [ operator ] value | what [ "not" ] "in" list | alone
 *     what      = a phrase ("src port", "host", "src or dst net"), a column, an element
 *     operator  = "=" "!=" "<" "<=" ">" ">=" "like"; none means "="
 *     list      = "[" value { "," value } "]", or with "(" and ")"
 *     alone     = "tcp" "udp" "icmp" ... "inet" "inet6" "any", an address (the host)
 *
 * What is unknown: a test of a value that the exporter did not say is false, whatever the
 * operator, and so `not` makes it true: `in if 3` and `in_if != 3` leave a flow without in_if
 * out, `not in if 3` lets it in. `in_if = none` asks for it. A test of two sides ("port 53") is
 * true where one side passes; with != and `not in`, where both do. Addresses equal a network when
 * they are in it. `flags SA` is true where both are set, `not flags SA` where neither is, and
 * `flags = SA` where those and no others are. Counters are scaled by sampling as in results.
 *
 * Ownership: the tree is in the arena. Limits: WEIR_FILTER_LENGTH_MAX letters,
 * WEIR_FILTER_DEPTH_MAX brackets and nots in each other; both are errors that point at the place.
 * Threads: pure functions.
 */
#ifndef WEIR_QUERY_FILTER_H
#define WEIR_QUERY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/quantity.h"
#include "query/field.h"

#define WEIR_FILTER_DEPTH_MAX 100u

enum weir_operator {
    WEIR_OP_EQ,
    WEIR_OP_NE,
    WEIR_OP_LT,
    WEIR_OP_LE,
    WEIR_OP_GT,
    WEIR_OP_GE,
    WEIR_OP_IN,      /* equal to one of the values */
    WEIR_OP_NOT_IN,  /* has a value, and it equals none */
    WEIR_OP_LIKE,    /* SQL's: % any letters, _ one */
    WEIR_OP_ALL_SET, /* every bit of the value */
    WEIR_OP_ANY_SET,
    WEIR_OP_IS_NONE, /* the exporter did not say */
    WEIR_OP_HAS_VALUE,
};

/* One value, checked against its field's type. */
struct weir_literal {
    union {
        uint64_t u64; /* UINT, MAC, FLAGS */
        int64_t i64;  /* INT; TIME and DURATION: nanoseconds */
        double real;
        bool boolean;
        struct weir_network network; /* ADDRESS */
        const char *text;
    };
};

enum weir_condition_kind {
    WEIR_CONDITION_ALL, /* every child; no children: true */
    WEIR_CONDITION_ANY,
    WEIR_CONDITION_NOT, /* one child */
    WEIR_CONDITION_TEST,
};

struct weir_condition {
    enum weir_condition_kind kind;
    enum weir_operator op; /* TEST: what follows */
    struct weir_query_field field;
    struct weir_literal *values;
    size_t value_count;
    struct weir_condition *children; /* a list by `next` */
    struct weir_condition *next;
};

struct weir_filter_context {
    int64_t now_ns;               /* for times like -15m */
    const struct weir_zone *zone; /* of times without an offset; NULL: UTC */
};

/* 0; WEIR_E_USAGE with the column in diag; WEIR_E_NOMEM. The empty filter is true. */
WEIR_CHECKED int weir_filter_parse(const char *text, const struct weir_filter_context *context,
                                   struct weir_arena *arena, struct weir_condition **ret_condition,
                                   struct weir_diag *diag);

#endif
