/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "export/private.h"

/*
 * RFC 7011 section 10.3.3's message size for a path of unknown MTU. Every Template and every
 * record of columns fits; with extra fields they may be longer.
 */
#define MESSAGE_MAX_LEAST 512u

/* Octets of a message before its first Template: the longer header, NetFlow v9's, and a set's. */
#define BEFORE_TEMPLATE 24u

/* Messages are filled up to a multiple of this. */
#define ALIGNMENT 4u

/*
 * sysUpTime 0 is a day before the first message: hardly a flow began earlier, and captures do not
 * last until it wraps, after 49.7 days. Live it does, as every router's.
 */
#define UPTIME_BEFORE_FIRST_NS (86400 * WEIR_NS_PER_SECOND)

/* Paced records that are later than this do not hurry to catch up. */
#define PACE_CATCH_UP_NS WEIR_NS_PER_SECOND

/* Of the 32 bits of seconds that every header has. */
#define HEADER_TIME_LAST_NS (UINT32_MAX * WEIR_NS_PER_SECOND)

/* From here on a shape is only made for records without what some lack. */
#define SHAPES_PARTIAL_MAX (WEIR_EXPORTER_SHAPES_MAX - 32u)

#define ROW(member, unit, help) WEIR_COUNTER(struct weir_exporter_counters, member, unit, help)
const struct weir_counter weir_exporter_counter_table[] = {
    ROW(records_sent, RECORDS, "Flow Records handed to the transport"),
    ROW(messages_sent, MESSAGES, "messages handed to the transport"),
    ROW(octets_sent, OCTETS, "octets of those messages"),
    ROW(templates_sent, TEMPLATES, "Templates announced, repetitions included"),
    ROW(options_sent, RECORDS, "records of options data handed to the transport"),
    ROW(options_failed, RECORDS, "records of options data in messages that it refused or dropped"),
    ROW(records_not_carried, RECORDS,
        "records the protocol cannot carry: IPv6 in NetFlow v1 and v5"),
    ROW(records_shapeless, RECORDS, "records dropped for want of a place for their Template"),
    ROW(records_failed, RECORDS, "records of messages the transport refused or dropped"),
    ROW(messages_failed, MESSAGES, "messages the transport refused or dropped"),
    ROW(packets_not_sent, PACKETS, "packets of the Flow Records that were not sent"),
    ROW(octets_not_sent, OCTETS, "octets of the Flow Records that were not sent"),
    ROW(records_too_long, RECORDS, "records dropped because no message has room for one"),
    ROW(records_without_fields, RECORDS,
        "records sent without what is neither column nor key, for want of a place for a Template, "
        "or because no message has room for it"),
    ROW(fields_not_carried, NONE,
        "fields of flow definitions that the protocol has not: lists and elements of enterprises "
        "in NetFlow v9, all that are no columns in v1 and v5"),
    ROW(values_clamped, NONE, "values too great for their field, sent as its greatest"),
};
#undef ROW
const size_t weir_exporter_counter_count =
    sizeof(weir_exporter_counter_table) / sizeof(weir_exporter_counter_table[0]);

int weir_exporter_new(const struct weir_exporter_config *config,
                      const struct weir_transport *transport, struct weir_exporter **ret_exporter,
                      struct weir_diag *diag)
{
    if (transport->message_max < MESSAGE_MAX_LEAST)
        return weir_diag_set(diag, WEIR_E_USAGE, "messages of %zu octets are too small: need %u",
                             transport->message_max, MESSAGE_MAX_LEAST);
    if (config->protocol == WEIR_PROTOCOL_NETFLOW5 && config->domain > UINT16_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE,
                             "domain %u: NetFlow v5 has 16 bits (engine type and id)",
                             config->domain);
    struct weir_exporter *exporter = calloc(1, sizeof(*exporter));
    if (!exporter)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for the Exporting Process");
    exporter->config = *config;
    exporter->transport = transport;
    weir_hash_key_seed(&exporter->shape_hash, 0);
    exporter->buffers = malloc(WEIR_EXPORTER_QUEUE * transport->message_max);
    if (!exporter->buffers) {
        free(exporter);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %u messages of %zu octets",
                             WEIR_EXPORTER_QUEUE, transport->message_max);
    }
    int result = weir_exporter_options_init(exporter, diag);
    if (result < 0) {
        weir_exporter_free(exporter);
        return result;
    }
    *ret_exporter = exporter;
    return 0;
}

