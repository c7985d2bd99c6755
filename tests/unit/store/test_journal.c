/* SPDX-License-Identifier: Apache-2.0 */
/* A journal between two threads, killed, cut, on a full disk; and its folder at each step. */
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/ring.h"
#include "store/segment_reader.h"
#include "store_files.h"
#include "support/cmocka.h"

#define SECOND WEIR_NS_PER_SECOND

struct fixture {
    char path[STORE_PATH_MAX];
    struct weir_journal_folder folder;
};

static struct weir_journal_folder take(const char *path)
{
    struct weir_journal_folder folder;
    struct weir_diag diag;
    if (weir_journal_folder_take(path, 0, true, &folder, &diag) < 0)
        fail_msg("%s", diag.text);
    return folder;
}

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    store_make(fixture->path);
    fixture->folder = take(fixture->path);
    *state = fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;
    weir_journal_folder_close(&fixture->folder);
    store_remove(fixture->path);
    free(fixture);
    return 0;
}

static struct weir_journal *open_journal(const struct weir_journal_folder *folder,
                                         struct weir_journal_options options)
{
    struct weir_journal *journal;
    struct weir_diag diag;
    options.folder = folder;
    options.clock = weir_clock_system();
    options.rotate_ns = options.rotate_ns ? options.rotate_ns : 60 * SECOND;
    options.ring_octets = WEIR_JOURNAL_RING_MIN;
    if (weir_journal_open(&options, &journal, &diag) < 0)
        fail_msg("%s", diag.text);
    return journal;
}

/* A datagram that holds its number, of a length that changes with it. */
static struct weir_datagram numbered(uint32_t number, uint8_t octets[1500])
{
    size_t length = 8 + number * 37 % 1400;
    memset(octets, (int)(number & 0xff), length);
    weir_store_be64(octets, number);
    return (struct weir_datagram){
        .octets = octets,
        .length = length,
        .source = weir_address_from_v4(0x0a000001 + number % 7),
        .received_ns = TEST_HOUR_NS + number * WEIR_NS_PER_MS,
    };
}

static uint32_t number_of(const struct weir_datagram *datagram)
{
    uint8_t octets[1500];
    uint32_t number = (uint32_t)weir_load_be64(datagram->octets);
    struct weir_datagram wanted = numbered(number, octets);
    assert_int_equal(datagram->length, wanted.length);
    assert_memory_equal(datagram->octets, octets, wanted.length);
    assert_int_equal(datagram->received_ns, wanted.received_ns);
    return number;
}

static void append(struct weir_journal *journal, uint32_t first, uint32_t end)
{
    for (uint32_t number = first; number < end; number++) {
        uint8_t octets[1500];
        struct weir_datagram datagram = numbered(number, octets);
        assert_int_equal(weir_journal_append(journal, &datagram, 1), 0);
    }
}

struct appending {
    struct weir_journal *journal;
    uint32_t count;
};

static void *append_all(void *context)
{
    const struct appending *appending = context;
    append(appending->journal, 0, appending->count);
    weir_journal_end(appending->journal);
    return NULL;
}

/* Reads a segment; the numbers in it are first, first + 1 ... Returns the one after the last. */
static uint32_t read_segment(const struct weir_journal_folder *folder, uint64_t id, uint32_t first,
                             uint64_t *ret_cut)
{
    struct weir_segment_reader *reader;
    struct weir_datagram datagram;
    struct weir_diag diag;
    int result = weir_segment_reader_open(folder, id, &reader, &diag);
    if (result < 0)
        fail_msg("%s", diag.text);
    while ((result = weir_segment_reader_next(reader, &datagram, &diag)) == 0)
        assert_int_equal(number_of(&datagram), first++);
    assert_int_equal(result, WEIR_E_END);
    *ret_cut = weir_segment_reader_cut(reader);
    weir_segment_reader_close(reader);
    return first;
}

/* What comes next, waiting for it. */
static int next_item(struct weir_journal *journal, struct weir_journal_item *item)
{
    int result;
    while ((result = weir_journal_next(journal, item)) == WEIR_E_AGAIN) {
        struct weir_bell *bell = weir_journal_bell(journal);
        weir_bell_arm(bell);
        weir_bell_sleep(bell, weir_journal_is_empty(journal) ? -1 : 0);
    }
    return result;
}

