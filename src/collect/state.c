/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/state.h"

#include <stdlib.h>

#include "base/reader.h"
#include "base/writer.h"
#include "collect/options.h"
#include "collect/private.h"

#define MAGIC            "weirseen"
#define MAGIC_OCTETS     8u
#define VERSION          5u
#define HEADER_OCTETS    28u  /* magic, version, length, checksum */
#define TIME_OCTETS      8u   /* the first that the checksum is of */
#define SESSION_OCTETS   103u /* without Templates, waiting sets, samplers and records */
#define RECALLED_OCTETS  34u  /* of a record without its octets */
#define SAMPLER_OCTETS   33u
#define SELECTION_OCTETS 17u /* without selectors */
#define FIELD_OCTETS     8u
#define TEMPLATE_OCTETS  5u  /* without fields */
#define ENTRY_OCTETS     16u /* a session's Template: id, port, time, number */
#define WAITING_OCTETS   34u /* of a waiting set without its octets */

/* Not against who means harm: against disks. */
static uint64_t checksum(const void *octets, size_t length)
{
    struct weir_hash_key key;
    weir_hash_key_seed(&key, 0);
    return weir_hash(&key, octets, length);
}

/* `octets` more of `out` to write to; failed where they cannot be had. */
static struct weir_writer extend(struct weir_text_buffer *out, size_t octets)
{
    char *room = weir_text_reserve(out, octets);
    if (!room)
        return (struct weir_writer){.failed = true};
    out->length += octets;
    return weir_writer_make((uint8_t *)room, octets);
}

static void save_key(struct weir_writer *writer, const struct weir_session_key *key)
{
    weir_write_u64(writer, key->exporter.high);
    weir_write_u64(writer, key->exporter.low);
    weir_write_u32(writer, key->domain);
    weir_write_u16(writer, key->protocol);
    weir_write_u16(writer, key->transport);
}

static void save_source(struct weir_writer *writer, const struct weir_source *source)
{
    weir_write_u8(writer, source->port_count);
    weir_write_u8(writer, source->hops);
    weir_write_u8(writer, source->has_every_port);
    weir_write_u8(writer, source->messages);
    weir_write_u32(writer, source->next.number);
    for (unsigned i = 0; i < WEIR_SOURCE_PORTS; i++)
        weir_write_u16(writer, source->ports[i].port);
}

/* Holes are not saved: they were counted as lost, and what fills one is late. */
static void save_sequence(struct weir_writer *writer, const struct weir_sequence *sequence)
{
    const struct weir_ledger *ledger = &sequence->ledger;
    weir_write_u8(writer, ledger->started);
    weir_write_u8(writer, (uint8_t)sequence->counting);
    weir_write_u32(writer, ledger->next);
    weir_write_u32(writer, ledger->slack);
    weir_write_u32(writer, ledger->uptime_ms);
    weir_write_u64(writer, (uint64_t)ledger->export_time_ns);
    weir_write_u64(writer, weir_ledger_unknown(ledger));
}

/* Without its id, which is each session's own. */
static void save_template(struct weir_text_buffer *out, const struct weir_template *source)
{
    struct weir_writer writer = extend(out, TEMPLATE_OCTETS + source->field_count * FIELD_OCTETS);
    weir_write_u8(&writer, source->is_options);
    weir_write_u16(&writer, source->scope_count);
    weir_write_u16(&writer, source->field_count);
    for (unsigned i = 0; i < source->field_count; i++) {
        weir_write_u32(&writer, source->fields[i].pen);
        weir_write_u16(&writer, source->fields[i].id);
        weir_write_u16(&writer, source->fields[i].length);
    }
}

static void save_numbered(struct weir_text_buffer *out, struct weir_shared_template *shared,
                          uint32_t *next)
{
    if (shared->number != UINT32_MAX)
        return;
    shared->number = (*next)++;
    save_template(out, shared->source);
}

