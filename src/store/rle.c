/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rle.h"

#include <assert.h>
#include <string.h>

#include "store/bitpack.h"

#define RUN_MIN 8u /* shorter ones cost less among bit-packed values */

void weir_rle_packed(struct weir_octets *octets, uint16_t *values, uint32_t count, unsigned width)
{
    if (count == 0)
        return;
    size_t groups = (count + 7) / 8;
    memset(values + count, 0, (groups * 8 - count) * sizeof(*values));
    weir_octets_varint(octets, (uint64_t)groups << 1 | 1);
    size_t size = weir_bitpack_octets(groups * 8, width);
    uint8_t *room = weir_octets_room(octets, size + WEIR_BITPACK_SLACK);
    if (!room)
        return;
    weir_bitpack_u16(values, groups * 8, width, room);
    octets->length += size;
}

void weir_rle_begin(struct weir_rle *rle, struct weir_octets *octets, unsigned width)
{
    assert(width >= 1 && width <= 16);
    rle->octets = octets;
    rle->width = width;
    rle->pending_count = 0;
}

static void flush_pending(struct weir_rle *rle)
{
    weir_rle_packed(rle->octets, rle->pending, rle->pending_count, rle->width);
    rle->pending_count = 0;
}

void weir_rle_put(struct weir_rle *rle, uint16_t value, uint32_t count)
{
    while (count > 0) {
        if (rle->pending_count % 8 == 0 && count >= RUN_MIN) {
            flush_pending(rle);
            weir_octets_varint(rle->octets, (uint64_t)count << 1);
            weir_octets_u8(rle->octets, (uint8_t)value);
            if (rle->width > 8)
                weir_octets_u8(rle->octets, (uint8_t)(value >> 8));
            return;
        }
        do {
            rle->pending[rle->pending_count++] = value;
            count--;
        } while (count > 0 && rle->pending_count % 8 != 0);
        if (rle->pending_count == WEIR_RLE_PENDING_MAX)
            flush_pending(rle);
    }
}

void weir_rle_end(struct weir_rle *rle)
{
    /* Only the last bit-packed run may hold more than there are values. */
    flush_pending(rle);
}
