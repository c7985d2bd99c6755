/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": the known name that a mistyped one is nearest to.
 *
 *     struct weir_nearest search = weir_nearest_begin(typed);
 *     for (i = 0; i < count; i++)
 *         weir_nearest_offer(&search, names[i]);
 *     if (search.best)
 *         printf("; did you mean '%s'?", search.best);
 *
 * Nearness is the number of letters to insert, drop, change or swap with their neighbour; upper
 * and lower case are the same. A name that differs in more than a third of the typed letters is
 * not offered. Limits: names longer than WEIR_NEAREST_MAX are never near. Threads: the caller's
 * own struct.
 */
#ifndef WEIR_BASE_NEAREST_H
#define WEIR_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR_NEAREST_MAX 63

struct weir_nearest {
    const char *typed;
    const char *best; /* borrowed from the caller; NULL: nothing near yet */
    size_t limit;     /* a name has to be at most this far to be the new best */
    bool exact;       /* only the case of best differs: none can be nearer */
};

struct weir_nearest weir_nearest_begin(const char *typed);

/* True where `name` is nearer than all names before it. */
bool weir_nearest_offer(struct weir_nearest *search, const char *name);

#endif
