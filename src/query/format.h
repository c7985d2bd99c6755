/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that rows are printed in; query/answer.h says what each is. */
#ifndef WEIR_QUERY_FORMAT_H
#define WEIR_QUERY_FORMAT_H

enum weir_format {
    WEIR_FORMAT_TABLE,
    WEIR_FORMAT_CSV,
    WEIR_FORMAT_JSON,
    WEIR_FORMAT_NDJSON,
    WEIR_FORMAT_CHART,
    WEIR_FORMAT_COUNT,
};

#endif
