/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/steering.h"
#include "net/udp.h"

#define DATAGRAM_OCTETS_MAX 65536u
/* Buffers that begin a power of two apart share few sets of a cache, and push each other out. */
#define BUFFER_OCTETS (DATAGRAM_OCTETS_MAX + 33u * 64u)

/* Room for the kernel's arrival time and its drop count. */
union control {
    char octets[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
    struct cmsghdr aligned;
};

struct weir_udp_listener {
    int socket;
    uint16_t port;
    uint32_t last_drop_count; /* the kernel's, which wraps */
    uint64_t dropped;
    uint8_t *octets; /* WEIR_UDP_BATCH of BUFFER_OCTETS */
    struct weir_datagram datagrams[WEIR_UDP_BATCH];
    struct mmsghdr headers[WEIR_UDP_BATCH];
    struct iovec pieces[WEIR_UDP_BATCH];
    struct sockaddr_storage sources[WEIR_UDP_BATCH];
    union control controls[WEIR_UDP_BATCH];
};

static void set_buffer(int fd, int buffer_octets)
{
    /* FORCE passes net.core.rmem_max where we are privileged; the other grants up to it. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_octets, sizeof(buffer_octets)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_octets, sizeof(buffer_octets));
}

/* How many the kernel has dropped; where it does not say, `before`. */
static uint32_t count_drops(int fd, uint32_t before)
{
    uint32_t values[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof(values);
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &length) < 0 || length < sizeof(values))
        return before;
    return values[SK_MEMINFO_DROPS];
}

/* A datagram says how many had been dropped when it came, which may be known of later ones. */
static void note_drops(struct weir_udp_listener *listener, uint32_t count)
{
    uint32_t more = count - listener->last_drop_count;
    if (more > INT32_MAX)
        return;
    listener->dropped += more;
    listener->last_drop_count = count;
}

static int bind_socket(const struct addrinfo *list, bool is_shared)
{
    int fd = -1;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        int on = 1, off = 0;
        /* One socket for both families; a machine without IPv6 has only IPv4 in the list. */
        if (at->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if ((!is_shared || weir_steering_prepare(fd) == 0) &&
            bind(fd, at->ai_addr, at->ai_addrlen) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) == 0)
            return fd;
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

static int open_socket(const char *host, uint16_t port, bool is_shared, int *ret_socket,
                       struct weir_diag *diag)
{
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    const char *name = *host ? host : "::";
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int looked_up = getaddrinfo(name, service, &hints, &list);
    if (looked_up != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: no such host: %s", host,
                             gai_strerror(looked_up));
    int fd = bind_socket(list, is_shared);
    int saved = errno;
    freeaddrinfo(list);
    if (fd < 0 && !*host && (saved == EAFNOSUPPORT || saved == EADDRNOTAVAIL))
        return open_socket("0.0.0.0", port, is_shared, ret_socket, diag);
    if (fd < 0 && saved == EADDRINUSE)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "udp port %u is in use; choose another or stop what uses it "
                             "(ss -lunp shows it)",
                             port);
    if (fd < 0 && saved == EADDRNOTAVAIL)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "%s is no address of this machine (ip addr shows them)", host);
    if (fd < 0)
        return weir_diag_set(diag, WEIR_E_IO, "udp://%s:%u: %s", host, port, strerror(saved));
    *ret_socket = fd;
    return 0;
}

static int open_listener(const char *host, uint16_t port, int buffer_octets, bool is_shared,
                         struct weir_udp_listener **ret_listener, struct weir_diag *diag)
{
    struct weir_udp_listener *listener = calloc(1, sizeof(*listener));
    uint8_t *octets = malloc((size_t)WEIR_UDP_BATCH * BUFFER_OCTETS);
    if (!listener || !octets) {
        free(octets);
        free(listener);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a listener");
    }
    listener->octets = octets;
    listener->port = port;
    int result = open_socket(host, port, is_shared, &listener->socket, diag);
    if (result < 0) {
        free(octets);
        free(listener);
        return result;
    }
    set_buffer(listener->socket, buffer_octets);
    for (unsigned i = 0; i < WEIR_UDP_BATCH; i++) {
        listener->pieces[i].iov_base = octets + (size_t)i * BUFFER_OCTETS;
        listener->pieces[i].iov_len = DATAGRAM_OCTETS_MAX;
        listener->headers[i].msg_hdr.msg_iov = &listener->pieces[i];
        listener->headers[i].msg_hdr.msg_iovlen = 1;
        listener->headers[i].msg_hdr.msg_name = &listener->sources[i];
        listener->headers[i].msg_hdr.msg_control = &listener->controls[i];
    }
    *ret_listener = listener;
    return 0;
}

int weir_udp_listener_open(const char *host, uint16_t port, int buffer_octets,
                           struct weir_udp_listener **ret_listener, struct weir_diag *diag)
{
    return open_listener(host, port, buffer_octets, false, ret_listener, diag);
}

