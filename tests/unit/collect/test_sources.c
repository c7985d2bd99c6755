/* SPDX-License-Identifier: Apache-2.0 */
/* Several exporters behind one address, and exporters that change their ports. */
#include "support/peer.h"

#include "base/random.h"

static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};

/* A third way to lay out the flows of these tests. */
static const struct weir_field third_fields[] = {{0, 2, 8}, {0, 8, 4}, {0, 1, 8}, {0, 12, 4}};

enum { DEVICES_MAX = 3 };

/* Devices with one address, domain and Template id, and a layout each. */
struct site {
    struct desk desk;
    struct weir_template *third;
    struct peer peers[DEVICES_MAX];
    const struct weir_template *layouts[DEVICES_MAX];
    uint64_t sent; /* records */
    uint64_t lost;
};

static void site_open(struct site *site, enum weir_protocol protocol)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    *site = (struct site){
        .desk = desk_open(&config, DESK_BATCHES),
        .third = weir_template_new(256, third_fields, 4),
    };
    assert_non_null(site->third);
    const struct weir_template *const layouts[] = {site->desk.flows, site->desk.other, site->third};
    for (unsigned i = 0; i < DEVICES_MAX; i++) {
        site->peers[i] = peer_of(protocol, "192.0.2.1", 7);
        site->peers[i].port = (uint16_t)(5000 + i);
        site->layouts[i] = layouts[i];
    }
}

static void site_close(struct site *site)
{
    free(site->third);
    desk_close(&site->desk);
}

/* A message of one device: its records' packets are the device's number times a million and up. */
static void put_together(struct site *site, unsigned device, bool with_template, uint32_t records)
{
    struct peer *peer = &site->peers[device];
    peer_begin(peer);
    if (with_template)
        peer_template(peer, site->layouts[device]);
    if (records > 0)
        peer_flows(peer, site->layouts[device], (device + 1) * UINT64_C(1000000) + site->sent,
                   records);
    site->sent += records;
}

static void send(struct site *site, unsigned device, bool with_template, uint32_t records)
{
    put_together(site, device, with_template, records);
    desk_receive(&site->desk, &site->peers[device]);
}

static void lose(struct site *site, unsigned device, uint32_t records)
{
    put_together(site, device, false, records);
    (void)peer_end(&site->peers[device]);
    site->lost += records;
}

/* Every record was read with its own device's layout. */
static void check_rows(const struct site *site)
{
    for (uint32_t i = 0; i < site->desk.taken->rows; i++) {
        const struct taken_row *row = &site->desk.taken->row[i];
        assert_in_range(row->packets, 1000000, 3999999);
        assert_int_equal(row->bytes, row->packets * 10);
        assert_int_equal(row->src_addr.low, WEIR_ADDRESS_V4_PREFIX | 0xc0000208);
    }
}

/* Who sends next: in turn, or in bursts. */
static void test_devices_behind_one_address(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 16; turn++) {
        unsigned devices = 2 + turn % 2, burst = turn & 2 ? 3 : 1;
        bool template_first = turn & 4;
        struct site site;
        site_open(&site, protocols[turn / 8]);
        for (unsigned i = 0; i < devices; i++) {
            /* Some have just started, others have been there for long. */
            site.peers[i].sequence = turn & 2 ? 0 : i * 1000000;
            send(&site, i, template_first, template_first && turn & 1 ? 2 : 0);
        }
        for (unsigned i = 0; i < 60; i++) {
            unsigned device = i / burst % devices;
            if (i >= 20 && i % 7 == 0)
                lose(&site, device, 2);
            send(&site, device, i / burst < devices, 1 + i % 3);
        }
        for (unsigned i = 0; i < devices; i++)
            send(&site, i, false, 1);
        struct weir_collect_counters counters = desk_count(&site.desk);
        assert_int_equal(counters.sessions_opened, devices);
        assert_int_equal(counters.sources_found, devices - 1);
        assert_int_equal(counters.records, site.sent - site.lost);
        if (site.peers[0].protocol == WEIR_PROTOCOL_IPFIX)
            assert_int_equal(counters.records_lost, site.lost);
        else
            assert_int_equal(counters.messages_lost, site.lost / 2);
        assert_int_equal(counters.templates_redefined, 0);
        assert_int_equal(counters.sequence_restarts, 0);
        check_rows(&site);
        site_close(&site);
    }
}

static void test_data_of_a_stranger_waits(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, WEIR_PROTOCOL_IPFIX);
    send(&site, 0, true, 5);
    send(&site, 0, false, 5);
    /* Its Template has the same id, and has not come. */
    site.peers[1].sequence = 3;
    send(&site, 1, false, 4);
    assert_int_equal(desk_count(&site.desk).sets_waiting, 1);
    send(&site, 0, false, 5);
    send(&site, 1, true, 4);
    struct weir_collect_counters counters = desk_count(&site.desk);
    assert_int_equal(counters.records, site.sent);
    assert_int_equal(counters.records_lost + counters.records_unknown, 0);
    check_rows(&site);
    site_close(&site);
}

/* A new port with every message, one count, the Template once. */
static void test_ports_that_change(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 8; turn++) {
        bool has_data_at_first = turn & 1, with_loss = turn & 2;
        struct site site;
        site_open(&site, protocols[turn / 4]);
        site.peers[0].sequence = turn & 1 ? 5000 : 0;
        send(&site, 0, true, has_data_at_first ? 3 : 0);
        for (unsigned i = 0; i < 200; i++) {
            site.peers[0].port = (uint16_t)(10000 + i * 7);
            if (with_loss && i >= 10 && i % 20 == 0)
                lose(&site, 0, 2);
            send(&site, 0, false, 2);
        }
        struct weir_collect_counters counters = desk_count(&site.desk);
        assert_int_equal(counters.records, site.sent - site.lost);
        assert_int_equal(counters.sets_waiting, 0);
        assert_int_equal(counters.records_lost, site.lost);
        assert_int_equal(counters.records_duplicate + counters.messages_duplicate, 0);
        assert_int_equal(weir_collector_sessions(site.desk.collector)->count, 1);
        check_rows(&site);
        site_close(&site);
    }
}

