/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment of a journal, as a crash may have left it: every block that is taken lies within it,
 * and a datagram written again is the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "store/pcapng.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_datagram(const struct weir_datagram *datagram)
{
    struct weir_pcapng_block again;
    size_t length = weir_pcapng_packet_octets(datagram);
    if (length == 0)
        return;
    uint8_t *octets = malloc(length);
    check(octets != NULL);
    weir_pcapng_packet(octets, datagram);
    check(weir_pcapng_read(octets, length, &again) == 0 && again.has_datagram);
    check(again.length == length && again.datagram.length == datagram->length);
    check(weir_address_equal(again.datagram.source, datagram->source));
    check(again.datagram.received_ns == datagram->received_ns);
    check(datagram->length == 0 ||
          memcmp(again.datagram.octets, datagram->octets, datagram->length) == 0);
    free(octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_pcapng_block block;
    while (weir_pcapng_read(data, size, &block) == 0) {
        check(block.length > 0 && block.length <= size);
        if (block.has_datagram) {
            check(block.datagram.octets >= data &&
                  block.datagram.octets + block.datagram.length <= data + size);
            check_datagram(&block.datagram);
        }
        data += block.length;
        size -= block.length;
    }
    return 0;
}
