/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/datagram_source.h"

#include <stdlib.h>

#include "build.h"

static uint8_t file[8 << 20];
static struct weir_writer out;

static int begin(void **state)
{
    (void)state;
    out = weir_writer_make(file, sizeof(file));
    pcap_header(&out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
    return 0;
}

/* Puts a frame into the capture, of which `captured` octets are kept. */
static void record(const struct frame_builder *f, uint32_t seconds, size_t captured)
{
    size_t at = out.length;
    pcap_record(&out, false, seconds, 0, 0, (uint32_t)f->out.length);
    weir_store_le32(file + at + 8, (uint32_t)captured);
    weir_write_octets(&out, f->octets, captured);
}

struct result {
    struct weir_captured_datagram datagrams[80];
    uint8_t payloads[80][4096];
    size_t count;
    int result;
    struct weir_datagram_counters counters;
};
static struct result got;

static void read_all(void)
{
    assert_false(weir_writer_failed(&out));
    memset(&got, 0, sizeof(got));
    uint8_t *copy = malloc(out.length);
    assert_non_null(copy);
    memcpy(copy, file, out.length);
    struct weir_stream *stream;
    struct weir_datagram_source *source;
    struct weir_diag diag;
    assert_int_equal(weir_stream_open_memory(copy, out.length, "memory", &stream, &diag), 0);
    assert_int_equal(weir_datagram_open_stream(stream, NULL, &source, &diag), 0);
    struct weir_captured_datagram datagram;
    while ((got.result = weir_datagram_next(source, &datagram, &diag)) == 0 && got.count < 80) {
        if (datagram.captured > 0)
            memcpy(got.payloads[got.count], datagram.payload,
                   datagram.captured < 4096 ? datagram.captured : 4096);
        got.datagrams[got.count++] = datagram;
    }
    got.counters = *weir_datagram_counters(source);
    assert_int_equal(got.counters.datagrams_read, got.count);
    weir_datagram_close(source);
    free(copy);
}

static void whole_datagrams(void **state)
{
    (void)state;
    struct frame_builder f;
    frame_begin(&f);
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, 17);
    frame_udp(&f, 2055, 4739, 5);
    frame_length(&f);
    memcpy(f.octets + f.udp + 8, "hello", 5);
    weir_write_zeros(&f.out, 13); /* Ethernet's padding is not payload */
    record(&f, 5, f.out.length);
    frame_begin(&f);
    frame_ethernet(&f, 0x86dd);
    frame_ipv6(&f, 17);
    frame_udp(&f, 1, 2, 0);
    frame_length(&f);
    record(&f, 6, f.out.length);
    frame_begin(&f);
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, 6);
    frame_tcp(&f, 1, 2, 0, 100);
    frame_length(&f);
    record(&f, 7, f.out.length);
    read_all();
    assert_int_equal(got.result, WEIR_E_END);
    assert_int_equal(got.count, 2);
    const struct weir_captured_datagram *first = &got.datagrams[0];
    assert_int_equal(first->src_addr.low, UINT64_C(0xffffc0000201));
    assert_int_equal(first->dst_addr.low, UINT64_C(0xffffc6336402));
    assert_int_equal(first->src_port, 2055);
    assert_int_equal(first->dst_port, 4739);
    assert_int_equal(first->time_ns, 5000000000);
    assert_int_equal(first->captured, 5);
    assert_int_equal(first->length, 5);
    assert_memory_equal(got.payloads[0], "hello", 5);
    assert_int_equal(got.datagrams[1].length, 0);
    assert_int_equal(got.counters.packets_not_udp, 1);
}

