/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/input.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collect/framing.h"
#include "packet/stream.h"
#include "wire/message.h"

#define BUFFER_OCTETS ((size_t)1 << 20)
#define DATAGRAMS_MAX 256u

struct weir_input {
    enum weir_collect_transport transport;
    struct weir_diag diag; /* of the error that ends the file */
    struct weir_datagram datagrams[DATAGRAMS_MAX];

    struct weir_datagram_source *capture; /* NULL: messages one after another */

    struct weir_stream *stream;
    int stream_error; /* what follows the last octet in the buffer: 0, WEIR_E_END or an error */
    uint8_t *buffer;
    size_t begin, end; /* octets not taken yet */
    uint64_t offset;   /* in the file, of buffer[0] */
};

/* Tells what the stream holds and prepares for it; on failure the stream stays the caller's. */
static int start(struct weir_input *input, struct weir_stream *stream, struct weir_diag *diag)
{
    int content = weir_stream_content(stream, diag);
    switch (content) {
    case WEIR_CONTENT_PCAP:
    case WEIR_CONTENT_PCAPNG:
        input->transport = WEIR_COLLECT_UDP;
        return weir_datagram_open_stream(stream, NULL, &input->capture, diag);
    case WEIR_CONTENT_FOREIGN:
        weir_diag_set_at(diag, WEIR_E_UNSUPPORTED, 0,
                         "it %s: neither a capture nor a file of export messages",
                         weir_stream_content_text(stream));
        weir_diag_prefix(diag, "%s", weir_stream_name(stream));
        return WEIR_E_UNSUPPORTED;
    case WEIR_CONTENT_UNKNOWN:
    case WEIR_CONTENT_EMPTY:
    case WEIR_CONTENT_IPFIX:
    case WEIR_CONTENT_NETFLOW:
        /* Whether messages are in it shows with the first of them. */
        input->transport = WEIR_COLLECT_FILE;
        input->buffer = malloc(BUFFER_OCTETS);
        input->stream = stream;
        return input->buffer ? 0 : weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a buffer");
    default:
        return content;
    }
}

static int open_stream(struct weir_stream *stream, struct weir_input **ret_input,
                       struct weir_diag *diag)
{
    struct weir_input *input = calloc(1, sizeof(*input));
    int result = input ? start(input, stream, diag)
                       : weir_diag_set(diag, WEIR_E_NOMEM, "no memory for a file");
    if (result < 0) {
        if (input)
            free(input->buffer);
        free(input);
        weir_stream_close(stream);
        return result;
    }
    *ret_input = input;
    return 0;
}

int weir_input_open(const char *path, struct weir_input **ret_input, struct weir_diag *diag)
{
    struct weir_stream *stream;
    int result = weir_stream_open(path, &stream, diag);
    return result < 0 ? result : open_stream(stream, ret_input, diag);
}

int weir_input_open_memory(const uint8_t *octets, size_t length, const char *name,
                           struct weir_input **ret_input, struct weir_diag *diag)
{
    struct weir_stream *stream;
    int result = weir_stream_open_memory(octets, length, name, &stream, diag);
    return result < 0 ? result : open_stream(stream, ret_input, diag);
}

void weir_input_close(struct weir_input *input)
{
    if (!input)
        return;
    weir_datagram_close(input->capture);
    weir_stream_close(input->stream);
    free(input->buffer);
    free(input);
}

/* Sees to it that a whole message is in the buffer, or all that the file still has. */
static void fill(struct weir_input *input)
{
    if (input->stream_error || input->end - input->begin >= WEIR_MESSAGE_OCTETS_MAX)
        return;
    memmove(input->buffer, input->buffer + input->begin, input->end - input->begin);
    input->offset += input->begin;
    input->end -= input->begin;
    input->begin = 0;
    while (input->end < BUFFER_OCTETS && !input->stream_error) {
        size_t count = 0;
        input->stream_error = weir_stream_read(input->stream, input->buffer + input->end,
                                               BUFFER_OCTETS - input->end, &count, &input->diag);
        if (!input->stream_error)
            input->end += count;
    }
}

/*
 * Takes the next message out of the buffer: true. Where it is cut, or none begins, the error that
 * ends the file is noted, and a cut one is the last.
 */
static bool take_message(struct weir_input *input, struct weir_datagram *ret_datagram)
{
    const uint8_t *octets = input->buffer + input->begin;
    size_t length = 0;
    struct weir_diag diag;
    if (input->begin == input->end)
        return false;
    int result = weir_frame_message(octets, input->end - input->begin, input->offset + input->begin,
                                    &length, &diag);
    if (result < 0) {
        /* A stream that broke off says why itself. */
        if (input->stream_error == 0 || input->stream_error == WEIR_E_END) {
            input->stream_error = result;
            input->diag = diag;
            weir_diag_prefix(&input->diag, "%s", weir_stream_name(input->stream));
        }
        input->end = input->begin + length;
        if (length == 0)
            return false;
    }
    *ret_datagram = (struct weir_datagram){.octets = octets, .length = length};
    struct weir_message message;
    if (weir_message_open(octets, length, &message, NULL) == 0)
        ret_datagram->received_ns = message.export_time_ns;
    input->begin += length;
    return true;
}

static int next_messages(struct weir_input *input, size_t *ret_count, struct weir_diag *diag)
{
    size_t count = 0;
    fill(input);
    while (count < DATAGRAMS_MAX &&
           (input->stream_error || input->end - input->begin >= WEIR_MESSAGE_OCTETS_MAX) &&
           take_message(input, &input->datagrams[count]))
        count++;
    if (count == 0) {
        if (diag)
            *diag = input->diag;
        return input->stream_error;
    }
    *ret_count = count;
    return 0;
}

static int next_captured(struct weir_input *input, size_t *ret_count, struct weir_diag *diag)
{
    struct weir_captured_datagram captured;
    int result = weir_datagram_next(input->capture, &captured, diag);
    if (result < 0)
        return result;
    input->datagrams[0] = (struct weir_datagram){
        .octets = captured.payload,
        .length = captured.captured,
        .source = captured.src_addr,
        .source_port = captured.src_port,
        .destination_port = captured.dst_port,
        .received_ns = captured.time_ns,
    };
    *ret_count = 1;
    return 0;
}

int weir_input_next(struct weir_input *input, const struct weir_datagram **ret_datagrams,
                    size_t *ret_count, struct weir_diag *diag)
{
    int result = input->capture ? next_captured(input, ret_count, diag)
                                : next_messages(input, ret_count, diag);
    if (result == 0)
        *ret_datagrams = input->datagrams;
    return result;
}

uint64_t weir_input_place(const struct weir_input *input, const struct weir_datagram *datagram)
{
    return input->capture ? weir_datagram_packet(input->capture)
                          : input->offset + (uint64_t)(datagram->octets - input->buffer);
}

const struct weir_datagram_counters *weir_input_datagrams(const struct weir_input *input)
{
    return input->capture ? weir_datagram_counters(input->capture) : NULL;
}

enum weir_collect_transport weir_input_transport(const struct weir_input *input)
{
    return input->transport;
}
