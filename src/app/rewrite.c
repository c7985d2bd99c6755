/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rewrite.h"

#include <stdbool.h>
#include <stdlib.h>

#include "app/follow.h"
#include "base/bytes.h"
#include "base/clock.h"

#define MS_PER_SECOND 1000

struct weir_rewriter {
    struct weir_follower follower;
    unsigned what;
    int64_t now_s;
    bool has_base;
    int64_t shift_s;         /* that makes the first message's time now */
    int64_t again_s;         /* and what was added since, because the recording began again */
    bool is_repeat;          /* it did: how long it is, is known */
    int64_t first_s, last_s; /* header times of the recording, least and greatest */
};

/* A message on its way through. */
struct work {
    struct weir_rewriter *rewriter;
    uint8_t *octets;
    struct weir_message message;
    struct weir_sequence_records held; /* records that can be read */
    uint32_t slack;                    /* octets of sets that cannot */
};

/* Where the headers have what is changed; 0: they have none. */
static const struct {
    uint16_t protocol;
    uint8_t seconds, uptime, sequence;
} headers[] = {
    {WEIR_PROTOCOL_NETFLOW1, 8, 4, 0},  {WEIR_PROTOCOL_NETFLOW5, 8, 4, 16},
    {WEIR_PROTOCOL_NETFLOW7, 8, 4, 16}, {WEIR_PROTOCOL_NETFLOW8, 8, 4, 16},
    {WEIR_PROTOCOL_NETFLOW9, 8, 4, 12}, {WEIR_PROTOCOL_IPFIX, 4, 0, 8},
    {WEIR_PROTOCOL_SFLOW5, 0, 16, 12}, /* and the agent's address before it */
};

/* Octets of the address in sFlow's header, behind its type. */
static size_t address_octets(const struct work *work)
{
    if (work->message.protocol != WEIR_PROTOCOL_SFLOW5)
        return 0;
    uint32_t type = weir_load_be32(work->octets + 4);
    return type == 1 ? 4 : type == 2 ? 16 : 0;
}

static void add_u32(uint8_t *octets, int64_t what)
{
    weir_store_be32(octets, weir_load_be32(octets) + (uint32_t)what);
}

/* ---- times -------------------------------------------------------------------------------- */

/* Adds to a time that is not 0, which stands for none. */
static void shift_absolute(uint8_t *octets, size_t length, enum weir_type type, int64_t shift_s)
{
    if (length == 4 && type == WEIR_TYPE_DATE_TIME_SECONDS) {
        if (weir_load_be32(octets))
            add_u32(octets, shift_s);
        return;
    }
    if (length != 8 || weir_load_be64(octets) == 0)
        return;
    if (type == WEIR_TYPE_DATE_TIME_MILLISECONDS)
        weir_store_be64(octets, weir_load_be64(octets) + (uint64_t)(shift_s * MS_PER_SECOND));
    else if (type == WEIR_TYPE_DATE_TIME_MICROSECONDS || type == WEIR_TYPE_DATE_TIME_NANOSECONDS)
        add_u32(octets, shift_s); /* NTP: the seconds come first */
}

enum { FLOW_END_SYSUPTIME = 21, FLOW_START_SYSUPTIME = 22, SYSTEM_INIT_TIME = 160 };

static void shift_value(const struct work *work, const struct weir_value *value)
{
    const struct weir_rewriter *rewriter = work->rewriter;
    const struct weir_field *field = value->field;
    uint8_t *octets = work->octets + (value->octets - work->octets);
    bool is_known = field->pen == 0 || field->pen == WEIR_PEN_REVERSE;
    if (is_known && (field->id == FLOW_END_SYSUPTIME || field->id == FLOW_START_SYSUPTIME)) {
        if (value->length == 4)
            add_u32(octets, rewriter->again_s * MS_PER_SECOND);
        return;
    }
    const struct weir_element *element = weir_field_element(field);
    int64_t shift_s = rewriter->shift_s + rewriter->again_s;
    /* An exporter that did not start anew in between started when it did. */
    if (is_known && field->id == SYSTEM_INIT_TIME)
        shift_s = rewriter->shift_s;
    if (element)
        shift_absolute(octets, value->length, (enum weir_type)element->type, shift_s);
}

/* Notes the header's time, and how much is to be added where this is the first. */
static void note_time(struct weir_rewriter *rewriter, const struct weir_message *message)
{
    int64_t second = message->export_time_ns / WEIR_NS_PER_SECOND;
    if (message->protocol == WEIR_PROTOCOL_SFLOW5)
        return; /* it does not say the time */
    if (!rewriter->has_base) {
        rewriter->has_base = true;
        rewriter->shift_s = rewriter->now_s - second;
        rewriter->first_s = rewriter->last_s = second;
    }
    if (rewriter->is_repeat)
        return;
    if (second < rewriter->first_s)
        rewriter->first_s = second;
    if (second > rewriter->last_s)
        rewriter->last_s = second;
}

/* ---- records ------------------------------------------------------------------------------ */

static void take_records(struct work *work, struct weir_set *set,
                         const struct weir_template *source)
{
    bool is_shifted = work->rewriter->what & WEIR_REWRITE_TIMES;
    struct weir_record record;
    while (weir_set_next_record(set, source, &record, NULL) == 0) {
        struct weir_value value;
        *(source->is_options ? &work->held.options : &work->held.flows) += 1;
        while (is_shifted && weir_record_next(&record, &value, NULL) == 0)
            shift_value(work, &value);
    }
}

