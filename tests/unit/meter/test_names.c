/* SPDX-License-Identifier: Apache-2.0 */
/* Names and applications as fields: from packets to rows, over records, and given back. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect/application.h"
#include "meter/cache.h"
#include "meter/private.h"
#include "support/payload_builder.h"

#define HEADERS 40u

enum { SYN = 2, ACK = 16, TCP = 6, ROWS_MAX = 8 };

/* A cache of one definition, and what came out of it: fields with spaces between, - for none. */
struct bench {
    struct weir_cache_config config;
    struct weir_cache *cache;
    char rows[ROWS_MAX][512];
    unsigned row_count;
};

static void print_row(const struct weir_batch *batch, uint32_t row, char text[static 512])
{
    const struct weir_extra_fields *extra = batch->extra;
    size_t length = 0;
    for (unsigned i = 0; i < extra->count; i++) {
        const struct weir_field *field = &extra->fields[i].field;
        const uint8_t *octets = weir_batch_extra(batch, row) + extra->fields[i].offset;
        bool is_variable = field->length == WEIR_LENGTH_VARIABLE;
        int octet_count = is_variable ? octets[0] : field->length;
        if (weir_extra_lacks(&batch->extra_absent[row], i))
            length += (size_t)snprintf(text + length, 512 - length, "- ");
        else if (is_variable || octet_count > 8)
            length += (size_t)snprintf(text + length, 512 - length, "%.*s ", octet_count,
                                       (const char *)octets + is_variable);
        else
            length +=
                (size_t)snprintf(text + length, 512 - length, "%llu ",
                                 (unsigned long long)weir_load_be(octets, (unsigned)octet_count));
    }
}

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct bench *bench = context;
    (void)diag;
    for (uint32_t i = 0; i < batch->row_count; i++)
        print_row(batch, i, bench->rows[bench->row_count++ % ROWS_MAX]);
    return 0;
}

static void start(struct bench *bench, const char *fields, bool is_biflow)
{
    char text[512];
    struct weir_diag diag = {0};
    struct weir_batch_sink sink = {.batch = take, .context = bench};
    snprintf(text, sizeof(text), "keys=src_addr,dst_addr,src_port,dst_port,protocol fields=%s",
             fields);
    weir_cache_free(bench->cache);
    bench->cache = NULL;
    bench->row_count = 0;
    bench->config = weir_cache_config_default();
    bench->config.biflow = is_biflow ? WEIR_BIFLOW_FIRST : WEIR_BIFLOW_NONE;
    assert_int_equal(weir_flow_definition_parse(text, &bench->config.definition, &diag), 0);
    assert_int_equal(weir_cache_new(&bench->config, &sink, &bench->cache, &diag), 0);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    weir_cache_free(bench->cache);
    free(bench);
    return 0;
}

/* A segment: its octets are there for the time of the call only. */
static void add(struct bench *bench, int64_t time_ns, uint16_t client, bool forth,
                uint32_t sequence, const void *payload, size_t length)
{
    struct weir_diag diag;
    uint8_t *frame = calloc(1, HEADERS + length);
    struct weir_writer out = weir_writer_make(frame, HEADERS + length);
    struct weir_packet packet = {
        .key = {.src_addr = weir_address_from_v4(forth ? 0xc0000201 : 0xc6336401),
                .dst_addr = weir_address_from_v4(forth ? 0xc6336401 : 0xc0000201),
                .src_port = forth ? client : 443,
                .dst_port = forth ? 443 : client,
                .protocol = TCP},
        .time_ns = time_ns,
        .octets = (uint32_t)(HEADERS + length),
        .tcp_flags = ACK,
    };
    weir_write_u16(&out, 0x4500);
    weir_write_u16(&out, (uint16_t)(HEADERS + length));
    weir_write_u32(&out, 0);
    weir_write_u32(&out, 64u << 24 | TCP << 16);
    weir_write_u32(&out, (uint32_t)packet.key.src_addr.low);
    weir_write_u32(&out, (uint32_t)packet.key.dst_addr.low);
    weir_write_u16(&out, packet.key.src_port);
    weir_write_u16(&out, packet.key.dst_port);
    weir_write_u64(&out, (uint64_t)sequence << 32);
    weir_write_u64(&out, UINT64_C(0x5010010000000000));
    weir_write_octets(&out, payload, length);
    assert_false(weir_writer_failed(&out));
    const struct weir_packet_detail detail = {
        .payload = frame + HEADERS,
        .payload_captured = (uint32_t)length,
        .payload_octets = (uint32_t)length,
        .network = frame,
        .network_captured = (uint32_t)(HEADERS + length),
        .tcp_sequence = sequence,
        .has = WEIR_DETAIL_TCP | WEIR_DETAIL_PAYLOAD,
    };
    assert_int_equal(weir_cache_add_details(bench->cache, &packet, &detail, 1, &diag), 0);
    free(frame);
}

