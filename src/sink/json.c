/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/json.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "base/output.h"
#include "base/text.h"
#include "record/json.h"
#include "wire/message.h"

/* One record's text: lists of 1 MiB (record/json.h), 131,072 octets of values (collect/common.h),
 * each at most six characters, and their names. */
#define LINE_OCTETS_MAX   ((size_t)4 << 20)
#define PREFIX_OCTETS_MAX ((size_t)1024)

/* Lines are handed over so many octets at a time. */
#define HAND_OVER_OCTETS ((size_t)64 << 10)

/* What all sinks of a place share. */
struct place {
    struct weir_output *output;
    pthread_mutex_t lock; /* of the output's buffer */
};

struct weir_json_sink {
    struct place *place;
    bool has_place;                 /* it is the first of its place */
    struct weir_text_buffer lines;  /* not yet handed over */
    struct weir_text_buffer prefix; /* what all records of a set begin with */
    struct weir_segment segment;    /* that the prefix says */
    enum weir_record_kind kind;
};

static struct weir_json_sink *new_sink(struct place *place)
{
    struct weir_json_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return NULL;
    sink->place = place;
    weir_text_init(&sink->lines, HAND_OVER_OCTETS + LINE_OCTETS_MAX);
    weir_text_init(&sink->prefix, PREFIX_OCTETS_MAX);
    return sink;
}

int weir_json_sink_open(const char *path, struct weir_json_sink **ret_sink, struct weir_diag *diag)
{
    struct place *place = malloc(sizeof(*place));
    struct weir_json_sink *sink = place ? new_sink(place) : NULL;
    int result = sink ? weir_output_open(path, &place->output, diag)
                      : weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    if (result < 0) {
        free(sink);
        free(place);
        return result;
    }
    pthread_mutex_init(&place->lock, NULL);
    sink->has_place = true;
    *ret_sink = sink;
    return 0;
}

int weir_json_sink_share(struct weir_json_sink *sink, struct weir_json_sink **ret_another,
                         struct weir_diag *diag)
{
    struct weir_json_sink *another = new_sink(sink->place);
    if (!another)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file",
                             weir_output_name(sink->place->output));
    *ret_another = another;
    return 0;
}

/* Hands all lines over, and to the system where `flushes` says so. */
static int hand_over(struct weir_json_sink *sink, bool flushes, struct weir_diag *diag)
{
    struct place *place = sink->place;
    pthread_mutex_lock(&place->lock);
    int result = weir_output_write(place->output, sink->lines.data, sink->lines.length, diag);
    if (result == 0 && flushes)
        result = weir_output_flush(place->output, diag);
    pthread_mutex_unlock(&place->lock);
    weir_text_clear(&sink->lines);
    return result;
}

/* What kind of record it is, where it is no Flow Record. */
static const char *const types[] = {
    [WEIR_RECORD_FLOW] = "",
    [WEIR_RECORD_OPTIONS] = ",\"type\":\"options\"",
    [WEIR_RECORD_COUNTERS] = ",\"type\":\"counters\"",
};

static bool has_prefix_of(const struct weir_json_sink *sink,
                          const struct weir_collected_record *record)
{
    const struct weir_segment *is = &record->origin->segment, *was = &sink->segment;
    return sink->prefix.length > 0 && sink->kind == record->kind &&
           is->received_ns == was->received_ns && is->template_id == was->template_id &&
           is->domain == was->domain && is->protocol_version == was->protocol_version &&
           is->has_exporter == was->has_exporter && weir_address_equal(is->exporter, was->exporter);
}

static void make_prefix(struct weir_json_sink *sink, const struct weir_collected_record *record)
{
    struct weir_text_buffer *prefix = &sink->prefix;
    const struct weir_segment *segment = &record->origin->segment;
    sink->segment = *segment;
    sink->kind = record->kind;
    weir_text_clear(prefix);
    if (segment->has_exporter) {
        char address[WEIR_ADDRESS_TEXT_MAX];
        weir_address_format(segment->exporter, address);
        weir_text_printf(prefix, "{\"exporter\":\"%s\"", address);
    } else {
        weir_text_add(prefix, "{\"exporter\":null");
    }
    char received[WEIR_TIME_TEXT_MAX];
    weir_time_format_ns(segment->received_ns, received);
    weir_text_printf(prefix, ",\"domain\":%u,\"received\":\"%s\"", segment->domain, received);
    weir_text_printf(prefix, ",\"protocol\":\"%s\",\"template\":%u%s",
                     weir_protocol_text((enum weir_protocol)segment->protocol_version),
                     segment->template_id, types[record->kind]);
}

static int print_record(void *context, const struct weir_collected_record *record,
                        struct weir_diag *diag)
{
    struct weir_json_sink *sink = context;
    struct weir_text_buffer *lines = &sink->lines;
    if (!has_prefix_of(sink, record))
        make_prefix(sink, record);
    size_t start = lines->length;
    weir_text_add_octets(lines, sink->prefix.data, sink->prefix.length);
    weir_text_add_char(lines, ',');
    size_t before = lines->length, consumed;
    int result = weir_record_print_json(record->plan, record->octets, record->length,
                                        record->origin, lines, &consumed, diag);
    if (result < 0 && result != WEIR_E_END) {
        weir_text_truncate(lines, start);
        return result;
    }
    if (lines->length == before)
        weir_text_truncate(lines, before - 1);
    weir_text_add(lines, "}\n");
    result = weir_text_error(lines) ? weir_text_error(lines) : weir_text_error(&sink->prefix);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: a record: %s",
                             weir_output_name(sink->place->output), weir_error_text(result));
    return lines->length < HAND_OVER_OCTETS ? 0 : hand_over(sink, false, diag);
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)now_ns;
    return hand_over(context, true, diag);
}

struct weir_record_sink weir_json_sink_records(struct weir_json_sink *sink)
{
    return (struct weir_record_sink){.record = print_record, .flush = flush, .context = sink};
}

/* Frees it; the output of its place, NULL where others share that. */
static struct weir_output *free_sink(struct weir_json_sink *sink)
{
    struct weir_output *output = NULL;
    if (sink->has_place) {
        output = sink->place->output;
        pthread_mutex_destroy(&sink->place->lock);
        free(sink->place);
    }
    weir_text_done(&sink->lines);
    weir_text_done(&sink->prefix);
    free(sink);
    return output;
}

int weir_json_sink_close(struct weir_json_sink *sink, struct weir_diag *diag)
{
    int result = hand_over(sink, false, diag);
    struct weir_output *output = free_sink(sink);
    if (!output)
        return result;
    if (result == 0)
        return weir_output_close(output, diag);
    weir_output_abort(output);
    return result;
}

void weir_json_sink_abort(struct weir_json_sink *sink)
{
    if (!sink)
        return;
    struct weir_output *output = free_sink(sink);
    if (output)
        weir_output_abort(output);
}
