/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

#define SEND_BATCH          32u
#define LARGEST_MTU_UNASKED 1500
#define UDP_HEADER_OCTETS   8
#define IPV4_HEADER_OCTETS  20
#define IPV6_HEADER_OCTETS  40

struct weir_udp_sender {
    int socket;
    uint64_t refused;
    char name[NI_MAXHOST + 16]; /* HOST:PORT, for messages */
};

static int send_failed(const struct weir_udp_sender *sender, size_t length, struct weir_diag *diag)
{
    if (errno == EMSGSIZE)
        return weir_diag_set(diag, WEIR_E_IO,
                             "%s: the path does not take a datagram of %zu octets; set ?mtu= lower",
                             sender->name, length);
    return weir_diag_set(diag, WEIR_E_IO, "%s: sending: %s", sender->name, strerror(errno));
}

/* Sends all of up to SEND_BATCH messages, waiting where the socket has no room. */
static int send_some(struct weir_udp_sender *sender, struct mmsghdr *headers, size_t count,
                     size_t *ret_sent, struct weir_diag *diag)
{
    size_t sent = 0;
    while (sent < count) {
        int result = sendmmsg(sender->socket, headers + sent, (unsigned)(count - sent), 0);
        if (result > 0) {
            sent += (size_t)result;
        } else if (errno == ECONNREFUSED) {
            /* Reports an earlier datagram's fate and sends nothing: try again. */
            sender->refused++;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            struct pollfd writable = {.fd = sender->socket, .events = POLLOUT};
            (void)poll(&writable, 1, 1);
        } else if (errno != EINTR) {
            *ret_sent += sent;
            return send_failed(sender, headers[sent].msg_hdr.msg_iov->iov_len, diag);
        }
    }
    *ret_sent += sent;
    return 0;
}

static int sender_send(void *context, const struct weir_message_octets *messages, size_t count,
                       size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_udp_sender *sender = context;
    struct mmsghdr headers[SEND_BATCH];
    struct iovec pieces[SEND_BATCH];
    *ret_sent = 0;
    for (size_t first = 0; first < count; first += SEND_BATCH) {
        size_t some = count - first < SEND_BATCH ? count - first : SEND_BATCH;
        memset(headers, 0, some * sizeof(headers[0]));
        for (size_t i = 0; i < some; i++) {
            /* iovec has no const; sendmmsg only reads. */
            memcpy(&pieces[i].iov_base, &messages[first + i].octets, sizeof(void *));
            pieces[i].iov_len = messages[first + i].length;
            headers[i].msg_hdr.msg_iov = &pieces[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        int result = send_some(sender, headers, some, ret_sent, diag);
        if (result < 0)
            return result;
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

static unsigned route_mtu(int fd, int family)
{
    int mtu = 0;
    socklen_t length = sizeof(mtu);
    int result = family == AF_INET ? getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &length)
                                   : getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &length);
    return result == 0 && mtu < LARGEST_MTU_UNASKED ? (unsigned)mtu : LARGEST_MTU_UNASKED;
}

static int connect_socket(const struct addrinfo *list, int *ret_family)
{
    int fd = -1;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        if (forbid_fragments(fd, at->ai_family) == 0 &&
            connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
            *ret_family = at->ai_family;
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
    sender->socket = connect_socket(list, &family);
    int saved = errno;
    freeaddrinfo(list);
    if (sender->socket < 0) {
        int result = weir_diag_set(diag, WEIR_E_IO, "%s: %s", sender->name, strerror(saved));
        free(sender);
        return result;
    }
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
    close(sender->socket);
    free(sender);
}

uint64_t weir_udp_sender_refused(const struct weir_udp_sender *sender)
{
    return sender->refused;
}
