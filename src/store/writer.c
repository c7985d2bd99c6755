/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/finisher.h"
#include "store/folder.h"
#include "store/parquet.h"
#include "store/table_file.h"

#define HOUR_NS          (3600 * WEIR_NS_PER_SECOND)
#define HAND_OVER_OCTETS (UINT64_C(8) << 20)

struct slot {
    int64_t start_ns;
    int64_t end_ns; /* not in it */
};

/* A file that rows come to. */
struct open_file {
    struct slot slot;
    struct weir_store_file *file; /* NULL: none */
    uint64_t last_use;
    uint64_t handed_over; /* octets that the system was told to write to disk */
};

struct weir_store_writer {
    struct weir_folder folder;
    struct weir_finisher finisher;
    struct weir_parquet_encoder *encoder;
    struct weir_parquet *idle; /* for the next file, for its memory; NULL: none */
    struct weir_store_segment *segment;
    bool is_put_off;       /* the segment, as far as is known here */
    struct weir_diag late; /* of the first file that failed behind and was not told of */
    struct weir_store_segment *first, *last; /* that ended, and nobody asked for the outcome */
    int64_t rotate_ns;
    uint64_t file_rows_max;
    uint64_t next_number;
    uint64_t uses;
    struct weir_store_counters counters;
    struct open_file sides[WEIR_TABLE_COUNT];
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
    WEIR_COUNTER(struct weir_store_counters, finish_waits, NONE,
                 "times that collecting waited because files were finished too slowly"),
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
    if (error == 0) {
        error = weir_finisher_open(&writer->finisher, &writer->folder, &parquet, options->behind);
        if (error < 0)
            weir_diag_set(diag, (enum weir_error)error, "%s: nothing to finish files with: %s",
                          options->path, weir_error_text(error));
    }
    if (error < 0) {
        weir_folder_close(&writer->folder);
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

/* Lets go of a file that rows came to, if there is one; returns how many flows it had. */
static uint64_t drop_file(struct weir_store_writer *writer, struct open_file *open)
{
    if (!open->file)
        return 0;
    uint64_t rows = weir_store_file_drop(&writer->folder, open->file);
    free(open->file);
    open->file = NULL;
    return rows;
}

/* ---- Finishing ---- */

/* Lets go of all files of the segment, which stays in its journal. */
static void put_off(struct weir_store_writer *writer, const struct weir_diag *reason)
{
    for (uint32_t i = 0; i < writer->file_count; i++)
        writer->counters.records_deferred += drop_file(writer, &writer->files[i]);
    for (unsigned table = 0; table < WEIR_TABLE_COUNT; table++)
        drop_file(writer, &writer->sides[table]);
    writer->is_put_off = true;
    weir_finisher_give_failure(&writer->finisher, writer->segment, reason);
}

/* A file that was finished, or could not be. */
static void take_file(struct weir_store_writer *writer, struct weir_store_file *file)
{
    if (file->end.error < 0 && file->segment && file->segment == writer->segment &&
        !writer->is_put_off)
        put_off(writer, &file->end.diag);
    if (writer->idle)
        weir_parquet_free(file->parquet);
    else
        writer->idle = file->parquet;
    weir_table_file_free(file->rows);
    free(file);
}

static void take_segment(struct weir_store_writer *writer, struct weir_store_segment *segment)
{
    segment->next = NULL;
    if (writer->first)
        writer->last->next = segment;
    else
        writer->first = segment;
    writer->last = segment;
}

/* Takes back what was finished: 0, or where that is done at once the error of a file. */
static int take_finished(struct weir_store_writer *writer, struct weir_diag *diag)
{
    struct weir_finishing *done;
    int error = 0;
    while ((done = weir_finisher_take(&writer->finisher))) {
        weir_counter_add_all(weir_store_counter_table, weir_store_counter_count, &done->counted,
                             &writer->counters);
        if (done->file && !done->file->segment && done->error < 0) {
            struct weir_diag *told = writer->finisher.is_behind ? &writer->late : diag;
            if (told && !(told == &writer->late && told->error))
                *told = done->diag;
            error = writer->finisher.is_behind ? 0 : done->error;
        }
        if (done->file)
            take_file(writer, done->file);
        else if (done == &done->segment->end)
            take_segment(writer, done->segment);
    }
    writer->counters.finish_waits = writer->finisher.waits;
    return error;
}

/* Has a file made whole and given its name. */
static int finish(struct weir_store_writer *writer, struct open_file *open, struct weir_diag *diag)
{
    struct weir_store_file *file = open->file;
    open->file = NULL;
    weir_finisher_give_file(&writer->finisher, file);
    int error = take_finished(writer, diag);
    /* The segment's reason is with the segment. */
    return writer->is_put_off ? WEIR_E_IO : error;
}

/* Finishes the open files whose slot ended at `now_ns` or before; goes on after an error. */
static int finish_until(struct weir_store_writer *writer, int64_t now_ns, struct weir_diag *diag)
{
    int first_error = 0;
    for (uint32_t i = 0; i < writer->file_count + WEIR_TABLE_COUNT; i++) {
        struct open_file *open =
            i < writer->file_count ? &writer->files[i] : &writer->sides[i - writer->file_count];
        if (!open->file || open->slot.end_ns > now_ns)
            continue;
        int error = finish(writer, open, first_error < 0 ? NULL : diag);
        first_error = first_error < 0 ? first_error : error;
    }
    return first_error;
}

struct weir_background *weir_store_writer_background(struct weir_store_writer *writer)
{
    return writer->finisher.is_behind ? &writer->finisher.background : NULL;
}

/* ---- Open files ---- */

static int no_memory(const struct weir_store_writer *writer, struct weir_diag *diag)
{
    return weir_diag_set(diag, WEIR_E_NOMEM, "%s: %s", writer->folder.path,
                         weir_error_text(WEIR_E_NOMEM));
}

/* Gives a file its rows' memory: of flows, or of a table where there is one. */
static int make_rows(struct weir_store_writer *writer, struct weir_store_file *file,
                     enum weir_table table)
{
    if (table != WEIR_TABLE_COUNT) {
        file->table = weir_table_info(table)->schema.name;
        return weir_table_file_new(table, &file->rows);
    }
    if (!writer->idle)
        return weir_parquet_new(writer->encoder, &file->parquet);
    file->parquet = writer->idle;
    writer->idle = NULL;
    weir_parquet_use(file->parquet, writer->encoder);
    return 0;
}

/* `table` WEIR_TABLE_COUNT: of flows. */
static int begin_file(struct weir_store_writer *writer, struct open_file *open,
                      enum weir_table table, struct slot slot, struct weir_diag *diag)
{
    struct weir_store_file *file = calloc(1, sizeof(*file));
    if (!file)
        return no_memory(writer, diag);
    if (make_rows(writer, file, table) < 0) {
        free(file);
        return no_memory(writer, diag);
    }
    file->number = writer->next_number++;
    file->start_ns = slot.start_ns;
    file->segment = writer->segment;
    file->fd = weir_folder_create(&writer->folder, file->number, diag);
    if (file->fd < 0) {
        int error = file->fd;
        weir_parquet_free(file->parquet);
        weir_table_file_free(file->rows);
        free(file);
        return error;
    }
    if (file->parquet)
        weir_parquet_begin(file->parquet, file->fd);
    else
        weir_table_file_begin(file->rows, file->fd);
    *open = (struct open_file){.slot = slot, .file = file};
    return 0;
}

/* The file of a slot, made where there is none. */
static int file_of_slot(struct weir_store_writer *writer, struct slot slot,
                        struct open_file **ret_open, struct weir_diag *diag)
{
    struct open_file *unused = NULL, *oldest = NULL;
    for (uint32_t i = 0; i < writer->file_count; i++) {
        struct open_file *open = &writer->files[i];
        if (open->file && open->slot.start_ns == slot.start_ns) {
            *ret_open = open;
            return 0;
        }
    }
    /* Records still come for the slot before, late by a batch or two, and not for older ones. */
    int error = finish_until(writer, add_time(slot.start_ns, -writer->rotate_ns), diag);
    if (error < 0)
        return error;
    for (uint32_t i = 0; i < writer->file_count; i++) {
        struct open_file *open = &writer->files[i];
        if (!open->file)
            unused = open;
        else if (!oldest || open->last_use < oldest->last_use)
            oldest = open;
    }
    if (!unused) {
        assert(oldest);
        writer->counters.files_finished_early++;
        error = finish(writer, oldest, diag);
        if (error < 0)
            return error;
        unused = oldest;
    }
    error = begin_file(writer, unused, WEIR_TABLE_COUNT, slot, diag);
    if (error == 0)
        *ret_open = unused;
    return error;
}

/*
 * Has the system begin to write what came since it last did, so that the fsync at the end does not
 * stand still for a whole file's worth. Where that fails the fsync says so.
 */
static void hand_over(struct open_file *open)
{
    uint64_t written = weir_parquet_written(open->file->parquet);
    if (written - open->handed_over < HAND_OVER_OCTETS)
        return;
    (void)!sync_file_range(open->file->fd, (off_t)open->handed_over,
                           (off_t)(written - open->handed_over), SYNC_FILE_RANGE_WRITE);
    open->handed_over = written;
}

/* Gives a file up that could not take rows; the last `taken` of those in it are not counted. */
static void abandon(struct weir_store_writer *writer, struct open_file *open, uint64_t taken,
                    struct weir_diag *diag)
{
    weir_folder_blame(&writer->folder, open->file->number, diag);
    uint64_t rows = drop_file(writer, open) - taken;
    if (writer->segment) {
        writer->counters.records_deferred += rows;
        return;
    }
    writer->counters.records_not_stored += rows;
    size_t length = strlen(diag->text);
    snprintf(diag->text + length, sizeof(diag->text) - length, " (%" PRIu64 " records not stored)",
             rows + taken);
}

/* Adds rows [first_row, end_row), which all arrived in one slot. */
static int append_rows(struct weir_store_writer *writer, struct open_file *open,
                       const struct weir_batch *batch, uint32_t first_row, uint32_t end_row,
                       struct weir_diag *diag)
{
    struct weir_parquet *parquet = open->file->parquet;
    open->last_use = ++writer->uses;
    uint64_t before = weir_parquet_rows(parquet);
    int error = weir_parquet_append(parquet, batch, first_row, end_row - first_row, diag);
    if (error < 0)
        /* Those of this batch that it took are counted with the rest of the batch. */
        abandon(writer, open, weir_parquet_rows(parquet) - before, diag);
    else
        hand_over(open);
    return error;
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
        struct open_file *open = NULL;
        error = file_of_slot(writer, slot, &open, diag);
        if (error == 0)
            error = append_rows(writer, open, batch, row, end, diag);
        if (error == 0) {
            row = end;
            if (weir_parquet_rows(open->file->parquet) >= writer->file_rows_max)
                error = finish(writer, open, diag);
        }
    }
    *ret_row = row;
    return error;
}

static int add_row(struct weir_store_writer *writer, const struct weir_table_row *row,
                   struct weir_diag *diag)
{
    struct open_file *side = &writer->sides[row->table];
    int64_t time_ns = (int64_t)row->values[0] * WEIR_NS_PER_MS;
    int error = 0;
    if (side->file && time_ns >= side->slot.end_ns)
        error = finish(writer, side, diag);
    if (error == 0 && !side->file)
        error = begin_file(writer, side, row->table, slot_of(writer, time_ns), diag);
    if (error < 0)
        return error;
    error = weir_table_file_append(side->file->rows, row, diag);
    if (error < 0) {
        weir_folder_blame(&writer->folder, side->file->number, diag);
        /* Those of a segment come again. */
        if (!writer->segment)
            writer->counters.table_rows_not_stored += side->file->row_count;
        drop_file(writer, side);
        return error;
    }
    side->file->row_count++;
    return 0;
}

/* ---- For who has a writer ---- */

/* Begins a call: what was finished meanwhile may have put the segment off. */
static void look_back(struct weir_store_writer *writer)
{
    (void)!take_finished(writer, NULL);
}

/* Ends one: with its own error, or that of a file that was finished behind it. */
static int look_round(struct weir_store_writer *writer, int error, struct weir_diag *diag)
{
    if (error < 0 || !writer->late.error)
        return error;
    error = writer->late.error;
    if (diag)
        *diag = writer->late;
    writer->late.error = 0;
    return error;
}

int weir_store_writer_append(struct weir_store_writer *writer, const struct weir_batch *batch,
                             struct weir_diag *diag)
{
    struct weir_diag reason = {0};
    uint32_t row = 0;
    look_back(writer);
    if (!writer->segment) {
        int error = append_batch(writer, batch, &row, diag);
        writer->counters.records_not_stored += batch->row_count - row;
        return look_round(writer, error, diag);
    }
    if (!writer->is_put_off && append_batch(writer, batch, &row, &reason) < 0 &&
        !writer->is_put_off)
        put_off(writer, &reason);
    if (writer->is_put_off)
        writer->counters.records_deferred += batch->row_count - row;
    return 0;
}

int weir_store_writer_add(struct weir_store_writer *writer, const struct weir_table_row *row,
                          struct weir_diag *diag)
{
    struct weir_diag reason = {0};
    look_back(writer);
    if (!writer->segment) {
        int error = add_row(writer, row, diag);
        writer->counters.table_rows_not_stored += error < 0;
        return look_round(writer, error, diag);
    }
    if (!writer->is_put_off && add_row(writer, row, &reason) < 0 && !writer->is_put_off)
        put_off(writer, &reason);
    return 0;
}

int weir_store_writer_begin_segment(struct weir_store_writer *writer,
                                    const struct weir_journal_folder *folder, uint64_t id,
                                    struct weir_diag *diag)
{
    assert(!writer->segment);
    writer->segment = calloc(1, sizeof(*writer->segment));
    if (!writer->segment)
        return no_memory(writer, diag);
    writer->segment->journal = folder;
    writer->segment->id = id;
    writer->is_put_off = false;
    /* Of an earlier attempt, which did not come to its end. */
    weir_journal_folder_unstage(folder, id);
    /* The segment is the rotation: of the hour's files there is one a segment. */
    writer->rotate_ns = HOUR_NS;
    return 0;
}

void weir_store_writer_end_segment(struct weir_store_writer *writer,
                                   const struct weir_store_next_segment *next)
{
    struct weir_store_segment *segment = writer->segment;
    /* Their errors put the segment off. */
    (void)!finish_until(writer, INT64_MAX, NULL);
    writer->segment = NULL;
    writer->is_put_off = false;
    weir_finisher_give_end(&writer->finisher, segment, next);
    look_back(writer);
}

int weir_store_writer_outcome(struct weir_store_writer *writer,
                              struct weir_store_outcome *ret_outcome)
{
    look_back(writer);
    struct weir_store_segment *segment = writer->first;
    if (!segment)
        return WEIR_E_AGAIN;
    *ret_outcome = (struct weir_store_outcome){segment->id, segment->error, segment->reason};
    writer->first = segment->next;
    free(segment);
    return 0;
}

int weir_store_writer_flush(struct weir_store_writer *writer, int64_t now_ns,
                            struct weir_diag *diag)
{
    look_back(writer);
    /* The files of a segment end with it. */
    int error = writer->segment ? 0 : finish_until(writer, now_ns, diag);
    return look_round(writer, error, diag);
}

int weir_store_writer_wait(struct weir_store_writer *writer, struct weir_diag *diag)
{
    do
        look_back(writer);
    while (weir_finisher_wait(&writer->finisher));
    return look_round(writer, 0, diag);
}

int weir_store_writer_close(struct weir_store_writer *writer,
                            struct weir_store_counters *ret_counters, struct weir_diag *diag)
{
    if (!writer)
        return 0;
    struct weir_store_segment *unfinished = writer->segment;
    if (unfinished && !writer->is_put_off) {
        struct weir_diag reason = {0};
        weir_diag_set(&reason, WEIR_E_CLOSED, "%s", weir_error_text(WEIR_E_CLOSED));
        put_off(writer, &reason);
    }
    int error = finish_until(writer, INT64_MAX, diag);
    int waited = weir_store_writer_wait(writer, error < 0 ? NULL : diag);
    error = error < 0 ? error : waited;
    if (ret_counters)
        *ret_counters = writer->counters;
    struct weir_store_outcome untold;
    while (weir_store_writer_outcome(writer, &untold) == 0)
        continue;
    free(unfinished);
    weir_finisher_close(&writer->finisher);
    weir_parquet_free(writer->idle);
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
