/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/value.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct octets {
    uint8_t data[64];
    size_t length;
};

/* "01 ff" */
static struct octets hex(const char *text)
{
    struct octets octets = {.length = 0};
    for (char *end; *text; text = end) {
        octets.data[octets.length] = (uint8_t)strtoul(text, &end, 16);
        if (end == text)
            break;
        octets.length++;
    }
    return octets;
}

static void print(const struct weir_scalar *value, char text[512])
{
    struct weir_text_buffer out;
    weir_text_init(&out, 511);
    weir_value_print(value, &out);
    assert_int_equal(weir_text_error(&out), 0);
    snprintf(text, 512, "%s", weir_text_string(&out));
    weir_text_done(&out);
}

static void json(const struct weir_element *element, const char *octets, int result,
                 const char *expected)
{
    struct octets in = hex(octets);
    struct weir_text_buffer out;
    weir_text_init(&out, 511);
    assert_int_equal(weir_value_print_json(element, in.data, in.length, &out), result);
    assert_string_equal(weir_text_string(&out), expected);
    weir_text_done(&out);
}

/* decodes to this text, and the text back to the same octets */
static void both_ways(enum weir_type type, const char *octets, const char *expected)
{
    struct octets in = hex(octets);
    struct weir_scalar value, back;
    struct weir_diag diag = {0};
    char text[512];
    uint8_t buffer[512], out[64];

    assert_int_equal(weir_value_decode(type, in.data, in.length, &value, &diag), 0);
    print(&value, text);
    assert_string_equal(text, expected);
    assert_int_equal(weir_value_parse(type, text, buffer, &back, &diag), 0);
    assert_int_equal(weir_value_encode(&back, out, in.length, &diag), 0);
    assert_memory_equal(out, in.data, in.length);
}

