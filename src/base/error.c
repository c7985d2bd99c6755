/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const error_texts[] = {
    [-WEIR_OK] = "done",
    [-WEIR_E_NOMEM] = "no memory",
    [-WEIR_E_IO] = "input or output failed",
    [-WEIR_E_USAGE] = "not valid",
    [-WEIR_E_MALFORMED] = "malformed input",
    [-WEIR_E_TRUNCATED] = "input ends too early",
    [-WEIR_E_UNSUPPORTED] = "not supported",
    [-WEIR_E_LIMIT] = "a limit was reached",
    [-WEIR_E_NOT_FOUND] = "not found",
    [-WEIR_E_EXISTS] = "exists already",
    [-WEIR_E_FULL] = "no room",
    [-WEIR_E_END] = "end of input",
    [-WEIR_E_AGAIN] = "nothing available",
    [-WEIR_E_CLOSED] = "nobody reads the output any more",
};

const char *weir_error_text(int error)
{
    int index = -error;
    int count = (int)(sizeof(error_texts) / sizeof(error_texts[0]));
    return index >= 0 && index < count ? error_texts[index] : "unknown error";
}

void weir_diag_fill(struct weir_diag *diag, enum weir_error error, const char *format, ...)
{
    if (!diag)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(diag->text, sizeof(diag->text), format, arguments);
    va_end(arguments);
    diag->error = error;
    diag->has_offset = false;
    diag->offset = 0;
}

void weir_diag_fill_at(struct weir_diag *diag, enum weir_error error, uint64_t offset,
                       const char *format, ...)
{
    if (!diag)
        return;
    int used = snprintf(diag->text, sizeof(diag->text), "octet %llu: ", (unsigned long long)offset);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(diag->text + used, sizeof(diag->text) - (size_t)used, format, arguments);
    va_end(arguments);
    diag->error = error;
    diag->has_offset = true;
    diag->offset = offset;
}

void weir_diag_prefix(struct weir_diag *diag, const char *format, ...)
{
    if (!diag)
        return;
    char old[sizeof(diag->text)];
    memcpy(old, diag->text, sizeof(old));
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(diag->text, sizeof(diag->text), format, arguments);
    va_end(arguments);
    int room = (int)sizeof(diag->text) - used - (int)sizeof(": ");
    if (used < 0 || room < 0)
        return;
    snprintf(diag->text + used, sizeof(diag->text) - (size_t)used, ": %.*s", room, old);
}
