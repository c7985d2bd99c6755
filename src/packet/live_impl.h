/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is behind packet/live.h: the ways to capture, each a row with its operations. Private to
 * packet/.
 *
 * The state of a way begins with struct weir_live, which live.c fills; `open` does the rest. What
 * `open` has begun when it fails, the format's `stop` ends.
 */
#ifndef WEIR_PACKET_LIVE_IMPL_H
#define WEIR_PACKET_LIVE_IMPL_H

#include "packet/live.h"
#include "packet/source_impl.h"

struct weir_live_way;

struct weir_live {
    char *interface;
    const struct weir_live_way *way;
    const struct weir_live_options *options; /* during `open` only */
    uint32_t snaplen;
    uint32_t buffer_octets;
    int wait_ms;
    int fd; /* to wait on; -1 before it is open */
    bool tells_direction;
};

struct weir_live_way {
    struct weir_source_format format;
    size_t state_octets;
    /* 0; WEIR_E_UNSUPPORTED where another way has to be taken; or an error as weir_live_open(). */
    int (*open)(struct weir_source *source, struct weir_diag *diag);
    void (*end)(const struct weir_source *source); /* as weir_live_end; may be NULL */
};

extern const struct weir_live_way weir_live_ring;
extern const struct weir_live_way weir_live_pcap;
extern const struct weir_live_way weir_live_xdp;

/* Waits for the descriptor to be readable, as long as the options say. False: it is not. */
bool weir_live_wait(const struct weir_live *live);

/* "NAME: not permitted ...", or what else the system says of `reason`, an errno. */
int weir_live_refused(const struct weir_live *live, const char *what, int reason,
                      struct weir_diag *diag);

#endif
