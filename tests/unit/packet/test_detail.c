/* SPDX-License-Identifier: Apache-2.0 */
#include "parse_fixture.h"

static struct weir_packet_detail detail_of(struct fixture *x, struct weir_frame frame,
                                           struct weir_packet *ret_packet)
{
    struct weir_packet_detail detail;
    assert_int_equal(weir_parse_details(x->parser, &frame, 1, ret_packet, &detail, NULL), 1);
    assert_int_equal(ret_packet->detail, 0);
    return detail;
}

/* A SYN behind a data offset of 8 words, with 12 octets of options, and 5 octets of payload. */
static void compose_syn(struct frame_builder *f, const char options[12])
{
    frame_ipv4(f, 6);
    weir_write_u16(&f->out, 40000);
    weir_write_u16(&f->out, 443);
    weir_write_u32(&f->out, 0xfffffff0);
    weir_write_u32(&f->out, 7);
    weir_write_u16(&f->out, 0x8002);
    weir_write_u16(&f->out, 64240);
    weir_write_u32(&f->out, 0);
    weir_write_octets(&f->out, options, 12);
    weir_write_octets(&f->out, "hello", 5);
    frame_length(f);
}

static void tcp_tells_its_numbers(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    frame_ethernet(&x->f, 0x0800);
    compose_syn(&x->f, "\2\4\5\264\1\3\3\20\4\2\0\0");
    struct weir_packet_detail detail = detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
    assert_int_equal(detail.has, WEIR_DETAIL_TCP | WEIR_DETAIL_MSS | WEIR_DETAIL_WINDOW_SCALE |
                                     WEIR_DETAIL_ETHERNET | WEIR_DETAIL_PAYLOAD);
    assert_int_equal(detail.tcp_sequence, 0xfffffff0);
    assert_int_equal(detail.tcp_acknowledgment, 7);
    assert_int_equal(detail.tcp_window, 64240);
    assert_int_equal(detail.tcp_mss, 1460);
    assert_int_equal(detail.tcp_window_scale, 14); /* 16 stands there */
    assert_int_equal(detail.payload_octets, 5);
    assert_int_equal(detail.payload_captured, 5);
    assert_memory_equal(detail.payload, "hello", 5);
    assert_int_equal(detail.dst_mac, 0x020000000002);
    assert_int_equal(detail.src_mac, 0x020000000001);
}

/* Options that lie about their length end the list; what was before them counts. */
static void wrong_options_end_the_list(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    frame_ethernet(&x->f, 0x0800);
    compose_syn(&x->f, "\2\4\5\264\3\0\3\3\7\1\1\1");
    assert_int_equal(detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet).has &
                         (WEIR_DETAIL_MSS | WEIR_DETAIL_WINDOW_SCALE),
                     WEIR_DETAIL_MSS);
    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x0800);
    compose_syn(&x->f, "\1\1\1\1\1\1\1\1\1\1\2\4");
    assert_int_equal(detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet).has &
                         (WEIR_DETAIL_MSS | WEIR_DETAIL_WINDOW_SCALE),
                     0);
}

/* Cut anywhere, nothing past the cut is read, and nothing is said that is not known. */
static void cut_frames_tell_what_they_have(void **state)
{
    struct fixture *x = *state;
    frame_ethernet(&x->f, 0x8847);
    weir_write_u32(&x->f.out, 0x00010040);
    weir_write_u32(&x->f.out, 0x000211ff);
    compose_syn(&x->f, "\2\4\5\264\1\3\3\7\4\2\0\0");
    struct weir_frame frame = frame_end(&x->f, WEIR_LINK_ETHERNET);
    const uint32_t ip = 14 + 8, transport = ip + 20, payload = transport + 32;
    for (uint32_t captured = 0; captured <= frame.wire_octets; captured++) {
        uint8_t *copy = malloc(captured + 1);
        memcpy(copy, frame.octets, captured);
        uint8_t *exact = realloc(copy, captured ? captured : 1);
        struct weir_frame cut = frame;
        struct weir_packet packet;
        struct weir_packet_detail detail;
        cut.octets = exact;
        cut.captured = captured;
        size_t count = weir_parse_details(x->parser, &cut, 1, &packet, &detail, NULL);
        assert_int_equal(count, captured >= transport);
        if (count == 1) {
            bool has_tcp = captured >= transport + 20;
            assert_int_equal((detail.has & WEIR_DETAIL_TCP) != 0, has_tcp);
            assert_int_equal((detail.has & WEIR_DETAIL_PAYLOAD) != 0, has_tcp);
            assert_int_equal((detail.has & WEIR_DETAIL_MSS) != 0, captured >= transport + 24);
            assert_int_equal(detail.payload_octets, has_tcp ? 5 : 0);
            assert_int_equal(detail.payload_captured, captured > payload ? captured - payload : 0);
            assert_int_equal(detail.label_count, 2);
            assert_memory_equal(detail.labels[0], "\0\1\0", 3);
            assert_memory_equal(detail.labels[1], "\0\2\x11", 3);
        }
        free(exact);
    }
}

