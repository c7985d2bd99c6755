/* SPDX-License-Identifier: Apache-2.0 */
/* Applications as nDPI tells them; without it, that one is told so. */
#include "dissect/application.h"

#include "names.h"
#include "support/payload_builder.h"

static struct weir_applications *applications;

struct flow {
    struct weir_application_search search;
    uint8_t protocol;
    uint16_t src_port, dst_port;
    uint32_t address;
};

static int setup(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    int result = weir_applications_new(200, 2, &applications, &diag);
    if (weir_applications_are_known())
        return result;
    applications = NULL;
    return result == WEIR_E_UNSUPPORTED && strstr(diag.text, "libndpi-dev") ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    weir_applications_free(applications);
    return 0;
}

static void need_ndpi(void)
{
    if (!applications) {
        printf("# skipped: built without nDPI\n");
        skip();
    }
}

/* A packet of the flow, made of headers and payload. */
static void look(struct flow *flow, const void *payload, size_t length)
{
    uint8_t octets[2048];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    size_t header = flow->protocol == WEIR_PAYLOAD_TCP   ? 20
                    : flow->protocol == WEIR_PAYLOAD_UDP ? 8
                                                         : 0;
    weir_write_u16(&out, 0x4500);
    weir_write_u16(&out, (uint16_t)(20 + header + length));
    weir_write_u32(&out, 0);
    weir_write_u8(&out, 64);
    weir_write_u8(&out, flow->protocol);
    weir_write_u16(&out, 0);
    weir_write_u32(&out, 0x0a000001);
    weir_write_u32(&out, flow->address ? flow->address : 0xc6336401);
    if (header) {
        weir_write_u16(&out, flow->src_port);
        weir_write_u16(&out, flow->dst_port);
    }
    if (header == 8) {
        weir_write_u16(&out, (uint16_t)(8 + length));
        weir_write_u16(&out, 0);
    } else if (header == 20) {
        weir_write_u64(&out, 1);
        weir_write_u32(&out, 0x50180100);
        weir_write_u32(&out, 0);
    }
    weir_write_octets(&out, payload, length);
    assert_false(weir_writer_failed(&out));
    uint8_t *copy = copy_of(octets, out.length);
    struct weir_payload packet = {
        .octets = copy + 20 + header,
        .network = copy,
        .captured = (uint32_t)length,
        .network_octets = (uint32_t)out.length,
        .time_ns = INT64_C(1700000000000000000),
        .src_port = flow->src_port,
        .dst_port = flow->dst_port,
        .protocol = flow->protocol,
        .region = 1,
    };
    weir_applications_look(applications, &flow->search, &packet);
    free(copy);
}

static void check_name(const struct flow *flow, const char *name)
{
    char text[WEIR_APPLICATION_NAME_OCTETS_MAX];
    size_t length = weir_applications_name(applications, &flow->search, text);
    assert_int_equal(length, strlen(name));
    assert_memory_equal(text, name, length);
}

static void look_at_hello(struct flow *flow, const char *sni)
{
    uint8_t hello[1024], records[1024];
    struct weir_writer out = weir_writer_make(hello, sizeof(hello));
    struct payload_hello shape = payload_hello_usual;
    shape.sni = sni;
    payload_hello(&out, &shape);
    look(flow, records, payload_tls_records(hello, out.length, 1000, records, sizeof(records)));
}

static void applications_are_told_by_payloads(void **state)
{
    (void)state;
    need_ndpi();
    uint8_t octets[512];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    payload_dns(&out, "www.example.org.", 1);
    struct flow dns = {.protocol = WEIR_PAYLOAD_UDP, .src_port = 4000, .dst_port = 53};
    look(&dns, octets, out.length);
    weir_applications_finish(applications, &dns.search, 1);
    check_name(&dns, "DNS");

    struct flow tls = {.protocol = WEIR_PAYLOAD_TCP, .src_port = 4000, .dst_port = 443};
    look_at_hello(&tls, "www.wikipedia.org");
    weir_applications_finish(applications, &tls.search, 1);
    check_name(&tls, "TLS.Wikipedia");

    struct flow icmp = {.protocol = 1};
    look(&icmp, "\x08\0\0\0\0\0\0\0", 8);
    assert_true(icmp.search.is_done);
    check_name(&icmp, "ICMP");
    assert_int_equal(weir_applications_counters(applications)->found, 3);
    weir_applications_release(applications, &icmp.search, 1);
    assert_false(icmp.search.is_done);
}

/* Of a port alone nothing is said, and looking ends. */
static void what_is_not_known_is_not_guessed_from_ports(void **state)
{
    (void)state;
    need_ndpi();
    static const uint8_t zeros[100];
    struct flow flow = {.protocol = WEIR_PAYLOAD_TCP, .src_port = 4000, .dst_port = 3389};
    look(&flow, zeros, 0);
    assert_int_equal(flow.search.packets, 0);
    for (unsigned i = 0; i < WEIR_APPLICATION_PACKETS; i++) {
        assert_false(flow.search.is_done);
        look(&flow, zeros, sizeof(zeros));
    }
    assert_true(flow.search.is_done);
    assert_null(flow.search.flow);
    check_name(&flow, "");
    assert_int_equal(weir_applications_counters(applications)->unknown, 1);
    look(&flow, zeros, sizeof(zeros));
    assert_int_equal(flow.search.packets, WEIR_APPLICATION_PACKETS);
}

