/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/estimate.h"

#include <math.h>
#include <string.h>

/* How near an interval comes to the probability: hashes have their n/N to 32 bits. */
#define INTERVAL_PRECISION 1e-6

/* The part of a period at the ends is in an interval or not: r (1 - r), on average over r. */
#define PERIOD_ENDS (1.0 / 6)

/* The simplest fraction that is 1 / probability, by continued fractions. */
static void find_interval(double probability, uint32_t *ret_interval, uint32_t *ret_size)
{
    double wanted = 1 / probability, rest = wanted;
    double n_before = 1, d_before = 0, n = floor(rest), d = 1;
    while (fabs(n / d - wanted) > wanted * INTERVAL_PRECISION) {
        rest = 1 / (rest - floor(rest));
        double part = floor(rest);
        double n_next = part * n + n_before, d_next = part * d + d_before;
        if (!(n_next <= UINT32_MAX) || !(d_next <= UINT32_MAX))
            break;
        n_before = n;
        d_before = d;
        n = n_next;
        d = d_next;
    }
    *ret_interval = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    *ret_size = (uint32_t)d;
}

static bool is_sampler(const struct weir_selector *selector)
{
    return selector->kind != WEIR_SELECTOR_FILTER && selector->kind != WEIR_SELECTOR_MATCH;
}

struct weir_sampling_design weir_sampling_design_of(const struct weir_selector *selectors,
                                                    unsigned count)
{
    struct weir_sampling_design design = {
        .probability = 1, .flow_probability = 1, .time_probability = 1};
    bool samples = false;
    for (unsigned i = 0; i < count; i++) {
        const struct weir_selector *selector = &selectors[i];
        if (!is_sampler(selector))
            continue;
        samples = true;
        design.probability *= selector->probability;
        if (selector->kind == WEIR_SELECTOR_FLOW)
            design.flow_probability *= selector->probability;
        if (selector->kind == WEIR_SELECTOR_TIME) {
            design.time_probability *= selector->probability;
            int64_t period_ns = (int64_t)selector->population;
            if (design.period_ns == 0 || period_ns < design.period_ns)
                design.period_ns = period_ns;
        }
    }
    if (samples)
        find_interval(design.probability, &design.interval, &design.size);
    return design;
}

double weir_estimate(const struct weir_sampling_design *design, double sum)
{
    return sum / design->probability;
}

/* Rounding must not make the root of a little less than nothing. */
static double root(double variance, double probability)
{
    return variance > 0 ? sqrt(variance) / probability : 0;
}

double weir_estimate_error(const struct weir_sampling_design *design, double sum, double squares,
                           int64_t duration_ns)
{
    double all_squares = sum * sum;
    double variance = squares * (1 - design->probability) +
                      (all_squares - squares) * (1 - design->flow_probability);
    if (design->period_ns > 0) {
        double periods = 1 + floor((double)duration_ns / (double)design->period_ns);
        variance += (all_squares - squares) / periods * (1 - design->time_probability);
    }
    return root(variance, design->probability);
}

void weir_totals_init(struct weir_totals *totals, const struct weir_sampling_design *design,
                      const struct weir_stage *flow, const struct weir_stage *time)
{
    memset(totals, 0, sizeof(*totals));
    totals->design = *design;
    totals->flow = flow;
    totals->time = time;
    totals->window_ns = INT64_MIN;
}

static void add_to_group(struct weir_totals *totals, const struct weir_packet *packet)
{
    struct weir_sum *group =
        &totals->groups[weir_stage_flow_hash(totals->flow, packet) % WEIR_TOTALS_GROUPS];
    group->packets += 1;
    group->octets += packet->octets;
}

static void add_square(struct weir_sum *squares, const struct weir_sum *sum)
{
    squares->packets += sum->packets * sum->packets;
    squares->octets += sum->octets * sum->octets;
}

static void add_to_window(struct weir_totals *totals, const struct weir_packet *packet)
{
    int64_t begin_ns = weir_stage_window(totals->time, packet->time_ns);
    if (begin_ns != totals->window_ns) {
        add_square(&totals->window_squares, &totals->window);
        totals->window = (struct weir_sum){0, 0};
        totals->window_ns = begin_ns;
        totals->window_count += 1;
    }
    totals->window.packets += 1;
    totals->window.octets += packet->octets;
}

