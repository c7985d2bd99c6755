/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/framing.h"

#include <stdbool.h>
#include <string.h>

#include "base/reader.h"
#include "wire/message.h"

#define NETFLOW9_HEADER_OCTETS 20u
#define SET_HEADER_OCTETS      4u

/* 1 is none: NetFlow v1 begins as a set of Options Templates does. */
static bool is_version(unsigned number)
{
    return number == 5 || (number >= 7 && number <= 10);
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
    struct weir_message message;
    struct weir_diag opened = {0};
    int result = weir_message_open(octets, length, &message, &opened);
    if (result == WEIR_E_TRUNCATED) {
        *ret_length = length;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, offset + length,
                                "the file ends inside a message's header");
    }
    if (result < 0) {
        const char *text = strstr(opened.text, ": "); /* after the octet in the message */
        return weir_diag_set_at(diag, (enum weir_error)result, offset + opened.offset, "%s%s",
                                result == WEIR_E_UNSUPPORTED ? "no export message begins here: "
                                                             : "",
                                text ? text + 2 : opened.text);
    }
    size_t needed = message.length + message.missing;
    if (message.protocol == WEIR_PROTOCOL_NETFLOW9)
        needed = netflow9_length(octets, length);
    if (needed > length) {
        *ret_length = length < WEIR_MESSAGE_OCTETS_MAX ? length : WEIR_MESSAGE_OCTETS_MAX;
        return weir_diag_set_at(diag, WEIR_E_TRUNCATED, offset + length,
                                "the file ends inside a message of %zu octets", needed);
    }
    if (message.protocol == WEIR_PROTOCOL_SFLOW5)
        needed = length;
    *ret_length = needed < WEIR_MESSAGE_OCTETS_MAX ? needed : WEIR_MESSAGE_OCTETS_MAX;
    return 0;
}
