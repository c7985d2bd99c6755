/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of messages explained: every octet of each has exactly one explanation, what is broken
 * has a reason, and both formats can be printed. The input is that of the target `collect`.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../tests/support/explain_tiles.h"
#include "app/explain_print.h"
#include "base/reader.h"

#define TEXT_OCTETS_MAX ((size_t)64 << 20)

static void explain_one(struct weir_explainer *explainer, const struct weir_explain_origin *origin,
                        struct weir_explain_printer *printer)
{
    struct weir_diag broken;
    weir_text_clear(printer->out);
    struct test_tiles tiles = {.next = weir_explain_printer_sink(printer)};
    const struct weir_explain_sink sink = {test_tiles_item, &tiles};
    test_tiles_check("memory", weir_explainer_message(explainer, origin, &sink, &broken) == 0);
    test_tiles_end(&tiles);
    weir_explain_printer_end(printer);
    test_tiles_check("text", weir_text_error(printer->out) == 0 && printer->levels == 0);
    test_tiles_check("the first broken rule", (broken.error != WEIR_OK && broken.has_offset) ==
                                                  (tiles.items[WEIR_EXPLAIN_BROKEN] > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_explainer *explainer;
    struct weir_text_buffer text;
    weir_text_init(&text, TEXT_OCTETS_MAX);
    test_tiles_check("memory", weir_explainer_new(&explainer) == 0);
    struct weir_reader reader = weir_reader_make(data, size);
    for (uint64_t number = 1; weir_reader_remaining(&reader) > 3; number++) {
        uint8_t kind = weir_read_u8(&reader);
        size_t length = weir_read_u16(&reader);
        if (length > weir_reader_remaining(&reader))
            length = weir_reader_remaining(&reader);
        const uint8_t *octets = weir_read_octets(&reader, length);
        uint8_t *copy = malloc(length ? length : 1);
        test_tiles_check("memory", copy != NULL);
        if (length)
            memcpy(copy, octets, length);
        const struct weir_datagram datagram = {
            .octets = copy,
            .length = length,
            .source = weir_address_from_v4(kind & 127),
        };
        const struct weir_explain_origin origin = {
            .datagram = &datagram,
            .transport = kind & 128 ? WEIR_COLLECT_FILE : WEIR_COLLECT_UDP,
            .number = number,
        };
        struct weir_explain_printer printer = {
            .out = &text,
            .format = kind & 1 ? WEIR_EXPLAIN_JSON : WEIR_EXPLAIN_TEXT,
            .hex = kind & 2,
        };
        explain_one(explainer, &origin, &printer);
        free(copy);
    }
    weir_explainer_free(explainer);
    weir_text_done(&text);
    return 0;
}
