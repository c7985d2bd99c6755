/* SPDX-License-Identifier: Apache-2.0 */
#include "base/calendar.h"

#include <string.h>

#define SECONDS_PER_DAY INT64_C(86400)

/*
 * Days are counted in eras of 400 years that begin on 1 March, so that the leap day comes last
 * and the length of the months before one follows a straight line.
 */
#define DAYS_PER_ERA  146097
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

void weir_civil_from_seconds(int64_t seconds, struct weir_civil *ret_civil)
{
    int64_t day = weir_floor_divide(seconds, SECONDS_PER_DAY);
    int64_t of_day = seconds % SECONDS_PER_DAY;
    if (of_day < 0)
        of_day += SECONDS_PER_DAY;
    day += DAYS_TO_EPOCH;
    int64_t era = weir_floor_divide(day, DAYS_PER_ERA);
    int64_t of_era = day - era * DAYS_PER_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march_month = (5 * of_year + 2) / 153;

    ret_civil->day = (uint8_t)(of_year - (153 * march_month + 2) / 5 + 1);
    ret_civil->month = (uint8_t)(march_month < 10 ? march_month + 3 : march_month - 9);
    ret_civil->year = era * 400 + year + (ret_civil->month <= 2);
    ret_civil->hour = (uint8_t)(of_day / 3600);
    ret_civil->minute = (uint8_t)(of_day / 60 % 60);
    ret_civil->second = (uint8_t)(of_day % 60);
}

int64_t weir_civil_to_seconds(const struct weir_civil *civil)
{
    int64_t year = civil->year - (civil->month <= 2);
    int64_t era = weir_floor_divide(year, 400);
    int64_t of_era_year = year - era * 400;
    int64_t march_month = civil->month > 2 ? civil->month - 3 : civil->month + 9;
    int64_t of_year = (153 * march_month + 2) / 5 + civil->day - 1;
    int64_t of_era = of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
    int64_t day = era * DAYS_PER_ERA + of_era - DAYS_TO_EPOCH;
    return day * SECONDS_PER_DAY + civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) +
           civil->second;
}

/* `width` decimal digits of value at `at`, the end of which is returned. */
static char *put_digits(char *at, uint64_t value, unsigned width)
{
    for (unsigned i = width; i > 0; i--, value /= 10)
        at[i - 1] = (char)('0' + value % 10);
    return at + width;
}

/* "Z", or "+02:00" where there is a zone. */
static char *put_offset(char *at, const struct weir_zone *zone, int64_t offset_s)
{
    uint64_t minutes = (uint64_t)(offset_s < 0 ? -offset_s : offset_s) / 60;
    if (!zone) {
        *at++ = 'Z';
        return at;
    }
    *at++ = offset_s < 0 ? '-' : '+';
    at = put_digits(at, minutes / 60, 2);
    *at++ = ':';
    return put_digits(at, minutes % 60, 2);
}

size_t weir_time_format(int64_t seconds, uint32_t nanoseconds, unsigned digits,
                        char text[WEIR_TIME_TEXT_MAX])
{
    return weir_time_format_in(NULL, seconds, nanoseconds, digits, text);
}

size_t weir_time_format_in(const struct weir_zone *zone, int64_t seconds, uint32_t nanoseconds,
                           unsigned digits, char text[WEIR_TIME_TEXT_MAX])
{
    struct weir_civil civil;
    /* Offsets have whole minutes in text, as they have had on all clocks since 1972. */
    int64_t offset_s = zone ? zone->offset_s(zone->context, seconds) / 60 * 60 : 0;
    weir_civil_from_seconds(seconds + offset_s, &civil);
    char *at = text;
    uint64_t year = (uint64_t)(civil.year < 0 ? -civil.year : civil.year);
    unsigned year_width = 4;
    for (uint64_t rest = year / 10000; rest; rest /= 10)
        year_width++;
    if (civil.year < 0 || year_width > 4)
        *at++ = civil.year < 0 ? '-' : '+';
    at = put_digits(at, year, year_width);
    *at++ = '-';
    at = put_digits(at, civil.month, 2);
    *at++ = '-';
    at = put_digits(at, civil.day, 2);
    *at++ = 'T';
    at = put_digits(at, civil.hour, 2);
    *at++ = ':';
    at = put_digits(at, civil.minute, 2);
    *at++ = ':';
    at = put_digits(at, civil.second, 2);
    if (digits > 0) {
        char fraction[9];
        put_digits(fraction, nanoseconds, 9);
        *at++ = '.';
        memcpy(at, fraction, digits < 9 ? digits : 9);
        at += digits < 9 ? digits : 9;
    }
    at = put_offset(at, zone, offset_s);
    *at = 0;
    return (size_t)(at - text);
}

size_t weir_time_format_ns(int64_t time_ns, char text[WEIR_TIME_TEXT_MAX])
{
    int64_t seconds = time_ns / WEIR_NS_PER_SECOND;
    int64_t past = time_ns % WEIR_NS_PER_SECOND;
    if (past < 0) {
        seconds--;
        past += WEIR_NS_PER_SECOND;
    }
    unsigned digits = past % 1000 ? 9 : past % 1000000 ? 6 : past ? 3 : 0;
    return weir_time_format(seconds, (uint32_t)past, digits, text);
}

