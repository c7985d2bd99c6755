/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of selections as a collector prints them, and as it learns sampling from them. */
#include "app/selection_reports.h"

#include <stdlib.h>

#include "app/destination.h"
#include "support/cmocka.h"

#include "flows.h"
#include "scratch.h"

static struct weir_selection_description all_kinds(void)
{
    return (struct weir_selection_description){
        .sequence_id = 7,
        .count = 8,
        .selectors =
            {
                {.kind = WEIR_SELECTOR_FILTER,
                 .id = 21,
                 .probability = 1,
                 .text = "tcp port 80",
                 .seen = 1000,
                 .selected = 900},
                {.kind = WEIR_SELECTOR_MATCH,
                 .id = 22,
                 .probability = 1,
                 .text = "dst_port=80",
                 .seen = 900,
                 .selected = 800},
                {.kind = WEIR_SELECTOR_COUNT,
                 .id = 23,
                 .sample = 1,
                 .population = 10,
                 .probability = 0.1,
                 .text = "count:1/10",
                 .seen = 800,
                 .selected = 80},
                {.kind = WEIR_SELECTOR_TIME,
                 .id = 24,
                 .sample = 2000000,
                 .population = 10000000,
                 .probability = 0.2,
                 .text = "time:2ms/8ms",
                 .seen = 80,
                 .selected = 16},
                {.kind = WEIR_SELECTOR_RANDOM,
                 .id = 25,
                 .sample = 2,
                 .population = 4,
                 .probability = 0.5,
                 .text = "random:2/4",
                 .seen = 16,
                 .selected = 8},
                {.kind = WEIR_SELECTOR_PROBABILITY,
                 .id = 26,
                 .probability = 0.5,
                 .text = "prob:0.5",
                 .seen = 8,
                 .selected = 4},
                {.kind = WEIR_SELECTOR_HASH,
                 .id = 27,
                 .sample = 1,
                 .population = 2,
                 .probability = 0.5,
                 .hash = {.initialiser = 99, .selected_last = 0x7fffffff, .payload_octets = 16},
                 .text = "hash:1/2",
                 .seen = 4,
                 .selected = 2},
                {.kind = WEIR_SELECTOR_FLOW,
                 .id = 28,
                 .sample = 1,
                 .population = 2,
                 .probability = 0.5,
                 .text = "flow:1/2",
                 .seen = 2,
                 .selected = 1},
            },
    };
}

/* The lines of a destination with these reports and two flows. */
static char *lines_of(void **state, const struct weir_selection_reports *reports)
{
    char path[SCRATCH_PATH_MAX], text[SCRATCH_PATH_MAX + 64];
    const struct weir_report_source source = {.reports = reports->table, .count = reports->count};
    snprintf(text, sizeof(text), "json:%s?options=all", scratch_path(*state, "out.json", path));
    struct weir_url url;
    struct weir_diag diag = {0};
    struct weir_destination *destination;
    assert_int_equal(weir_url_parse(text, &url, &diag), 0);
    if (weir_destination_open_reporting(&url, 5, 1, &source, &destination, &diag) < 0)
        fail_msg("%s", diag.text);
    struct weir_batch_sink sink = weir_destination_sink(destination);
    const struct weir_packet packets[] = {flows_tcp(), flows_udp_v6()};
    flows_of(packets, 2, &sink);
    assert_int_equal(weir_destination_end(destination, &diag), 0);
    assert_int_equal(weir_destination_close(destination, &diag), 0);
    return scratch_text(*state, "out.json");
}

static void assert_in_order(const char *text, const char *const *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(text, wanted[i]);
        if (!found) {
            fail_msg("not there, or not in this order: %s", wanted[i]);
            return;
        }
        text = found + 1;
    }
}
#define ASSERT_IN_ORDER(text, wanted) \
    assert_in_order(text, wanted, sizeof(wanted) / sizeof((wanted)[0]))