/* All Templates once, in the order in which sessions come to them, which name their numbers. */
static void save_templates(struct weir_text_buffer *out, const struct weir_sessions *sessions)
{
    const struct weir_session *session;
    struct weir_writer count = extend(out, 4);
    weir_write_u32(&count, sessions->pool.count);
    for (session = sessions->oldest; session; session = session->newer) {
        for (uint32_t i = 0; i < session->templates.count; i++)
            session->templates.entries[i].shared->number = UINT32_MAX;
        for (struct weir_recalled *record = session->recall.oldest; record; record = record->newer)
            record->shared->number = UINT32_MAX;
    }
    uint32_t number = 0;
    for (session = sessions->oldest; session; session = session->newer) {
        for (uint32_t i = 0; i < session->templates.count; i++)
            save_numbered(out, session->templates.entries[i].shared, &number);
        for (struct weir_recalled *record = session->recall.oldest; record; record = record->newer)
            save_numbered(out, record->shared, &number);
    }
}

/* Of a session. */
#define IS_UNDECODABLE 1u /* has_undecodable */
#define IS_IN_RECORDS  2u /* its exporter's sampling.in_records */

static void save_recalled(struct weir_text_buffer *out, const struct weir_recalled *record)
{
    struct weir_writer writer = extend(out, RECALLED_OCTETS + record->length);
    weir_write_u32(&writer, record->shared->number);
    weir_write_u16(&writer, record->id);
    weir_write_u64(&writer, (uint64_t)record->received_ns);
    weir_write_u64(&writer, (uint64_t)record->export_time_ns);
    weir_write_u64(&writer, (uint64_t)record->uptime_zero_ns);
    weir_write_u32(&writer, record->length);
    weir_write_octets(&writer, record->octets, record->length);
}

static void save_entry(struct weir_text_buffer *out, const struct weir_template_entry *entry)
{
    struct weir_writer writer = extend(out, ENTRY_OCTETS);
    weir_write_u16(&writer, entry->id);
    weir_write_u16(&writer, entry->port);
    weir_write_u64(&writer, (uint64_t)entry->refreshed_ns);
    weir_write_u32(&writer, entry->shared->number);
}

static void save_waiting(struct weir_text_buffer *out, const struct weir_waiting_set *set)
{
    struct weir_writer writer = extend(out, WAITING_OCTETS + set->length);
    weir_write_u16(&writer, set->id);
    weir_write_u64(&writer, (uint64_t)set->context.segment.received_ns);
    weir_write_u64(&writer, (uint64_t)set->context.export_time_ns);
    weir_write_u64(&writer, (uint64_t)set->context.uptime_zero_ns);
    weir_write_u32(&writer, set->context.sampling);
    weir_write_u32(&writer, (uint32_t)set->length);
    weir_write_octets(&writer, set->octets, set->length);
}

static void save_sampler(struct weir_text_buffer *out, const struct weir_sampler *sampler)
{
    struct weir_writer writer = extend(out, SAMPLER_OCTETS);
    weir_write_u8(&writer, (uint8_t)sampler->key.kind);
    weir_write_u32(&writer, sampler->key.domain);
    weir_write_u32(&writer, sampler->key.source);
    weir_write_u64(&writer, sampler->key.id);
    weir_write_u64(&writer, sampler->selected);
    weir_write_u64(&writer, sampler->population);
}

static void save_selection(struct weir_text_buffer *out, const struct weir_selection *selection)
{
    struct weir_writer writer = extend(out, SELECTION_OCTETS + selection->count * 8);
    weir_write_u32(&writer, selection->whole.key.domain);
    weir_write_u32(&writer, selection->whole.key.source);
    weir_write_u64(&writer, selection->whole.key.id);
    weir_write_u8(&writer, (uint8_t)selection->count);
    for (uint32_t i = 0; i < selection->count; i++)
        weir_write_u64(&writer, selection->selectors[i]);
}

