/* SPDX-License-Identifier: Apache-2.0 */
#include "store/thrift_reader.h"

#include "store/thrift.h"

#define SKIP_DEPTH 16u

uint64_t weir_thrift_read_varint(struct weir_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t octet = weir_read_u8(reader);
        value |= (uint64_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return value;
    }
    reader->failed = true;
    return 0;
}

int64_t weir_thrift_read_zigzag(struct weir_reader *reader)
{
    uint64_t value = weir_thrift_read_varint(reader);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

unsigned weir_thrift_read_field(struct weir_reader *reader, int64_t *field)
{
    uint8_t octet = weir_read_u8(reader);
    if (weir_reader_failed(reader) || octet == 0)
        return 0;
    *field =
        octet >> 4 ? (int64_t)((uint64_t)*field + (octet >> 4)) : weir_thrift_read_zigzag(reader);
    return octet & 15;
}

uint64_t weir_thrift_read_list(struct weir_reader *reader, unsigned *ret_type)
{
    uint8_t octet = weir_read_u8(reader);
    *ret_type = octet & 15;
    return octet >> 4 == 15 ? weir_thrift_read_varint(reader) : octet >> 4;
}

static void skip_nested(struct weir_reader *reader, unsigned type, unsigned depth)
{
    int64_t field = 0;
    unsigned element;
    uint64_t count;
    if (depth > SKIP_DEPTH)
        reader->failed = true;
    if (weir_reader_failed(reader))
        return;
    switch (type) {
    case WEIR_THRIFT_TRUE:
    case WEIR_THRIFT_FALSE:
        return;
    case WEIR_THRIFT_I8:
        weir_read_skip(reader, 1);
        return;
    case WEIR_THRIFT_I16:
    case WEIR_THRIFT_I32:
    case WEIR_THRIFT_I64:
        (void)weir_thrift_read_varint(reader);
        return;
    case WEIR_THRIFT_BINARY:
        weir_read_skip(reader, weir_thrift_read_varint(reader));
        return;
    case WEIR_THRIFT_LIST:
        /* Elements of no octets cannot make this long: every round reads or fails. */
        for (count = weir_thrift_read_list(reader, &element);
             count > 0 && !weir_reader_failed(reader); count--)
            if (element == WEIR_THRIFT_TRUE || element == WEIR_THRIFT_FALSE)
                weir_read_skip(reader, 1);
            else
                skip_nested(reader, element, depth + 1);
        return;
    case WEIR_THRIFT_STRUCT:
        while ((type = weir_thrift_read_field(reader, &field)) != 0)
            skip_nested(reader, type, depth + 1);
        return;
    default: /* doubles and maps: Parquet's metadata has none that we pass */
        reader->failed = true;
    }
}

void weir_thrift_skip(struct weir_reader *reader, unsigned type)
{
    skip_nested(reader, type, 0);
}
