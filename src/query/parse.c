/* SPDX-License-Identifier: Apache-2.0 */
#include "query/syntax.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct parser {
    const struct weir_token *tokens;
    size_t at;
    size_t count; /* the last one is END */
    unsigned depth;
    struct weir_arena *arena;
    struct weir_diag *diag;
};

static int parse_or(struct parser *parser, struct weir_syntax **ret_node);

static int no_memory(struct parser *parser)
{
    return weir_diag_set(parser->diag, WEIR_E_NOMEM, "no memory for the filter");
}

static const struct weir_token *peek(const struct parser *parser, size_t ahead)
{
    size_t at = parser->at + ahead;
    return &parser->tokens[at < parser->count ? at : parser->count - 1];
}

static bool take(struct parser *parser, enum weir_token_kind kind)
{
    if (peek(parser, 0)->kind != kind)
        return false;
    if (kind != WEIR_TOKEN_END)
        parser->at++;
    return true;
}

static bool is_word(const struct weir_token *token, const char *text)
{
    return token->kind == WEIR_TOKEN_WORD && strcasecmp(token->text, text) == 0;
}

static bool is_value(const struct weir_token *token)
{
    return token->kind == WEIR_TOKEN_WORD || token->kind == WEIR_TOKEN_TEXT;
}

static bool is_address(const struct weir_token *token)
{
    struct weir_network network;
    return token->kind == WEIR_TOKEN_WORD && weir_network_parse(token->text, &network) == 0;
}

/* How a token reads in a message: the end has no text. */
static const char *shown(const struct weir_token *token)
{
    return token->kind == WEIR_TOKEN_END ? "the end" : token->text;
}

/* The next `count` words with a space between them; false where they are not all words. */
static bool join_words(const struct parser *parser, size_t from, unsigned count, char *text,
                       size_t size)
{
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct weir_token *token = peek(parser, from + i);
        size_t word = strlen(token->text);
        if (token->kind != WEIR_TOKEN_WORD || length + word + 2 > size)
            return false;
        if (i > 0)
            text[length++] = ' ';
        memcpy(text + length, token->text, word + 1);
        length += word;
    }
    return true;
}

static struct weir_syntax *new_test(struct parser *parser, uint32_t column)
{
    struct weir_syntax *node = weir_arena_alloc(parser->arena, sizeof(*node));
    if (node) {
        node->kind = WEIR_SYNTAX_TEST;
        node->column = column;
    }
    return node;
}

/* A test that was written as one word: "tcp", "inet6". Its value is made up here. */
static int alone(struct parser *parser, struct weir_query_field field, uint8_t value,
                 uint32_t column, struct weir_syntax **ret_node)
{
    struct weir_syntax *node = new_test(parser, column);
    struct weir_token *token = weir_arena_alloc(parser->arena, sizeof(*token));
    char *text = weir_arena_format(parser->arena, "%u", value);
    if (!node || !token || !text)
        return no_memory(parser);
    *token = (struct weir_token){WEIR_TOKEN_WORD, column, text};
    node->fields[0] = field;
    node->field_count = 1;
    node->values = token;
    node->value_count = 1;
    *ret_node = node;
    return 0;
}

static int unknown(struct parser *parser)
{
    static const char *const sides[] = {"src", "dst", "in", "out", "next", "router", "nat"};
    const struct weir_token *token = peek(parser, 0);
    char text[2 * WEIR_QUERY_FIELD_NAME_MAX];
    bool two = false;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        two = two || is_word(token, sides[i]);
    if (!two || !join_words(parser, 0, 2, text, sizeof(text)))
        snprintf(text, sizeof(text), "%.200s", token->text);
    const char *near = weir_query_field_nearest(text);
    if (near)
        return weir_filter_fail(parser->diag, token->column,
                                "'%.100s': no such column; did you mean '%s'?", text, near);
    if (token->text[0] >= '0' && token->text[0] <= '9')
        return weir_filter_fail(parser->diag, token->column,
                                "'%.100s' stands alone; say what it is, as in 'port in [80, 443]'",
                                text);
    return weir_filter_fail(parser->diag, token->column,
                            "'%.100s': no such column; `weir query --columns` lists them", text);
}

