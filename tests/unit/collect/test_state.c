/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector has learned, saved and restored. */
#include "support/peer.h"

#include <stdio.h>

#include "base/random.h"
#include "collect/state.h"

enum { STATE_OCTETS_MAX = 1 << 24, HEADER_OCTETS = 28, SUM_AT = 20 };

static struct weir_collector_config small_config(void)
{
    struct weir_collector_config config = desk_config();
    config.session_max = 8;
    return config;
}

static struct desk open_default(void)
{
    struct weir_collector_config config = small_config();
    return desk_open(&config, DESK_BATCHES | DESK_RECORDS);
}

static struct weir_text_buffer save(const struct desk *desk)
{
    struct weir_text_buffer state;
    weir_text_init(&state, STATE_OCTETS_MAX);
    assert_int_equal(weir_collector_save(desk->collector, 1, &state), 0);
    return state;
}

/* Another collector that knows what this one does. */
static struct desk restart(const struct desk *desk)
{
    struct weir_diag diag = {0};
    struct desk next = open_default();
    struct weir_text_buffer state = save(desk), again;
    assert_int_equal(weir_collector_restore(next.collector, state.data, state.length, &diag), 0);
    again = save(&next);
    assert_int_equal(again.length, state.length);
    assert_memory_equal(again.data + WEIR_COLLECTOR_STATE_HEAD,
                        state.data + WEIR_COLLECTOR_STATE_HEAD,
                        state.length - WEIR_COLLECTOR_STATE_HEAD);
    weir_text_done(&state);
    weir_text_done(&again);
    return next;
}

static void send_flows(struct desk *desk, struct peer *peer, uint32_t count)
{
    peer->second++;
    peer_begin(peer);
    peer_flows(peer, desk->flows, 1, count);
    desk_receive(desk, peer);
}

/* NetFlow v9 has scopes of its own. */
static void use_options_of(struct desk *desk, enum weir_protocol protocol)
{
    bool is_v9 = protocol == WEIR_PROTOCOL_NETFLOW9;
    desk->options->fields[0].pen = is_v9 ? WEIR_PEN_NETFLOW9_SCOPE : 0;
    desk->options->fields[0].id = is_v9 ? 1 : 144;
}

static void send_templates(struct desk *desk, struct peer *peer)
{
    use_options_of(desk, peer->protocol);
    peer_begin(peer);
    peer_template(peer, desk->flows);
    peer_template(peer, desk->options);
    desk_receive(desk, peer);
}

static void test_templates_are_known_again(void **state)
{
    static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct desk first = open_default();
        struct peer peer = peer_of(protocols[i], "2001:db8::1", 7);
        struct peer other = peer_of(protocols[i], "2001:db8::1", 8);
        send_templates(&first, &peer);
        send_templates(&first, &other);
        send_flows(&first, &peer, 3);

        struct desk second = restart(&first);
        send_flows(&second, &peer, 4);
        use_options_of(&second, protocols[i]);
        peer_begin(&peer);
        peer_flows(&peer, second.options, 1, 2);
        desk_receive(&second, &peer);
        send_flows(&second, &other, 5);
        struct weir_collect_counters counters = desk_count(&second);
        assert_int_equal(counters.records, 9);
        assert_int_equal(counters.options_records, 2);
        assert_int_equal(counters.templates, 0);
        assert_int_equal(counters.sets_unknown_template, 0);
        assert_int_equal(counters.records_lost + counters.messages_lost, 0);
        assert_int_equal(counters.sessions_restored, 2);
        assert_int_equal(second.taken->row[0].packets, 1);
        desk_close(&first);
        desk_close(&second);
    }
}

