/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selection of Flow Records between the flow cache and the Exporting Process (RFC 7014): Selectors
 * in their order, before all places that records go to.
 *
 *     weir_flow_selection_new(&config, &selection, &diag);
 *     weir_flow_selection_add_sink(selection, &sink, &diag);      // any number up to the limit
 *     struct weir_batch_sink first = weir_flow_selection_sink(selection);
 *     ...
 *     weir_flow_selection_describe(selection, &description);      // what was seen and selected
 *     weir_flow_selection_free(selection);
 *
 * Selectors (`--select`):
 *   - count:n/N          the first n of every N records; where the first period begins is drawn,
 *                        and with seed 0 it is the first record;
 *   - random:n/N         of every N records n, all sets of n alike;
 *   - time:ON/OFF        records whose flow ended in the first ON of every ON + OFF since 1970;
 *   - prob:P             each record by itself;
 *   - hash:n/N           records whose BOB hash of addresses, ports and protocol is in the lowest
 *                        n/N of its range: all records of a flow, and the same flows wherever the
 *                        seed is the same; of several the next ones' seeds count on from it;
 *   - threshold:bytes=Z  a record of x octets with probability x / Z, and each that has Z or more
 *     threshold:packets=Z  (Duffield, Lund, Thorup: threshold sampling; RFC 7014 section 6.2.2.2);
 *   - match:FILTER       what `weir query --where FILTER` would show (RFC 7014 section 6.1.1).
 *
 * A record that was selected by chance stands for more than itself, and says so: sampling_size of
 * sampling is what its packets were sampled by and its selection together, so that counters times
 * sampling / sampling_size are unbiased estimates; of a threshold's own counter that is max(x, Z).
 * What was estimated before decides: x is octets times sampling. flow_probability is the part of
 * the selection alone, without which nobody could tell how certain the estimate is, and
 * flow_selector the algorithm of the last such Selector.
 *
 * prob and threshold draw by a hash of the record and the seed, so that the same records are
 * selected in whatever order they come; count and random go by that order.
 *
 * Ownership: borrows texts and sinks. Threads: one at a time. Limits: WEIR_FLOW_SELECTORS_MAX
 * Selectors, WEIR_FLOW_SELECTION_SINKS_MAX sinks, WEIR_FLOW_SELECTION_KINDS different sets of extra
 * fields (record/extra.h).
 */
#ifndef WEIR_APP_FLOW_SELECTION_H
#define WEIR_APP_FLOW_SELECTION_H

#include "base/error.h"
#include "query/filter.h"
#include "record/batch.h"
#include "record/flow_selection.h"

#define WEIR_FLOW_SELECTION_SINKS_MAX 16u
#define WEIR_FLOW_SELECTION_KINDS     16u

struct weir_flow_selection;

struct weir_flow_selection_config {
    const char *const *specs; /* in the order in which they run */
    unsigned count;
    uint64_t seed;
    struct weir_filter_context context; /* of filters */
};

/* 0; WEIR_E_USAGE with diag; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_flow_selection_new(const struct weir_flow_selection_config *config,
                                         struct weir_flow_selection **ret_selection,
                                         struct weir_diag *diag);
void weir_flow_selection_free(struct weir_flow_selection *selection);

/*
 * Whether a match: names what no record has whose columns are these: it would select none of them.
 * 0, or WEIR_E_USAGE with diag; `what` says whose records they are ("flows of --flow ...").
 */
WEIR_CHECKED int weir_flow_selection_check(const struct weir_flow_selection *selection,
                                           weir_column_set columns, const char *what,
                                           struct weir_diag *diag);

/* Where selected records go. 0 or WEIR_E_LIMIT. */
WEIR_CHECKED int weir_flow_selection_add_sink(struct weir_flow_selection *selection,
                                              const struct weir_batch_sink *sink,
                                              struct weir_diag *diag);

/* Takes records; it must outlive the sink. */
struct weir_batch_sink weir_flow_selection_sink(struct weir_flow_selection *selection);

/* The Selectors with what each has seen and selected so far. */
void weir_flow_selection_describe(const struct weir_flow_selection *selection,
                                  struct weir_flow_selection_description *ret_description);

/* Columns that records get, whatever they had: 0 where no Selector goes by chance. */
weir_column_set weir_flow_selection_columns(const struct weir_flow_selection *selection);

#endif
