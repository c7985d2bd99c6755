/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sender makes of every error that sending a datagram can have. The system's part is played
 * by a script of errors, one a call.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/udp.h"
#include "support/cmocka.h"

/* The linker puts this before the library's calls (--wrap), and names it so. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
/* NOLINTEND(bugprone-reserved-identifier) */

enum { CALLS_MAX = 200 };

static struct {
    int error;      /* what the call fails with */
    unsigned at;    /* the call, from 0, */
    unsigned times; /* and how many in a row fail */
    unsigned calls;
    unsigned most; /* messages that one call takes */
    unsigned char sent[CALLS_MAX];
    unsigned sent_count;
    unsigned connects;     /* to a peer */
    bool has_no_route;     /* then connecting fails */
    bool loses_connection; /* and sending, until it is connected again */
} wire;

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    if (address->sa_family == AF_UNSPEC)
        return __real_connect(fd, address, length);
    if (wire.has_no_route) {
        wire.loses_connection = true;
        errno = ENETUNREACH;
        return -1;
    }
    wire.connects++;
    wire.loses_connection = false;
    return __real_connect(fd, address, length);
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)fd;
    (void)flags;
    unsigned call = wire.calls++;
    if (wire.loses_connection) {
        errno = EDESTADDRREQ;
        return -1;
    }
    if (call >= wire.at && call - wire.at < wire.times) {
        errno = wire.error;
        return -1;
    }
    unsigned took = count < wire.most ? count : wire.most;
    for (unsigned i = 0; i < took; i++)
        wire.sent[wire.sent_count++] =
            *(const unsigned char *)messages[i].msg_hdr.msg_iov->iov_base;
    return (int)took;
}

static struct weir_udp_sender *sender;
static struct weir_transport transport;

static int open_sender(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    memset(&wire, 0, sizeof(wire));
    return weir_udp_sender_open("127.0.0.1", 4739, 0, &sender, &transport, &diag);
}

static int close_sender(void **state)
{
    (void)state;
    weir_udp_sender_close(sender);
    return 0;
}

/*
 * Sends messages 0 to 49, two a call; from the third call on `times` calls fail. Returns the
 * result; *ret_sent is what the first send says.
 */
static int send_fifty(int error, unsigned times, size_t *ret_sent, struct weir_diag *diag)
{
    enum { COUNT = 50 };
    unsigned char octets[COUNT];
    struct weir_message_octets messages[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        octets[i] = (unsigned char)i;
        messages[i] = (struct weir_message_octets){&octets[i], 1};
    }
    wire.error = error;
    wire.at = 2;
    wire.times = times;
    wire.most = 2;
    int result = transport.send(transport.context, messages, COUNT, ret_sent, diag);
    for (unsigned i = 0; i < wire.sent_count; i++)
        assert_int_equal(wire.sent[i], i);
    return result;
}

static const struct {
    int error;
    size_t counter; /* its offset */
    unsigned tries; /* of one datagram */
} passing[] = {
#define COUNTED(member) offsetof(struct weir_udp_sender_counters, member)
    {ECONNREFUSED, COUNTED(sends_refused), 2},
    {EHOSTUNREACH, COUNTED(datagrams_unreachable), 2},
    {ENETUNREACH, COUNTED(datagrams_unreachable), 2},
    {ENETDOWN, COUNTED(datagrams_unreachable), 2},
    {EINVAL, COUNTED(datagrams_unreachable), 2},
    {EPERM, COUNTED(datagrams_forbidden), 2},
    {EACCES, COUNTED(datagrams_forbidden), 2},
    {EMSGSIZE, COUNTED(datagrams_too_long), 2},
    {ENOBUFS, COUNTED(datagrams_no_room), 10},
    {ENOMEM, COUNTED(datagrams_no_room), 10},
    {EAGAIN, COUNTED(datagrams_no_room), 10},
};

enum { PASSING_COUNT = sizeof(passing) / sizeof(passing[0]) };

static uint64_t counted(size_t offset)
{
    struct weir_udp_sender_counters counters = weir_udp_sender_counters(sender);
    uint64_t value;
    memcpy(&value, (const char *)&counters + offset, sizeof(value));
    return value;
}

