/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether octets are one JSON value (RFC 8259), for tests and fuzz targets that only ask for the
 * form. Strings are taken as what base/text.h writes: no control characters.
 *
 *     assert_true(valid_json(text, length));
 */
#ifndef WEIR_TESTS_SUPPORT_VALID_JSON_H
#define WEIR_TESTS_SUPPORT_VALID_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct valid_json {
    const char *at, *end;
    unsigned depth;
};

static inline bool valid_json_take(struct valid_json *json, char letter)
{
    bool is_there = json->at < json->end && *json->at == letter;
    json->at += is_there;
    return is_there;
}

static inline bool valid_json_string(struct valid_json *json)
{
    if (!valid_json_take(json, '"'))
        return false;
    while (json->at < json->end && *json->at != '"') {
        if ((unsigned char)*json->at < 0x20)
            return false;
        json->at += *json->at == '\\' ? 2 : 1;
    }
    return valid_json_take(json, '"');
}

static inline bool valid_json_word(struct valid_json *json)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at &&
           strchr("+-.0123456789Eabcdefghijklmnopqrstuvwxyz", *json->at))
        json->at++;
    return json->at > start;
}

static inline bool valid_json_value(struct valid_json *json);

static inline bool valid_json_items(struct valid_json *json, char close, bool is_object)
{
    if (valid_json_take(json, close))
        return true;
    do {
        if (is_object && !(valid_json_string(json) && valid_json_take(json, ':')))
            return false;
        if (!valid_json_value(json))
            return false;
    } while (valid_json_take(json, ','));
    return valid_json_take(json, close);
}

/* NOLINTNEXTLINE(misc-no-recursion): its depth is bounded */
static inline bool valid_json_value(struct valid_json *json)
{
    if (json->at == json->end || json->depth == 64)
        return false;
    json->depth++;
    bool is_valid;
    if (*json->at == '"')
        is_valid = valid_json_string(json);
    else if (valid_json_take(json, '{'))
        is_valid = valid_json_items(json, '}', true);
    else if (valid_json_take(json, '['))
        is_valid = valid_json_items(json, ']', false);
    else
        is_valid = valid_json_word(json);
    json->depth--;
    return is_valid;
}

static inline bool valid_json(const char *text, size_t length)
{
    struct valid_json json = {.at = text, .end = text + length};
    return valid_json_value(&json) && json.at == json.end;
}

#endif
