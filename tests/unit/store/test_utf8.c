/* SPDX-License-Identifier: Apache-2.0 */
#include "store/utf8.h"

#include <string.h>

#include "support/cmocka.h"

static void test_repair(void **state)
{
    (void)state;
    static const struct {
        const char *text, *repaired;
    } cases[] = {
        {"", ""},
        {"plain text of more than eight octets", "plain text of more than eight octets"},
        {"\xc2\xa9 \xe2\x82\xac \xf0\x9f\x90\x99", "\xc2\xa9 \xe2\x82\xac \xf0\x9f\x90\x99"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* U+10FFFF, the last */
        {"\xf4\x90\x80\x80", "????"},             /* past it */
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xc0\xaf\xc1\xbf", "????"}, /* overlong */
        {"\xe0\x9f\xbf", "???"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\x80 and \xbf", "? and ?"}, /* no leading octet */
        {"12345678\xff", "12345678?"},
        {"cut \xe2\x82", "cut ??"},
        {"cut \xf0\x9f\x90", "cut ???"},
        {"\xe2\x82\xe2\x82\xac", "??\xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t text[64];
        size_t length = strlen(cases[i].text), wrong = 0;
        memcpy(text, cases[i].text, length);
        for (size_t k = 0; k < length; k++)
            wrong += cases[i].text[k] != cases[i].repaired[k];
        assert_int_equal(weir_utf8_repair(text, length), wrong);
        assert_memory_equal(text, cases[i].repaired, length);
    }
}

static void test_cut(void **state)
{
    (void)state;
    const uint8_t *text = (const uint8_t *)"a\xe2\x82\xac z";
    assert_int_equal(weir_utf8_cut(text, 6, 10), 6);
    assert_int_equal(weir_utf8_cut(text, 6, 6), 6);
    assert_int_equal(weir_utf8_cut(text, 6, 4), 4);
    assert_int_equal(weir_utf8_cut(text, 6, 3), 1);
    assert_int_equal(weir_utf8_cut(text, 6, 2), 1);
    assert_int_equal(weir_utf8_cut(text, 6, 1), 1);
    assert_int_equal(weir_utf8_cut(text, 6, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
