/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/replay.h"
#include "app/rewrite.h"
#include "net/pcap.h"
#include "support/peer.h"

#define SECONDS(n) ((n)*WEIR_NS_PER_SECOND)

/* ---- pace ---------------------------------------------------------------------------------- */

static void the_pace_of_the_recording(void **state)
{
    (void)state;
    const struct weir_pace_config config = {.speed = 4};
    struct weir_pace pace;
    weir_pace_begin(&pace, &config, SECONDS(100));
    assert_int_equal(weir_pace_next(&pace, SECONDS(50)), SECONDS(100));
    assert_int_equal(weir_pace_next(&pace, SECONDS(54)), SECONDS(101));
    /* Recorded before the one ahead of it: due with it. */
    assert_int_equal(weir_pace_next(&pace, SECONDS(52)), SECONDS(101));
    assert_int_equal(weir_pace_next(&pace, SECONDS(10)), SECONDS(101));
    assert_int_equal(weir_pace_next(&pace, SECONDS(58)), SECONDS(102));
    /* Another recording begins where this one ended, whatever its times. */
    weir_pace_splice(&pace);
    assert_int_equal(weir_pace_next(&pace, SECONDS(7)), SECONDS(102));
    assert_int_equal(weir_pace_next(&pace, SECONDS(11)), SECONDS(103));
}

static void a_rate_does_not_drift(void **state)
{
    (void)state;
    const struct weir_pace_config config = {.speed = 1, .rate = 3};
    struct weir_pace pace;
    weir_pace_begin(&pace, &config, 0);
    for (int64_t i = 0; i < 3000000; i++) {
        int64_t due_ns = weir_pace_next(&pace, 0);
        if (i % 3 == 0)
            assert_int_equal(due_ns, SECONDS(i / 3));
    }
}

static void any_time_has_a_pace(void **state)
{
    (void)state;
    const struct weir_pace_config slow = {.speed = 1e-9}, none = {.speed = 0};
    struct weir_pace pace;
    weir_pace_begin(&pace, &slow, 5);
    assert_int_equal(weir_pace_next(&pace, INT64_MIN), 5);
    assert_true(weir_pace_next(&pace, INT64_MAX) > SECONDS(INT64_C(1000000000)));
    weir_pace_begin(&pace, &none, 5);
    assert_int_equal(weir_pace_next(&pace, 0), 5);
    assert_int_equal(weir_pace_next(&pace, SECONDS(1000)), 5);
}

/* ---- rewriting ----------------------------------------------------------------------------- */

#define NOW_S INT64_C(1800000000)

/* Times as v9 and IPFIX have them: absolute ones in four resolutions, and those that count from
 * sysUpTime or back from the export time. */
static const struct weir_field time_fields[] = {
    {0, 22, 4},  {0, 21, 4},  {0, 150, 4}, {0, 152, 8}, {0, 154, 8},
    {0, 157, 8}, {0, 158, 4}, {0, 160, 8}, {0, 2, 4},   {WEIR_PEN_REVERSE, 152, 8},
};

struct times {
    uint32_t start_up, end_up, seconds;
    uint64_t milliseconds, microseconds, nanoseconds;
    uint32_t delta;
    uint64_t init;
    uint32_t packets;
    uint64_t reverse;
};

static struct times read_times(const uint8_t *octets)
{
    return (struct times){
        weir_load_be32(octets),      weir_load_be32(octets + 4),  weir_load_be32(octets + 8),
        weir_load_be64(octets + 12), weir_load_be64(octets + 20), weir_load_be64(octets + 28),
        weir_load_be32(octets + 36), weir_load_be64(octets + 40), weir_load_be32(octets + 48),
        weir_load_be64(octets + 52),
    };
}

static void write_times(uint8_t *octets, const struct times *times)
{
    weir_store_be32(octets, times->start_up);
    weir_store_be32(octets + 4, times->end_up);
    weir_store_be32(octets + 8, times->seconds);
    weir_store_be64(octets + 12, times->milliseconds);
    weir_store_be64(octets + 20, times->microseconds);
    weir_store_be64(octets + 28, times->nanoseconds);
    weir_store_be32(octets + 36, times->delta);
    weir_store_be64(octets + 40, times->init);
    weir_store_be32(octets + 48, times->packets);
    weir_store_be64(octets + 52, times->reverse);
}

