/* SPDX-License-Identifier: Apache-2.0 */
#include "support/value_text.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/calendar.h"

#define MAC_OCTETS 6

static int hex_digit(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                                            : -1;
}

/* Two digits to an octet, or -1. */
static int hex_octet(const char *text)
{
    int high = hex_digit(text[0]);
    int low = high < 0 ? -1 : hex_digit(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

/* Four words, least significant first. */
static bool parse_u256(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    uint64_t words[4] = {0};
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned __int128 carry = (unsigned)(*text - '0');
        if (*text < '0' || *text > '9')
            return false;
        for (unsigned i = 0; i < 4; i++) {
            carry += (unsigned __int128)words[i] * 10;
            words[i] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry)
            return false;
    }
    memcpy(value->u256, words, sizeof(words));
    return true;
}

static bool encode_u256(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    uint8_t whole[32];
    for (size_t i = 0; i < 4; i++)
        weir_store_be64(whole + 24 - i * 8, value->u256[i]);
    for (size_t i = 0; i < sizeof(whole) - length; i++)
        if (whole[i])
            return false;
    memcpy(octets, whole + sizeof(whole) - length, length);
    return true;
}

static bool parse_unsigned(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    struct weir_scalar wide;
    if (!parse_u256(text, buffer, &wide) || wide.u256[1] || wide.u256[2] || wide.u256[3])
        return false;
    value->u64 = wide.u256[0];
    return true;
}

static bool encode_unsigned(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    weir_store_be(octets, (unsigned)length, value->u64);
    return weir_load_be(octets, (unsigned)length) == value->u64;
}

static bool parse_signed(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    bool negative = *text == '-';
    struct weir_scalar magnitude;
    if (!parse_unsigned(text + negative, buffer, &magnitude) ||
        magnitude.u64 > (uint64_t)INT64_MAX + negative)
        return false;
    value->s64 = (int64_t)(negative ? 0 - magnitude.u64 : magnitude.u64);
    return true;
}

static bool encode_signed(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    unsigned shift = 64 - (unsigned)length * 8;
    weir_store_be(octets, (unsigned)length, (uint64_t)value->s64);
    return (int64_t)((uint64_t)value->s64 << shift) >> shift == value->s64;
}

static bool parse_float(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    char *end;
    value->f64 = strtod(text, &end);
    return end > text && !*end;
}

static bool encode_float(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    if (length == 4) {
        /* Rounds before it is judged: the shortest text of FLT_MAX is a little more than it. */
        float narrow = (float)value->f64;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof(bits));
        weir_store_be32(octets, bits);
        return !isinf(narrow) || isinf(value->f64);
    }
    uint64_t bits;
    memcpy(&bits, &value->f64, sizeof(bits));
    weir_store_be64(octets, bits);
    return true;
}

static bool parse_boolean(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    value->boolean = strcmp(text, "true") == 0;
    return value->boolean || strcmp(text, "false") == 0;
}

static bool encode_boolean(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    octets[0] = value->boolean ? 1 : 2;
    return true;
}

static bool parse_mac(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    value->u64 = 0;
    for (unsigned i = 0; i < MAC_OCTETS; i++, text += 3) {
        int octet = hex_octet(text);
        if (octet < 0 || text[2] != (i + 1 < MAC_OCTETS ? ':' : '\0'))
            return false;
        value->u64 = value->u64 << 8 | (unsigned)octet;
    }
    return true;
}

static bool parse_ipv4(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    return inet_pton(AF_INET, text, value->address) == 1;
}

static bool parse_ipv6(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    return inet_pton(AF_INET6, text, value->address) == 1;
}

static bool encode_address(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    memcpy(octets, value->address, length);
    return true;
}

static bool parse_time(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    (void)buffer;
    struct weir_time_parts parts;
    if (weir_time_parse(text, &parts) < 0)
        return false;
    value->time.seconds = weir_civil_to_seconds(&parts.civil) - parts.offset_s;
    value->time.nanoseconds = parts.nanoseconds;
    return true;
}

static bool encode_seconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    weir_store_be32(octets, (uint32_t)value->time.seconds);
    return value->time.seconds >= 0 && value->time.seconds <= UINT32_MAX;
}

static bool encode_milliseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    uint64_t ms;
    bool fits = value->time.seconds >= 0 &&
                !__builtin_mul_overflow((uint64_t)value->time.seconds, UINT64_C(1000), &ms) &&
                !__builtin_add_overflow(ms, value->time.nanoseconds / 1000000, &ms);
    if (fits)
        weir_store_be64(octets, ms);
    return fits;
}

