/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between a link and IP. Every kind is a row with its octets; each is parsed, cut at
 * every octet and flipped in every bit.
 */
#include "parse_fixture.h"

#define ETHERNET(type) "\x02\0\0\0\0\2\x02\0\0\0\0\1" type

#define WLAN_DATA(control) control "\0\0\x02\0\0\0\0\2\x02\0\0\0\0\1\x02\0\0\0\0\3\x10\0"
#define SNAP(type)         "\xaa\xaa\x03\0\0\0" type

/* `octets` before IPv4 or IPv6, as their last says. */
static const struct encapsulation {
    const char *name;
    uint16_t link_type;
    const char *octets;
    uint8_t length;
    uint8_t version;
    uint16_t vlan;
} encapsulations[] = {
#define ROW(name, link, octets, ...)                                      \
    {                                                                     \
        name, WEIR_LINK_##link, octets, sizeof(octets) - 1, ##__VA_ARGS__ \
    }
    ROW("mpls", ETHERNET, ETHERNET("\x88\x47") "\x00\x01\x01\x40", 4, 0),
    ROW("mpls multicast", ETHERNET, ETHERNET("\x88\x48") "\x00\x01\x01\x40", 4, 0),
    ROW("three labels", ETHERNET,
        ETHERNET("\x88\x47") "\x00\x01\x00\x40\xff\xff\xfe\x40\x00\x02\x01\x40", 6, 0),
    ROW("mpls in vlan", ETHERNET, ETHERNET("\x81\0") "\0\x05\x88\x47\x00\x01\x01\x40", 4, 5),
    ROW("mpls without ethernet", MPLS, "\x00\x01\x00\x40\x00\x00\x21\x40", 6, 0),
    ROW("pseudowire with control word", ETHERNET,
        ETHERNET("\x88\x47") "\x00\x01\x01\x40\0\0\x12\x34" ETHERNET("\x08\0"), 4, 0),
    ROW("pseudowire without", ETHERNET,
        ETHERNET("\x88\x47") "\x00\x01\x01\x40" ETHERNET("\x86\xdd"), 6, 0),
    ROW("pseudowire, MAC of another kind", ETHERNET,
        ETHERNET("\x88\x47") "\x00\x01\x01\x40\xa2\0\0\0\0\2\x02\0\0\0\0\1\x08\0", 4, 0),
    ROW("pseudowire with vlan", ETHERNET,
        ETHERNET("\x88\x47") "\x00\x01\x01\x40\0\0\0\0" ETHERNET("\x81\0") "\x20\x07\x08\0", 4, 7),
    ROW("pppoe", ETHERNET, ETHERNET("\x88\x64") "\x11\0\0\x09\0\x40\0\x21", 4, 0),
    ROW("pppoe, compressed protocol", ETHERNET, ETHERNET("\x88\x64") "\x11\0\0\x09\0\x40\x57", 6,
        0),
    ROW("pppoe in two vlans", ETHERNET,
        ETHERNET("\x88\xa8") "\0\x64\x81\0\0\x65\x88\x64\x11\0\0\x09\0\x40\0\x57", 6, 100),
    ROW("pppoe without ethernet", PPP_ETHERNET, "\x11\0\0\x09\0\x40\0\x21", 4, 0),
    ROW("ppp", PPP, "\0\x21", 4, 0),
    ROW("ppp with address and control", PPP, "\xff\x03\0\x57", 6, 0),
    ROW("ppp, all compressed", PPP, "\x21", 4, 0),
    ROW("ppp with hdlc framing", PPP_HDLC, "\xff\x03\0\x21", 4, 0),
    ROW("mpls over ppp", PPP_HDLC, "\xff\x03\x02\x81\x00\x01\x01\x40", 4, 0),
    ROW("ppp over ethernet", ETHERNET, ETHERNET("\x88\x0b") "\0\x21", 4, 0),
    ROW("cisco hdlc", CISCO_HDLC, "\x0f\0\x08\0", 4, 0),
    ROW("cisco hdlc, multicast", CISCO_HDLC, "\x8f\0\x86\xdd", 6, 0),
    ROW("cisco hdlc as ppp", PPP_HDLC, "\x0f\0\x08\0", 4, 0),
    ROW("mpls over hdlc", CISCO_HDLC, "\x0f\0\x88\x47\x00\x01\x01\x40", 6, 0),
    ROW("llc", ETHERNET, ETHERNET("\0\x50") "\x06\x06\x03", 4, 0),
    ROW("snap", ETHERNET, ETHERNET("\0\x50") "\xaa\xaa\x03\0\0\0\x86\xdd", 6, 0),
    ROW("snap, 802.1H", ETHERNET, ETHERNET("\0\x50") "\xaa\xaa\x03\0\0\xf8\x08\0", 4, 0),
    ROW("vlan in snap", ETHERNET, ETHERNET("\0\x50") "\xaa\xaa\x03\0\0\0\x81\0\0\x09\x08\0", 4, 9),
    ROW("pseudowire in cooked", SLL,
        "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x88\x47"
        "\x00\x01\x01\x40\0\0\0\0" ETHERNET("\x08\0"),
        4, 0),
    ROW("wlan, to the access point", WLAN, WLAN_DATA("\x08\1") SNAP("\x08\0"), 4, 0),
    ROW("wlan with qos", WLAN, WLAN_DATA("\x88\2") "\5\0" SNAP("\x86\xdd"), 6, 0),
    ROW("wlan between access points", WLAN, WLAN_DATA("\x08\3") "\2\0\0\0\0\3" SNAP("\x08\0"), 4,
        0),
    ROW("wlan, all", WLAN, WLAN_DATA("\x88\x83") "\2\0\0\0\0\3\5\0\1\2\3\4" SNAP("\x08\0"), 4, 0),
    ROW("wlan with vlan", WLAN, WLAN_DATA("\x08\1") SNAP("\x81\0") "\0\7\x08\0", 4, 7),
    ROW("radiotap", WLAN_RADIOTAP, "\0\0\x08\0\0\0\0\0" WLAN_DATA("\x08\1") SNAP("\x08\0"), 4, 0),
    ROW("radiotap, padded", WLAN_RADIOTAP,
        "\0\0\x09\0\2\0\0\0\x20" WLAN_DATA("\x88\2") "\5\0\0\0" SNAP("\x86\xdd"), 6, 0),
    ROW("radiotap, time and flags", WLAN_RADIOTAP,
        "\0\0\x1c\0\3\0\0\x80\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\x20\0\0\0" WLAN_DATA(
            "\x88\2") "\5\0\0\0" SNAP("\x08\0"),
        4, 0),
    ROW("prism", WLAN_PRISM, "\x44\0\0\0\x0c\0\0\0\1\2\3\4" WLAN_DATA("\x08\1") SNAP("\x08\0"), 4,
        0),
    ROW("prism, big", WLAN_PRISM, "\0\0\0\x44\0\0\0\x0c\1\2\3\4" WLAN_DATA("\x08\1") SNAP("\x08\0"),
        4, 0),
    ROW("avs said to be prism", WLAN_PRISM,
        "\x80\x21\x10\1\0\0\0\x0c\1\2\3\4" WLAN_DATA("\x08\1") SNAP("\x08\0"), 4, 0),
    ROW("avs", WLAN_AVS, "\x80\x21\x10\1\0\0\0\x08" WLAN_DATA("\x08\1") SNAP("\x86\xdd"), 6, 0),
    ROW("nflog", NFLOG, "\2\0\0\0\x05\0\x0a\0\1\0\0\0\x54\0\x09\0", 4, 0),
    ROW("nflog, big", NFLOG, "\x0a\0\0\0\0\5\0\x0a\1\0\0\0\0\x68\0\x09", 6, 0),
    ROW("switch of Broadcom's", DSA_BROADCOM, "\x02\0\0\0\0\2\x02\0\0\0\0\1\0\0\0\1\x08\0", 4, 0),
    ROW("switch of Marvell's", DSA_MARVELL,
        "\x02\0\0\0\0\2\x02\0\0\0\0\1\xda\xda\0\0\xc0\0\0\0\x86\xdd", 6, 0),
    ROW("metadata of Cisco's", ETHERNET, ETHERNET("\x89\x09") "\1\1\0\1\0\x64\x08\0", 4, 0),
    ROW("time of Arista's", ETHERNET, ETHERNET("\xd2\x8b") "\0\1\0\x10\1\2\3\4\5\6\7\x08\x08\0", 4,
        0),
    ROW("short time of Arista's", ETHERNET,
        ETHERNET("\xd2\x8b") "\0\1\0\x20\1\2\3\4\5\6\x81\0\0\3\x08\0", 4, 3),
    ROW("service function chain", ETHERNET,
        ETHERNET("\x89\x4f") "\x0f\xc6\1\1\0\0\1\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 4, 0),
#undef ROW
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void compose(struct frame_builder *f, const struct encapsulation *row)
{
    frame_begin(f);
    weir_write_octets(&f->out, row->octets, row->length);
    row->version == 4 ? frame_ipv4(f, 6) : frame_ipv6(f, 6);
    frame_tcp(f, 443, 50000, 0x18, 40);
    frame_length(f);
}

static void each_is_gone_through(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < COUNT(encapsulations); i++) {
        const struct encapsulation *row = &encapsulations[i];
        struct weir_packet packet;
        compose(&x->f, row);
        struct weir_frame frame = frame_end(&x->f, row->link_type);
        enum weir_rest rest = parse_copy(x->parser, frame, &packet);
        if (rest != WEIR_REST_NONE)
            fail_msg("%s: %d", row->name, rest);
        assert_int_equal(packet.flags, row->version == 4 ? 0 : WEIR_PACKET_V6);
        assert_int_equal(packet.octets, row->version == 4 ? 80 : 100);
        assert_int_equal(packet.key.src_port, 443);
        assert_int_equal(packet.key.dst_port, 50000);
        assert_int_equal(packet.tcp_flags, 0x18);
        if (packet.vlan != row->vlan)
            fail_msg("%s: VLAN %u", row->name, packet.vlan);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->packets_parsed, 2 * COUNT(encapsulations));
}

/* Cut by the capture a frame is truncated, LLC or MPLS of unknown kind; shorter, it is malformed
 * where nothing else can be meant. */
static void each_is_cut(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < COUNT(encapsulations); i++) {
        const struct encapsulation *row = &encapsulations[i];
        compose(&x->f, row);
        struct weir_frame frame = frame_end(&x->f, row->link_type);
        uint32_t ip_octets = row->version == 4 ? 20 : 40;
        for (frame.captured = 0; frame.captured < frame.wire_octets; frame.captured++) {
            struct weir_packet packet;
            enum weir_rest rest = parse_copy(x->parser, frame, &packet);
            if (frame.captured >= row->length + ip_octets)
                assert_int_equal(rest, WEIR_REST_NONE);
            else if (rest != WEIR_REST_LLC && rest != WEIR_REST_MPLS)
                assert_int_equal(rest, WEIR_REST_TRUNCATED);
            struct weir_frame shorter = frame;
            shorter.wire_octets = shorter.captured;
            rest = parse_copy(x->parser, shorter, &packet);
            if (shorter.captured < row->length + ip_octets && rest != WEIR_REST_LLC &&
                rest != WEIR_REST_MPLS)
                assert_true(rest == WEIR_REST_MALFORMED_LINK ||
                            rest == WEIR_REST_MALFORMED_IP_HEADER);
        }
    }
}

