/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LOCK_NAME   "lock"
#define MARKER_HEAD "weir store, schema "
#define MARKER_MAX  64

static int fail_io(struct weir_diag *diag, const char *path)
{
    return weir_diag_set(diag, WEIR_E_IO, "%s: %s", path, strerror(errno));
}

/* Makes the folder and those above it. */
static int make_path(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -1;
    int result = 0;
    for (char *slash = strchr(copy + 1, '/'); slash && result == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            result = -1;
        *slash = '/';
    }
    if (result == 0 && mkdir(copy, 0777) < 0 && errno != EEXIST)
        result = -1;
    free(copy);
    return result;
}

/* Whether the folder has our marker; WEIR_E_UNSUPPORTED where it is of another schema. */
static int read_marker(const struct weir_folder *folder, bool *ret_found, struct weir_diag *diag)
{
    *ret_found = false;
    int fd = openat(folder->root_fd, WEIR_STORE_MARKER_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    char text[MARKER_MAX] = {0};
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int error = length < 0 ? fail_io(diag, folder->path) : 0;
    if (fd >= 0)
        close(fd);
    if (error < 0)
        return error;
    if (strncmp(text, MARKER_HEAD, strlen(MARKER_HEAD)) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "%s: is not a weir store: the file " WEIR_STORE_MARKER_NAME
                             " in it is not weir's",
                             folder->path);
    if (strcmp(text, WEIR_STORE_MARKER_TEXT) != 0) {
        text[strcspn(text, "\n")] = 0;
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                             "%s: is a store of schema %s; this weir writes schema %s",
                             folder->path, text + strlen(MARKER_HEAD), WEIR_STORE_SCHEMA_VERSION);
    }
    *ret_found = true;
    return 0;
}

/* A folder without marker may be made a store only when it holds nothing. */
static int refuse_other_things(const struct weir_folder *folder, struct weir_diag *diag)
{
    static const char *const ours[] = {".",
                                       "..",
                                       WEIR_STORE_TEMPORARY_NAME,
                                       WEIR_STORE_MARKER_NAME,
                                       WEIR_STORE_JOURNAL_NAME,
                                       "lost+found"};
    int fd = openat(folder->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        if (fd >= 0)
            close(fd);
        return fail_io(diag, folder->path);
    }
    int error = 0;
    for (const struct dirent *entry; error == 0 && (entry = readdir(list));) {
        bool known = false;
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            known = known || strcmp(entry->d_name, ours[i]) == 0;
        if (!known)
            error = weir_diag_set(diag, WEIR_E_USAGE,
                                  "%s: is not a weir store, and not empty ('%s' is in it): give a "
                                  "new or an empty folder",
                                  folder->path, entry->d_name);
    }
    closedir(list);
    return error;
}

