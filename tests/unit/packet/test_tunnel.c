/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets in tunnels. Every form of every tunnel is a row: the protocol or the ports that announce
 * it and the octets between the two IP headers. Each is parsed, cut at every octet and flipped in
 * every bit.
 */
#include "parse_fixture.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define ETHERNET(type) "\x02\0\0\0\0\2\x02\0\0\0\0\1" type

static const struct tunnel {
    const char *name;
    uint8_t protocol;
    uint16_t src_port, dst_port; /* of UDP */
    const char *octets;
    uint8_t length;
    uint8_t version; /* of the IP inside */
    uint8_t kind;
    uint32_t id;
    bool outer_v6;
} tunnels[] = {
#define ROW_IN(outer_v6, name, protocol, src, dst, octets, version, kind, id)                     \
    {                                                                                             \
        name, protocol, src, dst, octets, sizeof(octets) - 1, version, WEIR_ENCAPSULATION_##kind, \
            id, outer_v6                                                                          \
    }
#define ROW(...)  ROW_IN(false, __VA_ARGS__)
#define ROW6(...) ROW_IN(true, __VA_ARGS__)
    ROW("4 in 4", 4, 0, 0, "", 4, IP, 0),
    ROW("6 in 4", 41, 0, 0, "", 6, IP, 0),
    ROW6("4 in 6", 4, 0, 0, "", 4, IP, 0),
    ROW6("6 in 6", 41, 0, 0, "", 6, IP, 0),
    ROW6("segment routing", 43, 0, 0, "\x29\2\4\0\0\0\0\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 6,
         IP, 0),
    ROW6("segment routing of Ethernet", 43, 0, 0,
         "\x8f\2\4\0\0\0\0\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" ETHERNET("\x08\0"), 4, ETHERNET,
         0),
    ROW("gre", 47, 0, 0, "\0\0\x08\0", 4, GRE, 0),
    ROW6("gre over IPv6", 47, 0, 0, "\0\0\x86\xdd", 6, GRE, 0),
    ROW("gre, checksum", 47, 0, 0, "\x80\0\x08\0\1\2\0\0", 4, GRE, 0),
    ROW("gre, key", 47, 0, 0, "\x20\0\x08\0\0\0\1\2", 4, GRE, 0x102),
    ROW("gre, sequence", 47, 0, 0, "\x10\0\x86\xdd\0\0\0\1", 6, GRE, 0),
    ROW("gre, all", 47, 0, 0, "\xb0\0\x08\0\1\2\0\0\xff\0\0\1\0\0\0\1", 4, GRE, 0xff000001),
    ROW("gre, routing", 47, 0, 0, "\x40\0\x08\0\0\0\0\0\0\x02\0\4\1\2\3\4\0\0\0\0", 4, GRE, 0),
    ROW("gre, ethernet", 47, 0, 0, "\x20\0\x65\x58\0\0\0\7" ETHERNET("\x08\0"), 4, GRE, 7),
    ROW("gre, vlan", 47, 0, 0, "\0\0\x65\x58" ETHERNET("\x81\0") "\0\5\x08\0", 4, GRE, 0),
    ROW("gre, mpls", 47, 0, 0, "\0\0\x88\x47\0\x01\x21\x40", 4, MPLS, 0x12),
    ROW("pptp", 47, 0, 0, "\x30\1\x88\x0b\0\x20\0\x09\0\0\0\1\xff\3\0\x21", 4, GRE, 9),
    ROW("pptp, acknowledged", 47, 0, 0, "\x30\x81\x88\x0b\0\x20\0\x09\0\0\0\1\0\0\0\1\x21", 4, GRE,
        9),
    ROW("erspan I", 47, 0, 0, "\0\0\x88\xbe" ETHERNET("\x08\0"), 4, ERSPAN, 0),
    ROW("erspan II", 47, 0, 0, "\x10\0\x88\xbe\0\0\0\1\x10\5\0\x64\0\0\0\3" ETHERNET("\x86\xdd"), 6,
        ERSPAN, 100),
    ROW("erspan III", 47, 0, 0,
        "\x10\0\x22\xeb\0\0\0\1\x20\5\0\x64\1\2\3\4\0\0\0\0" ETHERNET("\x08\0"), 4, ERSPAN, 100),
    ROW("erspan III, subheader", 47, 0, 0,
        "\x10\0\x22\xeb\0\0\0\1\x20\5\3\xff\1\2\3\4\0\0\0\1\1\2\3\4\5\6\7\x08" ETHERNET("\x08\0"),
        4, ERSPAN, 0x3ff),
    ROW("erspan III, IP", 47, 0, 0, "\x10\0\x22\xeb\0\0\0\1\x20\5\0\x64\1\2\3\4\0\0\x08\0", 6,
        ERSPAN, 100),
    ROW("etherip", 97, 0, 0, "\x30\0" ETHERNET("\x08\0"), 4, ETHERNET, 0),
    ROW("mpls in IP", 137, 0, 0, "\0\1\0\x40\0\2\1\x40", 6, MPLS, 32),
    ROW("l2tpv3", 115, 0, 0, "\0\0\0\x2a" ETHERNET("\x08\0"), 4, L2TP, 42),
    ROW("l2tpv3, sublayer", 115, 0, 0, "\0\0\0\x2a\0\0\0\0" ETHERNET("\x08\0"), 4, L2TP, 42),
    ROW("l2tpv3, cookie", 115, 0, 0, "\0\0\0\x2a\1\2\3\4\5\6\7\x08" ETHERNET("\x86\xdd"), 6, L2TP,
        42),
    ROW("l2tpv3, both", 115, 0, 0, "\0\0\0\x2a\1\2\3\4\5\6\7\x08\0\0\0\0" ETHERNET("\x08\0"), 4,
        L2TP, 42),
    ROW("l2tpv3 over UDP", 17, 1701, 1701, "\0\3\0\0\0\0\0\x2a" ETHERNET("\x08\0"), 4, L2TP, 42),
    ROW("l2tpv2", 17, 1701, 1701, "\0\2\0\1\0\2\xff\3\0\x21", 4, L2TP, 0x10002),
    ROW("l2tpv2, length", 17, 5000, 1701, "\x40\2\0\x40\0\1\0\2\0\x57", 6, L2TP, 0x10002),
    ROW("l2tpv2, all", 17, 1701, 5000, "\x4a\2\0\x40\0\1\0\2\0\0\0\0\0\2\0\0\xff\3\0\x21", 4, L2TP,
        0x10002),
    ROW("vxlan", 17, 5000, 4789, "\x08\0\0\0\0\1\2\0" ETHERNET("\x08\0"), 4, VXLAN, 0x102),
    ROW("vxlan, Linux' port", 17, 5000, 8472, "\x08\0\0\0\0\1\2\0" ETHERNET("\x86\xdd"), 6, VXLAN,
        0x102),
    ROW("vxlan, policy, vlan", 17, 5000, 4789,
        "\x88\x40\0\1\xff\xff\xff\0" ETHERNET("\x81\0") "\0\5\x08\0", 4, VXLAN, 0xffffff),
    ROW6("vxlan over IPv6", 17, 5000, 4789, "\x08\0\0\0\0\1\2\0" ETHERNET("\x08\0"), 4, VXLAN,
         0x102),
    ROW("vxlan-gpe", 17, 5000, 4790, "\x0c\0\0\1\0\1\2\0", 4, VXLAN, 0x102),
    ROW("vxlan-gpe, IPv6", 17, 5000, 4790, "\x0c\0\0\2\0\1\2\0", 6, VXLAN, 0x102),
    ROW("vxlan-gpe, Ethernet", 17, 5000, 4790, "\x0c\0\0\3\0\1\2\0" ETHERNET("\x08\0"), 4, VXLAN,
        0x102),
    ROW("vxlan-gpe, without VNI", 17, 5000, 4790, "\4\0\0\1\0\0\0\0", 4, VXLAN, 0),
    ROW("service functions in vxlan-gpe", 17, 5000, 4790,
        "\x0c\0\0\4\0\1\2\0\x0f\xc2\2\3\0\0\1\xff" ETHERNET("\x08\0"), 4, VXLAN, 0x102),
    ROW("gre, metadata of Cisco's", 47, 0, 0, "\0\0\x89\x09\1\1\0\1\0\x64\x08\0", 4, GRE, 0),
    ROW("geneve", 17, 5000, 6081, "\0\0\x65\x58\0\1\2\0" ETHERNET("\x08\0"), 4, GENEVE, 0x102),
    ROW("geneve, options", 17, 5000, 6081,
        "\2\x40\x65\x58\0\1\2\0\1\2\3\1\5\6\7\x08" ETHERNET("\x86\xdd"), 6, GENEVE, 0x102),
    ROW("geneve, IP", 17, 5000, 6081, "\0\0\x08\0\0\1\2\0", 4, GENEVE, 0x102),
    ROW("gtp-u", 17, 2152, 2152, "\x30\xff\0\x50\1\2\3\4", 4, GTP_U, 0x01020304),
    ROW("gtp-u, sequence", 17, 2152, 5000, "\x32\xff\0\x54\1\2\3\4\0\1\0\0", 6, GTP_U, 0x01020304),
    ROW("gtp-u, extensions", 17, 5000, 2152,
        "\x34\xff\0\x60\0\0\0\7\0\0\0\x85\1\0\x09\xc0\2\1\2\3\4\5\6\0", 4, GTP_U, 7),
    ROW("teredo", 17, 3544, 5000, "", 6, TEREDO, 0),
    ROW("teredo, origin", 17, 5000, 3544, "\0\0\1\2\3\4\5\6", 6, TEREDO, 0),
    ROW("teredo, both", 17, 5000, 3544, "\0\1\1\2\x11\x21\x22\1\2\3\4\5\6\7\x08\0\0\0\1\2\3\4\5\6",
        6, TEREDO, 0),
    ROW("gre in UDP", 17, 5000, 4754, "\x20\0\x08\0\0\0\0\5", 4, GRE, 5),
    ROW("mpls in UDP", 17, 5000, 6635, "\0\1\1\x40", 4, MPLS, 16),
    ROW("authenticated tunnel", 51, 0, 0,
        "\4\4\0\0\0\0\0\1\0\0\0\1\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c", 4, IP, 0),
#undef ROW
#undef ROW6
#undef ROW_IN
};

