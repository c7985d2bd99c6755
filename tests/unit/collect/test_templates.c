/* SPDX-License-Identifier: Apache-2.0 */
/* How long Templates live, how they change, what they cost. */
#include "support/peer.h"

#include "base/random.h"

#include <malloc.h>

static const enum weir_protocol protocols[] = {WEIR_PROTOCOL_IPFIX, WEIR_PROTOCOL_NETFLOW9};

static struct weir_collector_config small_config(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    return config;
}

static struct desk open_default(void)
{
    struct weir_collector_config config = small_config();
    return desk_open(&config, DESK_BATCHES);
}

static void send_template(struct desk *desk, struct peer *peer, const struct weir_template *source)
{
    peer_begin(peer);
    peer_template(peer, source);
    desk_receive(desk, peer);
}

static void send_flows(struct desk *desk, struct peer *peer, const struct weir_template *source,
                       uint64_t first, uint32_t count)
{
    peer_begin(peer);
    peer_flows(peer, source, first, count);
    desk_receive(desk, peer);
}

static void test_lifetime_over_udp(void **state)
{
    (void)state;
    const int64_t lifetime = WEIR_TEMPLATE_LIFETIME_NS / WEIR_NS_PER_SECOND;
    for (unsigned i = 0; i < 2; i++) {
        struct desk desk = open_default();
        struct peer peer = peer_of(protocols[i], "192.0.2.1", 7);
        send_template(&desk, &peer, desk.flows);
        peer.second += lifetime;
        send_flows(&desk, &peer, desk.flows, 1, 1);
        assert_int_equal(desk_count(&desk).records, 1);
        /* A repetition counts from then on. */
        send_template(&desk, &peer, desk.flows);
        peer.second += lifetime;
        send_flows(&desk, &peer, desk.flows, 2, 1);
        assert_int_equal(desk_count(&desk).records, 2);
        assert_int_equal(desk_count(&desk).templates_expired, 0);

        peer.second++;
        send_flows(&desk, &peer, desk.flows, 3, 4);
        struct weir_collect_counters counters = desk_count(&desk);
        assert_int_equal(counters.records, 2);
        assert_int_equal(counters.templates_expired, 1);
        assert_int_equal(counters.sets_waiting, 1);
        /* What waited is decoded with what comes then, be it another. */
        send_template(&desk, &peer, desk.other);
        counters = desk_count(&desk);
        assert_int_equal(counters.records, 6);
        assert_int_equal(counters.templates_redefined, 0);
        assert_int_equal(counters.records_lost, 0);
        desk_close(&desk);
    }
}

static void test_lifetimes_elsewhere(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.template_lifetime_ns = 0;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    send_template(&desk, &peer, desk.flows);
    peer.second += 400 * 86400;
    send_flows(&desk, &peer, desk.flows, 1, 1);
    assert_int_equal(desk_count(&desk).records, 1);
    desk_close(&desk);

    /* In a file nothing is repeated. */
    desk = open_default();
    for (unsigned i = 0; i < 2; i++) {
        struct weir_diag diag = {0};
        peer_begin(&peer);
        if (i == 0)
            peer_template(&peer, desk.flows);
        peer_flows(&peer, desk.flows, 1, 1);
        struct weir_datagram datagram = peer_end(&peer);
        assert_int_equal(
            weir_collector_receive(desk.collector, &datagram, WEIR_COLLECT_FILE, &diag), 0);
        peer.second += 400 * 86400;
    }
    assert_int_equal(desk_count(&desk).records, 2);
    desk_close(&desk);
}

/* At the limit of a session those that have expired make room. */
static void test_expired_ones_make_room(void **state)
{
    (void)state;
    struct weir_collector_config config = small_config();
    config.template_max = 2;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    for (uint16_t id = 256; id < 259; id++) {
        desk.flows->id = id;
        send_template(&desk, &peer, desk.flows);
        peer.second += 4000;
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.templates_refused, 0);
    assert_int_equal(counters.templates_expired, 1);
    send_flows(&desk, &peer, desk.flows, 1, 1);
    assert_int_equal(desk_count(&desk).records, 1);
    desk_close(&desk);
}

