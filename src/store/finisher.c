/* SPDX-License-Identifier: Apache-2.0 */
#include "store/finisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void free_rows(struct weir_store_file *file)
{
    weir_parquet_free(file->parquet);
    weir_table_file_free(file->rows);
    file->parquet = NULL;
    file->rows = NULL;
}

uint64_t weir_store_file_drop(const struct weir_folder *folder, struct weir_store_file *file)
{
    uint64_t rows = file->parquet ? weir_parquet_rows(file->parquet) : 0;
    close(file->fd);
    file->fd = -1;
    weir_folder_remove(folder, file->number);
    /* Not only the file's rows: what it held in memory is let go of, too. */
    free_rows(file);
    return rows;
}

/* ---- Jobs ---- */

static struct weir_finishing *finishing_of(struct weir_job *job)
{
    return (struct weir_finishing *)(void *)((char *)job - offsetof(struct weir_finishing, job));
}

/* Lets go of what is staged for a segment, which stays in its journal. */
static void put_off(struct weir_store_segment *segment, const struct weir_diag *reason,
                    struct weir_store_counters *counted)
{
    if (segment->error < 0)
        return;
    segment->error = reason->error;
    segment->reason = *reason;
    weir_journal_folder_unstage(segment->journal, segment->id);
    counted->records_deferred += segment->rows;
}

/* Takes a file that is whole and on disk to where it is going. */
static int publish(const struct weir_folder *folder, const struct weir_store_file *file,
                   const struct weir_parquet_summary *summary, struct weir_diag *diag)
{
    const struct weir_store_segment *segment = file->segment;
    char partition[WEIR_STORE_PARTITION_MAX], from[WEIR_FOLDER_TEMP_MAX];
    char text[WEIR_STORE_NAME_MAX];
    weir_store_partition_format(file->table, file->start_ns, partition);
    struct weir_store_name name = {
        .start_ms = summary->start_ms, .end_ms = summary->end_ms, .table = file->table};
    if (!segment) {
        snprintf(name.id, sizeof(name.id), "%.40s-%llu", folder->id,
                 (unsigned long long)file->number);
        return weir_folder_publish(folder, file->number, partition, &name, diag);
    }
    snprintf(name.id, sizeof(name.id), "%llu-%u-%u", (unsigned long long)segment->id,
             segment->journal->number, segment->files);
    weir_store_name_format(&name, text);
    weir_folder_temporary(folder, file->number, from);
    return weir_journal_folder_stage(segment->journal, segment->id, from, partition, text, diag);
}

/* Gives a file up after an error. */
static void give_up(const struct weir_folder *folder, struct weir_store_file *file)
{
    struct weir_finishing *end = &file->end;
    uint64_t table_rows = file->row_count;
    uint64_t rows = weir_store_file_drop(folder, file);
    if (file->segment) {
        /* Its rows come again. */
        end->counted.records_deferred += rows;
        put_off(file->segment, &end->diag, &end->counted);
        return;
    }
    end->counted.records_not_stored += rows;
    end->counted.table_rows_not_stored += table_rows;
    if (file->table)
        return;
    size_t length = strlen(end->diag.text);
    snprintf(end->diag.text + length, sizeof(end->diag.text) - length, " (%llu records not stored)",
             (unsigned long long)rows);
}

static void count(const struct weir_store_file *file, const struct weir_parquet_summary *summary,
                  struct weir_store_counters *counted)
{
    struct weir_store_segment *segment = file->segment;
    bool is_table = file->table != NULL;
    uint64_t rows = is_table ? 0 : summary->rows, table_rows = is_table ? summary->rows : 0;
    uint64_t octets = is_table ? 0 : summary->octets;
    if (segment) {
        segment->files++;
        segment->table_files += is_table;
        segment->table_rows += table_rows;
        segment->rows += rows;
        segment->octets += octets;
        return;
    }
    counted->files_written += !is_table;
    counted->records_stored += rows;
    counted->octets_stored += octets;
    counted->table_files_written += is_table;
    counted->table_rows_stored += table_rows;
}

/* Makes a file whole, and gives it its place. */
static void finish_file(struct weir_job *job)
{
    struct weir_finishing *end = finishing_of(job);
    struct weir_store_file *file = end->file;
    const struct weir_folder *folder = end->finisher->folder;
    struct weir_parquet_summary summary = {0};
    if (file->segment && file->segment->error < 0) {
        end->counted.records_deferred += weir_store_file_drop(folder, file);
        return;
    }
    int error = end->error; /* of its last rows, which were encoded before */
    if (error == 0)
        error = file->table ? weir_table_file_finish(file->rows, &summary, &end->diag)
                            : weir_parquet_finish(file->parquet, &summary, &end->diag);
    if (error == 0 && fsync(file->fd) < 0)
        error = weir_diag_set(&end->diag, WEIR_E_IO, "%s", strerror(errno));
    if (error < 0)
        weir_folder_blame(folder, file->number, &end->diag);
    else
        error = publish(folder, file, &summary, &end->diag);
    end->error = error;
    if (error < 0) {
        give_up(folder, file);
        return;
    }
    close(file->fd);
    file->fd = -1;
    count(file, &summary, &end->counted);
    if (end->finisher->is_behind)
        free_rows(file);
}