/* "src or dst NOUN", "src and dst NOUN": both of the noun's sides. False where it is not that. */
static bool match_both_sides(struct parser *parser, struct weir_syntax *node)
{
    const struct weir_token *joint = peek(parser, 1);
    bool and = joint->kind == WEIR_TOKEN_AND;
    char noun[WEIR_QUERY_FIELD_NAME_MAX], side[WEIR_QUERY_FIELD_NAME_MAX + 8];
    if ((!and&&joint->kind != WEIR_TOKEN_OR) ||
        !((is_word(peek(parser, 0), "src") && is_word(peek(parser, 2), "dst")) ||
          (is_word(peek(parser, 0), "dst") && is_word(peek(parser, 2), "src"))))
        return false;
    for (unsigned words = WEIR_PHRASE_WORDS_MAX - 1; words > 0; words--) {
        struct weir_phrase src, dst;
        if (!join_words(parser, 3, words, noun, sizeof(noun)))
            continue;
        snprintf(side, sizeof(side), "src %s", noun);
        bool found = weir_phrase_find(side, &src);
        snprintf(side, sizeof(side), "dst %s", noun);
        if (!found || !weir_phrase_find(side, &dst))
            continue;
        node->fields[0] = src.fields[0];
        node->fields[1] = dst.fields[0];
        node->field_count = 2;
        node->both = and;
        parser->at += 3 + words;
        return true;
    }
    return false;
}

/* Of the phrases that begin here, the longest. Returns its words, 0 for none. */
static unsigned match_phrase(const struct parser *parser, struct weir_phrase *ret_phrase)
{
    char text[WEIR_QUERY_FIELD_NAME_MAX];
    for (unsigned words = WEIR_PHRASE_WORDS_MAX; words > 0; words--)
        if (join_words(parser, 0, words, text, sizeof(text)) &&
            weir_phrase_find(text, ret_phrase)) {
            /* tcpdump's "src ADDRESS"; with anything else it is a phrase mistyped. */
            bool side =
                strcmp(ret_phrase->text, "src") == 0 || strcmp(ret_phrase->text, "dst") == 0;
            return side && is_value(peek(parser, 1)) && !is_address(peek(parser, 1)) &&
                           !is_word(peek(parser, 1), "in")
                       ? 0
                       : words;
        }
    return 0;
}

static bool begins_test(const struct parser *parser)
{
    struct weir_phrase phrase;
    return peek(parser, 0)->kind == WEIR_TOKEN_WORD && match_phrase(parser, &phrase) > 0;
}

/* One level deeper; the caller takes it back. */
static int enter(struct parser *parser, uint32_t column)
{
    if (parser->depth >= WEIR_FILTER_DEPTH_MAX)
        return weir_filter_fail(parser->diag, column, "more than %u levels in each other",
                                WEIR_FILTER_DEPTH_MAX);
    parser->depth++;
    return 0;
}

static int parse_operator(struct parser *parser, struct weir_syntax *node)
{
    static const struct {
        enum weir_token_kind token;
        enum weir_operator op;
    } operators[] = {
        {WEIR_TOKEN_EQ, WEIR_OP_EQ}, {WEIR_TOKEN_NE, WEIR_OP_NE}, {WEIR_TOKEN_LT, WEIR_OP_LT},
        {WEIR_TOKEN_LE, WEIR_OP_LE}, {WEIR_TOKEN_GT, WEIR_OP_GT}, {WEIR_TOKEN_GE, WEIR_OP_GE},
    };
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (take(parser, operators[i].token)) {
            node->op = operators[i].op;
            return 0;
        }
    const struct weir_token *first = peek(parser, 0);
    if (first->kind == WEIR_TOKEN_NOT && is_word(peek(parser, 1), "in")) {
        node->op = WEIR_OP_NOT_IN;
        parser->at += 2;
    } else if (is_word(first, "in")) {
        node->op = WEIR_OP_IN;
        parser->at++;
    } else if (is_word(first, "like")) {
        node->op = WEIR_OP_LIKE;
        parser->at++;
    } else {
        node->op = WEIR_OP_EQ;
        node->plain = true;
    }
    return 0;
}

/* The values of a list, whose bracket is already taken. */
static int parse_list(struct parser *parser, enum weir_token_kind close, struct weir_syntax *node)
{
    size_t most = 0;
    while (is_value(peek(parser, 2 * most)))
        most++;
    node->values = weir_arena_alloc(parser->arena, (most + 1) * sizeof(*node->values));
    if (!node->values)
        return no_memory(parser);
    do {
        const struct weir_token *token = peek(parser, 0);
        if (!is_value(token))
            return weir_filter_fail(parser->diag, token->column, "a value was expected, not '%s'",
                                    shown(token));
        node->values[node->value_count++] = *token;
        parser->at++;
    } while (take(parser, WEIR_TOKEN_COMMA));
    if (!take(parser, close))
        return weir_filter_fail(parser->diag, peek(parser, 0)->column,
                                "',' or '%s' was expected, not '%.100s'",
                                close == WEIR_TOKEN_CLOSE ? ")" : "]", shown(peek(parser, 0)));
    return 0;
}

