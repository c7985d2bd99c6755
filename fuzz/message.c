/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of one source, each after its length in two octets: messages, sets, templates, which
 * are kept, records and fields down to the last octet. What is malformed must say at which octet.
 */
#include "fuzz.h"

#include "../tests/support/export_reader.h"

#define TEMPLATES_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_export_reader reader = {0};
    while (size > 2 && reader.counts.templates + reader.counts.option_templates < TEMPLATES_MAX) {
        size_t length = weir_load_be16(data);
        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        /* On the heap, so that ASan sees a read past the datagram. */
        uint8_t *datagram = malloc(length ? length : 1);
        if (!datagram)
            abort();
        memcpy(datagram, data, length);
        unsigned malformed = reader.counts.malformed;
        reader.diag = (struct weir_diag){0};
        (void)test_export_read(&reader, 0, datagram, length);
        if (reader.counts.malformed != malformed && !reader.diag.has_offset)
            abort();
        free(datagram);
        data += length;
        size -= length;
    }
    test_export_reader_done(&reader);
    return 0;
}
