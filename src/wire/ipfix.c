/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX, RFC 7011. */
#include "base/clock.h"
#include "wire/dialect.h"

#define HEADER_OCTETS  16u
#define ENTERPRISE_BIT 0x8000u

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    message->length = weir_read_u16(reader);
    message->export_time_ns = weir_read_u32(reader) * WEIR_NS_PER_SECOND;
    message->sequence = weir_read_u32(reader);
    message->domain = weir_read_u32(reader);
    if (message->length < HEADER_OCTETS)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, 2,
                                "message length %zu is shorter than its header", message->length);
    return 0;
}

static void write_header(struct weir_encoder *encoder, const struct weir_encoder_header *header)
{
    struct weir_writer *writer = &encoder->writer;
    int64_t seconds = header->export_time_ns / WEIR_NS_PER_SECOND;
    weir_write_u16(writer, 10);
    weir_write_u16(writer, 0);
    weir_write_u32(writer, (uint32_t)seconds);
    weir_write_u32(writer, header->sequence);
    weir_write_u32(writer, header->domain);
    encoder->context.export_time_ns = seconds * WEIR_NS_PER_SECOND;
    encoder->context.uptime_zero_ns = header->uptime_zero_ns;
}

static void patch_header(struct weir_encoder *encoder)
{
    weir_writer_patch_u16(&encoder->writer, 2, (uint16_t)weir_writer_offset(&encoder->writer));
}

/* Section 3.4.1, 3.4.2.2; withdrawals (8.1) have neither fields nor a scope count. */
static int read_template(struct weir_reader *reader, struct weir_template *source,
                         struct weir_diag *diag)
{
    size_t at = weir_reader_offset(reader);
    uint16_t all_of_kind =
        source->is_options ? weir_dialect_ipfix.options_set_id : weir_dialect_ipfix.template_set_id;
    source->id = weir_read_u16(reader);
    source->field_count = weir_read_u16(reader);
    if (source->id < WEIR_FIRST_DATA_SET_ID &&
        !(source->id == all_of_kind && source->field_count == 0))
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at, "template id %u is below 256",
                                source->id);
    source->is_withdrawal = source->field_count == 0;
    if (!source->is_options || source->is_withdrawal)
        return 0;
    source->scope_count = weir_read_u16(reader);
    if (weir_reader_failed(reader))
        return 0;
    if (source->scope_count == 0)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at + 4,
                                "options template %u has no scope field", source->id);
    if (source->scope_count > source->field_count)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at + 4,
                                "options template %u has %u scope fields among %u fields",
                                source->id, source->scope_count, source->field_count);
    return 0;
}

static struct weir_field read_field(struct weir_reader *reader, bool is_scope)
{
    (void)is_scope;
    struct weir_field field = {0};
    field.id = weir_read_u16(reader);
    field.length = weir_read_u16(reader);
    if (field.id & ENTERPRISE_BIT) {
        field.id = field.id & (uint16_t)~ENTERPRISE_BIT;
        field.pen = weir_read_u32(reader);
    }
    return field;
}

static void write_template(struct weir_writer *writer, const struct weir_template *source)
{
    weir_write_u16(writer, source->id);
    weir_write_u16(writer, source->field_count);
    if (source->is_options && !source->is_withdrawal)
        weir_write_u16(writer, source->scope_count);
}

static void write_field(struct weir_writer *writer, const struct weir_field *field)
{
    weir_write_u16(writer, field->pen ? field->id | ENTERPRISE_BIT : field->id);
    weir_write_u16(writer, field->length);
    if (field->pen)
        weir_write_u32(writer, field->pen);
}

static bool can_write(const struct weir_template *source)
{
    for (unsigned i = 0; i < source->field_count; i++)
        if (source->fields[i].pen == WEIR_PEN_NETFLOW9_SCOPE ||
            source->fields[i].id >= ENTERPRISE_BIT)
            return false;
    if (source->is_withdrawal || source->field_count == 0)
        return source->is_withdrawal && source->field_count == 0;
    return !source->is_options || source->scope_count > 0;
}

const struct weir_dialect weir_dialect_ipfix = {
    .name = "ipfix",
    .title = "IPFIX",
    .protocol = WEIR_PROTOCOL_IPFIX,
    .sequence_unit = WEIR_SEQUENCE_RECORDS,
    .header_octets = HEADER_OCTETS,
    .domain_at = 12,
    .domain_octets = 4,
    .template_set_id = 2,
    .options_set_id = 3,
    .read_header = read_header,
    .write_header = write_header,
    .patch_header = patch_header,
    .read_template = read_template,
    .read_field = read_field,
    .write_template = write_template,
    .write_field = write_field,
    .can_write = can_write,
};
