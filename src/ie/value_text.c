/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/value.h"

#include <arpa/inet.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/calendar.h"
#include "ie/range.h"

#define MAC_OCTETS 6

/* The text of a kind of types. `parse` is false where the text is not of the kind. */
struct kind {
    void (*print)(const struct weir_scalar *value, struct weir_text_buffer *out);
    bool (*parse)(const char *text, uint8_t *buffer, struct weir_scalar *ret_value);
    const char *form; /* for messages */
    bool is_json;     /* the text is a JSON value as it is */
};

static void print_unsigned(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add_u64(out, value->u64);
}

static int digit_of(char letter, unsigned base)
{
    int digit = letter >= '0' && letter <= '9'   ? letter - '0'
                : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                                 : 16;
    return digit < (int)base ? digit : -1;
}

/* Decimal, 0x or 0b (RFC 7373 section 4.2) into four words, least significant first. */
static bool parse_u256(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    uint64_t words[4] = {0};
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        base = 16;
    else if (text[0] == '0' && (text[1] == 'b' || text[1] == 'B'))
        base = 2;
    if (base != 10)
        text += 2;
    if (!*text)
        return false;
    for (; *text; text++) {
        int digit = digit_of(*text, base);
        if (digit < 0)
            return false;
        unsigned __int128 carry = (unsigned)digit;
        for (unsigned i = 0; i < 4; i++) {
            carry += (unsigned __int128)words[i] * base;
            words[i] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry)
            return false;
    }
    memcpy(value->u256, words, sizeof(words));
    return true;
}

static bool parse_unsigned(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    struct weir_scalar wide;
    if (!parse_u256(text, buffer, &wide) || wide.u256[1] || wide.u256[2] || wide.u256[3] ||
        wide.u256[0] > weir_unsigned_max(weir_type_length((enum weir_type)value->type)))
        return false;
    value->u64 = wide.u256[0];
    return true;
}

static void print_signed(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add_i64(out, value->s64);
}

static bool parse_signed(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    bool negative = *text == '-';
    struct weir_scalar magnitude = {.type = WEIR_TYPE_UNSIGNED64};
    if (negative || *text == '+')
        text++;
    if (text[strspn(text, "0123456789")] || !parse_unsigned(text, buffer, &magnitude) ||
        magnitude.u64 > (uint64_t)INT64_MAX + negative)
        return false;
    int64_t number = (int64_t)(negative ? 0 - magnitude.u64 : magnitude.u64);
    value->s64 = number;
    return weir_signed_fits(number, weir_type_length((enum weir_type)value->type));
}

/* The fewest digits that read back as the same number of the width that it came in. */
static void print_float(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    if (isnan(value->f64)) {
        weir_text_add(out, "NaN");
        return;
    }
    if (isinf(value->f64)) {
        weir_text_add(out, value->f64 > 0 ? "+inf" : "-inf");
        return;
    }
    bool narrow = value->float_width == 4;
    int last = narrow ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
    char digits[40];
    for (int precision = narrow ? FLT_DIG : DBL_DIG; precision <= last; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value->f64);
        double back = narrow ? (double)strtof(digits, NULL) : strtod(digits, NULL);
        if (back == value->f64)
            break;
    }
    weir_text_add(out, digits);
}

static bool parse_float(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    bool narrow = value->type == WEIR_TYPE_FLOAT32;
    value->float_width = narrow ? 4 : 8;
    if (strcmp(text, "NaN") == 0) {
        value->f64 = (double)NAN;
        return true;
    }
    if (strcmp(text, "+inf") == 0 || strcmp(text, "-inf") == 0) {
        value->f64 = *text == '+' ? (double)INFINITY : -(double)INFINITY;
        return true;
    }
    /* strtod reads more forms than RFC 7373 has. */
    char *end;
    if (text[strspn(text, "0123456789.eE+-")])
        return false;
    double number = strtod(text, &end);
    if (end == text || *end)
        return false;
    double max = narrow ? (double)FLT_MAX : DBL_MAX;
    value->f64 = number > max ? max : number < -max ? -max : number;
    if (narrow)
        value->f64 = (double)(float)value->f64;
    return true;
}

static void print_boolean(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add(out, value->boolean ? "true" : "false");
}

static bool parse_boolean(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    value->boolean = strcmp(text, "true") == 0;
    return value->boolean || strcmp(text, "false") == 0;
}

static void print_mac(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    char text[MAC_OCTETS * 3];
    for (size_t i = 0; i < MAC_OCTETS; i++) {
        unsigned octet = value->u64 >> (MAC_OCTETS - 1 - i) * 8 & 0xff;
        text[i * 3] = "0123456789abcdef"[octet >> 4];
        text[i * 3 + 1] = "0123456789abcdef"[octet & 15];
        text[i * 3 + 2] = ':';
    }
    weir_text_add_octets(out, text, sizeof(text) - 1);
}

