/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "support/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 4 << 20, ROUNDS = 20000 };

/* A server, and the time that it sees. */
struct bench {
    struct weir_http *http;
    int64_t now_ns;
    unsigned printed; /* how often the page was made */
    unsigned printed_large, printed_nothing;
};

static void print_count(void *context, struct weir_text_buffer *out)
{
    struct bench *bench = context;
    weir_text_printf(out, "made %u times\n", ++bench->printed);
}

static void print_large(void *context, struct weir_text_buffer *out)
{
    ((struct bench *)context)->printed_large++;
    char *room = weir_text_reserve(out, LARGE);
    if (!room)
        return;
    memset(room, 'x', LARGE);
    out->length += LARGE;
}

static void print_nothing(void *context, struct weir_text_buffer *out)
{
    ((struct bench *)context)->printed_nothing++;
    (void)out;
}

static const struct weir_http_page pages[] = {
    {"/metrics", "text/plain; version=0.0.4", print_count},
    {"/large", "text/plain", print_large},
    {"/nothing", "text/plain", print_nothing},
    {NULL, NULL, NULL},
};

static int open_at(struct bench *bench, const char *address, struct weir_diag *diag)
{
    const struct weir_http_config config = {
        .address = address,
        .pages = pages,
        .context = bench,
        .clock = weir_clock_manual(&bench->now_ns),
        .connection_ns = 10 * WEIR_NS_PER_SECOND,
    };
    return weir_http_open(&config, &bench->http, diag);
}

static int open_bench(void **state)
{
    static struct bench bench;
    struct weir_diag diag = {0};
    bench = (struct bench){.now_ns = WEIR_NS_PER_SECOND};
    int result = open_at(&bench, "127.0.0.1:0", &diag);
    if (result < 0) {
        print_message("%s\n", diag.text);
        return -1;
    }
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    weir_http_close(bench->http);
    return 0;
}

static int connect_to(const struct bench *bench)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(weir_http_port(bench->http))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Serves until the connection has ended; its octets, of which there may be `most`, terminated. */
static size_t hear(struct bench *bench, int fd, char *answer, size_t most)
{
    size_t length = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                               {.fd = weir_http_fd(bench->http), .events = POLLIN}};
        weir_http_serve(bench->http);
        (void)poll(fds, 2, 10);
        ssize_t got = recv(fd, answer + length, most - length - 1, 0);
        if (got < 0 && errno == EAGAIN)
            continue;
        if (got <= 0) {
            answer[length] = 0;
            close(fd);
            return length;
        }
        length += (size_t)got;
        assert_true(length + 1 < most);
    }
    fail_msg("no end of the answer");
    return 0;
}

/* What it answers to a request. */
static const char *ask(struct bench *bench, const char *request)
{
    static char answer[65536];
    int fd = connect_to(bench);
    say(fd, request);
    hear(bench, fd, answer, sizeof(answer));
    return answer;
}

