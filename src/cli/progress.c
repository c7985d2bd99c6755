/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define INTERVAL_NS (WEIR_NS_PER_SECOND / 5)

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * WEIR_NS_PER_SECOND + now.tv_nsec;
}

void weir_progress_init(struct weir_progress *progress, bool force, bool quiet)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    *progress = (struct weir_progress){
        .wanted = !quiet && (force || terminal),
        .terminal = terminal,
        /* Work that is done at once shows nothing. */
        .next_ns = monotonic_ns() + INTERVAL_NS,
    };
}

bool weir_progress_due(struct weir_progress *progress)
{
    return progress->wanted && monotonic_ns() >= progress->next_ns;
}

void weir_progress_show(struct weir_progress *progress, const char *format, ...)
{
    if (!progress->wanted)
        return;
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    struct winsize size;
    int columns = 80;
    if (progress->terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        columns = size.ws_col;
    /* A line as wide as the terminal would wrap and could not be written over. */
    if (progress->terminal)
        fprintf(stderr, "\r%.*s\x1b[K", columns - 1, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    progress->shown = true;
    progress->next_ns = monotonic_ns() + INTERVAL_NS;
}

void weir_progress_clear(struct weir_progress *progress)
{
    if (progress->shown && progress->terminal)
        fputs("\r\x1b[K", stderr);
    progress->shown = false;
}
