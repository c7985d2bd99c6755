/* SPDX-License-Identifier: Apache-2.0 */
/* The loss ledger: received - duplicate + lost + unknown = sent, whatever the network does. */
#include "support/cmocka.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "collect/sequence.h"

/* A message of `units` records and, under Templates nobody knows, at most `slack` more. */
static void take(struct weir_sequence *sequence, uint32_t number, uint32_t units, uint32_t slack,
                 int64_t second)
{
    struct weir_sequence_message message = {
        .counting = WEIR_SEQUENCE_BEFORE,
        .number = number,
        .held.flows = units,
        .slack = slack,
        .export_time_ns = second * WEIR_NS_PER_SECOND,
    };
    weir_sequence_take(sequence, &message);
}

static void receive(struct weir_sequence *sequence, uint32_t number, uint32_t units, int64_t second)
{
    take(sequence, number, units, 0, second);
}

/* A message with the Template that others waited for. */
static void receive_waited(struct weir_sequence *sequence, uint32_t number, uint32_t units,
                           bool is_resolved)
{
    struct weir_sequence_message message = {
        .counting = WEIR_SEQUENCE_BEFORE,
        .number = number,
        .waited.flows = units,
        .is_resolved = is_resolved,
        .export_time_ns = 1100 * WEIR_NS_PER_SECOND,
    };
    weir_sequence_take(sequence, &message);
}

static void test_first_message_sets_it(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 4000000000u, 30, 1);
    receive(&sequence, 4000000030u, 30, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.restarts, 0);
}

static void test_gap_is_lost_until_it_is_filled(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 40, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 30);
    receive(&sequence, 20, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 20);
    receive(&sequence, 10, 10, 1);
    receive(&sequence, 30, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.late_messages, 3);
    assert_int_equal(sequence.ledger.duplicate_messages, 0);
}

static void test_gap_across_the_wrap(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, UINT32_MAX - 4, 2, 1);
    receive(&sequence, 5, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 8);
    receive(&sequence, UINT32_MAX - 2, 8, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
}

static void test_duplicate_is_no_loss(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 10, 10, 1);
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 10, 10, 1);
    receive(&sequence, 20, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.duplicate_messages, 2);
    assert_int_equal(sequence.ledger.duplicate_units, 20);
}

static void test_template_message_is_never_a_duplicate(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 100, 20, 1);
    receive(&sequence, 100, 0, 1);
    assert_int_equal(sequence.ledger.duplicate_messages, 0);
    assert_int_equal(sequence.ledger.late_messages, 0);
}

static void test_overtaken_first_message(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 20, 10, 1);
    receive(&sequence, 0, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 10);
    receive(&sequence, 10, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.duplicate_messages, 0);
}

static void test_restart_by_time(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 500, 10, 10);
    receive(&sequence, 0, 10, 11);
    receive(&sequence, 10, 10, 11);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.restarts, 1);
    assert_int_equal(sequence.ledger.duplicate_messages, 0);
}

static void test_restart_by_distance(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 3000000000u, 10, 1);
    receive(&sequence, 20000000, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.restarts, 2);
}

static void test_loss_before_a_restart_stays(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 30, 10, 1);
    receive(&sequence, 3000000000u, 10, 2);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 20);
}

static void receive_uptime(struct weir_sequence *sequence, uint32_t number, int64_t second,
                           uint32_t uptime_ms)
{
    struct weir_sequence_message message = {
        .counting = WEIR_SEQUENCE_OF_MESSAGES,
        .number = number,
        .export_time_ns = second * WEIR_NS_PER_SECOND,
        .uptime_ms = uptime_ms,
        .has_uptime = true,
    };
    weir_sequence_take(sequence, &message);
}

static void test_restart_by_uptime(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, 900000);
    receive_uptime(&sequence, 11, 1001, 901000);
    /* The new count is ahead of the old one: only sysUpTime tells. */
    receive_uptime(&sequence, 700, 1061, 1000);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.restarts, 1);
}

