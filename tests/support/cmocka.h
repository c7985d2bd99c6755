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

#endif
