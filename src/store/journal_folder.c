/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder.h"
#include "store/ring.h"
#include "store/schema.h"

#define LOCK_NAME      "lock"
#define SHARE_NAME     "share"
#define STATE_NEW      "state.new"
#define SEGMENT_SUFFIX ".pcapng"
#define STATE_SUFFIX   ".state"
#define ID_DIGITS      13
#define STAGED_SLASH   '+'
#define STAGED_MAX     (ID_DIGITS + WEIR_STORE_PARTITION_MAX + WEIR_STORE_NAME_MAX + 4)

static int fail_io(const struct weir_journal_folder *folder, const char *name,
                   struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_IO, "%s/%s: %s", folder->path, name, strerror(errno));
}

static void state_name(uint64_t id, char name[WEIR_SEGMENT_NAME_MAX])
{
    snprintf(name, WEIR_SEGMENT_NAME_MAX, "%013llu" STATE_SUFFIX, (unsigned long long)id);
}

/* The ID that a name begins with, and what follows it; NULL: it has none. */
static const char *parse_id(const char *name, uint64_t *ret_id)
{
    uint64_t id = 0;
    for (unsigned i = 0; i < ID_DIGITS; i++, name++) {
        if (*name < '0' || *name > '9')
            return NULL;
        id = id * 10 + (uint64_t)(*name - '0');
    }
    *ret_id = id;
    return name;
}

static DIR *open_list(const struct weir_journal_folder *folder)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0)
        close(fd);
    return list;
}

static bool has_segment(const struct weir_journal_folder *folder, uint64_t id)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    struct stat status;
    weir_segment_name(id, name);
    return fstatat(folder->fd, name, &status, 0) == 0;
}

static void replace(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from)
            *text = to;
}

/* Moves a staged file to the place that its name says, "ID+PARTITION+FILE" with '+' for '/'. */
static int place(const struct weir_journal_folder *folder, const char *name)
{
    char partition[STAGED_MAX];
    snprintf(partition, sizeof(partition), "%s", name + ID_DIGITS + 1);
    char *file = strrchr(partition, STAGED_SLASH);
    if (!file) {
        errno = EINVAL;
        return -1;
    }
    *file = 0;
    replace(partition, STAGED_SLASH, '/');
    return weir_folder_place(folder->root_fd, folder->fd, name, partition, file + 1);
}

/*
 * Sees to staged files: those of removed segments move to their places, those of segments that are
 * there are removed where `remove` says so. Goes on after an error.
 */
static int settle(const struct weir_journal_folder *folder, bool remove, struct weir_diag *diag)
{
    DIR *list = open_list(folder);
    if (!list)
        return fail_io(folder, ".", diag);
    int result = 0;
    for (const struct dirent *entry; (entry = readdir(list));) {
        uint64_t id;
        const char *rest = parse_id(entry->d_name, &id);
        if (!rest || *rest != STAGED_SLASH)
            continue;
        if (!has_segment(folder, id)) {
            if (place(folder, entry->d_name) < 0 && result == 0)
                result = fail_io(folder, entry->d_name, diag);
        } else if (remove) {
            unlinkat(folder->fd, entry->d_name, 0);
        }
    }
    closedir(list);
    return result;
}

/* Opens DIR/journal/NUMBER and takes its lock. */
static int open_folder(struct weir_journal_folder *folder, const char *store, bool make,
                       struct weir_diag *diag)
{
    char name[32];
    snprintf(name, sizeof(name), WEIR_STORE_JOURNAL_NAME "/%u", folder->number);
    folder->root_fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->root_fd < 0)
        return fail_io(folder, "", diag);
    if (make && ((mkdirat(folder->root_fd, WEIR_STORE_JOURNAL_NAME, 0777) < 0 && errno != EEXIST) ||
                 (mkdirat(folder->root_fd, name, 0777) < 0 && errno != EEXIST)))
        return fail_io(folder, "", diag);
    folder->fd = openat(folder->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0)
        return !make && errno == ENOENT ? WEIR_E_NOT_FOUND : fail_io(folder, "", diag);
    folder->lock_fd = weir_folder_lock(folder->fd, LOCK_NAME);
    if (folder->lock_fd < 0)
        return errno == EWOULDBLOCK ? WEIR_E_AGAIN : fail_io(folder, LOCK_NAME, diag);
    return 0;
}

