/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in which a Collecting Process keeps what it has learned of its exporters
 * (collect/state.h) from one run to the next.
 *
 *     weir_state_file_init(&file, path, share);
 *     if (weir_state_file_read(&file, collector, &diag) < 0)
 *         fprintf(stderr, "weir: %s: starts without it\n", diag.text);
 *     if (weir_state_file_tick(&file, collector, now_ns, &diag)) // about once a second
 *         fprintf(stderr, "weir: %s\n", diag.text);
 *     result = weir_state_file_write(&file, collector, now_ns, &diag);   // at the end
 *
 * Several collectors that share the exporters' addresses have a file each, PATH, PATH.1, PATH.2 ...
 * Each reads all of them, the newest first, and takes what is of its share, so their number may
 * differ from run to run.
 *
 * A state is written under a temporary name, made durable and renamed: a crash leaves the one
 * before it. Ownership: has a copy of the path until weir_state_file_done. Threads: one. Limits: a
 * state has at most 1 GiB.
 */
#ifndef WEIR_APP_STATE_FILE_H
#define WEIR_APP_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/share.h"
#include "collect/collector.h"

#define WEIR_STATE_FILE_EVERY_NS (300 * WEIR_NS_PER_SECOND)

struct weir_state_file_counters {
    uint64_t state_writes_failed;
};
extern const struct weir_counter weir_state_file_counter_table[];
extern const size_t weir_state_file_counter_count;

struct weir_state_file {
    char *base; /* as it was given: the path of the first share's */
    char *path;
    struct weir_share share;
    int64_t next_ns; /* 0: no tick has come yet */
    bool is_failing; /* the last tick that wrote did */
    struct weir_state_file_counters counters;
    int64_t read_ns; /* when the newest that was read had been saved; 0: none */
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_state_file_init(struct weir_state_file *file, const char *path,
                                      struct weir_share share);

/*
 * The path of the one of a store, for the collector that listens at this URL: DIR/.state/udp-2055
 * and the like, whose folder is made. *ret_path is to be freed. 0, or with diag WEIR_E_IO,
 * WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_state_file_path_in_store(const char *store, const char *url, char **ret_path,
                                               struct weir_diag *diag);

/* Zeroed: does nothing. */
void weir_state_file_done(struct weir_state_file *file);

/*
 * Has the collector know what it did. 0, also where there is no file or an empty one;
 * WEIR_E_NOT_FOUND: the file is something else, and not to be written over; or another error. diag
 * begins with the path, and the collector knows nobody of that file; it is the first error where
 * there are several files.
 */
WEIR_CHECKED int weir_state_file_read(struct weir_state_file *file,
                                      struct weir_collector *collector, struct weir_diag *diag);

/* 0; WEIR_E_IO, WEIR_E_NOMEM, WEIR_E_LIMIT with diag: the file is as it was. */
WEIR_CHECKED int weir_state_file_write(const struct weir_state_file *file,
                                       struct weir_collector *collector, int64_t now_ns,
                                       struct weir_diag *diag);

/* When all have been written: removes those of shares that there are no more. */
void weir_state_file_forget_others(const struct weir_state_file *file);

/*
 * Writes where it is time to; what fails is counted, and tried again the next time. True: *ret_text
 * is to be said, which is that it fails, once, or works again.
 */
bool weir_state_file_tick(struct weir_state_file *file, struct weir_collector *collector,
                          int64_t now_ns, struct weir_diag *ret_text);

#endif
