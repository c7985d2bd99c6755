/* SPDX-License-Identifier: Apache-2.0 */
/* Selection of Flow Records: which are kept, what they then stand for, and what is counted. */
#include "app/flow_selection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "support/cmocka.h"

#define ROWS_MAX 4096u

/* The linker puts these before the library's calls (--wrap), and names them so. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t octets);
void *__real_calloc(size_t count, size_t octets);
void *__wrap_malloc(size_t octets);
void *__wrap_calloc(size_t count, size_t octets);

static struct {
    unsigned until; /* allocations until one is refused, that included; 0: none is */
} memory;

static bool refuse(void)
{
    return memory.until > 0 && --memory.until == 0;
}

void *__wrap_malloc(size_t octets)
{
    return refuse() ? NULL : __real_malloc(octets);
}

void *__wrap_calloc(size_t count, size_t octets)
{
    return refuse() ? NULL : __real_calloc(count, octets);
}

/* NOLINTEND(bugprone-reserved-identifier) */

/* What went out. */
struct taken {
    uint32_t rows;
    uint32_t port[ROWS_MAX]; /* the number that each row was given */
    uint64_t bytes[ROWS_MAX], packets[ROWS_MAX];
    uint32_t sampling[ROWS_MAX], size[ROWS_MAX], probability[ROWS_MAX];
    uint16_t selector[ROWS_MAX];
    char app[ROWS_MAX][8];
    uint8_t extra[ROWS_MAX];
    bool lacks[ROWS_MAX]; /* that extra field */
    weir_column_set columns;
    unsigned flushes;
};

static int take_batch(void *context, const struct weir_batch *batch, struct weir_diag *diag)
{
    struct taken *taken = context;
    (void)diag;
    for (uint32_t s = 0; s < batch->segment_count; s++) {
        const struct weir_segment *segment = &batch->segments[s];
        taken->columns |= segment->columns;
        for (uint32_t i = 0; i < segment->row_count; i++) {
            uint32_t at = segment->first_row + i, row = taken->rows++;
            assert_true(row < ROWS_MAX);
            taken->port[row] = weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[at];
            taken->bytes[row] = weir_batch_u64(batch, WEIR_COLUMN_BYTES)[at];
            taken->packets[row] = weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[at];
            taken->extra[row] = batch->extra ? *weir_batch_extra(batch, at) : 0;
            taken->lacks[row] = batch->extra && weir_extra_lacks(&batch->extra_absent[at], 0);
            if (segment->columns & WEIR_COLUMN_BIT(SAMPLING_SIZE)) {
                taken->sampling[row] = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[at];
                taken->size[row] = weir_batch_u32(batch, WEIR_COLUMN_SAMPLING_SIZE)[at];
                taken->selector[row] = weir_batch_u16(batch, WEIR_COLUMN_FLOW_SELECTOR)[at];
                taken->probability[row] = weir_batch_u32(batch, WEIR_COLUMN_FLOW_PROBABILITY)[at];
            }
            if (segment->columns & WEIR_COLUMN_BIT(APP)) {
                const struct weir_text *text = &weir_batch_texts(batch, WEIR_COLUMN_APP)[at];
                memcpy(taken->app[row], batch->text + text->offset, text->length);
                taken->app[row][text->length] = '\0';
            }
        }
    }
    return 0;
}

static int take_flush(void *context, int64_t now_ns, struct weir_diag *diag)
{
    (void)now_ns, (void)diag;
    ((struct taken *)context)->flushes++;
    return 0;
}

/* A selection of these Selectors, whose flows are taken. */
struct scene {
    struct weir_flow_selection *selection;
    struct taken *taken;
};

