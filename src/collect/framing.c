/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/framing.h"

#include <stdbool.h>

#include "base/reader.h"

#define NETFLOW5_HEADER_OCTETS 24u
#define NETFLOW5_RECORD_OCTETS 48u
#define NETFLOW9_HEADER_OCTETS 20u
#define IPFIX_HEADER_OCTETS    16u
#define SET_HEADER_OCTETS      4u

static bool is_version(unsigned number)
{
    return number == 5 || number == 9 || number == 10;
}

/* Octets of a v9 datagram. What breaks the rules of sets is left in it, for the decoder to say. */
static size_t netflow9_length(const uint8_t *octets, size_t length)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    weir_read_skip(&reader, NETFLOW9_HEADER_OCTETS);
    if (weir_reader_failed(&reader))
        return length;
    while (weir_reader_remaining(&reader) >= SET_HEADER_OCTETS) {
        size_t at = weir_reader_offset(&reader);
        unsigned id = weir_read_u16(&reader), set_length = weir_read_u16(&reader);
        if (is_version(id))
            return at;
        if (set_length < SET_HEADER_OCTETS)
            return length;
        weir_read_skip(&reader, set_length - SET_HEADER_OCTETS);
    }
    return length;
}

int weir_frame_message(const uint8_t *octets, size_t length, uint64_t offset, size_t *ret_length,
                       struct weir_diag *diag)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    unsigned version = weir_read_u16(&reader), second = weir_read_u16(&reader);
    if (weir_reader_failed(&reader)) {
        *ret_length = length;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, offset + length,
                                "the file ends inside a message's header");
    }
    size_t needed;
    switch (version) {
    case 5:
        needed = NETFLOW5_HEADER_OCTETS + (size_t)second * NETFLOW5_RECORD_OCTETS;
        break;
    case 9:
        needed = netflow9_length(octets, length);
        break;
    case 10:
        needed = second;
        if (needed < IPFIX_HEADER_OCTETS)
            return weir_diag_set_at(diag, WEIR_E_MALFORMED, offset + 2,
                                    "message length %zu is shorter than its header", needed);
        break;
    default:
        return weir_diag_set_at(diag, WEIR_E_UNSUPPORTED, offset,
                                "no export message begins here: version %u is none that is known",
                                version);
    }
    if (needed > length) {
        *ret_length = length < WEIR_MESSAGE_OCTETS_MAX ? length : WEIR_MESSAGE_OCTETS_MAX;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, offset + length,
                                "the file ends inside a message of %zu octets", needed);
    }
    *ret_length = needed < WEIR_MESSAGE_OCTETS_MAX ? needed : WEIR_MESSAGE_OCTETS_MAX;
    return 0;
}
