/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a journal, DIR/journal/NUMBER, and the step by which a segment becomes files of
 * the store: exactly once, whenever the process or the machine stops.
 *
 *     lock                                whose holder the folder belongs to
 *     ID.pcapng                           a segment: datagrams whose records are in no file yet
 *     ID.state                            what the collector knew when segment ID began
 *     ID+date=...+hour=...+flows-....parquet   a whole file of segment ID, not yet in its place;
 *                                         of a table beside flows ID+tables+NAME+date=...+...
 *     share                               which share of the exporters the newest state is of
 *     ring                                store/ring.h
 *
 * IDs are milliseconds since 1970, greater with each segment. The files of a segment are staged:
 * whole, on disk, under their final names, but here. Then the segment is removed, and that is the
 * moment from which they count; then they move to their places. So what is found later says what to
 * do: staged files whose segment is there are of nobody and go; those whose segment is gone move
 * on; and a segment that is there is decoded (again). The state that the next segment begins with
 * is on disk before this one is removed.
 *
 *     weir_journal_folder_take("flows", 0, true, &folder, &diag);
 *     weir_journal_folder_stage(&folder, id, temporary, partition, file, &diag);
 *     weir_journal_folder_save_state(&folder, next_id, octets, length, &diag);
 *     weir_journal_folder_commit(&folder, id, &diag);
 *
 * A process takes the folder of the lowest number that no other has: after a restart its own.
 * Threads: one owner; weir_journal_folder_segments and the file descriptor may be used by others.
 */
#ifndef WEIR_STORE_JOURNAL_FOLDER_H
#define WEIR_STORE_JOURNAL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/share.h"
#include "store/octets.h"

#define WEIR_JOURNALS_MAX          1024u
#define WEIR_JOURNAL_STATE_MAX     ((size_t)256 << 20)
#define WEIR_JOURNAL_STATE_NONE    UINT64_MAX
#define WEIR_JOURNAL_FOLDER_ID_MAX (UINT64_C(10000000000000) - 1)

struct weir_journal_folder {
    char *path; /* for messages: DIR/journal/0 */
    int root_fd;
    int fd;
    int lock_fd;
    unsigned number;
    uint64_t rescued_octets; /* that segments lacked and the ring had */
};

/*
 * Takes the folder of this number, makes it where it is missing (and `make` says so), completes
 * its segments out of its ring and sees to its staged files. 0; WEIR_E_AGAIN: another process has
 * it; WEIR_E_NOT_FOUND; WEIR_E_IO, WEIR_E_NOMEM with diag.
 */
WEIR_CHECKED int weir_journal_folder_take(const char *store, unsigned number, bool make,
                                          struct weir_journal_folder *ret_folder,
                                          struct weir_diag *diag);

/* Lets go of it; what is in it stays. */
void weir_journal_folder_close(struct weir_journal_folder *folder);

/* IDs found by their kind of file, in order, to be freed. */
struct weir_journal_ids {
    uint64_t *ids;
    size_t count;
};

/* Segments. 0, or WEIR_E_IO, WEIR_E_NOMEM with diag. */
WEIR_CHECKED int weir_journal_folder_segments(const struct weir_journal_folder *folder,
                                              struct weir_journal_ids *ret_ids,
                                              struct weir_diag *diag);

/* States. As above. */
WEIR_CHECKED int weir_journal_folder_states(const struct weir_journal_folder *folder,
                                            struct weir_journal_ids *ret_ids,
                                            struct weir_diag *diag);
void weir_journal_ids_done(struct weir_journal_ids *ids);

/*
 * The state of an ID, added to *octets. 0; WEIR_E_NOT_FOUND: there is none; WEIR_E_LIMIT: it is
 * longer than WEIR_JOURNAL_STATE_MAX; WEIR_E_IO, WEIR_E_NOMEM; with diag.
 */
WEIR_CHECKED int weir_journal_folder_load_state(const struct weir_journal_folder *folder,
                                                uint64_t id, struct weir_octets *octets,
                                                struct weir_diag *diag);

/* Writes it, whole and on disk under its name, unless there is one. 0, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_journal_folder_save_state(const struct weir_journal_folder *folder,
                                                uint64_t id, const uint8_t *octets, size_t length,
                                                struct weir_diag *diag);

/*
 * Of which share of the exporters' addresses the newest state is, as it was noted after it had been
 * saved. Where nothing was it is all of them; where that cannot be read, none: index is count.
 */
struct weir_share weir_journal_folder_share(const struct weir_journal_folder *folder);
void weir_journal_folder_note_share(const struct weir_journal_folder *folder,
                                    struct weir_share share);

/* Removes the states of IDs below this one. */
void weir_journal_folder_forget_states(const struct weir_journal_folder *folder, uint64_t id);

/* Takes a temporary that is whole and on disk, `from` below the store. 0, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_journal_folder_stage(const struct weir_journal_folder *folder, uint64_t id,
                                           const char *from, const char *partition,
                                           const char *file, struct weir_diag *diag);

/* Removes the staged files of a segment that is not to be committed. */
void weir_journal_folder_unstage(const struct weir_journal_folder *folder, uint64_t id);

/*
 * The files that are staged for this segment take its place. 0; with diag WEIR_E_IO: the segment is
 * still there, and nothing has happened; or WEIR_E_AGAIN: it is gone and its files count, but have
 * not all reached their places: weir_journal_folder_settle moves them, or who takes the folder
 * next.
 */
WEIR_CHECKED int weir_journal_folder_commit(const struct weir_journal_folder *folder, uint64_t id,
                                            struct weir_diag *diag);

/* Moves the staged files of segments that are gone to their places. 0, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_journal_folder_settle(const struct weir_journal_folder *folder,
                                            struct weir_diag *diag);

#endif