static struct scene scene_of(const char *const *specs, unsigned count, uint64_t seed)
{
    struct scene scene = {.taken = calloc(1, sizeof(struct taken))};
    const struct weir_flow_selection_config config = {specs, count, seed, {0}};
    struct weir_diag diag = {0};
    assert_non_null(scene.taken);
    if (weir_flow_selection_new(&config, &scene.selection, &diag) < 0)
        fail_msg("%s", diag.text);
    const struct weir_batch_sink sink = {take_batch, take_flush, scene.taken};
    assert_int_equal(weir_flow_selection_add_sink(scene.selection, &sink, &diag), 0);
    return scene;
}

static void give(const struct scene *scene, const struct weir_batch *batch)
{
    struct weir_batch_sink sink = weir_flow_selection_sink(scene->selection);
    struct weir_diag diag = {0};
    if (sink.batch(sink.context, batch, &diag) < 0)
        fail_msg("%s", diag.text);
}

static void scene_end(struct scene *scene)
{
    weir_flow_selection_free(scene->selection);
    free(scene->taken);
}

#define ROW_COLUMNS                                                                 \
    (WEIR_COLUMN_BIT(SRC_ADDR) | WEIR_COLUMN_BIT(SRC_PORT) | WEIR_COLUMN_BIT(END) | \
     WEIR_COLUMN_BIT(PACKETS) | WEIR_COLUMN_BIT(BYTES))

/* Flow i has source port i, ends at second i, and has as many octets and packets as is said. */
static struct weir_batch *batch_of(uint32_t count, const uint64_t *octets, const uint64_t *packets,
                                   weir_column_set more)
{
    struct weir_batch *batch = weir_batch_new(ROWS_MAX);
    assert_non_null(batch);
    const struct weir_segment segment = {.columns = ROW_COLUMNS | more};
    weir_batch_begin(batch, &segment, count);
    for (uint32_t i = 0; i < count; i++) {
        weir_batch_high(batch, WEIR_COLUMN_SRC_ADDR)[i] = 0;
        weir_batch_low(batch, WEIR_COLUMN_SRC_ADDR)[i] = WEIR_ADDRESS_V4_PREFIX | i;
        weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[i] = (uint16_t)i;
        weir_batch_time(batch, WEIR_COLUMN_END)[i] = i * WEIR_NS_PER_SECOND;
        weir_batch_u64(batch, WEIR_COLUMN_BYTES)[i] = octets ? octets[i] : 100;
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[i] = packets ? packets[i] : 1;
    }
    return batch;
}

static struct scene select_of(const char *spec, uint32_t count, uint64_t seed)
{
    struct scene scene = scene_of(&spec, 1, seed);
    struct weir_batch *batch = batch_of(count, NULL, NULL, 0);
    give(&scene, batch);
    weir_batch_free(batch);
    return scene;
}

static void systematic_sampling(void **state)
{
    (void)state;
    struct scene scene = select_of("count:2/5", 1000, 0);
    assert_int_equal(scene.taken->rows, 400);
    for (uint32_t i = 0; i < 400; i++) {
        assert_int_equal(scene.taken->port[i], i / 2 * 5 + i % 2);
        assert_int_equal(scene.taken->sampling[i], 5);
        assert_int_equal(scene.taken->size[i], 2);
        assert_int_equal(scene.taken->selector[i], 1);
        assert_int_equal(scene.taken->probability[i], 400000000);
    }
    scene_end(&scene);
    /* By the times at which flows end: of every ten seconds the first three. */
    scene = select_of("time:3s/7s", 1000, 0);
    assert_int_equal(scene.taken->rows, 300);
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(scene.taken->port[i], i / 3 * 10 + i % 3);
        assert_int_equal(scene.taken->sampling[i], 10);
        assert_int_equal(scene.taken->size[i], 3);
        assert_int_equal(scene.taken->selector[i], 2);
    }
    scene_end(&scene);
}

