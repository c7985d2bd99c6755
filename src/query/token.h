/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of the filter language.
 *
 * Nearly everything is a word: names, numbers with their units, addresses, networks, times. What
 * a word means is for those who know the type that is wanted. Quotes, 'like this' or "so", make a
 * word of anything; a backslash in them takes the next letter as it is.
 *
 *     struct weir_lexer lexer = weir_lexer_make("port > 1023");
 *     while ((result = weir_lexer_next(&lexer, &arena, &token, diag)) == 0 &&
 *            token.kind != WEIR_TOKEN_END)
 *
 * Ownership: a token's text is in the arena. Limits: WEIR_FILTER_LENGTH_MAX octets.
 */
#ifndef WEIR_QUERY_TOKEN_H
#define WEIR_QUERY_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define WEIR_FILTER_LENGTH_MAX 65536u

enum weir_token_kind {
    WEIR_TOKEN_END,
    WEIR_TOKEN_WORD,
    WEIR_TOKEN_TEXT, /* a word in quotes: never a name or an operator */
    WEIR_TOKEN_OPEN, /* ( */
    WEIR_TOKEN_CLOSE,
    WEIR_TOKEN_LIST_OPEN, /* [ */
    WEIR_TOKEN_LIST_CLOSE,
    WEIR_TOKEN_COMMA,
    WEIR_TOKEN_AND, /* and, && */
    WEIR_TOKEN_OR,
    WEIR_TOKEN_NOT,
    WEIR_TOKEN_EQ, /* = or == */
    WEIR_TOKEN_NE, /* != or <> */
    WEIR_TOKEN_LT,
    WEIR_TOKEN_LE,
    WEIR_TOKEN_GT,
    WEIR_TOKEN_GE,
};

struct weir_token {
    enum weir_token_kind kind;
    uint32_t column;  /* of its first letter, counted in letters from 1 */
    const char *text; /* as written, without quotes; "" at the end */
};

struct weir_lexer {
    const char *start;
    const char *at;
    const char *counted; /* up to where `column` counts */
    uint32_t column;
};

struct weir_lexer weir_lexer_make(const char *text);

/* 0; WEIR_E_USAGE for a letter that has no place, a quote that does not end; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_lexer_next(struct weir_lexer *lexer, struct weir_arena *arena,
                                 struct weir_token *ret_token, struct weir_diag *diag);

/* Fills diag with "column N: ..." and returns WEIR_E_USAGE. */
int weir_filter_fail(struct weir_diag *diag, uint32_t column, const char *format, ...)
    WEIR_PRINTF(3, 4);

#endif