static bool parse_mac(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    uint64_t address = 0;
    for (unsigned i = 0; i < MAC_OCTETS; i++) {
        int high = digit_of(text[0], 16);
        int low = high < 0 ? -1 : digit_of(text[1], 16);
        char after = i + 1 < MAC_OCTETS ? ':' : 0;
        if (low < 0 || (text[2] != after && !(after && text[2] == '-')))
            return false;
        address = address << 8 | (unsigned)(high << 4 | low);
        text += 3;
    }
    value->u64 = address;
    return true;
}

static void print_ipv4(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_text_add_octets(out, text, weir_ipv4_format(value->address, text));
}

static bool parse_ipv4(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    return inet_pton(AF_INET, text, value->address) == 1;
}

static void print_ipv6(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_text_add_octets(out, text, weir_ipv6_format(value->address, text));
}

static bool parse_ipv6(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    return inet_pton(AF_INET6, text, value->address) == 1;
}

static void print_time(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    unsigned digits = 3u * (value->type - (unsigned)WEIR_TYPE_DATE_TIME_SECONDS);
    char text[WEIR_TIME_TEXT_MAX];
    size_t length = weir_time_format(value->time.seconds, value->time.nanoseconds, digits, text);
    weir_text_add_octets(out, text, length);
}

static bool parse_time(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    struct weir_time_parts parts;
    if (weir_time_parse(text, &parts) < 0)
        return false;
    /* What the type has no digits for is cut. */
    static const uint32_t units[] = {1000000000, 1000000, 1000, 1};
    uint32_t unit = units[value->type - WEIR_TYPE_DATE_TIME_SECONDS];
    value->time.seconds = weir_civil_to_seconds(&parts.civil) - parts.offset_s;
    value->time.nanoseconds = parts.nanoseconds - parts.nanoseconds % unit;
    return true;
}

static void print_octets(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    size_t before = out->length;
    weir_text_add(out, "0x");
    weir_text_add_hex(out, value->octets.octets, value->octets.length);
    if (weir_text_error(out))
        out->length = before;
}

static bool parse_octets(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    size_t length = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    while (*text) {
        if (*text == ' ' || *text == '\t') {
            text++;
            continue;
        }
        int high = digit_of(text[0], 16);
        int low = high < 0 ? -1 : digit_of(text[1], 16);
        if (low < 0)
            return false;
        buffer[length++] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    value->octets.octets = buffer;
    value->octets.length = length;
    return true;
}

/* Exporters pad strings of fixed length with NULs; they are not part of the text. */
static size_t text_length(const uint8_t *octets, size_t length)
{
    while (length > 0 && octets[length - 1] == 0)
        length--;
    return length;
}

static void print_string(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add_printable(out, value->octets.octets,
                            text_length(value->octets.octets, value->octets.length));
}

static bool parse_string(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    size_t length = 0;
    while (*text) {
        if (*text != '\\') {
            buffer[length++] = (uint8_t)*text++;
        } else if (text[1] == '\\') {
            buffer[length++] = '\\';
            text += 2;
        } else {
            int high = text[1] == 'x' ? digit_of(text[2], 16) : -1;
            int low = high < 0 ? -1 : digit_of(text[3], 16);
            if (low < 0)
                return false;
            buffer[length++] = (uint8_t)(high << 4 | low);
            text += 4;
        }
    }
    value->octets.octets = buffer;
    value->octets.length = length;
    return true;
}

static void print_u256(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    /* 10^19 is the largest power of ten in a word: 78 digits are five such pieces. */
    const uint64_t piece = UINT64_C(10000000000000000000);
    uint64_t words[4], pieces[5];
    unsigned count = 0;
    memcpy(words, value->u256, sizeof(words));
    do {
        unsigned __int128 rest = 0;
        for (unsigned i = 4; i > 0; i--) {
            rest = rest << 64 | words[i - 1];
            words[i - 1] = (uint64_t)(rest / piece);
            rest %= piece;
        }
        pieces[count++] = (uint64_t)rest;
    } while (words[0] | words[1] | words[2] | words[3]);
    char digits[96];
    int used = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)pieces[count - 1]);
    for (unsigned i = count - 1; i > 0; i--)
        used += snprintf(digits + used, sizeof(digits) - (size_t)used, "%019llu",
                         (unsigned long long)pieces[i - 1]);
    weir_text_add_octets(out, digits, (size_t)used);
}

