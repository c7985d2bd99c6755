/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to packets: link, network and transport headers, RFC 791, 8200, 9293, 768, 4960, 4340,
 * 3828, 792 and 4443.
 *
 *     struct weir_parser_options options = {.hash_key = &key};
 *     if (weir_parser_new(&options, &parser) < 0) ...
 *     size_t packets = weir_parse_batch(parser, frames, count, out, NULL);
 *     weir_parser_counters(parser)->packets_parsed;
 *     weir_parser_free(parser);
 *
 * Nothing vanishes. Every frame is a packet or is counted under one cause of the rest, and
 *
 *     packets_observed = packets_parsed + the packets of every cause
 *     octets_observed  = octets_parsed + octets_link_layer - octets_beyond_frame
 *                        + the octets of every cause
 *
 * where octets_parsed are IP octets, octets_link_layer what frames have besides (headers, padding,
 * trailers), and octets_beyond_frame what IP lengths claim past the end of their frames. The
 * octets of a cause are those on the wire.
 *
 * The length of a packet is what its IP header says, whatever the capture kept of it. A length of
 * 0, as segmentation offload leaves it, means the rest of the frame, where the frame is longer
 * than the shortest Ethernet frame; an IPv6 length of 0 is first looked up in the jumbo payload
 * option (RFC 2675). A later fragment takes ports (and for IPv6 the protocol) of its first where
 * that was seen within the fragment timeout of packet time.
 *
 * With a tunnel_depth a packet is the one inside a tunnel, as deep as that says and as there is IP;
 * where something in the tunnel is no IP, cut, malformed or deeper, it is the last one outside, and
 * counted so. octets_parsed are then the inner packets', and what they are in counts as link layer.
 * An outer packet in fragments is not looked into, since of all but its first nobody could.
 *
 * With all_layers, too, each IP header on that way makes a packet, the outermost first. What is
 * parsed are then the outermost packets, as the sums above have them; those inside are counted
 * beside them, as packets_inner and octets_inner.
 *
 * Ownership: the caller frees the parser; packets are copies and hold no pointer. Threads: a
 * parser belongs to one thread. Limits: 32 headers before IP, of them 8 VLAN tags, 16 IPv6
 * extension headers, a fixed number of datagrams in fragments.
 */
#ifndef WEIR_PACKET_PARSE_H
#define WEIR_PACKET_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/error.h"
#include "base/hash.h"
#include "packet/source.h"
#include "record/detail.h"
#include "record/packet.h"

/*
 * Why a frame makes no packet. From the first MALFORMED on they are malformed and also counted in
 * packets_malformed; in a counter's name `packets_` or `octets_` stands before.
 */
#define WEIR_REST_LIST(X)                                                                        \
    X(ARP, arp, "ARP and RARP")                                                                  \
    X(LLDP, lldp, "LLDP")                                                                        \
    X(MPLS, mpls, "MPLS that carries neither IP nor Ethernet")                                   \
    X(PPPOE, pppoe, "PPPoE discovery")                                                           \
    X(PPP, ppp, "PPP with other protocols than IP: its control, compressed or encrypted")        \
    X(MACSEC, macsec, "MACsec")                                                                  \
    X(EAPOL, eapol, "802.1X authentication")                                                     \
    X(LLC, llc, "IEEE 802.3 with LLC: spanning tree, IS-IS, CDP and others")                     \
    X(WLAN, wlan, "IEEE 802.11 but plain data: management, control, encrypted")                  \
    X(OTHER_PROTOCOL, other_protocol, "other protocols than IP")                                 \
    X(WLAN_FRAGMENT, wlan_fragment, "IEEE 802.11 data frames that are a fragment")               \
    X(WLAN_AGGREGATED, wlan_aggregated, "IEEE 802.11 data frames with several packets (A-MSDU)") \
    X(LINK_TYPE, link_type, "a link type that is not parsed")                                    \
    X(TRUNCATED, truncated, "captured too short to hold an IP header")                           \
    X(MALFORMED_LINK, malformed_link, "the frame ends inside its link header")                   \
    X(MALFORMED_VLAN, malformed_vlan, "more than 8 VLAN tags")                                   \
    X(MALFORMED_NESTING, malformed_nesting, "more than 32 headers before IP")                    \
    X(MALFORMED_IP_VERSION, malformed_ip_version, "an IP version other than announced")          \
    X(MALFORMED_IP_HEADER, malformed_ip_header, "the packet is too short for its header")        \
    X(MALFORMED_IP_LENGTH, malformed_ip_length, "an IP length shorter than its header")

enum weir_rest {
    WEIR_REST_NONE = -1, /* it is a packet */
#define WEIR_REST_ENUM(name, member, help) WEIR_REST_##name,
    WEIR_REST_LIST(WEIR_REST_ENUM)
#undef WEIR_REST_ENUM
        WEIR_REST_COUNT,
    WEIR_REST_FIRST_IGNORED = WEIR_REST_WLAN_FRAGMENT, /* from here on they may have been IP */
    WEIR_REST_FIRST_MALFORMED = WEIR_REST_MALFORMED_LINK,
};

