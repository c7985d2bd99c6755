/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which datagrams a Collecting Process takes in at all, before they are journaled or make a
 * session: those of networks that are allowed, and of each address no more than a rate.
 *
 *     struct weir_admission_config config = {.networks = networks, .network_count = 2,
 *                                            .datagrams_per_second = 10000};
 *     weir_admission_new(&config, &admission);
 *     count = weir_admission_filter(admission, datagrams, count, admitted);
 *     weir_admission_free(admission);
 *
 * The rate is a token bucket by time of arrival that holds one second's worth. Addresses stand in
 * sets of a table of fixed size; where a set is full the one whose bucket is nearest to full goes,
 * which is counted unless it was full, for then nothing is forgotten but how much it was limited.
 *
 * Pure but for memory: 2 MB where there is a rate. Threads: one at a time. Limits: address_max.
 */
#ifndef WEIR_COLLECT_ADMISSION_H
#define WEIR_COLLECT_ADMISSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/hash.h"
#include "record/datagram.h"

#define WEIR_ADMISSION_ADDRESSES 65536u

struct weir_admission_config {
    struct weir_hash_key hash_key;
    const struct weir_network *networks; /* borrowed until it is made */
    size_t network_count;                /* 0: all are allowed */
    uint32_t datagrams_per_second;       /* of one address; 0: any number */
    uint32_t address_max;                /* 0: WEIR_ADMISSION_ADDRESSES */
};

struct weir_admission_counters {
    uint64_t datagrams_not_allowed;
    uint64_t datagrams_limited;
    uint64_t limits_forgotten;
};

extern const struct weir_counter weir_admission_counter_table[];
extern const size_t weir_admission_counter_count;

struct weir_admission;

/* 0, WEIR_E_NOMEM. */
WEIR_CHECKED int weir_admission_new(const struct weir_admission_config *config,
                                    struct weir_admission **ret_admission);
void weir_admission_free(struct weir_admission *admission);

/*
 * Copies those that are taken in, in their order, to `admitted`, which has room for all; returns
 * how many.
 */
size_t weir_admission_filter(struct weir_admission *admission,
                             const struct weir_datagram *datagrams, size_t count,
                             struct weir_datagram *admitted);

/* The same where there may be no admission (NULL): *datagrams and *count become what is taken in.
 */
void weir_admission_apply(struct weir_admission *admission, const struct weir_datagram **datagrams,
                          size_t *count, struct weir_datagram *room);

const struct weir_admission_counters *weir_admission_count(const struct weir_admission *admission);

/*
 * The addresses that were limited and are still known, by *position, which begins with 0: 0, or
 * WEIR_E_NOT_FOUND after the last.
 */
WEIR_CHECKED int weir_admission_limited(const struct weir_admission *admission, size_t *position,
                                        struct weir_address *ret_address, uint64_t *ret_datagrams);

#endif
