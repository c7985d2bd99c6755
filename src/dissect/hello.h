/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ClientHello of TLS (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2): whom the client asks
 * for (server_name, RFC 6066 section 3), what it would speak (ALPN, RFC 7301), and its fingerprint
 * JA4, as FoxIO has published it: t13d1516h2_8daaf6152771_e5627efa2ab1.
 *
 *     struct weir_client_hello hello;
 *     int result = weir_client_hello_parse(octets, length, WEIR_HELLO_TCP, &hello);
 *     if (result == WEIR_E_TRUNCATED)
 *         ... // there is more of it to come
 *
 * Over TCP a hello stands in records, which weir_tls_stream_parse() takes it out of; in QUIC it
 * stands in CRYPTO frames (dissect/quic.h). Values that only keep others flexible (GREASE, RFC
 * 8701) count nowhere.
 *
 * Pure: no ownership, any thread. Limits: hellos of WEIR_HELLO_OCTETS_MAX octets; names as
 * dissect/name.h has them.
 */
#ifndef WEIR_DISSECT_HELLO_H
#define WEIR_DISSECT_HELLO_H

#include "base/error.h"
#include "dissect/name.h"

#define WEIR_HELLO_OCTETS_MAX 8192u
#define WEIR_JA4_OCTETS       36u

enum weir_hello_carrier {
    WEIR_HELLO_TCP,
    WEIR_HELLO_QUIC,
};

struct weir_client_hello {
    uint16_t version; /* the newest that the client offers: 0x0304 is TLS 1.3 */
    bool has_sni;
    struct weir_name sni;
    struct weir_name alpn; /* all that it offers, with commas between them */
    char ja4[WEIR_JA4_OCTETS];
};

/*
 * Parses a handshake message from its type on. 0; WEIR_E_TRUNCATED where it is a ClientHello as
 * far as it goes; WEIR_E_MALFORMED where it is none, or breaks a rule; WEIR_E_LIMIT where it says
 * that it is too long. *ret_hello is untouched but for 0.
 */
WEIR_CHECKED int weir_client_hello_parse(const uint8_t *octets, size_t length,
                                         enum weir_hello_carrier carrier,
                                         struct weir_client_hello *ret_hello);

/* The same for what a client sent first over TCP: the records (RFC 8446 section 5.1) with it. */
WEIR_CHECKED int weir_tls_stream_parse(const uint8_t *octets, size_t length,
                                       struct weir_client_hello *ret_hello);

/* Whether a segment may begin with a ClientHello; five octets and one are enough to tell. */
bool weir_tls_stream_begins(const uint8_t *octets, size_t length);

#endif
