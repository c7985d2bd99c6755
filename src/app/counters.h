/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every counter there is: the tables of all modules under the headings of the reference.
 *
 *     struct weir_text_buffer text;
 *     weir_text_init(&text, 1 << 20);
 *     weir_counters_reference(&text);
 *
 * All is constant; any thread may call.
 */
#ifndef WEIR_APP_COUNTERS_H
#define WEIR_APP_COUNTERS_H

#include <stddef.h>

#include "base/counter.h"
#include "base/text.h"

struct weir_counter_group {
    const char *title;
    const char *where;  /* which --stats have them, a sentence */
    const char *prefix; /* of their metrics (app/exposition.h); NULL: they are none */
    const struct weir_counter *rows;
    const size_t *count;
};

/* All groups, up to one without a title. */
extern const struct weir_counter_group weir_counter_groups[];

/* The reference, in Markdown. */
void weir_counters_reference(struct weir_text_buffer *out);

#endif
