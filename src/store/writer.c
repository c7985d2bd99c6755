/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/folder.h"
#include "store/parquet.h"
#include "store/table_file.h"

#define HOUR_NS          (3600 * WEIR_NS_PER_SECOND)
#define HAND_OVER_OCTETS (UINT64_C(8) << 20)

struct slot {
    int64_t start_ns;
    int64_t end_ns; /* not in it */
};

/* A file that is being written. */
struct open_file {
    struct slot slot;
    struct weir_parquet *parquet; /* kept when the file is finished, for its memory */
    int fd;                       /* -1: no file */
    uint64_t number;
    uint64_t last_use;
    uint64_t handed_over; /* octets that the system was told to write to disk */
};

/* The file of a table beside flows that is being written. */
struct side_file {
    struct slot slot;
    struct weir_table_file *rows; /* made with the first row */
    int fd;                       /* -1: no file */
    uint64_t number;
    uint64_t row_count;
};

/* A segment of a journal whose records come. */
struct segment {
    const struct weir_journal_folder *journal; /* NULL: none */
    uint64_t id;
    unsigned files; /* staged, those of tables included */
    uint64_t table_files;
    uint64_t table_rows;
    uint64_t rows; /* in them */
    uint64_t octets;
    bool is_put_off;
    struct weir_diag reason;
};

struct weir_store_writer {
    struct weir_folder folder;
    struct segment segment;
    struct weir_parquet_encoder *encoder;
    int64_t rotate_ns;
    uint64_t file_rows_max;
    uint64_t next_number;
    uint64_t uses;
    struct weir_store_counters counters;
    struct side_file sides[WEIR_TABLE_COUNT];
    uint32_t file_count;
    struct open_file files[];
};

const struct weir_counter weir_store_counter_table[] = {
    WEIR_COUNTER(struct weir_store_counters, records_stored, RECORDS,
                 "records in files of the store, on disk"),
    WEIR_COUNTER(struct weir_store_counters, records_not_stored, RECORDS,
                 "records lost because their file could not be written"),
    WEIR_COUNTER(struct weir_store_counters, files_written, FILES, "files finished"),
    WEIR_COUNTER(struct weir_store_counters, octets_stored, OCTETS, "octets of these files"),
    WEIR_COUNTER(struct weir_store_counters, files_finished_early, FILES,
                 "files finished before their time because too many were open"),
    WEIR_COUNTER(struct weir_store_counters, temporaries_removed, FILES,
                 "files that writers had left unfinished, removed at the start"),
    WEIR_COUNTER(struct weir_store_counters, records_deferred, RECORDS,
                 "records that could not be written when they came; the journal keeps them"),
    WEIR_COUNTER(struct weir_store_counters, table_rows_stored, NONE,
                 "rows in files of the tables beside flows, on disk"),
    WEIR_COUNTER(struct weir_store_counters, table_rows_not_stored, NONE,
                 "such rows lost because their file could not be written"),
    WEIR_COUNTER(struct weir_store_counters, table_files_written, FILES,
                 "files of these tables finished"),
};
const size_t weir_store_counter_count =
    sizeof(weir_store_counter_table) / sizeof(weir_store_counter_table[0]);

int weir_store_writer_open(const struct weir_store_writer_options *options,
                           struct weir_store_writer **ret_writer, struct weir_diag *diag)
{
    uint32_t file_count = options->files_max ? options->files_max : WEIR_STORE_FILES_DEFAULT;
    if (file_count > WEIR_STORE_FILES_MAX || options->rotate_ns < 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: rotation or number of files is out of range",
                             options->path);
    struct weir_store_writer *writer =
        calloc(1, sizeof(*writer) + file_count * sizeof(writer->files[0]));
    if (!writer)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    writer->folder = (struct weir_folder){.root_fd = -1, .lock_fd = -1};
    writer->file_count = file_count;
    for (uint32_t i = 0; i < file_count; i++)
        writer->files[i].fd = -1;
    for (unsigned i = 0; i < WEIR_TABLE_COUNT; i++)
        writer->sides[i].fd = -1;
    writer->rotate_ns = options->rotate_ns ? options->rotate_ns : WEIR_STORE_ROTATE_DEFAULT_NS;
    if (writer->rotate_ns > HOUR_NS)
        writer->rotate_ns = HOUR_NS;
    writer->file_rows_max =
        options->file_rows_max ? options->file_rows_max : WEIR_STORE_FILE_ROWS_DEFAULT;

