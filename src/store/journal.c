/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/pcapng.h"
#include "store/ring.h"
#include "store/segment_writer.h"

#define HOUR_NS     (3600 * WEIR_NS_PER_SECOND)
#define GRACE_NS    (20 * WEIR_NS_PER_MS) /* for what had arrived and is still to be read */
#define CACHE_LINE  64u
#define FULL_NAP_NS (WEIR_NS_PER_MS / 2)

/*
 * What one thread writes for every datagram stands in lines of the cache apart from those that the
 * other reads or writes.
 */
struct weir_journal {
    struct weir_journal_options options;
    struct weir_ring ring;
    struct weir_segment_writer writer;
    struct weir_bell bell; /* rings for who takes out */
    atomic_bool ended;
    atomic_bool abandoned;
    uint8_t before_receiver[CACHE_LINE];

    /* Of the thread that receives; others ask how much there was. */
    _Atomic uint64_t datagrams, octets, segments, waits;
    uint64_t filled;
    uint64_t room_until; /* positions below this are free, as far as it knows */
    uint64_t last_id;
    uint64_t segment_start;
    uint64_t segment_datagrams;
    int64_t begin_ns, end_ns; /* of the open segment, once it has datagrams */
    uint8_t behind_receiver[CACHE_LINE];

    /* Of the thread that takes out; the other asks how far it is. */
    _Atomic uint64_t taken_out;      /* position */
    _Atomic uint64_t segments_ended; /* that were taken out */
    uint64_t position;               /* of what comes next */
    uint64_t number;                 /* of the segment that it is of */
};

const struct weir_counter weir_journal_counter_table[] = {
    WEIR_COUNTER(struct weir_journal_counters, journal_datagrams, DATAGRAMS,
                 "datagrams that went through the journal"),
    WEIR_COUNTER(struct weir_journal_counters, journal_octets, OCTETS, "octets of them"),
    WEIR_COUNTER(struct weir_journal_counters, journal_dropped, DATAGRAMS,
                 "of these, such as were not written because the disk was full or failed"),
    WEIR_COUNTER(struct weir_journal_counters, journal_segments, FILES, "segments begun"),
    WEIR_COUNTER(struct weir_journal_counters, journal_syncs, NONE,
                 "times that a segment was made durable"),
    WEIR_COUNTER(struct weir_journal_counters, journal_stops, NONE,
                 "times that the journal stopped because the disk was full or failed"),
    WEIR_COUNTER(struct weir_journal_counters, journal_waits, NONE,
                 "times that receiving waited because decoding or the disk was behind"),
    WEIR_COUNTER(struct weir_journal_counters, journal_recovered_segments, FILES,
                 "segments that were left, and decoded again"),
    WEIR_COUNTER(struct weir_journal_counters, journal_recovered_datagrams, DATAGRAMS,
                 "datagrams of these"),
    WEIR_COUNTER(struct weir_journal_counters, journal_cut_octets, OCTETS,
                 "octets at the ends of these that held no whole datagram"),
};
const size_t weir_journal_counter_count =
    sizeof(weir_journal_counter_table) / sizeof(weir_journal_counter_table[0]);

/* Has a datagram as long as the one before it fetched, while that one is decoded. */
static void foresee(const struct weir_journal *journal, uint64_t filled, size_t length)
{
    uint64_t end = journal->position + length;
    if (end > filled)
        end = filled;
    for (uint64_t at = journal->position; at < end; at += CACHE_LINE)
        __builtin_prefetch(weir_ring_at(&journal->ring, at));
}

static void ring_bells(struct weir_journal *journal)
{
    weir_bell_ring(&journal->bell);
    weir_bell_ring(&journal->writer.bell);
}

/* Shows what was put in. */
static void publish(struct weir_journal *journal)
{
    struct weir_ring_header *header = journal->ring.header;
    if (atomic_load_explicit(&header->filled, memory_order_relaxed) == journal->filled)
        return;
    atomic_store(&header->filled, journal->filled);
    ring_bells(journal);
}

static uint64_t find_room(const struct weir_journal *journal)
{
    uint64_t written = atomic_load(&journal->ring.header->written);
    uint64_t taken_out = atomic_load(&journal->taken_out);
    uint64_t kept = written / WEIR_RING_BLOCK * WEIR_RING_BLOCK;
    return (taken_out < kept ? taken_out : kept) + journal->ring.size;
}

