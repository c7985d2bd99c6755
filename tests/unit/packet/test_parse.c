/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/parse.h"

#include "parse_fixture.h"

static void assert_key_v4(const struct weir_packet *packet, uint8_t protocol, uint16_t src_port,
                          uint16_t dst_port)
{
    assert_int_equal(packet->key.src_addr.low, UINT64_C(0xffffc0000201));
    assert_int_equal(packet->key.dst_addr.low, UINT64_C(0xffffc6336402));
    assert_int_equal(packet->key.src_addr.high | packet->key.dst_addr.high, 0);
    assert_int_equal(packet->key.protocol, protocol);
    assert_int_equal(packet->key.src_port, src_port);
    assert_int_equal(packet->key.dst_port, dst_port);
    assert_int_equal(packet->key.tos, 0xb8);
    assert_int_equal(packet->ttl, 63);
}

static void tcp_over_ethernet(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 6);
    frame_tcp(&x->f, 443, 50000, 0x1d2, 100);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_key_v4(&packet, 6, 443, 50000);
    assert_int_equal(packet.tcp_flags, 0x1d2);
    assert_int_equal(packet.octets, 140);
    assert_int_equal(packet.wire_octets, 154);
    assert_int_equal(packet.flags, 0);
    assert_int_equal(packet.vlan, 0);
    assert_int_equal(packet.time_ns, FRAME_TIME_NS);
    assert_int_equal(weir_parser_counters(x->parser)->octets_link_layer, 2 * 14);
}

static void padding_is_not_counted(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 17);
    frame_udp(&x->f, 53, 1024, 1);
    frame_length(&x->f);
    weir_write_zeros(&x->f.out, 60 - x->f.out.length);
    assert_int_equal(parse_ok(x, WEIR_LINK_ETHERNET).octets, 29);
    assert_int_equal(weir_parser_counters(x->parser)->octets_link_layer, 2 * 31);
}

static void udp_over_ipv6(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 17);
    frame_udp(&x->f, 53, 1024, 12);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_int_equal(packet.key.src_addr.high, UINT64_C(0x20010db800000000));
    assert_int_equal(packet.key.src_addr.low, 1);
    assert_int_equal(packet.key.dst_addr.low, 2);
    assert_int_equal(packet.key.src_port, 53);
    assert_int_equal(packet.key.dst_port, 1024);
    assert_int_equal(packet.key.tos, 0xb8);
    assert_int_equal(packet.flow_label, 0x12345);
    assert_int_equal(packet.ttl, 63);
    assert_int_equal(packet.octets, 60);
    assert_int_equal(packet.flags, WEIR_PACKET_V6);
}

static void vlan_tags(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x88a8);
    frame_vlan(&x->f, 0x6064, 0x9100);
    frame_vlan(&x->f, 0x00c8, 0x8100);
    frame_vlan(&x->f, 0x012c, 0x0800);
    frame_ipv4(&x->f, 17);
    frame_udp(&x->f, 1, 2, 0);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_key_v4(&packet, 17, 1, 2);
    assert_int_equal(packet.vlan, 100);
    assert_int_equal(packet.octets, 28);
}

static void too_many_vlan_tags(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    frame_ethernet(&x->f, 0x8100);
    for (int i = 0; i < 8; i++)
        frame_vlan(&x->f, 1, 0x8100);
    frame_vlan(&x->f, 1, 0x0800);
    frame_ipv4(&x->f, 17);
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                     WEIR_REST_MALFORMED_VLAN);
}

static void snap(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 50);
    weir_write_octets(&x->f.out, "\xaa\xaa\x03\0\0\0\x08\0", 8);
    frame_ipv4(&x->f, 17);
    frame_udp(&x->f, 1, 2, 0);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_key_v4(&packet, 17, 1, 2);
}

