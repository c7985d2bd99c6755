/* SPDX-License-Identifier: Apache-2.0 */
#include "support/peer.h"

#include "base/random.h"

static struct weir_collector_config small_config(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    return config;
}

static struct desk open_default(unsigned sinks)
{
    struct weir_collector_config config = small_config();
    return desk_open(&config, sinks);
}

static void test_flows_reach_the_columns(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 100, 3);
    desk_receive(&desk, &peer);
    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 200, 2);
    desk_receive(&desk, &peer);

    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.messages, 2);
    assert_int_equal(counters.records, 5);
    assert_int_equal(counters.templates, 1);
    assert_int_equal(counters.messages_malformed, 0);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.sessions_opened, 1);
    assert_int_equal(desk.taken->rows, 5);
    assert_int_equal(desk.taken->flushes, 1);
    const uint64_t packets[] = {100, 101, 102, 200, 201};
    for (unsigned i = 0; i < 5; i++) {
        const struct taken_row *row = &desk.taken->row[i];
        assert_int_equal(row->packets, packets[i]);
        assert_int_equal(row->bytes, packets[i] * 10);
        assert_int_equal(row->src_addr.low, WEIR_ADDRESS_V4_PREFIX | 0xc0000208);
        assert_true(row->has_exporter && weir_address_equal(row->exporter, peer.address));
        assert_int_equal(row->domain, 7);
        assert_int_equal(row->template_id, 256);
        assert_int_equal(row->received_ns, PEER_SECOND * WEIR_NS_PER_SECOND + 5);
        assert_false(row->has_sampling);
    }
    desk_close(&desk);
}

static void test_files_have_no_exporter(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 1, 1);
    struct weir_datagram datagram = peer_end(&peer);
    struct weir_diag diag;
    assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_FILE, &diag),
                     0);
    /* Another file: its numbers begin anew, its Templates are those that are known. */
    weir_collector_next_file(desk.collector);
    peer.sequence = 9000;
    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 2, 1);
    datagram = peer_end(&peer);
    assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_FILE, &diag),
                     0);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 2);
    assert_int_equal(counters.records_lost, 0);
    assert_false(desk.taken->row[0].has_exporter);
    desk_close(&desk);
}

static void test_data_ahead_of_its_template(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    for (unsigned i = 0; i < 3; i++) {
        peer.second = PEER_SECOND + i;
        peer_begin(&peer);
        peer_flows(&peer, desk.flows, UINT64_C(10) * i, 4);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 0);
    assert_int_equal(counters.sets_unknown_template, 3);
    assert_int_equal(counters.sets_waiting, 3);
    /* Eight records lack before the last message, and nothing says that they are lost. */
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.records_unknown, 8);

    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 30, 1);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 31, 1);
    desk_receive(&desk, &peer);
    counters = desk_count(&desk);
    assert_int_equal(counters.records, 14);
    assert_int_equal(counters.records_buffered, 13);
    assert_int_equal(counters.sets_unknown_template, 4);
    assert_int_equal(counters.sets_waiting, 0);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.records_unknown, 0);
    assert_int_equal(counters.records_duplicate, 0);
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(desk.taken->row[i].packets, i / 4 * 10 + i % 4);
        /* Each with what its own message said. */
        assert_int_equal(desk.taken->row[i].received_ns,
                         (PEER_SECOND + i / 4) * WEIR_NS_PER_SECOND + 5);
    }
    assert_int_equal(desk.taken->row[12].packets, 30);
    assert_int_equal(desk.taken->row[13].packets, 31);

    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 32, 1);
    desk_receive(&desk, &peer);
    assert_int_equal(desk_count(&desk).records_lost, 0);
    desk_close(&desk);
}

static void test_waiting_is_bounded(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.waiting.sets = 4;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    for (unsigned i = 0; i < 10; i++) {
        peer_begin(&peer);
        peer_flows(&peer, desk.flows, i, 1);
        desk_receive(&desk, &peer);
    }
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sets_unknown_template, 10);
    assert_int_equal(counters.sets_overflowed, 6);
    assert_int_equal(counters.records_buffered, 4);
    assert_int_equal(desk.taken->row[0].packets, 6);
    /* What was dropped is not received, and nobody knows how many of them were records. */
    assert_int_equal(counters.records + counters.records_unknown + counters.records_lost, 10);
    assert_int_equal(counters.records_unknown, 6);
    desk_close(&desk);
}

