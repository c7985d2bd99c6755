/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture through AF_XDP: a program at the driver hands all that comes in to sockets, one for each
 * queue of the interface, past the rest of the kernel and so also past whoever else is on this
 * machine. Frames stay in memory that is shared with the kernel until the next call. What goes out
 * is not seen, and time is that of taking, since frames bring none.
 *
 * The program is attached by a link, which the kernel undoes when this process ends, however it
 * does: an interface never stays cut off.
 */
/* Before what the kernel's headers have of it. */
#include <net/if.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "base/clock.h"
#include "packet/live_impl.h"

#define QUEUES_MAX   64u
#define FRAME_OCTETS 4096u /* longer frames than fit are not captured */
#define HELD_MAX     256u

struct queue {
    struct xsk_umem *memory;
    struct xsk_socket *socket;
    struct xsk_ring_prod fill;
    struct xsk_ring_cons completion;
    struct xsk_ring_cons received;
    uint8_t *area;
    size_t area_octets;
    uint32_t held_count; /* frames that the caller may be looking at */
    uint64_t held[HELD_MAX];
    uint64_t dropped_before;
};

struct live_xdp {
    struct weir_live live;
    int promiscuous_fd;
    int map_fd;
    int program_fd;
    int link_fd;
    unsigned if_index;
    unsigned next_queue; /* to be looked at first, so that none is last for ever */
    unsigned queue_count;
    struct queue queues[QUEUES_MAX];
};

/* ---- Taking frames ---- */

static void give_back(struct queue *queue)
{
    uint32_t at = 0;
    /* There is room: the ring holds all frames there are. */
    if (queue->held_count == 0 ||
        xsk_ring_prod__reserve(&queue->fill, queue->held_count, &at) != queue->held_count)
        return;
    for (uint32_t i = 0; i < queue->held_count; i++)
        *xsk_ring_prod__fill_addr(&queue->fill, at + i) = queue->held[i];
    xsk_ring_prod__submit(&queue->fill, queue->held_count);
    queue->held_count = 0;
}

static size_t take_queue(struct weir_source *source, struct queue *queue, int64_t now_ns,
                         struct weir_frame *frames, size_t capacity)
{
    const struct live_xdp *own = source->state;
    uint32_t at;
    uint32_t most = capacity < HELD_MAX ? (uint32_t)capacity : HELD_MAX;
    uint32_t count = xsk_ring_cons__peek(&queue->received, most, &at);
    for (uint32_t i = 0; i < count; i++) {
        const struct xdp_desc *found = xsk_ring_cons__rx_desc(&queue->received, at + i);
        queue->held[i] = found->addr;
        frames[i] = (struct weir_frame){
            .octets = queue->area + found->addr,
            .captured = found->len < own->live.snaplen ? found->len : own->live.snaplen,
            .wire_octets = found->len,
            .time_ns = now_ns,
            .link_type = WEIR_LINK_ETHERNET,
            .interface = source->first_interface,
        };
    }
    if (count > 0)
        xsk_ring_cons__release(&queue->received, count);
    queue->held_count = count;
    return count;
}

static size_t take_frames(struct weir_source *source, struct weir_frame *frames, size_t capacity)
{
    struct live_xdp *own = source->state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = now.tv_sec * WEIR_NS_PER_SECOND + now.tv_nsec;
    size_t count = 0;
    for (unsigned i = 0; i < own->queue_count; i++)
        give_back(&own->queues[i]);
    unsigned first = own->next_queue < own->queue_count ? own->next_queue : 0;
    for (unsigned i = first; i < own->queue_count && count < capacity; i++)
        count += take_queue(source, &own->queues[i], now_ns, frames + count, capacity - count);
    for (unsigned i = 0; i < first && count < capacity; i++)
        count += take_queue(source, &own->queues[i], now_ns, frames + count, capacity - count);
    own->next_queue = first + 1;
    return count;
}