static void each_is_flipped(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < COUNT(encapsulations); i++) {
        compose(&x->f, &encapsulations[i]);
        struct weir_frame frame = frame_end(&x->f, encapsulations[i].link_type);
        for (size_t bit = 0; bit < 8 * (size_t)frame.captured; bit++) {
            struct weir_packet packet;
            x->f.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)parse_copy(x->parser, frame, &packet); /* which holds it to the rules */
            x->f.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* What carries no IP, and why. */
static const struct {
    enum weir_rest rest;
    uint16_t link_type;
    const char *octets;
    uint8_t length;
} others[] = {
#define ROW(rest, link, octets)                                        \
    {                                                                  \
        WEIR_REST_##rest, WEIR_LINK_##link, octets, sizeof(octets) - 1 \
    }
    ROW(MPLS, MPLS, "\0\1\1\x40\x10\0\0\7"), /* associated channel */
    ROW(MPLS, MPLS, "\0\1\1\x40\0\0\0\0"),   /* pseudowire of another kind */
    ROW(MPLS, MPLS, "\0\1\1\x40\x21\0\x45"), /* neither IP nor Ethernet */
    ROW(ARP, MPLS, "\0\1\1\x40\0\0\0\0" ETHERNET("\x08\6")),
    ROW(MALFORMED_LINK, MPLS, "\0\1\0\x40\0\1\0"),        /* no last label */
    ROW(MALFORMED_LINK, MPLS, "\0\1\1\x40"),              /* nothing under it */
    ROW(PPPOE, PPP_ETHERNET, "\x11\x09\0\0\0\4\1\1\0\0"), /* discovery */
    ROW(PPPOE, PPP_ETHERNET, "\x21\0\0\0\0\2\0\x21"),     /* version 2 */
    ROW(PPP, PPP_ETHERNET, "\x11\0\0\x09\0\6\xc0\x21\1\1\0\4"),
    ROW(PPP, PPP, "\xff\x03\x80\x21\1\1\0\4"),
    ROW(PPP, PPP_HDLC, "\0\xfd\x45"), /* compressed */
    ROW(MALFORMED_LINK, PPP, "\xff\x03\0"),
    ROW(MALFORMED_LINK, PPP, "\xff"),
    ROW(MALFORMED_LINK, PPP, ""),
    ROW(OTHER_PROTOCOL, CISCO_HDLC, "\x8f\0\x80\x35\0\0\0\2"), /* keepalive */
    ROW(OTHER_PROTOCOL, CISCO_HDLC, "\x8f\0\x20\0\1\xb4"),     /* CDP */
    ROW(OTHER_PROTOCOL, CISCO_HDLC, "\x0f\0\0\x10\xfe\xfe"),
    ROW(MALFORMED_LINK, CISCO_HDLC, "\x0f\0\x08"),
    ROW(LLC, ETHERNET, ETHERNET("\0\x10") "\x42\x42\x03\0\0"),
    ROW(LLC, ETHERNET, ETHERNET("\0\x10") "\xaa\xaa\x03\0\0\x0c\x20\0"), /* CDP */
    ROW(LLC, ETHERNET, ETHERNET("\0\2") "\x06\x06"),
    ROW(WLAN, WLAN, "\x80\0\0\0"),                         /* a beacon */
    ROW(WLAN, WLAN, "\xb4\0\0\0"),                         /* a request to send */
    ROW(WLAN, WLAN, WLAN_DATA("\x48\1")),                  /* no data */
    ROW(WLAN, WLAN, WLAN_DATA("\x08\x41") SNAP("\x08\0")), /* encrypted */
    ROW(WLAN_FRAGMENT, WLAN, WLAN_DATA("\x08\5") SNAP("\x08\0")),
    ROW(WLAN_AGGREGATED, WLAN, WLAN_DATA("\x88\1") "\x80\0" SNAP("\x08\0")),
    ROW(MALFORMED_LINK, WLAN, "\x88\5\0\0"), /* a fragment, cut */
    ROW(LLC, WLAN, WLAN_DATA("\x08\1") "\x42\x42\x03\0\0"),
    ROW(MALFORMED_LINK, WLAN, WLAN_DATA("\x88\1") "\0"),
    ROW(MALFORMED_LINK, WLAN_RADIOTAP, "\1\0\x08\0\0\0\0\0" WLAN_DATA("\x08\1")),
    ROW(MALFORMED_LINK, WLAN_RADIOTAP, "\0\0\7\0\0\0\0\0" WLAN_DATA("\x08\1")),
    ROW(MALFORMED_LINK, WLAN_PRISM, "\x44\0\0\0\7\0\0\0"),
    ROW(OTHER_PROTOCOL, NFLOG, "\3\0\0\0\5\0\x0a\0\1\0\0\0"), /* ARP */
    ROW(MALFORMED_LINK, NFLOG, "\2\0\0\0\3\0\x09\0"),
    ROW(OTHER_PROTOCOL, ETHERNET, ETHERNET("\xd2\x8b") "\0\2\0\x10"),
    ROW(OTHER_PROTOCOL, ETHERNET, ETHERNET("\x89\x4f") "\x2f\xc2\1\1\0\0\1\xff"),
    ROW(OTHER_PROTOCOL, ETHERNET, ETHERNET("\x89\x4f") "\x0f\xc1\1\1\0\0\1\xff"),
    ROW(LLDP, ETHERNET, ETHERNET("\0\x10") "\xaa\xaa\x03\0\0\0\x88\xcc"),
#undef ROW
};

static void others_by_cause(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        weir_write_octets(&x->f.out, others[i].octets, others[i].length);
        enum weir_rest rest = parse_copy(x->parser, frame_end(&x->f, others[i].link_type), &packet);
        if (rest != others[i].rest)
            fail_msg("row %zu: %d, not %d", i, rest, others[i].rest);
    }
}

/* With Ethernet and 31 labels 32 headers are gone through. */
static void nesting_has_a_limit(void **state)
{
    struct fixture *x = *state;
    static const enum weir_rest rests[] = {WEIR_REST_NONE, WEIR_REST_MALFORMED_NESTING};
    for (unsigned more = 0; more < 2; more++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x8847);
        for (unsigned i = 0; i < 30 + more; i++)
            weir_write_u32(&x->f.out, 0x00010040);
        weir_write_u32(&x->f.out, 0x00010140);
        frame_ipv4(&x->f, 17);
        frame_udp(&x->f, 53, 1024, 10);
        frame_length(&x->f);
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                         rests[more]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_gone_through), TEST(each_is_cut),         TEST(each_is_flipped),
        TEST(others_by_cause),      TEST(nesting_has_a_limit),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