static int open_group(const char *host, uint16_t port, int buffer_octets, uint32_t count,
                      struct weir_udp_listener **listeners, struct weir_diag *diag)
{
    int sockets[WEIR_UDP_GROUP_MAX];
    /* Whoever shares a port hears of nobody that has it: but who wants it alone does. */
    int result = open_socket(host, port, false, &sockets[0], diag);
    if (result < 0)
        return result;
    close(sockets[0]);
    for (uint32_t i = 0; i < count; i++) {
        result = open_listener(host, port, buffer_octets, true, &listeners[i], diag);
        if (result < 0)
            return result;
        sockets[i] = listeners[i]->socket;
    }
    if (weir_steering_begin(sockets, count) < 0)
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                             "udp port %u: this system cannot divide it among workers: %s", port,
                             strerror(errno));
    /* What came while they were deaf is not lost: nobody was there yet. */
    for (uint32_t i = 0; i < count; i++)
        listeners[i]->last_drop_count = count_drops(sockets[i], 0);
    return 0;
}

int weir_udp_listener_open_group(const char *host, uint16_t port, int buffer_octets, uint32_t count,
                                 struct weir_udp_listener **ret_listeners, struct weir_diag *diag)
{
    struct weir_udp_listener *listeners[WEIR_UDP_GROUP_MAX] = {0};
    assert(count >= 1 && count <= WEIR_UDP_GROUP_MAX);
    int result = count == 1 ? weir_udp_listener_open(host, port, buffer_octets, &listeners[0], diag)
                            : open_group(host, port, buffer_octets, count, listeners, diag);
    for (uint32_t i = 0; i < count; i++) {
        if (result < 0)
            weir_udp_listener_close(listeners[i]);
        else
            ret_listeners[i] = listeners[i];
    }
    return result;
}

void weir_udp_listener_close(struct weir_udp_listener *listener)
{
    if (!listener)
        return;
    close(listener->socket);
    free(listener->octets);
    free(listener);
}

static void take_source(const struct sockaddr_storage *source, struct weir_datagram *datagram)
{
    if (source->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, source, sizeof(v4));
        datagram->source = weir_address_from_v4(ntohl(v4.sin_addr.s_addr));
        datagram->source_port = ntohs(v4.sin_port);
    } else {
        struct sockaddr_in6 v6;
        memcpy(&v6, source, sizeof(v6));
        datagram->source = weir_address_from_octets(v6.sin6_addr.s6_addr);
        datagram->source_port = ntohs(v6.sin6_port);
    }
}

static void take_control(struct weir_udp_listener *listener, struct msghdr *header,
                         struct weir_datagram *datagram)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET)
            continue;
        if (at->cmsg_type == SO_RXQ_OVFL) {
            uint32_t count;
            memcpy(&count, CMSG_DATA(at), sizeof(count));
            note_drops(listener, count);
        } else if (at->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec arrival;
            memcpy(&arrival, CMSG_DATA(at), sizeof(arrival));
            datagram->received_ns = (int64_t)arrival.tv_sec * WEIR_NS_PER_SECOND + arrival.tv_nsec;
        }
    }
}

/* MSG_WAITFORONE would wait for ever; poll bounds the wait, and is skipped while data flows. */
static int receive(struct weir_udp_listener *listener, int timeout_ms)
{
    int count = recvmmsg(listener->socket, listener->headers, WEIR_UDP_BATCH, MSG_DONTWAIT, NULL);
    if (count >= 0 || errno != EAGAIN || timeout_ms == 0)
        return count;
    struct pollfd readable = {.fd = listener->socket, .events = POLLIN};
    if (poll(&readable, 1, timeout_ms) < 0)
        return -1;
    return recvmmsg(listener->socket, listener->headers, WEIR_UDP_BATCH, MSG_DONTWAIT, NULL);
}

int weir_udp_listener_receive(struct weir_udp_listener *listener, int timeout_ms,
                              const struct weir_datagram **ret_datagrams, struct weir_diag *diag)
{
    for (unsigned i = 0; i < WEIR_UDP_BATCH; i++) {
        listener->headers[i].msg_hdr.msg_namelen = sizeof(listener->sources[i]);
        listener->headers[i].msg_hdr.msg_controllen = sizeof(listener->controls[i]);
    }
    int count = receive(listener, timeout_ms);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        /* Of those at the end no datagram tells that comes after them. */
        note_drops(listener, count_drops(listener->socket, listener->last_drop_count));
        return WEIR_E_AGAIN;
    }
    if (count < 0)
        return weir_diag_set(diag, WEIR_E_IO, "udp port %u: receiving: %s", listener->port,
                             strerror(errno));
    for (int i = 0; i < count; i++) {
        struct weir_datagram *datagram = &listener->datagrams[i];
        *datagram = (struct weir_datagram){
            .octets = listener->pieces[i].iov_base,
            .length = listener->headers[i].msg_len,
            .destination_port = listener->port,
        };
        take_source(&listener->sources[i], datagram);
        take_control(listener, &listener->headers[i].msg_hdr, datagram);
    }
    *ret_datagrams = listener->datagrams;
    return count;
}

uint64_t weir_udp_listener_dropped(const struct weir_udp_listener *listener)
{
    return listener->dropped;
}

int weir_udp_listener_fd(const struct weir_udp_listener *listener)
{
    return listener->socket;
}
