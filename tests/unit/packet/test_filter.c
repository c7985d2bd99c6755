/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/filter.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"

static struct frame_builder builders[3];

/* 0: TCP to port 443; 1: UDP to port 53; 2: ARP where the link can carry it, else UDP to port 9. */
static void make_frames(uint16_t link_type, const void *link, size_t link_length,
                        struct weir_frame frames[3])
{
    for (size_t i = 0; i < 3; i++) {
        struct frame_builder *f = &builders[i];
        frame_begin(f);
        if (link_type == WEIR_LINK_ETHERNET)
            frame_ethernet(f, i == 2 ? 0x0806 : 0x0800);
        else
            weir_write_octets(&f->out, link, link_length);
        frame_ipv4(f, i ? 17 : 6);
        if (i == 0)
            frame_tcp(f, 50000, 443, 2, 0);
        else
            frame_udp(f, 50000, i == 1 ? 53 : 9, 4);
        frame_length(f);
        frames[i] = frame_end(f, link_type);
    }
}

static void passes_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool pass[3];
    } rows[] = {
        {"", {true, true, true}},
        {"tcp port 443", {true, false, false}},
        {"udp", {false, true, false}},
        {"arp", {false, false, true}},
        {"not tcp", {false, true, true}},
        {"src net 192.0.2.0/24 and dst port 53", {false, true, false}},
        {"greater 58", {false, false, false}},
        {"less 53", {false, true, true}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_frame frames[3];
        struct weir_filter *filter;
        struct weir_diag diag;
        bool pass[3];
        make_frames(WEIR_LINK_ETHERNET, NULL, 0, frames);
        assert_int_equal(weir_filter_new(rows[i].expression, &filter, &diag), 0);
        assert_int_equal(weir_filter_run(filter, frames, 3, pass, &diag), 0);
        assert_memory_equal(pass, rows[i].pass, sizeof(pass));
        weir_filter_free(filter);
    }
}

static void every_link_type_that_is_parsed(void **state)
{
    (void)state;
    static const struct {
        uint16_t link_type;
        uint8_t octets[20];
        size_t length;
    } links[] = {
        {WEIR_LINK_ETHERNET, {0}, 0},
        {WEIR_LINK_SLL, {0, 0, 0, 1, [14] = 8, 0}, 16},
        {WEIR_LINK_SLL2, {8, 0, [9] = 1}, 20},
        {WEIR_LINK_RAW, {0}, 0},
        {WEIR_LINK_DLT_RAW, {0}, 0},
        {WEIR_LINK_OPENBSD_RAW, {0}, 0},
        {WEIR_LINK_IPV4, {0}, 0},
        {WEIR_LINK_NULL, {2}, 4},
        {WEIR_LINK_NULL, {0, 0, 0, 2}, 4},
        {WEIR_LINK_LOOP, {0, 0, 0, 2}, 4},
    };
    struct weir_filter *filter;
    struct weir_diag diag;
    assert_int_equal(weir_filter_new("udp dst port 53", &filter, &diag), 0);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
            struct weir_frame frames[3];
            bool pass[3];
            make_frames(links[i].link_type, links[i].octets, links[i].length, frames);
            assert_int_equal(weir_filter_run(filter, frames, 3, pass, &diag), 0);
            assert_false(pass[0]);
            assert_true(pass[1]);
            assert_false(pass[2]);
        }
    }
    /* One that is not parsed passes, for the parser to count. */
    struct weir_frame frame = {.octets = (const uint8_t *)"", .link_type = 147};
    bool pass = false;
    assert_int_equal(weir_filter_run(filter, &frame, 1, &pass, &diag), 0);
    assert_true(pass);
    /* Nor is an octet read that was not captured. */
    uint8_t *one = calloc(1, 1);
    assert_non_null(one);
    frame = (struct weir_frame){.octets = one, .captured = 1, .wire_octets = 90};
    for (uint16_t link_type = 0; link_type < 300; link_type++) {
        frame.link_type = link_type;
        if (link_type == WEIR_LINK_NULL || link_type == WEIR_LINK_ETHERNET) {
            assert_int_equal(weir_filter_run(filter, &frame, 1, &pass, &diag), 0);
            assert_false(pass);
        }
    }
    free(one);
    weir_filter_free(filter);
}

static void mistakes(void **state)
{
    (void)state;
    struct weir_filter *filter;
    struct weir_diag diag;
    assert_int_equal(weir_filter_new("tcp and prt 443", &filter, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "filter: 'tcp and prt 443': "));
    assert_int_equal(weir_filter_new("port 70000", &filter, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "70000"));

    /* Right for Ethernet, and without meaning on raw IP. */
    assert_int_equal(weir_filter_new("ether host 02:00:00:00:00:01", &filter, &diag), 0);
    struct weir_frame frames[3];
    bool pass[3];
    make_frames(WEIR_LINK_RAW, NULL, 0, frames);
    assert_int_equal(weir_filter_run(filter, frames, 3, pass, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "ether host"));
    weir_filter_free(filter);
}

static void too_many_link_types(void **state)
{
    (void)state;
    struct weir_filter *filter;
    struct weir_diag diag;
    bool pass;
    struct weir_frame frame = {.octets = (const uint8_t *)""};
    assert_int_equal(weir_filter_new("ip", &filter, &diag), 0);
    for (uint16_t link_type = 300; link_type < 331; link_type++) {
        frame.link_type = link_type;
        assert_int_equal(weir_filter_run(filter, &frame, 1, &pass, &diag), 0);
    }
    frame.link_type = 400;
    assert_int_equal(weir_filter_run(filter, &frame, 1, &pass, &diag), WEIR_E_LIMIT);
    weir_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_it_says),
        cmocka_unit_test(every_link_type_that_is_parsed),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(too_many_link_types),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
