/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pair of Ethernet interfaces in a network namespace of this process's own, weir0 and weir1: what
 * is sent by one comes in at the other, and nothing else does. Once a process.
 */
#ifndef WEIR_TESTS_VETH_H
#define WEIR_TESTS_VETH_H

/* Before what the kernel's headers have of it. */
#include <net/if.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka.h"

/* Nothing is sent by these by itself: where the kernel has IPv6, they get no address of it. */
static inline bool veth_pair(const char *one, const char *other)
{
    char command[400];
    snprintf(command, sizeof(command),
             "ip link add %s type veth peer name %s && "
             "{ ip link set %s addrgenmode none; ip link set %s addrgenmode none; true; } "
             ">/dev/null 2>&1 && "
             "ip link set %s up && ip link set %s up",
             one, other, one, other, one, other);
    return system(command) == 0;
}

/* False where this user or machine cannot have it. */
static inline bool veth_enter(void)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    return veth_pair("weir0", "weir1") && system("ip link set lo up") == 0;
}

static inline void veth_enter_or_skip(void)
{
    if (!veth_enter()) {
        printf("1..0 # SKIP no network namespace with interfaces of its own can be made\n");
        exit(0);
    }
}

/* A socket to send frames with as they are. */
static inline int veth_open(const char *interface)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_ifindex = (int)if_nametoindex(interface)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void veth_send(int fd, const uint8_t *octets, size_t length)
{
    assert_int_equal(send(fd, octets, length, 0), length);
}

/* Makes an Ethernet frame of UDP over IPv4, in VLAN `vlan` unless that is 0; returns its length. */
static inline size_t veth_udp(uint8_t *octets, uint16_t vlan, uint16_t src_port, size_t payload)
{
    size_t at = 12;
    memset(octets, 0, 50 + payload);
    memset(octets, 2, 12);
    if (vlan) {
        octets[at] = 0x81;
        octets[at + 2] = (uint8_t)(vlan >> 8);
        octets[at + 3] = (uint8_t)vlan;
        at += 4;
    }
    octets[at] = 8;
    uint8_t *ip = octets + at + 2;
    uint16_t length = (uint16_t)(28 + payload);
    const uint8_t header[] = {0x45,
                              0,
                              (uint8_t)(length >> 8),
                              (uint8_t)length,
                              0,
                              0,
                              0,
                              0,
                              64,
                              17,
                              0,
                              0,
                              192,
                              0,
                              2,
                              1,
                              192,
                              0,
                              2,
                              2};
    memcpy(ip, header, sizeof(header));
    ip[20] = (uint8_t)(src_port >> 8);
    ip[21] = (uint8_t)src_port;
    ip[23] = 53;
    ip[24] = (uint8_t)((8 + payload) >> 8);
    ip[25] = (uint8_t)(8 + payload);
    return at + 2 + length;
}

#endif
