/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of what flow definitions and packet selection can name: `weir meter --fields`.
 *
 *     result = weir_flow_fields_print(WEIR_FORMAT_TABLE, "-", &diag);
 *
 * Made of the tables that parse these names (meter/property.h, meter/match.h). Any thread.
 */
#ifndef WEIR_APP_FLOW_FIELDS_H
#define WEIR_APP_FLOW_FIELDS_H

#include "base/error.h"
#include "query/answer.h"

/*
 * One row a name: name, use (key, field, biflow field, match), group, element, unit, help. 0,
 * WEIR_E_NOMEM, or what weir_output_write says.
 */
WEIR_CHECKED int weir_flow_fields_print(enum weir_format format, const char *path,
                                        struct weir_diag *diag);

#endif
