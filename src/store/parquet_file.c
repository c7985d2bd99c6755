/* SPDX-License-Identifier: Apache-2.0 */
#include "store/parquet_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/bloom.h"

#define WRITE_OCTETS (256u << 10) /* gathered before they are written */

void weir_parquet_file_begin(struct weir_parquet_file *file, const struct weir_schema *schema,
                             int fd)
{
    weir_footer_begin(&file->footer, schema);
    weir_octets_clear(&file->out);
    file->fd = fd;
    weir_octets_append(&file->out, WEIR_PARQUET_MAGIC, 4);
    file->offset = 4;
}

void weir_parquet_file_done(struct weir_parquet_file *file)
{
    weir_footer_done(&file->footer);
    weir_octets_done(&file->out);
}

static int no_memory(struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
}

static int write_out(struct weir_parquet_file *file, struct weir_diag *diag)
{
    const uint8_t *at = file->out.data;
    size_t left = file->out.length;
    while (left > 0) {
        ssize_t written = write(file->fd, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
        at += written;
        left -= (size_t)written;
    }
    weir_octets_clear(&file->out);
    return 0;
}

int weir_parquet_file_put(struct weir_parquet_file *file, unsigned leaf,
                          const struct weir_chunk *chunk, struct weir_diag *diag)
{
    struct weir_chunk_place place = {.offset = file->offset};
    file->offset += chunk->packed_octets;
    if (chunk->bloom.length > 0) {
        place.bloom_offset = file->offset;
        size_t before = file->out.length;
        weir_bloom_header(&file->out, chunk->bloom.length);
        weir_octets_append(&file->out, chunk->bloom.data, chunk->bloom.length);
        place.bloom_octets = (uint32_t)(file->out.length - before);
        file->offset += place.bloom_octets;
    }
    weir_footer_add_chunk(&file->footer, leaf, chunk, &place);
    if (file->out.failed)
        return no_memory(diag);
    return file->out.length >= WRITE_OCTETS ? write_out(file, diag) : 0;
}

int weir_parquet_file_finish(struct weir_parquet_file *file, struct weir_diag *diag)
{
    size_t before = file->out.length;
    weir_footer_finish(&file->footer, &file->out);
    if (file->out.failed)
        return no_memory(diag);
    file->offset += file->out.length - before;
    return write_out(file, diag);
}
