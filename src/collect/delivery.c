/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/delivery.h"

#include <stdlib.h>

#include "collect/common.h"
#include "collect/options.h"

#define LOOK_NS WEIR_NS_PER_SECOND /* so often what waits is looked at */

int weir_delivery_init(struct weir_delivery *delivery, const struct weir_outlet_config *outlet,
                       uint64_t record_limit, int64_t wait_ns)
{
    *delivery = (struct weir_delivery){
        .join_buffer = malloc(WEIR_COMMON_OCTETS_MAX),
        .record_limit = record_limit,
        .wait_ns = wait_ns,
    };
    int result = weir_outlet_init(&delivery->outlet, outlet);
    return delivery->join_buffer ? result : WEIR_E_NOMEM;
}

void weir_delivery_done(struct weir_delivery *delivery)
{
    weir_outlet_done(&delivery->outlet);
    free(delivery->join_buffer);
}

int weir_delivery_add_sink(struct weir_delivery *delivery, const struct weir_record_sink *sink)
{
    if (delivery->record_sink_count == WEIR_OUTLET_SINKS)
        return WEIR_E_LIMIT;
    delivery->record_sinks[delivery->record_sink_count++] = *sink;
    for (unsigned kind = 0; kind < WEIR_RECORD_KINDS; kind++)
        delivery->takers[kind] += weir_record_sink_takes(sink, (enum weir_record_kind)kind);
    return 0;
}

int weir_delivery_flush_sinks(struct weir_delivery *delivery, int64_t now_ns, int first,
                              struct weir_diag *diag)
{
    int result = weir_outlet_flush_sinks(&delivery->outlet, now_ns, first ? NULL : diag);
    first = first ? first : result;
    for (unsigned i = 0; i < delivery->record_sink_count; i++) {
        const struct weir_record_sink *sink = &delivery->record_sinks[i];
        result = sink->flush(sink->context, now_ns, first ? NULL : diag);
        first = first ? first : result;
    }
    return first;
}

uint64_t weir_delivery_room(const struct weir_delivery *delivery)
{
    uint64_t limit = delivery->record_limit;
    return limit ? limit - delivery->flow_records : UINT64_MAX;
}

