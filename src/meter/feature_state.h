/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of features, as packets change them (feature.c, feature_tcp.c) and properties read
 * them (property.c). Each begins with bits that say which of its members are known. A packet's time
 * is the capture's; one that is earlier than what it is compared with counts as if it came then.
 * Private to meter/.
 */
#ifndef WEIR_METER_FEATURE_STATE_H
#define WEIR_METER_FEATURE_STATE_H

#include "dissect/application.h"
#include "dissect/names.h"
#include "meter/feature.h"

#define WEIR_KNOWN_ANY 1u /* of every state: a packet that it counts was seen */

/* IP lengths. */
struct weir_feature_lengths {
    uint32_t known;
    uint32_t packets;
    uint32_t min;
    uint32_t max;
    uint64_t sum;
    uint64_t squares; /* their sum, at most UINT64_MAX */
};

/* How many packets are up to so long, and longer than the bound before; the last has all others. */
#define WEIR_LENGTH_BUCKETS 8u
extern const uint32_t weir_length_bounds[WEIR_LENGTH_BUCKETS - 1];
struct weir_feature_buckets {
    uint32_t known;
    uint32_t packets[WEIR_LENGTH_BUCKETS];
};

/* Times between a packet and the one before it. */
struct weir_feature_gaps {
    uint32_t known; /* WEIR_KNOWN_ANY: a packet; WEIR_KNOWN_GAP: two */
    uint32_t count;
    int64_t last_ns;
    uint64_t min_ns;
    uint64_t max_ns;
    uint64_t sum_ns;
    uint64_t padding;
    unsigned __int128 squares; /* modulo 2^128, which their deviation does not notice */
};
#define WEIR_KNOWN_GAP 2u

/* Of a flow that never ends: what no record takes away (Information Elements 85 and 86). */
struct weir_feature_totals {
    uint32_t known;
    uint64_t packets;
    uint64_t octets;
};

/* What is behind transport headers (Information Elements 401 and 402), and fragments. */
struct weir_feature_payload {
    uint32_t known;
    uint32_t fragments;
    uint64_t octets;
    uint64_t packets; /* with any */
};

/* What the first packet had. */
struct weir_feature_first {
    uint32_t known;
    uint32_t fragment_id;
    uint64_t src_mac;
    uint64_t dst_mac;
    uint32_t tunnel_id;
    uint32_t carried_id;
    uint16_t fragment_offset; /* in 8 octets, as headers say it */
    uint16_t inner_vlan;
    uint16_t tcp_flags;
    uint8_t fragment_flags;
    uint8_t tunnel_type;
    uint8_t label_count;
    uint8_t labels[WEIR_DETAIL_LABELS][3];
};
#define WEIR_KNOWN_ETHERNET   2u
#define WEIR_KNOWN_INNER_VLAN 4u
#define WEIR_KNOWN_TUNNEL     8u
#define WEIR_KNOWN_TCP        16u
#define WEIR_KNOWN_CARRIED    32u
#define WEIR_KNOWN_FRAGMENT   64u           /* its header has fields of fragmentation */
#define WEIR_KNOWN_LABEL(n)   (256u << (n)) /* n from 0 */

/* Searches; what they found is in the engines. */
struct weir_feature_names {
    struct weir_name_search search;
};
struct weir_feature_application {
    struct weir_application_search search;
};

/*
 * One direction of a TCP connection. Flags are counted of every packet with them, all else of
 * those whose whole fixed header was captured. Sequence numbers are compared modulo 2^32, and what
 * a segment takes of their space is its payload and one each for SYN and FIN. `next` is the end of
 * what was seen so far, and a hole what was left out before that; of holes the last four are known.
 *   - Nothing is said of segments that take nothing, of those with RST and of fragments.
 *   - A SYN with another sequence number than the one before it begins anew.
 *   - A keep-alive is a segment without SYN and FIN of no octet or one at next - 1.
 *   - What begins before `next` is out of order where some of it is in a hole, which it fills: it
 * was late, or lost before the Observation Point and sent again. Else all of it before `next` was
 *     seen already, and it is a retransmission, also where it goes on behind `next`.
 *   - A zero window is one of 0 without SYN, FIN or RST.
 * Windows are as they stand in headers, not scaled, and not those of RST.
 */
