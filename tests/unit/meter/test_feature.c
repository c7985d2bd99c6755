/* SPDX-License-Identifier: Apache-2.0 */
/* Fields beyond counters, from packets to rows. */
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "connection.h"
#include "meter/cache.h"

#define MS WEIR_NS_PER_MS

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A cache of one definition, and the last row that came out of it. */
struct bench {
    struct weir_cache_config config;
    struct weir_cache *cache;
    struct weir_extra_fields extra;
    struct weir_extra_absent absent;
    uint8_t octets[WEIR_EXTRA_OCTETS_MAX];
    unsigned rows;
    unsigned twice; /* rows of two packets of one length */
};

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct bench *bench = context;
    (void)diag;
    uint32_t last = batch->row_count - 1;
    bench->rows += batch->row_count;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        uint64_t bytes = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i];
        const uint8_t *first = weir_batch_extra(batch, i);
        bench->twice += batch->extra->row_octets == 8 && 2 * weir_load_be64(first) == bytes * bytes;
    }
    bench->extra = *batch->extra;
    bench->absent = batch->extra_absent[last];
    memcpy(bench->octets, weir_batch_extra(batch, last), batch->extra->row_octets);
    return 0;
}

static void start(struct bench *bench, const char *fields, bool is_biflow)
{
    char text[WEIR_FLOW_DEFINITION_TEXT_MAX];
    snprintf(text, sizeof(text), "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=%s",
             fields);
    struct weir_diag diag = {0};
    weir_cache_free(bench->cache);
    bench->config = weir_cache_config_default();
    bench->config.biflow = is_biflow ? WEIR_BIFLOW_FIRST : WEIR_BIFLOW_NONE;
    bench->rows = 0;
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    assert_int_equal(weir_flow_definition_parse(text, &bench->config.definition, &diag), 0);
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, &diag), 0);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    weir_cache_free(bench->cache);
    free(bench);
    return 0;
}

static struct weir_packet packet_of(int64_t time_ns, bool forth, uint32_t octets)
{
    struct weir_packet packet = packet_of_connection(time_ns, forth);
    packet.octets = octets;
    return packet;
}

static void add(struct bench *bench, struct weir_packet packet, struct weir_packet_detail detail)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_add_details(bench->cache, &packet, &detail, 1, &diag), 0);
}

static void finish(struct bench *bench)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
    assert_int_equal(bench->rows, 1);
}

/* The place of a field, or its number where there is none. */
static unsigned place_of(const struct bench *bench, const char *name)
{
    unsigned i = 0;
    while (i < bench->extra.count && strcmp(bench->extra.fields[i].name, name) != 0)
        i++;
    return i;
}

static bool lacks(const struct bench *bench, const char *name)
{
    unsigned i = place_of(bench, name);
    return i == bench->extra.count || weir_extra_lacks(&bench->absent, i);
}

static const uint8_t *octets_of(const struct bench *bench, const char *name)
{
    unsigned i = place_of(bench, name);
    if (i == bench->extra.count)
        fail_msg("there is no %s", name);
    assert_false(weir_extra_lacks(&bench->absent, i));
    return bench->octets + bench->extra.fields[i].offset;
}

static uint64_t number_of(const struct bench *bench, const char *name)
{
    const uint8_t *octets = octets_of(bench, name);
    return weir_load_be(octets, bench->extra.fields[place_of(bench, name)].field.length);
}

