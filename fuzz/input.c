/* SPDX-License-Identifier: Apache-2.0 */
/* A file of export messages, whatever is in it: captures, IPFIX files, datagrams one after another.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "collect/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_input *input;
    struct weir_diag diag = {0};
    if (weir_input_open_memory(data, size, "a file", &input, &diag) < 0)
        return 0;
    const struct weir_datagram *datagrams;
    size_t count;
    volatile uint8_t sum = 0;
    int result;
    while ((result = weir_input_next(input, &datagrams, &count, &diag)) == 0) {
        if (count == 0)
            abort();
        /* A sanitizer sees what is out of bounds. */
        for (size_t i = 0; i < count; i++)
            for (size_t at = 0; at < datagrams[i].length; at++)
                sum = (uint8_t)(sum + datagrams[i].octets[at]);
    }
    /* The end, or the error that ended it, again and again. */
    if (weir_input_next(input, &datagrams, &count, &diag) != result)
        abort();
    weir_input_close(input);
    return 0;
}
