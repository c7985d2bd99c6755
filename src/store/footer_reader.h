/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Parquet file's footer, read: where each column chunk stands, and what is said of its values.
 *
 *     static int visit(void *context, const struct weir_footer_group *group) ...
 *     weir_footer_read(fd, visit, context, &diag);
 *
 * Files have the leaves of store/schema.h in any order, with others between them, or lack some.
 * Nothing is believed: places may lie outside the file. Limits: WEIR_FOOTER_OCTETS_MAX.
 * Threads: the caller's own file.
 */
#ifndef WEIR_STORE_FOOTER_READER_H
#define WEIR_STORE_FOOTER_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/schema.h"

#define WEIR_FOOTER_OCTETS_MAX (64u << 20)

struct weir_footer_chunk {
    bool is_there;       /* the file has the leaf; else what follows is zero */
    int32_t type;        /* Parquet's number of the physical type: 1 INT32, 2 INT64 ... */
    int32_t codec;       /* Parquet's number */
    uint64_t offset;     /* of its first page */
    uint64_t octets;     /* of its pages */
    uint64_t none_count; /* rows without a value */
    uint64_t min, max;   /* of leaves of integers; times as two's complement */
    bool none_known;
    bool min_known, max_known;
};

struct weir_footer_group {
    uint64_t rows;
    struct weir_footer_chunk chunks[WEIR_LEAF_COUNT];
};

/*
 * Calls `visit` for each row group; what it returns below 0 ends the reading and is returned.
 * 0; WEIR_E_IO; WEIR_E_MALFORMED with the octet; WEIR_E_NOMEM. Row groups before the damage have
 * been visited by then.
 */
WEIR_CHECKED int weir_footer_read(int fd,
                                  int (*visit)(void *context,
                                               const struct weir_footer_group *group),
                                  void *context, struct weir_diag *diag);

#endif