static void into_tunnels(struct fixture *x, unsigned depth)
{
    const struct weir_parser_options options = {.tunnel_depth = depth};
    weir_parser_free(x->parser);
    assert_int_equal(weir_parser_new(&options, &x->parser), 0);
}

/* Begins an outer packet and returns where; its builder then goes on inside. */
static size_t outer_begin(struct frame_builder *f, const struct tunnel *row)
{
    size_t ip = f->out.length;
    row->outer_v6 ? frame_ipv6(f, row->protocol) : frame_ipv4(f, row->protocol);
    if (row->protocol == 17)
        frame_udp(f, row->src_port, row->dst_port, 0);
    weir_write_octets(&f->out, row->octets, row->length);
    return ip;
}

static void outer_end(struct frame_builder *f, const struct tunnel *row, size_t ip)
{
    f->ip = ip;
    f->version = row->outer_v6 ? 6 : 4;
    frame_length(f);
    if (row->protocol == 17)
        weir_writer_patch_u16(&f->out, f->udp + 4, (uint16_t)(f->out.length - f->udp));
}

static void inner(struct frame_builder *f, uint8_t version)
{
    version == 4 ? frame_ipv4(f, 6) : frame_ipv6(f, 6);
    frame_tcp(f, 443, 50000, 0x18, 40);
    frame_length(f);
}

