/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many flows of a store's files do not say their sampling interval: it is none, or 0.
 *
 *     result = weir_scan_count_unknown(&question, &count, &diag);
 *
 * Row groups whose footers tell are not read; of the others the one column is, at a nanosecond or
 * two a flow. Threads: one caller.
 */
#ifndef WEIR_QUERY_SCAN_UNKNOWN_H
#define WEIR_QUERY_SCAN_UNKNOWN_H

#include "query/scan.h"

/* Of the question's files. 0; the errors of weir_scan_run: *ret_count is left. */
WEIR_CHECKED int weir_scan_count_unknown(const struct weir_scan_question *question,
                                         uint64_t *ret_count, struct weir_diag *diag);

#endif
