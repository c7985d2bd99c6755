/* SPDX-License-Identifier: Apache-2.0 */
#define ZLIB_CONST /* its input is not written to */
#include "packet/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "build.h"

#define MICRO 0xa1b2c3d4u
#define NANO  0xa1b23c4du

static uint8_t file[4 << 20];
static struct weir_writer out;

static int begin(void **state)
{
    (void)state;
    out = weir_writer_make(file, sizeof(file));
    return 0;
}

static int open_octets(const uint8_t *octets, size_t length, struct weir_source **ret_source,
                       struct weir_diag *diag)
{
    struct weir_stream *stream;
    assert_int_equal(weir_stream_open_memory(octets, length, "memory", &stream, diag), 0);
    int result = weir_source_open_stream(stream, NULL, ret_source, diag);
    if (result < 0)
        weir_stream_close(stream);
    return result;
}

/* Everything that a capture holds, and how it ended. */
struct content {
    struct weir_frame frames[400];
    size_t count;
    int result;
    struct weir_diag diag;
    struct weir_source_counters counters;
};
static struct content content;
static bool content_is_damaged;

static void read_with(const uint8_t *octets, size_t length, size_t capacity)
{
    memset(&content, 0, sizeof(content));
    struct weir_source *source;
    content.result = open_octets(octets, length, &source, &content.diag);
    if (content.result < 0)
        return;
    do {
        size_t room = sizeof(content.frames) / sizeof(content.frames[0]) - content.count;
        size_t count = 0;
        content.result = weir_source_next(source, content.frames + content.count,
                                          capacity < room ? capacity : room, &count, &content.diag);
        for (size_t i = 0; i < count; i++) {
            const struct weir_frame *frame = &content.frames[content.count++];
            for (uint32_t o = 0; o < frame->captured && !content_is_damaged; o++)
                assert_int_equal(frame->octets[o], (uint8_t)o);
        }
    } while (content.result == 0);
    /* The end repeats. */
    size_t count = 0;
    struct weir_frame frame;
    assert_int_equal(weir_source_next(source, &frame, 1, &count, NULL), content.result);
    assert_int_equal(count, 0);
    content.counters = *weir_source_counters(source);
    assert_int_equal(content.counters.packets_read, content.count);
    weir_source_close(source);
}

static void read_all(void)
{
    assert_false(weir_writer_failed(&out));
    read_with(file, out.length, 256);
}

static void assert_text(const char *part)
{
    if (!strstr(content.diag.text, part))
        fail_msg("'%s' is not in '%s'", part, content.diag.text);
}

static void pcap_variants(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        for (int nano = 0; nano < 2; nano++) {
            begin(NULL);
            pcap_header(&out, big, nano ? NANO : MICRO, 113 | 0x10000000);
            pcap_record(&out, big, 0xffffffff, 999999, 60, 1500);
            pcap_record(&out, big, 1, 1000000, 0, 0);
            pcap_record(&out, big, 1, nano ? 1000000001 : 1000001, 0, 0);
            read_all();
            assert_int_equal(content.result, WEIR_E_END);
            assert_int_equal(content.count, 3);
            const struct weir_frame *frame = content.frames;
            int64_t unit = nano ? 1 : 1000;
            assert_int_equal(frame->time_ns, INT64_C(4294967295000000000) + 999999 * unit);
            assert_int_equal(frame->captured, 60);
            assert_int_equal(frame->wire_octets, 1500);
            assert_int_equal(frame->link_type, 113);
            assert_int_equal(frame[1].time_ns, 1000000000 + 1000000 * unit);
            assert_int_equal(frame[2].time_ns, 2000000000);
            assert_int_equal(content.counters.packets_time_clamped, 1);
            assert_int_equal(content.counters.octets_read, 1500);
            assert_int_equal(content.counters.octets_captured, 60);
        }
    }
}

static void modified_pcap(void **state)
{
    (void)state;
    pcap_header(&out, false, 0xa1b2cd34, 1);
    for (uint32_t i = 0; i < 2; i++) {
        pcap_record(&out, false, i, 0, 0, 60);
        weir_store_le32(file + out.length - 8, 20);
        weir_write_zeros(&out, 8);
        for (uint8_t o = 0; o < 20; o++)
            weir_write_u8(&out, o);
    }
    read_all();
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.count, 2);
    assert_int_equal(content.frames[1].captured, 20);
}

