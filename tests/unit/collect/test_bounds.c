/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, Templates and data ahead of these: what is held of them, and how much at the most. */
#include "support/peer.h"

static void test_data_ahead_of_its_template(void **state)
{
    (void)state;
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
