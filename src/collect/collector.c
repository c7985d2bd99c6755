/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/collector.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "collect/delivery.h"
#include "collect/private.h"
#include "collect/sflow.h"
#include "collect/state.h"

/* Sessions that make room for one Template, at most. */
#define EVICTIONS_MAX 16u

struct weir_collector {
    struct weir_collector_config config;
    struct weir_sessions sessions;
    struct weir_collect_counters own; /* of messages that found no session */
    struct weir_report_counters own_reported;
    struct weir_report_sink report_sink; /* without a function: none */
    uint64_t reported_turn;              /* of sessions, at the last report */
    int64_t since_ns, until_ns;          /* arrival of messages since then; since > until: none */
    int64_t latest_ns;                   /* of the last message; INT64_MIN: none came */
    int report_error;                    /* of a session that was forgotten since then */
    struct weir_diag report_diag;
    int forget_error; /* of a sink that got what waited with one */
    struct weir_diag forget_diag;
    struct weir_delivery delivery;
    struct weir_plan *builtin_plans[WEIR_BUILTIN_IDS]; /* of fixed formats, made when met */
    struct weir_template *template_buffer;
    struct weir_sflow *sflow; /* made when sFlow is met */
};

/* A message on its way through. */
struct intake {
    struct weir_collector *collector;
    struct weir_session *session;
    struct weir_plan_context context;
    struct weir_sequence_records held;   /* Data Records of it that were decoded */
    struct weir_sequence_records waited; /* of earlier messages that were decoded with it */
    uint32_t slack;                      /* most that may be in its sets without Template */
    enum weir_malformed cause;
    struct weir_arrival arrival;
    struct weir_diag *diag; /* for the errors of sinks */
};

struct weir_collector_config weir_collector_defaults(void)
{
    return (struct weir_collector_config){
        .session_max = 65536,
        .template_max = 4096,
        .waiting = {.sets = 256, .octets = 1 << 20},
        .template_lifetime_ns = WEIR_TEMPLATE_LIFETIME_NS,
        .template_octets = 24 << 20,
        .waiting_octets = 16 << 20,
        .batch_rows = 4096,
        .hold_ns = 60 * WEIR_NS_PER_SECOND,
        .hold_rows = 65536,
        .properties_wait_ns = 60 * WEIR_NS_PER_SECOND,
    };
}

struct weir_session_limits weir_collector_session_limits(const struct weir_collector_config *config)
{
    return (struct weir_session_limits){
        .sessions = config->session_max,
        .templates = config->template_max,
        .template_lifetime_ns = config->template_lifetime_ns,
        .waiting = config->waiting,
        .template_octets = config->template_octets,
        .waiting_octets = config->waiting_octets,
    };
}

/*
 * Reports what was counted of a session, or without one, since it last was. Where no message has
 * come since then it is of what the last one left: records that have waited.
 */
static int report(struct weir_collector *collector, const struct weir_session *session,
                  const struct weir_report_counters *counted, struct weir_diag *diag)
{
    static const struct weir_report_counters nothing = {0};
    const struct weir_report_sink *sink = &collector->report_sink;
    bool is_quiet = collector->since_ns > collector->until_ns;
    const struct weir_collect_report report = {
        .session = session,
        .since_ns = is_quiet ? collector->latest_ns : collector->since_ns,
        .until_ns = is_quiet ? collector->latest_ns : collector->until_ns,
        .counted = *counted,
    };
    if (memcmp(&report.counted, &nothing, sizeof(nothing)) == 0)
        return 0;
    return sink->report(sink->context, &report, diag);
}

static int report_session(struct weir_collector *collector, struct weir_session *session,
                          struct weir_diag *diag)
{
    const struct weir_collect_counters counters = weir_session_count(session);
    const struct weir_report_counters counted = weir_session_report(session, &counters);
    return report(collector, session, &counted, diag);
}

/*
 * Records that wait for common properties go out; Data Sets that wait for their Template are
 * dropped.
 */
