/* SPDX-License-Identifier: Apache-2.0 */
/* Names of flows: out of packets as they come, in parts, late, or too many at once. */
#include "dissect/names.h"

#include "names.h"
#include "support/payload_builder.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: b/1\r\n\r\n"

static struct weir_name_finder finder;

static int setup(void **state)
{
    (void)state;
    weir_name_finder_init(&finder, 4096, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unsigned used = finder.works.used[0];
    for (unsigned i = 0; i < WEIR_NAME_ROOMS; i++)
        used += finder.rooms[i].used[0];
    weir_name_finder_done(&finder);
    return used == 0 ? 0 : -1;
}

static void look(struct weir_name_search *search, uint8_t protocol, uint16_t port,
                 uint32_t sequence, const void *octets, size_t length)
{
    uint8_t *copy = copy_of(octets, length);
    struct weir_payload payload = {
        .octets = copy,
        .captured = (uint32_t)length,
        .tcp_sequence = sequence,
        .src_port = 40000,
        .dst_port = port,
        .protocol = protocol,
    };
    weir_names_look(&finder, search, &payload);
    free(copy);
}

static void check(const struct weir_name_search *search, enum weir_name_kind kind, const char *text)
{
    uint8_t length = 0;
    const char *found = weir_names_text(search->found, kind, &length);
    if (!text) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(found, text, length);
}

/* The octets of what a TLS client sends first. */
static size_t tls(uint8_t to[static 2048])
{
    uint8_t hello[1024];
    struct weir_writer out = weir_writer_make(hello, sizeof(hello));
    payload_hello(&out, &payload_hello_usual);
    return payload_tls_records(hello, out.length, sizeof(hello), to, 2048);
}

static void a_segment_tells_names(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t octets[2048];
    look(&search, WEIR_PAYLOAD_TCP, 443, 1, octets, tls(octets));
    assert_true(search.is_done);
    assert_null(search.work);
    check(&search, WEIR_NAME_SNI, "www.example.org");
    check(&search, WEIR_NAME_ALPN, "h2,http/1.1");
    check(&search, WEIR_NAME_JA4, "t13d0505h2_67aea3857bb1_a1423450a967");
    check(&search, WEIR_NAME_DNS, NULL);
    assert_int_equal(search.found->tls_version, 0x0304);
    assert_int_equal(search.found->quic_version, 0);
    weir_names_release(&finder, &search, 0);
    assert_null(search.found);
}

/* In two parts cut anywhere, in order or not but for the first, over the end of the numbers. */
static void parts_come_in_any_order(void **state)
{
    (void)state;
    uint8_t octets[2048];
    size_t length = tls(octets);
    const uint32_t base = UINT32_MAX - 40;
    for (size_t cut = 6; cut < length - 1; cut++) {
        struct weir_name_search search = {0};
        size_t later = cut + (length - cut) / 2;
        look(&search, WEIR_PAYLOAD_TCP, 443, base, octets, cut);
        assert_non_null(search.work);
        look(&search, WEIR_PAYLOAD_TCP, 443, base + (uint32_t)later, octets + later,
             length - later);
        look(&search, WEIR_PAYLOAD_TCP, 443, base - 5, "early", 5);
        assert_null(search.found);
        look(&search, WEIR_PAYLOAD_TCP, 443, base + (uint32_t)cut - 1, octets + cut - 1,
             later - cut + 1);
        check(&search, WEIR_NAME_SNI, "www.example.org");
        weir_names_release(&finder, &search, 0);
    }
}

static void look_at_syn(struct weir_name_search *search, uint32_t sequence)
{
    const struct weir_payload syn = {
        .tcp_sequence = sequence, .protocol = WEIR_PAYLOAD_TCP, .is_syn = true};
    weir_names_look(&finder, search, &syn);
}

/* Where the stream begins is known by the SYN; without one the first segment has to come first. */
static void the_first_part_may_come_last(void **state)
{
    (void)state;
    uint8_t octets[2048];
    size_t length = tls(octets);
    for (unsigned has_syn = 0; has_syn < 2; has_syn++) {
        struct weir_name_search search = {0};
        if (has_syn)
            look_at_syn(&search, UINT32_MAX - 3);
        look(&search, WEIR_PAYLOAD_TCP, 443, UINT32_MAX - 3 + 100, octets + 100, length - 100);
        assert_null(search.found);
        look(&search, WEIR_PAYLOAD_TCP, 443, UINT32_MAX - 3, octets, 100);
        check(&search, WEIR_NAME_SNI, has_syn ? "www.example.org" : NULL);
        weir_names_release(&finder, &search, 0);
    }
    /* What then begins otherwise has no name. */
    struct weir_name_search search = {0};
    look_at_syn(&search, 1);
    look(&search, WEIR_PAYLOAD_TCP, 443, 101, octets + 100, length - 100);
    look(&search, WEIR_PAYLOAD_TCP, 443, 1, "\1\2\3\4\5\6\7", 7);
    assert_null(search.work);
    assert_null(search.found);
    weir_names_release(&finder, &search, 0);
}

static void the_other_direction_is_no_part(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t octets[2048];
    size_t length = tls(octets);
    look(&search, WEIR_PAYLOAD_TCP, 443, 1, octets, 100);
    struct weir_payload answer = {
        .octets = (const uint8_t *)"HTTP",
        .captured = 4,
        .tcp_sequence = 101,
        .protocol = WEIR_PAYLOAD_TCP,
        .is_reverse = true,
    };
    weir_names_look(&finder, &search, &answer);
    look(&search, WEIR_PAYLOAD_TCP, 443, 101, octets + 100, length - 100);
    check(&search, WEIR_NAME_SNI, "www.example.org");
    weir_names_release(&finder, &search, 0);
}

static void tls_is_found_behind_something_else(void **state)
{
    (void)state;
    static const char connect[] = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
    struct weir_name_search search = {0};
    uint8_t octets[2048];
    look(&search, WEIR_PAYLOAD_TCP, 3128, 1, connect, sizeof(connect) - 1);
    assert_false(search.is_done);
    look(&search, WEIR_PAYLOAD_TCP, 3128, 70, octets, tls(octets));
    assert_true(search.is_done);
    check(&search, WEIR_NAME_HTTP_METHOD, "CONNECT");
    check(&search, WEIR_NAME_HTTP_HOST, "a.example:443");
    check(&search, WEIR_NAME_HTTP_AGENT, NULL);
    check(&search, WEIR_NAME_SNI, "www.example.org");
    weir_names_release(&finder, &search, 0);

    look(&search, WEIR_PAYLOAD_TCP, 25, 1, "EHLO a.example\r\n", 16);
    look(&search, WEIR_PAYLOAD_TCP, 25, 17, "STARTTLS\r\n", 10);
    look(&search, WEIR_PAYLOAD_TCP, 25, 27, octets, tls(octets));
    check(&search, WEIR_NAME_SNI, "www.example.org");
    check(&search, WEIR_NAME_HTTP_METHOD, NULL);
    weir_names_release(&finder, &search, 0);
}

static void a_head_that_does_not_end_tells_what_it_has(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    size_t cut = strlen("GET / HTTP/1.1\r\nHost: www.example.org\r\nUser");
    look(&search, WEIR_PAYLOAD_TCP, 80, 1, REQUEST, cut);
    check(&search, WEIR_NAME_HTTP_HOST, NULL);
    weir_names_finish(&finder, &search, 0);
    check(&search, WEIR_NAME_HTTP_HOST, "www.example.org");
    check(&search, WEIR_NAME_HTTP_AGENT, NULL);
    weir_names_release(&finder, &search, 0);
    /* A head longer than what is kept of it, and one of more packets than are looked at. */
    static const unsigned steps[] = {1000, 100};
    for (unsigned round = 0; round < 2; round++) {
        const unsigned step = steps[round];
        char filler[1000];
        memset(filler, 'a', sizeof(filler));
        look(&search, WEIR_PAYLOAD_TCP, 80, 1, REQUEST, cut);
        for (unsigned i = 0; i < WEIR_NAMES_PACKETS; i++)
            look(&search, WEIR_PAYLOAD_TCP, 80, 1 + (uint32_t)cut + i * step, filler, step);
        check(&search, WEIR_NAME_HTTP_HOST, "www.example.org");
        assert_null(search.work);
        weir_names_release(&finder, &search, 0);
    }
}

static void questions_are_found_on_their_ports(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t octets[512];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    size_t begin = payload_begin(&out);
    payload_dns(&out, "www.example.org.", 15);
    payload_end(&out, begin);
    look(&search, WEIR_PAYLOAD_UDP, 4053, 0, octets + begin, out.length - begin);
    assert_false(search.is_done);
    look(&search, WEIR_PAYLOAD_UDP, 53, 0, octets + begin, out.length - begin);
    assert_true(search.is_done);
    check(&search, WEIR_NAME_DNS, "www.example.org");
    assert_true(search.found->is_dns);
    assert_int_equal(search.found->dns_type, 15);
    weir_names_release(&finder, &search, 0);
    /* The length first, as some resolvers send it. */
    look(&search, WEIR_PAYLOAD_TCP, 53, 9, octets, 2);
    look(&search, WEIR_PAYLOAD_TCP, 53, 11, octets + 2, out.length - 2);
    check(&search, WEIR_NAME_DNS, "www.example.org");
    weir_names_release(&finder, &search, 0);
}

static void quic_is_found_over_datagrams(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t hello[1024], packet[2048];
    struct weir_writer out = weir_writer_make(hello, sizeof(hello));
    payload_hello(&out, &payload_hello_usual);
    look(&search, WEIR_PAYLOAD_UDP, 443, 0, "\x40short", 6);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t frames[1024];
        struct weir_writer crypto = weir_writer_make(frames, sizeof(frames));
        size_t half = out.length / 2, from = i ? 0 : half;
        payload_crypto(&crypto, from, hello + from, i ? half : out.length - half);
        size_t length = payload_quic_initial(&payload_quic_v1, i, frames, crypto.length, 1100,
                                             packet, sizeof(packet));
        assert_null(search.found);
        look(&search, WEIR_PAYLOAD_UDP, 443, 0, packet, length);
    }
    check(&search, WEIR_NAME_SNI, "www.example.org");
    check(&search, WEIR_NAME_JA4, "q13d0505h2_67aea3857bb1_a1423450a967");
    assert_non_null(search.found);
    assert_int_equal(search.found->quic_version, 1);
    weir_names_release(&finder, &search, 0);
}

