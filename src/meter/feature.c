/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/feature.h"

#include <string.h>

#include "meter/feature_engines.h"
#include "meter/feature_state.h"
#include "meter/property.h"

#define UPDATE(name) static void name(void *state, const struct weir_feature_packet *in)

UPDATE(update_lengths)
{
    struct weir_feature_lengths *lengths = state;
    uint32_t octets = in->packet->octets;
    if (!lengths->known || octets < lengths->min)
        lengths->min = octets;
    if (octets > lengths->max)
        lengths->max = octets;
    lengths->known = WEIR_KNOWN_ANY;
    lengths->packets++;
    lengths->sum += octets;
    if (__builtin_add_overflow(lengths->squares, (uint64_t)octets * octets, &lengths->squares))
        lengths->squares = UINT64_MAX;
}

const uint32_t weir_length_bounds[WEIR_LENGTH_BUCKETS - 1] = {64, 128, 256, 512, 1024, 1500, 9000};

UPDATE(update_buckets)
{
    struct weir_feature_buckets *buckets = state;
    unsigned bucket = 0;
    while (bucket < WEIR_LENGTH_BUCKETS - 1 && in->packet->octets > weir_length_bounds[bucket])
        bucket++;
    buckets->known = WEIR_KNOWN_ANY;
    buckets->packets[bucket]++;
}

UPDATE(update_gaps)
{
    struct weir_feature_gaps *gaps = state;
    int64_t time_ns = in->packet->time_ns;
    if (gaps->known) {
        uint64_t gap = time_ns > gaps->last_ns ? (uint64_t)time_ns - (uint64_t)gaps->last_ns : 0;
        if (gaps->count == 0 || gap < gaps->min_ns)
            gaps->min_ns = gap;
        if (gap > gaps->max_ns)
            gaps->max_ns = gap;
        gaps->count++;
        gaps->sum_ns += gap;
        gaps->squares += (unsigned __int128)gap * gap;
        gaps->known |= WEIR_KNOWN_GAP;
    }
    gaps->known |= WEIR_KNOWN_ANY;
    gaps->last_ns = time_ns;
}

UPDATE(update_payload)
{
    struct weir_feature_payload *payload = state;
    payload->known = WEIR_KNOWN_ANY;
    payload->octets += in->detail->payload_octets;
    payload->packets += in->detail->payload_octets > 0;
    payload->fragments += (in->packet->flags & WEIR_PACKET_FRAGMENT) != 0;
}

UPDATE(update_totals)
{
    struct weir_feature_totals *totals = state;
    totals->known = WEIR_KNOWN_ANY;
    totals->packets++;
    totals->octets += in->packet->octets;
}

/* IPv6 has these fields in a header of their own, which only fragments have, or one that is whole.
 */
static bool has_fragment_fields(const struct weir_packet *packet,
                                const struct weir_packet_detail *detail)
{
    return !(packet->flags & WEIR_PACKET_V6) || packet->flags & WEIR_PACKET_FRAGMENT ||
           detail->fragment_id != 0;
}

UPDATE(update_first)
{
    enum { TCP = 6 };
    struct weir_feature_first *first = state;
    const struct weir_packet *packet = in->packet;
    const struct weir_packet_detail *detail = in->detail;
    if (first->known)
        return;
    *first = (struct weir_feature_first){
        .known = WEIR_KNOWN_ANY,
        .fragment_id = detail->fragment_id,
        .src_mac = detail->src_mac,
        .dst_mac = detail->dst_mac,
        .tunnel_id = packet->encapsulation.id,
        .carried_id = packet->encapsulation.carried_id,
        .fragment_offset = detail->fragment_offset / 8,
        .inner_vlan = detail->inner_vlan,
        .tcp_flags = packet->tcp_flags,
        .fragment_flags = detail->fragment_flags,
        .tunnel_type = packet->encapsulation.kind,
        .label_count = detail->label_count,
    };
    memcpy(first->labels, detail->labels, sizeof(first->labels));
    first->known |= detail->has & WEIR_DETAIL_ETHERNET ? WEIR_KNOWN_ETHERNET : 0;
    first->known |= detail->inner_vlan ? WEIR_KNOWN_INNER_VLAN : 0;
    first->known |= packet->encapsulation.kind ? WEIR_KNOWN_TUNNEL : 0;
    first->known |= packet->encapsulation.carried_kind ? WEIR_KNOWN_CARRIED : 0;
    first->known |= has_fragment_fields(packet, detail) ? WEIR_KNOWN_FRAGMENT : 0;
    first->known |= packet->key.protocol == TCP ? WEIR_KNOWN_TCP : 0;
    for (unsigned i = 0; i < detail->label_count && i < WEIR_DETAIL_LABELS; i++)
        first->known |= WEIR_KNOWN_LABEL(i);
}

UPDATE(update_splt)
{
    struct weir_feature_splt *splt = state;
    const struct weir_packet *packet = in->packet;
    if (splt->count == in->parameter)
        return;
    if (splt->count == 0)
        splt->first_ns = packet->time_ns;
    uint64_t since = packet->time_ns > splt->first_ns
                         ? ((uint64_t)packet->time_ns - (uint64_t)splt->first_ns) / 1000
                         : 0;
    unsigned i = splt->count++;
    splt->known = WEIR_KNOWN_ANY;
    splt->packets[i].time_us = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX;
    splt->packets[i].octets = packet->octets < UINT16_MAX ? (uint16_t)packet->octets : UINT16_MAX;
    splt->packets[i].tcp_flags = (uint8_t)packet->tcp_flags;
    splt->packets[i].is_reverse = in->is_reverse;
}