static struct weir_frame compose(struct frame_builder *f, const struct tunnel *row)
{
    frame_begin(f);
    frame_ethernet(f, row->outer_v6 ? 0x86dd : 0x0800);
    size_t ip = outer_begin(f, row);
    inner(f, row->version);
    outer_end(f, row, ip);
    return frame_end(f, WEIR_LINK_ETHERNET);
}

static bool is_inner(const struct weir_packet *packet)
{
    return packet->key.protocol == 6 && packet->key.src_port == 443;
}

static void each_is_entered(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        const struct tunnel *row = &tunnels[i];
        struct weir_packet packet;
        assert_int_equal(parse_copy(x->parser, compose(&x->f, row), &packet), WEIR_REST_NONE);
        if (!is_inner(&packet))
            fail_msg("%s: protocol %u", row->name, packet.key.protocol);
        assert_int_equal(packet.octets, row->version == 4 ? 80 : 100);
        assert_int_equal(packet.key.dst_port, 50000);
        assert_int_equal(packet.tcp_flags, 0x18);
        assert_int_equal(packet.flags, row->version == 4 ? 0 : WEIR_PACKET_V6);
        if (packet.encapsulation.kind != row->kind || packet.encapsulation.id != row->id ||
            packet.encapsulation.depth != 1)
            fail_msg("%s: kind %u, id %u, depth %u", row->name, packet.encapsulation.kind,
                     packet.encapsulation.id, packet.encapsulation.depth);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->packets_in_tunnels, 2 * COUNT(tunnels));
    assert_int_equal(c->packets_tunnel_other + c->packets_tunnel_cut + c->packets_tunnel_malformed +
                         c->packets_tunnel_deep + c->packets_tunnel_fragment,
                     0);
}

