/* SPDX-License-Identifier: Apache-2.0 */
/* Whether messages were foreseen or not, what is collected of them is the same. */
#include "support/peer.h"

#include "base/random.h"
#include "collect/session.h"

enum { SESSIONS = 1200, GROUP = 64, GROUPS = 300 };

/* Fewer sessions than exporters: some are forgotten between being foreseen and being needed. */
static struct desk open_small(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    weir_hash_key_seed(&config.hash_key, 1);
    config.session_max = SESSIONS;
    return desk_open(&config, DESK_BATCHES);
}

struct group {
    struct weir_datagram datagrams[GROUP];
    uint8_t octets[GROUP][256];
    size_t count;
};

/* A message of one of twice as many exporters as there may be sessions, or a broken one. */
static void add_message(struct group *group, const struct weir_template *flows,
                        struct weir_random *random)
{
    static const enum weir_protocol protocols[] = {
        WEIR_PROTOCOL_IPFIX,
        WEIR_PROTOCOL_NETFLOW5,
        WEIR_PROTOCOL_NETFLOW9,
    };
    uint32_t exporter = weir_random_below(random, 2 * SESSIONS);
    enum weir_protocol protocol = protocols[exporter % 3];
    struct peer peer = peer_of(protocol, "192.0.2.1", exporter % 7);
    peer.address = weir_address_from_v4(UINT32_C(0x0a000000) + exporter / 2);
    peer.port = (uint16_t)(1000 + weir_random_below(random, 20) / 18);
    peer.sequence = weir_random_below(random, 40);
    peer_begin(&peer);
    if (protocol == WEIR_PROTOCOL_NETFLOW5) {
        peer_flows(&peer, weir_message_builtin_template(protocol), 1, 1);
    } else {
        if (weir_random_below(random, 2))
            peer_template(&peer, flows);
        peer_flows(&peer, flows, 1, 2);
    }
    struct weir_datagram datagram = peer_end(&peer);
    uint8_t *octets = group->octets[group->count];
    assert_true(datagram.length <= sizeof(group->octets[0]));
    memcpy(octets, datagram.octets, datagram.length);
    if (weir_random_below(random, 10) == 0)
        octets[weir_random_below(random, 4)] ^= (uint8_t)(1 + weir_random_below(random, 255));
    datagram.octets = octets;
    group->datagrams[group->count++] = datagram;
}

static void receive(struct desk *desk, const struct group *group, bool is_foreseen)
{
    for (size_t i = 0; i < group->count; i++) {
        struct weir_diag diag = {0};
        if (is_foreseen)
            weir_collector_foresee(desk->collector, group->datagrams, group->count, i,
                                   WEIR_COLLECT_UDP);
        assert_int_equal(
            weir_collector_receive(desk->collector, &group->datagrams[i], WEIR_COLLECT_UDP, &diag),
            0);
        desk->taken->rows = 0;
    }
}

/* The same sessions, in the same order. */
static void compare(const struct desk *one, const struct desk *other)
{
    const struct weir_session *a = weir_collector_sessions(one->collector)->newest;
    const struct weir_session *b = weir_collector_sessions(other->collector)->newest;
    for (; a && b; a = a->older, b = b->older) {
        const struct weir_collect_counters counted[] = {weir_session_count(a),
                                                        weir_session_count(b)};
        assert_memory_equal(&a->key, &b->key, sizeof(a->key));
        assert_int_equal(a->number, b->number);
        assert_memory_equal(&counted[0], &counted[1], sizeof(counted[0]));
    }
    assert_true(!a && !b);
}

static void test_all_is_as_without(void **state)
{
    (void)state;
    static struct group group;
    struct weir_random random = {1};
    struct desk plain = open_small(), foreseen = open_small();
    for (unsigned i = 0; i < GROUPS; i++) {
        group.count = 0;
        while (group.count < GROUP)
            add_message(&group, plain.flows, &random);
        receive(&plain, &group, false);
        receive(&foreseen, &group, true);
        if (i % 50 == 49)
            compare(&plain, &foreseen);
    }
    struct weir_collect_counters counters = desk_count(&plain), others = desk_count(&foreseen);
    assert_memory_equal(&counters, &others, sizeof(counters));
    assert_true(weir_sessions_are_many(weir_collector_sessions(foreseen.collector)));
    assert_true(counters.sessions_evicted > SESSIONS);
    assert_true(counters.sources_found > 0);
    assert_true(counters.messages_malformed > 0);
    desk_close(&plain);
    desk_close(&foreseen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_as_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