static void test_redefined_between_sets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct desk desk = open_default();
        struct peer peer = peer_of(protocols[i], "192.0.2.1", 7);
        peer_begin(&peer);
        for (unsigned turn = 0; turn < 4; turn++) {
            const struct weir_template *source = turn % 2 ? desk.other : desk.flows;
            peer_template(&peer, source);
            peer_flows(&peer, source, UINT64_C(100) * turn, 2);
        }
        desk_receive(&desk, &peer);
        /* The last word stands. */
        send_flows(&desk, &peer, desk.other, 400, 2);
        struct weir_collect_counters counters = desk_count(&desk);
        assert_int_equal(counters.records, 10);
        assert_int_equal(counters.templates_redefined, 3);
        assert_int_equal(counters.messages_malformed, 0);
        for (unsigned row = 0; row < 10; row++) {
            assert_int_equal(desk.taken->row[row].packets, row / 2 * 100 + row % 2);
            assert_int_equal(desk.taken->row[row].bytes, (row / 2 * 100 + row % 2) * 10);
        }
        desk_close(&desk);
    }
}

/* A Template may take the id of an Options Template and the other way round; scopes tell them. */
static void test_kinds_and_scopes_differ(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 144, 4}, {0, 145, 4}, {0, 42, 8}};
    struct desk desk = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 7);
    struct weir_template *one = weir_template_new_options(300, fields, 3, 1);
    struct weir_template *two = weir_template_new_options(300, fields, 3, 2);
    struct weir_template *none = weir_template_new(300, fields, 3);
    assert_true(one && two && none);
    const struct weir_template *const sources[] = {one, two, none, one};
    for (unsigned i = 0; i < 4; i++) {
        peer_begin(&peer);
        peer_template(&peer, sources[i]);
        peer_flows(&peer, sources[i], 1, 1);
        desk_receive(&desk, &peer);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.options_records, 3);
    assert_int_equal(counters.records, 1);
    assert_int_equal(counters.options_templates, 3);
    assert_int_equal(counters.templates, 1);
    assert_int_equal(counters.templates_redefined, 3);
    free(one);
    free(two);
    free(none);
    desk_close(&desk);
}

/* RFC 3954 section 7: a restart makes Templates void, which its sysUpTime shows. */
static void test_reboot_makes_templates_void(void **state)
{
    (void)state;
    struct desk desk = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 7);
    send_template(&desk, &peer, desk.flows);
    send_flows(&desk, &peer, desk.flows, 1, 1);
    peer.second += 60;
    peer.sequence = 0;
    peer.booted_second = peer.second - 2;
    send_flows(&desk, &peer, desk.other, 2, 1);
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.templates_expired, 1);
    assert_int_equal(counters.records, 1);
    assert_int_equal(counters.sequence_restarts, 1);
    send_template(&desk, &peer, desk.other);
    send_flows(&desk, &peer, desk.other, 3, 1);
    counters = desk_count(&desk);
    assert_int_equal(counters.records, 3);
    assert_int_equal(counters.templates_redefined, 0);
    assert_int_equal(counters.messages_lost, 0);
    assert_int_equal(desk.taken->row[1].packets, 2);
    assert_int_equal(desk.taken->row[2].packets, 3);
    desk_close(&desk);
}

/* Two line cards with a clock each that send in turn are no restarts. */
static void test_clocks_in_turn_are_no_reboots(void **state)
{
    (void)state;
    struct desk desk = open_default();
    struct peer peer = peer_of(WEIR_PROTOCOL_NETFLOW9, "192.0.2.1", 7);
    send_template(&desk, &peer, desk.flows);
    for (unsigned i = 0; i < 10; i++) {
        peer.second++;
        peer.booted_second = PEER_SECOND - 1000 - i % 2 * 500;
        send_flows(&desk, &peer, desk.flows, i, 1);
    }
    struct weir_collect_counters counters = desk_count(&desk);
    assert_int_equal(counters.records, 10);
    assert_int_equal(counters.templates_expired, 0);
    desk_close(&desk);
}