static void old_pcap_with_lengths_swapped(void **state)
{
    (void)state;
    pcap_header(&out, false, MICRO, 1);
    weir_store_le16(file + 6, 2);
    pcap_record(&out, false, 1, 0, 20, 60);
    weir_store_le32(file + 24 + 8, 60);
    weir_store_le32(file + 24 + 12, 20);
    read_all();
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.frames[0].captured, 20);
    assert_int_equal(content.frames[0].wire_octets, 60);
}

/* More than fits in the buffer, in records of all lengths, and in batches of every small size. */
static void records_across_pieces(void **state)
{
    (void)state;
    pcap_header(&out, false, MICRO, 1);
    uint64_t octets = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t length = i * 7919 % 20000;
        pcap_record(&out, false, i, 0, length, length + 1);
        octets += length;
    }
    for (size_t capacity = 1; capacity < 300; capacity += 37) {
        read_with(file, out.length, capacity);
        assert_int_equal(content.result, WEIR_E_END);
        assert_int_equal(content.count, 300);
        assert_int_equal(content.counters.octets_captured, octets);
    }
}

/* Who reads by turns lends a buffer: what was not taken goes along, and places stay right. */
static void lent_buffers(void **state)
{
    (void)state;
    uint8_t *buffers[2] = {malloc(WEIR_SOURCE_BUFFER_OCTETS), malloc(WEIR_SOURCE_BUFFER_OCTETS)};
    struct weir_source *source;
    struct weir_diag diag;
    pcap_header(&out, false, MICRO, 1);
    for (uint32_t i = 0; i < 300; i++)
        pcap_record(&out, false, i, 0, i * 7919 % 20000, 20000);
    size_t whole = out.length;
    pcap_record(&out, false, 300, 0, 40, 40);
    assert_int_equal(open_octets(file, out.length - 1, &source, &diag), 0);
    int result = 0;
    uint32_t taken = 0;
    for (unsigned turn = 0; result == 0; turn++) {
        struct weir_frame frames[7];
        size_t count = 0;
        if (turn % 3 > 0)
            weir_source_use(source, buffers[turn % 2]);
        result = weir_source_next(source, frames, 7, &count, &diag);
        for (size_t i = 0; i < count; i++, taken++) {
            assert_int_equal(frames[i].captured, taken * 7919 % 20000);
            for (uint32_t o = 0; o < frames[i].captured; o++)
                assert_int_equal(frames[i].octets[o], (uint8_t)o);
        }
    }
    assert_int_equal(result, WEIR_E_TRUNCATED);
    assert_int_equal(taken, 300);
    assert_int_equal(diag.offset, whole);
    weir_source_close(source);
    free(buffers[0]);
    free(buffers[1]);
}

static void longest_frame_and_one_more(void **state)
{
    (void)state;
    pcap_header(&out, false, MICRO, 1);
    pcap_record(&out, false, 1, 0, WEIR_FRAME_OCTETS_MAX, WEIR_FRAME_OCTETS_MAX);
    size_t second = out.length;
    pcap_record(&out, false, 1, 0, WEIR_FRAME_OCTETS_MAX + 1, WEIR_FRAME_OCTETS_MAX + 1);
    read_all();
    assert_int_equal(content.result, WEIR_E_MALFORMED);
    assert_int_equal(content.count, 1);
    assert_int_equal(content.diag.offset, second + 8);
    assert_text("memory: octet ");
}

/* However a capture is cut, the frames that are whole are delivered. */
static void cut_at_every_octet(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        begin(NULL);
        size_t ends[4];
        if (ng) {
            pcapng_section(&out, true);
            pcapng_interface(&out, true, 1, 0, NULL, 0);
        } else {
            pcap_header(&out, false, MICRO, 1);
        }
        size_t header = out.length;
        for (uint32_t i = 0; i < 4; i++) {
            if (ng)
                pcapng_packet(&out, true, 0, i, 9 + i, 60);
            else
                pcap_record(&out, false, i, 0, 9 + i, 60);
            ends[i] = out.length;
        }
        for (size_t length = 0; length <= out.length; length++) {
            uint8_t *copy = malloc(length ? length : 1);
            assert_non_null(copy);
            memcpy(copy, file, length);
            read_with(copy, length, 256);
            free(copy);
            size_t whole = 0;
            while (whole < 4 && ends[whole] <= length)
                whole++;
            assert_int_equal(content.count, whole);
            bool at_end = length == header || (whole > 0 && ends[whole - 1] == length) ||
                          (ng && length == 28);
            if (length >= 4)
                assert_int_equal(content.result, at_end ? WEIR_E_END : WEIR_E_TRUNCATED);
            else
                assert_true(content.result < 0 && content.result != WEIR_E_END);
        }
    }
}