static int xdp_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                    size_t *ret_count, struct weir_diag *diag)
{
    const struct live_xdp *own = source->state;
    size_t count = take_frames(source, frames, capacity);
    if (count == 0 && own->live.wait_ms > 0 && weir_live_wait(&own->live))
        count = take_frames(source, frames, capacity);
    *ret_count = count;
    if (count > 0)
        return 0;
    if (if_nametoindex(own->live.interface) != own->if_index)
        return weir_diag_set(diag, WEIR_E_IO, "%s: the interface is gone", own->live.interface);
    return WEIR_E_AGAIN;
}

static void xdp_count(struct weir_source *source)
{
    struct live_xdp *own = source->state;
    for (unsigned i = 0; i < own->queue_count; i++) {
        struct queue *queue = &own->queues[i];
        struct xdp_statistics stats;
        socklen_t length = sizeof(stats);
        if (getsockopt(xsk_socket__fd(queue->socket), SOL_XDP, XDP_STATISTICS, &stats, &length) < 0)
            continue;
        uint64_t dropped = stats.rx_dropped + stats.rx_ring_full;
        source->counters.packets_dropped_kernel += dropped - queue->dropped_before;
        queue->dropped_before = dropped;
    }
}

/* ---- Opening ---- */

static int refused(const struct live_xdp *own, const char *what, int reason, struct weir_diag *diag)
{
    if (reason == EPERM || reason == EACCES)
        return weir_diag_set(diag, WEIR_E_IO,
                             "%s: not permitted: AF_XDP needs root, or CAP_NET_RAW, CAP_NET_ADMIN "
                             "and CAP_BPF",
                             own->live.interface);
    return weir_live_refused(&own->live, what, reason, diag);
}

/* How many queues the interface receives by. */
static unsigned count_queues(const struct live_xdp *own)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (void *)&channels};
    strncpy(request.ifr_name, own->live.interface, IFNAMSIZ - 1);
    if (ioctl(own->promiscuous_fd, SIOCETHTOOL, &request) < 0)
        return 1;
    unsigned count = channels.combined_count + channels.rx_count;
    return count > 0 ? count : 1;
}

static int open_promiscuous(struct live_xdp *own, struct weir_diag *diag)
{
    struct packet_mreq promiscuous = {.mr_ifindex = (int)own->if_index,
                                      .mr_type = PACKET_MR_PROMISC};
    own->promiscuous_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (own->promiscuous_fd < 0 ||
        (own->live.options->promiscuous &&
         setsockopt(own->promiscuous_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                    sizeof(promiscuous)) < 0))
        return refused(own, "capturing", errno, diag);
    return 0;
}

/* A power of two of frames, so that rings of the same size hold them all. */
static uint32_t frames_of(const struct live_xdp *own)
{
    uint32_t wanted = own->live.buffer_octets / FRAME_OCTETS / own->queue_count;
    uint32_t frames = HELD_MAX;
    while (frames * 2 <= wanted)
        frames *= 2;
    return frames;
}

