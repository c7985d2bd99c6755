/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define assert_text(buffer, expected)                            \
    do {                                                         \
        assert_int_equal(weir_text_error(buffer), 0);            \
        assert_string_equal(weir_text_string(buffer), expected); \
    } while (0)

static void puts_together_what_is_added(void **state)
{
    (void)state;
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    assert_text(&text, "");
    weir_text_add(&text, "flows ");
    weir_text_add_u64(&text, 0);
    weir_text_add_char(&text, ' ');
    weir_text_add_u64(&text, UINT64_MAX);
    weir_text_add_char(&text, ' ');
    weir_text_add_i64(&text, INT64_MIN);
    weir_text_printf(&text, " %s/%d", "x", 24);
    weir_text_add_octets(&text, NULL, 0);
    weir_text_add_hex(&text, (const uint8_t[]){0x00, 0x9f, 0xff}, 3);
    assert_text(&text, "flows 0 18446744073709551615 -9223372036854775808 x/24009fff");
    weir_text_truncate(&text, 5);
    assert_text(&text, "flows");
    weir_text_clear(&text);
    assert_text(&text, "");
    weir_text_done(&text);
    weir_text_done(NULL);
}

static void grows_without_bound_but_its_own(void **state)
{
    (void)state;
    struct weir_text_buffer text;
    weir_text_init(&text, SIZE_MAX);
    for (unsigned i = 0; i < 10000; i++)
        weir_text_printf(&text, "%04u", i);
    assert_int_equal(text.length, 40000);
    assert_memory_equal(weir_text_string(&text) + 4936, "1234", 4);
    weir_text_done(&text);
}

/* Every way of adding, at every limit: what fits is whole, what does not leaves nothing. */
static void limit_is_kept_by_each_way_of_adding(void **state)
{
    (void)state;
    static const char whole[] = "ab-12\"\\u0001\\n\"\\x01\\\\0aff7:q";
    for (size_t limit = 0; limit <= sizeof(whole); limit++) {
        struct weir_text_buffer text;
        weir_text_init(&text, limit);
        size_t ends[8], count = 0;
        ends[count++] = 0;
        weir_text_add(&text, "ab");
        ends[count++] = text.length;
        weir_text_add_i64(&text, -12);
        ends[count++] = text.length;
        weir_text_add_json(&text, "\x01\n", 2);
        ends[count++] = text.length;
        weir_text_add_printable(&text, "\x01\\", 2);
        ends[count++] = text.length;
        weir_text_add_hex(&text, (const uint8_t[]){0x0a, 0xff}, 2);
        ends[count++] = text.length;
        weir_text_printf(&text, "%d:q", 7);
        ends[count++] = text.length;

        assert_int_equal(weir_text_error(&text), limit >= sizeof(whole) - 1 ? 0 : WEIR_E_LIMIT);
        assert_true(text.length <= limit);
        static const size_t whole_ends[] = {0, 2, 5, 15, 21, 25, 28};
        for (size_t i = 1; i < count; i++)
            assert_int_equal(ends[i], whole_ends[i] <= limit ? whole_ends[i] : ends[i - 1]);
        assert_int_equal(strncmp(weir_text_string(&text), whole, text.length), 0);
        weir_text_truncate(&text, 0);
        assert_int_equal(weir_text_error(&text), 0);
        weir_text_done(&text);
    }
}

static void json(const char *octets, size_t length, const char *expected)
{
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    weir_text_add_json(&text, octets, length);
    assert_text(&text, expected);
    weir_text_done(&text);
}

static void json_strings(void **state)
{
    (void)state;
    json("", 0, "\"\"");
    json("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    json("\b\f\n\r\t\0\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\"");
    json("z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\x9f", 16,
         "\"z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\x9f\"");
    json("\xc2\x9b"
         "2J",
         4, "\"\\u009b2J\""); /* C1's control sequence introducer */
    json("a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    json("\xc3(", 2, "\"\xef\xbf\xbd(\"");
}

static void printable_keeps_every_octet(void **state)
{
    (void)state;
    struct weir_text_buffer text;
    weir_text_init(&text, 1000);
    weir_text_add_printable(&text, "a\"\\\x1b[\xff\xc2\x85\xc3\xa9", 10);
    assert_text(&text, "a\"\\\\\\x1b[\\xff\\xc2\\x85\xc3\xa9");
    weir_text_done(&text);
}

static void utf8(const char *octets, unsigned size, uint32_t point)
{
    uint32_t got = 0xdead;
    assert_int_equal(weir_utf8_next((const uint8_t *)octets, strlen(octets), &got), size);
    assert_int_equal(got, size ? point : 0xdead);
    /* and cut short */
    for (unsigned cut = 0; cut < size; cut++)
        assert_int_equal(weir_utf8_next((const uint8_t *)octets, cut, &got), 0);
}

static void utf8_sequences(void **state)
{
    (void)state;
    utf8("A", 1, 'A');
    utf8("\x7f", 1, 0x7f);
    utf8("\xc2\x80", 2, 0x80);
    utf8("\xdf\xbf", 2, 0x7ff);
    utf8("\xe0\xa0\x80", 3, 0x800);
    utf8("\xed\x9f\xbf", 3, 0xd7ff);
    utf8("\xee\x80\x80", 3, 0xe000);
    utf8("\xf0\x90\x80\x80", 4, 0x10000);
    utf8("\xf4\x8f\xbf\xbf", 4, 0x10ffff);
    static const char *const bad[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf5\x80",         "\xf4\x90\x80\x80",
        "\xff",         "\xc3\xc3",     "\xe2\x82\x20",     "\xf0\x9f\x90\x41",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        utf8(bad[i], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_together_what_is_added),
        cmocka_unit_test(grows_without_bound_but_its_own),
        cmocka_unit_test(limit_is_kept_by_each_way_of_adding),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(printable_keeps_every_octet),
        cmocka_unit_test(utf8_sequences),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
