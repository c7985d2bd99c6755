/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sFlow version 5. A datagram names its agent and has a count of samples, each behind its format
 * and length; so has each record in a sample. All is XDR (RFC 4506): big-endian, in units of 4
 * octets.
 */
#include "wire/sflow.h"

#include "wire/dialect.h"

#define VERSION_OCTETS       4u
#define HEADER_OCTETS        24u /* where the agent has no address */
#define STRUCTURE_OCTETS     8u  /* format and length */
#define COMPACT_INDEX_BITS   24u
#define COMPACT_FORM_BITS    30u
#define FORM_OFFSET_OF_AGENT 4u

enum { ADDRESS_NONE, ADDRESS_IPV4, ADDRESS_IPV6 };

static const struct {
    uint32_t format;
    enum weir_sflow_kind kind;
    bool is_expanded;
} samples[] = {
    {WEIR_SFLOW_FORMAT(0, 1), WEIR_SFLOW_FLOW, false},
    {WEIR_SFLOW_FORMAT(0, 2), WEIR_SFLOW_COUNTERS, false},
    {WEIR_SFLOW_FORMAT(0, 3), WEIR_SFLOW_FLOW, true},
    {WEIR_SFLOW_FORMAT(0, 4), WEIR_SFLOW_COUNTERS, true},
};

static size_t padded(uint32_t length)
{
    return ((size_t)length + 3) & ~(size_t)3;
}

bool weir_sflow_read_address(struct weir_reader *reader, struct weir_address *ret_address)
{
    const uint8_t *octets;
    switch (weir_read_u32(reader)) {
    case ADDRESS_NONE:
        return false;
    case ADDRESS_IPV4:
        *ret_address = weir_address_from_v4(weir_read_u32(reader));
        return !weir_reader_failed(reader);
    case ADDRESS_IPV6:
        octets = weir_read_octets(reader, 16);
        if (octets)
            *ret_address = weir_address_from_octets(octets);
        return octets != NULL;
    default:
        weir_read_skip(reader, weir_reader_remaining(reader) + 1);
        return false;
    }
}

struct weir_reader weir_sflow_read_opaque(struct weir_reader *reader)
{
    uint32_t length = weir_read_u32(reader);
    struct weir_reader block = weir_read_block(reader, length);
    size_t padding = padded(length) - length;
    if (weir_reader_remaining(reader) >= padding)
        weir_read_skip(reader, padding);
    return block;
}

/*
 * Where the samples end. Of those past the first that is cut nobody can say how long they are: the
 * length is then that of the datagram up to the end of the cut one.
 */
static size_t length_of(struct weir_reader reader, uint32_t count)
{
    size_t at = weir_reader_offset(&reader);
    for (uint32_t i = 0; i < count; i++) {
        if (weir_reader_remaining(&reader) < STRUCTURE_OCTETS)
            return at + STRUCTURE_OCTETS;
        weir_read_skip(&reader, 4);
        uint32_t length = weir_read_u32(&reader);
        at += STRUCTURE_OCTETS + padded(length);
        if (weir_reader_remaining(&reader) < padded(length))
            return at;
        weir_read_skip(&reader, padded(length));
    }
    return at;
}

/* 0.0.0.0 and ::, of agents that do not know their address. */
static bool is_unspecified(struct weir_address address)
{
    return address.high == 0 && (address.low == 0 || address.low == WEIR_ADDRESS_V4_PREFIX);
}

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    size_t length = weir_reader_offset(reader) + weir_reader_remaining(reader);
    uint32_t type = weir_load_be32(reader->octets);
    if (type > ADDRESS_IPV6)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, FORM_OFFSET_OF_AGENT,
                                "an agent's address of type %u: neither IPv4 nor IPv6", type);
    message->has_agent =
        weir_sflow_read_address(reader, &message->agent) && !is_unspecified(message->agent);
    message->domain = weir_read_u32(reader);
    message->sequence = weir_read_u32(reader);
    message->uptime_ms = weir_read_u32(reader);
    message->samples_left = weir_read_u32(reader);
    if (weir_reader_failed(reader))
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, length, "the sFlow header ends here");
    message->length = length_of(*reader, message->samples_left);
    return 0;
}

