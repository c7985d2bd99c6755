/* SPDX-License-Identifier: Apache-2.0 */
#include "app/workers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bell.h"

#define LOOK_MS 500 /* the caller asks so often whether to stop, beside when it is woken */

struct worker {
    struct weir_workers *workers;
    struct weir_share share;
    struct weir_collection *collection;
    struct weir_admission *admission; /* NULL: all is taken in */
    struct weir_state_file state;     /* without a path: none */
    struct weir_store_writer *store;
    struct weir_tables tables;        /* of the store; without one, none */
    struct weir_recording *recording; /* NULL: no journal */

    pthread_t thread;
    int result; /* after the thread has ended */
    struct weir_diag diag;

    atomic_bool is_asked; /* to leave a copy of its counters */
    struct weir_collect_counters counted;
};

struct weir_workers {
    struct weir_workers_config config;
    bool starts_journals;   /* before they listen */
    bool is_threaded;       /* while they listen, where there are several */
    struct weir_bell stop;  /* rings once, for all workers */
    struct weir_bell ended; /* rings for the caller */
    atomic_bool stopping;
    atomic_uint running;
    _Atomic int64_t last_message_ns;
    pthread_mutex_t lock; /* of what workers have counted */
    struct weir_collection *collections[WEIR_WORKERS_MAX];
    struct worker workers[];
};

/* ---- Asked between messages ---- */

static void leave_counters(struct worker *worker)
{
    struct weir_workers *workers = worker->workers;
    struct weir_collect_counters counters = weir_collection_count(worker->collection);
    pthread_mutex_lock(&workers->lock);
    worker->counted = counters;
    pthread_mutex_unlock(&workers->lock);
}

/* What the store's own writer and recovery stored. */
static struct weir_store_counters count_stored(const struct worker *worker)
{
    struct weir_store_counters stored = {0};
    if (worker->store)
        stored = *weir_store_writer_counters(worker->store);
    if (worker->recording)
        weir_counter_add_all(weir_store_counter_table, weir_store_counter_count,
                             weir_recording_stored(worker->recording), &stored);
    return stored;
}

/* Leaves what somebody has asked for. */
static void leave_snapshot(const struct worker *worker, struct weir_snapshot *snapshot)
{
    struct weir_snapshots *snapshots = worker->workers->config.snapshots;
    const struct weir_collector *collector = weir_collection_collector(worker->collection);
    snapshot->counted = weir_collection_count(worker->collection);
    snapshot->levels = weir_collector_levels(collector);
    snapshot->captured = weir_collection_captured(worker->collection);
    snapshot->states = worker->state.counters;
    snapshot->stored = count_stored(worker);
    /* Where a thread receives for it, that one counts. */
    if (worker->recording) {
        snapshot->admitted = weir_recording_admitted(worker->recording);
        snapshot->journaled = weir_recording_count(worker->recording);
    } else if (worker->admission) {
        snapshot->admitted = *weir_admission_count(worker->admission);
    }
    weir_snapshots_take_sessions(snapshots, worker->share.index,
                                 weir_collector_sessions(collector));
    weir_snapshots_leave(snapshots, worker->share.index);
}

static bool is_stopped(void *context, const struct weir_collection *collection)
{
    struct worker *worker = context;
    struct weir_workers *workers = worker->workers;
    struct weir_snapshots *snapshots = workers->config.snapshots;
    struct weir_snapshot *snapshot =
        snapshots ? weir_snapshots_asked(snapshots, worker->share.index) : NULL;
    (void)collection;
    if (snapshot)
        leave_snapshot(worker, snapshot);
    if (!workers->is_threaded)
        return workers->config.stop && workers->config.stop(workers->config.stop_context, workers);
    if (atomic_load_explicit(&worker->is_asked, memory_order_relaxed) &&
        atomic_exchange(&worker->is_asked, false))
        leave_counters(worker);
    return atomic_load_explicit(&workers->stopping, memory_order_relaxed);
}

/* ---- Making ---- */

/* What is a limit of all is divided; an exporter is with one of them. */
static void divide_limits(struct weir_collector_config *collector, unsigned count)
{
    collector->session_max = (collector->session_max + count - 1) / count;
    collector->template_octets /= count;
    collector->waiting_octets /= count;
}

