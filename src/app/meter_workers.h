/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow caches in threads side by side, each with a share of the flows (meter/spread.h), fed from
 * one input: the records are those of a single cache, whatever the number of threads.
 *
 *     weir_meter_workers_new(&config, &workers, &diag);
 *     result = weir_meter_workers_run(workers, fetch, context, &diag);  // a file, to its end
 *     counters = weir_meter_workers_count(workers, 0);
 *     weir_meter_workers_free(workers);
 *
 * Nobody only reads: each worker that finds room takes the input for a batch, hashes its packets
 * and puts them in order by whose they are; and each goes through all batches in the order in which
 * they were read and meters what is its own there. So there are as many threads as workers, all
 * have work as long as there is some, and only what another has read comes from another processor.
 * The caller is one of them.
 *
 * Ownership: borrows the sink. Threads: functions are of one caller, but weir_meter_workers_count
 * which `fetch` may call, too. `fetch` and the sink are called by any thread, each one at a time.
 * Limits: WEIR_SPREAD_MAX workers; of what each has read two batches of up to 4096 packets wait.
 */
#ifndef WEIR_APP_METER_WORKERS_H
#define WEIR_APP_METER_WORKERS_H

#include "base/error.h"
#include "meter/cache.h"
#include "meter/spread.h"
#include "packet/source.h"
#include "record/batch.h"
#include "record/packet.h"

struct weir_meter_workers;

#define WEIR_METER_WORKERS_FETCH 128u
#define WEIR_METER_WORKERS_INPUT WEIR_SOURCE_BUFFER_OCTETS

#define WEIR_METER_WORKERS_CACHES    16u
#define WEIR_METER_WORKERS_PROCESSES 8u

/* Caches that all get the same packets; their shares are set here. */
struct weir_meter_workers_process {
    const struct weir_cache_config *caches; /* borrowed while they are made */
    unsigned cache_count;
    struct weir_batch_sink sink;
};

struct weir_meter_workers_config {
    unsigned count; /* 2 to weir_cache_regions(entries) of each cache */
    const struct weir_meter_workers_process *processes;
    unsigned process_count; /* with WEIR_METER_WORKERS_CACHES caches in all */
    bool needs_details;     /* of packets: some cache, or the input */
};

/* Where to put packets, WEIR_METER_WORKERS_FETCH of them. */
struct weir_meter_room {
    struct weir_packet *packets;
    struct weir_packet_detail *details; /* of them; NULL: nobody needs any */
    uint8_t *input; /* WEIR_METER_WORKERS_INPUT octets, to read into what they are in */
};

/* Packets for a process, of the room, or others that are valid until the next are asked for. */
struct weir_meter_packets {
    const struct weir_packet *packets;
    size_t count; /* at most WEIR_METER_WORKERS_FETCH */
};

enum weir_meter_fetched {
    WEIR_METER_FETCHED,       /* perhaps none; the next may have to be waited for */
    WEIR_METER_FETCHED_MORE,  /* there are more at once */
    WEIR_METER_FETCHED_FLUSH, /* what has ended now is to reach the sinks, which are flushed */
};

/*
 * Fills in the packets of each process. An enum weir_meter_fetched; anything negative ends the
 * input, WEIR_E_END in good order.
 */
typedef int weir_meter_fetch(void *context, const struct weir_meter_room *room,
                             struct weir_meter_packets *packets, struct weir_diag *diag);

/* 0; WEIR_E_USAGE as of weir_cache_new; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_meter_workers_new(const struct weir_meter_workers_config *config,
                                        struct weir_meter_workers **ret_workers,
                                        struct weir_diag *diag);
void weir_meter_workers_free(struct weir_meter_workers *workers);

/*
 * Meters the input and ends all flows. 0; the error of `fetch`, after all before it went through;
 * that of the sink, after which the workers are only good to be counted and freed; or WEIR_E_IO
 * where there are no threads to be had.
 */
WEIR_CHECKED int weir_meter_workers_run(struct weir_meter_workers *workers, weir_meter_fetch *fetch,
                                        void *context, struct weir_diag *diag);

/* The latest time of the input that was metered last; 0 where it had no packet. */
int64_t weir_meter_workers_now(const struct weir_meter_workers *workers);

/* What a process' caches have counted; during a run, as of a few batches ago. */
struct weir_cache_counters weir_meter_workers_count(struct weir_meter_workers *workers,
                                                    unsigned process);

#endif