static int parse_values(struct parser *parser, struct weir_syntax *node)
{
    const struct weir_token *token = peek(parser, 0);
    if (node->op == WEIR_OP_IN || node->op == WEIR_OP_NOT_IN) {
        if (take(parser, WEIR_TOKEN_LIST_OPEN))
            return parse_list(parser, WEIR_TOKEN_LIST_CLOSE, node);
        if (take(parser, WEIR_TOKEN_OPEN))
            return parse_list(parser, WEIR_TOKEN_CLOSE, node);
        return weir_filter_fail(parser->diag, token->column,
                                "a list like [80, 443] was expected after 'in', not '%.100s'",
                                shown(token));
    }
    if (!is_value(token))
        return weir_filter_fail(parser->diag, token->column, "a value was expected, not '%.100s'",
                                shown(token));
    node->values = weir_arena_copy(parser->arena, token, sizeof(*token));
    if (!node->values)
        return no_memory(parser);
    node->value_count = 1;
    parser->at++;
    return 0;
}

static int with_what_follows(struct parser *parser, struct weir_syntax *first,
                             struct weir_syntax **ret_node);

/* nfdump's "ip ADDRESS" is a host; tcpdump's "ip" alone, or before another test, is IPv4. */
static bool ip_is_family(struct parser *parser)
{
    switch (peek(parser, 1)->kind) {
    case WEIR_TOKEN_END:
    case WEIR_TOKEN_AND:
    case WEIR_TOKEN_OR:
    case WEIR_TOKEN_CLOSE:
        return true;
    default:
        parser->at++;
        bool family = begins_test(parser);
        parser->at--;
        return family;
    }
}

static int parse_phrase(struct parser *parser, struct weir_syntax **ret_node)
{
    struct weir_phrase phrase;
    uint32_t column = peek(parser, 0)->column;
    unsigned words = match_phrase(parser, &phrase);
    if (words == 0)
        return WEIR_E_NOT_FOUND;
    if (strcmp(phrase.text, "ip") == 0 && ip_is_family(parser)) {
        phrase.form = WEIR_PHRASE_FAMILY;
        phrase.value = 4;
    }
    struct weir_syntax *node = NULL;
    int result;
    switch (phrase.form) {
    case WEIR_PHRASE_PROTOCOL:
        parser->at += words;
        result = alone(parser, weir_query_field_of_column(WEIR_COLUMN_PROTOCOL), phrase.value,
                       column, &node);
        return result < 0 ? result : with_what_follows(parser, node, ret_node);
    case WEIR_PHRASE_FAMILY:
        parser->at += words;
        result = alone(parser, weir_query_field_of_computed(WEIR_COMPUTED_IP_VERSION), phrase.value,
                       column, &node);
        return result < 0 ? result : with_what_follows(parser, node, ret_node);
    case WEIR_PHRASE_ANY:
    case WEIR_PHRASE_FIELD:
    case WEIR_PHRASE_EITHER:
        break;
    }
    node = new_test(parser, column);
    if (!node)
        return no_memory(parser);
    parser->at += words;
    *ret_node = node;
    if (phrase.form == WEIR_PHRASE_ANY) {
        node->kind = WEIR_SYNTAX_TRUE;
        return 0;
    }
    node->field_count = phrase.form == WEIR_PHRASE_EITHER ? 2 : 1;
    memcpy(node->fields, phrase.fields, sizeof(node->fields));
    result = parse_operator(parser, node);
    return result < 0 ? result : parse_values(parser, node);
}

/* "tcp dst port 443", "ip host A": the second test follows without a word between. */
static int with_what_follows(struct parser *parser, struct weir_syntax *first,
                             struct weir_syntax **ret_node)
{
    if (!begins_test(parser)) {
        *ret_node = first;
        return 0;
    }
    int result = enter(parser, first->column);
    if (result < 0)
        return result;
    struct weir_syntax *both = new_test(parser, first->column);
    if (!both)
        return no_memory(parser);
    both->kind = WEIR_SYNTAX_AND;
    both->children = first;
    *ret_node = both;
    result = parse_phrase(parser, &first->next);
    parser->depth--;
    return result;
}

static int parse_test(struct parser *parser, struct weir_syntax **ret_node)
{
    const struct weir_token *token = peek(parser, 0);
    if (token->kind != WEIR_TOKEN_WORD)
        return weir_filter_fail(parser->diag, token->column,
                                "a column and its value were expected, not '%.100s'", shown(token));
    struct weir_syntax *node = new_test(parser, token->column);
    if (!node)
        return no_memory(parser);
    if (!match_both_sides(parser, node)) {
        int result = parse_phrase(parser, ret_node);
        if (result != WEIR_E_NOT_FOUND)
            return result;
        if (is_address(token) && strpbrk(token->text, ".:")) {
            node->fields[0] = weir_query_field_of_column(WEIR_COLUMN_SRC_ADDR);
            node->fields[1] = weir_query_field_of_column(WEIR_COLUMN_DST_ADDR);
            node->field_count = 2;
            node->plain = true;
            *ret_node = node;
            return parse_values(parser, node);
        }
        if (weir_query_field_by_name(token->text, &node->fields[0]) < 0)
            return unknown(parser);
        node->field_count = 1;
        parser->at++;
    }
    *ret_node = node;
    int result = parse_operator(parser, node);
    return result < 0 ? result : parse_values(parser, node);
}

