/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds export messages by hand, so that tests can also write what no encoder would.
 *
 *     struct builder b;
 *     build_ipfix(&b, 7);
 *     size_t set = build_set(&b, 2);
 *     build_u16s(&b, 6, 256, 2, 8, 4, 12, 4);   // template 256 of two fields
 *     build_set_end(&b, set);
 *     build_ipfix_end(&b);
 */
#ifndef WEIR_TESTS_UNIT_WIRE_BUILDER_H
#define WEIR_TESTS_UNIT_WIRE_BUILDER_H

#include <assert.h>
#include <stdarg.h>

#include "base/writer.h"

struct builder {
    struct weir_writer writer;
    uint8_t octets[4096];
};

static inline void build_begin(struct builder *b)
{
    b->writer = weir_writer_make(b->octets, sizeof(b->octets));
}

static inline void build_u16s(struct builder *b, unsigned count, ...)
{
    va_list values;
    va_start(values, count);
    for (unsigned i = 0; i < count; i++)
        weir_write_u16(&b->writer, (uint16_t)va_arg(values, int));
    va_end(values);
}

static inline size_t build_set(struct builder *b, uint16_t id)
{
    size_t start = weir_writer_offset(&b->writer);
    build_u16s(b, 2, id, 0);
    return start;
}

static inline void build_set_end(struct builder *b, size_t start)
{
    size_t length = weir_writer_offset(&b->writer) - start;
    weir_writer_patch_u16(&b->writer, start + 2, (uint16_t)length);
    assert(!weir_writer_failed(&b->writer));
}

static inline void build_ipfix(struct builder *b, uint32_t domain)
{
    build_begin(b);
    build_u16s(b, 2, 10, 0);
    weir_write_u32(&b->writer, 1700000000);
    weir_write_u32(&b->writer, 41);
    weir_write_u32(&b->writer, domain);
}

static inline void build_ipfix_end(struct builder *b)
{
    weir_writer_patch_u16(&b->writer, 2, (uint16_t)weir_writer_offset(&b->writer));
}

static inline void build_netflow9(struct builder *b, uint16_t count, uint32_t domain)
{
    build_begin(b);
    build_u16s(b, 2, 9, count);
    weir_write_u32(&b->writer, 5000);
    weir_write_u32(&b->writer, 1700000000);
    weir_write_u32(&b->writer, 41);
    weir_write_u32(&b->writer, domain);
}

/* Header of v5 and `records` records whose octets count up. */
static inline void build_netflow5(struct builder *b, uint16_t count, unsigned records)
{
    build_begin(b);
    build_u16s(b, 2, 5, count);
    weir_write_u32(&b->writer, 5000);
    weir_write_u32(&b->writer, 1700000000);
    weir_write_u32(&b->writer, 250000000);
    weir_write_u32(&b->writer, 41);
    build_u16s(b, 2, 3 << 8 | 9, 1 << 14 | 100);
    for (unsigned i = 0; i < records * 48; i++)
        weir_write_u8(&b->writer, (uint8_t)i);
}

#endif
