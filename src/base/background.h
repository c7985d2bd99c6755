/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that does one thing after the other, in the order they are given: what waits for disks
 * goes there, so that who gives it can go on.
 *
 *     struct write_job { struct weir_job job; ... } *write = ...;
 *     weir_background_open(&background, 16);
 *     write->job = (struct weir_job){.run = run_write};
 *     weir_background_give(&background, &write->job);
 *     ...
 *     if (weir_job_is_done(&write->job))                       // or weir_background_wait
 *         free(write);
 *     weir_background_close(&background);                      // does what is left
 *
 * Ownership: borrows a job from when it is given until it is done. Threads: any number may give;
 * a job runs in the thread, and what it wrote is seen by who sees that it is done. Limits: `limit`
 * jobs that wait, past which weir_background_give does, and says so.
 */
#ifndef WEIR_BASE_BACKGROUND_H
#define WEIR_BASE_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

struct weir_job {
    void (*run)(struct weir_job *job);
    struct weir_job *next; /* the thread's */
    atomic_bool is_done;
};

struct weir_background {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct weir_job *first; /* the oldest that waits */
    struct weir_job *last;
    unsigned waiting;
    unsigned limit;
    bool is_ending;
};

/* 0, or WEIR_E_IO: there is no thread to be had. */
WEIR_CHECKED int weir_background_open(struct weir_background *background, unsigned limit);

/* After all that was given has been done. */
void weir_background_close(struct weir_background *background);

/* Returns whether it had to wait for room. */
bool weir_background_give(struct weir_background *background, struct weir_job *job);

/* Waits until a job that was given is done. */
void weir_background_wait(struct weir_background *background, const struct weir_job *job);

static inline bool weir_job_is_done(const struct weir_job *job)
{
    return atomic_load_explicit(&job->is_done, memory_order_acquire);
}

/* Does a job in the thread of the caller. */
static inline void weir_job_do(struct weir_job *job)
{
    job->run(job);
    atomic_store_explicit(&job->is_done, true, memory_order_release);
}

#endif
