/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends recorded export messages again: files → pace → rewriter → a transport an exporter.
 *
 *     weir_replay_new(&config, &replay, &diag);
 *     result = weir_replay_files(replay, paths, count, &diag);
 *     counters = weir_replay_counters(replay);
 *     weir_replay_free(replay);
 *
 * Each address and port of the recording gets a transport of its own, so that what several
 * exporters sent stays apart: past WEIR_REPLAY_TRANSPORTS_MAX they share the last. Messages that
 * are due together go out together.
 *
 * Ownership: who made the transports closes them, after the replay. Threads: one. Time: everything
 * that waits goes by config.clock, so tests advance it by assignment.
 */
#ifndef WEIR_APP_REPLAY_H
#define WEIR_APP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/pace.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "export/transport.h"

#define WEIR_REPLAY_TRANSPORTS_MAX 256u

struct weir_replay;

struct weir_replay_config {
    struct weir_pace_config pace;
    unsigned rewrite;       /* weir_rewriter_new */
    int64_t now_ns;         /* what rewritten times begin at */
    uint64_t times;         /* how often the files are sent; 0: until stopped */
    uint64_t message_limit; /* 0: none */
    struct weir_clock clock;
    /* Waits until the clock shows `due_ns`, or less long. */
    void (*wait)(void *context, int64_t due_ns);
    /* Opens transport `index`, of 0, 1, 2 ... in order. 0 or an error with diag. */
    int (*open)(void *context, unsigned index, struct weir_transport *ret_transport,
                struct weir_diag *diag);
    /* Asked between messages; true: stop in good order. */
    bool (*stop)(void *context, const struct weir_replay *replay);
    void *context;
};

struct weir_replay_counters {
    uint64_t messages_read;
    uint64_t messages_sent;
    uint64_t messages_dropped;
    uint64_t messages_unreadable;
    uint64_t messages_late;
    uint64_t late_most_ns;
    uint64_t octets_sent;
    uint64_t records_sent;
    uint64_t exporters_replayed;
    uint64_t exporters_sharing;
};
extern const struct weir_counter weir_replay_counter_table[];
extern const size_t weir_replay_counter_count;

/* 0, WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_replay_new(const struct weir_replay_config *config,
                                 struct weir_replay **ret_replay, struct weir_diag *diag);
void weir_replay_free(struct weir_replay *replay);

/*
 * Sends the messages of all files, one file after another, as often as configured. 0, also when
 * stopped; the error of a file, after all that could be read of all of them was sent once; or that
 * of a transport, which ends it.
 */
WEIR_CHECKED int weir_replay_files(struct weir_replay *replay, const char *const *paths,
                                   size_t count, struct weir_diag *diag);

const struct weir_replay_counters *weir_replay_counters(const struct weir_replay *replay);

#endif
