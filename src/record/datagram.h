/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A datagram of an Exporting Process, however it came: from a socket, or out of a capture.
 *
 * Open value; the octets are borrowed from the receiver and stay valid until it receives again.
 */
#ifndef WEIR_RECORD_DATAGRAM_H
#define WEIR_RECORD_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct weir_datagram {
    const uint8_t *octets; /* UDP payload */
    size_t length;
    struct weir_address source; /* of the Exporting Process */
    uint16_t source_port;
    uint16_t destination_port;
    int64_t received_ns; /* arrival, or the capture's time */
};

#endif