void weir_exporter_free(struct weir_exporter *exporter)
{
    if (!exporter)
        return;
    for (uint32_t i = 0; i < exporter->shape_count; i++) {
        free(exporter->shapes[i].announcement.source);
        if (exporter->shapes[i].has_own_plan)
            weir_plan_free(exporter->shapes[i].plan);
    }
    for (uint32_t i = 0; i < exporter->extra_count; i++)
        free(exporter->extras[i]);
    weir_exporter_options_done(&exporter->options);
    free(exporter->buffers);
    free(exporter);
}

/*
 * Waits until the records sent so far are due at the configured rate. After a pause the count
 * begins anew: the rate is what the collector can take, however long nothing came.
 */
static void pace(struct weir_exporter *exporter, uint64_t records)
{
    const struct weir_exporter_config *config = &exporter->config;
    if (config->records_per_second == 0)
        return;
    int64_t now = weir_clock_now(&config->clock);
    if (exporter->paced_records == 0)
        exporter->pace_start_ns = now;
    exporter->paced_records += records;
    double due = (double)exporter->paced_records / (double)config->records_per_second;
    int64_t wait = exporter->pace_start_ns + (int64_t)(due * (double)WEIR_NS_PER_SECOND) - now;
    if (wait > 0)
        config->sleep_ns(config->sleep_context, wait);
    else if (wait < -PACE_CATCH_UP_NS)
        exporter->paced_records = 0;
}

static void count_sent(struct weir_exporter *exporter, uint32_t slot)
{
    exporter->counters.messages_sent++;
    exporter->counters.octets_sent += exporter->queue[slot].length;
    exporter->counters.records_sent += exporter->queued_records[slot];
    exporter->counters.options_sent += exporter->queued_options[slot];
}

static void count_failed(struct weir_exporter *exporter, uint32_t slot)
{
    exporter->counters.messages_failed++;
    exporter->counters.records_failed += exporter->queued_records[slot];
    exporter->counters.options_failed += exporter->queued_options[slot];
    if (exporter->queued_records[slot] > 0)
        weir_exporter_unsent_message(exporter, &exporter->queue[slot]);
}

int weir_exporter_send_queue(struct weir_exporter *exporter, struct weir_diag *diag)
{
    const struct weir_transport *transport = exporter->transport;
    uint32_t count = exporter->queue_length, slot = 0;
    uint64_t records_before = exporter->counters.records_sent;
    int result = 0;
    exporter->queue_length = 0;
    while (slot < count) {
        size_t sent = 0;
        if (result == 0)
            result = transport->send(transport->context, exporter->queue + slot, count - slot,
                                     &sent, diag);
        for (uint32_t end = slot + (uint32_t)sent; slot < end; slot++)
            count_sent(exporter, slot);
        /* The next was dropped; after an error all are. */
        if (slot < count)
            count_failed(exporter, slot++);
    }
    pace(exporter, exporter->counters.records_sent - records_before);
    return result;
}

static bool is_message_empty(const struct weir_exporter *exporter)
{
    return exporter->encoder.record_count == 0 && exporter->encoder.template_count == 0;
}

/* Puts the open message, unless nothing is in it, into the queue; sends the queue when it is full.
 */
