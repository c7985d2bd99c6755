/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of DNS messages. */
#include "dissect/dns.h"

#include "names.h"
#include "support/payload_builder.h"

static int parse(const void *octets, size_t length, struct weir_dns_question *ret_question)
{
    uint8_t *copy = copy_of(octets, length);
    int result = weir_dns_parse(copy, length, ret_question);
    free(copy);
    return result;
}

static size_t build(const char *labels, uint16_t type, uint8_t octets[static 512])
{
    struct weir_writer out = weir_writer_make(octets, 512);
    payload_dns(&out, labels, type);
    assert_false(weir_writer_failed(&out));
    return out.length;
}

static void a_question_has_a_name_and_a_type(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *name;
    } cases[] = {
        {"www.example.org.", "www.example.org"},
        {"", "."},
        {"WwW.eXample.", "WwW.eXample"},
        {"My Printer._ipp._tcp.local.", "My Printer._ipp._tcp.local"},
        {"b\xc3\xbc"
         "cher.example.",
         "b\xc3\xbc"
         "cher.example"},
        {"a\x1b\xff\\.b.", "a\\027\\255\\\\.b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t octets[512];
        struct weir_dns_question question;
        size_t length = build(cases[i].labels, 28, octets);
        assert_int_equal(parse(octets, length, &question), 0);
        assert_int_equal(question.type, 28);
        assert_name(question.name, cases[i].name);
    }
}

static void a_dot_in_a_label_is_no_dot_between(void **state)
{
    (void)state;
    static const char message[] = "\0\0\x81\x80\0\1\0\0\0\0\0\0\3a.b\1c\0\0\1\0\1";
    struct weir_dns_question question;
    assert_int_equal(parse(message, sizeof(message) - 1, &question), 0);
    assert_name(question.name, "a\\.b.c");
}

static void what_is_no_question_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t length;
        int result;
    } cases[] = {
        {"\0\0\1\0\0\0\0\0\0\0\0\0", 12, WEIR_E_NOT_FOUND},
        {"\0\0\x78\0\0\1\0\0\0\0\0\0\0\0\1\0\1", 17, WEIR_E_MALFORMED},     /* operation 15 */
        {"\0\0\0\x40\0\1\0\0\0\0\0\0\0\0\1\0\1", 17, WEIR_E_MALFORMED},     /* the reserved bit */
        {"\0\0\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18, WEIR_E_MALFORMED}, /* a pointer */
    };
    struct weir_dns_question question;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(parse(cases[i].octets, cases[i].length, &question), cases[i].result);

    /* 64 labels of three letters: one octet longer than a name may be. */
    char labels[512] = "";
    uint8_t octets[512];
    for (unsigned i = 0; i < 64; i++)
        memcpy(labels + 4 * (size_t)i, "abc.", 5);
    size_t length = build(labels, 1, octets);
    assert_int_equal(parse(octets, length, &question), WEIR_E_MALFORMED);
    labels[4 * 63] = '\0';
    length = build(labels, 1, octets);
    assert_int_equal(parse(octets, length, &question), 0);
    assert_int_equal(question.name.length, 4 * 63 - 1);
    assert_false(question.name.is_cut);
}

static void a_cut_message_is_not_whole(void **state)
{
    (void)state;
    uint8_t octets[514];
    struct weir_dns_question question;
    size_t length = build("www.example.org.", 1, octets + 2);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(parse(octets + 2, cut, &question), WEIR_E_TRUNCATED);
    weir_store_be16(octets, (uint16_t)length);
    for (size_t cut = 0; cut <= length + 2; cut++) {
        uint8_t *copy = copy_of(octets, cut);
        int result = weir_dns_stream_parse(copy, cut, &question);
        assert_int_equal(result, cut < length + 2 ? WEIR_E_TRUNCATED : 0);
        free(copy);
    }
    assert_name(question.name, "www.example.org");
    /* A length that its question does not fit into. */
    weir_store_be16(octets, (uint16_t)(length - 1));
    assert_int_equal(weir_dns_stream_parse(octets, length + 2, &question), WEIR_E_MALFORMED);
    weir_store_be16(octets, 11);
    assert_int_equal(weir_dns_stream_parse(octets, length + 2, &question), WEIR_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_has_a_name_and_a_type),
        cmocka_unit_test(a_dot_in_a_label_is_no_dot_between),
        cmocka_unit_test(what_is_no_question_is_told),
        cmocka_unit_test(a_cut_message_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