static void each_selector_and_the_sequence_are_described(void **state)
{
    struct weir_selection_description selection = all_kinds();
    const struct weir_estimates totals = {.estimate = {8000, 1e6}, .error = {400, 5e4}};
    struct weir_selection_reports reports;
    weir_selection_reports_init(&reports, &selection, &totals);
    char *text = lines_of(state, &reports);
    static const char *const described[] = {
        "\"selectorId\":21,\"selectorAlgorithm\":5,\"selectorName\":\"tcp port 80\"}",
        "\"selectorId\":22,\"selectorAlgorithm\":5,\"selectorName\":\"dst_port=80\"}",
        "\"selectorId\":23,\"selectorAlgorithm\":1,\"samplingPacketInterval\":1,"
        "\"samplingPacketSpace\":9,\"selectorName\":\"count:1/10\"}",
        "\"selectorId\":24,\"selectorAlgorithm\":2,\"samplingTimeInterval\":2000,"
        "\"samplingTimeSpace\":8000,\"selectorName\":\"time:2ms/8ms\"}",
        "\"selectorId\":25,\"selectorAlgorithm\":3,\"samplingSize\":2,\"samplingPopulation\":4,",
        "\"selectorId\":26,\"selectorAlgorithm\":4,\"samplingProbability\":0.5,",
        "\"selectorId\":27,\"selectorAlgorithm\":6,\"hashIPPayloadOffset\":0,"
        "\"hashIPPayloadSize\":16,\"hashOutputRangeMin\":0,\"hashOutputRangeMax\":4294967295,"
        "\"hashSelectedRangeMin\":0,\"hashSelectedRangeMax\":2147483647,"
        "\"hashDigestOutput\":false,\"hashInitialiserValue\":99,",
        "\"selectorId\":28,\"samplingSize\":1,\"samplingPopulation\":2,",
        "\"selectionSequenceId\":7,\"observationDomainId\":5,\"selectorId\":",
        /* Flows, and then what comes at the end. */
        "\"protocolIdentifier\":",
        "\"selectionSequenceId\":7,\"selectorIdTotalPktsObserved\":1000,"
        "\"selectorIdTotalPktsSelected\":",
        "\"selectionSequenceId\":7,\"estimatedPacketTotalCount\":8000,"
        "\"estimatedOctetTotalCount\":1000000}",
        "\"informationElementId\":310,\"privateEnterpriseNumber\":4294967294,\"absoluteError\":783."
        "9",
        "\"confidenceLevel\":0.95}",
        "\"informationElementId\":311,",
    };
    ASSERT_IN_ORDER(text, described);
    assert_non_null(strstr(text, "\"selectorId#7\":27,\"selectorId#8\":28}"));
    assert_non_null(strstr(
        text, "\"selectorIdTotalPktsSelected#2\":800,\"selectorIdTotalPktsSelected#3\":80,"));
    assert_null(strstr(text, "\"samplingAlgorithm\""));
    free(text);
}

static void without_selectors_there_is_nothing_to_say(void **state)
{
    (void)state;
    const struct weir_selection_description all = {.sequence_id = 1};
    const struct weir_flow_selection_description all_flows = {0};
    struct weir_selection_reports reports;
    weir_selection_reports_init(&reports, &all, NULL);
    assert_int_equal(reports.count, 0);
    weir_flow_selection_reports_init(&reports, &all_flows, 1);
    assert_int_equal(reports.count, 0);
}

static void filters_sample_nothing(void **state)
{
    struct weir_selection_description selection = all_kinds();
    const struct weir_estimates estimates = {0};
    struct weir_selection_reports reports;
    selection.count = 2;
    weir_selection_reports_init(&reports, &selection, &estimates);
    char *text = lines_of(state, &reports);
    static const char *const described[] = {"\"selectorName\":\"tcp port 80\"",
                                            "\"selectorIdTotalPktsSelected#2\":800"};
    ASSERT_IN_ORDER(text, described);
    assert_null(strstr(text, "estimated"));
    assert_null(strstr(text, "absoluteError"));
    for (unsigned i = 0; i < reports.count; i++)
        assert_false(weir_report_is_carried(&reports.table[i], WEIR_PROTOCOL_NETFLOW9));
    free(text);
}

/* One interval for the whole chain, in the only report that NetFlow v9 has of it. */
static void netflow9_is_told_one_interval(void **state)
{
    (void)state;
    struct weir_selection_description selection = all_kinds();
    struct weir_selection_reports reports;
    static const struct {
        unsigned first, count;
        uint8_t interval, algorithm;
    } cases[] = {{0, 3, 10, 1}, {2, 2, 50, 1}, {2, 3, 100, 2}, {4, 1, 2, 2}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_selection_description part = selection;
        part.count = cases[i].count;
        memmove(part.selectors, part.selectors + cases[i].first,
                part.count * sizeof(part.selectors[0]));
        weir_selection_reports_init(&reports, &part, NULL);
        unsigned carried = 0;
        for (unsigned k = 0; k < reports.count; k++) {
            const struct weir_report *report = &reports.table[k];
            uint8_t octets[WEIR_REPORT_OCTETS_MAX];
            uint64_t previous[WEIR_REPORT_DELTAS_MAX] = {0};
            if (!weir_report_is_carried(report, WEIR_PROTOCOL_NETFLOW9))
                continue;
            carried++;
            assert_false(report->is_statistics);
            size_t length =
                weir_report_encode(report, WEIR_PROTOCOL_NETFLOW9, 9,
                                   report->values(report->context, 0), previous, octets);
            const uint8_t wanted[] = {0, 0, 0, 9, 0, 0, 0, cases[i].interval, cases[i].algorithm};
            assert_int_equal(length, sizeof(wanted));
            assert_memory_equal(octets, wanted, sizeof(wanted));
        }
        assert_int_equal(carried, 1);
    }
}