static void random_sampling(void **state)
{
    (void)state;
    unsigned firsts[4] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct scene scene = select_of("random:1/4", 1000, seed);
        assert_int_equal(scene.taken->rows, 250);
        for (uint32_t i = 0; i < 250; i++) {
            assert_int_equal(scene.taken->port[i] / 4, i);
            firsts[scene.taken->port[i] % 4]++;
        }
        scene_end(&scene);
    }
    /* 50,000 draws of four: five standard deviations are 484. */
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(firsts[i], 12500 - 484, 12500 + 484);
}

/* As many as are wanted, give or take five standard deviations, and other ones with another seed.
 */
static void uniform_and_hashed(void **state)
{
    (void)state;
    static const char *const specs[] = {"prob:0.3", "hash:3/10"};
    for (unsigned i = 0; i < 2; i++) {
        struct scene one = select_of(specs[i], 4000, 1), again = select_of(specs[i], 4000, 1);
        struct scene other = select_of(specs[i], 4000, 2);
        assert_in_range(one.taken->rows, 1200 - 145, 1200 + 145);
        assert_in_range(other.taken->rows, 1200 - 145, 1200 + 145);
        assert_int_equal(one.taken->rows, again.taken->rows);
        assert_memory_equal(one.taken->port, again.taken->port, sizeof(one.taken->port));
        assert_memory_not_equal(one.taken->port, other.taken->port, sizeof(one.taken->port));
        assert_int_equal(one.taken->sampling[0], 10);
        assert_int_equal(one.taken->size[0], 3);
        assert_int_equal(one.taken->probability[0], 300000000);
        assert_int_equal(one.taken->selector[0], i == 0 ? 4 : 6);
        scene_end(&one);
        scene_end(&again);
        scene_end(&other);
    }
}

/* A hash is of the key: what the flow counts does not matter to it, and to chance it does. */
static void hashes_keep_flows_whole(void **state)
{
    (void)state;
    const char *spec = "hash:1/2";
    uint64_t octets[1000];
    for (unsigned i = 0; i < 1000; i++)
        octets[i] = i;
    struct scene scene = scene_of(&spec, 1, 0);
    struct weir_batch *first = batch_of(1000, NULL, NULL, 0);
    struct weir_batch *second = batch_of(1000, octets, NULL, 0);
    give(&scene, first);
    uint32_t count = scene.taken->rows;
    give(&scene, second);
    assert_int_equal(scene.taken->rows, 2 * count);
    assert_memory_equal(scene.taken->port, scene.taken->port + count, count * sizeof(uint32_t));
    weir_batch_free(first);
    weir_batch_free(second);
    scene_end(&scene);
}

/* A second hash is another one, and few values of a range are what they really are. */
static void hashes_one_after_another(void **state)
{
    (void)state;
    static const char *const specs[] = {"hash:1/2", "hash:1/2", "hash:1/2"};
    struct scene scene = scene_of(specs, 3, 1);
    struct weir_batch *batch = batch_of(4000, NULL, NULL, 0);
    give(&scene, batch);
    /* Five standard deviations of 4,000 draws of one in eight. */
    assert_in_range(scene.taken->rows, 500 - 105, 500 + 105);
    assert_int_equal(scene.taken->sampling[0], 8);
    assert_int_equal(scene.taken->size[0], 1);
    weir_batch_free(batch);
    scene_end(&scene);
}

/* Over all places where a period may begin each record is selected as often as another. */
static void periods_begin_anywhere(void **state)
{
    (void)state;
    unsigned firsts[4] = {0};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct scene scene = select_of("count:1/4", 1000, seed);
        assert_int_equal(scene.taken->rows, 250);
        firsts[scene.taken->port[0]]++;
        scene_end(&scene);
    }
    /* Five standard deviations of 400 draws of one in four. */
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(firsts[i], 100 - 43, 100 + 43);
}