static void test_waiting_is_bounded_by_octets(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.waiting.octets = 1000;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    for (unsigned i = 0; i < 3; i++) {
        peer_begin(&peer);
        peer_flows(&peer, desk.flows, i, i == 1 ? 60 : 20);
        desk_receive(&desk, &peer);
    }
    /* The second is larger than all room there is; the third takes the place of the first. */
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sets_overflowed, 2);
    assert_int_equal(counters.sets_waiting, 1);
    desk_close(&desk);
}

static void test_waiting_of_all_is_bounded(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.waiting_octets = 10000;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    for (uint32_t domain = 0; domain < 100; domain++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", domain);
        peer_begin(&peer);
        peer_flows(&peer, desk.flows, 0, 20);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sets_waiting + counters.sets_overflowed, 100);
    assert_in_range(counters.sets_waiting, 10, 20);
    desk_close(&desk);
}

static void test_redefinition(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 5, 1);
    peer_template(&peer, desk.other);
    peer_flows(&peer, desk.other, 6, 1);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.templates, 3);
    assert_int_equal(counters.templates_redefined, 1);
    assert_int_equal(desk.taken->row[0].packets, 5);
    assert_int_equal(desk.taken->row[1].packets, 6);
    assert_int_equal(desk.taken->row[1].bytes, 60);
    desk_close(&desk);
}

/* Sends a withdrawal and data after it; returns the counters. */
static struct weir_collect_counters withdraw(enum weir_collect_transport transport, uint16_t id,
                                             bool is_options)
{
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    peer_template(&peer, desk.flows);
    peer_template(&peer, desk.options);
    peer_withdraw(&peer, id, is_options);
    peer_flows(&peer, desk.flows, 5, 1);
    peer_flows(&peer, desk.options, 5, 1);
    struct weir_datagram datagram = peer_end(&peer);
    struct weir_diag diag;
    assert_int_equal(weir_collector_receive(desk.collector, &datagram, transport, &diag), 0);
    struct weir_collect_counters counters = desk_count(&desk);
    desk_close(&desk);
    return counters;
}

static void test_withdrawals(void **state)
{
    (void)state;
    static const struct {
        enum weir_collect_transport transport;
        uint16_t id;
        bool is_options;
        unsigned withdrawn, ignored, records, options_records;
    } rows[] = {
        {WEIR_COLLECT_FILE, 256, false, 1, 0, 0, 1}, {WEIR_COLLECT_FILE, 300, true, 1, 0, 1, 0},
        {WEIR_COLLECT_FILE, 2, false, 1, 0, 0, 1},   {WEIR_COLLECT_FILE, 3, true, 1, 0, 1, 0},
        {WEIR_COLLECT_FILE, 256, true, 0, 1, 1, 1},  {WEIR_COLLECT_FILE, 999, false, 0, 1, 1, 1},
        {WEIR_COLLECT_UDP, 256, false, 0, 1, 1, 1},  {WEIR_COLLECT_UDP, 2, false, 0, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_collect_counters counters =
            withdraw(rows[i].transport, rows[i].id, rows[i].is_options);
        assert_int_equal(counters.templates_withdrawn, rows[i].withdrawn);
        assert_int_equal(counters.withdrawals_ignored, rows[i].ignored);
        assert_int_equal(counters.records, rows[i].records);
        assert_int_equal(counters.options_records, rows[i].options_records);
    }
}

static void test_sessions_do_not_mix(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peers[] = {
        peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1),
        peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 2),
        peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.2", 1),
        peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1),
    };
    for (unsigned i = 0; i < 4; i++) {
        peer_begin(&peers[i]);
        peer_template(&peers[i], i % 2 ? desk.other : desk.flows);
        desk_receive(&desk, &peers[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        peer_begin(&peers[i]);
        peer_flows(&peers[i], i % 2 ? desk.other : desk.flows, i + 1, 1);
        desk_receive(&desk, &peers[i]);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sessions_opened, 4);
    assert_int_equal(counters.templates_redefined, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(desk.taken->row[i].packets, i + 1);
        assert_int_equal(desk.taken->row[i].bytes, (i + 1) * 10);
    }
    const struct weir_session *newest = weir_collector_sessions(desk.collector)->newest;
    assert_int_equal(newest->key.protocol, WEIR_PROTOCOL_NETFLOW9);
    assert_int_equal(weir_session_count(newest).records, 1);
    desk_close(&desk);
}

static void test_oldest_session_goes(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.session_max = 3;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    /* 0 stays in use all the time; of the others two are kept. */
    const uint32_t domains[] = {0, 1, 2, 0, 3, 0, 4, 0};
    for (unsigned i = 0; i < 8; i++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", domains[i]);
        peer_begin(&peer);
        if (i != 7)
            peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, i, 1);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sessions_opened, 5);
    assert_int_equal(counters.sessions_evicted, 2);
    assert_int_equal(counters.messages, 8);
    assert_int_equal(counters.records, 8);
    assert_int_equal(counters.sets_unknown_template, 0);
    const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
    assert_int_equal(sessions->count, 3);
    assert_int_equal(sessions->newest->key.domain, 0);
    assert_int_equal(sessions->oldest->key.domain, 3);
    desk_close(&desk);
}

