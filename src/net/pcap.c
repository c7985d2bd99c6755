/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pcap.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/writer.h"
#include "net/file.h"

#define MAGIC_NANOSECONDS  UINT32_C(0xa1b23c4d)
#define LINKTYPE_IPV4      228u
#define SNAP_LENGTH        65535u
#define RECORD_HEADER      16u
#define IP_UDP_HEADERS     28u
#define EXPORTER_ADDRESS   UINT32_C(0xc0000201) /* 192.0.2.1 */
#define COLLECTOR_ADDRESS  UINT32_C(0xc0000202)
#define EXPORTER_PORT      50000u
#define MESSAGE_OCTETS_MAX 1472u /* an Ethernet's MTU less the headers */
#define FRAME_OCTETS_MAX   (RECORD_HEADER + IP_UDP_HEADERS + MESSAGE_OCTETS_MAX)

struct weir_pcap_sender {
    struct weir_file_sender *file;
    struct weir_transport file_transport;
    uint16_t port;
};

/* Octets 8 to 11 of every NetFlow header from v5 on are seconds; IPFIX has them at 4 (RFC 7011). */
static uint32_t export_seconds(const struct weir_message_octets *message)
{
    uint16_t version = weir_load_be16(message->octets);
    return weir_load_be32(message->octets + (version == 10 ? 4 : 8));
}

static uint16_t header_checksum(const uint8_t *header)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 20; i += 2)
        sum += weir_load_be16(header + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The record of a message of at most MESSAGE_OCTETS_MAX; returns its length. */
static size_t frame(const struct weir_pcap_sender *sender,
                    const struct weir_message_octets *message, uint8_t octets[FRAME_OCTETS_MAX])
{
    struct weir_writer w = weir_writer_make(octets, FRAME_OCTETS_MAX);
    uint32_t length = (uint32_t)message->length + IP_UDP_HEADERS;
    weir_write_le32(&w, export_seconds(message));
    weir_write_le32(&w, 0);
    weir_write_le32(&w, length);
    weir_write_le32(&w, length);
    weir_write_u16(&w, 0x4500);
    weir_write_u16(&w, (uint16_t)length);
    weir_write_u32(&w, 0x00004000); /* no identification; do not fragment */
    weir_write_u16(&w, 64 << 8 | 17);
    weir_write_u16(&w, 0);
    weir_write_u32(&w, EXPORTER_ADDRESS);
    weir_write_u32(&w, COLLECTOR_ADDRESS);
    weir_writer_patch_u16(&w, RECORD_HEADER + 10, header_checksum(octets + RECORD_HEADER));
    weir_write_u16(&w, EXPORTER_PORT);
    weir_write_u16(&w, sender->port);
    weir_write_u16(&w, (uint16_t)(message->length + 8));
    weir_write_u16(&w, 0); /* no checksum, as RFC 768 allows */
    weir_write_octets(&w, message->octets, message->length);
    return weir_writer_offset(&w);
}

static int pcap_send(void *context, const struct weir_message_octets *messages, size_t count,
                     size_t *ret_sent, struct weir_diag *diag)
{
    struct weir_pcap_sender *sender = context;
    uint8_t octets[FRAME_OCTETS_MAX];
    *ret_sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].length > MESSAGE_OCTETS_MAX)
            return weir_diag_set(diag, WEIR_E_LIMIT, "a message of %zu octets: a datagram has %u",
                                 messages[i].length, MESSAGE_OCTETS_MAX);
        struct weir_message_octets framed = {octets, frame(sender, &messages[i], octets)};
        size_t sent;
        int result =
            sender->file_transport.send(sender->file_transport.context, &framed, 1, &sent, diag);
        if (result < 0)
            return result;
        (*ret_sent)++;
    }
    return 0;
}

static int write_header(struct weir_pcap_sender *sender, struct weir_diag *diag)
{
    uint8_t octets[24];
    struct weir_writer w = weir_writer_make(octets, sizeof(octets));
    weir_write_le32(&w, MAGIC_NANOSECONDS);
    weir_write_le16(&w, 2);
    weir_write_le16(&w, 4);
    weir_write_le64(&w, 0);
    weir_write_le32(&w, SNAP_LENGTH);
    weir_write_le32(&w, LINKTYPE_IPV4);
    struct weir_message_octets header = {octets, sizeof(octets)};
    size_t sent;
    return sender->file_transport.send(sender->file_transport.context, &header, 1, &sent, diag);
}

int weir_pcap_sender_open(const char *path, uint16_t port, struct weir_pcap_sender **ret_sender,
                          struct weir_transport *ret_transport, struct weir_diag *diag)
{
    struct weir_pcap_sender *sender = calloc(1, sizeof(*sender));
    if (!sender)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory for a capture", path);
    sender->port = port;
    int result = weir_file_sender_open(path, &sender->file, &sender->file_transport, diag);
    if (result == 0)
        result = write_header(sender, diag);
    if (result < 0) {
        weir_pcap_sender_abort(sender);
        return result;
    }
    *ret_transport = (struct weir_transport){
        .send = pcap_send, .context = sender, .message_max = MESSAGE_OCTETS_MAX};
    *ret_sender = sender;
    return 0;
}

int weir_pcap_sender_close(struct weir_pcap_sender *sender, struct weir_diag *diag)
{
    int result = weir_file_sender_close(sender->file, diag);
    free(sender);
    return result;
}

void weir_pcap_sender_abort(struct weir_pcap_sender *sender)
{
    if (!sender)
        return;
    weir_file_sender_abort(sender->file);
    free(sender);
}
