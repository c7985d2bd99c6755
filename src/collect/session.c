/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/session.h"

#include <stdlib.h>
#include <string.h>

int weir_sessions_init(struct weir_sessions *sessions, const struct weir_session_limits *limits,
                       const struct weir_hash_key *hash_key)
{
    uint32_t buckets = 16;
    while (buckets < limits->sessions && buckets < UINT32_C(1) << 24)
        buckets *= 2;
    *sessions = (struct weir_sessions){
        .limits = *limits,
        .hash_key = *hash_key,
        .waiting_budget = {.limit = limits->waiting_octets},
        .buckets = calloc(buckets, sizeof(struct weir_session *)),
        .bucket_mask = buckets - 1,
    };
    weir_slots_init(&sessions->slots, sizeof(struct weir_session));
    weir_template_pool_init(&sessions->pool, limits->template_octets, hash_key);
    weir_recall_init(&sessions->recall, hash_key);
    int result = weir_exporters_init(&sessions->exporters, limits->sessions, hash_key);
    return sessions->buckets ? result : WEIR_E_NOMEM;
}

static void free_session(struct weir_sessions *sessions, struct weir_session *session)
{
    weir_template_table_done(&session->templates, &sessions->pool);
    weir_types_done(&session->types, &sessions->pool.budget);
    /* After an error of a sink not all that waited has gone. */
    sessions->sets_awaiting -=
        weir_common_free(session->common, &sessions->pool, &sessions->waiting_budget);
    weir_recall_done(&sessions->recall, &session->recall, &sessions->pool);
    weir_waiting_done(&session->waiting, &sessions->waiting_budget);
    weir_exporter_release(&sessions->exporters, session->exporter, &sessions->pool.budget);
    weir_tally_done(&session->tally);
    free(session->reported);
    weir_slots_give_back(&sessions->slots, session);
}

void weir_sessions_done(struct weir_sessions *sessions)
{
    for (struct weir_session *session = sessions->newest; session;) {
        struct weir_session *older = session->older;
        free_session(sessions, session);
        session = older;
    }
    weir_recall_close(&sessions->recall);
    weir_template_pool_done(&sessions->pool);
    weir_exporters_done(&sessions->exporters);
    weir_slots_done(&sessions->slots);
    free(sessions->buckets);
    *sessions = (struct weir_sessions){0};
}

static struct weir_session **bucket_of(const struct weir_sessions *sessions,
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
    session->turn = ++sessions->turn;
    session->newer = NULL;
    session->older = sessions->newest;
    if (sessions->newest)
        sessions->newest->newer = session;
    else
        sessions->oldest = session;
    sessions->newest = session;
}

/* Makes it the newest. */
static void touch(struct weir_sessions *sessions, struct weir_session *session)
{
    if (sessions->newest == session)
        return;
    unlink_by_age(sessions, session);
    link_newest(sessions, session);
}

/* Takes it out of the table; it stays whole. */
static void unlink_session(struct weir_sessions *sessions, struct weir_session *session)
{
    /* It may be among them. */
    sessions->foreseen_count = 0;
    struct weir_session **link = bucket_of(sessions, &session->key);
    while (*link != session)
        link = &(*link)->next_in_bucket;
    *link = session->next_in_bucket;
    unlink_by_age(sessions, session);
    sessions->count--;
}

static void evict(struct weir_sessions *sessions, struct weir_session *session)
{
    unlink_session(sessions, session);
    if (sessions->forget)
        sessions->forget(sessions->forget_context, session);
    struct weir_collect_counters counters = weir_session_count(session);
    counters.sets_overflowed += counters.sets_waiting;
    counters.sets_waiting = 0;
    counters.sets_waiting_properties = 0;
    counters.sessions_evicted = 1;
    weir_counter_add_all(weir_collect_counter_table, weir_collect_counter_count, &counters,
                         &sessions->evicted);
    free_session(sessions, session);
}

void weir_sessions_evict(struct weir_sessions *sessions)
{
    evict(sessions, sessions->oldest);
}

void weir_sessions_clear(struct weir_sessions *sessions)
{
    while (sessions->oldest)
        weir_sessions_evict(sessions);
}

