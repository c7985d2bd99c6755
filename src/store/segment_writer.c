/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/pcapng.h"

#define PIECE_OCTETS    ((uint64_t)4 << 20)
#define ALLOCATE_FIRST  ((uint64_t)1 << 20)
#define ALLOCATE_MOST   ((uint64_t)16 << 20)
#define PROBE_NAME      "probe"
#define PROBE_OCTETS    (4 << 20)
#define PROBE_MS        1000
#define NAPS_TO_PROBE   (PROBE_MS / WEIR_JOURNAL_WRITE_MS)
#define TAIL_OCTETS     (2u * WEIR_RING_BLOCK)
#define BLOCK_START(at) ((at) / WEIR_RING_BLOCK * WEIR_RING_BLOCK)

static void nap(int64_t ms)
{
    struct timespec span = {.tv_nsec = ms * WEIR_NS_PER_MS};
    nanosleep(&span, NULL);
}

static void say(struct weir_segment_writer *writer, const char *text, int reason)
{
    pthread_mutex_lock(&writer->lock);
    writer->has_message = true;
    weir_diag_fill(&writer->message, WEIR_E_IO, "%s: %s%s%s", writer->folder->path, text,
                   reason ? ": " : "", reason ? strerror(reason) : "");
    pthread_mutex_unlock(&writer->lock);
}

/* The open segment becomes another; the old one's file is closed. */
static void replace_fd(struct weir_segment_writer *writer, int fd)
{
    pthread_mutex_lock(&writer->lock);
    int old = writer->fd;
    writer->fd = fd;
    writer->unsynced_octets = 0;
    pthread_mutex_unlock(&writer->lock);
    if (old >= 0)
        close(old);
}

/*
 * Makes a segment durable, without the lock. Where that fails the writing thread stops, now and not
 * when something comes.
 */
static void sync_segment(struct weir_segment_writer *writer, int fd)
{
    if (fdatasync(fd) == 0) {
        atomic_fetch_add(&writer->syncs, 1);
        return;
    }
    atomic_store(&writer->sync_error, errno);
    weir_bell_ring(&writer->bell);
}

/* There is no room, or the disk fails: what has not been written is not going to be. */
static void stop_writing(struct weir_segment_writer *writer, int reason)
{
    if (writer->fd >= 0) {
        uint64_t kept = writer->position - writer->start;
        if (kept == 0) {
            char name[WEIR_SEGMENT_NAME_MAX];
            weir_segment_name(weir_ring_segment(writer->ring, writer->begun - 1)->id, name);
            unlinkat(writer->folder->fd, name, 0);
        } else if (ftruncate(writer->fd, (off_t)kept) == 0) {
            (void)!fdatasync(writer->fd);
        }
    }
    replace_fd(writer, -1);
    atomic_store(&writer->sync_error, 0); /* whatever else failed is told with this */
    writer->is_stopped = true;
    writer->naps = 0;
    if (!writer->has_told) {
        atomic_fetch_add(&writer->stops, 1);
        say(writer, "the journal stops; what comes now is lost if weir is", reason);
    }
    writer->has_told = true;
}

static int open_segment(struct weir_segment_writer *writer, uint64_t id)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
    int fd = -1;
    weir_segment_name(id, name);
    writer->is_direct = false;
    if (!writer->buffered && (fd = openat(writer->folder->fd, name, flags | O_DIRECT, 0666)) >= 0)
        writer->is_direct = true;
    return fd >= 0 ? fd : openat(writer->folder->fd, name, flags, 0666);
}

/* Has the open segment, which is complete, made durable; where another thread has to, soon. */
static void end_open(struct weir_segment_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    int fd = writer->fd;
    bool has_room = writer->ended_count < WEIR_SEGMENTS_ENDED;
    if (fd >= 0 && has_room) {
        writer->ended_fds[writer->ended_count++] = fd;
        writer->fd = -1;
        pthread_cond_signal(&writer->sync_due);
    }
    pthread_mutex_unlock(&writer->lock);
    if (fd >= 0 && !has_room)
        sync_segment(writer, fd);
}

