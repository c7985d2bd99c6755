/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few pages over HTTP, served by whoever calls: there is no thread in here.
 *
 *     static const struct weir_http_page pages[] = {
 *         {"/metrics", "text/plain; version=0.0.4", print_metrics}, ..., {NULL, NULL, NULL}};
 *     const struct weir_http_config config = {
 *         .address = "127.0.0.1:9464", .pages = pages, .context = collection, .clock = clock};
 *     weir_http_open(&config, &http, &diag);
 *     while (...) {
 *         poll(weir_http_fd(http) for POLLIN, at most weir_http_wait(http) milliseconds);
 *         weir_http_serve(http);
 *     }
 *     weir_http_close(http);
 *
 * GET and HEAD of a path are answered by its page, any other path by 404, other methods by 405. A
 * page is made when it is asked for, and then serves whoever asks within WEIR_HTTP_PAGE_NS: how
 * often it has to be made does not depend on how many ask. libmicrohttpd speaks the protocol, and
 * stays behind this file; in a build without it opening is WEIR_E_UNSUPPORTED.
 *
 * Limits, since anybody may connect: WEIR_HTTP_CONNECTIONS, beyond which they wait; of one address
 * WEIR_HTTP_CONNECTIONS_EACH, beyond which they are closed; config.connection_ns, after which a
 * connection is cut whatever it is at; one request each, of WEIR_HTTP_REQUEST_OCTETS at most; a
 * page of WEIR_HTTP_PAGE_MAX octets. Slow clients may be on older versions of pages, of which there
 * are WEIR_HTTP_VERSIONS_HELD in all; who asks past that for a page that has to be made anew while
 * its last version is on its way to somebody gets 503. Threads: one.
 */
#ifndef WEIR_NET_HTTP_H
#define WEIR_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/text.h"

#define WEIR_HTTP_CONNECTIONS      32u
#define WEIR_HTTP_CONNECTIONS_EACH 8u
#define WEIR_HTTP_CONNECTION_NS    (20 * WEIR_NS_PER_SECOND)
#define WEIR_HTTP_REQUEST_OCTETS   16384u
#define WEIR_HTTP_PAGE_NS          WEIR_NS_PER_SECOND
#define WEIR_HTTP_PAGE_MAX         ((size_t)256 << 20)
#define WEIR_HTTP_PAGES_MAX        8u
#define WEIR_HTTP_VERSIONS_HELD    4u

struct weir_http;

struct weir_http_page {
    const char *path; /* NULL: no more pages */
    const char *content_type;
    void (*print)(void *context, struct weir_text_buffer *out);
};

struct weir_http_config {
    const char *address; /* HOST:PORT, [HOST]:PORT, or :PORT for every address; port 0: any */
    const struct weir_http_page *pages; /* borrowed; at most WEIR_HTTP_PAGES_MAX */
    void *context;
    struct weir_clock clock; /* monotonic */
    int64_t connection_ns;   /* 0: WEIR_HTTP_CONNECTION_NS */
};

struct weir_http_counters {
    uint64_t http_requests;
    uint64_t http_requests_refused;
    uint64_t http_connections_cut;
};
extern const struct weir_counter weir_http_counter_table[];
extern const size_t weir_http_counter_count;

/*
 * 0; WEIR_E_USAGE: the address is no HOST:PORT, there is no such host, the port is in use or not
 * allowed; WEIR_E_UNSUPPORTED; WEIR_E_IO, WEIR_E_NOMEM; diag says what to do.
 */
WEIR_CHECKED int weir_http_open(const struct weir_http_config *config, struct weir_http **ret_http,
                                struct weir_diag *diag);

/* Cuts all connections. NULL does nothing. */
void weir_http_close(struct weir_http *http);

/* The port that it listens on. */
uint16_t weir_http_port(const struct weir_http *http);

/* Readable when there is something to serve. */
int weir_http_fd(const struct weir_http *http);

/* Serve after so many milliseconds at the latest; -1: not before weir_http_fd is readable. */
int weir_http_wait(const struct weir_http *http);

/* Serves what there is; blocks only as long as pages take to be made. */
void weir_http_serve(struct weir_http *http);

struct weir_http_counters weir_http_count(const struct weir_http *http);

#endif