/* Flows whose keys lack ports or the protocol have several streams; the first name counts. */
static void streams_side_by_side_do_not_mix(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t octets[2048], query[512];
    struct weir_writer out = weir_writer_make(query, sizeof(query));
    size_t length = tls(octets);
    payload_dns(&out, "www.example.com.", 1);
    look(&search, WEIR_PAYLOAD_TCP, 443, 1, octets, 100);
    assert_non_null(search.work);
    look(&search, WEIR_PAYLOAD_UDP, 53, 0, query, out.length);
    assert_true(search.is_done);
    assert_null(search.work);
    look(&search, WEIR_PAYLOAD_TCP, 443, 101, octets + 100, length - 100);
    check(&search, WEIR_NAME_DNS, "www.example.com");
    check(&search, WEIR_NAME_SNI, NULL);
    weir_names_release(&finder, &search, 0);
}

static void looking_ends(void **state)
{
    (void)state;
    struct weir_name_search search = {0};
    uint8_t octets[2048];
    for (unsigned i = 0; i < WEIR_NAMES_PACKETS; i++) {
        assert_false(search.is_done);
        look(&search, WEIR_PAYLOAD_TCP, 443, i * 8, "\0\0\0\0\0\0\0\0", 8);
    }
    assert_true(search.is_done);
    look(&search, WEIR_PAYLOAD_TCP, 443, 1000, octets, tls(octets));
    assert_null(search.found);
    weir_names_release(&finder, &search, 0);
    look(&search, 132, 0, 0, REQUEST, sizeof(REQUEST) - 1);
    assert_true(search.is_done);
    weir_names_release(&finder, &search, 0);
}

