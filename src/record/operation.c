/* SPDX-License-Identifier: Apache-2.0 */
#include "record/operation.h"

#include <string.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/calendar.h"
#include "base/clock.h"

#define UPTIME_AHEAD_MS INT64_C(60000)
#define AS_TRANS        23456u /* RFC 6793 section 9: an AS number that 2 octets cannot say */

/* One load and one store for each width; those of odd widths unroll to single octets. */
#define LOAD_1(octets)         ((uint64_t)(octets)[0])
#define LOAD_2(octets)         ((uint64_t)weir_load_be16(octets))
#define LOAD_3(octets)         weir_load_be(octets, 3)
#define LOAD_4(octets)         ((uint64_t)weir_load_be32(octets))
#define LOAD_5(octets)         weir_load_be(octets, 5)
#define LOAD_6(octets)         ((uint64_t)weir_load_be16(octets) << 32 | weir_load_be32((octets) + 2))
#define LOAD_7(octets)         weir_load_be(octets, 7)
#define LOAD_8(octets)         weir_load_be64(octets)
#define STORE_1(octets, value) ((octets)[0] = (uint8_t)(value))
#define STORE_2(octets, value) weir_store_be16(octets, (uint16_t)(value))
#define STORE_3(octets, value) weir_store_be(octets, 3, value)
#define STORE_4(octets, value) weir_store_be32(octets, (uint32_t)(value))
#define STORE_5(octets, value) weir_store_be(octets, 5, value)
#define STORE_6(octets, value)                                     \
    (weir_store_be16(octets, (uint16_t)((uint64_t)(value) >> 32)), \
     weir_store_be32((octets) + 2, (uint32_t)(value)))
#define STORE_7(octets, value) weir_store_be(octets, 7, value)
#define STORE_8(octets, value) weir_store_be64(octets, value)

#define DECODE_SIGNATURE(name)                                                                 \
    static void decode_##name(const uint8_t *restrict octets, size_t stride, uint32_t count,   \
                              const struct weir_operation_times *times, void *restrict values, \
                              void *restrict second)
#define ENCODE_SIGNATURE(name)                                                             \
    static uint64_t encode_##name(uint8_t *restrict octets, size_t stride, uint32_t count, \
                                  const struct weir_operation_times *times,                \
                                  const void *restrict values, const void *restrict second)

/*
 * A pair of loops over `type` values. DECODE makes a value of `octets`; ENCODE writes `value` to
 * them and may add to `unfit`.
 */
#define DEFINE_OPERATION(name, type, DECODE, ENCODE)             \
    DECODE_SIGNATURE(name)                                       \
    {                                                            \
        __typeof__(type) *to = values;                           \
        (void)times, (void)second;                               \
        for (uint32_t i = 0; i < count; i++, octets += stride)   \
            to[i] = (type)(DECODE);                              \
    }                                                            \
    ENCODE_SIGNATURE(name)                                       \
    {                                                            \
        const __typeof__(type) *from = values;                   \
        uint64_t unfit = 0;                                      \
        (void)times, (void)second;                               \
        for (uint32_t i = 0; i < count; i++, octets += stride) { \
            type value = from[i];                                \
            ENCODE;                                              \
        }                                                        \
        return unfit;                                            \
    }

