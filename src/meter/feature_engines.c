/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/feature_engines.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "meter/feature_state.h"

enum { TCP_SYN = 0x02 };

int weir_feature_engines_new(const struct weir_feature_set *set, uint32_t entries, uint32_t regions,
                             struct weir_feature_engines **ret_engines, struct weir_diag *diag)
{
    struct weir_feature_engines *engines = calloc(1, sizeof(*engines));
    if (!engines)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to find names in payloads");
    weir_name_finder_init(&engines->names, entries, regions);
    int result = 0;
    for (unsigned i = 0; i < set->count && result == 0; i++)
        if (set->list[i].id == WEIR_FEATURE_APPLICATION)
            result = weir_applications_new(entries, regions, &engines->applications, diag);
    if (result < 0)
        weir_feature_engines_free(engines);
    else
        *ret_engines = engines;
    return result;
}

void weir_feature_engines_free(struct weir_feature_engines *engines)
{
    if (!engines)
        return;
    weir_name_finder_done(&engines->names);
    weir_applications_free(engines->applications);
    free(engines);
}

uint64_t weir_feature_engines_octets(const struct weir_feature_engines *engines)
{
    if (!engines)
        return 0;
    uint64_t octets = weir_name_finder_octets(&engines->names);
    return engines->applications ? octets + weir_applications_octets(engines->applications)
                                 : octets;
}

void weir_feature_engines_count(const struct weir_feature_engines *engines,
                                struct weir_cache_counters *counters)
{
    if (!engines)
        return;
    counters->flows_named = engines->names.counters.found;
    counters->names_without_room = engines->names.counters.without_room;
    if (!engines->applications)
        return;
    const struct weir_application_counters *from =
        weir_applications_counters(engines->applications);
    counters->applications_found = from->found;
    counters->applications_unknown = from->unknown;
    counters->applications_without_room = from->without_room;
}

/*
 * The packet for who looks into payloads; false: of this one nobody can tell anything. What is
 * looked at ends where it does for a worker, who gets no more of a packet.
 */
static bool payload_of(const struct weir_feature_packet *in, struct weir_payload *payload)
{
    const struct weir_packet *packet = in->packet;
    const struct weir_packet_detail *detail = in->detail;
    bool begins = detail->has & WEIR_DETAIL_TCP && packet->tcp_flags & TCP_SYN;
    if ((!detail->network && !begins) || packet->flags & WEIR_PACKET_LATER_FRAGMENT)
        return false;
    uint32_t headers = detail->network_captured - detail->payload_captured;
    uint32_t octets = detail->network_captured < WEIR_PAYLOAD_OCTETS_MAX ? detail->network_captured
                                                                         : WEIR_PAYLOAD_OCTETS_MAX;
    *payload = (struct weir_payload){
        .octets = detail->payload,
        .network = detail->network,
        .captured = octets > headers ? octets - headers : 0,
        .network_octets = octets,
        .tcp_sequence = detail->tcp_sequence + (packet->tcp_flags & TCP_SYN ? 1 : 0),
        .time_ns = packet->time_ns,
        .src_port = packet->key.src_port,
        .dst_port = packet->key.dst_port,
        .protocol = packet->key.protocol,
        .is_reverse = in->is_reverse,
        .is_syn = begins,
        .region = in->region,
    };
    return true;
}

void weir_names_update(void *state, const struct weir_feature_packet *in)
{
    struct weir_feature_names *names = state;
    struct weir_payload payload;
    if (!names->search.is_done && payload_of(in, &payload))
        weir_names_look(&in->engines->names, &names->search, &payload);
}

void weir_names_finish_state(void *state, struct weir_feature_engines *engines, unsigned region)
{
    struct weir_feature_names *names = state;
    weir_names_finish(&engines->names, &names->search, region);
}

void weir_names_release_state(void *state, struct weir_feature_engines *engines, unsigned region)
{
    struct weir_feature_names *names = state;
    weir_names_release(&engines->names, &names->search, region);
}

/* nDPI puts no fragments together. */
void weir_application_update(void *state, const struct weir_feature_packet *in)
{
    struct weir_feature_application *application = state;
    struct weir_payload payload;
    if (!application->search.is_done && !(in->packet->flags & WEIR_PACKET_FRAGMENT) &&
        payload_of(in, &payload))
        weir_applications_look(in->engines->applications, &application->search, &payload);
}

void weir_application_finish_state(void *state, struct weir_feature_engines *engines,
                                   unsigned region)
{
    struct weir_feature_application *application = state;
    weir_applications_finish(engines->applications, &application->search, region);
}

void weir_application_release_state(void *state, struct weir_feature_engines *engines,
                                    unsigned region)
{
    struct weir_feature_application *application = state;
    weir_applications_release(engines->applications, &application->search, region);
}

static const struct weir_names *names_of(const struct weir_flow_view *flow)
{
    const struct weir_feature_names *names =
        weir_feature_state(flow->features, flow->states, WEIR_FEATURE_NAMES, false);
    return names->search.found;
}

/* A name of the kind that the property says; of QUIC's alone it may be, too. */
bool weir_write_name(const struct weir_flow_view *flow, const struct weir_flow_property *property,
                     uint8_t *octets)
{
    const struct weir_names *names = names_of(flow);
    uint8_t length = 0;
    const char *text = weir_names_text(names, (enum weir_name_kind)property->name_kind, &length);
    if (!text || (property->is_quic && names->quic_version == 0))
        return false;
    if (property->element.length == WEIR_LENGTH_VARIABLE)
        octets = weir_extra_begin_variable(octets, length);
    memcpy(octets, text, length);
    return true;
}

bool weir_write_dns_type(const struct weir_flow_view *flow,
                         const struct weir_flow_property *property, uint8_t *octets)
{
    const struct weir_names *names = names_of(flow);
    (void)property;
    if (!names || !names->is_dns)
        return false;
    weir_store_be16(octets, names->dns_type);
    return true;
}

bool weir_write_tls_version(const struct weir_flow_view *flow,
                            const struct weir_flow_property *property, uint8_t *octets)
{
    const struct weir_names *names = names_of(flow);
    (void)property;
    if (!names || names->tls_version == 0)
        return false;
    weir_store_be16(octets, names->tls_version);
    return true;
}

bool weir_write_quic_version(const struct weir_flow_view *flow,
                             const struct weir_flow_property *property, uint8_t *octets)
{
    const struct weir_names *names = names_of(flow);
    (void)property;
    if (!names || names->quic_version == 0)
        return false;
    weir_store_be32(octets, names->quic_version);
    return true;
}

bool weir_write_application(const struct weir_flow_view *flow,
                            const struct weir_flow_property *property, uint8_t *octets)
{
    const struct weir_feature_application *application =
        weir_feature_state(flow->features, flow->states, WEIR_FEATURE_APPLICATION, false);
    char name[WEIR_APPLICATION_NAME_OCTETS_MAX];
    size_t length =
        weir_applications_name(flow->features->engines->applications, &application->search, name);
    (void)property;
    if (length == 0)
        return false;
    memcpy(weir_extra_begin_variable(octets, length), name, length);
    return true;
}