int weir_journal_folder_take(const char *store, unsigned number, bool make,
                             struct weir_journal_folder *ret_folder, struct weir_diag *diag)
{
    struct weir_journal_folder folder = {.root_fd = -1, .fd = -1, .lock_fd = -1, .number = number};
    if (asprintf(&folder.path, "%s/" WEIR_STORE_JOURNAL_NAME "/%u", store, number) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    int result = open_folder(&folder, store, make, diag);
    if (result == 0) {
        unlinkat(folder.fd, STATE_NEW, 0);
        result = weir_ring_rescue(folder.fd, &folder.rescued_octets, diag);
        if (result < 0)
            weir_diag_prefix(diag, "%s", folder.path);
    }
    if (result == 0)
        result = settle(&folder, true, diag);
    if (result < 0) {
        weir_journal_folder_close(&folder);
        return result;
    }
    *ret_folder = folder;
    return 0;
}

void weir_journal_folder_close(struct weir_journal_folder *folder)
{
    if (folder->lock_fd >= 0)
        close(folder->lock_fd);
    if (folder->fd >= 0)
        close(folder->fd);
    if (folder->root_fd >= 0)
        close(folder->root_fd);
    free(folder->path);
    *folder = (struct weir_journal_folder){.root_fd = -1, .fd = -1, .lock_fd = -1};
}

static int by_id(const void *a, const void *b)
{
    uint64_t first, second;
    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    return (first > second) - (first < second);
}

static int add_id(struct weir_journal_ids *ids, uint64_t id)
{
    if ((ids->count & (ids->count - 1)) == 0) {
        uint64_t *grown = realloc(ids->ids, (ids->count ? 2 * ids->count : 1) * sizeof(*grown));
        if (!grown)
            return WEIR_E_NOMEM;
        ids->ids = grown;
    }
    ids->ids[ids->count++] = id;
    return 0;
}

static int find_ids(const struct weir_journal_folder *folder, const char *suffix,
                    struct weir_journal_ids *ret_ids, struct weir_diag *diag)
{
    struct weir_journal_ids ids = {0};
    DIR *list = open_list(folder);
    if (!list)
        return fail_io(folder, ".", diag);
    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(list));) {
        uint64_t id;
        const char *rest = parse_id(entry->d_name, &id);
        if (rest && strcmp(rest, suffix) == 0)
            result = add_id(&ids, id);
    }
    closedir(list);
    if (result < 0) {
        weir_journal_ids_done(&ids);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: %s", folder->path, weir_error_text(result));
    }
    if (ids.count > 0)
        qsort(ids.ids, ids.count, sizeof(ids.ids[0]), by_id);
    *ret_ids = ids;
    return 0;
}

int weir_journal_folder_segments(const struct weir_journal_folder *folder,
                                 struct weir_journal_ids *ret_ids, struct weir_diag *diag)
{
    return find_ids(folder, SEGMENT_SUFFIX, ret_ids, diag);
}

int weir_journal_folder_states(const struct weir_journal_folder *folder,
                               struct weir_journal_ids *ret_ids, struct weir_diag *diag)
{
    return find_ids(folder, STATE_SUFFIX, ret_ids, diag);
}

void weir_journal_ids_done(struct weir_journal_ids *ids)
{
    free(ids->ids);
    *ids = (struct weir_journal_ids){0};
}

static int read_whole(int fd, size_t length, struct weir_octets *octets)
{
    uint8_t *room = weir_octets_room(octets, length);
    size_t have = 0;
    while (room && have < length) {
        ssize_t got = pread(fd, room + have, length - have, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        have += (size_t)got;
    }
    octets->length += have;
    return 0;
}

int weir_journal_folder_load_state(const struct weir_journal_folder *folder, uint64_t id,
                                   struct weir_octets *octets, struct weir_diag *diag)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    struct stat status;
    state_name(id, name);
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? WEIR_E_NOT_FOUND : fail_io(folder, name, diag);
    int result = fstat(fd, &status) < 0 ? WEIR_E_IO : 0;
    if (result == 0 && (uint64_t)status.st_size > WEIR_JOURNAL_STATE_MAX)
        result =
            weir_diag_set(diag, WEIR_E_LIMIT, "%s/%s: longer than any state", folder->path, name);
    else if (result < 0 || read_whole(fd, (size_t)status.st_size, octets) < 0)
        result = fail_io(folder, name, diag);
    if (result == 0 && octets->failed)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "%s/%s: %s", folder->path, name,
                               weir_error_text(WEIR_E_NOMEM));
    close(fd);
    return result;
}

static int write_whole(int fd, const uint8_t *octets, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, octets, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        octets += written;
        length -= (size_t)written;
    }
    return fsync(fd);
}