#define WEIR_TCP_HOLES 4u
struct weir_feature_tcp {
    uint32_t known;
    uint32_t first_sequence;   /* of the first segment */
    uint32_t initial_sequence; /* of the first SYN */
    uint32_t syn_sequence;     /* of the last */
    uint32_t next;
    uint16_t window_first;
    uint16_t window_min;
    uint16_t window_max;
    uint16_t mss; /* of the first SYN that says it, as is the scale */
    uint8_t window_scale;
    uint8_t hole_count;
    uint16_t first_flags;
    uint32_t retransmissions;
    uint32_t out_of_order;
    uint32_t keep_alives;
    uint32_t zero_windows;
    uint32_t flags[8]; /* packets with each, FIN first */
    struct {
        uint32_t from, to;
    } holes[WEIR_TCP_HOLES];
};
#define WEIR_KNOWN_SEGMENT 2u /* `next` and first_sequence */
#define WEIR_KNOWN_SYN     4u
#define WEIR_KNOWN_WINDOW  8u
#define WEIR_KNOWN_MSS     16u
#define WEIR_KNOWN_SCALE   32u

/*
 * How a connection was opened, by the packets' times. The client is who sent a SYN without ACK.
 *   - handshake: from its last SYN to its first segment behind it with ACK and without SYN and RST.
 *   - server: from its last SYN to the first SYN with ACK that acknowledges that, of the other
 * side.
 *   - client: from the last such to that first segment of the client's.
 */
struct weir_feature_handshake {
    uint32_t known;
    uint32_t syn_sequence;
    int64_t syn_ns;
    int64_t answer_ns;
    uint64_t whole_ns;
    uint64_t server_ns;
    uint64_t client_ns;
    bool is_client_reverse;
};
#define WEIR_KNOWN_CLIENT_SYN 2u
#define WEIR_KNOWN_SERVER     4u
#define WEIR_KNOWN_CLIENT     8u
#define WEIR_KNOWN_WHOLE      16u

/*
 * How long each side took to answer, with any transport protocol: from the last packet with payload
 * of the other side to the first of its own behind that. Retransmissions have payload, too.
 */
struct weir_feature_responses {
    uint32_t known;
    bool is_reverse; /* who sent payload last */
    int64_t last_ns;
    struct weir_feature_answers {
        uint64_t count;
        uint64_t min_ns;
        uint64_t max_ns;
        uint64_t sum_ns;
    } sides[2]; /* forward, reverse */
};
#define WEIR_KNOWN_ANSWER(side) (2u << (side))

/* Lengths and times of the first packets of both directions, as many as the definition says. */
struct weir_feature_splt {
    uint32_t known;
    uint32_t count;
    int64_t first_ns;
    struct {
        uint32_t time_us; /* since the first, at most UINT32_MAX */
        uint16_t octets;  /* of the IP packet, at most UINT16_MAX */
        uint8_t tcp_flags;
        bool is_reverse;
    } packets[];
};
_Static_assert(sizeof(struct weir_feature_splt) == 16, "what a packet takes is added to this");
#define WEIR_SPLT_PACKET_OCTETS 8u
#define WEIR_SPLT_PACKETS       10u /* where the definition does not say it */
#define WEIR_SPLT_PACKETS_MAX   64u

void weir_feature_update_tcp(void *state, const struct weir_feature_packet *in);
void weir_feature_restart_tcp(void *state);
void weir_feature_update_handshake(void *state, const struct weir_feature_packet *in);
void weir_feature_restart_handshake(void *state);
void weir_feature_update_responses(void *state, const struct weir_feature_packet *in);

#endif
