/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are cut, changed, wrong or lost on the way: all of it is counted. */
#include "support/peer.h"

#include "base/random.h"

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
        struct desk desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
        struct desk desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
            struct desk desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
                    desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
    struct desk desk = desk_open_default(DESK_BATCHES | DESK_RECORDS);
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
    struct desk desk = desk_open_default(0);
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
        cmocka_unit_test(test_rich_message_is_whole),
        cmocka_unit_test(test_cut_at_every_octet),
        cmocka_unit_test(test_flip_every_bit),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_received_and_lost_are_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
