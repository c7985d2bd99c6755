/* SPDX-License-Identifier: Apache-2.0 */
/* A recording whose segments cannot be stored for a while, and one whose collector has many. */
#include "app/recording.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/writer.h"
#include "collect/state.h"
#include "support/cmocka.h"

#define AWAIT_NS  (30 * WEIR_NS_PER_SECOND)
#define ROTATE_NS WEIR_NS_PER_SECOND
#define SOURCES   1500u

/* The linker puts these before the store's calls (--wrap). */
static atomic_uint stages;
static atomic_bool staging_fails, placing_fails, removing_fails;

static bool is_behind; /* the run is of writers that finish in a thread */

/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_weir_journal_folder_stage(const struct weir_journal_folder *folder, uint64_t id,
                                     const char *from, const char *partition, const char *file,
                                     struct weir_diag *diag);
int __wrap_weir_journal_folder_stage(const struct weir_journal_folder *folder, uint64_t id,
                                     const char *from, const char *partition, const char *file,
                                     struct weir_diag *diag);

int __wrap_weir_journal_folder_stage(const struct weir_journal_folder *folder, uint64_t id,
                                     const char *from, const char *partition, const char *file,
                                     struct weir_diag *diag)
{
    stages++;
    if (staging_fails)
        return weir_diag_set(diag, WEIR_E_IO, "no room in this test");
    return __real_weir_journal_folder_stage(folder, id, from, partition, file, diag);
}

int __real_weir_folder_place(int root_fd, int from_fd, const char *from, const char *partition,
                             const char *file);
int __wrap_weir_folder_place(int root_fd, int from_fd, const char *from, const char *partition,
                             const char *file);

int __wrap_weir_folder_place(int root_fd, int from_fd, const char *from, const char *partition,
                             const char *file)
{
    errno = ENOSPC;
    return placing_fails ? -1 : __real_weir_folder_place(root_fd, from_fd, from, partition, file);
}

int __real_unlinkat(int folder_fd, const char *name, int flags);
int __wrap_unlinkat(int folder_fd, const char *name, int flags);

/* Of a segment. */
int __wrap_unlinkat(int folder_fd, const char *name, int flags)
{
    errno = EIO;
    return removing_fails && strstr(name, ".pcapng") ? -1 : __real_unlinkat(folder_fd, name, flags);
}
/* NOLINTEND(bugprone-reserved-identifier) */

struct fixture {
    char path[64];
    _Atomic int64_t ahead_ns; /* of the system's clock */
    struct weir_collector *collector;
    struct weir_store_writer *writer;
    struct weir_recording *recording;
    struct weir_udp_listener *listener;
    int sender;
    uint64_t sent;
    uint64_t messages;
    unsigned said;
    uint32_t sequence;
};

static int64_t now(void *context)
{
    const struct fixture *fixture = context;
    const struct weir_clock clock = weir_clock_system();
    return weir_clock_now(&clock) + atomic_load(&fixture->ahead_ns);
}

static void say(void *context, const char *text)
{
    (void)text;
    ((struct fixture *)context)->said++;
}

/* A socket that sends to the listener. */
static int connect_to(const struct weir_udp_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        getsockname(weir_udp_listener_fd(listener), (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, length), 0);
    return fd;
}

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct weir_diag diag;
    assert_non_null(fixture);
    stages = 0;
    staging_fails = placing_fails = removing_fails = false;
    strcpy(fixture->path, "/tmp/weir-recording-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    const struct weir_clock clock = {now, fixture};
    const struct weir_store_writer_options options = {
        .path = fixture->path, .clock = clock, .behind = is_behind};
    const struct weir_recording_config config = {
        .store = fixture->path,
        .clock = clock,
        .rotate_ns = ROTATE_NS,
        .sync_ns = WEIR_NS_PER_SECOND,
        .collector = weir_collector_defaults(),
        .say = say,
        .say_context = fixture,
    };
    assert_int_equal(weir_collector_new(&config.collector, &fixture->collector), 0);
    assert_int_equal(weir_store_writer_open(&options, &fixture->writer, &diag), 0);
    const struct weir_batch_sink sink = weir_store_writer_sink(fixture->writer);
    assert_int_equal(weir_collector_add_batch_sink(fixture->collector, &sink), 0);
    assert_int_equal(weir_recording_open(&config, fixture->writer, &fixture->recording, &diag), 0);
    assert_int_equal(weir_recording_restore(fixture->recording, &fixture->recording, 1,
                                            fixture->collector, &diag),
                     0);
    assert_int_equal(
        weir_udp_listener_open("127.0.0.1", 0, WEIR_UDP_BUFFER_OCTETS, &fixture->listener, &diag),
        0);
    assert_int_equal(
        weir_recording_start(fixture->recording, fixture->collector, &fixture->listener, 1, &diag),
        0);
    fixture->sender = connect_to(fixture->listener);
    *state = fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;
    char command[sizeof(fixture->path) + 16];
    struct weir_diag diag;
    weir_recording_settle(fixture->recording);
    (void)!weir_store_writer_close(fixture->writer, NULL, &diag);
    weir_recording_close(fixture->recording);
    weir_collector_free(fixture->collector);
    weir_udp_listener_close(fixture->listener);
    close(fixture->sender);
    snprintf(command, sizeof(command), "rm -r %s", fixture->path);
    int removed = system(command); /* NOLINT(cert-env33-c): the test's own folder */
    free(fixture);
    return removed;
}

