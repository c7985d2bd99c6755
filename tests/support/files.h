/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All files below a folder, in the order of their names, and one of them as octets.
 *
 *     char **paths;
 *     unsigned count = test_files_below(folder, &paths);
 *     ...
 *     test_files_free(paths, count);
 */
#ifndef WEIR_TESTS_SUPPORT_FILES_H
#define WEIR_TESTS_SUPPORT_FILES_H

#include "support/cmocka.h"

#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_FILE_OCTETS_MAX (16u << 20)

static inline int test_files_by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The paths, to be freed by test_files_free; folders called `skipped` are left out. */
static inline unsigned test_files_below(const char *folder, const char *skipped, char ***ret_paths)
{
    char *const roots[] = {(char *)folder, NULL};
    char **paths = NULL;
    unsigned count = 0;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, test_files_by_name);
    assert_non_null(tree);
    for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_D && skipped && strcmp(entry->fts_name, skipped) == 0)
            fts_set(tree, entry, FTS_SKIP);
        if (entry->fts_info != FTS_F)
            continue;
        paths = realloc(paths, (count + 1) * sizeof(*paths));
        assert_non_null(paths);
        paths[count] = strdup(entry->fts_path);
        assert_non_null(paths[count++]);
    }
    fts_close(tree);
    *ret_paths = paths;
    return count;
}

static inline void test_files_free(char **paths, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

/* At most TEST_FILE_OCTETS_MAX octets of it, to be freed. */
static inline uint8_t *test_file_octets(const char *path, size_t *ret_length)
{
    FILE *stream = fopen(path, "rb");
    uint8_t *octets = malloc(TEST_FILE_OCTETS_MAX);
    assert_non_null(stream);
    assert_non_null(octets);
    *ret_length = fread(octets, 1, TEST_FILE_OCTETS_MAX, stream);
    fclose(stream);
    return octets;
}

#endif