static int parse_not(struct parser *parser, struct weir_syntax **ret_node)
{
    const struct weir_token *token = peek(parser, 0);
    if (token->kind != WEIR_TOKEN_NOT && token->kind != WEIR_TOKEN_OPEN)
        return parse_test(parser, ret_node);
    int result = enter(parser, token->column);
    if (result < 0)
        return result;
    parser->at++;
    if (token->kind == WEIR_TOKEN_NOT) {
        struct weir_syntax *node = new_test(parser, token->column);
        if (!node)
            return no_memory(parser);
        node->kind = WEIR_SYNTAX_NOT;
        *ret_node = node;
        result = parse_not(parser, &node->children);
    } else {
        result = parse_or(parser, ret_node);
        if (result == 0 && !take(parser, WEIR_TOKEN_CLOSE))
            result =
                weir_filter_fail(parser->diag, peek(parser, 0)->column,
                                 "'and', 'or' or the ')' of column %u was expected, not '%.100s'",
                                 token->column, shown(peek(parser, 0)));
    }
    parser->depth--;
    return result;
}

/* Children with `joint` between them; one child alone is itself. */
static int parse_joined(struct parser *parser, enum weir_token_kind joint,
                        enum weir_syntax_kind kind,
                        int (*parse_child)(struct parser *, struct weir_syntax **),
                        struct weir_syntax **ret_node)
{
    struct weir_syntax *first = NULL;
    uint32_t column = peek(parser, 0)->column;
    int result = parse_child(parser, &first);
    if (result < 0 || peek(parser, 0)->kind != joint) {
        *ret_node = first;
        return result;
    }
    struct weir_syntax *node = new_test(parser, column);
    if (!node)
        return no_memory(parser);
    node->kind = kind;
    node->children = first;
    for (struct weir_syntax *last = first; take(parser, joint); last = last->next) {
        result = parse_child(parser, &last->next);
        if (result < 0)
            return result;
        assert(last && last->next);
    }
    *ret_node = node;
    return 0;
}

static int parse_and(struct parser *parser, struct weir_syntax **ret_node)
{
    return parse_joined(parser, WEIR_TOKEN_AND, WEIR_SYNTAX_AND, parse_not, ret_node);
}

static int parse_or(struct parser *parser, struct weir_syntax **ret_node)
{
    return parse_joined(parser, WEIR_TOKEN_OR, WEIR_SYNTAX_OR, parse_and, ret_node);
}

static int read_tokens(const char *text, struct parser *parser)
{
    struct weir_lexer lexer = weir_lexer_make(text);
    struct weir_token token;
    size_t count = 0;
    do {
        int result = weir_lexer_next(&lexer, parser->arena, &token, parser->diag);
        if (result < 0)
            return result;
        count++;
    } while (token.kind != WEIR_TOKEN_END);
    struct weir_token *tokens = weir_arena_alloc(parser->arena, count * sizeof(*tokens));
    if (!tokens)
        return no_memory(parser);
    lexer = weir_lexer_make(text);
    for (size_t i = 0; i < count; i++) {
        int result = weir_lexer_next(&lexer, parser->arena, &tokens[i], parser->diag);
        if (result < 0)
            return result;
    }
    parser->tokens = tokens;
    parser->count = count;
    return 0;
}

int weir_syntax_parse(const char *text, struct weir_arena *arena, struct weir_syntax **ret_syntax,
                      struct weir_diag *diag)
{
    struct parser parser = {.arena = arena, .diag = diag};
    int result = read_tokens(text, &parser);
    if (result < 0)
        return result;
    if (parser.count == 1) {
        struct weir_syntax *everything = new_test(&parser, 1);
        if (!everything)
            return no_memory(&parser);
        everything->kind = WEIR_SYNTAX_TRUE;
        *ret_syntax = everything;
        return 0;
    }
    result = parse_or(&parser, ret_syntax);
    const struct weir_token *rest = peek(&parser, 0);
    if (result == 0 && rest->kind != WEIR_TOKEN_END)
        return weir_filter_fail(diag, rest->column, "'and' or 'or' was expected, not '%.100s'",
                                rest->text);
    return result;
}