/* Decodes flows into a batch, handing it over as it fills. 0, or the error of a sink. */
static int decode_columns(struct weir_delivery *delivery, struct weir_session *session,
                          struct weir_run *run, struct weir_diag *diag)
{
    struct weir_batch *batch =
        weir_outlet_batch(&delivery->outlet, session, run->plan, run->context);
    const uint8_t *octets = run->octets;
    size_t length = run->length;
    uint64_t room = weir_delivery_room(delivery);
    while (length > 0 && room > 0 && !run->is_malformed) {
        size_t consumed;
        uint32_t rows;
        bool was_empty = batch->row_count == 0;
        int result = weir_plan_decode(run->plan, octets, length, run->context, batch, &consumed,
                                      &rows, NULL);
        if (result == WEIR_E_NOMEM)
            return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the text of records");
        run->is_malformed = result < 0;
        if (rows > room) {
            weir_batch_take_back(batch, rows - (uint32_t)room);
            rows = (uint32_t)room;
        }
        weir_outlet_finish(&delivery->outlet, batch, rows, session, run->context);
        run->records += rows;
        room -= rows;
        octets += consumed;
        length -= consumed;
        if (length == 0 || run->is_malformed)
            break;
        if (was_empty && consumed == 0) {
            /* One record that an empty batch has no room for. */
            run->is_malformed = true;
            break;
        }
        result = weir_outlet_hand_over(&delivery->outlet, batch, diag);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Has the session learn of an options record what there is to learn. */
static void learn(struct weir_session *session, struct weir_sessions *sessions,
                  const struct weir_run *run, const struct weir_record *record)
{
    struct weir_options_record options = {
        .source = run->source,
        .origin = run->context,
        .octets = record->octets.octets,
        .length = record->octets.remaining,
        .budget = &sessions->pool.budget,
    };
    if (weir_options_learn(session, &options) &&
        !weir_recall_put(&sessions->recall, &session->recall, &sessions->pool, options.source,
                         options.origin, options.octets, options.length))
        WEIR_TALLY(&session->tally, options_not_kept, 1);
}

/* Walks over records one by one, to the record sinks. 0, or the error of a sink. */
static int decode_each(struct weir_delivery *delivery, struct weir_session *session,
                       struct weir_sessions *sessions, struct weir_run *run, struct weir_diag *diag)
{
    struct weir_set set = {
        .kind = WEIR_SET_DATA,
        .id = run->context->segment.template_id,
        .body = weir_reader_make(run->octets, run->length),
    };
    enum weir_record_kind kind = weir_record_kind_of(run->source);
    uint64_t room = kind == WEIR_RECORD_FLOW ? weir_delivery_room(delivery) : UINT64_MAX;
    uint32_t records = 0;
    int result = WEIR_E_END;
    while (records < room) {
        struct weir_record record;
        result = weir_set_next_record(&set, run->source, &record, NULL);
        if (result < 0)
            break;
        if (run->source->is_options)
            learn(session, sessions, run, &record);
        struct weir_collected_record collected = {
            .kind = kind,
            .origin = run->context,
            .source = run->source,
            .plan = run->plan,
            .octets = record.octets.octets,
            .length = record.octets.remaining,
        };
        for (unsigned i = 0; i < delivery->record_sink_count; i++) {
            const struct weir_record_sink *sink = &delivery->record_sinks[i];
            result = weir_record_sink_takes(sink, kind)
                         ? sink->record(sink->context, &collected, diag)
                         : 0;
            if (result < 0)
                return result;
        }
        records++;
    }
    run->records = records;
    run->is_malformed = result < 0 && result != WEIR_E_END;
    return 0;
}

/* Decodes, delivers and counts a run of records. 0, WEIR_E_END at the limit, or a sink's error. */
static int deliver_run(struct weir_delivery *delivery, struct weir_session *session,
                       struct weir_sessions *sessions, struct weir_run *run, struct weir_diag *diag)
{
    enum weir_record_kind kind = weir_record_kind_of(run->source);
    bool is_flow = kind == WEIR_RECORD_FLOW;
    bool has_batches = delivery->outlet.sink_count > 0;
    bool in_columns = is_flow && (has_batches || delivery->takers[kind] == 0);
    /* IPFIX has no sysUpTime in its header. */
    const struct weir_plan_context *of_message = run->context;
    struct weir_plan_context context = *of_message;
    if (session->key.protocol == WEIR_PROTOCOL_IPFIX && is_flow) {
        context.uptime_zero_ns = weir_uptime_zero(&session->uptime, run->source, run->octets,
                                                  run->length, context.export_time_ns);
        run->context = &context;
    }
    uint64_t malformed = session->list_counts.malformed;
    int result = in_columns ? decode_columns(delivery, session, run, diag) : 0;
    if (result == 0 && (!in_columns || delivery->takers[kind] > 0)) {
        /* Lists are counted once, however often they are printed. */
        session->references.list_counts = in_columns ? NULL : &session->list_counts;
        result = decode_each(delivery, session, sessions, run, diag);
        session->references.list_counts = &session->list_counts;
    }
    run->has_malformed_list = session->list_counts.malformed > malformed;
    run->context = of_message;
    if (!is_flow) {
        weir_tally_add(&session->tally,
                       kind == WEIR_RECORD_OPTIONS ? WEIR_TALLY_PLACE(options_records)
                                                   : WEIR_TALLY_PLACE(counter_records),
                       run->records);
        return result;
    }
    session->counts.records += run->records;
    delivery->flow_records += run->records;
    return result == 0 && weir_delivery_room(delivery) == 0 ? WEIR_E_END : result;
}

/* ---- Records that refer to common properties ---- */

static struct weir_common_join join_of(const struct weir_delivery *delivery,
                                       const struct weir_session *session,
                                       struct weir_sessions *sessions, const struct weir_run *run,
                                       const struct weir_record *record)
{
    return (struct weir_common_join){
        .source = run->source,
        .plan = run->plan,
        .octets = record->octets.octets,
        .length = record->octets.remaining,
        .now_ns = run->context->segment.received_ns,
        .has_lifetimes = session->key.transport == WEIR_COLLECT_UDP,
        .budget = &sessions->pool.budget,
        .buffer = delivery->join_buffer,
    };
}

/* The set that records of a run are of. */
static struct weir_set set_of(const struct weir_run *run)
{
    return (struct weir_set){
        .kind = WEIR_SET_DATA,
        .id = run->context->segment.template_id,
        .body = weir_reader_make(run->octets, run->length),
    };
}

/* Each record by itself, with what is known; that is added to the run. As deliver_run. */
static int deliver_known(struct weir_delivery *delivery, struct weir_session *session,
                         struct weir_sessions *sessions, struct weir_run *run,
                         const struct weir_record *record, struct weir_diag *diag)
{
    struct weir_common_join join = join_of(delivery, session, sessions, run, record);
    /* What cannot be joined is delivered as it is. */
    bool is_complete = weir_common_join(session->common, &join);
    struct weir_run one = {
        .source = join.source,
        .plan = join.plan,
        .context = run->context,
        .octets = join.octets,
        .length = join.length,
    };
    int result = deliver_run(delivery, session, sessions, &one, diag);
    WEIR_TALLY(&session->tally, properties_unknown, !is_complete);
    WEIR_TALLY(&session->tally, properties_awaited, is_complete && !run->shared);
    run->records += one.records;
    run->is_malformed |= one.is_malformed;
    run->has_malformed_list |= one.has_malformed_list;
    return result;
}

/* Of records that have waited: all of them go. As deliver_run. */
static int deliver_waiting(struct weir_delivery *delivery, struct weir_session *session,
                           struct weir_sessions *sessions, struct weir_waiting_set *set,
                           struct weir_diag *diag)
{
    set->context.session = &session->references;
    set->context.segment.source = session->number;
    struct weir_run run = {
        .source = set->shared->source,
        .plan = weir_shared_template_plan(set->shared), /* was made to keep them */
        .context = &set->context,
        .octets = set->octets,
        .length = set->length,
    };
    struct weir_set records = set_of(&run);
    struct weir_record record;
    int result = weir_session_keep_reported(session);
    if (result < 0)
        weir_diag_set(diag, WEIR_E_NOMEM, "no memory for what was reported of an exporter");
    while (result == 0 && weir_set_next_record(&records, run.source, &record, NULL) == 0)
        result = deliver_known(delivery, session, sessions, &run, &record, diag);
    weir_template_pool_give_back(&sessions->pool, set->shared);
    weir_waiting_free(set, &sessions->waiting_budget);
    sessions->sets_awaiting--;
    delivery->has_released = true;
    return result;
}

/* Captures may say any time: the end of times is late enough. */
static int64_t later(int64_t time_ns, int64_t span_ns)
{
    int64_t sum;
    return __builtin_add_overflow(time_ns, span_ns, &sum) ? INT64_MAX : sum;
}

/* Keeps records in a row, until what they refer to comes; false: there is no room for them. */
static bool keep(struct weir_delivery *delivery, struct weir_common *common,
                 struct weir_sessions *sessions, const struct weir_run *run)
{
    const struct weir_plan_context *context = run->context;
    if (weir_waiting_push(&common->waiting, &sessions->limits.waiting, &sessions->waiting_budget,
                          context->segment.template_id, WEIR_WAITING_APART, context, run->octets,
                          run->length) > 0)
        return false;
    common->waiting.newest->shared = run->shared;
    weir_shared_template_hold(run->shared);
    if (sessions->sets_awaiting++ == 0)
        delivery->look_ns = later(context->segment.received_ns, delivery->wait_ns);
    return true;
}

/* Has records wait; at a limit the oldest of the session go, or they themselves. As deliver_run. */
static int hold_back(struct weir_delivery *delivery, struct weir_session *session,
                     struct weir_sessions *sessions, const struct weir_run *run,
                     struct weir_diag *diag)
{
    struct weir_common *common = weir_common_open(session, &sessions->pool.budget);
    const struct weir_waiting_limits *limits = &sessions->limits.waiting;
    int result = 0;
    while (
        result == 0 && common && common->waiting.count > 0 &&
        (common->waiting.count >= limits->sets ||
         common->waiting.octets + sizeof(struct weir_waiting_set) + run->length > limits->octets))
        result = deliver_waiting(delivery, session, sessions,
                                 weir_waiting_take_any(&common->waiting), diag);
    if (result < 0 || (common && keep(delivery, common, sessions, run)))
        return result;
    struct weir_run rest = *run;
    struct weir_set set = set_of(run);
    struct weir_record record;
    while (result == 0 && weir_set_next_record(&set, run->source, &record, NULL) == 0)
        result = deliver_known(delivery, session, sessions, &rest, &record, diag);
    return result;
}

/*
 * Each record by itself, with the properties that it has in common with others; those whose
 * properties have not come wait. They count as decoded: how many there are is known. As
 * deliver_run.
 */
static int deliver_joined(struct weir_delivery *delivery, struct weir_session *session,
                          struct weir_sessions *sessions, struct weir_run *run,
                          struct weir_diag *diag)
{
    struct weir_set set = set_of(run);
    struct weir_run late = *run; /* records in a row that are to wait */
    struct weir_record record;
    int next, result = 0;
    late.length = 0;
    while ((next = weir_set_next_record(&set, run->source, &record, NULL)) == 0 && result == 0) {
        struct weir_common_join join = join_of(delivery, session, sessions, run, &record);
        if (delivery->wait_ns > 0 &&
            !(session->common && weir_common_is_known(session->common, &join))) {
            late.octets = late.length > 0 ? late.octets : join.octets;
            late.length = (size_t)(join.octets + join.length - late.octets);
            run->records++;
            continue;
        }
        if (late.length > 0)
            result = hold_back(delivery, session, sessions, &late, diag);
        late.length = 0;
        if (result == 0)
            result = deliver_known(delivery, session, sessions, run, &record, diag);
    }
    if (result == 0 && late.length > 0)
        result = hold_back(delivery, session, sessions, &late, diag);
    run->is_malformed |= next < 0 && next != WEIR_E_END;
    return result;
}

/* Whether all that records refer to is known. */
static bool is_known(const struct weir_delivery *delivery, const struct weir_session *session,
                     struct weir_sessions *sessions, const struct weir_waiting_set *waiting)
{
    const struct weir_run run = {
        .source = waiting->shared->source,
        .context = &waiting->context,
        .octets = waiting->octets,
        .length = waiting->length,
    };
    struct weir_set set = set_of(&run);
    struct weir_record record;
    while (weir_set_next_record(&set, run.source, &record, NULL) == 0) {
        struct weir_common_join join = join_of(delivery, session, sessions, &run, &record);
        if (!weir_common_is_known(session->common, &join))
            return false;
    }
    return true;
}

int weir_delivery_retry(struct weir_delivery *delivery, struct weir_session *session,
                        struct weir_sessions *sessions, struct weir_diag *diag)
{
    struct weir_common *common = session->common;
    int result = 0;
    if (!common || !common->has_changed)
        return 0;
    common->has_changed = false;
    for (uint32_t left = common->waiting.count; left > 0 && result == 0; left--) {
        struct weir_waiting_set *set = weir_waiting_take_any(&common->waiting);
        if (is_known(delivery, session, sessions, set))
            result = deliver_waiting(delivery, session, sessions, set, diag);
        else
            weir_waiting_put_back(&common->waiting, set);
    }
    return result;
}

int weir_delivery_release_session(struct weir_delivery *delivery, struct weir_session *session,
                                  struct weir_sessions *sessions, int64_t now_ns,
                                  struct weir_diag *diag)
{
    struct weir_common *common = session->common;
    int result = 0;
    for (uint32_t left = common ? common->waiting.count : 0; left > 0 && result == 0; left--) {
        struct weir_waiting_set *set = weir_waiting_take_any(&common->waiting);
        int64_t waited_ns;
        /* A clock that was set back is no reason to wait for longer. */
        bool waits =
            now_ns != INT64_MAX &&
            !__builtin_sub_overflow(now_ns, set->context.segment.received_ns, &waited_ns) &&
            waited_ns < delivery->wait_ns && waited_ns > -delivery->wait_ns;
        if (waits)
            weir_waiting_put_back(&common->waiting, set);
        else
            result = deliver_waiting(delivery, session, sessions, set, diag);
    }
    return result;
}

int weir_delivery_release(struct weir_delivery *delivery, struct weir_sessions *sessions,
                          int64_t now_ns, struct weir_diag *diag)
{
    int result = 0;
    int64_t left_ns;
    bool is_early = !__builtin_sub_overflow(delivery->look_ns, now_ns, &left_ns) && left_ns > 0 &&
                    left_ns < 2 * delivery->wait_ns;
    if (sessions->sets_awaiting == 0 || is_early)
        return 0;
    for (struct weir_session *session = sessions->newest; session && result == 0;
         session = session->older)
        result = weir_delivery_release_session(delivery, session, sessions, now_ns, diag);
    /* However many sessions there are, they are not looked through with each message. */
    delivery->look_ns = later(now_ns, LOOK_NS);
    return result;
}

int weir_deliver(struct weir_delivery *delivery, struct weir_session *session,
                 struct weir_sessions *sessions, struct weir_run *run, struct weir_diag *diag)
{
    if (run->shared)
        return deliver_joined(delivery, session, sessions, run, diag);
    return deliver_run(delivery, session, sessions, run, diag);
}
