/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHellos: names, versions, fingerprints; in records; cut and changed at every octet. */
#include "dissect/hello.h"

#include "dissect/ja4.h"
#include "names.h"
#include "support/payload_builder.h"

static size_t build(const struct payload_hello *hello, uint8_t octets[static 2048])
{
    struct weir_writer out = weir_writer_make(octets, 2048);
    payload_hello(&out, hello);
    assert_false(weir_writer_failed(&out));
    return out.length;
}

static struct weir_client_hello parse(const struct payload_hello *shape)
{
    struct weir_client_hello hello;
    uint8_t octets[2048];
    size_t length = build(shape, octets);
    assert_int_equal(weir_client_hello_parse(octets, length, WEIR_HELLO_TCP, &hello), 0);
    return hello;
}

#define assert_ja4(hello, text) assert_memory_equal((hello).ja4, (text), WEIR_JA4_OCTETS)

static void a_hello_has_names(void **state)
{
    (void)state;
    struct weir_client_hello hello = parse(&payload_hello_usual);
    assert_name(hello.sni, "www.example.org");
    assert_name(hello.alpn, "h2,http/1.1");
    assert_int_equal(hello.version, 0x0304);
    assert_true(hello.has_sni);
}

/*
 * sha256 of "002f,0030,0031,0032,0033" and of "000d,002b,ff01_0804,0403", by sha256sum. GREASE
 * counts nowhere.
 */
static void the_fingerprint_is_as_published(void **state)
{
    (void)state;
    struct weir_client_hello hello = parse(&payload_hello_usual);
    assert_ja4(hello, "t13d0505h2_67aea3857bb1_a1423450a967");
    struct payload_hello bare = {.cipher_count = 0};
    hello = parse(&bare);
    assert_ja4(hello, "t12i000100_000000000000_bc98f8e001b5");
}

