/* SPDX-License-Identifier: Apache-2.0 */
#include "app/state_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/text.h"
#include "collect/state.h"

#define STATE_OCTETS_MAX ((size_t)1 << 30)
#define PATH_OCTETS_MAX  4096u
#define SHARES_MAX       64u

/* That of a share, to be freed; NULL: no memory. */
static char *path_of(const char *base, unsigned index)
{
    char *path = NULL;
    int length = index == 0 ? asprintf(&path, "%s", base) : asprintf(&path, "%s.%u", base, index);
    return length < 0 ? NULL : path;
}

const struct weir_counter weir_state_file_counter_table[] = {
    WEIR_COUNTER(struct weir_state_file_counters, state_writes_failed, NONE,
                 "times that --state, or the store's, could not be written while collecting"),
};
const size_t weir_state_file_counter_count =
    sizeof(weir_state_file_counter_table) / sizeof(weir_state_file_counter_table[0]);

int weir_state_file_init(struct weir_state_file *file, const char *path, struct weir_share share)
{
    *file = (struct weir_state_file){
        .base = strdup(path), .path = path_of(path, share.index), .share = share};
    return file->base && file->path ? 0 : WEIR_E_NOMEM;
}

void weir_state_file_done(struct weir_state_file *file)
{
    free(file->base);
    free(file->path);
    file->base = file->path = NULL;
}

/* "udp://:2055" is udp-2055: collectors of one store do not listen at the same place. */
static void add_name(struct weir_text_buffer *path, const char *url)
{
    bool has_gap = false;
    for (; *url && *url != '?'; url++) {
        bool is_plain = isalnum((unsigned char)*url) || *url == '.';
        if (is_plain && has_gap)
            weir_text_add_char(path, '-');
        if (is_plain)
            weir_text_add_char(path, *url);
        has_gap = !is_plain;
    }
}

int weir_state_file_path_in_store(const char *store, const char *url, char **ret_path,
                                  struct weir_diag *diag)
{
    struct weir_text_buffer path;
    int result = 0;
    weir_text_init(&path, PATH_OCTETS_MAX);
    weir_text_printf(&path, "%s/.state", store);
    if (mkdir(weir_text_string(&path), 0777) < 0 && errno != EEXIST)
        result = weir_diag_set(diag, WEIR_E_IO, "%s: %s", weir_text_string(&path), strerror(errno));
    weir_text_add_char(&path, '/');
    add_name(&path, url);
    char *copy = result < 0 || weir_text_error(&path) < 0 ? NULL : strdup(weir_text_string(&path));
    if (result == 0 && !copy)
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the name of a file");
    *ret_path = copy;
    weir_text_done(&path);
    return result;
}

static int read_all(int fd, uint8_t *octets, size_t length, struct weir_diag *diag)
{
    while (length > 0) {
        ssize_t got = read(fd, octets, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return weir_diag_set(diag, WEIR_E_IO, "%s", got < 0 ? strerror(errno) : "it shrank");
        octets += got;
        length -= (size_t)got;
    }
    return 0;
}

static int restore(int fd, const struct weir_share *share, struct weir_collector *collector,
                   struct weir_diag *diag)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "it is no file");
    if ((uint64_t)status.st_size > STATE_OCTETS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "it is too large to be a collector's state");
    if (status.st_size == 0)
        return 0;
    size_t length = (size_t)status.st_size;
    uint8_t *octets = malloc(length);
    if (!octets)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to read it");
    int result = read_all(fd, octets, length, diag);
    if (result == 0)
        result = weir_collector_restore_share(collector, share, octets, length, diag);
    free(octets);
    return result;
}