static const struct times sent = {
    .start_up = 5,
    .end_up = 7000,
    .seconds = 1699999990,
    .milliseconds = UINT64_C(1699999990500),
    .microseconds = UINT64_C(0xe8fd00f640000000),
    .nanoseconds = UINT64_C(0xe8fd00f640000001),
    .delta = 77,
    .init = UINT64_C(1699000000000),
    .packets = 1699999990,
    .reverse = 0, /* none: it stays none */
};

static uint32_t rewrite(struct weir_rewriter *rewriter, struct peer *peer)
{
    uint32_t records = 0;
    struct weir_datagram datagram = peer_end(peer);
    assert_int_equal(
        weir_rewriter_message(rewriter, peer->octets, &datagram, WEIR_COLLECT_UDP, &records), 0);
    return records;
}

static void expect_times(const struct times *got, int64_t shift_s, int64_t again_s)
{
    int64_t both_s = shift_s + again_s;
    assert_int_equal(got->start_up, sent.start_up + again_s * 1000);
    assert_int_equal(got->end_up, sent.end_up + again_s * 1000);
    assert_int_equal(got->seconds, sent.seconds + both_s);
    assert_int_equal(got->milliseconds, (int64_t)sent.milliseconds + both_s * 1000);
    assert_int_equal(got->microseconds, sent.microseconds + ((uint64_t)both_s << 32));
    assert_int_equal(got->nanoseconds, sent.nanoseconds + ((uint64_t)both_s << 32));
    assert_int_equal(got->delta, sent.delta);
    assert_int_equal(got->init, (int64_t)sent.init + shift_s * 1000);
    assert_int_equal(got->packets, sent.packets);
    assert_int_equal(got->reverse, 0);
}

/* A message with one record of times, ten seconds apart; sent twice as a recording of two. */
static void times_move_by_one_constant(void **state)
{
    (void)state;
    struct weir_rewriter *rewriter;
    struct weir_template *source = weir_template_new(256, time_fields, 10);
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_TIMES, SECONDS(NOW_S) + 999, &rewriter), 0);
    for (unsigned i = 0; i < 4; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
        int64_t again_s = i < 2 ? 0 : 11;
        uint32_t got = 0;
        if (i == 2)
            weir_rewriter_again(rewriter);
        peer.second += i % 2 * 10;
        peer_begin(&peer);
        peer_template(&peer, source);
        uint8_t *octets = weir_encoder_records(&peer.encoder, source, 1, &got);
        write_times(octets, &sent);
        assert_int_equal(rewrite(rewriter, &peer), 1);
        struct times times = read_times(octets);
        expect_times(&times, NOW_S - PEER_SECOND, again_s);
        assert_int_equal(weir_load_be32(peer.octets + 4), NOW_S + i % 2 * 10 + again_s);
    }
    weir_rewriter_free(rewriter);
    free(source);
}

/* NetFlow's flow times need no change but where the recording begins again; then neither do they
 * come before sysUpTime says. */
static void uptimes_go_on(void **state)
{
    (void)state;
    const struct weir_template *v5 = weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5);
    struct weir_rewriter *rewriter;
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_TIMES, SECONDS(NOW_S), &rewriter), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW5, "192.0.2.1", 1);
        peer_begin(&peer);
        peer_flows(&peer, v5, 1, 2);
        if (i == 1)
            weir_rewriter_again(rewriter);
        assert_int_equal(rewrite(rewriter, &peer), 2);
        uint32_t again_ms = i * 1000;
        assert_int_equal(weir_load_be32(peer.octets + 4), 1000000 + again_ms);
        assert_int_equal(weir_load_be32(peer.octets + 8), NOW_S + i);
        /* What peer_flows writes: 0xc0000200 and the element. */
        assert_int_equal(weir_load_be32(peer.octets + 24 + 24), 0xc0000200 + 22 + again_ms);
        assert_int_equal(weir_load_be32(peer.octets + 72 + 28), 0xc0000200 + 21 + again_ms);
    }
    weir_rewriter_free(rewriter);
}