static int open_worker(struct weir_workers *workers, unsigned index, struct weir_diag *diag)
{
    const struct weir_workers_config *config = &workers->config;
    struct worker *worker = &workers->workers[index];
    const struct weir_admission_config *admission = &config->admission;
    bool is_several = config->count > 1;
    worker->workers = workers;
    worker->share = (struct weir_share){index, config->count};
    if ((admission->network_count > 0 || admission->datagrams_per_second > 0) &&
        weir_admission_new(admission, &worker->admission) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the rates of exporters");
    const struct weir_collection_config collection = {
        .collector = config->collector,
        .clock = config->clock,
        .admission = worker->admission,
        .tables = &worker->tables,
        .state = &worker->state,
        .say = config->say,
        .say_context = config->say_context,
        .idle_ns = config->idle_ns,
        .wake_fd = is_several ? weir_bell_fd(&workers->stop) : config->wake_fd,
        .ask_fd = config->snapshots ? weir_snapshots_fd(config->snapshots, index) : -1,
        .stop = is_stopped,
        .stop_context = worker,
        .last_message_ns = is_several ? &workers->last_message_ns : NULL,
    };
    if (weir_collection_new(&collection, &worker->collection) < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to collect with");
    workers->collections[index] = worker->collection;
    return 0;
}

int weir_workers_new(const struct weir_workers_config *config, struct weir_workers **ret_workers,
                     struct weir_diag *diag)
{
    struct weir_workers *workers =
        calloc(1, sizeof(*workers) + config->count * sizeof(workers->workers[0]));
    if (!workers)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to collect with");
    workers->config = *config;
    divide_limits(&workers->config.collector, config->count);
    workers->stop.fd = workers->ended.fd = -1;
    pthread_mutex_init(&workers->lock, NULL);
    int result = 0;
    if (config->count > 1 &&
        (weir_bell_open(&workers->stop) < 0 || weir_bell_open(&workers->ended) < 0))
        result = weir_diag_set(diag, WEIR_E_IO, "an eventfd: %s", strerror(errno));
    for (unsigned i = 0; i < config->count && result == 0; i++)
        result = open_worker(workers, i, diag);
    if (result < 0)
        weir_workers_free(workers);
    else
        *ret_workers = workers;
    return result;
}

void weir_workers_free(struct weir_workers *workers)
{
    if (!workers)
        return;
    struct weir_diag ignored;
    (void)!weir_workers_close_store(workers, NULL, &ignored);
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        weir_recording_close(worker->recording);
        weir_collection_free(worker->collection);
        weir_admission_free(worker->admission);
        weir_state_file_done(&worker->state);
    }
    weir_bell_close(&workers->stop);
    weir_bell_close(&workers->ended);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

unsigned weir_workers_number(const struct weir_workers *workers)
{
    return workers->config.count;
}

struct weir_collector *weir_workers_collector(struct weir_workers *workers, unsigned index)
{
    return weir_collection_collector(workers->workers[index].collection);
}

/* Keeps the first of several errors. */
static void note(int *result, int next, const struct weir_diag *own, struct weir_diag *diag)
{
    if (next >= 0 || *result < 0)
        return;
    *result = next;
    *diag = *own;
}

/* ---- Stores, states and journals ---- */

int weir_workers_open_store(struct weir_workers *workers,
                            const struct weir_store_writer_options *options, struct weir_diag *diag)
{
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        int result = weir_store_writer_open(options, &worker->store, diag);
        if (result < 0)
            return result;
        struct weir_batch_sink sink = weir_store_writer_sink(worker->store);
        struct weir_collector *collector = weir_collection_collector(worker->collection);
        result = weir_collector_add_batch_sink(collector, &sink);
        if (result == 0)
            result =
                weir_tables_init(&worker->tables, collector, worker->store, options->rotate_ns);
        if (result < 0)
            return weir_diag_set(diag, WEIR_E_USAGE, "more than %u places for records",
                                 WEIR_COLLECTOR_SINKS_MAX);
    }
    return 0;
}

int weir_workers_close_store(struct weir_workers *workers, struct weir_store_counters *counters,
                             struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        struct weir_store_counters stored = {0};
        struct weir_diag own = {0};
        weir_recording_settle(worker->recording);
        note(&result, weir_store_writer_close(worker->store, &stored, &own), &own, diag);
        worker->store = NULL;
        if (counters)
            weir_counter_add_all(weir_store_counter_table, weir_store_counter_count, &stored,
                                 counters);
    }
    return result;
}