static void test_many_sessions(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.session_max = 1000;
    struct desk desk = desk_open(&config, 0);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 0);
    for (uint32_t i = 0; i < 20000; i++) {
        peer.domain = i * 2654435761u;
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.sessions_opened, 20000);
    assert_int_equal(counters.sessions_evicted, 19000);
    assert_int_equal(counters.templates, 20000);
    desk_close(&desk);
}

static void test_templates_are_bounded(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.template_max = 3;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    peer_begin(&peer);
    for (uint16_t id = 256; id < 261; id++) {
        desk.flows->id = id;
        peer_template(&peer, desk.flows);
    }
    /* Those that are there can still be redefined. */
    peer_template(&peer, desk.other);
    peer_flows(&peer, desk.other, 8, 1);
    peer_flows(&peer, desk.flows, 9, 1);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.templates, 6);
    assert_int_equal(counters.templates_refused, 2);
    assert_int_equal(counters.templates_redefined, 1);
    assert_int_equal(counters.records, 1);
    assert_int_equal(counters.sets_waiting, 1);
    assert_int_equal(desk.taken->row[0].packets, 8);
    desk_close(&desk);
}

static void test_templates_of_all_are_bounded(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.template_octets = 100000;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    /* Each with an element of its own: what is alike is kept once. */
    for (uint32_t domain = 0; domain < 100; domain++) {
        desk.flows->fields[1].pen = 1000 + domain;
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", domain);
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, domain, 1);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.templates_refused, 0);
    assert_int_equal(counters.records, 100);
    assert_in_range(counters.sessions_evicted, 50, 95);
    /* One session alone may not have more than all. */
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1000);
    for (uint16_t id = 256; id < 356; id++) {
        peer_begin(&peer);
        desk.flows->id = id;
        desk.flows->fields[1].pen = 2000u + id;
        peer_template(&peer, desk.flows);
        desk_receive(&desk, &peer);
    }
    counters = desk_count(&desk);
    assert_in_range(counters.templates_refused, 50, 95);
    assert_int_equal(weir_collector_sessions(desk.collector)->count, 1);
    desk_close(&desk);
}

static void test_netflow5(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW5, "192.0.2.1", 3 << 8 | 9);
    const struct weir_template *builtin = weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5);
    peer.sampling = 1 << 14 | 100;
    for (unsigned i = 0; i < 4; i++) {
        peer_begin(&peer);
        peer_flows(&peer, builtin, UINT64_C(100) * i, 30);
        struct weir_datagram datagram = peer_end(&peer);
        struct weir_diag diag;
        if (i != 2)
            assert_int_equal(
                weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 90);
    assert_int_equal(counters.records_lost, 30);
    assert_int_equal(counters.messages_lost, 0);
    assert_int_equal(desk.taken->row[89].packets, 329);
    assert_true(desk.taken->row[89].has_sampling);
    assert_int_equal(desk.taken->row[89].sampling, 100);
    assert_int_equal(desk.taken->row[89].domain, 3 << 8 | 9);
    assert_int_equal(desk.taken->row[89].template_id, 5);
    desk_close(&desk);
}

