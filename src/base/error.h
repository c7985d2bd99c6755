/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results and diagnostics.
 *
 * A function that can fail returns 0 or a negative enum weir_error and is marked WEIR_CHECKED.
 * Where a person has to be told more than the kind of error, it also takes a struct weir_diag,
 * owned by the caller, and fills it on failure only. One table (weir_error_text) turns results
 * into text; nothing in the library prints or exits.
 *
 *     struct weir_diag diag = {0};
 *     if (weir_source_open(path, NULL, &source, &diag) < 0)
 *         fprintf(stderr, "weir: %s\n", diag.text);
 *
 * Threads: all functions are pure or work on the caller's own struct.
 */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_CHECKED                     __attribute__((warn_unused_result))
#define WEIR_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

enum weir_error {
    WEIR_OK = 0,
    WEIR_E_NOMEM = -1,       /* memory could not be had */
    WEIR_E_IO = -2,          /* the operating system refused: diag holds its reason */
    WEIR_E_USAGE = -3,       /* what the user asked for is not valid: exit status 2 */
    WEIR_E_MALFORMED = -4,   /* input breaks a rule of its format */
    WEIR_E_TRUNCATED = -5,   /* input ends before its format allows it to end */
    WEIR_E_UNSUPPORTED = -6, /* well formed, but not handled */
    WEIR_E_LIMIT = -7,       /* a configured or built-in limit was reached */
    WEIR_E_NOT_FOUND = -8,   /* no such thing */
    WEIR_E_EXISTS = -9,      /* there is one already */
    WEIR_E_FULL = -10,       /* no room in the caller's buffer */
    WEIR_E_END = -11,        /* orderly end of input: not a failure */
    WEIR_E_AGAIN = -12,      /* nothing to be had without blocking */
    WEIR_E_CLOSED = -13,     /* who read standard output has gone: there is no more to do */
};

/* What went wrong, for a person: one line without a final newline or full stop. */
struct weir_diag {
    enum weir_error error;
    uint64_t offset; /* octet of the input at which a rule was broken, where has_offset */
    bool has_offset;
    char text[320];
};

/* Constant text of a result code: "no memory", "malformed input". Never NULL. */
const char *weir_error_text(int error);

/* The same number: what weir_diag_set is worth. */
static inline int weir_error_result(enum weir_error error)
{
    return error;
}

/*
 * Fills diag (NULL: does nothing) and returns error, so that a failing function can end with
 * `return weir_diag_set(diag, WEIR_E_IO, "%s: %s", path, strerror(errno));`. Text that does not
 * fit is cut. A macro, so that compilers and analysers see a failure where one is returned.
 */
#define weir_diag_set(diag, error, ...) \
    (weir_diag_fill(diag, error, __VA_ARGS__), weir_error_result(error))
void weir_diag_fill(struct weir_diag *diag, enum weir_error error, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* As weir_diag_set, and puts "octet OFFSET: " before the text. */
#define weir_diag_set_at(diag, error, offset, ...) \
    (weir_diag_fill_at(diag, error, offset, __VA_ARGS__), weir_error_result(error))
void weir_diag_fill_at(struct weir_diag *diag, enum weir_error error, uint64_t offset,
                       const char *format, ...) WEIR_PRINTF(4, 5);

/* Puts "PREFIX: " before a text that is already there: a file name, an exporter's address. */
void weir_diag_prefix(struct weir_diag *diag, const char *format, ...) WEIR_PRINTF(2, 3);

#endif
