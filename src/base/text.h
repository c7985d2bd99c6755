/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing, bounded buffer for text: JSON lines, tables, messages.
 *
 * After the first failure (no memory, limit reached) every later addition does nothing, so text is
 * put together top to bottom and weir_text_error() is asked once. An addition is made whole or
 * not at all.
 *
 *     struct weir_text_buffer out;
 *     weir_text_init(&out, 1 << 20);
 *     weir_text_add(&out, "{\"name\":");
 *     weir_text_add_json(&out, name, strlen(name));
 *     weir_text_printf(&out, ",\"port\":%u}\n", port);
 *     if (weir_text_error(&out) == 0)
 *         fwrite(out.data, 1, out.length, stdout);
 *     weir_text_done(&out);
 *
 * Ownership: the buffer owns its memory until weir_text_done. Threads: one owner. Limits: octets,
 * given at init.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct weir_text_buffer {
    char *data; /* NULL until something was added; not terminated: see weir_text_string */
    size_t length;
    size_t capacity;
    size_t limit; /* most octets that length may reach */
    int error;    /* 0, WEIR_E_NOMEM or WEIR_E_LIMIT; stays set until clear or truncate */
};

void weir_text_init(struct weir_text_buffer *text, size_t limit_octets);
void weir_text_done(struct weir_text_buffer *text);

/* Room for `octets` more at data + length, or NULL with the error set; the caller adds to length
 * what it wrote. Use the weir_text_reserve wrapper, which is the quick path of this. */
char *weir_text_grow(struct weir_text_buffer *text, size_t octets);

static inline char *weir_text_reserve(struct weir_text_buffer *text, size_t octets)
{
    if (__builtin_expect(text->error || text->capacity - text->length < octets, 0))
        return weir_text_grow(text, octets);
    return text->data + text->length;
}

static inline int weir_text_error(const struct weir_text_buffer *text)
{
    return text->error;
}

/* Drops all from `length` on, and the error of what did not fit. */
static inline void weir_text_truncate(struct weir_text_buffer *text, size_t length)
{
    if (length <= text->length)
        text->length = length;
    text->error = 0;
}

static inline void weir_text_clear(struct weir_text_buffer *text)
{
    weir_text_truncate(text, 0);
}

static inline void weir_text_add_octets(struct weir_text_buffer *text, const void *octets,
                                        size_t length)
{
    char *room = length ? weir_text_reserve(text, length) : NULL;
    if (room) {
        memcpy(room, octets, length);
        text->length += length;
    }
}

static inline void weir_text_add(struct weir_text_buffer *text, const char *string)
{
    weir_text_add_octets(text, string, strlen(string));
}

static inline void weir_text_add_char(struct weir_text_buffer *text, char letter)
{
    weir_text_add_octets(text, &letter, 1);
}

void weir_text_printf(struct weir_text_buffer *text, const char *format, ...) WEIR_PRINTF(2, 3);
void weir_text_vprintf(struct weir_text_buffer *text, const char *format, va_list arguments)
    WEIR_PRINTF(2, 0);

/* Decimal. */
void weir_text_add_u64(struct weir_text_buffer *text, uint64_t value);
void weir_text_add_i64(struct weir_text_buffer *text, int64_t value);

/* Two lower-case hexadecimal digits an octet. */
void weir_text_add_hex(struct weir_text_buffer *text, const uint8_t *octets, size_t length);

/*
 * A JSON string with its quotes (RFC 8259 section 7). Control characters are escaped, those of
 * C1 and DEL too, so that nothing in it can steer a terminal; octets that are not UTF-8 become
 * U+FFFD.
 */
void weir_text_add_json(struct weir_text_buffer *text, const void *octets, size_t length);

/*
 * For people's eyes: UTF-8 as it is; control characters and octets that are not UTF-8 as \xNN; a
 * backslash as \\. Nothing is lost: the octets can be had back.
 */
void weir_text_add_printable(struct weir_text_buffer *text, const void *octets, size_t length);

/* The text, terminated; "" where nothing was added or memory lacked for the terminator. */
const char *weir_text_string(struct weir_text_buffer *text);

/*
 * Octets of the UTF-8 sequence that `octets` begin with, 1 to 4, and its code point; 0 where they
 * are no well-formed UTF-8 (Unicode, table 3-7: no overlong forms, no surrogates).
 */
unsigned weir_utf8_next(const uint8_t *octets, size_t length, uint32_t *ret_point);

#endif