/* Without a sequence number nothing is known to be lost, or to come twice. */
static void test_netflow1(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW1, "192.0.2.1", 0);
    const struct weir_template *builtin = weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW1);
    for (unsigned i = 0; i < 3; i++) {
        peer_begin(&peer);
        peer_flows(&peer, builtin, UINT64_C(100) * i, 24);
        desk_receive(&desk, &peer);
        peer.second += 600;
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 72);
    assert_int_equal(counters.records_lost + counters.messages_lost, 0);
    assert_int_equal(counters.messages_duplicate + counters.sequence_restarts, 0);
    assert_int_equal(desk.taken->row[71].packets, 223);
    assert_false(desk.taken->row[71].has_sampling);
    assert_int_equal(desk.taken->row[71].domain, 0);
    assert_int_equal(desk.taken->row[71].template_id, 1);
    desk_close(&desk);
}

/* NetFlow v8 of one record; the octets of it are 1. */
static size_t aggregated(uint8_t *octets, uint8_t scheme, uint32_t sequence, unsigned record_octets)
{
    struct weir_writer writer = weir_writer_make(octets, 28 + record_octets);
    weir_write_u16(&writer, 8);
    weir_write_u16(&writer, 1);
    weir_write_u32(&writer, 5000);
    weir_write_u32(&writer, (uint32_t)PEER_SECOND);
    weir_write_u32(&writer, 0);
    weir_write_u32(&writer, sequence);
    weir_write_u16(&writer, 7);
    weir_write_u8(&writer, scheme);
    weir_write_u8(&writer, 2);
    weir_write_u32(&writer, 0);
    memset(weir_write_reserve(&writer, record_octets), 1, record_octets);
    return weir_writer_offset(&writer);
}

/* Each scheme counts by itself, has a Template of its own, and says where it is not settled. */
static void test_netflow8_schemes_are_apart(void **state)
{
    (void)state;
    static const struct {
        uint8_t scheme, octets;
        uint32_t sequence;
    } sent[] = {{1, 28, 10}, {9, 32, 500}, {3, 32, 77}, {1, 28, 11}, {9, 32, 501}, {1, 28, 15}};
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW1, "192.0.2.1", 0);
    for (unsigned i = 0; i < 6; i++) {
        struct weir_diag diag;
        struct weir_datagram datagram = {.octets = peer.octets, .source = peer.address};
        datagram.length = aggregated(peer.octets, sent[i].scheme, sent[i].sequence, sent[i].octets);
        assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag),
                         0);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 6);
    assert_int_equal(counters.records_ambiguous, 2);
    assert_int_equal(counters.records_lost, 3);
    assert_int_equal(counters.sessions_opened, 3);
    assert_int_equal(desk.taken->row[2].domain, 3 << 16 | 7);
    assert_int_equal(desk.taken->row[2].template_id, 83);
    /* What a prefix is, an address is, too. */
    assert_true(desk.taken->row[2].src_addr.low == (WEIR_ADDRESS_V4_PREFIX | 0x01010101));
    assert_int_equal(desk.taken->row[5].packets, 0x01010101);
    desk_close(&desk);
}

static void test_cut_netflow5_counts_what_lacks(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW5, "192.0.2.1", 1);
    const struct weir_template *builtin = weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5);
    for (unsigned i = 0; i < 2; i++) {
        peer_begin(&peer);
        peer_flows(&peer, builtin, 0, 30);
        struct weir_datagram datagram = peer_end(&peer);
        struct weir_diag diag;
        if (i == 0)
            datagram.length -= 5 * 48 + 10;
        assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag),
                         0);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 24 + 30);
    assert_int_equal(counters.records_lost, 6);
    assert_int_equal(counters.malformed_length, 1);
    desk_close(&desk);
}

