/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random flow records with values missing here and there, in memory and as a store on disk, so
 * that answers can be compared with what the records themselves say.
 *
 *     struct flows *flows = flows_new(seed, 1000);        // writes a store to flows->folder
 *     if (!flows->rows[i].none[WEIR_COLUMN_BYTES]) total += flows->rows[i].number[...];
 *     flows_free(flows);                                  // and removes it
 *
 * Every row has flow_label, which is its index. The same seed gives the same rows.
 */
#ifndef WEIR_TESTS_QUERY_FLOWS_H
#define WEIR_TESTS_QUERY_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "record/batch.h"
#include "record/column.h"

struct flow {
    bool none[WEIR_COLUMN_COUNT];
    uint64_t number[WEIR_COLUMN_COUNT]; /* integers; times as int64_t nanoseconds */
    struct weir_address address[WEIR_COLUMN_COUNT];
    char app[32];
    char other[128]; /* "" where no element is left */
    bool has_vrf;    /* other has ingressVRFID */
    uint32_t vrf;
};

struct flows {
    struct flow *rows;
    size_t count;
    char folder[64];
};

/* Values that rows have, so that filters can ask for them. */
extern const char *const flow_addresses[];
extern const size_t flow_address_count;
extern const uint16_t flow_ports[];
extern const size_t flow_port_count;
extern const uint64_t flow_counters[];
extern const size_t flow_counter_count;
extern const char *const flow_apps[];
extern const size_t flow_app_count;

#define FLOWS_BASE_NS INT64_C(1700000000000000000)

/* `sampled`: some rows have a sampling interval. */
struct flows *flows_new(uint64_t seed, size_t count, bool sampled);
/* Flows that have their bytes and sampling interval, a start and an end, and nothing else. */
struct flows *flows_of_counters(uint64_t bytes, uint32_t sampling, size_t count);
/* Flows as they are given, and one to begin with, whose times are FLOWS_BASE_NS. */
struct flows *flows_of(const struct flow *rows, size_t count);
struct flow flow_blank(void);
void flow_set(struct flow *flow, enum weir_column column, uint64_t value);
/* Flows from these sources in turn; flow number i has i bytes. */
struct flows *flows_of_sources(const char *const *addresses, size_t address_count, size_t count);
/* Renames a leaf in the store's first `files` files, which then lack it as if they were older. */
void flows_drop_leaf(const struct flows *flows, const char *leaf, size_t files);
void flows_free(struct flows *flows);

/* Rows as a batch of their own, to be freed. */
struct weir_batch *flows_batch(const struct flow *rows, size_t count);

uint64_t flows_random(uint64_t *state);

#endif