int weir_exporter_close_message(struct weir_exporter *exporter, struct weir_diag *diag)
{
    if (!exporter->message_open)
        return 0;
    exporter->message_open = false;
    if (is_message_empty(exporter))
        return 0;
    uint32_t records = exporter->encoder.record_count;
    uint32_t slot = exporter->queue_length++;
    exporter->queue[slot].octets = exporter->encoder.writer.start;
    exporter->queue[slot].length = weir_encoder_end(&exporter->encoder);
    exporter->queued_records[slot] = records - exporter->message_options;
    exporter->queued_options[slot] = exporter->message_options;
    exporter->sequence += exporter->config.protocol == WEIR_PROTOCOL_NETFLOW9 ? 1 : records;
    /* Paced records go out as their message fills, not a queue at once. */
    bool full =
        exporter->queue_length == WEIR_EXPORTER_QUEUE || exporter->config.records_per_second;
    return full ? weir_exporter_send_queue(exporter, diag) : 0;
}

/*
 * The header's time for records exported at time_ns. IPFIX says whole seconds. NetFlow v9 says
 * whole seconds too but refers its flows' times to them, so a flow must not end after the header's
 * time, nor the fraction be lost: the next whole second, with the sysUpTime of that moment. All
 * have 32 bits of seconds since 1970: a capture may claim any time, and gets the nearest of these.
 */
static int64_t header_time(const struct weir_exporter *exporter, int64_t time_ns)
{
    if (time_ns < 0)
        return 0;
    if (time_ns > HEADER_TIME_LAST_NS)
        return HEADER_TIME_LAST_NS;
    int64_t second = time_ns / WEIR_NS_PER_SECOND * WEIR_NS_PER_SECOND;
    if (exporter->config.protocol != WEIR_PROTOCOL_IPFIX && second < time_ns)
        second += WEIR_NS_PER_SECOND;
    return second;
}

void weir_exporter_open_message(struct weir_exporter *exporter, int64_t time_ns)
{
    if (exporter->message_open)
        return;
    if (!exporter->has_uptime) {
        exporter->has_uptime = true;
        exporter->uptime_zero_ns =
            time_ns / WEIR_NS_PER_SECOND * WEIR_NS_PER_SECOND - UPTIME_BEFORE_FIRST_NS;
    }
    struct weir_encoder_header header = {
        .sequence = exporter->sequence,
        .domain = exporter->config.domain,
        .export_time_ns = time_ns,
        .uptime_zero_ns = exporter->uptime_zero_ns,
        .sampling = exporter->sampling,
    };
    weir_encoder_begin(&exporter->encoder, exporter->config.protocol,
                       exporter->buffers +
                           exporter->queue_length * exporter->transport->message_max,
                       exporter->transport->message_max, &header);
    exporter->message_open = true;
    exporter->message_options = 0;
    exporter->message_time_ns = time_ns;
}

static const struct weir_extra_absent nothing;

