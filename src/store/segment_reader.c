/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/pcapng.h"
#include "store/ring.h"

#define BUFFER_OCTETS ((size_t)1 << 20)

_Static_assert(BUFFER_OCTETS > 2 * WEIR_PCAPNG_PACKET_MAX, "a whole block fits");

struct weir_segment_reader {
    const struct weir_journal_folder *folder;
    uint64_t id;
    int fd;
    uint64_t file_octets;
    uint64_t offset;   /* in the file, of `begin` */
    size_t begin, end; /* of what is in the buffer and not taken */
    uint8_t buffer[BUFFER_OCTETS];
};

static int fail_io(const struct weir_segment_reader *reader, struct weir_diag *diag)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    weir_segment_name(reader->id, name);
    return weir_diag_set(diag, WEIR_E_IO, "%s/%s: %s", reader->folder->path, name, strerror(errno));
}

int weir_segment_reader_open(const struct weir_journal_folder *folder, uint64_t id,
                             struct weir_segment_reader **ret_reader, struct weir_diag *diag)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    struct stat status;
    struct weir_segment_reader *reader = malloc(sizeof(*reader));
    if (!reader)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: %s", folder->path,
                             weir_error_text(WEIR_E_NOMEM));
    weir_segment_name(id, name);
    reader->folder = folder;
    reader->id = id;
    reader->offset = 0;
    reader->begin = reader->end = 0;
    reader->fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0 || fstat(reader->fd, &status) < 0) {
        int result = fail_io(reader, diag);
        weir_segment_reader_close(reader);
        return result;
    }
    reader->file_octets = (uint64_t)status.st_size;
    *ret_reader = reader;
    return 0;
}

void weir_segment_reader_close(struct weir_segment_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}

/* Reads on behind what is there. 0, WEIR_E_END at the end of the file, or WEIR_E_IO. */
static int fill(struct weir_segment_reader *reader, struct weir_diag *diag)
{
    memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
    for (;;) {
        ssize_t got = pread(reader->fd, reader->buffer + reader->end, BUFFER_OCTETS - reader->end,
                            (off_t)(reader->offset + reader->end));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_io(reader, diag);
        reader->end += (size_t)got;
        return got == 0 ? WEIR_E_END : 0;
    }
}

int weir_segment_reader_next(struct weir_segment_reader *reader, struct weir_datagram *ret_datagram,
                             struct weir_diag *diag)
{
    for (;;) {
        struct weir_pcapng_block block;
        int result =
            weir_pcapng_read(reader->buffer + reader->begin, reader->end - reader->begin, &block);
        if (result == WEIR_E_MALFORMED ||
            (result < 0 && reader->end - reader->begin > WEIR_PCAPNG_PACKET_MAX))
            return WEIR_E_END;
        if (result < 0) {
            result = fill(reader, diag);
            if (result < 0)
                return result;
            continue;
        }
        reader->begin += block.length;
        reader->offset += block.length;
        if (block.has_datagram) {
            *ret_datagram = block.datagram;
            return 0;
        }
    }
}

uint64_t weir_segment_reader_cut(const struct weir_segment_reader *reader)
{
    return reader->file_octets - reader->offset;
}
