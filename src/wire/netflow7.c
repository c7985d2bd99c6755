/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v7, of Catalyst switches: a header of 24 octets and records of 52. The header has no
 * engine with Cisco; flow-tools writes one where v5 has it, and zeros name none.
 */
#include "base/clock.h"
#include "wire/dialect.h"

#define HEADER_OCTETS   24u
#define RECORD_OCTETS   52u
#define RESERVED_OCTETS 2u

static const struct weir_template builtin = {
    .id = 7,
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
                        {WEIR_PEN_BUILTIN, 4, 1}, /* netflow7FieldFlags */
                        {0, 6, 1},                /* tcpControlBits */
                        {0, 4, 1},                /* protocolIdentifier */
                        {0, 5, 1},                /* ipClassOfService */
                        {0, 16, 2},               /* bgpSourceAsNumber */
                        {0, 17, 2},               /* bgpDestinationAsNumber */
                        {0, 9, 1},                /* sourceIPv4PrefixLength */
                        {0, 13, 1},               /* destinationIPv4PrefixLength */
                        {WEIR_PEN_BUILTIN, 5, 2}, /* netflow7Flags */
                        {0, 43, 4}),              /* ipv4RouterSc */
};

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    (void)diag;
    weir_dialect_read_times(reader, message);
    message->sequence = weir_read_u32(reader);
    message->domain = weir_read_u16(reader);
    weir_read_skip(reader, RESERVED_OCTETS);
    message->length = HEADER_OCTETS + (size_t)message->count * RECORD_OCTETS;
    return 0;
}

const struct weir_dialect weir_dialect_netflow7 = {
    .name = "netflow7",
    .title = "NetFlow v7",
    .protocol = WEIR_PROTOCOL_NETFLOW7,
    .sequence_unit = WEIR_SEQUENCE_RECORDS,
    .header_octets = HEADER_OCTETS,
    .domain_at = 20,
    .domain_octets = 2,
    .builtin = &builtin,
    .read_header = read_header,
};
