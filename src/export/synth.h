/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic Flow Records, seeded and repeatable, as a router at the edge of a network would export
 * them: addresses, ports and volumes by Zipf's law, IPv4 and IPv6, times in order of export.
 *
 *     struct weir_synth synth;
 *     weir_synth_init(&synth, &config);
 *     while (weir_synth_fill(&synth, batch) > 0)
 *         weir_exporter_batch(exporter, batch, &diag);
 *
 * Same config, same records. Threads: one at a time.
 */
#ifndef WEIR_EXPORT_SYNTH_H
#define WEIR_EXPORT_SYNTH_H

#include <stdint.h>

#include "base/random.h"
#include "record/batch.h"

struct weir_synth_config {
    uint64_t seed;
    uint64_t records;
    int64_t start_ns;    /* when the first record is exported */
    int64_t duration_ns; /* from the first to the last */
    unsigned v6_percent; /* 0 to 100 */
};

struct weir_synth {
    struct weir_synth_config config;
    struct weir_random random;
    uint64_t made;
};

void weir_synth_init(struct weir_synth *synth, const struct weir_synth_config *config);

/*
 * Clears the batch and fills it with the next records, which are of one address family and one
 * export time; returns how many, 0 at the end.
 */
uint32_t weir_synth_fill(struct weir_synth *synth, struct weir_batch *batch);

#endif