static double float_of(const struct bench *bench, const char *name)
{
    uint64_t bits = weir_load_be64(octets_of(bench, name));
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void lengths_are_told(void **state)
{
    struct bench *bench = *state;
    start(bench, "lengths", false);
    static const uint32_t lengths[] = {40, 64, 65, 1500, 1501, 1500};
    for (unsigned i = 0; i < 6; i++)
        add(bench, packet_of(i * MS, true, lengths[i]), (struct weir_packet_detail){0});
    finish(bench);
    assert_int_equal(number_of(bench, "length_min"), 40);
    assert_int_equal(number_of(bench, "length_max"), 1501);
    assert_int_equal(number_of(bench, "length_squares"), 6762922);
    assert_true(fabs(float_of(bench, "length_mean") - 778.3333333333334) < 1e-9);
    assert_true(fabs(float_of(bench, "length_stddev") - 722.0463205) < 1e-6);
    const uint8_t *list = octets_of(bench, "length_distribution");
    static const uint8_t header[] = {41, 4, 0x81, 0x92, 0, 4, 0xff, 0xff, 0xff, 0xfe};
    static const uint32_t buckets[] = {2, 1, 0, 0, 0, 2, 1, 0};
    assert_memory_equal(list, header, sizeof(header));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(weir_load_be32(list + sizeof(header) + 4 * i), buckets[i]);
    assert_true(lacks(bench, "rev_length_min"));
}

/* A deviation that is small beside its mean, and numbers whose squares pass 64 bits. */
static void gaps_are_told_by_direction(void **state)
{
    struct bench *bench = *state;
    const int64_t hour = 3600 * WEIR_NS_PER_SECOND;
    start(bench, "iat", true);
    weir_cache_free(bench->cache);
    bench->config.idle_ns = bench->config.active_ns = 0;
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, NULL), 0);
    const struct weir_packet_detail none = {0};
    add(bench, packet_of(0, true, 100), none);
    add(bench, packet_of(MS, false, 100), none);
    add(bench, packet_of(24 * hour, true, 100), none);
    add(bench, packet_of(48 * hour + 2, true, 100), none);
    add(bench, packet_of(48 * hour + 1, true, 100), none); /* earlier: a gap of 0 */
    finish(bench);
    assert_int_equal(number_of(bench, "iat_min"), 0);
    assert_int_equal(number_of(bench, "iat_max"), 24 * hour + 2);
    assert_true(fabs(float_of(bench, "iat_mean") / (16.0 * (double)hour) - 1) < 1e-12);
    assert_true(fabs(float_of(bench, "iat_stddev") / (sqrt(128) * (double)hour) - 1) < 1e-12);
    assert_int_equal(number_of(bench, "both_iat_max"), 24 * hour + 2);
    assert_int_equal(number_of(bench, "both_iat_min"), 0);
    assert_true(lacks(bench, "rev_iat_min")); /* of one packet there is none */
}

/* The duration that an error is reckoned by does not overflow where times are far apart. */
static void errors_are_told_of_times_far_apart(void **state)
{
    struct bench *bench = *state;
    start(bench, "estimates", false);
    weir_cache_free(bench->cache);
    bench->config.idle_ns = bench->config.active_ns = 0;
    bench->config.sampling = (struct weir_sampling_design){.probability = 0.5,
                                                           .flow_probability = 1,
                                                           .time_probability = 0.5,
                                                           .period_ns = WEIR_CACHE_TIMEOUT_MAX};
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, NULL), 0);
    for (unsigned i = 0; i < 10; i++)
        add(bench, packet_of(i ? INT64_MAX : INT64_MIN, true, 100), (struct weir_packet_detail){0});
    finish(bench);
    double periods = 1 + floor((double)INT64_MAX / (double)WEIR_CACHE_TIMEOUT_MAX);
    double error = sqrt(10 * 0.5 + 90 / periods * 0.5) / 0.5;
    assert_true(fabs(float_of(bench, "packets_error") - error) < 1e-9);
}

static void the_first_packet_is_told_of(void **state)
{
    struct bench *bench = *state;
    start(bench, "fragmentation,link,payload,carried_id", true);
    struct weir_packet packet = packet_of(0, true, 100);
    packet.flags = WEIR_PACKET_FRAGMENT;
    packet.encapsulation.carried_kind = WEIR_ENCAPSULATION_VXLAN;
    packet.encapsulation.carried_id = 0x05060708;
    packet.encapsulation.kind = WEIR_ENCAPSULATION_GRE;
    packet.encapsulation.id = 0x01020304;
    add(bench, packet,
        (struct weir_packet_detail){.has = WEIR_DETAIL_ETHERNET,
                                    .src_mac = 0x020000000001,
                                    .dst_mac = 2,
                                    .fragment_id = 77,
                                    .fragment_offset = 1480,
                                    .fragment_flags = WEIR_FRAGMENT_MORE,
                                    .payload_octets = 80,
                                    .label_count = 2,
                                    .labels = {{1, 2, 0x30}, {0, 0, 1}}});
    add(bench, packet_of(MS, true, 100), (struct weir_packet_detail){.fragment_id = 78});
    finish(bench);
    assert_int_equal(number_of(bench, "src_mac"), 0x020000000001);
    assert_int_equal(number_of(bench, "fragment_id"), 77);
    assert_int_equal(number_of(bench, "fragment_offset"), 185);
    assert_int_equal(number_of(bench, "fragment_flags"), 0x20);
    assert_int_equal(number_of(bench, "fragments"), 1);
    assert_int_equal(number_of(bench, "payload_bytes"), 80);
    assert_int_equal(number_of(bench, "payload_packets"), 1);
    assert_int_equal(number_of(bench, "mpls_label_1"), 0x010230);
    assert_int_equal(number_of(bench, "mpls_depth"), 2);
    assert_int_equal(number_of(bench, "tunnel_type"), WEIR_ENCAPSULATION_GRE);
    assert_int_equal(number_of(bench, "tunnel_id"), 0x01020304);
    assert_int_equal(number_of(bench, "carried_id"), 0x05060708);
    assert_false(lacks(bench, "mpls_label_2"));
    assert_true(lacks(bench, "mpls_label_3"));
    assert_true(lacks(bench, "inner_vlan"));
}

