/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the parser share: a parser with a frame to compose, and parsing of exact copies
 * with the rules that hold of any frame. */
#ifndef WEIR_TESTS_PACKET_PARSE_FIXTURE_H
#define WEIR_TESTS_PACKET_PARSE_FIXTURE_H

#include <stdlib.h>

#include "build.h"
#include "packet/parse.h"

struct fixture {
    struct weir_parser *parser;
    struct frame_builder f;
};

static inline int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    if (!x || weir_parser_new(NULL, &x->parser) < 0)
        return -1;
    frame_begin(&x->f);
    *state = x;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *x = *state;
    weir_parser_free(x->parser);
    free(x);
    return 0;
}

/* Every frame is counted once, every octet is accounted for (packet/parse.h). */
static inline void assert_accounted(const struct weir_parser *parser)
{
    const struct weir_parse_counters *c = weir_parser_counters(parser);
    uint64_t packets = c->packets_parsed;
    uint64_t octets = c->octets_parsed + c->octets_link_layer - c->octets_beyond_frame;
    uint64_t malformed = 0;
    for (int i = 0; i < WEIR_REST_COUNT; i++) {
        packets += c->rest[i].packets;
        octets += c->rest[i].octets;
        if (i >= WEIR_REST_FIRST_MALFORMED)
            malformed += c->rest[i].packets;
    }
    assert_int_equal(packets, c->packets_observed);
    assert_int_equal(octets, c->octets_observed);
    assert_int_equal(malformed, c->packets_malformed);
}

/* Parses an exact-size copy on the heap, so that ASan sees a load past the capture's end. */
static inline enum weir_rest parse_copy(struct weir_parser *parser, struct weir_frame frame,
                                        struct weir_packet *packet)
{
    uint8_t *copy = malloc(frame.captured ? frame.captured : 1);
    assert_non_null(copy);
    memcpy(copy, frame.octets, frame.captured);
    frame.octets = copy;
    struct weir_layers layers;
    struct weir_packet batch;
    memset(packet, 0, sizeof(*packet));
    enum weir_rest rest = weir_parse_frame(parser, &frame, packet, &layers);
    size_t packets = weir_parse_batch(parser, &frame, 1, &batch, NULL);
    assert_int_equal(packets, rest == WEIR_REST_NONE);
    if (packets && !(packet->flags & WEIR_PACKET_FRAGMENT)) {
        assert_memory_equal(&batch.key, &packet->key, sizeof(batch.key));
        assert_int_equal(batch.octets, packet->octets);
        assert_int_equal(batch.flags, packet->flags);
        assert_int_equal(batch.tcp_flags, packet->tcp_flags);
    }
    free(copy);
    assert_accounted(parser);
    return rest;
}

static inline struct weir_packet parse_ok(struct fixture *x, uint16_t link_type)
{
    struct weir_packet packet;
    assert_int_equal(parse_copy(x->parser, frame_end(&x->f, link_type), &packet), WEIR_REST_NONE);
    return packet;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
