/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/selection.h"

#include "support/cmocka.h"

#include <math.h>
#include <string.h>

#define ROUND 256u

static struct weir_selector parse(const char *text)
{
    struct weir_selector selector;
    struct weir_diag diag = {0};
    if (weir_selector_parse_sample(text, &selector, &diag) < 0)
        fail_msg("%s: %s", text, diag.text);
    selector.id = 1;
    return selector;
}

static struct weir_stage make(const char *text, uint64_t seed)
{
    static struct weir_flow_part part;
    struct weir_flow_definition definition = weir_flow_definition_5_tuple();
    struct weir_selector selector = parse(text);
    struct weir_diag diag = {0};
    struct weir_stage sampler;
    assert_int_equal(weir_flow_part_of(&definition, 1, &part, &diag), 0);
    weir_stage_init(&sampler, &selector,
                    &(struct weir_stage_config){.seed = seed, .flow_part = &part});
    return sampler;
}

/* Shows it `count` packets, 1 ms apart from `start_ns` on, and notes which it selects. */
static size_t show(struct weir_stage *sampler, size_t count, int64_t start_ns, uint8_t *chosen)
{
    size_t total = 0;
    memset(chosen, 0, count);
    for (size_t first = 0; first < count; first += ROUND) {
        int64_t times[ROUND];
        uint16_t kept[ROUND];
        size_t size = count - first < ROUND ? count - first : ROUND;
        for (size_t i = 0; i < size; i++) {
            times[i] = start_ns + (int64_t)(first + i) * WEIR_NS_PER_MS;
            kept[i] = (uint16_t)i;
        }
        struct weir_selection_items items = {.time_ns = times};
        size_t selected = weir_stage_run(sampler, &items, kept, size);
        for (size_t i = 0; i < selected; i++)
            chosen[first + kept[i]] = 1;
        total += selected;
    }
    assert_int_equal(sampler->selector.seen, count);
    assert_int_equal(sampler->selector.selected, total);
    return total;
}

static uint8_t chosen[100000];

static void every_nth_packet_is_counted_across_rounds(void **state)
{
    (void)state;
    struct weir_stage sampler = make("count:3/10", 0);
    size_t total = show(&sampler, 10007, 0, chosen);
    assert_int_equal(total, 3003);
    for (size_t i = 0; i < 10007; i++)
        assert_int_equal(chosen[i], i % 10 < 3);
    sampler = make("count:1/1", 0);
    assert_int_equal(show(&sampler, 777, 0, chosen), 777);
    sampler = make("count:1/1000", 0);
    show(&sampler, 5001, 0, chosen);
    for (size_t i = 0; i < 5001; i++)
        assert_int_equal(chosen[i], i % 1000 == 0);
}

static void a_seed_moves_the_beginning_and_nothing_else(void **state)
{
    (void)state;
    bool differs = false;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct weir_stage sampler = make("count:2/7", seed);
        show(&sampler, 700, 0, chosen);
        size_t begin = 0;
        while (!chosen[begin] || (begin == 0 && chosen[6]))
            begin++;
        for (size_t i = begin; i < 700; i++)
            assert_int_equal(chosen[i], (i - begin) % 7 < 2);
        differs |= begin != 0;
    }
    assert_true(differs);
}

static void time_decides_by_the_clock(void **state)
{
    (void)state;
    struct weir_stage sampler = make("time:10ms/90ms", 0);
    assert_true(sampler.selector.probability == 0.1);
    show(&sampler, 1000, 42 * WEIR_NS_PER_SECOND, chosen);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(chosen[i], i % 100 < 10);
    /* Times before 1970, and going back, are of their own periods. */
    sampler = make("time:10ms/90ms", 0);
    show(&sampler, 1000, -WEIR_NS_PER_SECOND, chosen);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(chosen[i], i % 100 < 10);
    int64_t times[] = {
        5, 100 * WEIR_NS_PER_MS, 7 * WEIR_NS_PER_MS, 55 * WEIR_NS_PER_MS, INT64_MIN, INT64_MAX};
    uint16_t kept[] = {0, 1, 2, 3};
    struct weir_selection_items items = {.time_ns = times};
    assert_int_equal(weir_stage_run(&sampler, &items, kept, 4), 3);
    assert_int_equal(kept[2], 2);
    uint16_t extremes[] = {4, 5};
    assert_true(weir_stage_run(&sampler, &items, extremes, 2) <= 2);
}

