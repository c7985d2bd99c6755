/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "export/shape.h"
#include "record/plan.h"
#include "wire/encoder.h"

#define FIRST_TEMPLATE_ID 256u
#define QUEUE_MESSAGES    32u /* handed to the transport at once */

/*
 * RFC 7011 section 10.3.3's message size for a path of unknown MTU. Every Template and every
 * record of export/shape.c fits.
 */
#define MESSAGE_MAX_LEAST 512u

/*
 * sysUpTime 0 is a day before the first message: hardly a flow began earlier, and captures do not
 * last until it wraps, after 49.7 days. Live it does, as every router's.
 */
#define UPTIME_BEFORE_FIRST_NS (86400 * WEIR_NS_PER_SECOND)

/* Paced records that are later than this do not hurry to catch up. */
#define PACE_CATCH_UP_NS WEIR_NS_PER_SECOND

/* Of the 32 bits of seconds that every header has. */
#define HEADER_TIME_LAST_NS (UINT32_MAX * WEIR_NS_PER_SECOND)

struct shape_entry {
    struct weir_shape shape;
    struct weir_extra_fields extra; /* of the shape: batches come and go */
    struct weir_template *source;
    struct weir_plan *plan;
    int64_t announced_ns;
    bool is_announced;
};

struct weir_exporter {
    struct weir_exporter_config config;
    const struct weir_transport *transport;
    struct weir_exporter_counters counters;

    struct shape_entry shapes[WEIR_EXPORTER_SHAPES_MAX];
    uint32_t shape_count;

    uint8_t *buffers; /* QUEUE_MESSAGES of transport->message_max octets */
    struct weir_message_octets queue[QUEUE_MESSAGES];
    uint32_t queued_records[QUEUE_MESSAGES];
    uint32_t queue_length;

    struct weir_encoder encoder; /* the message being filled, in buffer queue_length */
    bool message_open;
    int64_t message_time_ns; /* its header's export time */
    uint32_t sequence;
    bool has_uptime;
    int64_t uptime_zero_ns;

    uint64_t paced_records;
    int64_t pace_start_ns;
};

#define ROW(member, unit, help) WEIR_COUNTER(struct weir_exporter_counters, member, unit, help)
const struct weir_counter weir_exporter_counter_table[] = {
    ROW(records_sent, RECORDS, "Flow Records handed to the transport"),
    ROW(messages_sent, MESSAGES, "messages handed to the transport"),
    ROW(octets_sent, OCTETS, "octets of those messages"),
    ROW(templates_sent, TEMPLATES, "Templates announced, repetitions included"),
    ROW(records_not_carried, RECORDS,
        "records the protocol cannot carry: IPv6 in NetFlow v1 and v5"),
    ROW(records_shapeless, RECORDS, "records dropped for want of a place for their Template"),
    ROW(records_failed, RECORDS, "records of messages the transport refused or dropped"),
    ROW(messages_failed, MESSAGES, "messages the transport refused or dropped"),
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
    exporter->buffers = malloc(QUEUE_MESSAGES * transport->message_max);
    if (!exporter->buffers) {
        free(exporter);
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory for %u messages of %zu octets",
                             QUEUE_MESSAGES, transport->message_max);
    }
    *ret_exporter = exporter;
    return 0;
}

void weir_exporter_free(struct weir_exporter *exporter)
{
    if (!exporter)
        return;
    for (uint32_t i = 0; i < exporter->shape_count; i++) {
        free(exporter->shapes[i].source);
        weir_plan_free(exporter->shapes[i].plan);
    }
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
}

static void count_failed(struct weir_exporter *exporter, uint32_t slot)
{
    exporter->counters.messages_failed++;
    exporter->counters.records_failed += exporter->queued_records[slot];
}

static int send_queue(struct weir_exporter *exporter, struct weir_diag *diag)
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

/* Puts the open message into the queue; sends the queue when it is full. */
static int close_message(struct weir_exporter *exporter, struct weir_diag *diag)
{
    if (!exporter->message_open)
        return 0;
    exporter->message_open = false;
    uint32_t records = exporter->encoder.record_count;
    uint32_t slot = exporter->queue_length++;
    exporter->queue[slot].octets = exporter->encoder.writer.start;
    exporter->queue[slot].length = weir_encoder_end(&exporter->encoder);
    exporter->queued_records[slot] = records;
    exporter->sequence += exporter->config.protocol == WEIR_PROTOCOL_NETFLOW9 ? 1 : records;
    /* Paced records go out as their message fills, not 32 messages at once. */
    bool full = exporter->queue_length == QUEUE_MESSAGES || exporter->config.records_per_second;
    return full ? send_queue(exporter, diag) : 0;
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

static void open_message(struct weir_exporter *exporter, int64_t time_ns)
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
    };
    weir_encoder_begin(&exporter->encoder, exporter->config.protocol,
                       exporter->buffers +
                           exporter->queue_length * exporter->transport->message_max,
                       exporter->transport->message_max, &header);
    exporter->message_open = true;
    exporter->message_time_ns = time_ns;
}

