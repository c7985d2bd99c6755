/* SPDX-License-Identifier: Apache-2.0 */
#include "base/background.h"

#include <semaphore.h>
#include <stddef.h>

#include "support/cmocka.h"

#define JOBS 100u

struct numbered {
    struct weir_job job;
    unsigned number;
    unsigned *order; /* numbers as they are done; the thread's */
    unsigned *count;
    sem_t *entered; /* NULL: it waits for nothing */
    sem_t *gate;
};

static void run(struct weir_job *job)
{
    struct numbered *numbered = (struct numbered *)(void *)job;
    if (numbered->entered) {
        sem_post(numbered->entered);
        sem_wait(numbered->gate);
    }
    numbered->order[(*numbered->count)++] = numbered->number;
}
_Static_assert(offsetof(struct numbered, job) == 0, "a job is where it begins");

static void jobs_are_done_in_order_and_all_of_them(void **state)
{
    (void)state;
    static struct numbered jobs[JOBS];
    unsigned order[JOBS] = {0}, count = 0;
    struct weir_background background;
    assert_int_equal(weir_background_open(&background, 4), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct numbered){.number = i, .order = order, .count = &count};
        jobs[i].job.run = run;
        (void)weir_background_give(&background, &jobs[i].job);
    }
    weir_background_wait(&background, &jobs[JOBS / 2].job);
    for (unsigned i = 0; i <= JOBS / 2; i++)
        assert_true(weir_job_is_done(&jobs[i].job));
    weir_background_close(&background);
    assert_int_equal(count, JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(order[i], i);
}

static void *open_gate(void *context)
{
    sem_post(context);
    return NULL;
}

static void who_gives_too_many_waits(void **state)
{
    (void)state;
    struct numbered jobs[4];
    unsigned order[4], count = 0;
    sem_t entered, gate;
    pthread_t opener;
    struct weir_background background;
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    assert_int_equal(weir_background_open(&background, 2), 0);
    for (unsigned i = 0; i < 4; i++) {
        jobs[i] = (struct numbered){.number = i, .order = order, .count = &count};
        jobs[i].job.run = run;
    }
    jobs[0].entered = &entered;
    jobs[0].gate = &gate;
    assert_false(weir_background_give(&background, &jobs[0].job));
    sem_wait(&entered);
    assert_false(weir_background_give(&background, &jobs[1].job));
    assert_false(weir_background_give(&background, &jobs[2].job));
    assert_false(weir_job_is_done(&jobs[0].job));
    /* There is room for the next one only when the second is under way. */
    assert_int_equal(pthread_create(&opener, NULL, open_gate, &gate), 0);
    (void)weir_background_give(&background, &jobs[3].job);
    assert_true(weir_job_is_done(&jobs[0].job));
    pthread_join(opener, NULL);
    weir_background_close(&background);
    assert_int_equal(count, 4);
    sem_destroy(&entered);
    sem_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done_in_order_and_all_of_them),
        cmocka_unit_test(who_gives_too_many_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