static const struct kind unsigned_kind = {
    .print = print_unsigned,
    .parse = parse_unsigned,
    .form = "a number",
    .is_json = true,
};
static const struct kind signed_kind = {
    .print = print_signed,
    .parse = parse_signed,
    .form = "a number, a sign before it or not",
    .is_json = true,
};
static const struct kind u256_kind = {
    .print = print_u256,
    .parse = parse_u256,
    .form = "a number below 2^256",
};
static const struct kind float_kind = {
    .print = print_float,
    .parse = parse_float,
    .form = "a number such as -1.5e3, NaN, +inf or -inf",
    .is_json = true,
};
static const struct kind boolean_kind = {
    .print = print_boolean,
    .parse = parse_boolean,
    .form = "true or false",
    .is_json = true,
};
static const struct kind mac_kind = {
    .print = print_mac,
    .parse = parse_mac,
    .form = "six octets as 00:00:5e:00:53:01",
};
static const struct kind ipv4_kind = {
    .print = print_ipv4,
    .parse = parse_ipv4,
    .form = "an address as 192.0.2.1",
};
static const struct kind ipv6_kind = {
    .print = print_ipv6,
    .parse = parse_ipv6,
    .form = "an address as 2001:db8::1",
};
static const struct kind octets_kind = {
    .print = print_octets,
    .parse = parse_octets,
    .form = "pairs of hexadecimal digits",
};
static const struct kind string_kind = {
    .print = print_string,
    .parse = parse_string,
    .form = "text in which a backslash stands before another or before xNN only",
};
static const struct kind time_kind = {
    .print = print_time,
    .parse = parse_time,
    .form = "a time as 2026-07-22T10:00:00Z",
};

static const struct kind *const kinds[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_OCTET_ARRAY] = &octets_kind,
    [WEIR_TYPE_UNSIGNED8] = &unsigned_kind,
    [WEIR_TYPE_UNSIGNED16] = &unsigned_kind,
    [WEIR_TYPE_UNSIGNED32] = &unsigned_kind,
    [WEIR_TYPE_UNSIGNED64] = &unsigned_kind,
    [WEIR_TYPE_SIGNED8] = &signed_kind,
    [WEIR_TYPE_SIGNED16] = &signed_kind,
    [WEIR_TYPE_SIGNED32] = &signed_kind,
    [WEIR_TYPE_SIGNED64] = &signed_kind,
    [WEIR_TYPE_FLOAT32] = &float_kind,
    [WEIR_TYPE_FLOAT64] = &float_kind,
    [WEIR_TYPE_BOOLEAN] = &boolean_kind,
    [WEIR_TYPE_MAC_ADDRESS] = &mac_kind,
    [WEIR_TYPE_STRING] = &string_kind,
    [WEIR_TYPE_DATE_TIME_SECONDS] = &time_kind,
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = &time_kind,
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = &time_kind,
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = &time_kind,
    [WEIR_TYPE_IPV4_ADDRESS] = &ipv4_kind,
    [WEIR_TYPE_IPV6_ADDRESS] = &ipv6_kind,
    [WEIR_TYPE_BASIC_LIST] = &octets_kind,
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = &octets_kind,
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = &octets_kind,
    [WEIR_TYPE_UNSIGNED256] = &u256_kind,
};

void weir_value_print(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    kinds[value->type]->print(value, out);
}

int weir_value_parse(enum weir_type type, const char *text, uint8_t *buffer,
                     struct weir_scalar *ret_value, struct weir_diag *diag)
{
    struct weir_scalar value = {.type = (uint8_t)type};
    if (!kinds[type]->parse(text, buffer, &value))
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s' is no %s: expected %s", text,
                             weir_type_text(type), kinds[type]->form);
    *ret_value = value;
    return 0;
}

int weir_value_print_json(const struct weir_element *element, const uint8_t *octets, size_t length,
                          struct weir_text_buffer *out)
{
    enum weir_type type = element ? (enum weir_type)element->type : WEIR_TYPE_OCTET_ARRAY;
    /* Most elements are unsigned integers: straight to digits. */
    if (kinds[type] == &unsigned_kind && length >= 1 && length <= 8) {
        weir_text_add_u64(out, weir_load_be(octets, (unsigned)length));
        return 0;
    }
    struct weir_scalar value = {0};
    int result = weir_value_decode(type, octets, length, &value, NULL);
    if (result < 0)
        value = (struct weir_scalar){.type = WEIR_TYPE_OCTET_ARRAY,
                                     .octets = {.octets = octets, .length = length}};
    const struct kind *kind = kinds[value.type];
    if (kind == &string_kind) {
        weir_text_add_json(out, octets, text_length(octets, length));
    } else if (kind->is_json && !(kind == &float_kind && !isfinite(value.f64))) {
        kind->print(&value, out);
    } else {
        size_t before = out->length;
        weir_text_add_char(out, '"');
        kind->print(&value, out);
        weir_text_add_char(out, '"');
        if (weir_text_error(out))
            out->length = before;
    }
    return result;
}
