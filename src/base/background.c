/* SPDX-License-Identifier: Apache-2.0 */
#include "base/background.h"

/* The oldest job, taken off; NULL where there is none and none will come. With the lock. */
static struct weir_job *take(struct weir_background *background)
{
    while (!background->first && !background->is_ending)
        pthread_cond_wait(&background->changed, &background->lock);
    struct weir_job *job = background->first;
    if (!job)
        return NULL;
    background->first = job->next;
    background->waiting--;
    pthread_cond_broadcast(&background->changed);
    return job;
}

static void *do_jobs(void *context)
{
    struct weir_background *background = context;
    struct weir_job *job;
    pthread_mutex_lock(&background->lock);
    while ((job = take(background))) {
        pthread_mutex_unlock(&background->lock);
        job->run(job);
        pthread_mutex_lock(&background->lock);
        /* Who sees it may free the job. */
        atomic_store_explicit(&job->is_done, true, memory_order_release);
        pthread_cond_broadcast(&background->changed);
    }
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

int weir_background_open(struct weir_background *background, unsigned limit)
{
    *background = (struct weir_background){.limit = limit};
    if (pthread_mutex_init(&background->lock, NULL) != 0)
        return WEIR_E_IO;
    if (pthread_cond_init(&background->changed, NULL) != 0) {
        pthread_mutex_destroy(&background->lock);
        return WEIR_E_IO;
    }
    if (pthread_create(&background->thread, NULL, do_jobs, background) != 0) {
        pthread_cond_destroy(&background->changed);
        pthread_mutex_destroy(&background->lock);
        return WEIR_E_IO;
    }
    return 0;
}

void weir_background_close(struct weir_background *background)
{
    pthread_mutex_lock(&background->lock);
    background->is_ending = true;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);
    pthread_cond_destroy(&background->changed);
    pthread_mutex_destroy(&background->lock);
}

bool weir_background_give(struct weir_background *background, struct weir_job *job)
{
    job->next = NULL;
    atomic_store_explicit(&job->is_done, false, memory_order_relaxed);
    pthread_mutex_lock(&background->lock);
    bool waits = background->waiting >= background->limit;
    while (background->waiting >= background->limit)
        pthread_cond_wait(&background->changed, &background->lock);
    if (background->first)
        background->last->next = job;
    else
        background->first = job;
    background->last = job;
    background->waiting++;
    pthread_cond_broadcast(&background->changed);
    pthread_mutex_unlock(&background->lock);
    return waits;
}

void weir_background_wait(struct weir_background *background, const struct weir_job *job)
{
    pthread_mutex_lock(&background->lock);
    while (!weir_job_is_done(job))
        pthread_cond_wait(&background->changed, &background->lock);
    pthread_mutex_unlock(&background->lock);
}
