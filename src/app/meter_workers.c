/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * Packets of a batch at most. It mostly ends before, where the input would have to read on: so what
 * was read at once stays with one processor.
 */
#define BATCH_PACKETS (32u * WEIR_METER_WORKERS_FETCH)

/*
 * Batches of each worker: others may still be at one while it reads the next. Nobody else writes
 * them, since what is in another processor's cache is slow to write.
 */
#define BATCHES 2u

/* What was read at once, for each cache by whose it is. */
struct batch {
    struct weir_spread_batch spread[WEIR_METER_WORKERS_CACHES];
    struct weir_packet_detail *details; /* NULL: nobody needs any */
    uint8_t *octets;  /* of each packet so many from the IP header on, as the workers have it */
    bool is_sorted;   /* by the lock: it can be metered, */
    unsigned left;    /* by the lock: and by so many workers still has to be */
    bool wants_flush; /* what has ended then goes to the sinks, which are flushed */
};

/* Where records of a process go. */
struct outlet {
    struct weir_meter_workers *workers;
    struct weir_batch_sink sink;
};

struct worker {
    struct weir_meter_workers *workers;
    pthread_t thread;
    struct weir_spread_share shares[WEIR_METER_WORKERS_CACHES];
    struct weir_cache_counters counted[WEIR_METER_WORKERS_CACHES]; /* by the lock */
    uint64_t metered; /* batches that it has gone through, */
    uint64_t read;    /* and has read itself */
    struct batch batches[BATCHES];
    struct weir_packet *packets[WEIR_METER_WORKERS_PROCESSES]; /* that each has of a batch */
    size_t counts[WEIR_METER_WORKERS_PROCESSES];
    struct weir_flow_place *places; /* of them */
    uint8_t *input;                 /* for WEIR_METER_WORKERS_INPUT octets that packets are in */
    int result;
    struct weir_diag diag;
};

/* The lock is of what is marked; the rest is of who has the input, or constant. */
struct weir_meter_workers {
    unsigned count;
    unsigned process_count;
    unsigned cache_count;
    unsigned process_of[WEIR_METER_WORKERS_CACHES];
    struct outlet outlets[WEIR_METER_WORKERS_PROCESSES];
    struct weir_spread spreads[WEIR_METER_WORKERS_CACHES];
    bool needs_details;
    uint32_t network_octets; /* of each packet, for the caches */
    pthread_mutex_t sink_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting; /* by the lock, as are the batches' marks and the workers' `counted` */
    bool is_taken;    /* by the lock: somebody has the input */
    bool has_ended;   /* by the lock: the input has */
    bool has_failed;  /* by the lock: a sink has, or there is no thread */
    uint64_t begun;   /* by the lock: batches ever, of which the last are in `order` */
    struct batch *order[WEIR_SPREAD_MAX * BATCHES];
    weir_meter_fetch *fetch;
    void *context;
    int result; /* of the input */
    struct weir_diag diag;
    int64_t now_ns;
    struct worker each[WEIR_SPREAD_MAX];
};

/* ---- Making ---- */

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    const struct outlet *outlet = context;
    pthread_mutex_lock(&outlet->workers->sink_lock);
    int result = outlet->sink.batch(outlet->sink.context, batch, diag);
    pthread_mutex_unlock(&outlet->workers->sink_lock);
    return result;
}

static int make_cache(struct worker *worker, unsigned cache, struct weir_share share,
                      const struct weir_cache_config *config, struct weir_diag *diag)
{
    struct weir_meter_workers *workers = worker->workers;
    struct outlet *outlet = &workers->outlets[workers->process_of[cache]];
    const struct weir_batch_sink sink = {.batch = take_batch, .context = outlet};
    struct weir_cache_config own = *config;
    struct weir_cache *made;
    own.share = share;
    int result = weir_cache_new(&own, &sink, &made, diag);
    if (result < 0)
        return result;
    weir_spread_share_init(&worker->shares[cache], made, share);
    if (share.index == 0)
        weir_spread_init(&workers->spreads[cache], made, share.count);
    return 0;
}