/* Without the option nothing is different from before. */
static void outer_is_the_default(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        struct weir_packet packet;
        struct weir_frame frame = compose(&x->f, &tunnels[i]);
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        assert_false(is_inner(&packet));
        assert_int_equal(packet.octets, frame.captured - 14);
        assert_int_equal(packet.encapsulation.depth, 0);
    }
    assert_int_equal(weir_parser_counters(x->parser)->packets_in_tunnels, 0);
}

/* Cut by the capture, a packet is the inner one as soon as its header is there, and the outer one
 * with its whole length until then. */
static void each_is_cut(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        const struct tunnel *row = &tunnels[i];
        struct weir_frame frame = compose(&x->f, row);
        uint32_t inner_octets = row->version == 4 ? 80 : 100;
        uint32_t known = frame.wire_octets - inner_octets + (row->version == 4 ? 20 : 40);
        uint32_t outer_octets = row->outer_v6 ? 40 : 20;
        for (frame.captured = 14 + outer_octets; frame.captured < frame.wire_octets;
             frame.captured++) {
            struct weir_packet packet;
            assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
            bool is_in = frame.captured >= known;
            if (packet.octets != (is_in ? inner_octets : frame.wire_octets - 14))
                fail_msg("%s, %u octets: %u", row->name, frame.captured, packet.octets);
            assert_int_equal(packet.encapsulation.depth, is_in);
        }
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_true(c->packets_tunnel_cut > 0);
    assert_int_equal(c->packets_tunnel_malformed, 0);
}

/* Where the outer packet is shorter than what it begins, it stays the packet. */
static void each_is_shorter(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        const struct tunnel *row = &tunnels[i];
        uint32_t whole = compose(&x->f, row).captured;
        uint32_t known = whole - 60; /* TCP and its payload */
        uint32_t begin = 14u + (row->outer_v6 ? 40u : 20u) + (row->protocol == 17 ? 8u : 0u);
        for (uint32_t octets = begin; octets < known; octets++) {
            struct weir_packet packet;
            (void)compose(&x->f, row);
            x->f.out.length = octets;
            size_t ip = 14;
            outer_end(&x->f, row, ip);
            struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
            assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
            if (packet.encapsulation.depth != 0 || packet.octets != octets - 14)
                fail_msg("%s, %u octets: %u", row->name, octets, packet.octets);
        }
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_true(c->packets_tunnel_malformed > 0);
    assert_int_equal(c->packets_tunnel_cut, 0);
}

