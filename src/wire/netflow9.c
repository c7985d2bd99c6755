/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v9, RFC 3954. Beyond it: the header's count is not relied on (exporters count records,
 * sets or nothing), a template may have no fields and an options template no scope fields, and
 * length 65535 means variable length as in IPFIX, since no field of that length could fit into a
 * set.
 */
#include "base/clock.h"
#include "ie/element.h"
#include "wire/dialect.h"

#define HEADER_OCTETS      20u
#define COUNT_OFFSET       2u
#define FIELD_OCTETS       4u
#define FIRST_VENDOR_FIELD 32768u

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    (void)diag;
    message->count = weir_read_u16(reader);
    message->uptime_ms = weir_read_u32(reader);
    message->export_time_ns = weir_read_u32(reader) * WEIR_NS_PER_SECOND;
    message->sequence = weir_read_u32(reader);
    message->domain = weir_read_u32(reader);
    return 0;
}

static void write_header(struct weir_encoder *encoder, const struct weir_encoder_header *header)
{
    struct weir_writer *writer = &encoder->writer;
    int64_t seconds = header->export_time_ns / WEIR_NS_PER_SECOND;
    int64_t uptime_ns = seconds * WEIR_NS_PER_SECOND - header->uptime_zero_ns;
    weir_write_u16(writer, 9);
    weir_write_u16(writer, 0);
    weir_write_u32(writer, (uint32_t)(uptime_ns / WEIR_NS_PER_MS));
    weir_write_u32(writer, (uint32_t)seconds);
    weir_write_u32(writer, header->sequence);
    weir_write_u32(writer, header->domain);
    encoder->context.export_time_ns = seconds * WEIR_NS_PER_SECOND;
    encoder->context.uptime_zero_ns = header->uptime_zero_ns;
}

static void patch_header(struct weir_encoder *encoder)
{
    weir_writer_patch_u16(&encoder->writer, COUNT_OFFSET,
                          (uint16_t)(encoder->record_count + encoder->template_count));
}

/* Section 5.2 and 6.1: an options template gives the octets of its scope and option fields. */
static int read_template(struct weir_reader *reader, struct weir_template *source,
                         struct weir_diag *diag)
{
    size_t at = weir_reader_offset(reader);
    source->id = weir_read_u16(reader);
    uint16_t first = weir_read_u16(reader);
    uint16_t second = source->is_options ? weir_read_u16(reader) : 0;
    if (weir_reader_failed(reader))
        return 0;
    if (source->id < WEIR_FIRST_DATA_SET_ID)
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at, "template id %u is below 256",
                                source->id);
    if (source->is_options && (first % FIELD_OCTETS || second % FIELD_OCTETS))
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at + 2,
                                "scope length %u or option length %u of options template %u is no "
                                "multiple of 4",
                                first, second, source->id);
    source->scope_count = source->is_options ? (uint16_t)(first / FIELD_OCTETS) : 0;
    source->field_count =
        source->is_options ? (uint16_t)(source->scope_count + second / FIELD_OCTETS) : first;
    return 0;
}

/*
 * Field types from 32768 on are vendors' own. Some say what an element of IANA's says: what
 * Cisco's firewalls sent before there was one, and what Palo Alto's send.
 */
static const struct {
    uint16_t sent, element;
} vendor_fields[] = {
    {40000, 371}, /* userName */
    {40001, 225}, /* postNATSourceIPv4Address */
    {40002, 226}, /* postNATDestinationIPv4Address */
    {40003, 227}, /* postNAPTSourceTransportPort */
    {40004, 228}, /* postNAPTDestinationTransportPort */
    {40005, 233}, /* firewallEvent */
    {56701, 96},  /* applicationName */
    {56702, 371}, /* userName */
};

/* Others are elements that the vendor's IPFIX has under its PEN, this much lower. */
static const struct {
    uint16_t first;
    uint32_t pen;
} vendor_ranges[] = {{57472, 35632 /* ntop */}, {32768, 9 /* Cisco */}};

static void find_vendor_element(struct weir_field *field)
{
    for (size_t i = 0; i < sizeof(vendor_fields) / sizeof(vendor_fields[0]); i++)
        if (vendor_fields[i].sent == field->id) {
            field->id = vendor_fields[i].element;
            return;
        }
    for (size_t i = 0; i < sizeof(vendor_ranges) / sizeof(vendor_ranges[0]); i++) {
        uint16_t id = (uint16_t)(field->id - vendor_ranges[i].first);
        if (field->id >= vendor_ranges[i].first && weir_element_find(vendor_ranges[i].pen, id)) {
            field->pen = vendor_ranges[i].pen;
            field->id = id;
            return;
        }
    }
}

static struct weir_field read_field(struct weir_reader *reader, bool is_scope)
{
    struct weir_field field = {.pen = is_scope ? WEIR_PEN_NETFLOW9_SCOPE : 0};
    field.id = weir_read_u16(reader);
    field.length = weir_read_u16(reader);
    if (!is_scope && field.id >= FIRST_VENDOR_FIELD)
        find_vendor_element(&field);
    return field;
}

static void write_template(struct weir_writer *writer, const struct weir_template *source)
{
    unsigned scope = source->scope_count, option = source->field_count - scope;
    weir_write_u16(writer, source->id);
    if (source->is_options) {
        weir_write_u16(writer, (uint16_t)(scope * FIELD_OCTETS));
        weir_write_u16(writer, (uint16_t)(option * FIELD_OCTETS));
    } else {
        weir_write_u16(writer, source->field_count);
    }
}

static void write_field(struct weir_writer *writer, const struct weir_field *field)
{
    weir_write_u16(writer, field->id);
    weir_write_u16(writer, field->length);
}

static bool can_write(const struct weir_template *source)
{
    for (unsigned i = 0; i < source->field_count; i++)
        if (source->fields[i].pen != (i < source->scope_count ? WEIR_PEN_NETFLOW9_SCOPE : 0) ||
            source->fields[i].length == WEIR_LENGTH_VARIABLE)
            return false;
    return !source->is_withdrawal && source->field_count > 0;
}

const struct weir_dialect weir_dialect_netflow9 = {
    .name = "netflow9",
    .title = "NetFlow v9",
    .protocol = WEIR_PROTOCOL_NETFLOW9,
    .sequence_unit = WEIR_SEQUENCE_MESSAGES,
    .header_octets = HEADER_OCTETS,
    .domain_at = 16,
    .domain_octets = 4,
    .template_set_id = 0,
    .options_set_id = 1,
    .read_header = read_header,
    .write_header = write_header,
    .patch_header = patch_header,
    .read_template = read_template,
    .read_field = read_field,
    .write_template = write_template,
    .write_field = write_field,
    .can_write = can_write,
};