static void test_what_nobody_collected_is_lost(void **state)
{
    (void)state;
    struct desk first = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    send_templates(&first, &peer);
    send_flows(&first, &peer, 3);
    struct desk second = restart(&first);
    peer.sequence += 50;
    send_flows(&second, &peer, 4);
    assert_int_equal(desk_count(&second).records_lost, 50);

    /* After a day nobody can say what they are. */
    struct desk third = restart(&second);
    peer.sequence += 50;
    peer.second += 90000;
    send_templates(&third, &peer);
    send_flows(&third, &peer, 4);
    assert_int_equal(desk_count(&third).records_lost, 0);
    /* The message after it is counted from it. */
    peer.sequence += 6;
    send_flows(&third, &peer, 4);
    assert_int_equal(desk_count(&third).records_lost, 6);
    desk_close(&first);
    desk_close(&second);
    desk_close(&third);
}

static void test_late_ones_are_no_duplicates(void **state)
{
    (void)state;
    struct desk first = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    send_templates(&first, &peer);
    peer_begin(&peer);
    peer_flows(&peer, first.flows, 1, 5);
    struct weir_datagram overtaken = peer_end(&peer);
    uint8_t octets[sizeof(peer.octets)];
    memcpy(octets, overtaken.octets, overtaken.length);
    overtaken.octets = octets;
    send_flows(&first, &peer, 4);
    assert_int_equal(desk_count(&first).records_lost, 5);

    struct desk second = restart(&first);
    struct weir_diag diag = {0};
    assert_int_equal(weir_collector_receive(second.collector, &overtaken, WEIR_COLLECT_UDP, &diag),
                     0);
    struct weir_collect_counters counters = desk_count(&second);
    assert_int_equal(counters.records, 5);
    assert_int_equal(counters.records_duplicate, 0);
    assert_int_equal(counters.messages_late, 1);
    desk_close(&first);
    desk_close(&second);
}

static void test_what_waits_goes_on_waiting(void **state)
{
    (void)state;
    struct desk first = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    for (unsigned i = 0; i < 3; i++)
        send_flows(&first, &peer, 4);
    assert_int_equal(desk_count(&first).sets_waiting, 3);

    struct desk second = restart(&first);
    assert_int_equal(desk_count(&second).sets_waiting, 3);
    assert_int_equal(desk_count(&second).records_unknown, 8);
    send_templates(&second, &peer);
    send_flows(&second, &peer, 2);
    struct weir_collect_counters counters = desk_count(&second);
    assert_int_equal(counters.records, 14);
    assert_int_equal(counters.records_buffered, 12);
    assert_int_equal(counters.sets_waiting, 0);
    assert_int_equal(counters.records_unknown, 0);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.records_duplicate, 0);
    for (unsigned i = 0; i < 3; i++) {
        const struct taken_row *row = &second.taken->row[i * 4];
        assert_int_equal(row->received_ns, (PEER_SECOND + 1 + i) * WEIR_NS_PER_SECOND + 5);
        assert_true(row->has_exporter && weir_address_equal(row->exporter, peer.address));
        assert_int_equal(row->domain, 7);
        assert_int_equal(row->template_id, 256);
    }
    desk_close(&first);
    desk_close(&second);
}

/* A record of sampling, and of the beginning of sysUpTime. */
static void send_interval(struct desk *desk, struct peer *peer)
{
    struct weir_field fields[] = {desk->options->fields[0], {0, 34, 4}, {0, 160, 8}};
    struct weir_template *options = weir_template_new_options(301, fields, 3, 1);
    assert_non_null(options);
    peer_begin(peer);
    peer_template(peer, options);
    peer_flows(peer, options, 1, 1);
    desk_receive(desk, peer);
    free(options);
}

/* Sessions of all kinds, with Templates, samplers and what waits. */
static struct weir_text_buffer rich_state(void)
{
    struct desk desk = open_default();
    for (unsigned i = 0; i < 3; i++) {
        struct peer peer =
            peer_of(i == 1 ? WEIR_PROTOCOL_NETFLOW9 : WEIR_PROTOCOL_IPFIX, "192.0.2.1", i);
        send_flows(&desk, &peer, 2);
        if (i > 0) {
            send_templates(&desk, &peer);
            send_interval(&desk, &peer);
        }
        send_flows(&desk, &peer, 2);
    }
    struct weir_text_buffer state = save(&desk);
    desk_close(&desk);
    return state;
}