static bool is_same_absent(struct weir_extra_absent a, struct weir_extra_absent b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* What records lack that go without their extra fields but for the keys, which tell them apart. */
static struct weir_extra_absent all_but_keys(const struct weir_extra_fields *extra)
{
    struct weir_extra_absent absent = {0};
    for (size_t i = extra->key_count; i < extra->count; i++)
        weir_extra_leave_out(&absent, i);
    return absent;
}

/* Whether a message has room for its Template; those of fixed formats are not sent. */
static bool is_short_enough(const struct weir_exporter *exporter, const struct weir_shape *shape)
{
    size_t room = exporter->transport->message_max / ALIGNMENT * ALIGNMENT - BEFORE_TEMPLATE;
    return weir_message_builtin_template(shape->protocol) ||
           weir_shape_template_octets(shape) <= room;
}

/* The plan of an entry: that of one before it with the same columns in records as long, or new. */
static int make_plan(const struct weir_exporter *exporter, struct weir_shape_entry *entry)
{
    struct weir_template *columns = weir_shape_column_template(&entry->shape);
    if (!columns)
        return WEIR_E_NOMEM;
    entry->fixed_octets = columns->record_length;
    for (uint32_t i = 0; i < exporter->shape_count && !entry->plan; i++)
        if (exporter->shapes[i].fixed_octets == entry->fixed_octets &&
            weir_shape_same_columns(&exporter->shapes[i].shape, &entry->shape))
            entry->plan = exporter->shapes[i].plan;
    entry->has_own_plan = !entry->plan;
    int result = entry->plan ? 0 : weir_plan_compile(columns, &entry->plan);
    free(columns);
    return result;
}

/* A new entry, which goes into the slot, or NULL. */
static struct weir_shape_entry *add_shape(struct weir_exporter *exporter, struct weir_shape shape,
                                          uint16_t *slot)
{
    bool is_partial = !is_same_absent(shape.absent, nothing) &&
                      !is_same_absent(shape.absent, all_but_keys(shape.extra));
    if (exporter->shape_count >= (is_partial ? SHAPES_PARTIAL_MAX : WEIR_EXPORTER_SHAPES_MAX) ||
        !is_short_enough(exporter, &shape))
        return NULL;
    struct weir_shape_entry *entry = &exporter->shapes[exporter->shape_count];
    *entry = (struct weir_shape_entry){.shape = shape};
    struct weir_template *source = weir_shape_template(
        &shape, (uint16_t)(WEIR_EXPORTER_FIRST_TEMPLATE + exporter->shape_count));
    if (!source || source->field_count == 0 || make_plan(exporter, entry) < 0) {
        free(source);
        return NULL;
    }
    entry->announcement.source = source;
    entry->announcement.is_done = weir_message_builtin_template(shape.protocol) != NULL;
    *slot = (uint16_t)++exporter->shape_count;
    return entry;
}

static bool is_same_shape(const struct weir_shape *a, const struct weir_shape *b)
{
    return weir_shape_same_columns(a, b) && a->keys == b->keys && a->extra == b->extra &&
           is_same_absent(a->absent, b->absent);
}

static uint64_t hash_shape(const struct weir_exporter *exporter, const struct weir_shape *shape)
{
    const uint64_t words[] = {shape->columns,
                              shape->keys,
                              (uint64_t)shape->is_v6 << 16 | (uint64_t)shape->names_sequence << 8 |
                                  shape->prefixes,
                              (uintptr_t)shape->extra,
                              shape->absent.words[0],
                              shape->absent.words[1],
                              shape->absent.words[2]};
    _Static_assert(sizeof(words) == 4 * sizeof(words[0]) + sizeof(shape->absent), "all words");
    return weir_hash(&exporter->shape_hash, words, sizeof(words));
}

/* The entry of a shape, made when new; NULL where no place or memory is left. */
static struct weir_shape_entry *find_shape(struct weir_exporter *exporter, struct weir_shape shape)
{
    uint64_t at = hash_shape(exporter, &shape);
    uint16_t *slot;
    while (*(slot = &exporter->shape_slots[at++ % WEIR_EXPORTER_SHAPE_SLOTS]) > 0)
        if (is_same_shape(&exporter->shapes[*slot - 1].shape, &shape))
            return &exporter->shapes[*slot - 1];
    return add_shape(exporter, shape, slot);
}

/* The exporter's copy of a batch's extra fields; NULL: it has none, or there is no place left. */
static const struct weir_exporter_extra *keep_extra(struct weir_exporter *exporter,
                                                    const struct weir_extra_fields *extra)
{
    for (uint32_t i = 0; extra && i < exporter->extra_count; i++)
        if (weir_extra_equal(&exporter->extras[i]->fields, extra))
            return exporter->extras[i];
    if (!extra || exporter->extra_count == WEIR_EXPORTER_EXTRAS)
        return NULL;
    struct weir_exporter_extra *copy = malloc(sizeof(*copy));
    if (!copy)
        return NULL;
    copy->fields = *extra;
    copy->not_carried = weir_shape_not_carried(exporter->config.protocol, extra);
    for (size_t i = 0; i < extra->count; i++)
        exporter->counters.fields_not_carried += weir_extra_lacks(&copy->not_carried, i);
    exporter->extras[exporter->extra_count++] = copy;
    return copy;
}

bool weir_exporter_is_due(const struct weir_exporter *exporter, bool is_done, int64_t at_ns,
                          int64_t time_ns)
{
    if (!is_done)
        return true;
    int64_t refresh = exporter->config.template_refresh_ns;
    if (refresh <= 0 || exporter->transport->reliable ||
        weir_message_builtin_template(exporter->config.protocol))
        return false;
    /* Either way: where the clock was set far back, the next refresh would be as far off. */
    int64_t apart = time_ns - at_ns;
    return apart >= refresh || -apart >= refresh;
}

int weir_exporter_announce(struct weir_exporter *exporter, struct weir_announcement *announcement,
                           struct weir_diag *diag)
{
    int64_t time_ns = exporter->message_time_ns;
    if (!weir_exporter_is_due(exporter, announcement->is_done, announcement->at_ns, time_ns))
        return 0;
    if (weir_encoder_template(&exporter->encoder, announcement->source) < 0) {
        int result = weir_exporter_close_message(exporter, diag);
        if (result < 0)
            return result;
        weir_exporter_open_message(exporter, time_ns);
        if (weir_encoder_template(&exporter->encoder, announcement->source) < 0)
            return weir_diag_set(diag, WEIR_E_LIMIT, "a Template does not fit into a message");
    }
    announcement->is_done = true;
    announcement->at_ns = time_ns;
    exporter->counters.templates_sent++;
    return 0;
}

/* As many of the rows as the open message has room for; how many they were. */
static uint32_t encode_rows(struct weir_exporter *exporter, const struct weir_batch *batch,
                            const struct weir_shape_entry *entry, uint32_t row, uint32_t count)
{
    const struct weir_shape *shape = &entry->shape;
    const struct weir_template *source = entry->announcement.source;
    size_t fixed = entry->fixed_octets;
    uint32_t got = 0;
    uint8_t *room;
    if (!source->is_variable) {
        room = weir_encoder_records(&exporter->encoder, source, count, &got);
    } else {
        size_t octets = fixed + weir_shape_variable_octets(shape, batch, row);
        room = weir_encoder_record(&exporter->encoder, source, (uint32_t)octets);
        got = room != NULL;
    }
    if (got == 0)
        return 0;
    weir_plan_encode(entry->plan, batch, row, got, &exporter->encoder.context, room,
                     &exporter->counters.values_clamped);
    weir_shape_encode_extra(shape, entry->fixed_octets, batch, row, got, room);
    if (source->is_variable)
        weir_shape_encode_variable(shape, batch, row, room + fixed);
    return got;
}

/* The Template of a shape, and what options say of it. */
static int announce_shape(struct weir_exporter *exporter, struct weir_shape_entry *entry,
                          struct weir_diag *diag)
{
    const struct weir_announcement *announcement = &entry->announcement;
    if (!weir_exporter_is_due(exporter, announcement->is_done, announcement->at_ns,
                              exporter->message_time_ns))
        return 0;
    return exporter->config.has_options
               ? weir_exporter_options_of_shape(exporter, entry, diag)
               : weir_exporter_announce(exporter, &entry->announcement, diag);
}

/* Rows of one shape, one segment. */
static int export_run(struct weir_exporter *exporter, const struct weir_batch *batch,
                      const struct weir_segment *segment, struct weir_shape_entry *entry,
                      uint32_t first_row, uint32_t row_count, struct weir_diag *diag)
{
    int64_t time_ns = header_time(exporter, segment->received_ns);
    int result = 0;
    exporter->now_ns = time_ns;
    if (exporter->message_open && exporter->message_time_ns < time_ns)
        result = weir_exporter_close_message(exporter, diag);
    while (result == 0 && row_count > 0) {
        weir_exporter_open_message(exporter, time_ns);
        result = announce_shape(exporter, entry, diag);
        if (result < 0)
            break;
        bool is_empty = is_message_empty(exporter);
        uint32_t got = encode_rows(exporter, batch, entry, first_row, row_count);
        if (got == 0 && !is_empty) {
            result = weir_exporter_close_message(exporter, diag);
        } else if (got == 0) {
            exporter->counters.records_too_long++;
            weir_exporter_unsent_rows(exporter, batch, segment, first_row, 1);
            got = 1;
        }
        first_row += got;
        row_count -= got;
    }
    exporter->counters.records_failed += row_count;
    weir_exporter_unsent_rows(exporter, batch, segment, first_row, row_count);
    return result;
}

/* Without a branch for each: batches of the Metering Process are of one family. */
static bool are_all_v4(const uint64_t *high, const uint64_t *low, uint32_t count)
{
    uint64_t other = 0;
    for (uint32_t i = 0; i < count; i++)
        other |= high[i] | (low[i] ^ WEIR_ADDRESS_V4_PREFIX) >> 32;
    return other == 0;
}

/* Where the rows of the first one's address family end. */
static uint32_t run_of_family(const struct weir_batch *batch, const struct weir_segment *segment,
                              uint32_t row, uint32_t end, bool *ret_is_v6)
{
    *ret_is_v6 = false;
    if (!(segment->columns & WEIR_COLUMN_BIT(SRC_ADDR)))
        return end;
    const uint64_t *high = weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR);
    const uint64_t *low = weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR);
    bool is_v4 = weir_address_is_v4((struct weir_address){high[row], low[row]});
    *ret_is_v6 = !is_v4;
    if (is_v4 && are_all_v4(high + row, low + row, end - row))
        return end;
    while (row < end && weir_address_is_v4((struct weir_address){high[row], low[row]}) == is_v4)
        row++;
    return row;
}

