/* SPDX-License-Identifier: Apache-2.0 */
#include "app/workers.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/share.h"
#include "base/writer.h"
#include "scratch.h"
#include "sink/json.h"

enum { WORKERS = 3, EXPORTERS = 40, MESSAGES = 20, RECORDS = 5 };
enum { ALL = EXPORTERS * MESSAGES * RECORDS };
enum { MESSAGE_OCTETS = 24 + RECORDS * 48 };

/* ---- Exporters: NetFlow v5, each from an address of its own ---- */

static void make_message(uint8_t octets[MESSAGE_OCTETS], uint32_t sequence)
{
    struct weir_writer writer = weir_writer_make(octets, MESSAGE_OCTETS);
    memset(octets, 0, MESSAGE_OCTETS);
    weir_write_u16(&writer, 5);
    weir_write_u16(&writer, RECORDS);
    weir_write_u32(&writer, 100000);
    weir_write_u32(&writer, 1700000000);
    weir_write_u32(&writer, 0);
    weir_write_u32(&writer, sequence);
}

static int open_exporter(unsigned number)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    source.sin_addr.s_addr = htonl(0x7f000301 + number);
    assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
    return fd;
}

static void send_all(uint16_t port)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(port)};
    uint8_t octets[MESSAGE_OCTETS];
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned i = 0; i < EXPORTERS; i++) {
        int fd = open_exporter(i);
        for (uint32_t message = 0; message < MESSAGES; message++) {
            make_message(octets, message * RECORDS);
            assert_int_equal(
                sendto(fd, octets, sizeof(octets), 0, (struct sockaddr *)&target, sizeof(target)),
                sizeof(octets));
        }
        close(fd);
    }
}

/* ---- Workers ---- */

struct bench {
    struct weir_workers *workers;
    uint16_t port;
    bool has_sent;
    struct weir_snapshots *snapshots; /* of somebody who asks meanwhile; NULL: nobody does */
    _Atomic uint64_t seen;            /* records by them */
};

/* What is asked while they listen: the exporters send once, and then all is awaited. */
static bool send_and_await(void *context, struct weir_workers *workers)
{
    struct bench *bench = context;
    if (!bench->has_sent)
        send_all(bench->port);
    bench->has_sent = true;
    return weir_workers_count(workers).records == ALL &&
           (!bench->snapshots || atomic_load(&bench->seen) == ALL);
}

static void open_bench(struct bench *bench, unsigned count, int64_t idle_ns)
{
    struct weir_diag diag = {0};
    struct weir_workers_config config = {
        .count = count,
        .collector = weir_collector_defaults(),
        .clock = weir_clock_system(),
        .idle_ns = idle_ns,
        .wake_fd = -1,
        .stop = idle_ns > 0 ? NULL : send_and_await,
        .stop_context = bench,
        .snapshots = bench->snapshots,
    };
    weir_hash_key_seed(&config.collector.hash_key, 1);
    assert_int_equal(weir_workers_new(&config, &bench->workers, &diag), 0);
}

static void open_listener(struct bench *bench)
{
    struct weir_diag diag = {0};
    struct weir_url url;
    char text[64];
    for (unsigned port = 21000; port < 29000; port++) {
        snprintf(text, sizeof(text), "udp://127.0.0.1:%u?buffer=4Mi", port);
        assert_int_equal(weir_url_parse(text, &url, &diag), 0);
        if (weir_workers_open(bench->workers, &url, &diag) == 0) {
            bench->port = (uint16_t)port;
            return;
        }
    }
    fail_msg("no free port: %s", diag.text);
}

static void listen_and_flush(const struct bench *bench)
{
    struct weir_diag diag = {0};
    if (weir_workers_listen(bench->workers, &diag) < 0 ||
        weir_workers_flush(bench->workers, &diag) < 0)
        fail_msg("%s", diag.text);
    assert_false(weir_workers_have_failed(bench->workers));
}

/* How many exporters it knows, of its share all; one that began anew has several sessions. */
static uint64_t exporters_of(struct weir_workers *workers, unsigned index)
{
    uint64_t count = 0;
    for (const struct weir_session *session =
             weir_collector_sessions(weir_workers_collector(workers, index))->oldest;
         session; session = session->newer) {
        assert_int_equal(weir_share_of(session->key.exporter, weir_workers_number(workers)), index);
        count += session->number == 0;
    }
    return count;
}

