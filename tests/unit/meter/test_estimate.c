/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether error bars are right: the same traffic in ever new orders is sampled some hundred times,
 * each time with another seed, and what is estimated is compared with what was there. Seeds are
 * fixed, so the outcome is, too.
 */
#include "meter/estimate.h"

#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PACKETS   20000u
#define FLOWS     2000u
#define LARGE     1000u /* packets of flow 0 */
#define ROUND     500u
#define RUNS      200u
#define STAGES    2u
#define PACKET_NS (5 * WEIR_NS_PER_MS)

struct traffic {
    struct weir_packet packets[PACKETS];
    struct weir_packet_content contents[PACKETS];
    uint8_t octets[PACKETS][28];
    int64_t time_ns[PACKETS];
    double octets_total, octets_large;
};

/*
 * Flows of different sizes, each with packets of a length of its own or of full length; flow 0 has
 * `large` packets besides. Where flows are sampled it has none: with one flow that outweighs the
 * others no number of errors makes an interval, since it is there or not.
 */
static void make_traffic(struct traffic *traffic, uint32_t large)
{
    struct weir_random random = {1};
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct weir_packet *packet = &traffic->packets[i];
        uint32_t flow =
            i < large ? 0
                      : weir_random_below(&random, FLOWS) * (weir_random_below(&random, 4) + 1) / 4;
        *packet = (struct weir_packet){
            .key = {.src_addr = weir_address_from_v4(flow),
                    .dst_addr = weir_address_from_v4(7),
                    .protocol = 17},
            .octets = weir_random_below(&random, 2) ? 1500 : 40 + flow % 400,
        };
        traffic->octets_total += packet->octets;
        traffic->octets_large += flow == 0 ? packet->octets : 0;
    }
}

/* Another order, other times, other identifications. */
static void shuffle(struct traffic *traffic, struct weir_random *random)
{
    int64_t now_ns = 0;
    for (uint32_t i = PACKETS - 1; i > 0; i--) {
        uint32_t other = weir_random_below(random, i + 1);
        struct weir_packet packet = traffic->packets[i];
        traffic->packets[i] = traffic->packets[other];
        traffic->packets[other] = packet;
    }
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint8_t *octets = traffic->octets[i];
        uint64_t identification = weir_random_next(random);
        memset(octets, 0, sizeof(traffic->octets[i]));
        octets[0] = 0x45;
        memcpy(octets + 4, &identification, 2);
        memcpy(octets + 20, &identification, 8);
        traffic->contents[i] =
            (struct weir_packet_content){octets, octets + 20, octets + sizeof(traffic->octets[i])};
        now_ns += weir_random_below(random, 2 * PACKET_NS);
        traffic->time_ns[i] = traffic->packets[i].time_ns = now_ns;
    }
}

/* What one run says: of all packets, and of flow 0 as a record. */
struct outcome {
    struct weir_estimates all;
    double large, large_error;
};

static const struct weir_stage *first_of(const struct weir_stage *stages, unsigned count,
                                         unsigned kind)
{
    for (unsigned i = 0; i < count; i++)
        if (stages[i].selector.kind == kind)
            return &stages[i];
    return NULL;
}

static struct outcome run(const struct traffic *traffic, const char *const *specs, unsigned count,
                          uint64_t seed)
{
    static struct weir_totals totals;
    struct weir_stage stages[STAGES];
    struct weir_selector selectors[STAGES];
    struct weir_flow_definition definition = weir_flow_definition_5_tuple();
    struct weir_flow_part part;
    struct weir_diag diag = {0};
    struct weir_sum large = {0};
    double large_squares = 0;
    assert_int_equal(weir_flow_part_of(&definition, 1, &part, &diag), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(weir_selector_parse_sample(specs[i], &selectors[i], &diag), 0);
        selectors[i].id = i + 1;
        weir_stage_init(&stages[i], &selectors[i],
                        &(struct weir_stage_config){.seed = seed, .flow_part = &part});
    }
    struct weir_sampling_design design = weir_sampling_design_of(selectors, count);
    weir_totals_init(&totals, &design, first_of(stages, count, WEIR_SELECTOR_FLOW),
                     first_of(stages, count, WEIR_SELECTOR_TIME));
    struct weir_selection_items items = {
        .time_ns = traffic->time_ns, .packets = traffic->packets, .contents = traffic->contents};
    for (uint32_t first = 0; first < PACKETS; first += ROUND) {
        uint16_t kept[ROUND];
        size_t left = ROUND;
        for (uint32_t i = 0; i < ROUND; i++)
            kept[i] = (uint16_t)(first + i);
        for (unsigned i = 0; i < count; i++)
            left = weir_stage_run(&stages[i], &items, kept, left);
        weir_totals_add(&totals, traffic->packets, kept, left);
        for (size_t i = 0; i < left; i++) {
            const struct weir_packet *packet = &traffic->packets[kept[i]];
            if (packet->key.src_addr.low != weir_address_from_v4(0).low)
                continue;
            large.octets += packet->octets;
            large_squares += (double)packet->octets * packet->octets;
        }
    }
    for (unsigned i = 0; i < count; i++)
        selectors[i] = stages[i].selector;
    struct outcome outcome;
    weir_totals_estimate(&totals, selectors, count, &outcome.all);
    outcome.large = weir_estimate(&design, large.octets);
    outcome.large_error = weir_estimate_error(&design, large.octets, large_squares,
                                              traffic->time_ns[PACKETS - 1] - traffic->time_ns[0]);
    return outcome;
}