static bool make_batch(const struct weir_meter_workers *workers, struct batch *batch)
{
    bool has_room = true;
    for (unsigned i = 0; i < workers->cache_count; i++) {
        struct weir_spread_batch *spread = &batch->spread[i];
        spread->packets = malloc(BATCH_PACKETS * sizeof(*spread->packets));
        spread->places = malloc(BATCH_PACKETS * sizeof(*spread->places));
        spread->shares = malloc(BATCH_PACKETS);
        has_room &= spread->packets && spread->places && spread->shares;
    }
    if (workers->needs_details) {
        batch->details = malloc(BATCH_PACKETS * sizeof(*batch->details));
        batch->octets = malloc((size_t)BATCH_PACKETS * workers->network_octets + 1);
        has_room &= batch->details && batch->octets;
    }
    return has_room;
}

/* Room for what it reads. */
static bool make_room(struct worker *worker)
{
    const struct weir_meter_workers *workers = worker->workers;
    worker->places = malloc(BATCH_PACKETS * sizeof(*worker->places));
    worker->input = malloc(WEIR_METER_WORKERS_INPUT);
    bool has_room = worker->places && worker->input;
    for (unsigned i = 0; i < workers->process_count; i++) {
        worker->packets[i] = malloc(BATCH_PACKETS * sizeof(*worker->packets[i]));
        has_room &= worker->packets[i] != NULL;
    }
    for (unsigned i = 0; i < BATCHES; i++)
        has_room &= make_batch(workers, &worker->batches[i]);
    return has_room;
}

static int make_worker(struct weir_meter_workers *workers, unsigned index,
                       const struct weir_meter_workers_config *config, struct weir_diag *diag)
{
    struct worker *worker = &workers->each[index];
    const struct weir_share share = {.index = index, .count = config->count};
    unsigned cache = 0;
    int result = 0;
    worker->workers = workers;
    if (!make_room(worker))
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %u workers", config->count);
    for (unsigned i = 0; i < config->process_count; i++)
        for (unsigned k = 0; k < config->processes[i].cache_count && result == 0; k++)
            result = make_cache(worker, cache++, share, &config->processes[i].caches[k], diag);
    return result;
}

/* Which cache is of which process, and how much they need of packets. */
static int take_caches(struct weir_meter_workers *workers,
                       const struct weir_meter_workers_config *config, struct weir_diag *diag)
{
    workers->process_count = config->process_count;
    workers->needs_details = config->needs_details;
    for (unsigned i = 0; i < config->process_count; i++) {
        const struct weir_meter_workers_process *process = &config->processes[i];
        workers->outlets[i] = (struct outlet){workers, process->sink};
        for (unsigned k = 0; k < process->cache_count; k++) {
            if (workers->cache_count == WEIR_METER_WORKERS_CACHES)
                return weir_diag_set(diag, WEIR_E_USAGE,
                                     "workers meter at most %u flow definitions in all",
                                     WEIR_METER_WORKERS_CACHES);
            uint32_t octets = weir_cache_network_octets(&process->caches[k]);
            if (octets > workers->network_octets)
                workers->network_octets = octets;
            workers->process_of[workers->cache_count++] = i;
        }
    }
    return 0;
}

int weir_meter_workers_new(const struct weir_meter_workers_config *config,
                           struct weir_meter_workers **ret_workers, struct weir_diag *diag)
{
    struct weir_meter_workers *workers = calloc(1, sizeof(*workers));
    if (!workers)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %u workers", config->count);
    pthread_mutex_init(&workers->sink_lock, NULL);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    int result = take_caches(workers, config, diag);
    for (; workers->count < config->count && result == 0; workers->count++)
        result = make_worker(workers, workers->count, config, diag);
    if (result < 0) {
        weir_meter_workers_free(workers);
        return result;
    }
    *ret_workers = workers;
    return 0;
}