static void forget(void *context, struct weir_session *session)
{
    struct weir_collector *collector = context;
    int result = weir_delivery_release_session(
        &collector->delivery, session, &collector->sessions, INT64_MAX,
        collector->forget_error ? NULL : &collector->forget_diag);
    if (collector->forget_error == 0 && result != WEIR_E_END)
        collector->forget_error = result;
    /* What was restored, and goes before any message has come, is of no time. */
    if (!collector->report_sink.report || collector->latest_ns == INT64_MIN)
        return;
    struct weir_collect_counters counters = weir_session_count(session);
    counters.sets_overflowed += counters.sets_waiting;
    const struct weir_report_counters counted = weir_session_report(session, &counters);
    result = report(collector, session, &counted,
                    collector->report_error ? NULL : &collector->report_diag);
    if (collector->report_error == 0)
        collector->report_error = result;
}

int weir_collector_new(const struct weir_collector_config *config,
                       struct weir_collector **ret_collector)
{
    struct weir_collector *collector = calloc(1, sizeof(*collector));
    if (!collector)
        return WEIR_E_NOMEM;
    collector->config = *config;
    collector->since_ns = INT64_MAX;
    collector->until_ns = collector->latest_ns = INT64_MIN;
    const struct weir_outlet_config outlet = {
        .batch_rows = config->batch_rows,
        .hold_rows = config->hold_rows,
        .hold_ns = config->hold_ns,
        .sampling_fallback = config->sampling_fallback,
    };
    collector->template_buffer = malloc(WEIR_TEMPLATE_OCTETS_MAX);
    const struct weir_session_limits limits = weir_collector_session_limits(config);
    int result = weir_delivery_init(&collector->delivery, &outlet, config->record_limit,
                                    config->properties_wait_ns);
    if (result == 0)
        result = weir_sessions_init(&collector->sessions, &limits, &config->hash_key);
    if (result < 0 || !collector->template_buffer) {
        weir_collector_free(collector);
        return WEIR_E_NOMEM;
    }
    weir_exporters_configure(&collector->sessions.exporters, config->settings,
                             config->setting_count);
    collector->sessions.forget = forget;
    collector->sessions.forget_context = collector;
    *ret_collector = collector;
    return 0;
}

void weir_collector_free(struct weir_collector *collector)
{
    if (!collector)
        return;
    collector->sessions.forget = NULL;
    weir_sessions_done(&collector->sessions);
    for (unsigned i = 0; i < WEIR_BUILTIN_IDS; i++)
        weir_plan_free(collector->builtin_plans[i]);
    weir_delivery_done(&collector->delivery);
    weir_sflow_free(collector->sflow);
    free(collector->template_buffer);
    free(collector);
}

int weir_collector_add_batch_sink(struct weir_collector *collector,
                                  const struct weir_batch_sink *sink)
{
    return weir_outlet_add_sink(&collector->delivery.outlet, sink);
}

int weir_collector_add_record_sink(struct weir_collector *collector,
                                   const struct weir_record_sink *sink)
{
    return weir_delivery_add_sink(&collector->delivery, sink);
}

/* Those of sessions that were forgotten, or of what waits. The record limit is none. */
static int release(struct weir_collector *collector, int64_t now_ns, struct weir_diag *diag)
{
    int result = collector->forget_error;
    if (result < 0 && diag)
        *diag = collector->forget_diag;
    collector->forget_error = 0;
    if (result == 0)
        result = weir_delivery_release(&collector->delivery, &collector->sessions, now_ns, diag);
    return result == WEIR_E_END ? 0 : result;
}

int weir_collector_hand_over(struct weir_collector *collector, struct weir_diag *diag)
{
    int first = release(collector, INT64_MAX, diag);
    int result = weir_outlet_empty(&collector->delivery.outlet, first ? NULL : diag);
    return first ? first : result;
}

int weir_collector_tick(struct weir_collector *collector, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_outlet *outlet = &collector->delivery.outlet;
    int first = release(collector, now_ns, diag);
    int result =
        weir_outlet_hand_over(outlet, outlet->batches[WEIR_OUTLET_OPEN], first ? NULL : diag);
    first = first ? first : result;
    result = weir_outlet_release(outlet, now_ns, first ? NULL : diag);
    return weir_delivery_flush_sinks(&collector->delivery, now_ns, first ? first : result, diag);
}