static bool was_known(const struct weir_sessions *sessions, const struct weir_session_key *key,
                      uint64_t turn)
{
    const struct weir_session *session = *bucket_of(sessions, key);
    while (session && (session->turn > turn || !keys_equal(&session->key, key)))
        session = session->next_in_bucket;
    return session != NULL;
}

void weir_sessions_sift(struct weir_sessions *sessions, const struct weir_share *share,
                        uint64_t turn)
{
    struct weir_session *older;
    for (struct weir_session *session = sessions->newest; session && session->turn > turn;
         session = older) {
        const struct weir_session_key *key = &session->key;
        older = session->older;
        bool is_ours =
            share->count <= 1 ||
            (key->transport == WEIR_COLLECT_UDP && key->protocol != WEIR_PROTOCOL_SFLOW5 &&
             weir_share_of(key->exporter, share->count) == share->index);
        if (is_ours && !was_known(sessions, key, turn))
            continue;
        unlink_session(sessions, session);
        free_session(sessions, session);
    }
}

static const struct weir_plan *find_plan(const void *of, uint16_t template_id)
{
    const struct weir_session *session = of;
    const struct weir_template_entry *entry =
        weir_template_table_find(&session->templates, template_id);
    return entry ? weir_shared_template_plan(entry->shared) : NULL;
}

static const struct weir_element *find_element(const void *of, uint32_t pen, uint16_t id)
{
    const struct weir_session *session = of;
    return weir_types_find(&session->types, pen, id);
}

int weir_sessions_add(struct weir_sessions *sessions, const struct weir_session_key *key,
                      struct weir_session **ret_session)
{
    const struct weir_exporter_key exporter = {key->exporter, key->protocol, key->transport};
    struct weir_session *session = weir_slots_take(&sessions->slots);
    if (!session)
        return WEIR_E_NOMEM;
    if (weir_exporters_get(&sessions->exporters, &exporter, &session->exporter) < 0) {
        weir_slots_give_back(&sessions->slots, session);
        return WEIR_E_NOMEM;
    }
    if (sessions->count == sessions->limits.sessions)
        weir_sessions_evict(sessions);
    struct weir_session **bucket = bucket_of(sessions, key);
    for (const struct weir_session *other = *bucket; other; other = other->next_in_bucket)
        if (keys_equal(&other->key, key) && other->number >= session->number)
            session->number = other->number + 1;
    session->key = *key;
    session->tally = weir_tally_make(&sessions->evicted);
    session->references = (struct weir_plan_session){
        .find_plan = find_plan,
        .find_element = find_element,
        .of = session,
        .list_counts = &session->list_counts,
    };
    session->next_in_bucket = *bucket;
    *bucket = session;
    sessions->count++;
    link_newest(sessions, session);
    *ret_session = session;
    return 0;
}

#define LINE_OCTETS 64u

/*
 * Loads, where it is many lines: they do not depend on each other, and are waited for once.
 * Prefetch instructions would leave it to whoever asks for the next line to wait.
 */
static void fetch(const void *at, size_t octets)
{
    const volatile char *octet = at;
    for (size_t i = 0; i < octets; i += LINE_OCTETS)
        (void)octet[i];
    (void)octet[octets - 1];
}

_Static_assert(offsetof(struct weir_session, source.ports[1]) <= 2 * LINE_OCTETS &&
                   offsetof(struct weir_session, common) >= 3 * LINE_OCTETS,
               "a line between them has only other ports of the source");

/* All but what only disorder and learning touch. */
static void fetch_session(const struct weir_session *session)
{
    fetch(session, offsetof(struct weir_session, source.ports[1]));
    fetch(&session->common, offsetof(struct weir_session, sequence.ledger.settled_lost) -
                                offsetof(struct weir_session, common));
}

static void fetch_around(const struct weir_session *session)
{
    size_t entries = session->templates.count;
    if (entries > 0)
        fetch(session->templates.entries,
              (entries < 8 ? entries : 8) * sizeof(session->templates.entries[0]));
    /* Up to how many samplers it has: mostly none. */
    if (session->exporter)
        fetch(session->exporter, offsetof(struct weir_exporter, sampling.capacity));
    if (session->newer)
        fetch(&session->newer->newer, sizeof(struct weir_session *));
    if (session->older)
        fetch(&session->older->newer, sizeof(struct weir_session *));
}