static void flips(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        begin(NULL);
        if (ng) {
            pcapng_section(&out, false);
            pcapng_interface(&out, false, 1, 96, "\x02\0\x03\0ge0\0\x09\0\x01\0\x06\0\0\0\0\0\0\0",
                             20);
            pcapng_packet(&out, false, 0, 1, 8, 60);
            pcapng_packet(&out, false, 0, 2, 8, 60);
        } else {
            pcap_header(&out, true, MICRO, 1);
            pcap_record(&out, true, 1, 0, 8, 60);
            pcap_record(&out, true, 2, 0, 8, 60);
        }
        for (size_t at = 0; at < out.length; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                uint8_t *copy = malloc(out.length);
                assert_non_null(copy);
                memcpy(copy, file, out.length);
                copy[at] ^= (uint8_t)(1u << bit);
                struct weir_source *source;
                struct weir_diag diag;
                if (open_octets(copy, out.length, &source, &diag) == 0) {
                    struct weir_frame frames[8];
                    size_t count;
                    while (weir_source_next(source, frames, 8, &count, &diag) == 0)
                        for (size_t i = 0; i < count; i++)
                            for (uint32_t o = 0; o < frames[i].captured; o++)
                                assert_true(frames[i].octets + o < copy ||
                                            frames[i].octets[o] <= 255);
                    weir_source_close(source);
                }
                free(copy);
            }
        }
    }
}

static void foreign_files(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t length;
        int result;
        const char *text;
    } rows[] = {
        {"", 0, WEIR_E_UNSUPPORTED, "is empty"},
        {"\0\x0a\0\x10\0\0\0\0", 8, WEIR_E_UNSUPPORTED, "is an IPFIX file, not a pcap or pcapng"},
        {"\0\x0a\0\x10\0\0\0\0", 8, WEIR_E_UNSUPPORTED, "use weir collect -r"},
        {"\0\x05\0\x1e", 4, WEIR_E_UNSUPPORTED, "bare NetFlow v5"},
        {"\x0c\xa5\x02\0", 4, WEIR_E_UNSUPPORTED, "nfdump"},
        {"PAR1....", 8, WEIR_E_UNSUPPORTED, "Parquet"},
        {"\xfd"
         "7zXZ\0\0\0",
         8, WEIR_E_UNSUPPORTED, "xz compressed"},
        {"src,dst\n", 8, WEIR_E_UNSUPPORTED, "is text"},
        {"\x80\x81\x82", 3, WEIR_E_UNSUPPORTED, "does not know"},
        {"\xd4\xc3\xb2\xa1\x02\0\x04\0", 8, WEIR_E_TRUNCATED, "inside the pcap file header"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_with((const uint8_t *)rows[i].octets, rows[i].length, 1);
        assert_int_equal(content.result, rows[i].result);
        assert_text(rows[i].text);
        assert_text("memory: octet ");
    }
    struct weir_source *source;
    struct weir_diag diag;
    assert_int_equal(weir_source_open("/nonexistent/x", NULL, &source, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "/nonexistent/x: No such file or directory");
    assert_int_equal(weir_source_open("/", NULL, &source, &diag), WEIR_E_IO);
}

static void pcapng_sections_and_interfaces(void **state)
{
    (void)state;
    pcapng_section(&out, true);
    pcapng_interface(&out, true, 1, 0,
                     "\0\x02\0\x03"
                     "ge0",
                     8);
    pcapng_interface(&out, true, 101, 0,
                     "\0\x02\0\x03"
                     "ge1\0\0\x09\0\x01\x09\0\0\0",
                     16);
    pcapng_packet(&out, true, 1, 1500000000123456789, 20, 20);
    pcapng_packet(&out, true, 0, 1500000000123456, 20, 20);
    pcapng_section(&out, false);
    pcapng_interface(&out, false, 101, 0, "\x02\0\x03\0ge1", 8);
    pcapng_interface(&out, false, 276, 0, NULL, 0);
    pcapng_packet(&out, false, 0, 1500000000123456, 20, 20);
    pcapng_packet(&out, false, 1, 7, 20, 20);
    read_all();
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.count, 4);
    static const struct {
        uint16_t interface, link_type;
        int64_t time_ns;
    } expected[] = {
        {1, 101, INT64_C(1500000000123456789)},
        {0, 1, INT64_C(1500000000123456000)},
        {1, 101, INT64_C(1500000000123456000)},
        {2, 276, 7000},
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(content.frames[i].interface, expected[i].interface);
        assert_int_equal(content.frames[i].link_type, expected[i].link_type);
        assert_int_equal(content.frames[i].time_ns, expected[i].time_ns);
    }
}