static int take_templates(struct work *work, struct weir_set *set)
{
    struct weir_follower *follower = &work->rewriter->follower;
    enum weir_follow_outcome outcome;
    int result = 0;
    while (result == 0 &&
           weir_set_next_template(set, follower->buffer, WEIR_TEMPLATE_OCTETS_MAX, NULL) == 0)
        result = weir_follower_learn(follower, follower->buffer, &outcome);
    return result;
}

/* All sets. 0, WEIR_E_NOMEM; what is malformed goes out as it came in. */
static int take_sets(struct work *work)
{
    struct weir_set set;
    int result = 0;
    while (result == 0 && weir_message_next(&work->message, &set, NULL) == 0) {
        const struct weir_template *source = NULL;
        if (set.kind == WEIR_SET_TEMPLATE || set.kind == WEIR_SET_OPTIONS_TEMPLATE) {
            result = take_templates(work, &set);
        } else if (set.kind == WEIR_SET_DATA) {
            source = weir_follower_template(&work->rewriter->follower, &work->message, set.id);
            if (source)
                take_records(work, &set, source);
            else
                work->slack += (uint32_t)weir_reader_remaining(&set.body);
        }
    }
    return result;
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* The number that follows what the session has sent. */
static uint32_t next_number(const struct work *work)
{
    const struct weir_session *session = work->rewriter->follower.session;
    const struct weir_renumbering *renumbering = &session->renumbering;
    if (!renumbering->has_begun)
        return work->message.sequence;
    /* Records that could not be counted are in the recorded numbers, unless those leap. */
    uint32_t held = session->sequence.previous_held.flows + session->sequence.previous_held.options;
    uint32_t step = work->message.sequence - session->sequence.previous_number;
    if (renumbering->unread > 0 && step > held && step - held <= renumbering->unread)
        return renumbering->next + (step - held);
    return renumbering->next;
}

static void note_number(const struct work *work, uint32_t number)
{
    bool of_messages = work->message.sequence_unit == WEIR_SEQUENCE_MESSAGES;
    struct weir_renumbering *renumbering = &work->rewriter->follower.session->renumbering;
    *renumbering = (struct weir_renumbering){
        .first = renumbering->has_begun ? renumbering->first : work->message.sequence,
        .next = number + (of_messages ? 1 : work->held.flows + work->held.options),
        .unread = of_messages ? 0 : work->slack,
        .has_begun = true,
    };
}

/* ---- messages ----------------------------------------------------------------------------- */

static void change_header(const struct work *work)
{
    const struct weir_rewriter *rewriter = work->rewriter;
    uint32_t number = next_number(work);
    size_t i = 0;
    while (i < sizeof(headers) / sizeof(headers[0]) &&
           headers[i].protocol != work->message.protocol)
        i++;
    if (i == sizeof(headers) / sizeof(headers[0]))
        return;
    uint8_t *octets = work->octets + address_octets(work);
    if (rewriter->what & WEIR_REWRITE_TIMES && headers[i].seconds)
        add_u32(octets + headers[i].seconds, rewriter->shift_s + rewriter->again_s);
    if (rewriter->what & WEIR_REWRITE_TIMES && headers[i].uptime)
        add_u32(octets + headers[i].uptime, rewriter->again_s * MS_PER_SECOND);
    if (rewriter->what & WEIR_REWRITE_SEQUENCE && headers[i].sequence)
        weir_store_be32(octets + headers[i].sequence, number);
    note_number(work, number);
}

int weir_rewriter_message(struct weir_rewriter *rewriter, uint8_t *octets,
                          const struct weir_datagram *datagram,
                          enum weir_collect_transport transport, uint32_t *ret_records)
{
    struct work work = {.rewriter = rewriter, .octets = octets};
    *ret_records = 0;
    if (weir_message_open(octets, datagram->length, &work.message, NULL) < 0)
        return WEIR_E_MALFORMED;
    int result = weir_follower_open(&rewriter->follower, &work.message, datagram, transport);
    if (result < 0)
        return result;
    note_time(rewriter, &work.message);
    result = take_sets(&work);
    if (result < 0)
        return result;
    change_header(&work);
    weir_follower_close(&rewriter->follower, &work.message, work.held, work.slack);
    *ret_records = work.held.flows + work.held.options;
    return 0;
}

void weir_rewriter_again(struct weir_rewriter *rewriter)
{
    /* A second, lest the last message and the first one of the next time be of the same. */
    rewriter->again_s += rewriter->last_s - rewriter->first_s + 1;
    rewriter->is_repeat = true;
    /* Exporters that change ports are known again by the number that comes next. */
    for (struct weir_session *session = rewriter->follower.sessions.newest; session;
         session = session->older)
        session->source.next = (struct weir_expectation){
            .is_known = session->renumbering.has_begun,
            .number = session->renumbering.first - 1,
            .low = session->renumbering.first,
        };
}

int weir_rewriter_new(unsigned what, int64_t now_ns, struct weir_rewriter **ret_rewriter)
{
    struct weir_rewriter *rewriter = calloc(1, sizeof(*rewriter));
    if (!rewriter || weir_follower_init(&rewriter->follower) < 0) {
        free(rewriter);
        return WEIR_E_NOMEM;
    }
    rewriter->what = what;
    rewriter->now_s = now_ns / WEIR_NS_PER_SECOND;
    *ret_rewriter = rewriter;
    return 0;
}

void weir_rewriter_free(struct weir_rewriter *rewriter)
{
    if (!rewriter)
        return;
    weir_follower_done(&rewriter->follower);
    free(rewriter);
}
