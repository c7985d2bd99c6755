/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pcapng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet/datagram_source.h"
#include "support/cmocka.h"

#define NOW_NS INT64_C(1770102000123456789)

static uint8_t payload[65536];

static struct weir_datagram make(bool is_v4, size_t length)
{
    struct weir_datagram datagram = {
        .octets = payload,
        .length = length,
        .source = is_v4 ? weir_address_from_v4(0xc0000209)
                        : (struct weir_address){UINT64_C(0x20010db8) << 32, 9},
        .source_port = 40000,
        .destination_port = 4739,
        .received_ns = NOW_NS,
    };
    return datagram;
}

static void check_equal(const struct weir_datagram *got, const struct weir_datagram *wanted)
{
    assert_true(weir_address_equal(got->source, wanted->source));
    assert_int_equal(got->source_port, wanted->source_port);
    assert_int_equal(got->destination_port, wanted->destination_port);
    assert_int_equal(got->received_ns, wanted->received_ns);
    assert_int_equal(got->length, wanted->length);
    assert_memory_equal(got->octets, wanted->octets, wanted->length);
}

static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 1400, 1401, 1402, 1403, 65507};

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    uint8_t *octets = malloc(WEIR_PCAPNG_PACKET_MAX);
    assert_non_null(octets);
    for (unsigned is_v4 = 0; is_v4 < 2; is_v4++)
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            struct weir_datagram datagram = make(is_v4, lengths[i]);
            struct weir_pcapng_block block;
            size_t length = weir_pcapng_packet_octets(&datagram);
            assert_true(length > 0 && length % 4 == 0 && length <= WEIR_PCAPNG_PACKET_MAX);
            weir_pcapng_packet(octets, &datagram);
            assert_int_equal(weir_pcapng_read(octets, length, &block), 0);
            assert_int_equal(block.length, length);
            assert_true(block.has_datagram);
            check_equal(&block.datagram, &datagram);
        }
    free(octets);
}

static void test_what_no_datagram_holds_is_refused(void **state)
{
    (void)state;
    struct weir_datagram v4 = make(true, 65508), v6 = make(false, 65528);
    assert_int_equal(weir_pcapng_packet_octets(&v4), 0);
    assert_int_equal(weir_pcapng_packet_octets(&v6), 0);
    v6.length = 65527;
    assert_true(weir_pcapng_packet_octets(&v6) <= WEIR_PCAPNG_PACKET_MAX);
    assert_true(weir_pcapng_packet_octets(&v6) > 0);
}

static void test_fillers_have_any_length(void **state)
{
    (void)state;
    uint8_t *octets = malloc(8192);
    assert_non_null(octets);
    for (size_t length = WEIR_PCAPNG_FILLER_MIN; length <= 8192; length += 4) {
        struct weir_pcapng_block block;
        memset(octets, 0xa5, 8192);
        weir_pcapng_filler(octets, length);
        assert_int_equal(weir_pcapng_read(octets, length, &block), 0);
        assert_int_equal(block.length, length);
        assert_false(block.has_datagram);
    }
    free(octets);
}

static void test_cut_and_broken_blocks_are_none(void **state)
{
    (void)state;
    struct weir_datagram datagram = make(true, 33);
    size_t length = weir_pcapng_packet_octets(&datagram);
    uint8_t *whole = malloc(length);
    assert_non_null(whole);
    weir_pcapng_packet(whole, &datagram);
    for (size_t left = 0; left < length; left++) {
        /* Of its exact size, so that a read past it is seen. */
        uint8_t *octets = malloc(left + 1);
        struct weir_pcapng_block block;
        assert_non_null(octets);
        memcpy(octets, whole, left);
        assert_int_equal(weir_pcapng_read(octets, left, &block), WEIR_E_TRUNCATED);
        free(octets);
    }
    for (size_t bit = 0; bit < 8 * length; bit++) {
        uint8_t *octets = malloc(length);
        struct weir_pcapng_block block;
        assert_non_null(octets);
        memcpy(octets, whole, length);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (weir_pcapng_read(octets, length, &block) == 0 && block.has_datagram)
            assert_true(block.datagram.length <= length);
        free(octets);
    }
    /* What a preallocated file has behind its end. */
    struct weir_pcapng_block block;
    memset(whole, 0, length);
    assert_int_equal(weir_pcapng_read(whole, length, &block), WEIR_E_MALFORMED);
    free(whole);
}

/* Another reader of captures: sums, lengths and the interface's unit of time are right. */
static void test_other_readers_read_it(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-pcapng-XXXXXX";
    uint8_t *octets = malloc(WEIR_PCAPNG_PACKET_MAX);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && octets);
    weir_pcapng_section(octets);
    assert_int_equal(write(fd, octets, WEIR_PCAPNG_SECTION_OCTETS), WEIR_PCAPNG_SECTION_OCTETS);
    static const size_t some[] = {1, 1400, 7, 60000};
    for (unsigned i = 0; i < 4; i++) {
        struct weir_datagram datagram = make(i % 2, some[i]);
        size_t length = weir_pcapng_packet_octets(&datagram);
        weir_pcapng_packet(octets, &datagram);
        assert_int_equal(write(fd, octets, length), length);
        weir_pcapng_filler(octets, 16 + 4 * i);
        assert_int_equal(write(fd, octets, 16 + 4 * i), 16 + 4 * i);
    }
    close(fd);
    struct weir_datagram_source *source;
    struct weir_diag diag;
    if (weir_datagram_open(path, NULL, &source, &diag) < 0)
        fail_msg("%s", diag.text);
    for (unsigned i = 0; i < 4; i++) {
        struct weir_captured_datagram captured;
        struct weir_datagram wanted = make(i % 2, some[i]);
        if (weir_datagram_next(source, &captured, &diag) < 0)
            fail_msg("%s", diag.text);
        assert_int_equal(captured.length, captured.captured);
        const struct weir_datagram got = {
            .octets = captured.payload,
            .length = captured.captured,
            .source = captured.src_addr,
            .source_port = captured.src_port,
            .destination_port = captured.dst_port,
            .received_ns = captured.time_ns,
        };
        check_equal(&got, &wanted);
    }
    struct weir_captured_datagram none;
    assert_int_equal(weir_datagram_next(source, &none, &diag), WEIR_E_END);
    weir_datagram_close(source);
    unlink(path);
    free(octets);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_no_datagram_holds_is_refused),
        cmocka_unit_test(test_fillers_have_any_length),
        cmocka_unit_test(test_cut_and_broken_blocks_are_none),
        cmocka_unit_test(test_other_readers_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