/* IPv6 has an identification in its Fragment header only; IPv4 has one in every packet. */
static void without_a_fragment_header_there_is_no_identification(void **state)
{
    static const struct {
        uint8_t flags;
        uint32_t id;
        bool is_known;
    } cases[] = {
        {0, 0, true},
        {WEIR_PACKET_V6, 0, false},
        {WEIR_PACKET_V6, 9, true}, /* an atomic fragment, RFC 6946 */
        {WEIR_PACKET_V6 | WEIR_PACKET_FRAGMENT, 0, true},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(bench, "fragmentation", false);
        struct weir_packet packet = packet_of(0, true, 100);
        packet.flags = cases[i].flags;
        if (packet.flags & WEIR_PACKET_V6)
            packet.key.observation_point |= WEIR_FLOW_KEY_V6;
        add(bench, packet, (struct weir_packet_detail){.fragment_id = cases[i].id});
        finish(bench);
        assert_int_equal(lacks(bench, "fragment_id"), !cases[i].is_known);
        assert_int_equal(lacks(bench, "fragment_offset"), !cases[i].is_known);
        assert_int_equal(lacks(bench, "fragment_flags"), !cases[i].is_known);
    }
}

/* A biflow that began with the answer knows nothing of the forward direction. */
static void a_direction_without_packets_has_none(void **state)
{
    struct bench *bench = *state;
    start(bench, "lengths,iat,payload,link", true);
    weir_cache_free(bench->cache);
    bench->config.biflow = WEIR_BIFLOW_SYN;
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, NULL), 0);
    struct weir_packet packet = packet_of(0, false, 60);
    packet.tcp_flags = SYN | ACK;
    add(bench, packet, (struct weir_packet_detail){.payload_octets = 3});
    finish(bench);
    assert_true(lacks(bench, "tunnel_type"));
    assert_true(lacks(bench, "length_min"));
    assert_true(lacks(bench, "length_mean"));
    assert_true(lacks(bench, "length_distribution"));
    assert_true(lacks(bench, "payload_bytes"));
    assert_true(lacks(bench, "mpls_depth"));
    assert_int_equal(number_of(bench, "rev_length_min"), 60);
    assert_int_equal(number_of(bench, "rev_payload_bytes"), 3);
}

/* A segment: sequence number, payload, flags. */
struct segment {
    bool forth;
    uint32_t sequence;
    uint32_t payload;
    unsigned flags;
};

static void add_segment(struct bench *bench, int64_t time_ns, const struct segment *segment)
{
    struct weir_packet packet = packet_of(time_ns, segment->forth, 40 + segment->payload);
    packet.tcp_flags = (uint16_t)segment->flags;
    add(bench, packet,
        (struct weir_packet_detail){.has = WEIR_DETAIL_TCP | WEIR_DETAIL_PAYLOAD,
                                    .tcp_sequence = segment->sequence,
                                    .tcp_window = segment->flags & RST ? 0 : 1000,
                                    .payload_octets = segment->payload});
}