int weir_collector_flush(struct weir_collector *collector, int64_t now_ns, struct weir_diag *diag)
{
    return weir_delivery_flush_sinks(&collector->delivery, now_ns,
                                     weir_collector_hand_over(collector, diag), diag);
}

/* As weir_deliver. */
static int deliver(struct intake *intake, struct weir_run *run)
{
    struct weir_collector *collector = intake->collector;
    return weir_deliver(&collector->delivery, intake->session, &collector->sessions, run,
                        intake->diag);
}

static void note(struct intake *intake, enum weir_malformed cause)
{
    if (intake->cause == WEIR_MALFORMED_NONE)
        intake->cause = cause;
}

static void note_run(struct intake *intake, const struct weir_run *run)
{
    if (run->is_malformed)
        note(intake, WEIR_MALFORMED_RECORD);
    else if (run->has_malformed_list)
        note(intake, WEIR_MALFORMED_LIST);
}

static void add_records(struct weir_sequence_records *records, const struct weir_run *run)
{
    if (run->source->is_options)
        records->options += run->records;
    else
        records->flows += run->records;
}

/* Decodes what waited for this Template. As deliver. */
static int decode_waiting(struct intake *intake, uint16_t id, struct weir_shared_template *shared)
{
    struct weir_collector *collector = intake->collector;
    struct weir_session *session = intake->session;
    struct weir_waiting_set *set;
    int result = 0;
    while (result == 0 && (set = weir_waiting_take(&session->waiting, id))) {
        set->context.session = &session->references;
        set->context.segment.source = session->number;
        struct weir_run run = {
            .source = shared->source,
            .plan = weir_shared_template_plan(shared),
            .shared = shared->has_common ? shared : NULL,
            .context = &set->context,
            .octets = set->octets,
            .length = set->length,
        };
        result = run.plan ? deliver(intake, &run)
                          : weir_diag_set(intake->diag, WEIR_E_NOMEM, "no memory to decode with");
        WEIR_TALLY(&session->tally, records_buffered, run.records);
        if (set->message == session->counts.messages) {
            add_records(&intake->held, &run);
            intake->slack -= (uint32_t)set->length;
        } else if (set->message != WEIR_WAITING_APART) {
            add_records(&intake->waited, &run);
        }
        note_run(intake, &run);
        weir_waiting_free(set, &collector->sessions.waiting_budget);
    }
    return result;
}

/* Sessions that turned out to be one may have had what waits and its Template apart. As deliver. */
static int decode_inherited(struct intake *intake)
{
    struct weir_session *session = intake->session;
    int result = 0;
    if (!session->has_inherited)
        return 0;
    session->has_inherited = false;
    for (uint32_t i = 0; i < session->templates.count && result == 0; i++) {
        const struct weir_template_entry *entry = &session->templates.entries[i];
        result = decode_waiting(intake, entry->id, entry->shared);
    }
    return result;
}

/*
 * RFC 7011 section 8.1: one, or all of its kind (id 2 or 3); of Templates that are not there they
 * are ignored, and over UDP always (section 8.4).
 */
static void withdraw(struct intake *intake, const struct weir_template *source)
{
    struct weir_session *session = intake->session;
    struct weir_template_pool *pool = &intake->collector->sessions.pool;
    struct weir_template_table *table = &session->templates;
    const struct weir_template_entry *entry = weir_template_table_find(table, source->id);
    uint32_t removed = 0;
    if (session->key.transport == WEIR_COLLECT_UDP)
        removed = 0;
    else if (source->id < 256)
        removed = weir_template_table_remove_kind(table, pool, source->is_options);
    else if (entry && entry->shared->source->is_options == source->is_options)
        removed = weir_template_table_remove(table, pool, source->id);
    WEIR_TALLY(&session->tally, templates_withdrawn, removed);
    WEIR_TALLY(&session->tally, withdrawals_ignored, removed == 0);
}