static void n_of_every_n_are_chosen(void **state)
{
    (void)state;
    struct weir_stage sampler = make("random:3/20", 5);
    size_t at_place[20] = {0};
    assert_int_equal(show(&sampler, 100000, 0, chosen), 15000);
    for (size_t block = 0; block < 5000; block++) {
        unsigned taken = 0;
        for (size_t i = 0; i < 20; i++) {
            taken += chosen[block * 20 + i];
            at_place[i] += chosen[block * 20 + i];
        }
        assert_int_equal(taken, 3);
    }
    /* Chi-square over the places, 19 degrees of freedom: 43.8 is passed once in 1000. */
    double chi = 0;
    for (size_t i = 0; i < 20; i++)
        chi += pow((double)at_place[i] - 750, 2) / (750 * 0.85);
    assert_true(chi * 19 / 20 < 43.8);
    assert_true(chi > 3);
}

static void each_packet_has_the_probability(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double probability;
    } rows[] = {{"prob:0.25", 0.25}, {"prob:1%", 0.01}, {"prob:1/3", 1.0 / 3}, {"prob:1", 1}};
    for (size_t i = 0; i < 4; i++) {
        struct weir_stage sampler = make(rows[i].text, 11);
        double p = rows[i].probability;
        assert_true(fabs(sampler.selector.probability - p) < 1e-12);
        double total = (double)show(&sampler, 100000, 0, chosen);
        assert_true(fabs(total - 100000 * p) <= 4 * sqrt(100000 * p * (1 - p)));
        /* Neighbours are independent: the pairs are as many as chance makes. */
        double pairs = 0;
        for (size_t k = 1; k < 100000; k++)
            pairs += chosen[k] & chosen[k - 1];
        assert_true(fabs(pairs - 100000 * p * p) <= 6 * sqrt(100000 * p * p * (1 - p * p)) + 1);
    }
}

static void streams_and_selectors_draw_for_themselves(void **state)
{
    (void)state;
    static uint8_t other[1000];
    struct weir_selector selector = parse("prob:0.5");
    struct weir_stage sampler;
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.seed = 3});
    show(&sampler, 1000, 0, chosen);
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.seed = 3});
    show(&sampler, 1000, 0, other);
    assert_memory_equal(chosen, other, 1000);
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.seed = 3, .stream = 1});
    show(&sampler, 1000, 0, other);
    assert_memory_not_equal(chosen, other, 1000);
    selector.id = 2;
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.seed = 3});
    show(&sampler, 1000, 0, other);
    assert_memory_not_equal(chosen, other, 1000);
}

/* Known answers: the function as RFC 5475 prints it, compiled and run. */
static void bob_gives_the_values_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint32_t initialiser;
        uint32_t hash;
    } rows[] = {
        {0, 0x00000000, 0xbd49d10d},  {1, 0x00000000, 0x9e34cd8a},  {7, 0x00000001, 0x25106b97},
        {8, 0x12345678, 0xe721b9e6},  {11, 0x00000000, 0xf9df30c5}, {12, 0x00000000, 0x80c4706d},
        {13, 0xffffffff, 0xdb2d79de}, {24, 0x00000005, 0x2c59d453}, {28, 0x00000063, 0x481c8d9b},
        {35, 0x00000000, 0x394c334b}, {64, 0x00000007, 0xf4186d0e},
    };
    uint8_t octets[64];
    for (unsigned i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(i * 37 + 11);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(weir_bob_hash(octets, rows[i].length, rows[i].initialiser), rows[i].hash);
}

