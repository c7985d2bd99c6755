/* SPDX-License-Identifier: Apache-2.0 */
#include "app/snapshot.h"

#include "support/cmocka.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "app/metrics_page.h"
#include "base/writer.h"
#include "collect/collector.h"

/* ---- Asking ---- */

static struct weir_snapshots *open_snapshots(unsigned workers, uint32_t sessions)
{
    struct weir_snapshots *snapshots;
    assert_int_equal(weir_snapshots_new(workers, sessions, weir_clock_monotonic(), &snapshots), 0);
    return snapshots;
}

/* Leaves a snapshot with so many messages, if it was asked to. */
static bool leave(struct weir_snapshots *snapshots, unsigned worker, uint64_t messages)
{
    struct weir_snapshot *snapshot = weir_snapshots_asked(snapshots, worker);
    if (!snapshot)
        return false;
    snapshot->counted.messages = messages;
    weir_snapshots_leave(snapshots, worker);
    return true;
}

static uint64_t messages_of(const struct weir_snapshots *snapshots, unsigned worker)
{
    const struct weir_snapshot *latest = weir_snapshots_latest(snapshots, worker);
    return latest ? latest->counted.messages : 0;
}

static void who_is_busy_is_told_of_by_the_last(void **state)
{
    struct weir_snapshots *snapshots = open_snapshots(2, 1);
    (void)state;
    assert_false(leave(snapshots, 0, 1));
    assert_null(weir_snapshots_latest(snapshots, 0));
    weir_snapshots_ask(snapshots);
    assert_true(leave(snapshots, 0, 10));
    assert_true(leave(snapshots, 1, 20));
    assert_false(leave(snapshots, 1, 21)); /* once each time */
    weir_snapshots_await(snapshots, 60000);
    assert_int_equal(messages_of(snapshots, 0), 10);
    assert_int_equal(messages_of(snapshots, 1), 20);

    weir_snapshots_ask(snapshots);
    assert_true(leave(snapshots, 0, 11));
    weir_snapshots_await(snapshots, 1);
    assert_int_equal(messages_of(snapshots, 0), 11);
    assert_int_equal(messages_of(snapshots, 1), 20);
    /* It is in the midst of filling it in while the other one is asked again. */
    struct weir_snapshot *late = weir_snapshots_asked(snapshots, 1);
    assert_non_null(late);
    late->counted.messages = 22;
    weir_snapshots_ask(snapshots);
    assert_true(leave(snapshots, 0, 12));
    weir_snapshots_await(snapshots, 1);
    assert_int_equal(messages_of(snapshots, 0), 12);
    assert_int_equal(messages_of(snapshots, 1), 20);
    weir_snapshots_leave(snapshots, 1);
    weir_snapshots_ask(snapshots);
    assert_int_equal(messages_of(snapshots, 1), 22);
    weir_snapshots_free(snapshots);
    weir_snapshots_free(NULL);
}

enum { THREADS = 4, PAGES = 300 };

struct worker {
    struct weir_snapshots *snapshots;
    unsigned number;
    atomic_bool *stopping;
};

/* Counts and leaves; a snapshot is whole if all that it has agrees. */
static void *work(void *context)
{
    const struct worker *worker = context;
    uint64_t count = 0;
    while (!atomic_load(worker->stopping)) {
        struct weir_snapshot *snapshot = weir_snapshots_asked(worker->snapshots, worker->number);
        count++;
        if (!snapshot)
            continue;
        snapshot->counted.messages = count;
        snapshot->levels.sessions = count;
        snapshot->journaled.journal_datagrams = count;
        weir_snapshots_leave(worker->snapshots, worker->number);
    }
    return NULL;
}

static void snapshots_of_threads_are_whole(void **state)
{
    struct weir_snapshots *snapshots = open_snapshots(THREADS, 1);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    atomic_bool stopping = false;
    uint64_t last[THREADS] = {0};
    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){snapshots, i, &stopping};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned page = 0; page < PAGES; page++) {
        weir_snapshots_ask(snapshots);
        weir_snapshots_await(snapshots, 60000);
        for (unsigned i = 0; i < THREADS; i++) {
            const struct weir_snapshot *latest = weir_snapshots_latest(snapshots, i);
            assert_non_null(latest);
            assert_true(latest->counted.messages > last[i]);
            assert_int_equal(latest->levels.sessions, latest->counted.messages);
            assert_int_equal(latest->journaled.journal_datagrams, latest->counted.messages);
            last[i] = latest->counted.messages;
        }
    }
    atomic_store(&stopping, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    weir_snapshots_free(snapshots);
}

/* ---- Sessions ---- */

enum { EXPORTERS = 50, MESSAGE_OCTETS = 24 + 48 };

static void receive(struct weir_collector *collector, unsigned exporter, uint32_t sequence)
{
    uint8_t octets[MESSAGE_OCTETS] = {0};
    struct weir_diag diag = {0};
    struct weir_writer writer = weir_writer_make(octets, sizeof(octets));
    weir_write_u16(&writer, 5);
    weir_write_u16(&writer, 1);
    weir_write_u32(&writer, 100000);
    weir_write_u32(&writer, 1700000000);
    weir_write_u32(&writer, 0);
    weir_write_u32(&writer, sequence);
    const struct weir_datagram datagram = {
        .octets = octets,
        .length = sizeof(octets),
        .source = weir_address_from_v4(0xc0000200 + exporter),
        .source_port = 5000,
        .received_ns = INT64_C(1700000000) * WEIR_NS_PER_SECOND,
    };
    assert_int_equal(weir_collector_receive(collector, &datagram, WEIR_COLLECT_UDP, &diag), 0);
}

