/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/traffic.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "packet/parse.h"
#include "support/cmocka.h"

#include <string.h>

/* A tenth of the realistic mix: a tenth of the packets, flows and live flows in the same time. */
#define PACKETS     1500000
#define FLOWS       120000
#define SECONDS     400
#define PLACES      (1u << 19)
#define PLACES_HARD (1u << 22)

struct seen {
    struct weir_flow_key key;
    int64_t first_ns, last_ns;
    uint32_t packets;
    uint16_t first_flags, last_flags;
};

struct summary {
    uint64_t packets, flows, octets, tcp, udp, icmp, v6, out_of_order, captured_max;
    struct weir_parse_counters parsed;
    struct seen *seen;
    size_t places;
    int64_t first_ns, last_ns;
};

static int write_all(const struct weir_traffic_options *options, uint8_t **ret_octets,
                     size_t *ret_length, size_t piece)
{
    struct weir_traffic *traffic;
    struct weir_diag diag;
    int result = weir_traffic_new(options, &traffic, &diag);
    if (result < 0)
        return result;
    size_t room = 24 + options->packets * 112, length = 0, count;
    uint8_t *octets = malloc(room + WEIR_TRAFFIC_READ_OCTETS_MIN);
    assert_non_null(octets);
    do {
        size_t left = room + WEIR_TRAFFIC_READ_OCTETS_MIN - length;
        count = weir_traffic_read(traffic, octets + length, piece < left ? piece : left);
        length += count;
    } while (count > 0);
    weir_traffic_free(traffic);
    *ret_octets = octets;
    *ret_length = length;
    return 0;
}

static void note(struct summary *summary, const struct weir_hash_key *hash,
                 const struct weir_packet *packet)
{
    size_t at = weir_hash(hash, &packet->key, sizeof(packet->key)) & (summary->places - 1);
    struct seen *seen = &summary->seen[at];
    while (seen->packets > 0 && memcmp(&seen->key, &packet->key, sizeof(seen->key)) != 0)
        seen = &summary->seen[at = (at + 1) & (summary->places - 1)];
    if (seen->packets++ == 0) {
        summary->flows++;
        seen->key = packet->key;
        seen->first_ns = packet->time_ns;
        seen->first_flags = packet->tcp_flags;
    }
    seen->last_ns = packet->time_ns;
    seen->last_flags = packet->tcp_flags;
}

static struct summary summarize(const struct weir_traffic_options *options, size_t places)
{
    struct summary summary = {.places = places};
    uint8_t *octets = NULL;
    size_t length = 0;
    assert_int_equal(write_all(options, &octets, &length, 1 << 20), 0);
    summary.seen = calloc(places, sizeof(summary.seen[0]));
    assert_non_null(summary.seen);
    struct weir_stream *stream;
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_hash_key hash;
    weir_hash_key_seed(&hash, 0);
    assert_int_equal(weir_parser_new(NULL, &parser), 0);
    assert_int_equal(weir_stream_open_memory(octets, length, "traffic", &stream, NULL), 0);
    assert_int_equal(weir_source_open_stream(stream, NULL, &source, NULL), 0);
    struct weir_frame frames[64];
    struct weir_packet packets[64];
    size_t count;
    int result;
    while ((result = weir_source_next(source, frames, 64, &count, NULL)) == 0) {
        for (size_t i = 0; i < count; i++)
            if (frames[i].captured > summary.captured_max)
                summary.captured_max = frames[i].captured;
        count = weir_parse_batch(parser, frames, count, packets, NULL);
        for (size_t i = 0; i < count; i++) {
            const struct weir_packet *packet = &packets[i];
            if (summary.packets++ == 0)
                summary.first_ns = packet->time_ns;
            else if (packet->time_ns < summary.last_ns)
                summary.out_of_order++;
            summary.last_ns = packet->time_ns;
            summary.octets += packet->octets;
            summary.tcp += packet->key.protocol == 6;
            summary.udp += packet->key.protocol == 17;
            summary.icmp += packet->key.protocol == 1 || packet->key.protocol == 58;
            summary.v6 += (packet->flags & WEIR_PACKET_V6) != 0;
            note(&summary, &hash, packet);
        }
    }
    assert_int_equal(result, WEIR_E_END);
    summary.parsed = *weir_parser_counters(parser);
    weir_source_close(source);
    weir_parser_free(parser);
    free(octets);
    return summary;
}

static void assert_share(uint64_t part, uint64_t whole, unsigned percent)
{
    uint64_t tenths = part * 1000 / whole;
    assert_in_range(tenths, percent * 10 - 5, percent * 10 + 5);
}

