/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nDPI 4.2. Its detection module is open to who asks for it by this macro; of it only the caches
 * are touched that it makes for itself, and not where the library's is of another size.
 */
#define NDPI_LIB_COMPILATION
#include <ndpi/ndpi_api.h>

#include "dissect/application.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dissect/pool.h"

/* Flows of a region that are looked at at once: all of small regions, a part of large ones. */
#define FLOWS_ALWAYS 8192u
#define FLOWS_SHARE  4u

/*
 * Octets that flows of a region have given nDPI while it has them, for each of those flows on the
 * average: of some it keeps nearly all, as of TLS's certificates.
 */
#define FLOW_OCTETS 4096u
_Static_assert(WEIR_APPLICATION_PACKETS *WEIR_PAYLOAD_OCTETS_MAX <= UINT16_MAX,
               "a search counts all that a flow gives");

/* Other protocols than TCP and UDP are known by their number, or never. */
#define PACKETS_OF_OTHERS 1u

struct weir_applications {
    struct ndpi_detection_module_struct *module;
    struct weir_pool flows;
    uint64_t octets[WEIR_POOL_REGIONS]; /* given by the flows that are there */
    struct weir_application_counters counters;
};

bool weir_applications_are_known(void)
{
    return true;
}

int weir_applications_new(uint32_t entries, uint32_t regions,
                          struct weir_applications **ret_applications, struct weir_diag *diag)
{
    NDPI_PROTOCOL_BITMASK protocols;
    if (ndpi_get_ndpi_detection_module_size() != sizeof(struct ndpi_detection_module_struct) ||
        ndpi_detection_get_sizeof_ndpi_flow_struct() != sizeof(struct ndpi_flow_struct))
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                             "the library nDPI is another version than weir was built with");
    struct weir_applications *made = calloc(1, sizeof(*made));
    if (made)
        made->module = ndpi_init_detection_module(ndpi_no_prefs);
    if (!made || !made->module) {
        free(made);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for nDPI");
    }
    uint32_t each = entries / (regions > 0 ? regions : 1) + 1;
    uint32_t most = each / FLOWS_SHARE > FLOWS_ALWAYS ? each / FLOWS_SHARE : FLOWS_ALWAYS;
    weir_pool_init(&made->flows, sizeof(struct ndpi_flow_struct), each < most ? each : most);
    NDPI_BITMASK_SET_ALL(protocols);
    /* Tinc's connections are found by those before them, in a cache that cannot be emptied. */
    protocols.fds_bits[NDPI_PROTOCOL_TINC / NDPI_BITS] &= ~(1u << NDPI_PROTOCOL_TINC % NDPI_BITS);
    ndpi_set_protocol_detection_bitmask2(made->module, &protocols);
    ndpi_finalize_initialization(made->module);
    *ret_applications = made;
    return 0;
}

/* What flows still have in nDPI goes with the cache that has them: release comes first. */
void weir_applications_free(struct weir_applications *applications)
{
    if (!applications)
        return;
    weir_pool_done(&applications->flows);
    ndpi_exit_detection_module(applications->module);
    free(applications);
}

const struct weir_application_counters *weir_applications_counters(
    const struct weir_applications *applications)
{
    return &applications->counters;
}

uint64_t weir_applications_octets(const struct weir_applications *applications)
{
    return applications->flows.octets;
}

/* What nDPI learned of this flow about others. */
static void forget_others(struct ndpi_detection_module_struct *module)
{
    struct ndpi_lru_cache **const caches[] = {
        &module->ookla_cache,   &module->bittorrent_cache, &module->zoom_cache,
        &module->stun_cache,    &module->tls_cert_cache,   &module->mining_cache,
        &module->msteams_cache,
    };
    for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++)
        if (*caches[i]) {
            ndpi_lru_free_cache(*caches[i]);
            *caches[i] = NULL;
        }
}

static void give_back(struct weir_applications *applications,
                      struct weir_application_search *search, unsigned region)
{
    if (!search->flow)
        return;
    ndpi_free_flow_data(search->flow);
    applications->octets[region] -= search->octets;
    search->octets = 0;
    weir_pool_give(&applications->flows, region, search->flow);
    search->flow = NULL;
}

/* nDPI has done what it can for this flow. */
static void decide(struct weir_applications *applications, struct weir_application_search *search,
                   unsigned region, ndpi_protocol protocol)
{
    const struct ndpi_flow_struct *flow = search->flow;
    if (flow->confidence != NDPI_CONFIDENCE_MATCH_BY_PORT) {
        search->lower = protocol.master_protocol;
        search->application = protocol.app_protocol;
    }
    if (search->lower || search->application)
        applications->counters.found++;
    else
        applications->counters.unknown++;
    search->is_done = true;
    give_back(applications, search, region);
}

