/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the messages of a recording are due that is sent again: at its own pace, faster, slower, at
 * a rate, or at once. Pure: given the time of the start, asked for each message in turn.
 *
 *     struct weir_pace pace;
 *     weir_pace_begin(&pace, &config, now_ns);
 *     due_ns = weir_pace_next(&pace, recorded_ns);     // each message
 *     weir_pace_splice(&pace);                         // the next one begins another recording
 *
 * What is due never goes back: a message recorded before the one ahead of it is due with it, and a
 * recording begins when the one before it has ended. Threads: one.
 */
#ifndef WEIR_APP_PACE_H
#define WEIR_APP_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct weir_pace_config {
    double speed;  /* times that of the recording; 0: everything is due at once */
    uint64_t rate; /* messages a second, whatever was recorded; 0: by speed */
};

struct weir_pace {
    struct weir_pace_config config;
    int64_t start_ns;   /* of the clock that due times are of */
    int64_t due_ns;     /* of the last message */
    int64_t origin_ns;  /* recorded time of the recording's first message */
    int64_t origin_due; /* when that was due */
    uint64_t count;     /* messages so far */
    bool has_origin;
};

void weir_pace_begin(struct weir_pace *pace, const struct weir_pace_config *config, int64_t now_ns);

/* When the next message is due, that was recorded then. */
int64_t weir_pace_next(struct weir_pace *pace, int64_t recorded_ns);

void weir_pace_splice(struct weir_pace *pace);

#endif
