/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far off estimates are: the variance of a flow's scaled counter, from what its record holds.
 *
 * A flow whose counter c was observed over n packets stands for T = c * sampling / sampling_size.
 * Of that the flow was selected with probability q (flow_probability, else 1) and its packets with
 * p, where p * q = sampling_size / sampling. The estimated variance of T is
 *
 *     T^2 * ((1 - q) + q * (1 - p) * S / c^2)
 *
 * the first part for the choice of flows (Horvitz and Thompson's estimator), the second for that of
 * packets: S is the sum of the squares of what each packet adds to c. For packets it is n. For
 * octets it is octetDeltaSumOfSquares (IANA's 198) where the record has it; else packets are taken
 * for equally long, S = c^2 / n, which is the least that S can be, so errors of octets are then
 * rather too small: by a factor of sqrt(1 + v) where v is the squared coefficient of variation of
 * a flow's packet lengths, which is 1.4 for lengths that are half of them 40 and half of them
 * 1,500. Where a record does not say n, S = c^2, the most that it can be.
 *
 * A flow stands for 1 / q flows (flows_estimated): those whose packets were all left out are not
 * among them, since nobody knows of them.
 *
 * Choices are taken for independent. Systematic sampling (1 in N by count) is estimated as if it
 * were random, which is near where traffic has no period of its own (RFC 5475 section 5.1). Where
 * flows are chosen by a hash of their key, the records of one flow, or of both its directions, are
 * chosen together: errors are then too small, by sqrt(2) where flows have two alike. Packets by
 * time come in bursts, too.
 *
 * Variances add up: a sum's standard error is the root of their sum, and the truth is within 1.96
 * of it 95 times in 100, where enough was sampled for a sum to be normally distributed: some
 * thirty packets, or flows, none of which has a good part of the whole. A flow that was left out
 * adds to no estimate, and to no error: a few that are much larger than all others are for
 * thresholds, which do not leave them out. What is not sampled or not scaled has the error 0.
 */
#ifndef WEIR_QUERY_ERROR_H
#define WEIR_QUERY_ERROR_H

#include "query/sql.h"

/* What is known of a flow. */
struct weir_error_input {
    double counter;     /* as observed */
    double packets;     /* of the counter's direction; 0: not said */
    double rate;        /* sampling_size / sampling: above 0, and at most 1 */
    double probability; /* of the flow's selection; 1: none */
};

/* The variance of the scaled counter; without octetDeltaSumOfSquares. */
static inline double weir_error_variance(const struct weir_error_input *input)
{
    double total = input->counter / input->rate;
    double of_packets = input->rate / input->probability;
    double share = input->packets > 0 ? 1 / input->packets : 1;
    if (of_packets > 1)
        of_packets = 1;
    return total * total *
           ((1 - input->probability) + input->probability * (1 - of_packets) * share);
}

/* Of the number of flows that one was selected of: of 1 / q, by the same estimator. */
static inline double weir_error_of_flows(double probability)
{
    return (1 - probability) / (probability * probability);
}

/*
 * The same as SQL, by what is called an error (weir_query_field_is_error): 0 where nothing is
 * scaled. And how many flows one was selected of.
 */
const char *weir_sql_variance(struct weir_sql *sql, enum weir_computed error);
const char *weir_sql_flows(struct weir_sql *sql);

#endif