/* What a flow is about does not change with a record of it. */
static void keep(void *state)
{
    (void)state;
}

#define STATE(type) .octets = sizeof(struct weir_feature_##type)

const struct weir_feature weir_features[WEIR_FEATURE_COUNT] = {
    [WEIR_FEATURE_TOTALS] = {STATE(totals), .is_directional = true, .update = update_totals,
                             .restart = keep},
    [WEIR_FEATURE_LENGTHS] = {STATE(lengths), .is_directional = true, .update = update_lengths},
    [WEIR_FEATURE_BUCKETS] = {STATE(buckets), .is_directional = true, .update = update_buckets},
    [WEIR_FEATURE_GAPS] = {STATE(gaps), .is_directional = true, .update = update_gaps},
    [WEIR_FEATURE_BOTH_GAPS] = {STATE(gaps), .update = update_gaps},
    [WEIR_FEATURE_PAYLOAD] = {STATE(payload), .is_directional = true, .needs_detail = true,
                              .update = update_payload},
    [WEIR_FEATURE_FIRST] = {STATE(first), .is_directional = true, .needs_detail = true,
                            .update = update_first},
    [WEIR_FEATURE_NAMES] = {STATE(names), .needs_detail = true, .needs_engines = true,
                            .network_octets = WEIR_PAYLOAD_OCTETS_MAX, .update = weir_names_update,
                            .restart = keep, .finish = weir_names_finish_state,
                            .release = weir_names_release_state},
    [WEIR_FEATURE_APPLICATION] = {STATE(application), .needs_detail = true, .needs_engines = true,
                                  .network_octets = WEIR_PAYLOAD_OCTETS_MAX,
                                  .update = weir_application_update, .restart = keep,
                                  .finish = weir_application_finish_state,
                                  .release = weir_application_release_state},
    [WEIR_FEATURE_TCP] = {STATE(tcp), .is_directional = true, .needs_detail = true,
                          .update = weir_feature_update_tcp, .restart = weir_feature_restart_tcp},
    [WEIR_FEATURE_HANDSHAKE] = {STATE(handshake), .needs_detail = true,
                                .update = weir_feature_update_handshake,
                                .restart = weir_feature_restart_handshake},
    [WEIR_FEATURE_RESPONSES] = {STATE(responses), .needs_detail = true,
                                .update = weir_feature_update_responses},
    [WEIR_FEATURE_SPLT] = {STATE(splt), .parameter_octets = WEIR_SPLT_PACKET_OCTETS,
                           .update = update_splt},
};

static uint32_t aligned(uint32_t octets)
{
    return (octets + WEIR_FEATURE_ALIGNMENT - 1) / WEIR_FEATURE_ALIGNMENT * WEIR_FEATURE_ALIGNMENT;
}

/* Puts a feature behind those that are there. */
static void add_feature(struct weir_feature_set *set, enum weir_feature_id id, unsigned parameter,
                        bool is_biflow)
{
    const struct weir_feature *feature = &weir_features[id];
    uint32_t octets = aligned(feature->octets + feature->parameter_octets * parameter);
    bool has_two = is_biflow && feature->is_directional;
    unsigned i = set->count++;
    set->list[i].id = (uint8_t)id;
    set->list[i].offset = (uint16_t)set->slot_octets;
    set->list[i].octets = (uint16_t)octets;
    set->list[i].parameter = parameter;
    set->offset[id] = (uint16_t)set->slot_octets;
    set->reverse_offset[id] = (uint16_t)(set->slot_octets + (has_two ? octets : 0));
    set->slot_octets += has_two ? 2 * octets : octets;
    set->needs_detail |= feature->needs_detail;
    set->needs_engines |= feature->needs_engines;
    if (feature->network_octets > set->network_octets)
        set->network_octets = feature->network_octets;
}

void weir_feature_set_finish(const struct weir_feature_set *set, uint8_t *slot, unsigned region)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct weir_feature *feature = &weir_features[set->list[i].id];
        if (feature->finish)
            feature->finish(slot + set->list[i].offset, set->engines, region);
    }
}

void weir_feature_set_release(const struct weir_feature_set *set, uint8_t *slot, unsigned region)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct weir_feature *feature = &weir_features[set->list[i].id];
        if (feature->release)
            feature->release(slot + set->list[i].offset, set->engines, region);
    }
}

void weir_feature_set_init(struct weir_feature_set *set,
                           const struct weir_flow_definition *definition, bool is_biflow)
{
    bool has[WEIR_FEATURE_COUNT] = {false};
    *set = (struct weir_feature_set){0};
    for (unsigned i = definition->key_extra_count; i < definition->extra_count; i++) {
        const struct weir_flow_property *property = &weir_flow_properties[definition->extras[i]];
        has[property->feature] |= is_biflow || !property->is_biflows;
    }
    for (unsigned id = WEIR_FEATURE_NONE + 1; id < WEIR_FEATURE_COUNT; id++)
        if (has[id])
            add_feature(set, (enum weir_feature_id)id, definition->splt_packets, is_biflow);
}

void weir_feature_set_restart(const struct weir_feature_set *set, uint8_t *slot)
{
    for (unsigned i = 0; i < set->count; i++) {
        enum weir_feature_id id = (enum weir_feature_id)set->list[i].id;
        unsigned states = set->reverse_offset[id] != set->offset[id] ? 2 : 1;
        for (unsigned k = 0; k < states; k++) {
            uint8_t *state = slot + set->list[i].offset + k * set->list[i].octets;
            if (weir_features[id].restart)
                weir_features[id].restart(state);
            else
                memset(state, 0, set->list[i].octets);
        }
    }
}
