/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/value.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/calendar.h"
#include "ie/range.h"

#define NS_PER_MS UINT32_C(1000000)

/*
 * How the values of a kind of types stand in octets. `decode` and `encode` are given lengths that
 * the type allows. `decode` returns NULL or what values there are; `encode` is false where the
 * value does not fit.
 */
struct kind {
    const char *(*decode)(const uint8_t *octets, size_t length, struct weir_scalar *ret_value);
    bool (*encode)(const struct weir_scalar *value, uint8_t *octets, size_t length);
    bool is_variable; /* any length: value.octets says which */
    /* Octets that it may take: low, low + step .. high. All 0: the type's and no other. */
    uint8_t low, high, step;
};

static const char *decode_unsigned(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    value->u64 = weir_load_be(octets, (unsigned)length);
    return NULL;
}

static bool encode_unsigned(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    if (value->u64 > weir_unsigned_max((unsigned)length))
        return false;
    weir_store_be(octets, (unsigned)length, value->u64);
    return true;
}

static const char *decode_signed(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    assert(length > 0); /* as the type allows */
    /* To the top of the word and back: the shift carries the sign down. */
    unsigned shift = 64 - (unsigned)length * 8;
    value->s64 = (int64_t)(weir_load_be(octets, (unsigned)length) << shift) >> shift;
    return NULL;
}

static bool encode_signed(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    if (!weir_signed_fits(value->s64, (unsigned)length))
        return false;
    weir_store_be(octets, (unsigned)length, (uint64_t)value->s64);
    return true;
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

static bool encode_float(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    if (length == 4) {
        /* Rounds before it is judged: the shortest text of FLT_MAX is a little more than it. */
        float narrow = (float)value->f64;
        if (isinf(narrow) && !isinf(value->f64))
            return false;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof(bits));
        weir_store_be32(octets, bits);
    } else {
        uint64_t bits;
        memcpy(&bits, &value->f64, sizeof(bits));
        weir_store_be64(octets, bits);
    }
    return true;
}

static const char *decode_boolean(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    (void)length;
    value->boolean = octets[0] == 1;
    return octets[0] == 1 || octets[0] == 2 ? NULL : "1 (true) or 2 (false)";
}

static bool encode_boolean(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    octets[0] = value->boolean ? 1 : 2;
    return true;
}

static const char *decode_address(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    memcpy(value->address, octets, length);
    return NULL;
}

static bool encode_address(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    memcpy(octets, value->address, length);
    return true;
}

static const char *decode_seconds(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    (void)length;
    value->time.seconds = weir_load_be32(octets);
    value->time.nanoseconds = 0;
    return NULL;
}

static bool encode_seconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    if (value->time.seconds < 0 || value->time.seconds > UINT32_MAX)
        return false;
    weir_store_be32(octets, (uint32_t)value->time.seconds);
    return true;
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

static bool encode_milliseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    uint64_t ms;
    bool fits = value->time.seconds >= 0 &&
                !__builtin_mul_overflow((uint64_t)value->time.seconds, UINT64_C(1000), &ms) &&
                !__builtin_add_overflow(ms, value->time.nanoseconds / NS_PER_MS, &ms);
    if (fits)
        weir_store_be64(octets, ms);
    return fits;
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

/* 1968-01-20 to 2104-02-26, what weir_ntp_seconds gives back. */
static bool encode_ntp(const struct weir_scalar *value, uint8_t *octets,
                       uint64_t (*from_ns)(int64_t))
{
    int64_t seconds = value->time.seconds;
    int64_t first = weir_ntp_seconds(0x80000000u);
    if (seconds < first || seconds > weir_ntp_seconds(0x7fffffffu))
        return false;
    weir_store_be64(octets, from_ns(seconds * WEIR_NS_PER_SECOND + value->time.nanoseconds));
    return true;
}

static bool encode_microseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    return encode_ntp(value, octets, weir_ntp_us_from_ns);
}

static bool encode_nanoseconds(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    (void)length;
    return encode_ntp(value, octets, weir_ntp_from_ns);
}

static const char *decode_octets(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    value->octets.octets = octets;
    value->octets.length = length;
    return NULL;
}

