/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of a session that are not zero.
 *
 * Of what may be counted (collect/counters.h) most sessions never see more than a handful, and
 * there are tens of thousands of sessions: a tally has eight octets for each counter that was ever
 * added to, and none for the others.
 *
 *     session->tally = weir_tally_make(&sessions->evicted);
 *     WEIR_TALLY(&session->tally, templates_refused, 1);
 *     weir_tally_add_to(&session->tally, &counters);
 *     weir_tally_done(&session->tally);
 *
 * What there is no memory for goes to the counters of no session, which weir_tally_make names.
 * Ownership: borrows those. Limits: counters up to 2^56. Threads: one.
 */
#ifndef WEIR_COLLECT_TALLY_H
#define WEIR_COLLECT_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "collect/counters.h"

struct weir_tally {
    uint64_t *words; /* each a counter's place in the lowest octet, and its value */
    struct weir_collect_counters *rest;
    uint8_t count;
    uint8_t capacity;
};

static inline struct weir_tally weir_tally_make(struct weir_collect_counters *rest)
{
    return (struct weir_tally){.rest = rest};
}

/* A counter's place in struct weir_collect_counters. */
#define WEIR_TALLY_PLACE(name) (offsetof(struct weir_collect_counters, name) / sizeof(uint64_t))

#define WEIR_TALLY(tally, name, more) weir_tally_add(tally, WEIR_TALLY_PLACE(name), more)

void weir_tally_add(struct weir_tally *tally, size_t place, uint64_t more);

/* As weir_collect_count_malformed. */
void weir_tally_malformed(struct weir_tally *tally, enum weir_malformed cause);

/* Adds all of `counters` to the tally; and all of the tally to `counters`. */
void weir_tally_add_all(struct weir_tally *tally, const struct weir_collect_counters *counters);
void weir_tally_add_to(const struct weir_tally *tally, struct weir_collect_counters *counters);

void weir_tally_done(struct weir_tally *tally);

#endif