/* Sizes of three orders of magnitude; what all come to. */
static uint64_t make_sizes(uint64_t *octets, uint64_t *packets, uint32_t count,
                           uint64_t *ret_packets)
{
    struct weir_random random = {9};
    uint64_t sum = 0;
    *ret_packets = 0;
    for (uint32_t i = 0; i < count; i++) {
        packets[i] = 1 + weir_random_zipf(&random, 10);
        octets[i] = packets[i] * (40 + weir_random_below(&random, 1400));
        sum += octets[i];
        *ret_packets += packets[i];
    }
    return sum;
}

struct estimate {
    double sum, variance;
};

static void add_estimate(struct estimate *estimate, double scaled, double probability)
{
    estimate->sum += scaled;
    estimate->variance += scaled * scaled * (1 - probability);
}

/*
 * Estimates of many samples: right in the mean, and their 95 % intervals hold the truth about as
 * often as they say. Of 1,000 samples of the same flows the mean is within four standard errors.
 */
static void estimates_are_unbiased(void **state)
{
    (void)state;
    enum { FLOWS = 1000, SAMPLES = 1000 };
    static const char *const specs[] = {"threshold:bytes=100k", "threshold:packets=100", "prob:0.3",
                                        "hash:1/3"};
    uint64_t octets[FLOWS], packets[FLOWS], all_packets;
    uint64_t all_octets = make_sizes(octets, packets, FLOWS, &all_packets);
    struct weir_batch *batch = batch_of(FLOWS, octets, packets, 0);
    for (unsigned s = 0; s < 4; s++) {
        const double truth[2] = {(double)all_octets, (double)all_packets};
        unsigned covered[2] = {0};
        double sum[2] = {0}, squares[2] = {0};
        for (uint64_t seed = 1; seed <= SAMPLES; seed++) {
            struct scene scene = scene_of(&specs[s], 1, seed * 1000003);
            struct estimate estimates[2] = {{0}};
            give(&scene, batch);
            const struct taken *taken = scene.taken;
            for (uint32_t i = 0; i < taken->rows; i++) {
                double factor = (double)taken->sampling[i] / taken->size[i];
                double probability = taken->probability[i] / 1e9;
                assert_true(fabs(factor * probability - 1) < 1e-6);
                add_estimate(&estimates[0], (double)taken->bytes[i] * factor, probability);
                add_estimate(&estimates[1], (double)taken->packets[i] * factor, probability);
            }
            for (unsigned i = 0; i < 2; i++) {
                double error = estimates[i].sum - truth[i];
                covered[i] += fabs(error) <= 1.96 * sqrt(estimates[i].variance);
                sum[i] += error;
                squares[i] += error * error;
            }
            scene_end(&scene);
        }
        for (unsigned i = 0; i < 2; i++) {
            double mean = sum[i] / SAMPLES;
            double deviation = sqrt(squares[i] / SAMPLES);
            print_message("# %s %s: mean error %.2f of its standard errors, %.1f %% covered\n",
                          specs[s], i == 0 ? "octets" : "packets",
                          mean / (deviation / sqrt(SAMPLES)), covered[i] * 100.0 / SAMPLES);
            assert_true(fabs(mean) < 4 * deviation / sqrt(SAMPLES));
            assert_in_range(covered[i], SAMPLES * 92 / 100, SAMPLES * 98 / 100);
        }
    }
    weir_batch_free(batch);
}

