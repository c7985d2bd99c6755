/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sender.h"

#include <string.h>

#include "net/file.h"
#include "net/pcap.h"

#define NETFLOW_PORT 2055u /* the usual one of captures that name none */

struct weir_sender_kind {
    int (*open)(const struct weir_url *url, struct weir_sender *sender, struct weir_diag *diag);
    int (*close)(void *state, struct weir_diag *diag);
    void (*abort)(void *state);
};

static int udp_open(const struct weir_url *url, struct weir_sender *sender, struct weir_diag *diag)
{
    uint64_t mtu = 0;
    int result = weir_url_number(url, "mtu", UINT16_MAX, &mtu, diag);
    if (result < 0)
        return result;
    const char *gso = weir_url_option(url, "gso");
    if (gso && strcmp(gso, "no") != 0)
        return weir_diag_set(diag, WEIR_E_USAGE, "gso=%s: write no, or leave it out", gso);
    struct weir_udp_sender *udp;
    result =
        weir_udp_sender_open(url->host, url->port, (unsigned)mtu, &udp, &sender->transport, diag);
    if (result < 0)
        return result;
    if (gso)
        weir_udp_sender_keep_apart(udp);
    sender->state = udp;
    return 0;
}

static int udp_close(void *state, struct weir_diag *diag)
{
    (void)diag;
    weir_udp_sender_close(state);
    return 0;
}

static void udp_abort(void *state)
{
    weir_udp_sender_close(state);
}

static int file_open(const struct weir_url *url, struct weir_sender *sender, struct weir_diag *diag)
{
    struct weir_file_sender *file;
    int result = weir_file_sender_open(url->path, &file, &sender->transport, diag);
    if (result == 0)
        sender->state = file;
    return result;
}

static int file_close(void *state, struct weir_diag *diag)
{
    return weir_file_sender_close(state, diag);
}

static void file_abort(void *state)
{
    weir_file_sender_abort(state);
}

static int pcap_open(const struct weir_url *url, struct weir_sender *sender, struct weir_diag *diag)
{
    uint64_t port = NETFLOW_PORT;
    int result = weir_url_number(url, "port", UINT16_MAX, &port, diag);
    if (result < 0)
        return result;
    struct weir_pcap_sender *pcap;
    result = weir_pcap_sender_open(url->path, (uint16_t)port, &pcap, &sender->transport, diag);
    if (result == 0)
        sender->state = pcap;
    return result;
}

static int pcap_close(void *state, struct weir_diag *diag)
{
    return weir_pcap_sender_close(state, diag);
}

static void pcap_abort(void *state)
{
    weir_pcap_sender_abort(state);
}

static const struct weir_sender_kind kinds[] = {
    [WEIR_URL_UDP] = {udp_open, udp_close, udp_abort},
    [WEIR_URL_FILE] = {file_open, file_close, file_abort},
    [WEIR_URL_PCAP] = {pcap_open, pcap_close, pcap_abort},
};

int weir_sender_open(const struct weir_url *url, struct weir_sender *ret_sender,
                     struct weir_diag *diag)
{
    if (url->transport >= sizeof(kinds) / sizeof(kinds[0]))
        return weir_diag_set(diag, WEIR_E_USAGE, "export messages cannot be sent there");
    struct weir_sender sender = {.kind = &kinds[url->transport]};
    int result = sender.kind->open(url, &sender, diag);
    if (result == 0)
        *ret_sender = sender;
    return result;
}

int weir_sender_close(struct weir_sender *sender, struct weir_diag *diag)
{
    int result = sender->kind->close(sender->state, diag);
    sender->state = NULL;
    return result;
}

void weir_sender_abort(struct weir_sender *sender)
{
    if (sender->state)
        sender->kind->abort(sender->state);
    sender->state = NULL;
}

struct weir_udp_sender_counters weir_sender_counters(const struct weir_sender *sender)
{
    return sender->kind == &kinds[WEIR_URL_UDP] && sender->state
               ? weir_udp_sender_counters(sender->state)
               : (struct weir_udp_sender_counters){0};
}
