/* SPDX-License-Identifier: Apache-2.0 */
/* The loss ledger: received - duplicate + lost + unknown = sent, whatever the network does. */
#include "support/cmocka.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "collect/sequence.h"

#define LEAP (1u << 24)

static struct weir_sequence_header header_of(uint32_t number, int64_t second)
{
    return (struct weir_sequence_header){
        .number = number,
        .leap = LEAP,
        .export_time_ns = second * WEIR_NS_PER_SECOND,
    };
}

static void receive(struct weir_sequence *sequence, uint32_t number, uint32_t units, int64_t second)
{
    struct weir_sequence_header header = header_of(number, second);
    weir_sequence_begin(sequence, &header);
    weir_sequence_end(sequence, units, 0);
}

static void test_first_message_sets_it(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 4000000000u, 30, 1);
    receive(&sequence, 4000000030u, 30, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.restarts, 0);
}

static void test_gap_is_lost_until_it_is_filled(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 40, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 30);
    receive(&sequence, 20, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 20);
    receive(&sequence, 10, 10, 1);
    receive(&sequence, 30, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.late_messages, 3);
    assert_int_equal(sequence.duplicate_messages, 0);
}

static void test_gap_across_the_wrap(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, UINT32_MAX - 4, 2, 1);
    receive(&sequence, 5, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 8);
    receive(&sequence, UINT32_MAX - 2, 8, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
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
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.duplicate_messages, 2);
    assert_int_equal(sequence.duplicate_units, 20);
}

static void test_template_message_is_never_a_duplicate(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 100, 20, 1);
    receive(&sequence, 100, 0, 1);
    assert_int_equal(sequence.duplicate_messages, 0);
    assert_int_equal(sequence.late_messages, 0);
}

static void test_overtaken_first_message(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 20, 10, 1);
    receive(&sequence, 0, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 10);
    receive(&sequence, 10, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.duplicate_messages, 0);
}

static void test_restart_by_time(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 500, 10, 10);
    receive(&sequence, 0, 10, 11);
    receive(&sequence, 10, 10, 11);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.restarts, 1);
    assert_int_equal(sequence.duplicate_messages, 0);
}

static void test_restart_by_distance(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 3000000000u, 10, 1);
    receive(&sequence, 20000000, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.restarts, 2);
}

static void test_loss_before_a_restart_stays(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive(&sequence, 0, 10, 1);
    receive(&sequence, 30, 10, 1);
    receive(&sequence, 3000000000u, 10, 2);
    assert_int_equal(weir_sequence_lost(&sequence), 20);
}

static void receive_uptime(struct weir_sequence *sequence, uint32_t number, int64_t second,
                           uint32_t uptime_ms)
{
    struct weir_sequence_header header = header_of(number, second);
    header.uptime_ms = uptime_ms;
    header.has_uptime = true;
    weir_sequence_begin(sequence, &header);
    weir_sequence_end(sequence, 1, 0);
}

static void test_restart_by_uptime(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, 900000);
    receive_uptime(&sequence, 11, 1001, 901000);
    /* The new count is ahead of the old one: only sysUpTime tells. */
    receive_uptime(&sequence, 700, 1061, 1000);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(sequence.restarts, 1);
}

static void test_wrap_of_uptime_is_no_restart(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, UINT32_MAX - 500);
    receive_uptime(&sequence, 15, 1001, 500);
    assert_int_equal(weir_sequence_lost(&sequence), 4);
    assert_int_equal(sequence.restarts, 0);
}

static void test_step_of_the_clock_is_no_restart(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    receive_uptime(&sequence, 10, 1000, 900000);
    receive_uptime(&sequence, 15, 5000, 901000);
    assert_int_equal(weir_sequence_lost(&sequence), 4);
    assert_int_equal(sequence.restarts, 0);
}

static void test_number_that_never_moves(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    for (int64_t second = 0; second < 100; second++)
        receive(&sequence, 0, 25, second);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
}

