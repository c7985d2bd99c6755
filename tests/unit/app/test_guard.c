/* SPDX-License-Identifier: Apache-2.0 */
#include "app/guard.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka.h"

/* A place, and what came to it. */
struct taken {
    uint64_t rows, records;
    unsigned flushes;
    int fail_with;
};

static int fail_or(const struct taken *taken, struct weir_diag *diag)
{
    return taken->fail_with ? weir_diag_set(diag, (enum weir_error)taken->fail_with, "told to fail")
                            : 0;
}

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    taken->rows += batch->row_count;
    return fail_or(taken, diag);
}

static int take_record(void *context, const struct weir_collected_record *record,
                       struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)record;
    taken->records++;
    return fail_or(taken, diag);
}

static int flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)now_ns;
    taken->flushes++;
    return fail_or(taken, diag);
}

static char noted[200];

static void note(void *context, unsigned place, int result, const struct weir_diag *diag)
{
    (void)context;
    size_t length = strlen(noted);
    snprintf(noted + length, sizeof(noted) - length, "%u: %d: %.20s; ", place, result, diag->text);
}

static struct weir_batch *batch_of(uint32_t rows)
{
    struct weir_batch *batch = weir_batch_new(rows);
    assert_non_null(batch);
    const struct weir_segment segment = {.columns = WEIR_COLUMN_BIT(BYTES)};
    weir_batch_begin(batch, &segment, rows);
    return batch;
}

static void the_others_go_on(void **state)
{
    (void)state;
    struct weir_guard_group group = {.failed = note, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct weir_guard guards[3];
    struct taken places[3] = {0};
    struct weir_batch_sink sinks[2];
    for (unsigned i = 0; i < 2; i++) {
        weir_guard_batches(&guards[i], &group, i,
                           (struct weir_batch_sink){take_batch, flush, &places[i]});
        sinks[i] = weir_guard_batch_sink(&guards[i]);
    }
    weir_guard_records(
        &guards[2], &group, 7,
        (struct weir_record_sink){.record = take_record, .flush = flush, .context = &places[2]});
    struct weir_record_sink lines = weir_guard_record_sink(&guards[2]);
    struct weir_batch *batch = batch_of(10);
    const struct weir_collected_record record = {0};
    struct weir_diag diag = {0};
    noted[0] = '\0';

    /* All is well. */
    assert_int_equal(sinks[0].batch(sinks[0].context, batch, &diag), 0);
    assert_int_equal(lines.record(lines.context, &record, &diag), 0);
    assert_int_equal(lines.flush(lines.context, 0, &diag), 0);
    assert_string_equal(noted, "");
    assert_int_equal(places[0].rows, 10);
    assert_int_equal(places[2].flushes, 1);

    /* One fails, is told of once, and gets no more. */
    places[0].fail_with = WEIR_E_IO;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sinks[0].batch(sinks[0].context, batch, &diag), 0);
        assert_int_equal(sinks[0].flush(sinks[0].context, 0, &diag), 0);
        assert_int_equal(sinks[1].batch(sinks[1].context, batch, &diag), 0);
    }
    assert_string_equal(noted, "0: -2: told to fail; ");
    assert_int_equal(places[0].rows, 20);
    assert_int_equal(places[0].flushes, 0);
    assert_int_equal(places[1].rows, 30);
    assert_int_equal(group.counters.records_undelivered, 20);

    places[2].fail_with = WEIR_E_FULL;
    assert_int_equal(lines.flush(lines.context, 0, &diag), 0);
    assert_int_equal(lines.record(lines.context, &record, &diag), 0);
    assert_string_equal(noted, "0: -2: told to fail; 7: -10: told to fail; ");
    assert_int_equal(places[2].records, 1);
    assert_int_equal(group.counters.records_undelivered, 21);

    /* The last one ends the work. */
    places[1].fail_with = WEIR_E_IO;
    assert_int_equal(sinks[1].flush(sinks[1].context, 0, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "told to fail");
    assert_non_null(strstr(noted, "1: -2: told to fail; "));
    weir_batch_free(batch);
}

/* Of several groups one may lose all of its places: the work ends with the last one's last. */
static void other_groups_go_on(void **state)
{
    (void)state;
    atomic_uint alive = 2;
    struct weir_guard_group groups[2];
    struct weir_guard guards[2];
    struct taken places[2] = {{.fail_with = WEIR_E_IO}, {0}};
    struct weir_batch_sink sinks[2];
    struct weir_batch *batch = batch_of(10);
    struct weir_diag diag = {0};
    for (unsigned i = 0; i < 2; i++) {
        groups[i] = (struct weir_guard_group){
            .failed = note, .groups = &alive, .lock = PTHREAD_MUTEX_INITIALIZER};
        weir_guard_batches(&guards[i], &groups[i], i,
                           (struct weir_batch_sink){take_batch, flush, &places[i]});
        sinks[i] = weir_guard_batch_sink(&guards[i]);
    }
    noted[0] = '\0';
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sinks[0].batch(sinks[0].context, batch, &diag), 0);
        assert_int_equal(sinks[1].batch(sinks[1].context, batch, &diag), 0);
    }
    assert_string_equal(noted, "0: -2: told to fail; ");
    assert_int_equal(groups[0].counters.records_undelivered, 10);
    assert_int_equal(places[1].rows, 20);
    places[1].fail_with = WEIR_E_IO;
    assert_int_equal(sinks[1].batch(sinks[1].context, batch, &diag), WEIR_E_IO);
    weir_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_others_go_on),
        cmocka_unit_test(other_groups_go_on),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
