/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/message.h"

#include "base/clock.h"
#include "wire/dialect.h"

/* NetFlow and IPFIX have their version in 16 bits, sFlow in 32. */
static const struct weir_dialect *find_version(bool is_sflow, unsigned version)
{
    if (is_sflow)
        return version == 5 ? &weir_dialect_sflow5 : NULL;
    return version <= WEIR_PROTOCOL_IPFIX ? weir_dialect_find(version) : NULL;
}

int weir_message_open(const uint8_t *octets, size_t length, struct weir_message *ret_message,
                      struct weir_diag *diag)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    unsigned version = weir_read_u16(&reader);
    bool is_sflow = version == 0;
    if (is_sflow)
        version = weir_read_u16(&reader);
    if (weir_reader_failed(&reader))
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, 0, "%zu octets are no export message",
                                length);
    const struct weir_dialect *dialect = find_version(is_sflow, version);
    if (!dialect)
        return weir_diag_set_at(diag, WEIR_E_UNSUPPORTED, 0, "%sversion %u is none that is known",
                                is_sflow ? "sFlow " : "", version);
    if (length < dialect->header_octets)
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, length,
                                "the %s header of %u octets ends here", dialect->title,
                                dialect->header_octets);

    struct weir_message message = {
        .dialect = dialect,
        .builtin = dialect->builtin,
        .protocol = dialect->protocol,
        .sequence_unit = dialect->sequence_unit,
    };
    int result = dialect->read_header(&reader, &message, diag);
    if (result < 0)
        return result;
    if (message.length == 0)
        message.length = length;
    if (message.length > length) {
        message.missing = message.length - length;
        message.length = length;
    }
    message.body = weir_read_block(&reader, message.length - weir_reader_offset(&reader));
    *ret_message = message;
    return 0;
}

bool weir_message_peek(const uint8_t *octets, size_t length, struct weir_message *ret_message)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    unsigned version = weir_read_u16(&reader);
    const struct weir_dialect *dialect = version > 0 ? find_version(false, version) : NULL;
    if (!dialect || dialect->domain_octets == 0 || length < dialect->header_octets)
        return weir_message_open(octets, length, ret_message, NULL) == 0;
    weir_read_skip(&reader, dialect->domain_at - weir_reader_offset(&reader));
    ret_message->protocol = dialect->protocol;
    ret_message->domain = (uint32_t)weir_read_uint(&reader, dialect->domain_octets);
    ret_message->has_agent = false;
    return true;
}

static bool all_zero(const struct weir_reader *reader)
{
    for (size_t i = 0; i < reader->remaining; i++)
        if (reader->octets[i])
            return false;
    return true;
}

static void end_message(struct weir_message *message)
{
    message->body.remaining = 0;
    message->missing = 0;
}

/* All the records of a fixed format, as one set. */
static int next_fixed(struct weir_message *message, struct weir_set *ret_set,
                      struct weir_diag *diag)
{
    size_t record = message->builtin->record_length;
    size_t there = weir_reader_remaining(&message->body) / record;
    if (there > 0) {
        *ret_set = (struct weir_set){
            .dialect = message->dialect,
            .kind = WEIR_SET_DATA,
            .id = message->builtin->id,
            .body = weir_read_block(&message->body, there * record),
        };
        return 0;
    }
    if (message->missing == 0) {
        end_message(message);
        return WEIR_E_END;
    }
    end_message(message);
    size_t octets = message->length - message->dialect->header_octets;
    return weir_diag_set_at(diag, WEIR_E_MALFORMED, 2,
                            "count %u needs %zu octets of records, %zu are there", message->count,
                            message->count * record, octets);
}

static enum weir_set_kind kind_of(const struct weir_dialect *dialect, uint16_t id)
{
    if (id >= WEIR_FIRST_DATA_SET_ID)
        return WEIR_SET_DATA;
    if (id == dialect->template_set_id)
        return WEIR_SET_TEMPLATE;
    return id == dialect->options_set_id ? WEIR_SET_OPTIONS_TEMPLATE : WEIR_SET_RESERVED;
}

static int next_set(struct weir_message *message, struct weir_set *ret_set, struct weir_diag *diag)
{
    struct weir_reader *body = &message->body;
    size_t at = weir_reader_offset(body), remaining = weir_reader_remaining(body);
    size_t missing = message->missing;
    if (remaining == 0 || all_zero(body)) {
        end_message(message);
        if (missing == 0)
            return WEIR_E_END;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, message->length,
                                "the message ends here, %zu octets before its length says",
                                missing);
    }
    if (remaining < WEIR_SET_HEADER_OCTETS) {
        end_message(message);
        return weir_diag_set_at(diag, missing ? WEIR_E_TRUNCATED : WEIR_E_MALFORMED, at,
                                "%zu octets are too few for a set header", remaining);
    }
    struct weir_set set = {.dialect = message->dialect, .id = weir_read_u16(body)};
    size_t length = weir_read_u16(body);
    if (length < WEIR_SET_HEADER_OCTETS) {
        end_message(message);
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at + 2,
                                "set length %zu is shorter than its header", length);
    }
    if (length > remaining + missing) {
        end_message(message);
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at + 2,
                                "set length %zu passes the end of the message, %zu octets remain",
                                length, remaining);
    }
    /* A set that the input cuts: what there is of it can be read, the next call reports it. */
    if (length > remaining)
        length = remaining;
    set.kind = kind_of(set.dialect, set.id);
    set.body = weir_read_block(body, length - WEIR_SET_HEADER_OCTETS);
    *ret_set = set;
    return 0;
}

