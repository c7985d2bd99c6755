/* SPDX-License-Identifier: Apache-2.0 */
#include "app/state_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/text.h"
#include "collect/state.h"

#define STATE_OCTETS_MAX ((size_t)1 << 30)
#define PATH_OCTETS_MAX  4096u

int weir_state_file_init(struct weir_state_file *file, const char *path)
{
    *file = (struct weir_state_file){.path = strdup(path)};
    return file->path ? 0 : WEIR_E_NOMEM;
}

void weir_state_file_done(struct weir_state_file *file)
{
    free(file->path);
    file->path = NULL;
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

int weir_state_file_init_in_store(struct weir_state_file *file, const char *store, const char *url,
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
    if (result == 0 &&
        (weir_text_error(&path) < 0 || weir_state_file_init(file, weir_text_string(&path)) < 0))
        result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the name of a file");
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

static int restore(int fd, struct weir_collector *collector, struct weir_diag *diag)
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
        result = weir_collector_restore(collector, octets, length, diag);
    free(octets);
    return result;
}

int weir_state_file_read(const struct weir_state_file *file, struct weir_collector *collector,
                         struct weir_diag *diag)
{
    /* Without waiting for the writer of what turns out to be a pipe. */
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    int result = fd < 0 ? weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno))
                        : restore(fd, collector, diag);
    if (fd >= 0)
        close(fd);
    if (result < 0)
        weir_diag_prefix(diag, "%s", file->path);
    return result;
}

int weir_state_file_write(const struct weir_state_file *file,
                          const struct weir_collector *collector, struct weir_diag *diag)
{
    struct weir_text_buffer state;
    struct weir_output *output;
    weir_text_init(&state, STATE_OCTETS_MAX);
    int result = weir_collector_save(collector, &state);
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

void weir_state_file_tick(struct weir_state_file *file, const struct weir_collector *collector,
                          int64_t now_ns)
{
    struct weir_diag diag;
    /* A clock that was set back must not keep it from being written. */
    bool is_due = now_ns >= file->next_ns || file->next_ns - now_ns > WEIR_STATE_FILE_EVERY_NS;
    if (file->next_ns != 0 && is_due)
        (void)!weir_state_file_write(file, collector, &diag);
    if (is_due)
        file->next_ns = now_ns + WEIR_STATE_FILE_EVERY_NS;
}
