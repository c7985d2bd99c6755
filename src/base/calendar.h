/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and times of day as text and as seconds, in the proleptic Gregorian calendar and UTC
 * (RFC 3339), and NTP timestamps (RFC 5905 section 6), which IPFIX uses (RFC 7011 6.1.9).
 *
 *     char text[WEIR_TIME_TEXT_MAX];
 *     weir_time_format(seconds, nanoseconds, 3, text);      // 2026-07-22T10:00:00.125Z
 *
 *     struct weir_time_parts parts;
 *     if (weir_time_parse(text, &parts) == 0)
 *         seconds = weir_civil_to_seconds(&parts.civil) - parts.offset_s;
 *
 * Pure functions, nothing of the system's time zone; any thread may call.
 */
#ifndef WEIR_BASE_CALENDAR_H
#define WEIR_BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct weir_civil {
    int64_t year; /* astronomical: 0 is 1 BC */
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t minute;
    uint8_t second; /* 60 only where parsed from text with a leap second */
};

/* `seconds` since 1970-01-01T00:00:00Z, any that a year of 11 digits holds. */
void weir_civil_from_seconds(int64_t seconds, struct weir_civil *ret_civil);
int64_t weir_civil_to_seconds(const struct weir_civil *civil);

/* A time zone of the caller's. Where one is asked for, NULL is UTC. */
struct weir_zone {
    /* Seconds since 1970 of what its clock shows: of what it shows twice either. */
    int64_t (*to_seconds)(void *context, const struct weir_civil *civil);
    /* How many seconds it is ahead of UTC, then. */
    int64_t (*offset_s)(void *context, int64_t seconds);
    void *context;
};

/*
 * Writes "YYYY-MM-DDTHH:MM:SS", `digits` (0 to 9) of fraction, cut and not rounded, "Z" and a
 * terminator; returns the length. A year that four digits do not hold has its sign in front
 * (ISO 8601's expanded form).
 */
#define WEIR_TIME_TEXT_MAX 48
size_t weir_time_format(int64_t seconds, uint32_t nanoseconds, unsigned digits,
                        char text[WEIR_TIME_TEXT_MAX]);

/* The same in a time zone, with its offset in place of the "Z". */
size_t weir_time_format_in(const struct weir_zone *zone, int64_t seconds, uint32_t nanoseconds,
                           unsigned digits, char text[WEIR_TIME_TEXT_MAX]);

/* The first of nanoseconds since 1970, with 0, 3, 6 or 9 digits: as few as say it exactly. */
size_t weir_time_format_ns(int64_t time_ns, char text[WEIR_TIME_TEXT_MAX]);

/* What a text says of a time. */
struct weir_time_parts {
    struct weir_civil civil;
    uint32_t nanoseconds;
    int32_t offset_s; /* east of UTC, where has_offset */
    bool has_time;    /* false: a date alone, midnight */
    bool has_offset;  /* "Z" or +HH:MM was there */
};

/*
 * "YYYY-MM-DD", then perhaps "T" or a space, "HH:MM", perhaps ":SS" with a fraction, perhaps "Z"
 * or an offset. Digits of the fraction past the ninth are cut. 0, or WEIR_E_USAGE.
 */
WEIR_CHECKED int weir_time_parse(const char *text, struct weir_time_parts *ret_parts);

#define WEIR_NTP_EPOCH INT64_C(2208988800) /* seconds from 1900 to 1970 */

/*
 * Seconds since 1970 of an NTP timestamp's first word. The era is implicit (RFC 7011 5.2): as in
 * RFC 4330 section 3, a set top bit means 1968 to 2036 and a clear one 2036 to 2104.
 */
static inline int64_t weir_ntp_seconds(uint32_t ntp_seconds)
{
    int64_t era = ntp_seconds & 0x80000000u ? 0 : INT64_C(1) << 32;
    return era + ntp_seconds - WEIR_NTP_EPOCH;
}

/* 2104-02-26T09:42:24Z, nanoseconds since 1970: the first time that has no timestamp. */
#define WEIR_NTP_END_NS (((INT64_C(1) << 32) + 0x80000000 - WEIR_NTP_EPOCH) * WEIR_NS_PER_SECOND)

/*
 * Nanoseconds since 1970 of a dateTimeNanoseconds, rounded to the nearest that has a timestamp:
 * rounding up carries into the next second, but for the last.
 */
static inline int64_t weir_ntp_to_ns(uint64_t ntp)
{
    uint64_t fraction = ((ntp & UINT32_MAX) * UINT64_C(1000000000) + (UINT64_C(1) << 31)) >> 32;
    int64_t time_ns =
        weir_ntp_seconds((uint32_t)(ntp >> 32)) * WEIR_NS_PER_SECOND + (int64_t)fraction;
    return time_ns < WEIR_NTP_END_NS ? time_ns : WEIR_NTP_END_NS - 1;
}

/*
 * Nanoseconds since 1970 of a dateTimeMicroseconds: a whole number of microseconds, rounded as
 * above; the low 11 bits of the fraction do not count (RFC 7011 6.1.9).
 */
static inline int64_t weir_ntp_us_to_ns(uint64_t ntp)
{
    uint64_t fraction = ((ntp & 0xfffff800u) * UINT64_C(1000000) + (UINT64_C(1) << 31)) >> 32;
    int64_t time_ns = weir_ntp_seconds((uint32_t)(ntp >> 32)) * WEIR_NS_PER_SECOND +
                      (int64_t)fraction * WEIR_NS_PER_US;
    return time_ns < WEIR_NTP_END_NS ? time_ns : WEIR_NTP_END_NS - WEIR_NS_PER_US;
}

/* The NTP timestamps that these give back exactly; times outside 1968 to 2104 wrap. */
uint64_t weir_ntp_from_ns(int64_t time_ns);
uint64_t weir_ntp_us_from_ns(int64_t time_ns);

#endif
