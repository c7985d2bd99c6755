/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bitpack.h the other way round.
 *
 *     weir_bitunpack_u16(octets, 8, width, values);
 *
 * Whole words are loaded: WEIR_BITPACK_SLACK octets after the packed ones must be readable,
 * whatever is in them. Pure; any thread may call.
 */
#ifndef WEIR_STORE_BITUNPACK_H
#define WEIR_STORE_BITUNPACK_H

#include "store/bitpack.h"

/* `count` values, a multiple of WEIR_BITPACK_GROUP, of `width` 0 to 16 bits. */
void weir_bitunpack_u16(const uint8_t *octets, size_t count, unsigned width, uint16_t *ret_values);

/*
 * Adds up WEIR_BITPACK_MINI deltas of `width` 0 to 64 bits, each with `least` added to it, from
 * `value` on, and stores every sum & `mask`. Returns the last one, unmasked.
 */
uint64_t weir_bitunpack_sums(const uint8_t *octets, unsigned width, uint64_t value, uint64_t least,
                             uint64_t mask, uint64_t ret_values[WEIR_BITPACK_MINI]);

#endif
