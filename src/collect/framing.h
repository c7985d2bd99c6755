/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a message ends in a file of messages one after another. IPFIX gives its length (RFC 7011
 * section 3.1), the fixed formats of NetFlow a count; a NetFlow v9 datagram ends where its next set
 * would have an id that no set can have but a version (5, 7 to 10), or with the file. An sFlow
 * datagram says nowhere how long it is, and is all that the file still has. Private to collect/.
 */
#ifndef WEIR_COLLECT_FRAMING_H
#define WEIR_COLLECT_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_MESSAGE_OCTETS_MAX 65535u

/*
 * The message that `octets` begin with; `length` is all that the file still has, or at least
 * WEIR_MESSAGE_OCTETS_MAX. 0: *ret_length octets are a whole message. WEIR_E_TRUNCATED: the file
 * ends inside it, *ret_length octets of it are there. WEIR_E_UNSUPPORTED, WEIR_E_MALFORMED: no
 * message begins here, and where the next one does nobody can tell. `offset` is the file's octet,
 * for diag.
 */
WEIR_CHECKED int weir_frame_message(const uint8_t *octets, size_t length, uint64_t offset,
                                    size_t *ret_length, struct weir_diag *diag);

#endif
