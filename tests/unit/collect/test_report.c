/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of what was counted add up, whatever becomes of sessions in between. */
#include "collect/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "collect/state.h"
#include "support/peer.h"

struct told {
    struct weir_report_counters sum;
    unsigned reports, nameless;
    int64_t since_ns, until_ns; /* of the last */
    int error;
};

static int take_report(void *context, const struct weir_collect_report *report,
                       struct weir_diag *diag)
{
    struct told *told = context;
    if (told->error)
        return weir_diag_set(diag, (enum weir_error)told->error, "no room");
    told->reports++;
    told->nameless += !report->session;
    told->since_ns = report->since_ns;
    told->until_ns = report->until_ns;
    assert_true(report->since_ns <= report->until_ns);
#define X(name) told->sum.name += report->counted.name;
    WEIR_REPORT_COUNTERS(X)
#undef X
    return 0;
}

static void report(struct desk *desk)
{
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_report(desk->collector, &diag), 0);
}

static void check_sum(struct desk *desk, const struct told *told)
{
    const struct weir_collect_counters counters = desk_count(desk);
#define X(name) assert_int_equal(told->sum.name, counters.name);
    WEIR_REPORT_COUNTERS(X)
#undef X
}

static struct desk open_desk(const struct weir_collector_config *config, struct told *told)
{
    struct desk desk = desk_open(config, DESK_BATCHES);
    weir_collector_report_to(desk.collector, &(struct weir_report_sink){take_report, told});
    return desk;
}

static void send_flows(struct desk *desk, struct peer *peer, uint32_t count)
{
    peer_begin(peer);
    peer_template(peer, desk->flows);
    peer_flows(peer, desk->flows, 1, count);
    desk_receive(desk, peer);
}

static void sessions_report_what_they_had_since(void **state)
{
    (void)state;
    struct told told = {0};
    const struct weir_collector_config config = weir_collector_defaults();
    struct desk desk = open_desk(&config, &told);
    struct peer one = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct peer other = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.2", 7);
    report(&desk);
    assert_int_equal(told.reports, 0);
    send_flows(&desk, &one, 3);
    other.second += 5;
    send_flows(&desk, &other, 4);
    report(&desk);
    assert_int_equal(told.reports, 2);
    assert_int_equal(told.sum.records, 7);
    assert_int_equal(told.since_ns, one.second * WEIR_NS_PER_SECOND + 5);
    assert_int_equal(told.until_ns, other.second * WEIR_NS_PER_SECOND + 5);
    /* The newest session has more, and no other does. */
    send_flows(&desk, &other, 4);
    report(&desk);
    assert_int_equal(told.reports, 3);
    assert_int_equal(told.since_ns, told.until_ns);
    report(&desk);
    assert_int_equal(told.reports, 3);
    /* What cannot be read is of no session. */
    const uint8_t junk[40] = {0, 99};
    const struct weir_datagram datagram = {.octets = junk, .length = sizeof(junk)};
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    report(&desk);
    assert_int_equal(told.nameless, 1);
    assert_int_equal(told.sum.messages_malformed, 1);
    check_sum(&desk, &told);
    desk_close(&desk);
}

/* A report says that something is lost, the next takes it back. */
static void what_comes_late_is_taken_back(void **state)
{
    (void)state;
    struct told told = {0};
    const struct weir_collector_config config = weir_collector_defaults();
    struct desk desk = open_desk(&config, &told);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    send_flows(&desk, &peer, 3);
    struct peer late = peer;
    peer.sequence += 5;
    send_flows(&desk, &peer, 3);
    report(&desk);
    assert_int_equal(told.sum.records_lost, 5);
    send_flows(&desk, &late, 5);
    report(&desk);
    assert_int_equal(told.sum.records_lost, 0);
    assert_int_equal(told.sum.messages_late, 1);
    assert_int_equal(told.sum.records, 11);
    check_sum(&desk, &told);
    desk_close(&desk);
}

/* More exporters than sessions, ports that come and go, losses, repetitions, reports now and then.
 */