static void each_is_flipped(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        struct weir_frame frame = compose(&x->f, &tunnels[i]);
        for (size_t bit = 0; bit < 8 * (size_t)frame.captured; bit++) {
            struct weir_packet packet;
            x->f.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)parse_copy(x->parser, frame, &packet); /* which holds it to the rules */
            x->f.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* The ports of tunnels are also others': then it is UDP, and nothing is counted. */
static void other_users_of_the_ports(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel others[] = {
        {"vxlan", 17, 5000, 4789, "\0\0\0\0\0\1\2\0", 8, 4, 0, 0, false},
        {"vxlan", 17, 5000, 4789, "\x08\0\0\0\0\1\2\1", 8, 4, 0, 0, false},
        {"vxlan-gpe", 17, 5000, 4790, "\x08\0\0\1\0\1\2\0", 8, 4, 0, 0, false},
        {"vxlan-gpe", 17, 5000, 4790, "\x1c\0\0\1\0\1\2\0", 8, 4, 0, 0, false},
        {"geneve", 17, 5000, 6081, "\x40\0\x65\x58\0\1\2\0", 8, 4, 0, 0, false},
        {"geneve", 17, 5000, 6081, "\0\1\x65\x58\0\1\2\0", 8, 4, 0, 0, false},
        {"gtp, echo", 17, 2152, 2152, "\x32\1\0\4\0\0\0\0", 8, 4, 0, 0, false},
        {"gtp version 2", 17, 2152, 2152, "\x48\xff\0\4\0\0\0\0", 8, 4, 0, 0, false},
        {"teredo", 17, 3544, 5000, "\x45", 1, 4, 0, 0, false},
        {"l2tp control", 17, 1701, 1701, "\xc8\2\0\x0c", 4, 4, 0, 0, false},
        {"l2f", 17, 1701, 1701, "\0\1\0\1", 4, 4, 0, 0, false},
        {"gre", 17, 5000, 4754, "\0\1\x08\0", 4, 4, 0, 0, false},
    };
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(others); i++) {
        struct weir_packet packet;
        struct weir_frame frame = compose(&x->f, &others[i]);
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        if (packet.key.protocol != 17 || packet.key.dst_port != others[i].dst_port)
            fail_msg("%s: protocol %u", others[i].name, packet.key.protocol);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->packets_in_tunnels + c->packets_tunnel_other + c->packets_tunnel_malformed,
                     0);
}

/* Between relays Teredo has any ports: its addresses and its length tell. */
static void teredo_without_its_port(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel row = {"", 17, 3797, 32900, "", 0, 6, 0, 0, false};
    into_tunnels(x, 4);
    for (unsigned end = 0; end < 3; end++) {
        struct weir_packet packet;
        size_t inner_ip = 14 + 20 + 8;
        struct weir_frame frame = compose(&x->f, &row);
        if (end < 2)
            memcpy(x->f.octets + inner_ip + (end ? 24 : 8), "\x20\1\0\0", 4);
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        assert_int_equal(is_inner(&packet), end < 2);
        assert_int_equal(packet.encapsulation.kind,
                         end < 2 ? WEIR_ENCAPSULATION_TEREDO : WEIR_ENCAPSULATION_NONE);
        /* A datagram that is longer than what would be in it is another's. */
        x->f.octets[inner_ip + 5]--;
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        assert_int_equal(packet.encapsulation.depth, 0);
    }
}

/* A mirrored frame's VLAN is in the header of the mirror, or in a tag that the frame still has. */
static void vlan_of_a_mirrored_frame(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel rows[] = {
        {"", 47, 0, 0, "\x10\0\x88\xbe\0\0\0\1\x10\x17\0\x64\0\0\0\3" ETHERNET("\x08\0"), 30, 4, 0,
         0, false},
        {"", 47, 0, 0,
         "\x10\0\x88\xbe\0\0\0\1\x10\5\0\x64\0\0\0\3" ETHERNET("\x81\0") "\0\x17\x08\0", 34, 4, 0,
         0, false},
        {"", 47, 0, 0, "\x10\0\x22\xeb\0\0\0\1\x20\x17\0\x64\1\2\3\4\0\0\0\0" ETHERNET("\x08\0"),
         34, 4, 0, 0, false},
    };
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct weir_packet packet;
        assert_int_equal(parse_copy(x->parser, compose(&x->f, &rows[i]), &packet), WEIR_REST_NONE);
        assert_true(is_inner(&packet));
        assert_int_equal(packet.vlan, 0x17);
    }
}

