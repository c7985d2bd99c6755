/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Features: what a flow remembers beyond its counters, where its definition has fields that need
 * it. A feature is a row of a table: how many octets of state a flow has for it, and what a packet
 * changes in these. Properties (meter/property.h) name the feature that they are written from.
 *
 * The features of a definition lie one behind another in one array beside the cache's, so many
 * octets a slot as they come to; a definition without any costs nothing. A state of zeros is that
 * of a flow without packets. Of a biflow a directional feature has one state for each direction.
 *
 *     struct weir_feature_set set;
 *     weir_feature_set_init(&set, &definition, is_biflow);
 *     memset(slot, 0, set.slot_octets);                      // the flow begins
 *     weir_feature_set_update(&set, slot, &packet, &detail, is_reverse, region);
 *     state = weir_feature_state(&set, slot, WEIR_FEATURE_LENGTHS, is_reverse);
 *
 * Some features keep things outside of their states: with engines (meter/feature_engines.h) that
 * the cache has for them, until it says that a flow ended.
 *
 * Values; any thread, a slot one at a time.
 */
#ifndef WEIR_METER_FEATURE_H
#define WEIR_METER_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/definition.h"
#include "record/detail.h"
#include "record/packet.h"

enum weir_feature_id {
    WEIR_FEATURE_NONE,
    WEIR_FEATURE_TOTALS,
    WEIR_FEATURE_LENGTHS,
    WEIR_FEATURE_BUCKETS,
    WEIR_FEATURE_GAPS,
    WEIR_FEATURE_BOTH_GAPS,
    WEIR_FEATURE_PAYLOAD,
    WEIR_FEATURE_FIRST,
    WEIR_FEATURE_TCP,
    WEIR_FEATURE_HANDSHAKE,
    WEIR_FEATURE_RESPONSES,
    WEIR_FEATURE_SPLT,
    WEIR_FEATURE_NAMES,
    WEIR_FEATURE_APPLICATION,
    WEIR_FEATURE_COUNT,
};

struct weir_feature_engines;

/* A packet as features see it. */
struct weir_feature_packet {
    const struct weir_packet *packet;
    const struct weir_packet_detail *detail; /* all zeros where nobody told */
    bool is_reverse;                         /* of a biflow's reverse direction */
    unsigned parameter;                      /* of the feature, as the definition says */
    struct weir_feature_engines *engines;    /* NULL: no feature of the set needs them */
    unsigned region;                         /* of the cache, by which engines count */
};

struct weir_feature {
    uint16_t octets;           /* of the state; of a directional one of one direction */
    uint16_t parameter_octets; /* more of them for each that its parameter says */
    bool is_directional;
    bool needs_detail;
    bool needs_engines;
    uint16_t network_octets; /* of each packet that it looks at, from the IP header on */
    void (*update)(void *state, const struct weir_feature_packet *in);
    /* After a record of a flow that goes on; NULL: nothing is remembered. */
    void (*restart)(void *state);

    /* Before the flow's last record, and after it; NULL: nothing to do. */
    void (*finish)(void *state, struct weir_feature_engines *engines, unsigned region);
    void (*release)(void *state, struct weir_feature_engines *engines, unsigned region);
};

extern const struct weir_feature weir_features[WEIR_FEATURE_COUNT];

#define WEIR_FEATURE_ALIGNMENT 16u

/* The features of a definition. */
struct weir_feature_set {
    unsigned count;
    struct {
        uint8_t id;
        uint16_t offset; /* in a slot */
        uint16_t octets; /* of one direction */
        unsigned parameter;
    } list[WEIR_FEATURE_COUNT];
    uint16_t offset[WEIR_FEATURE_COUNT];
    uint16_t reverse_offset[WEIR_FEATURE_COUNT];
    uint32_t slot_octets; /* a multiple of WEIR_FEATURE_ALIGNMENT; 0: there are none */
    uint32_t network_octets;
    bool needs_detail;
    bool needs_engines;
    struct weir_feature_engines *engines; /* the cache's */
};

void weir_feature_set_init(struct weir_feature_set *set,
                           const struct weir_flow_definition *definition, bool is_biflow);

/* Ends the states of a flow: before its last record, and after it. */
void weir_feature_set_finish(const struct weir_feature_set *set, uint8_t *slot, unsigned region);
void weir_feature_set_release(const struct weir_feature_set *set, uint8_t *slot, unsigned region);

/* Takes a packet into the state of its flow. */
static inline void weir_feature_set_update(const struct weir_feature_set *set, uint8_t *slot,
                                           const struct weir_packet *packet,
                                           const struct weir_packet_detail *detail, bool is_reverse,
                                           unsigned region)
{
    struct weir_feature_packet in = {packet, detail, is_reverse, 0, set->engines, region};
    for (unsigned i = 0; i < set->count; i++) {
        const struct weir_feature *feature = &weir_features[set->list[i].id];
        size_t offset = set->list[i].offset;
        if (is_reverse && feature->is_directional)
            offset += set->list[i].octets;
        in.parameter = set->list[i].parameter;
        feature->update(slot + offset, &in);
    }
}

/* A flow goes on after a record: what it counts begins anew. */
void weir_feature_set_restart(const struct weir_feature_set *set, uint8_t *slot);

/* The state of a feature that the set has. */
static inline const void *weir_feature_state(const struct weir_feature_set *set,
                                             const uint8_t *slot, enum weir_feature_id id,
                                             bool is_reverse)
{
    return slot + (is_reverse ? set->reverse_offset[id] : set->offset[id]);
}

#endif