/* More than the ring holds, by two threads; each segment's file has what came out of the ring. */
static void pass_through(struct fixture *fixture, bool buffered)
{
    const struct weir_journal_options options = {
        .rotate_ns = SECOND, .sync_octets = 1 << 20, .buffered = buffered};
    struct appending appending = {open_journal(&fixture->folder, options), 6000};
    struct weir_journal *journal = appending.journal;
    struct weir_journal_item item;
    struct weir_diag diag;
    pthread_t thread;
    uint32_t taken = 0, first_of_segment = 0, segments = 0;
    uint64_t cut;
    int result;
    assert_int_equal(pthread_create(&thread, NULL, append_all, &appending), 0);
    while ((result = next_item(journal, &item)) == 0) {
        if (item.kind == WEIR_JOURNAL_DATAGRAM) {
            assert_int_equal(number_of(&item.datagram), taken++);
            continue;
        }
        /* A second is a thousand of them; segments begin at full seconds. */
        assert_int_equal(taken, 1000 * ++segments);
        assert_true(item.next_segment > item.segment);
        assert_int_equal(weir_journal_segment(journal), item.next_segment);
        weir_journal_settle(journal, weir_journal_start(journal));
        assert_int_equal(read_segment(&fixture->folder, item.segment, first_of_segment, &cut),
                         taken);
        assert_int_equal(cut, 0);
        assert_int_equal(weir_journal_folder_commit(&fixture->folder, item.segment, &diag), 0);
        first_of_segment = taken;
    }
    assert_int_equal(result, WEIR_E_END);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(taken, appending.count);
    assert_int_equal(segments, 6);
    struct weir_journal_counters counters = weir_journal_count(journal);
    assert_int_equal(counters.journal_datagrams, appending.count);
    assert_int_equal(counters.journal_dropped, 0);
    assert_int_equal(counters.journal_segments, 7);
    assert_true(counters.journal_waits > 0);
    assert_true(counters.journal_syncs > 0);
    weir_journal_close(journal);
    struct weir_journal_ids left;
    assert_int_equal(weir_journal_folder_segments(&fixture->folder, &left, &diag), 0);
    assert_int_equal(left.count, 0);
    weir_journal_ids_done(&left);
}

static void test_what_goes_in_comes_out_and_is_in_the_segments(void **state)
{
    pass_through(*state, false);
}

static void test_buffered_as_well(void **state)
{
    pass_through(*state, true);
}

/* The segments of a folder in order hold 0, 1 ...; returns how many. */
static uint32_t read_all(const struct weir_journal_folder *folder, uint64_t *ret_cut)
{
    struct weir_journal_ids segments;
    struct weir_diag diag;
    uint32_t next = 0;
    *ret_cut = 0;
    assert_int_equal(weir_journal_folder_segments(folder, &segments, &diag), 0);
    for (size_t i = 0; i < segments.count; i++) {
        uint64_t cut;
        next = read_segment(folder, segments.ids[i], next, &cut);
        *ret_cut += cut;
    }
    weir_journal_ids_done(&segments);
    return next;
}

/*
 * A process that appends, takes out, and is killed; *ret_appended is how many it said to have
 * appended. The folder is anew the caller's.
 */
static void kill_one(struct fixture *fixture, uint32_t count, bool buffered, uint32_t *ret_appended)
{
    int news[2];
    uint32_t number = 0;
    weir_journal_folder_close(&fixture->folder);
    assert_int_equal(pipe(news), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct weir_journal_folder folder = take(fixture->path);
        struct weir_journal *journal = open_journal(
            &folder, (struct weir_journal_options){.sync_ns = SECOND, .buffered = buffered});
        struct weir_journal_item item;
        for (;; number++) {
            append(journal, number, number + 1);
            while (weir_journal_next(journal, &item) == 0)
                continue;
            if (write(news[1], &number, sizeof(number)) < 0)
                _exit(1);
        }
    }
    close(news[1]);
    *ret_appended = 0;
    while (*ret_appended < count && read(news[0], &number, sizeof(number)) == sizeof(number))
        *ret_appended = number + 1;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (read(news[0], &number, sizeof(number)) == sizeof(number))
        *ret_appended = number + 1;
    close(news[0]);
}

