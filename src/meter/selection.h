/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samplers and filters of packets (RFC 5475): whether a packet that is seen is selected. Pure: what
 * a BPF expression selects is asked of packet/filter.h instead.
 *
 *     struct weir_selector selector;
 *     weir_selector_parse_sample("random:5/1000", &selector, &diag);
 *     weir_stage_init(&sampler, &selector, &(struct weir_stage_config){.seed = 7});
 *     count = weir_stage_run(&sampler, &items, kept, count);
 *
 * What each selects:
 *   - count:n/N    the first n of every N packets that it sees;
 *   - time:ON/OFF  packets whose time since 1970 lies in the first ON of every ON + OFF;
 *   - random:n/N   of every N packets n, all sets of n alike;
 *   - prob:P       each packet by itself;
 *   - hash:n/N     packets whose BOB hash (RFC 5475 appendix A.2) is in the lowest n/N of its
 *                  range. Hashed are, as section 6.2.4.1 has it, of IPv4 identification, flags and
 *                  fragment offset, and both addresses; of IPv6 the payload length and octets 10,
 *                  11, 14, 15 and 16 of both addresses; and `octets` octets of what the IP packet
 *                  carries from `offset` on, fewer where the capture has fewer;
 *   - flow:n/N     packets whose keyed hash of what all flow definitions have as keys of addresses,
 *                  ports and protocol is in the lowest n/N: whole flows, and where definitions
 *                  treat both sides alike, both directions.
 *
 * Seeds: the same seed makes the same selection. hash and flow take it as it is
 * (the first of several of a kind in a sequence; the next ones count on from it), so that several
 * Observation Points with one seed choose the same packets; the initialiser of hash is its low 32
 * bits. prob and random draw from a stream of their own for each `stream` and selector. Where in
 * its period a systematic sampler begins is drawn too, and with seed 0 it is the period's start.
 *
 * Open values without ownership but for the match that is borrowed. Threads: one owner. Limits: n
 * and N are at most 2^32 - 1, ON + OFF WEIR_STAGE_PERIOD_MAX.
 */
#ifndef WEIR_METER_SELECTION_H
#define WEIR_METER_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "meter/definition.h"
#include "meter/match.h"
#include "record/packet.h"
#include "record/selection.h"

#define WEIR_STAGE_PERIOD_MAX      (INT64_C(604800) * WEIR_NS_PER_SECOND) /* 7 days */
#define WEIR_STAGE_HASH_OCTETS     16u /* of the payload, where nothing else is said */
#define WEIR_STAGE_HASH_OCTETS_MAX 64u
#define WEIR_STAGE_HASH_OFFSET_MAX 1024u

/* --sample SPEC; borrows the text. 0, or WEIR_E_USAGE with diag. */
WEIR_CHECKED int weir_selector_parse_sample(const char *text, struct weir_selector *ret_selector,
                                            struct weir_diag *diag);

/* The IP packet of a frame as far as it was captured. */
struct weir_packet_content {
    const uint8_t *network; /* its IP header */
    const uint8_t *payload; /* what it carries, past extension headers; of a fragment its part */
    const uint8_t *end;
};

/* Of WEIR_SELECTOR_FLOW: what is hashed. */
struct weir_flow_part {
    struct weir_flow_key mask[WEIR_FAMILY_COUNT]; /* of addresses, ports and protocol */
    bool is_symmetric; /* the same of source and destination: directions are alike */
};

/*
 * What `count` definitions have in common. 0, or WEIR_E_USAGE with diag: nothing.
 */
WEIR_CHECKED int weir_flow_part_of(const struct weir_flow_definition *definitions, size_t count,
                                   struct weir_flow_part *ret_part, struct weir_diag *diag);

struct weir_stage_config {
    uint64_t seed;
    uint64_t stream;  /* tells random samplers apart that have one seed */
    unsigned ordinal; /* of hash and flow: how many of the kind stand before it */
    const struct weir_flow_part *flow_part; /* of WEIR_SELECTOR_FLOW; copied */
    const struct weir_match *match;         /* of WEIR_SELECTOR_MATCH; borrowed */
};

struct weir_stage {
    struct weir_selector selector; /* with what it has seen and selected */
    struct weir_random random;
    uint64_t threshold; /* selected is what is below */
    uint64_t position;  /* packets of the period so far */
    uint64_t taken;     /* of them, by random */
    int64_t period_ns;
    int64_t phase_ns;
    int64_t window_ns;         /* when the period began in which the last packet was */
    int64_t first_ns, last_ns; /* of the packets that it has seen */
    struct weir_hash_key hash_key;
    struct weir_flow_part flow_part;
    const struct weir_match *match;
};

/*
 * What `kept` names by index: frames as long as no stage has asked for packets, then packets. Only
 * what the stage asks for has to be there.
 */
struct weir_selection_items {
    const int64_t *time_ns;
    const struct weir_packet *packets;
    const struct weir_packet_detail *details; /* by packets' `detail`; NULL: nobody needs any */
    const struct weir_packet_content *contents;
};

/* Whether it asks for packets, and for their contents. */
bool weir_selector_needs_packet(enum weir_selector_kind kind);
static inline bool weir_selector_needs_content(enum weir_selector_kind kind)
{
    return kind == WEIR_SELECTOR_HASH;
}

/* Of any kind but WEIR_SELECTOR_FILTER, of which it only counts. */
void weir_stage_init(struct weir_stage *stage, const struct weir_selector *selector,
                     const struct weir_stage_config *config);

/*
 * Shows it the packets that kept[0 .. count - 1] name, in their order, and leaves in front those
 * that it selects: their number.
 */
size_t weir_stage_run(struct weir_stage *stage, const struct weir_selection_items *items,
                      uint16_t *kept, size_t count);

/* Counts a round that somebody else decided on: that of a BPF expression. */
static inline void weir_stage_count(struct weir_stage *stage, size_t seen, size_t selected)
{
    stage->selector.seen += seen;
    stage->selector.selected += selected;
}

/* The hash by which WEIR_SELECTOR_FLOW decides: its upper half. */
uint64_t weir_stage_flow_hash(const struct weir_stage *stage, const struct weir_packet *packet);

/* Of WEIR_SELECTOR_TIME: when the period of a time began, and how many periods were seen, at
 * least one. */
int64_t weir_stage_window(const struct weir_stage *stage, int64_t time_ns);
double weir_stage_periods(const struct weir_stage *stage);

/* RFC 5475 appendix A.2. */
uint32_t weir_bob_hash(const uint8_t *octets, size_t length, uint32_t initialiser);

#endif