static void sequences_are_followed(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *what;
        struct segment segments[8];
        unsigned retransmissions, out_of_order, keep_alives;
    } cases[] = {
        {"in order, over the wrap",
         {{true, 0xffffff00, 0, SYN}, {true, 0xffffff01, 300, ACK}, {true, 45, 10, ACK}},
         0,
         0,
         0},
        {"sent again, all and in part",
         {{true, 0, 0, SYN},
          {true, 1, 100, ACK},
          {true, 1, 100, ACK},
          {true, 51, 100, ACK},
          {true, 0, 0, SYN}},
         3,
         0,
         0},
        {"a hole is filled, then sent again",
         {{true, 0, 100, ACK}, {true, 200, 100, ACK}, {true, 100, 100, ACK}, {true, 100, 100, ACK}},
         1,
         1,
         0},
        {"a hole is filled from its middle",
         {{true, 0, 100, ACK},
          {true, 200, 100, ACK},
          {true, 140, 20, ACK},
          {true, 100, 40, ACK},
          {true, 160, 40, ACK},
          {true, 150, 5, ACK}},
         1,
         3,
         0},
        {"keep-alives are not data",
         {{true, 0, 100, ACK}, {true, 99, 1, ACK}, {true, 99, 0, ACK}, {true, 100, 0, ACK}},
         0,
         0,
         2},
        {"a lone FIN is sent again",
         {{true, 0, 100, ACK}, {true, 100, 0, FIN | ACK}, {true, 100, 0, FIN | ACK}},
         1,
         0,
         0},
        {"another SYN begins anew",
         {{true, 500, 0, SYN}, {true, 9, 0, SYN}, {true, 10, 5, ACK}},
         0,
         0,
         0},
        {"of the last four holes the fifth is forgotten",
         {{true, 0, 1, ACK},
          {true, 10, 2, ACK},
          {true, 20, 2, ACK},
          {true, 30, 2, ACK},
          {true, 40, 2, ACK},
          {true, 50, 2, ACK},
          {true, 5, 1, ACK},
          {true, 15, 1, ACK}},
         1,
         1,
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(bench, "tcp", false);
        for (unsigned k = 0; k < 8 && cases[i].segments[k].flags; k++)
            add_segment(bench, k * MS, &cases[i].segments[k]);
        finish(bench);
        if (number_of(bench, "tcp_retransmissions") != cases[i].retransmissions ||
            number_of(bench, "tcp_out_of_order") != cases[i].out_of_order ||
            number_of(bench, "tcp_keep_alives") != cases[i].keep_alives)
            fail_msg("%s: %u %u %u", cases[i].what,
                     (unsigned)number_of(bench, "tcp_retransmissions"),
                     (unsigned)number_of(bench, "tcp_out_of_order"),
                     (unsigned)number_of(bench, "tcp_keep_alives"));
    }
}

static void a_connection_tells_how_it_was_opened(void **state)
{
    struct bench *bench = *state;
    start(bench, "tcp,responses", true);
    struct weir_packet_detail syn = {.has = WEIR_DETAIL_TCP | WEIR_DETAIL_PAYLOAD | WEIR_DETAIL_MSS,
                                     .tcp_sequence = 1000,
                                     .tcp_window = 64240,
                                     .tcp_mss = 1460};
    struct weir_packet_detail answer = {.has = WEIR_DETAIL_TCP | WEIR_DETAIL_PAYLOAD,
                                        .tcp_sequence = 7000,
                                        .tcp_acknowledgment = 1001,
                                        .tcp_window = 100};
    struct weir_packet packet = packet_of(0, true, 60);
    packet.tcp_flags = SYN;
    add(bench, packet, syn);
    packet.time_ns = 1000 * MS; /* the first was lost */
    add(bench, packet, syn);
    packet = packet_of(1030 * MS, false, 60);
    packet.tcp_flags = SYN | ACK;
    add(bench, packet, answer);
    const struct segment after[] = {
        {true, 1001, 0, ACK},        {true, 1001, 50, ACK | PSH}, {false, 7001, 0, ACK},
        {false, 7001, 500, ACK},     {false, 7501, 500, ACK},     {true, 1051, 7, ACK},
        {false, 8001, 0, RST | ACK},
    };
    static const int64_t times[] = {1035, 1040, 1060, 1100, 1101, 1105, 1110};
    for (unsigned i = 0; i < 7; i++)
        add_segment(bench, times[i] * MS, &after[i]);
    finish(bench);
    assert_int_equal(number_of(bench, "tcp_rtt_server"), 30 * MS);
    assert_int_equal(number_of(bench, "tcp_rtt_client"), 5 * MS);
    assert_int_equal(number_of(bench, "tcp_rtt"), 35 * MS);
    assert_int_equal(number_of(bench, "tcp_isn"), 1000);
    assert_int_equal(number_of(bench, "rev_tcp_isn"), 7000);
    assert_int_equal(number_of(bench, "tcp_mss"), 1460);
    assert_true(lacks(bench, "rev_tcp_mss"));
    assert_true(lacks(bench, "tcp_window_scale"));
    assert_int_equal(number_of(bench, "tcp_window"), 64240);
    assert_int_equal(number_of(bench, "tcp_window_min"), 1000);
    assert_int_equal(number_of(bench, "rev_tcp_window_min"), 100); /* and not the RST's */
    assert_int_equal(number_of(bench, "rev_tcp_zero_windows"), 0);
    assert_int_equal(number_of(bench, "tcp_syn_packets"), 2);
    assert_int_equal(number_of(bench, "rev_tcp_syn_packets"), 1);
    assert_int_equal(number_of(bench, "rev_tcp_rst_packets"), 1);
    assert_int_equal(number_of(bench, "tcp_retransmissions"), 1);
    assert_int_equal(number_of(bench, "tcp_first_flags"), SYN);
    assert_int_equal(number_of(bench, "rev_responses"), 1);
    assert_int_equal(number_of(bench, "rev_response_max"), 60 * MS);
    assert_true(float_of(bench, "response_mean") == 4.0 * MS);
}

