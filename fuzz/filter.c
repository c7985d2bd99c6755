/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a filter: it is taken or refused with a place, within the arena's limit. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "query/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct weir_filter_context context = {.now_ns = 1700000000000000000};
    struct weir_arena arena;
    struct weir_condition *condition = NULL;
    struct weir_diag diag = {0};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    weir_arena_init(&arena, 16 << 20);
    int result = weir_filter_parse(text, &context, &arena, &condition, &diag);
    if (result == 0 ? !condition : !diag.text[0])
        abort();
    weir_arena_done(&arena);
    free(text);
    return 0;
}
