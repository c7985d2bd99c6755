/* SPDX-License-Identifier: Apache-2.0 */
#include "query/syntax.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "record/text.h"

struct check {
    const struct weir_token *token;
    const struct weir_query_field *field;
    const struct weir_filter_context *context;
    struct weir_arena *arena;
    struct weir_diag *diag;
};

#define FAIL(check, format, ...) \
    weir_filter_fail((check)->diag, (check)->token->column, format, __VA_ARGS__)

static int check_uint(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    char name[WEIR_QUERY_FIELD_NAME_MAX];
    uint16_t number;
    if (weir_name_to_number(check->field->names, text, &number) == 0) {
        ret->u64 = number;
        return 0;
    }
    weir_query_field_name(check->field, name);
    uint64_t value;
    if (weir_size_parse(text, &value) == 0) {
        if (value > check->field->maximum)
            return FAIL(check, "%.60s is out of range: %s goes from 0 to %" PRIu64, text, name,
                        check->field->maximum);
        ret->u64 = value;
        return 0;
    }
    const char *near = weir_name_nearest(check->field->names, text);
    if (near)
        return FAIL(check, "'%.60s' is no value of %s; did you mean '%s'?", text, name, near);
    return FAIL(check, "'%.60s' is no value of %s: a whole number from 0 to %" PRIu64 " %s", text,
                name, check->field->maximum,
                check->field->names == WEIR_NAMES_NONE ? "was expected" : "or a name was expected");
}

static int check_int(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    bool negative = *text == '-';
    uint64_t value;
    if (weir_size_parse(text + negative, &value) < 0 || value > (uint64_t)INT64_MAX)
        return FAIL(check, "'%.60s' is no whole number", text);
    ret->i64 = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

static int check_real(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    uint64_t whole;
    if (weir_size_parse(text, &whole) == 0) {
        ret->real = (double)whole;
        return 0;
    }
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return FAIL(check, "'%.60s' is no number", text);
    ret->real = value;
    return 0;
}

static int check_bool(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    bool is_true = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!is_true && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return FAIL(check, "'%.60s' is neither true nor false", text);
    ret->boolean = is_true;
    return 0;
}

/* Elements whose text is of one form only, so that texts compare equal when values do. */
static int check_text(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    char canonical[WEIR_ADDRESS_TEXT_MAX];
    uint8_t type = check->field->source == WEIR_QUERY_FIELD_ELEMENT ? check->field->element->type
                                                                    : WEIR_TYPE_STRING;
    ret->text = text;
    if (type == WEIR_TYPE_IPV4_ADDRESS || type == WEIR_TYPE_IPV6_ADDRESS) {
        struct weir_address address;
        if (weir_address_parse(text, &address) < 0)
            return FAIL(check, "'%.60s' is no address", text);
        weir_address_format(address, canonical);
    } else if (type == WEIR_TYPE_MAC_ADDRESS) {
        uint64_t mac;
        if (weir_mac_parse(text, &mac) < 0)
            return FAIL(check, "'%.60s' is no MAC address", text);
        weir_mac_format(mac, canonical);
    } else {
        return 0;
    }
    ret->text = weir_arena_copy(check->arena, canonical, strlen(canonical) + 1);
    return ret->text ? 0 : weir_diag_set(check->diag, WEIR_E_NOMEM, "no memory for the filter");
}

static int check_address(const struct check *check, struct weir_literal *ret)
{
    if (weir_network_parse(check->token->text, &ret->network) < 0)
        return FAIL(check, "'%.60s' is neither an address nor a network", check->token->text);
    return 0;
}

static int check_mac(const struct check *check, struct weir_literal *ret)
{
    if (weir_mac_parse(check->token->text, &ret->u64) < 0)
        return FAIL(check, "'%.60s' is no MAC address", check->token->text);
    return 0;
}

static int check_time(const struct check *check, struct weir_literal *ret)
{
    if (weir_moment_parse(check->token->text, check->context->now_ns, check->context->zone,
                          &ret->i64) < 0)
        return FAIL(check,
                    "'%.60s' is no time; RFC 3339, 'YYYY-MM-DD HH:MM' in quotes, seconds since "
                    "1970 and -15m are",
                    check->token->text);
    return 0;
}

static int check_duration(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    uint64_t ms;
    if (weir_duration_parse(text, &ret->i64) == 0)
        return 0;
    if (weir_size_parse(text, &ms) < 0 || ms > (uint64_t)(INT64_MAX / WEIR_NS_PER_MS))
        return FAIL(check, "'%.60s' is no duration like 10s, 1m30s or 250 (milliseconds)", text);
    ret->i64 = (int64_t)ms * WEIR_NS_PER_MS;
    return 0;
}

static int check_flags(const struct check *check, struct weir_literal *ret)
{
    const char *text = check->token->text;
    uint16_t flags;
    if (*text >= '0' && *text <= '9')
        return check_uint(check, ret);
    if (!*text || weir_tcp_flags_parse(text, &flags) < 0)
        return FAIL(check,
                    "'%.60s' is no set of TCP flags: letters of FSRPAUECN, X for the first "
                    "six, or a number",
                    text);
    ret->u64 = flags;
    return 0;
}

int weir_literal_check(const struct weir_token *token, const struct weir_query_field *field,
                       const struct weir_filter_context *context, struct weir_arena *arena,
                       struct weir_literal *ret_literal, struct weir_diag *diag)
{
    static int (*const checks[])(const struct check *, struct weir_literal *) = {
        [WEIR_VALUE_UINT] = check_uint,         [WEIR_VALUE_INT] = check_int,
        [WEIR_VALUE_REAL] = check_real,         [WEIR_VALUE_BOOL] = check_bool,
        [WEIR_VALUE_TEXT] = check_text,         [WEIR_VALUE_ADDRESS] = check_address,
        [WEIR_VALUE_MAC] = check_mac,           [WEIR_VALUE_TIME] = check_time,
        [WEIR_VALUE_DURATION] = check_duration, [WEIR_VALUE_FLAGS] = check_flags,
    };
    const struct check check = {token, field, context, arena, diag};
    return checks[field->type](&check, ret_literal);
}