static void add_lines(struct weir_workers *workers, const char *path, struct weir_json_sink **sinks)
{
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < weir_workers_number(workers); i++) {
        assert_int_equal(i == 0 ? weir_json_sink_open(path, &sinks[0], &diag)
                                : weir_json_sink_share(sinks[0], &sinks[i], &diag),
                         0);
        struct weir_record_sink sink = weir_json_sink_records(sinks[i]);
        assert_int_equal(weir_collector_add_record_sink(weir_workers_collector(workers, i), &sink),
                         0);
    }
}

/* Whole lines of a file. */
static unsigned count_lines(const char *path)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; fgets(line, sizeof(line), file); count++) {
        assert_memory_equal(line, "{\"exporter\":\"127.0.3.", 20);
        assert_string_equal(line + strlen(line) - 2, "}\n");
        assert_null(strstr(line + 1, "{\"exporter"));
    }
    fclose(file);
    return count;
}

/* ---- Tests ---- */

static void each_has_exporters_of_its_own(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct bench bench = {0};
    struct weir_json_sink *lines[WORKERS] = {0};
    struct weir_diag diag = {0};
    scratch_path(*state, "lines", path);
    open_bench(&bench, WORKERS, 0);
    add_lines(bench.workers, path, lines);
    open_listener(&bench);
    listen_and_flush(&bench);
    assert_int_equal(weir_workers_count(bench.workers).records, ALL);
    assert_int_equal(weir_workers_count(bench.workers).records_lost, 0);
    uint64_t exporters = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_true(exporters_of(bench.workers, i) > 0);
        exporters += exporters_of(bench.workers, i);
    }
    assert_int_equal(exporters, EXPORTERS);
    for (unsigned i = WORKERS; i-- > 0;)
        assert_int_equal(weir_json_sink_close(lines[i], &diag), 0);
    assert_int_equal(count_lines(path), ALL);
    weir_workers_free(bench.workers);
}

/* Workers that take part of one another's states; how many exporters they know. */
static uint64_t restart(const char *path, unsigned count)
{
    struct bench bench = {0};
    struct weir_diag diag = {0};
    uint64_t exporters = 0;
    open_bench(&bench, count, 0);
    assert_int_equal(weir_workers_open_state(bench.workers, path, &diag), 0);
    for (unsigned i = 0; i < count; i++)
        exporters += exporters_of(bench.workers, i);
    assert_int_equal(weir_workers_write_state(bench.workers, &diag), 0);
    weir_workers_free(bench.workers);
    return exporters;
}

static void any_number_knows_what_another_did(void **state)
{
    char path[SCRATCH_PATH_MAX], third[SCRATCH_PATH_MAX];
    struct bench bench = {0};
    struct weir_diag diag = {0};
    scratch_path(*state, "state", path);
    scratch_path(*state, "state.2", third);
    open_bench(&bench, 1, 0);
    assert_int_equal(weir_workers_open_state(bench.workers, path, &diag), 0);
    open_listener(&bench);
    listen_and_flush(&bench);
    assert_int_equal(weir_workers_write_state(bench.workers, &diag), 0);
    weir_workers_free(bench.workers);
    static const unsigned counts[] = {3, 2, 5, 1, 3};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(restart(path, counts[i]), EXPORTERS);
        assert_int_equal(access(third, F_OK) == 0, counts[i] > 2);
    }
}

static void they_are_idle_together(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, WORKERS, 200 * WEIR_NS_PER_MS);
    open_listener(&bench);
    listen_and_flush(&bench);
    assert_int_equal(weir_workers_count(bench.workers).messages, 0);
    weir_workers_free(bench.workers);
}

static void nothing(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *at)
{
    (void)status;
    (void)flag;
    (void)at;
    return remove(path);
}

/* Collects into a store; `*ret_exporters` are those that were known before anything came. */
static void collect_into(const char *path, unsigned count, struct bench *bench,
                         uint64_t *ret_exporters)
{
    struct weir_diag diag = {0};
    open_bench(bench, count, 0);
    const struct weir_store_writer_options options = {.path = path, .clock = weir_clock_system()};
    const struct weir_recording_config recording = {
        .store = path,
        .clock = options.clock,
        .rotate_ns = WEIR_NS_PER_SECOND,
        .sync_ns = WEIR_NS_PER_SECOND,
        .say = nothing,
    };
    assert_int_equal(weir_workers_open_store(bench->workers, &options, &diag), 0);
    open_listener(bench);
    assert_int_equal(weir_workers_open_journal(bench->workers, &recording, true, &diag), 0);
    *ret_exporters = 0;
    for (unsigned i = 0; i < count; i++)
        *ret_exporters += exporters_of(bench->workers, i);
    listen_and_flush(bench);
}

