/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v1: a header of 16 octets without a sequence number, and up to 24 records of 48. What
 * stands after the TCP flags is reserved in most descriptions; flow-tools has TCP counters there.
 */
#include "base/clock.h"
#include "wire/dialect.h"

#define HEADER_OCTETS 16u
#define RECORD_OCTETS 48u
#define COUNT_OFFSET  2u
#define RECORDS_MAX   24u

static const struct weir_template builtin = {
    .id = 1,
    .record_length = RECORD_OCTETS,
    WEIR_BUILTIN_FIELDS({0, 8, 4},                /* sourceIPv4Address */
                        {0, 12, 4},               /* destinationIPv4Address */
                        {0, 15, 4},               /* ipNextHopIPv4Address */
                        {0, 10, 2},               /* ingressInterface */
                        {0, 14, 2},               /* egressInterface */
                        {0, 2, 4},                /* packetDeltaCount */
                        {0, 1, 4},                /* octetDeltaCount */
                        {0, 22, 4},               /* flowStartSysUpTime */
                        {0, 21, 4},               /* flowEndSysUpTime */
                        {0, 7, 2},                /* sourceTransportPort */
                        {0, 11, 2},               /* destinationTransportPort */
                        {0, 210, 2},              /* paddingOctets */
                        {0, 4, 1},                /* protocolIdentifier */
                        {0, 5, 1},                /* ipClassOfService */
                        {0, 6, 1},                /* tcpControlBits */
                        {WEIR_PEN_BUILTIN, 1, 1}, /* tcpRetransmittedCount */
                        {WEIR_PEN_BUILTIN, 2, 1}, /* tcpRetransmittedSeconds */
                        {WEIR_PEN_BUILTIN, 3, 1}, /* tcpMissequencedCount */
                        {0, 210, 4}),             /* paddingOctets */
};

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    (void)diag;
    weir_dialect_read_times(reader, message);
    message->length = HEADER_OCTETS + (size_t)message->count * RECORD_OCTETS;
    return 0;
}

static void write_header(struct weir_encoder *encoder, const struct weir_encoder_header *header)
{
    weir_dialect_write_times(encoder, 1, header);
}

static void patch_header(struct weir_encoder *encoder)
{
    weir_writer_patch_u16(&encoder->writer, COUNT_OFFSET, encoder->record_count);
}

const struct weir_dialect weir_dialect_netflow1 = {
    .name = "netflow1",
    .title = "NetFlow v1",
    .protocol = WEIR_PROTOCOL_NETFLOW1,
    .sequence_unit = WEIR_SEQUENCE_NONE,
    .header_octets = HEADER_OCTETS,
    .builtin = &builtin,
    .records_max = RECORDS_MAX,
    .read_header = read_header,
    .write_header = write_header,
    .patch_header = patch_header,
};
