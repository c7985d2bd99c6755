/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture through libpcap: whatever is no plain Ethernet interface of Linux, and `any`. Frames are
 * copied once, out of libpcap's buffer.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "packet/live_impl.h"

struct live_pcap {
    struct weir_live live;
    pcap_t *pcap;
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
    const struct live_pcap *own = source->state;
    uint32_t captured = header->caplen < own->live.snaplen ? header->caplen : own->live.snaplen;
    memcpy(source->buffer + source->end, octets, captured);
    batch->frames[batch->count++] = (struct weir_frame){
        .octets = source->buffer + source->end,
        .captured = captured,
        .wire_octets = header->len,
        .time_ns = header->ts.tv_sec * WEIR_NS_PER_SECOND + header->ts.tv_usec * own->fraction_ns,
        .link_type = own->link_type,
        .interface = source->first_interface,
    };
    source->end += captured;
}

static int live_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                     size_t *ret_count, struct weir_diag *diag)
{
    struct live_pcap *own = source->state;
    size_t most = WEIR_SOURCE_PIECE_OCTETS / own->live.snaplen;
    struct batch batch = {.source = source, .frames = frames};
    source->end = 0;
    for (int attempt = 0; attempt < 2 && batch.count == 0; attempt++) {
        if (attempt > 0 && !weir_live_wait(&own->live))
            break;
        int result = pcap_dispatch(own->pcap, (int)(capacity < most ? capacity : most), take_frame,
                                   (u_char *)&batch);
        if (result < 0)
            return weir_diag_set(diag, WEIR_E_IO, "%s: %s", own->live.interface,
                                 pcap_geterr(own->pcap));
    }
    *ret_count = batch.count;
    return batch.count > 0 ? 0 : WEIR_E_AGAIN;
}

static void live_count(struct weir_source *source)
{
    struct live_pcap *own = source->state;
    struct pcap_stat now;
    if (pcap_stats(own->pcap, &now) != 0)
        return;
    source->counters.packets_dropped_kernel += now.ps_drop - own->last.ps_drop;
    source->counters.packets_dropped_interface += now.ps_ifdrop - own->last.ps_ifdrop;
    own->last = now;
}

static void live_stop(struct weir_source *source)
{
    struct live_pcap *own = source->state;
    if (own->pcap)
        pcap_close(own->pcap);
    free(own->live.interface);
    free(own);
}

static int live_open(struct weir_source *source, struct weir_diag *diag)
{
    struct live_pcap *own = source->state;
    struct weir_live *live = &own->live;
    char error[PCAP_ERRBUF_SIZE] = "";
    source->buffer = malloc(WEIR_SOURCE_PIECE_OCTETS);
    if (!source->buffer)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to capture", live->interface);
    own->pcap = pcap_create(live->interface, error);
    if (!own->pcap)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface, error);
    pcap_t *pcap = own->pcap;
    (void)pcap_set_snaplen(pcap, (int)live->snaplen);
    (void)pcap_set_promisc(pcap, live->options->promiscuous);
    (void)pcap_set_immediate_mode(pcap, 1);
    (void)pcap_set_buffer_size(pcap, (int)live->buffer_octets);
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(pcap);
    if (status == PCAP_ERROR_PERM_DENIED)
        return weir_live_refused(live, "capturing", EPERM, diag);
    if (status < 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface,
                             pcap_geterr(pcap)[0] ? pcap_geterr(pcap) : pcap_statustostr(status));
    if (pcap_setnonblock(pcap, 1, error) != 0)
        return weir_diag_set(diag, WEIR_E_IO, "%s: %s", live->interface, error);
    live->fd = pcap_get_selectable_fd(pcap);
    own->link_type = (uint16_t)pcap_datalink(pcap);
    /* Not every kind of device has the precision that was asked for. */
    bool has_ns = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
    own->fraction_ns = has_ns ? 1 : WEIR_NS_PER_US;
    return 0;
}

const struct weir_live_way weir_live_pcap = {
    .format = {.next = live_next, .count = live_count, .stop = live_stop},
    .state_octets = sizeof(struct live_pcap),
    .open = live_open,
};