/* A NetFlow v5 message with one flow. */
static void send_flow(struct fixture *fixture, uint16_t engine)
{
    uint8_t octets[72] = {0};
    struct weir_writer w = weir_writer_make(octets, sizeof(octets));
    weir_write_u16(&w, 5);
    weir_write_u16(&w, 1);
    weir_write_u32(&w, 1000000);
    weir_write_u32(&w, (uint32_t)(now(fixture) / WEIR_NS_PER_SECOND));
    weir_write_u32(&w, 0);
    weir_write_u32(&w, fixture->sequence);
    weir_write_u16(&w, engine);
    assert_int_equal(send(fixture->sender, octets, sizeof(octets), 0), sizeof(octets));
    fixture->sent++;
}

/* Takes what there is until `is_so`, or for too long. */
static bool await(struct fixture *fixture, bool (*is_so)(struct fixture *fixture))
{
    const struct weir_clock clock = weir_clock_monotonic();
    int64_t until_ns = weir_clock_now(&clock) + AWAIT_NS;
    struct weir_diag diag;
    do {
        struct pollfd fd = {.fd = weir_recording_fd(fixture->recording), .events = POLLIN};
        int rest_ms = weir_recording_rest(fixture->recording);
        poll(&fd, 1, rest_ms < 0 || rest_ms > 10 ? 10 : rest_ms);
        assert_int_equal(weir_recording_take(fixture->recording, fixture->collector, 1000,
                                             &fixture->messages, &diag),
                         0);
        if (is_so(fixture))
            return true;
    } while (weir_clock_now(&clock) < until_ns);
    return false;
}

static bool one_came(struct fixture *fixture)
{
    return fixture->messages > 0;
}

static bool was_put_off(struct fixture *fixture)
{
    return fixture->said > 0;
}

static bool was_tried_four_times(struct fixture *fixture)
{
    (void)fixture;
    return stages >= 4;
}

static bool was_recovered(struct fixture *fixture)
{
    return weir_recording_count(fixture->recording).journal_recovered_segments > 0;
}

static bool is_later(struct fixture *fixture)
{
    atomic_fetch_add(&fixture->ahead_ns, ROTATE_NS);
    return was_tried_four_times(fixture);
}

static void test_what_was_put_off_is_tried_again_though_nothing_comes(void **state)
{
    struct fixture *fixture = *state;
    struct weir_diag diag;
    staging_fails = true;
    send_flow(fixture, 0);
    assert_true(await(fixture, one_came));
    atomic_fetch_add(&fixture->ahead_ns, ROTATE_NS);
    assert_true(await(fixture, was_put_off));
    assert_true(await(fixture, is_later));
    /* Once, however often it fails. */
    assert_int_equal(fixture->said, 1);
    assert_int_equal(weir_recording_check(fixture->recording, &diag), WEIR_E_IO);

    staging_fails = false;
    atomic_fetch_add(&fixture->ahead_ns, ROTATE_NS);
    assert_true(await(fixture, was_recovered));
    assert_int_equal(weir_recording_check(fixture->recording, &diag), 0);
    assert_int_equal(weir_recording_stored(fixture->recording)->records_stored, 1);
}