/* Reads `width` digits, a value in low .. high, and moves on; false where they are not there. */
static bool take(const char **at, unsigned width, uint64_t low, uint64_t high, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        char digit = (*at)[i];
        if (digit < '0' || digit > '9')
            return false;
        value = value * 10 + (uint64_t)(digit - '0');
    }
    if (value < low || value > high)
        return false;
    *at += width;
    *ret_value = value;
    return true;
}

static bool take_u8(const char **at, uint64_t low, uint64_t high, uint8_t *ret_value)
{
    uint64_t value;
    if (!take(at, 2, low, high, &value))
        return false;
    *ret_value = (uint8_t)value;
    return true;
}

static bool take_char(const char **at, char letter)
{
    if (**at != letter)
        return false;
    (*at)++;
    return true;
}

static uint8_t days_of_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return (uint8_t)(days[month - 1] + (month == 2 && leap));
}

static bool take_date(const char **at, struct weir_civil *civil)
{
    uint64_t year;
    unsigned width = 4;
    bool negative = **at == '-';
    if (negative || **at == '+') {
        (*at)++;
        width = (unsigned)strspn(*at, "0123456789");
        if (width < 4 || width > 11)
            return false;
    }
    if (!take(at, width, 0, UINT64_MAX, &year))
        return false;
    civil->year = negative ? -(int64_t)year : (int64_t)year;
    return take_char(at, '-') && take_u8(at, 1, 12, &civil->month) && take_char(at, '-') &&
           take_u8(at, 1, days_of_month(civil->year, civil->month), &civil->day);
}

static bool take_fraction(const char **at, uint32_t *ret_nanoseconds)
{
    size_t digits = strspn(*at, "0123456789");
    uint64_t value = 0;
    if (digits == 0)
        return false;
    for (size_t i = 0; i < 9; i++)
        value = value * 10 + (uint64_t)(i < digits ? (*at)[i] - '0' : 0);
    *at += digits;
    *ret_nanoseconds = (uint32_t)value;
    return true;
}

static bool take_offset(const char **at, struct weir_time_parts *parts)
{
    if (take_char(at, 'Z') || take_char(at, 'z')) {
        parts->has_offset = true;
        return true;
    }
    if (**at != '+' && **at != '-')
        return true;
    int sign = **at == '-' ? -1 : 1;
    uint64_t hours, minutes;
    (*at)++;
    if (!take(at, 2, 0, 23, &hours) || !take_char(at, ':') || !take(at, 2, 0, 59, &minutes))
        return false;
    parts->has_offset = true;
    parts->offset_s = sign * (int32_t)(hours * 3600 + minutes * 60);
    return true;
}

int weir_time_parse(const char *text, struct weir_time_parts *ret_parts)
{
    struct weir_time_parts parts = {0};
    struct weir_civil *civil = &parts.civil;
    const char *at = text;
    if (!take_date(&at, civil))
        return WEIR_E_USAGE;
    if (*at == 'T' || *at == 't' || *at == ' ') {
        at++;
        parts.has_time = true;
        if (!take_u8(&at, 0, 23, &civil->hour) || !take_char(&at, ':') ||
            !take_u8(&at, 0, 59, &civil->minute))
            return WEIR_E_USAGE;
        if (take_char(&at, ':')) {
            if (!take_u8(&at, 0, 60, &civil->second))
                return WEIR_E_USAGE;
            if (take_char(&at, '.') && !take_fraction(&at, &parts.nanoseconds))
                return WEIR_E_USAGE;
        }
        if (!take_offset(&at, &parts))
            return WEIR_E_USAGE;
    }
    if (*at)
        return WEIR_E_USAGE;
    *ret_parts = parts;
    return 0;
}

/* Splits a time into whole seconds, towards minus infinity, and the nanoseconds past them. */
static uint64_t split(int64_t time_ns, uint64_t *ret_ntp_seconds)
{
    int64_t seconds = weir_floor_divide(time_ns, WEIR_NS_PER_SECOND);
    *ret_ntp_seconds = (uint64_t)(seconds + WEIR_NTP_EPOCH) & UINT32_MAX;
    return (uint64_t)(time_ns - seconds * WEIR_NS_PER_SECOND);
}

uint64_t weir_ntp_from_ns(int64_t time_ns)
{
    uint64_t seconds;
    uint64_t ns = split(time_ns, &seconds);
    return seconds << 32 | ((ns << 32) + 500000000) / 1000000000;
}

uint64_t weir_ntp_us_from_ns(int64_t time_ns)
{
    uint64_t seconds;
    uint64_t us = split(time_ns, &seconds) / 1000;
    /* Units of 2^-21 s, the resolution that the type has, are finer than a microsecond. */
    return seconds << 32 | ((us << 21) + 500000) / 1000000 << 11;
}