/* What the capture cut is delivered as far as it goes, and says so. */
static void cut_at_every_octet(void **state)
{
    (void)state;
    struct frame_builder f;
    frame_begin(&f);
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, 17);
    frame_udp(&f, 2055, 4739, 20);
    frame_length(&f);
    for (size_t captured = 0; captured <= f.out.length; captured++) {
        begin(NULL);
        record(&f, 1, captured);
        read_all();
        if (captured < 42) {
            assert_int_equal(got.count, 0);
            continue;
        }
        assert_int_equal(got.count, 1);
        assert_int_equal(got.datagrams[0].length, 20);
        assert_int_equal(got.datagrams[0].captured, captured - 42);
        assert_int_equal(got.counters.datagrams_cut, captured < f.out.length);
    }
}

/* Octet `at` of the datagram whose fragments are made here: a UDP header and 3000 octets. */
static uint8_t datagram_octet(uint32_t at)
{
    static const uint8_t udp[8] = {8, 7, 0x12, 0x83, 3008 >> 8, 3008 & 0xff, 0, 0};
    return at < 8 ? udp[at] : (uint8_t)(at * 7);
}

static void fragment(uint16_t id, uint32_t offset, uint32_t length, bool more, uint8_t change,
                     uint32_t seconds, bool v6)
{
    struct frame_builder f;
    frame_begin(&f);
    frame_ethernet(&f, v6 ? 0x86dd : 0x0800);
    if (v6) {
        frame_ipv6(&f, 44);
        frame_ipv6_fragment(&f, 17, (uint16_t)(offset | more), id);
    } else {
        frame_ipv4_options(&f, 17, id, (uint16_t)((more ? 0x2000 : 0) | offset / 8), 0);
    }
    for (uint32_t at = offset; at < offset + length; at++)
        weir_write_u8(&f.out, datagram_octet(at) ^ change);
    frame_length(&f);
    record(&f, seconds, f.out.length);
}

static void assert_reassembled(void)
{
    assert_int_equal(got.count, 1);
    assert_int_equal(got.datagrams[0].src_port, 0x0807);
    assert_int_equal(got.datagrams[0].dst_port, 4739);
    assert_int_equal(got.datagrams[0].captured, 3000);
    assert_int_equal(got.datagrams[0].length, 3000);
    for (uint32_t at = 8; at < 3008; at++)
        assert_int_equal(got.payloads[0][at - 8], datagram_octet(at));
    assert_int_equal(got.counters.datagrams_reassembled, 1);
}

static void fragments_in_every_order(void **state)
{
    (void)state;
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int v6 = 0; v6 < 2; v6++) {
        for (size_t o = 0; o < 6; o++) {
            begin(NULL);
            for (uint32_t i = 0; i < 3; i++) {
                uint32_t piece = orders[o][i];
                fragment(9, piece * 1480, piece < 2 ? 1480 : 48, piece < 2, 0, 1 + i, v6);
                if (i == 0) /* twice is no harm */
                    fragment(9, piece * 1480, piece < 2 ? 1480 : 48, piece < 2, 0, 1, v6);
            }
            read_all();
            assert_reassembled();
            assert_int_equal(got.datagrams[0].time_ns, 3000000000);
            assert_int_equal(got.counters.datagrams_overlapping, 0);
            assert_int_equal(got.counters.datagrams_incomplete, 0);
        }
    }
}

static void two_datagrams_at_once(void **state)
{
    (void)state;
    fragment(1, 0, 1480, true, 0, 1, false);
    fragment(2, 0, 1480, true, 0, 1, false);
    fragment(1, 1480, 1528, false, 0, 1, false);
    fragment(2, 1480, 1528, false, 0, 1, false);
    read_all();
    assert_int_equal(got.count, 2);
    assert_int_equal(got.counters.datagrams_reassembled, 2);
}

