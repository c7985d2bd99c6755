/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where results go: a file, or standard output for "-".
 *
 *     struct weir_output out;
 *     if (weir_output_open("-", &out, &diag) < 0) ...
 *     result = weir_output_write(&out, text.data, text.length, &diag);
 *     result = weir_output_close(&out, result, &diag);
 *
 * A reader of standard output that went away (`weir ... | head`) is WEIR_E_END: the work ends, and
 * nothing has failed. All other failures are WEIR_E_IO with the file and the reason.
 * Ownership: an output borrows its path. Threads: one. Octets wait in a buffer of 64 KiB.
 */
#ifndef WEIR_CLI_OUTPUT_H
#define WEIR_CLI_OUTPUT_H

#include <stddef.h>

#include "base/error.h"

struct weir_output {
    const char *path; /* "-": standard output */
    void *file;       /* FILE * */
};

/* Makes or empties the file. 0, or WEIR_E_IO. */
WEIR_CHECKED int weir_output_open(const char *path, struct weir_output *ret_output,
                                  struct weir_diag *diag);

WEIR_CHECKED int weir_output_write(struct weir_output *output, const void *data, size_t length,
                                   struct weir_diag *diag);

/* Hands what waits to the system. */
WEIR_CHECKED int weir_output_flush(struct weir_output *output, struct weir_diag *diag);

/* Closes in any case. `result` is that of the work so far: where it is an error, it is returned
 * and diag is left as it is. */
WEIR_CHECKED int weir_output_close(struct weir_output *output, int result, struct weir_diag *diag);

#endif