/* Puts a Template into the session's table, where need be making room. As the table's put. */
static int keep_template(struct intake *intake, const struct weir_template *source,
                         enum weir_template_change *ret_change)
{
    struct weir_sessions *sessions = &intake->collector->sessions;
    struct weir_session *session = intake->session;
    const struct weir_template_origin origin = {
        .received_ns = intake->context.segment.received_ns,
        .port = intake->arrival.port,
    };
    uint32_t limit = intake->collector->config.template_max;
    int result = weir_template_table_put(&session->templates, &sessions->pool, source, &origin,
                                         limit, ret_change);
    if (result != WEIR_E_LIMIT)
        return result;
    weir_sessions_expire_templates(sessions, session, origin.received_ns);
    /* Where all together hold too much, those that are idle make room. */
    for (unsigned i = 0; i < EVICTIONS_MAX && session->templates.count < limit; i++) {
        result = weir_template_table_put(&session->templates, &sessions->pool, source, &origin,
                                         limit, ret_change);
        if (result != WEIR_E_LIMIT || sessions->oldest == session)
            return result;
        weir_sessions_evict(sessions);
    }
    return weir_template_table_put(&session->templates, &sessions->pool, source, &origin, limit,
                                   ret_change);
}

/* Takes a Template in, and decodes what waited for it. As deliver. */
static int define(struct intake *intake, const struct weir_template *source)
{
    struct weir_session *session = intake->session;
    if (source->is_options)
        WEIR_TALLY(&session->tally, options_templates, 1);
    else
        WEIR_TALLY(&session->tally, templates, 1);
    /* It is kept, for what it replaces is void; data under it are malformed too. */
    if (source->record_length == 0)
        note(intake, WEIR_MALFORMED_TEMPLATE);
    enum weir_template_change change;
    if (keep_template(intake, source, &change) < 0) {
        WEIR_TALLY(&session->tally, templates_refused, 1);
        return 0;
    }
    WEIR_TALLY(&session->tally, templates_redefined, change == WEIR_TEMPLATE_REDEFINED);
    if (change != WEIR_TEMPLATE_NEW || session->waiting.count == 0)
        return 0;
    return decode_waiting(intake, source->id,
                          weir_template_table_find(&session->templates, source->id)->shared);
}

static int take_templates(struct intake *intake, struct weir_set *set)
{
    struct weir_template *source = intake->collector->template_buffer;
    int result;
    while ((result = weir_set_next_template(set, source, WEIR_TEMPLATE_OCTETS_MAX, NULL)) == 0) {
        if (source->is_withdrawal) {
            withdraw(intake, source);
            continue;
        }
        result = define(intake, source);
        if (result < 0)
            return result;
    }
    if (result != WEIR_E_END)
        note(intake, WEIR_MALFORMED_TEMPLATE);
    return 0;
}

/* The plan of a fixed format's Template; NULL without memory. */
static const struct weir_plan *builtin_plan(struct weir_collector *collector,
                                            const struct weir_template *builtin)
{
    struct weir_plan **plan = &collector->builtin_plans[builtin->id];
    if (!*plan && weir_plan_compile(builtin, plan) < 0)
        return NULL;
    return *plan;
}

static void keep_waiting(struct intake *intake, const struct weir_set *set)
{
    struct weir_session *session = intake->session;
    WEIR_TALLY(&session->tally, sets_unknown_template, 1);
    intake->slack += (uint32_t)set->body.remaining;
    uint32_t dropped = weir_waiting_push(&session->waiting, &intake->collector->config.waiting,
                                         &intake->collector->sessions.waiting_budget, set->id,
                                         session->counts.messages, &intake->context,
                                         set->body.octets, set->body.remaining);
    WEIR_TALLY(&session->tally, sets_overflowed, dropped);
    session->has_undecodable = session->has_undecodable || dropped > 0;
}

static int take_data(struct intake *intake, const struct weir_message *message,
                     struct weir_set *set)
{
    struct weir_run run = {
        .source = message->builtin,
        .context = &intake->context,
        .octets = set->body.octets,
        .length = set->body.remaining,
    };
    intake->context.segment.template_id = set->id;
    if (message->builtin) {
        run.plan = builtin_plan(intake->collector, message->builtin);
    } else {
        const struct weir_template_entry *entry =
            weir_sessions_find_template(&intake->collector->sessions, intake->session, set->id,
                                        intake->context.segment.received_ns);
        if (!entry) {
            keep_waiting(intake, set);
            return 0;
        }
        run.source = entry->shared->source;
        run.plan = weir_shared_template_plan(entry->shared);
        run.shared = entry->shared->has_common ? entry->shared : NULL;
    }
    if (!run.plan)
        return weir_diag_set(intake->diag, WEIR_E_NOMEM, "no memory to decode with");
    int result = deliver(intake, &run);
    add_records(&intake->held, &run);
    if (message->is_ambiguous)
        WEIR_TALLY(&intake->session->tally, records_ambiguous, run.records);
    note_run(intake, &run);
    return result;
}