static struct ndpi_flow_struct *begin(struct weir_applications *applications,
                                      struct weir_application_search *search, unsigned region)
{
    search->flow = weir_pool_take(&applications->flows, region);
    if (!search->flow) {
        applications->counters.without_room++;
        search->is_done = true;
        return NULL;
    }
    return memset(search->flow, 0, sizeof(struct ndpi_flow_struct));
}

/* Takes account of so many octets more; false, and the flow is given up, where they are too many.
 */
static bool have_room(struct weir_applications *applications,
                      struct weir_application_search *search, unsigned region, uint32_t octets)
{
    if (applications->octets[region] + octets <=
        (uint64_t)FLOW_OCTETS * applications->flows.limit) {
        applications->octets[region] += octets;
        search->octets = (uint16_t)(search->octets + octets);
        return true;
    }
    applications->counters.without_room++;
    search->is_done = true;
    give_back(applications, search, region);
    return false;
}

/*
 * Whether nDPI will take this packet, and for one of the flow. What it has of a flow of TCP and of
 * UDP lies in the same place, and it frees by the protocol that came last: flows whose key has no
 * protocol, or extension headers that it reads otherwise, must not make one into the other.
 */
static bool is_of_flow(const struct ndpi_flow_struct *flow, const uint8_t *network, uint32_t octets)
{
    const uint8_t *transport;
    uint16_t length;
    uint8_t protocol;
    return ndpi_detection_get_l4(network, (uint16_t)octets, &transport, &length, &protocol, 0) ==
               0 &&
           (flow->l4_proto == 0 || flow->l4_proto == protocol);
}

void weir_applications_look_closely(struct weir_applications *applications,
                                    struct weir_application_search *search,
                                    const struct weir_payload *payload)
{
    bool is_other = payload->protocol != WEIR_PAYLOAD_TCP && payload->protocol != WEIR_PAYLOAD_UDP;
    if (!payload->network || (payload->captured == 0 && !is_other))
        return;
    struct ndpi_flow_struct *flow = search->flow;
    if (!flow && !(flow = begin(applications, search, payload->region)))
        return;
    uint32_t octets = payload->network_octets < WEIR_PAYLOAD_OCTETS_MAX ? payload->network_octets
                                                                        : WEIR_PAYLOAD_OCTETS_MAX;
    ndpi_protocol protocol = {0};
    bool is_taken = is_of_flow(flow, payload->network, octets);
    unsigned most = is_taken && is_other ? PACKETS_OF_OTHERS : WEIR_APPLICATION_PACKETS;
    if (is_taken) {
        if (!have_room(applications, search, payload->region, octets))
            return;
        protocol = ndpi_detection_process_packet(applications->module, flow, payload->network,
                                                 (unsigned short)octets,
                                                 (uint64_t)(payload->time_ns / WEIR_NS_PER_MS));
        forget_others(applications->module);
    }
    search->packets++;
    bool is_known = protocol.master_protocol || protocol.app_protocol;
    if (is_known && !ndpi_extra_dissection_possible(applications->module, flow))
        decide(applications, search, payload->region, protocol);
    else if (search->packets >= most)
        weir_applications_finish(applications, search, payload->region);
}

void weir_applications_finish(struct weir_applications *applications,
                              struct weir_application_search *search, unsigned region)
{
    uint8_t was_guessed = 0;
    if (!search->flow)
        return;
    ndpi_protocol protocol =
        ndpi_detection_giveup(applications->module, search->flow, 1, &was_guessed);
    forget_others(applications->module);
    decide(applications, search, region, protocol);
}

void weir_applications_release(struct weir_applications *applications,
                               struct weir_application_search *search, unsigned region)
{
    give_back(applications, search, region);
    memset(search, 0, sizeof(*search));
}

/* Adds text behind what is there, as far as it fits. */
static size_t add(char *to, size_t length, const char *text)
{
    for (; *text && length < WEIR_APPLICATION_NAME_OCTETS_MAX; text++)
        to[length++] = *text;
    return length;
}

size_t weir_applications_name(const struct weir_applications *applications,
                              const struct weir_application_search *search,
                              char ret_name[WEIR_APPLICATION_NAME_OCTETS_MAX])
{
    size_t length = 0;
    if (search->lower && search->lower != search->application)
        length = add(ret_name, length, ndpi_get_proto_name(applications->module, search->lower));
    if (search->application && length > 0)
        length = add(ret_name, length, ".");
    if (search->application)
        length =
            add(ret_name, length, ndpi_get_proto_name(applications->module, search->application));
    return length;
}