/* A sample that the input cuts: what there is of it can be read, the next call reports it. */
static int next_sample(struct weir_message *message, struct weir_set *ret_set,
                       struct weir_diag *diag)
{
    struct weir_reader *body = &message->body;
    size_t remaining = weir_reader_remaining(body), missing = message->missing;
    if (message->samples_left == 0 || remaining < STRUCTURE_OCTETS) {
        bool is_cut = message->samples_left > 0 || missing > 0;
        message->samples_left = 0;
        message->missing = 0;
        body->remaining = 0;
        if (!is_cut)
            return WEIR_E_END;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, message->length,
                                "the datagram ends here, %zu octets or more before its samples do",
                                missing);
    }
    struct weir_set set = {
        .dialect = message->dialect,
        .kind = WEIR_SET_SAMPLE,
        .format = weir_read_u32(body),
    };
    set.id = WEIR_SFLOW_NUMBER(set.format);
    uint32_t length = weir_read_u32(body);
    remaining = weir_reader_remaining(body);
    set.body = weir_read_block(body, length < remaining ? length : remaining);
    remaining = weir_reader_remaining(body);
    size_t padding = padded(length) - length;
    weir_read_skip(body, padding < remaining ? padding : remaining);
    message->samples_left--;
    *ret_set = set;
    return 0;
}

static struct weir_sflow_interface read_interface(struct weir_reader *reader, bool is_expanded)
{
    struct weir_sflow_interface interface;
    uint32_t first = weir_read_u32(reader);
    interface.form = is_expanded ? first : first >> COMPACT_FORM_BITS;
    interface.value =
        is_expanded ? weir_read_u32(reader) : first & ((UINT32_C(1) << COMPACT_FORM_BITS) - 1);
    return interface;
}

int weir_sflow_sample_open(const struct weir_set *set, struct weir_sflow_sample *ret_sample,
                           struct weir_diag *diag)
{
    size_t kind = 0, count = sizeof(samples) / sizeof(samples[0]);
    while (kind < count && samples[kind].format != set->format)
        kind++;
    if (kind == count)
        return WEIR_E_UNSUPPORTED;
    bool is_expanded = samples[kind].is_expanded;
    struct weir_sflow_sample sample = {.kind = samples[kind].kind, .body = set->body};
    struct weir_reader *body = &sample.body;
    size_t end = weir_reader_offset(body) + weir_reader_remaining(body);
    sample.sequence = weir_read_u32(body);
    uint32_t source = weir_read_u32(body);
    sample.source_type = is_expanded ? source : source >> COMPACT_INDEX_BITS;
    sample.source_index =
        is_expanded ? weir_read_u32(body) : source & ((UINT32_C(1) << COMPACT_INDEX_BITS) - 1);
    if (sample.kind == WEIR_SFLOW_FLOW) {
        sample.sampling_rate = weir_read_u32(body);
        sample.sample_pool = weir_read_u32(body);
        sample.drops = weir_read_u32(body);
        sample.input = read_interface(body, is_expanded);
        sample.output = read_interface(body, is_expanded);
    }
    sample.records_left = weir_read_u32(body);
    if (weir_reader_failed(body))
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, end, "a sample ends inside its header");
    *ret_sample = sample;
    return 0;
}

int weir_sflow_record_next(struct weir_sflow_sample *sample, struct weir_sflow_record *ret_record,
                           struct weir_diag *diag)
{
    struct weir_reader *body = &sample->body;
    size_t at = weir_reader_offset(body);
    if (sample->records_left == 0)
        return WEIR_E_END;
    struct weir_sflow_record record = {.format = weir_read_u32(body)};
    record.body = weir_sflow_read_opaque(body);
    sample->records_left--;
    if (weir_reader_failed(body)) {
        sample->records_left = 0;
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at,
                                "a record passes the end of its sample");
    }
    *ret_record = record;
    return 0;
}

const struct weir_dialect weir_dialect_sflow5 = {
    .name = "sflow",
    .title = "sFlow",
    .protocol = WEIR_PROTOCOL_SFLOW5,
    .sequence_unit = WEIR_SEQUENCE_MESSAGES,
    .header_octets = HEADER_OCTETS,
    .read_header = read_header,
    .next_set = next_sample,
};
