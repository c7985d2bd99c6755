/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on rows for weir's own scan: which rows of a row group pass.
 *
 * Every test becomes ranges of a leaf's integers, or bits of them. What the footer says of a row
 * group decides many before anything is read: no address of 10.0.0.0/8 between its bounds, or the
 * same high word in all rows, which then need not be looked at. A dictionary is tested entry by
 * entry, and rows by their indices.
 *
 *     struct weir_scan_filter *filter;
 *     result = weir_scan_filter_new(condition, from_ms, to_ms, &filter);
 *     ... at each row group:
 *     result = weir_scan_filter_rows(filter, source, &outcome, &mask);
 *
 * A test of a value that is none is false, as query/filter.h says. Threads: one owner. Limits:
 * WEIR_SCAN_TESTS_MAX nodes, each with 128 KB, and WEIR_SCAN_RANGES_MAX values a list.
 */
#ifndef WEIR_QUERY_SCAN_FILTER_H
#define WEIR_QUERY_SCAN_FILTER_H

#include "query/filter.h"
#include "query/scan_source.h"

#define WEIR_SCAN_TESTS_MAX  64u
#define WEIR_SCAN_RANGES_MAX 16u

struct weir_scan_filter;

enum weir_scan_outcome {
    WEIR_SCAN_NO_ROWS,
    WEIR_SCAN_SOME_ROWS, /* those whose mask is 1 */
    WEIR_SCAN_ALL_ROWS,
};

/*
 * `condition` may be NULL: every flow. Of files that the filter is told to look into by time,
 * flows have some of their time in [from_ms, to_ms); INT64_MIN and INT64_MAX: no bound. 0;
 * WEIR_E_UNSUPPORTED: the condition is not of this kind; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_scan_filter_new(const struct weir_condition *condition, int64_t from_ms,
                                      int64_t to_ms, struct weir_scan_filter **ret_filter);
void weir_scan_filter_free(struct weir_scan_filter *filter);

/* *ret_mask: 1 or 0 a row, where the outcome is some. Errors of weir_scan_leaf. */
WEIR_CHECKED int weir_scan_filter_rows(struct weir_scan_filter *filter,
                                       struct weir_scan_source *source,
                                       enum weir_scan_outcome *ret_outcome,
                                       const uint8_t **ret_mask);

#endif