/* The first word of an NTP timestamp (RFC 7011 section 6.1.9). */
static uint64_t ntp_seconds(const struct weir_scalar *value)
{
    return (uint64_t)(value->time.seconds + WEIR_NTP_EPOCH) << 32;
}

/* Units of 2^-21 s, the resolution that the type has, are finer than a microsecond. */
static bool encode_microseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    uint64_t us = value->time.nanoseconds / 1000;
    weir_store_be64(octets, ntp_seconds(value) | ((us << 21) + 500000) / 1000000 << 11);
    return true;
}

static bool encode_nanoseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    uint64_t ns = value->time.nanoseconds;
    weir_store_be64(octets, ntp_seconds(value) | ((ns << 32) + 500000000) / 1000000000);
    return true;
}

static bool parse_octets(const char *text, uint8_t *buffer, struct weir_scalar *value)
{
    size_t length = 0;
    if (text[0] != '0' || text[1] != 'x')
        return false;
    for (text += 2; *text; text += 2) {
        int octet = hex_octet(text);
        if (octet < 0)
            return false;
        buffer[length++] = (uint8_t)octet;
    }
    value->octets.octets = buffer;
    value->octets.length = length;
    return true;
}

/* \xNN and \\ are undone. */
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
            int octet = text[1] == 'x' ? hex_octet(text + 2) : -1;
            if (octet < 0)
                return false;
            buffer[length++] = (uint8_t)octet;
            text += 4;
        }
    }
    value->octets.octets = buffer;
    value->octets.length = length;
    return true;
}

/* Shorter ones are padded with NUL, as exporters do with strings of fixed length. */
static bool encode_octets(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    size_t used = value->octets.length;
    if (used > length)
        return false;
    if (used > 0)
        memcpy(octets, value->octets.octets, used);
    memset(octets + used, 0, length - used);
    return true;
}

static const struct {
    bool (*parse)(const char *text, uint8_t *buffer, struct weir_scalar *value);
    bool (*encode)(const struct weir_scalar *value, uint8_t *octets, size_t length);
} kinds[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_OCTET_ARRAY] = {parse_octets, encode_octets},
    [WEIR_TYPE_UNSIGNED8] = {parse_unsigned, encode_unsigned},
    [WEIR_TYPE_UNSIGNED16] = {parse_unsigned, encode_unsigned},
    [WEIR_TYPE_UNSIGNED32] = {parse_unsigned, encode_unsigned},
    [WEIR_TYPE_UNSIGNED64] = {parse_unsigned, encode_unsigned},
    [WEIR_TYPE_SIGNED8] = {parse_signed, encode_signed},
    [WEIR_TYPE_SIGNED16] = {parse_signed, encode_signed},
    [WEIR_TYPE_SIGNED32] = {parse_signed, encode_signed},
    [WEIR_TYPE_SIGNED64] = {parse_signed, encode_signed},
    [WEIR_TYPE_FLOAT32] = {parse_float, encode_float},
    [WEIR_TYPE_FLOAT64] = {parse_float, encode_float},
    [WEIR_TYPE_BOOLEAN] = {parse_boolean, encode_boolean},
    [WEIR_TYPE_MAC_ADDRESS] = {parse_mac, encode_unsigned},
    [WEIR_TYPE_STRING] = {parse_string, encode_octets},
    [WEIR_TYPE_DATE_TIME_SECONDS] = {parse_time, encode_seconds},
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = {parse_time, encode_milliseconds},
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = {parse_time, encode_microseconds},
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = {parse_time, encode_nanoseconds},
    [WEIR_TYPE_IPV4_ADDRESS] = {parse_ipv4, encode_address},
    [WEIR_TYPE_IPV6_ADDRESS] = {parse_ipv6, encode_address},
    [WEIR_TYPE_BASIC_LIST] = {parse_octets, encode_octets},
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = {parse_octets, encode_octets},
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = {parse_octets, encode_octets},
    [WEIR_TYPE_UNSIGNED256] = {parse_u256, encode_u256},
};

bool test_value_parse(enum weir_type type, const char *text, uint8_t *buffer,
                      struct weir_scalar *ret_value)
{
    *ret_value = (struct weir_scalar){.type = (uint8_t)type};
    return kinds[type].parse(text, buffer, ret_value);
}

bool test_value_encode(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    return kinds[value->type].encode(value, octets, length);
}
