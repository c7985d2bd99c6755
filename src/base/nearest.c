/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

static int lower(char letter)
{
    return tolower((unsigned char)letter);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance, by rows of its matrix. Both names fit WEIR_NEAREST_MAX. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][WEIR_NEAREST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    memcpy(before, last, sizeof(rows[0]));
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + change);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_length];
}

struct weir_nearest weir_nearest_begin(const char *typed)
{
    size_t length = strlen(typed);
    return (struct weir_nearest){.typed = typed, .limit = length < 3 ? 1 : (length + 2) / 3};
}

bool weir_nearest_offer(struct weir_nearest *search, const char *name)
{
    size_t typed_length = strlen(search->typed);
    size_t name_length = strlen(name);
    if (search->exact || typed_length == 0 || typed_length > WEIR_NEAREST_MAX ||
        name_length > WEIR_NEAREST_MAX)
        return false;
    size_t longer = typed_length > name_length ? typed_length : name_length;
    size_t shorter = least(typed_length, name_length);
    if (longer - shorter > search->limit)
        return false;
    size_t found = distance(search->typed, typed_length, name, name_length);
    if (found > search->limit || found >= longer)
        return false;
    search->best = name;
    search->exact = found == 0;
    search->limit = search->exact ? 0 : found - 1;
    return true;
}