/* Of one estimate over all runs. */
struct tally {
    double sum, squares, variances;
    unsigned covered;
};

static void note(struct tally *tally, double estimate, double error, double truth)
{
    double off = estimate - truth;
    tally->sum += off;
    tally->squares += off * off;
    tally->variances += error * error;
    tally->covered += fabs(off) <= 1.96 * error;
}

/*
 * 95 of 100 intervals cover the truth, the mean of the variances is that of the estimates, and
 * these are right on average. Four standard deviations of what 200 runs make of it are allowed.
 */
static void judge(const char *what, const char *name, const struct tally *tally, double most_ratio)
{
    double runs = RUNS, covered = tally->covered / runs;
    double bias = tally->sum / runs, spread = sqrt(tally->squares / runs);
    double ratio = tally->variances / tally->squares;
    if (covered < 0.95 - 4 * sqrt(0.95 * 0.05 / runs) || ratio < 1 - 4 * sqrt(2 / runs) ||
        ratio > most_ratio || fabs(bias) > 4 * spread / sqrt(runs))
        fail_msg("%s of %s: covered %.3f, variances %.3f of what they should be, bias %.1f of "
                 "spread %.1f",
                 name, what, covered, ratio, bias, spread);
    printf("# %s of %s: covered %.3f, variance ratio %.2f, bias %.3f spreads\n", name, what,
           covered, ratio, bias / spread);
    fflush(stdout);
}

static void error_bars_are_right(void **state)
{
    static const double right = 1 + 4 * 0.1; /* sqrt(2 / 200) */
    static const struct {
        const char *specs[STAGES];
        bool packets_vary;  /* and not only octets */
        double large_ratio; /* the record of a flow with a part of all packets; 0: not asked */
    } rows[] = {
        {{"prob:0.1"}, true, right},
        {{"hash:1/10"}, true, right},
        {{"count:1/10"}, false, right},
        {{"count:3/10"}, false, right},
        {{"random:1/10"}, false, right},
        {{"random:20/100"}, false, right},
        {{"time:100ms/900ms"}, true, 2},
        {{"time:20ms/80ms"}, true, 2},
        {{"flow:1/5"}, true, 0},
        {{"prob:0.5", "count:1/5"}, true, right},
        {{"count:1/5", "prob:0.5"}, true, right},
        {{"count:1/4", "random:1/2"}, false, right},
        {{"flow:1/2", "prob:0.3"}, true, 0},
        {{"count:1/2", "flow:1/3"}, true, 0},
        {{"time:100ms/100ms", "prob:0.2"}, true, 2},
        {{"time:100ms/100ms", "flow:1/2"}, true, 0},
    };
    static struct traffic traffics[2];
    (void)state;
    make_traffic(&traffics[0], 0);
    make_traffic(&traffics[1], LARGE);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        unsigned count = rows[row].specs[1] ? 2 : 1;
        struct traffic *traffic = &traffics[rows[row].large_ratio > 0];
        struct weir_random random = {row + 100};
        struct tally octets = {0}, packets = {0}, large = {0};
        char what[64];
        for (uint64_t seed = 1; seed <= RUNS; seed++) {
            shuffle(traffic, &random);
            struct outcome outcome = run(traffic, rows[row].specs, count, seed);
            note(&octets, outcome.all.estimate.octets, outcome.all.error.octets,
                 traffic->octets_total);
            note(&packets, outcome.all.estimate.packets, outcome.all.error.packets, PACKETS);
            note(&large, outcome.large, outcome.large_error, traffic->octets_large);
        }
        snprintf(what, sizeof(what), "%s %s", rows[row].specs[0],
                 count > 1 ? rows[row].specs[1] : "");
        judge(what, "octets", &octets, right);
        if (rows[row].packets_vary)
            judge(what, "packets", &packets, right);
        if (rows[row].large_ratio > 0)
            judge(what, "a flow's octets", &large, rows[row].large_ratio);
    }
}

