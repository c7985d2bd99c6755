/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scan_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void weir_scan_source_init(struct weir_scan_source *source, const struct weir_catalog *files,
                           struct weir_diag *diag)
{
    *source = (struct weir_scan_source){.files = files, .diag = diag, .fd = -1};
}

void weir_scan_source_done(struct weir_scan_source *source)
{
    for (unsigned i = 0; i < WEIR_LEAF_COUNT; i++)
        weir_pages_free(source->pages[i]);
    free(source->zeros);
    *source = (struct weir_scan_source){.fd = -1};
}

static int no_memory(struct weir_scan_source *source)
{
    return weir_diag_set(source->diag, WEIR_E_NOMEM, "no memory for the query");
}

static int visit_group(void *context, const struct weir_footer_group *group)
{
    struct weir_scan_source *source = context;
    if (group->rows == 0)
        return 0;
    if (group->rows > WEIR_PAGES_ROWS_MAX)
        return weir_diag_set(source->diag, WEIR_E_UNSUPPORTED, "so many rows in a row group");
    if (source->stop && source->stop(source->stop_context))
        return weir_diag_set(source->diag, WEIR_E_AGAIN, "interrupted");
    source->group = group;
    source->row_count = (uint32_t)group->rows;
    memset(source->is_loaded, 0, sizeof(source->is_loaded));
    return source->visit(source->visit_context, source);
}

int weir_scan_each(struct weir_scan_source *source,
                   int (*visit)(void *context, struct weir_scan_source *source), void *context)
{
    source->visit = visit;
    source->visit_context = context;
    int result = 0;
    for (size_t i = 0; i < source->files->count && result == 0; i++) {
        source->file = &source->files->files[i];
        source->fd = open(source->file->path, O_RDONLY | O_CLOEXEC);
        result = source->fd < 0 ? weir_diag_set(source->diag, WEIR_E_IO, "%s: %s",
                                                source->file->path, strerror(errno))
                                : weir_footer_read(source->fd, visit_group, source, source->diag);
        if (source->fd >= 0)
            close(source->fd);
        source->fd = -1;
    }
    return result;
}

/* Of a leaf that the file lacks: none in every row. */
static int make_none(struct weir_scan_source *source, struct weir_leaf_values *ret_values)
{
    static const uint64_t zero;
    if (!source->zeros)
        source->zeros = calloc(WEIR_PAGES_ROWS_MAX, sizeof(*source->zeros));
    if (!source->zeros)
        return no_memory(source);
    *ret_values = (struct weir_leaf_values){
        .row_count = source->row_count,
        .entry_count = 1,
        .entries = &zero,
        .ids = source->zeros,
        .has = (const uint8_t *)source->zeros,
    };
    return 0;
}

int weir_scan_leaf(struct weir_scan_source *source, enum weir_leaf leaf,
                   const struct weir_leaf_values **ret_values)
{
    const struct weir_footer_chunk *chunk = &source->group->chunks[leaf];
    struct weir_leaf_values *values = &source->values[leaf];
    int result = 0;
    if (!source->is_loaded[leaf] && !chunk->is_there)
        result = make_none(source, values);
    else if (!source->is_loaded[leaf] && !source->pages[leaf] &&
             weir_pages_new(&source->pages[leaf]) < 0)
        result = no_memory(source);
    else if (!source->is_loaded[leaf])
        result = weir_pages_read(source->pages[leaf], source->fd, chunk, leaf, source->row_count,
                                 values, source->diag);
    source->is_loaded[leaf] = result == 0;
    if (result == 0)
        *ret_values = values;
    return result;
}