/* What writes two neighbours of such an operation, in one loop. */
#define DEFINE_ENCODE_TWO(name, type, width)                                            \
    ENCODE_SIGNATURE(two_##name)                                                        \
    {                                                                                   \
        const __typeof__(type) *from = values, *then = second;                          \
        uint64_t unfit = 0;                                                             \
        for (uint32_t i = 0; i < count; i++, octets += stride)                          \
            unfit += encode_##name(octets, stride, 1, times, from + i, NULL) +          \
                     encode_##name(octets + (width), stride, 1, times, then + i, NULL); \
        return unfit;                                                                   \
    }

/* Unsigned integers: every width to every column. */

#define OCTETS_MAX(width) (UINT64_MAX >> (64 - 8 * (width)))

static inline uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

#define ENCODE_UINT(width)                                \
    uint64_t fitting = at_most(value, OCTETS_MAX(width)); \
    unfit += fitting != value;                            \
    STORE_##width(octets, fitting)

#define DEFINE_UINT(bits, width)                                                          \
    DEFINE_OPERATION(u##bits##_##width, uint##bits##_t,                                   \
                     at_most(LOAD_##width(octets), UINT##bits##_MAX), ENCODE_UINT(width)) \
    DEFINE_ENCODE_TWO(u##bits##_##width, uint##bits##_t, width)
#define DEFINE_UINTS(bits) \
    DEFINE_UINT(bits, 1)   \
    DEFINE_UINT(bits, 2)   \
    DEFINE_UINT(bits, 3)   \
    DEFINE_UINT(bits, 4)   \
    DEFINE_UINT(bits, 5)   \
    DEFINE_UINT(bits, 6)   \
    DEFINE_UINT(bits, 7)   \
    DEFINE_UINT(bits, 8)

DEFINE_UINTS(8)
DEFINE_UINTS(16)
DEFINE_UINTS(32)
DEFINE_UINTS(64)

#define UINT_ROW(bits, octets_wide)                                \
    [(octets_wide)-1] = {.width = (octets_wide),                   \
                         .saturates = (octets_wide)*8 > (bits),    \
                         .decode = decode_u##bits##_##octets_wide, \
                         .encode = encode_u##bits##_##octets_wide, \
                         .encode_two = encode_two_u##bits##_##octets_wide}
#define UINT_ROWS(bits)                                                                 \
    {                                                                                   \
        UINT_ROW(bits, 1), UINT_ROW(bits, 2), UINT_ROW(bits, 3), UINT_ROW(bits, 4),     \
            UINT_ROW(bits, 5), UINT_ROW(bits, 6), UINT_ROW(bits, 7), UINT_ROW(bits, 8), \
    }

static const struct weir_operation uints[][8] = {
    [WEIR_COLUMN_U8] = UINT_ROWS(8),
    [WEIR_COLUMN_U16] = UINT_ROWS(16),
    [WEIR_COLUMN_U32] = UINT_ROWS(32),
    [WEIR_COLUMN_U64] = UINT_ROWS(64),
};

/* Integers that need more than their octets. */

DEFINE_OPERATION(mac, uint64_t, LOAD_6(octets), STORE_6(octets, value))
DEFINE_OPERATION(flags_1, uint16_t, LOAD_1(octets), STORE_1(octets, value))
DEFINE_OPERATION(as_2, uint32_t, LOAD_2(octets), {
    unfit += value > UINT16_MAX;
    STORE_2(octets, value > UINT16_MAX ? AS_TRANS : value);
})
/* The upper six bits of the octet (RFC 2474). */
DEFINE_OPERATION(dscp, uint8_t, (octets[0] & 0x3f) << 2, STORE_1(octets, value >> 2))

DECODE_SIGNATURE(icmp)
{
    uint8_t *types = values, *codes = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        types[i] = octets[0];
        codes[i] = octets[1];
    }
}

ENCODE_SIGNATURE(icmp)
{
    const uint8_t *types = values, *codes = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        octets[0] = types[i];
        octets[1] = codes ? codes[i] : 0;
    }
    return 0;
}

/* Times. */

/*
 * sysUpTime counts milliseconds in 32 bits and wraps after 49.7 days: a value that seems more
 * than half of that after the message is of before the wrap. One that seems all of it before the
 * message, but for a minute, is of just after: headers may be older than what they head.
 */
static inline int64_t time_of_uptime(uint32_t ms, const struct weir_operation_times *times)
{
    const int64_t wrap = INT64_C(1) << 32;
    int64_t after = (int64_t)ms - (int64_t)times->uptime_ms;
    if (after > INT32_MAX)
        after -= wrap;
    else if (after < UPTIME_AHEAD_MS - wrap)
        after += wrap;
    return times->export_ns + after * WEIR_NS_PER_MS;
}

/* A time as a count of units since 1970, rounded down; 0 for what is before. */
static inline uint64_t units_since_1970(int64_t time_ns, int64_t unit_ns, uint64_t *unfit)
{
    *unfit += time_ns < 0;
    return time_ns < 0 ? 0 : (uint64_t)time_ns / (uint64_t)unit_ns;
}

static inline int64_t time_of_units(uint64_t units, int64_t unit_ns)
{
    uint64_t limit = (uint64_t)(INT64_MAX / unit_ns);
    return (int64_t)at_most(units, limit) * unit_ns;
}

/* A stamp of all zeros is none, and reads as zero does in the other forms of time. */
static inline int64_t time_of_ntp_nanoseconds(uint64_t stamp)
{
    int64_t seconds = stamp == 0 ? 0 : weir_ntp_seconds((uint32_t)(stamp >> 32));
    int64_t fraction = (int64_t)((stamp & UINT32_MAX) * (uint64_t)WEIR_NS_PER_SECOND >> 32);
    return seconds * WEIR_NS_PER_SECOND + fraction;
}

static inline int64_t time_of_ntp_microseconds(uint64_t stamp)
{
    return stamp == 0 ? 0 : weir_ntp_us_to_ns(stamp);
}

/*
 * Rounded up to what the fraction can say, so that rounding down gives the same time back. From
 * 1970 to the end of what is told from the era before, in 2104.
 */
static inline uint64_t ntp_of_time(int64_t time_ns, uint64_t unit, uint64_t *unfit)
{
    const uint64_t second = (uint64_t)WEIR_NS_PER_SECOND;
    uint64_t ns = time_ns < 0 ? 0 : at_most((uint64_t)time_ns, (uint64_t)WEIR_NTP_END_NS - 1);
    *unfit += (int64_t)ns != time_ns;
    uint64_t fraction = ((ns % second << 32) + second - 1) / second;
    fraction = (fraction + unit - 1) / unit * unit;
    uint64_t stamp = (ns / second + (uint64_t)WEIR_NTP_EPOCH) * (UINT64_C(1) << 32) + fraction;
    return stamp ? stamp : unit; /* zero is no time; this is 2036-02-07 */
}

static inline uint64_t clamp_seconds(uint64_t seconds, uint64_t *unfit)
{
    *unfit += seconds > UINT32_MAX;
    return at_most(seconds, UINT32_MAX);
}

/* Microseconds before export, as RFC 7011's header gives it. */
static inline uint64_t delta_of_time(int64_t time_ns, const struct weir_operation_times *times,
                                     uint64_t *unfit)
{
    int64_t before = (times->export_ns - time_ns) / WEIR_NS_PER_US;
    *unfit += before < 0 || before > (int64_t)UINT32_MAX;
    return before < 0 ? 0 : at_most((uint64_t)before, UINT32_MAX);
}

/*
 * Milliseconds since sysUpTime 0, modulo 2^32 as it wraps. Who reads it has the message's sysUpTime
 * alone, and takes what lies more than 2^31 past it for a time before the wrap: what is neither
 * since the wrap nor in the last 2^31 milliseconds cannot be said, nor what is as far ahead.
 */
static inline uint32_t uptime_of_time(int64_t time_ns, const struct weir_operation_times *times,
                                      uint64_t *unfit)
{
    /* sysUpTime was 0 at a whole millisecond; nanoseconds could lie further apart than 63 bits. */
    int64_t ms = time_ns / WEIR_NS_PER_MS - (time_ns % WEIR_NS_PER_MS < 0);
    int64_t export_ms = times->export_ns / WEIR_NS_PER_MS;
    uint32_t uptime_ms = (uint32_t)(export_ms - times->uptime_zero_ns / WEIR_NS_PER_MS);
    int64_t earliest = export_ms - (uptime_ms > INT32_MAX ? (int64_t)uptime_ms : INT32_MAX);
    int64_t latest = export_ms + INT32_MAX;
    int64_t fitting = ms < earliest ? earliest : ms > latest ? latest : ms;
    *unfit += fitting != ms;
    return uptime_ms + (uint32_t)(fitting - export_ms);
}

DEFINE_OPERATION(uptime, int64_t, time_of_uptime(weir_load_be32(octets), times),
                 STORE_4(octets, uptime_of_time(value, times, &unfit)))
DEFINE_OPERATION(seconds, int64_t, time_of_units(LOAD_4(octets), WEIR_NS_PER_SECOND),
                 STORE_4(octets, clamp_seconds(units_since_1970(value, WEIR_NS_PER_SECOND, &unfit),
                                               &unfit)))
DEFINE_OPERATION(milliseconds, int64_t, time_of_units(LOAD_8(octets), WEIR_NS_PER_MS),
                 STORE_8(octets, units_since_1970(value, WEIR_NS_PER_MS, &unfit)))
DEFINE_ENCODE_TWO(uptime, int64_t, 4)
DEFINE_ENCODE_TWO(milliseconds, int64_t, 8)
DEFINE_OPERATION(ntp_microseconds, int64_t, time_of_ntp_microseconds(LOAD_8(octets)),
                 STORE_8(octets, ntp_of_time(value - value % WEIR_NS_PER_US, 1u << 11, &unfit)))
DEFINE_OPERATION(ntp_nanoseconds, int64_t, time_of_ntp_nanoseconds(LOAD_8(octets)),
                 STORE_8(octets, ntp_of_time(value, 1, &unfit)))
DEFINE_OPERATION(delta_microseconds, int64_t,
                 times->export_ns - (int64_t)LOAD_4(octets) * WEIR_NS_PER_US,
                 STORE_4(octets, delta_of_time(value, times, &unfit)))

/* Addresses. */

DECODE_SIGNATURE(v4)
{
    uint64_t *high = values, *low = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        high[i] = 0;
        low[i] = WEIR_ADDRESS_V4_PREFIX | weir_load_be32(octets);
    }
}

DECODE_SIGNATURE(v6)
{
    uint64_t *high = values, *low = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        high[i] = weir_load_be64(octets);
        low[i] = weir_load_be64(octets + 8);
    }
}

/* An IPv6 address does not fit; none at all (::) is written as none (0.0.0.0). */
ENCODE_SIGNATURE(v4)
{
    const uint64_t *high = values, *low = second;
    uint64_t unfit = 0;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        bool is_v4 = weir_address_is_v4((struct weir_address){high[i], low[i]});
        unfit += !is_v4 && (high[i] | low[i]) != 0;
        weir_store_be32(octets, is_v4 ? (uint32_t)low[i] : 0);
    }
    return unfit;
}

