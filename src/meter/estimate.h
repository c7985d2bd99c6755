/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sample says of what it was taken of: totals scaled by the probability of a packet to be
 * selected, and how far off they may be (RFC 5475, RFC 5474 section 9.3's accuracy).
 *
 *     design = weir_sampling_design_of(selectors, count);
 *     bytes = weir_estimate(&design, octets);
 *     error = weir_estimate_error(&design, octets, squares, duration_ns);      // of one record
 *
 *     weir_totals_init(&totals, &design, flow_stage, time_stage);
 *     weir_totals_add(&totals, packets, kept, count);
 *     weir_totals_estimate(&totals, selectors, count, &estimates);             // of all
 *
 * The estimate is Horvitz and Thompson's, the observed sum over p, the product of the stages'
 * probabilities; filters have 1. It is unbiased for every chain. Its standard error is the root of
 *
 *     [ Q (1 - p) + (F - Q) (1 - f) + (W - Q) (1 - t) - centring ] / p^2
 *
 * with Q the sum of the selected packets' squared values (1, or octets), f the probability of flow
 * stages and F the sum of the squared totals of flows, t that of time stages and W the sum of the
 * squared totals of their intervals. What is assumed:
 *   - prob: nothing. hash: that it chooses as chance does, packets with the same content apart;
 *   - random, count: of the total, that packets come in no order that goes with the period, so a
 *     block is a simple random sample: (B^2 - Q)(1 - n/N) / m is taken off, B being the sum and m
 *     the packets that the stage selected. Of a record nothing is taken off, since what others had
 *     of its blocks is not known: exact where it has one packet in each, and too great for a flow
 *     with a good share of the traffic;
 *   - time: that intervals follow each other without order. Of the total, W is that of a simple
 *     random sample of M periods, (W - B^2 / M) M / (M - 1), M at least the intervals with packets,
 * and the part of a period at the ends is allowed for; of a record, that its packets are spread
 * over its time evenly;
 *   - flow: nothing. F is found out by putting flows into 1024 groups by their hash: the variance
 *     between groups is that of flows. A record of a flow is the whole of it, and stands for 1/f:
 *     its error is that of what it adds to a sum.
 * A 95 % interval is 1.96 errors to both sides, where many packets (or flows, or intervals) were
 * selected.
 *
 * Open values; weir_totals owns nothing but is large. Threads: one owner.
 */
#ifndef WEIR_METER_ESTIMATE_H
#define WEIR_METER_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/selection.h"
#include "record/packet.h"
#include "record/selection.h"

struct weir_sampling_design {
    double probability;      /* of a packet; the product of these and of the others' */
    double flow_probability; /* of flow stages; 1: none */
    double time_probability; /* of time stages */
    int64_t period_ns;       /* of them the shortest */
    /* interval / size packets are one that was selected; 0: all are, no sampler is there. */
    uint32_t interval;
    uint32_t size;
    uint32_t sequence_id; /* selectionSequenceId of records, where some sampler is there */
};

struct weir_sampling_design weir_sampling_design_of(const struct weir_selector *selectors,
                                                    unsigned count);

static inline bool weir_sampling_is_all(const struct weir_sampling_design *design)
{
    return design->interval == 0;
}

/* The total that an observed sum stands for. */
double weir_estimate(const struct weir_sampling_design *design, double sum);

/*
 * Its standard error for a record: `squares` the sum of the squared values, and the time from its
 * first packet to its last.
 */
double weir_estimate_error(const struct weir_sampling_design *design, double sum, double squares,
                           int64_t duration_ns);

#define WEIR_TOTALS_GROUPS 1024u

struct weir_sum {
    double packets, octets;
};

struct weir_totals {
    struct weir_sampling_design design;
    const struct weir_stage *flow; /* the first of its kind, or NULL */
    const struct weir_stage *time;
    struct weir_sum sum;
    double octet_squares;
    struct weir_sum groups[WEIR_TOTALS_GROUPS]; /* of flows */
    int64_t window_ns;
    struct weir_sum window;         /* in the interval at the moment */
    struct weir_sum window_squares; /* of those before */
    double window_count;            /* of those with packets */
};

struct weir_estimates {
    struct weir_sum observed;
    struct weir_sum estimate;
    struct weir_sum error; /* standard errors */
    bool is_by_time;       /* whose intervals are those of all shares of the packets */
};

void weir_totals_init(struct weir_totals *totals, const struct weir_sampling_design *design,
                      const struct weir_stage *flow, const struct weir_stage *time);

/* Of packets[] those that kept[0 .. count - 1] name were selected by all stages. */
void weir_totals_add(struct weir_totals *totals, const struct weir_packet *packets,
                     const uint16_t *kept, size_t count);

/* With what the stages have counted by now. */
void weir_totals_estimate(const struct weir_totals *totals, const struct weir_selector *selectors,
                          unsigned count, struct weir_estimates *ret_estimates);

/*
 * Adds the estimates of another share of the packets, which was sampled by itself. By time it was
 * not: what is busy in the intervals of one share may be so in those of all, and errors add up to
 * no more than their sum, which they are taken for.
 */
void weir_estimates_add(struct weir_estimates *into, const struct weir_estimates *from);

#endif