/* The samples of an sFlow datagram. 0, WEIR_E_END at the record limit, or a sink's error. */
static int take_samples(struct intake *intake, struct weir_message *message)
{
    struct weir_collector *collector = intake->collector;
    struct weir_tally *tally = &intake->session->tally;
    struct weir_sflow_run samples;
    int result = collector->sflow ? 0 : weir_sflow_new(&collector->sflow);
    if (result == 0)
        weir_sflow_begin(collector->sflow, message, intake->context.segment.received_ns);
    while (result == 0 && (result = weir_sflow_next(collector->sflow, &samples)) == 0) {
        struct weir_run run = {
            .source = samples.source,
            .plan = samples.plan,
            .context = &intake->context,
            .octets = samples.octets,
            .length = samples.length,
        };
        WEIR_TALLY(tally, structures_skipped, samples.skipped);
        WEIR_TALLY(tally, headers_unparsed, samples.unparsed);
        if (samples.is_malformed)
            note(intake, WEIR_MALFORMED_RECORD);
        if (samples.length == 0)
            continue;
        intake->context.segment.template_id = samples.source->id;
        result = deliver(intake, &run);
        add_records(&intake->held, &run);
        note_run(intake, &run);
        if (result < 0)
            return result;
    }
    return result == WEIR_E_END
               ? 0
               : weir_diag_set(intake->diag, WEIR_E_NOMEM, "no memory to decode with");
}

/* All sets of the message. 0, WEIR_E_END at the record limit, or a sink's error. */
static int take_sets(struct intake *intake, struct weir_message *message)
{
    struct weir_set set;
    int result;
    while ((result = weir_message_next(message, &set, NULL)) == 0) {
        switch (set.kind) {
        case WEIR_SET_TEMPLATE:
        case WEIR_SET_OPTIONS_TEMPLATE:
            result = take_templates(intake, &set);
            break;
        case WEIR_SET_DATA:
            result = take_data(intake, message, &set);
            break;
        case WEIR_SET_RESERVED:
            WEIR_TALLY(&intake->session->tally, sets_reserved, 1);
            break;
        case WEIR_SET_SAMPLE: /* take_samples has them */
            break;
        }
        if (result < 0)
            return result;
    }
    if (result != WEIR_E_END)
        note(intake, WEIR_MALFORMED_SET);
    return 0;
}

static bool has_octets_after(const struct weir_message *message,
                             const struct weir_datagram *datagram)
{
    for (size_t i = message->length; i < datagram->length; i++)
        if (datagram->octets[i])
            return true;
    return false;
}

/* Gives records and rows that are still here what options of the message said of them. */
static int correct_rows(const struct intake *intake)
{
    struct weir_session *session = intake->session;
    struct weir_collector *collector = intake->collector;
    struct weir_outlet *outlet = &collector->delivery.outlet;
    int result =
        weir_delivery_retry(&collector->delivery, session, &collector->sessions, intake->diag);
    if (result == 0)
        result = release(collector, intake->context.segment.received_ns, intake->diag);
    if (result < 0)
        return result;
    if (session->exporter->has_changed)
        weir_outlet_correct(outlet, session);
    return weir_outlet_release(outlet, intake->context.segment.received_ns, intake->diag);
}

