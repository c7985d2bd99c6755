/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every capture in ../shared is read and parsed: its packets and octets are those that tshark and
 * capinfos count (data/capture-index.tsv), every octet is accounted for, and the IP packets are as
 * many as tshark's where both mean the same.
 */
#include "packet/datagram_source.h"
#include "packet/parse.h"

#include <stdlib.h>
#include <string.h>

#include "support/shared.h"

/* A row of the index. */
struct expected {
    char file[256];
    uint64_t packets, octets, v4, v6;
    char encapsulations[512];
    bool reader_failed; /* tshark could not read all */
};

/* Rows that tshark counts otherwise. */
static const struct {
    const char *file;
    uint64_t packets, octets;
    const char *why;
} differ[] = {
    {"capture/pcapng-conformance/be-test018.pcapng", 4, 1312, "custom blocks are no packets"},
    {"capture/pcapng-conformance/le-test018.pcapng", 4, 1312, "custom blocks are no packets"},
    {"capture/pcapng-conformance/be-test102.pcapng", 5, 1480, "custom blocks are no packets"},
    {"capture/pcapng-conformance/le-test102.pcapng", 5, 1480, "custom blocks are no packets"},
    {"capture/pcapng-conformance/be-test202.pcapng", 8, 2304, "custom blocks are no packets"},
    {"capture/pcapng-conformance/le-test202.pcapng", 8, 2304, "custom blocks are no packets"},
    {"capture/tcpdump/brcm-tag.pcap", 23, 4082, "tshark 4.0 does not know link type 281"},
    {"capture/tcpdump/edsa.pcap", 10, 872, "tshark 4.0 does not know link type 285"},
};

/* Rows whose IP packets tshark counts otherwise, without an encapsulation that tells. */
static const struct {
    const char *file;
    const char *why;
} ip_differ[] = {
    {"capture/akvorado/mpls-eompls-cw.pcap", "IP in a pseudowire that tshark does not look into"},
    {"capture/ndpi/fuzz-2006-09-29-28586.pcap", "two IPv4 packets of versions 1 and 2"},
    {"capture/pcapplusplus/ipv4-malformed.pcap",
     "IPv4 of another version; a length below its header's"},
    {"capture/tcpdump/arista_ether.pcap", "IP behind a header with Arista's time stamp"},
    {"capture/tcpdump/brcm-tag.pcap", "tshark 4.0 does not know link type 281"},
    {"capture/tcpdump/edsa.pcap", "tshark 4.0 does not know link type 285"},
    {"capture/tcpdump/gre-heapoverflow-1.pcap", "IPv4 of another version"},
    {"capture/tcpdump/ipv4_invalid_hdr_length.pcap", "IPv4 header of less than 20 octets"},
    {"capture/tcpdump/ipv6_39_byte_header.pcap", "IPv6 header captured but for one octet"},
    {"capture/tcpdump/ipv6_invalid_length.pcap", "IPv6 header of which the wire had 39 octets"},
    {"capture/tcpdump/macsec-integonly.pcap", "IP behind a MACsec header, not encrypted"},
    {"capture/zeek/trunc-ip4-trunc.pcap", "IPv4 header cut by the capture"},
    {"capture/zeek/trunc-ip6-trunc.pcap", "IPv6 header cut by the capture"},
};

/* With these tshark counts the packets inside, and some that weir has no IP header of. */
static const char *const encapsulations[] = {"ip-in-ip"};

static bool is_in_ip_differ(const struct expected *row)
{
    for (size_t i = 0; i < sizeof(ip_differ) / sizeof(ip_differ[0]); i++)
        if (strcmp(row->file, ip_differ[i].file) == 0)
            return true;
    return false;
}

static bool ip_is_comparable(const struct expected *row)
{
    for (size_t i = 0; i < sizeof(encapsulations) / sizeof(encapsulations[0]); i++)
        if (strstr(row->encapsulations, encapsulations[i]))
            return false;
    return !is_in_ip_differ(row);
}

static bool read_row(FILE *index, struct expected *row)
{
    char line[2048];
    memset(row, 0, sizeof(*row));
    if (!fgets(line, sizeof(line), index))
        return false;
    size_t column = 0;
    for (char *rest = line, *field; (field = strsep(&rest, "\t\n")) != NULL; column++) {
        switch (column) {
        case 0:
            snprintf(row->file, sizeof(row->file), "%s", field);
            break;
        case 3:
            row->packets = strtoull(field, NULL, 10);
            break;
        case 4:
            row->octets = strtoull(field, NULL, 10);
            break;
        case 5:
            row->v4 = strtoull(field, NULL, 10);
            break;
        case 6:
            row->v6 = strtoull(field, NULL, 10);
            break;
        case 12:
            snprintf(row->encapsulations, sizeof(row->encapsulations), "%s", field);
            break;
        case 13:
            row->reader_failed = strcmp(field, "-") != 0;
            break;
        }
    }
    for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
        if (strcmp(row->file, differ[i].file) == 0) {
            row->packets = differ[i].packets;
            row->octets = differ[i].octets;
            row->reader_failed = false;
        }
    }
    assert_true(column >= 14);
    return true;
}

/* packet/parse.h: every frame is counted once, every octet is accounted for. */
static void assert_accounted(const char *file, const struct weir_parse_counters *c)
{
    uint64_t packets = c->packets_parsed;
    uint64_t octets = c->octets_parsed + c->octets_link_layer - c->octets_beyond_frame;
    uint64_t malformed = 0;
    for (int i = 0; i < WEIR_REST_COUNT; i++) {
        packets += c->rest[i].packets;
        octets += c->rest[i].octets;
        if (i >= WEIR_REST_FIRST_MALFORMED)
            malformed += c->rest[i].packets;
    }
    if (packets != c->packets_observed || octets != c->octets_observed ||
        malformed != c->packets_malformed)
        fail_msg("%s: %llu of %llu packets, %llu of %llu octets accounted for", file,
                 (unsigned long long)packets, (unsigned long long)c->packets_observed,
                 (unsigned long long)octets, (unsigned long long)c->octets_observed);
}