int weir_workers_open_state(struct weir_workers *workers, const char *path, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        struct weir_diag own = {0};
        if (weir_state_file_init(&worker->state, path, worker->share) < 0)
            return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the name of a file");
        note(&result,
             weir_state_file_read(&worker->state, weir_collection_collector(worker->collection),
                                  &own),
             &own, diag);
    }
    return result;
}

int weir_workers_write_state(struct weir_workers *workers, struct weir_diag *diag)
{
    int result = 0;
    if (!workers->workers[0].state.path)
        return 0;
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        struct weir_diag own = {0};
        note(&result,
             weir_state_file_write(&worker->state, weir_collection_collector(worker->collection),
                                   weir_clock_now(&workers->config.clock), &own),
             &own, diag);
    }
    if (result == 0)
        weir_state_file_forget_others(&workers->workers[0].state);
    return result;
}

static int start_journals(struct weir_workers *workers, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < workers->config.count && result == 0; i++) {
        struct worker *worker = &workers->workers[i];
        if (worker->recording)
            result = weir_collection_record(worker->collection, worker->recording, diag);
    }
    return result;
}

int weir_workers_open_journal(struct weir_workers *workers,
                              const struct weir_recording_config *config, bool receives,
                              struct weir_diag *diag)
{
    struct weir_recording *recordings[WEIR_WORKERS_MAX] = {0};
    unsigned count = workers->config.count;
    int result = 0;
    for (unsigned i = 0; i < count && result == 0; i++) {
        struct worker *worker = &workers->workers[i];
        struct weir_recording_config own = *config;
        own.share = worker->share;
        own.known_ns = worker->state.read_ns;
        own.admission = worker->admission;
        own.tables = &worker->tables;
        own.collector = workers->config.collector;
        result = weir_recording_open(&own, worker->store, &worker->recording, diag);
        recordings[i] = worker->recording;
    }
    for (unsigned i = 0; i < count && result == 0; i++)
        result = weir_recording_restore(recordings[i], recordings, count,
                                        weir_workers_collector(workers, i), diag);
    if (config->recovers_only)
        return result;
    workers->starts_journals = !receives;
    return result < 0 || !receives ? result : start_journals(workers, diag);
}

/* ---- Collecting ---- */

int weir_workers_open(struct weir_workers *workers, const struct weir_url *url,
                      struct weir_diag *diag)
{
    return weir_collection_open_all(workers->collections, workers->config.count, url, diag);
}

int weir_workers_read(struct weir_workers *workers, const char *path, struct weir_diag *diag)
{
    return weir_collection_read(workers->workers[0].collection, path, diag);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct weir_workers *workers = worker->workers;
    worker->result = weir_collection_listen(worker->collection, &worker->diag);
    leave_counters(worker);
    atomic_fetch_sub(&workers->running, 1);
    weir_bell_wake(&workers->ended);
    return NULL;
}

static void stop_all(struct weir_workers *workers)
{
    atomic_store(&workers->stopping, true);
    weir_bell_wake(&workers->stop);
}

/* Until all have ended; they are stopped where one has, or the caller wants it. */
static void wait_for_all(struct weir_workers *workers, unsigned begun)
{
    const struct weir_workers_config *config = &workers->config;
    bool is_stopping = begun < config->count;
    if (is_stopping)
        stop_all(workers);
    unsigned running;
    while ((running = atomic_load(&workers->running)) > 0) {
        if (!is_stopping &&
            (running < begun || (config->stop && config->stop(config->stop_context, workers)))) {
            is_stopping = true;
            stop_all(workers);
        }
        /* Once it has been woken to stop, that stays readable. */
        struct pollfd fds[] = {{.fd = weir_bell_fd(&workers->ended), .events = POLLIN},
                               {.fd = config->wake_fd, .events = POLLIN}};
        (void)poll(fds, is_stopping ? 1 : 2, LOOK_MS);
        weir_bell_disarm(&workers->ended);
    }
}