static void free_batch(struct batch *batch)
{
    for (unsigned i = 0; i < WEIR_METER_WORKERS_CACHES; i++) {
        free(batch->spread[i].packets);
        free(batch->spread[i].places);
        free(batch->spread[i].shares);
    }
    free(batch->details);
    free(batch->octets);
}

static void free_worker(struct worker *worker)
{
    for (unsigned i = 0; i < WEIR_METER_WORKERS_CACHES; i++)
        weir_cache_free(worker->shares[i].cache);
    for (unsigned i = 0; i < WEIR_METER_WORKERS_PROCESSES; i++)
        free(worker->packets[i]);
    for (unsigned i = 0; i < BATCHES; i++)
        free_batch(&worker->batches[i]);
    free(worker->places);
    free(worker->input);
}

void weir_meter_workers_free(struct weir_meter_workers *workers)
{
    if (!workers)
        return;
    for (unsigned i = 0; i < workers->count; i++)
        free_worker(&workers->each[i]);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    pthread_mutex_destroy(&workers->sink_lock);
    free(workers);
}

/* ---- Reading ---- */

/* Copies as much as there is room for, unless another process has. */
static void keep(uint32_t most, uint8_t *to, const uint8_t **octets, uint32_t *length)
{
    if (*length > most)
        *length = most;
    if (*length > 0 && *octets != to)
        memcpy(to, *octets, *length);
    *octets = *length > 0 ? to : NULL;
}

/* The octets are the frame's, which is gone when the packet is metered. */
static void keep_octets(const struct weir_meter_workers *workers, const struct batch *batch,
                        uint16_t place)
{
    const uint32_t most = workers->network_octets;
    struct weir_packet_detail *detail = &batch->details[place];
    uint8_t *to = batch->octets + (size_t)place * most;
    if (most == 0 || !detail->network) {
        detail->network = NULL;
        detail->network_captured = 0;
        keep(most, to, &detail->payload, &detail->payload_captured);
        return;
    }
    const uint32_t before = detail->network_captured - detail->payload_captured;
    keep(most, to, &detail->network, &detail->network_captured);
    bool has_payload = detail->network_captured > before;
    detail->payload = has_payload ? detail->network + before : NULL;
    detail->payload_captured = has_payload ? detail->network_captured - before : 0;
}

/* Puts packets that were fetched where a process has its own; their details are from `first` on. */
static void keep_packets(const struct weir_meter_workers *workers, const struct batch *batch,
                         const struct weir_meter_packets *fetched, size_t first,
                         struct weir_packet *packets)
{
    if (fetched->count > 0 && fetched->packets != packets)
        memcpy(packets, fetched->packets, fetched->count * sizeof(*packets));
    for (size_t i = 0; batch->details && i < fetched->count; i++) {
        packets[i].detail = (uint16_t)(packets[i].detail + first);
        keep_octets(workers, batch, packets[i].detail);
    }
}

/* Reads a batch, to where the input would have to read on. True: the input has ended. */
static bool read_batch(struct worker *worker, struct batch *batch)
{
    struct weir_meter_workers *workers = worker->workers;
    size_t *counts = worker->counts;
    int result = WEIR_METER_FETCHED_MORE;
    memset(counts, 0, sizeof(worker->counts));
    for (size_t first = 0; first < BATCH_PACKETS && result == WEIR_METER_FETCHED_MORE;
         first += WEIR_METER_WORKERS_FETCH) {
        struct weir_meter_packets fetched[WEIR_METER_WORKERS_PROCESSES] = {{NULL, 0}};
        const struct weir_meter_room room = {
            .packets = worker->packets[0] + counts[0],
            .details = batch->details ? batch->details + first : NULL,
            .input = worker->input,
        };
        result = workers->fetch(workers->context, &room, fetched, &workers->diag);
        /* The first has its own where others' may still be. */
        for (unsigned i = workers->process_count; i-- > 0 && result >= 0;) {
            keep_packets(workers, batch, &fetched[i], first, worker->packets[i] + counts[i]);
            counts[i] += fetched[i].count;
        }
    }
    batch->wants_flush = result == WEIR_METER_FETCHED_FLUSH;
    if (result < 0)
        workers->result = result == WEIR_E_END ? 0 : result;
    return result < 0;
}

