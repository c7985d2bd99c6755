/* SPDX-License-Identifier: Apache-2.0 */
#include "app/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/explain_private.h"
#include "app/explain_value.h"
#include "base/calendar.h"
#include "base/quantity.h"

#define SAMPLING_INTERVAL 0x3fffu
#define TEXT_OCTETS_MAX   ((size_t)1 << 20)
#define ARRIVAL_FAR_NS    (300 * WEIR_NS_PER_SECOND)

#define COUNTER(member, unit, help) WEIR_COUNTER(struct weir_explain_counters, member, unit, help)

const struct weir_counter weir_explain_counter_table[] = {
    COUNTER(messages_explained, MESSAGES, "datagrams and messages of files"),
    COUNTER(messages_broken, MESSAGES, "of these, those in which a rule is broken"),
    COUNTER(rules_broken, NONE, "broken rules"),
    COUNTER(octets_explained, OCTETS, "octets of the messages"),
    COUNTER(sets_explained, SETS, "sets, those that are not read included"),
    COUNTER(sets_unread, SETS, "Data Sets whose Template had not come"),
    COUNTER(sets_reserved, SETS, "sets with an id that is reserved"),
    COUNTER(templates_explained, TEMPLATES, "Templates"),
    COUNTER(options_templates_explained, TEMPLATES, "Options Templates"),
    COUNTER(withdrawals_explained, TEMPLATES, "Template withdrawals"),
    COUNTER(records_explained, RECORDS, "Data Records of Templates, flow samples of sFlow"),
    COUNTER(options_records_explained, RECORDS, "Data Records of Options Templates"),
    COUNTER(counter_records_explained, RECORDS, "counter samples of sFlow"),
    COUNTER(samples_unread, NONE, "samples of sFlow of a format that is not known"),
    COUNTER(suspicions, NONE, "what is allowed but looks wrong"),
};
const size_t weir_explain_counter_count =
    sizeof(weir_explain_counter_table) / sizeof(weir_explain_counter_table[0]);

void weir_explain_show(const struct weir_explain_walk *walk, const struct weir_explain_item *item)
{
    if (walk->sink)
        walk->sink->item(walk->sink->context, item);
}

/* An item of octets `from` to before `to` of the message. */
struct weir_explain_item weir_explain_item_of(const struct weir_explain_walk *walk,
                                              enum weir_explain_kind kind, unsigned depth,
                                              size_t from, size_t to)
{
    return (struct weir_explain_item){
        .kind = kind,
        .depth = depth,
        .offset = from,
        .length = to - from,
        .octets = walk->origin->datagram->octets + from,
        .text = "",
    };
}

void weir_explain_broken(struct weir_explain_walk *walk, unsigned depth,
                         const struct weir_diag *diag, const char *rule)
{
    const struct weir_explain_item item = {
        .kind = WEIR_EXPLAIN_BROKEN,
        .depth = depth,
        .offset = diag->offset,
        .text = diag->text,
        .rule = rule,
    };
    walk->explainer->counters.rules_broken++;
    if (!walk->is_broken && walk->first)
        *walk->first = *diag;
    walk->is_broken = true;
    weir_explain_show(walk, &item);
}

void weir_explain_suspect(const struct weir_explain_walk *walk, unsigned depth, size_t offset,
                          const char *format, ...)
{
    char text[320];
    va_list arguments;
    walk->explainer->counters.suspicions++;
    if (!walk->sink)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const struct weir_explain_item item = {
        .kind = WEIR_EXPLAIN_SUSPECT,
        .depth = depth,
        .offset = offset,
        .text = text,
    };
    weir_explain_show(walk, &item);
}

/* Octets without a meaning; none is no item. */
void weir_explain_rest(const struct weir_explain_walk *walk, enum weir_explain_kind kind,
                       unsigned depth, size_t from, size_t to, const char *text)
{
    struct weir_explain_item item = weir_explain_item_of(walk, kind, depth, from, to);
    item.text = text;
    if (from >= to)
        return;
    weir_explain_show(walk, &item);
    for (size_t i = 0; kind == WEIR_EXPLAIN_PADDING && i < item.length; i++)
        if (item.octets[i]) {
            weir_explain_suspect(walk, depth, from + i, "padding that is not zero");
            return;
        }
}