static bool encode_octets(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    if (length != value->octets.length)
        return false;
    if (length > 0)
        memcpy(octets, value->octets.octets, length);
    return true;
}

static bool encode_string(const struct weir_scalar *value, uint8_t *octets, size_t length)
{
    size_t used = value->octets.length;
    if (used > length)
        return false;
    if (used > 0)
        memcpy(octets, value->octets.octets, used);
    if (used < length)
        memset(octets + used, 0, length - used);
    return true;
}

static const char *decode_u256(const uint8_t *octets, size_t length, struct weir_scalar *value)
{
    uint8_t whole[32] = {0};
    memcpy(whole + sizeof(whole) - length, octets, length);
    for (size_t i = 0; i < 4; i++)
        value->u256[i] = weir_load_be64(whole + 24 - i * 8);
    return NULL;
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

static const struct kind unsigned_kind = {
    .decode = decode_unsigned,
    .encode = encode_unsigned,
    .low = 1,
    .high = 8,
    .step = 1,
};
static const struct kind signed_kind = {
    .decode = decode_signed,
    .encode = encode_signed,
    .low = 1,
    .high = 8,
    .step = 1,
};
static const struct kind u256_kind = {
    .decode = decode_u256,
    .encode = encode_u256,
    .low = 1,
    .high = 32,
    .step = 1,
};
static const struct kind float_kind = {
    .decode = decode_float,
    .encode = encode_float,
    .low = 4,
    .high = 8,
    .step = 4,
};
static const struct kind boolean_kind = {
    .decode = decode_boolean,
    .encode = encode_boolean,
};
static const struct kind mac_kind = {
    .decode = decode_unsigned,
    .encode = encode_unsigned,
};
static const struct kind ipv4_kind = {
    .decode = decode_address,
    .encode = encode_address,
};
static const struct kind ipv6_kind = {
    .decode = decode_address,
    .encode = encode_address,
};
static const struct kind octets_kind = {
    .decode = decode_octets,
    .encode = encode_octets,
    .is_variable = true,
};
static const struct kind string_kind = {
    .decode = decode_octets,
    .encode = encode_string,
    .is_variable = true,
};

#define TIME_KIND(unit)                                  \
    {                                                    \
        .decode = decode_##unit, .encode = encode_##unit \
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

static int wrong_length(enum weir_type type, enum weir_error error, size_t length,
                        struct weir_diag *diag)
{
    const struct kind *kind = kinds[type];
    char allowed[32];
    if (kind->step == 0)
        snprintf(allowed, sizeof(allowed), "%u", weir_type_length(type));
    else
        snprintf(allowed, sizeof(allowed), "%u %s %u", kind->low, kind->step > 1 ? "or" : "to",
                 kind->high);
    return weir_diag_set(diag, error, "%s of %zu octets: %s are allowed", weir_type_text(type),
                         length, allowed);
}

int weir_value_decode(enum weir_type type, const uint8_t *octets, size_t length,
                      struct weir_scalar *ret_value, struct weir_diag *diag)
{
    if (!length_allowed(type, length))
        return wrong_length(type, WEIR_E_MALFORMED, length, diag);
    struct weir_scalar value = {.type = (uint8_t)type};
    const char *allowed = kinds[type]->decode(octets, length, &value);
    if (allowed)
        return weir_diag_set(diag, WEIR_E_MALFORMED, "%s %u: values are %s", weir_type_text(type),
                             octets[0], allowed);
    *ret_value = value;
    return 0;
}

size_t weir_value_length(const struct weir_scalar *value)
{
    enum weir_type type = (enum weir_type)value->type;
    return kinds[type]->is_variable ? value->octets.length : weir_type_length(type);
}

int weir_value_encode(const struct weir_scalar *value, uint8_t *octets, size_t length,
                      struct weir_diag *diag)
{
    enum weir_type type = (enum weir_type)value->type;
    if (!length_allowed(type, length))
        return wrong_length(type, WEIR_E_USAGE, length, diag);
    if (!kinds[type]->encode(value, octets, length))
        return weir_diag_set(diag, WEIR_E_USAGE, "this %s does not fit in %zu octets",
                             weir_type_text(type), length);
    return 0;
}