int weir_message_next(struct weir_message *message, struct weir_set *ret_set,
                      struct weir_diag *diag)
{
    if (message->dialect->next_set)
        return message->dialect->next_set(message, ret_set, diag);
    return message->builtin ? next_fixed(message, ret_set, diag) : next_set(message, ret_set, diag);
}

struct weir_plan_context weir_message_context(const struct weir_message *message)
{
    return (struct weir_plan_context){
        .segment = {.domain = message->domain, .protocol_version = (uint8_t)message->protocol},
        .export_time_ns = message->export_time_ns,
        .uptime_zero_ns = message->export_time_ns - message->uptime_ms * WEIR_NS_PER_MS,
        .sampling = message->sampling,
    };
}

static int end_set(struct weir_set *set, int result)
{
    set->body.remaining = 0;
    return result;
}

int weir_set_next_template(struct weir_set *set, struct weir_template *buffer, size_t capacity,
                           struct weir_diag *diag)
{
    struct weir_reader *body = &set->body;
    if (weir_reader_remaining(body) < 4 || all_zero(body))
        return end_set(set, WEIR_E_END);
    size_t at = weir_reader_offset(body);
    struct weir_template source = {.is_options = set->kind == WEIR_SET_OPTIONS_TEMPLATE};
    int result = set->dialect->read_template(body, &source, diag);
    if (result < 0)
        return end_set(set, result);
    if (weir_reader_failed(body))
        return end_set(set, weir_diag_set_at(diag, WEIR_E_MALFORMED, at,
                                             "the set ends inside a template's header"));

    size_t room =
        capacity < sizeof(source) ? 0 : (capacity - sizeof(source)) / sizeof(*buffer->fields);
    if (capacity < sizeof(source) || source.field_count > WEIR_TEMPLATE_FIELDS_MAX ||
        source.field_count > room)
        return end_set(set, weir_diag_set_at(diag, WEIR_E_LIMIT, at, "template %u has %u fields",
                                             source.id, source.field_count));
    for (unsigned i = 0; i < source.field_count; i++) {
        struct weir_field field = set->dialect->read_field(body, i < source.scope_count);
        source.is_variable = source.is_variable || field.length == WEIR_LENGTH_VARIABLE;
        source.record_length += field.length == WEIR_LENGTH_VARIABLE ? 1u : field.length;
        if (weir_reader_failed(body))
            return end_set(set, weir_diag_set_at(diag, WEIR_E_MALFORMED, at,
                                                 "template %u has %u fields, the set ends after %u",
                                                 source.id, source.field_count, i));
        buffer->fields[i] = field;
    }
    *buffer = source;
    return 0;
}

/* Length of the variable field that is next (RFC 7011 section 7), read past. */
static size_t read_variable_length(struct weir_reader *reader)
{
    size_t length = weir_read_u8(reader);
    return length < 255 ? length : weir_read_u16(reader);
}

static void skip_fields(struct weir_reader *reader, const struct weir_template *source)
{
    for (unsigned i = 0; i < source->field_count; i++) {
        uint16_t length = source->fields[i].length;
        weir_read_skip(reader,
                       length == WEIR_LENGTH_VARIABLE ? read_variable_length(reader) : length);
    }
}

int weir_set_next_record(struct weir_set *set, const struct weir_template *source,
                         struct weir_record *ret_record, struct weir_diag *diag)
{
    struct weir_reader *body = &set->body;
    size_t at = weir_reader_offset(body);
    if (weir_reader_remaining(body) == 0 || weir_reader_remaining(body) < source->record_length)
        return end_set(set, WEIR_E_END);
    if (source->record_length == 0)
        return end_set(set, weir_diag_set_at(diag, WEIR_E_MALFORMED, at,
                                             "records of template %u have no octets", source->id));
    size_t length = source->record_length;
    if (source->is_variable) {
        struct weir_reader ahead = *body;
        skip_fields(&ahead, source);
        if (weir_reader_failed(&ahead))
            return end_set(set, weir_diag_set_at(diag, WEIR_E_MALFORMED, at,
                                                 "a record of template %u passes the end of its "
                                                 "set",
                                                 source->id));
        length = weir_reader_offset(&ahead) - at;
    }
    *ret_record = (struct weir_record){
        .template = source,
        .octets = weir_read_block(body, length),
    };
    return 0;
}

int weir_record_next(struct weir_record *record, struct weir_value *ret_value,
                     struct weir_diag *diag)
{
    if (record->next_field >= record->template->field_count)
        return WEIR_E_END;
    const struct weir_field *field = &record->template->fields[record->next_field];
    size_t at = weir_reader_offset(&record->octets);
    size_t length = field->length;
    if (field->length == WEIR_LENGTH_VARIABLE)
        length = read_variable_length(&record->octets);
    const uint8_t *octets = weir_read_octets(&record->octets, length);
    if (!octets) {
        record->next_field = record->template->field_count;
        return weir_diag_set_at(diag, WEIR_E_MALFORMED, at, "field %u passes the end of its record",
                                (unsigned)(field - record->template->fields));
    }
    record->next_field++;
    *ret_value = (struct weir_value){field, octets, length};
    return 0;
}
