/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture through a ring of blocks that the kernel fills (AF_PACKET, TPACKET_V3): Ethernet and
 * loopback interfaces, and those without a link header. Frames stay where the kernel put them; a
 * block goes back once all of it has been taken.
 */
/* Before what the kernel's headers have of it. */
#include <net/if.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/share.h"
#include "packet/filter.h"
#include "packet/live_impl.h"

/* A block stays in the second-level cache, and is handed over at the latest after so long. */
#define BLOCK_OCTETS (256u << 10)
#define BLOCK_MS     10u

/* Where room is asked for only formally: frames are packed as they come. */
#define FRAME_OCTETS 2048u

#define MACS_OCTETS 12u
#define TAG_OCTETS  4u

struct ring {
    struct weir_live live;
    uint8_t *map;
    size_t map_octets;
    unsigned block_count;
    unsigned block;                /* the next, or the one that is held */
    bool holds;                    /* frames of `block` may be in use */
    unsigned left;                 /* frames of it that were not taken yet */
    const struct tpacket3_hdr *at; /* the first of them */
    unsigned if_index;
    uint16_t link_type;
    bool shares_interface;   /* with one opened before it, which counts what the interface drops */
    uint32_t dropped_before; /* the interface's counter, which wraps */
};

static struct tpacket_block_desc *block_of(const struct ring *ring)
{
    return (void *)(ring->map + (size_t)ring->block * BLOCK_OCTETS);
}

/* ---- Taking frames ---- */

/* A VLAN tag that the kernel took off goes back in, into room that the ring leaves for it. */
static uint8_t *restore_tag(const struct tpacket3_hdr *header, uint8_t *octets)
{
    uint8_t *moved = octets - TAG_OCTETS;
    uint16_t type =
        header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->hv1.tp_vlan_tpid : ETH_P_8021Q;
    memmove(moved, octets, MACS_OCTETS);
    weir_store_be16(moved + MACS_OCTETS, type);
    weir_store_be16(moved + MACS_OCTETS + 2, (uint16_t)header->hv1.tp_vlan_tci);
    return moved;
}

static void take_frame(struct weir_source *source, const struct tpacket3_hdr *header,
                       struct weir_frame *frame)
{
    const struct ring *ring = source->state;
    uint8_t *start = ring->map + ((const uint8_t *)header - ring->map);
    const struct sockaddr_ll *from = (const void *)(start + TPACKET_ALIGN((int)sizeof(*header)));
    *frame = (struct weir_frame){
        .octets = start + header->tp_mac,
        .captured = header->tp_snaplen,
        .wire_octets = header->tp_len,
        .time_ns = header->tp_sec * WEIR_NS_PER_SECOND + header->tp_nsec,
        .link_type = ring->link_type,
        .interface = source->first_interface,
        .is_egress = from->sll_pkttype == PACKET_OUTGOING,
    };
    if (header->tp_status & TP_STATUS_VLAN_VALID && ring->link_type == WEIR_LINK_ETHERNET &&
        frame->captured >= MACS_OCTETS) {
        frame->octets = restore_tag(header, start + header->tp_mac);
        frame->captured += TAG_OCTETS;
        frame->wire_octets += TAG_OCTETS;
    }
    if (header->tp_status & TP_STATUS_TS_RAW_HARDWARE)
        source->counters.packets_time_hardware++;
}

