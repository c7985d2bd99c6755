/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
 *
 *     weir_utf8_repair(text, length);
 *
 * Pure; any thread may call.
 */
#ifndef WEIR_STORE_UTF8_H
#define WEIR_STORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Replaces every octet that is not part of a whole character by '?'; returns how many. */
size_t weir_utf8_repair(uint8_t *text, size_t length);

/* The greatest length of at most `limit` that does not cut a character of valid text. */
size_t weir_utf8_cut(const uint8_t *text, size_t length, size_t limit);

#endif
