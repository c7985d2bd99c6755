/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1 requests. */
#include "dissect/http.h"

#include "names.h"

static int parse(const char *text, size_t length, struct weir_http_request *ret_request)
{
    uint8_t *copy = copy_of(text, length);
    int result = weir_http_parse(copy, length, ret_request);
    free(copy);
    return result;
}

static const char usual[] = "GET /a?b=c HTTP/1.1\r\nHost: www.example.org:8080\r\n"
                            "Accept: */*\r\nUser-Agent:  curl/8.0 (x) \t\r\n\r\nHost: body\r\n";

static void a_request_says_whom_it_asks_for(void **state)
{
    (void)state;
    struct weir_http_request request;
    assert_int_equal(parse(usual, sizeof(usual) - 1, &request), 0);
    assert_name(request.method, "GET");
    assert_name(request.host, "www.example.org:8080");
    assert_name(request.user_agent, "curl/8.0 (x)");
}

static void lines_may_end_and_names_be_written_otherwise(void **state)
{
    (void)state;
    static const char text[] = "VERSION-CONTROL * HTTP/1.0\nhOST:a\x1b\nHost: b\nUSER-AGENT:\n\n";
    struct weir_http_request request;
    assert_int_equal(parse(text, sizeof(text) - 1, &request), 0);
    assert_name(request.method, "VERSION-CONTROL");
    assert_name(request.host, "a\\027");
    assert_name(request.user_agent, "");
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\n",
        "EHLO mail.example\r\n",
        "USER a HTTP/2.0\r\n",
        "\r\n\r\n",
        "get / HTTP/1.1\r\n",
        "A / HTTP/1.1\r\n",
        "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n",
        "GET HTTP/1.\r\n",
        "GET",
    };
    struct weir_http_request request;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(parse(texts[i], strlen(texts[i]), &request), WEIR_E_MALFORMED);
}

static void what_was_read_of_a_cut_head_is_kept(void **state)
{
    (void)state;
    const char *blank = strstr(usual, "\r\n\r\n");
    size_t whole = (size_t)(blank - usual) + 4;
    size_t host_known = (size_t)(strstr(usual, "Accept") - usual);
    for (size_t cut = strlen("GET "); cut < whole; cut++) {
        struct weir_http_request request;
        assert_int_equal(parse(usual, cut, &request), WEIR_E_TRUNCATED);
        assert_name(request.host, cut < host_known ? "" : "www.example.org:8080");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_says_whom_it_asks_for),
        cmocka_unit_test(lines_may_end_and_names_be_written_otherwise),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(what_was_read_of_a_cut_head_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
