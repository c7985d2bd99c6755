/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture from an interface, as a struct weir_source: through a ring that the kernel fills
 * (AF_PACKET) where it is Ethernet, loopback or has no link header, else through libpcap; or
 * through AF_XDP where that is asked for.
 *
 *     struct weir_live_options options = {.promiscuous = true};
 *     if (weir_live_open("eth0", &options, &source, &diag) < 0) ...
 *     while (!stopped) {
 *         result = weir_source_next(source, frames, 256, &count, &diag);
 *         if (result == WEIR_E_AGAIN) expire_flows(clock_now());
 *         ...
 *     }
 *
 * Time is the kernel's, or the interface's where that is asked for, in nanoseconds. A VLAN tag that
 * the kernel took off is put back. In the ring frames stay where they are, and frame.is_egress is
 * true of those that go out. weir_source_counters() gives what the kernel and the interface
 * dropped. An interface that is down is waited for; one that is removed ends the capture.
 *
 * Threads: one owner. Limits: octets kept of a frame and octets of the kernel's buffer, below.
 */
#ifndef WEIR_PACKET_LIVE_H
#define WEIR_PACKET_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/source.h"

enum weir_live_method {
    WEIR_LIVE_AUTO, /* the ring where it can be, else libpcap */
    WEIR_LIVE_RING, /* AF_PACKET's */
    WEIR_LIVE_PCAP,
    WEIR_LIVE_XDP, /* what comes in, and nobody else on this machine gets it then */
    WEIR_LIVE_METHOD_COUNT,
};

/*
 * Sources that share an interface, each opened with the same of these: a frame goes to one of them,
 * which its two addresses choose, whatever the direction. What is no IP goes to the first. Only
 * where there is a ring.
 */
struct weir_live_fanout {
    unsigned begun; /* how many are open; 0 at first */
    uint16_t id;
};

struct weir_live_options {
    enum weir_live_method method;
    uint32_t snaplen;         /* octets kept of a frame, at most 65536; 0: 256 */
    uint32_t buffer_octets;   /* of the kernel, at most 1 GiB; 0: 32 MiB */
    uint32_t wait_ms;         /* weir_source_next() waits at most so long; 0: 100 */
    bool no_wait;             /* it never waits: for who polls several (weir_live_fd) */
    uint16_t first_interface; /* added to frame.interface */
    bool promiscuous;
    bool hardware_time; /* WEIR_E_USAGE where the interface has no clock for all frames */
    /*
     * As of weir_filter_new(): the kernel keeps a single octet of frames that do not pass, which
     * are still counted and do not pass weir_filter_run() either. NULL: none.
     */
    const char *filter;
    struct weir_live_fanout *fanout; /* during weir_live_open; NULL: it has all frames */
};

/*
 * Opens an interface, or `any`. options NULL for the defaults. 0; WEIR_E_USAGE where there is no
 * such interface (diag lists those there are) or a snaplen is too long; WEIR_E_IO where the system
 * refuses; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_live_open(const char *interface, const struct weir_live_options *options,
                                struct weir_source **ret_source, struct weir_diag *diag);

/* Readable where frames may be waiting; of a source opened here only. */
int weir_live_fd(const struct weir_source *source);

/*
 * Takes nothing new in from here on; frames that came before are still to be had, the last of them
 * within 20 ms. Where there is no ring it changes nothing. Likewise.
 */
void weir_live_end(const struct weir_source *source);

/* Whether frames that go out are told from those that come in; likewise. */
bool weir_live_tells_direction(const struct weir_source *source);

#endif
