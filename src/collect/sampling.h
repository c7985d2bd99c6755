/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling intervals of one exporter, as its options records gave them, and the rows they are of
 * (RFC 3954 section 8, RFC 5476 section 6.5.2, RFC 5477).
 *
 * A rate is of a sampler, a Template, an interface or of all that a domain sends. It is kept as the
 * two whole numbers it was sent as, so many packets selected of so many; the columns have them in
 * lowest terms: sampling_size of sampling, the former only where it is not 1. A row's rate, here
 * mostly an interval, is the first there is of
 *
 *     1. what is configured for its exporter (collect/exporter.h),
 *     2. its own: samplingInterval or samplerRandomInterval in the Flow Record,
 *     3. that of its sampler or selector, or of its selection sequence: of all selectors in it,
 *     4. that of its Template,
 *     5. that of the interface it came in by, then of that it went out by,
 *     6. that of its message: the header of NetFlow v5,
 *     7. that of its whole Observation Domain,
 *     8. where the row names no sampler, the one that all samplers of the exporter have.
 *
 * Exporters send options in another domain than flows (0, or that of one line card): where the
 * row's own domain has none, that of domain 0 holds, or that on which all others agree. Of several
 * exporters behind one address (collect/source.h) each has its own, and those of the others only
 * where these agree and it said none.
 * A selection sequence (RFC 5476 section 6.5.1) chains selectors: so many of so many, of so many of
 * so many. Its interval is known when that of each selector is; filters leave none out. Selectors
 * and sequences may come in any order.
 *
 * Where records of the exporter have had intervals of their own, what has none is not given one of
 * 7 or 8: it was left out since all packets were metered, whatever samplers are known of before.
 *
 * Rows of a selector of flows have its rate, and flow_probability beside it.
 *
 * An interval of zero, in a record or in a header, says nothing and is none; NetFlow v5 without an
 * interval is unknown too, since routers leave it zero whether they sample or not.
 *
 *     struct weir_sampler_key key = {.kind = WEIR_SAMPLER_ID, .domain = 7, .id = 1};
 *     change = weir_sampling_put(&sampling, &budget, key, 1, 1000);
 *     unknown = weir_sampling_fill(&sampling, batch, segment, 0, segment->row_count);
 *     weir_sampling_done(&sampling, &budget);
 *
 * Ownership: a sampling owns its array, counted against a budget that all share. Threads: one.
 * Limits: WEIR_SAMPLERS_MAX, WEIR_SELECTIONS_MAX; what does not fit is refused, what was there
 * stays.
 */
#ifndef WEIR_COLLECT_SAMPLING_H
#define WEIR_COLLECT_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fraction.h"
#include "collect/budget.h"
#include "record/batch.h"

#define WEIR_SAMPLERS_MAX   256u  /* an exporter */
#define WEIR_SELECTIONS_MAX 1024u /* an exporter: each interface may have its own */
#define WEIR_SELECTORS_MAX  8u    /* of one selection sequence */

enum weir_sampler_kind {
    WEIR_SAMPLER_WHOLE, /* the domain; id 0 */
    WEIR_SAMPLER_ID,    /* samplerId or selectorId */
    WEIR_SAMPLER_TEMPLATE,
    WEIR_SAMPLER_INTERFACE, /* in either direction */
    WEIR_SAMPLER_IN_IF,
    WEIR_SAMPLER_OUT_IF,
    WEIR_SAMPLER_FILTER,   /* selectorId of one that filters: 1 of 1 */
    WEIR_SAMPLER_FLOWS,    /* selectorId of one that selects whole flows */
    WEIR_SAMPLER_SEQUENCE, /* selectionSequenceId */
    WEIR_SAMPLER_KINDS,
};

struct weir_sampler_key {
    enum weir_sampler_kind kind;
    uint32_t domain;
    uint32_t source; /* of the segments that are meant */
    uint64_t id;
};

/* `selected` packets of `population`; neither is 0. */
struct weir_sampler {
    struct weir_sampler_key key;
    uint64_t selected;
    uint64_t population;
    struct weir_fraction rate; /* they as 32 bits have them; not above 1 */
};

/* A selection sequence: its selectors, which are of its domain and source. */
struct weir_selection {
    struct weir_sampler whole; /* what they are together; no rate: not all are known */
    uint32_t change;           /* of the sampling, when that was found */
    uint32_t count;
    uint64_t selectors[WEIR_SELECTORS_MAX];
};

struct weir_sampling {
    struct weir_sampler *samplers; /* by kind, id, domain, source */
    uint32_t count;
    uint32_t capacity;
    uint32_t of_kind[WEIR_SAMPLER_KINDS];
    uint32_t change;                   /* a number: of whatever changed last */
    struct weir_selection *selections; /* as samplers */
    uint32_t selection_count;
    uint32_t selection_capacity;
    struct weir_fraction only_rate; /* that all of WEIR_SAMPLER_ID have; none, or not the same */
    bool in_records;                /* the exporter's records have had intervals of their own */
};

enum weir_sampling_change {
    WEIR_SAMPLING_SAME,
    WEIR_SAMPLING_CHANGED, /* new, or another interval */
    WEIR_SAMPLING_INVALID, /* a number is zero, or more was selected than there was, or too little
                            */
    WEIR_SAMPLING_REFUSED, /* at the limit, or without memory */
};

/* Takes an interval in, in place of one of its key. */
enum weir_sampling_change weir_sampling_put(struct weir_sampling *sampling,
                                            struct weir_budget *budget, struct weir_sampler_key key,
                                            uint64_t selected, uint64_t population);

/* The same of a sequence of kind WEIR_SAMPLER_SEQUENCE. INVALID: of no selector, or of too many. */
enum weir_sampling_change weir_sampling_put_selection(struct weir_sampling *sampling,
                                                      struct weir_budget *budget,
                                                      struct weir_sampler_key key,
                                                      const uint64_t *selectors, uint32_t count);

void weir_sampling_done(struct weir_sampling *sampling, struct weir_budget *budget);

/* Whether rows that name a sampler, or a selection sequence, could get an interval. */
static inline bool weir_sampling_knows_samplers(const struct weir_sampling *sampling,
                                                bool are_sequences)
{
    uint32_t named = are_sequences ? sampling->of_kind[WEIR_SAMPLER_SEQUENCE]
                                   : sampling->of_kind[WEIR_SAMPLER_ID] +
                                         sampling->of_kind[WEIR_SAMPLER_FILTER] +
                                         sampling->of_kind[WEIR_SAMPLER_FLOWS];
    return named + sampling->of_kind[WEIR_SAMPLER_WHOLE] +
               sampling->of_kind[WEIR_SAMPLER_TEMPLATE] >
           0;
}

/*
 * Gives `count` rows of a segment from its row `first` on (0: its first) the rates of options,
 * where they have no interval (0). The segment has the column `sampling`, and gets `sampling_size`
 * where a rate needs it. Returns how many rows stay without.
 */
uint32_t weir_sampling_fill(const struct weir_sampling *sampling, const struct weir_batch *batch,
                            struct weir_segment *segment, uint32_t first, uint32_t count);

/*
 * Gives a row of a segment, counted from its first, a rate or none. The segment has the column
 * `sampling`, and gets `sampling_size` where the rate needs it.
 */
void weir_sampling_set(const struct weir_batch *batch, struct weir_segment *segment, uint32_t row,
                       struct weir_fraction rate);

#endif
