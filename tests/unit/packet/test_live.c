/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/live.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packet/parse.h"
#include "support/cmocka.h"

/* Opens the loopback interface, or skips where this user or machine cannot capture. */
static struct weir_source *open_loopback_or_skip(const struct weir_live_options *options)
{
    struct weir_source *source;
    struct weir_diag diag;
    if (weir_live_open("lo", options, &source, &diag) == 0)
        return source;
    printf("# skipped: %s\n", diag.text);
    fflush(stdout);
    skip();
    return NULL;
}

static void unknown_interface(void **state)
{
    (void)state;
    struct weir_source *source;
    struct weir_diag diag = {0};
    assert_int_equal(weir_live_open("nosuch0", NULL, &source, &diag), WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "nosuch0: no such interface; there are "));
    const struct weir_live_options options = {.snaplen = 65537};
    assert_int_equal(weir_live_open("lo", &options, &source, &diag), WEIR_E_USAGE);
}

/* Datagrams sent over loopback come in, with the kernel's time and cut at the snaplen. */
static void loopback(void **state)
{
    (void)state;
    const struct weir_live_options options = {.snaplen = 64, .first_interface = 5};
    struct weir_source *source = open_loopback_or_skip(&options);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(to);
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &length), 0);
    static const char payload[100];
    for (int i = 0; i < 10; i++)
        assert_int_equal(
            sendto(fd, payload, sizeof(payload), 0, (const struct sockaddr *)&to, sizeof(to)),
            sizeof(payload));
    struct weir_parser *parser;
    assert_int_equal(weir_parser_new(NULL, &parser), 0);
    unsigned found = 0;
    for (int tries = 0; found < 10 && tries < 100; tries++) {
        struct weir_frame frames[16];
        struct weir_packet packets[16];
        size_t count;
        int result = weir_source_next(source, frames, 16, &count, NULL);
        if (result == WEIR_E_AGAIN)
            continue;
        assert_int_equal(result, 0);
        count = weir_parse_batch(parser, frames, count, packets, NULL);
        for (size_t i = 0; i < count; i++) {
            if (packets[i].key.dst_port != ntohs(to.sin_port))
                continue;
            found++;
            assert_int_equal(packets[i].octets, 128);
            assert_int_equal(packets[i].wire_octets, 142);
            assert_int_equal(packets[i].key.observation_point, 5);
            assert_true(packets[i].time_ns / 1000000000 - time(NULL) > -60);
        }
    }
    assert_in_range(found, 10, 20); /* the kernel may show what loopback sends and receives */
    assert_int_equal(weir_source_counters(source)->packets_dropped_kernel, 0);
    weir_parser_free(parser);
    close(fd);
    weir_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_interface),
        cmocka_unit_test(loopback),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