struct weir_parse_counters {
    uint64_t packets_observed;
    uint64_t octets_observed;
    uint64_t packets_parsed;
    uint64_t octets_parsed;
    uint64_t octets_link_layer;
    uint64_t octets_beyond_frame;
    uint64_t packets_malformed;
    uint64_t octets_malformed;
    uint64_t packets_cut;
    uint64_t packets_malformed_transport;
    uint64_t packets_length_of_frame;
    uint64_t packets_fragment;
    uint64_t packets_fragment_unmatched;
    uint64_t fragments_evicted;
    uint64_t packets_in_tunnels;
    uint64_t octets_of_tunnels;
    uint64_t packets_inner;
    uint64_t octets_inner;
    uint64_t packets_tunnel_other;
    uint64_t packets_tunnel_fragment;
    uint64_t packets_tunnel_deep;
    uint64_t packets_tunnel_cut;
    uint64_t packets_tunnel_malformed;
    struct weir_rest_count {
        uint64_t packets;
        uint64_t octets;
    } rest[WEIR_REST_COUNT];
    /* When the first and the last frame came that may have been IP and made no packet, of causes
     * from WEIR_REST_FIRST_IGNORED on; 0: none did. */
    int64_t ignored_first_ns;
    int64_t ignored_last_ns;
};
extern const struct weir_counter weir_parse_counter_table[];
extern const size_t weir_parse_counter_count;

/* Adds all of `from`, the times, too: several parsers into a total. */
void weir_parse_counters_add(const struct weir_parse_counters *from,
                             struct weir_parse_counters *into);

#define WEIR_TUNNEL_DEPTH_MAX 16

struct weir_parser_options {
    const struct weir_hash_key *hash_key; /* of the fragment table, copied; NULL: of seed 0 */
    uint32_t fragment_entries;            /* datagrams in fragments kept; 0: 4096, 64 octets each */
    int64_t fragment_timeout_ns;          /* 0: 30 s */
    unsigned tunnel_depth; /* tunnels to go into, up to WEIR_TUNNEL_DEPTH_MAX; 0: none */
    bool all_layers;       /* each IP header makes a packet, or only the innermost */
};

/* Where the parts of a packet are, in octets from the start of the frame. */
struct weir_layers {
    uint32_t network;   /* the IP header */
    uint32_t transport; /* the transport header, or the fragment's octets of it */
    uint32_t fragment;  /* what the fragment carries; as transport where it is none */
    uint32_t end;       /* of the IP packet as far as it was captured */
    uint32_t whole_end; /* of the IP packet, by its length */
    uint32_t fragment_id;
    uint32_t ethernet;        /* the last Ethernet header before it; WEIR_LAYER_NOWHERE: none */
    uint32_t labels;          /* the stack of MPLS labels before it, where label_count says so */
    uint16_t fragment_offset; /* octets */
    uint16_t inner_vlan;      /* 802.1Q VLAN ID of the second tag, 0: none */
    uint8_t label_count;
    bool more_fragments;
};
#define WEIR_LAYER_NOWHERE UINT32_MAX

struct weir_parser;

/* options NULL: all defaults, and a key of 0. 0 or WEIR_E_NOMEM. */
WEIR_CHECKED int weir_parser_new(const struct weir_parser_options *options,
                                 struct weir_parser **ret_parser);
void weir_parser_free(struct weir_parser *parser);

/* The most packets that a frame makes: 1, or with all_layers one more than tunnel_depth. */
unsigned weir_parser_packets_per_frame(const struct weir_parser *parser);

/*
 * Parses `count` (at most 65536) frames into packets[], which has room for as many times
 * weir_parser_packets_per_frame(), and returns how many packets they were. Where ret_frame is not
 * NULL, ret_frame[i] is the index of the frame of packets[i].
 */
size_t weir_parse_batch(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                        struct weir_packet *packets, uint16_t *ret_frame);

/*
 * The same, with all that is known of packets[i] in details[i], which has room for as many as
 * packets[] and for no more than 65536, and packets[i].detail = i.
 */
size_t weir_parse_details(struct weir_parser *parser, const struct weir_frame *frames, size_t count,
                          struct weir_packet *packets, struct weir_packet_detail *details,
                          uint16_t *ret_frame);

/*
 * The same for one frame, and tells where its parts are. WEIR_REST_NONE, with *ret_packet and
 * *ret_layers filled, those of the innermost packet, or the cause why there is none.
 */
enum weir_rest weir_parse_frame(struct weir_parser *parser, const struct weir_frame *frame,
                                struct weir_packet *ret_packet, struct weir_layers *ret_layers);

/* What is known of that packet besides. */
void weir_parse_detail(const struct weir_frame *frame, const struct weir_packet *packet,
                       const struct weir_layers *layers, struct weir_packet_detail *ret_detail);

const struct weir_parse_counters *weir_parser_counters(const struct weir_parser *parser);

/* Whether frames of this link type are parsed, or all counted as WEIR_REST_LINK_TYPE. */
bool weir_parser_knows_link(uint16_t link_type);

/*
 * The link types that were not parsed, at most 16 and in the order in which they came: type
 * `index` with its count, or WEIR_E_NOT_FOUND past the last.
 */
WEIR_CHECKED int weir_parser_unparsed_link(const struct weir_parser *parser, size_t index,
                                           uint16_t *ret_link_type,
                                           struct weir_rest_count *ret_count);

#endif
