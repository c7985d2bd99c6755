/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal makes durable and when, on a disk that is slow or fails to. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/ring.h"
#include "store_files.h"
#include "support/cmocka.h"

#define SECOND    WEIR_NS_PER_SECOND
#define AWAIT_NS  (30 * SECOND)
#define SYNCS_MAX 16u
#define OCTETS    1000u

/* The disk: the linker puts this before the journal's call (--wrap). */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_held; /* syncs wait */
    bool fails;
    unsigned begun;
    ino_t inodes[SYNCS_MAX];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
    struct stat status = {0};
    (void)!fstat(fd, &status);
    pthread_mutex_lock(&disk.lock);
    if (disk.begun < SYNCS_MAX)
        disk.inodes[disk.begun] = status.st_ino;
    disk.begun++;
    while (disk.is_held)
        pthread_cond_wait(&disk.changed, &disk.lock);
    bool fails = disk.fails;
    pthread_mutex_unlock(&disk.lock);
    errno = EIO;
    return fails ? -1 : 0;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void set_disk(bool is_held, bool fails)
{
    pthread_mutex_lock(&disk.lock);
    disk.is_held = is_held;
    disk.fails = fails;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static unsigned syncs_begun(void)
{
    pthread_mutex_lock(&disk.lock);
    unsigned begun = disk.begun;
    pthread_mutex_unlock(&disk.lock);
    return begun;
}

struct fixture {
    char path[STORE_PATH_MAX];
    struct weir_journal_folder folder;
    struct weir_journal *journal;
    unsigned appended;
};

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct weir_diag diag;
    assert_non_null(fixture);
    store_make(fixture->path);
    assert_int_equal(weir_journal_folder_take(fixture->path, 0, true, &fixture->folder, &diag), 0);
    disk.is_held = disk.fails = false;
    disk.begun = 0;
    *state = fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;
    set_disk(false, false);
    weir_journal_close(fixture->journal);
    weir_journal_folder_close(&fixture->folder);
    store_remove(fixture->path);
    free(fixture);
    return 0;
}

static void open_journal(struct fixture *fixture, int64_t sync_ns, uint64_t sync_octets)
{
    const struct weir_journal_options options = {
        .folder = &fixture->folder,
        .clock = weir_clock_system(),
        .rotate_ns = SECOND,
        .sync_ns = sync_ns,
        .sync_octets = sync_octets,
        .ring_octets = WEIR_JOURNAL_RING_MIN,
    };
    struct weir_diag diag;
    if (weir_journal_open(&options, &fixture->journal, &diag) < 0)
        fail_msg("%s", diag.text);
}

/* A datagram that came in this second, which is that of a segment of its own. */
static void append(struct fixture *fixture, unsigned second)
{
    static const uint8_t octets[OCTETS];
    const struct weir_datagram datagram = {
        .octets = octets,
        .length = sizeof(octets),
        .source = weir_address_from_v4(0x0a000001),
        .received_ns = TEST_HOUR_NS + second * SECOND + ++fixture->appended,
    };
    assert_int_equal(weir_journal_append(fixture->journal, &datagram, 1), 0);
}

static uint64_t stops(struct fixture *fixture)
{
    return weir_journal_count(fixture->journal).journal_stops;
}

static uint64_t syncs(struct fixture *fixture)
{
    return weir_journal_count(fixture->journal).journal_syncs;
}

static uint64_t tries(struct fixture *fixture)
{
    (void)fixture;
    return syncs_begun();
}

/* Until there are so many. */
static void await(struct fixture *fixture, uint64_t (*count)(struct fixture *), uint64_t wanted)
{
    const struct weir_clock clock = weir_clock_monotonic();
    int64_t until_ns = weir_clock_now(&clock) + AWAIT_NS;
    while (count(fixture) < wanted && weir_clock_now(&clock) < until_ns)
        poll(NULL, 0, 1);
    assert_true(count(fixture) >= wanted);
}

