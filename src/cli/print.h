/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that a command put together, to a file or to standard output, with every failure said.
 *
 *     struct weir_text_buffer text;
 *     weir_text_init(&text, 1 << 20);
 *     weir_text_printf(&text, ...);
 *     result = weir_print(&text, "-", &diag);
 *     weir_text_done(&text);
 */
#ifndef WEIR_CLI_PRINT_H
#define WEIR_CLI_PRINT_H

#include "base/error.h"
#include "base/text.h"

/* 0; the text's own error; WEIR_E_IO, WEIR_E_CLOSED as weir_output_write. */
WEIR_CHECKED int weir_print(const struct weir_text_buffer *text, const char *path,
                            struct weir_diag *diag);

#endif