/* NetFlow v5 says in the header that one packet in so many was sampled: 2 bits of mode, 14 bits. */
#define SAMPLING_MODE     (UINT16_C(1) << 14)
#define SAMPLING_GREATEST (SAMPLING_MODE - 1)

static bool says_sampling(const struct weir_exporter *exporter, const struct weir_segment *segment)
{
    return exporter->config.protocol == WEIR_PROTOCOL_NETFLOW5 &&
           segment->columns & WEIR_COLUMN_BIT(SAMPLING);
}

static uint16_t row_sampling(const struct weir_batch *batch, const struct weir_segment *segment,
                             uint32_t row)
{
    bool has_size = segment->columns & WEIR_COLUMN_BIT(SAMPLING_SIZE);
    uint64_t interval = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[row];
    uint64_t size = has_size ? weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE)[row] : 1;
    if (size > 1)
        interval = (interval + size / 2) / size;
    if (interval <= 1)
        return 0;
    return (uint16_t)(SAMPLING_MODE |
                      (interval < SAMPLING_GREATEST ? interval : SAMPLING_GREATEST));
}

/* Messages are of one interval. */
static int set_sampling(struct weir_exporter *exporter, uint16_t sampling, struct weir_diag *diag)
{
    if (exporter->sampling == sampling)
        return 0;
    exporter->sampling = sampling;
    return weir_exporter_close_message(exporter, diag);
}

