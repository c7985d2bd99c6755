/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

#define SEND_BATCH          64u /* messages a call; the system takes no packet of more apart */
#define LARGEST_MTU_UNASKED 1500
#define UDP_HEADER_OCTETS   8
#define IPV4_HEADER_OCTETS  20
#define IPV6_HEADER_OCTETS  40

/* The system has no memory for a datagram: how often to ask again, and how long apart. */
#define NO_ROOM_TRIES   10u
#define NO_ROOM_WAIT_MS 1

/* A packet that the system is to take apart is no longer than one of UDP may be, of either IP. */
#define TOGETHER_OCTETS_MAX (UINT16_MAX - UDP_HEADER_OCTETS - IPV6_HEADER_OCTETS)

/* A heading, and a line for each socket that packets of this machine are captured with. */
static const char packet_sockets[] = "/proc/thread-self/net/packet";

/*
 * Messages on their way to the system. It takes a packet of several apart into datagrams of one
 * length, which the last may fall short of, and the way through it is gone once for all of them.
 */
struct packets {
    struct mmsghdr headers[SEND_BATCH];
    struct iovec pieces[SEND_BATCH]; /* a message each */
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof(uint16_t))];
    } controls[SEND_BATCH]; /* of packets of several: their length */
    unsigned count;
};

struct weir_udp_sender {
    int socket;
    int captures; /* open: packet_sockets; -1: messages never go together */
    struct sockaddr_storage peer;
    socklen_t peer_length;
    struct weir_udp_sender_counters counters;
    char name[NI_MAXHOST + 16]; /* HOST:PORT, for messages */
};

#define ROW(member, help) WEIR_COUNTER(struct weir_udp_sender_counters, member, DATAGRAMS, help)
const struct weir_counter weir_udp_sender_counter_table[] = {
    ROW(sends_refused, "sends to which the peer's system answered that nobody listens"),
    ROW(datagrams_unreachable, "datagrams dropped: there was no route to the destination"),
    ROW(datagrams_forbidden, "datagrams dropped: this machine's firewall refused them"),
    ROW(datagrams_too_long, "datagrams dropped: the path's MTU is smaller; ?mtu= sets it"),
    ROW(datagrams_no_room, "datagrams dropped: the system had no memory for them"),
    WEIR_COUNTER(
        struct weir_udp_sender_counters, reconnects, NONE,
        "times that sending went on from a new connection, the address or the route of the "
        "one before being gone"),
};
#undef ROW
const size_t weir_udp_sender_counter_count =
    sizeof(weir_udp_sender_counter_table) / sizeof(weir_udp_sender_counter_table[0]);

/*
 * What the network, a firewall or want of memory does to a datagram passes; UDP promises nothing,
 * so it is counted and the next one sent. What is not among these is wrong with the socket.
 * EINVAL: the address that the socket was given at connect is the machine's no more. EDESTADDRREQ:
 * it could not be connected again.
 */
static uint64_t *count_of(struct weir_udp_sender_counters *counters, int error)
{
    switch (error) {
    case ECONNREFUSED:
        return &counters->sends_refused;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EADDRNOTAVAIL:
    case EINVAL:
    case EDESTADDRREQ:
        return &counters->datagrams_unreachable;
    case EPERM:
    case EACCES:
        return &counters->datagrams_forbidden;
    case EMSGSIZE:
        return &counters->datagrams_too_long;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        return &counters->datagrams_no_room;
    default:
        return NULL;
    }
}

/* Whether the socket may have no address to send from: kernels differ in what they say of that. */
static bool may_have_lost_address(int error)
{
    return error == EINVAL || error == EADDRNOTAVAIL || error == EDESTADDRREQ ||
           error == ENETUNREACH;
}

/*
 * Connects the socket to the same peer from whatever address is now the one to send from, and from
 * the same port where that is free: to the collector it is the same exporter then.
 */
static void reconnect(struct weir_udp_sender *sender)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof(own);
    if (getsockname(sender->socket, (struct sockaddr *)&own, &length) < 0)
        own.ss_family = AF_UNSPEC;
    (void)connect(sender->socket, &nowhere, sizeof(nowhere));
    if (own.ss_family == AF_INET)
        ((struct sockaddr_in *)&own)->sin_addr.s_addr = htonl(INADDR_ANY);
    else if (own.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&own)->sin6_addr = in6addr_any;
    if (own.ss_family != AF_UNSPEC)
        (void)bind(sender->socket, (const struct sockaddr *)&own, length);
    sender->counters.reconnects +=
        connect(sender->socket, (const struct sockaddr *)&sender->peer, sender->peer_length) == 0;
}