static void integers(void **state)
{
    (void)state;
    both_ways(WEIR_TYPE_UNSIGNED8, "ff", "255");
    both_ways(WEIR_TYPE_UNSIGNED16, "01 bb", "443");
    both_ways(WEIR_TYPE_UNSIGNED32, "01 bb", "443");
    both_ways(WEIR_TYPE_UNSIGNED64, "ff ff ff ff ff ff ff ff", "18446744073709551615");
    both_ways(WEIR_TYPE_UNSIGNED64, "00 01 00", "256");
    both_ways(WEIR_TYPE_SIGNED8, "80", "-128");
    both_ways(WEIR_TYPE_SIGNED32, "ff", "-1");
    both_ways(WEIR_TYPE_SIGNED32, "80 00 00", "-8388608");
    both_ways(WEIR_TYPE_SIGNED64, "80 00 00 00 00 00 00 00", "-9223372036854775808");
    both_ways(WEIR_TYPE_SIGNED64, "7f ff ff ff ff ff ff ff", "9223372036854775807");
    both_ways(WEIR_TYPE_UNSIGNED256, "00", "0");
    both_ways(WEIR_TYPE_UNSIGNED256, "01 00 00 00 00 00 00 00 00", "18446744073709551616");
    both_ways(WEIR_TYPE_UNSIGNED256,
              "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff "
              "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff",
              "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    /* 10^19 and 10^38: pieces that are zero keep their digits */
    both_ways(WEIR_TYPE_UNSIGNED256, "8a c7 23 04 89 e8 00 00", "10000000000000000000");
    both_ways(WEIR_TYPE_UNSIGNED256, "4b 3b 4c a8 5a 86 c4 7a 09 8a 22 40 00 00 00 00",
              "100000000000000000000000000000000000000");
}

static void floats(void **state)
{
    (void)state;
    both_ways(WEIR_TYPE_FLOAT32, "3d cc cc cd", "0.1");
    both_ways(WEIR_TYPE_FLOAT64, "3f b9 99 99 99 99 99 9a", "0.1");
    both_ways(WEIR_TYPE_FLOAT64, "3d cc cc cd", "0.1"); /* reduced size, RFC 7011 6.2 */
    both_ways(WEIR_TYPE_FLOAT64, "80 00 00 00 00 00 00 00", "-0");
    both_ways(WEIR_TYPE_FLOAT64, "7f f0 00 00 00 00 00 00", "+inf");
    both_ways(WEIR_TYPE_FLOAT32, "ff 80 00 00", "-inf");
    both_ways(WEIR_TYPE_FLOAT64, "00 00 00 00 00 00 00 01", "4.94065645841247e-324");
    both_ways(WEIR_TYPE_FLOAT64, "7f ef ff ff ff ff ff ff", "1.7976931348623157e+308");
    both_ways(WEIR_TYPE_FLOAT32, "7f c0 00 00", "NaN");
    both_ways(WEIR_TYPE_FLOAT64, "ff 7f ff ff", "-3.4028235e+38");
}

static void addresses_and_booleans(void **state)
{
    (void)state;
    both_ways(WEIR_TYPE_IPV4_ADDRESS, "c0 00 02 01", "192.0.2.1");
    both_ways(WEIR_TYPE_IPV4_ADDRESS, "00 0a 64 ff", "0.10.100.255");
    both_ways(WEIR_TYPE_IPV6_ADDRESS, "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01",
              "2001:db8::1");
    both_ways(WEIR_TYPE_IPV6_ADDRESS, "20 01 0d b8 00 00 00 01 00 01 00 01 00 01 00 01",
              "2001:db8:0:1:1:1:1:1"); /* RFC 5952 4.2.2: one zero is not shortened */
    both_ways(WEIR_TYPE_IPV6_ADDRESS, "00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01",
              "::ffff:192.0.2.1");
    both_ways(WEIR_TYPE_MAC_ADDRESS, "00 00 5e 00 53 af", "00:00:5e:00:53:af");
    both_ways(WEIR_TYPE_BOOLEAN, "01", "true");
    both_ways(WEIR_TYPE_BOOLEAN, "02", "false");
}

static void times(void **state)
{
    (void)state;
    both_ways(WEIR_TYPE_DATE_TIME_SECONDS, "00 00 00 00", "1970-01-01T00:00:00Z");
    both_ways(WEIR_TYPE_DATE_TIME_SECONDS, "ff ff ff ff", "2106-02-07T06:28:15Z");
    both_ways(WEIR_TYPE_DATE_TIME_MILLISECONDS, "00 00 00 dc 6a cf ac 05",
              "2000-01-01T00:00:00.005Z");
    both_ways(WEIR_TYPE_DATE_TIME_MILLISECONDS, "ff ff ff ff ff ff ff ff",
              "+584556019-04-03T14:25:51.615Z");
    /* NTP: 2208988800 is 83 aa 7e 80 */
    both_ways(WEIR_TYPE_DATE_TIME_MICROSECONDS, "83 aa 7e 80 80 00 00 00",
              "1970-01-01T00:00:00.500000Z");
    both_ways(WEIR_TYPE_DATE_TIME_MICROSECONDS, "83 aa 7e 7f ff ff f0 00",
              "1969-12-31T23:59:59.999999Z");
    both_ways(WEIR_TYPE_DATE_TIME_NANOSECONDS, "83 aa 7e 80 00 00 00 04",
              "1970-01-01T00:00:00.000000001Z");
    both_ways(WEIR_TYPE_DATE_TIME_NANOSECONDS, "00 00 00 00 00 00 00 00",
              "2036-02-07T06:28:16.000000000Z");
}

static void octets_and_strings(void **state)
{
    (void)state;
    both_ways(WEIR_TYPE_OCTET_ARRAY, "", "0x");
    both_ways(WEIR_TYPE_OCTET_ARRAY, "00 9f", "0x009f");
    both_ways(WEIR_TYPE_BASIC_LIST, "03 00", "0x0300");
    both_ways(WEIR_TYPE_STRING, "", "");
    both_ways(WEIR_TYPE_STRING, "65 74 68 30", "eth0");
    both_ways(WEIR_TYPE_STRING, "65 74 68 30 00 00 00", "eth0"); /* padded */
    both_ways(WEIR_TYPE_STRING, "00 61",
              "\\x00"
              "a");
    both_ways(WEIR_TYPE_STRING, "c3 a9 ff 5c 1b", "\xc3\xa9\\xff\\\\\\x1b");
}

static void lengths_that_are_refused(void **state)
{
    (void)state;
    uint8_t octets[40] = {1};
    for (int type = 0; type < WEIR_TYPE_COUNT; type++) {
        uint16_t full = weir_type_length((enum weir_type)type);
        for (size_t length = 0; length <= sizeof(octets); length++) {
            bool integer = type >= WEIR_TYPE_UNSIGNED8 && type <= WEIR_TYPE_SIGNED64;
            bool real = type == WEIR_TYPE_FLOAT32 || type == WEIR_TYPE_FLOAT64;
            bool allowed = full == 65535                   ? true
                           : integer                       ? length >= 1 && length <= 8
                           : type == WEIR_TYPE_UNSIGNED256 ? length >= 1 && length <= 32
                           : real                          ? length == 4 || length == 8
                                                           : length == full;
            /* an exact copy, so that the sanitizer sees a read past it */
            uint8_t *copy = malloc(length + 1);
            memcpy(copy, octets, length);
            copy = realloc(copy, length ? length : 1);
            struct weir_scalar value = {.type = 77};
            struct weir_diag diag = {0};
            int result = weir_value_decode((enum weir_type)type, copy, length, &value, &diag);
            assert_int_equal(result, allowed ? 0 : WEIR_E_MALFORMED);
            assert_int_equal(value.type, allowed ? type : 77);
            assert_int_equal(diag.error, allowed ? 0 : WEIR_E_MALFORMED);
            free(copy);
        }
    }
}

static void refused(enum weir_type type, const char *octets, const char *message)
{
    struct octets in = hex(octets);
    struct weir_scalar value;
    struct weir_diag diag = {0};
    assert_int_equal(weir_value_decode(type, in.data, in.length, &value, &diag), WEIR_E_MALFORMED);
    assert_string_equal(diag.text, message);
}

static void messages_say_what_is_allowed(void **state)
{
    (void)state;
    refused(WEIR_TYPE_UNSIGNED16, "", "unsigned16 of 0 octets: 1 to 8 are allowed");
    refused(WEIR_TYPE_FLOAT64, "00 00", "float64 of 2 octets: 4 or 8 are allowed");
    refused(WEIR_TYPE_IPV4_ADDRESS, "00", "ipv4Address of 1 octets: 4 are allowed");
    refused(WEIR_TYPE_BOOLEAN, "03", "boolean 3: values are 1 (true) or 2 (false)");
}

static void parses_other_forms(void **state)
{
    (void)state;
    static const struct {
        enum weir_type type;
        const char *text;
        const char *printed;
    } rows[] = {
        {WEIR_TYPE_UNSIGNED16, "0x1BB", "443"},
        {WEIR_TYPE_UNSIGNED8, "0b00010010", "18"},
        {WEIR_TYPE_UNSIGNED8, "000255", "255"},
        {WEIR_TYPE_SIGNED8, "+127", "127"},
        {WEIR_TYPE_SIGNED8, "-0", "0"},
        {WEIR_TYPE_FLOAT64, "+1.50e+1", "15"},
        {WEIR_TYPE_FLOAT32, "1e99", "3.4028235e+38"}, /* clamped, RFC 7373 4.4 */
        {WEIR_TYPE_FLOAT64, "-1e999", "-1.7976931348623157e+308"},
        {WEIR_TYPE_MAC_ADDRESS, "00-00-5E-00-53-01", "00:00:5e:00:53:01"},
        {WEIR_TYPE_OCTET_ARRAY, "DE ad\tBEEF", "0xdeadbeef"},
        {WEIR_TYPE_DATE_TIME_SECONDS, "2000-01-01T12:00:00.999Z", "2000-01-01T12:00:00Z"},
        {WEIR_TYPE_DATE_TIME_MILLISECONDS, "2000-01-01 13:00:00.0019+01:00",
         "2000-01-01T12:00:00.001Z"},
        {WEIR_TYPE_IPV6_ADDRESS, "2001:DB8:0:0::1", "2001:db8::1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_scalar value;
        uint8_t buffer[64];
        char text[512];
        assert_int_equal(weir_value_parse(rows[i].type, rows[i].text, buffer, &value, NULL), 0);
        print(&value, text);
        assert_string_equal(text, rows[i].printed);
    }
}

static void refuses_what_is_not_of_the_type(void **state)
{
    (void)state;
    static const struct {
        enum weir_type type;
        const char *text;
    } rows[] = {
        {WEIR_TYPE_UNSIGNED8, "256"},
        {WEIR_TYPE_UNSIGNED8, ""},
        {WEIR_TYPE_UNSIGNED8, "-1"},
        {WEIR_TYPE_UNSIGNED8, "0x"},
        {WEIR_TYPE_UNSIGNED8, "1 "},
        {WEIR_TYPE_UNSIGNED64, "18446744073709551616"},
        {WEIR_TYPE_UNSIGNED256,
         "115792089237316195423570985008687907853269984665640564039457584007913129639936"},
        {WEIR_TYPE_SIGNED8, "128"},
        {WEIR_TYPE_SIGNED8, "-129"},
        {WEIR_TYPE_SIGNED8, "0x10"},
        {WEIR_TYPE_SIGNED8, "-"},
        {WEIR_TYPE_SIGNED64, "9223372036854775808"},
        {WEIR_TYPE_FLOAT64, "0x10"},
        {WEIR_TYPE_FLOAT64, "inf"},
        {WEIR_TYPE_FLOAT64, ""},
        {WEIR_TYPE_FLOAT64, "1e"},
        {WEIR_TYPE_BOOLEAN, "1"},
        {WEIR_TYPE_MAC_ADDRESS, "00:00:5e:00:53"},
        {WEIR_TYPE_MAC_ADDRESS, "00:00:5e:00:53:01:"},
        {WEIR_TYPE_MAC_ADDRESS, "0:0:5e:0:53:1"},
        {WEIR_TYPE_IPV4_ADDRESS, "192.0.2"},
        {WEIR_TYPE_IPV6_ADDRESS, "192.0.2.1"},
        {WEIR_TYPE_OCTET_ARRAY, "0xabc"},
        {WEIR_TYPE_OCTET_ARRAY, "zz"},
        {WEIR_TYPE_STRING, "\\n"},
        {WEIR_TYPE_STRING, "\\"},
        {WEIR_TYPE_STRING, "\\x1"},
        {WEIR_TYPE_DATE_TIME_SECONDS, "yesterday"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_scalar value = {.type = 77};
        struct weir_diag diag = {0};
        uint8_t buffer[128];
        if (weir_value_parse(rows[i].type, rows[i].text, buffer, &value, &diag) != WEIR_E_USAGE)
            fail_msg("'%s' was taken for %s", rows[i].text, weir_type_text(rows[i].type));
        assert_int_equal(value.type, 77);
        assert_int_equal(diag.error, WEIR_E_USAGE);
    }
}

static void values_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        enum weir_type type;
        int result;
        const char *text;
        size_t length;
    } rows[] = {
        {WEIR_TYPE_UNSIGNED32, 0, "255", 1},
        {WEIR_TYPE_UNSIGNED32, WEIR_E_USAGE, "256", 1},
        {WEIR_TYPE_UNSIGNED32, WEIR_E_USAGE, "256", 0},
        {WEIR_TYPE_UNSIGNED32, WEIR_E_USAGE, "256", 9},
        {WEIR_TYPE_SIGNED32, 0, "-128", 1},
        {WEIR_TYPE_SIGNED32, WEIR_E_USAGE, "-129", 1},
        {WEIR_TYPE_SIGNED32, WEIR_E_USAGE, "128", 1},
        {WEIR_TYPE_UNSIGNED256, WEIR_E_USAGE, "65536", 2},
        {WEIR_TYPE_UNSIGNED256, 0, "65535", 2},
        {WEIR_TYPE_FLOAT64, WEIR_E_USAGE, "1e300", 4},
        {WEIR_TYPE_FLOAT64, 0, "+inf", 4},
        {WEIR_TYPE_STRING, WEIR_E_USAGE, "eth0", 3},
        {WEIR_TYPE_STRING, 0, "eth0", 8},
        {WEIR_TYPE_OCTET_ARRAY, WEIR_E_USAGE, "0x0102", 3},
        {WEIR_TYPE_IPV4_ADDRESS, WEIR_E_USAGE, "192.0.2.1", 16},
        {WEIR_TYPE_DATE_TIME_SECONDS, WEIR_E_USAGE, "1969-12-31T23:59:59Z", 4},
        {WEIR_TYPE_DATE_TIME_SECONDS, WEIR_E_USAGE, "2106-02-07T06:28:16Z", 4},
        {WEIR_TYPE_DATE_TIME_MILLISECONDS, WEIR_E_USAGE, "1969-12-31T23:59:59Z", 8},
        {WEIR_TYPE_DATE_TIME_MILLISECONDS, WEIR_E_USAGE, "+584556019-04-03T14:25:52Z", 8},
        {WEIR_TYPE_DATE_TIME_MICROSECONDS, WEIR_E_USAGE, "1968-01-20T03:14:07Z", 8},
        {WEIR_TYPE_DATE_TIME_MICROSECONDS, 0, "1968-01-20T03:14:08Z", 8},
        {WEIR_TYPE_DATE_TIME_NANOSECONDS, 0, "2104-02-26T09:42:23.999999999Z", 8},
        {WEIR_TYPE_DATE_TIME_NANOSECONDS, WEIR_E_USAGE, "2104-02-26T09:42:24Z", 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_scalar value;
        uint8_t buffer[64], octets[16];
        assert_int_equal(weir_value_parse(rows[i].type, rows[i].text, buffer, &value, NULL), 0);
        if (weir_value_encode(&value, octets, rows[i].length, NULL) != rows[i].result)
            fail_msg("%s in %zu octets", rows[i].text, rows[i].length);
    }
}

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/*
 * For random octets x of each type and width: encode(parse(print(decode(x)))) is x; where octets
 * have bits that do not count (a fraction finer than the type's, the payload of a NaN), it is the
 * same value again, and from then on the same octets.
 */
static void text_keeps_every_value(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < WEIR_TYPE_COUNT * 2000; i++) {
        enum weir_type type = (enum weir_type)(i % WEIR_TYPE_COUNT);
        uint8_t octets[32], buffer[512], first[32], second[32];
        uint16_t full = weir_type_length(type);
        size_t length = full == 65535 ? random_next(&seed) % 33 : full;
        bool integer = (type >= WEIR_TYPE_UNSIGNED8 && type <= WEIR_TYPE_SIGNED64) ||
                       type == WEIR_TYPE_UNSIGNED256;
        bool real = type == WEIR_TYPE_FLOAT32 || type == WEIR_TYPE_FLOAT64;
        if (integer)
            length = 1 + random_next(&seed) % full;
        else if (type == WEIR_TYPE_FLOAT64 && random_next(&seed) % 2)
            length = 4;
        for (size_t at = 0; at < length; at++)
            octets[at] = (uint8_t)random_next(&seed);
        if (type == WEIR_TYPE_BOOLEAN)
            octets[0] = (uint8_t)(1 + octets[0] % 2);

        struct weir_scalar value, again;
        char text[512], text_again[512];
        assert_int_equal(weir_value_decode(type, octets, length, &value, NULL), 0);
        print(&value, text);
        assert_int_equal(weir_value_parse(type, text, buffer, &again, NULL), 0);
        assert_int_equal(weir_value_encode(&again, first, length, NULL), 0);
        bool exact = type != WEIR_TYPE_DATE_TIME_MICROSECONDS &&
                     type != WEIR_TYPE_DATE_TIME_NANOSECONDS && !(real && value.f64 != value.f64);
        if (exact)
            assert_memory_equal(first, octets, length);

        assert_int_equal(weir_value_decode(type, first, length, &value, NULL), 0);
        print(&value, text_again);
        assert_string_equal(text_again, text);
        assert_int_equal(weir_value_parse(type, text, buffer, &again, NULL), 0);
        assert_int_equal(weir_value_encode(&again, second, length, NULL), 0);
        assert_memory_equal(second, first, length);
    }
}

static void json_values(void **state)
{
    (void)state;
    json(weir_element_by_name("octetDeltaCount"), "05 dc", 0, "1500");
    json(weir_element_by_name("sourceIPv4Address"), "c0 00 02 01", 0, "\"192.0.2.1\"");
    json(weir_element_by_name("flowStartMilliseconds"), "00 00 00 dc 6a cf ac 05", 0,
         "\"2000-01-01T00:00:00.005Z\"");
    json(weir_element_by_name("sourceMacAddress"), "00 00 5e 00 53 01", 0, "\"00:00:5e:00:53:01\"");
    json(weir_element_by_name("interfaceName"), "65 22 0a ff 00 00", 0, "\"e\\\"\\n\xef\xbf\xbd\"");
    json(weir_element_by_name("dataRecordsReliability"), "01", 0, "true");
    json(weir_element_by_name("samplingProbability"), "3d cc cc cd", 0, "0.1");
    json(weir_element_by_name("samplingProbability"), "7f c0 00 00", 0, "\"NaN\"");
    json(weir_element_by_name("mibObjectValueInteger"), "ff fe", 0, "-2");
    json(weir_element_by_name("applicationId"), "03 00 00 35", 0, "\"0x03000035\"");
    json(weir_element_find(0, 525), "01 00 00 00 00 00 00 00 00", 0, "\"18446744073709551616\"");
    json(NULL, "de ad", 0, "\"0xdead\"");
    /* malformed: the octets are kept */
    json(weir_element_by_name("dataRecordsReliability"), "00", WEIR_E_MALFORMED, "\"0x00\"");
    json(weir_element_by_name("sourceIPv4Address"), "c0 00", WEIR_E_MALFORMED, "\"0xc000\"");
    json(weir_element_by_name("octetDeltaCount"), "", WEIR_E_MALFORMED, "\"0x\"");
}

static void full_lengths(void **state)
{
    (void)state;
    uint8_t buffer[16];
    struct weir_scalar value;
    assert_int_equal(weir_value_parse(WEIR_TYPE_UNSIGNED32, "1", buffer, &value, NULL), 0);
    assert_int_equal(weir_value_length(&value), 4);
    assert_int_equal(weir_value_parse(WEIR_TYPE_STRING, "eth0", buffer, &value, NULL), 0);
    assert_int_equal(weir_value_length(&value), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(floats),
        cmocka_unit_test(addresses_and_booleans),
        cmocka_unit_test(times),
        cmocka_unit_test(octets_and_strings),
        cmocka_unit_test(lengths_that_are_refused),
        cmocka_unit_test(messages_say_what_is_allowed),
        cmocka_unit_test(parses_other_forms),
        cmocka_unit_test(refuses_what_is_not_of_the_type),
        cmocka_unit_test(values_that_do_not_fit),
        cmocka_unit_test(text_keeps_every_value),
        cmocka_unit_test(json_values),
        cmocka_unit_test(full_lengths),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
