/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's compact protocol, the reading half: what Parquet's footers and page headers are in.
 *
 *     int64_t field = 0;
 *     unsigned type;
 *     while ((type = weir_thrift_read_field(&reader, &field)) != 0)
 *         if (field == 3 && type == WEIR_THRIFT_I64)
 *             rows = weir_thrift_read_zigzag(&reader);
 *         else
 *             weir_thrift_skip(&reader, type);
 *
 * What is damaged shows in the reader, as base/reader.h has it. Limits: structs and lists in each
 * other 16 deep. Threads: the caller's own reader.
 */
#ifndef WEIR_STORE_THRIFT_READER_H
#define WEIR_STORE_THRIFT_READER_H

#include <stdint.h>

#include "base/reader.h"

uint64_t weir_thrift_read_varint(struct weir_reader *reader);
int64_t weir_thrift_read_zigzag(struct weir_reader *reader);

/* Type of the next field (thrift.h) and its number, in *field; 0 at the struct's end. */
unsigned weir_thrift_read_field(struct weir_reader *reader, int64_t *field);

/* Elements of a list, and their type. */
uint64_t weir_thrift_read_list(struct weir_reader *reader, unsigned *ret_type);

/* Passes a value of this type. */
void weir_thrift_skip(struct weir_reader *reader, unsigned type);

#endif
