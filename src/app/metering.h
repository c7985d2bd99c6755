/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Metering Process over packets that were observed (RFC 5470 section 5): its selection, the
 * flow caches of its definitions, and the places its records go to. Several work side by side over
 * the packets of one observation (app/meter.h), which reads and parses them once.
 *
 *     weir_metering_new(&config, &place, &metering, &diag);
 *     weir_metering_add_sink(metering, &sink, &diag);
 *     result = weir_metering_take(metering, packets, details, count, &diag);
 *     result = weir_metering_finish(metering, &diag);
 *     weir_metering_free(metering);
 *
 * Ownership: borrows the sinks and the texts of selectors. Threads: one; its sinks may be called by
 * workers that have the caches in its place.
 */
#ifndef WEIR_APP_METERING_H
#define WEIR_APP_METERING_H

#include <stdbool.h>
#include <stdint.h>

#include "app/select.h"
#include "base/error.h"
#include "meter/cache.h"
#include "record/batch.h"
#include "record/selection.h"

struct weir_metering;

#define WEIR_METERING_SINKS_MAX       16u
#define WEIR_METERING_DEFINITIONS_MAX 8u

struct weir_metering_config {
    struct weir_cache_config cache; /* interfaces and directions are the observation's to set */
    /* A packet may belong to several flows: each definition has a cache of its own. */
    const struct weir_flow_definition *definitions; /* none: the cache's */
    unsigned definition_count;
    const struct weir_selector *selectors; /* in the order in which they run */
    unsigned selector_count;
    uint64_t seed; /* of the samplers */
};

/* What the observation says. */
struct weir_metering_place {
    const uint32_t *if_index;
    uint32_t if_count;
    bool is_live; /* if_index are the system's, and not places in a file */
    bool tells_direction;
    uint32_t number;         /* of the process, from 0 */
    uint64_t stream;         /* of its samplers, where several have a share of the packets */
    bool is_beside_samplers; /* another process samples: that this one does not is to be said */
};

/*
 * Whether one of several processes samples. Collectors may take a sampler that they are told of for
 * that of all records which say nothing else.
 */
bool weir_metering_some_sample(const struct weir_metering_config *processes, unsigned count);

/* Without caches yet. 0; WEIR_E_USAGE with diag; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_metering_new(const struct weir_metering_config *config,
                                   const struct weir_metering_place *place,
                                   struct weir_metering **ret_metering, struct weir_diag *diag);
void weir_metering_free(struct weir_metering *metering);

/* The caches' settings, one a definition, for workers that have them or for this: */
const struct weir_cache_config *weir_metering_caches(const struct weir_metering *metering,
                                                     unsigned *ret_count);
WEIR_CHECKED int weir_metering_open_caches(struct weir_metering *metering, struct weir_diag *diag);

/* What a configuration's caches will be; ret_caches has room for WEIR_METERING_DEFINITIONS_MAX. */
unsigned weir_metering_definitions(const struct weir_metering_config *config,
                                   struct weir_flow_definition *ret_definitions);

/* 0 or WEIR_E_LIMIT. Flows go to every sink in the order in which they were added. */
WEIR_CHECKED int weir_metering_add_sink(struct weir_metering *metering,
                                        const struct weir_batch_sink *sink, struct weir_diag *diag);

/* All sinks as one. */
struct weir_batch_sink weir_metering_sink(struct weir_metering *metering);

struct weir_select *weir_metering_select(const struct weir_metering *metering);

/* Packets that were selected go to all caches. Results of weir_cache_add_details. */
WEIR_CHECKED int weir_metering_take(struct weir_metering *metering,
                                    const struct weir_packet *packets,
                                    const struct weir_packet_detail *details, size_t count,
                                    struct weir_diag *diag);
WEIR_CHECKED int weir_metering_advance(struct weir_metering *metering, int64_t now_ns,
                                       struct weir_diag *diag);
/* weir_cache_hand_on() of all caches. */
WEIR_CHECKED int weir_metering_hand_on(struct weir_metering *metering, struct weir_diag *diag);
/* Ends all flows, where the caches are its own. */
WEIR_CHECKED int weir_metering_finish(struct weir_metering *metering, struct weir_diag *diag);
/* Of the caches; 0 without any. */
int64_t weir_metering_now(const struct weir_metering *metering);

/* Flushes the sinks. */
WEIR_CHECKED int weir_metering_flush(struct weir_metering *metering, int64_t now_ns,
                                     struct weir_diag *diag);

/* True once a sink has failed. */
bool weir_metering_has_failed(const struct weir_metering *metering);

/* What its own caches have counted. */
struct weir_cache_counters weir_metering_count(const struct weir_metering *metering);

#endif