static int read_one(const struct weir_state_file *file, const char *path,
                    struct weir_collector *collector, struct weir_diag *diag)
{
    /* Without waiting for the writer of what turns out to be a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    int result = fd < 0 ? weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno))
                        : restore(fd, &file->share, collector, diag);
    if (fd >= 0)
        close(fd);
    if (result < 0)
        weir_diag_prefix(diag, "%s", path);
    return result;
}

/* A file that is there. */
struct candidate {
    int64_t saved_ns;
    char *path;
};

static int newest_first(const void *a, const void *b)
{
    int64_t left = ((const struct candidate *)a)->saved_ns,
            right = ((const struct candidate *)b)->saved_ns;
    return left < right ? 1 : -(left > right);
}

/* When the state in it was saved; 0: what is there is none. -1: nothing is there. */
static int64_t time_of(const char *path)
{
    uint8_t head[WEIR_COLLECTOR_STATE_HEAD];
    struct stat status;
    struct weir_diag ignored;
    int64_t saved_ns = 0;
    if (stat(path, &status) < 0)
        return -1;
    int fd = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0 && read_all(fd, head, sizeof(head), &ignored) == 0)
        saved_ns = weir_collector_state_time(head, sizeof(head));
    if (fd >= 0)
        close(fd);
    return saved_ns < 0 ? 0 : saved_ns;
}

/* The files of all shares that there are: the first one, and the others up to one that lacks. */
static unsigned find_files(const char *base, struct candidate *candidates)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SHARES_MAX; i++) {
        char *path = path_of(base, i);
        int64_t saved_ns = path ? time_of(path) : -1;
        if (saved_ns < 0) {
            free(path);
            if (i > 0)
                break;
            continue;
        }
        candidates[count++] = (struct candidate){saved_ns, path};
    }
    return count;
}

int weir_state_file_read(struct weir_state_file *file, struct weir_collector *collector,
                         struct weir_diag *diag)
{
    struct candidate candidates[SHARES_MAX];
    unsigned count = find_files(file->base, candidates);
    int result = 0;
    qsort(candidates, count, sizeof(candidates[0]), newest_first);
    for (unsigned i = 0; i < count; i++) {
        struct weir_diag own = {0};
        int read = read_one(file, candidates[i].path, collector, &own);
        if (read == 0 && file->read_ns == 0)
            file->read_ns = candidates[i].saved_ns;
        if (read < 0 && result == 0) {
            result = read;
            *diag = own;
        }
        free(candidates[i].path);
    }
    return result;
}

void weir_state_file_forget_others(const struct weir_state_file *file)
{
    for (unsigned i = file->share.count > 0 ? file->share.count : 1; i < SHARES_MAX; i++) {
        char *path = path_of(file->base, i);
        int result = path ? unlink(path) : -1;
        free(path);
        if (result < 0)
            return;
    }
}

int weir_state_file_write(const struct weir_state_file *file, struct weir_collector *collector,
                          int64_t now_ns, struct weir_diag *diag)
{
    struct weir_text_buffer state;
    struct weir_output *output;
    weir_text_init(&state, STATE_OCTETS_MAX);
    int result = weir_collector_save(collector, now_ns, &state);
    if (result < 0)
        result = weir_diag_set(diag, (enum weir_error)result,
                               "%s: no memory for what it is to keep", file->path);
    else
        result = weir_output_open(file->path, &output, diag);
    if (result == 0) {
        result = weir_output_write(output, state.data, state.length, diag);
        if (result == 0)
            result = weir_output_close(output, diag);
        else
            weir_output_abort(output);
    }
    weir_text_done(&state);
    return result;
}

bool weir_state_file_tick(struct weir_state_file *file, struct weir_collector *collector,
                          int64_t now_ns, struct weir_diag *ret_text)
{
    /* A clock that was set back must not keep it from being written. */
    if (now_ns < file->next_ns && file->next_ns - now_ns <= WEIR_STATE_FILE_EVERY_NS)
        return false;
    bool is_first = file->next_ns == 0, was_failing = file->is_failing;
    file->next_ns = now_ns + WEIR_STATE_FILE_EVERY_NS;
    if (is_first)
        return false;
    file->is_failing = weir_state_file_write(file, collector, now_ns, ret_text) < 0;
    file->counters.state_writes_failed += file->is_failing;
    if (file->is_failing)
        weir_diag_prefix(ret_text, "what was learned of exporters is not kept, until it can be");
    else if (was_failing)
        weir_diag_set(ret_text, WEIR_E_IO, "%s: what was learned of exporters is kept again",
                      file->path);
    return file->is_failing != was_failing;
}