/* Numbers of the messages of one peer that sends `records` each, with holes of seven. */
static void expect_numbers(struct weir_rewriter *rewriter, enum weir_protocol protocol,
                           uint32_t first, uint32_t step, unsigned messages)
{
    static const uint8_t places[] = {
        [WEIR_PROTOCOL_NETFLOW5] = 16, [WEIR_PROTOCOL_NETFLOW9] = 12, [WEIR_PROTOCOL_IPFIX] = 8};
    const struct weir_template *builtin = weir_message_builtin_template(protocol);
    struct weir_template *own = weir_template_new(256, peer_flow_fields, 4);
    struct peer peer = peer_of(protocol, "192.0.2.1", 1);
    peer.sequence = 1000;
    for (unsigned i = 0; i < messages; i++) {
        peer_begin(&peer);
        if (!builtin && i == 0)
            peer_template(&peer, own);
        peer_flows(&peer, builtin ? builtin : own, 1, 3);
        assert_int_equal(rewrite(rewriter, &peer), 3);
        assert_int_equal(weir_load_be32(peer.octets + places[protocol]), first + i * step);
        peer.sequence += 7;
    }
    free(own);
}

static void numbers_follow_one_another(void **state)
{
    (void)state;
    struct weir_rewriter *rewriter;
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_SEQUENCE, 0, &rewriter), 0);
    expect_numbers(rewriter, WEIR_PROTOCOL_NETFLOW5, 1000, 3, 4);
    expect_numbers(rewriter, WEIR_PROTOCOL_NETFLOW9, 1000, 1, 4);
    expect_numbers(rewriter, WEIR_PROTOCOL_IPFIX, 1000, 3, 4);
    weir_rewriter_again(rewriter);
    expect_numbers(rewriter, WEIR_PROTOCOL_IPFIX, 1012, 3, 4);
    expect_numbers(rewriter, WEIR_PROTOCOL_NETFLOW9, 1004, 1, 4);
    expect_numbers(rewriter, WEIR_PROTOCOL_NETFLOW5, 1012, 3, 4);
    weir_rewriter_free(rewriter);
}

/* sFlow has its number behind the agent's address, and no time but sysUpTime. */
static void numbers_of_sflow(void **state)
{
    (void)state;
    struct weir_rewriter *rewriter;
    assert_int_equal(weir_rewriter_new(3, SECONDS(NOW_S), &rewriter), 0);
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t is_v6 = 0; is_v6 < 2; is_v6++) {
            uint8_t octets[40] = {[3] = 5, [7] = (uint8_t)(1 + is_v6), [8] = 10};
            uint8_t *after = octets + (is_v6 ? 24 : 12);
            uint32_t records;
            struct weir_datagram datagram = {.octets = octets, .length = is_v6 ? 40 : 28};
            if (i == 2 && is_v6 == 0)
                weir_rewriter_again(rewriter);
            weir_store_be32(after + 4, 500 + i % 2 * 9);
            weir_store_be32(after + 8, 7000);
            assert_int_equal(
                weir_rewriter_message(rewriter, octets, &datagram, WEIR_COLLECT_UDP, &records), 0);
            assert_int_equal(weir_load_be32(after + 4), 500 + i);
            assert_int_equal(weir_load_be32(after + 8), 7000 + i / 2 * 1000);
            assert_int_equal(weir_load_be32(octets + 4), 1 + is_v6);
            assert_int_equal(weir_load_be32(after), 0);
        }
    }
    weir_rewriter_free(rewriter);
}

/* Two behind one address, with the same Template id and counts of their own: they stay apart. */
static void numbers_of_two_behind_one_address(void **state)
{
    (void)state;
    struct weir_rewriter *rewriter;
    struct weir_template *source = weir_template_new(256, peer_flow_fields, 4);
    struct peer peers[2];
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_SEQUENCE, 0, &rewriter), 0);
    for (unsigned i = 0; i < 10; i++) {
        struct peer *peer = &peers[i % 2];
        uint32_t records;
        if (i < 2) {
            *peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
            peer->sequence = i * 5000;
        }
        peer_begin(peer);
        peer_template(peer, source);
        peer_flows(peer, source, 1, 4);
        struct weir_datagram datagram = peer_end(peer);
        datagram.source_port = (uint16_t)(40000 + i % 2);
        assert_int_equal(
            weir_rewriter_message(rewriter, peer->octets, &datagram, WEIR_COLLECT_UDP, &records),
            0);
        assert_int_equal(weir_load_be32(peer->octets + 8), i % 2 * 5000 + i / 2 * 4);
        peer->sequence += i < 2 ? 0 : 9;
    }
    weir_rewriter_free(rewriter);
    free(source);
}