int weir_journal_folder_save_state(const struct weir_journal_folder *folder, uint64_t id,
                                   const uint8_t *octets, size_t length, struct weir_diag *diag)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    struct stat status;
    state_name(id, name);
    if (fstatat(folder->fd, name, &status, 0) == 0)
        return 0;
    int fd = openat(folder->fd, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_io(folder, name, diag);
    int result = write_whole(fd, octets, length);
    if (result == 0)
        result = renameat(folder->fd, STATE_NEW, folder->fd, name);
    if (result == 0)
        result = fsync(folder->fd);
    if (result < 0)
        result = fail_io(folder, name, diag);
    if (result < 0)
        unlinkat(folder->fd, STATE_NEW, 0);
    close(fd);
    return result;
}

/* Digits and nothing else: what follows them, or NULL. */
static const char *parse_number(const char *text, unsigned *ret_number)
{
    const char *at = text;
    *ret_number = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(*ret_number, 10u, ret_number) ||
            __builtin_add_overflow(*ret_number, (unsigned)(*at - '0'), ret_number))
            return NULL;
    return at > text ? at : NULL;
}

/* "INDEX of COUNT" and the end of the line. */
static bool parse_share(const char *text, struct weir_share *ret_share)
{
    static const char between[] = " of ";
    const size_t length = sizeof(between) - 1;
    const char *end = parse_number(text, &ret_share->index);
    if (!end || strncmp(end, between, length) != 0)
        return false;
    end = parse_number(end + length, &ret_share->count);
    return end && *end == '\n' && ret_share->index < ret_share->count;
}

struct weir_share weir_journal_folder_share(const struct weir_journal_folder *folder)
{
    struct weir_share share = {0, 1};
    char text[64] = "";
    int fd = openat(folder->fd, SHARE_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return share;
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0 || !parse_share(text, &share))
        share = (struct weir_share){1, 1};
    return share;
}

void weir_journal_folder_note_share(const struct weir_journal_folder *folder,
                                    struct weir_share share)
{
    /* One that is cut is of no share, and a state less is known. */
    int fd = openat(folder->fd, SHARE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    dprintf(fd, "%u of %u\n", share.index, share.count);
    close(fd);
}

void weir_journal_folder_forget_states(const struct weir_journal_folder *folder, uint64_t id)
{
    struct weir_journal_ids states = {0};
    if (weir_journal_folder_states(folder, &states, NULL) < 0)
        return;
    for (size_t i = 0; i < states.count && states.ids[i] < id; i++) {
        char name[WEIR_SEGMENT_NAME_MAX];
        state_name(states.ids[i], name);
        unlinkat(folder->fd, name, 0);
    }
    weir_journal_ids_done(&states);
}

int weir_journal_folder_stage(const struct weir_journal_folder *folder, uint64_t id,
                              const char *from, const char *partition, const char *file,
                              struct weir_diag *diag)
{
    char name[STAGED_MAX];
    snprintf(name, sizeof(name), "%013llu%c%s%c%s", (unsigned long long)id, STAGED_SLASH, partition,
             STAGED_SLASH, file);
    replace(name, '/', STAGED_SLASH);
    if (renameat(folder->root_fd, from, folder->fd, name) < 0)
        return fail_io(folder, name, diag);
    return 0;
}

void weir_journal_folder_unstage(const struct weir_journal_folder *folder, uint64_t id)
{
    DIR *list = open_list(folder);
    for (const struct dirent *entry; list && (entry = readdir(list));) {
        uint64_t found;
        const char *rest = parse_id(entry->d_name, &found);
        if (rest && *rest == STAGED_SLASH && found == id)
            unlinkat(folder->fd, entry->d_name, 0);
    }
    if (list)
        closedir(list);
}

int weir_journal_folder_commit(const struct weir_journal_folder *folder, uint64_t id,
                               struct weir_diag *diag)
{
    char segment[WEIR_SEGMENT_NAME_MAX], state[WEIR_SEGMENT_NAME_MAX];
    weir_segment_name(id, segment);
    state_name(id, state);
    /* The staged names first, or a power failure could take the files with the segment. */
    if (fsync(folder->fd) < 0 || (unlinkat(folder->fd, segment, 0) < 0 && errno != ENOENT))
        return fail_io(folder, segment, diag);
    if (fsync(folder->fd) < 0) {
        (void)fail_io(folder, segment, diag);
        return WEIR_E_AGAIN;
    }
    unlinkat(folder->fd, state, 0);
    return settle(folder, false, diag) < 0 ? WEIR_E_AGAIN : 0;
}

int weir_journal_folder_settle(const struct weir_journal_folder *folder, struct weir_diag *diag)
{
    /* A segment that came back after a power failure would bring their rows again. */
    if (fsync(folder->fd) < 0)
        return fail_io(folder, ".", diag);
    return settle(folder, false, diag);
}