ENCODE_SIGNATURE(v4_of_pair)
{
    (void)encode_v4(octets, stride, count, times, values, second);
    return 0;
}

ENCODE_SIGNATURE(v6)
{
    const uint64_t *high = values, *low = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        weir_store_be64(octets, high[i]);
        weir_store_be64(octets + 8, low[i]);
    }
    return 0;
}

ENCODE_SIGNATURE(v6_of_pair)
{
    const uint64_t *high = values, *low = second;
    (void)times;
    for (uint32_t i = 0; i < count; i++, octets += stride) {
        bool is_v4 = weir_address_is_v4((struct weir_address){high[i], low[i]});
        weir_store_be64(octets, high[i]);
        weir_store_be64(octets + 8, is_v4 ? 0 : low[i]);
    }
    return 0;
}

static const struct weir_operation addresses[2][2] = {
    {{4, false, true, decode_v4, encode_v4, NULL}, {16, false, true, decode_v6, encode_v6, NULL}},
    {{4, false, true, decode_v4, encode_v4_of_pair, NULL},
     {16, false, true, decode_v6, encode_v6_of_pair, NULL}},
};

/* Probabilities: floats on the wire, billionths in the column; what is none is 0. */

#define BILLION 1e9

static uint32_t billionths_of(double probability)
{
    if (!(probability > 0 && probability <= 1))
        return 0;
    uint32_t billionths = (uint32_t)(probability * BILLION + 0.5);
    return billionths > 0 ? billionths : 1;
}

