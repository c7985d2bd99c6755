/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include "support/cmocka.h"

#include <arpa/inet.h>
#include <string.h>

static void text_survives_a_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0",
        "192.0.2.1",
        "255.255.255.255",
        "::",
        "::1",
        "2001:db8::1",
        "2001:db8::",
        "fe80::1:2:3:4",
        "2001:db8:1:2:3:4:5:6",
        "0:0:0:1::",
        "2001:db8:0:1::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weir_address address;
        char text[WEIR_ADDRESS_TEXT_MAX];
        assert_int_equal(weir_address_parse(texts[i], &address), 0);
        assert_int_equal(weir_address_format(address, text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
    }
}

/* Every pattern of zero groups, and of groups of each width, as the C library writes it. */
static void text_is_that_of_the_c_library(void **state)
{
    (void)state;
    static const uint16_t values[] = {0x1, 0xab, 0xffff, 0x10, 0x100, 0xfff, 0x1000, 0xf};
    for (unsigned pattern = 0; pattern < 256; pattern++)
        for (unsigned shift = 0; shift < 8; shift++) {
            uint8_t octets[16];
            char text[WEIR_ADDRESS_TEXT_MAX], expected[INET6_ADDRSTRLEN];
            for (unsigned i = 0; i < 8; i++)
                weir_store_be16(octets + i * 2, pattern >> i & 1 ? values[(i + shift) % 8] : 0);
            inet_ntop(AF_INET6, octets, expected, sizeof(expected));
            assert_int_equal(weir_ipv6_format(octets, text), strlen(expected));
            assert_string_equal(text, expected);
        }
    for (unsigned octet = 0; octet < 256; octet++) {
        const uint8_t octets[4] = {(uint8_t)octet, 0, 10, (uint8_t)(255 - octet)};
        char text[WEIR_ADDRESS_TEXT_MAX], expected[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET, octets, expected, sizeof(expected));
        assert_int_equal(weir_ipv4_format(octets, text), strlen(expected));
        assert_string_equal(text, expected);
    }
}

static void both_families_are_told_apart(void **state)
{
    (void)state;
    struct weir_address v4, v6;
    assert_int_equal(weir_address_parse("192.0.2.1", &v4), 0);
    assert_true(weir_address_is_v4(v4));
    assert_true(weir_address_equal(v4, weir_address_from_v4(0xc0000201)));
    assert_int_equal(weir_address_parse("2001:db8::1", &v6), 0);
    assert_false(weir_address_is_v4(v6));
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "1.2.3",    "1.2.3.4.5",   "256.1.1.1", ":::1",
                                        "host", "1.2.3.4 ", "2001:db8::g", "/24",       "1.2.3/8"};
    struct weir_address address;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(weir_address_parse(texts[i], &address), WEIR_E_USAGE);
}

/* By shifting single bits, as slowly as can be. */
static bool slowly_contains(struct weir_network network, struct weir_address address)
{
    for (unsigned bit = 0; bit < network.prefix_length; bit++) {
        uint64_t ours = bit < 64 ? network.address.high : network.address.low;
        uint64_t theirs = bit < 64 ? address.high : address.low;
        unsigned shift = 63 - bit % 64;
        if ((ours >> shift & 1) != (theirs >> shift & 1))
            return false;
    }
    return true;
}

static void networks_are_ranges(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8",    "192.0.2.77/25", "0.0.0.0/0",
                                        "192.0.2.1",     "2001:db8::/32", "2001:db8:8000::/33",
                                        "::/0",          "2001:db8::/64", "2001:db8::8000/65",
                                        "2001:db8::/127"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weir_network network;
        assert_int_equal(weir_network_parse(texts[i], &network), 0);
        struct weir_address last = weir_network_last(network);
        struct weir_address past = {last.high + (last.low == UINT64_MAX), last.low + 1};
        struct weir_address before = {network.address.high - (network.address.low == 0),
                                      network.address.low - 1};
        struct weir_address probes[] = {network.address, last, past, before};
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(weir_network_contains(network, probes[k]),
                             slowly_contains(network, probes[k]));
        assert_true(weir_network_contains(network, network.address));
        assert_true(weir_network_contains(network, last));
        if (network.prefix_length > 0) {
            assert_false(weir_network_contains(network, past));
            assert_false(weir_network_contains(network, before));
        }
    }
}

static void host_bits_are_cleared(void **state)
{
    (void)state;
    struct weir_network network;
    char text[WEIR_ADDRESS_TEXT_MAX];
    assert_int_equal(weir_network_parse("192.0.2.77/25", &network), 0);
    weir_address_format(network.address, text);
    assert_string_equal(text, "192.0.2.0");
    assert_int_equal(network.prefix_length, 96 + 25);
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/-1",
        "10.0.0.0/ 8", "10.0.0.0/8x", "::/129",
        "/8",          "net/8",       "10.0.0.0/99999999999999999999"};
    struct weir_network network;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(weir_network_parse(texts[i], &network), WEIR_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_survives_a_round_trip),
        cmocka_unit_test(text_is_that_of_the_c_library),
        cmocka_unit_test(both_families_are_told_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(networks_are_ranges),
        cmocka_unit_test(host_bits_are_cleared),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