static void test_what_was_appended_survives_a_kill(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t counts[] = {1, 2, 3, 100, 3000};
    for (unsigned round = 0; round < 10; round++) {
        uint32_t appended;
        uint64_t cut;
        kill_one(fixture, counts[round / 2], round % 2, &appended);
        fixture->folder = take(fixture->path);
        /* One more may have been appended and not been told of. */
        uint32_t found = read_all(&fixture->folder, &cut);
        assert_in_range(found, appended, appended + 1);
        assert_int_equal(cut, 0);
        struct weir_journal_ids segments;
        struct weir_diag diag;
        assert_int_equal(weir_journal_folder_segments(&fixture->folder, &segments, &diag), 0);
        for (size_t i = 0; i < segments.count; i++)
            assert_int_equal(weir_journal_folder_commit(&fixture->folder, segments.ids[i], &diag),
                             0);
        weir_journal_ids_done(&segments);
    }
}

static void write_file(int folder_fd, const char *name, const void *octets, size_t length)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, length), length);
    close(fd);
}

static bool exists(int folder_fd, const char *name)
{
    return faccessat(folder_fd, name, F_OK, 0) == 0;
}

/* The machine has started anew since the ring was written. */
static void change_boot(const char *path)
{
    struct weir_ring_header header;
    char name[STORE_PATH_MAX + 32];
    snprintf(name, sizeof(name), "%s/journal/0/ring", path);
    int ring = open(name, O_RDWR);
    assert_true(ring >= 0);
    assert_int_equal(pread(ring, &header, sizeof(header), 0), sizeof(header));
    header.boot[0] ^= 1;
    assert_int_equal(pwrite(ring, &header, sizeof(header), 0), sizeof(header));
    close(ring);
}

/* After a power failure the ring means nothing, and the segment's end may be missing or wrong. */
static void test_a_power_failure_costs_the_end_only(void **state)
{
    struct fixture *fixture = *state;
    uint32_t appended, found, last = UINT32_MAX;
    uint64_t cut;
    struct weir_journal_ids segments = {0};
    struct weir_diag diag;
    /* Until the writing thread had its turn before the end came. */
    while (segments.count == 0) {
        kill_one(fixture, 40, false, &appended);
        change_boot(fixture->path);
        fixture->folder = take(fixture->path);
        assert_int_equal(fixture->folder.rescued_octets, 0);
        assert_int_equal(weir_journal_folder_segments(&fixture->folder, &segments, &diag), 0);
    }
    found = read_all(&fixture->folder, &cut);
    assert_true(found <= appended + 1);
    char name[WEIR_SEGMENT_NAME_MAX];
    weir_segment_name(segments.ids[0], name);
    int segment = openat(fixture->folder.fd, name, O_RDWR);
    struct stat status;
    assert_int_equal(fstat(segment, &status), 0);
    for (off_t length = status.st_size; length >= 0; length -= 997) {
        assert_int_equal(ftruncate(segment, length), 0);
        found = read_all(&fixture->folder, &cut);
        assert_true(found <= last && cut <= (uint64_t)length);
        /* What is behind the end may be zeros, too; as a block's last octets may be. */
        assert_int_equal(ftruncate(segment, length + 5000), 0);
        assert_in_range(read_all(&fixture->folder, &cut), found, found + 1);
        assert_true(cut > 4990);
        last = found;
    }
    assert_int_equal(ftruncate(segment, 0), 0);
    assert_int_equal(read_all(&fixture->folder, &cut), 0);
    close(segment);
    weir_journal_ids_done(&segments);
}

static void test_a_wrong_ring_is_not_used(void **state)
{
    struct fixture *fixture = *state;
    static const size_t lengths[] = {0, 1, 4095, 4096, 4097, 8192, 20000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t *octets = malloc(lengths[i] + 1);
        assert_non_null(octets);
        memset(octets, 0xff, lengths[i]);
        write_file(fixture->folder.fd, "ring", octets, lengths[i]);
        free(octets);
        weir_journal_folder_close(&fixture->folder);
        fixture->folder = take(fixture->path);
        assert_int_equal(fixture->folder.rescued_octets, 0);
        assert_false(exists(fixture->folder.fd, "ring"));
    }
}

#define STAGED "+date=2026-02-03+hour=07+flows-1770102000000-1770102000001-"
#define PLACED "date=2026-02-03/hour=07/flows-1770102000000-1770102000001-"