/* A region of 100 flows and one. */
static void too_many_at_once_are_counted(void **state)
{
    (void)state;
    need_ndpi();
    static struct flow flows[150];
    for (unsigned i = 0; i < 150; i++) {
        flows[i] =
            (struct flow){.protocol = WEIR_PAYLOAD_TCP, .src_port = (uint16_t)i, .dst_port = 9};
        look(&flows[i], "\0\0\0\0", 4);
        assert_int_equal(flows[i].search.is_done, i >= 101);
    }
    assert_int_equal(weir_applications_counters(applications)->without_room, 49);
    weir_applications_release(applications, &flows[0].search, 1);
    look(&flows[0], "\0\0\0\0", 4);
    assert_non_null(flows[0].search.flow);
    for (unsigned i = 0; i < 150; i++)
        weir_applications_release(applications, &flows[i].search, 1);
}

/* A region of 100 flows and one has room for 4096 octets of each; what ended makes room. */
static void too_many_octets_at_once_are_counted(void **state)
{
    (void)state;
    need_ndpi();
    enum { FLOWS = 60, ROUNDS = 10 };
    static const uint8_t zeros[1460];
    static struct flow flows[FLOWS];
    const uint64_t before = weir_applications_counters(applications)->without_room;
    unsigned given = 0, done = 0;
    for (unsigned i = 0; i < FLOWS; i++)
        flows[i] =
            (struct flow){.protocol = WEIR_PAYLOAD_TCP, .src_port = (uint16_t)i, .dst_port = 9};
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < FLOWS; i++)
            look(&flows[i], zeros, sizeof(zeros));
    for (unsigned i = 0; i < FLOWS; i++) {
        done += flows[i].search.is_done;
        given += flows[i].search.octets;
        assert_int_equal(flows[i].search.flow == NULL, flows[i].search.is_done);
    }
    assert_in_range(given, 101 * 4096 - 10 * 1500, 101 * 4096);
    assert_in_range(done, 1, FLOWS - 1);
    assert_int_equal(weir_applications_counters(applications)->without_room - before, done);
    for (unsigned i = 0; i < FLOWS; i++)
        weir_applications_release(applications, &flows[i].search, 1);
    look(&flows[0], zeros, sizeof(zeros));
    assert_false(flows[0].search.is_done);
    weir_applications_release(applications, &flows[0].search, 1);
}

/* Torrents teach nDPI their peers' addresses; other flows of these are not to know. */
static void a_flow_tells_nothing_of_others(void **state)
{
    (void)state;
    need_ndpi();
    static const char handshake[] = "\x13"
                                    "BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa"
                                    "-XX0001-bbbbbbbbbbbb";
    for (unsigned round = 0; round < 2; round++) {
        struct flow torrent = {.protocol = WEIR_PAYLOAD_TCP, .src_port = 6000, .dst_port = 6881};
        struct flow other = {.protocol = WEIR_PAYLOAD_TCP, .src_port = 6001, .dst_port = 6881};
        if (round == 1) {
            look(&torrent, handshake, sizeof(handshake) - 1);
            check_name(&torrent, "BitTorrent");
        }
        look(&other, "\1\2\3\4\5\6\7\x08", 8);
        weir_applications_finish(applications, &other.search, 1);
        check_name(&other, "");
        weir_applications_release(applications, &torrent.search, 1);
    }
}

/* Where the protocol is no key of the flow, nDPI is shown those of its first packet's only. */
static void packets_of_another_protocol_are_not_looked_at(void **state)
{
    (void)state;
    need_ndpi();
    static const char zeros[64];
    for (unsigned round = 0; round < 2; round++) {
        struct flow flow = {.protocol = WEIR_PAYLOAD_TCP, .src_port = 4000, .dst_port = 443};
        /* The beginning of a TLS record, which nDPI keeps, and what it might take for that. */
        look(&flow, "\x16\3\1\4\0\1\0\3\xfc\3\3", 11);
        assert_int_equal(flow.search.packets, 1);
        flow.protocol = round ? 132 : WEIR_PAYLOAD_UDP;
        unsigned octets = flow.search.octets;
        for (unsigned i = 2; i <= 5; i++) {
            look(&flow, zeros, sizeof(zeros));
            assert_int_equal(flow.search.octets, octets);
            assert_int_equal(flow.search.packets, i);
        }
        flow.protocol = WEIR_PAYLOAD_TCP;
        look(&flow, zeros, sizeof(zeros));
        assert_true(flow.search.octets > octets);
        flow.protocol = WEIR_PAYLOAD_UDP;
        for (unsigned i = 7; i <= WEIR_APPLICATION_PACKETS; i++)
            look(&flow, zeros, sizeof(zeros));
        assert_true(flow.search.is_done);
        assert_null(flow.search.flow);
        weir_applications_release(applications, &flow.search, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applications_are_told_by_payloads),
        TEST(what_is_not_known_is_not_guessed_from_ports),
        TEST(too_many_at_once_are_counted),
        TEST(too_many_octets_at_once_are_counted),
        TEST(a_flow_tells_nothing_of_others),
        TEST(packets_of_another_protocol_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