static struct summary tenth;

static int make_tenth(void **state)
{
    (void)state;
    struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
    assert_int_equal(options.packets, 10 * PACKETS);
    assert_int_equal(options.flows, 10 * FLOWS);
    assert_int_equal(options.duration_ns, SECONDS * WEIR_NS_PER_SECOND);
    options.packets = PACKETS;
    options.flows = FLOWS;
    tenth = summarize(&options, PLACES);
    return 0;
}

static int free_tenth(void **state)
{
    (void)state;
    free(tenth.seen);
    return 0;
}

static void realistic(void **state)
{
    (void)state;
    const struct summary summary = tenth;
    assert_int_equal(summary.packets, PACKETS);
    assert_in_range(summary.flows, FLOWS - FLOWS / 1000, FLOWS);
    assert_share(summary.tcp, PACKETS, 71);
    assert_share(summary.udp, PACKETS, 26);
    assert_share(summary.icmp, PACKETS, 3);
    assert_share(summary.v6, PACKETS, 20);
    assert_in_range(summary.octets / PACKETS, 620, 680);
    assert_int_equal(summary.captured_max, 96);
    assert_int_equal(summary.out_of_order, 0);
    assert_in_range(summary.last_ns - summary.first_ns, 395 * WEIR_NS_PER_SECOND,
                    SECONDS * WEIR_NS_PER_SECOND);
    assert_int_equal(summary.parsed.packets_malformed, 0);
    assert_int_equal(summary.parsed.packets_malformed_transport, 0);
    assert_int_equal(summary.parsed.packets_cut, 0);
    assert_int_equal(summary.parsed.octets_beyond_frame, 0);
}

static int larger_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* The n-th largest flow has 1/n of the largest's packets. */
static void sizes_are_zipfs(void **state)
{
    (void)state;
    const struct summary summary = tenth;
    uint32_t *sizes = calloc(summary.flows, sizeof(sizes[0]));
    assert_non_null(sizes);
    size_t count = 0;
    for (size_t i = 0; i < summary.places; i++)
        if (summary.seen[i].packets > 0)
            sizes[count++] = summary.seen[i].packets;
    assert_int_equal(count, summary.flows);
    qsort(sizes, count, sizeof(sizes[0]), larger_first);
    for (size_t rank = 10; rank <= 10000; rank *= 10) {
        uint32_t expected = sizes[0] / (uint32_t)rank;
        assert_in_range(sizes[rank - 1], expected - expected / 20, expected + expected / 20 + 1);
    }
    free(sizes);
}

/* A cache that forgets after 15 s without a packet holds a tenth of 70 to 300 thousand. */
static void live_flows(void **state)
{
    (void)state;
    const struct summary summary = tenth;
    static int64_t change[SECONDS + 32];
    memset(change, 0, sizeof(change));
    for (size_t i = 0; i < summary.places; i++) {
        const struct seen *seen = &summary.seen[i];
        if (seen->packets == 0)
            continue;
        change[(seen->first_ns - summary.first_ns) / WEIR_NS_PER_SECOND]++;
        change[(seen->last_ns - summary.first_ns) / WEIR_NS_PER_SECOND + 16]--;
    }
    int64_t live = 0;
    for (size_t second = 0; second < SECONDS - 20; second++) {
        live += change[second];
        if (second >= 45)
            assert_in_range(live, 7000, 30000);
    }
}

/* Conversations open with SYN and close with FIN, both ways. */
static void tcp_opens_and_closes(void **state)
{
    (void)state;
    const struct summary summary = tenth;
    uint64_t flows = 0, answers = 0;
    for (size_t i = 0; i < summary.places; i++) {
        const struct seen *seen = &summary.seen[i];
        if (seen->packets < 2 || seen->key.protocol != 6)
            continue;
        flows++;
        answers += seen->first_flags == 0x12;
        assert_true(seen->first_flags == 0x02 || seen->first_flags == 0x12);
        assert_int_equal(seen->last_flags, 0x11);
    }
    assert_true(flows > FLOWS / 5);
    assert_in_range(answers * 100, flows * 49, flows * 51);
}

static void hard(void **state)
{
    (void)state;
    struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_HARD);
    assert_int_equal(options.packets, 5000000);
    options.packets = options.flows = 1000000;
    struct summary summary = summarize(&options, PLACES_HARD);
    assert_int_equal(summary.packets, 1000000);
    assert_int_equal(summary.flows, 1000000);
    assert_int_equal(summary.out_of_order, 0);
    assert_int_equal(summary.parsed.packets_malformed_transport, 0);
    free(summary.seen);
}