/* Waits for room of so many octets. 0, or WEIR_E_CLOSED. */
static int make_room(struct weir_journal *journal, size_t octets)
{
    if (journal->filled + octets <= journal->room_until)
        return 0;
    journal->room_until = find_room(journal);
    if (journal->filled + octets <= journal->room_until)
        return 0;
    atomic_fetch_add(&journal->waits, 1);
    publish(journal);
    while (journal->filled + octets > journal->room_until) {
        const struct timespec nap = {.tv_nsec = FULL_NAP_NS};
        if (atomic_load(&journal->abandoned))
            return WEIR_E_CLOSED;
        nanosleep(&nap, NULL);
        journal->room_until = find_room(journal);
    }
    return 0;
}

/* Waits until the ring's list has a place for another segment. */
static int make_place(const struct weir_journal *journal)
{
    const struct weir_ring_header *header = journal->ring.header;
    while (atomic_load(&header->segment_count) - atomic_load(&journal->segments_ended) + 1 >=
           WEIR_RING_SEGMENTS) {
        const struct timespec nap = {.tv_nsec = FULL_NAP_NS};
        if (atomic_load(&journal->abandoned))
            return WEIR_E_CLOSED;
        nanosleep(&nap, NULL);
    }
    return 0;
}

/* Ends the open segment, if there is one, and begins the next. 0, or WEIR_E_CLOSED. */
static int begin_segment(struct weir_journal *journal, int64_t now_ns)
{
    struct weir_ring_header *header = journal->ring.header;
    size_t gap = (size_t)(-journal->filled % WEIR_RING_BLOCK);
    if (gap > 0 && gap < WEIR_PCAPNG_FILLER_MIN)
        gap += WEIR_RING_BLOCK;
    int result = make_room(journal, gap + WEIR_PCAPNG_SECTION_OCTETS);
    if (result == 0)
        result = make_place(journal);
    if (result < 0)
        return result;
    if (gap > 0)
        weir_pcapng_filler(weir_ring_at(&journal->ring, journal->filled), gap);
    uint64_t start = journal->filled + gap;
    uint64_t now_ms = now_ns > 0 ? (uint64_t)(now_ns / WEIR_NS_PER_MS) : 0;
    journal->last_id = now_ms > journal->last_id ? now_ms : journal->last_id + 1;
    weir_pcapng_section(weir_ring_at(&journal->ring, start));
    uint64_t count = atomic_load(&header->segment_count);
    *weir_ring_segment(&journal->ring, count) =
        (struct weir_ring_segment){.id = journal->last_id, .start = start};
    journal->filled = start + WEIR_PCAPNG_SECTION_OCTETS;
    journal->segment_start = start;
    journal->segment_datagrams = 0;
    atomic_fetch_add(&journal->segments, 1);
    /* In this order: who sees octets of the segment has to know that it is one. */
    atomic_store(&header->segment_count, count + 1);
    publish(journal);
    return 0;
}

/* When the segment whose first datagram arrived now ends: as the store's files do. */
static int64_t end_of(const struct weir_journal *journal, int64_t received_ns)
{
    int64_t rotate_ns = journal->options.rotate_ns;
    if (received_ns < 0 || received_ns > INT64_MAX - 2 * HOUR_NS)
        return INT64_MAX;
    int64_t hour_ns = received_ns - received_ns % HOUR_NS;
    int64_t end_ns = received_ns - (received_ns - hour_ns) % rotate_ns + rotate_ns;
    return end_ns < hour_ns + HOUR_NS ? end_ns : hour_ns + HOUR_NS;
}

/* The first datagram of a segment sets its time; stragglers of the one before do not shorten it. */
static void set_times(struct weir_journal *journal, int64_t received_ns)
{
    bool straggles = received_ns < journal->end_ns &&
                     received_ns >= journal->end_ns - journal->options.rotate_ns;
    journal->begin_ns = straggles ? journal->end_ns : received_ns;
    journal->end_ns = end_of(journal, journal->begin_ns);
}

static bool is_due(struct weir_journal *journal, const struct weir_datagram *datagram)
{
    /* Clocks are set back: a segment is not to wait for a time long ago to come again. */
    bool is_over = datagram->received_ns >= journal->end_ns ||
                   datagram->received_ns < journal->begin_ns - journal->options.rotate_ns;
    return is_over || journal->filled - journal->segment_start >= WEIR_JOURNAL_SEGMENT_OCTETS_MAX;
}

/* Before it can be taken out, so that nobody ever counts more than came. One thread counts. */
static void count_one(struct weir_journal *journal, const struct weir_datagram *datagram)
{
    uint64_t datagrams = atomic_load_explicit(&journal->datagrams, memory_order_relaxed);
    uint64_t octets = atomic_load_explicit(&journal->octets, memory_order_relaxed);
    atomic_store_explicit(&journal->datagrams, datagrams + 1, memory_order_relaxed);
    atomic_store_explicit(&journal->octets, octets + datagram->length, memory_order_relaxed);
}

