/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoint URLs of the command line and the configuration:
 *
 *     udp://HOST:PORT?mtu=1400          a listener, or IPFIX to a collector
 *     netflow9+udp://[2001:db8::1]:2055?domain=7&template-refresh=1m
 *     ipfix+file:PATH    netflow5+pcap:PATH    json:PATH    json:-    none:
 *
 *     struct weir_url url;
 *     if (weir_url_parse(text, &url, &diag) < 0) ...
 *     const char *mtu = weir_url_option(&url, "mtu");
 *
 * Open value without pointers into anything but itself. Limits: text of 1,023 octets, 16 options.
 */
#ifndef WEIR_NET_URL_H
#define WEIR_NET_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_URL_TEXT_MAX    1024u
#define WEIR_URL_OPTIONS_MAX 16u

enum weir_url_protocol {
    WEIR_URL_ANY, /* none was named */
    WEIR_URL_NETFLOW1,
    WEIR_URL_NETFLOW5,
    WEIR_URL_NETFLOW9,
    WEIR_URL_IPFIX,
};

enum weir_url_transport {
    WEIR_URL_UDP,
    WEIR_URL_FILE,
    WEIR_URL_PCAP, /* a capture of the datagrams that UDP would have carried */
    WEIR_URL_JSON,
    WEIR_URL_NONE, /* nowhere: what comes is decoded and counted */
};

struct weir_url {
    enum weir_url_protocol protocol;
    enum weir_url_transport transport;
    const char *host; /* "" where none was given; without the brackets of an IPv6 address */
    uint16_t port;    /* 0 where none was given */
    const char *path; /* file and json: what follows the colon; "-" is standard output */
    struct {
        const char *name;
        const char *value;
    } options[WEIR_URL_OPTIONS_MAX];
    unsigned option_count;
    char text[WEIR_URL_TEXT_MAX]; /* what the pointers point into: pieces, each terminated */
};

/*
 * 0, or WEIR_E_USAGE with diag, which names the URL and says what is wrong and what would do:
 * an unknown scheme, no port, a port out of range, an option twice.
 */
WEIR_CHECKED int weir_url_parse(const char *text, struct weir_url *ret_url, struct weir_diag *diag);

/* The value of an option, or NULL. */
const char *weir_url_option(const struct weir_url *url, const char *name);

/*
 * An option that is a number, as base/quantity.h reads sizes: 1500, 64Ki, 10k. 0, with *value as it
 * was where the option is not given; or WEIR_E_USAGE.
 */
WEIR_CHECKED int weir_url_number(const struct weir_url *url, const char *name, uint64_t greatest,
                                 uint64_t *value, struct weir_diag *diag);

/*
 * 0, or WEIR_E_USAGE for an option that is not among `names` (NULL ends them): a mistyped option
 * must not be silent.
 */
WEIR_CHECKED int weir_url_check_options(const struct weir_url *url, const char *const *names,
                                        struct weir_diag *diag);

#endif
