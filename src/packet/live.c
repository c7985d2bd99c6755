/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/live.h"

#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "packet/source_impl.h"

#define SNAPLEN_DEFAULT 256
#define SNAPLEN_MAX     65536
#define BUFFER_DEFAULT  (16u << 20)
#define WAIT_MS_DEFAULT 100

struct live {
    pcap_t *pcap;
    char *interface;
    int fd; /* to wait on */
    int wait_ms;
    uint32_t snaplen;
    uint16_t link_type;
    int64_t fraction_ns;   /* nanoseconds in a unit of tv_usec */
    struct pcap_stat last; /* 32-bit counters, which wrap */
};

/* What the callback of one pcap_dispatch() fills. */
struct batch {
    struct weir_source *source;
    struct weir_frame *frames;
    size_t count;
};

static void take_frame(u_char *context, const struct pcap_pkthdr *header, const u_char *octets)
{
    struct batch *batch = (struct batch *)(void *)context;
    struct weir_source *source = batch->source;
    const struct live *live = source->state;
    uint32_t captured = header->caplen < live->snaplen ? header->caplen : live->snaplen;
    memcpy(source->buffer + source->end, octets, captured);
    batch->frames[batch->count++] = (struct weir_frame){
        .octets = source->buffer + source->end,
        .captured = captured,
        .wire_octets = header->len,
        .time_ns = header->ts.tv_sec * WEIR_NS_PER_SECOND + header->ts.tv_usec * live->fraction_ns,
        .link_type = live->link_type,
        .interface = source->first_interface,
    };
    source->end += captured;
}

static int live_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                     size_t *ret_count, struct weir_diag *diag)
{
    struct live *live = source->state;
    size_t most = WEIR_SOURCE_PIECE_OCTETS / live->snaplen;
    struct batch batch = {.source = source, .frames = frames};
    source->end = 0;
    for (int attempt = 0; attempt < 2 && batch.count == 0; attempt++) {
        struct pollfd wait = {.fd = live->fd, .events = POLLIN};
        if (attempt > 0 && poll(&wait, 1, live->wait_ms) <= 0)
            break;
        int result = pcap_dispatch(live->pcap, (int)(capacity < most ? capacity : most), take_frame,
                                   (u_char *)&batch);
        if (result < 0)
            return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface,
                                 pcap_geterr(live->pcap));
    }
    *ret_count = batch.count;
    return batch.count > 0 ? 0 : WEIR_E_AGAIN;
}

static void live_count(struct weir_source *source)
{
    struct live *live = source->state;
    struct pcap_stat now;
    if (pcap_stats(live->pcap, &now) != 0)
        return;
    source->counters.packets_dropped_kernel += now.ps_drop - live->last.ps_drop;
    source->counters.packets_dropped_interface += now.ps_ifdrop - live->last.ps_ifdrop;
    live->last = now;
}

static void live_stop(struct weir_source *source)
{
    struct live *live = source->state;
    if (!live)
        return;
    if (live->pcap)
        pcap_close(live->pcap);
    free(live->interface);
    free(live);
}

static const struct weir_source_format live_format = {
    .next = live_next,
    .count = live_count,
    .stop = live_stop,
};

/* "no such interface; there are lo, eth0", as far as it fits. */
static int no_such_interface(const char *interface, struct weir_diag *diag)
{
    char list[200] = "";
    size_t length = 0;
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *at = all; at && at->if_index != 0; at++) {
        int added =
            snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", at->if_name);
        if (added < 0 || (size_t)added >= sizeof(list) - length) {
            list[length] = '\0';
            break;
        }
        length += (size_t)added;
    }
    if (all)
        if_freenameindex(all);
    return weir_diag_set(diag, WEIR_E_USAGE, "%s: no such interface; there are %s", interface,
                         list);
}

static int activate(struct live *live, const struct weir_live_options *options,
                    struct weir_diag *diag)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    live->pcap = pcap_create(live->interface, error);
    if (!live->pcap)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface, error);
    pcap_t *pcap = live->pcap;
    (void)pcap_set_snaplen(pcap, (int)live->snaplen);
    (void)pcap_set_promisc(pcap, options->promiscuous);
    (void)pcap_set_immediate_mode(pcap, 1);
    (void)pcap_set_buffer_size(
        pcap, (int)(options->buffer_octets ? options->buffer_octets : BUFFER_DEFAULT));
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(pcap);
    if (status < 0 && if_nametoindex(live->interface) == 0 && strcmp(live->interface, "any") != 0)
        return no_such_interface(live->interface, diag);
    if (status == PCAP_ERROR_PERM_DENIED)
        return weir_diag_set(diag, WEIR_E_IO,
                             "%s: not permitted: capturing needs root or CAP_NET_RAW",
                             live->interface);
    if (status < 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface,
                             pcap_geterr(pcap)[0] ? pcap_geterr(pcap) : pcap_statustostr(status));
    if (pcap_setnonblock(pcap, 1, error) != 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface, error);
    live->fd = pcap_get_selectable_fd(pcap);
    live->link_type = (uint16_t)pcap_datalink(pcap);
    /* Not every kind of device has the precision that was asked for. */
    bool has_ns = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
    live->fraction_ns = has_ns ? 1 : WEIR_NS_PER_US;
    return 0;
}

static struct weir_source *source_new(const char *interface)
{
    struct weir_source *source = calloc(1, sizeof(*source));
    if (!source)
        return NULL;
    source->format = &live_format;
    struct live *live = calloc(1, sizeof(*live));
    source->state = live;
    source->buffer = malloc(WEIR_SOURCE_PIECE_OCTETS);
    if (live)
        live->interface = strdup(interface);
    if (!live || !source->buffer || !live->interface) {
        weir_source_close(source);
        return NULL;
    }
    source->name = live->interface;
    return source;
}

int weir_live_open(const char *interface, const struct weir_live_options *options,
                   struct weir_source **ret_source, struct weir_diag *diag)
{
    static const struct weir_live_options defaults;
    if (!options)
        options = &defaults;
    if (options->snaplen > SNAPLEN_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "a snaplen of %u; %d is the most",
                             options->snaplen, SNAPLEN_MAX);
    struct weir_source *source = source_new(interface);
    if (!source)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to capture", interface);
    struct live *live = source->state;
    source->first_interface = options->first_interface;
    live->snaplen = options->snaplen ? options->snaplen : SNAPLEN_DEFAULT;
    live->wait_ms = (int)(options->wait_ms ? options->wait_ms : WAIT_MS_DEFAULT);
    if (options->no_wait)
        live->wait_ms = 0;
    int result = activate(live, options, diag);
    if (result < 0) {
        weir_source_close(source);
        return result;
    }
    *ret_source = source;
    return 0;
}

int weir_live_fd(const struct weir_source *source)
{
    const struct live *live = source->state;
    return live->fd;
}
