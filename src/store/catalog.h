/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a store that matter to a question, by their names alone (store/schema.h).
 *
 *     struct weir_catalog catalog;
 *     if (weir_catalog_read("flows", from_ms, to_ms, &catalog, &diag) == 0)
 *         for (size_t i = 0; i < catalog.count; i++)
 *             puts(catalog.files[i].path);
 *     weir_catalog_done(&catalog);
 *
 * A file whose name does not tell its times is never left out. Writers may go on: a file is there
 * whole or not at all. Limits: WEIR_CATALOG_FILES_MAX. Threads: pure but for reading folders.
 */
#ifndef WEIR_STORE_CATALOG_H
#define WEIR_STORE_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_CATALOG_FILES_MAX 1000000u

struct weir_catalog_file {
    char *path;
    uint64_t octets;
    int64_t start_ms; /* of the flow times in it; INT64_MIN and MAX where the name is silent */
    int64_t end_ms;
};

struct weir_catalog {
    struct weir_catalog_file *files; /* by path: by time of arrival */
    size_t count;
    uint64_t octets;
    size_t pruned_count; /* files that hold no flow of the range */
    uint64_t pruned_octets;
};

/*
 * Files that may hold flows with some of their time in [from_ms, to_ms]; the folder may end in
 * '/'. 0; WEIR_E_USAGE: the folder is no store; WEIR_E_IO; WEIR_E_LIMIT; WEIR_E_NOMEM.
 */
WEIR_CHECKED int weir_catalog_read(const char *folder, int64_t from_ms, int64_t to_ms,
                                   struct weir_catalog *ret_catalog, struct weir_diag *diag);

/* The same of a table beside flows (store/tables.h), by its rows' times. */
WEIR_CHECKED int weir_catalog_read_table(const char *folder, const char *table, int64_t from_ms,
                                         int64_t to_ms, struct weir_catalog *ret_catalog,
                                         struct weir_diag *diag);
void weir_catalog_done(struct weir_catalog *catalog);

#endif