/* The entry of a shape, made when new; NULL where no place or memory is left. */
static struct shape_entry *find_shape(struct weir_exporter *exporter, struct weir_shape shape)
{
    for (uint32_t i = 0; i < exporter->shape_count; i++) {
        struct shape_entry *entry = &exporter->shapes[i];
        if (entry->shape.columns == shape.columns && entry->shape.is_v6 == shape.is_v6 &&
            entry->shape.prefixes == shape.prefixes &&
            weir_extra_equal(entry->shape.extra, shape.extra))
            return entry;
    }
    if (exporter->shape_count == WEIR_EXPORTER_SHAPES_MAX)
        return NULL;
    struct shape_entry *entry = &exporter->shapes[exporter->shape_count];
    entry->shape = shape;
    if (shape.extra) {
        entry->extra = *shape.extra;
        entry->shape.extra = &entry->extra;
    }
    entry->source =
        weir_shape_template(&shape, (uint16_t)(FIRST_TEMPLATE_ID + exporter->shape_count));
    if (!entry->source)
        return NULL;
    if (entry->source->field_count == 0 || weir_plan_compile(entry->source, &entry->plan) < 0) {
        free(entry->source);
        return NULL;
    }
    entry->is_announced = weir_message_builtin_template(shape.protocol) != NULL;
    exporter->shape_count++;
    return entry;
}

static bool announcement_due(const struct weir_exporter *exporter, const struct shape_entry *entry,
                             int64_t time_ns)
{
    if (!entry->is_announced)
        return true;
    int64_t refresh = exporter->config.template_refresh_ns;
    if (refresh <= 0 || exporter->transport->reliable ||
        weir_message_builtin_template(entry->shape.protocol))
        return false;
    /* Either way: where the clock was set far back, the next refresh would be as far off. */
    int64_t apart = time_ns - entry->announced_ns;
    return apart >= refresh || -apart >= refresh;
}

/* Announces the shape's Template in the open message, or in the next where it is full. */
static int announce(struct weir_exporter *exporter, struct shape_entry *entry, int64_t time_ns,
                    struct weir_diag *diag)
{
    if (weir_encoder_template(&exporter->encoder, entry->source) < 0) {
        int result = close_message(exporter, diag);
        if (result < 0)
            return result;
        open_message(exporter, time_ns);
        if (weir_encoder_template(&exporter->encoder, entry->source) < 0)
            return weir_diag_set(diag, WEIR_E_LIMIT, "a Template does not fit into a message");
    }
    entry->is_announced = true;
    entry->announced_ns = time_ns;
    exporter->counters.templates_sent++;
    return 0;
}

/* Rows of one shape, one segment. */
static int export_run(struct weir_exporter *exporter, const struct weir_batch *batch,
                      const struct weir_segment *segment, struct shape_entry *entry,
                      uint32_t first_row, uint32_t row_count, struct weir_diag *diag)
{
    int64_t time_ns = header_time(exporter, segment->received_ns);
    int result = 0;
    if (exporter->message_open && exporter->message_time_ns < time_ns)
        result = close_message(exporter, diag);
    while (result == 0 && row_count > 0) {
        open_message(exporter, time_ns);
        if (announcement_due(exporter, entry, exporter->message_time_ns)) {
            result = announce(exporter, entry, exporter->message_time_ns, diag);
            if (result < 0)
                break;
        }
        uint32_t got = 0;
        uint8_t *room = weir_encoder_records(&exporter->encoder, entry->source, row_count, &got);
        if (got > 0) {
            weir_plan_encode(entry->plan, batch, first_row, got, &exporter->encoder.context, room,
                             &exporter->counters.values_clamped);
            weir_shape_encode_extra(&entry->shape, entry->source, batch, first_row, got, room);
            first_row += got;
            row_count -= got;
        }
        if (row_count > 0)
            result = close_message(exporter, diag);
    }
    exporter->counters.records_failed += row_count;
    return result;
}

static bool row_is_v6(const struct weir_batch *batch, const struct weir_segment *segment,
                      uint32_t row)
{
    if (!(segment->columns & WEIR_COLUMN_BIT(SRC_ADDR)))
        return false;
    struct weir_address address = {weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[row],
                                   weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[row]};
    return !weir_address_is_v4(address);
}

/* Cuts a segment into runs of one address family and exports each. */
static int export_segment(struct weir_exporter *exporter, const struct weir_batch *batch,
                          const struct weir_segment *segment, struct weir_diag *diag)
{
    uint32_t row = segment->first_row;
    uint32_t end = segment->first_row + segment->row_count;
    int first_error = 0;
    while (row < end) {
        bool is_v6 = row_is_v6(batch, segment, row);
        uint32_t run = row + 1;
        while (run < end && row_is_v6(batch, segment, run) == is_v6)
            run++;
        struct weir_shape shape = {
            .columns = segment->columns,
            .is_v6 = is_v6,
            .prefixes = segment->prefixes,
            .protocol = exporter->config.protocol,
            .extra = batch->extra,
        };
        struct shape_entry *entry;
        if (!weir_shape_is_carried(&shape)) {
            exporter->counters.records_not_carried += run - row;
        } else if (!(entry = find_shape(exporter, shape))) {
            exporter->counters.records_shapeless += run - row;
        } else {
            int result = export_run(exporter, batch, segment, entry, row, run - row, diag);
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
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        int result = export_segment(exporter, batch, &batch->segments[i], diag);
        first_error = first_error < 0 ? first_error : result;
    }
    return first_error;
}

int weir_exporter_flush(struct weir_exporter *exporter, struct weir_diag *diag)
{
    int result = close_message(exporter, diag);
    int sent = send_queue(exporter, diag);
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
    (void)now_ns;
    return weir_exporter_flush(context, diag);
}

struct weir_batch_sink weir_exporter_sink(struct weir_exporter *exporter)
{
    return (struct weir_batch_sink){sink_batch, sink_flush, exporter};
}
