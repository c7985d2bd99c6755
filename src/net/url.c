/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

static const struct {
    const char *scheme;
    enum weir_url_protocol protocol;
    enum weir_url_transport transport;
} schemes[] = {
    {"udp", WEIR_URL_ANY, WEIR_URL_UDP},
    {"ipfix+udp", WEIR_URL_IPFIX, WEIR_URL_UDP},
    {"netflow9+udp", WEIR_URL_NETFLOW9, WEIR_URL_UDP},
    {"netflow5+udp", WEIR_URL_NETFLOW5, WEIR_URL_UDP},
    {"netflow1+udp", WEIR_URL_NETFLOW1, WEIR_URL_UDP},
    {"ipfix+file", WEIR_URL_IPFIX, WEIR_URL_FILE},
    {"ipfix+pcap", WEIR_URL_IPFIX, WEIR_URL_PCAP},
    {"netflow9+pcap", WEIR_URL_NETFLOW9, WEIR_URL_PCAP},
    {"netflow5+pcap", WEIR_URL_NETFLOW5, WEIR_URL_PCAP},
    {"netflow1+pcap", WEIR_URL_NETFLOW1, WEIR_URL_PCAP},
    {"json", WEIR_URL_ANY, WEIR_URL_JSON},
    {"none", WEIR_URL_ANY, WEIR_URL_NONE},
};

#define SCHEME_COUNT (sizeof(schemes) / sizeof(schemes[0]))

/* A scheme, or an address and a port without any. */
static int unknown_scheme(const char *text, struct weir_diag *diag)
{
    bool is_port = *text && text[strspn(text, "0123456789")] == '\0';
    bool is_address =
        strchr(text, ':') && strspn(text, "0123456789abcdefABCDEF.:[]") == strlen(text);
    if (is_port || is_address)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s' is no URL; did you mean udp://%s%s?", text,
                             is_port ? ":" : "", text);
    char known[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < SCHEME_COUNT && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s:", i ? ", " : "",
                                 schemes[i].scheme);
    return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no such kind of endpoint; there are %s", text,
                         known);
}

/* Splits "name=value&name=value" in place. */
static int parse_options(struct weir_url *url, char *query, const char *text,
                         struct weir_diag *diag)
{
    for (char *save = NULL, *item = strtok_r(query, "&", &save); item;
         item = strtok_r(NULL, "&", &save)) {
        char *equals = strchr(item, '=');
        if (!equals || equals == item)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': option '%s' is not name=value", text,
                                 item);
        *equals = 0;
        if (weir_url_option(url, item))
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': option '%s' is given twice", text,
                                 item);
        if (url->option_count == WEIR_URL_OPTIONS_MAX)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': more than %u options", text,
                                 WEIR_URL_OPTIONS_MAX);
        url->options[url->option_count].name = item;
        url->options[url->option_count++].value = equals + 1;
    }
    return 0;
}

/* Splits "host:port" or "[host]:port" in place. */
static int parse_host_port(struct weir_url *url, char *authority, const char *text,
                           struct weir_diag *diag)
{
    char *host = authority;
    char *colon;
    if (*host == '[') {
        char *bracket = strchr(++host, ']');
        if (!bracket)
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': '[' without ']'", text);
        *bracket = 0;
        colon = bracket[1] ? bracket + 1 : NULL;
        if (colon && *colon != ':')
            return weir_diag_set(diag, WEIR_E_USAGE, "'%s': expected ':PORT' after ']'", text);
    } else {
        colon = strrchr(host, ':');
        if (colon && strchr(host, ':') != colon)
            return weir_diag_set(diag, WEIR_E_USAGE,
                                 "'%s': write an IPv6 address in brackets: [%s]", text, host);
    }
    url->host = host;
    if (!colon)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': no port; write it as HOST:PORT", text);
    *colon = 0;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || port > UINT16_MAX || port == 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': '%s' is no port; ports are 1 to 65535",
                             text, colon + 1);
    url->port = (uint16_t)port;
    return 0;
}

int weir_url_parse(const char *text, struct weir_url *ret_url, struct weir_diag *diag)
{
    size_t length = strlen(text);
    if (length >= WEIR_URL_TEXT_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "endpoint of %zu octets: the limit is %u", length,
                             WEIR_URL_TEXT_MAX - 1);
    struct weir_url *url = ret_url;
    *url = (struct weir_url){.host = "", .path = ""};
    memcpy(url->text, text, length + 1);

    char *colon = strchr(url->text, ':');
    if (!colon)
        return unknown_scheme(text, diag);
    *colon = 0;
    size_t scheme = 0;
    while (scheme < SCHEME_COUNT && strcmp(schemes[scheme].scheme, url->text) != 0)
        scheme++;
    if (scheme == SCHEME_COUNT)
        return unknown_scheme(text, diag);
    url->protocol = schemes[scheme].protocol;
    url->transport = schemes[scheme].transport;

    char *rest = colon + 1;
    char *query = strchr(rest, '?');
    if (query) {
        *query = 0;
        int result = parse_options(url, query + 1, text, diag);
        if (result < 0)
            return result;
    }
    if (url->transport == WEIR_URL_NONE)
        return *rest ? weir_diag_set(diag, WEIR_E_USAGE, "'%s': nothing follows 'none:'", text) : 0;
    if (url->transport != WEIR_URL_UDP) {
        url->path = rest;
        return *rest ? 0 : weir_diag_set(diag, WEIR_E_USAGE, "'%s': no path after ':'", text);
    }
    if (strncmp(rest, "//", 2) != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "'%s': expected '//HOST:PORT' after '%s:'", text,
                             url->text);
    return parse_host_port(url, rest + 2, text, diag);
}

const char *weir_url_option(const struct weir_url *url, const char *name)
{
    for (unsigned i = 0; i < url->option_count; i++)
        if (strcmp(url->options[i].name, name) == 0)
            return url->options[i].value;
    return NULL;
}

int weir_url_number(const struct weir_url *url, const char *name, uint64_t greatest,
                    uint64_t *value, struct weir_diag *diag)
{
    const char *text = weir_url_option(url, name);
    uint64_t number;
    if (!text)
        return 0;
    if (weir_size_parse(text, &number) < 0 || number > greatest)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s=%s: a number up to %" PRIu64 " is wanted",
                             name, text, greatest);
    *value = number;
    return 0;
}

int weir_url_check_options(const struct weir_url *url, const char *const *names,
                           struct weir_diag *diag)
{
    for (unsigned i = 0; i < url->option_count; i++) {
        const char *const *name = names;
        while (*name && strcmp(*name, url->options[i].name) != 0)
            name++;
        if (*name)
            continue;
        char known[200] = "";
        size_t used = 0;
        for (name = names; *name && used < sizeof(known); name++)
            used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
                                     name == names ? "" : ", ", *name);
        return weir_diag_set(diag, WEIR_E_USAGE, "endpoint option '%s' is not known here; %s%s",
                             url->options[i].name, known[0] ? "there are " : "there are none",
                             known);
    }
    return 0;
}