static void test_wrap_of_uptime_is_no_restart(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, UINT32_MAX - 500);
    receive_uptime(&sequence, 15, 1001, 500);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 4);
    assert_int_equal(sequence.ledger.restarts, 0);
}

static void test_step_of_the_clock_is_no_restart(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, 900000);
    receive_uptime(&sequence, 15, 5000, 901000);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 4);
    assert_int_equal(sequence.ledger.restarts, 0);
}

static void test_number_that_never_moves(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    for (int64_t second = 0; second < 100; second++)
        receive(&sequence, 0, 25, second);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
}

static void test_sets_without_template_are_unknown(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    take(&sequence, 0, 5, 100, 1);
    receive(&sequence, 25, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 20);
    /* Past what the octets can hold it is lost. */
    take(&sequence, 35, 0, 100, 1);
    receive(&sequence, 235, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 100);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 120);
}

static void test_unknown_becomes_received_or_lost(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    take(&sequence, 0, 0, 400, 1);
    /* 20 records were in it, 5 more got lost; then their Template comes. */
    receive(&sequence, 25, 0, 1);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 25);
    receive_waited(&sequence, 25, 20, false);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 5);
    receive_waited(&sequence, 25, 0, true);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 0);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 5);
}

static void test_waited_until_the_next_message(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    take(&sequence, 0, 0, 400, 1);
    receive_waited(&sequence, 20, 20, true);
    receive(&sequence, 20, 10, 1);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), 0);
    assert_int_equal(weir_ledger_unknown(&sequence.ledger), 0);
    assert_int_equal(sequence.ledger.duplicate_units, 0);
}

/* Messages of these units, numbered and taken for numbered as said; every tenth is lost. */
static uint64_t count_as(enum weir_sequence_counting sent, enum weir_sequence_counting prescribed,
                         struct weir_sequence *ret_sequence)
{
    struct weir_random random = {7};
    struct weir_sequence sequence = {0};
    uint32_t flows = 0, options = 0;
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < 500; i++) {
        struct weir_sequence_records held = {weir_random_below(&random, 30) + (i < 5 ? 2 * i : 0),
                                             i % 16 == 9 ? 1 : 0};
        const uint32_t numbers[WEIR_SEQUENCE_COUNTINGS] = {
            [WEIR_SEQUENCE_BEFORE] = flows + options,
            [WEIR_SEQUENCE_WITH] = flows + options + held.flows + held.options,
            [WEIR_SEQUENCE_BEFORE_FLOWS] = flows,
            [WEIR_SEQUENCE_WITH_FLOWS] = flows + held.flows,
            [WEIR_SEQUENCE_OF_MESSAGES] = i,
        };
        bool with_options = sent == WEIR_SEQUENCE_BEFORE || sent == WEIR_SEQUENCE_WITH;
        struct weir_sequence_message message = {
            .counting = prescribed,
            .number = numbers[sent],
            .held = held,
            .export_time_ns = i / 7 * WEIR_NS_PER_SECOND,
        };
        flows += held.flows;
        options += held.options;
        if (i < 20 || i % 10 != 0)
            weir_sequence_take(&sequence, &message);
        else if (sent == WEIR_SEQUENCE_OF_MESSAGES)
            dropped++;
        else
            dropped += held.flows + (with_options ? held.options : 0);
    }
    *ret_sequence = sequence;
    return dropped;
}

static void test_ways_of_counting_are_learned(void **state)
{
    (void)state;
    for (unsigned sent = 0; sent < WEIR_SEQUENCE_COUNTINGS; sent++)
        for (unsigned prescribed = 0; prescribed < WEIR_SEQUENCE_COUNTINGS; prescribed++) {
            struct weir_sequence sequence;
            uint64_t dropped = count_as((enum weir_sequence_counting)sent,
                                        (enum weir_sequence_counting)prescribed, &sequence);
            assert_int_equal(sequence.counting, sent);
            assert_int_equal(weir_ledger_lost(&sequence.ledger), dropped);
            assert_int_equal(sequence.ledger.restarts, 0);
            assert_int_equal(sequence.ledger.duplicate_messages, 0);
        }
}

