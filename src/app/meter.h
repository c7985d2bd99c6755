/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observation and metering as a pipeline (RFC 5470 section 5): Observation Points (captures or
 * interfaces) → parser → one or several Metering Processes (app/metering.h), each with a selection,
 * flow caches and sinks of column batches of its own. Frames are read once and parsed at most once,
 * those only that some process selects.
 *
 *     weir_meter_new(&config, &meter, &diag);
 *     weir_meter_add_sink(meter, 0, &sink, &diag);          // any number up to the limit
 *     result = weir_meter_read(meter, "a.pcap", &diag);     // any number of files
 *     result = weir_meter_listen(meter, &diag);             // or interfaces, until stopped
 *     weir_meter_count(meter, &own, &source, &parse, &cache);
 *     weir_meter_free(meter);
 *
 * Reading, time is that of the packets: the same file gives the same records in the same order.
 * Live, the clock goes on where no packets come. Live and of a pipe, what has ended goes to the
 * sinks at least once a second, so the order of records also depends on when packets came.
 * Ownership: borrows the sinks, which outlive it, and closes none. Threads: one; with several
 * workers sinks are called by any of theirs, and `stop`, too, but one at a time.
 */
#ifndef WEIR_APP_METER_H
#define WEIR_APP_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/meter_workers.h"
#include "app/metering.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "meter/spread.h"
#include "packet/live.h"
#include "packet/parse.h"
#include "packet/source.h"
#include "record/batch.h"

struct weir_meter;

#define WEIR_METER_PROCESSES_MAX   8u
#define WEIR_METER_INTERFACES_MAX  64u
#define WEIR_METER_WORKERS_MAX     WEIR_SPREAD_MAX
#define WEIR_METER_DEFINITIONS_MAX WEIR_METERING_DEFINITIONS_MAX

struct weir_meter_config {
    const struct weir_metering_config *processes; /* side by side over the same packets */
    unsigned process_count;                       /* 1 to WEIR_METER_PROCESSES_MAX */
    unsigned workers;      /* threads that meter; 0 and 1: that of the caller */
    unsigned tunnel_depth; /* tunnels to go into; 0: flows are of the outermost IP header */
    bool all_layers;       /* each IP header on the way makes a packet; else the innermost */
    const char *const *interfaces; /* to listen on; none for files */
    unsigned interface_count;
    enum weir_live_method method;
    uint32_t buffer_octets; /* of the kernel, for each interface; 0: as packet/live.h says */
    bool hardware_time;     /* as of struct weir_live_options */
    struct weir_live_fanout *fanouts; /* one an interface, for who shares them; NULL: nobody */
    uint64_t stream;                  /* of samplers, where several have a share of the packets */
    struct weir_clock clock;          /* where packets come while they are read: live, pipes */
    /* Asked between batches of packets; true: stop in good order. NULL: never. */
    bool (*stop)(void *context, const struct weir_meter *meter);
    void *stop_context;
};

struct weir_meter_counters {
    uint64_t packets;
    uint64_t octets;
    uint64_t packets_selected;
    uint64_t packets_dropped;
};
extern const struct weir_counter weir_meter_counter_table[];
extern const size_t weir_meter_counter_count;

/*
 * Opens the interfaces, too. 0, or with diag WEIR_E_USAGE for a filter, a setting of the cache or
 * an interface that is not there; WEIR_E_IO; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_meter_new(const struct weir_meter_config *config,
                                struct weir_meter **ret_meter, struct weir_diag *diag);
void weir_meter_free(struct weir_meter *meter);

/* Where records of a process go, by its number. 0 or WEIR_E_LIMIT. */
WEIR_CHECKED int weir_meter_add_sink(struct weir_meter *meter, unsigned process,
                                     const struct weir_batch_sink *sink, struct weir_diag *diag);

/*
 * Meters a capture file ("-": standard input); at its end all flows are ended and the sinks
 * flushed. An interface's index is its place in the file, from 1. 0, also when stopped; the error
 * of the file, after all that was readable of it went through; or that of a sink, after which the
 * meter is only good to be asked for its counters and freed.
 */
WEIR_CHECKED int weir_meter_read(struct weir_meter *meter, const char *path,
                                 struct weir_diag *diag);

/* The same for several as one, by their packets' times (packet/merge.h). */
WEIR_CHECKED int weir_meter_read_merged(struct weir_meter *meter, const char *const *paths,
                                        size_t count, struct weir_diag *diag);

/* Meters the interfaces until stopped, then ends all flows and flushes the sinks. As above. */
WEIR_CHECKED int weir_meter_listen(struct weir_meter *meter, struct weir_diag *diag);

/* What some record of a process may have. */
struct weir_meter_fields {
    weir_column_set columns;
    weir_column_set named; /* of them, those that a definition names */
    weir_column_set of_definition[WEIR_METER_DEFINITIONS_MAX];
    struct weir_extra_fields extras[WEIR_METER_DEFINITIONS_MAX]; /* of each, too */
    unsigned extra_count;
};
void weir_meter_fields(const struct weir_meter *meter, unsigned process,
                       struct weir_meter_fields *ret_fields);

/*
 * How many of config->workers there are: of a file no more than the smallest cache has regions;
 * live one, where not all Flow Keys have the whole of both addresses, by which packets are divided.
 */
unsigned weir_meter_worker_count(const struct weir_meter *meter);

/* True once a sink has failed. */
bool weir_meter_has_failed(const struct weir_meter *meter);

/* What the caches have counted so far, for who is asked to stop. */
struct weir_cache_counters weir_meter_cache_counters(const struct weir_meter *meter);

/* As weir_parser_unparsed_link of its parser. */
WEIR_CHECKED int weir_meter_unparsed_link(const struct weir_meter *meter, size_t index,
                                          uint16_t *ret_link_type,
                                          struct weir_rest_count *ret_count);

/*
 * What there is to report of a process (app/meter_totals.h), also while it meters: as of a moment
 * ago where several meters share interfaces. False: of workers that share a file, who are not
 * asked before the end.
 */
struct weir_meter_totals;
bool weir_meter_totals_now(struct weir_meter *meter, unsigned process,
                           struct weir_meter_totals *ret_totals);

/* An Observation Point. */
struct weir_meter_point {
    const char *name;
    uint32_t if_index;
    struct weir_source_counters counters;
};

/* Interface `index` that is listened on; false: there are no so many. The second without counters,
 * at any time. */
bool weir_meter_point(struct weir_meter *meter, unsigned index, struct weir_meter_point *ret_point);
bool weir_meter_point_name(const struct weir_meter *meter, unsigned index,
                           struct weir_meter_point *ret_point);

/* What one of the processes has counted, and how its packets were selected. */
void weir_meter_count_process(const struct weir_meter *meter, unsigned process,
                              struct weir_cache_counters *ret_cache,
                              struct weir_selection_description *ret_selection,
                              struct weir_estimates *ret_estimates);

/* All that was counted so far, of all processes. */
void weir_meter_count(struct weir_meter *meter, struct weir_meter_counters *ret_own,
                      struct weir_source_counters *ret_source,
                      struct weir_parse_counters *ret_parse, struct weir_cache_counters *ret_cache);

#endif