static void each_has_a_journal_and_files(void **state)
{
    char path[SCRATCH_PATH_MAX];
    struct bench bench = {0};
    struct weir_diag diag = {0};
    struct weir_store_counters stored = {0};
    struct weir_journal_counters journal = {0};
    uint64_t exporters;
    scratch_path(*state, "store", path);
    collect_into(path, WORKERS, &bench, &exporters);
    assert_int_equal(exporters, 0);
    assert_int_equal(weir_workers_close_store(bench.workers, &stored, &diag), 0);
    weir_workers_count_journals(bench.workers, &journal, &stored);
    assert_int_equal(stored.records_stored, ALL);
    assert_true(stored.files_written >= WORKERS);
    assert_int_equal(journal.journal_datagrams, EXPORTERS * MESSAGES);
    weir_workers_free(bench.workers);

    /* Any number knows what another did; the exporters' sequence numbers begin anew. */
    static const unsigned counts[] = {1, 2, 2, 3, 1};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        bench = (struct bench){0};
        collect_into(path, counts[i], &bench, &exporters);
        assert_int_equal(exporters, EXPORTERS);
        assert_int_equal(weir_workers_check_journals(bench.workers, &diag), 0);
        weir_workers_free(bench.workers);
    }
    assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Records of all workers by their snapshots, each of which agrees with itself. */
static uint64_t sum_snapshots(const struct weir_snapshots *snapshots)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < weir_snapshots_workers(snapshots); i++) {
        const struct weir_snapshot *latest = weir_snapshots_latest(snapshots, i);
        int64_t of_sessions = 0;
        for (uint32_t j = 0; latest && j < latest->session_count; j++)
            of_sessions += latest->sessions[j].counted.records;
        if (!latest)
            continue;
        assert_int_equal(latest->counted.records, of_sessions);
        assert_int_equal(latest->levels.sessions, latest->session_count);
        assert_true(latest->journaled.journal_datagrams >= latest->counted.messages);
        sum += latest->counted.records;
    }
    return sum;
}

static void *ask_all_the_time(void *context)
{
    struct bench *bench = context;
    uint64_t before = 0;
    while (before < ALL) {
        weir_snapshots_ask(bench->snapshots);
        weir_snapshots_await(bench->snapshots, 100);
        uint64_t now = sum_snapshots(bench->snapshots);
        assert_true(now >= before);
        before = now;
        atomic_store(&bench->seen, now);
    }
    return NULL;
}

static void snapshots_are_left_while_they_work(void **state)
{
    char path[SCRATCH_PATH_MAX];
    pthread_t asker;
    uint64_t exporters;
    scratch_path(*state, "store", path);
    for (unsigned count = 1; count <= WORKERS; count += WORKERS - 1) {
        struct bench bench = {0};
        assert_int_equal(
            weir_snapshots_new(count, EXPORTERS, weir_clock_monotonic(), &bench.snapshots), 0);
        assert_int_equal(pthread_create(&asker, NULL, ask_all_the_time, &bench), 0);
        collect_into(path, count, &bench, &exporters);
        pthread_join(asker, NULL);
        weir_workers_free(bench.workers);
        weir_snapshots_free(bench.snapshots);
        assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static void a_rate_is_each_worker_s(void **state)
{
    (void)state;
    struct weir_diag diag = {0};
    struct weir_workers *workers;
    struct weir_workers_config config = {
        .count = WEIR_WORKERS_MAX,
        .collector = weir_collector_defaults(),
        .admission = {.datagrams_per_second = 10, .address_max = 64},
        .clock = weir_clock_system(),
        .wake_fd = -1,
    };
    assert_int_equal(weir_workers_new(&config, &workers, &diag), 0);
    struct weir_collection_list list = weir_workers_collections(workers);
    assert_int_equal(list.count, WEIR_WORKERS_MAX);
    for (unsigned i = 0; i < list.count; i++)
        assert_non_null(weir_collection_admission(list.collections[i]));
    weir_workers_free(workers);
    weir_workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_exporters_of_its_own, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(any_number_knows_what_another_did, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(they_are_idle_together),
        cmocka_unit_test_setup_teardown(each_has_a_journal_and_files, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(snapshots_are_left_while_they_work, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(a_rate_is_each_worker_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
