/* SPDX-License-Identifier: Apache-2.0 */
#include "store/parquet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/dispatch.h"
#include "store/chunk.h"
#include "store/parquet_file.h"
#include "store/rle.h"
#include "store/rows.h"
#include "store/schema.h"

struct weir_parquet_encoder {
    struct weir_chunk_encoder *chunks;
    uint32_t row_max;
    int64_t *ms; /* a TIME column's two leaves */
    uint32_t *ns;
    struct weir_run *runs; /* a leaf's values, one run a segment at most */
    uint32_t run_capacity;
    struct weir_octets levels; /* definition levels of a column */
    struct weir_chunk_history histories[WEIR_LEAF_COUNT];
    struct weir_rle rle;
};

struct weir_parquet {
    struct weir_parquet_encoder *encoder;
    struct weir_rows rows;
    struct weir_parquet_file file;
    int64_t start_ms; /* range of flow times so far */
    int64_t end_ms;
};

int weir_parquet_encoder_new(const struct weir_parquet_options *options,
                             struct weir_parquet_encoder **ret_encoder)
{
    uint32_t row_max =
        options->row_group_rows ? options->row_group_rows : WEIR_PARQUET_ROW_GROUP_ROWS;
    if (row_max > WEIR_PARQUET_ROW_GROUP_ROWS)
        return WEIR_E_USAGE;
    struct weir_parquet_encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return WEIR_E_NOMEM;
    encoder->row_max = row_max;
    encoder->ms = malloc(row_max * sizeof(*encoder->ms));
    encoder->ns = malloc(row_max * sizeof(*encoder->ns));
    if (!encoder->ms || !encoder->ns ||
        weir_chunk_encoder_new(options->codec, row_max, &encoder->chunks) < 0) {
        weir_parquet_encoder_free(encoder);
        return WEIR_E_NOMEM;
    }
    *ret_encoder = encoder;
    return 0;
}

void weir_parquet_encoder_free(struct weir_parquet_encoder *encoder)
{
    if (!encoder)
        return;
    weir_chunk_encoder_free(encoder->chunks);
    free(encoder->ms);
    free(encoder->ns);
    free(encoder->runs);
    weir_octets_done(&encoder->levels);
    free(encoder);
}

int weir_parquet_new(struct weir_parquet_encoder *encoder, struct weir_parquet **ret_file)
{
    struct weir_parquet *file = calloc(1, sizeof(*file));
    if (!file)
        return WEIR_E_NOMEM;
    file->encoder = encoder;
    file->file.fd = -1;
    weir_rows_init(&file->rows, encoder->row_max);
    *ret_file = file;
    return 0;
}

void weir_parquet_free(struct weir_parquet *file)
{
    if (!file)
        return;
    weir_rows_done(&file->rows);
    weir_parquet_file_done(&file->file);
    free(file);
}

void weir_parquet_begin(struct weir_parquet *file, int fd)
{
    weir_rows_clear(&file->rows);
    weir_parquet_file_begin(&file->file, &weir_flow_schema, fd);
    file->start_ms = INT64_MAX;
    file->end_ms = INT64_MIN;
}

uint64_t weir_parquet_rows(const struct weir_parquet *file)
{
    return file->file.footer.rows + file->rows.row_count;
}

uint64_t weir_parquet_written(const struct weir_parquet *file)
{
    return file->file.offset - file->file.out.length;
}

static int no_memory(struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
}

/* Whether a segment's rows have the column. */
static bool segment_has(const struct weir_segment *segment, enum weir_column column)
{
    if (column >= WEIR_COLUMN_FIRST_OF_ROW)
        return segment->columns >> column & 1;
    return column != WEIR_COLUMN_EXPORTER || segment->has_exporter;
}

/* The definition levels of a column into encoder->levels; returns how many values it has. */
static uint32_t encode_levels(struct weir_parquet *file, enum weir_column column)
{
    const struct weir_rows *rows = &file->rows;
    struct weir_rle *rle = &file->encoder->rle;
    uint32_t value_count = rows->columns[column].count;
    weir_octets_clear(&file->encoder->levels);
    weir_rle_begin(rle, &file->encoder->levels, 1);
    if (column >= WEIR_COLUMN_FIRST_OF_ROW &&
        (value_count == 0 || value_count == rows->row_count)) {
        weir_rle_put(rle, value_count > 0, rows->row_count);
        weir_rle_end(rle);
        return value_count;
    }
    value_count = 0;
    for (uint32_t i = 0; i < rows->segment_count;) {
        bool has = segment_has(&rows->segments[i], column);
        uint32_t count = 0;
        for (; i < rows->segment_count && segment_has(&rows->segments[i], column) == has; i++)
            count += rows->segments[i].row_count;
        weir_rle_put(rle, has, count);
        value_count += has ? count : 0;
    }
    weir_rle_end(rle);
    return value_count;
}

/* Nanoseconds past the millisecond `ms`, which for the earliest times is itself out of range. */
static inline uint32_t past_ms(int64_t time_ns, int64_t ms)
{
    return (uint32_t)((uint64_t)time_ns - (uint64_t)ms * (uint64_t)WEIR_NS_PER_MS);
}

