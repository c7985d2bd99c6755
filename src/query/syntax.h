/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a filter as written, before its values are looked at. Private to parse.c, which
 * makes it, and check.c, which turns it into conditions.
 */
#ifndef WEIR_QUERY_SYNTAX_H
#define WEIR_QUERY_SYNTAX_H

#include "query/filter.h"
#include "query/token.h"

enum weir_syntax_kind {
    WEIR_SYNTAX_AND,
    WEIR_SYNTAX_OR,
    WEIR_SYNTAX_NOT,
    WEIR_SYNTAX_TEST,
    WEIR_SYNTAX_TRUE,
};

struct weir_syntax {
    enum weir_syntax_kind kind;
    struct weir_syntax *children; /* a list by `next` */
    struct weir_syntax *next;
    /* TEST */
    struct weir_query_field fields[2];
    unsigned field_count;
    bool both;  /* of two fields both have to pass, as the question says */
    bool plain; /* no operator was written */
    enum weir_operator op;
    struct weir_token *values;
    size_t value_count;
    uint32_t column; /* where it begins */
};

WEIR_CHECKED int weir_syntax_parse(const char *text, struct weir_arena *arena,
                                   struct weir_syntax **ret_syntax, struct weir_diag *diag);

/* One value of a field's type. */
WEIR_CHECKED int weir_literal_check(const struct weir_token *token,
                                    const struct weir_query_field *field,
                                    const struct weir_filter_context *context,
                                    struct weir_arena *arena, struct weir_literal *ret_literal,
                                    struct weir_diag *diag);

#endif