/* How many rows the store's own writer stored and put off; it is closed. */
static struct weir_store_counters stored_by_writer(struct fixture *fixture)
{
    const struct weir_store_writer_options options = {.path = fixture->path,
                                                      .clock = weir_clock_system()};
    struct weir_store_counters counters;
    struct weir_diag diag;
    weir_recording_settle(fixture->recording);
    assert_int_equal(weir_store_writer_close(fixture->writer, &counters, &diag), 0);
    weir_recording_close(fixture->recording);
    fixture->recording = NULL;
    assert_int_equal(weir_store_writer_open(&options, &fixture->writer, &diag), 0);
    return counters;
}

static void test_what_is_put_off_at_its_commit_is_stored_once(void **state)
{
    struct fixture *fixture = *state;
    removing_fails = true;
    send_flow(fixture, 0);
    assert_true(await(fixture, one_came));
    atomic_fetch_add(&fixture->ahead_ns, ROTATE_NS);
    assert_true(await(fixture, was_put_off));
    removing_fails = false;
    atomic_fetch_add(&fixture->ahead_ns, 2 * ROTATE_NS);
    assert_true(await(fixture, was_recovered));
    assert_int_equal(weir_recording_stored(fixture->recording)->records_stored, 1);
    struct weir_store_counters counters = stored_by_writer(fixture);
    assert_int_equal(counters.records_stored, 0);
    assert_int_equal(counters.files_written, 0);
    assert_int_equal(counters.records_deferred, 1);
}

static bool has_nothing_left(struct fixture *fixture)
{
    struct weir_diag diag;
    return weir_recording_check(fixture->recording, &diag) == 0;
}

static size_t files_of(const struct fixture *fixture)
{
    char command[sizeof(fixture->path) + 64];
    char line[sizeof(fixture->path) + 256];
    size_t count = 0;
    snprintf(command, sizeof(command), "find %s/date=* -name '*.parquet'", fixture->path);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the test's own folder */
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe))
        count++;
    pclose(pipe);
    return count;
}

/* The segment is gone, and its file is to be moved again. */
static void test_what_does_not_reach_its_place_is_moved_later(void **state)
{
    struct fixture *fixture = *state;
    struct weir_diag diag;
    placing_fails = true;
    send_flow(fixture, 0);
    assert_true(await(fixture, one_came));
    atomic_fetch_add(&fixture->ahead_ns, ROTATE_NS);
    assert_true(await(fixture, was_put_off));
    /* Tried again, in vain. */
    atomic_fetch_add(&fixture->ahead_ns, 2 * ROTATE_NS);
    assert_int_equal(
        weir_recording_take(fixture->recording, fixture->collector, 1, &fixture->messages, &diag),
        0);
    weir_recording_settle(fixture->recording);
    assert_int_equal(weir_recording_check(fixture->recording, &diag), WEIR_E_IO);
    assert_int_equal(fixture->said, 1);

    placing_fails = false;
    atomic_fetch_add(&fixture->ahead_ns, 2 * ROTATE_NS);
    assert_true(await(fixture, has_nothing_left));
    assert_int_equal(files_of(fixture), 1);
    assert_int_equal(weir_recording_count(fixture->recording).journal_recovered_segments, 0);
    assert_int_equal(weir_recording_stored(fixture->recording)->records_stored, 0);
    struct weir_store_counters counters = stored_by_writer(fixture);
    assert_int_equal(counters.records_stored, 1);
    assert_int_equal(counters.records_deferred, 0);
}

static bool all_came(struct fixture *fixture)
{
    return fixture->messages >= fixture->sent;
}

/* It rests after what it took was all, for more to come together; otherwise it goes on at once. */
static void test_who_is_behind_does_not_rest(void **state)
{
    struct fixture *fixture = *state;
    struct weir_diag diag;
    send_flow(fixture, 0);
    send_flow(fixture, 0);
    const struct weir_clock clock = weir_clock_monotonic();
    int64_t until_ns = weir_clock_now(&clock) + AWAIT_NS;
    while (weir_recording_count(fixture->recording).journal_datagrams < 2 &&
           weir_clock_now(&clock) < until_ns)
        poll(NULL, 0, 1);
    assert_int_equal(
        weir_recording_take(fixture->recording, fixture->collector, 1, &fixture->messages, &diag),
        0);
    assert_int_equal(fixture->messages, 1);
    assert_int_equal(weir_recording_rest(fixture->recording), 0);
    assert_int_equal(
        weir_recording_take(fixture->recording, fixture->collector, 2, &fixture->messages, &diag),
        0);
    assert_int_equal(fixture->messages, 2);
    assert_true(weir_recording_rest(fixture->recording) > 0);
    assert_int_equal(weir_recording_rest(fixture->recording), -1);
}

