/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1 request (RFC 9112): its method, and whom it asks for, and who asks.
 *
 *     struct weir_http_request request = {0};
 *     int result = weir_http_parse(octets, length, &request);
 *     if (result == WEIR_E_TRUNCATED)
 *         ... // the head goes on; the request has what was read so far
 *
 * Any word may be a method that is followed by a target and the version. Of a header field that is
 * there twice the first counts.
 *
 * Pure: no ownership, any thread. Limits: words of WEIR_HTTP_METHOD_MAX octets; names as
 * dissect/name.h has them.
 */
#ifndef WEIR_DISSECT_HTTP_H
#define WEIR_DISSECT_HTTP_H

#include "base/error.h"
#include "dissect/name.h"

#define WEIR_HTTP_METHOD_MAX 16u

struct weir_http_request {
    struct weir_name method;
    struct weir_name host;
    struct weir_name user_agent;
};

/* Whether a segment may begin with a request: a word and a space. */
bool weir_http_begins(const uint8_t *octets, size_t length);

/* 0; WEIR_E_TRUNCATED before the end of the head; WEIR_E_MALFORMED where it is no request. */
WEIR_CHECKED int weir_http_parse(const uint8_t *octets, size_t length,
                                 struct weir_http_request *ret_request);

#endif
