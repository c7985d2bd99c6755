/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an explanation looks like: text for people, at most 120 letters a line, or JSON, one object
 * a message.
 *
 *     struct weir_explain_printer printer = {.out = &text, .format = WEIR_EXPLAIN_TEXT};
 *     struct weir_explain_sink sink = weir_explain_printer_sink(&printer);
 *     result = weir_explainer_message(explainer, &origin, &sink, &broken);
 *     weir_explain_printer_end(&printer);            // the message is complete
 *
 * In JSON an item is {"kind":"set","octets":[16,27],...,"items":[...]}: first and last octet, what
 * belongs to its kind, and the items inside.
 *
 * Ownership: borrows the text, whose failures are the caller's to ask for. Threads: one.
 */
#ifndef WEIR_APP_EXPLAIN_PRINT_H
#define WEIR_APP_EXPLAIN_PRINT_H

#include <stdbool.h>

#include "app/explain.h"
#include "base/text.h"

enum weir_explain_format {
    WEIR_EXPLAIN_TEXT,
    WEIR_EXPLAIN_JSON,
};

struct weir_explain_printer {
    struct weir_text_buffer *out;
    enum weir_explain_format format;
    bool hex;         /* every octet of the message in hexadecimal, too */
    bool colour;      /* text: with the escape sequences of a terminal */
    unsigned levels;  /* JSON: items that are open */
    bool has_members; /* JSON: the innermost of them has an open list of items */
};

struct weir_explain_sink weir_explain_printer_sink(struct weir_explain_printer *printer);

/* Ends the message. */
void weir_explain_printer_end(struct weir_explain_printer *printer);

/* The two formats, for explain_print's own use. */
void weir_explain_print_text(void *context, const struct weir_explain_item *item);
void weir_explain_print_json(void *context, const struct weir_explain_item *item);
void weir_explain_end_json(struct weir_explain_printer *printer);

#endif