/* The seed decides all, and the size of the pieces nothing. */
static void repeatable(void **state)
{
    (void)state;
    for (unsigned mix = 0; mix < WEIR_TRAFFIC_MIX_COUNT; mix++) {
        struct weir_traffic_options options = weir_traffic_defaults((enum weir_traffic_mix)mix);
        options.packets = 20000;
        options.flows = 1500;
        uint8_t *first, *again, *other;
        size_t first_length, again_length, other_length;
        assert_int_equal(write_all(&options, &first, &first_length, 1 << 20), 0);
        assert_int_equal(write_all(&options, &again, &again_length, WEIR_TRAFFIC_READ_OCTETS_MIN),
                         0);
        options.seed++;
        assert_int_equal(write_all(&options, &other, &other_length, 1 << 20), 0);
        assert_int_equal(first_length, again_length);
        assert_memory_equal(first, again, first_length);
        assert_true(first_length != other_length || memcmp(first, other, first_length) != 0);
        free(first);
        free(again);
        free(other);
    }
}

/* What the octets are may change from version to version, and not from machine to machine. */
static void the_same_everywhere(void **state)
{
    (void)state;
    static const uint64_t expected[WEIR_TRAFFIC_MIX_COUNT] = {UINT64_C(0x1ce2edf5f57cc379),
                                                              UINT64_C(0x4c37c6270aaaf45c)};
    for (unsigned mix = 0; mix < WEIR_TRAFFIC_MIX_COUNT; mix++) {
        struct weir_traffic_options options = weir_traffic_defaults((enum weir_traffic_mix)mix);
        options.packets = 20000;
        options.flows = 1500;
        uint8_t *octets;
        size_t length;
        assert_int_equal(write_all(&options, &octets, &length, 1 << 20), 0);
        struct weir_hash_key key;
        weir_hash_key_seed(&key, 0);
        assert_int_equal(weir_hash(&key, octets, length), expected[mix]);
        free(octets);
    }
}

static void microseconds_and_odd_sizes(void **state)
{
    (void)state;
    struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
    options.microseconds = true;
    static const struct {
        uint64_t packets, flows;
    } sizes[] = {{1, 1}, {5, 5}, {1000, 1}, {1000, 999}, {1001, 3}, {20000, 7}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        options.packets = sizes[i].packets;
        options.flows = sizes[i].flows;
        struct summary summary = summarize(&options, PLACES);
        assert_int_equal(summary.packets, sizes[i].packets);
        assert_int_equal(summary.flows, sizes[i].flows);
        assert_int_equal(summary.out_of_order, 0);
        assert_int_equal(summary.last_ns % 1000, 0);
        free(summary.seen);
    }
}

static void few_packets_in_a_lifetime(void **state)
{
    (void)state;
    struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
    options.packets = options.flows = 15;
    options.start_ns = 0;
    options.duration_ns = UINT32_MAX * WEIR_NS_PER_SECOND;
    struct summary summary = summarize(&options, PLACES);
    assert_int_equal(summary.packets, 15);
    assert_int_equal(summary.out_of_order, 0);
    assert_true(summary.last_ns > options.duration_ns / 2);
    free(summary.seen);
}

static void options_that_make_no_sense(void **state)
{
    (void)state;
    const struct weir_traffic_options good = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
    struct weir_traffic_options options[7];
    for (size_t i = 0; i < 7; i++)
        options[i] = good;
    options[0].packets = 0;
    options[1].packets = WEIR_TRAFFIC_PACKETS_MAX + 1;
    options[2].flows = 0;
    options[3].flows = WEIR_TRAFFIC_FLOWS_MAX + 1;
    options[4].flows = good.packets + 1;
    options[5].duration_ns = (int64_t)good.packets - 1;
    options[6].start_ns = -1;
    for (size_t i = 0; i < 7; i++) {
        struct weir_traffic *traffic;
        struct weir_diag diag = {0};
        assert_int_equal(weir_traffic_new(&options[i], &traffic, &diag), WEIR_E_USAGE);
        assert_true(diag.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(realistic),
        cmocka_unit_test(sizes_are_zipfs),
        cmocka_unit_test(live_flows),
        cmocka_unit_test(tcp_opens_and_closes),
        cmocka_unit_test(hard),
        cmocka_unit_test(repeatable),
        cmocka_unit_test(the_same_everywhere),
        cmocka_unit_test(microseconds_and_odd_sizes),
        cmocka_unit_test(few_packets_in_a_lifetime),
        cmocka_unit_test(options_that_make_no_sense),
    };
    return cmocka_run_group_tests_name("traffic", tests, make_tenth, free_tenth);
}