static void what_was_an_earlier_datagrams_fate_is_tried_again(void **state)
{
    for (unsigned i = 0; i < PASSING_COUNT; i++) {
        struct weir_diag diag = {0};
        size_t sent;
        assert_int_equal(send_fifty(passing[i].error, passing[i].tries - 1, &sent, &diag), 0);
        assert_int_equal(sent, 50);
        assert_int_equal(wire.sent_count, 50);
        /* Nothing was dropped; that nobody listens is counted whenever it is reported. */
        assert_int_equal(counted(passing[i].counter), passing[i].error == ECONNREFUSED);
        close_sender(state);
        open_sender(state);
    }
}

static void what_does_not_pass_is_dropped_and_counted(void **state)
{
    for (unsigned i = 0; i < PASSING_COUNT; i++) {
        struct weir_diag diag = {0};
        size_t sent;
        assert_int_equal(send_fifty(passing[i].error, passing[i].tries, &sent, &diag), 0);
        assert_int_equal(sent, 4);
        assert_int_equal(wire.sent_count, 4);
        assert_int_equal(wire.calls, 2 + passing[i].tries);
        assert_int_equal(counted(passing[i].counter), passing[i].error == ECONNREFUSED ? 2 : 1);

        /* The next goes. */
        unsigned char octet = 4;
        struct weir_message_octets message = {&octet, 1};
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
        assert_int_equal(sent, 1);
        close_sender(state);
        open_sender(state);
    }
}

static uint16_t port_of_sender(void)
{
    struct sockaddr_in own;
    socklen_t length = sizeof(own);
    /* The newest descriptor but for those of the test itself: found by what it is connected to. */
    for (int fd = 0; fd < 64; fd++) {
        struct sockaddr_in peer;
        socklen_t peer_length = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &peer_length) == 0 &&
            peer.sin_port == htons(4739) && getsockname(fd, (struct sockaddr *)&own, &length) == 0)
            return own.sin_port;
    }
    fail();
    return 0;
}

/* The address that it sent from is gone, and another one has come. */
static void an_address_that_vanishes_is_replaced(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    size_t sent;
    uint16_t port = port_of_sender();
    assert_int_equal(send_fifty(EINVAL, 1, &sent, &diag), 0);
    assert_int_equal(sent, 50);
    assert_int_equal(wire.connects, 2);
    assert_int_equal(counted(COUNTED(reconnects)), 1);
    assert_int_equal(counted(COUNTED(datagrams_unreachable)), 0);
    assert_int_equal(port_of_sender(), port);
}

/* Until one comes datagrams are dropped and counted, and each tries again. */
static void without_any_address_it_waits_for_one(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    unsigned char octet = 4;
    struct weir_message_octets message = {&octet, 1};
    size_t sent;
    wire.has_no_route = true;
    assert_int_equal(send_fifty(EADDRNOTAVAIL, 1, &sent, &diag), 0);
    assert_int_equal(sent, 4);
    assert_int_equal(counted(COUNTED(datagrams_unreachable)), 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
        assert_int_equal(sent, 0);
    }
    assert_int_equal(counted(COUNTED(datagrams_unreachable)), 4);
    assert_int_equal(counted(COUNTED(reconnects)), 0);
    wire.has_no_route = false;
    assert_int_equal(transport.send(transport.context, &message, 1, &sent, &diag), 0);
    assert_int_equal(sent, 1);
    assert_int_equal(counted(COUNTED(reconnects)), 1);
}

static void a_signal_costs_nothing(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    size_t sent;
    assert_int_equal(send_fifty(EINTR, 50, &sent, &diag), 0);
    assert_int_equal(sent, 50);
}

static void a_socket_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    size_t sent;
    assert_int_equal(send_fifty(EBADF, 1, &sent, &diag), WEIR_E_IO);
    assert_int_equal(sent, 4);
    assert_string_equal(diag.text, "127.0.0.1:4739: sending: Bad file descriptor");
}

int main(void)
{
#define ON_A_SENDER(test) cmocka_unit_test_setup_teardown(test, open_sender, close_sender)
    const struct CMUnitTest tests[] = {
        ON_A_SENDER(what_was_an_earlier_datagrams_fate_is_tried_again),
        ON_A_SENDER(what_does_not_pass_is_dropped_and_counted),
        ON_A_SENDER(an_address_that_vanishes_is_replaced),
        ON_A_SENDER(without_any_address_it_waits_for_one),
        ON_A_SENDER(a_signal_costs_nothing),
        ON_A_SENDER(a_socket_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests_name("udp_sender", tests, NULL, NULL);
}
