/* SPDX-License-Identifier: Apache-2.0 */
#include "net/steering.h"
#include "net/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/share.h"
#include "support/cmocka.h"

#define WORKERS 3u

/* A port that was free a moment ago. */
static uint16_t listen_in_group(const char *host, uint32_t count,
                                struct weir_udp_listener **listeners)
{
    struct weir_diag diag = {0};
    for (uint16_t port = 20000; port < 30000; port++) {
        int result = weir_udp_listener_open_group(host, port, 1 << 20, count, listeners, &diag);
        if (result == 0)
            return port;
        if (result == WEIR_E_UNSUPPORTED)
            skip();
    }
    fail_msg("no free port: %s", diag.text);
    return 0;
}

static void close_group(struct weir_udp_listener **listeners, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        weir_udp_listener_close(listeners[i]);
}

/* Sends a datagram; false where the system does not let one send from there. */
static bool send_from(const char *from, const char *to, uint16_t port)
{
    struct sockaddr_storage source = {0}, target = {0};
    socklen_t length = sizeof(struct sockaddr_in6);
    struct sockaddr_in6 *source6 = (void *)&source, *target6 = (void *)&target;
    struct sockaddr_in *source4 = (void *)&source, *target4 = (void *)&target;
    int on = 1;
    bool is_v6 = strchr(from, ':');
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        return false;
    if (is_v6) {
        source6->sin6_family = target6->sin6_family = AF_INET6;
        target6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, from, &source6->sin6_addr), 1);
        assert_int_equal(inet_pton(AF_INET6, to, &target6->sin6_addr), 1);
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
    } else {
        length = sizeof(*source4);
        source4->sin_family = target4->sin_family = AF_INET;
        target4->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, from, &source4->sin_addr), 1);
        assert_int_equal(inet_pton(AF_INET, to, &target4->sin_addr), 1);
    }
    bool is_sent = bind(fd, (void *)&source, length) == 0 &&
                   sendto(fd, "weir", 4, 0, (void *)&target, length) == 4;
    close(fd);
    return is_sent;
}

/* Who has it; one datagram has been sent to the group over loopback, so it is there. */
static uint32_t find_receiver(struct weir_udp_listener **listeners, struct weir_address source)
{
    uint32_t found = WORKERS;
    for (uint32_t i = 0; i < WORKERS; i++) {
        const struct weir_datagram *datagrams;
        struct weir_diag diag = {0};
        int count = weir_udp_listener_receive(listeners[i], 0, &datagrams, &diag);
        if (count == WEIR_E_AGAIN)
            continue;
        assert_int_equal(count, 1);
        assert_int_equal(found, WORKERS);
        assert_true(weir_address_equal(datagrams[0].source, source));
        found = i;
    }
    return found;
}

static void an_address_is_of_one_share(void **state)
{
    (void)state;
    unsigned counts[WORKERS] = {0};
    for (uint32_t i = 0; i < 30000; i++) {
        struct weir_address v4 = weir_address_from_v4(0x0a000000 + i);
        struct weir_address v6 = {UINT64_C(0x20010db800000000), i};
        counts[weir_share_of(v4, WORKERS)]++;
        counts[weir_share_of(v6, WORKERS)]++;
        assert_int_equal(weir_share_of(v4, 1), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_in_range(counts[i], 18000, 22000);
}

static void the_kernel_divides_ipv4_by_share(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", ""};
    for (unsigned host = 0; host < 2; host++) {
        struct weir_udp_listener *listeners[WORKERS];
        unsigned counts[WORKERS] = {0};
        uint16_t port = listen_in_group(hosts[host], WORKERS, listeners);
        for (unsigned i = 1; i < 200; i++) {
            char from[WEIR_ADDRESS_TEXT_MAX];
            struct weir_address address;
            snprintf(from, sizeof(from), "127.%u.3.%u", i % 7, i);
            assert_int_equal(weir_address_parse(from, &address), 0);
            assert_true(send_from(from, "127.0.0.1", port));
            uint32_t receiver = find_receiver(listeners, address);
            assert_int_equal(receiver, weir_share_of(address, WORKERS));
            counts[receiver]++;
        }
        for (unsigned i = 0; i < WORKERS; i++)
            assert_in_range(counts[i], 30, 110);
        close_group(listeners, WORKERS);
    }
}

static void the_kernel_divides_ipv6_by_share(void **state)
{
    (void)state;
    struct weir_udp_listener *listeners[WORKERS];
    uint16_t port = listen_in_group("", WORKERS, listeners);
    if (!send_from("::1", "::1", port)) {
        close_group(listeners, WORKERS);
        skip();
    }
    struct weir_address address;
    assert_int_equal(weir_address_parse("::1", &address), 0);
    assert_int_equal(find_receiver(listeners, address), weir_share_of(address, WORKERS));
    /* Addresses of others can be sent from by whoever may do that. */
    for (unsigned i = 1; i < 100; i++) {
        char from[WEIR_ADDRESS_TEXT_MAX];
        snprintf(from, sizeof(from), "2001:db8:%x:%x::%x:%x", i * 77, i, 3 * i, i * 511);
        assert_int_equal(weir_address_parse(from, &address), 0);
        if (!send_from(from, "::1", port))
            break;
        assert_int_equal(find_receiver(listeners, address), weir_share_of(address, WORKERS));
    }
    close_group(listeners, WORKERS);
}

static void a_group_of_one_is_a_listener(void **state)
{
    (void)state;
    struct weir_udp_listener *listener, *second[2];
    struct weir_diag diag = {0};
    uint16_t port = listen_in_group("127.0.0.1", 1, &listener);
    assert_int_equal(weir_udp_listener_open_group("127.0.0.1", port, 1 << 20, 2, second, &diag),
                     WEIR_E_USAGE);
    assert_non_null(strstr(diag.text, "is in use"));
    weir_udp_listener_close(listener);
}

static void a_group_keeps_others_out(void **state)
{
    (void)state;
    struct weir_udp_listener *listeners[2], *second[2];
    struct weir_diag diag = {0};
    uint16_t port = listen_in_group("127.0.0.1", 2, listeners);
    assert_int_equal(weir_udp_listener_open_group("127.0.0.1", port, 1 << 20, 2, second, &diag),
                     WEIR_E_USAGE);
    assert_int_equal(weir_udp_listener_open("127.0.0.1", port, 1 << 20, second, &diag),
                     WEIR_E_USAGE);
    close_group(listeners, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_of_one_share),
        cmocka_unit_test(the_kernel_divides_ipv4_by_share),
        cmocka_unit_test(the_kernel_divides_ipv6_by_share),
        cmocka_unit_test(a_group_of_one_is_a_listener),
        cmocka_unit_test(a_group_keeps_others_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
