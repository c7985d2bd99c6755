/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection of packets as it is described (RFC 5475 section 7, RFC 5476 section 6.5): the
 * Selectors of a Selection Sequence in their order, with their parameters, and how many packets
 * each has seen and selected. The Metering Process makes it (meter/selection.h); options data,
 * counters and estimates are made of it.
 *
 *     for (unsigned i = 0; i < selection->count; i++) {
 *         const struct weir_selector *selector = &selection->selectors[i];
 *         fraction *= selector->probability;
 *         algorithm = weir_selector_algorithm(selector->kind);      // IANA's, element 304
 *     }
 *
 * Open values without ownership: texts are borrowed of the configuration. Counters are those of
 * the moment at which the description was asked for. Limits: WEIR_SELECTION_MAX in a sequence.
 */
#ifndef WEIR_RECORD_SELECTION_H
#define WEIR_RECORD_SELECTION_H

#include <stdint.h>

#define WEIR_SELECTION_MAX 16u

enum weir_selector_kind {
    WEIR_SELECTOR_FILTER,      /* a BPF expression */
    WEIR_SELECTOR_MATCH,       /* property match, RFC 5475 section 6.1 */
    WEIR_SELECTOR_COUNT,       /* systematic count-based: `sample` packets of every `population` */
    WEIR_SELECTOR_TIME,        /* systematic time-based: `sample` ns of every `population` ns */
    WEIR_SELECTOR_RANDOM,      /* n-out-of-N: `sample` of every `population`, at random */
    WEIR_SELECTOR_PROBABILITY, /* uniform probabilistic */
    WEIR_SELECTOR_HASH,        /* hash-based over invariant content (BOB), RFC 5475 section 6.2 */
    WEIR_SELECTOR_FLOW,        /* whole flows, by a hash of what their keys have in common */
    WEIR_SELECTOR_KIND_COUNT,
};

/* Of the hash function BOB; selected are hashes from 0 to selected_last. */
struct weir_selector_hash {
    uint32_t initialiser;
    uint32_t selected_last;
    uint16_t payload_offset; /* octets of the IP payload that are hashed */
    uint16_t payload_octets;
};

struct weir_selector {
    uint8_t kind;    /* enum weir_selector_kind */
    uint32_t id;     /* selectorId (302), unique in the process */
    uint64_t sample; /* as the kind says; of others 0 */
    uint64_t population;
    double probability;             /* of a packet that it sees to be selected; of filters 1 */
    struct weir_selector_hash hash; /* of WEIR_SELECTOR_HASH */
    const char *text;               /* as it was configured: "count:1/100", "tcp port 80" */
    uint64_t seen;                  /* packetsObserved (318) */
    uint64_t selected;              /* packetsSelected (319) */
};

/* The selectors of one Metering Process in the order in which they run. */
struct weir_selection_description {
    uint32_t sequence_id; /* selectionSequenceId (301) */
    unsigned count;       /* 0: every packet is metered */
    struct weir_selector selectors[WEIR_SELECTION_MAX];
};

/* The selectorAlgorithm (304) of a kind: 1 to 6; 0 for those that IANA has none for. */
static inline uint16_t weir_selector_algorithm(enum weir_selector_kind kind)
{
    static const uint16_t algorithms[WEIR_SELECTOR_KIND_COUNT] = {
        [WEIR_SELECTOR_FILTER] = 5, [WEIR_SELECTOR_MATCH] = 5,  [WEIR_SELECTOR_COUNT] = 1,
        [WEIR_SELECTOR_TIME] = 2,   [WEIR_SELECTOR_RANDOM] = 3, [WEIR_SELECTOR_PROBABILITY] = 4,
        [WEIR_SELECTOR_HASH] = 6,   [WEIR_SELECTOR_FLOW] = 0,
    };
    return algorithms[kind];
}

#endif