/* Of a threshold the estimate is max(x, z), exactly, and what is greater is never left out. */
static void thresholds_estimate_themselves(void **state)
{
    (void)state;
    enum { FLOWS = 1000 };
    const char *spec = "threshold:bytes=100k";
    uint64_t octets[FLOWS], packets[FLOWS], ignored;
    (void)make_sizes(octets, packets, FLOWS, &ignored);
    struct scene scene = scene_of(&spec, 1, 1);
    struct weir_batch *batch = batch_of(FLOWS, octets, packets, 0);
    uint32_t large = 0, kept_large = 0, kept_small = 0;
    give(&scene, batch);
    for (uint32_t i = 0; i < FLOWS; i++)
        large += octets[i] >= 100000;
    for (uint32_t i = 0; i < scene.taken->rows; i++) {
        uint64_t scaled = scene.taken->bytes[i] * scene.taken->sampling[i];
        assert_int_equal(scaled % scene.taken->size[i], 0);
        scaled /= scene.taken->size[i];
        assert_int_equal(scene.taken->selector[i], 9);
        if (scene.taken->bytes[i] >= 100000) {
            assert_int_equal(scaled, scene.taken->bytes[i]);
            assert_int_equal(scene.taken->probability[i], 1000000000);
            kept_large++;
        } else {
            assert_int_equal(scaled, 100000);
            kept_small++;
        }
    }
    assert_true(large > 0 && kept_small > 0);
    assert_int_equal(kept_large, large);
    weir_batch_free(batch);
    scene_end(&scene);
}

/* Flows of sampled packets: what they stand for decides, and both rates are multiplied. */
static void rates_of_packets_count(void **state)
{
    (void)state;
    static const char *const specs[] = {"match:bytes >= 1000", "prob:0.5", "threshold:bytes=8k"};
    const uint64_t octets[] = {100, 99, 100, 300, 100, 100, 100, 400};
    struct scene scene = scene_of(specs, 3, 5);
    struct weir_batch *batch = batch_of(8, octets, NULL, WEIR_COLUMN_BIT(SAMPLING));
    for (uint32_t i = 0; i < 8; i++)
        weir_batch_u32(batch, WEIR_COLUMN_SAMPLING)[i] = 10;
    for (unsigned round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < 8; i++)
            weir_batch_time(batch, WEIR_COLUMN_END)[i]++;
        give(&scene, batch);
    }
    assert_true(scene.taken->rows > 100);
    for (uint32_t i = 0; i < scene.taken->rows; i++) {
        uint64_t scaled = scene.taken->bytes[i] * scene.taken->sampling[i] / scene.taken->size[i];
        assert_true(scene.taken->bytes[i] >= 100);
        assert_int_equal(scaled, 8000);
        /* Half of it for prob, and for the threshold 2,000, 6,000 or all of the 8,000. */
        assert_int_equal(scene.taken->probability[i], scene.taken->bytes[i] == 400   ? 500000000
                                                      : scene.taken->bytes[i] == 300 ? 375000000
                                                                                     : 125000000);
    }
    struct weir_flow_selection_description description;
    weir_flow_selection_describe(scene.selection, &description);
    assert_int_equal(description.count, 3);
    assert_int_equal(description.selectors[0].seen.flows, 1600);
    assert_int_equal(description.selectors[0].seen.octets, 200 * 1299);
    assert_int_equal(description.selectors[0].selected.flows, 1400);
    assert_int_equal(description.selectors[0].selected.octets, 200 * 1200);
    for (unsigned i = 1; i < 3; i++) {
        const struct weir_flow_selector *own = &description.selectors[i];
        assert_memory_equal(&own->seen, &own[-1].selected, sizeof(own->seen));
    }
    assert_int_equal(description.selectors[2].selected.flows, scene.taken->rows);
    assert_int_equal(description.selectors[2].selected.packets, scene.taken->rows);
    weir_batch_free(batch);
    scene_end(&scene);
}

