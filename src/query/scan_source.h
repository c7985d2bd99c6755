/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that weir's own scan goes over: files of the catalog, row group by row group, of which
 * only those leaves are read and decoded that somebody asks for.
 *
 *     static int visit(void *context, struct weir_scan_source *source) {
 *         const struct weir_leaf_values *bytes;
 *         int result = weir_scan_leaf(source, WEIR_LEAF_OF_BYTES, &bytes);
 *         ...
 *     }
 *     weir_scan_source_init(&source, catalog, &diag);
 *     result = weir_scan_each(&source, visit, context);
 *     weir_scan_source_done(&source);
 *
 * Errors are those of store/pages.h. Ownership: values live until the next row group. Memory:
 * some 3 MB a leaf. Threads: one owner.
 */
#ifndef WEIR_QUERY_SCAN_SOURCE_H
#define WEIR_QUERY_SCAN_SOURCE_H

#include "store/catalog.h"
#include "store/pages.h"

struct weir_scan_source {
    const struct weir_catalog *files;
    struct weir_diag *diag;
    bool (*stop)(void *context); /* asked at each row group: WEIR_E_AGAIN; NULL: never */
    void *stop_context;
    /* The row group at hand. */
    const struct weir_catalog_file *file;
    const struct weir_footer_group *group;
    uint32_t row_count;
    int fd;
    struct weir_pages *pages[WEIR_LEAF_COUNT];
    struct weir_leaf_values values[WEIR_LEAF_COUNT];
    bool is_loaded[WEIR_LEAF_COUNT];
    uint16_t *zeros; /* of a leaf that a file lacks */
    int (*visit)(void *context, struct weir_scan_source *source);
    void *visit_context;
};

void weir_scan_source_init(struct weir_scan_source *source, const struct weir_catalog *files,
                           struct weir_diag *diag);
void weir_scan_source_done(struct weir_scan_source *source);

/* Visits every row group; what `visit` returns below 0 ends it and is returned. */
WEIR_CHECKED int weir_scan_each(struct weir_scan_source *source,
                                int (*visit)(void *context, struct weir_scan_source *source),
                                void *context);

/* The leaf's values in the row group at hand. */
WEIR_CHECKED int weir_scan_leaf(struct weir_scan_source *source, enum weir_leaf leaf,
                                const struct weir_leaf_values **ret_values);

#endif
