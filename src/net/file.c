/* SPDX-License-Identifier: Apache-2.0 */
#include "net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_OCTETS      (1u << 20)
#define MESSAGE_OCTETS_MAX 65535u /* RFC 7011 section 3.1: the length has 16 bits */

struct weir_file_sender {
    int fd;
    size_t buffered;
    char *path;
    char *temporary; /* NULL: written to under its own name */
    uint8_t buffer[BUFFER_OCTETS];
};

static int io_failed(const struct weir_file_sender *sender, const char *what,
                     struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_IO, "%s: %s: %s", sender->path, what, strerror(errno));
}

static int write_buffer(struct weir_file_sender *sender, struct weir_diag *diag)
{
    size_t done = 0;
    while (done < sender->buffered) {
        ssize_t written = write(sender->fd, sender->buffer + done, sender->buffered - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            return io_failed(sender, "writing", diag);
    }
    sender->buffered = 0;
    return 0;
}

static int file_send(void *context, const struct weir_message_octets *messages, size_t count,
                     size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_file_sender *sender = context;
    *ret_sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].length > BUFFER_OCTETS - sender->buffered) {
            int result = write_buffer(sender, diag);
            if (result < 0)
                return result;
        }
        memcpy(sender->buffer + sender->buffered, messages[i].octets, messages[i].length);
        sender->buffered += messages[i].length;
        (*ret_sent)++;
    }
    return 0;
}

static int open_file(struct weir_file_sender *sender, struct weir_diag *diag)
{
    struct stat status;
    if (strcmp(sender->path, "-") == 0) {
        sender->fd = dup(STDOUT_FILENO);
    } else if (stat(sender->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        sender->fd = open(sender->path, O_WRONLY | O_CLOEXEC);
    } else {
        if (asprintf(&sender->temporary, "%s.%d.part", sender->path, (int)getpid()) < 0) {
            sender->temporary = NULL;
            return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory", sender->path);
        }
        sender->fd = open(sender->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    return sender->fd < 0 ? io_failed(sender, "opening", diag) : 0;
}

static void free_sender(struct weir_file_sender *sender)
{
    if (sender->fd >= 0)
        close(sender->fd);
    free(sender->temporary);
    free(sender->path);
    free(sender);
}

int weir_file_sender_open(const char *path, struct weir_file_sender **ret_sender,
                          struct weir_transport *ret_transport, struct weir_diag *diag)
{
    struct weir_file_sender *sender = malloc(sizeof(*sender));
    char *copy = strdup(path);
    if (!sender || !copy) {
        free(copy);
        free(sender);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    }
    sender->fd = -1;
    sender->buffered = 0;
    sender->path = copy;
    sender->temporary = NULL;
    int result = open_file(sender, diag);
    if (result < 0) {
        free_sender(sender);
        return result;
    }
    *ret_transport = (struct weir_transport){
        .send = file_send, .context = sender, .message_max = MESSAGE_OCTETS_MAX, .reliable = true};
    *ret_sender = sender;
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

static int finish(struct weir_file_sender *sender, struct weir_diag *diag)
{
    int result = write_buffer(sender, diag);
    if (result < 0 || !sender->temporary)
        return result;
    if (fsync(sender->fd) < 0)
        return io_failed(sender, "making durable", diag);
    if (rename(sender->temporary, sender->path) < 0)
        return io_failed(sender, "renaming", diag);
    free(sender->temporary);
    sender->temporary = NULL;
    return sync_folder(sender->path) < 0 ? io_failed(sender, "making its name durable", diag) : 0;
}

int weir_file_sender_close(struct weir_file_sender *sender, struct weir_diag *diag)
{
    int result = finish(sender, diag);
    if (result < 0)
        weir_file_sender_abort(sender);
    else
        free_sender(sender);
    return result;
}

void weir_file_sender_abort(struct weir_file_sender *sender)
{
    if (!sender)
        return;
    if (sender->temporary)
        unlink(sender->temporary);
    free_sender(sender);
}
