/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JA4, FoxIO's fingerprint of TLS clients, out of what a ClientHello offers. Private to dissect/:
 * hello.h is the way to it.
 */
#ifndef WEIR_DISSECT_JA4_H
#define WEIR_DISSECT_JA4_H

#include "base/reader.h"
#include "dissect/hello.h"

/* Lists of 16-bit values as they came; empty where the hello has none. */
struct weir_ja4_input {
    enum weir_hello_carrier carrier;
    uint16_t version;
    bool has_sni;
    struct weir_reader ciphers;
    struct weir_reader extensions; /* the whole block: types with their contents */
    struct weir_reader signature_algorithms;
    struct weir_reader first_alpn;
};

/* Writes the fingerprint. The extensions are known to be whole. */
void weir_ja4_make(const struct weir_ja4_input *input, char ret_ja4[WEIR_JA4_OCTETS]);

/* Reserved values of RFC 8701: 0x0a0a, 0x1a1a ... 0xfafa. */
static inline bool weir_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

#endif
