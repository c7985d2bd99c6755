/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collecting Process as a pipeline: files and listeners → collector → its sinks.
 *
 *     weir_collection_new(&config, &collection);
 *     weir_collector_add_batch_sink(weir_collection_collector(collection), &sink);
 *     result = weir_collection_read(collection, "a.pcap", &diag);   // any number of files
 *     result = weir_collection_open(collection, &url, &diag);       // any number of listeners
 *     result = weir_collection_listen(collection, &diag);           // until stopped
 *     result = weir_collection_flush(collection, &diag);
 *     weir_collection_free(collection);
 *
 * Listeners are all served by the thread that calls. Sinks are flushed about once a second.
 * Ownership: borrows the sinks, which outlive it, and closes none. Threads: one. Limits:
 * WEIR_COLLECTION_LISTENERS_MAX.
 */
#ifndef WEIR_APP_COLLECTION_H
#define WEIR_APP_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "app/state_file.h"
#include "app/tables.h"
#include "base/clock.h"
#include "base/error.h"
#include "collect/admission.h"
#include "collect/collector.h"
#include "net/url.h"
#include "packet/datagram_source.h"

struct weir_collection;
struct weir_recording;

#define WEIR_COLLECTION_LISTENERS_MAX 64u

struct weir_collection_config {
    struct weir_collector_config collector;
    struct weir_clock clock;          /* for listeners only */
    struct weir_admission *admission; /* of datagrams, those of captures too; NULL: all */
    struct weir_tables *tables;       /* reported to; NULL, or without a writer: none */
    struct weir_state_file *state;    /* written every now and then; NULL: none */
    /* Says a line to people, as it happens; NULL where there is no state. */
    void (*say)(void *context, const char *text);
    void *say_context;
    int64_t idle_ns; /* stop after this long without a message; 0: never */
    int wake_fd;     /* readable when `stop` may have changed; -1: none */
    int ask_fd;      /* readable when `stop`, being asked, has something else to do; -1: none */
    /* Asked between messages; true: stop in good order. NULL: never. */
    bool (*stop)(void *context, const struct weir_collection *collection);
    void *stop_context;
    /* When a message came last, where it is shared with others that are idle together; or NULL. */
    _Atomic int64_t *last_message_ns;
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_collection_new(const struct weir_collection_config *config,
                                     struct weir_collection **ret_collection);
void weir_collection_free(struct weir_collection *collection);

/* To add sinks, and to ask for what was counted. */
struct weir_collector *weir_collection_collector(struct weir_collection *collection);

/*
 * Opens a listener: udp://HOST:PORT, HOST may be empty; option buffer=SIZE. 0, or with diag
 * WEIR_E_USAGE (no such address, port in use, no listener's URL), WEIR_E_LIMIT, WEIR_E_IO,
 * WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_collection_open(struct weir_collection *collection,
                                      const struct weir_url *url, struct weir_diag *diag);

/*
 * The same for several, each in a thread of its own: they share the port, and what comes to it is
 * divided by the exporter's address (net/udp.h). As above, and WEIR_E_UNSUPPORTED.
 */
WEIR_CHECKED int weir_collection_open_all(struct weir_collection *const *collections,
                                          unsigned count, const struct weir_url *url,
                                          struct weir_diag *diag);

/*
 * Collects from a file ("-": standard input), see collect/input.h. 0, also when stopped;
 * WEIR_E_END: the record limit is reached; the error of the file, after all that was readable of
 * it went through; or that of a sink, after which the collection is only good to be counted and
 * freed.
 */
WEIR_CHECKED int weir_collection_read(struct weir_collection *collection, const char *path,
                                      struct weir_diag *diag);

/*
 * From here on listeners are received by the recording's thread and go through its journal
 * (app/recording.h), which is borrowed; to be called when they are open. Errors as
 * weir_recording_start.
 */
WEIR_CHECKED int weir_collection_record(struct weir_collection *collection,
                                        struct weir_recording *recording, struct weir_diag *diag);

/*
 * Collects from all listeners until it is stopped, nothing came for idle_ns, or the record limit
 * is reached (WEIR_E_END). When stopped, what had arrived before is still taken in. As above.
 */
WEIR_CHECKED int weir_collection_listen(struct weir_collection *collection, struct weir_diag *diag);

/* Hands everything over and flushes the sinks; at the end. */
WEIR_CHECKED int weir_collection_flush(struct weir_collection *collection, struct weir_diag *diag);

/* True once a sink has failed: then an error was none of the input. */
bool weir_collection_has_failed(const struct weir_collection *collection);

/* All that was counted, datagrams that the kernel dropped included. */
struct weir_collect_counters weir_collection_count(const struct weir_collection *collection);

/* What became of the packets of captures that were read. */
struct weir_datagram_counters weir_collection_captured(const struct weir_collection *collection);

/* As configured, to ask what it counted; NULL: none. */
const struct weir_admission *weir_collection_admission(const struct weir_collection *collection);

#endif