/* Half of a connection knows its own half, and other protocols nothing of TCP. */
static void what_is_not_seen_is_not_known(void **state)
{
    struct bench *bench = *state;
    start(bench, "tcp", false);
    add_segment(bench, 0, &(struct segment){true, 5, 0, SYN});
    add_segment(bench, 40 * MS, &(struct segment){true, 6, 0, ACK});
    finish(bench);
    assert_int_equal(number_of(bench, "tcp_rtt"), 40 * MS);
    assert_true(lacks(bench, "tcp_rtt_server"));
    start(bench, "tcp", false);
    struct weir_packet packet = packet_of(0, true, 60);
    packet.key.protocol = 17;
    add(bench, packet, (struct weir_packet_detail){.payload_octets = 32});
    finish(bench);
    assert_true(lacks(bench, "tcp_sequence"));
    assert_true(lacks(bench, "tcp_syn_packets"));
    assert_true(lacks(bench, "tcp_retransmissions"));
    assert_true(lacks(bench, "tcp_window_min"));
    assert_true(lacks(bench, "tcp_rtt"));
}

/* At the active timeout counts begin anew, and what was seen of the connection stays. */
static void a_connection_goes_on(void **state)
{
    struct bench *bench = *state;
    start(bench, "tcp", false);
    weir_cache_free(bench->cache);
    bench->config.active_ns = 1000 * MS;
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, NULL), 0);
    add_segment(bench, 0, &(struct segment){true, 5, 0, SYN});
    add_segment(bench, MS, &(struct segment){true, 6, 100, ACK});
    add_segment(bench, 1500 * MS, &(struct segment){true, 6, 100, ACK});
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
    assert_int_equal(bench->rows, 2);
    assert_int_equal(number_of(bench, "tcp_retransmissions"), 1);
    assert_int_equal(number_of(bench, "tcp_syn_packets"), 0);
    assert_int_equal(number_of(bench, "tcp_isn"), 5);
}

static void first_packets_are_told_of(void **state)
{
    struct bench *bench = *state;
    start(bench, "splt:3", true);
    add_segment(bench, 0, &(struct segment){true, 5, 0, SYN});
    add_segment(bench, MS, &(struct segment){false, 5, 70000, ACK});
    add_segment(bench, MS / 2, &(struct segment){true, 6, 100, ACK});
    add_segment(bench, 3 * MS, &(struct segment){true, 106, 100, ACK});
    finish(bench);
    static const uint8_t lengths[] = {15,   4,    0x81, 0xae, 0,    2,    0xff, 0xff,
                                      0xff, 0xfe, 0,    40,   0xff, 0xff, 0,    140};
    static const uint8_t times[] = {0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 1, 244};
    static const uint8_t directions[] = {0, 1, 0};
    assert_memory_equal(octets_of(bench, "splt_lengths"), lengths, sizeof(lengths));
    assert_memory_equal(octets_of(bench, "splt_times") + 10, times, sizeof(times));
    assert_memory_equal(octets_of(bench, "splt_directions") + 10, directions, 3);
}

/* Flows keep what they remember while sets are divided and united. */
static void states_move_with_their_flows(void **state)
{
    struct bench *bench = *state;
    start(bench, "length_squares", false);
    enum { FLOWS = 40000 };
    for (uint32_t round = 1; round <= 2; round++)
        for (uint32_t flow = 0; flow < FLOWS; flow++) {
            struct weir_packet packet = packet_of(round * MS, true, 100 + flow % 1000);
            packet.key.src_addr = weir_address_from_v4(flow);
            add(bench, packet, (struct weir_packet_detail){0});
        }
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
    assert_true(weir_cache_counters(bench->cache).sets_split > 0);
    assert_int_equal(bench->twice, FLOWS);
    assert_int_equal(bench->rows, FLOWS);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(lengths_are_told),
        CASE(gaps_are_told_by_direction),
        CASE(errors_are_told_of_times_far_apart),
        CASE(the_first_packet_is_told_of),
        CASE(without_a_fragment_header_there_is_no_identification),
        CASE(a_direction_without_packets_has_none),
        CASE(states_move_with_their_flows),
        CASE(sequences_are_followed),
        CASE(a_connection_tells_how_it_was_opened),
        CASE(what_is_not_seen_is_not_known),
        CASE(a_connection_goes_on),
        CASE(first_packets_are_told_of),
    };
    return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
