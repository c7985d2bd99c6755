/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet as those see it who look into its payload. A value; what it points to is the caller's,
 * and there for the time of a call.
 */
#ifndef WEIR_DISSECT_PAYLOAD_H
#define WEIR_DISSECT_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum { WEIR_PAYLOAD_TCP = 6, WEIR_PAYLOAD_UDP = 17 };

/* No more of a packet is looked at, its headers included: what Ethernet carries, and some more. */
#define WEIR_PAYLOAD_OCTETS_MAX 2048u

struct weir_payload {
    const uint8_t *octets;   /* behind the transport header */
    const uint8_t *network;  /* the IP header, what follows it and the payload in one piece */
    uint32_t captured;       /* octets of the payload */
    uint32_t network_octets; /* octets from the IP header on */
    uint32_t tcp_sequence;   /* of the first octet of the payload */
    int64_t time_ns;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t protocol;
    bool is_reverse; /* of a biflow's reverse direction */
    bool is_syn;     /* of TCP: the stream begins with tcp_sequence */
    unsigned region; /* of the flow cache, which limits count by */
};

#endif