/* The ring's next segment. */
static void next_segment(struct weir_segment_writer *writer)
{
    const struct weir_ring_segment *segment = weir_ring_segment(writer->ring, writer->begun);
    end_open(writer);
    writer->begun++;
    writer->start = segment->start;
    writer->allocated = 0;
    writer->is_stopped = false;
    replace_fd(writer, open_segment(writer, segment->id));
    if (writer->fd < 0)
        stop_writing(writer, errno);
}

/* Room ahead of what is written, so that the file is in few pieces; where there is none, no harm.
 */
static void allocate(struct weir_segment_writer *writer, uint64_t end)
{
    while (writer->allocated < end) {
        uint64_t step = writer->allocated ? writer->allocated : ALLOCATE_FIRST;
        if (step > ALLOCATE_MOST)
            step = ALLOCATE_MOST;
        if (fallocate(writer->fd, FALLOC_FL_KEEP_SIZE, (off_t)writer->allocated, (off_t)step) < 0) {
            writer->allocated = UINT64_MAX;
            return;
        }
        writer->allocated += step;
    }
}

static int write_all(struct weir_segment_writer *writer, const uint8_t *octets, uint64_t length,
                     uint64_t offset)
{
    while (length > 0) {
        ssize_t written = pwrite(writer->fd, octets, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EINVAL && writer->is_direct) {
            /* A file system that opens so and does not write so. */
            int flags = fcntl(writer->fd, F_GETFL);
            if (flags < 0 || fcntl(writer->fd, F_SETFL, flags & ~O_DIRECT) < 0)
                return -1;
            writer->is_direct = false;
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return -1;
        }
        octets += written;
        length -= (uint64_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

/* Whole blocks up to `end`, the last one filled up: 0, or -1 with errno. */
static int write_blocks(struct weir_segment_writer *writer, uint64_t end)
{
    uint64_t from = BLOCK_START(writer->position), whole = BLOCK_START(end);
    if (whole > from &&
        write_all(writer, weir_ring_at(writer->ring, from), whole - from, from - writer->start) < 0)
        return -1;
    size_t used = (size_t)(end - whole);
    if (used == 0)
        return 0;
    size_t length = used + WEIR_PCAPNG_FILLER_MIN > WEIR_RING_BLOCK ? TAIL_OCTETS : WEIR_RING_BLOCK;
    memcpy(writer->tail, weir_ring_at(writer->ring, whole), used);
    weir_pcapng_filler(writer->tail + used, length - used);
    return write_all(writer, writer->tail, length, whole - writer->start);
}

/* Counts the datagrams between the position and `end`, none of which is written. */
static void drop(struct weir_segment_writer *writer, uint64_t end)
{
    struct weir_pcapng_block block;
    uint64_t dropped = 0;
    for (uint64_t at = writer->position; at < end; at += block.length) {
        if (weir_pcapng_read(weir_ring_at(writer->ring, at), (size_t)(end - at), &block) < 0)
            break;
        dropped += block.has_datagram;
    }
    atomic_fetch_add(&writer->dropped, dropped);
}

/* What was written and could not be made durable is a reason to stop, as what cannot be written. */
static void heed_sync_error(struct weir_segment_writer *writer)
{
    int error = atomic_exchange(&writer->sync_error, 0);
    if (error)
        stop_writing(writer, error);
}

/* Whether the open segment has so much that is not durable that it does not wait. Has the lock. */
static bool is_sync_due(const struct weir_segment_writer *writer)
{
    return writer->fd >= 0 && writer->sync_octets && writer->unsynced_octets >= writer->sync_octets;
}

static void note_written(struct weir_segment_writer *writer, uint64_t octets)
{
    pthread_mutex_lock(&writer->lock);
    writer->unsynced_octets += octets;
    if (is_sync_due(writer))
        pthread_cond_signal(&writer->sync_due);
    pthread_mutex_unlock(&writer->lock);
    heed_sync_error(writer);
}

/* The ring up to `end`, which is of the open segment, whole blocks of pcapng. */
static void write_piece(struct weir_segment_writer *writer, uint64_t end)
{
    uint64_t octets = end - writer->position;
    if (!writer->is_stopped) {
        allocate(writer, end - writer->start + WEIR_RING_BLOCK);
        int result = writer->is_direct
                         ? write_blocks(writer, end)
                         : write_all(writer, weir_ring_at(writer->ring, writer->position), octets,
                                     writer->position - writer->start);
        if (result < 0)
            stop_writing(writer, errno);
    }
    if (writer->is_stopped)
        drop(writer, end);
    writer->position = end;
    /* What a block still lacks is written with it again: its beginning must stay in the ring. */
    atomic_store(&writer->ring->header->written, writer->position);
    if (writer->is_stopped)
        return;
    note_written(writer, octets);
    if (writer->has_told && !writer->is_stopped) {
        say(writer, "the journal goes on", 0);
        writer->has_told = false;
    }
}

/* The end of the piece that begins at the position: a block's, and not past a segment's. */
static uint64_t piece_end(const struct weir_segment_writer *writer, uint64_t limit)
{
    if (limit - writer->position <= PIECE_OCTETS)
        return limit;
    struct weir_pcapng_block block;
    uint64_t end = writer->position;
    while (end - writer->position < PIECE_OCTETS &&
           weir_pcapng_read(weir_ring_at(writer->ring, end), (size_t)(limit - end), &block) == 0)
        end += block.length;
    return end > writer->position ? end : limit;
}

/* All that is in the ring. False where there is nothing new. */
static bool write_filled(struct weir_segment_writer *writer)
{
    const struct weir_ring_header *header = writer->ring->header;
    uint64_t filled = atomic_load(&header->filled);
    if (filled == writer->position)
        return false;
    while (writer->position < filled) {
        uint64_t limit = filled;
        if (writer->begun < atomic_load(&header->segment_count)) {
            uint64_t next = weir_ring_segment(writer->ring, writer->begun)->start;
            if (next == writer->position) {
                next_segment(writer);
                continue;
            }
            if (next < limit)
                limit = next;
        }
        write_piece(writer, piece_end(writer, limit));
    }
    return true;
}

/* Whether the folder takes a few megabytes. */
static bool has_room(const struct weir_segment_writer *writer)
{
    int fd = openat(writer->folder->fd, PROBE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    bool has = posix_fallocate(fd, 0, PROBE_OCTETS) == 0 && fsync(fd) == 0;
    close(fd);
    unlinkat(writer->folder->fd, PROBE_NAME, 0);
    return has;
}

static void look_for_room(struct weir_segment_writer *writer)
{
    writer->naps = 0;
    if (has_room(writer))
        atomic_store(&writer->resume, true);
}

/* Sleeps until there may be something to write. */
static void sleep_idle(struct weir_segment_writer *writer)
{
    weir_bell_arm(&writer->bell);
    if (atomic_load(&writer->ring->header->filled) != writer->position ||
        atomic_load(&writer->ending) || atomic_load(&writer->sync_error)) {
        weir_bell_disarm(&writer->bell);
        return;
    }
    weir_bell_sleep(&writer->bell, writer->is_stopped ? PROBE_MS : -1);
    writer->naps = NAPS_TO_PROBE;
}

static void *write_loop(void *context)
{
    struct weir_segment_writer *writer = context;
    for (;;) {
        bool is_last = atomic_load(&writer->ending);
        heed_sync_error(writer);
        bool wrote = write_filled(writer);
        if (is_last)
            break;
        if (writer->is_stopped && writer->naps >= NAPS_TO_PROBE)
            look_for_room(writer);
        if (wrote) {
            nap(WEIR_JOURNAL_WRITE_MS);
            writer->naps++;
        } else {
            sleep_idle(writer);
        }
    }
    if (writer->fd >= 0)
        (void)!fdatasync(writer->fd);
    return NULL;
}

/* Waits until it is told that a sync is due, for `span_ns` at most, with the lock held. */
static void wait_for(struct weir_segment_writer *writer, int64_t span_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += span_ns / WEIR_NS_PER_SECOND;
    until.tv_nsec += span_ns % WEIR_NS_PER_SECOND;
    if (until.tv_nsec >= WEIR_NS_PER_SECOND) {
        until.tv_nsec -= WEIR_NS_PER_SECOND;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&writer->sync_due, &writer->lock, &until);
}

/* Waits for the next sync, with the lock held; false where the open segment has nothing new. */
static bool await_sync(struct weir_segment_writer *writer)
{
    /* One that ended, and octets that came, during the last sync do not wait for more to come. */
    bool waits = writer->ended_count == 0 && !is_sync_due(writer);
    if (waits && writer->sync_ns)
        wait_for(writer, writer->sync_ns);
    else if (waits)
        pthread_cond_wait(&writer->sync_due, &writer->lock);
    return writer->unsynced_octets > 0 && writer->fd >= 0;
}

/*
 * Syncs and closes the segments that ended, with the lock held but for that. The oldest first: a
 * power failure costs the end of what came, and nothing before what is safe.
 */
static void sync_ended(struct weir_segment_writer *writer)
{
    while (writer->ended_count > 0) {
        int fd = writer->ended_fds[0];
        writer->ended_count--;
        memmove(writer->ended_fds, writer->ended_fds + 1, writer->ended_count * sizeof(fd));
        pthread_mutex_unlock(&writer->lock);
        sync_segment(writer, fd);
        close(fd);
        pthread_mutex_lock(&writer->lock);
    }
}

/* Syncs the open segment, with the lock held but for that. */
static void sync_open(struct weir_segment_writer *writer)
{
    /* Its own descriptor: the writing thread goes on, and may close the other. */
    int fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        wait_for(writer, PROBE_MS * WEIR_NS_PER_MS);
        return;
    }
    writer->unsynced_octets = 0;
    pthread_mutex_unlock(&writer->lock);
    sync_segment(writer, fd);
    close(fd);
    pthread_mutex_lock(&writer->lock);
}

static void *sync_loop(void *context)
{
    struct weir_segment_writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    while (!writer->sync_ending) {
        bool is_due = await_sync(writer);
        sync_ended(writer);
        /* Another may have begun meanwhile. */
        if (is_due && writer->fd >= 0)
            sync_open(writer);
    }
    sync_ended(writer);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

static int init_locks(struct weir_segment_writer *writer)
{
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&writer->lock, NULL) != 0)
        return -1;
    bool made = pthread_condattr_init(&monotonic) == 0;
    if (made) {
        made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&writer->sync_due, &monotonic) == 0;
        pthread_condattr_destroy(&monotonic);
    }
    if (!made)
        pthread_mutex_destroy(&writer->lock);
    return made ? 0 : -1;
}

static void done_locks(struct weir_segment_writer *writer)
{
    pthread_cond_destroy(&writer->sync_due);
    pthread_mutex_destroy(&writer->lock);
    weir_bell_close(&writer->bell);
    free(writer->tail);
}

static void end_syncing(struct weir_segment_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->sync_ending = true;
    pthread_cond_signal(&writer->sync_due);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->syncing, NULL);
}