static void reports_add_up_over_evictions_and_joins(void **state)
{
    (void)state;
    enum { PEERS = 9, MESSAGES = 4000 };
    struct told told = {0};
    struct weir_collector_config config = weir_collector_defaults();
    config.session_max = 6;
    struct desk desk = open_desk(&config, &told);
    struct peer peers[PEERS];
    uint32_t random = 12345;
    for (unsigned i = 0; i < PEERS; i++) {
        const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};
        /* The last four are behind one address, and change their ports. */
        char address[32];
        snprintf(address, sizeof(address), "192.0.2.%u", i < 5 ? i : 5);
        peers[i] = peer_of(protocols[i % 2], address, 7);
        peers[i].port = (uint16_t)(1000 + i);
        peers[i].sequence = i * 100000;
    }
    for (unsigned i = 0; i < MESSAGES; i++) {
        random = random * 1664525u + 1013904223u;
        unsigned dice = random >> 20;
        struct peer *peer = &peers[dice % PEERS];
        peer->second += 1;
        if (peer >= &peers[5] && dice % 7 == 0)
            peer->port++;
        if (dice % 11 == 0)
            peer->sequence += 2;
        struct peer before = *peer;
        peer_begin(peer);
        if (dice % 5 == 0)
            peer_template(peer, desk.flows);
        peer_flows(peer, desk.flows, 1, 1 + dice % 4);
        desk_receive(&desk, peer);
        if (dice % 13 == 0)
            send_flows(&desk, &before, 2);
        if (dice % 17 == 0)
            report(&desk);
    }
    report(&desk);
    const struct weir_collect_counters counters = desk_count(&desk);
    assert_true(counters.sessions_evicted > 10 && counters.sessions_joined > 0);
    assert_true(counters.messages_duplicate + counters.records_duplicate > 0);
    check_sum(&desk, &told);
    desk_close(&desk);
}

static void an_error_for_a_forgotten_session_is_told_at_the_report(void **state)
{
    (void)state;
    struct told told = {.error = WEIR_E_IO};
    struct weir_collector_config config = weir_collector_defaults();
    config.session_max = 1;
    struct desk desk = open_desk(&config, &told);
    struct peer one = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct peer other = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.2", 7);
    struct weir_diag diag = {0};
    send_flows(&desk, &one, 1);
    send_flows(&desk, &other, 1);
    told.error = 0;
    assert_int_equal(weir_collector_report(desk.collector, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "no room");
    assert_int_equal(told.reports, 1);
    report(&desk);
    desk_close(&desk);
}

/* Records that wait for common properties (RFC 5473) that never come. */
static void what_has_waited_is_reported_when_it_goes(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 137, 2}, {0, 1, 4}, {0, 2, 4}};
    static const uint64_t values[] = {1, 6000, 30};
    struct told told = {0};
    struct weir_diag diag = {0};
    const struct weir_collector_config config = weir_collector_defaults();
    struct desk desk = open_desk(&config, &told);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct peer other = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.2", 7);
    struct weir_template *source = weir_template_new(256, fields, 3);
    assert_non_null(source);
    peer_begin(&peer);
    peer_template(&peer, source);
    peer_rows(&peer, source, values, 1);
    desk_receive(&desk, &peer);
    send_flows(&desk, &other, 2);
    report(&desk);
    assert_int_equal(told.sum.records, 2);
    /* Without another message of anybody. */
    int64_t now_ns = (peer.second + 61) * WEIR_NS_PER_SECOND;
    assert_int_equal(weir_collector_tick(desk.collector, now_ns, &diag), 0);
    report(&desk);
    assert_int_equal(told.sum.records, 3);
    assert_int_equal(told.until_ns, other.second * WEIR_NS_PER_SECOND + 5);
    check_sum(&desk, &told);
    free(source);
    desk_close(&desk);
}

/* What waited in a state that gives way to another has come at no time. */
static void what_was_restored_is_not_reported_before_a_message(void **state)
{
    (void)state;
    struct told told = {0};
    struct weir_diag diag = {0};
    const struct weir_collector_config config = weir_collector_defaults();
    struct desk before = open_desk(&config, &told), desk = open_desk(&config, &told);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_text_buffer saved;
    weir_text_init(&saved, 1 << 20);
    peer_begin(&peer);
    peer_flows(&peer, desk.flows, 1, 1);
    desk_receive(&before, &peer);
    assert_int_equal(weir_collector_save(before.collector, 1, &saved), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(weir_collector_restore(desk.collector, saved.data, saved.length, &diag),
                         0);
    assert_int_equal(desk_count(&desk).sets_overflowed, 1);
    report(&desk);
    assert_int_equal(told.reports, 0);
    send_flows(&desk, &peer, 1);
    report(&desk);
    assert_int_equal(told.reports, 1);
    assert_int_equal(told.sum.messages, 1);
    weir_text_done(&saved);
    desk_close(&before);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_report_what_they_had_since),
        cmocka_unit_test(what_comes_late_is_taken_back),
        cmocka_unit_test(reports_add_up_over_evictions_and_joins),
        cmocka_unit_test(an_error_for_a_forgotten_session_is_told_at_the_report),
        cmocka_unit_test(what_has_waited_is_reported_when_it_goes),
        cmocka_unit_test(what_was_restored_is_not_reported_before_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
