/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of one UDP port among which the kernel divides datagrams by the address of who sent them,
 * as base/share.h does: all of one exporter come to one socket.
 *
 * Until all sockets of the port are there the division would be another one, so each is deaf from
 * before it is bound until weir_steering_begin. Linux only: SO_REUSEPORT with a classic BPF
 * program.
 *
 * Threads: any; the sockets are the caller's.
 */
#ifndef WEIR_NET_STEERING_H
#define WEIR_NET_STEERING_H

#include <stdint.h>

#include "base/error.h"

/* Before bind: the socket shares its port and hears nothing. 0, or WEIR_E_IO with errno. */
WEIR_CHECKED int weir_steering_prepare(int socket);

/*
 * After bind: these sockets, in this order, take shares 0 to count - 1. 0, or WEIR_E_IO with errno.
 */
WEIR_CHECKED int weir_steering_begin(const int *sockets, uint32_t count);

#endif