static void give_back(struct ring *ring)
{
    if (!ring->holds)
        return;
    __atomic_store_n(&block_of(ring)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    ring->holds = false;
    ring->block = ring->block + 1 == ring->block_count ? 0 : ring->block + 1;
}

/* Goes to the next block that has frames. False: the kernel has filled none. */
static bool find_block(struct ring *ring)
{
    while (ring->left == 0) {
        give_back(ring);
        struct tpacket_block_desc *block = block_of(ring);
        uint32_t status = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
        if (!(status & TP_STATUS_USER))
            return false;
        ring->holds = true;
        ring->left = block->hdr.bh1.num_pkts;
        ring->at = (const void *)((const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
    }
    return true;
}

static size_t take_frames(struct weir_source *source, struct weir_frame *frames, size_t capacity)
{
    struct ring *ring = source->state;
    if (!find_block(ring))
        return 0;
    size_t count = ring->left < capacity ? ring->left : capacity;
    for (size_t i = 0; i < count; i++) {
        const struct tpacket3_hdr *header = ring->at;
        ring->at = (const void *)((const uint8_t *)header + header->tp_next_offset);
        __builtin_prefetch(ring->at);
        take_frame(source, header, &frames[i]);
    }
    ring->left -= (unsigned)count;
    return count;
}

/* Nothing came: is there still an interface? One that is only down may come back. */
static int check_interface(const struct ring *ring, struct weir_diag *diag)
{
    int reason = 0;
    socklen_t length = sizeof(reason);
    if (getsockopt(ring->live.fd, SOL_SOCKET, SO_ERROR, &reason, &length) < 0 || reason == 0)
        return WEIR_E_AGAIN;
    if (reason == ENETDOWN && if_nametoindex(ring->live.interface) == ring->if_index)
        return WEIR_E_AGAIN;
    return weir_diag_set(diag, WEIR_E_IO, "%s: %s", ring->live.interface,
                         reason == ENETDOWN ? "the interface is gone" : strerror(reason));
}

static int ring_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                     size_t *ret_count, struct weir_diag *diag)
{
    struct ring *ring = source->state;
    size_t count = take_frames(source, frames, capacity);
    if (count == 0 && ring->live.wait_ms > 0 && weir_live_wait(&ring->live))
        count = take_frames(source, frames, capacity);
    *ret_count = count;
    return count > 0 ? 0 : check_interface(ring, diag);
}

/* ---- Counting ---- */

/* What the interface says it has dropped for want of room, by its 32-bit counters. */
static uint32_t dropped_by_interface(const struct ring *ring)
{
    uint32_t dropped = ring->dropped_before;
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return dropped;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        const struct rtnl_link_stats *stats = at->ifa_data;
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_PACKET && stats &&
            strcmp(at->ifa_name, ring->live.interface) == 0)
            dropped = stats->rx_missed_errors + stats->rx_fifo_errors;
    }
    freeifaddrs(all);
    return dropped;
}

/* The kernel's counters are since they were last asked for. */
static void ring_count(struct weir_source *source)
{
    struct ring *ring = source->state;
    struct tpacket_stats_v3 stats;
    socklen_t length = sizeof(stats);
    if (getsockopt(ring->live.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0)
        source->counters.packets_dropped_kernel += stats.tp_drops;
    if (ring->shares_interface)
        return;
    uint32_t dropped = dropped_by_interface(ring);
    source->counters.packets_dropped_interface += dropped - ring->dropped_before;
    ring->dropped_before = dropped;
}

/* ---- Opening ---- */

/* How frames of this interface begin. WEIR_E_UNSUPPORTED: in a way that libpcap knows better. */
static int find_link_type(struct ring *ring)
{
    struct ifreq request = {0};
    strncpy(request.ifr_name, ring->live.interface, IFNAMSIZ - 1);
    if (ioctl(ring->live.fd, SIOCGIFHWADDR, &request) < 0)
        return WEIR_E_UNSUPPORTED;
    switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        ring->link_type = WEIR_LINK_ETHERNET;
        return 0;
    case ARPHRD_NONE:
        ring->link_type = WEIR_LINK_RAW;
        return 0;
    default:
        return WEIR_E_UNSUPPORTED;
    }
}

static int refused(const struct ring *ring, const char *what, struct weir_diag *diag)
{
    return weir_live_refused(&ring->live, what, errno, diag);
}

static int set_option(const struct ring *ring, int option, const void *value, size_t octets,
                      const char *what, struct weir_diag *diag)
{
    if (setsockopt(ring->live.fd, SOL_PACKET, option, value, (socklen_t)octets) < 0)
        return refused(ring, what, diag);
    return 0;
}

