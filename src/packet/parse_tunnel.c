/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/parse_private.h"
#include "packet/tunnel.h"

enum { PROTOCOL_AH = 51 };

/* Puts the cursor where the packet's transport header is. */
static void begin_payload(const struct weir_frame *frame, const struct weir_layers *layers,
                          struct weir_link_cursor *cursor)
{
    uint32_t begin = layers->transport < layers->end ? layers->transport : layers->end;
    cursor->at = frame->octets + begin;
    cursor->left = layers->end - begin;
    cursor->whole = layers->whole_end - layers->transport;
    cursor->cut = cursor->left < cursor->whole;
}

/* Over an authentication header of IPv4 (RFC 4302); in IPv6 it is an extension header. */
static enum weir_rest skip_authentication(const struct weir_frame *frame,
                                          struct weir_link_cursor *cursor,
                                          struct weir_packet *packet, struct weir_layers *layers)
{
    begin_payload(frame, layers, cursor);
    if (cursor->left < 8)
        return weir_link_too_short(cursor, WEIR_REST_MALFORMED_LINK);
    uint8_t next = cursor->at[0];
    uint32_t octets = (cursor->at[1] + 2u) * 4;
    if (!weir_link_take(cursor, octets))
        return weir_link_too_short(cursor, WEIR_REST_MALFORMED_LINK);
    layers->transport += octets;
    packet->key.protocol = next;
    const struct weir_payload payload = {cursor->at, cursor->left, cursor->whole, false};
    weir_parse_transport(&payload, packet);
    return WEIR_REST_NONE;
}

/* Into the tunnel whose first layer is `layer`: all is that of the packet inside, or unchanged. */
static enum weir_rest enter_tunnel(struct weir_parser *parser, const struct weir_frame *frame,
                                   struct weir_link_cursor *cursor, enum weir_layer layer,
                                   struct weir_packet *packet, struct weir_layers *layers)
{
    bool is_ethernet = layer == WEIR_LAYER_ETHERNET || layer == WEIR_LAYER_ETHERIP;
    struct weir_packet inner;
    struct weir_layers inner_layers;
    begin_payload(frame, layers, cursor);
    cursor->layer = layer;
    cursor->vlan_tags = 0; /* a tag inside counts more */
    cursor->encapsulation.depth++;
    weir_link_identify(cursor, is_ethernet ? WEIR_ENCAPSULATION_ETHERNET : WEIR_ENCAPSULATION_IP,
                       0);
    enum weir_rest rest = weir_link_walk(cursor);
    if (rest == WEIR_REST_NONE)
        rest = weir_parse_ip(parser, frame, cursor, &inner, &inner_layers);
    if (rest == WEIR_REST_NONE) {
        *packet = inner;
        *layers = inner_layers;
    }
    return rest;
}

static void count_tunnel_rest(struct weir_parse_counters *counters, enum weir_rest rest)
{
    counters->packets_tunnel_cut += rest == WEIR_REST_TRUNCATED;
    counters->packets_tunnel_malformed += rest >= WEIR_REST_FIRST_MALFORMED;
    counters->packets_tunnel_other +=
        rest != WEIR_REST_TRUNCATED && rest < WEIR_REST_FIRST_MALFORMED;
}

void weir_parse_tunnels(struct weir_parser *parser, const struct weir_frame *frame,
                        struct weir_link_cursor *cursor, struct weir_packet *packet,
                        struct weir_layers *layers)
{
    struct weir_parse_counters *counters = &parser->counters;
    const uint32_t outermost = layers->network;
    for (unsigned depth = 0; !(packet->flags & WEIR_PACKET_MALFORMED_L4); depth++) {
        bool is_ah = packet->key.protocol == PROTOCOL_AH && !(packet->flags & WEIR_PACKET_V6);
        enum weir_layer layer = weir_tunnel_layer(packet);
        if (!is_ah && layer == WEIR_LAYER_COUNT)
            break;
        if (packet->flags & WEIR_PACKET_FRAGMENT) {
            counters->packets_tunnel_fragment++;
            break;
        }
        if (depth == parser->tunnel_depth) {
            counters->packets_tunnel_deep++;
            break;
        }
        enum weir_rest rest = is_ah ? skip_authentication(frame, cursor, packet, layers)
                                    : enter_tunnel(parser, frame, cursor, layer, packet, layers);
        if (rest != WEIR_REST_NONE) {
            if (!cursor->is_no_tunnel)
                count_tunnel_rest(counters, rest);
            break;
        }
    }
    counters->packets_in_tunnels += packet->encapsulation.depth > 0;
    counters->octets_of_tunnels += layers->network - outermost;
}