/* Restores an exact-size copy; true where it was taken. */
static bool takes(struct weir_collector *collector, const struct weir_text_buffer *state,
                  size_t length)
{
    struct weir_diag diag = {0};
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    if (length)
        memcpy(copy, state->data, length);
    int result = weir_collector_restore(collector, copy, length, &diag);
    free(copy);
    if (result == 0)
        return true;
    assert_int_equal(result, (int)diag.error);
    assert_true(diag.text[0]);
    assert_int_equal(weir_collector_sessions(collector)->count, 0);
    return false;
}

static void test_cut_at_every_octet(void **state)
{
    (void)state;
    struct weir_text_buffer rich = rich_state();
    struct desk desk = open_default();
    for (size_t length = 0; length < rich.length; length++)
        assert_false(takes(desk.collector, &rich, length));
    assert_int_equal(desk_count(&desk).sessions_opened, 0);
    assert_true(takes(desk.collector, &rich, rich.length));
    assert_int_equal(desk_count(&desk).sessions_restored, 3);
    weir_text_add_char(&rich, 0);
    assert_false(takes(desk.collector, &rich, rich.length));
    desk_close(&desk);
    weir_text_done(&rich);
}

static void seal(struct weir_text_buffer *state)
{
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 0);
    weir_store_be64((uint8_t *)state->data + SUM_AT,
                    weir_hash(&key, state->data + HEADER_OCTETS, state->length - HEADER_OCTETS));
}

static void test_every_bit_is_checked(void **state)
{
    (void)state;
    struct weir_text_buffer rich = rich_state();
    struct desk desk = open_default();
    unsigned taken = 0, refused = 0;
    for (size_t bit = 0; bit < rich.length * 8; bit++) {
        rich.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(takes(desk.collector, &rich, rich.length));
        if (bit / 8 >= HEADER_OCTETS) {
            /* Who made it up has also made up its checksum. */
            seal(&rich);
            if (takes(desk.collector, &rich, rich.length))
                taken++;
            else
                refused++;
        }
        rich.data[bit / 8] ^= (char)(1 << bit % 8);
        seal(&rich);
    }
    assert_true(taken > 100 && refused > 100);
    assert_true(takes(desk.collector, &rich, rich.length));
    desk_close(&desk);
    weir_text_done(&rich);
}

static int64_t save_at(struct weir_collector *collector, int64_t now_ns,
                       struct weir_text_buffer *state)
{
    weir_text_clear(state);
    assert_int_equal(weir_collector_save(collector, now_ns, state), 0);
    return weir_collector_state_time(state->data, WEIR_COLLECTOR_STATE_HEAD);
}

/* Clocks are set back, and the process that goes on may have another. */
static void test_what_was_learned_later_was_saved_later(void **unused)
{
    struct desk desk = open_default(), next = open_default();
    struct weir_text_buffer state;
    struct weir_diag diag = {0};
    (void)unused;
    weir_text_init(&state, STATE_OCTETS_MAX);
    assert_int_equal(save_at(desk.collector, 1000, &state), 1000);
    assert_int_equal(save_at(desk.collector, 1000, &state), 1001);
    assert_int_equal(save_at(desk.collector, 900, &state), 1002);
    assert_int_equal(weir_collector_restore(next.collector, state.data, state.length, &diag), 0);
    assert_int_equal(save_at(next.collector, 500, &state), 1003);
    assert_int_equal(weir_collector_restore(next.collector, "", 0, &diag), WEIR_E_NOT_FOUND);
    assert_int_equal(save_at(next.collector, 500, &state), 1004);
    assert_int_equal(save_at(next.collector, 2000, &state), 2000);

    assert_int_equal(weir_collector_state_time(state.data, WEIR_COLLECTOR_STATE_HEAD - 1), 0);
    state.data[0] ^= 1;
    assert_int_equal(weir_collector_state_time(state.data, state.length), 0);
    weir_text_done(&state);
    desk_close(&desk);
    desk_close(&next);
}