static void cooked_raw_and_null(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint16_t link_type;
        uint8_t octets[20];
        size_t length;
    } links[] = {
        {WEIR_LINK_SLL, {0, 0, 0, 1, [14] = 8, 0}, 16},
        {WEIR_LINK_SLL2, {8, 0, [9] = 1}, 20},
        {WEIR_LINK_RAW, {0}, 0},
        {WEIR_LINK_DLT_RAW, {0}, 0},
        {WEIR_LINK_OPENBSD_RAW, {0}, 0},
        {WEIR_LINK_IPV4, {0}, 0},
        {WEIR_LINK_NULL, {2}, 4},
        {WEIR_LINK_NULL, {0, 0, 0, 2}, 4},
        {WEIR_LINK_LOOP, {0, 0, 0, 2}, 4},
        {WEIR_LINK_NULL, {15, 0, 8, 0}, 4}, /* an EtherType */
    };
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        frame_begin(&x->f);
        weir_write_octets(&x->f.out, links[i].octets, links[i].length);
        frame_ipv4(&x->f, 17);
        frame_udp(&x->f, 1, 2, 0);
        frame_length(&x->f);
        struct weir_packet packet = parse_ok(x, links[i].link_type);
        assert_key_v4(&packet, 17, 1, 2);
        assert_int_equal(packet.octets, 28);
    }
}

static void null_families_of_ipv6(void **state)
{
    struct fixture *x = *state;
    static const uint8_t families[] = {10, 24, 28, 30};
    for (size_t i = 0; i < sizeof(families); i++) {
        for (int big = 0; big < 2; big++) {
            frame_begin(&x->f);
            file_u32(&x->f.out, big, families[i]);
            frame_ipv6(&x->f, 17);
            frame_udp(&x->f, 1, 2, 0);
            frame_length(&x->f);
            assert_int_equal(parse_ok(x, WEIR_LINK_NULL).flags, WEIR_PACKET_V6);
        }
    }
}

static void null_families_of_others(void **state)
{
    struct fixture *x = *state;
    static const uint32_t families[] = {0, 1, 7, 0x0806, 0x01020304};
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        weir_write_u32(&x->f.out, families[i]);
        frame_ipv4(&x->f, 17);
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_NULL), &packet),
                         WEIR_REST_OTHER_PROTOCOL);
    }
}

static void raw_ipv6(void **state)
{
    struct fixture *x = *state;
    static const uint16_t links[] = {WEIR_LINK_RAW, WEIR_LINK_IPV6};
    frame_ipv6(&x->f, 17);
    frame_udp(&x->f, 1, 2, 0);
    frame_length(&x->f);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(parse_ok(x, links[i]).octets, 48);
}

static void not_ip_by_cause(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint16_t ethertype;
        enum weir_rest rest;
    } rows[] = {
        {0x0806, WEIR_REST_ARP},
        {0x8035, WEIR_REST_ARP},
        {0x88cc, WEIR_REST_LLDP},
        {0x8847, WEIR_REST_MALFORMED_LINK}, /* no label is the last */
        {0x8848, WEIR_REST_MALFORMED_LINK},
        {0x8863, WEIR_REST_PPPOE},
        {0x8864, WEIR_REST_PPPOE}, /* version 0 */
        {0x880b, WEIR_REST_PPP},
        {0x88e5, WEIR_REST_MACSEC},
        {0x888e, WEIR_REST_EAPOL},
        {0x0026, WEIR_REST_LLC},
        {0x6003, WEIR_REST_OTHER_PROTOCOL},
        {0x05ff, WEIR_REST_OTHER_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, rows[i].ethertype);
        weir_write_zeros(&x->f.out, 46);
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                         rows[i].rest);
    }
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->rest[WEIR_REST_ARP].packets, 4); /* each is parsed twice */
    assert_int_equal(c->rest[WEIR_REST_ARP].octets, 4 * 60);
}

/* RFC 7011 section 4.2: what may have been IP, and when; ARP never was. */
static void what_is_ignored_has_times(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint16_t ethertype;
        int64_t time_ns;
    } rows[] = {{0x0806, 5}, {0x0800, 40}, {0x0800, 30}, {0x86dd, 70}, {0x0806, 90}};
    struct weir_parse_counters sum = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, rows[i].ethertype);
        struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
        frame.time_ns = rows[i].time_ns;
        assert_int_not_equal(parse_copy(x->parser, frame, &packet), WEIR_REST_NONE);
    }
    const struct weir_parse_counters *counters = weir_parser_counters(x->parser);
    assert_int_equal(counters->ignored_first_ns, 30);
    assert_int_equal(counters->ignored_last_ns, 70);

    const struct weir_parse_counters none = {0};
    const struct weir_parse_counters other = {
        .packets_observed = 1, .ignored_first_ns = 50, .ignored_last_ns = 80};
    weir_parse_counters_add(counters, &sum);
    weir_parse_counters_add(&none, &sum);
    weir_parse_counters_add(&other, &sum);
    assert_int_equal(sum.packets_observed, counters->packets_observed + 1);
    assert_int_equal(sum.ignored_first_ns, 30);
    assert_int_equal(sum.ignored_last_ns, 80);
}