static int append_one(struct weir_journal *journal, const struct weir_datagram *datagram)
{
    size_t octets = weir_pcapng_packet_octets(datagram);
    if (octets == 0) {
        count_one(journal, datagram);
        atomic_fetch_add(&journal->writer.dropped, 1);
        return 0;
    }
    bool resumes = atomic_load_explicit(&journal->writer.resume, memory_order_relaxed) &&
                   atomic_exchange(&journal->writer.resume, false);
    int result = 0;
    if (resumes || (journal->segment_datagrams > 0 && is_due(journal, datagram)))
        result = begin_segment(journal, weir_clock_now(&journal->options.clock));
    if (result == 0)
        result = make_room(journal, octets);
    if (result < 0)
        return result;
    if (journal->segment_datagrams++ == 0)
        set_times(journal, datagram->received_ns);
    weir_pcapng_packet(weir_ring_at(&journal->ring, journal->filled), datagram);
    count_one(journal, datagram);
    journal->filled += octets;
    return 0;
}

int weir_journal_append(struct weir_journal *journal, const struct weir_datagram *datagrams,
                        size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = append_one(journal, &datagrams[i]);
    publish(journal);
    return result;
}

int64_t weir_journal_due(const struct weir_journal *journal)
{
    if (journal->segment_datagrams == 0 || journal->end_ns > INT64_MAX - GRACE_NS)
        return INT64_MAX;
    return journal->end_ns + GRACE_NS;
}

void weir_journal_tick(struct weir_journal *journal, int64_t now_ns)
{
    if (now_ns >= weir_journal_due(journal))
        (void)!begin_segment(journal, now_ns);
}

void weir_journal_end(struct weir_journal *journal)
{
    if (journal->segment_datagrams > 0)
        (void)!begin_segment(journal, weir_clock_now(&journal->options.clock));
    atomic_store(&journal->ended, true);
    ring_bells(journal);
}

int weir_journal_next(struct weir_journal *journal, struct weir_journal_item *ret_item)
{
    const struct weir_ring_header *header = journal->ring.header;
    atomic_store_explicit(&journal->taken_out, journal->position, memory_order_release);
    bool has_ended = atomic_load(&journal->ended);
    uint64_t filled = atomic_load(&header->filled);
    while (journal->position < filled) {
        uint64_t next = journal->number + 1;
        if (next < atomic_load(&header->segment_count) &&
            weir_ring_segment(&journal->ring, next)->start == journal->position) {
            *ret_item = (struct weir_journal_item){
                .kind = WEIR_JOURNAL_SEGMENT_END,
                .segment = weir_ring_segment(&journal->ring, journal->number)->id,
                .next_segment = weir_ring_segment(&journal->ring, next)->id,
            };
            journal->number = next;
            atomic_store(&journal->segments_ended, next);
            return 0;
        }
        struct weir_pcapng_block block;
        int result = weir_pcapng_read(weir_ring_at(&journal->ring, journal->position),
                                      (size_t)(filled - journal->position), &block);
        if (result < 0)
            return result;
        journal->position += block.length;
        if (block.has_datagram) {
            foresee(journal, filled, block.length);
            *ret_item = (struct weir_journal_item){
                .kind = WEIR_JOURNAL_DATAGRAM,
                .datagram = block.datagram,
            };
            return 0;
        }
    }
    atomic_store_explicit(&journal->taken_out, journal->position, memory_order_release);
    return has_ended ? WEIR_E_END : WEIR_E_AGAIN;
}

size_t weir_journal_peek(const struct weir_journal *journal, struct weir_datagram *ret_datagrams,
                         size_t most)
{
    const struct weir_ring_header *header = journal->ring.header;
    uint64_t end = atomic_load(&header->filled);
    uint64_t next = journal->number + 1;
    if (next < atomic_load(&header->segment_count) &&
        weir_ring_segment(&journal->ring, next)->start < end)
        end = weir_ring_segment(&journal->ring, next)->start;
    size_t count = 0;
    for (uint64_t position = journal->position; position < end && count < most;) {
        struct weir_pcapng_block block;
        if (weir_pcapng_read(weir_ring_at(&journal->ring, position), (size_t)(end - position),
                             &block) < 0)
            break;
        position += block.length;
        if (block.has_datagram)
            ret_datagrams[count++] = block.datagram;
    }
    return count;
}

struct weir_bell *weir_journal_bell(struct weir_journal *journal)
{
    return &journal->bell;
}

