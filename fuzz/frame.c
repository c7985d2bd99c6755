/* SPDX-License-Identifier: Apache-2.0 */
/* One frame: two octets of link type, two by which the wire had more, then the frame. Parsing is
 * held to the rules of packet/parse.h and packet/link.h, outside of tunnels and inside. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "packet/parse.h"

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_counters(const struct weir_parse_counters *c)
{
    uint64_t packets = c->packets_parsed;
    uint64_t octets = c->octets_parsed + c->octets_link_layer - c->octets_beyond_frame;
    for (int i = 0; i < WEIR_REST_COUNT; i++) {
        packets += c->rest[i].packets;
        octets += c->rest[i].octets;
    }
    require(packets == c->packets_observed);
    require(octets == c->octets_observed);
}

static void check_packet(const struct weir_packet *packet, const struct weir_layers *layers,
                         const struct weir_frame *frame)
{
    require(packet->octets >= 20);
    require(packet->tcp_flags == 0 || packet->key.protocol == 6);
    require(layers->network <= layers->end && layers->end <= frame->captured);
    require(layers->end <= layers->whole_end);
    require(layers->whole_end - layers->network == packet->octets);
    require(layers->fragment <= layers->transport);
    if (packet->flags & WEIR_PACKET_MALFORMED_L4)
        require((packet->key.src_port | packet->key.dst_port | packet->tcp_flags) == 0);
    if (packet->flags & WEIR_PACKET_LATER_FRAGMENT)
        require((packet->flags & WEIR_PACKET_FRAGMENT) && packet->tcp_flags == 0);
}

static void require_same(const struct weir_packet *a, const struct weir_packet *b)
{
    require(memcmp(&a->key, &b->key, sizeof(a->key)) == 0);
    require(a->octets == b->octets && a->flags == b->flags);
    require(a->tcp_flags == b->tcp_flags && a->ttl == b->ttl);
    require(a->vlan == b->vlan && a->flow_label == b->flow_label);
    require(a->encapsulation.id == b->encapsulation.id);
    require(a->encapsulation.kind == b->encapsulation.kind);
    require(a->encapsulation.depth == b->encapsulation.depth);
}

static void check_frame(const struct weir_frame *frame, unsigned tunnel_depth)
{
    const struct weir_parser_options options = {
        .fragment_entries = 4,
        .tunnel_depth = tunnel_depth,
    };
    struct weir_parser *parser = NULL;
    struct weir_packet packet, batched;
    struct weir_layers layers;
    require(weir_parser_new(&options, &parser) == 0);
    enum weir_rest rest = weir_parse_frame(parser, frame, &packet, &layers);
    if (rest == WEIR_REST_NONE) {
        check_packet(&packet, &layers, frame);
        require(packet.encapsulation.depth <= tunnel_depth);
    }
    /* The fast path says the same; of a fragment it knows more the second time. */
    size_t count = weir_parse_batch(parser, frame, 1, &batched, NULL);
    require(count == (rest == WEIR_REST_NONE));
    if (count == 1 && !(packet.flags & WEIR_PACKET_FRAGMENT))
        require_same(&packet, &batched);
    check_counters(weir_parser_counters(parser));
    weir_parser_free(parser);
}

/*
 * With all layers the packets lie in one another, and each is known by what it is in; the innermost
 * is the one that is had without the others.
 */
static void check_layers(const struct weir_frame *frame, unsigned tunnel_depth)
{
    struct weir_parser_options options = {
        .fragment_entries = 4, .tunnel_depth = tunnel_depth, .all_layers = true};
    struct weir_packet packets[WEIR_TUNNEL_DEPTH_MAX + 1], innermost;
    struct weir_parser *parser = NULL;
    require(weir_parser_new(&options, &parser) == 0);
    size_t count = weir_parse_batch(parser, frame, 1, packets, NULL);
    const struct weir_parse_counters *counters = weir_parser_counters(parser);
    require(count <= weir_parser_packets_per_frame(parser));
    require(count == counters->packets_parsed + counters->packets_inner);
    for (size_t i = 0; i < count; i++) {
        const struct weir_encapsulation *in = &packets[i].encapsulation;
        require(in->depth == i);
        require(i == 0 || in->kind == packets[i - 1].encapsulation.carried_kind);
        require(i == 0 || in->id == packets[i - 1].encapsulation.carried_id);
    }
    check_counters(counters);
    weir_parser_free(parser);
    options.all_layers = false;
    require(weir_parser_new(&options, &parser) == 0);
    require(weir_parse_batch(parser, frame, 1, &innermost, NULL) == (count > 0));
    if (count > 0)
        require_same(&packets[count - 1], &innermost);
    weir_parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    uint8_t *copy = malloc(size > 4 ? size - 4 : 1);
    require(copy != NULL);
    memcpy(copy, data + 4, size - 4);
    const struct weir_frame frame = {
        .octets = copy,
        .captured = (uint32_t)(size - 4),
        .wire_octets = (uint32_t)(size - 4) + weir_load_be16(data + 2),
        .link_type = weir_load_be16(data),
    };
    check_frame(&frame, 0);
    check_frame(&frame, 3);
    check_layers(&frame, 3);
    free(copy);
    return 0;
}