static void unparsed_links_are_told_apart(void **state)
{
    struct fixture *x = *state;
    weir_write_zeros(&x->f.out, 60);
    for (uint16_t link = 170; link < 190; link++) {
        struct weir_packet packet;
        for (int i = 0; i <= link - 170; i++)
            assert_int_equal(parse_copy(x->parser, frame_end(&x->f, link), &packet),
                             WEIR_REST_LINK_TYPE);
    }
    uint16_t link_type;
    struct weir_rest_count count;
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(weir_parser_unparsed_link(x->parser, i, &link_type, &count), 0);
        assert_int_equal(link_type, 170 + i);
        assert_int_equal(count.packets, 2 * (i + 1));
        assert_int_equal(count.octets, 120 * (i + 1));
    }
    assert_int_equal(weir_parser_unparsed_link(x->parser, 16, &link_type, &count),
                     WEIR_E_NOT_FOUND);
}

/* Which header makes a packet, and in how many octets of it ports and flags are known. */
static void cut_at_every_octet(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x8100);
    frame_vlan(&x->f, 5, 0x0800);
    frame_ipv4_options(&x->f, 6, 1, 0, 8);
    frame_tcp(&x->f, 443, 50000, 0x012, 60);
    frame_length(&x->f);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    const uint32_t ip = 18, tcp = ip + 28, whole = frame.captured;
    for (uint32_t captured = 0; captured < whole; captured++) {
        struct weir_packet packet;
        frame.captured = captured;
        enum weir_rest rest = parse_copy(x->parser, frame, &packet);
        if (captured < ip + 20) {
            assert_int_equal(rest, WEIR_REST_TRUNCATED);
            continue;
        }
        assert_int_equal(rest, WEIR_REST_NONE);
        bool ports = captured >= tcp + 4;
        assert_key_v4(&packet, 6, ports ? 443 : 0, ports ? 50000 : 0);
        assert_int_equal(packet.octets, whole - ip);
        assert_int_equal(packet.tcp_flags, captured >= tcp + 14 ? 0x012 : 0);
        assert_int_equal(packet.flags, captured < tcp + 20 ? WEIR_PACKET_TRUNCATED : 0);
        assert_int_equal(packet.vlan, 5);
    }
}

/* The same where the wire itself had no more: that breaks a rule instead. */
static void short_frames_are_malformed(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4_options(&x->f, 6, 1, 0, 8);
    frame_tcp(&x->f, 443, 50000, 0x012, 0);
    frame_length(&x->f);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    for (uint32_t octets = 0; octets < 14 + 28; octets++) {
        struct weir_packet packet;
        frame.captured = frame.wire_octets = octets;
        assert_int_equal(parse_copy(x->parser, frame, &packet),
                         octets < 14 ? WEIR_REST_MALFORMED_LINK : WEIR_REST_MALFORMED_IP_HEADER);
    }
}

static void cut_ipv6_at_every_octet(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 0);
    frame_extension(&x->f, 60, 8);
    frame_extension(&x->f, 43, 16);
    frame_extension(&x->f, 51, 8);
    frame_extension(&x->f, 17, 16); /* AH counts in units of 4, so this one is 12 octets */
    x->f.out.length -= 4;
    frame_udp(&x->f, 5353, 5354, 20);
    frame_length(&x->f);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    const uint32_t udp = (uint32_t)x->f.udp, whole = frame.captured;
    for (uint32_t captured = 0; captured <= whole; captured++) {
        struct weir_packet packet;
        frame.captured = captured;
        enum weir_rest rest = parse_copy(x->parser, frame, &packet);
        if (captured < 54) {
            assert_int_equal(rest, WEIR_REST_TRUNCATED);
            continue;
        }
        assert_int_equal(rest, WEIR_REST_NONE);
        assert_int_equal(packet.octets, whole - 14);
        assert_int_equal(packet.key.src_port, captured >= udp + 4 ? 5353 : 0);
        assert_int_equal(packet.key.dst_port, captured >= udp + 4 ? 5354 : 0);
        assert_int_equal(packet.flags,
                         WEIR_PACKET_V6 | (captured < udp + 8 ? WEIR_PACKET_TRUNCATED : 0));
        if (captured >= udp)
            assert_int_equal(packet.key.protocol, 17);
    }
}

