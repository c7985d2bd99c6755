/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x31676e6972726977) /* "wirring1" */

_Static_assert(sizeof(struct weir_ring_header) <= WEIR_RING_BLOCK, "one page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "positions are shared between address spaces");

void weir_segment_name(uint64_t id, char name[WEIR_SEGMENT_NAME_MAX])
{
    snprintf(name, WEIR_SEGMENT_NAME_MAX, "%013llu.pcapng", (unsigned long long)id);
}

/* What the kernel calls this run of the machine; empty where it does not say. */
static void read_boot(char boot[WEIR_RING_BOOT_MAX])
{
    memset(boot, 0, WEIR_RING_BOOT_MAX);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (read(fd, boot, WEIR_RING_BOOT_MAX - 1) < 0)
        boot[0] = 0;
    close(fd);
}

/* Maps the header's page and the ring, whose second copy follows the first. */
static int map_ring(int fd, size_t size, struct weir_ring *ring)
{
    void *header = mmap(NULL, WEIR_RING_BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (header == MAP_FAILED)
        return -1;
    uint8_t *room = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        munmap(header, WEIR_RING_BLOCK);
        return -1;
    }
    for (unsigned copy = 0; copy < 2; copy++)
        if (mmap(room + copy * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                 WEIR_RING_BLOCK) == MAP_FAILED) {
            munmap(room, 2 * size);
            munmap(header, WEIR_RING_BLOCK);
            return -1;
        }
    *ring = (struct weir_ring){.header = header, .octets = room, .size = size};
    return 0;
}

/* The ring's file, with all its room; -1 where the folder cannot have it. */
static int make_file(int folder_fd, size_t size)
{
    int fd = openat(folder_fd, WEIR_RING_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    /* A mapping without room behind it would end the process at a write. */
    if (posix_fallocate(fd, 0, (off_t)(WEIR_RING_BLOCK + size)) != 0) {
        close(fd);
        unlinkat(folder_fd, WEIR_RING_NAME, 0);
        return -1;
    }
    return fd;
}

int weir_ring_open(int folder_fd, size_t size, struct weir_ring *ret_ring)
{
    struct weir_ring ring = {0};
    int fd = make_file(folder_fd, size);
    bool is_file = fd >= 0 && map_ring(fd, size, &ring) == 0;
    if (fd >= 0)
        close(fd);
    if (!is_file) {
        unlinkat(folder_fd, WEIR_RING_NAME, 0);
        fd = memfd_create("weir-ring", MFD_CLOEXEC);
        bool mapped = fd >= 0 && ftruncate(fd, (off_t)(WEIR_RING_BLOCK + size)) == 0 &&
                      map_ring(fd, size, &ring) == 0;
        if (fd >= 0)
            close(fd);
        if (!mapped)
            return WEIR_E_NOMEM;
    }
    ring.is_file = is_file;
    struct weir_ring_header *header = ring.header;
    header->size = size;
    read_boot(header->boot);
    atomic_store(&header->filled, 0);
    atomic_store(&header->written, 0);
    atomic_store(&header->segment_count, 0);
    header->magic = MAGIC;
    /* Pages are made here, not while datagrams wait for them. */
    memset(ring.octets, 0, size);
    *ret_ring = ring;
    return 0;
}

void weir_ring_close(struct weir_ring *ring)
{
    if (!ring->octets)
        return;
    munmap(ring->octets, 2 * ring->size);
    munmap(ring->header, WEIR_RING_BLOCK);
    *ring = (struct weir_ring){0};
}

/* Whether the header is one of ours, of this boot, and its positions make sense. */
static bool is_of_use(const struct weir_ring_header *header, off_t file_octets)
{
    char boot[WEIR_RING_BOOT_MAX];
    read_boot(boot);
    return header->magic == MAGIC && boot[0] && memcmp(header->boot, boot, sizeof(boot)) == 0 &&
           header->size > 0 && header->size % WEIR_RING_BLOCK == 0 &&
           header->size + WEIR_RING_BLOCK == (uint64_t)file_octets &&
           header->written <= header->filled && header->filled - header->written <= header->size;
}

static int write_all(int fd, const uint8_t *octets, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, octets, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        octets += written;
        length -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

/* Puts what the ring has of a segment from `from` to `end` into its file, which ends there. */
static int rescue_segment(int folder_fd, const struct weir_ring *ring,
                          const struct weir_ring_segment *segment, uint64_t from, uint64_t end)
{
    char name[WEIR_SEGMENT_NAME_MAX];
    weir_segment_name(segment->id, name);
    if (from < segment->start)
        from = segment->start;
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    struct stat status;
    int result = fstat(fd, &status);
    /* One that ends before was left by its writer, for want of room, and stays as it is. */
    bool is_left = result == 0 && (uint64_t)status.st_size < from - segment->start;
    if (result == 0 && !is_left)
        result =
            write_all(fd, weir_ring_at(ring, from), (size_t)(end - from), from - segment->start);
    if (result == 0 && !is_left)
        result = ftruncate(fd, (off_t)(end - segment->start));
    if (result == 0)
        result = fdatasync(fd);
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

static int rescue_all(int folder_fd, const struct weir_ring *ring, uint64_t *ret_octets)
{
    const struct weir_ring_header *header = ring->header;
    uint64_t filled = header->filled, written = header->written, count = header->segment_count;
    uint64_t first = count > WEIR_RING_SEGMENTS ? count - WEIR_RING_SEGMENTS : 0;
    for (uint64_t i = first; i < count; i++) {
        const struct weir_ring_segment *segment = weir_ring_segment(ring, i);
        uint64_t end = filled;
        if (i + 1 < count && weir_ring_segment(ring, i + 1)->start < end)
            end = weir_ring_segment(ring, i + 1)->start;
        if (end <= written || segment->start >= end)
            continue;
        if (rescue_segment(folder_fd, ring, segment, written, end) < 0)
            return -1;
    }
    *ret_octets = filled - written;
    return 0;
}

int weir_ring_rescue(int folder_fd, uint64_t *ret_octets, struct weir_diag *diag)
{
    *ret_octets = 0;
    int fd = openat(folder_fd, WEIR_RING_NAME, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : weir_diag_set(diag, WEIR_E_IO, WEIR_RING_NAME ": %s", strerror(errno));
    struct stat status;
    struct weir_ring ring = {0};
    int result = fstat(fd, &status);
    if (result == 0 && status.st_size > (off_t)WEIR_RING_BLOCK &&
        (status.st_size - (off_t)WEIR_RING_BLOCK) % (off_t)WEIR_RING_BLOCK == 0)
        result = map_ring(fd, (size_t)status.st_size - WEIR_RING_BLOCK, &ring);
    if (result == 0 && ring.octets && is_of_use(ring.header, status.st_size))
        result = rescue_all(folder_fd, &ring, ret_octets);
    if (result < 0)
        weir_diag_set(diag, WEIR_E_IO, WEIR_RING_NAME ": %s", strerror(errno));
    weir_ring_close(&ring);
    close(fd);
    if (result < 0)
        return WEIR_E_IO;
    unlinkat(folder_fd, WEIR_RING_NAME, 0);
    return 0;
}
