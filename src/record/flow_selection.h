/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection of Flow Records as it is described (RFC 7014 sections 6 and 9): the Selectors between
 * the flow cache and the Exporting Process in their order, with their parameters, and what each has
 * seen and selected. app/flow_selection.h makes it; options data and counters are made of it.
 *
 *     for (unsigned i = 0; i < selection->count; i++) {
 *         const struct weir_flow_selector *selector = &selection->selectors[i];
 *         algorithm = weir_flow_selector_algorithm(selector->kind);      // IANA's, element 390
 *         flows = selector->selected.flows;                              // 393, 395
 *     }
 *
 * Open values without ownership: texts are borrowed of the configuration. Counters are those of
 * the moment at which the description was asked for. Limits: WEIR_FLOW_SELECTORS_MAX.
 */
#ifndef WEIR_RECORD_FLOW_SELECTION_H
#define WEIR_RECORD_FLOW_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_FLOW_SELECTORS_MAX 16u

enum weir_flow_selector_kind {
    WEIR_FLOW_SELECTOR_COUNT,  /* systematic count-based: `sample` flows of `population` */
    WEIR_FLOW_SELECTOR_TIME,   /* systematic time-based: `sample` ns of every `population` ns */
    WEIR_FLOW_SELECTOR_RANDOM, /* n-out-of-N: `sample` of every `population`, at random */
    WEIR_FLOW_SELECTOR_PROBABILITY, /* uniform probabilistic */
    WEIR_FLOW_SELECTOR_MATCH,       /* property match: a filter */
    WEIR_FLOW_SELECTOR_HASH,        /* by a hash of the Flow Key, in `sample` of `population` */
    WEIR_FLOW_SELECTOR_THRESHOLD,   /* of x octets or packets with probability x / `threshold` */
    WEIR_FLOW_SELECTOR_KIND_COUNT,
};

/* Flow Records, and the packets and octets that they count. */
struct weir_flow_tally {
    uint64_t flows;
    uint64_t packets;
    uint64_t octets;
};

struct weir_flow_selector {
    uint8_t kind;        /* enum weir_flow_selector_kind */
    bool is_of_packets;  /* threshold: of packets, not of octets */
    uint32_t id;         /* selectorId (302), from 1 in their order */
    uint64_t sample;     /* as the kind says; of others 0 */
    uint64_t population; /* of every flow where both are 1 */
    uint64_t threshold;
    double probability; /* of a flow that it sees to be selected; of match and threshold 1 */
    const char *text;   /* as it was configured: "threshold:bytes=1M" */
    struct weir_flow_tally seen;
    struct weir_flow_tally selected;
};

struct weir_flow_selection_description {
    int64_t left_out_first_ns, left_out_last_ns; /* when flows were not selected; 0: all were */
    unsigned count;                              /* 0: every flow is exported */
    struct weir_flow_selector selectors[WEIR_FLOW_SELECTORS_MAX];
};

/*
 * The flowSelectorAlgorithm (390) of a kind. Of thresholds it is that of flow-state dependent
 * selection: non-uniform probabilities (RFC 7014 section 6.2.2.2) have no number of their own.
 */
static inline uint16_t weir_flow_selector_algorithm(enum weir_flow_selector_kind kind)
{
    static const uint16_t algorithms[WEIR_FLOW_SELECTOR_KIND_COUNT] = {
        [WEIR_FLOW_SELECTOR_COUNT] = 1,     [WEIR_FLOW_SELECTOR_TIME] = 2,
        [WEIR_FLOW_SELECTOR_RANDOM] = 3,    [WEIR_FLOW_SELECTOR_PROBABILITY] = 4,
        [WEIR_FLOW_SELECTOR_MATCH] = 5,     [WEIR_FLOW_SELECTOR_HASH] = 6,
        [WEIR_FLOW_SELECTOR_THRESHOLD] = 9,
    };
    return algorithms[kind];
}

#endif
