/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before a program (LD_PRELOAD): every fsync and fdatasync takes WEIR_SLOW_MS longer, as of a
 * disk that has much to do, and where WEIR_GAP_FILE names a file, the longest time between two
 * calls of recvmmsg that received something stands there at the end, in microseconds.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static atomic_long syncs;
static _Atomic int64_t longest_ns, last_ns;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void be_slow(void)
{
    const char *text = getenv("WEIR_SLOW_MS");
    long ms = text ? strtol(text, NULL, 10) : 0;
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    atomic_fetch_add(&syncs, 1);
    while (nanosleep(&span, &span) < 0 && errno == EINTR)
        continue;
}

int fsync(int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    be_slow();
    return real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    be_slow();
    return real(fd);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    static _Atomic(void *) found;
    int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);
    void *symbol = atomic_load_explicit(&found, memory_order_relaxed);
    if (!symbol) {
        symbol = dlsym(RTLD_NEXT, "recvmmsg");
        atomic_store(&found, symbol);
    }
    *(void **)&real = symbol;
    int64_t began_ns = now_ns();
    int received = real(fd, messages, count, flags, timeout);
    if (received > 0) {
        int64_t before_ns = atomic_exchange(&last_ns, began_ns);
        if (before_ns > 0 && began_ns - before_ns > atomic_load(&longest_ns))
            atomic_store(&longest_ns, began_ns - before_ns);
    }
    return received;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("WEIR_GAP_FILE");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%lld %ld\n", (long long)(atomic_load(&longest_ns) / 1000), atomic_load(&syncs));
    fclose(file);
}
