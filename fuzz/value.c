/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first octet says the type, the rest are the value's octets. What decodes must print, and
 * its text must be read back to a value of the same octets and text.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "ie/value.h"

static void check(int holds)
{
    if (!holds)
        abort();
}

static void round_trip(enum weir_type type, const uint8_t *octets, size_t length)
{
    struct weir_scalar value, again;
    struct weir_text_buffer text;
    if (weir_value_decode(type, octets, length, &value, NULL) < 0)
        return;
    weir_text_init(&text, SIZE_MAX);
    weir_value_print(&value, &text);
    const char *string = weir_text_string(&text);
    size_t string_length = strlen(string);
    check(weir_text_error(&text) == 0 && string_length == text.length);

    /* A number may be sent wider than its type, and then may have no text of the type. */
    if (length <= weir_type_length(type)) {
        uint8_t *buffer = malloc(string_length + 1);
        uint8_t *encoded = malloc(length + 1);
        struct weir_text_buffer second;
        check(buffer && encoded);
        weir_text_init(&second, SIZE_MAX);
        check(weir_value_parse(type, string, buffer, &again, NULL) == 0);
        check(weir_value_encode(&again, encoded, length, NULL) == 0);
        check(weir_value_decode(type, encoded, length, &value, NULL) == 0);
        weir_value_print(&value, &second);
        check(strcmp(weir_text_string(&second), string) == 0);
        weir_text_done(&second);
        free(encoded);
        free(buffer);
    }
    weir_text_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct weir_element element = {.name = "fuzzed", .type = data[0] % WEIR_TYPE_COUNT};
    struct weir_text_buffer json;
    weir_text_init(&json, SIZE_MAX);
    (void)weir_value_print_json(&element, data + 1, size - 1, &json);
    check(weir_text_error(&json) == 0 && json.length > 0);
    weir_text_done(&json);
    round_trip((enum weir_type)element.type, data + 1, size - 1);
    return 0;
}
