/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data Records of Options Templates that taught a session something, as they came: so that the next
 * run of the collector can be taught the same again (collect/state.h).
 *
 *     weir_recall_put(&table, &session->recall, &pool, source, &context, octets, length);
 *     for (record = session->recall.oldest; record; record = record->newer)
 *         ...
 *     weir_recall_done(&table, &session->recall, &pool);
 *
 * A record that comes again takes the place of itself, as the newest. Look-up is O(1) and keyed.
 * Ownership: a list owns its records, each of which has a reference to its Template. Threads: one.
 * Limits: WEIR_RECALL_MAX a list, past which the oldest goes; octets of all lists, past which a
 * record is not kept.
 */
#ifndef WEIR_COLLECT_RECALL_H
#define WEIR_COLLECT_RECALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "collect/budget.h"
#include "collect/template_pool.h"
#include "record/plan.h"

#define WEIR_RECALL_MAX    4096u
#define WEIR_RECALL_OCTETS ((size_t)16 << 20)

struct weir_recalled {
    struct weir_recalled *next_in_bucket;
    struct weir_recalled *older, *newer;
    const struct weir_recall *list;
    struct weir_shared_template *shared;
    int64_t received_ns;
    int64_t export_time_ns;
    int64_t uptime_zero_ns;
    uint64_t hash;
    uint32_t length;
    uint16_t id; /* of the Template */
    uint8_t octets[];
};

/* Of a session; zero at first. */
struct weir_recall {
    struct weir_recalled *oldest, *newest;
    uint32_t count;
};

struct weir_recall_table {
    struct weir_hash_key hash_key;
    struct weir_budget budget;
    struct weir_recalled **buckets; /* none until a record comes */
};

/* Never fails. */
void weir_recall_init(struct weir_recall_table *table, const struct weir_hash_key *hash_key);

/* After all lists are done. */
void weir_recall_close(struct weir_recall_table *table);

/* Keeps a record; false where there is no room or memory. */
bool weir_recall_put(struct weir_recall_table *table, struct weir_recall *list,
                     struct weir_template_pool *pool, const struct weir_template *source,
                     const struct weir_plan_context *context, const uint8_t *octets, size_t length);

void weir_recall_done(struct weir_recall_table *table, struct weir_recall *list,
                      struct weir_template_pool *pool);

#endif