/* An exporter that sends each message from another port: its rounds are one session's, too. */
static void numbers_of_one_that_changes_ports(void **state)
{
    (void)state;
    enum { RECORDS = 3900 }; /* 20 times as many are further than what is near */
    static const struct weir_field fields[] = {{0, 4, 1}};
    struct weir_rewriter *rewriter;
    struct weir_template *source = weir_template_new(256, fields, 1);
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_SEQUENCE, 0, &rewriter), 0);
    for (unsigned i = 0; i < 60; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
        uint32_t records;
        if (i > 0 && i % 20 == 0)
            weir_rewriter_again(rewriter);
        peer.sequence = 700 + i % 20 * RECORDS;
        peer_begin(&peer);
        if (i % 20 == 0)
            peer_template(&peer, source);
        peer_flows(&peer, source, 1, RECORDS);
        struct weir_datagram datagram = peer_end(&peer);
        datagram.source_port = (uint16_t)(40000 + i % 20);
        assert_int_equal(
            weir_rewriter_message(rewriter, peer.octets, &datagram, WEIR_COLLECT_UDP, &records), 0);
        assert_int_equal(records, RECORDS);
        assert_int_equal(weir_load_be32(peer.octets + 8), 700 + i * RECORDS);
    }
    weir_rewriter_free(rewriter);
    free(source);
}