/* Samplers are its exporter's: the first session of it has them. */
static void save_session(struct weir_text_buffer *out, const struct weir_session *session)
{
    struct weir_writer writer = extend(out, SESSION_OCTETS);
    struct weir_exporter *exporter = session->exporter;
    uint32_t sampler_count = exporter->is_saved ? 0 : exporter->sampling.count;
    uint32_t selection_count = exporter->is_saved ? 0 : exporter->sampling.selection_count;
    exporter->is_saved = true;
    save_key(&writer, &session->key);
    save_source(&writer, &session->source);
    save_sequence(&writer, &session->sequence);
    weir_write_u8(&writer, (session->has_undecodable ? IS_UNDECODABLE : 0) |
                               (exporter->sampling.in_records ? IS_IN_RECORDS : 0));
    weir_write_u32(&writer, session->templates.count);
    weir_write_u32(&writer, session->waiting.count);
    weir_write_u32(&writer, session->number);
    weir_write_u64(&writer, (uint64_t)session->uptime.init_time_ns);
    weir_write_u32(&writer, sampler_count);
    weir_write_u32(&writer, selection_count);
    weir_write_u32(&writer, session->recall.count);
    for (uint32_t i = 0; i < session->templates.count; i++)
        save_entry(out, &session->templates.entries[i]);
    for (const struct weir_waiting_set *set = session->waiting.oldest; set; set = set->next)
        save_waiting(out, set);
    for (uint32_t i = 0; i < sampler_count; i++)
        save_sampler(out, &exporter->sampling.samplers[i]);
    for (uint32_t i = 0; i < selection_count; i++)
        save_selection(out, &exporter->sampling.selections[i]);
    for (const struct weir_recalled *record = session->recall.oldest; record;
         record = record->newer)
        save_recalled(out, record);
}

/* Of states of one collector, and of those that it goes on from, the later one is greater. */
static int64_t next_time(const struct weir_sessions *sessions, int64_t now_ns)
{
    bool is_later = now_ns > sessions->state_ns || sessions->state_ns == INT64_MAX;
    return is_later ? now_ns : sessions->state_ns + 1;
}

int weir_state_save(struct weir_sessions *sessions, int64_t now_ns, struct weir_text_buffer *out)
{
    size_t start = out->length;
    int64_t saved_ns = next_time(sessions, now_ns);
    extend(out, HEADER_OCTETS);
    struct weir_writer time = extend(out, TIME_OCTETS);
    weir_write_u64(&time, (uint64_t)saved_ns);
    save_templates(out, sessions);
    struct weir_writer count = extend(out, 4);
    weir_write_u32(&count, sessions->count);
    for (const struct weir_session *session = sessions->oldest; session; session = session->newer)
        session->exporter->is_saved = false;
    for (const struct weir_session *session = sessions->oldest; session; session = session->newer)
        save_session(out, session);
    if (weir_text_error(out) < 0)
        return weir_text_error(out);

    uint8_t *octets = (uint8_t *)out->data + start;
    size_t length = out->length - start - HEADER_OCTETS;
    uint8_t header[HEADER_OCTETS];
    struct weir_writer writer = weir_writer_make(header, sizeof(header));
    weir_write_octets(&writer, MAGIC, MAGIC_OCTETS);
    weir_write_u32(&writer, VERSION);
    weir_write_u64(&writer, length);
    weir_write_u64(&writer, checksum(octets + HEADER_OCTETS, length));
    memcpy(octets, header, sizeof(header));
    sessions->state_ns = saved_ns;
    return 0;
}

_Static_assert(WEIR_COLLECTOR_STATE_HEAD == HEADER_OCTETS + TIME_OCTETS, "the head has the time");

int64_t weir_collector_state_time(const void *octets, size_t length)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    const uint8_t *magic = weir_read_octets(&reader, MAGIC_OCTETS);
    bool is_ours = magic && memcmp(magic, MAGIC, MAGIC_OCTETS) == 0;
    uint32_t version = weir_read_u32(&reader);
    (void)weir_read_octets(&reader, HEADER_OCTETS - MAGIC_OCTETS - 4);
    int64_t saved_ns = (int64_t)weir_read_u64(&reader);
    return is_ours && version == VERSION && !weir_reader_failed(&reader) ? saved_ns : 0;
}

