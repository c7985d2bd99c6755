/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP, both ways: a transport for the Exporting Process (RFC 7011 section 10.3) and a listener for
 * the Collecting Process.
 *
 * The sender is connected, hands many messages to the kernel at once and never lets a datagram be
 * fragmented: its message size is the path's MTU (at most 1,500 octets unless asked for) less the
 * headers. Messages of one length go as one packet, which the system or the interface takes apart
 * (UDP_SEGMENT): on the wire each is a datagram. A capture would show the packet, so that each goes
 * by itself while somebody captures on this machine, and where the system refuses packets. The
 * listener takes up to 64 datagrams a call, with the kernel's arrival time and its count of
 * datagrams dropped for want of room.
 *
 *     struct weir_udp_sender *sender;
 *     struct weir_transport transport;
 *     weir_udp_sender_open("192.0.2.1", 4739, 0, &sender, &transport, &diag);
 *
 * Ownership: who opens closes. Threads: one thread each; interrupting signals are tried again by
 * the sender and handed to the caller (WEIR_E_AGAIN) by the listener.
 */
#ifndef WEIR_NET_UDP_H
#define WEIR_NET_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/error.h"
#include "export/transport.h"
#include "record/datagram.h"

struct weir_udp_sender;

/*
 * Connects to host (name or address) and port. mtu_octets: the path's MTU, IP header included;
 * 0: the route's, at most 1,500. WEIR_E_USAGE: no such host, an MTU out of range (RFC 791's 576 to
 * 65,535); WEIR_E_IO. *ret_transport stays valid until the sender is closed.
 *
 * What happens to a datagram on its way fails no send: UDP promises nothing, the collector may come
 * and a route may come back. Such datagrams are counted by cause; only a socket that cannot send at
 * all is an error. Where the address that it sends from is taken from the machine it goes on from
 * the one that is there then. Where the system has no memory for a datagram a send waits, at most
 * 10 ms.
 */
WEIR_CHECKED int weir_udp_sender_open(const char *host, uint16_t port, unsigned mtu_octets,
                                      struct weir_udp_sender **ret_sender,
                                      struct weir_transport *ret_transport, struct weir_diag *diag);
void weir_udp_sender_close(struct weir_udp_sender *sender);

/* Hands every message to the system by itself: for captures that it cannot know of. */
void weir_udp_sender_keep_apart(struct weir_udp_sender *sender);

struct weir_udp_sender_counters {
    uint64_t sends_refused;
    uint64_t datagrams_unreachable;
    uint64_t datagrams_forbidden;
    uint64_t datagrams_too_long;
    uint64_t datagrams_no_room;
    uint64_t reconnects;
};
extern const struct weir_counter weir_udp_sender_counter_table[];
extern const size_t weir_udp_sender_counter_count;

struct weir_udp_sender_counters weir_udp_sender_counters(const struct weir_udp_sender *sender);

#define WEIR_UDP_BATCH         64u
#define WEIR_UDP_BUFFER_OCTETS (64 << 20)

struct weir_udp_listener;

/*
 * Binds to host ("": every address of both families) and port. buffer_octets: the socket's receive
 * buffer that is asked for; the kernel may grant less. WEIR_E_USAGE: no such host, or the port is
 * in use; WEIR_E_IO.
 */
WEIR_CHECKED int weir_udp_listener_open(const char *host, uint16_t port, int buffer_octets,
                                        struct weir_udp_listener **ret_listener,
                                        struct weir_diag *diag);

/*
 * The same for `count` listeners that share the port: all datagrams of one address come to the
 * listener of its share (base/share.h). As above, and WEIR_E_UNSUPPORTED where the system cannot.
 */
#define WEIR_UDP_GROUP_MAX 64u
WEIR_CHECKED int weir_udp_listener_open_group(const char *host, uint16_t port, int buffer_octets,
                                              uint32_t count,
                                              struct weir_udp_listener **ret_listeners,
                                              struct weir_diag *diag);
void weir_udp_listener_close(struct weir_udp_listener *listener);

/*
 * Waits up to timeout_ms for datagrams and returns how many it has, in *ret_datagrams, valid until
 * the next call; or WEIR_E_AGAIN (none in time, or a signal came), or WEIR_E_IO.
 */
WEIR_CHECKED int weir_udp_listener_receive(struct weir_udp_listener *listener, int timeout_ms,
                                           const struct weir_datagram **ret_datagrams,
                                           struct weir_diag *diag);

/* Datagrams the kernel dropped: all, when the last receive found nothing. */
uint64_t weir_udp_listener_dropped(const struct weir_udp_listener *listener);

/* Readable when datagrams are there, for who waits for several listeners at once. */
int weir_udp_listener_fd(const struct weir_udp_listener *listener);

#endif