/* In another order, or another batch, the same flows are chosen: threads may come as they will. */
static void chance_does_not_go_by_order(void **state)
{
    (void)state;
    static const char *const specs[] = {"prob:0.5", "threshold:bytes=300"};
    struct scene whole = scene_of(specs, 2, 3), pieces = scene_of(specs, 2, 3);
    struct weir_batch *batch = batch_of(1000, NULL, NULL, 0);
    give(&whole, batch);
    struct weir_batch *piece = weir_batch_new(ROWS_MAX);
    assert_non_null(piece);
    for (uint32_t i = 1000; i-- > 0;) {
        const struct weir_segment segment = {.columns = ROW_COLUMNS};
        weir_batch_clear(piece);
        weir_batch_begin(piece, &segment, 1);
        for (unsigned c = WEIR_COLUMN_FIRST_OF_ROW; c < WEIR_COLUMN_COUNT; c++) {
            unsigned width = weir_column_width(weir_column_info((enum weir_column)c)->type);
            width = c == WEIR_COLUMN_SRC_ADDR ? 8 : width;
            if (ROW_COLUMNS >> c & 1)
                memcpy(piece->columns[c], (uint8_t *)batch->columns[c] + i * width, width);
        }
        weir_batch_low(piece, WEIR_COLUMN_SRC_ADDR)[0] = WEIR_ADDRESS_V4_PREFIX | i;
        give(&pieces, piece);
    }
    assert_int_equal(whole.taken->rows, pieces.taken->rows);
    for (uint32_t i = 0; i < whole.taken->rows; i++)
        assert_int_equal(whole.taken->port[i], pieces.taken->port[whole.taken->rows - 1 - i]);
    weir_batch_free(batch);
    weir_batch_free(piece);
    scene_end(&whole);
    scene_end(&pieces);
}

/* Texts and fields without a column go with their rows, and a filter adds nothing to them. */
static void rows_are_whole(void **state)
{
    (void)state;
    const char *spec = "match:src_port in [3, 5, 700]";
    struct scene scene = scene_of(&spec, 1, 0);
    struct weir_extra_fields extra = {0};
    assert_int_equal(weir_extra_add(&extra, "x", (struct weir_field){.id = 60, .length = 1}), 0);
    struct weir_batch *batch = weir_batch_new(1000);
    assert_non_null(batch);
    assert_int_equal(weir_batch_set_extra(batch, &extra), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        char text[16];
        const struct weir_segment segment = {
            .columns = ROW_COLUMNS | (i % 2 ? WEIR_COLUMN_BIT(APP) : 0), .domain = i};
        uint32_t row = weir_batch_begin(batch, &segment, 1);
        snprintf(text, sizeof(text), "a%u", i);
        weir_batch_u16(batch, WEIR_COLUMN_SRC_PORT)[row] = (uint16_t)i;
        weir_batch_u64(batch, WEIR_COLUMN_BYTES)[row] = i * 10;
        weir_batch_u64(batch, WEIR_COLUMN_PACKETS)[row] = i;
        *weir_batch_extra(batch, row) = (uint8_t)i;
        batch->extra_absent[row] = (struct weir_extra_absent){0};
        if (i == 5)
            weir_extra_leave_out(&batch->extra_absent[row], 0);
        if (i % 2)
            assert_int_equal(weir_batch_add_text(batch, text, strlen(text),
                                                 &weir_batch_texts(batch, WEIR_COLUMN_APP)[row]),
                             0);
    }
    for (unsigned round = 0; round < 2; round++)
        give(&scene, batch);
    assert_int_equal(scene.taken->rows, 6);
    static const uint32_t expected[] = {3, 5, 700};
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t number = expected[i % 3];
        char text[16] = "";
        if (number % 2)
            snprintf(text, sizeof(text), "a%u", number);
        assert_int_equal(scene.taken->port[i], number);
        assert_int_equal(scene.taken->bytes[i], number * 10);
        assert_int_equal(scene.taken->extra[i], number & 0xff);
        assert_int_equal(scene.taken->lacks[i], number == 5);
        assert_string_equal(scene.taken->app[i], text);
    }
    assert_int_equal(scene.taken->columns, ROW_COLUMNS | WEIR_COLUMN_BIT(APP));
    assert_int_equal(weir_flow_selection_columns(scene.selection), 0);
    struct weir_batch_sink sink = weir_flow_selection_sink(scene.selection);
    assert_int_equal(sink.flush(sink.context, 0, NULL), 0);
    assert_int_equal(scene.taken->flushes, 1);
    weir_batch_free(batch);
    scene_end(&scene);
}