/* A state on its way in. */
struct restore {
    struct weir_reader reader;
    struct weir_sessions *sessions;
    struct weir_template *template_buffer; /* WEIR_TEMPLATE_OCTETS_MAX */
    /* By their numbers, each with a reference; NULL: no room for it. */
    struct weir_shared_template **templates;
    uint32_t template_count;
};

static int broken(const struct restore *restore, const char *rule, struct weir_diag *diag)
{
    return weir_diag_set_at(diag, WEIR_E_MALFORMED,
                            HEADER_OCTETS + weir_reader_offset(&restore->reader), "%s", rule);
}

static struct weir_session_key restore_key(struct weir_reader *reader)
{
    struct weir_session_key key = {0};
    key.exporter.high = weir_read_u64(reader);
    key.exporter.low = weir_read_u64(reader);
    key.domain = weir_read_u32(reader);
    key.protocol = weir_read_u16(reader);
    key.transport = weir_read_u16(reader);
    return key;
}

/* What continues it is not known any more: it is not known what it missed. */
static struct weir_source restore_source(struct weir_reader *reader)
{
    struct weir_source source = {0};
    source.port_count = weir_read_u8(reader);
    source.hops = weir_read_u8(reader);
    source.has_every_port = weir_read_u8(reader) != 0;
    source.messages = weir_read_u8(reader);
    source.next.number = weir_read_u32(reader);
    for (unsigned i = 0; i < WEIR_SOURCE_PORTS; i++)
        source.ports[i].port = weir_read_u16(reader);
    return source;
}

static struct weir_sequence restore_sequence(struct weir_reader *reader)
{
    struct weir_sequence sequence = {.is_restored = true};
    struct weir_ledger *ledger = &sequence.ledger;
    ledger->started = weir_read_u8(reader) != 0;
    ledger->is_continued = true;
    sequence.counting = (enum weir_sequence_counting)weir_read_u8(reader);
    ledger->next = weir_read_u32(reader);
    ledger->floor = ledger->next;
    ledger->slack = weir_read_u32(reader);
    ledger->uptime_ms = weir_read_u32(reader);
    ledger->export_time_ns = (int64_t)weir_read_u64(reader);
    ledger->settled_unknown = weir_read_u64(reader);
    return sequence;
}

/* Reads the next Template of the pool into the buffer. */
static int read_template(struct restore *restore, struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_template *made = restore->template_buffer;
    *made = (struct weir_template){.is_options = weir_read_u8(reader) != 0};
    made->scope_count = weir_read_u16(reader);
    made->field_count = weir_read_u16(reader);
    if (made->field_count > WEIR_TEMPLATE_FIELDS_MAX || made->scope_count > made->field_count)
        return broken(restore, "no such Template can be", diag);
    for (unsigned i = 0; i < made->field_count; i++) {
        struct weir_field *field = &made->fields[i];
        field->pen = weir_read_u32(reader);
        field->id = weir_read_u16(reader);
        field->length = weir_read_u16(reader);
        bool is_variable = field->length == WEIR_LENGTH_VARIABLE;
        made->is_variable = made->is_variable || is_variable;
        made->record_length += is_variable ? 1u : field->length;
    }
    return weir_reader_failed(reader) ? broken(restore, "a Template is cut", diag) : 0;
}

