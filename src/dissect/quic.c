/* SPDX-License-Identifier: Apache-2.0 */
#include "dissect/quic.h"

#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

#include "base/reader.h"
#include "base/writer.h"

#define LONG_HEADER        0x80u
#define FIXED_BIT          0x40u
#define CONNECTION_ID_MAX  20u
#define SALT_OCTETS        20u
#define TAG_OCTETS         16u
#define SAMPLE_OCTETS      16u
#define PACKET_NUMBER_MAX  4u
#define PACKETS_A_DATAGRAM 8u

/* What differs between versions: RFC 9001 section 5.2, RFC 9369 section 3. */
static const struct dialect {
    uint32_t first, last; /* versions */
    uint8_t initial_type; /* two bits of the first octet */
    const char *key_label, *iv_label, *header_label;
    uint8_t salt[SALT_OCTETS];
} dialects[] = {
    {0x00000001, 0x00000001, 0, "quic key", "quic iv", "quic hp", {0x38, 0x76, 0x2c, 0xf7, 0xf5,
                                                                   0x59, 0x34, 0xb3, 0x4d, 0x17,
                                                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
                                                                   0xad, 0xcc, 0xbb, 0x7f, 0x0a}},
    {0x6b3343cf, 0x6b3343cf, 1, "quicv2 key", "quicv2 iv", "quicv2 hp", {0x0d, 0xed, 0xe3, 0xde,
                                                                         0xf7, 0x00, 0xa6, 0xdb,
                                                                         0x81, 0x93, 0x81, 0xbe,
                                                                         0x6e, 0x26, 0x9d, 0xcb,
                                                                         0xf9, 0xbd, 0x2e, 0xd9}},
    /* draft-ietf-quic-tls-29 to -32 */
    {0xff00001d, 0xff000020, 0, "quic key", "quic iv", "quic hp", {0xaf, 0xbf, 0xec, 0x28, 0x99,
                                                                   0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                                                   0x86, 0xf1, 0x9c, 0x61, 0x11,
                                                                   0xe0, 0x43, 0x90, 0xa8, 0x99}},
    /* -33 and -34 */
    {0xff000021, 0xff000022, 0, "quic key", "quic iv", "quic hp", {0x38, 0x76, 0x2c, 0xf7, 0xf5,
                                                                   0x59, 0x34, 0xb3, 0x4d, 0x17,
                                                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
                                                                   0xad, 0xcc, 0xbb, 0x7f, 0x0a}},
};

/* A packet with a long header. */
struct packet {
    const uint8_t *octets;
    size_t header; /* octets before the packet number */
    size_t length; /* octets of all of it */
    uint32_t version;
    uint8_t connection_id_length;
    const uint8_t *connection_id;
    bool is_initial;
};

static const struct dialect *dialect_of(uint32_t version)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if (version >= dialects[i].first && version <= dialects[i].last)
            return &dialects[i];
    return NULL;
}

/* A variable-length integer, RFC 9000 section 16. */
static uint64_t read_varint(struct weir_reader *reader)
{
    uint8_t first = weir_read_u8(reader);
    unsigned more = (1u << (first >> 6)) - 1;
    uint64_t value = first & 0x3f;
    for (unsigned i = 0; i < more; i++)
        value = value << 8 | weir_read_u8(reader);
    return value;
}

bool weir_quic_begins(const uint8_t *octets, size_t length)
{
    if (length < 7 || (octets[0] & (LONG_HEADER | FIXED_BIT)) != (LONG_HEADER | FIXED_BIT))
        return false;
    const struct dialect *dialect = dialect_of(weir_load_be32(octets + 1));
    return dialect && (octets[0] >> 4 & 3) == dialect->initial_type &&
           octets[5] <= CONNECTION_ID_MAX;
}

