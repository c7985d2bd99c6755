/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of capture sources and parsers: any of it may be refused, and none is taken per frame. */
#include <stdlib.h>

#include "build.h"
#include "packet/datagram_source.h"
#include "packet/filter.h"
#include "packet/parse.h"
#include "packet/traffic.h"

/* The linker puts these before the library's calls (--wrap), and names them so. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t octets);
void *__real_calloc(size_t count, size_t octets);
void *__real_realloc(void *old, size_t octets);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t octets);
void *__wrap_calloc(size_t count, size_t octets);
void *__wrap_realloc(void *old, size_t octets);
char *__wrap_strdup(const char *text);

static struct {
    bool is_watching;
    uint64_t taken; /* allocations since watching began */
    uint64_t refused_at;
} memory;

static bool refuse(void)
{
    return memory.is_watching && memory.taken++ == memory.refused_at;
}

void *__wrap_malloc(size_t octets)
{
    return refuse() ? NULL : __real_malloc(octets);
}

void *__wrap_calloc(size_t count, size_t octets)
{
    return refuse() ? NULL : __real_calloc(count, octets);
}

void *__wrap_realloc(void *old, size_t octets)
{
    return refuse() ? NULL : __real_realloc(old, octets);
}

char *__wrap_strdup(const char *text)
{
    return refuse() ? NULL : __real_strdup(text);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static uint8_t file[65536];

static size_t make_pcap(void)
{
    struct weir_writer out = weir_writer_make(file, sizeof(file));
    pcap_header(&out, false, 0xa1b2c3d4, WEIR_LINK_ETHERNET);
    for (uint32_t i = 0; i < 100; i++)
        pcap_record(&out, false, i, 0, 60, 60);
    assert_false(weir_writer_failed(&out));
    return out.length;
}

/* With so many interfaces that their lists grow. */
static size_t make_pcapng(void)
{
    struct weir_writer out = weir_writer_make(file, sizeof(file));
    pcapng_section(&out, false);
    for (uint32_t i = 0; i < 9; i++)
        pcapng_interface(&out, false, WEIR_LINK_ETHERNET, 0, NULL, 0);
    for (uint32_t i = 0; i < 100; i++)
        pcapng_packet(&out, false, i % 9, i, 60, 60);
    assert_false(weir_writer_failed(&out));
    return out.length;
}

/* Reads the file; 0, or the error. */
static int read_datagrams(size_t length)
{
    struct weir_stream *stream;
    struct weir_datagram_source *source;
    struct weir_captured_datagram datagram;
    struct weir_diag diag;
    int result = weir_stream_open_memory(file, length, "memory", &stream, &diag);
    if (result < 0)
        return result;
    result = weir_datagram_open_stream(stream, NULL, &source, &diag);
    if (result < 0) {
        weir_stream_close(stream);
        return result;
    }
    do
        result = weir_datagram_next(source, &datagram, &diag);
    while (result == 0);
    weir_datagram_close(source);
    return result == WEIR_E_END ? 0 : result;
}

static int read_pcap(void)
{
    return read_datagrams(make_pcap());
}

static int read_pcapng(void)
{
    return read_datagrams(make_pcapng());
}

static int make_filter(void)
{
    struct weir_filter *filter;
    struct weir_diag diag;
    int result = weir_filter_new("tcp", &filter, &diag);
    if (result == 0)
        weir_filter_free(filter);
    return result;
}

static int make_traffic(void)
{
    struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
    struct weir_traffic *traffic;
    struct weir_diag diag;
    options.packets = 1000;
    options.flows = 100;
    int result = weir_traffic_new(&options, &traffic, &diag);
    if (result == 0)
        weir_traffic_free(traffic);
    return result;
}

/* Refuses the first allocation of `work`, then the second, until it needs no more. */
static void refuse_each(int (*work)(void), unsigned least)
{
    unsigned refused = 0;
    int result;
    do {
        memory.taken = 0;
        memory.refused_at = refused;
        memory.is_watching = true;
        result = work();
        memory.is_watching = false;
        if (memory.taken > refused)
            assert_int_equal(result, WEIR_E_NOMEM);
        refused++;
    } while (result < 0);
    assert_true(refused > least);
}

static void any_may_be_refused(void **state)
{
    (void)state;
    refuse_each(read_pcap, 8);
    refuse_each(read_pcapng, 11);
    refuse_each(make_filter, 2);
    refuse_each(make_traffic, 4);
}

static void frames_take_none(void **state)
{
    (void)state;
    size_t length = make_pcap(), count;
    struct weir_stream *stream;
    struct weir_source *source;
    struct weir_parser *parser;
    assert_int_equal(weir_stream_open_memory(file, length, "memory", &stream, NULL), 0);
    assert_int_equal(weir_source_open_stream(stream, NULL, &source, NULL), 0);
    assert_int_equal(weir_parser_new(NULL, &parser), 0);
    memory.taken = 0;
    memory.refused_at = UINT64_MAX;
    memory.is_watching = true;
    struct weir_frame frames[8];
    struct weir_packet packets[8];
    while (weir_source_next(source, frames, 8, &count, NULL) == 0)
        (void)weir_parse_batch(parser, frames, count, packets, NULL);
    memory.is_watching = false;
    assert_int_equal(memory.taken, 0);
    assert_int_equal(weir_parser_counters(parser)->packets_observed, 100);
    weir_parser_free(parser);
    weir_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_may_be_refused),
        cmocka_unit_test(frames_take_none),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