/* Reads a capture and compares. Each frame is copied to its exact size, for ASan to watch. */
static void check_row(const struct expected *row, const char *path)
{
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_diag diag = {0};
    if (weir_source_open(path, NULL, &source, &diag) < 0)
        fail_msg("%s", diag.text);
    assert_int_equal(weir_parser_new(NULL, &parser), 0);
    uint64_t v4 = 0, v6 = 0;
    struct weir_frame frames[64];
    size_t count;
    int result;
    while ((result = weir_source_next(source, frames, 64, &count, &diag)) == 0) {
        for (size_t i = 0; i < count; i++) {
            uint8_t *copy = malloc(frames[i].captured ? frames[i].captured : 1);
            struct weir_packet packet;
            assert_non_null(copy);
            memcpy(copy, frames[i].octets, frames[i].captured);
            frames[i].octets = copy;
            if (weir_parse_batch(parser, &frames[i], 1, &packet, NULL) == 1) {
                v4 += (packet.flags & WEIR_PACKET_V6) == 0;
                v6 += (packet.flags & WEIR_PACKET_V6) != 0;
            }
            free(copy);
        }
    }
    const struct weir_source_counters *read = weir_source_counters(source);
    const struct weir_parse_counters *parsed = weir_parser_counters(parser);
    if (result != (row->reader_failed ? WEIR_E_UNSUPPORTED : WEIR_E_END))
        fail_msg("%s: %s %s", row->file, weir_error_text(result), diag.text);
    if (read->packets_read != row->packets || read->octets_read != row->octets)
        fail_msg("%s: %llu packets, %llu octets; expected %llu, %llu", row->file,
                 (unsigned long long)read->packets_read, (unsigned long long)read->octets_read,
                 (unsigned long long)row->packets, (unsigned long long)row->octets);
    assert_int_equal(parsed->packets_observed, read->packets_read);
    assert_int_equal(parsed->octets_observed, read->octets_read);
    assert_accounted(row->file, parsed);
    /* Both ways, so that the table holds no row without need. */
    bool is_same = v4 == row->v4 && v6 == row->v6;
    if (is_same && is_in_ip_differ(row))
        fail_msg("%s: differs no more", row->file);
    if (!is_same && ip_is_comparable(row))
        fail_msg("%s: %llu IPv4 and %llu IPv6 packets; expected %llu and %llu", row->file,
                 (unsigned long long)v4, (unsigned long long)v6, (unsigned long long)row->v4,
                 (unsigned long long)row->v6);
    weir_source_close(source);
    weir_parser_free(parser);
}

static void every_capture(void **state)
{
    (void)state;
    char path[WEIR_TEST_PATH_MAX];
    test_shared_or_skip("data/capture-index.tsv", path);
    FILE *index = fopen(path, "r");
    struct expected row;
    assert_non_null(index);
    assert_true(read_row(index, &row)); /* the heading */
    unsigned files = 0, comparable = 0;
    while (read_row(index, &row)) {
        char name[300];
        snprintf(name, sizeof(name), "data/%s", row.file);
        test_shared_or_skip(name, path);
        check_row(&row, path);
        files++;
        comparable += ip_is_comparable(&row);
    }
    fclose(index);
    printf("# %u captures, IP packets compared in %u\n", files, comparable);
    assert_true(files >= 266);
    assert_true(comparable >= 180);
}

/* Of each capture every prefix in steps that grow: whatever is whole comes out, nothing crashes. */
static void every_capture_cut(void **state)
{
    (void)state;
    char path[WEIR_TEST_PATH_MAX];
    test_shared_or_skip("data/capture-index.tsv", path);
    FILE *index = fopen(path, "r");
    struct expected row;
    assert_non_null(index);
    assert_true(read_row(index, &row));
    while (read_row(index, &row)) {
        char name[300];
        snprintf(name, sizeof(name), "data/%s", row.file);
        test_shared_or_skip(name, path);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        static uint8_t octets[65536];
        size_t length = fread(octets, 1, sizeof(octets), file);
        fclose(file);
        uint64_t before = 0;
        for (size_t cut = 0; cut < length; cut += 1 + length / 64) {
            struct weir_stream *stream;
            struct weir_datagram_source *source;
            struct weir_captured_datagram datagram;
            uint8_t *copy = malloc(cut ? cut : 1);
            assert_non_null(copy);
            memcpy(copy, octets, cut);
            assert_int_equal(weir_stream_open_memory(copy, cut, row.file, &stream, NULL), 0);
            if (weir_datagram_open_stream(stream, NULL, &source, NULL) == 0) {
                int result;
                do
                    result = weir_datagram_next(source, &datagram, NULL);
                while (result == 0);
                assert_true(result == WEIR_E_END || result == WEIR_E_TRUNCATED ||
                            result == WEIR_E_UNSUPPORTED);
                const struct weir_datagram_counters *counters = weir_datagram_counters(source);
                uint64_t packets = counters->datagrams_read + counters->packets_not_udp;
                assert_true(packets >= before);
                before = packets;
                weir_datagram_close(source);
            } else {
                weir_stream_close(stream);
            }
            free(copy);
        }
    }
    fclose(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_capture),
        cmocka_unit_test(every_capture_cut),
    };
    return cmocka_run_group_tests_name("golden packet", tests, NULL, NULL);
}
