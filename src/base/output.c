/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_OCTETS ((size_t)1 << 20)

struct weir_output {
    int fd;
    int error; /* of the first write that failed: octets are missing */
    size_t buffered;
    char *path;
    char *temporary; /* NULL: written to under its own name */
    char buffer[BUFFER_OCTETS];
};

const char *weir_output_name(const struct weir_output *output)
{
    return strcmp(output->path, "-") == 0 ? "standard output" : output->path;
}

const char *weir_output_path(const struct weir_output *output)
{
    return output->temporary ? output->temporary : output->path;
}

static int io_failed(const struct weir_output *output, const char *what, struct weir_diag *diag)
{
    bool closed = errno == EPIPE && strcmp(output->path, "-") == 0;
    return weir_diag_set(diag, closed ? WEIR_E_CLOSED : WEIR_E_IO, "%s: %s: %s",
                         weir_output_name(output), what, strerror(errno));
}

static int open_file(struct weir_output *output, struct weir_diag *diag)
{
    struct stat status;
    if (strcmp(output->path, "-") == 0) {
        output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    } else if (lstat(output->path, &status) == 0 && S_ISLNK(status.st_mode)) {
        /* A new file would take the link's name, /dev/stderr's for instance. */
        output->fd = open(output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    } else if (stat(output->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        output->fd = open(output->path, O_WRONLY | O_CLOEXEC);
    } else {
        if (asprintf(&output->temporary, "%s.%d.part", output->path, (int)getpid()) < 0) {
            output->temporary = NULL;
            return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory", output->path);
        }
        output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    return output->fd < 0 ? io_failed(output, "opening", diag) : 0;
}

static void free_output(struct weir_output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    free(output->temporary);
    free(output->path);
    free(output);
}

int weir_output_check(const char *path, struct weir_diag *diag)
{
    struct stat status;
    if (strcmp(path, "-") == 0)
        return 0;
    /* A regular file is replaced: it is its folder that has to let us. */
    bool is_replaced = lstat(path, &status) != 0 || S_ISREG(status.st_mode);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", path, strerror(EISDIR));
    char *copy = strdup(path);
    if (!copy)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory", path);
    const char *asked = is_replaced ? dirname(copy) : path;
    int failed = faccessat(AT_FDCWD, asked, is_replaced ? W_OK | X_OK : W_OK, AT_EACCESS);
    /* Where a link leads to nothing yet, a file is made there. */
    bool leads_nowhere = failed && !is_replaced && errno == ENOENT;
    int result = failed && !leads_nowhere
                     ? weir_diag_set(diag, WEIR_E_IO, "%s: %s", path, strerror(errno))
                     : 0;
    free(copy);
    return result;
}

int weir_output_open(const char *path, struct weir_output **ret_output, struct weir_diag *diag)
{
    struct weir_output *output = malloc(sizeof(*output));
    char *copy = strdup(path);
    if (!output || !copy) {
        free(copy);
        free(output);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    }
    output->fd = -1;
    output->error = 0;
    output->buffered = 0;
    output->path = copy;
    output->temporary = NULL;
    int result = open_file(output, diag);
    if (result < 0) {
        free_output(output);
        return result;
    }
    *ret_output = output;
    return 0;
}

static int write_all(struct weir_output *output, const char *octets, size_t length,
                     struct weir_diag *diag)
{
    for (size_t done = 0; done < length;) {
        ssize_t written = write(output->fd, octets + done, length - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR) {
            output->error = io_failed(output, "writing", diag);
            return output->error;
        }
    }
    return 0;
}

int weir_output_flush(struct weir_output *output, struct weir_diag *diag)
{
    size_t length = output->buffered;
    output->buffered = 0;
    return write_all(output, output->buffer, length, diag);
}

int weir_output_write(struct weir_output *output, const void *octets, size_t length,
                      struct weir_diag *diag)
{
    if (length > BUFFER_OCTETS - output->buffered) {
        int result = weir_output_flush(output, diag);
        if (result < 0)
            return result;
    }
    if (length > BUFFER_OCTETS)
        return write_all(output, octets, length, diag);
    if (length > 0)
        memcpy(output->buffer + output->buffered, octets, length);
    output->buffered += length;
    return 0;
}

/* Makes a new name durable: its folder is what holds it. */
static int sync_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -1;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

static int finish(struct weir_output *output, struct weir_diag *diag)
{
    if (output->error < 0)
        return weir_diag_set(diag, (enum weir_error)output->error,
                             "%s: an earlier write failed, octets are missing",
                             weir_output_name(output));
    int result = weir_output_flush(output, diag);
    if (result < 0 || !output->temporary)
        return result;
    if (fsync(output->fd) < 0)
        return io_failed(output, "making durable", diag);
    if (rename(output->temporary, output->path) < 0)
        return io_failed(output, "renaming", diag);
    free(output->temporary);
    output->temporary = NULL;
    return sync_folder(output->path) < 0 ? io_failed(output, "making its name durable", diag) : 0;
}

int weir_output_close(struct weir_output *output, struct weir_diag *diag)
{
    int result = finish(output, diag);
    if (result < 0)
        weir_output_abort(output);
    else
        free_output(output);
    return result;
}

void weir_output_abort(struct weir_output *output)
{
    if (!output)
        return;
    if (output->temporary)
        unlink(output->temporary);
    free_output(output);
}
