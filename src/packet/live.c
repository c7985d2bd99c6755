/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/live.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/live_impl.h"

#define SNAPLEN_DEFAULT 256
#define SNAPLEN_MAX     65536
#define BUFFER_DEFAULT  (32u << 20)
#define BUFFER_MAX      (1u << 30)
#define WAIT_MS_DEFAULT 100

bool weir_live_wait(const struct weir_live *live)
{
    struct pollfd wait = {.fd = live->fd, .events = POLLIN};
    return poll(&wait, 1, live->wait_ms) > 0;
}

int weir_live_refused(const struct weir_live *live, const char *what, int reason,
                      struct weir_diag *diag)
{
    if (reason == EPERM || reason == EACCES)
        return weir_diag_set(diag, WEIR_E_IO,
                             "%s: not permitted: capturing needs root or CAP_NET_RAW",
                             live->interface);
    return weir_diag_set(diag, WEIR_E_IO, "%s: %s: %s", live->interface, what, strerror(reason));
}

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

static struct weir_source *source_new(const struct weir_live_way *way, const char *interface,
                                      const struct weir_live_options *options)
{
    struct weir_source *source = calloc(1, sizeof(*source));
    struct weir_live *live = calloc(1, way->state_octets);
    char *name = strdup(interface);
    if (!source || !live || !name) {
        free(source);
        free(live);
        free(name);
        return NULL;
    }
    *live = (struct weir_live){
        .interface = name,
        .way = way,
        .options = options,
        .snaplen = options->snaplen ? options->snaplen : SNAPLEN_DEFAULT,
        .buffer_octets = options->buffer_octets ? options->buffer_octets : BUFFER_DEFAULT,
        .wait_ms = (int)(options->wait_ms ? options->wait_ms : WAIT_MS_DEFAULT),
        .fd = -1,
    };
    if (options->no_wait)
        live->wait_ms = 0;
    source->format = &way->format;
    source->state = live;
    source->name = name;
    source->first_interface = options->first_interface;
    return source;
}

static int open_way(const struct weir_live_way *way, const char *interface,
                    const struct weir_live_options *options, struct weir_source **ret_source,
                    struct weir_diag *diag)
{
    struct weir_source *source = source_new(way, interface, options);
    if (!source)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to capture", interface);
    struct weir_live *live = source->state;
    int result = way->open(source, diag);
    if (result < 0) {
        weir_source_close(source);
        return result;
    }
    live->options = NULL;
    *ret_source = source;
    return 0;
}

/* The ways of each method, to be tried in this order. */
#define WAYS_MAX 2
static const struct weir_live_way *const ways[WEIR_LIVE_METHOD_COUNT][WAYS_MAX] = {
    [WEIR_LIVE_AUTO] = {&weir_live_ring, &weir_live_pcap},
    [WEIR_LIVE_RING] = {&weir_live_ring},
    [WEIR_LIVE_PCAP] = {&weir_live_pcap},
    [WEIR_LIVE_XDP] = {&weir_live_xdp},
};

static int check(const struct weir_live_options *options, struct weir_diag *diag)
{
    if (options->snaplen > SNAPLEN_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "a snaplen of %u; %d is the most",
                             options->snaplen, SNAPLEN_MAX);
    if (options->buffer_octets > BUFFER_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "a capture buffer of %u octets; %u is the most",
                             options->buffer_octets, BUFFER_MAX);
    return 0;
}

int weir_live_open(const char *interface, const struct weir_live_options *options,
                   struct weir_source **ret_source, struct weir_diag *diag)
{
    static const struct weir_live_options defaults;
    if (!options)
        options = &defaults;
    int result = check(options, diag);
    if (result < 0)
        return result;
    result = WEIR_E_UNSUPPORTED;
    for (size_t i = 0; i < WAYS_MAX && result == WEIR_E_UNSUPPORTED; i++) {
        const struct weir_live_way *way = ways[options->method][i];
        bool is_for_ring = options->fanout || options->hardware_time;
        if (way && (!is_for_ring || way == &weir_live_ring))
            result = open_way(way, interface, options, ret_source, diag);
    }
    if (result < 0 && if_nametoindex(interface) == 0 && strcmp(interface, "any") != 0)
        return no_such_interface(interface, diag);
    if (result == WEIR_E_UNSUPPORTED)
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: cannot be captured %s", interface,
                             options->fanout          ? "by several workers"
                             : options->hardware_time ? "with the time of the interface"
                                                      : "in this way");
    return result;
}

int weir_live_fd(const struct weir_source *source)
{
    const struct weir_live *live = source->state;
    return live->fd;
}

void weir_live_end(const struct weir_source *source)
{
    const struct weir_live *live = source->state;
    if (live->way->end)
        live->way->end(source);
}

bool weir_live_tells_direction(const struct weir_source *source)
{
    const struct weir_live *live = source->state;
    return live->tells_direction;
}