static void begins_with(const char *answer, const char *status)
{
    if (strncmp(answer, status, strlen(status)) != 0)
        fail_msg("'%.60s' and not '%s'", answer, status);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

static void pages_are_got(void **state)
{
    struct bench *bench = *state;
    const char *answer = ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    begins_with(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4\r\n"));
    assert_non_null(strstr(answer, "Content-Length: 13\r\n"));
    assert_string_equal(body_of(answer), "made 1 times\n");
    answer = ask(bench, "GET /metrics?a=b HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(answer, " 200 "));
    /* With a body, which nobody looks at. */
    answer = ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    begins_with(answer, "HTTP/1.1 200 ");
    assert_int_equal(weir_http_count(bench->http).http_requests, 3);
}

static void a_head_has_no_body(void **state)
{
    struct bench *bench = *state;
    const char *answer = ask(bench, "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    begins_with(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "Content-Length: 13\r\n"));
    assert_string_equal(body_of(answer), "");
}

static void all_else_is_refused(void **state)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"GET /metric HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "},
        {"PUT /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.1 405 "},
        {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n", "HTTP/1.1 405 "},
        {"DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *answer = ask(bench, cases[i].request);
        begins_with(answer, cases[i].status);
        bool has_allow = strstr(answer, "Allow: GET, HEAD\r\n") != NULL;
        assert_int_equal(has_allow, strstr(cases[i].status, "405") != NULL);
    }
    assert_int_equal(weir_http_count(bench->http).http_requests_refused, 6);
    assert_int_equal(bench->printed, 0);
}

/* What is no HTTP, and what has no end, ends in an error and nothing else. */
static void what_is_no_request_harms_nothing(void **state)
{
    struct bench *bench = *state;
    static char endless[60000] = "GET /metrics HTTP/1.1\r\nHost: ";
    memset(endless + strlen(endless), 'a', sizeof(endless) - 1 - strlen(endless));
    int fd = connect_to(bench);
    (void)!send(fd, endless, sizeof(endless) - 1, MSG_NOSIGNAL);
    char answer[4096];
    hear(bench, fd, answer, sizeof(answer));
    if (answer[0])
        begins_with(answer, "HTTP/1.1 4");
    fd = connect_to(bench);
    say(fd, "\x16\x03\x01\x02\x01\r\n\r\n");
    hear(bench, fd, answer, sizeof(answer));
    begins_with(ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ");
}

static void a_page_is_made_once_a_second(void **state)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    struct bench *bench = *state;
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(body_of(ask(bench, request)), "made 1 times\n");
    bench->now_ns += WEIR_HTTP_PAGE_NS;
    assert_string_equal(body_of(ask(bench, request)), "made 2 times\n");
}

static void a_page_that_cannot_be_made_is_an_error(void **state)
{
    struct bench *bench = *state;
    static const char request[] = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    for (unsigned i = 0; i < 3; i++)
        begins_with(ask(bench, request), "HTTP/1.1 500 ");
    /* Nor more often tried than one that can. */
    assert_int_equal(bench->printed_nothing, 1);
    bench->now_ns += WEIR_HTTP_PAGE_NS;
    begins_with(ask(bench, request), "HTTP/1.1 500 ");
    assert_int_equal(bench->printed_nothing, 2);
}

/* Who asks for a large page and takes it slowly. */
static int be_deaf(struct bench *bench, unsigned printed)
{
    int fd = connect_to(bench);
    say(fd, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    for (unsigned round = 0; bench->printed_large < printed && round < ROUNDS; round++) {
        struct pollfd ready = {.fd = weir_http_fd(bench->http), .events = POLLIN};
        (void)poll(&ready, 1, 10);
        weir_http_serve(bench->http);
    }
    assert_int_equal(bench->printed_large, printed);
    return fd;
}

static void slow_clients_hold_few_versions(void **state)
{
    static const char request[] = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    struct bench *bench = *state;
    int deaf[WEIR_HTTP_VERSIONS_HELD + 1];
    for (unsigned i = 0; i <= WEIR_HTTP_VERSIONS_HELD; i++) {
        deaf[i] = be_deaf(bench, i + 1);
        bench->now_ns += WEIR_HTTP_PAGE_NS;
    }
    begins_with(ask(bench, request), "HTTP/1.1 503 ");
    assert_int_equal(bench->printed_large, WEIR_HTTP_VERSIONS_HELD + 1);
    assert_int_equal(weir_http_count(bench->http).http_requests_refused, 1);
    /* What nobody holds back is made as ever. */
    begins_with(ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ");
    bench->now_ns += WEIR_HTTP_PAGE_NS;
    begins_with(ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ");
    assert_int_equal(bench->printed, 2);
    /* One of them has heard it. */
    char *answer = malloc(LARGE + 4096);
    assert_non_null(answer);
    assert_true(hear(bench, deaf[0], answer, LARGE + 4096) > LARGE);
    free(answer);
    weir_http_serve(bench->http);
    close(be_deaf(bench, WEIR_HTTP_VERSIONS_HELD + 2));
    for (unsigned i = 1; i <= WEIR_HTTP_VERSIONS_HELD; i++)
        close(deaf[i]);
}

/* One who says nothing, one who says little and one who does not listen: others are served. */
static void slow_clients_keep_nobody_waiting(void **state)
{
    struct bench *bench = *state;
    int silent = connect_to(bench), slow = connect_to(bench), deaf = connect_to(bench);
    say(slow, "GET /met");
    say(deaf, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    begins_with(ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ");
    assert_int_equal(weir_http_count(bench->http).http_connections_cut, 0);
    assert_true(weir_http_wait(bench->http) <= 10001);

    /* He goes on saying little. */
    bench->now_ns += 9 * WEIR_NS_PER_SECOND;
    say(slow, "r");
    weir_http_serve(bench->http);
    bench->now_ns += WEIR_NS_PER_SECOND;
    assert_int_equal(weir_http_wait(bench->http), 0);
    weir_http_serve(bench->http);
    assert_int_equal(weir_http_count(bench->http).http_connections_cut, 3);
    char *answer = malloc(LARGE + 4096);
    assert_non_null(answer);
    assert_int_equal(hear(bench, silent, answer, LARGE), 0);
    assert_int_equal(hear(bench, slow, answer, LARGE), 0);
    assert_true(hear(bench, deaf, answer, LARGE + 4096) < LARGE);
    free(answer);
    begins_with(ask(bench, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ");
}

static void one_address_has_so_many_connections(void **state)
{
    struct bench *bench = *state;
    int fds[WEIR_HTTP_CONNECTIONS_EACH + 1];
    char answer[16];
    for (unsigned i = 0; i <= WEIR_HTTP_CONNECTIONS_EACH; i++)
        fds[i] = connect_to(bench);
    /* The last one too many ends at once; the others stay. */
    assert_int_equal(hear(bench, fds[WEIR_HTTP_CONNECTIONS_EACH], answer, sizeof(answer)), 0);
    for (unsigned i = 0; i < WEIR_HTTP_CONNECTIONS_EACH; i++) {
        assert_int_equal(recv(fds[i], answer, 1, 0), -1);
        assert_int_equal(errno, EAGAIN);
        close(fds[i]);
    }
}

static void a_large_page_comes_whole(void **state)
{
    struct bench *bench = *state;
    char *answer = malloc(LARGE + 4096);
    assert_non_null(answer);
    int fd = connect_to(bench);
    say(fd, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t length = hear(bench, fd, answer, LARGE + 4096);
    assert_int_equal(answer + length - body_of(answer), LARGE);
    free(answer);
}

static void addresses_are_checked(void **state)
{
    static const char *const bad[] = {
        "",        "9464",    ":",         "127.0.0.1", "a:b",          "::1:9464",         "[::1]",
        "[]:9464", "a:65536", "[::1:9464", "a:123456",  "127.0.0.1:-1", "300.300.300.300:1"};
    struct bench *bench = *state;
    char address[32], expected[128];
    struct weir_diag diag = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bench other = {0};
        if (open_at(&other, bad[i], &diag) != WEIR_E_USAGE)
            fail_msg("'%s' was taken", bad[i]);
        assert_non_null(strstr(diag.text, bad[i]));
    }
    struct bench other = {0};
    snprintf(address, sizeof(address), "127.0.0.1:%u", weir_http_port(bench->http));
    snprintf(expected, sizeof(expected), "'%s': Address already in use;", address);
    assert_int_equal(open_at(&other, address, &diag), WEIR_E_USAGE);
    begins_with(diag.text, expected);
}

static void other_addresses_are_listened_on(void **state)
{
    static const char *const good[] = {":0", "localhost:0", "[::1]:0"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct bench other = {0};
        struct weir_diag diag = {0};
        int result = open_at(&other, good[i], &diag);
        if (result < 0 && strstr(diag.text, "address family"))
            continue; /* a machine without IPv6 */
        if (result < 0 && strstr(diag.text, "Cannot assign"))
            continue;
        assert_int_equal(result, 0);
        assert_true(weir_http_port(other.http) > 0);
        weir_http_close(other.http);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(pages_are_got),
        SERVED(a_head_has_no_body),
        SERVED(all_else_is_refused),
        SERVED(what_is_no_request_harms_nothing),
        SERVED(a_page_is_made_once_a_second),
        SERVED(a_page_that_cannot_be_made_is_an_error),
        SERVED(slow_clients_keep_nobody_waiting),
        SERVED(slow_clients_hold_few_versions),
        SERVED(one_address_has_so_many_connections),
        SERVED(a_large_page_comes_whole),
        SERVED(addresses_are_checked),
        cmocka_unit_test(other_addresses_are_listened_on),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
