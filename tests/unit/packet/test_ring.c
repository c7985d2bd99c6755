/* SPDX-License-Identifier: Apache-2.0 */
/* Capture from a pair of interfaces made for it; frames are known by their source port. */
#include "support/veth.h"

#include "packet/filter.h"
#include "packet/live.h"
#include "packet/parse.h"

#define FRAME_OCTETS 2048

struct interfaces {
    int fds[2]; /* to send by weir0 and weir1 */
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_frame frames[64];
    struct weir_packet packets[64];
};

static int setup(void **state)
{
    struct interfaces *at = calloc(1, sizeof(*at));
    at->fds[0] = veth_open("weir0");
    at->fds[1] = veth_open("weir1");
    assert_int_equal(weir_parser_new(NULL, &at->parser), 0);
    *state = at;
    return 0;
}

static int teardown(void **state)
{
    struct interfaces *at = *state;
    weir_source_close(at->source);
    weir_parser_free(at->parser);
    close(at->fds[0]);
    close(at->fds[1]);
    free(at);
    return 0;
}

static void open_source(struct interfaces *at, const char *name, struct weir_live_options options)
{
    struct weir_diag diag = {0};
    options.wait_ms = 1000;
    if (weir_live_open(name, &options, &at->source, &diag) < 0)
        fail_msg("%s", diag.text);
}

static void send_udp(const struct interfaces *at, unsigned by, uint16_t vlan, uint16_t port,
                     size_t payload)
{
    uint8_t octets[FRAME_OCTETS];
    veth_send(at->fds[by], octets, veth_udp(octets, vlan, port, payload));
}

/* The next frames, which come within the wait. */
static size_t next(struct interfaces *at)
{
    size_t count = 0;
    struct weir_diag diag = {0};
    int result;
    do
        result = weir_source_next(at->source, at->frames, 64, &count, &diag);
    while (result == WEIR_E_AGAIN);
    if (result < 0)
        fail_msg("%s", diag.text);
    return count;
}

/* Collects `wanted` frames' packets one by one; they are IPv4 all. */
static void expect_packets(struct interfaces *at, size_t wanted,
                           void (*check)(const struct weir_packet *packet, size_t index))
{
    size_t seen = 0;
    while (seen < wanted) {
        size_t count = next(at);
        assert_int_equal(weir_parse_batch(at->parser, at->frames, count, at->packets, NULL), count);
        for (size_t i = 0; i < count; i++)
            check(&at->packets[i], seen++);
    }
    assert_int_equal(seen, wanted);
}

static void check_direction(const struct weir_packet *packet, size_t index)
{
    assert_int_equal(packet->key.src_port, 1000 + index);
    assert_int_equal(packet->key.observation_point, weir_observation_point(7, index % 2 == 0));
    assert_int_equal(packet->octets, 128);
    assert_int_equal(packet->wire_octets, 142);
}

static void what_comes_in_and_goes_out_is_told_apart(void **state)
{
    struct interfaces *at = *state;
    open_source(at, "weir0", (struct weir_live_options){.first_interface = 7});
    assert_true(weir_live_tells_direction(at->source));
    for (unsigned i = 0; i < 10; i++)
        send_udp(at, i % 2, 0, (uint16_t)(1000 + i), 100);
    expect_packets(at, 10, check_direction);
    assert_int_equal(weir_source_counters(at->source)->packets_dropped_kernel, 0);
}

static void check_vlan(const struct weir_packet *packet, size_t index)
{
    assert_int_equal(packet->vlan, index < 2 ? 0x123 : 0);
    assert_int_equal(packet->octets, 1028);
    assert_int_equal(packet->wire_octets, index < 2 ? 1046 : 1042);
    assert_int_equal(packet->key.src_port, 2000 + index);
}

static void a_tag_that_the_kernel_takes_off_is_put_back(void **state)
{
    struct interfaces *at = *state;
    open_source(at, "weir0", (struct weir_live_options){.snaplen = 64});
    send_udp(at, 0, 0x123, 2000, 1000);
    send_udp(at, 1, 0x123, 2001, 1000);
    send_udp(at, 1, 0, 2002, 1000);
    expect_packets(at, 3, check_vlan);
}

static void check_order(const struct weir_packet *packet, size_t index)
{
    assert_int_equal(packet->key.src_port, index & 0xffff);
}

/* Many times the ring's two blocks, a hundred at a time; each frame once and in order. */
static void the_ring_goes_round(void **state)
{
    struct interfaces *at = *state;
    open_source(at, "weir1", (struct weir_live_options){.buffer_octets = 512 << 10});
    static unsigned sent;
    size_t before;
    for (before = 0; before < 20000; before += 100) {
        for (unsigned i = 0; i < 100; i++)
            send_udp(at, 0, 0, (uint16_t)sent++, 300);
        size_t seen = 0;
        while (seen < 100) {
            size_t count = next(at);
            assert_int_equal(weir_parse_batch(at->parser, at->frames, count, at->packets, NULL),
                             count);
            for (size_t i = 0; i < count; i++)
                check_order(&at->packets[i], before + seen++);
        }
    }
    assert_int_equal(weir_source_counters(at->source)->packets_read, 20000);
    assert_int_equal(weir_source_counters(at->source)->packets_dropped_kernel, 0);
}