static void test_who_counts_well_is_believed_for_ever(void **state)
{
    (void)state;
    struct weir_sequence known = {0}, unknown = {0};
    receive(&known, 0, 10, 1);
    receive(&known, 10, 20, 1);
    receive(&known, 30, 5, 1);
    for (uint32_t i = 0; i < 20; i++) {
        receive(&known, 35 + i, 10, 1);
        receive(&unknown, 35 + i, 10, 1);
    }
    assert_int_equal(known.counting, WEIR_SEQUENCE_BEFORE);
    assert_int_equal(unknown.counting, WEIR_SEQUENCE_OF_MESSAGES);
}

static void test_another_file_may_count_in_another_way(void **state)
{
    (void)state;
    struct weir_sequence sequence;
    count_as(WEIR_SEQUENCE_WITH, WEIR_SEQUENCE_BEFORE, &sequence);
    uint64_t lost = weir_ledger_lost(&sequence.ledger);
    weir_sequence_restart(&sequence);
    receive(&sequence, 0, 10, 100);
    receive(&sequence, 10, 20, 100);
    receive(&sequence, 30, 5, 100);
    assert_int_equal(weir_ledger_lost(&sequence.ledger), lost);
    assert_int_equal(sequence.counting, WEIR_SEQUENCE_BEFORE);
}

struct sent {
    uint32_t number;
    uint32_t units;
    uint32_t hidden; /* of the units: in sets without Template */
    int64_t second;
    unsigned place;  /* messages arrive in the order of their places */
    unsigned copies; /* 0: dropped */
};