/* Every octet of some frames, changed in every bit: nothing but ASan, UBSan and the accounts. */
static void flips(void **state)
{
    struct fixture *x = *state;
    for (int kind = 0; kind < 4; kind++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, kind < 2 ? 0x0800 : 0x86dd);
        if (kind < 2)
            frame_ipv4_options(&x->f, kind ? 17 : 6, 9, 0, 4);
        else
            frame_ipv6(&x->f, 0);
        if (kind >= 2) {
            frame_extension(&x->f, 44, 8);
            frame_ipv6_fragment(&x->f, 60, kind == 3 ? 0x0101 : 0x0001, 99);
            frame_extension(&x->f, 6, 16);
        }
        frame_tcp(&x->f, 1, 2, 3, 4);
        frame_length(&x->f);
        for (size_t at = 0; at < x->f.out.length; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct weir_packet packet;
                x->f.octets[at] ^= (uint8_t)(1u << bit);
                (void)parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
                x->f.octets[at] ^= (uint8_t)(1u << bit);
            }
        }
    }
}

static void ip_header_rules(void **state)
{
    struct fixture *x = *state;
    static const struct {
        size_t at;
        uint8_t value;
        enum weir_rest rest;
    } rows[] = {
        {14, 0x35, WEIR_REST_MALFORMED_IP_VERSION}, {14, 0x65, WEIR_REST_MALFORMED_IP_VERSION},
        {14, 0x44, WEIR_REST_MALFORMED_IP_HEADER},  {14, 0x4f, WEIR_REST_MALFORMED_IP_LENGTH},
        {17, 19, WEIR_REST_MALFORMED_IP_LENGTH},    {17, 20, WEIR_REST_NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x0800);
        frame_ipv4(&x->f, 17);
        frame_udp(&x->f, 1, 2, 4);
        frame_length(&x->f);
        x->f.octets[rows[i].at] = rows[i].value;
        assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                         rows[i].rest);
    }
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 17);
    x->f.octets[14] = 0x40;
    struct weir_packet packet;
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                     WEIR_REST_MALFORMED_IP_VERSION);
}

static void transport_rules(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint8_t protocol;
        uint8_t octets; /* of payload */
        uint8_t at;     /* in it, an octet changed to */
        uint8_t value;
        bool malformed;
    } rows[] = {
        {6, 19, 0, 0, true},     {6, 20, 12, 0x40, true}, {6, 20, 12, 0x50, false},
        {6, 20, 12, 0x60, true}, {17, 7, 0, 0, true},     {17, 8, 5, 7, true},
        {17, 8, 5, 8, false},    {17, 8, 5, 0, false},    {132, 11, 0, 0, true},
        {132, 12, 0, 0, false},  {33, 11, 0, 0, true},    {33, 12, 0, 0, false},
        {136, 7, 0, 0, true},    {136, 8, 0, 0, false},   {1, 3, 0, 0, true},
        {1, 4, 0, 0, false},     {58, 3, 0, 0, true},     {47, 0, 0, 0, false},
        {51, 40, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x0800);
        frame_ipv4(&x->f, rows[i].protocol);
        for (unsigned o = 0; o < rows[i].octets; o++)
            weir_write_u8(&x->f.out, (uint8_t)(o == rows[i].at ? rows[i].value
                                               : o < 4         ? o + 1
                                                               : 0));
        frame_length(&x->f);
        struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
        assert_int_equal(packet.flags, rows[i].malformed ? WEIR_PACKET_MALFORMED_L4 : 0);
        if (rows[i].malformed)
            assert_int_equal(packet.key.src_port | packet.key.dst_port | packet.tcp_flags, 0);
        assert_int_equal(packet.octets, 20 + rows[i].octets);
    }
    assert_int_equal(weir_parser_counters(x->parser)->packets_malformed, 0);
    assert_int_equal(weir_parser_counters(x->parser)->packets_malformed_transport, 2 * 10);
}