/* ---- the header -------------------------------------------------------------------------- */

static void header_text(const struct weir_explain_walk *walk, const struct weir_header_field *field,
                        uint64_t number, char text[WEIR_TIME_TEXT_MAX])
{
    text[0] = 0;
    switch ((enum weir_header_meaning)field->meaning) {
    case WEIR_HEADER_NUMBER:
        break;
    case WEIR_HEADER_TIME:
        weir_time_format((int64_t)number, 0, 0, text);
        break;
    case WEIR_HEADER_UPTIME:
        weir_duration_format((int64_t)number * WEIR_NS_PER_MS, text);
        break;
    case WEIR_HEADER_SEQUENCE:
        snprintf(text, WEIR_TIME_TEXT_MAX, "%s before this message",
                 walk->message.sequence_unit == WEIR_SEQUENCE_MESSAGES ? "messages" : "records");
        break;
    case WEIR_HEADER_SAMPLING:
        if (number & SAMPLING_INTERVAL)
            snprintf(text, WEIR_TIME_TEXT_MAX, "1 packet in %u, mode %u",
                     (unsigned)number & SAMPLING_INTERVAL, (unsigned)number >> 14);
        break;
    }
}

/* The header's fields, as far as `length` octets hold them. Returns where they end. */
static size_t explain_header(const struct weir_explain_walk *walk, size_t length)
{
    const struct weir_protocol_rules *rules = walk->rules;
    size_t at = 0;
    for (size_t i = 0; rules && i < rules->field_count; i++) {
        const struct weir_header_field *field = &rules->fields[i];
        size_t end = (size_t)field->offset + field->width;
        if (end > length)
            break;
        struct weir_explain_item item =
            weir_explain_item_of(walk, WEIR_EXPLAIN_HEADER, 1, field->offset, end);
        char text[WEIR_TIME_TEXT_MAX];
        item.number = weir_load_be(item.octets, field->width);
        item.name = field->name;
        item.text = text;
        header_text(walk, field, item.number, text);
        weir_explain_show(walk, &item);
        at = end;
    }
    return at;
}

static void check_arrival(const struct weir_explain_walk *walk)
{
    char text[WEIR_DURATION_TEXT_MAX];
    int64_t received_ns = walk->origin->datagram->received_ns;
    int64_t export_ns = walk->message.export_time_ns;
    if (walk->origin->transport != WEIR_COLLECT_UDP || received_ns < 0 || export_ns == 0)
        return;
    int64_t late_ns = received_ns - export_ns;
    int64_t far_ns = late_ns < 0 ? -late_ns : late_ns;
    if (far_ns < ARRIVAL_FAR_NS)
        return;
    weir_duration_format(far_ns / WEIR_NS_PER_SECOND * WEIR_NS_PER_SECOND, text);
    weir_explain_suspect(walk, 1, 0, "its export time is %s %s its arrival", text,
                         late_ns < 0 ? "after" : "before");
}

/* ---- records ------------------------------------------------------------------------------ */

/* What a session described itself may lack a name. */
static const char *name_of(const struct weir_element *element)
{
    return *element->name ? element->name : "element without a name";
}

void weir_explain_value_at(struct weir_explain_walk *walk, unsigned depth,
                           const struct weir_value *value, bool is_scope)
{
    struct weir_text_buffer *text = &walk->explainer->text;
    char note[WEIR_EXPLAIN_NOTE_MAX];
    size_t at = (size_t)(value->octets - walk->origin->datagram->octets);
    struct weir_explain_item item =
        weir_explain_item_of(walk, WEIR_EXPLAIN_VALUE, depth, at, at + value->length);
    weir_text_clear(text);
    item.field = value->field;
    item.element = weir_follower_element(&walk->explainer->follower, value->field);
    item.is_scope = is_scope;
    bool is_wrong =
        weir_explain_value(item.element, value->octets, value->length, &walk->message, text, note);
    item.text = weir_text_string(text);
    if (!is_wrong && !is_scope)
        weir_explain_common_note(walk, value, note);
    if (note[0] && !is_wrong)
        item.note = note;
    weir_explain_show(walk, &item);
    if (is_wrong)
        weir_explain_suspect(walk, depth, at, "%s: %s", name_of(item.element), note);
    if (item.element)
        weir_explain_list(walk, depth + 1, (enum weir_type)item.element->type, at, value->length);
}

