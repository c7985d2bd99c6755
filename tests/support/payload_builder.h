/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of applications, composed for tests and seeds: ClientHellos, the TLS records and the
 * QUIC Initial packets with them, DNS messages. The other way round than dissect/ and with none of
 * its code.
 *
 *     struct weir_writer out = weir_writer_make(octets, sizeof(octets));
 *     payload_hello(&out, &payload_hello_usual);
 *     length = payload_tls_record(octets, out.length, record);
 */
#ifndef WEIR_TESTS_SUPPORT_PAYLOAD_BUILDER_H
#define WEIR_TESTS_SUPPORT_PAYLOAD_BUILDER_H

#include <nettle/gcm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"

struct payload_hello {
    const char *sni;       /* NULL: no extension */
    const char *alpn[4];   /* NULL ends them; none: no extension */
    unsigned cipher_count; /* 0x002f and those after it, the last first */
    unsigned version;      /* 0: no supported_versions */
    bool has_grease;
    bool has_signature_algorithms;
};

static const struct payload_hello payload_hello_usual = {
    .sni = "www.example.org",
    .alpn = {"h2", "http/1.1"},
    .cipher_count = 5,
    .version = 0x0304,
    .has_grease = true,
    .has_signature_algorithms = true,
};

/* Begins what a 16-bit length stands before, and ends it. */
static inline size_t payload_begin(struct weir_writer *out)
{
    weir_write_u16(out, 0);
    return out->length;
}

static inline void payload_end(struct weir_writer *out, size_t begin)
{
    weir_writer_patch_u16(out, begin - 2, (uint16_t)(out->length - begin));
}

static inline void payload_sni(struct weir_writer *out, const char *name)
{
    weir_write_u16(out, 0);
    size_t extension = payload_begin(out);
    size_t list = payload_begin(out);
    weir_write_u8(out, 0);
    weir_write_u16(out, (uint16_t)strlen(name));
    weir_write_octets(out, name, strlen(name));
    payload_end(out, list);
    payload_end(out, extension);
}

static inline void payload_alpn(struct weir_writer *out, const char *const *protocols)
{
    weir_write_u16(out, 16);
    size_t extension = payload_begin(out);
    size_t list = payload_begin(out);
    for (unsigned i = 0; i < 4 && protocols[i]; i++) {
        weir_write_u8(out, (uint8_t)strlen(protocols[i]));
        weir_write_octets(out, protocols[i], strlen(protocols[i]));
    }
    payload_end(out, list);
    payload_end(out, extension);
}

/* A ClientHello from its handshake type on. */
static inline void payload_hello(struct weir_writer *out, const struct payload_hello *hello)
{
    weir_write_u16(out, 0x0100);
    size_t body = payload_begin(out);
    weir_write_u16(out, 0x0303);
    weir_write_zeros(out, 32);
    weir_write_u8(out, 2);
    weir_write_u16(out, 0xabcd); /* session */
    size_t ciphers = payload_begin(out);
    if (hello->has_grease)
        weir_write_u16(out, 0x5a5a);
    for (unsigned i = hello->cipher_count; i-- > 0;)
        weir_write_u16(out, (uint16_t)(0x2f + i));
    payload_end(out, ciphers);
    weir_write_u16(out, 0x0100); /* compression */
    size_t extensions = payload_begin(out);
    if (hello->has_grease)
        weir_write_u32(out, 0xdada0000);
    weir_write_u32(out, 0xff010001); /* renegotiation_info */
    weir_write_u8(out, 0);
    if (hello->sni)
        payload_sni(out, hello->sni);
    if (hello->alpn[0])
        payload_alpn(out, hello->alpn);
    if (hello->has_signature_algorithms)
        weir_write_octets(out, "\0\x0d\0\x06\0\x04\x08\x04\x04\x03", 10);
    if (hello->version) {
        weir_write_u32(out, 0x002b0005);
        weir_write_u8(out, 4);
        weir_write_u16(out, 0x4a4a);
        weir_write_u16(out, (uint16_t)hello->version);
    }
    payload_end(out, extensions);
    payload_end(out, body);
}

/* Handshake octets in records of at most `piece` octets; returns their octets. */
static inline size_t payload_tls_records(const uint8_t *handshake, size_t length, size_t piece,
                                         uint8_t *to, size_t room)
{
    struct weir_writer out = weir_writer_make(to, room);
    for (size_t at = 0; at < length; at += piece) {
        size_t count = length - at < piece ? length - at : piece;
        weir_write_u8(&out, 22);
        weir_write_u16(&out, 0x0301);
        weir_write_u16(&out, (uint16_t)count);
        weir_write_octets(&out, handshake + at, count);
    }
    return weir_writer_failed(&out) ? 0 : out.length;
}