static void fragments_tell_where_they_are(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4_options(&x->f, 17, 0x1234, 0x2000 | 185, 0);
    weir_write_zeros(&x->f.out, 40);
    frame_length(&x->f);
    struct weir_packet_detail detail = detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
    assert_int_equal(detail.fragment_id, 0x1234);
    assert_int_equal(detail.fragment_offset, 1480);
    assert_int_equal(detail.fragment_flags, WEIR_FRAGMENT_MORE);
    assert_int_equal(detail.payload_octets, 40);

    frame_begin(&x->f);
    frame_ethernet(&x->f, 0x0800);
    frame_ipv4_options(&x->f, 17, 9, 0x4000, 0);
    frame_udp(&x->f, 53, 53, 12);
    frame_length(&x->f);
    detail = detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
    assert_int_equal(detail.fragment_flags, WEIR_FRAGMENT_DONT);
    assert_int_equal(detail.payload_octets, 12);
    assert_int_equal(detail.has & WEIR_DETAIL_TCP, 0);
}

/* Where DCCP's data offset is inside its header, nothing is known of the payload. */
static void dccp_says_where_its_payload_is(void **state)
{
    struct fixture *x = *state;
    static const uint8_t offsets[] = {0, 2, 3, 4, 6, 7};
    for (size_t i = 0; i < sizeof(offsets); i++) {
        struct weir_packet packet;
        frame_begin(&x->f);
        frame_ethernet(&x->f, 0x0800);
        frame_ipv4(&x->f, 33);
        weir_write_u32(&x->f.out, 40000u << 16 | 443);
        weir_write_u8(&x->f.out, offsets[i]);
        weir_write_zeros(&x->f.out, 19);
        frame_length(&x->f);
        struct weir_packet_detail detail =
            detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
        bool is_known = offsets[i] >= 3 && offsets[i] <= 6;
        assert_int_equal((detail.has & WEIR_DETAIL_PAYLOAD) != 0, is_known);
        assert_int_equal(detail.payload_octets, is_known ? 24 - offsets[i] * 4 : 0);
    }
}

static void two_tags_are_told_apart(void **state)
{
    struct fixture *x = *state;
    struct weir_packet packet;
    frame_ethernet(&x->f, 0x88a8);
    frame_vlan(&x->f, 0x2064, 0x8100);
    frame_vlan(&x->f, 0x0007, 0x86dd);
    frame_ipv6(&x->f, 17);
    frame_udp(&x->f, 53, 53, 3);
    frame_length(&x->f);
    struct weir_packet_detail detail = detail_of(x, frame_end(&x->f, WEIR_LINK_ETHERNET), &packet);
    assert_int_equal(packet.vlan, 100);
    assert_int_equal(detail.inner_vlan, 7);
    assert_int_equal(detail.payload_octets, 3);
    assert_true(detail.has & WEIR_DETAIL_ETHERNET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tcp_tells_its_numbers),          TEST(wrong_options_end_the_list),
        TEST(cut_frames_tell_what_they_have), TEST(fragments_tell_where_they_are),
        TEST(dccp_says_where_its_payload_is), TEST(two_tags_are_told_apart),
    };
    return cmocka_run_group_tests_name("packet details", tests, NULL, NULL);
}
