/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's compact protocol, the writing half of it that Parquet's metadata needs.
 *
 *     struct weir_thrift t = weir_thrift_make(&octets);      // inside a struct now
 *     weir_thrift_i32(&t, 1, 0);
 *     weir_thrift_struct(&t, 5);
 *     weir_thrift_i32(&t, 1, rows);
 *     weir_thrift_end(&t);                                   // of field 5
 *     weir_thrift_end(&t);                                   // of the outermost struct
 *
 * Fields are written in the order of their numbers. A list is its header and then its elements:
 * integers and text by the _element functions, structs by weir_thrift_struct_element ... end.
 * Memory that cannot be had shows in the octets' `failed`. Threads: one owner.
 */
#ifndef WEIR_STORE_THRIFT_H
#define WEIR_STORE_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/octets.h"

#define WEIR_THRIFT_DEPTH_MAX 8u

enum weir_thrift_type {
    WEIR_THRIFT_TRUE = 1,
    WEIR_THRIFT_FALSE = 2,
    WEIR_THRIFT_I8 = 3,
    WEIR_THRIFT_I16 = 4,
    WEIR_THRIFT_I32 = 5,
    WEIR_THRIFT_I64 = 6,
    WEIR_THRIFT_BINARY = 8,
    WEIR_THRIFT_LIST = 9,
    WEIR_THRIFT_STRUCT = 12,
};

struct weir_thrift {
    struct weir_octets *octets;
    unsigned depth;
    unsigned last_field[WEIR_THRIFT_DEPTH_MAX]; /* of the struct at each depth */
};

struct weir_thrift weir_thrift_make(struct weir_octets *octets);

void weir_thrift_bool(struct weir_thrift *thrift, unsigned field, bool value);
void weir_thrift_i8(struct weir_thrift *thrift, unsigned field, int8_t value);
void weir_thrift_i16(struct weir_thrift *thrift, unsigned field, int16_t value);
void weir_thrift_i32(struct weir_thrift *thrift, unsigned field, int32_t value);
void weir_thrift_i64(struct weir_thrift *thrift, unsigned field, int64_t value);
void weir_thrift_binary(struct weir_thrift *thrift, unsigned field, const void *data,
                        size_t length);
void weir_thrift_text(struct weir_thrift *thrift, unsigned field, const char *text);

/* A field that is a struct: its fields follow, then weir_thrift_end. */
void weir_thrift_struct(struct weir_thrift *thrift, unsigned field);

/* A field that is a struct without fields: what a union of such structs chooses. */
void weir_thrift_empty(struct weir_thrift *thrift, unsigned field);

/* A field that is a list: `count` elements follow. */
void weir_thrift_list(struct weir_thrift *thrift, unsigned field, enum weir_thrift_type type,
                      size_t count);
void weir_thrift_i32_element(struct weir_thrift *thrift, int32_t value);
void weir_thrift_text_element(struct weir_thrift *thrift, const char *text);
void weir_thrift_struct_element(struct weir_thrift *thrift);

/* Ends the innermost struct. */
void weir_thrift_end(struct weir_thrift *thrift);

#endif
