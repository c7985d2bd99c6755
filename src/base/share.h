/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several workers an address belongs to: always the same one for the same number of
 * workers, on any machine and in any run, so what was learned of an exporter is found again.
 *
 *     if (weir_share_of(address, share.count) == share.index) ...
 *
 * It needs no key: who would overload one worker can do so with one address. It is made of what the
 * kernel's packet filters can compute (net/steering.h). Pure.
 */
#ifndef WEIR_BASE_SHARE_H
#define WEIR_BASE_SHARE_H

#include <stdint.h>

#include "base/address.h"

#define WEIR_SHARE_FACTOR_1 UINT32_C(0x9e3779b1)
#define WEIR_SHARE_FACTOR_2 UINT32_C(0x85ebca77)

/* One of `count` shares, from 0 on. */
struct weir_share {
    uint32_t index;
    uint32_t count; /* 0 and 1: there are no others */
};

/* 0 to count - 1; count is at least 1. */
static inline uint32_t weir_share_of(struct weir_address address, uint32_t count)
{
    uint32_t hash = (uint32_t)address.low;
    if (!weir_address_is_v4(address)) {
        hash = (uint32_t)(address.high >> 32) * WEIR_SHARE_FACTOR_1 + (uint32_t)address.high;
        hash = hash * WEIR_SHARE_FACTOR_1 + (uint32_t)(address.low >> 32);
        hash = hash * WEIR_SHARE_FACTOR_1 + (uint32_t)address.low;
    }
    hash *= WEIR_SHARE_FACTOR_1;
    hash = (hash ^ hash >> 16) * WEIR_SHARE_FACTOR_2;
    return (hash >> 16) % count;
}

#endif
