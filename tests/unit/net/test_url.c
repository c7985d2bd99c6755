/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

static void endpoints_are_taken_apart(void **state)
{
    (void)state;
    struct weir_url url;
    struct weir_diag diag;
    assert_int_equal(
        weir_url_parse("netflow9+udp://[2001:db8::1]:2055?domain=7&mtu=1400", &url, &diag), 0);
    assert_int_equal(url.protocol, WEIR_URL_NETFLOW9);
    assert_int_equal(url.transport, WEIR_URL_UDP);
    assert_string_equal(url.host, "2001:db8::1");
    assert_int_equal(url.port, 2055);
    assert_string_equal(weir_url_option(&url, "domain"), "7");
    assert_string_equal(weir_url_option(&url, "mtu"), "1400");
    assert_null(weir_url_option(&url, "rate"));

    assert_int_equal(weir_url_parse("netflow1+udp://h:2055", &url, &diag), 0);
    assert_int_equal(url.protocol, WEIR_URL_NETFLOW1);

    assert_int_equal(weir_url_parse("udp://:4739", &url, &diag), 0);
    assert_int_equal(url.protocol, WEIR_URL_ANY);
    assert_string_equal(url.host, "");

    assert_int_equal(weir_url_parse("ipfix+file:/tmp/a:b.ipfix", &url, &diag), 0);
    assert_int_equal(url.transport, WEIR_URL_FILE);
    assert_string_equal(url.path, "/tmp/a:b.ipfix");

    assert_int_equal(weir_url_parse("none:", &url, &diag), 0);
    assert_int_equal(url.transport, WEIR_URL_NONE);
    assert_int_equal(weir_url_parse("json:-", &url, &diag), 0);
    assert_string_equal(url.path, "-");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"none:x", "nothing follows 'none:'"},
        {"", "no such kind of endpoint"},
        {"127.0.0.1", "no such kind of endpoint"},
        {"2055", "did you mean udp://:2055?"},
        {":2055", "did you mean udp://:2055?"},
        {"192.0.2.1:2055", "did you mean udp://192.0.2.1:2055?"},
        {"[2001:db8::1]:2055", "did you mean udp://[2001:db8::1]:2055?"},
        {"ipfix+upd://h:1", "ipfix+udp:"},
        {"udp:h:1", "expected '//HOST:PORT'"},
        {"udp://h", "no port"},
        {"udp://h:0", "is no port"},
        {"udp://h:65536", "is no port"},
        {"udp://h:1x", "is no port"},
        {"udp://h:-1", "is no port"},
        {"udp://2001:db8::1:4739", "in brackets"},
        {"udp://[2001:db8::1:4739", "without ']'"},
        {"udp://[::1]4739", "expected ':PORT'"},
        {"udp://[::1]", "no port"},
        {"udp://h:1?mtu", "is not name=value"},
        {"udp://h:1?=3", "is not name=value"},
        {"udp://h:1?mtu=1&mtu=2", "given twice"},
        {"ipfix+file:", "no path"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_url url;
        struct weir_diag diag = {0};
        assert_int_equal(weir_url_parse(cases[i].text, &url, &diag), WEIR_E_USAGE);
        if (!strstr(diag.text, cases[i].says))
            fail_msg("'%s' is told: %s", cases[i].text, diag.text);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct weir_url url;
    struct weir_diag diag;
    char text[2 * WEIR_URL_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    memcpy(text, "json:", 5);
    assert_int_equal(weir_url_parse(text, &url, &diag), WEIR_E_USAGE);
    text[WEIR_URL_TEXT_MAX - 1] = 0;
    assert_int_equal(weir_url_parse(text, &url, &diag), 0);

    size_t used = (size_t)snprintf(text, sizeof(text), "udp://h:1?");
    for (unsigned i = 0; i <= WEIR_URL_OPTIONS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "o%u=1&", i);
    assert_int_equal(weir_url_parse(text, &url, &diag), WEIR_E_USAGE);
}

static void mistyped_options_are_refused(void **state)
{
    (void)state;
    static const char *const known[] = {"domain", "mtu", NULL};
    struct weir_url url;
    struct weir_diag diag;
    assert_int_equal(weir_url_parse("udp://h:1?mut=1400", &url, &diag), 0);
    assert_int_equal(weir_url_check_options(&url, known, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text,
                        "endpoint option 'mut' is not known here; there are domain, mtu");
    assert_int_equal(weir_url_parse("udp://h:1?mtu=1400", &url, &diag), 0);
    assert_int_equal(weir_url_check_options(&url, known, &diag), 0);
}

static void numbers_are_read_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        uint64_t value;
    } cases[] = {
        {"udp://h:1", 0, 7},
        {"udp://h:1?n=0", 0, 0},
        {"udp://h:1?n=1400", 0, 1400},
        {"udp://h:1?n=1.5k", 0, 1500},
        {"udp://h:1?n=65535", 0, 65535},
        {"udp://h:1?n=65536", WEIR_E_USAGE, 7},
        {"udp://h:1?n=99999999999999999999", WEIR_E_USAGE, 7},
        {"udp://h:1?n=-1", WEIR_E_USAGE, 7},
        {"udp://h:1?n=", WEIR_E_USAGE, 7},
        {"udp://h:1?n=12x", WEIR_E_USAGE, 7},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_url url;
        struct weir_diag diag;
        uint64_t value = 7;
        assert_int_equal(weir_url_parse(cases[i].text, &url, &diag), 0);
        assert_int_equal(weir_url_number(&url, "n", 65535, &value, &diag), cases[i].result);
        assert_int_equal(value, cases[i].value);
    }
    struct weir_url url;
    struct weir_diag diag;
    uint64_t value;
    assert_int_equal(weir_url_parse("udp://h:1?n=70k", &url, &diag), 0);
    assert_int_equal(weir_url_number(&url, "n", 65535, &value, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "n=70k: a number up to 65535 is wanted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_taken_apart),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(mistyped_options_are_refused),
        cmocka_unit_test(numbers_are_read_and_bounded),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