static void ports_by_protocol(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint8_t protocol;
        uint16_t src_port, dst_port;
    } rows[] = {
        {132, 0x0102, 0x0304},
        {33, 0x0102, 0x0304},
        {136, 0x0102, 0x0304},
        {1, 0, 0x0102},
        {58, 0, 0x0102},
        {2, 0, 0},
        {47, 0, 0},
        {50, 0x0102, 0x0304}, /* the SPI */
        {51, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x0800);
        frame_ipv4(&x->f, rows[i].protocol);
        weir_write_u32(&x->f.out, 0x01020304);
        weir_write_zeros(&x->f.out, 16);
        frame_length(&x->f);
        struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
        assert_key_v4(&packet, rows[i].protocol, rows[i].src_port, rows[i].dst_port);
    }
}

static void extension_headers(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 60);
    for (int i = 0; i < 15; i++)
        frame_extension(&x->f, 60, 8);
    frame_extension(&x->f, 17, 8);
    frame_udp(&x->f, 7, 8, 0);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_int_equal(packet.key.protocol, 17);
    assert_int_equal(packet.key.dst_port, 8);

    /* A seventeenth is one too many: counted without ports, with all its octets. */
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 60);
    for (int i = 0; i < 16; i++)
        frame_extension(&x->f, 60, 8);
    frame_extension(&x->f, 17, 8);
    frame_udp(&x->f, 7, 8, 0);
    frame_length(&x->f);
    packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_int_equal(packet.flags, WEIR_PACKET_V6 | WEIR_PACKET_MALFORMED_L4);
    assert_int_equal(packet.octets, 40 + 17 * 8 + 8);
}

static void extension_header_past_the_packet(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 60);
    frame_extension(&x->f, 17, 8);
    frame_udp(&x->f, 7, 8, 0);
    frame_length(&x->f);
    x->f.octets[14 + 41] = 2; /* 24 octets, and there are 16 */
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_int_equal(packet.flags, WEIR_PACKET_V6 | WEIR_PACKET_MALFORMED_L4);
    assert_int_equal(packet.key.protocol, 60);
}

static void no_next_header_and_others_stop(void **state)
{
    struct fixture *x = *state;
    static const uint8_t protocols[] = {59, 135, 253};
    for (size_t i = 0; i < sizeof(protocols); i++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x86dd);
        frame_ipv6(&x->f, 0);
        frame_extension(&x->f, protocols[i], 8);
        weir_write_zeros(&x->f.out, 16);
        frame_length(&x->f);
        struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
        assert_int_equal(packet.key.protocol, protocols[i]);
        assert_int_equal(packet.key.src_port | packet.key.dst_port, 0);
        assert_int_equal(packet.flags, WEIR_PACKET_V6);
    }
}

static void length_zero(void **state)
{
    struct fixture *x = *state;
    for (int version = 4; version <= 6; version += 2) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, version == 4 ? 0x0800 : 0x86dd);
        if (version == 4)
            frame_ipv4(&x->f, 6);
        else
            frame_ipv6(&x->f, 6);
        frame_tcp(&x->f, 1, 2, 0x10, 2000);
        struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
        assert_int_equal(packet.octets, x->f.out.length - 14);
        assert_int_equal(packet.key.dst_port, 2);
    }
    assert_int_equal(weir_parser_counters(x->parser)->packets_length_of_frame, 4);

    /* A frame so short may be padded, so it says nothing of the length. */
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 6);
    frame_tcp(&x->f, 1, 2, 0x10, 6);
    struct weir_packet packet;
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                     WEIR_REST_MALFORMED_IP_LENGTH);
}

static void jumbograms(void **state)
{
    struct fixture *x = *state;
    static const struct {
        uint32_t jumbo, wire;
        enum weir_rest rest;
    } rows[] = {
        {100000, 100054, WEIR_REST_NONE},
        {100000, 100053, WEIR_REST_MALFORMED_IP_LENGTH}, /* longer than its frame */
        {65535, 100054, WEIR_REST_MALFORMED_IP_LENGTH},  /* RFC 2675 section 3 */
        {UINT32_MAX, 100054, WEIR_REST_MALFORMED_IP_LENGTH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x86dd);
        frame_ipv6(&x->f, 0);
        weir_write_u32(&x->f.out, 0x1100c204);
        weir_write_u32(&x->f.out, rows[i].jumbo);
        frame_udp(&x->f, 7, 8, 0);
        struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
        frame.wire_octets = rows[i].wire;
        struct weir_packet packet;
        assert_int_equal(parse_copy(x->parser, frame, &packet), rows[i].rest);
        if (rows[i].rest == WEIR_REST_NONE) {
            assert_int_equal(packet.octets, rows[i].jumbo + 40);
            assert_int_equal(packet.key.dst_port, 8);
        }
    }
}

