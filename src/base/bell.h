/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bell between two threads: one sleeps until the other has something for it, and who rings one
 * that nobody listens to pays no system call.
 *
 *     weir_bell_arm(&bell);                           // the sleeper: first arm, then look again
 *     if (nothing_there()) poll(weir_bell_fd(&bell), ...);
 *     weir_bell_disarm(&bell);
 *
 *     atomic_store(&something, ...);                  // the other: first the news, then the bell
 *     weir_bell_ring(&bell);
 *
 * What is looked at between has to be atomic and sequentially consistent (the default of
 * stdatomic.h), or a ring can be missed. Threads: one sleeper, any number that ring.
 */
#ifndef WEIR_BASE_BELL_H
#define WEIR_BASE_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct weir_bell {
    int fd; /* an eventfd; -1: closed */
    atomic_bool armed;
};

/* 0, or WEIR_E_IO: the system has no more descriptors. */
WEIR_CHECKED int weir_bell_open(struct weir_bell *bell);
void weir_bell_close(struct weir_bell *bell);

/* Readable from the ring on until it is disarmed. */
static inline int weir_bell_fd(const struct weir_bell *bell)
{
    return bell->fd;
}

void weir_bell_arm(struct weir_bell *bell);
void weir_bell_disarm(struct weir_bell *bell);

/* Sleeps until it rings, or for timeout_ms (-1: for ever); it is to be armed, and is disarmed. */
void weir_bell_sleep(struct weir_bell *bell, int timeout_ms);

void weir_bell_wake(struct weir_bell *bell);

static inline void weir_bell_ring(struct weir_bell *bell)
{
    if (atomic_exchange(&bell->armed, false))
        weir_bell_wake(bell);
}

#endif