static bool is_worth_trying(int error, unsigned tries)
{
    if (error == EINTR)
        return true;
    if (error == EAGAIN || error == ENOBUFS || error == ENOMEM) {
        /* Not POLLOUT: the socket has room, it is the system that has none. */
        (void)poll(NULL, 0, NO_ROOM_WAIT_MS);
        return tries < NO_ROOM_TRIES;
    }
    /* A socket may report an earlier datagram's fate, once, and send nothing: try again. */
    return tries == 1;
}

/*
 * Whether somebody captures on this machine, who would see a packet of several messages before it
 * is taken apart. Asked for every queue, which costs a third of a datagram.
 */
static bool is_captured(const struct weir_udp_sender *sender)
{
    char text[256];
    ssize_t length = pread(sender->captures, text, sizeof(text), 0);
    const char *end_of_heading = length > 0 ? memchr(text, '\n', (size_t)length) : NULL;
    return !end_of_heading || end_of_heading + 1 < text + length;
}

/*
 * How many messages from the first one on make a packet: they are as long as the first, but for
 * the last, which may be shorter.
 */
static size_t count_together(const struct weir_message_octets *messages, size_t count)
{
    size_t length = messages[0].length, octets = length, together = 1;
    while (together < count && messages[together - 1].length == length &&
           messages[together].length <= length &&
           octets + messages[together].length <= TOGETHER_OCTETS_MAX)
        octets += messages[together++].length;
    return together;
}

static void tell_length(struct packets *packets, unsigned packet, size_t length)
{
    const uint16_t value = (uint16_t)length;
    struct msghdr *header = &packets->headers[packet].msg_hdr;
    header->msg_control = &packets->controls[packet];
    header->msg_controllen = sizeof(packets->controls[packet]);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(value));
    memcpy(CMSG_DATA(control), &value, sizeof(value));
}

/* Makes packets of up to SEND_BATCH messages: of several each, or of one. */
static void gather(const struct weir_message_octets *messages, size_t count, bool are_together,
                   struct packets *packets)
{
    size_t done = 0;
    packets->count = 0;
    while (done < count) {
        struct msghdr *header = &packets->headers[packets->count].msg_hdr;
        size_t some = are_together ? count_together(messages + done, count - done) : 1;
        *header = (struct msghdr){.msg_iov = &packets->pieces[done], .msg_iovlen = some};
        if (some > 1)
            tell_length(packets, packets->count, messages[done].length);
        for (size_t end = done + some; done < end; done++) {
            /* iovec has no const; sendmmsg only reads. */
            memcpy(&packets->pieces[done].iov_base, &messages[done].octets, sizeof(void *));
            packets->pieces[done].iov_len = messages[done].length;
        }
        packets->count++;
    }
}

/* How many messages the first packets are of. */
static size_t count_messages(const struct packets *packets, unsigned count)
{
    size_t messages = 0;
    for (unsigned i = 0; i < count; i++)
        messages += packets->headers[i].msg_hdr.msg_iovlen;
    return messages;
}

/* What became of the first packet that did not go. */
enum {
    DROPPED = 1,      /* and counted */
    REFUSED_TOGETHER, /* it is of several messages, and these may go by themselves */
};

/* Sends packets until one does not go: *ret_sent of them went. 0, one of the above, or an error. */
static int send_packets(struct weir_udp_sender *sender, struct packets *packets, unsigned *ret_sent,
                        struct weir_diag *diag)
{
    unsigned tries = 0; /* of the packet at *ret_sent */
    *ret_sent = 0;
    while (*ret_sent < packets->count) {
        struct mmsghdr *next = packets->headers + *ret_sent;
        int result = sendmmsg(sender->socket, next, packets->count - *ret_sent, 0);
        if (result > 0) {
            *ret_sent += (unsigned)result;
            tries = 0;
            continue;
        }
        int error = errno;
        uint64_t *counter = count_of(&sender->counters, error);
        if (error == ECONNREFUSED)
            sender->counters.sends_refused++;
        else if (error != EINTR && next->msg_hdr.msg_iovlen > 1)
            return REFUSED_TOGETHER;
        if (!counter && error != EINTR)
            return weir_diag_set(diag, WEIR_E_IO, "%s: sending: %s", sender->name, strerror(error));
        if (tries == 0 && may_have_lost_address(error))
            reconnect(sender);
        if (is_worth_trying(error, ++tries))
            continue;
        if (next->msg_hdr.msg_iovlen > 1)
            return REFUSED_TOGETHER;
        if (error != ECONNREFUSED)
            (*counter)++;
        return DROPPED;
    }
    return 0;
}