static void test_staged_files_move_when_their_segment_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal_folder *folder = &fixture->folder;
    struct weir_diag diag;
    write_file(folder->fd, "1770102000001.pcapng", "x", 1);
    write_file(folder->fd, "1770102000001" STAGED "a.parquet", "a", 1);
    write_file(folder->fd, "1770102000002" STAGED "b.parquet", "b", 1);
    weir_journal_folder_close(folder);
    *folder = take(fixture->path);
    assert_false(exists(folder->fd, "1770102000001" STAGED "a.parquet"));
    assert_false(exists(folder->root_fd, PLACED "a.parquet"));
    assert_true(exists(folder->fd, "1770102000001.pcapng"));
    assert_false(exists(folder->fd, "1770102000002" STAGED "b.parquet"));
    assert_true(exists(folder->root_fd, PLACED "b.parquet"));

    /* Staged again, and committed. */
    write_file(folder->root_fd, "a", "A", 1);
    assert_int_equal(
        weir_journal_folder_stage(folder, 1770102000001, "a", "date=2026-02-03/hour=07",
                                  "flows-1770102000000-1770102000001-a.parquet", &diag),
        0);
    assert_int_equal(
        weir_journal_folder_save_state(folder, 1770102000001, (const uint8_t *)"old", 3, &diag), 0);
    assert_true(exists(folder->fd, "1770102000001" STAGED "a.parquet"));
    assert_int_equal(weir_journal_folder_commit(folder, 1770102000001, &diag), 0);
    assert_false(exists(folder->fd, "1770102000001.pcapng"));
    assert_false(exists(folder->fd, "1770102000001.state"));
    assert_false(exists(folder->fd, "1770102000001" STAGED "a.parquet"));
    assert_true(exists(folder->root_fd, PLACED "a.parquet"));
}

static void test_states_are_kept_whole(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal_folder *folder = &fixture->folder;
    struct weir_octets octets = {0};
    struct weir_journal_ids states;
    struct weir_diag diag;
    assert_int_equal(weir_journal_folder_load_state(folder, 7, &octets, &diag), WEIR_E_NOT_FOUND);
    assert_int_equal(weir_journal_folder_save_state(folder, 7, (const uint8_t *)"first", 5, &diag),
                     0);
    /* What a segment began with does not change. */
    assert_int_equal(weir_journal_folder_save_state(folder, 7, (const uint8_t *)"second", 6, &diag),
                     0);
    assert_int_equal(weir_journal_folder_save_state(folder, 9, NULL, 0, &diag), 0);
    assert_int_equal(weir_journal_folder_load_state(folder, 7, &octets, &diag), 0);
    assert_int_equal(octets.length, 5);
    assert_memory_equal(octets.data, "first", 5);
    weir_octets_done(&octets);
    weir_journal_folder_forget_states(folder, 9);
    assert_int_equal(weir_journal_folder_states(folder, &states, &diag), 0);
    assert_int_equal(states.count, 1);
    assert_int_equal(states.ids[0], 9);
    weir_journal_ids_done(&states);
}

/* Of which share it is; what cannot be read is of none. */
static void test_shares_are_read_as_they_are_written(void **state)
{
    static const struct {
        const char *text;
        unsigned index, count;
    } cases[] = {
        {"0 of 1\n", 0, 1},
        {"3 of 4294967295\n", 3, 4294967295},
        {"4 of 4\n", 1, 1},
        {"3 of 4", 1, 1},
        {"3 of 4 \n", 1, 1},
        {" 3 of 4\n", 1, 1},
        {"+3 of 4\n", 1, 1},
        {"3 of +4\n", 1, 1},
        {"3 of  4\n", 1, 1},
        {"3 of -1\n", 1, 1},
        {"-4294967293 of 4\n", 1, 1},
        {"3 of 4294967296\n", 1, 1},
        {"3 of 42949672960\n", 1, 1},
        {"of 4\n", 1, 1},
        {"\n", 1, 1},
    };
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(fixture->folder.fd, "share", cases[i].text, strlen(cases[i].text));
        struct weir_share share = weir_journal_folder_share(&fixture->folder);
        if (share.index != cases[i].index || share.count != cases[i].count)
            fail_msg("'%s' is %u of %u", cases[i].text, share.index, share.count);
    }
    weir_journal_folder_note_share(&fixture->folder, (struct weir_share){2, 5});
    struct weir_share share = weir_journal_folder_share(&fixture->folder);
    assert_int_equal(share.index, 2);
    assert_int_equal(share.count, 5);
}

