/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC's Initial packets: those of RFC 9001 and 9369, several of one hello, cut and changed. */
#include "dissect/quic.h"

#include "dissect/hello.h"
#include "names.h"
#include "support/payload_builder.h"

#define PADDED 1162u

/* The CRYPTO frame of RFC 9001 appendix A.2. */
static const char appendix_a2[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
    "1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007"
    "000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f5"
    "0f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f0"
    "3e51570806048000ffff";

static size_t appendix_packet(const struct payload_quic *quic, uint8_t to[static 2048])
{
    uint8_t frames[512];
    size_t length = payload_hex(appendix_a2, frames);
    return payload_quic_initial(quic, 2, frames, length, PADDED, to, 2048);
}

static void check_appendix_hello(const struct weir_assembly *assembly)
{
    struct weir_client_hello hello;
    assert_int_equal(weir_client_hello_parse(assembly->octets, weir_assembly_length(assembly),
                                             WEIR_HELLO_QUIC, &hello),
                     0);
    assert_name(hello.sni, "example.com");
    assert_name(hello.alpn, "alpn");
    assert_memory_equal(hello.ja4, "q13d0211an_", 11);
}

static void the_packet_of_the_rfc_is_read(void **state)
{
    (void)state;
    uint8_t packet[2048], expected[64];
    size_t length = appendix_packet(&payload_quic_v1, packet);
    assert_int_equal(length, 1200);
    /* What is sent according to appendix A.2: the test's own sealing is right, too. */
    size_t begin =
        payload_hex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11", expected);
    assert_memory_equal(packet, expected, begin);
    size_t end = payload_hex("e221af44860018ab0856972e194cd934", expected);
    assert_memory_equal(packet + length - end, expected, end);

    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    uint8_t *copy = copy_of(packet, length);
    assert_true(weir_quic_begins(copy, length));
    assert_int_equal(weir_quic_read(&quic, copy, length, &assembly), 0);
    assert_int_equal(payload_hex(payload_quic_v1.key, expected), sizeof(quic.key));
    assert_memory_equal(quic.key, expected, sizeof(quic.key));
    check_appendix_hello(&assembly);
    free(copy);
}

static void version_2_differs_in_salt_labels_and_types(void **state)
{
    (void)state;
    uint8_t packet[2048];
    size_t length = appendix_packet(&payload_quic_v2, packet);
    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    assert_int_equal(weir_quic_read(&quic, packet, length, &assembly), 0);
    assert_int_equal(quic.version, 0x6b3343cf);
    check_appendix_hello(&assembly);
    /* As version 1 it would be of another type. */
    packet[1] = packet[2] = packet[3] = 0;
    packet[4] = 1;
    assert_false(weir_quic_begins(packet, length));
}

/* As browsers send it: frames in any order, over two datagrams. */
static void a_hello_of_several_datagrams_is_put_together(void **state)
{
    (void)state;
    uint8_t octets[2048], frames[2048], packet[2048];
    struct weir_writer hello_out = weir_writer_make(octets, sizeof(octets));
    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    struct weir_client_hello hello;
    payload_hello(&hello_out, &payload_hello_usual);
    weir_assembly_init(&assembly);
    size_t half = hello_out.length / 2;
    for (unsigned datagram = 0; datagram < 2; datagram++) {
        struct weir_writer out = weir_writer_make(frames, sizeof(frames));
        size_t from = datagram * half, to = datagram ? hello_out.length : half;
        weir_write_u8(&out, 1); /* PING */
        for (size_t at = to; at > from;) {
            size_t count = at - from < 20 ? at - from : 20;
            at -= count;
            payload_crypto(&out, at, octets + at, count);
            weir_write_zeros(&out, 3);
        }
        weir_write_octets(&out, "\x02\x05\0\x01\0\0\0", 7); /* ACK with a range */
        size_t length = payload_quic_initial(&payload_quic_v1, datagram, frames, out.length, PADDED,
                                             packet, sizeof(packet));
        int result = weir_client_hello_parse(assembly.octets, weir_assembly_length(&assembly),
                                             WEIR_HELLO_QUIC, &hello);
        assert_int_equal(result, WEIR_E_TRUNCATED);
        assert_int_equal(weir_quic_read(&quic, packet, length, &assembly), 0);
    }
    assert_int_equal(weir_client_hello_parse(assembly.octets, weir_assembly_length(&assembly),
                                             WEIR_HELLO_QUIC, &hello),
                     0);
    assert_name(hello.sni, "www.example.org");
    assert_memory_equal(hello.ja4, "q13d0505h2_67aea3857bb1_a1423450a967", WEIR_JA4_OCTETS);
}

static void packets_of_others_are_skipped(void **state)
{
    (void)state;
    uint8_t datagram[4096];
    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    /* 0-RTT of eight octets ahead of the Initial packet, as one datagram. */
    static const char other[] = "\xd0\0\0\0\x01\0\0\x08"
                                "abcdefgh";
    size_t before = sizeof(other) - 1;
    memcpy(datagram, other, before);
    size_t length = before + appendix_packet(&payload_quic_v1, datagram + before);
    assert_int_equal(weir_quic_read(&quic, datagram, length, &assembly), 0);
    check_appendix_hello(&assembly);
    assert_int_equal(weir_quic_read(&quic, datagram, before, &assembly), WEIR_E_NOT_FOUND);
}

/* Packets of one datagram have one identifier, and keys are made for the first alone. */
static void keys_are_made_once_for_a_datagram(void **state)
{
    (void)state;
    uint8_t datagram[4096];
    struct weir_quic quic = {0};
    struct weir_assembly assembly;
    weir_assembly_init(&assembly);
    size_t first = appendix_packet(&payload_quic_v1, datagram);
    size_t length = first + appendix_packet(&payload_quic_v1, datagram + first);
    datagram[first - 1] ^= 1;
    assert_int_equal(weir_quic_read(&quic, datagram, length, &assembly), WEIR_E_NOT_FOUND);
    assert_int_equal(assembly.run_count, 0);
    /* With the keys of a datagram before it the second is opened, whatever the first is. */
    assert_int_equal(weir_quic_read(&quic, datagram + first, length - first, &assembly), 0);
    weir_assembly_init(&assembly);
    assert_int_equal(weir_quic_read(&quic, datagram, length, &assembly), 0);
    check_appendix_hello(&assembly);
}

static void a_packet_that_is_cut_or_changed_is_not_opened(void **state)
{
    (void)state;
    uint8_t packet[2048];
    size_t length = appendix_packet(&payload_quic_v1, packet);
    for (size_t cut = 0; cut < length; cut++) {
        struct weir_quic quic = {0};
        struct weir_assembly assembly;
        weir_assembly_init(&assembly);
        uint8_t *copy = copy_of(packet, cut);
        assert_int_equal(weir_quic_read(&quic, copy, cut, &assembly), WEIR_E_NOT_FOUND);
        assert_int_equal(assembly.run_count, 0);
        free(copy);
    }
    /* The tag is over all of it. */
    for (size_t at = 0; at < length; at += at < 40 ? 1 : 29) {
        struct weir_quic quic = {0};
        struct weir_assembly assembly;
        weir_assembly_init(&assembly);
        packet[at] ^= 0x21;
        assert_int_equal(weir_quic_read(&quic, packet, length, &assembly), WEIR_E_NOT_FOUND);
        packet[at] ^= 0x21;
    }
}

static void frames_that_break_rules_are_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *frames;
        size_t length;
    } cases[] = {
        {"\x08\x01", 2},                                      /* STREAM */
        {"\x06\x00\x7f\xff", 4},                              /* CRYPTO past the end */
        {"\x02\x05\0\xbf\xff\xff\xff\0", 8},                  /* ACK with too many ranges */
        {"\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11}, /* lengths of 62 bits */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t packet[2048];
        struct weir_quic quic = {0};
        struct weir_assembly assembly;
        weir_assembly_init(&assembly);
        size_t length = payload_quic_initial(&payload_quic_v1, 1, (const uint8_t *)cases[i].frames,
                                             cases[i].length, 40, packet, sizeof(packet));
        assert_int_equal(weir_quic_read(&quic, packet, length, &assembly), WEIR_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_packet_of_the_rfc_is_read),
        cmocka_unit_test(version_2_differs_in_salt_labels_and_types),
        cmocka_unit_test(a_hello_of_several_datagrams_is_put_together),
        cmocka_unit_test(packets_of_others_are_skipped),
        cmocka_unit_test(keys_are_made_once_for_a_datagram),
        cmocka_unit_test(a_packet_that_is_cut_or_changed_is_not_opened),
        cmocka_unit_test(frames_that_break_rules_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
