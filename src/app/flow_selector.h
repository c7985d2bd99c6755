/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Selector of Flow Records: what it is asked by --select, and which rows of a segment it keeps.
 * Private to app/flow_selection.c.
 *
 *     weir_flow_decider_init(&decider, "threshold:bytes=1M", &config, number, &diag);
 *     weir_flow_decider_run(&decider, &rows, kept);
 *     weir_flow_decider_done(&decider);
 *
 * Ownership: a decider owns its filter and borrows its text. Threads: one at a time.
 */
#ifndef WEIR_APP_FLOW_SELECTOR_H
#define WEIR_APP_FLOW_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "app/flow_selection.h"
#include "base/fraction.h"
#include "base/hash.h"
#include "base/random.h"
#include "query/row_filter.h"

struct weir_flow_decider {
    struct weir_flow_selector selector; /* with what it has seen and selected */
    struct weir_row_filter *filter;     /* of match */
    struct weir_fraction fraction;      /* of flows that are selected, where it is one for all */
    uint64_t seed;
    uint32_t initialiser; /* of a hash */
    struct weir_hash_key hash_key;
    uint64_t position; /* of count and random: records of the period so far, */
    uint64_t taken;    /* and of them those selected */
    struct weir_random random;
};

/* `number`: its place in the sequence, from 0. 0; WEIR_E_USAGE; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_flow_decider_init(struct weir_flow_decider *decider, const char *spec,
                                        const struct weir_flow_selection_config *config,
                                        unsigned number, struct weir_diag *diag);
void weir_flow_decider_done(struct weir_flow_decider *decider);

/* True of Selectors that go by chance: what they keep stands for what they do not. */
static inline bool weir_flow_decider_samples(const struct weir_flow_decider *decider)
{
    return decider->selector.kind != WEIR_FLOW_SELECTOR_MATCH;
}

/* What is known of a row while Selectors run. */
struct weir_flow_row {
    bool kept;
    uint64_t probability;      /* of its selection so far, in billionths */
    struct weir_fraction rate; /* packets metered of packets sent, its selection included */
};

/* Decides on those rows of a segment that are kept yet; `states`: one a row of the segment. */
void weir_flow_decider_run(struct weir_flow_decider *decider, const struct weir_batch *batch,
                           const struct weir_segment *segment, struct weir_flow_row *states,
                           bool *scratch);

#endif