/* Reads a packet's header (RFC 9000 section 17.2); false where no other may follow it. */
static bool read_header(struct weir_reader *datagram, struct packet *packet)
{
    struct weir_reader reader = *datagram;
    uint8_t first = weir_read_u8(&reader);
    *packet = (struct packet){.octets = datagram->octets, .version = weir_read_u32(&reader)};
    const struct dialect *dialect = dialect_of(packet->version);
    if ((first & (LONG_HEADER | FIXED_BIT)) != (LONG_HEADER | FIXED_BIT) || !dialect)
        return false;
    unsigned type = ((unsigned)first >> 4 & 3) - dialect->initial_type;
    if ((type & 3) == 3) /* Retry has no length, and ends the datagram */
        return false;
    packet->is_initial = (type & 3) == 0;
    packet->connection_id_length = weir_read_u8(&reader);
    if (packet->connection_id_length > CONNECTION_ID_MAX)
        return false;
    packet->connection_id = weir_read_octets(&reader, packet->connection_id_length);
    weir_read_skip(&reader, weir_read_u8(&reader)); /* the source's */
    if (packet->is_initial)
        weir_read_skip(&reader, (size_t)read_varint(&reader)); /* token */
    uint64_t length = read_varint(&reader);
    packet->header = (size_t)(reader.offset - datagram->offset);
    struct weir_reader body = weir_read_block(&reader, (size_t)length);
    if (weir_reader_failed(&reader))
        return false;
    packet->length = packet->header + body.remaining;
    *datagram = reader;
    return true;
}

/* HKDF-Expand-Label with an empty context, RFC 8446 section 7.1. */
static void expand_label(const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, size_t length,
                         uint8_t *to)
{
    static const char prefix[] = "tls13 ";
    size_t octets = sizeof(prefix) - 1 + strlen(label);
    uint8_t info[32];
    struct hmac_sha256_ctx hmac;
    struct weir_writer out = weir_writer_make(info, sizeof(info));
    weir_write_u16(&out, (uint16_t)length);
    weir_write_u8(&out, (uint8_t)octets);
    weir_write_octets(&out, prefix, sizeof(prefix) - 1);
    weir_write_octets(&out, label, strlen(label));
    weir_write_u8(&out, 0);
    hmac_sha256_set_key(&hmac, SHA256_DIGEST_SIZE, secret);
    hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
                (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE,
                weir_writer_offset(&out), info, length, to);
}

