/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data Sets that came before their Template, kept with what their own message said, in the order
 * in which they came (RFC 7011 section 8.2, RFC 3954 section 9).
 *
 *     dropped = weir_waiting_push(&waiting, &limits, &budget, id, message, &context, octets,
 * length); while ((set = weir_waiting_take(&waiting, id))) {
 *         ...
 *         weir_waiting_free(set, &budget);
 *     }
 *
 * Ownership: a set that was taken is the caller's to free. Threads: one. Limits: sets and octets
 * a session, past which the oldest goes; and the budget all sessions share, past which the newest
 * is not taken.
 */
#ifndef WEIR_COLLECT_WAITING_H
#define WEIR_COLLECT_WAITING_H

#include <stddef.h>
#include <stdint.h>

#include "collect/budget.h"
#include "record/plan.h"

struct weir_shared_template;

/* Of a message that the session's ledger has not seen. */
#define WEIR_WAITING_APART UINT64_MAX

struct weir_waiting_set {
    struct weir_waiting_set *next;
    struct weir_plan_context context;
    struct weir_shared_template *shared; /* of records that wait for something else; or NULL */
    uint64_t message; /* number of its message in the session, or WEIR_WAITING_APART */
    size_t length;
    uint16_t id;
    uint8_t octets[]; /* what followed the set's header */
};

struct weir_waiting {
    struct weir_waiting_set *oldest;
    struct weir_waiting_set *newest;
    size_t octets; /* as charged to the budget */
    uint32_t count;
};

struct weir_waiting_limits {
    uint32_t sets;
    size_t octets;
};

/* Keeps a copy; returns how many sets were dropped for it, or 1 where it was not taken itself. */
uint32_t weir_waiting_push(struct weir_waiting *waiting, const struct weir_waiting_limits *limits,
                           struct weir_budget *budget, uint16_t id, uint64_t message,
                           const struct weir_plan_context *context, const uint8_t *octets,
                           size_t length);

/* The oldest set of this id, taken out; NULL where none waits. */
struct weir_waiting_set *weir_waiting_take(struct weir_waiting *waiting, uint16_t id);

/* The oldest of all. */
struct weir_waiting_set *weir_waiting_take_any(struct weir_waiting *waiting);

/* Puts back, as the newest, a set that was taken out. */
void weir_waiting_put_back(struct weir_waiting *waiting, struct weir_waiting_set *set);

void weir_waiting_free(struct weir_waiting_set *set, struct weir_budget *budget);

/* Frees all that waits. */
void weir_waiting_done(struct weir_waiting *waiting, struct weir_budget *budget);

#endif