    struct weir_parquet_options parquet = {options->codec, options->row_group_rows};
    int error = weir_parquet_encoder_new(&parquet, &writer->encoder);
    if (error < 0)
        weir_diag_set(diag, (enum weir_error)error, "%s: %s", options->path,
                      weir_error_text(error));
    else
        error =
            weir_folder_open(options->path, weir_clock_now(&options->clock), &writer->folder, diag);
    if (error < 0) {
        weir_parquet_encoder_free(writer->encoder);
        free(writer);
        return error;
    }
    writer->counters.temporaries_removed = writer->folder.removed;
    *ret_writer = writer;
    return 0;
}

const struct weir_store_counters *weir_store_writer_counters(const struct weir_store_writer *writer)
{
    return &writer->counters;
}

/* Sums that stop at the ends of time. */
static int64_t add_time(int64_t time_ns, int64_t span)
{
    int64_t sum;
    if (__builtin_add_overflow(time_ns, span, &sum))
        return span < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t floor_to(int64_t time_ns, int64_t step)
{
    int64_t past = time_ns % step;
    return add_time(time_ns, past < 0 ? -past - step : -past);
}

static struct slot slot_of(const struct weir_store_writer *writer, int64_t received_ns)
{
    int64_t hour = floor_to(received_ns, HOUR_NS);
    int64_t start = hour + floor_to(received_ns - hour, writer->rotate_ns);
    int64_t end = add_time(start, writer->rotate_ns), hour_end = add_time(hour, HOUR_NS);
    return (struct slot){start, end < hour_end ? end : hour_end};
}

/* Lets go of a file that will not be finished; returns how many rows it had. */
static uint64_t drop_file(struct weir_store_writer *writer, struct open_file *file)
{
    uint64_t rows = weir_parquet_rows(file->parquet);
    close(file->fd);
    file->fd = -1;
    weir_folder_remove(&writer->folder, file->number);
    /* Not only the file's rows: what it held in memory is let go of, too. */
    weir_parquet_free(file->parquet);
    file->parquet = NULL;
    return rows;
}

/* Gives a file up after an error. */
static void abandon(struct weir_store_writer *writer, struct open_file *file,
                    struct weir_diag *diag)
{
    uint64_t rows = drop_file(writer, file);
    if (writer->segment.journal) {
        writer->counters.records_deferred += rows;
        return;
    }
    writer->counters.records_not_stored += rows;
    if (diag) {
        size_t length = strlen(diag->text);
        snprintf(diag->text + length, sizeof(diag->text) - length, " (%llu records not stored)",
                 (unsigned long long)rows);
    }
}

/* Takes a file that is whole and on disk to where it is going. `table` NULL: of flows. */
static int publish(struct weir_store_writer *writer, const char *table, struct slot slot,
                   uint64_t number, const struct weir_parquet_summary *summary,
                   struct weir_diag *diag)
{
    struct segment *segment = &writer->segment;
    char partition[WEIR_STORE_PARTITION_MAX], from[WEIR_FOLDER_TEMP_MAX];
    char text[WEIR_STORE_NAME_MAX];
    weir_store_partition_format(table, slot.start_ns, partition);
    struct weir_store_name name = {
        .start_ms = summary->start_ms, .end_ms = summary->end_ms, .table = table};
    if (!segment->journal) {
        snprintf(name.id, sizeof(name.id), "%.40s-%llu", writer->folder.id,
                 (unsigned long long)number);
        return weir_folder_publish(&writer->folder, number, partition, &name, diag);
    }
    snprintf(name.id, sizeof(name.id), "%llu-%u-%u", (unsigned long long)segment->id,
             segment->journal->number, segment->files);
    weir_store_name_format(&name, text);
    weir_folder_temporary(&writer->folder, number, from);
    return weir_journal_folder_stage(segment->journal, segment->id, from, partition, text, diag);
}

static void count_stored(struct weir_store_writer *writer, uint64_t files, uint64_t rows,
                         uint64_t octets)
{
    writer->counters.records_stored += rows;
    writer->counters.octets_stored += octets;
    writer->counters.files_written += files;
}

/* Makes a file whole and gives it its name. */
static int finish(struct weir_store_writer *writer, struct open_file *file, struct weir_diag *diag)
{
    struct weir_parquet_summary summary;
    int error = weir_parquet_finish(file->parquet, &summary, diag);
    if (error == 0 && fsync(file->fd) < 0)
        error = weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
    if (error < 0)
        weir_folder_blame(&writer->folder, file->number, diag);
    else
        error = publish(writer, NULL, file->slot, file->number, &summary, diag);
    if (error < 0) {
        abandon(writer, file, diag);
        return error;
    }
    close(file->fd);
    file->fd = -1;
    if (!writer->segment.journal) {
        count_stored(writer, 1, summary.rows, summary.octets);
        return 0;
    }
    writer->segment.files++;
    writer->segment.rows += summary.rows;
    writer->segment.octets += summary.octets;
    return 0;
}

static void drop_side(struct weir_store_writer *writer, struct side_file *side)
{
    close(side->fd);
    side->fd = -1;
    weir_folder_remove(&writer->folder, side->number);
    weir_table_file_free(side->rows);
    side->rows = NULL;
}

static void abandon_side(struct weir_store_writer *writer, struct side_file *side)
{
    /* Those of a segment come again. */
    if (!writer->segment.journal)
        writer->counters.table_rows_not_stored += side->row_count;
    drop_side(writer, side);
}

/* As finish. */
static int finish_side(struct weir_store_writer *writer, enum weir_table table,
                       struct weir_diag *diag)
{
    struct side_file *side = &writer->sides[table];
    struct weir_parquet_summary summary;
    int error = weir_table_file_finish(side->rows, &summary, diag);
    if (error == 0 && fsync(side->fd) < 0)
        error = weir_diag_set(diag, WEIR_E_IO, "%s", strerror(errno));
    if (error < 0)
        weir_folder_blame(&writer->folder, side->number, diag);
    else
        error = publish(writer, weir_table_info(table)->schema.name, side->slot, side->number,
                        &summary, diag);
    if (error < 0) {
        abandon_side(writer, side);
        return error;
    }
    close(side->fd);
    side->fd = -1;
    if (!writer->segment.journal) {
        writer->counters.table_files_written++;
        writer->counters.table_rows_stored += summary.rows;
        return 0;
    }
    writer->segment.files++;
    writer->segment.table_files++;
    writer->segment.table_rows += summary.rows;
    return 0;
}

/* Finishes the open files whose slot ended at `now_ns` or before; goes on after an error. */
static int finish_until(struct weir_store_writer *writer, int64_t now_ns, struct weir_diag *diag)
{
    int first_error = 0;
    for (uint32_t i = 0; i < writer->file_count; i++) {
        struct open_file *file = &writer->files[i];
        if (file->fd < 0 || file->slot.end_ns > now_ns)
            continue;
        int error = finish(writer, file, first_error < 0 ? NULL : diag);
        first_error = first_error < 0 ? first_error : error;
    }
    for (unsigned table = 0; table < WEIR_TABLE_COUNT; table++) {
        if (writer->sides[table].fd < 0 || writer->sides[table].slot.end_ns > now_ns)
            continue;
        int error = finish_side(writer, (enum weir_table)table, first_error < 0 ? NULL : diag);
        first_error = first_error < 0 ? first_error : error;
    }
    return first_error;
}

static int begin_file(struct weir_store_writer *writer, struct open_file *file, struct slot slot,
                      struct weir_diag *diag)
{
    if (!file->parquet) {
        int error = weir_parquet_new(writer->encoder, &file->parquet);
        if (error < 0)
            return weir_diag_set(diag, (enum weir_error)error, "%s: %s", writer->folder.path,
                                 weir_error_text(error));
    }
    uint64_t number = writer->next_number++;
    int fd = weir_folder_create(&writer->folder, number, diag);
    if (fd < 0)
        return fd;
    file->fd = fd;
    file->number = number;
    file->slot = slot;
    file->handed_over = 0;
    weir_parquet_begin(file->parquet, fd);
    return 0;
}

/* The file of a slot, made where there is none. */
static int file_of_slot(struct weir_store_writer *writer, struct slot slot,
                        struct open_file **ret_file, struct weir_diag *diag)
{
    struct open_file *free_file = NULL, *oldest = NULL;
    for (uint32_t i = 0; i < writer->file_count; i++) {
        struct open_file *file = &writer->files[i];
        if (file->fd >= 0 && file->slot.start_ns == slot.start_ns) {
            *ret_file = file;
            return 0;
        }
    }
    /* Records still come for the slot before, late by a batch or two, and not for older ones. */
    int error = finish_until(writer, add_time(slot.start_ns, -writer->rotate_ns), diag);
    if (error < 0)
        return error;
    for (uint32_t i = 0; i < writer->file_count; i++) {
        struct open_file *file = &writer->files[i];
        if (file->fd < 0) {
            /* Preferably one that has memory already. */
            if (!free_file || (file->parquet && !free_file->parquet))
                free_file = file;
        } else if (!oldest || file->last_use < oldest->last_use) {
            oldest = file;
        }
    }
    if (!free_file) {
        assert(oldest);
        writer->counters.files_finished_early++;
        error = finish(writer, oldest, diag);
        if (error < 0)
            return error;
        free_file = oldest;
    }
    error = begin_file(writer, free_file, slot, diag);
    if (error == 0)
        *ret_file = free_file;
    return error;
}

/*
 * Has the system begin to write what came since it last did, so that the fsync at the end does not
 * stand still for a whole file's worth. Where that fails the fsync says so.
 */
static void hand_over(struct open_file *file)
{
    uint64_t written = weir_parquet_written(file->parquet);
    if (written - file->handed_over < HAND_OVER_OCTETS)
        return;
    (void)!sync_file_range(file->fd, (off_t)file->handed_over, (off_t)(written - file->handed_over),
                           SYNC_FILE_RANGE_WRITE);
    file->handed_over = written;
}

/* Adds rows [first_row, end_row), which all arrived in one slot. */
static int append_rows(struct weir_store_writer *writer, struct open_file *file,
                       const struct weir_batch *batch, uint32_t first_row, uint32_t end_row,
                       struct weir_diag *diag)
{
    file->last_use = ++writer->uses;
    uint64_t before = weir_parquet_rows(file->parquet);
    int error = weir_parquet_append(file->parquet, batch, first_row, end_row - first_row, diag);
    if (error < 0) {
        weir_folder_blame(&writer->folder, file->number, diag);
        /* Those of this batch that it took are counted with the rest of the batch. */
        uint64_t taken = weir_parquet_rows(file->parquet) - before;
        if (writer->segment.journal)
            writer->counters.records_deferred -= taken;
        else
            writer->counters.records_not_stored -= taken;
        abandon(writer, file, diag);
        return error;
    }
    hand_over(file);
    return 0;
}

/* Stores the batch; *ret_row is the first row that it did not come to. */
static int append_batch(struct weir_store_writer *writer, const struct weir_batch *batch,
                        uint32_t *ret_row, struct weir_diag *diag)
{
    uint32_t row = 0;
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < batch->segment_count;) {
        struct slot slot = slot_of(writer, batch->segments[i].received_ns);
        uint32_t end = row;
        do {
            end += batch->segments[i++].row_count;
        } while (i < batch->segment_count && batch->segments[i].received_ns >= slot.start_ns &&
                 batch->segments[i].received_ns < slot.end_ns);
        struct open_file *file = NULL;
        error = file_of_slot(writer, slot, &file, diag);
        if (error == 0)
            error = append_rows(writer, file, batch, row, end, diag);
        if (error == 0) {
            row = end;
            if (weir_parquet_rows(file->parquet) >= writer->file_rows_max)
                error = finish(writer, file, diag);
        }
    }
    *ret_row = row;
    return error;
}