/* What a row lacks in messages of the protocol. */
static struct weir_extra_absent absent_of(const struct weir_batch *batch,
                                          const struct weir_exporter_extra *extra, uint32_t row)
{
    struct weir_extra_absent absent = batch->extra_absent[row];
    for (size_t i = 0; i < sizeof(absent.words) / sizeof(absent.words[0]); i++)
        absent.words[i] |= extra->not_carried.words[i];
    return absent;
}

/* The entry for rows with extra fields; where it has no place one of the keys among them alone. */
static struct weir_shape_entry *find_partial_shape(struct weir_exporter *exporter,
                                                   struct weir_shape shape, uint32_t rows)
{
    struct weir_shape_entry *entry = find_shape(exporter, shape);
    if (entry || !shape.extra)
        return entry;
    shape.absent = all_but_keys(shape.extra);
    entry = find_shape(exporter, shape);
    if (entry)
        exporter->counters.records_without_fields += rows;
    return entry;
}

/* Cuts a segment into runs of one address family, the same fields and one interval, and exports
 * each. */
static int export_segment(struct weir_exporter *exporter, const struct weir_batch *batch,
                          const struct weir_segment *segment, struct weir_diag *diag)
{
    uint32_t row = segment->first_row;
    uint32_t end = segment->first_row + segment->row_count;
    bool has_sampling = says_sampling(exporter, segment);
    int first_error = 0;
    const struct weir_exporter_extra *extra = keep_extra(exporter, batch->extra);
    if (batch->extra && !extra)
        exporter->counters.records_without_fields += segment->row_count;
    while (row < end) {
        bool is_v6;
        const uint32_t run_end = run_of_family(batch, segment, row, end, &is_v6);
        uint16_t sampling = has_sampling ? row_sampling(batch, segment, row) : 0;
        struct weir_extra_absent absent = extra ? absent_of(batch, extra, row) : nothing;
        uint32_t run = extra || has_sampling ? row + 1 : run_end;
        while (run < run_end && (!extra || is_same_absent(absent_of(batch, extra, run), absent)) &&
               (!has_sampling || row_sampling(batch, segment, run) == sampling))
            run++;
        struct weir_shape shape = {
            .columns = segment->columns,
            .is_v6 = is_v6,
            .names_sequence = segment->names_sequence && exporter->config.has_options,
            .keys = segment->keys,
            .prefixes = segment->prefixes,
            .protocol = exporter->config.protocol,
            .extra = extra ? &extra->fields : NULL,
            .absent = absent,
        };
        struct weir_shape_entry *entry;
        if (!weir_shape_is_carried(&shape)) {
            exporter->counters.records_not_carried += run - row;
            weir_exporter_unsent_rows(exporter, batch, segment, row, run - row);
        } else if (!(entry = find_partial_shape(exporter, shape, run - row))) {
            exporter->counters.records_shapeless += run - row;
            weir_exporter_unsent_rows(exporter, batch, segment, row, run - row);
        } else {
            int result = set_sampling(exporter, sampling, diag);
            int exported = export_run(exporter, batch, segment, entry, row, run - row, diag);
            result = result < 0 ? result : exported;
            first_error = first_error < 0 ? first_error : result;
        }
        row = run;
    }
    return first_error;
}

