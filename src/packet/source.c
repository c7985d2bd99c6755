/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/source_impl.h"

const struct weir_counter weir_source_counter_table[] = {
    WEIR_COUNTER(struct weir_source_counters, packets_read, PACKETS, "frames read from captures"),
    WEIR_COUNTER(struct weir_source_counters, octets_read, OCTETS,
                 "octets of these frames on the wire"),
    WEIR_COUNTER(struct weir_source_counters, octets_captured, OCTETS,
                 "octets of these frames that the capture holds"),
    WEIR_COUNTER(struct weir_source_counters, packets_time_clamped, PACKETS,
                 "frames of an impossible time, moved to the nearest possible one"),
    WEIR_COUNTER(struct weir_source_counters, packets_time_hardware, PACKETS,
                 "frames whose time is by the clock of their interface"),
    WEIR_COUNTER(struct weir_source_counters, blocks_skipped, NONE,
                 "pcapng blocks of other kinds than frames, sections and interfaces"),
    WEIR_COUNTER(struct weir_source_counters, packets_dropped_kernel, PACKETS,
                 "frames that the kernel dropped because the capture buffer was full"),
    WEIR_COUNTER(struct weir_source_counters, packets_dropped_interface, PACKETS,
                 "frames that the interface or its driver dropped"),
};
const size_t weir_source_counter_count =
    sizeof(weir_source_counter_table) / sizeof(weir_source_counter_table[0]);

int weir_source_fail(const struct weir_source *source, struct weir_diag *diag,
                     enum weir_error error, uint64_t offset, const char *format, ...)
{
    char text[sizeof(diag->text)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)weir_diag_set_at(diag, error, offset, "%s", text);
    weir_diag_prefix(diag, "%s", source->name);
    return error;
}

bool weir_source_is_stored(const struct weir_source *source)
{
    return source->is_stored;
}

const char *weir_source_name(const struct weir_source *source)
{
    return source->name;
}

int weir_source_fill(struct weir_source *source, size_t need, const char *what,
                     struct weir_diag *diag)
{
    if (source->end - source->begin >= need)
        return 0;
    memmove(source->buffer, source->buffer + source->begin, source->end - source->begin);
    source->offset += source->begin;
    source->end -= source->begin;
    source->begin = 0;
    while (source->end < need) {
        size_t count;
        int result = weir_stream_read(source->stream, source->buffer + source->end,
                                      WEIR_SOURCE_PIECE_OCTETS, &count, diag);
        if (result == WEIR_E_END && source->end > 0)
            return weir_source_fail(source, diag, WEIR_E_TRUNCATED, source->offset,
                                    "the file ends inside %s, after %zu of %zu octets", what,
                                    source->end, need);
        if (result < 0)
            return result;
        source->end += count;
    }
    return 0;
}

void weir_source_use(struct weir_source *source, uint8_t *buffer)
{
    if (source->buffer == buffer || !source->buffer)
        return;
    memcpy(buffer, source->buffer + source->begin, source->end - source->begin);
    source->offset += source->begin;
    source->end -= source->begin;
    source->begin = 0;
    if (!source->is_lent)
        free(source->buffer);
    source->buffer = buffer;
    source->is_lent = true;
}

static const struct weir_source_format *format_of(int content)
{
    switch (content) {
    case WEIR_CONTENT_PCAP:
        return &weir_source_pcap;
    case WEIR_CONTENT_PCAPNG:
        return &weir_source_pcapng;
    default:
        return NULL;
    }
}

int weir_source_open_stream(struct weir_stream *stream, const struct weir_source_options *options,
                            struct weir_source **ret_source, struct weir_diag *diag)
{
    const char *name = weir_stream_name(stream);
    if (options && options->stop)
        weir_stream_set_stop(stream, options->stop, options->stop_context);
    int content = weir_stream_content(stream, diag);
    if (content < 0)
        return content;
    const struct weir_source_format *format = format_of(content);
    if (!format)
        return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                             "%s: octet 0: %s, not a pcap or pcapng capture%s", name,
                             weir_stream_content_text(stream),
                             content == WEIR_CONTENT_IPFIX ? "; use weir collect -r" : "");
    struct weir_source *source = calloc(1, sizeof(*source));
    if (!source)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to read it", name);
    source->format = format;
    source->stream = stream;
    source->name = name;
    source->is_stored = weir_stream_is_stored(stream);
    source->first_interface = options ? options->first_interface : 0;
    source->buffer = malloc(WEIR_SOURCE_BUFFER_OCTETS);
    int result = source->buffer
                     ? format->start(source, diag)
                     : weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to read it", name);
    if (result < 0) {
        source->stream = NULL;
        weir_source_close(source);
        return result;
    }
    *ret_source = source;
    return 0;
}

int weir_source_open(const char *path, const struct weir_source_options *options,
                     struct weir_source **ret_source, struct weir_diag *diag)
{
    struct weir_stream *stream;
    int result = weir_stream_open(path, &stream, diag);
    if (result < 0)
        return result;
    result = weir_source_open_stream(stream, options, ret_source, diag);
    if (result < 0)
        weir_stream_close(stream);
    return result;
}

void weir_source_close(struct weir_source *source)
{
    if (!source)
        return;
    source->format->stop(source);
    weir_stream_close(source->stream);
    if (!source->is_lent)
        free(source->buffer);
    free(source);
}

int weir_source_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                     size_t *ret_count, struct weir_diag *diag)
{
    size_t count = 0;
    int result = source->error;
    if (result == 0) {
        result = source->format->next(source, frames, capacity, &count, &source->diag);
        if (result < 0 && result != WEIR_E_AGAIN)
            source->error = result;
    }
    if (result < 0) {
        if (diag && result != WEIR_E_END && result != WEIR_E_AGAIN)
            *diag = source->diag;
        return result;
    }
    uint64_t wire_octets = 0, captured = 0;
    for (size_t i = 0; i < count; i++) {
        wire_octets += frames[i].wire_octets;
        captured += frames[i].captured;
    }
    source->counters.packets_read += count;
    source->counters.octets_read += wire_octets;
    source->counters.octets_captured += captured;
    *ret_count = count;
    return 0;
}

const struct weir_source_counters *weir_source_counters(struct weir_source *source)
{
    if (source->format->count)
        source->format->count(source);
    return &source->counters;
}
