/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_OCTETS 65536

static bool is_standard(const struct weir_output *output)
{
    return output->file == stdout;
}

static int failed(const struct weir_output *output, struct weir_diag *diag)
{
    int reason = errno;
    if (is_standard(output) && reason == EPIPE)
        return weir_diag_set(diag, WEIR_E_END, "standard output: its reader has gone");
    return weir_diag_set(diag, WEIR_E_IO, "%s: %s",
                         is_standard(output) ? "standard output" : output->path, strerror(reason));
}

int weir_output_open(const char *path, struct weir_output *ret_output, struct weir_diag *diag)
{
    struct weir_output output = {.path = path};
    if (strcmp(path, "-") == 0) {
        output.file = stdout;
    } else {
        output.file = fopen(path, "we");
        if (!output.file)
            return weir_diag_set(diag, WEIR_E_IO, "%s: %s", path, strerror(errno));
        setvbuf(output.file, NULL, _IOFBF, BUFFER_OCTETS);
    }
    *ret_output = output;
    return 0;
}

int weir_output_write(struct weir_output *output, const void *data, size_t length,
                      struct weir_diag *diag)
{
    return length == 0 || fwrite(data, length, 1, output->file) == 1 ? 0 : failed(output, diag);
}

int weir_output_flush(struct weir_output *output, struct weir_diag *diag)
{
    return fflush(output->file) == 0 ? 0 : failed(output, diag);
}

int weir_output_close(struct weir_output *output, int result, struct weir_diag *diag)
{
    struct weir_diag own = {0};
    int closed = weir_output_flush(output, &own);
    if (!is_standard(output) && fclose(output->file) != 0 && closed == 0)
        closed = failed(output, &own);
    output->file = NULL;
    if (result < 0 || closed == 0)
        return result;
    if (diag)
        *diag = own;
    return closed;
}