static int begin_side(struct weir_store_writer *writer, enum weir_table table, struct slot slot,
                      struct weir_diag *diag)
{
    struct side_file *side = &writer->sides[table];
    if (!side->rows && weir_table_file_new(table, &side->rows) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: %s", writer->folder.path,
                             weir_error_text(WEIR_E_NOMEM));
    side->number = writer->next_number++;
    side->row_count = 0;
    side->slot = slot;
    int fd = weir_folder_create(&writer->folder, side->number, diag);
    if (fd < 0)
        return fd;
    side->fd = fd;
    weir_table_file_begin(side->rows, fd);
    return 0;
}

static int add_row(struct weir_store_writer *writer, const struct weir_table_row *row,
                   struct weir_diag *diag)
{
    struct side_file *side = &writer->sides[row->table];
    int64_t time_ns = (int64_t)row->values[0] * WEIR_NS_PER_MS;
    int error = 0;
    if (side->fd >= 0 && time_ns >= side->slot.end_ns)
        error = finish_side(writer, row->table, diag);
    if (error == 0 && side->fd < 0)
        error = begin_side(writer, row->table, slot_of(writer, time_ns), diag);
    if (error < 0)
        return error;
    error = weir_table_file_append(side->rows, row, diag);
    if (error < 0) {
        weir_folder_blame(&writer->folder, side->number, diag);
        abandon_side(writer, side);
        return error;
    }
    side->row_count++;
    return 0;
}

