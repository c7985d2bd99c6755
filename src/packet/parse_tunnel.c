/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/parse_private.h"
#include "packet/tunnel.h"

enum { PROTOCOL_UDP = 17, PROTOCOL_AH = 51 };

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

/* What it is where the header itself does not say. */
static enum weir_encapsulation_kind kind_of(enum weir_layer layer)
{
    switch (layer) {
    case WEIR_LAYER_IPV4:
    case WEIR_LAYER_IPV6:
        return WEIR_ENCAPSULATION_IP;
    case WEIR_LAYER_ETHERNET:
    case WEIR_LAYER_ETHERIP:
        return WEIR_ENCAPSULATION_ETHERNET;
    default:
        return WEIR_ENCAPSULATION_NONE;
    }
}

/* Into the tunnel whose first layer is `layer`, to the packet inside and its layers. */
static enum weir_rest enter_tunnel(struct weir_parser *parser, const struct weir_frame *frame,
                                   struct weir_link_cursor *cursor, enum weir_layer layer,
                                   struct weir_packet *ret_packet, struct weir_layers *layers)
{
    struct weir_layers inner_layers;
    begin_payload(frame, layers, cursor);
    cursor->layer = layer;
    cursor->vlan_tags = 0; /* a tag inside counts more */
    cursor->encapsulation.depth++;
    weir_link_identify(cursor, kind_of(layer), 0);
    enum weir_rest rest = weir_link_walk(cursor);
    if (rest == WEIR_REST_NONE)
        rest = weir_parse_ip(parser, frame, cursor, ret_packet, &inner_layers);
    if (rest == WEIR_REST_NONE)
        *layers = inner_layers;
    return rest;
}

static void count_tunnel_rest(struct weir_parse_counters *counters, enum weir_rest rest)
{
    if (rest == WEIR_REST_NONE)
        return;
    if (rest == WEIR_REST_TRUNCATED)
        counters->packets_tunnel_cut++;
    else if (rest >= WEIR_REST_FIRST_MALFORMED)
        counters->packets_tunnel_malformed++;
    else
        counters->packets_tunnel_other++;
}

/* The layer behind the packet's IP header, or WEIR_LAYER_COUNT where it is no tunnel. */
static enum weir_layer layer_of(const struct weir_frame *frame, const struct weir_packet *packet,
                                const struct weir_layers *layers)
{
    enum { UDP_OCTETS = 8 };
    enum weir_layer layer = weir_tunnel_layer(packet);
    uint32_t payload = layers->transport + UDP_OCTETS;
    if (layer == WEIR_LAYER_COUNT && packet->key.protocol == PROTOCOL_UDP &&
        !(packet->flags & (WEIR_PACKET_V6 | WEIR_PACKET_FRAGMENT)) && payload <= layers->end &&
        weir_tunnel_is_teredo(frame->octets + payload, layers->end - payload,
                              layers->whole_end - payload))
        layer = WEIR_LAYER_TEREDO;
    return layer;
}

/* Into one more. WEIR_REST_NONE: *packet is a tunnel, and *ret_inner the packet inside. */
static enum weir_rest go_on(struct weir_parser *parser, const struct weir_frame *frame,
                            struct weir_link_cursor *cursor, enum weir_layer layer,
                            struct weir_packet *packet, struct weir_packet *ret_inner,
                            struct weir_layers *layers)
{
    enum weir_rest rest = enter_tunnel(parser, frame, cursor, layer, ret_inner, layers);
    if (rest == WEIR_REST_NONE || !cursor->is_no_tunnel) {
        packet->encapsulation.carried_kind = cursor->encapsulation.kind;
        packet->encapsulation.carried_id = cursor->encapsulation.id;
    }
    if (rest != WEIR_REST_NONE && !cursor->is_no_tunnel)
        count_tunnel_rest(&parser->counters, rest);
    return rest;
}

unsigned weir_parse_tunnels(struct weir_parser *parser, const struct weir_frame *frame,
                            struct weir_link_cursor *cursor, struct weir_packet *packets,
                            struct weir_layers *layers)
{
    struct weir_parse_counters *counters = &parser->counters;
    const uint32_t outermost = layers->network;
    struct weir_layers here = layers[0];
    struct weir_packet *packet = packets, inner;
    for (unsigned depth = 0; !(packet->flags & WEIR_PACKET_MALFORMED_L4); depth++) {
        bool is_ah = packet->key.protocol == PROTOCOL_AH && !(packet->flags & WEIR_PACKET_V6);
        enum weir_layer layer = layer_of(frame, packet, &here);
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
        if (is_ah) {
            enum weir_rest rest = skip_authentication(frame, cursor, packet, &here);
            count_tunnel_rest(counters, rest);
            if (rest != WEIR_REST_NONE)
                break;
        } else if (go_on(parser, frame, cursor, layer, packet, &inner, &here) != WEIR_REST_NONE) {
            break;
        } else {
            packet += parser->all_layers;
            *packet = inner;
            counters->packets_in_tunnels += parser->all_layers || inner.encapsulation.depth == 1;
        }
        layers[packet - packets] = here;
    }
    if (!parser->all_layers)
        counters->octets_of_tunnels += here.network - outermost;
    return (unsigned)(packet - packets) + 1;
}