static void pcapng_time_resolution(void **state)
{
    (void)state;
    static const struct {
        int64_t offset_seconds;
        uint64_t ticks;
        int64_t time_ns;
        uint8_t resolution;
        bool clamped;
    } rows[] = {
        {0, 1000001, 1000001000, 6, false},
        {0, 1001, 1001000000, 3, false},
        {5, 7, 12000000000, 0, false},
        {-1, 1000000007, 7, 9, false},
        {0, 1000000001999, 1000000001, 12, false},
        {0, 1536, 1500000000, 0x80 | 10, false},
        {0, UINT64_C(1) << 62, 500000000, 0x80 | 63, false},
        {3, UINT64_MAX, 3000000000, 0x80 | 64, false},
        {0, UINT64_C(10000000000000000000), 1000000000, 19, false},
        {2, UINT64_MAX, 2000000000, 20, false},
        {0, UINT64_MAX, INT64_MAX, 6, true},
        {0, UINT64_MAX, INT64_MAX, 0, true},
        {0, INT64_MAX, INT64_MAX, 9, false},
        {INT64_MAX, 1, INT64_MAX, 9, true},
        {INT64_MIN, 1, INT64_MIN, 9, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t options[24] = {0, 9, 0, 1, rows[i].resolution, 0, 0, 0, 0, 14, 0, 8};
        weir_store_be64(options + 12, (uint64_t)rows[i].offset_seconds);
        begin(NULL);
        pcapng_section(&out, true);
        pcapng_interface(&out, true, 1, 0, options, sizeof(options));
        pcapng_packet(&out, true, 0, rows[i].ticks, 1, 1);
        read_all();
        assert_int_equal(content.count, 1);
        assert_int_equal(content.frames[0].time_ns, rows[i].time_ns);
        assert_int_equal(content.counters.packets_time_clamped, rows[i].clamped);
    }
}

static void pcapng_simple_and_obsolete_packets(void **state)
{
    (void)state;
    pcapng_section(&out, true);
    pcapng_interface(&out, true, 1, 16, NULL, 0);
    size_t at = pcapng_begin(&out, true, 2);
    weir_write_u16(&out, 0);
    weir_write_u16(&out, 3); /* drops */
    weir_write_u64(&out, 5);
    weir_write_u32(&out, 3);
    weir_write_u32(&out, 60);
    weir_write_octets(&out, "\0\x01\x02", 3);
    pcapng_end(&out, true, at);
    at = pcapng_begin(&out, true, 3);
    weir_write_u32(&out, 60);
    for (uint8_t i = 0; i < 16; i++)
        weir_write_u8(&out, i);
    pcapng_end(&out, true, at);
    read_all();
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.count, 2);
    assert_int_equal(content.frames[0].captured, 3);
    assert_int_equal(content.frames[0].time_ns, 5000);
    assert_int_equal(content.frames[1].captured, 16); /* the snaplen's */
    assert_int_equal(content.frames[1].wire_octets, 60);
    assert_int_equal(content.frames[1].time_ns, 5000); /* that of the packet before */
}

static void pcapng_other_blocks_are_skipped(void **state)
{
    (void)state;
    pcapng_section(&out, false);
    pcapng_interface(&out, false, 1, 0, NULL, 0);
    static const uint32_t lengths[] = {0, 4, 100, 2 << 20};
    for (size_t i = 0; i < 4; i++) {
        size_t at = pcapng_begin(&out, false, 0xbad);
        weir_write_zeros(&out, lengths[i]);
        pcapng_end(&out, false, at);
        pcapng_packet(&out, false, 0, i, 8, 8);
    }
    read_all();
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.count, 4);
    assert_int_equal(content.counters.blocks_skipped, 4);
}