static uint32_t load_float64(const uint8_t *octets)
{
    uint64_t bits = weir_load_be64(octets);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return billionths_of(value);
}

static uint32_t load_float32(const uint8_t *octets)
{
    uint32_t bits = weir_load_be32(octets);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return billionths_of((double)value);
}

static void store_float64(uint8_t *octets, uint32_t billionths)
{
    double value = billionths / BILLION;
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    weir_store_be64(octets, bits);
}

static void store_float32(uint8_t *octets, uint32_t billionths)
{
    float value = (float)(billionths / BILLION);
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    weir_store_be32(octets, bits);
}

DEFINE_OPERATION(float64, uint32_t, load_float64(octets), store_float64(octets, value))
DEFINE_OPERATION(float32, uint32_t, load_float32(octets), store_float32(octets, value))

#define ONE_VALUE(width, name)                                  \
    {                                                           \
        width, false, false, decode_##name, encode_##name, NULL \
    }
#define TWO_AT_ONCE(width, name)                                             \
    {                                                                        \
        width, false, false, decode_##name, encode_##name, encode_two_##name \
    }

/* Elements of IANA's that are not read as their column's type says. */
static const struct {
    uint16_t first, last; /* elements */
    struct weir_operation operation;
} specials[] = {
    {6, 6, ONE_VALUE(1, flags_1)},
    {16, 17, ONE_VALUE(2, as_2)},
    {21, 22, TWO_AT_ONCE(4, uptime)},
    {32, 32, {2, false, true, decode_icmp, encode_icmp, NULL}},
    {139, 139, {2, false, true, decode_icmp, encode_icmp, NULL}},
    {150, 151, ONE_VALUE(4, seconds)},
    {152, 153, TWO_AT_ONCE(8, milliseconds)},
    {154, 155, ONE_VALUE(8, ntp_microseconds)},
    {156, 157, ONE_VALUE(8, ntp_nanoseconds)},
    {158, 159, ONE_VALUE(4, delta_microseconds)},
    {195, 195, ONE_VALUE(1, dscp)},
    {311, 311, ONE_VALUE(8, float64)},
    {311, 311, ONE_VALUE(4, float32)},
    {322, 322, ONE_VALUE(4, seconds)},
    {323, 323, TWO_AT_ONCE(8, milliseconds)},
    {324, 324, ONE_VALUE(8, ntp_microseconds)},
    {325, 325, ONE_VALUE(8, ntp_nanoseconds)},
};