/* Any allocation may be refused: then that is said, and nothing is lost. */
static void memory_may_be_refused(void **state)
{
    (void)state;
    static const char *const specs[] = {"match:bytes > 1", "prob:0.5"};
    struct weir_batch *batch = batch_of(100, NULL, NULL, 0);
    unsigned refused = 0;
    for (bool is_whole = false; !is_whole; refused++) {
        const struct weir_flow_selection_config config = {specs, 2, 0, {0}};
        struct weir_flow_selection *selection = NULL;
        struct taken *taken = calloc(1, sizeof(*taken));
        struct weir_diag diag = {0};
        assert_non_null(taken);
        memory.until = refused + 1;
        int result = weir_flow_selection_new(&config, &selection, &diag);
        if (result == 0) {
            const struct weir_batch_sink sink = {take_batch, take_flush, taken};
            struct weir_batch_sink own = weir_flow_selection_sink(selection);
            assert_int_equal(weir_flow_selection_add_sink(selection, &sink, &diag), 0);
            result = own.batch(own.context, batch, &diag);
        }
        is_whole = memory.until > 0;
        memory.until = 0;
        assert_int_equal(result, is_whole ? 0 : WEIR_E_NOMEM);
        assert_true(is_whole == (taken->rows > 0));
        weir_flow_selection_free(selection);
        free(taken);
    }
    assert_true(refused > 5);
    weir_batch_free(batch);
}

static void what_cannot_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *error;
    } cases[] = {
        {"", "'': write count:n/N, random:n/N, time:ON/OFF, prob:P, hash:n/N, threshold:bytes=Z "
             "or match:FILTER"},
        {"flow:1/2", "'flow:1/2': write count:n/N, random:n/N, time:ON/OFF, prob:P, hash:n/N, "
                     "threshold:bytes=Z or match:FILTER"},
        {"threshold:octets=5",
         "'threshold:octets=5': write bytes=Z or packets=Z, as in threshold:bytes=1M"},
        {"threshold:bytes=0",
         "'threshold:bytes=0': write bytes=Z or packets=Z, as in threshold:bytes=1M"},
        {"match:ingressVRFID = 3", "'ingressVRFID' has no column, and is known to queries only"},
        {"prob:1e-12", "'prob:1e-12': that is too little"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_flow_selection *selection;
        struct weir_diag diag = {0};
        const struct weir_flow_selection_config config = {&cases[i].spec, 1, 0, {0}};
        assert_int_equal(weir_flow_selection_new(&config, &selection, &diag), WEIR_E_USAGE);
        assert_string_equal(diag.text, cases[i].error);
    }
    const char *many[WEIR_FLOW_SELECTORS_MAX + 1];
    for (size_t i = 0; i <= WEIR_FLOW_SELECTORS_MAX; i++)
        many[i] = "count:1/2";
    const struct weir_flow_selection_config config = {many, WEIR_FLOW_SELECTORS_MAX + 1, 0, {0}};
    struct weir_flow_selection *selection;
    struct weir_diag diag = {0};
    assert_int_equal(weir_flow_selection_new(&config, &selection, &diag), WEIR_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systematic_sampling),
        cmocka_unit_test(random_sampling),
        cmocka_unit_test(uniform_and_hashed),
        cmocka_unit_test(hashes_keep_flows_whole),
        cmocka_unit_test(hashes_one_after_another),
        cmocka_unit_test(periods_begin_anywhere),
        cmocka_unit_test(estimates_are_unbiased),
        cmocka_unit_test(thresholds_estimate_themselves),
        cmocka_unit_test(rates_of_packets_count),
        cmocka_unit_test(chance_does_not_go_by_order),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(memory_may_be_refused),
        cmocka_unit_test(what_cannot_be_asked),
    };
    return cmocka_run_group_tests_name("app/flow_selection", tests, NULL, NULL);
}
