/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output file, written through a buffer: whole under its name, or not there.
 *
 * A regular file is written under a temporary name in the same folder, made durable and renamed
 * when it is closed well, so that a full disk or a crash leaves nothing half-written under the
 * final name. "-" is standard output; it and what is no regular file (a pipe, a terminal, a
 * symbolic link) is written to as it is.
 *
 *     struct weir_output *output;
 *     if (weir_output_open("flows.json", &output, &diag) < 0) ...
 *     result = weir_output_write(output, octets, length, &diag);
 *     result = weir_output_close(output, &diag);
 *
 * Each diag begins with the file. Ownership: who opens closes or aborts. Threads: one.
 */
#ifndef WEIR_BASE_OUTPUT_H
#define WEIR_BASE_OUTPUT_H

#include <stddef.h>

#include "base/error.h"

struct weir_output;

/*
 * Whether it could be opened now, for what is written at the end of a long run. Nothing is changed.
 * 0, WEIR_E_NOMEM, or WEIR_E_IO with diag.
 */
WEIR_CHECKED int weir_output_check(const char *path, struct weir_diag *diag);

/* 0, WEIR_E_NOMEM, or WEIR_E_IO with diag. */
WEIR_CHECKED int weir_output_open(const char *path, struct weir_output **ret_output,
                                  struct weir_diag *diag);

/*
 * 0; WEIR_E_CLOSED: standard output is a pipe that nobody reads any more, as after `| head`;
 * WEIR_E_IO: anything else, no room for instance.
 */
WEIR_CHECKED int weir_output_write(struct weir_output *output, const void *octets, size_t length,
                                   struct weir_diag *diag);

/* Hands what is in the buffer to the system. As above. */
WEIR_CHECKED int weir_output_flush(struct weir_output *output, struct weir_diag *diag);

/* "standard output" for "-". */
const char *weir_output_name(const struct weir_output *output);

/* Where somebody else may put the octets, in place of weir_output_write: the temporary name. */
const char *weir_output_path(const struct weir_output *output);

/*
 * Writes what waits, makes it durable and gives it its name, unless a write has failed before: then
 * the error is that one's and the temporary file goes. Frees the output in any case.
 */
WEIR_CHECKED int weir_output_close(struct weir_output *output, struct weir_diag *diag);

/* Gives up: removes the temporary file. NULL does nothing. */
void weir_output_abort(struct weir_output *output);

#endif
