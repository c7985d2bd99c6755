/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of columns that questions can name: `weir query --columns`.
 *
 *     weir_query_columns(&(struct weir_query_output){.format = WEIR_FORMAT_TABLE, .sink = sink},
 *                        &diag);
 */
#ifndef WEIR_QUERY_COLUMNS_H
#define WEIR_QUERY_COLUMNS_H

#include "query/run.h"

/* One row a column: name, type, unit, element, help. 0, or what the sink gives. */
WEIR_CHECKED int weir_query_columns(const struct weir_query_output *output, struct weir_diag *diag);

/* The same of a table beside the flows; its columns have no elements. */
WEIR_CHECKED int weir_query_table_columns(enum weir_table table,
                                          const struct weir_query_output *output,
                                          struct weir_diag *diag);

#endif
