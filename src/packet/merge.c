/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/merge.h"

#include <stdlib.h>

#include "packet/source_impl.h"

#define INTERFACES_MAX 4096u
#define FRAMES         256u

struct input {
    struct weir_source *source;
    size_t at, count; /* frames[at, count) wait */
    bool has_ended;
    uint16_t numbers[INTERFACES_MAX]; /* of its interfaces, plus 1; 0: none yet */
    struct weir_frame frames[FRAMES];
};

struct merge {
    size_t count;
    uint16_t interface_count;
    int error; /* the first of an input */
    struct weir_diag diag;
    struct input **inputs;
};

/* Gets frames of inputs that have none. What was given of them before is void then. */
static int refill(struct merge *merge)
{
    for (size_t i = 0; i < merge->count; i++) {
        struct input *input = merge->inputs[i];
        if (input->at < input->count || input->has_ended)
            continue;
        struct weir_diag own = {0};
        input->at = 0;
        input->count = 0;
        int result = weir_source_next(input->source, input->frames, FRAMES, &input->count, &own);
        if (result == WEIR_E_AGAIN)
            return result;
        input->has_ended = result < 0;
        if (result < 0 && result != WEIR_E_END && merge->error == 0) {
            merge->error = result;
            merge->diag = own;
        }
    }
    return 0;
}

static bool is_before(const struct merge *merge, size_t a, size_t b)
{
    const struct input *one = merge->inputs[a];
    const struct input *other = merge->inputs[b];
    int64_t one_ns = one->frames[one->at].time_ns;
    int64_t other_ns = other->frames[other->at].time_ns;
    return one_ns < other_ns || (one_ns == other_ns && a < b);
}

/* The inputs whose frames come first and second; merge->count: there is none. */
static void find_next(const struct merge *merge, size_t *ret_first, size_t *ret_second)
{
    size_t first = merge->count;
    size_t second = merge->count;
    for (size_t i = 0; i < merge->count; i++) {
        if (merge->inputs[i]->at == merge->inputs[i]->count)
            continue;
        if (first == merge->count || is_before(merge, i, first)) {
            second = first;
            first = i;
        } else if (second == merge->count || is_before(merge, i, second)) {
            second = i;
        }
    }
    *ret_first = first;
    *ret_second = second;
}

/* The frame's interface gets its number. WEIR_E_LIMIT where there are too many. */
static int renumber(const struct weir_source *source, struct input *input, struct weir_frame *frame,
                    struct weir_diag *diag)
{
    struct merge *merge = source->state;
    uint16_t *number = &input->numbers[frame->interface % INTERFACES_MAX];
    if (*number == 0) {
        if (merge->interface_count == INTERFACES_MAX)
            return weir_diag_set(diag, WEIR_E_LIMIT, "%s: more than %u interfaces in all",
                                 source->name, INTERFACES_MAX);
        *number = ++merge->interface_count;
    }
    frame->interface = (uint16_t)(source->first_interface + *number - 1);
    return 0;
}

/* Takes from the first input what comes before the second, and until it has to be refilled. */
static int take_run(struct weir_source *source, size_t first, size_t second,
                    struct weir_frame *frames, size_t capacity, size_t *count,
                    struct weir_diag *diag)
{
    struct merge *merge = source->state;
    struct input *input = merge->inputs[first];
    while (*count < capacity && input->at < input->count &&
           (second == merge->count || is_before(merge, first, second))) {
        struct weir_frame *frame = &frames[*count];
        *frame = input->frames[input->at];
        int result = renumber(source, input, frame, diag);
        if (result < 0)
            return result;
        input->at++;
        ++*count;
    }
    return 0;
}

static int merge_next(struct weir_source *source, struct weir_frame *frames, size_t capacity,
                      size_t *ret_count, struct weir_diag *diag)
{
    struct merge *merge = source->state;
    int result = refill(merge);
    *ret_count = 0;
    while (result == 0 && *ret_count < capacity) {
        size_t first, second;
        find_next(merge, &first, &second);
        if (first == merge->count)
            break;
        result = take_run(source, first, second, frames, capacity, ret_count, diag);
        if (merge->inputs[first]->at == merge->inputs[first]->count)
            break;
    }
    if (result < 0 || *ret_count > 0)
        return *ret_count > 0 ? 0 : result;
    if (merge->error == 0)
        return WEIR_E_END;
    *diag = merge->diag;
    return merge->error;
}

/* What is not counted by the frames that go through. */
static void merge_count(struct weir_source *source)
{
    struct merge *merge = source->state;
    struct weir_source_counters sum = {0};
    for (size_t i = 0; i < merge->count; i++)
        weir_counter_add_all(weir_source_counter_table, weir_source_counter_count,
                             weir_source_counters(merge->inputs[i]->source), &sum);
    sum.packets_read = source->counters.packets_read;
    sum.octets_read = source->counters.octets_read;
    sum.octets_captured = source->counters.octets_captured;
    source->counters = sum;
}

static void merge_stop(struct weir_source *source)
{
    struct merge *merge = source->state;
    for (size_t i = 0; i < merge->count; i++) {
        weir_source_close(merge->inputs[i]->source);
        free(merge->inputs[i]);
    }
    free(merge->inputs);
    free(merge);
}

static const struct weir_source_format merge_format = {
    .next = merge_next,
    .count = merge_count,
    .stop = merge_stop,
};

static struct weir_source *source_new(size_t count)
{
    struct weir_source *source = calloc(1, sizeof(*source));
    struct merge *merge = calloc(1, sizeof(*merge));
    struct input **inputs = calloc(count, sizeof(struct input *));
    if (!source || !merge || !inputs) {
        free(source);
        free(merge);
        free(inputs);
        return NULL;
    }
    merge->inputs = inputs;
    source->state = merge;
    source->format = &merge_format;
    source->name = "merged captures";
    source->is_stored = true;
    return source;
}

int weir_source_open_merged(const char *const *paths, size_t count,
                            const struct weir_source_options *options,
                            struct weir_source **ret_source, struct weir_diag *diag)
{
    if (count > WEIR_MERGE_MAX)
        return weir_diag_set(diag, WEIR_E_USAGE, "%zu captures to merge; %u is the most", count,
                             WEIR_MERGE_MAX);
    struct weir_source *source = source_new(count);
    if (!source)
        return weir_diag_set(diag, WEIR_E_NOMEM, "no memory to merge captures");
    struct merge *merge = source->state;
    struct weir_source_options own = options ? *options : (struct weir_source_options){0};
    source->first_interface = own.first_interface;
    own.first_interface = 0;
    int result = 0;
    while (merge->count < count && result == 0) {
        struct input *input = calloc(1, sizeof(*input));
        if (!input) {
            result = weir_diag_set(diag, WEIR_E_NOMEM, "no memory to merge captures");
            break;
        }
        result = weir_source_open(paths[merge->count], &own, &input->source, diag);
        if (result == 0)
            source->is_stored &= weir_source_is_stored(input->source);
        merge->inputs[merge->count++] = input;
    }
    if (result < 0) {
        weir_source_close(source);
        return result;
    }
    *ret_source = source;
    return 0;
}
