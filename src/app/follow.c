/* SPDX-License-Identifier: Apache-2.0 */
#include "app/follow.h"

#include <stdlib.h>
#include <string.h>

#include "collect/collector.h"
#include "collect/options.h"

int weir_follower_init(struct weir_follower *follower)
{
    const struct weir_collector_config limits = weir_collector_defaults();
    struct weir_hash_key key;
    /* Files are read: the same one twice does the same. */
    weir_hash_key_seed(&key, 0);
    *follower = (struct weir_follower){.template_limit = limits.template_max};
    const struct weir_session_limits session_limits = weir_collector_session_limits(&limits);
    int result = weir_sessions_init(&follower->sessions, &session_limits, &key);
    if (result < 0)
        return result;
    follower->buffer = malloc(WEIR_TEMPLATE_OCTETS_MAX);
    follower->known = malloc(WEIR_TEMPLATE_OCTETS_MAX);
    if (follower->buffer && follower->known)
        return 0;
    weir_follower_done(follower);
    return WEIR_E_NOMEM;
}

void weir_follower_done(struct weir_follower *follower)
{
    weir_sessions_done(&follower->sessions);
    free(follower->buffer);
    free(follower->known);
}

int weir_follower_open(struct weir_follower *follower, const struct weir_message *message,
                       const struct weir_datagram *datagram, enum weir_collect_transport transport)
{
    struct weir_session_key key = {
        .domain = message->domain,
        .protocol = (uint16_t)message->protocol,
        .transport = (uint16_t)transport,
    };
    if (transport == WEIR_COLLECT_UDP || message->has_agent)
        key.exporter = message->has_agent ? message->agent : datagram->source;
    follower->origin = (struct weir_template_origin){
        .received_ns = datagram->received_ns,
        .port = datagram->source_port,
    };
    follower->arrival = (struct weir_arrival){
        .port = datagram->source_port,
        .has_number = message->sequence_unit != WEIR_SEQUENCE_NONE,
        .number = message->sequence,
    };
    int result =
        weir_sessions_get(&follower->sessions, &key, &follower->arrival, &follower->session);
    if (result == 0)
        weir_sessions_note_restart(&follower->sessions, follower->session, message);
    return result;
}

static enum weir_follow_outcome withdraw(struct weir_follower *follower,
                                         const struct weir_template *source)
{
    struct weir_session *session = follower->session;
    struct weir_template_pool *pool = &follower->sessions.pool;
    const struct weir_template_entry *entry =
        weir_template_table_find(&session->templates, source->id);
    uint32_t removed = 0;
    if (session->key.transport == WEIR_COLLECT_UDP)
        return WEIR_FOLLOW_IGNORED;
    if (source->id < 256)
        removed = weir_template_table_remove_kind(&session->templates, pool, source->is_options);
    else if (entry && entry->shared->source->is_options == source->is_options)
        removed = weir_template_table_remove(&session->templates, pool, source->id);
    return removed ? WEIR_FOLLOW_WITHDRAWN : WEIR_FOLLOW_IGNORED;
}

int weir_follower_learn(struct weir_follower *follower, const struct weir_template *source,
                        enum weir_follow_outcome *ret_outcome)
{
    static const enum weir_follow_outcome outcomes[] = {
        [WEIR_TEMPLATE_NEW] = WEIR_FOLLOW_NEW,
        [WEIR_TEMPLATE_REPEATED] = WEIR_FOLLOW_REPEATED,
        [WEIR_TEMPLATE_REDEFINED] = WEIR_FOLLOW_REDEFINED,
    };
    if (source->is_withdrawal) {
        *ret_outcome = withdraw(follower, source);
        return 0;
    }
    enum weir_template_change change = WEIR_TEMPLATE_NEW;
    int result =
        weir_template_table_put(&follower->session->templates, &follower->sessions.pool, source,
                                &follower->origin, follower->template_limit, &change);
    *ret_outcome = result == 0 ? outcomes[change] : WEIR_FOLLOW_REFUSED;
    return result == WEIR_E_LIMIT ? 0 : result;
}

const struct weir_template *weir_follower_template(struct weir_follower *follower,
                                                   const struct weir_message *message, uint16_t id)
{
    if (message->builtin)
        return message->builtin;
    const struct weir_template_entry *entry = weir_sessions_find_template(
        &follower->sessions, follower->session, id, follower->origin.received_ns);
    if (!entry)
        return NULL;
    memcpy(follower->known, entry->shared->source, weir_template_octets(entry->shared->source));
    follower->known->id = id;
    return follower->known;
}

void weir_follower_learn_options(struct weir_follower *follower, const struct weir_message *message,
                                 const struct weir_record *record)
{
    const struct weir_plan_context context = weir_message_context(message);
    const struct weir_options_record options = {
        .source = record->template,
        .origin = &context,
        .octets = record->octets.octets,
        .length = record->octets.remaining,
        .budget = &follower->sessions.pool.budget,
    };
    (void)weir_options_learn(follower->session, &options);
}

const struct weir_element *weir_follower_element(const struct weir_follower *follower,
                                                 const struct weir_field *field)
{
    const struct weir_element *element = weir_field_element(field);
    return element ? element : weir_types_find(&follower->session->types, field->pen, field->id);
}

void weir_follower_close(struct weir_follower *follower, const struct weir_message *message,
                         struct weir_sequence_records held, uint32_t slack)
{
    struct weir_session *session = follower->session;
    bool of_messages = message->sequence_unit == WEIR_SEQUENCE_MESSAGES;
    session->has_undecodable = session->has_undecodable || slack > 0;
    const struct weir_sequence_message counted = {
        .counting = of_messages ? WEIR_SEQUENCE_OF_MESSAGES : WEIR_SEQUENCE_BEFORE,
        .number = message->sequence,
        .held = held,
        .slack = slack,
        .is_resolved = !session->has_undecodable,
        .export_time_ns = message->export_time_ns,
        .uptime_ms = message->uptime_ms,
        .has_uptime = message->protocol != WEIR_PROTOCOL_IPFIX,
    };
    if (message->sequence_unit != WEIR_SEQUENCE_NONE)
        weir_sequence_take(&session->sequence, &counted);
    weir_source_enter(&session->source, &follower->arrival, session->sequence.counting, &counted);
}

void weir_follower_next_file(struct weir_follower *follower)
{
    for (struct weir_session *session = follower->sessions.newest; session;
         session = session->older)
        if (session->key.transport == WEIR_COLLECT_FILE)
            weir_sequence_restart(&session->sequence);
}
