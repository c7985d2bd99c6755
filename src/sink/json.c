/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/json.h"

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

struct weir_json_sink {
    struct weir_output *output;
    struct weir_text_buffer line;
    struct weir_text_buffer prefix; /* what all records of a set begin with */
    struct weir_segment segment;    /* that the prefix says */
    enum weir_record_kind kind;
};

int weir_json_sink_open(const char *path, struct weir_json_sink **ret_sink, struct weir_diag *diag)
{
    struct weir_json_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a file", path);
    int result = weir_output_open(path, &sink->output, diag);
    if (result < 0) {
        free(sink);
        return result;
    }
    weir_text_init(&sink->line, LINE_OCTETS_MAX);
    weir_text_init(&sink->prefix, PREFIX_OCTETS_MAX);
    *ret_sink = sink;
    return 0;
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
    struct weir_text_buffer *line = &sink->line;
    if (!has_prefix_of(sink, record))
        make_prefix(sink, record);
    weir_text_clear(line);
    weir_text_add_octets(line, sink->prefix.data, sink->prefix.length);
    weir_text_add_char(line, ',');
    size_t before = line->length, consumed;
    int result = weir_record_print_json(record->plan, record->octets, record->length,
                                        record->origin, line, &consumed, diag);
    if (result < 0 && result != WEIR_E_END)
        return result;
    if (line->length == before)
        weir_text_truncate(line, before - 1);
    weir_text_add(line, "}\n");
    result = weir_text_error(line) ? weir_text_error(line) : weir_text_error(&sink->prefix);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: a record: %s",
                             weir_output_name(sink->output), weir_error_text(result));
    return weir_output_write(sink->output, line->data, line->length, diag);
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    const struct weir_json_sink *sink = context;
    (void)now_ns;
    return weir_output_flush(sink->output, diag);
}

struct weir_record_sink weir_json_sink_records(struct weir_json_sink *sink)
{
    return (struct weir_record_sink){.record = print_record, .flush = flush, .context = sink};
}

static struct weir_output *free_sink(struct weir_json_sink *sink)
{
    struct weir_output *output = sink->output;
    weir_text_done(&sink->line);
    weir_text_done(&sink->prefix);
    free(sink);
    return output;
}

int weir_json_sink_close(struct weir_json_sink *sink, struct weir_diag *diag)
{
    return weir_output_close(free_sink(sink), diag);
}

void weir_json_sink_abort(struct weir_json_sink *sink)
{
    if (sink)
        weir_output_abort(free_sink(sink));
}