/* Enters the message into the ledger of its session. */
static void count_sequence(const struct intake *intake, const struct weir_message *message)
{
    struct weir_session *session = intake->session;
    bool of_messages = message->sequence_unit == WEIR_SEQUENCE_MESSAGES;
    bool is_sflow = message->protocol == WEIR_PROTOCOL_SFLOW5;
    struct weir_sequence_message counted = {
        .counting = of_messages ? WEIR_SEQUENCE_OF_MESSAGES : WEIR_SEQUENCE_BEFORE,
        .number = message->sequence,
        .held = intake->held,
        .slack = intake->slack,
        .waited = intake->waited,
        .is_resolved = session->waiting.count == 0 && !session->has_undecodable,
        .export_time_ns = is_sflow ? weir_uptime_sent(&session->uptime, message->uptime_ms,
                                                      message->export_time_ns)
                                   : message->export_time_ns,
        .uptime_ms = message->uptime_ms,
        .has_uptime = message->protocol != WEIR_PROTOCOL_IPFIX,
    };
    if (message->sequence_unit != WEIR_SEQUENCE_NONE)
        weir_sequence_take(&session->sequence, &counted);
    weir_source_enter(&session->source, &intake->arrival, session->sequence.counting, &counted);
}

static struct weir_session_key key_of(const struct weir_message *message,
                                      const struct weir_datagram *datagram,
                                      enum weir_collect_transport transport)
{
    struct weir_session_key key = {
        .domain = message->domain,
        .protocol = (uint16_t)message->protocol,
        .transport = (uint16_t)transport,
    };
    if (message->has_agent)
        key.exporter = message->agent;
    else if (transport == WEIR_COLLECT_UDP)
        key.exporter = datagram->source;
    return key;
}

void weir_collector_foresee(struct weir_collector *collector, const struct weir_datagram *datagrams,
                            size_t count, size_t next, enum weir_collect_transport transport)
{
    struct weir_session_key keys[WEIR_SESSIONS_FORESEEN];
    size_t found = 0;
    if (next % WEIR_SESSIONS_FORESEEN != 0 || !weir_sessions_are_many(&collector->sessions))
        return;
    for (size_t i = next; i < count && found < WEIR_SESSIONS_FORESEEN; i++) {
        struct weir_message message;
        if (weir_message_peek(datagrams[i].octets, datagrams[i].length, &message))
            keys[found++] = key_of(&message, &datagrams[i], transport);
    }
    weir_sessions_foresee(&collector->sessions, keys, found);
}

static void note_arrival(struct weir_collector *collector, int64_t received_ns)
{
    if (received_ns < collector->since_ns)
        collector->since_ns = received_ns;
    if (received_ns > collector->until_ns)
        collector->until_ns = received_ns;
    collector->latest_ns = received_ns;
}

int weir_collector_receive(struct weir_collector *collector, const struct weir_datagram *datagram,
                           enum weir_collect_transport transport, struct weir_diag *diag)
{
    if (weir_delivery_room(&collector->delivery) == 0)
        return WEIR_E_END;
    note_arrival(collector, datagram->received_ns);
    struct weir_message message;
    int result = weir_message_open(datagram->octets, datagram->length, &message, NULL);
    if (result < 0) {
        collector->own.messages++;
        collector->own.octets += datagram->length;
        weir_collect_count_malformed(&collector->own, result == WEIR_E_UNSUPPORTED
                                                          ? WEIR_MALFORMED_VERSION
                                                          : WEIR_MALFORMED_HEADER);
        return 0;
    }
    /* Samples have no time but that of their arrival. */
    bool is_sflow = message.protocol == WEIR_PROTOCOL_SFLOW5;
    if (is_sflow)
        message.export_time_ns = datagram->received_ns;
    struct intake intake = {
        .collector = collector,
        .context = weir_message_context(&message),
        .arrival =
            {
                .port = datagram->source_port,
                .has_number = message.sequence_unit != WEIR_SEQUENCE_NONE,
                .number = message.sequence,
            },
        .diag = diag,
    };
    struct weir_session_key key = key_of(&message, datagram, transport);
    if (transport == WEIR_COLLECT_UDP || message.has_agent) {
        intake.context.segment.exporter = key.exporter;
        intake.context.segment.has_exporter = true;
    }
    intake.context.segment.received_ns = datagram->received_ns;
    struct weir_session *session;
    result = weir_sessions_get(&collector->sessions, &key, &intake.arrival, &session);
    if (result == 0)
        result = weir_session_keep_reported(session);
    if (result < 0)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for another exporter");
    intake.session = session;
    intake.context.session = &intake.session->references;
    intake.context.segment.source = intake.session->number;

