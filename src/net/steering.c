/* SPDX-License-Identifier: Apache-2.0 */
#include "net/steering.h"

#include <linux/filter.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/share.h"

#define NETWORK(offset) ((uint32_t)SKF_NET_OFF + (offset))
#define V4_SOURCE       12u
#define V6_SOURCE       8u

/* A = word; A += X */
#define ADD_WORD(offset)                                                                  \
    BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(offset)), \
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0)
#define MULTIPLY(factor) BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, factor)

static int set_program(int fd, int option, struct sock_filter *steps, size_t count)
{
    const struct sock_fprog program = {.len = (unsigned short)count, .filter = steps};
    return setsockopt(fd, SOL_SOCKET, option, &program, sizeof(program)) < 0 ? WEIR_E_IO : 0;
}

int weir_steering_prepare(int socket)
{
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    int on = 1;
    if (setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return WEIR_E_IO;
    return set_program(socket, SO_ATTACH_FILTER, nothing, 1);
}

/* weir_share_of, step by step. */
static int attach(int socket, uint32_t count)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NETWORK(0)),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(V4_SOURCE)),
        BPF_STMT(BPF_JMP | BPF_JA, 13),
        /* IPv6 */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(V6_SOURCE)),
        MULTIPLY(WEIR_SHARE_FACTOR_1),
        ADD_WORD(V6_SOURCE + 4),
        MULTIPLY(WEIR_SHARE_FACTOR_1),
        ADD_WORD(V6_SOURCE + 8),
        MULTIPLY(WEIR_SHARE_FACTOR_1),
        ADD_WORD(V6_SOURCE + 12),
        /* both */
        MULTIPLY(WEIR_SHARE_FACTOR_1),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        MULTIPLY(WEIR_SHARE_FACTOR_2),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    return set_program(socket, SO_ATTACH_REUSEPORT_CBPF, steps, sizeof(steps) / sizeof(steps[0]));
}

int weir_steering_begin(const int *sockets, uint32_t count)
{
    int result = attach(sockets[0], count);
    for (uint32_t i = 0; i < count && result == 0; i++) {
        int unused = 0;
        if (setsockopt(sockets[i], SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) < 0)
            result = WEIR_E_IO;
    }
    return result;
}