/* Between the first packets of two intervals there is little more than a period. */
static void intervals_at_both_ends_count(void **state)
{
    (void)state;
    static struct weir_totals totals;
    struct weir_selector selector;
    struct weir_stage stage;
    struct weir_packet packets[110];
    int64_t times_ns[110];
    uint16_t kept[110];
    struct weir_estimates estimates;
    struct weir_diag diag = {0};
    assert_int_equal(weir_selector_parse_sample("time:1s/9s", &selector, &diag), 0);
    weir_stage_init(&stage, &selector, &(struct weir_stage_config){0});
    struct weir_sampling_design design = weir_sampling_design_of(&selector, 1);
    weir_totals_init(&totals, &design, NULL, &stage);
    for (uint16_t i = 0; i < 110; i++) {
        times_ns[i] = i < 100 ? i * WEIR_NS_PER_MS : 10 * WEIR_NS_PER_SECOND + i * WEIR_NS_PER_MS;
        packets[i] = (struct weir_packet){.time_ns = times_ns[i], .octets = 100};
        kept[i] = i;
    }
    const struct weir_selection_items items = {.time_ns = times_ns};
    assert_int_equal(weir_stage_run(&stage, &items, kept, 110), 110);
    weir_totals_add(&totals, packets, kept, 110);
    weir_totals_estimate(&totals, &stage.selector, 1, &estimates);
    assert_true(estimates.estimate.packets > 1099 && estimates.estimate.packets < 1101);
    /* Of two intervals of 100 and 10 packets the error is at least what these differ by. */
    assert_true(estimates.error.packets > (100 - 10) * 10 * 0.9);
}

static void shares_add_up(void **state)
{
    (void)state;
    struct weir_estimates sum = {.estimate = {100, 1000}, .error = {3, 30}};
    struct weir_estimates other = {.estimate = {200, 2000}, .error = {4, 40}};
    weir_estimates_add(&sum, &other);
    assert_true(sum.estimate.packets == 300 && sum.estimate.octets == 3000);
    assert_true(sum.error.packets == 5 && sum.error.octets == 50);
    other.is_by_time = true;
    weir_estimates_add(&sum, &other);
    assert_true(sum.error.packets == 9 && sum.error.octets == 90);
}

static void intervals_are_fractions(void **state)
{
    static const struct {
        const char *specs[STAGES];
        uint32_t interval, size;
    } rows[] = {
        {{"count:1/100"}, 100, 1},
        {{"random:2/3"}, 3, 2},
        {{"prob:0.01"}, 100, 1},
        {{"prob:0.3"}, 10, 3},
        {{"hash:1/1000"}, 1000, 1},
        {{"flow:1/7"}, 7, 1},
        {{"time:1s/9s"}, 10, 1},
        {{"count:1/10", "count:2/3"}, 15, 1},
        {{"count:1/1"}, 1, 1},
        {{"prob:0.123456"}, 15625, 1929},
        {{"count:1/4G", "count:1/4"}, UINT32_MAX, 1},
    };
    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct weir_selector selectors[STAGES];
        struct weir_diag diag;
        unsigned count = rows[row].specs[1] ? 2 : 1;
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(weir_selector_parse_sample(rows[row].specs[i], &selectors[i], &diag),
                             0);
        struct weir_sampling_design design = weir_sampling_design_of(selectors, count);
        assert_int_equal(design.interval, rows[row].interval);
        assert_int_equal(design.size, rows[row].size);
        assert_false(weir_sampling_is_all(&design));
    }
    const struct weir_selector filter = {.kind = WEIR_SELECTOR_FILTER, .probability = 1};
    struct weir_sampling_design design = weir_sampling_design_of(&filter, 1);
    assert_true(weir_sampling_is_all(&design));
    assert_true(weir_estimate(&design, 5) == 5 && weir_estimate_error(&design, 5, 25, 9) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_bars_are_right),
        cmocka_unit_test(intervals_at_both_ends_count),
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(intervals_are_fractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