/* 0, also where Templates do not fit; or an error. */
static int restore_pool(struct restore *restore, struct weir_diag *diag)
{
    uint32_t count = weir_read_u32(&restore->reader);
    if (count > weir_reader_remaining(&restore->reader) / TEMPLATE_OCTETS)
        return broken(restore, "Templates are fewer than it says", diag);
    restore->templates = calloc(count ? count : 1, sizeof(struct weir_shared_template *));
    restore->template_buffer = malloc(WEIR_TEMPLATE_OCTETS_MAX);
    if (!restore->templates || !restore->template_buffer)
        return WEIR_E_NOMEM;
    restore->template_count = count;
    for (uint32_t i = 0; i < count; i++) {
        int result = read_template(restore, diag);
        if (result == 0)
            result = weir_template_pool_take(&restore->sessions->pool, restore->template_buffer,
                                             &restore->templates[i]);
        if (result < 0 && result != WEIR_E_LIMIT)
            return result;
    }
    return 0;
}

static int restore_entry(struct restore *restore, struct weir_session *session,
                         struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_template_origin origin;
    uint16_t id = weir_read_u16(reader);
    origin.port = weir_read_u16(reader);
    origin.received_ns = (int64_t)weir_read_u64(reader);
    uint32_t number = weir_read_u32(reader);
    if (weir_reader_failed(reader) || id < 256 || number >= restore->template_count)
        return broken(restore, "a session has a Template that there is not", diag);
    int result =
        weir_template_table_share(&session->templates, &restore->sessions->pool, id, &origin,
                                  restore->sessions->limits.templates, restore->templates[number]);
    return result == WEIR_E_LIMIT ? 0 : result;
}

/* What a message of this session said, but for its times. */
static struct weir_plan_context context_of(const struct weir_session *session, uint16_t id)
{
    const struct weir_session_key *key = &session->key;
    struct weir_plan_context context = {
        .segment =
            {
                .domain = key->domain,
                .protocol_version = (uint8_t)key->protocol,
                .template_id = id,
            },
        .session = &session->references,
    };
    if (key->transport == WEIR_COLLECT_UDP) {
        context.segment.exporter = key->exporter;
        context.segment.has_exporter = true;
    }
    return context;
}

static int restore_recalled(struct restore *restore, struct weir_session *session,
                            struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_sessions *sessions = restore->sessions;
    uint32_t number = weir_read_u32(reader);
    struct weir_plan_context context = context_of(session, weir_read_u16(reader));
    context.segment.received_ns = (int64_t)weir_read_u64(reader);
    context.export_time_ns = (int64_t)weir_read_u64(reader);
    context.uptime_zero_ns = (int64_t)weir_read_u64(reader);
    size_t length = weir_read_u32(reader);
    const uint8_t *octets = weir_read_octets(reader, length);
    if (!octets || number >= restore->template_count)
        return broken(restore, "a record of options is cut", diag);
    if (!restore->templates[number])
        return 0;
    const struct weir_template *source = restore->templates[number]->source;
    struct weir_set set = {
        .kind = WEIR_SET_DATA,
        .id = context.segment.template_id,
        .body = weir_reader_make(octets, length),
    };
    struct weir_record record;
    if (!source->is_options || weir_set_next_record(&set, source, &record, NULL) < 0)
        return broken(restore, "a record is none of its Options Template", diag);
    const struct weir_options_record options = {
        .source = source,
        .origin = &context,
        .octets = record.octets.octets,
        .length = record.octets.remaining,
        .budget = &sessions->pool.budget,
    };
    if (weir_options_learn(session, &options))
        (void)weir_recall_put(&sessions->recall, &session->recall, &sessions->pool, source,
                              &context, options.octets, options.length);
    return 0;
}

static int restore_waiting(struct restore *restore, struct weir_session *session,
                           struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    uint16_t id = weir_read_u16(reader);
    struct weir_plan_context context = context_of(session, id);
    context.segment.received_ns = (int64_t)weir_read_u64(reader);
    context.export_time_ns = (int64_t)weir_read_u64(reader);
    context.uptime_zero_ns = (int64_t)weir_read_u64(reader);
    context.sampling = weir_read_u32(reader);
    size_t length = weir_read_u32(reader);
    const uint8_t *octets = weir_read_octets(reader, length);
    if (!octets || id < 256)
        return broken(restore, "a set that waits is cut", diag);
    uint32_t dropped =
        weir_waiting_push(&session->waiting, &restore->sessions->limits.waiting,
                          &restore->sessions->waiting_budget, id, 0, &context, octets, length);
    WEIR_TALLY(&session->tally, sets_overflowed, dropped);
    session->has_undecodable = session->has_undecodable || dropped > 0;
    return 0;
}

