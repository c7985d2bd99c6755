/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/schema.h"

struct reading {
    struct weir_catalog catalog;
    size_t capacity;
    const char *table;         /* NULL: flows */
    const char *const *levels; /* what folders are called, from the root down; then come files */
    int64_t from_ms, to_ms;
    struct weir_diag *diag;
};

static int no_memory(struct reading *reading)
{
    return weir_diag_set(reading->diag, WEIR_E_NOMEM, "no memory for the list of files");
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static struct weir_catalog_file *room_for_file(struct reading *reading)
{
    struct weir_catalog *catalog = &reading->catalog;
    if (catalog->count == reading->capacity) {
        size_t capacity = reading->capacity ? 2 * reading->capacity : 64;
        void *grown = realloc(catalog->files, capacity * sizeof(*catalog->files));
        if (!grown)
            return NULL;
        catalog->files = grown;
        reading->capacity = capacity;
    }
    return &catalog->files[catalog->count];
}

/* Takes `path`. */
static int add_file(struct reading *reading, char *path, const char *name)
{
    struct weir_catalog *catalog = &reading->catalog;
    struct weir_store_name times;
    struct weir_catalog_file file = {.path = path, .start_ms = INT64_MIN, .end_ms = INT64_MAX};
    struct stat status;
    if (weir_store_name_parse(reading->table, name, &times) == 0) {
        file.start_ms = times.start_ms > 0 ? times.start_ms : INT64_MIN;
        file.end_ms = times.end_ms;
    }
    /* Compaction and retention may have taken it away since its name was read. */
    if (stat(path, &status) != 0) {
        int result = errno == ENOENT
                         ? 0
                         : weir_diag_set(reading->diag, WEIR_E_IO, "%s: %s", path, strerror(errno));
        free(path);
        return result;
    }
    file.octets = (uint64_t)status.st_size;
    if (file.start_ms > reading->to_ms || file.end_ms < reading->from_ms) {
        catalog->pruned_count++;
        catalog->pruned_octets += file.octets;
        free(path);
        return 0;
    }
    struct weir_catalog_file *room = room_for_file(reading);
    if (!room || catalog->count >= WEIR_CATALOG_FILES_MAX) {
        free(path);
        return room ? weir_diag_set(reading->diag, WEIR_E_LIMIT,
                                    "more than %u files; ask for less time or compact the store",
                                    WEIR_CATALOG_FILES_MAX)
                    : no_memory(reading);
    }
    *room = file;
    catalog->count++;
    catalog->octets += file.octets;
    return 0;
}

/* Reads one folder: those of the next level, or at the last one the files. */
static int read_folder(struct reading *reading, const char *folder, size_t level, size_t *ret_found)
{
    const char *prefix = reading->levels[level];
    DIR *dir = opendir(folder);
    if (!dir && (level > 0 || reading->table) && errno == ENOENT)
        return 0;
    if (!dir)
        return weir_diag_set(reading->diag, level == 0 ? WEIR_E_USAGE : WEIR_E_IO, "%s: %s", folder,
                             strerror(errno));
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        bool wanted = prefix ? strncmp(entry->d_name, prefix, strlen(prefix)) == 0
                             : entry->d_name[0] != '.' && ends_with(entry->d_name, ".parquet");
        char *path;
        if (!wanted)
            continue;
        ++*ret_found;
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            result = no_memory(reading);
        } else if (prefix) {
            size_t found = 0;
            result = read_folder(reading, path, level + 1, &found);
            free(path);
        } else {
            result = add_file(reading, path, entry->d_name);
        }
    }
    closedir(dir);
    return result;
}

static int by_path(const void *a, const void *b)
{
    const struct weir_catalog_file *first = a, *second = b;
    return strcmp(first->path, second->path);
}

static bool has_marker(const char *folder)
{
    char *path;
    struct stat status;
    if (asprintf(&path, "%s/" WEIR_STORE_MARKER_NAME, folder) < 0)
        return false;
    bool found = stat(path, &status) == 0;
    free(path);
    return found;
}

/* The files below `below` in the store's folder, which ends in no '/'. */
static int read_files(struct reading *reading, const char *root, const char *below,
                      struct weir_catalog *ret_catalog)
{
    char *folder;
    size_t found = 0;
    struct weir_catalog *catalog = &reading->catalog;
    if (asprintf(&folder, "%s%s", root, below) < 0)
        return no_memory(reading);
    int result = read_folder(reading, folder, 0, &found);
    free(folder);
    if (result == 0 && found == 0 && !has_marker(root))
        result = weir_diag_set(reading->diag, WEIR_E_USAGE, "%s: this is no store of flows", root);
    if (result < 0) {
        weir_catalog_done(catalog);
        return result;
    }
    if (catalog->count > 0)
        qsort(catalog->files, catalog->count, sizeof(catalog->files[0]), by_path);
    *ret_catalog = *catalog;
    return 0;
}

/* A copy without the slashes at its end; NULL without memory. */
static char *root_of(const char *folder)
{
    char *root = strdup(folder);
    if (!root)
        return NULL;
    for (size_t length = strlen(root); length > 1 && root[length - 1] == '/'; length--)
        root[length - 1] = '\0';
    return root;
}

int weir_catalog_read(const char *folder, int64_t from_ms, int64_t to_ms,
                      struct weir_catalog *ret_catalog, struct weir_diag *diag)
{
    static const char *const levels[] = {"date=", "hour=", NULL};
    struct reading reading = {.levels = levels, .from_ms = from_ms, .to_ms = to_ms, .diag = diag};
    char *root = root_of(folder);
    int result = root ? read_files(&reading, root, "", ret_catalog) : no_memory(&reading);
    free(root);
    return result;
}

int weir_catalog_read_table(const char *folder, const char *table, int64_t from_ms, int64_t to_ms,
                            struct weir_catalog *ret_catalog, struct weir_diag *diag)
{
    static const char *const levels[] = {"date=", NULL};
    char below[WEIR_STORE_PARTITION_MAX];
    struct reading reading = {
        .table = table, .levels = levels, .from_ms = from_ms, .to_ms = to_ms, .diag = diag};
    char *root = root_of(folder);
    int result = root ? 0 : no_memory(&reading);
    if (result == 0 && !has_marker(root))
        result = weir_diag_set(diag, WEIR_E_USAGE, "%s: this is no store of flows", folder);
    snprintf(below, sizeof(below), "/" WEIR_STORE_TABLES_NAME "/%s", table);
    if (result == 0)
        result = read_files(&reading, root, below, ret_catalog);
    free(root);
    return result;
}

void weir_catalog_done(struct weir_catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++)
        free(catalog->files[i].path);
    free(catalog->files);
    *catalog = (struct weir_catalog){0};
}