static int open_queue(struct live_xdp *own, unsigned index, struct weir_diag *diag)
{
    struct queue *queue = &own->queues[index];
    uint32_t frames = frames_of(own);
    const struct xsk_umem_config memory = {
        .fill_size = frames,
        .comp_size = XSK_RING_CONS__DEFAULT_NUM_DESCS,
        .frame_size = FRAME_OCTETS,
    };
    const struct xsk_socket_config socket = {
        .rx_size = frames,
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
    };
    size_t octets = (size_t)frames * FRAME_OCTETS;
    void *area = mmap(NULL, octets, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (area == MAP_FAILED)
        return weir_diag_set(diag, WEIR_E_NOMEM, "%s: no memory to capture", own->live.interface);
    queue->area = area;
    queue->area_octets = octets;
    int result =
        xsk_umem__create(&queue->memory, area, octets, &queue->fill, &queue->completion, &memory);
    if (result == 0)
        result = xsk_socket__create(&queue->socket, own->live.interface, index, queue->memory,
                                    &queue->received, NULL, &socket);
    if (result < 0)
        return refused(own, "AF_XDP", -result, diag);
    uint32_t at = 0;
    if (xsk_ring_prod__reserve(&queue->fill, frames, &at) != frames)
        return refused(own, "AF_XDP", ENOBUFS, diag);
    for (uint32_t i = 0; i < frames; i++)
        *xsk_ring_prod__fill_addr(&queue->fill, at + i) = (uint64_t)i * FRAME_OCTETS;
    xsk_ring_prod__submit(&queue->fill, frames);
    struct epoll_event event = {.events = EPOLLIN};
    int fd = xsk_socket__fd(queue->socket);
    if (epoll_ctl(own->live.fd, EPOLL_CTL_ADD, fd, &event) < 0 ||
        bpf_map_update_elem(own->map_fd, &index, &fd, 0) < 0)
        return refused(own, "AF_XDP", errno, diag);
    return 0;
}

#define STEP(operation, to, from, at, value)                                                  \
    {                                                                                         \
        .code = (operation), .dst_reg = (to), .src_reg = (from), .off = (at), .imm = (value), \
    }

/* return bpf_redirect_map(&map, context->rx_queue_index, XDP_PASS); */
static int load_program(struct live_xdp *own, struct weir_diag *diag)
{
    own->map_fd = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "weir_queues", sizeof(int), sizeof(int),
                                 QUEUES_MAX, NULL);
    if (own->map_fd < 0)
        return refused(own, "AF_XDP", errno, diag);
    const struct bpf_insn steps[] = {
        STEP(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
             offsetof(struct xdp_md, rx_queue_index), 0),
        STEP(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, own->map_fd),
        STEP(0, 0, 0, 0, 0),
        STEP(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS),
        STEP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
        STEP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    own->program_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "weir_capture", "Apache-2.0", steps,
                                    sizeof(steps) / sizeof(steps[0]), NULL);
    return own->program_fd < 0 ? refused(own, "AF_XDP", errno, diag) : 0;
}

/* In the driver where it can, else where the kernel has made a packet of the frame. */
static int attach(struct live_xdp *own, struct weir_diag *diag)
{
    static const uint32_t modes[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && own->link_fd < 0; i++) {
        LIBBPF_OPTS(bpf_link_create_opts, options, .flags = modes[i]);
        own->link_fd = bpf_link_create(own->program_fd, (int)own->if_index, BPF_XDP, &options);
    }
    return own->link_fd < 0 ? refused(own, "AF_XDP", errno, diag) : 0;
}

static int xdp_open(struct weir_source *source, struct weir_diag *diag)
{
    struct live_xdp *own = source->state;
    own->promiscuous_fd = own->map_fd = own->program_fd = own->link_fd = -1;
    own->if_index = if_nametoindex(own->live.interface);
    if (own->if_index == 0)
        return WEIR_E_UNSUPPORTED;
    own->live.fd = epoll_create1(EPOLL_CLOEXEC);
    if (own->live.fd < 0)
        return refused(own, "AF_XDP", errno, diag);
    int result = open_promiscuous(own, diag);
    if (result == 0)
        result = load_program(own, diag);
    if (result < 0)
        return result;
    own->queue_count = count_queues(own);
    if (own->queue_count > QUEUES_MAX)
        return weir_diag_set(diag, WEIR_E_LIMIT, "%s: %u queues; AF_XDP takes %u at most",
                             own->live.interface, own->queue_count, QUEUES_MAX);
    for (unsigned i = 0; i < own->queue_count && result == 0; i++)
        result = open_queue(own, i, diag);
    return result < 0 ? result : attach(own, diag);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void xdp_stop(struct weir_source *source)
{
    struct live_xdp *own = source->state;
    close_fd(own->link_fd);
    for (unsigned i = 0; i < own->queue_count && i < QUEUES_MAX; i++) {
        struct queue *queue = &own->queues[i];
        if (queue->socket)
            xsk_socket__delete(queue->socket);
        if (queue->memory)
            xsk_umem__delete(queue->memory);
        if (queue->area)
            munmap(queue->area, queue->area_octets);
    }
    close_fd(own->program_fd);
    close_fd(own->map_fd);
    close_fd(own->promiscuous_fd);
    close_fd(own->live.fd);
    free(own->live.interface);
    free(own);
}

const struct weir_live_way weir_live_xdp = {
    .format = {.next = xdp_next, .count = xdp_count, .stop = xdp_stop},
    .state_octets = sizeof(struct live_xdp),
    .open = xdp_open,
};
