/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/value.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/calendar.h"

#define MAC_OCTETS 6
#define NS_PER_MS  UINT32_C(1000000)

/*
 * What is done with the values of a kind of types. `decode` is given lengths that the type allows,
 * and returns NULL or what values there are.
 */
struct kind {
    const char *(*decode)(const uint8_t *octets, size_t length, struct weir_scalar *ret_value);
    void (*print)(const struct weir_scalar *value, struct weir_text_buffer *out);
    bool is_json;     /* the text is a JSON value as it is */
    bool is_variable; /* any length: value.octets says which */
    /* Octets that it may take: low, low + step .. high. All 0: the type's and no other. */
    uint8_t low, high, step;
};

static const char *decode_unsigned(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    value->u64 = weir_load_be(octets, (unsigned)length);
    return NULL;
}

static void print_unsigned(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add_u64(out, value->u64);
}

static const char *decode_signed(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    /* To the top of the word and back: the shift carries the sign down. */
    unsigned shift = 64 - (unsigned)length * 8;
    value->s64 = (int64_t)(weir_load_be(octets, (unsigned)length) << shift) >> shift;
    return NULL;
}

static void print_signed(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add_i64(out, value->s64);
}

static const char *decode_float(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    value->float_width = (uint8_t)length;
    if (length == 4) {
        uint32_t bits = weir_load_be32(octets);
        float narrow;
        memcpy(&narrow, &bits, sizeof(narrow));
        value->f64 = (double)narrow;
    } else {
        uint64_t bits = weir_load_be64(octets);
        memcpy(&value->f64, &bits, sizeof(value->f64));
    }
    return NULL;
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

static const char *decode_boolean(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    (void)length;
    value->boolean = octets[0] == 1;
    return octets[0] == 1 || octets[0] == 2 ? NULL : "1 (true) or 2 (false)";
}

static void print_boolean(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    weir_text_add(out, value->boolean ? "true" : "false");
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

static const char *decode_address(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    memcpy(value->address, octets, length);
    return NULL;
}

static void print_ipv4(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_text_add_octets(out, text, weir_ipv4_format(value->address, text));
}

static void print_ipv6(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    weir_text_add_octets(out, text, weir_ipv6_format(value->address, text));
}

static const char *decode_seconds(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    (void)length;
    value->time.seconds = weir_load_be32(octets);
    value->time.nanoseconds = 0;
    return NULL;
}

static const char *decode_milliseconds(const uint8_t *octets, size_t length,
                                       struct weir_scalar *value)
{
    (void)length;
    uint64_t ms = weir_load_be64(octets);
    value->time.seconds = (int64_t)(ms / 1000);
    value->time.nanoseconds = (uint32_t)(ms % 1000) * NS_PER_MS;
    return NULL;
}

static void set_time(struct weir_scalar *value, int64_t time_ns)
{
    int64_t seconds = time_ns / WEIR_NS_PER_SECOND - (time_ns % WEIR_NS_PER_SECOND < 0);
    value->time.seconds = seconds;
    value->time.nanoseconds = (uint32_t)(time_ns - seconds * WEIR_NS_PER_SECOND);
}

static const char *decode_microseconds(const uint8_t *octets, size_t length,
                                       struct weir_scalar *value)
{
    (void)length;
    set_time(value, weir_ntp_us_to_ns(weir_load_be64(octets)));
    return NULL;
}

static const char *decode_nanoseconds(const uint8_t *octets, size_t length,
                                      struct weir_scalar *value)
{
    (void)length;
    set_time(value, weir_ntp_to_ns(weir_load_be64(octets)));
    return NULL;
}

static void print_time(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    unsigned digits = 3u * (value->type - (unsigned)WEIR_TYPE_DATE_TIME_SECONDS);
    char text[WEIR_TIME_TEXT_MAX];
    size_t length = weir_time_format(value->time.seconds, value->time.nanoseconds, digits, text);
    weir_text_add_octets(out, text, length);
}

static const char *decode_octets(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    value->octets.octets = octets;
    value->octets.length = length;
    return NULL;
}

static void print_octets(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    size_t before = out->length;
    weir_text_add(out, "0x");
    weir_text_add_hex(out, value->octets.octets, value->octets.length);
    if (weir_text_error(out))
        out->length = before;
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

static const char *decode_u256(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    uint8_t whole[32] = {0};
    memcpy(whole + sizeof(whole) - length, octets, length);
    for (size_t i = 0; i < 4; i++)
        value->u256[i] = weir_load_be64(whole + 24 - i * 8);
    return NULL;
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
    .decode = decode_unsigned,
    .print = print_unsigned,
    .is_json = true,
    .low = 1,
    .high = 8,
    .step = 1,
};
static const struct kind signed_kind = {
    .decode = decode_signed,
    .print = print_signed,
    .is_json = true,
    .low = 1,
    .high = 8,
    .step = 1,
};
static const struct kind u256_kind = {
    .decode = decode_u256,
    .print = print_u256,
    .low = 1,
    .high = 32,
    .step = 1,
};
static const struct kind float_kind = {
    .decode = decode_float,
    .print = print_float,
    .is_json = true,
    .low = 4,
    .high = 8,
    .step = 4,
};
static const struct kind boolean_kind = {
    .decode = decode_boolean,
    .print = print_boolean,
    .is_json = true,
};
static const struct kind mac_kind = {
    .decode = decode_unsigned,
    .print = print_mac,
};
static const struct kind ipv4_kind = {
    .decode = decode_address,
    .print = print_ipv4,
};
static const struct kind ipv6_kind = {
    .decode = decode_address,
    .print = print_ipv6,
};
static const struct kind octets_kind = {
    .decode = decode_octets,
    .print = print_octets,
    .is_variable = true,
};
static const struct kind string_kind = {
    .decode = decode_octets,
    .print = print_string,
    .is_variable = true,
};

#define TIME_KIND(unit)                              \
    {                                                \
        .decode = decode_##unit, .print = print_time \
    }
static const struct kind seconds_kind = TIME_KIND(seconds);
static const struct kind milliseconds_kind = TIME_KIND(milliseconds);
static const struct kind microseconds_kind = TIME_KIND(microseconds);
static const struct kind nanoseconds_kind = TIME_KIND(nanoseconds);

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
    [WEIR_TYPE_DATE_TIME_SECONDS] = &seconds_kind,
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = &milliseconds_kind,
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = &microseconds_kind,
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = &nanoseconds_kind,
    [WEIR_TYPE_IPV4_ADDRESS] = &ipv4_kind,
    [WEIR_TYPE_IPV6_ADDRESS] = &ipv6_kind,
    [WEIR_TYPE_BASIC_LIST] = &octets_kind,
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = &octets_kind,
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = &octets_kind,
    [WEIR_TYPE_UNSIGNED256] = &u256_kind,
};

static bool length_allowed(enum weir_type type, size_t length)
{
    const struct kind *kind = kinds[type];
    if (kind->is_variable)
        return true;
    if (kind->step == 0)
        return length == weir_type_length(type);
    return length >= kind->low && length <= kind->high && length % kind->step == 0;
}

static int wrong_length(enum weir_type type, size_t length, struct weir_diag *diag)
{
    const struct kind *kind = kinds[type];
    char allowed[32];
    if (kind->step == 0)
        snprintf(allowed, sizeof(allowed), "%u", weir_type_length(type));
    else
        snprintf(allowed, sizeof(allowed), "%u %s %u", kind->low, kind->step > 1 ? "or" : "to",
                 kind->high);
    return weir_diag_set(diag, WEIR_E_MALFORMED, "%s of %zu octets: %s are allowed",
                         weir_type_text(type), length, allowed);
}

int weir_value_decode(enum weir_type type, const uint8_t *octets, size_t length,
                      struct weir_scalar *ret_value, struct weir_diag *diag)
{
    if (!length_allowed(type, length))
        return wrong_length(type, length, diag);
    struct weir_scalar value = {.type = (uint8_t)type};
    const char *allowed = kinds[type]->decode(octets, length, &value);
    if (allowed)
        return weir_diag_set(diag, WEIR_E_MALFORMED, "%s %u: values are %s", weir_type_text(type),
                             octets[0], allowed);
    *ret_value = value;
    return 0;
}

void weir_value_print(const struct weir_scalar *value, struct weir_text_buffer *out)
{
    kinds[value->type]->print(value, out);
}

int weir_value_print_json(const struct weir_element *element, const uint8_t *octets, size_t length,
                          struct weir_text_buffer *out)
{
    enum weir_type type = element ? (enum weir_type)element->type : WEIR_TYPE_OCTET_ARRAY;
    /* Most elements are unsigned integers: straight to digits. */
    if (kinds[type] == &unsigned_kind && length >= unsigned_kind.low &&
        length <= unsigned_kind.high) {
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
