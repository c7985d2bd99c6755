/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP datagrams in a capture, for who collects from one: addresses, ports, payload and time,
 * with datagrams that travelled in IP fragments put together again (RFC 791 3.2, RFC 8200 4.5).
 *
 *     struct weir_captured_datagram datagram;
 *     if (weir_datagram_open(path, NULL, &source, &diag) < 0) ...
 *     while ((result = weir_datagram_next(source, &datagram, &diag)) == 0)
 *         receive(datagram.src_addr, datagram.src_port, datagram.payload, datagram.captured);
 *     weir_datagram_close(source);
 *
 * Ownership: the caller closes; a payload is valid until the next call. Threads: one owner.
 * Limits: 64 datagrams (4 MiB) wait for fragments at a time, each for at most 30 s of capture
 * time; the oldest goes when a sixty-fifth comes. A datagram whose fragments overlap is dropped
 * (RFC 5722); a fragment that comes twice is not an overlap. Each is counted.
 */
#ifndef WEIR_PACKET_DATAGRAM_SOURCE_H
#define WEIR_PACKET_DATAGRAM_SOURCE_H

#include "packet/parse.h"
#include "packet/source.h"

struct weir_captured_datagram {
    struct weir_address src_addr, dst_addr;
    uint16_t src_port, dst_port;
    uint16_t interface; /* frame.interface */
    int64_t time_ns;    /* capture time; in fragments: of the one that completed it */
    const uint8_t *payload;
    uint32_t captured; /* octets at `payload` */
    uint32_t length;   /* octets that were sent; more than captured where the capture cut them */
};

struct weir_datagram_counters {
    uint64_t datagrams_read;
    uint64_t datagrams_cut;
    uint64_t datagrams_reassembled;
    uint64_t datagrams_incomplete;
    uint64_t datagrams_overlapping;
    uint64_t fragments_cut;
    uint64_t packets_not_udp;
};
extern const struct weir_counter weir_datagram_counter_table[];
extern const size_t weir_datagram_counter_count;

struct weir_datagram_source;

/* Opens a capture as weir_source_open() does. hash_key NULL: of seed 0. */
WEIR_CHECKED int weir_datagram_open(const char *path, const struct weir_hash_key *hash_key,
                                    struct weir_datagram_source **ret_source,
                                    struct weir_diag *diag);

/* The same over a stream, as weir_source_open_stream(). */
WEIR_CHECKED int weir_datagram_open_stream(struct weir_stream *stream,
                                           const struct weir_hash_key *hash_key,
                                           struct weir_datagram_source **ret_source,
                                           struct weir_diag *diag);

void weir_datagram_close(struct weir_datagram_source *source);

/* The next datagram. 0, WEIR_E_END, or the capture's error after all that came before it. */
WEIR_CHECKED int weir_datagram_next(struct weir_datagram_source *source,
                                    struct weir_captured_datagram *ret_datagram,
                                    struct weir_diag *diag);

/* Number in the capture, from 1, of the packet that the last datagram came in, or ended in. */
uint64_t weir_datagram_packet(const struct weir_datagram_source *source);

const struct weir_datagram_counters *weir_datagram_counters(
    const struct weir_datagram_source *source);

#endif