static int by_place(const void *a, const void *b)
{
    const struct sent *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

enum { MESSAGES = 400 };

/* Messages as the network might treat them: the first and the last arrive, in their places. */
static uint64_t make_plan(struct weir_random *random, bool by_message, bool with_hidden,
                          struct sent plan[MESSAGES])
{
    uint32_t number = (uint32_t)weir_random_next(random);
    uint64_t sent = 0;
    for (unsigned i = 0; i < MESSAGES; i++) {
        bool at_end = i == 0 || i == MESSAGES - 1;
        uint32_t units = by_message ? 1 : weir_random_below(random, 40);
        uint32_t hidden = with_hidden && weir_random_below(random, 8) == 0
                              ? weir_random_below(random, units + 1)
                              : 0;
        uint32_t fate = weir_random_below(random, 20);
        plan[i] = (struct sent){
            .number = number,
            .units = units,
            .hidden = at_end ? 0 : hidden,
            .second = 1000 + i / 50,
            .place = i * 4,
            .copies = fate == 0   ? 0
                      : fate == 1 ? 2
                                  : 1,
        };
        if (at_end)
            plan[i].copies = 1;
        else if (weir_random_below(random, 6) == 0)
            plan[i].place += 4 * weir_random_below(random, 6) + 1;
        if (plan[i].place >= (MESSAGES - 1) * 4)
            plan[i].place = (MESSAGES - 1) * 4 - 1;
        number += units;
        sent += units;
    }
    qsort(plan, MESSAGES, sizeof(plan[0]), by_place);
    return sent;
}

static void run_plan(uint64_t seed, bool by_message, bool with_hidden)
{
    struct weir_random random = {seed};
    struct sent plan[MESSAGES];
    uint64_t sent = make_plan(&random, by_message, with_hidden, plan);
    struct weir_sequence sequence = {0};
    uint64_t received = 0, dropped = 0, copies = 0, hidden = 0;
    for (unsigned i = 0; i < MESSAGES; i++) {
        if (plan[i].copies == 0)
            dropped += plan[i].units;
        for (unsigned copy = 0; copy < plan[i].copies; copy++) {
            take(&sequence, plan[i].number, plan[i].units - plan[i].hidden, plan[i].hidden * 20,
                 plan[i].second);
            received += plan[i].units - plan[i].hidden;
            copies += copy > 0 ? plan[i].units - plan[i].hidden : 0;
        }
        hidden += plan[i].copies ? plan[i].hidden : 0;
    }
    uint64_t lost = weir_ledger_lost(&sequence.ledger),
             unknown = weir_ledger_unknown(&sequence.ledger);
    assert_int_equal(received - sequence.ledger.duplicate_units + lost + unknown, sent);
    assert_int_equal(sequence.ledger.restarts, 0);
    if (!with_hidden) {
        assert_int_equal(sequence.ledger.duplicate_units, copies);
        assert_int_equal(lost, dropped);
        assert_int_equal(unknown, 0);
    } else {
        assert_true(unknown >= hidden);
        assert_true(lost <= dropped);
    }
}

static void test_plans_by_records(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run_plan(seed, false, false);
}

static void test_plans_by_messages(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run_plan(seed, true, false);
}

static void test_plans_with_unknown_templates(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run_plan(seed, false, true);
}

/* Without copies: every set that waited is decoded in the end, and all that lacks is lost. */
static void test_plans_decoded_late(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct weir_random random = {seed};
        struct sent plan[MESSAGES];
        make_plan(&random, false, true, plan);
        struct weir_sequence sequence = {0};
        uint64_t dropped = 0;
        for (unsigned i = 0; i < MESSAGES; i++) {
            if (plan[i].copies == 0) {
                dropped += plan[i].units;
                continue;
            }
            take(&sequence, plan[i].number, plan[i].units - plan[i].hidden, plan[i].hidden * 20,
                 plan[i].second);
        }
        uint32_t hidden = 0;
        for (unsigned i = 0; i < MESSAGES; i++)
            hidden += plan[i].copies ? plan[i].hidden : 0;
        receive_waited(&sequence, plan[MESSAGES - 1].number + plan[MESSAGES - 1].units, hidden,
                       true);
        assert_int_equal(weir_ledger_unknown(&sequence.ledger), 0);
        assert_int_equal(weir_ledger_lost(&sequence.ledger), dropped);
        assert_int_equal(sequence.ledger.duplicate_units, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_message_sets_it),
        cmocka_unit_test(test_gap_is_lost_until_it_is_filled),
        cmocka_unit_test(test_gap_across_the_wrap),
        cmocka_unit_test(test_duplicate_is_no_loss),
        cmocka_unit_test(test_template_message_is_never_a_duplicate),
        cmocka_unit_test(test_overtaken_first_message),
        cmocka_unit_test(test_restart_by_time),
        cmocka_unit_test(test_restart_by_distance),
        cmocka_unit_test(test_loss_before_a_restart_stays),
        cmocka_unit_test(test_restart_by_uptime),
        cmocka_unit_test(test_wrap_of_uptime_is_no_restart),
        cmocka_unit_test(test_step_of_the_clock_is_no_restart),
        cmocka_unit_test(test_number_that_never_moves),
        cmocka_unit_test(test_sets_without_template_are_unknown),
        cmocka_unit_test(test_unknown_becomes_received_or_lost),
        cmocka_unit_test(test_waited_until_the_next_message),
        cmocka_unit_test(test_ways_of_counting_are_learned),
        cmocka_unit_test(test_who_counts_well_is_believed_for_ever),
        cmocka_unit_test(test_another_file_may_count_in_another_way),
        cmocka_unit_test(test_plans_by_records),
        cmocka_unit_test(test_plans_by_messages),
        cmocka_unit_test(test_plans_with_unknown_templates),
        cmocka_unit_test(test_plans_decoded_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