/* What is alike is kept once, whatever the ids. */
static void test_templates_are_shared(void **state)
{
    (void)state;
    struct desk desk = open_default();
    const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
    for (uint32_t domain = 0; domain < 100; domain++) {
        struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", domain);
        desk.flows->id = (uint16_t)(256 + domain);
        desk.other->id = (uint16_t)(600 - domain);
        peer_begin(&peer);
        peer_template(&peer, desk.flows);
        peer_template(&peer, desk.other);
        peer_flows(&peer, desk.flows, domain, 1);
        desk_receive(&desk, &peer);
    }
    assert_int_equal(sessions->pool.count, 2);
    assert_int_equal(desk_count(&desk).records, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(desk.taken->row[i].template_id, 256 + i);
    desk_close(&desk);
}

/* A Template of random fields, few of which anybody knows. */
static void randomize(struct weir_template *source, struct weir_random *random)
{
    source->id = (uint16_t)(256 + weir_random_below(random, 65280));
    source->record_length = 0;
    for (unsigned i = 0; i < source->field_count; i++) {
        source->fields[i].pen = weir_random_below(random, 2) ? 0 : weir_random_below(random, 1000);
        source->fields[i].id = (uint16_t)(1 + weir_random_below(random, 500));
        source->fields[i].length = (uint16_t)(1 + weir_random_below(random, 16));
        source->record_length += source->fields[i].length;
    }
}

static size_t heap_octets(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/*
 * A million Templates from made-up addresses, domains and ids: what they cost is bounded by what
 * is allowed, and all that was not kept is counted.
 */
static void bomb(uint16_t field_count, unsigned messages, unsigned a_message, uint32_t addresses)
{
    struct weir_random random = {7};
    struct weir_field fields[64] = {{0, 1, 4}};
    size_t before = heap_octets();
    struct weir_collector_config config = small_config();
    config.session_max = 1000;
    config.template_max = 64;
    config.template_octets = 16 << 20;
    struct desk desk = desk_open(&config, DESK_BATCHES);
    const struct weir_sessions *sessions = weir_collector_sessions(desk.collector);
    struct weir_template *source = weir_template_new(256, fields, field_count);
    assert_non_null(source);
    struct peer peer = peer_of(WEIR_PROTOCOL_IPFIX, "192.0.2.1", 0);
    size_t most = 0;
    for (unsigned i = 0; i < messages; i++) {
        peer.address = weir_address_from_v4((uint32_t)weir_random_below(&random, addresses));
        peer.domain = (uint32_t)weir_random_below(&random, 1000);
        peer.sequence = 0;
        peer_begin(&peer);
        for (unsigned t = 0; t < a_message; t++) {
            randomize(source, &random);
            peer_template(&peer, source);
        }
        desk_receive(&desk, &peer);
        assert_true(sessions->count <= config.session_max);
        assert_true(sessions->pool.budget.used <= config.template_octets);
        if (i % 256 == 0 && heap_octets() > most)
            most = heap_octets();
    }
    struct weir_collect_counters counters = desk_count(&desk);
    uint64_t kept = 0;
    for (const struct weir_session *session = sessions->newest; session; session = session->older) {
        assert_true(session->templates.count <= config.template_max);
        kept += session->templates.count;
    }
    assert_int_equal(counters.templates, (uint64_t)messages * a_message);
    assert_int_equal(counters.sessions_opened - counters.sessions_evicted, sessions->count);
    assert_true(kept > 0 && counters.sessions_evicted + counters.templates_refused > 0);
    /* Sessions, batch and test's own beside the Templates. */
    assert_true(most - before < config.template_octets + ((size_t)12 << 20));
    free(source);
    desk_close(&desk);
}

static void test_template_bombs(void **state)
{
    (void)state;
    bomb(1, 10000, 100, 1000); /* many addresses and domains */
    bomb(10, 2000, 20, 1);     /* one address */
    bomb(60, 400, 5, 1000);
}

/* Templates alone, however many, cost no plan. */
static void plans_are_made_when_they_are_needed(void **state)
{
    (void)state;
    static const struct weir_field fields[] = {{0, 1, 4}, {0, 2, 4}};
    struct weir_hash_key key;
    struct weir_template_pool pool;
    struct weir_shared_template *shared;
    struct weir_template *source = weir_template_new(256, fields, 2);
    assert_non_null(source);
    weir_hash_key_seed(&key, 1);
    weir_template_pool_init(&pool, 1 << 20, &key);
    assert_int_equal(weir_template_pool_take(&pool, source, &shared), 0);
    assert_null(shared->plan);
    size_t charged = pool.budget.used;
    const struct weir_plan *plan = weir_shared_template_plan(shared);
    assert_non_null(plan);
    assert_ptr_equal(weir_shared_template_plan(shared), plan);
    assert_int_equal(pool.budget.used, charged);
    weir_template_pool_give_back(&pool, shared);
    weir_template_pool_done(&pool);
    free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lifetime_over_udp),
        cmocka_unit_test(test_lifetimes_elsewhere),
        cmocka_unit_test(test_expired_ones_make_room),
        cmocka_unit_test(test_redefined_between_sets),
        cmocka_unit_test(test_kinds_and_scopes_differ),
        cmocka_unit_test(test_reboot_makes_templates_void),
        cmocka_unit_test(test_clocks_in_turn_are_no_reboots),
        cmocka_unit_test(test_templates_are_shared),
        cmocka_unit_test(test_template_bombs),
        cmocka_unit_test(plans_are_made_when_they_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
