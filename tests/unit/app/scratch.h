/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for the files of a test, removed with them, and the text of one of its files. */
#ifndef WEIR_TESTS_APP_SCRATCH_H
#define WEIR_TESTS_APP_SCRATCH_H

#include "support/cmocka.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRATCH_PATH_MAX 512

struct scratch {
    char folder[64];
};

static inline int scratch_setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof(*scratch));
    strcpy(scratch->folder, "/tmp/weir-test-XXXXXX");
    *state = scratch;
    return scratch && mkdtemp(scratch->folder) ? 0 : -1;
}

static inline const char *scratch_path(const struct scratch *scratch, const char *name,
                                       char path[SCRATCH_PATH_MAX])
{
    snprintf(path, SCRATCH_PATH_MAX, "%s/%s", scratch->folder, name);
    return path;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    DIR *folder = opendir(scratch->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[SCRATCH_PATH_MAX];
        unlink(scratch_path(scratch, entry->d_name, path));
    }
    if (folder)
        closedir(folder);
    rmdir(scratch->folder);
    free(scratch);
    return 0;
}

/* The file's text, the caller's to free. */
static inline char *scratch_text(const struct scratch *scratch, const char *name)
{
    char path[SCRATCH_PATH_MAX];
    FILE *file = fopen(scratch_path(scratch, name, path), "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    size_t length = fread(text, 1, (1 << 20) - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

static inline void scratch_write(const struct scratch *scratch, const char *name,
                                 const void *octets, size_t length)
{
    char path[SCRATCH_PATH_MAX];
    FILE *file = fopen(scratch_path(scratch, name, path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#endif