/* ... and numbers that say nothing. */
static void test_ports_that_change_without_numbers(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, WEIR_PROTOCOL_NETFLOW9);
    for (unsigned i = 0; i < 200; i++) {
        site.peers[0].port = (uint16_t)(10000 + i * 7);
        site.peers[0].sequence = 0;
        send(&site, 0, i == 3, 2);
    }
    struct weir_collect_counters counters = desk_count(&site.desk);
    assert_int_equal(counters.records, site.sent);
    assert_int_equal(counters.sets_waiting, 0);
    assert_int_equal(counters.sets_overflowed, 0);
    assert_int_equal(weir_collector_sessions(site.desk.collector)->count, 1);
    assert_int_equal(counters.sessions_opened - counters.sessions_joined, 1);
    check_rows(&site);
    site_close(&site);
}

/* Several sockets, one count: all are of one exporter, whichever sends. */
static void test_sockets_of_one_exporter(void **state)
{
    (void)state;
    struct weir_random random = {3};
    struct site site;
    site_open(&site, WEIR_PROTOCOL_IPFIX);
    send(&site, 0, true, 3);
    for (unsigned i = 0; i < 300; i++) {
        site.peers[0].port = (uint16_t)(5000 + weir_random_below(&random, 4));
        if (i % 50 == 49)
            lose(&site, 0, 2);
        send(&site, 0, false, 2);
    }
    struct weir_collect_counters counters = desk_count(&site.desk);
    assert_int_equal(counters.records, site.sent - site.lost);
    assert_int_equal(counters.records_lost, site.lost);
    assert_int_equal(weir_collector_sessions(site.desk.collector)->count, 1);
    site_close(&site);
}

static void test_restart_with_another_port(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct site site;
        site_open(&site, protocols[i]);
        for (unsigned k = 0; k < 5; k++)
            send(&site, 0, k == 0, 3);
        /* Data first, of a layout that is not the old one's. */
        send(&site, 1, false, 3);
        send(&site, 1, true, 3);
        send(&site, 1, false, 3);
        struct weir_collect_counters counters = desk_count(&site.desk);
        assert_int_equal(counters.records, site.sent);
        assert_int_equal(counters.records_lost + counters.messages_lost, 0);
        assert_int_equal(counters.sequence_restarts, 0);
        check_rows(&site);
        site_close(&site);
    }
}

static void test_restart_with_the_same_port(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct site site;
        site_open(&site, protocols[i]);
        for (unsigned k = 0; k < 5; k++)
            send(&site, 0, k == 0, 3);
        site.peers[1].port = site.peers[0].port;
        site.peers[1].second += 60;
        site.peers[1].booted_second = site.peers[1].second - 1;
        for (unsigned k = 0; k < 5; k++)
            send(&site, 1, k == 0, 3);
        struct weir_collect_counters counters = desk_count(&site.desk);
        assert_int_equal(counters.records, site.sent);
        assert_int_equal(counters.records_lost + counters.messages_lost, 0);
        assert_int_equal(counters.sequence_restarts, 1);
        assert_int_equal(counters.sessions_opened, 1);
        check_rows(&site);
        site_close(&site);
    }
}

/* By chance the second device's count goes on where the first one's is. */
static void test_one_by_chance_is_two(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct site site;
        site_open(&site, protocols[i]);
        site.peers[0].sequence = 500;
        send(&site, 0, true, 3);
        site.peers[1].sequence = site.peers[0].sequence;
        send(&site, 1, true, 3);
        assert_int_equal(desk_count(&site.desk).sources_found, 0);
        /* Each goes on by itself; the first one's Template has been overwritten. */
        send(&site, 0, false, 2);
        send(&site, 1, false, 3);
        send(&site, 0, true, 3);
        send(&site, 1, false, 3);
        struct weir_collect_counters counters = desk_count(&site.desk);
        assert_int_equal(counters.sources_found, 1);
        assert_int_equal(counters.sessions_opened, 2);
        assert_int_equal(counters.records, site.sent);
        check_rows(&site);
        site_close(&site);
    }
}

/* One address cannot have more sources than there may be. */
static void test_sources_are_bounded(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, WEIR_PROTOCOL_IPFIX);
    for (unsigned i = 0; i < 1000; i++) {
        site.peers[0].port = (uint16_t)(1000 + i);
        site.peers[0].sequence = i * 100000;
        send(&site, 0, true, 1);
        send(&site, 0, false, 1);
        assert_true(weir_collector_sessions(site.desk.collector)->count <= WEIR_SOURCES_MAX);
    }
    struct weir_collect_counters counters = desk_count(&site.desk);
    assert_int_equal(counters.sessions_evicted, 1000 - WEIR_SOURCES_MAX);
    assert_int_equal(counters.records, 2000);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices_behind_one_address),
        cmocka_unit_test(test_data_of_a_stranger_waits),
        cmocka_unit_test(test_ports_that_change),
        cmocka_unit_test(test_ports_that_change_without_numbers),
        cmocka_unit_test(test_sockets_of_one_exporter),
        cmocka_unit_test(test_restart_with_another_port),
        cmocka_unit_test(test_restart_with_the_same_port),
        cmocka_unit_test(test_one_by_chance_is_two),
        cmocka_unit_test(test_sources_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
