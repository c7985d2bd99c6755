/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/match.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

static const struct weir_packet tcp = {
    .key = {.src_addr = {0, WEIR_ADDRESS_V4_PREFIX | 0x0a010203},
            .dst_addr = {0, WEIR_ADDRESS_V4_PREFIX | 0xc0000201},
            .src_port = 50000,
            .dst_port = 443,
            .protocol = 6,
            .tos = 0xb8,
            .observation_point = 2},
    .octets = 1500,
    .wire_octets = 1514,
    .tcp_flags = 0x12,
    .vlan = 7,
    .ttl = 63,
};

static const struct weir_packet icmp6 = {
    .key = {.src_addr = {0x20010db800000000, 1},
            .dst_addr = {0x20010db800000000, 2},
            .dst_port = 128 << 8 | 3,
            .protocol = 58,
            .observation_point = 1 | WEIR_POINT_EGRESS},
    .octets = 104,
    .flow_label = 0x12345,
    .flags = WEIR_PACKET_V6 | WEIR_PACKET_FRAGMENT,
    .encapsulation = {.id = 4711, .kind = WEIR_ENCAPSULATION_VXLAN, .depth = 1},
};

/* Of the TCP packet; the other came from a link without Ethernet. */
static const struct weir_packet_detail details[2] = {
    {.src_mac = 0x020000000001, .dst_mac = 0x0a0b0c0d0e0f, .has = WEIR_DETAIL_ETHERNET}};

static bool matches(const char *text, const struct weir_packet *packet)
{
    struct weir_match match;
    struct weir_diag diag = {0};
    if (weir_match_parse(text, &match, &diag) < 0)
        fail_msg("%s: %s", text, diag.text);
    return weir_match_packet(&match, packet, &details[packet == &icmp6]);
}

static void each_property_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool of_tcp, of_icmp6;
    } rows[] = {
        {"src_addr=10.0.0.0/8", true, false},
        {"dst_addr=192.0.2.1", true, false},
        {"addr=192.0.2.0/24", true, false},
        {"addr=10.1.2.3|2001:db8::2", true, true},
        {"addr!=2001:db8::/32", true, false},
        {"src_port=50000", true, false},
        {"dst_port=400-443", true, false},
        {"port=443", true, false},
        {"port!=443", false, false},
        {"port!=50000", false, false},
        {"port!=80", true, false},
        {"port=32771", false, false},
        {"dst_port=32771", false, false},
        {"src_port=0", false, false},
        {"protocol=tcp", true, false},
        {"protocol=icmp6|17", false, true},
        {"tos=0xb8", true, false},
        {"dscp=46", true, false},
        {"ip_version=6", false, true},
        {"tcp_flags=SA", true, false},
        {"tcp_flags=S/SF", true, false},
        {"tcp_flags!=S", true, false},
        {"tcp_flags=0x02/0x12", false, false},
        {"icmp_type=128", false, true},
        {"icmp_code=3", false, true},
        {"icmp_code!=4", false, true},
        {"ttl=60-64", true, false},
        {"length=1000-9000", true, false},
        {"frame_length=1514", true, false},
        {"vlan=7", true, false},
        {"src_mac=02:00:00:00:00:01", true, false},
        {"dst_mac=02:00:00:00:00:01", false, false},
        {"dst_mac!=02:00:00:00:00:01", true, false},
        {"dst_mac=0a:0b:0c:00:00:00/ff:ff:ff:00:00:00", true, false},
        {"src_mac=02:00:00:00:00:00-02:00:00:00:00:ff", true, false},
        {"mac=0a:0b:0c:0d:0e:0f", true, false},
        {"mac!=0a:0b:0c:0d:0e:0e", true, false},
        {"flow_label=0x12345", false, true},
        {"flow_label!=0", false, true},
        {"fragment=1", false, true},
        {"in_if=3", true, false},
        {"in_if=0", false, true},
        {"out_if=2", false, true},
        {"tunnel_type=8", false, true},
        {"tunnel_id=4k-5k", false, true},
        {"tunnel_depth=1", false, true},
        {"protocol=6,dst_port=443,src_addr=10.0.0.0/8", true, false},
        {"protocol=6,dst_port=80", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (matches(rows[i].text, &tcp) != rows[i].of_tcp)
            fail_msg("%s of TCP", rows[i].text);
        if (matches(rows[i].text, &icmp6) != rows[i].of_icmp6)
            fail_msg("%s of ICMPv6", rows[i].text);
    }
}

static void interfaces_have_the_number_they_are_given(void **state)
{
    (void)state;
    static const uint32_t if_index[] = {11, 12, 13};
    struct weir_match match;
    struct weir_diag diag = {0};
    assert_int_equal(weir_match_parse("in_if=13", &match, &diag), 0);
    match.if_index = if_index;
    match.if_count = 3;
    assert_true(weir_match_packet(&match, &tcp, NULL));
    match.if_count = 2;
    assert_false(weir_match_packet(&match, &tcp, NULL));
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "port",           "port=",       "=5",           "!=5",
        "port=1|",    "port=|1",        "port=1,",     ",port=1",      "prot=6",
        "ttl=256",    "port=5-4",       "port=-4",     "port=5-",      "src_addr=10.0.0.0/33",
        "src_addr=x", "protocol=quick", "port=1/0x10", "tcp_flags=/S", "nothing_like_it=1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weir_match match;
        struct weir_diag diag = {0};
        if (weir_match_parse(texts[i], &match, &diag) != WEIR_E_USAGE)
            fail_msg("'%s' was taken", texts[i]);
        assert_true(strlen(diag.text) > 0);
    }
}

/* As `first`, then `more` so often that there are `count`. */
static int parse_repeated(const char *first, const char *more, unsigned count)
{
    char text[1024];
    struct weir_match match;
    struct weir_diag diag = {0};
    int length = snprintf(text, sizeof(text), "%s", first);
    for (unsigned i = 1; i < count; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%s", more);
    return weir_match_parse(text, &match, &diag);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("port=1", "|1", WEIR_MATCH_VALUES_MAX), 0);
    assert_int_equal(parse_repeated("port=1", "|1", WEIR_MATCH_VALUES_MAX + 1), WEIR_E_USAGE);
    assert_int_equal(parse_repeated("ttl=1", ",ttl=1", WEIR_MATCH_TERMS_MAX), 0);
    assert_int_equal(parse_repeated("ttl=1", ",ttl=1", WEIR_MATCH_TERMS_MAX + 1), WEIR_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_is_read),
        cmocka_unit_test(interfaces_have_the_number_they_are_given),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