/* What is read and what was dropped is what was sent. */
static void what_the_ring_has_no_room_for_is_counted(void **state)
{
    struct interfaces *at = *state;
    open_source(at, "weir1", (struct weir_live_options){.buffer_octets = 512 << 10});
    for (unsigned i = 0; i < 20000; i++)
        send_udp(at, 0, 0, 1, 300);
    uint64_t dropped = weir_source_counters(at->source)->packets_dropped_kernel;
    assert_in_range(dropped, 1, 20000);
    while (weir_source_counters(at->source)->packets_read + dropped < 20000)
        (void)next(at);
    assert_int_equal(weir_source_counters(at->source)->packets_read + dropped, 20000);
    assert_int_equal(weir_source_counters(at->source)->packets_dropped_kernel, dropped);
}

/* The kernel keeps an octet of what does not pass; tagged frames are left to the filter proper. */
static void a_filter_in_the_kernel_loses_no_frame(void **state)
{
    struct interfaces *at = *state;
    static const struct {
        uint16_t vlan, port;
        size_t payload;
        uint32_t captured;
        bool pass;
    } cases[] = {
        {0, 9, 500, 256, true},  {0, 8, 500, 1, false}, {0, 8, 40, 82, false},
        {5, 9, 500, 260, false}, /* the expression asks for IPv4 right behind the addresses */
        {0, 9, 40, 82, true},
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    static const char expression[] = "udp src port 9";
    struct weir_filter *filter;
    assert_int_equal(weir_filter_new(expression, &filter, NULL), 0);
    open_source(at, "weir0", (struct weir_live_options){.filter = expression});
    for (size_t i = 0; i < CASES; i++)
        send_udp(at, 1, cases[i].vlan, cases[i].port, cases[i].payload);
    size_t seen = 0;
    while (seen < CASES) {
        size_t count = next(at);
        bool pass[64];
        assert_int_equal(weir_filter_run(filter, at->frames, count, pass, NULL), 0);
        for (size_t i = 0; i < count; i++, seen++) {
            assert_int_equal(at->frames[i].captured, cases[seen].captured);
            assert_int_equal(pass[i], cases[seen].pass);
        }
    }
    assert_int_equal(weir_source_counters(at->source)->packets_read, CASES);
    weir_filter_free(filter);
}

static void a_wrong_filter_is_refused(void **state)
{
    struct interfaces *at = *state;
    const struct weir_live_options options = {.filter = "prt 53"};
    struct weir_diag diag = {0};
    assert_int_equal(weir_live_open("weir0", &options, &at->source, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "prt 53"));
}

static void an_interface_without_a_clock_is_said_to_have_none(void **state)
{
    struct interfaces *at = *state;
    const struct weir_live_options options = {.hardware_time = true};
    struct weir_diag diag = {0};
    assert_int_equal(weir_live_open("weir0", &options, &at->source, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "weir0: the interface does not time all frames");
}

static void check_one(const struct weir_packet *packet, size_t index)
{
    assert_int_equal(packet->key.src_port, 77 + index);
}

/* One that is down comes back; one that is removed ends the capture, and says so. */
static void interfaces_come_and_go(void **state)
{
    struct interfaces *at = *state;
    assert_true(veth_pair("weir2", "weir3"));
    open_source(at, "weir2", (struct weir_live_options){0});
    close(at->fds[1]);
    at->fds[1] = veth_open("weir3");
    send_udp(at, 1, 0, 77, 10);
    expect_packets(at, 1, check_one);
    assert_int_equal(system("ip link set weir2 down && ip link set weir2 up"), 0);
    size_t count;
    struct weir_diag diag = {0};
    int result;
    do {
        /* Until the pair has found together again, what is sent is lost. */
        uint8_t octets[FRAME_OCTETS];
        size_t length = veth_udp(octets, 0, 77, 10);
        (void)!send(at->fds[1], octets, length, 0);
        result = weir_source_next(at->source, at->frames, 64, &count, &diag);
    } while (result == WEIR_E_AGAIN);
    assert_int_equal(result, 0);
    assert_int_equal(system("ip link del weir2"), 0);
    do
        result = weir_source_next(at->source, at->frames, 64, &count, &diag);
    while (result == WEIR_E_AGAIN || result == 0);
    assert_int_equal(result, WEIR_E_IO);
    assert_string_equal(diag.text, "weir2: the interface is gone");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_comes_in_and_goes_out_is_told_apart),
        CASE(a_tag_that_the_kernel_takes_off_is_put_back),
        CASE(the_ring_goes_round),
        CASE(what_the_ring_has_no_room_for_is_counted),
        CASE(a_filter_in_the_kernel_loses_no_frame),
        CASE(a_wrong_filter_is_refused),
        CASE(an_interface_without_a_clock_is_said_to_have_none),
        CASE(interfaces_come_and_go),
    };
    veth_enter_or_skip();
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
