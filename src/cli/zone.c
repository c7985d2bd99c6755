/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* The context is the offset east of UTC. */
static int64_t by_offset(void *context, const struct weir_civil *civil)
{
    return weir_civil_to_seconds(civil) - *(const int64_t *)context;
}

static int64_t offset_by_offset(void *context, int64_t seconds)
{
    (void)seconds;
    return *(const int64_t *)context;
}

/* Clocks of other years are not known; they do not fit in nanoseconds either. */
#define YEAR_FIRST 1600
#define YEAR_LAST  2400

static int64_t by_c_library(void *context, const struct weir_civil *civil)
{
    (void)context;
    struct tm tm = {
        .tm_year = (int)civil->year - 1900,
        .tm_mon = civil->month - 1,
        .tm_mday = civil->day,
        .tm_hour = civil->hour,
        .tm_min = civil->minute,
        .tm_sec = civil->second,
        .tm_isdst = -1,
    };
    if (civil->year < YEAR_FIRST || civil->year > YEAR_LAST)
        return weir_civil_to_seconds(civil);
    return mktime(&tm);
}

static int64_t offset_by_c_library(void *context, int64_t seconds)
{
    struct weir_civil civil;
    struct tm tm;
    (void)context;
    weir_civil_from_seconds(seconds, &civil);
    bool is_known = civil.year >= YEAR_FIRST && civil.year <= YEAR_LAST;
    return is_known && localtime_r(&seconds, &tm) ? tm.tm_gmtoff : 0;
}

/* +HH:MM or -HH:MM. */
static bool parse_offset(const char *name, int64_t *ret_offset_s)
{
    static const char form[] = "+00:00";
    if (strlen(name) != sizeof(form) - 1 || (name[0] != '+' && name[0] != '-'))
        return false;
    for (size_t i = 1; i < sizeof(form) - 1; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)name[i]) : name[i] != form[i])
            return false;
    int64_t hours = (name[1] - '0') * 10 + name[2] - '0';
    int64_t minutes = (name[4] - '0') * 10 + name[5] - '0';
    if (hours > 23 || minutes > 59)
        return false;
    int64_t offset_s = hours * 3600 + minutes * 60;
    *ret_offset_s = name[0] == '-' ? -offset_s : offset_s;
    return true;
}

/* Whether the machine's database has the zone. */
static bool is_known(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    if (!isalpha((unsigned char)name[0]) || strstr(name, ".."))
        return false;
    int length =
        snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return false;
    FILE *file = fopen(path, "rb");
    char magic[4] = "";
    bool known = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic) &&
                 memcmp(magic, "TZif", sizeof(magic)) == 0;
    if (file)
        fclose(file);
    return known;
}

int weir_zone_open(const char *name, int64_t *offset_s, struct weir_zone *ret_zone,
                   struct weir_diag *diag)
{
    *offset_s = 0;
    if (strcasecmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || parse_offset(name, offset_s)) {
        *ret_zone = (struct weir_zone){by_offset, offset_by_offset, offset_s};
        return 0;
    }
    if (strcmp(name, "local") != 0) {
        if (!is_known(name))
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "'%s' is no time zone that this machine knows; write UTC, local, "
                                 "+02:00 or a name such as Europe/Zurich",
                                 name);
        if (setenv("TZ", name, 1) < 0)
            return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    }
    tzset();
    *ret_zone = (struct weir_zone){by_c_library, offset_by_c_library, NULL};
    return 0;
}