int weir_segment_writer_start(struct weir_segment_writer *writer, struct weir_diag *diag)
{
    writer->fd = -1;
    writer->tail = aligned_alloc(WEIR_RING_BLOCK, TAIL_OCTETS);
    if (!writer->tail || weir_bell_open(&writer->bell) < 0) {
        free(writer->tail);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a journal",
                             writer->folder->path);
    }
    if (init_locks(writer) < 0) {
        weir_bell_close(&writer->bell);
        free(writer->tail);
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no locks for a journal",
                             writer->folder->path);
    }
    int reason = pthread_create(&writer->syncing, NULL, sync_loop, writer);
    if (reason == 0) {
        reason = pthread_create(&writer->writing, NULL, write_loop, writer);
        if (reason != 0)
            end_syncing(writer);
    }
    if (reason != 0) {
        done_locks(writer);
        return weir_diag_set(diag, WEIR_E_IO, "%s: cannot start a thread: %s", writer->folder->path,
                             strerror(reason));
    }
    return 0;
}

void weir_segment_writer_stop(struct weir_segment_writer *writer)
{
    atomic_store(&writer->ending, true);
    weir_bell_ring(&writer->bell);
    pthread_join(writer->writing, NULL);
    end_syncing(writer);
    replace_fd(writer, -1);
    done_locks(writer);
}

void weir_segment_writer_settle(const struct weir_segment_writer *writer, uint64_t position)
{
    while (atomic_load(&writer->ring->header->written) < position)
        nap(1);
}