static void test_netflow9_loses_messages(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 1);
    for (unsigned i = 0; i < 10; i++) {
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, 0, 20);
        struct weir_datagram datagram = peer_end(&peer);
        struct weir_diag diag;
        if (i != 3 && i != 4)
            assert_int_equal(
                weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.messages_lost, 2);
    assert_int_equal(counters.records_lost, 40);
    assert_int_equal(counters.records, 160);
    desk_close(&desk);
}

static void test_options_are_no_flows(void **state)
{
    (void)state;
    struct desk desk = open_default(DESK_BATCHES | DESK_RECORDS);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    peer_begin(&peer);
    peer_template(&peer, desk.options);
    peer_flows(&peer, desk.options, 0, 3);
    peer_template(&peer, desk.flows);
    peer_flows(&peer, desk.flows, 0, 2);
    desk_receive(&desk, &peer);
    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 0, 1);
    desk_receive(&desk, &peer);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.options_templates, 1);
    assert_int_equal(counters.options_records, 3);
    assert_int_equal(counters.records, 3);
    /* IPFIX counts them all the same. */
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(desk.taken->rows, 3);
    assert_int_equal(desk.taken->records, 3);
    assert_int_equal(desk.taken->options, 3);
    desk_close(&desk);
}

static void test_record_limit_is_exact(void **state)
{
    (void)state;
    for (unsigned sinks = DESK_BATCHES; sinks <= (DESK_BATCHES | DESK_RECORDS); sinks++) {
        struct weir_collector_config config = small_config();
        config.record_limit = 25;
        struct desk desk = desk_open(&config, sinks);
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
        struct weir_diag diag;
        int results[3];
        for (unsigned i = 0; i < 3; i++) {
            peer_begin(&peer);
            peer_template(&peer, desk.flows);
            peer_template(&peer, desk.options);
            peer_flows(&peer, desk.options, 0, 1);
            peer_flows(&peer, desk.flows, 0, 20);
            struct weir_datagram datagram = peer_end(&peer);
            results[i] = weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag);
        }
        assert_int_equal(results[0], 0);
        assert_int_equal(results[1], WEIR_E_END);
        assert_int_equal(results[2], WEIR_E_END);
        assert_int_equal(desk_count(&desk).records, 25);
        assert_int_equal(desk.taken->rows, sinks & DESK_BATCHES ? 25 : 0);
        assert_int_equal(desk.taken->records, sinks & DESK_RECORDS ? 25 : 0);
        desk_close(&desk);
    }
}

static void test_batches_fill_and_go(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.batch_rows = 64;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    for (unsigned i = 0; i < 3; i++) {
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, UINT64_C(100) * i, 100);
        desk_receive(&desk, &peer);
    }
    assert_int_equal(desk.taken->rows, 256);
    assert_int_equal(desk_count(&desk).records, 300);
    assert_int_equal(desk.taken->batches, 5);
    assert_int_equal(desk.taken->largest_batch, 64);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(desk.taken->row[i].packets, i);
    desk_close(&desk);
}

static void test_error_of_a_sink_ends_the_work(void **state)
{
    (void)state;
    for (unsigned sinks = DESK_BATCHES; sinks <= DESK_RECORDS; sinks++) {
        struct weir_collector_config config = small_config();
        config.batch_rows = 8;
        struct desk desk = desk_open(&config, sinks);
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
        desk.taken->error = WEIR_E_IO;
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, 0, 100);
        struct weir_datagram datagram = peer_end(&peer);
        struct weir_diag diag = {0};
        assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag),
                         WEIR_E_IO);
        assert_string_equal(diag.text, "the sink is full");
        desk_close(&desk);
    }
}

static void test_sinks_are_bounded(void **state)
{
    (void)state;
    struct desk desk = open_default(0);
    struct weir_batch_sink batches = {take_batch, take_flush, desk.taken};
    struct weir_record_sink records = {
        .record = take_record, .flush = take_flush, .context = desk.taken};
    for (unsigned i = 0; i <= WEIR_COLLECTOR_SINKS_MAX; i++) {
        int expected = i < WEIR_COLLECTOR_SINKS_MAX ? 0 : WEIR_E_LIMIT;
        assert_int_equal(weir_collector_add_batch_sink(desk.collector, &batches), expected);
        assert_int_equal(weir_collector_add_record_sink(desk.collector, &records), expected);
    }
    desk_close(&desk);
}

