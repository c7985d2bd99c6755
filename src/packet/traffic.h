/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic traffic as a pcap file: the two mixes that speed is measured with. The same options
 * give the same octets on every machine.
 *
 *     struct weir_traffic_options options = weir_traffic_defaults(WEIR_TRAFFIC_REALISTIC);
 *     if (weir_traffic_new(&options, &traffic, &diag) < 0) ...
 *     while ((length = weir_traffic_read(traffic, buffer, sizeof(buffer))) > 0)
 *         write(fd, buffer, length);
 *     weir_traffic_free(traffic);
 *
 * Realistic: flows of Zipf sizes (the n-th largest has 1/n of the largest's packets) in pairs, one
 * for each direction of a conversation; TCP 71 % of the packets, with SYN, FIN and RST, UDP 26 %,
 * ICMP 3 %; IPv6 20 %; IP lengths of 650 octets in the mean, most of them short or full. A flow's
 * packets are 23 ms to 12 s apart, closer where it is so large that it would not end in time.
 * Hard: every packet is a flow of its own, as in a scan or a flood with forged sources.
 * Of each frame 96 octets are captured.
 *
 * Ownership: the caller frees. Threads: one owner. Memory: realistic, 24 octets a flow and 8 for
 * every 14 packets; hard, nothing.
 */
#ifndef WEIR_PACKET_TRAFFIC_H
#define WEIR_PACKET_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_TRAFFIC_FLOWS_MAX   UINT64_C(100000000)
#define WEIR_TRAFFIC_PACKETS_MAX UINT64_C(4000000000)

/* Least capacity for weir_traffic_read(): a file header and a record. */
#define WEIR_TRAFFIC_READ_OCTETS_MIN 256

enum weir_traffic_mix { WEIR_TRAFFIC_REALISTIC, WEIR_TRAFFIC_HARD, WEIR_TRAFFIC_MIX_COUNT };

struct weir_traffic_options {
    uint64_t packets;
    uint64_t flows; /* distinct 5-tuples, both directions; for the hard mix the packets */
    uint64_t seed;
    int64_t start_ns;
    int64_t duration_ns;
    enum weir_traffic_mix mix;
    bool microseconds; /* of the file's times; otherwise nanoseconds */
};

/* Realistic: 15 million packets of 1.2 million flows in 400 s. Hard: 5 million in 100 s. */
struct weir_traffic_options weir_traffic_defaults(enum weir_traffic_mix mix);

struct weir_traffic;

/*
 * 0; WEIR_E_USAGE with diag for options that make no sense: no packets, more flows than packets,
 * less time than a nanosecond a packet, past the limits above; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_traffic_new(const struct weir_traffic_options *options,
                                  struct weir_traffic **ret_traffic, struct weir_diag *diag);
void weir_traffic_free(struct weir_traffic *traffic);

/* The next octets of the file, whole records; 0 at its end. */
size_t weir_traffic_read(struct weir_traffic *traffic, uint8_t *into, size_t capacity);

#endif
