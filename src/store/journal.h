/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: export datagrams on their way from a socket to the store, kept until their records
 * are in files that are on disk.
 *
 * One thread receives and appends, another takes out and decodes, from the same memory. Between
 * them is a ring that a file backs (store/ring.h): what was appended survives the process from that
 * moment on. A thread of the journal's own writes it into the open segment, a pcapng file
 * (store/pcapng.h), within WEIR_JOURNAL_WRITE_MS, past the page cache where the file system allows
 * it; another makes it durable by time or size (group commit), so that a power failure costs at
 * most that much. Every rotate_ns a segment ends and the next begins; who decodes then completes
 * its files and commits it (store/journal_folder.h).
 *
 * When the disk is full, or fails, the journal stops: datagrams go on to who decodes, and are
 * counted as dropped by the journal. Once a second it looks for room, and goes on with a new
 * segment.
 *
 *     weir_journal_open(&options, &journal, &diag);
 *     // the thread that receives
 *     weir_journal_append(journal, datagrams, count);
 *     weir_journal_tick(journal, now_ns);                     // when weir_journal_due() says so
 *     weir_journal_end(journal);
 *     // the thread that decodes
 *     while ((result = weir_journal_next(journal, &item)) != WEIR_E_END)
 *         ...
 *     weir_journal_close(journal);
 *
 * Ownership: borrows the folder; a datagram taken out is valid until the next call. Threads: as
 * said above, one each; counters and messages: the one that decodes. Limits: ring_octets of
 * datagrams between the two threads, past which the receiving one waits (counted) and the socket's
 * buffer fills.
 */
#ifndef WEIR_STORE_JOURNAL_H
#define WEIR_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bell.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "record/datagram.h"
#include "store/journal_folder.h"

#define WEIR_JOURNAL_WRITE_MS           10
#define WEIR_JOURNAL_RING_DEFAULT       ((size_t)32 << 20)
#define WEIR_JOURNAL_RING_MIN           ((size_t)256 << 10)
#define WEIR_JOURNAL_SEGMENT_OCTETS_MAX (UINT64_C(8) << 30)

struct weir_journal_options {
    const struct weir_journal_folder *folder;
    struct weir_clock clock; /* what segments are named by */
    int64_t rotate_ns;
    int64_t sync_ns;      /* at most so long between an arrival and its being durable; 0: by size */
    uint64_t sync_octets; /* or so many octets; 0: by time. One of the two is wanted */
    size_t ring_octets;   /* 0: the default; rounded up to blocks */
    bool buffered;        /* through the page cache also where it could be past it */
};

struct weir_journal_counters {
    uint64_t journal_datagrams;
    uint64_t journal_octets;
    uint64_t journal_dropped;
    uint64_t journal_segments;
    uint64_t journal_syncs;
    uint64_t journal_stops;
    uint64_t journal_waits;
    /* Of what earlier runs left, and of segments that were put off: app/recovery.h. */
    uint64_t journal_recovered_segments;
    uint64_t journal_recovered_datagrams;
    uint64_t journal_cut_octets;
};

extern const struct weir_counter weir_journal_counter_table[];
extern const size_t weir_journal_counter_count;

struct weir_journal;

/*
 * Begins the first segment, whose ID is greater than any in the folder. 0; WEIR_E_NOMEM,
 * WEIR_E_IO with diag. A disk without room is no error: the journal begins stopped.
 */
WEIR_CHECKED int weir_journal_open(const struct weir_journal_options *options,
                                   struct weir_journal **ret_journal, struct weir_diag *diag);

/*
 * Ends the journal's threads and frees it; weir_journal_end was called, or nobody appends any
 * more. Segments stay, but for one without datagrams.
 */
void weir_journal_close(struct weir_journal *journal);

/* ---- The thread that receives ---- */

/* Puts datagrams in. 0, or WEIR_E_CLOSED: who decodes has given up (weir_journal_abandon). */
WEIR_CHECKED int weir_journal_append(struct weir_journal *journal,
                                     const struct weir_datagram *datagrams, size_t count);

/* When weir_journal_tick is to be called, where nothing is appended until then; INT64_MAX: never.
 */
int64_t weir_journal_due(const struct weir_journal *journal);

/* Ends a segment whose time has come. */
void weir_journal_tick(struct weir_journal *journal, int64_t now_ns);

/* No more comes: the segment ends. */
void weir_journal_end(struct weir_journal *journal);

/* ---- The thread that decodes ---- */

enum weir_journal_item_kind {
    WEIR_JOURNAL_DATAGRAM,
    WEIR_JOURNAL_SEGMENT_END, /* all of `segment` has been taken out; `next_segment` begins */
};

struct weir_journal_item {
    enum weir_journal_item_kind kind;
    struct weir_datagram datagram;
    uint64_t segment;
    uint64_t next_segment;
};

/* What comes next. 0; WEIR_E_AGAIN: nothing yet; WEIR_E_END: weir_journal_end was called. */
WEIR_CHECKED int weir_journal_next(struct weir_journal *journal,
                                   struct weir_journal_item *ret_item);

/*
 * Up to `most` datagrams of this segment that weir_journal_next will give, which stay to be taken
 * out and are valid as long as they do; returns how many.
 */
size_t weir_journal_peek(const struct weir_journal *journal, struct weir_datagram *ret_datagrams,
                         size_t most);

/*
 * Rings when there is something to take out; between arming it and sleeping ask
 * weir_journal_is_empty.
 */
struct weir_bell *weir_journal_bell(struct weir_journal *journal);
bool weir_journal_is_empty(const struct weir_journal *journal);

/* The segment that what comes next is of. */
uint64_t weir_journal_segment(const struct weir_journal *journal);

/* Where in the journal that segment begins. */
uint64_t weir_journal_start(const struct weir_journal *journal);

/*
 * Waits until the journal has done with what is before a position, as weir_journal_start has it:
 * the file of the segment before may go. Any thread, to be called before that is committed.
 */
void weir_journal_settle(const struct weir_journal *journal, uint64_t position);

/* Nothing will be taken out any more: who receives is told. */
void weir_journal_abandon(struct weir_journal *journal);

/*
 * Something to tell people: that the journal has stopped, or goes on. True once for each. The last
 * one counts where there were several.
 */
bool weir_journal_message(struct weir_journal *journal, struct weir_diag *ret_text);

struct weir_journal_counters weir_journal_count(const struct weir_journal *journal);

#endif