int weir_exporter_batch(struct weir_exporter *exporter, const struct weir_batch *batch,
                        struct weir_diag *diag)
{
    int first_error = 0;
    if (batch->segment_count > 0)
        first_error = weir_exporter_options_before(
            exporter, header_time(exporter, batch->segments[0].received_ns), diag);
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        int result = export_segment(exporter, batch, &batch->segments[i], diag);
        first_error = first_error < 0 ? first_error : result;
    }
    return first_error;
}

int weir_exporter_flush(struct weir_exporter *exporter, struct weir_diag *diag)
{
    int result = weir_exporter_close_message(exporter, diag);
    int sent = weir_exporter_send_queue(exporter, diag);
    return result < 0 ? result : sent;
}

const struct weir_exporter_counters *weir_exporter_counters(const struct weir_exporter *exporter)
{
    return &exporter->counters;
}

static int sink_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    return weir_exporter_batch(context, batch, diag);
}

static int sink_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct weir_exporter *exporter = context;
    int result = 0;
    if (now_ns > 0)
        result = weir_exporter_options_before(exporter, header_time(exporter, now_ns), diag);
    int flushed = weir_exporter_flush(exporter, diag);
    return result < 0 ? result : flushed;
}

struct weir_batch_sink weir_exporter_sink(struct weir_exporter *exporter)
{
    return (struct weir_batch_sink){sink_batch, sink_flush, exporter};
}
