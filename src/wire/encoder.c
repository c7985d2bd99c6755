/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/encoder.h"

#include <assert.h>

#include "wire/dialect.h"

#define ALIGNMENT          4u
#define MESSAGE_OCTETS_MAX 65532u

void weir_encoder_begin(struct weir_encoder *encoder, enum weir_protocol protocol, uint8_t *buffer,
                        size_t capacity, const struct weir_encoder_header *header)
{
    const struct weir_dialect *dialect = weir_dialect_find((unsigned)protocol);
    assert(dialect);
    /* A multiple of 4, so that what has fitted can always be padded. */
    if (capacity > MESSAGE_OCTETS_MAX)
        capacity = MESSAGE_OCTETS_MAX;
    *encoder = (struct weir_encoder){
        .dialect = dialect,
        .writer = weir_writer_make(buffer, capacity / ALIGNMENT * ALIGNMENT),
    };
    dialect->write_header(encoder, header);
}

static void close_set(struct weir_encoder *encoder)
{
    if (encoder->set_start == 0)
        return;
    struct weir_writer *writer = &encoder->writer;
    /* Padding must be shorter than any record, or it would be read as one (RFC 7011 3.3.1). */
    size_t padding = (0u - weir_writer_offset(writer)) % ALIGNMENT;
    if (encoder->set_record_length == 0 || padding < encoder->set_record_length)
        weir_write_zeros(writer, padding);
    weir_writer_patch_u16(writer, encoder->set_start + 2,
                          (uint16_t)(weir_writer_offset(writer) - encoder->set_start));
    encoder->set_start = 0;
}

static void open_set(struct weir_encoder *encoder, uint16_t id, uint32_t record_length)
{
    if (encoder->set_start != 0 && encoder->set_id == id)
        return;
    close_set(encoder);
    encoder->set_start = weir_writer_offset(&encoder->writer);
    encoder->set_id = id;
    encoder->set_record_length = record_length;
    weir_write_u16(&encoder->writer, id);
    weir_write_u16(&encoder->writer, 0);
}

int weir_encoder_template(struct weir_encoder *encoder, const struct weir_template *source)
{
    const struct weir_dialect *dialect = encoder->dialect;
    if (!dialect->can_write || !dialect->can_write(source))
        return WEIR_E_UNSUPPORTED;
    struct weir_encoder before = *encoder;
    open_set(encoder, source->is_options ? dialect->options_set_id : dialect->template_set_id, 0);
    dialect->write_template(&encoder->writer, source);
    for (unsigned i = 0; i < source->field_count; i++)
        dialect->write_field(&encoder->writer, &source->fields[i]);
    if (weir_writer_failed(&encoder->writer)) {
        *encoder = before;
        return WEIR_E_FULL;
    }
    encoder->template_count++;
    return 0;
}

uint8_t *weir_encoder_records(struct weir_encoder *encoder, const struct weir_template *source,
                              uint32_t want, uint32_t *ret_got)
{
    assert(!source->is_variable && source->record_length > 0);
    const struct weir_dialect *dialect = encoder->dialect;
    struct weir_encoder before = *encoder;
    uint32_t limit = dialect->builtin ? dialect->records_max : UINT16_MAX;
    limit -= encoder->record_count;
    if (!dialect->builtin)
        open_set(encoder, source->id, source->record_length);
    size_t room = weir_writer_room(&encoder->writer) / source->record_length;
    uint32_t got = want < limit ? want : limit;
    got = got < room ? got : (uint32_t)room;
    if (got == 0) {
        *encoder = before;
        *ret_got = 0;
        return NULL;
    }
    encoder->record_count = (uint16_t)(encoder->record_count + got);
    *ret_got = got;
    return weir_write_reserve(&encoder->writer, (size_t)got * source->record_length);
}

uint8_t *weir_encoder_record(struct weir_encoder *encoder, const struct weir_template *source,
                             uint32_t length)
{
    assert(!encoder->dialect->builtin && length >= source->record_length);
    struct weir_encoder before = *encoder;
    open_set(encoder, source->id, source->record_length);
    uint8_t *room = weir_write_reserve(&encoder->writer, length);
    if (!room || encoder->record_count == UINT16_MAX) {
        *encoder = before;
        return NULL;
    }
    encoder->record_count++;
    return room;
}

size_t weir_encoder_end(struct weir_encoder *encoder)
{
    close_set(encoder);
    encoder->dialect->patch_header(encoder);
    return weir_writer_failed(&encoder->writer) ? 0 : weir_writer_offset(&encoder->writer);
}
