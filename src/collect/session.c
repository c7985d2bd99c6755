/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/session.h"

#include <stdlib.h>
#include <string.h>

int weir_sessions_init(struct weir_sessions *sessions, uint32_t limit, size_t template_octets,
                       size_t waiting_octets, const struct weir_hash_key *hash_key)
{
    uint32_t buckets = 16;
    while (buckets < limit && buckets < UINT32_C(1) << 24)
        buckets *= 2;
    *sessions = (struct weir_sessions){
        .hash_key = *hash_key,
        .waiting_budget = {.limit = waiting_octets},
        .buckets = calloc(buckets, sizeof(struct weir_session *)),
        .bucket_mask = buckets - 1,
        .limit = limit,
    };
    weir_template_pool_init(&sessions->pool, template_octets, hash_key);
    return sessions->buckets ? 0 : WEIR_E_NOMEM;
}

static void free_session(struct weir_sessions *sessions, struct weir_session *session)
{
    weir_template_table_done(&session->templates, &sessions->pool);
    weir_types_done(&session->types, &sessions->pool.budget);
    weir_common_free(session->common, &sessions->pool.budget);
    weir_waiting_done(&session->waiting, &sessions->waiting_budget);
    free(session);
}

void weir_sessions_done(struct weir_sessions *sessions)
{
    for (struct weir_session *session = sessions->newest; session;) {
        struct weir_session *older = session->older;
        free_session(sessions, session);
        session = older;
    }
    weir_template_pool_done(&sessions->pool);
    free(sessions->buckets);
    *sessions = (struct weir_sessions){0};
}

static struct weir_session **bucket_of(struct weir_sessions *sessions,
                                       const struct weir_session_key *key)
{
    uint64_t hash = weir_hash(&sessions->hash_key, key, sizeof(*key));
    return &sessions->buckets[hash & sessions->bucket_mask];
}

static bool keys_equal(const struct weir_session_key *a, const struct weir_session_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void unlink_by_age(struct weir_sessions *sessions, struct weir_session *session)
{
    if (session->newer)
        session->newer->older = session->older;
    else
        sessions->newest = session->older;
    if (session->older)
        session->older->newer = session->newer;
    else
        sessions->oldest = session->newer;
}

static void link_newest(struct weir_sessions *sessions, struct weir_session *session)
{
    session->newer = NULL;
    session->older = sessions->newest;
    if (sessions->newest)
        sessions->newest->newer = session;
    else
        sessions->oldest = session;
    sessions->newest = session;
}

void weir_sessions_evict(struct weir_sessions *sessions)
{
    struct weir_session *session = sessions->oldest;
    struct weir_session **link = bucket_of(sessions, &session->key);
    while (*link != session)
        link = &(*link)->next_in_bucket;
    *link = session->next_in_bucket;
    unlink_by_age(sessions, session);
    sessions->count--;

    struct weir_collect_counters counters = weir_session_count(session);
    counters.sets_overflowed += counters.sets_waiting;
    counters.sets_waiting = 0;
    counters.sessions_evicted = 1;
    weir_counter_add_all(weir_collect_counter_table, weir_collect_counter_count, &counters,
                         &sessions->evicted);
    free_session(sessions, session);
}

void weir_sessions_clear(struct weir_sessions *sessions)
{
    while (sessions->oldest)
        weir_sessions_evict(sessions);
}

static const struct weir_plan *find_plan(const void *of, uint16_t template_id)
{
    const struct weir_session *session = of;
    const struct weir_template_entry *entry =
        weir_template_table_find(&session->templates, template_id);
    return entry ? entry->shared->plan : NULL;
}

static const struct weir_element *find_element(const void *of, uint32_t pen, uint16_t id)
{
    const struct weir_session *session = of;
    return weir_types_find(&session->types, pen, id);
}

int weir_sessions_get(struct weir_sessions *sessions, const struct weir_session_key *key,
                      struct weir_session **ret_session)
{
    /* Messages come in bursts: most are of the session that the last one was of. */
    struct weir_session *session = sessions->newest;
    if (!session || !keys_equal(&session->key, key)) {
        struct weir_session **bucket = bucket_of(sessions, key);
        for (session = *bucket; session; session = session->next_in_bucket)
            if (keys_equal(&session->key, key))
                break;
        if (session) {
            unlink_by_age(sessions, session);
        } else {
            session = calloc(1, sizeof(*session));
            if (!session)
                return WEIR_E_NOMEM;
            if (sessions->count == sessions->limit)
                weir_sessions_evict(sessions);
            session->key = *key;
            session->references = (struct weir_plan_session){
                .find_plan = find_plan,
                .find_element = find_element,
                .of = session,
                .list_counts = &session->list_counts,
            };
            session->counters.sessions_opened = 1;
            session->next_in_bucket = *bucket;
            *bucket = session;
            sessions->count++;
        }
        link_newest(sessions, session);
    }
    *ret_session = session;
    return 0;
}

/* Records in lost messages: as many a message as those that came had. */
static uint64_t estimate_records(const struct weir_collect_counters *counters, uint64_t messages)
{
    double records = (double)(counters->records + counters->options_records);
    if (counters->messages == 0)
        return 0;
    return (uint64_t)(records / (double)counters->messages * (double)messages + 0.5);
}

struct weir_collect_counters weir_session_count(const struct weir_session *session)
{
    const struct weir_sequence *sequence = &session->sequence;
    struct weir_collect_counters counters = session->counters;
    counters.sets_waiting = session->waiting.count;
    counters.lists_malformed = session->list_counts.malformed;
    counters.lists_unknown_template = session->list_counts.unknown_template;
    counters.lists_oversized = session->list_counts.oversized;
    counters.messages_late = sequence->ledger.late_messages;
    counters.messages_duplicate = sequence->ledger.duplicate_messages;
    counters.sequence_restarts = sequence->ledger.restarts;
    uint64_t lost = weir_ledger_lost(&sequence->ledger);
    if (weir_sequence_is_of_messages(sequence)) {
        counters.messages_lost = lost;
        counters.records_lost = estimate_records(&counters, lost);
    } else {
        counters.records_lost = lost;
        counters.records_unknown = weir_ledger_unknown(&sequence->ledger);
        counters.records_duplicate = sequence->ledger.duplicate_units;
    }
    return counters;
}

struct weir_collect_counters weir_sessions_count(const struct weir_sessions *sessions)
{
    struct weir_collect_counters total = sessions->evicted;
    for (const struct weir_session *session = sessions->newest; session; session = session->older) {
        struct weir_collect_counters counters = weir_session_count(session);
        weir_counter_add_all(weir_collect_counter_table, weir_collect_counter_count, &counters,
                             &total);
    }
    return total;
}