/* Data ahead of their Template: nobody can count them, the recorded numbers have. */
static void numbers_of_what_cannot_be_counted(void **state)
{
    (void)state;
    struct weir_rewriter *rewriter;
    struct weir_template *source = weir_template_new(256, peer_flow_fields, 4);
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    struct desk desk = desk_open(&config, 0);
    assert_int_equal(weir_rewriter_new(WEIR_REWRITE_SEQUENCE, 0, &rewriter), 0);
    for (unsigned time = 0; time < 3; time++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
        for (unsigned i = 0; i < 6; i++) {
            uint32_t records;
            struct weir_diag diag = {0};
            peer_begin(&peer);
            if (i == 2)
                peer_template(&peer, source);
            peer_flows(&peer, source, 1, 5);
            struct weir_datagram datagram = peer_end(&peer);
            assert_int_equal(
                weir_rewriter_message(rewriter, peer.octets, &datagram, WEIR_COLLECT_UDP, &records),
                0);
            assert_int_equal(records, time == 0 && i < 2 ? 0 : 5);
            assert_int_equal(
                weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
        }
        weir_rewriter_again(rewriter);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 90);
    assert_int_equal(counters.records_lost + counters.records_unknown, 0);
    assert_int_equal(counters.records_duplicate + counters.messages_late, 0);
    assert_int_equal(counters.sequence_restarts, 0);
    desk_close(&desk);
    weir_rewriter_free(rewriter);
    free(source);
}

/* Whatever comes: every message cut at every octet and with any bit wrong is only written to where
 * it has octets. */
static void broken_messages_are_left_alone(void **state)
{
    (void)state;
    struct weir_template *source = weir_template_new(256, time_fields, 10);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    uint32_t got = 0;
    peer_begin(&peer);
    peer_template(&peer, source);
    write_times(weir_encoder_records(&peer.encoder, source, 1, &got), &sent);
    struct weir_datagram whole = peer_end(&peer);
    for (size_t at = 0; at < whole.length * 9; at++) {
        struct weir_rewriter *rewriter;
        struct weir_datagram datagram = whole;
        uint32_t records;
        if (at < whole.length)
            datagram.length = at;
        uint8_t *copy = malloc(datagram.length ? datagram.length : 1);
        assert_non_null(copy);
        memcpy(copy, whole.octets, datagram.length);
        if (at >= whole.length)
            copy[(at - whole.length) / 8] ^= (uint8_t)(1 << (at - whole.length) % 8);
        datagram.octets = copy;
        assert_int_equal(weir_rewriter_new(3, SECONDS(NOW_S), &rewriter), 0);
        int result = weir_rewriter_message(rewriter, copy, &datagram, WEIR_COLLECT_UDP, &records);
        if (datagram.length < 16) {
            assert_int_equal(result, WEIR_E_MALFORMED);
            assert_memory_equal(copy, whole.octets, datagram.length);
        }
        weir_rewriter_free(rewriter);
        free(copy);
    }
    free(source);
}

/* ---- replaying ----------------------------------------------------------------------------- */

enum { SENDS_MAX = 256 };

/* A collector that notes what came when, by a clock that waiting advances. */
struct bench {
    int64_t now_ns;
    int64_t send_costs_ns;
    unsigned sends, open, stop_after;
    unsigned drop; /* the transport drops message number so much, from 1 */
    struct {
        int64_t at_ns;
        unsigned transport;
        uint32_t sequence;
    } send[SENDS_MAX];
    struct wire {
        struct bench *bench;
        unsigned index;
    } wires[WEIR_REPLAY_TRANSPORTS_MAX];
    char path[64];
};

static int bench_send(void *context, const struct weir_message_octets *messages, size_t count,
                      size_t *ret_sent, struct weir_diag *diag)
{
    struct wire *wire = context;
    struct bench *bench = wire->bench;
    (void)diag;
    for (*ret_sent = 0; *ret_sent < count; (*ret_sent)++) {
        if (bench->drop > 0 && --bench->drop == 0)
            return 0;
        assert_true(bench->sends < SENDS_MAX);
        bench->send[bench->sends].at_ns = bench->now_ns;
        bench->send[bench->sends].transport = wire->index;
        bench->send[bench->sends++].sequence = weir_load_be32(messages[*ret_sent].octets + 12);
        bench->now_ns += bench->send_costs_ns;
    }
    return 0;
}

static int bench_open(void *context, unsigned index, struct weir_transport *ret_transport,
                      struct weir_diag *diag)
{
    struct bench *bench = context;
    (void)diag;
    bench->wires[index] = (struct wire){bench, index};
    *ret_transport = (struct weir_transport){.send = bench_send, .context = &bench->wires[index]};
    bench->open++;
    return 0;
}

/* A timer that is up to a millisecond early: who waits has to look at the clock. */
static void bench_wait(void *context, int64_t due_ns)
{
    struct bench *bench = context;
    int64_t left_ns = due_ns - bench->now_ns;
    assert_true(left_ns > 0);
    bench->now_ns += left_ns > WEIR_NS_PER_MS ? left_ns - WEIR_NS_PER_MS / 2 : left_ns;
}

static bool bench_stop(void *context, const struct weir_replay *replay)
{
    const struct bench *bench = context;
    return bench->stop_after > 0 &&
           weir_replay_counters(replay)->messages_read >= bench->stop_after;
}

/* A capture of `count` v9 messages, two a second. */
static int make_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct weir_pcap_sender *sender;
    struct weir_transport transport;
    struct weir_diag diag;
    struct weir_template *source = weir_template_new(256, peer_flow_fields, 4);
    if (!bench || !source) {
        free(bench);
        free(source);
        return -1;
    }
    *state = bench;
    snprintf(bench->path, sizeof(bench->path), "/tmp/weir-replay-XXXXXX");
    int fd = mkstemp(bench->path);
    if (fd < 0 || close(fd) < 0 ||
        weir_pcap_sender_open(bench->path, 2055, &sender, &transport, &diag) < 0)
        return -1;
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    for (unsigned i = 0; i < 10; i++) {
        size_t sent_count;
        peer.second = PEER_SECOND + i / 2;
        peer_begin(&peer);
        peer_template(&peer, source);
        peer_flows(&peer, source, i, 2);
        struct weir_datagram datagram = peer_end(&peer);
        const struct weir_message_octets message = {datagram.octets, datagram.length};
        if (transport.send(transport.context, &message, 1, &sent_count, &diag) < 0)
            return -1;
    }
    free(source);
    bench->now_ns = SECONDS(5000);
    return weir_pcap_sender_close(sender, &diag);
}

static int free_bench(void **state)
{
    struct bench *bench = *state;
    unlink(bench->path);
    free(bench);
    return 0;
}

static struct weir_replay_counters run(struct bench *bench, struct weir_replay_config config)
{
    struct weir_replay *replay;
    struct weir_diag diag = {0};
    const char *paths[] = {bench->path};
    config.clock = weir_clock_manual(&bench->now_ns);
    config.wait = bench_wait;
    config.open = bench_open;
    config.stop = bench_stop;
    config.context = bench;
    assert_int_equal(weir_replay_new(&config, &replay, &diag), 0);
    assert_int_equal(weir_replay_files(replay, paths, 1, &diag), 0);
    struct weir_replay_counters counters = *weir_replay_counters(replay);
    weir_replay_free(replay);
    return counters;
}

