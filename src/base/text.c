/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void weir_text_init(struct weir_text_buffer *text, size_t limit_octets)
{
    /* One less than all: reserve_terminated adds one. */
    size_t limit = limit_octets < SIZE_MAX ? limit_octets : SIZE_MAX - 1;
    *text = (struct weir_text_buffer){.limit = limit};
}

void weir_text_done(struct weir_text_buffer *text)
{
    if (text)
        free(text->data);
}

char *weir_text_grow(struct weir_text_buffer *text, size_t octets)
{
    if (text->error)
        return NULL;
    if (octets > text->limit - text->length) {
        text->error = WEIR_E_LIMIT;
        return NULL;
    }
    size_t wanted = text->length + octets;
    if (wanted > text->capacity) {
        size_t capacity = text->capacity < 128 ? 256 : text->capacity * 2;
        if (capacity > text->limit)
            capacity = text->limit;
        if (capacity < wanted)
            capacity = wanted;
        char *data = realloc(text->data, capacity);
        if (!data) {
            text->error = WEIR_E_NOMEM;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->length;
}

/* Room for text and a terminator, which is not text and so may stand past the limit. */
static char *reserve_terminated(struct weir_text_buffer *text, size_t octets)
{
    text->limit++;
    char *room = weir_text_reserve(text, octets + 1);
    text->limit--;
    return room;
}

void weir_text_vprintf(struct weir_text_buffer *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *room = length > 0 ? reserve_terminated(text, (size_t)length) : NULL;
    if (room) {
        vsnprintf(room, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void weir_text_printf(struct weir_text_buffer *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    weir_text_vprintf(text, format, arguments);
    va_end(arguments);
}

void weir_text_add_u64(struct weir_text_buffer *text, uint64_t value)
{
    /* Two digits to a division. */
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof(digits);
    for (; value >= 100; value /= 100)
        memcpy(digits + (at -= 2), pairs + value % 100 * 2, 2);
    if (value >= 10)
        memcpy(digits + (at -= 2), pairs + value * 2, 2);
    else
        digits[--at] = (char)('0' + value);
    weir_text_add_octets(text, digits + at, sizeof(digits) - at);
}

void weir_text_add_i64(struct weir_text_buffer *text, int64_t value)
{
    if (value >= 0) {
        weir_text_add_u64(text, (uint64_t)value);
        return;
    }
    size_t before = text->length;
    weir_text_add_char(text, '-');
    weir_text_add_u64(text, 0 - (uint64_t)value);
    if (text->error)
        text->length = before;
}

static const char hex_digits[] = "0123456789abcdef";

void weir_text_add_hex(struct weir_text_buffer *text, const uint8_t *octets, size_t length)
{
    char *room = length && length <= SIZE_MAX / 2 ? weir_text_reserve(text, length * 2) : NULL;
    if (!room)
        return;
    for (size_t i = 0; i < length; i++) {
        room[2 * i] = hex_digits[octets[i] >> 4];
        room[2 * i + 1] = hex_digits[octets[i] & 15];
    }
    text->length += length * 2;
}

unsigned weir_utf8_next(const uint8_t *octets, size_t length, uint32_t *ret_point)
{
    if (length == 0)
        return 0;
    uint8_t first = octets[0];
    if (first < 0x80) {
        *ret_point = first;
        return 1;
    }
    unsigned size = first >= 0xc2 && first < 0xe0   ? 2
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
    if (size == 0 || size > length)
        return 0;
    uint32_t point = first & (0x7fu >> size);
    for (unsigned i = 1; i < size; i++) {
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (octets[i] & 0x3f);
    }
    bool overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    *ret_point = point;
    return size;
}

/* C0, DEL and C1. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* What a style writes in place of one character. */
struct style {
    bool quotes; /* " is special and stands around the whole */
    void (*control)(struct weir_text_buffer *, uint32_t point, const uint8_t *octets,
                    unsigned size);
    void (*invalid)(struct weir_text_buffer *, uint8_t octet);
};

static void add_styled(struct weir_text_buffer *text, const uint8_t *octets, size_t length,
                       const struct style *style)
{
    size_t before = text->length;
    size_t run = 0; /* of octets that stand for themselves, up to i */
    if (style->quotes)
        weir_text_add_char(text, '"');
    for (size_t i = 0; i < length;) {
        if (octets[i] >= 0x20 && octets[i] < 0x7f && octets[i] != '\\' && octets[i] != '"') {
            i++;
            continue;
        }
        uint32_t point = 0;
        unsigned size = weir_utf8_next(octets + i, length - i, &point);
        bool special = point == '\\' || (point == '"' && style->quotes);
        if (size && !special && !is_control(point)) {
            i += size;
            continue;
        }
        weir_text_add_octets(text, octets + run, i - run);
        if (size == 0) {
            style->invalid(text, octets[i]);
            size = 1;
        } else if (special) {
            weir_text_add_octets(text, (const char[]){'\\', (char)point}, 2);
        } else {
            style->control(text, point, octets + i, size);
        }
        i += size;
        run = i;
    }
    weir_text_add_octets(text, octets + run, length - run);
    if (style->quotes)
        weir_text_add_char(text, '"');
    if (text->error)
        text->length = before;
}

static void json_control(struct weir_text_buffer *text, uint32_t point, const uint8_t *octets,
                         unsigned size)
{
    (void)octets, (void)size;
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (point < sizeof(letters) && letters[point])
        weir_text_add_octets(text, (const char[]){'\\', letters[point]}, 2);
    else
        weir_text_add_octets(text,
                             (const char[]){'\\', 'u', '0', '0', hex_digits[point >> 4 & 15],
                                            hex_digits[point & 15]},
                             6);
}

static void json_invalid(struct weir_text_buffer *text, uint8_t octet)
{
    (void)octet;
    weir_text_add(text, "\xef\xbf\xbd"); /* U+FFFD */
}

static void printable_invalid(struct weir_text_buffer *text, uint8_t octet)
{
    weir_text_add_octets(
        text, (const char[]){'\\', 'x', hex_digits[octet >> 4], hex_digits[octet & 15]}, 4);
}

static void printable_control(struct weir_text_buffer *text, uint32_t point, const uint8_t *octets,
                              unsigned size)
{
    (void)point;
    for (unsigned i = 0; i < size; i++)
        printable_invalid(text, octets[i]);
}

void weir_text_add_json(struct weir_text_buffer *text, const void *octets, size_t length)
{
    static const struct style style = {true, json_control, json_invalid};
    add_styled(text, octets, length, &style);
}

void weir_text_add_printable(struct weir_text_buffer *text, const void *octets, size_t length)
{
    static const struct style style = {false, printable_control, printable_invalid};
    add_styled(text, octets, length, &style);
}

const char *weir_text_string(struct weir_text_buffer *text)
{
    int error = text->error;
    text->error = 0;
    char *room = reserve_terminated(text, 0);
    text->error = error;
    if (!room)
        return "";
    *room = 0;
    return text->data;
}
