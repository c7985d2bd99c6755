/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_group.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/meter_totals.h"

/* How often the caller is asked whether to stop. */
#define LOOK_NS (100 * WEIR_NS_PER_MS)

/* How old what a member tells of itself may be. */
#define PUBLISH_NS (200 * WEIR_NS_PER_MS)

/* What a member has told. */
struct told {
    struct weir_meter_totals totals[WEIR_METER_PROCESSES_MAX];
    struct weir_source_counters points[WEIR_METER_INTERFACES_MAX];
};

struct member {
    struct weir_meter_group *group;
    pthread_t thread;
    struct weir_cache_counters counted; /* by the lock */
    struct told told;                   /* by the lock */
    int64_t publish_ns;                 /* when it is told again */
    int result;
    struct weir_diag diag;
};

/* Where records of a process go. */
struct outlet {
    struct weir_meter_group *group;
    struct weir_batch_sink sink;
};

struct weir_meter_group {
    struct outlet outlets[WEIR_METER_PROCESSES_MAX];
    unsigned process_count;
    struct weir_clock clock;
    pthread_mutex_t sink_lock;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running; /* by the lock */
    atomic_bool stopping;
    unsigned count;
    struct weir_live_fanout fanouts[WEIR_METER_INTERFACES_MAX];
    struct member members[WEIR_METER_WORKERS_MAX];
    struct weir_meter *meters[WEIR_METER_WORKERS_MAX];
};

/* Tells what has been counted by now; in the member's thread, or before there is one. */
static void publish(struct member *member)
{
    struct weir_meter_group *group = member->group;
    struct weir_meter *meter = group->meters[member - group->members];
    struct told *told = &member->told;
    for (unsigned i = 0; i < group->process_count; i++) {
        struct weir_meter_totals totals;
        weir_meter_totals_of(meter, i, &totals);
        pthread_mutex_lock(&group->lock);
        told->totals[i] = totals;
        pthread_mutex_unlock(&group->lock);
    }
    struct weir_meter_point point;
    for (unsigned i = 0; weir_meter_point(meter, i, &point); i++) {
        pthread_mutex_lock(&group->lock);
        told->points[i] = point.counters;
        pthread_mutex_unlock(&group->lock);
    }
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    const struct outlet *outlet = context;
    pthread_mutex_lock(&outlet->group->sink_lock);
    int result = outlet->sink.batch(outlet->sink.context, batch, diag);
    pthread_mutex_unlock(&outlet->group->sink_lock);
    return result;
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    const struct outlet *outlet = context;
    pthread_mutex_lock(&outlet->group->sink_lock);
    int result = outlet->sink.flush(outlet->sink.context, now_ns, diag);
    pthread_mutex_unlock(&outlet->group->sink_lock);
    return result;
}

/* Asked by each member in its thread. */
static bool is_stopping(void *context, const struct weir_meter *meter)
{
    struct member *member = context;
    struct weir_cache_counters counted = weir_meter_cache_counters(meter);
    pthread_mutex_lock(&member->group->lock);
    member->counted = counted;
    pthread_mutex_unlock(&member->group->lock);
    int64_t now_ns = weir_clock_now(&member->group->clock);
    if (now_ns >= member->publish_ns || now_ns < member->publish_ns - PUBLISH_NS) {
        member->publish_ns = now_ns + PUBLISH_NS;
        publish(member);
    }
    return atomic_load_explicit(&member->group->stopping, memory_order_relaxed);
}

static int add_member(struct weir_meter_group *group, struct weir_meter_config config,
                      struct weir_diag *diag)
{
    struct member *member = &group->members[group->count];
    struct weir_meter **meter = &group->meters[group->count];
    member->group = group;
    config.stop_context = member;
    config.stream = group->count;
    int result = weir_meter_new(&config, meter, diag);
    if (result < 0)
        return result;
    group->count++;
    for (unsigned i = 0; i < group->process_count && result == 0; i++) {
        const struct weir_batch_sink sink = {take_batch, flush, &group->outlets[i]};
        result = weir_meter_add_sink(*meter, i, &sink, diag);
    }
    return result;
}

/* By a clock that nobody sets: a step back must not put off the end. */
static int init_locks(struct weir_meter_group *group)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return WEIR_E_NOMEM;
    bool made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&group->ended, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (!made)
        return WEIR_E_NOMEM;
    pthread_mutex_init(&group->sink_lock, NULL);
    pthread_mutex_init(&group->lock, NULL);
    return 0;
}

