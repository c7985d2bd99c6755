/* SPDX-License-Identifier: Apache-2.0 */
/* A capture file: read, parsed, and its datagrams put together. Frames and octets are accounted
 * for, and the same whether frames come one by one or in batches. */
#include "fuzz.h"

#include <stdlib.h>

#include "packet/datagram_source.h"
#include "packet/parse.h"

static struct weir_parse_counters parse_all(const uint8_t *data, size_t size, size_t capacity)
{
    struct weir_parse_counters counters = {0};
    struct weir_stream *stream;
    struct weir_source *source;
    struct weir_parser *parser;
    struct weir_diag diag;
    if (weir_stream_open_memory(data, size, "fuzz", &stream, &diag) < 0)
        abort();
    if (weir_source_open_stream(stream, NULL, &source, &diag) < 0) {
        weir_stream_close(stream);
        return counters;
    }
    const struct weir_parser_options options = {.fragment_entries = 64};
    if (weir_parser_new(&options, &parser) < 0)
        abort();
    struct weir_frame frames[64];
    struct weir_packet packets[64];
    size_t count;
    uint64_t total = 0;
    while (weir_source_next(source, frames, capacity, &count, &diag) == 0) {
        total += count;
        (void)weir_parse_batch(parser, frames, count, packets, NULL);
    }
    counters = *weir_parser_counters(parser);
    if (total != counters.packets_observed)
        abort();
    weir_parser_free(parser);
    weir_source_close(source);
    return counters;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct weir_parse_counters batched = parse_all(data, size, 64);
    const struct weir_parse_counters single = parse_all(data, size, 1);
    for (size_t i = 0; i < weir_parse_counter_count; i++)
        if (weir_counter_get(&weir_parse_counter_table[i], &batched) !=
            weir_counter_get(&weir_parse_counter_table[i], &single))
            abort();
    struct weir_stream *stream;
    struct weir_datagram_source *source;
    struct weir_captured_datagram datagram;
    struct weir_diag diag;
    if (weir_stream_open_memory(data, size, "fuzz", &stream, &diag) < 0)
        abort();
    if (weir_datagram_open_stream(stream, NULL, &source, &diag) < 0) {
        weir_stream_close(stream);
        return 0;
    }
    uint64_t sum = 0;
    while (weir_datagram_next(source, &datagram, &diag) == 0)
        for (uint32_t i = 0; i < datagram.captured; i++)
            sum += datagram.payload[i];
    weir_datagram_close(source);
    return sum == UINT64_MAX; /* read, so that a payload that is not there shows */
}