static void replayed_at_its_pace(void **state)
{
    struct bench *bench = *state;
    struct weir_replay_counters counters =
        run(bench, (struct weir_replay_config){.pace = {.speed = 2}, .times = 2});
    assert_int_equal(counters.messages_sent, 20);
    assert_int_equal(counters.records_sent, 40);
    assert_int_equal(counters.messages_late, 0);
    assert_int_equal(counters.exporters_replayed, 1);
    for (unsigned i = 0; i < 20; i++) {
        int64_t due_ns = SECONDS(5000) + (i / 10 * 4 + i % 10 / 2) * SECONDS(1) / 2;
        assert_int_equal(bench->send[i].at_ns, due_ns);
        assert_int_equal(bench->send[i].sequence, i % 10);
    }
}

static void replayed_at_a_rate(void **state)
{
    struct bench *bench = *state;
    struct weir_replay_counters counters = run(
        bench, (struct weir_replay_config){
                   .pace = {.speed = 1, .rate = 4}, .times = 3, .rewrite = WEIR_REWRITE_SEQUENCE});
    assert_int_equal(counters.messages_sent, 30);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(bench->send[i].at_ns, SECONDS(5000) + i * SECONDS(1) / 4);
        assert_int_equal(bench->send[i].sequence, i);
    }
}

static void late_messages_are_counted(void **state)
{
    struct bench *bench = *state;
    bench->send_costs_ns = SECONDS(1);
    struct weir_replay_counters counters =
        run(bench, (struct weir_replay_config){.pace = {.rate = 100}, .times = 1});
    /* Each takes a second and the next is due after 10 ms: the first two are in time. */
    assert_int_equal(counters.messages_sent, 10);
    assert_true(counters.messages_late > 0);
    assert_true(counters.late_most_ns > (uint64_t)SECONDS(1) / 2);
    assert_true(bench->now_ns == SECONDS(5010));
}

static void as_fast_as_it_goes(void **state)
{
    struct bench *bench = *state;
    struct weir_replay_counters counters =
        run(bench, (struct weir_replay_config){.pace = {.speed = 0}, .times = 5});
    assert_int_equal(counters.messages_sent, 50);
    assert_int_equal(bench->now_ns, SECONDS(5000));
    assert_int_equal(counters.messages_late, 0);
}

static void ends_by_count_and_when_stopped(void **state)
{
    struct bench *bench = *state;
    struct weir_replay_counters counters =
        run(bench, (struct weir_replay_config){.times = 0, .message_limit = 23});
    assert_int_equal(counters.messages_sent, 23);
    assert_int_equal(bench->sends, 23);
    bench->stop_after = 17;
    counters = run(bench, (struct weir_replay_config){.times = 0});
    assert_int_equal(counters.messages_sent, 17);
}

static void what_the_network_drops_is_counted(void **state)
{
    struct bench *bench = *state;
    bench->drop = 4;
    struct weir_replay_counters counters = run(bench, (struct weir_replay_config){.times = 1});
    assert_int_equal(counters.messages_read, 10);
    assert_int_equal(counters.messages_sent, 9);
    assert_int_equal(counters.messages_dropped, 1);
    assert_int_equal(counters.records_sent, 18);
    assert_int_equal(bench->send[3].sequence, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define BENCH(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
        cmocka_unit_test(the_pace_of_the_recording),
        cmocka_unit_test(a_rate_does_not_drift),
        cmocka_unit_test(any_time_has_a_pace),
        cmocka_unit_test(times_move_by_one_constant),
        cmocka_unit_test(uptimes_go_on),
        cmocka_unit_test(numbers_follow_one_another),
        cmocka_unit_test(numbers_of_sflow),
        cmocka_unit_test(numbers_of_two_behind_one_address),
        cmocka_unit_test(numbers_of_one_that_changes_ports),
        cmocka_unit_test(numbers_of_what_cannot_be_counted),
        cmocka_unit_test(broken_messages_are_left_alone),
        BENCH(replayed_at_its_pace),
        BENCH(replayed_at_a_rate),
        BENCH(late_messages_are_counted),
        BENCH(as_fast_as_it_goes),
        BENCH(ends_by_count_and_when_stopped),
        BENCH(what_the_network_drops_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