static void flow_selectors_are_described(void **state)
{
    struct weir_flow_selection_description selection = {
        .count = 7,
        .selectors =
            {
                {.kind = WEIR_FLOW_SELECTOR_COUNT,
                 .id = 1,
                 .sample = 1,
                 .population = 4,
                 .text = "count:1/4",
                 .seen = {100, 1, 1},
                 .selected = {25, 1, 1}},
                {.kind = WEIR_FLOW_SELECTOR_TIME,
                 .id = 2,
                 .sample = 1000000,
                 .population = 4000000,
                 .text = "time:1ms/3ms"},
                {.kind = WEIR_FLOW_SELECTOR_RANDOM,
                 .id = 3,
                 .sample = 1,
                 .population = 8,
                 .text = "random:1/8"},
                {.kind = WEIR_FLOW_SELECTOR_PROBABILITY,
                 .id = 4,
                 .probability = 0.25,
                 .text = "prob:0.25"},
                {.kind = WEIR_FLOW_SELECTOR_MATCH, .id = 5, .text = "match:port 80"},
                {.kind = WEIR_FLOW_SELECTOR_HASH,
                 .id = 6,
                 .sample = 1,
                 .population = 4,
                 .text = "hash:1/4"},
                {.kind = WEIR_FLOW_SELECTOR_THRESHOLD,
                 .id = 7,
                 .threshold = 1000000,
                 .text = "threshold:bytes=1M",
                 .seen = {3, 1, 1},
                 .selected = {2, 30, 4000}},
            },
    };
    struct weir_selection_reports reports;
    weir_flow_selection_reports_init(&reports, &selection, 2);
    char *text = lines_of(state, &reports);
    static const char *const described[] = {
        "\"selectorId\":65537,\"flowSelectorAlgorithm\":1,\"samplingFlowInterval\":1,"
        "\"samplingFlowSpacing\":3,\"selectorName\":\"count:1/4\"}",
        "\"selectorId\":65538,\"flowSelectorAlgorithm\":2,\"flowSamplingTimeInterval\":1000,"
        "\"flowSamplingTimeSpacing\":3000,",
        "\"selectorId\":65539,\"flowSelectorAlgorithm\":3,\"samplingSize\":1,"
        "\"samplingPopulation\":8,",
        "\"selectorId\":65540,\"flowSelectorAlgorithm\":4,\"samplingProbability\":0.25,",
        "\"selectorId\":65541,\"flowSelectorAlgorithm\":5,\"selectorName\":\"match:port 80\"}",
        "\"selectorId\":65542,\"flowSelectorAlgorithm\":6,\"hashFlowDomain\":8,"
        "\"hashFlowDomain#2\":12,\"hashFlowDomain#3\":7,\"hashFlowDomain#4\":11,"
        "\"hashFlowDomain#5\":4,"
        "\"hashOutputRangeMin\":0,\"hashOutputRangeMax\":4294967295,"
        "\"hashSelectedRangeMin\":0,\"hashSelectedRangeMax\":1073741823,",
        "\"selectorId\":65543,\"flowSelectorAlgorithm\":9,\"flowSelectionThreshold\":1000000,",
        "\"selectionSequenceId\":65538,\"observationDomainId\":5,\"selectorId\":65537,"
        "\"selectorId#2\":65538,",
        "\"selectorId#7\":65543}",
        "\"selectorId\":65537,\"selectorIDTotalFlowsObserved\":100,"
        "\"selectorIDTotalFlowsSelected\":25}",
        "\"selectorId\":65543,\"selectorIDTotalFlowsObserved\":3,"
        "\"selectorIDTotalFlowsSelected\":2}",
        "\"selectionSequenceId\":65538,\"flowSelectedFlowDeltaCount\":2,"
        "\"flowSelectedPacketDeltaCount\":30,\"flowSelectedOctetDeltaCount\":4000}",
    };
    ASSERT_IN_ORDER(text, described);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_selector_and_the_sequence_are_described, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(without_selectors_there_is_nothing_to_say),
        cmocka_unit_test_setup_teardown(filters_sample_nothing, scratch_setup, scratch_teardown),
        cmocka_unit_test(netflow9_is_told_one_interval),
        cmocka_unit_test_setup_teardown(flow_selectors_are_described, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests_name("selection_reports", tests, NULL, NULL);
}
