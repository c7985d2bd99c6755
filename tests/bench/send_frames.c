/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: send_frames INTERFACE CAPTURE RATE COUNT
 *
 * Sends COUNT frames of a capture, from its beginning again where it has fewer, by an interface and
 * RATE a second (0: as fast as it can), past the queueing discipline. Each is as long as on the
 * wire; what the capture does not hold is zeros. Prints how many went out and in how many seconds.
 */
/* Before what the kernel's headers have of it. */
#include <net/if.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packet/source.h"

#define FRAMES_MAX   200000u
#define FRAME_OCTETS 1514u
#define BATCH        64u

struct frames {
    uint8_t *octets;
    uint32_t starts[FRAMES_MAX];
    uint16_t lengths[FRAMES_MAX];
    size_t count;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what)
{
    fprintf(stderr, "send_frames: %s: %s\n", what, strerror(errno));
    return 1;
}

static int load(const char *path, struct frames *frames)
{
    struct weir_source *source;
    struct weir_diag diag = {0};
    struct weir_frame found[256];
    size_t count, at = 0;
    frames->octets = calloc(FRAMES_MAX, FRAME_OCTETS);
    if (!frames->octets || weir_source_open(path, NULL, &source, &diag) < 0) {
        fprintf(stderr, "send_frames: %s\n", diag.text);
        return -1;
    }
    while (frames->count < FRAMES_MAX && weir_source_next(source, found, 256, &count, &diag) == 0) {
        for (size_t i = 0; i < count && frames->count < FRAMES_MAX; i++) {
            uint32_t length =
                found[i].wire_octets < FRAME_OCTETS ? found[i].wire_octets : FRAME_OCTETS;
            memcpy(frames->octets + at, found[i].octets,
                   found[i].captured < length ? found[i].captured : length);
            frames->starts[frames->count] = (uint32_t)at;
            frames->lengths[frames->count++] = (uint16_t)length;
            at += length;
        }
    }
    weir_source_close(source);
    return 0;
}

static int open_socket(const char *interface)
{
    int bypass = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_ifindex = (int)if_nametoindex(interface)};
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) < 0)
        return -1;
    return fd;
}

/* The next frames; how many of them went out. */
static int send_batch(int fd, const struct frames *frames, size_t first, unsigned count)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec pieces[BATCH];
    for (unsigned i = 0; i < count; i++) {
        size_t frame = (first + i) % frames->count;
        pieces[i] = (struct iovec){frames->octets + frames->starts[frame], frames->lengths[frame]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
    }
    return sendmmsg(fd, messages, count, 0);
}

int main(int argc, char **argv)
{
    static struct frames frames;
    if (argc != 5)
        return 2;
    double rate = strtod(argv[3], NULL);
    size_t wanted = strtoull(argv[4], NULL, 10);
    int fd = open_socket(argv[1]);
    if (fd < 0)
        return fail(argv[1]);
    if (load(argv[2], &frames) < 0 || frames.count == 0)
        return 1;
    double started = now_s();
    size_t sent = 0;
    while (sent < wanted) {
        unsigned count = wanted - sent < BATCH ? (unsigned)(wanted - sent) : BATCH;
        double due = rate > 0 ? started + (double)sent / rate : 0;
        while (now_s() < due)
            ;
        int went = send_batch(fd, &frames, sent, count);
        if (went < 0 && errno != ENOBUFS && errno != EAGAIN)
            return fail("sending");
        sent += went > 0 ? (size_t)went : 0;
    }
    printf("%zu %.6f\n", sent, now_s() - started);
    close(fd);
    return 0;
}
