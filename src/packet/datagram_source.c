/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/datagram_source.h"

#include <stdlib.h>

#include "packet/reassemble.h"

#define BATCH_FRAMES      64
#define PROTOCOL_UDP      17
#define UDP_HEADER_OCTETS 8

const struct weir_counter weir_datagram_counter_table[] = {
    WEIR_COUNTER(struct weir_datagram_counters, datagrams_read, DATAGRAMS,
                 "UDP datagrams found in captures"),
    WEIR_COUNTER(struct weir_datagram_counters, datagrams_cut, DATAGRAMS,
                 "of these, such as the capture does not hold whole"),
    WEIR_COUNTER(struct weir_datagram_counters, datagrams_reassembled, DATAGRAMS,
                 "of these, such as were put together from IP fragments"),
    WEIR_COUNTER(struct weir_datagram_counters, datagrams_incomplete, DATAGRAMS,
                 "datagrams of which a fragment is missing, was too late or found no room"),
    WEIR_COUNTER(struct weir_datagram_counters, datagrams_overlapping, DATAGRAMS,
                 "datagrams dropped because their fragments contradict each other"),
    WEIR_COUNTER(struct weir_datagram_counters, fragments_cut, PACKETS,
                 "fragments of UDP datagrams that the capture does not hold whole"),
    WEIR_COUNTER(struct weir_datagram_counters, packets_not_udp, PACKETS,
                 "packets that carry no whole UDP header"),
};
const size_t weir_datagram_counter_count =
    sizeof(weir_datagram_counter_table) / sizeof(weir_datagram_counter_table[0]);

struct weir_datagram_source {
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_reassembly *reassembly;
    struct weir_frame frames[BATCH_FRAMES];
    size_t frame_next, frame_count;
    struct weir_datagram_counters counters;
};

/* All but the source of frames. NULL: no memory. */
static struct weir_datagram_source *datagram_new(const struct weir_hash_key *hash_key)
{
    const struct weir_parser_options options = {.hash_key = hash_key};
    struct weir_datagram_source *source = calloc(1, sizeof(*source));
    if (source && weir_parser_new(&options, &source->parser) == 0 &&
        weir_reassembly_new(&source->reassembly) == 0)
        return source;
    weir_datagram_close(source);
    return NULL;
}

int weir_datagram_open_stream(struct weir_stream *stream, const struct weir_hash_key *hash_key,
                              struct weir_datagram_source **ret_source, struct weir_diag *diag)
{
    struct weir_datagram_source *source = datagram_new(hash_key);
    if (!source)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to read datagrams",
                             weir_stream_name(stream));
    int result = weir_source_open_stream(stream, NULL, &source->source, diag);
    if (result < 0) {
        weir_datagram_close(source);
        return result;
    }
    *ret_source = source;
    return 0;
}

int weir_datagram_open(const char *path, const struct weir_hash_key *hash_key,
                       struct weir_datagram_source **ret_source, struct weir_diag *diag)
{
    struct weir_stream *stream;
    int result = weir_stream_open(path, &stream, diag);
    if (result < 0)
        return result;
    result = weir_datagram_open_stream(stream, hash_key, ret_source, diag);
    if (result < 0)
        weir_stream_close(stream);
    return result;
}

void weir_datagram_close(struct weir_datagram_source *source)
{
    if (!source)
        return;
    weir_source_close(source->source);
    weir_parser_free(source->parser);
    weir_reassembly_free(source->reassembly);
    free(source);
}

/* Fills ports and payload from a UDP header and what follows it: `captured` of `whole` octets. */
static bool take_udp(const uint8_t *udp, uint32_t captured, uint32_t whole,
                     struct weir_captured_datagram *datagram)
{
    if (captured < UDP_HEADER_OCTETS)
        return false;
    uint32_t length = weir_load_be16(udp + 4);
    if (length >= UDP_HEADER_OCTETS && length < whole)
        whole = length;
    datagram->src_port = weir_load_be16(udp);
    datagram->dst_port = weir_load_be16(udp + 2);
    datagram->payload = udp + UDP_HEADER_OCTETS;
    datagram->length = whole - UDP_HEADER_OCTETS;
    datagram->captured = captured - UDP_HEADER_OCTETS;
    if (datagram->captured > datagram->length)
        datagram->captured = datagram->length;
    return true;
}

static bool take_fragment(struct weir_datagram_source *source, const struct weir_frame *frame,
                          const struct weir_packet *packet, const struct weir_layers *layers,
                          struct weir_captured_datagram *datagram)
{
    if (layers->end < layers->whole_end) {
        source->counters.fragments_cut++;
        return false;
    }
    const struct weir_piece piece = {
        .key = {.src_addr = packet->key.src_addr,
                .dst_addr = packet->key.dst_addr,
                .id = layers->fragment_id,
                .vlan = packet->vlan},
        .octets = frame->octets + layers->fragment,
        .length = layers->end - layers->fragment,
        .offset = layers->fragment_offset,
        .skipped = layers->transport - layers->fragment,
        .time_ns = frame->time_ns,
        .more = layers->more_fragments,
    };
    const uint8_t *udp;
    uint32_t length;
    if (!weir_reassembly_add(source->reassembly, &piece, &source->counters, &udp, &length))
        return false;
    return take_udp(udp, length, length, datagram);
}

/* True where the frame is or completes a datagram. */
static bool take_frame(struct weir_datagram_source *source, const struct weir_frame *frame,
                       struct weir_captured_datagram *datagram)
{
    struct weir_packet packet;
    struct weir_layers layers;
    if (weir_parse_frame(source->parser, frame, &packet, &layers) != WEIR_REST_NONE) {
        source->counters.packets_not_udp++;
        return false;
    }
    *datagram = (struct weir_captured_datagram){
        .src_addr = packet.key.src_addr,
        .dst_addr = packet.key.dst_addr,
        .interface = frame->interface,
        .time_ns = frame->time_ns,
    };
    bool is_udp = packet.key.protocol == PROTOCOL_UDP && !(packet.flags & WEIR_PACKET_MALFORMED_L4);
    if (is_udp && (packet.flags & WEIR_PACKET_FRAGMENT))
        return take_fragment(source, frame, &packet, &layers, datagram);
    if (!is_udp || layers.transport > layers.end ||
        !take_udp(frame->octets + layers.transport, layers.end - layers.transport,
                  layers.whole_end - layers.transport, datagram)) {
        source->counters.packets_not_udp++;
        return false;
    }
    return true;
}

int weir_datagram_next(struct weir_datagram_source *source,
                       struct weir_captured_datagram *ret_datagram, struct weir_diag *diag)
{
    struct weir_captured_datagram datagram;
    do {
        if (source->frame_next == source->frame_count) {
            size_t count;
            int result =
                weir_source_next(source->source, source->frames, BATCH_FRAMES, &count, diag);
            if (result < 0) {
                weir_reassembly_end(source->reassembly, &source->counters);
                return result;
            }
            source->frame_next = 0;
            source->frame_count = count;
        }
    } while (!take_frame(source, &source->frames[source->frame_next++], &datagram));
    source->counters.datagrams_read++;
    source->counters.datagrams_cut += datagram.captured < datagram.length;
    *ret_datagram = datagram;
    return 0;
}

uint64_t weir_datagram_packet(const struct weir_datagram_source *source)
{
    return weir_source_counters(source->source)->packets_read -
           (source->frame_count - source->frame_next);
}

const struct weir_datagram_counters *weir_datagram_counters(
    const struct weir_datagram_source *source)
{
    return &source->counters;
}