static void sort_batch(const struct worker *worker, struct batch *batch)
{
    const struct weir_meter_workers *workers = worker->workers;
    for (unsigned i = 0; i < workers->cache_count; i++) {
        unsigned process = workers->process_of[i];
        weir_spread_sort(&workers->spreads[i], worker->packets[process], worker->counts[process],
                         batch->details, worker->places, &batch->spread[i]);
    }
}

/* The place of a batch among those under way, by its number. */
static struct batch **place_of(struct weir_meter_workers *workers, uint64_t number)
{
    return &workers->order[number % ((uint64_t)workers->count * BATCHES)];
}

static void wake_others(struct weir_meter_workers *workers)
{
    if (workers->waiting > 0)
        pthread_cond_broadcast(&workers->changed);
}

/* With the lock. */
static bool can_read(const struct worker *worker)
{
    return !worker->workers->is_taken && !worker->workers->has_ended &&
           worker->batches[worker->read % BATCHES].left == 0;
}

/* Takes the input for the next batch. With the lock, which is given up meanwhile. */
static void take_in(struct worker *worker)
{
    struct weir_meter_workers *workers = worker->workers;
    struct batch *batch = &worker->batches[worker->read++ % BATCHES];
    workers->is_taken = true;
    *place_of(workers, workers->begun++) = batch;
    batch->is_sorted = false;
    batch->left = workers->count;
    pthread_mutex_unlock(&workers->lock);
    bool has_ended = read_batch(worker, batch);
    pthread_mutex_lock(&workers->lock);
    workers->has_ended = has_ended;
    workers->is_taken = false;
    wake_others(workers);
    pthread_mutex_unlock(&workers->lock);
    sort_batch(worker, batch);
    pthread_mutex_lock(&workers->lock);
    batch->is_sorted = true;
    wake_others(workers);
}

/* ---- Metering ---- */

/* With the lock. */
static bool can_meter(const struct worker *worker)
{
    struct weir_meter_workers *workers = worker->workers;
    return worker->metered < workers->begun && (*place_of(workers, worker->metered))->is_sorted;
}

/* Meters what is the worker's of a batch in one of its caches. */
static void take_share(struct worker *worker, const struct batch *batch, unsigned index)
{
    worker->result = weir_spread_take(&worker->shares[index], &batch->spread[index], batch->details,
                                      &worker->diag);
    if (worker->result == 0 && batch->wants_flush)
        worker->result = weir_cache_hand_on(worker->shares[index].cache, &worker->diag);
}

/* The latest time of what it has metered, in any of its caches. */
static int64_t latest(const struct worker *worker)
{
    int64_t now_ns = 0;
    for (unsigned i = 0; i < worker->workers->cache_count; i++) {
        int64_t other_ns = weir_spread_now(&worker->shares[i]);
        if (other_ns > now_ns)
            now_ns = other_ns;
    }
    return now_ns;
}

static void flush_sinks(struct worker *worker)
{
    struct weir_meter_workers *workers = worker->workers;
    pthread_mutex_lock(&workers->sink_lock);
    for (unsigned i = 0; i < workers->process_count && worker->result == 0; i++) {
        const struct weir_batch_sink *sink = &workers->outlets[i].sink;
        worker->result = sink->flush(sink->context, latest(worker), &worker->diag);
    }
    pthread_mutex_unlock(&workers->sink_lock);
}