static const struct weir_operation mac = ONE_VALUE(6, mac);

const struct weir_operation *weir_operation_for(const struct weir_field *field,
                                                enum weir_column column, bool is_paired)
{
    enum weir_column_type type = weir_column_info(column)->type;
    bool plain_too = type == WEIR_COLUMN_U16 || type == WEIR_COLUMN_U32;
    for (size_t i = 0; field->pen == 0 && i < sizeof(specials) / sizeof(specials[0]); i++)
        if (field->id >= specials[i].first && field->id <= specials[i].last) {
            if (field->length == specials[i].operation.width)
                return &specials[i].operation;
            if (!plain_too)
                return NULL;
        }
    switch (type) {
    case WEIR_COLUMN_U8:
    case WEIR_COLUMN_U16:
    case WEIR_COLUMN_U32:
    case WEIR_COLUMN_U64:
        return field->length >= 1 && field->length <= 8 ? &uints[type][field->length - 1] : NULL;
    case WEIR_COLUMN_MAC:
        return field->length == 6 ? &mac : NULL;
    case WEIR_COLUMN_ADDRESS:
        if (field->length != 4 && field->length != 16)
            return NULL;
        return &addresses[is_paired][field->length == 16];
    case WEIR_COLUMN_TIME:
    case WEIR_COLUMN_TEXT:
    case WEIR_COLUMN_TYPE_COUNT:
        break;
    }
    return NULL;
}
