/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes, durations and times as people type them: on command lines, in filters, in
 * configurations.
 *
 *     weir_size_parse("1.5M", &octets);                     // 1,500,000
 *     weir_duration_parse("1h30m", &duration_ns);
 *     weir_moment_parse("-15m", now_ns, NULL, &time_ns);
 *
 * Pure functions; any thread may call.
 */
#ifndef WEIR_BASE_QUANTITY_H
#define WEIR_BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/calendar.h"
#include "base/error.h"

/*
 * Digits, perhaps with a fraction, and perhaps k M G T P (powers of 1000) or Ki Mi Gi Ti Pi (of
 * 1024), in any case; or 0x and hexadecimal digits. 0; WEIR_E_USAGE: not of this form, not a whole
 * number, or past 64 bits.
 */
WEIR_CHECKED int weir_size_parse(const char *text, uint64_t *ret_size);

/*
 * One or more of a number, perhaps with a fraction, and its unit: ns us ms s m h d w. "90s",
 * "1h30m", "0.5s". 0; WEIR_E_USAGE: not of this form, or past 292 years.
 */
WEIR_CHECKED int weir_duration_parse(const char *text, int64_t *ret_ns);

/* Room for any duration's text and its terminator. */
#define WEIR_DURATION_TEXT_MAX 40

/* As few units as say it exactly: "90s" is "1m30s". Returns the text's length. */
size_t weir_duration_format(int64_t ns, char text[WEIR_DURATION_TEXT_MAX]);

/*
 * A point in time: RFC 3339; "YYYY-MM-DD[ HH:MM[:SS]]", in `zone` (NULL: UTC) where it says no
 * offset; seconds since 1970, perhaps with a fraction; "now"; "-15m", "now-15m", "now+1h".
 * 0, or WEIR_E_USAGE.
 */
WEIR_CHECKED int weir_moment_parse(const char *text, int64_t now_ns, const struct weir_zone *zone,
                                   int64_t *ret_ns);

#endif