/* Exporters of four addresses, in a state. */
static struct weir_text_buffer save_four(uint8_t domain)
{
    struct desk desk = open_default();
    for (unsigned i = 1; i <= 4; i++) {
        char address[WEIR_ADDRESS_TEXT_MAX];
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, address, domain);
        send_templates(&desk, &peer);
    }
    struct weir_text_buffer state = save(&desk);
    desk_close(&desk);
    return state;
}

static void test_shares_are_the_whole(void **state)
{
    (void)state;
    enum { SHARES = 3 };
    struct weir_text_buffer saved = save_four(7);
    uint64_t restored = 0;
    for (uint32_t i = 0; i < SHARES; i++) {
        struct desk desk = open_default();
        struct weir_diag diag = {0};
        const struct weir_share share = {i, SHARES};
        assert_int_equal(
            weir_collector_restore_share(desk.collector, &share, saved.data, saved.length, &diag),
            0);
        const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
        for (const struct weir_session *at = sessions->oldest; at; at = at->newer)
            assert_int_equal(weir_share_of(at->key.exporter, SHARES), i);
        restored += weir_collector_count(desk.collector).sessions_restored;
        assert_int_equal(weir_collector_count(desk.collector).sessions_evicted, 0);
        desk_close(&desk);
    }
    assert_int_equal(restored, 4);
    weir_text_done(&saved);
}

static void test_what_is_known_stays(void **state)
{
    (void)state;
    const struct weir_share all = {0, 1};
    struct weir_text_buffer newer = save_four(7), older = save_four(7), others = save_four(8);
    struct weir_diag diag = {0};
    struct desk desk = open_default();
    struct weir_text_buffer *const states[] = {&newer, &older, &others};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(weir_collector_restore_share(desk.collector, &all, states[i]->data,
                                                      states[i]->length, &diag),
                         0);
    assert_int_equal(weir_collector_count(desk.collector).sessions_restored, 8);
    assert_int_equal(
        weir_collector_restore_share(desk.collector, &all, older.data, older.length - 1, &diag),
        WEIR_E_TRUNCATED);
    for (unsigned i = 0; i < 3; i++)
        weir_text_done(states[i]);
    desk_close(&desk);
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct weir_text_buffer rich = rich_state();
    struct weir_collector_config config = small_config();
    config.session_max = 2;
    config.template_max = 1;
    config.waiting.sets = 0;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    assert_true(takes(desk.collector, &rich, rich.length));
    const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
    assert_int_equal(sessions->count, 2);
    /* The newest are kept. */
    assert_int_equal(sessions->newest->key.domain, 2);
    assert_int_equal(sessions->oldest->key.domain, 1);
    assert_int_equal(sessions->newest->templates.count, 1);
    assert_int_equal(sessions->newest->waiting.count, 0);
    assert_int_equal(desk_count(&desk).sessions_evicted, 1);
    assert_int_equal(desk_count(&desk).sets_overflowed, 2);
    desk_close(&desk);

    struct weir_text_buffer small;
    weir_text_init(&small, 100);
    struct desk full = open_default();
    assert_true(takes(full.collector, &rich, rich.length));
    assert_int_equal(weir_collector_save(full.collector, 1, &small), WEIR_E_LIMIT);
    weir_text_done(&small);
    desk_close(&full);
    weir_text_done(&rich);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates_are_known_again),
        cmocka_unit_test(test_what_nobody_collected_is_lost),
        cmocka_unit_test(test_late_ones_are_no_duplicates),
        cmocka_unit_test(test_what_waits_goes_on_waiting),
        cmocka_unit_test(test_cut_at_every_octet),
        cmocka_unit_test(test_what_was_learned_later_was_saved_later),
        cmocka_unit_test(test_every_bit_is_checked),
        cmocka_unit_test(test_shares_are_the_whole),
        cmocka_unit_test(test_what_is_known_stays),
        cmocka_unit_test(test_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
