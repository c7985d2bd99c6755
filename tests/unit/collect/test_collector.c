/* SPDX-License-Identifier: Apache-2.0 */
/* What every protocol says reaches the sinks, whole and once. */
#include "support/peer.h"

static void test_flows_reach_the_columns(void **state)
{
    (void)state;
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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

static void test_netflow5(void **state)
{
    (void)state;
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES);
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
    struct desk desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
        struct weir_collector_config config = desk_config();
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
    struct weir_collector_config config = desk_config();
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
        struct weir_collector_config config = desk_config();
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
    struct desk desk = desk_open_default(0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_reach_the_columns),
        cmocka_unit_test(test_files_have_no_exporter),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
