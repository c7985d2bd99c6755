/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of dissect/ share. */
#ifndef WEIR_TESTS_DISSECT_NAMES_H
#define WEIR_TESTS_DISSECT_NAMES_H

#include <stdlib.h>
#include <string.h>

#include "dissect/name.h"

#include "support/cmocka.h"

static inline void assert_name(struct weir_name name, const char *text)
{
    assert_int_equal(name.length, strlen(text));
    assert_memory_equal(name.text, text, name.length);
}

/* Exactly these octets, on the heap, so that reading past their end is found. */
static inline uint8_t *copy_of(const void *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, octets, length);
    return copy;
}

#endif
