/* SPDX-License-Identifier: Apache-2.0 */
#include "app/process.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define GAUGE(member, unit, help) WEIR_GAUGE(struct weir_process_counters, member, unit, help)
const struct weir_counter weir_process_counter_table[] = {
    GAUGE(resident_memory, OCTETS, "memory of the process that is not swapped out"),
    GAUGE(virtual_memory, OCTETS, "its address space, files that are mapped included"),
    WEIR_COUNTER(struct weir_process_counters, cpu, NANOSECONDS,
                 "processor time of all its threads, user and system"),
    GAUGE(start_time, NANOSECONDS, "when it was started, since 1970"),
    GAUGE(open_fds, NONE, "file descriptors that it has open"),
    GAUGE(max_fds, NONE, "as many as it may have open"),
};
#undef GAUGE
const size_t weir_process_counter_count =
    sizeof(weir_process_counter_table) / sizeof(weir_process_counter_table[0]);

/* The first line of a file of the system; "" where there is none. */
static void read_line(const char *path, char *line, size_t room)
{
    FILE *file = fopen(path, "re");
    line[0] = 0;
    if (!file)
        return;
    if (!fgets(line, (int)room, file))
        line[0] = 0;
    fclose(file);
}

static void count_memory(struct weir_process_counters *counters)
{
    char line[256];
    char *end;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    read_line("/proc/self/statm", line, sizeof(line));
    counters->virtual_memory = strtoull(line, &end, 10) * page;
    counters->resident_memory = strtoull(end, NULL, 10) * page;
}

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * (uint64_t)WEIR_NS_PER_SECOND + (uint64_t)time.tv_usec * 1000;
}

static uint64_t start_ns;

/* proc(5): the 22nd field is in clock ticks since the machine has booted. */
static void find_start(void)
{
    char line[2048];
    struct timespec now, up;
    read_line("/proc/self/stat", line, sizeof(line));
    /* The second field is a name in brackets, which may hold anything. */
    const char *at = strrchr(line, ')');
    for (unsigned field = 2; at && field < 22; field++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    if (!at || clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
        return;
    uint64_t second = (uint64_t)WEIR_NS_PER_SECOND;
    uint64_t now_ns = (uint64_t)now.tv_sec * second + (uint64_t)now.tv_nsec;
    uint64_t up_ns = (uint64_t)up.tv_sec * second + (uint64_t)up.tv_nsec;
    uint64_t ticks = strtoull(at, NULL, 10);
    start_ns = now_ns - up_ns + ticks * (second / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Once: clocks are set, and read one after the other, and another time looks like another start. */
static void count_start(struct weir_process_counters *counters)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, find_start);
    counters->start_time = start_ns;
}

static void count_descriptors(struct weir_process_counters *counters)
{
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        counters->max_fds = limit.rlim_cur;
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        counters->open_fds += entry->d_name[0] != '.';
    closedir(folder);
    counters->open_fds--; /* the folder itself */
}

struct weir_process_counters weir_process_count(void)
{
    struct weir_process_counters counters = {0};
    struct rusage usage;
    count_memory(&counters);
    count_start(&counters);
    count_descriptors(&counters);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        counters.cpu = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
    return counters;
}