/* A tunnel is one, but there is no IP in it. */
static void tunnels_without_ip(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel others[] = {
        {"arp", 17, 5000, 4789, "\x08\0\0\0\0\1\2\0" ETHERNET("\x08\6"), 22, 4, 0, 0, false},
        {"oam of vxlan-gpe", 17, 5000, 4790, "\x0d\0\0\1\0\1\2\0", 8, 4, 0, 0, false},
        {"next protocol", 17, 5000, 4790, "\x0c\0\0\6\0\1\2\0", 8, 4, 0, 0, false},
        {"keepalive", 47, 0, 0, "\0\0\0\0", 4, 4, 0, 0, false},
        {"gre version 2", 47, 0, 0, "\0\2\x08\0", 4, 4, 0, 0, false},
        {"pptp acknowledgment", 47, 0, 0, "\x20\x81\x88\x0b\0\0\0\1\0\0\0\1", 12, 4, 0, 0, false},
        {"ppp control", 17, 1701, 1701, "\0\2\0\1\0\2\xc0\x21", 8, 4, 0, 0, false},
        {"l2tpv3 control", 115, 0, 0, "\0\0\0\0", 4, 4, 0, 0, false},
        {"etherip version 2", 97, 0, 0, "\x20\0" ETHERNET("\x08\0"), 16, 4, 0, 0, false},
        {"erspan", 47, 0, 0, "\x10\0\x88\xbe\0\0\0\1\x20\5\0\x64\0\0\0\3", 16, 4, 0, 0, false},
    };
    into_tunnels(x, 4);
    for (size_t i = 0; i < COUNT(others); i++) {
        struct weir_packet packet;
        struct weir_frame frame = compose(&x->f, &others[i]);
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        assert_int_equal(packet.key.protocol, others[i].protocol);
        assert_int_equal(packet.octets, frame.captured - 14);
        if (weir_parser_counters(x->parser)->packets_tunnel_other != 2 * (i + 1))
            fail_msg("%s is not counted", others[i].name);
    }
}

/* IP in GRE in VXLAN in GRE in IP, as deep as is allowed. */
static void depth_is_limited(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel levels[] = {
        {"gre", 47, 0, 0, "\0\0\x08\0", 4, 4, 0, 0, false},
        {"vxlan", 17, 5000, 4789, "\x08\0\0\0\0\1\2\0" ETHERNET("\x08\0"), 22, 4, 0, 0, false},
        {"ip", 4, 0, 0, "", 0, 4, 0, 0, false},
    };
    static const uint8_t protocols[] = {47, 17, 4, 6};
    static const uint8_t octets[] = {20 + 4 + 20 + 30 + 20 + 80, 20 + 30 + 20 + 80, 20 + 80, 80};
    frame_ethernet(&x->f, 0x0800);
    size_t ips[COUNT(levels)];
    for (size_t i = 0; i < COUNT(levels); i++)
        ips[i] = outer_begin(&x->f, &levels[i]);
    inner(&x->f, 4);
    for (size_t i = COUNT(levels); i-- > 0;)
        outer_end(&x->f, &levels[i], ips[i]);
    for (unsigned depth = 0; depth <= 4; depth++) {
        struct weir_packet packet;
        unsigned reached = depth < 3 ? depth : 3;
        into_tunnels(x, depth);
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                         WEIR_REST_NONE);
        assert_int_equal(packet.key.protocol, protocols[reached]);
        assert_int_equal(packet.octets, octets[reached]);
        assert_int_equal(packet.encapsulation.depth, reached);
        const struct weir_parse_counters *c = weir_parser_counters(x->parser);
        assert_int_equal(c->packets_tunnel_deep, depth > 0 && depth < 3 ? 2 : 0);
        assert_int_equal(c->octets_of_tunnels, 2 * (octets[0] - octets[reached]));
    }
}

/* Of all fragments of a tunnel's packet only one has the headers inside. */
static void fragments_stay_outside(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 4);
    for (unsigned offset = 0; offset < 2; offset++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x0800);
        frame_ipv4_options(&x->f, 4, 7, (uint16_t)(0x2000 | offset), 0);
        frame_ipv4(&x->f, 6);
        x->f.ip = 14;
        frame_length(&x->f);
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                         WEIR_REST_NONE);
        assert_int_equal(packet.key.protocol, 4);
    }
    assert_int_equal(weir_parser_counters(x->parser)->packets_tunnel_fragment, 4);
}

/* A fragment of the datagram that begins in GRE under this key, from this port. */
static struct weir_packet fragment_inside(struct fixture *x, uint32_t key, bool is_later,
                                          uint16_t port)
{
    struct weir_packet packet;
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 47);
    weir_write_u32(&x->f.out, 0x20000800);
    weir_write_u32(&x->f.out, key);
    frame_ipv4_options(&x->f, 17, 9, is_later ? 0x0008 : 0x2000, 0);
    if (is_later)
        weir_write_zeros(&x->f.out, 64);
    else
        frame_udp(&x->f, port, 2000, 56);
    frame_length(&x->f);
    x->f.ip = 14;
    frame_length(&x->f);
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                     WEIR_REST_NONE);
    assert_int_equal(packet.encapsulation.id, key);
    return packet;
}

