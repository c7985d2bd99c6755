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
#define WEIR_KNOWN_LABEL(n)   (256u << (n)) /* n from 0 */

/* Searches; what they found is in the engines. */
struct weir_feature_names {
    struct weir_name_search search;
};
struct weir_feature_application {
    struct weir_application_search search;
};

#endif
