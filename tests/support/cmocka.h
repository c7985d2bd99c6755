/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it needs before it, in the order in which it needs them. */
#ifndef WEIR_TESTS_SUPPORT_CMOCKA_H
#define WEIR_TESTS_SUPPORT_CMOCKA_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#ifdef __clang_analyzer__
/* That it does not go on where one of these fails is nothing that its headers say. */
#include <stdlib.h>
#undef assert_true
#undef assert_non_null
#undef assert_int_equal
#undef skip
#define assert_true(condition)        ((condition) ? (void)0 : abort())
#define assert_non_null(pointer)      ((pointer) ? (void)0 : abort())
#define assert_int_equal(left, right) ((left) == (right) ? (void)0 : abort())
#define skip()                        abort()
#endif

#endif