/* The same addresses and identification in two tunnels are two datagrams. */
static void fragments_are_of_their_tunnel(void **state)
{
    struct fixture *x = *state;
    into_tunnels(x, 1);
    for (uint32_t key = 1; key <= 2; key++)
        (void)fragment_inside(x, key, false, (uint16_t)(1000 * key));
    for (uint32_t key = 1; key <= 2; key++)
        assert_int_equal(fragment_inside(x, key, true, 0).key.src_port, 1000 * key);
    assert_int_equal(fragment_inside(x, 3, true, 0).key.src_port, 0);
}

static void with_all_layers(struct fixture *x, unsigned depth)
{
    const struct weir_parser_options options = {.tunnel_depth = depth, .all_layers = true};
    weir_parser_free(x->parser);
    assert_int_equal(weir_parser_new(&options, &x->parser), 0);
    assert_int_equal(weir_parser_packets_per_frame(x->parser), depth + 1);
}

/* Of a frame the packet of its outermost or of its innermost header alone. */
static struct weir_packet parse_alone(const struct weir_frame *frame, unsigned depth)
{
    const struct weir_parser_options options = {.tunnel_depth = depth};
    struct weir_parser *parser;
    struct weir_packet packet;
    assert_int_equal(weir_parser_new(&options, &parser), 0);
    assert_int_equal(weir_parse_batch(parser, frame, 1, &packet, NULL), 1);
    weir_parser_free(parser);
    return packet;
}

/* Of each tunnel the very packets that the outermost and the innermost header alone make. */
static void each_gives_both_layers(void **state)
{
    struct fixture *x = *state;
    uint64_t outer_octets = 0, inner_octets = 0;
    with_all_layers(x, 4);
    for (size_t i = 0; i < COUNT(tunnels); i++) {
        const struct tunnel *row = &tunnels[i];
        struct weir_packet packets[5];
        uint16_t frames[5];
        struct weir_frame frame = compose(&x->f, row);
        struct weir_packet alone[] = {parse_alone(&frame, 0), parse_alone(&frame, 4)};
        /* Authentication is gone over, and what it covers is the packet's protocol. */
        if (row->protocol == 51)
            alone[0].key.protocol = 4;
        if (weir_parse_batch(x->parser, &frame, 1, packets, frames) != 2)
            fail_msg("%s: not two packets", row->name);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(frames[k], 0);
            assert_memory_equal(&packets[k].key, &alone[k].key, sizeof(packets[k].key));
            assert_int_equal(packets[k].octets, alone[k].octets);
            assert_int_equal(packets[k].encapsulation.depth, k);
        }
        if (packets[0].encapsulation.carried_kind != row->kind ||
            packets[0].encapsulation.carried_id != row->id)
            fail_msg("%s: carries kind %u, id %u", row->name, packets[0].encapsulation.carried_kind,
                     packets[0].encapsulation.carried_id);
        assert_int_equal(packets[0].encapsulation.kind, WEIR_ENCAPSULATION_NONE);
        assert_int_equal(packets[1].encapsulation.kind, row->kind);
        assert_int_equal(packets[1].encapsulation.id, row->id);
        assert_int_equal(packets[1].encapsulation.carried_kind, WEIR_ENCAPSULATION_NONE);
        outer_octets += packets[0].octets;
        inner_octets += packets[1].octets;
        assert_accounted(x->parser);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->packets_parsed, COUNT(tunnels));
    assert_int_equal(c->octets_parsed, outer_octets);
    assert_int_equal(c->packets_inner, COUNT(tunnels));
    assert_int_equal(c->octets_inner, inner_octets);
    assert_int_equal(c->packets_in_tunnels, COUNT(tunnels));
    assert_int_equal(c->octets_of_tunnels, 0);
}