static size_t hello(uint8_t to[static 1024])
{
    uint8_t octets[512];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    payload_hello(&out, &payload_hello_usual);
    return payload_tls_records(octets, out.length, sizeof(octets), to, 1024);
}

static void finish(struct bench *bench)
{
    struct weir_diag diag;
    assert_int_equal(weir_cache_finish(bench->cache, &diag), 0);
}

#define ALL "tls,quic_sni,dns,http"
#define HELLO_ROW \
    "www.example.org h2,http/1.1 t13d0505h2_67aea3857bb1_a1423450a967 772 - - - - - - - "

static void a_row_has_the_names_of_its_flow(void **state)
{
    struct bench *bench = *state;
    uint8_t octets[1024];
    size_t length = hello(octets);
    for (unsigned biflow = 0; biflow < 2; biflow++) {
        start(bench, ALL, biflow);
        add(bench, 1, 40000, true, 1, octets, 100);
        add(bench, 2, 40000, false, 1, "answer", 6);
        add(bench, 3, 40000, true, 101, octets + 100, length - 100);
        finish(bench);
        assert_int_equal(bench->row_count, biflow ? 1 : 2);
        bool is_first = strcmp(bench->rows[0], HELLO_ROW) == 0;
        assert_string_equal(bench->rows[is_first || biflow ? 0 : 1], HELLO_ROW);
        if (!biflow)
            assert_string_equal(bench->rows[is_first], "- - - - - - - - - - - ");
        assert_int_equal(weir_cache_counters(bench->cache).flows_named, 1);
    }
}

/* What names take is memory of the cache, too. */
static void names_are_counted_as_memory(void **state)
{
    struct bench *bench = *state;
    uint8_t octets[1024];
    size_t length = hello(octets);
    start(bench, "tls_sni", false);
    uint64_t before = weir_cache_counters(bench->cache).cache_octets;
    for (uint16_t i = 0; i < 1000; i++)
        add(bench, 1, (uint16_t)(40000 + i), true, 1, octets, 100);
    for (uint16_t i = 0; i < 500; i++)
        add(bench, 2, (uint16_t)(40000 + i), true, 101, octets + 100, length - 100);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    uint64_t rows = weir_cache_octets(bench->cache, bench->cache->rows_in_use);
    assert_true(before < rows);
    assert_true(counters.cache_octets >= rows + 64 * counters.flows_named);
    assert_true(counters.cache_octets_peak >= counters.cache_octets);
}