static void beyond_the_frame(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4(&x->f, 17);
    frame_udp(&x->f, 1, 2, 72);
    weir_writer_patch_u16(&x->f.out, 14 + 2, 1500);
    assert_int_equal(parse_ok(x, WEIR_LINK_ETHERNET).octets, 1500);
    assert_int_equal(weir_parser_counters(x->parser)->octets_beyond_frame, 2 * (1500 - 114));
    assert_int_equal(weir_parser_counters(x->parser)->octets_link_layer, 0);
}

static struct weir_packet fragment_v4(struct fixture *x, uint16_t id, uint16_t word,
                                      uint8_t protocol, int64_t time_ns)
{
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4_options(&x->f, protocol, id, word, 0);
    if (word & 0x1fff)
        weir_write_zeros(&x->f.out, 64);
    else
        frame_udp(&x->f, 1000, 2000, 56);
    frame_length(&x->f);
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    frame.time_ns = time_ns;
    struct weir_packet packet;
    assert_int_equal(weir_parse_batch(x->parser, &frame, 1, &packet, NULL), 1);
    return packet;
}

static void later_fragments_take_the_ports(void **state)
{
    struct fixture *x = *state;
    const unsigned later = WEIR_PACKET_FRAGMENT | WEIR_PACKET_LATER_FRAGMENT;
    const int64_t second = INT64_C(1000000000);
    struct weir_packet packet = fragment_v4(x, 1, 0x2008, 17, 0);
    assert_int_equal(packet.key.src_port, 0); /* the first has not come yet */
    assert_int_equal(packet.flags, later);
    packet = fragment_v4(x, 1, 0x2000, 17, 0);
    assert_int_equal(packet.key.src_port, 1000);
    assert_int_equal(packet.flags, WEIR_PACKET_FRAGMENT);
    packet = fragment_v4(x, 1, 0x0008, 17, 30 * second);
    assert_int_equal(packet.key.src_port, 1000);
    assert_int_equal(packet.key.dst_port, 2000);
    assert_int_equal(packet.flags, later);
    assert_int_equal(packet.octets, 84);
    packet = fragment_v4(x, 1, 0x0008, 17, 30 * second + 1);
    assert_int_equal(packet.key.src_port, 0); /* too long ago */
    packet = fragment_v4(x, 2, 0x0008, 17, 0);
    assert_int_equal(packet.key.src_port, 0); /* another datagram */
    packet = fragment_v4(x, 1, 0x0008, 6, 0);
    assert_int_equal(packet.key.src_port, 0); /* another protocol */
    const struct weir_parse_counters *c = weir_parser_counters(x->parser);
    assert_int_equal(c->packets_fragment, 6);
    assert_int_equal(c->packets_fragment_unmatched, 4);
    assert_accounted(x->parser);
}

static void fragment_table_is_bounded(void **state)
{
    struct fixture *x = *state;
    weir_parser_free(x->parser);
    x->parser = NULL;
    const struct weir_parser_options options = {.fragment_entries = 16};
    assert_int_equal(weir_parser_new(&options, &x->parser), 0);
    for (uint16_t id = 0; id < 1000; id++)
        (void)fragment_v4(x, id, 0x2000, 17, id);
    unsigned found = 0;
    for (uint16_t id = 0; id < 1000; id++)
        found += fragment_v4(x, id, 0x0008, 17, 1000).key.src_port == 1000;
    assert_int_equal(found, 16);
    assert_int_equal(weir_parser_counters(x->parser)->fragments_evicted, 1000 - 16);
}