/* Who comes when there is no room has no names, is counted, and disturbs nobody. */
static void too_many_at_once_are_counted(void **state)
{
    (void)state;
    enum { FLOWS = 200 };
    static struct weir_name_search searches[FLOWS];
    uint8_t octets[2048];
    size_t length = tls(octets);
    uint64_t before = finder.counters.without_room;
    for (unsigned i = 0; i < FLOWS; i++)
        look(&searches[i], WEIR_PAYLOAD_TCP, 443, 0, octets, 100);
    assert_int_equal(finder.works.used[0], finder.works.limit);
    assert_int_equal(finder.counters.without_room - before, FLOWS - finder.works.limit);
    for (unsigned i = 0; i < FLOWS; i++) {
        look(&searches[i], WEIR_PAYLOAD_TCP, 443, 100, octets + 100, length - 100);
        check(&searches[i], WEIR_NAME_SNI, i < finder.works.limit ? "www.example.org" : NULL);
    }
    assert_int_equal(finder.works.used[0], 0);
    for (unsigned i = 0; i < FLOWS; i++)
        weir_names_release(&finder, &searches[i], 0);
}

/* Names of every length, in every size of room. */
static void long_names_have_room(void **state)
{
    (void)state;
    char request[4096], host[1024];
    for (unsigned length = 1; length < 600; length += 7) {
        struct weir_name_search search = {0};
        memset(host, 'h', length);
        host[length] = '\0';
        int octets = snprintf(request, sizeof(request),
                              "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", host, host);
        look(&search, WEIR_PAYLOAD_TCP, 80, 0, request, (size_t)octets);
        host[length < WEIR_NAME_OCTETS_MAX ? length : WEIR_NAME_OCTETS_MAX] = '\0';
        check(&search, WEIR_NAME_HTTP_HOST, host);
        check(&search, WEIR_NAME_HTTP_AGENT, host);
        check(&search, WEIR_NAME_HTTP_METHOD, "GET");
        weir_names_release(&finder, &search, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_segment_tells_names),
        TEST(parts_come_in_any_order),
        TEST(the_first_part_may_come_last),
        TEST(the_other_direction_is_no_part),
        TEST(tls_is_found_behind_something_else),
        TEST(a_head_that_does_not_end_tells_what_it_has),
        TEST(questions_are_found_on_their_ports),
        TEST(quic_is_found_over_datagrams),
        TEST(streams_side_by_side_do_not_mix),
        TEST(looking_ends),
        TEST(too_many_at_once_are_counted),
        TEST(long_names_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