static void fail_segment(struct weir_job *job)
{
    struct weir_finishing *failure = finishing_of(job);
    put_off(failure->segment, &failure->diag, &failure->counted);
}

static void end_segment(struct weir_job *job)
{
    struct weir_finishing *end = finishing_of(job);
    struct weir_store_segment *segment = end->segment;
    const struct weir_store_next_segment *following = &segment->following;
    if (following->settle)
        following->settle(following->settle_context, following->settle_position);
    if (segment->error == 0 &&
        weir_journal_folder_save_state(segment->journal, following->id, following->state,
                                       following->state_length, &end->diag) < 0)
        put_off(segment, &end->diag, &end->counted);
    free(following->state);
    segment->following.state = NULL;
    if (segment->error < 0)
        return;
    int committed = weir_journal_folder_commit(segment->journal, segment->id, &end->diag);
    if (committed == WEIR_E_IO) {
        /* It is still there, and comes again. */
        put_off(segment, &end->diag, &end->counted);
        return;
    }
    if (committed < 0) {
        /* Its files count, but not all are where they belong. */
        segment->reason = end->diag;
        segment->error = end->diag.error;
    }
    end->counted = (struct weir_store_counters){
        .records_stored = segment->rows,
        .octets_stored = segment->octets,
        .files_written = segment->files - segment->table_files,
        .table_files_written = segment->table_files,
        .table_rows_stored = segment->table_rows,
    };
}

/* ---- Giving and taking ---- */

int weir_finisher_open(struct weir_finisher *finisher, const struct weir_folder *folder,
                       const struct weir_parquet_options *options, bool is_behind)
{
    *finisher = (struct weir_finisher){.folder = folder, .is_behind = is_behind};
    if (!is_behind)
        return 0;
    int error = weir_parquet_encoder_new(options, &finisher->encoder);
    if (error == 0)
        error = weir_background_open(&finisher->background, WEIR_FINISHER_WAITING_MAX);
    if (error < 0) {
        weir_parquet_encoder_free(finisher->encoder);
        finisher->is_behind = false;
    }
    return error;
}

void weir_finisher_close(struct weir_finisher *finisher)
{
    if (!finisher->is_behind)
        return;
    weir_background_close(&finisher->background);
    weir_parquet_encoder_free(finisher->encoder);
}

static void give(struct weir_finisher *finisher, struct weir_finishing *given,
                 void (*run)(struct weir_job *))
{
    given->finisher = finisher;
    given->next = NULL;
    given->job.run = run;
    if (finisher->first)
        finisher->last->next = given;
    else
        finisher->first = given;
    finisher->last = given;
    if (!finisher->is_behind)
        weir_job_do(&given->job);
    else
        finisher->waits += weir_background_give(&finisher->background, &given->job);
}

void weir_finisher_give_file(struct weir_finisher *finisher, struct weir_store_file *file)
{
    file->end.file = file;
    if (finisher->is_behind && file->parquet && !finisher->is_lent) {
        finisher->is_lent = file->has_encoder = true;
        weir_parquet_use(file->parquet, finisher->encoder);
    } else if (finisher->is_behind && file->parquet) {
        file->end.error = weir_parquet_flush(file->parquet, &file->end.diag);
    }
    give(finisher, &file->end, finish_file);
}

void weir_finisher_give_failure(struct weir_finisher *finisher, struct weir_store_segment *segment,
                                const struct weir_diag *reason)
{
    segment->failure.segment = segment;
    segment->failure.diag = *reason;
    give(finisher, &segment->failure, fail_segment);
}

void weir_finisher_give_end(struct weir_finisher *finisher, struct weir_store_segment *segment,
                            const struct weir_store_next_segment *following)
{
    segment->end.segment = segment;
    segment->following = *following;
    give(finisher, &segment->end, end_segment);
}

struct weir_finishing *weir_finisher_take(struct weir_finisher *finisher)
{
    struct weir_finishing *first = finisher->first;
    if (!first || !weir_job_is_done(&first->job))
        return NULL;
    finisher->first = first->next;
    if (first->file && first->file->has_encoder)
        finisher->is_lent = false;
    return first;
}

bool weir_finisher_wait(struct weir_finisher *finisher)
{
    if (!finisher->first)
        return false;
    if (finisher->is_behind)
        weir_background_wait(&finisher->background, &finisher->first->job);
    return true;
}
