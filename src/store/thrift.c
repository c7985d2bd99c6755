/* SPDX-License-Identifier: Apache-2.0 */
#include "store/thrift.h"

#include <assert.h>
#include <string.h>

struct weir_thrift weir_thrift_make(struct weir_octets *octets)
{
    return (struct weir_thrift){.octets = octets};
}

static void field_header(struct weir_thrift *thrift, unsigned field, enum weir_thrift_type type)
{
    unsigned *last = &thrift->last_field[thrift->depth];
    assert(field > *last);
    unsigned step = field - *last;
    if (step <= 15) {
        weir_octets_u8(thrift->octets, (uint8_t)(step << 4 | type));
    } else {
        weir_octets_u8(thrift->octets, (uint8_t)type);
        weir_octets_zigzag(thrift->octets, field);
    }
    *last = field;
}

void weir_thrift_bool(struct weir_thrift *thrift, unsigned field, bool value)
{
    field_header(thrift, field, value ? WEIR_THRIFT_TRUE : WEIR_THRIFT_FALSE);
}

void weir_thrift_i8(struct weir_thrift *thrift, unsigned field, int8_t value)
{
    field_header(thrift, field, WEIR_THRIFT_I8);
    weir_octets_u8(thrift->octets, (uint8_t)value);
}

void weir_thrift_i16(struct weir_thrift *thrift, unsigned field, int16_t value)
{
    field_header(thrift, field, WEIR_THRIFT_I16);
    weir_octets_zigzag(thrift->octets, value);
}

void weir_thrift_i32(struct weir_thrift *thrift, unsigned field, int32_t value)
{
    field_header(thrift, field, WEIR_THRIFT_I32);
    weir_octets_zigzag(thrift->octets, value);
}

void weir_thrift_i64(struct weir_thrift *thrift, unsigned field, int64_t value)
{
    field_header(thrift, field, WEIR_THRIFT_I64);
    weir_octets_zigzag(thrift->octets, value);
}

void weir_thrift_binary(struct weir_thrift *thrift, unsigned field, const void *data, size_t length)
{
    field_header(thrift, field, WEIR_THRIFT_BINARY);
    weir_octets_varint(thrift->octets, length);
    weir_octets_append(thrift->octets, data, length);
}

void weir_thrift_text(struct weir_thrift *thrift, unsigned field, const char *text)
{
    weir_thrift_binary(thrift, field, text, strlen(text));
}

void weir_thrift_struct_element(struct weir_thrift *thrift)
{
    assert(thrift->depth + 1 < WEIR_THRIFT_DEPTH_MAX);
    thrift->depth++;
    thrift->last_field[thrift->depth] = 0;
}

void weir_thrift_struct(struct weir_thrift *thrift, unsigned field)
{
    field_header(thrift, field, WEIR_THRIFT_STRUCT);
    weir_thrift_struct_element(thrift);
}

void weir_thrift_empty(struct weir_thrift *thrift, unsigned field)
{
    weir_thrift_struct(thrift, field);
    weir_thrift_end(thrift);
}

void weir_thrift_list(struct weir_thrift *thrift, unsigned field, enum weir_thrift_type type,
                      size_t count)
{
    field_header(thrift, field, WEIR_THRIFT_LIST);
    if (count < 15) {
        weir_octets_u8(thrift->octets, (uint8_t)(count << 4 | type));
    } else {
        weir_octets_u8(thrift->octets, (uint8_t)(0xf0 | type));
        weir_octets_varint(thrift->octets, count);
    }
}

void weir_thrift_i32_element(struct weir_thrift *thrift, int32_t value)
{
    weir_octets_zigzag(thrift->octets, value);
}

void weir_thrift_text_element(struct weir_thrift *thrift, const char *text)
{
    size_t length = strlen(text);
    weir_octets_varint(thrift->octets, length);
    weir_octets_append(thrift->octets, text, length);
}

void weir_thrift_end(struct weir_thrift *thrift)
{
    weir_octets_u8(thrift->octets, 0);
    if (thrift->depth > 0)
        thrift->depth--;
}