/* Lets go of all files of the segment, which stays in its journal. */
static void put_off(struct weir_store_writer *writer)
{
    struct segment *segment = &writer->segment;
    for (uint32_t i = 0; i < writer->file_count; i++)
        if (writer->files[i].fd >= 0)
            writer->counters.records_deferred += drop_file(writer, &writer->files[i]);
    for (unsigned table = 0; table < WEIR_TABLE_COUNT; table++)
        if (writer->sides[table].fd >= 0)
            drop_side(writer, &writer->sides[table]);
    weir_journal_folder_unstage(segment->journal, segment->id);
    writer->counters.records_deferred += segment->rows;
    segment->is_put_off = true;
}

int weir_store_writer_append(struct weir_store_writer *writer, const struct weir_batch *batch,
                             struct weir_diag *diag)
{
    struct segment *segment = &writer->segment;
    uint32_t row = 0;
    if (!segment->journal) {
        int error = append_batch(writer, batch, &row, diag);
        writer->counters.records_not_stored += batch->row_count - row;
        return error;
    }
    if (!segment->is_put_off && append_batch(writer, batch, &row, &segment->reason) < 0)
        put_off(writer);
    if (segment->is_put_off)
        writer->counters.records_deferred += batch->row_count - row;
    return 0;
}

int weir_store_writer_add(struct weir_store_writer *writer, const struct weir_table_row *row,
                          struct weir_diag *diag)
{
    struct segment *segment = &writer->segment;
    if (!segment->journal) {
        int error = add_row(writer, row, diag);
        writer->counters.table_rows_not_stored += error < 0;
        return error;
    }
    if (!segment->is_put_off && add_row(writer, row, &segment->reason) < 0)
        put_off(writer);
    return 0;
}

