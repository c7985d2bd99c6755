/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters on rows of a column batch: which Flow Records pass, before any of them is stored.
 *
 *     struct weir_row_filter *filter;
 *     result = weir_row_filter_new("bytes > 1M", &context, &filter, &diag);
 *     weir_row_filter_run(filter, batch, segment, pass);
 *     weir_row_filter_free(filter);
 *
 * A filter means what it does in `weir query --where` (query/filter.h): what a row does not say
 * passes no test, and counters are scaled by the row's sampling, to the nearest whole number.
 * Elements without a column are not known here.
 *
 * Ownership: who makes it frees it; the text is not kept. Threads: one filter by one at a time.
 */
#ifndef WEIR_QUERY_ROW_FILTER_H
#define WEIR_QUERY_ROW_FILTER_H

#include <stdbool.h>

#include "base/error.h"
#include "query/filter.h"
#include "record/batch.h"

struct weir_row_filter;

/* 0; WEIR_E_USAGE: no filter, or of an element without a column; WEIR_E_NOMEM. */
WEIR_CHECKED int weir_row_filter_new(const char *text, const struct weir_filter_context *context,
                                     struct weir_row_filter **ret_filter, struct weir_diag *diag);
void weir_row_filter_free(struct weir_row_filter *filter);

/*
 * Whether the filter tests a field that no row has whose columns are these, wherever in it that
 * stands: nobody means to. Of it the name, and the first column that it is made of and rows lack. A
 * field that the filter also tests for being none may be.
 */
bool weir_row_filter_lacks(const struct weir_row_filter *filter, weir_column_set columns,
                           char ret_name[WEIR_QUERY_FIELD_NAME_MAX], enum weir_column *ret_column);

/* Of each row of the segment: whether it passes. */
void weir_row_filter_run(const struct weir_row_filter *filter, const struct weir_batch *batch,
                         const struct weir_segment *segment, bool *pass);

#endif
