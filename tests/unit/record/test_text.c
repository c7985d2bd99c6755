/* SPDX-License-Identifier: Apache-2.0 */
#include "record/text.h"

#include "support/cmocka.h"

#include <string.h>

static void mac_addresses_go_both_ways(void **state)
{
    (void)state;
    char text[WEIR_MAC_TEXT_MAX];
    uint64_t mac = 0;
    assert_int_equal(weir_mac_format(0x00005e005301, text), 17);
    assert_string_equal(text, "00:00:5e:00:53:01");
    assert_int_equal(weir_mac_parse(text, &mac), 0);
    assert_true(mac == 0x00005e005301);
    assert_int_equal(weir_mac_parse("FE-DC-ba-98-76-54", &mac), 0);
    assert_true(mac == 0xfedcba987654);
    assert_int_equal(weir_mac_parse("0:1:2:a:b:c", &mac), 0);
    assert_true(mac == 0x0001020a0b0c);
}

static void wrong_mac_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "1",
        "00:00:5e:00:53",
        "00:00:5e:00:53:",
        "00:00:5e:00:53:01:",
        "00:00:5e:00:53:01:02",
        "00:00:5e:00:53:0g",
        "000:00:5e:00:53:01",
        "00::5e:00:53:01",
        "00.00.5e.00.53.01",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint64_t mac = 7;
        assert_int_equal(weir_mac_parse(wrong[i], &mac), WEIR_E_USAGE);
        assert_true(mac == 7);
    }
}

static void flags_go_both_ways(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 512; flags++) {
        char text[WEIR_FLAGS_TEXT_MAX];
        uint16_t back = 0;
        assert_int_equal(weir_tcp_flags_format((uint16_t)flags, text), flags < 256 ? 8 : 9);
        assert_int_equal(strlen(text), flags < 256 ? 8 : 9);
        assert_int_equal(weir_tcp_flags_parse(text, &back), 0);
        assert_int_equal(back, flags);
    }
    char text[WEIR_FLAGS_TEXT_MAX];
    weir_tcp_flags_format(0x12, text);
    assert_string_equal(text, "...A..S.");
    weir_tcp_flags_format(0x1ff, text);
    assert_string_equal(text, "NCEUAPRSF");
}

static void flags_are_read_in_any_order(void **state)
{
    (void)state;
    uint16_t flags = 0;
    assert_int_equal(weir_tcp_flags_parse("sAs", &flags), 0);
    assert_int_equal(flags, 0x12);
    assert_int_equal(weir_tcp_flags_parse("X", &flags), 0);
    assert_int_equal(flags, 0x3f);
    assert_int_equal(weir_tcp_flags_parse("SQ", &flags), WEIR_E_USAGE);
    assert_int_equal(flags, 0x3f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac_addresses_go_both_ways),
        cmocka_unit_test(wrong_mac_addresses_are_refused),
        cmocka_unit_test(flags_go_both_ways),
        cmocka_unit_test(flags_are_read_in_any_order),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