/* A whole message of each protocol, with all that one may have. */
static struct weir_datagram rich_message(struct desk *desk, struct peer *peer)
{
    peer_begin(peer);
    if (peer->protocol == WEIR_PROTOCOL_NETFLOW5) {
        peer_flows(peer, weir_message_builtin_template(WEIR_PROTOCOL_NETFLOW5), 1, 5);
        return peer_end(peer);
    }
    desk->flows->id = 400;
    peer_flows(peer, desk->flows, 1, 2); /* waits */
    desk->flows->id = 256;
    peer_template(peer, desk->flows);
    peer_flows(peer, desk->flows, 1, 3);
    if (peer->protocol == WEIR_PROTOCOL_IPFIX) {
        static const struct weir_field fields[] = {{0, 2, 4}, {0, 82, WEIR_LENGTH_VARIABLE}};
        struct weir_template *text = weir_template_new(500, fields, 2);
        assert_non_null(text);
        peer_template(peer, desk->options);
        peer_flows(peer, desk->options, 1, 1);
        peer_template(peer, text);
        free(text);
        struct weir_datagram datagram = peer_end(peer);
        /* Two records of variable length: by hand, which no encoder writes. */
        struct weir_writer writer = weir_writer_make(peer->octets, sizeof(peer->octets));
        (void)weir_write_reserve(&writer, datagram.length);
        weir_write_u16(&writer, 500);
        weir_write_u16(&writer, 4 + 9 + 7);
        for (uint32_t i = 0; i < 2; i++) {
            weir_write_u32(&writer, i);
            weir_write_u8(&writer, (uint8_t)(4 - i * 2));
            weir_write_octets(&writer, "eth0", 4 - i * 2);
        }
        datagram.length = weir_writer_offset(&writer);
        weir_writer_patch_u16(&writer, 2, (uint16_t)datagram.length);
        assert_false(weir_writer_failed(&writer));
        return datagram;
    }
    return peer_end(peer);
}

static void receive_octets(struct desk *desk, const struct peer *peer, const uint8_t *octets,
                           size_t length, enum weir_collect_transport transport)
{
    /* On the heap in its exact size: a sanitizer sees any octet that is read past it. */
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    struct weir_datagram datagram = {.octets = copy, .length = length, .source = peer->address};
    struct weir_diag diag;
    assert_int_equal(weir_collector_receive(desk->collector, &datagram, transport, &diag), 0);
    free(copy);
}

/* Whatever comes: causes add up, and every record counted was delivered. */
static void assert_sound(struct desk *desk)
{
    struct weir_collect_counters counters = desk_count(desk);
    assert_int_equal(counters.messages_malformed, sum_of_causes(&counters));
    assert_int_equal(counters.records, desk->taken->rows);
    assert_int_equal(counters.records, desk->taken->records);
    assert_int_equal(counters.options_records, desk->taken->options);
}

static const enum weir_protocol protocols[] = {
    WEIR_PROTOCOL_NETFLOW5,
    WEIR_PROTOCOL_NETFLOW9,
    WEIR_PROTOCOL_IPFIX,
};

static void test_rich_message_is_whole(void **state)
{
    (void)state;
    const unsigned records[] = {5, 3, 5};
    for (unsigned p = 0; p < 3; p++) {
        struct desk desk = open_default(DESK_BATCHES | DESK_RECORDS);
        struct peer peer = peer_of(protocols[p], "192.0.2.1", 1);
        struct weir_datagram datagram = rich_message(&desk, &peer);
        receive_octets(&desk, &peer, datagram.octets, datagram.length, WEIR_COLLECT_UDP);
        assert_sound(&desk);
        assert_int_equal(desk_count(&desk).messages_malformed, 0);
        assert_int_equal(desk_count(&desk).records, records[p]);
        assert_int_equal(desk_count(&desk).sets_waiting, p > 0);
        desk_close(&desk);
    }
}

