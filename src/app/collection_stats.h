/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What collections counted, of all workers together: --stats of `weir collect`.
 *
 *     const struct weir_collection_list of = {collections, count};
 *     weir_collection_print_stats(&of, parts, part_count, output, &diag);
 *
 * Threads: one, and the collections are used by no other.
 */
#ifndef WEIR_APP_COLLECTION_STATS_H
#define WEIR_APP_COLLECTION_STATS_H

#include "app/collection.h"
#include "app/stats.h"
#include "base/output.h"

struct weir_collection_list {
    struct weir_collection *const *collections;
    unsigned count;
};

/*
 * --stats: one JSON object with the totals by name, those of `parts`, and "exporters": one object
 * a session with "address", "domain", "protocol", and the same counters. "limited", where somebody
 * was: one object an address with "address", "datagrams_limited". Of sessions with an address
 * also how far the exporter's clock is behind ours, which includes the messages' time under way:
 * "skew_ms" (moving mean), "skew_min_ms" (least of the last minute or two); and "skew_added_ms",
 * what --skew adds to flow times.
 *
 * It is written piece by piece. 0, the errors of weir_output_write, WEIR_E_NOMEM, or WEIR_E_LIMIT;
 * with diag.
 */
WEIR_CHECKED int weir_collection_print_stats(const struct weir_collection_list *of,
                                             const struct weir_stats_part *parts, size_t part_count,
                                             struct weir_output *output, struct weir_diag *diag);

#endif
