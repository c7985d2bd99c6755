/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all sessions of one exporter share: the samplers that its options records described, and
 * what is configured for it (collect/sampling.h, collect/timing.h).
 *
 *     struct weir_exporters exporters;
 *     weir_exporters_init(&exporters, session_limit, &hash_key);
 *     weir_exporters_configure(&exporters, settings, count);
 *     weir_exporters_get(&exporters, &key, &exporter);     // for each session that begins
 *     weir_exporter_release(&exporters, exporter, &budget); // for each that ends
 *
 * Ownership: the table owns the exporters, which live as long as a session has them; it borrows the
 * settings. Threads: one. Limits: no more exporters than sessions.
 */
#ifndef WEIR_COLLECT_EXPORTER_H
#define WEIR_COLLECT_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/slots.h"
#include "collect/sampling.h"

/* What to do about the clock of an exporter. */
enum weir_skew_mode {
    WEIR_SKEW_KEEP, /* times stay as they were sent */
    WEIR_SKEW_ADD,  /* so much is added to them */
    WEIR_SKEW_AUTO, /* what is measured is added to them */
};

/* Configured for the exporters of a network; the longest prefix holds, of equals the last. */
struct weir_exporter_setting {
    struct weir_network network;
    struct weir_fraction sampling; /* in place of whatever the exporter says; none: nothing is */
    bool has_skew;
    enum weir_skew_mode skew_mode;
    int64_t skew_ns;
};

/* Hashed and compared as octets: no padding. */
struct weir_exporter_key {
    struct weir_address address; /* all zero where the transport does not say */
    uint32_t protocol;           /* enum weir_protocol */
    uint32_t transport;          /* enum weir_collect_transport */
};
_Static_assert(sizeof(struct weir_exporter_key) == 24, "no padding");

struct weir_exporter {
    /* Numbers of the batches in which it has rows without an interval; collect/outlet.h. */
    uint64_t unknown_in[2];
    struct weir_fraction override; /* configured rate; none: nothing is */
    enum weir_skew_mode skew_mode;
    int64_t skew_ns;  /* of WEIR_SKEW_ADD */
    bool has_changed; /* samplers, since rows were corrected */
    struct weir_sampling sampling;

    struct weir_exporter_key key;
    uint32_t sessions; /* that have it */
    bool is_saved;     /* collect/state.c: by a session before */
    struct weir_exporter *next;
};

struct weir_exporters {
    struct weir_hash_key hash_key;
    const struct weir_exporter_setting *settings;
    size_t setting_count;
    struct weir_slots slots; /* of exporters */
    struct weir_exporter **buckets;
    uint32_t bucket_mask;
};

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_exporters_init(struct weir_exporters *exporters, uint32_t expected,
                                     const struct weir_hash_key *hash_key);

/* What is configured, for exporters that come from now on. */
void weir_exporters_configure(struct weir_exporters *exporters,
                              const struct weir_exporter_setting *settings, size_t count);

/* After all were released. */
void weir_exporters_done(struct weir_exporters *exporters);

/* The exporter of this key, made if need be, for one more session. 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_exporters_get(struct weir_exporters *exporters,
                                    const struct weir_exporter_key *key,
                                    struct weir_exporter **ret_exporter);

/* A session has it no longer; with the last one it goes. NULL does nothing. */
void weir_exporter_release(struct weir_exporters *exporters, struct weir_exporter *exporter,
                           struct weir_budget *budget);

#endif