static int listen_in_threads(struct weir_workers *workers, struct weir_diag *diag)
{
    unsigned begun = 0;
    int result = 0;
    atomic_store(&workers->last_message_ns, weir_clock_now(&workers->config.clock));
    workers->is_threaded = true;
    for (; begun < workers->config.count; begun++) {
        struct worker *worker = &workers->workers[begun];
        atomic_fetch_add(&workers->running, 1);
        int reason = pthread_create(&worker->thread, NULL, work, worker);
        if (reason != 0) {
            atomic_fetch_sub(&workers->running, 1);
            result = weir_diag_set(diag, WEIR_E_IO, "cannot start a thread: %s", strerror(reason));
            break;
        }
    }
    wait_for_all(workers, begun);
    for (unsigned i = 0; i < begun; i++) {
        struct worker *worker = &workers->workers[i];
        pthread_join(worker->thread, NULL);
        note(&result, worker->result, &worker->diag, diag);
    }
    workers->is_threaded = false;
    return result;
}

int weir_workers_listen(struct weir_workers *workers, struct weir_diag *diag)
{
    if (workers->starts_journals) {
        int result = start_journals(workers, diag);
        if (result < 0)
            return result;
    }
    return workers->config.count > 1 ? listen_in_threads(workers, diag)
                                     : weir_collection_listen(workers->workers[0].collection, diag);
}

int weir_workers_flush(struct weir_workers *workers, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct weir_diag own = {0};
        note(&result, weir_collection_flush(workers->workers[i].collection, &own), &own, diag);
    }
    return result;
}

/* ---- What they have done ---- */

bool weir_workers_have_failed(const struct weir_workers *workers)
{
    for (unsigned i = 0; i < workers->config.count; i++)
        if (weir_collection_has_failed(workers->workers[i].collection))
            return true;
    return false;
}

struct weir_collect_counters weir_workers_count(struct weir_workers *workers)
{
    struct weir_collect_counters total = {0};
    for (unsigned i = 0; i < workers->config.count; i++) {
        struct worker *worker = &workers->workers[i];
        struct weir_collect_counters own;
        if (workers->is_threaded) {
            atomic_store(&worker->is_asked, true);
            pthread_mutex_lock(&workers->lock);
            own = worker->counted;
            pthread_mutex_unlock(&workers->lock);
        } else {
            own = weir_collection_count(worker->collection);
        }
        weir_counter_add_all(weir_collect_counter_table, weir_collect_counter_count, &own, &total);
    }
    return total;
}

int weir_workers_check_journals(const struct weir_workers *workers, struct weir_diag *diag)
{
    int result = 0;
    for (unsigned i = 0; i < workers->config.count && result == 0; i++)
        if (workers->workers[i].recording)
            result = weir_recording_check(workers->workers[i].recording, diag);
    return result;
}

struct weir_state_file_counters weir_workers_count_states(const struct weir_workers *workers)
{
    struct weir_state_file_counters total = {0};
    for (unsigned i = 0; i < workers->config.count; i++)
        weir_counter_add_all(weir_state_file_counter_table, weir_state_file_counter_count,
                             &workers->workers[i].state.counters, &total);
    return total;
}

void weir_workers_count_journals(const struct weir_workers *workers,
                                 struct weir_journal_counters *journal,
                                 struct weir_store_counters *stored)
{
    for (unsigned i = 0; i < workers->config.count; i++) {
        const struct weir_recording *recording = workers->workers[i].recording;
        if (!recording)
            continue;
        struct weir_journal_counters own = weir_recording_count(recording);
        weir_counter_add_all(weir_journal_counter_table, weir_journal_counter_count, &own, journal);
        weir_counter_add_all(weir_store_counter_table, weir_store_counter_count,
                             weir_recording_stored(recording), stored);
    }
}

struct weir_collection_list weir_workers_collections(const struct weir_workers *workers)
{
    return (struct weir_collection_list){workers->collections, workers->config.count};
}
