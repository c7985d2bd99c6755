/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_workers.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"

#define PACKETS  60000u
#define ROWS_MAX (4 * PACKETS)

/* Packets of a few thousand flows, some of them late. */
struct input {
    unsigned given;
    unsigned end_after;
    int end_with;
};

/* Every 20th time it says that the next have to be waited for. */
static int fetch(void *context, const struct weir_meter_room *room,
                 struct weir_meter_packets *ret_packets, struct weir_diag *diag)
{
    struct input *input = context;
    if (input->given == input->end_after)
        return input->end_with == WEIR_E_END
                   ? WEIR_E_END
                   : weir_diag_set(diag, WEIR_E_TRUNCATED, "it ends in the middle");
    size_t count = 0;
    for (; count < WEIR_METER_WORKERS_FETCH && input->given < input->end_after; count++) {
        uint64_t number = input->given++;
        uint64_t flow = number * UINT64_C(0x9e3779b97f4a7c15) >> 52;
        room->packets[count] = (struct weir_packet){
            .key = {.src_addr = {0, WEIR_ADDRESS_V4_PREFIX | flow}, .protocol = 17},
            .time_ns = (int64_t)(number - (number % 7 == 0 ? number % 50 : 0)) * WEIR_NS_PER_MS,
            .octets = (uint32_t)number,
        };
    }
    *ret_packets = (struct weir_meter_packets){room->packets, count};
    return input->given / WEIR_METER_WORKERS_FETCH % 20 != 0;
}

struct row {
    uint64_t address;
    int64_t start_ns, end_ns;
    uint64_t packets, octets;
};

struct taken {
    struct row *rows;
    size_t count;
    size_t fail_after;
};

static int take(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    if (taken->fail_after && taken->count >= taken->fail_after)
        return weir_diag_set(diag, WEIR_E_IO, "told to fail");
    for (uint32_t i = 0; i < batch->row_count; i++) {
        assert_true(taken->count < ROWS_MAX);
        taken->rows[taken->count++] = (struct row){
            .address = weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[i],
            .start_ns = weir_batch_time(batch, WEIR_COLUMN_START)[i],
            .end_ns = weir_batch_time(batch, WEIR_COLUMN_END)[i],
            .packets = weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i],
            .octets = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i],
        };
    }
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct row));
}

static int setup(void **state)
{
    struct taken *taken = calloc(1, sizeof(*taken));
    taken->rows = calloc(ROWS_MAX, sizeof(*taken->rows));
    *state = taken;
    return 0;
}

static int teardown(void **state)
{
    struct taken *taken = *state;
    free(taken->rows);
    free(taken);
    return 0;
}

static struct weir_meter_workers *workers_of(unsigned count, unsigned cache_count,
                                             struct taken *taken)
{
    struct weir_cache_config caches[2] = {weir_cache_config_default(), weir_cache_config_default()};
    caches[0].idle_ns = 2 * WEIR_NS_PER_SECOND;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_definition_parse("keys=src_addr", &caches[1].definition, &diag), 0);
    const struct weir_meter_workers_process process = {
        .caches = caches,
        .cache_count = cache_count,
        .sink = {.batch = take, .context = taken},
    };
    const struct weir_meter_workers_config config = {
        .count = count, .processes = &process, .process_count = 1};
    struct weir_meter_workers *workers;
    if (weir_meter_workers_new(&config, &workers, &diag) < 0)
        fail_msg("%s", diag.text);
    return workers;
}

static void the_number_of_workers_does_not_show(void **state)
{
    struct taken *taken = *state;
    struct row *first = calloc(ROWS_MAX, sizeof(*first));
    size_t first_count = 0;
    static const unsigned counts[] = {2, 3, 8, 16};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct weir_meter_workers *workers = workers_of(counts[i], 2, taken);
        struct weir_diag diag = {0};
        /* Two inputs, one after the other: the second begins anew. */
        taken->count = 0;
        for (unsigned run = 0; run < 2; run++) {
            struct input input = {.end_after = PACKETS, .end_with = WEIR_E_END};
            assert_int_equal(weir_meter_workers_run(workers, fetch, &input, &diag), 0);
            assert_int_equal(weir_meter_workers_now(workers), (PACKETS - 1) * WEIR_NS_PER_MS);
        }
        struct weir_cache_counters counters = weir_meter_workers_count(workers, 0);
        assert_int_equal(counters.packets_metered, 2 * 2 * PACKETS);
        assert_int_equal(counters.octets_metered, (uint64_t)2 * PACKETS * (PACKETS - 1));
        assert_int_equal(counters.flows_exported, taken->count);
        assert_int_equal(counters.flows_active, 0);
        weir_meter_workers_free(workers);
        qsort(taken->rows, taken->count, sizeof(taken->rows[0]), compare_rows);
        if (i == 0) {
            first_count = taken->count;
            memcpy(first, taken->rows, first_count * sizeof(*first));
        }
        assert_int_equal(taken->count, first_count);
        assert_memory_equal(taken->rows, first, first_count * sizeof(*first));
    }
    assert_true(first_count > 8000);
    free(first);
}

static void what_came_before_an_error_is_metered(void **state)
{
    struct taken *taken = *state;
    struct weir_meter_workers *workers = workers_of(4, 1, taken);
    struct input input = {.end_after = 10000, .end_with = WEIR_E_TRUNCATED};
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_workers_run(workers, fetch, &input, &diag), WEIR_E_TRUNCATED);
    assert_string_equal(diag.text, "it ends in the middle");
    struct weir_cache_counters counters = weir_meter_workers_count(workers, 0);
    assert_int_equal(counters.packets_metered, 10000);
    assert_int_equal(counters.flows_exported, taken->count);
    weir_meter_workers_free(workers);
}

static void a_failing_sink_ends_all(void **state)
{
    struct taken *taken = *state;
    taken->fail_after = 3000;
    struct weir_meter_workers *workers = workers_of(4, 1, taken);
    struct input input = {.end_after = PACKETS, .end_with = WEIR_E_END};
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_workers_run(workers, fetch, &input, &diag), WEIR_E_IO);
    assert_string_equal(diag.text, "told to fail");
    weir_meter_workers_free(workers);
}

static void nothing_to_meter(void **state)
{
    struct taken *taken = *state;
    struct weir_meter_workers *workers = workers_of(3, 1, taken);
    struct input input = {.end_with = WEIR_E_END};
    struct weir_diag diag = {0};
    assert_int_equal(weir_meter_workers_run(workers, fetch, &input, &diag), 0);
    assert_int_equal(weir_meter_workers_now(workers), 0);
    assert_int_equal(taken->count, 0);
    weir_meter_workers_free(workers);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_number_of_workers_does_not_show),
        CASE(what_came_before_an_error_is_metered),
        CASE(a_failing_sink_ends_all),
        CASE(nothing_to_meter),
    };
    return cmocka_run_group_tests_name("meter workers", tests, NULL, NULL);
}