/* More exporters than which the collector is told of beforehand. */
static void test_what_many_exporters_send_is_all_taken(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t round = 0; round < 20; round++) {
        fixture->sequence = round;
        for (uint32_t i = 0; i < SOURCES; i++) {
            send_flow(fixture, (uint16_t)i);
            /* No more than any socket's buffer has room for. */
            if (fixture->sent % 100 == 0)
                assert_true(await(fixture, all_came));
        }
    }
    struct weir_collect_counters counters = weir_collector_count(fixture->collector);
    assert_int_equal(counters.sessions_opened, SOURCES);
    assert_int_equal(counters.records, SOURCES * 20);
    assert_int_equal(counters.records_lost + counters.records_duplicate, 0);
}

/* The state of a collector that knows this exporter. */
static void make_state(uint32_t exporter, int64_t saved_ns, struct weir_text_buffer *out)
{
    const struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    struct weir_diag diag;
    uint8_t octets[24] = {0, 5};
    const struct weir_datagram datagram = {
        .octets = octets, .length = sizeof(octets), .source = weir_address_from_v4(exporter)};
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
    weir_text_init(out, 1 << 20);
    assert_int_equal(weir_collector_save(collector, saved_ns, out), 0);
    weir_collector_free(collector);
}

/* Which exporter a collector knows that had learned of 2 at `known_ns`, where the journal has 1. */
static uint32_t restored(struct fixture *fixture, struct weir_share share, int64_t known_ns)
{
    const struct weir_recording_config config = {
        .store = fixture->path,
        .share = share,
        .known_ns = known_ns,
        .clock = weir_clock_system(),
        .rotate_ns = ROTATE_NS,
        .collector = weir_collector_defaults(),
        .say = say,
        .say_context = fixture,
    };
    struct weir_recording *recording;
    struct weir_collector *collector;
    struct weir_text_buffer state;
    struct weir_diag diag;
    make_state(2, known_ns, &state);
    assert_int_equal(weir_collector_new(&config.collector, &collector), 0);
    assert_int_equal(weir_collector_restore(collector, state.data, state.length, &diag), 0);
    assert_int_equal(weir_recording_open(&config, fixture->writer, &recording, &diag), 0);
    assert_int_equal(weir_recording_restore(recording, &recording, 1, collector, &diag), 0);
    const struct weir_sessions *sessions = weir_collector_sessions(collector);
    assert_int_equal(sessions->count, 1);
    uint32_t exporter = (uint32_t)sessions->newest->key.exporter.low;
    weir_recording_close(recording);
    weir_collector_free(collector);
    weir_text_done(&state);
    return exporter;
}

/* By when they were saved, whatever the times of their files say. */
static void test_the_newest_state_counts(void **state)
{
    static const int64_t saved_ns = INT64_C(1770102000) * WEIR_NS_PER_SECOND;
    struct fixture *fixture = *state;
    struct weir_journal_folder folder;
    struct weir_text_buffer known;
    struct weir_diag diag;
    /* The number after that of the fixture's own. */
    make_state(1, saved_ns, &known);
    assert_int_equal(weir_journal_folder_take(fixture->path, 1, true, &folder, &diag), 0);
    assert_int_equal(weir_journal_folder_save_state(&folder, 1000, (const uint8_t *)known.data,
                                                    known.length, &diag),
                     0);
    weir_journal_folder_close(&folder);
    weir_text_done(&known);
    const struct weir_share whole = {0}, half = {0, 2};
    assert_int_equal(restored(fixture, whole, saved_ns - 1), 1);
    assert_int_equal(restored(fixture, whole, saved_ns + 1), 2);
    assert_int_equal(restored(fixture, half, saved_ns + 1), 2);
}