/* The first of this key, which most messages are of. */
static struct weir_session *find_first(struct weir_session *session,
                                       const struct weir_session_key *key)
{
    while (session && !keys_equal(&session->key, key))
        session = session->next_in_bucket;
    return session;
}

void weir_sessions_foresee(struct weir_sessions *sessions, const struct weir_session_key *keys,
                           size_t count)
{
    struct weir_session *const *buckets[WEIR_SESSIONS_FORESEEN];
    struct weir_session **found = sessions->foreseen;
    for (size_t i = 0; i < count; i++) {
        buckets[i] = bucket_of(sessions, &keys[i]);
        __builtin_prefetch(buckets[i]);
    }
    for (size_t i = 0; i < count; i++) {
        found[i] = *buckets[i];
        if (found[i])
            __builtin_prefetch(found[i]);
    }
    for (size_t i = 0; i < count; i++) {
        found[i] = find_first(found[i], &keys[i]);
        if (found[i])
            fetch_session(found[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (found[i])
            fetch_around(found[i]);
    sessions->foreseen_count = (uint32_t)count;
    sessions->foreseen_next = 0;
}

/* The one that was found for the message that comes next. */
static struct weir_session *take_foreseen(struct weir_sessions *sessions)
{
    if (sessions->foreseen_next >= sessions->foreseen_count)
        return NULL;
    return sessions->foreseen[sessions->foreseen_next++];
}

/* All messages of the key that come from this port are of this session. */
static bool is_sole(const struct weir_session *session, const struct weir_session_key *key,
                    uint16_t port)
{
    return keys_equal(&session->key, key) && session->source.port_count == 1 &&
           session->source.ports[0].port == port;
}

/* What of a family matters to a message from a port that none of it has. */
struct family {
    struct weir_session *owner; /* but this one has it */
    struct weir_session *continued;
    struct weir_session *near;
    struct weir_session *shared; /* has every port */
    struct weir_session *longest_idle;
    uint32_t count;
    uint32_t singles; /* sources of one message */
};

static bool is_single(const struct weir_session *session)
{
    return session->source.messages == 1;
}

static struct family survey(struct weir_sessions *sessions, const struct weir_session_key *key,
                            const struct weir_arrival *arrival)
{
    struct family family = {0};
    for (struct weir_session *session = *bucket_of(sessions, key); session;
         session = session->next_in_bucket) {
        if (!keys_equal(&session->key, key))
            continue;
        const struct weir_source *source = &session->source;
        if (weir_source_has_port(source, arrival->port) || !arrival->has_number) {
            family.owner = session;
            return family;
        }
        family.count++;
        family.singles += is_single(session);
        if (weir_source_is_continued(source, arrival))
            family.continued = session;
        if (weir_source_is_near(source, arrival))
            family.near = session;
        if (source->has_every_port)
            family.shared = session;
        if (!family.longest_idle || session->turn < family.longest_idle->turn)
            family.longest_idle = session;
    }
    return family;
}

/* What was reported of a source was of its heir. Without memory, what was not is not either. */
static void join_reported(struct weir_session *heir, const struct weir_session *session)
{
    const struct weir_report_counters reported = weir_session_reported(session);
    if (weir_session_copy_reported(heir) == 0)
        weir_report_join(heir->reported, &reported);
    else
        heir->is_reported = true;
}

/* Gives all that is known of a source, and what waits there, to another. */
static void inherit(struct weir_sessions *sessions, struct weir_session *heir,
                    struct weir_session *session)
{
    const struct weir_session_limits *limits = &sessions->limits;
    struct weir_waiting_set *set;
    unlink_session(sessions, session);
    for (uint32_t i = 0; i < session->templates.count; i++) {
        const struct weir_template_entry *entry = &session->templates.entries[i];
        const struct weir_template_origin origin = {entry->refreshed_ns, entry->port};
        if (!weir_template_table_find(&heir->templates, entry->id) &&
            weir_template_table_share(&heir->templates, &sessions->pool, entry->id, &origin,
                                      limits->templates, entry->shared) < 0)
            WEIR_TALLY(&heir->tally, templates_refused, 1);
    }
    while ((set = weir_waiting_take_any(&session->waiting))) {
        uint32_t dropped =
            weir_waiting_push(&heir->waiting, &limits->waiting, &sessions->waiting_budget, set->id,
                              WEIR_WAITING_APART, &set->context, set->octets, set->length);
        WEIR_TALLY(&heir->tally, sets_overflowed, dropped);
        heir->has_undecodable = heir->has_undecodable || dropped > 0;
        weir_waiting_free(set, &sessions->waiting_budget);
    }
    if (heir->types.count == 0) {
        struct weir_types none = heir->types;
        heir->types = session->types;
        session->types = none;
    }
    weir_common_inherit(heir, session);
    join_reported(heir, session);
    struct weir_collect_counters counters = weir_session_count(session);
    counters.sessions_joined++;
    weir_tally_add_all(&heir->tally, &counters);
    heir->has_inherited = true;
    free_session(sessions, session);
}

/* The other sources of a single message were this one, too. */
static void inherit_singles(struct weir_sessions *sessions, struct weir_session *heir)
{
    struct weir_session *next;
    for (struct weir_session *session = *bucket_of(sessions, &heir->key); session; session = next) {
        next = session->next_in_bucket;
        if (session != heir && is_single(session) && keys_equal(&session->key, &heir->key))
            inherit(sessions, heir, session);
    }
}

/* A port that was taken for one of this source becomes a source, with the Templates from there. */
static int split(struct weir_sessions *sessions, struct weir_session *session, uint16_t port,
                 struct weir_session **ret_session)
{
    struct weir_session *made;
    const struct weir_session_key key = session->key;
    /* It is in use: at the limit it must not be the one to go. */
    touch(sessions, session);
    if (sessions->limits.sessions < 2)
        return 0;
    int result = weir_sessions_add(sessions, &key, &made);
    if (result < 0)
        return result;
    weir_source_drop_port(&session->source, port);
    weir_source_add_port(&made->source, port);
    WEIR_TALLY(&made->tally, sources_found, 1);
    weir_template_table_move(&session->templates, &made->templates, &sessions->pool, port);
    *ret_session = made;
    return 0;
}

/* A source for a port that nobody has. */
static int add_source(struct weir_sessions *sessions, const struct weir_session_key *key,
                      const struct family *family, uint16_t port, struct weir_session **ret_session)
{
    if (family->count >= WEIR_SOURCES_MAX)
        evict(sessions, family->longest_idle);
    int result = weir_sessions_add(sessions, key, ret_session);
    if (result < 0)
        return result;
    struct weir_session *made = *ret_session;
    weir_source_add_port(&made->source, port);
    WEIR_TALLY(&made->tally, sources_found, family->count > 0);
    if (family->singles >= WEIR_SOURCE_SINGLES_MAX) {
        made->source.has_every_port = true;
        inherit_singles(sessions, made);
    }
    return 0;
}

int weir_sessions_get(struct weir_sessions *sessions, const struct weir_session_key *key,
                      const struct weir_arrival *arrival, struct weir_session **ret_session)
{
    /* Messages come in bursts: most are of the session that the last one was of. */
    struct weir_session *newest = sessions->newest, *foreseen = take_foreseen(sessions);
    if (newest && is_sole(newest, key, arrival->port)) {
        *ret_session = newest;
        return 0;
    }
    if (foreseen && is_sole(foreseen, key, arrival->port)) {
        touch(sessions, foreseen);
        *ret_session = foreseen;
        return 0;
    }
    struct family family = survey(sessions, key, arrival);
    struct weir_session *session = family.owner;
    if (!session) {
        session = family.continued ? family.continued : family.near;
        session = session ? session : family.shared;
        if (!session)
            return add_source(sessions, key, &family, arrival->port, ret_session);
        weir_source_add_port(&session->source, arrival->port);
        if (weir_source_hops(&session->source) && family.singles > 0)
            inherit_singles(sessions, session);
    }
    *ret_session = session;
    if (weir_source_strays(&session->source, arrival))
        return split(sessions, session, arrival->port, ret_session);
    touch(sessions, session);
    return 0;
}

/* Templates that were not refreshed since then are not to be used any more. */
static int64_t expiry_of(const struct weir_sessions *sessions, const struct weir_session *session,
                         int64_t now_ns)
{
    int64_t lifetime_ns = sessions->limits.template_lifetime_ns;
    if (lifetime_ns == 0 || session->key.transport != WEIR_COLLECT_UDP)
        return INT64_MIN;
    return now_ns - lifetime_ns;
}

void weir_sessions_expire_templates(struct weir_sessions *sessions, struct weir_session *session,
                                    int64_t now_ns)
{
    WEIR_TALLY(&session->tally, templates_expired,
               weir_template_table_expire(&session->templates, &sessions->pool,
                                          expiry_of(sessions, session, now_ns)));
}

const struct weir_template_entry *weir_sessions_find_template(struct weir_sessions *sessions,
                                                              struct weir_session *session,
                                                              uint16_t id, int64_t now_ns)
{
    const struct weir_template_entry *entry = weir_template_table_find(&session->templates, id);
    if (!entry || entry->refreshed_ns >= expiry_of(sessions, session, now_ns))
        return entry;
    weir_sessions_expire_templates(sessions, session, now_ns);
    return NULL;
}

void weir_sessions_note_restart(struct weir_sessions *sessions, struct weir_session *session,
                                const struct weir_message *message)
{
    if (message->protocol != WEIR_PROTOCOL_NETFLOW9 ||
        !weir_sequence_rebooted(&session->sequence, message->export_time_ns, message->uptime_ms))
        return;
    WEIR_TALLY(&session->tally, templates_expired, session->templates.count);
    weir_template_table_done(&session->templates, &sessions->pool);
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
    struct weir_collect_counters counters = {.sessions_opened = 1};
    weir_tally_add_to(&session->tally, &counters);
    counters.messages += session->counts.messages;
    counters.octets += session->counts.octets;
    counters.records += session->counts.records;
    counters.records_sampling_unknown += session->counts.sampling_unknown;
    counters.sets_waiting = session->waiting.count;
    counters.sets_waiting_properties = session->common ? session->common->waiting.count : 0;
    counters.lists_malformed += session->list_counts.malformed;
    counters.lists_unknown_template += session->list_counts.unknown_template;
    counters.lists_oversized += session->list_counts.oversized;
    counters.messages_late += sequence->ledger.late_messages;
    counters.messages_duplicate += sequence->ledger.duplicate_messages;
    counters.sequence_restarts += sequence->ledger.restarts;
    uint64_t lost = weir_ledger_lost(&sequence->ledger);
    if (weir_sequence_is_of_messages(sequence)) {
        counters.messages_lost += lost;
        counters.records_lost += estimate_records(&counters, lost);
    } else {
        counters.records_lost += lost;
        counters.records_unknown += weir_ledger_unknown(&sequence->ledger);
        counters.records_duplicate += sequence->ledger.duplicate_units;
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

struct weir_report_counters weir_session_reported(const struct weir_session *session)
{
    struct weir_report_counters reported = {0};
    if (session->reported)
        return *session->reported;
    if (session->is_reported) {
        const struct weir_collect_counters counters = weir_session_count(session);
        (void)weir_report_take(&reported, &counters);
    }
    return reported;
}

int weir_session_copy_reported(struct weir_session *session)
{
    if (session->reported)
        return 0;
    struct weir_report_counters *reported = malloc(sizeof(*reported));
    if (!reported)
        return WEIR_E_NOMEM;
    *reported = weir_session_reported(session);
    session->reported = reported;
    session->is_reported = true;
    return 0;
}

struct weir_report_counters weir_session_report(struct weir_session *session,
                                                const struct weir_collect_counters *counters)
{
    struct weir_report_counters reported = weir_session_reported(session);
    const struct weir_report_counters more = weir_report_take(&reported, counters);
    if (session->reported)
        *session->reported = reported;
    session->is_reported = true;
    return more;
}
