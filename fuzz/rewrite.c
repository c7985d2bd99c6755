/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of messages rewritten for sending them again, twice over: where a header can be read
 * only values change, so that the message has the same sets and records after it as before. The
 * input is that of the target `collect`.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "app/rewrite.h"
#include "base/clock.h"
#include "base/reader.h"
#include "wire/message.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A sum over the sets' headers of a message. */
static uint64_t outline(const uint8_t *octets, size_t length)
{
    struct weir_message message;
    struct weir_set set;
    uint64_t sum = 0;
    if (weir_message_open(octets, length, &message, NULL) < 0)
        return 1;
    while (weir_message_next(&message, &set, NULL) == 0)
        sum = sum * 31 + ((uint64_t)set.id << 32 | weir_reader_remaining(&set.body));
    return sum * 31 + message.length;
}

static void rewrite(struct weir_rewriter *rewriter, uint8_t kind, const uint8_t *octets,
                    size_t length)
{
    uint32_t records;
    uint8_t *copy = malloc(length ? length : 1);
    check(copy != NULL);
    if (length)
        memcpy(copy, octets, length);
    const struct weir_datagram datagram = {
        .octets = copy,
        .length = length,
        .source = weir_address_from_v4(kind & 127),
    };
    uint64_t before = outline(copy, length);
    int result = weir_rewriter_message(rewriter, copy, &datagram,
                                       kind & 128 ? WEIR_COLLECT_FILE : WEIR_COLLECT_UDP, &records);
    check(result == 0 || (result == WEIR_E_MALFORMED && before == 1));
    check(outline(copy, length) == before && records <= length);
    check(result == 0 || length == 0 || memcmp(copy, octets, length) == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_rewriter *rewriter;
    check(weir_rewriter_new(WEIR_REWRITE_TIMES | WEIR_REWRITE_SEQUENCE,
                            1800000000 * WEIR_NS_PER_SECOND, &rewriter) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct weir_reader reader = weir_reader_make(data, size);
        while (weir_reader_remaining(&reader) > 3) {
            uint8_t kind = weir_read_u8(&reader);
            size_t length = weir_read_u16(&reader);
            if (length > weir_reader_remaining(&reader))
                length = weir_reader_remaining(&reader);
            rewrite(rewriter, kind, weir_read_octets(&reader, length), length);
        }
        weir_rewriter_again(rewriter);
    }
    weir_rewriter_free(rewriter);
    return 0;
}