static void test_a_segment_that_is_not_durable_stops_it(void **state)
{
    struct fixture *fixture = *state;
    struct weir_diag message;
    open_journal(fixture, 3600 * SECOND, 0);
    set_disk(false, true);
    append(fixture, 0);
    append(fixture, 1); /* which ends the first */
    await(fixture, stops, 1);
    assert_int_equal(syncs(fixture), 0);
    assert_true(weir_journal_message(fixture->journal, &message));
    assert_non_null(strstr(message.text, strerror(EIO)));

    /* It goes on in another, which ends well. */
    const struct weir_clock clock = weir_clock_monotonic();
    int64_t until_ns = weir_clock_now(&clock) + AWAIT_NS;
    bool goes_on = false;
    set_disk(false, false);
    for (unsigned second = 2; !goes_on && weir_clock_now(&clock) < until_ns; second++) {
        append(fixture, second);
        poll(NULL, 0, 20);
        goes_on = weir_journal_message(fixture->journal, &message) &&
                  strstr(message.text, "goes on") != NULL;
    }
    assert_true(goes_on);
    append(fixture, 1 << 20);
    await(fixture, syncs, 1);
    assert_int_equal(stops(fixture), 1);
}

static void test_an_open_segment_that_is_not_durable_stops_it(void **state)
{
    struct fixture *fixture = *state;
    open_journal(fixture, 0, 1);
    set_disk(false, true);
    append(fixture, 0);
    await(fixture, stops, 1);
    assert_int_equal(syncs(fixture), 0);
}

static void test_what_comes_during_a_sync_does_not_wait_for_more(void **state)
{
    struct fixture *fixture = *state;
    open_journal(fixture, 0, OCTETS);
    set_disk(true, false);
    append(fixture, 0);
    await(fixture, tries, 1);
    append(fixture, 0);
    /* Until all of it is written; that syncs once is of the disk, which takes its time. */
    while (weir_journal_count(fixture->journal).journal_datagrams < 2)
        poll(NULL, 0, 1);
    struct weir_journal_item item;
    uint64_t end = 0;
    while (weir_journal_next(fixture->journal, &item) == 0)
        end += item.datagram.length;
    weir_journal_settle(fixture->journal, weir_journal_start(fixture->journal) + end);
    assert_int_equal(syncs_begun(), 1);
    set_disk(false, false);
    await(fixture, syncs, 2);
}

static ino_t inode_of(const struct fixture *fixture, uint64_t id)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    struct stat status;
    weir_segment_name(id, name);
    assert_int_equal(fstatat(fixture->folder.fd, name, &status, 0), 0);
    return status.st_ino;
}

static void test_the_oldest_segment_is_made_durable_first(void **state)
{
    struct fixture *fixture = *state;
    struct weir_journal_ids segments;
    struct weir_journal_item item;
    struct weir_diag diag;
    unsigned ended = 0;
    open_journal(fixture, 3600 * SECOND, 0);
    set_disk(true, false);
    append(fixture, 0);
    append(fixture, 1);
    await(fixture, tries, 1);
    for (unsigned second = 2; second < 5; second++)
        append(fixture, second);
    while (weir_journal_next(fixture->journal, &item) == 0)
        ended += item.kind == WEIR_JOURNAL_SEGMENT_END;
    assert_int_equal(ended, 4);
    /* The fifth has begun to be written, so the others have ended for the thread that syncs. */
    weir_journal_settle(fixture->journal, weir_journal_start(fixture->journal) + 1);
    set_disk(false, false);
    await(fixture, syncs, 4);
    assert_int_equal(weir_journal_folder_segments(&fixture->folder, &segments, &diag), 0);
    assert_int_equal(segments.count, 5);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(disk.inodes[i], inode_of(fixture, segments.ids[i]));
    weir_journal_ids_done(&segments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_segment_that_is_not_durable_stops_it, make, drop),
        cmocka_unit_test_setup_teardown(test_an_open_segment_that_is_not_durable_stops_it, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_what_comes_during_a_sync_does_not_wait_for_more, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_the_oldest_segment_is_made_durable_first, make, drop),
    };
    return cmocka_run_group_tests_name("segment sync", tests, NULL, NULL);
}