void weir_explain_record_at(struct weir_explain_walk *walk, unsigned depth, uint16_t template_id,
                            uint64_t number, struct weir_record *record)
{
    size_t at = weir_reader_offset(&record->octets);
    struct weir_explain_item item = weir_explain_item_of(
        walk, WEIR_EXPLAIN_RECORD, depth, at, at + weir_reader_remaining(&record->octets));
    struct weir_value value;
    item.source = record->template;
    item.template_id = template_id;
    item.number = number;
    weir_explain_show(walk, &item);
    /* Fields of no octets are left out: of them there may be a thousand in every octet. */
    for (unsigned i = 0; weir_record_next(record, &value, NULL) == 0; i++) {
        bool is_scope = i < item.source->scope_count;
        if (is_scope)
            weir_explain_common_put(walk, &value, at);
        if (value.length > 0)
            weir_explain_value_at(walk, depth + 1, &value, is_scope);
    }
}

static void explain_records(struct weir_explain_walk *walk, struct weir_set *set,
                            const struct weir_template *source, size_t end)
{
    uint32_t count = 0;
    for (;;) {
        struct weir_diag diag = {0};
        struct weir_record record;
        size_t at = weir_reader_offset(&set->body);
        int result = weir_set_next_record(set, source, &record, &diag);
        if (result == WEIR_E_END) {
            weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, 2, at, end, "padding");
            if (count == 0)
                weir_explain_suspect(walk, 2, at, "a set without records");
            break;
        }
        if (result < 0) {
            weir_explain_broken(walk, 2, &diag, walk->rules->record);
            weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end,
                              "nothing after that can be read");
            break;
        }
        if (source->is_options)
            weir_follower_learn_options(&walk->explainer->follower, &walk->message, &record);
        weir_explain_record_at(walk, 2, set->id, ++count, &record);
    }
    struct weir_explain_counters *counters = &walk->explainer->counters;
    *(source->is_options ? &counters->options_records_explained : &counters->records_explained) +=
        count;
    *(source->is_options ? &walk->held.options : &walk->held.flows) += count;
}

/* ---- sets --------------------------------------------------------------------------------- */

static void explain_data(struct weir_explain_walk *walk, struct weir_set *set, size_t end)
{
    const struct weir_template *source =
        weir_follower_template(&walk->explainer->follower, &walk->message, set->id);
    if (source) {
        explain_records(walk, set, source, end);
        return;
    }
    char text[64];
    size_t at = weir_reader_offset(&set->body);
    snprintf(text, sizeof(text), "template %u has not come", set->id);
    walk->explainer->counters.sets_unread++;
    walk->slack += (uint32_t)(end - at);
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, at, end, text);
}

static const char *set_name(const struct weir_explain_walk *walk, const struct weir_set *set)
{
    static const char *const names[] = {
        [WEIR_SET_TEMPLATE] = "templates",
        [WEIR_SET_OPTIONS_TEMPLATE] = "options templates",
        [WEIR_SET_DATA] = "data",
        [WEIR_SET_RESERVED] = "reserved",
    };
    if (set->kind == WEIR_SET_SAMPLE)
        return weir_explain_sample_name(set);
    return walk->message.builtin ? "records" : names[set->kind];
}

/* A set that begins at `at`. 0, WEIR_E_NOMEM. */
static int explain_set(struct weir_explain_walk *walk, struct weir_set *set, size_t at)
{
    size_t end = weir_reader_offset(&set->body) + weir_reader_remaining(&set->body);
    /* Samples are padded, beyond their length. */
    if (set->kind == WEIR_SET_SAMPLE)
        end = weir_reader_offset(&walk->message.body);
    struct weir_explain_item item = weir_explain_item_of(walk, WEIR_EXPLAIN_SET, 1, at, end);
    item.set = set;
    item.message = &walk->message;
    item.name = set_name(walk, set);
    walk->explainer->counters.sets_explained++;
    weir_explain_show(walk, &item);
    switch (set->kind) {
    case WEIR_SET_TEMPLATE:
    case WEIR_SET_OPTIONS_TEMPLATE:
        return weir_explain_templates(walk, set, end);
    case WEIR_SET_DATA:
        explain_data(walk, set, end);
        return 0;
    case WEIR_SET_RESERVED:
        walk->explainer->counters.sets_reserved++;
        weir_explain_suspect(walk, 2, at, "set id %u is reserved: the set is left out", set->id);
        weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 2, weir_reader_offset(&set->body), end,
                          "a set of a kind that is not known");
        return 0;
    case WEIR_SET_SAMPLE:
        weir_explain_sample(walk, set, at, end);
        return 0;
    }
    return 0;
}