/* Exporters of one message, of two, of three and so on, in some order; each loses one. */
static struct weir_collector *collect_some(void)
{
    struct weir_collector_config config = weir_collector_defaults();
    struct weir_collector *collector;
    weir_hash_key_seed(&config.hash_key, 1);
    assert_int_equal(weir_collector_new(&config, &collector), 0);
    for (unsigned i = 0; i < EXPORTERS; i++) {
        unsigned exporter = i * 17 % EXPORTERS;
        for (uint32_t message = 0; message <= exporter; message++)
            receive(collector, exporter, message + (message == exporter && message > 0));
    }
    return collector;
}

static void leave_sessions(struct weir_snapshots *snapshots, unsigned worker,
                           const struct weir_collector *collector)
{
    struct weir_snapshot *snapshot = weir_snapshots_asked(snapshots, worker);
    assert_non_null(snapshot);
    snapshot->counted = weir_collector_count(collector);
    snapshot->levels = weir_collector_levels(collector);
    weir_snapshots_take_sessions(snapshots, worker, weir_collector_sessions(collector));
    weir_snapshots_leave(snapshots, worker);
}

static void those_with_the_most_messages_are_taken(void **state)
{
    static const uint32_t limits[] = {1, 2, 7, EXPORTERS - 1, EXPORTERS, EXPORTERS + 5};
    struct weir_collector *collector = collect_some();
    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct weir_snapshots *snapshots = open_snapshots(1, limits[i]);
        uint32_t expected = limits[i] < EXPORTERS ? limits[i] : EXPORTERS;
        uint64_t seen = 0;
        weir_snapshots_ask(snapshots);
        leave_sessions(snapshots, 0, collector);
        weir_snapshots_await(snapshots, 60000);
        const struct weir_snapshot *latest = weir_snapshots_latest(snapshots, 0);
        assert_int_equal(latest->session_count, expected);
        assert_int_equal(latest->sessions_left_out, EXPORTERS - expected);
        for (uint32_t j = 0; j < expected; j++) {
            const struct weir_snapshot_session *session = &latest->sessions[j];
            uint64_t exporter = session->key.exporter.low & 255;
            assert_true(exporter >= EXPORTERS - expected);
            assert_int_equal(session->counted.messages, exporter + 1);
            assert_int_equal(session->counted.records_lost, exporter > 0);
            seen |= UINT64_C(1) << exporter;
        }
        assert_int_equal(__builtin_popcountll(seen), expected);
        weir_snapshots_free(snapshots);
    }
    weir_collector_free(collector);
}

/* ---- The page ---- */

static void has_line(const char *page, const char *line)
{
    char text[256];
    snprintf(text, sizeof(text), "\n%s\n", line);
    if (!strstr(page, text))
        fail_msg("there is no '%s'", line);
}

static unsigned count_of(const char *page, const char *text)
{
    unsigned count = 0;
    for (const char *at = page; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void print_page(struct weir_snapshots *snapshots, uint32_t limit,
                       struct weir_text_buffer *text)
{
    const struct weir_snapshot_session *room[2 * EXPORTERS];
    const struct weir_guard_group guarded = {.counters.records_undelivered = 4};
    const struct weir_metrics_page page = {
        .snapshots = snapshots,
        .exporter_max = limit,
        .room = room,
        .guarded = &guarded,
        .now_ns = INT64_MAX / 2,
        .http.http_requests = 5,
    };
    weir_text_init(text, 1 << 20);
    weir_metrics_page_print(&page, text);
    assert_int_equal(weir_text_error(text), 0);
}

static void a_page_sums_up_workers_and_limits_exporters(void **state)
{
    struct weir_collector *collector = collect_some();
    struct weir_snapshots *snapshots = open_snapshots(2, 10);
    struct weir_text_buffer text;
    (void)state;
    /* Before anybody has said anything. */
    print_page(snapshots, 10, &text);
    has_line(weir_text_string(&text), "weir_collect_messages_total 0");
    assert_int_equal(count_of(text.data, "snapshot_age_seconds{"), 0);
    weir_text_done(&text);

    weir_snapshots_ask(snapshots);
    leave_sessions(snapshots, 0, collector);
    leave_sessions(snapshots, 1, collector);
    weir_snapshots_await(snapshots, 60000);
    print_page(snapshots, 10, &text);
    const char *page = weir_text_string(&text);
    has_line(page, "weir_collect_messages_total 2550");
    has_line(page, "# TYPE weir_collect_records_lost gauge\nweir_collect_records_lost 98");
    has_line(page, "weir_collect_sessions 100");
    has_line(page, "weir_collect_records_undelivered_total 4");
    has_line(page, "weir_collect_http_requests_total 5");
    has_line(page, "weir_collect_exporters_exposed 10");
    has_line(page, "weir_collect_exporters_left_out 90");
    has_line(page, "weir_collect_exporter_messages_total{exporter=\"192.0.2.49\",domain=\"0\","
                   "protocol=\"netflow5\",source=\"0\",worker=\"1\"} 50");
    assert_int_equal(count_of(page, "exporter_messages_total{"), 10);
    assert_int_equal(count_of(page, "exporter_records_lost{"), 10);
    assert_int_equal(count_of(page, "exporter=\"192.0.2.44\""), 0);
    assert_int_equal(count_of(page, "snapshot_age_seconds{"), 2);
    assert_int_equal(count_of(page, "records_stored"), 0);
    weir_text_done(&text);
    weir_snapshots_free(snapshots);
    weir_collector_free(collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_busy_is_told_of_by_the_last),
        cmocka_unit_test(snapshots_of_threads_are_whole),
        cmocka_unit_test(those_with_the_most_messages_are_taken),
        cmocka_unit_test(a_page_sums_up_workers_and_limits_exporters),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
