/* SPDX-License-Identifier: Apache-2.0 */
#include "store/utf8.h"

#include <string.h>

/* What may follow a leading octet: how many octets, and the range of the first of them. */
struct lead {
    uint8_t first, last; /* leading octets */
    uint8_t tail;        /* octets after it */
    uint8_t low, high;   /* of the one after it; further ones are 0x80 to 0xbf */
};

/* RFC 3629 section 4. */
static const struct lead leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

/* Octets of the character at `text`, 0 where there is none. */
static size_t character(const uint8_t *text, size_t length)
{
    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        const struct lead *lead = &leads[i];
        if (text[0] < lead->first || text[0] > lead->last)
            continue;
        if (lead->tail >= length || text[1] < lead->low || text[1] > lead->high)
            return 0;
        for (size_t k = 2; k <= lead->tail; k++)
            if (text[k] >> 6 != 2)
                return 0;
        return lead->tail + 1u;
    }
    return 0;
}

size_t weir_utf8_repair(uint8_t *text, size_t length)
{
    size_t replaced = 0;
    for (size_t i = 0; i < length;) {
        uint64_t word;
        if (length - i >= sizeof(word)) {
            memcpy(&word, text + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        size_t octets = character(text + i, length - i);
        if (octets == 0) {
            text[i] = '?';
            replaced++;
            octets = 1;
        }
        i += octets;
    }
    return replaced;
}

size_t weir_utf8_cut(const uint8_t *text, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    while (limit > 0 && text[limit] >> 6 == 2)
        limit--;
    return limit;
}
