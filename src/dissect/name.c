/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/name.h"

#include <string.h>

#include "base/text.h"

static void put(struct weir_name *name, const void *text, size_t length)
{
    if (length > WEIR_NAME_OCTETS_MAX - name->length)
        name->is_cut = true;
    if (name->is_cut)
        return;
    memcpy(name->text + name->length, text, length);
    name->length = (uint8_t)(name->length + length);
}

/* C0 and C1, DEL, and what turns the direction of text or breaks lines. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

static void put_octet(struct weir_name *name, uint8_t octet)
{
    const char escape[4] = {'\\', (char)('0' + octet / 100), (char)('0' + octet / 10 % 10),
                            (char)('0' + octet % 10)};
    put(name, escape, sizeof(escape));
}

void weir_name_add_escaped(struct weir_name *name, const uint8_t *octets, size_t length,
                           char escaped)
{
    uint32_t point = 0;
    for (size_t i = 0; i < length && !name->is_cut;) {
        unsigned used = weir_utf8_next(octets + i, length - i, &point);
        if (used == 1 && (octets[i] == '\\' || octets[i] == (uint8_t)escaped)) {
            const char pair[2] = {'\\', (char)octets[i]};
            put(name, pair, sizeof(pair));
        } else if (used > 0 && !is_control(point)) {
            put(name, octets + i, used);
        } else {
            used = used ? used : 1;
            for (unsigned k = 0; k < used; k++)
                put_octet(name, octets[i + k]);
        }
        i += used;
    }
}

void weir_name_add(struct weir_name *name, const uint8_t *octets, size_t length)
{
    weir_name_add_escaped(name, octets, length, '\\');
}

void weir_name_add_char(struct weir_name *name, char letter)
{
    put(name, &letter, 1);
}