struct payload_quic {
    uint32_t version;
    unsigned initial_type;
    const char *key, *iv, *header_key; /* hexadecimal */
};

/* Of the identifier 8394c8f03e515708: RFC 9001 appendix A.1, RFC 9369 appendix A.1. */
static const struct payload_quic payload_quic_v1 = {
    .version = 1,
    .key = "1f369613dd76d5467730efcbe3b1a22d",
    .iv = "fa044b2f42a3fd3b46fb255c",
    .header_key = "9f50449e04a0e810283a1e9933adedd2",
};
static const struct payload_quic payload_quic_v2 = {
    .version = 0x6b3343cf,
    .initial_type = 1,
    .key = "8b1a0bc121284290a29e0971b5cd045d",
    .iv = "91f73e2351d8fa91660e909f",
    .header_key = "45b95e15235d6f45a6b19cbcb0294ba9",
};

/* Octets of hexadecimal digits; returns how many. */
static inline size_t payload_hex(const char *text, uint8_t *to)
{
    size_t count = strlen(text) / 2;
    for (size_t i = 0; i < count; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        to[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return count;
}

/* A CRYPTO frame with a length in two octets. */
static inline void payload_crypto(struct weir_writer *out, size_t offset, const uint8_t *octets,
                                  size_t length)
{
    weir_write_u8(out, 6);
    weir_write_u16(out, (uint16_t)(0x4000 | offset));
    weir_write_u16(out, (uint16_t)(0x4000 | length));
    weir_write_octets(out, octets, length);
}

/*
 * An Initial packet of these frames, padded to `padded` octets of them, with both protections (RFC
 * 9001 section 5) and a packet number of four octets. Returns its octets.
 */
static inline size_t payload_quic_initial(const struct payload_quic *quic, uint32_t number,
                                          const uint8_t *frames, size_t length, size_t padded,
                                          uint8_t *to, size_t room)
{
    uint8_t key[16], iv[12], header_key[16], plain[4096] = {0}, mask[16];
    struct weir_writer out = weir_writer_make(to, room);
    struct gcm_aes128_ctx gcm;
    struct aes128_ctx aes;
    payload_hex(quic->key, key);
    payload_hex(quic->iv, iv);
    payload_hex(quic->header_key, header_key);
    memcpy(plain, frames, length);
    weir_write_u8(&out, (uint8_t)(0xc3 | quic->initial_type << 4));
    weir_write_u32(&out, quic->version);
    weir_write_octets(&out, "\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0", 11);
    weir_write_u16(&out, (uint16_t)(0x4000 | (4 + padded + 16)));
    size_t header = out.length;
    weir_write_u32(&out, number);
    for (unsigned i = 0; i < 4; i++)
        iv[8 + i] ^= (uint8_t)(number >> (24 - 8 * i));
    gcm_aes128_set_key(&gcm, key);
    gcm_aes128_set_iv(&gcm, sizeof(iv), iv);
    gcm_aes128_update(&gcm, out.length, to);
    uint8_t *body = weir_write_reserve(&out, padded + 16);
    if (!body)
        return 0;
    gcm_aes128_encrypt(&gcm, padded, body, plain);
    gcm_aes128_digest(&gcm, 16, body + padded);
    aes128_set_encrypt_key(&aes, header_key);
    aes128_encrypt(&aes, sizeof(mask), mask, body);
    to[0] ^= mask[0] & 0x0f;
    for (unsigned i = 0; i < 4; i++)
        to[header + i] ^= mask[1 + i];
    return out.length;
}

/* A DNS query; the labels have a dot behind each. */
static inline void payload_dns(struct weir_writer *out, const char *labels, uint16_t type)
{
    weir_write_u32(out, 0x12340100);
    weir_write_u32(out, 0x00010000);
    weir_write_u32(out, 0);
    for (const char *dot; *labels && (dot = strchr(labels, '.')); labels = dot + 1) {
        weir_write_u8(out, (uint8_t)(dot - labels));
        weir_write_octets(out, labels, (size_t)(dot - labels));
    }
    weir_write_u8(out, 0);
    weir_write_u16(out, type);
    weir_write_u16(out, 1);
}

#endif