/* Meters what is the worker's of the next batch. With the lock, which is given up meanwhile. */
static void meter(struct worker *worker)
{
    struct weir_meter_workers *workers = worker->workers;
    struct batch *batch = *place_of(workers, worker->metered);
    struct weir_cache_counters counted[WEIR_METER_WORKERS_CACHES];
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->cache_count && worker->result == 0; i++) {
        take_share(worker, batch, i);
        counted[i] = weir_cache_counters(worker->shares[i].cache);
    }
    pthread_mutex_lock(&workers->lock);
    if (batch->wants_flush && batch->left == 1) {
        /* All others have handed on what had ended. */
        pthread_mutex_unlock(&workers->lock);
        flush_sinks(worker);
        pthread_mutex_lock(&workers->lock);
    }
    worker->metered++;
    if (worker->result < 0)
        workers->has_failed = true;
    else
        memcpy(worker->counted, counted, workers->cache_count * sizeof(counted[0]));
    if (--batch->left == 0 || workers->has_failed)
        wake_others(workers);
}

/* All know the same time. */
static void end_flows(struct worker *worker)
{
    struct weir_meter_workers *workers = worker->workers;
    if (worker == &workers->each[0])
        workers->now_ns = latest(worker);
    for (unsigned i = 0; i < workers->cache_count && worker->result == 0; i++)
        worker->result = weir_spread_finish(&worker->shares[i], &worker->diag);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct weir_meter_workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    while (!workers->has_failed) {
        if (can_meter(worker)) {
            meter(worker);
        } else if (can_read(worker)) {
            take_in(worker);
        } else if (workers->has_ended && worker->metered == workers->begun) {
            break;
        } else {
            workers->waiting++;
            pthread_cond_wait(&workers->changed, &workers->lock);
            workers->waiting--;
        }
    }
    bool has_failed = workers->has_failed;
    pthread_mutex_unlock(&workers->lock);
    if (!has_failed)
        end_flows(worker);
    return NULL;
}

static void begin(struct weir_meter_workers *workers, weir_meter_fetch *fetch_function,
                  void *context)
{
    workers->fetch = fetch_function;
    workers->context = context;
    workers->result = 0;
    workers->has_ended = false;
    workers->has_failed = false;
    workers->now_ns = 0;
}

int weir_meter_workers_run(struct weir_meter_workers *workers, weir_meter_fetch *fetch_function,
                           void *context, struct weir_diag *diag)
{
    begin(workers, fetch_function, context);
    unsigned begun = 1;
    int reason = 0;
    /* With the lock: nothing is read before all are there. */
    pthread_mutex_lock(&workers->lock);
    for (; begun < workers->count && reason == 0; begun++)
        reason = pthread_create(&workers->each[begun].thread, NULL, work, &workers->each[begun]);
    if (reason != 0)
        begun--;
    workers->has_failed = reason != 0;
    pthread_mutex_unlock(&workers->lock);
    work(&workers->each[0]);
    for (unsigned i = 1; i < begun; i++)
        pthread_join(workers->each[i].thread, NULL);
    if (reason != 0)
        return weir_diag_set(diag, WEIR_E_IO, "cannot start a thread: %s", strerror(reason));
    for (unsigned i = 0; i < workers->count; i++) {
        struct worker *worker = &workers->each[i];
        for (unsigned k = 0; k < workers->cache_count; k++)
            worker->counted[k] = weir_cache_counters(worker->shares[k].cache);
        if (worker->result < 0) {
            *diag = worker->diag;
            return worker->result;
        }
    }
    if (workers->result < 0)
        *diag = workers->diag;
    return workers->result;
}

/* ---- What they have done ---- */

int64_t weir_meter_workers_now(const struct weir_meter_workers *workers)
{
    return workers->now_ns;
}

struct weir_cache_counters weir_meter_workers_count(struct weir_meter_workers *workers,
                                                    unsigned process)
{
    struct weir_cache_counters total = {0};
    pthread_mutex_lock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++)
        for (unsigned k = 0; k < workers->cache_count; k++)
            if (workers->process_of[k] == process)
                weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count,
                                     &workers->each[i].counted[k], &total);
    pthread_mutex_unlock(&workers->lock);
    return total;
}
