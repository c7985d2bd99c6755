/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table_file.h"

#include <assert.h>
#include <stdlib.h>

#include "store/parquet_file.h"
#include "store/rle.h"

struct weir_table_file {
    const struct weir_schema *schema;
    struct weir_parquet_file file;
    struct weir_chunk_encoder *chunks;
    struct weir_chunk_history histories[WEIR_TABLE_LEAVES_MAX];
    struct weir_octets levels; /* definition levels of a leaf */
    struct weir_rle rle;
    uint32_t row_count;
    int64_t start_ms;
    int64_t end_ms;
    uint64_t scratch[WEIR_TABLE_FILE_ROWS]; /* the values of a leaf that are not none */
    struct weir_table_row rows[WEIR_TABLE_FILE_ROWS];
};

int weir_table_file_new(enum weir_table table, struct weir_table_file **ret_file)
{
    struct weir_table_file *file = calloc(1, sizeof(*file));
    if (!file)
        return WEIR_E_NOMEM;
    file->schema = &weir_table_info(table)->schema;
    if (weir_chunk_encoder_new(WEIR_CODEC_LZ4, WEIR_TABLE_FILE_ROWS, &file->chunks) < 0) {
        free(file);
        return WEIR_E_NOMEM;
    }
    *ret_file = file;
    return 0;
}

void weir_table_file_free(struct weir_table_file *file)
{
    if (!file)
        return;
    weir_chunk_encoder_free(file->chunks);
    weir_parquet_file_done(&file->file);
    weir_octets_done(&file->levels);
    free(file);
}

void weir_table_file_begin(struct weir_table_file *file, int fd)
{
    weir_parquet_file_begin(&file->file, file->schema, fd);
    file->row_count = 0;
    file->start_ms = INT64_MAX;
    file->end_ms = INT64_MIN;
}

static int no_memory(struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
}

/* The values of a leaf into `scratch`, 4 or 8 octets each, and which rows have one. */
static uint32_t gather(struct weir_table_file *file, unsigned leaf, bool wide)
{
    uint32_t *narrow = (uint32_t *)file->scratch;
    uint32_t count = 0;
    weir_octets_clear(&file->levels);
    weir_rle_begin(&file->rle, &file->levels, 1);
    for (uint32_t i = 0; i < file->row_count; i++) {
        const struct weir_table_row *row = &file->rows[i];
        bool has = row->present >> leaf & 1;
        weir_rle_put(&file->rle, has, 1);
        if (!has)
            continue;
        if (wide)
            file->scratch[count++] = row->values[leaf];
        else
            narrow[count++] = (uint32_t)row->values[leaf];
    }
    weir_rle_end(&file->rle);
    return count;
}

static int put_leaf(struct weir_table_file *file, unsigned leaf, struct weir_diag *diag)
{
    enum weir_leaf_type type = file->schema->leaves[leaf].type;
    bool wide = weir_leaf_is_wide(type);
    uint32_t count = gather(file, leaf, wide);
    const struct weir_chunk_source source = {
        .type = type,
        .kind = WEIR_CHUNK_VALUES,
        .row_count = file->row_count,
        .value_count = count,
        .levels = &file->levels,
        .history = &file->histories[leaf],
        .values = {.data = file->scratch,
                   .count = count,
                   .width = wide ? 8 : 4,
                   .is_signed = weir_leaf_is_signed(type)},
    };
    const struct weir_chunk *chunk;
    if (file->levels.failed ||
        weir_chunk_encode(file->chunks, &source, &file->file.out, &chunk) < 0)
        return no_memory(diag);
    return weir_parquet_file_put(&file->file, leaf, chunk, diag);
}

static int put_row_group(struct weir_table_file *file, struct weir_diag *diag)
{
    struct weir_footer *footer = &file->file.footer;
    if (file->row_count == 0)
        return 0;
    if (footer->row_group_count == WEIR_PARQUET_ROW_GROUPS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "a file has at most %u row groups",
                             WEIR_PARQUET_ROW_GROUPS_MAX);
    weir_footer_begin_row_group(footer, file->row_count, file->file.offset);
    for (unsigned leaf = 0; leaf < file->schema->leaf_count; leaf++) {
        int error = put_leaf(file, leaf, diag);
        if (error < 0)
            return error;
    }
    weir_footer_end_row_group(footer);
    file->row_count = 0;
    return footer->row_groups.failed ? no_memory(diag) : 0;
}

int weir_table_file_append(struct weir_table_file *file, const struct weir_table_row *row,
                           struct weir_diag *diag)
{
    assert(row->present & 1);
    int64_t time_ms = (int64_t)row->values[0];
    file->start_ms = time_ms < file->start_ms ? time_ms : file->start_ms;
    file->end_ms = time_ms > file->end_ms ? time_ms : file->end_ms;
    file->rows[file->row_count++] = *row;
    return file->row_count == WEIR_TABLE_FILE_ROWS ? put_row_group(file, diag) : 0;
}

int weir_table_file_finish(struct weir_table_file *file, struct weir_parquet_summary *ret_summary,
                           struct weir_diag *diag)
{
    int error = put_row_group(file, diag);
    if (error == 0)
        error = weir_parquet_file_finish(&file->file, diag);
    if (error < 0)
        return error;
    *ret_summary = (struct weir_parquet_summary){
        .rows = file->file.footer.rows,
        .octets = file->file.offset,
        .row_groups = file->file.footer.row_group_count,
        .start_ms = file->start_ms,
        .end_ms = file->end_ms,
    };
    return 0;
}
