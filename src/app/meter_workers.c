/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Packets that wait for a worker: a power of two. */
#define RING 8192u

/*
 * Fetches before others are shown what they were given, and how often that is before others may
 * have the input: about as much as is read at once, which so stays with one processor. PIECE is
 * metered at most before there is room again.
 */
#define FETCHES 4u
#define SHOWS   4u
#define PIECE   1024u

/* What FETCHES may give to one worker. */
#define FETCH_ROOM (2u * FETCHES * WEIR_METER_WORKERS_FETCH)

/* A share of one of the caches, and what waits for it. */
struct lane {
    struct weir_cache *cache;
    struct weir_packet *ring;
    struct weir_packet_detail *details; /* of the packets in the ring; NULL: it needs none */
    uint8_t *octets;                    /* and so many of each from the IP header on: */
    uint32_t network_octets;
    uint64_t filled;  /* packets ever put in; of who has the input, others know of `shown` */
    uint64_t shown;   /* those that may be metered */
    uint64_t metered; /* those that were */
    struct weir_cache_counters counted;
};

/* Where records of a process go. */
struct outlet {
    struct weir_meter_workers *workers;
    struct weir_batch_sink sink;
};

struct worker {
    struct weir_meter_workers *workers;
    pthread_t thread;
    struct lane lanes[WEIR_METER_WORKERS_CACHES];
    int result;
    struct weir_diag diag;
};

