/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: print_packets CAPTURE DEPTH [all|details]
 *
 * One line a frame, with tabs: what the parser makes of it when it goes into so many tunnels, or
 * "rest" and why it makes nothing. With `all` a line for each packet of all layers, and none for a
 * frame that makes nothing. With `details` what else is known of it stands behind. For
 * packet_values.py, slow_meter.py and slow_fields.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/parse.h"

static void print_packet(const struct weir_packet *p, const char *end)
{
    char src[WEIR_ADDRESS_TEXT_MAX], dst[WEIR_ADDRESS_TEXT_MAX];
    (void)weir_address_format(p->key.src_addr, src);
    (void)weir_address_format(p->key.dst_addr, dst);
    printf("%u\t%s\t%s\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%lld\t%u\t%u\t%u%s",
           p->flags & WEIR_PACKET_V6 ? 6 : 4, src, dst, p->key.protocol, p->octets, p->key.tos,
           p->ttl, p->key.src_port, p->key.dst_port, p->tcp_flags, p->vlan,
           p->flags & ~(unsigned)WEIR_PACKET_V6, (long long)p->time_ns, p->encapsulation.depth,
           p->encapsulation.kind, p->encapsulation.id, end);
}

static const char *rest_text(enum weir_rest rest)
{
    static const char *const texts[] = {
#define REST_TEXT(cause, suffix, help) [WEIR_REST_##cause] = #suffix,
        WEIR_REST_LIST(REST_TEXT)
#undef REST_TEXT
    };
    return texts[rest];
}

static void print_all(struct weir_parser *parser, const struct weir_frame *frame)
{
    struct weir_packet packets[WEIR_TUNNEL_DEPTH_MAX + 1];
    size_t count = weir_parse_batch(parser, frame, 1, packets, NULL);
    for (size_t i = 0; i < count; i++)
        print_packet(&packets[i], "\n");
}

static void print_details(struct weir_parser *parser, const struct weir_frame *frame)
{
    struct weir_packet packet;
    struct weir_packet_detail d;
    if (weir_parse_details(parser, frame, 1, &packet, &d, NULL) == 0)
        return;
    print_packet(&packet, "");
    printf("\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u", d.has, d.payload_octets, d.tcp_sequence,
           d.tcp_acknowledgment, d.tcp_window, d.tcp_mss, d.tcp_window_scale, d.fragment_id,
           d.fragment_offset, d.fragment_flags);
    printf("\t%llu\t%llu\t%u\t%u\t%u\n", (unsigned long long)d.src_mac,
           (unsigned long long)d.dst_mac, d.inner_vlan, d.label_count,
           (unsigned)d.labels[0][0] << 16 | (unsigned)d.labels[0][1] << 8 | d.labels[0][2]);
}

static void print_frame(struct weir_parser *parser, const struct weir_frame *frame)
{
    struct weir_packet packet;
    struct weir_layers layers;
    enum weir_rest rest = weir_parse_frame(parser, frame, &packet, &layers);
    if (rest == WEIR_REST_NONE)
        print_packet(&packet, "\n");
    else
        printf("rest\t%s\n", rest_text(rest));
}

int main(int argc, char **argv)
{
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_diag diag = {0};
    struct weir_parser_options options = {
        .tunnel_depth = argc >= 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0,
        .all_layers = argc == 4 && strcmp(argv[3], "all") == 0,
    };
    if (argc < 3 || argc > 4 || weir_parser_new(&options, &parser) < 0 ||
        weir_source_open(argv[1], NULL, &source, &diag) < 0) {
        fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    struct weir_frame frames[64];
    size_t count;
    void (*print)(struct weir_parser * parser, const struct weir_frame *frame) =
        argc == 3            ? print_frame
        : options.all_layers ? print_all
                             : print_details;
    while (weir_source_next(source, frames, 64, &count, &diag) == 0) {
        for (size_t i = 0; i < count; i++)
            print(parser, &frames[i]);
    }
    weir_source_close(source);
    weir_parser_free(parser);
    return 0;
}
