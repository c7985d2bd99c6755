/* SPDX-License-Identifier: Apache-2.0 */
/* What integers of a number of octets can say (RFC 7011 sections 6.1.1 and 6.2). Private to ie/. */
#ifndef WEIR_IE_RANGE_H
#define WEIR_IE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* The greatest unsigned integer of so many octets. */
static inline uint64_t weir_unsigned_max(unsigned octets)
{
    return octets >= 8 ? UINT64_MAX : (UINT64_C(1) << octets * 8) - 1;
}

/* Whether so many octets hold it in two's complement. */
static inline bool weir_signed_fits(int64_t value, unsigned octets)
{
    int64_t max = (int64_t)(weir_unsigned_max(octets) >> 1);
    return value <= max && value >= -max - 1;
}

#endif