static int explain_sets(struct weir_explain_walk *walk)
{
    struct weir_message *message = &walk->message;
    for (;;) {
        struct weir_diag diag = {0};
        struct weir_set set;
        size_t at = weir_reader_offset(&message->body);
        int result = weir_message_next(message, &set, &diag);
        if (result == WEIR_E_END) {
            if (at < message->length)
                weir_explain_suspect(walk, 1, at, "octets after the last set");
            weir_explain_rest(walk, WEIR_EXPLAIN_PADDING, 1, at, message->length, "padding");
            return 0;
        }
        if (result < 0) {
            weir_explain_broken(walk, 1, &diag, walk->rules->set);
            weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 1, at, message->length,
                              "nothing after that can be read");
            return 0;
        }
        result = explain_set(walk, &set, at);
        if (result < 0)
            return result;
    }
}

/* ---- messages ----------------------------------------------------------------------------- */

/* What a session's ledger says, to be compared with what it says after a message. */
struct ledger_marks {
    uint64_t lost, restarts, late, duplicate;
    uint32_t next;
    bool started;
};

static struct ledger_marks marks_of(const struct weir_session *session)
{
    const struct weir_ledger *ledger = &session->sequence.ledger;
    return (struct ledger_marks){
        .lost = weir_ledger_lost(ledger) + weir_ledger_unknown(ledger),
        .restarts = ledger->restarts,
        .late = ledger->late_messages,
        .duplicate = ledger->duplicate_messages,
        .next = ledger->next,
        .started = ledger->started,
    };
}

static void check_sequence(const struct weir_explain_walk *walk, const struct ledger_marks *before)
{
    const struct weir_session *session = walk->explainer->follower.session;
    struct ledger_marks now = marks_of(session);
    uint32_t number = walk->message.sequence;
    const char *unit = weir_sequence_is_of_messages(&session->sequence) ? "messages" : "records";
    if (!before->started)
        return;
    if (now.restarts > before->restarts)
        weir_explain_suspect(
            walk, 1, 0, "the sequence starts anew: %" PRIu32 ", where %" PRIu32 " was to follow",
            number, before->next);
    else if (now.late > before->late)
        weir_explain_suspect(walk, 1, 0,
                             "it comes late: sequence %" PRIu32 ", where %" PRIu32 " was to follow",
                             number, before->next);
    else if (now.duplicate > before->duplicate)
        weir_explain_suspect(
            walk, 1, 0, "it has come before: sequence %" PRIu32 ", where %" PRIu32 " was to follow",
            number, before->next);
    else if (now.lost > before->lost)
        weir_explain_suspect(walk, 1, 0,
                             "missing before it: %" PRIu64 " %s; sequence %" PRIu32
                             ", where %" PRIu32 " was to follow",
                             now.lost - before->lost, unit, number, before->next);
}

/* NetFlow v9 counts templates and records in its header, RFC 3954 section 5.1. */
static void check_count(const struct weir_explain_walk *walk)
{
    uint32_t there = walk->template_count + walk->held.flows + walk->held.options;
    if (walk->message.protocol == WEIR_PROTOCOL_NETFLOW9 && walk->slack == 0 && !walk->is_broken &&
        walk->message.count != there)
        weir_explain_suspect(walk, 1, 2, "count %u: there are %" PRIu32 " templates and records",
                             walk->message.count, there);
}