/* The client's keys of an identifier, RFC 9001 section 5.2. */
static void make_keys(const struct packet *packet, struct weir_quic *quic)
{
    const struct dialect *dialect = dialect_of(packet->version);
    uint8_t secret[SHA256_DIGEST_SIZE], client[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx hmac;
    hmac_sha256_set_key(&hmac, SALT_OCTETS, dialect->salt);
    hmac_sha256_update(&hmac, packet->connection_id_length, packet->connection_id);
    hmac_sha256_digest(&hmac, sizeof(secret), secret);
    expand_label(secret, "client in", sizeof(client), client);
    expand_label(client, dialect->key_label, sizeof(quic->key), quic->key);
    expand_label(client, dialect->iv_label, sizeof(quic->iv), quic->iv);
    expand_label(client, dialect->header_label, sizeof(quic->header_key), quic->header_key);
    quic->version = packet->version;
}

/* Takes both protections off, RFC 9001 section 5; false where the keys are others. */
static bool open_packet(const struct weir_quic *quic, const struct packet *packet, uint8_t *plain,
                        size_t *ret_length)
{
    uint8_t header[WEIR_QUIC_PACKET_MAX], mask[SAMPLE_OCTETS], nonce[sizeof(quic->iv)];
    struct aes128_ctx aes;
    if (packet->length > WEIR_QUIC_PACKET_MAX ||
        packet->length - packet->header < PACKET_NUMBER_MAX + SAMPLE_OCTETS)
        return false;
    aes128_set_encrypt_key(&aes, quic->header_key);
    aes128_encrypt(&aes, SAMPLE_OCTETS, mask, packet->octets + packet->header + PACKET_NUMBER_MAX);
    memcpy(header, packet->octets, packet->header + PACKET_NUMBER_MAX);
    header[0] ^= mask[0] & 0x0f;
    unsigned number_octets = (header[0] & 3u) + 1;
    size_t header_octets = packet->header + number_octets;
    memcpy(nonce, quic->iv, sizeof(nonce));
    for (unsigned i = 0; i < number_octets; i++) {
        header[packet->header + i] ^= mask[1 + i];
        nonce[sizeof(nonce) - number_octets + i] ^= header[packet->header + i];
    }
    if (packet->length - header_octets < TAG_OCTETS)
        return false;

    struct gcm_aes128_ctx gcm;
    uint8_t tag[TAG_OCTETS];
    size_t length = packet->length - header_octets - TAG_OCTETS;
    gcm_aes128_set_key(&gcm, quic->key);
    gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
    gcm_aes128_update(&gcm, header_octets, header);
    gcm_aes128_decrypt(&gcm, length, plain, packet->octets + header_octets);
    gcm_aes128_digest(&gcm, sizeof(tag), tag);
    *ret_length = length;
    return memeql_sec(tag, packet->octets + packet->length - TAG_OCTETS, TAG_OCTETS);
}

enum frame {
    FRAME_PADDING = 0x00,
    FRAME_PING = 0x01,
    FRAME_ACK = 0x02,
    FRAME_ACK_ECN = 0x03,
    FRAME_CRYPTO = 0x06,
    FRAME_CONNECTION_CLOSE = 0x1c,
};

/* RFC 9000 section 19.3. */
static void skip_ack(struct weir_reader *reader, bool has_ecn)
{
    (void)read_varint(reader);
    (void)read_varint(reader);
    uint64_t ranges = read_varint(reader);
    (void)read_varint(reader);
    for (; ranges > 0 && !weir_reader_failed(reader); ranges--) {
        (void)read_varint(reader);
        (void)read_varint(reader);
    }
    for (unsigned i = 0; has_ecn && i < 3; i++)
        (void)read_varint(reader);
}

/* The frames that an Initial packet may have, RFC 9000 section 12.4. */
static int read_frames(const uint8_t *octets, size_t length, struct weir_assembly *assembly)
{
    struct weir_reader reader = weir_reader_make(octets, length);
    while (weir_reader_remaining(&reader) > 0) {
        uint64_t type = read_varint(&reader);
        if (type == FRAME_PADDING || type == FRAME_PING)
            continue;
        if (type == FRAME_CONNECTION_CLOSE)
            break;
        if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
            skip_ack(&reader, type == FRAME_ACK_ECN);
        } else if (type == FRAME_CRYPTO) {
            uint64_t offset = read_varint(&reader);
            size_t count = (size_t)read_varint(&reader);
            const uint8_t *data = weir_read_octets(&reader, count);
            int result = data ? weir_assembly_add(assembly, offset, data, count) : 0;
            if (result < 0)
                return result;
        } else {
            return WEIR_E_MALFORMED;
        }
    }
    return weir_reader_failed(&reader) ? WEIR_E_MALFORMED : 0;
}

/*
 * Keys are made once for a datagram, whose packets all have one identifier (RFC 9000 section 12.2):
 * they cost more than anything else here, and anybody can send what looks as if it needed them.
 */
static int read_packet(struct weir_quic *quic, const struct packet *packet, bool *have_made_keys,
                       struct weir_assembly *assembly)
{
    uint8_t plain[WEIR_QUIC_PACKET_MAX];
    size_t length = 0;
    if (quic->version == packet->version && open_packet(quic, packet, plain, &length))
        return read_frames(plain, length, assembly);
    if (*have_made_keys)
        return WEIR_E_NOT_FOUND;
    *have_made_keys = true;
    struct weir_quic fresh;
    make_keys(packet, &fresh);
    if (!open_packet(&fresh, packet, plain, &length))
        return WEIR_E_NOT_FOUND;
    *quic = fresh;
    return read_frames(plain, length, assembly);
}

int weir_quic_read(struct weir_quic *quic, const uint8_t *octets, size_t length,
                   struct weir_assembly *assembly)
{
    struct weir_reader datagram = weir_reader_make(octets, length);
    struct packet packet;
    bool have_made_keys = false;
    int result = WEIR_E_NOT_FOUND;
    for (unsigned i = 0; i < PACKETS_A_DATAGRAM && weir_reader_remaining(&datagram) > 0; i++) {
        if (!read_header(&datagram, &packet))
            break;
        if (!packet.is_initial)
            continue;
        int read = read_packet(quic, &packet, &have_made_keys, assembly);
        if (read != WEIR_E_NOT_FOUND)
            result = read;
        if (read < 0 && read != WEIR_E_NOT_FOUND)
            break;
    }
    return result;
}
