/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quantity.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A decimal number as written: digits / 10^fraction_digits. */
struct decimal {
    uint64_t digits;
    unsigned fraction_digits;
};

/* Reads digits with perhaps a point and more; false where there is none or too many. */
static bool read_decimal(const char **text, struct decimal *ret_decimal)
{
    struct decimal decimal = {0};
    const char *at = *text;
    bool any = false, point = false;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        if (__builtin_mul_overflow(decimal.digits, 10, &decimal.digits) ||
            __builtin_add_overflow(decimal.digits, (uint64_t)(*at - '0'), &decimal.digits))
            return false;
        decimal.fraction_digits += point;
    }
    *text = at;
    *ret_decimal = decimal;
    return any && at[-1] != '.';
}

/* decimal * unit, where that is a whole number of 64 bits. */
static bool scale(struct decimal decimal, uint64_t unit, uint64_t *ret_value)
{
    while (decimal.fraction_digits > 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.fraction_digits--;
    }
    for (; decimal.fraction_digits > 0; decimal.fraction_digits--) {
        /* 10 divides digits * unit as 2 and 5, each from either. */
        for (unsigned factor = 2; factor <= 5; factor += 3) {
            if (decimal.digits % factor == 0)
                decimal.digits /= factor;
            else if (unit % factor == 0)
                unit /= factor;
            else
                return false;
        }
    }
    uint64_t value;
    if (__builtin_mul_overflow(decimal.digits, unit, &value))
        return false;
    *ret_value = value;
    return true;
}

static int parse_hexadecimal(const char *text, uint64_t *ret_size)
{
    uint64_t value = 0;
    if (!*text)
        return WEIR_E_USAGE;
    for (; *text; text++) {
        if (!isxdigit((unsigned char)*text) || value >> 60)
            return WEIR_E_USAGE;
        int letter = tolower((unsigned char)*text);
        value = value << 4 | (uint64_t)(isdigit(letter) ? letter - '0' : letter - 'a' + 10);
    }
    *ret_size = value;
    return 0;
}

int weir_size_parse(const char *text, uint64_t *ret_size)
{
    static const struct {
        const char *text;
        uint64_t factor;
    } units[] = {
        {"", 1},
        {"k", 1000},
        {"M", 1000000},
        {"G", 1000000000},
        {"T", UINT64_C(1000000000000)},
        {"P", UINT64_C(1000000000000000)},
        {"Ki", UINT64_C(1) << 10},
        {"Mi", UINT64_C(1) << 20},
        {"Gi", UINT64_C(1) << 30},
        {"Ti", UINT64_C(1) << 40},
        {"Pi", UINT64_C(1) << 50},
    };
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_hexadecimal(text + 2, ret_size);
    struct decimal decimal;
    if (!read_decimal(&text, &decimal))
        return WEIR_E_USAGE;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcasecmp(text, units[i].text) == 0)
            return scale(decimal, units[i].factor, ret_size) ? 0 : WEIR_E_USAGE;
    return WEIR_E_USAGE;
}

/* Longest first, and of those with one beginning the longer text first. */
static const struct {
    const char *text;
    uint64_t ns;
} durations[] = {
    {"w", UINT64_C(604800000000000)}, {"d", UINT64_C(86400000000000)},
    {"h", UINT64_C(3600000000000)},   {"ms", UINT64_C(1000000)},
    {"m", UINT64_C(60000000000)},     {"s", UINT64_C(1000000000)},
    {"us", UINT64_C(1000)},           {"ns", UINT64_C(1)},
};
#define DURATION_COUNT (sizeof(durations) / sizeof(durations[0]))

int weir_duration_parse(const char *text, int64_t *ret_ns)
{
    int64_t total = 0;
    do {
        struct decimal decimal;
        uint64_t value;
        if (!read_decimal(&text, &decimal))
            return WEIR_E_USAGE;
        size_t i = 0, length = 0;
        for (; i < DURATION_COUNT; i++) {
            length = strlen(durations[i].text);
            if (strncmp(text, durations[i].text, length) == 0)
                break;
        }
        if (i == DURATION_COUNT || !scale(decimal, durations[i].ns, &value) ||
            value > (uint64_t)INT64_MAX || __builtin_add_overflow(total, (int64_t)value, &total))
            return WEIR_E_USAGE;
        text += length;
    } while (*text);
    *ret_ns = total;
    return 0;
}

size_t weir_duration_format(int64_t ns, char text[WEIR_DURATION_TEXT_MAX])
{
    static const uint8_t order[] = {1, 2, 4, 5, 3, 6, 7}; /* d h m s ms us ns */
    size_t length = 0;
    uint64_t rest = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        text[length++] = '-';
    for (size_t i = 0; i < sizeof(order); i++) {
        uint64_t unit = durations[order[i]].ns;
        if (rest >= unit)
            length += (size_t)snprintf(text + length, WEIR_DURATION_TEXT_MAX - length, "%ju%s",
                                       (uintmax_t)(rest / unit), durations[order[i]].text);
        rest %= unit;
    }
    if (ns == 0)
        length = (size_t)snprintf(text, WEIR_DURATION_TEXT_MAX, "0s");
    return length;
}

/* "-15m" or "+1h" after now; "" is now itself. */
static int parse_relative(const char *text, int64_t now_ns, int64_t *ret_ns)
{
    int64_t distance = 0, moment;
    char sign = *text;
    if (sign) {
        if (sign != '-' && sign != '+')
            return WEIR_E_USAGE;
        int result = weir_duration_parse(text + 1, &distance);
        if (result < 0)
            return result;
    }
    if (sign == '-' ? __builtin_sub_overflow(now_ns, distance, &moment)
                    : __builtin_add_overflow(now_ns, distance, &moment))
        return WEIR_E_USAGE;
    *ret_ns = moment;
    return 0;
}

static int parse_civil(const struct weir_time_parts *parts, const struct weir_zone *zone,
                       int64_t *ret_ns)
{
    int64_t seconds, ns;
    if (parts->has_offset || !zone)
        seconds = weir_civil_to_seconds(&parts->civil) - (parts->has_offset ? parts->offset_s : 0);
    else
        seconds = zone->to_seconds(zone->context, &parts->civil);
    if (__builtin_mul_overflow(seconds, WEIR_NS_PER_SECOND, &ns) ||
        __builtin_add_overflow(ns, (int64_t)parts->nanoseconds, &ns))
        return WEIR_E_USAGE;
    *ret_ns = ns;
    return 0;
}

int weir_moment_parse(const char *text, int64_t now_ns, const struct weir_zone *zone,
                      int64_t *ret_ns)
{
    if (strncasecmp(text, "now", 3) == 0)
        return parse_relative(text + 3, now_ns, ret_ns);
    if (*text == '-' || *text == '+')
        return parse_relative(text, now_ns, ret_ns);
    struct weir_time_parts parts;
    if (weir_time_parse(text, &parts) == 0)
        return parse_civil(&parts, zone, ret_ns);
    struct decimal decimal;
    uint64_t value;
    if (!read_decimal(&text, &decimal) || *text || !scale(decimal, 1000000000, &value) ||
        value > (uint64_t)INT64_MAX)
        return WEIR_E_USAGE;
    *ret_ns = (int64_t)value;
    return 0;
}
