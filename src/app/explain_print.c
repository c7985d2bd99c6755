/* SPDX-License-Identifier: Apache-2.0 */
#include "app/explain_print.h"

struct weir_explain_sink weir_explain_printer_sink(struct weir_explain_printer *printer)
{
    bool is_json = printer->format == WEIR_EXPLAIN_JSON;
    return (struct weir_explain_sink){is_json ? weir_explain_print_json : weir_explain_print_text,
                                      printer};
}

void weir_explain_printer_end(struct weir_explain_printer *printer)
{
    if (printer->format == WEIR_EXPLAIN_JSON)
        weir_explain_end_json(printer);
    else
        weir_text_add_char(printer->out, '\n');
}