static void test_sets_without_template_are_unknown(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    struct weir_sequence_header header = header_of(0, 1);
    weir_sequence_begin(&sequence, &header);
    weir_sequence_end(&sequence, 5, 100);
    receive(&sequence, 25, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(weir_sequence_unknown(&sequence), 20);
    /* Past what the octets can hold it is lost. */
    header = header_of(35, 1);
    weir_sequence_begin(&sequence, &header);
    weir_sequence_end(&sequence, 0, 100);
    receive(&sequence, 235, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 100);
    assert_int_equal(weir_sequence_unknown(&sequence), 120);
}

static void test_unknown_becomes_received_or_lost(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    struct weir_sequence_header header = header_of(0, 1);
    weir_sequence_begin(&sequence, &header);
    weir_sequence_end(&sequence, 0, 400);
    /* 20 records were in it, 5 more got lost; then their Template comes. */
    header = header_of(25, 1);
    weir_sequence_begin(&sequence, &header);
    assert_int_equal(weir_sequence_unknown(&sequence), 25);
    weir_sequence_waited(&sequence, 20);
    assert_int_equal(weir_sequence_unknown(&sequence), 5);
    weir_sequence_resolved(&sequence);
    weir_sequence_end(&sequence, 0, 0);
    assert_int_equal(weir_sequence_unknown(&sequence), 0);
    assert_int_equal(weir_sequence_lost(&sequence), 5);
}

static void test_waited_before_the_next_message(void **state)
{
    (void)state;
    struct weir_sequence sequence = {0};
    struct weir_sequence_header header = header_of(0, 1);
    weir_sequence_begin(&sequence, &header);
    weir_sequence_end(&sequence, 0, 400);
    weir_sequence_waited(&sequence, 20);
    weir_sequence_resolved(&sequence);
    receive(&sequence, 20, 10, 1);
    assert_int_equal(weir_sequence_lost(&sequence), 0);
    assert_int_equal(weir_sequence_unknown(&sequence), 0);
    assert_int_equal(sequence.duplicate_units, 0);
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
            struct weir_sequence_header header = header_of(plan[i].number, plan[i].second);
            weir_sequence_begin(&sequence, &header);
            weir_sequence_end(&sequence, plan[i].units - plan[i].hidden, plan[i].hidden * 20);
            received += plan[i].units - plan[i].hidden;
            copies += copy > 0 ? plan[i].units - plan[i].hidden : 0;
        }
        hidden += plan[i].copies ? plan[i].hidden : 0;
    }
    uint64_t lost = weir_sequence_lost(&sequence), unknown = weir_sequence_unknown(&sequence);
    assert_int_equal(received - sequence.duplicate_units + lost + unknown, sent);
    assert_int_equal(sequence.restarts, 0);
    if (!with_hidden) {
        assert_int_equal(sequence.duplicate_units, copies);
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
            struct weir_sequence_header header = header_of(plan[i].number, plan[i].second);
            weir_sequence_begin(&sequence, &header);
            weir_sequence_end(&sequence, plan[i].units - plan[i].hidden, plan[i].hidden * 20);
        }
        for (unsigned i = 0; i < MESSAGES; i++)
            if (plan[i].copies)
                weir_sequence_waited(&sequence, plan[i].hidden);
        weir_sequence_resolved(&sequence);
        assert_int_equal(weir_sequence_unknown(&sequence), 0);
        assert_int_equal(weir_sequence_lost(&sequence), dropped);
        assert_int_equal(sequence.duplicate_units, 0);
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
        cmocka_unit_test(test_waited_before_the_next_message),
        cmocka_unit_test(test_plans_by_records),
        cmocka_unit_test(test_plans_by_messages),
        cmocka_unit_test(test_plans_with_unknown_templates),
        cmocka_unit_test(test_plans_decoded_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