/* The lock is of what is marked; the rest is of who has the input, or constant. */
struct weir_meter_workers {
    unsigned count;
    unsigned cache_count;
    unsigned process_of[WEIR_METER_WORKERS_CACHES];
    struct outlet outlets[WEIR_METER_WORKERS_PROCESSES];
    pthread_mutex_t sink_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting; /* by the lock, as are the lanes' `shown`, `metered`, `counted` */
    bool is_taken;    /* by the lock: somebody has the input */
    bool has_ended;   /* by the lock: the input has */
    bool has_failed;  /* by the lock: a sink has, or there is no thread */
    sigset_t signals; /* the mask of who has the input */
    weir_meter_fetch *fetch;
    void *context;
    int result; /* of the input */
    struct weir_diag diag;
    int64_t now_ns;
    struct weir_spread spreads[WEIR_METER_WORKERS_CACHES];
    uint8_t shares[WEIR_METER_WORKERS_FETCH];
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

/* Room for what the cache needs of packets besides; false: no memory. */
static bool make_details(struct lane *lane, const struct weir_cache_config *cache)
{
    lane->details = malloc(RING * sizeof(*lane->details));
    lane->network_octets = weir_cache_network_octets(cache);
    lane->octets = malloc((size_t)RING * lane->network_octets + 1);
    return lane->details && lane->octets;
}

static int make_lane(struct worker *worker, unsigned lane_index, struct weir_share share,
                     const struct weir_cache_config *config, struct weir_diag *diag)
{
    struct weir_meter_workers *workers = worker->workers;
    struct outlet *outlet = &workers->outlets[workers->process_of[lane_index]];
    const struct weir_batch_sink sink = {.batch = take_batch, .context = outlet};
    struct lane *lane = &worker->lanes[lane_index];
    struct weir_cache_config cache = *config;
    cache.share = share;
    lane->ring = malloc(RING * sizeof(*lane->ring));
    if (!lane->ring || (weir_cache_needs_details(&cache) && !make_details(lane, &cache)))
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %u workers", share.count);
    return weir_cache_new(&cache, &sink, &lane->cache, diag);
}

static int make_worker(struct weir_meter_workers *workers, unsigned index,
                       const struct weir_meter_workers_config *config, struct weir_diag *diag)
{
    struct worker *worker = &workers->each[index];
    const struct weir_share share = {.index = index, .count = config->count};
    unsigned lane = 0;
    int result = 0;
    worker->workers = workers;
    for (unsigned i = 0; i < config->process_count; i++)
        for (unsigned k = 0; k < config->processes[i].cache_count && result == 0; k++)
            result = make_lane(worker, lane++, share, &config->processes[i].caches[k], diag);
    return result;
}

/* Which cache is of which process. */
static int take_caches(struct weir_meter_workers *workers,
                       const struct weir_meter_workers_config *config, struct weir_diag *diag)
{
    for (unsigned i = 0; i < config->process_count; i++) {
        const struct weir_meter_workers_process *process = &config->processes[i];
        workers->outlets[i] = (struct outlet){workers, process->sink};
        for (unsigned k = 0; k < process->cache_count; k++) {
            if (workers->cache_count == WEIR_METER_WORKERS_CACHES)
                return weir_diag_set(diag, WEIR_E_USAGE,
                                     "workers meter at most %u flow definitions in all",
                                     WEIR_METER_WORKERS_CACHES);
            weir_spread_init(&workers->spreads[workers->cache_count], &process->caches[k],
                             config->count);
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

void weir_meter_workers_free(struct weir_meter_workers *workers)
{
    if (!workers)
        return;
    for (unsigned i = 0; i < workers->count; i++) {
        for (unsigned k = 0; k < workers->cache_count; k++) {
            weir_cache_free(workers->each[i].lanes[k].cache);
            free(workers->each[i].lanes[k].ring);
            free(workers->each[i].lanes[k].details);
            free(workers->each[i].lanes[k].octets);
        }
    }
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    pthread_mutex_destroy(&workers->sink_lock);
    free(workers);
}

/* ---- Taking the input in ---- */

/* Where packets for the shares of one cache go. */
struct giving {
    struct worker *each;
    unsigned cache;
    const struct weir_packet_detail *details;
};

/* Copies as much as there is room for. */
static void keep(const struct lane *lane, size_t place, const uint8_t **octets, uint32_t *length)
{
    uint8_t *to = lane->octets + place * lane->network_octets;
    if (*length > lane->network_octets)
        *length = lane->network_octets;
    if (*length > 0)
        memcpy(to, *octets, *length);
    *octets = *length > 0 ? to : NULL;
}

/* The octets are the frame's, which is gone when the packet is metered. */
static void keep_octets(const struct lane *lane, struct weir_packet_detail *detail, size_t place)
{
    if (lane->network_octets == 0 || !detail->network) {
        detail->network = NULL;
        detail->network_captured = 0;
        keep(lane, place, &detail->payload, &detail->payload_captured);
        return;
    }
    const uint32_t before = detail->network_captured - detail->payload_captured;
    keep(lane, place, &detail->network, &detail->network_captured);
    bool has_payload = detail->network_captured > before;
    detail->payload = has_payload ? detail->network + before : NULL;
    detail->payload_captured = has_payload ? detail->network_captured - before : 0;
}

static void give(void *context, unsigned share, const struct weir_packet *packet)
{
    const struct giving *giving = context;
    struct lane *lane = &giving->each[share].lanes[giving->cache];
    uint16_t place = (uint16_t)(lane->filled++ % RING);
    lane->ring[place] = *packet;
    lane->ring[place].detail = place;
    if (!lane->details || packet->flags & WEIR_PACKET_CLOCK)
        return;
    lane->details[place] = giving->details[packet->detail];
    keep_octets(lane, &lane->details[place], place);
}

/* Whether every worker has room for what a fetch may give. With the lock. */
static bool have_room(const struct weir_meter_workers *workers)
{
    for (unsigned i = 0; i < workers->count; i++) {
        for (unsigned k = 0; k < workers->cache_count; k++) {
            const struct lane *lane = &workers->each[i].lanes[k];
            if (RING - (lane->filled - lane->metered) < FETCH_ROOM)
                return false;
        }
    }
    return true;
}

/* Puts what was fetched into the rings of one cache's shares. */
static void spread(struct weir_meter_workers *workers, unsigned cache,
                   const struct weir_meter_packets *fetched)
{
    struct weir_spread *own = &workers->spreads[cache];
    struct giving giving = {workers->each, cache, fetched->details};
    weir_spread_places(own, fetched->packets, fetched->details, fetched->count, workers->shares);
    for (size_t i = 0; i < fetched->count; i++) {
        const struct weir_packet *packet = &fetched->packets[i];
        uint8_t share = workers->shares[i];
        if (weir_spread_is_plain(own, packet, share))
            give(&giving, share, packet);
        else
            weir_spread_packet(own, packet, share, give, &giving);
    }
}

static void finish_spreads(struct weir_meter_workers *workers)
{
    workers->now_ns = 0;
    for (unsigned i = 0; i < workers->cache_count; i++) {
        const struct weir_meter_clock *clock = &workers->spreads[i].clock;
        struct giving giving = {workers->each, i, NULL};
        if (clock->started && weir_cache_time_ns(clock->now) > workers->now_ns)
            workers->now_ns = weir_cache_time_ns(clock->now);
        weir_spread_finish(&workers->spreads[i], give, &giving);
    }
}

/* Fetches once. True: the input has ended. *ret_few: it had little, and may have to be waited for.
 */
static bool fetch(struct weir_meter_workers *workers, bool *ret_few)
{
    struct weir_meter_packets packets[WEIR_METER_WORKERS_PROCESSES] = {{NULL, NULL, 0}};
    int result = workers->fetch(workers->context, packets, &workers->diag);
    if (result < 0) {
        workers->result = result == WEIR_E_END ? 0 : result;
        finish_spreads(workers);
        return true;
    }
    size_t most = 0;
    for (unsigned i = 0; i < workers->cache_count; i++) {
        const struct weir_meter_packets *own = &packets[workers->process_of[i]];
        spread(workers, i, own);
        most = own->count > most ? own->count : most;
    }
    *ret_few = most < WEIR_METER_WORKERS_FETCH / 2;
    return false;
}

/* Lets all see what they were given. With the lock. */
static void show(struct weir_meter_workers *workers)
{
    for (unsigned i = 0; i < workers->count; i++)
        for (unsigned k = 0; k < workers->cache_count; k++)
            workers->each[i].lanes[k].shown = workers->each[i].lanes[k].filled;
}

static void wake_others(struct weir_meter_workers *workers)
{
    if (workers->waiting > 0)
        pthread_cond_broadcast(&workers->changed);
}

/* Takes the input for a while. With the lock, which is given up meanwhile. */
static void take_in(struct weir_meter_workers *workers)
{
    bool has_ended = false;
    workers->is_taken = true;
    for (unsigned i = 0; i < SHOWS && !has_ended && !workers->has_failed && have_room(workers);
         i++) {
        pthread_mutex_unlock(&workers->lock);
        bool few = false;
        for (unsigned k = 0; k < FETCHES && !has_ended && !few; k++)
            has_ended = fetch(workers, &few);
        pthread_mutex_lock(&workers->lock);
        show(workers);
        wake_others(workers);
    }
    workers->has_ended = has_ended;
    workers->is_taken = false;
    wake_others(workers);
}

/* Signals that want the process to stop are for who may be waiting for input. */
static void take_in_with_signals(struct weir_meter_workers *workers)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, &workers->signals, &blocked);
    take_in(workers);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
}

/* ---- Metering ---- */

/* Of the lanes for which packets wait the first, or NULL. With the lock. */
static struct lane *find_lane(struct worker *worker)
{
    for (unsigned i = 0; i < worker->workers->cache_count; i++)
        if (worker->lanes[i].metered < worker->lanes[i].shown)
            return &worker->lanes[i];
    return NULL;
}

/* Meters some of what waits. With the lock, which is given up meanwhile. */
static void meter(struct worker *worker, struct lane *lane)
{
    struct weir_meter_workers *workers = worker->workers;
    size_t first = lane->metered % RING;
    size_t count = lane->shown - lane->metered;
    if (count > RING - first)
        count = RING - first;
    if (count > PIECE)
        count = PIECE;
    pthread_mutex_unlock(&workers->lock);
    worker->result = weir_cache_add_details(lane->cache, lane->ring + first, lane->details, count,
                                            &worker->diag);
    struct weir_cache_counters counted = weir_cache_counters(lane->cache);
    pthread_mutex_lock(&workers->lock);
    lane->counted = counted;
    lane->metered += count;
    if (worker->result < 0)
        workers->has_failed = true;
    /* Those who wait have nothing to meter: of use to them is the input, or the end. */
    if (workers->has_failed || (!workers->is_taken && have_room(workers)))
        wake_others(workers);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct weir_meter_workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    while (!workers->has_failed) {
        struct lane *lane = find_lane(worker);
        if (lane) {
            meter(worker, lane);
        } else if (workers->has_ended) {
            break;
        } else if (!workers->is_taken && have_room(workers)) {
            take_in_with_signals(workers);
        } else {
            workers->waiting++;
            pthread_cond_wait(&workers->changed, &workers->lock);
            workers->waiting--;
        }
    }
    bool has_failed = workers->has_failed;
    pthread_mutex_unlock(&workers->lock);
    pthread_sigmask(SIG_SETMASK, &workers->signals, NULL);
    for (unsigned i = 0; i < workers->cache_count && !has_failed && worker->result == 0; i++)
        worker->result = weir_cache_finish(worker->lanes[i].cache, &worker->diag);
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
}

int weir_meter_workers_run(struct weir_meter_workers *workers, weir_meter_fetch *fetch_function,
                           void *context, struct weir_diag *diag)
{
    begin(workers, fetch_function, context);
    sigset_t people;
    sigemptyset(&people);
    sigaddset(&people, SIGINT);
    sigaddset(&people, SIGTERM);
    sigaddset(&people, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &people, &workers->signals);
    unsigned begun = 1;
    int reason = 0;
    for (; begun < workers->count && reason == 0; begun++)
        reason = pthread_create(&workers->each[begun].thread, NULL, work, &workers->each[begun]);
    if (reason != 0) {
        begun--;
        pthread_mutex_lock(&workers->lock);
        workers->has_failed = true;
        pthread_mutex_unlock(&workers->lock);
    }
    work(&workers->each[0]);
    for (unsigned i = 1; i < begun; i++)
        pthread_join(workers->each[i].thread, NULL);
    if (reason != 0)
        return weir_diag_set(diag, WEIR_E_IO, "a thread: %s", strerror(reason));
    for (unsigned i = 0; i < workers->count; i++) {
        struct worker *worker = &workers->each[i];
        for (unsigned k = 0; k < workers->cache_count; k++)
            worker->lanes[k].counted = weir_cache_counters(worker->lanes[k].cache);
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
                                     &workers->each[i].lanes[k].counted, &total);
    pthread_mutex_unlock(&workers->lock);
    return total;
}
