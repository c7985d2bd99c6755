/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a flow's first packets tell: of a TLS client over TCP or in QUIC, of a DNS
 * question, of an HTTP request. Who looks at a flow's packets in turn finds them:
 *
 *     weir_name_finder_init(&finder, entries, regions);
 *     struct weir_name_search search = {0};                  // of a flow
 *     weir_names_look(&finder, &search, &payload);           // each packet of it
 *     weir_names_finish(&finder, &search, region);           // the flow ends
 *     text = weir_names_text(search.found, WEIR_NAME_SNI, &length);
 *     weir_names_release(&finder, &search, region);
 *
 * What is looked for stands at the beginning of a segment or datagram: a ClientHello, also behind
 * something else (STARTTLS, CONNECT), the head of a request, a question on a port of DNS. What does
 * not fit into one is put together out of several, in any order; the first may come late where the
 * connection's SYN was seen. Once it has been found, or
 * WEIR_NAMES_PACKETS packets with payload have not had it, packets cost one comparison.
 *
 * Ownership: the finder owns what searches point to. Threads: one owner. Limits: beginnings of
 * WEIR_ASSEMBLY_OCTETS that are put together at once, and octets of names; who finds no room gets
 * no names and is counted.
 */
#ifndef WEIR_DISSECT_NAMES_H
#define WEIR_DISSECT_NAMES_H

#include "dissect/name.h"
#include "dissect/payload.h"
#include "dissect/pool.h"

#define WEIR_NAMES_PACKETS 16u

enum weir_name_kind {
    WEIR_NAME_SNI,
    WEIR_NAME_ALPN,
    WEIR_NAME_JA4,
    WEIR_NAME_DNS,
    WEIR_NAME_HTTP_METHOD,
    WEIR_NAME_HTTP_HOST,
    WEIR_NAME_HTTP_AGENT,
    WEIR_NAME_KIND_COUNT,
};

/* What was found. */
struct weir_names {
    uint32_t quic_version; /* 0: it was no QUIC */
    uint16_t tls_version;  /* 0: there was no ClientHello */
    uint16_t dns_type;
    uint8_t has;  /* bits of enum weir_name_kind */
    bool is_dns;  /* dns_type is known */
    uint8_t room; /* which of the finder's sizes */
    uint8_t lengths[WEIR_NAME_KIND_COUNT];
    char text[]; /* one behind another */
};

struct weir_name_work;

/* Of a flow: zeros before its first packet. */
struct weir_name_search {
    struct weir_name_work *work; /* NULL: nothing is being put together */
    struct weir_names *found;    /* NULL: nothing yet */
    uint32_t base;               /* of TCP: the number that the stream begins with, */
    bool has_base;               /* where this says so, */
    bool is_base_reverse;        /* and of which direction */
    uint8_t packets;             /* that were looked at */
    bool is_done;
};

struct weir_name_counters {
    uint64_t found;        /* flows with names */
    uint64_t without_room; /* names that were not found or kept for lack of room */
};

#define WEIR_NAME_ROOMS 5u

struct weir_name_finder {
    struct weir_pool works;
    struct weir_pool rooms[WEIR_NAME_ROOMS];
    struct weir_name_counters counters;
};

/* For a cache of so many flows, in so many regions. */
void weir_name_finder_init(struct weir_name_finder *finder, uint32_t entries, uint32_t regions);
void weir_name_finder_done(struct weir_name_finder *finder);

/* What it has taken of the memory so far. */
uint64_t weir_name_finder_octets(const struct weir_name_finder *finder);

void weir_names_look_closely(struct weir_name_finder *finder, struct weir_name_search *search,
                             const struct weir_payload *payload);

static inline void weir_names_look(struct weir_name_finder *finder, struct weir_name_search *search,
                                   const struct weir_payload *payload)
{
    if (!search->is_done && (payload->captured > 0 || payload->is_syn))
        weir_names_look_closely(finder, search, payload);
}

/* Takes what there is of a request whose head did not come to its end. */
void weir_names_finish(struct weir_name_finder *finder, struct weir_name_search *search,
                       unsigned region);

/* Gives back all that a search has; it is as new. */
void weir_names_release(struct weir_name_finder *finder, struct weir_name_search *search,
                        unsigned region);

/* A name and its length, or NULL where there is none. An empty name is one. */
const char *weir_names_text(const struct weir_names *names, enum weir_name_kind kind,
                            uint8_t *ret_length);

#endif
