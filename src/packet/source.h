/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture sources: frames out of a pcap or pcapng file (plain, gzip or zstd, `-` for standard
 * input), or live from an interface (packet/live.h), behind one batch interface.
 *
 *     struct weir_frame frames[256];
 *     if (weir_source_open(path, NULL, &source, &diag) < 0) ...
 *     while ((result = weir_source_next(source, frames, 256, &count, &diag)) == 0)
 *         packets = weir_parse_batch(parser, frames, count, out, NULL);
 *     weir_source_close(source);
 *
 * Nothing is copied: a frame points into the source's buffer until the next call. Files are read
 * in pieces of 256 KiB. pcap: both byte orders, microseconds and nanoseconds, and the "modified"
 * form with its longer record header. pcapng (draft-ietf-opsawg-pcapng): several sections, each in
 * its own byte order, several interfaces; Enhanced, Simple and the obsolete Packet Blocks are read,
 * other blocks are skipped and counted. Each diag begins with the file and gives the octet.
 *
 * Ownership: the caller closes; it also frees what it opened a source over, unless said so.
 * Threads: one owner. Limits: a captured frame has at most WEIR_FRAME_OCTETS_MAX octets, as libpcap
 * writes them; a block that is read 1 MiB; a source 4096 interfaces.
 */
#ifndef WEIR_PACKET_SOURCE_H
#define WEIR_PACKET_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/error.h"
#include "packet/stream.h"

#define WEIR_FRAME_OCTETS_MAX     262144
#define WEIR_SOURCE_BUFFER_OCTETS ((size_t)5 << 18)

/* Link types (LINKTYPE_ registry of tcpdump.org) that have a name here. */
enum weir_link_type {
    WEIR_LINK_NULL = 0,
    WEIR_LINK_ETHERNET = 1,
    WEIR_LINK_PPP = 9,
    WEIR_LINK_DLT_RAW = 12, /* what BSD and Linux call LINKTYPE_RAW */
    WEIR_LINK_OPENBSD_RAW = 14,
    WEIR_LINK_PPP_HDLC = 50,
    WEIR_LINK_PPP_ETHERNET = 51, /* PPPoE */
    WEIR_LINK_RAW = 101,
    WEIR_LINK_CISCO_HDLC = 104,
    WEIR_LINK_WLAN = 105,
    WEIR_LINK_LOOP = 108,
    WEIR_LINK_SLL = 113,
    WEIR_LINK_WLAN_PRISM = 119,
    WEIR_LINK_WLAN_RADIOTAP = 127,
    WEIR_LINK_WLAN_AVS = 163,
    WEIR_LINK_MPLS = 219,
    WEIR_LINK_IPV4 = 228,
    WEIR_LINK_IPV6 = 229,
    WEIR_LINK_NFLOG = 239,
    WEIR_LINK_SLL2 = 276,
    WEIR_LINK_DSA_BROADCOM = 281,
    WEIR_LINK_DSA_MARVELL = 285, /* with an EtherType of its own */
};

struct weir_frame {
    const uint8_t *octets;
    uint32_t captured;    /* octets at `octets` */
    uint32_t wire_octets; /* length on the wire, as the capture says */
    int64_t time_ns;      /* since 1970; impossible ones are clamped and counted */
    uint16_t link_type;   /* enum weir_link_type, or another of the registry */
    uint16_t interface;   /* its number in the capture, from 0, plus first_interface */
    bool is_egress;       /* known to go out by it */
};

struct weir_source_options {
    uint16_t first_interface;    /* added to frame.interface, so that sources can be told apart */
    bool (*stop)(void *context); /* as weir_stream_set_stop; NULL: waiting goes on */
    void *stop_context;
};

struct weir_source_counters {
    uint64_t packets_read;
    uint64_t octets_read;     /* on the wire */
    uint64_t octets_captured; /* in the file */
    uint64_t packets_time_clamped;
    uint64_t packets_time_hardware;
    uint64_t blocks_skipped;
    uint64_t packets_dropped_kernel;
    uint64_t packets_dropped_interface;
};
extern const struct weir_counter weir_source_counter_table[];
extern const size_t weir_source_counter_count;

struct weir_source;

/*
 * Opens a capture; options NULL for the defaults. 0, or with diag WEIR_E_IO, WEIR_E_NOMEM,
 * WEIR_E_UNSUPPORTED (no capture file: diag says what it looks like), WEIR_E_MALFORMED or
 * WEIR_E_TRUNCATED (it ends inside its file header).
 */
WEIR_CHECKED int weir_source_open(const char *path, const struct weir_source_options *options,
                                  struct weir_source **ret_source, struct weir_diag *diag);

/*
 * The same over a stream, of which nothing has been read (weir_stream_content may have been
 * asked). On success the source owns and closes it; on failure it stays the caller's.
 */
WEIR_CHECKED int weir_source_open_stream(struct weir_stream *stream,
                                         const struct weir_source_options *options,
                                         struct weir_source **ret_source, struct weir_diag *diag);

void weir_source_close(struct weir_source *source);

/* Whether it is read without waiting for what is still to come: no pipe and no interface. */
bool weir_source_is_stored(const struct weir_source *source);

/* The file's or the interface's, as it was opened, for messages; the source's. */
const char *weir_source_name(const struct weir_source *source);

/*
 * The next 1 to `capacity` frames, valid until the next call; as many as there are without moving
 * the buffer. 0; WEIR_E_END; WEIR_E_AGAIN (live: nothing came within its wait; else: options.stop
 * said so; the next call goes on there); or the error that ends the capture, after every frame
 * before it has been delivered. End and error repeat.
 */
WEIR_CHECKED int weir_source_next(struct weir_source *source, struct weir_frame *frames,
                                  size_t capacity, size_t *ret_count, struct weir_diag *diag);

/*
 * Has it read into another buffer of WEIR_SOURCE_BUFFER_OCTETS from here on, for who goes on in
 * another thread: what one processor has in its cache is slow to write for another. It is the
 * caller's, and in use until the source is closed. Frames are void. Not for live sources; merged
 * ones, which have no buffer, ignore it.
 */
void weir_source_use(struct weir_source *source, uint8_t *buffer);

/* Counters up to now; those of a live interface are asked of the kernel. */
const struct weir_source_counters *weir_source_counters(struct weir_source *source);

#endif