/* What the datagram has after the message; where it is not all zero the collector minds it too. */
static void check_after(struct weir_explain_walk *walk)
{
    const struct weir_datagram *datagram = walk->origin->datagram;
    size_t from = walk->message.length;
    size_t at = from;
    while (at < datagram->length && datagram->octets[at] == 0)
        at++;
    if (from == datagram->length)
        return;
    if (at < datagram->length) {
        struct weir_diag diag;
        weir_diag_fill_at(&diag, WEIR_E_MALFORMED, from, "%zu octets follow the end of the message",
                          datagram->length - from);
        weir_explain_broken(walk, 1, &diag, walk->rules->header);
    } else {
        weir_explain_suspect(walk, 1, from, "%zu zero octets follow the end of the message",
                             datagram->length - from);
    }
    weir_explain_rest(walk, WEIR_EXPLAIN_UNREAD, 1, from, datagram->length, "after the message");
}

/* Returns where the header ends. */
static size_t show_message(struct weir_explain_walk *walk, bool has_header)
{
    const struct weir_datagram *datagram = walk->origin->datagram;
    struct weir_explain_item item =
        weir_explain_item_of(walk, WEIR_EXPLAIN_MESSAGE, 0, 0, datagram->length);
    item.origin = walk->origin;
    item.message = has_header ? &walk->message : NULL;
    item.name = walk->rules ? walk->rules->title : NULL;
    weir_explain_show(walk, &item);
    return walk->rules && walk->rules->is_sflow ? weir_explain_sflow_header(walk, datagram->length)
                                                : explain_header(walk, datagram->length);
}

/* A message whose header can be read. */
static int explain_body(struct weir_explain_walk *walk)
{
    struct weir_follower *follower = &walk->explainer->follower;
    int result = weir_follower_open(follower, &walk->message, walk->origin->datagram,
                                    walk->origin->transport);
    if (result < 0)
        return result;
    struct ledger_marks before = marks_of(follower->session);
    check_arrival(walk);
    if (walk->message.is_ambiguous)
        weir_explain_suspect(
            walk, 1, 0,
            "descriptions of this scheme contradict each other: some of its fields "
            "stay octets");
    result = explain_sets(walk);
    if (result < 0)
        return result;
    weir_follower_close(follower, &walk->message, walk->held, walk->slack);
    check_after(walk);
    check_count(walk);
    check_sequence(walk, &before);
    return 0;
}

int weir_explainer_message(struct weir_explainer *explainer,
                           const struct weir_explain_origin *origin,
                           const struct weir_explain_sink *sink, struct weir_diag *ret_broken)
{
    const struct weir_datagram *datagram = origin->datagram;
    struct weir_explain_walk walk = {
        .explainer = explainer,
        .origin = origin,
        .sink = sink,
        .rules = datagram->length < 2 ? NULL
                                      : weir_protocol_rules_find(weir_load_be16(datagram->octets)),
        .first = ret_broken,
    };
    struct weir_diag diag = {0};
    if (ret_broken)
        ret_broken->error = WEIR_OK;
    int result = weir_message_open(datagram->octets, datagram->length, &walk.message, &diag);
    size_t at = show_message(&walk, result == 0);
    if (result < 0) {
        weir_explain_broken(&walk, 1, &diag,
                            walk.rules ? walk.rules->header : "the first two octets say which");
        weir_explain_rest(&walk, WEIR_EXPLAIN_UNREAD, 1, at, datagram->length, "no message");
        result = 0;
    } else {
        result = explain_body(&walk);
    }
    explainer->counters.messages_explained++;
    explainer->counters.octets_explained += datagram->length;
    explainer->counters.messages_broken += walk.is_broken;
    return result;
}

int weir_explainer_new(struct weir_explainer **ret_explainer)
{
    struct weir_explainer *explainer = calloc(1, sizeof(*explainer));
    if (!explainer || weir_follower_init(&explainer->follower) < 0) {
        free(explainer);
        return WEIR_E_NOMEM;
    }
    weir_text_init(&explainer->text, TEXT_OCTETS_MAX);
    *ret_explainer = explainer;
    return 0;
}

void weir_explainer_free(struct weir_explainer *explainer)
{
    if (!explainer)
        return;
    weir_follower_done(&explainer->follower);
    weir_text_done(&explainer->text);
    free(explainer);
}

void weir_explainer_next_file(struct weir_explainer *explainer)
{
    weir_follower_next_file(&explainer->follower);
}

const struct weir_explain_counters *weir_explainer_counters(const struct weir_explainer *explainer)
{
    return &explainer->counters;
}