/* A flow that goes on after a record is about the same; a new one of the same key is not. */
static void names_stay_with_their_flow(void **state)
{
    struct bench *bench = *state;
    const int64_t step = 10 * WEIR_NS_PER_SECOND;
    uint8_t octets[1024];
    size_t length = hello(octets);
    start(bench, "tls_sni", false);
    add(bench, 1, 40000, true, 1, octets, length);
    for (int64_t time = step; time < 5 * bench->config.active_ns / 2; time += step)
        add(bench, time, 40000, true, 1000, "", 0);
    finish(bench);
    assert_int_equal(bench->row_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(bench->rows[i], "www.example.org ");
    add(bench, 1, 40000, true, 1, "", 0);
    finish(bench);
    assert_string_equal(bench->rows[3], "- ");
}

static void a_head_without_end_counts_at_the_end(void **state)
{
    struct bench *bench = *state;
    static const char head[] = "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-";
    start(bench, "http", false);
    add(bench, 1, 40000, true, 1, head, sizeof(head) - 1);
    finish(bench);
    assert_string_equal(bench->rows[0], "PUT a.example - ");
}

/* Of a packet no more counts than is kept of it for another thread, its headers included. */
static void a_packet_is_looked_at_up_to_its_limit(void **state)
{
    struct bench *bench = *state;
    static const char head[] = "GET / HTTP/1.1\r\nAccept: ";
    static const char host[] = "\r\nHost: a.example\r\n";
    char request[WEIR_PAYLOAD_OCTETS_MAX];
    for (unsigned over = 0; over < 2; over++) {
        size_t length = WEIR_PAYLOAD_OCTETS_MAX - HEADERS + over;
        memset(request, 'a', length);
        memcpy(request, head, sizeof(head) - 1);
        memcpy(request + length - (sizeof(host) - 1), host, sizeof(host) - 1);
        start(bench, "http_host", false);
        add(bench, 1, 40000, true, 1, request, length);
        finish(bench);
        assert_string_equal(bench->rows[0], over ? "- " : "a.example ");
    }
}

/* Ten thousand beginnings that never go on, some of them at once. */
static void what_ended_makes_room(void **state)
{
    struct bench *bench = *state;
    uint8_t octets[1024];
    size_t length = hello(octets);
    start(bench, "tls_sni,http_host", false);
    for (unsigned i = 0; i < 10000; i++)
        add(bench, (int64_t)i * WEIR_NS_PER_SECOND, (uint16_t)(1024 + i), true, 1, octets, 100);
    finish(bench);
    assert_int_equal(weir_cache_counters(bench->cache).names_without_room, 0);
    for (unsigned i = 0; i < 5000; i++)
        add(bench, 1, (uint16_t)(1024 + i), true, 1, octets, 100);
    assert_in_range(weir_cache_counters(bench->cache).names_without_room, 1000, 4990);
    add(bench, 2, 1024, true, 101, octets + 100, length - 100);
    finish(bench);
    assert_int_equal(weir_cache_counters(bench->cache).flows_named, 1);
    /* Freed with flows in it. */
    add(bench, 1, 40000, true, 1, octets, 100);
    add(bench, 1, 40001, true, 1, octets, length);
}

static void applications_are_fields_where_there_is_ndpi(void **state)
{
    struct bench *bench = *state;
    struct weir_flow_definition definition;
    struct weir_diag diag = {0};
    uint8_t octets[1024];
    if (!weir_applications_are_known()) {
        assert_int_equal(weir_flow_definition_parse("keys=protocol fields=app", &definition, &diag),
                         WEIR_E_USAGE);
        assert_non_null(strstr(diag.text, "libndpi-dev"));
        return;
    }
    start(bench, "app", true);
    add(bench, 1, 40000, true, 1, octets, hello(octets));
    add(bench, 1, 40001, true, 1, "\0\0\0\0\0\0\0\0", 8);
    add(bench, 1, 40002, true, 1, "", 0);
    finish(bench);
    assert_int_equal(bench->row_count, 3);
    unsigned told = 0;
    for (unsigned i = 0; i < 3; i++)
        told += strcmp(bench->rows[i], "TLS ") == 0;
    assert_int_equal(told, 1);
    struct weir_cache_counters counters = weir_cache_counters(bench->cache);
    assert_int_equal(counters.applications_found, 1);
    assert_int_equal(counters.applications_unknown, 1);
    add(bench, 1, 40000, true, 1, octets, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_has_the_names_of_its_flow),
        TEST(names_are_counted_as_memory),
        TEST(names_stay_with_their_flow),
        TEST(a_head_without_end_counts_at_the_end),
        TEST(a_packet_is_looked_at_up_to_its_limit),
        TEST(what_ended_makes_room),
        TEST(applications_are_fields_where_there_is_ndpi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