int weir_meter_group_new(const struct weir_meter_config *config,
                         const struct weir_batch_sink *sinks, struct weir_meter_group **ret_group,
                         struct weir_diag *diag)
{
    if (config->workers > WEIR_METER_WORKERS_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "at most %u workers meter",
                             WEIR_METER_WORKERS_MAX);
    struct weir_meter_group *group = calloc(1, sizeof(*group));
    if (!group || init_locks(group) < 0) {
        free(group);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to meter");
    }
    struct weir_metering_config processes[WEIR_METER_PROCESSES_MAX];
    struct weir_meter_config member = *config;
    group->process_count = config->process_count;
    group->clock = config->clock;
    for (unsigned i = 0; i < config->process_count; i++) {
        group->outlets[i] = (struct outlet){group, sinks[i]};
        processes[i] = config->processes[i];
        processes[i].cache.entries /= config->workers;
        if (processes[i].cache.entries < WEIR_CACHE_ENTRIES_MIN)
            processes[i].cache.entries = WEIR_CACHE_ENTRIES_MIN;
    }
    member.processes = processes;
    member.workers = 1;
    member.fanouts = group->fanouts;
    member.stop = is_stopping;
    member.buffer_octets = config->buffer_octets / config->workers;
    int result = 0;
    for (unsigned i = 0; i < config->workers && result == 0; i++)
        result = add_member(group, member, diag);
    if (result < 0) {
        weir_meter_group_free(group);
        return result;
    }
    *ret_group = group;
    return 0;
}

void weir_meter_group_free(struct weir_meter_group *group)
{
    if (!group)
        return;
    for (unsigned i = 0; i < group->count; i++)
        weir_meter_free(group->meters[i]);
    pthread_cond_destroy(&group->ended);
    pthread_mutex_destroy(&group->lock);
    pthread_mutex_destroy(&group->sink_lock);
    free(group);
}

static void *work(void *context)
{
    struct member *member = context;
    struct weir_meter_group *group = member->group;
    size_t index = (size_t)(member - group->members);
    member->result = weir_meter_listen(group->meters[index], &member->diag);
    pthread_mutex_lock(&group->lock);
    group->running--;
    pthread_cond_signal(&group->ended);
    pthread_mutex_unlock(&group->lock);
    return NULL;
}

/* Until one ends, or the caller wants all to; then until all have. */
static void wait_for_all(struct weir_meter_group *group, unsigned begun,
                         bool (*stop)(void *context), void *context)
{
    pthread_mutex_lock(&group->lock);
    while (group->running > 0) {
        bool is_complete = begun == group->count && group->running == begun;
        pthread_mutex_unlock(&group->lock);
        if (!is_complete || stop(context))
            atomic_store(&group->stopping, true);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + LOOK_NS;
        until.tv_sec += ns / WEIR_NS_PER_SECOND;
        until.tv_nsec = ns % WEIR_NS_PER_SECOND;
        pthread_mutex_lock(&group->lock);
        if (group->running > 0)
            pthread_cond_timedwait(&group->ended, &group->lock, &until);
    }
    pthread_mutex_unlock(&group->lock);
}

int weir_meter_group_listen(struct weir_meter_group *group, bool (*stop)(void *context),
                            void *context, struct weir_diag *diag)
{
    unsigned begun = 0;
    int reason = 0;
    atomic_store(&group->stopping, false);
    for (unsigned i = 0; i < group->count; i++)
        publish(&group->members[i]);
    for (; begun < group->count && reason == 0; begun++) {
        pthread_mutex_lock(&group->lock);
        group->running++;
        pthread_mutex_unlock(&group->lock);
        reason = pthread_create(&group->members[begun].thread, NULL, work, &group->members[begun]);
        if (reason != 0)
            break;
    }
    if (reason != 0) {
        pthread_mutex_lock(&group->lock);
        group->running--;
        pthread_mutex_unlock(&group->lock);
    }
    wait_for_all(group, begun, stop, context);
    for (unsigned i = 0; i < begun; i++)
        pthread_join(group->members[i].thread, NULL);
    if (reason != 0)
        return weir_diag_set(diag, WEIR_E_IO, "cannot start a thread: %s", strerror(reason));
    int result = 0;
    for (unsigned i = begun; i-- > 0;) {
        struct member *member = &group->members[i];
        member->counted = weir_meter_cache_counters(group->meters[i]);
        publish(member);
        if (member->result < 0) {
            *diag = member->diag;
            result = member->result;
        }
    }
    return result;
}

void weir_meter_group_totals(struct weir_meter_group *group, unsigned process,
                             struct weir_meter_totals *ret_totals)
{
    pthread_mutex_lock(&group->lock);
    *ret_totals = group->members[0].told.totals[process];
    for (unsigned i = 1; i < group->count; i++)
        weir_meter_totals_add(&group->members[i].told.totals[process], ret_totals);
    pthread_mutex_unlock(&group->lock);
}

void weir_meter_group_point(struct weir_meter_group *group, unsigned interface,
                            struct weir_source_counters *ret_counters)
{
    *ret_counters = (struct weir_source_counters){0};
    pthread_mutex_lock(&group->lock);
    for (unsigned i = 0; i < group->count; i++)
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                             &group->members[i].told.points[interface], ret_counters);
    pthread_mutex_unlock(&group->lock);
}

struct weir_cache_counters weir_meter_group_cache_counters(struct weir_meter_group *group)
{
    struct weir_cache_counters total = {0};
    pthread_mutex_lock(&group->lock);
    for (unsigned i = 0; i < group->count; i++)
        weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count,
                             &group->members[i].counted, &total);
    pthread_mutex_unlock(&group->lock);
    return total;
}

struct weir_meter *const *weir_meter_group_meters(const struct weir_meter_group *group,
                                                  unsigned *ret_count)
{
    *ret_count = group->count;
    return group->meters;
}