static void test_a_folder_has_one_owner(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal_folder other;
    struct weir_diag diag;
    assert_int_equal(weir_journal_folder_take(fixture->path, 0, true, &other, &diag), WEIR_E_AGAIN);
    assert_int_equal(weir_journal_folder_take(fixture->path, 1, false, &other, &diag),
                     WEIR_E_NOT_FOUND);
    assert_int_equal(weir_journal_folder_take(fixture->path, 1, true, &other, &diag), 0);
    weir_journal_folder_close(&other);
}

static void test_nobody_waits_for_who_has_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal *journal =
        open_journal(&fixture->folder, (struct weir_journal_options){.sync_ns = SECOND});
    int result = 0;
    uint32_t number = 0;
    weir_journal_abandon(journal);
    while (result == 0 && number < 10000) {
        uint8_t octets[1500];
        struct weir_datagram datagram = numbered(number++, octets);
        result = weir_journal_append(journal, &datagram, 1);
    }
    assert_int_equal(result, WEIR_E_CLOSED);
    weir_journal_close(journal);
}

static void test_segments_end_by_the_clock(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal *journal = open_journal(
        &fixture->folder, (struct weir_journal_options){.rotate_ns = SECOND, .sync_ns = SECOND});
    struct weir_journal_item item;
    assert_int_equal(weir_journal_due(journal), INT64_MAX);
    weir_journal_tick(journal, INT64_MAX - 1);
    assert_int_equal(weir_journal_next(journal, &item), WEIR_E_AGAIN);
    append(journal, 5, 6);
    int64_t due = weir_journal_due(journal);
    assert_true(due >= TEST_HOUR_NS + SECOND && due < TEST_HOUR_NS + 2 * SECOND);
    weir_journal_tick(journal, due - 1);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_DATAGRAM);
    assert_int_equal(weir_journal_next(journal, &item), WEIR_E_AGAIN);
    weir_journal_tick(journal, due);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_SEGMENT_END);
    /* A straggler does not make a segment of its own, and a clock that was set back does. */
    append(journal, 6, 7);
    append(journal, 1001, 1002);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_DATAGRAM);
    append(journal, 500000, 500001);
    append(journal, 7, 8);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_SEGMENT_END);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_SEGMENT_END);
    weir_journal_close(journal);
}

static void test_what_comes_next_can_be_looked_at(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal *journal = open_journal(
        &fixture->folder, (struct weir_journal_options){.rotate_ns = SECOND, .sync_ns = SECOND});
    struct weir_datagram ahead[8];
    struct weir_journal_item item;
    assert_int_equal(weir_journal_peek(journal, ahead, 8), 0);
    /* 0 to 4, the end of their segment, and 2000. */
    append(journal, 0, 5);
    append(journal, 2000, 2001);
    assert_int_equal(weir_journal_peek(journal, ahead, 3), 3);
    for (uint32_t number = 0; number < 5; number++) {
        assert_int_equal(weir_journal_peek(journal, ahead, 8), 5 - number);
        for (uint32_t i = number; i < 5; i++)
            assert_int_equal(number_of(&ahead[i - number]), i);
        assert_int_equal(weir_journal_next(journal, &item), 0);
        assert_int_equal(number_of(&item.datagram), number);
        assert_ptr_equal(item.datagram.octets, ahead[0].octets);
    }
    assert_int_equal(weir_journal_peek(journal, ahead, 8), 0);
    assert_int_equal(weir_journal_next(journal, &item), 0);
    assert_int_equal(item.kind, WEIR_JOURNAL_SEGMENT_END);
    assert_int_equal(weir_journal_peek(journal, ahead, 8), 1);
    assert_int_equal(number_of(&ahead[0]), 2000);
    weir_journal_close(journal);
}

/* Takes out what is there; returns how many datagrams. */
static uint32_t take_out(struct weir_journal *journal)
{
    struct weir_journal_item item;
    uint32_t count = 0;
    while (weir_journal_next(journal, &item) == 0)
        count += item.kind == WEIR_JOURNAL_DATAGRAM;
    return count;
}

/* Appends and takes out until there is a message; returns how many were appended. */
static uint32_t append_until_message(struct weir_journal *journal, const char *text)
{
    struct weir_diag message = {0};
    uint32_t number = 0;
    for (time_t until = time(NULL) + 30; !weir_journal_message(journal, &message); number++) {
        assert_true(time(NULL) < until);
        append(journal, number, number + 1);
        assert_int_equal(take_out(journal), 1);
        if (number % 64 == 63)
            usleep(1000);
    }
    if (!strstr(message.text, text))
        fail_msg("'%s' does not say '%s'", message.text, text);
    return number;
}

