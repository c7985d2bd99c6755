/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sender makes of every error that sending a datagram can have. The system's part is played
 * by a script of errors, one a call.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/sender.h"
#include "net/udp.h"
#include "net/url.h"
#include "support/cmocka.h"

/* The linker puts this before the library's calls (--wrap), and names it so. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_pread64(int fd, void *octets, size_t room, off_t offset);
/* NOLINTEND(bugprone-reserved-identifier) */

enum { CALLS_MAX = 500 };

static struct {
    int error;      /* what the call fails with */
    unsigned at;    /* the call, from 0, */
    unsigned times; /* and how many in a row fail */
    unsigned calls;
    unsigned most;        /* packets that one call takes */
    int error_together;   /* what a call fails with whose first packet is of several messages */
    unsigned packets;     /* of several messages that it took */
    unsigned most_octets; /* of these the longest */
    unsigned char sent[CALLS_MAX];
    unsigned sent_count;
    unsigned connects;     /* to a peer */
    bool is_captured;      /* somebody captures */
    bool is_silent;        /* nothing is said of that */
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

/* What the system says of who captures: pread has this name where files may be long. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
ssize_t __wrap_pread64(int fd, void *octets, size_t room, off_t offset)
{
    (void)fd;
    assert_int_equal(offset, 0);
    int length = snprintf(octets, room, "%s%s",
                          wire.is_silent ? "" : "sk RefCnt Type Proto  Iface R Rmem User Inode\n",
                          wire.is_captured ? "00000000622c2ccb 3 3 0003 1 1 0 0 9749083\n" : "");
    return length;
}

/* Takes a packet apart as the system does, which is told of what length. */
static void take_packet(struct msghdr *packet)
{
    unsigned octets = 0;
    uint16_t length;
    for (size_t i = 0; i < packet->msg_iovlen; i++) {
        const struct iovec *piece = &packet->msg_iov[i];
        wire.sent[wire.sent_count++] = *(const unsigned char *)piece->iov_base;
        octets += (unsigned)piece->iov_len;
    }
    struct cmsghdr *control = CMSG_FIRSTHDR(packet);
    if (!control) {
        assert_int_equal(packet->msg_iovlen, 1);
        return;
    }
    assert_int_equal(control->cmsg_level, SOL_UDP);
    assert_int_equal(control->cmsg_type, UDP_SEGMENT);
    assert_int_equal(control->cmsg_len, CMSG_LEN(sizeof(length)));
    memcpy(&length, CMSG_DATA(control), sizeof(length));
    for (size_t i = 0; i + 1 < packet->msg_iovlen; i++)
        assert_int_equal(packet->msg_iov[i].iov_len, length);
    assert_in_range(packet->msg_iov[packet->msg_iovlen - 1].iov_len, 1, length);
    assert_in_range(packet->msg_iovlen, 2, 64); /* UDP_MAX_SEGMENTS */
    wire.packets++;
    wire.most_octets = octets > wire.most_octets ? octets : wire.most_octets;
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
    if (wire.error_together && messages[0].msg_hdr.msg_iovlen > 1) {
        errno = wire.error_together;
        return -1;
    }
    unsigned took = count < wire.most ? count : wire.most;
    for (unsigned i = 0; i < took; i++)
        take_packet(&messages[i].msg_hdr);
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
 * Sends messages 0 to 49, each longer than the one before, two a call; from the third call on
 * `times` calls fail. Returns the result; *ret_sent is what the first send says.
 */
static int send_fifty(int error, unsigned times, size_t *ret_sent, struct weir_diag *diag)
{
    enum { COUNT = 50 };
    unsigned char octets[2 * COUNT] = {0};
    struct weir_message_octets messages[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        octets[i] = (unsigned char)i;
        messages[i] = (struct weir_message_octets){&octets[i], i + 1};
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
        struct sockaddr_in peer = {0};
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

/* Sends messages 0 to 149 of one length, but for every hundredth, which is shorter. */
static void send_alike(size_t length)
{
    enum { COUNT = 150 };
    static unsigned char octets[COUNT + 65536];
    struct weir_message_octets messages[COUNT];
    struct weir_diag diag = {0};
    size_t sent;
    for (unsigned i = 0; i < COUNT; i++) {
        octets[i] = (unsigned char)i;
        messages[i] = (struct weir_message_octets){&octets[i], i % 100 == 99 ? 7 : length};
    }
    wire.most = 2;
    assert_int_equal(transport.send(transport.context, messages, COUNT, &sent, &diag), 0);
    assert_int_equal(sent, COUNT);
    assert_int_equal(wire.sent_count, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(wire.sent[i], i);
}

static void messages_of_one_length_go_together(void **state)
{
    /* 64 messages a call: 0 to 63, to 127 with an end at the short one, to 149. */
    send_alike(1000);
    assert_int_equal(wire.packets, 4);
    assert_int_equal(wire.most_octets, 64 * 1000);
    close_sender(state);
    open_sender(state);
    /* As many as a datagram of 65,535 octets could have, with its headers. */
    send_alike(1472);
    assert_int_equal(wire.most_octets, 44 * 1472);
    close_sender(state);
    open_sender(state);
    send_alike(40000);
    assert_int_equal(wire.packets, 1); /* with the short one */
}

/* Whatever the reason: one by one the messages may go, and if not each has a reason of its own. */
static void what_is_not_taken_together_goes_by_itself(void **state)
{
    static const int errors[] = {EIO, EINVAL, EMSGSIZE, ENOPROTOOPT, ENOBUFS, EADDRNOTAVAIL};
    const struct weir_udp_sender_counters none = {0};
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        wire.error_together = errors[i];
        send_alike(1000);
        struct weir_udp_sender_counters counters = weir_udp_sender_counters(sender);
        assert_memory_equal(&counters, &none, sizeof(none));
        assert_int_equal(wire.packets, 0);
        close_sender(state);
        open_sender(state);
    }
}

static void while_somebody_captures_each_goes_by_itself(void **state)
{
    wire.is_captured = true;
    send_alike(1000);
    assert_int_equal(wire.packets, 0);
    wire.is_captured = false;
    wire.sent_count = 0;
    send_alike(1000);
    assert_int_equal(wire.packets, 4);
    close_sender(state);
    open_sender(state);
    wire.is_silent = true;
    send_alike(1000);
    assert_int_equal(wire.packets, 0);
}

static void by_option_all_go_by_themselves(void **state)
{
    struct weir_url url;
    struct weir_sender by_url = {0};
    struct weir_diag diag = {0};
    weir_udp_sender_keep_apart(sender);
    send_alike(1000);
    assert_int_equal(wire.packets, 0);
    close_sender(state);
    open_sender(state);
    struct weir_transport to_sender = transport;
    assert_int_equal(weir_url_parse("ipfix+udp://127.0.0.1:4739?gso=no", &url, &diag), 0);
    assert_int_equal(weir_sender_open(&url, &by_url, &diag), 0);
    transport = by_url.transport;
    send_alike(1000);
    transport = to_sender;
    assert_int_equal(wire.packets, 0);
    assert_int_equal(weir_sender_close(&by_url, &diag), 0);
    assert_int_equal(weir_url_parse("ipfix+udp://127.0.0.1:4739?gso=on", &url, &diag), 0);
    assert_int_equal(weir_sender_open(&url, &by_url, &diag), WEIR_E_USAGE);
    assert_string_equal(diag.text, "gso=on: write no, or leave it out");
}

static void together_an_earlier_datagrams_fate_is_counted_once(void **state)
{
    (void)state;
    wire.error = ECONNREFUSED;
    wire.times = 1;
    send_alike(1000);
    assert_int_equal(wire.packets, 4);
    assert_int_equal(counted(COUNTED(sends_refused)), 1);
}

/* The next message is tried with those after it, which may go together without it. */
static void a_message_dropped_is_the_first_of_those_together(void **state)
{
    (void)state;
    static unsigned char octets[1010];
    struct weir_message_octets messages[10];
    struct weir_diag diag = {0};
    size_t sent;
    for (unsigned i = 0; i < 10; i++) {
        octets[i] = (unsigned char)i;
        messages[i] = (struct weir_message_octets){&octets[i], 1000};
    }
    wire.most = 64;
    wire.error = EPERM;
    wire.times = 3; /* together, by itself, and again */
    assert_int_equal(transport.send(transport.context, messages, 10, &sent, &diag), 0);
    assert_int_equal(sent, 0);
    assert_int_equal(counted(COUNTED(datagrams_forbidden)), 1);
    assert_int_equal(transport.send(transport.context, messages + 1, 9, &sent, &diag), 0);
    assert_int_equal(sent, 9);
    assert_int_equal(wire.packets, 1);
    assert_int_equal(wire.sent[0], 1);
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
        ON_A_SENDER(messages_of_one_length_go_together),
        ON_A_SENDER(what_is_not_taken_together_goes_by_itself),
        ON_A_SENDER(while_somebody_captures_each_goes_by_itself),
        ON_A_SENDER(by_option_all_go_by_themselves),
        ON_A_SENDER(together_an_earlier_datagrams_fate_is_counted_once),
        ON_A_SENDER(a_message_dropped_is_the_first_of_those_together),
    };
    return cmocka_run_group_tests_name("udp_sender", tests, NULL, NULL);
}
