/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brings a journal's ring to its segments: a thread that writes, and one that makes durable
 * what it wrote. Private to store/journal.c.
 *
 * Past the page cache (O_DIRECT) only whole blocks can be written: the last one is filled up with a
 * block that pcapng skips, and written again with what comes after. Buffered, pieces are written as
 * they are. Where there is no room, or the disk fails, it stops: it counts what it does not write
 * and asks for a new segment when there is room again.
 *
 * Threads: start, stop and settle of one owner; the rest as each says.
 */
#ifndef WEIR_STORE_SEGMENT_WRITER_H
#define WEIR_STORE_SEGMENT_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bell.h"
#include "base/error.h"
#include "store/journal.h"
#include "store/ring.h"

/* Past so many the writing thread syncs them itself. */
#define WEIR_SEGMENTS_ENDED 8u

struct weir_segment_writer {
    struct weir_ring *ring;
    const struct weir_journal_folder *folder;
    int64_t sync_ns;
    uint64_t sync_octets;
    bool buffered;
    pthread_t writing, syncing;

    struct weir_bell bell; /* rings when there is something to write */
    atomic_bool ending;
    atomic_bool resume;    /* a new segment is asked for; who begins one clears it */
    atomic_int sync_error; /* errno of a sync that failed and that nothing was done about yet */
    _Atomic uint64_t dropped, stops, syncs;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t sync_due;
    int fd; /* of the open segment; -1: none */
    uint64_t unsynced_octets;
    int ended_fds[WEIR_SEGMENTS_ENDED]; /* of segments that ended, to be made durable and closed */
    unsigned ended_count;
    bool sync_ending;
    bool has_message;
    struct weir_diag message;

    /* The writing thread's own. */
    uint64_t position;  /* of the ring, up to which all is written, or dropped */
    uint64_t begun;     /* segments */
    uint64_t start;     /* of the open one */
    uint64_t allocated; /* octets of its file that have their room */
    bool is_direct;
    bool is_stopped;
    bool has_told; /* that it stopped */
    unsigned naps; /* since it last looked for room */
    uint8_t *tail; /* the last block and the one after it */
};

/* Of ring, folder, sync_ns, sync_octets and buffered. 0; WEIR_E_NOMEM, WEIR_E_IO with diag. */
WEIR_CHECKED int weir_segment_writer_start(struct weir_segment_writer *writer,
                                           struct weir_diag *diag);

/* Ends both threads after all that is in the ring has been written, or dropped. */
void weir_segment_writer_stop(struct weir_segment_writer *writer);

/* Waits until all before this position is written, or dropped. */
void weir_segment_writer_settle(const struct weir_segment_writer *writer, uint64_t position);

#endif