WEIR_CLONES static void split_times(const int64_t *times, uint32_t count, int64_t *ms, uint32_t *ns)
{
    for (uint32_t i = 0; i < count; i++) {
        ms[i] = weir_ns_to_ms(times[i]);
        ns[i] = past_ms(times[i], ms[i]);
    }
}

/* What a segment says of one of the columns that it has for all its rows. */
static uint64_t segment_value(const struct weir_segment *segment, enum weir_leaf leaf)
{
    int64_t ms = weir_ns_to_ms(segment->received_ns);
    switch ((unsigned)leaf) {
    case WEIR_LEAF_OF_RECEIVED:
        return (uint64_t)ms;
    case WEIR_LEAF_OF_RECEIVED_NS:
        return past_ms(segment->received_ns, ms);
    case WEIR_LEAF_OF_EXPORTER_HIGH:
        return segment->exporter.high;
    case WEIR_LEAF_OF_EXPORTER_LOW:
        return segment->exporter.low;
    case WEIR_LEAF_OF_DOMAIN:
        return segment->domain;
    case WEIR_LEAF_OF_PROTOCOL_VERSION:
        return segment->protocol_version;
    default:
        return segment->template_id;
    }
}
_Static_assert(WEIR_COLUMN_FIRST_OF_ROW == WEIR_COLUMN_TEMPLATE + 1 &&
                   WEIR_COLUMN_TEMPLATE == WEIR_COLUMN_PROTOCOL_VERSION + 1,
               "segment_value knows every column of a segment");

static int reserve_runs(struct weir_parquet_encoder *encoder, uint32_t count)
{
    if (count <= encoder->run_capacity)
        return 0;
    struct weir_run *runs = realloc(encoder->runs, count * sizeof(*runs));
    if (!runs)
        return WEIR_E_NOMEM;
    encoder->runs = runs;
    encoder->run_capacity = count;
    return 0;
}

/* The runs of a segment column's leaf; returns how many. */
static uint32_t gather_runs(struct weir_parquet *file, enum weir_leaf leaf)
{
    enum weir_column column = weir_leaf_info(leaf)->column;
    struct weir_run *runs = file->encoder->runs;
    uint32_t run_count = 0;
    for (uint32_t i = 0; i < file->rows.segment_count; i++) {
        const struct weir_segment *segment = &file->rows.segments[i];
        if (!segment_has(segment, column))
            continue;
        uint64_t value = segment_value(segment, leaf);
        if (run_count > 0 && runs[run_count - 1].value == value)
            runs[run_count - 1].count += segment->row_count;
        else
            runs[run_count++] = (struct weir_run){value, segment->row_count};
    }
    return run_count;
}

/* A constant column's leaf as one run. */
static void gather_constant(struct weir_parquet *file, const struct weir_leaf_info *info,
                            struct weir_chunk_source *source)
{
    const struct weir_rows_column *column = &file->rows.columns[info->column];
    unsigned width = weir_rows_width((enum weir_column)info->column);
    uint64_t value;
    weir_values_load(&(struct weir_values){.data = column->values, .width = (uint8_t)width}, 0, 1,
                     &value);
    int64_t ms = weir_ns_to_ms((int64_t)value);
    if (info->part == WEIR_LEAF_NS)
        value = past_ms((int64_t)value, ms);
    else if (info->part == WEIR_LEAF_MS)
        value = (uint64_t)ms;
    file->encoder->runs[0] = (struct weir_run){value, source->value_count};
    source->kind = WEIR_CHUNK_RUNS;
    source->runs = file->encoder->runs;
    source->run_count = 1;
}

/* Points the source at the values of a row column's leaf. */
static void gather_values(struct weir_parquet *file, enum weir_leaf leaf,
                          struct weir_chunk_source *source)
{
    const struct weir_leaf_info *info = weir_leaf_info(leaf);
    const struct weir_rows_column *column = &file->rows.columns[info->column];
    struct weir_parquet_encoder *encoder = file->encoder;
    if (info->type == WEIR_LEAF_STRING) {
        source->kind = WEIR_CHUNK_TEXTS;
        source->texts = (struct weir_texts){column->text.data, column->values, source->value_count};
        return;
    }
    if (column->is_constant && info->part != WEIR_LEAF_LOW) {
        gather_constant(file, info, source);
        return;
    }
    const void *data = column->values;
    unsigned width = weir_rows_width((enum weir_column)info->column);
    switch (info->part) {
    case WEIR_LEAF_MS:
        split_times(column->values, source->value_count, encoder->ms, encoder->ns);
        data = encoder->ms;
        break;
    case WEIR_LEAF_NS: /* comes after MS */
        data = encoder->ns;
        width = 4;
        break;
    case WEIR_LEAF_LOW:
        data = column->low;
        break;
    case WEIR_LEAF_HIGH:
    case WEIR_LEAF_WHOLE:
        break;
    }
    source->kind = WEIR_CHUNK_VALUES;
    source->values = (struct weir_values){
        .data = data,
        .count = source->value_count,
        .width = (uint8_t)width,
        .is_signed = info->part == WEIR_LEAF_MS,
    };
}