/* Writes the marker where there is none; the start-up lock is held. */
static int write_marker(const struct weir_folder *folder, struct weir_diag *diag)
{
    const char *temporary = WEIR_STORE_TEMPORARY_NAME "/" WEIR_STORE_MARKER_NAME;
    bool found;
    int error = read_marker(folder, &found, diag);
    if (error < 0 || found)
        return error;
    size_t length = strlen(WEIR_STORE_MARKER_TEXT);
    int fd = openat(folder->root_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written =
        fd >= 0 && write(fd, WEIR_STORE_MARKER_TEXT, length) == (ssize_t)length && fsync(fd) == 0 &&
        renameat(folder->root_fd, temporary, folder->root_fd, WEIR_STORE_MARKER_NAME) == 0 &&
        fsync(folder->root_fd) == 0;
    error = written ? 0 : fail_io(diag, folder->path);
    if (fd >= 0)
        close(fd);
    return error;
}

/* Opens and locks a file; -1 with EWOULDBLOCK where another has it and we do not wait. */
static int open_locked(int dir_fd, const char *path, int flags, int operation)
{
    int fd = openat(dir_fd, path, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    while (flock(fd, operation) < 0) {
        if (errno == EINTR)
            continue;
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

/* Removes all files of a folder below .tmp, and it; returns how many, not counting its lock. */
static uint64_t remove_folder(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    uint64_t removed = 0;
    for (const struct dirent *entry; (entry = readdir(list));)
        if (unlinkat(fd, entry->d_name, 0) == 0 && strcmp(entry->d_name, LOCK_NAME) != 0)
            removed++;
    closedir(list);
    unlinkat(parent_fd, name, AT_REMOVEDIR);
    return removed;
}

/* Removes what writers left that live no more; the start-up lock is held. */
static void remove_left_over(struct weir_folder *folder, int temp_fd)
{
    int fd = openat(temp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list));) {
        char path[sizeof(entry->d_name) + sizeof(LOCK_NAME) + 1];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/" LOCK_NAME, entry->d_name);
        int lock = open_locked(temp_fd, path, O_RDWR, LOCK_EX | LOCK_NB);
        /* Without a lock file it was made by one that died before it had made that. */
        if (lock >= 0 || errno == ENOENT)
            folder->removed += remove_folder(temp_fd, entry->d_name);
        if (lock >= 0)
            close(lock);
    }
    closedir(list);
}

/* Makes our own folder below .tmp and takes its lock; the start-up lock is held. */
static int make_own(struct weir_folder *folder, int temp_fd, int64_t now_ns)
{
    int made = -1;
    for (unsigned n = 0; made < 0; n++) {
        snprintf(folder->id, sizeof(folder->id), "%llx-%ld-%u",
                 (unsigned long long)(now_ns / WEIR_NS_PER_MS), (long)getpid(), n);
        made = mkdirat(temp_fd, folder->id, 0777);
        if (made < 0 && errno != EEXIST)
            return -1;
    }
    char path[WEIR_FOLDER_TEMP_MAX];
    snprintf(path, sizeof(path), "%s/" LOCK_NAME, folder->id);
    folder->lock_fd = open_locked(temp_fd, path, O_RDWR | O_CREAT, LOCK_EX | LOCK_NB);
    return folder->lock_fd < 0 ? -1 : 0;
}

static int open_temporaries(struct weir_folder *folder, int64_t now_ns, struct weir_diag *diag)
{
    if (mkdirat(folder->root_fd, WEIR_STORE_TEMPORARY_NAME, 0777) < 0 && errno != EEXIST)
        return fail_io(diag, folder->path);
    int temp_fd =
        openat(folder->root_fd, WEIR_STORE_TEMPORARY_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock_fd = temp_fd < 0 ? -1 : open_locked(temp_fd, LOCK_NAME, O_RDWR | O_CREAT, LOCK_EX);
    int error = 0;
    if (lock_fd < 0) {
        error = fail_io(diag, folder->path);
    } else {
        error = write_marker(folder, diag);
        if (error == 0)
            remove_left_over(folder, temp_fd);
        if (error == 0 && make_own(folder, temp_fd, now_ns) < 0)
            error = fail_io(diag, folder->path);
    }
    if (lock_fd >= 0)
        close(lock_fd);
    if (temp_fd >= 0)
        close(temp_fd);
    return error;
}

int weir_folder_open(const char *path, int64_t now_ns, struct weir_folder *ret_folder,
                     struct weir_diag *diag)
{
    struct weir_folder folder = {.path = strdup(path), .root_fd = -1, .lock_fd = -1};
    if (!folder.path)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    bool found = false;
    int error = 0;
    if (make_path(path) < 0)
        error = weir_diag_set(diag, WEIR_E_USAGE, "%s: cannot be made: %s", path, strerror(errno));
    if (error == 0) {
        folder.root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder.root_fd < 0)
            error = weir_diag_set(diag, WEIR_E_USAGE, "%s: %s", path, strerror(errno));
    }
    if (error == 0)
        error = read_marker(&folder, &found, diag);
    if (error == 0 && !found)
        error = refuse_other_things(&folder, diag);
    if (error == 0)
        error = open_temporaries(&folder, now_ns, diag);
    if (error < 0) {
        weir_folder_close(&folder);
        return error;
    }
    *ret_folder = folder;
    return 0;
}

void weir_folder_close(struct weir_folder *folder)
{
    if (folder->lock_fd >= 0) {
        int temp_fd =
            openat(folder->root_fd, WEIR_STORE_TEMPORARY_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (temp_fd >= 0) {
            remove_folder(temp_fd, folder->id);
            close(temp_fd);
        }
        close(folder->lock_fd);
    }
    if (folder->root_fd >= 0)
        close(folder->root_fd);
    free(folder->path);
    *folder = (struct weir_folder){.root_fd = -1, .lock_fd = -1};
}

void weir_folder_temporary(const struct weir_folder *folder, uint64_t number,
                           char path[WEIR_FOLDER_TEMP_MAX])
{
    snprintf(path, WEIR_FOLDER_TEMP_MAX, WEIR_STORE_TEMPORARY_NAME "/%s/%llu.parquet", folder->id,
             (unsigned long long)number);
}

void weir_folder_blame(const struct weir_folder *folder, uint64_t number, struct weir_diag *diag)
{
    char path[WEIR_FOLDER_TEMP_MAX];
    weir_folder_temporary(folder, number, path);
    weir_diag_prefix(diag, "%s/%s", folder->path, path);
}

int weir_folder_create(const struct weir_folder *folder, uint64_t number, struct weir_diag *diag)
{
    char path[WEIR_FOLDER_TEMP_MAX];
    weir_folder_temporary(folder, number, path);
    int fd = openat(folder->root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
        weir_folder_blame(folder, number, diag);
        return WEIR_E_IO;
    }
    return fd;
}

void weir_folder_remove(const struct weir_folder *folder, uint64_t number)
{
    char path[WEIR_FOLDER_TEMP_MAX];
    weir_folder_temporary(folder, number, path);
    unlinkat(folder->root_fd, path, 0);
}

/* Syncs the folder `path` below `dir_fd`, so that the names in it are on disk. */
static int sync_folder(int dir_fd, const char *path)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

/* Makes a partition's folders; those that are new are on disk with their names. */
static int make_partition(int root_fd, const char *partition)
{
    char folder[WEIR_STORE_PARTITION_MAX], parent[WEIR_STORE_PARTITION_MAX] = ".";
    for (size_t length = strcspn(partition, "/");;
         length += 1 + strcspn(partition + length + 1, "/")) {
        memcpy(folder, partition, length);
        folder[length] = 0;
        if (mkdirat(root_fd, folder, 0777) == 0) {
            if (sync_folder(root_fd, parent) < 0)
                return -1;
        } else if (errno != EEXIST) {
            return -1;
        }
        if (!partition[length])
            return 0;
        memcpy(parent, folder, length + 1);
    }
}

static bool same_file(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat one, other;
    return fstatat(from_fd, from, &one, 0) == 0 && fstatat(to_fd, to, &other, 0) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/*
 * Renames without replacing. Where the file system has no such call, by a second link; who died
 * between the two steps left the file under both names.
 */
static int rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EEXIST)
        return -1;
    int reason = linkat(from_fd, from, to_fd, to, 0) < 0 ? errno : 0;
    if (reason && (reason != EEXIST || !same_file(from_fd, from, to_fd, to))) {
        errno = reason;
        return -1;
    }
    return unlinkat(from_fd, from, 0);
}

int weir_folder_place(int root_fd, int from_fd, const char *from, const char *partition,
                      const char *file)
{
    char to[WEIR_STORE_PARTITION_MAX + WEIR_STORE_NAME_MAX + 1];
    snprintf(to, sizeof(to), "%s/%s", partition, file);
    if (make_partition(root_fd, partition) < 0 || rename_new(from_fd, from, root_fd, to) < 0)
        return -1;
    return sync_folder(root_fd, partition);
}

int weir_folder_lock(int folder_fd, const char *path)
{
    return open_locked(folder_fd, path, O_RDWR | O_CREAT, LOCK_EX | LOCK_NB);
}

int weir_folder_publish(const struct weir_folder *folder, uint64_t number, const char *partition,
                        const struct weir_store_name *name, struct weir_diag *diag)
{
    char from[WEIR_FOLDER_TEMP_MAX], file[WEIR_STORE_NAME_MAX];
    weir_folder_temporary(folder, number, from);
    weir_store_name_format(name, file);
    if (weir_folder_place(folder->root_fd, folder->root_fd, from, partition, file) < 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s/%s/%s: %s", folder->path, partition, file,
                             strerror(errno));
    return 0;
}
