/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow v5: a header of 24 octets and up to 30 records of 48. */
#include "base/clock.h"
#include "wire/dialect.h"

#define HEADER_OCTETS 24u
#define RECORD_OCTETS 48u
#define COUNT_OFFSET  2u
#define RECORDS_MAX   30u
#define SAMPLING_BITS 0x3fffu

static const struct weir_template builtin = {
    .id = 5,
    .record_length = RECORD_OCTETS,
    WEIR_BUILTIN_FIELDS({0, 8, 4},    /* sourceIPv4Address */
                        {0, 12, 4},   /* destinationIPv4Address */
                        {0, 15, 4},   /* ipNextHopIPv4Address */
                        {0, 10, 2},   /* ingressInterface */
                        {0, 14, 2},   /* egressInterface */
                        {0, 2, 4},    /* packetDeltaCount */
                        {0, 1, 4},    /* octetDeltaCount */
                        {0, 22, 4},   /* flowStartSysUpTime */
                        {0, 21, 4},   /* flowEndSysUpTime */
                        {0, 7, 2},    /* sourceTransportPort */
                        {0, 11, 2},   /* destinationTransportPort */
                        {0, 210, 1},  /* paddingOctets */
                        {0, 6, 1},    /* tcpControlBits */
                        {0, 4, 1},    /* protocolIdentifier */
                        {0, 5, 1},    /* ipClassOfService */
                        {0, 16, 2},   /* bgpSourceAsNumber */
                        {0, 17, 2},   /* bgpDestinationAsNumber */
                        {0, 9, 1},    /* sourceIPv4PrefixLength */
                        {0, 13, 1},   /* destinationIPv4PrefixLength */
                        {0, 210, 2}), /* paddingOctets */
};

static int read_header(struct weir_reader *reader, struct weir_message *message,
                       struct weir_diag *diag)
{
    (void)diag;
    weir_dialect_read_times(reader, message);
    message->sequence = weir_read_u32(reader);
    message->domain = weir_read_u16(reader);
    uint16_t sampling = weir_read_u16(reader);
    message->sampling = sampling & SAMPLING_BITS;
    message->sampling_mode = (uint8_t)(sampling >> 14);
    message->length = HEADER_OCTETS + (size_t)message->count * RECORD_OCTETS;
    return 0;
}

static void write_header(struct weir_encoder *encoder, const struct weir_encoder_header *header)
{
    struct weir_writer *writer = &encoder->writer;
    weir_dialect_write_times(encoder, 5, header);
    weir_write_u32(writer, header->sequence);
    weir_write_u16(writer, (uint16_t)header->domain);
    weir_write_u16(writer, header->sampling);
}

static void patch_header(struct weir_encoder *encoder)
{
    weir_writer_patch_u16(&encoder->writer, COUNT_OFFSET, encoder->record_count);
}

const struct weir_dialect weir_dialect_netflow5 = {
    .name = "netflow5",
    .title = "NetFlow v5",
    .protocol = WEIR_PROTOCOL_NETFLOW5,
    .sequence_unit = WEIR_SEQUENCE_RECORDS,
    .header_octets = HEADER_OCTETS,
    .domain_at = 20,
    .domain_octets = 2,
    .builtin = &builtin,
    .records_max = RECORDS_MAX,
    .read_header = read_header,
    .write_header = write_header,
    .patch_header = patch_header,
};