void weir_totals_add(struct weir_totals *totals, const struct weir_packet *packets,
                     const uint16_t *kept, size_t count)
{
    uint64_t octets = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_packet *packet = &packets[kept[i]];
        octets += packet->octets;
        squares += (double)packet->octets * (double)packet->octets;
        if (totals->flow)
            add_to_group(totals, packet);
        if (totals->time)
            add_to_window(totals, packet);
    }
    totals->sum.packets += (double)count;
    totals->sum.octets += (double)octets;
    totals->octet_squares += squares;
}

/* Flows fall into groups by chance: the variance between groups is the sum of flows' squares. */
static struct weir_sum flow_squares(const struct weir_totals *totals)
{
    const double groups = WEIR_TOTALS_GROUPS;
    struct weir_sum squares = {0, 0};
    for (unsigned i = 0; i < WEIR_TOTALS_GROUPS; i++)
        add_square(&squares, &totals->groups[i]);
    squares.packets -= totals->sum.packets * totals->sum.packets / groups;
    squares.octets -= totals->sum.octets * totals->sum.octets / groups;
    squares.packets *= groups / (groups - 1);
    squares.octets *= groups / (groups - 1);
    return squares;
}

/* What is known of all packets of one kind of value. */
struct known {
    double sum;
    double squares;        /* Q */
    double flow_squares;   /* F */
    double window_squares; /* W */
};

static double total_error(const struct weir_totals *totals, const struct known *known,
                          const struct weir_selector *selectors, unsigned count)
{
    const struct weir_sampling_design *design = &totals->design;
    double all = known->sum * known->sum;
    double variance = known->squares * (1 - design->probability);
    if (totals->flow && known->flow_squares > known->squares)
        variance += (known->flow_squares - known->squares) * (1 - design->flow_probability);
    if (totals->time) {
        double free = 1 - design->time_probability;
        /* A span of little more than a period may touch two intervals, and so on. */
        double periods = fmax(weir_stage_periods(totals->time), totals->window_count);
        double spread = known->window_squares;
        if (periods > 1)
            spread = (spread - all / periods) * periods / (periods - 1);
        variance += (spread - known->squares) * free;
        variance += all / (periods * periods) * free * PERIOD_ENDS;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct weir_selector *selector = &selectors[i];
        bool is_of_blocks =
            selector->kind == WEIR_SELECTOR_COUNT || selector->kind == WEIR_SELECTOR_RANDOM;
        if (is_of_blocks && selector->selected > 0)
            variance -=
                (all - known->squares) * (1 - selector->probability) / (double)selector->selected;
    }
    return root(variance, design->probability);
}

void weir_totals_estimate(const struct weir_totals *totals, const struct weir_selector *selectors,
                          unsigned count, struct weir_estimates *ret_estimates)
{
    const struct weir_sampling_design *design = &totals->design;
    struct weir_sum windows = totals->window_squares;
    struct weir_sum flows = {0, 0};
    add_square(&windows, &totals->window);
    if (totals->flow)
        flows = flow_squares(totals);
    const struct known packets = {totals->sum.packets, totals->sum.packets, flows.packets,
                                  windows.packets};
    const struct known octets = {totals->sum.octets, totals->octet_squares, flows.octets,
                                 windows.octets};
    *ret_estimates = (struct weir_estimates){
        .observed = totals->sum,
        .estimate = {weir_estimate(design, packets.sum), weir_estimate(design, octets.sum)},
        .error = {total_error(totals, &packets, selectors, count),
                  total_error(totals, &octets, selectors, count)},
        .is_by_time = totals->time != NULL,
    };
}

static double together(const struct weir_estimates *estimates, double error, double other)
{
    return estimates->is_by_time ? error + other : hypot(error, other);
}

void weir_estimates_add(struct weir_estimates *into, const struct weir_estimates *from)
{
    into->observed.packets += from->observed.packets;
    into->observed.octets += from->observed.octets;
    into->estimate.packets += from->estimate.packets;
    into->estimate.octets += from->estimate.octets;
    into->is_by_time |= from->is_by_time;
    into->error.packets = together(into, into->error.packets, from->error.packets);
    into->error.octets = together(into, into->error.octets, from->error.octets);
}