/* An IPv4 packet with `payload` octets of payload that tell it from others. */
struct datagram {
    uint8_t octets[60];
    struct weir_packet_content content;
};

static void make_datagram(struct datagram *datagram, uint32_t number, size_t payload)
{
    *datagram = (struct datagram){
        .octets = {0x45, 0, 0, 60, (uint8_t)(number >> 8), (uint8_t)number, 0x40, 0, 64, 17}};
    datagram->octets[12] = 10;
    datagram->octets[16] = 192;
    datagram->octets[20] = (uint8_t)(number >> 16);
    datagram->content = (struct weir_packet_content){datagram->octets, datagram->octets + 20,
                                                     datagram->octets + 20 + payload};
}

static bool is_chosen(struct weir_stage *sampler, const struct datagram *datagram)
{
    struct weir_selection_items items = {.contents = &datagram->content};
    uint16_t kept[] = {0};
    return weir_stage_run(sampler, &items, kept, 1) == 1;
}

static void hashing_looks_at_what_does_not_change_on_the_way(void **state)
{
    (void)state;
    struct datagram datagram;
    size_t total = 0, moved = 0, cut = 0;
    struct weir_stage sampler = make("hash:1/10", 99), again = make("hash:1/10", 99);
    struct weir_stage other = make("hash:1/10", 100);
    assert_int_equal(sampler.selector.hash.initialiser, 99);
    for (uint32_t i = 0; i < 20000; i++) {
        make_datagram(&datagram, i, 40);
        bool is = is_chosen(&sampler, &datagram);
        total += is;
        datagram.octets[1] = 0xb8; /* ToS, TTL and checksum do change */
        datagram.octets[8] = 63;
        datagram.octets[10] = 77;
        assert_int_equal(is_chosen(&again, &datagram), is);
        moved += is && is_chosen(&other, &datagram);
        /* Octets past the 16 that are hashed have no part in it. */
        make_datagram(&datagram, i, 16);
        assert_int_equal(is_chosen(&again, &datagram), is);
        make_datagram(&datagram, i, 15);
        cut += is_chosen(&again, &datagram) == is;
    }
    assert_true(fabs((double)total - 2000) < 4 * sqrt(1800));
    assert_true(moved < 300); /* of 200 or so by chance */
    assert_true(cut < 17500); /* 16,400 or so by chance */
    /* What is no whole header is not selected. */
    sampler = make("hash:1/1", 0);
    make_datagram(&datagram, 1, 0);
    assert_true(is_chosen(&sampler, &datagram));
    datagram.content.end = datagram.octets + 19;
    assert_false(is_chosen(&sampler, &datagram));
}

static struct weir_packet packet_between(uint32_t a, uint16_t a_port, uint32_t b, uint16_t b_port)
{
    return (struct weir_packet){
        .key = {.src_addr = weir_address_from_v4(a),
                .dst_addr = weir_address_from_v4(b),
                .src_port = a_port,
                .dst_port = b_port,
                .protocol = 6},
    };
}

static bool takes(struct weir_stage *sampler, struct weir_packet packet)
{
    struct weir_selection_items items = {.packets = &packet};
    uint16_t kept[] = {0};
    return weir_stage_run(sampler, &items, kept, 1) == 1;
}

static void flows_are_chosen_whole_in_both_directions(void **state)
{
    (void)state;
    struct weir_stage sampler = make("flow:1/8", 4);
    size_t total = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        struct weir_packet forward = packet_between(i, (uint16_t)(i * 7), ~i, 443);
        bool is = takes(&sampler, forward);
        total += is;
        forward.key.tos = 4;
        assert_int_equal(takes(&sampler, forward), is);
        assert_int_equal(takes(&sampler, packet_between(~i, 443, i, (uint16_t)(i * 7))), is);
    }
    assert_true(fabs((double)total - 2500) < 4 * sqrt(2500 * 7.0 / 8));
}