/* Has the interface note when frames arrive, all of them. */
static int ask_for_hardware_time(const struct ring *ring, struct weir_diag *diag)
{
    const char *name = ring->live.interface;
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    struct ifreq request = {.ifr_data = (void *)&info};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(ring->live.fd, SIOCETHTOOL, &request) < 0 ||
        !(info.so_timestamping & SOF_TIMESTAMPING_RAW_HARDWARE) ||
        !(info.rx_filters & 1u << HWTSTAMP_FILTER_ALL))
        return weir_diag_set(diag, WEIR_E_USAGE, "%s: the interface does not time all frames",
                             name);
    struct hwtstamp_config config = {.tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_ALL};
    request.ifr_data = (void *)&config;
    if (ioctl(ring->live.fd, SIOCSHWTSTAMP, &request) < 0)
        return errno == EPERM
                   ? weir_diag_set(diag, WEIR_E_IO,
                                   "%s: not permitted: to have the interface time frames needs "
                                   "root or CAP_NET_ADMIN",
                                   name)
                   : refused(ring, "timing frames by the interface", diag);
    int source = SOF_TIMESTAMPING_RAW_HARDWARE;
    return set_option(ring, PACKET_TIMESTAMP, &source, sizeof(source),
                      "timing frames by the interface", diag);
}

static int attach_steps(const struct ring *ring, struct sock_filter *steps, uint16_t count,
                        struct weir_diag *diag)
{
    struct sock_fprog program = {.len = count, .filter = steps};
    if (setsockopt(ring->live.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
        return refused(ring, "a filter in the kernel", diag);
    return 0;
}

static int attach_filter(const struct ring *ring, struct weir_diag *diag)
{
    struct weir_filter_steps steps;
    int result = weir_filter_compile_kernel(ring->live.options->filter, ring->link_type,
                                            ring->live.snaplen, &steps, diag);
    if (result < 0)
        return result;
    result = attach_steps(ring, steps.steps, steps.count, diag);
    weir_filter_steps_done(&steps);
    return result;
}

/* So that nothing more comes in: until it shares the interface with others, and at the end. */
static int attach_nothing(const struct ring *ring, struct weir_diag *diag)
{
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    return attach_steps(ring, nothing, 1, diag);
}

#define NETWORK(offset) ((uint32_t)SKF_NET_OFF + (offset))
#define V4_ADDRESSES    12u
#define V6_ADDRESSES    8u

/* A += the word */
#define ADD_WORD(offset)                                                                  \
    BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(offset)), \
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0)

/*
 * The sum of both addresses, mixed: it is the same both ways. Ports take no part, since fragments
 * have none, and would come to another source than the rest of their flow.
 */
static int choose_by_addresses(const struct ring *ring, struct weir_diag *diag)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(V4_ADDRESSES)),
        ADD_WORD(V4_ADDRESSES + 4),
        BPF_STMT(BPF_JMP | BPF_JA, 24),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK(V6_ADDRESSES)),
        ADD_WORD(V6_ADDRESSES + 4),
        ADD_WORD(V6_ADDRESSES + 8),
        ADD_WORD(V6_ADDRESSES + 12),
        ADD_WORD(V6_ADDRESSES + 16),
        ADD_WORD(V6_ADDRESSES + 20),
        ADD_WORD(V6_ADDRESSES + 24),
        ADD_WORD(V6_ADDRESSES + 28),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, WEIR_SHARE_FACTOR_1),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, WEIR_SHARE_FACTOR_2),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = {.len = sizeof(steps) / sizeof(steps[0]), .filter = steps};
    return set_option(ring, PACKET_FANOUT_DATA, &program, sizeof(program), "sharing an interface",
                      diag);
}