static uint64_t count_in_segments(const struct weir_journal_folder *folder)
{
    struct weir_journal_ids segments;
    struct weir_diag diag;
    uint64_t count = 0;
    assert_int_equal(weir_journal_folder_segments(folder, &segments, &diag), 0);
    for (size_t i = 0; i < segments.count; i++) {
        struct weir_segment_reader *reader;
        struct weir_datagram datagram;
        assert_int_equal(weir_segment_reader_open(folder, segments.ids[i], &reader, &diag), 0);
        while (weir_segment_reader_next(reader, &datagram, &diag) == 0)
            count++;
        assert_int_equal(weir_segment_reader_cut(reader), 0);
        weir_segment_reader_close(reader);
    }
    weir_journal_ids_done(&segments);
    return count;
}

static void test_a_full_disk_stops_it_for_a_while(void **state)
{
    struct fixture *fixture = *state;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", fixture->path, "tmpfs", 0, "size=24m") < 0) {
        printf("# skipped: no file system may be mounted: %s\n", strerror(errno));
        skip();
    }
    struct weir_journal_folder folder = take(fixture->path);
    /* What will be removed, and gives room. */
    int other = openat(folder.root_fd, "other", O_WRONLY | O_CREAT, 0666);
    assert_int_equal(posix_fallocate(other, 0, 16 << 20), 0);
    close(other);
    struct weir_journal *journal =
        open_journal(&folder, (struct weir_journal_options){.sync_ns = SECOND});
    uint64_t appended = append_until_message(journal, "No space left on device");
    struct weir_journal_counters counters = weir_journal_count(journal);
    assert_int_equal(counters.journal_stops, 1);
    assert_true(counters.journal_dropped > 0);
    struct weir_journal_ids segments;
    struct weir_diag diag;
    assert_int_equal(weir_journal_folder_segments(&folder, &segments, &diag), 0);
    assert_int_equal(segments.count, 1);
    weir_journal_ids_done(&segments);
    assert_int_equal(unlinkat(folder.root_fd, "other", 0), 0);
    appended += append_until_message(journal, "goes on");
    append(journal, 0, 100);
    appended += 100;
    take_out(journal);
    weir_journal_end(journal);
    take_out(journal);
    weir_journal_settle(journal, weir_journal_start(journal));
    counters = weir_journal_count(journal);
    assert_int_equal(counters.journal_datagrams, appended);
    assert_int_equal(count_in_segments(&folder) + counters.journal_dropped, appended);
    weir_journal_close(journal);
    weir_journal_folder_close(&folder);
    assert_int_equal(umount2(fixture->path, MNT_DETACH), 0);
}

static void test_counters_are_described(void **state)
{
    (void)state;
    struct weir_journal_counters counters = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    assert_int_equal(weir_journal_counter_count * sizeof(uint64_t), sizeof(counters));
    for (size_t i = 0; i < weir_journal_counter_count; i++)
        assert_int_equal(weir_counter_get(&weir_journal_counter_table[i], &counters), i + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_goes_in_comes_out_and_is_in_the_segments, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_buffered_as_well, make, drop),
        cmocka_unit_test_setup_teardown(test_what_was_appended_survives_a_kill, make, drop),
        cmocka_unit_test_setup_teardown(test_a_power_failure_costs_the_end_only, make, drop),
        cmocka_unit_test_setup_teardown(test_a_wrong_ring_is_not_used, make, drop),
        cmocka_unit_test_setup_teardown(test_staged_files_move_when_their_segment_is_gone, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_states_are_kept_whole, make, drop),
        cmocka_unit_test_setup_teardown(test_shares_are_read_as_they_are_written, make, drop),
        cmocka_unit_test_setup_teardown(test_a_folder_has_one_owner, make, drop),
        cmocka_unit_test_setup_teardown(test_nobody_waits_for_who_has_given_up, make, drop),
        cmocka_unit_test_setup_teardown(test_what_comes_next_can_be_looked_at, make, drop),
        cmocka_unit_test_setup_teardown(test_segments_end_by_the_clock, make, drop),
        cmocka_unit_test(test_counters_are_described),
        /* Last: it leaves the process in a mount namespace of its own. */
        cmocka_unit_test_setup_teardown(test_a_full_disk_stops_it_for_a_while, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
