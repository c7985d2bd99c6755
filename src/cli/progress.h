/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of progress on stderr, written over itself, for work that takes a while.
 *
 *     if (weir_progress_due(&call->progress))
 *         weir_progress_show(&call->progress, "%s: %s of %s", path, done, total);
 *
 * It is shown where stderr is a terminal (--progress forces it, --quiet stops it), at most five
 * times a second; main takes it away at the end. Threads: one.
 */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct weir_progress {
    int64_t next_ns; /* of the monotonic clock: not before */
    bool shown;      /* there is a line to take away */
    bool wanted;
    bool terminal;
};

void weir_progress_init(struct weir_progress *progress, bool force, bool quiet);

/* Whether a line is wanted and the last one is old enough. Cheap enough for every batch. */
bool weir_progress_due(struct weir_progress *progress);

void weir_progress_show(struct weir_progress *progress, const char *format, ...) WEIR_PRINTF(2, 3);

/* Takes the line away, so that another message can be written. */
void weir_progress_clear(struct weir_progress *progress);

#endif