static void flows_are_what_definitions_have_in_common(void **state)
{
    (void)state;
    struct weir_flow_definition definitions[3];
    struct weir_flow_part part;
    struct weir_diag diag = {0};
    definitions[0] = weir_flow_definition_5_tuple();
    assert_int_equal(weir_flow_definition_parse("keys=src_addr/24,dscp", &definitions[1], &diag),
                     0);
    assert_int_equal(weir_flow_definition_parse("keys=dst_addr", &definitions[2], &diag), 0);
    assert_int_equal(weir_flow_part_of(definitions, 2, &part, &diag), 0);
    assert_false(part.is_symmetric);
    struct weir_selector selector = parse("flow:1/2");
    struct weir_stage sampler;
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.flow_part = &part});
    for (uint32_t i = 0; i < 256; i++) {
        bool is = takes(&sampler, packet_between(i << 8, 1, 2, 3));
        for (uint32_t k = 1; k < 4; k++)
            assert_int_equal(takes(&sampler, packet_between(i << 8 | k, 9, k, 7)), is);
    }
    assert_int_equal(weir_flow_part_of(definitions, 3, &part, &diag), WEIR_E_USAGE);
}

static void what_was_seen_and_selected_is_counted(void **state)
{
    (void)state;
    struct weir_match match;
    struct weir_diag diag = {0};
    struct weir_selector selector = {.kind = WEIR_SELECTOR_MATCH, .probability = 1};
    struct weir_stage sampler;
    assert_int_equal(weir_match_parse("src_port=2,protocol!=17", &match, &diag), 0);
    weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.match = &match});
    const struct weir_packet packets[] = {packet_between(1, 1, 3, 4), packet_between(1, 2, 3, 4)};
    struct weir_selection_items items = {.packets = packets};
    uint16_t kept[] = {0, 1};
    assert_int_equal(weir_stage_run(&sampler, &items, kept, 2), 1);
    assert_int_equal(kept[0], 1);
    assert_int_equal(sampler.selector.seen, 2);
    assert_int_equal(sampler.selector.selected, 1);
    weir_stage_count(&sampler, 5, 4);
    assert_int_equal(sampler.selector.seen, 7);
    assert_int_equal(sampler.selector.selected, 5);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "count",
        "count:",
        "count:5",
        "count:0/5",
        "count:6/5",
        "count:1/x",
        "count:1/5/6",
        "time:1s",
        "time:0s/1s",
        "time:7d/1s",
        "time:1/2",
        "prob:0",
        "prob:1.1",
        "prob:nan",
        "prob:-1",
        "prob:0.5x",
        "hash:1",
        "hash:1/2,x=1",
        "hash:1/2,octets=65",
        "flow:2/1",
        "sometimes:1/2",
        "random:1/5000000000",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weir_selector selector;
        struct weir_diag diag = {0};
        if (weir_selector_parse_sample(texts[i], &selector, &diag) != WEIR_E_USAGE)
            fail_msg("'%s' was taken", texts[i]);
        assert_non_null(strchr(diag.text, ':'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_nth_packet_is_counted_across_rounds),
        cmocka_unit_test(a_seed_moves_the_beginning_and_nothing_else),
        cmocka_unit_test(time_decides_by_the_clock),
        cmocka_unit_test(n_of_every_n_are_chosen),
        cmocka_unit_test(each_packet_has_the_probability),
        cmocka_unit_test(streams_and_selectors_draw_for_themselves),
        cmocka_unit_test(bob_gives_the_values_of_the_rfc),
        cmocka_unit_test(hashing_looks_at_what_does_not_change_on_the_way),
        cmocka_unit_test(flows_are_chosen_whole_in_both_directions),
        cmocka_unit_test(flows_are_what_definitions_have_in_common),
        cmocka_unit_test(what_was_seen_and_selected_is_counted),
        cmocka_unit_test(wrong_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