static void widen(struct weir_parquet *file, int64_t first_ms, int64_t last_ms)
{
    file->start_ms = first_ms < file->start_ms ? first_ms : file->start_ms;
    file->end_ms = last_ms > file->end_ms ? last_ms : file->end_ms;
}

/* Encodes the leaves of one column. */
static int put_column(struct weir_parquet *file, enum weir_column column, struct weir_diag *diag)
{
    struct weir_parquet_encoder *encoder = file->encoder;
    struct weir_chunk_source source = {
        .row_count = file->rows.row_count,
        .value_count = encode_levels(file, column),
        .levels = &encoder->levels,
    };
    if (encoder->levels.failed)
        return no_memory(diag);
    for (unsigned i = weir_leaf_of_column(column);
         i < WEIR_LEAF_COUNT && weir_leaf_info((enum weir_leaf)i)->column == column; i++) {
        enum weir_leaf leaf = (enum weir_leaf)i;
        const struct weir_leaf_info *info = weir_leaf_info(leaf);
        source.type = info->type;
        source.history = &encoder->histories[leaf];
        source.has_bloom = info->part == WEIR_LEAF_LOW;
        if (column < WEIR_COLUMN_FIRST_OF_ROW) {
            source.kind = WEIR_CHUNK_RUNS;
            source.run_count = gather_runs(file, leaf);
            source.runs = encoder->runs;
        } else {
            gather_values(file, leaf, &source);
        }
        const struct weir_chunk *chunk;
        if (weir_chunk_encode(encoder->chunks, &source, &file->file.out, &chunk) < 0)
            return no_memory(diag);
        int error = weir_parquet_file_put(&file->file, leaf, chunk, diag);
        if (error < 0)
            return error;
        bool is_flow_time = leaf == WEIR_LEAF_OF_START || leaf == WEIR_LEAF_OF_END;
        if (is_flow_time && chunk->value_count > 0)
            widen(file, (int64_t)chunk->range.min, (int64_t)chunk->range.max);
    }
    return 0;
}

/* Records without any time of their own are found by their arrival. */
static void widen_by_arrival(struct weir_parquet *file)
{
    for (uint32_t i = 0; i < file->rows.segment_count; i++) {
        const struct weir_segment *segment = &file->rows.segments[i];
        if (!(segment->columns & (WEIR_COLUMN_BIT(START) | WEIR_COLUMN_BIT(END)))) {
            int64_t ms = weir_ns_to_ms(segment->received_ns);
            widen(file, ms, ms);
        }
    }
}

static int put_row_group(struct weir_parquet *file, struct weir_diag *diag)
{
    if (file->rows.row_count == 0)
        return 0;
    if (file->file.footer.row_group_count == WEIR_PARQUET_ROW_GROUPS_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "a file has at most %u row groups",
                             WEIR_PARQUET_ROW_GROUPS_MAX);
    if (reserve_runs(file->encoder, file->rows.segment_count) < 0)
        return no_memory(diag);
    weir_footer_begin_row_group(&file->file.footer, file->rows.row_count, file->file.offset);
    for (unsigned column = 0; column < WEIR_COLUMN_COUNT; column++) {
        int error = put_column(file, (enum weir_column)column, diag);
        if (error < 0)
            return error;
    }
    weir_footer_end_row_group(&file->file.footer);
    widen_by_arrival(file);
    weir_rows_clear(&file->rows);
    return file->file.footer.row_groups.failed ? no_memory(diag) : 0;
}

int weir_parquet_append(struct weir_parquet *file, const struct weir_batch *batch,
                        uint32_t first_row, uint32_t row_count, struct weir_diag *diag)
{
    assert(first_row + row_count <= batch->row_count);
    uint32_t segment = 0;
    while (segment < batch->segment_count &&
           batch->segments[segment].first_row + batch->segments[segment].row_count <= first_row)
        segment++;
    while (row_count > 0) {
        int taken = weir_rows_append(&file->rows, batch, first_row, row_count, &segment);
        if (taken < 0)
            return no_memory(diag);
        first_row += (uint32_t)taken;
        row_count -= (uint32_t)taken;
        if (row_count > 0 || file->rows.row_count == file->rows.row_max) {
            int error = put_row_group(file, diag);
            if (error < 0)
                return error;
        }
    }
    return 0;
}

int weir_parquet_flush(struct weir_parquet *file, struct weir_diag *diag)
{
    return put_row_group(file, diag);
}

void weir_parquet_use(struct weir_parquet *file, struct weir_parquet_encoder *encoder)
{
    assert(encoder->row_max >= file->rows.row_max);
    file->encoder = encoder;
}

int weir_parquet_finish(struct weir_parquet *file, struct weir_parquet_summary *ret_summary,
                        struct weir_diag *diag)
{
    int error = put_row_group(file, diag);
    if (error < 0)
        return error;
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