static void ipv6_fragments(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packets[3];
    /* The first has a destination options header before UDP, which the others do not show. */
    for (unsigned i = 0; i < 3; i++) {
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x86dd);
        frame_ipv6(&x->f, 44);
        frame_ipv6_fragment(&x->f, 60, (uint16_t)(i * 64 + (i < 2)), 77);
        if (i == 0) {
            frame_extension(&x->f, 17, 8);
            frame_udp(&x->f, 1000, 2000, 48);
        } else {
            weir_write_zeros(&x->f.out, 64);
        }
        frame_length(&x->f);
        struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
        assert_int_equal(weir_parse_batch(x->parser, &frame, 1, &packets[i], NULL), 1);
        assert_memory_equal(&packets[i].key, &packets[0].key, sizeof(packets[0].key));
        assert_int_equal(packets[i].octets, 40 + 8 + 64);
    }
    assert_int_equal(packets[0].key.protocol, 17);
    assert_int_equal(packets[0].key.dst_port, 2000);
    assert_true(packets[2].flags & WEIR_PACKET_LATER_FRAGMENT);

    /* An atomic fragment is whole. */
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x86dd);
    frame_ipv6(&x->f, 44);
    frame_ipv6_fragment(&x->f, 17, 0, 78);
    frame_udp(&x->f, 3, 4, 0);
    frame_length(&x->f);
    struct weir_packet packet = parse_ok(x, WEIR_LINK_ETHERNET);
    assert_int_equal(packet.flags, WEIR_PACKET_V6);
    assert_int_equal(packet.key.dst_port, 4);
}

/* A first fragment of eight octets has the ports, and breaks no rule (RFC 1858). */
static void tiny_first_fragment(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4_options(&x->f, 6, 5, 0x2000, 0);
    weir_write_u64(&x->f.out, UINT64_C(0x0016000000000000));
    frame_length(&x->f);
    struct weir_packet packet;
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet),
                     WEIR_REST_NONE);
    assert_int_equal(packet.key.src_port, 22);
    assert_int_equal(packet.flags, WEIR_PACKET_FRAGMENT);
}

static void batch_tells_which_frame(void **state)
{
    struct fixture *x = *state;
    static struct frame_builder builders[6];
    struct weir_frame frames[6];
    for (size_t i = 0; i < 6; i++) {
        frame_begin(&builders[i]);
        frame_ethernet(&builders[i], i % 2 ? 0x0800 : 0x0806);
        frame_ipv4(&builders[i], 17);
        frame_udp(&builders[i], 1, (uint16_t)i, 0);
        frame_length(&builders[i]);
        frames[i] = frame_end(&builders[i], WEIR_LINK_ETHERNET);
        frames[i].interface = (uint16_t)(10 + i);
    }
    struct weir_packet packets[6];
    uint16_t frame_of[6];
    assert_int_equal(weir_parse_batch(x->parser, frames, 6, packets, frame_of), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(frame_of[i], 2 * i + 1);
        assert_int_equal(packets[i].key.dst_port, 2 * i + 1);
        assert_int_equal(packets[i].key.observation_point, 10 + 2 * i + 1);
    }
    assert_accounted(x->parser);
}

static void counters_have_unique_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < weir_parse_counter_count; i++) {
        assert_true(weir_parse_counter_table[i].help[0] != '\0');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(weir_parse_counter_table[i].name,
                                    weir_parse_counter_table[j].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tcp_over_ethernet),
        TEST(padding_is_not_counted),
        TEST(udp_over_ipv6),
        TEST(vlan_tags),
        TEST(too_many_vlan_tags),
        TEST(snap),
        TEST(cooked_raw_and_null),
        TEST(null_families_of_ipv6),
        TEST(null_families_of_others),
        TEST(raw_ipv6),
        TEST(not_ip_by_cause),
        TEST(what_is_ignored_has_times),
        TEST(unparsed_links_are_told_apart),
        TEST(cut_at_every_octet),
        TEST(short_frames_are_malformed),
        TEST(cut_ipv6_at_every_octet),
        TEST(flips),
        TEST(ip_header_rules),
        TEST(transport_rules),
        TEST(ports_by_protocol),
        TEST(extension_headers),
        TEST(extension_header_past_the_packet),
        TEST(no_next_header_and_others_stop),
        TEST(length_zero),
        TEST(jumbograms),
        TEST(beyond_the_frame),
        TEST(later_fragments_take_the_ports),
        TEST(fragment_table_is_bounded),
        TEST(ipv6_fragments),
        TEST(tiny_first_fragment),
        TEST(batch_tells_which_frame),
        cmocka_unit_test(counters_have_unique_names),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
