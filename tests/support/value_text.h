/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back from what ie/value.h prints: text to value, value to octets. With it tests show
 * that decoding and printing lose nothing.
 *
 *     weir_value_decode(type, octets, length, &value, NULL);
 *     weir_value_print(&value, &text);
 *     test_value_parse(type, weir_text_string(&text), buffer, &again);
 *     test_value_encode(&again, back, length);                         // back is octets
 */
#ifndef WEIR_TESTS_VALUE_TEXT_H
#define WEIR_TESTS_VALUE_TEXT_H

#include "ie/value.h"

/*
 * `buffer` has room for strlen(text) octets and keeps those of the variable types. False: it is
 * not what is printed of a value of this type.
 */
bool test_value_parse(enum weir_type type, const char *text, uint8_t *buffer,
                      struct weir_scalar *ret_value);

/* In exactly so many octets, which the type allows. False: it does not fit. */
bool test_value_encode(const struct weir_scalar *value, uint8_t *octets, size_t length);

#endif