void weir_store_writer_begin_segment(struct weir_store_writer *writer,
                                     const struct weir_journal_folder *folder, uint64_t id)
{
    writer->segment = (struct segment){.journal = folder, .id = id};
    /* Of an earlier attempt, which did not come to its end. */
    weir_journal_folder_unstage(folder, id);
    /* The segment is the rotation: of the hour's files there is one a segment. */
    writer->rotate_ns = HOUR_NS;
}

int weir_store_writer_end_segment(struct weir_store_writer *writer,
                                  const struct weir_store_next_segment *next,
                                  struct weir_diag *diag)
{
    struct segment *segment = &writer->segment;
    int error = 0;
    if (!segment->is_put_off) {
        error = finish_until(writer, INT64_MAX, &segment->reason);
        if (error == 0)
            error = weir_journal_folder_save_state(segment->journal, next->id, next->state,
                                                   next->state_length, &segment->reason);
        if (error < 0)
            put_off(writer);
    }
    if (segment->is_put_off) {
        *diag = segment->reason;
        error = segment->reason.error;
    } else {
        error = weir_journal_folder_commit(segment->journal, segment->id, diag);
        count_stored(writer, segment->files - segment->table_files, segment->rows, segment->octets);
        writer->counters.table_files_written += segment->table_files;
        writer->counters.table_rows_stored += segment->table_rows;
    }
    segment->journal = NULL;
    return error;
}

int weir_store_writer_flush(struct weir_store_writer *writer, int64_t now_ns,
                            struct weir_diag *diag)
{
    /* The files of a segment end with it. */
    return writer->segment.journal ? 0 : finish_until(writer, now_ns, diag);
}

int weir_store_writer_close(struct weir_store_writer *writer,
                            struct weir_store_counters *ret_counters, struct weir_diag *diag)
{
    if (!writer)
        return 0;
    if (writer->segment.journal)
        put_off(writer);
    int error = finish_until(writer, INT64_MAX, diag);
    if (ret_counters)
        *ret_counters = writer->counters;
    for (uint32_t i = 0; i < writer->file_count; i++)
        weir_parquet_free(writer->files[i].parquet);
    for (unsigned table = 0; table < WEIR_TABLE_COUNT; table++)
        weir_table_file_free(writer->sides[table].rows);
    weir_parquet_encoder_free(writer->encoder);
    weir_folder_close(&writer->folder);
    free(writer);
    return error;
}

static int sink_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    return weir_store_writer_append(context, batch, diag);
}

static int sink_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    return weir_store_writer_flush(context, now_ns, diag);
}

struct weir_batch_sink weir_store_writer_sink(struct weir_store_writer *writer)
{
    return (struct weir_batch_sink){sink_batch, sink_flush, writer};
}
