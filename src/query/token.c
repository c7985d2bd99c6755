/* SPDX-License-Identifier: Apache-2.0 */
#include "query/token.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Longer ones first. */
static const struct {
    const char *text;
    enum weir_token_kind kind;
} marks[] = {
    {"&&", WEIR_TOKEN_AND},  {"||", WEIR_TOKEN_OR},       {"==", WEIR_TOKEN_EQ},
    {"!=", WEIR_TOKEN_NE},   {"<>", WEIR_TOKEN_NE},       {"<=", WEIR_TOKEN_LE},
    {">=", WEIR_TOKEN_GE},   {"!", WEIR_TOKEN_NOT},       {"=", WEIR_TOKEN_EQ},
    {"<", WEIR_TOKEN_LT},    {">", WEIR_TOKEN_GT},        {"(", WEIR_TOKEN_OPEN},
    {")", WEIR_TOKEN_CLOSE}, {"[", WEIR_TOKEN_LIST_OPEN}, {"]", WEIR_TOKEN_LIST_CLOSE},
    {",", WEIR_TOKEN_COMMA},
};

static const struct {
    const char *text;
    enum weir_token_kind kind;
} words[] = {
    {"and", WEIR_TOKEN_AND},
    {"or", WEIR_TOKEN_OR},
    {"not", WEIR_TOKEN_NOT},
};

struct weir_lexer weir_lexer_make(const char *text)
{
    return (struct weir_lexer){.start = text, .at = text, .counted = text, .column = 1};
}

int weir_filter_fail(struct weir_diag *diag, uint32_t column, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return weir_diag_set(diag, WEIR_E_USAGE, "column %u: %s", column, text);
}

/* Letters are counted, not octets: a terminal shows letters. */
static uint32_t column_at(struct weir_lexer *lexer, const char *at)
{
    for (; lexer->counted < at; lexer->counted++)
        if (((unsigned char)*lexer->counted & 0xc0) != 0x80)
            lexer->column++;
    return lexer->column;
}

static bool is_word_letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("_.:/+-%*@#?~$^{}", c));
}

static int read_quoted(struct weir_lexer *lexer, struct weir_arena *arena, struct weir_token *token,
                       struct weir_diag *diag)
{
    char quote = *lexer->at++;
    const char *end = lexer->at;
    while (*end && *end != quote)
        end += *end == '\\' && end[1] ? 2 : 1;
    if (!*end)
        return weir_filter_fail(diag, token->column, "the quote %c does not end", quote);
    char *text = weir_arena_alloc(arena, (size_t)(end - lexer->at) + 1), *to = text;
    if (!text)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the filter");
    while (lexer->at < end) {
        if (*lexer->at == '\\')
            lexer->at++;
        *to++ = *lexer->at++;
    }
    lexer->at++;
    *to = '\0';
    token->kind = WEIR_TOKEN_TEXT;
    token->text = text;
    return 0;
}

static int read_word(struct weir_lexer *lexer, struct weir_arena *arena, struct weir_token *token,
                     struct weir_diag *diag)
{
    const char *start = lexer->at;
    while (is_word_letter(*lexer->at))
        lexer->at++;
    size_t length = (size_t)(lexer->at - start);
    char *text = weir_arena_alloc(arena, length + 1);
    if (!text)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the filter");
    memcpy(text, start, length);
    token->kind = WEIR_TOKEN_WORD;
    token->text = text;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i].text) == 0)
            token->kind = words[i].kind;
    return 0;
}

int weir_lexer_next(struct weir_lexer *lexer, struct weir_arena *arena,
                    struct weir_token *ret_token, struct weir_diag *diag)
{
    while (isspace((unsigned char)*lexer->at))
        lexer->at++;
    struct weir_token token = {
        .kind = WEIR_TOKEN_END,
        .column = column_at(lexer, lexer->at),
        .text = "",
    };
    int result = 0;
    if ((size_t)(lexer->at - lexer->start) > WEIR_FILTER_LENGTH_MAX) {
        result = weir_filter_fail(diag, token.column, "a filter has at most %u letters",
                                  WEIR_FILTER_LENGTH_MAX);
    } else if (*lexer->at == '\'' || *lexer->at == '"') {
        result = read_quoted(lexer, arena, &token, diag);
    } else if (is_word_letter(*lexer->at)) {
        result = read_word(lexer, arena, &token, diag);
    } else if (*lexer->at) {
        size_t i = 0, count = sizeof(marks) / sizeof(marks[0]);
        while (i < count && strncmp(lexer->at, marks[i].text, strlen(marks[i].text)) != 0)
            i++;
        if (i == count)
            return weir_filter_fail(
                diag, token.column,
                isprint((unsigned char)*lexer->at)
                    ? "'%c' has no meaning here"
                    : "a letter that is not printable (%#x) has no meaning here",
                (unsigned char)*lexer->at);
        token.kind = marks[i].kind;
        token.text = marks[i].text;
        lexer->at += strlen(marks[i].text);
    }
    if (result == 0)
        *ret_token = token;
    return result;
}
