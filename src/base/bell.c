/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bell.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int weir_bell_open(struct weir_bell *bell)
{
    atomic_init(&bell->armed, false);
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell->fd < 0 ? WEIR_E_IO : 0;
}

void weir_bell_close(struct weir_bell *bell)
{
    if (bell->fd >= 0)
        close(bell->fd);
    bell->fd = -1;
}

void weir_bell_arm(struct weir_bell *bell)
{
    atomic_store(&bell->armed, true);
}

void weir_bell_disarm(struct weir_bell *bell)
{
    uint64_t count;
    atomic_store(&bell->armed, false);
    (void)!read(bell->fd, &count, sizeof(count));
}

void weir_bell_sleep(struct weir_bell *bell, int timeout_ms)
{
    struct pollfd rung = {.fd = bell->fd, .events = POLLIN};
    (void)poll(&rung, 1, timeout_ms);
    weir_bell_disarm(bell);
}

void weir_bell_wake(struct weir_bell *bell)
{
    const uint64_t one = 1;
    (void)!write(bell->fd, &one, sizeof(one));
}
