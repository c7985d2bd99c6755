/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which application a flow is of, as nDPI finds out from its first packets. All of nDPI is behind
 * application_ndpi.c; where weir was built without it, weir_applications_new() says so.
 *
 *     if (weir_applications_new(entries, regions, &applications, &diag) < 0) ...
 *     struct weir_application_search search = {0};                  // of a flow
 *     weir_applications_look(applications, &search, &payload);      // each packet of it
 *     weir_applications_finish(applications, &search, region);      // the flow ends
 *     length = weir_applications_name(applications, &search, name);
 *     weir_applications_release(applications, &search, region);
 *
 * nDPI keeps some 700 octets of a flow while it does not know. Once it does, or has had
 * WEIR_APPLICATION_PACKETS packets, that is given back, and packets cost one comparison. What nDPI
 * would only guess from a port number is unknown here, since the port is in the record. Of a flow
 * whose key has no protocol it is shown packets of the first one's protocol only. What it remembers
 * of one flow for others is forgotten at once, so that a flow's application depends on its own
 * packets alone, in whatever order flows are looked at.
 *
 * Ownership: applications own what searches point to. Threads: one owner each; they are made by one
 * thread. Limits: flows of a region that are looked at at once, and octets of them: what nDPI puts
 * together of a flow it was given.
 */
#ifndef WEIR_DISSECT_APPLICATION_H
#define WEIR_DISSECT_APPLICATION_H

#include <stddef.h>

#include "base/error.h"
#include "dissect/payload.h"

#define WEIR_APPLICATION_PACKETS         16u
#define WEIR_APPLICATION_NAME_OCTETS_MAX 64u

struct weir_applications;

/* Of a flow: zeros before its first packet. */
struct weir_application_search {
    void *flow;           /* NULL: none is looked at */
    uint16_t lower;       /* nDPI's numbers: what carries it, as TLS does; 0: nothing */
    uint16_t application; /* 0: unknown */
    uint16_t octets;      /* that nDPI was given, while it has the flow */
    uint8_t packets;      /* that were looked at */
    bool is_done;
};

struct weir_application_counters {
    uint64_t found;
    uint64_t unknown;      /* flows that nDPI was asked about in vain */
    uint64_t without_room; /* flows that it was not asked about, or no further, for lack of room */
};

/* Whether weir was built with nDPI. */
bool weir_applications_are_known(void);

/*
 * For a cache of so many flows, in so many regions. 0; WEIR_E_NOMEM; WEIR_E_UNSUPPORTED with diag
 * where there is no nDPI, or another than weir was built with.
 */
WEIR_CHECKED int weir_applications_new(uint32_t entries, uint32_t regions,
                                       struct weir_applications **ret_applications,
                                       struct weir_diag *diag);
void weir_applications_free(struct weir_applications *applications);

const struct weir_application_counters *weir_applications_counters(
    const struct weir_applications *applications);

/* What its flows have taken of the memory so far; nDPI's own is not known. */
uint64_t weir_applications_octets(const struct weir_applications *applications);

void weir_applications_look_closely(struct weir_applications *applications,
                                    struct weir_application_search *search,
                                    const struct weir_payload *payload);

/* A packet of the flow. Of TCP and UDP those without payload tell nothing. */
static inline void weir_applications_look(struct weir_applications *applications,
                                          struct weir_application_search *search,
                                          const struct weir_payload *payload)
{
    if (!search->is_done)
        weir_applications_look_closely(applications, search, payload);
}

/* Takes what nDPI thinks of a flow that it was not sure about: by its addresses. */
void weir_applications_finish(struct weir_applications *applications,
                              struct weir_application_search *search, unsigned region);

/* Gives back what a search has; it is as new. */
void weir_applications_release(struct weir_applications *applications,
                               struct weir_application_search *search, unsigned region);

/* "TLS.Google", "DNS"; its length, or 0 where it is unknown. */
size_t weir_applications_name(const struct weir_applications *applications,
                              const struct weir_application_search *search,
                              char ret_name[WEIR_APPLICATION_NAME_OCTETS_MAX]);

#endif