static void test_cut_at_every_octet(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 3; p++) {
        struct desk desk = open_default(DESK_BATCHES | DESK_RECORDS);
        struct peer peer = peer_of(protocols[p], "192.0.2.1", 1);
        struct weir_datagram datagram = rich_message(&desk, &peer);
        for (size_t length = 0; length < datagram.length; length++) {
            uint64_t malformed = desk_count(&desk).messages_malformed;
            receive_octets(&desk, &peer, datagram.octets, length, WEIR_COLLECT_UDP);
            assert_sound(&desk);
            /* v9 has no length: one that ends after a set is whole. */
            if (protocols[p] != WEIR_PROTOCOL_NETFLOW9)
                assert_int_equal(desk_count(&desk).messages_malformed, malformed + 1);
        }
        desk_close(&desk);
    }
}

static void test_flip_every_bit(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 3; p++)
        for (unsigned t = 0; t < 2; t++) {
            struct desk desk = open_default(DESK_BATCHES | DESK_RECORDS);
            struct peer peer = peer_of(protocols[p], "192.0.2.1", 1);
            struct weir_datagram datagram = rich_message(&desk, &peer);
            uint8_t octets[4096];
            memcpy(octets, datagram.octets, datagram.length);
            for (size_t bit = 0; bit < datagram.length * 8; bit++) {
                octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
                receive_octets(&desk, &peer, octets, datagram.length,
                               t ? WEIR_COLLECT_FILE : WEIR_COLLECT_UDP);
                octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (desk.taken->rows > TAKEN_MAX / 2) {
                    assert_sound(&desk);
                    desk_close(&desk);
                    desk = open_default(DESK_BATCHES | DESK_RECORDS);
                }
            }
            assert_sound(&desk);
            desk_close(&desk);
        }
}

static void test_causes(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t length;
        size_t counter;
    } rows[] = {
#define CAUSE(text, cause) {text, sizeof(text) - 1, offsetof(struct weir_collect_counters, cause)}
        CAUSE("\x00\x63 none of ours", malformed_version),
        CAUSE("", malformed_header),
        CAUSE("\x00\x0a\x00\x10\x00", malformed_header),
        CAUSE("\x00\x0a\x00\x0f\0\0\0\0\0\0\0\0\0\0\0\0", malformed_header),
        CAUSE("\x00\x0a\x00\x20\0\0\0\0\0\0\0\0\0\0\0\0", malformed_length),
        CAUSE("\x00\x0a\x00\x10\0\0\0\0\0\0\0\0\0\0\0\0more", malformed_length),
        CAUSE("\x00\x0a\x00\x14\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x00\x03", malformed_set),
        CAUSE("\x00\x0a\x00\x14\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x00\x09", malformed_set),
        /* Template 256 of two fields, of which one is there. */
        CAUSE("\x00\x0a\x00\x1c\0\0\0\0\0\0\0\0\0\0\0\0\x00\x02\x00\x0c\x01\x00\x00\x02\x00\x08\x00"
              "\x04",
              malformed_template),
        /* Template 256 of one field of no octets. */
        CAUSE("\x00\x0a\x00\x1c\0\0\0\0\0\0\0\0\0\0\0\0\x00\x02\x00\x0c\x01\x00\x00\x01\x00\x08\x00"
              "\x00",
              malformed_template),
        /* Template 256 of one variable field; a record of 9 octets, of which 2 are there. */
        CAUSE("\x00\x0a\x00\x23\0\0\0\0\0\0\0\0\0\0\0\0\x00\x02\x00\x0c\x01\x00\x00\x01\x00\x52\xff"
              "\xff\x01\x00\x00\x07\x09hi",
              malformed_record),
#undef CAUSE
    };
    struct desk desk = open_default(DESK_BATCHES | DESK_RECORDS);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 1);
    uint64_t messages = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_collect_counters before = desk_count(&desk);
        receive_octets(&desk, &peer, (const uint8_t *)rows[i].octets, rows[i].length,
                       WEIR_COLLECT_UDP);
        struct weir_collect_counters after = desk_count(&desk);
        uint64_t was, is;
        memcpy(&was, (char *)&before + rows[i].counter, sizeof(was));
        memcpy(&is, (char *)&after + rows[i].counter, sizeof(is));
        assert_int_equal(is, was + 1);
        assert_int_equal(after.messages, ++messages);
        assert_sound(&desk);
    }
    desk_close(&desk);
}

