/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: print_packets CAPTURE DEPTH [all]
 *
 * One line a frame, with tabs: what the parser makes of it when it goes into so many tunnels, or
 * "rest" and why it makes nothing. With `all` a line for each packet of all layers, and none for a
 * frame that makes nothing. For packet_values.py and slow_meter.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "packet/parse.h"

static void print_packet(const struct weir_packet *p)
{
    char src[WEIR_ADDRESS_TEXT_MAX], dst[WEIR_ADDRESS_TEXT_MAX];
    (void)weir_address_format(p->key.src_addr, src);
    (void)weir_address_format(p->key.dst_addr, dst);
    printf("%u\t%s\t%s\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%lld\t%u\t%u\t%u\n",
           p->flags & WEIR_PACKET_V6 ? 6 : 4, src, dst, p->key.protocol, p->octets, p->key.tos,
           p->ttl, p->key.src_port, p->key.dst_port, p->tcp_flags, p->vlan,
           p->flags & ~(unsigned)WEIR_PACKET_V6, (long long)p->time_ns, p->encapsulation.depth,
           p->encapsulation.kind, p->encapsulation.id);
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
        print_packet(&packets[i]);
}

static void print_frame(struct weir_parser *parser, const struct weir_frame *frame)
{
    struct weir_packet packet;
    struct weir_layers layers;
    enum weir_rest rest = weir_parse_frame(parser, frame, &packet, &layers);
    if (rest == WEIR_REST_NONE)
        print_packet(&packet);
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
        .all_layers = argc == 4,
    };
    if (argc < 3 || argc > 4 || weir_parser_new(&options, &parser) < 0 ||
        weir_source_open(argv[1], NULL, &source, &diag) < 0) {
        fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    struct weir_frame frames[64];
    size_t count;
    while (weir_source_next(source, frames, 64, &count, &diag) == 0) {
        for (size_t i = 0; i < count; i++)
            (options.all_layers ? print_all : print_frame)(parser, &frames[i]);
    }
    weir_source_close(source);
    weir_parser_free(parser);
    return 0;
}