bool weir_journal_is_empty(const struct weir_journal *journal)
{
    return atomic_load(&journal->ring.header->filled) == journal->position &&
           !atomic_load(&journal->ended);
}

uint64_t weir_journal_segment(const struct weir_journal *journal)
{
    return weir_ring_segment(&journal->ring, journal->number)->id;
}

uint64_t weir_journal_start(const struct weir_journal *journal)
{
    return weir_ring_segment(&journal->ring, journal->number)->start;
}

void weir_journal_settle(const struct weir_journal *journal, uint64_t position)
{
    weir_segment_writer_settle(&journal->writer, position);
}

void weir_journal_abandon(struct weir_journal *journal)
{
    atomic_store(&journal->abandoned, true);
}

bool weir_journal_message(struct weir_journal *journal, struct weir_diag *ret_text)
{
    struct weir_segment_writer *writer = &journal->writer;
    pthread_mutex_lock(&writer->lock);
    bool has_message = writer->has_message;
    if (has_message)
        *ret_text = writer->message;
    writer->has_message = false;
    pthread_mutex_unlock(&writer->lock);
    return has_message;
}

struct weir_journal_counters weir_journal_count(const struct weir_journal *journal)
{
    return (struct weir_journal_counters){
        .journal_datagrams = atomic_load(&journal->datagrams),
        .journal_octets = atomic_load(&journal->octets),
        .journal_dropped = atomic_load(&journal->writer.dropped),
        .journal_segments = atomic_load(&journal->segments),
        .journal_syncs = atomic_load(&journal->writer.syncs),
        .journal_stops = atomic_load(&journal->writer.stops),
        .journal_waits = atomic_load(&journal->waits),
    };
}

/* The greatest ID that a segment or a state of the folder has. */
static int find_last_id(const struct weir_journal_folder *folder, uint64_t *ret_id,
                        struct weir_diag *diag)
{
    struct weir_journal_ids segments = {0}, states = {0};
    int result = weir_journal_folder_segments(folder, &segments, diag);
    if (result == 0)
        result = weir_journal_folder_states(folder, &states, diag);
    uint64_t id = segments.count ? segments.ids[segments.count - 1] : 0;
    if (states.count && states.ids[states.count - 1] > id)
        id = states.ids[states.count - 1];
    weir_journal_ids_done(&segments);
    weir_journal_ids_done(&states);
    *ret_id = id;
    return result;
}

static size_t ring_octets(const struct weir_journal_options *options)
{
    size_t octets = options->ring_octets ? options->ring_octets : WEIR_JOURNAL_RING_DEFAULT;
    if (octets < WEIR_JOURNAL_RING_MIN)
        octets = WEIR_JOURNAL_RING_MIN;
    return (octets + WEIR_RING_BLOCK - 1) / WEIR_RING_BLOCK * WEIR_RING_BLOCK;
}

int weir_journal_open(const struct weir_journal_options *options, struct weir_journal **ret_journal,
                      struct weir_diag *diag)
{
    struct weir_journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s", weir_error_text(WEIR_E_NOMEM));
    journal->options = *options;
    journal->bell.fd = -1;
    int result = find_last_id(options->folder, &journal->last_id, diag);
    if (result == 0 &&
        (weir_ring_open(options->folder->fd, ring_octets(options), &journal->ring) < 0 ||
         weir_bell_open(&journal->bell) < 0))
        result =
            weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a journal", options->folder->path);
    if (result == 0) {
        journal->writer = (struct weir_segment_writer){
            .ring = &journal->ring,
            .folder = options->folder,
            .sync_ns = options->sync_ns,
            .sync_octets = options->sync_octets,
            .buffered = options->buffered,
        };
        result = weir_segment_writer_start(&journal->writer, diag);
    }
    if (result < 0) {
        weir_ring_close(&journal->ring);
        weir_bell_close(&journal->bell);
        free(journal);
        return result;
    }
    /* Nothing else is in the ring: it has room. */
    (void)!begin_segment(journal, weir_clock_now(&options->clock));
    *ret_journal = journal;
    return 0;
}

void weir_journal_close(struct weir_journal *journal)
{
    if (!journal)
        return;
    weir_segment_writer_stop(&journal->writer);
    if (journal->segment_datagrams == 0) {
        char name[WEIR_SEGMENT_NAME_MAX];
        weir_segment_name(journal->last_id, name);
        unlinkat(journal->options.folder->fd, name, 0);
    }
    /* All that was in it is in the segments. */
    unlinkat(journal->options.folder->fd, WEIR_RING_NAME, 0);
    weir_ring_close(&journal->ring);
    weir_bell_close(&journal->bell);
    free(journal);
}
