/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/print.h"

#include "base/output.h"

int weir_print(const struct weir_text_buffer *text, const char *path, struct weir_diag *diag)
{
    struct weir_output *output;
    int result = weir_text_error(text);
    if (result < 0)
        return weir_diag_set(diag, (enum weir_error)result, "%s: %s", path,
                             weir_error_text(result));
    result = weir_output_open(path, &output, diag);
    if (result < 0)
        return result;
    result = weir_output_write(output, text->data, text->length, diag);
    if (result < 0) {
        weir_output_abort(output);
        return result;
    }
    return weir_output_close(output, diag);
}