static int restore_sampler(struct restore *restore, struct weir_session *session,
                           struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_sampler_key key = {.kind = (enum weir_sampler_kind)weir_read_u8(reader)};
    key.domain = weir_read_u32(reader);
    key.source = weir_read_u32(reader);
    key.id = weir_read_u64(reader);
    uint64_t selected = weir_read_u64(reader), population = weir_read_u64(reader);
    if (weir_reader_failed(reader) || key.kind >= WEIR_SAMPLER_SEQUENCE)
        return broken(restore, "no such sampler can be", diag);
    enum weir_sampling_change change = weir_sampling_put(
        &session->exporter->sampling, &restore->sessions->pool.budget, key, selected, population);
    WEIR_TALLY(&session->tally, samplers_refused, change == WEIR_SAMPLING_REFUSED);
    return change == WEIR_SAMPLING_INVALID ? broken(restore, "no such interval can be", diag) : 0;
}

static int restore_selection(struct restore *restore, struct weir_session *session,
                             struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_sampler_key key = {.kind = WEIR_SAMPLER_SEQUENCE};
    uint64_t selectors[WEIR_SELECTORS_MAX];
    key.domain = weir_read_u32(reader);
    key.source = weir_read_u32(reader);
    key.id = weir_read_u64(reader);
    uint32_t count = weir_read_u8(reader);
    for (uint32_t i = 0; i < count && i < WEIR_SELECTORS_MAX; i++)
        selectors[i] = weir_read_u64(reader);
    if (weir_reader_failed(reader) || count == 0 || count > WEIR_SELECTORS_MAX)
        return broken(restore, "no such selection sequence can be", diag);
    enum weir_sampling_change change = weir_sampling_put_selection(
        &session->exporter->sampling, &restore->sessions->pool.budget, key, selectors, count);
    WEIR_TALLY(&session->tally, samplers_refused, change == WEIR_SAMPLING_REFUSED);
    return 0;
}

static int restore_session(struct restore *restore, struct weir_diag *diag)
{
    struct weir_reader *reader = &restore->reader;
    struct weir_session_key key = restore_key(reader);
    struct weir_source source = restore_source(reader);
    struct weir_sequence sequence = restore_sequence(reader);
    uint8_t flags = weir_read_u8(reader);
    uint32_t template_count = weir_read_u32(reader), waiting_count = weir_read_u32(reader);
    uint32_t number = weir_read_u32(reader);
    int64_t init_time_ns = (int64_t)weir_read_u64(reader);
    uint32_t sampler_count = weir_read_u32(reader), selection_count = weir_read_u32(reader);
    uint32_t recalled_count = weir_read_u32(reader);
    if (weir_reader_failed(reader))
        return broken(restore, "a session is cut", diag);
    if (key.transport > WEIR_COLLECT_FILE || source.port_count > WEIR_SOURCE_PORTS ||
        sequence.counting >= WEIR_SEQUENCE_COUNTINGS)
        return broken(restore, "no such session can be", diag);
    struct weir_session *session;
    int result = weir_sessions_add(restore->sessions, &key, &session);
    if (result < 0)
        return result;
    session->source = source;
    session->sequence = sequence;
    session->has_undecodable = flags & IS_UNDECODABLE;
    session->exporter->sampling.in_records |= (flags & IS_IN_RECORDS) != 0;
    session->number = number;
    session->uptime.init_time_ns = init_time_ns < 0 ? 0 : init_time_ns;
    WEIR_TALLY(&session->tally, sessions_restored, 1);
    for (uint32_t i = 0; i < template_count && result == 0; i++)
        result = restore_entry(restore, session, diag);
    for (uint32_t i = 0; i < waiting_count && result == 0; i++)
        result = restore_waiting(restore, session, diag);
    for (uint32_t i = 0; i < sampler_count && result == 0; i++)
        result = restore_sampler(restore, session, diag);
    for (uint32_t i = 0; i < selection_count && result == 0; i++)
        result = restore_selection(restore, session, diag);
    /* What it is taught again was counted when it was taught first. */
    const struct weir_tally tally = session->tally;
    session->tally = weir_tally_make(tally.rest);
    for (uint32_t i = 0; i < recalled_count && result == 0; i++)
        result = restore_recalled(restore, session, diag);
    weir_tally_done(&session->tally);
    session->tally = tally;
    return result;
}

