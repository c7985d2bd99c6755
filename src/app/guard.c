/* SPDX-License-Identifier: Apache-2.0 */
#include "app/guard.h"

const struct weir_counter weir_guard_counter_table[] = {
    WEIR_COUNTER(struct weir_guard_counters, records_undelivered, RECORDS,
                 "records not handed to a destination, since it had failed before"),
};
const size_t weir_guard_counter_count =
    sizeof(weir_guard_counter_table) / sizeof(weir_guard_counter_table[0]);

static void begin(struct weir_guard *guard, struct weir_guard_group *group, unsigned place)
{
    guard->group = group;
    guard->place = place;
    guard->first = guard;
    atomic_init(&guard->has_failed, false);
    group->alive++;
}

void weir_guard_batches(struct weir_guard *guard, struct weir_guard_group *group, unsigned place,
                        struct weir_batch_sink sink)
{
    begin(guard, group, place);
    guard->batches = sink;
}

void weir_guard_records(struct weir_guard *guard, struct weir_guard_group *group, unsigned place,
                        struct weir_record_sink sink)
{
    begin(guard, group, place);
    guard->records = sink;
}

void weir_guard_join(struct weir_guard *guard, struct weir_guard *first,
                     struct weir_record_sink sink)
{
    guard->group = first->group;
    guard->place = first->place;
    guard->first = first;
    guard->records = sink;
}

static bool has_failed(const struct weir_guard *guard)
{
    return atomic_load_explicit(&guard->first->has_failed, memory_order_relaxed);
}

/* Goes on without the place; its error where it was the last. With the lock. */
static int lose(struct weir_guard *guard, int result, const struct weir_diag *diag)
{
    struct weir_guard_group *group = guard->group;
    if (!has_failed(guard)) {
        atomic_store(&guard->first->has_failed, true);
        group->alive--;
        group->failed(group->context, guard->place, result, diag);
        if (group->alive == 0 && group->groups)
            atomic_fetch_sub(group->groups, 1);
    }
    bool are_others_alive = group->groups && atomic_load(group->groups) > 0;
    return group->alive == 0 && !are_others_alive ? result : 0;
}

static void count_undelivered(struct weir_guard_group *group, uint64_t records)
{
    __atomic_fetch_add(&group->counters.records_undelivered, records, __ATOMIC_RELAXED);
}

struct weir_guard_counters weir_guard_count(const struct weir_guard_group *group)
{
    return (struct weir_guard_counters){
        .records_undelivered =
            __atomic_load_n(&group->counters.records_undelivered, __ATOMIC_RELAXED),
    };
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct weir_guard *guard = context;
    struct weir_guard_group *group = guard->group;
    int result = 0;
    pthread_mutex_lock(&group->lock);
    if (has_failed(guard))
        count_undelivered(group, batch->row_count);
    else
        result = guard->batches.batch(guard->batches.context, batch, diag);
    result = result < 0 ? lose(guard, result, diag) : 0;
    pthread_mutex_unlock(&group->lock);
    return result;
}

static int flush_batches(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_guard *guard = context;
    struct weir_guard_group *group = guard->group;
    int result = 0;
    pthread_mutex_lock(&group->lock);
    if (!has_failed(guard))
        result = guard->batches.flush(guard->batches.context, now_ns, diag);
    result = result < 0 ? lose(guard, result, diag) : 0;
    pthread_mutex_unlock(&group->lock);
    return result;
}

static int lose_records(struct weir_guard *guard, int result, const struct weir_diag *diag)
{
    pthread_mutex_lock(&guard->group->lock);
    result = lose(guard, result, diag);
    pthread_mutex_unlock(&guard->group->lock);
    return result;
}

static int take_record(void *context, const struct weir_collected_record *record,
                       struct weir_diag *diag)
{
    struct weir_guard *guard = context;
    if (has_failed(guard)) {
        count_undelivered(guard->group, 1);
        return 0;
    }
    int result = guard->records.record(guard->records.context, record, diag);
    return result < 0 ? lose_records(guard, result, diag) : 0;
}

static int flush_records(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_guard *guard = context;
    int result = has_failed(guard) ? 0 : guard->records.flush(guard->records.context, now_ns, diag);
    return result < 0 ? lose_records(guard, result, diag) : 0;
}

struct weir_batch_sink weir_guard_batch_sink(struct weir_guard *guard)
{
    return (struct weir_batch_sink){take_batch, flush_batches, guard};
}

struct weir_record_sink weir_guard_record_sink(struct weir_guard *guard)
{
    return (struct weir_record_sink){
        .record = take_record, .flush = flush_records, .context = guard};
}
