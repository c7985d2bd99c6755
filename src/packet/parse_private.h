/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser's files share: from an IP header on a packet is parsed in the same way wherever
 * it is, in a frame (parse.c) or in another packet (parse_tunnel.c). Private to packet/parse*.c.
 */
#ifndef WEIR_PACKET_PARSE_PRIVATE_H
#define WEIR_PACKET_PARSE_PRIVATE_H

#include "packet/fragment.h"
#include "packet/link.h"
#include "packet/parse.h"

#define WEIR_UNPARSED_LINKS_MAX 16

struct weir_parser {
    struct weir_parse_counters counters;
    struct weir_fragments *fragments;
    struct {
        uint16_t link_type;
        struct weir_rest_count count;
    } unparsed[WEIR_UNPARSED_LINKS_MAX];
    size_t unparsed_count;
    unsigned tunnel_depth;
    bool all_layers;
};

/* The IP payload from the transport header on. */
struct weir_payload {
    const uint8_t *at;
    uint32_t captured; /* octets at `at` */
    uint32_t whole;    /* by the IP length; less than captured never */
    bool first_fragment;
};

/*
 * Sets ports and TCP flags, also where not all of the header may be there: what there is counts.
 */
void weir_parse_transport(const struct weir_payload *payload, struct weir_packet *packet);

/* The packet whose IP header is at the cursor, and where its parts are. */
enum weir_rest weir_parse_ip(struct weir_parser *parser, const struct weir_frame *frame,
                             struct weir_link_cursor *cursor, struct weir_packet *packet,
                             struct weir_layers *layers);

/*
 * Into the tunnels that a parsed packet is, as far as these can be gone into; the packet and its
 * layers are then the innermost that was reached. With all_layers the packets inside are put behind
 * it, up to tunnel_depth more, and so are their layers. Returns how many packets it are.
 */
unsigned weir_parse_tunnels(struct weir_parser *parser, const struct weir_frame *frame,
                            struct weir_link_cursor *cursor, struct weir_packet *packets,
                            struct weir_layers *layers);

#endif
