/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What data/generate-elements.py writes and element.c searches; private to ie/.
 *
 * The hash tables have 1 << weir_element_hash_bits slots of a row's index + 1, 0 where empty, and
 * linear probing; they are at most half full, so that every search ends.
 */
#ifndef WEIR_IE_ELEMENT_TABLES_H
#define WEIR_IE_ELEMENT_TABLES_H

#include "ie/element.h"

extern const struct weir_element weir_element_rows[]; /* ordered by (pen, id) */
extern const uint32_t weir_element_count;
extern const uint32_t weir_element_hash_bits;
extern const uint16_t weir_element_numbers[];
extern const uint16_t weir_element_names[];

#endif
