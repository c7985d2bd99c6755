/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collecting Process (RFC 5470 section 5.5, RFC 7011 section 9): export messages in, column
 * batches and records out.
 *
 * A message finds its session, its Templates are kept there, its Data Sets are decoded by their
 * Templates' plans into the open batch, which goes to the batch sinks when it is full and when the
 * caller says so. Data ahead of its Template waits. Records of Options Templates are no flows:
 * they are counted, and go to record sinks only; those of sampling say the intervals of rows, of
 * those too that are still here (collect/sampling.h). Rows that name a sampler of an exporter that
 * has not said any are held back, for a time and up to a number, and so are records ahead of the
 * common properties that they refer to. A malformed message is counted and
 * never an error; what of it was whole has been delivered.
 *
 *     result = weir_collector_new(&config, &collector);
 *     weir_collector_add_batch_sink(collector, &sink);
 *     weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag);   // many times
 *     weir_collector_flush(collector, now_ns, &diag);
 *     weir_collector_free(collector);
 *
 * In the steady state no message allocates. Ownership: borrows its sinks, which outlive it.
 * Threads: one at a time. Limits: those of the config, each with a counter.
 */
#ifndef WEIR_COLLECT_COLLECTOR_H
#define WEIR_COLLECT_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "collect/counters.h"
#include "collect/record_sink.h"
#include "collect/session.h"
#include "collect/sflow.h"
#include "record/batch.h"
#include "record/datagram.h"

struct weir_collector;

#define WEIR_COLLECTOR_SINKS_MAX 8u

struct weir_collector_config {
    struct weir_hash_key hash_key; /* of the session table */
    uint32_t session_max;
    uint32_t template_max;        /* a session, both kinds */
    int64_t template_lifetime_ns; /* over UDP, without a refresh; 0: for ever */
    struct weir_waiting_limits waiting;
    size_t template_octets; /* of all sessions, past which the oldest sessions go */
    size_t waiting_octets;  /* of all sessions */
    uint32_t batch_rows;
    uint64_t record_limit;                        /* stop after so many Flow Records; 0: none */
    const struct weir_exporter_setting *settings; /* of exporters; borrowed */
    size_t setting_count;
    struct weir_fraction sampling_fallback; /* rate of rows whose own nobody said, or none */
    int64_t hold_ns; /* rows wait so long for options of samplers; 0: they do not */
    uint32_t hold_rows;
    int64_t properties_wait_ns; /* records wait so long for common properties; 0: they do not */
};

/*
 * Three times the longest interval at which exporters are known to repeat theirs unless they are
 * told otherwise, 30 minutes (RFC 7011 section 8.4: at least three times).
 */
#define WEIR_TEMPLATE_LIFETIME_NS (5400 * WEIR_NS_PER_SECOND)

/*
 * 65,536 sessions, 4,096 Templates each, 256 sets or 1 MiB waiting each; 24 MiB of Templates, 16
 * MiB waiting; 4,096 rows; a minute and 65,536 rows that wait for options, a minute for common
 * properties. With all of that used up by strangers a collector with a store and its journal stays
 * below 256 MiB: it had at most 196 after ten seconds of a flood, 205 after five minutes.
 */
struct weir_collector_config weir_collector_defaults(void);

/* Those of its sessions. */
struct weir_session_limits weir_collector_session_limits(
    const struct weir_collector_config *config);

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_collector_new(const struct weir_collector_config *config,
                                    struct weir_collector **ret_collector);

/* Frees it; rows not handed over are lost. NULL does nothing. */
void weir_collector_free(struct weir_collector *collector);

/* 0, or WEIR_E_LIMIT: WEIR_COLLECTOR_SINKS_MAX of its kind are there. */
WEIR_CHECKED int weir_collector_add_batch_sink(struct weir_collector *collector,
                                               const struct weir_batch_sink *sink);
WEIR_CHECKED int weir_collector_add_record_sink(struct weir_collector *collector,
                                                const struct weir_record_sink *sink);

/*
 * Takes one message in. datagram->source counts where the transport has addresses. 0; WEIR_E_END:
 * the record limit is reached, and what followed it was left; WEIR_E_NOMEM; or the error of a sink
 * (diag filled).
 */
WEIR_CHECKED int weir_collector_receive(struct weir_collector *collector,
                                        const struct weir_datagram *datagram,
                                        enum weir_collect_transport transport,
                                        struct weir_diag *diag);

/*
 * To be called before the message at `next` of several is received: those that come then do not
 * wait for memory one by one. Nothing depends on it.
 */
void weir_collector_foresee(struct weir_collector *collector, const struct weir_datagram *datagrams,
                            size_t count, size_t next, enum weir_collect_transport transport);

/*
 * What comes next of transport WEIR_COLLECT_FILE is of another file: Templates stay, sequence
 * numbers begin anew.
 */
void weir_collector_next_file(struct weir_collector *collector);

/* Hands all rows over. 0, or the first error of a sink; all sinks are called. */
WEIR_CHECKED int weir_collector_hand_over(struct weir_collector *collector, struct weir_diag *diag);

/* From time to time: as flush, but rows that are held back stay until their time is over. */
WEIR_CHECKED int weir_collector_tick(struct weir_collector *collector, int64_t now_ns,
                                     struct weir_diag *diag);

/* Hands all rows over and flushes all sinks. As above. */
WEIR_CHECKED int weir_collector_flush(struct weir_collector *collector, int64_t now_ns,
                                      struct weir_diag *diag);

/* The total of what has been counted. */
struct weir_collect_counters weir_collector_count(const struct weir_collector *collector);

/* What it has at the moment. */
struct weir_collect_levels weir_collector_levels(const struct weir_collector *collector);

/* The structures of sFlow that were passed over, by format: as weir_sflow_skipped. */
WEIR_CHECKED int weir_collector_skipped(const struct weir_collector *collector, size_t index,
                                        struct weir_sflow_skipped *ret_skipped);

/* The sessions, newest message first, to be read between calls: sessions->newest, ->older. */
const struct weir_sessions *weir_collector_sessions(const struct weir_collector *collector);

#endif