/* The example of FoxIO's description, in its original order, with GREASE between. */
static void the_published_example_comes_out(void **state)
{
    (void)state;
    static const uint16_t ciphers[] = {0x1301, 0x1302, 0x0a0a, 0x1303, 0xc02b, 0xc02f,
                                       0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                       0x009c, 0x009d, 0x002f, 0x0035};
    static const uint16_t types[] = {0xfafa, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469,
                                     0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                                     0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
    static const uint16_t algorithms[] = {0x0403, 0x0804, 0x0401, 0x1a1a, 0x0503,
                                          0x0805, 0x0501, 0x0806, 0x0601};
    uint8_t octets[256];
    char ja4[WEIR_JA4_OCTETS];
    struct weir_writer out = weir_writer_make(octets, sizeof(octets));
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
        weir_write_u16(&out, ciphers[i]);
    size_t extensions = out.length;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        weir_write_u32(&out, (uint32_t)types[i] << 16);
    size_t algorithms_at = out.length;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        weir_write_u16(&out, algorithms[i]);
    weir_ja4_make(
        &(struct weir_ja4_input){
            .version = 0x0304,
            .has_sni = true,
            .ciphers = weir_reader_make(octets, extensions),
            .extensions = weir_reader_make(octets + extensions, algorithms_at - extensions),
            .signature_algorithms =
                weir_reader_make(octets + algorithms_at, out.length - algorithms_at),
            .first_alpn = weir_reader_make((const uint8_t *)"h2", 2),
        },
        ja4);
    assert_memory_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1", WEIR_JA4_OCTETS);
}

static void alpn_is_shown_by_its_ends(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *shown;
    } cases[] = {
        {"h2", "h2"},
        {"http/1.1", "h1"},
        {"x", "xx"},
        {"\xab", "ab"},
        {"\xab\xcd", "ad"},
        {"0\xab", "3b"},
        {"01\xab\xcd", "3d"},
        {"0\xab\xcd"
         "1",
         "01"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct payload_hello shape = {.alpn = {cases[i].protocol}, .cipher_count = 1};
        struct weir_client_hello hello = parse(&shape);
        assert_memory_equal(hello.ja4 + 8, cases[i].shown, 2);
    }
}

static void versions_have_two_characters(void **state)
{
    (void)state;
    static const struct {
        uint16_t version;
        const char *shown;
    } cases[] = {
        {0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x7f1c, "00"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct payload_hello shape = {.version = cases[i].version};
        struct weir_client_hello hello = parse(&shape);
        assert_int_equal(hello.version, cases[i].version);
        assert_memory_equal(hello.ja4 + 1, cases[i].shown, 2);
    }
}

static void many_ciphers_count_as_99(void **state)
{
    (void)state;
    struct payload_hello shape = {.cipher_count = 300, .sni = ""};
    struct weir_client_hello hello = parse(&shape);
    assert_memory_equal(hello.ja4 + 4, "9902", 4);
    assert_name(hello.sni, "");
    assert_true(hello.has_sni);
}

static void names_are_made_printable(void **state)
{
    (void)state;
    struct payload_hello shape = {.sni = "a\x1b[2J\xff", .alpn = {"a,b", "c"}};
    struct weir_client_hello hello = parse(&shape);
    assert_name(hello.sni, "a\\027[2J\\255");
    assert_name(hello.alpn, "a\\,b,c");
}

static void a_cut_hello_is_not_whole(void **state)
{
    (void)state;
    uint8_t octets[2048];
    size_t length = build(&payload_hello_usual, octets);
    struct weir_client_hello hello;
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = copy_of(octets, cut);
        assert_int_equal(weir_client_hello_parse(copy, cut, WEIR_HELLO_TCP, &hello),
                         WEIR_E_TRUNCATED);
        free(copy);
    }
}

/* Lengths that lie are found; what is read is inside the hello, which sanitizers see to. */
static void a_changed_hello_is_read_or_refused(void **state)
{
    (void)state;
    uint8_t octets[2048];
    size_t length = build(&payload_hello_usual, octets);
    unsigned refused = 0;
    for (size_t at = 0; at < length; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct weir_client_hello hello;
            uint8_t *copy = copy_of(octets, length);
            copy[at] ^= (uint8_t)(1u << bit);
            int result = weir_client_hello_parse(copy, length, WEIR_HELLO_QUIC, &hello);
            assert_true(result == 0 || result == WEIR_E_TRUNCATED || result == WEIR_E_MALFORMED ||
                        result == WEIR_E_LIMIT);
            refused += result != 0;
            if (result == 0)
                assert_int_equal(hello.ja4[0], 'q');
            free(copy);
        }
    assert_in_range(refused, 100, length * 8 / 2);
}

static void records_of_any_size_carry_it(void **state)
{
    (void)state;
    uint8_t octets[2048], stream[8192];
    size_t length = build(&payload_hello_usual, octets);
    struct weir_client_hello whole = parse(&payload_hello_usual);
    for (size_t piece = 1; piece <= length + 1; piece++) {
        struct weir_client_hello hello = {0};
        size_t sent = payload_tls_records(octets, length, piece, stream, sizeof(stream));
        assert_true(weir_tls_stream_begins(stream, sent));
        assert_int_equal(weir_tls_stream_parse(stream, sent, &hello), 0);
        assert_memory_equal(hello.ja4, whole.ja4, sizeof(whole.ja4));
        for (size_t cut = 0; piece % 16 == 1 && cut < sent; cut++) {
            uint8_t *copy = copy_of(stream, cut);
            assert_int_equal(weir_tls_stream_parse(copy, cut, &hello), WEIR_E_TRUNCATED);
            free(copy);
        }
    }
}

static void what_is_no_hello_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t length;
        int result;
    } cases[] = {
        {"GET / HTTP/1.1\r\n", 16, WEIR_E_MALFORMED},
        {"\x16\x03\x01\0\x04\x02\0\0\0", 9, WEIR_E_MALFORMED},   /* ServerHello */
        {"\x17\x03\x03\0\x04\x01\0\0\0", 9, WEIR_E_MALFORMED},   /* application data */
        {"\x16\x03\x01\0\0\x01\0\0\0", 9, WEIR_E_MALFORMED},     /* an empty record */
        {"\x16\x03\x01\xff\xff\x01\0\0\0", 9, WEIR_E_MALFORMED}, /* a record that is too long */
        {"\x16\x03\x01\0\x04\x01\xff\0\0", 9, WEIR_E_LIMIT},     /* a hello that is */
        {"\x16\x03\x01\0\x04\x01\0\0\0", 9, WEIR_E_MALFORMED},   /* an empty one */
    };
    struct weir_client_hello hello;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            weir_tls_stream_parse((const uint8_t *)cases[i].octets, cases[i].length, &hello),
            cases[i].result);
    assert_false(weir_tls_stream_begins((const uint8_t *)"\x16\x03\x01\0\x04", 5));
    assert_false(weir_tls_stream_begins((const uint8_t *)"\x16\x03\x01\0\x04\x02", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_has_names),
        cmocka_unit_test(the_fingerprint_is_as_published),
        cmocka_unit_test(the_published_example_comes_out),
        cmocka_unit_test(alpn_is_shown_by_its_ends),
        cmocka_unit_test(versions_have_two_characters),
        cmocka_unit_test(many_ciphers_count_as_99),
        cmocka_unit_test(names_are_made_printable),
        cmocka_unit_test(a_cut_hello_is_not_whole),
        cmocka_unit_test(a_changed_hello_is_read_or_refused),
        cmocka_unit_test(records_of_any_size_carry_it),
        cmocka_unit_test(what_is_no_hello_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