/* As many packets as IP headers, up to the depth; one that is not there or cut is none. */
static void all_layers_of_a_stack(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel gre = {"", 47, 0, 0, "\x20\0\x08\0\0\0\0\7", 8, 4, 0, 0, false};
    static const struct tunnel vxlan = {"", 17, 5000, 4789, "\x08\0\0\0\0\1\2\0" ETHERNET("\x08\0"),
                                        22, 4,  0,    0,    false};
    frame_ethernet(&x->f, 0x0800);
    size_t outer_ip = outer_begin(&x->f, &gre);
    size_t middle_ip = outer_begin(&x->f, &vxlan);
    inner(&x->f, 4);
    outer_end(&x->f, &vxlan, middle_ip);
    outer_end(&x->f, &gre, outer_ip);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    struct weir_packet packets[4];
    for (unsigned depth = 1; depth <= 3; depth++) {
        with_all_layers(x, depth);
        assert_int_equal(weir_parse_batch(x->parser, &frame, 1, packets, NULL),
                         depth < 2 ? depth + 1 : 3);
        static const uint8_t protocols[] = {47, 17, 6};
        for (unsigned k = 0; k <= depth && k < 3; k++)
            assert_int_equal(packets[k].key.protocol, protocols[k]);
        assert_int_equal(packets[0].encapsulation.carried_id, 7);
        assert_int_equal(packets[1].encapsulation.id, 7);
        assert_int_equal(packets[1].encapsulation.carried_id, depth < 2 ? 0 : 0x102);
        assert_accounted(x->parser);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    for (frame.captured = 34; frame.captured < frame.wire_octets; frame.captured++) {
        uint64_t before = c->packets_inner;
        size_t count = weir_parse_batch(x->parser, &frame, 1, packets, NULL);
        assert_int_equal(count, 1 + c->packets_inner - before);
        assert_int_equal(packets[0].octets, frame.wire_octets - 14);
        assert_accounted(x->parser);
    }
    assert_true(c->packets_tunnel_cut > 0);
}

/* Teredo that only its addresses tell is looked for where the packet is, and not its outermost. */
static void teredo_in_a_tunnel(void **state)
{
    struct fixture *x = *state;
    static const struct tunnel gre = {"", 47, 0, 0, "\0\0\x08\0", 4, 4, 0, 0, true};
    static const struct tunnel teredo = {"", 17, 3797, 32900, "", 0, 6, 0, 0, false};
    struct weir_packet packets[4];
    with_all_layers(x, 3);
    frame_ethernet(&x->f, 0x86dd);
    size_t outer_ip = outer_begin(&x->f, &gre);
    size_t middle_ip = outer_begin(&x->f, &teredo);
    inner(&x->f, 6);
    outer_end(&x->f, &teredo, middle_ip);
    outer_end(&x->f, &gre, outer_ip);
    memcpy(x->f.octets + middle_ip + 20 + 8 + 8, "\x20\1\0\0", 4);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    assert_int_equal(parse_alone(&frame, 3).encapsulation.kind, WEIR_ENCAPSULATION_TEREDO);
    assert_int_equal(weir_parse_batch(x->parser, &frame, 1, packets, NULL), 3);
    assert_int_equal(packets[1].encapsulation.carried_kind, WEIR_ENCAPSULATION_TEREDO);
    assert_int_equal(packets[2].encapsulation.kind, WEIR_ENCAPSULATION_TEREDO);
    assert_accounted(x->parser);
}

/* Authentication alone is no tunnel, but it is gone over to the transport header. */
static void authentication_headers(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    into_tunnels(x, 4);
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 51);
    weir_write_octets(&x->f.out, "\6\4\0\0\0\0\0\1\0\0\0\1\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c", 24);
    frame_tcp(&x->f, 443, 50000, 0x18, 40);
    frame_length(&x->f);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
    assert_true(is_inner(&packet));
    assert_int_equal(packet.octets, 20 + 24 + 60);
    assert_int_equal(packet.encapsulation.depth, 0);
    for (frame.captured = 34; frame.captured < 34 + 24; frame.captured++) {
        assert_int_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
        assert_int_equal(packet.key.protocol, 51);
    }
    assert_int_equal(weir_parser_counters(x->parser)->packets_tunnel_cut, 2 * 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_entered),
        TEST(outer_is_the_default),
        TEST(each_is_cut),
        TEST(each_is_shorter),
        TEST(each_is_flipped),
        TEST(other_users_of_the_ports),
        TEST(tunnels_without_ip),
        TEST(depth_is_limited),
        TEST(fragments_stay_outside),
        TEST(fragments_are_of_their_tunnel),
        TEST(authentication_headers),
        TEST(each_gives_both_layers),
        TEST(all_layers_of_a_stack),
        TEST(teredo_without_its_port),
        TEST(teredo_in_a_tunnel),
        TEST(vlan_of_a_mirrored_frame),
    };
    return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