/* RFC 5722: a datagram with pieces that do not agree is dropped, not guessed at. */
static void overlaps(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, length;
        bool more;
        uint8_t change;
    } second[] = {
        {8, 1480, true, 0},    /* reaches into the first */
        {0, 1480, true, 1},    /* the first again, with other octets */
        {1480, 1481, true, 0}, /* a middle piece of odd length */
        {1480, 0, true, 0},    /* nothing */
        {8, 800, false, 0},    /* an end before the end of what is there */
    };
    for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
        begin(NULL);
        fragment(3, 0, 1480, true, 0, 1, false);
        fragment(3, second[i].offset, second[i].length, second[i].more, second[i].change, 1, false);
        fragment(3, 1480, 1528, false, 0, 1, false);
        read_all();
        assert_int_equal(got.count, 0);
        assert_int_equal(got.counters.datagrams_overlapping, 1);
        assert_int_equal(got.counters.datagrams_incomplete, 1); /* the last piece is alone */
    }
    begin(NULL);
    fragment(3, 1480, 1528, false, 0, 1, false);
    fragment(3, 2960, 80, true, 0, 1, false); /* past the end */
    read_all();
    assert_int_equal(got.counters.datagrams_overlapping, 1);
    begin(NULL);
    fragment(3, 65528, 16, false, 0, 1, false); /* past the end of any datagram */
    read_all();
    assert_int_equal(got.counters.datagrams_overlapping, 1);
}

static void missing_and_late_fragments(void **state)
{
    (void)state;
    fragment(4, 0, 1480, true, 0, 100, false);
    fragment(4, 1480, 1528, false, 0, 131, false); /* 30 s have passed */
    read_all();
    assert_int_equal(got.count, 0);
    assert_int_equal(got.counters.datagrams_incomplete, 2);
    begin(NULL);
    fragment(4, 0, 1480, true, 0, 100, false);
    fragment(4, 1480, 1528, false, 0, 130, false);
    read_all();
    assert_reassembled();
}

static void waiting_is_bounded(void **state)
{
    (void)state;
    for (uint16_t id = 0; id < 65; id++)
        fragment(id, 0, 1480, true, 0, 1 + id / 10, false);
    for (uint16_t id = 0; id < 65; id++)
        fragment(id, 1480, 1528, false, 0, 10, false);
    read_all();
    /* The first had to go for the 65th, and its second half found nothing to join. */
    assert_int_equal(got.count, 64);
    assert_int_equal(got.counters.datagrams_incomplete, 2);
}

static void cut_fragments(void **state)
{
    (void)state;
    fragment(5, 0, 1480, true, 0, 1, false);
    fragment(5, 1480, 1528, false, 0, 1, false);
    out.length -= 1;
    size_t last = 24 + 16 + 14 + 20 + 1480;
    weir_store_le32(file + last + 8, weir_load_le32(file + last + 8) - 1);
    read_all();
    assert_int_equal(got.count, 0);
    assert_int_equal(got.counters.fragments_cut, 1);
}

/* Extension headers may stand between the fragment header and UDP, in the first piece only. */
static void extension_header_in_the_fragments(void **state)
{
    (void)state;
    struct frame_builder f;
    for (unsigned i = 0; i < 2; i++) {
        frame_begin(&f);
        frame_ethernet(&f, 0x86dd);
        frame_ipv6(&f, 44);
        frame_ipv6_fragment(&f, 60, i ? 32 : 1, 8);
        if (i == 0) {
            frame_extension(&f, 17, 8);
            frame_udp(&f, 7, 9, 16);
            weir_writer_patch_u16(&f.out, f.udp + 4, 8 + 24);
        } else {
            weir_write_u64(&f.out, UINT64_C(0x6162636465666768));
        }
        frame_length(&f);
        record(&f, 1, f.out.length);
    }
    read_all();
    assert_int_equal(got.count, 1);
    assert_int_equal(got.datagrams[0].dst_port, 9);
    assert_int_equal(got.datagrams[0].length, 24);
    assert_memory_equal(got.payloads[0] + 16, "abcdefgh", 8);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_datagrams),
        TEST(cut_at_every_octet),
        TEST(fragments_in_every_order),
        TEST(two_datagrams_at_once),
        TEST(overlaps),
        TEST(missing_and_late_fragments),
        TEST(waiting_is_bounded),
        TEST(cut_fragments),
        TEST(extension_header_in_the_fragments),
    };
    return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}
