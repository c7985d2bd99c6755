/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/dialect.h"

#include <stddef.h>

#include "base/clock.h"

static const struct weir_dialect *const dialects[] = {
    &weir_dialect_ipfix,    &weir_dialect_netflow9, &weir_dialect_netflow5, &weir_dialect_netflow1,
    &weir_dialect_netflow7, &weir_dialect_netflow8, &weir_dialect_sflow5,
};

const struct weir_dialect *weir_dialect_find(unsigned protocol)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if ((unsigned)dialects[i]->protocol == protocol)
            return dialects[i];
    return NULL;
}

const char *weir_protocol_text(enum weir_protocol protocol)
{
    const struct weir_dialect *dialect = weir_dialect_find((unsigned)protocol);
    return dialect ? dialect->name : "unknown";
}

const struct weir_template *weir_message_builtin_template(enum weir_protocol protocol)
{
    const struct weir_dialect *dialect = weir_dialect_find((unsigned)protocol);
    return dialect ? dialect->builtin : NULL;
}

void weir_dialect_read_times(struct weir_reader *reader, struct weir_message *message)
{
    message->count = weir_read_u16(reader);
    message->uptime_ms = weir_read_u32(reader);
    message->export_time_ns = weir_read_u32(reader) * WEIR_NS_PER_SECOND;
    message->export_time_ns += weir_read_u32(reader);
}

void weir_dialect_write_times(struct weir_encoder *encoder, uint16_t version,
                              const struct weir_encoder_header *header)
{
    struct weir_writer *writer = &encoder->writer;
    int64_t export_ms = header->export_time_ns / WEIR_NS_PER_MS;
    int64_t uptime_ms = export_ms - header->uptime_zero_ns / WEIR_NS_PER_MS;
    weir_write_u16(writer, version);
    weir_write_u16(writer, 0);
    weir_write_u32(writer, (uint32_t)uptime_ms);
    weir_write_u32(writer, (uint32_t)(export_ms / 1000));
    weir_write_u32(writer, (uint32_t)(export_ms % 1000 * WEIR_NS_PER_MS));
    encoder->context.export_time_ns = export_ms * WEIR_NS_PER_MS;
    encoder->context.uptime_zero_ns = header->uptime_zero_ns;
}