static int sender_send(void *context, const struct weir_message_octets *messages, size_t count,
                       size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_udp_sender *sender = context;
    struct packets packets;
    size_t apart = 0; /* so many next ones go by themselves */
    *ret_sent = 0;
    while (*ret_sent < count) {
        size_t some = count - *ret_sent < SEND_BATCH ? count - *ret_sent : SEND_BATCH;
        if (apart > 0 && apart < some)
            some = apart;
        bool are_together = some > 1 && apart == 0 && sender->captures >= 0 && !is_captured(sender);
        gather(messages + *ret_sent, some, are_together, &packets);
        unsigned sent;
        int result = send_packets(sender, &packets, &sent, diag);
        *ret_sent += count_messages(&packets, sent);
        if (result < 0 || result == DROPPED)
            return result < 0 ? result : 0;
        apart = result == REFUSED_TOGETHER ? packets.headers[sent].msg_hdr.msg_iovlen : 0;
    }
    return 0;
}

/* Forbids fragmentation, for either family; the path MTU is then discovered by the kernel. */
static int forbid_fragments(int fd, int family)
{
    _Static_assert(IP_PMTUDISC_DO == IPV6_PMTUDISC_DO, "one mode for both families");
    int mode = IP_PMTUDISC_DO;
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
    return setsockopt(fd, level, option, &mode, sizeof(mode));
}

/* Linux 4.18 and later; what came before would send them as one long datagram. */
static bool can_take_apart(int fd)
{
    int length = 0;
    return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &length, sizeof(length)) == 0;
}

static int open_captures(int fd)
{
    return can_take_apart(fd) ? open(packet_sockets, O_RDONLY | O_CLOEXEC) : -1;
}

static unsigned route_mtu(int fd, int family)
{
    int mtu = 0;
    socklen_t length = sizeof(mtu);
    int result = family == AF_INET ? getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &length)
                                   : getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &length);
    return result == 0 && mtu < LARGEST_MTU_UNASKED ? (unsigned)mtu : LARGEST_MTU_UNASKED;
}

static int connect_socket(const struct addrinfo *list, struct weir_udp_sender *sender,
                          int *ret_family)
{
    int fd = -1;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        if (forbid_fragments(fd, at->ai_family) == 0 &&
            connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
            *ret_family = at->ai_family;
            memcpy(&sender->peer, at->ai_addr, at->ai_addrlen);
            sender->peer_length = at->ai_addrlen;
            return fd;
        }
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

int weir_udp_sender_open(const char *host, uint16_t port, unsigned mtu_octets,
                         struct weir_udp_sender **ret_sender, struct weir_transport *ret_transport,
                         struct weir_diag *diag)
{
    if (mtu_octets != 0 && (mtu_octets < 576 || mtu_octets > 65535))
        return weir_diag_set(diag, WEIR_E_USAGE, "mtu %u: must be 576 to 65535 octets", mtu_octets);
    struct weir_udp_sender *sender = calloc(1, sizeof(*sender));
    if (!sender)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a sender");
    snprintf(sender->name, sizeof(sender->name), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
             port);

    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    int looked_up = getaddrinfo(*host ? host : "localhost", service, &hints, &list);
    if (looked_up != 0) {
        free(sender);
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: no such host: %s", host,
                             gai_strerror(looked_up));
    }
    int family = AF_UNSPEC;
    sender->socket = connect_socket(list, sender, &family);
    int saved = errno;
    freeaddrinfo(list);
    if (sender->socket < 0) {
        int result = weir_diag_set(diag, WEIR_E_IO, "%s: %s", sender->name, strerror(saved));
        free(sender);
        return result;
    }
    sender->captures = open_captures(sender->socket);
    if (mtu_octets == 0)
        mtu_octets = route_mtu(sender->socket, family);
    size_t headers =
        UDP_HEADER_OCTETS + (family == AF_INET ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS);
    *ret_transport = (struct weir_transport){
        .send = sender_send, .context = sender, .message_max = mtu_octets - headers};
    *ret_sender = sender;
    return 0;
}

void weir_udp_sender_close(struct weir_udp_sender *sender)
{
    if (!sender)
        return;
    weir_udp_sender_keep_apart(sender);
    close(sender->socket);
    free(sender);
}

void weir_udp_sender_keep_apart(struct weir_udp_sender *sender)
{
    if (sender->captures >= 0)
        close(sender->captures);
    sender->captures = -1;
}

struct weir_udp_sender_counters weir_udp_sender_counters(const struct weir_udp_sender *sender)
{
    return sender->counters;
}