/* received - duplicate + lost = sent, for whatever the network does on the way. */
static void sum_holds(enum weir_protocol protocol, uint64_t seed)
{
    enum { MESSAGES = 60 };
    struct desk desk = open_default(0);
    struct peer peer = peer_of(protocol, "192.0.2.1", 1);
    struct weir_random random = {seed};
    static uint8_t octets[MESSAGES][1024];
    size_t lengths[MESSAGES];
    uint64_t sent = 0;
    const struct weir_template *source =
        protocol == WEIR_PROTOCOL_NETFLOW5 ? weir_message_builtin_template(protocol) : desk.flows;
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint32_t count = 1 + weir_random_below(&random, 15);
        peer_begin(&peer);
        bool is_last = i == MESSAGES - 1;
        if (protocol != WEIR_PROTOCOL_NETFLOW5 && (is_last || weir_random_below(&random, 10) == 0))
            peer_template(&peer, source);
        peer_flows(&peer, source, sent, count);
        struct weir_datagram datagram = peer_end(&peer);
        memcpy(octets[i], datagram.octets, datagram.length);
        lengths[i] = datagram.length;
        sent += protocol == WEIR_PROTOCOL_NETFLOW9 ? 1 : count;
    }
    unsigned order[MESSAGES];
    for (unsigned i = 0; i < MESSAGES; i++)
        order[i] = i;
    for (unsigned i = 1; i + 2 < MESSAGES; i++)
        if (weir_random_below(&random, 5) == 0) {
            order[i] = order[i + 1];
            order[i + 1] = i;
            i++;
        }
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint32_t fate = weir_random_below(&random, 10);
        unsigned copies = i == 0 || i == MESSAGES - 1 ? 1 : fate == 0 ? 0 : fate == 1 ? 2 : 1;
        while (copies-- > 0)
            receive_octets(&desk, &peer, octets[order[i]], lengths[order[i]], WEIR_COLLECT_UDP);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    if (protocol == WEIR_PROTOCOL_NETFLOW9)
        assert_int_equal(counters.messages - counters.messages_duplicate + counters.messages_lost,
                         sent);
    else
        assert_int_equal(counters.records + counters.options_records - counters.records_duplicate +
                             counters.records_lost + counters.records_unknown,
                         sent);
    desk_close(&desk);
}

static void test_received_and_lost_are_what_was_sent(void **state)
{
    (void)state;
    for (unsigned p = 0; p < 3; p++)
        for (uint64_t seed = 1; seed <= 200; seed++)
            sum_holds(protocols[p], seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_reach_the_columns),
        cmocka_unit_test(test_files_have_no_exporter),
        cmocka_unit_test(test_data_ahead_of_its_template),
        cmocka_unit_test(test_waiting_is_bounded),
        cmocka_unit_test(test_waiting_is_bounded_by_octets),
        cmocka_unit_test(test_waiting_of_all_is_bounded),
        cmocka_unit_test(test_redefinition),
        cmocka_unit_test(test_withdrawals),
        cmocka_unit_test(test_sessions_do_not_mix),
        cmocka_unit_test(test_oldest_session_goes),
        cmocka_unit_test(test_many_sessions),
        cmocka_unit_test(test_templates_are_bounded),
        cmocka_unit_test(test_templates_of_all_are_bounded),
        cmocka_unit_test(test_netflow1),
        cmocka_unit_test(test_netflow5),
        cmocka_unit_test(test_netflow8_schemes_are_apart),
        cmocka_unit_test(test_cut_netflow5_counts_what_lacks),
        cmocka_unit_test(test_netflow9_loses_messages),
        cmocka_unit_test(test_options_are_no_flows),
        cmocka_unit_test(test_record_limit_is_exact),
        cmocka_unit_test(test_batches_fill_and_go),
        cmocka_unit_test(test_error_of_a_sink_ends_the_work),
        cmocka_unit_test(test_sinks_are_bounded),
        cmocka_unit_test(test_rich_message_is_whole),
        cmocka_unit_test(test_cut_at_every_octet),
        cmocka_unit_test(test_flip_every_bit),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_received_and_lost_are_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
