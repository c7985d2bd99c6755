/* SPDX-License-Identifier: Apache-2.0 */
/* Names out of payloads: what stays, what is escaped, where they are cut. */
#include "dissect/name.h"

#include "base/text.h"
#include "names.h"

static void add_text(struct weir_name *name, const char *text)
{
    weir_name_add(name, (const uint8_t *)text, strlen(text));
}

static void printable_text_stays(void **state)
{
    (void)state;
    struct weir_name name = {0};
    add_text(&name, "www.example.org");
    weir_name_add_char(&name, ',');
    add_text(&name, " b\xc3\xbc"
                    "cher");
    assert_name(name, "www.example.org, b\xc3\xbc"
                      "cher");
    assert_false(name.is_cut);
}

static void what_steers_terminals_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"\x1b[2J", "\\027[2J"},    {"a\nb", "a\\010b"},        {"\\", "\\\\"},
        {"\x7f", "\\127"},          {"\xc2\x9b", "\\194\\155"}, {"\xe2\x80\xae", "\\226\\128\\174"},
        {"\xff\xfe", "\\255\\254"}, {"\xc3", "\\195"},          {"\xed\xa0\x80", "\\237\\160\\128"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_name name = {0};
        add_text(&name, cases[i].text);
        assert_name(name, cases[i].shown);
    }
    struct weir_name name = {0};
    weir_name_add(&name, (const uint8_t *)"\0", 1);
    assert_name(name, "\\000");
}

static void a_separator_is_told_from_an_octet(void **state)
{
    (void)state;
    struct weir_name name = {0};
    weir_name_add_escaped(&name, (const uint8_t *)"a.b", 3, '.');
    weir_name_add_char(&name, '.');
    weir_name_add_escaped(&name, (const uint8_t *)"c", 1, '.');
    assert_name(name, "a\\.b.c");
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    for (unsigned before = WEIR_NAME_OCTETS_MAX - 5; before <= WEIR_NAME_OCTETS_MAX; before++) {
        static const char *const tails[] = {"\xe2\x82\xac\xe2\x82\xac", "\x01\x02", "\\\\\\",
                                            "xyz"};
        for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
            struct weir_name name = {0};
            for (unsigned i = 0; i < before; i++)
                weir_name_add_char(&name, 'a');
            add_text(&name, tails[t]);
            add_text(&name, "zzzzzz");
            assert_true(name.is_cut);
            assert_true(name.length >= before);
            uint32_t point;
            for (size_t at = 0; at < name.length;) {
                unsigned used =
                    weir_utf8_next((const uint8_t *)name.text + at, name.length - at, &point);
                assert_true(used > 0);
                at += used;
            }
            /* Nothing comes behind a cut. */
            assert_null(memchr(name.text, 'z', name.length > before ? before : name.length));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays),
        cmocka_unit_test(what_steers_terminals_is_escaped),
        cmocka_unit_test(a_separator_is_told_from_an_octet),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