static size_t segments_of(const char *store)
{
    struct weir_journal_folder folder;
    struct weir_journal_ids ids;
    struct weir_diag diag;
    assert_int_equal(weir_journal_folder_take(store, 0, false, &folder, &diag), 0);
    assert_int_equal(weir_journal_folder_segments(&folder, &ids, &diag), 0);
    size_t count = ids.count;
    weir_journal_ids_done(&ids);
    weir_journal_folder_close(&folder);
    return count;
}

static void test_without_a_journal_what_one_holds_is_stored(void **state)
{
    struct fixture *fixture = *state;
    const struct weir_recording_config config = {
        .store = fixture->path,
        .recovers_only = true,
        .clock = weir_clock_system(),
        .rotate_ns = ROTATE_NS,
        .collector = weir_collector_defaults(),
        .say = say,
        .say_context = fixture,
    };
    struct weir_collector *collector;
    struct weir_recording *recording;
    struct weir_diag diag;
    send_flow(fixture, 0);
    assert_true(await(fixture, one_came));
    /* As a process that was killed, but for its memory. */
    const struct weir_store_writer_options options = {.path = fixture->path, .clock = config.clock};
    assert_int_equal(weir_store_writer_close(fixture->writer, NULL, &diag), 0);
    weir_recording_close(fixture->recording);
    fixture->recording = NULL;
    assert_int_equal(weir_store_writer_open(&options, &fixture->writer, &diag), 0);
    assert_int_equal(segments_of(fixture->path), 1);

    assert_int_equal(weir_collector_new(&config.collector, &collector), 0);
    assert_int_equal(weir_recording_open(&config, fixture->writer, &recording, &diag), 0);
    assert_int_equal(weir_recording_count(recording).journal_recovered_datagrams, 1);
    assert_int_equal(weir_recording_stored(recording)->records_stored, 1);
    assert_int_equal(fixture->said, 1);
    assert_int_equal(segments_of(fixture->path), 0);
    /* What was known then is known now. */
    assert_int_equal(weir_recording_restore(recording, &recording, 1, collector, &diag), 0);
    assert_int_equal(weir_collector_sessions(collector)->count, 1);
    assert_int_equal(weir_recording_check(recording, &diag), 0);
    weir_recording_close(recording);
    weir_collector_free(collector);
}

static void test_without_a_journal_none_is_made(void **state)
{
    struct fixture *fixture = *state;
    char path[sizeof(fixture->path) + 16];
    snprintf(path, sizeof(path), "%s/other", fixture->path);
    const struct weir_store_writer_options options = {.path = path, .clock = weir_clock_system()};
    const struct weir_recording_config config = {
        .store = path,
        .recovers_only = true,
        .clock = options.clock,
        .collector = weir_collector_defaults(),
        .say = say,
        .say_context = fixture,
    };
    struct weir_store_writer *writer;
    struct weir_recording *recording;
    struct weir_diag diag;
    assert_int_equal(weir_store_writer_open(&options, &writer, &diag), 0);
    assert_int_equal(weir_recording_open(&config, writer, &recording, &diag), 0);
    assert_int_equal(weir_recording_restore(recording, &recording, 1, fixture->collector, &diag),
                     0);
    weir_recording_close(recording);
    assert_int_equal(weir_store_writer_close(writer, NULL, &diag), 0);
    snprintf(path, sizeof(path), "%s/other/journal", fixture->path);
    assert_int_equal(access(path, F_OK), -1);
}

int main(int argc, char **argv)
{
    is_behind = argc > 1 && strcmp(argv[1], "behind") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_put_off_is_tried_again_though_nothing_comes,
                                        make, drop),
        cmocka_unit_test_setup_teardown(test_what_is_put_off_at_its_commit_is_stored_once, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_what_does_not_reach_its_place_is_moved_later, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_the_newest_state_counts, make, drop),
        cmocka_unit_test_setup_teardown(test_who_is_behind_does_not_rest, make, drop),
        cmocka_unit_test_setup_teardown(test_what_many_exporters_send_is_all_taken, make, drop),
        cmocka_unit_test_setup_teardown(test_without_a_journal_what_one_holds_is_stored, make,
                                        drop),
        cmocka_unit_test_setup_teardown(test_without_a_journal_none_is_made, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