/* Joins the sources that share the interface; the first finds them a number that nobody has. */
static int share(const struct ring *ring, struct weir_live_fanout *fanout, struct weir_diag *diag)
{
    bool is_first = fanout->begun == 0;
    unsigned kind = PACKET_FANOUT_CBPF | (is_first ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
    int group = (int)(kind << 16 | (is_first ? 0u : fanout->id));
    int result =
        set_option(ring, PACKET_FANOUT, &group, sizeof(group), "sharing an interface", diag);
    if (result < 0)
        return result;
    socklen_t length = sizeof(group);
    if (is_first && getsockopt(ring->live.fd, SOL_PACKET, PACKET_FANOUT, &group, &length) < 0)
        return refused(ring, "sharing an interface", diag);
    fanout->id = (uint16_t)group;
    fanout->begun++;
    return is_first ? choose_by_addresses(ring, diag) : 0;
}

static int map_ring(struct ring *ring, struct weir_diag *diag)
{
    int version = TPACKET_V3;
    unsigned reserve = TAG_OCTETS;
    ring->block_count = ring->live.buffer_octets / BLOCK_OCTETS;
    if (ring->block_count < 2)
        ring->block_count = 2;
    struct tpacket_req3 request = {
        .tp_block_size = BLOCK_OCTETS,
        .tp_block_nr = ring->block_count,
        .tp_frame_size = FRAME_OCTETS,
        .tp_frame_nr = ring->block_count * (BLOCK_OCTETS / FRAME_OCTETS),
        .tp_retire_blk_tov = BLOCK_MS,
    };
    int result = set_option(ring, PACKET_VERSION, &version, sizeof(version), "TPACKET_V3", diag);
    if (result == 0)
        result = set_option(ring, PACKET_RESERVE, &reserve, sizeof(reserve), "a ring", diag);
    if (result == 0)
        result = set_option(ring, PACKET_RX_RING, &request, sizeof(request), "a ring", diag);
    if (result < 0)
        return result;
    size_t octets = (size_t)ring->block_count * BLOCK_OCTETS;
    void *map = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, ring->live.fd, 0);
    if (map == MAP_FAILED)
        return refused(ring, "a ring", diag);
    ring->map = map;
    ring->map_octets = octets;
    return 0;
}

/* From here on frames come in: those of this interface, and loopback's only once. */
static int begin(struct ring *ring, struct weir_diag *diag)
{
    const struct weir_live_options *options = ring->live.options;
    struct packet_mreq promiscuous = {.mr_ifindex = (int)ring->if_index,
                                      .mr_type = PACKET_MR_PROMISC};
    int ignore = strcmp(ring->live.interface, "lo") == 0;
    int result = set_option(ring, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore),
                            "not to see what goes out", diag);
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)ring->if_index};
    if (result == 0 && bind(ring->live.fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return refused(ring, "capturing", diag);
    if (result == 0 && options->promiscuous)
        result = set_option(ring, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous),
                            "what is for others", diag);
    return result;
}

static int ring_open(struct weir_source *source, struct weir_diag *diag)
{
    struct ring *ring = source->state;
    ring->if_index = if_nametoindex(ring->live.interface);
    if (ring->if_index == 0)
        return WEIR_E_UNSUPPORTED;
    /* Without a protocol it receives nothing yet. */
    ring->live.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ring->live.fd < 0)
        return refused(ring, "capturing", diag);
    int result = find_link_type(ring);
    if (result == 0)
        result = map_ring(ring, diag);
    if (result == 0 && ring->live.options->hardware_time)
        result = ask_for_hardware_time(ring, diag);
    struct weir_live_fanout *fanout = ring->live.options->fanout;
    if (result == 0)
        result = fanout ? attach_nothing(ring, diag) : attach_filter(ring, diag);
    if (result == 0)
        result = begin(ring, diag);
    if (result == 0 && fanout)
        result = share(ring, fanout, diag);
    if (result == 0 && fanout)
        result = attach_filter(ring, diag);
    ring->live.tells_direction = true;
    ring->shares_interface = fanout && fanout->begun > 1;
    ring->dropped_before = dropped_by_interface(ring);
    return result;
}

static void ring_end(const struct weir_source *source)
{
    struct weir_diag unused;
    (void)!attach_nothing(source->state, &unused);
}

static void ring_stop(struct weir_source *source)
{
    struct ring *ring = source->state;
    if (ring->map)
        munmap(ring->map, ring->map_octets);
    if (ring->live.fd >= 0)
        close(ring->live.fd);
    free(ring->live.interface);
    free(ring);
}

const struct weir_live_way weir_live_ring = {
    .format = {.next = ring_next, .count = ring_count, .stop = ring_stop},
    .state_octets = sizeof(struct ring),
    .open = ring_open,
    .end = ring_end,
};
