/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question of a DNS message (RFC 1035 section 4), in a query or in an answer, which repeats it:
 * also of mDNS (RFC 6762) and LLMNR (RFC 4795), whose messages are the same.
 *
 *     struct weir_dns_question question;
 *     if (weir_dns_parse(payload, length, &question) == 0) ...
 *
 * Of several questions, as mDNS has them, the first counts. The name is written with dots between
 * its labels and none at its end, the root as "."; a dot in a label stands behind a backslash.
 *
 * Pure: no ownership, any thread. Limits: those of names, RFC 1035 section 2.3.4.
 */
#ifndef WEIR_DISSECT_DNS_H
#define WEIR_DISSECT_DNS_H

#include "base/error.h"
#include "dissect/name.h"

struct weir_dns_question {
    uint16_t type; /* 1: A, 28: AAAA ... */
    struct weir_name name;
};

/* Whether a port is one of DNS, mDNS or LLMNR. */
bool weir_dns_is_port(uint16_t port);

/*
 * A message, as a datagram has it. 0; WEIR_E_TRUNCATED where it is one as far as it goes;
 * WEIR_E_MALFORMED where it is none; WEIR_E_NOT_FOUND where it has no question.
 */
WEIR_CHECKED int weir_dns_parse(const uint8_t *octets, size_t length,
                                struct weir_dns_question *ret_question);

/* The same behind its length, as a stream begins (RFC 1035 section 4.2.2). */
WEIR_CHECKED int weir_dns_stream_parse(const uint8_t *octets, size_t length,
                                       struct weir_dns_question *ret_question);

#endif