/* Each row changes one 32-bit field of a good capture; the frame before it is delivered. */
static void pcapng_rules(void **state)
{
    (void)state;
    static const struct {
        int from_second; /* octets from the second packet block on, or from the interface's */
        uint32_t value;
        int result;
        const char *text;
    } rows[] = {
        {4, 11, WEIR_E_MALFORMED, "block length"},
        {4, 41, WEIR_E_MALFORMED, "block length"},
        {4, 0, WEIR_E_MALFORMED, "block length"},
        {4, 36, WEIR_E_MALFORMED, "two lengths"},
        {4, 0xfffffff0, WEIR_E_MALFORMED, "longer than 1 MiB"},
        {4, 48, WEIR_E_TRUNCATED, "ends inside a block"},
        {8, 1, WEIR_E_MALFORMED, "not described"},
        {20, 9, WEIR_E_MALFORMED, "longer than its block"},
        {20, 262145, WEIR_E_MALFORMED, "262144"},
        {36, 44, WEIR_E_MALFORMED, "two lengths"},
        {0, 0x0a0d0d0a, WEIR_E_MALFORMED, "byte-order magic"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(NULL);
        pcapng_section(&out, false);
        pcapng_interface(&out, false, 1, 0, NULL, 0);
        pcapng_packet(&out, false, 0, 1, 8, 8);
        size_t second = out.length;
        pcapng_packet(&out, false, 0, 2, 8, 8);
        weir_store_le32(file + second + rows[i].from_second, rows[i].value);
        read_all();
        assert_int_equal(content.result, rows[i].result);
        assert_int_equal(content.count, 1);
        assert_text(rows[i].text);
        assert_true(content.diag.has_offset);
        assert_in_range(content.diag.offset, second, out.length);
    }
    begin(NULL);
    pcapng_section(&out, false);
    pcapng_interface(&out, false, 1, 0, "\x02\0\x40\0abcd", 8);
    read_all();
    assert_int_equal(content.result, WEIR_E_MALFORMED);
    assert_text("option");
}

static void too_many_interfaces(void **state)
{
    (void)state;
    pcapng_section(&out, false);
    for (unsigned i = 0; i < 4096; i++)
        pcapng_interface(&out, false, 1, 0, NULL, 0);
    pcapng_packet(&out, false, 4095, 7, 20, 20);
    pcapng_interface(&out, false, 1, 0, NULL, 0);
    read_all();
    assert_int_equal(content.result, WEIR_E_LIMIT);
    assert_int_equal(content.count, 1);
    assert_int_equal(content.frames[0].interface, 4095);
}

static size_t compress_gzip(const uint8_t *octets, size_t length, uint8_t *into, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = octets;
    z.avail_in = (uInt)length;
    z.next_out = into;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t written = room - z.avail_out;
    deflateEnd(&z);
    return written;
}

static size_t compress_zstd(const uint8_t *octets, size_t length, uint8_t *into, size_t room)
{
    size_t written = ZSTD_compress(into, room, octets, length, 3);
    assert_false(ZSTD_isError(written));
    return written;
}

static void compressed(void **state)
{
    (void)state;
    static uint8_t packed[4 << 20];
    size_t (*const compress[])(const uint8_t *, size_t, uint8_t *, size_t) = {compress_gzip,
                                                                              compress_zstd};
    for (int method = 0; method < 2; method++) {
        begin(NULL);
        pcap_header(&out, false, MICRO, 1);
        for (uint32_t i = 0; i < 200; i++)
            pcap_record(&out, false, i, 0, i * 40, 60);
        /* In two members, parted inside a record. */
        size_t half = out.length / 2 + 3;
        size_t length = compress[method](file, half, packed, sizeof(packed));
        length += compress[method](file + half, out.length - half, packed + length,
                                   sizeof(packed) - length);
        read_with(packed, length, 256);
        assert_int_equal(content.result, WEIR_E_END);
        assert_int_equal(content.count, 200);

        size_t before = 0;
        for (size_t cut = 4; cut < length; cut += 1 + length / 200) {
            read_with(packed, cut, 256);
            assert_int_equal(content.result, WEIR_E_TRUNCATED);
            assert_text("memory: octet ");
            assert_true(content.count >= before);
            before = content.count;
        }
        assert_true(before > 150);
        /* Damage in the middle: what came before is delivered. */
        for (size_t i = 0; i < 8; i++)
            packed[length - length / 4 + i] ^= 0xff;
        content_is_damaged = true;
        read_with(packed, length, 256);
        content_is_damaged = false;
        assert_true(content.result == WEIR_E_MALFORMED || content.result == WEIR_E_TRUNCATED);
        assert_true(content.count > 0 && content.count < 200);
    }
}

static void gzip_padding_and_garbage(void **state)
{
    (void)state;
    static uint8_t packed[4096];
    pcap_header(&out, false, MICRO, 1);
    pcap_record(&out, false, 1, 0, 40, 60);
    size_t length = compress_gzip(file, out.length, packed, sizeof(packed));
    memset(packed + length, 0, 512);
    read_with(packed, length + 512, 256);
    assert_int_equal(content.result, WEIR_E_END);
    assert_int_equal(content.count, 1);
    packed[length + 100] = 'x';
    read_with(packed, length + 512, 256);
    assert_int_equal(content.result, WEIR_E_MALFORMED);
    assert_int_equal(content.diag.offset, length + 100);
    assert_int_equal(content.count, 1);
}

/* Standard input that trickles in, one octet at a time. */
static void standard_input(void **state)
{
    (void)state;
    pcap_header(&out, false, MICRO, 1);
    for (uint32_t i = 0; i < 20; i++)
        pcap_record(&out, false, i, 0, i, 60);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < out.length; i++)
            if (write(ends[1], file + i, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    int saved = dup(STDIN_FILENO);
    assert_true(saved >= 0 && dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    struct weir_source *source;
    struct weir_diag diag;
    assert_int_equal(
        weir_source_open("-", &(struct weir_source_options){.first_interface = 3}, &source, &diag),
        0);
    struct weir_frame frames[64];
    size_t count, total = 0;
    int result;
    while ((result = weir_source_next(source, frames, 64, &count, &diag)) == 0) {
        assert_int_equal(frames[0].captured, total);
        assert_int_equal(frames[0].interface, 3);
        total += count;
    }
    assert_int_equal(result, WEIR_E_END);
    assert_int_equal(total, 20);
    weir_source_close(source);
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

/* A block that is skipped, and a packet, cut anywhere: who gave up waiting goes on there. */
static void waiting_can_be_given_up(void **state)
{
    (void)state;
    const uint32_t body = 1u << 20;
    pcapng_section(&out, true);
    pcapng_interface(&out, true, 1, 0, NULL, 0);
    pcapng_packet(&out, true, 0, 0, 60, 60);
    file_u32(&out, true, 0xbad);
    file_u32(&out, true, body + 12);
    const size_t before = out.length;
    file_u32(&out, true, body + 12);
    pcapng_packet(&out, true, 0, 1, 60, 60);
    const size_t tail = out.length - before;
    int ends[2];
    char path[32];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    assert_int_equal(write(ends[1], file, before), before);

    struct weir_source *source;
    struct weir_diag diag;
    struct weir_frame frames[64];
    size_t count;
    const struct weir_source_options options = {.stop = always};
    assert_int_equal(weir_source_open(path, &options, &source, &diag), 0);
    assert_int_equal(weir_source_next(source, frames, 64, &count, &diag), 0);
    assert_int_equal(count, 1);
    static const uint8_t zeros[1 << 16];
    for (uint32_t sent = 0; sent < body; sent += sizeof(zeros)) {
        assert_int_equal(weir_source_next(source, frames, 64, &count, &diag), WEIR_E_AGAIN);
        assert_int_equal(write(ends[1], zeros, sizeof(zeros)), sizeof(zeros));
    }
    for (size_t i = 0, piece; i < tail; i += piece) {
        piece = i < 4 ? 1 : tail - i < 30 ? tail - i : 30;
        assert_int_equal(weir_source_next(source, frames, 64, &count, &diag), WEIR_E_AGAIN);
        assert_int_equal(write(ends[1], file + before + i, piece), piece);
    }
    assert_int_equal(weir_source_next(source, frames, 64, &count, &diag), 0);
    assert_int_equal(count, 1);
    assert_int_equal(frames[0].captured, 60);
    assert_int_equal(weir_source_counters(source)->blocks_skipped, 1);
    close(ends[1]);
    assert_int_equal(weir_source_next(source, frames, 64, &count, &diag), WEIR_E_END);
    weir_source_close(source);
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pcap_variants),
        TEST(modified_pcap),
        TEST(old_pcap_with_lengths_swapped),
        TEST(records_across_pieces),
        TEST(lent_buffers),
        TEST(longest_frame_and_one_more),
        TEST(cut_at_every_octet),
        TEST(flips),
        TEST(foreign_files),
        TEST(pcapng_sections_and_interfaces),
        TEST(pcapng_time_resolution),
        TEST(pcapng_simple_and_obsolete_packets),
        TEST(pcapng_other_blocks_are_skipped),
        TEST(pcapng_rules),
        TEST(too_many_interfaces),
        TEST(compressed),
        TEST(gzip_padding_and_garbage),
        TEST(standard_input),
        TEST(waiting_can_be_given_up),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