    intake.session->sampling_said = intake.context.sampling;
    intake.session->counts.messages++;
    intake.session->counts.octets += datagram->length;
    if (message.missing > 0 || has_octets_after(&message, datagram))
        note(&intake, WEIR_MALFORMED_LENGTH);
    weir_sessions_note_restart(&collector->sessions, intake.session, &message);
    if (!is_sflow)
        weir_skew_take(&intake.session->skew, datagram->received_ns, message.export_time_ns);
    result = decode_inherited(&intake);
    if (result == 0)
        result = is_sflow ? take_samples(&intake, &message) : take_sets(&intake, &message);
    int corrected = result == 0 || result == WEIR_E_END ? correct_rows(&intake) : 0;
    result = corrected < 0 ? corrected : result;
    count_sequence(&intake, &message);
    weir_tally_malformed(&intake.session->tally, intake.cause);
    return result;
}

int weir_collector_save(struct weir_collector *collector, int64_t now_ns,
                        struct weir_text_buffer *out)
{
    return weir_state_save(&collector->sessions, now_ns, out);
}

int weir_collector_restore(struct weir_collector *collector, const void *octets, size_t length,
                           struct weir_diag *diag)
{
    return weir_state_restore(&collector->sessions, octets, length, diag);
}

int weir_collector_restore_share(struct weir_collector *collector, const struct weir_share *share,
                                 const void *octets, size_t length, struct weir_diag *diag)
{
    return weir_state_add(&collector->sessions, share, octets, length, diag);
}

void weir_collector_next_file(struct weir_collector *collector)
{
    for (struct weir_session *session = collector->sessions.newest; session;
         session = session->older)
        if (session->key.transport == WEIR_COLLECT_FILE)
            weir_sequence_restart(&session->sequence);
}

struct weir_collect_counters weir_collector_count(const struct weir_collector *collector)
{
    struct weir_collect_counters total = weir_sessions_count(&collector->sessions);
    weir_counter_add_all(weir_collect_counter_table, weir_collect_counter_count, &collector->own,
                         &total);
    return total;
}

struct weir_collect_levels weir_collector_levels(const struct weir_collector *collector)
{
    const struct weir_sessions *sessions = &collector->sessions;
    return (struct weir_collect_levels){
        .sessions = sessions->count,
        .sessions_most = sessions->limits.sessions,
        .templates_octets = sessions->pool.budget.used,
        .waiting_octets = sessions->waiting_budget.used,
    };
}

void weir_collector_report_to(struct weir_collector *collector, const struct weir_report_sink *sink)
{
    collector->report_sink = *sink;
}

int weir_collector_report(struct weir_collector *collector, struct weir_diag *diag)
{
    int first = collector->report_error;
    if (first < 0)
        *diag = collector->report_diag;
    collector->report_error = 0;
    /* What a restored state brought with it waits for the first message, and its time. */
    if (collector->latest_ns == INT64_MIN)
        return first;
    const struct weir_report_counters counted =
        weir_report_take(&collector->own_reported, &collector->own);
    int result = report(collector, NULL, &counted, first ? NULL : diag);
    first = first ? first : result;
    /*
     * The one that was the newest may have had messages since, without a turn, and any may have had
     * records that waited.
     */
    uint64_t first_turn = collector->delivery.has_released ? 0 : collector->reported_turn;
    collector->delivery.has_released = false;
    for (struct weir_session *session = collector->sessions.newest;
         session && session->turn >= first_turn; session = session->older) {
        result = report_session(collector, session, first ? NULL : diag);
        first = first ? first : result;
    }
    collector->reported_turn = collector->sessions.turn;
    collector->since_ns = INT64_MAX;
    collector->until_ns = INT64_MIN;
    return first;
}

const struct weir_sessions *weir_collector_sessions(const struct weir_collector *collector)
{
    return &collector->sessions;
}

int weir_collector_skipped(const struct weir_collector *collector, size_t index,
                           struct weir_sflow_skipped *ret_skipped)
{
    return weir_sflow_skipped(collector->sflow, index, ret_skipped);
}