/* The octets after a header that is right. */
static int open_state(const void *octets, size_t length, struct weir_reader *ret_body,
                      struct weir_diag *diag)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    const uint8_t *magic = weir_read_octets(&reader, MAGIC_OCTETS);
    if (!magic || memcmp(magic, MAGIC, MAGIC_OCTETS) != 0)
        return weir_diag_set(diag, WEIR_E_NOT_FOUND, "it is no state of a collector");
    uint32_t version = weir_read_u32(&reader);
    uint64_t body_length = weir_read_u64(&reader), sum = weir_read_u64(&reader);
    if (weir_reader_failed(&reader))
        return weir_diag_set(diag, WEIR_E_TRUNCATED, "its header is cut");
    if (version != VERSION)
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED, "it is of version %u, and this weir's is %u",
                             version, VERSION);
    if (body_length > weir_reader_remaining(&reader))
        return weir_diag_set(diag, WEIR_E_TRUNCATED, "octets lack at its end");
    if (body_length < weir_reader_remaining(&reader))
        return weir_diag_set(diag, WEIR_E_MALFORMED, "octets follow its end");
    if (sum != checksum(reader.octets, (size_t)body_length))
        return weir_diag_set(diag, WEIR_E_MALFORMED, "its checksum is wrong");
    *ret_body = weir_reader_make(reader.octets, (size_t)body_length);
    return 0;
}

static int restore_all(struct restore *restore, struct weir_diag *diag)
{
    int result = restore_pool(restore, diag);
    uint32_t count = weir_read_u32(&restore->reader);
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = restore_session(restore, diag);
    if (result == 0 &&
        (weir_reader_failed(&restore->reader) || weir_reader_remaining(&restore->reader) > 0))
        result = broken(restore, "sessions are fewer or more than it says", diag);
    return result;
}

int weir_state_add(struct weir_sessions *sessions, const struct weir_share *share,
                   const void *octets, size_t length, struct weir_diag *diag)
{
    struct restore restore = {.sessions = sessions};
    uint64_t turn = sessions->turn;
    const struct weir_collect_counters before = sessions->evicted;
    int result = open_state(octets, length, &restore.reader, diag);
    if (result < 0)
        return result;
    int64_t saved_ns = (int64_t)weir_read_u64(&restore.reader);
    result = restore_all(&restore, diag);
    for (uint32_t i = 0; i < restore.template_count; i++)
        if (restore.templates[i])
            weir_template_pool_give_back(&sessions->pool, restore.templates[i]);
    free(restore.templates);
    free(restore.template_buffer);
    if (result == WEIR_E_NOMEM)
        (void)weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the exporters in it");
    if (result < 0) {
        weir_sessions_clear(sessions);
        sessions->evicted = before;
    } else {
        weir_sessions_sift(sessions, share, turn);
        if (saved_ns > sessions->state_ns)
            sessions->state_ns = saved_ns;
    }
    return result;
}

int weir_state_restore(struct weir_sessions *sessions, const void *octets, size_t length,
                       struct weir_diag *diag)
{
    const struct weir_share all = {0};
    weir_sessions_clear(sessions);
    return weir_state_add(sessions, &all, octets, length, diag);
}
